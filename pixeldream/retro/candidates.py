"""The colours that each pixel may take, and the nearest of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.retro.palette import UNSEEN

UNROLLED = 32
"""Candidates that are compared in a row of instructions; more than that in a loop, which compiles sooner."""

SAME = 1e-9
"""Squared distance below which two colours are one."""


class Candidates(NamedTuple):
    """The colours that each pixel may take: OKLab and linear light, ``[height or 1, width or 1, k, 3]``.

    A colour that a pixel may not take has a ``lab`` far outside the space, such as 1e3.
    """

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


def take(colours: jax.Array, choice: jax.Array) -> jax.Array:
    """``[height, width, 3]``: the colours ``[height or 1, width or 1, k, 3]`` that ``choice [height, width]`` names."""
    if colours.shape[:2] == (1, 1):
        return colours[0, 0][choice]
    whole = jnp.broadcast_to(colours, (*choice.shape, *colours.shape[2:]))
    return jnp.take_along_axis(whole, choice[..., None, None], 2)[:, :, 0]


def allowed(lab: jax.Array) -> jax.Array:
    """bool ``[...]``: whether a candidate ``lab [..., 3]`` may be taken at all."""
    return lab[..., 0] < 2.0


def debt(value: jax.Array, shown: jax.Array, colours: jax.Array) -> jax.Array:
    """``[..., 3]``: what pixels that should have ``value`` and have ``shown`` hand on; ``colours [..., k, 3]``.

    A cell that lacks a colour must not smear what it can't show over the next: a pixel's debt stays within the box of
    the colours in its reach that may be seen.
    """
    seen = (colours < UNSEEN).all(-1, keepdims=True)
    least, most = jnp.where(seen, colours, jnp.inf).min(-2), jnp.where(seen, colours, -jnp.inf).max(-2)
    return jnp.clip(value, jnp.minimum(least, shown), jnp.maximum(most, shown)) - shown
