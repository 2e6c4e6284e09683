"""NES: the parts of its screen, its cartridge against Mednafen, and what a photograph becomes."""

from __future__ import annotations

from pathlib import Path

import judges_8bit
import numpy as np
import pytest
from pictures import pattern
from pixeldream_plugins import nes, nes_program

import pixeldream as pd
from pixeldream.plugin import testing

PLAIN = pd.WriteOptions()
FORMATS = {form.name: form for form in nes.register_formats()}
PALETTE = pd.palette(nes.PALETTE)
ALL_CODES = np.asarray([PALETTE.colours[nes._index(code)] for code in range(64)], np.uint8)


def part(form: str, picture: pd.Picture) -> bytes:
    writer = FORMATS[form].write
    assert writer is not None
    return writer(picture, PLAIN)


def test_names_of_the_palette_are_the_codes_of_the_hardware() -> None:
    assert [int(name, 16) for name in PALETTE.names] == nes.CODES.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_the_three_parts_put_together_as_the_picture_chip_does(seed: int) -> None:
    """From the description of the machine, pixel by pixel, and not from the code under test."""
    picture = testing.random_picture(nes.SCREEN, PALETTE, seed)
    tiles, names, palette = (part(form, picture) for form in ("nes-tiles", "nes-names", "nes-palette"))
    assert (len(tiles), len(names), len(palette)) == (4096, 1024, 16)
    wanted = nes.CODES[picture.indices()]
    for y in range(0, 240, 3):
        for x in range(256):
            tile, attribute = names[y // 8 * 32 + x // 8], names[960 + y // 32 * 8 + x // 32]
            chosen = attribute >> (y // 16 % 2 * 4 + x // 16 % 2 * 2) & 3
            low, high = (tiles[16 * tile + 8 * plane + y % 8] >> (7 - x % 8) & 1 for plane in (0, 1))
            value = low | high << 1
            code = palette[4 * chosen + value if value else 0]
            assert code == wanted[y, x], (y, x)


def test_codes_that_repeat_a_colour_are_read_as_the_first_of_it() -> None:
    picture = pattern(nes.SCREEN)
    data = bytearray(nes_program.write(picture, PLAIN))
    at = 16 + nes_program.PALETTE - nes_program.PROGRAM
    data[at : at + 4] = 0x1F, 0x30, 0x0D, 0xC1
    codes = [nes.CODES[int(held[0, 0])] for held in nes_program.read(bytes(data)).colours[:4]]
    assert codes == [0x0F, 0x20, 0x0F, 0x01]


def test_a_photograph_keeps_its_tones_with_256_tiles(photo: np.ndarray) -> None:
    picture = pd.convert(photo, "nes")
    assert picture.distinct_tiles() <= 256
    shown = picture.image().reshape(15, 16, 16, 16, 3).mean((1, 3)) / 255
    wanted = pd.images.fit(photo, nes.SCREEN).reshape(15, 16, 16, 16, 3).mean((1, 3))
    assert np.abs(shown - wanted).mean() < 0.08


@pytest.mark.emulator
def test_mednafen_shows_the_same_pixels(tmp_path: Path) -> None:
    picture = pattern(nes.SCREEN)

    def done(image: np.ndarray) -> bool:
        return bool((image == picture.image()).all())

    image = judges_8bit.mednafen(part("nes-cartridge", picture), tmp_path, ALL_CODES.tobytes(), done)
    np.testing.assert_array_equal(image, picture.image())
