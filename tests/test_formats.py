"""What every native file format of ours must bear: both ways without a loss, and any bytes without a surprise."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import pattern, pictures
from pixeldream_plugins import amiga, c64

import pixeldream as pd

GOLDEN = Path(__file__).parent / "golden" / "formats.json"
PLAIN = pd.WriteOptions()
MODES = {mode.name: mode for mode in [*c64.register_modes(), *amiga.register_modes()]}
FORMATS = {form.name: form for form in [*c64.register_formats(), *amiga.register_formats()]}
CASES = [(form.name, mode) for form in FORMATS.values() for mode in form.modes]

SHORTER = {"koala": {10001}, "art-studio": {9002, 9003}}
"""Lengths that a whole file may have without something that the picture does not need."""


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
    if form == "ilbm":
        return int(picture.colours[0][0, 0])
    return 0 if form == "koala" else picture.border


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
    accepted = {length for length in range(len(data)) if not refused(form, data[:length])}
    assert accepted == SHORTER.get(form, set())


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


@pytest.mark.parametrize("form", FORMATS)
@given(data=st.binary(max_size=400))
def test_rubbish_is_refused(form: str, data: bytes) -> None:
    assert refused(form, data)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("other", "mode"), CASES)
def test_no_reader_takes_another_formats_file(form: str, other: str, mode: str) -> None:
    assert refused(form, sample(other, mode)) == (form != other)


@pytest.mark.parametrize(("form", "mode"), CASES)
def test_the_bytes_are_those_of_the_first_release(form: str, mode: str) -> None:
    """Files are exchanged: a byte that changes is a decision, not an accident."""
    data = sample(form, mode)
    found = {"bytes": len(data), "start": data[:16].hex(), "sha256": hashlib.sha256(data).hexdigest()}
    assert found == json.loads(GOLDEN.read_text())[f"{form} {mode}"]


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_formats_describe_themselves(form: pd.Format) -> None:
    assert form.description
    assert form.extensions
    assert set(form.modes) <= set(MODES)
    assert form.program == (".prg" in form.extensions)
