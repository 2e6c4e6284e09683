"""The parts of a critic that look at a pretrained network's features; see :mod:`pixeldream.neural.gan.sight`."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
from flax import nnx

from pixeldream.neural.gan.layers import Halve, Norm, embedding, first_kernel

SIDE = 4
"""Of what a head scores: so many places across, each with a score of its own."""

_THIN = 24
"""Channels that a head has at least, once it has halved its features."""


def head_widths(side: int, width: int, widest: int) -> tuple[int, ...]:
    """The channels of features of ``width`` channels, and behind each convolution that halves their side down to
    :data:`SIDE`."""
    widths = [width]
    while side > SIDE:
        widths.append(min(widest, max(_THIN, widths[-1] * 3 // 2)))
        side //= 2
    return tuple(widths)


class Head(nnx.Module):
    """Scores the features of one layer."""

    def __init__(self, side: int, width: int, widest: int, classes: int, deviation: float, *, rngs: nnx.Rngs) -> None:
        widths = head_widths(side, width, widest)
        self.layers = nnx.List(Halve(before, after, deviation, False, rngs=rngs) for before, after in pairwise(widths))
        self.joint = nnx.Conv(
            widths[-1], widest, (3, 3), use_bias=False, kernel_init=first_kernel(deviation), rngs=rngs
        )
        self.norms = nnx.List(Norm(after, 0, rngs=rngs) for after in (*widths[1:], widest))
        self.last = nnx.Linear(widest, 1, kernel_init=first_kernel(deviation), rngs=rngs)
        # How well the features of each place suit the class, as in the critic of pixels.
        self.classes = embedding(classes, widest, rngs) if classes else None

    def __call__(self, x: jax.Array, classes: jax.Array, slope: float) -> jax.Array:
        """``[n, side, side, width]``, ``classes`` int32 ``[n]`` -> scores ``[n, SIDE, SIDE]``."""
        for layer, norm in zip([*self.layers, self.joint], self.norms, strict=True):
            x = jax.nn.leaky_relu(norm(layer(x), x, True), slope)
        scores = self.last(x)[..., 0]
        if self.classes is not None:
            scores = scores + jnp.einsum("nhwc,nc->nhw", x, self.classes(classes))
        times = SIDE // scores.shape[1]
        return scores if times == 1 else scores.repeat(times, 1).repeat(times, 2)
