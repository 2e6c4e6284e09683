"""Commodore 64 programs that show moving pictures: their stream of changes, what fits, and what VICE shows when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import judges
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import palette_of, pattern
from pixeldream_plugins import c64_animation, c64_player, c64_stream
from pixeldream_plugins.c64_animation import MODES
from pixeldream_plugins.c64_stream import Tape, changes, unpack

import pixeldream as pd
from pixeldream.plugin import testing

PLAIN = pd.WriteOptions()
START = 10
"""Frames of the television until the first picture is seen."""

TICKS = 5
"""Frames for each picture at ten a second."""

HERE, THERE = 0x4000, 0xC000


def moving(name: str, count: int) -> list[pd.Picture]:
    """Pictures in which something moves; in the last all colours are others."""
    first = pattern(MODES[name])
    result = []
    for step in range(count):
        pixels, colours = first.pixels.copy(), list(first.colours)
        pixels[20 + 8 * step : 44 + 8 * step, 16 : 48 + 8 * step] = step % first.mode.pixel_values
        if step == count - 1:
            colours = [(held + 1) % 8 for held in colours]
        result.append(replace(first, pixels=pixels, colours=tuple(colours)))
    return result


def noise(name: str, count: int) -> list[pd.Picture]:
    mode = MODES[name]
    return [replace(testing.random_picture(mode, palette_of(mode), seed), border=3) for seed in range(count)]


# ---- the stream -----------------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 2**32 - 1), length=st.integers(1, 600), values=st.integers(1, 20), stays=st.floats(0, 1),
    byte=st.sampled_from([1, 30, c64_stream.SMALLEST]), hole=st.integers(20, 300),
)  # fmt: skip
def test_changes_do_what_they_should(seed: int, length: int, values: int, stays: float, byte: int, hole: int) -> None:
    """In both screens alike, over a hole in the memory, with copies of what the other screen shows."""
    random = np.random.default_rng(seed)
    old, new, other = (random.integers(0, values, length).astype(np.uint8) for _ in range(3))
    new[length // 3 :] = np.where(random.random(length) < stays, old, other)[length // 3 :]
    codes = changes(old.tobytes(), new.tobytes(), other.tobytes(), byte)
    tape = Tape(((0x1000, 0x1000 + hole), (0x2000, 0x3000)))
    for code in (*codes, b"\0"):
        tape.put(code)
    for target in (HERE, THERE):
        memory = bytearray(0x10000)
        for address, piece in tape.pieces.items():
            assert len(piece) <= hole or address == 0x2000
            memory[address : address + len(piece)] = piece
        memory[target : target + length] = old.tobytes()
        memory[target ^ 0x8000 : (target ^ 0x8000) + length] = other.tobytes()
        assert unpack(memory, 0x1000, target, target + length)[0] == tape.place
        assert memory[target : target + length] == new.tobytes()


def test_what_is_given_room_is_small_and_what_has_room_is_quick() -> None:
    random = np.random.default_rng(0)
    old, other = random.integers(0, 256, 2000).astype(np.uint8), random.integers(0, 256, 2000).astype(np.uint8)
    new = np.where(np.arange(2000) % 20 < 10, old, other).tobytes()
    small, quick = (changes(old.tobytes(), new, other.tobytes(), byte) for byte in (c64_stream.SMALLEST, 1))
    assert sum(map(len, small)) < sum(map(len, quick))
    assert c64_stream.cycles(quick) < c64_stream.cycles(small)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 30))
def test_damage_is_refused_or_is_pictures(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    data = bytearray(DAMAGED)
    stream = 2 + c64_player.STREAM - 0x0801
    for place in random.integers(c64_player.HEAD - 0x0801 + 2, stream + 600, count):
        data[place] = random.integers(0, 256)
    try:
        c64_animation.read(bytes(data))
    except pd.FormatError as error:
        assert "\n" not in str(error)


DAMAGED = c64_animation.write(pd.Animation.at(moving("c64-hires", 2)), PLAIN)


def test_a_stream_that_goes_round_is_refused_at_once() -> None:
    """Each of many heads leads to the same long codes: what is read stays within the memory's size."""
    data = bytearray(DAMAGED.ljust(2 + 0xD000 - 0x0801, b"\0"))
    heads, work = 2 + c64_player.STREAM - 0x0801, 0x8000
    for number in range(2000):
        data[heads + 8 * number : heads + 8 * number + 8] = bytes([5, 0, 0, 0, 0, 0x80, work & 255, work >> 8])
    data[2 + work - 0x0801 : 2 + 0xD000 - 0x0801] = b"\x81" * (0xD000 - work)
    with pytest.raises(pd.FormatError, match=r"leads out of its screen|has no end"):
        c64_animation.read(bytes(data))
    # Back to itself.
    data[heads + 5 : heads + 8] = bytes([0x80]) + (c64_player.STREAM + 5).to_bytes(2, "little")
    with pytest.raises(pd.FormatError, match="has no end"):
        c64_animation.read(bytes(data))


# ---- what fits ------------------------------------------------------------------------------------------------------


def test_too_much_is_refused_with_figures() -> None:
    pictures = noise("c64-multicolor", 4)
    with pytest.raises(pd.FormatError, match=r"4 pictures take 50,\d\d\d bytes of 40,238 .* about 2 fit"):
        c64_animation.write(pd.Animation.at(pictures), PLAIN)
    animation = pd.Animation.at(pictures[:2])
    cost = c64_animation.cost(animation)
    assert cost.fits
    assert len(cost.pictures) == 2
    # The whole program: up to the first picture's end, or the stream's.
    assert len(c64_animation.write(animation, PLAIN)) == 2 + 0x6000 + 8000 - 0x0801


def test_the_cost_of_each_picture_adds_up() -> None:
    animation = pd.Animation.at(moving("c64-multicolor", 4))
    cost = c64_animation.cost(animation)
    steps = c64_animation.steps(animation)
    tape = c64_animation._tape(steps)
    # The end of the last colours is the jump back, of three bytes; the first head needs no end before it.
    assert sum(map(len, tape.pieces.values())) == cost.bytes + 2
    assert 0 < max(cost.seconds) < 0.25


def test_more_than_the_memory_below_the_screens() -> None:
    """The stream goes on behind them."""
    pictures = [*noise("c64-hires", 2), *moving("c64-hires", 3), *moving("c64-hires", 2)]
    data = c64_animation.write(pd.Animation.at(pictures), PLAIN)
    assert len(data) > 0x8000
    back = c64_animation.read(data).pictures
    assert all(np.array_equal(a.indices(), b.indices()) for a, b in zip(back, pictures, strict=True))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("c64-multicolor", 1),
        ("c64-multicolor", 4),
        ("c64-hires", 2),
        ("c64-charset-hires", 3),
        ("c64-charset-multicolor", 4),
    ],
)
def test_any_number_of_pictures_comes_back(name: str, count: int) -> None:
    animation = pd.Animation(tuple(moving(name, count)), tuple(0.1 * (step + 1) for step in range(count)))
    back = c64_animation.read(c64_animation.write(animation, PLAIN))
    assert back.seconds == pytest.approx(animation.seconds)
    assert back.pictures[0].border == animation.pictures[0].border
    for ours, theirs in zip(back.pictures, animation.pictures, strict=True):
        assert ours.mode == theirs.mode
        np.testing.assert_array_equal(ours.indices(), theirs.indices())


def test_times_that_a_byte_can_not_hold() -> None:
    with pytest.raises(pd.FormatError, match=r"picture 2 is shown for 6 seconds.*5\.1 at most"):
        c64_animation.write(pd.Animation(tuple(moving("c64-hires", 2)), (1.0, 6.0)), PLAIN)


def test_a_program_that_was_altered_is_refused() -> None:
    for place in (2 + c64_player.UNPACK - 0x0801, 2 + c64_player.HEAD + 6 - 0x0801):
        data = bytearray(DAMAGED)
        data[place] ^= 1
        with pytest.raises(pd.FormatError, match="altered"):
            c64_animation.read(bytes(data))


# ---- VICE -----------------------------------------------------------------------------------------------------------


def shown(
    data: bytes,
    pictures: list[pd.Picture],
    frame: int,
    folder: Path,
    on: judges.Television = judges.PAL,
    **more: object,
) -> list[int]:
    """Which of the pictures VICE shows after so many frames, all of it."""
    screen = judges.vice(data, folder, frame * on.frame, on=on, **more)  # type: ignore[arg-type]
    colours = pd.palette("c64-vice").colours if on == judges.PAL else judges.vice_palette(judges.OTHERS_PALETTE)
    top = 35 + judges.PAL.first_line - on.first_line
    found = judges.nearest(screen[top : top + 200, 32:352], tuple(colours))  # type: ignore[arg-type]
    across = 320 // pictures[0].mode.size[0]
    return [n for n, each in enumerate(pictures) if np.array_equal(found, each.indices().repeat(across, 1))]


@pytest.mark.emulator
@pytest.mark.parametrize("name", MODES)
def test_vice_shows_each_picture_when_it_is_due(name: str, tmp_path: Path) -> None:
    """The last picture for as long as two; then it begins again."""
    pictures = moving(name, 3)
    data = c64_animation.write(pd.Animation(tuple(pictures), (0.1, 0.1, 0.2)), PLAIN)
    due = {START + 2 * TICKS - 1: 1, START + 2 * TICKS + 1: 2, START + 4 * TICKS + 1: 0}
    if name != "c64-multicolor":  # the others differ in what is shown, not in when
        del due[START + 2 * TICKS - 1]
    assert {frame: shown(data, pictures, frame, tmp_path) for frame in due} == {k: [v] for k, v in due.items()}


@pytest.mark.emulator
@pytest.mark.parametrize("television", [judges.PAL, judges.OTHER_TELEVISIONS[0]], ids=lambda each: each.model)
def test_nothing_tears_where_everything_changes(television: judges.Television, tmp_path: Path) -> None:
    """All of screen and colour RAM, as often as the machine can: there is no frame in which two pictures mix."""
    pictures = noise("c64-multicolor", 2)
    data = c64_animation.write(pd.Animation.at(pictures, 50), PLAIN)
    found = [shown(data, pictures, frame, tmp_path, television) for frame in range(40, 43)]
    assert {0, 1} == {number for each in found for number in each}
    assert all(len(each) == 1 for each in found)


@pytest.mark.emulator
def test_sixty_frames_a_second_leave_out_every_sixth(tmp_path: Path) -> None:
    """A picture of half a second is seen for 30 frames."""
    pictures, ntsc = moving("c64-hires", 2), judges.OTHER_TELEVISIONS[0]
    data = c64_animation.write(pd.Animation.at(pictures, 2), PLAIN)
    found = {frame: shown(data, pictures, frame, tmp_path, ntsc) for frame in (38, 42, 68, 72)}
    assert found == {38: [0], 42: [1], 68: [1], 72: [0]}


def key_down(frame: int) -> str:
    """For VICE's monitor: in the interrupt of so many frames later a key is pressed, and released after ten more."""
    place = c64_player.COUNT_FRAMES + 8
    commands = ("> dc01 00", "> dc03 ff", "> dc03 00")
    ignored = (frame, frame, frame + 10)
    return "".join(
        f'trace exec {place:04x}\nignore {number} {count}\ncommand {number} "{command}"\n'
        for number, (command, count) in enumerate(zip(commands, ignored, strict=True), 1)
    )


@pytest.mark.emulator
def test_a_key_ends_it_and_another_run_goes_on(tmp_path: Path) -> None:
    pictures = moving("c64-multicolor", 3)
    data = c64_animation.write(pd.Animation.at(pictures, 5), PLAIN)
    held = shown(data, pictures, START + 24, tmp_path, monitor=key_down(20))
    assert held == [2]
    screen = judges.vice(data, tmp_path, 60 * judges.PAL.frame, monitor=key_down(20))
    assert judges.nearest(screen[0, 0], pd.palette("c64-vice").colours) == judges.RETURNED_BORDER
    again = [shown(data, pictures, frame, tmp_path, monitor=key_down(20), runs=2) for frame in (80, 90)]
    assert all(len(each) == 1 for each in again)
    assert again[0] != again[1]
