"""What stands in the way of a drawing: where, in which colours, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pixeldream.retro.palette import RGB8

Place = tuple[int, int, int, int]
"""(x, y, width, height) in a mode's own pixels."""


@dataclass(frozen=True)
class Clash:
    """Something in a drawing that a mode can't show. ``why``: one line. ``places``: the cells or pixels that are
    concerned, the first of which names it. ``colours``: sRGB, 0 to 255."""

    why: str
    places: tuple[Place, ...]
    colours: tuple[RGB8, ...] = ()


@dataclass(frozen=True, eq=False)
class Drawn:
    """A drawing as pixels and slot colours (see ``Picture``), or what stands in its way; ``notes`` for people."""

    pixels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    colours: tuple[np.ndarray, ...] = ()
    clashes: tuple[Clash, ...] = ()
    notes: tuple[str, ...] = ()


def packed(image: np.ndarray) -> np.ndarray:
    """uint8 ``[..., 3]`` as one number a colour, int64 ``[...]``: 0xRRGGBB."""
    wide = np.asarray(image).astype(np.int64)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


def unpacked(numbers: np.ndarray) -> np.ndarray:
    """The inverse of :func:`packed`."""
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1).astype(np.uint8)


def runs(where: np.ndarray) -> Iterator[Place]:
    """The pixels of a bool ``[height, width]`` as places of one line each, row by row."""
    _, places = _spans(where.astype(np.int64))
    yield from places


def colour_runs(image: np.ndarray, where: np.ndarray) -> dict[int, list[Place]]:
    """The pixels of uint8 ``image [height, width, 3]`` that ``where`` marks, as places by packed colour, the most
    frequent colour first."""
    values, places = _spans(np.where(where, packed(image) + 1, 0))
    found: dict[int, list[Place]] = {}
    for value, place in zip(values, places, strict=True):
        found.setdefault(value - 1, []).append(place)
    return dict(sorted(found.items(), key=lambda item: (-sum(place[2] for place in item[1]), item[0])))


def _spans(values: np.ndarray) -> tuple[list[int], list[Place]]:
    """Runs of equal values in the rows of ``[height, width]``, but for 0."""
    height, width = values.shape
    edge = np.ones((height, width), bool)
    edge[:, 1:] = values[:, 1:] != values[:, :-1]
    starts = np.flatnonzero(edge)
    lengths = np.diff(starts, append=height * width)
    held = values.reshape(-1)[starts]
    kept = held != 0
    rows, columns = np.divmod(starts[kept], width)
    places = [(x, y, n, 1) for x, y, n in zip(columns.tolist(), rows.tolist(), lengths[kept].tolist(), strict=True)]
    return held[kept].tolist(), places


def hexadecimal(colour: RGB8) -> str:
    """#rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def foreign(
    image: np.ndarray, nearest: np.ndarray, lacking: str, call: Callable[[RGB8], str] = hexadecimal
) -> tuple[Clash, ...]:
    """A clash for each colour of ``image`` that is not the one of ``nearest`` (both uint8 ``[height, width, 3]``): what
    is ``lacking`` it has only that. The most frequent comes first."""
    wrong = (image != nearest).any(-1)
    clashes = []
    for number, places in colour_runs(image, wrong).items():
        x, y, _, _ = places[0]
        pixels = sum(width for _, _, width, _ in places)
        colour: RGB8 = number >> 16, number >> 8 & 255, number & 255
        near = call(tuple(nearest[y, x].tolist()))
        what = f"{pixels} pixel{'s' * (pixels > 1)} of {hexadecimal(colour)}"
        clashes.append(Clash(f"{what}, which {lacking} lacks; the nearest is {near}", tuple(places), (colour,)))
    return tuple(clashes)
