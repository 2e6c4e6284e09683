"""The nearest picture of an Amstrad CPC: as for any palette that a machine mixes itself, but for one thing.

With two or four colours of 27 a dithered picture needs others than a plain one: black and white instead of two greys.
"""

from __future__ import annotations

from typing import Any

import pixeldream as pd

GAMUT = pd.Gamut("cpc", (3, 3, 3), "Amstrad CPC firmware manual: each component off, half or full", (0, 128, 255))
"""An index is (red * 3 + green) * 3 + blue."""


def solve(image: Any, palette: Any, locks: Any, dither: Any, amount: Any) -> Any:
    """A ``Solution``; see ``pixeldream.retro.solve``."""
    chosen = pd.gamut_palette(GAMUT, image, locks.shape[0], locks, mixing=dither != pd.NONE)
    colours = tuple(chosen.reshape(-1, 1, 1))
    return pd.Solution(follow(image, palette, colours, dither, amount), colours)


def follow(image: Any, palette: Any, colours: Any, dither: Any, amount: Any) -> Any:
    """int32 ``[height, width]``: each pixel's ink, for inks that are chosen."""
    choices = _shown(colours)
    return pd.choose_pixels(image, choices[None, None], choices, dither, amount)


def render(solution: Any, palette: Any) -> Any:
    """float32 ``[height, width, 3]`` of a solution or a picture."""
    return _shown(solution.colours)[solution.pixels]


def _shown(colours: Any) -> Any:
    """sRGB ``[inks, 3]``."""
    import jax.numpy as jnp

    return pd.gamut_colours(GAMUT, jnp.stack([jnp.asarray(held, jnp.int32)[0, 0] for held in colours]))
