"""Character sets: a picture of many tiles put together from a few, merged by least error.

Which tiles to keep is a facility location problem: a greedy start (each step takes the tile that lowers the summed
error most), then Lloyd's alternation: every place takes the tile that costs it least, every tile takes the pixels that
cost its places least. Neither step can raise the error. A place may take another colour of its own with another tile,
so a tile counts as equal where it only looks equal. Squared OKLab distances throughout.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.colour import srgb_to_oklab
from pixeldream.retro.locks import FREE
from pixeldream.retro.mode import Mode, cut_tiles, own_slot

ROUNDS = 6
"""Steps of Lloyd's alternation; the error falls by less than a hundredth afterwards."""

_IMPOSSIBLE = 1e6
"""Error of a colour that a place can't take; finite, so that sums stay ordered."""


class _Costs(NamedTuple):
    """``shared [places, pixels, values]``: what each value costs each pixel of a place, ``own`` left at 0.
    ``mine [places, pixels, colours]``: what the place's own colour costs, were it that one. ``fits [places, colours]``:
    0 where the place may hold the colour."""

    shared: jax.Array
    mine: jax.Array
    fits: jax.Array


def merge(
    mode: Mode,
    target: jax.Array,
    palette: jax.Array,
    pixels: jax.Array,
    colours: tuple[jax.Array, ...],
    locks: jax.Array | None = None,
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Pixels int32 ``[height, width]`` of no more tiles than the mode has, and the slots' colours.

    ``target``: sRGB ``[height, width, 3]`` to be near to. ``pixels``: the choice without a limit, from which the tiles
    are taken. ``locks``: int32 ``[slots]``; without it every place keeps its own colour.
    """
    assert mode.tiles is not None
    own, area = own_slot(mode), mode.tiles.area
    costs = _costs(mode, own, target, palette, colours, locks)
    candidates = cut_tiles(pixels, area)
    values = len(mode.slots)
    cost, _ = _each(costs, candidates, own, values)
    tiles = candidates[greedy(cost, min(mode.tiles.count, len(candidates)))]

    def improve(_: int, tiles: jax.Array) -> jax.Array:
        return _update(costs, tiles, own, *_take(costs, tiles, own, values))

    tiles = jax.lax.fori_loop(0, ROUNDS, improve, tiles)
    place, colour = _take(costs, tiles, own, values)
    chosen = tuple(
        colour.reshape(held.shape).astype(held.dtype) if slot == own else held for slot, held in enumerate(colours)
    )
    return paste(tiles[place], mode.size, area), chosen


def _costs(
    mode: Mode, own: int, target: jax.Array, palette: jax.Array, colours: tuple[jax.Array, ...], locks: jax.Array | None
) -> _Costs:
    assert mode.tiles is not None
    distance = jnp.square(srgb_to_oklab(target)[:, :, None] - srgb_to_oklab(palette)[None, None]).sum(-1)
    every = jnp.stack([cut_tiles(distance[..., colour], mode.tiles.area) for colour in range(palette.shape[0])], -1)
    held = [every[..., colours[slot][0, 0]] for slot in range(len(mode.slots)) if slot != own]
    held.insert(own, jnp.zeros_like(every[..., 0]))
    allowed = mode.slots[own].allowed
    able = np.isin(np.arange(palette.shape[0]), np.arange(palette.shape[0]) if allowed is None else np.asarray(allowed))
    wanted = colours[own].reshape(-1) if locks is None else jnp.broadcast_to(locks[own], (every.shape[0],))
    same = wanted[:, None] == jnp.arange(palette.shape[0], dtype=wanted.dtype)[None]
    fits = jnp.where((wanted == FREE)[:, None], jnp.asarray(able)[None], same)
    return _Costs(jnp.stack(held, -1), every, jnp.where(fits, 0.0, _IMPOSSIBLE))


def _each(costs: _Costs, tiles: jax.Array, own: int, values: int) -> tuple[jax.Array, jax.Array]:
    """What each tile costs at each place, float32 ``[places, tiles]``, and the own colour that is best there."""
    places = costs.shared.shape[0]
    picked = jax.nn.one_hot(tiles, values, dtype=jnp.float32).reshape(len(tiles), -1)
    shared = jnp.dot(costs.shared.reshape(places, -1), picked.T, precision="highest")
    mask = (tiles == own).astype(jnp.float32)
    best = jnp.full(shared.shape, jnp.inf, jnp.float32)
    colour = jnp.zeros(shared.shape, jnp.int32)

    def compare(number: jax.Array, held: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        error = jnp.dot(costs.mine[:, :, number], mask.T, precision="highest") + costs.fits[:, number][:, None]
        return jnp.minimum(held[0], error), jnp.where(error < held[0], number, held[1])

    best, colour = jax.lax.fori_loop(0, costs.mine.shape[-1], compare, (best, colour))
    return shared + best, colour


def greedy(cost: jax.Array, count: int) -> jax.Array:
    """int32 ``[count]``: tiles, each the one that lowers the summed error of all places most."""

    def pick(number: jax.Array, held: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        chosen, error = held
        best = jnp.maximum(error[:, None] - cost, 0.0).sum(0).argmax().astype(jnp.int32)
        return chosen.at[number].set(best), jnp.minimum(error, cost[:, best])

    return jax.lax.fori_loop(0, count, pick, (jnp.zeros(count, jnp.int32), cost.max(1)))[0]


def _take(costs: _Costs, tiles: jax.Array, own: int, values: int) -> tuple[jax.Array, jax.Array]:
    """Each place's tile and own colour, int32 ``[places]``."""
    cost, colour = _each(costs, tiles, own, values)
    place = cost.argmin(1).astype(jnp.int32)
    return place, jnp.take_along_axis(colour, place[:, None], axis=1)[:, 0]


def _update(costs: _Costs, tiles: jax.Array, own: int, place: jax.Array, colour: jax.Array) -> jax.Array:
    """Each tile with the values that cost its places least; a tile that no place took stays as it is."""
    mine = jnp.take_along_axis(costs.mine, colour[:, None, None], axis=2)[..., 0]
    error = jax.ops.segment_sum(costs.shared.at[:, :, own].set(mine), place, len(tiles))
    used = jax.ops.segment_sum(jnp.ones_like(place), place, len(tiles)) > 0
    # A value that costs no more than the one before keeps its place: equal colours must not swap for ever.
    before = jnp.take_along_axis(error, tiles[..., None], axis=2)[..., 0]
    better = error.min(-1) < before
    return jnp.where(used[:, None] & better, error.argmin(-1).astype(tiles.dtype), tiles)


def paste(tiles: jax.Array, size: tuple[int, int], area: tuple[int, int]) -> jax.Array:
    """The inverse of ``cut_tiles``."""
    (width, height), (across, down) = size, area
    split = tiles.reshape(height // down, width // across, down, across)
    return split.transpose(0, 2, 1, 3).reshape(height, width)
