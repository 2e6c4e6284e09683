"""What a dreamer turns, as values. No jax here: a command line shows the defaults and checks the values early."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pixeldream.neural.imagenet import class_number
from pixeldream.neural.settings import MAXIMUM_JITTER, MAXIMUM_SEED, Rate
from pixeldream.neural.units import RANDOM, parse_all

OBJECTIVES = ("l2", "mean")
"""What is maximised of features: their mean square, or their mean."""

OPTIMISERS = ("adam", "ascent")
"""``adam``: as in ``local_adam``, all parts of the picture at one pace, and forms of all sizes (see ``pyramid``);
``ascent``: along the gradient over its mean size, so that the strongest forms grow most (Mordvintsev et al. 2015)."""

PARAMETERS = ("pixels", "fourier")
"""What the optimiser moves."""

STARTS = ("photo", "noise", "black", "grey")

MOST_OCTAVES = 4
"""Where nobody says how many, and the picture is large enough."""

FREE_RATE = Rate(0.005, 0.0025)
BOUND_RATE = Rate(0.04, 0.004)
FOURIER_RATE = Rate(0.05, 0.05)
ASCENT_RATE = Rate(0.006, 0.006)

CLASS_DECAY = 20.0
"""Lambda of class dreams: of a score in the root mean square that scores have for noise, and the mean square."""

MAXIMUM_OCTAVES = 32
MAXIMUM_ROTATION = 45.0
MAXIMUM_SCALE = 0.5


@dataclass(frozen=True)
class DreamSettings:
    """What a dreamer turns.

    ``strength``: how far the dream goes at each octave: what its rate is multiplied by; 1 leaves a photo to be
    recognised.
    ``layers``: ``LAYER[:CHANNEL][@X,Y][:WEIGHT]`` (see ``units``); none for the network's own, unless there is a class.
    ``class_name``: a class by name or number, or ``random`` for another one in each step. ``steps``: at each octave.
    ``octaves``: how many sizes, each ``octave_scale`` times as large as the one before; 0 for as many as fit, up to 4.
    ``finish_steps``: after those, on the canvas; ``tone_weight``: how much that keeps the tones of what was dreamt
    without limits, beside what was gained there. ``jitter`` (pixels), ``random_scale`` (a share) and
    ``random_rotation`` (degrees): by how much at most the network sees the picture moved, from step to step.
    ``smooth``: sigma in pixels of a blur after each step; ``decay``: how strongly the picture is drawn to mid-grey,
    lambda of the mean square; None for 0, and for :data:`CLASS_DECAY` where a class alone is dreamt of. ``tv_weight``:
    how smooth it is to be. ``tile``: as for style transfer.

    Raises ``ValueError`` that names a value that is out of range.
    """

    layers: tuple[str, ...] = ()
    class_name: str = ""
    strength: float = 1.0
    objective: str = OBJECTIVES[0]
    steps: int = 20
    finish_steps: int = 20
    octaves: int = 0
    octave_scale: float = 1.4
    seed: int = 0
    jitter: int = 16
    random_scale: float = 0.0
    random_rotation: float = 0.0
    smooth: float = 0.0
    decay: float | None = None
    tv_weight: float = 0.0
    tone_weight: float = 2.0
    tile: int = 0
    parameters: str = PARAMETERS[0]
    optimiser: str = OPTIMISERS[0]
    rate: Rate | None = None

    def __post_init__(self) -> None:
        parse_all(self.layers)
        if self.class_name not in ("", RANDOM):
            class_number(self.class_name)
        for name, names in (("objective", OBJECTIVES), ("optimiser", OPTIMISERS), ("parameters", PARAMETERS)):
            if getattr(self, name) not in names:
                raise ValueError(f"{name} {getattr(self, name)!r} is none of {', '.join(names)}")
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                said = name.replace("_", "-")
                raise ValueError(f"{said} of {value:g} is out of range; give {least:g} to {most:g}")

    def asking(self, layers: tuple[str, ...] | str | None, class_name: str | None) -> DreamSettings:
        """The same for other layers, where there are any, and another class. Raises ``ValueError``."""
        asked = self.layers if layers is None else (layers,) if isinstance(layers, str) else tuple(layers)
        return replace(self, layers=asked, class_name=self.class_name if class_name is None else class_name)

    def pull(self) -> float:
        """The decay asked for, or the usual one."""
        if self.decay is not None:
            return self.decay
        return CLASS_DECAY if self.class_name not in ("", RANDOM) and not self.layers else 0.0

    def rates(self, pace: float = 1.0) -> Rate:
        """Without limits: the rate asked for, or what suits the parameters and the optimiser. ``pace``: how fast pixels
        move, beside the usual rate."""
        if self.rate is not None:
            return self.rate
        if self.parameters == "fourier":
            return FOURIER_RATE.times(self.strength)
        if self.optimiser == "ascent":
            return ASCENT_RATE.times(self.strength)
        return FREE_RATE.times(pace * self.strength)

    def bound_rates(self) -> Rate:
        """On a canvas with limits."""
        if self.rate is not None or self.parameters == "fourier" or self.optimiser == "ascent":
            return self.rates()
        return BOUND_RATE.times(self.strength)


_RANGES = (
    ("strength", 0.05, 20.0),
    ("steps", 1, 100_000),
    ("finish_steps", 1, 100_000),
    ("octaves", 0, MAXIMUM_OCTAVES),
    ("octave_scale", 1.05, 4.0),
    ("seed", 0, MAXIMUM_SEED),
    ("jitter", 0, MAXIMUM_JITTER),
    ("random_scale", 0, MAXIMUM_SCALE),
    ("random_rotation", 0, MAXIMUM_ROTATION),
    ("smooth", 0, 10),
    ("decay", 0, 1e6),
    ("tv_weight", 0, 1e6),
    ("tone_weight", 0, 1e6),
    ("tile", 0, 1 << 16),
)


@dataclass(frozen=True)
class Zoom:
    """An endless zoom. ``frames``: how many pictures; ``zoom``: by how much each is enlarged to the next, about its
    middle; ``turn``: by how many degrees it is turned, clockwise; ``steps``: of the dream on each frame after the
    first; ``steady``: how much of what a frame shows, in place of the unseen image that it was chosen for, the next one
    begins with, 0 to 1. Raises ``ValueError``."""

    frames: int = 1
    zoom: float = 1.03
    turn: float = 0.0
    steps: int = 6
    steady: float = 0.8

    def __post_init__(self) -> None:
        for name, least, most in _ZOOM_RANGES:
            value = getattr(self, name)
            if not least <= value <= most:
                said = {"steps": "frame-steps"}.get(name, name)
                raise ValueError(f"{said} of {value:g} is out of range; give {least:g} to {most:g}")


_ZOOM_RANGES = (
    ("frames", 1, 100_000),
    ("zoom", 0.5, 2.0),
    ("turn", -180, 180),
    ("steps", 1, 1000),
    ("steady", 0, 1),
)
