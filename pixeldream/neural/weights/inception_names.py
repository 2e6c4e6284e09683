"""The convolutions of Inception-v3, by the names of its graph of 2015-12-05, torchvision's, and Keras's order.

Graph: http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz; torchvision/models/inception.py;
keras_applications/inception_v3.py, whose layers are numbered as they are made.
"""

from __future__ import annotations

_STEM = {
    "Conv2d_1a_3x3": "conv", "Conv2d_2a_3x3": "conv_1", "Conv2d_2b_3x3": "conv_2", "Conv2d_3b_1x1": "conv_3",
    "Conv2d_4a_3x3": "conv_4",
}  # fmt: skip

_SQUARE = {
    "branch1x1": "conv", "branch5x5_1": "tower_conv", "branch5x5_2": "tower_conv_1", "branch3x3dbl_1": "tower_1_conv",
    "branch3x3dbl_2": "tower_1_conv_1", "branch3x3dbl_3": "tower_1_conv_2", "branch_pool": "tower_2_conv",
}  # fmt: skip

_HALVE = {
    "branch3x3": "conv", "branch3x3dbl_1": "tower_conv", "branch3x3dbl_2": "tower_conv_1",
    "branch3x3dbl_3": "tower_conv_2",
}  # fmt: skip

_LONG = {
    "branch1x1": "conv", "branch7x7_1": "tower_conv", "branch7x7_2": "tower_conv_1", "branch7x7_3": "tower_conv_2",
    "branch7x7dbl_1": "tower_1_conv", "branch7x7dbl_2": "tower_1_conv_1", "branch7x7dbl_3": "tower_1_conv_2",
    "branch7x7dbl_4": "tower_1_conv_3", "branch7x7dbl_5": "tower_1_conv_4", "branch_pool": "tower_2_conv",
}  # fmt: skip

_HALVE_AGAIN = {
    "branch3x3_1": "tower_conv", "branch3x3_2": "tower_conv_1", "branch7x7x3_1": "tower_1_conv",
    "branch7x7x3_2": "tower_1_conv_1", "branch7x7x3_3": "tower_1_conv_2", "branch7x7x3_4": "tower_1_conv_3",
}  # fmt: skip

_WIDE = {
    "branch1x1": "conv", "branch3x3_1": "tower_conv", "branch3x3_2a": "tower_mixed_conv",
    "branch3x3_2b": "tower_mixed_conv_1", "branch3x3dbl_1": "tower_1_conv", "branch3x3dbl_2": "tower_1_conv_1",
    "branch3x3dbl_3a": "tower_1_mixed_conv", "branch3x3dbl_3b": "tower_1_mixed_conv_1", "branch_pool": "tower_2_conv",
}  # fmt: skip

_MODULES = {
    "Mixed_5b": ("mixed", _SQUARE), "Mixed_5c": ("mixed_1", _SQUARE), "Mixed_5d": ("mixed_2", _SQUARE),
    "Mixed_6a": ("mixed_3", _HALVE), "Mixed_6b": ("mixed_4", _LONG), "Mixed_6c": ("mixed_5", _LONG),
    "Mixed_6d": ("mixed_6", _LONG), "Mixed_6e": ("mixed_7", _LONG), "Mixed_7a": ("mixed_8", _HALVE_AGAIN),
    "Mixed_7b": ("mixed_9", _WIDE), "Mixed_7c": ("mixed_10", _WIDE),
}  # fmt: skip

TORCHVISION = _STEM | {
    f"{module}.{branch}": f"{name}_{ours}"
    for module, (name, branches) in _MODULES.items()
    for branch, ours in branches.items()
}
"""torchvision's name -> the graph's, in the order in which Keras makes them."""
