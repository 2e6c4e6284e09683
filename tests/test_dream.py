"""Dreams: gradients as theory has them, the canvas's rules in every mode, the same frames however a run was cut."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import call, make_image, make_weights
from PIL import Image
from tiny import TINY, registry_of_tiny, rgb

import pixeldream as pd
from pixeldream.dreams import DreamJob, beginning
from pixeldream.look import look
from pixeldream.neural.dream import CLOSE, Dreamer, Place, default_layers, octave_sizes, units_of
from pixeldream.neural.dream_objective import NEVER, Moved, best_matches
from pixeldream.neural.dream_settings import DreamSettings, Zoom
from pixeldream.neural.fourier import fourier
from pixeldream.neural.imagenet import class_number
from pixeldream.neural.networks.base import FeatureNetwork
from pixeldream.neural.optimise import Progress
from pixeldream.neural.pyramid import SHARES, bands, evened
from pixeldream.neural.robust import turned, warped
from pixeldream.neural.settings import Rate
from pixeldream.neural.units import Unit, parse
from pixeldream.neural.watched import LoadedNetwork
from pixeldream.neural.zoom import Frame, flicker
from pixeldream.plugin.registry import Registry
from pixeldream.retro.mode import Picture
from pixeldream.retro.schedule import Schedule

Capsys = pytest.CaptureFixture[str]


def asked(**named: Any) -> DreamSettings:
    """Settings of a short dream, whose end is jittered as its beginning: they share a compilation."""
    return DreamSettings(**{"steps": 3, "finish_steps": 1, "octaves": 1, "jitter": CLOSE} | named)


@dataclass(frozen=True)
class Filters:
    """Two layers of random filters, the second at half the size, and scores of five classes."""

    def __call__(self, weights: dict, image: jax.Array, wanted: tuple[str, ...]) -> dict[str, jax.Array]:
        found, value = {}, image[None] - 0.5
        for name, stride in (("one", 1), ("two", 2)):
            layout = ("NHWC", "HWIO", "NHWC")
            value = jax.lax.conv_general_dilated(value, weights[name], (stride, stride), "SAME", None, None, layout)
            value = jax.nn.relu(value)
            found[name] = value[0]
        found["scores"] = (value.mean((1, 2)) @ weights["scores"])[None]
        return {name: found[name] for name in wanted}


def tiny(logits: str | None = "scores") -> LoadedNetwork:
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = {"one": (3, 3, 3, 8), "two": (3, 3, 8, 6), "scores": (6, 5)}
    weights = {name: jax.random.normal(key, shapes[name]) * 0.4 for name, key in zip(shapes, keys, strict=True)}
    layers = ("one", "two", "scores")
    return LoadedNetwork(FeatureNetwork("tiny", layers, Filters(), ("two",), ("one",), 8, logits, 8), weights)


def picture(seed: int = 1, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (height, width, 3)).astype(np.float32)


def ending(settings: DreamSettings, start: Any = None, **named: Any) -> np.ndarray:
    """A dream without limits."""
    image = picture() if start is None else start
    *_, last = Dreamer(tiny(), image.shape[:2], settings=settings, **named).dream(image)
    return np.asarray(last.finish())


def gradient(settings: DreamSettings, image: np.ndarray) -> np.ndarray:
    judge = Dreamer(tiny(), image.shape[:2], settings=settings).gained()  # type: ignore[arg-type]
    return np.asarray(jax.jit(jax.grad(lambda i: judge.objective(judge.arrays, i)["dream"]))(jnp.asarray(image)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Inputs of a run on the command line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.py").write_text(TINY)
    make_image(tmp_path / "photo.png")
    make_weights(tmp_path / "tiny.safetensors")
    return tmp_path


RUN = (
    "dream",
    "photo.png",
    "--plugin",
    "tiny.py",
    "-m",
    "tiny",
    "-n",
    "vgg19=tiny.safetensors",
    "--steps",
    2,
    "--finish-steps",
    2,
    "--octaves",
    1,
)


# ---- what is maximised ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layers", "objective"), [(("one:3", "two:0.5"), "l2"), (("one@9,9:-2.0", "two"), "mean")])
def test_tiles_have_the_gradient_of_the_whole(layers: tuple[str, ...], objective: str) -> None:
    image = picture(2, 47, 61)
    whole, tiled = (gradient(asked(layers=layers, objective=objective, tile=t), image) for t in (0, 8))
    assert np.abs(whole).max() > 0
    np.testing.assert_allclose(tiled, whole, rtol=1e-3, atol=1e-5 * np.abs(whole).max())


def test_a_guided_dream_in_tiles_is_the_same_dream() -> None:
    found = [ending(asked(layers=("two",), steps=2, tile=tile), guide=picture(7)) for tile in (0, 8)]
    np.testing.assert_allclose(*found, atol=1e-4)


def test_a_neuron_is_led_by_what_it_sees_and_by_nothing_else() -> None:
    """The neurons in row 3, column 5 of layer two see few pixels around row 6, column 10."""
    touched = np.abs(gradient(asked(layers=("two@10,6",)), picture(4) + 0.2)).sum(-1) > 0
    rows, columns = np.nonzero(touched)
    assert touched.any()
    assert (rows.min(), columns.min()) >= (5, 9)
    assert rows.max() <= 9
    assert columns.max() <= 13


def test_guided_matching_is_that_of_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    features, guide = (random.normal(size=shape).astype(np.float32) for shape in ((5, 7, 4), (9, 4)))
    best = np.stack([[max(guide, key=lambda g, f=f: float(f @ g)) for f in row] for row in features])
    for at_once in (1 << 20, 30):  # at once, and in parts
        monkeypatch.setattr("pixeldream.neural.dream_objective._MATCHES", at_once)
        value, slope = jax.value_and_grad(lambda f: best_matches(f, jnp.asarray(guide)).sum())(jnp.asarray(features))
        assert float(value) == pytest.approx(float((features * best).sum()), rel=1e-5)
        np.testing.assert_allclose(slope, best, rtol=1e-6)


def test_an_octave_leads_as_the_whole_picture_of_its_size_does() -> None:
    """What the coarse octave dreams is what a picture of that size alone dreams."""
    image = jnp.asarray(picture(3, 32, 44))
    settings = asked(layers=("two",), steps=3, octaves=2, octave_scale=2.0, jitter=0)
    steps = list(Dreamer(tiny(), (32, 44), settings=settings).dream(image))
    small = jnp.clip(jax.image.resize(image, (16, 22, 3), "cubic"), 0, 1)
    alone = list(Dreamer(tiny(), (16, 22), settings=replace(settings, octaves=1)).dream(small))
    np.testing.assert_allclose(steps[2].params, alone[2].params, atol=2e-3)
    # The fine one begins with the photo's own details and with what was dreamt.
    assert steps[3].begin.shape == image.shape
    detail = jax.image.resize(steps[2].params - small, image.shape, "cubic")
    np.testing.assert_allclose(steps[3].begin, jnp.clip(image + detail, 0, 1), atol=2e-3)


@pytest.mark.parametrize(
    "settings",
    [
        asked(layers=("one",), steps=12, objective="mean", optimiser="ascent"),
        asked(layers=("two",), steps=12, parameters="fourier"),
        asked(layers=("two",), steps=12, random_scale=0.1, random_rotation=10.0, smooth=0.3, rate=Rate(0.05, 0.03)),
    ],
)  # fmt: skip
def test_every_way_of_dreaming_gains(settings: DreamSettings) -> None:
    judge = Dreamer(tiny(), (24, 32), settings=settings).gained()
    assert judge.of(ending(settings)) > judge.of(picture()) + 0.2 * abs(judge.of(picture()))


def test_a_class_dream_from_grey_raises_its_class_and_decay_holds_it_near_grey() -> None:
    grey = beginning("grey", (32, 24), 0) + 0.01 * picture()
    settings = asked(class_name="3", steps=15, octaves=1)
    far, near = (ending(s, grey) for s in (settings, asked(class_name="3", steps=15, octaves=1, decay=1e3)))
    network, weights = tiny()
    scores = np.asarray(network.apply(weights, jnp.asarray(far), ("scores",))["scores"])
    assert scores.argmax() == 3
    assert np.abs(near - 0.5).mean() < 0.5 * np.abs(far - 0.5).mean()


def test_a_random_class_differs_from_step_to_step_and_not_from_run_to_run() -> None:
    settings = asked(class_name="random", steps=4, octaves=1)
    runs = [list(Dreamer(tiny(), (24, 32), settings=settings).dream(picture())) for _ in range(2)]
    assert len({float(step.losses["dream"]) for step in runs[0]}) == len(runs[0])
    np.testing.assert_array_equal(runs[0][-1].params, runs[1][-1].params)


def test_the_same_seed_gives_the_same_picture_and_another_another() -> None:
    first, second, third = (ending(asked(layers=("two",), steps=3, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)


# ---- its parts ------------------------------------------------------------------------------------------------------


def test_bands_of_a_pyramid_are_the_picture_and_each_has_its_waves() -> None:
    image = jnp.asarray(picture(6, 50, 70))
    found = bands(image)
    assert len(found) == len(SHARES)
    np.testing.assert_allclose(sum(found), image, atol=1e-6)
    across = np.arange(64, dtype=np.float32)
    for length, number in ((2, 0), (4, 0), (7, 1), (14, 2), (28, 3)):
        wave = np.broadcast_to(np.cos(2 * np.pi * across / length)[None, :, None], (64, 64, 3))
        sizes = [float(jnp.square(band).mean()) for band in bands(jnp.asarray(wave))]
        assert np.argmax(sizes) == number, sizes


def test_an_even_gradient_has_its_shares_of_all_waves_and_is_mostly_light() -> None:
    """Whatever the network sends back: here fine noise, and the same with a faint coarse wave, of red alone."""
    random = np.random.default_rng(0)
    noise = random.normal(0, 1, (64, 64, 3)).astype(np.float32) * np.float32([1, 0, 0])
    wave = np.cos(2 * np.pi * np.arange(64) / 32).astype(np.float32)[None, :]
    gradient = noise + 0.05 * wave[..., None] * np.float32([1, 0, 0])
    even = np.asarray(evened(jnp.asarray(gradient)))
    seen = [abs((each[..., 0] * wave).mean()) / each[..., 0].std() for each in (gradient, even)]
    assert seen[1] > 4 * seen[0]
    red, green, blue = (even[..., c].ravel() for c in range(3))
    assert np.corrcoef(red, green)[0, 1] > 0.9
    assert np.corrcoef(red, blue)[0, 1] > 0.5
    np.testing.assert_allclose(evened(jnp.asarray(7 * noise)), evened(jnp.asarray(noise)), rtol=1e-3, atol=1e-5)


def test_a_fourier_canvas_starts_at_its_image_with_decorrelated_colours() -> None:
    image = picture(5, 21, 30)
    canvas = fourier(21, 30)
    params, state = canvas.init(image)
    np.testing.assert_allclose(canvas.show(params, state), image, atol=1e-4)
    # Light, blue against orange, green against purple: moved one by one they do not move the others.
    zero, _ = canvas.init(np.full((16, 16, 3), 0.5, np.float32))
    shown = [np.asarray(fourier(16, 16).show(zero.at[0, 1, 1, channel].set(0.5), ())) - 0.5 for channel in range(3)]
    red, green, blue = (np.abs(shown[0][..., c]).mean() for c in range(3))
    assert (max(red, green, blue) - min(red, green, blue)) / green < 0.1
    assert (shown[1][..., 0] * shown[1][..., 2]).mean() < 0
    # An equal change of parameters is a larger one of coarse forms than of fine ones.
    coarse, fine = (np.asarray(fourier(16, 16).show(zero.at[0, 0, k, 0].set(0.5), ())) for k in (1, 7))
    assert np.abs(coarse - 0.5).mean() > 3 * np.abs(fine - 0.5).mean()


def test_moving_a_picture_moves_it_as_said() -> None:
    image = np.zeros((41, 61, 3), np.float32)
    image[20, 40] = 1
    for move in (turned, warped):
        found = np.asarray(move(jnp.asarray(image), jnp.float32(1.5), jnp.float32(90)))[..., 0]
        assert np.unravel_index(found.argmax(), found.shape) == (35, 30)  # clockwise: from the right to below
    moved = Moved(4)(jnp.asarray(image), jax.random.key(0))
    assert float(moved.sum()) == 3.0
    np.testing.assert_array_equal(warped(jnp.asarray(picture()), jnp.float32(1), jnp.float32(0)), picture())


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("mixed5", Unit("mixed5")),
        ("mixed3:0.5", Unit("mixed3", weight=0.5)),
        ("mixed4:11", Unit("mixed4", 11)),
        ("mixed4:11:2", Unit("mixed4", 11, weight=2.0)),
        ("mixed4::2", Unit("mixed4", weight=2.0)),
        ("mixed4@10,7:-1", Unit("mixed4", None, (10, 7), -1.0)),
        ("mixed4:3@10,7", Unit("mixed4", 3, (10, 7))),
    ],
)
def test_a_number_behind_a_layer_is_a_channel_if_it_is_whole(text: str, unit: Unit) -> None:
    assert parse(text) == unit


def test_classes_go_by_name_in_any_case_or_by_number() -> None:
    assert class_number("Goldfish") == class_number("1") == 1
    assert class_number("toilet tissue") == 999


def test_octaves_are_as_many_as_fit() -> None:
    assert octave_sizes((200, 320), DreamSettings(), 75) == [(102, 163), (143, 229), (200, 320)]
    assert len(octave_sizes((2000, 3200), DreamSettings(), 75)) == 4


def test_every_network_dreams_of_something(registry: Registry) -> None:
    network, _ = tiny()
    assert default_layers(network) == ("two",)
    assert units_of(network, asked(class_name="2")) == (Unit("scores", 2),)


# ---- within the rules -----------------------------------------------------------------------------------------------


def test_the_picture_is_legal_and_gains_from_a_start_that_has_no_tones_to_keep(folder: Path) -> None:
    # Which schedule keeps most, the benchmark tells: to random filters any palette is as good as none.
    chosen, settings = look(registry_of_tiny(), "tiny"), asked(layers=("two",), strength=5.0, finish_steps=8)
    for schedule in ("straight-through", "end"):
        job = DreamJob(picture(), tiny(), chosen, Schedule.parse(schedule), settings)
        *_, last = job.run()
        assert isinstance(last.finish(), Picture)
        found = job.gained(last.finish())
        assert found["picture"] > 2 * found["start"]


def test_what_the_canvas_adds_ends_where_there_is_enough(folder: Path) -> None:
    chosen, settings = look(registry_of_tiny(), "tiny"), asked(layers=("two",), finish_steps=16)
    dreamer = DreamJob(picture(), tiny(), chosen, Schedule.parse("straight-through"), settings).dreamer
    much = dreamer.gained().of(ending(settings))

    def reached(enough: float) -> float:
        *_, last = dreamer._bound(jnp.asarray(picture()), 16, 0, enough)
        return dreamer.gained().of(last.image())

    assert reached(0.5 * much) < reached(NEVER)


def test_a_strong_dream_leads_away_from_the_photo() -> None:
    weak, strong = (asked(layers=("two",), strength=strength) for strength in (1.0, 4.0))
    assert 2 * np.abs(ending(weak) - picture()).mean() < np.abs(ending(strong) - picture()).mean()


def test_a_mode_whose_cells_share_a_brightness_dreams(registry: Registry) -> None:
    """Colours in cells are in ``tiny``, a free palette is in ``tiny-free``; those of the C64 are in the benchmark."""
    chosen = look(registry, "zx-spectrum")
    chosen = replace(chosen, mode=replace(chosen.mode, size=(32, 24)))
    settings = asked(layers=("two",), steps=1)
    *_, last = DreamJob(picture(), tiny(), chosen, Schedule.parse("straight-through"), settings).run()
    assert isinstance(last.finish(), Picture)


def test_fourier_dreams_within_the_rules(folder: Path) -> None:
    settings = asked(layers=("two",), steps=8, octaves=1, parameters="fourier", finish_steps=8)
    chosen = look(registry_of_tiny(), "tiny-free")
    job = DreamJob(picture(), tiny(), chosen, Schedule.parse("straight-through"), settings)
    *_, last = job.run()
    found = job.gained(last.finish())
    assert found["picture"] > found["start"]


def test_python_dreams_without_a_mode_and_in_one(folder: Path) -> None:
    settings = asked(steps=1, octaves=1)
    named: dict[str, Any] = {"network": "vgg19", "weights": Path("tiny.safetensors"), "settings": settings}
    free = pd.dream(picture(), None, layers="relu2_1", **named)
    assert free.shape == (24, 32, 3)
    film = pd.dream("noise", "tiny", zoom=Zoom(2, steps=1), registry=registry_of_tiny(), **named)
    assert [type(frame) for frame in film] == [Picture, Picture]


# ---- endless zoom ---------------------------------------------------------------------------------------------------


def zoom_job(zoom: Zoom, mode: str = "tiny") -> DreamJob:
    settings = asked(layers=("two",), steps=4, octaves=1)
    smooth = np.asarray(jax.image.resize(picture(3, 4, 5), (24, 32, 3), "cubic"))
    return DreamJob(
        smooth, tiny(), look(registry_of_tiny(), mode), Schedule.parse("straight-through"), settings, zoom=zoom
    )


def film(job: DreamJob, after: int = 0, begin: np.ndarray | None = None) -> list[Frame]:
    return [each for each in job.frames(after, begin) if isinstance(each, Frame)]


def test_a_zoom_goes_on_from_any_frame_with_the_same_pictures(folder: Path) -> None:
    job = zoom_job(Zoom(4, 1.1, 5.0, 2))
    whole = film(job)
    rest = film(job, 2, whole[1].onward)
    assert [frame.number for frame in rest] == [3, 4]
    for first, second in zip(whole[2:], rest, strict=True):
        np.testing.assert_array_equal(first.result.pixels, second.result.pixels)
        np.testing.assert_array_equal(first.onward, second.onward)


def test_steady_frames_flicker_less(folder: Path) -> None:
    def mean(steady: float) -> float:
        job = zoom_job(Zoom(5, 1.0, 0.0, 1, steady))
        shown = [frame.result for frame in film(job)]
        return float(np.mean([job.flicker(*pair) for pair in pairwise(shown)]))

    assert mean(1.0) < mean(0.0)


def test_motion_itself_is_no_flicker() -> None:
    zoom, before = Zoom(2, 1.05, 3.0), np.asarray(jax.image.resize(picture(2, 5, 6), (60, 80, 3), "cubic"))
    after = np.asarray(warped(jnp.asarray(before), jnp.float32(1.05), jnp.float32(3)))
    assert flicker(before, after, zoom) < 1e-6
    assert flicker(before, before, zoom) > 1e-3


# ---- the command line -----------------------------------------------------------------------------------------------


def test_a_picture_is_dreamt_reported_and_made_again(capsys: Capsys, folder: Path) -> None:
    ran = call(capsys, *RUN, "--layer", "relu2_1:3", "--layer", "relu1_1:0.5", "-o", "a.png", "--report", "r.json")
    assert (ran.code, ran.out.split()) == (0, ["a.png", "r.json"])
    report = json.loads((folder / "r.json").read_text())
    assert report["legal"]
    assert report["layers"] == ["relu2_1", "relu1_1"]
    assert set(report["gained"]) == {"start", "picture"}
    assert "the same bytes" in call(capsys, "rerun", "a.png", "--plugin", "tiny.py").err


def test_frames_are_kept_and_gone_on_from(capsys: Capsys, folder: Path) -> None:
    zoom = (*RUN, "--frame-steps", 1, "--turn", 4)
    assert call(capsys, *zoom, "--frames", 4, "-o", "all.gif", "-o", "all-%04d.png").code == 0
    assert call(capsys, *zoom, "--frames", 2, "-o", "cut.gif").code == 0
    assert "go on with --resume" in call(capsys, *zoom, "--frames", 4, "-o", "cut.gif").error
    assert call(capsys, *zoom, "--frames", 4, "-o", "cut.gif", "--resume").code == 0
    assert (folder / "all.gif").read_bytes() == (folder / "cut.gif").read_bytes()
    assert (rgb("all-0004.png") == rgb("cut-frames/frame-0004.png")).all()
    with Image.open("all.gif") as film:
        assert film.n_frames == 4  # type: ignore[attr-defined]
        film.seek(3)
        assert (np.asarray(film.convert("RGB")) == rgb("all-0004.png")).all()
    other = call(capsys, *zoom, "--seed", 9, "--frames", 4, "-o", "cut.gif", "--resume").error
    assert "are of another run: option seed was 0, now 9" in other


BAD: list[tuple[list[str], str]] = [
    (["--layer", "relu9_1"], "has no layer 'relu9_1'; did you mean relu"),
    (["--layer", "relu2_1:6"], "'relu2_1' of network 'vgg19' has 6 channels, counted from 0; not channel 6"),
    (["--layer", "relu2_1:0.0"], "layer 'relu2_1:0.0': the weight '0.0'"),
    (["--layer", "relu2_1@40,2"], "place 40,2 is not within 32x24 display pixels"),
    (["--layer", "relu2_1@4"], "layer 'relu2_1@4' is not LAYER[:CHANNEL]"),
    (["--layer", "relu2_1", "--layer", "relu2_1:2.0"], "layer 'relu2_1' is asked for twice"),
    (["--class", "goldfisch"], "class 'goldfisch' is no name and no number of 0 to 999; did you mean 'goldfish'"),
    (["--class", "goldfish"], "the weights of network 'vgg19' hold no classifier"),
    (["--class", "goldfish", "--guide", "photo.png"], "--guide leads layers"),
    (["--guide", "missing.png"], "'missing.png' does not exist"),
    (["--octaves", "9"], "octaves of 9: the smallest would have"),
    (["--octave-scale", "1"], "octave-scale of 1 is out of range"),
    (["--objective", "most"], "objective 'most' is none of l2, mean"),
    (["--init", "noise"], "leave out 'photo.png' or --init"),
    (["--jitter", "99"], "jitter of 99 is out of range"),
    (["--steps", "0"], "steps of 0 is out of range"),
    (["--zoom", "1.1"], "are for --frames of more than 1"),
    (["--frames", "3", "--zoom", "9"], "zoom of 9 is out of range; give 0.5 to 2"),
    (["--frames", "3", "-o", "x.png"], "output 'x.png' holds one picture; mode tiny moves as"),
    (["--resume"], "--keep and --resume are for --frames"),
    (["--mode", "tny"], "unknown mode 'tny'"),
]


def test_each_bad_option_is_one_line_and_writes_nothing(capsys: Capsys, folder: Path) -> None:
    before = set(folder.rglob("*"))
    for options, message in BAD:
        outputs = [] if "-o" in options else ["-o", "out.gif" if "--frames" in options else "out.png"]
        assert message in call(capsys, *RUN, *outputs, *options).error, options
    assert set(folder.rglob("*")) == before


def test_steps_of_one_shape_share_a_compilation(folder: Path) -> None:
    from pixeldream.neural import optimise as loop

    job = zoom_job(Zoom(2, 1.1, 0.0, 1))
    film(job)
    size = loop._step._cache_size()
    film(zoom_job(Zoom(3, 1.2, 9.0, 2)))
    assert loop._step._cache_size() == size
    assert isinstance(next(iter(job.frames())), Progress)
    assert Place().free
