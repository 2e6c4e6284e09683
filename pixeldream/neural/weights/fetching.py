"""Fetches files of weights: from where a cut left off, checked, and whole or not at all.

A file is written to ``NAME.part`` and renamed when its hash is right. A part that is there already is continued by a
Range request; where the server can't, or the result is another file, it is fetched anew. One process at a time fetches
a file: others wait for it, and then find it. Proxies are those of the environment (``HTTPS_PROXY``, ``NO_PROXY`` ...).
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock

from pixeldream.cache import CACHE
from pixeldream.neural.networks.base import Download, Network
from pixeldream.neural.weights import errors
from pixeldream.neural.weights.cache import OFFLINE, address, cached, is_offline, place
from pixeldream.neural.weights.errors import WeightsError

Watch = Callable[[int, int], None]
"""Told how many bytes are there, and how many there will be (0: nobody knows)."""

TIMEOUT_SECONDS = 30.0
"""How long a server may say nothing."""

ATTEMPTS = 4
"""How often a server may fail in a row without sending anything."""

DELAY_SECONDS = 0.5
"""Before the second attempt; twice as long before each further one."""

_MAXIMUM_CUTS = 200
_CHUNK = 1 << 18
_PASSING = (408, 425, 429, 500, 502, 503, 504)
"""HTTP codes of what may be over soon."""


class _CutOff(Exception):
    """The file did not come to its end; the words say why."""


def obtain(network: Network, watch: Watch | None = None) -> Path:
    """The file of a network's weights: fetched before, or now. Raises ``WeightsError`` with a way out."""
    if network.download is None:
        raise WeightsError(
            f"network {network.name!r} comes without weights; name a file: --network {network.name}=FILE"
        )
    found = cached(network.download)
    if found is not None:
        return found
    try:
        return fetch(network.download, watch)
    except WeightsError as error:
        raise WeightsError(
            f"weights of {network.name!r} can't be fetched: {error}; --network embedded needs no download"
        ) from None


def verify(network: Network, data: bytes, sha256: str, name: str) -> None:
    """Raises ``WeightsError`` if a fetched file is no longer what it was."""
    download = network.download
    if download is None:
        return
    found = sha256 if _algorithm(download) == "sha256" else hashlib.new(_algorithm(download), data).hexdigest()
    if not _matches(download, found):
        raise WeightsError(f"{name} is damaged; 'pixeldream weights fetch {network.name}' fetches it again")


def fetch(download: Download, watch: Watch | None = None) -> Path:
    """The whole file in the cache: as it is there if its hash is right, else fetched.

    Raises ``WeightsError``: offline, no such file, a server that fails, another file than expected, no room.
    """
    target = place(download)
    url = address(download)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{target}.lock"):
            if target.is_file() and _matches(download, _digest(download, target)):
                return target
            if is_offline():
                raise WeightsError(f"{url} is not in the cache, and {OFFLINE} or --offline forbids to fetch it")
            _fetch(download, url, target, watch or (lambda done, total: None))
            return target
    except (OSError, NotImplementedError) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):  # a part that fills the disk is in the way
            _part(target).unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise WeightsError(
            f"{str(target.parent)!r} can't be written: {reason}; make room, or name another folder by {CACHE}"
        ) from None


def _fetch(download: Download, url: str, target: Path, watch: Watch) -> None:
    part = _part(target)
    continued = _size(part) > 0
    _to_the_end(download, url, part, watch)
    found = _digest(download, part)
    if continued and not _matches(download, found):
        part.unlink()
        _to_the_end(download, url, part, watch)
        found = _digest(download, part)
    if not _matches(download, found):
        part.unlink()
        raise WeightsError(f"{url} is another file than expected: its {_algorithm(download)} is {found}")
    os.replace(part, target)


def _to_the_end(download: Download, url: str, part: Path, watch: Watch) -> None:
    """Goes on where it was cut, as long as something comes."""
    failures = 0
    for _ in range(_MAXIMUM_CUTS):
        before = _size(part)
        try:
            return _continue(download, url, part, watch)
        except _CutOff as error:
            failures = 0 if _size(part) > before else failures + 1
            last = str(error)
        if failures >= ATTEMPTS:
            break
        time.sleep(DELAY_SECONDS * 2**failures)
    kept = f"; {_size(part) >> 20} MiB are kept, and the next time goes on from there" if _size(part) else ""
    raise WeightsError(f"{url}: {last}{kept}")


def _continue(download: Download, url: str, part: Path, watch: Watch) -> None:
    have = _size(part)
    if have and have == download.size:
        return
    with _open(url, have, part) as response:
        start, total = _extent(response, have)
        if total and download.size and total != download.size:
            raise WeightsError(f"{url} has {total} bytes where {download.size} are expected: it is another file")
        expected = total or download.size
        _check_room(part, url, expected - start)
        done = _save(response, part, start, expected, watch)
    if done > (expected or errors.MAXIMUM_BYTES):
        part.unlink()
        raise WeightsError(f"{url} sends more than {expected or errors.MAXIMUM_BYTES} bytes: it is another file")
    if done < expected:
        raise _CutOff(f"the connection broke at {done} of {expected} bytes")


def _save(response: Any, part: Path, start: int, expected: int, watch: Watch) -> int:
    """Writes what comes, from byte ``start`` on, until there is more than expected; how many bytes are there then."""
    done = start
    with part.open("ab" if start else "wb") as file:
        for data in _chunks(response):
            file.write(data)
            done += len(data)
            if done > (expected or errors.MAXIMUM_BYTES):
                break
            file.flush()
            watch(done, expected)
        os.fsync(file.fileno())
    return done


def _open(url: str, have: int, part: Path) -> Any:
    """The server's answer. Raises ``_CutOff`` for what may be over soon, ``WeightsError`` for what will not."""
    headers = {"User-Agent": "pixeldream", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        return _opener().open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # the part is as long as the file, or longer
            part.unlink()
            raise _CutOff("the server has no more than what is here, which was another file") from None
        if error.code in _PASSING:
            raise _CutOff(f"the server says {_status(error.code)}") from None
        raise WeightsError(f"{url}: the server says {_status(error.code)}") from None
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise WeightsError(f"{url}: {reason.verify_message}; is a proxy between?") from None
        if isinstance(reason, socket.gaierror):
            raise WeightsError(f"{url}: there is no connection to it ({reason.strerror})") from None
        raise _CutOff(f"no connection ({getattr(reason, 'strerror', None) or reason})") from None
    except (http.client.HTTPException, OSError) as error:
        raise _CutOff(f"no answer ({_words(error)})") from None
    except ValueError as error:
        raise WeightsError(f"{url}: {error}") from None


def _status(code: int) -> str:
    """The server's own words may be anything."""
    words = http.client.responses.get(code, "")
    return f"{code} {words}".strip() + (", again and again" if 300 <= code < 400 else "")


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS with the environment's proxies; no redirection leads to other kinds of address."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), urllib.request.UnknownHandler(), urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(), urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener


def _extent(response: Any, have: int) -> tuple[int, int]:
    """At which byte the answer starts, and the length of the whole file, 0 if it is not said."""
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found and int(found[1]) == have:
            return have, int(found[2]) if found[2] != "*" else 0
        raise WeightsError(
            f"the server sends another part than byte {have} on: {response.headers.get('Content-Range')}"
        )
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else 0


def _chunks(response: Any) -> Any:
    while True:
        try:
            data = response.read1(_CHUNK)
        except (http.client.HTTPException, OSError) as error:
            raise _CutOff(f"the connection broke ({_words(error)})") from None
        if not data:
            return
        yield data


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came for {TIMEOUT_SECONDS:g} seconds"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _check_room(part: Path, url: str, wanted: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if wanted > free:
        raise WeightsError(
            f"{url} needs {wanted >> 20} MiB, and {str(part.parent)!r} has room for {free >> 20}; "
            f"make room, or name another folder by {CACHE}"
        )


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _algorithm(download: Download) -> str:
    return download.digest.partition(":")[0]


def _digest(download: Download, path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _algorithm(download)).hexdigest()


def _matches(download: Download, found: str) -> bool:
    return found.startswith(download.digest.partition(":")[2].lower())
