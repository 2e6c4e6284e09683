"""Colours that a machine can show: fixed palettes, and gamuts that it picks a palette from.

Colours are sRGB, 8 bits a component. A colour's index is its meaning: entry n of a fixed palette is hardware colour n,
and an index into a gamut is the value of the hardware's colour register (0x0RGB on the Amiga).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

RGB8 = tuple[int, int, int]

UNSEEN = 100.0
"""Each encoded component of a colour that may not be seen, where colours are floats: so far beyond white, in every
colour space, that no solver and no dither takes it for any pixel."""

MAXIMUM_BYTES = 64 * 1024
"""A palette file larger than this is refused unread."""

BUILT_IN = "pixeldream_palettes"
"""The package that holds the embedded ``.gpl`` files."""


class PaletteError(ValueError):
    """A palette file that cannot be read; one line that names the file and the fault."""


@dataclass(frozen=True)
class Palette:
    """A fixed list of colours, in hardware order.

    ``colours`` holds (red, green, blue) triples, each 0 to 255; ``names`` is empty or one name a colour; ``source``
    says who measured the values.
    """

    name: str
    colours: tuple[RGB8, ...]
    names: tuple[str, ...] = ()
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.colours:
            raise PaletteError(f"palette {self.name!r} has no colours")
        for colour in self.colours:
            if len(colour) != 3 or not all(0 <= component <= 255 for component in colour):
                raise PaletteError(f"palette {self.name!r}: colour {colour} is not three components of 0 to 255")
        if self.names and len(self.names) != len(self.colours):
            raise PaletteError(f"palette {self.name!r}: {len(self.names)} names for {len(self.colours)} colours")

    @property
    def count(self) -> int:
        """How many indices there are."""
        return len(self.colours)

    def rgb(self, indices: Any) -> np.ndarray:
        """uint8 ``[..., 3]`` of an integer array of indices."""
        return np.asarray(self.colours, np.uint8)[np.asarray(indices)]

    def values(self) -> np.ndarray:
        """float32 ``[count, 3]`` in [0, 1]: what the solver takes."""
        return self.rgb(np.arange(self.count)).astype(np.float32) / 255.0

    def index(self, text: str) -> int:
        """The index that ``text`` means: a number, a colour's name (case and blanks do not matter) or RRGGBB.

        Raises ``ValueError`` that lists what there is.
        """
        plain = _plain(text)
        for index, name in enumerate(self.names):
            if _plain(name) == plain:
                return index
        if text.isdecimal() and int(text) < self.count:
            return int(text)
        colour = _hexadecimal(text)
        if colour in self.colours:
            return self.colours.index(colour)
        known = ", ".join(self.names) or f"0 to {self.count - 1}"
        raise ValueError(f"palette {self.name!r} has no colour {text!r}; it has {known}")


@dataclass(frozen=True)
class Gamut:
    """Every colour that a machine can mix: ``levels`` steps for each of red, green and blue.

    An index is ``(red * green_levels + green) * blue_levels + blue``: for 16 levels each that is the Amiga's 0x0RGB.
    The steps are evenly spaced, or show the ``shades`` (0 to 255, rising), which are those of all three components.
    """

    name: str
    levels: tuple[int, int, int]
    source: str = field(default="", compare=False)
    shades: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not all(2 <= level <= 256 for level in self.levels):
            raise PaletteError(f"gamut {self.name!r}: levels {self.levels} are not 2 to 256 each")
        rising = all(low < high for low, high in pairwise((-1, *self.shades, 256)))
        if self.shades and (set(self.levels) != {len(self.shades)} or not rising):
            raise PaletteError(
                f"gamut {self.name!r}: shades {self.shades} are not {self.levels[0]} rising ones of 0 to 255"
            )

    @property
    def count(self) -> int:
        """How many indices there are."""
        return int(np.prod(self.levels))

    def rgb(self, indices: Any) -> np.ndarray:
        """uint8 ``[..., 3]`` of an integer array of indices."""
        _, green, blue = self.levels
        index = np.asarray(indices)
        steps = np.stack([index // (green * blue), index // blue % green, index % blue], -1)
        if self.shades:
            return np.asarray(self.shades, np.uint8)[steps]
        return np.rint(steps * 255.0 / (np.asarray(self.levels) - 1)).astype(np.uint8)

    def values(self) -> np.ndarray:
        """float32 ``[0, 3]``: the solver knows a gamut from its mode."""
        return np.zeros((0, 3), np.float32)

    def nearest(self, rgb: Any) -> np.ndarray:
        """The index of the level nearest to each uint8 colour ``[..., 3]``, component by component."""
        if self.shades:
            steps = np.searchsorted(self.borders(), np.asarray(rgb, np.float64))
        else:
            steps = np.rint(np.asarray(rgb, np.float64) / 255.0 * (np.asarray(self.levels) - 1)).astype(np.int64)
        return (steps[..., 0] * self.levels[1] + steps[..., 1]) * self.levels[2] + steps[..., 2]

    def borders(self) -> np.ndarray:
        """float64 ``[shades - 1]``: half way between each shade and the next."""
        return (np.asarray(self.shades[1:], np.float64) + self.shades[:-1]) / 2

    def index(self, text: str) -> int:
        """The index nearest to a colour written RRGGBB (or ``black``, ``white``). Raises ``ValueError`` otherwise."""
        colour = {"black": (0, 0, 0), "white": (255, 255, 255)}.get(_plain(text)) or _hexadecimal(text)
        if colour is None:
            raise ValueError(f"gamut {self.name!r} has no colour {text!r}; write it as RRGGBB, such as ff8800")
        return int(self.nearest(colour))


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "", text).lower()


def _hexadecimal(text: str) -> RGB8 | None:
    match = re.fullmatch(r"(?:#|\$|0x)?([0-9a-fA-F]{6})", text.strip())
    if not match:
        return None
    value = int(match[1], 16)
    return value >> 16, value >> 8 & 255, value & 255


def parse_gpl(text: str, name: str) -> Palette:
    """A palette from the text of a GIMP ``.gpl`` file (GIMP developer documentation, GPL version 2).

    The first comment line that starts with ``Source:`` becomes ``source``. Duplicates are kept: the index is meaning.
    Raises ``PaletteError`` with the line's number.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].strip() != "GIMP Palette":
        raise PaletteError(f"palette {name!r}: the first line is not 'GIMP Palette'")
    colours: list[RGB8] = []
    names: list[str] = []
    source = ""
    for number, line in enumerate(lines[1:], 2):
        stripped = line.strip()
        if stripped.startswith("#"):
            comment = stripped.lstrip("# ")
            source = source or comment.removeprefix("Source:").strip() if comment.startswith("Source:") else source
        elif stripped and not re.match(r"(Name|Columns):", stripped):
            match = re.fullmatch(r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(?:\s+(.*))?", stripped)
            if not match or max(int(match[i]) for i in (1, 2, 3)) > 255:
                raise PaletteError(f"palette {name!r}, line {number}: {stripped[:40]!r} is not 'red green blue name'")
            colours.append((int(match[1]), int(match[2]), int(match[3])))
            names.append((match[4] or "").strip())
    if not colours:
        raise PaletteError(f"palette {name!r} holds no colours")
    return Palette(name, tuple(colours), tuple(names) if all(names) else (), source)


def read_palette(path: Path) -> Palette:
    """The palette of a file, named after it, whatever format of ``palette_files`` it has. Raises ``PaletteError``, also
    when unreadable."""
    from pixeldream.retro import palette_files

    try:
        with open(path, "rb") as file:
            data = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise PaletteError(f"palette file {str(path)!r}: {error.strerror or error}") from None
    if len(data) > MAXIMUM_BYTES:
        raise PaletteError(f"palette file {str(path)!r} is larger than {MAXIMUM_BYTES} bytes")
    return palette_files.parse(data, path.stem)


def built_in_names() -> list[str]:
    """The names of the embedded palettes, sorted."""
    folder = resources.files(BUILT_IN)
    return sorted(entry.name.removesuffix(".gpl") for entry in folder.iterdir() if entry.name.endswith(".gpl"))


@lru_cache
def built_in(name: str) -> Palette:
    """An embedded palette. Raises ``KeyError`` for a name that is not in :func:`built_in_names`."""
    if name not in built_in_names():
        raise KeyError(name)
    return parse_gpl((resources.files(BUILT_IN) / f"{name}.gpl").read_text("utf-8"), name)
