"""Draws every picture of the demo content, the same ones each time."""

import sys
from collections.abc import Callable
from pathlib import Path

from scripts.demo_images import cloth, harbours, lights, shores
from scripts.demo_images.canvas import Canvas

MOST_BYTES = 90_000


def main(folder: Path) -> None:
    """Write every picture into `folder` as a WebP file of 1600 by 900 pixels."""
    for name, (scene, sky) in PICTURES.items():
        canvas = Canvas(name, sky.split())
        scene(canvas)
        picture = canvas.finished()
        for quality in (82, 76, 70, 62, 54, 46, 38, 30):
            picture.save(folder / f"{name}.webp", quality=quality, method=6)
            if (folder / f"{name}.webp").stat().st_size <= MOST_BYTES:
                break


PICTURES: dict[str, tuple[Callable[[Canvas], None], str]] = {
    "lighthouse": (lights.lighthouse, "#0c1738 #1f2f5f #4d4678 #a8607a #f0986c #f9c98c #f9c98c"),
    "light-rhythms": (lights.rhythms, "#0a1730 #142745 #1c3557"),
    "tide": (shores.tide, "#f9dcae #f6c796 #eaa980"),
    "lens": (lights.lens, "#04161f #0a2c3a #0b3442 #04161f"),
    "salt-pans": (shores.salt, "#cdb39b #b89a83"),
    "net": (cloth.net, "#5bb0b0 #1f7186 #0e4a62 #072b40"),
    "hull": (harbours.hull, "#e9d3ae #d9b98c #b98d62"),
    "bridge": (harbours.bridge, "#8fa9c4 #c3bccb #efcdbb #fbdcae #fbdcae #fbdcae"),
    "shore": (shores.shore, "#0a3350 #0d4560"),
    "gansey": (cloth.gansey, "#0b1d36 #081428"),
    "tide-gauge": (harbours.gauge, "#6d5e4a #5d503f"),
    "fog": (lights.fog, "#dfe6e6 #e9ebe4 #f3ead8 #e9ebe4"),
    "causeway": (shores.causeway, "#6f7ba6 #b39bb5 #f0b99a #fbdca6 #fbdca6"),
    "windows": (harbours.windows, "#d8cbbb #b9ab9d"),
    "flags": (cloth.flags, "#f3ebd9 #e4d8bf"),
    "loom": (cloth.loom, "#14263a #1b3348 #14263a"),
}

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "cms/content/demo/media")
