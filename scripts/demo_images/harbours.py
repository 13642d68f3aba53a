"""Pictures of things at the water's edge."""

from PIL import ImageDraw, ImageFilter, ImageFont, ImageOps

from scripts.demo_images.canvas import SCALE, WIDTH, Canvas, Points, box, disc, glints


def hull(canvas: Canvas) -> None:
    """The bow of a planked boat ashore."""
    canvas.glow(420, 120, 760, "#fff0d2", 0.8)
    tones = ["#1f4f5c #173f4c"] * 3 + ["#f1e3c8 #d8c5a4"] + ["#2c6a73 #1d505c"] * 4 + ["#b5523a #8f3c2c"] * 5
    canvas.fill([box(-9, 812, 1610, 910)], "#9a7350 #5f432f")
    canvas.fill([[(0, 850), (900, 812), (1250, 806), (1330, 826), (1000, 880), (0, 905)]], "#2a1a14", 0.6, blur=16)

    def seam(t: float) -> list[tuple[float, float]]:
        reach = 1440 - 190 * t - 60 * t * t
        return [
            (x, 190 + 150 * u * (1 - t) - 110 * u**3 * (1 - t) + t * (650 - 20 * u))
            for u in (n / 60 for n in range(61))
            for x in (-20 + u * reach,)
        ]

    for n, tone in enumerate(tones):
        upper, lower = seam(n / len(tones)), seam((n + 1) / len(tones))
        canvas.fill([[*upper, *reversed(lower)]], tone)
        canvas.stroke([[(x, y - 4) for x, y in lower]], 7, "#1a0f0c", 0.28, blur=3)
        canvas.stroke([lower], 2.6, "#120c0b", 0.75)
        canvas.stroke([[(x, y + 3) for x, y in upper]], 1.6, "#fff2d8", 0.35)
        nails = [
            disc(x, (y + b) / 2, 2.4)
            for (x, y), (_, b) in zip(upper[n % 3 + 2 :: 6], lower[n % 3 + 2 :: 6], strict=True)
        ]
        canvas.fill(nails, "#1c1210", 0.5)
    stem = [(seam(t / 20)[-1][0], seam(t / 20)[-1][1]) for t in range(21)]
    canvas.stroke([stem], 26, "#6d4429 #4a2d1d #2c1a13")
    canvas.stroke([[(x + 9, y) for x, y in stem]], 4, "#c8935b", 0.7)
    canvas.stroke([[(x, y - 6) for x, y in seam(0)]], 20, "#c08a52 #8a5a33")
    canvas.fill([box(-9, 100, 520, 900)], "#ffe2b0", 0.10, blur=90)


def bridge(canvas: Canvas) -> None:
    """A transporter bridge and its reflection."""
    canvas.glow(1060, 520, 520, "#fff3d6", 0.95)
    canvas.fill([disc(1060, 500, 60)], "#fffbea #ffe0a8")
    canvas.layer([(x, min(y, 612)) for x, y in canvas.crest(560, 60, 800)], "#b9a9b8 #d8bfc0")
    canvas.layer([(x, min(y, 612)) for x, y in canvas.crest(596, 34, 300)], "#8d8aa6 #b7a3b4")
    ink = "#1c3048 #33415f"
    lines: list[Points] = []
    for x in (330, 1270):
        lines += [[(x - 46, 620), (x - 14, 130)], [(x + 46, 620), (x + 14, 130)]]
        tops = [(x + (-1) ** n * (46 - 32 * n / 9), 620 - 490 * n / 9) for n in range(10)]
        lines += [tops, [(2 * x - a, b) for a, b in tops]]
    lines += [[(x, 206 + 44 * (n % 2)) for n, x in enumerate(range(60, 1560, 25))]]
    canvas.stroke(lines, 4, ink)
    anchors: list[Points] = [[(330, 130), (-20, 560)], [(1270, 130), (1620, 560)]]
    hang = [(x, 130 + 74 * (1 - ((x - 800) / 470) ** 2)) for x in range(330, 1271, 10)]
    canvas.stroke([*anchors, hang, [(40, 206), (1560, 206)], [(40, 250), (1560, 250)]], 7, ink)
    canvas.stroke([[(700 + n * 24, 250), (690 + n * 26, 548)] for n in range(6)], 1.8, ink)
    canvas.fill([box(660, 548, 850, 592), box(680, 532, 830, 548)], "#c4553f #93392f")
    canvas.fill([box(676 + n * 28, 556, 694 + n * 28, 574) for n in range(6)], "#ffe9bd")
    top = ImageOps.flip(canvas.image.crop((0, 40 * SCALE, WIDTH * SCALE, 620 * SCALE))).resize(
        (WIDTH * SCALE, 280 * SCALE)
    )
    canvas.image.paste(top.filter(ImageFilter.BoxBlur(7)), (0, 620 * SCALE))
    canvas.fill([box(-9, 620, 1610, 910)], "#3f6f86 #24506c #153a57", 0.5)
    glints(canvas, 1060, 620, "#fff0cf", 150, 330)


def gauge(canvas: Canvas) -> None:
    """A tide staff on a harbour wall."""
    _masonry(canvas)
    weeds = ((300, "#8c8a6c", 0.35), (390, "#5f7350", 0.5), (490, "#2f4f40", 0.55), (600, "#132f30", 0.6))
    for y, tone, alpha in weeds:
        stain = canvas.crest(y, 14, 130)
        canvas.fill([[*stain, (1640, 940), (-40, 940)]], tone, alpha, blur=5)
    canvas.fill([box(1090, -9, 1216, 860)], "#1d1a14", 0.5, blur=10)
    canvas.fill([box(1080, -9, 1200, 860)], "#fdf8ea #ede2c8 #9fae98 #5b7d74")
    canvas.fill([box(1080, n * 56, 1136, n * 56 + 28) for n in range(16)], "#1a1d22")
    canvas.fill([box(1080, n * 280, 1108, n * 280 + 168) for n in range(4)], "#1a1d22")
    ink, font = ImageDraw.Draw(canvas.image), ImageFont.load_default(76 * SCALE)
    for n, mark in enumerate("543"):
        ink.text((1168 * SCALE, (44 + 280 * n) * SCALE), mark, "#a3262a", font, anchor="mm")
    waves = ("#5d9a9c #3c7d86", "#438892 #2b6877", "#317483 #1f5567", "#245f72 #174557", "#184c60 #0d3042")
    for n, tone in enumerate(waves):
        crest = canvas.crest(740 + 36 * n, 13, 420)
        canvas.layer(crest, tone, 0.3)
        canvas.stroke([crest], 2.4, "#eaf6ee", 0.55)


def _masonry(canvas: Canvas) -> None:
    stones = ("#cdbfa6 #b3a388", "#c0b299 #a8987d", "#d8cbb2 #bcad92")
    for row in range(9):
        x, y = -60.0 - 70 * (row % 2), row * 92 - 12
        while x < WIDTH:
            width, stone = canvas.random.uniform(150, 290), canvas.random.choice(stones)
            block = box(x + 4, y + 4, x + width - 4, y + 88)
            canvas.fill([[(a + 3, b + 5) for a, b in block]], "#3d3226", 0.7, blur=3)
            canvas.fill([block], stone)
            x += width


def windows(canvas: Canvas) -> None:
    """Four storeys of glazed galleries."""
    blues = ("#6f9fb8 #b4cdd2", "#5f90ad #a3c2cb", "#86afc0 #e9c9b4", "#4d7f9e #92b4c1")
    for storey in range(4):
        top = 26 + storey * 226
        canvas.fill([box(-9, top + 176, 1610, top + 214)], "#fffaf0 #f3eadc #d3c6b4")
        canvas.fill([box(-9, top + 206, 1610, top + 232)], "#1c2a3a", 0.5, blur=8)
        for bay in range(17):
            left = bay * 98 - 34
            canvas.fill([box(left, top, left + 90, top + 176)], "#fffdf6 #efe6d8")
            lit = canvas.random.choices((True, False), (1, 4))[0]
            for x, y in ((left + 8 + 39 * n, top + 8 + 56 * m) for n in range(2) for m in range(3)):
                canvas.fill([box(x, y, x + 35, y + 50)], "#ffe2a0 #f7b65e" if lit else canvas.random.choice(blues))
                canvas.fill([[(x, y), (x + 22, y), (x, y + 34)]], "#ffffff", 0.22)
            if lit:
                canvas.glow(left + 45, top + 90, 110, "#ffcf7a", 0.35)
    canvas.fill([[(-40, -40), (900, -40), (-40, 760)]], "#ffe9c8", 0.2, blur=120)
    canvas.fill([[(1640, 300), (1640, 940), (500, 940)]], "#14263f", 0.34, blur=120)
