"""VGG-shaped networks of any width and any depth (Simonyan and Zisserman 2014, arXiv:1409.1556).

Blocks of 3x3 convolutions with ReLU, divided by 2x2 max-pools. Layers have their published names: ``relu3_2`` is the
second of the third block, ``conv3_2`` the same before its ReLU. Deviations: reflection padding unless told otherwise,
which keeps borders free of dark rims (Gatys et al. pad with zeros); a pool is made of four strided slices, which is
faster on a CPU than a window reduction.

A file holds ``convB_N_w`` [3, 3, in, out] and ``convB_N_b`` [out], without gaps from ``conv1_1`` on. A file with a
classifier also holds ``fc6_w`` [h, w, in, out], a kernel over the whole of the last pool (7 x 7 for pictures of 224
pixels; others are averaged to as many parts), ``fc7_w`` and ``fc8_w`` [1, 1, in, out]: layers ``pool5``, ``fc6``,
``relu6``, ``fc7``, ``relu7``, the logits ``fc8`` and ``prob``. Optional are
``conv0_w`` [1, 1, 3, 3] and ``conv0_b`` [3], which prepare RGB in [0, 1] for the first layer (without them RGB is
moved to about [-1, 1]), and ``reluB_N_head_w`` [in, out] with ``reluB_N_head_b`` [out], a linear map that stands
between that layer and whoever asks for it, not between it and the next layer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.networks.grid import to_grid
from pixeldream.neural.networks.rectify import rectify
from pixeldream.neural.weights import WeightsError

Convolution = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
_DENSE = ("fc6", "fc7", "fc8")
_CLASSIFIER = ("pool5", "fc6", "relu6", "fc7", "relu7", "fc8", "prob")
_LAYOUT = ("NHWC", "HWIO", "NHWC")
_KERNEL = re.compile(r"conv([1-9])_([1-9][0-9]?)_w")


def convolve(image: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """A 3x3 convolution with reflection padding: [n, h, w, in] -> [n, h, w, out].

    The padded image is convolved to its own size and cut: on a CPU the gradient of a convolution that shrinks its image
    takes nearly twice as long.
    """
    edge = kernel.shape[0] // 2
    padded = jnp.pad(image, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="reflect") if edge else image
    whole = jax.lax.conv_general_dilated(padded, kernel, (1, 1), "SAME", dimension_numbers=_LAYOUT)
    height, width = image.shape[1], image.shape[2]
    return whole[:, edge : edge + height, edge : edge + width] + bias[None, None, None]


def convolve_in_zeros(image: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """The same with zeros beyond the border, as published."""
    found = jax.lax.conv_general_dilated(image, kernel, (1, 1), "SAME", dimension_numbers=_LAYOUT)
    return found + bias[None, None, None]


def halve(features: jax.Array, pooling: str = "max") -> jax.Array:
    """A 2x2 pool of stride 2: [n, h, w, c] -> [n, h // 2, w // 2, c]; an odd last row or column is dropped."""
    height, width = features.shape[1] // 2 * 2, features.shape[2] // 2 * 2
    join = jnp.maximum if pooling == "max" else _middle
    top = join(features[:, 0:height:2, 0:width:2], features[:, 0:height:2, 1:width:2])
    bottom = join(features[:, 1:height:2, 0:width:2], features[:, 1:height:2, 1:width:2])
    return join(top, bottom)


def _middle(one: jax.Array, other: jax.Array) -> jax.Array:
    return (one + other) * 0.5


def prepare(weights: Weights, images: jax.Array) -> jax.Array:
    """RGB in [0, 1] as the first layer wants it: by the file's ``conv0``, else moved to [-1, 1]."""
    if "conv0_w" in weights:
        return convolve(images, weights["conv0_w"], weights["conv0_b"])
    return images * 2.0 - 1.0


@dataclass(frozen=True)
class Vgg:
    """The layout of one such network: a value, so that equal layouts share one compilation."""

    convolutions: tuple[str, ...]
    """"1_1", "1_2", "2_1" ... in order."""

    heads: tuple[str, ...] = ()
    """The layers that are shown through a linear map."""

    grid: tuple[int, int] | None = None
    """The parts that the last pool is averaged to for the classifier; None where there is none."""

    pooling: str = "max"
    """One of ``POOLINGS``."""

    padding: str = "reflect"
    """One of ``PADDINGS``."""

    relu: str = "gradient"
    """One of ``RELUS``."""

    def using(self, **changes: Any) -> Vgg:
        """With another pooling, padding or ReLU."""
        return replace(self, **changes)

    def __call__(self, weights: Weights, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        """Features of one image [h, w, 3]: {layer: [h', w', c]}."""
        return {layer: found[0] for layer, found in self.batch(weights, image[None], wanted).items()}

    def batch(
        self, weights: Weights, images: jax.Array, wanted: tuple[str, ...], convolution: Convolution | None = None
    ) -> dict[str, jax.Array]:
        """Features of images [n, h, w, 3]: {layer: [n, h', w', c]}; ``convolution`` stands in for ``convolve``."""
        found: dict[str, jax.Array] = {}
        convolution = convolution or (convolve if self.padding == "reflect" else convolve_in_zeros)
        features = prepare(weights, images)
        block = "1"
        for name in self.convolutions:
            if len(found) == len(set(wanted)):
                break
            if name[0] != block:
                features, block = halve(features, self.pooling), name[0]
            features = convolution(features, weights[f"conv{name}_w"], weights[f"conv{name}_b"])
            if f"conv{name}" in wanted:
                found[f"conv{name}"] = features
            features = rectify(features, self.relu)
            if f"relu{name}" in wanted:
                found[f"relu{name}"] = self._shown(weights, f"relu{name}", features)
        if len(found) < len(set(wanted)):
            classified = self._classify(weights, halve(features, self.pooling))
            found |= {layer: values for layer, values in classified.items() if layer in wanted}
        return found

    def _classify(self, weights: Weights, features: jax.Array) -> dict[str, jax.Array]:
        found = {"pool5": features}
        assert self.grid is not None, "only a file with a classifier offers its layers"
        features = to_grid(features, *self.grid)
        for name in _DENSE:
            kernel, bias = weights[f"{name}_w"], weights[f"{name}_b"]
            features = jax.lax.conv_general_dilated(features, kernel, (1, 1), "VALID", dimension_numbers=_LAYOUT)
            features = found[name] = features + bias[None, None, None]
            if name != "fc8":
                features = found[f"relu{name[2:]}"] = rectify(features, self.relu)
        return found | {"prob": jax.nn.softmax(features)}

    def _shown(self, weights: Weights, layer: str, features: jax.Array) -> jax.Array:
        if layer not in self.heads:
            return features
        return features @ weights[f"{layer}_head_w"] + weights[f"{layer}_head_b"][None, None, None]


def build(arrays: Mapping[str, Any], name: str = "vgg19") -> FeatureNetwork:
    """The network that a file's arrays describe. Raises ``WeightsError`` for arrays that are not one."""
    convolutions = _convolutions(arrays)
    channels = 3
    _check(arrays, "conv0", (1, 1, 3, 3), optional=True)
    for layer in convolutions:
        kernel = np.shape(arrays[f"conv{layer}_w"])
        width = kernel[3] if len(kernel) == 4 else 0
        _check(arrays, f"conv{layer}", (3, 3, channels, width or "any"))
        channels = width
        _check(arrays, f"relu{layer}_head", (channels, "any"), optional=True)
    heads = tuple(f"relu{layer}" for layer in convolutions if f"relu{layer}_head_w" in arrays)
    layers = tuple(f"{kind}{layer}" for layer in convolutions for kind in ("conv", "relu"))
    shown = heads or tuple(f"relu{layer}" for layer in convolutions)
    content = next((layer for layer in ("relu4_2", "relu4_1") if layer in shown), shown[-1])
    style = tuple(layer for layer in shown if layer.endswith("_1"))
    blocks = int(convolutions[-1][0])
    grid = _grid(arrays, channels)
    layers += _CLASSIFIER if grid else ()
    logits, side = ("fc8", grid[0] * 2**blocks) if grid else (None, None)
    return FeatureNetwork(name, layers, Vgg(convolutions, heads, grid), (content,), style, 2**blocks, logits, side)


def _grid(arrays: Mapping[str, Any], channels: int) -> tuple[int, int] | None:
    """How many parts of the last pool the classifier sees, if there is one."""
    if not any(f"{name}_w" in arrays for name in _DENSE):
        return None
    kernel = np.shape(arrays.get("fc6_w", ()))
    sides: tuple[int | str, ...] = kernel[:2] if len(kernel) == 4 else ("any", "any")
    for name in _DENSE:
        _check(arrays, name, (*sides, channels, "any"))
        channels, sides = np.shape(arrays[f"{name}_w"])[-1], (1, 1)
    return kernel[0], kernel[1]


def _convolutions(arrays: Mapping[str, Any]) -> tuple[str, ...]:
    """The names "1_1", "1_2", "2_1" ... of what is there, in order; a gap is an error."""
    places = sorted((int(found[1]), int(found[2])) for name in arrays if (found := _KERNEL.fullmatch(name)))
    if not places:
        some = ", ".join(list(arrays)[:4])
        raise WeightsError(f"no conv1_1_w among its arrays ({some} ...); they are named conv1_1_w, conv1_1_b and so on")
    before = (1, 0)
    for place in places:
        if place not in ((before[0], before[1] + 1), (before[0] + 1, 1)) or (place == (2, 1) and before == (1, 0)):
            missing = (before[0], before[1] + 1) if place[0] == before[0] else (before[0] + 1, 1)
            raise WeightsError(f"conv{place[0]}_{place[1]}_w is there but conv{missing[0]}_{missing[1]}_w is missing")
        before = place
    return tuple(f"{block}_{number}" for block, number in places)


def _check(arrays: Mapping[str, Any], layer: str, expected: tuple[int | str, ...], optional: bool = False) -> None:
    """Kernel and bias of a layer: there, and of the expected shape ("any" stands for any length but 0)."""
    if optional and f"{layer}_w" not in arrays and f"{layer}_b" not in arrays:
        return
    for name, shape in ((f"{layer}_w", expected), (f"{layer}_b", expected[-1:])):
        if name not in arrays:
            raise WeightsError(f"{name} is missing")
        found = np.shape(arrays[name])
        fits = len(found) == len(shape) and all(f == s or (s == "any" and f) for f, s in zip(found, shape, strict=True))
        if not fits:
            wanted = ", ".join(map(str, shape))
            raise WeightsError(f"{name} has shape {list(found)} where [{wanted}] is expected")
    if np.shape(arrays[f"{layer}_b"])[0] != np.shape(arrays[f"{layer}_w"])[-1]:
        raise WeightsError(
            f"{layer}_b has {np.shape(arrays[f'{layer}_b'])[0]} values for the kernel's "
            f"{np.shape(arrays[f'{layer}_w'])[-1]} channels"
        )


build_vgg = build
"""The public name, for plugins: ``pixeldream.build_vgg``."""
