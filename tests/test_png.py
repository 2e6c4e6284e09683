"""PNG files: what is in them, chunk by chunk, and what Pillow reads back."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from io import BytesIO
from typing import Any

import judges
import numpy as np
import pytest
from pictures import pattern
from PIL import Image
from pixeldream_plugins import amiga, c64, png
from pixeldream_plugins.c64_screen import HIRES, MULTICOLOR

import pixeldream as pd

PLAIN = pd.WriteOptions()
MODES = pytest.mark.parametrize("mode", [MULTICOLOR, HIRES, amiga.LORES_32], ids=lambda mode: mode.name)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, position = [], 8
    while position < len(data):
        length, name = struct.unpack(">I4s", data[position : position + 8])
        content = data[position + 8 : position + 8 + length]
        assert zlib.crc32(name + content) == int.from_bytes(data[position + 8 + length : position + 12 + length], "big")
        found.append((name, content))
        position += 12 + length
    return found


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


@MODES
def test_indices_are_the_hardwares(mode: pd.Mode) -> None:
    picture = pattern(mode)
    image = opened(png.write(picture, pd.WriteOptions(raw=True)))
    assert (image.mode, image.size) == ("P", mode.size)
    expected = picture.indices() if mode.gamut is None else picture.pixels
    np.testing.assert_array_equal(np.asarray(image), expected)
    np.testing.assert_array_equal(np.asarray(image.convert("RGB")), picture.image())


def test_the_whole_palette_is_there_in_order() -> None:
    """Also the colours that the picture does not use: the index is meaning."""
    flat = [np.zeros_like(colours) for colours in pattern(MULTICOLOR).colours]
    picture = dataclasses.replace(pattern(MULTICOLOR), colours=tuple(flat))
    found = dict(chunks(png.write(picture, PLAIN)))
    assert found[b"PLTE"] == bytes(component for colour in pd.palette("c64-colodore").colours for component in colour)
    assert struct.unpack(">II5B", found[b"IHDR"]) == (320, 200, 4, 3, 0, 0, 0)


def test_free_palettes_keep_their_slots() -> None:
    found = dict(chunks(png.write(pattern(amiga.LORES_32), PLAIN)))
    colours = [pattern(amiga.LORES_32).palette.rgb(int(slot[0, 0])) for slot in pattern(amiga.LORES_32).colours]
    assert found[b"PLTE"] == b"".join(colour.tobytes() for colour in colours)


@MODES
def test_whole_pixels_fill_the_display(mode: pd.Mode) -> None:
    picture = pattern(mode)
    image = np.asarray(opened(png.write(picture, PLAIN)).convert("RGB"))
    across, down = pd.repeats(mode)
    np.testing.assert_array_equal(image, picture.image().repeat(down, 0).repeat(across, 1))
    assert image.shape[1] == 320


@MODES
def test_the_true_aspect(mode: pd.Mode) -> None:
    image = opened(png.write(pattern(mode), pd.WriteOptions(aspect=True)))
    assert image.mode == "RGB"
    assert image.width / image.height == pytest.approx(pd.display_aspect(mode), rel=0.002)
    assert image.width >= pd.display_size(mode)[0]
    assert image.height >= pd.display_size(mode)[1]


def test_resampling_keeps_flat_areas_and_light() -> None:
    flat = np.full((7, 5, 3), (12, 130, 251), np.uint8)
    assert (png.resample(flat, (13, 11)) == flat[0, 0]).all()
    chequers = (np.indices((8, 8)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, -1)
    # Half the light is sRGB 188, not 128.
    assert (png.resample(chequers, (4, 4)) == 188).all()
    np.testing.assert_array_equal(png.resample(chequers, (16, 16)), chequers.repeat(2, 0).repeat(2, 1))


def test_metadata_is_text_and_nothing_else_is_told() -> None:
    options = pd.WriteOptions(metadata={"Software": "pixeldream", "recipe": '{"artist": "Łukasz"}'})
    data = png.write(pattern(HIRES), options)
    assert opened(data).text == dict(options.metadata)  # type: ignore[attr-defined]
    assert {name for name, _ in chunks(data)} == {b"IHDR", b"PLTE", b"tEXt", b"iTXt", b"IDAT", b"IEND"}
    assert {name for name, _ in chunks(png.write(pattern(HIRES), PLAIN))} == {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


@MODES
def test_the_same_picture_gives_the_same_bytes(mode: pd.Mode) -> None:
    for options in (PLAIN, pd.WriteOptions(raw=True), pd.WriteOptions(aspect=True, metadata={"a": "b"})):
        assert png.write(pattern(mode), options) == png.write(pattern(mode), options)


def test_modes_that_render_themselves_are_written_in_rgb() -> None:
    """Where no index says it all: an own render, as HAM's, or a free palette that changes down the screen."""
    rgb = np.random.default_rng(3).integers(0, 256, (4, 6, 3)).astype(np.uint8)

    def render(picture: pd.Picture, palette: np.ndarray) -> Any:
        return rgb / 255

    mode = pd.Mode("own", "none", (6, 4), (pd.Slot("a"),), "c64-pepto", solve=render, render=render)
    picture = pd.Picture(mode, pd.palette("c64-pepto"), np.zeros((4, 6), np.uint8), (np.zeros((1, 1), int),))
    image = opened(png.write(picture, PLAIN))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), rgb)


def test_third_parties_see_our_png_in_our_files() -> None:
    """One picture, two files: RECOIL's decoding of the native one is our PNG with RECOIL's palette."""
    picture = dataclasses.replace(pattern(MULTICOLOR), palette=pd.palette("c64-pepto"))
    [write] = [form.write for form in c64.register_formats() if ".kla" in form.extensions and form.write]
    seen = judges.recoil(write(picture, PLAIN), ".kla")
    np.testing.assert_array_equal(seen, np.asarray(opened(png.write(picture, PLAIN)).convert("RGB")))
