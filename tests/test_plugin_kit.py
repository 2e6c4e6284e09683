"""The plugin kit as its users meet it: begun, checked, broken, left out."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import call, make_image

from pixeldream.plugin import checking
from pixeldream.plugin.registry import LEAVE_OUT, load

Capsys = pytest.CaptureFixture[str]

HEAD = "import pixeldream as pd\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name: str, source: str) -> str:
    Path(f"{name}.py").write_text(HEAD + source + "\n")
    return f"{name}.py"


# ---- begun ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_new_plugin_passes_its_own_tests_and_the_linter(capsys: Capsys, folder: Path) -> None:
    # Slow: pytest runs in a process of its own, as it will for whoever wrote the plugin.
    ran = call(capsys, "plugin", "new", "my-machine", "--machine", "My Machine")
    assert ran.code == 0
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(ran.out.split())
    if importlib.util.find_spec("ruff"):
        for command in (["check"], ["format", "--check"]):
            ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "my-machine"]
            assert subprocess.run(ruff, capture_output=True, check=False).returncode == 0
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"]
    done = subprocess.run(tests, cwd="my-machine", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_a_new_plugin_keeps_all_laws_wherever_one_stands(
    capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(capsys, "plugin", "new", "my_machine")
    module = folder / "my-machine/pixeldream_my_machine/__init__.py"
    module.write_text(module.read_text().replace("(256, 192)", "(32, 16)"))  # so that it is checked sooner
    ran = call(capsys, "plugin", "check", "my-machine", "--json")
    report = json.loads(ran.out)
    assert (ran.code, report["plugin"], report["kept"]) == (0, "my-machine", True)
    assert {law["kind"] for law in report["laws"]} == {"plugin", "mode", "palette"}
    monkeypatch.chdir("my-machine")
    quick = ("--only", "my-machine", "--plugin", "pixeldream_my_machine")
    assert "two of sixteen" in call(capsys, "modes", "my-machine", *quick[2:]).out
    assert call(capsys, "--plugin", ".", "palettes", "my-machine").code == 0


def test_a_new_plugin_leaves_what_is_there(capsys: Capsys, folder: Path) -> None:
    (folder / "mine").write_text("precious")
    assert "'mine' exists already" in call(capsys, "plugin", "new", "mine").error
    assert (folder / "mine").read_text() == "precious"
    assert [path.name for path in folder.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Thomson MO5", "such as thomson-mo5"),
        ("8bit", "begins with a letter and has at most 40 of them, such as bit"),
        ("a/b", "such as a-b"),
        ("", "a name is small letters"),
        ("x" * 41, "at most 40"),
        ("c64", "'c64' is taken by a plugin"),
        ("plugins", "'plugins' is taken by a plugin"),
        ("amiga-32", "there is a mode of that name"),
    ],
)
def test_a_name_that_can_t_be_is_refused(capsys: Capsys, folder: Path, name: str, message: str) -> None:
    assert message in call(capsys, "plugin", "new", name).error
    assert list(folder.iterdir()) == []


def test_a_machine_that_would_break_the_files_is_refused(capsys: Capsys, folder: Path) -> None:
    assert "without quotes" in call(capsys, "plugin", "new", "mine", "--machine", 'an "Atari"').error


def test_the_file_of_an_installed_plugin_takes_its_place(
    capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(capsys, "plugin", "new", "twice")
    install(folder, "twice", (folder / "twice/pixeldream_twice/__init__.py").read_text(), monkeypatch)
    shutil.move(folder / "twice.py", folder / "pixeldream_twice.py")
    (folder / "twice-1.0.dist-info/entry_points.txt").write_text("[pixeldream]\ntwice = pixeldream_twice\n")
    found = load([folder / "twice/pixeldream_twice/__init__.py"])
    assert found.failures == []
    assert found.plugins["twice"].endswith("__init__.py")


# ---- checked --------------------------------------------------------------------------------------------------------

MODE = "MODE = pd.Mode('toy', 'toy', (32, 16), (pd.Slot('paper', (8, 8)), pd.Slot('ink', (8, 8))), 'c64-pepto')\n"
MODES = MODE + "@pd.hookimpl\ndef register_modes(): return [MODE]\n"
FORMAT = """
import numpy as np
def write(picture, options):
    paper, ink = picture.colours
    return np.packbits(picture.pixels).tobytes() + (paper * 16 + ink).astype(np.uint8).tobytes()
def read(data):
    if len(data) != 72: raise pd.FormatError("72 bytes")
    pixels = np.unpackbits(np.frombuffer(data[:64], np.uint8)).reshape(16, 32)
    cells = np.frombuffer(data[64:], np.uint8).reshape(2, 4)
    return pd.Picture(MODE, pd.palette("c64-pepto"), pixels, (cells >> 4, cells & 15))
@pd.hookimpl
def register_formats(): return [pd.Format("toy", (".toy",), ("toy",), write, read)]
"""
OWN = """
def render(picture, palette):
    import jax.numpy as jnp
    return jnp.asarray(palette)[jnp.asarray(picture.pixels, jnp.int32)]
def solve(image, palette, locks, dither, amount):
    import jax.numpy as jnp
    nearest = jnp.square(image[:, :, None] - palette[None, None]).sum(-1).argmin(-1)
    return pd.Solution(PIXELS, (jnp.full((1, 1), COLOUR, jnp.int32),))
MODE = pd.Mode("toy", "toy", (32, 16), (pd.Slot("register", None, (3,)),), "c64-pepto",
               values=16, solve=solve, render=render)
@pd.hookimpl
def register_modes(): return [MODE]
"""

BROKEN = {
    "a palette without a source": (
        "@pd.hookimpl\ndef register_palettes(): return [pd.Palette('p', ((0, 0, 0), (9, 9, 9), (0, 0, 0)))]",
        ["does not say where its values come from", "say who measured", "(0, 0, 0) twice, at indices 0 and 2"],
    ),
    "a mode without its palette": (
        MODES.replace("c64-pepto", "c64-peppo"),
        ["unknown palette 'c64-peppo'; did you mean c64-pepto", "palettes' of the package"],
    ),
    "other colours than the palette": (
        MODES.replace("'c64-pepto')", "'c64-pepto', colours=15)"),
        ["palette 'c64-pepto' has 16 colours, and the mode says colours=15"],
    ),
    "a name that options can't take": (
        "@pd.hookimpl\ndef register_dithers(): return [pd.Ordered('my dither:1', ((0, 1),))]",
        ["'my dither:1' is no such name", "small letters, digits, hyphens", "rename it"],
    ),
    "a dither with a bias": (
        "@pd.hookimpl\ndef register_dithers(): return [pd.Ordered('d', ((0, 0), (0, 3)))]",
        ["dither d", "thresholds have a mean of"],
    ),
    "a format with its bits turned round": (
        MODES + FORMAT.replace("np.packbits(picture.pixels)", "np.packbits(picture.pixels, bitorder='little')"),
        ["pixels of toy changed on the way, first pixel (", ") of slots 'paper', 'ink'", "bit order"],
    ),
    "a format that depends on the moment": (
        MODES
        + FORMAT.replace("return np.packbits", "calls.append(1); return bytes([len(calls)]) + np.packbits")
        + "calls = []\n",
        ["writes other bytes the second time, first at byte 0 ($0): 01 and 02"],
    ),
    "a reader that trusts its file": (
        MODES
        + FORMAT.replace("    if len(data) != 72: raise pd.FormatError('72 bytes')\n", "").replace(
            'if len(data) != 72: raise pd.FormatError("72 bytes")', "pass"
        ),
        ["raises ValueError (", "not FormatError, for an empty file", "check the length and the first bytes"],
    ),
    "a format of no mode": (
        MODES + FORMAT.replace('("toy",), write', '("toi",), write'),
        ["there is no mode 'toi'"],
    ),
    "a solver that leaves the values": (
        OWN.replace("PIXELS", "nearest + 9").replace("COLOUR", "3"),
        ["the solver's picture is illegal: pixel (", "not 0 to 15", "pixels are numbers below the count of values"],
    ),
    "a solver that leaves its slot": (
        OWN.replace("PIXELS", "nearest").replace("COLOUR", "4"),
        ["the solver's picture is illegal: slot 'register': colour 4, not 3"],
    ),
    "a solver with a mistake": (
        OWN.replace("PIXELS", "nearst").replace("COLOUR", "3"),
        ["NameError: name 'nearst' is not defined (mine.py, line 9)", "keeps legal pictures: in the same way"],
    ),
    "a loss with no slope": (
        "@pd.hookimpl\ndef register_losses(): return [pd.Loss('l', lambda s, c: abs(s.image - c.image).max().round())]",
        ["a gradient of 0 everywhere", "no rounding"],
    ),
    "a loss with a hole": (
        "@pd.hookimpl\ndef register_losses(): return [pd.Loss('l', lambda s, c: ((s.image - c.image)**2).mean()**0.5)]",
        ["has no finite gradient for the content, first at pixel (0, 0)"],
    ),
    "a loss of many numbers": (
        "@pd.hookimpl\ndef register_losses(): return [pd.Loss('l', lambda s, c: s.image - c.image)]",
        ["is of shape (32, 48, 3) for a picture, not a single number"],
    ),
    "a network that takes anything": (
        "@pd.hookimpl\ndef register_networks(): return [pd.Network('n', '', lambda a: a['w'], '/no.npz', '')]",
        ["weights /no.npz can't be read"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_law_is_said_in_words(capsys: Capsys, folder: Path, name: str) -> None:
    source, messages = BROKEN[name]
    ran = call(capsys, "plugin", "check", written("mine", source))
    assert ran.code == 1
    for message in messages:
        assert message in ran.out
    assert "Traceback" not in ran.out + ran.err
    assert "  expected  " in ran.out
    assert "  to do     " in ran.out


def test_the_right_twins_of_the_broken_ones_pass(capsys: Capsys, folder: Path) -> None:
    ran = call(capsys, "plugin", "check", written("mine", MODES + FORMAT))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.endswith("plugin mine: all laws kept\n")
    own = call(
        capsys, "plugin", "check", written("own", OWN.replace("PIXELS", "nearest").replace("COLOUR", "3")), "--thorough"
    )
    assert "mode toy: 9 of 9 laws kept" in own.out
    assert own.code == 0, own.out


def test_a_check_for_machines_of_one_thing_with_its_traceback(capsys: Capsys, folder: Path) -> None:
    source = (
        BROKEN["a solver with a mistake"][0]
        + "@pd.hookimpl\ndef register_palettes(): return [pd.Palette('p', ((0, 0, 0),))]"
    )
    ran = call(capsys, "plugin", "check", written("mine", source), "--only", "p", "--json", "--traceback")
    report = json.loads(ran.out)
    assert [law["name"] for law in report["laws"]] == ["mine", "p", "p", "p"]
    assert [law["law"] for law in report["laws"] if not law["kept"]] == ["names its source"]
    assert ran.code == 1
    assert "AssertionError" in ran.err
    assert "brings no 'q'" in call(capsys, "plugin", "check", "mine.py", "--only", "q").error


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("missing.py", "there is no file 'missing.py'"),
        ("c46", "unknown plugin 'c46'; did you mean c64"),
        (".", "folder '.' holds no plugin"),
    ],
)
def test_what_can_t_be_checked_is_named(capsys: Capsys, folder: Path, target: str, message: str) -> None:
    assert message in call(capsys, "plugin", "check", target).error


def test_the_built_in_plugins_can_be_checked(capsys: Capsys) -> None:
    for plugin, only in (("c64", "koala"), ("dithers", "bayer2")):
        assert call(capsys, "plugin", "check", plugin, "--only", only).code == 0


def test_every_law_says_what_it_expects_and_what_to_do() -> None:
    from pixeldream.plugin import testing, testing_frames

    laws = [law for name in dir(testing) if name.endswith("_LAWS") for law in getattr(testing, name)]
    for law in [
        *laws,
        *testing_frames.MOVING_LAWS,
        checking.it_loads,
        checking.name_can_be_typed,
        checking.mode_has_its_palette,
        checking.format_has_a_mode,
    ]:
        check = checking.Check("mode", "m", law, (), "")
        assert check.expected, law
        assert law.__name__ in checking.ADVICE, law


# ---- broken ---------------------------------------------------------------------------------------------------------


def install(folder: Path, name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``pip install`` would leave it."""
    (folder / f"{name}.py").write_text(source)
    facts = folder / f"{name}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[pixeldream]\n{name} = {name}\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, name, raising=False)


EVIL = {
    "evil_import": ("raise RuntimeError('no luck')", "evil_import 1.0 can't be loaded: RuntimeError: no luck"),
    "evil_hook": ("@pd.hookimpl\ndef register_modes(): return 1 / 0", "register_modes raised ZeroDivisionError"),
    "evil_exit": ("@pd.hookimpl\ndef register_modes(): raise SystemExit(3)", "register_modes raised SystemExit"),
    "evil_spelling": ("@pd.hookimpl\ndef register_mode(): return []", "no hook 'register_mode'; did you mean"),
    "evil_name": (
        "@pd.hookimpl\ndef register_dithers(): return [pd.Ordered('bayer4', ((0, 1),))]",
        "dither 'bayer4' is already brought by plugin 'dithers'; rename it",
    ),
    "evil_tiles": (MODES.replace("(32, 16)", "(30, 16)"), "areas of 8x8 do not tile 30x16"),
}


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_plugin_is_named_with_what_to_do_and_the_core_works(
    capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source, message = EVIL[name]
    install(folder, name, HEAD + source, monkeypatch)
    ran = call(capsys, "modes")
    assert ran.code == 0
    assert "c64-multicolor" in ran.out
    assert f"warning: plugin '{name}': " in ran.err
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1
    assert any(way in ran.err for way in ("mend", "did you mean", "rename it"))
    listed = {entry["name"]: entry for entry in json.loads(call(capsys, "plugins", "--json").out)}
    assert message in listed[name]["failures"][0]
    checked = call(capsys, "plugin", "check", name, "--only", "what-it-should-bring")
    assert checked.code == 1
    assert message in checked.out
    assert call(capsys, "modes", "--no-plugin", name).err == ""


def test_a_solver_that_lies_is_named_where_it_is_used(
    capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(folder, "evil_solver", HEAD + BROKEN["a solver that leaves the values"][0], monkeypatch)
    make_image(folder / "photo.png")
    ran = call(capsys, "convert", "photo.png", "--quality", "fast", "-m", "toy", "-o", "a.png")
    assert "mode 'toy' of plugin 'evil_solver' failed: toy: a pixel has the value" in ran.error
    assert "'pixeldream plugin check evil_solver' says more; or use another mode" in ran.error
    assert not (folder / "a.png").exists()
    assert call(capsys, "convert", "photo.png", "--quality", "fast", "-m", "c64-hires", "-o", "a.png").code == 0
    assert call(capsys, "plugin", "check", "evil_solver", "--only", "toy").code == 1


def test_a_format_that_fails_is_named_where_it_is_used(capsys: Capsys, folder: Path) -> None:
    source = MODES + FORMAT.replace("paper, ink = picture.colours", "paper, ink, more = picture.colours").replace(
        'raise pd.FormatError("72 bytes")', "return data[99]"
    )
    file = written("mine", source)
    make_image(folder / "photo.png")
    ran = call(capsys, "--plugin", file, "convert", "photo.png", "--quality", "fast", "-m", "toy", "-o", "a.toy")
    assert "format 'toy' of plugin 'mine' failed: not enough values to unpack" in ran.error
    (folder / "b.toy").write_bytes(b"x")
    assert "format 'toy' of plugin 'mine' failed: IndexError" in call(capsys, "--plugin", file, "show", "b.toy").error


# ---- left out -------------------------------------------------------------------------------------------------------


def test_plugins_are_left_out_by_option_and_by_environment(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (["--no-plugin", "amiga", "modes"], ["modes", "--no-plugin", "amiga"]):
        ran = call(capsys, *arguments)
        assert "c64-hires" in ran.out
        assert "amiga" not in ran.out
    assert "unknown plugin 'amigo'; did you mean amiga" in call(capsys, "modes", "--no-plugin", "amigo").error
    monkeypatch.setenv(LEAVE_OUT, "amiga, c64,,absent")
    assert not [name for name in load().modes if name.startswith(("amiga", "c64"))]
    ran = call(capsys, "plugins")
    assert "left out" in ran.out
    assert "warning: PIXELDREAM_NO_PLUGINS: there is no plugin 'absent'" in ran.err
    listed = {entry["name"]: entry for entry in json.loads(call(capsys, "plugins", "--json").out)}
    assert (listed["c64"]["left_out"], listed["c64"]["brings"], listed["png"]["left_out"]) == (True, {}, False)


def test_the_list_of_plugins_gives_versions(capsys: Capsys, folder: Path) -> None:
    file = written("mine", "__version__ = '0.3'\n" + MODES)
    listed = {entry["name"]: entry for entry in json.loads(call(capsys, "plugins", "--json", "--plugin", file).out)}
    assert (listed["mine"]["version"], listed["mine"]["brings"]) == ("0.3", {"modes": ["toy"]})
    assert "mine.py 0.3" in call(capsys, "plugins", "--plugin", file).out
    from pixeldream import __version__

    assert listed["c64"]["version"] == __version__


# ---- palettes without code ------------------------------------------------------------------------------------------


def test_palette_files_reach_the_tool_without_code(capsys: Capsys, folder: Path) -> None:
    make_image(folder / "photo.png")
    colours = "\n".join(f"{n * 16} {n * 8} {n}" for n in range(16))
    (folder / "mine.gpl").write_text(f"GIMP Palette\n# Source: me\n{colours}\n")
    assert (
        call(
            capsys,
            "convert",
            "photo.png",
            "--quality",
            "fast",
            "-m",
            "c64-hires",
            "--palette",
            "mine.gpl",
            "-o",
            "a.png",
        ).code
        == 0
    )
    package = folder / "pixeldream_colours"
    (package / "palettes").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "palettes/good.gpl").write_text("GIMP Palette\n# Source: me\n1 2 3 one\n")
    found = load([package / "__init__.py"])
    assert (found.palettes["good"].source, found.palettes.origins["good"]) == ("me", "colours")
    (package / "palettes/bad.gpl").write_text("GIMP Palette\n1 2 many\n")
    assert "palette 'bad', line 2" in str(load([package / "__init__.py"]).failures[0])
