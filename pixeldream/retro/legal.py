"""Is a drawing legal in a mode? The picture that shows it to the pixel, or what stands in the way.

``check`` takes a drawing in the mode's own pixels, or with whole pixels repeated, in any of several palettes. A mode
made of slots is decided here (``legal_cells``, ``legal_tiles``, ``legal_sub_palettes``); one that no slot can say
brings its own ``redraw``, or is tried with its solver. Unused slots get their lowest colour, so that equal drawings
make equal bytes.

Everything is numpy: jax is imported only to name the nearest of colours that a palette lacks, and for such a solver.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from pixeldream.retro.clash import Clash, Drawn, Place, foreign, hexadecimal, packed, runs, unpacked
from pixeldream.retro.display import repeats
from pixeldream.retro.legal_cells import MAXIMUM_COLOURS, draw_cells
from pixeldream.retro.legal_sub_palettes import draw_sub_palettes
from pixeldream.retro.legal_tiles import draw_tiles
from pixeldream.retro.locks import lock_array
from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.palette import RGB8, Gamut, Palette

AT_ONCE = 4096
"""Colours whose nearest are looked for at once: a photograph has tens of thousands."""


class DrawingError(ValueError):
    """A drawing that can't be compared with a mode at all; one line with its size and the ones that fit."""


@dataclass(frozen=True, eq=False)
class Checked:
    """A drawing compared with a mode.

    ``picture``: what shows it to the pixel, ``None`` where nothing does. ``clashes``: why not. ``palette``: the one
    that it was read in. ``notes``: what was taken for granted, such as the background. ``image``: the drawing in the
    mode's own pixels, uint8 ``[height, width, 3]``.
    """

    mode: Mode
    palette: Palette | Gamut
    image: np.ndarray
    picture: Picture | None
    clashes: tuple[Clash, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def legal(self) -> bool:
        """Whether the mode shows the drawing without a pixel changed."""
        return self.picture is not None


def scale_of(mode: Mode, shape: tuple[int, ...]) -> tuple[int, int] | None:
    """How often each of the mode's pixels is repeated (across, down) in a drawing of ``shape`` (height, width, 3);
    ``None`` where it is no whole number, or no shape that a pixel has."""
    (height, width), (across, down) = shape[:2], repeats(mode)
    if width % mode.size[0] or height % mode.size[1] or not width * height:
        return None
    scale = width // mode.size[0], height // mode.size[1]
    square = scale[0] == scale[1]
    return scale if square or scale[0] * down == scale[1] * across else None


def check(
    image: Any,
    mode: Mode,
    palettes: Sequence[Palette | Gamut],
    *,
    locks: Mapping[str, int] = MappingProxyType({}),
    border: int = 0,
    order: np.ndarray | None = None,
) -> Checked:
    """Whether ``mode`` shows ``image``, uint8 ``[height, width, 3]``, without a pixel changed.

    ``palettes``: those that it may be drawn in, the likeliest first; the one that holds most of its pixels is taken
    (for a mode that mixes its own colours: the gamut alone). ``locks``: slots whose colours are fixed. ``order``:
    the colours of the drawing's own palette, uint8 ``[n, 3]``, which a screen-wide palette keeps. Raises
    :class:`DrawingError` unless the drawing has the mode's size, or whole pixels repeated.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DrawingError(f"a drawing is uint8 [height, width, 3], not {image.dtype} {list(image.shape)}; convert it")
    scale = scale_of(mode, image.shape)
    if scale is None:
        raise DrawingError(_wrong_size(mode, image.shape))
    small, torn = _shrunk(image, scale)
    chosen = _likeliest(mode, small, palettes)
    wanted, notes = meant(mode, small)
    drawn = _draw(mode, chosen, wanted, lock_array(mode, locks), order)
    clashes = (*torn, *drawn.clashes)
    picture = None
    if not clashes:
        picture = Picture(mode, chosen, drawn.pixels, drawn.colours, border)
        clashes = _differences(picture.image(), wanted)
    return Checked(mode, chosen, small, None if clashes else picture, clashes, (*notes, *drawn.notes))


def pixels_of(image: np.ndarray, mode: Mode, palettes: Sequence[Palette | Gamut]) -> np.ndarray | None:
    """``image`` in the mode's own pixels, where it is plainly drawn in them, legal or not: whole pixels are repeated,
    or one of the fixed palettes holds every colour. ``None`` for others, which have to be fitted."""
    scale = scale_of(mode, image.shape)
    if scale is None:
        return None
    small, torn = _shrunk(image, scale)
    if torn:
        return None
    known = any(np.isin(packed(small), packed(shades_of(mode, p))).all() for p in palettes if isinstance(p, Palette))
    return small if known or scale != (1, 1) else None


def meant(mode: Mode, image: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The drawing with its colours as the machine shows them: old programs wrote the bits of a colour register without
    repeating them, so that white was f0f0f0."""
    gamut = mode.gamut
    if gamut is None or len(set(gamut.levels)) > 1 or gamut.levels[0] not in (2, 4, 8, 16, 32):
        return image, ()
    low = 256 // gamut.levels[0]
    if (image % low).any() or not image.any():
        return image, ()
    red, green, blue = np.moveaxis(image.astype(np.int64) // low, -1, 0)
    registers = (red * gamut.levels[1] + green) * gamut.levels[2] + blue
    return gamut.rgb(registers), (f"colours written without their lower {low.bit_length() - 1} bits",)


def _wrong_size(mode: Mode, shape: tuple[int, ...]) -> str:
    (width, height), (across, down) = mode.size, repeats(mode)
    shown = width * across, height * down
    fitting = [f"{width}x{height}"] + [f"{shown[0]}x{shown[1]}"] * (shown != mode.size)
    return (
        f"the drawing is {shape[1]}x{shape[0]}; {mode.name} is drawn at {' or '.join(fitting)}, "
        f"or that a whole number of times as large"
    )


def _shrunk(image: np.ndarray, scale: tuple[int, int]) -> tuple[np.ndarray, tuple[Clash, ...]]:
    """The drawing with one pixel where the mode has one, and a clash for those that are of several colours."""
    across, down = scale
    small = np.ascontiguousarray(image[::down, ::across])
    torn = (packed(image) != packed(small).repeat(down, 0).repeat(across, 1)).reshape(
        small.shape[0], down, small.shape[1], across
    )
    where = torn.any((1, 3))
    if not where.any():
        return small, ()
    number = int(where.sum())
    many = f"{number} pixel{'s are' if number > 1 else ' is'}"
    why = f"{many} of several colours: the drawing repeats each {across} x {down} times"
    return small, (Clash(why, tuple(runs(where))),)


def _likeliest(mode: Mode, image: np.ndarray, palettes: Sequence[Palette | Gamut]) -> Palette | Gamut:
    """The first of the palettes that holds most pixels; of a mode that mixes colours in its frames, most mixtures."""
    if mode.gamut is not None:
        return mode.gamut
    colours, counts = np.unique(packed(image), return_counts=True)

    def held(palette: Palette | Gamut) -> int:
        return int(counts[np.isin(colours, packed(shades_of(mode, palette)))].sum())

    return max(palettes, key=held)


def shades_of(mode: Mode, palette: Palette | Gamut) -> np.ndarray:
    """uint8 ``[n, 3]``: every colour that a place of the picture can have."""
    each = palette.rgb(np.arange(palette.count))
    if mode.frames < 2:
        return each
    # The mean of what the frames show, as it is rendered: rounded down to whole steps.
    return ((each[:, None].astype(int) + each[None]) // 2).reshape(-1, 3).astype(np.uint8)


def _draw(
    mode: Mode, palette: Palette | Gamut, image: np.ndarray, locks: np.ndarray, order: np.ndarray | None
) -> Drawn:
    if mode.redraw is not None:
        lacking = _foreign(mode, palette, image) if isinstance(palette, Palette) else ()
        return Drawn(clashes=lacking) if lacking else mode.redraw(mode, image, palette, locks)
    if mode.solve is not None:
        return _solved(mode, image, palette, locks)
    lacking = _foreign(mode, palette, image)
    if mode.sub_palettes is not None:
        return _draw_sub_palettes(mode, palette, image, locks, order, lacking)
    if isinstance(palette, Gamut):
        return Drawn(clashes=lacking) if lacking else _draw_gamut(mode, palette, image, locks, order)
    if palette.count > MAXIMUM_COLOURS:
        return _solved(mode, image, palette, locks)
    indices = palette_indices(palette, image)
    drawn = draw_tiles(mode, palette, indices, locks) if mode.tiles else draw_cells(mode, palette, indices, locks)
    return replace(drawn, clashes=(*lacking, *drawn.clashes))


def _draw_sub_palettes(
    mode: Mode,
    palette: Palette | Gamut,
    image: np.ndarray,
    locks: np.ndarray,
    order: np.ndarray | None,
    lacking: tuple[Clash, ...],
) -> Drawn:
    """Colours that the machine lacks do not count in the areas; the drawing's palette is of use if it is a free one."""
    if isinstance(palette, Palette):
        indices, order = palette_indices(palette, image), None
    else:
        near = palette.nearest(image)
        indices = np.where((palette.rgb(near) == image).all(-1), near, -1)
        order = None if order is None else palette.nearest(meant(mode, order)[0])
    drawn = draw_sub_palettes(mode, palette, indices, locks, order)
    return replace(drawn, clashes=(*lacking, *drawn.clashes))


def palette_indices(palette: Palette, image: np.ndarray) -> np.ndarray:
    """int64 ``[height, width]``: the index of each pixel's colour, -1 where the palette lacks it."""
    values = packed(palette.rgb(np.arange(palette.count)))
    order = np.argsort(values, kind="stable")
    wanted = packed(image)
    place = np.minimum(np.searchsorted(values[order], wanted), len(values) - 1)
    return np.where(values[order][place] == wanted, order[place], -1)


def _foreign(mode: Mode, palette: Palette | Gamut, image: np.ndarray) -> tuple[Clash, ...]:
    """A clash for each colour that the machine can't show, with the nearest that it can."""
    if isinstance(palette, Gamut):
        return foreign(image, palette.rgb(palette.nearest(image)), f"gamut {palette.name}")
    shades = shades_of(mode, palette)
    wrong = ~np.isin(packed(image), packed(shades))
    if not wrong.any():
        return ()
    colours, place = np.unique(packed(image)[wrong], return_inverse=True)
    nearest = image.copy()
    nearest[wrong] = shades[_nearest(shades, unpacked(colours))][place.reshape(-1)]
    return foreign(image, nearest, f"palette {palette.name}", partial(name_of, palette))


def _nearest(shades: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """int64 ``[n]``: which of uint8 ``shades [m, 3]`` the eye takes for each of ``colours [n, 3]``."""
    import jax.numpy as jnp

    from pixeldream.retro.colour import srgb_to_oklab

    there, here = (np.asarray(srgb_to_oklab(jnp.asarray(part / 255.0, jnp.float32))) for part in (shades, colours))
    parts = np.array_split(here, 1 + len(here) // AT_ONCE)
    return np.concatenate([np.square(part[:, None] - there[None]).sum(-1).argmin(1) for part in parts])


def name_of(palette: Palette | Gamut, colour: RGB8) -> str:
    """How people call a colour: ``red #813338``, or just its value."""
    if isinstance(palette, Palette) and palette.names and colour in palette.colours:
        return f"{palette.names[palette.colours.index(colour)]} {hexadecimal(colour)}"
    return hexadecimal(colour)


def _draw_gamut(mode: Mode, gamut: Gamut, image: np.ndarray, locks: np.ndarray, order: np.ndarray | None) -> Drawn:
    """A screen-wide palette: the drawing's own colours, those that are locked where they are, the others in the order
    of its palette, or else from dark to light (the machines show the first around the picture)."""
    used, counts = np.unique(gamut.nearest(image), return_counts=True)
    free = np.setdiff1d(used, locks[locks >= 0])
    room = int((locks < 0).sum())
    if len(free) > room:
        return Drawn(clashes=(_too_many(mode, gamut, image, used, counts, free, room),))
    ordered = np.zeros(room, np.int64)
    kept = None if order is None else gamut.nearest(meant(mode, order)[0])
    if kept is None or len(kept) > room or np.setdiff1d(free, kept).size:
        kept = free[np.argsort(gamut.rgb(free) @ np.array([299, 587, 114]), kind="stable")]
    ordered[: len(kept)] = kept
    held = locks.astype(np.int64)
    held[locks < 0] = ordered
    slot = np.full(gamut.count, -1, np.int16)
    # Backwards, so that the first of equal colours is used.
    slot[held[::-1]] = np.arange(len(held))[::-1]
    return Drawn(slot[gamut.nearest(image)].astype(np.uint8), tuple(held.reshape(-1, 1, 1)))


def _too_many(
    mode: Mode, gamut: Gamut, image: np.ndarray, used: np.ndarray, counts: np.ndarray, free: np.ndarray, room: int
) -> Clash:
    share = dict(zip(used.tolist(), counts.tolist(), strict=True))
    rare = sorted(free.tolist(), key=lambda colour: (share[colour], colour))[: len(free) - room]
    where = np.isin(gamut.nearest(image), rare)
    why = f"{len(used)} colours, {len(mode.slots)} are possible; the {len(rare)} rarest have {int(where.sum())} pixels"
    return Clash(why, tuple(runs(where)), tuple(tuple(gamut.rgb(colour).tolist()) for colour in rare))


def _solved(mode: Mode, image: np.ndarray, palette: Palette | Gamut, locks: np.ndarray) -> Drawn:
    """By the mode's own solver, which may miss the way to a legal drawing where the mode is not ``exact``."""
    from pixeldream.retro import solve as solver

    values = np.asarray(palette.values())
    solution = solver.solve(mode, (image / 255.0).astype(np.float32), values, locks)
    picture = solver.to_picture(mode, palette, solution)
    clashes = _differences(picture.image(), image)
    return Drawn(picture.pixels, picture.colours, clashes)


def _differences(shown: np.ndarray, image: np.ndarray) -> tuple[Clash, ...]:
    wrong = (shown != image).any(-1)
    if not wrong.any():
        return ()
    places: list[Place] = list(runs(wrong))
    return (Clash(f"{int(wrong.sum())} pixels differ from the nearest picture that was found", tuple(places)),)
