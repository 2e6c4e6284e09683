"""Amstrad CPC: its three screen modes, OCP Art Studio's files, and screens and snapshots that show themselves.

The firmware's manual, "Soft 968: CPC 464/664/6128 Firmware", describes modes, inks and calls; the gate array takes
other numbers for the same 27 colours. A screen is 16 KB at $C000: eight blocks of 2048 bytes, block n with line n of
each of the 25 character rows and 48 bytes that nothing shows.
"""

from __future__ import annotations

import numpy as np
from pixeldream_plugins import cpc_program as program
from pixeldream_plugins.cpc_program import Screen

import pixeldream as pd

GAMUT = pd.Gamut("cpc", (3, 3, 3), "Amstrad CPC firmware manual: each component off, half or full", (0, 128, 255))
"""An index is (red * 3 + green) * 3 + blue."""

FIRMWARE = tuple(9 * (index // 3 % 3) + 3 * (index // 9) + index % 3 for index in range(GAMUT.count))
"""The firmware's number of each colour of the gamut: green before red, so that the table is its own inverse."""

BITS = ((7, 3, 5, 1), (7, 3), (7,))
"""By mode: where the bits of the leftmost pixel of a byte stand, the lowest first; the next pixel's stand one lower."""

DESCRIPTIONS = (
    "wide pixels; 16 of 27 colours, anywhere",
    "4 of 27 colours, anywhere",
    "narrow pixels; 2 of 27 colours, anywhere",
)

MODES = tuple(
    pd.Mode(
        name=f"cpc-mode{number}",
        machine="Amstrad CPC",
        size=(160 << number, 200),
        slots=tuple(pd.Slot(f"ink-{ink}") for ink in range(1 << len(BITS[number]))),
        gamut=GAMUT,
        pixel_aspect=((2, 1), (1, 1), (1, 2))[number],
        colours=GAMUT.count,
        description=DESCRIPTIONS[number],
    )
    for number in range(3)
)
NAMES = tuple(mode.name for mode in MODES)

ROW_BYTES, LINES, ROWS = 80, 8, 25
BLOCK = 2048
PALETTE_BYTES = 239
FRAMES = 12
"""Colours that OCP Art Studio keeps for each ink, to show in turn."""


def to_screen(picture: pd.Picture) -> Screen:
    """A picture as the machine holds it; inks that the mode lacks are black."""
    mode = NAMES.index(picture.mode.name)
    bits = BITS[mode]
    pixels = picture.pixels.reshape(ROWS * LINES, ROW_BYTES, -1)
    data = np.zeros((ROWS * LINES, ROW_BYTES), np.uint8)
    for place in range(pixels.shape[-1]):
        for bit, where in enumerate(bits):
            data |= (pixels[..., place] >> bit & 1) << (where - place)
    memory = np.zeros((LINES, BLOCK), np.uint8)
    memory[:, : ROWS * ROW_BYTES] = data.reshape(ROWS, LINES, ROW_BYTES).transpose(1, 0, 2).reshape(LINES, -1)
    inks = [FIRMWARE[int(colours[0, 0])] for colours in picture.colours]
    return Screen(memory.tobytes(), mode, (*inks, *[0] * (16 - len(inks))), FIRMWARE[picture.border])


def to_picture(screen: Screen) -> pd.Picture:
    """The picture that the machine shows."""
    mode, bits = MODES[screen.mode], BITS[screen.mode]
    memory = np.frombuffer(screen.memory.ljust(LINES * BLOCK, b"\0"), np.uint8).reshape(LINES, BLOCK)
    data = memory[:, : ROWS * ROW_BYTES].reshape(LINES, ROWS, ROW_BYTES).transpose(1, 0, 2).reshape(-1, ROW_BYTES)
    places = 8 // len(bits)
    pixels = np.zeros((*data.shape, places), np.uint8)
    for place in range(places):
        for bit, where in enumerate(bits):
            pixels[..., place] |= (data >> (where - place) & 1) << bit
    colours = tuple(np.full((1, 1), FIRMWARE[ink]) for ink in screen.inks[: len(mode.slots)])
    return pd.Picture(mode, GAMUT, pixels.reshape(len(data), -1), colours, FIRMWARE[screen.border])


def write_screen(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """The screen's 16 KB behind an AMSDOS header, with a program in the bytes that nothing shows: ``RUN"NAME.SCR``."""
    memory = program.with_viewer(to_screen(picture))
    return program.amsdos(memory, b"PICTURE SCR", program.SCREEN, program.VIEWER) + memory


def read_screen(data: bytes) -> pd.Picture:
    """The picture of a screen that has its mode and its inks in it. Raises ``FormatError``."""
    return to_picture(program.from_viewer(_memory(data)))


def read_both(data: bytes, palette: bytes) -> pd.Picture:
    """The picture of a screen and the palette beside it. Raises ``FormatError``."""
    return to_picture(Screen(_memory(data), *_parse_palette(palette)))


def _memory(data: bytes) -> bytes:
    memory = program.without_amsdos(data)
    if len(memory) not in (LINES * BLOCK, LINES * BLOCK - 48):
        raise pd.FormatError(f"{len(memory)} bytes of a CPC screen, which has 16384 or 16336")
    return memory


def write_palette(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """OCP Art Studio's palette: mode, and the gate array's numbers of all inks and the border, none of them moving."""
    screen = to_screen(picture)
    codes = b"".join(bytes([program.HARDWARE[ink]]) * FRAMES for ink in (*screen.inks, screen.border))
    return bytes([screen.mode, 0, 0]) + codes.ljust(PALETTE_BYTES - 3, b"\0")


def _parse_palette(data: bytes) -> tuple[int, tuple[int, ...], int]:
    """Mode, inks and border, in the firmware's numbers."""
    plain = program.without_amsdos(data)
    if len(plain) != PALETTE_BYTES or plain[0] > 2:
        raise pd.FormatError(
            f"the palette beside it is none of OCP Art Studio: {len(plain)} bytes, not {PALETTE_BYTES}"
        )
    *inks, border = (program.firmware(code) for code in plain[3 : 3 + 17 * FRAMES : FRAMES])
    return plain[0], tuple(inks), border


def write_snapshot(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A snapshot of a CPC 6128 that shows the picture, for emulators."""
    return program.snapshot(to_screen(picture))


def read_snapshot(data: bytes) -> pd.Picture:
    """What the machine of a snapshot shows. Raises ``FormatError``."""
    return to_picture(program.from_snapshot(data))


PALETTE = pd.Format(
    "ocp-palette", (".pal",), NAMES, write_palette, description="OCP Art Studio's palette, beside a screen"
)


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return list(MODES)


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    return [
        pd.Format(
            "cpc-screen", (".scr",), NAMES, write_screen, read_screen, companion=PALETTE, read_beside=read_both,
            description="Amstrad CPC screen with a program that shows it; its palette lies beside it",
        ),
        PALETTE,
        pd.Format(
            "cpc-snapshot", (".sna",), NAMES, write_snapshot, read_snapshot, program=True,
            description="snapshot of an Amstrad CPC that shows the picture",
        ),
    ]  # fmt: skip
