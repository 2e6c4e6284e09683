"""Statistics of the pixels of a picture, by which ``dither_reader`` names the dither.

Images are uint8 ``[height, width, 3]`` in the pixels of the machine, none repeated. Nothing is known here of machines:
threshold matrices come as arrays (*templates*), dithers as names.

What the statistics rest on: an ordered dither makes the brighter of two neighbours the one with the higher threshold;
error diffusion shapes the spectrum of its grain by 1 - W(f), W being its kernel (R. Ulichney, "Digital Halftoning",
1987, chapter 8), and so differs from kernel to kernel even where the eye sees no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

SIDE = 16
"""Of the blocks whose spectra are averaged, in pixels."""

LARGEST = (256, 384)
"""Rows and columns that are looked at; of a larger picture those in the middle, in step with all matrices."""

STEP = 64
"""The largest period of a threshold matrix."""

PAIRS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (0, 4), (4, 0), (0, 8), (8, 0))
"""Neighbours, (down, right), whose order is compared with that of the thresholds; the far ones are alike to matrices of
that period."""

WINDOW = 32
"""Of the blocks that a kernel is compared with, in pixels."""

DETAIL = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""How strong what a block shows may be beside its grain; the best is taken for each block."""

SHADES = (0.03, 0.14, 0.26, 0.38, 0.5001)
"""Bounds of the classes of shades: the share of the rarer of bright and dark pixels."""

PATTERNS = 512 * (len(SHADES) - 1)
"""Numbers at the end of the statistics: how often each pattern of nine pixels occurs in each class of shades."""

NEAR = tuple((down, right) for down in range(5) for right in range(-4, 5) if (down, right) > (0, 0))
"""Neighbours that may be equal, (down, right)."""

RING = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))

Kernel = Sequence[tuple[int, int, float]]
"""Of error diffusion: (right, down, share of the error) of each tap."""

_LUMA = np.asarray([0.2126, 0.7152, 0.0722], np.float32)


def statistics(
    image: np.ndarray, templates: Sequence[np.ndarray], kernels: Sequence[Kernel], traces: np.ndarray, wide: float = 1.0
) -> np.ndarray:
    """float32 ``[n]``: what is measured of a picture, with the :data:`PATTERNS` at the end.

    ``templates``: threshold matrices ``[rows, columns]`` as they would lie from the top left. ``kernels``: of error
    diffusion, (right, down, share) of each tap. ``traces``: what else is known, float ``[k]``. ``wide``: width over
    height of a pixel. Pictures smaller than a block are mirrored."""
    image = middle(image)
    packed = (image.astype(np.int32) * np.asarray([65536, 256, 1], np.int32)).sum(-1)
    encoded = (image.astype(np.float32) / 255.0) @ _LUMA
    linear = np.square(image.astype(np.float32) / 255.0) @ _LUMA
    smooth = _blurred(encoded)
    parts = [
        _spectrum(encoded - smooth), _spectrum(linear - _blurred(linear)), _orders(encoded, smooth, templates),
        _fits(linear, kernels), traces,
        np.sqrt(_surroundings(packed)), _equalities(packed), np.sqrt(_runs(packed)), np.sqrt(_runs(packed.T)),
        _crowds(packed), np.asarray([np.log2(len(np.unique(packed))), np.log2(wide)]), _patterns(encoded),
    ]  # fmt: skip
    return np.concatenate(parts).astype(np.float32)


def middle(image: np.ndarray) -> np.ndarray:
    """The part of a picture that is looked at; small ones are repeated."""
    height, width = image.shape[:2]
    missing = max(0, 2 * SIDE - height), max(0, 2 * SIDE - width)
    if any(missing):
        image = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="wrap")
    top, left = ((max(0, side - most) // 2 // STEP) * STEP for side, most in zip(image.shape, LARGEST, strict=False))
    return image[top : top + LARGEST[0], left : left + LARGEST[1]]


def _blurred(values: np.ndarray) -> np.ndarray:
    """A binomial blur of nine pixels each way, edges repeated."""
    for axis in (0, 1):
        for _ in range(4):
            padded = np.pad(values, [(1, 1) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
            ends = [np.take(padded, range(k, k + values.shape[axis]), axis) for k in (0, 2)]
            values = 0.25 * (ends[0] + ends[1]) + 0.5 * values
    return values


def _spectrum(grain: np.ndarray) -> np.ndarray:
    """``[SIDE * (SIDE / 2 + 1)]``: log of the mean power of the blocks, each scaled to the same energy."""
    windows = np.lib.stride_tricks.sliding_window_view(grain, (SIDE, SIDE))[:: SIDE // 2, :: SIDE // 2]
    taper = np.hanning(SIDE + 2)[1:-1].astype(np.float32)
    power = np.square(np.abs(np.fft.rfft2(windows.reshape(-1, SIDE, SIDE) * taper[:, None] * taper[None])))
    energy = power.sum((1, 2))
    # Flat blocks say nothing; those of an edge alone less than grain.
    seen = energy > max(1e-6, 0.02 * float(np.median(energy)))
    if not seen.any():
        return np.full(SIDE * (SIDE // 2 + 1), -6.0)
    mean = (power[seen] / energy[seen, None, None]).mean(0)
    return np.log10(mean + 1e-6).reshape(-1)


def _shifted(values: np.ndarray, down: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Views of all pixels that have a neighbour ``down`` and ``right`` of them, and of those neighbours."""
    height, width = values.shape
    rows = slice(0, height - down), slice(down, height)
    columns = slice(max(0, -right), width - max(0, right)), slice(max(0, right), width - max(0, -right))
    return values[rows[0], columns[0]], values[rows[1], columns[1]]


Comparison = tuple[np.ndarray, np.ndarray, tuple[int, int]]


def _compared(values: np.ndarray, smooth: np.ndarray, pairs: Sequence[tuple[int, int]]) -> Iterator[Comparison]:
    """For each pair of neighbours those that differ by more than the picture does there: where the first of them are,
    the sign of the difference, and the pair."""
    for pair in pairs:
        here, there = _shifted(values, *pair)
        below, above = _shifted(smooth, *pair)
        change = there - here
        counts = np.flatnonzero((np.abs(change) > 0.02) & (np.abs(above - below) < 0.3 * np.abs(change)))
        yield counts, np.sign(change.reshape(-1)[counts]), pair


def _orders(values: np.ndarray, smooth: np.ndarray, templates: Sequence[np.ndarray]) -> np.ndarray:
    """For each template and pair: the share of neighbours whose order is that of the thresholds, less the share of the
    other order; the share that the thresholds do not tell apart; and how far the first is from chance, as a
    logarithm."""
    compared = list(_compared(values, smooth, PAIRS))
    found = []
    for template in templates:
        thresholds = _tiled(template, values.shape)
        for counts, signs, pair in compared:
            agree, ties = _agreement(thresholds, counts, signs, pair)
            number = max(1, len(counts))
            strength = agree / np.sqrt(max(1, len(counts) - ties))
            found += [agree / number, ties / number, np.sign(strength) * np.log1p(abs(strength))]
    return np.asarray(found)


def _tiled(template: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    times = -(-shape[0] // template.shape[0]), -(-shape[1] // template.shape[1])
    return np.tile(template, times)[: shape[0], : shape[1]]


def _agreement(
    thresholds: np.ndarray, counts: np.ndarray, signs: np.ndarray, pair: tuple[int, int]
) -> tuple[float, int]:
    """How many neighbours more are in the order of the thresholds than in the other, and how many have equal ones."""
    first, second = _shifted(thresholds, *pair)
    step = (second - first).reshape(-1)[counts]
    return float((signs * np.sign(step)).sum()), int((step == 0).sum())


def _fits(linear: np.ndarray, kernels: Sequence[Kernel]) -> np.ndarray:
    """``[kernels]``: the log likelihood of the blocks' spectra, were their grain white noise shaped by each kernel,
    less the mean of all kernels' (P. Whittle, "Estimation and information in stationary time series", 1953)."""
    if not kernels:
        return np.zeros(0)
    step = max(WINDOW // 2, int(np.sqrt(linear.size / 150)))
    windows = np.lib.stride_tricks.sliding_window_view(linear, (WINDOW, WINDOW))[::step, ::step]
    windows = windows.reshape(-1, WINDOW, WINDOW)
    taper = np.hanning(WINDOW + 2)[1:-1].astype(np.float32)
    grain = (windows - windows.mean((1, 2), keepdims=True)) * taper[:, None] * taper
    down, right = np.fft.fftfreq(WINDOW)[:, None], np.fft.rfftfreq(WINDOW)[None]
    squared = down**2 + right**2
    used = squared > 1.5 / WINDOW**2
    power = np.square(np.abs(np.fft.rfft2(grain)))[:, used]
    power = power[power.sum(1) > 1e-3]
    if not len(power):
        return np.zeros(len(kernels))
    turns = np.exp(-2j * np.pi * down), np.exp(-2j * np.pi * right)
    best = np.full((len(kernels), len(power)), -np.inf)
    for number, taps in enumerate(kernels):
        handed = sum(share * turns[0] ** lower * turns[1] ** later for later, lower, share in taps)
        shaped = np.square(np.abs(1 - handed))[used]
        for detail in DETAIL:
            wanted = shaped + detail / squared[used] ** 1.5 + 1e-3
            fit = -np.log((power @ (1 / wanted)) / len(wanted)) - np.log(wanted).mean()
            best[number] = np.maximum(best[number], fit)
    mean = best.mean(1)
    return mean - mean.mean()


def _boxed(values: np.ndarray, side: int) -> np.ndarray:
    """The mean of ``side`` pixels around each, each way; edges repeated."""
    for axis in (0, 1):
        ends = [(side // 2 + 1, side // 2) if each == axis else (0, 0) for each in (0, 1)]
        sums = np.cumsum(np.pad(values, ends, mode="edge"), axis, dtype=np.float64)
        size = values.shape[axis]
        # An even number of pixels has no middle: the mean of the two boxes beside it.
        part = [np.take(sums, range(k, k + size), axis) for k in (0, 1, side, side + 1)]
        values = ((part[2] - part[0] + part[3] - part[1]) / (2 * side)).astype(np.float32)
    return values


def _patterns(encoded: np.ndarray) -> np.ndarray:
    """``[PATTERNS]``: roots of the shares of all patterns that nine pixels make by being brighter than the mean around
    them or not, by the shade there; dark and bright swapped where most are bright. Only in calm places."""
    mean = _boxed(encoded, 8)
    bright = encoded > mean
    share = _boxed(bright.astype(np.float32), 8)
    spread = np.sqrt(np.maximum(_boxed(np.square(encoded - mean), 8), 0))
    change = np.maximum(*(np.abs(np.roll(mean, -4, axis) - np.roll(mean, 4, axis)) for axis in (0, 1)))
    shade = np.digitize(np.minimum(share, 1 - share), SHADES) - 1
    used = (spread > 0.01) & (change < 0.8 * spread) & (shade >= 0) & (shade < len(SHADES) - 1)
    used[[0, -1]] = used[:, [0, -1]] = False
    code = np.zeros(encoded.shape, np.int64)
    for bit, (down, right) in enumerate((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)):
        code |= np.roll(bright, (-down, -right), (0, 1)).astype(np.int64) << bit
    code = np.where(share > 0.5, 511 - code, code)
    counts = np.bincount(shade[used] * 512 + code[used], minlength=PATTERNS).reshape(-1, 512)
    return np.sqrt(counts / np.maximum(1, counts.sum(1, keepdims=True))).reshape(-1)


def _surroundings(packed: np.ndarray) -> np.ndarray:
    """``[256]``: how often each of the patterns occurs that the eight neighbours make by being equal or not."""
    centre = packed[1:-1, 1:-1]
    height, width = packed.shape
    code = np.zeros(centre.shape, np.int64)
    for bit, (down, right) in enumerate(RING):
        code |= (packed[1 + down : height - 1 + down, 1 + right : width - 1 + right] == centre).astype(np.int64) << bit
    return np.bincount(code.reshape(-1), minlength=256) / code.size


def _equalities(packed: np.ndarray) -> np.ndarray:
    return np.asarray([float(np.equal(*_shifted(packed, *pair)).mean()) for pair in NEAR])


def _runs(packed: np.ndarray) -> np.ndarray:
    """``[12]``: which share of the runs of a line has each length; the last one and more."""
    edges = np.ones(packed.shape, bool)
    edges[:, 1:] = packed[:, 1:] != packed[:, :-1]
    lengths = np.diff(np.flatnonzero(edges), append=packed.size)
    return np.bincount(np.minimum(lengths, 12) - 1, minlength=12) / len(lengths)


def _crowds(packed: np.ndarray) -> np.ndarray:
    """``[18]``: the share of blocks of 4 and 8 pixels that hold 1, 2, ... 9 and more colours."""
    found = []
    for side in (4, 8):
        height, width = (length // side * side for length in packed.shape)
        blocks = packed[:height, :width].reshape(height // side, side, -1, side).transpose(0, 2, 1, 3)
        ordered = np.sort(blocks.reshape(-1, side * side), 1)
        number = 1 + (np.diff(ordered, axis=1) != 0).sum(1)
        found.append(np.bincount(np.minimum(number, 9) - 1, minlength=9) / len(number))
    return np.concatenate(found)
