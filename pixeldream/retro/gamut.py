"""Palettes that the machine mixes itself: k-means in OKLab, snapped to the hardware's grid inside the loop.

Snapping after the last step would leave the assignment to colours that do not exist; here each step's colours are ones
that the register can hold, and the best step is kept. Seeding after Arthur and Vassilvitskii, "k-means++", SODA 2007.

A gamut of few colours (27 of the Amstrad CPC, 64 of the EGA) is too coarse for means: most of them snap to a colour
that is taken. There whole colours are exchanged until no single exchange betters the picture, and then those that no
pixel takes, until none betters what a dither will ask for. All exchanges are priced at once as Schubert and Rousseeuw
do, "Faster k-medoids clustering", SISAP 2019.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.colour import linear_to_oklab, oklab_to_srgb, srgb_to_linear, srgb_to_oklab
from pixeldream.retro.palette import Gamut

ITERATIONS = 24
"""Steps of a fresh search."""

FEW = 64
"""Colours of a gamut up to which they are exchanged: the distances of all pixels to all of them are in memory."""

SHARES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2)
"""How much of one colour a dither mixes into another: finely in the dark, where the eye tells most."""

NOISE = 0.02
"""What a mixture costs for each squared distance of its two colours: the eye sees the dots."""

SEEN = (50, 64)
"""Rows and columns of the small picture whose tones are to be mixed: what is left from afar."""

SAME = 1e-6
"""A mean squared distance below which a picture has its colours already."""

EXCHANGES = 256
"""After so many the search ends, whatever there is left to gain; some 30 are usual."""

TABLE = 1 << 22
"""Distances in memory at once: 16 MB. All of a hires interlaced picture to 256 colours would be 335 MB."""


def _highest(gamut: Gamut, dimensions: int) -> np.ndarray:
    """The highest step of each component, shaped to go with an array of that many dimensions."""
    return (np.asarray(gamut.levels, np.float32) - 1).reshape((1,) * (dimensions - 1) + (3,))


def decode(gamut: Gamut, indices: jax.Array) -> jax.Array:
    """sRGB in [0, 1], float32 ``[..., 3]``, of gamut indices."""
    _, green, blue = gamut.levels
    steps = jnp.stack([indices // (green * blue), indices // blue % green, indices % blue], -1)
    if gamut.shades:
        return jnp.asarray(gamut.shades, jnp.float32)[steps] / 255.0
    return steps.astype(jnp.float32) / _highest(gamut, steps.ndim)


def snap(gamut: Gamut, srgb: jax.Array) -> jax.Array:
    """The index of the level nearest to each sRGB colour ``[..., 3]`` in [0, 1], component by component."""
    if gamut.shades:
        steps = jnp.searchsorted(jnp.asarray(gamut.borders() / 255.0, jnp.float32), srgb).astype(jnp.int32)
    else:
        steps = jnp.rint(jnp.clip(srgb, 0.0, 1.0) * _highest(gamut, srgb.ndim)).astype(jnp.int32)
    return (steps[..., 0] * gamut.levels[1] + steps[..., 1]) * gamut.levels[2] + steps[..., 2]


def _squared(points: jax.Array, centres: jax.Array) -> jax.Array:
    """float32 ``[points, centres]``: squared distances, as a matrix product."""
    product = jnp.dot(points, centres.T, precision="highest")
    return jnp.maximum(jnp.square(points).sum(1)[:, None] - 2 * product + jnp.square(centres).sum(1)[None], 0.0)


def nearest(points: jax.Array, centres: jax.Array) -> tuple[jax.Array, jax.Array]:
    """int32 and float32 ``[points]``: which of ``centres [k, 3]`` is nearest to each of ``points [points, 3]``, and its
    squared distance. Takes as much memory as :data:`TABLE` says, however many there are."""

    def compare(part: jax.Array) -> tuple[jax.Array, jax.Array]:
        distance = _squared(part, centres)
        return distance.argmin(1).astype(jnp.int32), distance.min(1)

    number = points.shape[0]
    size = max(1, min(number, TABLE // centres.shape[0]))
    padded = jnp.pad(points, ((0, -number % size), (0, 0))).reshape(-1, size, 3)
    if padded.shape[0] == 1:
        return compare(points)
    index, distance = jax.lax.map(compare, padded)
    return index.reshape(-1)[:number], distance.reshape(-1)[:number]


def seed(points: jax.Array, weights: jax.Array, count: int) -> jax.Array:
    """float32 ``[count, 3]``: k-means++ with a fixed key, so that the same picture always gets the same seeds."""

    def pick(number: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        centres, distance = carry
        key = jax.random.fold_in(jax.random.key(0), number)
        chosen = points[jax.random.categorical(key, jnp.log(distance * weights + 1e-12))]
        return centres.at[number].set(chosen), jnp.minimum(distance, jnp.square(points - chosen[None]).sum(1))

    start = jnp.zeros((count, 3), jnp.float32), jnp.ones(points.shape[0], jnp.float32)
    return jax.lax.fori_loop(0, count, pick, start)[0]


def choose(
    gamut: Gamut,
    image: jax.Array,
    count: int,
    locks: jax.Array,
    weights: jax.Array | None = None,
    *,
    mixing: bool = False,
) -> jax.Array:
    """int32 ``[count]``: a palette for ``image`` (sRGB ``[height, width, 3]``), the free colours from dark to light.

    ``locks [count]``: an index, or -1 for a free colour. ``weights [height, width]``: how much each pixel counts. The
    darkest comes first because the machines show the first colour around the picture. ``mixing``: in a gamut of few
    colours, those between which a dither finds the picture's tones, unless the picture has its colours already.
    """
    flat = image.reshape(-1, 3)
    points = srgb_to_oklab(flat)
    weight = jnp.ones(points.shape[0], jnp.float32) if weights is None else weights.reshape(-1)
    start = jnp.where(locks >= 0, locks, snap(gamut, oklab_to_srgb(seed(points, weight, count))))
    found = _improve(gamut, flat, weight, start, locks, ITERATIONS)
    if mixing and gamut.count <= FEW:
        error = nearest(points, srgb_to_oklab(decode(gamut, found)))[1].mean()
        found = jnp.where(error < SAME, found, _mix(gamut, image, found, locks))
    return darkest_first(gamut, found, locks)


def darkest_first(gamut: Gamut, colours: jax.Array, locks: jax.Array) -> jax.Array:
    """``colours [count]`` with the free ones in order of lightness and the locked ones where they are."""
    free = locks < 0
    lightness = jnp.where(free, srgb_to_oklab(decode(gamut, colours))[:, 0], jnp.inf)
    rank = jnp.cumsum(free.astype(jnp.int32)) - 1
    return jnp.where(free, colours[jnp.argsort(lightness)][rank], colours)


def refine(gamut: Gamut, image: jax.Array, colours: jax.Array, locks: jax.Array, iterations: int) -> jax.Array:
    """int32 ``[count]``: ``colours`` after that many k-means steps; the best of all of them, the first included. In a
    gamut of few colours all exchanges are made that help."""
    flat = image.reshape(-1, 3)
    return _improve(gamut, flat, jnp.ones(flat.shape[0], jnp.float32), colours, locks, iterations)


def _improve(
    gamut: Gamut, flat: jax.Array, weights: jax.Array, colours: jax.Array, locks: jax.Array, iterations: int
) -> jax.Array:
    """``colours [count]`` after a search of the kind that suits the gamut, for pixels ``flat [points, 3]`` in sRGB."""
    points = srgb_to_oklab(flat)
    if gamut.count > FEW:
        return _search(gamut, points, weights, colours, locks, iterations)
    found = _exchange(gamut, points, weights, colours, locks)
    index, _ = nearest(points, srgb_to_oklab(decode(gamut, found)))
    used = jax.ops.segment_sum(weights, index, found.shape[0]) > 0
    # A dither moves each pixel by up to half the distance of two steps.
    noise = jax.random.uniform(jax.random.key(1), flat.shape, jnp.float32, -0.5, 0.5) / _highest(gamut, flat.ndim)
    dithered = srgb_to_oklab(jnp.clip(flat + noise, 0.0, 1.0))
    return _exchange(gamut, dithered, weights, found, jnp.where(used, found, locks))


def means(points: jax.Array, weights: jax.Array, index: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """float32 ``[count, 3]`` and ``[count]``: the weighted mean of the points of each cluster, and its weight."""
    total = jax.ops.segment_sum(weights, index, count)
    return jax.ops.segment_sum(points * weights[:, None], index, count) / jnp.maximum(total, 1e-12)[:, None], total


def _search(
    gamut: Gamut, points: jax.Array, weights: jax.Array, colours: jax.Array, locks: jax.Array, iterations: int
) -> jax.Array:
    count = colours.shape[0]

    def step(_: int, carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        current, best, best_error = carry
        index, distance = nearest(points, srgb_to_oklab(decode(gamut, current)))
        error = distance * weights
        total = error.sum()
        best = jnp.where(total < best_error, current, best)
        mean, number = means(points, weights, index, count)
        # A colour that no pixel took starts anew where the error is largest.
        worst = points[jax.lax.top_k(error, count)[1]]
        moved = jnp.where(number[:, None] > 0, mean, worst)
        fresh = jnp.where(locks >= 0, locks, snap(gamut, oklab_to_srgb(moved)))
        return fresh, best, jnp.minimum(total, best_error)

    start = colours, colours, jnp.asarray(jnp.inf, jnp.float32)
    return jax.lax.fori_loop(0, iterations + 1, step, start)[1]


def _exchange(gamut: Gamut, points: jax.Array, weights: jax.Array, colours: jax.Array, locks: jax.Array) -> jax.Array:
    """``colours [count]`` after the exchanges of one of them for another colour, the best first, while they help."""
    every = jnp.arange(gamut.count, dtype=jnp.int32)
    table = _squared(points, srgb_to_oklab(decode(gamut, every))) * weights[:, None]

    def prices(current: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The error with each slot (rows) exchanged for each colour (columns), and the error as it is."""
        held = table[:, current]
        owner, first = held.argmin(1), held.min(1)
        rest = jnp.where(jnp.arange(current.shape[0])[None] == owner[:, None], jnp.inf, held).min(1)
        kept = jnp.minimum(first[:, None], table)
        lost = jax.ops.segment_sum(jnp.minimum(rest[:, None], table) - kept, owner, current.shape[0])
        taken = (current[:, None] == every[None]).any(0)
        error = jnp.where((locks >= 0)[:, None] | taken[None], jnp.inf, kept.sum(0)[None] + lost)
        return error, first.sum()

    return _descend(prices, colours)


def _descend(prices: Callable[[jax.Array], tuple[jax.Array, jax.Array]], colours: jax.Array) -> jax.Array:
    """``colours [count]`` after exchanges for as long as ``prices`` of one is below the error as it is."""

    def gains(carry: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        return carry[1] & (carry[2] < EXCHANGES)

    def step(carry: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        current, _, number = carry
        error, now = prices(current)
        slot, colour = jnp.unravel_index(error.argmin(), error.shape)
        better = error.min() < now * (1 - 1e-6)
        moved = current.at[slot].set(colour.astype(current.dtype))
        return jnp.where(better, moved, current), better, number + 1

    start = colours.astype(jnp.int32), jnp.asarray(True), jnp.asarray(0, jnp.int32)
    return jax.lax.while_loop(gains, step, start)[0]


def _mixtures(gamut: Gamut, points: jax.Array) -> jax.Array:
    """float32 ``[points, colours, colours]``: what each point lacks when a dither has those two colours for it."""
    srgb = decode(gamut, jnp.arange(gamut.count, dtype=jnp.int32))
    light, lab = srgb_to_linear(srgb), srgb_to_oklab(srgb)
    apart = jnp.square(lab[:, None] - lab[None]).sum(-1)
    best = jnp.broadcast_to(jnp.square(points[:, None] - lab[None]).sum(-1)[:, :, None], (len(points), *apart.shape))
    for share in SHARES:
        mixed = linear_to_oklab((1 - share) * light[:, None] + share * light[None])
        cost = jnp.square(points[:, None, None] - mixed[None]).sum(-1)
        best = jnp.minimum(best, cost + NOISE * share * (1 - share) * apart[None])
    return jnp.minimum(best, best.transpose(0, 2, 1))


def _mix(gamut: Gamut, image: jax.Array, colours: jax.Array, locks: jax.Array) -> jax.Array:
    """``colours [count]`` exchanged until no other one brings the mixtures of two closer to the picture's tones."""
    small = jax.image.resize(srgb_to_linear(image), (*SEEN, 3), "linear", antialias=True)
    table = _mixtures(gamut, linear_to_oklab(small.reshape(-1, 3)))
    alone = jnp.diagonal(table, axis1=1, axis2=2)
    every, slots = jnp.arange(gamut.count, dtype=jnp.int32), jnp.arange(colours.shape[0])

    def prices(current: jax.Array) -> tuple[jax.Array, jax.Array]:
        rows = table[:, current]
        pairs = rows[:, :, current]

        def without(slot: jax.Array) -> jax.Array:
            gone = slots == slot
            kept = jnp.where((gone[:, None] | gone[None])[None], jnp.inf, pairs).min((1, 2))
            new = jnp.minimum(jnp.where(gone[None, :, None], jnp.inf, rows).min(1), alone)
            return jnp.minimum(kept[:, None], new).sum(0)

        taken = (current[:, None] == every[None]).any(0)
        error = jnp.where((locks >= 0)[:, None] | taken[None], jnp.inf, jax.lax.map(without, slots))
        return error, pairs.min((1, 2)).sum()

    return _descend(prices, colours)
