"""Media: files come in by a form and go when nothing uses them."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from admin.security import POLICY
from cms.content.articles import article
from tests.admin.browsing import Page, Visitor
from tests.installation import Installation


def picture(colour: str = "teal", size: tuple[int, int] = (40, 30)) -> bytes:
    """A small PNG."""
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


async def upload(visitor: Visitor, content: bytes, name: str = "tide.png", **texts: str) -> Page:
    data = {"csrf_token": await visitor.token(), **texts}
    return await visitor.call("POST", "/media/create", data=data, files={"file": (name, content)})


async def media(installation: Installation) -> dict[str, Any]:
    (row,) = await installation.rows("media")
    return row


async def test_a_picture_is_taken_in_and_shown(installation: Installation, author: Visitor) -> None:
    done = await upload(author, picture(), alt="A tide")
    row = await media(installation)
    assert done.response.headers["location"] == f"/admin/media/edit/{row['id']}"
    assert (row["path"], row["alt"], row["width"]) == ("tide.png", "A tide", 40)
    assert row["owner_id"] is not None
    page = await author.get("/media/list")
    assert f'src="/media/{row["storage_key"]}"' in page.html
    file = await installation.client.get(f"/media/{row['storage_key']}")
    assert file.status_code == 200


async def test_the_same_file_twice_is_one(installation: Installation, author: Visitor) -> None:
    await upload(author, picture())
    again = await upload(author, picture(), name="other.png")
    assert again.status == 303
    row = await media(installation)
    assert "uploaded before" in (await author.get(f"/media/edit/{row['id']}")).text


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [(b"<script>alert(1)</script>", "x.png", 415), (b"", "x.png", 422), (picture()[:60], "x.png", 422)],
)
async def test_what_is_no_picture_is_refused_in_words(
    installation: Installation, author: Visitor, content: bytes, name: str, status: int
) -> None:
    page = await upload(author, content, name, alt="Kept text")
    assert page.status == status
    assert page.form("/create").fields["alt"] == ["Kept text"]
    assert "file" in page.text.lower()
    assert await installation.rows("media") == []


async def test_a_form_without_a_file_says_so(installation: Installation, author: Visitor) -> None:
    page = await author.post("/media/create", alt="x")
    assert page.status == 422
    assert "Choose a file." in page.text


async def test_texts_can_be_changed_and_the_file_can_not(installation: Installation, author: Visitor) -> None:
    await upload(author, picture())
    row = await media(installation)
    page = await author.get(f"/media/edit/{row['id']}")
    assert set(page.edit.fields) == {"csrf_token", "_version", "_base", "path", "alt", "caption", "focal_point"}
    assert (await author.send(page.edit, alt="Low water", path="tides/low.png")).status == 303
    changed = await media(installation)
    assert (changed["alt"], changed["path"], changed["sha256"]) == ("Low water", "tides/low.png", row["sha256"])
    refused = await author.post(f"/media/edit/{row['id']}", _version="2", sha256="0" * 64)
    assert refused.status == 422


async def test_a_file_in_use_stays_and_says_where(installation: Installation, editor: Visitor) -> None:
    await upload(editor, picture())
    row = await media(installation)
    await installation.make(article, title="Slow tides", cover=str(row["id"]))
    refused = await editor.post("/media/bulk", action="delete", confirmed="yes", records=f"{row['id']}:1")
    assert refused.status == 409
    assert "“Slow tides”" in refused.text
    assert (await installation.client.get(f"/media/{row['storage_key']}")).status_code == 200


async def test_a_deleted_file_lies_in_the_trash(installation: Installation, editor: Visitor) -> None:
    await upload(editor, picture())
    row = await media(installation)
    done = await editor.post("/media/bulk", action="delete", confirmed="yes", records=f"{row['id']}:1")
    assert done.status == 303
    (trashed,) = await installation.rows("media")
    assert trashed["trashed_at"] is not None


async def test_a_picker_shows_pictures(installation: Installation, editor: Visitor) -> None:
    await upload(editor, picture())
    row = await media(installation)
    page = await editor.get("/article/lookup?field=cover&term=tide")
    (result,) = page.response.json()["results"]
    assert result == {"id": str(row["id"]), "label": "tide.png", "image": f"/media/{row['storage_key']}", "alt": ""}


async def test_a_file_that_is_a_little_too_large_is_told_of_beside_its_field(
    installation: Installation, author: Visitor
) -> None:
    page = await upload(author, bytes(25 * 1024 * 1024 + 1), alt="Kept text")
    assert page.status == 413
    assert page.form("/create").fields["alt"] == ["Kept text"]
    assert page.html.count("The file is larger than 25 MB, the most that is accepted. Make it smaller.") == 3
    assert 'id="field-file-errors"' in page.html
    assert 'data-max-bytes="26214400"' in page.html


async def test_a_file_that_is_far_too_large_is_told_of_on_a_page(installation: Installation, author: Visitor) -> None:
    data = {"csrf_token": await author.token(), "alt": "x"}
    headers = {"Referer": "http://localhost/admin/media/create"}
    files = {"file": ("tide.png", bytes(30 * 1024 * 1024))}
    page = await author.call("POST", "/media/create", data=data, files=files, headers=headers)
    assert page.status == 413
    assert page.response.headers["content-type"].startswith("text/html")
    assert page.response.headers["content-security-policy"] == POLICY
    assert "The file is larger than 25 MB" in page.text
    assert "Sign out" in page.text
    assert "/admin/media/create" in page.links
    assert await installation.rows("media") == []
