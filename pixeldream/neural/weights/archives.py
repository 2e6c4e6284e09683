"""Arrays from ``.npz`` and ``.safetensors`` files.

Sizes are checked as declared, before anything of that size is read or unpacked; Python objects are never unpickled.
"""

from __future__ import annotations

import io
import math
import zipfile

import numpy as np
import safetensors
import safetensors.numpy

from pixeldream.neural.weights.errors import Arrays, WeightsError, broken, check_sizes


def parse_npz(data: bytes, name: str) -> Arrays:
    """The arrays of a ``.npz`` file. Raises ``WeightsError``."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            check_sizes(name, [member.file_size for member in members])
            return {member.filename[:-4]: _parse_npy(archive.read(member), member.filename, name) for member in members}
    except (WeightsError, MemoryError):
        raise
    # zipfile lets through whatever its decompressors, struct and the file's seek make of damaged numbers.
    except Exception as error:
        raise broken(name, error) from None


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


def parse_safetensors(data: bytes, name: str) -> Arrays:
    """The arrays of a ``.safetensors`` file. Raises ``WeightsError``."""
    try:
        return safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise broken(name, error) from None
