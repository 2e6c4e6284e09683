"""The tables of the dithers: two well-known converters ship a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from pixeldream_plugins import dithers

import pixeldream as pd

ORDERED = {dither.name: dither for dither in dithers.ORDERED}
DIFFUSION = {dither.name: dither for dither in dithers.DIFFUSION}

KERNELS = {
    "floyd-steinberg": (16, 16, "  X 7 / 3 5 1"),
    "atkinson": (8, 6, "  X 1 1 / 1 1 1 / . 1 ."),
    "jarvis": (48, 48, "  X 7 5 / 3 5 7 5 3 / 1 3 5 3 1"),
    "stucki": (42, 42, "  X 8 4 / 2 4 8 4 2 / 1 2 4 2 1"),
    "burkes": (32, 32, "  X 8 4 / 2 4 8 4 2"),
    "sierra": (32, 32, "  X 5 3 / 2 4 5 4 2 / . 2 3 2 ."),
    "sierra-lite": (4, 4, "  X 2 / 1 1 ."),
    "fs-wide": (16, 16, "  X 5 / 3 6 2"),
}
"""Divisor, what the weights come to, and the kernel as it is printed: the first row from the pixel X to the right, the
rows below centred under it."""


def taps_of(drawing: str) -> set[tuple[int, int, int]]:
    taps = set()
    for down, row in enumerate(drawing.split("/")):
        cells = row.split()
        centre = 0 if down == 0 else len(cells) // 2
        taps |= {(i - centre, down, int(cell)) for i, cell in enumerate(cells) if cell.isdecimal()}
    return taps


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_are_those_in_print(name: str) -> None:
    divisor, total, drawing = KERNELS[name]
    dither = DIFFUSION[name]
    assert dither.divisor == divisor
    assert sum(weight for _, _, weight in dither.taps) == total
    assert len(dither.taps) == len(set(dither.taps))
    assert set(dither.taps) == taps_of(drawing)


def test_every_kernel_is_in_the_table() -> None:
    assert set(KERNELS) == set(DIFFUSION)


@pytest.mark.parametrize("dither", DIFFUSION.values(), ids=DIFFUSION)
def test_kernels_look_forward(dither: pd.Diffusion) -> None:
    for right, down, weight in dither.taps:
        assert (down, right) > (0, 0)
        assert weight > 0
        # A wavefront of rows, each behind the one above, has what it needs.
        assert right + dither.skew * down >= 1


@pytest.mark.parametrize("size", [2, 4, 8])
def test_bayer_is_a_permutation(size: int) -> None:
    ranks = np.asarray(ORDERED[f"bayer{size}"].ranks)
    assert ranks.shape == (size, size)
    np.testing.assert_array_equal(np.sort(ranks, axis=None), np.arange(size * size))


def test_bayer_as_printed() -> None:
    assert ORDERED["bayer2"].ranks == ((0, 2), (3, 1))
    assert ORDERED["bayer4"].ranks == ((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5))
    assert ORDERED["bayer8"].ranks[0] == (0, 32, 8, 40, 2, 34, 10, 42)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_bayer_spreads_every_grey(size: int) -> None:
    """Each quarter of the matrix lights up as many pixels as the others, within one: no clumps."""
    ranks = np.asarray(ORDERED[f"bayer{size}"].ranks)
    for level in range(size * size + 1):
        lit = ranks < level
        half = size // 2
        counts = [int(lit[y : y + half, x : x + half].sum()) for y in (0, half) for x in (0, half)]
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("dither", ORDERED.values(), ids=ORDERED)
def test_matrices_hold_each_rank_equally_often(dither: pd.Ordered) -> None:
    values, counts = np.unique(np.asarray(dither.ranks), return_counts=True)
    np.testing.assert_array_equal(values, np.arange(len(values)))
    assert len(set(counts.tolist())) == 1
    assert dither.thresholds().mean() == pytest.approx(0, abs=1e-7)
    assert np.abs(dither.thresholds()).max() < 0.5


def test_halves() -> None:
    np.testing.assert_array_equal(ORDERED["checker"].thresholds(), [[-0.25, 0.25], [0.25, -0.25]])
    np.testing.assert_array_equal(ORDERED["line2"].thresholds(), [[-0.25], [0.25]])
    np.testing.assert_array_equal(ORDERED["none"].thresholds(), [[0]])


def test_each_says_what_it_is_for() -> None:
    registered = dithers.register_dithers()
    assert len({dither.name for dither in registered}) == len(registered) == 14
    for dither in registered:
        assert 10 < len(dither.description) < 100
        assert "\n" not in dither.description
