"""The embedded dithers, as data.

Kernels are (right, down, weight) from the pixel at hand, for rows from left to right. Matrices hold ranks, which become
thresholds of zero mean; Bayer's grow by the rule M -> [[4M, 4M + 2], [4M + 3, 4M + 1]] (B. Bayer, "An optimum method
for two-level rendition of continuous-tone pictures", 1973).
"""

from __future__ import annotations

import pixeldream as pd

Ranks = tuple[tuple[int, ...], ...]


def bayer(size: int) -> Ranks:
    """Bayer's matrix of ``size`` by ``size``, a power of two: each rank from 0 to size * size - 1 once."""
    if size == 1:
        return ((0,),)
    smaller = bayer(size // 2)
    top = tuple((*(4 * rank for rank in row), *(4 * rank + 2 for rank in row)) for row in smaller)
    bottom = tuple((*(4 * rank + 3 for rank in row), *(4 * rank + 1 for rank in row)) for row in smaller)
    return top + bottom


ORDERED = [
    pd.NONE,
    pd.Ordered("bayer2", bayer(2), "2x2 threshold matrix: coarse steps, the least texture"),
    pd.Ordered("bayer4", bayer(4), "4x4 threshold matrix: the classic crosshatch of home computers"),
    pd.Ordered("bayer8", bayer(8), "8x8 threshold matrix: the finest steps, for few colours far apart"),
    pd.Ordered("checker", ((0, 1), (1, 0)), "chequerboard: halves only, as drawn by hand"),
    pd.Ordered("line2", ((0,), (1,)), "every other line: halves only, calm on wide pixels"),
]

DIFFUSION = [
    # R. Floyd, L. Steinberg, "An adaptive algorithm for spatial grey scale", 1976.
    pd.Diffusion(
        "floyd-steinberg", ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1)), 16,
        "the standard error diffusion: fine grain",
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
        "sierra-lite", ((1, 0, 2), (-1, 1, 1), (0, 1, 1)), 4,
        "the smallest kernel: crisp, worms in flat areas",
    ),
    # For pixels twice as wide as tall the right neighbour is further away than the one below.
    pd.Diffusion(
        "fs-wide", ((1, 0, 5), (-1, 1, 3), (0, 1, 6), (1, 1, 2)), 16,
        "floyd-steinberg for wide pixels: less to the right, more downwards",
    ),
]  # fmt: skip


@pd.hookimpl
def register_dithers() -> list[pd.Ordered | pd.Diffusion]:
    return [*ORDERED, *DIFFUSION]
