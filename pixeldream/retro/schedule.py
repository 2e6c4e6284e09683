"""When a picture is made legal, as a value; ``constrain`` says what each name means. No jax: names fail early."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pixeldream.retro.dither import KINDS, CurveDiffusion, Dither, UnsuitableDither

SCHEDULES = ("end", "every:N", "straight-through")

DEFAULT_SCHEDULE = "straight-through"


@dataclass(frozen=True)
class Schedule:
    """When a picture is made legal. ``every`` is N of ``every:N``, 0 otherwise."""

    name: str
    every: int = 0

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """``end``, ``every:N`` with N of at least 1, or ``straight-through``. Raises ``ValueError`` otherwise."""
        if text in ("end", "straight-through"):
            return cls(text)
        match = re.fullmatch(r"every:(\d{1,6})", text)
        if match and int(match[1]) > 0:
            return cls("every", int(match[1]))
        raise ValueError(f"schedule {text!r} is none of {', '.join(SCHEDULES)} (N is at least 1)")

    def check(self, dither: Dither) -> None:
        """Raises ``UnsuitableDither`` for one that is too slow to be applied again and again."""
        if isinstance(dither, CurveDiffusion) and self.name != "end":
            others = ", ".join(name for kind, name in KINDS.items() if kind is not CurveDiffusion)
            raise UnsuitableDither(
                f"dither {dither.name!r} takes one pixel after the other, too slow for schedule {self}; take schedule "
                f"end, or a dither of another kind: {others} ('pixeldream dithers' tells)"
            )

    def __str__(self) -> str:
        return f"every:{self.every}" if self.every else self.name
