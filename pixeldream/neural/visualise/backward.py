"""What in a picture a network looks at: a signal sent back from a class, a layer or a neuron to the pixels.

``saliency``  the gradient of the class's score (Simonyan, Vedaldi and Zisserman 2013, arXiv:1312.6034, section 3).
``deconv``    what a deconvnet reconstructs: the switches of the max-pools as they stand, the signal rectified on its
              way down (Zeiler and Fergus 2013, arXiv:1311.2901). Convolutions and pools send back their gradients,
              for these are transposed filters and switches (arXiv:1312.6034, section 4); ReLUs do not.
``guided``    both: only what the picture made active and only what adds to the answer (arXiv:1412.6806).

From a layer the signal is what it answered with, as Zeiler and Fergus send it, not a 1 at every place: a deconvnet
would reconstruct places that never answered. Deviations: where all of a pool's window is equal it has no switch, and
the signal is spread over the window; response normalisation sends back its gradient, where a deconvnet has none.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pixeldream.neural.networks.base import FeatureNetwork, Weights
from pixeldream.neural.visualise.names import METHODS
from pixeldream.neural.visualise.target import Target, channels_of


class Sent(NamedTuple):
    """What arrives at the pixels, float32 ``[h, w, 3]``, and the answer that was asked about: a class's score, or the
    mean of a layer's positive values."""

    signal: jax.Array
    answer: float


def send_back(network: FeatureNetwork, weights: Weights, image: Any, target: Target, method: str) -> Sent:
    """``image``: sRGB float32 ``[h, w, 3]``; ``method``: one of ``METHODS``.

    A class is asked of the published network, whose classifier knows nothing of mirrored borders. Raises ``ValueError``
    for another method, for a picture that is too small, and for a network whose ReLUs have no such choice.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r} is none of {', '.join(METHODS)}")
    image = jnp.asarray(image, jnp.float32)
    check_side(network, image)
    rule = METHODS[method]
    used = network.published() if target.score else network
    used = used if rule == "gradient" else used.using(relu=rule)
    share = target.share(channels_of(network, weights, target.layer))
    how = "score" if target.score else "neuron" if target.neuron else "answers"
    signal, answer = _send(used, weights, image, share, target.layer, how)
    return Sent(signal, float(answer))


def check_side(network: FeatureNetwork, image: jax.Array) -> None:
    """Raises ``ValueError`` for an image that is too small for the network."""
    if min(image.shape[:2]) < network.minimum_side:
        height, width = image.shape[:2]
        raise ValueError(
            f"a picture of {width}x{height} pixels is too small for network {network.name!r}, which needs "
            f"{network.minimum_side}; take a larger one"
        )


@partial(jax.jit, static_argnames=("network", "layer", "how"))
def _send(
    network: FeatureNetwork, weights: Weights, image: jax.Array, share: jax.Array, layer: str, how: str
) -> tuple[jax.Array, jax.Array]:
    features, back = jax.vjp(lambda pixels: network.apply(weights, pixels, (layer,))[layer], image)
    chosen = jnp.broadcast_to(share[None, None], features.shape)
    if how == "score":
        return back(chosen / (features.shape[0] * features.shape[1]))[0], (features * chosen).mean((0, 1)).sum()
    answers = jax.nn.relu(features) * chosen
    answer = answers.mean((0, 1)).sum()
    if how == "neuron":
        answers = jnp.where(answers == answers.max(), answers, jnp.zeros_like(answers))
        return back(answers)[0], answers.max()
    return back(answers)[0], answer


def magnitude(signal: jax.Array) -> jax.Array:
    """float32 ``[h, w]``: the largest absolute value of the three colours (arXiv:1312.6034, section 3.1)."""
    return jnp.abs(signal).max(-1)
