"""What the methods are called, and how a layer is asked for. No jax here: a command line checks these early."""

from __future__ import annotations

from typing import NamedTuple

METHODS = {"saliency": "gradient", "guided": "guided", "deconv": "deconv"}
"""What is sent back through a network, and by which rule of ``RELUS``."""


class Layer(NamedTuple):
    """A layer by its published name, and a channel, counted from 0; ``None`` for no particular one."""

    name: str
    channel: int | None = None


def parse_layer(text: str) -> Layer:
    """``LAYER`` or ``LAYER:CHANNEL``. Raises ``ValueError`` that quotes the text."""
    name, colon, tail = text.rpartition(":")
    if not colon:
        name, tail = text, ""
    if not name or (colon and not tail.isdecimal()):
        raise ValueError(f"layer {text!r} is not LAYER or LAYER:CHANNEL; channels are counted from 0")
    return Layer(name, int(tail) if tail else None)


def parse_channels(text: str) -> tuple[int, ...]:
    """``0,5,10-15`` as numbers, in that order, each once. Raises ``ValueError`` that quotes the text."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
            raise ValueError(f"channels {text!r} are no numbers such as 0,5,10-15")
        found += range(int(first), int(last if dash else first) + 1)
    return tuple(dict.fromkeys(found))
