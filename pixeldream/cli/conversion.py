"""Pictures to legal pictures by options that are resolved: what ``convert`` and ``rerun`` do, for one or for many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pixeldream import images
from pixeldream.cli.common import blame
from pixeldream.cli.convert_options import ConvertOptions
from pixeldream.cli.inputs import Inputs, Source
from pixeldream.cli.recipe import Recipe, make, sha256
from pixeldream.look import Look
from pixeldream.plugin.registry import Registry
from pixeldream.retro.mode import Picture

if TYPE_CHECKING:
    from pixeldream.api import Frames


@dataclass(frozen=True)
class Place:
    """Where a picture lies: a file, and which of its frames, counted from 0."""

    file: str
    frame: int = 0


@dataclass(frozen=True)
class Made:
    """A legal picture and how it came about. ``untouched``: it was legal already, and no pixel is changed."""

    picture: Picture
    recipe: Recipe
    untouched: bool


@dataclass(frozen=True)
class Conversion:
    """What all pictures of a run share. ``mask``: sRGB float32 of any size, where detail counts. ``inputs``,
    ``plugins``: SHA-256 by file name."""

    registry: Registry
    options: ConvertOptions
    look: Look
    mask: np.ndarray | None
    inputs: Mapping[str, str]
    plugins: Mapping[str, str]

    def drawn(self, source: Source) -> Picture | None:
        """The picture that shows every pixel of the image; ``None`` where it is not legal, or is to be adjusted."""
        from pixeldream.api import draw_look

        if self.options.adjustments():
            return None
        return self._native(source) or draw_look(source.drawing, self.look, source.order)

    def _native(self, source: Source) -> Picture | None:
        """The picture of a native file of the mode, with every bit as it was, unless colours are asked for."""
        picture, options = source.picture, self.options
        if picture is None or picture.mode.name != self.look.mode.name or picture.mode.size != self.look.mode.size:
            return None
        if options.lock or options.only or options.palette is not None:
            return None
        return picture if options.border is None else replace(picture, border=self.look.border)

    def fitted(self, source: Source) -> np.ndarray:
        """float32 ``[height, width, 3]`` in display pixels, adjusted."""
        look, fit = self.look, self.options.fit
        image = images.fit_drawing(source.image, source.drawing, look.mode, look.palettes(), fit)
        return self.options.adjustments().apply(image)

    def begin(self, first: Source) -> Frames:
        """What converts the pictures of a moving one, or one alone."""
        from pixeldream.api import Frames, Way
        from pixeldream.retro.perceived import CALM

        look, options = self.look, self.options
        calm = CALM if options.calm is None else options.calm
        detail = None
        if self.mask is not None:
            detail = images.fit_detail(self.mask, first.drawing, look.mode, look.palettes(), options.fit)
        return Frames(look, Way(options.how, calm, detail))


class Reel:
    """The pictures of one moving picture in turn, or one alone."""

    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion
        self._inputs = Inputs(conversion.options.large)
        self._frames: Frames | None = None

    def next(self, place: Place) -> Made:
        """Raises ``ValueError`` or ``OSError`` for a picture that can't be read or converted; the next may still be."""
        whole = self._conversion
        source = self._inputs.source(whole.registry, place.file, place.frame)
        with blame(whole.registry, ("modes", whole.look.mode.name)):
            picture = whole.drawn(source)
            untouched = picture is not None
            if picture is None:
                self._frames = self._frames or whole.begin(source)
                picture = self._frames.next(whole.fitted(source))
        return Made(picture, self._recipe(place), untouched)

    def _recipe(self, place: Place) -> Recipe:
        whole, files = self._conversion, tuple(self._inputs.hashes)
        number = (place.frame + 1 if len(files) == 1 else len(files)) if whole.options.frames else 0
        options = replace(whole.options, image=files, frame=number)
        return make("convert", options, {**whole.inputs, **self._inputs.hashes}, plugins=whole.plugins)


def prepare(registry: Registry, options: ConvertOptions, plugins: Iterable[Path] = ()) -> Conversion:
    """Everything that can be wrong without jax, other than the pictures, is found here: ``ValueError`` or
    ``UnknownName``, in one line."""
    inputs = Inputs(options.large)
    options.adjustments()
    look = inputs.look(registry, options)
    mask = None if options.detail is None else inputs.image(registry, options.detail)
    return Conversion(registry, options, look, mask, inputs.hashes, {str(path): sha256(path) for path in plugins})


def last(conversion: Conversion, places: Sequence[Place]) -> Made:
    """The picture of the last place, made as the last of a moving one. Raises ``ValueError``, ``OSError``."""
    reel = Reel(conversion)
    for place in places[:-1]:
        try:
            reel.next(place)
        except (ValueError, OSError):  # it was left out then as well
            continue
    return reel.next(places[-1])
