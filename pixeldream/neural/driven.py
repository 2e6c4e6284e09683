"""Pictures that the student drives, as style transfer would: what fools it becomes what it learns from.

(Ross et al. 2011, arXiv:1011.0686.) They live on the device, some shown in few colours, some quickly driven and some
slowly, for long or not; one that is done gives its place to a new one.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.neural.crops import crops

_RATES = (0.01, 0.06)
_LIVES = (20, 200)
_FEW = 0.4
_MOMENTUM = 0.8
_SQUARES = 0.95


class Pool(NamedTuple):
    """Driven pictures: image, the style it goes for [n, s, s, 3], Adam's moments, age (from 1), the age it will reach,
    rate at the start, whether it is shown in few colours (0 or 1), and which [n, 16, 3]."""

    image: jax.Array
    style: jax.Array
    mean: jax.Array
    square: jax.Array
    age: jax.Array
    life: jax.Array
    rate: jax.Array
    few: jax.Array
    palette: jax.Array


@partial(jax.jit, static_argnames=("count", "side"))
def begun(sheets: jax.Array, filled: jax.Array | int, key: jax.Array, count: int, side: int) -> Pool:
    """New pictures, crops of ``sheets``, and styles for them."""
    keys = jax.random.split(key, 6)
    image, style = (crops(sheets, filled, each, count, side) for each in keys[:2])
    zero = jnp.zeros((count, side, side, 3))
    palette = jax.random.uniform(keys[2], (count, 16, 3))
    rate = jnp.exp(jax.random.uniform(keys[3], (count,), minval=math.log(_RATES[0]), maxval=math.log(_RATES[1])))
    few = jax.random.bernoulli(keys[4], _FEW, (count,)).astype(jnp.float32)
    life = jax.random.randint(keys[5], (count,), *_LIVES).astype(jnp.float32)
    return Pool(image, style, zero, zero, jnp.ones(count), life, rate, few, palette)


def drive(pool: Pool, gradient: jax.Array) -> Pool:
    """One Adam step of the pictures; their rate decays over their life, as a run's does."""
    mean = _MOMENTUM * pool.mean + (1 - _MOMENTUM) * gradient
    square = _SQUARES * pool.square + (1 - _SQUARES) * gradient * gradient
    age = pool.age[:, None, None, None]
    size = jnp.sqrt(square / (1 - _SQUARES**age)) + 1e-9
    rate = pool.rate * (0.1 + 0.45 * (1 + jnp.cos(jnp.pi * pool.age / pool.life)))
    image = pool.image - rate[:, None, None, None] * mean / (1 - _MOMENTUM**age) / size
    return pool._replace(image=jnp.clip(image, 0, 1), mean=mean, square=square, age=pool.age + 1)


def put_back(pool: Pool, chosen: jax.Array, moved: Pool, new: Pool) -> Pool:
    """The pool with those that were ``chosen`` [n] moved, and new ones in the places of those that are done."""
    done = moved.age > moved.life

    def each(every: jax.Array, old: jax.Array, fresh: jax.Array) -> jax.Array:
        return every.at[chosen].set(jnp.where(done.reshape(-1, *[1] * (old.ndim - 1)), fresh, old))

    return jax.tree.map(each, pool, moved, new)
