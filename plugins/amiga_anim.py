"""IFF ANIM, the Amiga's moving pictures: what changes from a picture to that two later, by columns of bytes.

"ANIM, an IFF format for CEL animations" (SPARTA and Aegis Development, 1988), in the Amiga ROM Kernel Reference Manual:
Devices (1991), appendix A; operation 5, byte vertical delta, is Jim Kent's. A player has two screens: while one is
shown, the other, which holds the picture before, gets what differs in the next. So a change relates to the picture two
back, and two pictures more than there are, the first and the second again, lead from the end to the third.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

import numpy as np
from pixeldream_plugins import amiga_ilbm as ilbm
from pixeldream_plugins import amiga_view, iff
from pixeldream_plugins.amiga_delta import patched, plane_change
from pixeldream_plugins.amiga_modes import kind_of

import pixeldream as pd

JIFFIES = 60
"""A second of an ANIM file has 60, on PAL machines too."""

HEADER = struct.Struct(">BBHHhhIIBBI16x")
"""ANHD: operation, mask, width, height, x, y, time since the start and since the picture before in jiffies, how many
pictures back the change begins (0: two), a byte to spare, flags."""

WHOLE, BYTE_VERTICAL = 0, 5
POINTERS = struct.Struct(">16I")
"""Where in a DLTA chunk the change of each plane stands, 0 for none; operation 5 uses the first eight."""

EXCLUSIVE_OR = 2
"""A flag, of brushes that move: values are combined with the old ones."""

DOUBLE_BUFFERED = 2

MAXIMUM_PICTURES = 4096
MAXIMUM_PIXELS = 1 << 27
"""Of all pictures: 1,638 PAL screens of low resolution."""


@dataclass(frozen=True)
class Header:
    """What an ANHD chunk says, as far as it matters here."""

    operation: int
    jiffies: int
    back: int
    flags: int


# ---- writing --------------------------------------------------------------------------------------------------------


def write(animation: pd.Animation, options: pd.WriteOptions) -> bytes:
    """An ANIM file, its changes in operation 5. Pictures of other base colours than those before bring them along."""
    pictures, jiffies = animation.pictures, animation.ticks(JIFFIES)
    planes = [planes_of(picture.pixels, kind_of(animation.mode).planes) for picture in pictures]
    forms, start, total = [ilbm.write(pictures[0], options)], 0, len(pictures)
    for step in range(1, total + DOUBLE_BUFFERED):
        now, before = step % total, (step - 1) % total
        start += jiffies[before]
        change = _change(planes[max(step - DOUBLE_BUFFERED, 0) % total], planes[now])
        colours = ilbm.base_colours(pictures[now]).tobytes()
        cmap = b"" if colours == ilbm.base_colours(pictures[before]).tobytes() else iff.chunk(b"CMAP", colours)
        head = _header(BYTE_VERTICAL, animation.mode.size, start, jiffies[before])
        forms.append(iff.form(ilbm.PLANAR, iff.chunk(b"ANHD", head), cmap, iff.chunk(b"DLTA", change)))
    return iff.form(b"ANIM", *forms)


def _header(operation: int, size: tuple[int, int], start: int, jiffies: int) -> bytes:
    return HEADER.pack(operation, 0, *size, 0, 0, start, jiffies, 0, 0, 0)


def planes_of(pixels: np.ndarray, planes: int) -> np.ndarray:
    """uint8 ``[planes, height, row bytes]``: the lowest bit's plane first, rows of whole words."""
    rows = np.frombuffer(b"".join(ilbm.plane_rows(pixels, planes)), np.uint8)
    return rows.reshape(len(pixels), planes, -1).transpose(1, 0, 2)


def pixels_of(planes: np.ndarray, width: int) -> np.ndarray:
    """uint8 ``[height, width]``: the inverse of :func:`planes_of`."""
    bits = np.unpackbits(planes, axis=-1)[..., :width]
    return (bits << np.arange(len(planes), dtype=np.uint8)[:, None, None]).sum(0, dtype=np.uint8)


def _change(old: np.ndarray, new: np.ndarray) -> bytes:
    """A DLTA chunk's bytes."""
    pointers, body = [0] * 16, b""
    for number, (before, after) in enumerate(zip(old, new, strict=True)):
        if not np.array_equal(before, after):
            pointers[number] = POINTERS.size + len(body)
            body += plane_change(before, after)
    return POINTERS.pack(*pointers) + body


# ---- reading --------------------------------------------------------------------------------------------------------


def read(data: bytes) -> pd.Animation:
    """The pictures of an ANIM file, without those that only close the circle. Raises ``FormatError``."""
    first, forms = _forms(data)
    size, count = first.header.size, first.header.planes
    if count > 8:
        raise pd.FormatError(f"an ANIM file of {count} planes; 1 to 8 are read")
    if (len(forms) + 1) * size[0] * size[1] > MAXIMUM_PIXELS:
        raise pd.FormatError(
            f"{len(forms) + 1} pictures of {size[0]}x{size[1]} are {(len(forms) + 1) * size[0] * size[1]} pixels; "
            f"up to {MAXIMUM_PIXELS} are read"
        )
    files, planes, times = [first], [planes_of(first.pixels, count)], []
    for number, form in enumerate(forms, 2):
        try:
            header, cmap, changed = _next(form, first, planes)
        except pd.FormatError as error:
            raise pd.FormatError(f"picture {number}: {error}") from None
        planes.append(changed)
        files.append(replace(first, pixels=pixels_of(changed, size[0]), cmap=files[-1].cmap if cmap is None else cmap))
        times.append(header.jiffies)
    return _animation(_open([amiga_view.picture_of(file) for file in files]), times)


def read_first(data: bytes) -> pd.Picture:
    """The first picture of an ANIM file, all of which must be sound. Raises ``FormatError``."""
    return read(data).pictures[0]


def _forms(data: bytes) -> tuple[ilbm.File, list[bytes]]:
    """The first picture, and the forms of the others."""
    found = list(iff.chunks(data, b"ANIM", MAXIMUM_PICTURES))
    forms = [content for name, content in found if name == b"FORM" and content[:4] == ilbm.PLANAR]
    if not forms:
        raise pd.FormatError("the ANIM file holds no picture")
    return ilbm.parse(iff.chunk(b"FORM", forms[0])), forms[1:]


def _next(form: bytes, first: ilbm.File, planes: list[np.ndarray]) -> tuple[Header, np.ndarray | None, np.ndarray]:
    """The header, the colours if they change, and the planes of a picture that follows others."""
    found = dict(reversed(list(iff.chunks(iff.chunk(b"FORM", form), ilbm.PLANAR))))
    header = _header_of(found.get(b"ANHD", b""))
    cmap = found.get(b"CMAP")
    colours = None if cmap is None else np.frombuffer(cmap[: len(cmap) // 3 * 3], np.uint8).reshape(-1, 3)
    if header.operation == WHOLE:
        if b"BODY" not in found:
            raise pd.FormatError("there is no BODY chunk")
        pixels = ilbm.pixels_of(found[b"BODY"], first.header)
        return header, colours, planes_of(pixels, first.header.planes)
    if header.operation != BYTE_VERTICAL:
        raise pd.FormatError(f"changes in operation {header.operation} are not read; 0 and 5 are: save it with another")
    if b"DLTA" not in found:
        raise pd.FormatError("there is no DLTA chunk")
    before = planes[max(len(planes) - (header.back or DOUBLE_BUFFERED), 0)]
    return header, colours, _changed(before, found[b"DLTA"], bool(header.flags & EXCLUSIVE_OR))


def _header_of(data: bytes) -> Header:
    # Brushes leave the bytes to spare out.
    if len(data) < HEADER.size - 16:
        raise pd.FormatError(f"the ANHD chunk has {len(data)} of {HEADER.size} bytes")
    operation, _, _, _, _, _, _, jiffies, back, _, flags = HEADER.unpack(data[: HEADER.size].ljust(HEADER.size, b"\0"))
    return Header(operation, jiffies, back, flags)


def _changed(before: np.ndarray, delta: bytes, exclusive: bool) -> np.ndarray:
    """The planes after a DLTA chunk."""
    if len(delta) < 4 * len(before):
        raise pd.FormatError(f"the DLTA chunk of {len(delta)} bytes has no place for {len(before)} planes")
    result = before.copy()
    for number, (pointer,) in zip(range(len(before)), struct.iter_unpack(">I", delta[: 4 * len(before)]), strict=True):
        if pointer:
            result[number] = patched(before[number], delta, pointer, exclusive)
    return result


def _open(pictures: list[pd.Picture]) -> list[pd.Picture]:
    """Pictures without the last two, where these are the first two again."""
    held = len(pictures) - DOUBLE_BUFFERED
    closed = held > 0 and all(_same(pictures[held + step], pictures[step % held]) for step in (0, 1))
    return pictures[:held] if closed else pictures


def _same(one: pd.Picture, other: pd.Picture) -> bool:
    return np.array_equal(one.pixels, other.pixels) and np.array_equal(one.colours, other.colours)


def _animation(pictures: list[pd.Picture], times: list[int]) -> pd.Animation:
    """``times``: in jiffies, those after which the second and all others come; the last lasts as long as the first
    where nothing says how long."""
    held = [max(1, time) for time in times[: len(pictures)]]
    held += (held[:1] or [JIFFIES // 10]) * (len(pictures) - len(held))
    try:
        return pd.Animation(tuple(pictures), tuple(time / JIFFIES for time in held))
    except ValueError as error:
        raise pd.FormatError(str(error)) from None
