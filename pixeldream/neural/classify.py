"""What a network with a classifier takes a picture for."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.neural.imagenet import NAMES
from pixeldream.neural.networks.base import FeatureNetwork, Weights


class Guess(NamedTuple):
    """A class by its number; its name, where the classes are ImageNet's thousand; and its probability."""

    number: int
    name: str
    probability: float


def classify(network: FeatureNetwork, weights: Weights, image: Any, count: int = 5) -> list[Guess]:
    """The ``count`` likeliest classes of ``image`` (sRGB float32 [h, w, 3] in [0, 1], any size), the likeliest first.

    The middle square of the picture is resized to the side that the classifier was trained on; the network is the
    published one, whatever padding and pooling it paints with. Raises ``ValueError`` for one without a classifier.
    """
    if network.logits is None or network.side is None:
        raise ValueError(f"the weights of network {network.name!r} hold no classifier; name a file that has one")
    square = _middle(jnp.asarray(image, jnp.float32), network.side)
    probabilities = _probabilities(network.published(), weights, square)
    best = jnp.argsort(-probabilities)[:count].tolist()
    names = NAMES if len(probabilities) == len(NAMES) else [f"class {number}" for number in range(len(probabilities))]
    return [Guess(number, names[number], float(probabilities[number])) for number in best]


def _middle(image: jax.Array, side: int) -> jax.Array:
    """The middle square [side, side, 3]."""
    height, width = image.shape[:2]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    square = image[top : top + short, left : left + short]
    return jnp.clip(jax.image.resize(square, (side, side, 3), "cubic", antialias=True), 0.0, 1.0)


@partial(jax.jit, static_argnums=0)
def _probabilities(network: FeatureNetwork, weights: Weights, image: jax.Array) -> jax.Array:
    assert network.logits is not None
    return jax.nn.softmax(network.apply(weights, image, (network.logits,))[network.logits].reshape(-1))
