"""Batches of real pictures in a shuffled order, by grain; where they stand is a value that a checkpoint can hold."""

from __future__ import annotations

from typing import Any, NamedTuple

import grain
import numpy as np

from pixeldream.neural.gan.settings import MINIMUM, GanError


class Pictures(NamedTuple):
    """What a GAN learns from. ``images``: uint8 ``[n, size, size, 3]``, possibly a file mapped into memory;
    ``classes``: int32 ``[n]``."""

    images: np.ndarray
    classes: np.ndarray

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those of some numbers."""
        return np.ascontiguousarray(self.images[rows]), self.classes[rows]


class Batches:
    """An endless iterator over ``(images, classes)``; every picture comes once before any comes again.

    ``part``: of several processes, which one this is and how many there are; each gets its own part of every batch.
    Raises :class:`GanError` for fewer than ``MINIMUM`` pictures.
    """

    def __init__(self, pictures: Pictures, size: int, seed: int, part: tuple[int, int] = (0, 1)) -> None:
        if len(pictures.images) < MINIMUM:
            raise GanError(f"{len(pictures.images)} pictures are too few to learn from; give {MINIMUM} at least")
        self.pictures, self.size = pictures, size
        number, count = part
        self._own = slice(number * size // count, (number + 1) * size // count)
        # A batch may hold the end of one round and the beginning of the next: no picture is left out.
        order = grain.MapDataset.source(range(len(pictures.images))).seed(seed).shuffle().repeat().batch(size)
        self._rows = iter(order.to_iter_dataset(grain.ReadOptions(num_threads=0)))

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> tuple[np.ndarray, np.ndarray]:
        return self.pictures.batch(np.asarray(next(self._rows))[self._own])

    def position(self) -> dict[str, Any]:
        """Where it stands, as JSON holds it."""
        return dict(self._rows.get_state())

    def move(self, position: dict[str, Any]) -> None:
        """Goes to a position."""
        self._rows.set_state(position)

    def epochs(self, steps: int) -> float:
        """How often each picture was seen in so many steps."""
        return steps * self.size / len(self.pictures.images)


class Pair:
    """Two endless iterators side by side, which no one has paired: of each batch the images alone."""

    def __init__(self, first: Batches, second: Batches) -> None:
        self._both = {"a": first, "b": second}

    def __next__(self) -> tuple[np.ndarray, np.ndarray]:
        first, second = (next(each)[0] for each in self._both.values())
        return first, second

    def position(self) -> dict[str, Any]:
        """Where both stand, as JSON holds it."""
        return {name: each.position() for name, each in self._both.items()}

    def move(self, position: dict[str, Any]) -> None:
        """Goes to a position."""
        for name, each in self._both.items():
            each.move(position[name])

    def epochs(self, steps: int) -> float:
        """How often each picture of the first was seen in so many steps."""
        return self._both["a"].epochs(steps)
