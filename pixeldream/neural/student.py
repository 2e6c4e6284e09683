"""One training step of the student network: what it is taught, and from what it learns.

The student sees a batch of crops: fresh ones, and ones from a pool of pictures that are being driven by the student
itself, as style transfer would (so that what fools it becomes what it learns from; Ross et al. 2011, arXiv:1011.0686).
Three things are taught at the layers ``relu1_1`` to ``relu5_1``:

- the teachers' features, as far as a linear map of the student's shows them (Romero et al. 2014, arXiv:1412.6550).
  The maps, "heads", are never trained: they are the least-squares solution of running sums, renewed now and then;
- the Gram matrices of those features;
- the *gradient* of a style loss with respect to the image (Czarnecki et al. 2017, arXiv:1706.04859), as gradients are
  all that a run uses. It is the strongest teacher of the three.

Every error is relative to the variance of what it should show, and its root is taken, so that all layers count alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pixeldream.neural import muon
from pixeldream.neural.crops import crops
from pixeldream.neural.driven import Pool, begun, drive, put_back
from pixeldream.neural.networks import twice
from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.networks.vgg import Vgg
from pixeldream.neural.variety import quantise, vary

Arrays = dict[str, jax.Array]
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Where the student is taught: the usual style layers of VGG-19."""

EXACT = jax.lax.Precision.HIGHEST
"""For what linear equations are made of: a GPU would round it to eleven bits."""

_RIDGE = 1e-4
_WHITENING = 0.25
_GRAM_SHARE = 0.3
_TINY = 1e-6


class Lesson(NamedTuple):
    """The static half of a step: the student's layout; the guide, which teaches all layers and gradients on every crop;
    the others, which label only the first ``labelled`` crops of each half, and the layers of each of these; how calm
    dithers are meant (see ``vary``)."""

    layout: Vgg
    guide: FeatureNetwork
    others: tuple[FeatureNetwork, ...]
    other_layers: tuple[tuple[str, ...], ...]
    labelled: int
    calm: float = 0.0


class Basis(NamedTuple):
    """A teacher's weights, and how its features are shown: by layer, a projection [channels, rank] onto its strongest
    directions, and the share of the total mean square [rank] that each of them holds."""

    weights: Weights
    projection: Arrays
    spectrum: Arrays


class Sums(NamedTuple):
    """Running means of products, for the heads: student with student [c + 1, c + 1], and with teacher [c + 1, rank]."""

    own: jax.Array
    cross: jax.Array


class Learned(NamedTuple):
    """All that training changes. ``sums`` and ``heads`` hold the guide's by layer first, then each other teacher's."""

    params: Arrays
    moments: muon.Moments
    average: Arrays
    sums: tuple[dict[str, Sums], ...]
    heads: tuple[Arrays, ...]


def grams(features: jax.Array) -> jax.Array:
    """Gram matrices of [n, h, w, c]: [n, c, c], mean over positions."""
    return jnp.einsum("nhwc,nhwd->ncd", features, features) / (features.shape[1] * features.shape[2])


def taught(network: FeatureNetwork, basis: Basis, images: jax.Array, layers: tuple[str, ...]) -> Arrays:
    """What a teacher shows of images [n, h, w, 3]: {layer: [n, h', w', rank]}."""
    found = jax.vmap(lambda image: network.apply(basis.weights, image, layers))(images)
    return {layer: found[layer] @ basis.projection[layer] for layer in layers}


def apply_head(head: jax.Array, features: jax.Array) -> jax.Array:
    """A linear map [c + 1, rank] whose last row is the constant."""
    return features @ head[:-1] + head[-1][None, None, None]


def learned(layout: Vgg, params: Arrays, heads: Mapping[str, jax.Array], images: jax.Array) -> tuple[Arrays, Arrays]:
    """The student's features, and what its heads make of them."""
    raw = layout.batch(params, images, LAYERS, twice.convolve)
    return raw, {layer: apply_head(heads[layer], raw[layer]) for layer in LAYERS}


def _some(lesson: Lesson, values: jax.Array) -> jax.Array:
    """The crops that the other teachers label: of the fresh half and of the pool's half."""
    half = values.shape[0] // 2
    return jnp.concatenate([values[: lesson.labelled], values[half : half + lesson.labelled]])


def _pull(features: jax.Array, found: jax.Array, target: jax.Array) -> jax.Array:
    """The gradient of a layer's style loss with respect to its features (up to a factor), as a run computes it."""
    size = jnp.square(target).sum((1, 2))[:, None, None, None] + _TINY
    positions = features.shape[1] * features.shape[2]
    return jnp.einsum("nhwc,ncd->nhwd", features, found - target) / size / positions


def _pulls(fresh: Arrays, driven: Arrays, wanted: Arrays, key: jax.Array) -> tuple[Arrays, jax.Array]:
    """Cotangents by layer, and the student's style loss of each driven picture.

    Fresh crops are pulled towards their neighbour's style by the teacher's features, driven ones towards theirs by the
    student's own: these are the gradients that move them. Layers are weighed at random, or one would hide the rest;
    driven pictures' less so, that they arrive somewhere.
    """
    cotangents, losses = {}, jnp.zeros(())
    for number, layer in enumerate(LAYERS):
        found = grams(fresh[layer])
        own, goal = grams(driven[layer]), grams(wanted[layer])
        both = [_pull(fresh[layer], found, jnp.roll(found, 1, 0)), _pull(driven[layer], own, goal)]
        joined = jnp.concatenate(both)
        spread = jnp.repeat(jnp.asarray([1.0, 0.4], jnp.float32), joined.shape[0] // 2)
        drawn = jax.random.normal(jax.random.fold_in(key, number), (joined.shape[0],))
        cotangents[layer] = joined * jnp.exp(spread * drawn)[:, None, None, None]
        losses = losses + jnp.square(own - goal).sum((1, 2)) / (jnp.square(goal).sum((1, 2)) + _TINY) / len(LAYERS)
    return cotangents, losses


def _unexplained(shown: jax.Array, truth: jax.Array, spectrum: jax.Array) -> jax.Array:
    """Mean squared error over variance; weak directions are raised a little, as they matter more than they measure."""
    weight = (spectrum**-_WHITENING)[None, None, None]
    error = jnp.square((shown - truth) * weight).mean()
    return error / (jnp.square((truth - truth.mean((0, 1, 2), keepdims=True)) * weight).mean() + _TINY)


def _gram_error(shown: jax.Array, truth: jax.Array) -> jax.Array:
    found, target = grams(shown), grams(truth)
    relative = jnp.square(found - target).sum((1, 2)) / (jnp.square(target).sum((1, 2)) + _TINY)
    return jnp.sqrt(relative + 1e-5).mean()


def _gradient_error(found: jax.Array, truth: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Relative error of image gradients [n, h, w, 3], and their cosine [n]."""
    size, own = jnp.square(truth).mean((1, 2, 3)), jnp.square(found).mean((1, 2, 3))
    error = jnp.square(found - truth).mean((1, 2, 3)) / (size + 0.01 * jnp.median(size) + 1e-30)
    cosine = (found * truth).mean((1, 2, 3)) * jax.lax.rsqrt(own * size + 1e-30)
    return jnp.sqrt(error + 1e-4).mean(), cosine


def _fold(old: Sums, raw: jax.Array, truth: jax.Array, keep: jax.Array) -> Sums:
    """Running means with this batch's products."""
    full = jnp.concatenate([raw, jnp.ones_like(raw[..., :1])], -1)
    count = full.shape[0] * full.shape[1] * full.shape[2]
    own = jnp.einsum("nhwc,nhwd->cd", full, full, precision=EXACT) / count
    cross = jnp.einsum("nhwc,nhwd->cd", full, truth, precision=EXACT) / count
    return Sums(keep * old.own + (1 - keep) * own, keep * old.cross + (1 - keep) * cross)


@jax.jit
def solve_heads(sums: tuple[dict[str, Sums], ...]) -> tuple[Arrays, ...]:
    """Least-squares heads [c + 1, rank] by layer for each teacher, with a little ridge."""

    def solve(found: Sums) -> jax.Array:
        size = found.own.shape[0]
        ridge = _RIDGE * jnp.trace(found.own) / size
        return jnp.linalg.solve(found.own + ridge * jnp.eye(size), found.cross)

    return tuple({layer: solve(found) for layer, found in teacher.items()} for teacher in sums)


class Batch(NamedTuple):
    """What a step needs: images [n, h, w, 3]; each teacher's features of what they mean (see ``vary``), guide first;
    cotangents and the guide's image gradient for them."""

    images: jax.Array
    truths: tuple[Arrays, ...]
    cotangents: Arrays
    gradient: jax.Array


def _batch(
    lesson: Lesson, bases: tuple[Basis, ...], state: Learned, fresh: jax.Array, pool: Pool, key: jax.Array
) -> tuple[Batch, jax.Array]:
    """The batch, and how far the driven pictures think they are from their style [n]."""
    keys = jax.random.split(key, 3)
    few = quantise(pool.image, pool.palette, keys[1])
    shown = jnp.where(pool.few[:, None, None, None] > 0, few, pool.image)
    seen, meant = vary(fresh, keys[0], lesson.calm)
    images, meant = (jnp.concatenate([each, shown]) for each in (seen, meant))
    truth, pull_back = jax.vjp(lambda x: taught(lesson.guide, bases[0], x, LAYERS), meant)
    _, wanted = learned(lesson.layout, state.params, state.heads[0], pool.style)
    _, driven = learned(lesson.layout, state.params, state.heads[0], shown)
    half = fresh.shape[0]
    cotangents, own = _pulls({layer: truth[layer][:half] for layer in LAYERS}, driven, wanted, keys[2])
    some = _some(lesson, meant)
    others = [
        taught(network, basis, some, layers)
        for network, basis, layers in zip(lesson.others, bases[1:], lesson.other_layers, strict=True)
    ]
    return Batch(images, (truth, *others), cotangents, pull_back(cotangents)[0]), own


def _losses(
    params: Arrays, lesson: Lesson, heads: tuple[Arrays, ...], spectra: tuple[Arrays, ...], batch: Batch
) -> tuple[jax.Array, tuple[Arrays, jax.Array, Arrays]]:
    """What training minimises; and the raw features, the image gradients, and figures to look at."""
    (raw, shown), back = jax.vjp(lambda x: learned(lesson.layout, params, heads[0], x), batch.images)
    (gradient,) = back((jax.tree.map(jnp.zeros_like, raw), batch.cotangents))
    gradient_error, cosine = _gradient_error(gradient, batch.gradient)
    figures, gram_errors = {}, []
    for layer in LAYERS:
        figures[layer] = _unexplained(shown[layer], batch.truths[0][layer], spectra[0][layer])
        gram_errors.append(_gram_error(shown[layer], batch.truths[0][layer]))
    for number, truth in enumerate(batch.truths[1:], 1):
        for layer in truth:
            seen = apply_head(heads[number][layer], _some(lesson, raw[layer]))
            figures[f"{layer} of teacher {number + 1}"] = _unexplained(seen, truth[layer], spectra[number][layer])
    match = jnp.stack([jnp.sqrt(value + _TINY) for value in figures.values()]).mean()
    gram = jnp.stack(gram_errors).mean()
    half = batch.images.shape[0] // 2
    figures |= {"gram": gram, "gradient": gradient_error}
    figures |= {"cosine of fresh": cosine[:half].mean(), "cosine of driven": cosine[half:].mean()}
    return match + _GRAM_SHARE * gram + gradient_error, (raw, gradient, figures)


@partial(jax.jit, static_argnames=("lesson",))
def train_step(
    lesson: Lesson,
    bases: tuple[Basis, ...],
    norms: Arrays,
    state: Learned,
    fresh: jax.Array,
    pool: Pool,
    key: jax.Array,
    rate: jax.Array,
) -> tuple[Learned, Pool, Arrays]:
    """One step on ``fresh`` [n, s, s, 3] and n pictures of the pool: the new state, the pool moved, and figures."""
    batch, own = _batch(lesson, bases, state, fresh, pool, key)
    spectra = tuple(basis.spectrum for basis in bases)
    gradients, (raw, pulled, figures) = jax.grad(_losses, has_aux=True)(
        state.params, lesson, state.heads, spectra, batch
    )
    step = state.moments.step
    params, moments = muon.update(state.params, gradients, state.moments, rate, norms)
    keep = jnp.minimum(0.99, 1 - 1 / (step**0.8 + 1))
    seen = (raw, *({layer: _some(lesson, raw[layer]) for layer in LAYERS} for _ in lesson.others))
    sums = tuple(
        {layer: _fold(old[layer], features[layer], truth[layer], keep) for layer in truth}
        for old, features, truth in zip(state.sums, seen, batch.truths, strict=True)
    )
    slow = jnp.minimum(0.998, 1 - 1 / (step + 1))
    average = jax.tree.map(lambda old, new: slow * old + (1 - slow) * new, state.average, params)
    figures["driven style loss"] = jnp.median(own)
    return Learned(params, moments, average, sums, state.heads), drive(pool, pulled[fresh.shape[0] :]), figures


class Still(NamedTuple):
    """What no step changes: the teachers' bases, and the norms of the kernels at the start."""

    bases: tuple[Basis, ...]
    norms: Arrays


class Moment(NamedTuple):
    """What one step is given: the sheets, how many of them are made, a key, and the rate."""

    sheets: jax.Array
    filled: jax.Array
    key: jax.Array
    rate: jax.Array


@partial(jax.jit, static_argnames=("lesson", "half"))
def advance(
    lesson: Lesson, half: int, still: Still, state: Learned, pool: Pool, now: Moment
) -> tuple[Learned, Pool, Arrays]:
    """One step, all of it on the device: ``half`` crops are cut and as many of the pool are driven."""
    keys = jax.random.split(now.key, 4)
    side = pool.image.shape[1]
    chosen = jax.random.choice(keys[0], pool.age.shape[0], (half,), replace=False)
    fresh = crops(now.sheets, now.filled, keys[1], half, side)
    some = jax.tree.map(lambda value: value[chosen], pool)
    state, moved, figures = train_step(lesson, still.bases, still.norms, state, fresh, some, keys[2], now.rate)
    new = begun(now.sheets, now.filled, keys[3], half, side)
    return state, put_back(pool, chosen, moved, new), figures


def begin(widths: tuple[int, ...], depths: tuple[int, ...], seed: int) -> tuple[Vgg, Arrays]:
    """A student's layout and its random weights (He et al. 2015, arXiv:1502.01852)."""
    names = tuple(f"{block}_{number}" for block, depth in enumerate(depths, 1) for number in range(1, depth + 1))
    random, before, params = np.random.default_rng(seed), 3, {}
    for name in names:
        width = widths[int(name[0]) - 1]
        kernel = random.normal(size=(3, 3, before, width)) * (2 / 9 / before) ** 0.5
        params[f"conv{name}_w"] = jnp.asarray(kernel, jnp.float32)
        params[f"conv{name}_b"] = jnp.zeros(width, jnp.float32)
        before = width
    return Vgg(names), params
