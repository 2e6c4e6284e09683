"""What changes from one screen of a Commodore 64 to another, as a stream of codes for a quick and small unpacker.

0 ends a part. 1 to 127: so many bytes follow. 128: the stream goes on at the address that follows. 129 to 190: so many
bytes less 128 stay as they are; 191: as many as the next two say. 192 to 223: 3 to 34 bytes are the same as those that
stand the next byte's distance before them; 224 to 255: 4 to 35 bytes, at a distance of two bytes. Distances are those
of the memory's addresses, so that the second kind reaches into the other screen, $8000 away. Numbers of two bytes have
the low one first.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import pixeldream as pd

END, GO_ON = 0x00, 0x80
LISTED = 127
LEAVE, LEAVE_FAR = 0x80, 0xBF
LEFT_SHORT = 62
NEAR, FAR = 0xC0, 0xE0
SHORTEST_NEAR, SHORTEST_FAR = 3, 4
CODES = 32
"""Lengths that a code for copies can say."""

FARTHEST_NEAR = 255
OTHER_SCREEN = 0x8000
TRIED = 8
"""Earlier places that are looked at for a copy, in each screen."""

JUMP_BYTES = 3
MEMORY = 0x10000

LIST_CYCLES, COPY_CYCLES, LEAVE_CYCLES = 47, 85, 55
"""About what the unpacker takes for a code of each kind."""

LISTED_CYCLES, COPIED_CYCLES = 16, 19
"""And for each byte of it."""

SMALLEST = 1000
"""Cycles that a byte of the stream is worth where there is none to spare."""


@dataclass(frozen=True)
class _Copy:
    """Bytes that stand elsewhere already."""

    length: int = 0
    distance: int = 0


# ---- packing --------------------------------------------------------------------------------------------------------


@lru_cache(2048)
def changes(old: bytes, new: bytes, other: bytes = b"", byte: int = SMALLEST) -> tuple[bytes, ...]:
    """The codes that turn ``old`` into ``new``, without the end, the least of those that are looked at. ``other``: what
    the other screen holds, as long as both. ``byte``: how many cycles of the unpacker one of the stream is worth."""
    near, far = _copies(old, new, other)
    costs = [0] * (len(new) + 1)
    listed = [0] * (len(new) + 1)
    ways: list[tuple[str, int]] = [("leave", 0)] * len(new)
    same = 0
    for place in range(len(new) - 1, -1, -1):
        same = same + 1 if old[place] == new[place] else 0
        listed[place] = byte + LISTED_CYCLES + min(listed[place + 1], costs[place + 1])
        best = byte + LIST_CYCLES + listed[place], ("list", 1)
        for way, copy, length in (("far", far[place], 3), ("near", near[place], 2)):
            if copy.length:
                cost = length * byte + COPY_CYCLES + COPIED_CYCLES * copy.length
                best = min(best, (cost + costs[place + copy.length], (way, copy.length)))
        if same:
            cost = (1 if same <= LEFT_SHORT else 3) * byte + LEAVE_CYCLES if place + same < len(new) else 0
            best = min(best, (cost + costs[place + same], ("leave", same)))
        costs[place], ways[place] = best
    return tuple(_codes(new, ways, costs, listed, near, far))


def _codes(
    new: bytes,
    ways: Sequence[tuple[str, int]],
    costs: Sequence[int],
    listed: Sequence[int],
    near: Sequence[_Copy],
    far: Sequence[_Copy],
) -> Iterator[bytes]:
    place = 0
    while place < len(new) and costs[place]:
        way, count = ways[place]
        if way == "list":
            while place + count < len(new) and count < LISTED and listed[place + count] <= costs[place + count]:
                count += 1
            yield bytes([count]) + new[place : place + count]
        elif way == "near":
            yield bytes([NEAR + count - SHORTEST_NEAR, near[place].distance])
        elif way == "far":
            yield bytes([FAR + count - SHORTEST_FAR]) + far[place].distance.to_bytes(2, "little")
        elif count <= LEFT_SHORT:
            yield bytes([LEAVE + count])
        else:
            yield bytes([LEAVE_FAR]) + count.to_bytes(2, "little")
        place += count


def _copies(old: bytes, new: bytes, other: bytes) -> tuple[list[_Copy], list[_Copy]]:
    """For each place the longest copy from near, and from anywhere; none where nothing changes."""
    near, far = [_Copy()] * len(new), [_Copy()] * len(new)
    before: dict[bytes, list[int]] = {}
    elsewhere = _places(other)
    for place in range(len(new)):
        if old[place : place + SHORTEST_FAR] != new[place : place + SHORTEST_FAR]:
            behind = before.get(new[place : place + SHORTEST_NEAR], [])[-TRIED:]
            near[place], far[place] = _best(new, place, behind)
            found = elsewhere.get(new[place : place + SHORTEST_FAR], [])
            middle = bisect_left(found, place)
            for source in found[max(0, middle - TRIED // 2) : middle + TRIED // 2]:
                length = _length(other, source, new, place, CODES + SHORTEST_FAR - 1)
                if length > far[place].length:
                    far[place] = _Copy(length, (place - source + OTHER_SCREEN) & 0xFFFF)
        before.setdefault(new[place : place + SHORTEST_NEAR], []).append(place)
    return near, far


def _places(data: bytes) -> dict[bytes, list[int]]:
    """Where each four bytes stand."""
    result: dict[bytes, list[int]] = {}
    for place in range(len(data) - SHORTEST_FAR + 1):
        result.setdefault(data[place : place + SHORTEST_FAR], []).append(place)
    return result


def _best(new: bytes, place: int, sources: Iterable[int]) -> tuple[_Copy, _Copy]:
    """The longest copies from the same screen."""
    near, far = _Copy(), _Copy()
    for source in sources:
        length, distance = _length(new, source, new, place, CODES + SHORTEST_FAR - 1), place - source
        reach = min(length, CODES + SHORTEST_NEAR - 1)
        if distance <= FARTHEST_NEAR and reach >= max(SHORTEST_NEAR, near.length + 1):
            near = _Copy(reach, distance)
        if length >= max(SHORTEST_FAR, far.length + 1):
            far = _Copy(length, distance)
    return near, far


def _length(data: bytes, source: int, new: bytes, place: int, most: int) -> int:
    """How many bytes are the same from two places on."""
    length, most = 0, min(most, len(new) - place, len(data) - source)
    while length < most and data[source + length] == new[place + length]:
        length += 1
    return length


def cycles(codes: Iterable[bytes]) -> int:
    """About how many cycles of the processor the unpacker takes for these codes."""
    total = 0
    for code in codes:
        first = code[0]
        if first < GO_ON:
            total += LIST_CYCLES + LISTED_CYCLES * first
        elif first < NEAR:
            total += LEAVE_CYCLES
        else:
            length = first - FAR + SHORTEST_FAR if first >= FAR else first - NEAR + SHORTEST_NEAR
            total += COPY_CYCLES + COPIED_CYCLES * length
    return total


# ---- laying out -----------------------------------------------------------------------------------------------------


@dataclass
class Tape:
    """Codes in the free parts of a memory, each ``(start, end)``; where one ends the stream goes on in the next."""

    parts: Sequence[tuple[int, int]]
    pieces: dict[int, bytearray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._part = 0
        self._piece = self.pieces.setdefault(self.parts[0][0], bytearray())

    @property
    def room(self) -> int:
        """Bytes that fit in any case: at the end of a part a few may stay empty."""
        return sum(end - start for start, end in self.parts) - len(self.parts) * 3 * JUMP_BYTES

    @property
    def place(self) -> int:
        """The address of the next byte."""
        return self.parts[self._part][0] + len(self._piece)

    def put(self, code: bytes) -> int:
        """Adds a code that is not to be torn, or a list, which may be; returns where it starts. Raises ``FormatError``
        when there is no more room."""
        left = self.parts[self._part][1] - self.place - JUMP_BYTES
        if len(code) <= left:
            start = self.place
            self._piece += code
            return start
        start = self.place
        if END < code[0] < GO_ON and left > 1:
            self._piece += bytes([left - 1]) + code[1:left]
            self._turn()
            self.put(bytes([code[0] - left + 1]) + code[left:])
            return start
        self._turn()
        return self.put(code)

    def go_on_at(self, address: int) -> None:
        """The stream goes on at an address."""
        self._piece += bytes([GO_ON]) + address.to_bytes(2, "little")

    def _turn(self) -> None:
        if self._part + 1 == len(self.parts):
            raise pd.FormatError("there is no more room")
        self.go_on_at(self.parts[self._part + 1][0])
        self._part += 1
        self._piece = self.pieces.setdefault(self.parts[self._part][0], bytearray())


# ---- unpacking ------------------------------------------------------------------------------------------------------


def unpack(memory: bytearray, source: int, target: int, end: int, most: int = MEMORY) -> tuple[int, int]:
    """Carries out the codes from ``source`` on in a memory of 64 KB; returns where the next part starts, and how many
    codes there were. Raises ``FormatError`` where they lead out of the addresses from ``target`` to ``end``, and for
    more than ``most``: round in a circle."""
    for number in range(most):
        code = memory[source]
        if code == END:
            return source + 1 & MEMORY - 1, number + 1
        if code == GO_ON:
            source = _word(memory, source + 1)
            continue
        source, count, values = _meant(memory, source, target)
        if target + count > end or source >= MEMORY:
            raise pd.FormatError("a stream of changes leads out of its screen")
        for offset in range(count if values is not None else 0):
            assert values is not None
            # A copy may go on with what it has just made.
            memory[target + offset] = memory[values + offset & MEMORY - 1]
        target += count
    raise pd.FormatError("a stream of changes has no end")


def _meant(memory: bytearray, source: int, target: int) -> tuple[int, int, int | None]:
    """The address behind a code, how many bytes it is about, and where they come from: nowhere if they stay."""
    code, after = memory[source], source + 1
    if code < GO_ON:
        return after + code, code, after
    if code < LEAVE_FAR:
        return after, code - LEAVE, None
    if code == LEAVE_FAR:
        return after + 2, _word(memory, after), None
    if code < FAR:
        return after + 1, code - NEAR + SHORTEST_NEAR, target - memory[after & MEMORY - 1]
    return after + 2, code - FAR + SHORTEST_FAR, target - _word(memory, after)


def _word(memory: bytearray, address: int) -> int:
    return memory[address & MEMORY - 1] | memory[address + 1 & MEMORY - 1] << 8
