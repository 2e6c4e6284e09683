"""Which technique drew a picture: machine, mode, palette, size of the pixels, and dither, with probabilities.

What is exact comes from ``pixeldream.retro.evidence``: legality is proof, no guess. The dither is named by a small
network (``pixeldream.neural.dither_reader``), which needs the true pixels that the evidence found.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np

from pixeldream import images
from pixeldream.look import look
from pixeldream.neural.dither_reader import Compared, Reader
from pixeldream.neural.dither_statistics import finer
from pixeldream.neural.weights import WeightsError, load_weights, read_facts
from pixeldream.plugin.registry import Registry, load
from pixeldream.retro import evidence
from pixeldream.retro.clash import packed
from pixeldream.retro.display import repeats
from pixeldream.retro.dither import Ordered, PatternDither, kind, shaped
from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.palette import Gamut, Palette
from pixeldream.templates import SEARCH, Measure, cell_of, distinct

WEIGHTS = "recognise.safetensors"
"""The network that comes with the package."""

FAMILIES = (("bayer8", "bayer16"), ("bayer4", "bayer8"), ("knoll", "knoll8"))
"""Pairs of a coarse and a fine matrix that agree on neighbours; the finest first."""

EVEN, SLOPE = 2.3, 1.5
"""Standard deviations at which both of a pair are equally likely, and how fast that changes."""

LISTED = 0.001
"""What is less likely than this is left out."""


@dataclass(frozen=True, eq=False)
class Recognised:
    """What a picture was drawn with.

    ``modes``, ``machines``, ``dithers``, ``kinds`` (of dither), ``palettes``: probabilities by name, the likeliest
    first; those of machines sum to 1 with :attr:`no_machine`, those of modes to less where only the machine shows.
    ``size``: (width, height) in true pixels. ``pixel``: pixels of the image that each covers (across, down).
    ``offset``: where the screen begins (x, y). ``exact``: whether the first mode shows it without a pixel changed.
    ``image``: uint8, in true pixels.
    """

    modes: Mapping[str, float]
    machines: Mapping[str, float]
    palettes: Mapping[str, float]
    dithers: Mapping[str, float]
    kinds: Mapping[str, float]
    no_machine: float
    size: tuple[int, int]
    pixel: tuple[int, int]
    offset: tuple[int, int] = (0, 0)
    exact: bool = False
    colours: int = 0
    image: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 3), np.uint8), repr=False)

    @property
    def mode(self) -> str | None:
        """The likeliest mode; ``None`` where no machine is likelier."""
        first = next(iter(self.modes), None)
        return first if first is not None and self.modes[first] >= self.no_machine else None

    @property
    def machine(self) -> str | None:
        """The likeliest machine; ``None`` where none is likelier."""
        first = next(iter(self.machines), None)
        return first if first is not None and self.machines[first] >= self.no_machine else None

    @property
    def dither(self) -> str:
        """The likeliest dither."""
        return next(iter(self.dithers), "none")

    @property
    def palette(self) -> str | None:
        """The likeliest palette, or the gamut that it was mixed in; ``None`` where no machine is likelier."""
        return next(iter(self.palettes), None) if self.mode is not None else None


def recognise(image: Any, *, registry: Registry | None = None) -> Recognised:
    """What ``image`` (``[height, width, 3]``, uint8 or float; or a ``Picture``, whose mode is known) was drawn with.

    Whole pixels may be repeated, and a border of one colour may surround the screen. Raises ``ImageError`` for what is
    no image.
    """
    registry = registry or load()
    if isinstance(image, Picture):
        return _of_picture(registry, image)
    pixels = images.as_bytes(images.as_float(image))
    seen = modes_of(registry, pixels)
    if seen.mode is not None:
        first = seen.found[0]
        drawing, scale, offset, mode = first.image, first.scale, first.offset, first.mode
        named = _same_colours(drawing, first.palette, _palettes(registry, first.mode))
    else:
        view = evidence.view_of(pixels)
        drawing, offset, mode, named = view.image[:: view.steps[1], :: view.steps[0]], view.offset, None, {}
        scale = view.steps[0] * view.scale, view.steps[1] * view.scale
    return Recognised(
        _sorted(seen.modes), _sorted(seen.machines), named, *_dithers(registry, drawing, mode), seen.no_machine,
        (drawing.shape[1], drawing.shape[0]), scale, offset, bool(seen.found and seen.found[0].exact),
        len(np.unique(packed(drawing))), drawing,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Seen:
    """What is exact: ``found``, the likeliest first; probabilities of modes and machines by name. Those of machines sum
    to 1 with ``no_machine``; those of modes may sum to less, where a machine shows but none of its modes."""

    found: tuple[evidence.Found, ...]
    modes: Mapping[str, float]
    machines: Mapping[str, float]
    no_machine: float

    @property
    def mode(self) -> str | None:
        """The likeliest mode; ``None`` where no machine is likelier."""
        first = next(iter(_sorted(self.modes)), None)
        sure = first is not None and self.found[0].known and self.modes[first] >= self.no_machine
        return first if sure else None


def modes_of(registry: Registry, image: np.ndarray) -> Seen:
    """The modes that show ``image``, uint8 ``[height, width, 3]``, or almost do. No jax."""
    modes = list(registry.modes.values.values())
    palettes = {mode.name: _palettes(registry, mode) for mode in modes if mode.gamut is None}
    found, nothing = evidence.modes_of(image, modes, palettes)
    weights = np.asarray([*(each.weight for each in found), nothing])
    shares = np.exp(weights - weights.max())
    shares = shares / shares.sum()
    of_modes: dict[str, float] = {}
    of_machines: dict[str, float] = {}
    for each, share in zip(found, shares[:-1].tolist(), strict=True):
        if each.known:
            of_modes[each.mode.name] = of_modes.get(each.mode.name, 0.0) + share
        of_machines[each.mode.machine] = of_machines.get(each.mode.machine, 0.0) + share
    return Seen(tuple(found), of_modes, of_machines, float(shares[-1]))


def _of_picture(registry: Registry, picture: Picture) -> Recognised:
    """A native file says its mode itself."""
    drawing, mode = picture.image(), picture.mode
    return Recognised(
        {mode.name: 1.0}, {mode.machine: 1.0}, {picture.palette.name: 1.0},
        *_dithers(registry, drawing, mode), 0.0, (drawing.shape[1], drawing.shape[0]), (1, 1), (0, 0), True,
        len(np.unique(packed(drawing))), drawing,
    )  # fmt: skip


def _palettes(registry: Registry, mode: Mode) -> tuple[Palette, ...]:
    return tuple(each for each in look(registry, mode.name).palettes() if isinstance(each, Palette))


def _same_colours(drawing: np.ndarray, taken: Palette | Gamut, others: tuple[Palette, ...] | tuple) -> dict[str, float]:
    """The palettes that hold as much of the picture as the one taken does, equally likely."""
    if isinstance(taken, Gamut):
        return {taken.name: 1.0}
    used = np.unique(packed(drawing))
    held = {each.name: np.isin(used, packed(each.rgb(np.arange(each.count)))).mean() for each in others}
    best = held.get(taken.name, 0.0)
    names = [taken.name, *(name for name, share in held.items() if share == best and name != taken.name)]
    return dict.fromkeys(names, 1 / len(names))


def _sorted(shares: Mapping[str, float]) -> dict[str, float]:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return {name: share for name, share in ordered if share >= LISTED}


def _dithers(registry: Registry, drawing: np.ndarray, mode: Mode | None) -> tuple[dict[str, float], dict[str, float]]:
    """Probabilities of dithers and of their kinds. ``mode``: that shows the drawing, if one is known."""
    reader = own_reader()
    shape = (1, 1) if mode is None else repeats(mode)
    measured = Measure(registry, reader.compared, shape)(drawing, None if mode is None else cell_of(mode))
    scores = dict(zip(reader.names, reader.read(measured).tolist(), strict=True))
    known = {*distinct(registry, shape), SEARCH}
    possible = {name: score for name, score in scores.items() if name in known}
    for coarse, fine in FAMILIES:
        _split(registry, drawing, shape, possible, coarse, fine)
    whole = math.fsum(possible.values()) or 1.0
    shares = {name: score / whole for name, score in possible.items()}
    kinds: dict[str, float] = {}
    for name, share in shares.items():
        what = kind_of(registry, name)
        kinds[what] = kinds.get(what, 0.0) + share
    return _sorted(shares), _sorted(kinds)


def _split(
    registry: Registry, drawing: np.ndarray, shape: tuple[int, int], shares: dict[str, float], coarse: str, fine: str
) -> None:
    """Divides what two dithers of one family have together by the order of the pixels that only one tells apart."""
    both = [registry.dithers.values.get(name) for name in (coarse, fine)]
    if not all(name in shares and isinstance(each, Ordered | PatternDither)
               for name, each in zip((coarse, fine), both, strict=True)):  # fmt: skip
        return
    fitted = [shaped(each.matrix if isinstance(each, PatternDither) else each, shape) for each in both if each]
    matrices = [each.thresholds() for each in fitted if isinstance(each, Ordered)]
    together = shares[coarse] + shares[fine]
    score = finer(drawing, matrices[1], max(matrices[0].shape))
    shares[fine] = together / (1 + math.exp(-max(-30.0, min(30.0, SLOPE * (score - EVEN)))))
    shares[coarse] = together - shares[fine]


def kind_of(registry: Registry, name: str) -> str:
    """What the kind of a dither is called; ``none`` and the search are kinds of their own, and all error diffusions are
    one."""
    called = name if name in ("none", SEARCH) else kind(registry.dithers[name])
    return "error diffusion" if "error diffusion" in called else called


@lru_cache
def own_reader() -> Reader:
    """The network that comes with the package. Raises ``WeightsError``."""
    with resources.as_file(resources.files("pixeldream.neural") / WEIGHTS) as path:
        arrays, facts = load_weights(path), read_facts(path)
    try:
        compared = Compared(*(tuple(facts[each].split()) for each in ("templates", "kernels", "traced")))
        return Reader(tuple(facts["names"].split()), compared, arrays)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{WEIGHTS} is not whole ({error}); install pixeldream again") from None
