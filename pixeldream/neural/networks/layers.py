"""What the networks are made of that are written in Flax: convolutions, pools, and how features come out of them.

A network is a Flax module whose ``stages`` yields (layer, features) from the shallowest to the deepest; what is deeper
than what was asked for is never computed. A file's arrays stay flat, ``fire2_expand1x1_w`` [h, w, in, out] and
``_b`` [out]; they are Flax's parameters under the same names. Optional in every file are ``conv0_w`` [1, 1, 3, 3] and
``conv0_b`` [3]: they prepare RGB in [0, 1] for the first layer in place of the network's own preparation.

Features are float32 [n, h, w, c]. ``flax.linen`` takes 0.2 s to import beside jax: only networks import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from pixeldream.neural.networks.base import Weights
from pixeldream.neural.networks.rectify import rectify

Stages = Iterator[tuple[str, jax.Array]]
Pair = tuple[int, int]

CAFFE_MEAN = (104.0, 117.0, 123.0)
"""ImageNet's mean in the order blue, green, red, of 255, as Caffe's networks subtract it."""


def bgr(images: jax.Array) -> jax.Array:
    """RGB in [0, 1] as Caffe's networks were trained: blue, green, red of 255 less ``CAFFE_MEAN``."""
    return images[..., ::-1] * 255.0 - jnp.asarray(CAFFE_MEAN, jnp.float32)[None, None, None]


def within_one(images: jax.Array) -> jax.Array:
    """RGB in [0, 1] moved to [-1, 1]."""
    return images * 2.0 - 1.0


def _ignore(layer: str) -> None:
    """Of the layers that are passed, nobody takes note."""


class Net(nn.Module):
    """A feature network. A value: equal networks share one compilation."""

    widths: tuple[tuple[str, int], ...]
    """The output channels of each convolution in the file, by name; one that is not there counts as 1."""

    pooling: str = "max"
    """One of ``POOLINGS``."""

    padding: str = "reflect"
    """One of ``PADDINGS``."""

    relu: str = "gradient"
    """One of ``RELUS``."""

    def stages(self, images: jax.Array) -> Stages:
        """Layers and their features from the shallowest to the deepest, of images [n, h, w, 3]."""
        raise NotImplementedError

    @nn.compact
    def __call__(
        self, images: jax.Array, wanted: Sequence[str], passed: Callable[[str], None] = _ignore
    ) -> dict[str, jax.Array]:
        """The features of the layers ``wanted``; ``passed`` is told of each layer on the way."""
        found: dict[str, jax.Array] = {}
        for layer, features in self.stages(images):
            passed(layer)
            if layer in wanted:
                found[layer] = features
            if len(found) == len(set(wanted)):
                break
        return found

    def prepare(self, images: jax.Array, otherwise: Callable[[jax.Array], jax.Array]) -> jax.Array:
        """RGB in [0, 1] as the first layer wants it: by the file's ``conv0``, where there is one."""
        return self.convolve("conv0", images) if "conv0" in dict(self.widths) else otherwise(images)

    def convolve(
        self, name: str, features: jax.Array, kernel: int | Pair = 1, stride: int = 1, pad: int | Pair = 0
    ) -> jax.Array:
        """A convolution with ``pad`` rows above and below, columns left and right."""
        kernel, (rows, columns) = _pair(kernel), _pair(pad)
        whole, height, width = ((rows, rows), (columns, columns)), features.shape[1], features.shape[2]
        mirrored = self.padding == "reflect" and (rows or columns)
        if mirrored:
            features = jnp.pad(features, ((0, 0), *whole, (0, 0)), "reflect")
        # On a CPU the gradient of a convolution that shrinks its image takes nearly twice as long: cut it after.
        rim = whole if not mirrored or stride == 1 else ((0, 0), (0, 0))
        layer = nn.Conv(
            dict(self.widths).get(name, 1), kernel, stride, rim, name=name,
            kernel_init=nn.initializers.zeros, bias_init=nn.initializers.zeros,
        )  # fmt: skip
        found = layer(features)
        if not mirrored or stride != 1:
            return found
        height, width = height + 2 * rows - kernel[0] + 1, width + 2 * columns - kernel[1] + 1
        return found[:, rows : rows + height, columns : columns + width]

    def activate(self, *arguments: Any, **named: Any) -> jax.Array:
        """``convolve``, and a ReLU."""
        return self.rectify(self.convolve(*arguments, **named))

    def rectify(self, features: jax.Array) -> jax.Array:
        """A ReLU that sends back what the network is told to."""
        return rectify(features, self.relu)

    def pool(self, features: jax.Array, size: int, stride: int, pad: int = 0, ceil: bool = True) -> jax.Array:
        """The largest of each window, or its average where the network is told so."""
        take = largest if self.pooling == "max" else average
        return take(features, size, stride, pad, ceil)


def _pair(value: int | Pair) -> Pair:
    return value if isinstance(value, tuple) else (value, value)


def _windows(length: int, size: int, stride: int, pad: int, ceil: bool) -> Pair:
    """How many windows there are along a side, and how far the last one hangs over the end. With ``ceil``, as in Caffe,
    every pixel is in a window, but no window begins behind the last pixel and its padding."""
    spare = length + 2 * pad - size
    count = (-(-spare // stride) if ceil else spare // stride) + 1
    if pad and (count - 1) * stride >= length + pad:
        count -= 1
    return count, max(0, (count - 1) * stride + size - length - pad)


def _slide(join: Callable, fill: float, features: jax.Array, size: int, stride: int, pad: int, ceil: bool) -> jax.Array:
    """The features of each window joined: down first, then across. On a CPU the gradient of slices takes a fraction of
    the time of a window reduction's."""
    for axis in (1, 2):
        count, over = _windows(features.shape[axis], size, stride, pad, ceil)
        edges = [(pad, over) if number == axis else (0, 0) for number in range(4)]
        padded, last = jnp.pad(features, edges, constant_values=fill), (count - 1) * stride + 1
        shifts = (jax.lax.slice_in_dim(padded, shift, shift + last, stride, axis) for shift in range(size))
        features = reduce(join, shifts)
    return features


def largest(features: jax.Array, size: int, stride: int, pad: int = 0, ceil: bool = True) -> jax.Array:
    """A max-pool: [n, h, w, c] -> [n, h', w', c]."""
    return _slide(jnp.maximum, -jnp.inf, features, size, stride, pad, ceil)


def average(
    features: jax.Array, size: int, stride: int, pad: int = 0, ceil: bool = True, counted: bool = False
) -> jax.Array:
    """An average pool: [n, h, w, c] -> [n, h', w', c]. ``counted``: zeros beyond the border count, as torch's do unless
    told otherwise."""
    if counted:
        return _slide(jnp.add, 0.0, features, size, stride, pad, ceil) * (1.0 / size**2)
    counts = []
    for length in features.shape[1:3]:
        begin = np.arange(_windows(length, size, stride, pad, ceil)[0]) * stride - pad
        counts.append(np.minimum(begin + size, length) - np.maximum(begin, 0))
    shares = 1.0 / np.outer(*counts).astype(np.float32)
    return _slide(jnp.add, 0.0, features, size, stride, pad, ceil) * jnp.asarray(shares)[None, :, :, None]


def everywhere(features: jax.Array) -> jax.Array:
    """The average over the whole picture: [n, h, w, c] -> [n, 1, 1, c]."""
    return features.mean((1, 2), keepdims=True)


def normalise(features: jax.Array, alpha: float, constant: float, size: int = 5, power: float = 0.75) -> jax.Array:
    """Local response normalisation (Krizhevsky et al. 2012, section 3.3) over ``size`` channels: features divided by
    (``constant`` + ``alpha`` x the mean of their neighbours' squares) ^ ``power``, as Caffe counts ``alpha``."""
    squares = jnp.pad(features * features, ((0, 0), (0, 0), (0, 0), (size // 2, size // 2)))
    channels = features.shape[3]
    total = sum((squares[..., shift : shift + channels] for shift in range(size)), jnp.zeros((), features.dtype))
    return features * (constant + alpha / size * total) ** -power


@dataclass(frozen=True)
class Extractor:
    """A ``Net`` as ``FeatureNetwork.apply`` wants it: flat weights, one image [h, w, 3], features [h', w', c]."""

    net: Net

    def __call__(self, weights: Weights, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        """Features of one image."""
        names = [key[:-2] for key in weights if key.endswith("_w") and f"{key[:-2]}_b" in weights]
        parameters = {name: {"kernel": weights[f"{name}_w"], "bias": weights[f"{name}_b"]} for name in names}
        found: Any = self.net.apply({"params": parameters}, image[None], wanted)
        return {layer: found[layer][0] for layer in wanted}

    def using(self, **changes: Any) -> Extractor:
        """With another pooling, padding or ReLU."""
        return Extractor(self.net.clone(**changes))
