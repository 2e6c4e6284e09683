"""The exact choice of slot colours: the error of every colour set, minimised from the smallest areas outwards.

A pixel takes the nearest of the colours that it can reach, so only the *set* of them matters: C64 multicolor has
16 x 455 choices a cell but 1,820 sets. Slots are grouped by area. For each area of the finest level the error of every
set of as many colours as a pixel can reach is computed once; the colours of the coarser slots are a subset of it. The
minimum over the supersets of each subset, summed over the areas that share the coarser slots, is the table of the next
level, and so on to the screen. The choice is then read back downwards. This is exact for nearest-colour error. Where a
mode says which colours may stand together, only such sets are tried.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, permutations
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.locks import FREE as FREE
from pixeldream.retro.mode import Level, Mode

_IMPOSSIBLE = 1e6
"""Error of a set that a slot's limits forbid; finite, so that sums stay ordered."""

BATCH = 1024
"""Supersets that are compared at once: a cell's errors of that many sets are in memory."""


class _Choice(NamedTuple):
    """One level's combinatorics, static: ``sets [c, k]`` colours; ``supersets [c_outer, m]`` indices of sets that
    contain an outer set; ``added [c_outer, m, j]`` the colours that they add."""

    sets: np.ndarray
    supersets: np.ndarray
    added: np.ndarray


@lru_cache
def _choices(groups: tuple[tuple[int, ...], ...], sizes: tuple[int, ...]) -> tuple[_Choice, ...]:
    """For each level, coarsest first, its sets and how they extend those of the level above; sets within one group."""
    result = []
    outer: list[tuple[int, ...]] = [()]
    total = 0
    for size in sizes:
        total += size
        sets = sorted({chosen for group in groups for chosen in combinations(sorted(group), total)})
        number = {chosen: index for index, chosen in enumerate(sets)}
        supersets, added = [], []
        for base in outer:
            rest = sorted({colour for group in groups if set(base) <= set(group) for colour in group} - set(base))
            extra = [more for more in combinations(rest, size) if tuple(sorted(base + more)) in number]
            supersets.append([number[tuple(sorted(base + more))] for more in extra])
            added.append(extra)
        # Bases in several groups extend in more ways than others: the same way twice does no harm.
        most = max(map(len, added))
        result.append(
            _Choice(
                np.asarray(sets),
                np.asarray([_padded(row, most) for row in supersets]),
                np.asarray([_padded(row, most) for row in added]).reshape(len(outer), -1, size),
            )
        )
        outer = sets
    return tuple(result)


def _padded(row: list, length: int) -> list:
    """``row`` with its first item repeated at the end."""
    return row + row[:1] * (length - len(row))


def _blocks(array: jax.Array, level: Level) -> jax.Array:
    """``[height, width, n] -> [pixels of an area, n, areas]``, areas row by row."""
    (width, height), (columns, rows) = level.area, level.grid
    split = array.reshape(rows, height, columns, width, -1)
    return split.transpose(1, 3, 4, 0, 2).reshape(height * width, array.shape[-1], rows * columns)


def _set_errors(distance: jax.Array, level: Level, sets: np.ndarray) -> jax.Array:
    """float32 ``[sets, areas]``: the error of each area when its pixels take the nearest colour of each set."""
    blocks = _blocks(distance, level)

    def add(number: jax.Array, total: jax.Array) -> jax.Array:
        pixel = blocks[number]
        return total + jax.tree.reduce(jnp.minimum, [pixel[sets[:, k]] for k in range(sets.shape[1])])

    start = jnp.zeros((len(sets), blocks.shape[-1]), jnp.float32)
    return jax.lax.fori_loop(0, blocks.shape[0], add, start)


def _fits(mode: Mode, level: Level, locks: jax.Array) -> jax.Array:
    """bool ``[slots of the level, colours]``: what each slot may hold."""
    allowed = np.zeros((len(level.slots), mode.colours), bool)
    for row, slot in enumerate(level.slots):
        limits = mode.slots[slot].allowed
        allowed[row, list(range(mode.colours) if limits is None else limits)] = True
    lock = locks[np.asarray(level.slots)][:, None]
    return jnp.where(lock >= 0, lock == jnp.arange(mode.colours)[None], jnp.asarray(allowed))


def _orders(added: jax.Array, fits: jax.Array) -> jax.Array:
    """bool ``[permutations, ...]`` for colours ``added [..., j]``: the orders that put each where it may stand."""
    size = added.shape[-1]
    orders = list(permutations(range(size)))
    return jnp.stack(
        [jnp.stack([fits[slot, added[..., order[slot]]] for slot in range(size)]).all(0) for order in orders]
    )


def _merge(errors: jax.Array, inner: Level, outer: Level) -> jax.Array:
    """``[sets, inner areas] -> [sets, outer areas]``: sums over the inner areas that lie in each outer one."""
    (columns, rows), (outer_columns, outer_rows) = inner.grid, outer.grid
    split = errors.reshape(-1, outer_rows, rows // outer_rows, outer_columns, columns // outer_columns)
    return split.sum((2, 4)).reshape(errors.shape[0], -1)


def choose(mode: Mode, distance: jax.Array, locks: jax.Array) -> tuple[jax.Array, ...]:
    """Each slot's colours, int32 ``[rows, columns]`` of its grid: the least summed distance, exactly.

    ``distance``: float32 ``[height, width, colours]``, of each pixel to each palette colour. ``locks``: int32
    ``[slots]``, a palette index or :data:`FREE`. Ties go to the lowest colours. Where a lock can't be kept because the
    same colour is locked in an outer slot, the caller must have refused (see ``solve.check_locks``).
    """
    groups = mode.colour_groups or (tuple(range(mode.colours)),)
    choices = _choices(groups, tuple(len(level.slots) for level in mode.levels))
    fits = [_fits(mode, level, locks) for level in mode.levels]
    tables, best = [], _set_errors(distance, mode.levels[-1], choices[-1].sets)
    for depth in range(len(mode.levels) - 1, -1, -1):
        choice, level = choices[depth], mode.levels[depth]
        penalty = jnp.where(_orders(jnp.asarray(choice.added), fits[depth]).any(0), 0.0, _IMPOSSIBLE)
        tables.append((best, penalty))
        if depth:
            errors = best

            def least(row: tuple[jax.Array, jax.Array], errors: jax.Array = errors) -> jax.Array:
                return (errors[row[0]] + row[1][:, None]).min(0)

            batch = max(1, BATCH // choice.supersets.shape[1])
            reduced = jax.lax.map(least, (jnp.asarray(choice.supersets), penalty), batch_size=batch)
            best = _merge(reduced, level, mode.levels[depth - 1])
    return _read_back(mode, choices, fits, tables[::-1])


def _read_back(
    mode: Mode, choices: tuple[_Choice, ...], fits: list[jax.Array], tables: list[tuple[jax.Array, jax.Array]]
) -> tuple[jax.Array, ...]:
    """From the screen inwards: the best set of each area, given the set of the area around it."""
    colours: dict[int, jax.Array] = {}
    outer = jnp.zeros((1, 1), jnp.int32)
    for level, choice, fit, (errors, penalty) in zip(mode.levels, choices, fits, tables, strict=True):
        columns, rows = level.grid
        outer = jnp.repeat(jnp.repeat(outer, rows // outer.shape[0], 0), columns // outer.shape[1], 1)
        flat = outer.reshape(-1)
        supersets = jnp.asarray(choice.supersets)[flat]
        found = jnp.take_along_axis(errors.T, supersets, axis=1) + penalty[flat]
        number = found.argmin(1)
        added = jnp.asarray(choice.added)[flat, number]
        order = _orders(added, fit).argmax(0)
        orders = jnp.asarray(list(permutations(range(added.shape[-1]))))[order]
        placed = jnp.take_along_axis(added, orders, axis=-1).astype(jnp.int32)
        for place, slot in enumerate(level.slots):
            colours[slot] = placed[:, place].reshape(rows, columns)
        outer = jnp.take_along_axis(supersets, number[:, None], axis=1).astype(jnp.int32).reshape(rows, columns)
    return tuple(colours[slot] for slot in range(len(mode.slots)))
