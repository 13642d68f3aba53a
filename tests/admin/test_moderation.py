"""The queue of comments: worked by keyboard alone, all or none at once, every decision taken back."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from admin.pages.moderation import PAGE_SIZE
from cms.content.articles import article
from cms.content.comments import comment
from cms.crud.policy import Role
from tests.admin.browsing import Visitor
from tests.admin.chromium import opened, served
from tests.admin.conftest import Visit
from tests.installation import Installation
from tests.statements import recorded

JSON = {"Accept": "application/json"}


async def write(installation: Installation, *texts: str, **values: Any) -> list[Any]:
    """Comments that wait, under one public article."""
    about = await installation.make(article, title="Slow tides", published_at="2026-01-01T00:00:00Z")
    shared = {"article": str(about.id), "name": "Ada", "email": "ada@example.org", "status": "pending", **values}
    return [await installation.make(comment, content=text, **shared) for text in texts]


async def post(visitor: Visitor, path: str, body: object) -> Any:
    headers = {**JSON, "X-CSRF-Token": await visitor.token(), "Content-Type": "application/json"}
    return (await visitor.call("POST", path, headers=headers, json=body)).response


async def statuses(installation: Installation) -> list[str]:
    return [str(row["status"]) for row in await installation.rows("comments")]


async def test_the_queue_shows_what_waits_with_its_thread(installation: Installation, visit: Visit) -> None:
    (first,) = await write(installation, "The **first** word.", status="approved")
    shared: dict[str, Any] = {
        "article": str(first.article_id),
        "status": "pending",
        "name": "Bo",
        "email": "bo@example.org",
    }
    second = await installation.make(comment, content="The second.", parent=str(first.id), **shared)
    await installation.make(comment, content="<script>window.hit=1</script> third", parent=str(second.id), **shared)
    editor = visit(Role.EDITOR)
    page = await editor.get("/moderation")
    assert page.text.count("bo@example.org") == 2
    assert page.html.index("The <strong>first</strong> word.") < page.html.index("<p>The second.")
    assert "<script>window.hit" not in page.html
    assert "The second." not in (await editor.get("/moderation?status=approved")).text
    for wrong in ("?status=best", "?page=0", "?page=x", "?page=9999999"):
        assert (await editor.get(f"/moderation{wrong}")).status in {400, 422}
    assert (await editor.get("/moderation?page=7")).response.headers["location"].endswith("page=1")


async def test_a_queue_costs_the_same_however_long(installation: Installation, editor: Visitor) -> None:
    made = await write(installation, "one", "two")

    async def cost() -> int:
        with recorded() as statements:
            assert (await editor.get("/moderation")).status == 200
        return len(statements)

    before = await cost()
    shared: dict[str, Any] = {
        "article": str(made[0].article_id),
        "status": "pending",
        "name": "Bo",
        "email": "bo@example.org",
    }
    for number in range(12):
        await installation.make(comment, content=f"again {number}", **shared)
    assert await cost() == before <= 6


async def test_several_are_decided_together_or_not_at_all(installation: Installation, editor: Visitor) -> None:
    one, two = await write(installation, "one", "two")
    stale = [
        {"id": str(one.id), "version": 1, "status": "approved"},
        {"id": str(two.id), "version": 9, "status": "spam"},
    ]
    refused = await post(editor, "/moderation/decide", {"items": stale})
    assert (refused.status_code, refused.json()["record_id"]) == (412, str(two.id))
    assert await statuses(installation) == ["pending", "pending"]
    answer = await post(editor, "/moderation/decide", {"items": [stale[0], {**stale[1], "version": 1}]})
    assert [item["version"] for item in answer.json()["items"]] == [2, 2]
    assert sorted(await statuses(installation)) == ["approved", "spam"]
    form = await editor.post("/moderation/reply", parent=str(one.id))
    assert form.status == 415, "a form is not waited for a second time"
    wrongs: tuple[object, ...] = (
        {},
        {"items": []},
        {"items": [{**stale[0], "status": "best"}]},
        {"items": [{**stale[0], "more": 1}]},
        [],
    )
    for wrong in wrongs:
        assert (await post(editor, "/moderation/decide", wrong)).status_code == 422


async def test_without_scripts_a_button_and_ticks_decide(installation: Installation, editor: Visitor) -> None:
    one, two = await write(installation, "one", "two")
    page = await editor.post("/moderation/decide", only=f"{one.id}:1:approved")
    assert page.response.headers["location"] == "/admin/moderation"
    assert "Approved: readers see it now." in (await editor.get("/moderation")).text
    await editor.post("/moderation/decide", records=[f"{one.id}:2", f"{two.id}:1"], status="rejected")
    assert await statuses(installation) == ["rejected", "rejected"]
    await editor.post("/moderation/decide", status="approved")
    assert "Tick at least one" in (await editor.get("/moderation")).text
    many = [f"{one.id}:{number}" for number in range(101)]
    assert (await editor.post("/moderation/decide", records=many, status="spam")).status == 400
    assert await statuses(installation) == ["rejected", "rejected"]


async def test_an_answer_is_the_sites_and_approves_what_it_answers(installation: Installation, editor: Visitor) -> None:
    (asked,) = await write(installation, "When is low water?")
    body = {"parent": str(asked.id), "version": 1, "content": "At *six*."}
    answer = await post(editor, "/moderation/reply", body)
    assert answer.status_code == 201
    question, reply = await installation.rows("comments")
    assert (question["status"], question["version"], reply["status"]) == ("approved", 2, "approved")
    assert (reply["name"], reply["author_id"], reply["parent_id"]) == ("Masthead", None, asked.id)
    assert (await post(editor, "/moderation/reply", body)).status_code == 412
    assert (await post(editor, "/moderation/reply", {**body, "version": 2, "content": ""})).status_code == 422
    deep = {**body, "version": 2, "content": "[" * 4_000}
    assert (await post(editor, "/moderation/reply", deep)).status_code in {201, 422}


async def test_a_reply_is_taken_back_with_what_it_approved(installation: Installation, editor: Visitor) -> None:
    (asked,) = await write(installation, "When is low water?")
    body = {"parent": str(asked.id), "version": 1, "content": "At six."}
    change = (await post(editor, "/moderation/reply", body)).json()["change_id"]
    back = await post(editor, "/moderation/unreply", {"comment": str(asked.id), "change": change})
    (question,) = await installation.rows("comments")
    assert back.json() == {"items": [{"id": str(asked.id), "version": question["version"]}]}
    assert question["status"] == "pending"
    again = await post(editor, "/moderation/unreply", {"comment": str(asked.id), "change": change})
    assert again.status_code == 409


class Desk:
    """A moderator at a keyboard, and the comments in the order in which they were written."""

    def __init__(self, page: Page, installation: Installation, made: list[Any]) -> None:
        self.cards = page.locator(".comment")
        self._page = page
        self._installation = installation
        self._made = made

    async def press(self, *keys: str, leaves: int) -> None:
        """Press keys one after the other; so many comments are left then."""
        for key in keys:
            await self._page.keyboard.press(key)
        await expect(self.cards).to_have_count(leaves)

    async def has_left(self, *wanted: str) -> None:
        rows = {str(row["id"]): str(row["status"]) for row in await self._installation.rows("comments")}
        assert [rows[str(record.id)] for record in self._made] == list(wanted)


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_moderation_by_keyboard_alone(installation: Installation, chromium: Browser) -> None:
    made = await write(installation, "one", "two", "three", "four")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("moderation")
        desk = Desk(page, installation, made)
        await desk.press("j", "j", "k", leaves=4)
        await expect(desk.cards.first).to_be_focused()
        await desk.press("a", leaves=3)
        await expect(page.get_by_role("status").last).to_contain_text("Approved.")
        await expect(desk.cards.first).to_be_focused()
        await expect(page.locator(".side .nav-count").last).to_have_text("3, 3 waiting")
        await desk.press("s", leaves=2)
        await desk.press("j", "d", leaves=1)
        await desk.has_left("approved", "spam", "pending", "rejected")
        await desk.press("u", leaves=2)
        await expect(desk.cards.last).to_be_focused()
        await desk.press("u", leaves=3)
        await desk.has_left("approved", "pending", "pending", "pending")
        await desk.press("x", "j", "x", leaves=3)
        await desk.press("d", leaves=1)
        await desk.has_left("approved", "rejected", "rejected", "pending")


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_a_reply_by_keyboard_is_taken_back_before_what_came_before_it(
    installation: Installation, chromium: Browser
) -> None:
    made = await write(installation, "one", "two")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("moderation")
        desk = Desk(page, installation, made)
        await desk.press("j", "d", leaves=1)
        await desk.press("r", leaves=1)
        await page.keyboard.type("At six; aaa, sss.")
        await desk.press("Control+Enter", leaves=0)
        await expect(page.get_by_role("heading", name="Nobody is waiting")).to_be_visible()
        await expect(page.locator(".side .nav-count").last).to_be_hidden()
        await desk.has_left("rejected", "approved")
        await desk.press("u", leaves=1)
        await desk.has_left("rejected", "pending")
        assert len(await installation.rows("comments")) == 2, "the reply is gone"
        await desk.press("u", leaves=2)
        await expect(page.locator(".side .nav-count").last).to_have_text("2, 2 waiting")
        await desk.press("j", "a", leaves=1)
        await desk.has_left("pending", "approved")


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_a_queue_longer_than_its_page_goes_on_and_is_taken_back_as_a_whole(
    installation: Installation, chromium: Browser
) -> None:
    made = await write(installation, *(f"Word {number}" for number in range(PAGE_SIZE + 2)))
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("moderation")
        desk = Desk(page, installation, made)
        await page.get_by_label("Tick all").check()
        await page.locator("[data-bulk]").get_by_role("button", name="Spam").click()
        await expect(desk.cards).to_have_count(2)
        await expect(desk.cards.first).to_be_focused()
        await desk.press("a", leaves=1)
        await desk.press("u", leaves=2)
        await desk.press("u", leaves=PAGE_SIZE + 2)
        await desk.has_left(*["pending"] * (PAGE_SIZE + 2))


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_of_many_the_one_that_stands_in_the_way_is_named_and_a_typed_reply_stays(
    installation: Installation, chromium: Browser
) -> None:
    made = await write(installation, "one", "two", "three")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("moderation")
        desk = Desk(page, installation, made)
        changed = await installation.send(
            "PATCH", f"/comments/{made[1].id}", Role.ADMIN, json={"content": "Two."}, headers={"If-Match": "*"}
        )
        assert changed.status_code == 200, changed.text
        await page.get_by_label("Tick all").check()
        await desk.press("j", "a", leaves=3)
        await expect(page.get_by_role("alert")).to_contain_text("Nothing was decided, because of the comment of Ada")
        await expect(desk.cards.nth(1)).to_be_focused()
        await desk.press("a", leaves=1)
        await desk.has_left("approved", "pending", "approved")
        await page.keyboard.press("r")
        await page.keyboard.type("At six.")
        await page.get_by_role("button", name="Reject").click()
        await expect(page.get_by_role("alert").last).to_contain_text("a reply that is not sent")
        await expect(page.get_by_label("Reply as the site")).to_be_focused()
        await expect(page.get_by_label("Reply as the site")).to_have_value("At six.")
        await page.get_by_role("button", name="Cancel").click()
        window.noise.clear()  # the refusal
