"""GIF of moving pictures, in exactly their colours.

"Graphics Interchange Format, version 89a" (CompuServe, 1990); that it is shown over and over is Netscape's extension of
1995. Times are hundredths of a second.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from pixeldream_plugins import png

import pixeldream as pd

if TYPE_CHECKING:
    from PIL.Image import Image

HUNDREDTHS = 100
SHORTEST = 2
"""Hundredths of a second: what is shorter, viewers show much longer."""

COLOURS = 256


def write(animation: pd.Animation, options: pd.WriteOptions) -> bytes:
    """A GIF file that never ends; pixels are repeated to the shape of the display unless ``options.raw``. Raises
    ``FormatError`` for pictures of more than 256 colours."""
    if options.aspect:
        raise pd.FormatError("a GIF resampled to the true shape would need more than its 256 colours; leave that out")
    across, down = (1, 1) if options.raw else pd.repeats(animation.mode)
    images = []
    for number, picture in enumerate(animation.pictures, 1):
        image = _image(picture, number)
        images.append(image.resize((image.width * across, image.height * down), resample=0))
    times = [10 * max(SHORTEST, ticks) for ticks in animation.ticks(HUNDREDTHS)]
    file = BytesIO()
    # Of pictures that are alike Pillow makes one that is shown as long as all.
    images[0].save(
        file, "GIF", save_all=True, append_images=images[1:], duration=times, loop=0, disposal=1, optimize=False
    )
    return file.getvalue()


def _image(picture: pd.Picture, number: int) -> Image:
    indexed = png.indexed(picture)
    if indexed is not None:
        return png.from_indices(*indexed)
    image = picture.image()
    colours, indices = np.unique(image.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) > COLOURS:
        raise pd.FormatError(
            f"picture {number} has {len(colours):,} colours, and a GIF {COLOURS}; write numbered PNG files instead, "
            "such as frame-%04d.png"
        )
    return png.from_indices(indices.reshape(image.shape[:2]).astype(np.uint8), colours)


FORMAT = pd.Format("gif", (".gif",), write_frames=write, description="GIF of moving pictures, in exactly their colours")
