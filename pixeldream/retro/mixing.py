"""Pattern dithers: each pixel's colour as a mixture of those that it may take, one of which its place picks.

J. Yliluoma, "Arbitrary-palette positional dithering algorithm", https://bisqwit.iki.fi/story/howto/dither/jy/, which
also describes Thomas Knoll's. Plans are made anew for each pixel from the colours of its
own cell. Mixtures are made in linear light and compared in OKLab; the article compares encoded values and their luma.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.candidates import Candidates, allowed, nearest, take
from pixeldream.retro.colour import linear_to_oklab
from pixeldream.retro.dither import CONTRAST, GAIN, PatternDither, tiled

MIXED = 16
"""Of more colours than this only the nearest are mixed, by the plans that compare mixtures."""

LUMA = np.asarray([[0.2126], [0.7152], [0.0722]], np.float32)
"""Light of red, green and blue: ITU-R BT.709."""


def pattern(
    linear: jax.Array, candidates: Candidates, dither: PatternDither, amount: jax.Array | float = 1.0
) -> jax.Array:
    """int32 ``[height, width]``: the candidate of each pixel; see ``dithering.choose``.

    ``amount`` scales what the nearest colour alone would leave.
    """
    height, width, _ = linear.shape
    ranks = dither.matrix.matrix()
    first = take(candidates.linear, nearest(linear_to_oklab(linear), candidates.lab))
    possible = jnp.clip(linear, candidates.linear.min(-2), candidates.linear.max(-2))
    wanted = first + amount * (possible - first)
    picks = _plan(wanted, candidates, dither.plan, int(ranks.max()) + 1)
    light = jnp.dot(candidates.linear, LUMA, precision="highest")
    dark_first = jnp.argsort(jax.vmap(lambda pick: take(light, pick)[..., 0])(picks), axis=0)
    place = jnp.asarray(tiled(ranks, (width, height)))[None]
    return jnp.take_along_axis(picks, jnp.take_along_axis(dark_first, place, 0), 0)[0]


def _plan(wanted: jax.Array, candidates: Candidates, plan: str, count: int) -> jax.Array:
    """int32 ``[count, height, width]``: candidates whose mean is about ``wanted`` (linear light)."""
    if plan == "accumulate":
        return _accumulate(wanted, candidates, count)
    lab = linear_to_oklab(wanted)
    find = _mix if plan == "mix" else _pair
    if candidates.lab.shape[-2] <= MIXED:
        return find(wanted, lab, candidates, count)
    few = _nearest_few(lab, candidates.lab)
    chosen = Candidates(*(_gather(colours, few) for colours in candidates))
    return jnp.take_along_axis(few[None], find(wanted, lab, chosen, count)[..., None], 3)[..., 0]


def _nearest_few(lab: jax.Array, candidates: jax.Array) -> jax.Array:
    """int32 ``[height, width, MIXED]``: the nearest candidates of each pixel."""
    whole = jnp.broadcast_to(candidates, (lab.shape[0], *candidates.shape[1:]))

    def row(held: tuple[jax.Array, jax.Array]) -> jax.Array:
        distance = jnp.square(held[0][:, None] - held[1]).sum(-1)
        return jax.lax.top_k(-distance, MIXED)[1]

    # Row by row: the distances of a whole picture to 256 colours would be hundreds of megabytes.
    return jax.lax.map(row, (lab, whole))


def _gather(colours: jax.Array, few: jax.Array) -> jax.Array:
    whole = jnp.broadcast_to(colours, (*few.shape[:2], *colours.shape[2:]))
    return jnp.take_along_axis(whole, few[..., None], 2)


def _accumulate(wanted: jax.Array, candidates: Candidates, count: int) -> jax.Array:
    """Knoll's: the nearest colour again and again, each time to the wanted one and a part of the error so far."""

    def step(error: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        pick = nearest(linear_to_oklab(jnp.clip(wanted + GAIN * error, 0.0, 1.0)), candidates.lab)
        return error + wanted - take(candidates.linear, pick), pick

    return jax.lax.scan(step, jnp.zeros_like(wanted), None, length=count)[1]


def _mix(wanted: jax.Array, lab: jax.Array, candidates: Candidates, count: int) -> jax.Array:
    """Yliluoma's second: each time the colour that brings the mean nearest.

    One at a time; the article may add several, which needs fewer turns.
    """

    def step(total: jax.Array, number: jax.Array) -> tuple[jax.Array, jax.Array]:
        def compare(k: Any, held: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            mean = (total + candidates.linear[:, :, k]) / number
            distance = jnp.square(linear_to_oklab(mean) - lab).sum(-1)
            closer = (distance < held[0]) & allowed(candidates.lab[:, :, k])
            return jnp.where(closer, distance, held[0]), jnp.where(closer, k, held[1])

        best = jnp.full(wanted.shape[:2], jnp.inf, jnp.float32), jnp.zeros(wanted.shape[:2], jnp.int32)
        pick = jax.lax.fori_loop(0, candidates.lab.shape[2], compare, best)[1]
        return total + take(candidates.linear, pick), pick

    return jax.lax.scan(step, jnp.zeros_like(wanted), jnp.arange(1, count + 1, dtype=jnp.float32))[1]


def _pair(wanted: jax.Array, lab: jax.Array, candidates: Candidates, count: int) -> jax.Array:
    """Yliluoma's first: the two colours and their ratio that come nearest, far ones at a price."""
    single = nearest(lab, candidates.lab)
    number = candidates.lab.shape[2]
    cost = jnp.square(lab - take(candidates.lab, single)).sum(-1)
    if number > 1:
        pairs = jnp.asarray(list(combinations(range(number), 2)), jnp.int32)
        start = cost, single, single, jnp.zeros_like(single)

        def compare(index: Any, held: tuple) -> tuple:
            one, two = pairs[index, 0], pairs[index, 1]
            found, parts = _ratio(wanted, lab, candidates, one, two, count)
            closer = found < held[0]
            fresh = found, one, two, parts
            return tuple(jnp.where(closer, new, old) for new, old in zip(fresh, held, strict=True))

        _, single, other, parts = jax.lax.fori_loop(0, pairs.shape[0], compare, start)
    else:
        other, parts = single, jnp.zeros_like(single)
    return jnp.where(jnp.arange(count, dtype=jnp.int32)[:, None, None] < parts[None], other[None], single[None])


def _ratio(
    wanted: jax.Array, lab: jax.Array, candidates: Candidates, one: Any, two: Any, count: int
) -> tuple[jax.Array, jax.Array]:
    """float32 and int32 ``[height, width]``: what a pair costs at its best ratio, and the second's parts of
    ``count``."""
    first, second = candidates.linear[:, :, one], candidates.linear[:, :, two]
    way = second - first
    along = ((wanted - first) * way).sum(-1) / jnp.maximum(jnp.square(way).sum(-1), 1e-9)
    parts = jnp.rint(jnp.clip(along, 0.0, 1.0) * count)
    share = (parts / count)[..., None]
    mixed = linear_to_oklab(first + share * way)
    from_lab, to_lab = candidates.lab[:, :, one], candidates.lab[:, :, two]
    apart = jnp.square(from_lab - to_lab).sum(-1) * (jnp.abs(share[..., 0] - 0.5) + 0.5)
    cost = jnp.square(mixed - lab).sum(-1) + CONTRAST * apart
    return jnp.where(allowed(from_lab) & allowed(to_lab), cost, jnp.inf), parts.astype(jnp.int32)
