"""Palette files of pixel artists, to and from bytes: GIMP, JASC, RIFF, Adobe, Lospec, Paint.NET, VICE, IFF, PNG.

Colours are sRGB as they stand in the file, in its order, duplicates too: an index is meaning. A file is known by what
is in it: three formats are called ``.pal``. Text may have either line end, a byte order mark and empty lines.

Formats that have no paper of their own: ``.act`` after the table of sizes that Photoshop takes (768 bytes, or 772 with
the number of colours), ``.vpl`` after VICE's ``palette.c``, ``.hex`` as Lospec exports it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

import numpy as np

from pixeldream.retro.palette import RGB8, Palette, PaletteError, parse_gpl

MAXIMUM_SWATCH_PIXELS = 1 << 20
"""A PNG with more pixels than that is no palette: 256 squares of 64x64."""

ACT_COLOURS = 256
ACT_BYTES = 3 * ACT_COLOURS
VPL_DITHER = "E"
"""The fourth column of a .vpl file: VICE dropped it in 2021, other readers still insist on one."""


def parse(data: bytes, name: str) -> Palette:
    """The palette of a file's bytes, whatever its format. Raises ``PaletteError`` in one line that quotes ``name``."""
    for start, reader in _BINARY:
        if data.startswith(start):
            return _made(name, reader(data, name))
    if len(data) in (ACT_BYTES, ACT_BYTES + 4) and not _is_text(data):
        return _made(name, _act(data))
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise PaletteError(f"palette {name!r} is of no kind that is read: {', '.join(WRITERS)}") from None
    if text.startswith("GIMP Palette"):
        return parse_gpl(text, name)
    if text.startswith("JASC-PAL"):
        return _made(name, _jasc(text, name))
    return _made(name, _hexadecimal(text, name))


def encode(palette: Palette, extension: str) -> bytes:
    """The bytes of a palette file, by its extension, with the dot. Raises ``PaletteError`` that lists what there is,
    or when the format can't hold as many colours."""
    writer = WRITERS.get(extension.lower())
    if writer is None:
        raise PaletteError(f"palettes are not written as {extension!r}; there are {', '.join(WRITERS)}")
    return writer(palette)


def _made(name: str, colours: list[RGB8]) -> Palette:
    if not colours:
        raise PaletteError(f"palette {name!r} holds no colours")
    return Palette(name, tuple(colours))


def _is_text(data: bytes) -> bool:
    return all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in data)


def _triples(data: bytes) -> list[RGB8]:
    whole = data[: len(data) // 3 * 3]
    return list(zip(whole[::3], whole[1::3], whole[2::3], strict=True))


# ------------------------------------------------------------------------------------------------- reading


def _jasc(text: str, name: str) -> list[RGB8]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 3 or not re.fullmatch(r"\d{1,6}", lines[2]):
        raise PaletteError(f"palette {name!r}: the third line of a JASC palette must be the number of colours")
    if int(lines[2]) != len(lines) - 3:
        raise PaletteError(f"palette {name!r} says {lines[2]} colours and has {len(lines) - 3}")
    return [_decimal(line, name, number) for number, line in enumerate(lines[3:], 4)]


def _decimal(line: str, name: str, number: int) -> RGB8:
    match = re.match(r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})(?!\S)", line)
    if not match or max(map(int, match.groups())) > 255:
        raise PaletteError(f"palette {name!r}, line {number}: {line[:40]!r} is not 'red green blue'")
    return int(match[1]), int(match[2]), int(match[3])


def _hexadecimal(text: str, name: str) -> list[RGB8]:
    """Lospec (RRGGBB), Paint.NET (AARRGGBB, ``;`` comments) and VICE (RR GG BB and a digit, ``#`` comments)."""
    colours = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.partition(";")[0].strip()
        if not content or (content.startswith("#") and not re.fullmatch(r"#[0-9a-fA-F]{3,8}", content)):
            continue
        digits = re.sub(r"^(?:#|0[xX]|\$)", "", content)
        if match := re.fullmatch(r"([0-9a-fA-F]{2})\s+([0-9a-fA-F]{2})\s+([0-9a-fA-F]{2})(?:\s+\S*)?", content):
            digits = match[1] + match[2] + match[3]
        if re.fullmatch(r"[0-9a-fA-F]{3}", digits):
            digits = "".join(2 * digit for digit in digits)
        if not re.fullmatch(r"(?:[0-9a-fA-F]{2})?[0-9a-fA-F]{6}", digits):
            raise PaletteError(f"palette {name!r}, line {number}: {content[:40]!r} is no colour such as ff8800")
        value = int(digits[-6:], 16)
        colours.append((value >> 16, value >> 8 & 255, value & 255))
    return colours


def _riff(data: bytes, name: str) -> list[RGB8]:
    """Microsoft's: a ``data`` chunk of little-endian version and count, then red, green, blue and flags each."""
    place = data.find(b"data", 12)
    if data[8:12] != b"PAL " or place < 0 or len(data) < place + 12:
        raise PaletteError(f"palette {name!r} is a RIFF file without a palette")
    (count,) = struct.unpack_from("<H", data, place + 10)
    entries = data[place + 12 : place + 12 + 4 * count]
    if len(entries) < 4 * count:
        raise PaletteError(f"palette {name!r} says {count} colours and has {len(entries) // 4}")
    return [(entries[i], entries[i + 1], entries[i + 2]) for i in range(0, 4 * count, 4)]


def _act(data: bytes) -> list[RGB8]:
    colours = _triples(data[:ACT_BYTES])
    count = int.from_bytes(data[ACT_BYTES : ACT_BYTES + 2], "big")
    return colours[:count] if 1 <= count <= ACT_COLOURS else colours


def _cmap(data: bytes, name: str) -> list[RGB8]:
    """An IFF file's CMAP chunk, with or without a picture behind it."""
    position, flags = 12, 0
    while position + 8 <= len(data):
        kind, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8], "big")
        content = data[position + 8 : position + 8 + length]
        if kind == b"BMHD" and len(content) >= 12:
            flags = content[11]
        if kind == b"CMAP":
            return _full_nibbles(_triples(content), flags)
        position += 8 + length + length % 2
    raise PaletteError(f"palette {name!r} is an IFF file without a CMAP chunk")


def _full_nibbles(colours: list[RGB8], flags: int) -> list[RGB8]:
    """Old writers left the lower half of each byte empty; newer ones say in BMHD's flags that nothing is meant so."""
    if flags & 0x80 or len(colours) > 32 or any(part & 15 for colour in colours for part in colour):
        return colours
    return [(red | red >> 4, green | green >> 4, blue | blue >> 4) for red, green, blue in colours]


def _swatch(data: bytes, name: str) -> list[RGB8]:
    """An indexed PNG's palette; else the colours of the pixels, each where it is first met."""
    from io import BytesIO

    from PIL import Image

    width, height = struct.unpack_from(">II", data.ljust(24, b"\0"), 16)
    if not 0 < width * height <= MAXIMUM_SWATCH_PIXELS:
        raise PaletteError(
            f"palette {name!r} is a PNG of {width}x{height}; up to {MAXIMUM_SWATCH_PIXELS} pixels are read"
        )
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            if image.mode == "P":
                return _triples(bytes(image.getpalette("RGB") or ()))
            pixels = np.asarray(image.convert("RGBA")).reshape(-1, 4)
    except Exception as error:  # Pillow lets all kinds through when a file is broken
        raise PaletteError(f"palette {name!r} is a broken PNG: {' '.join(str(error).split())[:80]}") from None
    return _unique(pixels, name)


def _unique(pixels: np.ndarray, name: str) -> list[RGB8]:
    seen = pixels[pixels[:, 3] > 0, :3]
    _, first = np.unique(seen, axis=0, return_index=True)
    if len(first) > 256:
        raise PaletteError(f"palette {name!r} is a PNG of {len(first)} colours; up to 256 are a palette")
    return [(int(red), int(green), int(blue)) for red, green, blue in seen[np.sort(first)]]


_BINARY: tuple[tuple[bytes, Callable[[bytes, str], list[RGB8]]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _swatch), (b"RIFF", _riff), (b"FORM", _cmap),
)  # fmt: skip


# ------------------------------------------------------------------------------------------------- writing


def _lines(lines: Iterator[str], end: str = "\n") -> bytes:
    return "".join(line + end for line in lines).encode("utf-8")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _write_gpl(palette: Palette) -> bytes:
    names = [_one_line(name) for name in palette.names] or [""] * palette.count
    head = ["GIMP Palette", f"Name: {_one_line(palette.name)}", "Columns: 16"]
    head += [f"# Source: {_one_line(palette.source)}"] * bool(palette.source)
    rows = zip(palette.colours, names, strict=True)
    body = [f"{red:3} {green:3} {blue:3}{chr(9) + name if name else ''}" for (red, green, blue), name in rows]
    return _lines(iter(head + body))


def _write_jasc(palette: Palette) -> bytes:
    rows = [f"{red} {green} {blue}" for red, green, blue in palette.colours]
    return _lines(iter(["JASC-PAL", "0100", str(palette.count), *rows]), "\r\n")


def _write_hex(palette: Palette) -> bytes:
    return _lines(f"{red:02x}{green:02x}{blue:02x}" for red, green, blue in palette.colours)


def _write_vpl(palette: Palette) -> bytes:
    rows = [f"{red:02X} {green:02X} {blue:02X} {VPL_DITHER}" for red, green, blue in palette.colours]
    return _lines(iter(["# VICE palette file", f"# NAME:{_one_line(palette.name)}", "#", *rows]))


def _raw(palette: Palette) -> bytes:
    return bytes(part for colour in palette.colours for part in colour)


def _write_act(palette: Palette) -> bytes:
    if palette.count > ACT_COLOURS:
        raise PaletteError(f"palette {palette.name!r} has {palette.count} colours; an .act file holds {ACT_COLOURS}")
    return _raw(palette).ljust(ACT_BYTES, b"\0") + palette.count.to_bytes(2, "big") + b"\xff\xff"


def _write_cmap(palette: Palette) -> bytes:
    planes = max(1, (palette.count - 1).bit_length())
    header = bytes(8) + bytes([planes, 0, 0, 0x80]) + bytes(8)
    colours = _raw(palette)
    cmap = b"CMAP" + len(colours).to_bytes(4, "big") + colours + bytes(len(colours) % 2)
    content = b"ILBMBMHD" + len(header).to_bytes(4, "big") + header + cmap
    return b"FORM" + len(content).to_bytes(4, "big") + content


def _write_swatch(palette: Palette) -> bytes:
    from io import BytesIO

    from PIL import Image

    if palette.count > 256:
        raise PaletteError(f"palette {palette.name!r} has {palette.count} colours; a swatch of 256 is the largest")
    image = Image.fromarray(np.arange(palette.count, dtype=np.uint8)[None]).convert("L")
    image.putpalette(_raw(palette))
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


WRITERS: dict[str, Callable[[Palette], bytes]] = {
    ".gpl": _write_gpl, ".hex": _write_hex, ".pal": _write_jasc, ".act": _write_act, ".vpl": _write_vpl,
    ".iff": _write_cmap, ".png": _write_swatch,
}  # fmt: skip
"""How a palette is written, by extension."""
