"""Moving pictures as a value: legal pictures of one mode that are shown in turn, over and over again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import isfinite

from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.palette import Gamut, Palette

RATE = 10.0
"""Pictures a second where nothing is said: whole hundredths of a second, sixtieths and frames of either television."""

SLOWEST, FASTEST = 0.1, 60.0
"""Pictures a second that can be asked for."""


@dataclass(frozen=True, eq=False)
class Animation:
    """``pictures``: one or more, of one mode and palette (of a gamut each may mix its own). ``seconds``: how long each
    is shown. After the last comes the first again.

    Raises ``ValueError`` for none, for two modes or palettes, and for a time that is none.
    """

    pictures: tuple[Picture, ...]
    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.pictures:
            raise ValueError("an animation of no pictures; give one or more")
        if len(self.seconds) != len(self.pictures):
            raise ValueError(f"{len(self.seconds)} times for {len(self.pictures)} pictures")
        for number, (picture, seconds) in enumerate(zip(self.pictures, self.seconds, strict=True), 1):
            if not (isfinite(seconds) and seconds > 0):
                raise ValueError(f"picture {number} of an animation lasts {seconds:g} seconds; give more than 0")
            if picture.mode.name != self.mode.name or picture.mode.size != self.mode.size:
                raise ValueError(
                    f"picture {number} of an animation is in mode {picture.mode.name}, the first in {self.mode.name}; "
                    "convert them alike"
                )
            if picture.palette != self.palette:
                raise ValueError(
                    f"picture {number} of an animation has palette {picture.palette.name}, the first "
                    f"{self.palette.name}; convert them alike"
                )

    @classmethod
    def at(cls, pictures: Iterable[Picture], rate: float = RATE) -> Animation:
        """``rate`` pictures a second. Raises ``ValueError`` for a rate that can't be."""
        check_rate(rate)
        held = tuple(pictures)
        return cls(held, (1 / rate,) * len(held))

    @property
    def mode(self) -> Mode:
        """The mode of all pictures."""
        return self.pictures[0].mode

    @property
    def palette(self) -> Palette | Gamut:
        """What the colours of all pictures are indices into."""
        return self.pictures[0].palette

    def ticks(self, per_second: float) -> tuple[int, ...]:
        """How long each picture is shown in ticks of a clock, one or more. What is rounded in one picture is made up
        for in the next, so that the whole keeps its time."""
        ends = [round(end * per_second) for end in accumulate(self.seconds, initial=0.0)]
        return tuple(max(1, after - before) for before, after in pairwise(ends))


@dataclass(frozen=True)
class Cost:
    """What an animation takes where there is only so much. ``room``: the bytes that there are for the pictures;
    ``pictures``: how many of them each takes, a picture's change from the one before; ``seconds``: how long the machine
    needs to draw each at least."""

    room: int
    pictures: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def bytes(self) -> int:
        """Those of all pictures."""
        return sum(self.pictures)

    @property
    def fits(self) -> bool:
        """Whether there is room for all pictures."""
        return self.bytes <= self.room


def check_rate(rate: float) -> None:
    """Raises ``ValueError`` unless ``rate``, in pictures a second, can be asked for."""
    if not SLOWEST <= rate <= FASTEST:
        raise ValueError(f"a rate of {rate:g} pictures a second; give {SLOWEST:g} to {FASTEST:g}")
