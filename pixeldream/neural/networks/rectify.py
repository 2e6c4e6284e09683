"""ReLUs that send other signals back than the gradient: what guided backpropagation and the deconvnet differ by.

Forward they are all the same. With ``g`` the signal from above and ``x`` what went in (Springenberg et al. 2014,
arXiv:1412.6806, figure 1):

``gradient``  g where x > 0: backpropagation.
``deconv``    g where g > 0: a deconvnet rectifies on its way down, whatever went up (Zeiler and Fergus 2013,
              arXiv:1311.2901, section 2.1).
``guided``    g where both are above 0: guided backpropagation.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp


def rectify(features: jax.Array, rule: str = "gradient") -> jax.Array:
    """A ReLU whose backward pass follows one of ``RELUS``."""
    return jax.nn.relu(features) if rule == "gradient" else _RULES[rule](features)


def _forward(features: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jax.nn.relu(features), features > 0


def _guided(active: jax.Array, signal: jax.Array) -> tuple[jax.Array]:
    return (jnp.where(active, jax.nn.relu(signal), jnp.zeros_like(signal)),)


def _deconv(active: jax.Array, signal: jax.Array) -> tuple[jax.Array]:
    return (jax.nn.relu(signal),)


def _relu(backward: Callable) -> Callable[[jax.Array], jax.Array]:
    relu = jax.custom_vjp(jax.nn.relu)
    relu.defvjp(_forward, backward)
    return relu


_RULES = {"guided": _relu(_guided), "deconv": _relu(_deconv)}
