"""Renditions: what is drawn of a picture, when, by whom, and what becomes of it; and the file that takes its place."""

import asyncio
import json
import os
import re
import resource
import sys
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image, ImageCms, ImageDraw
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import select, update

from cms.crud.policy import Role
from cms.media import drawing, rendering
from cms.media.pending import RenditionJob
from cms.media.records import Media
from cms.media.rendering import MOST_ATTEMPTS, DrawingFailed, Renderer, draw
from cms.media.sweeping import sweep
from tests.media.conftest import PDF, Site, png
from tests.media.test_inspection import gif_of, png_chunk, png_header
from tests.problems import assert_problem

AUTHOR, EDITOR, ADMIN = ({"X-Role": role} for role in ("author", "editor", "admin"))
ANY = {"If-Match": "*"}
PLACE = b"N\0" + b"somewhere"


def photo(width: int = 1000, height: int = 750, kind: str = "JPEG", **options: Any) -> bytes:
    """A picture: red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    ImageDraw.Draw(image).rectangle((width // 2, 0, width, height), "blue")
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


async def uploaded(site: Site, content: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    answer = await site.upload(content, name)
    assert answer.status_code == 201, answer.text
    record: dict[str, Any] = answer.json()
    return record


async def drawn(site: Site, record: dict[str, Any]) -> dict[str, Any]:
    """The record once all that was due is drawn."""
    renderer = Renderer(site.database, site.storage)
    while await renderer.draw_next():
        pass
    return await read(site, record)


async def read(site: Site, record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await site.client.get(f"/api/v1/media/{record['id']}")).json()
    return found


async def fetched(site: Site, url: str) -> Image.Image:
    """A picture as it is served."""
    answer = await site.client.get(url)
    assert answer.status_code == 200, url
    image = Image.open(BytesIO(answer.content))
    assert answer.headers["content-type"] == Image.MIME[str(image.format)]
    return image


async def jobs(site: Site) -> list[RenditionJob]:
    async with site.database.session() as session:
        return list((await session.execute(select(RenditionJob))).scalars())


def sizes(pictures: list[dict[str, Any]], kind: str = "image/webp") -> list[tuple[int, int]]:
    return [(each["width"], each["height"]) for each in pictures if each["type"] == kind]


async def test_a_picture_is_drawn_smaller_in_two_formats_and_never_larger(site: Site) -> None:
    record = await uploaded(site, photo(1100, 550))
    assert (record["renditions"], record["crops"]) == ([], [])
    assert [job.attempts for job in await jobs(site)] == [0]
    after = await drawn(site, record)
    assert await jobs(site) == []
    for kind in ("image/webp", "image/avif"):
        assert sizes(after["renditions"], kind) == [(320, 160), (640, 320), (1024, 512)]
        assert [(crop["name"], crop["width"]) for crop in after["crops"] if crop["type"] == kind] == [
            ("wide", 640), ("square", 320),
        ]  # fmt: skip
    assert after["version"] == record["version"], "nobody changed it"
    for each in (*after["renditions"], *after["crops"]):
        answer = await site.client.get(each["url"])
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        with Image.open(BytesIO(answer.content)) as image:
            assert (image.width, image.height) == (each["width"], each["height"])
    cover = await site.write_article("Slow tides", cover=record["id"])
    async with site.work() as work:
        item, _ = await work.read(work.registry.by_name("articles"), cover.id)
    assert item["cover"]["renditions"] == after["renditions"]


@pytest.mark.parametrize(
    ("content", "name"),
    [(png(), "small.png"), (gif_of(3), "moving.gif"), (PDF, "text.pdf")],
)
async def test_what_is_small_moves_or_is_no_picture_has_none(site: Site, content: bytes, name: str) -> None:
    after = await drawn(site, await uploaded(site, content, name))
    assert (after["renditions"], after["crops"], await jobs(site)) == ([], [], [])


async def test_crops_show_what_the_focal_point_says_and_change_their_address_with_it(site: Site) -> None:
    record = await uploaded(site, photo(1000, 400))
    address = f"/api/v1/media/{record['id']}"
    before = await drawn(site, record)

    async def colour(record: dict[str, Any]) -> str:
        (crop,) = [c for c in record["crops"] if (c["name"], c["width"], c["type"]) == ("square", 320, "image/webp")]
        pixel = (await fetched(site, crop["url"])).convert("RGB").getpixel((5, 160))
        assert isinstance(pixel, tuple)
        return "red" if pixel[0] > pixel[2] else "blue"

    assert await colour(before) == "red"
    moved = await site.client.patch(address, json={"focal_point": {"x": 0.95, "y": 0.5}}, headers={**AUTHOR, **ANY})
    assert moved.json()["focal_point"] == {"x": 0.95, "y": 0.5}
    after = await drawn(site, record)
    assert await colour(after) == "blue"
    assert after["renditions"] == before["renditions"], "the whole picture is the same, and so is its address"
    squares = [{c["url"] for c in each["crops"] if c["name"] == "square"} for each in (before, after)]
    assert squares[0].isdisjoint(squares[1])
    for each in before["crops"]:
        assert (await site.client.get(each["url"])).status_code == 200, "pages that were made before lead there"
    wrong = {"focal_point": {"x": 1.2, "y": 0.5}}
    assert_problem(await site.client.patch(address, json=wrong, headers={**AUTHOR, **ANY}), 422)


async def test_another_alt_text_draws_nothing(site: Site) -> None:
    record = await drawn(site, await uploaded(site, photo()))
    await site.client.patch(f"/api/v1/media/{record['id']}", json={"alt": "A sea"}, headers={**AUTHOR, **ANY})
    assert await jobs(site) == []


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "PNG"])
async def test_f08_no_variant_says_where_a_photo_was_taken(site: Site, kind: str) -> None:
    """F08: place, comment, profile and script are in no variant, nor in the file itself; all stand upright."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "<script>alert(1)</script>"  # turned by 90°; the description
    exif.get_ifd(0x8825).update({1: "N", 2: (54.0, 30.0, 15.0), 3: "E", 4: (9.0, 5.0, 7.0)})
    info = PngInfo()
    info.add_text("Comment", "Hermannstr. 7")
    extra = {"pnginfo": info} if kind == "PNG" else {"comment": b"Hermannstr. 7"} if kind == "JPEG" else {}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = photo(1300, 650, kind, exif=exif, icc_profile=profile, **extra)
    record = await uploaded(site, content, "photo.x")
    assert (record["width"], record["height"]) == (650, 1300), "it was lying on its side"
    after = await drawn(site, record)
    assert sizes(after["renditions"]) == [(320, 640), (640, 1280)]
    for each in (record, *after["renditions"], *after["crops"]):
        body = (await site.client.get(each["url"])).content
        for secret in (b"Hermannstr", b"<script", b"Exif", b"xmp", b"XMP"):
            assert secret not in body, (each["url"], secret)
        with Image.open(BytesIO(body)) as image:
            assert dict(image.getexif()) == {}
            if each is not record:
                assert "icc_profile" not in image.info
                top, bottom = (image.convert("RGB").getpixel((image.width // 2, y)) for y in (2, image.height - 3))
                assert isinstance(top, tuple)
                assert isinstance(bottom, tuple)
                assert top[0] > top[2] or each in after["crops"], "red is above"
                assert bottom[2] > bottom[0] or each in after["crops"], "blue is below"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "I;16", "CMYK", "1"])
async def test_every_way_to_keep_colours_is_drawn(mode: str) -> None:
    """Transparency is kept, and everything becomes plain red, green and blue."""
    target = BytesIO()
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = Image.new(mode, (700, 700))
    image.save(target, kind, **({"transparency": 0} if mode == "P" else {}))
    order = {"format": kind, "widths": [320, 640], "crops": [["wide", 640, 360]], "focal": [0.5, 0.5]}
    made = list(drawing.draw(target.getvalue(), order))
    assert [(head["name"], head["size"], head["extension"]) for head, _ in made[::2]] == [
        (None, (320, 320), "webp"), (None, (640, 640), "webp"), ("wide", (640, 360), "webp"),
    ]  # fmt: skip
    for _, body in made:
        with Image.open(BytesIO(body)) as each:
            assert ("A" in each.getbands()) is (mode in {"RGBA", "LA", "P"})


async def test_f07_a_program_with_limits_draws_while_the_loop_goes_on(site: Site) -> None:
    """F07: drawing a photo of 20 million pixels keeps nobody waiting for 0.2 s; memory and time are limited."""
    record = await uploaded(site, photo(5200, 3900))
    late: list[float] = []

    async def watch() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(0.02)
            late.append(time.perf_counter() - started - 0.02)

    watching = asyncio.create_task(watch())
    after = await drawn(site, record)
    watching.cancel()
    assert len(after["renditions"]) == 8
    assert sorted(late)[int(len(late) * 0.99) - 1] < 0.2
    code = (
        "import sys, resource, runpy; sys.stdin.close();"
        f"m = runpy.run_path({str(Path(drawing.__file__))!r});\ntry: m['main']()\nexcept ValueError: pass\n"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0])"
    )
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    output, _ = await program.communicate()
    assert output.split() == [str(drawing.MEMORY).encode(), str(drawing.SECONDS).encode()]


async def test_f06_what_takes_too_much_memory_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """F06: a bomb that got past the inspection ends the program that draws it, and nothing else."""
    bomb = png_header(30_000, 30_000) + png_chunk(b"IDAT", zlib.compress(bytes(1000))) + png_chunk(b"IEND", b"")
    order = {"format": "PNG", "widths": [320], "crops": [], "focal": [0.5, 0.5]}
    with pytest.raises(DrawingFailed, match="MemoryError"):
        await draw(bomb, order)
    monkeypatch.setattr(rendering, "PATIENCE", 0.01)
    with pytest.raises(DrawingFailed, match=r"0\.01 seconds"):
        await draw(photo(), {**order, "format": "JPEG"})


async def test_two_processes_draw_each_picture_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[int] = []

    async def count(content: bytes, _: dict[str, Any]) -> list[rendering.Drawing]:
        orders.append(len(content))
        await asyncio.sleep(0.02)
        return []

    monkeypatch.setattr(rendering, "draw", count)
    for number in range(6):
        await uploaded(site, photo(400 + number, 400))
    renderers = [Renderer(site.database, site.storage) for _ in range(3)]
    await asyncio.gather(*(renderer.work() for renderer in renderers))
    assert (len(orders), len(set(orders)), await jobs(site)) == (6, len(set(orders)), [])


async def test_what_a_dead_process_had_claimed_is_drawn_by_another(site: Site) -> None:
    record = await uploaded(site, photo())
    async with site.database.session() as session:
        order = await rendering._claim(session)  # noqa: SLF001 - what a process has done when it dies
    assert order is not None
    renderer = Renderer(site.database, site.storage)
    assert not await renderer.draw_next(), "it is claimed"
    async with site.database.session() as session:
        past = order.claimed_until - 2 * rendering.LEASE
        await session.execute(update(RenditionJob).values(due_at=past))
    assert await renderer.draw_next()
    assert len((await read(site, record))["renditions"]) == 4


async def test_a_picture_that_cant_be_drawn_is_given_up_and_the_next_one_is_not(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await uploaded(site, photo(400, 300))
    original, tried = rendering.draw, []

    async def fail(content: bytes, order: dict[str, Any]) -> list[rendering.Drawing]:
        tried.append(1)
        raise DrawingFailed("no")

    monkeypatch.setattr(rendering, "draw", fail)
    renderer = Renderer(site.database, site.storage)
    for _ in range(MOST_ATTEMPTS + 2):
        await renderer.work()
        async with site.database.session() as session:
            job = (await session.execute(select(RenditionJob))).scalar_one()
            job.due_at -= 10 * rendering.LEASE
    assert len(tried) == MOST_ATTEMPTS
    assert [job.problem for job in await jobs(site)] == ["no"]
    monkeypatch.setattr(rendering, "draw", original)
    after = await drawn(site, await uploaded(site, photo(500, 300), "next.jpg"))
    assert sizes(after["renditions"]) == [(320, 192)]
    point = {"focal_point": {"x": 0.1, "y": 0.5}}
    await site.client.patch(f"/api/v1/media/{broken['id']}", json=point, headers={**AUTHOR, **ANY})
    assert sizes((await drawn(site, broken))["renditions"]) == [(320, 240)], "a change gives it another chance"


async def test_what_was_changed_while_it_was_drawn_is_drawn_anew(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    record = await uploaded(site, photo())
    original = rendering.draw

    async def change_meanwhile(content: bytes, order: dict[str, Any]) -> list[rendering.Drawing]:
        point = {"focal_point": {"x": 0.9, "y": 0.5}}
        await site.client.patch(f"/api/v1/media/{record['id']}", json=point, headers={**AUTHOR, **ANY})
        return await original(content, order)

    monkeypatch.setattr(rendering, "draw", change_meanwhile)
    renderer = Renderer(site.database, site.storage)
    assert await renderer.draw_next()
    assert (await read(site, record))["renditions"] == []
    monkeypatch.setattr(rendering, "draw", original)
    assert len((await drawn(site, record))["renditions"]) == 4


async def replace(site: Site, record: dict[str, Any], content: bytes, **headers: str) -> Any:
    files = {"file": ("other.png", content)}
    sent = {**AUTHOR, "If-Match": f'"v{record["version"]}"', **headers}
    return await site.client.put(f"/api/v1/media/{record['id']}/file", files=files, headers=sent)


async def test_a_file_is_replaced_and_all_that_leads_to_it_stays(site: Site) -> None:
    record = await drawn(site, await uploaded(site, photo(800, 600)))
    await site.write_article("Slow tides", content="![](media:photo.jpg)", cover=record["id"])
    async with site.database.session() as session:
        html = (await session.execute(select(Media.metadata.tables["articles"].c.content_html))).scalar_one()
    assert f'src="{record["permalink"]}"' in html
    old = (await site.client.get(record["permalink"])).content
    answer = await replace(site, record, photo(700, 700, "PNG"))
    assert answer.status_code == 200, answer.text
    after = answer.json()
    kept = ("id", "path", "permalink", "alt", "caption")
    assert {name: after[name] for name in kept} == {name: record[name] for name in kept}
    assert (after["mime_type"], after["width"], after["version"]) == ("image/png", 700, 2)
    assert (after["renditions"], after["crops"]) == ([], []), "those of another picture are none"
    assert after["url"] != record["url"]
    new = await site.client.get(record["permalink"])
    assert (new.headers["content-type"], new.content) == ("image/png", (await site.client.get(after["url"])).content)
    assert re.fullmatch(r"public, max-age=60, .*", new.headers["cache-control"])
    held = await site.client.get(record["permalink"], headers={"If-None-Match": new.headers["etag"]})
    assert held.status_code == 304
    assert (await site.client.get(record["url"])).content == old, "pages that were made before lead there"
    assert sizes((await drawn(site, record))["renditions"]) == [(320, 320), (640, 640)]


async def test_a_replacement_that_is_stale_the_same_or_elsewhere_says_so(site: Site) -> None:
    record = await uploaded(site, photo(400, 300))
    other = await uploaded(site, photo(500, 300), "other.jpg")
    same = await replace(site, record, photo(400, 300))
    assert (same.status_code, same.json()["version"]) == (200, 1)
    problem = assert_problem(await replace(site, record, photo(500, 300)), 409)
    assert f"“{other['path']}”" in problem["detail"]
    changed = await replace(site, record, photo(600, 300))
    assert changed.status_code == 200
    assert_problem(await replace(site, record, photo(700, 300)), 412)
    place, files = f"/api/v1/media/{record['id']}/file", {"file": ("x.png", png())}
    assert_problem(await site.client.put(place, files=files, headers=AUTHOR), 428)
    assert_problem(await replace(site, other, photo(710, 300), **{"X-Role": "reader"}), 403)
    assert_problem(await replace(site, other, photo(710, 300), **{"X-Role": "anonymous"}), 401)
    theirs = (await site.upload(photo(720, 300), "theirs.jpg", Role.EDITOR)).json()
    assert_problem(await replace(site, theirs, photo(730, 300)), 403)
    wrong = await site.client.put(
        f"/api/v1/media/{other['id']}/file",
        files={"file": ("x.png", png())},
        data={"alt": "x"},
        headers={**AUTHOR, **ANY},
    )
    assert_problem(wrong, 422, pointer="/alt")


async def test_what_is_gone_for_good_takes_all_its_files_along(site: Site) -> None:
    record = await drawn(site, await uploaded(site, photo(800, 600)))
    await replace(site, record, photo(900, 600))
    await drawn(site, record)
    shared = await drawn(site, await uploaded(site, photo(800, 600), "same.jpg"))
    address = f"/api/v1/media/{record['id']}"
    assert (await site.client.delete(address, headers={**AUTHOR, **ANY})).status_code == 204
    await sweep(site.database, site.storage)
    gone = await site.client.delete(f"{address}?permanent=true", headers={**ADMIN, **ANY})
    assert gone.status_code == 204, gone.text
    await sweep(site.database, site.storage)
    pictures = [shared["url"], *(each["url"] for each in (*shared["renditions"], *shared["crops"]))]
    assert site.stored() == sorted({f"media/{url.removeprefix('/media/')}" for url in pictures})


async def test_what_comes_out_of_the_trash_finds_its_place_or_says_who_has_it(site: Site) -> None:
    record = await uploaded(site, photo(800, 600))
    address = f"/api/v1/media/{record['id']}"
    for content, sentence in ((photo(800, 600), "This very file"), (photo(900, 600), "Another file is called")):
        assert (await site.client.delete(address, headers={**AUTHOR, **ANY})).status_code == 204
        listed = await site.client.get("/api/v1/media?status=trashed", headers=AUTHOR)
        assert record["id"] in [each["id"] for each in listed.json()["items"]]
        assert (await site.client.get("/api/v1/media?status=trashed")).json()["items"] == []
        other = await uploaded(site, content)
        assert other["path"] == record["path"]
        problem = assert_problem(await site.client.post(f"{address}/restore", headers=AUTHOR), 409)
        assert problem["detail"].startswith(sentence)
        await site.client.delete(f"/api/v1/media/{other['id']}", headers={**AUTHOR, **ANY})
        restored = await site.client.post(f"{address}/restore", headers=AUTHOR)
        assert (restored.status_code, restored.json()["status"]) == (200, "published")


async def test_a_heic_photo_is_refused_with_what_to_do(site: Site) -> None:
    answer = await site.upload(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), "IMG_1234.HEIC")
    assert "JPEG" in assert_problem(answer, 415)["detail"]


@pytest.mark.parametrize("media_id", ["x", "0" * 32, str(UUID(int=1)), "..", "%2e%2e"])
async def test_a_permalink_of_nothing_is_not_found(site: Site, media_id: str) -> None:
    assert (await site.client.get(f"/media/{media_id}/x.png")).status_code == 404


def test_the_program_draws_from_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    order = {"format": "JPEG", "widths": [320], "crops": [], "focal": [0.5, 0.5]}

    class Stream:
        buffer = BytesIO(json.dumps(order).encode() + b"\n" + photo(400, 300))

    class Out:
        buffer = BytesIO()

    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    monkeypatch.setattr(os, "nice", lambda _: None)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setattr(sys, "stdin", Stream)
    monkeypatch.setattr(sys, "stdout", Out)
    drawing.main()
    head, _, rest = Out.buffer.getvalue().partition(b"\n")
    assert [(each["size"], each["bytes"] > 0) for each in json.loads(head)] == [([320, 240], True)] * 2
    assert len(rest) == sum(each["bytes"] for each in json.loads(head))
