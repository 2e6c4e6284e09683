"""What pictures are made for: to be answered to, or to be seen as another picture is. Values, as ``optimise`` wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.neural import losses
from pixeldream.neural.jitter import shifted
from pixeldream.neural.networks.base import FeatureNetwork, Weights

MEAN = (0.485, 0.456, 0.406)
"""The mean colour of ImageNet's pictures: the zero of every network that was trained on them."""


class Asked(NamedTuple):
    """The traced half. ``own``: what differs from picture to picture of a sheet: the share of each channel
    ``[channels]``, or the features to be seen. ``shift``: by how much the network sees the picture shifted (see
    ``jitter``); ``None`` for not at all."""

    weights: Weights
    own: Any
    decay: jax.Array
    variation: jax.Array
    shift: jax.Array | None = None


@dataclass(frozen=True)
class Answer:
    """To be answered to: a class's score, or a channel's mean over all places, less a multiple of the picture's squared
    distance to the mean colour (Simonyan et al. 2013, arXiv:1312.6034, section 2), and of its total variation."""

    network: FeatureNetwork
    layer: str

    def __call__(self, arrays: Asked, image: jax.Array) -> dict[str, jax.Array]:
        """``answer``, and ``total`` to be minimised."""
        seen = image if arrays.shift is None else shifted(image, arrays.shift)
        answer = (self._features(arrays.weights, seen) @ arrays.own).mean()
        far = jnp.square(image - jnp.asarray(MEAN, jnp.float32)[None, None]).mean()
        against = arrays.decay * far + arrays.variation * losses.total_variation(image)
        return {"answer": answer, "total": against - answer}

    def spread(self, weights: Weights, image: jax.Array) -> jax.Array:
        """How far a layer's answers to a picture lie apart: the unit of what speaks against one."""
        spread = self._features(weights, image).std()
        return jnp.where(spread > 0, spread, jnp.ones_like(spread))

    def _features(self, weights: Weights, image: jax.Array) -> jax.Array:
        return self.network.apply(weights, image, (self.layer,))[self.layer]


@dataclass(frozen=True)
class Likeness:
    """To be seen as another picture is: the squared distance of a layer's features over their power (Mahendran and
    Vedaldi 2014, arXiv:1412.0035, equation 2), with total variation. Deviation: the power is that about the channels'
    means (see ``losses.content_loss``), and the picture's own norm is kept by its range of 0 to 1."""

    network: FeatureNetwork
    layer: str

    def __call__(self, arrays: Asked, image: jax.Array) -> dict[str, jax.Array]:
        """``distance``, 0 for the same features, and ``total`` to be minimised."""
        found = self.network.apply(arrays.weights, image, (self.layer,))[self.layer]
        distance = losses.content_loss(found, arrays.own)
        return {"distance": distance, "total": distance + arrays.variation * losses.total_variation(image)}
