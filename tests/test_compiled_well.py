"""Tests are compiled soon, not well (see conftest): here some of them are run with what users have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CHOSEN = [
    "test_laws.py::test_mode[c64-multicolor-mode_solves_legally]",
    "test_laws.py::test_mode[c64-multicolor-mode_does_not_retrace]",
    "test_laws.py::test_mode[amiga-4-ntsc-mode_solves_legally]",
    "test_stylize.py::test_every_schedule_lowers_the_loss_and_ends_in_a_legal_picture[straight-through]",
]


@pytest.mark.slow
def test_what_users_compile_keeps_the_laws() -> None:
    environment = {**os.environ, "XLA_FLAGS": ""}
    environment.pop("JAX_DISABLE_MOST_OPTIMIZATIONS", None)
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", *(f"{TESTS}/{c}" for c in CHOSEN)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert f"{len(CHOSEN)} passed" in done.stdout, done.stdout + done.stderr
