"""The best row of HAM6 pixels, exactly: the shortest path through the 4096 colours that a pixel can have.

The least cost of showing colour (r, g, b) at a pixel is its own error plus the least cost of any colour to the left of
it that one action leads from: the same but for red, the same but for green, the same but for blue, or any at all where
(r, g, b) is a base colour. Each is a minimum over an axis of the cube, so no pair of colours is ever looked at. Going
back, the cube is made anew along one axis only: the minima are all that is kept.

Pure jax; a state is a colour 0xRGB; costs are squared OKLab distances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pixeldream_plugins.amiga_beam import EXACT, colours

import pixeldream as pd

if TYPE_CHECKING:
    import jax

BITS = 4
SIDE = 1 << BITS
ROWS = 16
"""Rows that are searched together: their minima take 1 MB each."""

SHIFTS = {"blue": 0, "red": 8, "green": 4}
"""Where each component stands in a state, in the order of the control bits 01, 10 and 11."""


class Minima(NamedTuple):
    """The least cost over one component, ``[rows, 256]`` of the two others, and over all colours, ``[rows]``."""

    red: jax.Array
    green: jax.Array
    blue: jax.Array
    least: jax.Array


def _minima(cost: jax.Array) -> Minima:
    cube = cost.reshape(-1, SIDE, SIDE, SIDE)
    red, green, blue = (side.reshape(-1, SIDE * SIDE) for side in (cube.min(1), cube.min(2), cube.min(3)))
    return Minima(red, green, blue, blue.min(1))


def _ways(before: Minima, states: jax.Array, base: jax.Array) -> jax.Array:
    """float32 ``[4, rows, n]``: the least cost in front of ``states [rows, n]`` by each action: a base colour, then
    changes of blue, red and green. ``base [4096]``: the number of the base colour of each state, or less than 0."""
    import jax.numpy as jnp

    def look(table: jax.Array, index: jax.Array) -> jax.Array:
        return jnp.take_along_axis(table, index, 1)

    jump = jnp.where(base[states] >= 0, before.least[:, None], jnp.inf)
    blue, red = look(before.blue, states >> 4), look(before.red, states & 255)
    return jnp.stack([jump, blue, red, look(before.green, states >> 8 << 4 | states & 15)])


def _errors(target: jax.Array, first: jax.Array, states: jax.Array, base: jax.Array) -> jax.Array:
    """float32 ``[rows, n]``: the distance from ``target [rows, 3]`` to each of ``states [rows or 1, n]``.

    In the first pixel of a row only base colours and exact hits are possible: see ``amiga_beam.search``.
    """
    import jax.numpy as jnp

    lab = jnp.asarray(colours(BITS).lab)[states]
    distance = jnp.square(target[:, None] - lab).sum(-1)
    barred = first & (base[states] < 0) & (distance > EXACT)
    return jnp.where(barred, jnp.inf, distance)


def _all_ways(before: Minima, base: jax.Array) -> jax.Array:
    """float32 ``[rows, 4096]``: as the least of :func:`_ways` for every state, without looking any of them up."""
    import jax.numpy as jnp

    sides = [side.reshape(-1, SIDE, SIDE) for side in before[:3]]
    least = jnp.minimum(jnp.minimum(sides[0][:, None], sides[1][:, :, None]), sides[2][..., None])
    return jnp.where(base[None] >= 0, before.least[:, None], least.reshape(-1, SIDE**3))


def _back(before: Minima, states: jax.Array, base: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The pixel value that leads to each of ``states [rows]``, and the 16 states ``[rows, 16]`` one of which it comes
    from."""
    import jax.numpy as jnp

    action = _ways(before, states[:, None], base)[:, :, 0].argmin(0)
    axis = jnp.arange(SIDE, dtype=jnp.int32)[None]
    lines = [jnp.where(action == 0, before.blue.argmin(1).astype(jnp.int32) << 4, states)[:, None] & 0xFF0 | axis]
    lines += [states[:, None] & 0x0FF | axis << 8, states[:, None] & 0xF0F | axis << 4]
    line = jnp.stack(lines)[jnp.maximum(action - 1, 0), jnp.arange(states.shape[0])]
    shift = jnp.asarray([0, *SHIFTS.values()], jnp.int32)[action]
    value = jnp.where(action == 0, base[states], action.astype(jnp.int32) << BITS | states >> shift & 15)
    return value, line


def _rows(target: jax.Array, colour_of: jax.Array, start: jax.Array) -> jax.Array:
    """int32 ``[width, rows]``: pixel values for ``target`` (OKLab ``[width, rows, 3]``)."""
    import jax
    import jax.numpy as jnp

    every = jnp.arange(SIDE**3, dtype=jnp.int32)[None]
    first = jnp.arange(target.shape[0]) == 0

    def forth(before: Minima, pixel: tuple) -> tuple[Minima, Minima]:
        here, begins = pixel
        cost = _errors(here, begins, every, colour_of) + _all_ways(before, colour_of)
        return _minima(cost), before

    def back(states: jax.Array, pixel: tuple) -> tuple[jax.Array, jax.Array]:
        here, left, left_target, left_first = pixel
        value, line = _back(here, states, colour_of)
        cost = _errors(left_target, left_first, line, colour_of) + _ways(left, line, colour_of).min(0)
        return jnp.take_along_axis(line, cost.argmin(1)[:, None], 1)[:, 0], value

    nowhere = jnp.where(every == start, 0.0, jnp.inf) * jnp.ones((target.shape[1], 1), jnp.float32)
    _, tables = jax.lax.scan(forth, _minima(nowhere), (target, first))
    left = jax.tree.map(lambda array: jnp.concatenate([array[:1], array[:-1]]), (tables, target, first))
    before_last = jax.tree.map(lambda table: table[-1], tables)
    cost = _errors(target[-1], first[-1], every, colour_of) + _all_ways(before_last, colour_of)
    best = cost.argmin(1).astype(jnp.int32)
    _, values = jax.lax.scan(back, best, (tables, *left), reverse=True)
    return values


def shortest(image: jax.Array, base: jax.Array) -> jax.Array:
    """int32 ``[height, width]``: the HAM6 pixel values that leave the least summed squared OKLab distance to ``image``
    (sRGB ``[height, width, 3]``) with the ``base`` colours, int32 ``[n]`` states."""
    import jax
    import jax.numpy as jnp

    number = jnp.arange(base.shape[0], dtype=jnp.int32)
    colour_of = jnp.full(SIDE**3, base.shape[0], jnp.int32).at[base].min(number)
    colour_of = jnp.where(colour_of == base.shape[0], -1, colour_of)
    height, width, _ = image.shape
    lab = jnp.pad(pd.srgb_to_oklab(image), ((0, -height % ROWS), (0, 0), (0, 0)))
    batches = lab.reshape(-1, ROWS, width, 3).transpose(0, 2, 1, 3)
    values = jax.lax.map(lambda rows: _rows(rows, colour_of, base[0]), batches)
    return values.transpose(0, 2, 1).reshape(-1, width)[:height]
