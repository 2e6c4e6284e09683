"""The frames of an endless zoom: kept in a folder one by one, so that a run can go on.

The folder holds ``frame-0001.png`` ... to look at, ``frame-0001.safetensors`` ... with the same pictures slot by slot,
and ``state.safetensors``: where the next frame begins, and what run it is of.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from pixeldream.cli.output import OutputError, make_folder, write_files
from pixeldream.look import Look
from pixeldream.retro.mode import Picture

if TYPE_CHECKING:
    from pixeldream.neural.zoom import Frame

_STATE = "state.safetensors"


@dataclass
class FrameFolder:
    """The frames that are there. ``identity``: all that decides their pixels (see ``cli.checkpoint``)."""

    folder: Path
    look: Look
    identity: Mapping[str, str]

    def begin(self) -> None:
        """Raises ``OutputError`` for a folder that holds frames already."""
        make_folder(self.folder)
        if (self.folder / _STATE).exists():
            raise OutputError(
                f"folder {str(self.folder)!r} holds frames; go on with --resume, remove it, or choose another"
            )

    def resume(self, frames: int) -> tuple[int, np.ndarray | None, list[Picture]]:
        """How many frames there are, where the next one begins, and the pictures. Raises ``OutputError`` for a folder
        that is damaged or of another run."""
        make_folder(self.folder)
        state = self.folder / _STATE
        if not state.exists():
            return 0, None, []
        try:
            data = state.read_bytes()
            onward, facts = load_arrays(data)["onward"], _facts(data)
            number, theirs = int(facts["number"]), json.loads(facts["identity"])
            pictures = [self._read(each) for each in range(1, min(number, frames) + 1)]
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise OutputError(
                f"folder {str(self.folder)!r} holds no frames to go on from ({error}); remove it to begin anew"
            ) from None
        for name in dict.fromkeys([*self.identity, *theirs]):
            if theirs.get(name) != self.identity.get(name):
                raise OutputError(
                    f"the frames in {str(self.folder)!r} are of another run: {name} was {theirs.get(name)}, now "
                    f"{self.identity.get(name)}; give the same command, or another --keep"
                )
        return len(pictures), onward, pictures

    def keep(self, frame: Frame, png: bytes) -> None:
        """Writes a frame, all of it or nothing. Raises ``OutputError``."""
        picture = frame.result
        arrays = {"pixels": picture.pixels} | {
            f"colours {number:03}": np.ascontiguousarray(each, np.int32) for number, each in enumerate(picture.colours)
        }
        facts = {"number": str(frame.number), "identity": json.dumps(self.identity, sort_keys=True)}
        stem = self.folder / f"frame-{frame.number:04}"
        write_files(
            {
                stem.with_suffix(".png"): png,
                stem.with_suffix(".safetensors"): save_arrays(arrays),
                self.folder / _STATE: save_arrays({"onward": np.ascontiguousarray(frame.onward)}, facts),
            }
        )

    def _read(self, number: int) -> Picture:
        arrays = load_arrays((self.folder / f"frame-{number:04}.safetensors").read_bytes())
        colours = tuple(arrays[name] for name in sorted(arrays) if name.startswith("colours "))
        return Picture(self.look.mode, self.look.palette, arrays["pixels"], colours, self.look.border)


def _facts(data: bytes) -> dict[str, str]:
    head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return dict(head["__metadata__"])
