"""The retro half of a job as a value, made from names. No jax here: every unknown name fails before jax is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pixeldream.canvas import Canvas
from pixeldream.plugin.registry import Registry
from pixeldream.retro.dither import NONE, Dither
from pixeldream.retro.limit import barred, fewest
from pixeldream.retro.locks import lock_array
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut, Palette
from pixeldream.retro.schedule import Schedule

CONVERT_DITHER = "floyd-steinberg"
"""What ``convert`` dithers with where nothing is asked for."""

QUALITIES = ("fast", "best")


def quality_of(quality: str | None, dither: str | None, **only_best: object) -> str:
    """One of :data:`QUALITIES`: what was asked for, or the best unless a dither was. ``only_best``: options that mean
    nothing to a dither. Raises ``ValueError``."""
    chosen = quality or ("best" if dither is None else "fast")
    if chosen not in QUALITIES:
        raise ValueError(f"quality {chosen!r} is none of {', '.join(QUALITIES)}")
    for name, value in only_best.items():
        if value is not None and chosen != "best":
            raise ValueError(f"{name} is for the search of the best: ask for quality best as well, or leave it out")
    return chosen


@dataclass(frozen=True)
class Look:
    """The retro half of a job: a mode with everything that an artist may say about its colours.

    ``alternatives``: the machine's other palettes, which a drawing may come in; none where a palette was asked for.
    ``only``: the indices of the colours that may be seen at all; none for no limit.
    """

    mode: Mode
    palette: Palette | Gamut
    dither: Dither = NONE
    amount: float = 1.0
    locks: Mapping[str, int] = field(default_factory=dict)
    border: int = 0
    alternatives: tuple[Palette, ...] = ()
    only: tuple[int, ...] = ()

    def values(self) -> np.ndarray:
        """float32 ``[colours, 3]``: what a solver takes. Colours that may not be seen lie far beyond white, where no
        pixel's nearest colour is."""
        return barred(self.palette.values(), self.only)

    def for_image(self, image: np.ndarray) -> Look:
        """The look of one image (sRGB, float32): a free palette limited to some colours is locked to the best of them
        for it."""
        if self.mode.gamut is None or not self.only:
            return self
        free = [slot.name for slot in self.mode.slots if slot.name not in self.locks]
        chosen = fewest(self.mode.gamut.rgb(self.only), image, len(free))
        locks = {name: self.only[chosen[number % len(chosen)]] for number, name in enumerate(free)}
        return replace(self, locks={**self.locks, **locks})

    def check_whole(self) -> None:
        """Raises ``ValueError`` for a palette where the machine mixes its own: a drawing is legal in any."""
        if self.mode.gamut is not None and self.only:
            raise ValueError(
                f"mode {self.mode.name!r} mixes its own palette of {self.mode.gamut.count} colours: leave it out"
            )

    def palettes(self) -> tuple[Palette | Gamut, ...]:
        """Those that a drawing may come in, the likeliest first."""
        return (self.palette, *self.alternatives)

    def canvas(self, schedule: Schedule) -> Canvas:
        """The canvas of this look."""
        from pixeldream.retro.constrain import constrain

        return constrain(
            self.mode, self.palette, schedule,
            locks=self.locks, dither=self.dither, amount=self.amount, border=self.border,
            only=self.only,
        )  # fmt: skip


def look(
    registry: Registry,
    mode: str,
    *,
    palette: str | Palette | None = None,
    dither: str = "none",
    locks: Mapping[str, str] | None = None,
    border: str | None = None,
    flicker: float | None = None,
    only: Sequence[str] = (),
) -> Look:
    """A :class:`Look` from names. ``dither`` is ``NAME`` or ``NAME:AMOUNT`` (0 to 1), ``locks`` slot names to colours.

    ``flicker``: the largest difference in luma (0 to 1) between two frames, for modes that have frames. ``only``: the
    colours that may be seen at all; a palette given for a mode that mixes its own is such a choice as well. Raises
    ``UnknownName`` or ``ValueError`` in one line.
    """
    found = _calmed(registry, registry.modes[mode], flicker)
    chosen = _palette(registry, found, palette)
    name, _, amount = dither.partition(":")
    fixed = {slot: chosen.index(colour) for slot, colour in (locks or {}).items()}
    lock_array(found, fixed)
    edge = chosen.index(border) if border else 0
    few = _only(registry, found, chosen, palette, only)
    _check_locks(fixed, few)
    others = _others(registry, chosen) if palette is None and not few and isinstance(chosen, Palette) else ()
    return Look(found, chosen, registry.dithers[name], _amount(dither, amount), fixed, edge, others, few)


def _only(
    registry: Registry, mode: Mode, chosen: Palette | Gamut, palette: str | Palette | None, only: Sequence[str]
) -> tuple[int, ...]:
    """The indices of the colours that may be seen, in the order given, each once; none for no limit."""
    wanted = [chosen.index(colour) for colour in only]
    if mode.gamut is not None and palette is not None:
        own = palette if isinstance(palette, Palette) else registry.palettes[palette]
        inside = [int(index) for index in mode.gamut.nearest(np.asarray(own.colours))]
        if wanted and not set(wanted) <= set(inside):
            raise ValueError(f"a colour of {', '.join(only)} is not in palette {own.name!r}; give one of the two")
        wanted = wanted or inside
    return tuple(dict.fromkeys(wanted))


def _check_locks(locks: Mapping[str, int], only: tuple[int, ...]) -> None:
    for slot, colour in locks.items():
        if only and colour not in only:
            raise ValueError(f"slot {slot!r} is locked to colour {colour}, which is not among those that may be seen")


def _calmed(registry: Registry, mode: Mode, flicker: float | None) -> Mode:
    """The mode with that bound on flicker. Raises ``ValueError`` for one whose frames do not differ."""
    if flicker is None:
        return mode
    if mode.flicker is None:
        able = ", ".join(name for name, other in registry.modes.values.items() if other.flicker is not None)
        raise ValueError(f"mode {mode.name!r} does not flicker: a bound of {flicker:g} is for {able or 'no mode here'}")
    if not 0 <= flicker <= 1:
        raise ValueError(f"flicker {flicker:g}: the largest luma difference between two frames is a number of 0 to 1")
    return replace(mode, flicker=flicker)


def _others(registry: Registry, palette: Palette) -> tuple[Palette, ...]:
    """The other palettes of the same machine: the first word of their names says which it is."""
    machine = palette.name.split("-")[0]
    return tuple(
        other
        for name, other in registry.palettes.values.items()
        if other is not palette and other.count == palette.count and name.split("-")[0] == machine
    )


def _palette(registry: Registry, mode: Mode, palette: str | Palette | None) -> Palette | Gamut:
    if mode.gamut is not None:
        return mode.gamut
    chosen = palette if isinstance(palette, Palette) else registry.palettes[palette or mode.palette]
    if chosen.count != mode.colours:
        raise ValueError(
            f"palette {chosen.name!r} has {chosen.count} colours; mode {mode.name!r} shows {mode.colours}; "
            "to use fewer of the machine's own say --only COLOUR,COLOUR"
        )
    return chosen


def _amount(dither: str, text: str) -> float:
    try:
        amount = float(text) if text else 1.0
    except ValueError:
        amount = -1.0
    if not 0 <= amount <= 1:
        raise ValueError(f"dither {dither!r}: the amount behind the colon is a number of 0 to 1")
    return amount
