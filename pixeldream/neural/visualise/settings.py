"""What an artist turns when pictures are grown from a network, as values. No jax here."""

from __future__ import annotations

from dataclasses import dataclass

from pixeldream.neural.settings import MAXIMUM_JITTER, MAXIMUM_SEED, Rate


@dataclass(frozen=True)
class AscentSettings:
    """``decay``: the weight of the squared distance to the mean colour; ``tv_weight``: of total variation; ``jitter``:
    pixels by which the network sees the picture shifted; ``rate``: of a step, in the contrast of a picture.

    Raises ``ValueError`` that names the value.
    """

    steps: int = 200
    seed: int = 0
    decay: float = 10.0
    tv_weight: float = 10.0
    jitter: int = 8
    rate: Rate = Rate(0.08, 0.02)

    def __post_init__(self) -> None:
        check_common(self.steps, self.seed, self.jitter)
        for name in ("decay", "tv_weight"):
            check_weight(name, getattr(self, name))


def check_common(steps: int, seed: int, jitter: int) -> None:
    """Raises ``ValueError`` for what no run can have."""
    if steps < 1:
        raise ValueError(f"steps of {steps} is too few; at least 1")
    if not 0 <= seed <= MAXIMUM_SEED:
        raise ValueError(f"seed of {seed} is not within 0 to {MAXIMUM_SEED}")
    if not 0 <= jitter <= MAXIMUM_JITTER:
        raise ValueError(f"jitter of {jitter} is out of range; give 0 to {MAXIMUM_JITTER} pixels")


def check_weight(name: str, value: float) -> None:
    """Raises ``ValueError`` for a weight below 0 or not finite."""
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name.replace('_', '-')} of {value} is not a number of at least 0")
