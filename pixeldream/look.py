"""The retro half of a job as a value, made from names. No jax here: every unknown name fails before jax is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pixeldream.canvas import Canvas
from pixeldream.plugin.registry import Registry
from pixeldream.retro.dither import NONE, Dither
from pixeldream.retro.locks import lock_array
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut, Palette
from pixeldream.retro.schedule import Schedule

CONVERT_DITHER = "floyd-steinberg"
"""What ``convert`` dithers with where nothing is asked for."""


@dataclass(frozen=True)
class Look:
    """The retro half of a job: a mode with everything that an artist may say about its colours.

    ``alternatives``: the machine's other palettes, which a drawing may come in; none where a palette was asked for.
    """

    mode: Mode
    palette: Palette | Gamut
    dither: Dither = NONE
    amount: float = 1.0
    locks: Mapping[str, int] = field(default_factory=dict)
    border: int = 0
    alternatives: tuple[Palette, ...] = ()

    def palettes(self) -> tuple[Palette | Gamut, ...]:
        """Those that a drawing may come in, the likeliest first."""
        return (self.palette, *self.alternatives)

    def canvas(self, schedule: Schedule) -> Canvas:
        """The canvas of this look."""
        from pixeldream.retro.constrain import constrain

        return constrain(
            self.mode, self.palette, schedule,
            locks=self.locks, dither=self.dither, amount=self.amount, border=self.border,
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
) -> Look:
    """A :class:`Look` from names. ``dither`` is ``NAME`` or ``NAME:AMOUNT`` (0 to 1), ``locks`` slot names to colours.

    ``flicker``: the largest difference in luma (0 to 1) between two frames, for modes that have frames. Raises
    ``UnknownName`` or ``ValueError`` in one line.
    """
    found = _calmed(registry, registry.modes[mode], flicker)
    chosen = _palette(registry, found, palette)
    name, _, amount = dither.partition(":")
    fixed = {slot: chosen.index(colour) for slot, colour in (locks or {}).items()}
    lock_array(found, fixed)
    edge = chosen.index(border) if border else 0
    others = _others(registry, chosen) if palette is None and isinstance(chosen, Palette) else ()
    return Look(found, chosen, registry.dithers[name], _amount(dither, amount), fixed, edge, others)


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
        if palette is not None:
            raise ValueError(f"mode {mode.name!r} mixes its own palette of {mode.gamut.count} colours: leave it out")
        return mode.gamut
    chosen = palette if isinstance(palette, Palette) else registry.palettes[palette or mode.palette]
    if chosen.count != mode.colours:
        raise ValueError(f"palette {chosen.name!r} has {chosen.count} colours; mode {mode.name!r} shows {mode.colours}")
    return chosen


def _amount(dither: str, text: str) -> float:
    try:
        amount = float(text) if text else 1.0
    except ValueError:
        amount = -1.0
    if not 0 <= amount <= 1:
        raise ValueError(f"dither {dither!r}: the amount behind the colon is a number of 0 to 1")
    return amount
