"""The embedded dithers, as data.

Kernels are (right, down, weight) from the pixel at hand, for rows from left to right. Matrices hold ranks, which become
thresholds of zero mean; Bayer's grow by the rule M -> [[4M, 4M + 2], [4M + 3, 4M + 1]] (B. Bayer, "An optimum method
for two-level rendition of continuous-tone pictures", 1973). Rows are never run from right to left: it would forbid to
run them side by side.
"""

from __future__ import annotations

from pixeldream_plugins.dither_matrices import WIDE_4, bayer, blue_noise, gradient_noise, grow, wide_blue_noise

import pixeldream as pd

BAYER_4 = pd.Ordered("bayer4", bayer(4), "4x4 threshold matrix: the classic crosshatch of home computers", WIDE_4)
BAYER_8 = pd.Ordered("bayer8", bayer(8), "8x8 threshold matrix: finer steps, for few colours far apart", grow(WIDE_4))

ORDERED = [
    pd.NONE,
    pd.Ordered("bayer2", bayer(2), "2x2 threshold matrix: coarse steps, the least texture"),
    BAYER_4,
    BAYER_8,
    pd.Ordered(
        "bayer16", bayer(16), "16x16 threshold matrix: the finest steps, no smoother to the eye than 8x8",
        grow(grow(WIDE_4)),
    ),
    # The 4x4 dot of printers, from a dark middle outwards; on wide pixels a dot is one pixel by two.
    pd.Ordered(
        "clustered-dot", ((12, 5, 6, 13), (4, 0, 1, 7), (11, 3, 2, 8), (15, 10, 9, 14)),
        "4x4 dots that grow, as in a newspaper: coarse, bold", ((2, 6), (0, 3), (1, 4), (5, 7)),
    ),
    pd.Ordered("checker", ((0, 1), (1, 0)), "chequerboard: halves only, as drawn by hand"),
    pd.Ordered("h2x4", WIDE_4, "two columns of four: square on wide pixels, eight steps"),
    pd.Ordered("line2", ((0,), (1,)), "every other line: halves only, calm on wide pixels"),
    pd.Ordered("line4", ((0,), (2,), (1,), (3,)), "lines in four steps, the odd ones first"),
    # Lines first, a chequerboard within them: thresholds of -3/8, -1/8, 1/8 and 3/8.
    pd.Ordered("line-checker", ((0, 1), (3, 2)), "lines in halves, a chequerboard between: four calm steps"),
    pd.Ordered(
        "blue-noise", blue_noise, "64x64 void and cluster: even grain without a pattern (Ulichney 1993)",
        wide_blue_noise,
    ),
    pd.Ordered("gradient-noise", gradient_noise, "interleaved gradient noise: slanted grain (Jimenez 2014)"),
]  # fmt: skip

FS_WIDE = ((1, 0, 5), (-1, 1, 3), (0, 1, 6), (1, 1, 2))
"""For pixels twice as wide as tall: the right neighbour is further away than the one below."""

DIFFUSION = [
    # R. Floyd, L. Steinberg, "An adaptive algorithm for spatial grey scale", 1976.
    pd.Diffusion(
        "floyd-steinberg", ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1)), 16,
        "the standard error diffusion: fine grain; fs-wide on wide pixels", FS_WIDE,
    ),
    # As it stands in L. Crocker's DHALF.TXT, 1991, under the name of "false Floyd-Steinberg".
    pd.Diffusion(
        "false-floyd-steinberg", ((1, 0, 3), (0, 1, 3), (1, 1, 2)), 8,
        "three taps: quick once, drifts to the right",
    ),
    # Bill Atkinson's for the Macintosh: the weights are 6 of 8 by intent, the rest of the error is dropped.
    pd.Diffusion(
        "atkinson", ((1, 0, 1), (2, 0, 1), (-1, 1, 1), (0, 1, 1), (1, 1, 1), (0, 2, 1)), 8,
        "hands on three quarters of the error: clean lights and shadows, more contrast",
    ),
    # J. Jarvis, C. Judice, W. Ninke, "A survey of techniques for the display of continuous tone pictures", 1976.
    pd.Diffusion(
        "jarvis",
        (
            (1, 0, 7), (2, 0, 5),
            (-2, 1, 3), (-1, 1, 5), (0, 1, 7), (1, 1, 5), (2, 1, 3),
            (-2, 2, 1), (-1, 2, 3), (0, 2, 5), (1, 2, 3), (2, 2, 1),
        ),
        48,
        "wide kernel: smooth tones, soft edges",
    ),
    # P. Stucki, "MECCA: a multiple-error correcting computation algorithm", 1981.
    pd.Diffusion(
        "stucki",
        (
            (1, 0, 8), (2, 0, 4),
            (-2, 1, 2), (-1, 1, 4), (0, 1, 8), (1, 1, 4), (2, 1, 2),
            (-2, 2, 1), (-1, 2, 2), (0, 2, 4), (1, 2, 2), (2, 2, 1),
        ),
        42,
        "as jarvis, a little sharper",
    ),
    # D. Burkes, 1988: Stucki's without the last row.
    pd.Diffusion(
        "burkes",
        ((1, 0, 8), (2, 0, 4), (-2, 1, 2), (-1, 1, 4), (0, 1, 8), (1, 1, 4), (2, 1, 2)),
        32,
        "two rows of stucki: between it and floyd-steinberg",
    ),
    # F. Sierra, 1989 and 1990: the three-row filter and Filter Lite.
    pd.Diffusion(
        "sierra",
        (
            (1, 0, 5), (2, 0, 3),
            (-2, 1, 2), (-1, 1, 4), (0, 1, 5), (1, 1, 4), (2, 1, 2),
            (-1, 2, 2), (0, 2, 3), (1, 2, 2),
        ),
        32,
        "three rows: as smooth as jarvis, less blurred",
    ),
    pd.Diffusion(
        "sierra-two-row",
        ((1, 0, 4), (2, 0, 3), (-2, 1, 1), (-1, 1, 2), (0, 1, 3), (1, 1, 2), (2, 1, 1)), 16,
        "two rows of sierra: a little sharper",
    ),
    pd.Diffusion(
        "sierra-lite", ((1, 0, 2), (-1, 1, 1), (0, 1, 1)), 4,
        "the smallest kernel: crisp, worms in flat areas",
    ),
    # R. Stevenson, G. Arce, "Binary display of hexagonally sampled continuous-tone images", 1985, on square pixels.
    pd.Diffusion(
        "stevenson-arce",
        (
            (2, 0, 32),
            (-3, 1, 12), (-1, 1, 26), (1, 1, 30), (3, 1, 16),
            (-2, 2, 12), (0, 2, 26), (2, 2, 12),
            (-3, 3, 5), (-1, 3, 12), (1, 3, 12), (3, 3, 5),
        ),
        200,
        "every other pixel, made for hexagons: open, coarse grain",
    ),
    # S. Pigeon's, 2006, as collected by makew0rld/dither.
    pd.Diffusion(
        "pigeon", ((1, 0, 2), (2, 0, 1), (-1, 1, 2), (0, 1, 2), (1, 1, 2), (-2, 2, 1), (0, 2, 1), (2, 2, 1)), 14,
        "even weights over three rows, a seventh of the error dropped: soft, clean",
    ),
    pd.Diffusion("fs-wide", FS_WIDE, 16, "floyd-steinberg for wide pixels: less to the right, more downwards"),
    # After png2c64's: nothing stays in the line, so that each is its own pattern.
    pd.Diffusion(
        "line-fs", ((-1, 1, 2), (0, 1, 3), (1, 1, 2), (0, 2, 1)), 8, "downwards only: horizontal lines, calm when wide"
    ),
]  # fmt: skip

VARIABLE = [
    # V. Ostromoukhov, "A simple and efficient error-diffusion algorithm", SIGGRAPH 2001: his table of 256 levels is
    # piecewise linear in the shares; these are the levels where it bends. He runs every other row backwards.
    pd.VariableDiffusion(
        "ostromoukhov", ((1, 0), (-1, 1), (0, 1)),
        (
            (0, (13, 0, 5)), (1, (13, 0, 5)), (2, (21, 0, 10)), (3, (7, 0, 4)), (4, (8, 0, 5)), (10, (7, 3, 3)),
            (22, (3, 2, 1)), (36, (5, 3, 3)), (64, (1, 1, 0)), (72, (5, 7, 1)), (77, (4, 1, 1)), (85, (4, 1, 1)),
            (95, (5, 3, 2)), (107, (5, 3, 2)), (127, (4, 1, 1)),
        ),
        "weights that change with the tone: even grain, no worms (2001)",
    ),
]  # fmt: skip

CURVES = [pd.CurveDiffusion("riemersma", 16, 1 / 16, "errors along a Hilbert curve: grain without a direction; slow")]

PATTERNS = [
    pd.PatternDither("knoll", "accumulate", BAYER_4, "mixtures of a cell's own colours in a 4x4 pattern (T. Knoll)"),
    pd.PatternDither("knoll8", "accumulate", BAYER_8, "knoll in an 8x8 pattern: finer steps"),
    pd.PatternDither("yliluoma1", "pair", BAYER_8, "the best pair of colours and its ratio, 8x8: calm (J. Yliluoma)"),
    pd.PatternDither("yliluoma2", "mix", BAYER_4, "the best mixture of any colours, 4x4 (J. Yliluoma)"),
]


@pd.hookimpl
def register_dithers() -> list[pd.Dither]:
    return [*ORDERED, *DIFFUSION, *VARIABLE, *CURVES, *PATTERNS]
