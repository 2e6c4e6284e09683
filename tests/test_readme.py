"""What the README says is true: its commands, its table of modes, its plugin."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command import call

from pixeldream.plugin import testing
from pixeldream.plugin.checking import checks_of
from pixeldream.plugin.registry import load

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def between(start: str, end: str) -> str:
    found = re.search(rf"{re.escape(start)}.*?\n(.*?){re.escape(end)}", README, re.DOTALL)
    assert found, f"the README has no {start!r}"
    return found[1].strip()


def test_the_two_commands_that_set_everything_up_stand_there() -> None:
    blocks = re.findall(r"^```\n(.*?)\n```$", README, re.DOTALL | re.MULTILINE)
    assert "pip install . && pixeldream stylize --mode c64-multicolor" in blocks
    assert "pip install '.[test]' && pytest" in blocks


def test_the_table_of_modes_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    printed = call(capsys, "modes", "--markdown").out.strip()
    assert between("<!-- modes", "<!-- end of modes -->") == printed, (
        "write `pixeldream modes --markdown` into the README"
    )


def test_the_table_of_dithers_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    printed = call(capsys, "dithers", "--markdown").out.strip()
    assert between("<!-- dithers", "<!-- end of dithers -->") == printed, (
        "write `pixeldream dithers --markdown` into the README"
    )


def test_every_command_and_option_that_is_shown_exists(capsys: pytest.CaptureFixture[str]) -> None:
    for line in re.findall(r"^pixeldream (.*?)(?:  #.*)?$", README, re.MULTILINE):
        words = line.split()
        plain = [word for word in words if not word.startswith("-") and not word.endswith(".py")]
        command = plain[: 2 if plain[0] in ("weights", "train", "plugin", "visualise", "gan") else 1]
        offered = call(capsys, *command, "--help").out
        for option in (word for word in words if word.startswith("-")):
            assert option in offered or option == "--plugin", f"{line!r}: {command} has no {option}"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "spectrum.py"
    path.write_text(between("```python", "```"))
    return path


def test_the_plugin_in_twenty_lines_is_that_and_keeps_the_laws(plugin: Path) -> None:
    lines = [line for line in plugin.read_text().splitlines() if line.strip()]
    assert len(lines) <= 20
    registry = load([plugin])
    assert registry.failures == []
    for check in checks_of(plugin):
        check()
    mode, palette = registry.modes["my-spectrum"], registry.palettes["my-spectrum"]
    picture = testing.random_picture(mode, palette)
    assert registry.writers("my-spectrum")[".png"].write is not None
    assert picture.image().shape == (192, 256, 3)


def test_the_picture_at_the_top_is_there() -> None:
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / path).is_file(), path
