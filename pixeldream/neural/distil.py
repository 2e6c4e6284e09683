"""Trains the embedded feature network: a thin VGG that learns, from scratch, to see as its teachers do.

``distil`` is a generator: it yields after every step, writes checkpoints, and resumes from them. With a number of
steps (not of minutes) an interrupted and resumed run ends with the same bytes as one that was not. What a step teaches
is in ``student``; crops come from "sheets", pictures of 256 x 256 that are renewed all the time. Sheets and driven
pictures live on the device, and steps are begun ahead of the device: nothing waits for the host but what it asks for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural import muon, pictures
from pixeldream.neural.crops import SIDE, Pictures, Sheets, crops
from pixeldream.neural.driven import Pool, begun
from pixeldream.neural.student import (
    EXACT,
    LAYERS,
    Basis,
    Learned,
    Lesson,
    Moment,
    Still,
    Sums,
    advance,
    begin,
    solve_heads,
    taught,
)
from pixeldream.neural.teachers import Teacher, find_basis, guided
from pixeldream.neural.variety import vary
from pixeldream.neural.weights import WeightsError, load_weights, read_facts, save_weights

GENTLE = 0.004
"""A rate for trainings that begin with earlier weights: three times as much makes them forget what they know."""

_HEADS_EVERY = 25
_PROBES = 10**9
_PROBE = 192
_LAST_BATCHES = 48
_AHEAD = 4
"""Steps that are begun before the device has ended an earlier one."""


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
    batch: int = 16
    """Crops in a step: one half fresh, one half driven. In the last part half as many. A multiple of 4."""
    sheets: int = 512
    """Pictures that are held at a time, to cut crops from."""
    rate: float = 0.012
    """How far a kernel moves in a step, relative to its norm."""
    calm: float = 0.0
    """How much less of a dither's contrast the student is to see than there is, in [0, 1] (see ``vary``)."""
    hold: float = 0.3
    """The part of the run before the rate begins to fall to 0."""
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        if self.steps < 0 or self.minutes < 0 or self.steps == self.minutes == 0:
            raise ValueError(f"steps {self.steps} and minutes {self.minutes}: give one of them, above 0")
        for name in ("crop", "late_crop"):
            side = getattr(self, name)
            if side % 8 or not 32 <= side <= SIDE:
                raise ValueError(f"{name} of {side} is not a multiple of 8 within 32 to {SIDE}")
        if len({len(self.widths), len(self.depths), len(self.ranks), len(LAYERS)}) > 1:
            raise ValueError(f"widths {self.widths}, depths {self.depths} and ranks {self.ranks}: give five of each")
        if not 0 <= self.calm <= 1:
            raise ValueError(f"calm of {self.calm} is not within 0 to 1")
        if self.batch % 4 or min(self.batch, self.sheets, *self.widths, *self.depths) < 1:
            raise ValueError(f"batch of {self.batch} is not a multiple of 4 above 0, or the like is too small")

    @property
    def pool(self) -> int:
        """Driven pictures: each is moved in one step out of eight."""
        return 4 * self.batch

    @property
    def labelled(self) -> int:
        """Crops of each half that the teachers other than the guide label."""
        return max(1, self.batch // 16)


@dataclass(frozen=True)
class Progress:
    """Training after ``step`` steps and ``seconds``; ``part`` of it is done, in [0, 1]."""

    step: int
    seconds: float
    part: float
    measured: Mapping[str, Any] = field(repr=False)
    """``figures`` that may still be under way on the device."""
    export: Callable[[], dict[str, np.ndarray]] = field(repr=False)
    """The network as it stands, ready for ``save_weights``: float16 arrays."""

    @property
    def figures(self) -> dict[str, float]:
        """Unexplained variance by layer, gradient errors and cosines (see ``student``). Waits for the step's end."""
        return {name: float(value) for name, value in self.measured.items()}


def distil(
    settings: Settings,
    teachers: Sequence[Teacher],
    lessons: Pictures = pictures.scene,
    checkpoint: Path | None = None,
    start: Mapping[str, Any] | None = None,
    workers: int = 0,
) -> Iterator[Progress]:
    """Trains; yields after every step. Each of the five layers is guided by the first teacher that has it.

    ``checkpoint`` names a folder that exists: training resumes from the checkpoint in it, and writes one every
    ``checkpoint_minutes`` and at the end. ``start``: the weights of a student to begin with instead of random ones, as
    wide as ``settings`` say or narrower. ``workers``: processes that make pictures ahead (see ``Sheets``), which change
    nothing but the time. Raises ``ValueError`` where a layer has no teacher, and for a start of another shape;
    ``WeightsError`` for a checkpoint of other settings.
    """
    run = _Run(settings, teachers, lessons, checkpoint, start, workers)
    saved, under_way = time.monotonic(), deque[Any]()
    try:
        while run.part < 1:
            measured = run.step()
            under_way.append(measured)
            if len(under_way) > _AHEAD:
                jax.block_until_ready(under_way.popleft())
            if checkpoint and (run.part >= 1 or time.monotonic() - saved > 60 * settings.checkpoint_minutes):
                run.save(checkpoint)
                saved = time.monotonic()
            yield Progress(run.steps, run.seconds, run.part, measured, run.export)
    finally:
        run.sheets.close()


def new_heads(
    settings: Settings, teachers: Sequence[Teacher], lessons: Pictures, start: Mapping[str, Any], workers: int = 0
) -> dict[str, np.ndarray]:
    """A student's weights with heads found anew, as the end of a training finds them; its kernels stay as they are.

    Arguments, result and errors are those of ``distil`` and ``Progress.export``.
    """
    run = _Run(settings, teachers, lessons, None, start, workers)
    run.sheets.close()
    return run.export()


class _Run:
    """Training under way: what changes from step to step."""

    def __init__(
        self,
        settings: Settings,
        teachers: Sequence[Teacher],
        lessons: Pictures,
        checkpoint: Path | None,
        start: Mapping[str, Any] | None,
        workers: int,
    ) -> None:
        self.settings, self.steps, self.seconds = settings, 0, 0.0
        ordered, layers = guided(teachers)
        layout, params = begin(settings.widths, settings.depths, settings.seed)
        if start is not None:
            params = _started(params, start)
        others = tuple(teacher.network for teacher in ordered[1:])
        self.lesson = Lesson(layout, ordered[0].network, others, tuple(layers[1:]), settings.labelled, settings.calm)
        old = _load(checkpoint, settings)
        self.sheets = Sheets(lessons, settings.seed, settings.sheets, int(old["steps"]) if old else 0, workers)
        norms = {name: jnp.linalg.norm(p) for name, p in params.items() if name.endswith("_w")}
        self.still = Still(self._bases(ordered, layers), norms)
        self.state = _fresh_state(params, self.still.bases, settings.widths)
        self.pool: Pool | None = None
        if old:
            self._restore(old)
        self._begun = time.monotonic()

    @property
    def part(self) -> float:
        """How much of the run is done, in [0, 1]."""
        settings = self.settings
        done = [self.steps / settings.steps] if settings.steps else []
        return min(1.0, max([*done, self.seconds / 60 / settings.minutes] if settings.minutes else done))

    def step(self) -> dict[str, jax.Array]:
        """One step; its figures. The first one compiles, which does not count as time."""
        settings, late = self.settings, self.part >= 1 - self.settings.late_part
        side, half = (settings.late_crop, settings.batch // 4) if late else (settings.crop, settings.batch // 2)
        if self.pool is None or side != self.pool.image.shape[1]:
            self.pool = self._pool(side, settings.pool // 2 if late else settings.pool)
        rate = settings.rate * min(1.0, (self.steps + 1) / 100, (1 - self.part) / (1 - settings.hold))
        now = Moment(self.sheets.images, jnp.int32(self.sheets.filled), self._key(2), jnp.float32(rate))
        self.state, self.pool, figures = advance(self.lesson, half, self.still, self.state, self.pool, now)
        early = self.steps < 200 and self.steps % 10 == 9
        if early or self.steps % _HEADS_EVERY == _HEADS_EVERY - 1:
            self.state = self.state._replace(heads=solve_heads(self.state.sums))
        self.sheets.renew(self.steps)
        ended = time.monotonic()
        self.seconds += ended - self._begun if self.steps else 0.0
        self._begun = ended
        self.steps += 1
        return figures

    def export(self) -> dict[str, np.ndarray]:
        """The averaged weights as float16, with heads found for them anew."""
        side, made = self.settings.late_crop, (self.sheets.images, self.sheets.filled)
        keys = [jax.random.split(self._key(3 + number)) for number in range(_LAST_BATCHES)]
        batches = [vary(crops(*made, one, 8, side), other, self.settings.calm) for one, other in keys]
        heads = _last_heads(self.lesson, self.still.bases[0], self.state.average, batches)
        arrays = {name: np.asarray(value, np.float16) for name, value in self.state.average.items()}
        for layer, found in heads.items():
            head = _narrow(np.asarray(found, np.float64))
            arrays[f"{layer}_head_w"] = head[:-1].astype(np.float16)
            arrays[f"{layer}_head_b"] = head[-1].astype(np.float16)
        return arrays

    def save(self, folder: Path) -> None:
        """Writes the checkpoint: the driven pictures, which are large, to a file of their own, and then, by which it
        counts, the rest. Raises ``OSError``."""
        assert self.pool is not None, "there was a step"
        pool = {name: np.asarray(value) for name, value in zip(Pool._fields, self.pool, strict=True)}
        save_weights(folder / _driven(self.steps), pool, {})
        arrays = {name: np.asarray(value, np.float32) for name, value in _flat(self.state).items()}
        arrays |= {"steps": np.asarray(self.steps, np.float32), "seconds": np.asarray(self.seconds, np.float32)}
        save_weights(folder / _CHECKPOINT, arrays, {"settings": _identity(self.settings)})
        for old in folder.glob(_driven("*")):
            if old.name != _driven(self.steps):
                old.unlink()

    def _restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """From a checkpoint; with new driven pictures where it was moved without them."""
        self.steps, self.seconds = int(arrays["steps"]), float(arrays["seconds"])
        if "pool image" in arrays:
            self.pool = Pool(*(jnp.asarray(arrays[f"pool {name}"]) for name in Pool._fields))
        leaves = [jnp.asarray(arrays[name]) for name in _flat(self.state)]
        self.state = jax.tree.unflatten(jax.tree.structure(self.state), leaves)

    def _key(self, use: int) -> jax.Array:
        """Chance for one use in one step: nothing of it needs to be kept in a checkpoint."""
        return jax.random.fold_in(jax.random.fold_in(jax.random.key(self.settings.seed), self.steps), use)

    def _bases(self, teachers: Sequence[Teacher], layers: Sequence[tuple[str, ...]]) -> tuple[Basis, ...]:
        """Found on pictures that do not depend on how far training is."""
        side = self.settings.crop
        probes = [sheet[:side, :side] for sheet in self.sheets.several(range(_PROBES, _PROBES + _PROBE))]
        images, _ = vary(jnp.asarray(np.stack(probes) / np.float32(255)), jax.random.key(self.settings.seed))
        return tuple(
            find_basis(t, found, images, self.settings.ranks) for t, found in zip(teachers, layers, strict=True)
        )

    def _pool(self, side: int, count: int) -> Pool:
        return begun(self.sheets.images, self.sheets.filled, self._key(1), count, side)


_CHECKPOINT = "features.safetensors"


def _driven(steps: int | str) -> str:
    """The name of the file that holds the driven pictures after so many steps."""
    return f"driven-{steps}.safetensors"


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


@partial(jax.jit, static_argnames=("lesson",))
def _products(
    lesson: Lesson, basis: Basis, params: dict[str, jax.Array], seen: jax.Array, meant: jax.Array
) -> dict[str, Sums]:
    raw = lesson.layout.batch(params, seen, LAYERS)
    truth = taught(lesson.guide, basis, meant, LAYERS)
    found = {}
    for layer in LAYERS:
        full = jnp.concatenate([raw[layer], jnp.ones_like(raw[layer][..., :1])], -1)
        own = jnp.einsum("nhwc,nhwd->cd", full, full, precision=EXACT)
        found[layer] = Sums(own, jnp.einsum("nhwc,nhwd->cd", full, truth[layer], precision=EXACT))
    return found


def _last_heads(
    lesson: Lesson, basis: Basis, params: dict[str, jax.Array], batches: Sequence[tuple[jax.Array, jax.Array]]
) -> dict[str, jax.Array]:
    """Least-squares heads of given weights over some batches, each what is seen and what it means."""

    total = _products(lesson, basis, params, *batches[0])
    for batch in batches[1:]:
        total = jax.tree.map(jnp.add, total, _products(lesson, basis, params, *batch))
    return solve_heads((total,))[0]


def _load(checkpoint: Path | None, settings: Settings) -> dict[str, np.ndarray]:
    """The arrays of a checkpoint, none where there is none yet."""
    if checkpoint is None or not (checkpoint / _CHECKPOINT).exists():
        return {}
    path = checkpoint / _CHECKPOINT
    found = read_facts(path).get("settings")
    if found != _identity(settings):
        raise WeightsError(f"checkpoint {path} is of other settings ({found}); name another folder, or remove it")
    arrays = load_weights(path)
    driven = checkpoint / _driven(int(arrays["steps"]))
    return arrays | ({f"pool {name}": value for name, value in load_weights(driven).items()} if driven.exists() else {})


def _identity(settings: Settings) -> str:
    """The settings that two runs must share to be the same run: all but how long it may take."""
    same = replace(settings, steps=1, minutes=0.0, checkpoint_minutes=0.0)
    return ", ".join(f"{f.name}={getattr(same, f.name)}" for f in fields(same))


def _flat(tree: Any) -> dict[str, Any]:
    """The arrays of a tree by their paths."""
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
