"""Colour spaces: encoded sRGB, linear light, OKLab.

All functions are pure jax on arrays ``[..., 3]`` and differentiable on the closed range [0, 1]. sRGB after IEC
61966-2-1; OKLab after Björn Ottosson, https://bottosson.github.io/posts/oklab/.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.oklab import TO_CONES as TO_CONES
from pixeldream.retro.oklab import TO_LAB as TO_LAB
from pixeldream.retro.palette import UNSEEN

_FROM_LAB = np.linalg.inv(TO_LAB.astype(np.float64)).astype(np.float32)
_FROM_CONES = np.linalg.inv(TO_CONES.astype(np.float64)).astype(np.float32)


def srgb_to_linear(srgb: jax.Array) -> jax.Array:
    """Encoded sRGB in [0, 1] to linear light in [0, 1]; values outside are clipped, but for ``palette.UNSEEN``."""
    srgb = jnp.where(srgb >= UNSEEN, srgb, jnp.clip(srgb, 0.0, 1.0))
    # The inner maximum keeps the power's gradient finite where the other branch is taken.
    power = ((jnp.maximum(srgb, 0.04045) + 0.055) / 1.055) ** 2.4
    return jnp.where(srgb <= 0.04045, srgb / 12.92, power)


def srgb_slope(srgb: jax.Array) -> jax.Array:
    """How much more linear light one more of each encoded component is; its derivative, in closed form."""
    power = 2.4 / 1.055 * ((jnp.maximum(srgb, 0.04045) + 0.055) / 1.055) ** 1.4
    return jnp.where(srgb <= 0.04045, 1 / 12.92, power)


def linear_to_srgb(linear: jax.Array) -> jax.Array:
    """Linear light in [0, 1] to encoded sRGB in [0, 1]; values outside are clipped."""
    linear = jnp.clip(linear, 0.0, 1.0)
    power = 1.055 * jnp.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return jnp.where(linear <= 0.0031308, linear * 12.92, power)


def linear_to_oklab(linear: jax.Array) -> jax.Array:
    """Linear light to OKLab: lightness in [0, 1], a and b in about [-0.4, 0.4]."""
    # jnp.cbrt has an infinite gradient at 0; black is moved by less than an 8-bit step can show.
    cones = jnp.maximum(jnp.dot(linear, TO_CONES.T, precision="highest"), 1e-7)
    return jnp.dot(jnp.cbrt(cones), TO_LAB.T, precision="highest")


def oklab_to_linear(lab: jax.Array) -> jax.Array:
    """OKLab to linear light, not clipped."""
    return jnp.dot(jnp.dot(lab, _FROM_LAB.T, precision="highest") ** 3, _FROM_CONES.T, precision="highest")


def srgb_to_oklab(srgb: jax.Array) -> jax.Array:
    """Encoded sRGB in [0, 1] to OKLab."""
    return linear_to_oklab(srgb_to_linear(srgb))


def oklab_to_srgb(lab: jax.Array) -> jax.Array:
    """OKLab to encoded sRGB, clipped to [0, 1]."""
    return linear_to_srgb(oklab_to_linear(lab))
