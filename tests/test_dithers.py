"""The tables of the dithers: two well-known converters ship a wrong one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pixeldream_plugins import dithers

import pixeldream as pd
from pixeldream.retro.dither import shaped

ORDERED = {dither.name: dither for dither in dithers.ORDERED}
DIFFUSION = {dither.name: dither for dither in dithers.DIFFUSION}
VARIABLE = dithers.VARIABLE[0]

KERNELS = {
    "floyd-steinberg": (16, 16, "  X 7 / 3 5 1"),
    "false-floyd-steinberg": (8, 8, "  X 3 / . 3 2"),
    "atkinson": (8, 6, "  X 1 1 / 1 1 1 / . 1 ."),
    "jarvis": (48, 48, "  X 7 5 / 3 5 7 5 3 / 1 3 5 3 1"),
    "stucki": (42, 42, "  X 8 4 / 2 4 8 4 2 / 1 2 4 2 1"),
    "burkes": (32, 32, "  X 8 4 / 2 4 8 4 2"),
    "sierra": (32, 32, "  X 5 3 / 2 4 5 4 2 / . 2 3 2 ."),
    "sierra-two-row": (16, 16, "  X 4 3 / 1 2 3 2 1"),
    "sierra-lite": (4, 4, "  X 2 / 1 1 ."),
    "stevenson-arce": (
        200, 200, "  X . 32 / 12 . 26 . 30 . 16 / . 12 . 26 . 12 . / 5 . 12 . 12 . 5",
    ),
    "pigeon": (14, 12, "  X 2 1 / . 2 2 2 . / 1 . 1 . 1"),
    "fs-wide": (16, 16, "  X 5 / 3 6 2"),
    "line-fs": (8, 8, "  X . / 2 3 2 / . 1 ."),
}  # fmt: skip
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


def test_floyd_steinberg_hands_less_to_the_right_on_wide_pixels() -> None:
    wide = shaped(DIFFUSION["floyd-steinberg"], (2, 1))
    assert wide.name == "floyd-steinberg"
    assert wide.taps == DIFFUSION["fs-wide"].taps
    assert shaped(DIFFUSION["floyd-steinberg"], (1, 2)) == DIFFUSION["floyd-steinberg"]
    assert shaped(DIFFUSION["atkinson"], (2, 1)) == DIFFUSION["atkinson"]


@pytest.mark.parametrize("name", ["bayer4", "bayer8", "bayer16", "clustered-dot", "blue-noise"])
def test_a_matrix_covers_the_same_square_of_the_screen_on_wide_and_on_tall_pixels(name: str) -> None:
    square, wide, tall = (shaped(ORDERED[name], repeats).matrix() for repeats in ((1, 1), (2, 1), (1, 2)))
    assert wide.shape == (square.shape[0], square.shape[1] // 2)
    np.testing.assert_array_equal(tall, wide.T)
    np.testing.assert_array_equal(np.sort(wide, axis=None), np.arange(wide.size))


@pytest.mark.parametrize("wide", [False, True])
def test_blue_noise_has_no_coarse_grain(wide: bool) -> None:
    """A tenth of the light, seen from afar: white noise would leave as much in the low frequencies as anywhere."""
    ranks = shaped(ORDERED["blue-noise"], (2, 1) if wide else (1, 1)).matrix()
    lit = np.repeat(ranks < ranks.size // 10, 2 if wide else 1, 1).astype(float)
    power = np.square(np.abs(np.fft.fft2(lit - lit.mean())))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    low = (frequency > 0) & (frequency < 0.1)
    middle = (frequency > 0.2) & (frequency < 0.4)
    assert power[low].mean() < 0.1 * power[middle].mean()


def test_gradient_noise_spreads_each_neighbourhood_of_nine() -> None:
    values = ORDERED["gradient-noise"].thresholds()
    windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3)).reshape(-1, 9)
    assert np.abs(windows.mean(1)).max() < 0.12  # of random ones it would be .3


def test_ostromoukhov_as_printed() -> None:
    """A few rows of the published table, at the levels where it bends and between them."""
    table = VARIABLE.table()
    printed = {1: (13, 0, 5), 2: (21, 0, 10), 5: (47, 3, 28), 12: (249, 116, 103), 29: (63, 40, 29), 64: (1, 1, 0),
               75: (72, 41, 17), 90: (35, 14, 11), 100: (5, 3, 2), 114: (335, 152, 113), 127: (4, 1, 1)}  # fmt: skip
    for level, weights in printed.items():
        np.testing.assert_allclose(table[level], np.asarray(weights) / sum(weights), atol=1e-6)
    np.testing.assert_allclose(table.sum(1), 1, atol=1e-6)
    assert table.min() >= 0


@pytest.mark.parametrize("size", [2, 4, 8, 16])
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
    values, counts = np.unique(dither.matrix(), return_counts=True)
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
    assert len({dither.name for dither in registered}) == len(registered) == 32
    for dither in registered:
        assert 10 < len(dither.description) < 100
        assert "\n" not in dither.description


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.Ordered("x", ((0, 1), (2,))),
        lambda: pd.Diffusion("x", ((-1, 0, 1),), 1),
        lambda: pd.Diffusion("x", ((1, 0, 3),), 2),
        lambda: pd.Diffusion("x", ((1, 0, 1),), 2, wide=((0, 0, 1),)),
        lambda: pd.VariableDiffusion("x", ((1, 0),), ((5, (1,)),)),
        lambda: pd.VariableDiffusion("x", ((1, 0),), ((0, (1, 2)),)),
        lambda: pd.VariableDiffusion("x", ((0, -1),), ((0, (1,)),)),
        lambda: pd.CurveDiffusion("x", 0, 0.5),
        lambda: pd.CurveDiffusion("x", 16, 2.0),
        lambda: pd.PatternDither("x", "guess", pd.NONE),
    ],
)
def test_impossible_dithers_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"^dither 'x'[^\n]*$"):
        make()
