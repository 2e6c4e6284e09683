"""What a loss of one's own is to style transfer. Imports neither jax nor numpy: plugins load it at every start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

OWN = ("content", "style", "tv", "tone", "total")
"""The losses that style transfer has of its own."""


class Seen(NamedTuple):
    """A picture and what one network sees in it.

    ``image``: sRGB float32 ``[height, width, 3]`` in [0, 1], in display pixels. ``features``: float32
    ``[height', width', channels]`` by layer, for every layer that the run watches.
    """

    image: Any
    features: Mapping[str, Any]


@dataclass(frozen=True)
class Loss:
    """A named opinion on a picture: ``measure(shown, content)`` is a float32 scalar, the smaller the better.

    ``shown`` and ``content`` are :class:`Seen`: the picture as it stands, and the photograph. ``measure`` is traced by
    jax and differentiated: it is pure, and of numbers that are 0 at the best and about 1 for something that is far off,
    so that a weight means about the same as for the others. Several networks are asked one by one; their mean counts.

    Raises ``ValueError`` for a name that style transfer has taken itself.
    """

    name: str
    """What the command line calls it: ``--loss NAME[:WEIGHT]``."""

    measure: Callable[[Seen, Seen], Any]
    description: str = ""
    """One sentence."""

    def __post_init__(self) -> None:
        if self.name in OWN:
            raise ValueError(f"loss {self.name!r} has the name of one that is built in; rename it")


class Weighted(NamedTuple):
    """A loss and its weight beside ``content_weight`` and the others."""

    loss: Loss
    weight: float = 1.0
