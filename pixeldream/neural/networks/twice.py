"""A convolution whose gradient can be differentiated again at the cost of a few more convolutions.

XLA's CPU backend compiles the second derivative of its convolution to a loop that is several times slower than the
rest of a training step together. A convolution is linear in the image and in the kernel, so every derivative of any
order is again a convolution or a kernel gradient; here each is written as such. Reverse mode only.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def _plain(images: jax.Array, kernel: jax.Array) -> jax.Array:
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=_LAYOUT)


@jax.custom_vjp
def correlate(images: jax.Array, kernel: jax.Array) -> jax.Array:
    """[n, h, w, in] with [k, k, in, out] -> [n, h - k + 1, w - k + 1, out], without padding."""
    return _plain(images, kernel)


@jax.custom_vjp
def kernel_gradient(images: jax.Array, cotangent: jax.Array) -> jax.Array:
    """What ``correlate`` sends back to its kernel: [k, k, in, out]."""
    side = images.shape[1] - cotangent.shape[1] + 1
    kernel = jnp.zeros((side, side, images.shape[3], cotangent.shape[3]), images.dtype)
    return jax.vjp(lambda k: _plain(images, k), kernel)[1](cotangent)[0]


def _image_gradient(cotangent: jax.Array, kernel: jax.Array) -> jax.Array:
    edge = kernel.shape[0] - 1
    padded = jnp.pad(cotangent, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    return correlate(padded, kernel[::-1, ::-1].transpose(0, 1, 3, 2))


def _correlate_forward(images, kernel):  # type: ignore[no-untyped-def]
    return correlate(images, kernel), (images, kernel)


def _correlate_backward(kept, cotangent):  # type: ignore[no-untyped-def]
    images, kernel = kept
    return _image_gradient(cotangent, kernel), kernel_gradient(images, cotangent)


def _gradient_forward(images, cotangent):  # type: ignore[no-untyped-def]
    return kernel_gradient(images, cotangent), (images, cotangent)


def _gradient_backward(kept, kernel):  # type: ignore[no-untyped-def]
    images, cotangent = kept
    return _image_gradient(cotangent, kernel), correlate(images, kernel)


correlate.defvjp(_correlate_forward, _correlate_backward)
kernel_gradient.defvjp(_gradient_forward, _gradient_backward)


def convolve(images: jax.Array, kernel: jax.Array, bias: jax.Array) -> jax.Array:
    """The same as ``vgg.convolve``: reflection padding, [n, h, w, in] -> [n, h, w, out]."""
    edge = kernel.shape[0] // 2
    padded = jnp.pad(images, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="reflect") if edge else images
    return correlate(padded, kernel) + bias[None, None, None]
