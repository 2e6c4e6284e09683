"""Inception-v3 (Szegedy et al. 2015, arXiv:1512.00567), batch norm folded into the convolutions.

Layers: the stem's ``conv`` to ``conv_4`` (after their ReLUs), ``mixed0`` to ``mixed10``, ``avg_pool``, ``logits`` and
``predictions``. The arrays are named as in the graph of 2015-12-05: ``conv_w``, ``mixed_conv_w``,
``mixed_1_tower_1_conv_2_w`` ..., then ``logits_w`` [1, 1, 2048, classes]. The convolutions come in the order in which
Keras numbers its own (``conv2d``, ``conv2d_1`` ...): see ``building.plan``. A file may end after any layer; what is of
a block that is not whole is left aside. Input is RGB in [-1, 1], unless the file has a ``conv0`` (see ``layers``).

The graph of 2015-12-05 has a max-pool in ``mixed10`` where Keras has an average; its classifier is known by 1008
classes. Files without a classifier are taken for Keras's. torchvision's average pools count the zeros beyond the
border, others' do not: an array ``count_include_pad`` [] that is not 0 says so. With reflection padding there are no
zeros to count.
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
from pixeldream.neural.networks.layers import Net, Pair, Stages, average, everywhere, largest, within_one

_CLASSES_OF_2015 = 1008
_STYLE = ("conv", "conv_2", "conv_4", "mixed0", "mixed2")
"""Tried on photographs: with deeper ones the pictures drown in noise of one pixel."""

_FACTS = Facts(("mixed2",), _STYLE, "logits", 299, 75)
_ROW, _COLUMN = (1, 7), (7, 1)
"""Kernels of one row and of one column."""


class Inception(Net):
    """The network. ``last_pool``: what stands before the last projection of ``mixed10``; ``counted``: whether average
    pools count the zeros beyond the border."""

    last_pool: str = "average"
    counted: bool = False

    def stages(self, images: jax.Array) -> Stages:
        """``conv`` ... ``conv_4``, ``mixed0`` ... ``mixed10``, ``avg_pool``, ``logits``, ``predictions``."""
        features = self.prepare(images, within_one)
        stem = (("conv", 3, 2, 0), ("conv_1", 3, 1, 0), ("conv_2", 3, 1, 1), ("conv_3", 1, 1, 0), ("conv_4", 3, 1, 0))
        for name, *how in stem:
            features = self.activate(name, features, *how)
            yield name, features
            if name in ("conv_2", "conv_4"):
                features = self.pool(features, 3, 2, ceil=False)
        blocks = [self.fine] * 3 + [self.shrink_fine] + [self.long] * 4 + [self.shrink_long] + [self.wide] * 2
        for number, block in enumerate(blocks):
            features = block(f"mixed_{number}" if number else "mixed", features)
            yield f"mixed{number}", features
        features = everywhere(features)
        yield "avg_pool", features
        features = self.convolve("logits", features)
        yield "logits", features
        yield "predictions", nn.softmax(features)

    def fine(self, name: str, features: jax.Array) -> jax.Array:
        """Kernels of 1x1, 5x5 and twice 3x3, and an average."""
        straight = self.activate(f"{name}_conv", features)
        tower = self.tower(f"{name}_tower", features, 1, 5)
        second = self.tower(f"{name}_tower_1", features, 1, 3, 3)
        return _join(straight, tower, second, self.projected(name, features))

    def shrink_fine(self, name: str, features: jax.Array) -> jax.Array:
        """To half the size by 3x3."""
        straight = self.activate(f"{name}_conv", features, 3, stride=2)
        tower = self.tower(f"{name}_tower", features, 1, 3)
        tower = self.activate(f"{name}_tower_conv_2", tower, 3, stride=2)
        return _join(straight, tower, self.pool(features, 3, 2, ceil=False))

    def long(self, name: str, features: jax.Array) -> jax.Array:
        """7x7 as a row and a column, once and twice."""
        straight = self.activate(f"{name}_conv", features)
        tower = self.tower(f"{name}_tower", features, 1, _ROW, _COLUMN)
        second = self.tower(f"{name}_tower_1", features, 1, _COLUMN, _ROW, _COLUMN, _ROW)
        return _join(straight, tower, second, self.projected(name, features))

    def shrink_long(self, name: str, features: jax.Array) -> jax.Array:
        """To half the size again."""
        tower = self.activate(f"{name}_tower_conv", features)
        tower = self.activate(f"{name}_tower_conv_1", tower, 3, stride=2)
        second = self.tower(f"{name}_tower_1", features, 1, _ROW, _COLUMN)
        second = self.activate(f"{name}_tower_1_conv_3", second, 3, stride=2)
        return _join(tower, second, self.pool(features, 3, 2, ceil=False))

    def wide(self, name: str, features: jax.Array) -> jax.Array:
        """Rows and columns side by side."""
        straight = self.activate(f"{name}_conv", features)
        tower = self.fork(f"{name}_tower", self.tower(f"{name}_tower", features, 1))
        second = self.fork(f"{name}_tower_1", self.tower(f"{name}_tower_1", features, 1, 3))
        return _join(straight, *tower, *second, self.projected(name, features))

    def tower(self, name: str, features: jax.Array, *kernels: int | Pair) -> jax.Array:
        """Convolutions of one size, named ``_conv``, ``_conv_1`` ..."""
        for number, kernel in enumerate(kernels):
            sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
            pad = (sides[0] // 2, sides[1] // 2)
            features = self.activate(f"{name}_conv_{number}" if number else f"{name}_conv", features, sides, pad=pad)
        return features

    def fork(self, name: str, features: jax.Array) -> tuple[jax.Array, jax.Array]:
        """A row and a column beside it."""
        row = self.activate(f"{name}_mixed_conv", features, (1, 3), pad=(0, 1))
        return row, self.activate(f"{name}_mixed_conv_1", features, (3, 1), pad=(1, 0))

    def projected(self, name: str, features: jax.Array) -> jax.Array:
        """A pool of the same size, and 1x1. It is part of the block, no choice of ``pooling``."""
        if name == "mixed_10" and self.last_pool == "max":
            pooled = largest(features, 3, 1, 1, ceil=False)
        else:
            pooled = average(features, 3, 1, 1, ceil=False, counted=self.counted and self.padding == "zeros")
        return self.activate(f"{name}_tower_2_conv", pooled)


def _join(*parts: jax.Array) -> jax.Array:
    return jnp.concatenate(parts, -1)


def build(arrays: Mapping[str, Any], name: str = "inception-v3") -> FeatureNetwork:
    """The network that a file's arrays describe. Raises ``WeightsError`` for arrays that are not one."""
    classes = np.shape(arrays.get("logits_b", ()))
    last_pool = "max" if classes == (_CLASSES_OF_2015,) else "average"
    counted = bool(np.any(arrays.get("count_include_pad", False)))
    return assemble(name, partial(Inception, last_pool=last_pool, counted=counted), _FACTS, arrays, torn=True)


build_inception = build
"""The public name, for plugins: ``pixeldream.build_inception``."""
