"""``jax.vmap`` over a batch of pictures solves each as if it were alone: one mode of a kind, as small as it may be.

Interlace and character sets, whose solvers take longer to compile, stand in ``test_c64_modes``.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pictures import palette_of
from pixeldream_plugins.amiga_modes import KINDS, Screen, mode
from pixeldream_plugins.c64_fli import FLI
from pixeldream_plugins.c64_screen import MULTICOLOR

import pixeldream as pd
from pixeldream.plugin import testing
from pixeldream.retro import solve as solver

pytestmark = pytest.mark.slow

SMALL = (32, 16)

COLOURS = 8
"""Of a fixed palette: fewer sets of them to try."""

MODES = {
    "slots": replace(MULTICOLOR, size=SMALL, colours=COLOURS),
    "lines": replace(FLI, size=SMALL, colours=COLOURS),
    "gamut": mode(KINDS["4"], Screen(), SMALL),
    "halfbrite": mode(KINDS["ehb"], Screen(), SMALL),
    "hold-and-modify": mode(KINDS["ham6"], Screen(), SMALL),
}


@pytest.mark.parametrize("kind", MODES)
def test_a_batch_is_solved_as_each_picture_alone(kind: str) -> None:
    found = MODES[kind]
    images = jnp.stack([jnp.asarray(testing.random_image(found, seed)) for seed in (1, 2)])
    values, locks = jnp.asarray(palette_of(found).values()[:COLOURS]), jnp.asarray(solver.lock_array(found, {}))

    def shown(image: jax.Array) -> jax.Array:
        return solver.render(found, solver.solve(found, image, values, locks), values)

    together = jax.vmap(shown)(images)
    assert together.shape == images.shape
    for image, batched in zip(images, together, strict=True):
        alone, one_of_two = (_error(image, each) for each in (shown(image), batched))
        # Sums are taken in another order, so that a tie may fall the other way.
        assert one_of_two == pytest.approx(alone, rel=0.01)
    assert not np.array_equal(together[0], together[1])


def _error(image: jax.Array, shown: jax.Array) -> float:
    return float(jnp.square(pd.srgb_to_oklab(image) - pd.srgb_to_oklab(shown)).sum(-1).mean())
