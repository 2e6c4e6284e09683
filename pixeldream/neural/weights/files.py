"""Files of weights on disk: read whole within a limit, written whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from pixeldream.neural.weights import errors
from pixeldream.neural.weights.errors import WeightsError, broken, large


def read(path: Path) -> bytes:
    """A file's bytes. Raises ``WeightsError`` for one that is not there or is larger than ``MAXIMUM_BYTES``."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise WeightsError(f"{path} is a folder; name a .npz or .safetensors file in it")
        if size > errors.MAXIMUM_BYTES:
            raise large(str(path), size)
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights {path} can't be read: {error.strerror or error}") from None


def read_own(name: str) -> bytes:
    """A network's own weights: a file of this package, or a plugin's by its whole path."""
    if Path(name).is_absolute():
        return read(Path(name))
    try:
        return resources.files("pixeldream.neural.networks").joinpath(name).read_bytes()
    except OSError:
        raise WeightsError(f"the package has lost its file {name}; install it again, or name a file of yours") from None


def save_weights(path: Path | str, arrays: Mapping[str, np.ndarray], facts: Mapping[str, str] | None = None) -> None:
    """Writes a ``.safetensors`` file, or ``.npz`` if it is called so: to a temporary name beside it first, then
    renamed, so that an old file stays whole until the new one is. ``facts`` go into the header of the former. Raises
    ``OSError``."""
    path = Path(path)
    whole = {name: np.asarray(a, order="C") for name, a in arrays.items()}
    if path.suffix.lower() == ".npz":
        stream = io.BytesIO()
        np.savez(stream, **whole)  # type: ignore[arg-type]
        replace(path, stream.getvalue())
    else:
        replace(path, safetensors.numpy.save(whole, dict(facts or {})))


def replace(path: Path, data: bytes) -> None:
    """Writes a file under a temporary name beside it, then renames it. Raises ``OSError``, and leaves nothing then."""
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
    read(Path(path))
    try:
        with safetensors.safe_open(path, "numpy") as file:
            return dict(file.metadata() or {})
    except (safetensors.SafetensorError, ValueError) as error:
        raise broken(str(path), error) from None


def _mask() -> int:
    """The process's file mask; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
