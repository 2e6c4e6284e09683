"""Weights of feature networks: found, fetched, read from the files of several programs, checked, and written.

A file is a set of float arrays by name. Nothing in it is ever executed. Sizes are checked as declared, before anything
of that size is read or unpacked.
"""

from __future__ import annotations

from pixeldream.neural.weights.cache import cached, folder
from pixeldream.neural.weights.errors import MAXIMUM_ARRAYS, MAXIMUM_BYTES, Arrays, WeightsError
from pixeldream.neural.weights.fetching import fetch, obtain
from pixeldream.neural.weights.files import read_facts, save_weights
from pixeldream.neural.weights.reading import load_canonical, load_weights, resolve

__all__ = [
    "MAXIMUM_ARRAYS", "MAXIMUM_BYTES", "Arrays", "WeightsError", "cached", "fetch", "folder", "load_canonical",
    "load_weights", "obtain", "read_facts", "resolve", "save_weights",
]  # fmt: skip
