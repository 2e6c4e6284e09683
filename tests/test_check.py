"""Drawings: whether a mode shows them, what clashes, and that a legal one is exported without a pixel changed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from command import call, make_image
from hypothesis import given
from hypothesis import strategies as st
from pictures import palette_of, pattern
from PIL import Image

import pixeldream as pd
from pixeldream.look import look
from pixeldream.plugin import testing
from pixeldream.plugin.registry import Registry
from pixeldream.retro import legal
from pixeldream.retro import solve as solver
from pixeldream.retro.clash import Clash
from pixeldream.retro.legal import Checked
from pixeldream.retro.marks import MARGIN, OUTLINE, marked

Capsys = pytest.CaptureFixture[str]

COLODORE = pd.palette("c64-colodore")
BLACK, WHITE, RED, CYAN, PURPLE, GREEN = range(6)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drawn(registry: Registry, mode: str, indices: np.ndarray) -> Checked:
    """A drawing of palette indices compared with a mode."""
    return legal.check(COLODORE.rgb(indices), registry.modes[mode], [COLODORE])


def only(found: Checked) -> Clash:
    assert not found.legal
    assert len(found.clashes) == 1, [clash.why for clash in found.clashes]
    return found.clashes[0]


def save(image: np.ndarray, name: str = "drawing.png") -> str:
    Image.fromarray(image).save(name)
    return name


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


# ---- legal drawings -------------------------------------------------------------------------------------------------

MODES = ["c64-multicolor", "c64-fli", "c64-afli", "c64-mci", "c64-sprites-hires", "c64-charset-hires", "amiga-ehb",
         "amiga-ham6", "amiga-ham8"]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_a_legal_drawing_is_exported_without_a_pixel_changed(registry: Registry, mode: str, capsys: Capsys) -> None:
    found = registry.modes[mode]
    picture = testing.random_picture(found, found.gamut or registry.palettes["c64-pepto"], 3)
    Path("drawing.png").write_bytes(registry.formats["png"].write(picture, pd.WriteOptions()))  # type: ignore[misc]
    verdict = call(capsys, "check", "drawing.png", "-m", mode)
    assert verdict.code == 0, verdict.out
    assert verdict.out.startswith(f"drawing.png: legal in {mode}")
    assert found.gamut is not None or "palette c64-pepto" in verdict.out
    native = registry.writers(mode)
    out = next(name for name, form in native.items() if form.read is not None)
    for dither in ([], ["--dither", "bayer4"]):
        ran = call(capsys, "convert", "drawing.png", "-m", mode, *dither, "-o", "out.png", "--raw", "-o", f"out{out}")
        assert ran.code == 0, ran.err
        np.testing.assert_array_equal(pixels("out.png"), picture.image())
        back = native[out].read(Path(f"out{out}").read_bytes())  # type: ignore[misc]
        # Files hold indices: what they show in the palette that the drawing came in.
        np.testing.assert_array_equal(replace(back, palette=picture.palette).image(), picture.image())


@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 2), (3, 3), (6, 3)])
def test_whole_pixels_may_be_repeated(registry: Registry, across: int, down: int) -> None:
    image = pattern(registry.modes["c64-multicolor"]).image().repeat(down, 0).repeat(across, 1)
    assert pd.check(image, "c64-multicolor").legal
    assert pd.check(image.astype(np.float32) / 255, "c64-multicolor").legal


def test_a_native_file_comes_out_bit_for_bit(registry: Registry, capsys: Capsys) -> None:
    data = registry.formats["koala"].write(pattern(registry.modes["c64-multicolor"]), pd.WriteOptions())  # type: ignore[misc]
    Path("in.kla").write_bytes(data)
    assert call(capsys, "check", "in.kla").code == 0
    assert call(capsys, "convert", "in.kla", "-o", "out.kla").code == 0
    assert Path("out.kla").read_bytes() == data
    # Another mode sees what the file shows.
    assert call(capsys, "check", "in.kla", "-m", "c64-hires").code == 1


def test_a_mode_of_its_own_size_says_so_when_a_file_is_smaller(registry: Registry, capsys: Capsys) -> None:
    mode = replace(registry.modes["amiga-16"], size=(64, 32))
    picture = testing.random_picture(mode, palette_of(mode), 1)
    Path("small.iff").write_bytes(registry.formats["ilbm"].write(picture, pd.WriteOptions()))  # type: ignore[misc]
    assert "legal in amiga-16 (64x32 pixels)" in call(capsys, "check", "small.iff", "-m", "amiga-16").out


def test_a_palette_that_is_named_is_the_only_one_tried(registry: Registry, capsys: Capsys) -> None:
    mode = registry.modes["c64-hires"]
    save(testing.random_picture(mode, registry.palettes["c64-pepto"], 1).image())
    assert call(capsys, "check", "drawing.png", "-m", "c64-hires", "--palette", "c64-pepto").code == 0
    refused = call(capsys, "check", "drawing.png", "-m", "c64-hires", "--palette", "c64-colodore")
    assert refused.code == 1
    assert "which palette c64-colodore lacks; the nearest is" in refused.out


def test_unused_slots_hold_the_lowest_colour_and_equal_cells_equal_bytes(registry: Registry) -> None:
    indices = np.full((200, 160), GREEN)
    indices[:, ::2] = RED
    indices[8:16, 4:8] = PURPLE
    picture = drawn(registry, "c64-multicolor", indices).picture
    assert picture is not None
    background, *cells = picture.colours
    assert int(background[0, 0]) in (RED, GREEN)
    other = RED + GREEN - int(background[0, 0])
    expected = np.zeros((3, 25, 40), int)
    expected[0] = other
    expected[0, 1, 1] = PURPLE
    np.testing.assert_array_equal(cells, expected)


def test_halves_of_the_lower_bits_may_be_missing(registry: Registry) -> None:
    image = testing.random_picture(registry.modes["amiga-16"], registry.modes["amiga-16"].gamut, 1).image()
    found = pd.check(image & 0xF0, "amiga-16")
    assert found.picture is not None
    np.testing.assert_array_equal(found.picture.image(), image)
    assert "colours written without their lower 4 bits" in found.notes


def test_an_indexed_drawing_keeps_the_order_of_its_colours(registry: Registry, capsys: Capsys) -> None:
    picture = testing.random_picture(registry.modes["amiga-16"], registry.modes["amiga-16"].gamut, 4)
    for name, data in (("in.iff", "ilbm"), ("in.png", "png")):
        Path(name).write_bytes(registry.formats[data].write(picture, pd.WriteOptions()))  # type: ignore[misc]
    assert call(capsys, "convert", "in.png", "-m", "amiga-16", "-o", "out.iff").code == 0
    assert Path("out.iff").read_bytes() == Path("in.iff").read_bytes()


def test_a_drawing_with_one_clash_is_changed_there_only(registry: Registry, capsys: Capsys) -> None:
    name = spoilt()
    ran = call(capsys, "convert", name, "--dither", "none", "-o", "out.png")
    assert ran.code == 0
    assert "no pixel is changed" not in ran.err
    changed = (pixels("out.png") != pixels(name)).any(-1)
    assert changed[80:88, 80:88].any()
    changed[80:88, 80:88] = False
    assert not changed.any()


# ---- what clashes ---------------------------------------------------------------------------------------------------


def test_a_cell_of_too_many_colours_is_named_with_the_best_background(registry: Registry) -> None:
    indices = np.full((200, 160), BLACK)
    indices[:8, :4] = np.arange(32).reshape(8, 4) % 4  # black and three others: legal on black only
    indices[80:88, 40:44] = np.arange(32).reshape(8, 4) % 5
    found = drawn(registry, "c64-multicolor", indices)
    assert found.notes == ("background black",)
    clash = only(found)
    assert clash.places == ((40, 80, 4, 8),)
    assert clash.why == "4 colours besides black, 3 are possible: white, red, cyan, purple"
    assert clash.colours == COLODORE.colours[:5]


def test_a_colour_outside_the_palette_is_named_with_the_nearest(registry: Registry) -> None:
    image = COLODORE.rgb(np.zeros((200, 320), int))
    image[17, 30:33] = (130, 50, 57)
    clash = only(legal.check(image, registry.modes["c64-hires"], [COLODORE]))
    assert clash.places == ((30, 17, 3, 1),)
    assert clash.why == "3 pixels of #823239, which palette c64-colodore lacks; the nearest is red #813338"


def test_columns_that_fli_can_not_paint(registry: Registry) -> None:
    indices = np.full((200, 160), BLACK)
    indices[7, 3] = RED
    clash = only(drawn(registry, "c64-fli", indices))
    assert clash.places == ((0, 7, 4, 1),)
    assert clash.why == "the machine shows black in the left 12 columns, not red"


def test_more_colours_than_registers(registry: Registry) -> None:
    mode = registry.modes["amiga-8"]
    image = np.repeat(np.arange(9, dtype=np.uint8) * 17, 3).reshape(9, 3)[np.arange(256 * 320) % 9].reshape(256, 320, 3)
    image[image == 136] = 0
    image[5, 7] = 136
    clash = only(pd.check(image, mode.name))
    assert clash.places == ((7, 5, 1, 1),)
    assert clash.why.startswith("9 colours, 8 are possible; the 1 rarest have 1 pixels")
    image[5, 7] = 137
    assert "which gamut amiga-12-bit lacks; the nearest is #888888" in only(pd.check(image, mode.name)).why


def test_halfbrite_finds_the_fewest_base_colours(registry: Registry) -> None:
    mode = replace(registry.modes["amiga-ehb"], size=(64, 4))
    bright = [0x800 | 0x11 * (n % 16) | (n // 16) << 8 for n in range(32)]
    halves = [value >> 1 & 0x777 for value in bright]
    registers = np.resize(np.array(bright + halves), (4, 64))
    image = mode.gamut.rgb(registers)  # type: ignore[union-attr]
    assert legal.check(image, mode, [mode.gamut]).legal  # type: ignore[list-item]
    image[2, 9] = (255, 0, 255)
    clash = only(legal.check(image, mode, [mode.gamut]))  # type: ignore[list-item]
    assert clash.places == ((9, 2, 1, 1),)
    assert "33 base colours are needed, 32 are possible" in clash.why


def test_hold_and_modify_names_the_pixel_that_no_change_reaches(registry: Registry) -> None:
    mode = replace(registry.modes["amiga-ham6"], size=(64, 4))
    # Sixteen colours far from each other, each often beside each other: all of them base colours.
    base = np.array([(n * 17, 255 - n * 17, n * 119 % 256 // 17 * 17) for n in range(16)], np.uint8)
    image = base[np.arange(64 * 4).reshape(4, 64) * 5 % 16]
    assert legal.check(image, mode, [mode.gamut]).legal  # type: ignore[list-item]
    image[3, 20] = (17, 17, 17)
    clash = only(legal.check(image, mode, [mode.gamut]))  # type: ignore[list-item]
    assert clash.places == ((20, 3, 1, 1),)
    assert "17 base colours are needed, 16 are possible" in clash.why


def test_too_many_characters_are_counted(registry: Registry) -> None:
    indices = np.zeros((200, 320), int)
    for number in range(257):
        row, column = divmod(number, 40)
        bits = np.array([number + 1 >> bit & 1 for bit in range(16)]).reshape(2, 8)
        indices[row * 8 : row * 8 + 2, column * 8 : column * 8 + 8] = bits * WHITE
    # An empty place needs no tile of its own where one is missing: any does in the background's colour.
    clash = only(drawn(registry, "c64-charset-hires", indices))
    assert clash.why == "257 different tiles, 256 are possible; these places use the others"
    assert len(clash.places) == 1
    indices[:8, :8] = 0
    assert drawn(registry, "c64-charset-hires", indices).notes == ("background black", "256 tiles")
    indices[:8, 8:16] = 0
    picture = drawn(registry, "c64-charset-hires", indices).picture
    assert picture is not None
    assert picture.distinct_tiles() == 256
    assert not picture.pixels[-8:].any()


def test_a_place_that_no_two_frames_mix(registry: Registry) -> None:
    mode = registry.modes["c64-drazlace"]
    image = testing.random_picture(mode, COLODORE, 5).image()
    before = image.copy()
    image[90, 201] = COLODORE.colours[WHITE] if tuple(image[90, 201]) != COLODORE.colours[WHITE] else (0, 0, 0)
    assert legal.check(before, mode, [COLODORE]).legal
    clash = legal.check(image, mode, [COLODORE]).clashes[0]
    x, y, _, _ = clash.places[0]
    assert (y, 201 <= x <= 202) == (90, True)


def test_cells_that_two_frames_have_no_colours_for(registry: Registry) -> None:
    # What two screens show is more than one screen can.
    image = testing.random_picture(registry.modes["c64-mci"], COLODORE, 6).image()
    found = legal.check(image, registry.modes["c64-drazlace"], [COLODORE])
    assert not found.legal
    assert all("colours of both frames besides the background, 3 are possible" in clash.why for clash in found.clashes)
    assert {clash.places[0][2:] for clash in found.clashes} == {(8, 8)}


def test_locked_slots_keep_their_colours(registry: Registry) -> None:
    image = COLODORE.rgb(np.full((200, 160), RED))
    mode = registry.modes["c64-multicolor"]
    picture = legal.check(image, mode, [COLODORE], locks={"background": CYAN, "screen-low": GREEN}).picture
    assert picture is not None
    assert [set(np.unique(colours)) for colours in picture.colours] == [{CYAN}, {RED}, {GREEN}, {0}]
    locks, hires = {"screen-low": WHITE, "screen-high": CYAN}, registry.modes["c64-hires"]
    assert not legal.check(image.repeat(2, 1), hires, [COLODORE], locks=locks).legal


def test_torn_pixels_are_named(registry: Registry) -> None:
    image = COLODORE.rgb(np.zeros((200, 320), int))
    image[10, 21] = 255
    clash = only(pd.check(image, "c64-multicolor"))
    assert clash.places == ((10, 10, 1, 1),)
    assert clash.why == "1 pixel is of several colours: the drawing repeats each 2 x 1 times"


THREE_LEVELS = pd.Mode(
    "three-levels", "Test", (8, 8), (pd.Slot("screen"), pd.Slot("cell", (4, 4)), pd.Slot("line", (4, 1), (0, 1, 2, 3))),
    palette="five", colours=5,
)  # fmt: skip
FIVE = pd.Palette("five", ((0, 0, 0), (255, 255, 255), (200, 30, 30), (30, 200, 30), (30, 30, 200)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.floats(0, 0.2))
def test_legal_is_what_the_exact_solver_leaves_alone(seed: int, spread: int, noise: float) -> None:
    random = np.random.default_rng(seed)
    indices = testing.random_picture(THREE_LEVELS, FIVE, seed).indices()
    indices = np.where(random.random((8, 8)) < noise, random.integers(0, 2 + spread, (8, 8)), indices)
    image = FIVE.rgb(indices)
    locks = jnp.asarray(solver.lock_array(THREE_LEVELS, {}))
    values = jnp.asarray(FIVE.values())
    solution = solver.solve(THREE_LEVELS, jnp.asarray(image, jnp.float32) / 255, values, locks)
    shown = np.rint(np.asarray(solver.render(THREE_LEVELS, solution, values)) * 255)
    kept = bool((shown == image).all())
    found = legal.check(image, THREE_LEVELS, [FIVE])
    assert found.legal == kept
    assert bool(found.clashes) != kept


# ---- the command ----------------------------------------------------------------------------------------------------


def spoilt() -> str:
    """A multicolor drawing with one clashing cell, at the display's size."""
    indices = np.full((200, 160), RED)
    indices[80:88, 40:44] = np.arange(32).reshape(8, 4) % 6
    return save(COLODORE.rgb(indices).repeat(2, 1))


def test_a_clash_is_printed_written_for_machines_and_marked(capsys: Capsys) -> None:
    name = spoilt()
    ran = call(capsys, "check", name, "-m", "c64-multicolor", "-o", "clash.png")
    assert ran.code == 1
    first, second = ran.out.splitlines()
    assert first == "drawing.png: not legal in c64-multicolor: 1 clash (palette c64-colodore, background red)"
    assert second.startswith("  cell 10,10 at 40,80: 5 colours besides red, 3 are possible: black, white, cyan")
    values = json.loads(call(capsys, "check", name, "-m", "c64-multicolor", "--json").out)
    assert values["recognised"] is None
    assert (values["legal"], values["palette"], values["mode"]) == (False, "c64-colodore", "c64-multicolor")
    assert values["clashes"][0]["places"] == [[40, 80, 4, 8]]
    assert values["clashes"][0]["colours"][2] == "#813338"
    marks = pixels("clash.png")
    assert marks.shape == (600 + 2 * MARGIN, 960 + 2 * MARGIN, 3)
    cell = marks[MARGIN + 240 : MARGIN + 264, MARGIN + 240 : MARGIN + 264]
    np.testing.assert_array_equal(cell[::3, ::6], pixels(name)[80:88, 80:88:2])
    assert tuple(marks[MARGIN + 239, MARGIN + 250]) == OUTLINE
    assert marks[MARGIN + 10, MARGIN + 10].max() < 0.5 * max(COLODORE.colours[RED])


def test_without_a_mode_it_is_recognised(registry: Registry, capsys: Capsys) -> None:
    mode = registry.modes["c64-hires"]
    image = pattern(mode).image()
    ran = call(capsys, "check", save(image))
    assert ran.code == 0
    assert ran.out.startswith("drawing.png: legal in c64-hires (palette c64-")
    assert "drawing.png: recognised as c64-hires, " in ran.err
    values = json.loads(call(capsys, "check", save(image), "--json").out)
    assert values["mode"] == "c64-hires"
    assert 0.5 < values["recognised"] <= 1
    # A border as emulators show it is no part of the screen.
    framed = np.pad(image, ((36, 36), (32, 32), (0, 0)))
    assert call(capsys, "check", save(framed)).out.startswith("drawing.png: legal in c64-hires")


def test_a_mode_that_is_almost_kept_is_recognised(registry: Registry, capsys: Capsys) -> None:
    image = pattern(registry.modes["zx-spectrum"]).image()
    image[80:88, 80:88] = np.random.default_rng(0).permutation(np.unique(image.reshape(-1, 3), axis=0))[
        np.arange(64).reshape(8, 8) % 5
    ]
    ran = call(capsys, "check", save(image))
    assert ran.code == 1
    assert ran.out.startswith("drawing.png: not legal in zx-")


def test_a_legal_drawing_is_not_dimmed(registry: Registry) -> None:
    found = drawn(registry, "c64-multicolor", np.full((200, 160), RED))
    assert (marked(found)[MARGIN:-MARGIN, MARGIN:-MARGIN] == COLODORE.colours[RED]).all()


def test_long_lists_are_cut_for_people_only(capsys: Capsys) -> None:
    indices = np.zeros((200, 320), int)
    indices[80:88] = np.arange(320) % 3
    name = save(COLODORE.rgb(indices))
    people = call(capsys, "check", name, "-m", "c64-hires").out.splitlines()
    assert len(people) == 12
    assert people[-1] == "  and 30 more; --json lists all, --output FILE.png marks them"
    assert len(json.loads(call(capsys, "check", name, "-m", "c64-hires", "--json").out)["clashes"]) == 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png"], "photo.png: no mode is likely for this picture"),
        (["photo.png", "-m", "c64-multicolor"], "the drawing is 64x40; c64-multicolor is drawn at 160x200 or 320x200"),
        (["photo.png", "-m", "c64-hire"], "did you mean c64-hires"),
        (["photo.png", "-o", "marks.jpg"], "the marked picture is a PNG"),
        (["photo.png", "-o", "photo.png"], "would overwrite"),
        (["none.png"], "does not exist"),
        (["broken.kla"], "broken or of another kind"),
        (["photo.png", "-m", "amiga-8", "--palette", "c64-pepto"], "mixes its own palette"),
    ],
)
def test_what_can_not_be_checked_is_bad_input(arguments: list[str], message: str, capsys: Capsys) -> None:
    make_image(Path("photo.png"))
    Path("broken.kla").write_bytes(b"rubbish")
    assert message in call(capsys, "check", *arguments).error


def test_a_cell_clash_is_found_without_jax() -> None:
    program = "import sys; sys.modules['jax'] = None; from pixeldream.cli.main import run; sys.exit(run(sys.argv[1:]))"
    line = [sys.executable, "-c", program, "check", spoilt(), "-m", "c64-multicolor"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


# ---- flicker --------------------------------------------------------------------------------------------------------


def test_flicker_is_for_modes_that_have_frames(capsys: Capsys) -> None:
    make_image(Path("photo.png"))
    error = call(capsys, "convert", "photo.png", "-m", "c64-fli", "--flicker", 0.2).error
    assert "mode 'c64-fli' does not flicker" in error
    assert "c64-mci, c64-drazlace, c64-ifli" in error
    for bound in (-0.1, 1.5, "nan"):
        assert "a number of 0 to 1" in call(capsys, "convert", "photo.png", "-m", "c64-mci", "--flicker", bound).error
    assert "'x' is no number" in call(capsys, "convert", "photo.png", "-m", "c64-mci", "--flicker", "x").error


def test_flicker_is_handed_on_and_repeated(registry: Registry, capsys: Capsys) -> None:
    mode = registry.modes["c64-drazlace"]
    assert look(registry, mode.name, flicker=0.2).mode == replace(mode, flicker=0.2)
    assert look(registry, mode.name, flicker=0.0).mode.flicker == 0.0
    # A legal drawing, because it takes no time.
    save(testing.random_picture(mode, COLODORE, 1).image())
    assert call(capsys, "convert", "drawing.png", "-m", mode.name, "--flicker", 0, "-o", "out.png").code == 0
    recipe = json.loads(Image.open("out.png").text["pixeldream"])  # type: ignore[attr-defined]
    assert recipe["options"]["flicker"] == 0.0
    assert "--flicker 0.0" in recipe["line"]
    again = call(capsys, "rerun", "out.png")
    assert (again.code, "the same bytes" in again.err) == (0, True), again.err
