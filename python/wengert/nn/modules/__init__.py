"""The classes of `wengert.nn`: what holds parameters, and layers, activations, losses and containers made of it."""

from ...core.faces import later

later(__name__, dict.fromkeys((
    ".activations", ".attention", ".bags", ".bilinear", ".containers", ".convolution", ".crossing", ".distances",
    ".dropping", ".layers", ".lazy", ".losses", ".markup", ".module", ".normalization", ".one_pass", ".padding",
    ".parameter", ".pooling", ".recurrent", ".sampling", ".state",
), ""), others="wengert.nn")  # fmt: skip
