"""Trees in the back office: shown whole, moved record by record, and never into a knot."""

from typing import Any

import pytest

from admin import trees
from cms.content.articles import article
from cms.content.categories import category
from cms.content.pages import page as page_type
from cms.crud.policy import Role
from tests.admin.browsing import Page, Visitor
from tests.installation import Installation
from tests.problems import assert_problem
from tests.statements import recorded

MOST_STATEMENTS = 15


async def move(visitor: Visitor, record: Any, parent: Any = None, after: Any = None, **over: Any) -> Page:
    """What the page's script sends once a record was dropped somewhere."""
    body = {"version": 1, "parent": parent and str(parent.id), "after": after and str(after.id), **over}
    headers = {"X-CSRF-Token": await visitor.token(), "Accept": "application/json"}
    return await visitor.call("POST", f"/category/move/{record.id}", json=body, headers=headers)


async def tree(installation: Installation) -> dict[str, str]:
    return {row["slug"]: row["path"] for row in await installation.rows("categories")}


async def test_the_tree_shows_all_of_it_in_order(installation: Installation, editor: Visitor) -> None:
    news = await installation.make(category, name="News", position=7)
    await installation.make(category, name="Local", parent=str(news.id))
    await installation.make(category, name="<b>Sea</b>", position=3)
    page = await editor.get("/category/tree")
    assert page.html.index("&lt;b&gt;Sea") < page.html.index(">News</a>") < page.html.index(">Local</a>")
    assert f"edit/{news.id}" in page.links
    assert "/admin/category/list" in page.links
    assert "/admin/category/tree" in (await editor.get("/category/list")).links
    assert "/admin/tag/tree" not in (await editor.get("/tag/list")).links


async def test_pages_tell_where_they_stand_and_what_is_in_the_trash_is_not_there(
    installation: Installation, editor: Visitor
) -> None:
    about = await installation.make(page_type, title="About")
    gone = await installation.make(page_type, title="Gone")
    await editor.post("/page/bulk", action="delete", records=f"{gone.id}:1")
    await editor.post(f"/page/publish/{about.id}", _version="1")
    html = (await editor.get("/page/tree")).html
    assert "badge-published" in html
    assert "Gone" not in html


async def test_an_empty_tree_says_what_to_do(editor: Visitor) -> None:
    assert "There are no categories yet" in (await editor.get("/category/tree")).text


async def test_a_tree_that_is_too_large_leads_to_the_list(
    installation: Installation, editor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MOST", 2)
    for name in "abc":
        await installation.make(category, name=name)
    page = await editor.get("/category/tree")
    assert "This tree is too large to show" in page.text
    assert "/admin/category/list" in page.links


async def test_a_move_is_saved_at_once_and_taken_back(installation: Installation, editor: Visitor) -> None:
    a, b, c = [await installation.make(category, name=name) for name in "abc"]
    answer = (await move(editor, c, a)).response.json()
    assert answer["versions"] == {str(c.id): 2}
    assert await tree(installation) == {"a": "/a", "b": "/b", "c": "/a/c"}
    answer = (await move(editor, b, a, c)).response.json()
    again = (await move(editor, b, a, c, version=answer["versions"][str(b.id)])).response.json()
    assert again["change"] is None, "it stands there already"
    await editor.post(f"/undo/{answer['change']}")
    assert (await tree(installation))["b"] == "/b"
    rows = await installation.rows("change_sets")
    assert rows[-1]["door"] == "admin"


async def test_a_stale_move_and_a_knot_are_told_and_change_nothing(installation: Installation, editor: Visitor) -> None:
    a, b = [await installation.make(category, name=name) for name in "ab"]
    await move(editor, b, a)
    before = await installation.rows("categories")
    stale = await move(editor, b)
    assert_problem(stale.response, 412)
    knot = await move(editor, a, b)
    assert "can't be placed below itself" in assert_problem(knot.response, 422, "/parent")["detail"]
    lost = await move(editor, a, after=b)
    assert "somewhere else by now" in assert_problem(lost.response, 409)["detail"]
    nowhere = await move(editor, a, parent=None, after=None, parent_id="x")
    assert_problem(nowhere.response, 422)
    gone = await installation.make(article, title="No category")
    assert_problem((await move(editor, a, gone)).response, 422, "/parent")
    assert await installation.rows("categories") == before


async def test_no_move_takes_more_statements_the_more_there_are(installation: Installation, editor: Visitor) -> None:
    """Even where all five hundred siblings have to make room."""
    async with installation.work(Role.EDITOR) as work:
        made = [
            category.model(name=f"C{number:03}", slug=f"c{number:03}", path=f"/c{number:03}") for number in range(500)
        ]
        work.session.add_all(made)
    token = await editor.token()
    for after, wrote in ((made[250], 500), (made[100], 1)):
        moved = made[-1]
        body = {"version": 1 if wrote > 1 else 2, "parent": None, "after": str(after.id)}
        with recorded() as statements:
            page = await editor.call("POST", f"/category/move/{moved.id}", json=body, headers={"X-CSRF-Token": token})
        assert len(page.response.json()["versions"]) == wrote
        assert len(statements) <= MOST_STATEMENTS, statements
    child = made[0]
    body = {"version": 2, "parent": str(made[1].id), "after": None}
    with recorded() as statements:
        page = await editor.call("POST", f"/category/move/{child.id}", json=body, headers={"X-CSRF-Token": token})
    assert page.status == 200
    assert len(statements) <= MOST_STATEMENTS, statements
    with recorded() as statements:
        page = await editor.get("/category/tree")
    assert page.html.count("data-item=") == 500
    assert len(statements) <= MOST_STATEMENTS
