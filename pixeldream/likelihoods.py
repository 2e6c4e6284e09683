"""How likely a picture is under every registered dither that it can be drawn again with, on pixels of a shape. No
jax."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pixeldream.neural.dither_reader import Compared
from pixeldream.neural.dither_statistics import STEP, middle
from pixeldream.plugin.registry import Registry
from pixeldream.retro import replay
from pixeldream.retro.dither import Dither, Ordered, PatternDither, shaped, tiled
from pixeldream.retro.planes import planes_of
from pixeldream.templates import kernels_for

SPREADS = (0.1, 0.25)
"""How far off the estimate may be from which errors are followed, in colour distances."""

FEW = 4
"""Colours of a pixel that are looked at where errors are followed, its own among them."""

WINDOW = (96, 128)
"""Rows and columns that dithers are tried on, in the middle of the picture."""

FINE, COARSE = 2, 4
"""Binomial blurs of the estimates."""

CLOSE = (1.0, 2, 0.05)
"""Edges, turns and spread of the estimate where matrices are told apart that differ little."""


class Likelihoods:
    """Of pictures whose pixels cover ``repeats`` (across, down) display pixels."""

    def __init__(self, registry: Registry, compared: Compared, repeats: tuple[int, int]) -> None:
        held = registry.dithers.values
        self._placed = [shaped(held[name], repeats) if name in held else None for name in compared.traced]
        self._kernels = kernels_for(registry, compared.kernels, repeats)

    def __call__(
        self, image: np.ndarray, cell: tuple[int, int] | None, palette: np.ndarray | None = None
    ) -> tuple[np.ndarray, float]:
        """float32 ``[placed + spreads * kernels]``: log likelihoods for each pixel that had a choice, and how many
        those are. ``image``: uint8, in its own pixels; ``cell`` and ``palette`` as for ``planes_of``. 0 for dithers
        that are not registered."""
        planes = planes_of(_window(image), cell, palette)
        borders = replay.borders_of(planes)
        pixels = float(borders.used.sum())
        if not pixels:
            return np.zeros(len(self._placed) + len(SPREADS) * len(self._kernels), np.float32), 0.0
        fine = replay.smooth(planes, borders, FINE)(planes.linear[:, :, 0])
        few = replay.Planes(*(each[:, :, :FEW] for each in planes))
        followed = replay.diffused(few, replay.borders_of(few), self._kernels, SPREADS, fine)
        found = np.concatenate([_of_places(planes, borders, self._placed), followed / max(1.0, pixels)])
        return found.astype(np.float32), pixels


def _window(image: np.ndarray) -> np.ndarray:
    """The part that shows most of the dither, in step with all matrices; small pictures are repeated."""
    image = middle(image)
    calm = _calm((image.astype(np.float32) / 255).mean(-1, keepdims=True))
    tops, lefts = (range(0, max(0, side - most) + 1, STEP) for side, most in zip(image.shape[:2], WINDOW, strict=True))
    shown = {(top, left): calm[top : top + WINDOW[0], left : left + WINDOW[1]].sum() for top in tops for left in lefts}
    top, left = max(shown, key=lambda place: shown[place])
    return image[top : top + WINDOW[0], left : left + WINDOW[1]]


def _calm(grey: np.ndarray) -> np.ndarray:
    """``[height, width]``: near 1 where there is grain in even shades, 0 in flat places and in busy ones."""
    fine = replay.blurred(grey, 2)
    grain = replay.blurred(np.square(grey - fine), 4)[..., 0]
    change = replay.blurred(np.square(fine - replay.blurred(fine, 4)), 4)[..., 0]
    return np.where(grain > 1e-6, grain / (grain + 4 * change + 1e-6), 0)


def _of_places(planes: replay.Planes, borders: replay.Borders, dithers: Sequence[Dither | None]) -> np.ndarray:
    """Of threshold matrices and pattern dithers, for each pixel."""
    blur = replay.smooth(planes, borders, COARSE)
    size, pixels = planes.there.shape[1::-1], max(1.0, float(borders.used.sum()))
    found = np.zeros(len(dithers))
    for number, dither in enumerate(dithers):
        if isinstance(dither, Ordered):
            found[number] = replay.ordered(planes, borders, tiled(dither.thresholds(), size), blur)
        elif isinstance(dither, PatternDither):
            ranks = dither.matrix.matrix()
            place, count = tiled(ranks, size), int(ranks.max()) + 1
            found[number] = replay.pattern(planes, borders, dither.plan, place, count, blur)
    return found / pixels


def apart(
    image: np.ndarray, dithers: Sequence[Ordered], cell: tuple[int, int] | None, palette: np.ndarray | None = None
) -> list[float]:
    """The log likelihood of the whole picture under each of these matrices, which may differ in few pixels."""
    planes = planes_of(middle(image), cell, palette)
    borders = replay.borders_of(planes)
    blur = replay.smooth(planes, borders, COARSE, CLOSE[0])
    size = planes.there.shape[1::-1]
    return [
        float(replay.ordered(planes, borders, tiled(each.thresholds(), size), blur, *CLOSE[1:])) for each in dithers
    ]
