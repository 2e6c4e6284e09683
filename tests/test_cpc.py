"""Amstrad CPC: its screens as files, as snapshots and as programs, each judged by MAME or by what the manual says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import judges
import numpy as np
import pytest
from command import call, make_image
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern, pictures
from pixeldream_plugins import cpc
from pixeldream_plugins import cpc_program as program

import pixeldream as pd

PLAIN = pd.WriteOptions()
MODES = pytest.mark.parametrize("mode", cpc.MODES, ids=cpc.NAMES)
LIME = 15
"""A colour that MAME shows like pastel green; everybody else, and the manual, has it apart."""


def picture_of(mode: pd.Mode) -> pd.Picture:
    colours = tuple(np.where(held == LIME, 24, held) for held in pattern(mode).colours)
    return replace(pattern(mode), colours=colours, border=14)


def seen_by_mame(snapshot: bytes, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Three levels a component, of the screen in pixels of mode 2 and of the border."""
    levels = np.digitize(judges.mame_cpc(snapshot, folder), [48, 192])
    return levels[judges.CPC_WINDOW], levels[0, 0]


def levels_of(picture: pd.Picture) -> np.ndarray:
    return np.digitize(picture.image(), [48, 192]).repeat(640 // picture.mode.size[0], 1)


@MODES
@given(data=st.data())
def test_every_file_gives_the_picture_back(mode: pd.Mode, data: st.DataObject) -> None:
    picture = data.draw(pictures(mode))
    screen, palette = cpc.write_screen(picture, PLAIN), cpc.write_palette(picture, PLAIN)
    bare = screen[program.AMSDOS_BYTES :]
    for back in (
        cpc.read_screen(screen),
        cpc.read_both(screen, palette),
        cpc.read_both(bare[:-48], program.amsdos(palette, b"PICTURE PAL", 0x8809, 0) + palette),
        cpc.read_snapshot(cpc.write_snapshot(picture, PLAIN)),
    ):
        np.testing.assert_array_equal(back.pixels, picture.pixels)
        assert [int(c[0, 0]) for c in back.colours] == [int(c[0, 0]) for c in picture.colours]
        assert (back.mode, back.border) == (picture.mode, picture.border)


def test_the_bytes_are_where_the_machine_looks_for_them() -> None:
    mode = cpc.MODES[0]
    pixels = np.zeros((200, 160), np.uint8)
    pixels[9, 2:4] = 1, 8  # the second row of characters, its second line, the second byte
    inks = tuple(np.full((1, 1), index) for index in (0, 26, *[13] * 14))
    picture = pd.Picture(mode, cpc.GAMUT, pixels, inks)
    memory = cpc.write_screen(picture, PLAIN)[program.AMSDOS_BYTES :]
    assert memory[2048 + 80 + 1] == 0b1000_0001
    palette = cpc.write_palette(picture, PLAIN)
    assert len(palette) == 239
    assert palette[:3] == b"\0\0\0"
    assert palette[3:15] == b"\x54" * 12
    assert palette[15:27] == b"\x4b" * 12


def test_the_header_is_one_that_amsdos_accepts() -> None:
    header = cpc.write_screen(pattern(cpc.MODES[1]), PLAIN)[: program.AMSDOS_BYTES]
    assert header[18] == 2
    assert header[21:23] == b"\x00\xc0"
    assert header[24:28] == b"\x00\x40\xd0\xc7"
    assert sum(header[:67]) == int.from_bytes(header[67:69], "little")


@MODES
def test_mame_shows_the_snapshot(mode: pd.Mode, tmp_path: Path) -> None:
    picture = picture_of(mode)
    screen, border = seen_by_mame(cpc.write_snapshot(picture, PLAIN), tmp_path)
    np.testing.assert_array_equal(screen, levels_of(picture))
    np.testing.assert_array_equal(border, [1, 1, 2])


def firmware_stub() -> dict[int, bytes]:
    """The five calls of the firmware that the viewer makes, by address: each destroys what it may destroy."""
    ruin = b"\x01\xaa\xaa\x11\xbb\xbb\x21\xcc\xcc\x3e\xdd\xc9"  # ld bc; ld de; ld hl; ld a; ret
    gate = b"\x06\x7f\xed\x49"  # ld b,$7f; out (c),c
    code = {
        0x8100: b"\xe6\x03\xf6\x8c\x4f" + gate + ruin,  # MC SET MODE
        0x8140: b"\x50\x4f" + gate + b"\x5a\x16\0\x21\0\x83\x19\x4e" + gate + ruin,  # SCR SET INK
        0x8180: b"\x3e\x10\xc3\x40\x81",  # SCR SET BORDER is ink 16
        0x81C0: ruin,  # SCR SET OFFSET
        0x8200: b"\x18\xfe",  # KM WAIT KEY: nobody presses any
        0x8300: program.HARDWARE,
    }
    entries = {
        program.SET_MODE: 0x8100, program.SET_INK: 0x8140, program.SET_BORDER: 0x8180, program.SET_OFFSET: 0x81C0,
        program.WAIT_KEY: 0x8200,
    }  # fmt: skip
    return code | {entry: b"\xc3" + target.to_bytes(2, "little") for entry, target in entries.items()}


@MODES
def test_the_viewer_in_the_screen_shows_it(mode: pd.Mode, tmp_path: Path) -> None:
    """The file as RUN loads it into a machine that shows something else."""
    picture = picture_of(mode)
    data = bytearray(program.snapshot(program.Screen(bytes(0x4000), 1 - cpc.MODES.index(mode) % 2, (6,) * 16, 6)))
    parts = firmware_stub() | {program.SCREEN: cpc.write_screen(picture, PLAIN)[program.AMSDOS_BYTES :]}
    for address, part in parts.items():
        data[program.SNAPSHOT_HEADER + address : program.SNAPSHOT_HEADER + address + len(part)] = part
    data[0x23:0x25] = program.VIEWER.to_bytes(2, "little")
    screen, border = seen_by_mame(bytes(data), tmp_path)
    np.testing.assert_array_equal(screen, levels_of(picture))
    np.testing.assert_array_equal(border, [1, 1, 2])


def test_a_screen_that_has_scrolled_is_read_as_it_is_seen() -> None:
    picture = pattern(cpc.MODES[1])
    data = bytearray(cpc.write_snapshot(picture, PLAIN))
    start = program.SNAPSHOT_HEADER + program.SCREEN
    for block in range(start, start + 0x4000, 2048):
        data[block : block + 2048] = data[block + 2048 - 160 : block + 2048] + data[block : block + 2048 - 160]
    data[0x43 + 13] = 80
    np.testing.assert_array_equal(cpc.read_snapshot(bytes(data)).pixels, picture.pixels)


def test_a_screen_without_colours_says_what_is_missing() -> None:
    with pytest.raises(pd.FormatError, match=r"palette \(\.pal\) beside it"):
        cpc.read_screen(bytes(16384))
    palette = bytearray(cpc.write_palette(pattern(cpc.MODES[0]), PLAIN))
    palette[3] = 0x20
    with pytest.raises(pd.FormatError, match=r"\$20 is no colour"):
        cpc.read_both(bytes(16384), bytes(palette))
    with pytest.raises(pd.FormatError, match="none of OCP Art Studio"):
        cpc.read_both(bytes(16384), bytes(768))


def test_the_palette_is_written_and_found_beside_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, out = make_image(tmp_path / "photo.png"), tmp_path / "out.scr"
    written = call(capsys, "convert", photo, "--quality", "fast", "-m", "cpc-mode1", "-o", out)
    assert written.code == 0, written.err
    assert (tmp_path / "out.pal").exists()
    # Another painter's screen: nothing in the bytes that do not show.
    memory = np.frombuffer(out.read_bytes()[program.AMSDOS_BYTES :], np.uint8).reshape(8, 2048).copy()
    memory[:, 2000:] = 0
    out.write_bytes(memory.tobytes())
    assert call(capsys, "show", out, "-o", tmp_path / "seen.png").code == 0
    (tmp_path / "out.pal").rename(tmp_path / "out.PAL")
    assert call(capsys, "show", out, "-o", tmp_path / "again.png").code == 0
    assert (tmp_path / "seen.png").read_bytes() == (tmp_path / "again.png").read_bytes()
    (tmp_path / "out.PAL").unlink()
    assert "put its palette (.pal) beside it" in call(capsys, "show", out, "-o", tmp_path / "none.png").error


def test_a_companion_never_overwrites_an_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = make_image(tmp_path / "photo.png").rename(tmp_path / "photo.pal")
    refused = call(capsys, "convert", photo, "--quality", "fast", "-m", "cpc-mode1", "-o", tmp_path / "photo.scr")
    assert "would overwrite" in refused.error


def test_a_companion_that_is_named_is_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, out = make_image(tmp_path / "photo.png"), tmp_path / "out.scr"
    result = call(
        capsys, "convert", photo, "--quality", "fast", "-m", "cpc-mode2", "-o", out, "-o", tmp_path / "out.pal"
    )
    assert result.code == 0
    assert (result.out + result.err).count("out.pal") == 1
