"""Pictures made by code, in endless variety: what the feature network learns from.

Every scene is a function ``(random generator, height, width) -> float32 [height, width, 3]``, sRGB in [0, 1]; one of
256 x 256 takes some tens of milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from pixeldream.scenes import colours, flow, grid, noise, ramp, sample, smear, to_bytes, to_floats

Scene = Callable[[Generator, int, int], np.ndarray]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&?!*+="


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
    canvas = Image.fromarray(to_bytes(ground))
    draw = ImageDraw.Draw(canvas)
    table = to_bytes(colours(random, 6))
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
    return to_floats(canvas)


def lettering(random: Generator, height: int, width: int) -> np.ndarray:
    """Words of several sizes over another ground."""
    canvas = Image.fromarray(to_bytes((gradients if random.random() < 0.5 else textures)(random, height, width)))
    draw = ImageDraw.Draw(canvas)
    table = to_bytes(colours(random, 4))
    for _ in range(random.integers(4, 14)):
        word = "".join(random.choice(list(_LETTERS), random.integers(1, 9)))
        font = ImageFont.load_default(float(random.integers(8, 72)))
        place = (random.uniform(-20, width * 0.8), random.uniform(-10, height * 0.9))
        draw.text(place, word, fill=tuple(int(v) for v in table[random.integers(4)]), font=font)
    return to_floats(canvas)


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
    canvas = Image.fromarray(to_bytes(picture))
    draw = ImageDraw.Draw(canvas)
    table = [tuple(int(v) for v in c) for c in to_bytes(colours(random, 6))]
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
    return to_floats(canvas)


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
    canvas = Image.fromarray(to_bytes(under))
    draw = ImageDraw.Draw(canvas)
    length, thick, wild = random.uniform(3, 14), random.integers(1, 7), random.uniform(0.02, 0.15)
    ys, xs = random.uniform(0, height, 1500), random.uniform(0, width, 1500)
    tint = random.normal(0, wild, (1500, 1)) + random.normal(0, wild / 2, (1500, 3))
    paint = to_bytes(sample(under, ys, xs) + tint)
    along_y, along_x = sample(dy, ys, xs) * length, sample(dx, ys, xs) * length
    for y, x, ay, ax, c in zip(ys, xs, along_y, along_x, paint, strict=True):
        draw.line([(x - ax, y - ay), (x + ax, y + ay)], fill=(int(c[0]), int(c[1]), int(c[2])), width=int(thick))
    return to_floats(canvas)


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
