"""The parts of both networks, in Flax NNX. Kernels are ``[height, width, in, out]``."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

KERNEL = 4
"""The side of a kernel that doubles or halves a picture."""

THIN = 8
"""Channels, at most, of pictures that :func:`halve` takes apart itself on a CPU."""

LARGE = 32
"""The least side of pictures whose kernel's gradient :func:`halve` computes itself on a CPU."""

BESIDE = 16
"""Zeros at the end of a row."""

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def enlarge(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The transposed convolution of ``x [n, h, w, in]`` with a kernel of 4 and a stride of 2: ``[n, 2h, 2w, out]``,
    equal to ``jax.lax.conv_transpose(x, kernel, (2, 2), "SAME")``.

    One matrix product gives what each pixel adds to the four 2 x 2 blocks that it lies beside; the sums of four are
    the blocks' channels, which are spread over the blocks (as Shi et al. do, arXiv 1609.07009). XLA's own way, a
    convolution of ``x`` with zeros in between, takes ten times as long on a CPU, most of it for the kernel's gradient;
    it is left to other devices.
    """
    if jax.default_backend() != "cpu":
        return jax.lax.conv_transpose(x, kernel, (2, 2), "SAME", dimension_numbers=_LAYOUT)
    n, height, width, inside = x.shape
    outside = kernel.shape[-1]
    # Of four taps in a row, the second and the fourth meet the block's first pixel, the others its second.
    split = kernel.reshape(2, 2, 2, 2, inside, outside)[:, ::-1, :, ::-1]
    matrix = split.transpose(4, 0, 2, 1, 3, 5).reshape(inside, 16 * outside)
    given = (x.reshape(-1, inside) @ matrix).reshape(n, height, width, 2, 2, 4 * outside)
    parts = [
        jnp.pad(given[:, :, :, top, left], ((0, 0), (1 - top, top), (1 - left, left), (0, 0)))
        for top in (0, 1)
        for left in (0, 1)
    ]
    blocks = sum(parts[1:], parts[0]).reshape(n, height + 1, width + 1, 2, 2, outside)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(n, 2 * height + 2, 2 * width + 2, outside)[:, 1:-1, 1:-1]


def halve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The convolution of ``x [n, 2h, 2w, in]`` with a kernel of 4 and a stride of 2: ``[n, h, w, out]``."""
    if jax.default_backend() != "cpu":
        return _convolved(x, kernel)
    if x.shape[-1] <= THIN:
        return _seen(x) @ _matrix(kernel)
    return _halve(x, kernel) if x.shape[1] >= LARGE else _convolved(x, kernel)


def _convolved(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=_LAYOUT)


@jax.custom_vjp
def _halve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The same with a gradient of the kernel that takes half as long, for large pictures on a CPU: a matrix product
    whose rows are no power of two, so that a column's numbers don't fall into the same places of the cache."""
    return _convolved(x, kernel)


def _halve_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _convolved(x, kernel), (x, kernel)


def _halve_backward(kept: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = kept
    seen = _seen(x, BESIDE)
    rows = seen.reshape(-1, seen.shape[-1])
    made = (rows.T @ gradient.reshape(-1, gradient.shape[-1]))[:-BESIDE]
    inside, outside = kernel.shape[2:]
    of_kernel = made.reshape(2, 2, 2, 2, inside, outside).transpose(0, 2, 1, 3, 4, 5).reshape(kernel.shape)
    return jax.linear_transpose(lambda image: _convolved(image, kernel), x)(gradient)[0], of_kernel


_halve.defvjp(_halve_forward, _halve_backward)


def _seen(x: jax.Array, beside: int = 0) -> jax.Array:
    """What each place of the kernel sees: ``[n, 2h, 2w, in] -> [n, h, w, 16 in + beside]``, the last ones zero."""
    n, height, width, inside = x.shape
    down, across = height // 2 + 1, width // 2 + 1
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))).reshape(n, down, 2, across, 2, inside)
    blocks = padded.transpose(0, 1, 3, 2, 4, 5).reshape(n, down, across, 4 * inside)
    seen = [blocks[:, top : top + down - 1, left : left + across - 1] for top in (0, 1) for left in (0, 1)]
    none = [jnp.zeros((n, down - 1, across - 1, beside), x.dtype)] if beside else []
    return jnp.concatenate(seen + none, -1)


def _matrix(kernel: jax.Array) -> jax.Array:
    """A kernel as :func:`_seen` needs it, ``[16 in, out]``."""
    inside, outside = kernel.shape[2:]
    return kernel.reshape(2, 2, 2, 2, inside, outside).transpose(0, 2, 1, 3, 4, 5).reshape(16 * inside, outside)


def first_kernel(deviation: float, mean: float = 0.0) -> jax.nn.initializers.Initializer:
    """How an array begins: normally distributed, or Glorot's way for 0.

    The numbers are numpy's: jax compiles for most of a minute what draws those of a whole network. Where only shapes
    are asked for (a traced key) they are zeros.
    """

    def begin(key: jax.Array, shape: Any, dtype: Any = jnp.float32, out_sharding: Any = None) -> jax.Array:
        if isinstance(key, jax.core.Tracer):
            return jnp.zeros(shape, dtype)
        random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        if deviation:
            return jnp.asarray(random.normal(mean, deviation, shape), dtype)
        places = math.prod(shape[:-2])
        most = math.sqrt(6.0 / (places * (shape[-2] + shape[-1])))
        return jnp.asarray(random.uniform(-most, most, shape), dtype)

    return begin


def embedding(classes: int, numbers: int, rngs: nnx.Rngs) -> nnx.Embed:
    """A vector of so many numbers for each class; as long as 1, about, at first."""
    return nnx.Embed(classes, numbers, embedding_init=first_kernel(numbers**-0.5), rngs=rngs)


class Enlarge(nnx.Module):
    """A transposed convolution that doubles both sides. ``even``: it begins the same seen in a mirror, so that what it
    draws at first has no chequerboard that must be unlearnt (after Aitken et al., arXiv 1707.02937)."""

    def __init__(
        self, inside: int, outside: int, deviation: float, bias: bool, even: bool = False, *, rngs: nnx.Rngs
    ) -> None:
        kernel = first_kernel(deviation)(rngs.params(), (KERNEL, KERNEL, inside, outside), jnp.float32)
        if even:
            # Half the sum of four keeps the deviation.
            kernel = kernel + kernel[::-1]
            kernel = 0.5 * (kernel + kernel[:, ::-1])
        self.kernel = nnx.Param(kernel)
        self.bias = nnx.Param(jnp.zeros(outside)) if bias else None

    def __call__(self, x: jax.Array) -> jax.Array:
        """``[n, h, w, in] -> [n, 2h, 2w, out]``"""
        made = enlarge(x, self.kernel[...])
        return made if self.bias is None else made + self.bias[...].reshape(1, 1, 1, -1)


class Halve(nnx.Module):
    """A convolution that halves both sides."""

    def __init__(self, inside: int, outside: int, deviation: float, bias: bool, *, rngs: nnx.Rngs) -> None:
        begin = first_kernel(deviation)
        self.kernel = nnx.Param(begin(rngs.params(), (KERNEL, KERNEL, inside, outside), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(outside)) if bias else None

    def __call__(self, x: jax.Array) -> jax.Array:
        """``[n, 2h, 2w, in] -> [n, h, w, out]``"""
        made = halve(x, self.kernel[...])
        return made if self.bias is None else made + self.bias[...].reshape(1, 1, 1, -1)


class Refine(nnx.Module):
    """A 3 x 3 convolution beside the features as they are: what it makes is added to them."""

    def __init__(self, channels: int, deviation: float, norm: Norm | None, slope: float, *, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(
            channels, channels, (3, 3), use_bias=norm is None, kernel_init=first_kernel(deviation), rngs=rngs
        )
        self.norm, self.slope = norm, slope

    def __call__(self, x: jax.Array, told: jax.Array | None = None, train: bool = False) -> jax.Array:
        """``[n, h, w, channels]``, and the same again. ``told [n, numbers]``, ``train``: for the norm."""
        made = self.conv(x)
        if self.norm is not None:
            assert told is not None
            made = self.norm(made, told, train)
        return x + jax.nn.leaky_relu(made, self.slope)


class Norm(nnx.Module):
    """Batch normalisation whose running averages hold about the last ten batches.

    ``told``: how many numbers say what scales and shifts are for each picture (self-modulation, Chen et al., arXiv
    1810.01365); 0 for the same ones for all, which begin about 1, as in the DCGAN of 2015.
    """

    def __init__(self, channels: int, told: int, *, rngs: nnx.Rngs) -> None:
        plain = not told
        self.batch = nnx.BatchNorm(
            channels, momentum=0.9, use_scale=plain, use_bias=plain, scale_init=first_kernel(0.02, 1.0), rngs=rngs
        )
        self.told = nnx.Linear(told, 2 * channels, kernel_init=first_kernel(0.02), rngs=rngs) if told else None

    def __call__(self, x: jax.Array, told: jax.Array, train: bool) -> jax.Array:
        """``x [n, h, w, channels]``, ``told [n, numbers]``. ``train``: by the batch, and remember it."""
        x = self.batch(x, use_running_average=not train)
        if self.told is None:
            return x
        scale, shift = jnp.split(self.told(told)[:, None, None], 2, -1)
        return x * (1.0 + scale) + shift
