"""Arrays from ``.caffemodel`` files: a NetParameter in protobuf's wire format, of either generation.

A reader of our own, as protobuf's would need Caffe's schema. Each length is held against the bytes that are there, and
each shape against its numbers. Fields: https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto;
wire format: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from pixeldream.neural.weights import errors
from pixeldream.neural.weights.errors import Arrays, WeightsError, broken, check_sizes

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LAYER, _LAYER_V1 = 100, 2
_DENSE = ("InnerProduct", 14)
_MAXIMUM_FIELDS = 1 << 20

_Field = tuple[int, int, "int | memoryview"]


class _Cut(ValueError):
    """Bytes that are no protobuf message."""


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise _Cut("a number is cut off")


def _fields(data: memoryview) -> Iterator[_Field]:
    """(field number, wire type, value) of a message: a number, or the bytes of what is not one."""
    place = 0
    for _ in range(_MAXIMUM_FIELDS):
        if place == len(data):
            return
        key, place = _varint(data, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield key >> 3, kind, value
            continue
        if kind not in (_FIXED64, _BYTES, _FIXED32):
            raise _Cut(f"wire type {kind} is unknown")
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)
        if kind == _BYTES:
            length, place = _varint(data, place)
        if length > len(data) - place:
            raise _Cut(f"{length} bytes are declared where {len(data) - place} are left")
        yield key >> 3, kind, data[place : place + length]
        place += length
    raise _Cut(f"more than {_MAXIMUM_FIELDS} fields")


def _text(value: int | memoryview) -> str:
    return str(value, "utf-8") if isinstance(value, memoryview) else ""


def _counts(kind: int, value: int | memoryview) -> list[int]:
    """Whole numbers of a repeated field, packed or one by one."""
    if isinstance(value, int):
        return [value]
    if kind != _BYTES:
        raise _Cut("a shape holds no whole numbers")
    found, place = [], 0
    while place < len(value):
        number, place = _varint(value, place)
        found.append(number)
    return found


def _blob(data: memoryview) -> np.ndarray:
    """A BlobProto: its shape (old files give four numbers), and floats or doubles, packed or one by one."""
    old, shape = {}, None
    parts: dict[str, list[memoryview]] = {"<f4": [], "<f8": []}
    for field, _, value in _fields(data):
        if field in (1, 2, 3, 4) and isinstance(value, int):
            old[field] = value
        elif field == 7 and isinstance(value, memoryview):
            shape = [n for number, k, v in _fields(value) if number == 1 for n in _counts(k, v)]
        elif field in (5, 8) and isinstance(value, memoryview):
            parts["<f4" if field == 5 else "<f8"].append(value)
    if shape is None:
        shape = [old.get(field, 1) for field in (1, 2, 3, 4)] if old else []
    order = "<f4" if parts["<f4"] else "<f8"
    whole = parts[order][0] if len(parts[order]) == 1 else b"".join(parts[order])
    if math.prod(shape) * np.dtype(order).itemsize != len(whole):
        raise _Cut(f"a blob of shape {shape} holds {len(whole)} bytes")
    return np.frombuffer(whole, order).reshape(shape)


def _layer(data: memoryview, first: bool) -> tuple[str, bool, list[np.ndarray]]:
    """Name, whether it is dense, and blobs of a LayerParameter or, with ``first``, of a V1LayerParameter."""
    name_field, type_field, blob_field = (4, 5, 6) if first else (1, 2, 7)
    name, dense, blobs = "", False, []
    for field, _, value in _fields(data):
        if field == name_field:
            name = _text(value)
        elif field == type_field:
            dense = (value if isinstance(value, int) else _text(value)) in _DENSE
        elif field == blob_field and isinstance(value, memoryview):
            blobs.append(_blob(value))
    return name, dense, blobs


def _plain(blob: np.ndarray, dense: bool, number: int) -> np.ndarray:
    """Without the ones that old files put before a matrix [out, in] and a bias [out]."""
    kept = 1 if number else 2 if dense else 4
    while blob.ndim > kept and blob.shape[0] == 1:
        blob = blob[0]
    return blob


def parse_caffe(data: bytes, name: str) -> Arrays:
    """The blobs of each layer, ``LAYER.0`` (a kernel [out, in, height, width], a matrix [out, in]) and ``LAYER.1`` (a
    bias [out]), in the file's order. Raises ``WeightsError``."""
    found: Arrays = {}
    try:
        for field, _, value in _fields(memoryview(data)):
            if field not in (_LAYER, _LAYER_V1) or not isinstance(value, memoryview):
                continue
            layer, dense, blobs = _layer(value, field == _LAYER_V1)
            for number, blob in enumerate(blobs):
                found[f"{layer}.{number}"] = _plain(blob, dense, number)
                if len(found) > errors.MAXIMUM_ARRAYS:
                    raise _Cut(f"more than {errors.MAXIMUM_ARRAYS} arrays")
    except WeightsError:
        raise
    except (ValueError, OverflowError) as error:
        raise broken(name, error) from None
    check_sizes(name, [array.nbytes for array in found.values()])
    return found
