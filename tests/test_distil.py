"""Training of the feature network: it learns, it resumes to the same bytes, and bad requests are refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.neural import distil as training
from pixeldream.neural import muon, student
from pixeldream.neural import pictures as scenes
from pixeldream.neural.crops import SIDE, Mixed, Sheets, crops
from pixeldream.neural.distil import Settings, distil
from pixeldream.neural.driven import Pool, begun, drive, put_back
from pixeldream.neural.networks.vgg import build
from pixeldream.neural.teachers import Teacher, find_basis, guided
from pixeldream.neural.variety import dithered, quantise, random_palettes, vary
from pixeldream.neural.weights import WeightsError, load_weights, save_weights

TINY = Settings(
    steps=4, widths=(2, 2, 3, 3, 3), depths=(1, 1, 1, 1, 1), ranks=(2, 2, 2, 2, 2),
    crop=32, late_crop=32, late_part=0.0,
    batch=4, sheets=3, calm=0.4, checkpoint_minutes=0.0,
)  # fmt: skip


def teacher(blocks: int = 5, seed: int = 0) -> Teacher:
    _, params = student.begin((3,) * blocks, (1,) * blocks, seed)
    return Teacher(build({name: np.asarray(value) for name, value in params.items()}), params)


def cheap(number: int) -> np.ndarray:
    """A picture without the price of a scene."""
    coarse = np.random.default_rng(number).random((32, 32, 3), np.float32)
    return coarse.repeat(8, 0).repeat(8, 1)


@pytest.fixture(autouse=True)
def quick_compilation() -> Iterator[None]:
    """What is tested does not depend on how well it is compiled, and the step is a large function."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller probe and fewer last batches than real training takes."""
    monkeypatch.setattr(training, "_PROBE", 8)
    monkeypatch.setattr(training, "_LAST_BATCHES", 2)


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    teachers = [teacher(3, 1), teacher()]
    whole = list(distil(TINY, teachers, cheap, None))
    assert [progress.step for progress in whole] == [1, 2, 3, 4]
    straight, expected = whole[-1], whole[-1].export()
    for progress in distil(TINY, teachers, cheap, tmp_path):
        if progress.step == 3:
            break
    resumed = list(distil(TINY, teachers, cheap, tmp_path))
    assert [progress.step for progress in resumed] == [4]
    assert resumed[-1].part == 1
    assert list(distil(TINY, teachers, cheap, tmp_path)) == [], "a finished run is finished"
    found = resumed[-1].export()
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    assert {"relu1_1", "relu5_1", "relu3_1 of teacher 2", "gradient"} <= set(straight.figures)
    assert "relu4_1 of teacher 2" not in straight.figures, "it guides that layer itself"
    assert all(np.isfinite(value) for value in straight.figures.values())

    save_weights(tmp_path / "net.safetensors", expected)
    network = build(load_weights(tmp_path / "net.safetensors"), "embedded")
    assert network.style_layers == student.LAYERS

    anew = training.new_heads(TINY, teachers, cheap, expected)
    assert set(anew) == set(expected)
    for name in set(expected) - {name for name in expected if "_head_" in name}:
        np.testing.assert_array_equal(anew[name], expected[name], err_msg=f"{name} is no head")

    (tmp_path / "driven-4.safetensors").unlink()
    on = list(distil(replace(TINY, steps=5), teachers, cheap, tmp_path))
    assert [progress.step for progress in on] == [5], "a checkpoint moved without the driven pictures, which are large"
    assert [path.name for path in tmp_path.glob("driven*")] == ["driven-5.safetensors"]

    other = Settings(**{**vars(TINY), "seed": 9})
    with pytest.raises(WeightsError, match=r"of other settings .*; name another folder"):
        next(distil(other, teachers, cheap, tmp_path))
    (tmp_path / "features.safetensors").write_bytes(b"torn")
    with pytest.raises(WeightsError, match=r"features\.safetensors is not a whole"):
        next(distil(TINY, teachers, cheap, tmp_path))


def test_the_last_part_takes_larger_crops_and_a_new_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def step(lesson: object, half: int, still: object, state: object, pool: Pool, now: student.Moment):  # type: ignore[no-untyped-def]
        seen.append((half, pool.image.shape))
        return state, pool, {}

    monkeypatch.setattr(training, "advance", step)
    for _ in distil(Settings(**{**vars(TINY), "late_crop": 40, "late_part": 0.5}), [teacher()], cheap, None):
        pass
    assert seen == [(2, (16, 32, 32, 3))] * 2 + [(1, (8, 40, 40, 3))] * 2


def test_every_layer_must_have_a_teacher() -> None:
    with pytest.raises(ValueError, match=r"no teacher has relu4_1, relu5_1; give .*a whole VGG-19"):
        next(distil(TINY, [teacher(3)], cheap, None))


def test_each_layer_is_guided_by_the_first_teacher_that_has_it() -> None:
    shallow, whole = teacher(3, 1), teacher()
    (guide, *others), layers = guided([shallow, whole])
    image = jnp.asarray(cheap(0)[:32, :32])
    found = guide.network.apply(guide.weights, image, student.LAYERS)
    for layer in student.LAYERS:
        by = shallow if layer in shallow.network.layers else whole
        np.testing.assert_array_equal(found[layer], by.network.apply(by.weights, image, (layer,))[layer], err_msg=layer)
    assert others == [whole], "it labels what it does not guide"
    assert layers[1:] == [("relu1_1", "relu2_1", "relu3_1")]


def test_a_head_of_more_directions_than_channels_is_narrowed_without_a_loss() -> None:
    random = np.random.default_rng(3)
    head = random.normal(size=(5, 9))
    head[-1] = 0.3 * head[0]  # the constant within the span of the rest
    features = np.concatenate([random.random((50, 4)), np.ones((50, 1))], 1)
    narrow = training._narrow(head)
    assert narrow.shape == (5, 4)
    one, other = ((features[:25] @ each, features[25:] @ each) for each in (head, narrow))
    apart = [float(np.square(a.T @ a - b.T @ b).sum()) for a, b in (one, other)]
    np.testing.assert_allclose(*apart, rtol=1e-9)


def test_a_training_begins_where_a_narrower_one_ended() -> None:
    layout, narrow = student.begin((2, 2, 3, 3, 3), TINY.depths, 5)
    _, wide = student.begin((2, 3, 3, 4, 6), TINY.depths, 6)
    widened = training._started(wide, narrow)
    image = jnp.asarray(cheap(1)[:32, :32])
    before, after = (layout(params, image, student.LAYERS) for params in (narrow, widened))
    for layer, features in before.items():
        np.testing.assert_allclose(after[layer][..., : features.shape[-1]], features, atol=1e-6, err_msg=layer)
    assert float(jnp.ptp(after["relu5_1"][..., 3:])) > 0, "new channels are none that nothing can wake"
    with pytest.raises(ValueError, match=r"conv1_1_w of the weights to start from is \[3, 3, 3, 2\], not \[3, 3, 3, 1"):
        training._started(student.begin((1, 1, 1, 1, 1), TINY.depths, 0)[1], narrow)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"steps": 0}, "steps 0 and minutes 0.0"),
        ({"steps": -1}, "steps -1"),
        ({"crop": 50}, "crop of 50 is not a multiple of 8"),
        ({"late_crop": 512}, "late_crop of 512"),
        ({"widths": (2, 2)}, r"widths \(2, 2\)"),
        ({"calm": 1.5}, "calm of 1.5"),
        ({"batch": 6}, "batch of 6"),
        ({"batch": 0}, "batch of 0"),
    ],
)
def test_settings_that_can_t_be_are_named(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Settings(**{**vars(TINY), **change})


def test_a_basis_keeps_the_strongest_directions() -> None:
    guide, images = teacher(), jnp.asarray(np.stack([cheap(n)[:32, :32] for n in range(8)]))
    basis = find_basis(guide, ("relu2_1",), images, (1, 3, 1, 1, 1))
    features = np.asarray(jax.vmap(lambda i: guide.network.apply(guide.weights, i, ("relu2_1",)))(images)["relu2_1"])
    shown = features @ np.asarray(basis.projection["relu2_1"])
    assert np.square(shown).mean((0, 1, 2)).sum() == pytest.approx(1, rel=1e-3)
    assert np.all(np.diff(basis.spectrum["relu2_1"]) <= 0)


def test_heads_are_the_least_squares_solution() -> None:
    random = np.random.default_rng(0)
    raw, map_ = random.normal(size=(1, 20, 20, 3)), random.normal(size=(4, 2))
    truth = raw @ map_[:3] + map_[3]
    zero = student.Sums(jnp.zeros((4, 4)), jnp.zeros((4, 2)))
    sums = student._fold(zero, jnp.asarray(raw, jnp.float32), jnp.asarray(truth, jnp.float32), jnp.float32(0))
    (heads,) = student.solve_heads(({"relu1_1": sums},))
    np.testing.assert_allclose(heads["relu1_1"], map_, atol=2e-3)


def test_errors_are_none_where_the_student_is_right() -> None:
    truth = jnp.asarray(np.random.default_rng(0).random((2, 5, 5, 3), np.float32))
    assert float(student._unexplained(truth, truth, jnp.ones(3))) == 0
    mean = jnp.broadcast_to(truth.mean((0, 1, 2)), truth.shape)
    assert float(student._unexplained(mean, truth, jnp.ones(3))) == pytest.approx(1, rel=1e-4)
    error, cosine = student._gradient_error(truth, truth)
    assert float(error) == pytest.approx(0.01, rel=1e-3)
    np.testing.assert_allclose(cosine, 1, rtol=1e-4)


def test_orthogonal_makes_singular_values_alike() -> None:
    matrix = np.random.default_rng(0).normal(size=(12, 5)) * np.asarray([1, 2, 3, 4, 30])
    values = np.linalg.svd(np.asarray(muon.orthogonal(jnp.asarray(matrix, jnp.float32))), compute_uv=False)
    assert 0.5 < values.min() <= values.max() < 1.5


def test_muon_moves_a_kernel_by_its_rate_and_a_bias_down_its_slope() -> None:
    params = {"a_w": jnp.ones((1, 1, 2, 2)), "a_b": jnp.zeros(2)}
    gradients = {"a_w": jnp.asarray([[1.0, 0], [0, 2]])[None, None], "a_b": jnp.asarray([1.0, -1.0])}
    moved, moments = muon.update(params, gradients, muon.start(params), jnp.float32(0.01), {"a_w": jnp.float32(2)})
    assert float(jnp.linalg.norm(moved["a_w"] - params["a_w"])) == pytest.approx(0.02, rel=1e-3)
    assert float(moved["a_b"][0]) < 0 < float(moved["a_b"][1])
    assert float(moments.step) == 2


def test_variety_keeps_shape_and_range_and_is_its_key_alone() -> None:
    images = jnp.asarray(np.stack([cheap(n)[:32, :32] for n in range(8)]))
    found, meant = vary(images, jax.random.key(1), 0.4)
    for each in (found, meant):
        assert each.shape == images.shape
        assert 0 <= float(each.min()) <= float(each.max()) <= 1
    np.testing.assert_array_equal(found, vary(images, jax.random.key(1), 0.4)[0])
    assert not np.array_equal(found, vary(images, jax.random.key(2), 0.4)[0])
    np.testing.assert_array_equal(*vary(images, jax.random.key(1)), err_msg="all is what it seems")


def test_a_dither_means_its_shade_in_part() -> None:
    ramp = jnp.broadcast_to(jnp.linspace(0, 1, 64)[None, None, :, None], (12, 32, 64, 3))
    pattern, shade = jax.jit(dithered)(ramp, jax.random.key(0))
    for drawn, meant in zip(np.asarray(pattern), np.asarray(shade), strict=True):
        assert len(np.unique(drawn)) <= 5
        assert abs(float((drawn - meant).mean())) < 0.03, "from afar a dither is its shade"
    images = jnp.asarray(np.stack([cheap(n)[:32, :32] for n in range(8)]))
    seen, meant = vary(images, jax.random.key(5), 0.4)
    apart = np.abs(np.asarray(seen - meant)).max((1, 2, 3))
    assert 0 < (apart > 0).sum() < 8, "some are dithered, others are what they seem"


def test_few_colours_are_those_of_the_palette() -> None:
    images = jnp.asarray(np.stack([cheap(n)[:16, :24] for n in range(3)]))
    palettes = random_palettes(jax.random.key(0), 3, 4)
    found = np.asarray(jax.jit(quantise)(images, palettes, jax.random.key(3)))
    for image, palette in zip(found, np.asarray(palettes), strict=True):
        distance = np.abs(image[:, :, None] - palette).max(-1).min(-1)
        assert distance.max() < 1e-6


def test_crops_are_parts_of_sheets_that_are_made() -> None:
    # Rows and columns are told by their brightness: a crop's corner, scale and turn can be read off it.
    line = np.arange(SIDE, dtype=np.uint8)
    sheet = np.stack([np.tile(line[:, None], (1, SIDE)), np.tile(line, (SIDE, 1)), np.full((SIDE, SIDE), 7)], -1)
    held = jnp.asarray(np.stack([sheet, sheet, np.full_like(sheet, 255)]).astype(np.uint8))
    found = 255 * np.concatenate([crops(held, 2, jax.random.key(n), 8, 32) for n in range(8)])
    kinds = set()
    for crop in found:
        np.testing.assert_allclose(crop[..., 2], 7, rtol=1e-5)
        slopes = [
            (round(float(crop[1, 0, c] - crop[0, 0, c])), round(float(crop[0, 1, c] - crop[0, 0, c]))) for c in (0, 1)
        ]
        (down, across), (down2, across2) = slopes
        size = max(abs(down), abs(across))
        assert size in (1, 2)
        assert {abs(down), abs(across)} == {0, size} == {abs(down2), abs(across2)}
        expected = crop[0, 0, 0] + down * np.arange(32)[:, None] + across * np.arange(32)
        np.testing.assert_allclose(crop[..., 0], expected, atol=1e-3)
        kinds.add((down, across, across2))
    assert len({size for kind in kinds for size in map(abs, kind)} - {0}) == 2
    assert len(kinds) > 8, "mirrored and turned"


def test_workers_make_the_same_sheets_ahead() -> None:
    alone, helped = Sheets(cheap, 1, 3), Sheets(cheap, 1, 3, workers=1)
    try:
        for step in range(9):
            np.testing.assert_array_equal(alone.images, helped.images)
            for sheets in (alone, helped):
                sheets.renew(step)
        np.testing.assert_array_equal(helped.images, Sheets(cheap, 1, 3, steps=9).images, err_msg="made anew")
    finally:
        helped.close()
    assert not np.array_equal(alone.images, Sheets(cheap, 1, 3).images)


def test_driven_pictures_that_are_done_give_their_place() -> None:
    held = jnp.asarray(np.random.default_rng(0).integers(0, 255, (3, SIDE, SIDE, 3), np.uint8))
    pool, new = (begun(held, 3, jax.random.key(n), 16, 32) for n in range(2))
    chosen = jnp.asarray([2, 0])
    some = jax.tree.map(lambda value: value[chosen], pool)
    moved = drive(some._replace(life=jnp.asarray([1.0, 50.0])), jnp.ones((2, 32, 32, 3)))
    after = put_back(pool, chosen, moved, jax.tree.map(lambda value: value[:2], new))
    np.testing.assert_array_equal(after.age, [2, *[1] * 15], err_msg="the first goes on, the third begins anew")
    assert float((after.image[0] - pool.image[0]).max()) <= 0 < float(np.ptp(after.image[2] - pool.image[2]))
    np.testing.assert_array_equal(after.image[1], pool.image[1])


def test_mixed_pictures_come_from_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "scene", cheap)
    red = np.zeros((40, 300, 3), np.float32) + np.asarray([1, 0, 0], np.float32)
    pictures = Mixed([red], 0.5, lambda image, random: 1 - image, 0.5)
    kinds = set()
    for number in range(40):
        image = pictures(number)
        assert image.shape == (256, 256, 3)
        np.testing.assert_array_equal(image, pictures(number))
        kinds.add("red" if image[..., 0].min() == 1 and image[..., 1].max() == 0 else "other")
        kinds |= {"inverted"} if image[..., 0].max() == 0 and image[..., 1].min() == 1 else set()
    assert kinds == {"red", "other", "inverted"}
