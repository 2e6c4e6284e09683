"""MSX: its files against RECOIL, its cartridge against openMSX."""

from __future__ import annotations

from pathlib import Path

import judges
import judges_8bit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern
from pixeldream_plugins import msx, msx_program

import pixeldream as pd

PLAIN = pd.WriteOptions()
CHIP = pd.palette("msx-recoil").colours


def test_recoil_shows_what_we_write() -> None:
    picture = pattern(msx.SCREEN_2)
    np.testing.assert_array_equal(picture.image(), judges.recoil(msx.write_screen(picture, PLAIN), ".sc2"))


@given(seed=st.integers(0, 10_000), sprites=st.booleans())
def test_we_read_any_names_and_colours_as_recoil_does(seed: int, sprites: bool) -> None:
    random = np.random.default_rng(seed)
    memory = np.frombuffer(random.bytes(0x4000), np.uint8).copy()
    colours = memory[0x2000:0x3800]
    # Transparent is black with us, and nearly so with RECOIL.
    colours[:] = np.maximum(colours >> 4, 1) << 4 | np.maximum(colours & 15, 1)
    memory[0x1B00] = 0xD0
    memory[0x1B80:0x1BA0] = 0xFF
    end = 0x3FFF if sprites else 0x37FF
    data = bytes([0xFE, 0, 0, end & 255, end >> 8, 0, 0]) + memory[: end + 1].tobytes()
    np.testing.assert_array_equal(msx.read_screen(data).image(), judges.recoil(data, ".sc2"))


def expected(picture: pd.Picture, like: np.ndarray) -> np.ndarray:
    """Palette entries of openMSX's screen: it starts where the border ends."""
    screen = np.full(like.shape, picture.border)
    top, left = (np.argwhere(like != picture.border)).min(0)
    screen[top : top + 192, left : left + 256] = picture.indices()
    return screen


@pytest.mark.emulator
def test_openmsx_shows_the_same_pixels_and_border(tmp_path: Path) -> None:
    picture = pattern(msx.SCREEN_2)
    shown = judges.nearest(judges_8bit.open_msx(msx_program.write(picture, PLAIN), tmp_path), CHIP)
    np.testing.assert_array_equal(shown, expected(picture, shown))


@pytest.mark.emulator
def test_a_key_returns_to_the_bios(tmp_path: Path) -> None:
    cartridge = msx_program.write(pattern(msx.SCREEN_2), PLAIN)
    image = judges_8bit.open_msx(cartridge, tmp_path, "keymatrixdown 5 0x20; after time 2 shot")
    # Text, and no picture.
    assert len(np.unique(judges.nearest(image, CHIP))) <= 3


def test_another_cartridge_is_refused_in_words() -> None:
    with pytest.raises(pd.FormatError, match="no MSX cartridge of 16 KB"):
        msx_program.read(b"AB" + bytes(16382))
    with pytest.raises(pd.FormatError, match="lacks tables"):
        msx.read_screen(bytes([0xFE, 0, 0, 0xFF, 0x1F, 0, 0]) + bytes(0x2000))
