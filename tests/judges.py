"""Third parties that say whether our files are right: decoders and emulators, each optional.

Every function skips the test that calls it where its program is not installed. Pictures come back as uint8
``[height, width, 3]``, unless it says indices.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

SECONDS = 60
"""How long an outside program may take."""

VICE_PALETTES = Path("/usr/share/vice/C64")


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def _image(data: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def recoil(data: bytes, extension: str) -> np.ndarray:
    """What RECOIL (https://recoil.sourceforge.net/) shows; it goes by the extension and the length."""
    module = pytest.importorskip("recoil")
    image = module.RecoilImage("picture" + extension, io.BytesIO(data))
    return np.asarray(image.to_pil().convert("RGB"))


def netpbm_ilbm(data: bytes) -> np.ndarray:
    """What netpbm's ``ilbmtoppm`` makes of an IFF ILBM file."""
    result = subprocess.run([_program("ilbmtoppm")], input=data, capture_output=True, timeout=SECONDS, check=True)
    return _image(result.stdout)


def ffmpeg(data: bytes, extension: str, folder: Path) -> np.ndarray:
    """What ffmpeg makes of a file with that extension."""
    source, target = folder / f"source{extension}", folder / "target.png"
    source.write_bytes(data)
    command = [_program("ffmpeg"), "-v", "error", "-y", "-i", source, "-frames:v", "1", "-pix_fmt", "rgb24", target]
    subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
    return _image(target.read_bytes())


def nearest(image: np.ndarray, colours: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """The index of the nearest of ``colours`` for every pixel: monitors differ in RGB, never in the index."""
    difference = image[..., None, :].astype(np.int32) - np.asarray(colours, np.int32)
    return np.square(difference).sum(-1).argmin(-1)


def vice_palette(name: str) -> list[tuple[int, ...]]:
    """The colours of a palette file that VICE brings along."""
    path = VICE_PALETTES / f"{name}.vpl"
    if not path.exists():
        pytest.skip(f"{path} is not installed")
    lines = [line.split() for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(int(component, 16) for component in line[:3]) for line in lines]


# ---------------------------------------------------------------------------------------------- VICE
#
# Commodore's ROMs are not free, so the machine gets a KERNAL of the few bytes below: a reset that calls the program as
# BASIC's SYS does, the CINT entry that clears the screen, and a keyboard that a timer presses by itself.

KERNAL, DRIVER, KEYBOARD, CINT = 0xE000, 0xE000, 0xE080, 0xFF81
CYCLES_A_FRAME = 63 * 312
KEY_PERIOD = 16 * 0x10000
"""Cycles for which the keyboard of the stub is left alone, and then pressed, in turn."""

NEUTRAL_GAMMA = 2800
"""VICE's computed colours are for a PAL screen of gamma 2.8; any other value, its default of 2.2 too, changes them."""

RETURNED_BORDER = 5
"""The border colour that says: the program has returned to its caller."""


def _driver(start: int, press: bool) -> bytes:
    """Code at the reset vector: the state in which BASIC's SYS finds the machine, then the call."""
    timer = bytes.fromhex(
        "A9 FF 8D 04 DD 8D 05 DD"  # CIA 2, timer A: as slow as it gets
        "A9 81 8D 0D DD"  # its underflow is an NMI
        "A9 11 8D 0E DD"  # start
    )
    return (
        bytes.fromhex(
            "78 D8 A2 FF 9A"  # sei, cld, stack
            "A9 2F 85 00 A9 37 85 01"  # RAM, KERNAL, I/O
            "A9 3F 8D 02 DD A9 97 8D 00 DD"  # video bank 0
            "A9 FF 8D 02 DC A9 00 8D 03 DC 8D 01 DC 85 FB"  # keyboard rows out, columns in
        )
        + (timer if press else b"")
        + bytes([0x20, start & 255, start >> 8])  # jsr program
        + bytes([0xA9, RETURNED_BORDER, 0x8D, 0x20, 0xD0])
        + bytes.fromhex("B8 50 FE")  # clv, bvc: for ever
    )


def _stub_roms(folder: Path, start: int, press: bool) -> dict[str, Path]:
    rom = bytearray(0x2000)

    def put(address: int, code: bytes) -> None:
        rom[address - KERNAL : address - KERNAL + len(code)] = code

    put(DRIVER, _driver(start, press))
    # Every 16th time the columns turn into outputs that pull low: a key is down; or back into inputs.
    put(KEYBOARD, bytes.fromhex("48 AD 0D DD E6 FB A5 FB 29 10 F0 02 A9 FF 8D 03 DC 68 40"))
    put(CINT, bytes.fromhex("A9 0B 8D 11 D0 60"))  # screen off
    put(0xFFFA, KEYBOARD.to_bytes(2, "little") + DRIVER.to_bytes(2, "little") + KEYBOARD.to_bytes(2, "little"))
    files = {"kernal": bytes(rom), "basic": bytes(0x2000), "chargen": bytes(0x1000)}
    for name, data in files.items():
        (folder / f"{name}.rom").write_bytes(data)
    return {name: folder / f"{name}.rom" for name in files}


def _sys_address(program: bytes) -> int:
    """The number behind SYS in the BASIC line that the program starts with."""
    assert program[:2] == b"\x01\x08", "the program does not load where BASIC is"
    line = program[6 : program.index(0, 6)]
    assert line[0] == 0x9E, "the BASIC line does not start with SYS"
    return int(line[1:])


def vice(program: bytes, folder: Path, cycles: int = 100 * CYCLES_A_FRAME, press: bool = False) -> np.ndarray:
    """VICE's picture of a PAL Commodore 64 after that many cycles, with borders: ``[272, 384, 3]``.

    ``press``: a key goes down after ``KEY_PERIOD`` cycles and up after as many again.
    """
    (folder / "program.prg").write_bytes(program)
    roms = _stub_roms(folder, _sys_address(program), press)
    (folder / "monitor.txt").write_text(f'load "{folder}/program.prg" 0\n> 0000 2f 37\ng {DRIVER:04x}\n')
    command = [
        _program("x64sc"), "-console", "-default", "-pal", "-warp", "+sound", "-seed", "1", "-drive8type", "0",
        "-VICIIborders", "0", "-VICIIfilter", "0", "-VICIIgamma", str(NEUTRAL_GAMMA), "-limitcycles", str(cycles),
        "-moncommands", str(folder / "monitor.txt"), "-exitscreenshot", str(folder / "screen.png"),
    ]  # fmt: skip
    for name, path in roms.items():
        command += [f"-{name}", str(path)]
    homes = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")}
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"} | homes
    # It ends with status 1 by design: "cycle limit reached".
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
    screen = folder / "screen.png"
    assert screen.exists(), f"VICE wrote no screenshot: {result.stdout[-300:]!r} {result.stderr[-300:]!r}"
    image = _image(screen.read_bytes())
    assert image.shape == (272, 384, 3), image.shape
    return image


def display_window(image: np.ndarray) -> np.ndarray:
    """The 320x200 dots between the borders of a picture by :func:`vice`."""
    return image[35:235, 32:352]
