"""Networks that turn pictures into pictures, and the critic that looks at patches; as pure functions of their arrays.

Pictures are float32 ``[n, height, width, 3]`` in [0, 1], of any size: every layer is a convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from numpy.random import Generator

from pixeldream.neural.gan.layers import KERNEL, enlarge
from pixeldream.neural.gan.networks import Arrays
from pixeldream.neural.gan.sibling_settings import Enlarging, Translating

DEVIATION = 0.02
"""Of the normal distribution that the translator's and the critic's kernels begin in, as in both papers' programs."""

SLOPE = 0.2

_EPSILON = 1e-5

_EDGE = 0.02
"""How far from black and white a picture's values are taken to be, where a translator changes them."""


class Conv(nnx.Module):
    """A convolution over a picture that is mirrored at its borders: nothing dark comes in. Without ``mirrored`` zeros
    are around it, which a CPU adds in a fraction of the time."""

    def __init__(
        self,
        random: Generator,
        inside: int,
        outside: int,
        side: int,
        *,
        stride: int = 1,
        deviation: float = 0.0,
        mirrored: bool = True,
    ) -> None:
        self.kernel = nnx.Param(_first(random, (side, side, inside, outside), deviation))
        self.bias = nnx.Param(jnp.zeros(outside))
        self.stride, self.mirrored = stride, mirrored

    def __call__(self, x: jax.Array) -> jax.Array:
        """``[n, h, w, in] -> [n, h / stride, w / stride, out]``"""
        side = self.kernel.shape[0]
        before, after = (side - self.stride) // 2, (side - self.stride + 1) // 2
        around = ((before, after), (before, after))
        if self.mirrored:
            x, around = jnp.pad(x, ((0, 0), *around, (0, 0)), mode="reflect"), ((0, 0), (0, 0))
        made = jax.lax.conv_general_dilated(
            x, self.kernel[...], (self.stride, self.stride), around, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return made + self.bias[...].reshape(1, 1, 1, -1)


def _first(random: Generator, shape: tuple[int, ...], deviation: float) -> jax.Array:
    """A kernel as it begins: normally distributed; for 0 with the deviation of He et al. (arXiv 1502.01852). By numpy:
    jax would compile something for each shape."""
    spread = deviation or float(np.sqrt(2.0 / np.prod(shape[:3])))
    return jnp.asarray(spread * random.standard_normal(shape, dtype=np.float32))


class Prelu(nnx.Module):
    """A rectifier whose slope below zero is learnt, one a channel."""

    def __init__(self, channels: int) -> None:
        self.slope = nnx.Param(jnp.full(channels, 0.25, jnp.float32))

    def __call__(self, x: jax.Array) -> jax.Array:
        """``[n, h, w, channels]`` of that shape."""
        return jnp.where(x >= 0, x, self.slope[...].reshape(1, 1, 1, -1) * x)


def shuffle(x: jax.Array, times: int) -> jax.Array:
    """``[n, h, w, times^2 c] -> [n, times h, times w, c]``: channels become blocks of pixels (Shi et al., arXiv
    1609.05158)."""
    n, height, width, channels = x.shape
    left = channels // times**2
    blocks = x.reshape(n, height, width, times, times, left)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(n, times * height, times * width, left)


def instance_norm(x: jax.Array) -> jax.Array:
    """Each channel of each picture with mean 0 and variance 1 (Ulyanov et al., arXiv 1607.08022)."""
    middle = x.mean((1, 2), keepdims=True)
    return (x - middle) * jax.lax.rsqrt(jnp.square(x - middle).mean((1, 2), keepdims=True) + _EPSILON)


class EnlargerBlock(nnx.Module):
    """Two convolutions beside a way past them. Without the paper's batch normalisation, which leaves spots and makes a
    picture depend on those beside it (Wang et al., arXiv 1809.00219)."""

    def __init__(self, random: Generator, width: int) -> None:
        self.first, self.second = (Conv(random, width, width, 3, mirrored=False) for _ in range(2))
        self.bend = Prelu(width)

    def __call__(self, x: jax.Array) -> jax.Array:
        """``[n, h, w, width]`` of that shape."""
        return x + 0.5 * self.second(self.bend(self.first(x)))


class Enlarger(nnx.Module):
    """The generator of SRGAN. What it draws is added to the picture enlarged by a cubic filter (Keys 1981), and is
    nothing at first: training begins at what is to be bettered. All of it is small until the last layer, whose channels
    are the new pixels, as Shi et al. have it: the paper's layers behind that took a CPU most of the time."""

    def __init__(self, plan: Enlarging, random: Generator) -> None:
        self.times, width = plan.times, plan.width
        self.first, self.bend = Conv(random, 3, width, 9), Prelu(width)
        self.blocks = nnx.List(EnlargerBlock(random, width) for _ in range(plan.blocks))
        self.joint = Conv(random, width, width, 3, mirrored=False)
        self.last = Conv(random, width, 3 * plan.times**2, 3, mirrored=False)
        self.last.kernel[...] = jnp.zeros_like(self.last.kernel[...])

    def __call__(self, images: jax.Array) -> jax.Array:
        """``[n, h, w, 3] -> [n, times h, times w, 3]``, about in [0, 1]."""
        begun = self.bend(self.first(2.0 * images - 1.0))
        x = begun
        for block in self.blocks:
            x = block(x)
        x = begun + self.joint(x)
        n, height, width, _ = images.shape
        cubic = jax.image.resize(images, (n, self.times * height, self.times * width, 3), "cubic")
        return cubic + shuffle(self.last(x), self.times)


class Up(nnx.Module):
    """A transposed convolution that doubles both sides; the paper's kernels are of 3, ours of 4, which leave no
    chequerboard."""

    def __init__(self, random: Generator, inside: int, outside: int) -> None:
        self.kernel = nnx.Param(_first(random, (KERNEL, KERNEL, inside, outside), DEVIATION))

    def __call__(self, x: jax.Array) -> jax.Array:
        """``[n, h, w, in] -> [n, 2h, 2w, out]``"""
        return enlarge(x, self.kernel[...])


class TranslatorBlock(nnx.Module):
    """As the paper's: two normalised convolutions beside a way past them."""

    def __init__(self, random: Generator, width: int) -> None:
        self.first, self.second = (Conv(random, width, width, 3, deviation=DEVIATION) for _ in range(2))

    def __call__(self, x: jax.Array) -> jax.Array:
        """``[n, h, w, width]`` of that shape."""
        return x + instance_norm(self.second(jax.nn.relu(instance_norm(self.first(x)))))


class Translator(nnx.Module):
    """The generator of CycleGAN, of any number of residual blocks. What it draws changes the picture that it is given,
    as lights add in front of a sigmoid: it begins as a translator that changes nothing, and learns sooner. The last
    layer works at half the size, its channels being blocks of pixels, where the paper's took a CPU most of the time."""

    def __init__(self, plan: Translating, random: Generator) -> None:
        width = plan.width
        self.first = Conv(random, 3, width, 7, deviation=DEVIATION)
        self.downs = nnx.List(
            Conv(random, width << step, width << (step + 1), 3, stride=2, deviation=DEVIATION) for step in range(2)
        )
        self.blocks = nnx.List(TranslatorBlock(random, 4 * width) for _ in range(plan.blocks))
        self.up = Up(random, 4 * width, 2 * width)
        self.last = Conv(random, 2 * width, 3 * 2**2, 3, deviation=0.001)

    def __call__(self, images: jax.Array) -> jax.Array:
        """``[n, h, w, 3]`` of that shape, in [0, 1]."""
        height, width = images.shape[1:3]
        more = ((0, 0), (0, -height % 4), (0, -width % 4), (0, 0))
        padded = jnp.pad(images, more, mode="reflect")
        x = jax.nn.relu(instance_norm(self.first(2.0 * padded - 1.0)))
        for down in self.downs:
            x = jax.nn.relu(instance_norm(down(x)))
        for block in self.blocks:
            x = block(x)
        x = jax.nn.relu(instance_norm(self.up(x)))
        held = jnp.clip(padded, _EDGE, 1.0 - _EDGE)
        made = jax.nn.sigmoid(jnp.log(held / (1.0 - held)) + shuffle(self.last(x), 2))
        return made[:, :height, :width]


class PatchCritic(nnx.Module):
    """Scores every patch of a picture (Isola et al., arXiv 1611.07004). Its kernels are to be normalised by their
    spectra, where the papers normalise batches or instances."""

    def __init__(self, plan: Enlarging | Translating, random: Generator) -> None:
        widths = (3, *plan.critic)
        self.layers = nnx.List(
            Conv(random, before, after, 4, stride=2, deviation=DEVIATION) for before, after in pairwise(widths)
        )
        self.joint = Conv(random, widths[-1], widths[-1], 3, deviation=DEVIATION)
        self.last = Conv(random, widths[-1], 1, 3, deviation=DEVIATION)

    def __call__(self, images: jax.Array) -> jax.Array:
        """``[n, h, w, 3] -> [n, h', w']``: high for what it takes for real."""
        x = 2.0 * images - 1.0
        for layer in self.layers:
            x = jax.nn.leaky_relu(layer(x), SLOPE)
        return self.last(jax.nn.leaky_relu(self.joint(x), SLOPE))[..., 0]


@lru_cache
def _form(kind: Callable[..., nnx.Module], plan: Any) -> Any:
    return nnx.graphdef(nnx.eval_shape(lambda: kind(plan, np.random.default_rng(0))))


def begin(kind: Callable[..., nnx.Module], plan: Enlarging | Translating, number: int) -> Arrays:
    """What a network of a kind learns, before it has: network ``number`` of those that begin by the plan's seed."""
    return nnx.state(kind(plan, np.random.default_rng((plan.seed, number))), nnx.Param)


def apply(kind: Callable[..., nnx.Module], plan: Any, arrays: Arrays, images: jax.Array) -> jax.Array:
    """What a network of a kind makes of pictures."""
    model: Any = nnx.merge(_form(kind, plan), arrays, copy=True)
    return model(images)
