"""Menus, redirects and the settings of the site: their own few rules."""

from typing import Any

import pytest

from cms.crud.policy import Role
from tests.installation import Installation
from tests.problems import assert_problem

ANY = {"If-Match": "*"}


def nested(levels: int) -> dict[str, Any]:
    return {"label": "L", "url": "/", "items": [nested(levels - 1)] if levels > 1 else []}


async def post(installation: Installation, path: str, **body: Any) -> Any:
    return await installation.send("POST", path, Role.EDITOR, json=body)


async def test_a_menu_keeps_its_items_in_order_and_depth(installation: Installation) -> None:
    items = [nested(4), {"label": "B", "url": "https://example.org/b", "items": []}]
    made = await post(installation, "/menus", title="Main", items=items)
    assert made.status_code == 201, made.text
    found = (await installation.send("GET", "/menus/main")).json()
    assert found["items"] == items


async def test_a_menu_is_neither_too_deep_nor_too_long(installation: Installation) -> None:
    assert_problem(await post(installation, "/menus", title="Deep", items=[nested(5)]), 422)
    assert_problem(await post(installation, "/menus", title="Long", items=[nested(1)] * 51), 422, "/items")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "about", "data:text/html,x", "/\\evil"])
async def test_links_lead_to_pages(installation: Installation, url: str) -> None:
    item = {"label": "X", "url": url}
    assert_problem(await post(installation, "/menus", title="M", items=[item]), 422, "/items/0/url")
    assert_problem(await post(installation, "/redirects", source="/a", target=url), 422, "/target")


async def test_a_link_may_have_no_other_member(installation: Installation) -> None:
    """H17."""
    item = {"label": "X", "url": "/", "onclick": "x"}
    assert_problem(await post(installation, "/menus", title="M", items=[item]), 422, "/items/0/onclick")


async def test_a_redirect_does_not_lead_to_itself(installation: Installation) -> None:
    assert_problem(await post(installation, "/redirects", source="/a", target="/a"), 422, "/target")
    made = (await post(installation, "/redirects", source="/a", target="/b")).json()
    path = f"/redirects/{made['id']}"
    refused = await installation.send("PATCH", path, Role.EDITOR, headers=ANY, json={"target": "/a"})
    assert_problem(refused, 422, "/target")


async def test_a_redirect_has_one_source_and_a_status_that_redirects(installation: Installation) -> None:
    made = await post(installation, "/redirects", source="/a", target="/b")
    assert made.json()["status"] == 301
    assert_problem(await post(installation, "/redirects", source="/a", target="/c"), 409, "/source")
    for status in (200, 404, 300, -1):
        refused = await post(installation, "/redirects", source="/d", target="/c", status=status)
        assert_problem(refused, 422, "/status")
    for status in (301, 302, 307, 308):
        made = await post(installation, "/redirects", source=f"/{status}", target="/c", status=status)
        assert made.json()["status"] == status


async def test_there_is_one_record_of_settings(installation: Installation) -> None:
    first = await installation.send("GET", "/site")
    assert first.json()["allow_anonymous_comments"] is True
    for method in ("POST", "PUT", "DELETE"):
        assert_problem(await installation.send(method, "/site", Role.ADMIN, headers=ANY, json={}), 405)
    assert_problem(await installation.send("GET", f"/site/{first.json()['id']}"), 404)
    changed = await installation.send("PATCH", "/site", Role.ADMIN, headers=ANY, json={"title": "Tides"})
    assert changed.json()["title"] == "Tides"
    assert len(await installation.rows("site")) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("timezone", "Mars/Olympus"), ("posts_per_page", 0), ("posts_per_page", 101), ("title", "")]
)
async def test_settings_make_sense(installation: Installation, name: str, value: Any) -> None:
    refused = await installation.send("PATCH", "/site", Role.ADMIN, headers=ANY, json={name: value})
    assert_problem(refused, 422, f"/{name}")
