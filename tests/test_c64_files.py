"""Commodore 64 files against RECOIL, pixel by pixel, and what their readers must bear besides."""

from __future__ import annotations

import time

import judges
import numpy as np
import pytest
from pictures import pattern
from pixeldream_plugins import c64, c64_files, c64_fli_files, c64_rle

import pixeldream as pd

PLAIN = pd.WriteOptions()
MODES = {mode.name: mode for mode in c64.register_modes()}
FORMATS = {form.name: form for form in c64.register_formats()}
WRITTEN = [
    (form.name, mode)
    for form in FORMATS.values()
    if form.write and form.read and not form.program
    for mode in form.modes
]
LENGTHS = [(layout, length) for layout in (c64_files.KOALA, *c64_files.LAYOUTS) for length in layout.lengths]


def write(form: str, picture: pd.Picture) -> bytes:
    writer = FORMATS[form].write
    assert writer is not None
    return writer(picture, PLAIN)


def seen(shown: pd.Picture | pd.Shown, palette: str = "c64-pepto") -> np.ndarray:
    """uint8 ``[height, width, 3]`` in narrow pixels, in RECOIL's colours."""
    if isinstance(shown, pd.Shown):
        ours, theirs = (np.asarray(pd.palette(name).colours) for name in ("c64-colodore", palette))
        assert len(np.unique(ours, axis=0)) == 16
        return theirs[judges.nearest(shown.image, tuple(map(tuple, ours)))].astype(np.uint8)
    if shown.mode.frames > 1:
        assert shown.mode.render is not None
        values = np.asarray(shown.mode.render(shown, pd.palette(palette).values()))
        return np.rint(values * 255).astype(np.uint8)
    return pd.palette(palette).rgb(shown.indices())


def as_recoil(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Wide pixels doubled; without the columns that FLI can't paint, as RECOIL leaves them out."""
    if image.shape[1] < like.shape[1]:
        image = image.repeat(2, 1)
    return image[:, 24:] if like.shape[1] == 296 else image


def unsheet(image: np.ndarray, across: int) -> np.ndarray:
    """RECOIL's sheet of sprites, sixteen in a row and two dots apart, as ours of eight."""
    rows = [image[23 * row : 23 * row + 21, 26 * column : 26 * column + 24] for row in range(4) for column in range(16)]
    sheet = np.stack(rows).reshape(8, across, 21, 24, 3)
    return sheet.transpose(0, 2, 1, 3, 4).reshape(8 * 21, across * 24, 3)


@pytest.mark.parametrize(("form", "mode"), WRITTEN)
def test_recoil_shows_what_we_write(form: str, mode: str) -> None:
    picture = pattern(MODES[mode])
    for extension in FORMATS[form].extensions:
        theirs = judges.recoil(write(form, picture), extension)
        if form == "spritepad":
            theirs = unsheet(theirs, 8)
        np.testing.assert_array_equal(as_recoil(seen(picture), theirs), theirs)


@pytest.mark.parametrize(("layout", "length"), LENGTHS, ids=lambda item: getattr(item, "name", item))
def test_we_read_what_recoil_shows(layout: c64_files.Layout, length: int) -> None:
    random = np.random.default_rng(length)
    data = layout.address.to_bytes(2, "little") + random.bytes(length - 2)
    theirs = judges.recoil(data, layout.extensions[0])
    np.testing.assert_array_equal(as_recoil(seen(c64_files.read_layout(layout, data)), theirs), theirs)


def decoded(form: str, data: bytes) -> pd.Picture | pd.Shown:
    decode = FORMATS[form].decode or FORMATS[form].read
    assert decode is not None
    return decode(data)


@pytest.mark.parametrize(
    ("form", "length", "address"),
    [
        ("fli-graph", 17474, 0x3B00), ("fli-graph", 17666, 0x3B00), ("fli-designer", 17409, 0x3C00),
        ("fli-designer", 17218, 0x3C00), ("flimatic", 17410, 0x3C00), ("afli-editor", 16385, 0x4000),
        ("hires-fli-designer", 16386, 0x4000), ("hires-manager", 16385, 0x4000),
    ],
)  # fmt: skip
def test_we_read_fli_as_recoil_does(form: str, length: int, address: int) -> None:
    """Also where the background changes from line to line."""
    data = bytearray(address.to_bytes(2, "little") + np.random.default_rng(length).bytes(length - 2))
    if form == "hires-manager":
        data[3] = 0xFF
    theirs = judges.recoil(bytes(data), FORMATS[form].extensions[0])
    np.testing.assert_array_equal(as_recoil(seen(decoded(form, bytes(data))), theirs), theirs)


@pytest.mark.parametrize(("form", "length"), [("gunpaint", 33603), ("gunpaint", 33602), ("true-paint", 19434)])
def test_we_read_two_frames_as_recoil_does(form: str, length: int) -> None:
    data = bytearray(np.random.default_rng(length).bytes(length))
    if form == "gunpaint":
        for start, count in ((0x7F4F, 177), (0x87E8, 20)):
            data[2 + start - 0x4000 : 2 + start - 0x4000 + count] = bytes(count)
    theirs = judges.recoil(bytes(data), FORMATS[form].extensions[0])
    np.testing.assert_array_equal(as_recoil(seen(decoded(form, bytes(data))), theirs), theirs)


@pytest.mark.parametrize("form", ["packed-koala", "packed-doodle", "drazlace", "funpaint"])
def test_packed_files_are_read_as_recoil_does(form: str) -> None:
    random = np.random.default_rng(5)
    runs = b"".join(bytes([value]) * count for value, count in random.integers(0, (256, 90), (900, 2)).tolist())
    if form == "packed-koala":
        data = b"\0\x60" + c64_rle.pack(runs[:10001], 0xFE, value_first=True)
    elif form == "packed-doodle":
        data = b"\0\x5c" + c64_rle.pack(runs[:9024], 0xFE, value_first=True)
    elif form == "drazlace":
        plain = write(form, pattern(MODES["c64-drazlace"]))
        data = plain[:2] + b"DRAZLACE! 1.0\x42" + c64_rle.pack(plain[2:], 0x42)
    else:
        plain = write(form, pattern(MODES["c64-ifli"]))
        data = plain[:16] + b"\x01\x42" + c64_rle.pack(plain[18:], 0x42)
    theirs = judges.recoil(data, FORMATS[form].extensions[0])
    np.testing.assert_array_equal(as_recoil(seen(decoded(form, data)), theirs), theirs)


def test_a_bomb_is_refused_at_once() -> None:
    bomb = b"\0\x60" + b"\xfe\x00\x00" * 1_000_000
    start = time.perf_counter()
    with pytest.raises(pd.FormatError, match="more than 10001 bytes"):
        c64_files.read_packed_koala(bomb)
    assert time.perf_counter() - start < 0.1


def test_what_a_fli_editor_left_in_the_hidden_cells_is_dropped() -> None:
    clean = write("fli-graph", pattern(MODES["c64-fli"]))
    dirty = bytearray(clean)
    dirty[9474 : 9474 + 24] = b"\xff" * 24
    back = c64_fli_files.read_graph(bytes(dirty))
    assert write("fli-graph", back) == clean


def test_sprites_of_both_kinds_can_be_looked_at() -> None:
    data = bytes([0, 5, 7]) + b"\x1b" * 63 + b"\x82" + b"\x1b" * 63 + b"\x03"
    reader = FORMATS["spritepad"].read
    assert reader is not None
    with pytest.raises(pd.FormatError, match="mixes"):
        reader(data)
    shown = decoded("spritepad", data)
    theirs = judges.recoil(data, ".spd")
    np.testing.assert_array_equal(seen(shown)[:, :24], theirs[:, :24])
    np.testing.assert_array_equal(seen(shown)[:, 24:], theirs[:, 26:])


def charpad(multicolor: bool, tiles: bool, method: int) -> bytes:
    """A CharPad 5 file of 8 characters, after its manual."""
    random = np.random.default_rng(9)
    flags = (1 if tiles else 0) | (4 if multicolor else 0)
    size = (2, 2) if tiles else (0, 0)
    header = b"CTM\x05" + bytes([1, 2, 3, 12, method, flags, 7, 0, 3, 0, *size, 5, 0, 4, 0])
    body = random.bytes(64) + bytes(random.integers(0, 16, 8).tolist())
    if tiles:
        body += np.asarray(random.integers(0, 8, 16), "<u2").tobytes()
        body += bytes(random.integers(0, 16, 4).tolist()) if method == 1 else b""
    return header + body + np.asarray(random.integers(0, 4, 20), "<u2").tobytes()


@pytest.mark.parametrize(("multicolor", "tiles", "method"), [(False, False, 2), (True, False, 0), (True, True, 1)])
def test_charpad_maps_are_read_as_recoil_does(multicolor: bool, tiles: bool, method: int) -> None:
    data = charpad(multicolor, tiles, method)
    theirs = judges.recoil(data, ".ctm")
    np.testing.assert_array_equal(as_recoil(seen(decoded("charpad", data)), theirs), theirs)
