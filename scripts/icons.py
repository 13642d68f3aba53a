"""Draws `admin/static/icons.svg`: the icons of the back office, taken from Tabler's set (MIT licence) by name.

npm pack @tabler/icons && tar xzf tabler-icons-*.tgz
python -m scripts.icons package/icons
"""

import re
import sys
from pathlib import Path

SPRITE = Path(__file__).parent.parent / "admin" / "static" / "icons.svg"


def symbol(source: str, name: str) -> str:
    """One icon as a symbol of the sprite, strokes and fills left to the page's styles."""
    shapes = re.findall(r"<(?:path|circle|rect|line|polyline|polygon|ellipse)\b[^>]*>", source)
    kept = [re.sub(r"\s+", " ", shape).replace(" />", "/>") for shape in shapes if 'd="M0 0h24v24H0z"' not in shape]
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(kept)}</symbol>'


def draw(folder: Path, names: set[str]) -> str:
    """The sprite, from the folder that holds `outline/` and `filled/`."""
    symbols = []
    for name in sorted(names):
        kind, file = ("filled", name.removesuffix("-filled")) if name.endswith("-filled") else ("outline", name)
        symbols.append(symbol((folder / kind / f"{file}.svg").read_text(encoding="utf-8"), name))
    lines = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg"><!-- Tabler Icons, MIT licence, Paweł Kuna -->\n{lines}\n</svg>\n'


if __name__ == "__main__":
    known = set(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text(encoding="utf-8")))
    SPRITE.write_text(draw(Path(sys.argv[1]), known | set(sys.argv[2:])), encoding="utf-8")
