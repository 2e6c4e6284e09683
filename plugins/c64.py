"""Commodore 64: the bitmap modes, and the files of the editors that artists drew them with.

File layouts: https://codebase64.org/doku.php?id=base:c64_grafix_files_specs_list_v0.03, and files from the editors
themselves. A file starts with its load address, low byte first.
"""

from __future__ import annotations

from pixeldream_plugins import c64_program
from pixeldream_plugins.c64_screen import BITMAP_BYTES, CELL_BYTES, HIRES, MULTICOLOR, Screen, to_picture, to_screen

import pixeldream as pd

KOALA_ADDRESS = b"\x00\x60"
KOALA_BYTES = 2 + BITMAP_BYTES + 2 * CELL_BYTES + 1

ART_STUDIO_ADDRESS = b"\x00\x20"
ART_STUDIO_SPARE = 6
ART_STUDIO_BYTES = 2 + BITMAP_BYTES + CELL_BYTES + 1 + ART_STUDIO_SPARE


def write_koala(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """Koala Painter, 10003 bytes at $6000: bitmap, screen, colour RAM, background. It does not hold the border."""
    screen = to_screen(picture)
    return KOALA_ADDRESS + screen.bitmap + screen.screen + screen.colours + bytes([screen.background])


def read_koala(data: bytes) -> pd.Picture:
    """The picture of a Koala Painter file of 10003 bytes, or 10001 where the load address was cut off."""
    body = _body(data, "Koala picture", (KOALA_BYTES, KOALA_BYTES - 2), without_address=KOALA_BYTES - 2)
    bitmap, screen, colours, rest = _cut(body, BITMAP_BYTES, CELL_BYTES, CELL_BYTES)
    return to_picture(Screen(bitmap, screen, colours, background=rest[0]))


def write_art_studio(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """OCP Art Studio, 9009 bytes at $2000: bitmap, screen, border, six bytes that mean nothing."""
    screen = to_screen(picture)
    return ART_STUDIO_ADDRESS + screen.bitmap + screen.screen + bytes([screen.border]) + bytes(ART_STUDIO_SPARE)


def read_art_studio(data: bytes) -> pd.Picture:
    """The picture of an OCP Art Studio file of 9009 bytes; also 9003 (no spare bytes) and 9002 (no border either)."""
    short = ART_STUDIO_BYTES - ART_STUDIO_SPARE
    body = _body(data, "Art Studio picture", (ART_STUDIO_BYTES, short, short - 1))
    bitmap, screen, rest = _cut(body, BITMAP_BYTES, CELL_BYTES)
    return to_picture(Screen(bitmap, screen, border=rest[0] if rest else 0))


def _body(data: bytes, what: str, lengths: tuple[int, ...], without_address: int | None = None) -> bytes:
    """The bytes after the load address. Raises ``FormatError`` unless the length is one of ``lengths``.

    The address itself is not looked at: editors and copiers changed it, and the picture is the same.
    """
    if len(data) not in lengths:
        known = " or ".join(str(length) for length in lengths)
        raise pd.FormatError(f"{len(data)} bytes are no {what}: it has {known}")
    return data if len(data) == without_address else data[2:]


def _cut(data: bytes, *lengths: int) -> list[bytes]:
    """Consecutive pieces of those lengths, and the rest."""
    pieces = []
    for length in lengths:
        pieces.append(data[:length])
        data = data[length:]
    return [*pieces, data]


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return [MULTICOLOR, HIRES]


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    return [
        pd.Format(
            "koala", (".kla", ".koa"), (MULTICOLOR.name,), write_koala, read_koala,
            description="Koala Painter, Commodore 64",
        ),
        pd.Format(
            "art-studio", (".art", ".aas"), (HIRES.name,), write_art_studio, read_art_studio,
            description="OCP Art Studio, Commodore 64",
        ),
        pd.Format(
            "c64-program", (".prg",), (MULTICOLOR.name, HIRES.name), c64_program.write, c64_program.read, program=True,
            description="Commodore 64 program that shows the picture; any key returns to BASIC",
        ),
    ]  # fmt: skip
