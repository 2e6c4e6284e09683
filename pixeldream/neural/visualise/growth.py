"""Pictures grown from next to nothing for an objective, several at once: Adam on the coefficients of ``fourier``.

Gradient ascent on pixels ends in noise of single pixels; on coefficients it ends in forms. The network sees the picture
shifted in each step (Mordvintsev et al. 2015), so that it fits no grid of pools and strides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.neural.ascent import scale_by_adam
from pixeldream.neural.fourier import fourier
from pixeldream.neural.visualise.objectives import MEAN, Asked
from pixeldream.neural.visualise.settings import GrowSettings

_ADAM = scale_by_adam(memory=0.99)

Losses = dict[str, jax.Array]


class Grown(NamedTuple):
    """Pictures float32 ``[n, h, w, 3]`` after a step, and each one's losses ``[n]`` before it."""

    step: int
    images: jax.Array
    losses: Losses


def grow(
    objective: Callable, asked: Asked, size: tuple[int, int], settings: GrowSettings, steps: int | None = None
) -> Iterator[Grown]:
    """A picture of ``size`` (height, width) for each that ``asked.own`` holds ``[n, ...]``; yields after each step."""
    canvas = fourier(*size)
    begin, key = jax.random.split(jax.random.key(settings.seed))
    count = jax.tree.leaves(asked.own)[0].shape[0]
    plain, _ = canvas.init(jnp.broadcast_to(jnp.asarray(MEAN, jnp.float32)[None, None], (*size, 3)))
    waves = plain[None] + jnp.float32(settings.clouds) * jax.random.normal(begin, (count, *plain.shape), jnp.float32)
    moments = _ADAM.init(waves)
    most, steps = jnp.asarray(settings.jitter, jnp.float32), steps or settings.steps
    for step in range(1, steps + 1):
        rate = jnp.asarray(settings.rate.at(step, steps), jnp.float32)
        traced = (asked, waves, moments, jax.random.fold_in(key, step), rate, most)
        waves, moments, losses = _step(objective, canvas.show, *traced)
        yield Grown(step, _show(canvas.show, waves), losses)


@partial(jax.jit, static_argnums=(0, 1))
def _step(
    objective: Callable, show: Callable, asked: Asked, waves: jax.Array, moments: Any, key: jax.Array, rate: jax.Array,
    most: jax.Array,
) -> tuple[jax.Array, Any, Losses]:  # fmt: skip
    shift = jnp.round(jax.random.uniform(key, (2,), jnp.float32, -1.0, 1.0) * most).astype(jnp.int32)

    def loss(waves: jax.Array, own: jax.Array) -> tuple[jax.Array, Losses]:
        # Waves are periodic: what is shifted out at one border comes in at the other.
        image = jnp.roll(show(waves, ()), shift, (0, 1))
        found = objective(asked._replace(own=own), image)
        return found["total"], found

    gradients, losses = jax.vmap(jax.grad(loss, has_aux=True))(waves, asked.own)
    updates, moments = _ADAM.update(gradients, moments)
    return waves - rate * updates, moments, losses


@partial(jax.jit, static_argnums=0)
def _show(show: Callable, waves: jax.Array) -> jax.Array:
    return jax.vmap(lambda each: show(each, ()))(waves)
