"""Drawings within the rules of a mode: pieces of screens, and screens full of them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.look import look
from pixeldream.neural.gan.step import shown_to_critic
from pixeldream.neural.gan.toys import toys
from pixeldream.pieces import PieceError, Pieces, Rule, RuleArrays, choose, piece_mode
from pixeldream.plugin.registry import Registry
from pixeldream.retro import legal
from pixeldream.retro import solve as solver
from pixeldream.retro.dither import NONE

SPRITES = "c64-sprites-multicolor"


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return toys(70)[0]


@pytest.fixture(scope="module")
def sprites(registry: Registry, images: np.ndarray) -> Pieces:
    return choose(look(registry, SPRITES), 16, images)


@pytest.mark.parametrize(
    ("mode", "side", "size"),
    [
        (SPRITES, 32, (12, 21)), (SPRITES, 64, (24, 63)), ("c64-sprites-hires", 16, (24, 21)),
        ("c64-charset-multicolor", 32, (16, 32)), ("amiga-16", 32, (32, 32)), ("c64-multicolor", 256, (160, 200)),
    ],
)  # fmt: skip
def test_pieces_are_whole_areas(registry: Registry, mode: str, side: int, size: tuple[int, int]) -> None:
    assert piece_mode(registry.modes[mode], side).size == size


@pytest.mark.parametrize("mode", ["amiga-ham6", "c64-fli", "c64-ifli"])
def test_modes_without_pieces_are_refused(registry: Registry, mode: str) -> None:
    with pytest.raises(PieceError, match=mode):
        piece_mode(registry.modes[mode], 32)


def test_what_is_shared_suits_the_pictures_and_locks_stay(registry: Registry, images: np.ndarray) -> None:
    chosen = choose(look(registry, SPRITES, locks={"shared-1": "white"}), 16, images).look.locks
    assert set(chosen) == {"background", "shared-1", "shared-2"}
    assert chosen["shared-1"] == 1
    assert chosen["background"] == 0  # their ground is nearly black


def test_the_quick_choice_is_the_exact_one(sprites: Pieces, images: np.ndarray) -> None:
    rule, arrays = sprites.rule, sprites.arrays()
    assert rule.quick
    small = rule.shrink(jnp.asarray(images[:6], jnp.float32) / 255.0)
    quick = jax.jit(rule.solve)(small, arrays)
    for number in range(6):
        slow = solver.solve(rule.mode, small[number], arrays.palette, arrays.locks, NONE, 1.0)
        ours, theirs = (
            solver.render(rule.mode, each, arrays.palette)
            for each in (jax.tree.map(lambda leaf, number=number: leaf[number], quick), slow)
        )
        np.testing.assert_array_equal(ours, theirs)


def test_drawings_are_legal(sprites: Pieces, images: np.ndarray) -> None:
    shown = sprites.pictures(images[:5], size=8)
    np.testing.assert_array_equal(sprites.pictures(images[:1], size=8), shown[:1])
    palette = {tuple(colour) for colour in sprites.look.palette.rgb(np.arange(16))}
    for picture in shown:
        assert {tuple(colour) for colour in picture.reshape(-1, 3)} <= palette
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) <= 4


def test_gradients_pass_and_most_where_a_pixel_is_about_to_take_another_colour(sprites: Pieces) -> None:
    rule, arrays = sprites.rule, sprites.arrays()
    # Both are shared by all sprites.
    black, other = (arrays.palette[arrays.locks[number]] for number in (0, 1))
    way = other - black

    def slope(part: float, along: jax.Array) -> float:
        """How much the piece changes along, as gradients have it."""

        def change(step: jax.Array) -> jax.Array:
            colour = black + part * way + step * along
            shown = rule(jnp.broadcast_to(colour.reshape(1, 1, 1, 3), (1, 16, 16, 3)), arrays)
            return shown.mean((0, 1, 2)) @ along / (along @ along)

        return float(jax.grad(change)(0.0))

    across = jnp.cross(way, jnp.asarray([1.0, 0.0, 0.0]))
    inside, between, aside = slope(0.0, way), slope(0.5, way), slope(0.5, across)
    assert 0.45 < inside < between
    assert aside < between


def test_gradients_pass_a_mode_of_many_colours_as_they_are(registry: Registry, images: np.ndarray) -> None:
    pieces = choose(look(registry, "amiga-32"), 16, images)
    some = jnp.asarray(images[:2], jnp.float32) / 255.0
    gradient = jax.grad(lambda x: pieces.rule(x, pieces.arrays()).sum())(some)
    assert float(gradient.sum()) == pytest.approx(some.size, rel=1e-3)


@pytest.mark.parametrize("mode", ["nes", "zx-spectrum", "c64-charset-multicolor", "amiga-16"])
def test_gradients_have_the_form_of_pictures_whatever_a_mode_is_made_of(registry: Registry, mode: str) -> None:
    pieces = Pieces(look(registry, mode), 32)

    def gradient(images: jax.Array, arrays: RuleArrays) -> jax.Array:
        return jax.vjp(lambda x: pieces.rule(x, arrays, 0.5), images)[1](images)[0]

    form = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
    assert jax.eval_shape(gradient, form, pieces.arrays()) == form


@pytest.mark.parametrize("strict", [0.5, 1.0])
def test_a_part_of_what_the_critic_sees_is_legal_and_the_others_are_on_the_way(
    sprites: Pieces, images: np.ndarray, strict: float
) -> None:
    rule, arrays = sprites.rule, sprites.arrays()
    some = jnp.asarray(images, jnp.float32) / 255.0
    shown = shown_to_critic(rule, arrays, strict)(some, jax.random.key(3))
    legal, before = rule(some, arrays), rule(some, arrays, 0.0)
    whole = np.abs(shown - legal).max((1, 2, 3)) < 1e-6
    assert abs(whole.mean() - strict) < 0.15
    way = np.abs(legal - before).sum((1, 2, 3))
    gone = (np.abs(shown - before).sum((1, 2, 3)) / way)[~whole]
    assert ((gone > 0) & (gone < 1)).all()
    assert gone.size == 0 or gone.std() > 0.2


@pytest.mark.parametrize("side", [32, 16])
def test_what_was_shown_as_a_piece_is_that_piece_again(registry: Registry, side: int) -> None:
    # 12 x 21 pixels on 32 x 32, and 12 x 21 on 16 x 16, where rows are lost.
    rule = Rule(piece_mode(registry.modes[SPRITES], side), side)
    width, height = rule.mode.size
    small = jnp.asarray(np.random.default_rng(0).random((2, height, width, 3)), jnp.float32)
    shown = rule.enlarge(small)
    if side >= height:
        np.testing.assert_allclose(rule.shrink(shown), small, atol=1e-6)
    np.testing.assert_allclose(rule.shrink(jnp.ones_like(shown)), jnp.ones_like(small), atol=1e-6)


def test_a_screen_holds_as_many_as_it_can(registry: Registry, sprites: Pieces, images: np.ndarray) -> None:
    screens = sprites.screens(images / np.float32(255))
    assert [picture.mode.name for picture in screens] == [SPRITES, SPRITES]
    first = screens[0]
    checked = legal.check(first.image(), registry.modes[SPRITES], (first.palette,))
    assert checked.picture is not None
    # The second sprite of the second row shows the tenth drawing.
    tenth = sprites.rule.solve(sprites.rule.shrink(jnp.asarray(images[9:10], jnp.float32) / 255.0), sprites.arrays())
    np.testing.assert_array_equal(first.pixels[21:42, 12:24], tenth.pixels[0])


def test_a_charset_has_room_for_fewer(registry: Registry) -> None:
    pieces = Pieces(look(registry, "c64-charset-multicolor"), 32)
    assert (pieces.grid, pieces.capacity) == ((10, 6), 15)
