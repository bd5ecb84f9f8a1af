"""Modules: layers, losses, containers, and what goes with them.

Examples
--------
>>> from wengert import nn
>>> net = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
>>> net(wg.zeros(8, 1, 28, 28)).shape
wengert.Size([8, 10])
"""

from ..core.signatures import telling_classes
from . import functional, init, utils
from .modules.activations import ELU, GELU, LeakyReLU, LogSoftmax, PReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .modules.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .modules.layers import BatchNorm1d, Dropout, Embedding, Flatten, Identity, LayerNorm, LazyLinear, Linear, Unflatten
from .modules.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from .modules.module import Module
from .modules.parameter import Parameter, UninitializedParameter

__all__ = [
    "ELU",
    "GELU",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LayerNorm",
    "LazyLinear",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Tanh",
    "Unflatten",
    "UninitializedParameter",
    "functional",
    "init",
    "utils",
]

telling_classes([globals()[name] for name in __all__])
