"""Drawings that halfbrite or hold-and-modify can show: which base colours they need, exactly.

Amiga Hardware Reference Manual (1991), chapter 3. A drawing leaves no choice: the colour to the left of each pixel is
known, so a pixel needs a base colour exactly where more than one component changes.
"""

from __future__ import annotations

import numpy as np
from pixeldream_plugins.amiga_beam import shown
from pixeldream_plugins.amiga_halfbrite import half
from pixeldream_plugins.amiga_ham import CONTROLS, TWELVE_BIT

import pixeldream as pd

LUMA = np.array([299, 587, 114])
"""ITU-R BT.601, times 1000: the order of base colours is from dark to light."""


def placed(gamut: pd.Gamut, wanted: np.ndarray, locks: np.ndarray) -> np.ndarray:
    """int64 ``[slots]``: ``wanted`` colours from dark to light in the slots that no lock fills, black in the rest."""
    held = np.maximum(locks, 0).astype(np.int64)
    free = np.flatnonzero(locks < 0)
    order = np.argsort(gamut.rgb(wanted) @ LUMA, kind="stable")
    held[free[: len(wanted)]] = wanted[order]
    return held


def first_slots(base: np.ndarray, count: int) -> np.ndarray:
    """int64 ``[count]``: the first slot that holds each colour, or -1."""
    slots = np.full(count, -1, np.int64)
    slots[base[::-1]] = np.arange(len(base))[::-1]
    return slots


def _off_grid(image: np.ndarray, bits: int) -> tuple[np.ndarray, tuple[pd.Clash, ...]]:
    """The steps of each component that are nearest, and a clash for each colour that they miss."""
    levels = shown(np.arange(1 << bits), bits)
    nearest = np.abs(np.arange(256)[:, None] - levels[None]).argmin(1)
    steps = nearest[image]
    return steps, pd.foreign_colours(image, levels[steps].astype(np.uint8), f"a grid of {bits} bits a component")


def _too_many(needed: int, room: int, image: np.ndarray, where: np.ndarray, colours: np.ndarray, kind: str) -> pd.Drawn:
    number = int(where.sum())
    why = f"{needed} base colours are needed, {room} are possible: {number} pixels {kind}"
    named = tuple(tuple(colour) for colour in colours.tolist())
    return pd.Drawn(clashes=(pd.Clash(why, tuple(pd.pixel_runs(where)), named),))


def redraw_halfbrite(mode: pd.Mode, image: np.ndarray, palette: pd.Gamut, locks: np.ndarray) -> pd.Drawn:
    """The picture of a drawing, or the pixels of the rarest colours that no base colour is left for.

    Each colour is looked at before its half. What is neither there nor the half of a colour that is, has to be a base
    colour; a double in its stead would show nothing else of the drawing, so the fewest are found.
    """
    _, clashes = _off_grid(image, 4)
    if clashes:
        return pd.Drawn(clashes=clashes)
    registers = TWELVE_BIT.nearest(image)
    used, counts = np.unique(registers, return_counts=True)
    fixed = [int(lock) for lock in locks if lock >= 0]
    there = {*fixed, *map(half, fixed)}
    wanted: list[int] = []
    for colour in sorted(used.tolist(), key=lambda value: (-int(TWELVE_BIT.rgb(value).astype(int).sum()), value)):
        if colour not in there:
            wanted.append(colour)
            there |= {colour, half(colour)}
    room = int((locks < 0).sum())
    if len(wanted) > room:
        share = dict(zip(used.tolist(), counts.tolist(), strict=True))
        rare = sorted(wanted, key=lambda colour: (share[colour], colour))[: len(wanted) - room]
        where = np.isin(registers, rare)
        kind = "of the rarest colours have none"
        return _too_many(len(wanted) + len(fixed), len(locks), image, where, TWELVE_BIT.rgb(rare), kind)
    base = placed(TWELVE_BIT, np.array(wanted, np.int64), locks)
    full, halves = first_slots(base, TWELVE_BIT.count)[registers], first_slots(half(base), TWELVE_BIT.count)[registers]
    return pd.Drawn(np.where(full >= 0, full, halves + len(base)).astype(np.uint8), tuple(base.reshape(-1, 1, 1)))


def redraw_ham(bits: int, mode: pd.Mode, image: np.ndarray, palette: pd.Gamut, locks: np.ndarray) -> pd.Drawn:
    """The picture of a drawing, or the pixels that no single change leads to and no base colour is left for."""
    steps, clashes = _off_grid(image, bits)
    if clashes:
        return pd.Drawn(clashes=clashes)
    states = (steps[..., 0] << bits | steps[..., 1]) << bits | steps[..., 2]
    jumps = np.zeros(states.shape, bool)
    jumps[:, 1:] = (np.diff(steps, axis=1) != 0).sum(-1) > 1
    fixed = np.unique(locks[locks >= 0])
    needed = np.union1d(states[jumps], fixed)
    start = _start(bits, states[:, 0], needed) if locks[0] < 0 else int(locks[0])
    jumps[:, 0] = _changes(states[:, 0], start, bits) > 1
    wanted, counts = np.unique(states[jumps & ~np.isin(states, [*fixed, start])], return_counts=True)
    room = int((locks[1:] < 0).sum())
    if len(wanted) > room:
        rare = wanted[np.argsort(counts, kind="stable")[: len(wanted) - room]]
        where = jumps & np.isin(states, rare)
        total = len(wanted) + len(locks) - room
        kind = "have none and differ from their left neighbours in more than one component"
        levels = shown(np.arange(1 << bits), bits)
        parts = np.stack([rare >> 2 * bits, rare >> bits, rare], -1) & (1 << bits) - 1
        return _too_many(total, len(locks), image, where, levels[parts], kind)
    front = locks.copy()
    front[0] = start
    base = placed(palette, wanted, front)
    return pd.Drawn(_values(bits, steps, states, base), tuple(base.reshape(-1, 1, 1)))


def _changes(states: np.ndarray, other: int, bits: int) -> np.ndarray:
    """In how many components each of ``states`` differs from ``other``."""
    different = states ^ other
    mask = (1 << bits) - 1
    return np.sum([different >> shift & mask > 0 for shift in (0, bits, 2 * bits)], axis=0)


def _start(bits: int, left: np.ndarray, needed: np.ndarray) -> int:
    """The colour that rows had best start from: base colour 0. ``left``: the first pixels. ``needed``: base colours.

    Each first pixel that is no base colour is within one change of it, or needs a base colour more.
    """
    side = 1 << bits
    first = np.setdiff1d(left, needed)
    # How many base colours more each start costs: itself, and the first pixels that it does not lead to.
    cost = np.full((side, side, side), len(first) + 1, np.int64)
    cost.reshape(-1)[needed] -= 1
    for state in first.tolist():
        red, green, blue = state >> 2 * bits, state >> bits & side - 1, state & side - 1
        reached = np.zeros(3 * side, np.int64)
        line = np.arange(side)
        reached = np.concatenate([line * side * side + (green << bits | blue), (red << bits | line) * side + blue,
                                  (red << bits | green) * side + line])  # fmt: skip
        cost.reshape(-1)[np.unique(reached)] -= 1
    return int(cost.argmin())


def _values(bits: int, steps: np.ndarray, states: np.ndarray, base: np.ndarray) -> np.ndarray:
    """uint8 ``[height, width]``: base colours where they are, or else the change of the one component."""
    slots = first_slots(base, 1 << 3 * bits)[states]
    before = np.concatenate([np.broadcast_to(base[0], states[:, :1].shape), states[:, :-1]], 1)
    different = states ^ before
    mask = (1 << bits) - 1
    values = CONTROLS[2] << bits | steps[..., 2]
    for component, shift in ((0, 2 * bits), (1, bits)):
        changed = different >> shift & mask > 0
        values = np.where(changed, CONTROLS[component] << bits | steps[..., component], values)
    return np.where(slots >= 0, slots, values).astype(np.uint8)
