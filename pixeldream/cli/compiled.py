"""What jax compiles is kept between runs: it takes longer than many a picture, and is the same for the same mode."""

from __future__ import annotations

import os
import warnings

from pixeldream import cache

FOLDER = "JAX_COMPILATION_CACHE_DIR"
"""jax's own environment variable: whoever sets it, to nothing as well, has decided."""

LARGEST = 256 << 20
"""Bytes that are kept; what was not used for longest goes first. With a limit jax also locks the folder, so that two
runs at once don't read what is half written."""

QUICK = 0.2
"""Seconds: what compiles faster is not worth a file."""


def keep() -> None:
    """From here on, unless the environment says otherwise or the folder can't be written. Before jax is imported."""
    if FOLDER in os.environ:
        return
    folder = cache.folder("compiled")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    os.environ[FOLDER] = str(folder)
    os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(LARGEST))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(QUICK))
    # A damaged file is compiled anew: nobody needs to hear of it.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
