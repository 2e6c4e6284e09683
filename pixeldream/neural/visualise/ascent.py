"""Pictures grown from next to nothing for an objective, several at once: Adam on the waves of ``fourier``.

The network sees the picture shifted in each step (Mordvintsev et al. 2015), so that it fits no grid of pools and
strides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.neural.visualise import fourier
from pixeldream.neural.visualise.objectives import Asked
from pixeldream.neural.visualise.settings import GrowSettings

_MOMENTUM, _MEMORY = 0.9, 0.99
"""Adam's (Kingma and Ba, arXiv 1412.6980). optax's mixes types that jax is told not to mix."""

Moments = tuple[jax.Array, jax.Array, jax.Array]
"""Momentum and power, as the waves are shaped, and the steps so far."""

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
    height, width = size
    begin, key = jax.random.split(jax.random.key(settings.seed))
    count = jax.tree.leaves(asked.own)[0].shape[0]
    waves = jax.vmap(lambda key: fourier.start(key, height, width))(jax.random.split(begin, count))
    moments = (jnp.zeros_like(waves), jnp.zeros_like(waves), jnp.zeros(()))
    most, steps = jnp.asarray(settings.jitter, jnp.float32), steps or settings.steps
    for step in range(1, steps + 1):
        rate = jnp.asarray(settings.rate.at(step, steps), jnp.float32)
        traced = (asked, waves, moments, jax.random.fold_in(key, step), rate, most)
        waves, moments, losses = _step(objective, width, *traced)
        yield Grown(step, show(waves, width), losses)


@partial(jax.jit, static_argnums=(0, 1))
def _step(
    objective: Callable, width: int, asked: Asked, waves: jax.Array, moments: Moments, key: jax.Array,
    rate: jax.Array, most: jax.Array,
) -> tuple[jax.Array, Moments, Losses]:  # fmt: skip
    shift = jnp.round(jax.random.uniform(key, (2,), jnp.float32, -1.0, 1.0) * most).astype(jnp.int32)

    def loss(waves: jax.Array, own: jax.Array) -> tuple[jax.Array, Losses]:
        # Waves are periodic: what is shifted out at one border comes in at the other.
        image = jnp.roll(fourier.show(waves, width), shift, (0, 1))
        found = objective(asked._replace(own=own), image)
        return found["total"], found

    gradients, losses = jax.vmap(jax.grad(loss, has_aux=True))(waves, asked.own)
    updates, moments = _adam(gradients, moments)
    return waves - rate * updates, moments, losses


def _adam(gradients: jax.Array, moments: Moments) -> tuple[jax.Array, Moments]:
    steps = moments[2] + 1.0
    momentum = _MOMENTUM * moments[0] + (1 - _MOMENTUM) * gradients
    power = _MEMORY * moments[1] + (1 - _MEMORY) * jnp.square(gradients)
    size = jnp.sqrt(power / (1 - _MEMORY**steps)) + 1e-12
    return momentum / (1 - _MOMENTUM**steps) / size, (momentum, power, steps)


@partial(jax.jit, static_argnums=1)
def show(waves: jax.Array, width: int) -> jax.Array:
    """The pictures ``[n, h, width, 3]`` of waves ``[n, ...]``."""
    return jax.vmap(lambda each: fourier.show(each, width))(waves)
