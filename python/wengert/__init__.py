"""Tensor autodiff for the CPU: C kernels, Cython bindings over NumPy buffers, and a thin Python tape.

>>> import wengert as wg
>>> x = wg.tensor([1., 2., 3.], requires_grad=True)
>>> (x ** 2).sum().backward()
>>> x.grad
tensor([2., 4., 6.])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import autograd as autograd
from . import memory as memory
from . import ops as ops
from . import processes as processes
from ._kernels import __version__ as __version__
from ._kernels import get_num_threads as get_num_threads
from ._kernels import set_num_threads as set_num_threads
from .autograd import enable_grad as enable_grad
from .autograd import inference_mode as inference_mode
from .autograd import is_grad_enabled as is_grad_enabled
from .autograd import no_grad as no_grad
from .autograd import set_grad_enabled as set_grad_enabled
from .core.devices import device as device
from .core.dtypes import *
from .core.layouts import *
from .core.missing import of_module as _missing
from .core.numbers import *
from .ops import *  # every name of ops.__all__
from .settings import *
from .tensors import methods as _methods
from .tensors.conversion import is_complex as is_complex
from .tensors.conversion import is_floating_point as is_floating_point
from .tensors.conversion import is_tensor as is_tensor
from .tensors.conversion import numel as numel
from .tensors.families import *
from .tensors.interop import from_dlpack as from_dlpack
from .tensors.interop import register_namespace as _register_namespace
from .tensors.methods import *  # functions that change their first argument
from .tensors.printing import get_printoptions as get_printoptions
from .tensors.printing import set_printoptions as set_printoptions
from .tensors.size import Size as Size
from .tensors.tensor import Tensor as Tensor

# Of nn.functional, which PyTorch has here as well; imported on first use.
_LAYERS = (
    "adaptive_avg_pool1d", "avg_pool1d", "bilinear", "celu_", "channel_shuffle", "conv_tbc", "cosine_similarity",
    "native_channel_shuffle", "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle", "relu_", "rrelu_",
    "selu_", "threshold_",
)  # fmt: skip

if not TYPE_CHECKING:  # checkers follow the stars, and what is imported as itself
    __all__ = [
        "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "GradScaler", "HalfTensor",
        "IntTensor", "LongTensor", "ShortTensor", "Size", "Tensor", "__version__", "accelerator", "amp",
        "array_api", "autocast", "autograd", "backends", "bool", "can_cast", "channels_last", "check_gradients",
        "compile", "contiguous_format", "cuda", "d2l", "data", "define", "derivative", "device",
        "difference_quotient", "distributed", "distributions", "divergence", "double", "dtype", "e",
        "enable_grad", "finfo", "float", "float16", "float32", "float64", "from_dlpack", "func",
        "get_default_dtype", "get_num_threads", "get_printoptions", "grad", "half", "hessian", "hvp", "iinfo",
        "inf", "inference_mode", "int", "int8", "int16", "int32", "int64", "is_autocast_enabled", "is_complex",
        "is_floating_point", "is_grad_enabled", "is_tensor", "jacobian", "jacobian_determinant", "jvp",
        "laplacian", "layers", "layout", "linalg", "linearize", "load", "load_safetensors", "long", "machine",
        "memory_format", "mps", "nan", "newaxis", "nn", "no_grad", "numel", "optim", "pi", "preserve_format",
        "promote_types", "random", "result_type", "save", "save_safetensors", "set_default_dtype",
        "set_grad_enabled", "set_num_threads", "set_printoptions", "short", "special", "strided", "taylor",
        "trace", "tracing", "train", "uint8", "utils", "value_and_grad", "version", "vjp", "vmap", "xpu",
    ]  # fmt: skip
    __all__ += ops.__all__ + settings.__all__ + _methods.__all__
    __all__ += _LAYERS

if TYPE_CHECKING:
    from . import accelerator as accelerator
    from . import amp as amp
    from . import array_api as array_api
    from . import backends as backends
    from . import cuda as cuda
    from . import d2l as d2l
    from . import data as data
    from . import define as define
    from . import distributed as distributed
    from . import distributions as distributions
    from . import estimators as estimators
    from . import func as func
    from . import layers as layers
    from . import linalg as linalg
    from . import machine as machine
    from . import mps as mps
    from . import nn as nn
    from . import optim as optim
    from . import random as random
    from . import special as special
    from . import train as train
    from . import utils as utils
    from . import version as version
    from . import xpu as xpu
    from .amp import GradScaler as GradScaler
    from .amp import autocast as autocast
    from .amp import is_autocast_enabled as is_autocast_enabled
    from .compiling import compile as compile
    from .files import load as load
    from .files import load_safetensors as load_safetensors
    from .files import save as save
    from .files import save_safetensors as save_safetensors
    from .func import check_gradients as check_gradients
    from .func import derivative as derivative
    from .func import difference_quotient as difference_quotient
    from .func import divergence as divergence
    from .func import grad as grad
    from .func import hessian as hessian
    from .func import hvp as hvp
    from .func import jacobian as jacobian
    from .func import jacobian_determinant as jacobian_determinant
    from .func import jvp as jvp
    from .func import laplacian as laplacian
    from .func import linearize as linearize
    from .func import taylor as taylor
    from .func import value_and_grad as value_and_grad
    from .func import vjp as vjp
    from .func import vmap as vmap
    from .nn.functional import adaptive_avg_pool1d as adaptive_avg_pool1d
    from .nn.functional import avg_pool1d as avg_pool1d
    from .nn.functional import bilinear as bilinear
    from .nn.functional import celu_ as celu_
    from .nn.functional import channel_shuffle as channel_shuffle
    from .nn.functional import conv_tbc as conv_tbc
    from .nn.functional import cosine_similarity as cosine_similarity
    from .nn.functional import native_channel_shuffle as native_channel_shuffle
    from .nn.functional import pairwise_distance as pairwise_distance
    from .nn.functional import pdist as pdist
    from .nn.functional import pixel_shuffle as pixel_shuffle
    from .nn.functional import pixel_unshuffle as pixel_unshuffle
    from .nn.functional import relu_ as relu_
    from .nn.functional import rrelu_ as rrelu_
    from .nn.functional import selu_ as selu_
    from .nn.functional import threshold_ as threshold_
    from .tracing import trace as trace

# Imported on first use, so that `import wengert` costs little more than `import numpy`: modules, and names by module.
_LAZY = (
    "accelerator", "amp", "array_api", "backends", "cuda", "d2l", "data", "define", "distributed", "distributions",
    "estimators", "func", "layers", "linalg", "machine", "mps", "nn", "optim", "random", "special", "tracing",
    "train", "utils", "version", "xpu",
)  # fmt: skip
_LAZY_NAMES = {
    "func": (
        "check_gradients", "derivative", "difference_quotient", "divergence", "grad", "hessian", "hvp", "jacobian",
        "jacobian_determinant", "jvp", "laplacian", "linearize", "taylor", "value_and_grad", "vjp", "vmap",
    ),
    "amp": ("GradScaler", "autocast", "is_autocast_enabled"),
    "compiling": ("compile",),
    "files": ("load", "load_safetensors", "save", "save_safetensors"),
    "nn.functional": _LAYERS,
    "tracing": ("trace",),
}  # fmt: skip
_HOMES = {name: module for module, names in _LAZY_NAMES.items() for name in names}


# Folders and files that users reach by the names above.
_INTERNAL = ("compiling", "core", "files", "ops", "settings", "tensors")


def _hide() -> None:
    """Take off what importing a part of the library has put here as an attribute and no user should name."""
    for name in _INTERNAL:
        globals().pop(name, None)


_hide()
_register_namespace(lambda: importlib.import_module(".array_api", __name__))


if not TYPE_CHECKING:  # a checker is to miss a name that is not there

    def __getattr__(name: str) -> Any:
        if name in _LAZY:
            module = importlib.import_module(f".{name}", __name__)
            _hide()
            return module
        if name in _HOMES:
            value = globals()[name] = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
            _hide()
            return value
        raise _missing(__name__, name)

    def __dir__() -> list[str]:
        return sorted({*__all__, *_LAZY, *(name for name in globals() if name.startswith("__"))})
