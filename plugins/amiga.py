"""Amiga: pictures of up to 32 colours that the machine mixes itself, and their IFF ILBM files.

Modes: Amiga Hardware Reference Manual (1991), chapter 3. ILBM: the Amiga ROM Kernel Reference Manual: Devices (1991),
appendix A. The border of the screen shows colour register 0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from pixeldream_plugins import iff

import pixeldream as pd

NIBBLE = 17
"""Steps of a 4-bit colour component on the scale of 8 bits: 15 becomes 255."""

TWELVE_BIT = pd.Gamut("amiga-12-bit", (16, 16, 16), "Amiga Hardware Reference Manual: colour registers 0x0RGB")

LORES_32 = pd.Mode(
    name="amiga-32",
    machine="Amiga",
    size=(320, 256),
    slots=tuple(pd.Slot(f"colour-{number}") for number in range(32)),
    gamut=TWELVE_BIT,
    # PAL lores is 44:44 in Commodore's own figures (Amiga Mail V-11).
    pixel_aspect=(1, 1),
    colours=TWELVE_BIT.count,
    description="PAL low resolution: 32 colours of 4096, anywhere",
)

PAL_LORES = 0x21000
HIRES, HAM, EXTRA_HALFBRITE, LACE = 0x8000, 0x800, 0x80, 0x4

HEADER = struct.Struct(">HHhhBBBBHBBhh")
"""BMHD: width, height, x, y, planes, masking, compression, flags, transparent colour, x and y aspect, page size."""

NO_MASK, MASK_PLANE = 0, 1
UNPACKED, BYTE_RUN_1 = 0, 1
COLOURS_ARE_8_BIT = 0x80


@dataclass(frozen=True)
class Header:
    """What a BMHD chunk says, as far as it matters here."""

    size: tuple[int, int]
    planes: int
    masking: int
    compression: int
    flags: int

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of one plane: whole 16-bit words."""
        return (self.size[0] + 15) // 16 * 2

    @property
    def stored_planes(self) -> int:
        """Planes in the body: a mask is one more."""
        return self.planes + (self.masking == MASK_PLANE)


def write_ilbm(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """IFF ILBM, packed. The border is not stored: the machine shows colour 0 there."""
    (width, height), aspect = picture.mode.size, [44 * part for part in picture.mode.pixel_aspect]
    planes = max(1, (len(picture.mode.slots) - 1).bit_length())
    header = HEADER.pack(width, height, 0, 0, planes, NO_MASK, BYTE_RUN_1, COLOURS_ARE_8_BIT, 0, *aspect, width, height)
    registers = np.array([int(colours[0, 0]) for colours in picture.colours])
    nibbles = np.stack([registers >> 8, registers >> 4 & 15, registers & 15], -1)
    return iff.form(
        b"ILBM",
        iff.chunk(b"BMHD", header),
        iff.chunk(b"CMAP", (nibbles * NIBBLE).astype(np.uint8).tobytes()),
        iff.chunk(b"CAMG", PAL_LORES.to_bytes(4, "big")),
        iff.chunk(b"BODY", b"".join(iff.pack(row) for row in _plane_rows(picture.pixels, planes))),
    )


def read_ilbm(data: bytes) -> pd.Picture:
    """The picture of an ILBM file of 320x256 in 1 to 5 planes, packed or not.

    ``border`` of the result is colour 0; registers that the file does not set are black.
    """
    found: dict[bytes, bytes] = {}
    for name, content in iff.chunks(data, b"ILBM"):
        found.setdefault(name, content)
        if name == b"BODY":
            break
    header = _header(found.get(b"BMHD", b""))
    _check_screen(header, int.from_bytes(found.get(b"CAMG", b"")[:4], "big"))
    for name in (b"CMAP", b"BODY"):
        if name not in found:
            raise pd.FormatError(f"the ILBM file has no {name.decode()} chunk before its end")
    registers = _registers(found[b"CMAP"], header.flags)
    colours = tuple(np.full((1, 1), register) for register in registers)
    return pd.Picture(LORES_32, TWELVE_BIT, _pixels(found[b"BODY"], header), colours, border=registers[0])


def _plane_rows(pixels: np.ndarray, planes: int) -> list[bytes]:
    """Each row's planes, the lowest bit first, as bytes: row 0 plane 0, row 0 plane 1, and so on."""
    bits = np.asarray(pixels)[:, None, :] >> np.arange(planes)[None, :, None] & 1
    packed = np.packbits(bits.astype(np.uint8), axis=-1)
    padded = np.pad(packed, ((0, 0), (0, 0), (0, packed.shape[-1] % 2)))
    return [row.tobytes() for row in padded.reshape(-1, padded.shape[-1])]


def _header(data: bytes) -> Header:
    if len(data) < HEADER.size:
        raise pd.FormatError(f"the BMHD chunk has {len(data)} of {HEADER.size} bytes")
    width, height, _, _, planes, masking, compression, flags, *_ = HEADER.unpack(data[: HEADER.size])
    return Header((width, height), planes, masking, compression, flags)


def _check_screen(header: Header, camg: int) -> None:
    """Raises ``FormatError`` for every picture that is not one of ``amiga-32``, before anything is unpacked."""
    width, height = header.size
    known = f"{LORES_32.size[0]}x{LORES_32.size[1]} in 1 to 5 planes is what is read today"
    if header.size != LORES_32.size or not 1 <= header.planes <= 5:
        raise pd.FormatError(f"an ILBM picture of {width}x{height} in {header.planes} planes; {known}")
    for bit, name in ((HAM, "HAM"), (EXTRA_HALFBRITE, "halfbrite"), (HIRES, "hires"), (LACE, "interlaced")):
        if camg & bit:
            raise pd.FormatError(f"an ILBM picture for a {name} screen; low resolution of {known}")
    if header.compression not in (UNPACKED, BYTE_RUN_1):
        raise pd.FormatError(f"ILBM compression {header.compression} is unknown; 0 and 1 (ByteRun1) are read")


def _registers(cmap: bytes, flags: int) -> list[int]:
    """The 32 colour registers, 0x0RGB each.

    Old writers stored a nibble in the upper half of the byte, newer ones repeat it and say so in BMHD's flags.
    """
    colours = np.frombuffer(cmap[: len(cmap) // 3 * 3], np.uint8).reshape(-1, 3)[: len(LORES_32.slots)].astype(np.int64)
    if not flags & COLOURS_ARE_8_BIT and not (colours & 15).any():
        nibbles = colours >> 4
    else:
        nibbles, rest = np.divmod(colours, NIBBLE)
        if rest.any():
            number = int(np.flatnonzero(rest.any(1))[0])
            colour = "".join(f"{component:02x}" for component in colours[number])
            raise pd.FormatError(f"colour {number} ({colour}) is none of the 4096 that the 12-bit registers can hold")
    registers = nibbles[:, 0] << 8 | nibbles[:, 1] << 4 | nibbles[:, 2]
    return [*registers.tolist(), *[0] * (len(LORES_32.slots) - len(registers))]


def _pixels(body: bytes, header: Header) -> np.ndarray:
    """uint8 ``[height, width]`` from a body whose header was checked; a mask plane is dropped."""
    width, height = header.size
    length = height * header.stored_planes * header.row_bytes
    if header.compression == BYTE_RUN_1:
        body = iff.unpack(body, length)
    elif len(body) < length:
        raise pd.FormatError(f"the BODY chunk has {len(body)} of {length} bytes")
    rows = np.frombuffer(body[:length], np.uint8).reshape(height, header.stored_planes, header.row_bytes)
    bits = np.unpackbits(rows[:, : header.planes], axis=-1)[..., :width]
    return (bits << np.arange(header.planes, dtype=np.uint8)[:, None]).sum(1, dtype=np.uint8)


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return [LORES_32]


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    return [
        pd.Format(
            "ilbm", (".iff", ".lbm", ".ilbm"), (LORES_32.name,), write_ilbm, read_ilbm,
            description="IFF ILBM, the Amiga's picture file",
        )
    ]  # fmt: skip
