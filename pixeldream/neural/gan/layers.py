"""The parts of both networks, in Flax NNX. Kernels are ``[height, width, in, out]``."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx

KERNEL = 4
"""The side of a kernel that doubles or halves a picture."""


def enlarge(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """The transposed convolution of ``x [n, h, w, in]`` with a kernel of 4 and a stride of 2: ``[n, 2h, 2w, out]``,
    equal to ``jax.lax.conv_transpose(x, kernel, (2, 2), "SAME")``.

    One matrix product gives what each pixel adds to the four 2 x 2 blocks that it lies beside; the sums of four are
    the blocks' channels, which are spread over the blocks (as Shi et al. do, arXiv 1609.07009). XLA's own way, a
    convolution of ``x`` with zeros in between, takes ten times as long on a CPU, most of it for the kernel's gradient.
    """
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


def first_kernel(deviation: float) -> jax.nn.initializers.Initializer:
    """How a kernel begins: normally distributed, or Glorot's way for 0."""
    return jax.nn.initializers.normal(deviation) if deviation else jax.nn.initializers.glorot_uniform()


class Enlarge(nnx.Module):
    """A transposed convolution that doubles both sides."""

    def __init__(self, inside: int, outside: int, deviation: float, bias: bool, *, rngs: nnx.Rngs) -> None:
        begin = first_kernel(deviation)
        self.kernel = nnx.Param(begin(rngs.params(), (KERNEL, KERNEL, inside, outside), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(outside)) if bias else None

    def __call__(self, x: jax.Array) -> jax.Array:
        """``[n, h, w, in] -> [n, 2h, 2w, out]``"""
        made = enlarge(x, self.kernel[...])
        return made if self.bias is None else made + self.bias[...].reshape(1, 1, 1, -1)


def halve(inside: int, outside: int, deviation: float, bias: bool, rngs: nnx.Rngs) -> nnx.Conv:
    """A convolution that halves both sides."""
    return nnx.Conv(
        inside, outside, (KERNEL, KERNEL), (2, 2), padding="SAME", use_bias=bias, kernel_init=first_kernel(deviation),
        rngs=rngs,
    )  # fmt: skip


def batch_norm(channels: int, rngs: nnx.Rngs) -> nnx.BatchNorm:
    """Batch normalisation whose running averages hold about the last ten batches; scales begin about 1, as in the
    DCGAN of 2015."""
    return nnx.BatchNorm(channels, momentum=0.9, scale_init=_about_one, rngs=rngs)


def _about_one(key: jax.Array, shape: tuple[int, ...], dtype: object = jnp.float32) -> jax.Array:
    return 1.0 + 0.02 * jax.random.normal(key, shape, jnp.float32)
