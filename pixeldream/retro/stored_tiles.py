"""Tiles of sub-palettes: what is equal is what the hardware stores, so that one tile serves places of other colours.

A place keeps the sub-palette of its area. Few tiles are shared by many places that are dithered each in its own way:
least error by pixels would fill them with whatever most have and lose their tones. So a tile is judged from three
distances, pixel by pixel, by quarters and as a whole; and the tiles that are kept (a greedy choice, as in ``tiles``)
are ones of the picture, unchanged. Squared OKLab distances throughout.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro import sub_palettes
from pixeldream.retro.colour import srgb_to_oklab
from pixeldream.retro.mode import Mode, cut_tiles
from pixeldream.retro.tiles import greedy, paste

FAR = 13.0
"""How much the means of quarters and of the whole count, each against the pixels: of the ratios 0, 4, 13 and 40 the one
that leaves photographs the least error seen from afar."""


def merge(
    mode: Mode, target: jax.Array, palette: jax.Array, pixels: jax.Array, colours: tuple[jax.Array, ...]
) -> jax.Array:
    """Pixels int32 ``[height, width]`` of no more tiles than the mode has; ``target`` and ``pixels`` as for
    ``tiles.merge``."""
    assert mode.tiles is not None
    assert mode.sub_palettes is not None
    area = mode.tiles.area
    owner = sub_palettes.owners(mode, target, palette, colours, pixels)
    slots = sub_palettes.members(mode, owner)
    stored = jnp.asarray(mode.sub_palettes.places(), jnp.int32)[pixels]
    candidates = cut_tiles(stored, area)
    cost = _costs(mode, target, palette, colours, owner, slots, candidates)
    kept = greedy(cost, min(mode.tiles.count, len(candidates)))
    place = cost[:, kept].argmin(1)
    values = paste(candidates[kept][place], mode.size, area)
    return jnp.take_along_axis(slots, values[..., None], 2)[..., 0]


def _costs(
    mode: Mode,
    target: jax.Array,
    palette: jax.Array,
    colours: tuple[jax.Array, ...],
    owner: jax.Array,
    slots: jax.Array,
    tiles: jax.Array,
) -> jax.Array:
    """float32 ``[places, tiles]``: what each of ``tiles [tiles, pixels]`` costs at each place."""
    assert mode.tiles is not None
    assert mode.sub_palettes is not None
    area, members = mode.tiles.area, np.asarray(mode.sub_palettes.slots)
    distance = jnp.take_along_axis(sub_palettes.distances(mode, target, palette, colours), slots, 2)
    near = jnp.stack([cut_tiles(distance[..., value], area) for value in range(members.shape[1])], -1)
    picked = jax.nn.one_hot(tiles, members.shape[1], dtype=jnp.float32)
    cost = _product(near.reshape(len(near), -1), picked.reshape(len(tiles), -1))
    lab = srgb_to_oklab(target)
    wanted = _means(jnp.stack([cut_tiles(lab[..., part], area) for part in range(3)], -1), area)
    shares, lightness = _means(picked, area), srgb_to_oklab(sub_palettes.shown(mode, colours, palette))
    across, down = (mode.sub_palettes.area[axis] // area[axis] for axis in (0, 1))
    width = mode.size[0] // mode.sub_palettes.area[0]
    here = jnp.repeat(jnp.repeat(owner.reshape(-1, width), down, 0), across, 1).reshape(-1)
    for number, slot in enumerate(members):
        held = jnp.einsum("tpv,vc->tpc", shares, lightness[slot], precision="highest")
        cost = cost + jnp.where((here == number)[:, None], FAR * _squared(wanted, held), 0.0)
    return cost


def _means(tiles: jax.Array, area: tuple[int, int]) -> jax.Array:
    """``[tiles, pixels, n] -> [tiles, parts, n]``: the mean of each quarter and of the whole, the quarters weighted so
    that both count as much as all the pixels of a tile."""
    (across, down), count = area, tiles.shape[-1]
    halves = tuple(2 if side % 2 == 0 else 1 for side in (down, across))
    split = tiles.reshape(-1, halves[0], down // halves[0], halves[1], across // halves[1], count)
    quarters = split.mean((2, 4)).reshape(len(tiles), -1, count)
    weights = np.sqrt([across * down / quarters.shape[1], across * down]).astype(np.float32)
    return jnp.concatenate([quarters * weights[0], quarters.mean(1, keepdims=True) * weights[1]], 1)


def _product(rows: jax.Array, columns: jax.Array) -> jax.Array:
    return jnp.dot(rows, columns.T, precision="highest")


def _squared(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """float32 ``[rows, columns]``: squared distances of ``[rows, parts, n]`` to ``[columns, parts, n]``."""
    a, b = rows.reshape(len(rows), -1), columns.reshape(len(columns), -1)
    lengths = jnp.square(a).sum(1)[:, None] + jnp.square(b).sum(1)[None]
    return jnp.maximum(lengths - 2 * _product(a, b), 0.0)
