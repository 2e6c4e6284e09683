"""Byte vertical delta, operation 5 of IFF ANIM: what differs in a bit plane, by columns of bytes from the top down.

A column is a count of steps and the steps themselves. A byte of 1 to 127 leaves as many rows as they are; one of 129 to
255 is followed by a value for each of that many rows less 128; 0 is followed by a count and the one value of as many
rows. See ``amiga_anim`` for the sources.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

import pixeldream as pd

LONGEST, LONGEST_RUN = 127, 255
"""Rows that one step leaves or lists, and rows of one value."""

MOST_STEPS = 255
LISTED = 0x80
"""Added to the count of rows whose values follow."""


def plane_change(old: np.ndarray, new: np.ndarray) -> bytes:
    """What turns one plane, uint8 ``[height, row bytes]``, into another."""
    before, after = np.ascontiguousarray(old.T), np.ascontiguousarray(new.T)
    return b"".join(
        b"\0" if was == now else column_change(was, now)
        for was, now in zip(map(bytes, before), map(bytes, after), strict=True)
    )


@lru_cache(4096)
def column_change(old: bytes, new: bytes) -> bytes:
    """What turns one column into another: the fewest bytes, but for lists of more than 127 rows."""
    steps = list(_shortest(old, new))
    if len(steps) > MOST_STEPS:
        steps = [_listed(new[start : start + LONGEST]) for start in range(0, len(new), LONGEST)]
    return bytes([len(steps)]) + b"".join(steps)


def _listed(values: bytes) -> bytes:
    return bytes([LISTED + len(values)]) + values


def _shortest(old: bytes, new: bytes) -> list[bytes]:
    """The steps of a column, worked out from its end: what each row costs with all below it."""
    height = len(new)
    costs, within = [0] * (height + 1), [0] * (height + 1)
    ways: list[tuple[str, int]] = [("leave", 0)] * (height + 1)
    same = run = 0
    for row in range(height - 1, -1, -1):
        same = same + 1 if old[row] == new[row] else 0
        run = run + 1 if row + 1 < height and new[row] == new[row + 1] else 1
        # As one of a list that has begun: the list goes on, or ends behind it.
        within[row] = 1 + min(within[row + 1], costs[row + 1])
        best = 1 + within[row], ("list", 1)
        rows = min(run, LONGEST_RUN)
        best = min(best, (3 + costs[row + rows], ("run", rows)))
        if same:
            rows = min(same, LONGEST)
            best = min(best, (int(row + same < height) + costs[row + rows], ("leave", rows)))
        costs[row], ways[row] = best
    return _steps(new, costs, within, ways)


def _steps(new: bytes, costs: list[int], within: list[int], ways: list[tuple[str, int]]) -> list[bytes]:
    result, row, height = [], 0, len(new)
    while row < height and costs[row]:
        way, rows = ways[row]
        if way == "list":
            while row + rows < height and rows < LONGEST and within[row + rows] <= costs[row + rows]:
                rows += 1
            result.append(_listed(new[row : row + rows]))
        elif way == "run":
            result.append(bytes([0, rows, new[row]]))
        else:
            result.append(bytes([rows]))
        row += rows
    return result


def patched(plane: np.ndarray, delta: bytes, start: int, exclusive: bool = False) -> np.ndarray:
    """A plane, uint8 ``[height, row bytes]``, with the change that stands in ``delta`` from ``start`` on. With
    ``exclusive`` values are combined with those that were there by exclusive or. Raises ``FormatError``."""
    columns, position = [], start
    for number, column in enumerate(np.ascontiguousarray(plane.T)):
        if position >= len(delta):
            raise pd.FormatError(f"the change of column {number} starts at {position}, behind its {len(delta)} bytes")
        if delta[position]:
            changed, position = _patched_column(bytes(column), delta, position, exclusive)
        else:
            changed, position = bytes(column), position + 1
        columns.append(changed)
    return np.frombuffer(b"".join(columns), np.uint8).reshape(len(columns), -1).T


def _patched_column(old: bytes, delta: bytes, position: int, exclusive: bool) -> tuple[bytes, int]:
    """A column, changed, and where the next one's change stands."""
    new, row, steps = bytearray(old), 0, delta[position]
    position += 1
    for _ in range(steps):
        rows, values, position = _step(delta, position)
        if position > len(delta) or row + rows > len(old):
            raise pd.FormatError("a change leads out of its column, or is cut off")
        if values and exclusive:
            values = bytes(a ^ b for a, b in zip(values, old[row : row + rows], strict=True))
        if values:
            new[row : row + rows] = values
        row += rows
    return bytes(new), position


def _step(delta: bytes, position: int) -> tuple[int, bytes, int]:
    """The rows of a step, their values (none where they are left as they are), and where the next step stands: behind
    the end where this one is cut off."""
    code = delta[position] if position < len(delta) else 0
    if code > LISTED:
        end = position + 1 + code - LISTED
        return code - LISTED, delta[position + 1 : end], end
    if code or position + 3 > len(delta):
        # 128 would be a list of nothing.
        return code % LISTED, b"", position + (1 if code else 3)
    rows = delta[position + 1]
    return rows, delta[position + 2 : position + 3] * rows, position + 3
