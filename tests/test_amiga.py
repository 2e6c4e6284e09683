"""ILBM files, byte by byte; broken ones and bombs; and what RECOIL, netpbm and ffmpeg show of them."""

from __future__ import annotations

import dataclasses
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import judges
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern
from pixeldream_plugins import amiga, amiga_ilbm, amiga_modes, amiga_view, iff

import pixeldream as pd

PLAIN = pd.WriteOptions()
BYTES_A_PICTURE = 256 * 5 * 40


def number(value: int, length: int) -> bytes:
    return value.to_bytes(length, "big")


def chunk_by_hand(name: bytes, data: bytes) -> bytes:
    return name + number(len(data), 4) + data + (b"\0" if len(data) % 2 else b"")


def header_by_hand(
    width: int = 320, height: int = 256, planes: int = 5, masking: int = 0, compression: int = 0, flags: int = 0x80
) -> bytes:
    fields = number(width, 2) + number(height, 2) + bytes(4) + bytes([planes, masking, compression, flags])
    return fields + bytes(2) + bytes([44, 44]) + number(width, 2) + number(height, 2)


def body_by_hand(pixels: np.ndarray, planes: int = 5, mask: bool = False) -> bytes:
    """Row by row, plane by plane, the left pixel in bit 7; nothing packed."""
    result = bytearray()
    for row in pixels.tolist():
        for plane in range(planes):
            for left in range(0, len(row), 8):
                result.append(sum((row[left + i] >> plane & 1) << (7 - i) for i in range(8)))
        result += b"\xaa" * (40 * mask)
    return bytes(result)


def file_by_hand(*chunks: tuple[bytes, bytes]) -> bytes:
    data = b"ILBM" + b"".join(chunk_by_hand(*each) for each in chunks)
    return b"FORM" + number(len(data), 4) + data


CMAP = bytes(value for i in range(32) for value in (i % 16 * 17, (31 - i) // 2 * 17, i * 5 % 16 * 17))
REGISTERS = [i % 16 << 8 | (31 - i) // 2 << 4 | i * 5 % 16 for i in range(32)]


def simple(**header: int) -> bytes:
    """A whole file, not packed, of the pattern's pixels."""
    planes, mask = header.get("planes", 5), header.get("masking") == 1
    pixels = pattern(amiga.LORES_32).pixels & (1 << planes) - 1
    body = body_by_hand(pixels, planes, mask)
    return file_by_hand((b"BMHD", header_by_hand(**header)), (b"CMAP", CMAP), (b"BODY", body))


# -------------------------------------------------------------------------------------------- writing


def test_every_field_of_a_written_file() -> None:
    picture = pattern(amiga.LORES_32)
    data = amiga_ilbm.write(picture, PLAIN)
    assert data[:4] == b"FORM"
    assert data[4:8] == number(len(data) - 8, 4)
    assert data[8:20] == b"ILBMBMHD" + number(20, 4)
    assert data[20:40] == header_by_hand(compression=1)
    assert data[40:48] == b"CMAP" + number(96, 4)
    registers = [int(colours[0, 0]) for colours in picture.colours]
    assert data[48:144] == bytes(17 * (value >> shift & 15) for value in registers for shift in (8, 4, 0))
    assert data[144:156] == b"CAMG" + number(4, 4) + number(0x21000, 4)
    assert data[156:160] == b"BODY"
    length = int.from_bytes(data[160:164], "big")
    assert len(data) == 164 + length + length % 2
    assert unpacked_by_hand(data[164 : 164 + length]) == body_by_hand(picture.pixels)


def unpacked_by_hand(data: bytes) -> bytes:
    """ByteRun1 after the standard, with the rule that no run leaves its row of 40 bytes."""
    result = bytearray()
    position = 0
    while position < len(data):
        code = data[position]
        assert code != 128
        row = len(result) // 40
        if code < 128:
            result += data[position + 1 : position + 2 + code]
            position += 2 + code
        else:
            result += bytes([data[position + 1]]) * (257 - code)
            position += 2
        assert (len(result) - 1) // 40 == row
    return bytes(result)


def shortest(row: bytes) -> int:
    """The length of the best ByteRun1 there is, by trying every code at every place."""
    best = [0]
    for end in range(1, len(row) + 1):
        copies = (best[start] + 1 + end - start for start in range(max(0, end - 128), end))
        runs = (best[start] + 2 for start in range(max(0, end - 128), end - 1) if len(set(row[start:end])) == 1)
        best.append(min([*copies, *runs]))
    return best[-1]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=16))
def test_rows_are_packed_as_short_as_possible(groups: list[tuple[int, int]]) -> None:
    row = b"".join(bytes([value]) * length for value, length in groups)[:128]
    packed = iff.pack(row)
    assert len(packed) == shortest(row)
    assert iff.unpack(packed, len(row)) == row


@given(st.binary(max_size=300), st.integers(0, 255), st.integers(0, 400))
def test_packing_any_row_and_back(data: bytes, value: int, length: int) -> None:
    row = data + bytes([value]) * length + data[:3]
    assert iff.unpack(iff.pack(row), len(row)) == row


# -------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("planes", [1, 2, 3, 4, 5])
def test_files_that_are_not_packed(planes: int) -> None:
    picture = amiga_view.read(simple(planes=planes))
    np.testing.assert_array_equal(picture.pixels, pattern(amiga.LORES_32).pixels & (1 << planes) - 1)
    assert picture.mode == amiga_modes.MODES[f"amiga-{1 << planes}"]
    assert [int(colours[0, 0]) for colours in picture.colours] == REGISTERS[: 1 << planes]
    assert picture.border == REGISTERS[0]


def test_a_mask_plane_is_dropped() -> None:
    np.testing.assert_array_equal(amiga_view.read(simple(masking=1)).pixels, pattern(amiga.LORES_32).pixels)


def test_nibbles_of_old_writers() -> None:
    """Left-justified nibbles without the flag; with the flag they are colours that only AGA has."""
    old = bytes(value & 0xF0 for value in CMAP)
    picture = amiga_view.read(simple(flags=0).replace(CMAP, old))
    assert [int(colours[0, 0]) for colours in picture.colours] == REGISTERS
    newer = amiga_view.read(simple().replace(CMAP, old))
    assert newer.mode.name == "amiga-aga"
    assert [tuple(newer.palette.rgb(int(slot[0, 0]))) for slot in newer.colours[:2]] == [
        tuple(old[:3]), tuple(old[3:6])
    ]  # fmt: skip


def test_missing_registers_are_black() -> None:
    body = body_by_hand(pattern(amiga.LORES_32).pixels)
    data = file_by_hand((b"BMHD", header_by_hand()), (b"CMAP", CMAP[:48]), (b"BODY", body))
    assert [int(colours[0, 0]) for colours in amiga_view.read(data).colours] == REGISTERS[:16] + [0] * 16


def test_chunks_that_nobody_knows_are_skipped() -> None:
    body = body_by_hand(pattern(amiga.LORES_32).pixels)
    rest = (b"CRNG", bytes(8)), (b"what", b"odd"), (b"CMAP", CMAP), (b"BODY", body), (b"CMAP", bytes(96))
    picture = amiga_view.read(file_by_hand((b"BMHD", header_by_hand()), *rest) + b"bytes behind the form")
    assert int(picture.colours[1][0, 0]) == REGISTERS[1]


def test_runs_that_cross_rows_and_codes_that_do_nothing() -> None:
    """The standard forbids the first and allows the second; both are in files from the wild."""
    packed = b"\x80" + b"\x81\xff" * (BYTES_A_PICTURE // 128)
    picture = amiga_view.read(
        file_by_hand((b"BMHD", header_by_hand(compression=1)), (b"CMAP", CMAP), (b"BODY", packed))
    )
    assert (picture.pixels == 31).all()


BODY = (b"BODY", bytes(BYTES_A_PICTURE))
HEAD = (b"BMHD", header_by_hand())
PACKED = (b"BMHD", header_by_hand(compression=1))
COLOURS = (b"CMAP", CMAP)
RUN = b"\x81\0"

BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no IFF"),
    "nothing in it": (b"FORM\0\0\0\4ILBM", "BMHD chunk has 0 of 20"),
    "no BMHD": (file_by_hand(COLOURS, BODY), "BMHD chunk has 0 of 20"),
    "short BMHD": (file_by_hand((b"BMHD", HEAD[1][:19]), COLOURS, BODY), "BMHD chunk has 19 of 20"),
    "no BODY": (file_by_hand(HEAD, COLOURS), "no BODY"),
    "BODY before BMHD": (file_by_hand(COLOURS, BODY, HEAD), "BMHD chunk has 0 of 20"),
    "an animation": (file_by_hand(HEAD).replace(b"ILBM", b"ANIM"), "IFF 'ANIM' file"),
    "nine planes": (file_by_hand((b"BMHD", header_by_hand(planes=9)), COLOURS, BODY), "9 planes"),
    "PBM in 5 planes": (file_by_hand(HEAD, COLOURS, BODY).replace(b"ILBM", b"PBM "), "5 planes; 8 planes"),
    "too large": (file_by_hand((b"BMHD", header_by_hand(width=40000)), COLOURS, BODY), "40000x256"),
    "24 planes": (file_by_hand((b"BMHD", header_by_hand(8, 1, 24)), (b"BODY", bytes(48))), "in no mode"),
    "SHAM": (file_by_hand(HEAD, COLOURS, (b"SHAM", bytes(8194)), BODY), "SHAM can be shown"),
    "zero width": (file_by_hand((b"BMHD", header_by_hand(width=0)), COLOURS, BODY), "0x256"),
    "zero height": (file_by_hand((b"BMHD", header_by_hand(height=0)), COLOURS, BODY), "320x0"),
    "no planes": (file_by_hand((b"BMHD", header_by_hand(planes=0)), COLOURS, BODY), "0 planes"),
    "unknown packing": (file_by_hand((b"BMHD", header_by_hand(compression=2)), COLOURS, BODY), "compression 2"),
    "short BODY": (file_by_hand(HEAD, COLOURS, (b"BODY", BODY[1][:-1])), "51199 of 51200"),
    "packed BODY ends early": (file_by_hand(PACKED, COLOURS, (b"BODY", RUN * 399)), "gives less than 51073 "),
    "run beyond the end": (file_by_hand(PACKED, COLOURS, (b"BODY", RUN * 399 + b"\x82\0" + RUN)), "gives 51327"),
    "run without a value": (file_by_hand(PACKED, COLOURS, (b"BODY", b"\x80\x80" + RUN * 399 + b"\x81")), "gives 51072"),
    "copy beyond the chunk": (file_by_hand(PACKED, COLOURS, (b"BODY", RUN * 399 + b"\x7f\0")), "gives 51073"),
    "chunk beyond the file": (file_by_hand((b"BMHD", b"")).replace(number(0, 4), number(99, 4)), "says 99 bytes; 0"),
    "form beyond the file": (b"FORM" + b"\xff" * 4 + b"ILBM", "cut off"),
}


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(pd.FormatError, match=message) as caught:
        amiga_view.read(data)
    assert "\n" not in str(caught.value)


BOMBS: dict[str, Callable[[], bytes]] = {
    "4 gigapixels": lambda: file_by_hand((b"BMHD", header_by_hand(65535, 65535, compression=1)), COLOURS, BODY),
    "4 million pixels of 4 bytes": lambda: file_by_hand(
        (b"BMHD", header_by_hand(2048, 2048, 8, compression=1)), COLOURS, (b"BODY", RUN * 2)
    ),
    "runs for 1.3 gigabytes": lambda: file_by_hand(PACKED, COLOURS, (b"BODY", RUN * 10_000_000)),
    "20 million no-operations": lambda: file_by_hand(PACKED, COLOURS, (b"BODY", b"\x80" * 20_000_000)),
    "2 million empty chunks": lambda: file_by_hand((b"what" + bytes(4) * 5_000_000, b"")),
    "a chunk of 4 gigabytes": lambda: b"FORM\0\0\0\x0cILBMBODY\xff\xff\xff\xff",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_at_once(bomb: Callable[[], bytes]) -> None:
    data = bomb()
    start = time.perf_counter()
    with pytest.raises(pd.FormatError):
        amiga_view.read(data)
    assert time.perf_counter() - start < 0.1
    # Once more: counting the memory takes time of its own.
    tracemalloc.start()
    try:
        with pytest.raises(pd.FormatError):
            amiga_view.read(data)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


# --------------------------------------------------------------------------------------- third parties


def test_recoil_shows_the_same_pixels() -> None:
    picture = pattern(amiga.LORES_32)
    np.testing.assert_array_equal(judges.recoil(amiga_ilbm.write(picture, PLAIN), ".iff"), picture.image())


def test_netpbm_shows_the_same_pixels() -> None:
    picture = pattern(amiga.LORES_32)
    np.testing.assert_array_equal(judges.netpbm_ilbm(amiga_ilbm.write(picture, PLAIN)), picture.image())


def test_ffmpeg_shows_the_same_pixels(tmp_path: Path) -> None:
    picture = pattern(amiga.LORES_32)
    np.testing.assert_array_equal(judges.ffmpeg(amiga_ilbm.write(picture, PLAIN), ".iff", tmp_path), picture.image())


def test_we_read_what_they_would() -> None:
    """The readers agree about files that are not ours: not packed, masked, few planes."""
    for data in (simple(), simple(planes=3), simple(masking=1)):
        np.testing.assert_array_equal(amiga_view.read(data).image(), judges.recoil(data, ".iff"))


# ---------------------------------------------------------------------------------------- every mode


MODES = pytest.mark.parametrize("name", amiga_modes.MODES)


@MODES
def test_names_say_what_a_mode_is(name: str) -> None:
    mode = amiga_modes.MODES[name]
    kind, screen = amiga_modes.kind_of(mode), amiga_modes.screen_of(mode)
    assert mode.size == (
        640 if "hires" in name else 320,
        (200 if "ntsc" in name else 256) * (2 if "lace" in name else 1),
    )
    assert screen.name(kind) == name
    assert mode == amiga_modes.mode(kind, screen)
    assert mode.pixel_values == 1 << kind.planes
    # Every screen has about the same shape: 4:3 of PAL's 283 lines, cut to 256; or of NTSC's 241, cut to 200.
    assert pd.display_aspect(mode) == pytest.approx(320 * 11 / (200 * 13) if screen.ntsc else 1.25)


@MODES
def test_every_mode_is_written_and_read(name: str) -> None:
    """Smaller than its screen, so that all of them take a second: the screen is told by CAMG."""
    mode = amiga_modes.MODES[name]
    kind, screen = amiga_modes.kind_of(mode), amiga_modes.screen_of(mode)
    small = amiga_modes.mode(kind, screen, (40, 9))
    picture = pattern(small)
    back = amiga_view.read(amiga_ilbm.write(picture, PLAIN))
    assert back.mode == small
    np.testing.assert_array_equal(back.pixels, picture.pixels)
    assert [int(slot[0, 0]) for slot in back.colours] == [int(slot[0, 0]) for slot in picture.colours]


OTHERS = [
    "amiga-2", "amiga-16-lace", "amiga-ham6", "amiga-ham6-ntsc", "amiga-aga", "amiga-ham8", "amiga-hires-16",
    "amiga-hires-8-lace-ntsc",
]  # fmt: skip


def shown_values(picture: pd.Picture) -> pd.Picture:
    """The picture with all values of its mode in its pixels, not only its slots' numbers."""
    random = np.random.default_rng(5)
    pixels = random.integers(0, picture.mode.pixel_values, picture.pixels.shape).astype(np.uint8)
    return dataclasses.replace(picture, pixels=pixels)


@pytest.mark.parametrize("name", OTHERS)
def test_recoil_shows_every_kind_as_we_do(name: str) -> None:
    picture = shown_values(pattern(amiga_modes.MODES[name]))
    seen = judges.recoil(amiga_ilbm.write(picture, PLAIN), ".iff")
    image = picture.image()
    down, across = seen.shape[0] // image.shape[0], seen.shape[1] // image.shape[1]
    np.testing.assert_array_equal(seen, image.repeat(down, 0).repeat(across, 1))


@pytest.mark.parametrize("name", ["amiga-16-lace", "amiga-ham6", "amiga-aga", "amiga-hires-16"])
def test_ffmpeg_shows_every_kind_as_we_do(name: str, tmp_path: Path) -> None:
    picture = shown_values(pattern(amiga_modes.MODES[name]))
    np.testing.assert_array_equal(judges.ffmpeg(amiga_ilbm.write(picture, PLAIN), ".iff", tmp_path), picture.image())


def test_halves_in_viewers_are_those_of_aga() -> None:
    """RECOIL halves all 8 bits, as AGA does; the original chips drop the fourth bit, which FS-UAE confirms."""
    picture = shown_values(pattern(amiga_modes.MODES["amiga-ehb"]))
    registers = np.array([int(slot[0, 0]) for slot in picture.colours])
    full = picture.palette.rgb(registers)
    seen = judges.recoil(amiga_ilbm.write(picture, PLAIN), ".iff")
    np.testing.assert_array_equal(seen, np.concatenate([full, full >> 1])[picture.pixels])
    ours = np.concatenate([full, picture.palette.rgb(registers >> 1 & 0x777)])[picture.pixels]
    np.testing.assert_array_equal(picture.image(), ours)
    assert np.abs(seen.astype(int) - ours).max() == 8
