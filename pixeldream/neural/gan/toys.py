"""A toy set made by code: little creatures, gems, potions and shields of 16 x 16 pixels on a dark ground.

Small enough that a GAN learns it in two minutes on two cores, and different enough that a collapse would show.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

SIDE = 16

GROUND = (0.07, 0.06, 0.12)

KINDS = ("creature", "gem", "potion", "shield")


def toys(count: int, seed: int = 0, times: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """uint8 ``[count, 16, 16, 3]`` and their kinds, int32 ``[count]``, numbers of :data:`KINDS`. ``times``: drawn so
    many times as large, with smoother outlines."""
    random = np.random.default_rng(seed)
    kinds = np.arange(count, dtype=np.int32) % len(KINDS)
    images = np.stack([_DRAW[kind](random, times) for kind in kinds])
    return np.rint(images * 255).astype(np.uint8), kinds


def _grid(times: int) -> tuple[np.ndarray, np.ndarray]:
    """``y, x`` of the pixels' centres in pixels of the small picture, zero in the middle."""
    y, x = (np.mgrid[0 : SIDE * times, 0 : SIDE * times].astype(np.float32) + 0.5) / times
    return y - SIDE / 2, x - SIDE / 2


def _hue(random: Generator) -> np.ndarray:
    """A bright colour."""
    wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (random.random() + np.asarray([0, 1 / 3, 2 / 3])))
    return (0.25 + 0.75 * wheel).astype(np.float32)


def _painted(shape: np.ndarray, shade: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """``shape`` in three shades of ``colour`` (``shade`` 0 to 1) with a dark rim, on the ground."""
    image = np.broadcast_to(np.asarray(GROUND, np.float32), (*shape.shape, 3)).copy()
    steps = 0.45 + 0.3 * np.floor(np.clip(shade, 0, 0.999) * 3)[..., None]
    image[shape] = np.clip(steps * colour, 0, 1)[shape]
    inner = shape
    for _ in range(len(shape) // SIDE):
        padded = np.pad(inner, 1)
        inner = inner & padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2]
    image[shape & ~inner] = 0.3 * colour
    return image


def _creature(random: Generator, times: int) -> np.ndarray:
    """A mirrored blot with eyes and legs."""
    y, x = _grid(times)
    wide, tall = random.uniform(4, 6.5), random.uniform(3.5, 5.5)
    lumps = random.random((4, 2)).repeat(4 * times, 0).repeat(4 * times, 1)
    blot = (x / wide) ** 2 + (y / tall) ** 2 < 0.65 + 0.6 * np.concatenate([lumps, lumps[:, ::-1]], 1)
    feet = (np.abs(np.abs(x) - random.integers(2, 5)) < 1) & (y > 0) & (y < 6.5)
    image = _painted(blot | feet, 0.5 - y / 12, _hue(random))
    eyes = (np.abs(np.abs(x) - 2) < 1) & (np.abs(y + 1) < 1)
    image[eyes] = 1.0
    image[eyes & (y > -1) & (x > np.where(x > 0, 2, -2))] = 0.0
    return image


def _gem(random: Generator, times: int) -> np.ndarray:
    """A cut stone."""
    y, x = _grid(times)
    side, flat = random.uniform(5, 7.5), random.uniform(0.5, 1.0)
    shape = (np.abs(x) + np.abs(y) * flat < side) & (y > -random.uniform(2.5, 5))
    return _painted(shape, 0.5 - (x + y) / 12 + 0.3 * (np.abs(x) < 2), _hue(random))


def _potion(random: Generator, times: int) -> np.ndarray:
    """A round bottle with something in it."""
    y, x = _grid(times)
    radius, level = random.uniform(3.6, 5.4), random.uniform(-2, 2)
    body = x**2 + (y - 2) ** 2 < radius**2
    neck = (np.abs(x) < 2) & (y > -6.5) & (y < 2)
    image = _painted(body | neck, 0.6 - x / 10, np.asarray([0.75, 0.85, 0.9], np.float32))
    liquid = (x**2 + (y - 2) ** 2 < (radius - 1) ** 2) & (y > level)
    image[liquid] = _hue(random)
    image[(np.abs(x) < 2) & (y < -4.5) & (y > -7)] = (0.5, 0.3, 0.15)
    return image


def _shield(random: Generator, times: int) -> np.ndarray:
    """A shield of two colours, quartered, striped or with a boss."""
    y, x = _grid(times)
    shape = (np.abs(x) < random.uniform(4.5, 6.5)) & (np.abs(x) + y < random.uniform(6.5, 9)) & (y > -6.5)
    image = _painted(shape, 0.5 - x / 14, _hue(random))
    patterns = ((x > 0) ^ (y > 0), np.abs(x) < 1.1, x**2 + y**2 < 7)
    inner = shape & (image.sum(-1) > 0.7)
    image[inner & patterns[int(random.integers(3))]] = _hue(random)
    return image


_DRAW = (_creature, _gem, _potion, _shield)
