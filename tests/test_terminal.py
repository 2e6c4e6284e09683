"""Pictures in a terminal: what kitty's escapes and sixels decode to again, and how a terminal is told from another."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import judges
import numpy as np
import pytest
from command import call, make_image
from PIL import Image

from pixeldream.cli import terminal

Capsys = pytest.CaptureFixture[str]


def picture(colours: int, size: tuple[int, int] = (75, 100)) -> np.ndarray:
    """uint8, with runs of one colour and without."""
    random = np.random.default_rng(colours)
    table = random.integers(0, 256, (colours, 3), np.uint8)
    indices = random.integers(0, colours, size)
    indices[10:30, 20:] = 1
    return table[indices]


# -------------------------------------------------------------------------------------------- escapes


def kitty_decoded(text: str) -> np.ndarray:
    """As a terminal reads it: chunks of at most 4096 characters, all but the last one with m=1."""
    pieces = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", text)
    assert "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in pieces) == text
    assert all(len(data) <= 4096 and len(data) % 4 == 0 for _, data in pieces)
    assert [re.search(r"m=(\d)", keys)[1] for keys, _ in pieces] == ["1"] * (len(pieces) - 1) + ["0"]
    assert set(pieces[0][0].split(",")) >= {"a=T", "f=100", "q=2"}
    with Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in pieces)))) as image:
        return np.asarray(image)


@pytest.mark.parametrize("colours", [2, 16, 5000])
def test_kitty_gets_the_same_pixels(colours: int) -> None:
    np.testing.assert_array_equal(kitty_decoded(terminal.kitty(picture(colours))), picture(colours))


def sixel_decoded(text: str) -> np.ndarray:
    """As the manual says: up to six lines at a time, colours in percent."""
    width, height, body = re.fullmatch(r'\x1bP0;1q"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.DOTALL).groups()
    result, colours, (x, y), colour = np.zeros((int(height), int(width), 3)), {}, (0, 0), 0
    for number, define, count, character in re.findall(r"#(\d+)((?:;\d+){4})?|(?:!(\d+))?([?-~$-])", body):
        if number:
            colour = int(number)
            if define:
                assert define.startswith(";2;")
                colours[colour] = [int(part) for part in define[3:].split(";")]
        elif character in "$-":
            x, y = 0, y + 6 * (character == "-")
        else:
            for row in range(6):
                if ord(character) - 63 >> row & 1:
                    result[y + row, x : x + int(count or 1)] = colours[colour]
            x += int(count or 1)
    return result * 255 / 100


@pytest.mark.parametrize("colours", [2, 16, 250])
def test_sixels_show_the_same_pixels(colours: int) -> None:
    """To half a percent, which is how exactly sixels can say a colour."""
    np.testing.assert_allclose(sixel_decoded(terminal.sixel(picture(colours))), picture(colours), atol=1.3)


def test_libsixel_reads_our_sixels(tmp_path: Path) -> None:
    (tmp_path / "picture.six").write_text(terminal.sixel(picture(200)))
    judges.run("sixel2png", "-i", tmp_path / "picture.six", "-o", tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as image:
        found = np.asarray(image.convert("RGB")).astype(int)
    np.testing.assert_allclose(found, picture(200), atol=2)


def test_a_photo_of_too_many_colours_is_near(tmp_path: Path) -> None:
    with Image.open(make_image(tmp_path / "photo.png", (64, 48))) as image:
        photo = np.asarray(image)
    assert np.abs(sixel_decoded(terminal.sixel(photo)) - photo).mean() < 12


# ------------------------------------------------------------------------------------------ detection


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"KITTY_WINDOW_ID": "1", "TERM": "xterm-256color"}, "kitty"),
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "kitty"),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "sixel"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "mlterm"}, "sixel"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, ""),
        ({"TERM": "linux"}, "blocks"),
        ({"TERM": "xterm-256color"}, ""),
        ({}, ""),
    ],
)
def test_the_environment_tells_terminals_apart(environment: dict[str, str], way: str) -> None:
    assert terminal.by_environment(environment) == way


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("\x1b[?62;4;22c", True), ("typed ahead\x1b[?63;1;4c", True), ("\x1b[?6c", False), ("\x1b[?4c", False),
        ("\x1b[?64;1;14;42c", False), ("\x1b[?62;4", False), ("", False),
    ],
)  # fmt: skip
def test_a_terminals_answer_is_understood(answer: str, found: bool) -> None:
    assert terminal.has_sixels(answer) == found


IN_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
before = termios.tcgetattr(0)
from pixeldream.cli.main import run
code = run(sys.argv[1:])
assert termios.tcgetattr(0) == before
sys.exit(code)
"""


def in_terminal(answer: bytes, *arguments: object) -> bytes:
    """What the command writes to a terminal that answers so when it is asked what it is."""
    pytest.importorskip("pty")
    master, slave = os.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    for name in ("TMUX", "TERM_PROGRAM", "KITTY_WINDOW_ID", "GHOSTTY_RESOURCES_DIR"):
        environment.pop(name, None)
    command = [sys.executable, "-c", IN_TERMINAL, *map(str, arguments)]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment) as child:
        os.close(slave)
        seen, piece = b"", b"-"
        while piece:
            try:
                piece = os.read(master, 4096)
            except OSError:  # so Linux says that the other side has closed
                break
            if terminal.QUESTION in piece and answer:
                os.write(master, answer)
            seen += piece
    os.close(master)
    assert child.returncode == 0, seen
    return seen


@pytest.mark.parametrize(("answer", "start"), [(b"\x1b[?62;4;22c", b"\x1bP0;1q"), (b"", b"\x1b[38;2;")])
def test_a_terminal_is_asked_and_one_that_is_silent_holds_nobody_up(
    tmp_path: Path, answer: bytes, start: bytes
) -> None:
    seen = in_terminal(answer, "show", make_image(tmp_path / "photo.png", (20, 10)))
    assert seen.removeprefix(terminal.QUESTION).startswith(start)


# -------------------------------------------------------------------------------------------- command


def test_a_pipe_gets_blocks_whatever_the_terminal_is(
    capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KITTY_WINDOW_ID", "1")
    path = make_image(tmp_path / "photo.png", (20, 10))
    ran = call(capsys, "show", path)
    assert "\N{UPPER HALF BLOCK}" in ran.out
    assert "\x1b_G" not in ran.out


def test_show_draws_whole_pixels_as_it_is_told(capsys: Capsys, tmp_path: Path) -> None:
    path = make_image(tmp_path / "photo.png", (64, 48))
    ran = call(capsys, "show", path, "--terminal", "kitty", "--width", "16")
    with Image.open(path) as image:
        # 16 characters of 8 pixels: each pixel is two by two.
        np.testing.assert_array_equal(kitty_decoded(ran.out.rstrip("\n")), np.asarray(image).repeat(2, 0).repeat(2, 1))
    assert call(capsys, "show", path, "--terminal", "sixel").out.startswith("\x1bP")
    assert "terminal 'vga' is none of kitty" in call(capsys, "show", path, "--terminal", "vga").error
