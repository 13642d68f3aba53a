"""Writing: what is typed saves itself, survives crashes and lost sessions, and never overwrites anybody."""

import asyncio
import re
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect
from sqlalchemy import delete

from cms.auth.sessions import SessionKind, UserSession, open_session
from cms.content.articles import article
from cms.content.categories import category
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.browsing import Form, Visitor
from tests.admin.chromium import FLAGS, chromium_path, opened, served
from tests.admin.conftest import Visit
from tests.installation import Installation
from tests.security.serving import served as running

JSON = {"Accept": "application/json"}
SAVED = re.compile(r"^Saved \d")
KEPT = "JSON.stringify(localStorage)"
"""What the browser keeps."""


async def autosave(visitor: Visitor, form: Form, path: str, **changes: Any) -> Any:
    data = {**form.fields, **changes}
    return (await visitor.call("POST", f"/article/autosave{path}", data=data, headers=JSON)).response


async def test_a_new_record_is_made_by_its_first_save(installation: Installation, editor: Visitor) -> None:
    form = (await editor.get("/article/create")).edit
    untitled = await autosave(editor, form, "", content="Kept.")
    assert (untitled.status_code, untitled.json()["errors"][0]["pointer"]) == (422, "/title")
    made = (await autosave(editor, form, "", title="Slow")).json()
    assert made["url"] == f"/admin/article/edit/{made['id']}"
    assert (made["version"], made["primary"], made["is_draft"]) == (1, ["publish", "Publish"], False)
    again = {"_version": str(made["version"]), "_base": made["base"], "title": "Slow tides", "slug": "slow"}
    saved = (await autosave(editor, form, f"/{made['id']}", **again)).json()
    assert "version" in saved, saved["errors"]
    (row,) = await installation.rows("articles")
    assert (saved["version"], row["title"], row["slug"]) == (2, "Slow tides", "slow")
    proposed = await editor.get(f"/article/slug?title=Slow+tides&id={made['id']}", headers=JSON)
    assert proposed.response.json() == {"slug": "slow-tides"}
    await installation.make(article, title="Slow tides")
    proposed = await editor.get(f"/article/slug?title=Slow+tides&id={made['id']}", headers=JSON)
    assert proposed.response.json() == {"slug": "slow-tides-2"}
    assert (await editor.get("/article/slug?title=" + "x" * 300)).status == 400
    assert (await editor.get("/comment/slug?title=x")).status == 404


async def test_a_live_record_is_saved_beside_what_readers_see(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(article, title="Slow", published_at=utc_now())
    form = (await editor.get(f"/article/edit/{made.id}")).edit
    saved = (await autosave(editor, form, f"/{made.id}", title="Ebb")).json()
    assert saved["is_draft"] is True
    assert saved["primary"] == ["publish", "Publish changes"]
    assert (await installation.send("GET", f"/articles/{made.id}")).json()["title"] == "Slow"


async def test_two_that_overlap_are_told_and_two_that_do_not_are_merged(
    installation: Installation, editor: Visitor, admin: Visitor
) -> None:
    made = await installation.make(article, title="Slow", excerpt="Old.")
    path = f"/{made.id}"
    mine, theirs = [(await who.get(f"/article/edit/{made.id}")).edit for who in (editor, admin)]
    assert (await autosave(admin, theirs, path, excerpt="Theirs.")).status_code == 200
    merged = (await autosave(editor, mine, path, title="Mine")).json()
    assert (merged["version"], merged["is_merged"], merged["fields"]["excerpt"]["value"]) == (3, True, "Theirs.")
    clash = await autosave(editor, mine, path, excerpt="Mine.")
    assert clash.status_code == 409
    conflict = clash.json()["conflicts"]["excerpt"]
    assert (conflict["base"], conflict["mine"], conflict["theirs"]) == ("Old.", "Mine.", "Theirs.")
    assert clash.json()["current_version"] == 3
    without = await autosave(editor, mine, path, _version="", excerpt="Mine.")
    assert without.status_code == 412


async def test_who_may_not_write_saves_nothing(installation: Installation, visit: Visit) -> None:
    made = await installation.make(article, title="Slow", published_at=utc_now())
    author = visit(Role.AUTHOR)
    token = await author.token()
    for path in (f"/article/autosave/{made.id}", "/tag/autosave"):
        refused = await author.call("POST", path, data={"csrf_token": token, "title": "x"}, headers=JSON)
        assert refused.status == 403, path
    gone = await author.call("POST", "/article/autosave/x", data={"csrf_token": token}, headers=JSON)
    assert gone.status == 404
    unknown = await author.call("POST", "/article/autosave", data={"csrf_token": token, "titel": "x"}, headers=JSON)
    assert (unknown.status, "titel" in unknown.response.json()["detail"]) == (422, True)


async def test_a_session_tells_who_it_is(installation: Installation, editor: Visitor) -> None:
    told = (await editor.get("/session", headers=JSON)).response.json()
    assert told == {"user": str(installation.actor(Role.EDITOR).id), "csrf_token": await editor.token()}


async def until_kept(page: Page, text: str) -> None:
    """Wait until the browser keeps that."""
    async with asyncio.timeout(10):
        while text not in await page.evaluate(KEPT):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)


browser_test = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


async def write(page: Page, title: str, content: str) -> None:
    await page.get_by_label("Title").first.fill(title)
    await page.get_by_label("Content", exact=True).fill(content)


@pytest.mark.browser
@browser_test
async def test_typing_is_saving(installation: Installation, chromium: Browser) -> None:
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("article/create")
        await write(page, "How slow tides are", "The sea waits.")
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await page.wait_for_url("**/admin/article/edit/*")
        await expect(page.get_by_label("Slug")).to_have_value("how-slow-tides-are")
        await page.get_by_label("Title").first.fill("How slow")
        await expect(page.get_by_label("Slug")).to_have_value("how-slow")
        await page.keyboard.press("Control+s")
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        (row,) = await installation.rows("articles")
        assert (row["title"], row["slug"], row["content"]) == ("How slow", "how-slow", "The sea waits.")
        await page.keyboard.press("Control+p")
        await expect(page.get_by_role("status").last).to_contain_text("Published")
        await write(page, "How slow they are", "The sea waits.")
        await expect(page.locator("[data-sentence]")).to_contain_text("Readers still see")
        await expect(page.get_by_role("button", name="Publish changes")).to_be_visible()
        answer = await installation.send("GET", "/articles/how-slow")
        assert answer.json()["title"] == "How slow"
        await page.get_by_label("More about publishing").click()
        await page.get_by_role("button", name="Discard my changes").click()
        await expect(page.get_by_label("Title").first).to_have_value("How slow")
        await page.locator(".toast").get_by_role("button", name="Undo").click()
        await expect(page.get_by_label("Title").first).to_have_value("How slow they are")


@pytest.mark.browser
@browser_test
async def test_what_is_made_of_a_text_does_not_get_under_the_hand(
    installation: Installation, chromium: Browser
) -> None:
    """An excerpt is made where there is none; who is about to write one begins with an empty field."""
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("article/create")
        await write(page, "How slow tides are", "The sea waits.")
        excerpt = page.get_by_label("Excerpt")
        await excerpt.focus()
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await page.keyboard.type("Of water.")
        await page.get_by_label("Slug").focus()
        await expect(page.locator("[data-state]")).to_contain_text("Unsaved")
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await expect(excerpt).to_have_value("Of water.")
        (row,) = await installation.rows("articles")
        assert row["excerpt"] == "Of water."


@pytest.mark.browser
@browser_test
async def test_a_new_record_has_all_that_others_have_once_it_is_saved(
    installation: Installation, chromium: Browser
) -> None:
    """Its preview, which saves first, its history, its end; and nothing is to be created any more."""
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("article/create")
        await expect(page.get_by_role("button", name="Create")).to_be_visible()
        await expect(page.get_by_role("link", name="Preview")).to_have_count(0)
        await write(page, "Slow tides", "The sea waits.")
        await expect(page.get_by_role("link", name="History", exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name="Delete")).to_be_visible()
        await expect(page.get_by_role("button", name="Save", exact=True)).to_be_visible()
        await expect(page).to_have_title(re.compile("^Slow tides"))
        await page.get_by_label("Content", exact=True).fill("The sea *has* waited.")
        await page.get_by_role("link", name="Preview").click()
        await expect(page.frame_locator("[data-frame]").get_by_text("The sea has waited.").first).to_be_visible()
        await page.go_back()
        await page.get_by_label("More about publishing").click()
        await page.get_by_role("button", name="Schedule").click()
        await expect(page.locator("[data-sentence]")).to_contain_text("Goes public")
        await write(page, "Slower tides", "The sea has time.")
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await page.get_by_role("button", name="Delete").click()
        await expect(page.get_by_role("status").filter(has_text="Moved to the trash").first).to_be_visible()


@pytest.mark.browser
@browser_test
async def test_r48_a_lost_session_and_a_server_that_is_away_cost_nothing(
    installation: Installation, chromium: Browser
) -> None:
    made = await installation.make(article, title="Slow", content="Old.")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{made.id}")
        await page.route("**/autosave/**", lambda route: route.abort())
        await write(page, "Slow", "Typed while it was away.")
        await expect(page.locator("[data-state]")).to_contain_text("Not saved yet")
        await page.unroute("**/autosave/**")
        await expect(page.locator("[data-state]")).to_contain_text(SAVED, timeout=9000)
        async with installation.work() as work:
            await work.session.execute(delete(UserSession))
        await write(page, "Slow", "Typed after the session had ended.")
        await expect(page.get_by_role("link", name="Sign in in a new tab")).to_be_visible()
        me = installation.actor(Role.EDITOR).id
        assert me is not None
        async with installation.database.session() as session:
            again = await open_session(session, me, SessionKind.BROWSER, "")
        await window.context.add_cookies([{"name": "masthead", "value": again.secret, "url": url}])
        await expect(page.locator("[data-state]")).to_contain_text(SAVED, timeout=9000)
        await expect(page.get_by_role("link", name="Sign in in a new tab")).to_have_count(0)
        (row,) = await installation.rows("articles")
        assert row["content"] == "Typed after the session had ended."
        window.noise.clear()


@pytest.mark.browser
@browser_test
async def test_r48_a_server_that_is_killed_while_one_types_costs_nothing(
    installation: Installation, chromium: Browser, tmp_path: Path
) -> None:
    """A process of its own, killed after one sentence and started anew after another."""
    made = await installation.make(article, title="Slow", content="Old.")
    url = installation.database.url.render_as_string(hide_password=False)
    async with running(url, tmp_path, installation.people) as site:
        origin = f"http://127.0.0.1:{site.port}"
        async with opened(chromium, installation, origin, Role.EDITOR) as window:
            page = await window.open(f"article/edit/{made.id}")
            await write(page, "Slow", "Typed while it lived.")
            await expect(page.locator("[data-state]")).to_contain_text(SAVED)
            site.process.kill()
            site.process.wait(5)
            await write(page, "Slow", "Typed while it lived. Typed when it was dead.")
            await expect(page.locator("[data-state]")).to_contain_text("Not saved yet")
            async with running(url, tmp_path, installation.people, port=site.port):
                await expect(page.locator("[data-state]")).to_contain_text(SAVED)
            window.noise.clear()
    (row,) = await installation.rows("articles")
    assert row["content"] == "Typed while it lived. Typed when it was dead."


@pytest.mark.browser
@browser_test
async def test_r48_a_killed_browser_brings_back_what_it_had(installation: Installation, tmp_path: Path) -> None:
    made = await installation.make(article, title="Slow", content="Old.")
    await installation.make(tag, name="Rope")
    cookie = installation.people[Role.EDITOR].cookie
    async with served(installation.app) as url, async_playwright() as playwright:

        async def launch() -> Any:
            return await playwright.chromium.launch_persistent_context(
                str(tmp_path / "profile"), executable_path=chromium_path(), base_url=url, args=FLAGS
            )

        context = await launch()
        await context.add_cookies([{"name": "masthead", "value": cookie, "url": url, "expires": 2_000_000_000}])
        page = await context.new_page()
        await page.goto(f"/admin/article/edit/{made.id}")
        await page.route("**/autosave/**", lambda route: route.abort())
        await write(page, "Slow", "Nobody has saved this.")
        await page.get_by_label("Tags").fill("rop")
        await page.get_by_role("option", name="Rope").click()
        await expect(page.locator("[data-state]")).to_contain_text("Not saved yet")
        await page.wait_for_timeout(6000)  # Chromium writes what pages keep a few seconds later
        kill(str(tmp_path / "profile"))
        context = await launch()
        await context.add_cookies([{"name": "masthead", "value": cookie, "url": url, "expires": 2_000_000_000}])
        page = await context.new_page()
        await page.goto(f"/admin/article/edit/{made.id}")
        await expect(page.locator("#field-content")).to_have_value("Old.")
        await page.get_by_role("button", name="Bring it back").click()
        await expect(page.locator("#field-content")).to_have_value("Nobody has saved this.")
        await expect(page.get_by_role("button", name="Remove Rope")).to_be_visible()
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await context.close()
    found = (await installation.send("GET", f"/articles/{made.id}", Role.EDITOR)).json()
    assert (found["content"], [each["name"] for each in found["tags"]]) == ("Nobody has saved this.", ["Rope"])


@pytest.mark.browser
@browser_test
async def test_what_is_offered_back_is_not_typed_over(installation: Installation, chromium: Browser) -> None:
    """R48: each of two crashes leaves what was typed before it, until somebody says what becomes of it."""
    made = await installation.make(article, title="Slow", content="Old.")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        for words in ("The first text.", "The second text."):
            page = await window.open(f"article/edit/{made.id}")
            await page.evaluate(
                "void (window.fetch = () => Promise.reject(new TypeError()))"
            )  # also of what is sent on leaving
            await write(page, "Slow", words)
            await until_kept(page, words)
            await page.close()
        page = await window.open(f"article/edit/{made.id}")
        offer, content = page.locator("[data-banner]"), page.locator("#field-content")
        await expect(content).to_have_value("Old.")
        discard = offer.get_by_role("button", name="Discard it")
        await discard.click()
        await page.locator(".toast").get_by_role("button", name="Undo").click()
        await discard.click()  # the same once more
        await expect(content).to_have_value("Old.")
        await page.evaluate("window.asked = window.fetch; void (window.fetch = () => Promise.reject(new TypeError()))")
        await write(page, "Slow", "The third text.")
        await page.evaluate("void (window.fetch = window.asked)")
        await offer.get_by_role("button", name="Bring it back").click()
        await expect(content).to_have_value("The first text.")
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await page.reload()
        await expect(content).to_have_value("The first text.")
        await offer.get_by_role("button", name="Bring it back").click()
        await expect(content).to_have_value("The third text.")


def kill(profile: str) -> None:
    """Kill the browser of a profile, as a crash would."""
    flag = f"--user-data-dir={profile}"
    found = [process for process in psutil.process_iter(["cmdline"]) if flag in (process.info["cmdline"] or [])]
    assert found
    for process in found:
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(found, 5)


@pytest.mark.browser
@browser_test
async def test_r02_two_people_merge_and_see_where_they_overlap(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow", content="one\n\ntwo\n\nthree", excerpt="Old.")
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR) as mine,
        opened(chromium, installation, url, Role.ADMIN) as theirs,
    ):
        first, second = [await who.open(f"article/edit/{made.id}") for who in (mine, theirs)]
        await second.get_by_label("Content", exact=True).fill("ONE\n\ntwo\n\nthree")
        await expect(second.locator("[data-state]")).to_contain_text(SAVED)
        await first.get_by_label("Content", exact=True).fill("one\n\ntwo\n\nTHREE")
        await expect(first.locator("[data-state]")).to_contain_text(SAVED)
        await expect(first.locator("#field-content")).to_have_value("ONE\n\ntwo\n\nTHREE")
        await second.get_by_label("Excerpt").fill("Theirs.")
        await expect(second.locator("[data-state]")).to_contain_text(SAVED)
        await first.get_by_label("Excerpt").fill("Mine.")
        await first.get_by_role("button", name="Resolve").click()
        await expect(first.get_by_role("heading", name="Somebody else saved this article")).to_be_visible()
        await expect(first.get_by_label("Excerpt")).to_have_value("Mine.")
        await first.get_by_role("button", name="Save mine over theirs").click()
        await expect(first.get_by_role("status").last).to_contain_text("Saved.")
    (row,) = await installation.rows("articles")
    assert (row["content"], row["excerpt"]) == ("ONE\n\ntwo\n\nTHREE", "Mine.")


@pytest.mark.browser
@browser_test
@pytest.mark.parametrize(
    ("more", "expected"),
    [("one\n\ntwo\n\nTHREE!", "ONE\n\ntwo\n\nTHREE!"), ("uno\n\ntwo\n\nTHREE", None)],
    ids=["apart", "meeting"],
)
async def test_r02_what_is_typed_while_a_merge_is_on_its_way_loses_nothing(
    installation: Installation, chromium: Browser, more: str, expected: str | None
) -> None:
    made = await installation.make(article, title="Slow", content="one\n\ntwo\n\nthree")
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR) as mine,
    ):
        page = await mine.open(f"article/edit/{made.id}")
        theirs = {"content": "ONE\n\ntwo\n\nthree"}
        await installation.send("PATCH", f"/articles/{made.id}", Role.ADMIN, json=theirs, headers={"If-Match": "*"})
        asked, answered = asyncio.Event(), asyncio.Event()

        async def hold(route: Route) -> None:
            answer = await route.fetch()
            asked.set()
            await answered.wait()
            await route.fulfill(response=answer)

        await page.route("**/autosave/*", hold, times=1)
        content = page.get_by_label("Content", exact=True)
        await content.fill("one\n\ntwo\n\nTHREE")
        await asked.wait()
        await content.fill(more)
        answered.set()
        if expected is None:
            await expect(page.get_by_role("button", name="Resolve")).to_be_visible()
        else:
            await expect(page.locator("#field-content")).to_have_value(expected)
            await expect(page.locator("[data-state]")).to_contain_text(SAVED)
    (row,) = await installation.rows("articles")
    assert row["content"] == (expected or "ONE\n\ntwo\n\nTHREE")


@pytest.mark.browser
@browser_test
async def test_r02_parts_of_one_field_are_merged_one_by_one(installation: Installation, chromium: Browser) -> None:
    seo = {"title": "Old", "description": "Old."}
    made = await installation.make(article, title="Slow", content="one", seo=seo)
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR) as mine,
    ):
        page = await mine.open(f"article/edit/{made.id}")
        theirs = {"seo": {**seo, "description": "Theirs."}}
        await installation.send("PATCH", f"/articles/{made.id}", Role.ADMIN, json=theirs, headers={"If-Match": "*"})
        title = page.locator("[name='seo.title']")
        for typed in ("Mi", "Mine"):
            await title.fill(typed)
            await expect(page.locator("[data-state]")).to_have_text("Unsaved")
            await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await expect(page.locator("[name='seo.description']")).to_have_value("Theirs.")
    (row,) = await installation.rows("articles")
    assert row["seo"] in ({"title": "Mine", "description": "Theirs."}, '{"title": "Mine", "description": "Theirs."}')


@pytest.mark.browser
@browser_test
async def test_a_full_screen_hides_neither_what_is_saved_nor_a_conflict_and_mine_is_discarded_for_good(
    installation: Installation, chromium: Browser
) -> None:
    made = await installation.make(article, title="Slow", content="One.", excerpt="Old.")
    path = f"article/edit/{made.id}"
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as mine:
        page = await mine.open(path)
        full = page.get_by_role("button", name="Full screen")
        await full.click()
        await page.get_by_role("textbox", name="Content").fill("Two.")
        await expect(page.locator(".md-saved")).to_contain_text(SAVED)
        headers = {"If-Match": "*"}
        theirs = {"content": "Three."}
        await installation.send("PATCH", f"/articles/{made.id}", Role.ADMIN, json=theirs, headers=headers)
        await page.get_by_role("textbox", name="Content").fill("Four.")
        await expect(page.get_by_role("button", name="Resolve")).to_be_visible()
        await expect(full).to_have_attribute("aria-pressed", "false")
        await page.keyboard.press("Control+s")
        await expect(page.locator(".toast")).to_contain_text("Nothing is saved until you have decided about this.")
        await expect(page.get_by_role("button", name="Resolve")).to_be_focused()
        await page.get_by_role("button", name="Resolve").click()
        asked: list[str] = []
        page.on("dialog", lambda dialog: asked.append(dialog.type))
        await page.get_by_role("link", name="Discard mine").click()
        await expect(page.locator("#field-content")).to_have_value("Three.")
        await expect(page.locator("[data-banner]")).to_have_count(0)
        await page.reload()
        await expect(page.locator("#field-content")).to_have_value("Three.")
        await expect(page.locator("[data-banner]")).to_have_count(0)
        assert asked == []


@pytest.mark.browser
@browser_test
async def test_r02_of_what_both_changed_each_passage_is_chosen(installation: Installation, chromium: Browser) -> None:
    paragraphs = ["Slow tides.", "The sea waits.", "Nobody hurries.", "Salt dries."]
    made = await installation.make(article, title="Slow", content="\n\n".join(paragraphs), excerpt="Old.")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as mine:
        page = await mine.open(f"article/edit/{made.id}")
        theirs = {
            "title": "Fast",
            "content": "Slow tides.\n\nThe sea is patient.\n\nNobody hurries.\n\nSalt stays.",
            "seo": {"title": "Theirs", "description": "Of theirs."},
            "excerpt": "Theirs.",
        }
        headers = {"If-Match": '"v1"'}
        changed = await installation.send("PATCH", f"/articles/{made.id}", Role.ADMIN, json=theirs, headers=headers)
        assert changed.status_code == 200, changed.text
        await write(page, "Slower", "Slow tides, slow.\n\nThe sea sleeps.\n\nNobody hurries.\n\nSalt glitters.")
        await page.get_by_label("Excerpt").fill("Mine.")
        await page.get_by_role("group", name="SEO").get_by_label("Title").fill("Mine")
        await page.get_by_role("button", name="Resolve").click()
        await expect(page.get_by_role("heading", name="Somebody else saved this article")).to_be_visible()
        content = page.locator("#field-content")
        await expect(content).to_have_value("Slow tides, slow.\n\nThe sea sleeps.\n\nNobody hurries.\n\nSalt glitters.")
        passages = page.locator("[data-difference=content] .dispute")
        await expect(passages).to_have_count(2)
        await passages.nth(0).get_by_role("button", name="Theirs", pressed=False).click()
        await passages.nth(1).get_by_role("button", name="Both").click()
        await passages.nth(1).get_by_role("textbox").press("Control+End")
        await passages.nth(1).get_by_role("textbox").press_sequentially(" And shines.")
        await expect(content).to_have_value(
            "Slow tides, slow.\n\nThe sea is patient.\n\nNobody hurries.\n\nSalt stays.\n\nSalt glitters. And shines."
        )
        for whose, title in (("Theirs", "Fast"), ("Yours", "Slower")):
            await page.locator("[data-difference=title]").get_by_role("button", name=whose).click()
            await expect(page.get_by_label("Title").first).to_have_value(title)
        await page.locator("[data-difference=seo]").get_by_role("button", name="Theirs").click()
        await page.get_by_role("button", name="Save mine over theirs").click()
        await expect(page.get_by_role("status").last).to_contain_text("Saved.")
    (row,) = await installation.rows("articles")
    assert row["content"].endswith("Nobody hurries.\n\nSalt stays.\n\nSalt glitters. And shines.")
    assert (row["title"], row["excerpt"], row["seo"]["title"]) == ("Slower", "Mine.", "Theirs")


@pytest.mark.browser
@browser_test
async def test_it_is_saved_a_second_after_the_last_key(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{made.id}")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if "/autosave/" in request.url else None)
        await page.clock.install()
        title = page.get_by_label("Title").first
        for text in ("Slower", "Slowest"):
            await title.fill(text)
            await page.clock.run_for(900)
            assert sent == []
        async with page.expect_request("**/autosave/**"):
            await page.clock.run_for(200)
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Full screen")


@pytest.mark.browser
@browser_test
async def test_what_can_not_be_saved_is_told_beside_its_field(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow", content="One.")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{made.id}")
        slug = page.get_by_label("Slug")
        await slug.fill("Not a slug")
        await expect(page.locator("[data-state]")).to_contain_text("Not saved. Slug:")
        await expect(slug).to_have_attribute("aria-invalid", "true")
        fault = page.locator(".field", has=slug).locator(".field-errors")
        await expect(fault).to_contain_text("hyphens")
        await expect(slug).to_have_attribute("aria-describedby", re.compile("field-slug-errors"))
        await slug.fill("a-slug")
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
        await expect(fault).to_have_count(0)
        assert await slug.get_attribute("aria-invalid") is None
    assert (await installation.rows("articles"))[0]["slug"] == "a-slug"


@pytest.mark.browser
@browser_test
async def test_a_new_text_without_a_title_survives_a_crash(installation: Installation, chromium: Browser) -> None:
    """The server has nothing of it yet: it wants a title."""
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open("article/create")
        await page.get_by_label("Content", exact=True).fill("The sea waits.")
        await until_kept(page, "The sea waits.")
        await page.close()  # without being asked, as in a crash
        page = await window.open("article/create")
        await expect(page.locator("#field-content")).to_have_value("")
        await page.get_by_role("button", name="Bring it back").click()
        await expect(page.locator("#field-content")).to_have_value("The sea waits.")
        await page.get_by_label("Title").first.fill("Slow tides")
        await expect(page.locator("[data-state]")).to_contain_text(SAVED)
    (row,) = await installation.rows("articles")
    assert (row["title"], row["content"]) == ("Slow tides", "The sea waits.")


@pytest.mark.browser
@browser_test
async def test_two_new_texts_in_two_tabs_survive_a_crash(installation: Installation, chromium: Browser) -> None:
    """Neither tab writes over what the other one keeps, nor drops it once its own is saved."""
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        tabs = [await window.open("article/create") for _ in range(3)]
        for words in ("The sea", "The sea waits."):
            for number, tab in enumerate(tabs):
                await tab.get_by_label("Content", exact=True).fill(f"{words} {number}.")
                await until_kept(tab, f"{words} {number}.")
        await tabs[2].get_by_label("Title").first.fill("Saved")
        await expect(tabs[2].locator("[data-state]")).to_contain_text(SAVED)
        for tab in tabs:
            await tab.close()
        page = await window.open("article/create")
        content = page.locator("#field-content")
        for words in ("The sea waits. 1.", "The sea waits. 0."):
            await page.get_by_role("button", name="Bring it back").click()
            await expect(content).to_have_value(words)


@pytest.mark.browser
@browser_test
async def test_what_a_search_shows_is_drawn_while_one_writes(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow", content="The **sea** waits, [they say](https://a.example).")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{made.id}")
        result = page.locator("[data-search-result]")
        await expect(result.locator(".result-site")).to_contain_text("articles › slow")
        await expect(result.locator(".result-title")).to_have_text("Slow")
        await page.get_by_label("Title").first.fill("How slow tides are")
        await expect(result.locator(".result-title")).to_have_text("How slow tides are")
        await expect(result.locator(".result-site")).to_contain_text("articles › how-slow-tides-are")
        await page.get_by_label("Excerpt").fill("Long. " * 60)
        await expect(result.locator(".result-text")).to_have_text(re.compile(r"^(Long\. ?){20,27}…$"))
        seo = page.get_by_role("group", name="SEO")
        await seo.get_by_label("Title").fill("Of tides")
        await seo.get_by_label("Description").fill("All of them.")
        await expect(result.locator(".result-title")).to_have_text("Of tides")
        await expect(result.locator(".result-text")).to_have_text("All of them.")
        await page.get_by_label("Excerpt").fill("")
        await seo.get_by_label("Description").fill("")
        await expect(result.locator(".result-text")).to_have_text("The sea waits, they say.")


@pytest.mark.browser
@browser_test
async def test_r48_what_is_typed_into_a_plain_form_survives_a_crash_and_a_lost_session(
    installation: Installation, chromium: Browser
) -> None:
    """From the first key on, and what is chosen, too."""
    made = await installation.make(category, name="Tides")
    above = await installation.make(category, name="Water")
    path = f"category/edit/{made.id}"
    async with served(installation.app) as url, opened(chromium, installation, url, Role.ADMIN) as window:
        page = await window.open(path)
        await page.get_by_label("Name").fill("Slow tides")
        await page.get_by_role("combobox", name="Parent").fill("wat")
        await page.get_by_role("option", name="Water").click()
        await until_kept(page, "Water")
        await page.close()  # without being asked, as in a crash
        page = await window.open(path)
        await expect(page.get_by_label("Name")).to_have_value("Tides")
        await page.get_by_role("button", name="Bring it back").click()
        await expect(page.get_by_label("Name")).to_have_value("Slow tides")
        await expect(page.get_by_role("button", name="Remove Water")).to_be_visible()
        await window.context.clear_cookies()
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        await window.sign_in(installation.people[Role.ADMIN].cookie)
        await page.goto(f"/admin/{path}")
        await page.get_by_role("button", name="Bring it back").click()
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status").last).to_contain_text("Saved")
        await page.goto(f"/admin/{path}")
        await expect(page.get_by_label("Name")).to_have_value("Slow tides")
        await expect(page.get_by_role("button", name="Bring it back")).to_have_count(0)
    (row,) = [row for row in await installation.rows("categories") if row["id"] == made.id]
    assert (row["name"], row["parent_id"]) == ("Slow tides", above.id)


@pytest.mark.browser
@browser_test
async def test_what_a_plain_form_offers_is_taken_or_not_and_that_is_taken_back(
    installation: Installation, chromium: Browser
) -> None:
    made = await installation.make(category, name="Tides")
    async with served(installation.app) as url, opened(chromium, installation, url, Role.ADMIN) as window:
        page = await window.open(f"category/edit/{made.id}")
        await page.get_by_label("Name").fill("Slow tides")
        await until_kept(page, "Slow tides")
        await page.close()
        page = await window.open(f"category/edit/{made.id}")
        name, undo = page.get_by_label("Name"), page.locator(".toast").get_by_role("button", name="Undo")
        await page.get_by_role("button", name="Discard it").click()
        await name.fill("Typed since")
        await undo.click()
        await page.get_by_role("button", name="Bring it back").click()
        await expect(name).to_have_value("Slow tides")
        await undo.click()
        await expect(name).to_have_value("Typed since")
        await until_kept(page, "Typed since")


@pytest.mark.browser
@browser_test
async def test_no_password_is_kept_and_nothing_of_who_signs_out(installation: Installation, chromium: Browser) -> None:
    async with served(installation.app) as url, opened(chromium, installation, url, Role.ADMIN) as window:
        page = await window.open("user/create")
        await page.get_by_label("Name").fill("Newcomer")
        await page.get_by_label("Password").fill("never kept anywhere")
        await until_kept(page, "Newcomer")
        assert "never kept" not in await page.evaluate(KEPT)
        await page.get_by_label("Account of Admin").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert await page.evaluate(KEPT) == "{}"
        assert set(window.noise) == {"asked: beforeunload"}
        window.noise.clear()


async def test_other_types_keep_their_plain_forms(installation: Installation, editor: Visitor) -> None:
    made = await installation.make(tag, name="Rope")
    assert "data-editor" not in (await editor.get(f"/tag/edit/{made.id}")).html
