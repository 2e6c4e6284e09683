"""The colours that each pixel of a picture could have taken, from the picture alone.

In a cell of a mode these are the colours that stand in it, on a screen whose pixels share a palette those of the
screen, the nearest to the pixel's own. Everything is numpy.
"""

from __future__ import annotations

import numpy as np

from pixeldream.retro.clash import packed, unpacked
from pixeldream.retro.oklab import to_lab
from pixeldream.retro.replay import Planes

MOST = 6
"""Colours of a pixel that are looked at, its own among them."""

SCREEN = 256
"""Colours from which on those of a screen are no palette any more: a pixel's are then those around it."""

AREA = (32, 32)
"""Width and height of what is around it."""

_STEPS = np.arange(256, dtype=np.float32) / 255
LIGHT = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""Linear light of an 8-bit component."""


def planes_of(image: np.ndarray, cell: tuple[int, int] | None, palette: np.ndarray | None = None) -> Planes:
    """``image``: uint8 ``[height, width, 3]`` in the machine's pixels; ``cell``: width and height of the area in which
    a pixel's colours are those of its mode, ``None`` for the screen. ``palette``: sRGB ``[n, 3]``, all colours that the
    machine has, where pixels share them: how far those are apart is the strength of an ordered dither. Without it the
    colours of the picture are."""
    values, index = np.unique(packed(image), return_inverse=True)
    index = index.reshape(image.shape[:2])
    table = unpacked(values)
    if cell is None and len(values) <= SCREEN:
        return _of_screen(table, index, palette)
    held = _held(index, len(values), cell or AREA)
    return _of_cells(table, index, held, cell is not None)


def _of_screen(table: np.ndarray, index: np.ndarray, palette: np.ndarray | None) -> Planes:
    linear = LIGHT[table]
    lab, encoded = to_lab(linear).astype(np.float32), table.astype(np.float32) / 255
    apart = np.square(lab[:, None] - lab[None]).sum(-1)
    near = np.argsort(apart + np.where(np.eye(len(table)) > 0, -1, 0), 1)[:, :MOST]
    if near.shape[1] < 2:
        near = np.repeat(near, 2, 1)
        there = np.asarray([1, 0], np.float32)
    else:
        there = np.ones(near.shape[1], np.float32)
    strength = np.full(near.shape, mean_spacing(encoded if palette is None else palette), np.float32)
    mine = near[index]
    return Planes(lab[mine], linear[mine], encoded[mine], np.broadcast_to(there, mine.shape).copy(), strength[index])


def _held(index: np.ndarray, count: int, area: tuple[int, int]) -> np.ndarray:
    """int64 ``[height, width, n]``: the commonest colours of each pixel's area, -1 where there are no more."""
    height, width = index.shape
    across = -(-width // area[0])
    place = (np.arange(height) // area[1])[:, None] * across + np.arange(width) // area[0]
    number, counts = np.unique(place.astype(np.int64) * count + index, return_counts=True)
    owner, colour = np.divmod(number, count)
    order = np.lexsort((-counts, owner))
    owner, colour = owner[order], colour[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    few = min(2 * MOST, max(2, int(rank.max()) + 1))
    held = np.full((int(place.max()) + 1, few), -1, np.int64)
    kept = rank < few
    held[owner[kept], rank[kept]] = colour[kept]
    held = held[place]
    missing = ~(held == index[..., None]).any(-1)
    held[missing, -1] = index[missing]
    return held[..., :few]


def _of_cells(table: np.ndarray, index: np.ndarray, held: np.ndarray, cells: bool) -> Planes:
    linear = LIGHT[table]
    lab, encoded = to_lab(linear).astype(np.float32), table.astype(np.float32) / 255
    there = held >= 0
    apart = np.square(lab[held] - lab[index][:, :, None]).sum(-1)
    apart[~there] = np.inf
    apart[held == index[..., None]] = -1
    order = np.argsort(apart, -1, kind="stable")[..., :MOST]
    mine, there = np.take_along_axis(held, order, -1), np.take_along_axis(there, order, -1)
    strength = spacing(encoded[mine], there) if cells else np.full(mine.shape, mean_spacing(encoded), np.float32)
    lab, linear, encoded = (
        np.where(there[..., None], each[mine], each[index][:, :, None]) for each in (lab, linear, encoded)
    )
    return Planes(lab, linear, encoded, there.astype(np.float32), strength)


def spacing(encoded: np.ndarray, there: np.ndarray) -> np.ndarray:
    """``[..., k]``: as ``dithering.spacing``."""
    squared = np.square(encoded[..., :, None, :] - encoded[..., None, :, :]).sum(-1)
    squared[(squared < 1e-9) | ~there[..., None, :]] = np.inf
    least = squared.min(-1)
    return np.sqrt(np.where(np.isfinite(least) & there, least, 0) / 3).astype(np.float32)


def mean_spacing(encoded: np.ndarray) -> float:
    """The mean of :func:`spacing` over the colours ``[n, 3]`` of a screen."""
    few = encoded[:: len(encoded) // 256 + 1]
    return float(spacing(few, np.ones(len(few), bool)).mean())
