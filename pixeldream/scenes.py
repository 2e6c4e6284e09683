"""Pictures made by code: what the feature network learns from, and the samples that a run without arguments shows.

Every scene is a function ``(random generator, height, width) -> float32 [height, width, 3]``, sRGB in [0, 1]. The same
seed makes the same picture (numpy's generators are stable between versions and machines). A scene of 256 x 256 takes
some tens of milliseconds. Nothing is read from a file.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

Scene = Callable[[Generator, int, int], np.ndarray]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&?!*+="


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


# ---- scenes ----------------------------------------------------------------------------------------------------------


def clouds(random: Generator, height: int, width: int) -> np.ndarray:
    """Smooth to grainy noise through a colour ramp."""
    field = noise(random, height, width, random.uniform(0.7, 2.2))
    return ramp(field, colours(random, int(random.integers(2, 6))))


def gradients(random: Generator, height: int, width: int) -> np.ndarray:
    """A linear or round blend, possibly in bands."""
    y, x = grid(height, width)
    angle = random.uniform(0, 2 * np.pi)
    field = np.cos(angle) * x + np.sin(angle) * y + 0.5 if random.random() < 0.5 else 1.4 * np.hypot(x, y)
    if random.random() < 0.3:
        bands = random.integers(3, 20)
        field = np.floor(field * bands) / bands
    return ramp(np.clip(field, 0, 1), colours(random, int(random.integers(2, 5))))


def fractals(random: Generator, height: int, width: int) -> np.ndarray:
    """A Julia set by escape time, smoothly coloured."""
    y, x = grid(height, width)
    zoom = random.uniform(0.8, 3.2)
    z = (zoom * x + 1j * zoom * y).astype(np.complex64) * np.exp(1j * random.uniform(0, 6.28)).astype(np.complex64)
    z = z + np.complex64(complex(*random.normal(0, 0.3, 2)))
    angle = random.uniform(0, 2 * np.pi)
    c = np.complex64(0.7885 * np.exp(1j * angle))
    age = np.zeros((height, width), np.float32)
    for _ in range(28):
        z = z * z + c
        size = np.abs(z)
        age += np.exp(-size).astype(np.float32)
        z = np.where(size > 4, 4 + 0j, z).astype(np.complex64)
    field = (age - age.min()) / (np.ptp(age) + 1e-6)
    return ramp((field * random.uniform(1, 4)) % 1.0, colours(random, int(random.integers(3, 8))))


def shapes(random: Generator, height: int, width: int) -> np.ndarray:
    """Polygons, ellipses and bars in flat colours over another ground."""
    ground = (gradients if random.random() < 0.6 else clouds)(random, height, width)
    canvas = Image.fromarray(_bytes(ground))
    draw = ImageDraw.Draw(canvas)
    table = _bytes(colours(random, 6))
    for _ in range(random.integers(3, 40)):
        fill = tuple(int(v) for v in table[random.integers(6)])
        size = random.uniform(0.03, 0.4) * min(height, width)
        cy, cx = random.uniform(0, height), random.uniform(0, width)
        kind = random.integers(4)
        if kind == 0:
            corners = [(cx + size * dx, cy + size * dy) for dx, dy in random.uniform(-1, 1, (random.integers(3, 7), 2))]
            draw.polygon(corners, fill=fill)
        elif kind == 1:
            draw.ellipse((cx - size, cy - size * 0.7, cx + size, cy + size * 0.7), fill=fill)
        elif kind == 2:
            draw.rectangle((cx, cy, cx + size, cy + size * random.uniform(0.1, 2)), fill=fill)
        else:
            end = (cx + size * 2, cy + size * random.uniform(-2, 2))
            draw.line([(cx, cy), end], fill=fill, width=int(random.integers(1, 7)))
    return _floats(canvas)


def lettering(random: Generator, height: int, width: int) -> np.ndarray:
    """Words of several sizes over another ground."""
    canvas = Image.fromarray(_bytes((gradients if random.random() < 0.5 else textures)(random, height, width)))
    draw = ImageDraw.Draw(canvas)
    table = _bytes(colours(random, 4))
    for _ in range(random.integers(4, 14)):
        word = "".join(random.choice(list(_LETTERS), random.integers(1, 9)))
        font = ImageFont.load_default(float(random.integers(8, 72)))
        place = (random.uniform(-20, width * 0.8), random.uniform(-10, height * 0.9))
        draw.text(place, word, fill=tuple(int(v) for v in table[random.integers(4)]), font=font)
    return _floats(canvas)


def textures(random: Generator, height: int, width: int) -> np.ndarray:
    """Bricks, stripes, checks, waves, cells and grain."""
    y, x = grid(height, width)
    angle = random.uniform(0, np.pi)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    bend = random.uniform(0, 0.06) * (noise(random, height, width, 2.0) - 0.5)
    scale = random.uniform(4, 50)
    kind = random.integers(5)
    if kind == 0:
        field = 0.5 + 0.5 * np.sin(2 * np.pi * scale * (u + bend))
    elif kind == 1:
        field = ((np.floor(scale * (u + bend)) + np.floor(scale * (v + bend))) % 2).astype(np.float32)
    elif kind == 2:
        row = np.floor(scale * v)
        brick = np.minimum((scale * v) % 1, ((scale * u + 0.5 * row) / 2) % 1 * 2)
        shade = np.sin(row * 12.9 + np.floor((scale * u + 0.5 * row) / 2) * 78.2)
        field = np.clip(brick * 6, 0, 1) * (0.6 + 0.4 * shade)
    elif kind == 3:
        field = _cells(random, height, width)
    else:
        field = np.full((height, width), 0.5, np.float32)
        for a in random.uniform(0, np.pi, 4):
            along = random.uniform(3, 40) * (np.cos(a) * x + np.sin(a) * y)
            field += 0.25 * np.sin(2 * np.pi * along + random.uniform(0, 6))
    return ramp(np.clip(field, 0, 1), colours(random, int(random.integers(2, 5))))


def _cells(random: Generator, height: int, width: int) -> np.ndarray:
    """Distances to the two nearest of some points: cells with walls, pebbles or cracks."""
    y, x = grid(height, width)
    points = random.uniform(-0.6, 0.6, (random.integers(10, 70), 2)).astype(np.float32)
    distance = np.full((2, height, width), 9.0, np.float32)
    for py, px in points:
        d = np.hypot(y - py, x - px)
        distance[1] = np.minimum(distance[1], np.maximum(d, distance[0]))
        distance[0] = np.minimum(distance[0], d)
    walls = (distance[1] - distance[0]) * 12 if random.random() < 0.5 else distance[0] * 5
    return np.clip(walls, 0, 1)


def relief(random: Generator, height: int, width: int) -> np.ndarray:
    """A noise surface lit from one side: stone, cloth, hills from above."""
    ground = noise(random, height, width, random.uniform(1.2, 2.3))
    gy, gx = np.gradient(ground * random.uniform(20, 80))
    angle = random.uniform(0, 2 * np.pi)
    light = (0.7 + np.cos(angle) * gx + np.sin(angle) * gy) / np.sqrt(1 + gx * gx + gy * gy)
    colour = ramp(noise(random, height, width, 2.0), colours(random, int(random.integers(2, 5))))
    return np.clip(colour * np.clip(light, 0.05, 1.4)[..., None], 0, 1)


def spheres(random: Generator, height: int, width: int) -> np.ndarray:
    """Shaded balls with highlights, near ones before far ones."""
    y, x = grid(height, width)
    picture = (gradients if random.random() < 0.5 else textures)(random, height, width)
    angle, table = random.uniform(0, 2 * np.pi), colours(random, 8)
    for size in np.sort(random.uniform(0.05, 0.4, int(random.integers(2, 12)))):
        cy, cx = random.uniform(-0.6, 0.6, 2)
        ny, nx = (y - cy) / size, (x - cx) / size
        inside = 1 - ny * ny - nx * nx
        nz = np.sqrt(np.maximum(inside, 0))
        light = np.clip(0.6 * nz + 0.5 * (np.cos(angle) * nx + np.sin(angle) * ny) + 0.15, 0.05, 1)
        shaded = table[random.integers(8)] * light[..., None] + (light[..., None] ** 20) * 0.7
        picture = np.where((inside > 0)[..., None], np.clip(shaded, 0, 1), picture)
    return picture.astype(np.float32)


def landscape(random: Generator, height: int, width: int) -> np.ndarray:
    """Sky, sun, ridges that fade with distance, and at times a row of houses."""
    y, x = grid(height, width)
    picture = ramp(np.clip(y + 0.5, 0, 1), colours(random, 4))
    cover = np.clip(noise(random, height, width, 1.7) * 2 - random.uniform(0.6, 1.6), 0, 1)[..., None]
    picture = picture * (1 - cover) + cover * colours(random, 1)
    sun = np.exp(-np.hypot(y + random.uniform(0, 0.3), x - random.uniform(-0.4, 0.4)) / random.uniform(0.02, 0.15))
    picture = picture + sun[..., None] * np.array([1.0, 0.9, 0.6], np.float32) * random.uniform(0, 1)
    table = np.sort(colours(random, 6), axis=0)[::-1]
    for layer in range(random.integers(2, 6)):
        skyline = noise(random, 1, width, random.uniform(0.9, 1.8))[0] * random.uniform(0.1, 0.4) - 0.1 + 0.13 * layer
        ground = table[layer] * (0.6 + 0.6 * noise(random, height, width, random.uniform(0.5, 1.8)))[..., None]
        picture = np.where((y > skyline)[..., None], ground, picture)
    if random.random() < 0.5:
        picture = _houses(random, np.clip(picture, 0, 1))
    return np.clip(picture, 0, 1).astype(np.float32)


def _houses(random: Generator, picture: np.ndarray) -> np.ndarray:
    """Walls, roofs and windows along the lower half."""
    height, width = picture.shape[:2]
    canvas = Image.fromarray(_bytes(picture))
    draw = ImageDraw.Draw(canvas)
    table = [tuple(int(v) for v in c) for c in _bytes(colours(random, 6))]
    for _ in range(random.integers(3, 14)):
        w, h = random.uniform(0.06, 0.3, 2) * width
        left, top = random.uniform(-0.1, 1) * width, random.uniform(0.4, 0.9) * height
        wall, roof, pane = (table[k] for k in random.integers(0, 6, 3))
        draw.rectangle((left, top, left + w, top + h), fill=wall)
        ridge = (left + w / 2, top - w * random.uniform(0.2, 0.7))
        draw.polygon([(left - 3, top), ridge, (left + w + 3, top)], fill=roof)
        step = max(5, int(w / random.integers(2, 6)))
        for wy in range(int(top) + 4, int(top + h) - step // 2, step):
            for wx in range(int(left) + 3, int(left + w) - step // 2, step):
                draw.rectangle((wx, wy, wx + step // 2, wy + step // 2), fill=pane)
    return _floats(canvas)


def nebula(random: Generator, height: int, width: int) -> np.ndarray:
    """Glowing gas and stars on the dark."""
    table = colours(random, 4)
    picture = np.zeros((height, width, 3), np.float32) + 0.3 * table[0] * random.uniform(0, 1)
    for colour in table[1:]:
        gas = noise(random, height, width, random.uniform(1.3, 2.0)) ** random.uniform(1.5, 4)
        picture += gas[..., None] * colour
    stars = random.integers(20, 200)
    picture[random.integers(0, height, stars), random.integers(0, width, stars)] = 1.0
    y, x = grid(height, width)
    for _ in range(random.integers(0, 8)):
        cy, cx = random.uniform(-0.5, 0.5, 2)
        glow = np.exp(-np.hypot(y - cy, x - cx) / random.uniform(0.005, 0.05))
        picture += glow[..., None] * (0.5 + 0.5 * table[random.integers(4)])
    return np.clip(picture, 0, 1)


def strokes(random: Generator, height: int, width: int) -> np.ndarray:
    """Another scene painted over with short brush strokes that follow a swirling field."""
    under = plain(random, height, width)
    dy, dx = flow(random, height, width, random.uniform(1.9, 2.6))
    canvas = Image.fromarray(_bytes(under))
    draw = ImageDraw.Draw(canvas)
    length, thick, wild = random.uniform(3, 14), random.integers(1, 7), random.uniform(0.02, 0.15)
    ys, xs = random.uniform(0, height, 1500), random.uniform(0, width, 1500)
    tint = random.normal(0, wild, (1500, 1)) + random.normal(0, wild / 2, (1500, 3))
    paint = _bytes(sample(under, ys, xs) + tint)
    along_y, along_x = sample(dy, ys, xs) * length, sample(dx, ys, xs) * length
    for y, x, ay, ax, c in zip(ys, xs, along_y, along_x, paint, strict=True):
        draw.line([(x - ax, y - ay), (x + ax, y + ay)], fill=(int(c[0]), int(c[1]), int(c[2])), width=int(thick))
    return _floats(canvas)


def swirls(random: Generator, height: int, width: int) -> np.ndarray:
    """Another scene with grain, smeared along a swirling field: bristle marks."""
    under = plain(random, height, width)
    dy, dx = flow(random, height, width, random.uniform(1.9, 2.8))
    grain = random.normal(0, random.uniform(0.1, 0.6), (height, width, 1)).astype(np.float32)
    return np.clip(smear(under + grain, dy, dx, int(random.integers(3, 14))), 0, 1)


def warped(random: Generator, height: int, width: int) -> np.ndarray:
    """Another scene bent by noise."""
    under = plain(random, height, width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    amount = random.uniform(10, 120)
    bend = [amount * (noise(random, height, width, 2.0) - 0.5) for _ in range(2)]
    return sample(under, y + bend[0], x + bend[1])


def blended(random: Generator, height: int, width: int) -> np.ndarray:
    """Two scenes divided by the outline of a noise field."""
    field = noise(random, height, width, random.uniform(1.5, 2.4))
    mask = np.clip((field - random.uniform(0.3, 0.7)) * random.choice([3, 200]) + 0.5, 0, 1)[..., None]
    return mask * plain(random, height, width) + (1 - mask) * plain(random, height, width)


_PLAIN: tuple[Scene, ...] = (
    clouds, gradients, fractals, shapes, lettering, textures, relief, spheres, landscape, nebula,
)  # fmt: skip
_PAINTED: tuple[Scene, ...] = (strokes, strokes, swirls, warped, blended)


def plain(random: Generator, height: int, width: int) -> np.ndarray:
    """One of the scenes that stand by themselves."""
    return _PLAIN[random.integers(len(_PLAIN))](random, height, width)


def scene(seed: int, height: int = 256, width: int = 256) -> np.ndarray:
    """The scene of a seed: float32 [height, width, 3] in [0, 1]; the same seed and size give the same picture."""
    random = np.random.default_rng(seed)
    maker = plain if random.random() < 0.5 else _PAINTED[random.integers(len(_PAINTED))]
    return np.clip(maker(random, height, width), 0, 1).astype(np.float32)


def _bytes(values: np.ndarray) -> np.ndarray:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def _floats(image: Image.Image) -> np.ndarray:
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
    canvas = Image.fromarray(_bytes(picture))
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
    return _floats(canvas)


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
    canvas = Image.fromarray(_bytes(picture))
    draw = ImageDraw.Draw(canvas)
    for _ in range(90):
        foot = random.choice([random.normal(0.08, 0.09), random.normal(1.5, 0.12)]) * height
        tip = foot + random.normal(0, 0.03) * height
        line = [(foot, height), (tip, height * random.uniform(0.72, 0.95))]
        draw.line(line, fill=(14, 20, 26), width=max(1, height // 130))
    return _floats(canvas)


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
    canvas = Image.fromarray(_bytes(under))
    draw = ImageDraw.Draw(canvas)
    unit = height / 200
    for thick, length, count in ((5, 9, 1600), (3, 7, 3200), (2, 6, 2600)):
        y, x = random.uniform(0, height, count), random.uniform(0, width, count)
        tint = random.normal(0, 0.07, (count, 1)) + random.normal(0, 0.03, (count, 3))
        paint = _bytes(sample(under, y, x) + tint)
        path = [(x, y)]
        for _ in range(4):
            y, x = y + sample(dy, y, x) * length / 4 * unit, x + sample(dx, y, x) * length / 4 * unit
            path.append((x, y))
        points = np.stack([np.stack(place, -1) for place in path], 1)
        for line, colour in zip(points, paint, strict=True):
            draw.line([tuple(p) for p in line], fill=tuple(int(c) for c in colour), width=max(1, round(thick * unit)))
    return _floats(canvas)
