"""A reader of the pickles that ``torch.save`` writes, which runs nothing of them.

Python's unpickler calls whatever a file names. This one knows only the opcodes that ``torch.save`` writes (protocols 2
to 5, and what Python 2 wrote), builds nothing but plain values, and stands the few names of ``torch`` that describe
tensors for values of its own: any other name or opcode is an error. ``pickletools`` splits the opcodes.

Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py; names: torch/_utils.py, torch/serialization.py.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAXIMUM_OPCODES = 1_000_000
"""A state dict of a thousand arrays takes about 40,000."""


class PickleError(ValueError):
    """A pickle that describes more than arrays, or that is damaged."""


@dataclass(frozen=True)
class Storage:
    """A run of numbers in the file. ``kind``: a numpy type's name, or "bf16"; ``count``: numbers."""

    kind: str
    key: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """An array within a storage; offset and strides count numbers."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    """A global that is known, by "module name"."""

    name: str


_KINDS = {
    "Double": "f8", "Float": "f4", "Half": "f2", "BFloat16": "bf16", "Long": "i8", "Int": "i4", "Short": "i2",
    "Char": "i1", "Byte": "u1", "Bool": "?",
}  # fmt: skip
_STORAGES = {f"torch {name}Storage": kind for name, kind in _KINDS.items()}


def _whole(*values: Any) -> bool:
    return all(type(value) is int for value in values)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(size, tuple) or not isinstance(stride, tuple):
        raise PickleError("a tensor is not made of a storage, a size and strides")
    if not _whole(offset, *size, *stride) or min(offset, 0, *size, *stride) < 0 or len(size) != len(stride):
        raise PickleError("a tensor's size and strides are no counts")
    return Tensor(storage, offset, size, stride)


def _parameter(data: Any, *_: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise PickleError("a parameter is no tensor")
    return data


def _mapping(pairs: Any = ()) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        found[_key(key)] = value
    return found


def _key(key: Any) -> Any:
    # Hashing a tuple nested deeply enough ends the process.
    if not isinstance(key, str | int | float | None):
        raise PickleError("a dictionary's key is no name")
    return key


_CALLS: dict[str, Callable[..., Any]] = {
    "collections OrderedDict": _mapping,
    "torch Size": tuple,
    "torch._utils _rebuild_parameter": _parameter,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor,
}


class _Machine:
    """The stack that the opcodes work on."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.budget = MAXIMUM_OPCODES

    def since_mark(self) -> list[Any]:
        place = self.marks.pop()
        found = self.stack[place:]
        del self.stack[place:]
        return found

    def name(self, text: str) -> None:
        if text not in _CALLS and text not in _STORAGES:
            raise PickleError(f"it asks for {'.'.join(text.split(' '))[:80]!r}, and nothing in it is ever run")
        self.stack.append(_Name(text))

    def call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, _Name) or function.name not in _CALLS or not isinstance(arguments, tuple):
            raise PickleError("it calls what is no description of a tensor")
        # One list may be handed over many times.
        self.budget -= sum(len(each) for each in arguments if isinstance(each, list | tuple))
        if self.budget < 0:
            raise PickleError("it describes too much")
        self.stack.append(_CALLS[function.name](*arguments))

    def persistent(self) -> None:
        """A storage: ("storage", type, key, device, count), and in the old container a view, which nobody makes now."""
        found = self.stack.pop()
        if (
            not isinstance(found, tuple)
            or len(found) not in (5, 6)
            or found[0] != "storage"
            or found[5:] not in ((), (None,))
        ):
            raise PickleError("a storage is not described in five parts")
        kind, key, count = found[1], found[2], found[4]
        if not isinstance(kind, _Name) or kind.name not in _STORAGES or not isinstance(key, str) or not _whole(count):
            raise PickleError("a storage has no known type, key or length")
        self.stack.append(Storage(_STORAGES[kind.name], key, count))

    def put(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(pairs) % 2:
            raise PickleError("items go into what is no dictionary")
        target.update(_mapping(zip(pairs[::2], pairs[1::2], strict=True)))

    def append(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise PickleError("values go into what is no list")
        self.stack[-1].extend(values)

    def build(self) -> None:
        """Attributes of an object: a state dict has some about versions, which nothing here needs."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict):
            raise PickleError("it sets attributes of what is no dictionary")

    def pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise PickleError("the stack is empty")
        found = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return found


_PUSHED = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "INT", "LONG", "BINFLOAT", "BINUNICODE"} | {
    "SHORT_BINUNICODE", "BINUNICODE8", "SHORT_BINSTRING", "BINSTRING", "BINBYTES", "SHORT_BINBYTES", "UNICODE", "STRING"
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "GLOBAL": lambda machine, text: machine.name(text),
    "STACK_GLOBAL": lambda machine, _: machine.name(" ".join(machine.pop(2))),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BINPERSID": lambda machine, _: machine.persistent(),
    "BUILD": lambda machine, _: machine.build(),
    "SETITEM": lambda machine, _: machine.put(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.put(machine.since_mark()),
    "APPEND": lambda machine, _: machine.append(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.append(machine.since_mark()),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.stack.append(tuple(machine.pop(1))),
    "TUPLE2": lambda machine, _: machine.stack.append(tuple(machine.pop(2))),
    "TUPLE3": lambda machine, _: machine.stack.append(tuple(machine.pop(3))),
    "DICT": lambda machine, _: machine.stack.append(_pairs(machine.since_mark())),
    "LIST": lambda machine, _: machine.stack.append(machine.since_mark()),
    "MEMOIZE": lambda machine, _: machine.memo.__setitem__(len(machine.memo), machine.stack[-1]),
    "POP": lambda machine, _: machine.pop(1).clear(),
}


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return _mapping(zip(values[::2], values[1::2], strict=True))


def _step(machine: _Machine, name: str, argument: Any) -> None:
    if name in _PUSHED:
        machine.stack.append(argument)
    elif name in _CONSTANTS:
        machine.stack.append(_CONSTANTS[name])
    elif name in _EMPTY:
        machine.stack.append(_EMPTY[name]())
    elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
        machine.memo[argument] = machine.stack[-1]
    elif name in ("BINGET", "LONG_BINGET", "GET"):
        machine.stack.append(machine.memo[argument])
    elif name in _STEPS:
        _STEPS[name](machine, argument)
    else:
        raise PickleError(f"opcode {name} is none that torch.save writes")


def interpret(stream: io.BytesIO) -> Any:
    """The plain value that the next pickle of ``stream`` describes: numbers, strings, tuples, lists, dictionaries,
    :class:`Tensor`; the stream stands behind it then. Raises ``PickleError``, and runs nothing."""
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > MAXIMUM_OPCODES:
                raise PickleError(f"more than {MAXIMUM_OPCODES} opcodes")
            if opcode.name == "STOP":
                break
            _step(machine, opcode.name, argument)
        return machine.stack.pop()
    except PickleError:
        raise
    # Damaged numbers and a stack that is too short.
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError, ArithmeticError) as error:
        raise PickleError(f"the description of its tensors is damaged: {type(error).__name__}") from None
