"""Emulators of small machines that say whether our programs are right: Fuse, openMSX, Mednafen; each optional.

As in ``judges``, a missing program skips the test; pictures come back as uint8 ``[height, width, 3]``.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

SECONDS = 14
"""How long an emulator may take until it shows what is expected."""

SPECTRUM_ROM = Path("/usr/share/spectrum-roms/opense.rom")
"""OpenSE BASIC, which is free; Sinclair's own asks for a dialogue's answer where it is missing."""

GAMES = "/usr/games"
"""Where Debian puts games; root's search path lacks it."""

QUIET = {"SDL_AUDIODRIVER": "dummy", "ALSOFT_DRIVERS": "null"}


def program(name: str) -> str:
    path = shutil.which(name) or shutil.which(name, path=GAMES)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def environment(folder: Path, **more: str) -> dict[str, str]:
    homes = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")}
    plain = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return {**plain, **homes, **QUIET, **more}


def x_window_dump(data: bytes) -> np.ndarray:
    """The picture of an XWD file of 32 bits a pixel, as Xvfb keeps its screen (X11/XWDFile.h)."""
    header = struct.unpack_from(">25I", data)
    width, height, bits, line, colours = (header[index] for index in (4, 5, 11, 12, 19))
    assert (bits, header[7]) == (32, 0), "32 bits a pixel, lowest byte first"
    pixels = np.frombuffer(data, np.uint8, height * line, header[0] + 12 * colours)
    return pixels.reshape(height, line)[:, : 4 * width].reshape(height, width, 4)[..., 2::-1]


@contextmanager
def screen(folder: Path, size: tuple[int, int]) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """A screen that nobody sees: as ``DISPLAY`` names it, and a function that looks at it."""
    read, write = os.pipe()
    command = [
        program("Xvfb"), "-displayfd", str(write), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp",
        "-nocursor", "-noreset", "-fbdir", str(folder),
    ]  # fmt: skip
    with subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        os.close(write)
        try:
            with os.fdopen(read) as pipe:
                name = pipe.readline().strip()
            yield f":{name}", lambda: x_window_dump((folder / "Xvfb_screen0").read_bytes())
        finally:
            server.terminate()


def watch(
    command: list[str],
    folder: Path,
    size: tuple[int, int],
    done: Callable[[np.ndarray], bool],
    key: str = "",
    left: Callable[[np.ndarray], bool] = bool,
    typed: tuple[str, ...] = (),
) -> np.ndarray:
    """The screen once ``done`` likes it, or what it is after :data:`SECONDS`. With ``key``, that key is pressed then,
    and the screen is the one that ``left`` likes. ``typed``: keys, as xdotool calls them, for a machine that is on."""
    for name in [command[0], *(["xdotool"] if key or typed else [])]:
        program(name)
    with screen(folder, size) as (display, look):
        variables = environment(folder, DISPLAY=display, SDL_VIDEODRIVER="x11")
        with subprocess.Popen(
            [program(command[0]), *command[1:]], env=variables, cwd=folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as emulator:  # fmt: skip
            try:
                end = time.monotonic() + SECONDS
                if typed:
                    wait(emulator, look, lambda image: bool(image[100, 100].any()), end)
                    time.sleep(1)
                for keys in typed:
                    press(keys, variables)
                wait(emulator, look, done, end)
                if key and done(look()):
                    press(key, variables)
                    wait(emulator, look, left, end)
                return look()
            finally:
                emulator.kill()


def press(keys: str, variables: dict[str, str]) -> None:
    """Keys joined by +, down for some frames."""
    for verb in ("keydown", "keyup"):
        subprocess.run(["xdotool", verb, *keys.split("+")], env=variables, check=False)
        time.sleep(0.12)


def wait(
    emulator: subprocess.Popen, look: Callable[[], np.ndarray], done: Callable[[np.ndarray], bool], end: float
) -> None:
    """Until ``done`` likes the screen, or the clock says ``end``."""
    while not done(look()) and time.monotonic() < end:
        assert emulator.poll() is None, "the emulator ended by itself"
        time.sleep(0.2)


def fuse(
    data: bytes,
    extension: str,
    folder: Path,
    done: Callable[[np.ndarray], bool],
    key: str = "",
    left: Callable[[np.ndarray], bool] = bool,
) -> np.ndarray:
    """Fuse's picture of a 48K ZX Spectrum with borders, ``[240, 320, 3]``; the rest as for :func:`watch`."""
    if not SPECTRUM_ROM.exists():
        pytest.skip(f"{SPECTRUM_ROM} is not installed")
    path = folder / f"program{extension}"
    path.write_bytes(data)
    name = "fuse-sdl" if shutil.which("fuse-sdl") else "fuse-gtk"
    options = ["--no-sound", "--no-statusbar", "--machine", "48", "--rom-48", str(SPECTRUM_ROM)]
    # Fuse types LOAD "" by itself only where it knows the ROM.
    tape = extension == ".tap"
    typed = ("l", "o", "a", "d", "ctrl+p", "ctrl+p", "Return") if tape else ()
    start = ["--tape" if tape else "--snapshot", str(path)]
    return watch([name, *options, *start], folder, (320, 240), done, key, left, typed)


def open_msx(cartridge: bytes, folder: Path, script: str = "after time 1 shot") -> np.ndarray:
    """openMSX's picture of an MSX1 with C-BIOS and a cartridge, with borders, ``[240, 320, 3]``. ``script``: what
    happens five seconds after power on; ``shot`` takes the picture and ends it."""
    (folder / "program.rom").write_bytes(cartridge)
    shot = folder / "shot.png"
    # No frame is drawn while the machine runs as fast as it can.
    lines = [
        "set throttle off", "set renderer SDL", "set scale_factor 1",
        f"proc shot {{}} {{ screenshot -raw {shot}; exit }}", f"after time 5 {{ set throttle on; {script} }}",
    ]  # fmt: skip
    (folder / "script.tcl").write_text("\n".join(lines))
    command = [
        program("openmsx"), "-machine", "C-BIOS_MSX1", "-carta", str(folder / "program.rom"),
        "-script", str(folder / "script.tcl"),
    ]  # fmt: skip
    result = subprocess.run(
        command, env=environment(folder, SDL_VIDEODRIVER="dummy"), cwd=folder, capture_output=True, timeout=60,
        check=False,
    )  # fmt: skip
    if b"machine" in result.stderr and not shot.exists():
        pytest.skip("C-BIOS is not installed")
    assert shot.exists(), result.stderr[-300:]
    from PIL import Image

    with Image.open(io.BytesIO(shot.read_bytes())) as image:
        return np.asarray(image.convert("RGB"))


def mednafen(cartridge: bytes, folder: Path, palette: bytes, done: Callable[[np.ndarray], bool]) -> np.ndarray:
    """Mednafen's picture of an NES, ``[240, 256, 3]``, in the colours of ``palette`` (64 x 3 bytes)."""
    (folder / "program.nes").write_bytes(cartridge)
    (folder / ".mednafen" / "palettes").mkdir(parents=True)
    (folder / ".mednafen" / "palettes" / "nes.pal").write_bytes(palette)
    options = {
        "sound": 0, "video.driver": "softfb", "nes.xscale": 1, "nes.yscale": 1, "nes.correct_aspect": 0,
        "nes.slstart": 0, "nes.slend": 239, "nes.clipsides": 0, "nes.videoip": 0, "video.disable_composition": 0,
    }  # fmt: skip
    flags = [str(part) for name, value in options.items() for part in (f"-{name}", value)]

    def middle(image: np.ndarray) -> np.ndarray:
        return image[120:360, 192:448]

    image = watch(
        ["mednafen", *flags, str(folder / "program.nes")], folder, (640, 480), lambda image: done(middle(image))
    )
    return middle(image)
