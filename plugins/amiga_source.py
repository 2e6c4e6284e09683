"""For coders: bit planes as they stand in memory, and the copper list and palette that go with them as source text.

Two files of planes: one plane after the other, or the planes of each row together. The colour registers follow: words
0x0RGB, or longwords 0x00RRGGBB for AGA. The source is in the syntax that vasm, AsmOne and Devpac share.
"""

from __future__ import annotations

import numpy as np
from pixeldream_plugins import amiga_copper as copper
from pixeldream_plugins.amiga_ilbm import base_colours, registers
from pixeldream_plugins.amiga_modes import MODES, Kind, Screen, kind_of, screen_of

import pixeldream as pd

RAW_MODES = tuple(name for name, mode in MODES.items() if not screen_of(mode).lace)
"""Interlaced pictures are left out: two hires rows are as long as one of them, and a reader could not tell."""

NAMES = {
    copper.DIWSTRT: "DIWSTRT", copper.DIWSTOP: "DIWSTOP", copper.DDFSTRT: "DDFSTRT", copper.DDFSTOP: "DDFSTOP",
    copper.BPLCON0: "BPLCON0", copper.BPLCON1: "BPLCON1", copper.BPLCON2: "BPLCON2", copper.BPLCON3: "BPLCON3",
    copper.BPLCON4: "BPLCON4", copper.BPL1MOD: "BPL1MOD", copper.BPL2MOD: "BPL2MOD", copper.FMODE: "FMODE",
    copper.END[0]: "end",
    **{copper.SPR0CTL + 8 * n: f"SPR{n}CTL" for n in range(8)},
    **{copper.BPL1PTH + 4 * n: f"BPL{n + 1}PTH" for n in range(8)},
    **{copper.BPL1PTH + 4 * n + 2: f"BPL{n + 1}PTL" for n in range(8)},
    **{copper.COLOR00 + 2 * n: f"COLOR{n:02}" for n in range(32)},
}  # fmt: skip


def _registers(picture: pd.Picture, kind: Kind) -> tuple[int, list[int]]:
    """How many bytes a register takes, and all of them."""
    wide = base_colours(picture).astype(int)
    if kind.aga:
        return 4, (wide[:, 0] << 16 | wide[:, 1] << 8 | wide[:, 2]).tolist()
    nibbles = wide >> 4
    return 2, (nibbles[:, 0] << 8 | nibbles[:, 1] << 4 | nibbles[:, 2]).tolist()


def _length(kind: Kind, screen: Screen) -> int:
    """Of a file of planes and colours."""
    return kind.planes * screen.size[0] * screen.size[1] // 8 + kind.colours * (4 if kind.aga else 2)


LENGTHS = {_length(kind_of(MODES[name]), screen_of(MODES[name])): name for name in RAW_MODES}


def write_raw(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """Plane after plane, in the order of an ILBM file, then the colour registers."""
    return _raw(picture, interleaved=False)


def write_interleaved(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """Row after row of all planes, then the colour registers. BPLxMOD is (planes - 1) * row bytes."""
    return _raw(picture, interleaved=True)


def _raw(picture: pd.Picture, interleaved: bool) -> bytes:
    kind = kind_of(picture.mode)
    planar = copper.planes(picture, tuple(range(kind.planes)))
    size, values = _registers(picture, kind)
    data = planar.transpose(1, 0, 2) if interleaved else planar
    return data.tobytes() + b"".join(value.to_bytes(size, "big") for value in values)


def read_raw(data: bytes) -> pd.Picture:
    """The picture of a file that :func:`write_raw` wrote, known by its length. Raises ``FormatError``."""
    return _read(data, interleaved=False)


def read_interleaved(data: bytes) -> pd.Picture:
    """The picture of a file that :func:`write_interleaved` wrote. Raises ``FormatError``."""
    return _read(data, interleaved=True)


def _read(data: bytes, interleaved: bool) -> pd.Picture:
    if len(data) not in LENGTHS:
        raise pd.FormatError(f"{len(data)} bytes of bit planes and colours; no mode of the Amiga has as many")
    mode = MODES[LENGTHS[len(data)]]
    kind, (width, height) = kind_of(mode), mode.size
    shape = (height, kind.planes, width // 8) if interleaved else (kind.planes, height, width // 8)
    planar = np.frombuffer(data, np.uint8, kind.planes * height * width // 8).reshape(shape)
    pixels = copper.pixels_of(planar.transpose(1, 0, 2) if interleaved else planar, tuple(range(kind.planes)))
    held = registers(_colours(data[planar.size :], kind), kind.gamut)
    return pd.Picture(mode, kind.gamut, pixels, tuple(np.full((1, 1), each) for each in held), border=held[0])


def _colours(data: bytes, kind: Kind) -> np.ndarray:
    if kind.aga:
        return np.frombuffer(data, np.uint8).reshape(-1, 4)[:, 1:]
    words = np.frombuffer(data, ">u2").astype(int)
    return (np.stack([words >> 8 & 15, words >> 4 & 15, words & 15], -1) * 17).astype(np.uint8)


def write_source(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """The copper list, the palette and the picture's measures, for planes that stand in a row behind each other."""
    kind, (width, height) = kind_of(picture.mode), picture.mode.size
    size, values = _registers(picture, kind)
    lines = [
        f"; {picture.mode.name}: {width}x{height}, {kind.planes} planes; their addresses go into BPLxPTH and BPLxPTL",
        f"picture_width\tequ\t{width}",
        f"picture_height\tequ\t{height}",
        f"picture_planes\tequ\t{kind.planes}",
        f"picture_row_bytes\tequ\t{width // 8}",
        f"picture_plane_bytes\tequ\t{width // 8 * height}",
        "; planes row by row: BPL1MOD and BPL2MOD",
        f"picture_modulo\tequ\t{(copper.fields(picture.mode) * kind.planes - 1) * (width // 8)}",
        *["; interlaced: twice the same list, for the odd rows with addresses a row further"]
        * screen_of(picture.mode).lace,
        "",
        "picture_copper",
        *(
            f"\tdc.w\t${register:04X},${value:04X}\t; {NAMES[register]}"
            for register, value in copper.copper_list(picture)
        ),
        "",
        "picture_palette" + ("\t; 00RRGGBB" if size == 4 else "\t; 0RGB"),
        *(f"\tdc.{'l' if size == 4 else 'w'}\t${value:0{2 * size}X}" for value in values),
        "",
    ]
    return "\n".join(lines).encode("ascii")


def formats() -> list[pd.Format]:
    """Those of this module."""
    return [
        pd.Format(
            "amiga-planes", (".raw",), RAW_MODES, write_raw, read_raw,
            description="Amiga bit planes one after the other, then the colour registers",
        ),
        pd.Format(
            "amiga-interleaved-planes", (".rawblit",), RAW_MODES, write_interleaved, read_interleaved,
            description="Amiga bit planes row by row, then the colour registers",
        ),
        pd.Format(
            "amiga-source", (".s", ".i"), tuple(MODES), write_source,
            description="Amiga copper list and palette as assembler source",
        ),
    ]  # fmt: skip
