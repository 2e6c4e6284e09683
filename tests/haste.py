"""For tests that compile whole trainings and measure none: XLA leaves out what makes a program fast, which takes about
half of the time. A file asks for it by ``from haste import compiled_in_haste``."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def compiled_in_haste() -> Iterator[None]:
    """In this process, and in those that its tests start."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
        yield
    jax.config.update("jax_disable_most_optimizations", before)
