"""Weights from files: every way in which a file can be bad ends in one line that says so, and nothing in it runs."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixeldream.neural.networks.base import Network
from pixeldream.neural.networks.vgg import build
from pixeldream.neural.weights import WeightsError, errors, load_weights, read_facts, resolve, save_weights

VGG = Network("vgg19", "a test", build, None, "nowhere")


def arrays(widths: tuple[int, ...] = (4, 6), depth: int = 2) -> dict[str, np.ndarray]:
    random, before = np.random.default_rng(0), 3
    made: dict[str, np.ndarray] = {}
    for block, width in enumerate(widths, 1):
        for number in range(1, depth + 1):
            made[f"conv{block}_{number}_w"] = random.normal(0, 0.1, (3, 3, before, width)).astype(np.float32)
            made[f"conv{block}_{number}_b"] = random.normal(0, 0.1, width).astype(np.float32)
            before = width
    return made


def npz(path: Path, **found: Any) -> Path:
    np.savez(path, **found)
    return path


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
@pytest.mark.parametrize("stored", [np.float16, np.float32, np.float64])
def test_what_is_written_is_read_as_float32(tmp_path: Path, kind: str, stored: type) -> None:
    made = {name: value.astype(stored) for name, value in arrays().items()}
    path = tmp_path / f"net.{kind}"
    if kind == "npz":
        npz(path, **made)
    else:
        save_weights(path, made, {"steps": "3"})
        assert read_facts(path) == {"steps": "3"}
    found = load_weights(path)
    assert sorted(found) == sorted(made)
    for name, value in made.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], value.astype(np.float32))


def test_a_compressed_npz_is_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "net.npz", **arrays())  # type: ignore[arg-type]
    assert load_weights(tmp_path / "net.npz")["conv1_1_w"].shape == (3, 3, 3, 4)


class Evil:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_in_an_npz_never_runs(tmp_path: Path) -> None:
    evil = np.empty(1, object)
    evil[0] = Evil(tmp_path / "ran")
    path = npz(tmp_path / "net.npz", conv1_1_w=evil)
    with pytest.raises(WeightsError, match="pickled Python objects"):
        load_weights(path)
    assert not (tmp_path / "ran").exists()


def _member(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("conv1_1_w.npy", data)
    return stream.getvalue()


def _npy(value: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, value)
    return stream.getvalue()


def _safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


HUGE = _npy(np.zeros(4, np.float32)).replace(b"(4,), }", b"(99999999999,), }")

BAD = {
    "net.npz": [
        (b"", "is empty"),
        (b"these are not weights", "not a whole .npz file"),
        (b"PK\x05\x06" + bytes(18), "holds no arrays"),
        (_member(b"\x93NUMPY"), "is damaged"),
        (_member(b"hello"), "is damaged"),
        (_member(HUGE), "declares shape"),
        (_member(_npy(np.zeros(4, np.float32))[:-1]), "declares shape"),
        (_member(_npy(np.zeros(4, np.int64))), "'conv1_1_w' is int64, not float32"),
        (_member(_npy(np.zeros(4, np.complex64))), "'conv1_1_w' is complex64"),
        (_member(_npy(np.asarray(["a"]))), "not float32"),
        (_member(_npy(np.asarray([1, np.nan, np.inf], np.float32))), "2 values that are not finite"),
        (_member(_npy(np.asarray([1e300]))), "1 values that are not finite"),
    ],
    "net.safetensors": [
        (b"", "is empty"),
        (b"text that is named so", "not a whole .safetensors file"),
        (_safetensors(b"{"), "not a whole"),
        (struct.pack("<Q", 1 << 60), "not a whole"),
        (_safetensors({}), "holds no arrays"),
        (_safetensors({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}), "not a whole"),
        (_safetensors({"a": {"dtype": "I32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), "'a' is int32"),
        (_safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\0\0\xc0\x7f"), "not finite"),
        (_safetensors({"a": {"dtype": "Z9", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), "not a whole"),
    ],
    "net.t7": [(b"x", r"\.t7 is not read; give one of .npz, .safetensors, .pth, .h5, .caffemodel")],
    "net": [(b"x", "no extension is not read")],
}


@pytest.mark.parametrize(
    ("name", "data", "says"), [(name, data, says) for name, cases in BAD.items() for data, says in cases]
)
def test_a_bad_file_is_named_with_its_fault(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=says) as caught:
        load_weights(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.npz can't be read: No such file"):
        load_weights(tmp_path / "nowhere.npz")
    with pytest.raises(WeightsError, match="is a folder"):
        load_weights(tmp_path)


def test_large_files_are_refused_by_what_they_declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", conv1_1_w=np.zeros(3_000_000, np.float32))
    assert (tmp_path / "bomb.npz").stat().st_size < 20_000
    monkeypatch.setattr(errors, "MAXIMUM_BYTES", 1_000_000)
    with pytest.raises(WeightsError, match="12000128 bytes together is more than"):
        load_weights(tmp_path / "bomb.npz")
    (tmp_path / "large.safetensors").write_bytes(bytes(1_000_001))
    with pytest.raises(WeightsError, match="1000001 bytes is more than"):
        load_weights(tmp_path / "large.safetensors")


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_every_truncation_is_an_error(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / f"whole.{kind}"
    small = {"conv1_1_b": np.ones(3, np.float32)}
    if kind == "npz":
        npz(whole, **small)
    else:
        save_weights(whole, small)
    data, cut = whole.read_bytes(), tmp_path / f"cut.{kind}"
    for length in range(len(data)):
        cut.write_bytes(data[:length])
        with pytest.raises(WeightsError):
            load_weights(cut)


def test_a_directory_before_the_start_of_the_archive_is_an_error(tmp_path: Path) -> None:
    """The end record's count of bytes reaches back over the beginning of the file: zipfile seeks before it."""
    path = tmp_path / "net.npz"
    npz(path, conv1_1_b=np.ones(3, np.float32))
    content = bytearray(path.read_bytes())
    offset = len(content) - 22 + 16  # where the end record says that the directory starts
    content[offset : offset + 4] = (int.from_bytes(content[offset : offset + 4], "little") + 256).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match=r"net\.npz"):
        load_weights(path)


@given(st.data())
def test_a_damaged_byte_is_an_error_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    kind = data.draw(st.sampled_from(["npz", "safetensors"]))
    path = folder / f"net.{kind}"
    small = {"conv1_1_b": np.ones(3, np.float32)}
    if kind == "npz":
        npz(path, **small)
    else:
        save_weights(path, small)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        found = load_weights(path)
    except WeightsError:
        return
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in found.values())


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.safetensors"
    save_weights(path, arrays())
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_weights(path, arrays((8,)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_resolve_takes_the_file_or_asks_for_one(tmp_path: Path) -> None:
    path = npz(tmp_path / "net.npz", **arrays())
    network, found, digest = resolve(VGG, path)
    assert network.layers[-1] == "relu2_2"
    assert set(found) == set(arrays())
    assert digest == __import__("hashlib").sha256(path.read_bytes()).hexdigest()
    with pytest.raises(WeightsError, match=r"'vgg19' comes without weights; name a file: --network vgg19=FILE"):
        resolve(VGG, None)


def test_resolve_names_the_file_that_does_not_fit(tmp_path: Path) -> None:
    path = npz(tmp_path / "other.npz", fc_w=np.zeros((2, 2), np.float32))
    with pytest.raises(WeightsError, match=r"other\.npz does not fit network 'vgg19': no conv1_1_w .*\(fc_w"):
        resolve(VGG, path)


def test_a_lost_embedded_file_is_explained() -> None:
    with pytest.raises(WeightsError, match=r"has lost its file gone\.safetensors; install it again"):
        resolve(Network("embedded", "a test", build, "gone.safetensors", "nowhere"), None)
