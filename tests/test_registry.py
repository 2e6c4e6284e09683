"""The plugin door: what is misspelt, claimed twice or broken is named, and the rest goes on working."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixeldream.plugin.registry import Registry, UnknownName, load

HEAD = "import pixeldream as pd\n"

EVIL = {
    "raises_on_import": (
        "raise RuntimeError('no\\nluck')",
        "can't be loaded: RuntimeError: no luck; mend or uninstall",
    ),
    "exits_on_import": ("raise SystemExit(3)", "can't be loaded: SystemExit: 3"),
    "broken_syntax": ("def (", "can't be loaded: SyntaxError"),
    "raises_in_a_hook": (
        "@pd.hookimpl\ndef register_modes():\n    return 1 / 0",
        "register_modes raised ZeroDivisionError: division by zero",
    ),
    "raises_while_listed": (
        "@pd.hookimpl\ndef register_modes():\n    yield 1 / 0",
        "register_modes raised ZeroDivisionError",
    ),
    "misspelt_hook": (
        "@pd.hookimpl\ndef register_mode():\n    return []",
        "there is no hook 'register_mode'; did you mean register_modes",
    ),
    "claims_a_name_twice": (
        "@pd.hookimpl\ndef register_dithers():\n    return [pd.Ordered('bayer4', ((0, 1),))]",
        "dither 'bayer4' is already brought by plugin 'dithers'; rename it",
    ),
    "returns_another_kind": (
        "@pd.hookimpl\ndef register_palettes():\n    return [pd.Slot('x')]",
        "register_palettes returned Slot(name='x'",
    ),
    "returns_nothing": ("@pd.hookimpl\ndef register_formats():\n    pass", "register_formats raised TypeError"),
    "wants_an_argument": ("@pd.hookimpl\ndef register_modes(machine):\n    return []", "can't be loaded"),
    "cannot_tile": (
        "@pd.hookimpl\ndef register_modes():\n"
        "    return [pd.Mode('m', 'toy', (10, 10), (pd.Slot('a', (4, 4)),), 'c64-colodore')]",
        "areas of 4x4 do not tile 10x10",
    ),
}


@pytest.fixture
def plain() -> Registry:
    return load()


def written(folder: Path, name: str, source: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(HEAD + source + "\n")
    return path


@pytest.mark.parametrize("name", EVIL)
def test_an_evil_plugin_is_named_and_the_rest_works(tmp_path: Path, plain: Registry, name: str) -> None:
    source, message = EVIL[name]
    found = load([written(tmp_path, name, source)])
    assert [failure.plugin for failure in found.failures] == [name]
    assert message in str(found.failures[0])
    assert "\n" not in str(found.failures[0])
    assert list(found.modes) == list(plain.modes)
    assert list(found.formats) == list(plain.formats)


def test_evil_plugins_together_are_all_named(tmp_path: Path, plain: Registry) -> None:
    files = [written(tmp_path, name, source) for name, (source, _) in EVIL.items()]
    found = load(files)
    assert {failure.plugin for failure in found.failures} == set(EVIL)
    assert list(found.modes) == list(plain.modes)


def test_what_works_in_a_half_broken_plugin_is_kept(tmp_path: Path) -> None:
    source = (
        "@pd.hookimpl\ndef register_dithers():\n    return [pd.Ordered('mine', ((0, 1),))]\n"
        "@pd.hookimpl\ndef register_palette():\n    return []"
    )
    found = load([written(tmp_path, "half", source)])
    assert found.dithers["mine"].name == "mine"
    assert len(found.failures) == 1


def test_one_file_is_a_plugin(tmp_path: Path) -> None:
    source = (
        "@pd.hookimpl\ndef register_modes():\n"
        "    return [pd.Mode('zx', 'ZX', (256, 192), (pd.Slot('paper', (8, 8)), pd.Slot('ink', (8, 8))), 'c64-pepto')]"
    )
    path = written(tmp_path, "mine", source)
    found = load([path])
    assert found.failures == []
    assert found.modes["zx"].size == (256, 192)
    assert found.plugins["mine"] == str(path)


@pytest.mark.parametrize("name", ["missing.py", "text.txt"])
def test_a_file_that_is_no_plugin_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.txt").write_text("hello")
    found = load([tmp_path / name])
    assert name in str(found.failures[0])


def test_a_file_with_the_name_of_a_plugin_is_refused(tmp_path: Path) -> None:
    found = load([written(tmp_path, "c64", "")])
    assert "has the name of a plugin from" in str(found.failures[0])


@pytest.mark.parametrize(
    ("kind", "name", "nearest"),
    [
        ("modes", "c64-multicolour", "c64-multicolor"),
        ("palettes", "colodore", "c64-colodore"),
        ("networks", "vgg-19", "vgg19"),
        ("dithers", "floydsteinberg", "floyd-steinberg"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(plain: Registry, kind: str, name: str, nearest: str) -> None:
    with pytest.raises(UnknownName, match=rf"unknown \w+ '{name}'; did you mean .*{nearest}"):
        getattr(plain, kind)[name]


def test_a_name_like_no_other_lists_what_there_is(plain: Registry) -> None:
    with pytest.raises(UnknownName, match=r"there are amiga-16, amiga-16-lace, .*, and \d+ more$"):
        plain.modes["zzzzzz"]
    with pytest.raises(UnknownName, match=r"there are \S+, .*vgg19$"):
        plain.networks["zzzzzz"]
