"""The nearest legal picture of any mode that is made of slots.

Everything here is pure and jitted with the mode and the dither static; image, palette, locks and dither amount are
traced, so another palette or an equal mode rebuilt causes no new compilation. Images are sRGB float32
``[height, width, 3]`` in [0, 1], in the mode's own pixels. A palette is sRGB float32 ``[colours, 3]`` in [0, 1]; modes
with a gamut ignore it (pass an array of shape ``[0, 3]``). Distances are squared OKLab.

A mode's own ``solve(image, palette, locks, dither, amount) -> Solution`` and ``render(solution, palette) -> image``
take the places of :func:`solve` and :func:`render` and obey the same shapes; pixels get an axis of frames in front
where the mode has several. ``render`` is also handed a ``Picture``: it may only use ``pixels`` and ``colours``. A
mode's own ``follow(image, palette, colours, dither, amount) -> pixels`` takes the place of :func:`assign`: one quick
pass with the slots' colours as they are, for a canvas that needs a legal picture in every step.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro import dithering, gamut, sets, stored_tiles, sub_palettes, tiles
from pixeldream.retro.candidates import Candidates, take
from pixeldream.retro.colour import srgb_to_linear, srgb_to_oklab
from pixeldream.retro.display import repeats
from pixeldream.retro.dither import NONE, Dither, Ordered, shaped
from pixeldream.retro.locks import lock_array as lock_array
from pixeldream.retro.mode import Mode, Picture
from pixeldream.retro.palette import Gamut, Palette


class Solution(NamedTuple):
    """A picture as arrays: ``pixels`` int32 ``[height, width]`` of slot numbers, ``colours`` one int32 ``[rows,
    columns]`` a slot."""

    pixels: jax.Array
    colours: tuple[jax.Array, ...]


class Options(NamedTuple):
    """The colours that pixels may take: ``table`` of sRGB ``[n, 3]``, and where in it stands what each value of each
    pixel shows, int32 ``[height or 1, width or 1, values]``."""

    table: jax.Array
    places: jax.Array


def options(mode: Mode, colours: tuple[jax.Array, ...], palette: jax.Array) -> Options:
    """What the pixels of a mode whose pixels are free of each other may show."""
    if mode.choices is not None:
        table = mode.choices(colours, palette)
    elif mode.gamut is not None:
        table = gamut.decode(mode.gamut, jnp.concatenate([c.reshape(1) for c in colours]))
    else:
        return Options(palette, reach(mode, colours))
    return Options(table, jnp.arange(table.shape[0], dtype=jnp.int32)[None, None])


def reach(mode: Mode, colours: tuple[jax.Array, ...]) -> jax.Array:
    """int32 ``[height or 1, width or 1, slots]``: the palette index of each slot at each pixel."""
    width, height = mode.size
    if len(mode.levels) == 1 and mode.levels[0].grid == (1, 1):
        return jnp.stack(colours, -1)
    spread = [jnp.repeat(jnp.repeat(c, height // c.shape[0], 0), width // c.shape[1], 1) for c in colours]
    indices = jnp.stack(spread, -1)
    # Where nothing can be painted every choice is slot 0: it is taken, and leaves no error to hand on.
    hidden = jnp.arange(width)[None, :, None] < mode.blocked
    return jnp.where(hidden, indices[..., :1], indices)


def reachable(mode: Mode, colours: tuple[jax.Array, ...], palette: jax.Array) -> jax.Array:
    """sRGB ``[height or 1, width or 1, slots, 3]``: the colours that each pixel can take."""
    indices = reach(mode, colours)
    return gamut.decode(mode.gamut, indices) if mode.gamut else palette[indices]


def choose_colours(
    mode: Mode, image: jax.Array, palette: jax.Array, locks: jax.Array, mixing: bool = False
) -> tuple[jax.Array, ...]:
    """Each slot's colours, int32 ``[rows, columns]``: exact for fixed palettes, k-means for a gamut and for
    sub-palettes. ``mixing``: for a dither; see ``gamut.choose``."""
    if mode.sub_palettes:
        return sub_palettes.choose(mode, image, palette, locks)
    if mode.gamut:
        chosen = gamut.choose(mode.gamut, image, len(mode.slots), locks, mixing=mixing)
        return tuple(chosen[slot].reshape(1, 1) for slot in range(len(mode.slots)))
    lab = srgb_to_oklab(palette)
    distance = jnp.square(srgb_to_oklab(image)[:, :, None] - lab[None, None]).sum(-1)
    if mode.blocked:
        distance = distance.at[:, : mode.blocked].set(0.0)
    return _block(mode, sets.choose(mode, distance, locks))


def _block(mode: Mode, colours: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
    """What the machine itself puts into the slots of blocked cells."""
    if mode.blocked_colour is None:
        return colours
    return tuple(
        held if slot.area is None else held.at[:, : mode.blocked // slot.area[0]].set(mode.blocked_colour)
        for slot, held in zip(mode.slots, colours, strict=True)
    )


def refine_colours(
    mode: Mode, image: jax.Array, palette: jax.Array, locks: jax.Array, colours: tuple[jax.Array, ...]
) -> tuple[jax.Array, ...]:
    """As :func:`choose_colours` for an image that moved a little since ``colours`` were chosen: a free palette follows
    it in two steps instead of starting anew."""
    if mode.solve is not None:
        return mode.solve(image, palette, locks, NONE, 1.0).colours
    if mode.sub_palettes:
        return sub_palettes.refine(mode, image, palette, locks, colours)
    if not mode.gamut:
        return choose_colours(mode, image, palette, locks)
    flat = jnp.stack([c[0, 0] for c in colours])
    moved = gamut.refine(mode.gamut, image, flat, locks, 2)
    return tuple(moved[slot].reshape(1, 1) for slot in range(len(mode.slots)))


def assign(
    mode: Mode,
    image: jax.Array,
    palette: jax.Array,
    colours: tuple[jax.Array, ...],
    dither: Dither = NONE,
    amount: jax.Array | float = 1.0,
) -> jax.Array:
    """int32 ``[height, width]``: the slot that each pixel uses, given the slots' colours."""
    dither = shaped(dither, repeats(mode))
    if mode.follow is not None:
        return mode.follow(image, palette, colours, dither, amount, **_bound(mode))
    pixels = _paint_slots(mode, image, palette, colours, dither, amount)
    if mode.tiles is not None:
        return _merge(mode, image, palette, Solution(pixels, colours), dither).pixels
    return pixels


def _paint_slots(
    mode: Mode,
    image: jax.Array,
    palette: jax.Array,
    colours: tuple[jax.Array, ...],
    dither: Dither,
    amount: jax.Array | float,
) -> jax.Array:
    choices = reachable(mode, colours, palette)
    every = choices.reshape(-1, 3) if mode.gamut else palette
    if not mode.sub_palettes:
        return paint(image, choices, every, dither, amount)
    target = _target(mode, image, palette, dither, amount)
    slots = sub_palettes.members(mode, sub_palettes.owners(mode, target, palette, colours))
    place = paint(image, choices[0, 0][slots], every, dither, amount)
    return jnp.take_along_axis(slots, place[..., None], 2)[..., 0]


def paint(
    image: jax.Array, choices: jax.Array, colours: jax.Array, dither: Dither, amount: jax.Array | float
) -> jax.Array:
    """int32 ``[height, width]``: which of ``choices [height or 1, width or 1, k, 3]`` (sRGB) each pixel takes.

    ``colours``: sRGB ``[n, 3]``; how far apart they are is the strength of an ordered dither where all pixels share
    their colours. Where they do not, it is how far the pixel's nearest colour is from the others in its cell.
    """
    lab = srgb_to_oklab(choices)
    if not isinstance(dither, Ordered):
        return dithering.choose(srgb_to_linear(image), Candidates(lab, srgb_to_linear(choices)), dither, amount)
    if dither != NONE and choices.shape[:2] == (1, 1):
        image = biased(image, colours, dither, amount)
    elif dither != NONE:
        own = take(dithering.spacing(choices)[..., None], dithering.nearest(srgb_to_oklab(image), lab))
        image = jnp.clip(image + amount * own * dithering.bias(dither, (image.shape[1], image.shape[0])), 0.0, 1.0)
    return dithering.nearest(srgb_to_oklab(image), lab)


def biased(image: jax.Array, colours: jax.Array, dither: Ordered, amount: jax.Array | float) -> jax.Array:
    """``image`` with an ordered dither's thresholds added, as strong as ``colours [n, 3]`` are far apart."""
    size = image.shape[1], image.shape[0]
    return jnp.clip(image + amount * dithering.mean_spacing(colours) * dithering.bias(dither, size), 0.0, 1.0)


def _target(mode: Mode, image: jax.Array, palette: jax.Array, dither: Dither, amount: Any) -> jax.Array:
    """The image that the slots' colours are chosen for: one that already holds the dither's colours.

    The nearest colours of the undithered image are a poor base: a flat cell would keep one side of a mixture only.
    """
    if mode.gamut or dither == NONE:
        return image
    if not isinstance(dither, Ordered):
        everything = Candidates(srgb_to_oklab(palette)[None, None], srgb_to_linear(palette)[None, None])
        dithered = palette[dithering.choose(srgb_to_linear(image), everything, dither, amount)]
        return jnp.where(amount > 0, dithered, image)
    return biased(image, palette, dither, amount)


@partial(jax.jit, static_argnames=("mode", "dither"))
def solve(
    mode: Mode,
    image: jax.Array,
    palette: jax.Array,
    locks: jax.Array,
    dither: Dither = NONE,
    amount: jax.Array | float = 1.0,
) -> Solution:
    """The legal picture for ``image``: slot colours for the dithered image, then each pixel's slot.

    ``locks``: int32 ``[slots]`` (see :func:`lock_array`). Without a dither and with a fixed palette the summed squared
    OKLab distance is the least possible.
    """
    dither = shaped(dither, repeats(mode))
    if mode.solve is not None:
        return mode.solve(image, palette, locks, dither, amount, **_bound(mode))
    target = _target(mode, image, palette, dither, amount)
    colours = choose_colours(mode, target, palette, locks, dither != NONE)
    pixels = _paint_slots(mode, image, palette, colours, dither, amount)
    if mode.tiles is not None:
        return _merge(mode, image, palette, Solution(pixels, colours), dither, locks)
    return Solution(pixels, colours)


def _bound(mode: Mode) -> dict[str, float]:
    """What an own solve is handed besides: the bound on flicker of a mode that has one."""
    return {} if mode.flicker is None else {"flicker": mode.flicker}


def _merge(
    mode: Mode,
    image: jax.Array,
    palette: jax.Array,
    solution: Solution,
    dither: Dither,
    locks: jax.Array | None = None,
) -> Solution:
    """``solution`` with as few tiles as the mode has; without ``locks`` every place keeps its own colour."""
    # Compared with the dithered picture, or a dither would be taken for an error.
    target = image if dither == NONE else render(mode, solution, palette)
    if mode.sub_palettes:
        return solution._replace(pixels=stored_tiles.merge(mode, target, palette, *solution))
    return Solution(*tiles.merge(mode, target, palette, *solution, locks))


@partial(jax.jit, static_argnames=("mode",))
def render(mode: Mode, solution: Solution, palette: jax.Array) -> jax.Array:
    """sRGB float32 ``[height, width, 3]`` of a solution."""
    if mode.render is not None:
        return mode.render(solution, palette)
    return take(reachable(mode, solution.colours, palette), solution.pixels)


def to_picture(mode: Mode, palette: Palette | Gamut, solution: Solution, border: int = 0) -> Picture:
    """A solution as a checked :class:`Picture`."""
    colours = tuple(np.asarray(c) for c in solution.colours)
    return Picture(mode, palette, np.asarray(solution.pixels).astype(np.uint8), colours, border)
