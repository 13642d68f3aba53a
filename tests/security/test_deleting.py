"""Deleting and restoring (R42): no orphan, no surprise, and what comes back is what went."""

import hashlib
from typing import Any

import pytest

from cms.auth.accounts import create_user
from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import CommentStatus, comment
from cms.content.pages import page
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.editorial.dumps import dump
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import make_sample

ANY = {"If-Match": "*"}
POSTS = 100


async def checksum(installation: Installation) -> str:
    """One number for all content, whether in the trash or not."""
    rows = {name: await installation.rows(name) for name in sorted(await dump(installation))}
    aside = {"version", "updated_at"}
    kept = {n: [{k: v for k, v in row.items() if k not in aside} for row in rows[n]] for n in rows}
    return hashlib.sha256(repr(kept).encode()).hexdigest()


async def delete(installation: Installation, path: str, role: Role = Role.ADMIN) -> Any:
    return await installation.send("DELETE", path, role, headers=ANY)


@pytest.mark.parametrize("query", ["", "?permanent=true"])
async def test_a_user_who_wrote_something_stays(installation: Installation, query: str) -> None:
    """R42: a hundred articles, half of them in the trash."""
    async with installation.work() as work:
        writer = await create_user(work, "writer@example.org", Role.AUTHOR, "velvet gravel teapot")
    made = [
        await installation.make(article, title=f"T{number}", author=str(writer.id), published_at=utc_now())
        for number in range(POSTS)
    ]
    items = [{"id": str(record.id), "version": record.version} for record in made[::2]]
    body = {"action": "trash", "items": items}
    assert (await installation.send("POST", "/articles/bulk", Role.EDITOR, json=body)).status_code == 200
    before = await checksum(installation)
    refused = assert_problem(await delete(installation, f"/users/{writer.id}{query}"), 409)
    assert "and 95 more" in refused["detail"]
    assert await checksum(installation) == before


async def test_a_category_that_is_used_or_has_others_below_stays(installation: Installation) -> None:
    """R42: by what is in the trash, too, which could not come back without it."""
    news = await installation.make(category, name="News")
    local = await installation.make(category, name="Local", parent=str(news.id))
    made = await installation.make(article, title="Flood", category=str(local.id))
    assert (await delete(installation, f"/articles/{made.id}")).status_code == 204
    before = await checksum(installation)
    for record, used in ((news, "“Local”"), (local, "“Flood” (in the trash)")):
        for query in ("", "?permanent=true"):
            refused = assert_problem(await delete(installation, f"/categories/{record.id}{query}"), 409)
            assert used in refused["detail"]
    assert await checksum(installation) == before
    assert (await delete(installation, f"/articles/{made.id}?permanent=true")).status_code == 204
    for record in (local, news):
        assert (await delete(installation, f"/categories/{record.id}")).status_code == 204


async def test_a_file_that_is_used_stays(installation: Installation) -> None:
    """R42: as a cover and in a text, in the trash or not."""
    files = [await make_sample(installation, installation.registry.by_name("media"), number) for number in range(2)]
    await installation.make(article, title="Cover", cover=str(files[0].id))
    await installation.make(article, title="Text", content=f"![A buoy](media:{files[1].path})")
    for is_trashed in (False, True):
        for slug in ("cover", "text") if is_trashed else ():
            assert (await delete(installation, f"/articles/{slug}")).status_code == 204
        for record in files:
            assert_problem(await delete(installation, f"/media/{record.id}?permanent=true"), 409)
            assert (await installation.client.get(f"/media/{record.storage_key}")).status_code == 200


async def test_what_comes_back_is_what_went(installation: Installation) -> None:
    """R42: by checksum, with tags, comments, files and all that stands below."""
    tags = [await installation.make(installation.registry.by_name("tags"), name=name) for name in ("Rope", "Sail")]
    cover = await make_sample(installation, installation.registry.by_name("media"))
    host = await installation.make(
        article, title="Host", published_at=utc_now(), tags=[str(tag.id) for tag in tags], cover=str(cover.id)
    )
    first = await installation.make(
        comment, article=str(host.id), name="A", content="Yes.", status=CommentStatus.APPROVED
    )
    await installation.make(comment, article=str(host.id), parent=str(first.id), name="B", content="No.")
    above = await installation.make(page, title="Above", published_at=utc_now())
    await installation.make(page, title="Below", parent=str(above.id))
    before, seen = await checksum(installation), (await installation.send("GET", "/articles/host?include=comments"))
    for path in (f"/articles/{host.id}", f"/pages/{above.id}"):
        assert (await delete(installation, path)).status_code == 204
    assert await checksum(installation) != before
    for path in (f"/articles/{host.id}", f"/pages/{above.id}"):
        assert (await installation.send("POST", f"{path}/restore", Role.EDITOR)).status_code == 200
    assert await checksum(installation) == before
    again = (await installation.send("GET", "/articles/host?include=comments")).json()
    assert {name for name in again if again[name] != seen.json()[name]} == {"version", "updated_at"}


async def test_a_permanent_deletion_leaves_no_orphan(installation: Installation) -> None:
    """R42: nothing refers to what is gone, and what others need is there still."""
    tag = await installation.make(installation.registry.by_name("tags"), name="Rope")
    host = await installation.make(article, title="Host", published_at=utc_now(), tags=[str(tag.id)])
    await installation.make(comment, article=str(host.id), name="A", content="Yes.")
    changed = await installation.send(
        "PATCH", f"/articles/{host.id}?draft=true", Role.EDITOR, headers=ANY, json={"title": "New"}
    )
    assert changed.status_code == 200
    await delete(installation, "/articles/host")
    assert (await delete(installation, "/articles/host?permanent=true")).status_code == 204
    for table in ("articles", "comments", "article_tags", "drafts", "transitions"):
        assert await installation.rows(table) == [], table
    assert len(await installation.rows("tags")) == 1
