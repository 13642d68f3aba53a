"""The media library as an editor uses it, in a browser; and its addresses, used wrong."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.async_api import Browser, FilePayload, Locator, Page, expect
from sqlalchemy import update

from cms.auth.users import User
from cms.content.articles import article
from cms.crud.policy import Role
from cms.media.pending import KeptFile
from cms.media.records import Media
from cms.media.rendering import Renderer
from tests.admin.browsing import Visitor
from tests.admin.chromium import opened, served, started
from tests.installation import Installation
from tests.problems import assert_problem
from tests.samples import make_sample, picture

LIBRARY = "media-library"
JSON = {"Accept": "application/json"}


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with started() as found:
        yield found


def photo(number: int, width: int = 700, height: int = 500) -> bytes:
    image = Image.new("RGB", (width, height), (40 + number * 9, 120, 200 - number * 7))
    ImageDraw.Draw(image).ellipse((width // 2, 40, width - 40, height - 40), (230, 200, 60))
    target = BytesIO()
    image.save(target, "JPEG")
    return target.getvalue()


def files(count: int) -> list[FilePayload]:
    return [{"name": f"Harbour {n:02}.jpg", "mimeType": "image/jpeg", "buffer": photo(n)} for n in range(count)]


async def media(installation: Installation, **values: Any) -> dict[str, Any]:
    """The one row with these values."""
    rows = await installation.rows("media")
    (row,) = [row for row in rows if all(row[name] == value for name, value in values.items())]
    return row


async def drop(page: Page, sent: list[tuple[str, bytes]]) -> None:
    """Drop files on the page, as a hand does."""
    await page.evaluate(
        """(sent) => {
          const transfer = new DataTransfer();
          for (const [name, bytes] of sent) transfer.items.add(new File([new Uint8Array(bytes)], name));
          const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
          for (const kind of ["dragenter", "dragover", "drop"])
            document.querySelector("main").dispatchEvent(new DragEvent(kind, options));
        }""",
        [[name, list(content)] for name, content in sent],
    )


async def upload_all(page: Page) -> None:
    """Twenty files; then one that is refused, and one that is there already."""
    await expect(page.get_by_role("heading", name="No files yet")).to_be_visible()
    await page.locator("[data-chooser]").set_input_files(files(20))
    await expect(page.get_by_text("20 files uploaded.").first).to_be_visible(timeout=60_000)
    await expect(page.locator(".media-card")).to_have_count(20)
    await drop(page, [("notes.txt", b"just text"), ("harbour-00.jpg", photo(0))])
    failed = page.locator('.upload-line[data-state="failed"]')
    await expect(failed).to_contain_text("Send a PNG, JPEG, GIF, WebP or AVIF picture")
    await expect(page.get_by_text("Was here already, as “harbour-00.jpg”")).to_be_visible()
    await failed.get_by_role("button", name="Dismiss notes.txt").click()


async def describe(page: Page, panel: Locator) -> None:
    """An alternative text, and a focal point by mouse and by keys."""
    await page.get_by_role("button", name="Open harbour-07.jpg").click()
    await panel.get_by_label("Alt text").fill("Boats in the harbour")
    await panel.get_by_label("Alt text").press("Enter")
    await expect(panel.get_by_text("Saved", exact=True)).to_be_visible()
    focal = panel.get_by_role("slider")
    await focal.click(position={"x": 60, "y": 50})
    for _ in range(3):
        await focal.press("Shift+ArrowRight")
    await expect(page.locator("#announcer")).to_have_text("The focal point is saved.")
    await expect(panel.get_by_text("Nowhere.")).to_be_visible()


async def trash_five(page: Page) -> None:
    """Search, narrow, tick a range, and move it to the trash."""
    await page.get_by_label("Search files").fill("boats")
    await expect(page.locator(".media-card")).to_have_count(1)
    await page.get_by_label("Search files").fill("")
    await page.get_by_label("Without alt text").check()
    await expect(page.locator(".media-card")).to_have_count(19)
    ticks = page.locator(".media-tick input")
    await ticks.nth(2).click()
    await ticks.nth(6).click(modifiers=["Shift"])
    await expect(page.get_by_text("5 ticked")).to_be_visible()
    await page.locator("[data-bulk]").get_by_role("button", name="Move to trash").click()
    await expect(page.locator(".media-card")).to_have_count(14)


async def test_a_replaced_file_comes_back(installation: Installation) -> None:
    """By undo, and by restoring a revision; its path and permalink are the same all along."""
    made = (await installation.send("POST", "/media", Role.EDITOR, files={"file": ("tide.jpg", photo(1))})).json()
    path, headers = f"/media/{made['id']}", {"If-Match": "*"}
    other = await installation.send(
        "PUT", f"{path}/file", Role.EDITOR, files={"file": ("o.png", picture(3))}, headers=headers
    )
    assert other.json()["mime_type"] == "image/png"
    (change,) = (await installation.send("GET", "/changes?limit=1", Role.EDITOR)).json()["items"]
    told = change["records"][0]["fields"]["storage_key"]
    assert made["sha256"] in told["old"]
    assert other.json()["sha256"] in told["new"]
    undone = await installation.send("POST", f"/changes/{change['id']}/undo", Role.EDITOR)
    assert undone.status_code == 200, undone.text
    kept = ("url", "permalink", "path", "sha256", "mime_type", "size", "width", "height")
    after = (await installation.send("GET", path, Role.EDITOR)).json()
    assert {name: after[name] for name in kept} == {name: made[name] for name in kept}
    assert (await installation.rows("rendition_jobs"))[0]["attempts"] == 0, "it is drawn anew"
    restored = await installation.send("POST", f"{path}/revisions/2/restore", Role.EDITOR, headers=headers)
    assert restored.json()["sha256"] == other.json()["sha256"]
    files = {"file": ("again.jpg", photo(1))}
    again = (await installation.send("POST", "/media", Role.EDITOR, files=files)).json()
    refused = await installation.send("POST", f"{path}/revisions/1/restore", Role.EDITOR, headers=headers)
    problem = assert_problem(refused, 409)
    assert f"uploaded again since, as “{again['path']}”" in problem["detail"]
    async with installation.database.session() as session:
        await session.execute(update(KeptFile).values(facts=None))
    await installation.send("DELETE", f"/media/{again['id']}", Role.EDITOR, headers=headers)
    refused = await installation.send("POST", f"{path}/revisions/1/restore", Role.EDITOR, headers=headers)
    assert "is not known any more" in assert_problem(refused, 409)["detail"]


async def test_files_of_a_day_are_those_of_the_day_of_who_looks(installation: Installation, editor: Visitor) -> None:
    await installation.send("POST", "/media", Role.EDITOR, files={"file": ("tide.jpg", photo(1))})
    async with installation.database.session() as session:
        await session.execute(update(Media).values(created_at=datetime(2026, 11, 30, 23, 30, tzinfo=UTC)))
        await session.execute(update(User).values(time_zone="Europe/Berlin"))

    async def found(day: str) -> int:
        query = f"created_at__gte={day}&created_at__lte={day}"
        page = await editor.get(f"/media-library/items?{query}", headers=JSON)
        return len(page.response.json()["items"])

    assert [await found(day) for day in ("2026-11-30", "2026-12-01")] == [0, 1]
    assert (await editor.get("/media-library/items?created_at__gte=2026-13-01", headers=JSON)).status == 400


@pytest.mark.browser
async def test_twenty_files_are_uploaded_described_replaced_and_trashed(
    installation: Installation, browser: Browser
) -> None:
    async with served(installation.app) as url, opened(browser, installation, url, Role.EDITOR) as window:
        page = await window.open(LIBRARY)
        panel = page.get_by_role("complementary", name="File")
        await upload_all(page)
        assert len(await installation.rows("media")) == 20
        await describe(page, panel)
        row = await media(installation, path="harbour-07.jpg")
        assert (row["alt"], 0.4 < row["focal_point"]["x"] < 0.6) == ("Boats in the harbour", True)

        cover = await installation.make(article, title="Slow tides", cover=str(row["id"]))
        other: FilePayload = {"name": "other.png", "mimeType": "image/png", "buffer": picture(3)}
        await page.locator("[data-replacer]").set_input_files(other)
        toast = page.get_by_role("status").filter(has_text="Replaced. Everything")
        await expect(toast.get_by_role("button", name="Undo")).to_be_visible()
        replaced = await media(installation, id=row["id"])
        assert (replaced["path"], replaced["mime_type"], replaced["alt"]) == ("harbour-07.jpg", "image/png", row["alt"])
        used = panel.get_by_role("link", name="Slow tides")
        await expect(used).to_have_attribute("href", f"/admin/article/edit/{cover.id}")
        await panel.get_by_role("button", name="Move to trash").click()
        await expect(page.get_by_role("alert").filter(has_text="in use")).to_contain_text("“Slow tides”")
        await page.keyboard.press("Escape")
        await expect(panel).to_be_hidden()

        await trash_five(page)
        assert sum(row["trashed_at"] is not None for row in await installation.rows("media")) == 5
        toast = page.get_by_role("status").filter(has_text="5 files moved to the trash.")
        await toast.get_by_role("button", name="Undo").click()
        await expect(page.locator(".media-card")).to_have_count(19)
        assert all(row["trashed_at"] is None for row in await installation.rows("media"))


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_two_who_describe_a_file_at_once_both_keep_their_words(
    installation: Installation, browser: Browser
) -> None:
    await installation.send("POST", "/media", Role.EDITOR, files={"file": ("tide.jpg", photo(1))})
    async with served(installation.app) as url, opened(browser, installation, url, Role.EDITOR) as window:
        page = await window.open(LIBRARY)
        await page.get_by_role("button", name="List", exact=True).click()
        row = await media(installation)
        change = {"json": {"alt": "Theirs"}, "headers": {"If-Match": "*"}}
        await installation.send("PATCH", f"/media/{row['id']}", Role.EDITOR, **change)
        field = page.get_by_label("Alt text", exact=True)
        await field.fill("Mine")
        await field.press("Enter")
        await expect(page.locator(".saved.is-bad")).to_contain_text("Somebody else has written “Theirs” here")
        await expect(field).to_have_value("Mine")
        await page.get_by_role("button", name="Save mine").click()
        await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        assert (await media(installation))["alt"] == "Mine"
        await field.fill("Half a sent")
        await page.reload()
        await expect(page.locator(".media-grid.is-list")).to_be_visible()
        assert window.noise == ["asked: beforeunload"]
        window.noise.clear()


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_a_field_of_a_picture_is_filled_from_the_library(installation: Installation, browser: Browser) -> None:
    texts = {"alt": "A lighthouse"}
    files = {"file": ("light.jpg", photo(3))}
    await installation.send("POST", "/media", Role.EDITOR, files=files, data=texts)
    draft = await installation.make(article, title="Slow tides")
    async with served(installation.app) as url, opened(browser, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{draft.id}")
        await page.get_by_role("button", name="Choose from the library").click()
        picker = page.get_by_role("dialog", name="Choose: Cover")
        await picker.get_by_role("option").press("Enter")
        await expect(page.locator(".media-chosen")).to_contain_text("A lighthouse")
        await page.get_by_role("button", name="Save", exact=True).first.click()
        await expect(page.locator("[data-state]")).to_contain_text("Saved ")
        (row,) = await installation.rows("articles")
        assert row["cover_id"] == (await media(installation))["id"]
        await page.get_by_role("button", name="Take light.jpg away").click()
        await expect(page.locator(".media-chosen")).to_have_count(0)
        await page.get_by_role("button", name="Save", exact=True).first.click()
        await expect(page.locator("[data-state]")).to_contain_text("Saved ")
        assert (await installation.rows("articles"))[0]["cover_id"] is None


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_the_picker_is_worked_by_keyboard_and_takes_files_in(
    installation: Installation, browser: Browser
) -> None:
    for number in range(3):
        await installation.send("POST", "/media", Role.EDITOR, files={"file": (f"p{number}.jpg", photo(number + 5))})
    async with served(installation.app) as url, opened(browser, installation, url, Role.AUTHOR) as window:
        page = await window.open("")
        script = await page.evaluate(
            "async () => { const page = await (await fetch('/admin/media-library')).text();"
            " return page.match(/[^\"]*media-library\\.js[^\"]*/)[0].replace('media-library.js', 'media-picker.js'); }"
        )
        ask = "([at, options]) => { window.chosen = import(at).then((m) => m.openMediaPicker(options)); }"
        await page.evaluate(ask, [script, {"multiple": True}])
        picker = page.get_by_role("dialog", name="Choose pictures")
        await expect(picker.get_by_role("option")).to_have_count(3)
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Space")
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Space")
        await picker.get_by_role("button", name="Use these").click()
        assert [each["name"] for each in await page.evaluate("window.chosen")] == ["p2.jpg", "p1.jpg"]

        await page.evaluate(ask, [script, {}])
        picker = page.get_by_role("dialog", name="Choose a picture")
        await picker.get_by_label("Search files").fill("nothing like it")
        await expect(picker.get_by_text("Nothing is found.")).to_be_visible()
        await picker.locator("input[type=file]").set_input_files(files(1))
        await expect(picker.get_by_role("option", name="harbour-00.jpg", selected=True)).to_be_visible()
        await picker.get_by_role("button", name="Use this").click()
        (chosen,) = await page.evaluate("window.chosen")
        assert chosen.keys() >= {"id", "url", "path", "alt", "width", "height", "name", "thumbnail"}
        await page.evaluate(ask, [script, {}])
        await page.keyboard.press("Escape")
        assert await page.evaluate("window.chosen") == []


async def test_a_file_is_described_with_the_version_that_was_seen(installation: Installation, editor: Visitor) -> None:
    token = await editor.token()
    sent = {"file": ("tide.jpg", photo(1, 900, 700))}
    made = await editor.call(
        "POST", "/media/upload", data={"csrf_token": token, "alt": "Low"}, files=sent, headers=JSON
    )
    item = made.response.json()
    assert (made.status, item["alt"], item["is_drawn"], item["thumbnail"]) == (201, "Low", False, item["url"])
    again = await editor.call("POST", "/media/upload", data={"csrf_token": token}, files=sent, headers=JSON)
    assert (again.status, again.response.json()["id"]) == (200, item["id"])
    renderer = Renderer(installation.database, installation.app.state.storage)
    await renderer.work()
    drawn = (await editor.get(f"/{LIBRARY}/{item['id']}")).response.json()
    assert (drawn["is_drawn"], drawn["usages"], drawn["places"]) == (True, [], [])
    assert drawn["thumbnail"].endswith(".webp")
    headers = {**JSON, "X-CSRF-Token": token}
    for body, status in (
        ({"version": 1, "alt": "High"}, 200),
        ({"version": 1, "alt": "Late"}, 412),
        ({"version": 2, "alt": "x" * 501}, 422),
        ({"version": 2, "focal_point": {"x": 2, "y": 0}}, 422),
        ({"version": 2, "path": "../x"}, 422),
        ({"version": 2, "size": 1}, 422),
        ({"alt": "Unseen"}, 422),
    ):
        answer = await editor.call("POST", f"/{LIBRARY}/{item['id']}", json=body, headers=headers)
        assert answer.status == status, (body, answer.text)
    assert (await media(installation))["alt"] == "High"
    for path in (f"/{LIBRARY}/x", f"/{LIBRARY}/00000000-0000-0000-0000-000000000000"):
        assert (await editor.call("GET", path, headers=JSON)).status == 404
    assert (await editor.call("GET", f"/{LIBRARY}/items?colour=red", headers=JSON)).status == 400


async def test_authors_change_what_is_theirs_and_trash_nothing_else(installation: Installation) -> None:
    theirs = (await installation.send("POST", "/media", Role.EDITOR, files={"file": ("a.png", picture(1))})).json()
    own = (await installation.send("POST", "/media", Role.AUTHOR, files={"file": ("b.png", picture(2))})).json()
    author = Visitor(installation.client, installation.people[Role.AUTHOR].cookie)
    headers = {**JSON, "X-CSRF-Token": await author.token()}
    listed = (await author.call("GET", f"/{LIBRARY}/items", headers=JSON)).response.json()["items"]
    assert {item["id"]: item["is_editable"] for item in listed} == {theirs["id"]: False, own["id"]: True}
    body = {"version": 1, "alt": "Mine"}
    assert (await author.call("POST", f"/{LIBRARY}/{theirs['id']}", json=body, headers=headers)).status == 403
    both = {"items": [{"id": each["id"], "version": 1} for each in (own, theirs)]}
    assert (await author.call("POST", "/media/trash", json=both, headers=headers)).status in {403, 404}
    assert all(row["trashed_at"] is None for row in await installation.rows("media"))
    one = {"items": [{"id": own["id"], "version": 1}]}
    done = await author.call("POST", "/media/trash", json=one, headers=headers)
    assert (done.status, done.response.json()["change_id"] is None) == (200, False)


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_a_cover_is_described_where_it_is_chosen(installation: Installation, browser: Browser) -> None:
    cover = await make_sample(installation, installation.registry.by_name("media"))
    made = await installation.make(article, title="Slow tides", cover=str(cover.id))
    async with served(installation.app) as url, opened(browser, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{made.id}")
        await page.get_by_role("button", name="Focal point, alt text of p0.png").click()
        dialog = page.get_by_role("dialog", name="Describe p0.png")
        await dialog.get_by_role("slider").press("Shift+ArrowRight")
        await dialog.get_by_label("Alt text").fill("Boats at low water")
        await dialog.get_by_role("button", name="Done").click()
        await expect(page.locator(".media-chosen")).to_contain_text("Boats at low water")
        await expect(page.get_by_role("button", name="Focal point, alt text")).to_be_focused()
    row = await media(installation)
    assert (row["alt"], row["focal_point"]) == ("Boats at low water", {"x": 0.6, "y": 0.5})
    assert [each["version"] for each in await installation.rows("articles")] == [made.version]


@pytest.mark.browser
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
async def test_what_is_refused_stays_in_the_dialog(installation: Installation, browser: Browser) -> None:
    cover = await make_sample(installation, installation.registry.by_name("media"))
    made = await installation.make(article, title="Slow tides", cover=str(cover.id))
    async with served(installation.app) as url, opened(browser, installation, url, Role.EDITOR) as window:
        page = await window.open(f"article/edit/{made.id}")
        await page.get_by_role("button", name="Focal point, alt text of p0.png").click()
        dialog = page.get_by_role("dialog", name="Describe p0.png")
        await expect(dialog).to_be_visible()
        theirs = {"alt": "Theirs"}
        path = f"/media/{cover.id}"
        await installation.send("PATCH", path, Role.EDITOR, headers={"If-Match": "*"}, json=theirs)
        await dialog.get_by_label("Alt text").fill("Mine")
        await dialog.get_by_role("button", name="Done").click()
        await expect(dialog).to_contain_text("Somebody else has written “Theirs”")
        await dialog.get_by_role("button", name="Save mine").click()
        await expect(dialog).to_contain_text("Saved")
        await dialog.get_by_role("button", name="Done").click()
        await expect(page.locator(".media-chosen")).to_contain_text("Mine")
    assert (await media(installation))["alt"] == "Mine"
