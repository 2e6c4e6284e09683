"""What is wrong with weights, in one line; and how much of them is read at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

Arrays = dict[str, np.ndarray]

MAXIMUM_BYTES = 1 << 30
"""The largest file, packed or unpacked, that is read: VGG-19 with its classifier takes 575 MB."""

MAXIMUM_ARRAYS = 4096


class WeightsError(ValueError):
    """Weights that can't be used: one line with the value and the way out."""


def large(name: str, size: int, count: int = 0) -> WeightsError:
    """More than is read."""
    limit = f"{MAXIMUM_BYTES >> 20} MiB or {MAXIMUM_ARRAYS} arrays"
    holds = f"{count} arrays of {size} bytes together" if count else f"{size} bytes"
    return WeightsError(f"weights {name}: {holds} is more than {limit}; keep only the convolutions")


def broken(name: str, error: Exception | str) -> WeightsError:
    """A file that is not what its name says."""
    says = str(error).splitlines()[0] if str(error) else "cut off"
    return WeightsError(f"weights {name} is not a whole {Path(name).suffix} file ({says})")


def check_sizes(name: str, sizes: Iterable[int]) -> None:
    """Raises ``WeightsError`` if arrays of so many bytes are more than is read: before room is made for them."""
    found = list(sizes)
    if sum(found) > MAXIMUM_BYTES or len(found) > MAXIMUM_ARRAYS:
        raise large(name, sum(found), len(found))
