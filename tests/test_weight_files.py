"""Weights in other programs' files: read as they were written, and whatever is wrong with one ends in one line; nothing
in them ever runs."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from caffe_writer import caffemodel, field, varint
from hypothesis import given
from hypothesis import strategies as st
from torch_golden import LEGACY, ZIP

from pixeldream.neural.weights import WeightsError, errors, load_weights, pickled
from pixeldream.neural.weights.caffe import parse_caffe
from pixeldream.neural.weights.keras import parse_keras
from pixeldream.neural.weights.pickled import PickleError, interpret
from pixeldream.neural.weights.torch_files import parse_torch

GOLDEN = {"zip": ZIP, "legacy": LEGACY}


def load(tmp_path: Path, name: str, data: bytes) -> dict[str, np.ndarray]:
    (tmp_path / name).write_bytes(data)
    return load_weights(tmp_path / name)


# ---- PyTorch --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", GOLDEN)
def test_both_containers_of_torch_are_read(tmp_path: Path, container: str) -> None:
    found = load(tmp_path, "net.pth", GOLDEN[container])
    assert list(found) == ["a.weight", "a.bias"]
    np.testing.assert_array_equal(found["a.weight"], np.arange(6, dtype=np.float32).reshape(2, 3))
    np.testing.assert_array_equal(found["a.bias"], np.asarray([1, 2], np.float32))


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_whatever_torch_saves_is_read(tmp_path: Path, new: bool, protocol: int) -> None:
    torch = pytest.importorskip("torch")
    base = torch.arange(24.0).reshape(4, 6)
    tensors = {
        "plain": base, "turned": base.t(), "part": base[1:3, ::2], "parameter": torch.nn.Parameter(base * 2),
        "half": base.half(), "double": base.double(), "short": base.bfloat16(), "one": torch.tensor(3.0),
        "none": torch.zeros(0, 3), "norm.num_batches_tracked": torch.tensor(7),
    }  # fmt: skip
    whole = {"epoch": 3, "state_dict": {f"module.{n}": t for n, t in tensors.items()}, "optimizer": {"m": base}}
    for made in (tensors, OrderedDict(tensors), whole):
        torch.save(made, tmp_path / "net.pth", _use_new_zipfile_serialization=new, pickle_protocol=protocol)
        found = load_weights(tmp_path / "net.pth")
        assert list(found) == list(tensors)[:-1]
        for name, array in found.items():
            np.testing.assert_array_equal(array, tensors[name].detach().float().numpy())


def test_what_torch_saves_besides_arrays_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for new in (True, False):
        torch.save(torch.nn.Linear(2, 2), tmp_path / "net.pth", _use_new_zipfile_serialization=new)
        with pytest.raises(WeightsError, match=r"asks for 'torch\.nn\.modules\.linear\.Linear', and nothing in it is"):
            load_weights(tmp_path / "net.pth")


class Evil:
    """Unpickling it makes a folder."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.made = (call, arguments)

    def __reduce__(self) -> Any:
        return self.made


def zipped(pickled: bytes, **storages: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        for key, data in storages.items():
            archive.writestr(f"net/data/{key[1:]}", data)
    return stream.getvalue()


def old(pickled: bytes, storages: bytes = b"", keys: tuple[str, ...] = ()) -> bytes:
    """The container before zip."""
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    return b"".join(pickle.dumps(each, 2) for each in head) + pickled + pickle.dumps(list(keys), 2) + storages


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("wrap", [zipped, old])
def test_an_evil_pickle_runs_nothing(tmp_path: Path, wrap: Any, protocol: int) -> None:
    ran = tmp_path / "ran"
    evils = [
        Evil(os.mkdir, str(ran)),
        Evil(eval, f"__import__('os').mkdir({str(ran)!r})"),
        Evil(exec, f"import os; os.mkdir({str(ran)!r})"),
        {"state_dict": {"a": Evil(os.system, f"mkdir {ran}")}},
        OrderedDict(a=Evil(Path.mkdir, ran)),
        [Evil(getattr, "os", "mkdir")],
    ]
    for evil in evils:
        with pytest.raises(WeightsError, match=r"nothing in it is ever run|opcode \w+ is none"):
            load(tmp_path, "net.pth", wrap(pickle.dumps(evil, protocol)))
        assert not ran.exists()
    pickle.loads(pickle.dumps(evils[0], protocol))
    assert ran.exists(), "the examples do nothing even where they are unpickled"


@pytest.mark.parametrize(
    "written",
    [
        b"cos\nsystem\n(S'touch ran'\ntR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(ctorch\nFloatStorage\ntR.",
        b"ccollections\nOrderedDict\n(cos\nsystem\ntR.",
        b"(ios\nsystem\n.", b"(cos\nsystem\nX\x04\x00\x00\x00trueo.", b"\x82\x01.", b"Ptrue\n.",
        b"\x8c\x02os\x8c\x06system\x93.", b"ctorch\nload\n.", b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
        b"", b".", b"t.", b"(", b"R.",
        b"]h\x05.", b"N(K\x01K\x02u.", b"NK\x01a.", b"}(]K\x01u.", b"I" + b"9" * 5000 + b"\n.",
        b"\x8b\xff\xff\xff\x7f.",
        b"K\x01)R.", b"((((((((.", b"X\xff\xff\xff\xffa.", b"\xff\x00", b"U\x07storageQ.", b")Q.",
    ],
)  # fmt: skip
def test_a_strange_pickle_is_an_error(written: bytes) -> None:
    with pytest.raises(PickleError):
        interpret(io.BytesIO(written))


def test_a_pickle_that_would_take_for_ever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled, "MAXIMUM_OPCODES", 30_000)
    pairs = b"(" + b"X\x01\x00\x00\x00aK\x01\x86" * 3000 + b"lq\x00"
    with pytest.raises(PickleError, match="describes too much"):
        interpret(io.BytesIO(pairs + b"0ccollections\nOrderedDict\nq\x010" + b"h\x01h\x00\x85R0" * 20 + b"."))
    with pytest.raises(PickleError, match="more than 30000 opcodes"):
        interpret(io.BytesIO(b"N" * 30_002))
    nested = b")" + b"\x85" * 25_000
    assert interpret(io.BytesIO(nested + b"."))
    with pytest.raises(PickleError, match="a dictionary's key is no name"):
        interpret(io.BytesIO(b"}" + nested + b"Ns."))


def tensor(size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0, count: int = 6, key: str = "0") -> bytes:
    """A pickle of {"a": tensor}, by hand: no class of torch is needed."""

    def whole(number: int) -> bytes:
        return pickle.dumps(number, 2)[2:-1]

    def several(numbers: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(whole, numbers)) + b"t"

    text = [b"X" + struct.pack("<I", len(t)) + t.encode() for t in ("a", "storage", key, "cpu")]
    storage = b"(" + text[1] + b"ctorch\nFloatStorage\n" + text[2] + text[3] + whole(count) + b"tQ"
    parts = storage + whole(offset) + several(size) + several(stride) + b"\x89ccollections\nOrderedDict\n)R"
    return b"\x80\x02}" + text[0] + b"ctorch._utils\n_rebuild_tensor_v2\n(" + parts + b"tRs."


DATA = np.arange(6, dtype="<f4").tobytes()
HUGE = 1 << 62


def test_the_pickle_by_hand_is_a_good_one() -> None:
    (found,) = parse_torch(zipped(tensor((2, 3), (3, 1)), _0=DATA), "net.pth").values()
    np.testing.assert_array_equal(found, np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("size", "stride", "offset", "count"),
    [
        ((2, 3), (3, 1), 1, 6), ((2, 3), (4, 1), 0, 6), ((7,), (1,), 0, 6), ((2, 3), (-3, 1), 5, 6),
        ((-1,), (1,), 0, 6),
        ((2,), (1, 1), 0, 6), ((1 << 40,), (0,), 0, 6), ((HUGE, HUGE), (1, 1), 0, 6), ((2, 3), (3, 1), -1, 6),
        ((2, 3), (3, 1), HUGE, 6), ((2, 3), (HUGE, HUGE), 0, 6), ((2, 3), (3, 1), 0, 5), ((2, 3), (3, 1), 0, HUGE),
        ((1 << 40,), (1,), 0, 1 << 40), ((2, 3), (3, 1), 0, -6), ((0, HUGE), (HUGE, HUGE), 0, 6),
    ],
)  # fmt: skip
def test_a_tensor_that_is_not_in_its_storage_is_an_error(
    size: tuple[int, ...], stride: tuple[int, ...], offset: int, count: int
) -> None:
    written = tensor(size, stride, offset, count)
    tracemalloc.start()
    for data in (zipped(written, _0=DATA), old(written, struct.pack("<q", min(count, 6)) + DATA, ("0",))):
        try:
            (found,) = parse_torch(data, "net.pth").values()
        except WeightsError:
            continue
        assert found.size == 0
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html>not found</html>", r"not a whole \.pth file \(neither of PyTorch's containers\)"),
        (zipped(tensor((2,), (1,))), "There is no item named 'net/data/0'"),
        (zipped(tensor((2,), (1,)), _0=DATA[:-1]), "storage '0' holds 23 bytes for 6 numbers"),
        (zipped(b"").replace(b"data.pkl", b"date.pkl"), "is a zip file without PyTorch's data.pkl"),
        (zipped(pickle.dumps({}, 2)), "holds no arrays"),
        (zipped(pickle.dumps([1, 2], 2)), "holds no arrays"),
        (old(tensor((2,), (1,)), struct.pack("<q", 6) + DATA[:-1], ("0",)), "cut off, or a storage"),
        (old(tensor((2,), (1,)), struct.pack("<q", 6) + DATA, ("1",)), "storage '1' belongs to no tensor"),
        (old(tensor((2,), (1,)), b"", ()), "not a whole"),
    ],
)  # fmt: skip
def test_a_broken_file_of_torch_says_what_is_wrong(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(WeightsError, match=says) as caught:
        load(tmp_path, "net.pth", data)
    assert "\n" not in str(caught.value)


def test_a_bomb_of_zeros_is_refused_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errors, "MAXIMUM_BYTES", 1 << 20)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", tensor((1,), (1,), 0, 1 << 19))
        archive.writestr("net/data/0", bytes(1 << 21))
    assert len(stream.getvalue()) < 5000
    with pytest.raises(WeightsError, match=r"2 arrays of \d+ bytes together is more than 1 MiB"):
        load(tmp_path, "net.pth", stream.getvalue())


def test_a_program_is_refused(tmp_path: Path) -> None:
    data = zipped(b"").replace(b"data.pkl", b"data.pkl")
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("net/constants.pkl", b"")
    with pytest.raises(WeightsError, match="is a TorchScript program; save its state_dict"):
        load(tmp_path, "net.pth", stream.getvalue())


# ---- Caffe ----------------------------------------------------------------------------------------------------------


RANDOM = np.random.default_rng(0)
LAYERS = {
    "conv1_1": [RANDOM.normal(size=(4, 3, 3, 3)), RANDOM.normal(size=4)],
    "inception_3a/1x1": [RANDOM.normal(size=(1, 4, 1, 1)), RANDOM.normal(size=1)],
    "fc6": [RANDOM.normal(size=(5, 4)), RANDOM.normal(size=5)],
    "fc7": [RANDOM.normal(size=(1, 5)), RANDOM.normal(size=1)],
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("packed", [True, False])
def test_both_generations_of_caffe_are_read(tmp_path: Path, first: bool, packed: bool) -> None:
    found = load(tmp_path, "net.caffemodel", caffemodel(LAYERS, first, packed))
    assert list(found) == [f"{name}.{number}" for name in LAYERS for number in (0, 1)]
    for name, arrays in LAYERS.items():
        for number, array in enumerate(arrays):
            np.testing.assert_array_equal(found[f"{name}.{number}"], array.astype(np.float32))


def test_doubles_of_caffe_are_read() -> None:
    made = field(7, field(1, 2)) + field(8, np.asarray([1.5, 2.5], "<f8").tobytes())
    layer = field(1, b"conv") + field(2, b"Convolution") + field(7, made)
    (found,) = parse_caffe(field(100, layer), "net.caffemodel").values()
    np.testing.assert_array_equal(found, [1.5, 2.5])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html>", "not a whole .caffemodel file"),
        (field(100, b"")[:1], "a number is cut off"),
        (varint(100 << 3 | 2) + varint(1 << 50) + b"x", "1125899906842624 bytes are declared where 1 are left"),
        (varint(100 << 3 | 2) + b"\xff" * 12, "a number is cut off"),
        (b"\x0b", "wire type 3 is unknown"),
        (field(100, field(7, field(7, field(1, 1 << 60)) + field(5, b"abcd"))), "a blob of shape"),
        (field(100, field(7, field(7, b"\x0b") + field(5, b"abcd"))), "wire type 3"),
        (field(100, field(7, field(5, b"abc"))), "a blob of shape"),
        (field(100, field(1, b"\xff\xfe")), "not a whole"),
        (field(1, b"only a name"), "holds no arrays"),
    ],
)
def test_a_broken_caffemodel_says_what_is_wrong(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(WeightsError, match=says):
        load(tmp_path, "net.caffemodel", data)


# ---- Keras ----------------------------------------------------------------------------------------------------------


def h5(fill: Any) -> bytes:
    h5py = pytest.importorskip("h5py")
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        fill(file)
    return stream.getvalue()


def _keras(file: Any) -> None:
    file["block1_conv1/block1_conv1/kernel:0"] = np.ones((3, 3, 3, 2), np.float32)
    file["block1_conv1/block1_conv1/bias:0"] = np.full(2, 0.5, np.float16)
    file["fc1/fc1_W_1:0"], file["fc1/fc1_b_1:0"] = np.ones((2, 4)), np.ones(4, ">f4")


@pytest.mark.parametrize("whole", [True, False])
def test_weights_of_keras_are_read(tmp_path: Path, whole: bool) -> None:
    def fill(file: Any) -> None:
        _keras(file.create_group("model_weights") if whole else file)
        if whole:
            file["optimizer_weights/m"] = np.zeros(3)

    found = load(tmp_path, "net.h5", h5(fill))
    assert sorted(found) == ["block1_conv1/bias", "block1_conv1/kernel", "fc1/bias", "fc1/kernel"]
    np.testing.assert_array_equal(found["block1_conv1/bias"], [0.5, 0.5])
    np.testing.assert_array_equal(found["fc1/bias"], np.ones(4))


def test_nothing_outside_the_file_is_read(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["a"] = np.ones(3)

    def external(file: Any) -> None:
        file["a"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/a")

    def outside(file: Any) -> None:
        file.create_dataset("a", (3,), np.float32, external=[(str(tmp_path / "secret.h5"), 0, 12)])

    def circle(file: Any) -> None:
        file["a/b"] = np.ones(2)
        file["a/c"] = file["a"]

    def soft(file: Any) -> None:
        file["model_weights"] = h5py.SoftLink("/a")

    for fill, says in (
        (external, "is a link, which is never followed"), (outside, "are in another file"), (soft, "is a link"),
    ):  # fmt: skip
        with pytest.raises(WeightsError, match=says):
            load(tmp_path, "net.h5", h5(fill))
    assert load(tmp_path, "net.h5", h5(circle))


def test_a_bomb_in_h5_is_refused_unpacked(tmp_path: Path) -> None:
    data = h5(lambda file: file.create_dataset("a", (1 << 35,), np.float32, chunks=(1 << 20,), compression="gzip"))
    assert len(data) < 100_000
    with pytest.raises(WeightsError, match="1 arrays of 137438953472 bytes together is more than"):
        load(tmp_path, "net.h5", data)


def test_without_h5py_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(WeightsError, match=r"h5py, which is not installed; 'pip install pixeldream\[h5\]'"):
        load(tmp_path, "net.h5", b"\x89HDF")


# ---- damage ---------------------------------------------------------------------------------------------------------

SMALL = {
    "zip": (ZIP, parse_torch),
    "legacy": (LEGACY, parse_torch),
    "caffe": (caffemodel(LAYERS), parse_caffe),
    "caffe1": (caffemodel(LAYERS, True), parse_caffe),
}


@pytest.mark.parametrize("kind", SMALL)
def test_every_truncation_is_an_error_or_less(kind: str) -> None:
    """A .caffemodel has no end mark: cut between two layers it is a file with fewer."""
    data, parse = SMALL[kind]
    whole = parse(data, "net.pth")
    for length in range(len(data)):
        try:
            found = parse(data[:length], "net.pth")
        except WeightsError:
            continue
        assert kind.startswith("caffe")
        assert len(found) < len(whole)


@given(st.data())
def test_a_damaged_byte_is_an_error_or_harmless(data: st.DataObject) -> None:
    content, parse = SMALL[data.draw(st.sampled_from(sorted(SMALL)))]
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse(bytes(damaged), "net.pth")
    except WeightsError as error:
        assert "\n" not in str(error)
        return
    assert sum(array.nbytes for array in found.values()) < 100_000


@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_or_harmless(content: bytes) -> None:
    for parse in (parse_torch, parse_caffe):
        for data in (content, zipped(content), old(content)):
            try:
                parse(data, "net.pth")
            except WeightsError as error:
                assert "\n" not in str(error)


def test_damage_in_h5_is_an_error_or_harmless() -> None:
    content = h5(_keras)
    places = np.random.default_rng(1).integers(0, len(content), 60)
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        try:
            parse_keras(bytes(damaged), "net.h5")
        except WeightsError as error:
            assert "\n" not in str(error)
    for length in range(0, len(content), 499):
        with pytest.raises(WeightsError):
            parse_keras(content[:length], "net.h5")
