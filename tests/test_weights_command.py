"""``pixeldream weights``, and what ``-n NAME`` does with weights that are not there yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command import Ran, call, make_weights
from weight_server import Server, Told, serving

from pixeldream.cache import CACHE
from pixeldream.neural.weights import cache, fetching, load_weights, read_facts, save_weights

Capsys = pytest.CaptureFixture[str]

PLUGIN = """
import pixeldream as pd

def build(arrays):
    return pd.build_vgg(arrays, "far")

@pd.hookimpl
def register_networks():
    where = pd.Download("{url}/net.safetensors", "sha256:{digest}", {size}, "CC0")
    return [pd.Network("far", "a test", build, None, "a test", where)]
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "http_proxy", cache.MIRROR):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(cache.OFFLINE, "0")  # so that --offline is undone as well
    monkeypatch.setattr(fetching, "DELAY_SECONDS", 0.001)
    data = make_weights(tmp_path / "net.safetensors").read_bytes()
    with serving(data) as found:
        digest = hashlib.sha256(data).hexdigest()
        (tmp_path / "far.py").write_text(PLUGIN.format(url=found.url, digest=digest, size=len(data)))
        yield found


@pytest.fixture
def plugin(tmp_path: Path) -> list[object]:
    return ["--plugin", tmp_path / "far.py"]


def test_the_list_says_what_is_there(server: Server, plugin: list[object], capsys: Capsys) -> None:
    def states() -> dict[str, dict[str, object]]:
        return {each["name"]: each for each in json.loads(call(capsys, "weights", "list", "--json", *plugin).out)}

    before = states()
    assert before["embedded"]["state"] == "embedded"
    assert before["vgg19"] | {"state": "to fetch", "cached": False, "size": 574_673_361} == before["vgg19"]
    assert before["far"]["licence"] == "CC0"
    assert call(capsys, "weights", "fetch", "far", "-q", *plugin).code == 0
    after = states()["far"]
    assert after["state"] == "cached"
    assert after["size"] == len(server.data)
    assert Path(str(after["file"])).read_bytes() == server.data
    assert call(capsys, "weights", "path").out.strip() == str(cache.folder())
    assert call(capsys, "weights", "list", "vgg19").out.startswith("name ")


def test_fetching_says_from_where_how_much_and_under_which_licence(
    server: Server, plugin: list[object], capsys: Capsys
) -> None:
    ran = call(capsys, "weights", "fetch", "far", *plugin)
    assert ran.out == f"{cache.folder() / 'net.safetensors'}\n"
    assert ran.err == f"pixeldream: fetching far (0 MiB) from {server.url}/net.safetensors; licence: CC0\n"
    assert call(capsys, "weights", "fetch", "far", *plugin) == Ran(0, ran.out, "")
    Path(ran.out.strip()).write_bytes(b"damaged")
    assert call(capsys, "weights", "fetch", "far", *plugin).code == 0
    assert Path(ran.out.strip()).read_bytes() == server.data


def test_what_can_not_be_fetched(server: Server, plugin: list[object], capsys: Capsys) -> None:
    assert "did you mean vgg19" in call(capsys, "weights", "fetch", "vgg91").error
    assert "brings its weights along" in call(capsys, "weights", "fetch", "embedded").error
    assert "forbids to fetch it; --network embedded" in call(capsys, "weights", "fetch", "vgg19", "--offline").error
    server.told = [Told(code=404)]
    error = call(capsys, "weights", "fetch", "far", "--quiet", *plugin, "--no-plugin", "c64").error
    assert "PIXELDREAM_OFFLINE" in error


def test_the_first_use_fetches_and_the_second_does_not(
    server: Server, tmp_path: Path, plugin: list[object], capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = ["stylize", "-n", "far", "--steps", 1, "-o", "out.png", "--report", "r.json", *plugin]
    server.told = [Told(code=404)]
    failed = call(capsys, *run)
    assert failed.code == 2
    assert "far' can't be fetched" in failed.err.splitlines()[-1]
    assert "404 Not Found; --network embedded needs no download" in failed.err.splitlines()[-1]
    assert not Path("out.png").exists()
    server.told = [Told(cut=500)]
    ran = call(capsys, *run)
    assert ran.code == 0, ran.err
    assert ran.err.startswith("pixeldream: fetching far")
    digest = hashlib.sha256(server.data).hexdigest()
    assert json.loads(Path("r.json").read_text())["recipe"]["weights"] == {"far": digest}
    asked = len(server.asked)
    assert call(capsys, *run, "--offline").code == 0
    assert len(server.asked) == asked


def test_weights_are_converted(server: Server, tmp_path: Path, capsys: Capsys) -> None:
    random = np.random.default_rng(0)
    theirs = {"features.0.weight": random.normal(size=(4, 3, 3, 3)), "features.0.bias": random.normal(size=4)}
    source, target = tmp_path / "torch.safetensors", tmp_path / "ours.safetensors"
    save_weights(source, {name: array.astype(np.float32) for name, array in theirs.items()})
    ran = call(capsys, "weights", "convert", source, target, "--network", "vgg19", "--float16")
    assert ran == Ran(0, f"{target}\n", "pixeldream: 4 arrays, read as torch VGG\n")
    found = load_weights(target)
    np.testing.assert_allclose(found["conv1_1_w"], theirs["features.0.weight"].transpose(2, 3, 1, 0), atol=2e-3)
    assert read_facts(target)["read as"] == "torch VGG"
    assert target.stat().st_size < source.stat().st_size * 2
    assert call(capsys, "weights", "convert", source, tmp_path / "raw.npz", "--raw").code == 0
    assert sorted(load_weights(tmp_path / "raw.npz")) == sorted(theirs)
    before = target.read_bytes()
    for wrong, says in (
        ([source, tmp_path / "x.pth"], r"weights are written as .safetensors or .npz, not as"),
        ([source, source], "would overwrite the input"),
        ([tmp_path / "gone.pth", target], "can't be read: No such file"),
        ([source, target, "-n", "squeezenet1.1"], "does not fit network 'squeezenet1.1'"),
        ([source, target, "-n", "vgg"], "unknown network 'vgg'"),
    ):
        assert says in call(capsys, "weights", "convert", *wrong).error
    save_weights(source, {"features.0.weight": np.full((1, 3, 3, 3), 1e6, np.float32), "features.0.bias": np.ones(1)})
    assert (
        "values of up to 1e+06, too large for" in call(capsys, "weights", "convert", source, target, "--float16").error
    )
    assert target.read_bytes() == before
