"""Checkpoints by Orbax: each a folder that is written under another name and then renamed, the last few kept."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import orbax.checkpoint as ocp

from pixeldream.neural.gan.settings import GanError

_ARRAYS, _FACTS = "arrays", "facts"


_MARGIN = 2**20
"""Bytes besides the arrays: their names and the facts."""


class Kept(NamedTuple):
    """A checkpoint: the step, the state's arrays, and what else there is to remember, as JSON holds it."""

    step: int
    state: Any
    facts: dict[str, Any]


class Checkpoints:
    """The checkpoints in a folder, ``keep`` of them at most. A process killed while it writes one leaves those before
    it whole; what is unfinished is removed the next time."""

    def __init__(self, folder: Path, keep: int = 3) -> None:
        self._folder = folder
        logging.getLogger("absl").setLevel(logging.CRITICAL)  # what it says is raised as well
        folder.mkdir(parents=True, exist_ok=True)
        # Of several processes one writes, in its own time; the others have no part in it.
        own = jax.process_index()
        alone = ocp.options.MultiprocessingOptions(own, {own}, str(own))
        # What was said to be kept is on disk.
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep, enable_async_checkpointing=False, create=False, cleanup_tmp_directories=own == 0,
            multiprocessing_options=alone,
        )  # fmt: skip
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def steps(self) -> list[int]:
        """Those that are there, the oldest first."""
        return sorted(self._manager.all_steps())

    def save(self, step: int, state: Any, facts: Mapping[str, Any]) -> None:
        """Writes one. Raises :class:`GanError` when it can't be written: those before it stay."""
        arrays = {name: np.asarray(value) for name, value in _flat(state).items()}
        # Orbax writes in many threads, each of which complains when there is no room.
        wanted, free = sum(array.nbytes for array in arrays.values()) + _MARGIN, shutil.disk_usage(self._folder).free
        if free < wanted:
            raise self._unwritten(step, f"{wanted >> 10} KiB are needed and {free >> 10} free")
        parts = {_ARRAYS: ocp.args.StandardSave(arrays), _FACTS: ocp.args.JsonSave(dict(facts))}
        try:
            self._manager.save(step, args=ocp.args.Composite(**parts), force=True)
        except (OSError, ValueError, RuntimeError) as error:
            self._sweep()
            raise self._unwritten(step, _reason(error)) from None

    def _unwritten(self, step: int, reason: str) -> GanError:
        return GanError(
            f"checkpoint {step} can't be written to {str(self._folder)!r}: {reason}; make room and go on with --resume "
            "from the one before"
        )

    def load(self, like: Any) -> Kept | None:
        """The newest, as a tree like ``like``; none where there is none. One that is damaged is passed over for the
        one before it. Raises :class:`GanError` for arrays of other shapes, and where all are damaged."""
        problem = None
        for step in reversed(self.steps()):
            try:
                facts = self._manager.restore(step, args=ocp.args.Composite(**{_FACTS: ocp.args.JsonRestore()}))
                arrays = self._manager.restore(step, args=ocp.args.Composite(**{_ARRAYS: ocp.args.StandardRestore()}))
            except Exception as error:  # whatever a torn file makes its reader raise
                problem = error
                continue
            return Kept(step, _unflat(arrays[_ARRAYS], like), dict(facts[_FACTS]))
        if problem is not None:
            raise GanError(f"no checkpoint in {str(self._folder)!r} can be read ({_reason(problem)}); begin anew")
        return None

    def close(self) -> None:
        """Ends what Orbax has running."""
        self._manager.close()

    def _sweep(self) -> None:
        """Removes what a failed save has left."""
        for path in self._folder.iterdir():
            if not path.name.isdigit():
                shutil.rmtree(path, ignore_errors=True)
        self._manager.reload()


def _reason(error: BaseException) -> str:
    return " ".join((getattr(error, "strerror", None) or str(error)).split())[:120] or type(error).__name__


def _flat(tree: Any) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _unflat(arrays: Mapping[str, Any], like: Any) -> Any:
    """The tree ``like`` with those arrays for its own."""
    wanted = _flat(like)
    for name in dict.fromkeys([*wanted, *arrays]):
        ours, theirs = (_form(found.get(name)) for found in (wanted, arrays))
        if ours != theirs:
            raise GanError(f"the checkpoint is of another shape: {name} is {theirs} there and {ours} here")
    leaves = [jax.numpy.asarray(arrays[name]) for name in wanted]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _form(array: Any) -> str:
    return "missing" if array is None else f"{np.dtype(array.dtype).name} {list(array.shape)}"
