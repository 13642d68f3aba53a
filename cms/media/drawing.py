"""A program of its own: reads a picture, writes smaller ones. It is run for one picture, and then gone.

Decoding takes hundreds of megabytes and seconds, of files that strangers made. So it is done in a process whose memory
and time are limited, and which knows nothing worth stealing: no settings, no database, no other module of ours. It
reads a line of JSON (`format`, `focal`, `widths`, `crops`) and the file from its input, and writes a line of JSON
that lists the pictures, followed by their bytes.

Nothing but pixels goes into a picture: no EXIF, no XMP, no place, no profile, since colours are turned into sRGB.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, ImageCms

MEMORY = 1536 * 1024 * 1024
"""Bytes of address space: a picture of 50 million pixels with transparency takes about two thirds of it."""
SECONDS = 60
"""Of processor time."""
FORMATS: dict[str, dict[str, Any]] = {
    "webp": {"format": "WEBP", "quality": 80, "method": 4},
    # One thread: the bytes, and so the address, must not depend on the machine.
    "avif": {"format": "AVIF", "quality": 60, "speed": 8, "max_threads": 1},
}


class Cut(NamedTuple):
    """A part of a picture, and the size to draw it in. `name` is None for the whole picture."""

    name: str | None
    box: tuple[float, float, float, float]
    size: tuple[int, int]

    @property
    def scale(self) -> float:
        """How much smaller it becomes."""
        return self.size[0] / (self.box[2] - self.box[0])


def main() -> None:
    """Draw what the input asks for."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order, _, content = sys.stdin.buffer.read().partition(b"\n")
    Image.MAX_IMAGE_PIXELS = None  # what was stored is within the limits of uploads; memory is limited besides
    drawn = list(draw(content, json.loads(order)))
    head = [picture for picture, _ in drawn]
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + b"".join(body for _, body in drawn))


def draw(content: bytes, order: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The pictures that an order asks for, each with what is known about it; none of an animation.

    :param order: `widths` in pixels; `crops` as lists of a name, a width and a height; the `focal` point.
    """
    with Image.open(BytesIO(content), formats=(order["format"],)) as image:
        cuts = [*scaled(image.size, order["widths"]), *cropped(image.size, order["crops"], order["focal"])]
        if getattr(image, "n_frames", 1) > 1 or not cuts:
            return
        source = _opened(image, max(cut.scale for cut in cuts))
    factor = source.width / image.width if image.size != source.size else 1.0
    for cut in cuts:
        left, top, right, bottom = (edge * factor for edge in cut.box)
        box = (left, top, min(right, source.width), min(bottom, source.height))
        picture = source.resize(cut.size, Image.Resampling.LANCZOS, box, reducing_gap=3.0)
        for extension, options in FORMATS.items():
            target = BytesIO()
            picture.save(target, **options)
            body = target.getvalue()
            yield {**cut._asdict(), "extension": extension, "bytes": len(body)}, body


def scaled(size: tuple[int, int], widths: list[int]) -> Iterator[Cut]:
    """The whole picture in each of the widths that it has."""
    width, height = size
    for wanted in widths:
        if wanted <= width:
            yield Cut(None, (0, 0, width, height), (wanted, max(round(height * wanted / width), 1)))


def cropped(size: tuple[int, int], crops: list[tuple[str, int, int]], focal: tuple[float, float]) -> Iterator[Cut]:
    """The largest part of each shape, as far around the focal point as the edges let it be; none is made larger."""
    width, height = size
    for name, wide, high in crops:
        part = (min(width, height * wide / high), min(height, width * high / wide))
        if part[0] >= wide:
            left, top = (
                min(max(at * whole - length / 2, 0), whole - length)
                for at, whole, length in zip(focal, size, part, strict=True)
            )
            yield Cut(name, (left, top, left + part[0], top + part[1]), (wide, high))


def _opened(image: Image.Image, scale: float) -> Image.Image:
    """The pixels in sRGB; of a JPEG no more of them than are needed, which spares most of the memory."""
    profile, size = image.info.get("icc_profile"), image.size
    if scale < 1:
        image.draft(None, (int(size[0] * scale) + 1, int(size[1] * scale) + 1))
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    plain = "RGBA" if has_alpha else "RGB"
    if profile and image.mode in {"RGB", "RGBA", "CMYK"}:
        try:
            source, target = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(image, source, target, outputMode=plain)
        except (ImageCms.PyCMSError, OSError, ValueError):
            turned = None  # a broken profile is none
        if turned is not None:
            return _bare(turned)
    return _bare(image.convert(plain))


def _bare(image: Image.Image) -> Image.Image:
    image.info.clear()
    return image


if __name__ == "__main__":
    main()
