"""Convolution and its two transposes against the definition, in every way that the kernels have."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import strategies as st
from test_fuzz import arrays, check, run

from guarded import K
from isas import by_isa


class Shape(NamedTuple):
    """Of a convolution; its maps are as large as windows within the padded image allow, plus `more`."""

    n: int
    groups: int
    ci: int
    co: int
    image: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    more: tuple[int, int] = (0, 0)

    @property
    def window(self) -> tuple[Any, ...]:
        size = [
            max(0, (n + 2 * p - d * (k - 1) - 1) // s + 1 + m)
            for n, k, s, p, d, m in zip(
                self.image, self.kernel, self.stride, self.padding, self.dilation, self.more, strict=True
            )
        ]
        return (self.stride, self.padding, self.dilation, self.groups, self.image, self.kernel, tuple(size))


SHAPES = [
    Shape(1, 1, 1, 1, (1, 1), (1, 1)),
    Shape(2, 1, 1, 6, (28, 28), (5, 5), padding=(2, 2)),  # LeNet
    Shape(3, 1, 6, 16, (14, 14), (5, 5)),
    Shape(2, 1, 1, 32, (28, 28), (3, 3), padding=(1, 1)),
    Shape(2, 1, 3, 5, (9, 17), (3, 3), padding=(1, 1)),
    Shape(2, 1, 16, 16, (8, 8), (3, 3), padding=(1, 1)),  # Winograd's
    Shape(2, 1, 32, 64, (14, 14), (3, 3), padding=(1, 1)),
    Shape(1, 1, 17, 35, (11, 9), (3, 3), padding=(1, 0)),
    Shape(1, 1, 33, 18, (9, 12), (3, 3), padding=(2, 2)),
    Shape(1, 1, 20, 16, (70, 41), (3, 3), padding=(1, 1)),
    Shape(1, 2, 16, 17, (10, 10), (3, 3), padding=(1, 1)),
    Shape(2, 1, 33, 40, (7, 7), (3, 3), padding=(1, 1)),
    Shape(2, 1, 20, 33, (9, 10), (5, 3), padding=(2, 0)),  # channels as lanes
    Shape(2, 1, 40, 20, (12, 33), (3, 3), stride=(2, 2), padding=(1, 1)),
    Shape(1, 3, 9, 18, (9, 8), (3, 2), stride=(2, 1), dilation=(1, 2), padding=(0, 1)),
    Shape(1, 1, 4, 20, (1, 50), (1, 7), padding=(0, 3)),
    Shape(2, 1, 19, 37, (6, 7), (1, 1)),  # pointwise
    Shape(2, 1, 64, 64, (14, 14), (1, 1)),
    Shape(1, 2, 5, 40, (8, 8), (1, 1), stride=(2, 2)),
    Shape(2, 21, 1, 1, (14, 14), (3, 3), padding=(1, 1)),  # depthwise
    Shape(2, 5, 1, 1, (9, 20), (5, 3), stride=(2, 2), padding=(2, 1)),
    Shape(1, 4, 1, 3, (8, 9), (3, 3), dilation=(2, 1)),
    Shape(2, 1, 3, 7, (11, 11), (3, 3), stride=(3, 2), padding=(2, 0), dilation=(2, 3)),
    Shape(1, 1, 2, 3, (5, 6), (4, 4), stride=(5, 1), padding=(3, 3), more=(1, 3)),
    Shape(1, 1, 2, 3, (5, 6), (3, 2), stride=(2, 3), padding=(-1, 1)),
    Shape(1, 1, 3, 2, (1, 9), (1, 4), padding=(0, 2), more=(0, -1)),
    Shape(1, 1, 2, 2, (2, 2), (3, 3), padding=(4, 4)),  # windows of nothing
]
EMPTY = [
    Shape(0, 1, 2, 3, (5, 5), (3, 3)),
    Shape(2, 1, 0, 3, (5, 5), (3, 3)),
    Shape(2, 1, 3, 0, (5, 5), (3, 3)),
    Shape(2, 2, 2, 3, (0, 5), (3, 3), padding=(2, 0)),
    Shape(2, 1, 2, 3, (5, 5), (3, 3), more=(-9, 0)),
    Shape(2, 1, 20, 20, (5, 5), (0, 3)),
]
KINDS = ["conv", "conv_input", "conv_weight"]
EPSILONS_OF_WINOGRAD = 17  # 2e-6 in float32


def operands(shape: Shape, dtype: Any, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    sizes = {
        "x": (shape.n, shape.groups * shape.ci, *shape.image),
        "w": (shape.groups * shape.co, shape.ci, *shape.kernel),
        "y": (shape.n, shape.groups * shape.co, *shape.window[-1]),
    }
    return {name: rng.standard_normal(size).astype(dtype) for name, size in sizes.items()}


def call(kind: str, shape: Shape, given: dict[str, np.ndarray], **options: Any) -> np.ndarray:
    names = {"conv": "xw", "conv_input": "yw", "conv_weight": "xy"}[kind]
    found: np.ndarray = getattr(K, kind)(*[given[name] for name in names], shape.window, **options)
    return found


def by_definition(kind: str, shape: Shape, given: dict[str, np.ndarray]) -> np.ndarray:
    """Tap by tap, in the operands' own precision."""
    stride, padding, dilation, groups, image, _, size = shape.window
    dtype = given["x"].dtype
    x, w, y = (np.array_split(given[name], groups, axis) for name, axis in (("x", 1), ("w", 0), ("y", 1)))
    out = {"conv": [np.zeros(v.shape, dtype) for v in y], "conv_input": [np.zeros(v.shape, dtype) for v in x]}
    out["conv_weight"] = [np.zeros(v.shape, dtype) for v in w]
    result = out[kind]
    for i, j in np.ndindex(*shape.kernel):
        seen = []
        for d, k in enumerate((i, j)):
            at = np.arange(size[d]) * stride[d] + k * dilation[d] - padding[d]
            inside = (at >= 0) & (at < image[d])
            seen.append((np.flatnonzero(inside), at[inside]))
        (p, a), (q, b) = seen
        for g in range(groups):
            images, maps = (slice(None), slice(None), a[:, None], b), (slice(None), slice(None), p[:, None], q)
            if kind == "conv":
                result[g][maps] += np.einsum("nchw,oc->nohw", x[g][images], w[g][:, :, i, j])
            elif kind == "conv_input":
                result[g][images] += np.einsum("nohw,oc->nchw", y[g][maps], w[g][:, :, i, j])
            else:
                result[g][:, :, i, j] = np.einsum("nohw,nchw->oc", y[g][maps], x[g][images])
    return np.concatenate(result, 0 if kind == "conv_weight" else 1)


def assert_within_bounds(kind: str, shape: Shape, given: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
    """The contract of wengert.h, on each instruction set."""
    exact = by_definition(kind, shape, {name: v.astype(np.longdouble) for name, v in given.items()})
    sizes = by_definition(kind, shape, {name: np.abs(v).astype(np.float64) for name, v in given.items()})
    taps = shape.kernel[0] * shape.kernel[1]
    dtype = given["x"].dtype
    eps = np.finfo(dtype).eps
    terms = {
        "conv": shape.ci * taps, "conv_input": shape.co * taps,
        "conv_weight": shape.window[-1][0] * shape.window[-1][1] + shape.n,
    }[kind]  # fmt: skip
    bound = (terms + 2) * eps * sizes
    if shape.kernel == (3, 3) and shape.stride == shape.dilation == (1, 1) and min(shape.ci, shape.co) >= 16:
        bound = np.maximum(bound, EPSILONS_OF_WINOGRAD * eps * np.abs(exact).max(initial=0))
    for isa, result in found.items():
        assert (result.shape, result.dtype) == (exact.shape, dtype), isa
        assert (np.abs(result - exact) <= bound).all(), isa


def layouts(x: np.ndarray) -> list[np.ndarray]:
    """The same items in other orders of memory."""
    spread = np.zeros([2 * length + 1 for length in x.shape], x.dtype)[tuple(slice(1, None, 2) for _ in x.shape)]
    spread[...] = x
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    return [spread, last, np.flip(np.flip(x).copy())]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_within_its_bound(dtype: np.dtype, kind: str, shape: Shape) -> None:
    given = operands(shape, dtype)
    found = by_isa(call, kind, shape, given)
    assert all(result.flags.c_contiguous for result in found.values())
    assert_within_bounds(kind, shape, given, found)
    for k in range(3):
        other = {name: v if name == "w" else layouts(v)[k] for name, v in given.items()}
        for isa, result in by_isa(call, kind, shape, other).items():
            np.testing.assert_array_equal(result, found[isa], isa)
    same = {name: v if name == "w" else np.broadcast_to(v[:1, :1], v.shape) for name, v in given.items()}
    assert_within_bounds(kind, shape, same, by_isa(call, kind, shape, same))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", EMPTY, ids=str)
def test_of_nothing(isa: str, dtype: np.dtype, kind: str, shape: Shape) -> None:
    given = operands(shape, dtype)
    found = call(kind, shape, given)
    expected = given[{"conv": "y", "conv_input": "x", "conv_weight": "w"}[kind]]
    np.testing.assert_array_equal(found, np.zeros_like(expected))


@pytest.mark.parametrize("kind", ["conv", "conv_input"])
@pytest.mark.parametrize("shape", [*SHAPES, *EMPTY], ids=str)
def test_bias_and_relu_come_last(isa: str, dtype: np.dtype, kind: str, shape: Shape) -> None:
    given = operands(shape, dtype)
    plain = call(kind, shape, given)
    bias = np.random.default_rng(1).standard_normal(plain.shape[1]).astype(dtype)
    shifted = plain + bias[:, None, None]
    np.testing.assert_array_equal(call(kind, shape, given, bias=bias), shifted)
    np.testing.assert_array_equal(call(kind, shape, given, bias=bias, relu=True), np.maximum(shifted, 0))
    np.testing.assert_array_equal(call(kind, shape, given, relu=True), np.maximum(plain, 0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("operand", ["x", "w", "y"])
def test_nan_and_infinity_go_where_the_definition_takes_them(
    dtype: np.dtype, kind: str, value: float, operand: str
) -> None:
    for shape in SHAPES:
        given = operands(shape, dtype)
        rng = np.random.default_rng(2)
        array = given[operand]
        if not array.size or operand == {"conv": "y", "conv_input": "x", "conv_weight": "w"}[kind]:
            continue
        array.flat[rng.integers(array.size)] = value
        with np.errstate(invalid="ignore"):
            expected = by_definition(kind, shape, {name: v.astype(np.float64) for name, v in given.items()})
        odd = ~np.isfinite(expected)
        size = np.abs(expected[~odd]).max(initial=1)
        for isa, found in by_isa(call, kind, shape, given).items():
            np.testing.assert_array_equal(found[odd], expected[odd], f"{shape}, {isa}")
            assert np.isfinite(found[~odd]).all(), (shape, isa)
            assert (np.abs(found[~odd] - expected[~odd]) <= 1e4 * np.finfo(dtype).eps * size).all(), (shape, isa)


@pytest.mark.parametrize("kind", KINDS)
def test_results_do_not_depend_on_the_number_of_threads(dtype: np.dtype, kind: str) -> None:
    for shape in SHAPES:
        shape = shape._replace(n=23)
        given, results = operands(shape, dtype), []
        for threads in (1, 2, 3):
            K.set_num_threads(threads)
            results.append({isa: y.tobytes() for isa, y in by_isa(call, kind, shape, given).items()})
        assert results[1:] == results[:1] * 2, shape


def test_an_image_does_not_depend_on_the_others(dtype: np.dtype) -> None:
    for kind in ("conv", "conv_input"):
        for shape in SHAPES:
            shape = shape._replace(n=5)
            given = operands(shape, dtype)
            whole = by_isa(call, kind, shape, given)
            part = {name: v if name == "w" else v[3:4] for name, v in given.items()}
            assert_within_bounds(kind, shape._replace(n=1), part, by_isa(call, kind, shape, part))
            given["x"][:3] = given["y"][:3] = np.nan
            for isa, found in by_isa(call, kind, shape, given).items():
                np.testing.assert_array_equal(found[3:], whole[isa][3:], f"{shape}, {isa}")


def test_many_images_are_summed_exactly() -> None:
    """Sums of images, and then over the images, keep what one chain of a million float32 would lose."""
    for shape in (Shape(600, 1, 1, 2, (28, 28), (3, 3)), Shape(600, 1, 16, 16, (14, 14), (3, 3), padding=(1, 1))):
        given = operands(shape, np.float32)
        for name in "xy":
            given[name] = np.abs(given[name])
        exact = by_definition("conv_weight", shape, {name: v.astype(np.float64) for name, v in given.items()})
        for isa, found in by_isa(call, "conv_weight", shape, given).items():
            np.testing.assert_allclose(found, exact, rtol=2e-5, err_msg=isa)


def test_what_is_refused() -> None:
    shape = Shape(2, 2, 3, 4, (5, 5), (3, 3))
    x, w, y = operands(shape, np.float32).values()
    window = shape.window
    with pytest.raises(ValueError, match=r"conv: the images have shape \(2, 6, 5\), expected \(n, channels, 5, 5\)"):
        K.conv(x[..., 0], w, window)
    with pytest.raises(ValueError, match="conv: 5 channels of the images do not make 2 groups"):
        K.conv(x[:, :5], w, window)
    with pytest.raises(ValueError, match=r"weights of shape \(8, 2, 3, 3\) do not fit 6 channels, 2 group\(s\)"):
        K.conv(x, w[:, :2], window)
    with pytest.raises(ValueError, match="conv_input: weights of shape"):
        K.conv_input(y[:, :6], w, window)
    with pytest.raises(ValueError, match="conv_weight: 2 images and 1 maps"):
        K.conv_weight(x, y[:1], window)
    with pytest.raises(ValueError, match=r"the bias has shape \(7,\), expected \(8,\)"):
        K.conv(x, w, window, bias=np.ones(7, np.float32))
    with pytest.raises(TypeError, match="the weight is float64, expected float32"):
        K.conv(x, w.astype(float), window)
    with pytest.raises(TypeError, match="float32 and float64, got int64"):
        K.conv(x.astype(int), w, window)
    for place, pair in ((0, (0, 1)), (2, (1, 0)), (3, 0)):
        with pytest.raises(ValueError, match="must be at least 1"):
            K.conv(x, w, (*window[:place], pair, *window[place + 1 :]))
    with pytest.raises(ValueError, match="reach too far"):
        K.conv(x, w, ((2**60, 1), *window[1:]))


def test_sizes_that_no_machine_has() -> None:
    """Windows that step over 2**40 items are counted right, and results that no memory holds are refused."""
    x, w = np.ones((1, 1, 1, 3), np.float32), np.ones((1, 1, 1, 2), np.float32)
    far = ((1, 1), (0, 2**40), (1, 2**40), 1, (1, 3), (1, 2), (1, 4))
    np.testing.assert_array_equal(K.conv(x, w, far), [[[[1, 1, 1, 0]]]])
    with pytest.raises(MemoryError):
        K.conv(x, w, ((1, 1), (0, 0), (1, 1), 1, (1, 3), (1, 2), (1, 2**44)))
    nothing = np.broadcast_to(np.float32(0), (0, 1, 2**28, 2**28))
    assert K.conv(nothing, w, ((1, 1), (0, 0), (1, 1), 1, (2**28, 2**28), (1, 2), (1, 1))).shape == (0, 1, 1, 1)
    with pytest.raises(ValueError, match="larger than the address space"):
        K.conv(nothing[..., :0], w, ((1, 1), (0, 0), (1, 1), 1, (2**28, 0), (1, 2), (2**40, 2**40)))


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_ends_what_takes_long(kind: str) -> None:
    shape = Shape(64, 1, 512, 512, (64, 64), (7, 7), padding=(3, 3))
    given = {
        name: np.broadcast_to(np.float32(1), (1,) * 4 if name == "w" else v)
        for name, v in {"x": (64, 512, 64, 64), "y": (64, 512, 64, 64), "w": ()}.items()
    }
    given["w"] = np.ones((512, 512, 7, 7), np.float32)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    start = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        call(kind, shape, given)
    timer.join()
    assert time.monotonic() - start < 20


def fuzz_conv(data: st.DataObject) -> None:
    pair = st.tuples(st.integers(0, 4), st.integers(0, 4))
    sizes = data.draw(st.tuples(st.integers(0, 3), st.integers(1, 3), *[st.sampled_from([0, 1, 2, 17])] * 2))
    shape = Shape(
        *sizes, data.draw(pair), data.draw(pair), data.draw(st.tuples(*[st.integers(1, 3)] * 2)),
        data.draw(st.tuples(*[st.integers(-1, 3)] * 2)), data.draw(st.tuples(*[st.integers(1, 3)] * 2)),
        data.draw(pair),
    )  # fmt: skip
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    x, w, y = (data.draw(arrays(dtype, v.shape) | arrays()) for v in operands(shape, dtype).values())
    check(K.conv, x, w, shape.window)
    check(K.conv_input, y, w, shape.window)
    check(K.conv_weight, x, y, shape.window)


def test_any_arrays_give_an_error_or_the_right_answer(request: pytest.FixtureRequest) -> None:
    run(fuzz_conv, request)
