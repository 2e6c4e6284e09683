"""How likely a picture is if a given dither drew it: each pixel is decided anew, by the dither's own rule, from an
estimate of what was drawn and from the pixels that stand in the picture.

The colours that a pixel could have taken are known (``planes``). The estimate begins as a blur. For threshold matrices
and mixing plans it is moved until as many pixels as possible come out as they are: expectation maximisation for a
smooth image under thresholds that are known. For error diffusion the errors are those that the picture itself has: the
scan is run on its pixels, and where the rule would have taken another colour, the image there was another one than the
estimate, by what is missing. The likelihood of each decision comes from its margin: how far, in OKLab, the wanted
colour lies on the right side of the border to the next candidate, as a part of the distance of the two colours.

Everything is pure numpy. Planes are float32 ``[height, width, ...]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from pixeldream.retro.dither import CONTRAST, GAIN
from pixeldream.retro.oklab import TO_CONES, TO_LAB

BLOCK = 8
"""Side of the areas that are as rough as each other, in pixels."""

ROUGH = (0.02, 0.05, 0.1, 0.18, 0.3, 0.5, 0.9, 1.8)
"""Standard deviations of the estimate, in distances of colours: each block takes the likeliest."""

STRAY = 0.02
"""The share of pixels that no rule explains."""

STEEP, SOFT = 1.702, 0.869
"""The slopes at which a logistic function is about the normal distribution, and its softplus the mean beyond a
border."""

EDGE = 0.5
"""How high a step is that the estimate does not blur, in colour distances."""

FAR = 1e3
"""The OKLab of a colour that is not there."""

THIRD = np.float32(1 / 3)

_LIGHT = np.asarray([0.2126, 0.7152, 0.0722], np.float32)


class Planes(NamedTuple):
    """The colours that each pixel could have taken, its own first, then others by their distance: ``lab``, ``linear``,
    ``encoded [height, width, k, 3]``; ``there [height, width, k]``: 1 where there is one, or 0. ``strength [height,
    width, k]``: of an ordered dither for an image that is nearest to that colour."""

    lab: Any
    linear: Any
    encoded: Any
    there: Any
    strength: Any


class Borders(NamedTuple):
    """Between a pixel's colour and the others, ``[height, width, k - 1, ...]``: the unit ``normal`` in OKLab, its
    ``offset``, steps ``linear`` and ``encoded`` back to the own colour for each unit of margin; and ``scale``
    ``[height, width]``, the distance to the nearest; ``used``: 1 where there is another colour."""

    normal: Any
    offset: Any
    linear: Any
    encoded: Any
    scale: Any
    used: Any


def lab_of(linear: Any) -> Any:
    flat = np.maximum(linear.reshape(-1, 3) @ TO_CONES.T, 1e-7) ** THIRD
    return (flat @ TO_LAB.T).reshape(linear.shape)


def light_of(encoded: Any) -> Any:
    bright = np.maximum((encoded + 0.055) / 1.055, 1e-6) ** 2.4
    return np.where(encoded <= 0.04045, encoded / 12.92, bright)


def borders_of(planes: Planes) -> Borders:
    own, others, there = planes.lab[:, :, :1], planes.lab[:, :, 1:], planes.there[:, :, 1:]
    way = (others - own) * there[..., None]
    distance = np.maximum(np.sqrt((way**2).sum(-1)), 1e-4)
    normal = way / distance[..., None]
    offset = np.where(there > 0, ((own + 0.5 * way) * normal).sum(-1), FAR)
    linear, encoded = (
        (each[:, :, :1] - each[:, :, 1:]) * (there / distance)[..., None] for each in (planes.linear, planes.encoded)
    )
    scale = np.where(there > 0, distance, FAR).min(-1)
    return Borders(normal, offset, linear, encoded, scale, there.max(-1))


def blurred(values: Any, times: int) -> Any:
    """``times`` binomial blurs of three pixels each way, edges repeated. ``values``: ``[height, width, 3]``."""
    weights = np.ones(1, np.float32)
    for _ in range(times):
        weights = np.convolve(weights, np.asarray([0.25, 0.5, 0.25], np.float32)).astype(np.float32)
    for axis in (0, 1):
        padded = np.pad(values, [(times, times) if each == axis else (0, 0) for each in range(3)], mode="edge")
        size = values.shape[axis]
        parts = [padded[k : k + size] if axis == 0 else padded[:, k : k + size] for k in range(2 * times + 1)]
        values = sum(float(weight) * part for weight, part in zip(weights, parts, strict=True))
    return values


class Smooth(NamedTuple):
    """A blur that stops at edges: ``weights [places, height, width]`` of the neighbours, (down, right) each of
    ``places``; they sum to 1. ``own [height, width]``: the weight of the pixel itself."""

    places: tuple[tuple[int, int], ...]
    weights: Any
    own: Any

    def __call__(self, values: Any) -> Any:
        """The blur of ``[height, width, 3]``."""
        reach = max(down for down, _ in self.places)
        padded = np.pad(values, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        total = np.zeros_like(values)
        for (down, right), weight in zip(self.places, self.weights, strict=True):
            total += weight[..., None] * _moved(padded, down + reach, right + reach, values.shape)
        return total


def _moved(padded: Any, down: int, right: int, shape: tuple[int, ...]) -> Any:
    return padded[down : down + shape[0], right : right + shape[1]]


def smooth(planes: Planes, borders: Borders, times: int, edge: float = EDGE) -> Smooth:
    """A blur as wide as ``times`` binomial ones. Edges are what is more than ``edge`` distances of neighbouring
    colours high once the grain is blurred away (C. Tomasi, R. Manduchi, "Bilateral filtering for gray and color
    images", ICCV 1998)."""
    guide = blurred(planes.lab[:, :, 0], 2)
    scale = np.where(borders.used > 0, borders.scale, 0)[..., None].repeat(3, -1)
    height = np.maximum(edge * blurred(scale, 2)[..., 0], 0.01)
    taps = np.asarray([1.0])
    for _ in range(times):
        taps = np.convolve(taps, [0.25, 0.5, 0.25])
    padded = np.pad(guide, ((times, times), (times, times), (0, 0)), mode="edge")
    places, weights = [], []
    for down, right in np.ndindex(2 * times + 1, 2 * times + 1):
        near = taps[down] * taps[right]
        if near < 1e-3:
            continue
        way = _moved(padded, down, right, guide.shape) - guide
        places.append((down - times, right - times))
        weights.append(np.float32(near) * np.exp(-np.einsum("yxc,yxc->yx", way, way) / (2 * height**2)))
    whole = np.stack(weights)
    whole /= whole.sum(0)
    return Smooth(tuple(places), whole, whole[places.index((0, 0))])


def _softplus(values: Any) -> Any:
    return np.maximum(values, 0) + np.log1p(np.exp(-np.abs(values)))


def beyond(margin: Any, spread: Any) -> Any:
    """The mean of a normal distribution of that spread beyond the border, less its mean."""
    return spread * _softplus(-SOFT * margin / spread) / SOFT


def likelihood(margin: Any, used: Any) -> Any:
    """The log likelihood of decisions ``[..., height, width]`` by their margins, in colour distances: ``[...]``, the
    sum over the blocks, each as rough as is likeliest."""
    height, width = (side // BLOCK for side in margin.shape[-2:])
    cut = (..., slice(0, height * BLOCK), slice(0, width * BLOCK))
    margin, used = margin[cut], used[cut]
    best = None
    for rough in ROUGH:
        right = 1 / (1 + np.exp(-np.clip(STEEP * margin / rough, -40, 40)))
        each = used * np.log((1 - STRAY) * right + STRAY / 2)
        blocks = each.reshape(*each.shape[:-2], height, BLOCK, width, BLOCK).sum((-3, -1))
        best = blocks if best is None else np.maximum(best, blocks)
    assert best is not None
    return best.sum((-2, -1))


def _margin(borders: Borders, lab: Any) -> tuple[Any, Any]:
    """Of colours ``lab [height, width, 3]``: the least margin, and to which border."""
    margins = borders.offset - np.einsum("yxkc,yxc->yxk", borders.normal, lab)
    nearest = margins.argmin(-1)
    return margins.min(-1), nearest


def _picked(values: Any, index: Any) -> Any:
    """``[height, width, 3]`` of ``[height, width, k, 3]``."""
    return np.take_along_axis(values, index[..., None, None], 2)[:, :, 0]


TURNS = 1
"""How often the estimate is moved; more often it fits any matrix."""

SPREAD = 0.1
"""How far off it is taken to be while it is moved, in colour distances."""


def _fitted(decide: Callable[[Any], tuple[Any, Any]], values: Any, blur: Smooth, turns: int) -> Any:
    """Margins ``[height, width]`` after ``decide(image) -> margins, moves [height, width, 3]`` has moved the estimate,
    which begins as the blur of ``values``. The last estimate of a pixel is made without the pixel itself."""
    image = blur(values)
    for turn in range(turns):
        moved = image + decide(image)[1]
        image = blur(moved)
        if turn == turns - 1:
            own = np.minimum(blur.own, 0.9)[..., None]
            image = (image - own * moved) / (1 - own)
    return decide(image)[0]


def ordered(
    planes: Planes, borders: Borders, thresholds: Any, blur: Smooth, turns: int = TURNS, spread: float = SPREAD
) -> Any:
    """The log likelihood of a threshold matrix, tiled ``[height, width]``. ``turns``: how often the
    estimate is moved; ``spread``: how far off it is taken to be, in colour distances."""
    several = planes.there.shape[-1] > 1

    def decide(image: Any) -> tuple[Any, Any]:
        strength = planes.strength[:, :, 0]
        if several:
            lab = lab_of(light_of(np.clip(image, 0, 1)))
            own = _nearest_lab(lab, planes)
            strength = np.take_along_axis(planes.strength, own[..., None], 2)[..., 0]
        biased = image + (strength * thresholds)[..., None]
        margin, which = _margin(borders, lab_of(light_of(np.clip(biased, 0, 1))))
        push = borders.used * beyond(margin, spread * borders.scale)
        return margin / borders.scale, push[..., None] * _picked(borders.encoded, which)

    return likelihood(_fitted(decide, _lessened(planes, thresholds), blur, turns), borders.used)


def _lessened(planes: Planes, thresholds: Any) -> Any:
    """sRGB ``[height, width, 3]`` whose blur is about the image: thresholds are added to all components alike, so that
    between two colours of different hue a smaller step of the image goes all the way from one to the other."""
    own, way = planes.encoded[:, :, 0], planes.encoded[:, :, 1] - planes.encoded[:, :, 0]
    if not np.ptp(thresholds):
        return own
    length = np.sqrt(np.einsum("yxc,yxc->yx", way, way))
    part = np.clip(np.abs(way.sum(-1)) / np.maximum(np.sqrt(np.float32(3)) * length, 1e-6), 0, 1)
    part = np.where(length > 0, part, 1)
    return own + (0.5 * (1 - part) * planes.there[:, :, 1])[..., None] * way


def pattern(planes: Planes, borders: Borders, plan: str, ranks: Any, count: int, blur: Smooth) -> Any:
    """As :func:`ordered` for mixtures of ``count`` colours, of which each pixel's rank picks one. A margin is a part of
    the mixture."""
    find = {"accumulate": _accumulated, "mix": _mixed, "pair": _paired}[plan]
    lights = planes.linear @ _LIGHT + FAR * (1 - planes.there)
    before = (lights[:, :, :, None] > lights[:, :, None]).astype(np.float32)
    least = np.where(planes.there[..., None] > 0, planes.linear, FAR).min(2)
    most = np.where(planes.there[..., None] > 0, planes.linear, -FAR).max(2)
    place = ranks + np.float32(0.5)
    # Below the darkest colour and above the brightest there is no border.
    lowest = FAR * (1 - (before[:, :, 0] * planes.there).max(-1))
    highest = FAR * (1 - (before[:, :, :, 0] * planes.there).max(-1))

    def decide(image: Any) -> tuple[Any, Any]:
        possible = np.clip(image, least, most)
        shares = find(possible, planes, count)
        begins = (before * shares[:, :, None]).sum(-1)
        first, last = begins[..., 0], begins[..., 0] + shares[..., 0]
        margin = np.minimum(place - first + lowest, last - place + highest) / count
        taken = (begins + shares < place[..., None]) | (begins > place[..., None])
        other = (taken.astype(np.float32)[..., 1:] + (1 - planes.there[..., 1:])).argmin(-1)
        way = planes.linear[:, :, 0] - _picked(planes.linear[:, :, 1:], other)
        past = ((image - possible) * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-6)
        margin = margin + np.where(shares[..., 0] >= count, np.maximum(past, 0), 0)
        push = borders.used * beyond(margin, SPREAD)
        return margin, push[..., None] * way

    return likelihood(_fitted(decide, planes.linear[:, :, 0], blur, TURNS), borders.used)


def _nearest(linear: Any, planes: Planes) -> Any:
    """int64 ``[height, width]``: which colour is nearest."""
    return _nearest_lab(lab_of(linear), planes)


def _nearest_lab(lab: Any, planes: Planes) -> Any:
    way = planes.lab - lab[:, :, None]
    return (np.einsum("yxkc,yxkc->yxk", way, way) + FAR * (1 - planes.there)).argmin(-1)


def _accumulated(wanted: Any, planes: Planes, count: int) -> Any:
    """float32 ``[height, width, k]``: the parts of each colour by ``mixing``'s plan of that name; so the two others."""

    error, parts = np.zeros_like(wanted), np.zeros_like(planes.there)
    for _ in range(count):
        pick = _nearest(np.clip(wanted + GAIN * error, 0, 1), planes)
        np.put_along_axis(parts, pick[..., None], np.take_along_axis(parts, pick[..., None], 2) + 1, 2)
        error += wanted - _picked(planes.linear, pick)
    return parts


def _mixed(wanted: Any, planes: Planes, count: int) -> Any:
    lab, total, parts = lab_of(wanted)[:, :, None], np.zeros_like(wanted), np.zeros_like(planes.there)
    for number in range(1, count + 1):
        means = lab_of((total[:, :, None] + planes.linear) / np.float32(number))
        means -= lab
        pick = (np.einsum("yxkc,yxkc->yxk", means, means) + FAR * (1 - planes.there)).argmin(-1)
        np.put_along_axis(parts, pick[..., None], np.take_along_axis(parts, pick[..., None], 2) + 1, 2)
        total += _picked(planes.linear, pick)
    return parts


def _paired(wanted: Any, planes: Planes, count: int) -> Any:
    number = planes.there.shape[-1]
    lab = lab_of(wanted)
    best = np.full(wanted.shape[:2], np.inf, np.float32)
    parts = np.zeros_like(planes.there)
    colours = np.eye(number, dtype=np.float32)
    for one, two in [*((k, k) for k in range(number)), *combinations(range(number), 2)]:
        first, second = planes.linear[:, :, one], planes.linear[:, :, two]
        way = second - first
        along = ((wanted - first) * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-9)
        share = np.rint(np.clip(along, 0, 1) * count) / count
        mixed = lab_of(first + share[..., None] * way)
        apart = ((planes.lab[:, :, one] - planes.lab[:, :, two]) ** 2).sum(-1) * (np.abs(share - 0.5) + 0.5)
        cost = ((mixed - lab) ** 2).sum(-1) + CONTRAST * apart
        cost = cost + FAR * (2 - planes.there[:, :, one] - planes.there[:, :, two])
        closer = (cost < best)[..., None]
        best = np.minimum(cost, best)
        both = (1 - share)[..., None] * colours[one] + share[..., None] * colours[two]
        parts = np.where(closer, both * count, parts)
    return parts


Kernel = Sequence[tuple[int, int, float]]
"""(right, down, share of the error) of each tap."""


def diffused(planes: Planes, borders: Borders, kernels: Sequence[Kernel], spreads: Sequence[float], image: Any) -> Any:
    """float32 ``[spreads * kernels]``: the log likelihood of each kernel; ``image``: the estimate, linear light.

    ``spreads``: how far off the estimate may be, in colour distances. Rows run side by side, as in ``dithering``."""
    height, width = planes.there.shape[:2]
    if not kernels:
        return np.zeros(0, np.float32)
    places = sorted({(right, down) for taps in kernels for right, down, _ in taps})
    skew = max([-((right - 1) // down) for right, down in places if down] + [1])
    weights = np.zeros((len(places), len(kernels)), np.float32)
    for number, taps in enumerate(kernels):
        for right, down, share in taps:
            weights[places.index((right, down)), number] += share
    weights = np.tile(weights, (1, len(spreads)))
    soft = np.repeat(np.asarray(spreads, np.float32), len(kernels))[:, None]
    number, reach = weights.shape[1], max(right + skew * down for right, down in places)
    deepest = max(down for _, down in places)
    columns = np.arange(width + skew * (height - 1))[:, None] - skew * np.arange(height)[None]
    rows = np.broadcast_to(np.arange(height), columns.shape)
    inside = (columns >= 0) & (columns < width)
    index = rows, np.clip(columns, 0, width - 1)
    least = np.where(planes.there[..., None] > 0, planes.linear, FAR).min(2)
    most = np.where(planes.there[..., None] > 0, planes.linear, -FAR).max(2)
    planes_needed = (
        image, planes.linear[:, :, 0], borders.normal, borders.offset, borders.linear, borders.scale,
        borders.used, least, most,
    )  # fmt: skip
    skewed = (*(each[index] for each in planes_needed), inside.astype(np.float32))

    def step(errors: Any, row: tuple) -> tuple[Any, Any]:
        wanted, shown, normal, offset, back, scale, used, low, high, live = row
        value = wanted[None]
        for weight, (right, down) in zip(weights, places, strict=True):
            past = errors[right + skew * down - 1]
            value = value + weight[:, None, None] * past[:, deepest - down : deepest - down + height]
        lab = lab_of(np.clip(value, 0, 1))
        margins = offset[None] - np.einsum("nyc,ykc->nyk", lab, normal)
        least_margin, which = margins.min(-1), margins.argmin(-1)
        push = used * beyond(least_margin, soft * scale)
        lines = np.arange(height)[None]
        value = np.clip(value + push[..., None] * back[lines, which], low, high)
        error = np.pad((value - shown) * live[:, None], ((0, 0), (deepest, 0), (0, 0)))
        return np.concatenate([error[None], errors[:-1]]), least_margin / scale

    start = np.zeros((reach, number, height + deepest, 3), np.float32)
    margins = np.stack(list(_steps(step, start, skewed)))
    back = np.arange(width)[None] + skew * np.arange(height)[:, None], np.arange(height)[:, None]
    margins = np.moveaxis(margins, 1, 0)[(slice(None), *back)]
    return likelihood(margins, borders.used)


def _steps(step: Callable, state: Any, rows: tuple) -> Any:
    for each in zip(*rows, strict=True):
        state, found = step(state, each)
        yield found
