"""The Markdown editor: keys, toolbar, “/” menu, pasting, pictures, find and replace, the preview beside it."""

import gzip
import hashlib
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, Route, expect

from admin.pages.markdown import AT_ONCE
from cms.content.articles import article
from cms.crud.policy import Role
from cms.editorial.markdown import parse
from tests.admin.browsing import Page as Answer
from tests.admin.browsing import Visitor
from tests.admin.chromium import opened, served
from tests.admin.conftest import Visit
from tests.installation import Installation
from tests.samples import make_sample, picture

WORD = """
<html><body><style>p.MsoNormal {margin:0}</style><!--StartFragment-->
<h2 style='margin:0'>Tides</h2>
<p class=MsoNormal style='margin:0'>The <b>slow</b> and the <i>quick</i>.<o:p></o:p></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-.25in;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7pt'>&nbsp;&nbsp;</span></span></span
><![endif]>Ebb</p>
<p class=MsoListParagraphCxSpMiddle style='mso-list:l0 level2 lfo1'><span style='mso-list:Ignore'>o </span>Neap</p>
<p class=MsoListParagraphCxSpLast style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>·</span>Flood</p>
<table><tr><td>Port</td><td>Hours</td></tr><tr><td>Brest</td><td>6</td></tr></table>
<!--EndFragment--></body></html>
"""
FROM_WORD = """## Tides

The **slow** and the *quick*.

- Ebb
  - Neap
- Flood

| Port | Hours |
| --- | --- |
| Brest | 6   |"""
DOCS = """
<meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-1"><p dir="ltr"><span
style="font-weight:700">Bold</span><span
style="font-weight:400"> and </span><a href="https://www.google.com/url?q=https://example.com/a&amp;sa=D"><span
style="text-decoration:underline">a link</span></a></p><ul><li dir="ltr"><p dir="ltr"><span>one</span></p></li><ul><li
dir="ltr"><p dir="ltr"><span style="font-style:italic">two</span></p></li></ul></ul></b>
"""
FROM_DOCS = "**Bold** and [a link](https://example.com/a)\n\n- one\n  - *two*"
PASTE = """
([target, html, plain]) => {
  const data = new DataTransfer();
  if (html) data.setData("text/html", html);
  data.setData("text/plain", plain);
  const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.querySelector(target).dispatchEvent(paste);
}
"""
PASTE_FILE = """
(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "image.png", { type: "image/png" }));
  const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
  document.querySelector(".cm-content").dispatchEvent(paste);
}
"""
DROP = """
async (bytes) => {
  const content = document.querySelector(".cm-content");
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "boat (1).png", { type: "image/png" }));
  const last = content.lastElementChild.getBoundingClientRect();
  const where = { clientX: last.left + 40, clientY: last.top + 5, bubbles: true, cancelable: true, dataTransfer: data };
  content.dispatchEvent(new DragEvent("drop", where));
}
"""
EDITOR = Path(__file__).parents[2] / "admin" / "editor"
BUNDLE = EDITOR.parent / "static" / "markdown-editor.js"
JSON = {"Accept": "application/json"}


async def preview(visitor: Visitor, body: Any) -> Answer:
    headers = {**JSON, "X-CSRF-Token": await visitor.token()}
    return await visitor.call("POST", "/preview-markdown", headers=headers, json=body)


def test_the_bundle_was_made_from_these_sources() -> None:
    """Run `make editor` after changing them. Licences lie beside it; half of an edit screen's bytes are its own."""
    paths = [*sorted((EDITOR / "src").iterdir()), EDITOR / "build.mjs", EDITOR / "package-lock.json"]
    made_from = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    assert made_from in BUNDLE.read_text(encoding="utf-8").partition("\n")[0]
    assert len(gzip.compress(BUNDLE.read_bytes(), 9)) < 190_000
    licences = BUNDLE.with_suffix(".licences.txt").read_text(encoding="utf-8")
    assert all(f"\n{name} " in licences for name in ("@codemirror/view", "turndown", "style-mod"))


@pytest.mark.long
def test_the_bundle_is_what_the_sources_say(tmp_path: Path) -> None:
    """Byte for byte, with the packages of the lock file."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("needs node and npm")
    copy = tmp_path / "editor"
    shutil.copytree(EDITOR, copy, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=copy, check=True, capture_output=True)  # noqa: S603
    subprocess.run([node, "build.mjs", str(tmp_path / BUNDLE.name)], cwd=copy, check=True, capture_output=True)  # noqa: S603
    for name in (BUNDLE.name, "markdown-editor.licences.txt"):
        assert (tmp_path / name).read_bytes() == (BUNDLE.parent / name).read_bytes(), name


@pytest.mark.parametrize("text", ["", "# Tides\n\nA *slow* [link](/a).\n\n- one\n", "word\n\n" * 1_000])
async def test_a_preview_is_what_readers_get(author: Visitor, text: str) -> None:
    shown, stored = (await preview(author, {"text": text})).response.json(), parse(text, with_lines=True)
    assert shown == {"html": stored.html, "words": stored.words, "minutes": stored.minutes}
    assert AT_ONCE.borrowed_tokens == 0


async def test_a_preview_shows_files_of_the_library(installation: Installation, author: Visitor) -> None:
    files = {"file": ("boat.png", picture(3))}
    made = (await installation.send("POST", "/media", Role.AUTHOR, files=files)).json()
    shown = (await preview(author, {"text": "![A boat](media:boat.png) ![Lost](media:lost.png)"})).response.json()
    assert f'src="/media/{UUID(made["id"]).hex}/boat.png"' in shown["html"]
    assert "lost.png" not in shown["html"]


async def test_a_preview_of_what_can_not_be_rendered_says_why(author: Visitor, visit: Visit) -> None:
    """Nothing hostile passes, and nothing else than a text within its limits is taken."""
    hostile = (await preview(author, {"text": "<script>alert(1)</script>\0 <p onclick=x data-line=5>a</p>"})).response
    assert (hostile.json()["html"].count("script"), "onclick" in hostile.json()["html"]) == (0, False)
    deep = await preview(author, {"text": ">" * 40 + " a"})
    assert (deep.status, "nests" in deep.response.json()["detail"]) == (422, True)
    wrong: list[Any] = [{"text": "a" * 400_001}, {"text": "a", "other": 1}, {}, []]
    for body in wrong:
        assert (await preview(author, body)).status == 422, body
    assert (await visit(Role.ANONYMOUS).call("POST", "/preview-markdown", headers=JSON)).status == 401
    assert (await preview(visit(Role.READER), {"text": "a"})).status in {401, 403}
    assert (await author.call("POST", "/preview-markdown", headers=JSON, json={"text": "a"})).status == 403


@asynccontextmanager
async def writing(
    installation: Installation, chromium: Browser, content: str = "", *, loud: bool = False, **options: Any
) -> AsyncIterator[Page]:
    """The page of an article, the cursor at the end of its text; a loud one is of a server that fails on purpose."""
    made = await installation.make(article, title="Slow tides", content=content)
    async with served(installation.app) as url, opened(chromium, installation, url, Role.EDITOR, **options) as window:
        page = await window.open(f"article/edit/{made.id}")
        await page.get_by_role("textbox", name="Content").click()
        await page.keyboard.press("Control+End")
        yield page
        window.noise = [noise for noise in window.noise if not (loud and noise.startswith("Failed to load"))]


async def text_of(page: Page) -> str:
    """What the form would send."""
    sent = await page.evaluate("new FormData(document.querySelector('#field-content').form).get('content')")
    return str(sent).replace("\r\n", "\n")


async def put(page: Page, text: str) -> None:
    """Have another script of the page set the text."""
    editor = "document.querySelector('#field-content').markdownEditor"
    await page.evaluate(f"(text) => {{ {editor}.setValue(text); {editor}.focus(); }}", text)


browser = pytest.mark.browser
sqlite = pytest.mark.parametrize("server", ["sqlite"], indirect=True)


@browser
@sqlite
async def test_a_text_is_written_with_keys_and_toolbar(installation: Installation, chromium: Browser) -> None:
    async with writing(installation, chromium) as page:
        await page.evaluate(
            "document.querySelector('#field-content').addEventListener('input', () => { window.heard = 1; })"
        )
        await page.keyboard.type("A slow tide")
        assert (await text_of(page), await page.evaluate("window.heard")) == ("A slow tide", 1)
        await page.keyboard.press("Control+Shift+ArrowLeft")
        await page.keyboard.press("Control+b")
        assert await text_of(page) == "A slow **tide**"
        await expect(page.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("Control+b")
        await page.keyboard.press("Control+i")
        assert await text_of(page) == "A slow *tide*"
        await page.get_by_role("button", name="Heading").click()
        assert await text_of(page) == "## A slow *tide*"
        await page.keyboard.press("Control+End")
        await page.keyboard.type("\n- one\ntwo")
        assert await text_of(page) == "## A slow *tide*\n- one\n- two"
        await page.get_by_role("button", name="Numbered list").click()
        assert (await text_of(page)).endswith("- one\n1. two")
        await page.keyboard.press("Control+z")
        await page.keyboard.press("Escape")
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("textbox", name="Content")).not_to_be_focused()
        await page.get_by_role("button", name="Heading").focus()
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("button", name="Bold")).to_be_focused()
        await page.evaluate("document.querySelector('#field-content-label').click()")
        await expect(page.get_by_role("textbox", name="Content")).to_be_focused()


@browser
@sqlite
async def test_what_is_pasted_becomes_markdown(installation: Installation, chromium: Browser) -> None:
    async with writing(installation, chromium) as page:
        for html, plain, text in ((WORD, "Tides", FROM_WORD), (DOCS, "Bold", FROM_DOCS), ("", "*as is*", "*as is*")):
            await put(page, "")
            await page.evaluate(PASTE, [".cm-content", html, plain])
            assert await text_of(page) == text
        await page.keyboard.press("Control+a")
        await page.evaluate(PASTE, [".cm-content", "", "https://example.com/tides"])
        assert await text_of(page) == "[*as is*](https://example.com/tides)"
        await put(page, "")
        held = '<p>A <b>boat</b>: <img src="data:image/png;base64,AA=="><img src="https://example.com/b.png"></p>'
        await page.evaluate(PASTE, [".cm-content", held, "A boat:"])
        assert await text_of(page) == "A **boat**: ![](https://example.com/b.png)"
        await expect(page.get_by_role("alert")).to_contain_text("A picture in what you pasted could not come along.")


@browser
@sqlite
async def test_pictures_are_described_uploaded_and_placed(installation: Installation, chromium: Browser) -> None:
    answers = [503, 201, 201]
    alts: list[str] = []

    async def upload(route: Route) -> None:
        alts.append(str(route.request.post_data_buffer).split('name="alt"')[1].split("------")[0])
        if (status := answers.pop(0)) == 503:
            body = {"detail": "The storage is away.", "status": 503}
        else:
            body = {
                "id": "1",
                "url": "/x",
                "path": "boat-1.png",
                "alt": "",
                "width": 8,
                "height": 8,
                "name": "boat",
                "thumbnail": "/x",
            }
        await route.fulfill(status=status, json=body)

    async with writing(installation, chromium, "First.\n\nLast.", loud=True) as page:
        await page.route("**/admin/media/upload", upload)
        await page.evaluate(DROP, list(picture(5)))
        dialog = page.get_by_role("dialog", name="Describe the picture")
        await dialog.get_by_role("button", name="Insert").click()
        await expect(dialog.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
        await dialog.get_by_role("textbox", name="Alt text").fill("A boat [at] dusk")
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Try again").click(click_count=1)
        await expect(page.get_by_role("textbox", name="Content")).to_contain_text("boat-1.png")
        assert await text_of(page) == "First.\n\nLast.\n\n![A boat \\[at\\] dusk](media:boat-1.png)\n\n"
        assert all("A boat [at] dusk" in alt for alt in alts)
        await put(page, "")
        await page.evaluate(DROP, list(picture(5)))
        await dialog.get_by_role("checkbox", name="Only decoration").check()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("textbox", name="Content")).to_contain_text("boat-1.png")
        assert (await text_of(page)).strip() == "![](media:boat-1.png)"


@browser
@sqlite
async def test_a_picture_that_is_pasted_is_uploaded(installation: Installation, chromium: Browser) -> None:
    async with writing(installation, chromium) as page:
        await page.evaluate(PASTE_FILE, list(picture(5)))
        dialog = page.get_by_role("dialog", name="Describe the picture")
        await dialog.get_by_role("textbox", name="Alt text").fill("A boat")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("textbox", name="Content")).to_contain_text("![A boat](media:image.png)")
    (row,) = await installation.rows("media")
    assert (row["path"], row["alt"]) == ("image.png", "A boat")


@browser
@sqlite
async def test_the_slash_menu_and_the_link_picker_are_used_by_keyboard(
    installation: Installation, chromium: Browser
) -> None:
    await installation.make(article, title="Neap tides", published_at="2026-01-01T00:00:00Z")
    async with writing(installation, chromium) as page:
        await page.keyboard.type("/tab")
        await expect(page.get_by_role("option", name="Table")).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("Enter")
        await page.keyboard.type("Port")
        assert (await text_of(page)).startswith("| Port | Column |\n| ------ |")
        await put(page, "")
        await page.keyboard.type("See neaps")
        await page.keyboard.press("Control+k")
        await expect(page.get_by_role("dialog", name="Search anything")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("Control+Shift+ArrowLeft")
        await page.keyboard.press("Control+k")
        dialog = page.get_by_role("dialog", name="Link")
        await page.keyboard.type("neap")
        await expect(dialog.get_by_role("option", name="Neap tides")).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#field-content")).to_have_value("See [neaps](/articles/neap-tides)")
        await page.keyboard.type("\n/emb")
        await expect(page.get_by_role("option", name="Embed link")).to_be_visible()
        await page.keyboard.press("Enter")
        await page.get_by_role("dialog", name="Embed link").get_by_role("combobox").fill("https://example.com/v/1")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("textbox", name="Content")).to_contain_text("https://example.com/v/1")
        assert (await text_of(page)).rstrip().endswith("\n\nhttps://example.com/v/1")


@browser
@sqlite
async def test_a_link_leads_to_what_was_typed_last(installation: Installation, chromium: Browser) -> None:
    """Enter may come before anything was found for that."""
    for title in ("Neap tides", "Slow ebb"):
        await installation.make(article, title=title, published_at="2026-01-01T00:00:00Z")
    async with writing(installation, chromium) as page:
        await page.keyboard.type("See ebb")
        await page.keyboard.press("Control+Shift+ArrowLeft")
        await page.keyboard.press("Control+k")
        dialog = page.get_by_role("dialog", name="Link")
        await dialog.get_by_role("combobox").fill("neap")
        await expect(dialog.get_by_role("option", name="Neap tides")).to_be_visible()
        await dialog.get_by_role("combobox").fill("slow ebb")
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()
        await expect(page.locator("#field-content")).to_have_value("See [ebb](/articles/slow-ebb)")


@browser
@sqlite
async def test_a_table_is_filled_with_tab(installation: Installation, chromium: Browser) -> None:
    """From cell to cell, back with Shift, over what is written there; behind the last one there is a row more."""
    async with writing(installation, chromium) as page:
        await page.keyboard.type("/tab")
        await expect(page.get_by_role("option", name="Table")).to_be_visible()
        await page.keyboard.press("Enter")
        await page.keyboard.type("Port")
        for cell in ("High", "Fal", "6:10", "Looe", "6\\|30", "Hayle"):
            await page.keyboard.press("Tab")
            await page.keyboard.type(cell)
        await page.keyboard.press("Shift+Tab")
        await page.keyboard.type("6:30")
        rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in (await text_of(page)).splitlines()]
        assert [row for row in rows if "-" not in row[0]] == [
            ["Port", "High"],
            ["Fal", "6:10"],
            ["Looe", "6:30"],
            ["Hayle", ""],
        ]


@browser
@sqlite
async def test_the_slash_menu_inserts_what_it_names(installation: Installation, chromium: Browser) -> None:
    await make_sample(installation, installation.registry.by_name("media"))
    wanted = {"heading": "## ", "sub": "### ", "code": "```", "quote": "> ", "bul": "- ", "num": "1. ", "div": "---"}
    async with writing(installation, chromium) as page:
        for typed, inserted in wanted.items():
            await put(page, "")
            await page.keyboard.type(f"/{typed}")
            await expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
            await page.keyboard.press("Enter")
            await page.keyboard.type("Tide")
            found = await text_of(page)
            assert (inserted in found, "/" in found) == (True, False), typed
        await put(page, "")
        await page.keyboard.type("/image")
        await expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
        async with page.expect_file_chooser():
            await page.keyboard.press("Enter")
        await put(page, "")
        await page.keyboard.type("/image of")
        await expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
        await page.keyboard.press("Enter")
        library = page.get_by_role("dialog")
        await library.get_by_role("option").first.click()
        await library.get_by_role("button", name="Use these").click()
        await expect(page.get_by_role("textbox", name="Content")).to_contain_text("media:p0.png")


@browser
@sqlite
async def test_words_are_found_and_replaced(installation: Installation, chromium: Browser) -> None:
    async with writing(installation, chromium, "Slow tides, slow boats, slow days.") as page:
        await page.keyboard.press("Control+f")
        await page.get_by_role("textbox", name="Find").fill("slow")
        await page.get_by_role("textbox", name="Replace").fill("quick")
        await page.get_by_role("button", name="replace all").click()
        assert await text_of(page) == "quick tides, quick boats, quick days."
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("textbox", name="Content")).to_be_focused()


LONG = "\n\n".join(f"## Part {n}\n\n" + "Words of a part that go on for a while. " * (1 + n % 9) for n in range(80))
DRIFT = """
() => {
  const [text, pane] = [document.querySelector(".cm-scroller"), document.querySelector(".md-preview")];
  const top = (node) => node.getBoundingClientRect().top;
  const heads = [...text.querySelectorAll(".cm-line")].filter((line) => line.textContent.startsWith("## "));
  const seen = heads.find((line) => top(line) > top(text));
  const name = seen.textContent.slice(3);
  const head = [...pane.querySelectorAll("h2")].find((found) => found.textContent === name);
  return Math.abs((top(seen) - top(text)) - (top(head) - top(pane)));
}
"""


@browser
@sqlite
async def test_the_preview_keeps_in_step_and_outlives_the_server(installation: Installation, chromium: Browser) -> None:
    async with writing(installation, chromium, LONG, loud=True, viewport={"width": 1600, "height": 900}) as page:
        await page.keyboard.press("Control+Shift+f")
        await page.get_by_role("button", name="Side by side").click()
        pane = page.get_by_role("region", name="Preview")
        await expect(pane.get_by_role("heading")).to_have_count(80)
        for part in (0.2, 0.5, 0.8):
            await page.evaluate(
                f"(text => {{ text.scrollTop = text.scrollHeight * {part}; }})(document.querySelector('.cm-scroller'))"
            )
            await page.wait_for_timeout(200)
            assert await page.evaluate(DRIFT) < 260
        await page.route("**/admin/preview-markdown", lambda route: route.abort())
        await put(page, "Gone?")
        await expect(page.get_by_text("The preview waits for the server.")).to_be_visible()
        await expect(pane.get_by_role("heading")).to_have_count(80)
        await page.unroute("**/admin/preview-markdown")
        await expect(pane).to_have_text("Gone?", timeout=10_000)
        await expect(page.get_by_text("1 word · 1 min read")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("link", name="Articles").first).to_be_visible()
        await put(page, "![far](https://example.com/a.png) [out](/b)")
        await expect(pane).to_contain_text("Picture from example.com")
        await expect(pane.get_by_role("link")).to_have_attribute("target", "_blank")
        other = await page.context.new_page()
        await other.goto(page.url)
        await expect(other.get_by_role("region", name="Preview")).to_be_visible()


@browser
@sqlite
async def test_the_textarea_is_all_there_is_without_scripts(installation: Installation, chromium: Browser) -> None:
    made = await installation.make(article, title="Slow tides", content="Ebb.")
    async with (
        served(installation.app) as url,
        opened(chromium, installation, url, Role.EDITOR, java_script_enabled=False) as window,
    ):
        page = await window.open(f"article/edit/{made.id}")
        await expect(page.get_by_label("Content")).to_have_value("Ebb.")
