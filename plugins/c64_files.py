"""Files of the Commodore 64's hires and multicolor editors.

Layouts: https://codebase64.org/doku.php?id=base:c64_grafix_files_specs_list_v0.03, files from the editors themselves,
and RECOIL, against which they were tried. A file starts with its load address, low byte first. Offsets count from the
start of the file, load address included.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pixeldream_plugins import c64_rle
from pixeldream_plugins.c64_screen import BITMAP_BYTES, CELL_BYTES, HIRES, MULTICOLOR, Screen, to_picture, to_screen

import pixeldream as pd


@dataclass(frozen=True)
class Layout:
    """Where an editor's file holds what. ``lengths``: those that are read, the usual one first. ``address``: where it
    loads. ``others``: load addresses of another editor's files of the same length, which are refused. ``colours``,
    ``background`` and ``border`` are ``None`` where the file has none."""

    name: str
    extensions: tuple[str, ...]
    description: str
    lengths: tuple[int, ...]
    address: int
    bitmap: int
    screen: int
    colours: int | None = None
    background: int | None = None
    border: int | None = None
    others: tuple[int, ...] = ()
    written: bool = True

    @property
    def mode(self) -> pd.Mode:
        return HIRES if self.colours is None else MULTICOLOR

    def form(self) -> pd.Format:
        """The layout as a format."""
        write = partial(write_layout, self) if self.written else None
        return pd.Format(
            self.name, self.extensions, (self.mode.name,), write, partial(read_layout, self),
            description=f"{self.description}, Commodore 64",
        )  # fmt: skip


def write_layout(layout: Layout, picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """The file of that layout; what the picture does not say is 0."""
    screen = to_screen(picture)
    memory = pd.Memory(layout.lengths[0])
    memory.place(0, layout.address.to_bytes(2, "little"), "load address")
    memory.place(layout.bitmap, screen.bitmap, "bitmap")
    memory.place(layout.screen, screen.screen, "screen")
    if layout.colours is not None:
        memory.place(layout.colours, screen.colours, "colour RAM")
    for offset, value in ((layout.background, screen.background), (layout.border, screen.border)):
        if offset is not None:
            memory.place(offset, bytes([value]), "background and border")
    return memory.image()[1].ljust(layout.lengths[0], b"\0")


def read_layout(layout: Layout, data: bytes) -> pd.Picture:
    """The picture of a file of that layout. The load address is not looked at, as editors and copiers changed it, but
    for that of another editor's files of the same length."""
    if len(data) not in layout.lengths:
        known = " or ".join(str(length) for length in layout.lengths)
        raise pd.FormatError(f"{len(data)} bytes are no picture of {layout.description}: it has {known}")
    address = int.from_bytes(data[:2], "little")
    if address in layout.others:
        raise pd.FormatError(f"a file that loads at ${address:04X} is another editor's, not {layout.description}'s")

    def one(offset: int | None) -> int:
        # Some files leave out what the picture does not need.
        return data[offset] if offset is not None and offset < len(data) else 0

    bitmap = data[layout.bitmap : layout.bitmap + BITMAP_BYTES]
    screen = data[layout.screen : layout.screen + CELL_BYTES]
    colours = b"" if layout.colours is None else data[layout.colours : layout.colours + CELL_BYTES]
    return to_picture(Screen(bitmap, screen, colours, one(layout.background), one(layout.border)))


KOALA = Layout(
    "koala", (".kla", ".koa"), "Koala Painter", (10003,), 0x6000, bitmap=2, screen=8002, colours=9002,
    background=10002, others=(0x4000,),
)  # fmt: skip
ART_STUDIO = Layout(
    "art-studio", (".art", ".aas"), "OCP Art Studio", (9009, 9003, 9002), 0x2000, bitmap=2, screen=8002, border=9002,
    others=(0x4000,),
)  # fmt: skip
LAYOUTS = (
    ART_STUDIO,
    Layout(
        "advanced-art-studio", (".ocp", ".mpic"), "Advanced Art Studio", (10018,), 0x2000, bitmap=2, screen=8002,
        colours=9018, background=9003, border=9002,
    ),
    Layout(
        "doodle", (".dd",), "Doodle!", (9218, 9217, 9346, 9026), 0x5C00, bitmap=1026, screen=2, others=(0x2000,),
    ),
    Layout("hi-eddi", (".hed",), "Hi-Eddi", (9218,), 0x2000, bitmap=2, screen=8194, others=(0x5C00, 0x1C00)),
    Layout("interpaint", (".iph",), "Interpaint", (9002,), 0x4000, bitmap=2, screen=8002, others=(0x2000,)),
    Layout(
        "interpaint-multicolor", (".ipt",), "Interpaint", (10003,), 0x4000, bitmap=2, screen=8002, colours=9002,
        background=10002, others=(0x6000,),
    ),
    # Read only: nobody needs another of these, but pictures exist.
    Layout(
        "run-paint", (".rpm",), "Run Paint", (10006,), 0x6000, bitmap=2, screen=8002, colours=9002,
        background=10002, written=False,
    ),
    Layout(
        "artist-64", (".a64",), "Artist 64", (10242,), 0x4000, bitmap=2, screen=8194, colours=9218, background=10241,
        written=False,
    ),
    Layout(
        "blazing-paddles", (".pi",), "Blazing Paddles", (10242,), 0xA000, bitmap=2, screen=8194, colours=9218,
        background=8066, written=False,
    ),
    Layout(
        "vidcom-64", (".vid",), "Vidcom 64", (10050,), 0x5800, bitmap=2050, screen=1026, colours=2, background=2026,
        written=False,
    ),
    Layout(
        "saracen-paint", (".sar",), "Saracen Paint", (10219,), 0x7800, bitmap=1026, screen=2, colours=9218,
        background=1010, written=False,
    ),
    Layout(
        "rainbow-painter", (".rp",), "Rainbow Painter", (10242,), 0x5C00, bitmap=1026, screen=2, colours=9218,
        written=False,
    ),
    Layout(
        "cdu-paint", (".cdu",), "CDU Paint", (10277,), 0x7EEF, bitmap=275, screen=8275, colours=9275,
        background=10275, written=False,
    ),
)  # fmt: skip

# ------------------------------------------------------------------------------- variants and packed files

ESCAPE = 0xFE
KOALA_BODY = KOALA.lengths[0] - 2
DOODLE_BODY = 9024


def read_koala(data: bytes) -> pd.Picture:
    """The picture of a Koala Painter file of 10003 bytes, or 10001 where the load address was cut off."""
    if len(data) == KOALA_BODY:
        data = KOALA.address.to_bytes(2, "little") + data
    return read_layout(KOALA, data)


def write_packed_koala(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """Koala Painter, packed: the load address, then runs of the rest."""
    data = write_layout(KOALA, picture, options)
    return data[:2] + c64_rle.pack(data[2:], ESCAPE, value_first=True)


def read_packed_koala(data: bytes) -> pd.Picture:
    """The picture of a packed Koala Painter file."""
    return read_layout(KOALA, _address(data) + c64_rle.unpack(data[2:], ESCAPE, KOALA_BODY, value_first=True))


def read_packed_doodle(data: bytes) -> pd.Picture:
    """The picture of a packed Doodle! file."""
    layout = next(layout for layout in LAYOUTS if layout.name == "doodle")
    return read_layout(layout, _address(data) + c64_rle.unpack(data[2:], ESCAPE, DOODLE_BODY, value_first=True))


def _address(data: bytes) -> bytes:
    if len(data) < 2:
        raise pd.FormatError(f"{len(data)} bytes are too few for a load address")
    return data[:2]


FORMATS = [
    pd.Format(
        KOALA.name, KOALA.extensions, (MULTICOLOR.name,), partial(write_layout, KOALA), read_koala,
        description="Koala Painter, Commodore 64",
    ),
    pd.Format(
        "packed-koala", (".gg",), (MULTICOLOR.name,), write_packed_koala, read_packed_koala,
        description="Koala Painter, packed, Commodore 64",
    ),
    *[layout.form() for layout in LAYOUTS],
    pd.Format(
        "packed-doodle", (".jj",), (HIRES.name,), read=read_packed_doodle, description="Doodle!, packed, Commodore 64"
    ),
]  # fmt: skip
