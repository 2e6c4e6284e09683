"""Input files, read and hashed before a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pixeldream import images
from pixeldream.cli.native import read_native
from pixeldream.cli.options import LookOptions, OptionError
from pixeldream.cli.recipe import sha256
from pixeldream.look import CONVERT_DITHER, Look, look
from pixeldream.neural.loss import Weighted
from pixeldream.neural.regions import RGB8, colour_of
from pixeldream.plugin.registry import Registry
from pixeldream.retro.display import display_aspect, display_size
from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.palette import Palette, read_palette


@dataclass(frozen=True)
class Source:
    """An input picture. ``image``: float32 ``[height, width, 3]`` in square pixels, as far as the file says.
    ``drawing``: uint8, its pixels repeated to about their shape. ``picture``: that of a native file. ``order``: the
    colours of an indexed one."""

    image: np.ndarray
    drawing: np.ndarray
    picture: Picture | None = None
    order: np.ndarray | None = None


def read_source(
    registry: Registry, name: str, *, large: bool = False, background: tuple[float, float, float] = images.WHITE
) -> Source:
    """An ordinary picture, its transparent pixels on ``background``, or a native file. Raises ``ImageError``,
    ``FormatError``."""
    return _source(registry, images.read_bytes(name, large=large), name, large, background=background)


def _source(
    registry: Registry,
    data: bytes,
    name: str,
    large: bool,
    frame: int = 0,
    background: tuple[float, float, float] = images.WHITE,
) -> Source:
    native = read_native(registry, data, Path(name), frame)
    if native is None:
        image = images.decode(data, name, background=background, large=large, frame=frame)
        return Source(image, images.as_bytes(image), order=images.palette_of(data))
    picture = native.shown if isinstance(native.shown, Picture) else None
    return Source(native.square(), images.as_bytes(native.repeated()), picture)


@dataclass
class Inputs:
    """Reads files; ``hashes`` holds the SHA-256 of each by its name as given."""

    large: bool = False
    hashes: dict[str, str] = field(default_factory=dict)

    def image(self, registry: Registry, name: str) -> np.ndarray:
        """float32 ``[height, width, 3]`` in square pixels. Raises as :meth:`source`."""
        return self.source(registry, name).image

    def source(self, registry: Registry, name: str, frame: int = 0) -> Source:
        """An ordinary picture, or frame number ``frame`` of an animated one, or a native file. Raises ``ImageError``,
        ``FormatError``."""
        data = images.read_bytes(name, large=self.large)
        source = _source(registry, data, name, self.large, frame)
        self.hashes[name] = hashlib.sha256(data).hexdigest()
        return source

    def look(self, registry: Registry, options: LookOptions) -> Look:
        """The mode and its colours. Raises ``UnknownName`` or ``ValueError``."""
        images.check_fit(options.fit)
        palette = options.palette
        if palette is not None and is_palette_file(registry, palette):
            self.hashes[palette] = sha256(Path(palette))
            return self._look(registry, options, read_palette(Path(palette)))
        return self._look(registry, options, palette)

    @staticmethod
    def _look(registry: Registry, options: LookOptions, palette: str | Palette | None) -> Look:
        return look(
            registry, options.mode, palette=palette, dither=options.dither or CONVERT_DITHER, locks=options.locks(),
            border=options.border, flicker=options.flicker, only=options.only_colours(),
        )  # fmt: skip


def is_palette_file(registry: Registry, name: str) -> bool:
    """Whether a palette's name means a file: no palette is called that, and it ends like one or is there."""
    return name not in registry.palettes and (name.lower().endswith(".gpl") or Path(name).is_file())


def sample(mode: Mode) -> np.ndarray:
    """The embedded picture in display pixels of ``mode``."""
    return images.fit(unfitted_sample(mode), mode)


def unfitted_sample(mode: Mode) -> np.ndarray:
    """The embedded picture in square pixels."""
    from pixeldream import scenes

    # Twice as large and of the screen's true shape: shrinking it smooths the edges.
    height = 2 * display_size(mode)[1]
    return scenes.sample_content(round(height * display_aspect(mode)), height)


class StyleFile(NamedTuple):
    """A style as it is asked for. ``region``: its colour in a mask, if any."""

    name: str
    weight: float = 1.0
    region: RGB8 | None = None


def style_file(text: str) -> StyleFile:
    """``FILE[:WEIGHT][@COLOUR]``. A file of just that name wins. Raises :class:`OptionError` for a weight or a colour
    that is none."""
    name, at, tail = text.rpartition("@")
    if not at or not name or Path(text).exists():
        return StyleFile(*_split_weight(text))
    try:
        region = colour_of(tail)
    except ValueError as error:
        if Path(_split_weight(name)[0]).exists():
            raise OptionError(f"style {text!r}: {error}, behind any weight: FILE:2@red") from None
        return StyleFile(*_split_weight(text))
    return StyleFile(*_split_weight(name), region)


def _split_weight(text: str) -> tuple[str, float]:
    name, colon, tail = text.rpartition(":")
    if not colon or not name or Path(text).exists():
        return text, 1.0
    try:
        weight = float(tail)
    except ValueError:
        if Path(name).exists():
            raise OptionError(f"style {text!r}: the weight {tail!r} is no number") from None
        return text, 1.0
    if not 0 < weight < float("inf"):
        raise OptionError(f"style {text!r}: the weight is a number above 0, not {tail}; leave the style out instead")
    return name, weight


def named_network(registry: Registry, text: str) -> tuple[Any, str | None]:
    """The network of ``NAME[=FILE]``, and its file of weights. Raises ``UnknownName`` or :class:`OptionError`."""
    name, equals, file = text.partition("=")
    if equals and not (name and file):
        raise OptionError(f"network {text!r} is not NAME or NAME=FILE")
    network = registry.networks[name]
    if not file and network.weights is None and network.download is None:
        raise OptionError(f"network {name!r} comes without weights; name a file: {name}=FILE")
    if file and not Path(file).is_file():
        raise OptionError(f"network {text!r}: there is no file {file!r}; check the name")
    return network, file or None


def named_losses(registry: Registry, texts: Iterable[str]) -> list[Weighted]:
    """The losses of ``NAME[:WEIGHT]``. Raises ``UnknownName`` or :class:`OptionError`."""
    chosen: dict[str, Weighted] = {}
    for text in texts:
        name, colon, tail = text.partition(":")
        loss = registry.losses[name]
        if name in chosen:
            raise OptionError(f"loss {name!r} is asked for twice; give it once, with the weight of both")
        chosen[name] = Weighted(loss, _weight(text, tail) if colon else 1.0)
    return list(chosen.values())


def _weight(text: str, tail: str) -> float:
    try:
        weight = float(tail)
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise OptionError(f"loss {text!r}: the weight behind the colon is a number above 0, not {tail!r}")
    return weight
