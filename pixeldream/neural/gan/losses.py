"""What both networks want, as functions of the critic's scores of real and of generated
pictures: ``[n]``, or several a picture."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

softplus = jax.nn.softplus


def critic_loss(name: str, real: jax.Array, fake: jax.Array) -> jax.Array:
    """What the critic makes small."""
    if name == "hinge":
        return jax.nn.relu(1.0 - real).mean() + jax.nn.relu(1.0 + fake).mean()
    if name == "relativistic":
        return softplus(fake - real).mean()
    if name == "squares":
        return jnp.square(real - 1.0).mean() + jnp.square(fake).mean()
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(name: str, real: jax.Array, fake: jax.Array) -> jax.Array:
    """What the generator makes small; only ``relativistic`` looks at the real ones."""
    if name == "hinge":
        return -fake.mean()
    if name == "relativistic":
        return softplus(real - fake).mean()
    if name == "squares":
        return jnp.square(fake - 1.0).mean()
    return softplus(-fake).mean()


def r1(score: Callable[[jax.Array], jax.Array], real: jax.Array) -> jax.Array:
    """Half the mean squared gradient of the scores at real pictures (Mescheder et al., arXiv 1801.04406)."""
    gradients = jax.grad(lambda images: score(images).sum())(real)
    return 0.5 * jnp.square(gradients).sum((1, 2, 3)).mean()
