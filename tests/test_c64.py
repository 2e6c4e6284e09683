"""Commodore 64 files, byte by byte, and what RECOIL and VICE show of them."""

from __future__ import annotations

import judges
import numpy as np
import pytest
from pictures import pattern
from pixeldream_plugins import c64, c64_fli_program
from pixeldream_plugins.c64_screen import HIRES, MULTICOLOR

import pixeldream as pd

PLAIN = pd.WriteOptions()
FORMATS = {form.name: form for form in c64.register_formats()}
BOTH = pytest.mark.parametrize("mode", [MULTICOLOR, HIRES], ids=lambda mode: mode.name)


def write(form: str, picture: pd.Picture) -> bytes:
    writer = FORMATS[form].write
    assert writer is not None
    return writer(picture, PLAIN)


def read(form: str, data: bytes) -> pd.Picture:
    reader = FORMATS[form].read
    assert reader is not None
    return reader(data)


# ------------------------------------------------------------------------- the layouts, pixel by pixel
#
# Written from the machine's description and not from the code under test: dot (x, y) is bit 7 - x % 8 of byte
# (y / 8) * 320 + (x / 8) * 8 + y % 8, and the colours of its cell are at (y / 8) * 40 + x / 8.


def bitmap_by_hand(picture: pd.Picture) -> bytes:
    result = [0] * 8000
    width = picture.mode.size[0]
    dots, bits = 320 // width, 320 // width
    for y in range(200):
        for x in range(width):
            left = x * dots
            address = y // 8 * 320 + left // 8 * 8 + y % 8
            result[address] |= int(picture.pixels[y, x]) << (8 - bits - left % 8)
    return bytes(result)


def cells_by_hand(high: np.ndarray, low: np.ndarray) -> bytes:
    return bytes(16 * int(high[i // 40, i % 40]) + int(low[i // 40, i % 40]) for i in range(1000))


def test_koala_by_hand() -> None:
    picture = pattern(MULTICOLOR)
    background, high, low, colours = picture.colours
    expected = b"\x00\x60" + bitmap_by_hand(picture) + cells_by_hand(high, low)
    expected += cells_by_hand(np.zeros_like(colours), colours) + bytes([int(background[0, 0])])
    assert len(expected) == 10003
    assert write("koala", picture) == expected


def test_art_studio_by_hand() -> None:
    picture = pattern(HIRES)
    low, high = picture.colours
    expected = b"\x00\x20" + bitmap_by_hand(picture) + cells_by_hand(high, low) + bytes([picture.border]) + bytes(6)
    assert len(expected) == 9009
    assert write("art-studio", picture) == expected


@BOTH
def test_program_by_hand(mode: pd.Mode) -> None:
    picture = pattern(mode)
    data = c64_fli_program.write(picture, PLAIN)
    memory = bytes(0x0801) + data[2:]
    assert data[:2] == b"\x01\x08"
    assert len(memory) == 0x3F40
    assert memory[0x0801:0x080D] == b"\x0b\x08\x0a\x00\x9e2078\x00\x00\x00"
    assert memory[0x2000:0x3F40] == bitmap_by_hand(picture)
    assert memory[0x0BFF] == picture.border
    if mode == MULTICOLOR:
        background, high, low, colours = picture.colours
        assert memory[0x1000:0x13E8] == cells_by_hand(np.zeros_like(colours), colours)
        assert memory[0x0BFE] == background[0, 0]
    else:
        low, high = picture.colours
    assert memory[0x0C00:0x0FE8] == cells_by_hand(high, low)


# ------------------------------------------------------------------------------------------- readers


def test_koala_without_its_load_address() -> None:
    data = write("koala", pattern(MULTICOLOR))
    assert write("koala", read("koala", data[2:])) == data


@pytest.mark.parametrize(("length", "border"), [(9009, 11), (9003, 11), (9002, 0)])
def test_art_studio_of_every_length(length: int, border: int) -> None:
    picture = pattern(HIRES)
    back = read("art-studio", write("art-studio", picture)[:length])
    np.testing.assert_array_equal(back.indices(), picture.indices())
    assert back.border == border


def test_nibbles_that_are_not_connected_are_ignored() -> None:
    """Editors saved what they read from colour RAM, where the upper nibble is noise."""
    data = bytearray(write("koala", pattern(MULTICOLOR)))
    clean = bytes(data)
    for address in range(9002, 10003):
        data[address] |= 0xF0
    assert write("koala", read("koala", bytes(data))) == clean


def test_an_altered_program_is_refused() -> None:
    data = c64_fli_program.write(pattern(HIRES), PLAIN)
    for address in (0x0801, 0x080D, 0x081E, 0x0900, 0x0BFE, 0x1800):
        altered = bytearray(data)
        altered[2 + address - 0x0801] ^= 0x40
        with pytest.raises(pd.FormatError, match="not written by pixeldream"):
            c64_fli_program.read(bytes(altered))


def test_pictures_show_at_once() -> None:
    """Readers hand over pictures with the default palette: nothing else is needed to look at them."""
    picture = read("koala", write("koala", pattern(MULTICOLOR)))
    assert picture.palette == pd.palette("c64-colodore")
    assert picture.image().shape == (200, 160, 3)


# --------------------------------------------------------------------------------------- third parties


@BOTH
def test_recoil_shows_the_same_pixels(mode: pd.Mode) -> None:
    picture = pattern(mode)
    if mode == MULTICOLOR:
        seen = judges.recoil(write("koala", picture), ".kla")
    else:
        seen = judges.recoil(write("art-studio", picture), ".art")
    expected = pd.palette("c64-pepto").rgb(picture.indices()).repeat(320 // mode.size[0], 1)
    np.testing.assert_array_equal(seen, expected)
