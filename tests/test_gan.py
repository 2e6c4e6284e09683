"""A GAN in training: its steps, its drawings and its checkpoints."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream.neural.gan import networks as nets
from pixeldream.neural.gan.checkpoints import Checkpoints
from pixeldream.neural.gan.loader import Batches, Pictures
from pixeldream.neural.gan.loop import Goal
from pixeldream.neural.gan.settings import (
    AUGMENTATIONS,
    GanError,
    Plan,
    Training,
    grown,
    preset,
)
from pixeldream.neural.gan.sight import Sight, features, sight
from pixeldream.neural.gan.step import begin, train_step
from pixeldream.neural.gan.toys import toys
from pixeldream.neural.gan.train import Run, latents, learnt_before, walk
from pixeldream.neural.networks import vgg

STEPS = 60
"""More than there are between two rows of the curve."""


def tiny(**changes: object) -> tuple[Plan, Training]:
    """A network that compiles and learns in no time, with everything in it that one step can have; R1, whose second
    derivative takes long to compile, excepted."""
    plan, training = preset("steady", 16, width=16, classes=2)
    plan = replace(
        plan, first=16, generator=(8, 3), critic=(8, 16), refined=4, spectral=True, taps=("relu1_1", "relu2_1"),
        tap_widths=(4, 4), head=8,
    )  # fmt: skip
    return plan, replace(training, **{"batch": 8, "r1": 0.0, "augment": AUGMENTATIONS, "mirror": True, **changes})


def tiny_sight() -> Sight:
    """A network of two layers that was never trained, and what a critic sees through it."""
    random = np.random.default_rng(0)
    kernels = {name: random.normal(0, 0.3, (3, 3, *ways)) for name, ways in (("1_1", (3, 4)), ("2_1", (4, 6)))}
    weights = {f"conv{name}_w": kernel.astype(np.float32) for name, kernel in kernels.items()}
    weights |= {f"conv{name}_b": np.zeros(kernel.shape[-1], np.float32) for name, kernel in kernels.items()}
    return sight(tiny()[0], vgg.build(weights, "tiny"), weights)


def tiny_run(**options: Any) -> Run:
    return Run(*tiny(), toy_pictures(), sight=tiny_sight(), **options)


def toy_pictures(count: int = 24) -> Pictures:
    images, kinds = toys(count)
    return Pictures(images, kinds % 2)


@pytest.fixture(scope="module")
def whole() -> Run:
    """A run that nothing happened to."""
    run = tiny_run()
    for _ in run.go(Goal(steps=STEPS)):
        pass
    return run


def same(first: object, second: object) -> bool:
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)


def test_a_step_is_compiled_once_and_leaves_everything_finite(whole: Run) -> None:
    before = train_step._cache_size()
    again = Run(*tiny(seed=1), toy_pictures(), sight=tiny_sight())
    first = jax.tree.map(np.asarray, again.state)
    again.step()
    assert train_step._cache_size() == before
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(whole.state))
    assert not same(first.generator, whole.state.generator)
    assert not same(first.critic, whole.state.critic)


def test_networks_grow_from_small_pictures_to_whole_ones() -> None:
    plan, training = tiny(growth=10)
    plan = replace(plan, grows=True, modulated=False, compares=False, refined=0, classes=0, taps=(), tap_widths=())
    assert [grown(plan, training, step)[1] for step in (0, 9, 10, 12, 15, 40)] == [1, 1, 0, 0.4, 1, 1]
    small, whole = (grown(plan, training, step)[0] for step in (0, 10))
    assert (small.level, whole.level) == (1, 2)
    key, none = jax.random.key(0), jnp.zeros(3, jnp.int32)
    latent = jax.random.normal(key, (3, plan.latent))
    forms = jax.eval_shape(lambda key: (nets.begin_generator(plan, key), nets.begin_critic(plan, key)), key)
    random = np.random.default_rng(0)
    arrays = jax.tree.map(lambda form: jnp.asarray(random.normal(0, 0.1, form.shape), jnp.float32), forms)

    @partial(jax.jit, static_argnames="plan")
    def work(plan: Plan, arrays: Any, latent: jax.Array, part: jax.Array) -> tuple[jax.Array, jax.Array]:
        images, _ = nets.draw(plan, *arrays[0], latent, none, True, part)
        seen = nets.shrunk(images, plan.size // plan.side)
        return images, nets.score(plan, *arrays[1], nets.Seen(seen), none, key, part)[0]

    parts = (small, 1.0), (whole, 0.0), (whole, 1.0)
    coarse, begun, done = (work(plan, arrays, latent, jnp.float32(part)) for plan, part in parts)
    np.testing.assert_array_equal(coarse[0], coarse[0][:, ::2, ::2].repeat(2, 1).repeat(2, 2))
    # A new size begins as what the smaller one drew and saw, and ends as something else.
    np.testing.assert_allclose(begun[0], coarse[0], atol=1e-5)
    np.testing.assert_allclose(begun[1], coarse[1], atol=1e-4)
    assert np.abs(done[0] - coarse[0]).max() > 1e-3


def test_the_penalty_is_learnt_from() -> None:
    plan, training = preset("steady", 16, width=8)
    sizes = []
    for r1 in (0.0, 10.0):
        run = Run(plan, replace(training, batch=4, r1=r1, r1_every=1), toy_pictures(8))
        run.step()
        assert all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(run.state.critic))
        # Adam's first moments after a step are a share of the gradient.
        sizes.append(sum(float(jnp.abs(leaf).sum()) for leaf in jax.tree.leaves(run.state.critic_moments[0].mu)))
    assert sizes[1] != pytest.approx(sizes[0], rel=0.05)


def test_every_picture_comes_once_a_round_and_a_position_can_be_gone_back_to() -> None:
    numbers = np.arange(10, dtype=np.uint8)[:, None, None, None]
    batches = Batches(Pictures(numbers, np.arange(10, dtype=np.int32)), 4, seed=1)
    seen = [next(batches) for _ in range(5)]
    assert sorted(int(n) for images, _ in seen for n in images.ravel()) == sorted([*range(10), *range(10)])
    assert all((images.ravel() == classes).all() for images, classes in seen)
    position = batches.position()
    following = next(batches)[1]
    again = Batches(batches.pictures, 4, seed=1)
    again.move(position)
    np.testing.assert_array_equal(next(again)[1], following)


def test_latent_vectors_of_a_seed_do_not_depend_on_how_many_there_are() -> None:
    plan, _ = tiny()
    np.testing.assert_array_equal(latents(plan, 5, 2), latents(plan, 5, 4)[:2])
    assert not np.array_equal(latents(plan, 5, 1), latents(plan, 6, 1))
    assert np.abs(latents(plan, 5, 20, 0.5)).max() <= 0.5
    way = walk(*latents(plan, 5, 2), 5)
    np.testing.assert_allclose(way[[0, -1]], latents(plan, 5, 2), atol=1e-5)
    lengths = np.linalg.norm(way, axis=1)
    assert lengths.min() > 0.9 * lengths[[0, -1]].min()


def test_a_drawing_does_not_depend_on_those_beside_it() -> None:
    plan, _ = tiny()
    run = tiny_run()
    both = run.sample(latents(plan, 0, 4), np.zeros(4, np.int32))
    np.testing.assert_allclose(
        run.sample(latents(plan, 0, 4)[[1, 1, 3, 3]], np.zeros(4, np.int32))[0], both[1], atol=1e-6
    )


def test_a_critic_sees_features_that_halve_and_their_gradients_and_never_trains_the_network() -> None:
    through, (plan, _) = tiny_sight(), tiny()
    assert same(through.arrays, tiny_sight().arrays)
    images = jnp.asarray(np.random.default_rng(0).random((3, 16, 16, 3)), jnp.float32)
    found = features(plan, *through, images)
    assert [each.shape for each in found] == [(3, 16, 16, 4), (3, 8, 8, 4)]
    assert all(0.2 < float(each.std()) < 5 for each in found)
    # Each size knows what the one below it found, and each picture is seen for itself.
    altered = features(plan, *through, images.at[0].add(0.1))
    assert not np.allclose(altered[0][0], found[0][0])
    np.testing.assert_allclose(altered[0][1:], found[0][1:], atol=1e-5)
    gradient = jax.grad(lambda x: sum(each.sum() for each in features(plan, *through, x)))(images)
    assert np.abs(np.asarray(gradient)).min((1, 2)).max() > 0


@pytest.mark.parametrize(
    ("taps", "quoted"),
    [(("relu1_1", "relu9_1"), "no layer 'relu9_1'"), (("relu2_1", "relu1_1"), r"sides \[8, 16\]")],
)
def test_layers_that_a_critic_can_not_see_are_refused(taps: tuple[str, ...], quoted: str) -> None:
    through, (plan, training) = tiny_sight(), tiny()
    assert through.network is not None
    with pytest.raises(GanError, match=quoted):
        sight(replace(plan, taps=taps), through.network, through.arrays.weights)
    with pytest.raises(GanError, match="was given none"):
        Run(plan, replace(training, batch=4), toy_pictures()).step()


# ---- checkpoints -----------------------------------------------------------------------------------------------------

CHILD = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_gan as t
run = t.tiny_run(folder=Path(sys.argv[1]))
for _ in run.go(t.Goal(steps={STEPS})):
    run.save()
    print(run.steps, flush=True)
"""


@pytest.mark.slow
def test_a_run_that_was_killed_ends_as_one_that_was_not(whole: Run, tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    while child.stdout.readline().strip() != "3":
        assert child.poll() is None
    time.sleep(np.random.default_rng().uniform(0, 0.2))
    child.kill()
    child.wait()
    child.stdout.close()
    resumed = tiny_run(folder=tmp_path)
    assert 3 <= resumed.steps < STEPS
    trained_for = resumed.seconds
    resumed.step()
    assert resumed.seconds == trained_for  # it may have compiled: that is no training
    for _ in resumed.go(Goal(steps=STEPS)):
        pass
    resumed.save()
    resumed.close()
    assert same(resumed.state, whole.state)
    assert resumed.curve == whole.curve != []
    assert len([path for path in tmp_path.iterdir() if path.name.isdigit()]) == 3
    assert not [path for path in tmp_path.iterdir() if not path.name.isdigit()]


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from pixeldream.neural.gan.checkpoints import Checkpoints
kept, state = Checkpoints(Path(sys.argv[1])), {"a": np.random.default_rng(0).normal(size=4000).astype(np.float32)}
kept.save(1, state, {"step": 1})
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
try:
    kept.save(2, state, {"step": 2})
except ValueError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
found = kept.load(state)
print(found.step, found.facts, (np.asarray(found.state["a"]) == state["a"]).all())
kept.save(3, state, {"step": 3})
print(kept.steps())
"""


def test_writes_that_fail_leave_the_checkpoint_before_whole(tmp_path: Path) -> None:
    # In a process of its own: the library's threads complain on their own account.
    words = [sys.executable, "-c", FULL, str(tmp_path)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "checkpoint 2 can't be written" in said[0]
    assert said[1:] == ["1 {'step': 1} True", "[1, 3]"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]


def test_a_full_disk_is_seen_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Checkpoints(tmp_path)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(GanError, match=r"checkpoint 2 can't be written.*1024 KiB are needed and 0 free.*--resume"):
        kept.save(2, {"a": np.zeros(3, np.float32)}, {})
    kept.close()
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_of_another_shape_are_refused_and_damaged_ones_passed_over(tmp_path: Path) -> None:
    run = tiny_run(folder=tmp_path)
    for _ in range(2):
        run.step()
        run.save()
    run.close()
    plan, training = tiny()
    with pytest.raises(GanError, match="another shape"):
        Run(replace(plan, first=8), training, toy_pictures(), folder=tmp_path)
    for path in (tmp_path / "2" / "arrays").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:20])
    older = Run(plan, training, toy_pictures(), folder=tmp_path)
    assert older.steps == 1
    older.close()


def test_a_run_begins_with_what_another_has_learnt(tmp_path: Path) -> None:
    first = tiny_run(folder=tmp_path)
    first.step()
    first.save()
    first.close()
    second = tiny_run(state=learnt_before(*tiny(), tmp_path))
    assert same(second.state.generator, first.state.generator)
    assert (second.steps, int(second.state.step)) == (0, 0)


def test_pictures_of_another_size_and_too_few_are_refused() -> None:
    images, kinds = toys(7)
    with pytest.raises(GanError, match="7 pictures are too few"):
        Run(*tiny(), Pictures(images, kinds))
    with pytest.raises(GanError, match="16x16"):
        Run(*tiny(), Pictures(np.zeros((9, 8, 8, 3), np.uint8), np.zeros(9, np.int32)))


def test_a_step_with_the_average_keeps_up_with_the_generator() -> None:
    plan, training = tiny()
    state = begin(plan, training)
    images, classes = toy_pictures(8)
    shown = jnp.asarray(images), jnp.asarray(classes)
    after, _ = train_step(plan, training, state, *shown, None, (), None, *tiny_sight())
    pairs = zip(
        jax.tree.leaves(after.average[0]), *map(jax.tree.leaves, (state.generator, after.generator)), strict=True
    )
    for average, old, new in pairs:
        np.testing.assert_allclose(average, 0.1 * old + 0.9 * new, atol=1e-6)
