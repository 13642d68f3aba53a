"""What the pictures are drawn with: a canvas, a few shapes, light on water."""

from collections.abc import Iterable, Sequence
from math import cos, pi, sin
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

WIDTH, HEIGHT, SCALE = 1600, 900, 2
Points = Sequence[tuple[float, float]]


class Canvas:
    """A picture in the making, in finished pixels; drawn larger and reduced, so that edges are smooth."""

    def __init__(self, name: str, sky: Sequence[str]) -> None:
        self.random = Random(name)  # noqa: S311 - the same hills each time, and no secrets
        self.image = gradient(sky, (WIDTH * SCALE, HEIGHT * SCALE))

    def fill(self, shapes: Iterable[Points], colours: str, alpha: float = 1, blur: float = 0) -> None:
        """Fill polygons with `colours`: separated by spaces, from the top of all shapes to the bottom."""
        mask = Image.new("L", self.image.size)
        draw = ImageDraw.Draw(mask)
        for points in shapes:
            draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=round(255 * alpha))
        self._paint(mask, colours, blur)

    def stroke(self, lines: Iterable[Points], width: float, colours: str, alpha: float = 1, blur: float = 0) -> None:
        """Draw lines `width` pixels thick."""
        mask = Image.new("L", self.image.size)
        draw = ImageDraw.Draw(mask)
        for points in lines:
            scaled = [(x * SCALE, y * SCALE) for x, y in points]
            draw.line(scaled, fill=round(255 * alpha), width=max(1, round(width * SCALE)), joint="curve")
        self._paint(mask, colours, blur)

    def glow(self, x: float, y: float, radius: float, colour: str, alpha: float = 1) -> None:
        """Lay a soft round light over the picture."""
        side = round(radius * 2 * SCALE)
        cone = ImageOps.invert(Image.radial_gradient("L"))  # 75 where its circle meets the sides of the square
        spot = cone.point(lambda value: (max(0, value - 75) / 180) ** 2 * 255 * alpha)
        corner = (round((x - radius) * SCALE), round((y - radius) * SCALE))
        self.image.paste(Image.new("RGB", (side, side), colour), corner, spot.resize((side, side)))

    def layer(self, crest: Points, colours: str, shadow: float = 0) -> None:
        """Fill everything below `crest`, with a soft shadow of that strength above it, as of cut paper."""
        below = [*crest, (WIDTH + 40, HEIGHT + 40), (-40, HEIGHT + 40)]
        if shadow:
            self.fill([[(x, y - 10) for x, y in below]], "#04121c", shadow, blur=14)
        self.fill([below], colours)

    def crest(self, y: float, height: float, length: float, tilt: float = 0) -> list[tuple[float, float]]:
        """A wandering line from edge to edge around `y`, in waves `height` tall and about `length` apart."""
        waves = [(0.5**n, length / 1.9**n, self.random.uniform(0, 2 * pi)) for n in range(4)]

        def lift(x: int) -> float:
            return sum((share * sin(2 * pi * x / run + start) for share, run, start in waves), 0.0)

        return [(x, y + tilt * x + height / 2 * lift(x)) for x in range(-40, WIDTH + 41, 8)]

    def finished(self) -> Image.Image:
        """The picture at its final size, with a fine grain that hides the steps of its gradients."""
        noise = Image.frombytes("L", (WIDTH, HEIGHT), self.random.randbytes(WIDTH * HEIGHT))
        grain = noise.filter(ImageFilter.GaussianBlur(0.8)).point(lambda value: 128 + (value - 128) * 0.16)
        small = self.image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        return ImageChops.soft_light(small, Image.merge("RGB", [grain] * 3))

    def _paint(self, mask: Image.Image, colours: str, blur: float) -> None:
        mask = mask.filter(ImageFilter.GaussianBlur(blur * SCALE)) if blur else mask
        if box := mask.getbbox():
            size = (box[2] - box[0], box[3] - box[1])
            self.image.paste(gradient(colours.split(), size), box[:2], mask.crop(box))


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """A rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def disc(x: float, y: float, radius: float, flat: float = 1) -> Points:
    """A circle, or an ellipse `flat` times as high as it is wide."""
    return [(x + radius * cos(n * pi / 60), y + radius * flat * sin(n * pi / 60)) for n in range(120)]


def glints(canvas: Canvas, x: float, top: float, colour: str, spread: float, count: int = 260) -> None:
    """Light broken up on water below `top`, widening towards the viewer."""
    for strength in (0.25, 0.5, 0.8):
        lines = []
        for _ in range(count // 3):
            depth = canvas.random.random() ** 1.6
            middle = x + canvas.random.gauss(0, spread * (0.25 + depth))
            half = 4 + 38 * depth * canvas.random.random()
            y = top + 4 + (HEIGHT - top) * depth
            lines.append([(middle - half, y), (middle + half, y)])
        canvas.stroke(lines, 2.2, colour, strength)


def gradient(colours: Sequence[str], size: tuple[int, int]) -> Image.Image:
    """A picture of `size` that runs through `colours` from top to bottom."""
    strip = Image.new("RGB", (1, len(colours)))
    for row, colour in enumerate(colours):
        strip.paste(colour, (0, row, 1, row + 1))
    return strip.resize(size, Image.Resampling.BICUBIC)
