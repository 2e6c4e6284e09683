"""Where fetched weights are kept, and what the environment says about fetching."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from pixeldream import cache
from pixeldream.neural.networks.base import Download
from pixeldream.neural.weights.errors import WeightsError

MIRROR = "PIXELDREAM_MIRROR"
"""An environment variable: an address that takes the place of scheme and host of every file that is fetched."""

OFFLINE = "PIXELDREAM_OFFLINE"
"""An environment variable: set to anything but 0, nothing is fetched."""


def folder() -> Path:
    """The folder of fetched weights; it need not be there yet."""
    return cache.folder("weights")


def place(download: Download) -> Path:
    """Where a file is kept once it is fetched."""
    return folder() / PurePosixPath(unquote(urlsplit(download.url).path)).name


def cached(download: Download) -> Path | None:
    """The fetched file, if it is there."""
    path = place(download)
    return path if path.is_file() else None


def is_offline() -> bool:
    """Whether the environment forbids fetching."""
    return os.environ.get(OFFLINE, "") not in ("", "0")


def address(download: Download) -> str:
    """Where a file is fetched from: its publisher, or the mirror. Raises ``WeightsError`` for a mirror that is none."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return download.url
    if not mirror.lower().startswith(("http://", "https://")):
        raise WeightsError(f"{MIRROR}={mirror} is no address; it begins with http:// or https://")
    path = urlsplit(download.url)
    return mirror.rstrip("/") + path.path + (f"?{path.query}" if path.query else "")
