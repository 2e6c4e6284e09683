"""Commodore 64: every picture mode of the machine, the files of its editors, and programs that show themselves."""

from __future__ import annotations

from pixeldream_plugins import (
    c64_animation,
    c64_charset,
    c64_files,
    c64_fli_files,
    c64_fli_program,
    c64_hires_files,
    c64_interlace_files,
    c64_source,
    c64_sprites,
)  # fmt: skip
from pixeldream_plugins.c64_charset import HIRES_CHARSET, MULTICOLOR_CHARSET
from pixeldream_plugins.c64_fli import AFLI, FLI
from pixeldream_plugins.c64_interlace import DRAZLACE, IFLI, MCI
from pixeldream_plugins.c64_screen import HIRES, MULTICOLOR
from pixeldream_plugins.c64_sprites import HIRES_SPRITES, MULTICOLOR_SPRITES

import pixeldream as pd


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return [
        MULTICOLOR, HIRES, FLI, AFLI, MCI, DRAZLACE, IFLI, HIRES_SPRITES, MULTICOLOR_SPRITES, HIRES_CHARSET,
        MULTICOLOR_CHARSET,
    ]  # fmt: skip


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    return [
        *c64_files.FORMATS, *c64_fli_files.FORMATS, *c64_interlace_files.FORMATS, *c64_hires_files.FORMATS,
        *c64_sprites.FORMATS, *c64_charset.FORMATS, *c64_fli_program.FORMATS, *c64_source.FORMATS,
        *c64_animation.FORMATS,
    ]  # fmt: skip
