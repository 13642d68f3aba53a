"""The frame of every page: who sees which menu, what waits, search over everything, themes, errors for scripts."""

import gzip
import re

import pytest
from playwright.async_api import Browser, expect

from admin.assets import STATIC, fingerprints
from admin.menu import GROUPS
from admin.notices import Notice, read_notice
from cms.content.articles import article
from cms.content.comments import comment
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.chromium import opened, served
from tests.admin.conftest import Visit
from tests.installation import Installation

JSON = {"Accept": "application/json"}
CHANGE = "019abcde-0000-7000-8000-000000000001"


def menu_links(page_links: list[str]) -> set[str]:
    return {link for link in page_links if link.endswith("/list")}


async def test_a_menu_leads_where_the_role_may_go_and_nowhere_else(installation: Installation, visit: Visit) -> None:
    menus = {}
    for role in (Role.AUTHOR, Role.EDITOR, Role.ADMIN):
        visitor = visit(role)
        menus[role] = menu_links((await visitor.get("/search")).links)
        for link in menus[Role.ADMIN] if role is Role.ADMIN else menus[role]:
            assert (await visitor.get(link)).status in {200, 303}, link
    assert menus[Role.AUTHOR] < menus[Role.EDITOR] < menus[Role.ADMIN]
    assert (await visit(Role.EDITOR).get("/user/list")).status == 403


async def test_the_menu_tells_what_waits_for_editors_alone(installation: Installation, visit: Visit) -> None:
    made = await installation.make(article, title="Slow tides", published_at="2026-01-01T00:00:00Z")
    for number in range(3):
        await installation.make(comment, article=str(made.id), content=f"Nice, {number}.", status="pending")
    assert "3 waiting" in (await visit(Role.EDITOR).get("/search")).text
    assert "waiting" not in (await visit(Role.AUTHOR).get("/search")).text


async def test_groups_stand_in_their_order(admin: Visitor) -> None:
    text = (await admin.get("/search")).text
    places = [text.index(f" {group} ") for group in GROUPS if group]
    assert places == sorted(places)


async def test_the_menu_counts_changes_in_review_to_what_is_published(installation: Installation, visit: Visit) -> None:
    """They have a place in the list of what is in review, and on the dashboard."""
    await installation.make(article, Role.AUTHOR, title="Slow tides")
    who, time = str(installation.actor(Role.AUTHOR).id), "2026-01-01T00:00:00Z"
    live = await installation.make(article, title="Fast winds", author=who, published_at=time)
    author, editor = visit(Role.AUTHOR), visit(Role.EDITOR)
    listed = await author.get("/article/list")
    assert f"/admin/article/edit/{live.id}" in listed.links, "authors propose changes to what they have published"
    form = (await author.get(f"/article/edit/{live.id}")).edit
    await author.send(form, title="Faster winds", _then="submit")
    assert "1 waiting" in (await editor.get("/search")).text
    assert "Fast winds" in (await editor.get("/")).html.partition('id="review-head"')[2].partition("</section>")[0]
    waiting = await editor.get("/article/list?status=in_review")
    assert f"/admin/article/edit/{live.id}" in waiting.links
    assert f"/admin/article/edit/{live.id}" not in (await author.get("/article/list?status=in_review")).links
    await editor.send((await editor.get(f"/article/edit/{live.id}")).edit, _then="publish")
    assert "1 waiting" not in (await editor.get("/search")).text


async def test_search_finds_across_types_what_the_actor_may_see(installation: Installation, visit: Visit) -> None:
    mine = await installation.make(article, Role.AUTHOR, title="Slow tides")
    theirs = await installation.make(article, title="Slow boats")
    editor, author = visit(Role.EDITOR), visit(Role.AUTHOR)
    found = (await editor.get("/search?q=slow", headers=JSON)).response.json()["results"]
    assert {result["id"] for result in found} == {str(mine.id), str(theirs.id)}
    first = next(result for result in found if result["id"] == str(mine.id))
    assert first["url"] == f"/admin/article/edit/{mine.id}"
    assert (first["type"], first["title"], first["status"], first["public_url"]) == (
        "article",
        "Slow tides",
        "draft",
        None,
    )
    own = (await author.get("/search?q=slow", headers=JSON)).response.json()["results"]
    assert [result["id"] for result in own] == [str(mine.id)]
    out = await installation.make(article, title="Slow tidings", published_at="2026-01-01T00:00:00Z")
    (read,) = (await author.get("/search?q=tidings", headers=JSON)).response.json()["results"]
    assert read["url"] == f"/admin/article/details/{out.id}", "where an author is not refused"
    assert "Slow tides" in (await editor.get("/search?q=slow")).text
    assert (await editor.get("/search?q=slow&types=page", headers=JSON)).response.json() == {"results": []}
    refused = await editor.get("/search?types=secrets", headers=JSON)
    assert (refused.status, refused.response.headers["content-type"]) == (400, "application/problem+json")
    assert (await editor.get(f"/search?q={'x' * 201}")).status == 400
    assert (await editor.get("/search?q=%00", headers=JSON)).response.json() == {"results": []}


async def test_scripts_get_problems_they_can_show(visit: Visit) -> None:
    ended = await visit(Role.ANONYMOUS).get("/search?q=x", headers=JSON)
    assert (ended.status, ended.response.json()["detail"][:23]) == (401, "Your session has ended.")
    forged = await visit(Role.EDITOR).call("POST", "/article/bulk", headers=JSON)
    assert (forged.status, forged.response.json()["status"]) == (403, 403)
    lost = await visit(Role.EDITOR).get("/nothing/at/all", headers=JSON)
    assert (lost.status, lost.response.json()["title"]) == (404, "Not Found")


async def test_assets_are_compressed_once_and_kept_for_good(editor: Visitor) -> None:
    packed = await editor.get(f"/static/admin.css?v={fingerprints()['admin.css']}", headers={"Accept-Encoding": "gzip"})
    plain = await editor.get(
        f"/static/admin.css?v={fingerprints()['admin.css']}", headers={"Accept-Encoding": "identity"}
    )
    assert packed.response.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.response.headers
    assert packed.html == plain.html
    assert int(packed.response.headers["content-length"]) < len(gzip.compress(plain.html.encode(), 6)) + 64
    for page in (packed, plain):
        assert page.response.headers["cache-control"].endswith("immutable")
        assert "Accept-Encoding" in page.response.headers["vary"]
    sheet = await editor.get(f"/static/frame.css?v={fingerprints()['frame.css']}", headers={"Accept-Encoding": "gzip"})
    assert sheet.html == (await editor.get("/static/tokens.css")).html + plain.html
    assert sheet.response.headers["content-type"] == plain.response.headers["content-type"]
    assert (sheet.response.headers["content-encoding"], sheet.response.headers["cache-control"]) == (
        "gzip", packed.response.headers["cache-control"],
    )  # fmt: skip
    tag = plain.response.headers["etag"]
    again = await editor.get("/static/admin.css", headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
    assert (again.status, again.html) == (304, "")
    unversioned = await editor.get("/static/core.js")
    assert unversioned.response.headers["cache-control"] == "private, no-cache", "its address never changes"
    other = await editor.get("/static/core.js?v=0123456789ab")
    assert other.response.headers["cache-control"] == "private, no-cache", "another process has another one"


async def test_every_script_is_asked_for_in_the_state_that_it_has(editor: Visitor) -> None:
    """One address each, wherever it is named: browsers keep them for good, and run each of them once."""
    addresses = dict[str, set[str]]()
    for script in (path.name for path in STATIC.glob("*.js")):
        html = (await editor.get(f"/static/{script}?v=1")).html
        for name, version in re.findall(r'(?:from ?|import\()"\./([^"?]+)([^"]*)"', html):
            addresses.setdefault(name, set()).add(version)
    assert {"core.js", "media.js", "media-picker.js", "tree.js"} <= set(addresses)
    assert all(versions == {f"?v={fingerprints()[name]}"} for name, versions in addresses.items()), addresses


async def test_a_theme_is_drawn_from_the_first_byte(editor: Visitor) -> None:
    assert "data-theme=" not in (await editor.get("/search")).html
    editor.cookies["masthead-theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in (await editor.get("/search")).html
    editor.cookies["masthead-theme"] = '"><script>'
    assert "data-theme=" not in (await editor.get("/search")).html


@pytest.mark.parametrize(
    "notice", [Notice("saved"), Notice("trashed", many=3, change_id=CHANGE), Notice("saved", None, None, None, CHANGE)]
)
def test_a_notice_comes_back_from_its_cookie(notice: Notice) -> None:
    assert read_notice(notice.write()) == notice


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_the_frame_is_used_by_keyboard(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow tides")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("article/list")
        await page.keyboard.press("Control+k")
        box = page.get_by_role("combobox", name="Search anything")
        await expect(box).to_be_focused()
        await page.keyboard.type("slow ti")
        await expect(page.get_by_role("dialog").get_by_role("option").first).to_contain_text("Slow tides")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/admin/article/edit/{made.id}")
        await page.goto("/admin/article/list")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Search anything")
        await page.keyboard.press("Escape")
        await page.get_by_label("Account of Editor").press("Enter")
        await page.get_by_role("button", name="Dark").press("Enter")
        await page.keyboard.press("Escape")
        await expect(page.get_by_label("Account of Editor")).to_be_focused()
        await page.reload()
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 23, 21)"
        await page.set_viewport_size({"width": 390, "height": 844})
        await expect(page.get_by_role("link", name="Comments")).to_be_hidden()
        await page.get_by_role("button", name="Menu").press("Enter")
        await expect(page.get_by_role("link", name="Dashboard")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("link", name="Comments")).to_be_hidden()


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_d17_back_after_signing_out_shows_nothing(installation: Installation, chromium: Browser) -> None:
    await installation.make(article, title="Slow tides")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("article/list")
        await expect(page.get_by_role("link", name="Slow tides")).to_be_visible()
        await page.get_by_label("Account of Editor").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await page.go_back()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert "Slow tides" not in await page.content()


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_without_scripts_the_menu_of_a_phone_is_open(installation: Installation, chromium: Browser) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "java_script_enabled": False}
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR, **phone) as window:
        page = await window.open("search")
        await expect(page.get_by_role("link", name="Comments")).to_be_visible()
