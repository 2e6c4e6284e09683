"""What every native file format of ours must bear: both ways without a loss, and any bytes without a surprise."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern, pictures
from pixeldream_plugins import amiga, amiga_source, atari_st, c64, cpc, msx, nes, pico8, zx

import pixeldream as pd

GOLDEN = [
    Path(__file__).parent / "golden" / name
    for name in ("formats.json", "amiga.json", "c64.json", "consoles.json", "computers.json")
]
PLAIN = pd.WriteOptions()
PLUGINS = (c64, amiga, zx, msx, nes, cpc, atari_st, pico8)
MODES = {mode.name: mode for plugin in PLUGINS for mode in plugin.register_modes()}
FORMATS = {form.name: form for plugin in PLUGINS for form in plugin.register_formats()}
AMIGA = {
    "amiga-2", "amiga-16-ntsc", "amiga-32", "amiga-ehb", "amiga-ham6", "amiga-aga", "amiga-ham8", "amiga-hires-4-ntsc",
}  # fmt: skip
"""Modes that differ in more than their size; test_amiga goes through all of them once."""
ELSEWHERE = {name for name, mode in MODES.items() if mode.machine == "Amiga" and name not in AMIGA}
ELSEWHERE |= {"atari-ste-low", "atari-ste-medium"}
"""The files of an STE are those of an ST but for colours that only it has; test_atari_st goes through them."""

CASES = [
    (form.name, mode)
    for form in FORMATS.values()
    for mode in form.modes
    if form.read and form.write and mode not in ELSEWHERE
]
READERS = [form.name for form in FORMATS.values() if form.read]
TWINS = {"amiga-planes", "amiga-interleaved-planes"}
"""Formats of equal length and no header: only the name of the file tells them apart."""

ALIKE = {
    ("packed-koala", "koala c64-multicolor"),  # a picture without the byte that stands for a run is its own packed form
    ("zx-lines", "zx-screen zx-multicolour"),
    ("zx-screen", "zx-lines zx-multicolour"),
    ("c64-raw-sprites", "zx-screen zx-spectrum"),
}
"""Readers of files that have no header, and the files of others that are as long."""

BORDERED = {"advanced-art-studio", "art-studio", "c64-program", "drazlace", "msx-cartridge", "zx-snapshot", "zx-tape"}
BORDERED |= {"cpc-screen", "cpc-snapshot"}
"""Formats that keep the border's colour."""

PROGRAMS = {".prg", ".adf", ".tap", ".sna", ".rom", ".nes", ".st", ".p8"}

EVERY_LENGTH = 100_000
"""Files up to this long are cut off at every byte, longer ones at every thousandth."""

SLOW = {"atari-st-program", "packed-degas-low", "packed-degas-medium", "packed-degas-high"}
"""Formats whose files are cut off so seldom too: their readers unpack, or make the whole program to compare."""

SHORTER = {"koala": {10001}, "art-studio": {9002, 9003}, "doodle": {9026, 9217}, "gunpaint": {33602}}
SHORTER |= {"zx-screen": {6144, 6912}, "cpc-screen": {128 + 16336}}
"""Lengths that a whole file may have without something that the picture does not need."""


@lru_cache
def sample(form: str, mode: str) -> bytes:
    write = FORMATS[form].write
    assert write is not None
    return write(pattern(MODES[mode]), PLAIN)


def read(form: str, data: bytes) -> pd.Picture:
    reader = FORMATS[form].read
    assert reader is not None
    return reader(data)


def refused(form: str, data: bytes) -> bool:
    """Whether the reader refuses, in one line; any other exception fails the test."""
    try:
        read(form, data)
    except pd.FormatError as error:
        assert str(error)
        assert "\n" not in str(error)
        assert len(str(error)) < 200
        return True
    return False


def border_after(form: str, picture: pd.Picture) -> int:
    if picture.mode.machine in ("Amiga", "Atari ST") and picture.mode.gamut is not None:
        return int(picture.colours[0][0, 0])
    border = picture.border
    if picture.mode.machine == "ZX Spectrum" and border >= 8:
        border -= 7  # the border is never bright
    return border if form in BORDERED else 0


@pytest.mark.parametrize(("form", "mode"), CASES)
@given(data=st.data())
def test_a_picture_survives_the_file_and_the_file_the_picture(form: str, mode: str, data: st.DataObject) -> None:
    picture = data.draw(pictures(MODES[mode]))
    write = FORMATS[form].write
    assert write is not None
    written = write(picture, PLAIN)
    back = read(form, written)
    assert back.mode == picture.mode
    assert back.border == border_after(form, picture)
    np.testing.assert_array_equal(back.pixels, picture.pixels)
    for ours, theirs in zip(back.colours, picture.colours, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert write(back, PLAIN) == written


@pytest.mark.parametrize(("form", "mode"), CASES)
def test_every_truncation_is_refused(form: str, mode: str) -> None:
    data = sample(form, mode)
    lengths = range(0, len(data), 1 if len(data) <= EVERY_LENGTH and form not in SLOW else 997)
    accepted = {length for length in lengths if not refused(form, data[:length])}
    if form in TWINS:
        # A file without a header, cut to the length of a smaller one, is a smaller one.
        accepted -= set(amiga_source.LENGTHS)
    if form == "spritepad":
        # Likewise: fewer sprites.
        accepted -= set(range(3 + 64, len(data), 64))
    if form == "pico-8":
        # Lines of the sheet that are left out are black.
        accepted -= {length for length in lengths if data[length - 1 : length] == b"\n"}
    if form.startswith("packed-degas"):
        # What moves the colours stands at the end.
        accepted -= set(range(len(data) - 32, len(data)))
    assert accepted == {length for length in SHORTER.get(form, set()) if length < len(data)}


@pytest.mark.parametrize(("form", "mode"), CASES)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 40),
    start=st.sampled_from([0, 40, 160, 2000]),
    length=st.sampled_from([0, 1, 7, 1000]),
)
def test_mutations_are_refused_or_are_pictures(
    form: str, mode: str, seed: int, count: int, start: int, length: int
) -> None:
    random = np.random.default_rng(seed)
    data = bytearray(sample(form, mode))
    for _ in range(count):
        # Most of the harm can be done in the first bytes.
        data[int(random.integers(0, max(48, start)))] = int(random.integers(0, 256))
    del data[start : start + length]
    refused(form, bytes(data))


@pytest.mark.parametrize("form", READERS)
@given(data=st.binary(max_size=400))
def test_rubbish_is_refused(form: str, data: bytes) -> None:
    assert refused(form, data)


@pytest.mark.parametrize("form", READERS)
def test_no_reader_takes_another_formats_file(form: str) -> None:
    for other, mode in CASES:
        same = form == other or {form, other} == TWINS or (form, f"{other} {mode}") in ALIKE
        assert refused(form, sample(other, mode)) == (not same), f"the file of {other} {mode}"


@pytest.mark.parametrize(("form", "mode"), CASES)
def test_the_bytes_are_those_of_the_first_release(form: str, mode: str) -> None:
    """Files are exchanged: a byte that changes is a decision, not an accident."""
    data = sample(form, mode)
    found = {"bytes": len(data), "start": data[:16].hex(), "sha256": hashlib.sha256(data).hexdigest()}
    assert found == {k: v for path in GOLDEN for k, v in json.loads(path.read_text()).items()}[f"{form} {mode}"]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_formats_describe_themselves(form: pd.Format) -> None:
    assert form.description
    assert form.extensions
    assert set(form.modes) <= set(MODES)
    assert form.program == bool(PROGRAMS & set(form.extensions))
