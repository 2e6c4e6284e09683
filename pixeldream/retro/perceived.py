"""The error that an eye sees, and what a change of a few pixels does to it.

A picture is compared with its target after a blur: in linear light, as the eye mixes a fine pattern, and in encoded
values, as a PAL signal smears it; at two widths, so that neither is fooled. The distance is OKLab's. Its difference is
``J (shown - target)`` with the secant ``J`` between the two, so that near the present picture the squared distance is
``e'We`` with ``W = J'J``, and a change ``d`` of one pixel costs ``2 d.g + d'Hd``: one blur of ``We`` gives ``g`` for
every pixel, one of ``W`` by the squared kernel gives ``H``.

Blurs are matrices from the mode's pixels to the display's, one an axis: repeated pixels and borders need no other code,
and a matrix product is what every processor does best. Spatial arrays are ``[widths, 2, 3, height, width]``: blur
width, space (linear light, encoded), component.

After Pappas and Neuhoff, "Least-squares model-based halftoning", IEEE Transactions on Image Processing 8 (1999), and
Puzicha et al., "On spatial quantization of color images", ibid. 9 (2000).
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.retro.colour import TO_CONES, TO_LAB, srgb_slope, srgb_to_linear, srgb_to_oklab
from pixeldream.retro.display import display_size, repeats, to_mode
from pixeldream.retro.mode import Mode

WIDTHS = (0.75, 1.5)
"""Standard deviations of the blurs, in display pixels."""

SHARES = (0.3, 0.7)
"""How much each blur counts."""

FLARE = 1e-3
"""Light that the room adds to the screen, in parts of white: without it OKLab tells blacks apart that no eye can."""

CALM = 1.0
"""How calm a picture is, if nothing is said; 0 counts the blurred error alone."""

OWN = 0.5
"""What the single pixels' own distances count at a calm of 1, in parts of what the blurred ones are at the start."""

LEAST = 1e-6
"""A change that gains less is not worth the unrest, a squared OKLab distance."""

HUE = 2.0
"""How much more a single pixel's hue and saturation weigh than its lightness: stray hues are what looks like dirt."""


class Blurs(NamedTuple):
    """float32 ``down [widths, display height, height]`` and ``across [widths, display width, width]``."""

    down: jax.Array
    across: jax.Array


class Target(NamedTuple):
    """What a picture is compared with.

    ``seen [widths, 2, 3, display height, display width]``: the image, blurred. ``weight [widths, 1, display height,
    display width]``: how much each place counts. ``lab [height, width, 3]``: the image in the mode's pixels, OKLab.
    ``calm``: how much the squared OKLab distance of each single pixel counts besides. ``least``: what a change must
    gain to be made.
    """

    blurs: Blurs
    seen: jax.Array
    weight: jax.Array
    lab: jax.Array
    calm: jax.Array
    least: jax.Array


def blur_matrix(size: int, repeat: int, sigma: float) -> np.ndarray:
    """float32 ``[size * repeat, size]``: each pixel repeated, then a Gaussian whose borders repeat the last pixel."""
    length, radius = size * repeat, round(4 * sigma)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    matrix = np.zeros((length, size))
    for offset, tap in zip(range(-radius, radius + 1), taps / taps.sum(), strict=True):
        source = np.clip(np.arange(length) + offset, 0, length - 1) // repeat
        np.add.at(matrix, (np.arange(length), source), tap)
    return matrix.astype(np.float32)


@lru_cache
def matrices(size: tuple[int, int], repeat: tuple[int, int]) -> Blurs:
    """As numpy arrays: they must outlive any trace."""
    down = np.stack([blur_matrix(size[1], repeat[1], sigma) for sigma in WIDTHS])
    across = np.stack([blur_matrix(size[0], repeat[0], sigma) for sigma in WIDTHS])
    return Blurs(down, across)  # type: ignore[arg-type]


def single(srgb: jax.Array) -> jax.Array:
    """sRGB ``[..., 3]`` to OKLab in which hue and saturation weigh more: where single pixels are compared."""
    lightness, *plane = jnp.moveaxis(srgb_to_oklab(srgb), -1, 0)
    return jnp.stack([lightness, *(HUE * component for component in plane)], -1)


def spaces(srgb: jax.Array) -> jax.Array:
    """sRGB ``[..., 3]`` to ``[..., 2, 3]``: linear light and the encoded values themselves."""
    return jnp.stack([srgb_to_linear(srgb), srgb], -2)


def blur(blurs: Blurs, image: jax.Array) -> jax.Array:
    """``[height, width, 2, 3]`` in the mode's pixels to ``[widths, 2, 3, display height, display width]``."""
    return jnp.einsum("nyh,hwsc,nxw->nscyx", blurs.down, image, blurs.across, precision="highest")


def gather(down: jax.Array, across: jax.Array, field: jax.Array) -> jax.Array:
    """The way back: ``[widths, ..., display height, display width] -> [height, width, ...]``, summed over widths."""
    return jnp.einsum("nyh,n...yx,nxw->hw...", down, field, across, precision="highest")


@partial(jax.jit, static_argnames=("mode",))
def target(mode: Mode, image: jax.Array, detail: jax.Array | None = None) -> Target:
    """``image``: sRGB float32 ``[display height, display width, 3]``. ``detail [display height, display width]``: how
    much each place counts, 1 if nothing is said; columns that the machine can't paint count nothing."""
    width, height = display_size(mode)
    seen = blur(Blurs(*map(jnp.asarray, matrices((width, height), (1, 1)))), spaces(image))
    where = jnp.ones((height, width), jnp.float32) if detail is None else detail
    where = where.at[:, : mode.blocked * repeats(mode)[0]].set(0.0)
    weight = jnp.asarray(SHARES, jnp.float32)[:, None, None, None] * where[None, None] / 2
    blurs = Blurs(*map(jnp.asarray, matrices(mode.size, repeats(mode))))
    return Target(blurs, seen, weight, single(to_mode(image, mode)), jnp.float32(0.0), jnp.float32(LEAST))


def metric(goal: Target, shown: jax.Array) -> jax.Array:
    """``W``, float32 ``[widths, 2, 3, 3, display height, display width]``, for a blurred picture ``shown``."""

    def cube_roots(field: jax.Array) -> jax.Array:
        light = jnp.stack([field[:, 0], jnp.moveaxis(srgb_to_linear(jnp.moveaxis(field[:, 1], 1, -1)), -1, 1)], 1)
        cones = jnp.einsum("kc,nscyx->nskyx", jnp.asarray(TO_CONES), light, precision="highest")
        return jnp.cbrt(jnp.maximum(cones, 0.0) + FLARE)

    a, b = cube_roots(shown), cube_roots(goal.seen)
    slope = 1.0 / (a * a + a * b + b * b)
    # Within a display's steps the tangent in the middle is the secant.
    bend = srgb_slope(jnp.clip((shown[:, 1] + goal.seen[:, 1]) / 2, 0.0, 1.0))
    bend = jnp.stack([jnp.ones_like(bend), bend], 1)
    jacobian = jnp.einsum(
        "lk,nskyx,kc,nscyx->nslcyx", jnp.asarray(TO_LAB), slope, jnp.asarray(TO_CONES), bend, precision="highest"
    )
    product = jnp.einsum("nslayx,nslbyx->nsabyx", jacobian, jacobian, precision="highest")
    return product * goal.weight[:, :, None, None]


def pull(weight: jax.Array, residual: jax.Array) -> jax.Array:
    """``We``, of the residual's shape."""
    return jnp.einsum("nsabyx,nsbyx->nsayx", weight, residual, precision="highest")


def curvature(goal: Target, weight: jax.Array) -> jax.Array:
    """``H``, float32 ``[height, width, 2, 3, 3]``."""
    return gather(jnp.square(goal.blurs.down), jnp.square(goal.blurs.across), weight)


@jax.jit
def errors(goal: Target, image: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Sums of squared OKLab distances of ``image``, sRGB ``[height, width, 3]`` in the mode's pixels: what the eye
    sees of it, blurred; and that of the single pixels, each counted as often as the display shows it."""
    shown = blur(goal.blurs, spaces(image))
    residual = shown - goal.seen
    cover = goal.seen.shape[-1] * goal.seen.shape[-2] / (image.shape[0] * image.shape[1])
    blurred = (residual * pull(metric(goal, shown), residual)).sum()
    return blurred, cover * jnp.square(single(image) - goal.lab).sum()


def error(goal: Target, image: jax.Array) -> jax.Array:
    """What the search makes small: the blurred error and ``calm`` parts of the single pixels' own."""
    blurred, own = errors(goal, image)
    return blurred + goal.calm * own
