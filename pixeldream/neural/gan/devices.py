"""More than one device, and more than one machine: each step's batch is split over all of them, everything else is
the same on each (data parallel). XLA puts in what they tell each other, so that losses and the statistics of a batch
are those of the whole batch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pixeldream.neural.gan.settings import GanError

AXIS = "data"
"""The axis of the mesh, along which batches are split."""

EVERY = 8
"""Steps between two questions of what all processes are to do."""

AUTO = "auto"
"""A coordinator that is asked of what started the processes: Slurm, Open MPI, Kubernetes, a TPU pod."""


@dataclass(frozen=True)
class Devices:
    """Those that share the work; ``mesh`` is none where one does all of it, and nothing is moved then."""

    mesh: Mesh | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return 1 if self.mesh is None else self.mesh.size

    @property
    def part(self) -> tuple[int, int]:
        """This process's number, and how many there are: which part of a batch is its own."""
        return (0, 1) if self.mesh is None else (jax.process_index(), jax.process_count())

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.part[0] == 0

    def split(self, own: np.ndarray) -> jax.Array:
        """A batch ``[n, ...]`` over all devices, of this process's part of it."""
        if self.mesh is None:
            return jax.numpy.asarray(own)
        return jax.make_array_from_process_local_data(NamedSharding(self.mesh, PartitionSpec(AXIS)), own)

    def replicate(self, tree: Any) -> Any:
        """The arrays of a tree on every device. All processes hand over the same."""
        if self.mesh is None:
            return tree
        sharding = NamedSharding(self.mesh, PartitionSpec())

        def everywhere(leaf: Any) -> jax.Array:
            if isinstance(leaf, jax.Array) and leaf.sharding == sharding:
                return leaf
            return jax.make_array_from_process_local_data(sharding, np.asarray(leaf), np.shape(leaf))

        return jax.tree.map(everywhere, tree)

    def settle(self, tree: Any) -> Any:
        """What a step leaves, on every device: as a rule it is there already."""
        if self.mesh is None:
            return tree
        return jax.device_put(tree, NamedSharding(self.mesh, PartitionSpec()))

    def local(self, tree: Any) -> Any:
        """A replicated tree as one device of this process has it: for work that the others have no part in."""
        return tree if self.mesh is None else jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)

    def agree(self, yes: bool, step: int) -> bool:
        """What the first process says: what depends on clocks and keys must be the same for all. They ask it every
        :data:`EVERY` steps only, for it makes them wait for each other; the answer is no in between."""
        if self.part[1] == 1:
            return yes
        return step % EVERY == 0 and bool(multihost_utils.broadcast_one_to_all(np.bool_(yes)))


def share(batch: int, count: int = 0) -> Devices:
    """Devices for batches of ``batch`` pictures: ``count`` of this machine's, or for 0 as many as share them evenly;
    with other processes all devices of all. Raises :class:`GanError`."""
    every = sorted(jax.devices(), key=lambda device: (device.process_index, device.id))
    if jax.process_count() > 1:
        if count not in (0, len(every)):
            raise GanError(f"--devices {count}: {jax.process_count()} processes share all {len(every)}; leave it out")
        count = len(every)
    elif count > len(every):
        raise GanError(f"--devices {count}: there are {len(every)} here")
    elif count == 0:
        count = max(number for number in range(1, len(every) + 1) if batch % number == 0)
    if batch % count:
        raise GanError(f"a batch of {batch} can't be split over {count} devices; take {-(-batch // count) * count}")
    return Devices() if count == 1 else Devices(Mesh(np.asarray(every[:count]), (AXIS,)))


def join(coordinator: str, count: int, number: int) -> None:
    """Makes this process number ``number`` of ``count`` that train together, before anything else is done with jax.

    ``coordinator``: ``HOST:PORT`` of the first one, or :data:`AUTO`. Raises :class:`GanError`.
    """
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    if coordinator != AUTO:
        if not re.fullmatch(r"[^\s:]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", coordinator):
            raise GanError(f"coordinator {coordinator!r} is not HOST:PORT of the first process, nor {AUTO}")
        if not 0 <= number < count:
            raise GanError(f"process {number} of {count}: --process-id counts from 0 to --process-count less one")
    try:
        if coordinator == AUTO:
            jax.distributed.initialize()
        else:
            jax.distributed.initialize(coordinator, count, number)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise GanError(f"the processes did not meet at {coordinator!r} ({reason:.120}); start all of them") from None
