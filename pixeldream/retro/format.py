"""Native files as data: what a format is called, which modes it holds, how it writes and reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from pixeldream.retro.animation import Animation, Cost
from pixeldream.retro.mode import Picture


class FormatError(ValueError):
    """A file that is not what its name says, or is broken; one line that says where."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What a file shows where no mode of ours can hold it: more colours, or a palette that changes on the way down.

    ``image``: uint8 ``[height, width, 3]`` in the file's own pixels. ``pixel_aspect``: as in ``Mode``. ``notes``: what
    the file says of itself, one line each.
    """

    image: np.ndarray
    pixel_aspect: tuple[int, int] = (1, 1)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class WriteOptions:
    """How to write where a format leaves a choice.

    ``raw``: the mode's own pixels, not repeated to the display's shape. ``aspect``: resampled to the true pixel aspect.
    ``metadata``: text by keyword for formats that can carry it.
    """

    raw: bool = False
    aspect: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """A native file format.

    ``extensions``: with the dot, lower case, the usual one first. ``modes``: names of the modes it can hold; empty for
    every mode. ``write(picture, options) -> bytes``. ``read(data) -> Picture`` raises only ``FormatError``.
    ``decode(data) -> Picture | Shown`` reads more: also files that can only be looked at. ``program``: the file shows
    itself on the machine.

    ``companion``: the format of a second file that lies beside the first under the same stem, such as a palette. It is
    written whenever the first one is, and ``read_beside(data, beside) -> Picture`` reads both of them where there are
    both; then ``read`` says what a file alone shows, or what is missing.

    Files of moving pictures: ``write_frames(animation, options) -> bytes`` raises ``FormatError`` for more than they
    can hold, ``read_frames(data) -> Animation`` as ``read``. ``cost(animation)`` says what one takes where there is
    only so much room or time.
    """

    name: str
    extensions: tuple[str, ...]
    modes: tuple[str, ...] = ()
    write: Callable[[Picture, WriteOptions], bytes] | None = None
    read: Callable[[bytes], Picture] | None = None
    decode: Callable[[bytes], Picture | Shown] | None = None
    program: bool = False
    description: str = ""
    companion: Format | None = None
    read_beside: Callable[[bytes, bytes], Picture] | None = None
    write_frames: Callable[[Animation, WriteOptions], bytes] | None = None
    read_frames: Callable[[bytes], Animation] | None = None
    cost: Callable[[Animation], Cost] | None = None

    def __post_init__(self) -> None:
        for extension in self.extensions:
            if not extension.startswith(".") or extension != extension.lower():
                raise ValueError(
                    f"format {self.name!r}: extension {extension!r} must be lower case and start with a dot"
                )
        if not (self.write or self.read or self.write_frames or self.read_frames):
            raise ValueError(f"format {self.name!r} neither writes nor reads")
        if self.companion is None and self.read_beside is not None:
            raise ValueError(f"format {self.name!r} reads a companion and does not say which")

    def holds(self, mode: str) -> bool:
        """Whether a picture of the mode called ``mode`` can be stored in it."""
        return not self.modes or mode in self.modes
