"""PICO-8: a cartridge gives its picture back, and what is cut off or foreign is refused or black."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern, pictures
from pixeldream_plugins import pico8

import pixeldream as pd

PLAIN = pd.WriteOptions()


@given(data=st.data())
def test_a_cartridge_gives_the_picture_back(data: st.DataObject) -> None:
    picture = data.draw(pictures(pico8.MODE))
    written = pico8.write(picture, PLAIN)
    np.testing.assert_array_equal(pico8.read(written).pixels, picture.pixels)
    np.testing.assert_array_equal(pico8.read(written.replace(b"\n", b"\r\n")).pixels, picture.pixels)


def test_the_first_digit_is_the_pixel_at_the_top_left() -> None:
    pixels = np.zeros((128, 128), np.uint8)
    pixels[0, :3] = 8, 12, 15
    colours = tuple(np.full((1, 1), number) for number in range(16))
    text = pico8.write(pd.Picture(pico8.MODE, pd.palette("pico-8"), pixels, colours), PLAIN).decode()
    assert text.split("__gfx__\n")[1].startswith("8cf0")
    assert len(text.split("__gfx__\n")[1].split()) == 128


def test_lines_that_are_left_out_are_black_and_other_sections_may_follow() -> None:
    text = f"{pico8.HEAD}\nversion 8\n__lua__\n-- hello\n__gfx__\n{'7' * 128}\n__gff__\n{'0' * 256}\n"
    pixels = pico8.read(text.encode()).pixels
    assert (pixels[0] == 7).all()
    assert not pixels[1:].any()


@pytest.mark.parametrize("end", [-1, -60, -129, -10_000])
def test_a_cartridge_that_is_cut_off(end: int) -> None:
    """Whole lines are a shorter sheet; anything else is broken."""
    data = pico8.write(pattern(pico8.MODE), PLAIN)[:end]
    if data.endswith(b"\n"):
        assert pico8.read(data).mode == pico8.MODE
    else:
        with pytest.raises(pd.FormatError):
            pico8.read(data)


@given(data=st.binary(max_size=400))
def test_rubbish_is_refused(data: bytes) -> None:
    for sample in (data, pico8.HEAD.encode() + b"\n__gfx__\n0123" + data):
        with pytest.raises(pd.FormatError):
            pico8.read(sample)
