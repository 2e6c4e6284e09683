"""A command of ``visualise``: its options made into a network, a photo and outputs; and its picture written."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pixeldream import images
from pixeldream.cli import output
from pixeldream.cli.common import blame, open_registry, plugin_files, tell
from pixeldream.cli.encode import encode
from pixeldream.cli.inputs import Inputs, named_network
from pixeldream.cli.options import OptionError
from pixeldream.cli.recipe import KEYWORD, make, sha256
from pixeldream.cli.visualise_options import Converted, SeeOptions, Sized
from pixeldream.cli.weights import ready
from pixeldream.look import Look
from pixeldream.retro.display import display_size
from pixeldream.retro.mode import Picture

if TYPE_CHECKING:
    from pixeldream.neural.watched import LoadedNetwork


class Run:
    """One command: everything that can be wrong without jax shows while it is made. ``photo``: float32 in display
    pixels, where the command takes one."""

    def __init__(
        self, method: str, options: SeeOptions, in_a_loop: bool, outputs: Sequence[Path] | None,
        plugin: Sequence[Path] | None, metadata: bool, quiet: bool,
    ) -> None:  # fmt: skip
        self.method, self.options, self.quiet, self._metadata = method, options, quiet, metadata
        files = plugin_files(plugin)
        self.registry = open_registry(plugin)
        self._inputs = Inputs(options.large)
        self._plugins = {str(path): sha256(path) for path in files}
        self._weights: dict[str, str] = {}
        self.look = self._look(in_a_loop)
        self._named = named_network(self.registry, options.network)
        self.photo = self._photo()
        self._plain, self._native = self._plan(outputs)
        inputs = [*self._inputs.hashes, *self._plugins, *([self._named[1]] if self._named[1] else [])]
        output.check([*self._plain, *(each.path for each in self._native)], inputs)

    def _look(self, in_a_loop: bool) -> Look | None:
        if self.options.mode is None:
            images.check_fit(self.options.fit)
            return None
        options = self.options.in_a_loop() if in_a_loop else self.options.afterwards()
        return self._inputs.look(self.registry, options)

    def _photo(self) -> np.ndarray | None:
        if not isinstance(self.options, Sized):
            return None
        image = self._inputs.image(self.registry, self.options.image)
        if self.look is None:
            return images.limit(image, self.options.size)
        return images.fit(image, self.look.mode, self.options.fit)

    def _plan(self, paths: Sequence[Path] | None) -> tuple[list[Path], list[output.Output]]:
        """The ordinary pictures to write, or the machine's."""
        stem = Path(self.options.image).stem if isinstance(self.options, Sized) else self.options.network.split("=")[0]
        asked = getattr(self.options, "class_", None) or self.options.layer
        tail = [] if asked is None else ["".join(letter if letter.isalnum() else "-" for letter in asked)]
        name = "-".join([stem, self.method, *tail])
        if self.look is not None:
            usual = paths or output.usual(self.registry, self.look.mode, name)
            return [], output.plan(self.registry, self.look.mode, usual)
        for path in paths or ():
            if path.suffix.lower() != ".png":
                raise OptionError(f"output {str(path)!r} is a machine's: say which mode, with -m; or write a .png")
        return list(paths or [Path(f"{name}.png")]), []

    def load(self) -> LoadedNetwork:
        """The network with its weights; fetched, where they are to be. Raises ``ValueError``."""
        network, file = self._named
        if file is None:
            ready([network], self.quiet)
        from pixeldream.neural.watched import LoadedNetwork
        from pixeldream.neural.weights import resolve

        built, arrays, digest = resolve(network, Path(file) if file else None)
        self._weights[self.options.network] = digest
        return LoadedNetwork(built, arrays)

    def blamed(self) -> AbstractContextManager[None]:
        """Whatever goes wrong in here is laid at the door of the plugins that take part."""
        used = [("networks", self._named[0].name)]
        return blame(self.registry, *used, *([("modes", self.look.mode.name)] if self.look else []))

    def write(self, found: np.ndarray | Picture, stopped: int = 0) -> None:
        """Writes all outputs of an image, float32, or of a legal picture, and says so."""
        whole = make(
            f"visualise {self.method}", self.options, self._inputs.hashes, weights=self._weights,
            plugins=self._plugins, stopped=stopped,
        )  # fmt: skip
        recipe = whole if self._metadata else None
        if self.look is not None:
            picture = found if isinstance(found, Picture) else self._legal(found)
            contents = encode(self.registry, self._native, picture, self.options, recipe)
        else:
            assert isinstance(found, np.ndarray)
            contents = dict.fromkeys(self._plain, _png(found, None if recipe is None else recipe.json()))
        output.write_files(contents)
        for path in contents:
            tell(str(path))

    def _legal(self, found: np.ndarray) -> Picture:
        from pixeldream.api import convert_look

        assert self.look is not None
        assert isinstance(self.options, Converted)
        with self.blamed():
            width, height = display_size(self.look.mode)
            fitting = found.shape[:2] == (height, width)
            shown = found if fitting else images.fit(found, self.look.mode, "contain")
            return convert_look(shown, self.look, self.options.how)


def _png(image: np.ndarray, recipe: str | None) -> bytes:
    file, text = BytesIO(), PngInfo()
    if recipe is not None:
        text.add_text(KEYWORD, recipe)
    Image.fromarray(images.as_bytes(np.clip(image, 0.0, 1.0))).save(file, "PNG", pnginfo=text)
    return file.getvalue()
