"""GoogLeNet (Szegedy et al. 2014, arXiv:1409.4842): what deep dreams were first seen in.

Layers, by the names of BVLC's Caffe model: ``conv1/7x7_s2``, ``conv2/3x3_reduce``, ``conv2/3x3`` (after their ReLUs),
``inception_3a`` to ``inception_5b`` and the parts of each, such as ``inception_3b/5x5_reduce``, ``pool5``,
``loss3/classifier`` (the logits) and ``prob``. The arrays have the same names with ``_`` for ``/``:
``conv1_7x7_s2_w``, ``inception_3a_pool_proj_b`` ... ``loss3_classifier_w`` [1, 1, 1024, classes]. A file may end after
any layer. Input is BGR in [0, 255] less the mean of ImageNet, unless the file has a ``conv0`` (see ``layers``).

torchvision's form, batch norm folded, is known by kernels of 3x3 in the branches called 5x5: it normalises no responses
and its fourth pool is 2x2. Its input is RGB in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.networks.building import Facts, assemble
from pixeldream.neural.networks.layers import Net, Stages, bgr, everywhere, normalise, within_one

_STYLE = ("conv1/7x7_s2", "conv2/3x3", "inception_3b", "inception_4b", "inception_4d")
_FACTS = Facts(("inception_4b",), _STYLE, "loss3/classifier", 224, 32)
_BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")


class GoogLeNet(Net):
    """The network, in Caffe's form or in torchvision's."""

    torchvision: bool = False

    def stages(self, images: jax.Array) -> Stages:
        """``conv1/7x7_s2`` ... ``inception_5b``, ``pool5``, ``loss3/classifier``, ``prob``."""
        features = self.prepare(images, within_one if self.torchvision else bgr)
        features = self.activate("conv1_7x7_s2", features, 7, stride=2, pad=3)
        yield "conv1/7x7_s2", features
        features = self.activate("conv2_3x3_reduce", self.calmed(self.pool(features, 3, 2)))
        yield "conv2/3x3_reduce", features
        features = self.activate("conv2_3x3", features, 3, pad=1)
        yield "conv2/3x3", features
        features = self.calmed(features)
        for block in _BLOCKS:
            if block[1] == "a":
                features = self.pool(features, 2 if block == "5a" and self.torchvision else 3, 2)
            parts: list[jax.Array] = []
            for part, found in self.parts(f"inception_{block}", features):
                yield f"inception_{block}/{part}", found
                parts += [] if part.endswith("_reduce") else [found]
            features = jnp.concatenate(parts, -1)
            yield f"inception_{block}", features
        features = everywhere(features)
        yield "pool5", features
        features = self.convolve("loss3_classifier", features)
        yield "loss3/classifier", features
        yield "prob", nn.softmax(features)

    def parts(self, name: str, features: jax.Array) -> Stages:
        """Kernels of three sizes and a max-pool, side by side."""
        yield "1x1", self.activate(f"{name}_1x1", features)
        for called, kernel in (("3x3", 3), ("5x5", 3 if self.torchvision else 5)):
            squeezed = self.activate(f"{name}_{called}_reduce", features)
            yield f"{called}_reduce", squeezed
            yield called, self.activate(f"{name}_{called}", squeezed, kernel, pad=kernel // 2)
        yield "pool_proj", self.activate(f"{name}_pool_proj", self.pool(features, 3, 1, 1))

    def calmed(self, features: jax.Array) -> jax.Array:
        """Responses normalised as in Caffe's form."""
        return features if self.torchvision else normalise(features, 1e-4, 1.0)


def build(arrays: Mapping[str, Any], name: str = "googlenet") -> FeatureNetwork:
    """The network that a file's arrays describe. Raises ``WeightsError`` for arrays that are not one."""
    torchvision = np.shape(arrays.get("inception_3a_5x5_w", ()))[:2] == (3, 3)
    return assemble(name, partial(GoogLeNet, torchvision=torchvision), _FACTS, arrays)


build_googlenet = build
"""The public name, for plugins: ``pixeldream.build_googlenet``."""
