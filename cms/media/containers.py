"""The formats that are accepted, and how a file of each comes apart into the blocks that it is made of.

One short reader per format, side by side so that they stay alike. A reader yields each block and tells
whether it draws the picture; what does not is left out by whoever asked. An IndexError or a struct.error out
of a reader means that the file ends too early.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from cms.media.refusals import DAMAGED, TOO_MANY_PARTS, UnusableFile


class Part(NamedTuple):
    """One block of a picture's file.

    keep: whether it draws. frame: whether it begins a frame. exif: camera data that it holds, if any.
    """

    content: bytes
    keep: bool = True
    frame: bool = False
    exif: bytes = b""


@dataclass(frozen=True, slots=True)
class Kind:
    """A format that is accepted.

    signature: how its files begin. parts: takes a file apart. join: puts the blocks that were kept together.
    """

    mime_type: str
    extension: str
    signature: re.Pattern[bytes]
    parts: Callable[[bytes], Iterator[Part]]
    join: Callable[[list[bytes]], bytes] = b"".join

    @property
    def decoder(self) -> str:
        """What Pillow calls the format."""
        return self.mime_type.removeprefix("image/").upper()


_MAX_SCANS = 50  # of a progressive JPEG; encoders write about ten, and each costs a pass over all pixels


def _cut(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise IndexError(end)
    return data[start:end]


_PNG_DRAWS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT pHYs bKGD acTL fcTL fdAT".split()
)


def _png_parts(data: bytes) -> Iterator[Part]:
    yield Part(data[:8])
    position, name = 8, b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, position)
        chunk = _cut(data, position, position + length + 12)
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
            raise UnusableFile(DAMAGED)
        yield Part(chunk, name in _PNG_DRAWS, name == b"fcTL", chunk[8:-4] if name == b"eXIf" else b"")
        position += len(chunk)


_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # neither a stuffed byte, nor a restart, nor padding
_JPEG_DRAWS = re.compile(
    rb"\xff[\xc0-\xcf\xd9-\xdf]"
    rb"|\xff\xe0\x00\x10JFIF\x00"  # of a length that has no room for a thumbnail
    rb"|\xff\xe2..ICC_PROFILE\x00"
    rb"|\xff\xee\x00\x0eAdobe",  # tells the colour space
    re.DOTALL,
)


def _jpeg_parts(data: bytes) -> Iterator[Part]:
    yield Part(data[:2])
    position, scans, name = 2, 0, b""
    while name != b"\xff\xd9":
        position = _next_marker(data, position)
        name = data[position : position + 2]
        end = position + 2
        if name != b"\xff\xd9":
            end += int.from_bytes(_cut(data, end, end + 2))
        if name == b"\xff\xda":  # its compressed pixels follow, without a length
            end, scans = _next_marker(data, end), scans + 1
        if scans > _MAX_SCANS:
            raise UnusableFile(TOO_MANY_PARTS)
        segment = _cut(data, position, end)
        exif = segment[4:] if name == b"\xff\xe1" and segment[4:10] == b"Exif\0\0" else b""
        yield Part(segment, _JPEG_DRAWS.match(segment) is not None, exif=exif)
        position = end


def _next_marker(data: bytes, position: int) -> int:
    found = _JPEG_MARKER.search(data, position)
    if found is None:
        raise IndexError(position)
    return found.start()


_GIF_DRAWS = re.compile(
    rb"!\xf9\x04.{4}\x00"  # duration and transparency of the next frame
    rb"|!\xff\x0b(NETSCAPE2\.0|ANIMEXTS1\.0)\x03\x01..\x00",  # repetition
    re.DOTALL,
)


def _gif_parts(data: bytes) -> Iterator[Part]:
    position = 13 + _palette_size(data[10])
    yield Part(_cut(data, 0, position))
    while (mark := _cut(data, position, position + 1)) != b";":
        if mark not in (b"!", b","):
            raise UnusableFile(DAMAGED)
        is_frame = mark == b","
        end = position + (11 + _palette_size(data[position + 9]) if is_frame else 2)
        while length := data[end]:
            end += length + 1
        end += 1
        block = _cut(data, position, end)
        yield Part(block, is_frame or _GIF_DRAWS.fullmatch(block) is not None, is_frame)
        position = end
    yield Part(b";")


def _palette_size(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


_WEBP_DRAWS = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))


def _webp_parts(data: bytes) -> Iterator[Part]:
    position, end = 12, 8 + int.from_bytes(data[4:8], "little")
    while position < end:
        name, length = struct.unpack_from("<4sI", data, position)
        chunk = _cut(data, position, min(position + 8 + length + length % 2, end))
        yield Part(chunk, name in _WEBP_DRAWS, name == b"ANMF", chunk[8:] if name == b"EXIF" else b"")
        position += 8 + length + length % 2


def _join_webp(chunks: list[bytes]) -> bytes:
    """Write what tells of the other chunks: the length of the file, and that neither EXIF nor XMP follows."""
    if chunks and chunks[0][:4] == b"VP8X":
        flags = chunks[0][8] & ~0x0C
        chunks[0] = chunks[0][:8] + bytes([flags]) + chunks[0][9:]
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


_AVIF_BOX_HEADER = 8  # bytes


def _avif_parts(data: bytes) -> Iterator[Part]:
    """Blank the boxes that don't draw instead of leaving them out: the others refer to places in the file."""
    position = 0
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, position + 8)
        length = length or len(data) - position  # 0 stands for “to the end”
        if length < _AVIF_BOX_HEADER:
            raise UnusableFile(DAMAGED)
        box = _cut(data, position, position + length)
        draws = name in (b"ftyp", b"meta", b"mdat", b"moov")
        yield Part(box if draws else length.to_bytes(4) + b"free" + bytes(length - _AVIF_BOX_HEADER))
        position += length


PDF = Kind("application/pdf", "pdf", re.compile(rb"%PDF-[12]\.[0-9]"), lambda data: iter([Part(data)]))
WEBP = Kind("image/webp", "webp", re.compile(rb"RIFF.{4}WEBP", re.DOTALL), _webp_parts, _join_webp)
AVIF = Kind("image/avif", "avif", re.compile(rb"....ftypavi[fs]", re.DOTALL), _avif_parts)
KINDS = (
    Kind("image/png", "png", re.compile(rb"\x89PNG\r\n\x1a\n"), _png_parts),
    Kind("image/jpeg", "jpg", re.compile(rb"\xff\xd8\xff"), _jpeg_parts),
    Kind("image/gif", "gif", re.compile(rb"GIF8[79]a"), _gif_parts),
    WEBP,
    AVIF,
    PDF,
)
