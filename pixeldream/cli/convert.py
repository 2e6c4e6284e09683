"""``pixeldream convert``: the best legal picture of an image, without a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pixeldream import images
from pixeldream.cli import output
from pixeldream.cli.common import blame, open_registry, plugin_files, say, tell
from pixeldream.cli.encode import encode
from pixeldream.cli.inputs import Inputs, Source
from pixeldream.cli.options import ConvertOptions, NoMetadata, OutputFiles, PluginFiles, Quiet, command_of
from pixeldream.cli.recipe import Recipe, make, sha256
from pixeldream.look import Look
from pixeldream.plugin.registry import Registry
from pixeldream.retro.mode import Picture


@dataclass(frozen=True)
class Conversion:
    """A conversion whose names are resolved and whose image is read: float32 ``[height, width, 3]``, display pixels.

    ``source``: the image as it came.
    """

    options: ConvertOptions
    look: Look
    image: np.ndarray
    source: Source
    inputs: Mapping[str, str]
    plugins: Mapping[str, str]

    def picture(self) -> Picture:
        """The legal picture: the drawing itself where it is one already."""
        return self.drawn() or self.best()

    def drawn(self) -> Picture | None:
        """The picture that shows every pixel of the image; ``None`` where it is not legal."""
        from pixeldream.api import draw_look

        return self._native() or draw_look(self.source.drawing, self.look, self.source.order)

    def best(self) -> Picture:
        """The best legal picture of an image that is none."""
        from pixeldream.api import convert_look

        return convert_look(self.image, self.look)

    def _native(self) -> Picture | None:
        """The picture of a native file of the mode, with every bit as it was, unless colours are asked for."""
        picture, options = self.source.picture, self.options
        if picture is None or picture.mode.name != self.look.mode.name or picture.mode.size != self.look.mode.size:
            return None
        if options.lock or options.palette is not None:
            return None
        return picture if options.border is None else replace(picture, border=self.look.border)

    def recipe(self) -> Recipe:
        """How it came about."""
        return make("convert", self.options, self.inputs, plugins=self.plugins)


def prepare(registry: Registry, options: ConvertOptions, plugins: Iterable[Path] = ()) -> Conversion:
    """Everything that can be wrong without jax is found here: ``ValueError`` or ``UnknownName``, in one line."""
    inputs = Inputs(options.large)
    look = inputs.look(registry, options)
    source = inputs.source(registry, options.image)
    image = images.fit_drawing(source.image, source.drawing, look.mode, look.palettes(), options.fit)
    return Conversion(options, look, image, source, inputs.hashes, {str(path): sha256(path) for path in plugins})


@command_of(ConvertOptions)
def convert(
    options: ConvertOptions,
    output_: OutputFiles = None,
    no_metadata: NoMetadata = False,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Turn an image into a legal picture, without a network.

    A drawing that is legal already (see 'pixeldream check') keeps every pixel.

    Without --output it writes IMAGE-MODE in the mode's usual format, as a program and as PNG, into the current folder.
    """
    registry = open_registry(plugin)
    conversion = prepare(registry, options, plugin_files(plugin))
    mode = conversion.look.mode
    outputs = output.plan(registry, mode, output_ or output.usual(registry, mode, Path(options.image).stem))
    output.check([each.path for each in outputs], [*conversion.inputs, *conversion.plugins])
    with blame(registry, ("modes", mode.name)):
        picture = conversion.drawn()
        if picture is not None and not quiet:
            say(f"{options.image} is legal in {mode.name}: no pixel is changed")
        picture = picture or conversion.best()
    contents = encode(registry, outputs, picture, options, None if no_metadata else conversion.recipe())
    output.write_files(contents)
    for path in contents:
        tell(str(path))
