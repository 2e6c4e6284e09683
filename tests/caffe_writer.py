"""Writes a ``.caffemodel``, of either generation: https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto."""

from __future__ import annotations

import numpy as np


def varint(number: int) -> bytes:
    made = b""
    while number > 127:
        made, number = made + bytes([number & 127 | 128]), number >> 7
    return made + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def blob(array: np.ndarray, first: bool = False, packed: bool = True) -> bytes:
    """A BlobProto, by shape, or in old files by four numbers; its floats packed or one by one."""
    shape = (1,) * (4 - array.ndim) + array.shape
    where = b"".join(field(n, size) for n, size in enumerate(shape, 1)) if first else field(
        7, field(1, b"".join(map(varint, array.shape)))
    )  # fmt: skip
    plain = array.astype("<f4").tobytes()
    if packed:
        return where + field(5, plain)
    return where + b"".join(varint(5 << 3 | 5) + plain[i : i + 4] for i in range(0, len(plain), 4))


def caffemodel(layers: dict[str, list[np.ndarray]], first: bool = False, packed: bool = True) -> bytes:
    """A NetParameter of either generation."""
    made = field(1, b"net")
    for name, arrays in layers.items():
        dense = arrays[0].ndim == 2
        kind: int | bytes = (14 if dense else 4) if first else (b"InnerProduct" if dense else b"Convolution")
        head = field(4, name.encode()) + field(5, kind) if first else field(1, name.encode()) + field(2, kind)
        blobs = b"".join(field(6 if first else 7, blob(array, first, packed)) for array in arrays)
        made += field(2 if first else 100, head + field(3 if not first else 2, b"bottom") + blobs)
    return made
