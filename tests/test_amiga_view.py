"""ILBM files that are not ours: other sizes, planes and chunks, palettes that change down the screen, 24 bits."""

from __future__ import annotations

import struct
from pathlib import Path

import judges
import numpy as np
import pytest
from command import call
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pixeldream_plugins import amiga_view, iff

import pixeldream as pd

WIDTH, HEIGHT = 48, 12
RANDOM = np.random.default_rng(12)
REGISTERS = RANDOM.integers(0, 4096, 32)
CMAP = bytes(17 * (int(register) >> shift & 15) for register in REGISTERS for shift in (8, 4, 0))


def plain(
    planes: int,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    camg: int | None = 0,
    cmap: bytes = CMAP,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
    flags: int = 0x80,
    masking: int = 0,
) -> bytes:
    """A file of random pixels, not packed."""
    width, height = size
    header = struct.pack(">HHhhBBBBHBBhh", width, height, 0, 0, planes, masking, 0, flags, 0, 1, 1, width, height)
    stored = planes + (masking == 1)
    rows = np.random.default_rng(1).integers(0, 256, (height, stored, (width + 15) // 16 * 2))
    mode = [iff.chunk(b"CAMG", camg.to_bytes(4, "big"))] if camg is not None else []
    colours = [iff.chunk(b"CMAP", cmap)] if cmap else []
    others = [iff.chunk(*each) for each in chunks]
    body = iff.chunk(b"BODY", rows.astype(np.uint8).tobytes())
    return iff.form(b"ILBM", iff.chunk(b"BMHD", header), *colours, *mode, *others, body)


def image_of(data: bytes) -> np.ndarray:
    shown = amiga_view.decode(data)
    return shown.image if isinstance(shown, pd.Shown) else shown.image()


def seen_by_recoil(data: bytes) -> np.ndarray:
    """Its pixels, each once: it doubles those that are wide or tall."""
    image, ours = judges.recoil(data, ".iff"), image_of(data)
    return image[:: image.shape[0] // ours.shape[0], :: image.shape[1] // ours.shape[1]]


def words(values: np.ndarray) -> bytes:
    return values.astype(">u2").tobytes()


def huffman(chunk: bytes) -> bytes:
    """A PCHG chunk, packed: the tree as words, a right branch before the left one and the root last, then the bits."""
    head, data = chunk[:20], chunk[20:]
    heap: list[tuple[int, int, object]] = [(data.count(value), value, value) for value in sorted(set(data))]
    for number in range(256, 255 + len(heap)):
        (some, _, left), (more, _, right), *heap = sorted(heap, key=lambda entry: entry[:2])
        heap.append((some + more, number, (left, right)))
    tree: list[int] = []
    codes: dict[int, str] = {}

    def place(node: object, code: str) -> int:
        assert isinstance(node, tuple)
        left, right = node
        other = place(right, code + "1") if isinstance(right, tuple) else None
        if isinstance(left, tuple):
            place(left, code + "0")
        else:
            tree.append(0x100 | left)
            codes[left] = code + "0"
        if other is None:
            codes[right] = code + "1"
        tree.append(right if other is None else 2 * (other - len(tree)))
        return len(tree) - 1

    place(heap[0][2], "")
    bits = "".join(codes[value] for value in data)
    packed = int(bits.ljust(-len(bits) % 32 + len(bits), "0"), 2).to_bytes((len(bits) + 31) // 32 * 4, "big")
    sizes = struct.pack(">II", 2 * len(tree), len(data))
    return struct.pack(">H", 1) + head[2:] + sizes + struct.pack(f">{len(tree)}h", *tree) + packed


LINES = RANDOM.integers(0, 4096, (HEIGHT, 16))
SMALL_CHANGES = struct.pack(">HHhHHHHHI", 0, 1, 2, 8, 2, 0, 31, 2, 4) + bytes([0b10010000, 0, 0, 0])
SMALL_CHANGES += bytes([1, 1]) + b"\x1f\x0a\x50\xf3" + bytes([2, 0]) + b"\x00\x0f\x1a\xbc"
BIG_CHANGES = struct.pack(">HHhHHHHHI", 0, 2, 0, 12, 2, 0, 31, 2, 3) + bytes([0b01000000, 0b00010000, 0, 0])
BIG_CHANGES += b"\0\1" + b"\0\5\0\x12\x34\x56" + b"\0\2" + b"\0\0\0\xff\x00\x80" + b"\0\x1f\0\1\2\3"

FILES = {
    "24 planes": plain(24, cmap=b""),
    "32 planes": plain(32, cmap=b""),
    "odd width": plain(5, (37, 5)),
    "one pixel": plain(1, (1, 1)),
    "3 planes": plain(3),
    "7 planes": plain(7, cmap=bytes(range(255)) + bytes(129)),
    "8 planes": plain(8, cmap=RANDOM.bytes(768)),
    "8 planes of few colours": plain(8, cmap=RANDOM.bytes(96)),
    "mask": plain(4, masking=1),
    "HAM5": plain(5, camg=0x800, cmap=CMAP[:48]),
    "HAM6": plain(6, camg=0x800, cmap=CMAP[:48]),
    "HAM6 in 8-bit colours": plain(6, camg=0x800, cmap=RANDOM.bytes(48)),
    "HAM7": plain(7, camg=0x800, cmap=RANDOM.bytes(192)),
    "HAM8": plain(8, camg=0x800, cmap=RANDOM.bytes(192)),
    "HAM6 without a word": plain(6, camg=None, cmap=CMAP[:48]),
    "hires": plain(4, (64, 5), camg=0x8000),
    "interlace": plain(4, camg=4),
    "hires interlace": plain(4, camg=0x29004),
    "24-bit colours": plain(5, cmap=RANDOM.bytes(96)),
    "5 planes without colours": plain(5, cmap=b""),
    "8 planes without colours": plain(8, cmap=b""),
    "6 planes of 16 colours": plain(6, cmap=CMAP[:48]),
    "6 planes that mean nothing": plain(6, camg=0x21000, cmap=RANDOM.bytes(192)),
    "6 planes without a word of 64 colours": plain(6, camg=None, cmap=RANDOM.bytes(192)),
    "left-justified nibbles": plain(5, cmap=bytes(value & 0xF0 for value in CMAP), flags=0),
    "literal left-justified nibbles": plain(5, cmap=bytes(value & 0xF0 for value in CMAP)),
    "SHAM": plain(6, camg=0x800, cmap=CMAP[:48], chunks=((b"SHAM", b"\0\0" + words(LINES)),)),
    "SHAM, interlaced": plain(6, camg=0x804, cmap=CMAP[:48], chunks=((b"SHAM", b"\0\0" + words(LINES[::2])),)),
    "CTBL": plain(4, chunks=((b"CTBL", words(LINES)),)),
    "PCHG, small": plain(5, chunks=((b"PCHG", SMALL_CHANGES),)),
    "PCHG, big": plain(5, chunks=((b"PCHG", BIG_CHANGES),)),
    "PCHG, small, packed": plain(5, chunks=((b"PCHG", huffman(SMALL_CHANGES)),)),
    "PCHG, big, packed": plain(5, chunks=((b"PCHG", huffman(BIG_CHANGES)),)),
    "halfbrite in 8-bit colours": plain(6, camg=0x80, cmap=RANDOM.bytes(96)),
    "halfbrite of 64 colours": plain(6, camg=0x80, cmap=RANDOM.bytes(192)),
}


def runs(kind: bytes, planes: int, body: bytes) -> bytes:
    header = struct.pack(">HHhhBBBBHBBhh", 4, 2, 0, 0, planes, 0, 4, 0, 0, 1, 1, 4, 2)
    return iff.form(kind, iff.chunk(b"BMHD", header), iff.chunk(b"BODY", body))


FILES["RGB8"] = runs(b"RGB8", 25, b"\xff\0\0\3" + b"\0\xff\0\x81" + b"\1\2\3\0\4")
FILES["RGBN"] = runs(b"RGBN", 13, b"\xf0\x03" + b"\x0f\x09" + b"\x01\x20\0\0\4")


@pytest.mark.parametrize("name", FILES)
def test_files_show_what_recoil_shows(name: str) -> None:
    data = FILES[name]
    np.testing.assert_array_equal(image_of(data), seen_by_recoil(data))


def test_pbm() -> None:
    header = struct.pack(">HHhhBBBBHBBhh", 13, 7, 0, 0, 8, 0, 1, 0x80, 0, 1, 1, 13, 7)
    pixels = RANDOM.integers(0, 256, (7, 14)).astype(np.uint8)
    cmap = RANDOM.bytes(768)
    body = b"".join(iff.pack(row.tobytes()) for row in pixels)
    data = iff.form(b"PBM ", iff.chunk(b"BMHD", header), iff.chunk(b"CMAP", cmap), iff.chunk(b"BODY", body))
    picture = amiga_view.read(data)
    assert (picture.mode.name, picture.mode.size) == ("amiga-aga", (13, 7))
    np.testing.assert_array_equal(picture.pixels, pixels[:, :13])
    np.testing.assert_array_equal(picture.image(), judges.recoil(data, ".iff"))


def test_the_first_frame_of_an_animation() -> None:
    frame = FILES["HAM6"]
    data = iff.form(b"ANIM", frame, iff.form(b"ILBM", iff.chunk(b"ANHD", bytes(40)), iff.chunk(b"DLTA", bytes(64))))
    np.testing.assert_array_equal(image_of(data), image_of(frame))
    np.testing.assert_array_equal(image_of(data), judges.recoil(data, ".iff"))


def test_palettes_by_line() -> None:
    """By hand: line 2 changes registers 1 and 21, line 5 register 0 twice."""
    shown = amiga_view.decode(plain(5, chunks=((b"PCHG", SMALL_CHANGES),)))
    assert isinstance(shown, pd.Shown)
    assert shown.notes == ("IFF ILBM, 48x12, 5 planes", "the palette changes from line to line (PCHG)")
    plain_rows = image_of(plain(5))
    np.testing.assert_array_equal(shown.image[:2], plain_rows[:2])
    assert (shown.image[2:] != plain_rows[2:]).any()


def test_what_no_mode_holds_is_no_picture() -> None:
    for name in ("24 planes", "SHAM", "CTBL", "PCHG, big", "HAM6 in 8-bit colours"):
        with pytest.raises(pd.FormatError):
            amiga_view.read(FILES[name])


@pytest.mark.parametrize(
    ("chunk", "message"),
    [
        ((b"SHAM", b"\0\0"), "table of 0 colours"),
        ((b"CTBL", bytes(10)), "table of 5 colours"),
        ((b"PCHG", bytes(10)), "PCHG chunk has 10 of 20"),
        ((b"PCHG", b"\0\2" + SMALL_CHANGES[2:]), "compression 2"),
        ((b"PCHG", b"\0\1" + SMALL_CHANGES[2:]), "tree of"),
        ((b"PCHG", huffman(SMALL_CHANGES)[:-4]), "unpacks to|tree of"),
        ((b"PCHG", huffman(SMALL_CHANGES)[:28] + b"\x80\0" * 20), "out of itself"),
        ((b"PCHG", SMALL_CHANGES[:-3]), "ends early"),
        ((b"PCHG", BIG_CHANGES.replace(b"\0\x1f\0", b"\1\x1f\0")), "not there"),
    ],
)
def test_broken_changes_are_refused(chunk: tuple[bytes, bytes], message: str) -> None:
    with pytest.raises(pd.FormatError, match=message):
        amiga_view.decode(plain(5, chunks=(chunk,)))


@given(st.sampled_from(sorted(FILES)), st.integers(0, 2**32 - 1), st.integers(0, 30))
def test_any_bytes_are_shown_or_refused(name: str, seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    data = bytearray(FILES[name])
    for _ in range(count):
        data[int(random.integers(0, min(len(data), 400)))] = int(random.integers(0, 256))
    try:
        shown = amiga_view.decode(bytes(data))
    except pd.FormatError as error:
        assert "\n" not in str(error)
    else:
        image = shown.image if isinstance(shown, pd.Shown) else shown.image()
        assert image.dtype == np.uint8
        assert image.ndim == 3


@pytest.mark.parametrize("name", ["24 planes", "HAM8", "SHAM", "PCHG, big", "8 planes", "RGB8", "RGBN"])
def test_every_truncation_is_refused(name: str) -> None:
    data = FILES[name]
    for length in range(len(data)):
        with pytest.raises(pd.FormatError):
            amiga_view.decode(data[:length])


def test_show_writes_what_no_mode_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "deep.iff", tmp_path / "deep.png"
    source.write_bytes(plain(24, camg=0x8000, cmap=b""))
    assert call(capsys, "show", source, "-o", target).code == 0
    with Image.open(target) as image:
        seen = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(seen, image_of(source.read_bytes()).repeat(2, 0))
