"""Hold-and-modify: a pixel takes a base colour, or changes one component of the pixel to its left.

Amiga Hardware Reference Manual (1991), chapter 3. A pixel value is two control bits over four (HAM6) or six (HAM8) bits
of data: 00 base colour, 01 blue, 10 red, 11 green. A row starts from base colour 0. HAM8 changes the upper six bits of
a component; the lower two repeat the first two, as the viewers show it, and base colours are chosen so that they do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pixeldream_plugins import amiga_beam, amiga_path, amiga_refine
from pixeldream_plugins.amiga_beam import Search, shown

import pixeldream as pd

if TYPE_CHECKING:
    import jax

TWELVE_BIT = pd.Gamut("amiga-12-bit", (16, 16, 16), "Amiga Hardware Reference Manual: colour registers 0x0RGB")
EIGHTEEN_BIT = pd.Gamut("amiga-18-bit", (64, 64, 64), "the colours that HAM8 can mix anywhere")

CONTROLS = (2, 3, 1)
"""The control bits that change red, green and blue."""

BEST = Search(beam=5, lag=5)
QUICK = Search(beam=2, lag=2)
ROUNDS, EVERY = 3, 4
"""The base colours are fitted to the pixels that used them this many times, on every fourth row."""


def hold(control: Any, data: Any, base: Any, changed: Any) -> Any:
    """``[height, width, 3]``: what each pixel shows. ``control`` and ``data``: ``[height, width]``. ``base``: the
    colours, ``[height or 1, n, 3]``. ``changed``: the component that each value of ``data`` writes.

    A component is what the last pixel wrote that wrote it, so no pixel waits for its neighbour. For numpy and jax.
    """
    xp, highest = _library(control)
    columns = xp.arange(control.shape[1], dtype=xp.int32)[None]
    parts = []
    for component, code in enumerate(CONTROLS):
        table = xp.broadcast_to(base[..., component], (control.shape[0], base.shape[1]))
        chosen = xp.take_along_axis(table, data % base.shape[1], 1)
        value = xp.where(control == 0, chosen, changed[data])
        wrote = xp.where((control == 0) | (control == code), columns, -1)
        last = highest(wrote)
        held = xp.take_along_axis(value, xp.maximum(last, 0), 1)
        parts.append(xp.where(last >= 0, held, base[:, :1, component]))
    return xp.stack(parts, -1)


def _library(array: Any) -> tuple[Any, Any]:
    """numpy or jax.numpy, as the array asks for, and its running maximum along rows."""
    if isinstance(array, np.ndarray):
        return np, partial(np.maximum.accumulate, axis=1)
    import jax

    return jax.numpy, partial(jax.lax.cummax, axis=1)


def _render(bits: int, solution: Any, palette: Any) -> Any:
    """float32 ``[height, width, 3]`` of a solution or a picture."""
    xp, _ = _library(solution.pixels)
    pixels = xp.asarray(solution.pixels, dtype=xp.int32)
    states = xp.stack([xp.asarray(c, dtype=xp.int32)[0, 0] for c in solution.colours])
    mask = (1 << bits) - 1
    base = xp.stack([shown(states >> shift & mask, bits) for shift in (2 * bits, bits, 0)], -1)
    changed = shown(xp.arange(mask + 1, dtype=xp.int32), bits)
    return hold(pixels >> bits, pixels & mask, base[None], changed).astype(xp.float32) / 255.0


def _need(image: jax.Array) -> jax.Array:
    """float32 ``[height, width]``: how far a pixel is from its left neighbour in all but one component.

    That is what a change of one component leaves, whichever it is; so little where the picture is calm that base
    colours are spent on edges. In a picture that HAM can show it is 0 wherever no base colour is used.
    """
    import jax.numpy as jnp

    step = jnp.square(jnp.diff(image, axis=1, prepend=image[:, :1]))
    return step.sum(-1) - step.max(-1)


def _gamut(bits: int) -> pd.Gamut:
    return TWELVE_BIT if bits == 4 else EIGHTEEN_BIT


def _choose_base(bits: int, image: jax.Array, locks: jax.Array) -> jax.Array:
    """int32 ``[n]``: base colours, fitted in turn with the pixels that use them; the best round is kept."""
    import jax
    import jax.numpy as jnp

    gamut = _gamut(bits)
    weights = _need(image)
    start = pd.gamut_palette(gamut, image, locks.shape[0], locks, weights)
    rows = image[::EVERY]
    lab = pd.srgb_to_oklab(rows)

    def fit(_: Any, carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        base, best, best_error = carry
        values = amiga_beam.search(rows, base, bits, how=QUICK)
        seen = _render(bits, pd.Solution(values, tuple(base.reshape(-1, 1, 1))), None)
        error = jnp.square(pd.srgb_to_oklab(seen) - lab).sum()
        best = jnp.where(error < best_error, base, best)
        used = (values < base.shape[0]).astype(jnp.float32).reshape(-1)
        mean, number = pd.weighted_means(lab.reshape(-1, 3), used, values.reshape(-1) % base.shape[0], base.shape[0])
        moved = pd.gamut_snap(gamut, pd.oklab_to_srgb(mean))
        return jnp.where((number > 0) & (locks < 0), moved, base), best, jnp.minimum(error, best_error)

    found = jax.lax.fori_loop(0, ROUNDS + 1, fit, (start, start, jnp.asarray(jnp.inf, jnp.float32)))[1]
    return _first_serves_row_starts(bits, image, found, locks)


def _first_serves_row_starts(bits: int, image: jax.Array, base: jax.Array, locks: jax.Array) -> jax.Array:
    """``base`` with the colour in front that most rows of a drawing start from by a change; the darkest if none do."""
    import jax.numpy as jnp

    gamut = _gamut(bits)
    base = pd.darkest_first(gamut, base, locks)
    left = image[:, 0]
    states = pd.gamut_snap(gamut, left)
    tables = amiga_beam.colours(bits)
    exact = jnp.square(jnp.asarray(tables.lab)[states] - pd.srgb_to_oklab(left)).sum(-1) < amiga_beam.EXACT
    mask = (1 << bits) - 1
    different = states[:, None] ^ base[None]
    parts = sum((different >> shift & mask > 0).astype(jnp.int32) for shift in (0, bits, 2 * bits))
    reached = exact & ~(parts == 0).any(1)
    votes = jnp.where(locks < 0, ((parts == 1) & reached[:, None]).sum(0), -1)
    front = jnp.where(locks[0] < 0, votes.argmax(), 0)
    return base.at[0].set(base[front]).at[front].set(base[0])


def _pixels(bits: int, image: jax.Array, base: jax.Array, dither: Any, amount: Any, how: Search | None) -> jax.Array:
    """int32 ``[height, width]``; ``how`` of ``None`` is exact where there is an exact way."""
    import jax.numpy as jnp

    if isinstance(dither, pd.Diffusion):
        return amiga_beam.search(image, base, bits, dither, amount, how or BEST)
    if not isinstance(dither, pd.Ordered):
        raise pd.UnsuitableDither(
            f"dither {dither.name!r} does not fit hold-and-modify, where a pixel's colours depend on the one before; "
            "take an ordered dither or error diffusion with fixed weights, such as bayer4 or floyd-steinberg"
        )
    if dither != pd.NONE:
        # Thresholds as far apart as two steps of a component.
        image = pd.add_thresholds(
            image, jnp.asarray([[0.0] * 3, [1 / ((1 << bits) - 1)] * 3], jnp.float32), dither, amount
        )
    if bits == 4 and how is None:
        return amiga_path.shortest(image, base)
    return amiga_beam.search(image, base, bits, how=how or BEST)


def _solve(bits: int, image: Any, palette: Any, locks: Any, dither: Any, amount: Any) -> Any:
    base = _choose_base(bits, image, locks)
    return pd.Solution(_pixels(bits, image, base, dither, amount, None), tuple(base.reshape(-1, 1, 1)))


def _follow(bits: int, image: Any, palette: Any, colours: Any, dither: Any, amount: Any) -> Any:
    import jax.numpy as jnp

    return _pixels(bits, image, jnp.concatenate([c[0] for c in colours]), dither, amount, QUICK)


solve_ham6, render_ham6, follow_ham6 = (partial(function, 4) for function in (_solve, _render, _follow))
solve_ham8, render_ham8, follow_ham8 = (partial(function, 6) for function in (_solve, _render, _follow))
refine_ham6, refine_ham8 = partial(amiga_refine.refine, 4), partial(amiga_refine.refine, 6)
