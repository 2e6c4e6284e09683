"""Drawings for modes whose colours stand together in groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command import call
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import pixeldream as pd
from pixeldream.plugin import testing
from pixeldream.plugin.registry import Registry
from pixeldream.retro import legal

Capsys = pytest.CaptureFixture[str]

SPECTRUM = pd.palette("zx-spectrum")
BLACK, BLUE, RED, MAGENTA, GREEN, CYAN, YELLOW, WHITE, BRIGHT_BLUE = range(9)


def drawing(registry: Registry, mode: str, cell: list[int]) -> legal.Checked:
    """Black but for the line 8 to 15 at the top of the second cell, which has the colours of ``cell``."""
    indices = np.zeros((192, 256), int)
    indices[0, 8 : 8 + len(cell)] = cell
    return legal.check(SPECTRUM.rgb(indices), registry.modes[mode], [SPECTRUM])


@pytest.mark.parametrize("mode", ["zx-spectrum", "zx-multicolour", "msx-screen2"])
def test_a_legal_drawing_is_exported_without_a_pixel_changed(
    registry: Registry, mode: str, tmp_path: Path, capsys: Capsys
) -> None:
    found = registry.modes[mode]
    picture = testing.random_picture(found, registry.palettes[found.palette], 3)
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(registry.formats["png"].write(picture, pd.WriteOptions()))  # type: ignore[misc]
    verdict = call(capsys, "check", source, "-m", mode)
    assert verdict.code == 0, verdict.out
    assert call(capsys, "convert", source, "-m", mode, "-o", out, "--raw").code == 0
    np.testing.assert_array_equal(np.asarray(Image.open(out).convert("RGB")), picture.image())


# ---- colours that stand together ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ([RED] * 4 + [BRIGHT_BLUE] * 4, "red and bright blue can't stand together"),
        ([BLACK, RED] * 4, ""),
        ([BLACK, BRIGHT_BLUE] * 4, ""),
        ([BLACK, RED, BRIGHT_BLUE], "3 colours, 2 are possible: black, red, bright blue"),
    ],
)
def test_two_brightnesses_in_one_place_clash(registry: Registry, cell: list[int], why: str) -> None:
    found = drawing(registry, "zx-multicolour", cell)
    assert [clash.why for clash in found.clashes] == [why] * bool(why)
    assert [clash.places for clash in found.clashes] == [((8, 0, 8, 1),)] * bool(why)


def test_an_unused_slot_holds_the_lowest_colour_of_the_same_group(registry: Registry) -> None:
    picture = drawing(registry, "zx-multicolour", [BRIGHT_BLUE] * 8).picture
    assert picture is not None
    assert [int(held[0, 1]) for held in picture.colours] == [BRIGHT_BLUE, BLACK]


SIX = pd.Palette("six", ((0, 0, 0), (255, 255, 255), (200, 30, 30), (30, 200, 30), (30, 30, 200), (230, 210, 80)))
GROUPED = pd.Mode(
    "grouped", "toy", (8, 8), (pd.Slot("screen"), pd.Slot("cell", (4, 4), (0, 1, 2, 4)), pd.Slot("line", (4, 1))),
    palette="six", colours=6, colour_groups=((1, 2, 3), (0, 1, 4, 5), (0, 2, 5)),
)  # fmt: skip


def possible(indices: np.ndarray, locks: dict[str, int]) -> bool:
    """Whether GROUPED shows a drawing, by trying all colours of all slots."""
    able = [
        {locks[slot.name]} if slot.name in locks else set(GROUPED.allowed(number))
        for number, slot in enumerate(GROUPED.slots)
    ]
    lines = [
        [set(line) for line in cell.tolist()]
        for cell in indices.reshape(2, 4, 2, 4).transpose(0, 2, 1, 3).reshape(4, 4, 4)
    ]

    def shown(line: set[int], screen: int, cell: int) -> bool:
        sets = [{screen, cell, own} for own in able[2]]
        return any(line <= held and any(held <= set(group) for group in GROUPED.colour_groups or ()) for held in sets)

    return any(
        all(any(all(shown(line, screen, own) for line in cell) for own in able[1]) for cell in lines)
        for screen in able[0]
    )


@given(st.integers(0, 2**32 - 1), st.floats(0, 0.1), st.sampled_from([{}, {"screen": 2}, {"line": 5}]))
def test_legal_is_what_some_choice_of_colours_shows(seed: int, noise: float, locks: dict[str, int]) -> None:
    random = np.random.default_rng(seed)
    indices = testing.random_picture(GROUPED, SIX, seed).indices()
    indices = np.where(random.random((8, 8)) < noise, random.integers(0, 6, (8, 8)), indices)
    found = legal.check(SIX.rgb(indices), GROUPED, [SIX], locks=locks)
    assert found.legal == possible(indices, locks), [clash.why for clash in found.clashes]
    assert found.legal != bool(found.clashes)
