"""The same edit through every door leaves the same behind: rows, versions and events."""

from pathlib import Path
from typing import Any

from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.policy import Role
from cms.exchange.apply import apply
from tests.admin.browsing import Visitor
from tests.installation import Installation
from tests.samples import picture

TEXT = "Water *waits* for nobody."
OF_ITS_OWN = {"id", "created_at", "updated_at", "published_at", "occurred_at", "due_at", "record_id", "slug"}
"""What differs between two records in any case."""


async def footprint(installation: Installation, slug: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row of an article and the events about it, without what differs in any case."""
    row = next(row for row in await installation.rows("articles") if row["slug"] == slug)
    events = [event for event in await installation.rows("events") if event["record_id"] == row["id"]]
    return _comparable(row), [_comparable(event) for event in events]


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in OF_ITS_OWN}


async def history(installation: Installation, slug: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The revisions of an article and the change-sets that they belong to, without what differs in any case."""
    row = next(row for row in await installation.rows("articles") if row["slug"] == slug)
    revisions = [one for one in await installation.rows("revisions") if one["record_id"] == row["id"]]
    told = [
        {
            **_comparable(one),
            "content": _comparable(one["content"]),
            "before": {name: name if name in OF_ITS_OWN else value for name, value in one["before"].items()},
            "id": None,
            "change_set_id": None,
        }
        for one in revisions
    ]
    ids = [one["change_set_id"] for one in revisions]
    change_sets = {one["id"]: one for one in await installation.rows("change_sets")}
    return told, [_comparable(change_sets[one]) for one in ids]


async def by_rest(installation: Installation) -> None:
    body = {"title": "Tide", "slug": "rest", "content": TEXT, "category": "news", "tags": ["rope"]}
    made = await installation.send("POST", "/articles", Role.EDITOR, json=body)
    assert made.status_code == 201, made.text
    path = "/articles/rest"
    changed = await installation.send("PATCH", path, Role.EDITOR, json={"title": "Ebb", "version": 1})
    assert changed.status_code == 200, changed.text
    linked = {"category": None, "tags": ["sail", "rope"], "version": 2}
    assert (await installation.send("PATCH", path, Role.EDITOR, json=linked)).status_code == 200
    for verb in ("publish", "unpublish"):
        assert (await installation.send("POST", f"{path}/{verb}", Role.EDITOR)).status_code == 200


async def by_admin(installation: Installation) -> None:
    browser = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    news = next(row for row in await installation.rows("categories") if row["slug"] == "news")
    tags = {row["slug"]: str(row["id"]) for row in await installation.rows("tags")}
    blank = await browser.get("/article/create")
    links: dict[str, Any] = {"category": str(news["id"]), "tags": [tags["rope"]]}
    made = await browser.send_to("/admin/article/create", blank.edit, title="Tide", slug="admin", content=TEXT, **links)
    assert made.status == 303, made.text
    address = made.response.headers["location"]
    edited = await browser.send_to(address, (await browser.get(address)).edit, title="Ebb")
    assert edited.status == 303, edited.text
    links = {"category": "", "tags": [tags["sail"], tags["rope"]]}
    linked = await browser.send_to(address, (await browser.get(address)).edit, **links)
    assert linked.status == 303, linked.text
    for verb in ("publish", "unpublish"):
        opened = await browser.get(address)
        done = await browser.send_to(address.replace("/edit/", f"/{verb}/"), opened.edit)
        assert done.status == 303, done.text


async def by_files(installation: Installation, folder: Path) -> None:
    actor, state = installation.actor(Role.EDITOR), installation.app.state
    (folder / "articles").mkdir(parents=True)
    file = folder / "articles" / "files.md"
    front = "author: editor@example.org\ncategory: news\ntags: [rope]\n"
    other = "author: editor@example.org\ncategory: null\ntags: [sail, rope]\n"
    published = "published_at: 2026-01-01T00:00:00Z\n"
    steps = (
        f"title: Tide\n{front}", f"title: Ebb\n{front}", f"title: Ebb\n{other}", f"title: Ebb\n{other}{published}",
        f"title: Ebb\n{other}published_at: null\n",
    )  # fmt: skip
    for text in steps:
        file.write_text(f"---\n{text}---\n{TEXT}\n", encoding="utf-8")
        report = await apply(state.database, state.registry, state.reader, state.storage, folder, actor=actor)
        assert report.refused == []


async def by_all(installation: Installation, folder: Path) -> dict[str, str]:
    """The same through every door; the ids of what the articles are related to, by slug."""
    made = [await installation.make(category, name="News", slug="news")]
    made += [await installation.make(tag, name=name, slug=name.lower()) for name in ("Rope", "Sail")]
    await by_rest(installation)
    await by_admin(installation)
    await by_files(installation, folder / "content")
    return {record.slug: str(record.id) for record in made}


async def test_rest_admin_and_files_leave_the_same_behind(installation: Installation, tmp_path: Path) -> None:
    """D11: one change, one event, in the same transaction, by whichever door."""
    await by_all(installation, tmp_path)
    row, events = await footprint(installation, "rest")
    assert row["title"] == "Ebb"
    kinds = ("created", "updated", "updated", "published", "unpublished")
    assert [event["kind"] for event in events] == [f"article.{kind}" for kind in kinds]
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5]
    assert {event["actor_id"] for event in events} == {installation.actor(Role.EDITOR).id}
    for slug in ("admin", "files"):
        other_row, other_events = await footprint(installation, slug)
        assert other_row == row, slug
        assert [{**e, "id": None} for e in other_events] == [{**e, "id": None} for e in events], slug
    assert len(await installation.rows("article_tags")) == 6


async def test_rest_admin_and_files_leave_the_same_history(installation: Installation, tmp_path: Path) -> None:
    """D11: the door's name, and the request that came through it, aside."""
    tides = await by_all(installation, tmp_path)
    revisions, change_sets = await history(installation, "rest")
    assert [one["verb"] for one in revisions] == ["created", "updated", "updated", "published", "unpublished"]
    linked, published = {"category": tides["news"], "tags": [tides["rope"]]}, {"published_at": "published_at"}
    assert [one["before"] for one in revisions] == [{}, {"title": "Tide"}, linked, published, published]
    for slug in ("rest", "admin", "files"):
        other_revisions, other_sets = await history(installation, slug)
        assert other_revisions == revisions, slug
        assert {one["door"] for one in other_sets} == {slug}
        for one, other in zip(change_sets, other_sets, strict=True):
            assert {**one, "door": None, "request_id": None} == {**other, "door": None, "request_id": None}, slug
    assert all(one["request_id"] for one in change_sets)


async def test_rest_and_admin_keep_the_same_file(installation: Installation) -> None:
    browser = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    files = {"file": ("buoy.png", picture(3))}
    made = await installation.send("POST", "/media", Role.EDITOR, files=files, data={"alt": "A buoy"})
    assert made.status_code == 201, made.text
    token = await browser.token()
    other = {"file": ("buoy.png", picture(4))}
    again = await browser.call("POST", "/media/create", data={"csrf_token": token, "alt": "A buoy"}, files=other)
    assert again.status == 303, again.text
    first, second = await installation.rows("media")
    differing = {name for name in first if first[name] != second[name]}
    assert differing <= {"id", "path", "storage_key", "sha256", "size", "created_at", "updated_at", "search_text"}
    assert [row["path"] for row in (first, second)] == ["buoy.png", "buoy-2.png"]
