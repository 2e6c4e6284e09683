"""Which style is painted where: a mask over the content, or semantic maps over both pictures, as weights of places.

Each region has a Gram matrix of its own, of the features weighted by where it lies: the guided Gram matrices of Gatys
et al., "Controlling perceptual factors in neural style transfer" (arXiv 1611.07865, section 3). Champandard's semantic
maps (arXiv 1603.01768) are more channels for patches to match by; beside a Gram matrix such channels say no more than
the mean features of each colour. So a colour of the maps is a region of both pictures here, and the strokes of one
are those of the other.

Pictures are sRGB float32 ``[height, width, 3]`` in [0, 1]. Numpy alone up to :class:`Guide`: what is wrong with a mask
shows before jax is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import jax

RGB8 = tuple[int, int, int]

MAXIMUM_REGIONS = 16
"""Of a mask: each has Gram matrices of its own."""

LEAST_SHARE = 0.001
"""Of the picture. What is smaller is no region."""

FLAT_SHARE = 0.7
"""Of a mask's pixels that have one of its colours: a photo has less."""

FLAT = 0.06
"""Distance of sRGB values up to which a pixel has a colour: noise and compression move it less."""

EDGE = 0.12
"""Step to the next pixel from which there is an edge, of sRGB values: noise and compression stay below."""

APART = 0.2
"""Distance of sRGB values from which two colours are two regions: JPEG and smooth edges move them by less."""

ALIKE = 0.6
"""Distance of sRGB values up to which a named colour means one of a mask: green is 0, 255, 0 as well as 0, 128, 0."""


@dataclass(frozen=True, eq=False)
class Guide:
    """What is painted where.

    ``content``: float32 ``[regions, height, width]``, how much of each place of the content belongs to each region;
    where nothing does, no style is painted. ``weights``: float32 ``[regions, styles]``, how much each style counts in
    each region. ``styles``: for each style float32 ``[regions, height, width]``, where in its picture the strokes for
    each region are; ``None`` for everywhere. ``sharpness``: 0 to 1, the share of the regions' own Gram matrices; the
    rest is that of the whole picture.

    Raises ``ValueError`` for a sharpness out of range.
    """

    content: np.ndarray
    weights: np.ndarray
    styles: tuple[np.ndarray | None, ...]
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.sharpness <= 1:
            raise ValueError(f"map-weight of {self.sharpness:g} is out of range; give 0 (no regions) to 1")

    def whole(self) -> Guide:
        """The same with one more region where not all is up to the others: everywhere."""
        if self.sharpness == 1:
            return self
        styles = tuple(None if style is None else _with_everywhere(style) for style in self.styles)
        weights = np.concatenate([self.weights, self.weights.mean(0, keepdims=True)])
        return Guide(_with_everywhere(self.content), weights, styles, self.sharpness)

    def in_style(self, number: int) -> np.ndarray:
        """float32 ``[regions, height, width]``: where in a style's picture the strokes for each region are."""
        places = self.styles[number]
        return np.ones((len(self.weights), 1, 1), np.float32) if places is None else places

    @property
    def shares(self) -> np.ndarray:
        """float32 ``[regions]``: how much each of :meth:`whole` counts, by its area. Where nothing is painted counts
        nothing, so that a place is painted as strongly with regions as without."""
        areas = self.content.mean((1, 2))
        if self.sharpness == 1:
            return areas.astype(np.float32)
        return np.append(areas * self.sharpness, 1 - self.sharpness).astype(np.float32)


def _with_everywhere(places: np.ndarray) -> np.ndarray:
    return np.concatenate([places, np.ones_like(places[:1])])


# ---- colours ---------------------------------------------------------------------------------------------------------


def colour_of(text: str) -> RGB8:
    """The colour of a name (those of CSS) or of RRGGBB with or without #. Raises ``ValueError``."""
    from PIL import ImageColor

    plain = text.strip().lower()
    for spelling in (plain, f"#{plain}"):
        try:
            return ImageColor.getrgb(spelling)[:3]
        except ValueError:
            continue
    raise ValueError(f"{text!r} is no colour; give a name such as red, or #rrggbb")


def written(colour: np.ndarray) -> str:
    """#rrggbb of a colour ``[3]`` in [0, 1]."""
    return "#" + "".join(f"{round(float(part) * 255):02x}" for part in colour)


def _listed(colours: np.ndarray) -> str:
    return ", ".join(written(colour) for colour in colours)


def colours_of(image: np.ndarray, name: str) -> np.ndarray:
    """float32 ``[colours, 3]``: the flat colours of a mask or map, the most frequent first; those that blur or
    compression make of them are left out. ``name``: what an error calls it. Raises ``ValueError`` for a picture of one
    colour, and for one that is not painted in a few flat ones."""
    every, counts = _flat_colours(image)
    left, found = counts.copy(), np.zeros((0, 3), np.float32)
    while left.any() and len(found) <= MAXIMUM_REGIONS:
        near = np.square(every - every[left.argmax()]).sum(-1) < APART**2
        if left[near].sum() >= LEAST_SHARE * image.shape[0] * image.shape[1]:
            found = np.append(found, every[left.argmax()][None], 0)
        left[near] = 0
    if not 0 < len(found) <= MAXIMUM_REGIONS or _share_near(image, found) < FLAT_SHARE:
        raise ValueError(f"{name} is not painted in 2 to {MAXIMUM_REGIONS} flat colours, one for each region")
    if len(found) == 1:
        raise ValueError(f"{name} has one colour only, {written(found[0])}; paint each region in another")
    return found


def _flat_colours(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 ``[n, 3]`` and int ``[n]``: the colours of those pixels that are like their neighbours, and how many have
    each, the most frequent first: what is blurred between two regions is left out."""
    padded = np.pad(image, ((0, 1), (0, 1), (0, 0)), "edge")
    steps = np.abs(padded[1:, :-1] - image).max(-1), np.abs(padded[:-1, 1:] - image).max(-1)
    pixels = np.rint(image[np.maximum(*steps) < EDGE] * 255).astype(np.int64)
    values, counts = np.unique(pixels @ [65536, 256, 1], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rgb = np.stack([values >> 16, values >> 8 & 255, values & 255], -1)[order]
    return (rgb / 255.0).astype(np.float32), counts[order]


def _share_near(image: np.ndarray, colours: np.ndarray) -> float:
    """The share of the pixels that have one of those colours."""
    distances = np.stack([np.square(image - colour).sum(-1) for colour in colours])
    return float((distances.min(0) < FLAT**2).mean())


def label(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """float32 ``[colours, height, width]``: 1 where that colour is the nearest."""
    distances = np.stack([np.square(image - colour).sum(-1) for colour in colours])
    nearest = distances.argmin(0)
    return np.stack([nearest == number for number in range(len(colours))]).astype(np.float32)


# ---- guides ----------------------------------------------------------------------------------------------------------


def named_weights(colours: np.ndarray, wanted: Sequence[RGB8 | None], weights: Sequence[float]) -> np.ndarray:
    """float32 ``[colours, styles]``: how much each style counts in each region of a mask, 1 in all or 0 where no style
    is wanted. ``wanted``: for each style the colour of its region; ``None`` for all that no style names. Raises
    ``ValueError`` where that can't be."""
    if all(colour is None for colour in wanted):
        raise ValueError(
            f"there is a mask, but no style names a region of it, as in FILE@COLOUR; it has {_listed(colours)}"
        )
    shares = np.zeros((len(colours), len(wanted)), np.float32)
    for number, (colour, weight) in enumerate(zip(wanted, weights, strict=True)):
        if colour is not None:
            shares[_meant(colours, np.asarray(colour, np.float32) / 255), number] = weight
    unnamed = shares.sum(1) == 0
    rest = [number for number, colour in enumerate(wanted) if colour is None]
    if rest and not unnamed.any():
        raise ValueError("a style names no region, and each region of the mask has a style already; leave it out")
    for number in rest:
        shares[unnamed, number] = weights[number]
    return shares / np.maximum(shares.sum(1, keepdims=True), 1e-12)


def _meant(colours: np.ndarray, colour: np.ndarray) -> int:
    distance = np.sqrt(np.square(colours - colour).sum(-1))
    if distance.min() > ALIKE:
        raise ValueError(f"the mask has no colour {written(colour)}; it has {_listed(colours)}")
    return int(distance.argmin())


def matched(content: np.ndarray, style: np.ndarray) -> np.ndarray:
    """int ``[colours]``: which colour of a style's map each colour of the content's map means. Raises ``ValueError``
    for one that has no counterpart."""
    distance = np.sqrt(np.square(content[:, None] - style[None]).sum(-1))
    for colour, nearest in zip(content, distance.min(1), strict=True):
        if nearest > ALIKE:
            raise ValueError(
                f"the content-map's colour {written(colour)} is not in the style-map, which has {_listed(style)}; "
                "paint what belongs together in the same colour"
            )
    return distance.argmin(1)


# ---- features --------------------------------------------------------------------------------------------------------


def _overlaps(small: int, large: int) -> np.ndarray:
    """float32 ``[small, large]``: the share of each of ``large`` steps in each of ``small`` steps of the same way."""
    edges = np.arange(small + 1) * large / small
    steps = np.arange(large)
    low, high = np.maximum(edges[:-1, None], steps), np.minimum(edges[1:, None], steps + 1)
    return (np.maximum(high - low, 0) * small / large).astype(np.float32)


def shrunk(places: np.ndarray, height: int, width: int) -> np.ndarray:
    """float32 ``[regions, height, width]``, each region summing to 1: ``places [regions, h, w]`` averaged over the
    parts of a layer of that size. A region that is nowhere is nothing but zeros."""
    down, across = _overlaps(height, places.shape[1]), _overlaps(width, places.shape[2])
    small = np.einsum("yh,rhw,xw->ryx", down, places, across, optimize=True)
    return (small / np.maximum(small.sum((1, 2), keepdims=True), 1e-12)).astype(np.float32)


def gram_matrices(features: jax.Array, places: jax.Array) -> jax.Array:
    """``[regions, channels, channels]``: mean product of two channels over each region of ``features [height, width,
    channels]``, of which ``places [regions, height, width]`` says where it is."""
    import jax

    flat = features.reshape(-1, features.shape[-1])

    @jax.checkpoint  # else the weighted features of all regions are kept for the gradient
    def one(place: jax.Array) -> jax.Array:
        return flat.T @ (flat * place.reshape(-1, 1))

    return jax.lax.map(one, places)


def style_loss(grams: jax.Array, targets: jax.Array, shares: jax.Array) -> jax.Array:
    """The style losses (see ``losses.style_loss``) of each region's Gram matrix, weighted with ``shares [regions]``."""
    import jax.numpy as jnp

    apart = jnp.square(grams - targets).sum((1, 2))
    return jnp.sum(shares * apart / (jnp.square(targets).sum((1, 2)) + 1e-12))
