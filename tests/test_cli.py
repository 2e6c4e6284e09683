"""The command line as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from command import call, make_image, make_weights
from PIL import Image

from pixeldream import __version__
from pixeldream.cli.interrupt import Interrupt
from pixeldream.cli.progress import _clock
from pixeldream.plugin.registry import Registry

Capsys = pytest.CaptureFixture[str]

COMMANDS = [
    "stylize", "convert", "animate", "check", "show", "rerun", "modes", "palettes", "dithers", "formats", "networks",
    "losses", "plugins",
]  # fmt: skip

KIT = [["plugin"], ["plugin", "new"], ["plugin", "check"], ["plugin", "guide"]]
SIBLINGS = ("train-enlarge", "enlarge", "train-translate", "translate")
GAN = [["gan"], *(["gan", name] for name in ("train", "sample", "info", *SIBLINGS))]
WEIGHTS = [["weights"], *(["weights", name] for name in ("list", "fetch", "convert", "path"))]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(folder: Path) -> list[object]:
    """A stylize command that takes next to no time: two steps of a tiny network."""
    content, style = make_image(folder / "photo.png"), make_image(folder / "art.png", seed=1)
    weights = make_weights(folder / "tiny.safetensors")
    return ["stylize", content.name, "--style", style.name, "--network", f"vgg19={weights.name}", "--steps", 2]


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"photo.png", "art.png", "tiny.safetensors"}


def without_jax(*lines: list[str]) -> list[tuple[int, str]]:
    """Exit code and output of each command line, in one fresh process that can't import jax."""
    program = (
        "import contextlib, io, json, sys\nsys.modules['jax'] = sys.modules['optax'] = None\n"
        "from pixeldream.cli.main import run\nran = []\n"
        "for line in json.loads(sys.argv[1]):\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):\n"
        "        code = run(line)\n"
        "    ran.append((code, said.getvalue()))\n"
        "print(json.dumps(ran))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(lines)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "command", [[], *([command] for command in COMMANDS), ["train"], ["train", "features"], *KIT, *GAN, *WEIGHTS]
)
def test_help_needs_no_jax(command: list[str], capsys: Capsys) -> None:
    if len(command) == 0:
        assert without_jax(["--help"])[0][0] == 0
    ran = call(capsys, *command, "--help")
    assert ran.code == 0
    assert "Usage: pixeldream" in ran.out


LOOKED_UP = [
    (["stylize", "--mode", "c64-multicolour"], "did you mean c64-multicolor"),
    (["stylize", "--palette", "c64-colodor"], "did you mean c64-colodore"),
    (["stylize", "--network", "vgg-19"], "did you mean vgg19"),
    (["stylize", "--dither", "floyd"], "did you mean floyd-steinberg"),
    (["stylize", "--schedule", "every:0"], "schedule 'every:0'"),
    (["stylize", "--steps", "0"], "steps of 0"),
    (["stylize", "--pooling", "mean"], "pooling 'mean' is not known; max or average"),
    (["convert", "photo.png", "-m", "amiga32"], "did you mean amiga-32"),
    (["modes", "c64-hire"], "did you mean c64-hires"),
    (["modes"], "c64-multicolor"),
    (["plugins"], "pixeldream"),
    (["stylize", "--loss", "outlines"], "unknown loss 'outlines'"),
    (["gan", "train", "--demo", "--mode", "c64-sprite-hires"], "did you mean c64-sprites-hires"),
    (["gan", "train", "--demo", "--size", "48"], "size 48 is none of 16, 32"),
    (["gan", "sample", "nowhere"], "'nowhere' holds no run"),
    (["plugin", "check", "c46"], "did you mean c64"),
    (["plugin", "new", "c64"], "'c64' is taken"),
    (["modes", "--no-plugin", "amigo"], "did you mean amiga"),
]


@pytest.fixture(scope="module")
def looked_up() -> dict[str, tuple[int, str]]:
    """What the command lines of ``LOOKED_UP`` answer, by the line."""
    lines = [arguments for arguments, _ in LOOKED_UP]
    return dict(zip(map(" ".join, lines), without_jax(*lines), strict=True))


@pytest.mark.parametrize(("arguments", "message"), LOOKED_UP)
def test_names_are_looked_up_without_jax(
    arguments: list[str], message: str, looked_up: dict[str, tuple[int, str]]
) -> None:
    code, output = looked_up[" ".join(arguments)]
    assert message in output
    assert code == (0 if arguments in (["modes"], ["plugins"]) else 2)


def test_the_version_and_no_command_at_all(capsys: Capsys) -> None:
    assert call(capsys, "--version").out == f"pixeldream {__version__}\n"
    assert "stylize" in call(capsys).out
    assert "features" in call(capsys, "train").out


def test_python_m_pixeldream() -> None:
    done = subprocess.run([sys.executable, "-m", "pixeldream", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"pixeldream {__version__}\n"


def test_a_mistyped_command_is_corrected(capsys: Capsys) -> None:
    assert "Did you mean 'stylize'" in call(capsys, "stylise").error


# ---- lists ----------------------------------------------------------------------------------------------------------


def test_formats_for_machines(capsys: Capsys, registry: Registry) -> None:
    entries = {entry["name"]: entry for entry in json.loads(call(capsys, "formats", "--json").out)}
    assert set(entries) == set(registry.formats)
    for name, entry in entries.items():
        assert set(entry) >= {"name", "extensions", "modes", "reads", "writes", "plugin"}
        assert entry["modes"] == [mode for mode in registry.modes if registry.formats[name].holds(mode)]
    koala = entries["koala"]
    assert (koala["extensions"][0], koala["reads"], koala["writes"], koala["plugin"]) == (".kla", True, True, "c64")


def test_modes_for_machines(capsys: Capsys, registry: Registry) -> None:
    entries = {entry["name"]: entry for entry in json.loads(call(capsys, "modes", "--json").out)}
    assert set(entries) == set(registry.modes)
    keys = {"name", "machine", "size", "pixel_aspect", "palette", "slots", "formats", "plugin"}
    assert all(set(entry) >= keys for entry in entries.values())
    mode = entries["c64-multicolor"]
    assert (mode["size"], mode["palette"], mode["plugin"]) == ([160, 200], "c64-colodore", "c64")
    assert mode["slots"][0] == {"name": "background", "area": None}


@pytest.mark.parametrize("kind", ["modes", "palettes", "dithers", "formats", "networks", "plugins"])
def test_lists_name_everything_and_show_one(capsys: Capsys, registry: Registry, kind: str) -> None:
    everything = call(capsys, kind).out
    names = list(getattr(registry, kind))
    assert all(name in everything for name in names)
    one = call(capsys, kind, names[0])
    assert one.code == 0
    assert one.out.startswith("name ")
    assert [entry["name"] for entry in json.loads(call(capsys, kind, names[0], "--json").out)] == names[:1]
    assert names[0] in call(capsys, kind, names[0] + "x").error


# ---- plugins --------------------------------------------------------------------------------------------------------

PLUGIN = """
import pixeldream as pd

@pd.hookimpl
def register_palettes():
    return [pd.Palette("sixteen-greys", tuple((n * 17, n * 17, n * 17) for n in range(16)), source="arithmetic")]
"""


def test_a_plugin_file_before_and_after_the_command(capsys: Capsys, folder: Path) -> None:
    (folder / "greys.py").write_text(PLUGIN)
    assert "arithmetic" in call(capsys, "--plugin", "greys.py", "palettes", "sixteen-greys").out
    assert "arithmetic" in call(capsys, "palettes", "sixteen-greys", "--plugin", "greys.py").out
    assert "unknown palette 'sixteen-greys'" in call(capsys, "palettes", "sixteen-greys").error


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('boom')", "plugin 'mine': mine.py can't be loaded: RuntimeError: boom"),
        (
            "import pixeldream as pd\n@pd.hookimpl\ndef register_mode(): return []",
            "no hook 'register_mode'; did you mean",
        ),
        (PLUGIN.replace("sixteen-greys", "c64-pepto"), "palette 'c64-pepto' is already brought by plugin 'pixeldream'"),
    ],
)
def test_a_broken_plugin_file_is_an_error_that_names_it(
    capsys: Capsys, folder: Path, source: str, message: str
) -> None:
    (folder / "mine.py").write_text(source)
    assert message in call(capsys, "modes", "--plugin", "mine.py").error


def test_a_missing_plugin_file_is_named(capsys: Capsys, folder: Path) -> None:
    assert "'absent.py' is no Python file" in call(capsys, "modes", "--plugin", "absent.py").error


# ---- convert and show -----------------------------------------------------------------------------------------------


def test_convert_writes_what_its_outputs_are_called(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    ran = call(
        capsys,
        "convert",
        "photo.png",
        "--quality",
        "fast",
        "-m",
        "c64-hires",
        "-o",
        "a.art",
        "-o",
        "b.PNG",
        "-o",
        "c.prg",
    )
    assert ran.code == 0
    assert ran.out.split() == ["a.art", "b.PNG", "c.prg"]
    assert (folder / "a.art").stat().st_size == 9009
    with Image.open("b.PNG") as image:
        assert (image.size, image.mode) == ((320, 200), "P")


def test_convert_without_output_names_its_files_after_image_and_mode(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    ran = call(capsys, "convert", "photo.png", "--quality", "fast")
    assert ran.out.split() == [f"photo-c64-multicolor.{extension}" for extension in ("kla", "prg", "png")]
    assert names_in(folder) == set(ran.out.split())


def test_outputs_of_one_run_hold_the_same_picture(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "a.kla", "-o", "a.png", "--border", "red")
    assert call(capsys, "show", "a.kla", "-o", "b.png").code == 0
    with Image.open("a.png") as first, Image.open("b.png") as second:
        np.testing.assert_array_equal(first, second)


def test_raw_and_aspect(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    assert call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "raw.png", "--raw").code == 0
    assert call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "aspect.png", "--aspect").code == 0
    with Image.open("raw.png") as raw, Image.open("aspect.png") as aspect:
        assert raw.size == (160, 200)
        assert aspect.width / aspect.height == pytest.approx(320 * 59 / 63 / 200, rel=0.01)
    assert (
        "exclude each other"
        in call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "c.png", "--raw", "--aspect").error
    )


def test_a_locked_slot_keeps_its_colour(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "a.kla", "--lock", "background=blue")
    assert (folder / "a.kla").read_bytes()[-1] == 6


def test_a_palette_file(capsys: Capsys, folder: Path) -> None:
    greys = "\n".join(f"{n * 17} {n * 17} {n * 17}" for n in range(16))
    (folder / "greys.gpl").write_text(f"GIMP Palette\n{greys}\n")
    make_image(folder / "photo.png")
    assert call(capsys, "convert", "photo.png", "--quality", "fast", "--palette", "greys.gpl", "-o", "a.png").code == 0
    with Image.open("a.png") as image:
        rgb = np.asarray(image.convert("RGB"))
    assert (rgb[..., 0] == rgb[..., 1]).all()


def test_show_draws_in_the_terminal(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png", (60, 40))
    lines = call(capsys, "show", "photo.png", "--width", "30").out.splitlines()
    assert len(lines) == 10
    assert all(line.count("▀") == 30 and line.endswith("\x1b[0m") for line in lines)
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "a.kla")
    assert len(call(capsys, "show", "a.kla", "--width", "40").out.splitlines()) == 13


def test_show_says_what_drew_it(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "a.kla", "-o", "a.png")
    for name in ("a.kla", "a.png"):
        assert f"{name}: recognised as Commodore 64, c64-multicolor " in call(capsys, "show", name).err
    assert "photo.png: no machine's picture (" in call(capsys, "show", "photo.png").err
    assert call(capsys, "show", "a.png", "--quiet").err == ""


def test_show_writes_between_native_formats(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    call(capsys, "convert", "photo.png", "--quality", "fast", "-o", "a.kla", "-o", "a.prg")
    assert call(capsys, "show", "a.kla", "-o", "b.prg").code == 0
    assert (folder / "a.prg").read_bytes() == (folder / "b.prg").read_bytes()
    assert call(capsys, "show", "photo.png", "-o", "c.png").code == 0
    assert "goes to .png only" in call(capsys, "show", "photo.png", "-o", "c.kla").error


# ---- stylize --------------------------------------------------------------------------------------------------------


def test_stylize_writes_its_outputs_and_prints_their_names(capsys: Capsys, folder: Path, tiny: list[object]) -> None:
    ran = call(capsys, *tiny, "-o", "a.kla", "-o", "a.prg", "-o", "a.png")
    assert (ran.code, ran.out.split()) == (0, ["a.kla", "a.prg", "a.png"])
    assert ran.err.startswith("pixeldream: 2 steps in ")
    call(capsys, "show", "a.kla", "-o", "b.png")
    with Image.open("a.png") as first, Image.open("b.png") as second:
        np.testing.assert_array_equal(first, second)
    assert call(capsys, *tiny, "-o", "a.kla", "--quiet").err == ""


def test_the_embedded_samples_in_the_usual_files(capsys: Capsys, folder: Path) -> None:
    weights = make_weights(folder / "tiny.safetensors")
    ran = call(capsys, "stylize", "--steps", 1, "-n", f"vgg19={weights.name}")
    assert ran.out.split() == [f"sample-c64-multicolor.{extension}" for extension in ("kla", "prg", "png")]
    assert names_in(folder) == set(ran.out.split())


def test_the_report_holds_what_machines_read(capsys: Capsys, folder: Path, tiny: list[object]) -> None:
    call(capsys, *tiny, "-o", "a.png", "--report", "r.json", "--seed", 3, "--schedule", "every:2")
    report = json.loads((folder / "r.json").read_text())
    losses = {"content_loss", "style_loss", "total_loss"}
    keys = {"mode", "network", "schedule", "seed", "steps", "unconstrained", "history", "seconds", "outputs", "legal"}
    assert set(report) >= keys | losses
    assert set(report["unconstrained"]) == losses
    assert {"compile", "steps", "total"} <= set(report["seconds"])
    assert [len(row) for row in report["history"]] == [4, 4]
    assert [report[key] for key in ("mode", "schedule", "seed", "steps")] == ["c64-multicolor", "every:2", 3, 2]
    assert (report["outputs"], report["legal"]) == (["a.png"], True)
    assert all(np.isfinite(report[key]) and report[key] > 0 for key in losses)


def test_the_working_stages(capsys: Capsys, folder: Path, tiny: list[object]) -> None:
    call(capsys, *tiny[:-1], 20, "-o", "a.png", "--stages", "stages", "--init", "noise", "--scales", 2)
    names = sorted(path.name for path in (folder / "stages").iterdir())
    assert names[:3] == ["1-content.png", "2-style.png", "3-start.png"]
    assert names[-1] == "5-final.png"
    assert len(names) == 3 + 8 + 1
    with Image.open("stages/5-final.png") as final, Image.open("a.png") as output:
        np.testing.assert_array_equal(final, output.convert("RGB"))


def test_a_preview_while_it_runs_and_not_after(
    capsys: Capsys, folder: Path, tiny: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    write = Path.unlink
    monkeypatch.setattr(
        Path, "unlink", lambda path, missing_ok=False: (seen.append(path.name), write(path, missing_ok))
    )
    call(capsys, *tiny, "-o", "a.png", "--preview")
    assert "a-preview.png" in seen
    assert names_in(folder) == {"a.png"}


def test_several_styles_and_networks(capsys: Capsys, folder: Path, tiny: list[object]) -> None:
    make_weights(folder / "other.safetensors", seed=5)
    more = ["-s", "photo.png:0.5", "-n", "vgg19=other.safetensors", "--init", "art.png", "--content-layer", "relu2_1"]
    assert call(capsys, *tiny, *more, "-o", "a.png", "--report", "r.json").code == 0
    report = json.loads((folder / "r.json").read_text())
    assert report["network"] == "vgg19+vgg19"
    assert len(report["recipe"]["weights"]) == 2


def test_the_pooling_reaches_the_network_and_the_recipe(capsys: Capsys, folder: Path, tiny: list[object]) -> None:
    losses = []
    for pooling in ("max", "average"):
        call(capsys, *tiny, "--pooling", pooling, "-o", f"{pooling}.png", "--report", f"{pooling}.json")
        report = json.loads((folder / f"{pooling}.json").read_text())
        assert report["recipe"]["options"]["pooling"] == pooling
        losses.append(report["style_loss"])
    assert losses[0] != losses[1]


# ---- Ctrl-C ---------------------------------------------------------------------------------------------------------


def test_an_interruption_keeps_the_picture(
    capsys: Capsys, folder: Path, tiny: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Interrupt, "keep", lambda interrupt: setattr(interrupt, "asked", True))
    ran = call(capsys, *tiny, "-o", "a.kla", "--report", "r.json")
    assert (ran.code, ran.out.split()) == (130, ["a.kla", "r.json"])
    report = json.loads((folder / "r.json").read_text())
    assert (report["steps"], report["interrupted"], report["recipe"]["stopped"]) == (1, True, 1)


def interrupted(tiny: list[object], wait_for: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Runs for very long; Ctrl-C as soon as a file is there."""
    command = [sys.executable, "-m", "pixeldream", *map(str, tiny[:-1]), "100000", "-o", "a.kla", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            end = time.monotonic() + 60
            while not wait_for.exists() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, out, err)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process")
def test_ctrl_c_writes_the_picture_so_far(folder: Path, tiny: list[object]) -> None:
    done = interrupted(tiny, folder / "a-preview.png", "--preview")
    assert done.returncode == 130, done.stderr
    assert done.stdout.split() == ["a.kla"]
    assert "stopping after this step" in done.stderr
    assert "Traceback" not in done.stderr
    assert names_in(folder) == {"a.kla"}


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process")
def test_ctrl_c_before_the_first_step_writes_nothing(folder: Path, tiny: list[object]) -> None:
    done = interrupted(tiny, folder / "stages" / "3-start.png", "--stages", "stages")
    assert done.returncode == 130, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert names_in(folder) == {"stages"}
    assert not list((folder / "stages").glob(".*"))


# ---- the progress bar -----------------------------------------------------------------------------------------------


def test_a_bar_on_a_terminal_only(
    capsys: Capsys, folder: Path, tiny: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\r" not in call(capsys, *tiny, "-o", "a.png").err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    err = call(capsys, *tiny, "-o", "a.png").err
    assert "compiling" in err
    assert "2/2  content 0." in err
    assert "style " in err
    assert "0:00 left" in err
    assert call(capsys, *tiny, "-o", "a.png", "--quiet").err == ""


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:00"), (61, "1:01"), (3600, "1:00:00"), (7325, "2:02:05")])
def test_the_time_left_reads_like_a_clock(seconds: float, text: str) -> None:
    assert _clock(seconds) == text
