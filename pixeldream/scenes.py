"""Pictures made by code: their ingredients, and the samples that a run without arguments shows.

Images are float32 ``[height, width, 3]``, sRGB in [0, 1]. The same seed makes the same picture (numpy's generators are
stable between versions and machines). Nothing is read from a file.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

# ---- ingredients -----------------------------------------------------------------------------------------------------


def grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates ``y, x`` [height, width], in units of the shorter side, zero in the middle."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    side = min(height, width)
    return (y - height / 2) / side, (x - width / 2) / side


def noise(random: Generator, height: int, width: int, exponent: float) -> np.ndarray:
    """Noise [height, width] in [0, 1]; its amplitude falls as frequency ** -exponent (0: white, 1: pink, 2: clouds)."""
    white = random.standard_normal((height, width), dtype=np.float32)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1.0
    field = np.fft.irfft2(np.fft.rfft2(white) * frequency**-exponent, s=(height, width))
    low, high = np.percentile(field, (0.5, 99.5))
    return np.clip((field - low) / (high - low + 1e-9), 0, 1).astype(np.float32)


def colours(random: Generator, count: int) -> np.ndarray:
    """A list of colours [count, 3] that belong together: a few hues, spread in lightness."""
    hue = random.uniform(0, 1) + random.normal(0, random.choice([0.03, 0.1, 0.3]), count)
    light = random.permutation(np.linspace(random.uniform(0, 0.25), random.uniform(0.7, 1.0), count))
    strength = random.uniform(0, 0.9) * random.uniform(0.3, 1.0, count)
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue[:, None] + np.array([0, 1 / 3, 2 / 3])))
    wheel = wheel - wheel.mean(1, keepdims=True)
    return np.clip(light[:, None] + strength[:, None] * wheel, 0, 1).astype(np.float32)


def ramp(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Colour ``values`` in [0, 1] by a table of colours [n, 3], linearly in between."""
    stops = np.linspace(0, 1, len(table))
    return np.stack([np.interp(values, stops, table[:, c]) for c in range(3)], -1).astype(np.float32)


def sample(image: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Look an image up at real pixel coordinates (nearest; mirrored at the edges)."""
    height, width = image.shape[:2]
    rows = np.abs((np.rint(y).astype(np.int32) + height - 1) % (2 * height - 2) - (height - 1))
    columns = np.abs((np.rint(x).astype(np.int32) + width - 1) % (2 * width - 2) - (width - 1))
    return image[rows, columns]


def flow(random: Generator, height: int, width: int, exponent: float = 2.2) -> tuple[np.ndarray, np.ndarray]:
    """A unit vector field ``dy, dx`` that swirls: the rotated gradient of smooth noise."""
    potential = noise(random, height, width, exponent)
    gy, gx = np.gradient(potential)
    length = np.hypot(gy, gx) + 1e-6
    return gx / length, -gy / length


def smear(image: np.ndarray, dy: np.ndarray, dx: np.ndarray, length: int) -> np.ndarray:
    """Average an image along a vector field, ``length`` pixels both ways (line integral convolution, Cabral 1993)."""
    height, width = image.shape[:2]
    start_y, start_x = np.mgrid[0:height, 0:width].astype(np.float32)
    total = image.copy()
    for sign in (1.0, -1.0):
        y, x = start_y, start_x
        for _ in range(length):
            y, x = y + sign * sample(dy, y, x), x + sign * sample(dx, y, x)
            total += sample(image, y, x)
    return total / (2 * length + 1)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """[0, 1] as uint8, clipped."""
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def to_floats(image: Image.Image) -> np.ndarray:
    """A Pillow image as float32 in [0, 1]."""
    return np.asarray(image, np.float32) / 255


# ---- the samples that come with the package --------------------------------------------------------------------------


def sample_content(width: int, height: int) -> np.ndarray:
    """A castle above a lake at dusk, float32 [height, width, 3]: large clear shapes, for few colours."""
    random = np.random.default_rng(5)
    y, x = grid(height, width)
    x, y = x + 0.5 * width / min(height, width), y + 0.5
    sky = ramp(np.clip(y / 0.62, 0, 1), _DUSK)
    streaks = noise(random, height, width, 1.8)
    streaks = smear(streaks[..., None], np.zeros_like(y), np.ones_like(y), width // 24)[..., 0]
    glow = np.clip((streaks - 0.45) * 3, 0, 1)[..., None] * np.clip(1.2 - np.abs(y - 0.36) * 3, 0, 1)[..., None]
    picture = sky + glow * (np.asarray([1.0, 0.55, 0.35], np.float32) - sky) * 0.75
    moon = np.hypot(y - 0.2, x - 1.18)
    halo = np.exp(-np.maximum(moon - 0.085, 0) * 9)[..., None] * 0.35
    picture = np.where(
        (moon < 0.085)[..., None], np.asarray([1.0, 0.97, 0.84], np.float32), picture + halo * (1 - picture)
    )
    for level, rough, tint in ((0.50, 0.16, (0.42, 0.30, 0.52)), (0.57, 0.12, (0.27, 0.20, 0.42))):
        skyline = level - rough * (noise(random, 1, width, 1.5)[0] - 0.3)
        picture = np.where((y > skyline)[..., None], np.asarray(tint, np.float32), picture)
    hill = 0.66 - 0.20 * np.exp(-(((x - 0.52) / 0.26) ** 2)) - 0.02 * noise(random, 1, width, 1.2)[0]
    lit = np.clip(noise(random, height, width, 1.1) - 0.3, 0, 1)[..., None] * np.asarray([0.10, 0.22, 0.16], np.float32)
    picture = np.where((y > hill)[..., None], np.asarray([0.09, 0.11, 0.17], np.float32) + lit, picture)
    picture = _castle(np.clip(picture, 0, 1))
    return _lake(random, picture, y, x)


_DUSK = np.asarray(
    [[0.07, 0.09, 0.30], [0.22, 0.20, 0.52], [0.62, 0.33, 0.55], [0.97, 0.56, 0.36], [1, 0.85, 0.5]], np.float32
)


def _castle(picture: np.ndarray) -> np.ndarray:
    """Towers with roofs, walls with battlements, lit windows; lengths are shares of the height."""
    size = picture.shape[0]
    canvas = Image.fromarray(to_bytes(picture))
    draw = ImageDraw.Draw(canvas)
    stone, shade, roof, lamp = (86, 80, 104), (52, 48, 72), (142, 58, 62), (255, 214, 110)

    def box(left: float, top: float, right: float, bottom: float, fill: tuple[int, int, int]) -> None:
        draw.rectangle([round(value * size) for value in (left, top, right, bottom)], fill=fill)

    def tower(middle: float, wide: float, top: float, bottom: float, peak: float) -> None:
        box(middle - wide, top, middle + wide, bottom, stone)
        box(middle + wide * 0.25, top, middle + wide, bottom, shade)
        tip = [(middle - wide * 1.35, top), (middle, peak), (middle + wide * 1.35, top)]
        draw.polygon([(px * size, py * size) for px, py in tip], fill=roof)
        for level in np.arange(top + 0.03, bottom - 0.05, 0.07):
            box(middle - 0.008, level, middle + 0.008, level + 0.028, lamp)

    box(0.34, 0.38, 0.72, 0.56, stone)
    box(0.58, 0.38, 0.72, 0.56, shade)
    for left in np.arange(0.34, 0.715, 0.032):
        box(left, 0.36, left + 0.016, 0.385, stone if left < 0.57 else shade)
    for middle, wide, top, bottom, peak in (
        (0.53, 0.055, 0.20, 0.54, 0.05), (0.36, 0.04, 0.29, 0.56, 0.17),
        (0.70, 0.04, 0.31, 0.57, 0.20), (0.445, 0.026, 0.25, 0.40, 0.15),
    ):  # fmt: skip
        tower(middle, wide, top, bottom, peak)
    box(0.505, 0.47, 0.555, 0.56, (30, 24, 40))
    return to_floats(canvas)


def _lake(random: Generator, picture: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The lower third mirrors what stands above it, in ripples; reeds in front."""
    height, width = picture.shape[:2]
    shore = 0.69
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    depth = np.clip(y - shore, 0, 1)
    ripple = np.sin(depth**0.6 * 95 + 3 * noise(random, height, width, 1.6)) * depth * 0.05 * height
    mirrored = sample(picture, 2 * shore * height - rows + ripple, columns + ripple * 0.6)
    water = mirrored * np.asarray([0.66, 0.72, 0.86], np.float32) + np.asarray([0.0, 0.02, 0.06], np.float32)
    picture = np.where((y > shore)[..., None], water, picture)
    canvas = Image.fromarray(to_bytes(picture))
    draw = ImageDraw.Draw(canvas)
    for _ in range(90):
        foot = random.choice([random.normal(0.08, 0.09), random.normal(1.5, 0.12)]) * height
        tip = foot + random.normal(0, 0.03) * height
        line = [(foot, height), (tip, height * random.uniform(0.72, 0.95))]
        draw.line(line, fill=(14, 20, 26), width=max(1, height // 130))
    return to_floats(canvas)


def sample_style(width: int, height: int) -> np.ndarray:
    """A fractal drowned in star clouds, painted with swirling strokes: float32 [height, width, 3]."""
    random = np.random.default_rng(23)
    y, x = grid(height, width)
    z = (2.4 * x + 2.4j * y).astype(np.complex64)
    age = np.zeros((height, width), np.float32)
    for _ in range(40):
        z = z * z + np.complex64(-0.79 + 0.15j)
        age += np.exp(-np.abs(z)).astype(np.float32)
        z = np.where(np.abs(z) > 4, 4 + 0j, z).astype(np.complex64)
    field = (age - age.min()) / np.ptp(age)
    gas = noise(random, height, width, 1.7)
    picture = ramp(np.clip(0.62 * gas + 0.55 * field**0.6 - 0.05, 0, 1), _NIGHT)
    for _ in range(11):
        cy, cx, size = random.uniform(-0.5, 0.5), random.uniform(-0.8, 0.8), random.uniform(0.015, 0.05)
        star = np.exp(-((np.hypot(y - cy, x - cx) / size) ** 1.3))[..., None]
        picture = picture + star * (np.asarray([1.0, 0.93, 0.55], np.float32) - picture)
    dy, dx = flow(random, height, width, 2.5)
    return _paint(random, picture, dy, dx)


_NIGHT = np.asarray([
    [0.03, 0.04, 0.16], [0.08, 0.14, 0.42], [0.13, 0.33, 0.66], [0.35, 0.62, 0.80],
    [0.93, 0.83, 0.42], [0.93, 0.52, 0.18], [0.98, 0.94, 0.80],
], np.float32)  # fmt: skip


def _paint(random: Generator, under: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
    """Bent brush strokes along a field, large ones first, over all of a picture."""
    height, width = under.shape[:2]
    canvas = Image.fromarray(to_bytes(under))
    draw = ImageDraw.Draw(canvas)
    unit = height / 200
    for thick, length, count in ((5, 9, 1600), (3, 7, 3200), (2, 6, 2600)):
        y, x = random.uniform(0, height, count), random.uniform(0, width, count)
        tint = random.normal(0, 0.07, (count, 1)) + random.normal(0, 0.03, (count, 3))
        paint = to_bytes(sample(under, y, x) + tint)
        path = [(x, y)]
        for _ in range(4):
            y, x = y + sample(dy, y, x) * length / 4 * unit, x + sample(dx, y, x) * length / 4 * unit
            path.append((x, y))
        points = np.stack([np.stack(place, -1) for place in path], 1)
        for line, colour in zip(points, paint, strict=True):
            draw.line([tuple(p) for p in line], fill=tuple(int(c) for c in colour), width=max(1, round(thick * unit)))
    return to_floats(canvas)
