"""The best row of hold-and-modify pixels, by a beam search that diffuses its error as it goes.

A pixel either takes one of the base colours or changes one component of the pixel to its left. Each row keeps its few
best beginnings; what a beginning shows too much or too little is part of it, and moves on to the pixels that follow.
A pixel is settled ``lag`` pixels later, by the best beginning there is then, and its error goes to the rows below.
Rows run side by side, each as far behind the one above as it must be: no more lanes than rows that are under way.

States are colours packed as red, green and blue of ``bits`` each. Everything is pure jax. What a pixel can do: Amiga
Hardware Reference Manual (1991), chapter 3, "hold-and-modify mode". The search is our own; that the rows run side by
side is the wavefront that parallel error diffusion is known for (P. T. Metaxas, "Parallel digital halftoning by error
diffusion", 2003).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import pixeldream as pd

if TYPE_CHECKING:
    import jax

EXACT = 1e-7
"""Squared OKLab distance below which a colour is hit: far less than one step of any component."""


class Colours(NamedTuple):
    """Every colour of a state: OKLab and linear light, float32 ``[8 ** bits, 3]``."""

    lab: Any
    linear: Any


class Search(NamedTuple):
    """How wide and how deep to look: ``beam`` beginnings a row, pixels settled ``lag`` later."""

    beam: int = 8
    lag: int = 6


class Timetable(NamedTuple):
    """Which pixel each lane works on at each step, ``[steps, lanes]``; and where each pixel comes out,
    ``[height, width]``."""

    rows: np.ndarray
    columns: np.ndarray
    live: np.ndarray
    settles: np.ndarray
    out_step: np.ndarray
    out_lane: np.ndarray


def shown(steps: Any, bits: int) -> Any:
    """0 to 255 of a component of 4 or 6 bits: the bits repeat."""
    return steps * 17 if bits == 4 else steps << 2 | steps >> 4


@lru_cache
def colours(bits: int) -> Colours:
    """The tables, computed once."""
    import jax
    import jax.numpy as jnp

    states = np.arange(8**bits)
    steps = np.stack([states >> 2 * bits, states >> bits & (1 << bits) - 1, states & (1 << bits) - 1], -1)
    with jax.ensure_compile_time_eval():
        srgb = jnp.asarray(shown(steps, bits) / 255.0, jnp.float32)
        return Colours(np.asarray(pd.srgb_to_oklab(srgb)), np.asarray(pd.srgb_to_linear(srgb)))


def _skew(taps: tuple[tuple[int, int, int], ...], lag: int) -> int:
    """How many steps a row starts after the one above, so that what it is handed has been settled."""
    return max([-((right - lag - 1) // down) for right, down, _ in taps if down], default=0)


def timetable(size: tuple[int, int], skew: int, lag: int, reach: int = 1) -> Timetable:
    """For a picture of ``size`` (width, height) and errors that go up to ``reach`` columns to either side.

    Between two rows a lane rests as long, so that what is beside the picture has no error to hand on.
    """
    width, height = size
    busy = width + lag + reach
    lanes = min(height, -(-busy // skew)) if skew else height
    period = max(lanes * skew, busy)
    step = np.arange(skew * (height - 1) + width + lag)[:, None] - skew * np.arange(lanes)[None]
    columns = step % period
    rows = np.arange(lanes)[None] + lanes * (step // period)
    inside = (step >= 0) & (rows < height)
    y, x = np.mgrid[0:height, 0:width]
    return Timetable(
        np.clip(rows, 0, height - 1), columns, inside & (columns < width),
        inside & (columns >= lag) & (columns < width + lag), skew * y + x + lag, y % lanes,
    )  # fmt: skip


def codes(base: int, bits: int) -> np.ndarray:
    """The pixel values of all actions, in the order of :func:`reach`: base colours, then blue, red and green."""
    values = np.arange(1 << bits)
    return np.concatenate([np.arange(base), *(control << bits | values for control in (1, 2, 3))]).astype(np.int32)


def reach(states: jax.Array, base: jax.Array, bits: int) -> tuple[jax.Array, jax.Array]:
    """int32 and bool ``[..., actions]``: where each action leads from ``states [...]``, and whether it says what an
    earlier action says too."""
    import jax.numpy as jnp

    mask = (1 << bits) - 1
    values = jnp.arange(mask + 1, dtype=jnp.int32).reshape((1,) * states.ndim + (-1,))
    held = states[..., None]
    ways = [jnp.broadcast_to(base.reshape((1,) * states.ndim + (-1,)), (*states.shape, base.shape[0]))]
    twice = [jnp.zeros(ways[0].shape, bool)]
    for shift in (0, 2 * bits, bits):
        ways.append(held & ~(mask << shift) | values << shift)
        twice.append((values == held >> shift & mask) & (shift > 0))
    return jnp.concatenate(ways, -1), jnp.concatenate(twice, -1)


class _Lane(NamedTuple):
    """What a scan carries: for each lane and each of its beginnings the state, the cost, the errors of the last pixels
    in the row, and the values and errors that are not settled yet; and the settled errors of all lanes."""

    states: jax.Array
    costs: jax.Array
    pending: jax.Array
    errors: jax.Array
    settled: jax.Array


def best(costs: jax.Array, states: jax.Array, beam: int) -> tuple[jax.Array, jax.Array]:
    """The ``beam`` least of ``costs [lanes, n]`` and where they are, no two of them in the same state."""
    import jax
    import jax.numpy as jnp

    least, where = jax.lax.top_k(-costs, min(2 * beam, costs.shape[1]))
    found = jnp.take_along_axis(states, where, 1)
    twin = (found[:, :, None] == found[:, None, :]) & jnp.tri(found.shape[1], k=-1, dtype=bool)[None]
    kept, place = jax.lax.top_k(jnp.where(twin.any(-1), -jnp.inf, least), beam)
    return -kept, jnp.take_along_axis(where, place, 1)


def search(
    image: jax.Array,
    base: jax.Array,
    bits: int,
    dither: pd.Diffusion | None = None,
    amount: jax.Array | float = 1.0,
    how: Search = Search(),  # noqa: B008 - an immutable value
) -> jax.Array:
    """int32 ``[height, width]``: pixel values for ``image`` (sRGB ``[height, width, 3]``) with ``base [n]`` colours.

    ``dither``: where errors go; none leaves each row on its own. A row starts with a base colour, as some viewers start
    it at black and others at the first base colour, unless a change of the latter hits exactly.
    """
    import jax
    import jax.numpy as jnp

    taps = dither.taps if dither else ()
    sideways = max([abs(right) for right, _, _ in taps], default=0)
    plan = timetable((image.shape[1], image.shape[0]), _skew(taps, how.lag), how.lag, sideways)
    step = _stepper(base, bits, dither, amount, how)
    target = pd.srgb_to_linear(image)[plan.rows, np.minimum(plan.columns, image.shape[1] - 1)]
    first = plan.columns == 0
    events = target, jnp.asarray(first), jnp.asarray(plan.live), jnp.asarray(plan.settles)
    _, values = jax.lax.scan(step, _start(plan, taps, how), events)
    return values[plan.out_step, plan.out_lane]


def _start(plan: Timetable, taps: tuple[tuple[int, int, int], ...], how: Search) -> _Lane:
    import jax.numpy as jnp

    lanes, skew = plan.rows.shape[1], _skew(taps, how.lag)
    delay = max([skew * down - how.lag + right for right, down, _ in taps if down], default=1)
    history = max([how.lag + 1, *(right for right, _, _ in taps)])
    return _Lane(
        jnp.zeros((lanes, how.beam), jnp.int32),
        jnp.zeros((lanes, how.beam), jnp.float32),
        jnp.zeros((lanes, how.beam, how.lag + 1), jnp.int32),
        jnp.zeros((lanes, how.beam, history, 3), jnp.float32),
        jnp.zeros((delay, lanes, 3), jnp.float32),
    )


def _stepper(base: jax.Array, bits: int, dither: pd.Diffusion | None, amount: Any, how: Search) -> Any:
    """One pixel of every lane."""
    import jax.numpy as jnp

    tables = Colours(*(jnp.asarray(table) for table in colours(bits)))
    values = jnp.asarray(codes(base.shape[0], bits))
    changes = (values >= 1 << bits)[None, None]
    fresh = jnp.asarray(np.where(np.arange(how.beam) == 0, 0.0, np.inf), jnp.float32)[None]

    def step(lane: _Lane, event: tuple[jax.Array, jax.Array, jax.Array, jax.Array]) -> tuple[_Lane, jax.Array]:
        target, first, live, settles = event
        begins = first[:, None]
        states = jnp.where(begins, base[0], lane.states)
        costs = jnp.where(begins, fresh, lane.costs)
        errors = jnp.where(begins[..., None, None], 0.0, lane.errors)
        wanted = _wanted(target, errors, lane.settled, dither, how)
        ways, twice = reach(states, base, bits)
        difference = tables.lab[ways] - pd.linear_to_oklab(jnp.clip(wanted, 0.0, 1.0))[:, :, None]
        distance = jnp.square(difference).sum(-1)
        barred = twice | begins[..., None] & changes & (distance > EXACT)
        total = costs[..., None] + jnp.where(live[:, None, None], distance, 0.0)
        total = jnp.where(barred, jnp.inf, total).reshape(states.shape[0], -1)
        costs, chosen = best(total, ways.reshape(total.shape), how.beam)
        parent, action = chosen // values.shape[0], chosen % values.shape[0]
        states = jnp.take_along_axis(ways.reshape(total.shape), chosen, 1)
        debt = jnp.take_along_axis(jnp.clip(wanted, 0.0, 1.0), parent[..., None], 1) - tables.linear[states]
        pending = _append(lane.pending, parent, values[action])
        errors = _append(errors, parent, debt * amount)
        # Beginnings that disagree with what is settled now are given up.
        agrees = pending[:, :, 0] == pending[:, :1, 0]
        costs = jnp.where(agrees, costs - costs[:, :1], jnp.inf)
        handed = jnp.where(settles[:, None], errors[:, 0, -1 - how.lag], 0.0)
        settled = jnp.concatenate([handed[None], lane.settled[:-1]])
        return _Lane(states, costs, pending, errors, settled), pending[:, 0, 0]

    return step


def _append(history: jax.Array, parent: jax.Array, latest: jax.Array) -> jax.Array:
    """The parents' histories ``[lanes, beam, length, ...]`` with the latest at the end and the first left out."""
    import jax.numpy as jnp

    index = parent.reshape(parent.shape + (1,) * (history.ndim - 2))
    return jnp.concatenate([jnp.take_along_axis(history, index, 1)[:, :, 1:], latest[:, :, None]], 2)


def _wanted(target: jax.Array, errors: jax.Array, settled: jax.Array, dither: pd.Diffusion | None, how: Search) -> Any:
    """float32 ``[lanes, beam, 3]``: the light that each beginning's next pixel should have."""
    import jax.numpy as jnp

    wanted = jnp.broadcast_to(target[:, None], (*errors.shape[:2], 3))
    taps = dither.taps if dither else ()
    for right, down, weight in taps:
        share = weight / (dither.divisor if dither else 1)
        if down:
            delay = _skew(taps, how.lag) * down - how.lag + right
            wanted = wanted + jnp.roll(settled[delay - 1], down, 0)[:, None] * share
        else:
            wanted = wanted + errors[:, :, -right] * share
    return wanted
