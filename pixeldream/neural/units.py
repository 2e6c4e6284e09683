"""What a dream maximises, as the command line writes it: layers, channels of them, neurons, classes. No jax here.

``LAYER[:CHANNEL][@X,Y][:WEIGHT]``. One number behind the layer is a channel when it is whole (``mixed4:11``), else a
weight (``mixed4:0.5``, ``mixed4:-1.0``, ``mixed4::2``); of two the second is the weight. ``@X,Y`` is a place in the
picture, in display pixels from the top left: of the layer's grid the neurons (or, with a channel, the neuron) there.
A negative weight asks for as little as possible.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

RANDOM = "random"
"""As a class: another one in each step."""

_UNIT = re.compile(
    r"(?P<layer>[^:@]+)(:(?P<channel>[0-9]+))?(@(?P<x>[0-9]+),(?P<y>[0-9]+))?(:(?P<weight>[^:@]*)|::(?P<alone>[^:@]*))?"
)
_GRAMMAR = "LAYER[:CHANNEL][@X,Y][:WEIGHT]: a whole number is a channel, one with a point a weight"


@dataclass(frozen=True)
class Unit:
    """A layer, or some of it. ``channel``: one of the layer's, None for all; ``place``: (x, y) in display pixels, None
    for everywhere; ``weight``: relative to those of the others."""

    layer: str
    channel: int | None = None
    place: tuple[int, int] | None = None
    weight: float = 1.0


def parse(text: str) -> Unit:
    """The unit that ``text`` means (see the module). Raises ``ValueError`` that quotes it."""
    found = _UNIT.fullmatch(text)
    if found is None:
        raise ValueError(f"layer {text!r} is not {_GRAMMAR}")
    weight = found["alone"] if found["alone"] is not None else found["weight"]
    place = None if found["x"] is None else (int(found["x"]), int(found["y"]))
    channel = None if found["channel"] is None else int(found["channel"])
    return Unit(found["layer"], channel, place, 1.0 if weight is None else _weight(text, weight))


def _weight(text: str, weight: str) -> float:
    try:
        value = float(weight)
    except ValueError:
        value = 0.0
    if value == 0 or not abs(value) < float("inf"):
        raise ValueError(f"layer {text!r}: the weight {weight!r} is no number other than 0; {_GRAMMAR}")
    return value


def parse_all(texts: Iterable[str]) -> tuple[Unit, ...]:
    """The units of several texts. Raises ``ValueError``, also for one that is asked for twice."""
    units = tuple(parse(text) for text in texts)
    for number, unit in enumerate(units):
        if (unit.layer, unit.channel, unit.place) in [(u.layer, u.channel, u.place) for u in units[:number]]:
            raise ValueError(f"layer {unit.layer!r} is asked for twice; give it once, with a weight")
    return units


def check_layer(network: str, layer: str, layers: Sequence[str]) -> None:
    """Raises ``ValueError`` with the nearest names, unless ``layer`` is among ``layers``."""
    if layer in layers:
        return
    near = difflib.get_close_matches(layer.lower(), layers, 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(layers)}"
    raise ValueError(f"network {network!r} has no layer {layer!r}; {hint}")
