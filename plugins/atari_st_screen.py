"""The screens of the Atari ST and STE: their modes, and a picture as the video chip reads it from memory.

Atari's "Hardware Specification of the 16-Bit/32-Bit ST Computer System" (1985). A screen is 32000 bytes: groups of 16
pixels, each a big-endian word a plane, the lowest bit first. Colour 0 is the border's as well.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

import pixeldream as pd

ST = pd.Gamut("atari-st", (8, 8, 8), "Atari ST colour registers, three bits a component")
STE = pd.Gamut("atari-ste", (16, 16, 16), "Atari STE colour registers, four bits a component")
PALETTE = "atari-st-monochrome"

SIZES = ((320, 200), (640, 200), (640, 400))
NAMES = ("low", "medium", "high")
PLANES = (4, 2, 1)
SCREEN_BYTES = 32000


def _colour(resolution: int, gamut: pd.Gamut) -> pd.Mode:
    count, bits = 1 << PLANES[resolution], gamut.levels[0].bit_length() - 1
    return pd.Mode(
        name=f"{gamut.name}-{NAMES[resolution]}",
        machine="Atari ST",
        size=SIZES[resolution],
        slots=tuple(pd.Slot(f"colour-{number}") for number in range(count)),
        gamut=gamut,
        pixel_aspect=(1, 1 + resolution),
        colours=gamut.count,
        description=f"{count} of {gamut.count} colours, anywhere{' (STE)' * (bits == 4)}",
    )


def _solve_high(image: Any, palette: Any, locks: Any, dither: pd.Ordered | pd.Diffusion, amount: Any) -> pd.Solution:
    """The nearest picture in black and white: there are no colours to choose."""
    import jax.numpy as jnp

    colours = tuple(jnp.full((1, 1), number, jnp.int32) for number in (0, 1))
    return pd.Solution(_follow_high(image, palette, colours, dither, amount), colours)


def _follow_high(image: Any, palette: Any, colours: Any, dither: pd.Ordered | pd.Diffusion, amount: Any) -> Any:
    return pd.choose_pixels(image, palette[None, None], palette, dither, amount)


def _render_high(solution: Any, palette: Any) -> Any:
    return palette[solution.pixels]


HIGH = pd.Mode(
    name="atari-st-high",
    machine="Atari ST",
    size=SIZES[2],
    slots=(pd.Slot("paper", allowed=(0,)), pd.Slot("ink", allowed=(1,))),
    palette=PALETTE,
    colours=2,
    solve=_solve_high,
    render=_render_high,
    follow=_follow_high,
    description="black on white, on the monochrome monitor",
)
MODES = {mode.name: mode for mode in (*(_colour(each, gamut) for gamut in (ST, STE) for each in (0, 1)), HIGH)}


def resolution_of(mode: pd.Mode) -> int:
    """0 low, 1 medium, 2 high, as the video chip numbers them."""
    return SIZES.index(mode.size)


def palette_words(picture: pd.Picture) -> bytes:
    """The sixteen colour registers; those that the mode lacks are black, but for a monochrome screen's white."""
    gamut = picture.mode.gamut
    if gamut is None:
        return struct.pack(">16H", 0x777, *[0] * 15)
    held = np.array([int(colours[0, 0]) for colours in picture.colours])
    steps = np.stack([held // gamut.levels[0] ** 2, held // gamut.levels[0] % gamut.levels[0], held % gamut.levels[0]])
    # The STE's fourth bit is the lowest and stands where the ST ignores it.
    nibbles = steps if gamut == ST else steps >> 1 | (steps & 1) << 3
    return (nibbles[0] << 8 | nibbles[1] << 4 | nibbles[2]).astype(">u2").tobytes().ljust(32, b"\0")


def planes_of(picture: pd.Picture) -> bytes:
    """The screen's memory."""
    planes = PLANES[resolution_of(picture.mode)]
    groups = picture.pixels.reshape(-1, 1, 16) >> np.arange(planes, dtype=np.uint8)[None, :, None] & 1
    return np.packbits(groups, axis=-1).tobytes()


def registers(words: bytes) -> tuple[pd.Gamut, np.ndarray]:
    """The colours of big-endian colour registers, as indices: an STE's if any has a fourth bit, and else an ST's.

    The STE shows a palette of the ST a shade darker; nothing says for which of them a file was made.
    """
    values = np.frombuffer(words, ">u2").astype(int)
    nibbles = np.stack([values >> 8 & 15, values >> 4 & 15, values & 15])
    gamut = STE if (nibbles & 8).any() else ST
    steps = nibbles if gamut == ST else (nibbles & 7) << 1 | nibbles >> 3
    return gamut, (steps[0] * gamut.levels[0] + steps[1]) * gamut.levels[0] + steps[2]


def to_picture(resolution: int, palette: bytes, memory: bytes) -> pd.Picture:
    """What a screen's memory shows with those 32 bytes of colour registers."""
    gamut, held = registers(palette)
    pixels = pixels_of(resolution, memory)
    if resolution == 2:
        return pd.Picture(HIGH, pd.palette(PALETTE), pixels, (np.zeros((1, 1), int), np.ones((1, 1), int)))
    mode = MODES[f"{gamut.name}-{NAMES[resolution]}"]
    colours = tuple(np.full((1, 1), each) for each in held[: len(mode.slots)])
    return pd.Picture(mode, gamut, pixels, colours, border=int(held[0]))


def pixels_of(resolution: int, memory: bytes) -> np.ndarray:
    """uint8 ``[height, width]`` of a screen's memory."""
    planes, (width, height) = PLANES[resolution], SIZES[resolution]
    bits = np.unpackbits(np.frombuffer(memory, np.uint8).reshape(-1, planes, 2), axis=-1)
    return (bits << np.arange(planes, dtype=np.uint8)[None, :, None]).sum(1, dtype=np.uint8).reshape(height, width)
