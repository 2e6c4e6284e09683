"""Dithers as data: threshold matrices and error-diffusion kernels. ``dithering`` applies them.

Matrices and kernels count in the mode's own pixels. Plugins import this at every start: no jax here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ordered:
    """A threshold matrix given as ranks: each of 0 to n-1 once, or equally often."""

    name: str
    ranks: tuple[tuple[int, ...], ...]
    description: str = ""

    def __post_init__(self) -> None:
        if not self.ranks or len({len(row) for row in self.ranks}) != 1:
            raise ValueError(f"dither {self.name!r}: the rows of a matrix must be equally long")

    def thresholds(self) -> np.ndarray:
        """float32, the matrix's shape, zero mean, within (-0.5, 0.5)."""
        ranks = np.asarray(self.ranks, np.float32)
        return (ranks + 0.5) / (ranks.max() + 1) - 0.5


@dataclass(frozen=True)
class Diffusion:
    """An error-diffusion kernel: ``taps`` are (right, down, weight), each weight over ``divisor``.

    Raises ``ValueError`` for a tap that looks back, or when the weights hand on more than the whole error.
    """

    name: str
    taps: tuple[tuple[int, int, int], ...]
    divisor: int
    description: str = ""

    def __post_init__(self) -> None:
        for right, down, weight in self.taps:
            if down < 0 or (down == 0 and right <= 0) or weight <= 0:
                raise ValueError(f"dither {self.name!r}: tap {(right, down, weight)} looks back or weighs nothing")
        if sum(weight for _, _, weight in self.taps) > self.divisor:
            raise ValueError(f"dither {self.name!r} hands on more than the whole error")

    @property
    def skew(self) -> int:
        """How many pixels each row must lag behind the one above, so that a whole wavefront can run at once."""
        # A tap k rows down must have been computed: right + skew * down >= 1.
        return max([-((right - 1) // down) for right, down, _ in self.taps if down] + [1])


Dither = Ordered | Diffusion

NONE = Ordered("none", ((0,),), "each pixel takes the nearest colour")
