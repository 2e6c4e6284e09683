"""What a network sees: the backward passes by their mathematics, pictures that are grown, maps that can be read."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import call, make_image, make_weights
from PIL import Image
from published import NETS, kernel_and_bias, thin
from tiny import folder as folder

import pixeldream as pd
from pixeldream import images, maps, sheets, visualise
from pixeldream.neural.imagenet import class_number
from pixeldream.neural.networks import layers, vgg
from pixeldream.neural.networks.base import RELUS, FeatureNetwork
from pixeldream.neural.networks.rectify import rectify
from pixeldream.neural.visualise import backward, objectives, paint, target
from pixeldream.neural.visualise.names import Layer, parse_channels
from pixeldream.neural.visualise.settings import CLASS, INVERSION, GrowSettings
from pixeldream.neural.watched import LoadedNetwork
from pixeldream.plugin.registry import Registry
from pixeldream.retro.colour import srgb_to_oklab

Arrays = dict[str, np.ndarray]


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(0, 1, (height, width, channels)), jnp.float32)


def two_blocks(widths: tuple[int, int] = (6, 5), seed: int = 0) -> tuple[FeatureNetwork, Arrays]:
    """A VGG of two convolutions with a pool between them."""
    random = np.random.default_rng(seed)
    arrays = kernel_and_bias(random, "conv1_1", (3, 3, 3, widths[0]))
    arrays |= kernel_and_bias(random, "conv2_1", (3, 3, *widths))
    return vgg.build(arrays), arrays


def sent(
    network: FeatureNetwork, arrays: Arrays, image: jax.Array, layer: str, rule: str, signal: jax.Array
) -> jax.Array:
    """What a signal at a layer becomes at the pixels."""
    used = network.using(relu=rule)
    return jax.vjp(lambda pixels: used.apply(arrays, pixels, (layer,))[layer], image)[1](signal)[0]


def test_relus_send_back_what_their_rules_say() -> None:
    inside, signal = jnp.asarray([-1.0, -1.0, 0.0, 2.0, 2.0]), jnp.asarray([3.0, -3.0, 3.0, 3.0, -3.0])
    expected = {"gradient": [0, 0, 0, 3, -3], "deconv": [3, 0, 3, 3, 0], "guided": [0, 0, 0, 3, 0]}
    assert set(expected) == set(RELUS)
    for rule, back in expected.items():
        shown, vjp = jax.vjp(partial(rectify, rule=rule), inside)
        np.testing.assert_array_equal(shown, jax.nn.relu(inside))
        np.testing.assert_array_equal(vjp(signal)[0], back)


def test_guided_is_what_both_others_let_through() -> None:
    inside, signal = noise(9, 9), noise(9, 9, seed=1)
    back = {rule: jax.vjp(partial(rectify, rule=rule), inside)[1](signal)[0] for rule in RELUS}
    both = (back["gradient"] != 0) & (back["deconv"] != 0)
    np.testing.assert_array_equal(back["guided"] != 0, both)
    assert 0.1 < float(both.mean()) < 0.4


def test_a_deconvnet_is_the_gradient_but_for_its_relus() -> None:
    """Convolutions and max-pools alone (Simonyan et al. 2013, section 4)."""
    network, arrays = two_blocks()
    image, signal = noise(12, 10), noise(12, 10, 6, seed=1)
    plain, other = (sent(network, arrays, image, "conv1_1", rule, signal) for rule in ("gradient", "deconv"))
    np.testing.assert_array_equal(plain, other)
    assert float(jnp.abs(plain).max()) > 0.1
    features = noise(9, 8, 2)[None]
    pooled, switches = jax.vjp(lambda values: layers.largest(values, 3, 2), features)
    back = switches(jnp.ones_like(pooled))[0]
    assert set(np.unique(features[back != 0])) == set(np.unique(pooled)), "all of it goes to the largest"
    assert float(back.sum()) == pooled.size


def test_a_deconvnet_is_the_gradient_where_every_relu_is_open_and_every_signal_positive() -> None:
    network, arrays = two_blocks()
    opened = {name: np.abs(array) + (name.endswith("_b") * 9) for name, array in arrays.items()}
    image, signal = jnp.abs(noise(12, 10)), jnp.abs(noise(6, 5, 5, seed=1))
    for weights, equal in ((opened, True), (arrays, False)):
        found = [np.asarray(sent(network, weights, image, "relu2_1", rule, signal)) for rule in RELUS]
        assert np.allclose(found[0], found[1], rtol=1e-5) == equal
        assert np.allclose(found[0], found[2], rtol=1e-5) == equal


def test_guided_backpropagation_is_masking_by_hand() -> None:
    network, arrays = two_blocks()
    image, signal = noise(12, 10)[None], noise(6, 5, 5, seed=1)[None]

    def convolve(name: str, values: jax.Array) -> jax.Array:
        return vgg.convolve(values, jnp.asarray(arrays[f"{name}_w"]), jnp.asarray(arrays[f"{name}_b"]))

    first, to_pixels = jax.vjp(lambda pixels: convolve("conv1_1", pixels * 2 - 1), image)
    pooled, switch = jax.vjp(vgg.halve, jnp.maximum(first, 0))
    second, down = jax.vjp(partial(convolve, "conv2_1"), pooled)
    for rule in RELUS:
        up = signal
        for inside, below in ((second, lambda values: switch(down(values)[0])), (first, to_pixels)):
            open_ = np.ones_like(up, bool)
            open_ &= np.asarray(inside) > 0 if rule != "deconv" else True
            open_ &= np.asarray(up) > 0 if rule != "gradient" else True
            (up,) = below(jnp.asarray(np.where(open_, up, 0), jnp.float32))
        found = sent(network, arrays, image[0], "relu2_1", rule, signal[0])
        np.testing.assert_allclose(found, up[0], rtol=1e-4, atol=1e-5)


def relus(jaxpr: Any) -> Counter[str]:
    """How many ReLUs of each kind there are: ``ruled`` send back by a rule, ``plain`` their gradient."""
    found: Counter[str] = Counter()
    for equation in jaxpr.eqns:
        kind = equation.primitive.name
        least = any(getattr(each, "val", None) is not None and np.all(each.val == 0) for each in equation.invars)
        if kind.startswith("custom_vjp_call"):
            found["ruled"] += 1
        elif kind == "custom_jvp_call" or (kind == "max" and least):
            found["plain"] += 1
        else:
            for inside in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda each: hasattr(each, "eqns")):
                found += relus(getattr(inside, "jaxpr", inside)) if hasattr(inside, "eqns") else Counter()
    return found


# VGG-19 and the embedded network are of VGG-16's class.
@pytest.mark.parametrize("name", [*NETS, "vgg16"])
def test_every_relu_of_every_network_follows_the_rule(registry: Registry, name: str) -> None:
    """One on the way that was left as it is would stop a deconvnet. Traced, not run: what a ReLU then sends back, the
    tests above tell."""
    arrays = thin(name)
    network = registry.networks[name].build(arrays).published()
    logits, side = network.logits, network.minimum_side
    assert logits is not None
    found = {}
    for rule in RELUS:
        used = network.using(relu=rule)
        traced = jax.make_jaxpr(lambda weights, image, used=used: used.apply(weights, image, (logits,)))
        found[rule] = relus(traced(arrays, jnp.zeros((side, side, 3))).jaxpr)
    count = found["gradient"]["plain"]
    assert count > 6
    assert found == {"gradient": {"plain": count}, "guided": {"ruled": count}, "deconv": {"ruled": count}}


def classifier() -> LoadedNetwork:
    """A VGG of two convolutions that tells six classes apart."""
    random, arrays = np.random.default_rng(1), two_blocks((8, 12))[1]
    for layer, shape in (("fc6", (2, 2, 12, 32)), ("fc7", (1, 1, 32, 32)), ("fc8", (1, 1, 32, 6))):
        arrays |= kernel_and_bias(random, layer, shape)
    return LoadedNetwork(vgg.build(arrays), arrays)


def test_a_saliency_map_knows_no_sign_and_scales_with_the_score() -> None:
    network, arrays = classifier()
    image = jnp.asarray(np.random.default_rng(0).random((32, 32, 3), np.float32))
    found = {}
    for factor in (1.0, 3.0, -1.0):
        weights = arrays | {name: np.float32(factor) * arrays[name] for name in ("fc8_w", "fc8_b")}
        asked = target.of_class(network, weights, "4")
        found[factor] = backward.send_back(network, weights, image, asked, "saliency")
    one = found[1.0].signal
    scale = float(jnp.abs(one).max())
    np.testing.assert_allclose(found[3.0].signal, 3 * one, rtol=1e-3, atol=1e-4 * scale)
    np.testing.assert_allclose(found[-1.0].signal, -one, rtol=1e-3, atol=1e-4 * scale)
    np.testing.assert_allclose(backward.magnitude(found[-1.0].signal), backward.magnitude(one), rtol=1e-3)
    assert found[3.0].answer == pytest.approx(3 * found[1.0].answer, rel=1e-3)


def test_other_weights_and_classes_cause_no_retrace() -> None:
    network, arrays = two_blocks()
    image = noise(16, 16)
    for number, weights in enumerate((arrays, {name: array * 2 for name, array in arrays.items()})):
        asked = target.of_layer(network, weights, Layer("relu2_1", number))
        backward.send_back(network, weights, image, asked, "guided")
        if not number:
            before = backward._send._cache_size()
    assert backward._send._cache_size() == before


def test_a_neuron_sees_no_further_than_its_field(registry: Registry) -> None:
    network, arrays = two_blocks()
    image = jnp.abs(noise(40, 40))
    asked = target.of_layer(network, arrays, Layer("relu2_1", 1), image)
    one = backward.send_back(network, arrays, image, target.of_neuron(asked), "guided").signal
    rows, columns = np.nonzero(np.asarray(one).any(-1))
    assert max(np.ptp(rows), np.ptp(columns)) < 8
    whole = backward.send_back(network, arrays, image, asked, "guided").signal
    assert np.ptp(np.nonzero(np.asarray(whole).any(-1))[0]) > 30


def test_a_class_image_is_of_its_class() -> None:
    """Of classes that a blank picture is not of."""
    network, arrays = classifier()
    see = jax.jit(lambda image: network.published().apply(arrays, image, ("fc8",))["fc8"].reshape(-1))
    settings = replace(CLASS, steps=40, decay=1.0, tv_weight=1.0, jitter=1)
    for number in (0, 3):
        assert int(see(jnp.full((32, 32, 3), 0.45)).argmax()) != number
        *_, end = paint.answered(network, arrays, target.of_class(network, arrays, str(number)), (32, 32), settings)
        image = visualise.finish(end)
        assert int(see(image).argmax()) == number
        assert 0 <= image.min() <= image.max() <= 1


def test_inversion_from_the_first_layer_gives_the_picture_back(photo: np.ndarray) -> None:
    """Within 0.001 of the range, root mean square; grey is 0.2 off, and a pool takes more away."""
    small = images.resize(photo, (48, 40))
    network, arrays = two_blocks((16, 8))
    off = {}
    for layer in ("conv1_1", "relu2_1"):
        settings = replace(INVERSION, steps=160, tv_weight=0.0)
        *_, end = paint.inverted(network, arrays, layer, small, settings)
        off[layer] = float(np.sqrt(np.square(visualise.finish(end) - small).mean()))
    assert off["conv1_1"] < 0.001
    assert off["relu2_1"] > 0.02
    assert np.sqrt(np.square(np.asarray(objectives.MEAN) - small).mean()) > 0.15


def test_channels_of_a_sheet_answer_to_their_own_pictures() -> None:
    loaded = LoadedNetwork(*two_blocks())
    asked = visualise.targets_of(loaded, Layer("conv2_1"), (0, 3, 4))
    settings = GrowSettings(steps=30, jitter=4)
    *_, last = visualise.grow_sheet(loaded, asked, 24, settings)
    answers = np.asarray(
        [loaded.network.apply(loaded.weights, image, ("conv2_1",))["conv2_1"].mean((0, 1)) for image in last.images]
    )[:, [0, 3, 4]]
    assert (answers.argmax(0) == np.arange(3)).all(), "of the three pictures a channel answers most to its own"


def test_ramps_are_even_to_the_eye() -> None:
    for ramp in (maps.heat_ramp(), maps.signed_ramp()):
        steps = np.linalg.norm(np.diff(np.asarray(srgb_to_oklab(jnp.asarray(ramp))), axis=0), axis=1)
        assert steps.max() / steps.min() < 1.1
        assert 0 <= ramp.min() <= ramp.max() <= 1
    lightness = np.asarray(srgb_to_oklab(jnp.asarray(maps.heat_ramp())))[:, 0]
    assert (np.diff(lightness) > 0).all(), "it reads without colours as well"


def test_maps_show_where_and_which_way(photo: np.ndarray) -> None:
    signal = np.zeros((64, 80, 3), np.float32)
    signal[10:14, 20:24], signal[40:44, 60:64] = 2.0, -2.0
    photo = photo[:64, :80]
    found = {view: maps.draw(signal, photo, view, blur=0.0) for view in maps.VIEWS}
    hot, cold = (11, 21), (41, 61)
    np.testing.assert_allclose(found["heat"].image[hot], maps.heat_ramp()[-1], atol=1e-6)
    np.testing.assert_allclose(found["heat"].image[cold], maps.heat_ramp()[-1], atol=1e-6)
    np.testing.assert_allclose(found["heat"].image[0, 0], maps.heat_ramp()[0], atol=1e-6)
    assert found["signed"].image[hot][0] > found["signed"].image[hot][2], "red: more if lighter"
    assert found["signed"].image[cold][0] < found["signed"].image[cold][2]
    np.testing.assert_allclose(found["colour"].image[hot], 1.0)
    np.testing.assert_allclose(found["colour"].image[0, 0], 0.5)
    assert np.ptp(found["overlay"].image[0, 0]) < 0.01, "grey where nothing counts"
    assert np.ptp(found["overlay"].image[hot]) > 0.1
    flat = maps.draw(np.zeros_like(signal), photo, "heat")
    assert np.isfinite(flat.image).all()
    strip = maps.legend(found["heat"], "saliency of a rather long name of a class", 80)
    assert strip.shape[1] == 80


def test_no_name_covers_a_picture() -> None:
    tiles = [(f"a long name, number {number}", np.full((20, 30, 3), number / 5, np.float32)) for number in range(5)]
    page = sheets.named(tiles, "title")
    for _, tile in tiles:
        same = (np.abs(page - tile[0, 0]).max(-1) < 0.01).sum()
        assert same >= 600


@pytest.mark.parametrize(("text", "number"), [("goldfish", 1), ("Goldfish", 1), ("999", 999), ("toilet tissue", 999)])
def test_classes_have_names_and_numbers(text: str, number: int) -> None:
    assert class_number(text) == number


def test_channels_are_numbers_and_ranges() -> None:
    assert parse_channels("0, 5,10-12,5") == (0, 5, 10, 11, 12)


SEE = ("--plugin", "tiny.py", "visualise")
W = "vgg19=w.safetensors"


@pytest.fixture
def weights(folder: Path) -> Path:
    return make_weights(folder / "w.safetensors")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("class", "-c", "goldfsh"), "did you mean 'goldfish'"),
        (("class",), "name one with --class"),
        (("class", "-n", W, "-c", "goldfish"), "hold no classifier"),
        (("saliency", "photo.png", "-n", W, "-c", "qqq"), "no name and no number of 0 to 999; "),
        (("saliency", "photo.png", "-n", W, "-l", "relu9_1"), "no layer 'relu9_1'; it has conv1_1"),
        (("saliency", "photo.png", "-n", W, "-l", "relu2_1:6"), "no channel 6; 0 to 5"),
        (("saliency", "photo.png", "-n", W, "-l", "relu2_1:x"), "'relu2_1:x' is not LAYER or LAYER:CHANNEL"),
        (("saliency", "photo.png", "-l", "relu2_1", "-c", "1"), "ask for one of the two"),
        (("guided", "photo.png", "-n", W, "--view", "hot"), "view 'hot' is none of heat"),
        (("guided", "photo.png", "-n", W, "-o", "x.kla"), "say which mode, with -m"),
        (("guided", "photo.png", "-n", W, "-m", "tiny", "-o", "x.kla"), "can't be written as .kla"),
        (("deconv", "photo.png", "-n", W, "--samples", "0"), "0 samples"),
        (("deconv", "photo.png", "-n", W, "--dither", "bayer"), "say which mode as well"),
        (("deconv", "none.png", "-n", W), "none.png"),
        (("invert", "photo.png", "-n", W, "-l", "relu2_1:3"), "leave the channel out"),
        (("invert", "photo.png", "-n", W, "--steps", "0"), "steps of 0"),
        (("channels", "-n", W, "--channels", "5-3"), "channels '5-3'"),
        (("channels", "-n", W, "-l", "relu1_1", "--channels", "77"), "no channel 77"),
        (("class", "-n", W, "-l", "relu2_1:1", "--schedule", "now"), "schedule 'now'"),
        (("class", "-n", W, "-l", "relu2_1:1", "--decay", "-1"), "decay of -1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str], weights: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in call(capsys, *SEE, *arguments).error


@pytest.mark.parametrize(
    "arguments",
    [
        ("saliency", "photo.png", "--samples", "2", "--view", "heat", "--legend", "--quality", "fast"),
        ("guided", "photo.png", "--quality", "fast"),
        ("class", "-l", "relu2_1:2", "--steps", "4"),
        ("class", "-l", "relu2_1:2", "--steps", "3", "--schedule", "every:2"),
        ("invert", "photo.png", "-l", "relu1_1", "--steps", "4"),
        ("channels", "-l", "relu1_1", "--steps", "2", "--quality", "fast"),
    ],
)  # fmt: skip
def test_in_a_mode_the_picture_is_legal(
    capsys: pytest.CaptureFixture[str], weights: Path, arguments: tuple[str, ...]
) -> None:
    ran = call(capsys, *SEE, *arguments, "-n", W, "-m", "tiny", "-o", "found.png")
    assert (ran.code, ran.out) == (0, "found.png\n"), ran.err
    assert call(capsys, "--plugin", "tiny.py", "check", "found.png", "-m", "tiny").code == 0
    with Image.open("found.png") as image:
        line = json.loads(image.text["pixeldream"])["line"]  # type: ignore[attr-defined]
        assert len(image.getcolors() or ()) > 1
    assert line.startswith(f"pixeldream visualise {arguments[0]} ")


def test_without_a_mode_it_is_an_ordinary_picture(capsys: pytest.CaptureFixture[str], weights: Path) -> None:
    sizes = {}
    for arguments in (
        ("saliency", "photo.png", "--samples", "1"), ("deconv", "photo.png", "--no-legend"),
        ("invert", "photo.png", "--steps", "1", "--size", "32"),
        ("class", "-l", "relu2_1:1", "--steps", "1", "--size", "48"),
        ("channels", "-l", "relu2_1", "--steps", "1", "--patch", "16"), ("compare", "photo.png", "--steps", "0"),
    ):  # fmt: skip
        ran = call(capsys, *SEE, *arguments, "-n", W)
        assert ran.code == 0, ran.err
        with Image.open(ran.out.strip()) as image:
            sizes[arguments[0]] = image.size
    assert sizes["deconv"] == (64, 40)
    assert sizes["saliency"][1] > 40, "a legend is below"
    assert sizes["invert"] == (32, 20)
    assert sizes["class"] == (48, 48)


def test_from_python(weights: Path) -> None:
    image = np.asarray(Image.open(make_image(Path("p.png"))).convert("RGB"))
    found = pd.visualise.guided(image, network="vgg19", weights="w.safetensors", layer="relu2_1:1")
    assert found.signal.shape == image.shape
    assert found.picture("heat").shape[0] > image.shape[0]
    grown = pd.visualise.channels("relu2_1", [1, 4], network="vgg19", weights="w.safetensors", side=16)
    assert sorted(grown) == [1, 4]
