"""Options for a training on several devices and several machines, and how their processes keep together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

from pixeldream.cli.options import OptionError, integer, option

if TYPE_CHECKING:
    from pixeldream.neural.gan.devices import Devices

Value = TypeVar("Value")

DeviceCount = Annotated[
    int, integer("--devices", help="Devices of this machine to share a batch; 0: all that can share it evenly.")
]
Coordinator = Annotated[
    str | None,
    option(
        "--coordinator",
        metavar="HOST:PORT|auto",
        help="Train with other processes: where the first of them is; auto under Slurm, Open MPI, Kubernetes.",
    ),
]
ProcessCount = Annotated[int, integer("--process-count", help="How many processes train together.")]
ProcessId = Annotated[int, integer("--process-id", help="Which of them this is, from 0; the first writes and speaks.")]


def meet(coordinator: str | None, count: int, number: int) -> bool:
    """Waits for the other processes, if there are to be any; whether this one writes and speaks.

    Raises :class:`OptionError`, ``GanError``.
    """
    if coordinator is None:
        if (count, number) != (1, 0):
            raise OptionError("--process-count and --process-id are for several processes: --coordinator HOST:PORT")
        return True
    from pixeldream.neural.gan.devices import join

    join(coordinator, count, number)
    import jax

    return jax.process_index() == 0


def share(batch: int, count: int) -> Devices:
    """The devices that share a batch. Raises ``GanError``."""
    from pixeldream.neural.gan import devices

    if count < 0:
        raise OptionError(f"--devices {count} is less than none")
    return devices.share(batch, count)


def one_after_another(coordinator: str | None, work: Callable[[], Value], then: Callable[[], Value]) -> Value:
    """What the first process does, and ``then`` in the others once that is done. Raises :class:`OptionError` in those
    where it failed."""
    if coordinator is None:
        return work()
    import jax
    import numpy as np
    from jax.experimental.multihost_utils import broadcast_one_to_all

    if jax.process_index():
        if not broadcast_one_to_all(np.bool_(False)):
            raise OptionError("the first process could not begin the run; it says why")
        return then()
    done = False
    try:
        value = work()
        done = True
    finally:
        broadcast_one_to_all(np.bool_(done))
    return value
