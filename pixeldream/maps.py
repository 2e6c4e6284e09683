"""Pictures that people can read of what arrives at the pixels: heat maps, overlays, signed maps; with a legend.

Signals are float32 ``[height, width, 3]``, one value for each colour of each pixel; pictures sRGB float32 in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixeldream.images import LUMA, as_bytes

VIEWS = ("heat", "overlay", "signed", "colour")
"""How much each pixel counts; the same over the photo; up or down if it got lighter; each colour around grey."""

PERCENTILE = 99.5
"""The value that gets the last colour: a few pixels are far larger than all others, and would leave those dark."""

_SPREADS = {"heat": 0.003, "overlay": 0.012, "signed": 0.003, "colour": 0.0}
"""Of the blur, in parts of the longest side."""

LETTERS, BAR, GAP = 11, 9, 4
PAPER, INK = (24, 24, 28), (225, 225, 225)


def check_view(view: str) -> str:
    """``view``, if it is one of :data:`VIEWS`. Raises ``ValueError``."""
    if view not in VIEWS:
        raise ValueError(f"view {view!r} is none of {', '.join(VIEWS)}")
    return view


@dataclass(frozen=True, eq=False)
class Map:
    """A picture of a signal, and what its colours mean: ``ramp`` float32 ``[n, 3]`` from ``low`` to ``high``."""

    image: np.ndarray
    ramp: np.ndarray
    low: float
    high: float
    meaning: str


def draw(signal: np.ndarray, photo: np.ndarray, view: str, blur: float | None = None) -> Map:
    """``photo``: float32 of the signal's size. ``blur``: the spread in pixels over which values are averaged that one
    is to see as one place; by default a little for heat and signed maps, more for an overlay, none for colours."""
    check_view(view)
    spread = _SPREADS[view] * max(signal.shape[:2]) if blur is None else blur
    if view == "colour":
        high = _highest(np.abs(signal))
        shown = np.clip(0.5 + 0.5 * _blurred(signal, spread) / high, 0.0, 1.0)
        return Map(
            shown, np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[:, None], 3, 1), -high, high, "each colour"
        )
    if view == "signed":
        values = _blurred(signal.sum(-1, keepdims=True), spread)[..., 0]
        high = _highest(np.abs(values))
        shown = _coloured(0.5 + 0.5 * values / high, signed_ramp())
        return Map(shown, signed_ramp(), -high, high, "if it were lighter")
    values = _blurred(np.abs(signal).max(-1, keepdims=True), spread)[..., 0]
    high = _highest(values)
    part = np.clip(values / high, 0.0, 1.0)
    shown = _coloured(part, heat_ramp())
    if view == "overlay":
        grey = np.repeat((photo @ LUMA)[..., None], 3, -1) * 0.75 + 0.1
        cover = 0.85 * part[..., None]  # what counts most is still to be recognised
        shown = grey * (1 - cover) + shown * cover
    return Map(shown.astype(np.float32), heat_ramp(), 0.0, high, "how much it counts")


def _highest(values: np.ndarray) -> float:
    return float(np.percentile(values, PERCENTILE)) or float(values.max()) or 1.0


def _blurred(values: np.ndarray, spread: float) -> np.ndarray:
    """Each channel averaged over a Gaussian of that standard deviation."""
    if spread <= 0:
        return values
    return np.stack([_gaussian(values[..., number], spread) for number in range(values.shape[-1])], -1)


def _gaussian(values: np.ndarray, spread: float) -> np.ndarray:
    reach = max(1, round(3 * spread))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        edges = [(reach, reach) if number == axis else (0, 0) for number in range(2)]
        padded, length = np.pad(values, edges, "symmetric"), values.shape[axis]
        shifts = (np.take(padded, np.arange(length) + shift, axis) for shift in range(len(kernel)))
        values = sum((share * each for share, each in zip(kernel, shifts, strict=True)), np.zeros_like(values))
    return values


def _coloured(part: np.ndarray, ramp: np.ndarray) -> np.ndarray:
    return ramp[np.rint(np.clip(part, 0.0, 1.0) * (len(ramp) - 1)).astype(int)]


@lru_cache
def heat_ramp() -> np.ndarray:
    """float32 ``[256, 3]``: from nearly black over violet and orange to pale yellow, in steps that look equally far."""
    return _even(
        [(0.14, 0.03, 290), (0.32, 0.15, 305), (0.5, 0.2, 0), (0.68, 0.18, 45), (0.84, 0.15, 80), (0.97, 0.07, 105)]
    )


@lru_cache
def signed_ramp() -> np.ndarray:
    """float32 ``[255, 3]``: blue below, a light grey in the middle, red above; as far to one side as to the other."""
    blue = _even([(0.95, 0.0, 255), (0.78, 0.09, 250), (0.58, 0.15, 258), (0.36, 0.13, 265)], 128)
    red = _even([(0.95, 0.0, 40), (0.78, 0.1, 45), (0.58, 0.19, 28), (0.36, 0.14, 25)], 128)
    return np.concatenate([blue[::-1], red[1:]])


def _even(stops: list[tuple[float, float, float]], count: int = 256) -> np.ndarray:
    """sRGB colours along stops in OKLab (lightness, chroma, hue in degrees), evenly spaced by distance there.

    An eye then sees the same difference for the same difference of values, wherever they lie.
    """
    light, chroma, hue = np.asarray(stops, np.float64).T
    angle = np.unwrap(np.radians(hue))
    lab = np.stack([light, chroma * np.cos(angle), chroma * np.sin(angle)], -1)
    for _ in range(4):  # clipping to the gamut shortens some ways: measured anew
        place = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
        even = np.linspace(0, place[-1], max(count, 1024))
        lab = np.stack([np.interp(even, place, lab[:, number]) for number in range(3)], -1)
        lab = _to_lab(_to_srgb(lab))
    place = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
    even = np.linspace(0, place[-1], count)
    return _to_srgb(np.stack([np.interp(even, place, lab[:, number]) for number in range(3)], -1))


def _to_srgb(lab: np.ndarray) -> np.ndarray:
    import jax.numpy as jnp

    from pixeldream.retro.colour import oklab_to_srgb

    return np.asarray(oklab_to_srgb(jnp.asarray(lab, jnp.float32)))


def _to_lab(srgb: np.ndarray) -> np.ndarray:
    import jax.numpy as jnp

    from pixeldream.retro.colour import srgb_to_oklab

    return np.asarray(srgb_to_oklab(jnp.asarray(srgb, jnp.float32)), np.float64)


def legend(found: Map, title: str, width: int) -> np.ndarray:
    """A strip float32 ``[height, width, 3]``: what was asked, and the ramp between its two values."""
    font = ImageFont.load_default(LETTERS)
    low, high = f"{found.low:.2g}", f"{found.high:.2g}"
    lines = [*_wrapped(title, font, width - 2 * GAP)]
    height = GAP + (LETTERS + GAP) * len(lines) + BAR + 2 * GAP + LETTERS
    strip = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        pen.text((GAP, GAP + number * (LETTERS + GAP) - 1), line, INK, font)
    top = GAP + (LETTERS + GAP) * len(lines)
    bar = found.ramp[np.linspace(0, len(found.ramp) - 1, max(1, width - 2 * GAP)).round().astype(int)]
    strip.paste(Image.fromarray(as_bytes(np.repeat(bar[None], BAR, 0))), (GAP, top))
    below = top + BAR + 1
    pen.text((GAP, below), low, INK, font)
    pen.text((width - GAP - font.getlength(high), below), high, INK, font)
    room = width - 4 * GAP - font.getlength(low) - font.getlength(high)
    if font.getlength(found.meaning) <= room:
        pen.text(((width - font.getlength(found.meaning)) / 2, below), found.meaning, INK, font)
    return np.asarray(strip, np.float32) / 255.0


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def with_legend(found: Map, title: str) -> np.ndarray:
    """The picture with its legend below."""
    return np.concatenate([found.image, legend(found, title, found.image.shape[1])])
