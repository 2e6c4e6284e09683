"""Dithers applied: the ways from an image and the colours that each pixel may take to a choice.

Images are float32 ``[height, width, 3]`` in [0, 1]. Patterns are indexed from the top left of the screen, so that equal
neighbouring cells get the same pattern.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro import curve, mixing
from pixeldream.retro.candidates import SAME, Candidates, allowed, debt, take
from pixeldream.retro.candidates import nearest as nearest
from pixeldream.retro.colour import linear_to_oklab
from pixeldream.retro.dither import CurveDiffusion, Diffusion, Dither, Ordered, PatternDither, VariableDiffusion, tiled
from pixeldream.retro.palette import UNSEEN


def spacing(colours: jax.Array) -> jax.Array:
    """``[..., n]``: how far each of the sRGB colours ``[..., n, 3]`` is from the nearest other, per component; 0 where
    there is no other. Colours that may not be seen count nothing."""
    seen = (colours < UNSEEN).all(-1)
    squared = jnp.square(colours[..., :, None, :] - colours[..., None, :, :]).sum(-1)
    other = jnp.where((squared > SAME) & seen[..., None, :], squared, jnp.inf).min(-1)
    return jnp.sqrt(jnp.where(seen & jnp.isfinite(other), other, 0.0) / 3.0)


def mean_spacing(colours: jax.Array) -> jax.Array:
    """The mean of :func:`spacing` over the colours ``[n, 3]`` that may be seen."""
    seen = (colours < UNSEEN).all(-1).astype(jnp.float32)
    return spacing(colours).sum() / jnp.maximum(seen.sum(), 1.0)


def bias(dither: Ordered, size: tuple[int, int]) -> jax.Array:
    """float32 ``[height, width, 1]``: the thresholds repeated over ``size`` (width, height)."""
    return jnp.asarray(tiled(dither.thresholds(), size)[..., None])


def choose(linear: jax.Array, candidates: Candidates, dither: Dither, amount: jax.Array | float = 1.0) -> jax.Array:
    """int32 ``[height, width]``: the candidate of each pixel, with a dither of any kind but ``Ordered``.

    ``linear``: linear light. Mixtures are made in linear light, choices in OKLab.
    """
    if isinstance(dither, PatternDither):
        return mixing.pattern(linear, candidates, dither, amount)
    if isinstance(dither, CurveDiffusion):
        return curve.follow(linear, candidates, dither, amount)
    assert not isinstance(dither, Ordered)
    return diffuse(linear, candidates, dither, amount)


def _skewed(array: jax.Array, skew: int, height: int, width: int) -> jax.Array:
    """``[height, width, ...]`` to ``[steps, height, ...]``: at step t row y stands at column t - skew * y."""
    steps = width + skew * (height - 1)
    columns = np.arange(steps)[:, None] - skew * np.arange(height)[None]
    rows = np.broadcast_to(np.arange(height), columns.shape)
    return array[rows, np.clip(columns, 0, width - 1)]


def diffuse(
    linear: jax.Array,
    candidates: Candidates,
    dither: Diffusion | VariableDiffusion,
    amount: jax.Array | float = 1.0,
) -> jax.Array:
    """int32 ``[height, width]``: the candidate of each pixel after error diffusion in linear light.

    Rows run in parallel, each ``skew`` pixels behind the one above: ``width + skew * height`` steps of a scan instead
    of ``width * height``, with the result of the sequential definition. Choices are made in OKLab.
    """
    height, width, _ = linear.shape
    skew = dither.skew
    per_pixel = candidates.lab.shape[0] > 1
    reach = max(right + skew * down for right, down in dither.places)
    inside = np.arange(width + skew * (height - 1))[:, None] - skew * np.arange(height)[None]
    valid = jnp.asarray((inside >= 0) & (inside < width))

    def step(errors: jax.Array, row: tuple) -> tuple[jax.Array, jax.Array]:
        # errors[d] are those of d + 1 steps ago, one a row.
        value, live, shares, *own = row
        lab, colours = own or shared
        for tap, (right, down) in enumerate(dither.places):
            past = errors[right + skew * down - 1]
            part = past * (dither.taps[tap][2] / dither.divisor) if isinstance(dither, Diffusion) else past[:, tap]
            value = value + jnp.pad(part, ((down, 0), (0, 0)))[:height]
        choice = nearest(linear_to_oklab(jnp.clip(value, 0.0, 1.0)), lab)
        shown = jnp.take_along_axis(colours, choice[:, None, None], axis=-2)[:, 0] if own else colours[0][choice]
        error = debt(value, shown, colours) * amount * live[:, None].astype(jnp.float32)
        if isinstance(dither, VariableDiffusion):
            error = error[:, None] * shares[..., None]
        return jnp.concatenate([error[None], errors[:-1]]), choice

    def spread_out(array: jax.Array) -> jax.Array:
        return _skewed(jnp.broadcast_to(array, (height, width, *array.shape[-2:])), skew, height, width)

    kept = (height, 3) if isinstance(dither, Diffusion) else (height, len(dither.places), 3)
    rows: tuple[Any, ...] = (_skewed(linear, skew, height, width), valid, None)
    if isinstance(dither, VariableDiffusion):
        rows = (*rows[:2], _skewed(_shares(linear, candidates, dither), skew, height, width))
    # Colours that all pixels share are not repeated for each of them: 256 of them would be a gigabyte.
    shared = candidates.lab[0], candidates.linear[0]
    if per_pixel:
        rows += (spread_out(candidates.lab), spread_out(candidates.linear))
    _, choices = jax.lax.scan(step, jnp.zeros((reach, *kept), jnp.float32), rows)
    columns = np.arange(width)[None] + skew * np.arange(height)[:, None]
    return choices[columns, np.arange(height)[:, None]]


def _shares(linear: jax.Array, candidates: Candidates, dither: VariableDiffusion) -> jax.Array:
    """``[height, width, places]``: the shares of each pixel's error.

    Ostromoukhov's levels are those of a grey between black and white. Between any two colours the level is the part of
    the way from the nearest to the other one; his table is symmetric, so half of it is enough.
    """
    closest = nearest(linear_to_oklab(linear), candidates.lab)
    first = take(candidates.linear, closest)

    def closer(k: Any, held: jax.Array) -> jax.Array:
        colour = candidates.linear[:, :, k]
        other = (jnp.square(colour - first).sum(-1) > SAME) & allowed(candidates.lab[:, :, k])
        distance = jnp.square(linear - colour).sum(-1)
        return jnp.where(other, jnp.minimum(held, distance), held)

    start = jnp.full(linear.shape[:2], jnp.inf, jnp.float32)
    second = jnp.sqrt(jax.lax.fori_loop(0, candidates.linear.shape[2], closer, start))
    own = jnp.sqrt(jnp.square(linear - first).sum(-1))
    part = jnp.where(jnp.isfinite(second), own / jnp.maximum(own + second, 1e-9), 0.0)
    level = jnp.clip(jnp.rint(part * 255.0), 0, 127).astype(jnp.int32)
    return jnp.asarray(dither.table())[level]
