"""Decide what an uploaded file is by its content, and make the bytes that may be stored of it.

A file's name and the type its sender claims are never looked at. A picture is taken apart into the blocks of
its format, and only those that draw it are kept. So comments, EXIF, XMP, thumbnails and whatever hangs
behind the end are gone before a decoder sees it, and no pixel changes. Pixels are encoded anew in two cases:
an EXIF orientation other than upright is applied, and an AVIF with metadata is written without it.

The outcome depends on the bytes alone and is a fixed point: stored bytes, inspected again, give the same
bytes and so the same sha256. “The same file” therefore means the same stored bytes.

Audio and video are not accepted: taking the place of recording out of them is neither cheap nor certain.
Everything here is plain blocking work. Call it in a thread.
"""

import hashlib
import re
import struct
import unicodedata
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from slugify import slugify

from cms.media.containers import AVIF, KINDS, PDF, WEBP, Kind
from cms.media.refusals import (
    CUT_OFF,
    DAMAGED,
    TOO_MANY_PARTS,
    FileTooLarge,
    RefusedFile,
    UnsupportedFile,
    UnusableFile,
)

__all__ = [
    "DEFAULT_LIMITS",
    "MIME_TYPES",
    "FileTooLarge",
    "Inspection",
    "Limits",
    "RefusedFile",
    "UnsupportedFile",
    "UnusableFile",
    "inspect",
    "safe_filename",
]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may ask of the server and of its readers.

    max_bytes: of the file as sent. max_pixels: of one frame; the default takes today's phones (50.1 million).
    max_frames: of an animation. max_animation_pixels: of all its frames together.
    """

    max_bytes: int = 25 * 1024 * 1024
    max_pixels: int = 50 * 1024 * 1024
    max_frames: int = 500
    max_animation_pixels: int = 500_000_000

    @property
    def allowed(self) -> str:
        """The size of a file that is just accepted, as people read it."""
        size = self.max_bytes
        return f"{size / 1024 / 1024:.3g} MB" if size >= 1024 * 1024 else f"{size} bytes"

    @property
    def too_large(self) -> str:
        """What to tell whoever chose a larger file."""
        return f"The file is larger than {self.allowed}, the most that is accepted. Make it smaller."


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file is, and the bytes to store; every other field describes these bytes.

    width and height are in pixels with the orientation applied; None for a PDF. The extension has no dot.
    """

    mime_type: str
    extension: str
    width: int | None
    height: int | None
    sha256: str
    size: int
    content: bytes = field(repr=False)


DEFAULT_LIMITS = Limits()
MIME_TYPES = {kind.extension: kind.mime_type for kind in KINDS}
"""The types of the files that are accepted, by the extension that they are stored with."""


def inspect(file: BinaryIO | Path, limits: Limits = DEFAULT_LIMITS) -> Inspection:
    """Recognise a file, check it, and return it in the form that may be stored and served.

    file: a path, or an open binary file, read from where it stands and left open.
    Raises FileTooLarge, UnsupportedFile or UnusableFile, all of them RefusedFile.
    """
    data = _read(file, limits)
    kind = _recognise(data)
    content, size = (_whole_pdf(data), None) if kind is PDF else _clean_picture(data, kind, limits)
    _refuse_markup(content)
    width, height = size or (None, None)
    digest = hashlib.sha256(content).hexdigest()
    return Inspection(kind.mime_type, kind.extension, width, height, digest, len(content), content)


def safe_filename(client_name: str, extension: str) -> str:
    """Make a name to show and to download by from the client's: `Été à Rome.PHP.png` → `ete-a-rome-php.png`.

    The extension is the one `inspect` found, never the client's. Of the stem only a-z, 0-9 and hyphens
    remain, at most 100 of them; a name that a system reserves (CON, LPT1 …) is set behind `file-`. It is no
    storage key.
    """
    path = unicodedata.normalize("NFC", client_name[-1000:]).replace("\\", "/")
    name = path.rpartition("/")[2].strip(". \t\r\n\0")
    stem = slugify(name.rpartition(".")[0] or name, max_length=100).strip("-") or "file"
    return f"file-{stem}.{extension}" if _RESERVED_NAME.fullmatch(stem) else f"{stem}.{extension}"


_RESERVED_NAME = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")
_NOT_ACCEPTED = (
    "This is not a file of a kind that is accepted here, whatever its name says. "
    "Send a PNG, JPEG, GIF, WebP or AVIF picture, or a PDF."
)
_IS_HEIC = re.compile(rb"....ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)
_HEIC = (
    "This is a HEIC photo, which browsers can't show. Export it as JPEG; an iPhone takes JPEGs where Settings, Camera, "
    "Formats says “Most Compatible”. Accepted are PNG, JPEG, GIF, WebP or AVIF pictures, and PDFs."
)
_MARKUP = (b"<script", b"<?php", b"<!doctype", b"<iframe")  # long enough not to occur in pixels by chance
_MAX_PARTS = 20_000  # 25 MB in blocks of 4 KB make 6,400; a million tiny ones would keep a thread busy for seconds
# Pillow names no closed set of errors for broken input; these are what its decoders raise.
_DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, RuntimeError, EOFError,
    MemoryError, Warning, struct.error, zlib.error,
)  # fmt: skip
_EXIF_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _Stripped(NamedTuple):
    """What remains of a picture, and what was learnt on the way."""

    content: bytes
    frames: int
    orientation: int  # as EXIF has it: 1 is upright, see _TURNS
    needs_encoding: bool


def _read(file: BinaryIO | Path, limits: Limits) -> bytes:
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return _read(opened, limits)
    data = file.read(limits.max_bytes + 1)
    if len(data) > limits.max_bytes:
        raise FileTooLarge(limits.too_large)
    if not data:
        raise UnusableFile("The file is empty. Choose the file again and upload it.")
    return data


def _recognise(data: bytes) -> Kind:
    for kind in KINDS:
        if kind.signature.match(data):
            return kind
    raise UnsupportedFile(_HEIC if _IS_HEIC.match(data) else _NOT_ACCEPTED)


def _whole_pdf(data: bytes) -> bytes:
    if b"%%EOF" not in data[-1024:]:
        raise UnusableFile(CUT_OFF)
    return data


def _refuse_markup(content: bytes) -> None:
    lowered = content.lower()
    for markup in _MARKUP:
        if markup in lowered:
            raise UnsupportedFile(
                f"The file hides program text (“{markup.decode()}”) among its data. "
                "Save it anew in an editor and upload the new file."
            )


def _clean_picture(data: bytes, kind: Kind, limits: Limits) -> tuple[bytes, tuple[int, int]]:
    """Strip a picture, prove that it decodes, set it upright; return its bytes and its width and height."""
    stripped = _strip(data, kind, limits)
    try:
        with Image.open(BytesIO(stripped.content), formats=(kind.decoder,)) as image:
            if kind is AVIF:
                stripped = _look_into_avif(stripped, image)
            _check_extent(image.size, stripped.frames, limits)
            if stripped.needs_encoding:
                return _encode(image, kind, stripped)
            size = image.size
            if isinstance(image, JpegImageFile):  # at 1/8 of its scale each byte is read, in 1/64 of the memory
                image.draft(None, (size[0] // 8 or 1, size[1] // 8 or 1))
            image.load()
            return stripped.content, size
    except RefusedFile:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels(limits) from None
    except _DECODER_ERRORS as error:
        raise UnusableFile(CUT_OFF if "truncated" in str(error) else DAMAGED) from error


def _strip(data: bytes, kind: Kind, limits: Limits) -> _Stripped:
    kept, frames, exif = [], 0, b""
    try:
        for count, part in enumerate(kind.parts(data)):
            frames += part.frame
            exif = exif or part.exif
            if part.keep:
                kept.append(part.content)
            if frames > limits.max_frames or count > _MAX_PARTS:
                raise UnusableFile(f"{TOO_MANY_PARTS} An animation may have {limits.max_frames} frames.")
        content = kind.join(kept)
    except (IndexError, struct.error):
        raise UnusableFile(CUT_OFF) from None
    orientation = _orientation(exif) if frames <= 1 else 1
    return _Stripped(content, frames, orientation, needs_encoding=orientation != 1)


def _look_into_avif(stripped: _Stripped, image: Image.Image) -> _Stripped:
    """Ask the decoder: in an AVIF metadata and frames lie among the pixels, where only it finds them."""
    frames = getattr(image, "n_frames", 1)
    has_metadata = any(image.info.get(name) for name in ("exif", "xmp"))
    if has_metadata and frames > 1:
        raise UnusableFile("The animation carries metadata. Export it anew without, or as a WebP.")
    return _Stripped(stripped.content, frames, _orientation(image.info.get("exif", b"")), has_metadata)


def _check_extent(size: tuple[int, int], frames: int, limits: Limits) -> None:
    pixels = size[0] * size[1]
    if pixels > limits.max_pixels:
        raise _too_many_pixels(limits)
    if frames > limits.max_frames or (frames > 1 and frames * pixels > limits.max_animation_pixels):
        raise UnusableFile(f"This animation of {frames} frames is too large. Make it shorter or smaller.")


def _too_many_pixels(limits: Limits) -> UnusableFile:
    allowed = f"{limits.max_pixels / 1e6:.3g} million"
    return UnusableFile(f"The picture has more than {allowed} pixels, the most that is accepted. Scale it down.")


def _orientation(exif: bytes) -> int:
    """Read the one EXIF value that matters, 1 to 8, without handing hostile bytes to a general parser."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, directory)
        for position in range(directory + 2, directory + 2 + entries * 12, 12):
            tag, value = struct.unpack_from(f"{order}H6xH", exif, position)
            if tag == _EXIF_ORIENTATION:
                return value if value in _TURNS else 1
    except struct.error:
        pass
    return 1


def _encode(image: Image.Image, kind: Kind, stripped: _Stripped) -> tuple[bytes, tuple[int, int]]:
    options: dict[str, Any] = {"icc_profile": image.info.get("icc_profile")}
    if isinstance(image, JpegImageFile):
        # Its own tables: about the quality and the size it came with.
        options |= {"qtables": image.quantization, "subsampling": get_sampling(image)}
    elif kind is WEBP:
        is_lossy = b"VP8 " in stripped.content  # the name of the block of a lossy picture
        options |= {"quality": 95} if is_lossy else {"lossless": True}
    elif kind is AVIF:
        # The bytes depend on the number of threads, which must not depend on the machine.
        options |= {"quality": 90, "subsampling": "4:4:4", "speed": 9, "max_threads": 1}
    turn = _TURNS.get(stripped.orientation)
    upright = image if turn is None else image.transpose(turn)
    target = BytesIO()
    upright.save(target, kind.decoder, **options)
    return target.getvalue(), upright.size
