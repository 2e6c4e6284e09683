"""Drawings for modes whose colours stand together in groups, or in sub-palettes that areas choose from."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from time import process_time

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


@pytest.mark.parametrize("mode", ["zx-spectrum", "zx-multicolour", "msx-screen2", "nes"])
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


# ---- sub-palettes ---------------------------------------------------------------------------------------------------

CONSOLE = pd.Mode(
    "console", "toy", (16, 8), (pd.Slot("backdrop"), *(pd.Slot(name) for name in "abc"), pd.Slot("d", None, (0, 1, 2))),
    palette="six", colours=6, sub_palettes=pd.SubPalettes((4, 4), ((0, 1, 2), (0, 1, 3), (0, 4, 2))),
)  # fmt: skip
"""Slots of one, two and three sub-palettes."""
HANDHELD = pd.Mode(
    "handheld", "toy", (32, 16), tuple(pd.Slot(f"{p}-{c}") for p in range(2) for c in range(4)),
    gamut=pd.Gamut("five bits", (32, 32, 32)), tiles=pd.Tiles((8, 8), 3), exact=False,
    sub_palettes=pd.SubPalettes((8, 8), ((0, 1, 2, 3), (4, 5, 6, 7))),
)  # fmt: skip


def by_areas(mode: pd.Mode, areas: list[list[int]]) -> np.ndarray:
    """Palette indices ``[height, width]``: each area has one list of colours, the rest the last."""
    assert mode.sub_palettes is not None
    across, down = mode.sub_palettes.area
    columns, rows = mode.size[0] // across, mode.size[1] // down
    filled = [np.resize(areas[min(n, len(areas) - 1)], (down, across)) for n in range(columns * rows)]
    return np.block([filled[row * columns : (row + 1) * columns] for row in range(rows)])


def some_palettes(areas: list[set[int]], locks: dict[str, int]) -> bool:
    """Whether CONSOLE shows areas of these colours, by trying all colours of all slots."""
    able = [
        [locks[slot.name]] if slot.name in locks else CONSOLE.allowed(number)
        for number, slot in enumerate(CONSOLE.slots)
    ]
    members = CONSOLE.sub_palettes.slots if CONSOLE.sub_palettes else ()
    return any(
        all(any(area <= {held[slot] for slot in slots} for slots in members) for area in areas)
        for held in product(*able)
    )


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.sampled_from([{}, {"a": 3}, {"backdrop": 0, "d": 1}]))
def test_legal_is_what_some_sub_palettes_show(seed: int, kinds: int, locks: dict[str, int]) -> None:
    random = np.random.default_rng(seed)
    sets = [random.choice(6, random.integers(1, 4), replace=False).tolist() for _ in range(kinds)]
    found = legal.check(SIX.rgb(by_areas(CONSOLE, sets)), CONSOLE, [SIX], locks=locks)
    assert found.legal == some_palettes([set(colours) for colours in sets], locks)
    assert found.legal != bool(found.clashes)
    if found.picture is not None:
        held = {slot.name: int(c[0, 0]) for slot, c in zip(CONSOLE.slots, found.picture.colours, strict=True)}
        assert held == held | locks


def test_areas_that_no_sub_palette_serves_are_named(registry: Registry) -> None:
    palette, mode = registry.palettes["nes-2c02"], registry.modes["nes"]
    black, *others = (palette.index(name) for name in ["0F", *(f"{n:02X}" for n in range(1, 13)), "11"])
    sets = [[black, *others[n : n + 3]] for n in range(0, 12, 3)] + [[black]]
    found = legal.check(palette.rgb(by_areas(mode, sets)), mode, [palette])
    assert found.picture is not None
    assert found.notes[0] == "backdrop 0F"
    assert [int(held[0, 0]) for held in found.picture.colours[:1]] == [black]
    sets[1:1] = [[black, others[12]], [black, *others[:4]]]
    found = legal.check(palette.rgb(by_areas(mode, sets)), mode, [palette])
    assert [(clash.why, clash.places) for clash in found.clashes] == [
        ("none of the 4 sub-palettes has 11 besides 0F", ((16, 0, 16, 16),)),
        ("4 colours besides 0F, 3 are possible: 02, 03, 01, 04", ((32, 0, 16, 16),)),
    ]


def test_colours_of_a_gamut_stay_where_the_drawing_has_them() -> None:
    assert HANDHELD.gamut is not None
    picture = testing.random_picture(HANDHELD, HANDHELD.gamut, 2)
    order = HANDHELD.gamut.rgb([int(held[0, 0]) for held in picture.colours])
    found = legal.check(picture.image(), HANDHELD, [HANDHELD.gamut], order=order).picture
    assert found is not None
    np.testing.assert_array_equal(found.pixels, picture.pixels)
    np.testing.assert_array_equal(found.colours, picture.colours)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_colours_is_found_that_shares_tiles(seed: int) -> None:
    """Two sub-palettes show the same three tiles; from dark to light each would store its own."""
    assert HANDHELD.gamut is not None
    random = np.random.default_rng(seed)
    tiles = random.integers(0, 4, (3, 8, 8))
    rows = [np.hstack([tiles[(4 * row + n) % 3] for n in range(4)]) + 4 * row for row in range(2)]
    colours = tuple(np.full((1, 1), n) for n in random.choice(HANDHELD.gamut.count, 8, replace=False))
    picture = pd.Picture(HANDHELD, HANDHELD.gamut, np.vstack(rows).astype(np.uint8), colours)
    image = picture.image()
    found = legal.check(image, HANDHELD, [HANDHELD.gamut])
    assert found.picture is not None
    assert found.notes[-1] == "3 tiles"
    np.testing.assert_array_equal(found.picture.image(), image)
    image[0, :8] = image[0, 0]
    clash = legal.check(image, HANDHELD, [HANDHELD.gamut]).clashes[0]
    assert clash.why == "4 different tiles, 3 are possible; these places use the others"
    assert clash.places == ((0, 0, 8, 8),)


def test_noise_is_judged_at_once(registry: Registry) -> None:
    palette, mode = registry.palettes["nes-2c02"], registry.modes["nes"]
    random = np.random.default_rng(1)
    for count in (54, 13, 6):
        sets = [random.choice(count, min(count, 4), replace=False).tolist() for _ in range(240)]
        before = process_time()
        found = legal.check(palette.rgb(by_areas(mode, sets)), mode, [palette])
        assert process_time() - before < 3
        assert not found.legal
        assert sum(len(clash.places) for clash in found.clashes) > 50
