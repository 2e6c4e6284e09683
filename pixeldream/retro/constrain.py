"""Canvases that show legal pictures: a mode, a palette and a schedule in, a ``Canvas`` out.

The optimiser moves a latent image in the mode's own pixels, and the schedule says when it becomes legal:

``end``               the network sees the latent; it is converted once, afterwards.
``every:N``           the network sees the latent, which every N steps is replaced by its legal picture (the experiment
                      of 2016, with N = 8).
``straight-through``  the network sees the legal picture in every step; its gradient passes to the latent as if the
                      projection were the identity (Bengio, Léonard and Courville, arXiv 1308.3432). The pixels are
                      chosen anew in each step, and so are the colours of attribute cells: for an image that holds the
                      losses' gradients at the legal picture, which is to say by the losses. Free palettes follow in
                      every eighth step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.canvas import Canvas, Parameters, State
from pixeldream.retro import solve as solver
from pixeldream.retro.dither import NONE, Dither
from pixeldream.retro.limit import barred, keep_to
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut, Palette
from pixeldream.retro.schedule import Schedule as Schedule
from pixeldream.retro.solve import Solution

PALETTE_EVERY = 8
"""Steps between two choices of a free palette's colours under ``straight-through``: every pixel feels each of them."""

LEAK = 0.01
"""The part of its distance to the legal picture that the latent image loses in each step under ``straight-through``.
A gradient that can't move a pixel over to another colour would otherwise pile up behind it without end, and choose the
next colours for an image that nobody has seen."""


class LegalState(NamedTuple):
    """What a legal canvas keeps besides its latent image; all arrays, so that none of it causes a retrace."""

    palette: jax.Array
    locks: jax.Array
    amount: jax.Array
    colours: tuple[jax.Array, ...]


def _project(mode: Mode, dither: Dither, latent: jax.Array, state: LegalState) -> Solution:
    """The legal picture nearest to the latent, with the slots' colours chosen anew."""
    return solver.solve(mode, latent, state.palette, state.locks, dither, state.amount)


def _keep(mode: Mode, dither: Dither, latent: jax.Array, state: LegalState) -> Solution:
    """The legal picture nearest to the latent, with the slots' colours as they are."""
    if mode.solve is not None and mode.follow is None:
        return _project(mode, dither, latent, state)
    pixels = solver.assign(mode, latent, state.palette, state.colours, dither, state.amount)
    return Solution(pixels, state.colours)


def _show_latent(latent: Parameters, state: State) -> Any:
    return latent


def _settle_latent(latent: Parameters, gradients: Parameters, state: State, step: Any) -> tuple[Parameters, State]:
    return jnp.clip(latent, 0.0, 1.0), state


@lru_cache
def _every(mode: Mode, dither: Dither, every: int) -> Callable:
    def settle(latent: Parameters, gradients: Parameters, state: State, step: Any) -> tuple[Parameters, State]:
        latent = jnp.clip(latent, 0.0, 1.0)

        def legal(image: jax.Array) -> jax.Array:
            return solver.render(mode, _project(mode, dither, image, state), state.palette)

        return jax.lax.cond(step % every == 0, legal, lambda image: image, latent), state

    return settle


def _choose_every(mode: Mode) -> int:
    """Steps between two choices of the slots' colours under ``straight-through``."""
    free = mode.gamut is not None or mode.sub_palettes is not None or mode.solve is not None
    return PALETTE_EVERY if free else 1


@lru_cache
def _straight_through(mode: Mode, dither: Dither) -> tuple[Callable, Callable]:
    def show(latent: Parameters, state: State) -> Any:
        shown = solver.render(mode, _keep(mode, dither, jax.lax.stop_gradient(latent), state), state.palette)
        return latent + jax.lax.stop_gradient(shown - latent)

    def settle(latent: Parameters, gradients: Parameters, state: State, step: Any) -> tuple[Parameters, State]:
        latent = jnp.clip(latent, 0.0, 1.0)
        if mode.solve is not None and mode.follow is None:
            return latent, state

        shown = solver.render(mode, _keep(mode, dither, latent, state), state.palette)
        latent = latent + LEAK * (shown - latent)

        def anew(colours: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
            return solver.refine_colours(mode, latent, state.palette, state.locks, colours)

        colours = jax.lax.cond(step % _choose_every(mode) == 0, anew, lambda same: same, state.colours)
        return latent, state._replace(colours=colours)

    return show, settle


def constrain(
    mode: Mode,
    palette: Palette | Gamut,
    schedule: Schedule,
    *,
    locks: Mapping[str, int] = MappingProxyType({}),
    dither: Dither = NONE,
    amount: float = 1.0,
    border: int = 0,
    only: Sequence[int] = (),
) -> Canvas:
    """A canvas for pictures of ``mode``; its ``finish`` returns a ``Picture``.

    ``init`` takes sRGB float32 ``[height, width, 3]`` of the mode's size. Equal mode, dither and schedule give the same
    ``show`` and ``settle`` objects, whatever the palette and the locks: those are arrays in the state. ``only``: the
    colours of a fixed palette that may be seen, if not all. Raises ``UnsuitableDither`` for a dither that is too slow
    for the schedule.
    """
    schedule.check(dither)
    lock_array = jnp.asarray(solver.lock_array(mode, locks))
    values = jnp.asarray(barred(palette.values(), only))

    def init(image: Any) -> tuple[Parameters, State]:
        latent = jnp.asarray(image, jnp.float32)
        first = solver.solve(mode, latent, values, lock_array, dither, amount)
        return latent, LegalState(values, lock_array, jnp.asarray(amount, jnp.float32), first.colours)

    def finish_anew(latent: Parameters, state: State) -> Any:
        return keep_to(solver.to_picture(mode, palette, _project(mode, dither, latent, state), border), only)

    def finish_kept(latent: Parameters, state: State) -> Any:
        return keep_to(solver.to_picture(mode, palette, _keep(mode, dither, latent, state), border), only)

    if schedule.name == "straight-through":
        return Canvas(init, *_straight_through(mode, dither), finish_kept)
    settle = _every(mode, dither, schedule.every) if schedule.every else _settle_latent
    return Canvas(init, _show_latent, settle, finish_anew)
