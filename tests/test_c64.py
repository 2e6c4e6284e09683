"""Commodore 64 files, byte by byte, and what RECOIL and VICE show of them."""

from __future__ import annotations

import re
from pathlib import Path

import judges
import numpy as np
import pytest
from pictures import pattern
from pixeldream_plugins import c64, c64_program
from pixeldream_plugins.c64_screen import HIRES, MULTICOLOR

import pixeldream as pd

PLAIN = pd.WriteOptions()
BOTH = pytest.mark.parametrize("mode", [MULTICOLOR, HIRES], ids=lambda mode: mode.name)


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
    assert c64.write_koala(picture, PLAIN) == expected


def test_art_studio_by_hand() -> None:
    picture = pattern(HIRES)
    low, high = picture.colours
    expected = b"\x00\x20" + bitmap_by_hand(picture) + cells_by_hand(high, low) + bytes([picture.border]) + bytes(6)
    assert len(expected) == 9009
    assert c64.write_art_studio(picture, PLAIN) == expected


@BOTH
def test_program_by_hand(mode: pd.Mode) -> None:
    picture = pattern(mode)
    data = c64_program.write(picture, PLAIN)
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
    data = c64.write_koala(pattern(MULTICOLOR), PLAIN)
    assert c64.write_koala(c64.read_koala(data[2:]), PLAIN) == data


@pytest.mark.parametrize(("length", "border"), [(9009, 11), (9003, 11), (9002, 0)])
def test_art_studio_of_every_length(length: int, border: int) -> None:
    picture = pattern(HIRES)
    back = c64.read_art_studio(c64.write_art_studio(picture, PLAIN)[:length])
    np.testing.assert_array_equal(back.indices(), picture.indices())
    assert back.border == border


def test_nibbles_that_are_not_connected_are_ignored() -> None:
    """Editors saved what they read from colour RAM, where the upper nibble is noise."""
    data = bytearray(c64.write_koala(pattern(MULTICOLOR), PLAIN))
    clean = bytes(data)
    for address in range(9002, 10003):
        data[address] |= 0xF0
    assert c64.write_koala(c64.read_koala(bytes(data)), PLAIN) == clean


def test_an_altered_program_is_refused() -> None:
    data = c64_program.write(pattern(HIRES), PLAIN)
    for address in (0x0801, 0x080D, 0x081E, 0x0900, 0x0BFE, 0x1800):
        altered = bytearray(data)
        altered[2 + address - 0x0801] ^= 0x40
        with pytest.raises(pd.FormatError, match="not written by pixeldream"):
            c64_program.read(bytes(altered))


def test_pictures_show_at_once() -> None:
    """Readers hand over pictures with the default palette: nothing else is needed to look at them."""
    picture = c64.read_koala(c64.write_koala(pattern(MULTICOLOR), PLAIN))
    assert picture.palette == pd.palette("c64-colodore")
    assert picture.image().shape == (200, 160, 3)


# ------------------------------------------------------------------------------- the viewer's listing

SYMBOLS = {
    name: getattr(c64_program, name) for name in ("KEYS", "START", "BACKGROUND", "BORDER", "SCREEN", "COLOURS")
} | {"CINT": 0xFF81}
OPCODES = {
    "adc": {}, "lda": {"#": 0xA9, "a": 0xAD, "x": 0xBD}, "sta": {"a": 0x8D, "x": 0x9D}, "ldx": {"#": 0xA2, "a": 0xAE},
    "cmp": {"#": 0xC9, "a": 0xCD}, "ora": {"#": 0x09}, "jsr": {"a": 0x20}, "bne": {"r": 0xD0}, "beq": {"r": 0xF0},
    "inx": {"": 0xE8}, "rts": {"": 0x60}, "sei": {"": 0x78}, "cli": {"": 0x58},
}  # fmt: skip
"""MOS MCS6500 family programming manual (1976), appendix B: those that the viewer uses."""


def value(text: str) -> int:
    total = 0
    for part in text.split("+"):
        total += SYMBOLS[part] if part in SYMBOLS else int(part[1:], 16) if part.startswith("$") else int(part)
    return total


def assembled(instruction: str) -> bytes:
    """One instruction of the listing: ``#`` immediate, ``,x`` indexed, ``*-n`` a branch back, or an address."""
    name, _, operand = instruction.partition(" ")
    if not operand:
        return bytes([OPCODES[name][""]])
    if operand.startswith("#"):
        return bytes([OPCODES[name]["#"], value(operand[1:])])
    if operand.startswith("*"):
        # Counted from the end of the branch itself.
        return bytes([OPCODES[name]["r"], 256 + int(operand[1:]) - 2])
    kind = "x" if operand.endswith(",x") else "a"
    return bytes([OPCODES[name][kind]]) + value(operand.removesuffix(",x")).to_bytes(2, "little")


@pytest.mark.parametrize("part", ["KEYS", "SHOW", "MULTICOLOR", "HIRES", "WAIT"])
def test_the_listing_says_what_the_bytes_do(part: str) -> None:
    for line in getattr(c64_program, f"{part}_CODE").strip().splitlines():
        code, instruction = re.split(r"\s{2,}", line.split(";")[0].strip(), maxsplit=1)
        assert bytes.fromhex(code) == assembled(instruction), line


def test_the_code_fits_where_it_is_called() -> None:
    assert c64_program.BASIC + len(c64_program.BASIC_LINE) == c64_program.KEYS
    assert c64_program.KEYS + len(c64_program.assemble(c64_program.KEYS_CODE)) == c64_program.START
    assert int(c64_program.BASIC_LINE[5:9]) == c64_program.START
    assert c64_program.START + len(c64_program.viewer(multicolor=True)) <= c64_program.BACKGROUND


# --------------------------------------------------------------------------------------- third parties


@BOTH
def test_recoil_shows_the_same_pixels(mode: pd.Mode) -> None:
    picture = pattern(mode)
    if mode == MULTICOLOR:
        seen = judges.recoil(c64.write_koala(picture, PLAIN), ".kla")
    else:
        seen = judges.recoil(c64.write_art_studio(picture, PLAIN), ".art")
    expected = pd.palette("c64-pepto").rgb(picture.indices()).repeat(320 // mode.size[0], 1)
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.emulator
@BOTH
def test_vice_shows_the_same_pixels_and_border(mode: pd.Mode, tmp_path: Path) -> None:
    picture = pattern(mode)
    screen = judges.vice(c64_program.write(picture, PLAIN), tmp_path)
    indices = judges.nearest(screen, pd.palette("c64-vice").colours)
    expected = picture.indices().repeat(320 // mode.size[0], 1)
    np.testing.assert_array_equal(judges.display_window(indices), expected)
    framed = np.full(indices.shape, picture.border)
    judges.display_window(framed)[...] = expected
    np.testing.assert_array_equal(indices, framed)


@pytest.mark.emulator
@pytest.mark.parametrize(("periods", "returned"), [(0.9, False), (1.9, False), (2.3, True)])
def test_a_key_returns_to_the_caller_once_it_is_up_again(periods: float, returned: bool, tmp_path: Path) -> None:
    program = c64_program.write(pattern(MULTICOLOR), PLAIN)
    screen = judges.vice(program, tmp_path, round(periods * judges.KEY_PERIOD), press=True)
    border = judges.nearest(screen[0, 0], pd.palette("c64-vice").colours)
    assert border == (judges.RETURNED_BORDER if returned else pattern(MULTICOLOR).border)


@pytest.mark.emulator
def test_vice_paints_with_the_palette_that_we_call_its_own(tmp_path: Path) -> None:
    palette = pd.palette("c64-vice")
    screen = judges.vice(c64_program.write(pattern(HIRES), PLAIN), tmp_path).astype(int)
    # VICE rounds on its way through the gamma tables.
    assert np.abs(screen - palette.rgb(judges.nearest(screen, palette.colours))).max() <= 2
