"""Which technique drew this: modes that are proven, dithers that are read, and what is of no machine."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from command import call
from pictures import pattern
from PIL import Image

import pixeldream as pd
from pixeldream import dither_lessons, images
from pixeldream.likelihoods import Likelihoods, apart
from pixeldream.neural.dither_reader import Compared, Learning, Reader, learn
from pixeldream.neural.dither_stack import Stack, learn_stack
from pixeldream.neural.dither_statistics import PATTERNS
from pixeldream.neural.weights import load_weights
from pixeldream.plugin.registry import Registry
from pixeldream.recognition import modes_of, own_networks, recognise
from pixeldream.retro import evidence
from pixeldream.retro import solve as solver
from pixeldream.retro.dither import Diffusion, Ordered
from pixeldream.retro.format import WriteOptions
from pixeldream.retro.planes import planes_of
from pixeldream.retro.traces import traces
from pixeldream.templates import Measure, compared_with, distinct

Capsys = pytest.CaptureFixture[str]

MODES = [
    "c64-multicolor", "c64-hires", "c64-fli", "c64-afli", "c64-charset-hires", "amiga-16", "amiga-32-ntsc",
    "amiga-hires-8", "amiga-4-lace", "cpc-mode0", "cpc-mode1", "atari-st-low", "atari-st-high", "zx-spectrum",
    "zx-multicolour", "msx-screen2", "nes", "pico-8",
]  # fmt: skip


def display(mode: pd.Mode) -> np.ndarray:
    """A legal picture of the mode as 'convert' writes it to a PNG."""
    return images.repeat(pattern(mode).image(), mode)


def ramp(height: int = 200, width: int = 320) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.repeat(((x + y) / (height + width))[..., None], 3, -1)


def dithered(registry: Registry, name: str) -> np.ndarray:
    """A grey ramp in black, white and two greys, with an ordered dither."""
    matrix = registry.dithers[name].thresholds()
    bias = np.tile(matrix, (200, 320))[:200, :320, None]
    steps = np.clip(np.rint(ramp() * 3 + bias), 0, 3)
    return (steps * 85).astype(np.uint8)


@pytest.mark.parametrize("name", MODES)
def test_a_legal_picture_names_its_mode(registry: Registry, name: str) -> None:
    mode = registry.modes[name]
    seen = modes_of(registry, display(mode))
    first = seen.found[0]
    assert (seen.mode, first.image.shape[1::-1], first.exact) == (name, mode.size, True)
    assert max(seen.machines, key=lambda machine: seen.machines[machine]) == mode.machine
    assert seen.modes[name] > 0.5
    assert sum(seen.machines.values()) + seen.no_machine == pytest.approx(1, abs=0.02)


def test_whole_pixels_and_a_border_change_nothing(registry: Registry) -> None:
    mode = registry.modes["c64-multicolor"]
    screen = display(mode)
    framed = np.zeros((272, 384, 3), np.uint8)
    framed[:] = pd.palette(mode.palette).colours[14]
    framed[35:235, 32:352] = screen
    found = recognise(framed.repeat(3, 0).repeat(3, 1), registry=registry)
    assert (found.mode, found.pixel, found.offset) == ("c64-multicolor", (6, 3), (96, 105))


def test_lower_rows_that_were_cut_off_are_made_up(registry: Registry) -> None:
    seen = modes_of(registry, display(registry.modes["c64-afli"])[:116])
    assert (seen.mode, seen.found[0].image.shape) == ("c64-afli", (116, 320, 3))


def test_a_mode_that_is_almost_kept_is_named(registry: Registry) -> None:
    screen = display(registry.modes["zx-spectrum"])
    screen[8:16, 8:16] = np.unique(screen.reshape(-1, 3), axis=0)[np.arange(64).reshape(8, 8) % 5]
    first = modes_of(registry, screen).found[0]
    assert (first.mode.machine, first.exact) == ("ZX Spectrum", False)


def test_colours_of_a_machine_in_no_mode_of_it_name_the_machine(registry: Registry) -> None:
    gamut = registry.modes["atari-st-low"].gamut
    assert gamut is not None
    values = np.random.default_rng(2).integers(0, gamut.count, (199, 320))
    found = recognise(gamut.rgb(values), registry=registry)
    assert (found.machine, found.mode, found.palette) == ("Atari ST", None, None)


def test_a_left_edge_that_was_cut_off_is_made_up(registry: Registry) -> None:
    mode = registry.modes["c64-fli"]
    assert modes_of(registry, display(mode)[:, 24:]).mode == "c64-fli"


def test_colours_changed_on_their_way_are_said_to_be(registry: Registry) -> None:
    screen = display(registry.modes["zx-spectrum"]).astype(int)
    noise = np.random.default_rng(0).integers(-6, 7, screen.shape)
    found = recognise(np.clip(screen + noise, 0, 255).astype(np.uint8), registry=registry)
    assert (found.machine, found.exact) == ("ZX Spectrum", False)


def test_a_photograph_is_of_no_machine(registry: Registry, photo: np.ndarray) -> None:
    found = recognise(photo, registry=registry)
    assert (found.mode, found.machine, found.palette) == (None, None, None)
    assert found.no_machine > 0.95


def test_a_single_colour_is_no_reason_to_fail(registry: Registry) -> None:
    for size in ((1, 1), (200, 320), (7, 3)):
        found = recognise(np.zeros((*size, 3), np.uint8), registry=registry)
        assert found.dithers


@pytest.mark.parametrize("name", ["bayer2", "checker", "line2", "clustered-dot", "blue-noise"])
def test_an_ordered_dither_is_read(registry: Registry, name: str) -> None:
    assert recognise(dithered(registry, name), registry=registry).dither == name


def test_dithers_that_draw_the_same_have_one_name(registry: Registry) -> None:
    wide = distinct(registry, (2, 1))
    assert wide["floyd-steinberg"] == ("floyd-steinberg", "fs-wide")
    assert wide["bayer4"] == ("bayer4", "h2x4")
    assert len(distinct(registry, (1, 1))) == len(registry.dithers.values)


def test_the_network_knows_every_registered_dither(registry: Registry) -> None:
    reader, stack = own_networks()
    assert set(registry.dithers.values) <= set(reader.names)
    assert reader.compared == stack.compared == compared_with(registry)


def test_dithers_that_draw_the_same_are_equally_likely(registry: Registry) -> None:
    picture = pattern(registry.modes["c64-multicolor"])
    found = recognise(picture, registry=registry)
    assert found.dithers.get("bayer4", 0.0) == found.dithers.get("h2x4", 0.0)
    assert sum(found.dithers.values()) == pytest.approx(1, abs=0.05)


def test_finer_matrices_are_told_apart(registry: Registry) -> None:
    matrices = [registry.dithers[name] for name in ("bayer2", "bayer4", "bayer8")]
    for number, name in enumerate(("bayer2", "bayer4", "bayer8")):
        likely = apart(dithered(registry, name), [each for each in matrices if isinstance(each, Ordered)], None)
        assert int(np.argmax(likely)) == number


def drawn_in_order(dither: Diffusion, image: np.ndarray) -> np.ndarray:
    """Black and white, pixel after pixel, as error diffusion is defined; ``image``: linear light."""
    height, width = image.shape
    value, shown = image.copy(), np.zeros((height, width), np.uint8)
    for y, x in np.ndindex(height, width):
        lit = np.cbrt(np.clip(value[y, x], 0, 1)) >= 0.5  # half way in OKLab
        shown[y, x] = 255 * lit
        error = np.clip(value[y, x], 0, 1) - lit
        for right, down, weight in dither.taps:
            if y + down < height and 0 <= x + right < width:
                value[y + down, x + right] += error * weight / dither.divisor
    return np.repeat(shown[..., None], 3, -1)


def test_the_kernel_that_drew_a_picture_is_the_likeliest(registry: Registry) -> None:
    compared = Compared(kernels=("floyd-steinberg", "jarvis", "line-fs"))
    likelihoods = Likelihoods(registry, compared, (1, 1))
    y, x = np.mgrid[0:64, 0:64] / 64
    image = 0.3 + 0.2 * np.sin(5 * x + 2 * y)
    for number, name in enumerate(compared.kernels):
        dither = registry.dithers[name]
        assert isinstance(dither, Diffusion)
        found, pixels = likelihoods(drawn_in_order(dither, image), None)
        assert pixels == 64 * 64
        assert int(found[: len(compared.kernels)].argmax()) == number


def test_a_pixel_could_have_taken_the_colours_of_its_cell() -> None:
    drawing = np.zeros((8, 16, 3), np.uint8)
    drawing[:4, :8], drawing[:, 8:] = 255, (0, 0, 255)
    planes = planes_of(drawing, (8, 8))
    assert planes.encoded[0, 0].tolist() == [[1, 1, 1], [0, 0, 0]]
    assert planes.there[0, 0].tolist() == [1, 1]
    assert planes.there[0, 8].tolist() == [1, 0]
    assert planes.strength[0, 0] == pytest.approx([1, 1])
    assert planes_of(drawing, None).there.shape == (8, 16, 3)


def test_statistics_have_one_length(registry: Registry) -> None:
    measure = Measure(registry, compared_with(registry), (1, 1))
    shapes = {measure(np.zeros((h, w, 3), np.uint8), None).shape for h, w in ((1, 1), (40, 9), (600, 700))}
    assert len(shapes) == 1


def test_a_dither_that_is_not_registered_leaves_no_gap(registry: Registry) -> None:
    known = compared_with(registry)
    foreign = replace(known, kernels=(*known.kernels[:-1], "gone:64"), traced=("gone", *known.traced[1:]))
    picture = dithered(registry, "bayer4")
    lengths = [len(Measure(registry, each, (1, 1))(picture, None)) for each in (known, foreign)]
    assert lengths[0] == lengths[1]


@pytest.mark.parametrize("name", ["bayer4", "knoll", "yliluoma1", "yliluoma2"])
def test_the_dither_that_drew_a_picture_draws_most_of_it_again(registry: Registry, name: str) -> None:
    colours = np.asarray([[0, 0, 0], [51, 51, 153], [170, 136, 119], [255, 255, 204]], np.uint8)
    image = np.asarray([0.1, 0.2, 0.6], np.float32) + ramp(64, 64) * np.asarray([0.8, 0.7, 0.2], np.float32)
    values = jnp.asarray(colours / np.float32(255))
    paint = jax.jit(solver.paint, static_argnames="dither")
    picture = colours[np.asarray(paint(jnp.asarray(image), values[None, None], values, registry.dithers[name], 1.0))]
    compared = compared_with(registry)
    found = traces(picture, [registry.dithers[each] for each in compared.traced])
    likely, _ = Likelihoods(registry, replace(compared, kernels=()), (1, 1))(picture, None)
    for measured in (found, likely):
        own = measured[compared.traced.index(name)]
        others = [measured[compared.traced.index(each)] for each in ("none", "checker", "clustered-dot", "line4")]
        assert own >= max(others)
    assert found[compared.traced.index(name)] > 0.75


def test_learning_finds_what_there_is_to_find() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(200) % 2
    measured = random.normal(0, 1, (200, PATTERNS + 12)).astype(np.float32)
    measured[:, 3] += 4 * labels
    how = Learning(hidden=16, narrow=2, steps=300, batch=64, rate=0.02)
    *_, (_, _, reader) = learn([("a", measured[::2]), ("b", measured[1::2])], Compared(), how)
    assert reader is not None
    assert (reader.read(measured).argmax(1) == labels).mean() > 0.95


def test_the_last_word_weighs_the_network_with_the_likelihoods() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(120) % 2
    names, compared = ("a", "b"), Compared(traced=("a", "b"))
    shares = np.full((120, 2), 0.5)
    likely = -0.5 + random.normal(0, 0.01, (120, 2)).astype(np.float32)
    likely[np.arange(120), labels] += 0.03
    stack = learn_stack(names, compared, shares, likely, np.full(120, 1000.0), labels)
    assert (stack.read(shares, likely, np.full(120, 1000.0)).argmax(1) == labels).mean() > 0.9


TWO_DITHERS = """
import pixeldream as pd


@pd.hookimpl
def register_dithers():
    return [pd.NONE, pd.Ordered("checker", ((0, 1), (1, 0)))]
"""


def test_training_ends_in_weights_and_goes_on_where_it_stopped(
    capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dither_lessons, "SHAPES", {"square": (1, 1)})
    monkeypatch.setattr(dither_lessons, "SEARCHED", {})
    Path("two.py").write_text(TWO_DITHERS)
    line = ["train", "recognise", "--plugin", "two.py", "--no-plugin", "dithers", "--steps", 20, "--checkpoint", "kept"]
    assert call(capsys, *line, "--pictures", 2, "-o", "one.safetensors").code == 0
    files = sorted(path.name for path in Path("kept").iterdir())
    assert files == [f"{name}-square{cells}-1.safetensors" for name in ("checker", "none") for cells in ("", "-cells")]
    (Path("kept") / files[0]).unlink()
    assert call(capsys, *line, "--pictures", 2, "--resume", "-o", "two.safetensors").code == 0
    weights = [load_weights(Path(name)) for name in ("one.safetensors", "two.safetensors")]
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
    assert Path("one.safetensors").stat().st_size < 300_000
    assert "empty the folder" in call(capsys, *line, "--pictures", 3, "--resume").error


def test_weights_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="train them again"):
        Reader(("a", "b"), Compared(), {"hidden_w": np.zeros((3, 4))})
    with pytest.raises(ValueError, match="train them again"):
        Stack(("a", "b"), Compared(), {"stack_w": np.zeros((3, 4))})


@pytest.mark.parametrize(("repeated", "first"), [((2, 1), 0), ((3, 3), 1), ((1, 1), 0)])
def test_the_size_of_a_pixel_is_found(repeated: tuple[int, int], first: int) -> None:
    small = np.random.default_rng(1).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    image = small.repeat(repeated[1], 0).repeat(repeated[0], 1)[:, first:]
    size, (left, top) = evidence.pixel_size(image)
    assert (size, left, top) == (repeated, -first % repeated[0], 0)


def test_tighter_modes_have_less_capacity(registry: Registry) -> None:
    tight = ["c64-charset-hires", "c64-hires", "c64-afli", "c64-mci"]
    bits = [evidence.capacity(registry.modes[name]) for name in tight]
    assert bits == sorted(bits)


def test_the_command_says_it_for_people_and_machines(
    capsys: Capsys, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(display(registry.modes["c64-hires"])).save("a.png")
    ran = call(capsys, "recognise", "a.png")
    assert ran.code == 0
    assert "Commodore 64 100%" in ran.out
    assert "pixels   320x200, each 1x1" in ran.out
    values = json.loads(call(capsys, "recognise", "a.png", "--json").out)
    assert (values["mode"], values["machine"], values["pixel"]) == ("c64-hires", "Commodore 64", [1, 1])
    assert set(values["modes"][0]) == {"name", "probability"}
    assert {"dithers", "kinds", "palettes", "machines", "no_machine", "size", "offset", "exact"} <= set(values)


def test_a_native_file_says_its_mode_itself(
    capsys: Capsys, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    koala = registry.formats["koala"]
    assert koala.write is not None
    Path("a.kla").write_bytes(koala.write(pattern(registry.modes["c64-multicolor"]), WriteOptions()))
    values = json.loads(call(capsys, "recognise", "a.kla", "--json").out)
    assert (values["mode"], values["no_machine"], values["dithers"][0]["probability"] > 0) == (
        "c64-multicolor",
        0,
        True,
    )


def test_bad_input_is_one_line(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("b.png").write_bytes(b"\x89PNG broken")
    assert call(capsys, "recognise", "absent.png").code == 2
    assert (
        "broken" in call(capsys, "recognise", "b.png").error or "no format" in call(capsys, "recognise", "b.png").error
    )
    assert "--pictures 1" in call(capsys, "train", "recognise", "--pictures", 1).error
    assert "written as .safetensors" in call(capsys, "train", "recognise", "--out", "a.npz").error


def test_help_needs_no_jax() -> None:
    code = (
        "import sys; from pixeldream.cli.main import run\nrun(['recognise', '--help'])\nassert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
