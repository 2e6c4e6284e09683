"""The registered dithers as the network of ``recognise`` takes them: threshold matrices as arrays, and which dithers
are one and the same on pixels of a shape. No jax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pixeldream.plugin.registry import Registry
from pixeldream.retro.dither import Dither, Ordered, shaped

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
