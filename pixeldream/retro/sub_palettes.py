"""Sub-palettes: which colours each holds, and which of them each area shows.

The NES, the Game Boy Color and the Master System show pictures in areas that choose one of a few sub-palettes. That is
k-means whose points are areas and whose centres are palettes, with colours that some centres share. Each area's own
best palette is found first; the areas whose palettes serve all the others best start the search (a facility location
problem, solved greedily); then areas choose their sub-palette and slots their colour in turn. Neither can raise the
error. Colours are chosen from a table of distances and so exist on the machine; of a gamut, which is too large for one,
from a first palette for the whole picture. Squared OKLab distances throughout.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro import gamut
from pixeldream.retro.colour import srgb_to_oklab
from pixeldream.retro.locks import FREE
from pixeldream.retro.mode import Mode, SubPalettes, cut_tiles

ROUNDS = 6
"""Times that areas and slots choose anew in a fresh search; the error falls by less than a hundredth afterwards."""

FOLLOW_ROUNDS = 2
"""The same for an image that moved a little."""

STARTS = 3
"""Colours that are tried as the one that sub-palettes share, the most frequent first."""

CANDIDATES = 64
"""Colours of a gamut that slots choose from."""

_IMPOSSIBLE = 1e6
"""Error of a colour that a slot can't hold; finite, so that sums stay ordered."""


class _Table(NamedTuple):
    """``cost [areas, pixels, candidates]``: squared distance of each pixel to each candidate colour. ``fits [slots,
    candidates]``: 0 where a slot may hold it. ``indices [candidates]``: what the candidates are called."""

    cost: jax.Array
    fits: jax.Array
    indices: jax.Array


def choose(mode: Mode, image: jax.Array, palette: jax.Array, locks: jax.Array) -> tuple[jax.Array, ...]:
    """Each slot's colour, int32 ``[1, 1]``, for ``image`` (sRGB ``[height, width, 3]``)."""
    sub, table = _sub(mode), _table(mode, image, palette, locks)
    places = np.asarray(sub.slots)
    common = jnp.zeros(table.cost.shape[-1], jnp.float32).at[table.cost.argmin(-1).reshape(-1)].add(1.0)

    def attempt(shared: jax.Array) -> tuple[jax.Array, jax.Array]:
        return _search(sub, table, _start(sub, table, shared), ROUNDS)

    # Where nothing is shared every start is the same.
    starts = STARTS if len(np.unique(places)) < places.size else 1
    colours, errors = jax.lax.map(attempt, jax.lax.top_k(common, starts)[1].astype(jnp.int32))
    return _slots(_in_order(mode, table.indices[colours[errors.argmin()]], palette, locks))


def refine(
    mode: Mode, image: jax.Array, palette: jax.Array, locks: jax.Array, colours: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """As :func:`choose` for an image that moved a little since ``colours`` were chosen."""
    held = _flat(colours)
    table = _table(mode, image, palette, locks, held)
    start = (table.indices[None] == held[:, None]).argmax(1).astype(jnp.int32)
    return _slots(table.indices[_search(_sub(mode), table, start, FOLLOW_ROUNDS)[0]])


def shown(mode: Mode, colours: tuple[jax.Array, ...], palette: jax.Array) -> jax.Array:
    """sRGB ``[slots, 3]``."""
    return _decoded(mode, _flat(colours), palette)


def distances(mode: Mode, image: jax.Array, palette: jax.Array, colours: tuple[jax.Array, ...]) -> jax.Array:
    """float32 ``[height, width, slots]``: of each pixel of ``image`` (sRGB) to each slot's colour."""
    lab = srgb_to_oklab(shown(mode, colours, palette))
    return jnp.square(srgb_to_oklab(image)[:, :, None] - lab[None, None]).sum(-1)


def owners(
    mode: Mode,
    image: jax.Array,
    palette: jax.Array,
    colours: tuple[jax.Array, ...],
    pixels: jax.Array | None = None,
) -> jax.Array:
    """int32 ``[areas]``: the sub-palette that is best for each area, areas row by row; of those that have all the slots
    that ``pixels [height, width]`` use there, where they are given."""
    sub = _sub(mode)
    distance = distances(mode, image, palette, colours)
    error = _by_areas(mode, distance)[..., np.asarray(sub.slots)].min(-1).sum(1)
    if pixels is not None:
        fits = jnp.asarray(sub.members())[:, cut_tiles(pixels, sub.area)].all(-1)
        error = jnp.where(fits.T, error, _IMPOSSIBLE)
    return error.argmin(-1).astype(jnp.int32)


def members(mode: Mode, owner: jax.Array) -> jax.Array:
    """int32 ``[height, width, k]``: the slots that each pixel may use, ``owner [areas]`` being each area's
    sub-palette."""
    sub = _sub(mode)
    (width, height), (across, down) = mode.size, sub.area
    grid = jnp.asarray(sub.slots, jnp.int32)[owner].reshape(height // down, width // across, -1)
    return jnp.repeat(jnp.repeat(grid, down, 0), across, 1)


def _sub(mode: Mode) -> SubPalettes:
    assert mode.sub_palettes is not None
    return mode.sub_palettes


def _flat(colours: tuple[jax.Array, ...]) -> jax.Array:
    return jnp.stack([held[0, 0] for held in colours]).astype(jnp.int32)


def _slots(colours: jax.Array) -> tuple[jax.Array, ...]:
    return tuple(colours[slot].astype(jnp.int32).reshape(1, 1) for slot in range(colours.shape[0]))


def _decoded(mode: Mode, indices: jax.Array, palette: jax.Array) -> jax.Array:
    return gamut.decode(mode.gamut, indices) if mode.gamut else palette[indices]


def _table(mode: Mode, image: jax.Array, palette: jax.Array, locks: jax.Array, held: jax.Array | None = None) -> _Table:
    if mode.gamut:
        free = jnp.full((CANDIDATES,), FREE, jnp.int32)
        found = [gamut.choose(mode.gamut, image, CANDIDATES, free), jnp.maximum(locks, 0)]
        indices = jnp.concatenate(found if held is None else [*found, held])
    else:
        indices = jnp.arange(palette.shape[0], dtype=jnp.int32)
    allowed = np.ones((len(mode.slots), mode.gamut.count if mode.gamut else mode.colours), bool)
    for number, slot in enumerate(mode.slots):
        if slot.allowed is not None:
            allowed[number] = np.isin(np.arange(allowed.shape[1]), slot.allowed)
    able = jnp.where((locks == FREE)[:, None], jnp.asarray(allowed)[:, indices], locks[:, None] == indices[None])
    lab = srgb_to_oklab(_decoded(mode, indices, palette))
    distance = jnp.square(srgb_to_oklab(image)[:, :, None] - lab[None, None]).sum(-1)
    return _Table(_by_areas(mode, distance), jnp.where(able, 0.0, _IMPOSSIBLE), indices)


def _by_areas(mode: Mode, distance: jax.Array) -> jax.Array:
    """``[height, width, n] -> [areas, pixels of an area, n]``, areas row by row."""
    (width, height), (across, down) = mode.size, _sub(mode).area
    split = distance.reshape(height // down, down, width // across, across, -1)
    return split.transpose(0, 2, 1, 3, 4).reshape(-1, down * across, distance.shape[-1])


def _others(cost: jax.Array, colours: jax.Array, place: int) -> jax.Array:
    """float32 ``[areas, pixels]``: the least cost of ``colours [areas, k]`` without the one at ``place``."""
    rest = [
        jnp.take_along_axis(cost, colours[:, None, other : other + 1], -1)[..., 0]
        for other in range(colours.shape[1])
        if other != place
    ]
    return jax.tree.reduce(jnp.minimum, rest, jnp.full(cost.shape[:2], jnp.inf, jnp.float32))


def _gain(cost: jax.Array, rest: jax.Array) -> jax.Array:
    """float32 ``[areas, candidates]``: each area's error were a candidate added to ``rest``."""
    return jnp.minimum(cost, rest[..., None]).sum(1)


def _start(sub: SubPalettes, table: _Table, shared: jax.Array) -> jax.Array:
    """int32 ``[slots]`` to start from; slots of several sub-palettes hold candidate ``shared`` where they may."""
    places = np.asarray(sub.slots)
    times = np.bincount(places.reshape(-1))
    shared = jnp.where(table.fits[:, shared] == 0.0, shared, table.fits.argmin(1).astype(jnp.int32))
    solo = _solo(sub, table, shared, times)
    palette, place = np.zeros_like(times), sub.places()
    palette[places] = np.arange(len(places))[:, None]
    wanted = solo[_serving(table.cost, solo, len(places))[palette], place]
    fits = jnp.take_along_axis(table.fits, wanted[:, None], 1)[:, 0] == 0.0
    return jnp.where((times == 1) & fits, wanted, shared)


def _solo(sub: SubPalettes, table: _Table, shared: jax.Array, times: np.ndarray) -> jax.Array:
    """int32 ``[areas, k]``: the palette that each area would like to have, found slot by slot and then once more."""
    first = np.asarray(sub.slots)[0]
    own = [place for place, slot in enumerate(first) if times[slot] == 1]
    colours = jnp.broadcast_to(shared[first][None], (table.cost.shape[0], len(first)))
    rest = jax.tree.reduce(
        jnp.minimum,
        [table.cost[..., shared[slot]] for slot in first if times[slot] > 1],
        jnp.full(table.cost.shape[:2], 4.0, jnp.float32),
    )
    for place in own:
        best = _gain(table.cost, rest).argmin(-1).astype(jnp.int32)
        colours = colours.at[:, place].set(best)
        rest = jnp.minimum(rest, jnp.take_along_axis(table.cost, best[:, None, None], -1)[..., 0])
    for place in own * 2:
        best = _gain(table.cost, _others(table.cost, colours, place)).argmin(-1)
        colours = colours.at[:, place].set(best.astype(jnp.int32))
    return colours


def _serving(cost: jax.Array, solo: jax.Array, count: int) -> jax.Array:
    """int32 ``[count]``: the areas whose palettes ``solo [areas, k]`` serve all areas best, chosen one by one."""

    def everywhere(palette: jax.Array) -> jax.Array:
        return jax.tree.reduce(jnp.minimum, [cost[..., palette[k]] for k in range(palette.shape[0])]).sum(1)

    error = jax.lax.map(everywhere, solo).T

    def pick(number: jax.Array, held: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        chosen, left = held
        best = jnp.minimum(left[:, None], error).sum(0).argmin().astype(jnp.int32)
        return chosen.at[number].set(best), jnp.minimum(left, error[:, best])

    start = jnp.zeros(count, jnp.int32), jnp.full(cost.shape[0], jnp.inf, jnp.float32)
    return jax.lax.fori_loop(0, count, pick, start)[0]


def _search(sub: SubPalettes, table: _Table, colours: jax.Array, rounds: int) -> tuple[jax.Array, jax.Array]:
    """int32 ``[slots]`` after that many rounds, and the error that they leave."""
    places = jnp.asarray(sub.slots, jnp.int32)
    number = colours.shape[0]

    def owned(colours: jax.Array) -> tuple[jax.Array, jax.Array]:
        error = table.cost[..., colours[places]].min(-1).sum(1)
        return error.argmin(-1), error.min(-1).sum()

    def step(_: Any, colours: jax.Array) -> jax.Array:
        owner, _ = owned(colours)
        for place in range(places.shape[1]):
            slot = places[owner, place]
            gain = _gain(table.cost, _others(table.cost, colours[places[owner]], place))
            total = jax.ops.segment_sum(gain, slot, number) + table.fits
            used = jax.ops.segment_sum(jnp.ones_like(slot), slot, number) > 0
            colours = jnp.where(used, total.argmin(-1).astype(jnp.int32), colours)
        return colours

    colours = jax.lax.fori_loop(0, rounds, step, colours)
    return colours, owned(colours)[1]


def _in_order(mode: Mode, colours: jax.Array, palette: jax.Array, locks: jax.Array) -> jax.Array:
    """``colours [slots]`` with the free ones of each sub-palette from dark to light: tiles that look alike in different
    sub-palettes become the same tile."""
    slots = np.asarray(_sub(mode).slots)
    own = np.bincount(slots.reshape(-1)) == 1
    lightness = srgb_to_oklab(_decoded(mode, colours, palette))[:, 0]
    for members in slots:
        free = members[own[members]]
        if len({mode.slots[slot].allowed for slot in free}) == 1:
            loose = locks[free] == FREE
            order = jnp.argsort(jnp.where(loose, lightness[free], jnp.inf))
            rank = jnp.cumsum(loose.astype(jnp.int32)) - 1
            colours = colours.at[free].set(jnp.where(loose, colours[free][order][rank], colours[free]))
    return colours
