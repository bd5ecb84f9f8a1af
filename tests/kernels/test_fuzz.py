"""Arrays of every kind for every binding: an error that says so, or the answer for plain copies; never a crash.

Shapes, strides (negative, zero, overlapping), dtypes, byte orders, misaligned and read-only memory, and lengths up to
what a `ssize_t` holds. Results lie between guards. `--fuzz N` sets the number of examples for each binding;
`python tests/kernels/test_fuzz.py NAME -max_total_time=60` lets atheris choose them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wengert import _kernels as K

ERRORS = (TypeError, ValueError, IndexError, MemoryError, OverflowError)
ODD_DTYPES = ["float16", "int32", "int64", "uint8", "bool", "complex64", "U3", "V7", "object", "M8[s]"]
DTYPES = ["float32", "float64"]
SIDES = st.sampled_from([0, 1, 1, 2, 3, 3, 4, 5, 7, 17, 33])
HUGE = st.sampled_from([2**44, 2**44 + 1, 2**58, 2**60, 2**61 - 1])  # no machine has the memory
INTEGERS = st.sampled_from([0, 1, -1, 2, 7, 2**44, 2**62, 2**63 - 1, -(2**63), 2**64])


def lay_out(draw: st.DrawFn, values: np.ndarray) -> np.ndarray:
    """The same values in memory of another form."""
    form = draw(st.sampled_from(["C", "F", "spread", "reversed", "misaligned", "swapped", "transposed"]))
    if form == "F":
        return np.asfortranarray(values)
    if form == "spread":
        wide = np.zeros([2 * length + 1 for length in values.shape], values.dtype)
        view = wide[(..., *(slice(1, None, 2) for _ in values.shape))]
        view[...] = values
        return view
    if form == "reversed":
        flip = (..., *(slice(None, None, -1) for _ in values.shape))
        return values[flip].copy()[flip]
    if form == "misaligned":
        memory = np.zeros(values.nbytes + 1, np.uint8)[1:].view(values.dtype)[: values.size].reshape(values.shape)
        memory[...] = values
        return memory
    if form == "swapped":
        return values.astype(values.dtype.newbyteorder())
    if form == "transposed" and values.ndim:
        order = draw(st.permutations(range(values.ndim)))
        return np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order).astype(int))
    return values


@st.composite
def arrays(draw: st.DrawFn, dtype: str | None = None, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Any array of one of the kernels' dtypes, or sometimes of another."""
    if dtype is None:
        dtype = draw(st.sampled_from(DTYPES * 5 + ODD_DTYPES))
    if shape is None:
        shape = tuple(draw(st.lists(SIDES, max_size=4)))
    kind = np.dtype(dtype)
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    if kind.name not in DTYPES:
        return np.zeros(shape, kind)
    values = rng.integers(-3, 4, shape).astype(kind)
    if values.size and draw(st.integers(0, 5)) == 0:
        values.flat[rng.integers(values.size)] = draw(st.sampled_from([np.nan, np.inf, -np.inf, -0.0, 1e-40]))
    special = draw(st.sampled_from(["plain"] * 4 + ["zero", "windows", "read-only"]))
    if special == "zero" and values.ndim and values.shape[0]:
        return np.broadcast_to(values[:1], values.shape)
    if special == "windows" and values.size:  # neighbours share items
        strides = tuple(kind.itemsize * draw(st.sampled_from([0, 1, 2])) for _ in shape)
        memory = rng.integers(-3, 4, sum(2 * length for length in shape) + 1).astype(kind)
        return np.lib.stride_tricks.as_strided(memory, shape, strides)
    array = lay_out(draw, values)
    if special == "read-only":
        array.flags.writeable = False
    return array


@st.composite
def huge_arrays(draw: st.DrawFn) -> np.ndarray:
    """More items than any memory holds, all the same one; or none, but long sides."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = [draw(HUGE), *draw(st.lists(st.sampled_from([0, 1, 2, 2**31]), max_size=2))]
    try:
        return np.broadcast_to(dtype.type(1), tuple(draw(st.permutations(shape))))
    except ValueError:  # more than NumPy itself allows
        return np.broadcast_to(dtype.type(1), (2**44,))


def plain(x: Any) -> Any:
    """The same values as an own, dense, aligned array in native byte order."""
    if isinstance(x, list):
        return [plain(item) for item in x]
    return np.array(x, x.dtype.newbyteorder("="), order="C") if isinstance(x, np.ndarray) else x


def is_plain_real(x: Any) -> bool:
    return not isinstance(x, np.ndarray) or x.dtype.newbyteorder("=") in (np.float32, np.float64)


def check(call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call with arguments of any kind and with plain copies: the same answer, and the arguments as they were."""
    before = [plain(x) for x in args]
    try:
        expected = call(*[plain(x) for x in args], **kwargs)
    except ERRORS as error:
        with pytest.raises(type(error)):
            call(*args, **kwargs)
        return
    actual = call(*args, **kwargs)
    for got, right in zip(
        *[found if isinstance(found, tuple) else (found,) for found in (actual, expected)], strict=True
    ):
        if right is not None:
            got, right = np.asarray(got), np.asarray(right)
            assert (got.shape, got.dtype) == (right.shape, right.dtype)
            tolerance = 1e-4 if right.dtype == np.float32 else 1e-11
            np.testing.assert_allclose(got, right, rtol=tolerance, atol=tolerance)
    for x, kept in zip(args, before, strict=True):
        if isinstance(x, np.ndarray):
            np.testing.assert_array_equal(plain(x), kept)


# ---------------------------------------------------------------- one fuzzer for each family of bindings


def fuzz_elementwise(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(K.elementwise_info())))
    inputs, params, _ = K.elementwise_info()[name]
    dtype = data.draw(st.sampled_from([*DTYPES, None]))
    shape = tuple(data.draw(st.lists(SIDES, max_size=4)))
    operands: list[Any] = []
    for i in range(inputs):
        if data.draw(st.integers(0, 6)) == 0:
            operands.append(data.draw(st.sampled_from([0.5, -2, 10**400, None, "x", np.float32(1)])))
            continue
        mine = [1 if data.draw(st.integers(0, 4)) == 0 else length for length in shape][data.draw(st.integers(0, 1)) :]
        operand = data.draw(arrays(dtype, tuple(mine)))
        operands.append(operand > 0 if name == "where" and i == 0 and dtype else operand)
    count = data.draw(st.sampled_from([params] * 9 + [params + 1]))
    check(K.Elementwise(name), *operands, params=(0.25, 1.5, 0.0)[:count])


def fuzz_copy(data: st.DataObject) -> None:
    check(K.copy, data.draw(arrays()))


def fuzz_huge(data: st.DataObject) -> None:
    """Results that no memory holds are refused; nothing is summed up that would take a lifetime."""
    x = data.draw(huge_arrays())
    y = np.ones((2**31, 0), x.dtype)
    calls: list[Callable[[], Any]] = [
        lambda: K.copy(x),
        lambda: K.Elementwise("exp")(x),
        lambda: K.Elementwise("add")(x, x[..., :1]),
        lambda: K.reduce(data.draw(st.sampled_from(["sum", "max", "argmax", "norm"])), x, ()),
        lambda: K.softmax(x, data.draw(st.integers(-2, 2))),
        lambda: K.softmax_grad(x, x, 0),
        lambda: K.running_sum(x, data.draw(st.integers(-2, 2))),
        lambda: K.matmul(y, y.T),
        lambda: K.matmul(x.reshape(-1, 1), x.reshape(1, -1)),
        lambda: K.cross_entropy(x.reshape(-1, 1), np.broadcast_to(np.int64(0), x.size), gradient=True),
        lambda: K.gather_rows(np.ones((3, 2), x.dtype), np.broadcast_to(np.int64(0), x.size), dtype=x.dtype),
        lambda: K.empty(x.shape, x.dtype),
        lambda: K.empty((data.draw(INTEGERS), data.draw(INTEGERS)), x.dtype),
    ]
    try:
        result = data.draw(st.sampled_from(calls))()
    except ERRORS:
        return
    assert not isinstance(result, np.ndarray) or result.nbytes <= 1 << 10


def fuzz_reduce(data: st.DataObject) -> None:
    x = data.draw(arrays())
    kinds = ["sum", "mean", "prod", "max", "min", "logsumexp", "var", "norm", "argmax", "argmin", "median"]
    axes = data.draw(st.none() | st.lists(st.integers(-5, 4), max_size=4).map(tuple) | INTEGERS)
    correction = data.draw(st.sampled_from([0.0, 1.0, 1e300, np.nan]))
    kind, keepdims = data.draw(st.sampled_from(kinds)), data.draw(st.booleans())
    if kind == "prod" and x.size > 60:  # 3 ** 81 overflows, and strides set whether a zero or infinity comes first
        return
    check(lambda x: K.reduce(kind, x, axes, keepdims=keepdims, correction=correction), x)


def fuzz_along_an_axis(data: st.DataObject) -> None:
    x = data.draw(arrays())
    axis = data.draw(st.integers(-5, 4) | INTEGERS)
    log = data.draw(st.booleans())
    g = data.draw(
        arrays(x.dtype.name if is_plain_real(x) else None, data.draw(st.sampled_from([x.shape, x.shape, ()])))
    )
    check(K.softmax, x, axis, log)
    check(K.softmax_grad, g, x, axis, log)


def fuzz_matmul(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([*DTYPES, None]))
    m, n, k = (data.draw(SIDES) for _ in range(3))
    batch = [tuple(data.draw(st.lists(st.sampled_from([1, 1, 2, 3, 0]), max_size=2))) for _ in range(2)]
    a = data.draw(arrays(dtype, (*batch[0], m, k)))
    b = data.draw(arrays(dtype, (*batch[1], data.draw(st.sampled_from([k] * 9 + [k + 1])), n)))
    bias = data.draw(st.none() | arrays(dtype, (n,)))
    check(lambda a, b, bias: K.matmul(a, b, bias=bias), a, b, bias)


def fuzz_cross_entropy(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([*DTYPES, None]))
    rows, classes = data.draw(SIDES), data.draw(SIDES)
    logits = data.draw(arrays(dtype, data.draw(st.sampled_from([(rows, classes)] * 9 + [(rows,)]))))
    weights = data.draw(st.none() | arrays(dtype, (classes,)))
    options = {"label_smoothing": data.draw(st.sampled_from([0.0, 0.1])), "gradient": data.draw(st.booleans())}
    if data.draw(st.booleans()):
        targets = data.draw(arrays(dtype, data.draw(st.sampled_from([(rows, classes)] * 9 + [(classes, rows)]))))
        check(lambda x, q, w: K.cross_entropy_dense(x, q, weights=w, **options), logits, targets, weights)
        return
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    labels = lay_out(data.draw, rng.integers(-1, classes + 1, rows) if rows % 2 else np.zeros(rows, np.int64))
    ignore = data.draw(st.sampled_from([-100, 0, -1, 2**63 - 1]))
    check(lambda x, y, w: K.cross_entropy(x, y, weights=w, ignore_index=ignore, **options), logits, labels, weights)


def fuzz_rows(data: st.DataObject) -> None:
    """Gather and scatter. What is out of range is an error, after which `out` is as it was."""
    dtype = data.draw(st.sampled_from(DTYPES))
    rows, width, count = (data.draw(SIDES) for _ in range(3))
    source = data.draw(arrays(data.draw(st.sampled_from([dtype, "uint8", None])), (rows, width)))
    index = np.array(
        data.draw(st.lists(st.integers(-rows, max(rows - 1, 0)), min_size=count, max_size=count)), np.int64
    )
    if count and data.draw(st.integers(0, 3)) == 0:
        index[data.draw(st.integers(0, count - 1))] = data.draw(st.sampled_from([rows, -rows - 1, 2**62, -(2**63)]))
    index = lay_out(data.draw, index)
    check(lambda x, i: K.gather_rows(x, i, dtype=dtype, scale=2.0, shift=-1.0), source, index)
    out = data.draw(arrays(data.draw(st.sampled_from([dtype, None])), (rows, width)))
    items = data.draw(arrays(dtype, (count, width)))
    before, right = plain(out), plain(out)
    try:
        K.scatter_add_rows(out, index, items)
    except ERRORS:
        np.testing.assert_array_equal(plain(out), before)
        return
    np.add.at(right, plain(index), plain(items))
    np.testing.assert_allclose(out, right, rtol=1e-4, atol=1e-4)


def fuzz_updates(data: st.DataObject) -> None:
    """Arrays that cannot be updated in place, of another shape or dtype, are refused before anything is written."""
    dtype = data.draw(st.sampled_from(DTYPES))
    shapes = data.draw(st.lists(st.lists(SIDES, max_size=2).map(tuple), max_size=3))

    def group() -> list[np.ndarray]:
        odd = data.draw(st.integers(0, 5)) == 0
        return [data.draw(arrays(None if odd else dtype, shape)) for shape in shapes]

    def own() -> list[np.ndarray]:
        odd = data.draw(st.integers(0, 9)) == 0
        return group() if odd else [np.ones(shape, dtype) for shape in shapes]

    params, grads, state, more = own(), group(), own(), own()
    flags = [True] * data.draw(st.sampled_from([len(shapes)] * 5 + [len(shapes) + 1]))
    calls: dict[str, Callable[[list, list, list, list], Any]] = {
        "sgd": lambda p, g, s, m: K.sgd(p, g, s, flags, lr=0.5, momentum_factor=0.5),
        "adam": lambda p, g, s, m: K.adam(p, g, s, m, None, flags, lr=0.5, beta1=0.5, beta2=0.5, eps=1.0),
        "rmsprop": lambda p, g, s, m: K.rmsprop(p, g, s, None, m, lr=0.5, alpha=0.5, eps=1.0, momentum_factor=0.5),
        "adagrad": lambda p, g, s, m: K.adagrad(p, g, s, flags, lr=0.5, eps=1.0),
        "scale": lambda p, g, s, m: K.scale(p, 0.5),
        "sum_squares": lambda p, g, s, m: K.sum_squares(p),
    }
    call = calls[data.draw(st.sampled_from(sorted(calls)))]
    written, copies = [params, state, more], [plain(x) for x in (params, grads, state, more)]
    before = [plain(x) for x in written]
    with np.errstate(all="ignore"):
        try:
            call(params, grads, state, more)
        except ERRORS:
            for group_before, group_after in zip(before, written, strict=True):
                for x, y in zip(group_before, group_after, strict=True):
                    np.testing.assert_array_equal(plain(y), x)
            return
        call(*copies)
    for x, y in zip([*copies[0], *copies[2], *copies[3]], [*params, *state, *more], strict=True):
        if x.dtype == dtype:
            np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5)


FUZZERS: dict[str, Callable[[st.DataObject], None]] = {
    name.removeprefix("fuzz_"): function for name, function in globals().items() if name.startswith("fuzz_")
}


def run(fuzzer: Callable[[st.DataObject], None], request: pytest.FixtureRequest) -> None:
    """Run a fuzzer of this file, or of a family's own, on as many examples as --fuzz says."""

    @settings(
        max_examples=request.config.getoption("--fuzz"),
        deadline=None,
        derandomize=request.config.getoption("--fuzz") == 100,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def fuzz(data: st.DataObject) -> None:
        fuzzer(data)

    K.guard_memory(True)
    try:
        fuzz()
    finally:
        K.guard_memory(False)


@pytest.mark.parametrize("name", FUZZERS)
def test_any_arrays_give_an_error_or_the_right_answer(name: str, request: pytest.FixtureRequest) -> None:
    run(FUZZERS[name], request)


# Whose functions guide atheris: what draws the arrays, and what looks at the answers.
GUIDES = ("__main__", "hypothesis.internal.conjecture.choice", "hypothesis.internal.conjecture.providers")


def main() -> None:
    """Let atheris choose the examples, guided by what they make the interpreter run: Hypothesis, and this file."""
    import atheris

    fuzz = settings(database=None)(given(data=st.data())(FUZZERS[sys.argv.pop(1)]))
    K.guard_memory(True)
    for function in [x for x in gc.get_objects() if isinstance(x, FunctionType) and x.__module__ in GUIDES]:
        atheris.instrument_func(function)
    # Long inputs from the start: a short one ends before an array is drawn.
    atheris.Setup([*sys.argv, "-len_control=0"], fuzz.hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
