"""The laws of formats of moving pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pixeldream.plugin import places
from pixeldream.plugin.testing import random_picture, refuses_rubbish, seen
from pixeldream.retro.animation import Animation
from pixeldream.retro.format import Format, FormatError, WriteOptions
from pixeldream.retro.mode import Mode
from pixeldream.retro.palette import Gamut, Palette

SECONDS = 0.1
"""A time that every clock can tell: whole hundredths, sixtieths and fiftieths."""


def _moving(mode: Mode, palette: Palette | Gamut) -> Animation:
    """Three pictures: noise, the same but for a corner, and the first again."""
    first = random_picture(mode, palette, 6)
    pixels = first.pixels.copy()
    height, width = pixels.shape[-2:]
    corner = pixels[..., height // 2 :, width // 2 :]
    corner[:] = np.flip(corner, -1).copy()
    try:
        second = replace(first, pixels=pixels)
    except ValueError:  # of too many tiles
        second = random_picture(mode, palette, 7)
    return Animation((first, second, first), (SECONDS, 2 * SECONDS, SECONDS))


def format_reads_the_frames_it_writes(form: Format, mode: Mode, palette: Palette | Gamut) -> None:
    """Written pictures show the same colours, in the same order and for as long, when they are read back; twice the
    same bytes. A format may refuse pictures with ``FormatError``."""
    if form.write_frames is None:
        return
    moving = _moving(mode, palette)
    try:
        data = form.write_frames(moving, WriteOptions())
    except FormatError:
        return
    assert isinstance(data, bytes), f"format {form.name!r} writes {type(data).__name__}, not bytes"
    again = form.write_frames(moving, WriteOptions())
    assert data == again, (
        f"format {form.name!r} writes other bytes the second time, first at {places.first_byte(data, again)}"
    )
    if form.read_frames is None:
        return
    back = form.read_frames(data)
    count, held = len(moving.pictures), len(back.pictures)
    assert held == count, f"format {form.name!r} reads back {held} pictures, not {count}"
    for number, (before, after) in enumerate(zip(moving.pictures, back.pictures, strict=True), 1):
        same = np.array_equal(seen(before), seen(after))
        assert same, f"format {form.name!r}: picture {number} of {mode.name} changed on the way"
    late = [abs(before - after) for before, after in zip(moving.seconds, back.seconds, strict=True)]
    assert max(late) < SECONDS / 10, f"format {form.name!r}: times of {moving.seconds} come back as {back.seconds}"


def format_refuses_rubbish_that_moves(form: Format, mode: Mode, palette: Palette | Gamut) -> None:
    """Truncated and random bytes raise ``FormatError`` in one line, nothing else, also as moving pictures."""
    if form.read_frames is None:
        return
    data = b"" if form.write_frames is None else form.write_frames(_moving(mode, palette), WriteOptions())
    refuses_rubbish(form, form.read_frames, data)


MOVING_LAWS: tuple[Callable[[Format, Mode, Palette | Gamut], None], ...] = (
    format_reads_the_frames_it_writes,
    format_refuses_rubbish_that_moves,
)
