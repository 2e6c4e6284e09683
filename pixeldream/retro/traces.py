"""How well each dither explains the pixels of a picture: it is drawn again from an estimate of what was drawn.

The estimate is a blurred view of the picture. A threshold matrix or a mixing plan needs no more: it names a colour for
each place, which agrees with the picture or not. Error diffusion has no such trace: what a pixel was handed depends on
every one before, and the estimate is too coarse to follow it.

Images are uint8 ``[height, width, 3]`` in the pixels of the machine. Everything is numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from pixeldream.retro.clash import packed, unpacked
from pixeldream.retro.dither import CONTRAST, GAIN, Dither, Ordered, PatternDither
from pixeldream.retro.oklab import to_lab

PLACES = 500
"""Pixels that are drawn again, those in calm shades first."""

MOST = 16
"""Colours that a pixel is taken to have had the choice of."""

AREA = (32, 32)
"""Width and height of the area whose colours a pixel could have, where the mode has no cells."""

PERIOD = 4
"""Width of the blur that the estimate is, in pixels: matrices of this period vanish in it."""

FAR = 1e3
"""The OKLab of a colour that is not there."""

_LUMA = np.asarray([0.2126, 0.7152, 0.0722], np.float32)
_STEPS = np.arange(256, dtype=np.float32) / 255
_LIGHT = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)


class Sampled(NamedTuple):
    """Some pixels of a picture. ``rows``, ``columns [n]``; ``shown [n]``: which of its candidates each has. The
    candidates as sRGB, linear light and OKLab ``[n, k, 3]``, far off where there are fewer; ``strength [n, k]``: of an
    ordered dither, by the candidate that is nearest."""

    rows: np.ndarray
    columns: np.ndarray
    shown: np.ndarray
    encoded: np.ndarray
    linear: np.ndarray
    lab: np.ndarray
    strength: np.ndarray


def traces(image: np.ndarray, dithers: Sequence[Dither | None], cell: tuple[int, int] | None = None) -> np.ndarray:
    """float32 ``[dithers]``: the share of the sampled pixels that each dither draws as they are; 0 for those that hand
    errors on, and where nothing is dithered.

    ``cell``: width and height of the area in which a pixel's colours are those of its mode, ``None`` for the screen.
    """
    encoded, linear = (_boxed(values, PERIOD) for values in (image.astype(np.float32) / 255, _LIGHT[image]))
    found = np.zeros(len(dithers), np.float32)
    places = _sample(image, encoded, cell)
    if places is None:
        return found
    at = encoded[places.rows, places.columns], linear[places.rows, places.columns]
    for number, dither in enumerate(dithers):
        if isinstance(dither, Ordered):
            found[number] = _hits(places, _ordered(dither, *at, places))
        elif isinstance(dither, PatternDither):
            found[number] = _hits(places, _patterned(dither, at[1], places))
    return found


def _hits(places: Sampled, drawn: np.ndarray) -> float:
    return float((drawn == places.shown).mean())


def light(encoded: np.ndarray) -> np.ndarray:
    """Linear light of sRGB, to a step of 8 bits' quarter."""
    return _FINE[np.rint(np.clip(encoded, 0, 1) * 1020).astype(np.int64)]


_FINE = np.interp(np.arange(1021) / 4, np.arange(256), _LIGHT).astype(np.float32)


def _boxed(values: np.ndarray, period: int) -> np.ndarray:
    """The mean of ``period`` pixels around each, each way; edges repeated."""
    for axis in (0, 1):
        half = period // 2
        padded = np.pad(values, [(half + 1, half) if each == axis else (0, 0) for each in range(3)], mode="edge")
        sums = np.cumsum(padded, axis, dtype=np.float64)
        size = values.shape[axis]

        def part(first: int, sums: np.ndarray = sums, size: int = size, axis: int = axis) -> np.ndarray:
            return np.take(sums, range(first, first + size), axis)

        # An even number of pixels has no middle: the mean of the two boxes beside it.
        values = (((part(period) - part(0)) + (part(period + 1) - part(1))) / (2 * period)).astype(np.float32)
    return values


def _sample(image: np.ndarray, fine: np.ndarray, cell: tuple[int, int] | None) -> Sampled | None:
    """Pixels in calm shades that are drawn in several colours, at most :data:`PLACES`; ``None`` where there are
    none. ``fine``: the picture blurred."""
    encoded = image.astype(np.float32) / 255
    coarse = _boxed(encoded, 2 * PERIOD)
    grain = _boxed(np.square(encoded - coarse), 2 * PERIOD).sum(-1)
    busy = np.flatnonzero(grain.reshape(-1) > 1e-4)
    if len(busy) < 16:
        return None
    random = np.random.default_rng(len(busy))
    few = busy if len(busy) <= 3 * PLACES else random.choice(busy, 3 * PLACES, replace=False)
    change = np.square(fine - coarse).sum(-1).reshape(-1)[few] / grain.reshape(-1)[few]
    few = np.sort(few[np.argsort(change, kind="stable")[:PLACES]])
    rows, columns = np.divmod(few, image.shape[1])
    return _with_choices(image, rows, columns, cell)


def _with_choices(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, cell: tuple[int, int] | None) -> Sampled:
    width, height = cell or AREA
    values, index = np.unique(packed(image), return_inverse=True)
    index = index.reshape(image.shape[:2])
    across = -(-image.shape[1] // width)
    area = (np.arange(image.shape[0]) // height)[:, None] * across + np.arange(image.shape[1]) // width
    number, counts = np.unique(area.astype(np.int64) * len(values) + index, return_counts=True)
    owner, colour = np.divmod(number, len(values))
    order = np.lexsort((-counts, owner))
    owner, colour = owner[order], colour[order]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner)
    held = np.full((area.max() + 1, MOST), -1, np.int64)
    held[owner[rank < MOST], rank[rank < MOST]] = colour[rank < MOST]
    mine = held[area[rows, columns]]
    shown = (mine == index[rows, columns][:, None]).argmax(1)
    missing = (mine == index[rows, columns][:, None]).sum(1) == 0
    mine[missing, -1] = index[rows, columns][missing]
    shown[missing] = MOST - 1
    table = unpacked(values)
    lab = np.where((mine < 0)[..., None], np.float32(FAR), to_lab(_LIGHT[table])[mine])
    encoded = table[mine].astype(np.float32) / 255
    strength = _spacing(encoded, mine >= 0) if cell else np.full(mine.shape, _mean_spacing(table), np.float32)
    return Sampled(rows, columns, shown, encoded, _LIGHT[table[mine]], lab.astype(np.float32), strength)


def _spacing(encoded: np.ndarray, there: np.ndarray) -> np.ndarray:
    """``[n, k]``: as ``dithering.spacing``."""
    squared = np.square(encoded[:, :, None] - encoded[:, None]).sum(-1)
    squared[(squared < 1e-9) | ~there[:, None]] = np.inf
    least = squared.min(-1)
    return np.sqrt(np.where(np.isfinite(least) & there, least, 0) / 3).astype(np.float32)


def _mean_spacing(table: np.ndarray) -> float:
    if len(table) > 256:  # the colours of a screen that changes them on its way: no palette of one strength
        table = table[:: len(table) // 256 + 1]
    encoded = table[None].astype(np.float32) / 255
    return float(_spacing(encoded, np.ones(encoded.shape[:2], bool)).mean())


def nearest(lab: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """int64 ``[n]``: which of ``[n, k, 3]`` is nearest to ``lab [n, 3]``."""
    return np.square(candidates - lab[:, None]).sum(-1).argmin(1)


def _tiled(matrix: np.ndarray, places: Sampled) -> np.ndarray:
    return matrix[places.rows % matrix.shape[0], places.columns % matrix.shape[1]]


def _ordered(dither: Ordered, encoded: np.ndarray, linear: np.ndarray, places: Sampled) -> np.ndarray:
    own = nearest(to_lab(linear), places.lab)
    strength = np.take_along_axis(places.strength, own[:, None], 1)
    return nearest(to_lab(light(encoded + strength * _tiled(dither.thresholds(), places)[:, None])), places.lab)


def _patterned(dither: PatternDither, linear: np.ndarray, places: Sampled) -> np.ndarray:
    ranks = dither.matrix.matrix()
    plan = {"accumulate": _accumulated, "mix": _mixed, "pair": _paired}[dither.plan]
    picks = plan(linear, places, int(ranks.max()) + 1)
    order = np.argsort(np.take_along_axis(places.linear @ _LUMA, picks, 1), 1, kind="stable")
    return np.take_along_axis(picks, np.take_along_axis(order, _tiled(ranks, places)[:, None], 1), 1)[:, 0]


def _taken(colours: np.ndarray, pick: np.ndarray) -> np.ndarray:
    return np.take_along_axis(colours, pick[:, None, None], 1)[:, 0]


def _accumulated(wanted: np.ndarray, places: Sampled, count: int) -> np.ndarray:
    """``[n, count]``: as ``mixing``'s plan of that name; so the two others."""
    error, picks = np.zeros_like(wanted), []
    for _ in range(count):
        pick = nearest(to_lab(np.clip(wanted + GAIN * error, 0, 1)), places.lab)
        error = error + wanted - _taken(places.linear, pick)
        picks.append(pick)
    return np.stack(picks, 1)


def _mixed(wanted: np.ndarray, places: Sampled, count: int) -> np.ndarray:
    lab, total, picks = to_lab(wanted), np.zeros_like(wanted), []
    absent = places.lab[..., 0] > 2
    for number in range(1, count + 1):
        means = to_lab((total[:, None] + places.linear) / number)
        pick = np.where(absent, np.inf, np.square(means - lab[:, None]).sum(-1)).argmin(1)
        total = total + _taken(places.linear, pick)
        picks.append(pick)
    return np.stack(picks, 1)


def _paired(wanted: np.ndarray, places: Sampled, count: int) -> np.ndarray:
    lab = to_lab(wanted)
    # Pairs of the colours that are there at most; the nearest few of many.
    few = min(6, int((places.lab[..., 0] < 2).sum(1).max()))
    near = np.argsort(np.square(places.lab - lab[:, None]).sum(-1), 1)[:, :few]
    linear, labs = (np.take_along_axis(c, near[..., None], 1) for c in (places.linear, places.lab))
    pairs = np.asarray([(0, 0), *combinations(range(few), 2)])
    first, second = linear[:, pairs[:, 0]], linear[:, pairs[:, 1]]
    way = second - first
    along = ((wanted[:, None] - first) * way).sum(-1) / np.maximum(np.square(way).sum(-1), 1e-9)
    parts = np.rint(np.clip(along, 0, 1) * count)
    share = parts / count
    one, two = labs[:, pairs[:, 0]], labs[:, pairs[:, 1]]
    apart = np.square(one - two).sum(-1) * (np.abs(share - 0.5) + 0.5)
    cost = np.square(to_lab(first + share[..., None] * way) - lab[:, None]).sum(-1) + CONTRAST * apart
    cost[(one[..., 0] > 2) | (two[..., 0] > 2)] = np.inf
    best = cost.argmin(1)
    rows = np.arange(len(near))
    one_best, two_best = near[rows, pairs[best, 0]], near[rows, pairs[best, 1]]
    return np.where(np.arange(count)[None] < parts[rows, best][:, None], two_best[:, None], one_best[:, None])
