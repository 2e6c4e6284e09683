"""The loop and style transfer on a tiny network: it lowers what it says, knows no machine and never retraces."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pixeldream import images, scenes
from pixeldream.api import StylizeJob
from pixeldream.canvas import RGB
from pixeldream.look import look
from pixeldream.neural import optimise as loop
from pixeldream.neural.losses import tone_loss, tones
from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.optimise import evaluate, optimise
from pixeldream.neural.settings import Rate, Settings
from pixeldream.neural.stylize import LoadedNetwork, Style, check_sizes, keep_tones, look_shifted, make_targets, stylize
from pixeldream.neural.watched import watch
from pixeldream.neural.weights import resolve
from pixeldream.plugin.registry import Registry
from pixeldream.retro.constrain import constrain
from pixeldream.retro.display import display_size, to_mode, view
from pixeldream.retro.mode import Mode, Picture, Slot
from pixeldream.retro.palette import built_in
from pixeldream.retro.schedule import Schedule

SMALL = Mode(
    "small", "toy", (16, 16), (Slot("background"), Slot("a", (4, 8)), Slot("b", (4, 8))), "c64-colodore",
    pixel_aspect=(2, 1),
)  # fmt: skip


@dataclass(frozen=True)
class Filters:
    """Two layers of random filters."""

    def __call__(self, weights: dict, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        found, value = {}, image[None]
        for name in ("one", "two"):
            layout = ("NHWC", "HWIO", "NHWC")
            value = jax.nn.relu(
                jax.lax.conv_general_dilated(value, weights[name], (1, 1), "SAME", dimension_numbers=layout)
            )
            if name in wanted:
                found[name] = value[0]
        return found


def tiny(seed: int = 0) -> LoadedNetwork:
    first, second = jax.random.split(jax.random.key(seed))
    weights = {
        "one": jax.random.normal(first, (3, 3, 3, 8), jnp.float32) * 0.3,
        "two": jax.random.normal(second, (3, 3, 8, 8), jnp.float32) * 0.2,
    }
    return LoadedNetwork(FeatureNetwork("tiny", ("one", "two"), Filters(), ("two",), ("one", "two"), 8), weights)


def picture(seed: int, height: int = 16, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (height, width, 3)).astype(np.float32)


def ramp() -> np.ndarray:
    """A content that a few colours can show: smooth shades."""
    y, x = np.mgrid[0:16, 0:32].astype(np.float32)
    return np.stack([x / 32, y / 16, 1 - (x + y) / 48], -1)


def dark(seed: int) -> np.ndarray:
    """A style that is nothing like :func:`picture`: dark stripes."""
    stripes = np.where(np.arange(24)[:, None, None] % 6 < 3, 0.05, 0.3)
    return (stripes * picture(seed, 24, 20)).astype(np.float32)


def run(schedule: str, settings: Settings, networks: list[LoadedNetwork] | None = None) -> list[loop.Progress]:
    canvas = constrain(SMALL, built_in("c64-colodore"), Schedule.parse(schedule))
    steps = stylize(
        ramp(), [Style(dark(2))], networks or [tiny()], canvas,
        settings=settings, view=view(SMALL), shrink=lambda image: to_mode(image, SMALL),
    )  # fmt: skip
    return list(steps)


@pytest.mark.parametrize("schedule", ["end", "every:2", "straight-through"])
def test_every_schedule_lowers_the_loss_and_ends_in_a_legal_picture(schedule: str) -> None:
    found = run(schedule, Settings(steps=20))
    assert [progress.step for progress in found] == list(range(1, 21))
    assert isinstance(found[-1].finish(), Picture)
    assert isinstance(found[0].finish(), Picture)
    if schedule != "every:2":
        assert float(found[-1].losses["style"]) < 0.5 * float(found[0].losses["style"])


@pytest.mark.slow
def test_a_legal_picture_seen_in_every_step_ends_better_than_one_converted_afterwards(registry: Registry) -> None:
    # The embedded network and samples: what a newcomer runs, with fewer steps and on a fifth of the screen.
    network, weights, _ = resolve(registry.networks["embedded"], None)
    networks = [LoadedNetwork(network, jax.tree.map(jnp.asarray, dict(weights)))]
    chosen = look(registry, "c64-multicolor")
    chosen = replace(chosen, mode=replace(chosen.mode, size=(72, 88)))
    content, style = images.fit(scenes.sample_content(600, 400), chosen.mode), scenes.sample_style(144, 88)
    settings = Settings(steps=40)
    objective, arrays = make_targets(jnp.asarray(content), [Style(jnp.asarray(style))], networks, settings)

    def legal_loss(schedule: str) -> float:
        job = StylizeJob(content, [Style(style)], networks, chosen, Schedule.parse(schedule), settings)
        *_, last = job.run()
        shown = view(chosen.mode)(jnp.asarray(last.finish().image(), jnp.float32) / 255)
        return float(evaluate(objective, arrays, shown)["total"])

    assert legal_loss("straight-through") < legal_loss("end")


def test_coarse_scales_come_first_and_may_be_stopped() -> None:
    found = run("straight-through", Settings(steps=6, scales=2))
    assert [progress.step for progress in found] == [1, 2, 3, 4, 5, 6]
    assert all(progress.steps == 6 for progress in found)
    assert found[0].params.shape == (8, 16, 3)
    assert isinstance(found[0].finish(), Picture)
    assert found[-1].params.shape == (16, 16, 3)


def test_the_same_run_gives_the_same_bytes() -> None:
    first, second = (run("straight-through", Settings(steps=5))[-1].finish() for _ in range(2))
    assert first.pixels.tobytes() == second.pixels.tobytes()


def test_no_retrace_between_steps_runs_palettes_and_equal_modes() -> None:
    run("straight-through", Settings(steps=2))
    before = loop._step._cache_size()
    run("straight-through", Settings(steps=9, style_weight=3.0, seed=5), [tiny(1)])
    canvas = constrain(
        replace(SMALL), built_in("c64-pepto"), Schedule.parse("straight-through"), locks={"background": 0}
    )
    list(stylize(
        picture(3), [Style(picture(4))], [tiny()], canvas,
        settings=Settings(steps=2), view=view(replace(SMALL)), shrink=lambda image: to_mode(image, SMALL),
    ))  # fmt: skip
    assert loop._step._cache_size() == before


def test_several_networks_and_styles_share_the_weight() -> None:
    content, style = jnp.asarray(picture(1)), Style(jnp.asarray(picture(2)))
    one, arrays_one = make_targets(content, [style], [tiny()], Settings())
    two, arrays_two = make_targets(content, [style, style], [tiny(), tiny()], Settings())
    image = jnp.asarray(picture(5))
    first, second = evaluate(one, arrays_one, image), evaluate(two, arrays_two, image)
    for name in first:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-5)


def test_losses_are_nothing_at_their_target() -> None:
    content = jnp.asarray(picture(1))
    objective, arrays = make_targets(content, [Style(content)], [tiny()], Settings())
    losses = evaluate(objective, arrays, content)
    assert float(losses["content"]) == pytest.approx(0, abs=1e-6)
    assert float(losses["style"]) == pytest.approx(0, abs=1e-6)
    assert float(losses["tv"]) > 0


def test_a_blank_picture_has_finite_losses() -> None:
    blank = jnp.zeros((16, 32, 3), jnp.float32)
    objective, arrays = make_targets(blank, [Style(blank)], [tiny()], Settings())
    losses = evaluate(objective, keep_tones(arrays, blank, 10.0), jnp.asarray(picture(5)))
    assert all(np.isfinite(value) for value in losses.values())


def test_the_canvas_keeps_the_tones_of_the_sketch() -> None:
    def distance(weight: float) -> float:
        found = run("straight-through", Settings(steps=40, tone_weight=weight))
        sketch = found[7].params
        shown = view(SMALL)(jnp.asarray(found[-1].finish().image(), jnp.float32) / 255)
        return float(tone_loss(shown, tones(sketch)))

    assert distance(30.0) < distance(0.0)


def test_the_sketch_is_a_share_of_the_steps() -> None:
    shapes = [progress.params.shape for progress in run("straight-through", Settings(steps=10, sketch=0.3))]
    assert shapes == [(16, 32, 3)] * 3 + [(16, 16, 3)] * 7
    shapes = [progress.params.shape for progress in run("straight-through", Settings(steps=1, sketch=0.9))]
    assert shapes == [(16, 16, 3)]


def test_a_layer_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="network 'tiny' has no layer 'three'; it has one, two"):
        watch(tiny().network, Settings(style_layers=("three",)))


def test_too_many_scales_are_refused_before_the_run() -> None:
    with pytest.raises(ValueError, match="shrinks to 4 pixels; network 'tiny' needs 8; use fewer scales"):
        check_sizes((32, 16), [tiny()], 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps of 0"),
        ({"scales": 0}, "scales of 0"),
        ({"steps": 2, "scales": 3}, "3 scales need at least"),
        ({"style_weight": -1.0}, "style-weight of -1.0"),
        ({"content_weight": float("nan")}, "content-weight of nan"),
        ({"tone_weight": -2.0}, "tone-weight of -2.0"),
        ({"sketch": 1.0}, "sketch of 1.0 is no share"),
        ({"content_weight": 0.0, "style_weight": 0.0}, "nothing to paint"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**change)


def test_the_rate_decays_from_start_to_end() -> None:
    rate = Rate(0.1, 0.01)
    values = [rate.at(step, 10) for step in range(1, 11)]
    assert values[0] == pytest.approx(0.1)
    assert values[-1] == pytest.approx(0.01)
    assert values == sorted(values, reverse=True)
    assert rate.at(1, 1) == pytest.approx(0.1)


def test_the_loop_is_lazy() -> None:
    objective, arrays = make_targets(jnp.asarray(picture(1)), [Style(jnp.asarray(picture(2)))], [tiny()], Settings())
    steps = optimise(RGB, picture(1), objective, arrays, steps=10**9)
    assert next(steps).step == 1
    assert next(steps).step == 2


def test_display_geometry_is_what_the_network_sees(registry: Registry) -> None:
    mode = registry.modes["c64-multicolor"]
    assert view(mode)(jnp.zeros((200, 160, 3), jnp.float32)).shape == (*display_size(mode)[::-1], 3)


def test_jitter_looks_for_the_content_where_it_shifted_it() -> None:
    """The content itself is perfect under every shift: else jitter would smear it."""
    content = jnp.asarray(picture(1))
    objective, arrays = make_targets(content, [Style(jnp.asarray(picture(2)))], [tiny()], Settings())
    first, others = look_shifted(objective, arrays, content, 3)
    assert [float(evaluate(objective, each, content)["content"]) for each in (first, *others)] == [0.0] * 8
    assert float(evaluate(objective, first, content)["style"]) == float(evaluate(objective, arrays, content)["style"])


def test_jitter_compiles_once() -> None:
    content = jnp.asarray(picture(1))
    objective, arrays = make_targets(content, [Style(jnp.asarray(picture(2)))], [tiny()], Settings())
    first, others = look_shifted(objective, arrays, content, 3)
    before = loop._step._cache_size()
    list(optimise(RGB, content, objective, first, others=others, steps=9))
    assert loop._step._cache_size() - before <= 1
