"""Files of the Commodore 64's interlacing editors: addresses as the editors had them in memory.

Layouts: https://codebase64.org/doku.php?id=base:c64_grafix_files_specs_list_v0.03, and RECOIL, against which they were
tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pixeldream_plugins import c64_rle
from pixeldream_plugins.c64_fli import FLI, SCREENS_BYTES, pack_screens, unpack_screens
from pixeldream_plugins.c64_frames import mean_of
from pixeldream_plugins.c64_interlace import DRAZLACE, IFLI, MCI
from pixeldream_plugins.c64_screen import BITMAP_BYTES, CELL_BYTES, COLUMNS, MULTICOLOR, PALETTE, ROWS
from pixeldream_plugins.c64_screen import pack as pack_bitmap
from pixeldream_plugins.c64_screen import unpack as unpack_bitmap

import pixeldream as pd


@dataclass(frozen=True)
class Frames:
    """An interlaced picture as bytes: two bitmaps, one screen (or eight, for IFLI) a frame or for both, colour RAM."""

    bitmaps: tuple[bytes, bytes]
    screens: tuple[bytes, ...]
    colours: bytes
    background: int = 0
    border: int = 0


def to_frames(picture: pd.Picture) -> Frames:
    """The bytes that show a picture of an interlaced mode."""
    background, *pairs, own = (np.asarray(colours).astype(np.uint8) for colours in picture.colours)
    bitmaps = pack_bitmap(picture.pixels[0], bits=2), pack_bitmap(picture.pixels[1], bits=2)
    screens = tuple(_pack(high, low) for high, low in zip(pairs[::2], pairs[1::2], strict=True))
    return Frames(bitmaps, screens, own.tobytes(), int(background[0, 0]), picture.border)


def _pack(high: np.ndarray, low: np.ndarray) -> bytes:
    return pack_screens(high, low) if len(high) > ROWS else (high << 4 | low).tobytes()


def _unpack(screen: bytes) -> tuple[np.ndarray, np.ndarray]:
    if len(screen) > CELL_BYTES:
        return unpack_screens(screen)
    cells = np.frombuffer(screen, np.uint8).reshape(ROWS, COLUMNS)
    return cells >> 4, cells & 15


def from_frames(frames: Frames, mode: pd.Mode) -> pd.Picture:
    """The picture of an interlaced ``mode`` that the bytes show."""
    pixels = np.stack([unpack_bitmap(bitmap, bits=2) for bitmap in frames.bitmaps])
    pixels[..., : mode.blocked_pixels] = 0
    own = np.frombuffer(frames.colours, np.uint8).reshape(ROWS, COLUMNS) & 15
    pairs = [half for screen in frames.screens for half in _unpack(screen)]
    background = np.full((1, 1), frames.background & 15, np.uint8)
    return pd.Picture(mode, pd.palette(PALETTE), pixels, (background, *pairs, own), frames.border & 15)


class _File:
    """A file that is a piece of memory: bytes by address."""

    def __init__(self, data: bytes, start: int) -> None:
        self.data, self.start = data, start

    def at(self, address: int, length: int) -> bytes:
        offset = 2 + address - self.start
        return self.data[offset : offset + length]


def _file(start: int, end: int, *parts: tuple[int, bytes, str]) -> bytes:
    """A file of the addresses ``start`` to ``end`` (excluded), with its load address."""
    memory = pd.Memory()
    for address, data, name in parts:
        memory.place(address, data, name)
    first, body = memory.image()
    return start.to_bytes(2, "little") + (bytes(first - start) + body).ljust(end - start, b"\0")


# -------------------------------------------------------------------------------------- True Paint

MCI_START, MCI_END = 0x9C00, 0xE7E8


def write_true_paint(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """True Paint, 19434 bytes at $9C00."""
    frames = to_frames(picture)
    return _file(
        MCI_START, MCI_END,
        (0x9C00, frames.screens[0], "screen 1"), (0x9FE8, bytes([frames.background]), "background"),
        (0xA000, frames.bitmaps[0], "bitmap 1"), (0xC000, frames.bitmaps[1], "bitmap 2"),
        (0xE000, frames.screens[1], "screen 2"), (0xE400, frames.colours, "colour RAM"),
    )  # fmt: skip


def read_true_paint(data: bytes) -> pd.Picture:
    """The picture of a True Paint file of 19434 bytes."""
    if len(data) != 2 + MCI_END - MCI_START:
        raise pd.FormatError(f"{len(data)} bytes are no True Paint picture: it has {2 + MCI_END - MCI_START}")
    file = _File(data, MCI_START)
    bitmaps = file.at(0xA000, BITMAP_BYTES), file.at(0xC000, BITMAP_BYTES)
    screens = file.at(0x9C00, CELL_BYTES), file.at(0xE000, CELL_BYTES)
    return from_frames(Frames(bitmaps, screens, file.at(0xE400, CELL_BYTES), file.at(0x9FE8, 1)[0]), MCI)


# ---------------------------------------------------------------------------------------- Drazlace

DRAZLACE_START, DRAZLACE_END = 0x5800, 0x9F40
DRAZLACE_SIGNATURE = b"DRAZLACE! 1.0"
SHIFTED = 1


def write_drazlace(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """Drazlace, 18242 bytes at $5800, not packed."""
    frames = to_frames(picture)
    return _file(
        DRAZLACE_START, DRAZLACE_END,
        (0x5800, frames.colours, "colour RAM"), (0x5C00, frames.screens[0], "screen"),
        (0x6000, frames.bitmaps[0], "bitmap 1"),
        (0x7F40, bytes([frames.border << 4 | frames.background, 0, SHIFTED]), "background, shift"),
        (0x8000, frames.bitmaps[1], "bitmap 2"),
    )  # fmt: skip


def _drazlace(data: bytes) -> tuple[pd.Picture, bool]:
    """The picture as if the second frame were shifted, and whether it is."""
    length = 2 + DRAZLACE_END - DRAZLACE_START
    if data[2:15] == DRAZLACE_SIGNATURE and len(data) > 16:
        data = data[:2] + c64_rle.unpack(data[16:], data[15], length - 2)
    if len(data) != length:
        raise pd.FormatError(f"{len(data)} bytes are no Drazlace picture: it has {length}, or is packed and says so")
    file = _File(data, DRAZLACE_START)
    background, _, shift = file.at(0x7F40, 3)
    if shift > SHIFTED:
        raise pd.FormatError(f"the second frame of a Drazlace picture is shifted by 0 or 1, not {shift}")
    bitmaps = file.at(0x6000, BITMAP_BYTES), file.at(0x8000, BITMAP_BYTES)
    screen, colours = file.at(0x5C00, CELL_BYTES), file.at(0x5800, CELL_BYTES)
    frames = Frames(bitmaps, (screen,), colours, background & 15, background >> 4)
    return from_frames(frames, DRAZLACE), shift == SHIFTED


def read_drazlace(data: bytes) -> pd.Picture:
    """The picture of a Drazlace file, packed or not, whose second frame is shifted."""
    picture, shifted = _drazlace(data)
    if not shifted:
        raise pd.FormatError(
            "the frames of this Drazlace picture lie on each other, as in no mode of ours: it is shown only"
        )
    return picture


def decode_drazlace(data: bytes) -> pd.Picture | pd.Shown:
    """As :func:`read_drazlace`, and pictures whose frames lie on each other."""
    picture, shifted = _drazlace(data)
    if shifted:
        return picture
    frames = [pd.Picture(MULTICOLOR, picture.palette, pixels, picture.colours).image() for pixels in picture.pixels]
    return pd.Shown(mean_of(*frames), MULTICOLOR.pixel_aspect, ("two multicolor frames in turn, not shifted",))


# -------------------------------------------------------------------------------- Gunpaint, FunPaint

GUNPAINT_START, GUNPAINT_END = 0x4000, 0xC341
GUNPAINT_SIGNATURE = b"GUNPAINT (JZ)   "
FUNPAINT_START, FUNPAINT_END = 0x3FF0, 0xC38C
FUNPAINT_SIGNATURE = b"FUNPAINT (MT) "
FUNPAINT_HEADER = 18


def write_gunpaint(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """Gunpaint, 33603 bytes at $4000; the backgrounds of its lines are black."""
    frames = to_frames(picture)
    # The signature lies behind the first screen, where nothing is shown.
    first = bytearray(frames.screens[0])
    first[CELL_BYTES : CELL_BYTES + len(GUNPAINT_SIGNATURE)] = GUNPAINT_SIGNATURE
    return _file(
        GUNPAINT_START, GUNPAINT_END,
        (0x4000, bytes(first), "screens 1"), (0x6000, frames.bitmaps[0], "bitmap 1"),
        (0x8000, frames.colours, "colour RAM"), (0x8400, frames.screens[1], "screens 2"),
        (0xA400, frames.bitmaps[1], "bitmap 2"),
    )  # fmt: skip


def _gunpaint(data: bytes) -> tuple[pd.Picture, np.ndarray]:
    """The picture on black, and the backgrounds of its lines, uint8 ``[200]``."""
    length = 2 + GUNPAINT_END - GUNPAINT_START
    if len(data) not in (length, length - 1):
        raise pd.FormatError(f"{len(data)} bytes are no Gunpaint picture: it has {length} or {length - 1}")
    file = _File(data, GUNPAINT_START)
    bitmaps = file.at(0x6000, BITMAP_BYTES), file.at(0xA400, BITMAP_BYTES)
    screens = file.at(0x4000, SCREENS_BYTES), file.at(0x8400, SCREENS_BYTES)
    table = file.at(0x7F4F, 177) + file.at(0x87E8, 20)
    lines = np.frombuffer(table + table[-1:] * 3, np.uint8) & 15
    return from_frames(Frames(bitmaps, screens, file.at(0x8000, CELL_BYTES)), IFLI), lines


def read_gunpaint(data: bytes) -> pd.Picture:
    """The picture of a Gunpaint file of 33603 or 33602 bytes on black; see :func:`decode_gunpaint` for others."""
    picture, lines = _gunpaint(data)
    if lines.any():
        raise pd.FormatError("this Gunpaint picture's background is not black, as in no mode of ours: it is shown only")
    return picture


def decode_gunpaint(data: bytes) -> pd.Picture | pd.Shown:
    """As :func:`read_gunpaint`, and pictures with other backgrounds, which change from line to line."""
    picture, lines = _gunpaint(data)
    if not lines.any():
        return picture
    frames = []
    for pixels, pair in zip(picture.pixels, (picture.colours[1:3], picture.colours[3:5]), strict=True):
        # A frame as a FLI picture: its slots have the same grids.
        high, low = pair
        single = pd.Picture(FLI, picture.palette, pixels, (picture.colours[0], high, low, picture.colours[5]))
        indices = np.where(pixels == 0, lines[:, None], single.indices())
        frames.append(picture.palette.rgb(indices.repeat(2, 1)))
    frames[1] = np.concatenate([picture.palette.rgb(lines)[:, None], frames[1][:, :-1]], 1)
    return pd.Shown(mean_of(*frames), IFLI.pixel_aspect, ("two FLI frames in turn; a background for each line",))


def write_funpaint(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """FunPaint 2, 33694 bytes at $3FF0, not packed; the backgrounds of its lines are black."""
    frames = to_frames(picture)
    return _file(
        FUNPAINT_START, FUNPAINT_END,
        (0x3FF0, FUNPAINT_SIGNATURE, "signature"), (0x4000, frames.screens[0][:-24], "screens 1"),
        (0x6000, frames.bitmaps[0], "bitmap 1"), (0x8000, frames.colours, "colour RAM"),
        (0x83E8, frames.screens[1][:-24], "screens 2"), (0xA3E8, frames.bitmaps[1], "bitmap 2"),
    )  # fmt: skip


def read_funpaint(data: bytes) -> pd.Picture:
    """The picture of a FunPaint 2 file, packed or not. Its tables of line backgrounds are not read: the decoders that
    are in use show black."""
    length = 2 + FUNPAINT_END - FUNPAINT_START
    if data[2:16] != FUNPAINT_SIGNATURE or len(data) < FUNPAINT_HEADER:
        raise pd.FormatError("this is no FunPaint picture: its signature is missing")
    if data[16]:
        data = data[:FUNPAINT_HEADER] + c64_rle.unpack(data[FUNPAINT_HEADER:], data[17], length - FUNPAINT_HEADER)
    if len(data) != length:
        raise pd.FormatError(f"{len(data)} bytes are no FunPaint picture: it has {length}, or is packed and says so")
    file = _File(data, FUNPAINT_START)
    bitmaps = file.at(0x6000, BITMAP_BYTES), file.at(0xA3E8, BITMAP_BYTES)
    screens = file.at(0x4000, SCREENS_BYTES - 24), file.at(0x83E8, SCREENS_BYTES - 24)
    return from_frames(Frames(bitmaps, screens, file.at(0x8000, CELL_BYTES)), IFLI)


FORMATS = [
    pd.Format(
        "true-paint", (".mci",), (MCI.name,), write_true_paint, read_true_paint, description="True Paint, Commodore 64"
    ),
    pd.Format(
        "drazlace", (".drl",), (DRAZLACE.name,), write_drazlace, read_drazlace, decode=decode_drazlace,
        description="Drazlace, Commodore 64",
    ),
    pd.Format(
        "gunpaint", (".gun", ".ifl"), (IFLI.name,), write_gunpaint, read_gunpaint, decode=decode_gunpaint,
        description="Gunpaint, Commodore 64",
    ),
    pd.Format(
        "funpaint", (".fun", ".fp2"), (IFLI.name,), write_funpaint, read_funpaint,
        description="FunPaint 2, Commodore 64",
    ),
]  # fmt: skip
