"""Changes made from an older version: merged where they can be, told side by side where they can't (R01, R02)."""

from typing import Any

import httpx
from sqlalchemy import delete

from cms.crud.policy import Role
from cms.editorial.history import FIRST_DRAFT, Revision
from tests.editorial.test_drafts import draft, live, save
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}
TEXT = "One.\n\nTwo.\n\nThree.\n"


async def change(
    installation: Installation, record: dict[str, Any], query: str = "?merge=true", role: Role = Role.EDITOR, **to: Any
) -> httpx.Response:
    """A change made from the version that `record` is."""
    etag = {"If-Match": f'"v{record["version"]}"'}
    return await installation.send("PATCH", f"/articles/{record['id']}{query}", role, json=to, headers=etag)


async def test_what_only_one_side_changed_is_combined(installation: Installation) -> None:
    for name in ("Rope", "Sail", "Net"):
        await installation.send("POST", "/tags", Role.EDITOR, json={"name": name})
    record = await live(installation, content=TEXT, tags=["rope", "sail"], excerpt="Before.")
    await change(installation, record, content="Zero.\n\nTwo.\n\nThree.\n", tags=["rope", "sail", "net"], title="Ebb")
    assert_problem(await change(installation, record, "", excerpt="Mine."), 412)
    merged = await change(
        installation, record, content="One.\n\nTwo.\n\nFour.\n", tags=["rope"], excerpt="Mine.", category=None
    )
    assert merged.status_code == 200, merged.text
    found = merged.json()
    assert (found["title"], found["excerpt"], found["content"]) == ("Ebb", "Mine.", "Zero.\n\nTwo.\n\nFour.\n")
    assert [tag["slug"] for tag in found["tags"]] == ["net", "rope"]
    assert found["version"] == record["version"] + 2
    again = await change(installation, record, title="Ebb")
    assert again.json()["version"] == found["version"]


async def test_a_true_overlap_is_told_and_nothing_is_written(installation: Installation) -> None:
    record = await live(installation)
    theirs = (await change(installation, record, title="Theirs", excerpt="Theirs.")).json()
    refused = await change(installation, record, title="Mine", content="Mine.")
    problem = assert_problem(refused, 409, "/title")
    assert problem["conflicts"] == {"title": {"base": "Tide", "mine": "Mine", "theirs": "Theirs"}}
    assert problem["current_version"] == theirs["version"]
    assert (await installation.send("GET", f"/articles/{record['id']}")).json() == theirs
    resolved = await change(installation, {**theirs, "version": problem["current_version"]}, title="Ours")
    assert resolved.json()["title"] == "Ours"


async def test_merging_is_for_every_type_and_asks_for_nothing_where_nothing_moved(installation: Installation) -> None:
    made = await installation.send("POST", "/categories", Role.EDITOR, json={"name": "News"})
    path, first = f"/categories/{made.json()['id']}?merge=true", {"If-Match": made.headers["ETag"]}
    await installation.send("PATCH", path, Role.EDITOR, json={"description": "All."}, headers=first)
    merged = await installation.send("PATCH", path, Role.EDITOR, json={"name": "Newest"}, headers=first)
    assert (merged.json()["name"], merged.json()["description"]) == ("Newest", "All.")
    forced = await installation.send("PATCH", path, Role.EDITOR, json={"name": "Any"}, headers=ANY)
    assert forced.json()["name"] == "Any"


async def test_a_base_that_is_not_kept_is_said_so(installation: Installation) -> None:
    record = await live(installation)
    await change(installation, record, title="Ebb")
    async with installation.database.session() as session:
        await session.execute(delete(Revision).where(Revision.version == record["version"]))
    refused = assert_problem(await change(installation, record, content="Mine."), 409)
    assert "is not kept any more" in refused["detail"]
    never = {**record, "version": 77}
    assert_problem(await change(installation, never, content="Mine."), 409)


async def test_what_can_not_be_merged_well_is_refused(installation: Installation) -> None:
    """Relations that are not there; texts that only together are too long."""
    record = await live(installation, content="One.\n\nTwo.\n")
    await change(installation, record, content="x" * 300_000 + "\n\nTwo.\n")
    assert_problem(await change(installation, record, tags=["unheard-of"]), 422, "/tags/0")
    assert_problem(await change(installation, record, category="unheard-of"), 422, "/category")
    assert_problem(await change(installation, record, content="One.\n\n" + "y" * 300_000 + "\n"), 422, "/content")


async def test_merging_needs_the_right_to_change(installation: Installation) -> None:
    record = await live(installation)
    assert_problem(await change(installation, record, role=Role.AUTHOR, title="Mine"), 403)
    own = (await installation.send("POST", "/articles", Role.AUTHOR, json={"title": "Own"})).json()
    await installation.send("PATCH", f"/articles/{own['id']}", Role.EDITOR, json={"title": "Ours"}, headers=ANY)
    refused = await change(installation, own, role=Role.AUTHOR, published_at="2026-01-01T00:00:00Z")
    assert_problem(refused, 403, "/published_at")


async def test_drafts_are_merged_too(installation: Installation) -> None:
    record = await live(installation, content=TEXT)
    first = (await save(installation, record["id"], title="Mine")).json()
    assert first["version"] > FIRST_DRAFT
    second = (await change(installation, first, "?draft=true", content="Zero.\n\nTwo.\n\nThree.\n")).json()
    merged = await change(installation, first, "?draft=true&merge=true", content="One.\n\nTwo.\n\nFour.\n")
    assert merged.status_code == 200, merged.text
    assert (merged.json()["title"], merged.json()["content"]) == ("Mine", "Zero.\n\nTwo.\n\nFour.\n")
    overlap = assert_problem(
        await change(installation, second, "?draft=true&merge=true", content="Zero.\n"), 409, "/content"
    )
    assert overlap["conflicts"]["content"]["theirs"] == "Zero.\n\nTwo.\n\nFour.\n"
    from_public = await change(installation, record, "?draft=true&merge=true", excerpt="From what is public.")
    assert (from_public.json()["excerpt"], from_public.json()["title"]) == ("From what is public.", "Mine")
    assert (await draft(installation, record["id"])).json() == from_public.json()


async def test_what_is_never_read_is_not_told_in_conflicts_either(installation: Installation) -> None:
    """R01; and B12: a field that REST only writes stays unread."""
    path = f"/users/{installation.actor(Role.READER).id}"
    first = {"If-Match": (await installation.send("GET", path, Role.ADMIN)).headers["ETag"]}
    for password in ("velvet gravel teapot", "copper lantern orchard"):
        answer = await installation.send(
            "PATCH", f"{path}?merge=true", Role.ADMIN, json={"password": password}, headers=first
        )
        assert answer.status_code in {200, 409}
        assert password not in answer.text
