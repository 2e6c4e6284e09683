"""Small pictures within the rules of a screen: pieces of it, such as sprites, icons or groups of characters.

A piece is a whole number of a mode's areas. What all areas share - the background, the colours that all sprites have in
common, a free palette - is chosen once for all pieces, so that any of them stand on one screen together.

A rule shows pictures ``[n, side, side, 3]`` as the mode can: shrunk to the piece's pixels, solved, and enlarged again.
Solving has no gradient. One half of what passes is that of a solver which changes nothing (straight-through, arXiv
1308.3432), the other that of one which mixes a pixel's colours, the nearer the more (Agustsson et al., arXiv
1704.00648): it is large where a small change makes a pixel take another colour, and points there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import combinations
from math import lcm
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.look import Look
from pixeldream.retro import solve as solver
from pixeldream.retro.colour import srgb_to_oklab
from pixeldream.retro.display import display_size, repeats
from pixeldream.retro.dither import NONE
from pixeldream.retro.locks import lock_array
from pixeldream.retro.mode import Mode, Picture, Size
from pixeldream.retro.solve import Solution

SOFT = 0.05
"""Of squared sRGB distances: a colour that is farther by as much has a share e times smaller of the mixture that
gradients pass through."""

MIXED = 16
"""Slots, at most, whose colours are mixed: more change a picture so little that gradients are true without."""


class PieceError(ValueError):
    """A mode that has no such pieces; one line."""


class RuleArrays(NamedTuple):
    """What a rule is handed besides the pictures. ``palette``: sRGB ``[colours, 3]``; ``locks``: int32 ``[slots]``."""

    palette: jax.Array
    locks: jax.Array


def piece_mode(mode: Mode, side: int) -> Mode:
    """``mode`` with a screen as large as a piece for square pictures of ``side`` display pixels: as many whole areas as
    fit, one at least. Pictures as tall as the screen fill the whole of it. Raises :class:`PieceError`."""
    width, height = display_size(mode)
    if side >= min(width, height):
        if mode.frames > 1:
            raise PieceError(f"mode {mode.name!r} shows {mode.frames} frames in turn; choose one that shows one")
        return mode
    if mode.solve is not None or mode.blocked or mode.frames > 1:
        raise PieceError(
            f"mode {mode.name!r} can't be cut into pieces of {side} pixels; choose another, or a size of "
            f"{min(width, height)} at least for whole screens"
        )
    across, down = repeats(mode)
    areas = [level.area for level in mode.levels if level.area != mode.size]
    areas += [each.area for each in (mode.tiles, mode.sub_palettes) if each is not None]
    step = (lcm(*(area[0] for area in areas)), lcm(*(area[1] for area in areas))) if areas else (1, 1)
    width, height = (p * max(1, side // (p * times)) for p, times in zip(step, (across, down), strict=True))
    few = mode.tiles is not None and width * height <= mode.tiles.area[0] * mode.tiles.area[1] * mode.tiles.count
    return replace(mode, size=(width, height), tiles=None if few else mode.tiles)


@dataclass(frozen=True)
class Rule:
    """Shows pictures as pieces of a mode. Equal by value: a static argument of jitted functions. ``quick``: what all
    share is locked and nothing else, which makes the choice of the other colours a small one."""

    mode: Mode
    side: int
    quick: bool = False

    def __call__(self, images: jax.Array, arrays: RuleArrays, amount: jax.Array | float = 1.0) -> jax.Array:
        """``[n, side, side, 3] -> [n, side, side, 3]``, differentiable. ``amount`` (of all, or ``[n, 1, 1, 1]``): how
        far on the way from the picture in the piece's pixels, 0, to the legal one, 1."""
        small = self.shrink(images)
        solution = self.solve(small, arrays)
        shown = jax.vmap(lambda s: solver.render(self.mode, s, arrays.palette))(solution)
        passed = self._passed(small, solution, arrays)
        legal = passed + jax.lax.stop_gradient(shown - passed)
        return self.enlarge(small + amount * (legal - small))

    def _passed(self, small: jax.Array, solution: Solution, arrays: RuleArrays) -> jax.Array:
        """What gradients pass through in place of the legal pieces; see above."""
        mode = self.mode
        if len(mode.slots) > MIXED or mode.choices is not None or mode.render is not None:
            return small
        choices = jax.vmap(lambda colours: solver.reachable(mode, colours, arrays.palette))(solution.colours)
        apart = jnp.square(small[..., None, :] - choices).sum(-1)
        mixture = (jax.nn.softmax(-apart / SOFT, -1)[..., None] * choices).sum(-2)
        return 0.5 * (small + mixture)

    def solve(self, small: jax.Array, arrays: RuleArrays) -> Solution:
        """The nearest pieces of pictures in the mode's own pixels, with an axis of pictures in front."""

        def one(image: jax.Array) -> Solution:
            if not self.quick:
                return solver.solve(self.mode, image, arrays.palette, arrays.locks, NONE, 1.0)
            colours = _own_colours(self.mode, image, arrays)
            return Solution(solver.assign(self.mode, image, arrays.palette, colours), colours)

        return jax.vmap(one)(jax.lax.stop_gradient(small))

    def shrink(self, images: jax.Array) -> jax.Array:
        """Pictures in the mode's own pixels: each the mean of what it covers."""
        across, down = (jnp.asarray(_means(self.side, length)) for length in self.mode.size)
        return jnp.einsum("hy,nyxc,wx->nhwc", down, images, across)

    def enlarge(self, small: jax.Array) -> jax.Array:
        """Pieces as squares: whole pixels, repeated."""
        across, down = (np.arange(self.side) * length // self.side for length in self.mode.size)
        return small[:, down][:, :, across]


def _is_quick(mode: Mode, locks: Mapping[str, int]) -> bool:
    """Whether :func:`_own_colours` knows such a mode: all screen-wide slots locked, the others alike and free."""
    if any(each is not None for each in (mode.solve, mode.tiles, mode.sub_palettes, mode.colour_groups)):
        return False
    own = [slot for slot in mode.slots if slot.area is not None]
    shared = {slot.name for slot in mode.slots if slot.area is None}
    return set(locks) == shared and len({(slot.area, slot.allowed) for slot in own}) <= 1


def _own_colours(mode: Mode, image: jax.Array, arrays: RuleArrays) -> tuple[jax.Array, ...]:
    """Each slot's colours, int32 ``[rows, columns]``: exact, as ``sets.choose`` is, but looks at no set of colours that
    the locks rule out. Squared OKLab distances."""
    own = [number for number, slot in enumerate(mode.slots) if slot.area is not None]
    colours = [arrays.locks[number].reshape(1, 1) for number in range(len(mode.slots))]
    if not own:
        return tuple(colours)
    lab = srgb_to_oklab(arrays.palette)
    distance = jnp.square(srgb_to_oklab(image)[:, :, None] - lab[None, None]).sum(-1)
    shared = [distance[:, :, arrays.locks[number]] for number in range(len(mode.slots)) if number not in own]
    held = jax.tree.reduce(jnp.minimum, shared, jnp.full(distance.shape[:2], jnp.inf))
    (across, down), (columns, rows) = mode.slots[own[0]].area or mode.size, mode.grid(own[0])

    def cells(values: jax.Array) -> jax.Array:
        return values.reshape(rows, down, columns, across, -1).transpose(0, 2, 1, 3, 4).reshape(rows, columns, -1)

    sets = np.asarray(list(combinations(mode.allowed(own[0]), len(own))))
    apart = cells(distance).reshape(rows, columns, across * down, -1)
    nearest = jax.tree.reduce(jnp.minimum, [apart[..., sets[:, place]] for place in range(len(own))])
    errors = jnp.minimum(nearest, cells(held)[..., None]).sum(2)
    chosen = jnp.asarray(sets, jnp.int32)[errors.argmin(-1)]
    for place, number in enumerate(own):
        colours[number] = chosen[..., place]
    return tuple(colours)


@lru_cache
def _means(side: int, length: int) -> np.ndarray:
    """float32 ``[length, side]``: the part of each of ``side`` pixels in each of ``length``.

    Where there are as many pixels as that, the parts are those that :meth:`Rule.enlarge` shows it with: a picture that
    was shown as a piece is that very piece again.
    """
    if length <= side:
        shown = np.arange(side) * length // side == np.arange(length)[:, None]
        return (shown / shown.sum(1, keepdims=True)).astype(np.float32)
    edges = np.arange(length + 1) * side / length
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    covered = np.maximum(overlap, 0.0)
    return (covered / covered.sum(1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Pieces:
    """Pieces of a screen for square pictures of ``side`` pixels; ``look`` has the colours that all share locked."""

    look: Look
    side: int

    @property
    def rule(self) -> Rule:
        """The same for equal pieces, whatever the colours."""
        mode = piece_mode(self.look.mode, self.side)
        return Rule(mode, self.side, _is_quick(mode, self.look.locks))

    def arrays(self) -> RuleArrays:
        """The colours, for :attr:`rule`."""
        locks = lock_array(self.look.mode, self.look.locks)
        return RuleArrays(jnp.asarray(self.look.values()), jnp.asarray(locks))

    @property
    def grid(self) -> Size:
        """How many pieces (across, down) a screen holds."""
        (width, height), (across, down) = self.look.mode.size, self.rule.mode.size
        return width // across, height // down

    @property
    def capacity(self) -> int:
        """Pieces on a screen: as many as it has room for, and tiles."""
        room = self.grid[0] * self.grid[1]
        tiles = self.look.mode.tiles
        if tiles is None or room == 1:
            return room
        width, height = self.rule.mode.size
        return max(1, min(room, (tiles.count - 1) // (width // tiles.area[0] * height // tiles.area[1])))

    def pictures(self, images: np.ndarray, size: int = 64) -> np.ndarray:
        """uint8 ``[n, side, side, 3]``: pictures of that kind as the mode shows them."""
        rule, arrays, found = self.rule, self.arrays(), []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            full = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.uint8)])
            shown = _shown(rule, jnp.asarray(full), arrays)
            found.append(np.asarray(shown)[: len(part)])
        return np.concatenate(found)

    def screens(self, images: np.ndarray) -> list[Picture]:
        """Legal pictures of the whole mode that show float32 ``images [n, side, side, 3]`` row by row, as many to a
        screen as fit."""
        rule, arrays = self.rule, self.arrays()
        starts = range(0, len(images), self.capacity)
        parts = [images[start : start + self.capacity] for start in starts]
        return [self._screen(rule, _solved(rule, jnp.asarray(part), arrays)) for part in parts]

    def _screen(self, rule: Rule, solutions: Solution) -> Picture:
        mode = self.look.mode
        width, height = rule.mode.size
        pixels, colours = np.zeros(mode.pixel_shape, np.int32), []
        for number in range(len(mode.slots)):
            columns, rows = mode.grid(number)
            held = max(0, int(lock_array(mode, self.look.locks)[number]))
            colours.append(np.full((rows, columns), held or min(mode.allowed(number)), np.int32))
        for place, own in enumerate(np.asarray(solutions.pixels)):
            row, column = divmod(place, self.grid[0])
            pixels[row * height : (row + 1) * height, column * width : (column + 1) * width] = own
            for number, filled in enumerate(colours):
                part = np.asarray(solutions.colours[number][place])
                down, across = part.shape
                if filled.shape == (1, 1):
                    filled[:] = part
                else:
                    filled[row * down : (row + 1) * down, column * across : (column + 1) * across] = part
        return solver.to_picture(
            mode, self.look.palette, Solution(jnp.asarray(pixels), tuple(map(jnp.asarray, colours))), self.look.border
        )


@partial(jax.jit, static_argnames="rule")
def _shown(rule: Rule, images: jax.Array, arrays: RuleArrays) -> jax.Array:
    shown = rule(images.astype(jnp.float32) / 255.0, arrays)
    return jnp.rint(jnp.clip(shown, 0.0, 1.0) * 255.0).astype(jnp.uint8)


@partial(jax.jit, static_argnames="rule")
def _solved(rule: Rule, images: jax.Array, arrays: RuleArrays) -> Solution:
    return rule.solve(rule.shrink(images), arrays)


def choose(look: Look, side: int, images: np.ndarray, seed: int = 0) -> Pieces:
    """Pieces whose shared colours suit ``images`` (uint8 ``[n, side, side, 3]``): those of a screen full of them.

    What ``look`` locks stays. Raises :class:`PieceError`.
    """
    pieces = Pieces(look, side)
    rule, mode = pieces.rule, look.mode
    if rule.mode == mode:
        return pieces
    columns, rows = pieces.grid
    chosen = np.random.default_rng(seed).choice(len(images), columns * rows, replace=len(images) < columns * rows)
    small = np.asarray(rule.shrink(jnp.asarray(images[chosen], jnp.float32) / 255.0))
    width, height = rule.mode.size
    screen = np.zeros((mode.size[1], mode.size[0], 3), np.float32)
    joined = small.reshape(rows, columns, height, width, 3).transpose(0, 2, 1, 3, 4)
    screen[: rows * height, : columns * width] = joined.reshape(rows * height, columns * width, 3)
    shared = _shared(mode, solver.solve(mode, screen, look.values(), lock_array(mode, look.locks), NONE, 1.0))
    return Pieces(replace(look, locks={**shared, **look.locks}), side)


def _shared(mode: Mode, solution: Solution) -> dict[str, int]:
    """The colours of the slots that span the screen, by name."""
    return {
        slot.name: int(np.asarray(held)[0, 0])
        for slot, held in zip(mode.slots, solution.colours, strict=True)
        if slot.area is None
    }


def locked(look: Look, locks: Any, side: int) -> Pieces:
    """Pieces with colours chosen before, by the names of their slots."""
    return Pieces(replace(look, locks={str(name): int(colour) for name, colour in dict(locks).items()}), side)


def names(look: Look, slots: Sequence[str]) -> list[str]:
    """Colours of locked slots in words."""
    rgb = look.palette.rgb(np.asarray([look.locks[slot] for slot in slots]))
    return ["{:02x}{:02x}{:02x}".format(*map(int, colour)) for colour in rgb]
