"""Modes, pictures, colour spaces, memory and display: the data that everything else stands on."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixeldream.retro.colour import linear_to_srgb, oklab_to_srgb, srgb_to_linear, srgb_to_oklab
from pixeldream.retro.constrain import PALETTE_EVERY, Schedule, constrain
from pixeldream.retro.display import display_aspect, display_size, repeats, to_mode, view
from pixeldream.retro.memory import Memory, MemoryOverlap
from pixeldream.retro.mode import Mode, Picture, Slot
from pixeldream.retro.palette import Gamut, Palette, PaletteError, parse_gpl, read_palette

TWO = Palette("two", ((0, 0, 0), (255, 255, 255)), ("black", "white"), "us")
TINY = Mode("tiny", "toy", (8, 8), (Slot("paper", (4, 4)), Slot("ink", (4, 4), (1,))), "two", colours=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": (9, 8)}, "do not tile 9x8"),
        ({"slots": (Slot("a"), Slot("a"))}, "names a slot twice"),
        ({"slots": (Slot("a", (4, 2)), Slot("b", (2, 4)))}, "do not tile 2x4"),
        ({"palette": ""}, "either a palette or a gamut"),
        ({"slots": tuple(Slot(str(n)) for n in range(12)), "colours": 27}, "give it an own solve"),
        ({"slots": (Slot("a", None, (7,)),)}, r"allowed \(7,\) leaves the palette"),
        ({"slots": ()}, "has 0 slots"),
        ({"solve": len}, "come together"),
    ],
)
def test_a_mode_that_cannot_be_is_refused_on_construction(change: dict, message: str) -> None:
    fields = {"name": "tiny", "machine": "toy", "size": (8, 8), "slots": TINY.slots, "palette": "two", "colours": 2}
    with pytest.raises(ValueError, match=message):
        Mode(**{**fields, **change})


def test_a_picture_that_exists_is_legal() -> None:
    pixels, cells = np.zeros((8, 8), np.uint8), np.zeros((2, 2), int)
    Picture(TINY, TWO, pixels, (cells, cells + 1))
    for broken in [
        (pixels[:7], (cells, cells + 1)),
        (pixels + 2, (cells, cells + 1)),
        (pixels, (cells,)),
        (pixels, (cells, cells)),
        (pixels, (cells - 1, cells + 1)),
        (pixels, (cells[:1], cells + 1)),
    ]:
        with pytest.raises(ValueError, match="tiny"):
            Picture(TINY, TWO, *broken)


def test_pixels_take_their_own_cells_colours() -> None:
    pixels = np.tile(np.asarray([0, 1], np.uint8), (8, 4))
    picture = Picture(TINY, TWO, pixels, (np.asarray([[0, 1], [1, 0]]), np.ones((2, 2), int)))
    assert picture.indices()[0].tolist() == [0, 1, 0, 1, 1, 1, 1, 1]
    assert picture.indices()[7].tolist() == [1, 1, 1, 1, 0, 1, 0, 1]


def test_oklab_knows_its_published_values() -> None:
    # Björn Ottosson's page: XYZ (0.950, 1.000, 1.089) is (1, 0, 0); red is L .628 a .225 b .126.
    lab = srgb_to_oklab(jnp.asarray([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], jnp.float32))
    np.testing.assert_allclose(lab[0], [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(lab[1], [0.62796, 0.22486, 0.12585], atol=1e-4)
    np.testing.assert_allclose(lab[2], [0, 0, 0], atol=6e-3)


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_colour_spaces_lead_back(colour: list[float]) -> None:
    srgb = jnp.asarray(colour, jnp.float32)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(srgb)), srgb, atol=1e-5)
    np.testing.assert_allclose(oklab_to_srgb(srgb_to_oklab(srgb)), srgb, atol=4e-3)


def test_colour_gradients_are_finite_at_the_corners() -> None:
    corners = jnp.asarray([[0.0, 0, 0], [1, 1, 1], [0, 1, 0]], jnp.float32)
    for function in (srgb_to_oklab, lambda x: oklab_to_srgb(srgb_to_oklab(x))):
        assert np.isfinite(jax.grad(lambda x, f=function: f(x).sum())(corners)).all()


def test_memory_refuses_overlap_and_names_both() -> None:
    memory = Memory()
    memory.place(0x2000, bytes(8000), "bitmap")
    with pytest.raises(MemoryOverlap, match=r"screen \(\$3F00-\$42E7\) overlaps bitmap \(\$2000-\$3F3F\)"):
        memory.place(0x3F00, bytes(1000), "screen")
    with pytest.raises(MemoryOverlap, match="leaves the memory"):
        memory.place(0xFFFF, b"ab", "end")
    memory.place(0x3F42, b"\1", "background")
    start, data = memory.image(fill=0xEA)
    assert start == 0x2000
    assert data[8000:] == b"\xea\xea\x01"


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [((160, 200), (118, 63), (320, 200)), ((320, 200), (59, 63), (320, 200)), ((640, 256), (1, 2), (640, 512))],
)
def test_whole_pixels_make_the_displays_shape(size: tuple, aspect: tuple, expected: tuple) -> None:
    mode = Mode("m", "toy", size, TINY.slots, "two", pixel_aspect=aspect, colours=2)
    assert display_size(mode) == expected
    image = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (size[1], size[0], 3)), jnp.float32)
    shown = view(mode)(image)
    assert shown.shape == (expected[1], expected[0], 3)
    across, down = repeats(mode)
    np.testing.assert_array_equal(shown[::down, ::across], image)
    np.testing.assert_allclose(to_mode(shown, mode), image, atol=1e-6)


def test_a_c64_screen_is_three_to_two() -> None:
    mode = Mode("m", "toy", (160, 200), TINY.slots, "two", pixel_aspect=(118, 63), colours=2)
    assert display_aspect(mode) == pytest.approx(1.4984, abs=1e-3)


def test_gpl_keeps_order_names_and_source() -> None:
    head = "\ufeffGIMP Palette\r\nName: x\r\nColumns: 4\r\n# Source: a book\r\n#\r\n"
    text = head + " 0 0 0\tblack\r\n255 255 255 pure white\r\n0 0 0\tagain\r\n"
    palette = parse_gpl(text, "x")
    assert palette.colours == ((0, 0, 0), (255, 255, 255), (0, 0, 0))
    assert palette.names == ("black", "pure white", "again")
    assert palette.source == "a book"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not 'GIMP Palette'"),
        ("GIMP Palette\n", "no colours"),
        ("GIMP Palette\n1 2\n", "line 2: '1 2'"),
        ("GIMP Palette\n1 2 256\n", "line 2"),
    ],
)
def test_a_broken_palette_says_where(text: str, message: str) -> None:
    with pytest.raises(PaletteError, match=message):
        parse_gpl(text, "x")


@given(st.binary(max_size=400))
def test_palette_bytes_raise_nothing_but_palette_errors(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.gpl"
    path.write_bytes(b"GIMP Palette\n" + data)
    try:
        read_palette(path)
    except PaletteError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("text", "index"), [("black", 0), ("WHITE", 1), ("1", 1), ("ffffff", 1), ("#000000", 0), ("$FFFFFF", 1)]
)
def test_a_colour_may_be_named_numbered_or_written(text: str, index: int) -> None:
    assert TWO.index(text) == index


def test_an_unknown_colour_lists_those_that_are() -> None:
    with pytest.raises(ValueError, match="no colour 'pink'; it has black, white"):
        TWO.index("pink")


def test_an_amiga_index_is_the_hardware_register() -> None:
    gamut = Gamut("a", (16, 16, 16))
    assert gamut.rgb(0xF80).tolist() == [255, 136, 0]
    assert gamut.nearest(np.asarray([250, 140, 3])) == 0xF80
    np.testing.assert_array_equal(gamut.nearest(gamut.rgb(np.arange(4096))), np.arange(4096))


@pytest.mark.parametrize("text", ["every:0", "every:", "every:-3", "sometimes", "every:1.5", ""])
def test_an_unknown_schedule_lists_those_that_are(text: str) -> None:
    with pytest.raises(ValueError, match="is none of end, every:N, straight-through"):
        Schedule.parse(text)


def image_of(mode: Mode, seed: int = 0) -> jax.Array:
    width, height = mode.size
    return jnp.asarray(np.random.default_rng(seed).uniform(0, 1, (height, width, 3)), jnp.float32)


@pytest.mark.parametrize("text", ["end", "every:2", "straight-through"])
def test_every_schedule_ends_legal(text: str) -> None:
    canvas = constrain(TINY, TWO, Schedule.parse(text))
    params, state = canvas.init(image_of(TINY))
    for step in (1, 2):
        params, state = canvas.settle(params + 0.3, params, state, jnp.asarray(step, jnp.int32))
    assert isinstance(canvas.finish(params, state), Picture)
    assert float(params.max()) <= 1


def test_straight_through_shows_the_legal_picture_and_passes_the_gradient() -> None:
    canvas = constrain(TINY, TWO, Schedule.parse("straight-through"))
    params, state = canvas.init(image_of(TINY))
    shown = np.asarray(canvas.show(params, state))
    np.testing.assert_allclose(shown * 255, canvas.finish(params, state).image(), atol=1e-3)
    weights = image_of(TINY, 1)
    gradient = jax.grad(lambda p: (canvas.show(p, state) * weights).sum())(params)
    np.testing.assert_allclose(gradient, weights, atol=1e-6)


def test_straight_through_chooses_the_colours_of_cells_anew_in_every_step() -> None:
    mode = Mode("m", "toy", (8, 8), (Slot("a", (4, 4)), Slot("b", (4, 4))), "four", colours=4)
    four = Palette("four", ((0, 0, 0), (255, 255, 255), (200, 0, 0), (0, 0, 200)))
    canvas = constrain(mode, four, Schedule.parse("straight-through"))
    _, state = canvas.init(jnp.zeros((8, 8, 3), jnp.float32))
    red = jnp.broadcast_to(jnp.asarray([0.78, 0, 0], jnp.float32), (8, 8, 3))
    _, anew = canvas.settle(red, red, state, jnp.asarray(1, jnp.int32))
    assert 2 in np.unique(np.stack(anew.colours))


def test_straight_through_moves_a_free_palette_in_every_eighth_step_only() -> None:
    mode = Mode("m", "toy", (8, 8), (Slot("a"), Slot("b")), gamut=Gamut("g", (16, 16, 16)))
    canvas = constrain(mode, mode.gamut, Schedule.parse("straight-through"))
    _, state = canvas.init(jnp.zeros((8, 8, 3), jnp.float32))
    red = jnp.broadcast_to(jnp.asarray([0.8, 0, 0], jnp.float32), (8, 8, 3))
    _, kept = canvas.settle(red, red, state, jnp.asarray(PALETTE_EVERY - 1, jnp.int32))
    _, anew = canvas.settle(red, red, state, jnp.asarray(PALETTE_EVERY, jnp.int32))
    np.testing.assert_array_equal(np.stack(kept.colours), np.stack(state.colours))
    assert (np.stack(anew.colours) != np.stack(state.colours)).any()


def test_every_n_replaces_the_latent_in_step_n_only() -> None:
    canvas = constrain(TINY, TWO, Schedule.parse("every:3"))
    params, state = canvas.init(image_of(TINY))
    same, _ = canvas.settle(params, params, state, jnp.asarray(2, jnp.int32))
    legal, _ = canvas.settle(params, params, state, jnp.asarray(3, jnp.int32))
    np.testing.assert_array_equal(same, params)
    assert set(np.unique(legal)) <= {0.0, 1.0}
