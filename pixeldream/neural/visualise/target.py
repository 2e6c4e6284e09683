"""What is asked about: a class of the classifier, a layer, one of its channels, or the neuron that answers most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.classify import classify
from pixeldream.neural.imagenet import NAMES, class_number
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.visualise.names import Layer

_PLACELESS = ("pool", "avg_pool", "fc", "relu6", "relu7", "prob")
"""Layers of classifiers, after which nothing is known of places."""


@dataclass(frozen=True)
class Target:
    """A layer of a network, and which of its channels; ``None`` for all of them. ``name``: what people call it.

    ``score``: the values themselves are asked about, as those of a classifier; else what the layer answers with, its
    positive values. ``neuron``: the largest of these alone.
    """

    layer: str
    channel: int | None
    name: str
    score: bool = False
    neuron: bool = False

    def share(self, channels: int) -> jax.Array:
        """float32 ``[channels]``: 1 for those that are asked about."""
        if self.channel is None:
            return jnp.ones(channels, jnp.float32)
        return jnp.asarray(np.arange(channels) == self.channel, jnp.float32)


def channels_of(network: FeatureNetwork, weights: Weights, layer: str) -> int:
    """How many channels a layer has; nothing is computed."""
    side = network.minimum_side
    image = jax.ShapeDtypeStruct((side, side, 3), jnp.float32)
    return int(jax.eval_shape(lambda w, i: network.apply(w, i, (layer,)), weights, image)[layer].shape[2])


def deepest(network: FeatureNetwork) -> str:
    """The deepest layer that still has places: before any classifier."""
    if network.logits is None:
        return network.layers[-1]
    before = network.layers[: network.layers.index(network.logits)]
    return next((layer for layer in reversed(before) if not layer.startswith(_PLACELESS)), before[-1])


def of_class(network: FeatureNetwork, weights: Weights, text: str) -> Target:
    """A class by its name or number. Raises ``ValueError`` for a network without a classifier, or no such class."""
    if network.logits is None:
        raise ValueError(
            f"the weights of network {network.name!r} hold no classifier, so there is no class {text!r}; "
            "name a file that has one, or a layer and a channel"
        )
    count = channels_of(network, weights, network.logits)
    names = NAMES if count == len(NAMES) else [f"class {number}" for number in range(count)]
    number = class_number(text, names)
    return Target(network.logits, number, names[number], score=True)


def of_photo(network: FeatureNetwork, weights: Weights, image: Any) -> Target:
    """What the classifier takes a picture for; where there is none, the channel of the deepest layer that answers
    most."""
    if network.logits is not None:
        best = classify(network, weights, image, 1)[0]
        return Target(network.logits, best.number, best.name, score=True)
    return of_layer(network, weights, Layer(deepest(network)), image)


def of_layer(network: FeatureNetwork, weights: Weights, asked: Layer, image: Any = None) -> Target:
    """A layer's channel. Where none is named, that which answers most to ``image``; without one, all of them. Raises
    ``ValueError`` for a layer or a channel that is not there."""
    layer, channel = asked.name, asked.channel
    if layer not in network.layers:
        raise ValueError(f"network {network.name!r} has no layer {layer!r}; it has {', '.join(network.layers)}")
    count = channels_of(network, weights, layer)
    if channel is None and image is not None:
        channel = int(_strongest(network, weights, jnp.asarray(image, jnp.float32), layer))
    if channel is not None and channel >= count:
        raise ValueError(f"layer {layer!r} of network {network.name!r} has no channel {channel}; 0 to {count - 1}")
    name = layer if channel is None else f"{layer}:{channel}"
    return Target(layer, channel, name, score=layer == network.logits)


def of_neuron(target: Target) -> Target:
    """Of the same channels the neuron alone that answers most. Of a classifier's that is the class itself."""
    return target if target.score else replace(target, name=f"{target.name}, its strongest neuron", neuron=True)


@partial(jax.jit, static_argnames=("network", "layer"))
def _strongest(network: FeatureNetwork, weights: Weights, image: jax.Array, layer: str) -> jax.Array:
    """The channel whose answers stand out most: their mean square, less the square of their mean.

    A channel with a large bias answers everywhere to everything, and says nothing about the picture.
    """
    answers = jax.nn.relu(network.apply(weights, image, (layer,))[layer])
    return jnp.argmax(answers.var((0, 1)))
