"""Sheets: pictures of 256 x 256 that training cuts its crops from, made ahead by other processes, held on the device.

A sheet is a function of the seed and its number alone, and is made on a CPU whatever trains, so that it does not matter
who makes it, or when.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural import pictures

SIDE = 256

Pictures = Callable[[int], np.ndarray]
"""``pictures(number) -> float32 [h, w, 3]`` in [0, 1], the same for the same number."""

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""Shows a picture otherwise (dithered, in cells ...), same shape and range."""

_FIRST = 512
"""Sheets at the beginning, where as many are held."""

_RENEWED_EVERY = 4
_AHEAD = 4
"""Sheets that are begun for each process before they are due."""

_HALVED = 0.25
_MIRRORED = 0.5
_TURNED = 0.3


@dataclass(frozen=True)
class Mixed:
    """Scenes made by code, with ``share`` of the given images [h, w, 3] among them; ``augmented`` of all through
    ``augment``. A value of ``Pictures``; other processes can make them too if they can be sent ``augment``."""

    images: Sequence[np.ndarray] = ()
    share: float = 0.5
    augment: Augment | None = None
    augmented: float = 0.3

    def __call__(self, number: int) -> np.ndarray:
        random = np.random.default_rng((number, 1))
        found = pictures.scene(number)
        if self.images and random.random() < self.share:
            found = cut(self.images[int(random.integers(len(self.images)))], random)
        if self.augment is not None and random.random() < self.augmented:
            found = np.clip(self.augment(found, random), 0, 1).astype(np.float32)
        return found


class Sheets:
    """The sheets as they are after ``steps`` steps: ``images`` uint8 [kept, 256, 256, 3] on the device, the first
    ``filled`` of them made. ``workers``: processes that make them ahead; 0: they are made when they are due.

    With workers ``lessons`` is sent to other processes, which begin anew: it must be a value that can be pickled.
    """

    def __init__(self, lessons: Pictures, seed: int, kept: int, steps: int = 0, workers: int = 0) -> None:
        self.lessons, self.seed, self.kept, self.workers = lessons, seed, kept, workers
        self._first, self._due = min(_FIRST, kept), dict[int, Future[np.ndarray]]()
        self._processes = _processes(workers) if workers else None
        made = self._first + -(-steps // _RENEWED_EVERY)
        self.filled = min(made, kept)
        numbers = [slot + kept * ((made - 1 - slot) // kept) for slot in range(self.filled)]
        held = np.zeros((kept, SIDE, SIDE, 3), np.uint8)
        for slot, sheet in enumerate(self.several(numbers)):
            held[slot] = sheet
        self.images = jnp.asarray(held)

    def several(self, numbers: Iterable[int]) -> Iterator[np.ndarray]:
        """Sheets of these numbers, in their order."""
        tasks = [(self.lessons, self.seed, number) for number in numbers]
        return (
            self._processes.map(_sheet, *zip(*tasks, strict=True)) if self._processes else (_sheet(*t) for t in tasks)
        )

    def renew(self, step: int) -> None:
        """After ``step`` (from 0): a new sheet in its turn, in a free place or in that of the oldest."""
        if step % _RENEWED_EVERY:
            return
        number = self._first + step // _RENEWED_EVERY
        self.images = _put(self.images, number % self.kept, self._one(number))
        self.filled = min(self.kept, max(self.filled, number + 1))

    def _one(self, number: int) -> np.ndarray:
        if self._processes is None:
            return _sheet(self.lessons, self.seed, number)
        for ahead in range(number, number + _AHEAD * self.workers):
            if ahead not in self._due:
                self._due[ahead] = self._processes.submit(_sheet, self.lessons, self.seed, ahead)
        return self._due.pop(number).result()

    def close(self) -> None:
        """Ends the processes."""
        if self._processes is not None:
            self._processes.shutdown(wait=True, cancel_futures=True)


_put = jax.jit(lambda images, slot, sheet: images.at[slot].set(sheet), donate_argnums=0)


def _processes(workers: int) -> ProcessPoolExecutor:
    """Begun anew, not forked: a process that has used jax has threads, and may hold a GPU."""
    return ProcessPoolExecutor(workers, get_context("spawn"), _alone)


def _alone() -> None:
    """A worker computes on one core, and leaves Ctrl-C to the one that it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["NPROC"] = "1"  # how many threads XLA begins
    jax.config.update("jax_platforms", "cpu")


def _sheet(lessons: Pictures, seed: int, number: int) -> np.ndarray:
    """uint8 [256, 256, 3]."""
    on_cpu = (
        nullcontext() if jax.default_backend() == "cpu" else jax.default_device(jax.local_devices(backend="cpu")[0])
    )
    with on_cpu:
        image = cut(lessons(seed * 1_000_000 + number), np.random.default_rng((seed, number, 0)))
    return (image * 255 + 0.5).astype(np.uint8)


def cut(image: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A square of ``SIDE`` pixels out of an image of any size: shrunk by chance where it is large, mirrored outwards
    where it is small."""
    image = _shrink(image, int(random.integers(1, max(2, min(image.shape[:2]) // SIDE + 1))))
    missing = [max(0, SIDE - length) for length in image.shape[:2]]
    if any(missing):
        image = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
    y, x = (int(random.integers(0, length - SIDE + 1)) for length in image.shape[:2])
    return image[y : y + SIDE, x : x + SIDE].astype(np.float32)


def _shrink(image: np.ndarray, scale: int) -> np.ndarray:
    """The means of squares of ``scale`` pixels; sides that do not divide lose a rest."""
    height, width = image.shape[0] // scale, image.shape[1] // scale
    return image[: height * scale, : width * scale].reshape(height, scale, width, scale, 3).mean((1, 3))


@partial(jax.jit, static_argnames=("count", "side"))
def crops(sheets: jax.Array, filled: jax.Array | int, key: jax.Array, count: int, side: int) -> jax.Array:
    """Crops [count, side, side, 3] in [0, 1] of random sheets, uint8, of which ``filled`` are made: some at half size,
    mirrored or turned."""
    drawn = jax.random.uniform(key, (7, count))  # one draw: each would take a second to compile
    which = jnp.minimum((drawn[0] * jnp.asarray(filled, jnp.float32)).astype(jnp.int32), filled - 1)
    scale = jnp.where(drawn[1] < (_HALVED if 2 * side <= SIDE else 0.0), 2, 1)
    corner = (drawn[2:4] * (SIDE + 1 - side * scale)[None]).astype(jnp.int32)
    mirrored = drawn[4] < _MIRRORED
    turns = jnp.where(drawn[5] < _TURNED, 1 + (3 * drawn[6]).astype(jnp.int32), 0)
    down, across = jnp.meshgrid(jnp.arange(side), jnp.arange(side), indexing="ij")
    last = side - 1
    rows = jnp.stack([down, across, last - down, last - across])[turns]
    columns = jnp.stack([across, last - down, last - across, down])[turns]
    columns = jnp.where(mirrored[:, None, None], last - columns, columns)
    rows, columns = (
        corner[axis, :, None, None] + scale[:, None, None] * places for axis, places in enumerate((rows, columns))
    )
    beside = scale[:, None, None] - 1
    found = [
        sheets[which[:, None, None], rows + y * beside, columns + x * beside].astype(jnp.float32)
        for y in (0, 1)
        for x in (0, 1)
    ]
    return (found[0] + found[1] + found[2] + found[3]) / (4 * 255.0)
