"""Threshold matrices that follow a rule: Bayer's, blue noise and interleaved gradient noise. All as ranks.

For pixels twice as wide as tall the rules are those of the screen: a distance counts twice across, and a matrix covers
a square of the screen with half as many columns.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

Ranks = tuple[tuple[int, ...], ...]

SIDE = 64
"""Rows of the noise matrices."""

SIGMA = 1.5
"""Width in pixels of the Gaussian that tells clusters from voids: Ulichney's value."""


def grow(ranks: Ranks) -> Ranks:
    """Bayer's rule M -> [[4M, 4M + 2], [4M + 3, 4M + 1]]: twice as large, four times as fine."""
    top = tuple((*(4 * rank for rank in row), *(4 * rank + 2 for rank in row)) for row in ranks)
    bottom = tuple((*(4 * rank + 3 for rank in row), *(4 * rank + 1 for rank in row)) for row in ranks)
    return top + bottom


def bayer(size: int) -> Ranks:
    """Bayer's matrix of ``size`` by ``size``, a power of two: each rank from 0 to size * size - 1 once."""
    return ((0,),) if size == 1 else grow(bayer(size // 2))


WIDE_4 = ((0, 4), (6, 2), (1, 5), (7, 3))
"""Two columns of four: on wide pixels a square of the screen of four by four. A chequerboard in its first half."""


@lru_cache
def blue_noise() -> Ranks:
    """Void and cluster, 64 by 64."""
    return void_and_cluster((SIDE, SIDE), (1, 1))


@lru_cache
def wide_blue_noise() -> Ranks:
    """Void and cluster for pixels twice as wide as tall: 64 rows of 32."""
    return void_and_cluster((SIDE, SIDE // 2), (1, 2))


def void_and_cluster(shape: tuple[int, int], aspect: tuple[int, int]) -> Ranks:
    """Ranks of a blue-noise matrix of ``shape`` (rows, columns) for pixels of ``aspect`` (tall, wide), repeatable.

    R. Ulichney, "The void-and-cluster method for dither array generation", SPIE 1913, 1993. Starts from the same random
    pixels each time.
    """
    total, field = shape[0] * shape[1], _field(shape, aspect)
    initial = np.zeros(total, bool)
    initial[np.random.default_rng(1993).choice(total, total // 10, replace=False)] = True
    pattern, density = _even(initial, field)
    ranks = np.zeros(total, np.int32)
    left, dense = pattern.copy(), density.copy()
    for rank in range(int(pattern.sum()) - 1, -1, -1):
        tightest = int(np.where(left, dense, -np.inf).argmax())
        left[tightest], ranks[tightest] = False, rank
        dense -= field[tightest]
    # The tightest cluster of what is left out is the largest void: one rule serves both halves.
    for rank in range(int(pattern.sum()), total):
        void = int(np.where(pattern, np.inf, density).argmin())
        pattern[void], ranks[void] = True, rank
        density += field[void]
    return tuple(map(tuple, ranks.reshape(shape).tolist()))


class _field:  # noqa: N801 - a table that is looked up, not stored: 4096 x 4096 would be 128 MB
    """``field[pixel]``: how much a pixel adds to the density of all others, on a torus."""

    def __init__(self, shape: tuple[int, int], aspect: tuple[int, int]) -> None:
        away = [np.minimum(np.arange(n), n - np.arange(n)) * unit for n, unit in zip(shape, aspect, strict=True)]
        falls = [np.exp(-np.square(distance) / (2 * SIGMA**2)) for distance in away]
        # Twice over: any shift of the torus is then a window.
        self._twice = np.tile(np.outer(*falls), (2, 2))
        self._shape = shape

    def __getitem__(self, pixel: int) -> np.ndarray:
        rows, columns = self._shape
        y, x = divmod(pixel, columns)
        return self._twice[rows - y : 2 * rows - y, columns - x : 2 * columns - x].ravel()


def _even(pattern: np.ndarray, field: _field) -> tuple[np.ndarray, np.ndarray]:
    """The pattern with its pixels moved from clusters to voids until none moves any more, and its density."""
    pattern = pattern.copy()
    density = sum((field[int(pixel)] for pixel in np.flatnonzero(pattern)), np.zeros(pattern.size))
    while True:
        tightest = int(np.where(pattern, density, -np.inf).argmax())
        pattern[tightest] = False
        density -= field[tightest]
        void = int(np.where(pattern, np.inf, density).argmin())
        pattern[void] = True
        density += field[void]
        if void == tightest:
            return pattern, density


@lru_cache
def gradient_noise() -> Ranks:
    """The order of J. Jimenez's interleaved gradient noise ("Next generation post processing in Call of Duty", 2014) in
    64 by 64 pixels; the formula has no period, the matrix repeats."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    values = 52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1.0) % 1.0
    ranks = np.empty(SIDE * SIDE, np.int64)
    ranks[values.ravel().argsort(kind="stable")] = np.arange(SIDE * SIDE)
    return tuple(map(tuple, ranks.reshape(SIDE, SIDE).tolist()))
