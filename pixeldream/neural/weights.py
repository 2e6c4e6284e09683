"""Weights of feature networks: read from ``.npz`` and ``.safetensors`` files, checked, and written.

A file is a set of float arrays by name. Nothing in it is ever executed: ``.npz`` members that hold Python objects are
refused, not unpickled. Sizes are checked as declared, before anything of that size is read or unpacked.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import tempfile
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from pixeldream.neural.networks.base import FeatureNetwork, Network

Arrays = dict[str, np.ndarray]

MAXIMUM_BYTES = 1 << 30
"""The largest file, packed or unpacked, that is read: VGG-19 with its classifier takes 575 MB."""

MAXIMUM_ARRAYS = 4096


class WeightsError(ValueError):
    """Weights that can't be used: one line with the value and the way out."""


def load_weights(path: Path | str) -> Arrays:
    """The arrays of a ``.npz`` or ``.safetensors`` file by name, as float32 (float16 and float64 are converted).

    Raises ``WeightsError`` for a file that is missing, of another kind, damaged, larger than ``MAXIMUM_BYTES``, empty,
    or that holds anything but finite floats.
    """
    path = Path(path)
    return _parse(_read(path), str(path), path.suffix.lower())


def resolve(network: Network, path: Path | str | None) -> tuple[FeatureNetwork, Arrays, str]:
    """The network built for the weights of a file, or for its own where ``path`` is None; the weights; the SHA-256 of
    the file. Raises ``WeightsError``."""
    if path is not None:
        data, name = _read(Path(path)), str(path)
    elif network.weights is None:
        raise WeightsError(
            f"network {network.name!r} comes without weights; name a file: --network {network.name}=FILE"
        )
    else:
        data, name = _own(network.weights), network.weights
    arrays = _parse(data, name, Path(name).suffix.lower())
    try:
        built = network.build(arrays)
    except WeightsError as error:
        raise WeightsError(f"{name} does not fit network {network.name!r}: {error}") from None
    return built, arrays, hashlib.sha256(data).hexdigest()


def save_weights(path: Path | str, arrays: Mapping[str, np.ndarray], facts: Mapping[str, str] | None = None) -> None:
    """Writes a ``.safetensors`` file: to a temporary name beside it first, then renamed, so that an old file stays
    whole until the new one is. ``facts`` go into its header. Raises ``OSError``."""
    path = Path(path)
    data = safetensors.numpy.save({name: np.asarray(a, order="C") for name, a in arrays.items()}, dict(facts or {}))
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_mask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_facts(path: Path | str) -> dict[str, str]:
    """What the header of a ``.safetensors`` file says besides its arrays. Raises ``WeightsError``."""
    _read(Path(path))
    try:
        with safetensors.safe_open(path, "numpy") as file:
            return dict(file.metadata() or {})
    except (safetensors.SafetensorError, ValueError) as error:
        raise WeightsError(_broken(str(path), error)) from None


def _mask() -> int:
    """The process's file mask; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise WeightsError(f"{path} is a folder; name a .npz or .safetensors file in it")
        if size > MAXIMUM_BYTES:
            raise WeightsError(_large(str(path), size))
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights {path} can't be read: {error.strerror or error}") from None


def _own(name: str) -> bytes:
    """A network's own weights: a file of this package, or a plugin's by its whole path."""
    if Path(name).is_absolute():
        return _read(Path(name))
    try:
        return resources.files("pixeldream.neural.networks").joinpath(name).read_bytes()
    except OSError:
        raise WeightsError(f"the package has lost its file {name}; install it again, or name a file of yours") from None


def _parse(data: bytes, name: str, suffix: str) -> Arrays:
    if suffix not in (".npz", ".safetensors"):
        raise WeightsError(f"weights {name}: {suffix or 'no extension'} is not read; give a .npz or .safetensors file")
    if not data:
        raise WeightsError(f"weights {name} is empty; copy or download it again")
    found = _parse_npz(data, name) if suffix == ".npz" else _parse_safetensors(data, name)
    if not found:
        raise WeightsError(f"weights {name} holds no arrays")
    return {key: _checked(array, key, name) for key, array in found.items()}


def _parse_npz(data: bytes, name: str) -> Arrays:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            declared = sum(member.file_size for member in members)
            if declared > MAXIMUM_BYTES or len(members) > MAXIMUM_ARRAYS:
                raise WeightsError(_large(name, declared, len(members)))
            return {member.filename[:-4]: _parse_npy(archive.read(member), member.filename, name) for member in members}
    except (WeightsError, MemoryError):
        raise
    # zipfile lets through whatever its decompressors, struct and the file's seek make of damaged numbers.
    except Exception as error:
        raise WeightsError(_broken(name, error)) from None


def _parse_npy(data: bytes, member: str, name: str) -> np.ndarray:
    """One array; its declared shape is held against the bytes that are there before room is made for it."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"format version {version}")
        shape, _, kind = readers[version](stream)
    except (ValueError, EOFError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise WeightsError(
            f"weights {name}: array {member!r} is damaged ({error}); copy or download it again"
        ) from None
    if kind.hasobject:
        raise WeightsError(f"weights {name}: {member!r} holds pickled Python objects, which are never run; save arrays")
    if math.prod(shape) * kind.itemsize != len(data) - stream.tell():
        raise WeightsError(f"weights {name}: {member!r} declares shape {shape} but holds {len(data)} bytes")
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)


def _parse_safetensors(data: bytes, name: str) -> Arrays:
    try:
        return safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(_broken(name, error)) from None


def _checked(array: np.ndarray, key: str, name: str) -> np.ndarray:
    if array.dtype.kind != "f":
        raise WeightsError(f"weights {name}: {key!r} is {array.dtype}, not float32 or float16")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise WeightsError(
            f"weights {name}: {key!r} holds {bad} values that are not finite; train or download it again"
        )
    return array


def _large(name: str, size: int, count: int = 0) -> str:
    limit = f"{MAXIMUM_BYTES >> 20} MiB or {MAXIMUM_ARRAYS} arrays"
    holds = f"{count} arrays of {size} bytes together" if count else f"{size} bytes"
    return f"weights {name}: {holds} is more than {limit}; keep only the convolutions"


def _broken(name: str, error: Exception) -> str:
    kind = Path(name).suffix
    return f"weights {name} is not a whole {kind} file ({str(error).splitlines()[0] if str(error) else 'cut off'})"
