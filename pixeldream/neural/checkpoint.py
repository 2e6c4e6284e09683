"""A run between two steps, as bytes: all that it needs to go on as if it had never stopped.

The bytes are a ``.safetensors`` file: the image that the stage began with, every array that the loop carries (by its
position in the tree: what a canvas keeps is nobody's business here), the history, and in the header the step, the
losses, what the run is (its identity) and a checksum. Nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

if TYPE_CHECKING:
    from pixeldream.neural.optimise import Progress

Identity = Mapping[str, str]
"""What a run is: values by the name of what they are of, such as ``option steps`` or ``weights of vgg19``."""

_ENTRY = "pixeldream"
"""Of the header."""

_KIND = "pixeldream checkpoint 1"
_UNFIT = "its arrays do not fit this run; remove it to begin anew"


class CheckpointError(ValueError):
    """A checkpoint that is damaged or of another run: one line."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A run after ``step`` steps. ``begin``: the image ``[h, w, 3]`` that its stage began with; ``carried``: what the
    loop carries, as a flat list of arrays; ``losses`` and ``history`` so far (``[step, content, style, total]``)."""

    step: int
    begin: np.ndarray
    carried: tuple[np.ndarray, ...]
    losses: Mapping[str, float]
    history: tuple[tuple[float, ...], ...]
    identity: Identity

    @staticmethod
    def of(progress: Progress, losses: Mapping[str, float], history: Any, identity: Identity) -> Checkpoint:
        """That of a run as it stands; waits for the step."""
        import jax

        carried = tuple(np.asarray(leaf) for leaf in jax.tree.leaves(progress.carried))
        rows = tuple(tuple(map(float, row)) for row in history)
        return Checkpoint(progress.step, np.asarray(progress.begin), carried, dict(losses), rows, dict(identity))

    def restore(self, like: Any) -> Any:
        """The tree ``like`` with the stored arrays for its own. Raises :class:`CheckpointError` for others."""
        import jax

        own, tree = jax.tree.flatten(like)
        if [_form(leaf) for leaf in own] != [_form(leaf) for leaf in self.carried]:
            raise CheckpointError(_UNFIT)
        return jax.tree.unflatten(tree, [jax.numpy.asarray(leaf) for leaf in self.carried])

    def begin_like(self, image: Any) -> Any:
        """``begin`` for ``image``, of whose shape it is. Raises :class:`CheckpointError` for another."""
        import jax

        if _form(self.begin) != _form(image):
            raise CheckpointError(_UNFIT)
        return jax.numpy.asarray(self.begin)

    def check(self, identity: Identity) -> None:
        """Raises :class:`CheckpointError` that says what differs, when this is a checkpoint of another run."""
        for name in dict.fromkeys([*identity, *self.identity]):
            theirs, ours = self.identity.get(name), identity.get(name)
            if theirs != ours:
                raise CheckpointError(
                    f"it is of another run: {name} was {_short(theirs)}, now {_short(ours)}; "
                    "give the same command, or another --checkpoint"
                )

    def to_bytes(self) -> bytes:
        """As a file. The same run at the same step gives the same bytes."""
        arrays = {f"carried {number:04}": np.asarray(a, order="C") for number, a in enumerate(self.carried)}
        arrays["begin"] = np.asarray(self.begin, order="C")
        arrays["history"] = np.asarray(self.history, np.float64).reshape(len(self.history), 4)
        facts = {"step": self.step, "losses": dict(self.losses), "identity": dict(self.identity)}
        text = json.dumps(facts, sort_keys=True)
        head = {"kind": _KIND, "facts": text, "sha256": _digest(arrays, text)}
        # One entry: several would be written in any order.
        return safetensors.numpy.save(arrays, {_ENTRY: json.dumps(head, sort_keys=True)})


def parse(data: bytes) -> Checkpoint:
    """The checkpoint in a file's bytes. Raises :class:`CheckpointError`."""
    try:
        arrays = safetensors.numpy.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        head = json.loads(header.get("__metadata__", {}).get(_ENTRY, "{}"))
        if head.get("kind") != _KIND:
            raise CheckpointError("it is no checkpoint of this version of pixeldream; choose another name")
        if head["sha256"] != _digest(arrays, head["facts"]):
            raise CheckpointError("it is damaged; remove it to begin anew")
        values = json.loads(head["facts"])
        carried = tuple(arrays[name] for name in sorted(arrays) if name.startswith("carried "))
        losses = {name: float(value) for name, value in values["losses"].items()}
        history = tuple(tuple(row) for row in arrays["history"].tolist())
        return Checkpoint(int(values["step"]), arrays["begin"], carried, losses, history, dict(values["identity"]))
    except CheckpointError:
        raise
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise CheckpointError("it is damaged or no checkpoint; remove it to begin anew") from None


def _form(array: Any) -> tuple[tuple[int, ...], np.dtype]:
    return tuple(np.shape(array)), np.dtype(array.dtype)


def _digest(arrays: Mapping[str, np.ndarray], text: str) -> str:
    found = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return found.hexdigest()


def _short(value: str | None) -> str:
    return "none" if value is None else repr(value) if len(value) <= 40 else f"{value[:12]!r}..."
