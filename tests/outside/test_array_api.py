"""The Python array API standard: the same expressions over `wengert.array_api` and over array-api-strict, whose values
are NumPy's; gradients through it; and what a tensor tells of its namespace."""

from __future__ import annotations

import inspect
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import array_api

Expression = Callable[..., Any]

RNG = np.random.default_rng(0)
# Of floats, also positive ones and ones below 1, of integers and of booleans; the digit is the number of bytes.
F8 = RNG.uniform(-2, 2, (3, 4)).round(3)
P8 = RNG.uniform(0.5, 2, (3, 4))
U8 = RNG.uniform(-0.9, 0.9, (3, 4))
SQUARE = RNG.normal(size=(2, 3, 3))
DEFINITE = SQUARE @ SQUARE.swapaxes(-1, -2) + np.eye(3)
I8 = np.array([[3, -1, 2, 2], [0, 5, -3, 2], [7, 7, 1, -6]])
WITH_NAN = np.array([1.5, np.nan, -0.0, np.inf, -np.inf, 2.5, -1.5])
TRUTH = np.array([[True, False, True, True], [False, False, True, False], [True, True, True, True]])
ROW = np.array([0.5, -1.0, 2.0, 1.0])


def of(function: str, *arrays: Any, **keywords: Any) -> tuple[Expression, tuple[Any, ...]]:
    """The call of a function of the namespace, or of its extension, with arrays first."""

    def call(xp: Any, *given: Any) -> Any:
        space = xp.linalg if function in LINALG else xp
        return getattr(space, function)(*given, **keywords)

    return call, arrays


def by(expression: Expression, *arrays: Any) -> tuple[Expression, tuple[Any, ...]]:
    return expression, arrays


def info(xp: Any) -> Any:
    return xp.__array_namespace_info__()


LINALG = set(array_api.linalg.__all__)
FLOATING = ("abs", "ceil", "cos", "cosh", "atan", "asinh", "exp", "expm1", "floor", "negative", "positive", "round",
            "sign", "sin", "sinh", "square", "tan", "tanh", "trunc", "isfinite", "isinf", "isnan",
            "signbit")  # fmt: skip
ABOVE_ZERO = ("log", "log10", "log2", "sqrt", "reciprocal")
WITHIN_ONE = ("acos", "asin", "atanh", "log1p")
OF_INTEGERS = ("abs", "ceil", "floor", "negative", "positive", "round", "sign", "square", "trunc", "isfinite", "isinf",
               "isnan", "bitwise_invert")  # fmt: skip
ARITHMETIC = ("add", "subtract", "multiply", "maximum", "minimum", "equal", "not_equal", "less", "less_equal",
              "greater", "greater_equal")  # fmt: skip
OF_FLOATS = ("divide", "atan2", "copysign", "hypot", "logaddexp", "nextafter", "floor_divide", "remainder")
BITS = ("bitwise_and", "bitwise_or", "bitwise_xor")
SHIFTS = ("bitwise_left_shift", "bitwise_right_shift")
LOGIC = ("logical_and", "logical_or", "logical_xor")
F4, I2, ZERO_D = F8.astype(np.float32), I8.astype(np.int16), np.asarray(1.5)
NONE, NO_ROWS = np.zeros(0), np.zeros((0, 3))

CALLS: list[tuple[str, tuple[Expression, tuple[Any, ...]]]] = [
    *((n, of(n, F8)) for n in FLOATING),
    *((n, of(n, F4)) for n in FLOATING),
    *((n, of(n, WITH_NAN)) for n in FLOATING if n not in ("cos", "sin", "tan")),
    *((n, of(n, P8)) for n in ABOVE_ZERO),
    *((n, of(n, U8)) for n in WITHIN_ONE),
    ("acosh", of("acosh", P8 + 1)),
    *((n, of(n, I8)) for n in OF_INTEGERS),
    ("bitwise_invert", of("bitwise_invert", TRUTH)),
    ("logical_not", of("logical_not", TRUTH)),
    # ------------------------------------------------------------ of two arrays: dtypes, shapes, 0-d, numbers
    *((n, of(n, F8, ROW)) for n in ARITHMETIC + OF_FLOATS),
    *((n, of(n, F4, P8)) for n in ARITHMETIC + OF_FLOATS),
    *((n, of(n, F4, ZERO_D)) for n in ARITHMETIC + OF_FLOATS),
    *((n, of(n, F4, 0.1)) for n in ARITHMETIC + OF_FLOATS),
    *((n, of(n, 2, F4)) for n in ARITHMETIC + OF_FLOATS),
    *((n, of(n, I8, I2)) for n in ARITHMETIC + BITS),
    *((n, of(n, I2, np.asarray(3))) for n in ARITHMETIC + BITS),
    *((n, of(n, I2, 3)) for n in (*ARITHMETIC, *BITS, "floor_divide", "remainder")),
    *((n, of(n, np.array([3], np.uint8), np.array([3], np.int8))) for n in ARITHMETIC + BITS),
    *((n, of(n, I2, np.array([1, 2, 3, 0], np.int16))) for n in SHIFTS),
    *((n, of(n, TRUTH, TRUTH[0])) for n in LOGIC + BITS),
    *((n, of(n, TRUTH, True)) for n in LOGIC),
    ("pow", of("pow", P8, F4)),
    ("pow", of("pow", I8, 2)),
    ("pow", of("pow", np.float32(2) + F4 * 0, ZERO_D)),
    ("clip", of("clip", F8, -1, 1)),
    ("clip", of("clip", F4, max=0.5)),
    ("clip", of("clip", F8, ROW - 1, ROW)),
    ("clip", of("clip", I2, 0, None)),
    ("clip", of("clip", I2)),
    # ------------------------------------------------------------ dtypes
    ("astype", by(lambda xp, x: xp.astype(x, xp.float32), I8)),
    ("astype", by(lambda xp, x: xp.astype(x, xp.bool), F8)),
    ("astype", by(lambda xp, x: xp.astype(x, xp.int64, copy=False), I8)),
    ("can_cast", by(lambda xp: [xp.can_cast(a, b) for a in (xp.int8, xp.int64, xp.uint8)
                                for b in (xp.int8, xp.int16, xp.uint8)] + [xp.can_cast(xp.float64, xp.float32)])),
    ("can_cast", by(lambda xp, x: xp.can_cast(x, xp.float64), F4)),
    ("result_type", by(lambda xp, x, y: xp.result_type(x, y, 1.5), F4, ZERO_D)),
    ("result_type", by(lambda xp, x: xp.result_type(x, xp.int64, 3), I2)),
    ("isdtype", by(lambda xp: [xp.isdtype(d, k) for d in (xp.bool, xp.int8, xp.uint8, xp.float32) for k in (
        "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric",
        ("bool", "real floating"), xp.float32, (xp.int8, "bool"))])),
    ("finfo", by(lambda xp: [getattr(xp.finfo(d), n) for d in (xp.float32, xp.float64)
                             for n in ("bits", "eps", "max", "min", "smallest_normal", "dtype")])),
    ("finfo", by(lambda xp, x: xp.finfo(x).dtype, F4)),
    ("iinfo", by(lambda xp: [getattr(xp.iinfo(d), n) for d in (xp.int8, xp.uint8, xp.int64)
                             for n in ("bits", "max", "min", "dtype")])),
    # ------------------------------------------------------------ creation
    ("arange", by(lambda xp: [xp.arange(5), xp.arange(1, 7, 2), xp.arange(1.0, 2, 0.25), xp.arange(5, 1, -2)])),
    ("arange", by(lambda xp: [xp.arange(5, 1), xp.arange(0), xp.arange(3, dtype=xp.float32), xp.arange(-1, 1, 0.3)])),
    ("asarray", by(lambda xp: [xp.asarray(3), xp.asarray(2.5), xp.asarray(True), xp.asarray([[1, 2], [3, 4]])])),
    ("asarray", by(lambda xp, x: [xp.asarray(x), xp.asarray(x, dtype=xp.float64, copy=True)], F4)),
    ("empty", by(lambda xp: [xp.empty(3).shape, xp.empty((2, 3), dtype=xp.int8).dtype])),
    ("empty_like", by(lambda xp, x: [xp.empty_like(x).shape, xp.empty_like(x, dtype=xp.int8).dtype], F8)),
    ("zeros", by(lambda xp: [xp.zeros(3), xp.zeros((2, 3), dtype=xp.int8), xp.zeros(())])),
    ("ones", by(lambda xp: [xp.ones(3), xp.ones((2, 3), dtype=xp.bool), xp.ones((0, 2))])),
    ("full", by(lambda xp: [xp.full(3, 2), xp.full((2, 1), 2.5), xp.full((), True), xp.full(2, 1, dtype=xp.int8)])),
    ("zeros_like", by(lambda xp, x: [xp.zeros_like(x), xp.zeros_like(x, dtype=xp.float64)], I2)),
    ("ones_like", by(lambda xp, x: [xp.ones_like(x), xp.ones_like(x, dtype=xp.float64)], I2)),
    ("full_like", by(lambda xp, x: [xp.full_like(x, 2), xp.full_like(x, 2.5, dtype=xp.float64)], I2)),
    ("eye", by(lambda xp: [xp.eye(2), xp.eye(2, 3), xp.eye(3, k=1), xp.eye(2, 4, k=-1, dtype=xp.int8)])),
    ("linspace", by(lambda xp: [xp.linspace(0, 1, 5), xp.linspace(-1, 2, 4, endpoint=False), xp.linspace(2, 3, 1)])),
    ("linspace", by(lambda xp: [xp.linspace(0, 1, 0), xp.linspace(3, 1, 3, dtype=xp.float32)])),
    ("meshgrid", of("meshgrid", ROW, P8[0])),
    ("meshgrid", of("meshgrid", ROW, P8[0, :2], P8[1, :3], indexing="ij")),
    ("tril", of("tril", F8)),
    ("tril", of("tril", SQUARE, k=-1)),
    ("triu", of("triu", F8, k=1)),
    ("triu", of("triu", TRUTH)),
    ("from_dlpack", of("from_dlpack", F8)),
    # ------------------------------------------------------------ manipulation
    ("broadcast_arrays", of("broadcast_arrays", F8, ROW)),
    ("broadcast_to", of("broadcast_to", ROW, shape=(2, 3, 4))),
    ("concat", by(lambda xp, x, y: xp.concat([x, y], axis=1), F8, F4)),
    ("concat", by(lambda xp, x, y: [xp.concat((x, y)), xp.concat([x, y], axis=None)], I8, I2)),
    ("concat", by(lambda xp, x, y: xp.concat([x, y], axis=None), F4, ZERO_D)),
    ("stack", by(lambda xp, x, y: [xp.stack([x, y]), xp.stack((x, y), axis=-1)], F8, F4)),
    ("expand_dims", by(lambda xp, x: [xp.expand_dims(x, axis=k) for k in (0, 1, 2, -1, -3)], F8)),
    ("squeeze", by(lambda xp, x: [xp.squeeze(x, 0), xp.squeeze(x, axis=(0, -1)), xp.squeeze(x, ())],
                   F8[None, ..., None])),
    ("flip", by(lambda xp, x: [xp.flip(x), xp.flip(x, axis=1), xp.flip(x, axis=(0, -1))], F8)),
    ("moveaxis", by(lambda xp, x: [xp.moveaxis(x, 0, -1), xp.moveaxis(x, (0, 1), (2, 0))], SQUARE)),
    ("permute_dims", by(lambda xp, x: xp.permute_dims(x, (2, 0, 1)), SQUARE)),
    ("reshape", by(lambda xp, x: [xp.reshape(x, (2, -1)), xp.reshape(x, (12,), copy=True)], F8)),
    ("repeat", by(lambda xp, x: [xp.repeat(x, 2), xp.repeat(x, 3, axis=1)], F8)),
    ("repeat", of("repeat", F8, np.array([0, 2, 1]), axis=0)),
    ("roll", by(lambda xp, x: [xp.roll(x, 1), xp.roll(x, -1, axis=1), xp.roll(x, (1, 2), axis=(0, 1))], F8)),
    ("roll", by(lambda xp, x: xp.roll(x, 1, axis=(0, 1)), F8)),
    ("tile", by(lambda xp, x: [xp.tile(x, (2,)), xp.tile(x, (2, 1, 2)), xp.tile(x, ())], F8)),
    ("unstack", by(lambda xp, x: [xp.unstack(x), xp.unstack(x, axis=-1)], F8)),
    # ------------------------------------------------------------ searching, sorting, sets
    ("argmax", by(lambda xp, x: [xp.argmax(x), xp.argmax(x, axis=1), xp.argmax(x, axis=0, keepdims=True)], I8)),
    ("argmin", by(lambda xp, x: [xp.argmin(x), xp.argmin(x, axis=1), xp.argmin(x, keepdims=True)], F8)),
    ("argmax", of("argmax", WITH_NAN)),
    ("count_nonzero", by(lambda xp, x: [xp.count_nonzero(x), xp.count_nonzero(x, axis=(0, 1), keepdims=True),
                                        xp.count_nonzero(x, axis=0), xp.count_nonzero(x, axis=())], I8)),
    ("nonzero", of("nonzero", I8)),
    ("searchsorted", by(lambda xp, x, y: [xp.searchsorted(x, y), xp.searchsorted(x, y, side="right")],
                        np.array([1, 2, 2, 5]), I8)),
    ("searchsorted", by(lambda xp, x, y: xp.searchsorted(x, y, sorter=xp.argsort(x)), ROW, F8)),
    ("searchsorted", of("searchsorted", np.sort(F4[0]), F8)),
    ("where", of("where", TRUTH, F4, ZERO_D)),
    ("where", of("where", TRUTH, I2, 0)),
    ("where", of("where", TRUTH, 0.5, F4)),
    ("take", by(lambda xp, x, i: [xp.take(x, i, axis=1), xp.take(x, i, axis=-1)], F8, np.array([2, 0, 2]))),
    ("take", of("take", ROW, np.array([-1, 1]))),
    *(("take", of("take", F8, np.array([2, 0], d), axis=1)) for d in (np.uint8, np.int8, np.int32)),
    ("take_along_axis", of("take_along_axis", F8, np.argsort(F8, 1))),
    ("take_along_axis", of("take_along_axis", F8, np.array([[2, 0, 1, -1]]), axis=0)),
    ("sort", by(lambda xp, x: [xp.sort(x), xp.sort(x, axis=0, descending=True), xp.sort(x, stable=False)], I8)),
    ("sort", of("sort", WITH_NAN)),
    ("argsort", by(lambda xp, x: [xp.argsort(x), xp.argsort(x, axis=0), xp.argsort(x, descending=True)], I8)),
    ("unique_all", of("unique_all", I8)),
    ("unique_all", of("unique_all", np.array([2.0, np.nan, 2.0, np.nan]))),
    ("unique_counts", of("unique_counts", I8)),
    ("unique_inverse", of("unique_inverse", I8)),
    ("unique_values", of("unique_values", TRUTH)),
    # ------------------------------------------------------------ statistics
    *((n, by(lambda xp, x, n=n: [getattr(xp, n)(x, axis=k) for k in (None, 0, -1, (0, 1), ())], F8))
      for n in ("sum", "prod", "max", "min", "mean", "var", "std")),
    *((n, by(lambda xp, x, n=n: [getattr(xp, n)(x, axis=k, keepdims=True) for k in (None, 1, (0, 1), ())], TRUTH))
      for n in ("all", "any")),
    *((n, by(lambda xp, x, n=n: [getattr(xp, n)(x, keepdims=True), getattr(xp, n)(x, axis=1)], I2))
      for n in ("sum", "prod", "max", "min", "all", "any")),
    *((n, of(n, WITH_NAN)) for n in ("max", "min", "sum", "all")),
    *((n, of(n, np.zeros((0, 3)), axis=0)) for n in ("sum", "prod", "all", "any")),
    *((n, by(lambda xp, x, n=n: getattr(xp, n)(x, axis=0, dtype=xp.float64), F4)) for n in ("sum", "prod")),
    *((n, by(lambda xp, x, n=n: [getattr(xp, n)(x, axis=1, correction=c) for c in (1, 0.5)], F4))
      for n in ("var", "std")),
    *((n, by(lambda xp, x, y, n=n: [getattr(xp, n)(x), getattr(xp, n)(y, axis=0),
                                    getattr(xp, n)(y, axis=-1, include_initial=True)], ROW, F4))
      for n in ("cumulative_sum", "cumulative_prod")),
    *((n, by(lambda xp, x, n=n: [getattr(xp, n)(x, axis=1), getattr(xp, n)(x, axis=0, dtype=xp.float64)], I2))
      for n in ("cumulative_sum", "cumulative_prod")),
    ("diff", by(lambda xp, x: [xp.diff(x), xp.diff(x, axis=0), xp.diff(x, n=2), xp.diff(x, n=0)], F8)),
    ("diff", by(lambda xp, x: xp.diff(x, axis=0, prepend=x[:1, :], append=x[:2, :]), I2)),
    # ------------------------------------------------------------ linear algebra
    ("matmul", of("matmul", SQUARE, SQUARE[0])),
    ("matmul", of("matmul", F4, ROW)),
    ("matmul", of("matmul", I8, I2.T)),
    ("matrix_transpose", of("matrix_transpose", SQUARE)),
    ("tensordot", of("tensordot", SQUARE, SQUARE[0], axes=2)),
    ("tensordot", of("tensordot", F8, F4, axes=((0, 1), (0, 1)))),
    ("tensordot", of("tensordot", I8, I2.T, axes=1)),
    ("vecdot", of("vecdot", F8, ROW)),
    ("vecdot", of("vecdot", F4, P8, axis=-2)),
    ("vecdot", of("vecdot", I2, I2)),
    ("cross", of("cross", SQUARE, SQUARE[0])),
    ("cross", of("cross", SQUARE, SQUARE[:1], axis=-2)),
    ("outer", of("outer", ROW, P8[0].astype(np.float32))),
    ("diagonal", of("diagonal", SQUARE)),
    ("diagonal", of("diagonal", F8, offset=-1)),
    ("trace", of("trace", SQUARE)),
    ("trace", by(lambda xp, x: [xp.linalg.trace(x), xp.linalg.trace(x, offset=1, dtype=xp.float64)], I2)),
    ("cholesky", of("cholesky", DEFINITE)),
    ("cholesky", of("cholesky", DEFINITE, upper=True)),
    ("det", of("det", SQUARE)),
    ("slogdet", of("slogdet", SQUARE)),
    ("eigh", by(lambda xp, x: abs(xp.linalg.eigh(x).eigenvectors), DEFINITE)),
    ("eigh", by(lambda xp, x: xp.linalg.eigh(x)[0], DEFINITE)),
    ("eigvalsh", of("eigvalsh", DEFINITE)),
    ("inv", of("inv", SQUARE)),
    ("matrix_norm", by(lambda xp, x: [xp.linalg.matrix_norm(x, ord=k) for k in ("fro", "nuc", 1, -2, xp.inf)], SQUARE)),
    ("matrix_norm", of("matrix_norm", SQUARE, keepdims=True)),
    ("matrix_power", by(lambda xp, x: [xp.linalg.matrix_power(x, k) for k in (0, 3, -1)], SQUARE)),
    ("matrix_rank", of("matrix_rank", F8.T @ F8)),
    ("matrix_rank", of("matrix_rank", SQUARE, rtol=0.5)),
    ("pinv", of("pinv", F8)),
    ("pinv", of("pinv", SQUARE, rtol=0.5)),
    ("qr", by(lambda xp, x: [abs(r) for r in xp.linalg.qr(x)], F8)),
    ("qr", by(lambda xp, x: [r.shape for r in xp.linalg.qr(x, mode="complete")], F8.T)),
    ("solve", of("solve", SQUARE, SQUARE[0])),
    ("solve", of("solve", SQUARE, P8[0, :3])),
    ("solve", of("solve", SQUARE[[0, 1, 0]], np.eye(3))),
    ("svd", by(lambda xp, x: xp.linalg.svd(x).S, F8)),
    ("svd", by(lambda xp, x: [r.shape for r in xp.linalg.svd(x, full_matrices=False)], F8)),
    ("svdvals", of("svdvals", F8)),
    ("vector_norm", by(lambda xp, x: [xp.linalg.vector_norm(x, ord=k) for k in (2, 1, 0, 3, float("inf"))], F8)),
    ("vector_norm", by(lambda xp, x: [xp.linalg.vector_norm(x, axis=k, keepdims=True) for k in (0, (0, 1), ())], F4)),
    # ------------------------------------------------------------ of nothing, and of arrays without dimensions
    *((n, of(n, x)) for n in ("sum", "prod", "all", "any", "count_nonzero", "flip", "unique_all", "unique_counts",
                              "unique_inverse", "unique_values") for x in (NONE, NO_ROWS, ZERO_D)),
    *((n, of(n, x, axis=1)) for n in ("sum", "max", "mean", "var", "argmax", "sort", "argsort", "cumulative_prod")
      for x in (NO_ROWS,)),
    *((n, of(n, ZERO_D)) for n in ("max", "mean", "std", "argmin", "vector_norm", "clip", "positive")),
    *((n, of(n, NO_ROWS)) for n in ("matrix_transpose", "diagonal", "trace", "tril", "svdvals", "pinv", "unstack")),
    *((n, of(n, SQUARE[:0])) for n in ("det", "inv", "cholesky", "eigvalsh", "matrix_rank", "slogdet", "matrix_norm")),
    ("matmul", of("matmul", NO_ROWS.T, NO_ROWS)),
    ("concat", by(lambda xp, x, y: [xp.concat([x, x]), xp.concat([y, x], axis=None)], NONE, ZERO_D)),
    ("stack", by(lambda xp, x: xp.stack([x, x]), ZERO_D)),
    ("take", of("take", NO_ROWS.T, np.array([0, 2]), axis=0)),
    ("searchsorted", of("searchsorted", NONE, F8)),
    ("meshgrid", by(lambda xp, x: [xp.meshgrid(x, x), xp.meshgrid(), xp.meshgrid(xp.asarray(2.0), x)], NONE)),
    ("repeat", by(lambda xp, x: xp.repeat(x, 2), ZERO_D)),
    ("tile", by(lambda xp, x: xp.tile(x, (2, 2)), NO_ROWS)),
    ("reshape", by(lambda xp, x, y: [xp.reshape(x, (3, 0)), xp.reshape(y, (1, 1))], NO_ROWS, ZERO_D)),
    ("eye", by(lambda xp: [xp.eye(0), xp.eye(3, 0), xp.eye(2, 3, k=5)])),
    # ------------------------------------------------------------ of arrays themselves
    ("", by(lambda xp, x: [x.ndim, x.shape, x.T, x.mT, x[1, ...], x[:, None, 1:], x[xp.asarray([2, 0]), 1]], F8)),
    ("", by(lambda xp, x: [-x, +x, abs(x), x + 1, 1 - x, x * 2.0, x / 3, x // 0.7, x % 0.7, x @ x.T, 2.0**x], F8)),
    ("", by(lambda xp, x: [x > 0, x[x > 0], x == x, x <= 1, x.to_device(x.device)], F8)),
    ("", by(lambda xp, x: [x + 1, x & 3, x | 4, x ^ 1, ~x, x << 1, x >> 1, x // 2, x % 3, x**2], I2)),
    ("", by(lambda xp: [float(xp.asarray(2.5)), int(xp.asarray(3)), bool(xp.asarray(True)), [7, 8][xp.asarray(1)],
                        complex(xp.asarray(2.5))])),
    ("", by(lambda xp: [xp.pi, xp.e, xp.inf, xp.newaxis, xp.__array_api_version__])),
    ("__array_namespace_info__", by(lambda xp: [sorted(info(xp).dtypes(kind=k)) for k in
                                                ("bool", "real floating", ("bool", "signed integer"))])),
    ("__array_namespace_info__", by(lambda xp: [info(xp).default_dtypes()[k] for k in
                                                ("real floating", "integral", "indexing")])),
    ("__array_namespace_info__", by(lambda xp: [info(xp).capabilities()[k] for k in
                                                ("boolean indexing", "data-dependent shapes")])),
]  # fmt: skip


@pytest.fixture(scope="module")
def strict() -> Iterator[Any]:
    module = pytest.importorskip(
        "array_api_strict", reason="array-api-strict, which is compared with, is not installed"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that this is not its newest version
        module.set_array_api_strict_flags(api_version="2024.12")
    yield module
    module.reset_array_api_strict_flags()


@pytest.fixture
def float64() -> Iterator[None]:
    """The default dtype of array-api-strict."""
    wg.set_default_dtype(wg.float64)
    yield
    wg.set_default_dtype(wg.float32)


def given(xp: Any, array: Any) -> Any:
    return xp.asarray(array) if isinstance(array, np.ndarray) else array


def same(found: Any, right: Any) -> None:
    """Results of both namespaces, one within the other's sequences."""
    if isinstance(right, (list, tuple)):
        assert len(found) == len(right)
        for ours, theirs in zip(found, right, strict=True):
            same(ours, theirs)
    elif isinstance(found, wg.Tensor):
        theirs = np.asarray(right)
        assert (found.shape, found.dtype) == (theirs.shape, theirs.dtype)
        tolerance = 1e-5 if found.dtype == wg.float32 else 1e-12
        np.testing.assert_allclose(found.detach().numpy(), theirs, tolerance, tolerance)
    elif isinstance(found, np.dtype):
        assert f"array_api_strict.{found}" == repr(right)
    else:
        assert found == right
        assert type(found) is type(right)


BY_NAME: dict[str, list[tuple[Expression, tuple[Any, ...]]]] = defaultdict(list)
for called, how in CALLS:
    BY_NAME[called].append(how)


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.usefixtures("float64")
def test_expressions_give_what_array_api_strict_gives(name: str, strict: Any) -> None:
    for expression, arrays in BY_NAME[name]:
        right = expression(strict, *(given(strict, x) for x in arrays))
        same(expression(array_api, *(given(array_api, x) for x in arrays)), right)


SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 3.0, -3.0, 4.0, 1e-30, 1e30])


@pytest.mark.parametrize("name", [*FLOATING, *ABOVE_ZERO, *WITHIN_ONE, "acosh", *ARITHMETIC, *OF_FLOATS, "pow"])
def test_special_numbers_give_what_the_standard_says(name: str, strict: Any) -> None:
    pairs = np.repeat(SPECIAL, len(SPECIAL)), np.tile(SPECIAL, len(SPECIAL))
    arrays = pairs if name in (*ARITHMETIC, *OF_FLOATS, "pow") else (SPECIAL,)
    for dtype in (np.float32, np.float64):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, of what is not finite
            right = np.asarray(getattr(strict, name)(*(strict.asarray(x.astype(dtype)) for x in arrays)))
        found = getattr(array_api, name)(*(wg.tensor(x.astype(dtype)) for x in arrays)).numpy()
        np.testing.assert_allclose(found, right, 1e-6, 0)
        # Which zero a remainder is, the library does not take from the divisor; of 0 and -0, none is the larger.
        if right.dtype == dtype and name not in ("remainder", "maximum", "minimum"):
            known = ~np.isnan(right)
            np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(right)[known])


OF_COMPLEX = {"conj", "imag", "real"}  # which array-api-strict has for complex arrays alone


def functions(module: Any) -> dict[str, Any]:
    return {name: getattr(module, name) for name in module.__all__ if inspect.isfunction(getattr(module, name))}


def test_every_function_of_the_namespace_is_compared() -> None:
    assert {*functions(array_api), *functions(array_api.linalg)} - set(BY_NAME) == OF_COMPLEX
    x = wg.tensor([1.0, -2.0])
    assert array_api.real(x) is array_api.conj(x) is x
    assert array_api.imag(x).tolist() == [0, 0]


def test_the_namespace_has_what_the_standard_has_but_for_complex_numbers_and_wide_unsigned_integers(
    strict: Any,
) -> None:
    of_strict = {"ArrayAPIStrictFlags", "Device", "__version__", "get_array_api_strict_flags",
                 "reset_array_api_strict_flags", "set_array_api_strict_flags"}  # fmt: skip
    of_2025 = {"broadcast_shapes", "isin"}
    lacking = {name for name in strict.__all__ if not hasattr(array_api, name)} - of_strict - of_2025
    assert lacking == {"complex64", "complex128", "fft", "uint16", "uint32", "uint64"}
    assert {name for name in strict.linalg.__all__ if not hasattr(array_api.linalg, name)} == set()
    for name in lacking:
        with pytest.raises(
            AttributeError, match=rf"'wengert.array_api' has no attribute '{name}': .*(complex|unsigned)"
        ):
            getattr(array_api, name)
    with pytest.raises(AttributeError, match=r"has no attribute 'einsum': .*2024\.12"):
        array_api.einsum  # noqa: B018


def test_functions_take_the_parameters_of_the_standard(strict: Any) -> None:
    for ours, theirs in ((array_api, strict), (array_api.linalg, strict.linalg)):
        for name in set(functions(ours)) & set(theirs.__all__):
            parameters = inspect.signature(getattr(ours, name)).parameters
            for key, wanted in inspect.signature(getattr(theirs, name)).parameters.items():
                assert key in parameters, name
                if wanted.kind is inspect.Parameter.KEYWORD_ONLY and key not in ("device", "copy"):
                    assert parameters[key].default == wanted.default, (name, key)


# ---------------------------------------------------------------- promotion


def test_arrays_without_dimensions_count_as_others_do() -> None:
    x, wide = wg.ones(2), wg.tensor(1.0, dtype=wg.float64)
    assert array_api.add(x, wide).dtype == array_api.result_type(x, wide) == wg.float64
    assert (x + wide).dtype == wg.add(x, wide).dtype == wg.float32  # PyTorch's rule
    assert array_api.where(wg.tensor(True), x, wide).dtype == wg.float64
    assert array_api.add(x, 1.5).dtype == wg.float32
    assert array_api.result_type(wg.int8, 3) == wg.int8
    assert array_api.result_type(wg.int8, 1.5) == array_api.result_type(wg.bool, wg.float32) == wg.float32


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda xp: xp.add(1, 2), TypeError, "add: expected at least one array, got 2 Python"),
        (lambda xp: xp.result_type(1, 2.5), TypeError, "result_type: expected at least one array"),
        (lambda xp: xp.isdtype(xp.int8, "whole"), ValueError, "isdtype: there is no kind 'whole'.*'integral'"),
        (lambda xp: xp.__array_namespace_info__().dtypes(kind="whole"), ValueError, "there is no kind 'whole'"),
        (lambda xp: xp.__array_namespace_info__().default_dtypes(device="cuda"), ValueError, "cpu"),
        (lambda xp: xp.astype(xp.ones(2), xp.int8, device="cuda"), ValueError, "cpu"),
        (lambda xp: xp.from_dlpack(np.ones(2), device="cuda"), ValueError, "cpu"),
        (lambda xp: xp.asarray(np.ones(2), dtype=xp.int8, copy=False), ValueError, "copy"),
        (lambda xp: xp.arange(1, 2, 0), ValueError, "arange: a step of 0"),
        (lambda xp: xp.linspace(0, 1, -1), ValueError, "linspace: expected num >= 0"),
        (lambda xp: xp.concat([]), ValueError, "concat: expected at least one"),
        (lambda xp: xp.stack([]), ValueError, "stack: expected at least one"),
        (lambda xp: xp.squeeze(xp.ones((1, 2)), axis=1), ValueError, "squeeze: expected dimensions of length 1, got 1"),
        (lambda xp: xp.reshape(xp.ones((2, 3)).T, (6,), copy=False), ValueError, "reshape: without a copy"),
        (lambda xp: xp.nonzero(xp.ones(())), ValueError, "nonzero: a 0-d array"),
        (lambda xp: xp.take(xp.ones((2, 2)), xp.asarray([0])), ValueError, "take: of an array with 2 dimensions"),
        (lambda xp: xp.take(xp.ones(2), xp.asarray([True])), TypeError, "take: expected indices of integers, got bool"),
        (lambda xp: xp.cumulative_sum(xp.ones((2, 2))), ValueError, "cumulative_sum: of an array with 2 dimensions"),
        (lambda xp: xp.searchsorted(xp.ones((2, 2)), xp.ones(2)), ValueError, "searchsorted: expected x1"),
        (lambda xp: xp.vecdot(xp.ones(3), xp.ones(1)), ValueError, "vecdot: expected vectors of one length"),
        (lambda xp: xp.vecdot(xp.ones((2, 3)), xp.ones(3), axis=0), IndexError, "vecdot: arrays of the shapes"),
        (lambda xp: xp.linalg.cross(xp.ones(2), xp.ones(2)), ValueError, "cross"),
        (lambda xp: xp.ones(2).to_device("cuda"), ValueError, "cpu"),
        (lambda xp: xp.ones(2).to_device("cpu", stream=1), ValueError, "to_device: the CPU has no streams"),
        (lambda xp: xp.ones(2).__array_namespace__(api_version="2019.1"), ValueError, r"2024\.12.*not '2019\.1'"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(array_api)


# ---------------------------------------------------------------- the tensor's side


def test_a_tensor_names_its_namespace() -> None:
    x = wg.ones(2)
    for version in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
        assert x.__array_namespace__(api_version=version) is array_api
    compat = pytest.importorskip("array_api_compat", reason="array-api-compat, which asks for it, is not installed")
    assert compat.array_namespace(x, wg.nn.Parameter(wg.ones(2))) is array_api
    assert compat.is_array_api_obj(x)
    assert compat.size(x) == 2
    assert compat.device(x) == array_api.__array_namespace_info__().default_device()
    assert compat.to_device(x, "cpu") is x
    with pytest.raises(TypeError, match="Multiple namespaces"):
        compat.array_namespace(x, np.ones(2))


def test_without_change_a_tensor_stays_itself() -> None:
    x = wg.ones(2, 3)
    for same_one in (array_api.asarray(x), array_api.astype(x, wg.float32, copy=False), x.to_device("cpu")):
        assert same_one is x
    for copied in (
        array_api.asarray(x, copy=True),
        array_api.astype(x, wg.float32),
        array_api.reshape(x, (6,), copy=True),
        array_api.positive(x),
        array_api.clip(x),
        array_api.from_dlpack(x, copy=True),
    ):
        assert copied.data_ptr() != x.data_ptr()
    assert array_api.reshape(x, (6,), copy=False).data_ptr() == x.data_ptr()


# ---------------------------------------------------------------- gradients

DIFFERENTIABLE: dict[str, Callable[[Any], Any]] = {
    "arithmetic": lambda x: array_api.divide(array_api.add(x, 1.5), array_api.hypot(x, wg.tensor(2.0))),
    "promotion": lambda x: array_api.multiply(array_api.astype(x, wg.float64), array_api.ones(4, dtype=wg.float32)),
    "statistics": lambda x: array_api.var(x, axis=0, correction=1) * array_api.mean(x) + array_api.sum(x, axis=()),
    "running": lambda x: array_api.cumulative_sum(x, axis=1, include_initial=True)[:, 1:] * x,
    "differences": lambda x: array_api.diff(x, prepend=x[:, :1], append=x[:, 1:] * x[:, 1:]),
    "choice": lambda x: array_api.take(x, wg.tensor([1, 0, 2]), axis=1) + array_api.sort(x, axis=1)[:, 1:],
    "along": lambda x: array_api.take_along_axis(x, array_api.argsort(x, axis=0), axis=0) * x,
    "where": lambda x: array_api.where(x > 0, x * x, array_api.clip(x, -0.5, None)),
    "joined": lambda x: array_api.concat([array_api.flip(x), array_api.roll(x * x, 1)], axis=None),
    "unstacked": lambda x: array_api.stack(array_api.unstack(x, axis=1), axis=-1) ** 2,
    "linear algebra": lambda x: array_api.linalg.solve(x @ x.T, x) + array_api.linalg.pinv(x).T,
    "vectors": lambda x: array_api.vecdot(x, x) * array_api.linalg.vector_norm(x, axis=1),
}  # fmt: skip


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_flow_to_second_order(name: str) -> None:
    wg.func.check_gradients(DIFFERENTIABLE[name], wg.tensor(F8), order=2)


def test_the_namespace_works_in_batches_and_programs() -> None:
    def standardized(x: Any) -> Any:
        xp = x.__array_namespace__()
        return xp.divide(xp.subtract(x, xp.mean(x)), xp.std(x))

    rows = wg.tensor(F8)
    expected = (F8 - F8.mean(1, keepdims=True)) / F8.std(1, keepdims=True)
    np.testing.assert_allclose(wg.vmap(standardized)(rows).numpy(), expected, rtol=1e-12)
    compiled = wg.compile(standardized)
    for _ in range(4):
        np.testing.assert_allclose(compiled(rows[0]).numpy(), expected[0], rtol=1e-12)


def test_the_number_next_to_another_is_numpys_in_every_dtype() -> None:
    edges = np.array([0.0, -0.0, 1.0, -1.0, 65504.0, np.inf, -np.inf, np.nan])
    for dtype in (np.float16, np.float32, np.float64):
        x = np.repeat(edges.astype(dtype), len(edges)), np.tile(edges.astype(dtype), len(edges))
        with np.errstate(all="ignore"):
            expected = np.nextafter(*x)
        found = wg.nextafter(*map(wg.tensor, x)).numpy()
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
    assert wg.nextafter(wg.tensor([1.0]), 2.0).item() == 1 + wg.finfo(wg.float32).eps
