"""Two frames of wide pixels in turn, the second half a pixel further right: what is seen at each narrow place.

The eye mixes the frames, so what counts is the mean of both at each of the 320 places: place h shows pixel h / 2 of the
first frame and pixel (h - 1) / 2 of the second. The mean is taken of encoded values, as emulators, viewers and capture
cards do; the mean of the light, which the eye takes, is the same to within 4 percent while the two colours are as near
to each other in luma as the bound on flicker keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import jax

WIDTH, HEIGHT, WIDE = 320, 200, 160
COLOURS = 16


@dataclass(frozen=True)
class Layout:
    """What differs between the interlaced modes. ``lines``: over how many lines a screen colour is constant.
    ``shared``: whether both frames have one screen. ``blocked``: wide pixels at the left that can't be painted.
    ``background``: the colours that it may have."""

    lines: int
    shared: bool = False
    blocked: int = 0
    background: tuple[int, ...] = tuple(range(COLOURS))

    def slots_of(self, frame: int) -> tuple[int, int, int, int]:
        """The slots behind the bit pairs 00, 01, 10, 11 of a frame."""
        return (0, 1, 2, 3) if self.shared else (0, 1 + 2 * frame, 2 + 2 * frame, 5)


def mixture(first: jax.Array, second: jax.Array) -> jax.Array:
    """What is seen where two colours alternate (see the head of this file)."""
    return (first + second) / 2


def mean_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The mixture of two frames in whole steps, uint8 as they are: rounded down, as other viewers do."""
    return ((first.astype(np.uint16) + second) // 2).astype(np.uint8)


def at_places(wide: jax.Array, frame: int, left: jax.Array) -> jax.Array:
    """``[height, 160] -> [height, 320]``: a frame at its place; ``left`` is what the second one starts with."""
    import jax.numpy as jnp

    narrow = jnp.repeat(wide, 2, 1)
    if frame == 0:
        return narrow
    start = jnp.broadcast_to(left, (narrow.shape[0], 1)).astype(narrow.dtype)
    return jnp.concatenate([start, narrow[:, :-1]], 1)


def choices_of(layout: Layout, colours: tuple[jax.Array, ...], frame: int) -> jax.Array:
    """int32 ``[200, 160, 4]``: the colours that each pixel of a frame can take."""
    import jax.numpy as jnp

    def spread(slot: int) -> jax.Array:
        held = colours[slot]
        return jnp.repeat(jnp.repeat(held, HEIGHT // held.shape[0], 0), WIDE // held.shape[1], 1)

    return jnp.stack([spread(slot) for slot in layout.slots_of(frame)], -1).astype(jnp.int32)


def shown_by(layout: Layout, pixels: jax.Array, colours: tuple[jax.Array, ...]) -> list[jax.Array]:
    """The palette index at every place, int32 ``[200, 320]``, of each frame."""
    import jax.numpy as jnp

    result = []
    for frame in (0, 1):
        reach = choices_of(layout, colours, frame)
        wide = jnp.take_along_axis(reach, pixels[frame][..., None].astype(jnp.int32), axis=2)[..., 0]
        result.append(at_places(wide, frame, jnp.asarray(colours[0]).astype(jnp.int32)))
    return result


def render(layout: Layout, solution: Any, palette: Any) -> Any:
    import jax.numpy as jnp

    values = jnp.asarray(palette)
    colours = tuple(jnp.asarray(held) for held in solution.colours)
    first, second = shown_by(layout, jnp.asarray(solution.pixels), colours)
    # Rounded down to whole steps, as viewers of 8 bits do: the quarter keeps whole numbers on their side.
    return jnp.floor(mixture(values[first], values[second]) * 255 + 0.25) / 255
