"""How much memory a computation takes, told from what would be computed: nothing is compiled and nothing is run.

A traced function is a list of operations on arrays. They are gone through in order, as a compiler's buffers would be:
an array takes its bytes from the operation that makes it to the last one that reads it. What is computed number by
number is written over its operand where nobody needs that any more; what only repeats numbers takes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.extend as jex
import jax.numpy as jnp
import numpy as np

from pixeldream.canvas import Canvas
from pixeldream.neural.loss import Weighted
from pixeldream.neural.optimise import ADAM, _step
from pixeldream.neural.regions import Guide
from pixeldream.neural.settings import Settings
from pixeldream.neural.stylize import LoadedNetwork, Style, StyleObjective, keep_tones, look_shifted, make_targets
from pixeldream.neural.watched import watch

_REPEATING = frozenset({"broadcast_in_dim", "iota", "copy", "reshape", "squeeze", "expand_dims", "stop_gradient"})
"""Operations whose results are views, or are made anew wherever they are read."""

_APART = frozenset(
    {"conv_general_dilated", "dot_general", "sort", "scatter", "scatter-add", "scatter_add", "gather", "scan", "while"}
)
"""Operations that read their operands while they write: the result needs a place of its own."""


BASE = 720 << 20
"""Bytes of the process besides: Python, jax, the pictures' files and what the compiler takes."""

SCRATCH = 1.7
"""How many times as much memory as the arrays a CPU takes: convolutions rearrange what they read. Fitted, with
:data:`BASE`, to the peaks of whole runs with a report on an x86-64 CPU: with 32 to 147 MB of arrays (the embedded
network and two cut-down VGG-19 at 320x200; the first, another one, and the third in tiles of 256, at 640x512) 748 to
994 MB, from which the estimate is at most 5 % off. More than that, and other devices, are not measured."""


def footprint(function: Callable[..., Any], *arguments: Any) -> int:
    """Bytes at the peak, arguments and results included. ``arguments``: arrays, or shapes of some."""
    closed = jax.make_jaxpr(function)(*arguments)
    given = sum(map(_bytes, closed.jaxpr.invars)) + sum(np.asarray(constant).nbytes for constant in closed.consts)
    return given + _peak(closed.jaxpr)


def of_run(
    content: tuple[int, ...],
    styles: Sequence[tuple[int, ...]],
    networks: Sequence[LoadedNetwork],
    canvas: Canvas,
    settings: Settings,
    more: Sequence[Weighted],
    guide: Guide | None,
    view: Callable[[jax.Array], jax.Array],
    shrink: Callable[[jax.Array], jax.Array],
) -> int:
    """Bytes at the peak of a style transfer at full size: of the process where a CPU computes, else of the device.
    ``content``, ``styles``: shapes of the pictures; the rest as for ``stylize``."""
    image = jax.ShapeDtypeStruct(content, jnp.float32)
    watched = tuple(watch(loaded.network, settings, loaded.weights) for loaded in networks)
    objective = StyleObjective(watched, tuple(each.loss for each in more))

    def targets(picture: jax.Array, paintings: list[jax.Array]) -> Any:
        objective, made = make_targets(picture, [Style(each) for each in paintings], networks, settings, more, guide)
        return look_shifted(objective, keep_tones(made, picture, 0.0), picture, settings.jitter)

    arrays, others = jax.eval_shape(targets, image, [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in styles])
    # The solvers of some modes look at values: the canvas begins for good, which the run needs anyway.
    params, state = canvas.init(shrink(jnp.zeros(content, jnp.float32)))
    held = params, ADAM.init(params), state
    step = partial(_step, objective, canvas.show, canvas.settle, view)
    number, rate = jax.ShapeDtypeStruct((), jnp.int32), jax.ShapeDtypeStruct((), jnp.float32)
    waiting = sum(leaf.size * leaf.dtype.itemsize for each in others for leaf in jax.tree.leaves(each.content))
    peak = footprint(step, arrays, *held, number, rate) + waiting
    if jax.devices()[0].platform != "cpu":
        return round(SCRATCH * peak)
    return BASE + round(SCRATCH * peak)


def _peak(jaxpr: Any) -> int:
    """Bytes at the peak of what ``jaxpr`` makes, results included, arguments not."""
    last: dict[Any, int] = {}
    for number, equation in enumerate(jaxpr.eqns):
        last |= {variable: number for variable in equation.invars if isinstance(variable, jex.core.Var)}
    last |= {variable: len(jaxpr.eqns) for variable in jaxpr.outvars if isinstance(variable, jex.core.Var)}
    held: dict[Any, int] = {}
    now = most = 0
    for number, equation in enumerate(jaxpr.eqns):
        inside = max((_peak(inner) for inner in _inner(equation)), default=0)
        made = {variable: _made(equation, variable) for variable in equation.outvars}
        read = {variable for variable in equation.invars if isinstance(variable, jex.core.Var)}
        gone = sum(held.pop(each) for each in read & held.keys() if last[each] == number)
        new = max(sum(made.values()), inside)
        most = max(most, now + new if equation.primitive.name in _APART or inside else now - min(gone, new) + new)
        now += sum(made.values()) - gone
        held |= made
        for variable in made:
            if last.get(variable, -1) <= number:
                now -= held.pop(variable)
    return most


def _made(equation: Any, variable: Any) -> int:
    return 0 if equation.primitive.name in _REPEATING else _bytes(variable)


def _inner(equation: Any) -> Iterator[Any]:
    """The functions that an operation calls: of a loop, of a branch, of a jitted function."""
    for value in equation.params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            inner = getattr(part, "jaxpr", part)
            if hasattr(inner, "eqns"):
                yield inner


def _bytes(variable: Any) -> int:
    kind = variable.aval
    size = getattr(getattr(kind, "dtype", None), "itemsize", 0)
    return math.prod(getattr(kind, "shape", ())) * size
