"""Atari ST and STE: the modes of its colour and monochrome monitors, its painters' files, programs and disks."""

from __future__ import annotations

from pixeldream_plugins import atari_st_files, atari_st_program
from pixeldream_plugins.atari_st_screen import MODES

import pixeldream as pd


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return list(MODES.values())


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    return [*atari_st_files.FORMATS, *atari_st_program.FORMATS]
