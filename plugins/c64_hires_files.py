"""Files of the Commodore 64 that hold hires FLI or two hires frames in turn as no mode of ours does: they are shown.

Offsets count from the start of the file, load address included; what RECOIL shows of them was compared.
"""

from __future__ import annotations

import numpy as np
from pixeldream_plugins import c64_rle
from pixeldream_plugins.c64_fli import AFLI, BUG_CELLS, SCREENS_BYTES, FliScreen, from_fli
from pixeldream_plugins.c64_frames import mean_of
from pixeldream_plugins.c64_screen import BITMAP_BYTES, CELL_BYTES, HIRES, Screen, to_picture

import pixeldream as pd

LINES = 200


def _hires_fli(data: bytes, bitmap: int, screens: int, lines: int = LINES) -> np.ndarray:
    """uint8 ``[lines, 320, 3]`` of the bitmap and the screens at these offsets."""
    shown = data[bitmap : bitmap + BITMAP_BYTES].ljust(BITMAP_BYTES, b"\0")
    return from_fli(FliScreen(shown, data[screens : screens + SCREENS_BYTES])).image()[:lines]


def _refuse(data: bytes) -> pd.Picture:
    raise pd.FormatError("no mode of ours has this picture's size or frames; it is shown, or converted as an image")


# ---------------------------------------------------------------------------------------- one frame

HFC_BYTES, HFC_LINES = 16386, 112


def decode_hfc(data: bytes) -> pd.Shown:
    """Hires FLI Designer: 112 lines of AFLI."""
    if len(data) != HFC_BYTES:
        raise pd.FormatError(f"{len(data)} bytes are no Hires FLI Designer picture: it has {HFC_BYTES}")
    return pd.Shown(_hires_fli(data, 2, 8194, HFC_LINES), AFLI.pixel_aspect, (f"hires FLI of {HFC_LINES} lines",))


HIM_ADDRESS = b"\x00\x40"
HIM_BYTES, HIM_LINES = 16385, 192
HIM_BITMAP, HIM_SCREENS = 322, 8234
HIM_UNPACKED, HIM_LAST = 0xFF, 0x7FF2
"""What stands for a picture that is not packed; the last byte's address in the machine of one that is."""

HIM_HEADER, HIM_START, HIM_END = 18, 322, 16372
"""Where the packed bytes start, and between which offsets of the plain file they are unpacked to."""


def decode_him(data: bytes) -> pd.Shown:
    """Hires Manager, packed or not: 192 lines of AFLI."""
    if data[:2] != HIM_ADDRESS or len(data) < HIM_HEADER:
        raise pd.FormatError("this is no picture of Hires Manager: it loads at $4000")
    if data[3] != HIM_UNPACKED:
        data = bytes(HIM_START) + _him_unpacked(data)
    elif len(data) != HIM_BYTES or data[2 : 2 + BUG_CELLS] == b"\xff" * BUG_CELLS:
        # An AFLI editor's file is as long, and starts with the three cells that the chip misses.
        raise pd.FormatError(f"{len(data)} bytes are no picture of Hires Manager: it has {HIM_BYTES}, or is packed")
    image = _hires_fli(data, HIM_BITMAP, HIM_SCREENS, HIM_LINES)
    return pd.Shown(image, AFLI.pixel_aspect, (f"hires FLI of {HIM_LINES} lines",))


def _him_unpacked(data: bytes) -> bytes:
    """From the last byte of the file to the first, and so from the end of the picture to its start: 0, a count and a
    value, or a count of bytes that follow, which counts itself."""
    last, target = (int.from_bytes(data[at : at + 2], "little") for at in (2, 4))
    if last != 0x4000 + len(data) - 3 or target != HIM_LAST:
        raise pd.FormatError("this is no packed picture of Hires Manager: its addresses are others")
    length, packed, position, result = HIM_END - HIM_START, data[: HIM_HEADER - 1 : -1], 0, bytearray()
    while len(result) < length and position < len(packed):
        count, start = packed[position], position + 1
        if count:
            position += count
            result += packed[start:position]
        else:
            position += 3
            run = packed[start:position]
            if len(run) < 2 or not run[0]:
                raise pd.FormatError("the packed picture ends within a run")
            result += run[1:] * run[0]
    if len(result) < length:
        raise pd.FormatError(f"the packed picture holds {len(result)} of {length} bytes")
    return bytes(result[length - 1 :: -1])


# ---------------------------------------------------------------------------------------- two frames

ECI_BYTES = 32770


def decode_eci(data: bytes) -> pd.Shown:
    """ECI Graphic Editor, packed or not: two frames of AFLI in turn."""
    if len(data) < 6:
        raise pd.FormatError(f"{len(data)} bytes are no ECI picture: it has {ECI_BYTES}, or is packed")
    if len(data) != ECI_BYTES:
        data = data[:2] + c64_rle.unpack(data[3:], data[2], ECI_BYTES - 2)
    mean = mean_of(_hires_fli(data, 2, 8194), _hires_fli(data, 16386, 24578))
    return pd.Shown(mean, AFLI.pixel_aspect, ("two hires FLI frames in turn",))


FENIKS_BYTES = 24578


def decode_feniks(data: bytes) -> pd.Shown:
    """Hires-Interlace by Feniks: two hires frames in turn. The first bitmap goes with the second screen, as RECOIL has
    it and pictures look better."""
    if len(data) != FENIKS_BYTES:
        raise pd.FormatError(f"{len(data)} bytes are no Hires-Interlace picture: it has {FENIKS_BYTES}")
    first, second = (
        to_picture(Screen(data[bitmap : bitmap + BITMAP_BYTES], data[screen : screen + CELL_BYTES])).image()
        for bitmap, screen in ((2, 10242), (16386, 9218))
    )
    return pd.Shown(mean_of(first, second), HIRES.pixel_aspect, ("two hires frames in turn",))


FORMATS = [
    pd.Format(
        "hires-fli-designer", (".hfc", ".hfd"), (AFLI.name,), read=_refuse, decode=decode_hfc,
        description="Hires FLI Designer, Commodore 64",
    ),
    pd.Format(
        "hires-manager", (".him",), (AFLI.name,), read=_refuse, decode=decode_him,
        description="Hires Manager, Commodore 64",
    ),
    pd.Format(
        "eci", (".eci", ".ecp"), (AFLI.name,), read=_refuse, decode=decode_eci,
        description="ECI Graphic Editor, Commodore 64",
    ),
    pd.Format(
        "hires-interlace", (".hlf",), (HIRES.name,), read=_refuse, decode=decode_feniks,
        description="Hires-Interlace by Feniks, Commodore 64",
    ),
]  # fmt: skip
