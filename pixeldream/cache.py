"""Where what can be had again is kept between runs: fetched weights, compiled functions."""

from __future__ import annotations

import os
from pathlib import Path

CACHE = "PIXELDREAM_CACHE"
"""An environment variable: the folder to keep it in, instead of the user's cache folder."""


def folder(name: str) -> Path:
    """The folder for one kind of such files; it need not be there yet."""
    named = os.environ.get(CACHE)
    if named:
        return Path(named) / name
    import platformdirs

    return platformdirs.user_cache_path("pixeldream", appauthor=False) / name
