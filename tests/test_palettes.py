"""The embedded palettes: sixteen colours each, in the order of the hardware, from a named source."""

from __future__ import annotations

import re
from importlib import resources

import judges
import numpy as np
import pytest
from pixeldream_plugins import c64
from pixeldream_plugins.c64_screen import HIRES

import pixeldream as pd
from pixeldream.retro.palette import BUILT_IN, built_in_names

NAMES = (
    "black", "white", "red", "cyan", "purple", "green", "blue", "yellow",
    "orange", "brown", "light red", "dark grey", "mid grey", "light green", "light blue", "light grey",
)  # fmt: skip
C64 = [name for name in built_in_names() if name.startswith("c64-")]


def luma(colour: tuple[int, int, int]) -> float:
    """ITU-R BT.601, what a PAL set makes of RGB."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_what_there_is() -> None:
    assert set(C64) >= {
        "c64-pepto", "c64-colodore", "c64-colodore-vice", "c64-vice", "c64-vice-6569r5", "c64-vice-old", "c64-pixcen",
        "c64-community", "c64-palette-6569r5",
    }  # fmt: skip


@pytest.mark.parametrize("name", C64)
def test_c64_palettes_are_in_hardware_order(name: str) -> None:
    palette = pd.palette(name)
    assert palette.names == NAMES
    assert len(set(palette.colours)) == 16
    assert "https://" in palette.source
    red, green, blue = (palette.colours[palette.index(name)] for name in ("red", "green", "blue"))
    assert red[0] == max(red)
    assert green[1] == max(green)
    assert blue[2] == max(blue)


@pytest.mark.parametrize("name", C64)
def test_brightness_follows_the_chip(name: str) -> None:
    """The nine levels of the newer VIC-II: each group is darker than the next but one, whoever measured it."""
    groups = [(0,), (6, 9), (2, 11), (4, 8), (12, 14), (5, 10), (3, 15), (7, 13), (1,)]
    colours = pd.palette(name).colours
    for darker, lighter in zip(groups, groups[2:], strict=False):
        assert max(luma(colours[i]) for i in darker) < min(luma(colours[i]) for i in lighter)


@pytest.mark.parametrize("name", C64)
def test_files_open_in_gimp(name: str) -> None:
    lines = (resources.files(BUILT_IN) / f"{name}.gpl").read_bytes().decode("ascii").split("\n")
    assert lines[0] == "GIMP Palette"
    assert re.fullmatch(r"Name: .+", lines[1])
    assert re.fullmatch(r"Columns: \d+", lines[2])
    assert lines[3].startswith("# Source: ")
    assert lines[-1] == ""
    for line in lines[4:-1]:
        assert re.fullmatch(r" {0,2}\d{1,3} {1,3}\d{1,3} {1,3}\d{1,3}\t[a-z ]+", line), line


def test_the_default_is_the_web_colodore() -> None:
    assert pd.palette("c64-colodore").colours[2] == (0x81, 0x33, 0x38)


def test_recoil_calls_pepto_its_own() -> None:
    """A picture of sixteen cells, one of each colour."""
    colours = np.zeros((25, 40), int)
    colours[0, :16] = np.arange(16)
    picture = pd.Picture(HIRES, pd.palette("c64-pepto"), np.zeros((200, 320), np.uint8), (colours, 0 * colours))
    seen = judges.recoil(c64.write_art_studio(picture, pd.WriteOptions()), ".art")
    assert [tuple(seen[0, 8 * i].tolist()) for i in range(16)] == list(pd.palette("c64-pepto").colours)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("c64-pepto", "pepto-pal"),
        ("c64-colodore-vice", "colodore"),
        ("c64-vice-old", "vice"),
        ("c64-pixcen", "pixcen"),
        ("c64-community", "community-colors"),
    ],
)
def test_vice_ships_the_same_values(ours: str, theirs: str) -> None:
    assert judges.vice_palette(theirs) == list(pd.palette(ours).colours)
