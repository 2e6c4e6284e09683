"""Commodore 64 programs for FLI and for two frames in turn, and the format of all programs.

Every second frame of an interlaced picture lies in another bank of the video chip: at $8000 for multicolor, at $C000
for IFLI, whose eight screens can't lie where the chip sees the characters of the KERNAL. No file can load there, so it
loads at $8000 and is moved. The viewers stand in ``c64_raster``.
"""

from __future__ import annotations

from functools import partial

from pixeldream_plugins import c64_raster
from pixeldream_plugins.c64_fli import AFLI, FLI, SCREENS_BYTES, FliScreen, from_fli, to_fli
from pixeldream_plugins.c64_interlace import DRAZLACE, IFLI, MCI
from pixeldream_plugins.c64_interlace_files import Frames, from_frames, to_frames
from pixeldream_plugins.c64_program import (
    HIRES_CONTROL,
    KINDS,
    MULTICOLOR_CONTROL,
    Kind,
    Loaded,
    build,
    recognise,
    viewer,
)  # fmt: skip
from pixeldream_plugins.c64_raster import FRAME, SCREEN_TABLE, SCROLL_TABLE, SLOTS, WAIT
from pixeldream_plugins.c64_screen import BITMAP_BYTES, CELL_BYTES
from pixeldream_plugins.c64_viewer import COLOURS, START

import pixeldream as pd

SETTINGS = 0x0BF9
"""Whether both frames share their screen, two masks that turn one frame into the other ($DD00, $D016), a byte to spare,
$D016, background, border."""

SCREENS = (0x4000, 0x8000)
BITMAPS = (0x6000, 0xA000)
EMPTY = 0x2000
"""Where the chip looks for a bitmap below a FLI picture, and finds zeros: characters 1000 to 1023, then 0 to 15."""

OTHER_FLI, OTHER_BITMAP = 2, 3
"""Between the banks at $4000 and $C000, and at $4000 and $8000, in the bits of $DD00."""

SHIFTED = 1


def _place_settings(memory: pd.Memory, settings: tuple[int, ...]) -> None:
    memory.place(SETTINGS, bytes(settings), "settings")


def _place_lines(memory: pd.Memory) -> None:
    screens, scrolls = c64_raster.tables()
    memory.place(SCREEN_TABLE, screens, "screen table")
    memory.place(SCROLL_TABLE, scrolls, "scroll table")
    memory.reserve(EMPTY, 16 * 8, "empty bitmap")
    memory.reserve(EMPTY + 8000, 24 * 8, "empty bitmap")


def _place_fli(memory: pd.Memory, picture: pd.Picture) -> None:
    screen = to_fli(picture)
    control = MULTICOLOR_CONTROL if screen.colours else HIRES_CONTROL
    _place_settings(memory, (0, 0, 0, 0, control, screen.background, screen.border))
    _place_lines(memory)
    if screen.colours:
        memory.place(COLOURS, screen.colours, "colour RAM")
    memory.place(SCREENS[0], screen.screens, "screens")
    memory.place(BITMAPS[0], screen.bitmap, "bitmap")


def _take_fli(loaded: Loaded, multicolor: bool) -> pd.Picture:
    *_, background, border = loaded.at(SETTINGS, 7)
    colours = loaded.at(COLOURS, CELL_BYTES) if multicolor else b""
    screens, bitmap = loaded.at(SCREENS[0], SCREENS_BYTES), loaded.at(BITMAPS[0], BITMAP_BYTES)
    return from_fli(FliScreen(bitmap, screens, colours, background, border))


def _place_frames(memory: pd.Memory, picture: pd.Picture, other: int) -> None:
    frames = to_frames(picture)
    shared = len(frames.screens) == 1
    settings = int(shared), other, SHIFTED, 0, MULTICOLOR_CONTROL, frames.background, frames.border
    _place_settings(memory, settings)
    if other == OTHER_FLI:
        _place_lines(memory)
    memory.place(COLOURS, frames.colours, "colour RAM")
    for frame in (0, 1):
        memory.place(SCREENS[frame], frames.screens[0 if shared else frame], f"screen of frame {frame + 1}")
        memory.place(BITMAPS[frame], frames.bitmaps[frame], f"bitmap of frame {frame + 1}")


def _take_frames(loaded: Loaded, mode: pd.Mode) -> pd.Picture:
    *_, background, border = loaded.at(SETTINGS, 7)
    length = SCREENS_BYTES if mode == IFLI else CELL_BYTES
    addresses = SCREENS[:1] if mode == DRAZLACE else SCREENS
    screens = tuple(loaded.at(address, length) for address in addresses)
    bitmaps = loaded.at(BITMAPS[0], BITMAP_BYTES), loaded.at(BITMAPS[1], BITMAP_BYTES)
    colours = loaded.at(COLOURS, CELL_BYTES)
    background = background if mode != IFLI else 0
    return from_frames(Frames(bitmaps, screens, colours, background, border), mode)


FRAME_BY_FRAME = (FRAME, viewer("RASTER", "NEXT", "KEY", "RETURN")), (WAIT, viewer("WAIT_LINE", "MEASURE") + SLOTS)


def _fli(*parts: str) -> tuple[tuple[int, bytes], ...]:
    """The viewer of FLI that does what the listings ``parts`` say before the first frame."""
    return ((START, viewer("OPEN", "LOOK", "PREPARE", *parts, "JUMP")), *FRAME_BY_FRAME)


LACE = (
    (START, viewer("OPEN", "LOOK", "PREPARE", "COPY", "LACE")),
    (FRAME, viewer("FLIP", "NEXT", "KEY", "RETURN")),
)
FLI_KINDS = (
    Kind(FLI, _fli("COPY"), BITMAPS[0] + BITMAP_BYTES, _place_fli, partial(_take_fli, multicolor=True)),
    Kind(AFLI, _fli(), BITMAPS[0] + BITMAP_BYTES, _place_fli, partial(_take_fli, multicolor=False)),
    Kind(
        IFLI, _fli("MOVE", "COPY"), BITMAPS[1] + BITMAP_BYTES, partial(_place_frames, other=OTHER_FLI),
        partial(_take_frames, mode=IFLI),
    ),
    *[
        Kind(
            mode, LACE, BITMAPS[1] + BITMAP_BYTES, partial(_place_frames, other=OTHER_BITMAP),
            partial(_take_frames, mode=mode),
        )
        for mode in (MCI, DRAZLACE)
    ],
)  # fmt: skip

PROGRAMS = {kind.mode.name: kind for kind in (*KINDS, *FLI_KINDS)}


def write(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """The program that shows a picture of any Commodore 64 mode, with its load address."""
    return build(PROGRAMS[picture.mode.name], picture)


def read(data: bytes) -> pd.Picture:
    """The picture of a program that :func:`write` made. Raises ``FormatError`` for any other or altered one."""
    for kind in PROGRAMS.values():
        picture = recognise(kind, data)
        if picture is not None:
            return picture
    raise pd.FormatError("this program was not written by pixeldream, or was altered: what it shows is not known")


FORMATS = [
    pd.Format(
        "c64-program", (".prg",), tuple(PROGRAMS), write, read, program=True,
        description="Commodore 64 program that shows the picture; any key returns to BASIC",
    )
]  # fmt: skip
