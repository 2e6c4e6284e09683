"""What a photographer does before the picture is converted: brightness, contrast, gamma, saturation, hue, sharpness."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

RADIUS = 1.0
"""Standard deviation, in display pixels, of the blur that sharpening moves away from."""

LIMITS = {
    "brightness": (-1.0, 1.0), "contrast": (0.0, 8.0), "gamma": (0.1, 10.0), "saturation": (0.0, 8.0),
    "hue": (-360.0, 360.0), "sharpen": (0.0, 8.0),
}  # fmt: skip


@dataclass(frozen=True)
class Adjustments:
    """``brightness`` is added to the encoded values, ``contrast`` widens them about the middle, ``gamma`` above 1
    lightens the middle; ``saturation`` and ``hue`` (degrees) scale and turn OKLab's colour plane; ``sharpen`` is the
    share of an unsharp mask. Raises ``ValueError`` for a value out of range."""

    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    sharpen: float = 0.0

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} {value:g} is out of range; give {least:g} to {most:g}")

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) != field.default for field in fields(self))

    def apply(self, image: np.ndarray) -> np.ndarray:
        """sRGB float32 ``[height, width, 3]`` in [0, 1], of the same shape; the image itself if nothing is asked."""
        if not self:
            return image
        image = np.clip(image, 0.0, 1.0) ** np.float32(1 / self.gamma)
        image = (image - 0.5) * self.contrast + 0.5 + self.brightness
        if (self.saturation, self.hue) != (1.0, 0.0):
            image = self._turn(image)
        if self.sharpen:
            image = image + self.sharpen * (image - _blurred(image))
        return np.clip(image, 0.0, 1.0).astype(np.float32)

    def _turn(self, image: np.ndarray) -> np.ndarray:
        import jax.numpy as jnp

        from pixeldream.retro.colour import oklab_to_srgb, srgb_to_oklab

        lab = np.asarray(srgb_to_oklab(jnp.asarray(image, jnp.float32)))
        plane = (lab[..., 1] + 1j * lab[..., 2]) * self.saturation * np.exp(1j * np.deg2rad(self.hue))
        return np.asarray(oklab_to_srgb(jnp.asarray(np.stack([lab[..., 0], plane.real, plane.imag], -1), jnp.float32)))


def _blurred(image: np.ndarray) -> np.ndarray:
    from pixeldream.retro.perceived import blur_matrix

    down, across = (blur_matrix(size, 1, RADIUS) for size in image.shape[:2])
    return np.einsum("yh,hwc,xw->yxc", down, image, across)
