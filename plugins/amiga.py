"""Amiga: every picture mode of its chip sets, and their files and disks.

The modes stand in ``amiga_modes``; how HAM and halfbrite pictures are solved in ``amiga_ham`` and ``amiga_halfbrite``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pixeldream_plugins import amiga_anim, amiga_disk, amiga_ilbm, amiga_rgb, amiga_source, amiga_view
from pixeldream_plugins.amiga_drawing import redraw_halfbrite, redraw_ham
from pixeldream_plugins.amiga_modes import MODES, kind_of

import pixeldream as pd

LORES_32 = MODES["amiga-32"]

REDRAW = {"ehb": redraw_halfbrite, "ham6": partial(redraw_ham, 4), "ham8": partial(redraw_ham, 6)}
"""How drawings are told apart whose pixels mean more than a colour, by kind."""


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return [replace(mode, redraw=REDRAW.get(kind_of(mode).name)) for mode in MODES.values()]


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    return [
        pd.Format(
            "ilbm", (".iff", ".lbm", ".ilbm", ".ham", ".ehb"), tuple(MODES), amiga_ilbm.write, amiga_view.read,
            amiga_view.decode, description="IFF ILBM, the Amiga's picture file",
        ),
        pd.Format(
            "anim", (".anim",), tuple(MODES), None, amiga_anim.read_first, write_frames=amiga_anim.write,
            read_frames=amiga_anim.read, description="IFF ANIM, the Amiga's moving pictures (operation 5)",
        ),
        pd.Format(
            "amiga-true-colour", (".rgb8", ".rgbn"), (), None, amiga_rgb.read, amiga_rgb.decode,
            description="IFF RGB8 and RGBN of Turbo Silver and Imagine; shown only",
        ),
        pd.Format(
            "amiga-disk", (".adf",), tuple(MODES), amiga_disk.write, amiga_disk.read, program=True,
            description="bootable Amiga disk that shows the picture",
        ),
        *amiga_source.formats(),
    ]  # fmt: skip
