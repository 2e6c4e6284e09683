"""Bootable disks and bit planes for coders: byte by byte, read back, and what FS-UAE shows after booting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import judges
import numpy as np
import pytest
from pictures import palette_of, pattern
from pixeldream_plugins import amiga, amiga_copper, amiga_disk, amiga_modes, amiga_source

import pixeldream as pd
from pixeldream.plugin.testing import random_picture

PLAIN = pd.WriteOptions()
Screens = dict[str, Future[np.ndarray]]
MODES = amiga_modes.MODES
EVERY_DISK = pytest.mark.parametrize(
    "name", ["amiga-2", "amiga-32", "amiga-ehb", "amiga-ham8", "amiga-hires-16-ntsc", "amiga-8-lace", "amiga-ham8-lace"]
)


def longwords(data: bytes) -> list[int]:
    return [int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4)]


@EVERY_DISK
def test_the_boot_block(name: str) -> None:
    """Its longwords add up to all ones, each carry added at the end: what the ROM looks for."""
    data = amiga_disk.write(pattern(MODES[name]), PLAIN)
    assert len(data) == 901_120
    assert data[:4] == b"DOS\0"
    assert longwords(data[8:12]) == [880]
    total = 0
    for word in longwords(data[:1024]):
        total += word
        total = (total & 0xFFFFFFFF) + (total >> 32)
    assert total == 0xFFFFFFFF


def test_the_checksum_of_a_block_that_everybody_knows() -> None:
    """The boot code of Kickstart 1.3's ``install`` command has the sum C0200F19."""
    code = bytes.fromhex("43FA0018 4EAEFFA0 4A80670A 20402068 00167000 4E7570FF 60FA646F 732E6C69 62726172 79000000")
    block = b"DOS\0" + bytes(4) + (880).to_bytes(4, "big") + code
    assert amiga_disk.checksum(block.ljust(1024, b"\0")) == 0xC0200F19


class Machine:
    """As much of a 68000 as the boot code needs, and an operating system of three calls."""

    def __init__(self, disk: bytes, long_field: bool = False) -> None:
        self.long_field = long_field
        self.disk, self.memory, self.calls = disk, bytearray(1 << 20), []
        self.memory[0x1000:0x1400] = disk[:1024]
        self.d = [0xDEADBEEF] * 8
        self.a = [0] * 8
        self.a[1], self.a[6] = 0x500, 0x8000
        self.custom: dict[int, int] = {}
        self.pc = 0x100C

    def fetch(self, size: int = 2) -> int:
        value = int.from_bytes(self.memory[self.pc : self.pc + size], "big")
        self.pc += size
        return value

    def write(self, address: int, value: int, size: int) -> None:
        if address >= 0xDFF000:
            self.custom[address - 0xDFF000] = value
        else:
            self.memory[address : address + size] = value.to_bytes(size, "big")

    def call(self, offset: int) -> None:
        request = [int.from_bytes(self.memory[self.a[1] + at : self.a[1] + at + n], "big") for at, n in FIELDS]
        if offset == 0x10000 - 198:
            self.calls.append(("AllocMem", self.d[0], self.d[1]))
            self.d[0] = 0x20000
        else:
            assert offset == 0x10000 - 456
            self.calls.append(("DoIO", *request))
            command, length, data, start = request
            if command == 2:
                self.memory[data : data + length] = self.disk[start : start + length]
            self.d[0] = 0

    def run(self) -> None:
        """Until it stays where it is, or starts anew to ask which field it is."""
        asked = False
        for _ in range(1000):
            word = self.fetch()
            if word == 0x60FE or (word == ASK and asked):
                return
            asked = asked or word == ASK
            INSTRUCTIONS[word if word in INSTRUCTIONS else word & 0xFF00](self, word)
        raise AssertionError("the boot code does not come to rest")


FIELDS = [(0x1C, 2), (0x24, 4), (0x28, 4), (0x2C, 4)]
"""io_Command, io_Length, io_Data and io_Offset."""


def add(machine: Machine, register: int, value: int) -> None:
    machine.d[register] = machine.d[register] + value & 0xFFFFFFFF


def displaced(register: int, size: int, value: str) -> Callable[[Machine, int], None]:
    """A store to ``d16(An)``; the value comes first when it is immediate."""

    def store(machine: Machine, word: int) -> None:
        what = machine.fetch(size) if value == "#" else getattr(machine, value[0])[int(value[1])]
        machine.write(machine.a[register] + machine.fetch(), what & (1 << 8 * size) - 1, size)

    return store


def branch_if(condition: bool) -> Callable[[Machine, int], None]:
    def branch(machine: Machine, word: int) -> None:
        base = machine.pc
        target = base + machine.fetch()
        if (machine.d[0] == 0) == condition:
            machine.pc = target

    return branch


def swap(machine: Machine, word: int) -> None:
    machine.d[0] = machine.d[0] >> 16 | (machine.d[0] & 0xFFFF) << 16


def decrement_and_branch(machine: Machine, word: int) -> None:
    base = machine.pc
    offset = machine.fetch()
    machine.d[1] = machine.d[1] - 1 & 0xFFFF
    if machine.d[1] != 0xFFFF:
        machine.pc = base + offset - 0x10000


ASK = 0x4A68


def ask(machine: Machine, word: int) -> None:
    assert machine.a[0] + machine.fetch() == 0xDFF004  # VPOSR


def branch_in_a_short_field(machine: Machine, word: int) -> None:
    machine.pc += (word & 0xFF) * (not machine.long_field)


def copy(target: str, source: str) -> Callable[[Machine, int], None]:
    def move(machine: Machine, word: int) -> None:
        getattr(machine, target[0])[int(target[1])] = getattr(machine, source[0])[int(source[1])]

    return move


# Motorola, M68000 Family Programmer's Reference Manual (1992), section 8: the words' bits.
INSTRUCTIONS = {
    0x2A49: copy("a5", "a1"), 0x2840: copy("a4", "d0"), 0x224D: copy("a1", "a5"), 0x200C: copy("d0", "a4"),
    0x203C: lambda m, w: m.d.__setitem__(0, m.fetch(4)),
    0x223C: lambda m, w: m.d.__setitem__(1, m.fetch(4)),
    0x4EAE: lambda m, w: m.call(m.fetch()),
    0x4A80: lambda m, w: None,
    0x6700: branch_if(True), 0x6600: branch_if(False),
    0x337C: displaced(1, 2, "#"), 0x237C: displaced(1, 4, "#"), 0x234C: displaced(1, 4, "a4"),
    0x42A9: lambda m, w: m.write(m.a[1] + m.fetch(), 0, 4),
    0x41EC: lambda m, w: m.a.__setitem__(0, m.a[4] + m.fetch()),
    0x0680: lambda m, w: add(m, 0, m.fetch(4)),
    0x7200: lambda m, w: m.d.__setitem__(1, w & 0xFF),
    0x4840: swap,
    0x3080: lambda m, w: m.write(m.a[0], m.d[0] & 0xFFFF, 2),
    0x3140: displaced(0, 2, "d0"), 0x5088: lambda m, w: m.a.__setitem__(0, m.a[0] + 8),
    0x51C9: decrement_and_branch,
    0x41F9: lambda m, w: m.a.__setitem__(0, m.fetch(4)),
    0x47EC: lambda m, w: m.a.__setitem__(3, m.a[4] + m.fetch()), 0x214B: displaced(0, 4, "a3"), ASK: ask,
    0x6A00: branch_in_a_short_field, 0x6000: lambda m, w: setattr(m, "pc", m.pc + (w & 0xFF) - 256),
    0x317C: displaced(0, 2, "#"), 0x214C: displaced(0, 4, "a4"),
}  # fmt: skip


@EVERY_DISK
def test_the_boot_code_does_what_its_comments_say(name: str) -> None:
    picture = pattern(MODES[name])
    machine = Machine(amiga_disk.write(picture, PLAIN))
    machine.run()
    length = machine.calls[0][1]
    assert length % 512 == 0
    assert machine.calls == [
        ("AllocMem", length, 0x10002), ("DoIO", 2, length, 0x20000, 1024), ("DoIO", 9, 0, 0x20000, 1024),
    ]  # fmt: skip
    assert machine.custom == {0x9A: 0x7FFF, 0x96: 0x8380, 0x9C: 0x7FFF, 0x80: 0x20000, 0x88: machine.d[0] & 0xFFFF}
    planes, fields = amiga_copper.planes(picture), 1 + ("lace" in name)
    size = len(amiga_copper.words(amiga_copper.copper_list(picture)))
    for field in range(fields):
        start = 0x20000 + fields * size + field * planes.shape[2]
        addresses = tuple(start + number * planes[0].size for number in range(len(planes)))
        filled = amiga_copper.words(amiga_copper.copper_list(picture, addresses))
        assert machine.memory[0x20000 + field * size : 0x20000 + (field + 1) * size] == filled
    data = 0x20000 + fields * size
    assert machine.memory[data : data + planes.size] == planes.tobytes()


def test_fields_take_turns() -> None:
    """While a long field is shown, the list of the odd rows is the next, which belong into the short one."""
    disk = amiga_disk.write(pattern(MODES["amiga-8-lace"]), PLAIN)
    size = len(amiga_copper.words(amiga_copper.copper_list(pattern(MODES["amiga-8-lace"]))))
    for long_field in (False, True):
        machine = Machine(disk, long_field)
        machine.run()
        assert machine.custom[0x80] == 0x20000 + size * long_field


def test_a_copper_list_by_hand() -> None:
    """320x256, five planes, 4096 colours: Amiga Hardware Reference Manual, "Forming a basic playfield"."""
    picture = pattern(MODES["amiga-32"])
    moves = amiga_copper.copper_list(picture, (0x2ABCD, 0x30000, 0x40000, 0x50000, 0x60000))
    head = [(0x8E, 0x2C81), (0x90, 0x2CC1), (0x92, 0x38), (0x94, 0xD0), (0x100, 0x5200)]
    assert moves[:9] == [*head, (0x102, 0), (0x104, 0), (0x108, 0), (0x10A, 0)]
    assert moves[17:19] == [(0xE0, 2), (0xE2, 0xABCD)]
    assert moves[27:-1] == [(0x180 + 2 * n, int(slot[0, 0])) for n, slot in enumerate(picture.colours)]
    assert moves[-1] == (0xFFFF, 0xFFFE)


def test_many_planes_in_high_resolution_are_fetched_by_longwords() -> None:
    """16 bits at a time are too slow for more than four: what AGA shows then is noise."""
    fetch = {
        name: [dict(amiga_copper.copper_list(pattern(MODES[name]))).get(register) for register in (0x1FC, 0x92, 0x94)]
        for name in ("amiga-hires-16", "amiga-aga", "amiga-hires-aga", "amiga-hires-ham8-lace-ntsc")
    }
    assert fetch["amiga-hires-16"] == [None, 0x3C, 0xD4]
    assert fetch["amiga-aga"] == [0, 0x38, 0xD0]
    assert fetch["amiga-hires-aga"] == fetch["amiga-hires-ham8-lace-ntsc"] == [1, 0x38, 0xD0]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("amiga-2", 0x1200), ("amiga-ehb", 0x6200), ("amiga-ham6", 0x6A00), ("amiga-hires-16", 0xC200),
        ("amiga-aga", 0x0210), ("amiga-ham8", 0x0A10), ("amiga-32-lace", 0x5204),
    ],
)  # fmt: skip
def test_what_the_planes_mean(name: str, word: int) -> None:
    kind, screen = amiga_modes.kind_of(MODES[name]), amiga_modes.screen_of(MODES[name])
    assert amiga_copper.control(kind, screen) == word


def test_parts_of_a_screen_are_no_disk() -> None:
    small = amiga_modes.mode(amiga_modes.KINDS["4"], amiga_modes.Screen(), (160, 100))
    with pytest.raises(pd.FormatError, match="160x100; a disk shows full screens"):
        amiga_disk.write(pattern(small), PLAIN)


@pytest.mark.parametrize("change", [b"XYZ", b"pixeldream", b"amiga-32\0"])
def test_other_disks_are_refused(change: bytes) -> None:
    data = amiga_disk.write(pattern(MODES["amiga-32"]), PLAIN)
    with pytest.raises(pd.FormatError):
        amiga_disk.read(b"KICK" + data[4:])
    if change in data:
        with pytest.raises(pd.FormatError, match="no picture of ours"):
            amiga_disk.read(data.replace(change, b"?" * len(change), 1))


def test_planes_in_both_orders() -> None:
    picture = pattern(MODES["amiga-4"])
    first = amiga_source.write_raw(picture, PLAIN)
    second = amiga_source.write_interleaved(picture, PLAIN)
    rows = [np.packbits(picture.pixels >> plane & 1, axis=-1) for plane in (0, 1)]
    colours = b"".join(int(slot[0, 0]).to_bytes(2, "big") for slot in picture.colours)
    assert first == rows[0].tobytes() + rows[1].tobytes() + colours
    assert second == b"".join(rows[0][y].tobytes() + rows[1][y].tobytes() for y in range(256)) + colours


def test_each_length_of_planes_means_one_mode() -> None:
    assert len(amiga_source.LENGTHS) == len(amiga_source.RAW_MODES)


@pytest.mark.parametrize("name", ["amiga-32", "amiga-ham8", "amiga-16-lace"])
def test_source_text_holds_the_same_words(name: str) -> None:
    picture = pattern(MODES[name])
    text = amiga_source.write_source(picture, PLAIN).decode("ascii")
    head, copper = text.split("picture_copper\n")
    listing, palette = copper.split("picture_palette")
    moves = [tuple(int(value, 16) for value in pair) for pair in re.findall(r"\$(\w{4}),\$(\w{4})", listing)]
    assert moves == amiga_copper.copper_list(picture)
    values = [int(value, 16) for value in re.findall(r"dc\.[wl]\t\$(\w+)", palette)]
    raw = amiga_source._raw(picture, interleaved=False)
    size = 4 if name == "amiga-ham8" else 2
    assert raw.endswith(b"".join(value.to_bytes(size, "big") for value in values))
    fields = 1 + ("lace" in name)
    assert f"picture_modulo\tequ\t{(fields * len(amiga_copper.planes(picture)) - 1) * 40}\n" in head
    assert (0x108, 40 * (fields - 1)) in moves


BOOTED = {
    "amiga-32": "A500", "amiga-ehb-lace": "A500", "amiga-ham6": "A500", "amiga-hires-16": "A500",
    "amiga-2-ntsc": "A500", "amiga-hires-aga-lace": "A1200", "amiga-ham8": "A1200",
}  # fmt: skip
"""What is booted, and by which machine."""


class Boot:
    """A disk with a picture, and whether a screen shows it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.picture = random_picture(MODES[name], palette_of(MODES[name]), 11)
        image = self.picture.image()
        self.image = image.repeat(1 if "lace" in name else 2, 0).repeat(1 if "hires" in name else 2, 1)
        # HAM8's chips keep the lower two bits of a component where we, as viewers do, repeat the upper.
        self.tolerance = 3 if name == "amiga-ham8" else 0

    def wrong(self, screen: np.ndarray) -> int:
        """The largest difference of 255."""
        top, left = judges.AMIGA_WINDOW
        shown = screen[top : top + self.image.shape[0], left : left + self.image.shape[1]]
        return int(np.abs(shown.astype(int) - self.image).max())

    def screen(self, folder: Path) -> np.ndarray:
        disk = amiga_disk.write(self.picture, PLAIN)
        return judges.fs_uae(disk, BOOTED[self.name], folder, lambda screen: self.wrong(screen) <= self.tolerance)


@pytest.fixture(scope="module")
def screens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    """The screens to come, by name: machines that boot at the same time, as most of it is waiting."""
    wanted = [
        item.callspec.params["name"] for item in request.session.items if request.fixturename in item.fixturenames
    ]
    with ThreadPoolExecutor(3) as threads:
        yield {name: threads.submit(Boot(name).screen, tmp_path_factory.mktemp(name)) for name in wanted}


@pytest.mark.slow
@pytest.mark.emulator
@pytest.mark.parametrize("name", BOOTED)
def test_fs_uae_boots_and_shows_the_picture(name: str, screens: Screens) -> None:
    """Pixel by pixel."""
    boot, screen = Boot(name), screens[name].result()
    assert boot.wrong(screen) <= boot.tolerance
    top, left = judges.AMIGA_WINDOW
    border = screen[top - 2, left - 2]
    np.testing.assert_array_equal(
        border, boot.image[0, 0] * 0 + boot.picture.palette.rgb(int(boot.picture.colours[0][0, 0]))
    )


def test_the_disk_is_what_the_plugin_brings() -> None:
    [form] = [form for form in amiga.register_formats() if form.program]
    assert form.extensions == (".adf",)
    assert set(form.modes) == set(MODES)
