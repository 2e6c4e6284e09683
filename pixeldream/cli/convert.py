"""``pixeldream convert``: the best legal picture of an image, without a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixeldream import images
from pixeldream.cli import output
from pixeldream.cli.common import blame, open_registry, plugin_files, tell
from pixeldream.cli.encode import encode
from pixeldream.cli.inputs import Inputs
from pixeldream.cli.options import ConvertOptions, NoMetadata, OutputFiles, PluginFiles, Quiet, command_of
from pixeldream.cli.recipe import Recipe, make, sha256
from pixeldream.look import Look
from pixeldream.plugin.registry import Registry
from pixeldream.retro.mode import Picture


@dataclass(frozen=True)
class Conversion:
    """A conversion whose names are resolved and whose image is read: float32 ``[height, width, 3]``, display pixels."""

    options: ConvertOptions
    look: Look
    image: np.ndarray
    inputs: Mapping[str, str]
    plugins: Mapping[str, str]

    def picture(self) -> Picture:
        """The legal picture."""
        from pixeldream.api import convert_look

        return convert_look(self.image, self.look)

    def recipe(self) -> Recipe:
        """How it came about."""
        return make("convert", self.options, self.inputs, plugins=self.plugins)


def prepare(registry: Registry, options: ConvertOptions, plugins: Iterable[Path] = ()) -> Conversion:
    """Everything that can be wrong without jax is found here: ``ValueError`` or ``UnknownName``, in one line."""
    inputs = Inputs(options.large)
    look = inputs.look(registry, options)
    image = images.fit(inputs.image(options.image), look.mode, options.fit)
    return Conversion(options, look, image, inputs.hashes, {str(path): sha256(path) for path in plugins})


@command_of(ConvertOptions)
def convert(
    options: ConvertOptions,
    output_: OutputFiles = None,
    no_metadata: NoMetadata = False,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
) -> None:
    """Turn an image into a legal picture, without a network.

    Without --output it writes IMAGE-MODE in the mode's usual format, as a program and as PNG, into the current folder.
    """
    registry = open_registry(plugin)
    conversion = prepare(registry, options, plugin_files(plugin))
    mode = conversion.look.mode
    outputs = output.plan(registry, mode, output_ or output.usual(registry, mode, Path(options.image).stem))
    output.check([each.path for each in outputs], [*conversion.inputs, *conversion.plugins])
    with blame(registry, ("modes", mode.name)):
        picture = conversion.picture()
    contents = encode(registry, outputs, picture, options, None if no_metadata else conversion.recipe())
    output.write_files(contents)
    for path in contents:
        tell(str(path))
