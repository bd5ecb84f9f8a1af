"""Types of the extension; the contracts are in its docstrings and in csrc/wengert.h."""

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, final

import numpy as np
from numpy.typing import DTypeLike, NDArray

_Array: TypeAlias = NDArray[Any]

__version__: str

def isa() -> str: ...
def available_isas() -> tuple[str, ...]: ...
def select_isa(name: str) -> None: ...
def vector_bytes() -> int: ...
def get_num_threads() -> int: ...
def set_num_threads(n: int) -> None: ...
def share_processors() -> None: ...
def allowance(root: str | os.PathLike[str] = "") -> tuple[int, float, float]: ...
def peak_flops(dtype: DTypeLike, seconds: float = 0.05) -> float: ...
def copy(x: _Array) -> _Array: ...
def empty(shape: Sequence[int], dtype: DTypeLike) -> _Array: ...
def broadcast_view(array: _Array, shape: tuple[int, ...]) -> _Array: ...
def owned_alone(variable: Any) -> bool: ...
def overlap(x: _Array, y: _Array) -> bool: ...
def held_alone(holder: dict[Any, Any], key: Any) -> bool: ...
def from_dlpack(capsule: Any, writable_if_unsaid: bool) -> NDArray[Any]: ...
def all_dense(arrays: tuple[_Array, ...]) -> bool: ...
def all_writeable(arrays: list[_Array]) -> bool: ...
def set_writeable(array: _Array, writeable: bool) -> None: ...
def memory_usage() -> dict[str, int]: ...
def trim_memory(keep: int = 0) -> int: ...
def set_memory_limit(limit: int) -> None: ...
def guard_memory(on: bool) -> None: ...
def elementwise_info() -> dict[str, tuple[int, int, bool]]: ...

@final
class Elementwise:
    name: str
    fallback: Callable[..., Any] | None
    def __init__(self, name: str, fallback: Callable[..., Any] | None = None) -> None: ...
    def __call__(self, x: Any, y: Any = None, z: Any = None, params: Sequence[float] = ()) -> _Array: ...

@final
class Reduction:
    kind: str
    fallback: Callable[..., Any]
    def __init__(self, kind: str, fallback: Callable[..., Any]) -> None: ...
    def __call__(
        self, x: _Array, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...], correction: float = 0.0
    ) -> _Array: ...

def reduce(
    kind: str, x: _Array, axes: int | tuple[int, ...] | None = None, keepdims: bool = False, correction: float = 0.0
) -> _Array: ...
def running_sum(x: _Array, axis: int) -> _Array: ...
def running_product(x: _Array, axis: int) -> _Array: ...
def running_extreme(x: _Array, axis: int, smallest: bool = False) -> tuple[_Array, NDArray[np.int64]]: ...
def matmul(a: _Array, b: _Array, *, bias: _Array | None = None) -> _Array: ...

TRIANGULAR_MOST: int

def solve_triangular(a: _Array, b: _Array, *, upper: bool = False, unit: bool = False) -> _Array: ...
def lu_in_place(a: _Array) -> NDArray[np.int64]: ...
def conv(x: _Array, w: _Array, window: tuple[Any, ...], bias: _Array | None = None, relu: bool = False) -> _Array: ...
def conv_input(
    y: _Array, w: _Array, window: tuple[Any, ...], bias: _Array | None = None, relu: bool = False
) -> _Array: ...
def conv_weight(x: _Array, y: _Array, window: tuple[Any, ...]) -> _Array: ...
def window_max(
    x: _Array, window: tuple[Any, ...], relu: bool = False, codes: bool = True
) -> tuple[_Array, _Array | None]: ...
def window_mean(x: _Array, window: tuple[Any, ...]) -> _Array: ...
def window_pick(x: _Array, codes: _Array, window: tuple[Any, ...]) -> _Array: ...
def window_spread(g: _Array, codes: _Array | None, window: tuple[Any, ...], shape: tuple[int, ...]) -> _Array: ...
def norm_moments(x: _Array) -> tuple[_Array, _Array]: ...
def norm_apply(
    x: _Array, mean: _Array, variance: _Array, weight: _Array | None, bias: _Array | None, eps: float
) -> _Array: ...
def norm_backward(
    g: _Array, x: _Array, mean: _Array, variance: _Array, weight: _Array | None, eps: float
) -> tuple[_Array, _Array, _Array]: ...
def softmax(x: _Array, axis: int, log: bool = False) -> _Array: ...
def softmax_grad(g: _Array, z: _Array, axis: int, log: bool = False) -> _Array: ...

ATTENTION_BLOCK: int

def attention(
    q: _Array,
    k: _Array,
    v: _Array,
    mask: np.ndarray | None = None,
    *,
    causal: bool = False,
    scale: float = 1.0,
    weights: bool = False,
) -> tuple[_Array, ...]: ...
def attention_backward(
    g: _Array,
    q: _Array,
    k: _Array,
    v: _Array,
    out: _Array,
    shift: _Array,
    mask: np.ndarray | None = None,
    *,
    causal: bool = False,
    scale: float = 1.0,
    weights: _Array | None = None,
    into: tuple[_Array, _Array, _Array] | None = None,
) -> tuple[_Array, _Array, _Array]: ...
def cross_entropy(
    logits: _Array,
    labels: NDArray[np.int64],
    *,
    weights: _Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    gradient: bool = False,
    gradient_scale: float = 1.0,
    scale_by_weight: bool = False,
    losses: bool = True,
) -> tuple[_Array | None, _Array | None, float, float]: ...
def cross_entropy_dense(
    logits: _Array,
    targets: _Array,
    *,
    weights: _Array | None = None,
    label_smoothing: float = 0.0,
    gradient: bool = False,
    gradient_scale: float = 1.0,
    losses: bool = True,
) -> tuple[_Array | None, _Array | None, float, float]: ...
def gather_rows(
    source: _Array, index: NDArray[np.int64], *, dtype: DTypeLike = ..., scale: float = 1.0, shift: float = 0.0
) -> _Array: ...
def gather_images(
    source: NDArray[np.uint8],
    index: NDArray[np.int64],
    moves: NDArray[np.int32],
    *,
    dtype: DTypeLike = ...,
    scale: float = 1.0,
) -> _Array: ...
def scatter_add_rows(out: _Array, index: NDArray[np.int64], source: _Array) -> None: ...
def topk(x: _Array, k: int, axis: int, smallest: bool = False) -> NDArray[np.int64]: ...
def gather_along(array: NDArray[Any], index: NDArray[np.int64], axis: int) -> NDArray[Any]: ...
def scatter_along(
    out: NDArray[Any], index: NDArray[np.int64], source: NDArray[Any], axis: int, add: bool = False
) -> None: ...
def recurrent_forward(
    cell: str,
    x: _Array,
    sizes: NDArray[np.int64],
    w_x: _Array,
    w_h: _Array,
    b_x: _Array | None = None,
    b_h: _Array | None = None,
    h: _Array | None = None,
    c: _Array | None = None,
    *,
    reverse: bool = False,
    keep: bool = False,
) -> tuple[_Array, _Array, _Array | None, tuple[_Array, _Array, _Array | None] | None]: ...
def recurrent_backward(
    cell: str,
    kept: tuple[_Array | None, ...],
    sizes: NDArray[np.int64],
    w_h: _Array,
    g: _Array | None = None,
    g_h: _Array | None = None,
    g_c: _Array | None = None,
    *,
    w_x: _Array | None = None,
    reverse: bool = False,
    start: bool = False,
) -> tuple[_Array, _Array | None, _Array | None, _Array | None]: ...
def sgd(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    momentum: Sequence[_Array] | None,
    first: Sequence[bool] | None,
    *,
    lr: float,
    momentum_factor: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> None: ...
def adam(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    first_moment: Sequence[_Array],
    second_moment: Sequence[_Array],
    max_second_moment: Sequence[_Array] | None,
    steps: Sequence[float],
    *,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    maximize: bool = False,
) -> None: ...
def rmsprop(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    square_avg: Sequence[_Array],
    grad_avg: Sequence[_Array] | None,
    momentum: Sequence[_Array] | None,
    *,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float = 0.0,
    momentum_factor: float = 0.0,
    maximize: bool = False,
) -> None: ...
def adagrad(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    sums: Sequence[_Array],
    steps: Sequence[float],
    *,
    lr: float,
    eps: float,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> None: ...
def scale(arrays: Sequence[_Array], factor: float) -> None: ...
def sum_squares(arrays: Sequence[_Array]) -> float: ...
