"""A canvas of Fourier coefficients with decorrelated colours (Olah, Mordvintsev and Schubert 2017, "Feature
Visualization", https://distill.pub/2017/feature-visualization/): the same gradient ascent, in a space where pictures
look like photographs: no frequency and no mixture of colours is dearer than another.

A picture is float32 ``[h, w, 3]``; its coefficients are float32 ``[2, h, w // 2 + 1, 3]``, real and imaginary parts of
the transform of its decorrelated logits, divided by the amplitude that natural pictures have at that frequency.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.canvas import Canvas, Parameters, State

_COVARIANCE = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))
"""The root of the covariance of colours in ImageNet, by its singular value decomposition: columns for light, for blue
against orange, for green against purple (as published with lucid, Apache-2.0:
https://github.com/tensorflow/lucid/blob/master/lucid/optvis/param/color.py)."""

_EDGE = 1.0 / 512
"""How near to black and white the logits of a start go: beyond, they have no end."""


def mixing() -> np.ndarray:
    """float32 ``[3, 3]``: decorrelated colours to RGB, its largest column of length 1."""
    root = np.asarray(_COVARIANCE, np.float32)
    return root / np.linalg.norm(root, axis=0).max()


@lru_cache
def _amplitudes(height: int, width: int) -> np.ndarray:
    """float32 ``[h, w // 2 + 1, 1]``: what natural pictures have at each frequency, 1 / f, scaled as in lucid."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(down, across), 1.0 / max(height, width))
    return (np.sqrt(height * width) / frequency / 4).astype(np.float32)[..., None]


def _to_coefficients(image: jax.Array) -> jax.Array:
    inside = jnp.clip(image, _EDGE, 1 - _EDGE)
    logits = jnp.log(inside) - jnp.log1p(-inside)
    colours = logits @ jnp.asarray(np.linalg.inv(mixing()).T)
    found = jnp.fft.rfft2(colours, axes=(0, 1))
    return jnp.stack([found.real, found.imag]) / _amplitudes(*image.shape[:2])[None]


@lru_cache
def _show(height: int, width: int) -> Any:
    def show(params: Parameters, state: State) -> jax.Array:
        real, imaginary = params * _amplitudes(height, width)[None]
        colours = jnp.fft.irfft2(jax.lax.complex(real, imaginary), (height, width), axes=(0, 1))
        return jax.nn.sigmoid(colours @ jnp.asarray(mixing().T))

    return show


def _settle(params: Parameters, gradients: Parameters, state: State, step: Any) -> tuple[Parameters, State]:
    return params, state


@lru_cache
def fourier(height: int, width: int) -> Canvas:
    """The canvas for pictures of that size: equal sizes share a compilation."""
    show = _show(height, width)

    def init(image: Any) -> tuple[Parameters, State]:
        return _to_coefficients(jnp.asarray(image, jnp.float32)), ()

    return Canvas(init, show, _settle, show)


@lru_cache
def _under(show_outer: Any, show: Any, settle: Any, shrink: Any) -> tuple[Any, Any]:
    def shown(params: Parameters, state: State) -> jax.Array:
        return show(shrink(show_outer(params, ())), state)

    def settled(params: Parameters, gradients: Parameters, state: State, step: Any) -> tuple[Parameters, State]:
        latent = shrink(show_outer(params, ()))
        return params, settle(latent, jnp.zeros_like(latent), state, step)[1]

    return shown, settled


def under(outer: Canvas, canvas: Canvas, shrink: Any) -> Canvas:
    """``canvas``, whose parameters are an image, painted through ``outer``: the optimiser moves ``outer``'s parameters,
    of the display's size, and what those show, by ``shrink``, is what ``canvas`` holds. ``shrink``: equal for equal
    sizes, or each run compiles anew. Starts from an image of the display's size."""

    def init(image: Any) -> tuple[Parameters, State]:
        params, _ = outer.init(image)
        return params, canvas.init(shrink(outer.show(params, ())))[1]

    def finish(params: Parameters, state: State) -> Any:
        return canvas.finish(shrink(outer.show(params, ())), state)

    return Canvas(init, *_under(outer.show, canvas.show, canvas.settle, shrink), finish)
