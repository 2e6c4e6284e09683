"""The pixels of a drawing whose sub-palettes are known, as the hardware stores them, in few tiles.

A tile is equal to another when the hardware stores the same, so the order of the colours in each sub-palette decides
how many tiles there are. At first that is from dark to light, as the solver has it. Where that makes too many, each
sub-palette in turn takes the order in which most of its places are served by tiles of the others; unused slots may
repeat a colour then. An area that several sub-palettes serve takes the one that needs the fewest new tiles. Fewer may
do in theory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

import numpy as np

from pixeldream.retro.clash import Clash, Drawn
from pixeldream.retro.legal_tiles import paste, places_of
from pixeldream.retro.mode import Mode, SubPalettes, cut_tiles

ORDERS, MOST_SLOTS = 64, 4
"""Orders of a sub-palette that are tried, and own slots up to which there are so few."""

ROUNDS = 2
"""Times that each sub-palette chooses its order: the first ones do not know the tiles of all others yet."""


@dataclass(frozen=True)
class Loose:
    """A sub-palette whose order may change. ``slots``: its own slots. ``needed``: the palette indices that they must
    hold. ``able``: those that each of them may hold."""

    slots: tuple[int, ...]
    needed: frozenset[int]
    able: tuple[tuple[int, ...], ...]

    def orders(self) -> Iterator[tuple[int, ...]]:
        """What the slots may hold, up to :data:`ORDERS`; nothing where there are far more."""
        if len(self.slots) > MOST_SLOTS:
            return iter(())
        return islice((held for held in product(*self.able) if self.needed <= set(held)), ORDERS)


@dataclass(frozen=True, eq=False)
class Places:
    """A drawing cut up. ``wanted``: uint16 ``[places, pixels]``, palette indices in the drawing's own numbering.
    ``used``: what they mean. ``areas``: the places of each area, int64 ``[areas, places of one]``. ``serving``: the
    sub-palettes that can show each area."""

    sub: SubPalettes
    wanted: np.ndarray
    used: np.ndarray
    areas: np.ndarray
    serving: list[list[int]]

    def local(self, held: np.ndarray) -> np.ndarray:
        """uint16 ``[sub-palettes, values]``: what each stored value shows where the slots hold palette indices
        ``held``; a number beyond ``used`` for what the drawing lacks."""
        place = np.minimum(np.searchsorted(self.used, held), len(self.used) - 1)
        local = np.where(self.used[place] == held, place, len(self.used)).astype(np.uint16)
        return local[np.asarray(self.sub.slots)]


@dataclass(frozen=True, eq=False)
class Stored:
    """``held``: int64 ``[slots]``, palette indices. ``tiles``: uint8 ``[places, pixels]``. ``owner``: int64
    ``[places]``, the sub-palette of each. ``number``: how many different tiles there are."""

    held: np.ndarray
    tiles: np.ndarray
    owner: np.ndarray
    number: int


def store(mode: Mode, indices: np.ndarray, held: np.ndarray, serving: list[list[int]], loose: list[Loose]) -> Drawn:
    """The picture of palette ``indices [height, width]``, or the places that use tiles beyond the mode's number.

    ``held``: int64 ``[slots]``, palette indices. ``serving``: the sub-palettes that have all colours of each area, at
    least one for each. ``loose``: the sub-palettes that may change their order, all or none.
    """
    assert mode.sub_palettes is not None
    area = mode.tiles.area if mode.tiles else mode.sub_palettes.area
    found = _stored(places := _cut(mode, indices, area, serving), held)
    if mode.tiles and found.number > mode.tiles.count:
        found = _reordered(places, found, loose)
        if found.number > mode.tiles.count:
            return Drawn(clashes=(_too_many(mode, found),))
    slots = np.asarray(mode.sub_palettes.slots)[found.owner[:, None], found.tiles]
    colours = tuple(np.full((1, 1), colour, np.int64) for colour in found.held.tolist())
    return Drawn(paste(slots, mode.size, area), colours, notes=(f"{found.number} tiles",) if mode.tiles else ())


def _cut(mode: Mode, indices: np.ndarray, area: tuple[int, int], serving: list[list[int]]) -> Places:
    assert mode.sub_palettes is not None
    across, down = mode.sub_palettes.area
    used, local = np.unique(indices, return_inverse=True)
    number = np.arange(len(serving)).reshape(mode.size[1] // down, -1)
    spread = number.repeat(down // area[1], 0).repeat(across // area[0], 1).reshape(-1)
    areas = np.argsort(spread, kind="stable").reshape(len(serving), -1)
    return Places(
        mode.sub_palettes, cut_tiles(local.reshape(indices.shape), area).astype(np.uint16), used, areas, serving
    )


def _stored(places: Places, held: np.ndarray) -> Stored:
    """What the hardware stores with these colours: a tile that is there already, or else a new one."""
    tiles, owner = np.zeros(places.wanted.shape, np.uint8), np.zeros(len(places.wanted), np.int64)
    local = places.local(held)
    twice = [len(row) - len(set(row.tolist())) for row in local]
    shown: list[dict[bytes, np.ndarray]] = [{} for _ in local]
    number = 0
    # Areas that leave no choice come first, and of sub-palettes those that show no colour in two ways.
    for area in sorted(range(len(places.areas)), key=lambda a: (len(places.serving[a]), twice[places.serving[a][0]])):
        keys = {int(place): places.wanted[place].tobytes() for place in places.areas[area]}
        chosen = min(places.serving[area], key=lambda n: len({key for key in keys.values() if key not in shown[n]}))
        for place, key in keys.items():
            if key not in shown[chosen]:
                number += 1
                fresh = (places.wanted[place][:, None] == local[chosen]).argmax(1).astype(np.uint8)
                for colours, known in zip(local, shown, strict=True):
                    known.setdefault(colours[fresh].tobytes(), fresh)
            tiles[place], owner[place] = shown[chosen][key], chosen
    return Stored(held, tiles, owner, number)


def _reordered(places: Places, start: Stored, loose: list[Loose]) -> Stored:
    """Other orders of the sub-palettes, if they make fewer tiles; the one of most places comes first."""
    best = found = start
    order = [number for number, _ in Counter(start.owner.tolist()).most_common()] if loose else []
    for turn in range(ROUNDS):
        for done, number in enumerate(order):
            others = order[:done] if turn == 0 else [other for other in order if other != number]
            found = _stored(places, _matched(places, found, loose[number], number, others))
            best = found if found.number < best.number else best
    return best


def _matched(places: Places, found: Stored, loose: Loose, number: int, others: list[int]) -> np.ndarray:
    """int64 ``[slots]``: the order of a sub-palette in which most of its tiles are those of ``others``."""
    rest = np.unique(found.tiles[np.isin(found.owner, others)], axis=0)
    mine = {tile.tobytes() for tile in places.wanted[found.owner == number]}
    best, least = found.held, len(mine) + 1
    for order in loose.orders() if len(rest) else ():
        tried = found.held.copy()
        tried[list(loose.slots)] = order
        left = len(mine - {tile.tobytes() for tile in places.local(tried)[number][rest]})
        if left < least:
            best, least = tried, left
    return best


def _too_many(mode: Mode, found: Stored) -> Clash:
    """The places of the rarest tiles."""
    assert mode.tiles is not None
    _, tile, counts = np.unique(found.tiles, axis=0, return_inverse=True, return_counts=True)
    kept = np.argsort(-counts, kind="stable")[: mode.tiles.count]
    why = f"{found.number} different tiles, {mode.tiles.count} are possible; these places use the others"
    return Clash(why, places_of(mode, ~np.isin(tile.reshape(-1), kept)))
