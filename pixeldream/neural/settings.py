"""What an artist turns, as values. No jax here: a command line shows the defaults and checks the values early."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_NETWORK = "embedded"
"""The network that comes with the package."""

MAXIMUM_SCALES = 16
"""Each scale halves the picture: none is left of any after so many."""

MAXIMUM_SKETCH = 0.9
"""Something must be left for the canvas itself."""

MAXIMUM_SEED = 2**31 - 1

MAXIMUM_JITTER = 32
"""Pixels: more hides the picture's borders."""


SPAN = 100.0
"""By how much the content's weight falls from the middle of the dial to its end, and grows to its beginning."""


@dataclass(frozen=True)
class Rate:
    """Adam's rate over a run: a half cosine from ``start`` to ``end``, in sRGB units a step."""

    start: float = 0.06
    end: float = 0.003

    def at(self, step: int, steps: int) -> float:
        """The rate of step 1 to ``steps``."""
        import math

        part = (step - 1) / max(steps - 1, 1)
        return self.end + (self.start - self.end) * 0.5 * (1 + math.cos(math.pi * part))

    def times(self, factor: float) -> Rate:
        """``factor`` times as fast."""
        return Rate(factor * self.start, factor * self.end)


@dataclass(frozen=True)
class Settings:
    """What an artist turns. Weights are relative to each other; layers (``LAYER`` or ``LAYER:WEIGHT``, the weight
    relative to those of the others) empty: each network's own.

    ``sketch``: the share of the steps that paint without limits, before the canvas itself is painted on;
    ``tone_weight``: how much the canvas keeps the sketch's tones; ``tile``: the side in display pixels of the tiles
    that networks look at, one after the other, to save memory; 0 for the whole picture at once.

    Raises ``ValueError`` that names the value for steps or scales below 1, for weights below 0 or not finite, for a
    sketch outside 0 to 0.9, for a seed outside 0 to 2147483647 and for a layer that is given twice or weighs nothing.
    """

    steps: int = 150
    scales: int = 1
    seed: int = 0
    content_weight: float = 1.0
    style_weight: float = 60.0
    tv_weight: float = 0.0
    tone_weight: float = 5.0
    sketch: float = 0.2
    jitter: int = 3
    tile: int = 0
    content_layers: tuple[str, ...] = ()
    style_layers: tuple[str, ...] = ()
    rate: Rate = Rate()

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("scales", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} of {getattr(self, name)} is too few; at least {least}")
        if self.scales > self.steps:
            raise ValueError(f"{self.scales} scales need at least as many steps, not {self.steps}")
        if self.scales > MAXIMUM_SCALES:
            raise ValueError(f"scales of {self.scales} is too many; at most {MAXIMUM_SCALES}")
        if not 0 <= self.seed <= MAXIMUM_SEED:
            raise ValueError(f"seed of {self.seed} is not within 0 to {MAXIMUM_SEED}")
        if self.tile < 0:
            raise ValueError(f"tile of {self.tile} is no number of pixels; 0 is the whole picture")
        if not 0 <= self.sketch <= MAXIMUM_SKETCH:
            raise ValueError(f"sketch of {self.sketch} is no share of the steps; 0 to {MAXIMUM_SKETCH}")
        if not 0 <= self.jitter <= MAXIMUM_JITTER:
            raise ValueError(f"jitter of {self.jitter} is out of range; give 0 to {MAXIMUM_JITTER} pixels")
        for name in ("content_weight", "style_weight", "tv_weight", "tone_weight"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name.replace('_', '-')} of {value} is not a number of at least 0")
        if self.content_weight == self.style_weight == 0:
            raise ValueError("content-weight and style-weight are both 0: there is nothing to paint")
        for layers in (self.content_layers, self.style_layers):
            layer_weights(layers)


def layer_weights(layers: tuple[str, ...]) -> dict[str, float]:
    """The layers of ``LAYER`` or ``LAYER:WEIGHT`` and their weights. Raises ``ValueError``."""
    result: dict[str, float] = {}
    for text in layers:
        name, colon, tail = text.rpartition(":")
        name, weight = (name, _number(tail)) if colon else (text, 1.0)
        if not name or not 0 < weight < float("inf"):
            raise ValueError(f"layer {text!r}: the weight behind the colon is a number above 0, not {tail!r}")
        if name in result:
            raise ValueError(f"layer {name!r} is asked for twice; give it once, with a weight: {name}:2")
        result[name] = weight
    return result


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def weights_at(strength: float) -> tuple[float, float]:
    """The content's and the style's weight of one dial: 0 is nearly the content, 0.5 the defaults, 1 nearly the style.

    Their ratio grows by the same factor for each step of the dial. It is the content's weight that moves: beside a
    larger style's weight the legal picture would lose the sketch's tones. Raises ``ValueError`` for a strength outside
    0 to 1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength of {strength:g} is out of range; give 0 (the content) to 1 (the style)")
    return Settings.content_weight * SPAN ** (1 - 2 * strength), Settings.style_weight
