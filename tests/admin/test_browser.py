"""The back office in a real browser: the whole way of an article, two tabs, no broken policy, no foreign script."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from cms.auth import passwords
from cms.auth.passwords import Hasher
from cms.auth.users import User, user
from cms.content.articles import article
from cms.content.categories import category
from cms.content.comments import comment
from cms.content.menus import menu
from cms.content.pages import page as page_type
from cms.content.site import SITE_ID
from cms.content.tags import tag
from cms.crud.fields import utc_now
from cms.crud.policy import Role
from tests.admin.chromium import Window, opened, served
from tests.admin.test_media import picture
from tests.installation import Installation

pytestmark = pytest.mark.browser
on_sqlite = pytest.mark.parametrize("server", ["sqlite"], indirect=True)
"""For what depends on the browser alone."""

PASSWORD = "plum kettle orbit 41"  # noqa: S105 - of a test
PAYLOADS = [
    "<script>window.hit=1</script>",
    '"><img src=x onerror=window.hit=1>',
    "'><svg onload=window.hit=1>",
    "</textarea><script>window.hit=1</script>",
    "</title></select></option><script>window.hit=1</script>",
    "javascript:window.hit=1",
    "{{ 7*7 }}${window.hit=1}`window.hit=1`",
    "<a href=javascript:window.hit=1 autofocus onfocus=window.hit=1>x</a>",
]
UNNAMED = """
[...document.querySelectorAll("input:not([type=hidden]), select:not([hidden]), textarea:not([hidden]), button")]
  .filter((e) => !(e.labels?.length || e.ariaLabel || e.textContent.trim())).map((e) => e.outerHTML)
"""


class Open(Protocol):
    """Opens a window in which the one of that role is signed in."""

    def __call__(self, role: Role | None = None, **options: Any) -> AbstractAsyncContextManager[Window]:
        """:param options: whatever playwright takes, such as `viewport`."""


@pytest.fixture
async def url(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Where the installation is served; the editor has a password that can be typed."""
    monkeypatch.setattr(passwords, "HASHER", Hasher(memory=64, rounds=1))
    async with installation.database.session() as session:
        editor = await session.get(User, installation.actor(Role.EDITOR).id)
        assert editor is not None
        editor.password = await passwords.hash_password(PASSWORD)
    async with served(installation.app) as address:
        yield address


@pytest.fixture
def window(chromium: Browser, installation: Installation, url: str) -> Open:
    """Opens windows."""

    def window(role: Role | None = None, **options: Any) -> AbstractAsyncContextManager[Window]:
        return opened(chromium, installation, url, role, **options)

    return window


async def visit(page: Page, path: str) -> None:
    """Open a page and see that its policy was kept and nothing foreign ran."""
    await page.goto(f"/admin/{path}")
    assert await page.evaluate("window.broken") == [], path
    assert await page.evaluate("window.hit") is None, path


async def choose(page: Page, label: str, term: str, option: str) -> None:
    """Find a related record and take it."""
    await page.get_by_label(label, exact=True).fill(term)
    await page.get_by_role("option", name=option).click()


async def press(page: Page, name: str, says: str | None = None) -> None:
    """Press a button, and wait for what the next page says."""
    await page.get_by_role("button", name=name).click()
    if says is not None:
        await expect(page.get_by_role("status").filter(has_text=says).first).to_be_visible()


async def upload(page: Page, name: str, **texts: str) -> None:
    await page.goto("/admin/media/create")
    await page.get_by_label("File").set_input_files({"name": name, "mimeType": "image/png", "buffer": picture()})
    for label, text in texts.items():
        await page.get_by_label(label).fill(text)
    await press(page, "Upload", "Uploaded.")


@on_sqlite
async def test_an_editor_writes_an_article_and_everybody_reads_it(
    installation: Installation, window: Open, url: str
) -> None:
    await installation.make(category, name="Tides and weather")
    for name in ("Rope", "Sea marks"):
        await installation.make(tag, name=name)
    async with window() as mine, httpx.AsyncClient(base_url=f"{url}/api/v1") as public:
        page = await mine.open("")
        await page.get_by_label("E-mail").fill("editor@example.org")
        await page.get_by_label("Password").fill(PASSWORD)
        await press(page, "Sign in")
        await page.wait_for_url("**/admin/")
        await upload(page, "low-water.png", Caption="At the quay")
        await page.goto("/admin/article/create")
        await page.get_by_label("Title").first.fill("How slow tides are")
        await page.get_by_label("Content", exact=True).fill("# Slack water\n\nThe sea **waits**.")
        await choose(page, "Category", "tides", "Tides and weather")
        await choose(page, "Tags", "ro", "Rope")
        await choose(page, "Tags", "sea", "Sea marks")
        await choose(page, "Cover", "low", "low-water.png")
        await press(page, "Create", "Saved")
        assert (await public.get("/articles/how-slow-tides-are")).status_code == 404
        await press(page, "Publish", "Published")
        answer = await public.get("/articles/how-slow-tides-are")
        item = answer.json()
        assert answer.headers["etag"].startswith('"v2-')
        assert item["category"]["name"] == "Tides and weather"
        assert [entry["name"] for entry in item["tags"]] == ["Rope", "Sea marks"]
        assert item["author"]["name"] == "Editor"
        assert "<strong>waits</strong>" in item["content_html"]
        assert (await public.get(url + item["cover"]["url"])).headers["content-type"] == "image/png"


@on_sqlite
async def test_leaving_with_unsaved_text_asks_first(window: Open) -> None:
    async with window(Role.EDITOR) as mine:
        page = await mine.open("article/create")
        await page.get_by_label("Content", exact=True).fill("Half a sentence")
        await page.get_by_role("link", name="Dashboard").click()
        await page.wait_for_url("**/admin/")
        assert mine.noise == ["asked: beforeunload"]
        mine.noise.clear()
        await page.goto("/admin/article/create")
        await page.get_by_role("link", name="Dashboard").click()
        await page.wait_for_url("**/admin/")


@on_sqlite
async def test_a_picker_is_used_by_keyboard_alone(installation: Installation, window: Open) -> None:
    for name in ("Rope", "Rope and cloth", "Sea"):
        await installation.make(tag, name=name)
    async with window(Role.EDITOR) as mine:
        page = await mine.open("article/create")
        box = page.get_by_label("Tags", exact=True)
        await box.press_sequentially("cloth")
        await expect(page.get_by_role("option")).to_have_text(["Rope and cloth", "Create “cloth”"])
        await box.press("Enter")
        await box.press_sequentially("sea")
        await expect(page.get_by_role("option")).to_have_text(["Sea"])
        await box.press("Enter")
        await expect(page.locator(".chip")).to_have_text(["Rope and cloth×", "Sea×"])
        assert (
            len(await page.locator("select[name=tags]").evaluate("s => [...s.selectedOptions].map(o => o.value)")) == 2
        )
        await box.press("Backspace")
        await expect(page.locator(".chip")).to_have_count(1)
        await box.press("Escape")
        await page.get_by_role("button", name="Remove Rope and cloth").press("Enter")
        await expect(page.locator(".chip")).to_have_count(0)


@on_sqlite
async def test_who_presses_enter_early_gets_what_was_looked_for(installation: Installation, window: Open) -> None:
    """What is offered until then was found for what was typed before."""
    for name in ("Rope", "Sea"):
        await installation.make(tag, name=name)
        await installation.make(article, title=f"{name} and cloth")
    async with window(Role.EDITOR) as mine:
        page = await mine.open("tag/list")
        await page.keyboard.press("Control+k")
        search = page.get_by_role("dialog", name="Search anything")
        await search.get_by_role("combobox").fill("rope")
        await expect(search.get_by_role("option").first).to_contain_text("Rope")
        await search.get_by_role("combobox").fill("sea and")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/admin/article/edit/*")
        await expect(page.get_by_label("Title").first).to_have_value("Sea and cloth")
        page = await mine.open("article/create")
        box = page.get_by_label("Tags", exact=True)
        await box.fill("rope")
        await expect(page.get_by_role("option")).to_have_text(["Rope"])
        await box.fill("sea")
        await box.press("Enter")
        await expect(page.locator(".chip")).to_have_text(["Sea×"])


@on_sqlite
async def test_what_was_typed_into_a_picker_and_not_chosen_is_not_sent(
    installation: Installation, window: Open
) -> None:
    await installation.make(category, name="Tides")
    async with window(Role.EDITOR) as mine:
        page = await mine.open("article/create")
        box = page.get_by_label("Category", exact=True)
        await page.get_by_label("Title").first.fill("Slow tides")
        await box.press_sequentially("no such thing")
        await expect(page.get_by_role("option")).to_have_text(["Create “no such thing”"])
        await press(page, "Create")
        sentence = "Nothing is called “no such thing”; choose one of the suggestions or clear the field."
        await expect(page.locator(".field-relation", has=box)).to_contain_text(sentence)
        await expect(box).to_be_focused()
        await expect(page.get_by_role("listbox")).to_have_count(0)
        await expect(box).to_have_accessible_description(sentence)
        assert await installation.rows("articles") == []
        await page.evaluate("HTMLFormElement.prototype.submit.call(document.querySelector('#edit'))")
        await expect(page.get_by_role("alert")).to_contain_text(sentence)
        await expect(box).to_have_value("no such thing")
        await box.fill("tides")
        await expect(page.get_by_role("option")).to_have_text(["Tides"])
        await expect(page.locator(".field-relation", has=box)).not_to_contain_text("Nothing is called")
        await press(page, "Create", "Saved")
        await expect(page.locator(".chip")).to_have_text(["Editor×", "Tides×"])
        await page.goto("/admin/article/list")
        await page.get_by_text("Add filter").click()
        await page.locator(".filter-choice summary", has_text="Category").click()
        await page.get_by_role("combobox", name="Category", exact=True).fill("nowhere")
        await page.get_by_role("button", name="Apply", exact=True).locator("visible=true").click()
        await expect(page.get_by_text("Nothing is called “nowhere”")).to_be_visible()
        mine.noise.clear()


@on_sqlite
async def test_a_file_that_is_too_large_is_not_sent(installation: Installation, window: Open, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(30 * 1024 * 1024)
    async with window(Role.EDITOR) as mine:
        page = await mine.open("media/create")
        await page.get_by_label("Alt text").fill("Low water")
        await page.get_by_label("File").set_input_files(large)
        field = page.locator(".field", has=page.get_by_label("File"))
        await expect(field).to_contain_text("The file is larger than 25 MB")
        await press(page, "Upload")
        await expect(page.get_by_label("File")).to_be_focused()
        await expect(page.get_by_label("Alt text")).to_have_value("Low water")
        await page.evaluate("delete document.querySelector('[type=file]').dataset.maxBytes")
        await press(page, "Upload")
        await expect(page.get_by_text("The file is larger than 25 MB")).to_be_visible()
        await page.get_by_role("link", name="Back to the form").click()
        await page.get_by_role("button", name="Bring it back").click()
        await expect(page.get_by_label("Alt text")).to_have_value("Low water")
        await page.get_by_label("File").set_input_files(
            {"name": "tide.png", "mimeType": "image/png", "buffer": picture()}
        )
        await expect(field).not_to_contain_text("larger than 25 MB, the most")
        await press(page, "Upload", "Uploaded.")
    (row,) = await installation.rows("media")
    assert row["alt"] == "Low water"


@on_sqlite
async def test_a_text_that_is_too_large_is_offered_again(installation: Installation, window: Open) -> None:
    async with window(Role.EDITOR) as mine:
        page = await mine.open("article/create")
        await page.get_by_label("Title").first.fill("Long")
        await page.evaluate("document.querySelector('#field-content').markdownEditor.setValue('x'.repeat(3_000_000))")
        await expect(page.locator("[data-state]")).to_contain_text("larger than 2 MB")
        assert len(await page.locator("#field-content").input_value()) == 3_000_000
        await page.get_by_label("Content", exact=True).fill("Short.")
        await page.get_by_label("Title").first.fill("Short")
        await press(page, "Create", "Saved")


@on_sqlite
async def test_names_and_addresses_stay_whole_in_a_list(installation: Installation, window: Open) -> None:
    about = await installation.make(article, title="Slow tides", published_at=utc_now())
    text = "Amazing post dear, so useful for me and all the friends! We are leading supplier of lamps. " * 2
    await installation.make(
        comment, article=str(about.id), content=text, name="Ottoline Featherstonehaugh", email="ottoline@example.com"
    )
    async with window(Role.ADMIN, viewport={"width": 1440, "height": 900}) as mine:
        page = await mine.open("comment/list")
        wrap = page.locator(".table-wrap")
        assert await wrap.evaluate("e => e.scrollWidth <= e.clientWidth")
        assert await lines(page.get_by_role("cell", name="ottoline@example.com")) == 1
        assert await lines(page.get_by_role("cell", name="Ottoline Featherstonehaugh")) <= 2


async def lines(cell: Locator) -> int:
    """How many lines the text of a cell takes."""
    counted: int = await cell.evaluate(
        "e => { const r = document.createRange(); r.selectNodeContents(e);"
        "return new Set([...r.getClientRects()].map((b) => Math.round(b.top))).size }"
    )
    return counted


async def poisoned(installation: Installation) -> dict[str, str]:
    """Records with the payloads in every text that somebody can type; the last of each type by its identity."""
    records: dict[str, str] = {}
    for number, payload in enumerate(PAYLOADS):
        short = payload[:90]
        group = await installation.make(category, name=short, slug=f"c-{number}", description=payload)
        word = await installation.make(tag, name=short, slug=f"t-{number}")
        text = await installation.make(
            article, title=payload, content=payload, category=group.slug, tags=[word.slug], seo={"title": payload[:70]}
        )
        made = {
            "category": group,
            "tag": word,
            "article": text,
            "comment": await installation.make(
                comment, article=str(text.id), content=payload, name=short, email="a@example.com"
            ),
            "menu": await installation.make(menu, title=payload, slug=f"m-{number}", items=[{"label": short}]),
            "page": await installation.make(page_type, title=payload, content=payload, slug=f"p-{number}"),
            "user": await installation.make(user, email=f"u{number}@example.org", name=short, password=PASSWORD),
        }
        records = {identity: str(record.id) for identity, record in made.items()}
    return records


async def test_d05_d06_nothing_stored_is_run_on_any_page(installation: Installation, window: Open) -> None:
    records = await poisoned(installation)
    async with window(Role.ADMIN) as mine:
        page = await mine.open("")
        await upload(page, "<img src=x onerror=window.hit=1>.png", Caption=PAYLOADS[1])
        records["media"] = page.url.rpartition("/")[2]
        for path in ("", "site/list", "category/tree", "page/tree", "nothing"):
            await visit(page, path)
        for identity, record in records.items():
            for path in ("list", "create", f"details/{record}", f"edit/{record}"):
                await visit(page, f"{identity}/{path}")
            await press(page, "Delete")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert await page.evaluate("window.hit") is None
            if await page.get_by_role("button", name="Undo").count():
                await press(page, "Undo", "Undone.")
        await visit(page, f"article/edit/{records['article']}")
        for label in ("Author", "Category", "Tags", "Cover"):
            await page.get_by_label(label, exact=True).focus()
            await expect(page.get_by_role("listbox").get_by_role("option").first).to_be_visible()
            await page.keyboard.press("Escape")
        await page.get_by_label("Title").first.fill("")
        await press(page, "Save")
        await expect(page.get_by_role("alert")).to_contain_text("Fill this in.")
        assert await page.evaluate("window.hit") is None


@pytest.mark.parametrize("viewport", [{"width": 1440, "height": 900}, {"width": 390, "height": 844}])
async def test_d06_every_page_keeps_the_policy_and_fits(
    installation: Installation, window: Open, viewport: dict[str, int]
) -> None:
    made = await installation.make(article, title=("tides" * 30)[:120], content="x" * 500)
    await installation.make(page_type, title=("tides" * 30)[:120])
    paths = ["", "nothing", "article/list?q=zzz", f"article/edit/{made.id}", f"article/details/{made.id}"]
    paths += [f"{t.singular}/{step}" for t in installation.registry for step in ("list", "create")]
    paths += ["category/tree", "page/tree"]
    paths += [f"site/{step}/{SITE_ID}" for step in ("edit", "details")]
    async with window(viewport=viewport) as nobodys:
        await visit(await nobodys.open("login"), "login")
    async with window(Role.ADMIN, viewport=viewport) as mine:
        page = await mine.open("")
        for path in paths:
            await visit(page, path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
            assert await page.locator("h1").count() == 1, path
            assert await page.evaluate(UNNAMED) == [], path
