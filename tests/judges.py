"""Third parties that say whether our files are right: decoders and emulators, each optional.

Every function skips the test that calls it where its program is not installed. Pictures come back as uint8
``[height, width, 3]``, unless it says indices.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

SECONDS = 60
"""How long an outside program may take."""

VICE_PALETTES = Path("/usr/share/vice/C64")
OTHERS_PALETTE = "pepto-pal"


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def run(name: str, *arguments: object) -> None:
    """A program by its name, which must succeed."""
    command = [_program(name), *map(str, arguments)]
    subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)


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


@dataclass(frozen=True)
class Television:
    """A Commodore 64 by the name that VICE has for it: cycles of a line, lines of a frame, and the first line that VICE
    shows with its usual borders."""

    model: str
    cycles: int
    lines: int
    first_line: int

    @property
    def frame(self) -> int:
        """Cycles of a frame."""
        return self.cycles * self.lines


PAL = Television("c64c", 63, 312, 16)
OTHER_TELEVISIONS = (
    Television("ntsc", 65, 263, 28), Television("oldntsc", 64, 262, 28), Television("drean", 65, 312, 16),
)  # fmt: skip
"""NTSC; the first machines for it; Argentina's PAL-N."""

KEY_PERIOD = 16 * 0x10000
"""Cycles for which the keyboard of the stub is left alone, and then pressed, in turn."""

NEUTRAL_GAMMA = 2800
"""VICE's computed colours are for a PAL screen of gamma 2.8; any other value, its default of 2.2 too, changes them."""

RETURNED_BORDER = 5
"""The border colour that says: the program has returned to its caller."""


def _driver(start: int, press: bool, runs: int) -> bytes:
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
        + bytes([0x20, start & 255, start >> 8]) * runs  # jsr program
        + bytes([0xA9, RETURNED_BORDER, 0x8D, 0x20, 0xD0])
        + bytes.fromhex("B8 50 FE")  # clv, bvc: for ever
    )


def _stub_roms(folder: Path, start: int, press: bool, runs: int) -> dict[str, Path]:
    rom = bytearray(0x2000)

    def put(address: int, code: bytes) -> None:
        rom[address - KERNAL : address - KERNAL + len(code)] = code

    put(DRIVER, _driver(start, press, runs))
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


def vice(
    program: bytes,
    folder: Path,
    cycles: int = 100 * PAL.frame,
    press: bool = False,
    on: Television = PAL,
    runs: int = 1,
    monitor: str = "",
) -> np.ndarray:
    """VICE's picture of a Commodore 64 after that many cycles, with borders: ``[272 or 247, 384, 3]``.

    ``press``: a key goes down after ``KEY_PERIOD`` cycles and up after as many again. ``runs``: how often the
    program is started, anew when it has returned. ``monitor``: commands for VICE's monitor before the
    start. What is not PAL is shown in the colours of :func:`vice_palette`.
    """
    (folder / "program.prg").write_bytes(program)
    roms = _stub_roms(folder, _sys_address(program), press, runs)
    (folder / "monitor.txt").write_text(f'load "{folder}/program.prg" 0\n> 0000 2f 37\n{monitor}g {DRIVER:04x}\n')
    command = [
        _program("x64sc"), "-console", "-default", "-model", on.model, "-warp", "+sound", "-seed", "1",
        "-drive8type", "0", "-VICIIborders", "0", "-VICIIfilter", "0", "-VICIIgamma", str(NEUTRAL_GAMMA),
        "-limitcycles", str(cycles), "-moncommands", str(folder / "monitor.txt"), "-exitscreenshot",
        str(folder / "screen.png"),
    ]  # fmt: skip
    if on != PAL:
        command += ["-VICIIextpal", "-VICIIpalette", OTHERS_PALETTE]
    for name, path in roms.items():
        command += [f"-{name}", str(path)]
    homes = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")}
    environment = {name: value for name, value in os.environ.items() if name != "DISPLAY"} | homes
    # It ends with status 1 by design: "cycle limit reached".
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
    screen = folder / "screen.png"
    assert screen.exists(), f"VICE wrote no screenshot: {result.stdout[-300:]!r} {result.stderr[-300:]!r}"
    image = _image(screen.read_bytes())
    assert image.shape == (272 if on.lines == 312 else 247, 384, 3), image.shape
    return image


def vice_frames(program: bytes, folder: Path, frames: int, on: Television = PAL) -> list[np.ndarray]:
    """As many consecutive frames of :func:`vice`: what alternates is seen in its parts."""
    return [vice(program, folder, (100 + frame) * on.frame, on=on) for frame in range(frames)]


def display_window(image: np.ndarray) -> np.ndarray:
    """The 320x200 dots between the borders of a picture by :func:`vice`."""
    return image[35:235, 32:352]


# ------------------------------------------------------------------------------------------------ Amiga

AMIGA_WINDOW = (36, 74)
"""Row and column where a screen that starts at $2C81 begins in a picture by :func:`fs_uae`."""

BOOT_SECONDS = 60
"""Until a disk has booted, at most: the ROM that FS-UAE brings along takes fifteen."""


@contextmanager
def _display() -> Iterator[str]:
    """A screen that nobody sees, as ``DISPLAY`` names it."""
    read, write = os.pipe()
    command = [_program("Xvfb"), "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        os.close(write)
        try:
            with os.fdopen(read) as pipe:
                yield f":{pipe.readline().strip()}"
        finally:
            server.terminate()


def fs_uae(disk: bytes, model: str, folder: Path, done: Callable[[np.ndarray], bool]) -> np.ndarray:
    """FS-UAE's picture of an Amiga that boots ``disk``, once ``done`` likes it, or else what it is after
    :data:`BOOT_SECONDS`: ``[572, 752, 3]``, a lores pixel is 2x2."""
    for program in ("fs-uae", "Xvfb", "xdotool"):
        _program(program)
    (folder / "df0.adf").write_bytes(disk)
    shots = folder / "shots"
    shots.mkdir()
    options = {
        "base-dir": folder, "amiga-model": model, "kickstart-file": "internal", "floppy-drive-0": folder / "df0.adf",
        "fullscreen": 0, "window-width": 752, "window-height": 572, "zoom": "full", "keep-aspect": 0,
        "texture-filter": "nearest", "fsaa": 0, "video-sync": "off", "floppy-drive-speed": 0, "floppy-drive-volume": 0,
        "joystick-port-1": "none", "initial-input-grab": 0, "screenshots-output-dir": shots,
        "screenshots-output-mask": 7,
    }  # fmt: skip
    homes = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")}
    quiet = {"SDL_AUDIODRIVER": "dummy", "ALSOFT_DRIVERS": "null", "LIBGL_ALWAYS_SOFTWARE": "1"}
    with _display() as display:
        environment = {**os.environ, **homes, **quiet, "DISPLAY": display}
        environment.pop("WAYLAND_DISPLAY", None)
        command = ["fs-uae", *(f"--{name}={value}" for name, value in options.items()), "--end-config"]
        with subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as emulator:
            try:
                end, image = time.monotonic() + BOOT_SECONDS, None
                while time.monotonic() < end and (image is None or not done(image)):
                    time.sleep(1)
                    assert emulator.poll() is None, "FS-UAE ended before the disk had booted"
                    image = _screenshot(environment, shots)
            finally:
                emulator.terminate()
    assert image is not None, "FS-UAE wrote no screenshot"
    assert image.shape == (572, 752, 3), image.shape
    return image


def _screenshot(environment: dict[str, str], shots: Path) -> np.ndarray | None:
    """Presses FS-UAE's key for it and waits for the file; nothing where none comes: it may not listen yet."""
    find = ["xdotool", "search", "--name", "FS-UAE"]
    windows = subprocess.run(find, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    presses = [["windowfocus", window] for window in windows.stdout.split()[:1]]
    for press in [*presses, ["keydown", "Print"], ["keyup", "Print"]]:
        subprocess.run(["xdotool", *press], env=environment, capture_output=True, timeout=SECONDS, check=False)
        time.sleep(0.3)
    for _ in range(15):
        time.sleep(0.3)
        if files := [path for path in shots.iterdir() if "-full-" in path.name]:
            time.sleep(0.5)
            shot = files[0].read_bytes()
            for path in shots.iterdir():
                path.unlink()
            return _image(shot)
    return None


# ------------------------------------------------------------------------------------------------ Amstrad CPC

CPC_WINDOW = (slice(37, 237), slice(64, 704))
"""Rows and columns of the screen in a picture by :func:`mame_cpc`."""


def mame_cpc(snapshot: bytes, folder: Path) -> np.ndarray:
    """MAME's picture of a CPC 6128 that goes on from ``snapshot``: ``[272, 768, 3]``, a pixel of mode 2 is 1x1.

    The machine's ROMs are not free: it gets two that do nothing, and complains about their checksums.
    """
    program = shutil.which("mame", path=os.environ.get("PATH", "") + os.pathsep + "/usr/games")
    if program is None:
        pytest.skip("mame is not installed")
    roms = folder / "roms" / "cpc6128"
    roms.mkdir(parents=True, exist_ok=True)
    (roms / "cpc6128.rom").write_bytes(b"\xf3\x18\xfe".ljust(0x8000, b"\0"))  # di; jr $
    (roms / "cpcados.rom").write_bytes(bytes(0x4000))
    (folder / "picture.sna").write_bytes(snapshot)
    command = [
        program, "cpc6128", "-rompath", str(roms.parent), "-dump", str(folder / "picture.sna"), "-video", "none",
        "-sound", "none", "-nothrottle", "-skip_gameinfo", "-seconds_to_run", "3", "-snapview", "native",
        "-snapshot_directory", str(folder), "-snapname", "screen", "-cfg_directory", str(folder), "-nonvram_save",
        "-nvram_directory", str(folder), "-homepath", str(folder),
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(folder), "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
    screen = folder / "screen.png"
    screen.unlink(missing_ok=True)
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
    assert screen.exists(), f"MAME wrote no screenshot: {result.stderr[-300:]!r}"
    image = _image(screen.read_bytes())
    assert image.shape == (272, 768, 3), image.shape
    return image


# ------------------------------------------------------------------------------------------------ Atari ST

ST_FRAMES = 60
"""Frames for which the machine runs: the program has long ended, or waits for a key."""


def hatari(tos: bytes, folder: Path, machine: str = "st", monochrome: bool = False) -> np.ndarray:
    """Hatari's picture, without borders, of an Atari ST or STE that starts with the system ``tos``."""
    (folder / "tos.img").write_bytes(tos)
    film = folder / "film.avi"
    command = [
        _program("hatari"), "--tos", str(folder / "tos.img"),
        "--patch-tos", "off", "--machine", machine, "--monitor", "mono" if monochrome else "rgb", "--memsize", "1",
        "--borders", "off", "--statusbar", "off", "--drive-led", "off", "--zoom", "1", "--max-width", "640",
        "--max-height", "400", "--frameskips", "0", "--sound", "off", "--confirm-quit", "off",
        "--fast-forward", "on", "--avirecord", "--avi-vcodec", "png", "--avi-file", str(film),
        "--run-vbls", str(ST_FRAMES),
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(folder), "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
    assert film.exists(), f"Hatari recorded nothing: {result.stderr[-300:]!r}"
    data = film.read_bytes()
    return _image(data[data.rindex(b"\x89PNG") :])
