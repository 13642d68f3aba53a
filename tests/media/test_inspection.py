"""Uploads are judged by their content, and what may be stored of them carries nothing but the picture."""

import random
import resource
import struct
import time
import tracemalloc
import unicodedata
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from cms.media.inspection import (
    FileTooLarge,
    Inspection,
    Limits,
    RefusedFile,
    UnsupportedFile,
    UnusableFile,
    inspect,
    safe_filename,
)

SCRIPT = b"<script>alert(1)</script>"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
GPS = b"\x30\x1c\x0d\x2a\x07"  # stands where a camera writes the place
FORMATS = ["PNG", "JPEG", "GIF", "WEBP", "AVIF"]
ORIENTATION, DESCRIPTION, PLACE = 0x0112, 0x010E, 0x8825


def look(data: bytes, limits: Limits | None = None) -> Inspection:
    return inspect(BytesIO(data), limits or Limits())


def drawing(width: int = 48, height: int = 32) -> Image.Image:
    """A picture whose four corners differ, so that each turn of it is another picture."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("red", (0, 0, width // 2, height // 2))
    image.paste("green", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def camera_data(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[DESCRIPTION] = SCRIPT.decode()
    exif[PLACE] = {1: "N", 2: (52.0, 31.0, 12.0), 29: GPS.decode("latin-1")}
    return exif


def animation(kind: str, frames: int = 3) -> bytes:
    shades = [Image.new("L", (16, 16), 40 * n) for n in range(frames)]
    return encoded(shades[0], kind, save_all=True, append_images=shades[1:], duration=100, loop=0)


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))


def with_png_chunk(data: bytes, name: bytes, content: bytes) -> bytes:
    return data[:33] + png_chunk(name, content) + data[33:]


def pixels(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data)) as image:
        return image.convert("RGB")


def same_picture(one: Image.Image, other: Image.Image, tolerance: float = 0) -> bool:
    difference = ImageStat.Stat(ImageChops.difference(one, other)).mean
    return one.size == other.size and max(difference) <= tolerance


@pytest.mark.parametrize(
    ("kind", "mime_type", "extension"),
    [
        ("PNG", "image/png", "png"),
        ("JPEG", "image/jpeg", "jpg"),
        ("GIF", "image/gif", "gif"),
        ("WEBP", "image/webp", "webp"),
        ("AVIF", "image/avif", "avif"),
    ],
)
def test_a_picture_is_recognised_by_its_bytes(kind: str, mime_type: str, extension: str) -> None:
    data = encoded(drawing(), kind)
    found = look(data)
    assert (found.mime_type, found.extension, found.width, found.height) == (mime_type, extension, 48, 32)
    assert found.size == len(found.content)
    assert same_picture(pixels(found.content), pixels(data))


@pytest.mark.parametrize(
    ("kind", "modes"),
    [
        ("PNG", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]),
        ("JPEG", ["L", "RGB", "CMYK"]),
        ("GIF", ["1", "L", "P", "RGB"]),
        ("WEBP", ["L", "RGB", "RGBA"]),
        ("AVIF", ["L", "RGB", "RGBA"]),
    ],
)
def test_pictures_of_every_mode_and_of_one_pixel_pass(kind: str, modes: list[str]) -> None:
    for mode in modes:
        found = look(encoded(Image.new(mode, (1, 1)), kind))
        assert (found.width, found.height) == (1, 1)


def test_a_pdf_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "report.png"
    path.write_bytes(PDF)
    found = inspect(path)
    assert (found.mime_type, found.extension, found.width, found.height) == (
        "application/pdf",
        "pdf",
        None,
        None,
    )
    assert found.content == PDF


DISGUISES = {
    "html": b"<!DOCTYPE html><html><body>" + SCRIPT,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>",
    "xml": b"<?xml version='1.0'?><x/>",
    "javascript": b"alert(document.cookie)",
    "php": b"<?php system($_GET['c']);",
    "text": b"just,a,table\n1,2,3\n",
    "zip": b"PK\x03\x04" + bytes(60),
    "html behind white space": b"  \n\t<html>" + SCRIPT,
    "html behind a byte order mark": b"\xef\xbb\xbf<html>" + SCRIPT,
    "pdf behind html": b"<html>" + SCRIPT + PDF,
    "windows program": b"MZ" + bytes(200),
    "mp4": b"\x00\x00\x00\x18ftypmp42" + bytes(40),
    "heic": b"\x00\x00\x00\x18ftypheic" + bytes(40),
    "jpeg 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40),
    "photoshop": b"8BPS\x00\x01" + bytes(40),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "fits": b"SIMPLE  =                    T" + bytes(40),
    "gd": b"\xff\xfe\x00\x10\x00\x10" + bytes(40),
    "tiff whose directory is its own successor": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
    "wav in the clothes of webp": b"RIFF\x24\0\0\0WAVEfmt " + bytes(24),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_what_is_no_accepted_kind_is_refused_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    """F04, F06: HTML, SVG, scripts and formats whose decoders nobody here needs."""
    path = tmp_path / "holiday.png"
    path.write_bytes(DISGUISES[name])
    with pytest.raises(UnsupportedFile, match="PNG, JPEG, GIF, WebP or AVIF"):
        inspect(path)


@pytest.mark.parametrize(
    "signature", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x40\0\0\0WEBP", PDF[:9]]
)
def test_a_true_signature_before_a_false_body_is_refused(signature: bytes) -> None:
    """F04: a right magic number is not enough."""
    with pytest.raises(RefusedFile):
        look(signature + b"<html>" + SCRIPT * 20)


@pytest.mark.parametrize("kind", FORMATS)
def test_what_hangs_behind_the_end_of_a_picture_is_not_stored(kind: str) -> None:
    """F04: a picture followed by a page, an archive or a program."""
    data = encoded(drawing(), kind)
    page = b"<html>" + SCRIPT + b"PK\x03\x04"
    if kind == "AVIF":  # made of boxes to its last byte; a stranger among them is blanked
        with pytest.raises(UnusableFile):
            look(data + page)
        page = (8 + len(page)).to_bytes(4) + b"uuid" + page
    stored = look(data + page).content
    assert page[-20:] not in stored
    assert same_picture(pixels(stored), pixels(data))


def test_a_gif_that_is_a_script_too_loses_the_script() -> None:
    """F04: `GIF89a/*` … `*/=1;` is both a picture and JavaScript."""
    gif = encoded(Image.new("P", (16, 16)), "GIF")
    start = gif.index(b",")
    comment = b"*/=1;" + SCRIPT
    both = gif[:6] + b"/*" + gif[8:start] + b"!\xfe" + bytes([len(comment)]) + comment + b"\0" + gif[start:]
    stored = look(both).content
    assert b"<script" not in stored
    assert b"*/=1;" not in stored


def test_program_text_written_as_pixels_is_refused() -> None:
    """F04: uncompressed image data that spells a tag can't be stripped, so it is refused."""
    row = b"\0" + SCRIPT.ljust(40, b" ")
    data = png_header(10, 1) + png_chunk(b"IDAT", zlib.compress(row, 0)) + png_chunk(b"IEND", b"")
    with pytest.raises(UnsupportedFile, match="“<script”"):
        look(data)


def test_a_pdf_that_holds_a_page_is_refused() -> None:
    """F04: a document that some reader may take for HTML."""
    with pytest.raises(UnsupportedFile, match="“<script”"):
        look(PDF[:9] + SCRIPT + PDF[9:])


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_picture_that_is_cut_off_is_refused(kind: str, share: float) -> None:
    data = encoded(Image.effect_noise((64, 64), 80), kind)
    with pytest.raises(UnusableFile, match=r"cut off|damaged"):
        look(data[: int(len(data) * share)])


def test_a_pdf_that_is_cut_off_and_an_empty_file_are_refused() -> None:
    with pytest.raises(UnusableFile, match="cut off"):
        look(PDF[:-7])
    with pytest.raises(UnusableFile, match="empty"):
        look(b"")


def test_a_damaged_chunk_is_noticed() -> None:
    data = bytearray(encoded(drawing(), "PNG"))
    data[20] ^= 1
    with pytest.raises(UnusableFile, match="damaged"):
        look(bytes(data))


def test_a_file_over_the_limit_is_refused_before_it_is_read_to_its_end() -> None:
    """F06: a PNG with 100 MB of text needs no more memory than the limit."""

    class Endless(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size > 0
            return bytes(size)

    with pytest.raises(FileTooLarge, match="2 MB"):
        inspect(Endless(), Limits(max_bytes=2 * 1024 * 1024))
    assert look(PDF, Limits(max_bytes=len(PDF))).size == len(PDF)


def gif_of(frames: int) -> bytes:
    gif = encoded(Image.new("P", (10, 10)), "GIF")
    start = gif.index(b",")
    return gif[:start] + gif[start:-1] * frames + b";"


def progressive_jpeg_of(scans: int) -> bytes:
    data = encoded(Image.new("RGB", (7000, 7000)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + b"\xff\xd9"


def text_bomb(name: bytes) -> bytes:
    text = zlib.compress(bytes(60_000_000), 9)
    head = b"key\0\0" if name == b"zTXt" else b"key\0\x01\0\0\0"
    return with_png_chunk(encoded(drawing(), "PNG"), name, head + text)


BOMBS: dict[str, Callable[[], bytes]] = {
    "a PNG of 30,000²": lambda: (
        png_header(30_000, 30_000) + png_chunk(b"IDAT", zlib.compress(bytes(60_000_000))) + png_chunk(b"IEND", b"")
    ),
    "a WebP of 147 megapixels": lambda: encoded(Image.new("L", (16383, 9000)), "WEBP", lossless=True, method=0),
    "an AVIF of 81 megapixels": lambda: encoded(Image.new("L", (9000, 9000)), "AVIF", speed=10),
    "a JPEG of 60,000²": lambda: encoded(drawing(), "JPEG").replace(b"\0\x20\0\x30\x03", b"\xea\x60\xea\x60\x03"),
    "a GIF of 60,000²": lambda: b"GIF89a" + b"\x60\xea" * 2 + encoded(Image.new("P", (9, 9)), "GIF")[10:],
    "a GIF of 10,000 frames": lambda: gif_of(10_000),
    "a JPEG of 1,000 scans": lambda: progressive_jpeg_of(1_000),
    "a JPEG of 6,000,000 segments": lambda: b"\xff\xd8" + b"\xff\xe1\0\x02" * 6_000_000,
    "a JPEG of nothing but padding": lambda: b"\xff\xd8" + b"\xff" * 25_000_000,
    "a GIF of 8,000,000 extensions": lambda: gif_of(1)[:-1] + b"!\xfe\0" * 8_000_000 + b";",
    "a PNG of 2,000,000 chunks": lambda: encoded(drawing(), "PNG")[:-12] + png_chunk(b"tEXt", b"") * 2_000_000,
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_decompression_bomb_is_refused_within_two_seconds_and_little_memory(name: str) -> None:
    """F06: within 2 s and 150 MB."""
    data = BOMBS[name]()
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(UnusableFile, match=r"pixels|parts|frames|cut off"):
        look(data)
    assert time.process_time() - started < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before < 150 * 1024


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt"])
def test_a_text_that_unpacks_to_sixty_megabytes_is_never_unpacked(name: bytes) -> None:
    """F06: text chunks are cut out before a decoder sees the file."""
    data = text_bomb(name)
    tracemalloc.start()
    try:
        found = look(data)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert name not in found.content


def test_an_animation_may_have_neither_too_many_frames_nor_too_many_pixels() -> None:
    """F06: the limits hold for every format that moves."""
    for kind in ("GIF", "PNG", "WEBP", "AVIF"):
        assert look(animation(kind)).width == 16
        with pytest.raises(UnusableFile, match="frames"):
            look(animation(kind), Limits(max_frames=2))
        with pytest.raises(UnusableFile, match="3 frames"):
            look(animation(kind), Limits(max_animation_pixels=3 * 256 - 1))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_keeps_its_frames_and_its_rhythm(kind: str) -> None:
    with Image.open(BytesIO(look(animation(kind)).content)) as image:
        assert getattr(image, "n_frames", 1) == 3
        image.seek(1)
        image.load()
        assert image.info["duration"] == 100


def photo(kind: str, orientation: int = 1) -> bytes:
    """A photograph with a place, a script in its description, XMP and, where there is one, a comment."""
    options: dict[str, Any] = {"exif": camera_data(orientation)}
    if kind != "PNG":
        options["xmp"] = b"<x:xmpmeta><place>52.5, 13.4</place>" + SCRIPT + b"</x:xmpmeta>"
    if kind == "JPEG":
        options |= {"comment": b"a secret", "quality": 95, "subsampling": 0}
    data = encoded(drawing(), kind, **options)
    return with_png_chunk(data, b"tEXt", b"Comment\0a secret" + SCRIPT) if kind == "PNG" else data


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_nothing_a_camera_or_an_editor_wrote_beside_the_picture_is_stored(kind: str, orientation: int) -> None:
    """F08: place, description, XMP and comments are gone; so is the script that stood in them."""
    data = photo(kind, orientation)
    assert b"<script" in data
    stored = look(data).content
    for trace in (b"Exif", b"xmpmeta", b"a secret", b"<script", b"tEXt", b"eXIf", b"XMP ", GPS):
        assert trace not in stored
    with Image.open(BytesIO(stored)) as image:
        assert not image.getexif()
        assert not image.info.keys() & {"exif", "xmp", "comment", "Comment", "photoshop"}


def test_an_animated_avif_with_metadata_is_refused() -> None:
    """F08: its frames can't be written anew without loss, so the editor is asked to."""
    frames = [drawing(), Image.new("RGB", (48, 32))]
    data = encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:], exif=camera_data(1))
    with pytest.raises(UnusableFile, match="metadata"):
        look(data)


@pytest.mark.parametrize("length", [b"\0\0\0\0uuid", b"\0\0\0\1uuid" + (35).to_bytes(8)])
def test_a_stranger_in_an_avif_is_blanked_however_its_length_is_written(length: bytes) -> None:
    """F08: a box of another program may carry anything."""
    data = encoded(drawing(), "AVIF")
    stored = look(data + length + b"52.5, 13.4 and more").content
    assert stored.startswith(data)
    assert b"13.4" not in stored
    with pytest.raises(UnusableFile, match="damaged"):
        look(data + b"\0\0\0\7uuid")


def test_a_thumbnail_and_a_second_picture_are_not_stored() -> None:
    """F08: what was cropped away often survives in a thumbnail, or in a second picture behind the first."""
    thumbnail = encoded(Image.new("RGB", (9, 9), "purple"), "JPEG")
    jpeg = encoded(drawing(), "JPEG")
    jfif = b"\xff\xe0" + struct.pack(">H", 16 + len(thumbnail)) + jpeg[6:20] + thumbnail
    both = jpeg[:2] + jfif + jpeg[20:] + thumbnail
    stored = look(both).content
    assert thumbnail not in stored
    assert same_picture(pixels(stored), drawing(), tolerance=8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_set_upright(kind: str, orientation: int) -> None:
    """F08: the orientation is applied before it is thrown away, so every reader sees the same picture."""
    turned = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    upright = drawing() if orientation == 1 else drawing().transpose(turned[orientation])
    found = look(photo(kind, orientation))
    assert (found.width, found.height) == upright.size
    assert same_picture(pixels(found.content), upright, tolerance=0 if kind == "PNG" else 8)


def test_colours_and_transparency_survive() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("PNG", "JPEG", "WEBP", "AVIF"):
        for orientation in (1, 6):
            data = encoded(drawing(), kind, icc_profile=profile, exif=camera_data(orientation))
            with Image.open(BytesIO(look(data).content)) as image:
                assert image.info["icc_profile"] == profile
    glass = Image.new("P", (4, 2))
    with Image.open(BytesIO(look(encoded(glass, "PNG", transparency=0, exif=camera_data(6))).content)) as image:
        assert image.convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)


def test_a_lossless_webp_is_turned_without_loss() -> None:
    noise = Image.merge("RGB", [Image.effect_noise((64, 48), 90) for _ in range(3)])
    stored = look(encoded(noise, "WEBP", lossless=True, exif=camera_data(3))).content
    assert same_picture(pixels(stored), noise.transpose(Image.Transpose.ROTATE_180))


def test_a_meaningless_orientation_is_passed_over() -> None:
    for hostile in (
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0",
    ):
        found = look(with_png_chunk(encoded(drawing(), "PNG"), b"eXIf", hostile))
        assert (found.width, found.height) == (48, 32)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_bytes_give_the_same_file_and_a_stored_file_is_stored_unchanged(kind: str) -> None:
    originals = [encoded(drawing(), kind)]
    originals += [photo(kind, 6), photo(kind, 1)] if kind != "GIF" else []
    originals += [animation(kind)] if kind != "JPEG" else []
    for data in originals:
        first = look(data)
        assert look(data) == first
        assert look(first.content) == first


def test_two_copies_that_differ_in_metadata_alone_are_one_file() -> None:
    plain = encoded(drawing(), "JPEG", quality=80)
    described = encoded(drawing(), "JPEG", quality=80, exif=camera_data(1), comment=b"mine")
    assert plain != described
    assert look(plain).sha256 == look(described).sha256


@pytest.mark.filterwarnings("ignore")
def test_broken_bytes_are_refused_and_never_crash() -> None:
    """F04, F06: four thousand damaged files; each is refused, or stored in a form that is accepted again."""
    chance = random.Random(20)  # noqa: S311
    seeds = [encoded(drawing(), kind) for kind in FORMATS]
    seeds += [photo(kind, 6) for kind in FORMATS if kind != "GIF"]
    seeds += [animation(kind) for kind in FORMATS if kind != "JPEG"]
    accepted = 0
    for _ in range(4_000):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice([1, 2, 5])):
            place = chance.randrange(min(len(data), chance.choice([60, 400, len(data)])))
            data[place : place + chance.choice([0, 1, 1, 4])] = chance.randbytes(chance.choice([0, 1, 1, 4]))
        with suppress(RefusedFile):
            stored = look(bytes(data))
            accepted += 1
            assert look(stored.content).content == stored.content
    assert 400 < accepted < 3_600


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("photo.jpg", "photo"),
        ("Été à Rome.PHP.png", "ete-a-rome-php"),
        (unicodedata.normalize("NFD", "Été"), "ete"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot"),
        ("/etc/shadow", "shadow"),
        ("C:\\Windows\\win.ini", "win"),
        ("%2e%2e/%2e%2e/x.png", "x"),
        ("..%2fx", "2fx"),
        ("a\0.php\0.png", "a-php"),
        ("trailing.png. . .", "trailing"),
        (".htaccess", "htaccess"),
        ("CON", "file-con"),
        ("con.png", "file-con"),
        ("LPT1.txt", "file-lpt1"),
        ("console.png", "console"),
        ("", "file"),
        ("...", "file"),
        ("/", "file"),
        ("🙂.png", "file"),
        ("evil\u202egnp.exe", "evilgnp"),
        ("line\r\nSet-Cookie: a=b", "line-set-cookie-a-b"),
        ('a"; filename="b.html', "a-filename-b"),
        ("<img src=x onerror=alert(1)>.png", "img-src-x-onerror-alert-1"),
    ],
)
def test_a_name_to_show_is_safe_everywhere(sent: str, kept: str) -> None:
    """F01: traversal, separators of both worlds, control and direction marks, reserved names."""
    assert safe_filename(sent, "png") == f"{kept}.png"


def test_a_name_of_three_hundred_or_a_million_letters_is_cut() -> None:
    """F01: 300 characters."""
    assert safe_filename("a" * 300 + ".png", "png") == "a" * 100 + ".png"
    assert len(safe_filename("ü" * 1_000_000, "avif")) <= 105
