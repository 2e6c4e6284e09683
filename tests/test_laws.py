"""Every registered thing keeps the shipped laws: a table built from the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import lcm
from typing import Any

import pytest
from published import thin

from pixeldream.neural.weights import resolve
from pixeldream.plugin import testing, testing_frames
from pixeldream.plugin.registry import Registry, load
from pixeldream.retro.mode import Mode

REGISTRY = load()


def families() -> list[str]:
    """One mode of each family, the smallest: other sizes and pixel shapes run the same code on more pixels."""
    chosen: dict[Any, str] = {}
    for name, mode in sorted(REGISTRY.modes.values.items(), key=lambda item: item[1].size):
        screen_wide = all(slot.area is None for slot in mode.slots)
        family = (mode.machine, mode.slots, mode.gamut, mode.values, mode.solve) if screen_wide else name
        chosen.setdefault(family, name)
    return sorted(chosen.values())


def quick(mode: Mode) -> Mode:
    """The mode as it is, or smaller where all its slots span the screen: nothing depends on the size but the time."""
    return replace(mode, size=(96, 64)) if all(slot.area is None for slot in mode.slots) else mode


def corner(mode: Mode) -> Mode:
    """A part of the mode's screen, of whole areas: each is solved as the others are. A mode with areas stays whole that
    has fewer tiles than places, or a solver of its own, which may know its screen."""
    areas = [slot.area for slot in mode.slots if slot.area is not None]
    if areas and (mode.tiles is not None or mode.solve is not None):
        return mode
    units = [lcm(*(area[axis] for area in areas)) for axis in (0, 1)]
    width, height = (
        min(-(-part // unit) * unit, most) for part, unit, most in zip((96, 64), units, mode.size, strict=True)
    )
    return replace(mode, size=(width, height))


MODES = families()
PALETTES = list(REGISTRY.palettes)
DITHERS = list(REGISTRY.dithers)
FORMATS = [(form, mode) for form in REGISTRY.formats for mode in MODES if REGISTRY.formats[form].holds(mode)]

MOVING = [
    (form, mode) for form, mode in FORMATS if REGISTRY.formats[form].write_frames or REGISTRY.formats[form].read_frames
]


def colours_of(registry: Registry, mode: str) -> Any:
    found = registry.modes[mode]
    return found.gamut or registry.palettes[found.palette]


def named(law: Callable) -> str:
    return law.__name__


def test_the_built_in_plugins_load_without_a_failure(registry: Registry) -> None:
    assert registry.failures == []
    assert {"c64", "amiga", "zx", "msx", "nes", "png", "dithers", "networks"} <= set(registry.plugins)


def laws_of_modes() -> list[tuple[str, Callable]]:
    """Without jit a solve takes from seconds to minutes: one mode is tried of those that are solved alike. Where a mode
    brings its own solver, or shares sub-palettes, other tests compare with brute force."""
    slow = testing.mode_jits_to_the_same
    alike = {solved_alike(REGISTRY.modes[name]): name for name in reversed(MODES)}
    asked = {name for name in alike.values() if not (REGISTRY.modes[name].solve or REGISTRY.modes[name].sub_palettes)}
    return [(name, law) for name in MODES for law in testing.MODE_LAWS if law is not slow or name in asked]


def solved_alike(mode: Mode) -> Any:
    """What the way of a mode's solution depends on, besides sizes and numbers."""
    levels = tuple((level.area, len(level.slots) > 1) for level in mode.levels)
    own = mode.solve, mode.sub_palettes, mode.colour_groups
    return levels, mode.tiles, mode.gamut is None, mode.blocked > 0, own


@pytest.mark.parametrize(("mode", "law"), laws_of_modes(), ids=lambda value: getattr(value, "__name__", value))
def test_mode(registry: Registry, mode: str, law: Callable) -> None:
    law(corner(registry.modes[mode]), colours_of(registry, mode))


@pytest.mark.parametrize("law", testing.PALETTE_LAWS, ids=named)
@pytest.mark.parametrize("palette", PALETTES)
def test_palette(registry: Registry, palette: str, law: Callable) -> None:
    law(registry.palettes[palette])


@pytest.mark.parametrize("law", testing.FORMAT_LAWS, ids=named)
@pytest.mark.parametrize(("form", "mode"), FORMATS)
def test_format(registry: Registry, form: str, mode: str, law: Callable) -> None:
    law(registry.formats[form], registry.modes[mode], colours_of(registry, mode))


@pytest.mark.parametrize("law", testing_frames.MOVING_LAWS, ids=named)
@pytest.mark.parametrize(("form", "mode"), MOVING)
def test_moving_format(registry: Registry, form: str, mode: str, law: Callable) -> None:
    law(registry.formats[form], quick(registry.modes[mode]), colours_of(registry, mode))


@pytest.mark.parametrize("law", testing.DITHER_LAWS, ids=named)
@pytest.mark.parametrize("dither", DITHERS)
def test_dither(registry: Registry, dither: str, law: Callable) -> None:
    law(registry.dithers[dither])


@pytest.mark.parametrize("law", testing.NETWORK_LAWS, ids=named)
@pytest.mark.parametrize("network", list(REGISTRY.networks))
def test_network(registry: Registry, network: str, law: Callable) -> None:
    found = registry.networks[network]
    law(found, thin(network) if found.weights is None else resolve(found, None)[1])
