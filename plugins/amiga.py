"""Amiga: every picture mode of its chip sets, and their files and disks.

The modes stand in ``amiga_modes``; how HAM and halfbrite pictures are solved in ``amiga_ham`` and ``amiga_halfbrite``.
"""

from __future__ import annotations

from pixeldream_plugins import amiga_disk, amiga_ilbm, amiga_rgb, amiga_source, amiga_view
from pixeldream_plugins.amiga_modes import MODES, screen_of

import pixeldream as pd

LORES_32 = MODES["amiga-32"]

DISK_MODES = tuple(name for name, mode in MODES.items() if not screen_of(mode).lace)
"""Interlace would need a copper list for each field."""


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return list(MODES.values())


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    return [
        pd.Format(
            "ilbm", (".iff", ".lbm", ".ilbm", ".ham", ".ehb"), tuple(MODES), amiga_ilbm.write, amiga_view.read,
            amiga_view.decode, description="IFF ILBM, the Amiga's picture file",
        ),
        pd.Format(
            "amiga-true-colour", (".rgb8", ".rgbn"), (), None, amiga_rgb.read, amiga_rgb.decode,
            description="IFF RGB8 and RGBN of Turbo Silver and Imagine; shown only",
        ),
        pd.Format(
            "amiga-disk", (".adf",), DISK_MODES, amiga_disk.write, amiga_disk.read, program=True,
            description="bootable Amiga disk that shows the picture",
        ),
        *amiga_source.formats(),
    ]  # fmt: skip
