"""Commodore 64 pictures as source for programmers: every part at its address, under a symbol of its own.

The parts lie where the programs of ``c64_fli_program`` have them. KickAssembler (http://www.theweb.dk/KickAssembler),
ACME (https://sourceforge.net/projects/acme-crossass), 64tass (https://tass64.sourceforge.net) and ca65
(https://cc65.github.io/doc/ca65.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pixeldream_plugins.c64_fli_program import PROGRAMS

import pixeldream as pd

BYTES_A_LINE = 16


@dataclass(frozen=True)
class Assembler:
    """How one assembler writes an address, a label and data. ``origin`` takes the address, ``label`` the name."""

    name: str
    extension: str
    comment: str
    origin: str
    label: str
    data: str


ASSEMBLERS = (
    Assembler("KickAssembler", ".asm", "//", "* = ${:04x}", "{}:", ".byte "),
    Assembler("ACME", ".acme", ";", "* = ${:04x}", "{}", "!byte "),
    Assembler("64tass", ".tass", ";", "* = ${:04x}", "{}", ".byte "),
    Assembler("ca65", ".ca65", ";", ".org ${:04x}", "{}:", ".byte "),
)


def write(assembler: Assembler, picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """The source, in ASCII."""
    memory = pd.Memory()
    PROGRAMS[picture.mode.name].place(memory, picture)
    lines = [f"{assembler.comment} {picture.mode.name}, for {assembler.name}"]
    for address, data, name in memory.pieces():
        label = name.replace(" ", "_").replace(",", "")
        lines += ["", assembler.origin.format(address), assembler.label.format(label)]
        for start in range(0, len(data), BYTES_A_LINE):
            values = ", ".join(f"${value:02x}" for value in data[start : start + BYTES_A_LINE])
            lines.append(f"    {assembler.data}{values}")
    return ("\n".join(lines) + "\n").encode("ascii")


FORMATS = [
    pd.Format(
        f"c64-source-{assembler.name.lower()}", (assembler.extension,), tuple(PROGRAMS), partial(write, assembler),
        description=f"Commodore 64 data with addresses, source for {assembler.name}",
    )
    for assembler in ASSEMBLERS
]  # fmt: skip
