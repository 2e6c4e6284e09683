"""Arrays from Keras's ``.h5`` files, of weights or of whole models. h5py is only needed here, and imported here.

A group a layer holds datasets ``kernel:0`` and ``bias:0``, for batch norms ``gamma:0``, ``beta:0``, ``moving_mean:0``,
``moving_variance:0``; Keras 1 wrote ``LAYER_W_1:0`` and ``LAYER_b_1:0``. Links to other files and data outside the file
are refused, and sizes are checked as declared. Source: keras/src/legacy/saving/legacy_h5_format.py.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from pixeldream.neural.weights import errors
from pixeldream.neural.weights.errors import Arrays, WeightsError, broken, check_sizes

_MAXIMUM_DEPTH = 8
_MODEL = "model_weights/"
_PARTS = {"W": "kernel", "b": "bias"}


def parse_keras(data: bytes, name: str) -> Arrays:
    """The arrays as ``LAYER/kernel``, ``LAYER/bias`` and so on. Raises ``WeightsError``, also where h5py is missing."""
    try:
        import h5py
    except ImportError:
        raise WeightsError(
            f"weights {name}: .h5 files are read by h5py, which is not installed; 'pip install pixeldream[h5]'"
        ) from None
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            datasets = _named(dict(_datasets(h5py, file, name)))
            check_sizes(name, [int(each.size) * each.dtype.itemsize for each in datasets.values()])
            return {key: np.asarray(each[()]) for key, each in datasets.items()}
    except (WeightsError, MemoryError):
        raise
    # h5py hands through whatever HDF5 makes of damaged bytes.
    except Exception as error:
        raise broken(name, error) from None


def _datasets(h5py: Any, root: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every array of floats by its whole path; no link is followed."""
    waiting = [("", root, 0)]
    for _ in range(4 * errors.MAXIMUM_ARRAYS):
        if not waiting:
            return
        path, group, depth = waiting.pop()
        for key in group:
            link = group.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise WeightsError(f"weights {name}: {path + key!r} is a link, which is never followed; save arrays")
            found = group[key]
            if isinstance(found, h5py.Group):
                if depth < _MAXIMUM_DEPTH:
                    waiting.append((f"{path}{key}/", found, depth + 1))
            elif found.dtype.kind == "f":
                if found.external or found.is_virtual:
                    raise WeightsError(f"weights {name}: the numbers of {path + key!r} are in another file; join them")
                yield path + key, found
    raise broken(name, "its groups are nested without end")


def _named(datasets: dict[str, Any]) -> dict[str, Any]:
    """Those of the model, where a training's are there as well, by layer and part."""
    inside = {path: each for path, each in datasets.items() if path.startswith(_MODEL)}
    return {_short(path.removeprefix(_MODEL)): each for path, each in (inside or datasets).items()}


def _short(path: str) -> str:
    """``block1_conv1/block1_conv1_W_1:0``, ``block1_conv1/block1_conv1/kernel:0`` -> ``block1_conv1/kernel``."""
    *groups, last = path.split("/")
    layer, part = "".join(groups[:1]), last.split(":")[0]
    if old := re.fullmatch(rf"{re.escape(layer)}_([Wb])(_\d+)?", part):
        part = _PARTS[old[1]]
    return f"{layer}/{part}" if layer else part
