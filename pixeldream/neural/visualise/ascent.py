"""Pictures that a class or a channel answers most to, several at once: ascent on the waves of ``fourier``.

The score is that of Simonyan et al. 2013 (arXiv:1312.6034, section 2): the class's, or a channel's mean over all
places, less a multiple of the picture's squared distance to the mean colour; here with a little total variation. The
network sees the picture shifted in each step (Mordvintsev et al. 2015), so that it fits no grid of pools and strides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from pixeldream.neural import losses
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.visualise import fourier
from pixeldream.neural.visualise.settings import AscentSettings

_ADAM = optax.scale_by_adam(0.9, 0.99)


class Grown(NamedTuple):
    """Pictures float32 ``[n, h, w, 3]`` after a step, and the answer to each, ``[n]``, before it."""

    step: int
    images: jax.Array
    answers: jax.Array


@dataclass(frozen=True)
class Score:
    """The answer of channels of a layer to a picture ``[h, w, 3]``, and what speaks against the picture."""

    network: FeatureNetwork
    layer: str

    def answer(self, weights: Weights, image: jax.Array, share: jax.Array) -> jax.Array:
        """The mean over all places of the channels that ``share`` counts."""
        return (self.network.apply(weights, image, (self.layer,))[self.layer] @ share).mean()

    @staticmethod
    def penalty(image: jax.Array, decay: jax.Array, variation: jax.Array) -> jax.Array:
        """The squared distance to the mean colour, and total variation, weighted."""
        far = jnp.square(image - jnp.asarray(fourier.MEAN, jnp.float32)[None, None]).mean()
        return decay * far + variation * losses.total_variation(image)


def grow(
    score: Score, weights: Weights, shares: jax.Array, size: tuple[int, int], settings: AscentSettings
) -> Iterator[Grown]:
    """A picture of ``size`` (height, width) for each row of ``shares`` ``[n, channels]``; yields after each step."""
    height, width = size
    begin, key = jax.random.split(jax.random.key(settings.seed))
    waves = jax.vmap(lambda key: fourier.start(key, height, width))(jax.random.split(begin, len(shares)))
    moments = _ADAM.init(waves)
    dials = (settings.decay, settings.tv_weight, float(settings.jitter))
    traced = tuple(jnp.asarray(dial, jnp.float32) for dial in dials)
    for step in range(1, settings.steps + 1):
        rate = jnp.asarray(settings.rate.at(step, settings.steps), jnp.float32)
        shift = jax.random.fold_in(key, step)
        waves, moments, answers = _step(score, width, weights, shares, waves, moments, shift, rate, traced)
        yield Grown(step, _show(waves, width), answers)


@partial(jax.jit, static_argnums=(0, 1))
def _step(
    score: Score, width: int, weights: Weights, shares: jax.Array, waves: jax.Array, moments: Any, key: jax.Array,
    rate: jax.Array, dials: tuple[jax.Array, ...],
) -> tuple[jax.Array, Any, jax.Array]:  # fmt: skip
    decay, variation, most = dials
    shift = jnp.round(jax.random.uniform(key, (2,), jnp.float32, -1.0, 1.0) * most).astype(jnp.int32)

    def loss(waves: jax.Array, share: jax.Array) -> tuple[jax.Array, jax.Array]:
        image = fourier.show(waves, width)
        answer = score.answer(weights, jnp.roll(image, (shift[0], shift[1]), (0, 1)), share)
        return score.penalty(image, decay, variation) - answer, answer

    gradients, answers = jax.vmap(jax.grad(loss, has_aux=True))(waves, shares)
    updates, moments = _ADAM.update(gradients, moments)
    return waves - rate * updates, moments, answers


@partial(jax.jit, static_argnums=1)
def _show(waves: jax.Array, width: int) -> jax.Array:
    return jax.vmap(lambda each: fourier.show(each, width))(waves)
