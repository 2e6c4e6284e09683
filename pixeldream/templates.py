"""The registered dithers as the network of ``recognise`` takes them: threshold matrices as arrays, kernels as taps, and
which dithers are one and the same on pixels of a shape. No jax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pixeldream.neural.dither_reader import Compared
from pixeldream.neural.dither_statistics import Kernel, middle, statistics
from pixeldream.plugin.registry import Registry
from pixeldream.retro.dither import Diffusion, Dither, Ordered, PatternDither, VariableDiffusion, shaped
from pixeldream.retro.mode import Mode
from pixeldream.retro.traces import traces

SEARCH = "search"
"""What the search for the least perceived error is called, which is no dither."""


def template_names(registry: Registry) -> tuple[str, ...]:
    """Dithers whose matrices are templates: every ordered one that has more than one threshold."""
    ordered = {name: each for name, each in registry.dithers.values.items() if isinstance(each, Ordered)}
    return tuple(name for name, each in ordered.items() if each.matrix().size > 1)


def templates_for(registry: Registry, names: Sequence[str], repeats: tuple[int, int]) -> list[np.ndarray]:
    """The thresholds of those dithers on pixels that cover ``repeats`` (across, down) display pixels; a single one
    where a dither is not registered."""
    found = []
    for name in names:
        dither = registry.dithers.values.get(name)
        fitted = shaped(dither, repeats) if isinstance(dither, Ordered) else None
        found.append(fitted.thresholds() if isinstance(fitted, Ordered) else np.zeros((1, 1), np.float32))
    return found


TONES = (10, 64, 107)
"""Levels at which a kernel that varies with the tone is taken."""

NO_KERNEL = ((1, 0, 0.0),)
"""Stands for the kernel of a dither that is not registered: nothing is handed on."""


def compared_with(registry: Registry) -> Compared:
    """Everything that pictures can be compared with. A kernel that varies stands once for each of :data:`TONES`, the
    tone behind a colon."""
    kernels: list[str] = []
    for name, dither in registry.dithers.values.items():
        if isinstance(dither, Diffusion):
            kernels.append(name)
        elif isinstance(dither, VariableDiffusion):
            kernels += [f"{name}:{tone}" for tone in TONES]
    drawn = (name for name, each in registry.dithers.values.items() if isinstance(each, Ordered | PatternDither))
    return Compared(template_names(registry), tuple(kernels), tuple(drawn))


def kernels_for(registry: Registry, names: Sequence[str], repeats: tuple[int, int]) -> list[Kernel]:
    """The kernels of :func:`compared_with`, on pixels that cover ``repeats`` display pixels."""
    found: list[Kernel] = []
    for each in names:
        name, _, tone = each.partition(":")
        dither = registry.dithers.values.get(name)
        fitted = shaped(dither, repeats) if dither is not None else None
        if isinstance(fitted, Diffusion):
            found.append([(right, down, weight / fitted.divisor) for right, down, weight in fitted.taps])
        elif isinstance(fitted, VariableDiffusion):
            shares = fitted.table()[int(tone)].tolist()
            found.append([(*place, share) for place, share in zip(fitted.places, shares, strict=True)])
        else:
            found.append(NO_KERNEL)
    return found


def cell_of(mode: Mode) -> tuple[int, int] | None:
    """Width and height of the smallest area that has colours of its own; ``None`` where that is the screen."""
    if mode.sub_palettes is not None:
        return mode.sub_palettes.area
    areas = [slot.area for slot in mode.slots if slot.area is not None]
    return min(areas, key=lambda area: area[0] * area[1]) if areas and mode.solve is None else None


class Measure:
    """Statistics of pictures whose pixels cover ``repeats`` (across, down) display pixels."""

    def __init__(self, registry: Registry, compared: Compared, repeats: tuple[int, int]) -> None:
        held = registry.dithers.values
        self._templates = templates_for(registry, compared.templates, repeats)
        self._kernels = kernels_for(registry, compared.kernels, repeats)
        self._traced = [shaped(held[name], repeats) if name in held else None for name in compared.traced]
        self._wide = repeats[0]

    def __call__(self, image: np.ndarray, cell: tuple[int, int] | None) -> np.ndarray:
        """float32 ``[n]`` of a picture in its own pixels, uint8; ``cell`` as for ``traces``."""
        part = middle(image)
        found = traces(part, self._traced, cell)
        return statistics(part, self._templates, self._kernels, found, self._wide)


def distinct(registry: Registry, repeats: tuple[int, int]) -> dict[str, tuple[str, ...]]:
    """Each dither by the name of the first that draws the same on pixels of that shape, with all that do."""
    found: dict[Dither, list[str]] = {}
    for name, dither in registry.dithers.values.items():
        found.setdefault(_bare(shaped(dither, repeats)), []).append(name)
    return {names[0]: tuple(names) for names in found.values()}


def _bare(dither: Dither) -> Dither:
    """What a dither draws, without what it is called."""
    if isinstance(dither, Ordered):
        ranks = tuple(map(tuple, dither.matrix().tolist()))
        return Ordered("", ranks)
    changes = {"name": "", "description": ""}
    if hasattr(dither, "wide"):
        changes["wide"] = ()  # type: ignore[assignment]
    bare = replace(dither, **changes)  # type: ignore[arg-type]
    return replace(bare, matrix=_bare(dither.matrix)) if hasattr(dither, "matrix") else bare  # type: ignore[arg-type]
