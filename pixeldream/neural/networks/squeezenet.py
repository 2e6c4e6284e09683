"""SqueezeNet 1.1 (Iandola et al. 2016, arXiv:1602.07360): a network that is not VGG-shaped, small and quick.

Layers: ``conv1`` (after its ReLU) and the outputs of ``fire2`` to ``fire9``; max-pools stand before ``fire2``,
``fire4`` and ``fire6``. A file holds ``conv1_w`` [3, 3, 3, 64] and, for each fire module, ``_squeeze1x1``,
``_expand1x1`` and ``_expand3x3`` kernels [h, w, in, out] with biases; it may end after any module, and a classifier in
it is not read. As published, ``conv1`` has stride 2 and no padding, and pools are 3x3 with stride 2 whose last window
may hang over the edge. Input is BGR in [0, 255] less the mean of ImageNet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.weights import WeightsError

_MEAN = np.array([104.0, 117.0, 123.0], np.float32)
_LAYOUT = ("NHWC", "HWIO", "NHWC")
_POOLED = ("fire2", "fire4", "fire6")
_STYLE = ("conv1", "fire3", "fire5", "fire7", "fire9")
_SQUEEZE = (16, 16, 32, 32, 48, 48, 64, 64)
_EXPAND = (64, 64, 128, 128, 192, 192, 256, 256)
_MINIMUM_SIDE = 25
"""Below it the last pool has no whole window."""

_MODULES = tuple(f"fire{number}" for number in range(2, 10))


def _pool(features: jax.Array) -> jax.Array:
    """A 3x3 max-pool of stride 2 whose windows cover every pixel: [n, h, w, c] -> [n, ceil((h - 1) / 2), ..., c]."""
    spare = [(0, 0), *((0, (length - 3) % 2) for length in features.shape[1:3]), (0, 0)]
    padded = jnp.pad(features, spare, constant_values=-jnp.inf)
    height, width = ((length - 3) // 2 + 1 for length in padded.shape[1:3])
    parts = [padded[:, y : y + 2 * height - 1 : 2, x : x + 2 * width - 1 : 2] for y in range(3) for x in range(3)]
    return reduce(jnp.maximum, parts)


def _convolve(weights: Weights, name: str, features: jax.Array, stride: int = 1, padding: str = "SAME") -> jax.Array:
    kernel, bias = weights[f"{name}_w"], weights[f"{name}_b"]
    found = jax.lax.conv_general_dilated(features, kernel, (stride, stride), padding, dimension_numbers=_LAYOUT)
    return jax.nn.relu(found + bias[None, None, None])


@dataclass(frozen=True)
class SqueezeNet:
    """The layout: the modules that the file holds. A value, so that equal layouts share one compilation."""

    modules: tuple[str, ...]

    def __call__(self, weights: Weights, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        """Features of one image [h, w, 3]: {layer: [h', w', c]}."""
        features = image[None, :, :, ::-1] * 255.0 - _MEAN[None, None, None]
        features = _convolve(weights, "conv1", features, stride=2, padding="VALID")
        found = {"conv1": features[0]}
        for name in self.modules:
            if set(wanted) <= set(found):
                break
            if name in _POOLED:
                features = _pool(features)
            squeezed = _convolve(weights, f"{name}_squeeze1x1", features)
            sides = [_convolve(weights, f"{name}_expand{size}", squeezed) for size in ("1x1", "3x3")]
            features = jnp.concatenate(sides, -1)
            found[name] = features[0]
        return {layer: found[layer] for layer in wanted}


def build(arrays: Mapping[str, Any], name: str = "squeezenet1.1") -> FeatureNetwork:
    """The network that a file's arrays describe. Raises ``WeightsError`` for arrays that are not one."""
    _check(arrays, "conv1", (3, 3, 3, 64))
    modules = tuple(module for module in _MODULES if f"{module}_squeeze1x1_w" in arrays)
    if modules != _MODULES[: len(modules)]:
        missing = next(module for module in _MODULES if module not in modules)
        raise WeightsError(f"{modules[-1]} is there but {missing}_squeeze1x1_w is missing")
    channels = 64
    for module, squeeze, expand in zip(modules, _SQUEEZE, _EXPAND, strict=False):
        _check(arrays, f"{module}_squeeze1x1", (1, 1, channels, squeeze))
        _check(arrays, f"{module}_expand1x1", (1, 1, squeeze, expand))
        _check(arrays, f"{module}_expand3x3", (3, 3, squeeze, expand))
        channels = 2 * expand
    layers = ("conv1", *modules)
    style = tuple(layer for layer in _STYLE if layer in layers)
    content = "fire5" if "fire5" in layers else layers[-1]
    return FeatureNetwork(name, layers, SqueezeNet(modules), (content,), style, _MINIMUM_SIDE)


def _check(arrays: Mapping[str, Any], layer: str, expected: tuple[int, ...]) -> None:
    for name, shape in ((f"{layer}_w", expected), (f"{layer}_b", expected[-1:])):
        if name not in arrays:
            raise WeightsError(f"{name} is missing")
        if np.shape(arrays[name]) != shape:
            raise WeightsError(f"{name} has shape {list(np.shape(arrays[name]))} where {list(shape)} is expected")


build_squeezenet = build
"""The public name, for plugins: ``pixeldream.build_squeezenet``."""
