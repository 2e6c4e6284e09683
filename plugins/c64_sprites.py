"""Sprites of the Commodore 64: sheets of 8 x 8, as the machine can show them, eight in a row.

A sprite is 24 x 21 dots of one colour, or 12 x 21 wide pixels of one colour of its own and two that all sprites share;
what it does not paint shows the background. Commodore 64 Programmer's Reference Guide (1982), chapter 3. SpritePad
files: https://www.subchristsoftware.com/spritepad.htm, and RECOIL, which reads both versions.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pixeldream_plugins.c64_screen import PALETTE, from_lines, to_lines

import pixeldream as pd

ACROSS, DOWN = 8, 8
"""Sprites of a sheet."""

LINES, ROW_BYTES = 21, 3
SHAPE_BYTES = LINES * ROW_BYTES
SPRITE_BYTES = SHAPE_BYTES + 1
"""In memory: the last byte is not shown. Editors keep the colour there."""

MAXIMUM = 256
"""Sprites that a file may hold: what fits the video chip's 16 kilobytes."""

MAXIMUM_RAW = 128
"""The same for raw data, which says nothing of itself: longer files are something else."""

IS_MULTICOLOR = 0x80

HIRES_SPRITES = pd.Mode(
    name="c64-sprites-hires",
    machine="Commodore 64",
    size=(24 * ACROSS, LINES * DOWN),
    # In the order of the bits 0, 1; the background shows through.
    slots=(pd.Slot("background"), pd.Slot("sprite", (24, LINES))),
    palette=PALETTE,
    pixel_aspect=(59, 63),
    description="a sheet of 64 sprites, one colour each",
)

MULTICOLOR_SPRITES = pd.Mode(
    name="c64-sprites-multicolor",
    machine="Commodore 64",
    size=(12 * ACROSS, LINES * DOWN),
    # In the order of the bit pairs 00, 01, 10, 11; the background shows through.
    slots=(pd.Slot("background"), pd.Slot("shared-1"), pd.Slot("sprite", (12, LINES)), pd.Slot("shared-2")),
    palette=PALETTE,
    pixel_aspect=(118, 63),
    description="a sheet of 64 sprites of wide pixels, one colour of its own each and two shared",
)


def is_multicolor(picture: pd.Picture) -> bool:
    """Whether the picture's sprites are of wide pixels."""
    return len(picture.colours) == 4


def shapes(picture: pd.Picture) -> np.ndarray:
    """uint8 ``[sprites, 63]``: the bytes of each sprite, row after row of the sheet."""
    rows = to_lines(picture.pixels, 2 if is_multicolor(picture) else 1)
    split = rows.reshape(-1, LINES, rows.shape[1] // ROW_BYTES, ROW_BYTES)
    return split.transpose(0, 2, 1, 3).reshape(-1, SHAPE_BYTES)


def colours(picture: pd.Picture) -> np.ndarray:
    """uint8 ``[sprites]``: each sprite's own colour."""
    return np.asarray(picture.colours[2 if is_multicolor(picture) else 1]).astype(np.uint8).reshape(-1)


def globals_of(picture: pd.Picture) -> tuple[int, int, int]:
    """Background and the two shared colours; hires sprites share none."""
    if not is_multicolor(picture):
        return int(picture.colours[0][0, 0]), 0, 0
    return int(picture.colours[0][0, 0]), int(picture.colours[1][0, 0]), int(picture.colours[3][0, 0])


def write_spritepad(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """SpritePad, version 1: three colours, then 63 bytes and a colour for each sprite."""
    flag = IS_MULTICOLOR if is_multicolor(picture) else 0
    sprites = np.concatenate([shapes(picture), (colours(picture) | flag)[:, None]], 1)
    return bytes(globals_of(picture)) + sprites.tobytes()


def read_spritepad(data: bytes) -> pd.Picture:
    """The sheet of a SpritePad file of version 1 or 2, all of whose sprites are of one kind; eight in a row."""
    header, sprites = _spritepad(data)
    kinds = sprites[:, SHAPE_BYTES] >= IS_MULTICOLOR
    if kinds.any() and not kinds.all():
        raise pd.FormatError("this sheet mixes hires and multicolor sprites; as no mode of ours: it is shown only")
    return sheet(sprites, tuple(header), bool(kinds[0]))


def decode_spritepad(data: bytes) -> pd.Picture | pd.Shown:
    """As :func:`read_spritepad`, and sheets that mix both kinds of sprites."""
    header, sprites = _spritepad(data)
    wide = sprites[:, SHAPE_BYTES] >= IS_MULTICOLOR
    if wide.all() or not wide.any():
        return read_spritepad(data)
    hires, multicolor = (sheet(sprites, tuple(header), kind).image() for kind in (False, True))
    columns = hires.shape[1] // 24
    use = np.zeros(hires.shape[0] // LINES * columns, bool)
    use[: len(wide)] = wide
    mask = use.reshape(-1, columns).repeat(LINES, 0).repeat(24, 1)[..., None]
    return pd.Shown(np.where(mask, multicolor.repeat(2, 1), hires), (59, 63), (f"{len(wide)} sprites of both kinds",))


def _spritepad(data: bytes) -> tuple[bytes, np.ndarray]:
    """Background and shared colours, and uint8 ``[sprites, 64]``."""
    if data[:4] == b"SPD\x01":
        # count - 1 and the number of animations; the animations themselves follow the sprites
        count, start = (data[4] + 1 if len(data) > 4 else 1), 6
        if len(data) < start + 3 + count * SPRITE_BYTES:
            raise pd.FormatError(f"a SpritePad file of {count} sprites ends after {len(data)} bytes")
    else:
        count, start = len(data) // SPRITE_BYTES, 0
        if len(data) % SPRITE_BYTES != 3 or not 1 <= count <= MAXIMUM or max(data[:3]) > 15:
            raise pd.FormatError(f"{len(data)} bytes are no SpritePad file: three colours and 64 bytes a sprite")
    body = data[start + 3 : start + 3 + count * SPRITE_BYTES]
    return bytes(value & 15 for value in data[start : start + 3]), np.frombuffer(body, np.uint8).reshape(count, -1)


def sheet(sprites: np.ndarray, shared: tuple[int, ...], multicolor: bool) -> pd.Picture:
    """The picture of uint8 ``sprites [n, 64]``, their colour in the last byte. ``shared``: background and two more.

    Eight stand in a row; places behind the last are empty. 64 sprites make a picture of the registered mode.
    """
    mode, bits = (MULTICOLOR_SPRITES, 2) if multicolor else (HIRES_SPRITES, 1)
    across = min(ACROSS, len(sprites))
    down = -(-len(sprites) // across)
    full = np.zeros((down * across, SPRITE_BYTES), np.uint8)
    full[: len(sprites)] = sprites
    rows = full[:, :SHAPE_BYTES].reshape(down, across, LINES, ROW_BYTES).transpose(0, 2, 1, 3).reshape(down * LINES, -1)
    pixels = from_lines(rows, bits)
    own = (full[:, SHAPE_BYTES] & 15).reshape(down, across)
    one = [np.full((1, 1), colour, np.uint8) for colour in shared]
    held = (one[0], one[1], own, one[2]) if multicolor else (one[0], own)
    if (across, down) != (ACROSS, DOWN):
        mode = replace(mode, size=(across * mode.size[0] // ACROSS, down * LINES))
    return pd.Picture(mode, pd.palette(PALETTE), pixels, held)


def read_raw(data: bytes) -> pd.Picture:
    """The sheet of raw sprites, 64 bytes each, with or without a load address: white on black."""
    body = data[2:] if len(data) % SPRITE_BYTES == 2 else data
    count = len(body) // SPRITE_BYTES
    if len(body) % SPRITE_BYTES or not 1 <= count <= MAXIMUM_RAW:
        raise pd.FormatError(f"{len(data)} bytes are no raw sprites: 64 bytes each, at most {MAXIMUM_RAW}")
    sprites = np.frombuffer(body, np.uint8).reshape(count, SPRITE_BYTES).copy()
    sprites[:, SHAPE_BYTES] = 1
    return sheet(sprites, (0, 0, 0), multicolor=False)


FORMATS = [
    pd.Format(
        "spritepad", (".spd",), (HIRES_SPRITES.name, MULTICOLOR_SPRITES.name), write_spritepad, read_spritepad,
        decode=decode_spritepad, description="SpritePad, Commodore 64 sprites",
    ),
    pd.Format(
        "c64-raw-sprites", (".spr",), (HIRES_SPRITES.name,), read=read_raw,
        description="Commodore 64 sprites as they lie in memory",
    ),
]  # fmt: skip
