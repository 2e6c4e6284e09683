"""Network in Network for ImageNet (Lin, Chen and Yan 2013, arXiv:1312.4400; Caffe's model zoo).

Layers, by the names of its Caffe file: ``conv1`` and ``relu0``, ``cccp1`` and ``relu1`` ... ``cccp8-1024`` and
``relu12`` (there is no ``relu4``), the logits ``pool4`` and ``prob``. ``conv`` and ``cccp`` are before their ReLUs.
Arrays are named as the convolutions are: ``conv1_w`` [11, 11, 3, 96], ``cccp1_w`` [1, 1, 96, 96] ...
``conv4-1024_w``. A file may end after any layer. Input is BGR in [0, 255] less the mean of ImageNet, unless the file
has a ``conv0`` (see ``layers``). Deviation: ``pool4`` averages over the whole picture; the published 6x6 window is that
at 224 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.networks.building import Facts, assemble
from pixeldream.neural.networks.layers import Net, Stages, bgr, everywhere

_LAYERS = (
    ("conv1", "relu0", 11, 4, 0), ("cccp1", "relu1", 1, 1, 0), ("cccp2", "relu2", 1, 1, 0),
    ("conv2", "relu3", 5, 1, 2), ("cccp3", "relu5", 1, 1, 0), ("cccp4", "relu6", 1, 1, 0),
    ("conv3", "relu7", 3, 1, 1), ("cccp5", "relu8", 1, 1, 0), ("cccp6", "relu9", 1, 1, 0),
    ("conv4-1024", "relu10", 3, 1, 1), ("cccp7-1024", "relu11", 1, 1, 0), ("cccp8-1024", "relu12", 1, 1, 0),
)  # fmt: skip
"""Convolution, its ReLU, side of the kernel, stride, padding."""

_POOLED = ("conv2", "conv3", "conv4-1024")
_FACTS = Facts(("relu7",), ("relu0", "relu3", "relu7", "relu12"), "pool4", 224, 67)
"""Content and style as in neural-style (https://github.com/jcjohnson/neural-style)."""


class NetworkInNetwork(Net):
    """The network."""

    def stages(self, images: jax.Array) -> Stages:
        """``conv1``, ``relu0`` ... ``relu12``, ``pool4``, ``prob``."""
        features = self.prepare(images, bgr)
        for name, activation, *how in _LAYERS:
            if name in _POOLED:
                features = self.pool(features, 3, 2)
            features = self.convolve(name, features, *how)
            yield name, features
            features = self.rectify(features)
            yield activation, features
        features = everywhere(features)
        yield "pool4", features
        yield "prob", nn.softmax(features)


def build(arrays: Mapping[str, Any], name: str = "nin") -> FeatureNetwork:
    """The network that a file's arrays describe. Raises ``WeightsError`` for arrays that are not one."""
    return assemble(name, NetworkInNetwork, _FACTS, arrays)


build_nin = build
"""The public name, for plugins: ``pixeldream.build_nin``."""
