"""PICO-8, a machine that never was: 128x128 pixels in sixteen colours, kept as a cartridge that shows its sprite sheet.

The text form of a cartridge: https://pico-8.fandom.com/wiki/P8FileFormat. Every pixel takes any colour: there is
nothing to choose but the pixels.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

import pixeldream as pd

SIDE = 128
HEAD = "pico-8 cartridge // http://www.pico-8.com"
SHOW = "function _draw()\n cls()\n spr(0,0,0,16,16)\nend"
"""Without _draw the picture would be gone behind the prompt; the lower half of the sheet is shared with the map."""


def solve(image: Any, palette: Any, locks: Any, dither: Any, amount: Any) -> Any:
    """A ``Solution``; see ``pixeldream.retro.solve``."""
    import jax.numpy as jnp

    colours = tuple(jnp.full((1, 1), number, jnp.int32) for number in range(16))
    return pd.Solution(follow(image, palette, colours, dither, amount), colours)


def follow(image: Any, palette: Any, colours: Any, dither: Any, amount: Any) -> Any:
    """int32 ``[height, width]``: each pixel's colour."""
    return pd.choose_pixels(image, palette[None, None], palette, dither, amount)


def render(solution: Any, palette: Any) -> Any:
    """float32 ``[height, width, 3]`` of a solution or a picture."""
    return palette[solution.pixels]


MODE = pd.Mode(
    name="pico-8",
    machine="PICO-8",
    size=(SIDE, SIDE),
    slots=tuple(pd.Slot(f"colour-{number}", allowed=(number,)) for number in range(16)),
    palette="pico-8",
    solve=solve,
    render=render,
    follow=follow,
    description="16 fixed colours, anywhere",
)


def write(picture: pd.Picture, options: pd.WriteOptions) -> bytes:
    """A cartridge whose sprite sheet is the picture and whose program shows it."""
    sheet = ["".join(f"{pixel:x}" for pixel in row) for row in picture.pixels.tolist()]
    return "\n".join([HEAD, "version 41", "__lua__", SHOW, "__gfx__", *sheet, ""]).encode("ascii")


def read(data: bytes) -> pd.Picture:
    """The sprite sheet of a cartridge; lines that are left out are black. Raises ``FormatError``."""
    text = data.decode("latin-1").replace("\r\n", "\n")
    found = re.search(r"^__gfx__\n((?:[0-9a-fA-F]{128}\n)*)((?:__\w+__\n|\s*\Z)?)", text, re.MULTILINE)
    if not text.startswith("pico-8 cartridge") or found is None:
        raise pd.FormatError("this is no PICO-8 cartridge with a sprite sheet (__gfx__)")
    lines = found[1].split()
    if len(lines) > SIDE or not (found[2] or found.end() == len(text)):
        raise pd.FormatError(f"the sprite sheet is not up to {SIDE} lines of {SIDE} digits: line {len(lines) + 1}")
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    if lines:
        pixels[: len(lines)] = [[int(digit, 16) for digit in line] for line in lines]
    return pd.Picture(MODE, pd.palette("pico-8"), pixels, tuple(np.full((1, 1), number) for number in range(16)))


@pd.hookimpl
def register_modes() -> list[pd.Mode]:
    return [MODE]


@pd.hookimpl
def register_formats() -> list[pd.Format]:
    return [
        pd.Format("pico-8", (".p8",), ("pico-8",), write, read, program=True, description="PICO-8 cartridge, as text")
    ]
