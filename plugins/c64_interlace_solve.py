"""Interlaced pictures solved for the mixture of their two frames.

The bound (``Mode.flicker``; replace it for another) is kept between partners, the two pixels that share place 2x + 1.
Where a pixel overlaps the one before it in the other frame, place 2x, more difference only costs: a sharp edge is one,
and a picture without any would be smeared. A row is a chain in which each pixel overlaps the next one of the other
frame. Given the cells' colours, the best pixels of both frames are its shortest path (Viterbi), exact; it exists, as
partners can both show the background. The cells' colours are found by alternation: what each colour would cost in one
frame is tabled against the other frame as it is, and every pair of screen colours tried with every colour-RAM colour.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pixeldream_plugins.c64_frames import (
    COLOURS,
    HEIGHT,
    WIDE,
    WIDTH,
    Layout,
    at_places,
    choices_of,
    mixture,
    shown_by,
)  # fmt: skip

import pixeldream as pd

if TYPE_CHECKING:
    import jax

FLICKER = 0.35
"""The usual bound: greys that are neighbours may alternate, black and white may not."""

ROUNDS = 4
"""Alternations between the two frames."""

EDGE = 0.3
"""Cost of a unit of luma difference beyond the bound where a pixel overlaps the one before it in the other frame."""

REPULSION = 1.0
"""The same everywhere, while the colours are chosen."""

THIRD = 3

FORBIDDEN = 1e4
LUMA = np.asarray([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601, of encoded values: what a PAL monitor flickers in."""

PAIRS = np.asarray([(high, low) for high in range(COLOURS) for low in range(high + 1, COLOURS)], np.int32)
"""Every choice of two screen colours; two of the same would only waste one."""


class _Scene(NamedTuple):
    """What the image costs, independent of any choice: ``target [height, width, 3]`` OKLab; ``mixtures [16, 16, 3]``
    OKLab of every two colours; ``excess [16, 16]`` by how much they flicker beyond the bound."""

    target: jax.Array
    mixtures: jax.Array
    excess: jax.Array


def _scene(image: jax.Array, palette: jax.Array, flicker: float) -> _Scene:
    import jax.numpy as jnp

    luma = jnp.dot(palette, jnp.asarray(LUMA), precision="highest")
    excess = jnp.maximum(jnp.abs(luma[:, None] - luma[None]) - flicker - 1e-6, 0.0)
    return _Scene(pd.srgb_to_oklab(image), pd.srgb_to_oklab(mixture(palette[:, None], palette[None])), excess)


def _gather(narrow: jax.Array, frame: int) -> jax.Array:
    """``[height, 320, n] -> [height, 160, n]``: the sum over the places that each pixel of a frame covers."""
    import jax.numpy as jnp

    if frame:
        narrow = jnp.concatenate([narrow[:, 1:], jnp.zeros_like(narrow[:, :1])], 1)
    return narrow.reshape(narrow.shape[0], -1, 2, narrow.shape[-1]).sum(2)


def _table(scene: _Scene, frame: int, other: jax.Array) -> jax.Array:
    """float32 ``[height, 160, 16]``: what each colour costs a frame while the other shows ``other [height, 320]``."""
    import jax.numpy as jnp

    distance = jnp.square(scene.target[:, :, None] - scene.mixtures[other]).sum(-1)
    return _gather(distance + REPULSION * scene.excess[other], frame)


def _areas(table: jax.Array, lines: int) -> jax.Array:
    """``[200, 160, 16] -> [areas, pixels, 16]``: the pixels of each 4 x ``lines`` area, cell after cell."""
    split = table.reshape(HEIGHT // 8, 8 // lines, lines, WIDE // 4, 4, COLOURS)
    return split.transpose(0, 3, 1, 2, 4, 5).reshape(-1, 4 * lines, COLOURS)


class _Best(NamedTuple):
    """For each area and each colour-RAM colour, the least error and the number of the pair that leaves it."""

    error: jax.Array
    pair: jax.Array


def _best_pairs(tables: list[jax.Array], background: jax.Array, penalty: jax.Array) -> _Best:
    """``[areas, 16]``: the best pair for the sum of the ``tables [areas, pixels, 16]``, by colour-RAM colour."""
    import jax
    import jax.numpy as jnp

    pairs = jnp.asarray(PAIRS)
    bases = [jnp.minimum(table, table[:, :, background][:, :, None]) for table in tables]

    def compare(number: jax.Array, held: _Best) -> _Best:
        high, low = pairs[number, 0], pairs[number, 1]
        error = penalty[number]
        for table, base in zip(tables, bases, strict=True):
            error = error + jnp.minimum(base, jnp.minimum(table[:, :, high], table[:, :, low])[:, :, None]).sum(1)
        return _Best(jnp.minimum(held.error, error), jnp.where(error < held.error, number, held.pair))

    shape = tables[0].shape[0], COLOURS
    start = _Best(jnp.full(shape, jnp.inf, jnp.float32), jnp.zeros(shape, jnp.int32))
    return jax.lax.fori_loop(0, len(PAIRS), compare, start)


def _may(colour: jax.Array, lock: jax.Array) -> jax.Array:
    return (lock < 0) | (lock == colour)


def _pair_penalty(locks: jax.Array) -> tuple[jax.Array, jax.Array]:
    """float32 and bool ``[pairs]`` for ``locks [2]``: what a pair costs that can't hold them; which must be swapped."""
    import jax.numpy as jnp

    first, second = jnp.asarray(PAIRS[:, 0]), jnp.asarray(PAIRS[:, 1])
    straight = _may(first, locks[0]) & _may(second, locks[1])
    swapped = _may(second, locks[0]) & _may(first, locks[1])
    return jnp.where(straight | swapped, 0.0, FORBIDDEN), ~straight


def _cells(areas: jax.Array, lines: int) -> jax.Array:
    """``[areas, n] -> [1000, n]``: sums over the areas of each cell."""
    return areas.reshape(-1, 8 // lines, areas.shape[-1]).sum(1)


def _grouped(layout: Layout, tables: list[jax.Array]) -> list[list[jax.Array]]:
    """The tables that choose their pairs together."""
    return [tables] if layout.shared else [[table] for table in tables]


def _own_locks(layout: Layout, locks: jax.Array) -> list[jax.Array]:
    """The locks of each group's two screen slots."""
    frames = (0,) if layout.shared else (0, 1)
    return [locks[np.asarray(layout.slots_of(frame)[1:3])] for frame in frames]


class _Found(NamedTuple):
    """``best``: for each group of frames. ``error [cells, 16]``: what each colour-RAM colour leaves, all together."""

    best: list[_Best]
    error: jax.Array


def _find(layout: Layout, tables: list[jax.Array], background: jax.Array, locks: jax.Array) -> _Found:
    """The best pairs for ``tables`` (see :func:`_areas`; any number of cells) and a background."""
    import jax.numpy as jnp

    groups = zip(_grouped(layout, tables), _own_locks(layout, locks), strict=True)
    best = [_best_pairs(tables, background, _pair_penalty(lock)[0]) for tables, lock in groups]
    ram = jnp.where(_may(jnp.arange(COLOURS), locks[-1]), 0.0, FORBIDDEN)
    return _Found(best, sum(_cells(found.error, layout.lines) for found in best) + ram[None])


def _choose(layout: Layout, tables: list[jax.Array], background: jax.Array, locks: jax.Array) -> tuple[jax.Array, ...]:
    """Every slot's colours, for a background."""
    import jax.numpy as jnp

    found = _find(layout, tables, background, locks)
    own = found.error.argmin(1).astype(jnp.int32)
    screens = []
    for best, lock in zip(found.best, _own_locks(layout, locks), strict=True):
        number = jnp.take_along_axis(best.pair, jnp.repeat(own, 8 // layout.lines)[:, None], axis=1)[:, 0]
        pair, swap = jnp.asarray(PAIRS)[number], _pair_penalty(lock)[1][number]
        screens += [_grid(jnp.where(swap, pair[:, 1 - side], pair[:, side]), layout.lines) for side in (0, 1)]
    return (background.reshape(1, 1), *screens, own.reshape(HEIGHT // 8, WIDE // 4))


def _grid(areas: jax.Array, lines: int) -> jax.Array:
    """``[areas] -> [rows, columns]`` of the slot's grid, from cell order."""
    split = areas.reshape(HEIGHT // 8, WIDE // 4, 8 // lines)
    return split.transpose(0, 2, 1).reshape(-1, WIDE // 4)


def _step_costs(
    layout: Layout, scene: _Scene, places: Any, first: jax.Array, second: jax.Array, partners: bool
) -> jax.Array:
    """float32 ``[columns, 200, 4, 4]``: the cost at ``places`` for each choice of both frames; columns lead, to be
    scanned over. Nothing where a pixel that can't be painted is seen: the second frame's last one reaches further."""
    import jax.numpy as jnp

    one, two = first[:, :, :, None], second[:, :, None, :]
    mixed = jnp.square(scene.target[:, places][:, :, None, None] - scene.mixtures[one, two]).sum(-1)
    excess = scene.excess[one, two]
    cost = mixed + (jnp.where(excess > 0, FORBIDDEN, 0.0) if partners else EDGE * excess)
    seen = (np.arange(WIDTH)[places] > 2 * layout.blocked)[None, :, None, None]
    return jnp.where(seen, cost, 0.0).transpose(1, 0, 2, 3)


def _pixels(layout: Layout, scene: _Scene, colours: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
    """The least error, and the pixels of both frames that leave it, int32 ``[2, 200, 160]``: a shortest path a row."""
    import jax
    import jax.numpy as jnp

    first, second = (choices_of(layout, colours, frame) for frame in (0, 1))
    # What the second frame shows at place 0, before its first pixel: the background.
    before = jnp.concatenate([jnp.broadcast_to(first[:, :1, :1], second[:, :1].shape), second[:, :-1]], 1)
    hidden = (jnp.arange(WIDE) < layout.blocked)[:, None, None, None]
    painted = jnp.where(hidden & (jnp.arange(4) > 0)[None, None, None], FORBIDDEN, 0.0)
    even = _step_costs(layout, scene, slice(0, None, 2), first, before, partners=False) + painted.transpose(0, 1, 3, 2)
    odd = _step_costs(layout, scene, slice(1, None, 2), first, second, partners=True) + painted

    def forward(state: jax.Array, costs: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        left = state[:, None] + costs[0]
        right = left.min(2)[:, :, None] + costs[1]
        return right.min(1), (left.argmin(2).astype(jnp.int32), right.argmin(1).astype(jnp.int32))

    def backward(state: jax.Array, came: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        one = jnp.take_along_axis(came[1], state[:, None], axis=1)[:, 0]
        return jnp.take_along_axis(came[0], one[:, None], axis=1)[:, 0], (one, state)

    end, came = jax.lax.scan(forward, jnp.zeros((HEIGHT, 4), jnp.float32), (even, odd))
    _, pixels = jax.lax.scan(backward, end.argmin(1).astype(jnp.int32), came, reverse=True)
    return end.min(1).sum(), jnp.stack([frame.T for frame in pixels])


def _start(layout: Layout, scene: _Scene, palette: jax.Array) -> list[jax.Array]:
    """Both frames at every place as if any pixel could take any colour: each in turn what suits the other best."""
    import jax.numpy as jnp

    plain = jnp.square(scene.target[:, :, None] - pd.srgb_to_oklab(palette)[None, None]).sum(-1)
    black = jnp.zeros((1, 1), jnp.int32)
    frames = [at_places(_gather(plain, frame).argmin(-1).astype(jnp.int32), frame, black) for frame in (0, 1)]
    for frame in (1, 0, 1):
        best = _table(scene, frame, frames[1 - frame]).argmin(-1).astype(jnp.int32)
        frames[frame] = at_places(best, frame, black)
    return frames


def _tables(layout: Layout, scene: _Scene, frames: list[jax.Array]) -> list[jax.Array]:
    import jax.numpy as jnp

    tables = [_table(scene, frame, frames[1 - frame]) for frame in (0, 1)]
    free = (jnp.arange(WIDE) >= layout.blocked).astype(jnp.float32)[None, :, None]
    return [_areas(table * free, layout.lines) for table in tables]


def _background(layout: Layout, tables: list[jax.Array], locks: jax.Array) -> jax.Array:
    """The background that leaves the least error, int32 scalar. Not for layouts of several areas a cell."""
    import jax
    import jax.numpy as jnp

    candidates = jnp.asarray(layout.background, jnp.int32)
    if len(layout.background) == 1:
        return candidates[0]
    # Every third cell is enough to tell: they lie on diagonals, as 40 is no multiple of 3.
    few = [table[::THIRD] for table in tables]
    errors = jax.lax.map(lambda colour: _find(layout, few, colour, locks).error.min(1).sum(), candidates)
    return candidates[(errors + jnp.where(_may(candidates, locks[0]), 0.0, jnp.inf)).argmin()]


def _colours(
    layout: Layout, scene: _Scene, palette: jax.Array, locks: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    """Pixels and slot colours without a dither: the best of all rounds."""
    import jax
    import jax.numpy as jnp

    tables = _tables(layout, scene, _start(layout, scene, palette))
    background = _background(layout, tables, locks)
    colours = _choose(layout, tables, background, locks)
    error, pixels = _pixels(layout, scene, colours)

    def improve(_: int, held: tuple) -> tuple:
        (_, pixels, colours), best = held
        tables = _tables(layout, scene, shown_by(layout, pixels, colours))
        colours = _choose(layout, tables, background, locks)
        fresh = (*_pixels(layout, scene, colours), colours)
        return fresh, jax.tree.map(partial(jnp.where, fresh[0] < best[0]), fresh, best)

    first = error, pixels, colours
    return jax.lax.fori_loop(0, ROUNDS, improve, (first, first))[1][1:]


def _diffuse(
    layout: Layout, image: jax.Array, palette: jax.Array, scene: _Scene, held: Any, dither: Any, amount: Any
) -> jax.Array:
    """The pixels with the second frame dithered: it hands on the error that both leave together."""
    import jax.numpy as jnp

    pixels, colours = held
    other = shown_by(layout, pixels, colours)[0]
    reach = choices_of(layout, colours, 1)
    # The places that a pixel of the second frame covers: 2x + 1 and 2x + 2, where there is one.
    partner, next_ = np.arange(1, WIDTH, 2), np.minimum(np.arange(2, WIDTH + 1, 2), WIDTH - 1)

    def over_both(values: jax.Array) -> jax.Array:
        return (values[:, partner] + values[:, next_]) / 2

    light = pd.srgb_to_linear(mixture(palette[:, None], palette[None]))
    mixed = (light[other[:, partner][..., None], reach] + light[other[:, next_][..., None], reach]) / 2
    flickers = scene.excess[other[:, partner][..., None], reach] > 0
    # Too far away to be taken: the path that was found leaves each pixel at least one colour that does not flicker.
    lab = jnp.where(flickers[..., None], 1e3, pd.linear_to_oklab(mixed))
    if layout.blocked:
        hidden = (jnp.arange(WIDE) < layout.blocked)[None, :, None, None]
        lab, mixed = jnp.where(hidden, lab[:, :, :1], lab), jnp.where(hidden, mixed[:, :, :1], mixed)
    target = over_both(pd.srgb_to_linear(image))
    return pixels.at[1].set(pd.choose_dithered(target, pd.Candidates(lab, mixed), dither, amount))


def _paint(
    layout: Layout, image: jax.Array, palette: jax.Array, held: Any, dither: Any, amount: Any, flicker: float
) -> jax.Array:
    """int32 ``[2, 200, 160]``: pixels for colours that are chosen; ``held`` is (pixels or None, colours)."""
    if dither == pd.NONE:
        scene = _scene(image, palette, flicker)
        return held[0] if held[0] is not None else _pixels(layout, scene, held[1])[1]
    if isinstance(dither, pd.Ordered):
        # Two frames mix finer steps than the palette has: half its spacing is enough.
        image = pd.add_thresholds(image, palette, dither, amount * 0.5)
        return _pixels(layout, _scene(image, palette, flicker), held[1])[1]
    scene = _scene(image, palette, flicker)
    pixels = held[0] if held[0] is not None else _pixels(layout, scene, held[1])[1]
    return _diffuse(layout, image, palette, scene, (pixels, held[1]), dither, amount)


def solve(
    layout: Layout, image: Any, palette: Any, locks: Any, dither: Any, amount: Any, flicker: float = FLICKER
) -> Any:
    held = _colours(layout, _scene(image, palette, flicker), palette, locks)
    return pd.Solution(_paint(layout, image, palette, held, dither, amount, flicker), held[1])


def follow(
    layout: Layout, image: Any, palette: Any, colours: Any, dither: Any, amount: Any, flicker: float = FLICKER
) -> Any:
    return _paint(layout, image, palette, (None, colours), dither, amount, flicker)
