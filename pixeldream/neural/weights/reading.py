"""Weights from any file that is known, and the network that they describe."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pixeldream.neural.networks.base import FeatureNetwork, Network
from pixeldream.neural.weights.archives import parse_npz, parse_safetensors
from pixeldream.neural.weights.caffe import parse_caffe
from pixeldream.neural.weights.canonical import canonical, source_of
from pixeldream.neural.weights.errors import Arrays, WeightsError
from pixeldream.neural.weights.fetching import Watch, obtain, verify
from pixeldream.neural.weights.files import read, read_own
from pixeldream.neural.weights.keras import parse_keras
from pixeldream.neural.weights.torch_files import parse_torch

_READERS: dict[str, Callable[[bytes, str], Arrays]] = {
    ".npz": parse_npz,
    ".safetensors": parse_safetensors,
    ".pth": parse_torch,
    ".pt": parse_torch,
    ".h5": parse_keras,
    ".hdf5": parse_keras,
    ".caffemodel": parse_caffe,
}

_COUNTER = "num_batches_tracked"
"""A whole number that torch keeps beside batch norms."""


def load_weights(path: Path | str) -> Arrays:
    """The arrays of a ``.npz``, ``.safetensors``, ``.pth``, ``.h5`` or ``.caffemodel`` file by the names that they have
    in it, as float32 (float16 and float64 are converted).

    Raises ``WeightsError`` for a file that is missing, of another kind, damaged, larger than ``MAXIMUM_BYTES``, empty,
    or that holds anything but finite floats.
    """
    path = Path(path)
    return _parse(read(path), str(path))


def load_canonical(path: Path | str, raw: bool = False) -> tuple[Arrays, str, str]:
    """The arrays of a file under our names and in our layout (``raw``: as they are in it), who wrote it in words, and
    the file's SHA-256. Raises ``WeightsError``."""
    data = read(Path(path))
    digest = hashlib.sha256(data).hexdigest()
    arrays = _parse(data, str(path))
    return arrays if raw else _canonical(arrays, digest, str(path)), source_of(arrays), digest


def resolve(
    network: Network, path: Path | str | None, watch: Watch | None = None
) -> tuple[FeatureNetwork, Arrays, str]:
    """The network built for the weights of a file, or for its own where ``path`` is None; the weights; the SHA-256 of
    the file. Weights of its own that are nowhere yet are fetched, and ``watch`` is told. Raises ``WeightsError``."""
    if path is not None:
        data, name = read(Path(path)), str(path)
    elif network.weights is not None:
        data, name = read_own(network.weights), network.weights
    else:
        found = obtain(network, watch)
        data, name = read(found), str(found)
    digest = hashlib.sha256(data).hexdigest()
    if path is None and network.weights is None:
        verify(network, data, digest, name)
    arrays = _canonical(_parse(data, name), digest, name)
    try:
        built = network.build(arrays)
    except WeightsError as error:
        raise WeightsError(f"{name} does not fit network {network.name!r}: {error}") from None
    return built, arrays, digest


def _canonical(arrays: Arrays, digest: str, name: str) -> Arrays:
    try:
        return canonical(arrays, digest)
    except WeightsError as error:
        raise WeightsError(f"weights {name}, {error}") from None


def _parse(data: bytes, name: str) -> Arrays:
    suffix = Path(name).suffix.lower()
    if suffix not in _READERS:
        known = ", ".join(kind for kind in _READERS if kind not in (".pt", ".hdf5"))
        raise WeightsError(f"weights {name}: {suffix or 'no extension'} is not read; give one of {known}")
    if not data:
        raise WeightsError(f"weights {name} is empty; copy or download it again")
    found = {key: array for key, array in _READERS[suffix](data, name).items() if not key.endswith(_COUNTER)}
    if not found:
        raise WeightsError(f"weights {name} holds no arrays")
    return {key: _checked(array, key, name) for key, array in found.items()}


def _checked(array: np.ndarray, key: str, name: str) -> np.ndarray:
    if array.dtype.kind != "f":
        raise WeightsError(f"weights {name}: {key!r} is {array.dtype}, not float32 or float16")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise WeightsError(
            f"weights {name}: {key!r} holds {bad} values that are not finite; train or download it again"
        )
    return array
