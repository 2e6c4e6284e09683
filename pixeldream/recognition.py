"""Which technique drew a picture: machine, mode, palette, size of the pixels, and dither, with probabilities.

What is exact comes from ``pixeldream.retro.evidence``: legality is proof, no guess. The dither is named by a small
network (``pixeldream.neural.dither_reader``) together with how likely the picture is under each dither
(``pixeldream.likelihoods``); both need the true pixels that the evidence found.
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
from pixeldream.likelihoods import Likelihoods, apart
from pixeldream.look import look
from pixeldream.neural.dither_reader import Compared, Reader
from pixeldream.neural.dither_stack import Stack
from pixeldream.neural.weights import WeightsError, load_weights, read_facts
from pixeldream.plugin.registry import Registry, load
from pixeldream.retro import evidence
from pixeldream.retro.clash import packed
from pixeldream.retro.display import repeats
from pixeldream.retro.dither import Ordered, kind, shaped
from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.palette import Gamut, Palette
from pixeldream.templates import SEARCH, Measure, cell_of, distinct

WEIGHTS = "recognise.safetensors"
"""The network that comes with the package."""

FAMILY = ("bayer2", "bayer4", "bayer8", "bayer16")
"""Matrices each of which refines the one before: they differ in few pixels, for which the whole picture is asked."""

DOUBT = 1.0
"""What differences of log likelihoods between them are multiplied with."""

CLEAR = 32
"""Colours up to which a dither is clear enough to be followed pixel by pixel."""

POSSIBLE = 0.02
"""From which probability on one of them is asked for."""

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
        drawing, scale, offset, mode, palette = first.image, first.scale, first.offset, first.mode, first.palette
        named = _same_colours(drawing, first.palette, _palettes(registry, first.mode))
    else:
        view = evidence.view_of(pixels)
        drawing, offset = view.image[:: view.steps[1], :: view.steps[0]], view.offset
        mode, palette, named = None, None, {}
        scale = view.steps[0] * view.scale, view.steps[1] * view.scale
    return Recognised(
        _sorted(seen.modes), _sorted(seen.machines), named,
        *_dithers(registry, drawing, mode, palette), seen.no_machine,
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
        *_dithers(registry, drawing, mode, picture.palette), 0.0,
        (drawing.shape[1], drawing.shape[0]), (1, 1), (0, 0), True,
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


def _dithers(
    registry: Registry, drawing: np.ndarray, mode: Mode | None, palette: Palette | Gamut | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Probabilities of dithers and of their kinds. ``mode`` and ``palette``: those that show the drawing, if known."""
    reader, stack = own_networks()
    shape, cell = ((1, 1), None) if mode is None else (repeats(mode), cell_of(mode))
    read = reader.read(Measure(registry, reader.compared, shape)(drawing, cell))
    whole = palette.values() if isinstance(palette, Palette) and cell is None else None
    if len(np.unique(packed(drawing))) <= CLEAR and (mode is None or mode.frames == 1):
        likely, pixels = Likelihoods(registry, reader.compared, shape)(drawing, cell, whole)
        read = stack.read(read, likely, np.asarray(pixels))
    scores = dict(zip(reader.names, read.tolist(), strict=True))
    alike = {**distinct(registry, shape), SEARCH: (SEARCH,)}
    possible = {name: score for name, score in scores.items() if name in alike}
    _tell_apart(registry, drawing, shape, cell, whole, possible)
    total = math.fsum(possible.values()) or 1.0
    shares = {each: score / total / len(alike[name]) for name, score in possible.items() for each in alike[name]}
    kinds: dict[str, float] = {}
    for name, share in shares.items():
        what = kind_of(registry, name)
        kinds[what] = kinds.get(what, 0.0) + share
    return _sorted(shares), _sorted(kinds)


def _tell_apart(
    registry: Registry, drawing: np.ndarray, shape: tuple[int, int], cell: tuple[int, int] | None,
    palette: np.ndarray | None, shares: dict[str, float],
) -> None:  # fmt: skip
    """Divides what the matrices of one family have together by how likely the whole picture is under each."""
    total = math.fsum(shares.values())
    asked = [name for name in FAMILY if shares.get(name, 0.0) > POSSIBLE * total]
    matrices = [shaped(registry.dithers[name], shape) for name in asked]
    if len(asked) < 2 or not all(isinstance(each, Ordered) for each in matrices):
        return
    likely = np.asarray(apart(drawing, [each for each in matrices if isinstance(each, Ordered)], cell, palette))
    weights = np.exp(DOUBT * (likely - likely.max()))
    together = math.fsum(shares[name] for name in asked)
    for name, weight in zip(asked, (weights / weights.sum()).tolist(), strict=True):
        shares[name] = together * weight


def kind_of(registry: Registry, name: str) -> str:
    """What the kind of a dither is called; ``none`` and the search are kinds of their own, and all error diffusions are
    one."""
    called = name if name in ("none", SEARCH) else kind(registry.dithers[name])
    return "error diffusion" if "error diffusion" in called else called


@lru_cache
def own_networks() -> tuple[Reader, Stack]:
    """The networks that come with the package. Raises ``WeightsError``."""
    with resources.as_file(resources.files("pixeldream.neural") / WEIGHTS) as path:
        arrays, facts = load_weights(path), read_facts(path)
    try:
        compared = Compared(*(tuple(facts[each].split()) for each in ("templates", "kernels", "traced")))
        names = tuple(facts["names"].split())
        return Reader(names, compared, arrays), Stack(names, compared, arrays)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{WEIGHTS} is not whole ({error}); install pixeldream again") from None
