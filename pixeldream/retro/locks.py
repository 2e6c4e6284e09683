"""Slots whose colour an artist has fixed, as an array. No jax here: names are checked early."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pixeldream.retro.mode import Mode

FREE = -1
"""In a lock array: the slot's colour is for the solver to choose."""


def lock_array(mode: Mode, locks: Mapping[str, int]) -> np.ndarray:
    """int32 ``[slots]`` from slot names and colour indices. Raises ``ValueError`` for a lock that can't be kept."""
    result = np.full(len(mode.slots), FREE, np.int32)
    for name, colour in locks.items():
        number = mode.slot(name)
        allowed = mode.slots[number].allowed
        if allowed is not None and colour not in allowed:
            raise ValueError(f"slot {name!r} of {mode.name} can't hold colour {colour}; it holds {allowed}")
        twin = [mode.slots[other].name for other in range(len(mode.slots)) if result[other] == colour]
        if twin and mode.gamut is None and mode.sub_palettes is None:
            raise ValueError(f"slots {twin[0]!r} and {name!r} are both locked to colour {colour}; lock one of them")
        result[number] = colour
    held = set(locks.values())
    if mode.colour_groups is not None and not any(held <= set(group) for group in mode.colour_groups):
        raise ValueError(f"{mode.name} can't show the locked colours {sorted(held)} together in one place")
    return result
