"""Drawings for modes whose areas choose one of a few sub-palettes: which colours each sub-palette holds.

Slots that several sub-palettes share (a backdrop) take each choice of colours in turn, those of most areas first. What
an area then still needs is a set of colours, and only sets that no other contains matter. They are packed into the
sub-palettes by backtracking: next comes the set with the fewest sub-palettes left to it. A search that ends is exact;
:data:`WORK` bounds it, and drawings of few enough colours hardly ever reach that. Where no packing is found, the one
that serves the most areas, filled greedily, says which areas clash.

Colours are bits of Python numbers in the drawing's own numbering: a gamut has too many for a mask of 64 bits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations, islice, product

import numpy as np

from pixeldream.retro.clash import Clash, Drawn, hexadecimal
from pixeldream.retro.legal_cells import bits
from pixeldream.retro.legal_sub_tiles import Loose, store
from pixeldream.retro.mode import Mode, SubPalettes, cut_tiles
from pixeldream.retro.palette import Gamut, Palette

WORK = 1_000_000
"""Sets that the exact search compares with a sub-palette: about a second."""

TRIED, TRIED_IN_VAIN = 400, 24
"""Choices of shared colours that are tried: to find a packing, and to find the one that clashes least."""

NAMED, LISTED = 8, 16
"""Colours that a message names; colours of sub-palettes up to which a note lists them."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A drawing as sets. ``used``: the palette index of each of its colours, from dark to light. ``needs``: the
    colours of each area, as bits. ``able``: those that each slot may hold, as bits."""

    mode: Mode
    used: np.ndarray
    needs: tuple[int, ...]
    able: tuple[int, ...]

    @property
    def sub(self) -> SubPalettes:
        """The mode's sub-palettes."""
        assert self.mode.sub_palettes is not None
        return self.mode.sub_palettes

    @cached_property
    def shared(self) -> tuple[int, ...]:
        """The slots of several sub-palettes."""
        return tuple(np.flatnonzero(np.bincount(np.asarray(self.sub.slots).reshape(-1)) > 1).tolist())

    @cached_property
    def own(self) -> tuple[tuple[int, ...], ...]:
        """The other slots of each sub-palette."""
        return tuple(tuple(slot for slot in members if slot not in self.shared) for members in self.sub.slots)

    @cached_property
    def holders(self) -> tuple[tuple[int, ...], ...]:
        """What these may hold, as bits."""
        return tuple(tuple(self.able[slot] for slot in own) for own in self.own)

    def common(self, chosen: tuple[int, ...]) -> tuple[int, ...]:
        """What the shared slots of each sub-palette hold, as bits; ``chosen``: the colour of each, -1 for none."""
        held = {slot: 1 << colour for slot, colour in zip(self.shared, chosen, strict=True) if colour >= 0}
        return tuple(_union(held.get(slot, 0) for slot in members) for members in self.sub.slots)


@dataclass(frozen=True, eq=False)
class Packing:
    """``chosen``: the colour of each shared slot, -1 for none. ``common`` and ``own``: what the shared slots of each
    sub-palette and its other ones hold, as bits. ``cut``: the search for more was cut short."""

    chosen: tuple[int, ...]
    common: tuple[int, ...]
    own: tuple[int, ...]
    cut: bool = False

    def serving(self, need: int) -> list[int]:
        """The sub-palettes that have all colours of a set."""
        return [number for number, own in enumerate(self.own) if not need & ~(own | self.common[number])]


def draw_sub_palettes(
    mode: Mode, palette: Palette | Gamut, indices: np.ndarray, locks: np.ndarray, order: np.ndarray | None = None
) -> Drawn:
    """The picture of palette ``indices [height, width]`` (-1 where no colour of the palette stands), or the areas that
    clash with the best sub-palettes that were found, or the places that use tiles beyond the mode's number. ``order``:
    the indices of the drawing's own palette; where its colours are those of all slots they stay there."""
    problem = pose(mode, palette, indices, locks)
    if (kept := _kept(problem, locks, order)) is not None:
        held, packing = kept
    else:
        packing = pack(problem)
        held = _colours(problem, packing, locks)
    notes = _notes(problem, palette, packing)
    areas = [packing.serving(need) for need in problem.needs]
    if not all(areas) or (indices < 0).any():
        return Drawn(clashes=_clashes(problem, palette, packing), notes=notes)
    loose = [] if kept is not None else list(_loose(problem, packing, locks))
    drawn = store(mode, indices, held, areas, loose)
    return Drawn(drawn.pixels, drawn.colours, drawn.clashes, (*notes, *drawn.notes))


def pose(mode: Mode, palette: Palette | Gamut, indices: np.ndarray, locks: np.ndarray) -> Problem:
    """The problem of palette ``indices``; those below 0 do not count."""
    assert mode.sub_palettes is not None
    used = np.unique(indices[indices >= 0])
    used = used[np.argsort(palette.rgb(used) @ np.array([299, 587, 114]), kind="stable")]
    number = {int(colour): place for place, colour in enumerate(used)}
    areas = cut_tiles(indices, mode.sub_palettes.area)
    needs = tuple(_union(1 << number[c] for c in np.unique(area).tolist() if c >= 0) for area in areas)
    able = []
    for slot, lock in zip(mode.slots, locks.tolist(), strict=True):
        held = (lock,) if lock >= 0 else slot.allowed
        able.append((1 << len(used)) - 1 if held is None else _union(1 << number[c] for c in held if c in number))
    return Problem(mode, used, needs, tuple(able))


def pack(problem: Problem) -> Packing:
    """Sub-palettes that serve all areas, or as many as were found."""
    counts = Counter(problem.needs)
    cut = False
    if len(problem.used) <= len(problem.mode.slots):
        search = _Search(problem, _maximal(counts))
        choices = _choices(problem, counts)
        for chosen in islice(choices, TRIED):
            if (found := search.run(chosen)) is not None:
                return found
        cut = search.left < 0 or next(choices, None) is not None
    tried = [
        _greedy(problem, counts, chosen, sign)
        for chosen in islice(_choices(problem, counts), TRIED_IN_VAIN)
        for sign in (-1, 1)
    ]
    best = min(tried, key=lambda packing: sum(n for need, n in counts.items() if not packing.serving(need)))
    return replace(best, cut=cut)


@lru_cache(1 << 16)
def seats(mask: int, able: tuple[int, ...]) -> tuple[int, ...] | None:
    """The colour of each slot, -1 for none, where slots that are ``able`` to hold certain colours hold all of
    ``mask``; ``None`` where they can't. Each colour in turn takes a slot, and sends others on if it has to (Kuhn)."""
    held = [-1] * len(able)

    def seat(colour: int, asked: set[int]) -> bool:
        for slot in sorted(range(len(able)), key=lambda slot: held[slot] >= 0):
            if able[slot] >> colour & 1 and slot not in asked:
                asked.add(slot)
                if held[slot] < 0 or seat(held[slot], asked):
                    held[slot] = colour
                    return True
        return False

    if mask.bit_count() > len(able):
        return None
    return tuple(held) if all(seat(colour, set()) for colour in bits(mask)) else None


class _Search:
    """The exact search: one for all choices of shared colours, so that they share its bound."""

    def __init__(self, problem: Problem, needs: list[int]) -> None:
        self.problem, self.needs, self.left = problem, needs, WORK

    def run(self, chosen: tuple[int, ...]) -> Packing | None:
        """Sub-palettes that serve all areas with these shared colours."""
        common = self.problem.common(chosen)
        own = self._extend(self.needs, common, (0,) * len(common))
        return None if own is None else Packing(chosen, common, own)

    def _extend(self, needs: list[int], common: tuple[int, ...], own: tuple[int, ...]) -> tuple[int, ...] | None:
        pairs = [have | held for have, held in zip(common, own, strict=True)]
        needs = [need for need in needs if all(need & ~have for have in pairs)]
        self.left -= len(needs) * len(own)
        if not needs:
            return own
        # More colours than free slots: no use to try.
        free = sum(map(len, self.problem.own)) - sum(held.bit_count() for held in own)
        if self.left < 0 or (_union(needs) & ~_union(pairs)).bit_count() > free:
            return None
        options = [self._options(need, common, own) for need in needs]
        for number, grown in min(options, key=len):
            found = self._extend(needs, common, (*own[:number], grown, *own[number + 1 :]))
            if found is not None:
                return found
        return None

    def _options(self, need: int, common: tuple[int, ...], own: tuple[int, ...]) -> list[tuple[int, int]]:
        """Which sub-palettes can take a set, and what they hold then, the least grown first; equal ones once."""
        found: dict[tuple[object, ...], tuple[int, int]] = {}
        for number, holders in enumerate(self.problem.holders):
            grown = own[number] | need & ~common[number]
            if seats(grown, holders) is not None:
                found.setdefault((common[number], own[number], holders), (number, grown))
        return sorted(found.values(), key=lambda option: (option[1] ^ own[option[0]]).bit_count())


def _greedy(problem: Problem, counts: Counter[int], chosen: tuple[int, ...], sign: int) -> Packing:
    """Sub-palettes that serve many areas: the most frequent sets first, each where it adds the fewest colours; of
    equally frequent ones the largest (``sign`` -1) or the smallest (1)."""
    common = problem.common(chosen)
    own = [0] * len(common)
    for need, _ in sorted(counts.items(), key=lambda item: (-item[1], sign * item[0].bit_count())):
        grown = [held | need & ~have for held, have in zip(own, common, strict=True)]
        able = [number for number, mask in enumerate(grown) if seats(mask, problem.holders[number]) is not None]
        if able:
            number = min(able, key=lambda number: (grown[number] ^ own[number]).bit_count())
            own[number] = grown[number]
    return Packing(chosen, common, tuple(own))


def _choices(problem: Problem, counts: Counter[int]) -> Iterator[tuple[int, ...]]:
    """The colours of the shared slots, those of most areas first; -1 for one that can hold none of the drawing's."""
    areas: Counter[int] = Counter()
    for need, times in counts.items():
        areas.update(dict.fromkeys(bits(need), times))
    order = sorted(areas, key=lambda colour: (-areas[colour], colour))
    able = [[colour for colour in order if problem.able[slot] >> colour & 1] or [-1] for slot in problem.shared]
    if len({problem.able[slot] for slot in problem.shared}) == 1 and len(able[0]) >= len(able) and _everywhere(problem):
        return combinations(able[0], len(able))
    return product(*able)


def _everywhere(problem: Problem) -> bool:
    return all(set(problem.shared) <= set(members) for members in problem.sub.slots)


def _maximal(counts: Iterable[int]) -> list[int]:
    """The sets that no other contains, the largest first."""
    found: list[int] = []
    for need in sorted(counts, key=lambda need: (-need.bit_count(), need)):
        if all(need & ~other for other in found):
            found.append(need)
    return found


def _union(masks: Iterable[int]) -> int:
    result = 0
    for mask in masks:
        result |= mask
    return result


def _spare(problem: Problem, slot: int, locks: np.ndarray) -> int:
    """The palette index of a slot that nothing uses: its lowest."""
    allowed = problem.mode.slots[slot].allowed
    return int(locks[slot]) if locks[slot] >= 0 else 0 if allowed is None else min(allowed)


def _colours(problem: Problem, packing: Packing, locks: np.ndarray) -> np.ndarray:
    """int64 ``[slots]``: palette indices, those of a sub-palette from dark to light as far as its slots let them."""
    held = np.asarray([_spare(problem, slot, locks) for slot in range(len(problem.mode.slots))], np.int64)
    for number, slots in enumerate(problem.own):
        seated = seats(packing.own[number], problem.holders[number])
        assert seated is not None
        for slot, colour in zip(slots, seated, strict=True):
            held[slot] = held[slot] if colour < 0 else problem.used[colour]
    for slot, colour in zip(problem.shared, packing.chosen, strict=True):
        held[slot] = held[slot] if colour < 0 else problem.used[colour]
    return held


def _kept(problem: Problem, locks: np.ndarray, order: np.ndarray | None) -> tuple[np.ndarray, Packing] | None:
    """The drawing's own palette as the slots' colours, if it has one for each and they serve all areas."""
    if order is None or len(order) != len(problem.mode.slots):
        return None
    for slot, (colour, lock) in enumerate(zip(order.tolist(), locks.tolist(), strict=True)):
        allowed = problem.mode.slots[slot].allowed
        if (lock >= 0 and lock != colour) or (allowed is not None and colour not in allowed):
            return None
    number = {int(colour): place for place, colour in enumerate(problem.used)}
    local = [number.get(colour, -1) for colour in order.tolist()]
    chosen = tuple(local[slot] for slot in problem.shared)
    own = tuple(_union(1 << local[slot] for slot in slots if local[slot] >= 0) for slots in problem.own)
    packing = Packing(chosen, problem.common(chosen), own)
    return (order.astype(np.int64), packing) if all(map(packing.serving, set(problem.needs))) else None


def _loose(problem: Problem, packing: Packing, locks: np.ndarray) -> Iterator[Loose]:
    """The sub-palettes, each with all that stands in it for its own slots: an unused one may repeat a colour."""

    def indices(mask: int) -> tuple[int, ...]:
        return tuple(problem.used[bits(mask)].tolist())

    for slots, own, common in zip(problem.own, packing.own, packing.common, strict=True):
        able = [indices((own | common) & problem.able[slot]) or (_spare(problem, slot, locks),) for slot in slots]
        yield Loose(slots, frozenset(indices(own)), tuple(able))


def _names(problem: Problem, palette: Palette | Gamut, mask: int, between: str = ", ") -> str:
    """The colours of a set in words, the first of them if there are many."""
    found = problem.used[bits(mask)].tolist()
    words = [
        palette.names[colour] if isinstance(palette, Palette) and palette.names
        else hexadecimal(tuple(palette.rgb(colour).tolist()))
        for colour in found[:NAMED]
    ]  # fmt: skip
    more = [f"and {len(found) - NAMED} more"] if len(found) > NAMED else []
    return between.join([*words, *more]) or "none"


def _notes(problem: Problem, palette: Palette | Gamut, packing: Packing) -> tuple[str, ...]:
    """What the shared slots and the sub-palettes hold."""
    shared = [
        f"{problem.mode.slots[slot].name} {_names(problem, palette, 1 << colour)}"
        for slot, colour in zip(problem.shared, packing.chosen, strict=True)
        if colour >= 0
    ]
    found = [own for own in packing.own if own]
    if sum(own.bit_count() for own in found) > LISTED:
        shared.append(f"{len(found)} sub-palettes")
    elif found:
        words = " + ".join(_names(problem, palette, own, "/") for own in found)
        shared.append(f"sub-palette{'s' * (len(found) > 1)} {words}")
    return (*shared, *["not every way to share the colours was tried"] * packing.cut)


def _clashes(problem: Problem, palette: Palette | Gamut, packing: Packing) -> tuple[Clash, ...]:
    (width, height), columns = problem.sub.area, problem.mode.size[0] // problem.sub.area[0]
    clashes = []
    for area, need in enumerate(problem.needs):
        if packing.serving(need):
            continue
        row, column = divmod(area, columns)
        colours = tuple(tuple(rgb) for rgb in palette.rgb(problem.used[bits(need)]).tolist())
        why = _why(problem, palette, packing, need)
        clashes.append(Clash(why, ((column * width, row * height, width, height),), colours))
    return tuple(clashes)


def _why(problem: Problem, palette: Palette | Gamut, packing: Packing, need: int) -> str:
    wanted = [need & ~common for common in packing.common]
    number = min(range(len(wanted)), key=lambda number: wanted[number].bit_count())
    rest, room = wanted[number], len(problem.own[number])
    besides = f" besides {_names(problem, palette, need & ~rest)}" if need & ~rest else ""
    many, words = rest.bit_count(), _names(problem, palette, rest)
    if many > room:
        return f"{many} colours{besides}, {room} {'is' if room == 1 else 'are'} possible: {words}"
    return f"none of the {len(wanted)} sub-palettes has {words}{besides}"
