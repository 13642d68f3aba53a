"""Pictures of tides and beaches."""

from itertools import pairwise
from math import sin

from scripts.demo_images.canvas import Canvas, box, disc


def tide(canvas: Canvas) -> None:
    """Six layers of cut paper, each as thick as the tide's rise in that hour."""
    tones = (
        "#f3cf9f #eab482",
        "#dfb98f #b9a58c",
        "#8fb8ae #6aa2a2",
        "#4a9199 #2f7583",
        "#256577 #174c63",
        "#123f57 #0a2a42",
    )
    y = 210.0
    canvas.glow(1180, 190, 380, "#fff6df", 0.9)
    canvas.fill([disc(1180, 190, 84)], "#fff3d8 #ffd9a6")
    for share, tone in zip((1, 2, 3, 3, 2, 1), tones, strict=True):
        crest = canvas.crest(y, 52, 760)
        canvas.layer(crest, tone, 0.42)
        canvas.stroke([crest], 2.4, "#fff7e6", 0.5)
        y += 28 + 34 * share


def shore(canvas: Canvas) -> None:
    """Surf running slantwise on a beach, seen from above."""
    sea = ("#0f4c68 #0f5f78", "#1a7386 #2b8f98", "#49a9a5 #86c9b6", "#b9ddc4 #d9e5cb")
    sand = ("#cfae82 #c39e72", "#e3c598 #ecd6b0", "#f2e0bd #f6ead0")
    for n, tone in enumerate((*sea, *sand)):
        crest = canvas.crest(-170 + n * 158, 84, 520 + 60 * n, 0.27)
        canvas.layer(crest, tone, 0.16 if tone in sea else 0.26)
        foams = () if tone in {sea[0], *sand[1:]} else (0.85, 0.5, 0.3, 0.18)
        for gap, strength in enumerate(foams):
            foam = [(x, y + gap * 15 + 6 * sin(x / (31 + 9 * gap))) for x, y in crest]
            canvas.stroke([foam], 6 - gap, "#ffffff", strength, blur=0.6 + gap * 0.5)
    dots = [
        disc(canvas.random.uniform(0, 900), canvas.random.uniform(700, 900), canvas.random.uniform(1, 3.6), 0.8)
        for _ in range(240)
    ]
    canvas.fill(dots, "#8b6a4b", 0.5)


def salt(canvas: Canvas) -> None:
    """Salt pans, seen from above."""
    tones = (
        "#f4c8c0 #eeb3ae",
        "#e9a29f #d98a8d",
        "#f8e3d6 #f2d3c5",
        "#b9d6d0 #9cc4c1",
        "#d9e8e2 #c3dbd6",
        "#c77b80 #b5676f",
    )
    columns = tuple(pairwise((-40, 130, 262, 470, 610, 842, 960, 1150, 1330, 1470, 1660)))
    rows = ((-60, 130), (146, 250), (266, 470), (486, 590), (606, 800), (816, 960))
    for row, (top, bottom) in enumerate(rows):
        for left, right in columns:
            square = box(left + 8 + 46 * (row % 2), top, right - 8 + 46 * (row % 2), bottom)
            pan = [(x - y * 0.12 + 40, y + x * 0.05 - 40) for x, y in square]
            canvas.fill([[(x + 4, y + 5) for x, y in pan]], "#8d6a5c", 0.55, blur=3)
            canvas.fill([pan], canvas.random.choice(tones))
            canvas.stroke([[*pan, pan[0]]], 5, "#fffaf3", 0.75, blur=1.2)
            for n in range(canvas.random.choice((0, 0, 2, 3)) * (right - left) // 150):
                _heap(canvas, pan[3][0] + 34 + 46 * n, pan[3][1] - 28)


def _heap(canvas: Canvas, x: float, y: float) -> None:
    size = canvas.random.uniform(11, 18)
    shadow = [(x, y - size), (x + size * 3, y + size * 0.5), (x, y + size * 0.5)]
    canvas.fill([shadow], "#4d2f38", 0.42, blur=3)
    canvas.fill([[(x, y - size * 1.4), *disc(x, y, size, 0.45)[:61]]], "#ffffff #f3ecea #d3c8ca")


def causeway(canvas: Canvas) -> None:
    """A road across the sands to an island."""
    canvas.glow(560, 400, 620, "#ffe7b5", 0.9)
    canvas.fill([disc(560, 372, 46)], "#fffbe8 #ffe2a2")
    canvas.fill([box(-9, 420, 1610, 910)], "#f3c49a #c98f8a #7f6a86 #3f4a6c")
    for n in range(9):
        pool = canvas.crest(452 + n * n * 6.4, 3 + 1.3 * n, 520)
        canvas.fill(
            [[*pool, *((x, y + 3 + 2.4 * n * (1.1 + sin(x / 170 + 2 * n))) for x, y in reversed(pool))]],
            "#ffe6bf #f2b79b",
            0.5,
            blur=1.5,
        )
    hill = [(x, 424 - 128 * max(0, 1 - ((x - 1120) / 250) ** 2) ** 0.8 + 3 * sin(x / 13)) for x in range(868, 1373, 6)]
    canvas.fill([[*hill, (1372, 426), (868, 426)]], "#4d4468 #6d5576")
    canvas.fill(
        [
            box(1090, 262, 1104, 306),
            [(1086, 264), (1097, 236), (1108, 264)],
            box(1104, 284, 1150, 304),
            box(1190, 292, 1212, 314),
        ],
        "#453d61",
    )
    path = [
        (t, 1060 - 560 * t + 300 * sin(2.6 * t) * t + (120 * sin(5 * t)), 424 + 486 * t**1.7)
        for t in (n / 80 for n in range(81))
    ]
    edge = [(x - 3 - 150 * t**1.8, y) for t, x, y in path]
    canvas.fill([[*edge, *((x + 3 + 150 * t**1.8, y) for t, x, y in reversed(path))]], "#6a5573 #4a4262 #262c49")
    canvas.stroke([edge, [(x + 3 + 150 * t**1.8, y) for t, x, y in path]], 2.5, "#ffe0b8", 0.6)
    for t, x, y in path[16::7]:
        tall, left = 30 + 210 * t**1.6, x - 24 - 220 * t**1.8
        canvas.stroke([[(left, y), (left, y - tall)]], 2 + 6 * t, "#3a3352 #23233f")
        canvas.stroke([[(left, y), (left + 5, y + tall * 0.7)]], 2 + 6 * t, "#2a2946", 0.3, blur=2)
