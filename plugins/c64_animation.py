"""Commodore 64 programs that show moving pictures, over and over, until a key is pressed.

The first picture lies where it is shown. Of the others the program holds what changes, on the screen that is hidden,
against the picture two back; a picture more than there are leads from two equal screens to the second (see
``c64_stream`` for the codes, ``c64_player`` for the machine code). Screens are exchanged below the picture, so nothing
tears; colour RAM, of which there is one, is then copied from the top, ahead of the beam. 12 KB below the registers and
the KERNAL are the second screen and too awkward to load into; about 40 KB hold changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
from pixeldream_plugins import c64_charset, c64_player, c64_screen
from pixeldream_plugins.c64_program import HIRES_CONTROL, MULTICOLOR_CONTROL
from pixeldream_plugins.c64_screen import BITMAP_BYTES, CELL_BYTES, COLUMNS, HIRES, MULTICOLOR, ROWS, Screen
from pixeldream_plugins.c64_stream import END, MEMORY, SMALLEST, Tape, changes, cycles, unpack
from pixeldream_plugins.c64_viewer import BASIC, BASIC_LINE, START, assemble

import pixeldream as pd

FRAMES = 50
"""A second has as many, on a machine of 60 as well: it leaves out every sixth."""

LONGEST = 255
"""Frames for which a picture can be shown."""

SHADOW, SCREEN, PICTURE = 0x5800, 0x5C00, 0x6000
"""Colours on their way to colour RAM, the first screen's colours, and its bitmap or characters."""

PAGES = 1024
"""Bytes from one of them to the next."""

HEAD_BYTES = 5
"""Of what comes with a picture: see ``c64_player``."""

OTHER = 0x8000
FREE = ((c64_player.STREAM, SHADOW), (0x8000, 0xD000))
"""Where the stream goes."""

CYCLES = 985_248
"""Of the processor in a second, of a PAL machine."""

SHARE = 0.93
"""What the video chip leaves of them, and the interrupt."""

FLIP_CYCLES, PAGE_CYCLES = 900, 3_600
"""From one picture to the next besides; for a page of colour RAM."""

WORTH = (30, 150, SMALLEST)
"""Cycles for which a byte is saved: the first with which the pictures fit. Few make quick changes."""

CHARACTERS_BYTES = c64_charset.CHARACTERS * c64_charset.CHARACTER_BYTES
TEXT, BITMAP = 0x1B, 0x3B
"""$D011: screen on, 25 rows."""

MODES = {mode.name: mode for mode in (MULTICOLOR, HIRES, c64_charset.HIRES_CHARSET, c64_charset.MULTICOLOR_CHARSET)}


@dataclass(frozen=True)
class View:
    """A picture as the video chip reads it. ``area``: the screen's 1024 bytes, then bitmap or characters; ``colours``:
    1024 bytes of colour RAM; ``registers``: $D021 to $D023."""

    area: bytes
    colours: bytes
    registers: bytes
    border: int


@dataclass(frozen=True)
class Step:
    """The way to a picture: what comes with it, and the codes for screen and colours."""

    head: bytes
    area: tuple[bytes, ...]
    colours: tuple[bytes, ...]

    @property
    def length(self) -> int:
        """Bytes in the stream, with the ends of both parts."""
        return len(self.head) + sum(map(len, self.area)) + sum(map(len, self.colours)) + 2

    @property
    def seconds(self) -> float:
        """How long the machine takes for it."""
        pages = self.head[4].bit_count()
        busy = cycles(chain(self.area, self.colours)) + FLIP_CYCLES + pages * PAGE_CYCLES
        return busy / SHARE / CYCLES


# ---- pictures as bytes ----------------------------------------------------------------------------------------------


def is_text(mode: pd.Mode) -> bool:
    """Whether a mode is made of characters."""
    return mode.tiles is not None


def is_multicolor(mode: pd.Mode) -> bool:
    """Whether a mode has wide pixels."""
    return len(mode.slots) == 4


def view(picture: pd.Picture) -> View:
    """The bytes of a picture of one of :data:`MODES`."""
    if is_text(picture.mode):
        text = c64_charset.to_text(picture)
        characters = text.characters.ljust(CHARACTERS_BYTES, b"\0")
        return View(_page(text.codes) + characters, _page(text.colours), bytes(text.shared), text.border)
    screen = c64_screen.to_screen(picture)
    area = _page(screen.screen) + screen.bitmap
    return View(area, _page(screen.colours), bytes([screen.background, 0, 0]), screen.border)


def _page(cells: bytes) -> bytes:
    return cells.ljust(PAGES, b"\0")


def picture_of(shown: View, mode: pd.Mode) -> pd.Picture:
    """The inverse of :func:`view`. Raises ``FormatError``."""
    cells, colours = shown.area[:CELL_BYTES], shown.colours[:CELL_BYTES]
    if not is_text(mode):
        held = colours if is_multicolor(mode) else b""
        bitmap = shown.area[PAGES:]
        return c64_screen.to_picture(Screen(bitmap, cells, held, shown.registers[0], shown.border))
    characters = np.frombuffer(shown.area[PAGES:], np.uint8).reshape(-1, c64_charset.CHARACTER_BYTES)
    codes = np.frombuffer(cells, np.uint8).reshape(ROWS, COLUMNS)
    own = np.frombuffer(colours, np.uint8).reshape(ROWS, COLUMNS)
    found = c64_charset.from_text(characters[codes], own, tuple(shown.registers), is_multicolor(mode))
    return pd.Picture(found.mode, found.palette, found.pixels, found.colours, shown.border & 15)


# ---- writing --------------------------------------------------------------------------------------------------------


def steps(animation: pd.Animation) -> list[Step]:
    """The way from two equal screens with the first picture to the second picture, and then all the way round: as quick
    as there is room for. Raises ``FormatError``."""
    if animation.mode.size != MODES[animation.mode.name].size:
        raise pd.FormatError(f"a program shows whole screens only, and not {animation.mode.size} pixels")
    views, times = [view(picture) for picture in animation.pictures], _times(animation)
    total, result = len(views), []
    for byte in WORTH:
        result = [
            _step(views[max(n - 2, 0) % total], views[(n - 1) % total], views[n % total], times[n % total], byte)
            for n in range(1, total + 2)
        ]
        if sum(step.length for step in result) <= Tape(FREE).room:
            break
    return result


def _times(animation: pd.Animation) -> tuple[int, ...]:
    times = animation.ticks(FRAMES)
    for number, frames in enumerate(times, 1):
        if frames > LONGEST:
            raise pd.FormatError(
                f"picture {number} is shown for {frames / FRAMES:g} seconds; a Commodore 64 program shows one for "
                f"{LONGEST / FRAMES:g} at most"
            )
    return times


def _step(under: View, before: View, now: View, frames: int, byte: int) -> Step:
    """``under``: what the hidden screen holds; ``before``: what is seen until then; ``byte``: see ``changes``."""
    pages = [before.colours[start : start + 256] != now.colours[start : start + 256] for start in range(0, PAGES, 256)]
    flags = sum(changed << number for number, changed in enumerate(pages))
    return Step(
        bytes([frames]) + now.registers + bytes([flags]),
        changes(under.area, now.area, before.area, byte),
        changes(before.colours, now.colours, b"", byte),
    )


def cost(animation: pd.Animation) -> pd.Cost:
    """What the pictures take of the machine's memory and time. Raises ``FormatError``."""
    first, *others = steps(animation)
    total = len(others)
    lengths, seconds = [0] * total, [0.0] * total
    for number, step in enumerate([first, *others], 1):
        lengths[number % total] += step.length
        seconds[number % total] = max(seconds[number % total], step.seconds)
    return pd.Cost(Tape(FREE).room, tuple(lengths), tuple(seconds))


@lru_cache
def code() -> dict[int, bytes]:
    """The machine code, by address."""
    parts = ("PREPARE", "PICTURE", "FLIP_SCREENS", "UNPACK", "COUNT_FRAMES")
    listings = vars(c64_player)
    whole = b"".join(assemble(listings[f"{part}_CODE"]) for part in parts)
    return {c64_player.RESTORE: assemble(c64_player.RESTORED_CODE), START: whole}


def write(animation: pd.Animation, options: pd.WriteOptions) -> bytes:
    """The program, with its load address. Raises ``FormatError`` that says how much fits."""
    needed = cost(animation)
    if not needed.fits:
        raise pd.FormatError(_too_much(animation, needed))
    first, times = view(animation.pictures[0]), _times(animation)
    memory = pd.Memory()
    memory.place(BASIC, BASIC_LINE, "BASIC line")
    for address, data in code().items():
        memory.place(address, data, "player")
    tape = _tape(steps(animation))
    control = (TEXT if is_text(animation.mode) else BITMAP), _control_2(animation.mode)
    settings = bytes([times[0]]) + first.registers + bytes([0, first.border, *control])
    settings += c64_player.STREAM.to_bytes(2, "little") + bytes([OTHER >> 8, 1])
    memory.place(c64_player.HEAD, settings, "settings")
    memory.place(SHADOW, first.colours, "colours")
    memory.place(SCREEN, first.area, "first picture")
    for address, piece in tape.pieces.items():
        memory.place(address, bytes(piece), "changes")
    start, data = memory.image()
    return start.to_bytes(2, "little") + data


def _control_2(mode: pd.Mode) -> int:
    return MULTICOLOR_CONTROL if is_multicolor(mode) else HIRES_CONTROL


def _tape(all_steps: list[Step]) -> Tape:
    """The stream: the end of a picture's colours stands with the head of the next."""
    tape, again = Tape(FREE), 0
    for number, step in enumerate(all_steps):
        start = tape.put(bytes([END]) + step.head if number else step.head)
        again = start if number == 1 else again
        for item in (*step.area, bytes([END]), *step.colours):
            tape.put(item)
    tape.go_on_at(again)
    return tape


def _too_much(animation: pd.Animation, needed: pd.Cost) -> str:
    # One step more than there are pictures.
    held = len(animation.pictures)
    fitting = max(1, needed.room * (held + 1) // needed.bytes - 1)
    return (
        f"{held} pictures take {needed.bytes:,} bytes of {needed.room:,} that a Commodore 64 has for them; about "
        f"{min(fitting, held - 1)} fit: take fewer, or smaller changes from one to the next, or a file of pictures "
        "(.gif, frame-%04d.png)"
    )


# ---- reading --------------------------------------------------------------------------------------------------------


def read(data: bytes) -> pd.Animation:
    """The pictures of a program that :func:`write` made. Raises ``FormatError`` for any other or altered one."""
    memory = _loaded(data)
    frames, *registers, _, border = memory[c64_player.HEAD : c64_player.BORDER + 1]
    mode = _mode(memory[c64_player.BORDER + 1], memory[c64_player.BORDER + 2])
    length = PAGES + (CHARACTERS_BYTES if is_text(mode) else BITMAP_BYTES)
    memory[SCREEN + OTHER : SCREEN + OTHER + length] = memory[SCREEN : SCREEN + length]
    shown = [View(bytes(memory[SCREEN : SCREEN + length]), _colours(memory), bytes(registers), border)]
    times, source, hidden = [frames], c64_player.STREAM, SCREEN + OTHER
    seen: set[int] = set()
    left = MEMORY  # a stream has no more codes than there are bytes
    while source not in seen:
        seen.add(source)
        frames, *registers, _ = (memory[source + place & MEMORY - 1] for place in range(HEAD_BYTES))
        source, codes = unpack(memory, source + HEAD_BYTES & MEMORY - 1, hidden, hidden + length, left)
        source, more = unpack(memory, source, SHADOW, SHADOW + PAGES, left)
        left -= codes + more
        shown.append(View(bytes(memory[hidden : hidden + length]), _colours(memory), bytes(registers), border))
        times.append(frames)
        hidden ^= OTHER
    # The last two steps lead to the first two pictures again.
    held = len(shown) - 2
    if held < 1 or shown[held].area != shown[0].area or 0 in times:
        raise pd.FormatError("the program's pictures do not lead back to the first: it was altered")
    pictures = tuple(picture_of(each, mode) for each in shown[:held])
    return pd.Animation(pictures, tuple(time / FRAMES for time in times[:held]))


def read_first(data: bytes) -> pd.Picture:
    """The first picture of a program. Raises ``FormatError``."""
    return read(data).pictures[0]


def _colours(memory: bytearray) -> bytes:
    return bytes(memory[SHADOW : SHADOW + PAGES])


def _loaded(data: bytes) -> bytearray:
    """64 KB as they are when the program has been loaded."""
    memory = bytearray(MEMORY)
    if data[:2] == BASIC.to_bytes(2, "little") and SCREEN < BASIC + len(data) - 2 <= FREE[-1][1]:
        memory[BASIC : BASIC + len(data) - 2] = data[2:]
    known = all(memory[at : at + len(part)] == part for at, part in code().items())
    if not known:
        raise pd.FormatError("this program was not written by pixeldream to show moving pictures, or was altered")
    return memory


def _mode(control_1: int, control_2: int) -> pd.Mode:
    for mode in MODES.values():
        if (control_1, control_2) == (TEXT if is_text(mode) else BITMAP, _control_2(mode)):
            return mode
    raise pd.FormatError("the program's pictures are in no mode that moves: it was altered")


FORMATS = [
    pd.Format(
        "c64-animation", (".prg",), tuple(MODES), None, read_first, program=True, write_frames=write,
        read_frames=read, cost=cost, description="Commodore 64 program that shows moving pictures; any key ends it",
    )
]  # fmt: skip
