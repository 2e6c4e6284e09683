"""Commodore 64 files against RECOIL, pixel by pixel, and what their readers must bear besides."""

from __future__ import annotations

import re
import time
from pathlib import Path

import judges
import numpy as np
import pytest
from command import call
from pictures import pattern
from pixeldream_plugins import c64, c64_files, c64_fli, c64_fli_files, c64_interlace_files, c64_rle, c64_screen

import pixeldream as pd
from pixeldream.cli.job import prepare
from pixeldream.cli.options import StylizeOptions
from pixeldream.plugin.registry import load

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


def him_packed(plain: bytes) -> bytes:
    """A Hires Manager file, packed backwards: runs of 0, and the rest as it is."""
    body = bytearray()
    for piece in re.findall(rb"\0{3,255}|(?:(?!\0\0\0).){1,254}", plain[:321:-1], re.DOTALL):
        body += bytes([0, len(piece), 0]) if len(piece) > 2 and not any(piece) else bytes([len(piece) + 1]) + piece
    length = 18 + len(body)
    head = b"\0\x40" + (0x4000 + length - 3).to_bytes(2, "little") + b"\xf2\x7f"
    return head.ljust(18, b"\0") + body[::-1]


def eci_packed(plain: bytes) -> bytes:
    return plain[:2] + b"\x42" + c64_rle.pack(plain[2:], 0x42)


RUNS = np.repeat(*np.random.default_rng(3).integers((0, 1), (256, 20), (4000, 2)).T).astype(np.uint8).tobytes()
HIM = (b"\0\x40\x00\xff" + RUNS)[:16385].replace(b"\1", b"\0\0\0\0")[:16372].ljust(16385, b"\0")


@pytest.mark.parametrize(
    ("form", "extension", "data"),
    [
        ("hires-manager", ".him", HIM), ("hires-manager", ".him", him_packed(HIM)),
        ("eci", ".eci", b"\0\x40" + RUNS[:32768]), ("eci", ".eci", eci_packed(b"\0\x40" + RUNS[:32768])),
        ("eci", ".ecp", eci_packed(b"\0\x40" + RUNS[:32768])), ("hires-interlace", ".hlf", b"\0\x20" + RUNS[:24576]),
        ("gunpaint", ".gun", b"\0\x40" + RUNS[:33601]), ("fli-graph", ".bml", b"\0\x3b" + RUNS[:17472]),
        ("drazlace", ".drl", (b"\0\x58" + RUNS[:0x2740] + b"\4\0\0" + RUNS)[:18242]),
    ],
)  # fmt: skip
def test_what_can_only_be_shown_is_shown_as_recoil_does(
    form: str, extension: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (c64_fli, c64_interlace_files, c64_screen):
        monkeypatch.setattr(module, "PALETTE", "c64-pepto")
    shown = decoded(form, data)
    assert isinstance(shown, pd.Shown)
    theirs = judges.recoil(data, extension)
    np.testing.assert_array_equal(as_recoil(shown.image, theirs), theirs)


def test_packed_files_that_are_cut_off_are_refused() -> None:
    packed = him_packed(HIM)
    for cut in (packed[:17], packed[:-1], packed[:18] + packed[40:], packed[:2] + b"\0\0" + packed[4:]):
        with pytest.raises(pd.FormatError):
            decoded("hires-manager", cut)
    packed = eci_packed(RUNS[:32770])
    for length in (2, 5, 1000, len(packed) - 3):
        with pytest.raises(pd.FormatError):
            decoded("eci", packed[:length])


def test_pictures_in_no_mode_are_converted_as_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A background for every line: shown, written as PNG, and made into another mode."""
    (tmp_path / "lines.gun").write_bytes(b"\0\x40" + RUNS[:33601])
    ran = call(capsys, "show", tmp_path / "lines.gun", "-o", tmp_path / "lines.png")
    assert ran.code == 0
    assert "a background for each line" in ran.err
    assert call(capsys, "convert", tmp_path / "lines.gun", "--quality", "fast", "-o", tmp_path / "a.kla").code == 0
    assert (tmp_path / "a.kla").stat().st_size == 10003
    assert "goes to .png only" in call(capsys, "show", tmp_path / "lines.gun", "-o", tmp_path / "lines.prg").error
    options = StylizeOptions(content=str(tmp_path / "lines.gun"), style=(str(tmp_path / "a.kla"),))
    assert prepare(load(), options).content.shape == (200, 320, 3)


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
