"""Uploading, describing and deleting over REST, and what the files look like from outside."""

import asyncio
import re
import time
import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from cms.content.articles import article
from cms.crud.fields import utc_now
from cms.crud.policy import Action, Role
from cms.editorial.drafts import draft_schema
from cms.editorial.workflow import EditorialService
from cms.media.records import PATH_PATTERN
from cms.media.references import paths_in
from cms.media.storage import DirectoryStorage, StorageError, StoredFile
from cms.media.sweeping import sweep
from tests.media.conftest import ACTORS, DISGUISED, PDF, SCRIPT, Site, chunk, png
from tests.problems import assert_problem

AUTHOR = {"X-Role": "author"}
EDITOR = {"X-Role": "editor"}
ADMIN = {"X-Role": "admin"}
ANY = {"If-Match": "*"}


async def uploaded(site: Site, content: bytes = png(), name: str = "picture.png", alt: str = "") -> dict[str, Any]:
    answer = await site.upload(content, name, alt=alt)
    assert answer.status_code == 201, answer.text
    record: dict[str, Any] = answer.json()
    return record


async def send(
    site: Site, body: bytes | AsyncIterator[bytes], kind: str = "multipart/form-data; boundary=b"
) -> httpx.Response:
    """Send a form as bytes, for what no client would write."""
    return await site.client.post("/api/v1/media", content=body, headers={**AUTHOR, "Content-Type": kind})


def form(disposition: str, content: bytes) -> bytes:
    """A form of one part."""
    return b"--b\r\nContent-Disposition: " + disposition.encode() + b"\r\n\r\n" + content + b"\r\n--b--\r\n"


async def test_an_upload_answers_the_record_and_says_where_it_is(site: Site) -> None:
    answer = await site.upload(png(), "Harbour.PNG", alt="The harbour", caption="At dawn")
    assert answer.status_code == 201
    record = answer.json()
    assert answer.headers["location"] == f"/api/v1/media/{record['id']}"
    assert answer.headers["etag"].startswith('"v1-')
    assert (record["path"], record["mime_type"], record["width"], record["height"]) == (
        "harbour.png",
        "image/png",
        6,
        4,
    )
    assert (record["alt"], record["caption"]) == ("The harbour", "At dawn")
    assert record["owner"]["id"] == str(ACTORS[Role.AUTHOR].id)
    assert record["url"] == f"/media/{record['sha256'][:2]}/{record['sha256'][2:4]}/{record['sha256']}.png"
    read = await site.client.get(answer.headers["location"])
    assert read.json() == record
    assert (await site.client.get("/api/v1/media")).json()["total"] == 1


async def test_the_same_bytes_again_are_answered_with_the_record_that_is_there(site: Site) -> None:
    first = await uploaded(site, alt="One")
    again = await site.upload(png(), "other.png", Role.EDITOR, alt="Two")
    assert again.status_code == 200
    assert again.json() == first
    assert again.headers["location"] == f"/api/v1/media/{first['id']}"


async def test_f14_fifty_uploads_at_once_of_one_file_are_one_record(site: Site) -> None:
    answers = await asyncio.gather(*(site.upload(png(), "same.png") for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(site.stored()) == 1


@pytest.mark.parametrize(("role", "status"), [(Role.ANONYMOUS, 401), (Role.READER, 403)], ids=["anonymous", "reader"])
async def test_who_may_not_upload_is_told_before_the_form_is_read(site: Site, role: Role, status: int) -> None:
    async def never() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    headers = {"X-Role": role.value, "Content-Type": "multipart/form-data; boundary=b"}
    assert_problem(await site.client.post("/api/v1/media", content=never(), headers=headers), status)
    assert site.stored() == []


@pytest.mark.parametrize(
    "disposition",
    [
        f'form-data; name="file"; {name}'
        for name in (
            'filename="../../x.png"',
            r'filename="..\\..\\x.png"',
            'filename="/etc/x.png"',
            r'filename="C:\\x.png"',
            'filename="%2e%2e/x.png"',
            'filename="x\0.png"',
            "filename*=utf-8''..%2fx.png",
            "filename=\"a.png\"; filename*=utf-8''..%2f..%2fx.png",
            f'filename="{"x" * 300}.png"',
            'filename="x.png. "',
            'filename=".htaccess"',
            'filename="CON"',
            'filename="x.php.png"',
            'filename="\udcff.png"',
        )
    ],
    ids=range(14),
)
async def test_f01_the_server_names_the_file_whatever_the_client_calls_it(site: Site, disposition: str) -> None:
    body = b"--b\r\nContent-Disposition: " + disposition.encode(errors="surrogateescape")
    answer = await send(site, body + b"\r\n\r\n" + png() + b"\r\n--b--\r\n")
    assert answer.status_code in {201, 400, 422}, answer.text
    if answer.status_code != 201:
        assert site.stored() == []
        return
    record = answer.json()
    assert site.stored() == [record["url"].removeprefix("/")]
    assert re.fullmatch(PATH_PATTERN, record["path"])
    assert record["path"].endswith(".png")


async def test_f01_a_field_cannot_be_smuggled_in_beside_its_name(site: Site) -> None:
    disposition = 'form-data; name="alt"; name*=utf-8\'\'file; filename="x.png"'
    assert_problem(await send(site, form(disposition, png())), 422, pointer="/file")
    assert site.stored() == []


@pytest.mark.parametrize("kind", DISGUISED)
@pytest.mark.parametrize("name", ["innocent.png", "double.html.png"])
async def test_f04_disguised_content_is_refused(site: Site, kind: str, name: str) -> None:
    answer = await site.upload(DISGUISED[kind], name)
    problem = assert_problem(answer, 422 if answer.status_code == 422 else 415, pointer="/file")
    assert problem["detail"] == problem["errors"][0]["detail"]
    assert site.stored() == []


async def test_f04_a_script_behind_a_picture_is_not_stored(site: Site) -> None:
    await uploaded(site, png() + SCRIPT)
    (stored,) = site.stored()
    assert SCRIPT not in (site.storage.root.parent / stored).read_bytes()


async def test_f06_a_bomb_is_refused_at_once(site: Site) -> None:
    rows = chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    header = chunk(b"IHDR", (30_000).to_bytes(4) * 2 + b"\x08\x02\0\0\0")
    bomb = b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b"")
    started = time.process_time()
    problem = assert_problem(await site.upload(bomb), 422, pointer="/file")
    assert time.process_time() - started < 2
    assert "pixels" in problem["detail"]


async def test_f06_frames_without_end_are_refused(site: Site) -> None:
    target = BytesIO()
    frames = [Image.new("1", (1, 1), number % 2) for number in range(600)]
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    assert_problem(await site.upload(target.getvalue(), "x.gif"), 422, pointer="/file")


@pytest.mark.parametrize(
    ("files", "texts", "pointer", "words"),
    [
        ([("alt", (None, b"x"))], {}, "/file", "Choose a file"),
        ([("file", (None, b"x"))], {}, "/file", "Choose a file"),
        ([("datei", ("x.png", png()))], {}, "/datei", "There is no field “datei”"),
        ([("file", ("x.png", png()))], {"captoin": "x"}, "/captoin", "Did you mean “caption”?"),
        ([("file", ("x.png", png())), ("file", ("y.png", png(1)))], {}, "/file", "more than once"),
        ([("file", ("x.png", png())), ("alt", ("y.png", png(1)))], {}, "/alt", "a text, not a file"),
        ([("file", ("x.png", png()))], {"alt": "x" * 501}, "/alt", "/alt"),
    ],
)
async def test_a_wrong_form_is_refused_with_the_field_at_fault(
    site: Site, files: list[Any], texts: dict[str, str], pointer: str, words: str
) -> None:
    answer = await site.client.post("/api/v1/media", files=files, data=texts, headers=AUTHOR)
    problem = assert_problem(answer, 422, pointer=pointer)
    assert words in problem["detail"]
    assert site.stored() == []


async def test_a_form_without_a_chosen_file_is_refused(site: Site) -> None:
    answer = await send(site, form('form-data; name="file"; filename=""', b""))
    assert "empty" in assert_problem(answer, 422, pointer="/file")["detail"]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "image/png", ""])
async def test_a_body_that_is_no_form_is_refused(site: Site, kind: str) -> None:
    assert "multipart/form-data" in assert_problem(await send(site, b"{}", kind), 415)["detail"]


async def test_an_unknown_parameter_is_refused(site: Site) -> None:
    answer = await site.client.post("/api/v1/media?alt=x", files={"file": png()}, headers=AUTHOR)
    assert_problem(answer, 400, parameter="alt")


@pytest.mark.parametrize(
    "body",
    [
        b"".join(b'--b\r\nContent-Disposition: form-data; name="n%d"\r\n\r\nx\r\n' % i for i in range(10_000))
        + b"--b--",
        form('form-data; name="file"; filename="' + "x" * 1_000_000 + '"', png()),
        b"x" * 5_000_000 + form('form-data; name="file"; filename="x.png"', png()),
        form('form-data; name="alt"', b"x" * 50_000_000),
        b"--b\r\nContent-Disposition: form-data; name=",
        b"",
    ],
    ids=["10,000 parts", "a long header", "a long preamble", "a long text", "cut", "empty"],
)
async def test_f10_a_form_made_to_cost_is_refused_cheaply(site: Site, body: bytes) -> None:
    started = time.process_time()
    answer = await send(site, body)
    assert time.process_time() - started < 0.5
    assert_problem(answer, 422 if answer.status_code == 422 else 400)
    assert site.stored() == []


async def test_texts_change_and_the_bytes_do_not(site: Site) -> None:
    record = await uploaded(site)
    address = f"/api/v1/media/{record['id']}"
    answer = await site.client.patch(address, json={"alt": "Fog", "version": 1}, headers=AUTHOR)
    assert (answer.status_code, answer.json()["alt"], answer.json()["version"]) == (200, "Fog", 2)
    answer = await site.client.put(address, json={"caption": "Dawn"}, headers={**AUTHOR, "If-Match": '"v2"'})
    assert (answer.json()["alt"], answer.json()["caption"], answer.json()["path"]) == ("", "Dawn", "picture.png")
    assert_problem(
        await site.client.patch(address, json={"sha256": "0"}, headers={**AUTHOR, **ANY}), 422, pointer="/sha256"
    )
    assert_problem(await site.client.patch(address, json={"alt": "x", "version": 1}, headers=AUTHOR), 412)
    assert_problem(await site.client.patch(address, json={"alt": "x"}, headers=AUTHOR), 428)


async def test_a_file_of_somebody_else_can_be_seen_but_not_changed_by_an_author(site: Site) -> None:
    record = (await site.upload(png(), role=Role.EDITOR)).json()
    address = f"/api/v1/media/{record['id']}"
    assert (await site.client.get(address, headers=AUTHOR)).status_code == 200
    assert_problem(await site.client.patch(address, json={"alt": "x"}, headers={**AUTHOR, **ANY}), 403)
    assert_problem(await site.client.delete(address, headers={**AUTHOR, **ANY}), 403)
    assert_problem(await site.client.delete(address, headers=ANY), 401)


async def test_a_record_that_is_gone_for_good_takes_its_file_along(site: Site) -> None:
    record = await uploaded(site)
    answer = await site.client.delete(f"/api/v1/media/{record['id']}", headers={**AUTHOR, "If-Match": '"v1"'})
    assert answer.status_code == 204
    assert_problem(await site.client.get(f"/api/v1/media/{record['id']}"), 404)
    assert (await site.client.get(record["url"])).status_code == 200, "it may come back"
    assert_problem(await site.client.get(record["permalink"]), 404)
    gone = await site.client.delete(f"/api/v1/media/{record['id']}?permanent=true", headers={**ADMIN, **ANY})
    assert gone.status_code == 204
    await sweep(site.database, site.storage)
    assert site.stored() == []
    assert_problem(await site.client.get(record["url"]), 404)


async def test_a_cover_is_not_deleted(site: Site) -> None:
    record = await uploaded(site)
    await site.write_article("Slow tides", cover=record["path"])
    problem = assert_problem(await site.client.delete(f"/api/v1/media/{record['id']}", headers={**EDITOR, **ANY}), 409)
    assert problem["usages"] == ["article “Slow tides”"]
    assert len(site.stored()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "![](media:picture.png)",
        '![](media:picture.png "Title")',
        "[x]: media:picture.png\n\n![x]",
        "[x]: <media:picture.png>\n\n![x]",
        "<img src='media:picture.png'>",
        "![](URL)",
        "![](PERMALINK)",
        "See <a href='https://example.orgURL'>here</a>.",
    ],
)
async def test_a_file_that_a_text_refers_to_is_not_deleted(site: Site, text: str) -> None:
    record = await uploaded(site)
    assert paths_in(text) == ({"picture.png"} if "media:" in text else set())
    content = text.replace("URL", record["url"]).replace("PERMALINK", record["permalink"])
    await site.write_article("Slow tides", content=content)
    problem = assert_problem(await site.client.delete(f"/api/v1/media/{record['id']}", headers={**EDITOR, **ANY}), 409)
    assert problem["usages"] == ["the text of article “Slow tides”"]
    assert "“Slow tides”" in problem["detail"]


@pytest.mark.parametrize("draft", [{"content": "![](media:picture.png)"}, {"cover": "ID"}])
async def test_a_file_that_a_working_draft_shows_is_not_deleted(site: Site, draft: dict[str, str]) -> None:
    record = await uploaded(site)
    made = await site.write_article("Slow tides", published_at=utc_now())
    async with site.work(Role.EDITOR) as work:
        service = work.service(article)
        assert isinstance(service, EditorialService)
        change = draft_schema(article)(**{name: value.replace("ID", record["id"]) for name, value in draft.items()})
        await service.save_draft(await service.get(made.id, Action.DRAFT), change, made.version)
    problem = assert_problem(await site.client.delete(f"/api/v1/media/{record['id']}", headers={**EDITOR, **ANY}), 409)
    assert problem["usages"] == ["the working draft of article “Slow tides”"]


async def test_titles_are_told_only_to_those_who_may_see_them(site: Site) -> None:
    record = await uploaded(site)
    await site.write_article("A secret", content="![](media:picture.png)", cover=record["id"])
    problem = assert_problem(await site.client.delete(f"/api/v1/media/{record['id']}", headers={**AUTHOR, **ANY}), 409)
    assert problem["usages"] == ["1 article that you can't see", "the text of 1 article that you can't see"]
    assert "secret" not in str(problem)


async def test_a_name_that_texts_use_is_kept(site: Site) -> None:
    record = await uploaded(site)
    address = f"/api/v1/media/{record['id']}"
    await site.write_article("Slow tides", content="![](media:picture.png)")
    change = {"path": "tides.png", "alt": "x"}
    problem = assert_problem(
        await site.client.patch(address, json=change, headers={**AUTHOR, **ANY}), 409, pointer="/path"
    )
    assert problem["usages"] == ["the text of 1 article that you can't see"]
    kept = {"path": "picture.png", "alt": "Fog"}
    assert (await site.client.patch(address, json=kept, headers={**AUTHOR, **ANY})).json()["alt"] == "Fog"


@pytest.mark.parametrize(
    "text", ["media:picture.png.webp", "![](media:picture.pngs/x.png)", "media:other-picture.png", "picture.png"]
)
async def test_a_name_that_is_only_part_of_another_one_is_free(site: Site, text: str) -> None:
    record = await uploaded(site)
    await site.write_article("Slow tides", content=text)
    change = {"path": "tides/slow.png"}
    answer = await site.client.patch(f"/api/v1/media/{record['id']}", json=change, headers={**AUTHOR, **ANY})
    assert (answer.status_code, answer.json()["path"]) == (200, "tides/slow.png")


async def test_a_path_that_is_taken_is_refused(site: Site) -> None:
    await uploaded(site)
    other = await uploaded(site, png(1), "other.png")
    change = {"path": "picture.png"}
    answer = await site.client.patch(f"/api/v1/media/{other['id']}", json=change, headers={**AUTHOR, **ANY})
    assert_problem(answer, 409, pointer="/path")


KINDS = ["PNG", "JPEG", "GIF", "WEBP", "AVIF"]


@pytest.mark.parametrize("kind", [*KINDS, "PDF"])
async def test_f05_a_file_is_served_as_what_it_is_and_never_as_a_page(site: Site, kind: str) -> None:
    target = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(target, kind) if kind != "PDF" else target.write(PDF)
    record = await uploaded(site, target.getvalue(), "x.html")
    answer = await site.client.get(record["url"])
    assert (answer.status_code, len(answer.content)) == (200, record["size"])
    assert answer.headers["content-type"] == record["mime_type"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["content-disposition"] == ("attachment" if kind == "PDF" else "inline")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["etag"] == f'"{record["sha256"]}"'
    head = await site.client.head(record["url"])
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers} == {**answer.headers}


async def test_a_copy_that_is_held_is_not_sent_again(site: Site) -> None:
    record = await uploaded(site)
    answer = await site.client.get(record["url"], headers={"If-None-Match": f'W/"{record["sha256"]}"'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{record["sha256"]}"'


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-", 5, None),
        ("bytes=2-9", 2, 10),
        ("bytes=10-999999", 10, None),
        ("bytes=-4", -4, None),
        ("bytes=-999999", 0, None),
        ("Bytes= 2-9", 2, 10),
    ],
)
async def test_part_of_a_file_can_be_asked_for(site: Site, asked: str, start: int, stop: int | None) -> None:
    record = await uploaded(site)
    whole = (await site.client.get(record["url"])).content
    answer = await site.client.get(record["url"], headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, whole[start:stop])
    first = start % len(whole)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(whole)}"
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-1,4-5"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=-"},
        {"Range": "bytes=9-2"},
        {"Range": "bytes=x-y"},
        {"Range": "bytes=0-1", "If-Range": '"another"'},
    ],
)
async def test_what_is_no_single_part_is_answered_with_the_whole(site: Site, headers: dict[str, str]) -> None:
    record = await uploaded(site)
    answer = await site.client.get(record["url"], headers=headers)
    assert (answer.status_code, len(answer.content)) == (200, record["size"])


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=-0"])
async def test_a_part_beyond_the_end_is_refused(site: Site, asked: str) -> None:
    record = await uploaded(site)
    answer = await site.client.get(record["url"], headers={"Range": asked})
    assert_problem(answer, 416)
    assert answer.headers["content-range"] == f"bytes */{record['size']}"


async def test_f02_nothing_but_stored_files_is_served(site: Site, tmp_path: Path) -> None:
    record = await uploaded(site)
    url, sha256 = record["url"], record["sha256"]
    (tmp_path / "files" / "media_backup").mkdir()
    (tmp_path / "files" / "media_backup" / "x").write_bytes(b"private")
    linked = "0" * 64
    (site.storage.root / "00" / "00").mkdir(parents=True)
    (site.storage.root / "00" / "00" / f"{linked}.png").symlink_to(tmp_path / "files" / "media_backup" / "x")
    for path in (
        "/media/",
        "/media/../media_backup/x",
        "/media/%2e%2e/media_backup/x",
        "/media/..%2fmedia_backup/x/y",
        "/media%2f../media_backup/x",
        "/media/../../etc/passwd",
        "/media/a/b/..%2f..%2f..%2fmedia_backup%2fx",
        "/media_backup/x",
        f"/media/00/00/{linked}.png",
        url.upper(),
        url + "/",
        url + "%00",
        url.replace(".png", ".html"),
        url.replace(".png", ""),
        f"/media/00/00/{sha256}.png",
        f"/media/{sha256}.png",
    ):
        assert_problem(await site.client.get(site.client.base_url.copy_with(raw_path=path.encode())), 404)


async def test_a_storage_that_fails_is_said_without_naming_the_folder(site: Site) -> None:
    class Broken(DirectoryStorage):
        async def open(self, key: str) -> StoredFile:
            raise StorageError("The file can't be read from “/srv/files”: Input/output error.")

    record = await uploaded(site)
    site.app.state.storage = Broken(site.storage.root)
    answer = await site.client.get(record["url"])
    assert "/srv" not in assert_problem(answer, 503)["detail"]
    assert answer.headers["retry-after"] == "30"


async def test_openapi_describes_the_form_and_clashes_nowhere(site: Site) -> None:
    document = (await site.client.get("/openapi.json")).json()
    operations = [o for path in document["paths"].values() for o in path.values()]
    assert sorted(o["operationId"] for o in operations) == [
        "create_media", "delete_media", "get_current_file", "get_file", "get_media", "list_media", "replace_media",
        "replace_media_file", "restore_media", "update_media",
    ]  # fmt: skip
    create = document["paths"]["/api/v1/media"]["post"]
    schema = create["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert (list(schema["properties"]), schema["required"]) == (["file", "alt", "caption"], ["file"])
    assert {"200", "201", "401", "403", "413", "415", "422", "503"} <= set(create["responses"])
    assert set(document["paths"]["/media/{first}/{second}/{name}"]) == {"get"}
