"""Saved views: a user's own lists by name, their columns, and that they are nobody else's."""

from datetime import timedelta

import pytest

from cms.auth.saved_views import MOST_VIEWS
from cms.content.articles import article
from cms.content.tags import tag
from cms.crud.fields import utc_now
from tests.admin.browsing import Page, Visitor
from tests.admin.test_lists import ticked
from tests.installation import Installation


async def saved(visitor: Visitor, name: str, query: str) -> str:
    """Where a view that was just saved is shown."""
    made = await visitor.post("/article/views", verb="save", name=name, query=query)
    assert made.status == 303, made.text
    return made.response.headers["location"]


def heads(page: Page) -> list[str]:
    """The heads of the columns."""
    return [part.partition("<")[0] for part in page.html.partition("</thead>")[0].split('<th><a href="')[1:]]


async def test_a_view_is_a_tab_with_its_filters_and_order(installation: Installation, editor: Visitor) -> None:
    for number, title in enumerate(("Ebb", "Flood", "Slack")):
        at = utc_now() - timedelta(days=number) if number else None
        await installation.make(article, title=title, published_at=at)
    path = await saved(editor, "  Out,  by   name ", "sort=title&status=published")
    page = await editor.get(path)
    assert "This view is saved." in page.text
    assert ticked(page) == ["Flood", "Slack"]
    assert "Out, by name" in (await editor.get("/article/list")).text
    changed = await editor.get(f"{path}&q=sla")
    assert ticked(changed) == ["Slack"]
    assert ", changed" in changed.text
    view = path.partition("view=")[2].partition("&")[0]
    kept = changed.form("/views").fields["query"][0]
    updated = await editor.post("/article/views", verb="update", view=view, query=kept)
    assert ticked(await editor.get(updated.response.headers["location"])) == ["Slack"]


async def test_views_are_renamed_moved_and_deleted(editor: Visitor) -> None:
    views = [(await saved(editor, name, f"q={name}")).partition("view=")[2][:36] for name in ("one", "two", "three")]

    async def names() -> list[str]:
        page = await editor.get("/article/list")
        return [part.partition("<")[0] for part in page.html.split('bookmark"></use></svg>')[1:]][:-1]

    assert await names() == ["one", "two", "three"]
    await editor.post("/article/views", verb="earlier", view=views[2], query="")
    await editor.post("/article/views", verb="later", view=views[0], query="")
    assert await names() == ["three", "one", "two"]
    await editor.post("/article/views", verb="later", view=views[1], query="")
    assert await names() == ["three", "one", "two"], "at the end it stays"
    await editor.post("/article/views", verb="rename", view=views[1], name="Second", query="")
    gone = await editor.post("/article/views", verb="delete", view=views[2], query="q=three")
    assert gone.response.headers["location"] == "/admin/article/list?q=three", "one click brings it back"
    assert await names() == ["one", "Second"]


async def test_columns_are_kept_for_each_list_and_view(installation: Installation, editor: Visitor) -> None:
    await installation.make(tag, name="Rope")
    await installation.make(article, title="Slow tides", tags=["rope"])
    path = await saved(editor, "Mine", "sort=title")
    view = path.partition("view=")[2][:36]
    await editor.post("/article/columns", view="", query="", columns=["tags", "slug", "updated_at"])
    page = await editor.get("/article/list")
    for text in ("Tags", "Rope", "Updated at", "slow-tides"):
        assert text in page.text
    assert 'data-label="Category"' not in page.html
    assert 'data-label="Category"' in (await editor.get(path)).html, "the view has its own"
    alike = await editor.get(await saved(editor, "Alike", "sort=slug"))
    assert 'data-label="Category"' not in alike.html, "it shows what the list showed that was saved"
    assert "slow-tides" in alike.text
    assert 'data-label="Title"' in page.html, "what names a record always stands"
    await editor.post("/article/columns", view=view, query="sort=title", columns=["title"])
    assert 'data-label="Category"' not in (await editor.get(path)).html
    await editor.post("/article/columns", verb="usual", view="", query="", columns=["tags"])
    assert 'data-label="Category"' in (await editor.get("/article/list")).html


async def test_views_are_nobody_elses(installation: Installation, editor: Visitor, admin: Visitor) -> None:
    path = await saved(editor, "Mine", "status=draft")
    view = path.partition("view=")[2][:36]
    assert "Mine" not in (await admin.get("/article/list")).text
    for verb in ("rename", "update", "delete", "earlier"):
        refused = await admin.post("/article/views", verb=verb, view=view, name="Theirs", query="")
        assert refused.status == 404, verb
    assert (await admin.post("/article/columns", view=view, query="", columns=["title"])).status == 404
    assert [row["name"] for row in await installation.rows("saved_views")] == ["Mine"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"verb": "save", "name": " "}, 422),
        ({"verb": "save", "name": "x" * 41}, 422),
        ({"verb": "save", "name": "taken"}, 409),
        ({"verb": "save", "name": "New", "query": "password=x"}, 400),
        ({"verb": "save", "name": "New", "query": "q=" + "x" * 3_000}, 400),
        ({"verb": "rename", "name": "New", "view": "x"}, 404),
        ({"verb": "rename", "name": "New"}, 404),
        ({"verb": "explode", "name": "New", "view": "00000000-0000-7000-8000-000000000001"}, 400),
    ],
)
async def test_what_is_no_view_is_refused(
    installation: Installation, editor: Visitor, sent: dict[str, str], status: int
) -> None:
    await saved(editor, "Taken", "")
    assert (await editor.post("/article/views", **sent)).status == status
    assert (await editor.post("/article/columns", columns=["password"])).status == 400
    assert len(await installation.rows("saved_views")) == 1


async def test_there_is_an_end_to_views(editor: Visitor) -> None:
    for number in range(MOST_VIEWS):
        await saved(editor, f"View {number}", "")
    refused = await editor.post("/article/views", verb="save", name="One more", query="")
    assert refused.status == 422
    assert "delete one first" in refused.text
