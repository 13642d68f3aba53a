"""Pictures of rope, cloth and bunting."""

from functools import partial
from math import cos, pi, sin

from scripts.demo_images.canvas import WIDTH, Canvas, Points, box, disc


def net(canvas: Canvas) -> None:
    """A net hanging from its floats."""
    canvas.glow(1150, 60, 760, "#8fd6cf", 0.55)
    for size, sag, width, tone, alpha, blur in (
        (64, 90, 2, "#0b3c4f", 0.8, 3.0),
        (100, 170, 5, "#f0b267 #d9763f #8c3d35", 1, 0),
    ):
        lines: list[Points] = []
        for n in range(-24, 48):
            for way in (1, -1):
                walk = [((n + way * t / 2) * size, t * size / 2) for t in range(42)]
                lines.append([(x + 26 * sin(y / 150), 120 + y + sag * sin(pi * x / WIDTH) - sag) for x, y in walk])
        canvas.stroke([[(x + 7, y + 11) for x, y in line] for line in lines], width, "#04212e", 0.5 * alpha, blur=4)
        canvas.stroke(lines, width, tone, alpha, blur)
        canvas.fill([disc(x, y, width * 1.55) for line in lines for x, y in line[::1]], tone, alpha, blur)
    rope = [(x, 120 + 170 * sin(pi * x / WIDTH) - 170 + 4) for x in range(-20, 1640, 10)]
    canvas.stroke([rope], 12, "#f4d6a2 #b9854e")
    for x, y in rope[6::15]:
        canvas.fill([disc(x + 5, y + 9, 33, 0.72)], "#04212e", 0.5, blur=6)
        canvas.fill([disc(x, y, 32, 0.72)], "#f7c98b #cf8145 #8f4a2c")


def gansey(canvas: Canvas) -> None:
    """Purl diamonds on plain knitting."""
    knit: dict[str, list[Points]] = {"left": [], "right": [], "purl": []}
    for row in range(-1, 25):
        for column in range(38):
            x, y, band = column * 44 - 40, row * 38, column % 19
            diamond = abs(band - 9) + abs(row % 12 - 5)
            if diamond in {1, 5, 6} or (band in {2, 16} and row % 2) or band == 0:
                knit["purl"].append([(px + 22, py + 20) for px, py in disc(x, y, 20, 0.62)])
                continue
            for side, key in ((1, "right"), (-1, "left")):
                leaf = [(1, 45), (1, 21), (8, 3), (16, -7), (21, -4), (21, 13), (14, 29)]
                knit[key].append([(x + 22 + side * px, y + py) for px, py in leaf])
    everything = [shape for shapes in knit.values() for shape in shapes]
    canvas.fill([[(x + 3, y + 5) for x, y in shape] for shape in everything], "#020a18", 0.85, blur=2.5)
    canvas.fill(knit["left"], "#5d86b3 #3a6294 #23466f")
    canvas.fill(knit["right"], "#41699a #274d7c #16345a")
    canvas.fill(knit["purl"], "#86abd0 #5a84b3 #375d8c")
    shine = [[(x + 1.5, y - 2) for x, y in shape[60:120]] for shape in knit["purl"]]
    canvas.stroke(shine, 2, "#c9def0", 0.45, blur=0.8)
    canvas.glow(300, 60, 900, "#fff1d6", 0.24)
    canvas.fill([box(1100, 300, 1900, 1200)], "#01060f", 0.42, blur=220)


def loom(canvas: Canvas) -> None:
    """Striped cloth on the loom, with its shuttle."""
    canvas.glow(800, 130, 700, "#3b6a86", 0.6)
    fell, pitch = 400, 40
    warp = [[(x + (x - 800) * 0.05, -20), (x, fell)] for x in range(-40, 1660, pitch)]
    canvas.stroke([[(x + 8, y + 6) for x, y in line] for line in warp], 9, "#050c18", 0.5, blur=5)
    canvas.stroke(warp[::2], 9, "#f6ead2 #d9c19a")
    canvas.stroke(warp[1::2], 9, "#cbb48e #a98f67")
    canvas.fill([box(-40, fell - 6, 1640, 940)], "#2a2018")
    stripes = ("#f8efdc #e3d1ae", "#f8efdc #e3d1ae", "#f8efdc #e3d1ae", "#c9523f #98352b", "#2d6378 #1c4558")
    for row in range(13):
        y = fell + row * pitch
        tone = stripes[3] if row in {3, 8} else stripes[4] if row in {4, 5, 6, 7} and row % 2 else stripes[0]
        over = [disc(x, y + 20, 36, 0.54) for x in range(-40 + pitch * (row % 2), 1680, pitch * 2)]
        under = [
            [(b + x, a + y + 20) for a, b in disc(0, 0, 25, 0.68)]
            for x in range(-40 + pitch * (1 - row % 2), 1680, pitch * 2)
        ]
        canvas.fill(under, "#efe0c0 #c4a97c")
        canvas.fill([[(x + 2, y + 5) for x, y in shape] for shape in over], "#160d06", 0.5, blur=4)
        canvas.fill(over, tone)
    shuttle = [
        (x, 300 + side * 44 * cos((x - 800) * pi / 620) ** 0.8) for side in (1, -1) for x in range(495, 1106, 5)[::side]
    ]
    canvas.fill([[(x + 10, y + 26) for x, y in shuttle]], "#050c18", 0.6, blur=14)
    canvas.fill([shuttle], "#d9a263 #a8693a #6c3d22")
    canvas.fill([box(690, 288, 910, 314)], "#3a2013")
    canvas.fill([disc(800, 301, 92, 0.14)], "#d8604b #96352b")
    canvas.stroke([[(1100, 300), (1320, 330), (1640, 396)]], 5, "#d8604b")
    canvas.glow(500, 380, 760, "#ffe6b8", 0.16)


def flags(canvas: Canvas) -> None:
    """The forty flags of the International Code."""
    inks = {"w": "#fbf6e9", "r": "#c8372f", "y": "#f2bf3b", "b": "#1f4e8c", "k": "#1d2026", "n": "#ebe1cb"}
    for n, (flag, taper) in enumerate((flag, taper) for taper, kind in FLAGS.items() for flag in kind.split()):
        left, top = 84 + n % 8 * 184, 70 + n // 8 * 160
        cloth, *charges = flag.split("+")
        hung = partial(_hung, left=left, top=top, taper=taper)
        canvas.fill([hung(box(0.02, 0.06, 1.02, 1.08))], "#3a2f22", 0.5, 6)
        for row, colours in enumerate(rows := cloth.split("/")):
            for column, ink in enumerate(colours):
                wide, high = 1 / len(colours), 1 / len(rows)
                part = box(column * wide, row * high, (column + 1) * wide, (row + 1) * high)
                canvas.fill([hung(part)], inks[ink])
        for charge in charges:
            canvas.fill(map(hung, CHARGES[charge[0]]), inks[charge[1]])
        canvas.fill([hung(box(x, 0, x + 0.16, 1)) for x in (0.28, 0.78)], "#101828", 0.16, 8)
        canvas.stroke([[(left - 3, top - 16), (left - 3, top + 124)]], 4, "#8a6a45")


def _hung(shape: Points, left: float, top: float, taper: float) -> Points:
    pairs = zip(shape, [*shape[1:], shape[0]], strict=True)
    edge = [(a + (c - a) * n / 16, b + (d - b) * n / 16) for (a, b), (c, d) in pairs for n in range(16)]
    return [
        (left + x * 142, top + 108 * (0.5 + (y - 0.5) * (1 - taper * x)) + 5 * x * sin(x * 6 + left)) for x, y in edge
    ]


# By how much they narrow towards the fly: flags as rows of colours, then charges (a diamond in red: "+dr").
FLAGS = {
    0.0: "wb+vn r+vn b/w/r/w/b y/b/b/y b/r w+dr ybybyb wr y+ok b/w/b yb yk/ky b+xw bwbw/wbwb/bwbw/wbwb r+ny "
    "bbb/bwb/bbb y rryrr/rryrr/yyyyy/rryrr/rryrr www/wbw/www rwb rw/wr w+xr bbbbb/bwwwb/bwrwb/bwwwb/bbbbb "
    "wwbww/wwbww/bbbbb/wwbww/wwbww y+sr y+hk+fb+ur",
    0.5: "yry w+or b+ow rwb rrwrr/rrwrr/wwwww/rrwrr/rrwrr yb k/w y/r wwrww/wwrww/rrrrr/wwrww/wwrww wk/ry rwrwr",
    0.97: "b+ty bw w/k/w",
}
CHARGES: dict[str, list[Points]] = {
    "v": [[(1.04, -0.1), (1.04, 1.1), (0.74, 0.5)]],
    "d": [[(0.5, 0), (1, 0.5), (0.5, 1), (0, 0.5)]],
    "o": [[(0.5 + 0.2 * x, 0.5 + 0.26 * y) for x, y in disc(0, 0, 1)]],
    "x": [
        [(0, 0), (0.15, 0), (1, 0.85), (1, 1), (0.85, 1), (0, 0.15)],
        [(1, 0), (1, 0.15), (0.15, 1), (0, 1), (0, 0.85), (0.85, 0)],
    ],
    "n": [[(0, 0), (1, 1), (0, 1)]],
    "s": [
        [(0.2, 0), (0.4, 0), (0, 0.4), (0, 0.2)],
        [(0.6, 0), (0.8, 0), (0, 0.8), (0, 0.6)],
        [(1, 0), (1, 0.2), (0.2, 1), (0, 1)],
        [(1, 0.4), (1, 0.6), (0.6, 1), (0.4, 1)],
        [(1, 0.8), (1, 1), (0.8, 1)],
    ],
    "h": [[(0, 0), (0.5, 0.5), (0, 1)]],
    "f": [[(1, 0), (0.5, 0.5), (1, 1)]],
    "u": [[(0, 1), (0.5, 0.5), (1, 1)]],
    "t": [[(0, 0.2), (0.72, 0.5), (0, 0.8)]],
}
