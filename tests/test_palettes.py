"""The embedded palettes: sixteen colours each, in the order of the hardware, from a named source."""

from __future__ import annotations

import contextlib
import re
from importlib import resources
from io import BytesIO
from pathlib import Path

import judges
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pixeldream_plugins import c64
from pixeldream_plugins.c64_screen import HIRES

import pixeldream as pd
from pixeldream.retro import palette_files
from pixeldream.retro.palette import BUILT_IN, Palette, PaletteError, built_in_names

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
    [write] = [form.write for form in c64.register_formats() if ".art" in form.extensions and form.write]
    seen = judges.recoil(write(picture, pd.WriteOptions()), ".art")
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


# ------------------------------------------------------------------------------------------- palette files


EVERY = Palette("every", tuple((i, 255 - i, i * 7 % 256) for i in range(256)), source="us")
FEW = Palette("few", ((255, 136, 0), (0, 0, 0), (255, 136, 0), (1, 2, 3)), ("orange", "black", "again", "dark blue"))
EXTENSIONS = pytest.mark.parametrize("extension", palette_files.WRITERS)


@EXTENSIONS
@pytest.mark.parametrize("palette", [EVERY, FEW, pd.palette("c64-pepto")], ids=lambda palette: palette.name)
def test_palettes_survive_their_files(extension: str, palette: Palette) -> None:
    """Order, duplicates and all."""
    data = pd.encode_palette(palette, extension)
    assert palette_files.parse(data, palette.name).colours == palette.colours
    assert pd.encode_palette(palette, extension.upper()) == data


@EXTENSIONS
@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=40))
def test_any_palette_survives(extension: str, colours: list[tuple[int, int, int]]) -> None:
    palette = Palette("any", tuple(colours))
    assert palette_files.parse(pd.encode_palette(palette, extension), "any").colours == palette.colours


WRITTEN = {
    ".gpl": b"GIMP Palette\nName: few\nColumns: 16\n255 136   0\torange\n  0   0   0\tblack\n255 136   0\tagain\n"
    b"  1   2   3\tdark blue\n",
    ".hex": b"ff8800\n000000\nff8800\n010203\n",
    ".pal": b"JASC-PAL\r\n0100\r\n4\r\n255 136 0\r\n0 0 0\r\n255 136 0\r\n1 2 3\r\n",
    ".act": b"\xff\x88\x00\x00\x00\x00\xff\x88\x00\x01\x02\x03" + bytes(756) + b"\0\4\xff\xff",
    ".vpl": b"# VICE palette file\n# NAME:few\n#\nFF 88 00 E\n00 00 00 E\nFF 88 00 E\n01 02 03 E\n",
    ".iff": b"FORM\0\0\0\x34ILBMBMHD\0\0\0\x14" + bytes(8) + b"\2\0\0\x80" + bytes(8)
    + b"CMAP\0\0\0\x0c\xff\x88\0\0\0\0\xff\x88\0\1\2\3",
}  # fmt: skip


@pytest.mark.parametrize("extension", WRITTEN)
def test_files_by_hand(extension: str) -> None:
    assert pd.encode_palette(FEW, extension) == WRITTEN[extension]


READ: dict[str, tuple[bytes, list[tuple[int, int, int]]]] = {
    "gpl of old": (b"GIMP Palette\r\n# x\r\n1 2 3\r\n\r\n4\t5 6\n", [(1, 2, 3), (4, 5, 6)]),
    "gpl with a mark": (b"\xef\xbb\xbfGIMP Palette\n1 2 3\n", [(1, 2, 3)]),
    "jasc with blanks": (b"JASC-PAL\n0100\n2\n1 2 3  \n\n4 5 6 and more\n", [(1, 2, 3), (4, 5, 6)]),
    "riff": (b"RIFF\x18\0\0\0PAL data\x0c\0\0\0\0\3\2\0\1\2\3\0\4\5\6\0", [(1, 2, 3), (4, 5, 6)]),
    "hex of all kinds": (
        b"; from the web\nff8800\n#123\n0x00FF00 ; green\n\n$0a0b0c\n",
        [(255, 136, 0), (17, 34, 51), (0, 255, 0), (10, 11, 12)],
    ),
    "paint.net": (b";comment\r\nFF010203\r\nFF0A0B0C\r\n", [(1, 2, 3), (10, 11, 12)]),
    "vpl of today": (b"# TYPE:VICII\n\n01 02 03\n0a 0b 0c\n", [(1, 2, 3), (10, 11, 12)]),
    "vpl with dither": (b"#\n01 02 03 0\n0a 0b 0c e # old\n"[:-7] + b"\n", [(1, 2, 3), (10, 11, 12)]),
    "act of 768": (bytes(range(256)) * 3, [(0, 1, 2), (3, 4, 5)]),
    "act of two": (bytes(range(256)) * 3 + b"\0\2\xff\xff", [(0, 1, 2), (3, 4, 5)]),
    "cmap of nibbles": (b"FORM\0\0\0\x12ILBMCMAP\0\0\0\x06\xf0\x80\x00\x10\x20\x30", [(255, 136, 0), (17, 34, 51)]),
}


@pytest.mark.parametrize("name", READ)
def test_files_that_others_write(name: str) -> None:
    data, colours = READ[name]
    assert list(palette_files.parse(data, "x").colours[: len(colours)]) == colours
    assert len(palette_files.parse(data, "x").colours) == (256 if name == "act of 768" else len(colours))


def test_swatches_of_pixels() -> None:
    """Squares of colour, left to right and down; what can't be seen is none."""
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[..., :3] = [[[9, 8, 7], [1, 2, 3], [9, 8, 7]], [[5, 5, 5], [0, 0, 0], [200, 0, 0]]]
    pixels[..., 3] = [[255, 255, 255], [0, 128, 255]]
    file = BytesIO()
    Image.fromarray(pixels.repeat(8, 0).repeat(8, 1)).save(file, "PNG")
    assert palette_files.parse(file.getvalue(), "x").colours == ((9, 8, 7), (1, 2, 3), (0, 0, 0), (200, 0, 0))


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no colours"),
    "binary": (b"\xff\xfe\x00", "no kind that is read: .gpl"),
    "words": (b"hello world\n", "line 1: 'hello world' is no colour"),
    "four digits": (b"ff00\n", "line 1"),
    "jasc count": (b"JASC-PAL\n0100\n3\n1 2 3\n", "says 3 colours and has 1"),
    "jasc without": (b"JASC-PAL\n0100\n", "third line"),
    "jasc too bright": (b"JASC-PAL\n0100\n1\n1 2 256\n", "line 4"),
    "riff of sound": (b"RIFF\x18\0\0\0WAVEdata" + bytes(40), "without a palette"),
    "riff too short": (b"RIFF\x18\0\0\0PAL data\x0c\0\0\0\0\3\2\0\1\2\3\0", "says 2 colours and has 1"),
    "iff without": (b"FORM\0\0\0\4ILBM", "without a CMAP"),
    "png of nothing": (b"\x89PNG\r\n\x1a\n", "PNG of 0x0"),
    "png too large": (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\1\0\0\0\1\0\0\x08\x02\0\0\0", "PNG of 65536x65536"),
    "png broken": (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\1\0\0\0\1\x08\x02\0\0\0", "broken PNG"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_broken_palettes_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(PaletteError, match=BAD[name][1]) as caught:
        palette_files.parse(BAD[name][0], "bad")
    assert "\n" not in str(caught.value)


def test_what_a_format_cannot_hold_is_refused() -> None:
    large = Palette("large", tuple((i & 255, i >> 8, 0) for i in range(257)))
    for extension in (".act", ".png"):
        with pytest.raises(PaletteError, match="257 colours"):
            pd.encode_palette(large, extension)
    with pytest.raises(PaletteError, match=r"'\.doc'; there are \.gpl, "):
        pd.encode_palette(large, ".doc")


@EXTENSIONS
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(0, 900))
def test_mutations_are_refused_or_are_palettes(extension: str, seed: int, count: int, length: int) -> None:
    random = np.random.default_rng(seed)
    data = bytearray(pd.encode_palette(EVERY, extension))
    for _ in range(count):
        data[int(random.integers(0, min(len(data), 64)))] = int(random.integers(0, 256))
    with contextlib.suppress(PaletteError):
        palette_files.parse(bytes(data[:length] if length < 800 else data), "mutated")


@given(st.binary(max_size=200))
def test_rubbish_is_refused_or_a_palette(data: bytes) -> None:
    with contextlib.suppress(PaletteError):
        palette_files.parse(data, "rubbish")


def test_palettes_are_read_by_what_is_in_them(tmp_path: Path) -> None:
    """Whatever they are called."""
    for extension in palette_files.WRITERS:
        path = tmp_path / f"mine{extension}.pal"
        path.write_bytes(pd.encode_palette(FEW, extension))
        assert pd.read_palette(path).colours == FEW.colours
        assert pd.read_palette(path).name == f"mine{extension}"


@pytest.mark.parametrize("name", ["pepto-pal", "colodore", "community-colors", "pixcen", "ptoing"])
def test_vices_own_files_are_read(name: str) -> None:
    expected = judges.vice_palette(name)
    assert list(pd.read_palette(judges.VICE_PALETTES / f"{name}.vpl").colours) == expected
