"""Graphics modes as data, and the pictures that they can show.

A mode is geometry plus slots. A slot is a colour that is constant over an area: the whole screen, an attribute cell,
a strip of a cell. Each pixel of a picture names one slot. That is all a solver, a check or a file format needs.

Sizes and areas are (width, height) in the mode's own pixels; a C64 multicolor pixel is one pixel, twice as wide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from math import comb
from typing import Any

import numpy as np

from pixeldream.retro.palette import Gamut, Palette

Size = tuple[int, int]

MAXIMUM_SETS = 20_000
"""Colour sets that the exact solver is willing to try for each cell; CPC mode 1 needs 17,550."""


@dataclass(frozen=True)
class Slot:
    """A colour that is constant over ``area`` (width, height), or over the whole screen (``None``).

    ``allowed`` lists the palette indices that the slot can hold; ``None`` means all of them.
    """

    name: str
    area: Size | None = None
    allowed: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Level:
    """The slots that share one area. ``slots`` are indices into the mode's slots, ``grid`` is (columns, rows)."""

    area: Size
    grid: Size
    slots: tuple[int, ...]


@dataclass(frozen=True)
class Tiles:
    """A picture put together from at most ``count`` different tiles of ``area`` (width, height): a character set.

    Two tiles are the same when their pixels have the same values, whatever colours the slots hold there.
    """

    area: Size
    count: int


@dataclass(frozen=True)
class SubPalettes:
    """Areas that each show the slots of one sub-palette only, as consoles with tiles have them.

    ``area``: (width, height). ``slots``: the slot numbers of each sub-palette, in the order of the values that the
    hardware stores for a pixel. All are equally long; a slot of several sub-palettes (the backdrop of the NES) has the
    same place in each.
    """

    area: Size
    slots: tuple[tuple[int, ...], ...]

    def places(self) -> np.ndarray:
        """int64 ``[slots]``: each slot's place in its sub-palette, which is what the hardware stores for a pixel."""
        result = np.zeros(max(map(max, self.slots)) + 1, np.int64)
        for members in self.slots:
            result[list(members)] = np.arange(len(members))
        return result

    def members(self) -> np.ndarray:
        """bool ``[sub-palettes, slots]``: which slots each sub-palette has."""
        return (np.asarray(self.slots)[:, :, None] == np.arange(len(self.places()))).any(1)


@dataclass(frozen=True)
class Mode:
    """Which pictures a machine can show, as a value: hashable, so that it is a static argument of jitted functions.

    ``size``: (width, height) in the mode's pixels. ``slots``: a pixel's value is an index into them, and their order is
    the hardware's (bit pair 01 of C64 multicolor is slot 1). ``palette``: the name of the default fixed palette, or
    ``gamut`` where the machine mixes its own colours. ``pixel_aspect``: width and height of one pixel on the screen, as
    a ratio of whole numbers. ``blocked``: pixels at the left edge that the machine can't paint; they use slot 0, and
    where ``blocked_colour`` is given every smaller slot there holds that colour (the FLI bug).

    ``solve`` and ``render`` replace the generic ones where no slot can say it (see ``pixeldream.retro.solve`` for their
    signatures), and ``follow`` says how an own solve keeps up with an image that moves; then ``values`` is how many
    values a pixel has if that is not the number of slots, and ``frames`` how many frames the machine shows in turn.

    Two more functions serve the search for the least perceived error (``pixeldream.retro.search``): ``choices`` says
    what each pixel value shows, where an own solve leaves pixels free of each other; ``search`` replaces all of it.

    ``redraw`` tells a drawing apart where no slot can say it: ``redraw(mode, image, palette, locks) -> Drawn`` for
    uint8 ``image [height, width, 3]`` in colours that the mode can show somewhere (see ``pixeldream.retro.legal``).

    ``colour_groups`` lists which colours may stand together: those of all slots at a place come from one group (the two
    brightnesses of the ZX Spectrum, black being in both). ``sub_palettes``: areas that use the slots of one sub-palette
    only. ``tiles`` limits how many different tiles there are. ``frame_size`` is (width, height) of one frame in its own
    pixels where that is not ``size`` (frames of wide pixels, half of one apart, make a picture of narrow ones).
    ``flicker``: the largest difference in luma (0 to 1) that the solver leaves between two frames at any place; it is
    handed to ``solve`` and ``follow`` by that name. ``exact`` promises that a legal picture comes out of the solver as
    it went in.

    Raises ``ValueError`` when the areas do not tile the screen or nest in each other, a name repeats, or the choice is
    too large for the exact solver.
    """

    name: str
    machine: str
    size: Size
    slots: tuple[Slot, ...]
    palette: str = ""
    gamut: Gamut | None = None
    pixel_aspect: Size = (1, 1)
    colours: int = 16
    blocked: int = 0
    blocked_colour: int | None = None
    values: int = 0
    frames: int = 1
    solve: Callable | None = None
    render: Callable | None = None
    follow: Callable | None = None
    choices: Callable | None = None
    search: Callable | None = None
    redraw: Callable | None = field(default=None, compare=False)
    colour_groups: tuple[tuple[int, ...], ...] | None = None
    sub_palettes: SubPalettes | None = None
    tiles: Tiles | None = None
    frame_size: Size | None = None
    flicker: float | None = None
    exact: bool = True
    description: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if min(self.size) < 1 or min(self.pixel_aspect) < 1:
            raise ValueError(
                f"mode {self.name!r}: size {self.size} and pixel aspect {self.pixel_aspect} must be positive"
            )
        if not 1 <= len(self.slots) <= 256:
            raise ValueError(f"mode {self.name!r} has {len(self.slots)} slots; 1 to 256 are possible")
        names = [slot.name for slot in self.slots]
        if len(set(names)) < len(names):
            raise ValueError(f"mode {self.name!r} names a slot twice: {', '.join(names)}")
        if bool(self.palette) == (self.gamut is not None):
            raise ValueError(f"mode {self.name!r} needs either a palette or a gamut")
        if (self.solve is None) != (self.render is None) or (self.follow is not None and self.solve is None):
            raise ValueError(f"mode {self.name!r}: an own solve and an own render come together")
        self._check_areas()
        self._check_choice()
        self._check_groups()
        self._check_sub_palettes()

    def _check_areas(self) -> None:
        outer = self.size
        for level in self.levels:
            if min(level.area) < 1 or outer[0] % level.area[0] or outer[1] % level.area[1]:
                raise ValueError(
                    f"mode {self.name!r}: areas of {level.area[0]}x{level.area[1]} do not tile {outer[0]}x{outer[1]}"
                )
            outer = level.area

    def _check_choice(self) -> None:
        if self.solve is not None:
            return
        if self.gamut is not None:
            if len(self.levels) > 1 or self.levels[0].area != self.size:
                raise ValueError(f"mode {self.name!r}: slots of a gamut must span the screen; give it an own solve")
        elif self.sub_palettes is None and comb(self.colours, len(self.slots)) > MAXIMUM_SETS:
            raise ValueError(
                f"mode {self.name!r}: {len(self.slots)} of {self.colours} colours are "
                f"{comb(self.colours, len(self.slots)):,} sets, more than {MAXIMUM_SETS:,}; give it an own solve"
            )
        self._check_blocked()
        for slot in self.slots:
            if slot.allowed is not None and not all(0 <= index < self.colours for index in slot.allowed):
                raise ValueError(f"mode {self.name!r}, slot {slot.name!r}: allowed {slot.allowed} leaves the palette")

    def _check_blocked(self) -> None:
        if not 0 <= self.blocked < self.size[0] or any(self.blocked % level.area[0] for level in self._smaller):
            raise ValueError(f"mode {self.name!r}: {self.blocked} blocked columns are no whole number of areas")

    def _check_groups(self) -> None:
        if self.colour_groups is None:
            return
        if any(p is not None for p in (self.gamut, self.tiles, self.sub_palettes, self.solve, self.blocked_colour)):
            raise ValueError(
                f"mode {self.name!r}: colour groups need a fixed palette, no tiles, no sub-palettes, no blocked colour "
                f"and no own solve"
            )
        for group in self.colour_groups:
            if len(set(group)) < len(self.slots) or not all(0 <= index < self.colours for index in group):
                raise ValueError(
                    f"mode {self.name!r}: colour group {group} needs {len(self.slots)} different colours of "
                    f"{self.colours}, one for each slot"
                )

    def _check_sub_palettes(self) -> None:
        sub = self.sub_palettes
        if sub is None:
            return
        if any(slot.area is not None for slot in self.slots):
            raise ValueError(f"mode {self.name!r}: slots of sub-palettes span the screen")
        if min(sub.area) < 1 or self.size[0] % sub.area[0] or self.size[1] % sub.area[1]:
            raise ValueError(f"mode {self.name!r}: sub-palettes over {sub.area} do not tile {self.size}")
        if self.tiles and (sub.area[0] % self.tiles.area[0] or sub.area[1] % self.tiles.area[1]):
            raise ValueError(f"mode {self.name!r}: tiles of {self.tiles.area} do not tile sub-palettes over {sub.area}")
        places = {(slot, place) for members in sub.slots for place, slot in enumerate(members)}
        if len({len(members) for members in sub.slots}) != 1 or sorted(slot for slot, _ in places) != list(
            range(len(self.slots))
        ):
            raise ValueError(
                f"mode {self.name!r}: sub-palettes {sub.slots} are not equally long, leave out a slot of "
                f"{len(self.slots)} or have one at two places"
            )

    @property
    def _smaller(self) -> tuple[Level, ...]:
        """The levels below the screen."""
        return tuple(level for level in self.levels if level.area != self.size)

    @property
    def pixel_values(self) -> int:
        """How many values a pixel has."""
        return self.values or len(self.slots)

    @property
    def pixel_shape(self) -> tuple[int, ...]:
        """The shape of a picture's pixels: (height, width) of a frame, the number of frames in front if several."""
        width, height = self.frame_size or self.size
        return (self.frames, height, width) if self.frames > 1 else (height, width)

    @property
    def blocked_pixels(self) -> int:
        """``blocked`` in the pixels of a frame."""
        return self.blocked * self.pixel_shape[-1] // self.size[0]

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """The slots grouped by area, the largest area first."""

        def area(index: int) -> Size:
            return self.slots[index].area or self.size

        def order(index: int) -> tuple[int, Size]:
            return -area(index)[0] * area(index)[1], area(index)

        groups = groupby(sorted(range(len(self.slots)), key=order), key=area)
        return tuple(
            Level(shape, (self.size[0] // max(shape[0], 1), self.size[1] // max(shape[1], 1)), tuple(members))
            for shape, members in groups
        )

    def grid(self, slot: int) -> Size:
        """(columns, rows) of the areas of slot number ``slot``."""
        return next(level.grid for level in self.levels if slot in level.slots)

    def allowed(self, slot: int) -> tuple[int, ...]:
        """The palette indices that slot number ``slot`` may hold."""
        limits = self.slots[slot].allowed
        return tuple(range(self.colours)) if limits is None else limits

    def slot(self, name: str) -> int:
        """The number of the slot called ``name``. Raises ``ValueError`` that lists the slots."""
        for number, slot in enumerate(self.slots):
            if slot.name == name:
                return number
        known = ", ".join(slot.name for slot in self.slots)
        raise ValueError(f"mode {self.name!r} has no slot {name!r}; it has {known}")


def cut_tiles(pixels: Any, area: Size) -> Any:
    """``[height, width] -> [tiles, pixels of a tile]``, row by row; of numpy and jax arrays alike."""
    (height, width), (across, down) = pixels.shape, area
    split = pixels.reshape(height // down, down, width // across, across)
    return split.transpose(0, 2, 1, 3).reshape(-1, down * across)


def own_slot(mode: Mode) -> int:
    """The one slot whose area is a tile. Raises ``ValueError`` unless there is exactly one below the screen."""
    assert mode.tiles is not None
    own = [number for number, slot in enumerate(mode.slots) if slot.area is not None]
    if len(own) != 1 or mode.slots[own[0]].area != mode.tiles.area:
        raise ValueError(f"mode {mode.name!r}: give it one slot of area {mode.tiles.area}, the others screen-wide")
    return own[0]


@dataclass(frozen=True, eq=False)
class Picture:
    """A legal picture: which slot each pixel uses, and each slot's colours.

    ``pixels``: uint8 ``[height, width]``, slot numbers (``[frames, height, width]`` where a mode has several frames).
    ``colours``: for each slot an integer array ``[rows, columns]`` of its grid, holding indices into ``palette`` (a
    :class:`Palette`, or the :class:`Gamut` of the mode). ``border``: the index of the screen's border colour, for
    machines that have one.

    Raises ``ValueError`` when a shape is wrong, a pixel names no slot or a colour leaves its slot's range: a
    ``Picture`` that exists is legal.
    """

    mode: Mode
    palette: Palette | Gamut
    pixels: np.ndarray
    colours: tuple[np.ndarray, ...]
    border: int = 0

    def __post_init__(self) -> None:
        mode = self.mode
        if self.pixels.shape != mode.pixel_shape:
            raise ValueError(f"{mode.name}: pixels of shape {self.pixels.shape}, not {mode.pixel_shape}")
        if int(self.pixels.max()) >= mode.pixel_values:
            raise ValueError(f"{mode.name}: a pixel has the value {int(self.pixels.max())} of {mode.pixel_values}")
        if self.pixels[..., : mode.blocked_pixels].any():
            raise ValueError(f"{mode.name}: the {mode.blocked} columns at the left can't be painted; leave them at 0")
        if len(self.colours) != len(self.mode.slots):
            raise ValueError(f"{self.mode.name}: colours for {len(self.colours)} of {len(self.mode.slots)} slots")
        for number, (slot, colours) in enumerate(zip(self.mode.slots, self.colours, strict=True)):
            self._check_slot(slot, colours, self.mode.grid(number))
        if mode.colour_groups is not None:
            self._check_groups(mode.colour_groups)
        if mode.sub_palettes is not None:
            self.sub_palettes()
        if mode.tiles is not None and self.distinct_tiles() > mode.tiles.count:
            raise ValueError(f"{mode.name}: {self.distinct_tiles()} different tiles; {mode.tiles.count} are possible")

    def distinct_tiles(self) -> int:
        """How many different tiles the picture has, in a mode that is made of tiles."""
        assert self.mode.tiles is not None
        return len(np.unique(cut_tiles(self.stored(), self.mode.tiles.area), axis=0))

    def stored(self) -> np.ndarray:
        """uint8 ``[height, width]``: the pixels as the hardware stores them, which is the slot, or its place in its
        sub-palette."""
        sub = self.mode.sub_palettes
        return self.pixels if sub is None else sub.places()[self.pixels].astype(np.uint8)

    def sub_palettes(self) -> np.ndarray:
        """int64 ``[rows, columns]``: the sub-palette of each area; the first of those that have all its slots.

        Raises ``ValueError`` that names the area where there is none.
        """
        sub = self.mode.sub_palettes
        assert sub is not None
        columns, rows = self.mode.size[0] // sub.area[0], self.mode.size[1] // sub.area[1]
        fits = sub.members()[:, cut_tiles(self.pixels, sub.area)].all(-1)
        if not fits.any(0).all():
            number = int(fits.any(0).argmin())
            used = np.unique(cut_tiles(self.pixels, sub.area)[number])
            names = ", ".join(self.mode.slots[slot].name for slot in used)
            raise ValueError(
                f"{self.mode.name}: the area in row {number // columns}, column {number % columns} uses {names}, "
                f"which no sub-palette has together"
            )
        return fits.argmax(0).reshape(rows, columns)

    def _check_groups(self, groups: tuple[tuple[int, ...], ...]) -> None:
        columns, rows = self.mode.levels[-1].grid
        held = np.stack([c.repeat(rows // c.shape[0], 0).repeat(columns // c.shape[1], 1) for c in self.colours], -1)
        wrong = np.argwhere(~np.stack([np.isin(held, group).all(-1) for group in groups]).any(0))
        if wrong.size:
            row, column = wrong[0]
            raise ValueError(
                f"{self.mode.name}: colours {held[row, column].tolist()} in row {row}, column {column} can't stand "
                f"together"
            )

    def _check_slot(self, slot: Slot, colours: np.ndarray, grid: Size) -> None:
        if colours.shape != (grid[1], grid[0]):
            raise ValueError(f"{self.mode.name}, slot {slot.name!r}: shape {colours.shape}, not {(grid[1], grid[0])}")
        if slot.allowed is not None:
            wrong = np.setdiff1d(colours, np.asarray(slot.allowed))
        else:
            wrong = colours[(colours < 0) | (colours >= self.palette.count)]
        if wrong.size:
            raise ValueError(f"{self.mode.name}, slot {slot.name!r}: colour {int(wrong[0])} is not allowed there")
        if self.mode.blocked_colour is not None and slot.area is not None:
            hidden = colours[:, : self.mode.blocked // slot.area[0]]
            if (hidden != self.mode.blocked_colour).any():
                raise ValueError(f"{self.mode.name}: blocked cells hold colour {self.mode.blocked_colour} only")

    def indices(self) -> np.ndarray:
        """The palette index of every pixel, int64 ``[height, width]``, of a mode made of slots."""
        width, height = self.mode.size
        result = np.zeros((height, width), np.int64)
        for number, colours in enumerate(self.colours):
            columns, rows = self.mode.grid(number)
            spread = np.repeat(np.repeat(colours, height // rows, 0), width // columns, 1)
            result = np.where(self.pixels == number, spread, result)
        return result

    def image(self) -> np.ndarray:
        """uint8 ``[height, width, 3]`` in the mode's own pixels."""
        if self.mode.render is not None:
            shown = np.asarray(self.mode.render(self, self.palette.values()))
            return np.rint(shown * 255).astype(np.uint8)
        return self.palette.rgb(self.indices())
