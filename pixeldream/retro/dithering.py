"""Dithers applied: the two ways from an image and the colours that each pixel may take to a choice.

Images are float32 ``[height, width, 3]`` in [0, 1]. Patterns are indexed from the top left of the screen, so that equal
neighbouring cells get the same pattern.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.colour import linear_to_oklab
from pixeldream.retro.dither import Diffusion, Ordered

UNROLLED = 32
"""Candidates that are compared in a row of instructions; more than that in a loop, which compiles sooner."""


class Candidates(NamedTuple):
    """The colours that each pixel may take: OKLab and linear light, ``[height or 1, width or 1, k, 3]``."""

    lab: jax.Array
    linear: jax.Array


def nearest(lab: jax.Array, candidates: jax.Array) -> jax.Array:
    """int32 ``[...]``: which of the candidates ``[..., k, 3]`` is nearest to ``lab [..., 3]``; the lowest on a tie."""
    # One candidate after the other: the [..., k, 3] difference is never stored.
    best = jnp.full(jnp.broadcast_shapes(lab.shape[:-1], candidates.shape[:-2]), jnp.inf, jnp.float32)
    index = jnp.zeros(best.shape, jnp.int32)

    def compare(k: Any, held: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        distance = jnp.square(lab - candidates[..., k, :]).sum(-1)
        return jnp.minimum(held[0], distance), jnp.where(distance < held[0], k, held[1])

    if candidates.shape[-2] > UNROLLED:
        return jax.lax.fori_loop(0, candidates.shape[-2], compare, (best, index))[1]
    for k in range(candidates.shape[-2]):
        best, index = compare(k, (best, index))
    return index


def spread(palette_srgb: jax.Array) -> jax.Array:
    """How far apart the colours ``[n, 3]`` are: the mean distance to the nearest other colour, per component. Colours
    beyond white may not be seen (see ``limit``), and count nothing."""
    squared = jnp.square(palette_srgb[:, None] - palette_srgb[None]).sum(-1)
    seen = (palette_srgb <= 1.5).all(-1)
    other = jnp.where((squared > 1e-9) & seen[None], squared, jnp.inf).min(1)
    distances = jnp.sqrt(jnp.where(seen & jnp.isfinite(other), other, 0.0))
    return distances.sum() / jnp.maximum(seen.sum().astype(jnp.float32), 1.0) / np.sqrt(3.0)


def bias(dither: Ordered, size: tuple[int, int]) -> jax.Array:
    """float32 ``[height, width, 1]``: the thresholds repeated over ``size`` (width, height)."""
    thresholds = dither.thresholds()
    down, across = -(-size[1] // thresholds.shape[0]), -(-size[0] // thresholds.shape[1])
    return jnp.asarray(np.tile(thresholds, (down, across))[: size[1], : size[0], None])


def _skewed(array: jax.Array, skew: int, height: int, width: int) -> jax.Array:
    """``[height, width, ...]`` to ``[steps, height, ...]``: at step t row y stands at column t - skew * y."""
    steps = width + skew * (height - 1)
    columns = np.arange(steps)[:, None] - skew * np.arange(height)[None]
    rows = np.broadcast_to(np.arange(height), columns.shape)
    return array[rows, np.clip(columns, 0, width - 1)]


def diffuse(linear: jax.Array, candidates: Candidates, dither: Diffusion, amount: jax.Array | float = 1.0) -> jax.Array:
    """int32 ``[height, width]``: the candidate of each pixel after error diffusion in linear light.

    Rows run in parallel, each ``skew`` pixels behind the one above: ``width + skew * height`` steps of a scan instead
    of ``width * height``, with the result of the sequential definition. Choices are made in OKLab.
    """
    height, width, _ = linear.shape
    skew = dither.skew
    per_pixel = candidates.lab.shape[0] > 1
    reach = max(right + skew * down for right, down, _ in dither.taps)
    inside = np.arange(width + skew * (height - 1))[:, None] - skew * np.arange(height)[None]
    valid = jnp.asarray((inside >= 0) & (inside < width))

    def step(errors: jax.Array, row: tuple) -> tuple[jax.Array, jax.Array]:
        # errors[d] are those of d + 1 steps ago, one a row.
        value, live, *own = row
        lab, colours = own or shared
        for right, down, weight in dither.taps:
            past = errors[right + skew * down - 1]
            moved = jnp.pad(past, ((down, 0), (0, 0)))[:height]
            value = value + moved * (weight / dither.divisor)
        choice = nearest(linear_to_oklab(jnp.clip(value, 0.0, 1.0)), lab)
        shown = jnp.take_along_axis(colours, choice[:, None, None], axis=-2)[:, 0] if own else colours[0][choice]
        # A cell that lacks a colour must not smear what it can't show over the next: a pixel's debt stays within the
        # box of the colours in its reach.
        bounded = jnp.clip(value, colours.min(-2), colours.max(-2))
        error = (bounded - shown) * amount * live[:, None].astype(jnp.float32)
        return jnp.concatenate([error[None], errors[:-1]]), choice

    def spread_out(array: jax.Array) -> jax.Array:
        return _skewed(jnp.broadcast_to(array, (height, width, *array.shape[-2:])), skew, height, width)

    start = jnp.zeros((reach, height, 3), jnp.float32)
    rows: tuple[jax.Array, ...] = (_skewed(linear, skew, height, width), valid)
    # Colours that all pixels share are not repeated for each of them: 256 of them would be a gigabyte.
    shared = candidates.lab[0], candidates.linear[0]
    if per_pixel:
        rows += (spread_out(candidates.lab), spread_out(candidates.linear))
    _, choices = jax.lax.scan(step, start, rows)
    columns = np.arange(width)[None] + skew * np.arange(height)[:, None]
    return choices[columns, np.arange(height)[:, None]]
