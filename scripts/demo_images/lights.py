"""Pictures of lights and marks."""

from PIL import ImageDraw, ImageFont

from scripts.demo_images.canvas import SCALE, WIDTH, Canvas, box, disc, glints


def lighthouse(canvas: Canvas) -> None:
    """A lighthouse on its headland at dusk."""
    stars = [disc(canvas.random.uniform(0, WIDTH), canvas.random.triangular(0, 420, 0), 1.1) for _ in range(120)]
    canvas.fill(stars, "#fff4dc", 0.7)
    canvas.glow(420, 640, 700, "#ffb27a", 0.75)
    for reach in range(60, 1300, 40):
        beam = [
            (1150 + reach * x, 292 + reach * y)
            for x, y in ((0, 0), (-1, -0.17), (-1, -0.01), (0, 0), (1, 0.08), (1, 0))
        ]
        canvas.fill([beam], "#ffe9b8", 0.022, blur=5)
    canvas.fill([box(-9, 640, 1610, 900)], "#a8566a #3a3560 #141d3c")
    glints(canvas, 420, 640, "#ffc48f", 170, 420)
    canvas.fill([[*((x, min(y, 642)) for x, y in canvas.crest(640, 26, 700)), (1640, 644), (-40, 644)]], "#54406a")
    _tower(canvas)
    cliff = [(780, 905), (850, 800), (905, 742), (960, 690), (1000, 640), (1060, 612), (1130, 604)]
    canvas.fill([[*cliff, (1240, 604), (1380, 580), (1610, 560), (1610, 905)]], "#211a3e #0b0f22")
    canvas.fill([box(1236, 566, 1310, 608), [(1228, 568), (1273, 536), (1318, 568)]], "#1a1636")
    canvas.fill([box(1256, 580, 1266, 594)], "#ffcf7d")


def _tower(canvas: Canvas) -> None:
    canvas.fill([[(1114, 622), (1130, 330), (1170, 330), (1186, 622)]], "#f3d9c4 #c98f8c #6a4a6e")
    canvas.fill([box(1120, 510, 1180, 560), box(1125, 415, 1175, 465)], "#8c3349")
    canvas.fill([[(1156, 331), (1169, 331), (1185, 622), (1160, 622)]], "#100f26", 0.42, blur=3)
    canvas.fill(
        [box(1122, 322, 1178, 331), box(1133, 314, 1167, 322), [(1130, 274), (1150, 254), (1170, 274)]],
        "#15142e",
    )
    canvas.fill([box(1136, 274, 1164, 314)], "#fff3cf")
    canvas.stroke([[(1143, 274), (1143, 314)], [(1157, 274), (1157, 314)], [(1150, 256), (1150, 240)]], 2, "#15142e")
    canvas.glow(1150, 292, 210, "#fff0c4", 0.9)


def lens(canvas: Canvas) -> None:
    """A stepped lens, seen from the front."""
    canvas.glow(800, 450, 820, "#1f6f78", 0.8)
    radius, rings = 434.0, 15
    for n in range(rings):
        tone = "#fff2c9 #e5b464 #2f7b80 #0d3c4c" if n % 2 else "#0d3c4c #2c8086 #d8b878 #fff0c8"
        canvas.fill([disc(800, 450, radius)], tone, 0.96)
        canvas.stroke([disc(800, 450, radius)], 1.5, "#fff9e2 #6fb7b3", 0.8)
        radius -= 16 + n * 1.6
    canvas.fill([disc(800, 450, radius)], "#fff9e3 #ffd98d #f0a94c")
    for side in (-1, 1):
        for n in range(7):
            half, x = 320 - 26 * n, 800 + side * (500 + 40 * n)
            blade = [
                (x, 450 - half),
                (x + side * 30, 450 - half + 26),
                (x + side * 30, 450 + half - 26),
                (x, 450 + half),
            ]
            canvas.fill([blade], "#0e4150 #56a3a0 #fff0c2 #56a3a0 #0e4150", 0.95 - 0.07 * n)
    canvas.glow(800, 450, 620, "#ffd487", 0.62)
    canvas.glow(800, 450, 210, "#fffdf2", 0.95)


def fog(canvas: Canvas) -> None:
    """Headlands fading into mist."""
    canvas.glow(960, 235, 460, "#fff7e4", 0.9)
    canvas.fill([disc(960, 235, 52)], "#fffaf0 #ffedd0", 0.95, blur=1)
    tones = (
        "#c6d1d0 #dce2dd",
        "#a9bcbf #d3dbd7",
        "#86a0a6 #c4cfce",
        "#5f838d #abbdbe",
        "#3a6270 #88a2a6",
        "#173a4b #4a6b74",
    )
    for n, tone in enumerate(tones):
        sea, reach = 440 + 78 * n, 1250 - 90 * n
        far = WIDTH * (n % 2)
        land = [(x, max(0, 1 - abs(x - far) / reach) ** 0.7 * (150 + 24 * n), y) for x, y in canvas.crest(0, 58, 420)]
        canvas.layer([(x, sea - max(0, height + y * min(1, height / 90))) for x, height, y in land], tone)
        canvas.fill([box(-60, sea - 30, 1660, sea + 30)], "#eef0ea", 0.5 - 0.05 * n, blur=30)
    canvas.fill([[(640, 838), (770, 838), (752, 862), (664, 862)], [(700, 838), (700, 720), (762, 826)]], "#0b2430")
    canvas.fill([[(694, 838), (694, 740), (652, 828)]], "#f3e6d0 #c9c4b5", 0.9)


def rhythms(canvas: Canvas) -> None:
    """Ten seconds of six kinds of light."""
    for n, (label, marks) in enumerate(RHYTHMS.items()):
        y = 112 + n * 135
        ink = ImageDraw.Draw(canvas.image)
        ink.text((120 * SCALE, y * SCALE), label, "#cfdcec", ImageFont.load_default(40 * SCALE), anchor="lm")
        canvas.stroke([[(400, y), (1500, y)]], 2, "#4b6488", 0.7)
        for start, length in marks:
            left, right = 400 + start * 110, 400 + (start + length) * 110
            canvas.fill([box(left - 16, y - 46, right + 16, y + 46)], "#ffcf7d", 0.5, blur=18)
            canvas.fill([box(left, y - 34, right, y + 34)], "#fffaf0 #ffe2a0")


RHYTHMS: dict[str, list[tuple[float, float]]] = {
    "Fl 5s": [(0.2, 0.5), (5.2, 0.5)],
    "Fl(3) 10s": [(0.2, 0.4), (1.6, 0.4), (3.0, 0.4)],
    "L Fl 10s": [(0.2, 2.2)],
    "Iso 4s": [(0, 2), (4, 2), (8, 2)],
    "Oc 5s": [(0, 4), (5, 4)],
    "Q": [(n + 0.15, 0.35) for n in range(10)],
}
