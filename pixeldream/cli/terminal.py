"""Pictures in a terminal: kitty's graphics protocol, sixel, or half blocks, which every terminal has.

kitty: https://sw.kovidgoyal.net/kitty/graphics-protocol. Sixel and the question for it (DA1, "primary device
attributes"): VT330/VT340 Programmer Reference Manual, volume 2 (Digital, 1988), chapter 14. Images are uint8
``[height, width, 3]``, unless it says otherwise.
"""

from __future__ import annotations

import base64
import os
import re
import select
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pixeldream import images

TERMINALS = ("kitty", "sixel", "blocks")

CHUNK = 4096
"""Characters of base64 that one escape of kitty's may hold."""

REGISTERS = 256
"""Colours of a sixel picture that every terminal of today has."""

BAND = 6
"""Lines that sixels are painted in at a time."""

ANSWER_SECONDS = 0.4
"""How long a terminal may think about what it is. Far longer than a line to another continent takes."""

QUESTION = b"\x1b[c"
SIXEL_ATTRIBUTE = "4"

KITTY_PROGRAMS = ("kitty", "ghostty", "WezTerm")
SIXEL_PROGRAMS = ("iTerm.app", "foot", "mlterm", "mintty", "contour")


class TerminalError(ValueError):
    """A terminal that there is none of; one line that quotes it."""


def check(name: str) -> None:
    """Raises :class:`TerminalError` unless ``name`` is a way to draw, or empty."""
    if name and name not in TERMINALS:
        raise TerminalError(f"terminal {name!r} is none of {', '.join(TERMINALS)}")


# ----------------------------------------------------------------------------------------- which one


def detect() -> str:
    """What the terminal of this process can draw, one of ``TERMINALS``; blocks where output goes elsewhere."""
    if not sys.stdout.isatty():
        return "blocks"
    known = by_environment(os.environ)
    if known:
        return known
    if sys.stdin.isatty() and asks_for_sixel(sys.stdin.fileno(), sys.stdout.fileno()):
        return "sixel"
    return "blocks"


def by_environment(environment: Mapping[str, str]) -> str:
    """What the environment says of the terminal; empty where it does not tell.

    Inside tmux and screen it speaks of the terminal around them, which gets to see text only.
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return ""
    if term in ("dumb", "linux"):
        return "blocks"
    kitty = "KITTY_WINDOW_ID" in environment or "GHOSTTY_RESOURCES_DIR" in environment
    if kitty or program in KITTY_PROGRAMS or term in ("xterm-kitty", "xterm-ghostty", "wezterm"):
        return "kitty"
    if program in SIXEL_PROGRAMS or term.startswith(("foot", "mlterm", "yaft", "contour")):
        return "sixel"
    return ""


def asks_for_sixel(source: int, target: int, seconds: float = ANSWER_SECONDS) -> bool:
    """Whether the terminal behind two file descriptors says that it has sixels. One that is silent has none."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return False
    try:
        if os.tcgetpgrp(source) != os.getpgrp():
            return False  # in the background, a process that touches its terminal is stopped
        before = termios.tcgetattr(source)
        tty.setcbreak(source, termios.TCSANOW)  # no echo, and no waiting for a line
        try:
            os.write(target, QUESTION)
            answer = _answer(source, seconds)
        finally:
            termios.tcsetattr(source, termios.TCSANOW, before)
    except (OSError, termios.error):
        return False
    return has_sixels(answer)


def has_sixels(answer: str) -> bool:
    """Whether a terminal's answer to the question what it is names sixels; keys that were typed ahead do no harm."""
    found = re.search(r"\x1b\[\?([0-9;]+)c", answer)
    # The first number is the class of terminal.
    return found is not None and SIXEL_ATTRIBUTE in found[1].split(";")[1:]


def _answer(source: int, seconds: float) -> str:
    """What comes until a "c", which ends the answer, or until the time is over."""
    answer, end = b"", time.monotonic() + seconds
    while not re.search(rb"\x1b\[\?[0-9;]*c", answer):
        ready, _, _ = select.select([source], [], [], max(0.0, end - time.monotonic()))
        piece = os.read(source, 64) if ready else b""
        if not piece:
            break
        answer += piece
    return answer.decode("latin-1")


# --------------------------------------------------------------------------------------------- sizes


@dataclass(frozen=True)
class Window:
    """A terminal's size in characters, and a character's in pixels."""

    columns: int
    rows: int
    cell: tuple[int, int] = (8, 16)


def window() -> Window:
    """The size of this process's terminal, or 80x24 characters of 8x16 pixels as far as it does not say."""
    columns, rows = shutil.get_terminal_size((80, 24))
    try:
        import fcntl
        import struct
        import termios

        reply = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        down, across, width, height = struct.unpack("HHHH", reply)
    except (ImportError, OSError, ValueError):
        return Window(columns, rows)
    if not (down and across and width >= across and height >= down):
        return Window(columns, rows)
    return Window(columns, rows, (width // across, height // down))


def enlarged(image: np.ndarray, around: Window, columns: int = 0) -> np.ndarray:
    """``image`` (float32 ``[height, width, 3]``) in as large whole pixels as the window has room for, or shrunk into
    it; with ``columns`` just so wide."""
    height, width = image.shape[:2]
    across, down = around.cell
    if columns:
        factor = columns * across / width
    else:
        factor = min(around.columns * across / width, max(1, around.rows - 1) * down / height)
    whole = max(1, int(factor))
    large = image.repeat(whole, 0).repeat(whole, 1)
    if not columns and factor >= 1:
        return large
    return images.resize(large, (max(1, round(width * factor)), max(1, round(height * factor))))


# --------------------------------------------------------------------------------------------- kitty


def kitty(image: np.ndarray) -> str:
    """The escapes that draw an image at the cursor; the terminal is asked not to answer."""
    png = images.to_png(image.astype(np.float32) / 255)
    text = base64.standard_b64encode(png).decode("ascii")
    pieces = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
    escapes = []
    for number, piece in enumerate(pieces):
        head = "a=T,f=100,q=2," if number == 0 else ""  # transmit and show; PNG
        escapes.append(f"\x1b_G{head}m={int(number < len(pieces) - 1)};{piece}\x1b\\")
    return "".join(escapes)


# --------------------------------------------------------------------------------------------- sixel


def sixel(image: np.ndarray) -> str:
    """The escape that draws an image at the cursor, in up to 256 colours of 101 levels each."""
    indices, colours = _indexed(image)
    height, width = indices.shape
    levels = np.rint(colours.astype(np.float64) * 100 / 255).astype(int)
    head = "".join(f"#{number};2;{r};{g};{b}" for number, (r, g, b) in enumerate(levels.tolist()))
    padded = np.pad(indices, ((0, -height % BAND), (0, 0)), constant_values=-1)
    bands = "-".join(_band(band) for band in padded.reshape(-1, BAND, width))
    return f'\x1bP0;1q"1;1;{width};{height}{head}{bands}\x1b\\'


def _indexed(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int ``[height, width]`` and uint8 ``[n, 3]``: the image as it is in up to 256 colours, or the nearest."""
    colours, indices = np.unique(image.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) > REGISTERS:
        few = Image.fromarray(np.ascontiguousarray(image)).quantize(REGISTERS, Image.Quantize.MEDIANCUT)
        colours = np.asarray(few.getpalette("RGB"), np.uint8).reshape(-1, 3)
        indices = np.asarray(few).astype(np.int64)
    return indices.reshape(image.shape[:2]), colours


def _band(band: np.ndarray) -> str:
    """Six lines: for each colour in them a row of characters, whose bits say which of the six it paints."""
    weights = (1 << np.arange(BAND))[:, None]
    rows = []
    for colour in np.unique(band[band >= 0]).tolist():
        bits = ((band == colour) * weights).sum(0).astype(np.uint8) + 63
        rows.append(f"#{colour}" + _runs(bits.tobytes().decode("ascii")))
    return "$".join(rows)


def _runs(row: str) -> str:
    """Four and more of a character as a count; what is empty at the end is left out."""
    return re.sub(r"(.)\1{3,}", lambda run: f"!{len(run[0])}{run[1]}", row.rstrip("?"))


# -------------------------------------------------------------------------------------------- blocks


def half_blocks(image: np.ndarray, columns: int) -> Iterator[str]:
    """Lines of 24-bit ANSI colour for a float32 image ``[height, width, 3]`` of square pixels: each character is an
    upper half block, two pixels above each other.

    No wider than ``columns`` and never enlarged.
    """
    height, width = image.shape[:2]
    columns = max(1, min(columns, width))
    rows = max(2, round(height * columns / width / 2) * 2)
    pixels = np.rint(images.resize(image, (columns, rows)) * 255).astype(np.uint8)
    for top, bottom in zip(pixels[::2], pixels[1::2], strict=True):
        cells = zip(top.tolist(), bottom.tolist(), strict=True)
        yield "".join(_half_block(above, below) for above, below in cells) + "\x1b[0m"


def _half_block(above: list[int], below: list[int]) -> str:
    front, back = ";".join(map(str, above)), ";".join(map(str, below))
    return f"\x1b[38;2;{front}m\x1b[48;2;{back}m\N{UPPER HALF BLOCK}"
