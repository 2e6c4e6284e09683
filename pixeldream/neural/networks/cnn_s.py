"""VGG CNN-S, the slow one of three (Chatfield, Simonyan, Vedaldi and Zisserman 2014, arXiv:1405.3531).

Layers, by the names of its Caffe file: ``conv1`` to ``conv5`` before and ``relu1`` to ``relu5`` after their ReLUs,
``norm1``, ``pool1``, ``pool2``, ``pool5``, ``fc6``, ``relu6``, ``fc7``, ``relu7``, the logits ``fc8`` and ``prob``.
The arrays are ``conv1_w`` [7, 7, 3, 96] ... ``fc6_w`` [6, 6, 512, 4096], ``fc7_w`` [1, 1, 4096, 4096] and ``fc8_w``. A
file may end after any layer. Input is BGR in [0, 255] less the mean of ImageNet, unless the file has a ``conv0`` (see
``layers``); the authors subtract a mean picture, which is nearly of one colour. Before ``fc6``, pictures of other sizes
than 224 x 224 are averaged to 6 x 6 parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
from flax import linen as nn

from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.networks.building import Facts, assemble
from pixeldream.neural.networks.grid import to_grid
from pixeldream.neural.networks.layers import Net, Stages, bgr, normalise

_CONVOLUTIONS = (("conv1", 7, 2, 0), ("conv2", 5, 1, 0), ("conv3", 3, 1, 1), ("conv4", 3, 1, 1), ("conv5", 3, 1, 1))
_POOLS = {"1": 3, "2": 2, "5": 3}
"""Behind which convolution a pool stands, and how large it is."""

_GRID = 6
_STYLE = ("relu1", "relu2", "relu3", "relu4", "relu5")
_FACTS = Facts(("relu4",), _STYLE, "fc8", 224, 55)


class CnnS(Net):
    """The network."""

    def stages(self, images: jax.Array) -> Stages:
        """``conv1``, ``relu1``, ``norm1``, ``pool1`` ... ``pool5``, ``fc6`` ... ``fc8``, ``prob``."""
        features = self.prepare(images, bgr)
        for name, *how in _CONVOLUTIONS:
            number = name[-1]
            features = self.convolve(name, features, *how)
            yield name, features
            features = self.rectify(features)
            yield f"relu{number}", features
            if number == "1":
                features = normalise(features, 5e-4, 2.0)
                yield "norm1", features
            if number in _POOLS:
                features = self.pool(features, _POOLS[number], _POOLS[number])
                yield f"pool{number}", features
        features = to_grid(features, _GRID, _GRID)
        for number, side in (("6", _GRID), ("7", 1)):
            features = self.convolve(f"fc{number}", features, side)
            yield f"fc{number}", features
            features = self.rectify(features)
            yield f"relu{number}", features
        features = self.convolve("fc8", features)
        yield "fc8", features
        yield "prob", nn.softmax(features)


def build(arrays: Mapping[str, Any], name: str = "vgg-cnn-s") -> FeatureNetwork:
    """The network that a file's arrays describe. Raises ``WeightsError`` for arrays that are not one."""
    return assemble(name, CnnS, _FACTS, arrays)


build_cnn_s = build
"""The public name, for plugins: ``pixeldream.build_cnn_s``."""
