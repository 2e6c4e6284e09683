"""Strictness for every test: no network, no silent promotion in jax, one registry."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from pixeldream.cli.compiled import FOLDER
from pixeldream.plugin.registry import Registry, load

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# Compilation makes the first example slow on any machine: a deadline would test the machine. The same examples each
# time, so that a green suite stays green; HYPOTHESIS_PROFILE=search looks for new ones.
LAX = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("pixeldream", max_examples=25, derandomize=True, **LAX)
settings.register_profile("search", max_examples=2000, **LAX)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "pixeldream"))

# Compiling takes most of the time that tests take: XLA is asked to do it soon, not well. The code is slower then, and
# means the same. XLA_FLAGS in the environment, if only to nothing, leaves the tests with what users have: so
# test_compiled_well runs some of them.
SOON = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
UNOPTIMISED = "jax_disable_most_optimizations"
SOON_COMPILED = "XLA_FLAGS" not in os.environ or UNOPTIMISED.upper() in os.environ


def compile_soon() -> None:
    """In this process and those that it starts. XLA ends a process over a flag that it doesn't know: another one
    tries."""
    os.environ[UNOPTIMISED.upper()] = "1"
    jax.config.update(UNOPTIMISED, True)
    trial = [sys.executable, "-c", "from jaxlib import xla_client; xla_client.CompileOptions()"]
    if "XLA_FLAGS" not in os.environ:
        tried = subprocess.run(trial, env=os.environ | {"XLA_FLAGS": SOON}, capture_output=True, check=False)
        os.environ["XLA_FLAGS"] = SOON if tried.returncode == 0 else ""


def pytest_configure(config: pytest.Config) -> None:
    """What one process has compiled, the others and the programs that tests start need not compile again: a folder
    of this run alone keeps it."""
    if SOON_COMPILED:
        compile_soon()
    if hasattr(config, "workerinput") or FOLDER in os.environ:
        return
    folder = os.environ[FOLDER] = tempfile.mkdtemp(prefix="pixeldream-compiled-")
    os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"] = str(4 << 30)  # with a limit jax locks the folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_compilation_cache_max_size", 4 << 30)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


LONGEST = (
    "test_laws", "test_gan_devices", "test_dream", "test_visualise", "test_checkpoint", "test_gan", "test_cli",
    "test_recognise", "test_gan_siblings", "test_amiga_disk", "test_c64_modes", "test_search", "test_manner",
    "test_tiles", "test_stylize", "test_gan_command", "test_formats",
)  # fmt: skip
"""Files that take longest: begun first, so that in the end no worker is alone with one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(autouse=True, scope="module")
def nothing_compiled_stays() -> Iterator[None]:
    """Every compiled function takes dozens of the 65,530 pieces that Linux allows a process's memory to be in: those of
    all modes together are more than that, and the process is ended."""
    yield
    jax.clear_caches()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection that leaves the machine fails the test that makes it."""

    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] == "127.0.0.1":
            return connect(self, address)
        raise AssertionError(f"a test connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """All installed plugins."""
    return load()


@pytest.fixture
def photo() -> np.ndarray:
    """A stand-in for a photograph: smooth shading, edges and some noise, float32 [256, 320, 3]."""
    y, x = np.mgrid[0:256, 0:320].astype(np.float32)
    sky = np.stack([0.2 + y / 400, 0.4 + y / 600, 0.9 - y / 800], -1)
    sun = np.clip(1 - np.hypot(x - 220, y - 70) / 45, 0, 1)[..., None] * np.asarray([0.9, 0.7, 0.2], np.float32)
    hill = (y > 150 + 30 * np.sin(x / 37))[..., None]
    land = np.stack([0.15 + x / 900, 0.45 - y / 1200, 0.1 + 0 * x], -1)
    grain = np.random.default_rng(7).normal(0, 0.03, (256, 320, 1))
    return np.clip(np.where(hill, land, sky + sun) + grain, 0, 1).astype(np.float32)


@pytest.fixture(scope="session", autouse=True)
def strict_jax() -> Iterator[None]:
    """Undone at the end, for whoever runs the tests inside a longer process."""
    yield
    jax.config.update("jax_numpy_rank_promotion", "allow")
    jax.config.update("jax_numpy_dtype_promotion", "standard")
