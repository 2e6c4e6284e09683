"""What the network of ``recognise`` learns dithers on: pictures made by code, drawn in a machine's colours with every
registered dither, and measured.

A lesson is a batch for one dither and one pixel shape. It goes through the same functions as ``convert`` does, but its
colours are chosen by counting, all pictures of a batch at once: that is some twenty times as fast as whole modes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream import images
from pixeldream.likelihoods import Likelihoods
from pixeldream.neural import pictures
from pixeldream.neural.dither_reader import Compared
from pixeldream.neural.weights import WeightsError, load_weights, read_facts, save_weights
from pixeldream.plugin.registry import Registry
from pixeldream.retro import solve
from pixeldream.retro.display import display_size
from pixeldream.retro.dither import Dither, Ordered, PatternDither, shaped
from pixeldream.retro.dithering import spacing
from pixeldream.retro.locks import lock_array
from pixeldream.retro.palette import UNSEEN, Gamut, Palette
from pixeldream.retro.search import search
from pixeldream.templates import SEARCH, Measure, cell_of, distinct

SIZE = (128, 128)
"""Rows and columns of a lesson's pictures, in pixels of the machine."""

BATCH = 16

MOST = 16
"""Colours of a screen-wide palette in lessons."""

SHAPES = {"square": (1, 1), "wide": (2, 1), "tall": (1, 2)}
"""Display pixels that a pixel covers (across, down), by name."""

CELLS = {"square": (False, True), "wide": (True,), "tall": (False,)}
"""Whether colours change from cell to cell; among the cells is the whole screen."""

SEARCHED = {"square": ("c64-hires",), "wide": ("c64-multicolor",)}
"""Modes of the lessons on what the search for the least error draws, as far as they are registered."""


@dataclass(frozen=True)
class Lesson:
    """Pictures of one dither (or of the search) in pixels of one shape; ``cells``: whether colours change from cell to
    cell."""

    dither: str
    shape: str
    cells: bool = False

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.dither}-{self.shape}{'-cells' * self.cells}"


def lessons(registry: Registry) -> Iterator[Lesson]:
    """All of them. Dithers that are the same thing on pixels of a shape are learnt once. Pixels that are taller than
    wide only change matrices."""
    for shape, repeats in SHAPES.items():
        for name in distinct(registry, repeats):
            if shape != "tall" or isinstance(registry.dithers[name], Ordered | PatternDither):
                yield from (Lesson(name, shape, cells) for cells in CELLS[shape])
    for shape, modes in SEARCHED.items():
        if any(mode in registry.modes.values for mode in modes):
            yield Lesson(SEARCH, shape)


class Examples(NamedTuple):
    """What is measured of a lesson's pictures: their ``statistics [n, s]``; and of the last ones, which the network
    does not learn, the log ``likelihoods [held, m]`` under each dither and the number of ``pixels [held]`` that had a
    choice."""

    statistics: np.ndarray
    likelihoods: np.ndarray
    pixels: np.ndarray


def collect(
    registry: Registry, number: int, seed: int, compared: Compared, held: int, folder: Path | None = None
) -> Iterator[tuple[Lesson, Examples]]:
    """Every lesson with what is measured of ``number`` pictures, ``held`` of which are kept from the network; lessons
    that lie in ``folder`` already are read, others are kept there. Raises ``WeightsError`` for a file that is none of
    ours, of another number, or compared with other dithers."""
    facts = {"compared": str(compared)}
    for lesson in lessons(registry):
        path = folder / f"{lesson.name}-{seed}.safetensors" if folder else None
        if path is not None and path.exists():
            kept = load_weights(path)
            sizes = [len(kept.get(name, ())) for name in Examples._fields]
            if sizes != [number, held, held] or read_facts(path).get("compared") != facts["compared"]:
                raise WeightsError(
                    f"{path} holds another lesson than one of {number} pictures with today's dithers; empty the folder"
                )
            measured = Examples(**kept)
        else:
            measured = measure(registry, lesson, number, seed, compared, held)
            if path is not None:
                save_weights(path, measured._asdict(), facts)
        yield lesson, measured


def measure(registry: Registry, lesson: Lesson, number: int, seed: int, compared: Compared, held: int = 0) -> Examples:
    """What is measured of ``number`` pictures of a lesson."""
    shape = SHAPES[lesson.shape]
    measured, likely = Measure(registry, compared, shape), Likelihoods(registry, compared, shape)
    make = searched if lesson.dither == SEARCH else drawn
    made = list(make(registry, lesson, number, seed))
    found = [likely(image, cell) for image, cell in made[number - held :]]
    return Examples(
        np.stack([measured(image, cell) for image, cell in made]),
        np.stack([each for each, _ in found]) if found else np.zeros((0, 0), np.float32),
        np.asarray([pixels for _, pixels in found], np.float32),
    )


Drawing = tuple[np.ndarray, tuple[int, int] | None]
"""uint8 ``[height, width, 3]``, and the width and height of its cells, if any."""


def drawn(registry: Registry, lesson: Lesson, number: int, seed: int) -> Iterator[Drawing]:
    """A lesson's pictures."""
    repeats = SHAPES[lesson.shape]
    dither = shaped(registry.dithers[lesson.dither], repeats)
    paint, machines = _painter(dither), _machines(registry)
    for start in range(0, number, BATCH):
        seeds = [(seed, lesson.shape == "wide", lesson.cells, start + k) for k in range(BATCH)]
        made = [_posed(machines, repeats, lesson.cells, each) for each in seeds]
        scenes, choices, amounts = (np.stack(part) for part in zip(*(each[:3] for each in made), strict=True))
        taken = np.asarray(paint(scenes, choices, amounts))
        for k in range(min(BATCH, number - start)):
            held = np.broadcast_to(choices[k], (*SIZE, *choices[k].shape[2:]))
            shown = np.take_along_axis(held, taken[k][..., None, None], 2)[:, :, 0]
            yield np.rint(shown * 255).astype(np.uint8), made[k][3]
    jax.clear_caches()  # a painter is of no use to other lessons, and hundreds of them fill the memory


def _painter(dither: Dither):  # type: ignore[no-untyped-def]
    def one(image: jax.Array, choices: jax.Array, amount: jax.Array) -> jax.Array:
        return solve.paint(image, choices, choices[0, 0], dither, amount)

    return jax.jit(jax.vmap(one))


@lru_cache(512)
def _scene(seed: tuple[int, ...]) -> np.ndarray:
    return pictures.scene(int(np.random.default_rng(seed).integers(1 << 60)), SIZE[0], 2 * SIZE[1])


class Colours(NamedTuple):
    """What lessons may be drawn in: palettes of few colours, and gamuts that a machine mixes its own from."""

    palettes: tuple[Palette, ...]
    gamuts: tuple[Gamut, ...]


def _machines(registry: Registry) -> Colours:
    own = [p for p in registry.palettes.values.values() if isinstance(p, Palette) and 4 <= p.count <= MOST]
    gamuts = {mode.gamut for mode in registry.modes.values.values() if mode.gamut is not None}
    return Colours(tuple(own), tuple(sorted(gamuts, key=lambda gamut: gamut.name)))


@lru_cache(512)
def _posed(
    machines: Colours, repeats: tuple[int, int], cells: bool, seed: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.float32, tuple[int, int] | None]:
    """A scene, the sRGB colours that each pixel may take, the amount of the dither, and the width and height of the
    cells: the same for every dither, so that nothing but the dither tells them apart."""
    random = np.random.default_rng((*seed, 7))
    scene = _scene(seed)
    scene = (scene[:, ::2] + scene[:, 1::2]) / 2 if repeats[0] > 1 else scene[:, : SIZE[1]]
    # Scenes are calmer than photographs.
    scene = np.clip(scene + random.normal(0, random.choice([0, 0.01, 0.03]), scene.shape), 0, 1).astype(np.float32)
    amount = np.float32(1.0 if random.random() < 0.75 else random.uniform(0.5, 1.0))
    colours = _colours(machines, scene, random, fixed=cells)
    if not cells:
        padded = np.full((1, 1, MOST, 3), UNSEEN, np.float32)
        padded[0, 0, : len(colours)] = colours[:MOST]
        return scene, padded, amount, None
    area = [(8, 4), (8, 4), (1, 4), SIZE] if repeats[0] > 1 else [(8, 8), (8, 8), (1, 8), SIZE]
    count = 4 if repeats[0] > 1 else int(random.choice([2, 2, 4]))
    chosen = area[int(random.integers(len(area)))]
    held = _in_cells(scene, colours, chosen, count, random)
    return scene, held, amount, None if chosen == SIZE else (chosen[1], chosen[0])


def _colours(machines: Colours, scene: np.ndarray, random: np.random.Generator, *, fixed: bool) -> np.ndarray:
    """sRGB ``[n, 3]``: a machine's own colours, or those that it would mix for the scene."""
    own, gamuts = machines
    if own and (fixed or not gamuts or random.random() < 0.3):
        return own[int(random.integers(len(own)))].values()
    return _mixed(gamuts[int(random.integers(len(gamuts)))], scene, int(random.choice([2, 4, 8, 16, 16])), random)


def _mixed(gamut: Gamut, scene: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """A few steps of k-means, snapped to the gamut."""
    points = scene.reshape(-1, 3)[random.integers(0, scene.shape[0] * scene.shape[1], 1500)]
    centres = points[random.integers(0, len(points), count)]
    for _ in range(6):
        nearest = np.square(points[:, None] - centres[None]).sum(-1).argmin(1)
        means = [points[nearest == k].mean(0) if (nearest == k).any() else points[k] for k in range(count)]
        centres = np.asarray(means, np.float32)
    snapped = gamut.rgb(gamut.nearest(np.rint(centres * 255).astype(np.uint8)))
    return np.unique(snapped.astype(np.float32) / 255.0, axis=0)


def _in_cells(
    scene: np.ndarray, colours: np.ndarray, area: tuple[int, int], count: int, random: np.random.Generator
) -> np.ndarray:
    """float32 ``[height, width, 4, 3]``: in each area the ``count`` colours that a coarse dither takes most there."""
    apart = float(np.median(np.asarray(spacing(jnp.asarray(colours)))))
    noisy = scene + random.uniform(-0.5, 0.5, scene.shape).astype(np.float32) * apart
    index = np.square(noisy[:, :, None] - colours[None, None]).sum(-1).argmin(-1)
    rows, columns = SIZE[0] // area[0], SIZE[1] // area[1]
    places = index.reshape(rows, area[0], columns, area[1]).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    votes = (places[..., None] == np.arange(len(colours))).sum(2)
    kept = np.argsort(-votes, -1, kind="stable")[..., :count]
    held = np.full((rows, columns, 4, 3), UNSEEN, np.float32)
    held[:, :, :count] = colours[kept]
    return held.repeat(area[0], 0).repeat(area[1], 1)


def searched(registry: Registry, lesson: Lesson, number: int, seed: int) -> Iterator[Drawing]:
    """As :func:`drawn` for the search of the least perceived error, on small screens."""
    modes = [registry.modes[name] for name in SEARCHED[lesson.shape] if name in registry.modes.values]
    for k in range(number):
        mode = replace(modes[k % len(modes)], size=(96, 96))
        scene = pictures.scene(seed * 100_003 + k, *display_size(mode)[::-1])
        palette = mode.gamut or registry.palettes[mode.palette]
        dither = registry.dithers.values.get("floyd-steinberg", registry.dithers["none"])
        locks = jnp.asarray(lock_array(mode, {}))
        found = search(mode, jnp.asarray(scene), jnp.asarray(palette.values()), locks, dither)
        shown = solve.to_picture(mode, palette, found).image()
        yield images.as_bytes(shown.astype(np.float32) / 255.0), cell_of(mode)
