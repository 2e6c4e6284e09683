"""What an artist turns when pictures are grown from a network, as values. No jax here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pixeldream.neural.settings import MAXIMUM_JITTER, MAXIMUM_SEED, MAXIMUM_SKETCH, Rate


@dataclass(frozen=True)
class GrowSettings:
    """``decay``: the weight of the squared distance to the mean colour; ``tv_weight``: of total variation; ``jitter``:
    pixels by which the network sees the picture shifted; ``sketch``: the share of the steps without limits, before a
    legal canvas is painted on; ``rate``: of a step, in the contrast of a picture; ``clouds``: how strong the noise is
    (1/f) that it begins with.

    Raises ``ValueError`` that names the value.
    """

    steps: int = 150
    seed: int = 0
    decay: float = 0.0
    tv_weight: float = 0.0
    jitter: int = 8
    sketch: float = 0.5
    rate: Rate = Rate(0.08, 0.02)  # noqa: RUF009 - a frozen value
    clouds: float = 0.05

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps of {self.steps} is too few; at least 1")
        if not 0 <= self.seed <= MAXIMUM_SEED:
            raise ValueError(f"seed of {self.seed} is not within 0 to {MAXIMUM_SEED}")
        if not 0 <= self.jitter <= MAXIMUM_JITTER:
            raise ValueError(f"jitter of {self.jitter} is out of range; give 0 to {MAXIMUM_JITTER} pixels")
        if not 0 < self.sketch <= MAXIMUM_SKETCH:
            raise ValueError(f"sketch of {self.sketch} is no share of the steps; above 0, at most {MAXIMUM_SKETCH}")
        for name in ("decay", "tv_weight", "clouds"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name.replace('_', '-')} of {value} is not a number of at least 0")


CLASS = GrowSettings(decay=500.0, tv_weight=5000.0, jitter=16)
"""Of a class image: the weights are in units of the spread of the classifier's scores."""

CLASS_IN_MODE = replace(CLASS, decay=20.0, tv_weight=1000.0, clouds=0.4)
"""The same within a mode: what is only a little off grey would be one flat colour there, so it begins with clouds, and
hardly anything draws it back to grey."""

CHANNELS = GrowSettings(steps=64, decay=20.0, tv_weight=200.0)
"""Of a sheet of channels."""

INVERSION = GrowSettings(steps=200, tv_weight=0.3, jitter=0, rate=Rate(0.08, 0.005))
"""Of an inversion: relative to its distance of features. Without variation the picture comes back more exactly from the
first layers, and grainier from deep ones."""


def usual(score: bool, within_mode: bool) -> GrowSettings:
    """Of one picture of a class (``score``) or of a channel, in as many steps."""
    if not score:
        return replace(CHANNELS, steps=CLASS.steps)
    return CLASS_IN_MODE if within_mode else CLASS
