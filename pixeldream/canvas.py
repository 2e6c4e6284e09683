"""What a run optimises, as pure functions.

A canvas holds a picture in some parameterisation: plain pixels, Fourier coefficients, or pixels under the rules of a
graphics mode. The loop that moves the parameters (``pixeldream.neural.optimise``) knows no more than the four
functions below, so every objective works on every canvas.

Images are float32 ``[height, width, 3]``, sRGB in [0, 1]. This module imports nothing of the project: the retro room
and the neural room meet here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Parameters = Any
"""A pytree of arrays that the optimiser moves."""

State = Any
"""A pytree of arrays that belongs to the canvas; opaque to the loop."""


@dataclass(frozen=True)
class Canvas:
    """A picture to optimise, as four pure functions.

    ``show`` and ``settle`` run inside the jitted step and are static arguments of it: equal configurations must hand
    over the *same* function objects, or every run compiles anew. ``init`` and ``finish`` run once, outside.
    """

    init: Callable[[Any], tuple[Parameters, State]]
    """``init(image) -> params, state``: start from an image of the canvas's own size."""

    show: Callable[[Parameters, State], Any]
    """``show(params, state) -> image``: differentiable (plain, straight-through or soft)."""

    settle: Callable[[Parameters, Parameters, State, Any], tuple[Parameters, State]]
    """``settle(params, gradients, state, step) -> params, state``: after each optimiser step (``step`` counts from 1):
    where cells are chosen anew, palettes snap and "every N steps" happens."""

    finish: Callable[[Parameters, State], Any]
    """``finish(params, state) -> result``: what the run was for; a ``Picture`` for a legal canvas, else an image."""


def _init_rgb(image: Any) -> tuple[Parameters, State]:
    import jax.numpy as jnp

    return jnp.asarray(image, jnp.float32), ()


def _show_rgb(params: Parameters, state: State) -> Any:
    return params


def _settle_rgb(params: Parameters, gradients: Parameters, state: State, step: Any) -> tuple[Parameters, State]:
    import jax.numpy as jnp

    return jnp.clip(params, 0.0, 1.0), state


def _finish_rgb(params: Parameters, state: State) -> Any:
    return params


RGB = Canvas(_init_rgb, _show_rgb, _settle_rgb, _finish_rgb)
"""The unconstrained canvas: the parameters are the pixels, kept in [0, 1]."""
