"""Pictures made by code that pixel art could be the small version of: what an enlarger learns from where nothing else
is given. Half are little sprites drawn large, half are scenes, which have all kinds of edges and textures."""

from __future__ import annotations

import numpy as np

from pixeldream.neural.gan.toys import SIDE, toys
from pixeldream.neural.pictures import scene
from pixeldream.scenes import to_bytes

_FINER = 2
"""How many times larger scenes are drawn than shown: their edges come out smooth."""


def drawings(count: int, side: int, seed: int = 0) -> np.ndarray:
    """uint8 ``[count, side, side, 3]``; ``side`` is a multiple of 16. The first ones of more are the same."""
    sprites = toys((count + 1) // 2, seed, side // SIDE)[0]
    made = np.empty((count, side, side, 3), np.uint8)
    for number in range(count):
        made[number] = sprites[number // 2] if number % 2 == 0 else _scene(seed + number, side)
    return made


def _scene(seed: int, side: int) -> np.ndarray:
    large = scene(seed, side * _FINER, side * _FINER)
    return to_bytes(large.reshape(side, _FINER, side, _FINER, 3).mean((1, 3)))
