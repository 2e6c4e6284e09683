"""Fetching weights from a server that misbehaves: the right file comes, or one line says why not; never a wrong one."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from weight_server import Server, Told, serving

from pixeldream.cache import CACHE
from pixeldream.neural.networks.base import Download, Network
from pixeldream.neural.networks.vgg import build
from pixeldream.neural.weights import WeightsError, cache, fetch, fetching, obtain, resolve

DATA = np.random.default_rng(0).bytes(300_000)
SHA256 = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "http_proxy", cache.MIRROR, cache.OFFLINE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(fetching, "DELAY_SECONDS", 0.001)
    monkeypatch.setattr(fetching, "TIMEOUT_SECONDS", 0.3)
    with serving(DATA) as found:
        yield found


def download(server: Server, digest: str = SHA256, size: int = len(DATA)) -> Download:
    return Download(f"{server.url}/models/net-1.pth", digest, size, "MIT")


def left(tmp_path: Path) -> list[str]:
    """The files in the cache besides the lock."""
    return sorted(path.name for path in (tmp_path / "cache/weights").glob("*") if path.suffix != ".lock")


def test_a_file_comes_whole_once(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch(download(server), lambda done, total: seen.append((done, total)))
    assert path == tmp_path / "cache/weights/net-1.pth"
    assert path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert fetch(download(server)) == path
    assert server.asked == [("/models/net-1.pth", "")]
    assert left(tmp_path) == ["net-1.pth"]


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("declared", [None, -1])
def test_a_cut_connection_is_taken_up(server: Server, part: float, ranges: bool, declared: int | None) -> None:
    cut = int(part * len(DATA))
    server.told = [Told(cut=cut, declared=declared), Told(cut=cut + 1, ranges=ranges), Told(ranges=ranges)]
    assert fetch(download(server)).read_bytes() == DATA
    assert server.ranges[1] == (f"bytes={cut}-" if cut else "")


def test_what_a_stopped_process_left_is_taken_up(server: Server, tmp_path: Path) -> None:
    part = tmp_path / "cache/weights/net-1.pth.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA[:1000])
    assert fetch(download(server)).read_bytes() == DATA
    assert server.ranges == ["bytes=1000-"]


@pytest.mark.parametrize("old", [b"of another file" * 1000, b"x" * len(DATA), b"x" * (len(DATA) + 9)])
@pytest.mark.parametrize("size", [0, len(DATA)])
def test_a_part_of_another_file_is_thrown_away(server: Server, tmp_path: Path, old: bytes, size: int) -> None:
    part = tmp_path / "cache/weights/net-1.pth.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(old)
    assert fetch(download(server, size=size)).read_bytes() == DATA
    assert left(tmp_path) == ["net-1.pth"]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_server_that_fails_for_a_while_is_asked_again(server: Server, code: int) -> None:
    server.told = [Told(code=code), Told(code=code)]
    assert fetch(download(server)).read_bytes() == DATA


def test_a_server_that_says_nothing_is_asked_again(server: Server) -> None:
    server.told = [Told(stall=0.8)]
    assert fetch(download(server)).read_bytes() == DATA


def test_a_redirection_is_followed(server: Server) -> None:
    server.told = [Told(code=302, location="/elsewhere/net-1.pth")]
    assert fetch(download(server)).read_bytes() == DATA
    assert server.asked[1][0] == "/elsewhere/net-1.pth"


@pytest.mark.parametrize("digest", [SHA256, SHA256[:15], f"sha1:{hashlib.sha1(DATA).hexdigest()}"])
def test_published_hashes_of_every_kind_are_held_against_the_file(server: Server, digest: str) -> None:
    assert fetch(download(server, digest)).read_bytes() == DATA
    with pytest.raises(WeightsError, match="is another file than expected"):
        fetch(Download(f"{server.url}/other.pth", digest[:-1] + ("0" if digest[-1] != "0" else "1"), 0, "MIT"))


BAD: list[tuple[list[Told], str]] = [
    ([Told(code=404)], "the server says 404 Not Found"),
    ([Told(code=403)], "the server says 403 Forbidden"),
    ([Told(code=407)], "the server says 407 Proxy Authentication Required"),
    ([Told(code=503)] * 9, "the server says 503 Service Unavailable"),
    ([Told(stall=0.8)] * 9, r"nothing came for 0\.3 seconds"),
    ([Told(cut=0)] * 9, "the connection broke at 0 of 300000 bytes"),
    ([Told(data=b"<html>Please log in</html>")], "has 26 bytes where 300000 are expected: it is another file"),
    ([Told(data=DATA[::-1])], "is another file than expected: its sha256 is [0-9a-f]{64}"),
    ([Told(data=DATA + b"more", declared=-1)], "sends more than 300000 bytes"),
    ([Told(declared=len(DATA) - 5)], "has 299995 bytes where 300000 are expected"),
    ([Told(cut=99), Told(extent="bytes 0-9/10")], "sends another part than byte 99 on: bytes 0-9/10"),
    ([Told(code=302, location="file:///etc/passwd")] * 9, "the server says 302"),
    ([Told(code=302, location="/models/net-1.pth")] * 20, "the server says 302"),
]


@pytest.mark.parametrize(("told", "says"), BAD)
def test_what_can_not_be_fetched_is_told_in_one_line(
    server: Server, tmp_path: Path, told: list[Told], says: str
) -> None:
    server.told = list(told)
    with pytest.raises(WeightsError, match=says) as caught:
        fetch(download(server))
    assert "\n" not in str(caught.value)
    assert "net-1.pth" not in left(tmp_path)


def test_what_came_before_the_failure_is_kept(server: Server, tmp_path: Path) -> None:
    server.told = [Told(cut=200_000), *[Told(code=500)] * 9]
    with pytest.raises(WeightsError, match="the next time goes on from there"):
        fetch(download(server))
    assert left(tmp_path) == ["net-1.pth.part"]
    server.told = []
    assert fetch(download(server)).read_bytes() == DATA
    assert server.ranges[-1] == "bytes=200000-"


def test_a_server_that_is_not_there(server: Server) -> None:
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:9/.*: no connection \(Connection refused\)"):
        fetch(Download("http://127.0.0.1:9/net.pth", SHA256, 0, "MIT"))


def test_the_way_out_is_named_with_the_network(server: Server) -> None:
    server.told = [Told(code=404)]
    network = Network("vgg19", "a test", build, None, "nowhere", download(server))
    with pytest.raises(WeightsError, match=r"weights of 'vgg19' can't be .* --network embedded needs no download"):
        obtain(network)


def test_a_proxy_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert fetch(Download("http://weights.invalid/net-1.pth", SHA256, 0, "MIT")).read_bytes() == DATA
    assert server.asked[0][0] == "http://weights.invalid/net-1.pth"


def test_a_mirror_takes_the_place_of_the_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.MIRROR, f"{server.url}/mirror/")
    assert fetch(Download("https://weights.invalid/m/net-1.pth?dl=1", SHA256, 0, "MIT")).read_bytes() == DATA
    assert server.asked[0][0] == "/mirror/m/net-1.pth?dl=1"
    monkeypatch.setenv(cache.MIRROR, "ftp://mirror")
    with pytest.raises(WeightsError, match="PIXELDREAM_MIRROR=ftp://mirror is no address"):
        fetch(download(server))


def test_offline_nothing_is_asked_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.OFFLINE, "1")
    with pytest.raises(WeightsError, match="is not in the cache, and PIXELDREAM_OFFLINE or --offline forbids"):
        fetch(download(server))
    assert not server.asked
    monkeypatch.setenv(cache.OFFLINE, "0")
    path = fetch(download(server))
    monkeypatch.setenv(cache.OFFLINE, "1")
    assert fetch(download(server)) == path


def test_a_file_damaged_in_the_cache_is_noticed_and_fetched_anew(server: Server) -> None:
    network = Network("vgg19", "a test", build, None, "nowhere", download(server))
    path = fetch(download(server))
    path.write_bytes(DATA[:-1] + b"x")
    with pytest.raises(WeightsError, match=r"net-1\.pth is damaged; 'pixeldream weights fetch vgg19' fetches it again"):
        resolve(network, None)
    assert fetch(download(server)).read_bytes() == DATA


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def full_after(wanted: int) -> Any:
    """``Path.open`` on a disk that takes so many bytes more."""
    plain, room = Path.open, [wanted]

    def opened(path: Path, mode: str = "r", *rest: Any) -> Any:
        file = plain(path, mode, *rest)
        if path.suffix != ".part" or "r" in mode:
            return file
        write = file.write
        limited = MagicMock(wraps=file)
        limited.__enter__.return_value = limited
        limited.__exit__.side_effect = lambda *_: file.close()

        def taken(data: bytes) -> int:
            room[0] -= len(data)
            return write(data) if room[0] >= 0 else full()

        limited.write.side_effect = taken
        return limited

    return opened


@pytest.mark.parametrize(("step", "room"), [("write", 0), ("write", 100_000), ("fsync", None), ("replace", None)])
def test_a_full_disk_leaves_no_file_and_the_next_time_works(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, room: int | None
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(*((Path, "open", full_after(room)) if room is not None else (os, step, full)))
        with pytest.raises(WeightsError, match=r"weights' can't be written: No space left on device; make room, or"):
            fetch(download(server))
    assert left(tmp_path) == []
    assert fetch(download(server)).read_bytes() == DATA


def test_a_disk_without_room_is_noticed_first(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(WeightsError, match=r"needs 0 MiB, and '.*weights' has room for 0; make room, or name another"):
        fetch(download(server))


def test_a_cache_that_can_not_be_made(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE, str(tmp_path / "file"))
    with pytest.raises(WeightsError, match=r"weights' can't be written: Not a directory; .* PIXELDREAM_CACHE"):
        fetch(download(server))


def test_threads_that_want_the_same_file_fetch_it_once(server: Server) -> None:
    server.told = [Told(stall=0.1)]
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(fetch(download(server)).read_bytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [DATA] * 4
    assert len(server.asked) == 1


def test_processes_that_want_the_same_file_fetch_it_once(server: Server) -> None:
    script = (
        "import sys; from pixeldream.neural.networks.base import Download\n"
        "from pixeldream.neural.weights import fetch\n"
        f"print(fetch(Download({server.url + '/net-1.pth'!r}, {SHA256!r}, 0, 'MIT')), 'jax' in sys.modules)"
    )
    server.told = [Told(stall=0.2)]
    running = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate(timeout=60)[0] for process in running}
    assert said == {f"{cache.folder() / 'net-1.pth'} False\n"}
    assert (cache.folder() / "net-1.pth").read_bytes() == DATA
    assert len(server.asked) == 1
