"""Dithers as data: threshold matrices, error diffusion of several kinds, and mixing plans. ``dithering`` applies them.

Matrices and kernels count in the mode's own pixels. A dither may carry a variant for pixels that are twice as wide as
tall, or as tall as wide: :func:`shaped` picks it. Plugins import this at every start: no jax here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

Ranks = tuple[tuple[int, ...], ...]
Taps = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Ordered:
    """A threshold matrix given as ranks: each of 0 to n-1 once, or equally often.

    ``ranks`` may be a function that makes them when they are first needed; it is to return the same ones each time.
    ``wide`` takes their place on pixels that are twice as wide as tall, its transpose on those twice as tall as wide.
    Raises ``ValueError`` for rows of different lengths.
    """

    name: str
    ranks: Ranks | Callable[[], Ranks]
    description: str = ""
    wide: Ranks | Callable[[], Ranks] | None = None

    def __post_init__(self) -> None:
        for ranks in (self.ranks, self.wide):
            if ranks is not None and not callable(ranks) and (not ranks or len({len(row) for row in ranks}) != 1):
                raise ValueError(f"dither {self.name!r}: the rows of a matrix must be equally long")

    def matrix(self) -> np.ndarray:
        """The ranks, int32 ``[rows, columns]``."""
        return np.asarray(self.ranks() if callable(self.ranks) else self.ranks, np.int32)

    def thresholds(self) -> np.ndarray:
        """float32, the matrix's shape, zero mean, within (-0.5, 0.5)."""
        ranks = self.matrix().astype(np.float32)
        return (ranks + 0.5) / (ranks.max() + 1) - 0.5


@dataclass(frozen=True)
class Diffusion:
    """An error-diffusion kernel: ``taps`` are (right, down, weight), each weight over ``divisor``.

    ``wide`` takes the place of ``taps`` on pixels that are twice as wide as tall. Raises ``ValueError`` for a tap that
    looks back, or when the weights hand on more than the whole error.
    """

    name: str
    taps: Taps
    divisor: int
    description: str = ""
    wide: Taps = ()

    def __post_init__(self) -> None:
        for taps in (self.taps, self.wide):
            _look_forward(self.name, tuple((right, down) for right, down, _ in taps))
            if min([weight for _, _, weight in taps], default=1) <= 0:
                raise ValueError(f"dither {self.name!r}: a tap weighs nothing")
            if sum(weight for _, _, weight in taps) > self.divisor:
                raise ValueError(f"dither {self.name!r} hands on more than the whole error")

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Where errors go: (right, down) of each tap."""
        return tuple((right, down) for right, down, _ in self.taps)

    @property
    def skew(self) -> int:
        """How many pixels each row must lag behind the one above, so that a whole wavefront can run at once."""
        return lag(self.places)


@dataclass(frozen=True)
class VariableDiffusion:
    """Error diffusion whose weights depend on how the wanted colour lies between the two that can show it.

    ``places``: (right, down) of each tap. ``keys``: (level, its weights, one a place), levels in steps of 1/255, from 0
    (a colour that can be shown) up to no more than 127.5 (half way between two); between two levels the *shares* of the
    error are interpolated. All of the error is handed on. Raises ``ValueError`` for a place that looks back, levels
    that do not rise from 0, or weights that are no shares.
    """

    name: str
    places: tuple[tuple[int, int], ...]
    keys: tuple[tuple[int, tuple[int, ...]], ...]
    description: str = ""

    def __post_init__(self) -> None:
        _look_forward(self.name, self.places)
        levels = [level for level, _ in self.keys]
        if levels[:1] != [0] or levels != sorted(set(levels)) or levels[-1] > 127:
            raise ValueError(f"dither {self.name!r}: levels {levels} must rise from 0 to no more than 127")
        for level, weights in self.keys:
            if len(weights) != len(self.places) or min(weights) < 0 or sum(weights) <= 0:
                raise ValueError(f"dither {self.name!r}: weights {weights} of level {level} are no shares")

    @property
    def skew(self) -> int:
        """As :attr:`Diffusion.skew`."""
        return lag(self.places)

    def table(self) -> np.ndarray:
        """float32 ``[128, places]``: the share of the error that each place gets, by level; each row sums to 1."""
        levels = [level for level, _ in self.keys]
        shares = np.asarray([np.asarray(weights, float) / sum(weights) for _, weights in self.keys])
        return np.stack([np.interp(np.arange(128), levels, column) for column in shares.T], -1).astype(np.float32)


@dataclass(frozen=True)
class CurveDiffusion:
    """Error diffusion along a Hilbert curve: a pixel gets the errors of the last ``length`` pixels on it.

    The weights fall exponentially to ``ratio`` of the first and sum to 1. One pixel waits for the one before: this is
    far slower than all others. Raises ``ValueError`` for numbers that describe no such weights.
    """

    name: str
    length: int
    ratio: float
    description: str = ""

    def __post_init__(self) -> None:
        if self.length < 1 or not 0 < self.ratio <= 1:
            raise ValueError(f"dither {self.name!r}: {self.length} errors that fall to {self.ratio} are impossible")

    def weights(self) -> np.ndarray:
        """float32 ``[length]``, the latest error's first."""
        weights = self.ratio ** (np.arange(self.length) / max(self.length - 1, 1))
        return (weights / weights.sum()).astype(np.float32)


PLANS = ("accumulate", "mix", "pair")
"""How a :class:`PatternDither` finds a mixture: see ``pixeldream.retro.mixing``."""

GAIN = 0.75
"""The part of the error so far that Knoll's plan adds to the colour that it looks for next. Less is calmer, and further
from the wanted mean."""

CONTRAST = 0.05
"""What a pair of colours costs for being far apart, as a part of their squared distance: it would be seen as noise. The
article has 0.1 in its own measure; as much in OKLab would leave half light in black and white undithered."""


@dataclass(frozen=True)
class PatternDither:
    """A mixture of as many colours as ``matrix`` has ranks, from dark to light, of which its rank picks one.

    ``plan`` says how the colours of the mixture are found: ``accumulate`` (Knoll's), ``mix`` (Yliluoma's second) or
    ``pair`` (Yliluoma's first). Nothing depends on a neighbour. Raises ``ValueError`` for another plan.
    """

    name: str
    plan: str
    matrix: Ordered
    description: str = ""

    def __post_init__(self) -> None:
        if self.plan not in PLANS:
            raise ValueError(f"dither {self.name!r}: plan {self.plan!r} is none of {', '.join(PLANS)}")


class UnsuitableDither(ValueError):
    """A dither that a mode or a schedule can't be painted with; one line that names those that it can."""


Dither = Ordered | Diffusion | VariableDiffusion | CurveDiffusion | PatternDither

KINDS: dict[type, str] = {
    Ordered: "ordered",
    Diffusion: "error diffusion",
    VariableDiffusion: "variable error diffusion",
    CurveDiffusion: "error diffusion on a curve",
    PatternDither: "pattern",
}
"""Every kind of dither, and what it is called."""

NONE = Ordered("none", ((0,),), "each pixel takes the nearest colour")


def kind(dither: Dither) -> str:
    """What a dither's kind is called."""
    return KINDS[type(dither)]


def shaped(dither: Dither, repeats: tuple[int, int]) -> Dither:
    """``dither`` for pixels that cover ``repeats`` (across, down) display pixels: its variant, if it has one."""
    across, down = repeats
    if isinstance(dither, PatternDither):
        matrix = shaped(dither.matrix, repeats)
        return replace(dither, matrix=matrix) if isinstance(matrix, Ordered) else dither
    if isinstance(dither, Diffusion) and dither.wide and across >= 2 * down:
        return replace(dither, taps=dither.wide, wide=())
    if isinstance(dither, Ordered) and dither.wide is not None and max(across, down) >= 2 * min(across, down):
        ranks = dither.wide() if callable(dither.wide) else dither.wide
        return replace(dither, ranks=ranks if across > down else tuple(zip(*ranks, strict=True)), wide=None)
    return dither


def tiled(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """``[height, width]``: the matrix repeated over ``size`` (width, height)."""
    down, across = -(-size[1] // matrix.shape[0]), -(-size[0] // matrix.shape[1])
    return np.tile(matrix, (down, across))[: size[1], : size[0]]


def lag(places: tuple[tuple[int, int], ...]) -> int:
    """Pixels that each row must lag behind the one above so that errors sent to ``places`` (right, down) are known."""
    # A tap k rows down must have been computed: right + skew * down >= 1.
    return max([-((right - 1) // down) for right, down in places if down] + [1])


def _look_forward(name: str, places: tuple[tuple[int, int], ...]) -> None:
    for right, down in places:
        if down < 0 or (down == 0 and right <= 0):
            raise ValueError(f"dither {name!r}: tap {(right, down)} looks back")
