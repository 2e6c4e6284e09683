"""SqueezeNet 1.0 and 1.1 (Iandola et al. 2016, arXiv:1602.07360): not VGG-shaped, small and quick.

Layers: ``conv1`` (after its ReLU), the outputs of ``fire2`` to ``fire9``, ``conv10`` (after its ReLU), its average
``pool10``, the logits, and ``prob``. A file holds ``conv1_w`` and, for each fire module, ``_squeeze1x1``,
``_expand1x1`` and ``_expand3x3`` kernels [h, w, in, out] with biases; it may end after any module. As published,
``conv1`` has stride 2 and no padding, and pools are 3x3 with stride 2 whose last window may hang over the edge. Version
1.1 has a smaller ``conv1`` and earlier pools. Input is BGR in [0, 255] less the mean of ImageNet, unless the file has a
``conv0`` (see ``layers``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.networks.building import Facts, assemble
from pixeldream.neural.networks.layers import Net, Stages, bgr, everywhere
from pixeldream.neural.weights import WeightsError

_STYLE = ("conv1", "fire3", "fire4", "fire5")
"""Tried on photographs: with deeper ones the pictures drown in noise of one pixel."""

_KERNELS = {"1.0": 7, "1.1": 3}
_POOLED = {"1.0": (2, 5, 9), "1.1": (2, 4, 6)}
"""The modules with a pool before them."""

_FACTS = Facts(("fire3",), _STYLE, "pool10", 227, 25)
"""The side of Caffe's files. Below 25 pixels the last pool has no whole window."""


class SqueezeNet(Net):
    """The network of one version."""

    version: str = "1.1"

    def stages(self, images: jax.Array) -> Stages:
        """``conv1``, ``fire2`` ... ``fire9``, ``conv10``, ``pool10``, ``prob``."""
        features = self.activate("conv1", self.prepare(images, bgr), _KERNELS[self.version], stride=2)
        yield "conv1", features
        for number in range(2, 10):
            if number in _POOLED[self.version]:
                features = self.pool(features, 3, 2)
            features = self.fire(f"fire{number}", features)
            yield f"fire{number}", features
        features = self.activate("conv10", features)
        yield "conv10", features
        features = everywhere(features)
        yield "pool10", features
        yield "prob", nn.softmax(features)

    def fire(self, name: str, features: jax.Array) -> jax.Array:
        """Squeezed to a few channels, then expanded by kernels of two sizes."""
        squeezed = self.activate(f"{name}_squeeze1x1", features)
        small, large = (self.activate(f"{name}_expand{size}x{size}", squeezed, size, pad=size // 2) for size in (1, 3))
        return jnp.concatenate([small, large], -1)


def build(arrays: Mapping[str, Any], name: str = "squeezenet1.1", version: str = "1.1") -> FeatureNetwork:
    """The network that a file's arrays describe. Raises ``WeightsError`` for arrays that are not one, also for those of
    another version than ``version``."""
    found = np.shape(arrays.get("conv1_w", ()))[:1]
    other = next((v for v, kernel in _KERNELS.items() if (kernel,) == found and v != version), None)
    if other is not None:
        raise WeightsError(f"conv1_w is {found[0]}x{found[0]}: these are weights of SqueezeNet {other}, not {version}")
    facts = _FACTS if version == "1.1" else _FACTS._replace(minimum_side=29)
    return assemble(name, lambda widths: SqueezeNet(widths, version=version), facts, arrays)


build_squeezenet = build
"""The public name, for plugins: ``pixeldream.build_squeezenet``."""
