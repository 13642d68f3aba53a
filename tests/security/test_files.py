"""Files that are not what they seem: refused alike at every door, at once, and never outside of the media folder."""

import asyncio
import re
import resource
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from time import perf_counter, process_time

import httpx
import pytest
from PIL import Image

from cms.crud.policy import Role
from cms.exchange.apply import apply
from cms.main import BODY_LIMIT
from tests.admin.browsing import Page, Visitor
from tests.installation import API, Installation
from tests.media.conftest import DISGUISED, PDF, SCRIPT
from tests.media.test_inspection import encoded, gif_of, png_chunk, png_header, with_png_chunk
from tests.samples import picture
from tests.security.attacks import document_of

NAMES = (
    "../../x.png", "..\\..\\x.png", "/etc/x.png", "C:\\x.png", "%2e%2e/x.png", "x\0.png", "x" * 300 + ".png", "x.png.",
    "x.png ", ".htaccess", "CON", "con.png", "..%2fx.png", "....//x.png", "x.png/../../y.png", "\u202egnp.x",
    "~/x.png", "|x.png",
)  # fmt: skip


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, with a hash of what is in it."""
    files = (
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in {".db", ".db-wal", ".db-shm"}
    )
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


async def test_f01_no_name_leads_out_of_the_media_folder(installation: Installation, tmp_path: Path) -> None:
    """F01: the storage's name is made by the server from the content; of all that is around it no byte has changed.

    `filename*` and `name*` are tried in tests/media/test_router.py, byte by byte.
    """
    (tmp_path / "media-private").mkdir(exist_ok=True)
    (tmp_path / "media-private" / "x").write_bytes(b"private")
    visitor = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    token, before = await visitor.token(), tree(tmp_path)
    for number, name in enumerate(NAMES):
        files = {"file": (name, picture(number))}
        answer = await installation.send("POST", "/media", Role.EDITOR, files=files)
        again = {"file": (name, picture(1000 + number))}
        page = await visitor.call("POST", "/media/create", data={"csrf_token": token}, files=again)
        assert answer.status_code in {201, 400, 422}, (name, answer.text)
        assert page.status in {303, 400, 422}, (name, page.text)
    rows = await installation.rows("media")
    assert len(rows) > len(NAMES)
    for row in rows:
        assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.png", row["storage_key"])
        assert row["storage_key"].split("/")[2].startswith(row["sha256"])
        assert re.fullmatch(r"[a-z0-9-]+\.png", row["path"])
    after = tree(tmp_path)
    assert {path for path in after if not path.startswith("media/")} == {
        path for path in before if not path.startswith("media/")
    }
    assert {path.removeprefix("media/") for path in after.keys() - before.keys()} == {
        row["storage_key"] for row in rows
    }


BAD: dict[str, bytes] = {
    **DISGUISED,
    "HTML behind white space": b"  \n<html>" + SCRIPT,
    "a program": b"MZ" + bytes(200),
    "a film": b"\0\0\0\x18ftypmp42" + bytes(40),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
    "FITS": b"SIMPLE  =                    T" + bytes(40),
    "text": b"just,a,table\n1,2,3\n",
    "a picture that is cut off": picture()[:60],
    "a PNG of 30,000²": png_header(30_000, 30_000)
    + png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    + png_chunk(b"IEND", b""),
}
"""Twenty files that are refused."""


def errors_of(page: Page) -> str:
    """What stands at the field of the file."""
    return page.html.partition('id="field-file-errors"')[2].partition("</")[0].rpartition(">")[2]


async def test_f03_twenty_bad_files_are_refused_alike_at_every_door(installation: Installation, tmp_path: Path) -> None:
    """F03: over REST, at the back office and with a folder of content, as a new file and in the place of another one.

    The refusal is the same, in the same words. There is no import from an address, no unpacking and no avatar: no other
    route takes a file.
    """
    assert len(BAD) == 20
    good = (await installation.send("POST", "/media", Role.EDITOR, files={"file": ("good.png", picture(1))})).json()
    kept = tree(tmp_path)
    takers = [
        path
        for _, path, operation in document_of(installation.app).operations()
        if "multipart/form-data" in str(operation)
    ]
    assert takers == [f"{API}/media", f"{API}/media/{{key}}/file"]
    visitor, state = Visitor(installation.client, installation.people[Role.EDITOR].cookie), installation.app.state
    token = await visitor.token()
    for number, (kind, content) in enumerate(BAD.items()):
        answer = await installation.send("POST", "/media", Role.EDITOR, files={"file": ("holiday.png", content)})
        assert answer.status_code in {415, 422}, (kind, answer.text)
        sentence = answer.json()["detail"]
        files = {"file": ("holiday.png", content)}
        place, sent = f"/media/{good['id']}/file", {"file": ("holiday.png", content)}
        again = await installation.send("PUT", place, Role.EDITOR, files=sent, headers={"If-Match": "*"})
        assert (again.status_code, again.json()["detail"]) == (answer.status_code, sentence), kind
        for path, values in (("/media/upload", {}), (f"/media-library/{good['id']}/file", {"version": "1"})):
            scripted = await visitor.call(
                "POST", path, data={"csrf_token": token, **values}, files=sent, headers={"Accept": "application/json"}
            )
            assert (scripted.status, scripted.response.json()["detail"]) == (answer.status_code, sentence), (kind, path)
        page = await visitor.call("POST", "/media/create", data={"csrf_token": token}, files=files)
        assert page.status == answer.status_code, kind
        assert sentence.replace("“", "").split(".")[0] in page.text.replace("“", ""), (kind, sentence)
        folder = tmp_path / f"content-{number}"
        (folder / "media").mkdir(parents=True)
        (folder / "media" / "holiday.png").write_bytes(content)
        report = await apply(state.database, state.registry, state.reader, state.storage, folder)
        assert [sentence in str(note) for note in report.refused] == [True], (kind, sentence, report.refused)
    (row,) = await installation.rows("media")
    assert (row["sha256"], row["version"]) == (good["sha256"], 1)
    assert {path: hash_ for path, hash_ in tree(tmp_path).items() if not path.startswith("content-")} == kept


def huge_text() -> bytes:
    """A PNG with a chunk of text that unpacks to 100 MB."""
    return with_png_chunk(
        encoded(Image.new("RGB", (9, 9)), "PNG"), b"zTXt", b"key\0\0" + zlib.compress(bytes(100_000_000), 9)
    )


def huge_picture() -> bytes:
    """A PNG of 60 KB and of 30,000² pixels."""
    rows = zlib.compress(bytes(60_000_000), 9)
    return png_header(30_000, 30_000) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


BOMBS: dict[str, Callable[[], bytes]] = {
    "a PNG of 60 KB and 30,000²": huge_picture,
    "a GIF of 10,000 frames": lambda: gif_of(10_000),
    "a TIFF whose directory follows itself": lambda: b"II*\0\x08\0\0\0\0\0\x08\0\0\0" + bytes(40),
    "JPEG 2000": lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x14ftypjp2 " + bytes(60_000),
    "FITS": lambda: b"SIMPLE  =                    T" + b"NAXIS1  =           2147483647" + bytes(60_000),
    "PSD": lambda: b"8BPS\0\x01" + bytes(6) + b"\0\x03" + (30_000).to_bytes(4) * 2 + b"\0\x08\0\x03" + bytes(60_000),
    "EPS": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n" + b"%" * 60_000,
    "GD": lambda: b"\xff\xfe" + (60_000).to_bytes(2) * 2 + bytes(60_000),
    "a PDF with a stream that unpacks": lambda: PDF.replace(b"%%EOF", zlib.compress(bytes(100_000_000), 9)),
}


@pytest.mark.parametrize("name", BOMBS)
async def test_f06_a_bomb_is_refused_in_two_seconds(installation: Installation, name: str) -> None:
    """F06: through the whole application: 415 or 422, within 2 s of processor time and 150 MB."""
    content, peak = BOMBS[name](), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = process_time()
    answer = await installation.send("POST", "/media", Role.EDITOR, files={"file": ("x.png", content)})
    assert process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 150 * 1024
    assert answer.status_code in {415, 422}, answer.text
    assert await installation.rows("media") == []


async def test_f06_a_hundred_megabytes_of_text_are_left_packed(installation: Installation) -> None:
    """F06: a PNG with such a chunk is stored without it, within 2 s and 150 MB."""
    content = huge_text()
    peak, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, process_time()
    answer = await installation.send("POST", "/media", Role.EDITOR, files={"file": ("x.png", content)})
    assert process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 150 * 1024
    assert answer.status_code in {201, 422}, answer.text
    assert answer.status_code == 422 or answer.json()["size"] < 1000


async def test_f06_no_other_decoder_is_ever_asked(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """F06: Pillow is told which formats it may take a file for: PNG, JPEG, GIF, WebP, AVIF."""
    asked: list[object] = []
    opened = Image.open

    def open_and_tell(*args: object, **options: object) -> Image.Image:
        asked.append(options.get("formats"))
        return opened(*args, **options)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr("cms.media.inspection.Image.open", open_and_tell)
    kinds = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "ICO", "PPM", "TGA", "JPEG2000")
    taken = {}
    for kind in kinds:
        target = BytesIO()
        Image.new("RGB", (8, 8), "teal").save(target, kind)
        answer: httpx.Response = await installation.send(
            "POST", "/media", Role.EDITOR, files={"file": ("x.png", target.getvalue())}
        )
        taken[kind] = answer.status_code
    assert {kind for kind, status in taken.items() if status == 201} == {"PNG", "JPEG", "GIF", "WEBP", "AVIF"}
    assert set(taken.values()) == {201, 415}
    assert asked
    for formats in asked:
        assert isinstance(formats, list | tuple)
        assert set(formats) <= {"PNG", "JPEG", "GIF", "WEBP", "AVIF"}


async def test_d14_an_uploaded_file_is_no_page_of_the_back_office(installation: Installation) -> None:
    """D14: what could run is refused; a PDF that carries a script is a download, and no screen embeds it."""
    visitor = Visitor(installation.client, installation.people[Role.EDITOR].cookie)
    values, headers = {"csrf_token": await visitor.token()}, {"Accept": "application/json"}
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
    xhtml = b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">' + SCRIPT + b"</html>"
    for name, content in (("x.html", b"<html>" + SCRIPT), ("x.svg", svg), ("x.xhtml", xhtml)):
        sent = {"file": (name, content)}
        refused = await visitor.call("POST", "/media/upload", data=values, files=sent, headers=headers)
        assert refused.status == 415, name
    acting = PDF.replace(b"<<>>\nendobj", b"<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>\nendobj")
    made = await visitor.call("POST", "/media/upload", data=values, files={"file": ("x.pdf", acting)}, headers=headers)
    item = made.response.json()
    for url in (item["url"], item["permalink"]):
        answer = await installation.client.get(url)
        assert answer.headers["content-disposition"].startswith("attachment"), url
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/media-library", "/media/list", f"/media/edit/{item['id']}", f"/media/details/{item['id']}"):
        page = await visitor.get(path)
        assert page.status == 200
        assert not re.search(r"<(iframe|object|embed|frame)\b", page.html), path


PUBLIC = ("/auth/register", "/auth/login", "/comments", "/articles", "/media")
PIECE = 64 * 1024


@pytest.mark.parametrize("path", PUBLIC)
async def test_f09_a_body_beyond_the_limit_is_read_no_further(installation: Installation, path: str) -> None:
    """F09: neither what is declared too long, nor what has no length; who may send nothing is not read at all."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 60_000_000:
            read += PIECE
            yield b" " * PIECE

    headers = {"Content-Type": "application/json"}
    answer = await installation.send("POST", path, headers=headers, content=endless())
    assert answer.status_code == 413 or (answer.status_code >= 400 and read == 0), answer.text
    assert read <= BODY_LIMIT + 2 * PIECE
    declared = {**headers, "Content-Length": "60000000"}
    answer = await installation.send("POST", path, headers=declared, content=b"{}")
    assert answer.status_code == 413


def archives() -> dict[str, bytes]:
    """Archives that would write outside of their folder, more than once, or without end."""
    zipped, tarred = BytesIO(), BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as target:
        warnings.simplefilter("ignore")
        for name in ("../../evil.png", "/etc/evil.png", "a.png", "a.png", "A.PNG"):
            target.writestr(name, picture())
        target.writestr("bomb", bytes(10_000_000))
    with tarfile.open(fileobj=tarred, mode="w") as target_tar:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        target_tar.addfile(link)
    return {"x.zip": zipped.getvalue(), "x.tar": tarred.getvalue(), "x.zip.png": zipped.getvalue()}


async def test_f11_no_door_unpacks_an_archive(installation: Installation, tmp_path: Path) -> None:
    """F11: there is none that does: it is refused as a file, at once, and nothing is written anywhere."""
    before, state = tree(tmp_path), installation.app.state
    for number, (name, content) in enumerate(archives().items()):
        started = process_time()
        answer = await installation.send("POST", "/media", Role.EDITOR, files={"file": (name, content)})
        assert answer.status_code == 415, answer.text
        folder = tmp_path / f"content-{number}"
        (folder / "media").mkdir(parents=True)
        (folder / "media" / name).write_bytes(content)
        report = await apply(state.database, state.registry, state.reader, state.storage, folder)
        assert len(report.refused) == 1
        assert process_time() - started < 2
    assert {path: hash_ for path, hash_ in tree(tmp_path).items() if not path.startswith("content-")} == before
    assert await installation.rows("media") == []


async def test_f07_four_large_uploads_at_once_keep_nobody_waiting(installation: Installation) -> None:
    """F07: while four photos of 20 million pixels are taken in, the loop goes on."""
    photos = []
    for number in range(4):
        target = BytesIO()
        Image.new("RGB", (5200, 3900), (number * 60, 90, 120)).save(target, "JPEG")
        photos.append(target.getvalue())
    late: list[float] = []

    async def watch() -> None:
        while True:
            started = perf_counter()
            assert (await installation.client.get("/healthz")).status_code == 200
            late.append(perf_counter() - started)
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    sent = [
        installation.send("POST", "/media", Role.EDITOR, files={"file": (f"{number}.jpg", content)})
        for number, content in enumerate(photos)
    ]
    answers = await asyncio.gather(*sent)
    watching.cancel()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert sorted(late)[int(len(late) * 0.99) - 1] < 0.2
