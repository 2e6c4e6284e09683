"""Atari ST: its painters' files, judged by RECOIL, and its programs and disks, judged by Hatari and mtools."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import judges
import numpy as np
import pytest
from atari_tos import BEFORE, tos
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern, pictures
from pixeldream_plugins import atari_st, cpc
from pixeldream_plugins import atari_st_files as files
from pixeldream_plugins import atari_st_program as program
from pixeldream_plugins.atari_st_screen import MODES, ST, STE, resolution_of

import pixeldream as pd

PLAIN = pd.WriteOptions()
CORPUS = Path(os.environ.get("PIXELDREAM_CORPUS", "none")) / "atarist"
"""Other people's pictures are no part of this: a folder of theirs can be named."""

FORMATS = {form.name: form for form in atari_st.register_formats()}
CPC = {form.name: form for form in cpc.register_formats()}
EVERY_MODE = MODES | {mode.name: mode for mode in cpc.MODES}
CASES = [(name, mode) for name, form in FORMATS.items() for mode in form.modes]
PICTURES = [(name, mode) for name, mode in CASES if not FORMATS[name].program]


def write(form: str, picture: pd.Picture) -> bytes:
    writer = FORMATS[form].write
    assert writer is not None
    return writer(picture, PLAIN)


def read(form: str, data: bytes) -> pd.Picture:
    reader = FORMATS[form].read
    assert reader is not None
    return reader(data)


def seen(image: np.ndarray, like: np.ndarray) -> np.ndarray:
    """``image`` without the repetition of its pixels."""
    return image[:: image.shape[0] // like.shape[0], :: image.shape[1] // like.shape[1]]


def told_apart(picture: pd.Picture) -> pd.Picture:
    """One that no ST can show, in the STE's modes: files do not say otherwise for which machine they are."""
    if picture.mode.gamut != STE:
        return picture
    return replace(picture, colours=(picture.colours[0] | 1, *picture.colours[1:]))


@pytest.mark.parametrize(("form", "mode"), CASES)
@given(data=st.data())
def test_a_file_gives_the_picture_back(form: str, mode: str, data: st.DataObject) -> None:
    picture = told_apart(data.draw(pictures(MODES[mode])))
    back = read(form, write(form, picture))
    assert back.mode == picture.mode
    np.testing.assert_array_equal(back.pixels, picture.pixels)
    assert [int(c[0, 0]) for c in back.colours] == [int(c[0, 0]) for c in picture.colours]
    assert back.border == (int(picture.colours[0][0, 0]) if picture.mode.gamut else 0)


@pytest.mark.parametrize(("form", "mode"), PICTURES)
def test_recoil_shows_the_same_pixels(form: str, mode: str) -> None:
    picture = told_apart(pattern(MODES[mode]))
    image = judges.recoil(write(form, picture), FORMATS[form].extensions[0])
    np.testing.assert_array_equal(seen(image, picture.image()), picture.image())


def test_an_ste_picture_in_colours_of_the_st_is_read_as_one_of_the_st() -> None:
    picture = pattern(MODES["atari-ste-low"])
    even = replace(picture, colours=tuple(held & 0xEEE for held in picture.colours))
    back = files.read_degas(files.write_degas(even, PLAIN))
    assert back.mode.name == "atari-st-low"
    assert ST.rgb(back.colours[1][0, 0]).tolist() != STE.rgb(even.colours[1][0, 0]).tolist()


@pytest.mark.parametrize("length", [32034, 32066])
def test_degas_and_degas_elite(length: int) -> None:
    picture = pattern(MODES["atari-st-low"])
    data = files.write_degas(picture, PLAIN).ljust(length, b"\x11")
    np.testing.assert_array_equal(files.read_degas(data).pixels, picture.pixels)


def test_a_packed_picture_that_is_no_screen_is_refused() -> None:
    head = b"\x80\x00" + bytes(32)
    for body in (b"\x81\0" * 10, b"\0", b"\x81\0" * 249 + b"\x82\0" * 3, b"\x81\0" * 40_000):
        with pytest.raises(pd.FormatError):
            files.read_degas(head + body)


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.binary(max_size=400))
def test_rubbish_is_refused(form: str, data: bytes) -> None:
    with pytest.raises(pd.FormatError):
        read(form, data)


@pytest.mark.parametrize("form", FORMATS)
def test_no_reader_takes_another_formats_file(form: str) -> None:
    for other in [*FORMATS.values(), *CPC.values()]:
        if other.name != form and other.write is not None:
            with pytest.raises(pd.FormatError):
                read(form, other.write(pattern(EVERY_MODE[other.modes[0]]), PLAIN))


@pytest.mark.parametrize("form", [name for name, form in CPC.items() if form.read])
def test_no_reader_of_the_cpc_takes_them_either(form: str) -> None:
    reader = CPC[form].read
    assert reader is not None
    for other in [*FORMATS.values(), *CPC.values()]:
        if other.name != form and other.write is not None:
            with pytest.raises(pd.FormatError):
                reader(other.write(pattern(EVERY_MODE[other.modes[0]]), PLAIN))


def test_a_degas_picture_by_the_wrong_name_is_told_its_own() -> None:
    with pytest.raises(pd.FormatError, match=r"call it \.pc1"):
        read("degas-medium", files.write_packed(pattern(MODES["atari-st-low"]), PLAIN))


@pytest.mark.skipif(not CORPUS.is_dir(), reason="PIXELDREAM_CORPUS names no folder with other people's pictures")
def test_other_peoples_pictures_look_as_in_recoil() -> None:
    for path in sorted(CORPUS.iterdir()):
        extension = path.suffix.lower()
        form = next(form for form in FORMATS.values() if extension in form.extensions)
        decode = form.decode or form.read
        assert decode is not None
        shown = decode(path.read_bytes())
        image = shown.image if isinstance(shown, pd.Shown) else shown.image()
        np.testing.assert_array_equal(seen(judges.recoil(path.read_bytes(), extension), image), image, str(path))


def test_spectrum_512_shows_what_recoil_shows() -> None:
    random = np.random.default_rng(5)
    words = random.integers(0, 0x1000, 199 * 48).astype(">u2")
    for mask in (0x777, 0xFFF):
        data = random.bytes(32000) + (words & mask).astype(">u2").tobytes()
        np.testing.assert_array_equal(files.decode_spectrum(data).image, judges.recoil(data, ".spu"))


# A resolution to start from that is not the picture's, but for the monitor's only one.
OTHER = {0: 1, 1: 0, 2: 2}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_hatari_shows_the_program(mode: pd.Mode, tmp_path: Path) -> None:
    picture, resolution = pattern(mode), resolution_of(mode)
    system = tos(program.write_program(picture, PLAIN), OTHER[resolution], key=False)
    machine = "ste" if mode.gamut == STE else "st"
    image = seen(judges.hatari(system, tmp_path, machine, monochrome=resolution == 2), picture.image())
    # Hatari shows the ST's three bits as the upper three of the STE's.
    expected = picture.image() if mode.gamut != ST else np.rint(picture.image() / 255 * 7) * 34
    np.testing.assert_array_equal(image, expected)


def test_a_key_ends_the_program_and_all_is_as_before(tmp_path: Path) -> None:
    system = tos(program.write_program(pattern(MODES["atari-st-low"]), PLAIN), 1, key=True)
    image = judges.hatari(system, tmp_path)
    np.testing.assert_array_equal(image, np.broadcast_to([BEFORE >> 8 << 1, 0, 0], image.shape) * 17)


def test_the_program_sees_that_the_monitor_is_the_wrong_one(tmp_path: Path) -> None:
    system = tos(program.write_program(pattern(MODES["atari-st-low"]), PLAIN), 2, key=False)
    image = judges.hatari(system, tmp_path, monochrome=True)
    text = program.WRONG_MONITOR.rstrip(b"\0")
    dots = np.packbits(image[0, : 8 * len(text), 0] != image[-1, -1, 0]).tobytes()
    assert dots == text


def test_the_disk_holds_the_program_where_the_machine_looks_for_it(tmp_path: Path) -> None:
    for tool in ("mtype", "fsck.fat"):
        if shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
            pytest.skip(f"{tool} is not installed")
    picture = pattern(MODES["atari-st-medium"])
    disk = tmp_path / "picture.st"
    disk.write_bytes(program.write_disk(picture, PLAIN))
    command = ["mtype", "-i", str(disk), "::AUTO/PICTURE.PRG"]
    found = subprocess.run(command, capture_output=True, timeout=judges.SECONDS, check=True).stdout
    assert found == program.write_program(picture, PLAIN)
    check = ["/usr/sbin/fsck.fat", "-n", str(disk)]
    result = subprocess.run(check, capture_output=True, text=True, timeout=judges.SECONDS, check=False)
    assert result.returncode == 0, result.stdout
    assert disk.stat().st_size == 80 * 2 * 9 * 512
    # That sum would make TOS run the first sector.
    assert sum(np.frombuffer(disk.read_bytes()[:512], ">u2").astype(int)) & 0xFFFF != 0x1234
