"""The GAN's siblings: pixel art enlarged, photos translated; their networks, steps and commands."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import call, make_image
from PIL import Image

from pixeldream import images
from pixeldream.cli import gan_data, gan_enlarge
from pixeldream.cli.gan_run import Folder
from pixeldream.cli.gan_sibling import SiblingRun, about
from pixeldream.images import ImageError
from pixeldream.neural.gan import enlarging, likeness, translating
from pixeldream.neural.gan import pixel_networks as nets
from pixeldream.neural.gan.drawings import drawings
from pixeldream.neural.gan.loader import Batches, Pair, Pictures
from pixeldream.neural.gan.loop import kept
from pixeldream.neural.gan.settings import GanError, as_facts
from pixeldream.neural.gan.sibling_settings import Enlarging, Translating, settings_of
from pixeldream.neural.gan.toys import toys
from pixeldream.plugin.registry import Registry

MODE = "c64-sprites-multicolor"
SMALL = ["--size", 32, "--width", 4, "--blocks", 1, "--batch", 2, "--quiet"]
TINY = {"side": 32, "width": 4, "blocks": 1, "batch": 2}


# ---- parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [2, 4])
def test_pixel_art_of_a_picture_is_small_and_has_few_colours(times: int) -> None:
    large = jnp.asarray(drawings(6, 32), jnp.float32) / 255.0
    small = np.asarray(jax.jit(partial(enlarging.pixelated, times=times, most=9))(large, key=jax.random.key(0)))
    assert small.shape == (6, 32 // times, 32 // times, 3)
    counts = [len(np.unique(each.reshape(-1, 3), axis=0)) for each in small]
    assert max(counts) <= 9
    assert min(counts) > 1
    np.testing.assert_allclose(small.mean((1, 2)), np.asarray(large).mean((1, 2)), atol=0.15)


def test_small_pictures_keep_the_colours_of_large_ones_and_all_of_few() -> None:
    large = jnp.asarray(toys(4, times=2)[0], jnp.float32) / 255.0
    small = enlarging._middle(large.reshape(4, 16, 2, 16, 2, 3), jax.random.key(0))
    few = np.asarray(enlarging._few_colours(small[0], jnp.asarray(24), jax.random.key(1), most=24))
    np.testing.assert_allclose(few, small[0], atol=1e-5)

    def colours(image: np.ndarray) -> set[tuple]:
        return set(map(tuple, np.rint(np.asarray(image) * 255).reshape(-1, 3).tolist()))

    for each, whole in zip(small, large, strict=True):
        assert 3 <= len(colours(each)) <= 24
        assert colours(each) <= colours(whole)


def test_what_is_learnt_from_is_turned_recoloured_and_cut_but_not_changed() -> None:
    images = np.random.default_rng(0).random((40, 8, 8, 3)).astype(np.float32)
    images[0] = images[0, ..., :1]
    made = np.asarray(enlarging.turned(jnp.asarray(images), jax.random.key(0)))
    np.testing.assert_allclose(np.sort(made.reshape(40, -1)), np.sort(images.reshape(40, -1)))
    assert np.ptp(made[0], axis=-1).max() == 0  # grey stays grey
    assert sum((one == other).all() for one, other in zip(made, images, strict=True)) < 10
    numbered = np.arange(40 * 64).reshape(40, 8, 8, 1).repeat(3, 3)
    parts = np.asarray(enlarging.windows(jnp.asarray(numbered), 4, jax.random.key(0)))[..., 0]
    assert (parts // 64 == np.arange(40).reshape(-1, 1, 1)).all()
    assert (np.diff(parts, axis=2) == 1).all()
    assert (np.diff(parts, axis=1) == 8).all()
    assert len(set((parts[:, 0, 0] % 64).tolist())) > 10


def test_decibels_are_psnr() -> None:
    real = np.full((2, 4, 4, 3), 0.5, np.float32)
    off = real + np.asarray([0.1, 0.2], np.float32).reshape(2, 1, 1, 1)
    assert float(enlarging.decibels(off, real)) == pytest.approx(-(20 + 13.98) / 2, abs=0.05)


@pytest.mark.slow
def test_pixels_alone_count_at_first_then_features_and_a_critic(registry: Registry) -> None:
    plan, eyes = Enlarging(**TINY, alone=2, warm=2), gan_enlarge._eyes(registry)
    lesson, images = enlarging.lesson(plan, eyes), drawings(2, 32)
    states, seen = [lesson.begin()], []
    for number in range(4):
        state, figures = lesson.step(number, states[-1], images, np.zeros(2))
        states.append(state)
        seen.append({name: float(value) for name, value in figures.items()})
    check_same(states[0].critic, states[2].critic)
    assert [each["features"] > 0 for each in seen] == [False, False, True, True]
    assert [each["critic"] > 0 for each in seen] == [False, False, True, True]
    assert seen[0]["generator"] == pytest.approx(seen[0]["pixels"])
    learnt = zip(jax.tree.leaves(states[2].critic), jax.tree.leaves(states[4].critic), strict=True)
    assert any((one != other).any() for one, other in learnt)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((states[-1].generator, states[-1].critic)))


def test_four_channels_become_a_block_of_pixels() -> None:
    x = jnp.arange(16.0).reshape(1, 1, 2, 8)
    np.testing.assert_array_equal(nets.shuffle(x, 2)[0, :, :, 0], [[0, 2, 8, 10], [4, 6, 12, 14]])


def test_an_enlarger_begins_with_the_picture_and_works_tile_by_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Enlarging(**TINY)
    arrays = nets.begin(nets.Enlarger, plan, 0)
    image = np.random.default_rng(0).random((1, 20, 60, 3)).astype(np.float32)
    whole = enlarging.enlarged(plan, arrays, image)
    np.testing.assert_allclose(whole, likeness.bicubic(image, 2), atol=1e-4)
    assert enlarging.enlarged(plan, arrays, image[:, :1, :2]).shape == (1, 2, 4, 3)
    monkeypatch.setattr(enlarging, "TILE", 8)
    np.testing.assert_allclose(enlarging.enlarged(plan, arrays, image), whole, atol=1e-5)


@pytest.mark.parametrize("length", [5, 36, 37, 60, 100])
def test_tiles_cover_a_length_once(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enlarging, "TILE", 8)
    spans = enlarging._spans(length, 14)
    assert [end for *_, end in spans][:-1] == [begin for *_, begin, _ in spans][1:]
    assert (spans[0][2], spans[-1][3]) == (0, length)
    for begin, end, first, last in spans:
        assert begin == 0 or first - begin >= 14
        assert end == length or end - last >= 14
    assert len({end - begin for begin, end, *_ in spans}) == 1


def test_a_translator_begins_with_the_picture_of_any_size() -> None:
    plan = Translating(**TINY)
    image = 0.1 + 0.8 * np.random.default_rng(0).random((1, 21, 30, 3)).astype(np.float32)
    made = translating.translated(plan, nets.begin(nets.Translator, plan, 0), image)
    np.testing.assert_allclose(made, image, atol=0.05)


def test_critics_are_shown_what_was_drawn_before_and_lose_nothing() -> None:
    numbered = partial(np.full, (1, 2, 2, 3), dtype=np.float32)
    pool, seen = jnp.zeros((4, 2, 2, 3), jnp.uint8), []
    exchange = jax.jit(translating._from_pool)
    for step in range(12):
        made = np.concatenate([numbered(fill_value=(2 * step + number + 1) / 255) for number in range(2)])
        shown, pool = exchange(pool, jnp.asarray(made), jnp.asarray(step), jax.random.key(step))
        if step < 2:
            np.testing.assert_array_equal(shown, made)  # until it is full
        else:
            seen += [round(float(each) * 255) for each in shown[:, 0, 0, 0]]
    stored = np.asarray(pool)[:, 0, 0, 0].tolist()
    # Everything since is shown once or still there; some of it later than it was drawn.
    assert sorted(seen + stored) == list(range(1, 25))
    assert seen != sorted(seen)


def test_likeness_is_perfect_for_the_same_and_tells_worse_from_better() -> None:
    real = drawings(2, 32).astype(np.float32) / 255.0
    noise = np.random.default_rng(0).normal(0, 0.2, real.shape).astype(np.float32)
    assert likeness.ssim(real, real) == pytest.approx(1)
    assert likeness.ssim(real, np.clip(real + noise, 0, 1)) < likeness.ssim(real, np.clip(real + noise / 4, 0, 1)) < 1


def test_scale2x_smooths_a_diagonal_and_leaves_flat_parts_alone() -> None:
    step = np.tril(np.ones((4, 4), np.float32))[None, ..., None].repeat(3, -1)
    made = likeness.scale2x(step, 2)[0, ..., 0]
    np.testing.assert_array_equal(made[2], [1, 1, 1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(made[3], [1, 1, 1, 1, 1, 0, 0, 0])
    assert likeness.scale2x(step, 4).shape == (1, 16, 16, 3)
    for way in likeness.WAYS.values():
        np.testing.assert_allclose(way(np.full((1, 4, 4, 3), 0.3, np.float32), 2), 0.3, atol=1e-6)


def test_two_sets_are_read_side_by_side_and_gone_back_to() -> None:
    def pair() -> Pair:
        sets = (Pictures(np.arange(start, start + 9, dtype=np.uint8)[:, None], np.zeros(9)) for start in (0, 100))
        return Pair(*(Batches(each, 4, seed) for seed, each in enumerate(sets)))

    source = pair()
    first, second = next(source)
    assert first.max() < 100 <= second.min()
    position = json.loads(json.dumps(source.position()))
    following, again = next(source), pair()
    again.move(position)
    for ours, theirs in zip(next(again), following, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_settings_survive_json_and_nonsense_is_refused() -> None:
    for kind, settings in (("enlarge", Enlarging(times=4)), ("translate", Translating(blocks=2))):
        assert settings_of(kind, json.loads(json.dumps(as_facts(settings)))) == settings
    with pytest.raises(GanError, match="not those of this version"):
        settings_of("enlarge", {"zoom": 2})


@pytest.mark.parametrize(
    ("wrong", "quoted"),
    [
        ({"times": 3}, "times 3"), ({"side": 48}, "size 48"), ({"blocks": 0}, "0 residual"), ({"width": 2}, "width 2"),
        ({"batch": 1}, "batch of 1"), ({"rate": 2.0}, "rate 2"), ({"critic_weight": -1.0}, "critic weight -1"),
        ({"loss": "wgan"}, "'wgan'"), ({"seed": -1}, "seed -1"),
    ],
)  # fmt: skip
def test_an_enlarger_that_can_not_be_is_refused(wrong: dict, quoted: str) -> None:
    with pytest.raises(GanError, match=quoted):
        Enlarging(**wrong)


def test_large_pictures_are_cut_into_squares_and_small_ones_refused() -> None:
    image = np.random.default_rng(0).random((90, 150, 3)).astype(np.float32)
    found = gan_data.pieces(image, 32, 60)
    assert len(found) == 2 * 4
    assert {each.shape for each in found} == {(32, 32, 3)}
    with pytest.raises(ImageError, match="smaller than 32x32"):
        gan_data.pieces(image[:31], 32, 60)


# ---- commands --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve toys, twice as large, and a file that is broken."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, image in enumerate(toys(12, times=2)[0]):
        Image.fromarray(image).save(folder / f"{number:02}.png")
    (folder / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    return folder


def state_of(out: Path, kind: str) -> object:
    run = about(Folder(out), kind)
    module = {"enlarge": enlarging, "translate": translating}[kind]
    return kept(partial(module.begin, run.settings), Folder(out).checkpoints).state


def check_same(first: object, second: object) -> None:
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_an_enlarger_is_trained_in_two_goes_as_in_one_and_enlarges(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, whole, parts = ["gan", "train-enlarge"], tmp_path / "whole", tmp_path / "parts"
    before = enlarging.train_step._cache_size()
    assert call(capsys, *train, pictures, "-o", whole, "--steps", 3, *SMALL).code == 0
    assert call(capsys, *train, pictures, "-o", parts, "--steps", 1, *SMALL).code == 0
    assert call(capsys, *train, "-o", parts, "--steps", 3, "--resume", "--quiet").code == 0
    assert enlarging.train_step._cache_size() == before + 1
    check_same(state_of(whole, "enlarge"), state_of(parts, "enlarge"))
    assert "--blocks 1, not 2" in call(capsys, *train, "-o", parts, "--resume", "--blocks", 2).error
    done = call(capsys, "gan", "enlarge", whole, pictures / "00.png", "-o", tmp_path / "a.png")
    assert (done.code, done.out) == (0, f"{tmp_path / 'a.png'}\n")
    assert images.decode((tmp_path / "a.png").read_bytes(), "a.png").shape == (64, 64, 3)
    clear = tmp_path / "clear.png"
    Image.new("RGBA", (16, 16)).save(clear)
    for words, ground in (((), (255, 255, 255)), (("--background", "804020"), (128, 64, 32))):
        assert call(capsys, "gan", "enlarge", whole, clear, "-o", tmp_path / "b.png", *words).code == 0
        with Image.open(tmp_path / "b.png") as made:
            np.testing.assert_allclose(np.asarray(made.convert("RGB"))[4, 4], ground, atol=30)
    found = json.loads(call(capsys, "gan", "info", whole, "--json", "--figures", 9).out)
    assert (found["steps"], len(found["skipped"])) == (3, 1)
    assert set(found["figures"]) == {"enlarged", *likeness.WAYS}
    assert all(each["ssim"] <= 1 and each["psnr"] > 5 for each in found["figures"].values())


@pytest.mark.slow
def test_a_translator_is_trained_in_two_goes_as_in_one_and_draws_within_the_rules(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], registry: Registry
) -> None:
    train, whole, parts = ["gan", "train-translate"], tmp_path / "whole", tmp_path / "parts"
    assert call(capsys, *train, pictures, "-m", MODE, "-o", whole, "--steps", 3, *SMALL).code == 0
    assert call(capsys, *train, pictures, "-m", MODE, "-o", parts, "--steps", 1, *SMALL).code == 0
    assert call(capsys, *train, "-o", parts, "--steps", 3, "--resume", "--quiet").code == 0
    check_same(state_of(whole, "translate"), state_of(parts, "translate"))
    native, png = tmp_path / "a.spd", tmp_path / "a.png"
    done = call(capsys, "gan", "translate", whole, pictures / "00.png", "-o", native, "-o", png)
    assert done.code == 0, done.err
    shown = registry.readers(".spd")[0].read(native.read_bytes())  # type: ignore[misc]
    assert shown.mode.name == MODE
    assert len(list((whole / "samples").iterdir())) == 1
    words = call(capsys, "gan", "info", whole, "--figures", 8).out
    assert f"within {MODE}" in words
    assert "translated" in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train-enlarge", "FOLDER", "--times", 3], "times 3 is none of 2, 4"),
        (["train-enlarge", "FOLDER", "--size", 64], "smaller than 64x64"),
        (["train-enlarge", "FOLDER", "--steps", -1], "--steps -1"),
        (["train-enlarge", "nowhere"], "'nowhere' does not exist"),
        (["train-enlarge", "--resume"], "holds no run"),
        (["train-translate"], "name a folder or zip of photos"),
        (["train-translate", "FOLDER"], "or --mode MODE"),
        (["train-translate", "FOLDER", "--palette", "c64-pepto"], "--palette is for a mode"),
        (["train-translate", "FOLDER", "-m", "c64-sprite"], "did you mean"),
        (["train-translate", "FOLDER", "-m", "amiga-ham6"], "can't be cut into pieces"),
    ],
)
def test_trainings_that_can_not_be_are_refused_and_leave_no_folder(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[object], said: str
) -> None:
    named = [pictures if word == "FOLDER" else word for word in words]
    assert said in call(capsys, "gan", *named, "-o", tmp_path / "run").error
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = make_image(tmp_path / "a.png", (16, 16))
    assert "'gan train-enlarge -o RUN' makes one" in call(capsys, "gan", "enlarge", tmp_path, picture).error.replace(
        "pixeldream ", ""
    )
    (tmp_path / "run.json").write_text('{"kind": "pixeldream gan translate 1"}')
    assert "is none of 'gan train-enlarge'" in call(capsys, "gan", "enlarge", tmp_path, picture).error
    assert "is of another kind" in call(capsys, "gan", "sample", tmp_path).error
    assert "is damaged" in call(capsys, "gan", "translate", tmp_path, picture).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.png", "-o", "b.kla"], "only PNG is written"),
        (["a.png", "-m", "c64-hires", "-o", "b.spd"], "can't be written as .spd"),
        (["a.png", "-m", "c64-hire"], "did you mean c64-hires"),
        (["a.png", "-m", "c64-hires", "--fit", "tile"], "fit 'tile' is none of"),
        (["a.png", "--background", "blackish", "-o", "b.png"], "background 'blackish' is no colour"),
        (["a.png", "-o", "a.png"], "would overwrite the input"),
        (["none.png", "-o", "b.png"], "none.png"),
        (["a.png", "-o", "b.png"], "holds no checkpoint yet"),
    ],
)
@pytest.mark.parametrize("kind", ["enlarge", "translate"])
def test_what_can_not_be_made_or_written_is_refused(
    kind: str, words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    make_image(tmp_path / "a.png", (16, 16))
    settings = Enlarging(**TINY) if kind == "enlarge" else Translating(**TINY)
    (tmp_path / "run.json").write_text(json.dumps(SiblingRun(kind, settings, {"somewhere": 9}, 200).facts()))
    assert said in call(capsys, "gan", kind, ".", *words).error
    assert not (tmp_path / "b.png").exists()
