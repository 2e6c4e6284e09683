"""Arrays from PyTorch's files: the zip container (since 1.6) and the one before it. Nothing in them is ever run.

Zip: ``*/data.pkl`` describes the tensors, ``*/data/KEY`` holds each storage, ``*/byteorder`` says "little" or "big".
Before: five pickles (a magic number, the protocol, the machine, the tensors, the storages' keys), then each storage:
its length as int64, and its numbers. Source: torch/serialization.py.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pixeldream.neural.weights import errors
from pixeldream.neural.weights.errors import Arrays, WeightsError, broken, check_sizes
from pixeldream.neural.weights.pickled import PickleError, Storage, Tensor, interpret

_MAGIC = 0x1950A86A20F9469CFC6C
_MAXIMUM_DEPTH = 8
_MAXIMUM_PICKLE = 1 << 26
_WRAPPERS = ("state_dict", "model_state_dict", "model", "params")
"""What training scripts put a state dict into."""

_PARALLEL = "module."
"""What a model spread over several devices puts before each of its names."""

_Load = Callable[[Storage], bytes | memoryview]


def parse_torch(data: bytes, name: str) -> Arrays:
    """The tensors of a file by name, as they are in it; those of a checkpoint without what it is wrapped in. Raises
    ``WeightsError``."""
    try:
        return _parse_zip(data, name) if data[:4] == b"PK\x03\x04" else _parse_legacy(data, name)
    except (WeightsError, MemoryError):
        raise
    except PickleError as error:
        raise WeightsError(f"weights {name}: {error}; save a state_dict, or tensors by name") from None
    # zipfile lets through whatever its decompressors, struct and the file's seek make of damaged numbers.
    except Exception as error:
        raise broken(name, error) from None


def _parse_zip(data: bytes, name: str) -> Arrays:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        check_sizes(name, sizes.values())
        described = [member for member in sizes if member.split("/")[1:] == ["data.pkl"]]
        if any(member.endswith("/constants.pkl") for member in sizes):
            raise WeightsError(f"weights {name} is a TorchScript program; save its state_dict instead")
        if len(described) != 1 or sizes[described[0]] > _MAXIMUM_PICKLE:
            raise WeightsError(f"weights {name} is a zip file without PyTorch's data.pkl")
        folder = described[0].removesuffix("data.pkl")
        big = folder + "byteorder" in sizes and archive.read(folder + "byteorder").strip() == b"big"
        tree = interpret(io.BytesIO(archive.read(described[0])))
        kept: dict[str, bytes] = {}

        def load(storage: Storage) -> bytes:
            if storage.key not in kept:
                kept[storage.key] = archive.read(f"{folder}data/{storage.key}")
            return kept[storage.key]

        return _arrays(tree, load, big, name)


def _parse_legacy(data: bytes, name: str) -> Arrays:
    stream = io.BytesIO(data)
    if _starts(stream) != _MAGIC:
        raise broken(name, "neither of PyTorch's containers")
    interpret(stream)
    machine, tree, keys = interpret(stream), interpret(stream), interpret(stream)
    big = isinstance(machine, dict) and machine.get("little_endian") is False
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise broken(name, "its storages have no keys")
    kinds = {tensor.storage.key: tensor.storage for _, tensor in _tensors(tree)}
    found: dict[str, memoryview] = {}
    place, view = stream.tell(), memoryview(data)
    for key in keys:
        if key not in kinds:
            raise broken(name, f"storage {key[:40]!r} belongs to no tensor")
        count = int.from_bytes(view[place : place + 8], "big" if big else "little", signed=True)
        end = place + 8 + count * _width(kinds[key].kind)
        if count != kinds[key].count or end > len(data):
            raise broken(name, "cut off, or a storage has another length than its tensors")
        found[key] = view[place + 8 : end]
        place = end
    return _arrays(tree, lambda storage: found[storage.key], big, name)


def _starts(stream: io.BytesIO) -> Any:
    try:
        return interpret(stream)
    except PickleError:
        return None


def _width(kind: str) -> int:
    return 2 if kind == "bf16" else np.dtype(kind).itemsize


def _arrays(tree: Any, load: _Load, big: bool, name: str) -> Arrays:
    tensors = dict(_tensors(_state(tree)))
    if all(key.startswith(_PARALLEL) for key in tensors):
        tensors = {key.removeprefix(_PARALLEL): tensor for key, tensor in tensors.items()}
    # A small storage can be shown by many tensors, each of which is copied later on.
    check_sizes(name, [4 * math.prod(tensor.size) for tensor in tensors.values()])
    return {key: _array(tensor, load, big, name) for key, tensor in tensors.items()}


def _tensors(tree: Any) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of nested dictionaries, by its names joined with dots."""
    waiting = [("", tree, 0)]
    for _ in range(64 * errors.MAXIMUM_ARRAYS):
        if not waiting:
            return
        name, value, depth = waiting.pop()
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, dict) and depth < _MAXIMUM_DEPTH:
            below = [(f"{name}.{key}" if name else str(key), each, depth + 1) for key, each in value.items()]
            waiting.extend(reversed(below))
    raise PickleError("its dictionaries are nested without end")


def _state(tree: Any) -> Any:
    """The state dict of a checkpoint, which may hold an optimiser's as well."""
    for _ in range(_MAXIMUM_DEPTH):
        inside = [tree[key] for key in _WRAPPERS if isinstance(tree, dict) and isinstance(tree.get(key), dict)]
        if not inside:
            break
        tree = inside[0]
    return tree


def _array(tensor: Tensor, load: _Load, big: bool, name: str) -> np.ndarray:
    storage, count = tensor.storage, math.prod(tensor.size)
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.size, tensor.stride, strict=True))
    if count > storage.count or (count and last >= storage.count):
        raise broken(name, f"a tensor of shape {list(tensor.size)} reaches over the end of its storage")
    data = load(storage)
    if len(data) != storage.count * _width(storage.kind):
        raise broken(name, f"storage {storage.key[:40]!r} holds {len(data)} bytes for {storage.count} numbers")
    order = ">" if big else "<"
    flat = np.frombuffer(data, order + ("u2" if storage.kind == "bf16" else storage.kind))
    if storage.kind == "bf16":  # the upper half of a float32
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    strides = [stride * flat.itemsize for stride in tensor.stride]
    return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.size, strides, writeable=False)
