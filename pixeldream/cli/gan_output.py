"""What a sibling of the GAN has made, as files: a PNG as it is, or a legal picture in any file of a mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixeldream import images
from pixeldream.cli import output
from pixeldream.cli.common import tell
from pixeldream.cli.encode import encode
from pixeldream.cli.options import LookOptions
from pixeldream.look import Look
from pixeldream.plugin.registry import Registry


@dataclass(frozen=True)
class Outputs:
    """Files to write. ``look``: of the mode that they are in, none for a PNG of any colours. ``fit``: how a picture of
    another shape comes onto the mode's screen."""

    registry: Registry
    look: Look | None
    paths: tuple[Path, ...]
    fit: str = "cover"

    def write(self, image: np.ndarray, quality: str = "best") -> None:
        """Writes float32 ``[height, width, 3]``; ``quality``: how it is made legal. Says what was written."""
        if self.look is None:
            output.write_files({path: images.to_png(image) for path in self.paths})
        else:
            from pixeldream.api import convert_look

            mode = self.look.mode
            legal = convert_look(images.fit(image, mode, self.fit), self.look, quality)
            planned = output.plan(self.registry, mode, self.paths)
            output.write_files(encode(self.registry, planned, legal, LookOptions(mode=mode.name), None))
        for path in self.paths:
            tell(str(path))


def outputs(
    registry: Registry, look: Look | None, named: Sequence[Path] | None, stem: str, source: str, fit: str = "cover"
) -> Outputs:
    """Those that are named, or the usual ones, called ``stem``; tried before any work. Raises ``OutputError``, and
    ``ImageError`` for another ``fit``."""
    images.check_fit(fit)
    if look is not None:
        paths = tuple(named or output.usual(registry, look.mode, stem))
        output.check([each.path for each in output.plan(registry, look.mode, paths)], [source])
        return Outputs(registry, look, paths, fit)
    paths = tuple(named or [Path(f"{stem}.png")])
    for path in paths:
        if path.suffix.lower() != ".png":
            raise output.OutputError(f"output {str(path)!r}: without --mode MODE only PNG is written; name it .png")
    output.check(paths, [source])
    return Outputs(registry, None, paths)
