"""Files of the Commodore 64's FLI editors. Offsets count from the start of the file, load address included.

Layouts: https://codebase64.org/doku.php?id=base:c64_grafix_files_specs_list_v0.03, and RECOIL, against which they were
tried. What a file holds in the three cells that the video chip misses is not kept.
"""

from __future__ import annotations

import numpy as np
from pixeldream_plugins.c64_fli import AFLI, FLI, SCREENS_BYTES, FliScreen, from_fli, to_fli
from pixeldream_plugins.c64_screen import BITMAP_BYTES, CELL_BYTES

import pixeldream as pd

LINES = 200

GRAPH_BYTES = (17474, 17665, 17666)
GRAPH_ADDRESS = b"\x00\x3b"
TABLE, TABLE_BYTES = 2, 256
"""A background for each of the 200 lines, low nibble."""

DESIGNER_BYTES = (17409, 17218)
FLIMATIC_BYTES = 17410
FLIMATIC_BACKGROUND = 17281

AFLI_BYTES = 16385
AFLI_ADDRESS = b"\x00\x40"


def _cut(data: bytes, start: int, length: int) -> bytes:
    return data[start : start + length]


def write_graph(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """FLI Graph, 17474 bytes at $3B00: a table of line backgrounds, colour RAM, eight screens, bitmap."""
    screen = to_fli(picture)
    memory = pd.Memory(GRAPH_BYTES[0])
    memory.place(0, GRAPH_ADDRESS, "load address")
    memory.place(TABLE, bytes([screen.background]) * LINES, "line backgrounds")
    memory.place(258, screen.colours, "colour RAM")
    memory.place(1282, screen.screens, "screens")
    memory.place(9474, screen.bitmap, "bitmap")
    return memory.image()[1].ljust(GRAPH_BYTES[0], b"\0")


def _graph(data: bytes) -> tuple[FliScreen, np.ndarray]:
    """The picture on black, and the backgrounds of its lines, uint8 ``[200]``."""
    if len(data) not in GRAPH_BYTES:
        known = " or ".join(str(length) for length in GRAPH_BYTES)
        raise pd.FormatError(f"{len(data)} bytes are no FLI Graph picture: it has {known}")
    bitmap, screens, colours = (
        _cut(data, 9474, BITMAP_BYTES),
        _cut(data, 1282, SCREENS_BYTES),
        _cut(data, 258, CELL_BYTES),
    )
    return FliScreen(bitmap, screens, colours), np.frombuffer(data, np.uint8, LINES, TABLE) & 15


def read_graph(data: bytes) -> pd.Picture:
    """The picture of an FLI Graph (or Blackmail) file with one background; see :func:`decode_graph` for others."""
    screen, lines = _graph(data)
    if (lines != lines[0]).any():
        raise pd.FormatError("the background changes from line to line, as in no mode of ours: it is shown only")
    return from_fli(FliScreen(screen.bitmap, screen.screens, screen.colours, int(lines[0])))


def decode_graph(data: bytes) -> pd.Picture | pd.Shown:
    """As :func:`read_graph`, and pictures whose background changes from line to line."""
    screen, lines = _graph(data)
    if (lines == lines[0]).all():
        return read_graph(data)
    picture = from_fli(screen)
    indices = np.where(picture.pixels == 0, lines[:, None], picture.indices())
    note = f"{len(set(lines.tolist()))} background colours, which change from line to line"
    return pd.Shown(picture.palette.rgb(indices), FLI.pixel_aspect, (note,))


def read_designer(data: bytes) -> pd.Picture:
    """The picture of an FLI Designer file of 17409 or 17218 bytes; the background is black."""
    if len(data) not in DESIGNER_BYTES:
        raise pd.FormatError(f"{len(data)} bytes are no FLI Designer picture: it has 17409 or 17218")
    return from_fli(_designer(data, 0))


def read_flimatic(data: bytes) -> pd.Picture:
    """The picture of a Flimatic file of 17410 bytes."""
    if len(data) != FLIMATIC_BYTES:
        raise pd.FormatError(f"{len(data)} bytes are no Flimatic picture: it has {FLIMATIC_BYTES}")
    return from_fli(_designer(data, data[FLIMATIC_BACKGROUND]))


def _designer(data: bytes, background: int) -> FliScreen:
    screens, colours = _cut(data, 1026, SCREENS_BYTES), _cut(data, 2, CELL_BYTES)
    return FliScreen(_cut(data, 9218, BITMAP_BYTES), screens, colours, background)


def write_afli(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """AFLI editor, 16385 bytes at $4000: eight screens, bitmap."""
    screen = to_fli(picture)
    return (AFLI_ADDRESS + screen.screens + screen.bitmap).ljust(AFLI_BYTES, b"\0")


def read_afli(data: bytes) -> pd.Picture:
    """The picture of an AFLI editor's file of 16385 bytes."""
    if len(data) != AFLI_BYTES:
        raise pd.FormatError(f"{len(data)} bytes are no AFLI picture: it has {AFLI_BYTES}")
    return from_fli(FliScreen(_cut(data, 8194, BITMAP_BYTES), _cut(data, 2, SCREENS_BYTES)))


FORMATS = [
    pd.Format(
        "fli-graph", (".bml", ".fli", ".flg"), (FLI.name,), write_graph, read_graph, decode=decode_graph,
        description="FLI Graph and Blackmail FLI, Commodore 64",
    ),
    pd.Format("fli-designer", (".fli",), (FLI.name,), read=read_designer, description="FLI Designer, Commodore 64"),
    pd.Format("flimatic", (".flm",), (FLI.name,), read=read_flimatic, description="Flimatic, Commodore 64"),
    pd.Format("afli-editor", (".afl",), (AFLI.name,), write_afli, read_afli, description="AFLI editor, Commodore 64"),
]  # fmt: skip
