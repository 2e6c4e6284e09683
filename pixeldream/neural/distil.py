"""Trains the embedded feature network: a thin VGG that learns, from scratch, to see as its teachers do.

``distil`` is a generator: it yields after every step, writes checkpoints, and resumes from them. With a number of
steps (not of minutes) an interrupted and resumed run ends with the same bytes as one that was not. What a step teaches
is in ``student``; crops come from "sheets", pictures of 256 x 256 that are renewed all the time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural import muon, pictures
from pixeldream.neural.student import (
    LAYERS,
    Basis,
    Learned,
    Lesson,
    Pool,
    Sums,
    begin,
    solve_heads,
    taught,
    train_step,
)
from pixeldream.neural.teachers import Teacher, find_basis, guided
from pixeldream.neural.variety import vary
from pixeldream.neural.weights import WeightsError, load_weights, read_facts, save_weights

Pictures = Callable[[int], np.ndarray]
"""``pictures(number) -> float32 [h, w, 3]`` in [0, 1], the same for the same number."""

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Shows a picture otherwise (dithered, in cells ...), same shape and range."""

GENTLE = 0.004
"""A rate for trainings that begin with earlier weights: three times as much makes them forget what they know."""

_SHEET = 256
_RENEWED_EVERY = 4
_HEADS_EVERY = 25
_PROBE = 192
_LAST_BATCHES = 48


@dataclass(frozen=True)
class Settings:
    """How long, how large and how quick. Give ``steps``, or ``minutes`` of training (0: ignored), or both.

    Raises ``ValueError`` that names the value.
    """

    steps: int = 0
    minutes: float = 0.0
    seed: int = 0
    widths: tuple[int, ...] = (16, 32, 64, 160, 192)
    """Channels of the five blocks."""
    depths: tuple[int, ...] = (2, 2, 2, 2, 1)
    """Convolutions of the five blocks."""
    ranks: tuple[int, ...] = (32, 64, 96, 128, 128)
    """How many directions of a teacher's features are taught at each of the five layers."""
    crop: int = 64
    """Side of the crops at first, in pixels; a multiple of 8."""
    late_crop: int = 96
    """Side of the crops in the last part, when deep layers matter most."""
    late_part: float = 0.4
    half: int = 8
    """Fresh crops in a step; as many driven ones join them. In the last part half as many."""
    pool: int = 64
    """Driven pictures."""
    sheets: int = 512
    labelled: int = 1
    """Crops of each half that the teachers other than the guide label."""
    rate: float = 0.012
    """How far a kernel moves in a step, relative to its norm."""
    hold: float = 0.3
    """The part of the run before the rate begins to fall to 0."""
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        if self.steps < 0 or self.minutes < 0 or self.steps == self.minutes == 0:
            raise ValueError(f"steps {self.steps} and minutes {self.minutes}: give one of them, above 0")
        for name in ("crop", "late_crop"):
            side = getattr(self, name)
            if side % 8 or not 32 <= side <= _SHEET:
                raise ValueError(f"{name} of {side} is not a multiple of 8 within 32 to {_SHEET}")
        if len({len(self.widths), len(self.depths), len(self.ranks), len(LAYERS)}) > 1:
            raise ValueError(f"widths {self.widths}, depths {self.depths} and ranks {self.ranks}: give five of each")
        if min(self.half // 2, self.labelled, self.sheets, *self.widths, *self.depths) < 1 or self.pool < self.half:
            raise ValueError(f"half {self.half}, pool {self.pool} and the like are too small")


@dataclass(frozen=True)
class Progress:
    """Training after ``step`` steps and ``seconds``; ``part`` of it is done, in [0, 1]."""

    step: int
    seconds: float
    part: float
    figures: dict[str, float]
    """Unexplained variance by layer, gradient errors and cosines (see ``student``)."""
    export: Callable[[], dict[str, np.ndarray]] = field(repr=False)
    """The network as it stands, ready for ``save_weights``: float16 arrays."""


def mixed(
    images: Sequence[np.ndarray] = (), share: float = 0.5, augment: Augment | None = None, augmented: float = 0.3
) -> Pictures:
    """Scenes made by code, with ``share`` of the given images [h, w, 3] among them; ``augmented`` of all through
    ``augment``."""

    def picture(number: int) -> np.ndarray:
        random = np.random.default_rng((number, 1))
        found = pictures.scene(number)
        if images and random.random() < share:
            found = _cut(images[int(random.integers(len(images)))], random)
        if augment is not None and random.random() < augmented:
            found = np.clip(augment(found, random), 0, 1).astype(np.float32)
        return found

    return picture


def distil(
    settings: Settings,
    teachers: Sequence[Teacher],
    lessons: Pictures = pictures.scene,
    checkpoint: Path | None = None,
    start: Mapping[str, Any] | None = None,
) -> Iterator[Progress]:
    """Trains; yields after every step. Each of the five layers is guided by the first teacher that has it.

    ``checkpoint`` names a folder that exists: training resumes from the checkpoint in it, and writes one every
    ``checkpoint_minutes`` and at the end. ``start``: the weights of a student to begin with instead of random ones, as
    wide as ``settings`` say or narrower. Raises ``ValueError`` where a layer has no teacher, and for a start of another
    shape; ``WeightsError`` for a checkpoint of other settings.
    """
    run = _Run(settings, teachers, lessons, checkpoint, start)
    saved = time.monotonic()
    while run.part < 1:
        figures = run.step()
        if checkpoint and (run.part >= 1 or time.monotonic() - saved > 60 * settings.checkpoint_minutes):
            run.save(checkpoint)
            saved = time.monotonic()
        yield Progress(run.steps, run.seconds, run.part, figures, run.export)


class _Run:
    """Training under way: what changes from step to step."""

    def __init__(
        self,
        settings: Settings,
        teachers: Sequence[Teacher],
        lessons: Pictures,
        checkpoint: Path | None,
        start: Mapping[str, Any] | None,
    ) -> None:
        self.settings, self.lessons = settings, lessons
        self.steps, self.seconds = 0, 0.0
        ordered, layers = guided(teachers)
        layout, params = begin(settings.widths, settings.depths, settings.seed)
        if start is not None:
            params = _started(params, start)
        others = tuple(teacher.network for teacher in ordered[1:])
        self.lesson = Lesson(layout, ordered[0].network, others, tuple(layers[1:]), settings.labelled)
        self.norms = {name: jnp.linalg.norm(p) for name, p in params.items() if name.endswith("_w")}
        old = _load(checkpoint, settings)
        self.sheets = self._sheets(int(old["steps"]) if old else 0)
        self.bases = self._bases(ordered, layers)
        self.state = _fresh_state(params, self.bases, settings.widths)
        self.pool = self._pool(settings.crop, settings.pool, self._random(1))
        if old:
            self._restore(old)

    @property
    def part(self) -> float:
        """How much of the run is done, in [0, 1]."""
        settings = self.settings
        done = [self.steps / settings.steps] if settings.steps else []
        return min(1.0, max([*done, self.seconds / 60 / settings.minutes] if settings.minutes else done))

    def step(self) -> dict[str, float]:
        """One step; its figures. The first one compiles, which does not count as time."""
        begun = time.monotonic()
        settings, late = self.settings, self.part >= 1 - self.settings.late_part
        random = self._random(2)
        side, half = (settings.late_crop, settings.half // 2) if late else (settings.crop, settings.half)
        if side != self.pool.image.shape[1]:
            self.pool = self._pool(side, settings.pool // 2, random)
        chosen = random.choice(len(self.pool.age), half, replace=False)
        key = jax.random.fold_in(jax.random.key(settings.seed), self.steps)
        rate = settings.rate * min(1.0, (self.steps + 1) / 100, (1 - self.part) / (1 - settings.hold))
        self.state, moved, figures = train_step(
            self.lesson, self.bases, self.norms, self.state, self._crops(half, side, random),
            Pool(*(value[chosen] for value in self.pool)), key, jnp.asarray(rate, jnp.float32),
        )  # fmt: skip
        for value, new in zip(self.pool, moved, strict=True):
            value[chosen] = np.asarray(new)
        self._after(chosen, side, random)
        self.seconds += time.monotonic() - begun if self.steps else 0.0
        self.steps += 1
        return {name: float(value) for name, value in figures.items()}

    def _after(self, chosen: np.ndarray, side: int, random: np.random.Generator) -> None:
        """New pictures for those that are done, a new sheet, new heads: each in its turn."""
        done = chosen[self.pool.age[chosen] > self.pool.life[chosen]]
        for value, new in zip(self.pool, self._pool(side, len(done), random), strict=True):
            value[done] = new
        early = self.steps < 200 and self.steps % 10 == 9
        if early or self.steps % _HEADS_EVERY == _HEADS_EVERY - 1:
            self.state = self.state._replace(heads=solve_heads(self.state.sums))
        if self.steps % _RENEWED_EVERY == 0:
            number = self.settings.sheets + self.steps // _RENEWED_EVERY
            self.sheets[number % self.settings.sheets] = self._sheet(number)

    def export(self) -> dict[str, np.ndarray]:
        """The averaged weights as float16, with heads found for them anew."""
        images = [
            vary(self._crops(8, self.settings.late_crop, self._random(3 + number)), jax.random.key(number))
            for number in range(_LAST_BATCHES)
        ]
        heads = _last_heads(self.lesson, self.bases[0], self.state.average, images)
        arrays = {name: np.asarray(value, np.float16) for name, value in self.state.average.items()}
        for layer, found in heads.items():
            head = _narrow(np.asarray(found, np.float64))
            arrays[f"{layer}_head_w"] = head[:-1].astype(np.float16)
            arrays[f"{layer}_head_b"] = head[-1].astype(np.float16)
        return arrays

    def save(self, folder: Path) -> None:
        """Writes the checkpoint. Raises ``OSError``."""
        arrays = {name: np.asarray(value, np.float32) for name, value in _flat(self.state).items()}
        arrays |= {"steps": np.asarray(self.steps, np.float32), "seconds": np.asarray(self.seconds, np.float32)}
        arrays |= {f"pool {name}": np.asarray(value) for name, value in zip(Pool._fields, self.pool, strict=True)}
        save_weights(folder / _CHECKPOINT, arrays, {"settings": _identity(self.settings)})

    def _restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.steps, self.seconds = int(arrays["steps"]), float(arrays["seconds"])
        self.pool = Pool(*(np.array(arrays[f"pool {name}"]) for name in Pool._fields))  # type: ignore[arg-type]
        leaves = [jnp.asarray(arrays[name]) for name in _flat(self.state)]
        self.state = jax.tree.unflatten(jax.tree.structure(self.state), leaves)

    def _random(self, use: int) -> np.random.Generator:
        """Chance for one use in one step: nothing of it needs to be kept in a checkpoint."""
        return np.random.default_rng((self.settings.seed, self.steps, use))

    def _sheet(self, number: int) -> np.ndarray:
        random = np.random.default_rng((self.settings.seed, number, 0))
        image = _cut(self.lessons(self.settings.seed * 1_000_000 + number), random)
        return (image * 255 + 0.5).astype(np.uint8)

    def _sheets(self, steps: int) -> np.ndarray:
        """The sheets as they are after ``steps`` steps."""
        count = self.settings.sheets
        made = count + math.ceil(steps / _RENEWED_EVERY)
        return np.stack([self._sheet(slot + count * ((made - 1 - slot) // count)) for slot in range(count)])

    def _bases(self, teachers: Sequence[Teacher], layers: Sequence[tuple[str, ...]]) -> tuple[Basis, ...]:
        """Found on pictures that do not depend on how far training is."""
        random = np.random.default_rng(self.settings.seed)
        side = self.settings.crop
        crops = [_cut(self.lessons(10**9 + number), random)[:side, :side] for number in range(_PROBE)]
        images = vary(jnp.asarray(np.stack(crops)), jax.random.key(self.settings.seed))
        return tuple(
            find_basis(t, found, images, self.settings.ranks) for t, found in zip(teachers, layers, strict=True)
        )

    def _pool(self, side: int, count: int, random: np.random.Generator) -> Pool:
        """Pictures to drive: some shown in few colours, some quickly driven and some slowly, for long or not."""
        zero = np.zeros((count, side, side, 3), np.float32)
        image, style = (np.array(self._crops(count, side, random)) for _ in range(2))
        palette = random.random((count, 16, 3), np.float32)
        rate = np.exp(random.uniform(np.log(0.01), np.log(0.06), count)).astype(np.float32)
        few = (random.random(count) < 0.4).astype(np.float32)
        life = random.integers(20, 200, count).astype(np.float32)
        return Pool(image, style, zero, zero.copy(), np.ones(count, np.float32), life, rate, few, palette)  # type: ignore[arg-type]

    def _crops(self, count: int, side: int, random: np.random.Generator) -> jax.Array:
        """Crops [count, side, side, 3] of random sheets: some at half size, mirrored or turned."""
        made = np.empty((count, side, side, 3), np.float32)
        for number in range(count):
            sheet = self.sheets[random.integers(len(self.sheets))]
            scale = 2 if random.random() < 0.25 and 2 * side <= _SHEET else 1
            y, x = random.integers(0, _SHEET - side * scale + 1, 2)
            crop = _shrink(sheet[y : y + side * scale, x : x + side * scale].astype(np.float32) / 255, scale)
            if random.random() < 0.5:
                crop = crop[:, ::-1]
            made[number] = np.rot90(crop, int(random.integers(1, 4))) if random.random() < 0.3 else crop
        return jnp.asarray(made)


_CHECKPOINT = "features.safetensors"


def _started(params: dict[str, jax.Array], weights: Mapping[str, Any]) -> dict[str, jax.Array]:
    """``params`` with the values of ``weights``, which may have fewer channels: old ones go on to compute what they
    did, new ones have no say in them at first (Net2Net, Chen et al. 2016, arXiv:1511.05641)."""
    result = {}
    for name, value in params.items():
        old = np.shape(weights.get(name, ()))
        if len(old) != value.ndim or any(few > many for few, many in zip(old, value.shape, strict=True)):
            found = list(old) if name in weights else "missing"
            raise ValueError(f"{name} of the weights to start from is {found}, not {list(value.shape)}; leave them out")
        wider = np.array(value)
        wider[..., : old[-1]] = 0
        wider[tuple(slice(length) for length in old)] = weights[name]
        result[name] = jnp.asarray(wider)
    return result


def _narrow(head: np.ndarray) -> np.ndarray:
    """A head [c + 1, rank] with no more directions than channels: turned so that those left out are empty, but for a
    part of the constant. Distances between features, and between Gram matrices, stay what they were."""
    channels = len(head) - 1
    if head.shape[1] <= channels:
        return head
    turned = head @ np.linalg.svd(head)[2].T
    return turned[:, :channels]


def _fresh_state(params: dict[str, jax.Array], bases: Sequence[Basis], widths: Sequence[int]) -> Learned:
    sums, heads = [], []
    for basis in bases:
        sizes = {layer: (widths[LAYERS.index(layer)] + 1, p.shape[1]) for layer, p in basis.projection.items()}
        sums.append({layer: Sums(jnp.zeros((c, c)), jnp.zeros((c, rank))) for layer, (c, rank) in sizes.items()})
        heads.append({layer: jnp.zeros(size) for layer, size in sizes.items()})
    return Learned(params, muon.start(params), params, tuple(sums), tuple(heads))


def _last_heads(
    lesson: Lesson, basis: Basis, params: dict[str, jax.Array], batches: Sequence[jax.Array]
) -> dict[str, jax.Array]:
    """Least-squares heads of given weights over some batches."""

    @jax.jit
    def products(images: jax.Array) -> dict[str, Sums]:
        raw = lesson.layout.batch(params, images, LAYERS)
        truth = taught(lesson.guide, basis, images, LAYERS)
        found = {}
        for layer in LAYERS:
            full = jnp.concatenate([raw[layer], jnp.ones_like(raw[layer][..., :1])], -1)
            own = jnp.einsum("nhwc,nhwd->cd", full, full)
            found[layer] = Sums(own, jnp.einsum("nhwc,nhwd->cd", full, truth[layer]))
        return found

    total = products(batches[0])
    for images in batches[1:]:
        total = jax.tree.map(jnp.add, total, products(images))
    return solve_heads((total,))[0]


def _load(checkpoint: Path | None, settings: Settings) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint, none where there is none yet."""
    if checkpoint is None or not (checkpoint / _CHECKPOINT).exists():
        return {}
    path = checkpoint / _CHECKPOINT
    found = read_facts(path).get("settings")
    if found != _identity(settings):
        raise WeightsError(f"checkpoint {path} is of other settings ({found}); name another folder, or remove it")
    return load_weights(path)


def _identity(settings: Settings) -> str:
    """The settings that two runs must share to be the same run: all but how long it may take."""
    same = replace(settings, steps=1, minutes=0.0, checkpoint_minutes=0.0)
    return ", ".join(f"{f.name}={getattr(same, f.name)}" for f in fields(same))


def _flat(tree: Any) -> dict[str, Any]:
    """The arrays of a tree by their paths."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _shrink(image: np.ndarray, scale: int) -> np.ndarray:
    """The means of squares of ``scale`` pixels; sides that do not divide lose a rest."""
    height, width = image.shape[0] // scale, image.shape[1] // scale
    return image[: height * scale, : width * scale].reshape(height, scale, width, scale, 3).mean((1, 3))


def _cut(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A square of ``_SHEET`` pixels out of an image of any size: shrunk by chance where it is large, mirrored outwards
    where it is small."""
    image = _shrink(image, int(random.integers(1, max(2, min(image.shape[:2]) // _SHEET + 1))))
    missing = [max(0, _SHEET - length) for length in image.shape[:2]]
    if any(missing):
        image = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
    y, x = (int(random.integers(0, length - _SHEET + 1)) for length in image.shape[:2])
    return image[y : y + _SHEET, x : x + _SHEET].astype(np.float32)
