"""Generative adversarial networks for small pictures: a generator draws, a critic tells its drawings from real ones.

Goodfellow et al., arXiv 1406.2661; the networks are those of Radford, Metz and Chintala, arXiv 1511.06434. Images are
float32 ``[batch, side, side, 3]``, sRGB in [0, 1].
"""
