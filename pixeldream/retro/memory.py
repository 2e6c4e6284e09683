"""Bytes at addresses: what a program or a picture occupies in a machine's memory, where overlap is an error."""

from __future__ import annotations

from dataclasses import dataclass, field


class MemoryOverlap(ValueError):
    """Two things that want the same address, both named."""


@dataclass
class Memory:
    """An address map of ``size`` bytes. Every region has a name, so that a clash says who clashes."""

    size: int = 0x10000
    regions: list[tuple[int, int, str]] = field(default_factory=list)
    _bytes: dict[int, bytes] = field(default_factory=dict)

    def place(self, address: int, data: bytes, name: str) -> None:
        """Puts ``data`` at ``address``. Raises ``MemoryOverlap`` when any byte of it is taken or out of range."""
        self.reserve(address, len(data), name)
        self._bytes[address] = bytes(data)

    def reserve(self, address: int, length: int, name: str) -> None:
        """Claims addresses that a program uses while it runs, without bytes of its own in the file."""
        end = address + length
        if address < 0 or end > self.size:
            raise MemoryOverlap(f"{name} (${address:04X}-${end - 1:04X}) leaves the memory of ${self.size:X} bytes")
        for start, stop, other in self.regions:
            if address < stop and start < end:
                raise MemoryOverlap(
                    f"{name} (${address:04X}-${end - 1:04X}) overlaps {other} (${start:04X}-${stop - 1:04X})"
                )
        self.regions.append((address, end, name))

    def pieces(self) -> list[tuple[int, bytes, str]]:
        """(address, bytes, name) of everything placed, by address."""
        return [(start, self._bytes[start], name) for start, _, name in sorted(self.regions) if start in self._bytes]

    def image(self, fill: int = 0) -> tuple[int, bytes]:
        """(first address, bytes): everything placed, gaps filled with ``fill``."""
        if not self._bytes:
            return 0, b""
        start = min(self._bytes)
        end = max(address + len(data) for address, data in self._bytes.items())
        result = bytearray([fill]) * (end - start)
        for address, data in self._bytes.items():
            result[address - start : address - start + len(data)] = data
        return start, bytes(result)
