"""Commodore 64 programs: the listings of their viewers, and what VICE shows of them."""

from __future__ import annotations

import re
from pathlib import Path

import judges
import numpy as np
import pytest
from pictures import pattern
from pixeldream_plugins import c64, c64_fli_program, c64_player, c64_program, c64_raster, c64_source, c64_viewer
from pixeldream_plugins.c64_screen import HIRES

import pixeldream as pd

PLAIN = pd.WriteOptions()
FORMATS = {form.name: form for form in c64.register_formats()}
MODES = {mode.name: mode for mode in c64.register_modes()}

# ------------------------------------------------------------------------------------------- listings

SYMBOLS = {
    name: getattr(module, name)
    for module in (c64_viewer, c64_raster)
    for name in (
        "KEYS", "START", "BACKGROUND", "BORDER", "SCREEN", "COLOURS", "CONTROL_BYTE", "FRAME", "SCREEN_TABLE",
        "SCROLL_TABLE", "WAIT", "MEASURE", "WAIT_SLOT", "LINE_SLOT", "SLOT_FIRST", "SLOT_SECOND",
    )
    if hasattr(module, name)
} | {
    "CINT": 0xFF81, "STATE": 0x02, "PLAIN": 0xFC, "BANK": 0xFD, "Y_NOW": 0xFD, "POINTER": 0xFE, "FLIP": 0x0BFA,
    "SHIFT": 0x0BFB, "CONTROL": 0x0BFD, "WIDE": 0x0BFB, "SHARED_1": 0x0BFC, "SHARED_2": 0x0BFD,
    "OWN": 0x1000, "SRC": 0x57, "DST": 0x59, "FROM": 0x5B, "COUNT": 0x5D, "LEFT": 0x5E, "FRESH": 0x5F, "SIDE": 0x60,
    "SIXTY": 0x61, "SHADOW": 0x5800,
}  # fmt: skip
OF_PLAYER = {
    "HEAD": c64_player.HEAD, "BORDER": c64_player.BORDER, "CONTROL_1": 0x0AB6, "CONTROL_2": 0x0AB7, "NEXT": 0x0AB8,
    "HIDDEN": 0x0ABA, "COLD": 0x0ABB,
}  # fmt: skip
"""Settings that lie elsewhere in the program that shows moving pictures."""

OPCODES = {
    "adc": {"#": 0x69, "z": 0x65, "i": 0x71}, "and": {"#": 0x29}, "bcc": {"r": 0x90}, "bcs": {"r": 0xB0},
    "beq": {"r": 0xF0}, "bit": {"z": 0x24, "a": 0x2C}, "bmi": {"r": 0x30}, "bne": {"r": 0xD0}, "bpl": {"r": 0x10},
    "clc": {"": 0x18}, "cli": {"": 0x58}, "cmp": {"#": 0xC9, "a": 0xCD}, "cpx": {"#": 0xE0},
    "cpy": {"z": 0xC4, "a": 0xCC}, "dec": {"z": 0xC6}, "dex": {"": 0xCA}, "dey": {"": 0x88},
    "eor": {"#": 0x49, "z": 0x45, "a": 0x4D}, "inc": {"z": 0xE6, "a": 0xEE}, "inx": {"": 0xE8}, "iny": {"": 0xC8},
    "jmp": {"a": 0x4C}, "jsr": {"a": 0x20}, "lda": {"#": 0xA9, "z": 0xA5, "a": 0xAD, "x": 0xBD, "i": 0xB1},
    "ldx": {"#": 0xA2, "z": 0xA6, "a": 0xAE}, "ldy": {"#": 0xA0, "z": 0xA4}, "lsr": {"": 0x4A, "a": 0x4E},
    "nop": {"": 0xEA}, "ora": {"#": 0x09}, "pha": {"": 0x48}, "pla": {"": 0x68}, "rti": {"": 0x40}, "rts": {"": 0x60},
    "sbc": {"#": 0xE9, "z": 0xE5, "i": 0xF1}, "sec": {"": 0x38}, "sei": {"": 0x78},
    "sta": {"z": 0x85, "a": 0x8D, "x": 0x9D, "y": 0x99, "i": 0x91}, "stx": {"z": 0x86, "a": 0x8E},
    "sty": {"z": 0x84, "a": 0x8C}, "tax": {"": 0xAA}, "tay": {"": 0xA8},
}  # fmt: skip
"""MOS MCS6500 family programming manual (1976), appendix B: those that the viewers use."""


def value(text: str, symbols: dict[str, int]) -> int:
    total = 0
    for part in text.split("+"):
        total += symbols[part] if part in symbols else int(part[1:], 16) if part.startswith("$") else int(part)
    return total


def assembled(instruction: str, symbols: dict[str, int] = SYMBOLS) -> bytes:
    """One instruction of the listing: ``#`` immediate, ``,x`` indexed, ``(n),y`` indirect, ``*+n`` a branch, or an
    address."""
    name, _, operand = instruction.partition(" ")
    if not operand:
        return bytes([OPCODES[name][""]])
    if operand.startswith("#"):
        return bytes([OPCODES[name]["#"], value(operand[1:], symbols)])
    if operand.startswith("("):
        return bytes([OPCODES[name]["i"], value(operand[1:].removesuffix("),y"), symbols)])
    if operand.startswith("*"):
        # Counted from the end of the branch itself.
        return bytes([OPCODES[name]["r"], int(operand[1:]) - 2 & 255])
    place, _, index = operand.partition(",")
    address = value(place, symbols)
    if address < 256:
        return bytes([OPCODES[name]["z"], address])
    return bytes([OPCODES[name][index or "a"]]) + address.to_bytes(2, "little")


LISTINGS = [
    (module, name) for module in (c64_viewer, c64_raster, c64_player) for name in vars(module)
    if name.endswith("_CODE") and isinstance(getattr(module, name), str)
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), LISTINGS, ids=lambda item: getattr(item, "__name__", item))
def test_the_listing_says_what_the_bytes_do(module: object, name: str) -> None:
    symbols = SYMBOLS | (OF_PLAYER if module is c64_player else {})
    for line in getattr(module, name).strip().splitlines():
        code, instruction = re.split(r"\s{2,}", line.split(";")[0].strip(), maxsplit=1)
        assert bytes.fromhex(code) == assembled(instruction, symbols), line


def test_the_code_fits_where_it_is_called() -> None:
    assert c64_viewer.BASIC + len(c64_viewer.BASIC_LINE) == c64_viewer.KEYS
    assert c64_viewer.KEYS + len(c64_viewer.assemble(c64_viewer.KEYS_CODE)) == c64_viewer.START
    assert int(c64_viewer.BASIC_LINE[5:9]) == c64_viewer.START
    parts = ("PREPARE", "PICTURE", "FLIP_SCREENS", "UNPACK", "COUNT_FRAMES")
    lengths = [len(c64_viewer.assemble(getattr(c64_player, f"{part}_CODE"))) for part in parts]
    starts = [c64_viewer.START + sum(lengths[:number]) for number in range(6)]
    assert starts[1:5] == [c64_player.PICTURE, c64_player.FLIP_SCREENS, c64_player.UNPACK, c64_player.COUNT_FRAMES]
    assert starts[5] <= c64_player.HEAD
    assert c64_player.RESTORE + len(c64_viewer.assemble(c64_player.RESTORED_CODE)) <= c64_viewer.START


@pytest.mark.parametrize("kind", c64_fli_program.FLI_KINDS[:3], ids=lambda kind: kind.mode.name)
def test_what_is_patched_for_other_televisions_is_where_the_code_says(kind: c64_program.Kind) -> None:
    memory = {at + offset: byte for at, code in kind.code for offset, byte in enumerate(code)}
    for slot in (c64_raster.LINE_SLOT, c64_raster.WAIT_SLOT):
        assert (memory[slot], memory[slot + 1]) == (0xC9, 0x00)
    # The fourth is what a machine gets that can't be measured.
    found = [(memory[c64_raster.SLOT_FIRST + n], memory[c64_raster.SLOT_SECOND + n]) for n in range(4)]
    assert found == [(0xEA, 0xEA), (0x24, 0x02), (0xC9, 0x00), (0xC9, 0x00)]


def test_no_loop_that_is_counted_crosses_a_page() -> None:
    """A branch to another page takes a cycle more, and the picture would shake."""
    assert c64_raster.FRAME % 256 == 0
    assert len(c64_viewer.assemble(c64_raster.RASTER_CODE)) <= 256
    assert c64_raster.SCREEN_TABLE % 256 == c64_raster.SCROLL_TABLE % 256 == 0


def test_a_program_of_another_size_is_refused_in_words() -> None:
    sheet = FORMATS["spritepad"].read
    assert sheet is not None
    picture = sheet(bytes(3 + 64))
    with pytest.raises(pd.FormatError, match="192x168 pixels, and not 24x21"):
        c64_fli_program.write(picture, PLAIN)


@pytest.mark.parametrize("assembler", c64_source.ASSEMBLERS, ids=lambda assembler: assembler.name)
@pytest.mark.parametrize("mode", MODES)
def test_sources_assemble_to_the_bytes_of_the_program(assembler: c64_source.Assembler, mode: str) -> None:
    picture = pattern(MODES[mode])
    memory, address, labels = bytearray(0x10000), 0, set()
    for line in c64_source.write(assembler, picture, PLAIN).decode("ascii").splitlines():
        if line.startswith(("* = $", ".org $")):
            address = int(line.split("$")[1], 16)
        elif line.startswith("    "):
            assert line.startswith(f"    {assembler.data}$")
            values = bytes(int(part[1:], 16) for part in line.strip().split(" ", 1)[1].split(", "))
            memory[address : address + len(values)] = values
            address += len(values)
        elif line and not line.startswith(assembler.comment):
            assert line not in labels
            labels.add(line)
    program = c64_fli_program.write(picture, PLAIN)
    for at, code in c64_fli_program.PROGRAMS[mode].code:
        memory[at : at + len(code)] = code
    # Where the tables and settings start, both hold the same but for code.
    assert memory[0x0A00 : 0x0801 + len(program) - 2] == program[2 + 0x0A00 - 0x0801 :]


# ----------------------------------------------------------------------------------------------- VICE


def expected(picture: pd.Picture) -> list[np.ndarray]:
    """The hardware colours of the whole screen with its border, ``[272, 384]``, of each frame; from the description of
    the machine and not from the code under test."""
    mode = picture.mode
    result = []
    for frame in range(mode.frames):
        screen = np.full((272, 384), picture.border)
        if "sprites" in mode.name:
            screen[35:235, 32:352] = picture.colours[0][0, 0]
            sheet = picture.indices().repeat(192 // mode.size[0], 1)
            for row in range(8):
                screen[35 + 25 * row : 56 + 25 * row, 96:288] = sheet[21 * row : 21 * row + 21]
        else:
            # FLI starts three lines higher.
            top = 32 if mode.blocked else 35
            screen[top : top + 200, 32:352] = seen(picture, frame)
        result.append(screen)
    return result


def seen(picture: pd.Picture, frame: int) -> np.ndarray:
    """int ``[200, 320]`` of a screen."""
    if picture.mode.frames == 1:
        return picture.indices().repeat(320 // picture.mode.size[0], 1)
    background, *pairs, own = picture.colours
    slots = [background, *(pairs if len(pairs) == 2 else pairs[2 * frame : 2 * frame + 2]), own]
    spread = np.stack([held.repeat(200 // held.shape[0], 0).repeat(160 // held.shape[1], 1) for held in slots])
    wide = np.take_along_axis(spread, picture.pixels[frame][None].astype(int), 0)[0].repeat(2, 1)
    if frame == 0:
        return wide
    return np.concatenate([np.full((200, 1), background[0, 0]), wide[:, :-1]], 1)


@pytest.mark.emulator
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_vice_shows_the_same_pixels_and_border(mode: pd.Mode, tmp_path: Path) -> None:
    same_on(judges.PAL, mode, list(pd.palette("c64-vice").colours), tmp_path)


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("television", "mode"),
    [(television, "c64-fli") for television in judges.OTHER_TELEVISIONS]
    + [(judges.OTHER_TELEVISIONS[0], mode) for mode in ("c64-afli", "c64-ifli", "c64-mci", "c64-sprites-hires")],
    ids=lambda item: getattr(item, "model", item),
)
def test_other_televisions_get_the_same_pixels(television: judges.Television, mode: str, tmp_path: Path) -> None:
    """Lines of 64 and 65 cycles: raster code that counts 63 would show garbage."""
    same_on(television, MODES[mode], judges.vice_palette(judges.OTHERS_PALETTE), tmp_path)


def same_on(television: judges.Television, mode: pd.Mode, colours: list, folder: Path) -> None:
    picture = pattern(mode)
    program = c64_fli_program.write(picture, PLAIN)
    screens = judges.vice_frames(program, folder, mode.frames, television)
    found = [judges.nearest(screen, tuple(colours)) for screen in screens]
    cut = television.first_line - judges.PAL.first_line
    below = (0, max(0, len(screens[0]) + cut - 272)), (0, 0)
    wanted = [np.pad(screen[cut:], below, constant_values=picture.border) for screen in expected(picture)]
    wanted = [screen[: len(screens[0])] for screen in wanted]
    if (found[0] != wanted[0]).any():
        # Which of two frames comes first is chance.
        wanted.reverse()
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.emulator
@pytest.mark.parametrize("mode", ["c64-multicolor", "c64-fli", "c64-ifli", "c64-mci", "c64-sprites-hires"])
@pytest.mark.parametrize(("periods", "returned"), [(0.9, False), (1.9, False), (2.3, True)])
def test_a_key_returns_to_the_caller_once_it_is_up_again(
    mode: str, periods: float, returned: bool, tmp_path: Path
) -> None:
    program = c64_fli_program.write(pattern(MODES[mode]), PLAIN)
    screen = judges.vice(program, tmp_path, round(periods * judges.KEY_PERIOD), press=True)
    border = judges.nearest(screen[0, 0], pd.palette("c64-vice").colours)
    assert border == (judges.RETURNED_BORDER if returned else pattern(MODES[mode]).border)


@pytest.mark.emulator
@pytest.mark.parametrize("mode", ["c64-ifli", "c64-mci"])
def test_a_program_can_be_run_again(mode: str, tmp_path: Path) -> None:
    """Returned with a key, it starts from its first frame, not from what it had come to."""
    picture = pattern(MODES[mode])
    program = c64_fli_program.write(picture, PLAIN)
    # The first key went down and up; in between two of the timer's looks at the keyboard.
    first = round(2.9 * judges.KEY_PERIOD / judges.PAL.frame)
    cycles = [(first + frame) * judges.PAL.frame for frame in (0, 1)]
    screens = [judges.vice(program, tmp_path, count, press=True, runs=2) for count in cycles]
    found = [judges.nearest(screen, pd.palette("c64-vice").colours) for screen in screens]
    wanted = expected(picture)
    if (found[0] != wanted[0]).any():
        wanted.reverse()
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.emulator
def test_vice_paints_with_the_palette_that_we_call_its_own(tmp_path: Path) -> None:
    palette = pd.palette("c64-vice")
    screen = judges.vice(c64_fli_program.write(pattern(HIRES), PLAIN), tmp_path).astype(int)
    # VICE rounds on its way through the gamma tables.
    assert np.abs(screen - palette.rgb(judges.nearest(screen, palette.colours))).max() <= 2
