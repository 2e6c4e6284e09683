"""Interlaced modes of the Commodore 64: two frames of wide pixels in turn, half a pixel apart.

What is seen of them stands in ``c64_frames``, how they are solved in ``c64_interlace_solve``. The bound on flicker is
``Mode.flicker``: ``dataclasses.replace(mode, flicker=0.2)`` makes a calmer mode.
"""

from __future__ import annotations

from functools import partial

from pixeldream_plugins.c64_fli import BUG_CELLS
from pixeldream_plugins.c64_frames import HEIGHT, WIDE, WIDTH, Layout, render
from pixeldream_plugins.c64_interlace_drawing import redraw
from pixeldream_plugins.c64_interlace_solve import FLICKER, follow, solve
from pixeldream_plugins.c64_screen import PALETTE

import pixeldream as pd


def _mode(name: str, layout: Layout, slots: tuple[pd.Slot, ...], description: str) -> pd.Mode:
    return pd.Mode(
        name=name,
        machine="Commodore 64",
        size=(WIDTH, HEIGHT),
        slots=slots,
        palette=PALETTE,
        pixel_aspect=(59, 63),
        blocked=2 * layout.blocked,
        values=4,
        frames=2,
        frame_size=(WIDE, HEIGHT),
        solve=partial(solve, layout),
        render=partial(render, layout),
        follow=partial(follow, layout),
        redraw=partial(redraw, layout),
        flicker=FLICKER,
        exact=False,
        description=description,
    )


def _screens(area: tuple[int, int]) -> tuple[pd.Slot, ...]:
    return tuple(pd.Slot(f"screen-{half}-{frame}", area) for frame in (1, 2) for half in ("high", "low"))


MCI = _mode(
    "c64-mci",
    Layout(lines=8),
    (pd.Slot("background"), *_screens((8, 8)), pd.Slot("colour-ram", (8, 8))),
    "two multicolor frames, half a pixel apart, with a screen each; background and colour RAM are shared",
)

DRAZLACE = _mode(
    "c64-drazlace",
    Layout(lines=8, shared=True),
    (
        pd.Slot("background"),
        pd.Slot("screen-high", (8, 8)),
        pd.Slot("screen-low", (8, 8)),
        pd.Slot("colour-ram", (8, 8)),
    ),
    "two multicolor frames, half a pixel apart, that share all their colours",
)

IFLI = _mode(
    "c64-ifli",
    Layout(lines=1, blocked=4 * BUG_CELLS, background=(0,)),
    # Black, because programs disagree on it: FunPaint's tables are not read by everybody, Gunpaint's end at line 196.
    (pd.Slot("background", None, (0,)), *_screens((8, 1)), pd.Slot("colour-ram", (8, 8))),
    "two FLI frames, half a pixel apart, on black; the left 24 places are lost",
)
