"""ZX Spectrum: its files against RECOIL and files from elsewhere, its programs against Fuse."""

from __future__ import annotations

from pathlib import Path

import judges
import judges_8bit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern
from pixeldream_plugins import zx, zx_program

import pixeldream as pd

PLAIN = pd.WriteOptions()
FORMATS = {form.name: form for form in zx.register_formats()}
NORMAL = pd.palette("zx-spectrum").colours
EMPTY_48K = bytes(0xC000 - zx.SCREEN_BYTES)


def write(form: str, picture: pd.Picture) -> bytes:
    writer = FORMATS[form].write
    assert writer is not None
    return writer(picture, PLAIN)


@pytest.mark.parametrize(
    ("form", "mode"), [("zx-screen", zx.SPECTRUM), ("zx-screen", zx.MULTICOLOUR), ("zx-lines", zx.MULTICOLOUR)]
)
def test_recoil_shows_what_we_write(form: str, mode: pd.Mode) -> None:
    picture = pattern(mode)
    shown = judges.recoil(write(form, picture), FORMATS[form].extensions[0])
    np.testing.assert_array_equal(picture.image(), shown)


@pytest.mark.parametrize("length", [6912, 6144, 12288])
@given(seed=st.integers(0, 10_000))
def test_we_read_any_bytes_as_recoil_does(length: int, seed: int) -> None:
    data = np.random.default_rng(seed).bytes(length)
    np.testing.assert_array_equal(zx.read_screen(data).image(), judges.recoil(data, ".scr"))


def test_the_border_behind_a_screen_is_read() -> None:
    assert zx.read_screen(bytes(6912) + b"\x05").border == 5
    with pytest.raises(pd.FormatError, match="not 6913"):
        zx.read_screen(bytes(6912) + b"\xff")


def packed(data: bytes) -> bytes:
    """Every run of five or more as .z80 files have them."""
    result, at = bytearray(), 0
    while at < len(data):
        end = at
        while end < len(data) and data[end] == data[at] and end - at < 255:
            end += 1
        double = data[at] == 0xED and end - at >= 2
        result += bytes([0xED, 0xED, end - at, data[at]]) if end - at >= 5 or double else data[at:end]
        at = end
    return bytes(result)


@pytest.mark.parametrize("version", ["raw", "packed", "paged"])
def test_z80_snapshots_of_every_version_are_read(version: str) -> None:
    screen = write("zx-screen", pattern(zx.SPECTRUM))
    flags, memory = 5 << 1, screen + EMPTY_48K
    if version == "raw":
        data = bytes([0] * 6 + [1] + [0] * 5 + [flags]) + bytes(17) + memory
    elif version == "packed":
        data = bytes([0] * 6 + [1] + [0] * 5 + [flags | 32]) + bytes(17) + packed(memory) + b"\0\xed\xed\0"
    else:
        body = packed(memory[:0x4000])
        other = b"\xff\xff\x04" + bytes(0x4000)
        head = bytes([0] * 12 + [flags]) + bytes(17) + b"\x36\0" + bytes(54)
        data = head + other + len(body).to_bytes(2, "little") + b"\x08" + body
    picture = zx_program.read_z80(data)
    assert picture.border == 5
    np.testing.assert_array_equal(picture.image(), pattern(zx.SPECTRUM).image())


def test_a_tape_with_something_before_the_screen_is_read() -> None:
    other = zx_program._block(0, zx_program._header(3, 4, 32768, 0)) + zx_program._block(255, b"code")
    picture = zx_program.read_tape(other + write("zx-tape", pattern(zx.SPECTRUM)))
    np.testing.assert_array_equal(picture.image(), pattern(zx.SPECTRUM).image())
    with pytest.raises(pd.FormatError, match="no block of code of 6912 bytes"):
        zx_program.read_tape(other)


# ----------------------------------------------------------------------------------------------- Fuse


def expected(picture: pd.Picture) -> np.ndarray:
    """Palette entries of the whole screen with its border, ``[240, 320]``."""
    screen = np.full((240, 320), zx_program.hardware_border(picture))
    screen[24:216, 32:288] = picture.indices()
    return screen


@pytest.mark.emulator
@pytest.mark.parametrize("form", ["zx-tape", "zx-snapshot"])
def test_fuse_shows_the_same_pixels_and_border(form: str, tmp_path: Path) -> None:
    picture = pattern(zx.SPECTRUM)
    wanted = expected(picture)

    def done(image: np.ndarray) -> bool:
        return bool((judges.nearest(image, NORMAL) == wanted).all())

    image = judges_8bit.fuse(write(form, picture), FORMATS[form].extensions[0], tmp_path, done)
    np.testing.assert_array_equal(judges.nearest(image, NORMAL), wanted)


@pytest.mark.emulator
@pytest.mark.parametrize("form", ["zx-tape", "zx-snapshot"])
def test_a_key_ends_the_picture(form: str, tmp_path: Path) -> None:
    picture = pattern(zx.SPECTRUM)
    wanted = expected(picture)

    def done(image: np.ndarray) -> bool:
        return bool((judges.nearest(image, NORMAL) == wanted).all())

    def left(image: np.ndarray) -> bool:
        # BASIC reports in the lowest lines.
        return bool((judges.nearest(image, NORMAL) != wanted)[208:216].any())

    extension = FORMATS[form].extensions[0]
    assert left(judges_8bit.fuse(write(form, picture), extension, tmp_path, done, "space", left))
