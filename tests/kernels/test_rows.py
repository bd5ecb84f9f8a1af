"""Softmax, log-softmax, their derivatives and cross-entropy: every instruction set, dtype, layout and option."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from guarded import K

# Around every vector length, the registers' limit, the block of a sum, and a vocabulary.
LENGTHS = [1, 2, 3, 7, 8, 9, 10, 16, 17, 31, 32, 33, 47, 64, 65, 100, 129, 1000, 1025, 5000]


def reference_log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    x = x.astype(np.longdouble)
    z = x - x.max(axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis, keepdims=True))


def reference_softmax(x: np.ndarray, axis: int, log: bool) -> np.ndarray:
    z = reference_log_softmax(x, axis)
    return z if log else np.exp(z)


def reference_softmax_grad(g: np.ndarray, z: np.ndarray, axis: int, log: bool) -> np.ndarray:
    g, z = g.astype(np.longdouble), z.astype(np.longdouble)
    if log:
        return g - np.exp(z) * g.sum(axis, keepdims=True)
    return z * (g - (g * z).sum(axis, keepdims=True))


def reference_cross_entropy(
    logits: np.ndarray, q: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Losses and their gradient for target probabilities q, already smoothed."""
    log_p = reference_log_softmax(logits, 1)
    mass = q * (1 if weights is None else weights.astype(np.longdouble))
    return -(mass * log_p).sum(1), np.exp(log_p) * mass.sum(1, keepdims=True) - mass


def one_hot(labels: np.ndarray, classes: int, ignore_index: int = -100) -> np.ndarray:
    """Rows of zeros where the label is ignored."""
    return (labels[:, None] == np.arange(classes)) & (labels != ignore_index)[:, None]


def assert_close(actual: np.ndarray, expected: np.ndarray, dtype: np.dtype, epsilons: float) -> None:
    tolerance = epsilons * np.finfo(dtype).eps
    assert actual.dtype == dtype
    np.testing.assert_allclose(
        actual.astype(np.float64), np.asarray(expected, np.float64), rtol=tolerance, atol=tolerance
    )


def assert_softmax_grad(actual: np.ndarray, g: np.ndarray, z: np.ndarray, axis: int, log: bool) -> None:
    """Within the bound that wengert.h states."""
    expected = reference_softmax_grad(g, z, axis, log)
    g, z = np.abs(g).astype(np.longdouble), z.astype(np.longdouble)
    bound = g + np.exp(z) * g.sum(axis, keepdims=True) if log else z * (g + (g * z).sum(axis, keepdims=True))
    assert_within(actual, expected, bound)


def assert_cross_entropy_grad(
    actual: np.ndarray, logits: np.ndarray, q: np.ndarray, weights: np.ndarray | None, scale: float
) -> None:
    """Within the bound that wengert.h states."""
    mass = q * (1 if weights is None else weights.astype(np.longdouble))
    x = logits.astype(np.longdouble)
    p = np.exp(reference_log_softmax(logits, 1))
    bound = p * mass.sum(1, keepdims=True) * (1 + x.max(1, keepdims=True) - x) + mass
    expected = p * mass.sum(1, keepdims=True) - mass
    assert_within(actual, expected * scale, bound * abs(scale))


def assert_within(actual: np.ndarray, expected: np.ndarray, bound: np.ndarray) -> None:
    """Six spacings of the bound, and what denormals lose."""
    info = np.finfo(actual.dtype)
    excess = np.abs(actual - expected) - 2 * info.smallest_subnormal
    assert (excess <= 6 * info.eps * bound).all(), float((excess / bound).max() / info.eps)


def logits_and_labels(rows: int, classes: int, dtype: np.dtype, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 3, (rows, classes)).astype(dtype), rng.integers(0, classes, rows)


def layouts(x: np.ndarray) -> dict[str, np.ndarray]:
    """The same matrix in different strides."""
    wide = np.zeros((2 * x.shape[0], 3 * x.shape[1]), x.dtype)
    wide[::2, 1::3] = x
    padded = np.zeros((x.shape[0], x.shape[1] + 5), x.dtype)
    padded[:, : x.shape[1]] = x
    return {
        "dense": x,
        "padded": padded[:, : x.shape[1]],
        "column major": np.asfortranarray(x),
        "strided": wide[::2, 1::3],
        "reversed": np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    }


# ---------------------------------------------------------------- softmax


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("n", LENGTHS)
def test_softmax_of_rows_of_any_length(isa: str, dtype: np.dtype, n: int, log: bool) -> None:
    for rows in (1, 5):
        x, _ = logits_and_labels(rows, n, dtype, seed=n)
        assert_close(K.softmax(x, 1, log), reference_softmax(x, 1, log), dtype, 16)


@pytest.mark.parametrize("log", [False, True])
def test_softmax_along_every_axis(isa: str, dtype: np.dtype, log: bool) -> None:
    rng = np.random.default_rng(1)
    for shape in [(3, 5, 7), (2, 33, 65), (2, 300, 3), (2, 40, 700), (4, 1, 1), (6,), (2, 3, 4, 5)]:
        x = rng.normal(0, 3, shape).astype(dtype)
        for axis in range(-x.ndim, x.ndim):
            assert_close(K.softmax(x, axis, log), reference_softmax(x, axis, log), dtype, 16)


@pytest.mark.parametrize("log", [False, True])
def test_softmax_of_any_strides_is_that_of_the_dense_copy(isa: str, dtype: np.dtype, log: bool) -> None:
    for shape in [(6, 10), (5, 70), (70, 5), (3, 1030), (600, 130)]:
        x = np.random.default_rng(2).normal(0, 3, shape).astype(dtype)
        for axis in (0, 1):
            expected = K.softmax(x, axis, log)
            for name, view in layouts(x).items():
                np.testing.assert_array_equal(K.softmax(view, axis, log), expected, err_msg=name)
    row = np.random.default_rng(3).normal(0, 3, 40).astype(dtype)
    np.testing.assert_array_equal(
        K.softmax(np.broadcast_to(row, (7, 40)), 1, log), K.softmax(np.tile(row, (7, 1)), 1, log)
    )
    np.testing.assert_array_equal(
        K.softmax(np.broadcast_to(row, (7, 40)), 0, log), K.softmax(np.tile(row, (7, 1)), 0, log)
    )


@pytest.mark.parametrize("log", [False, True])
def test_softmax_of_nothing_is_nothing(isa: str, dtype: np.dtype, log: bool) -> None:
    for shape in [(0, 10), (10, 0), (0, 0), (3, 0, 4), (0,)]:
        for axis in range(len(shape)):
            assert K.softmax(np.empty(shape, dtype), axis, log).shape == shape
            assert K.softmax_grad(np.empty(shape, dtype), np.empty(shape, dtype), axis, log).shape == shape


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("shift", [1e4, -1e4])
def test_softmax_does_not_depend_on_a_shift(isa: str, dtype: np.dtype, shift: float, log: bool) -> None:
    x = np.array([[10, 5, -2, -3.5]], dtype)
    for axis, view in ((1, x), (0, x.T)):
        np.testing.assert_array_equal(K.softmax(view + dtype.type(shift), axis, log), K.softmax(view, axis, log))


@pytest.mark.parametrize("n", [3, 10, 17, 40, 100, 2000])
@pytest.mark.parametrize("log", [False, True])
def test_softmax_of_infinities_and_nan(isa: str, dtype: np.dtype, n: int, log: bool) -> None:
    """A row with a NaN or +inf, or of -inf throughout, is NaN; a single -inf has probability 0. Neighbours stay."""
    x, _ = logits_and_labels(6, n, dtype)
    x[1, n // 2] = np.nan
    x[2, n - 1] = np.inf
    x[3, :] = -np.inf
    x[4, n // 2] = -np.inf
    for axis, view in ((1, x), (0, x.T)):
        actual = K.softmax(view, axis, log)
        actual = actual if axis else actual.T
        assert np.isnan(actual[1:4]).all()
        assert actual[4, n // 2] == (-np.inf if log else 0)
        with np.errstate(divide="ignore"):
            assert_close(actual[[0, 4, 5]], reference_softmax(x[[0, 4, 5]], 1, log), dtype, 16)


def test_softmax_of_extreme_logits_is_finite(isa: str, dtype: np.dtype) -> None:
    most = np.finfo(dtype).max
    x = np.array([[1e4, -1e4, 0], [most, 0, -1], [-most, -most, -most], [most, most, 0]], dtype)
    expected = [[1, 0, 0], [1, 0, 0], [1 / 3] * 3, [0.5, 0.5, 0]]
    assert_close(K.softmax(x, 1), np.array(expected), dtype, 4)
    assert_close(K.softmax(x.T, 0), np.array(expected).T, dtype, 4)
    assert not np.isnan(K.softmax(x, 1, log=True)).any()


@pytest.mark.parametrize("columns", [3, 20, 100])
def test_softmax_underflows_gradually(isa: str, dtype: np.dtype, columns: int) -> None:
    """Probabilities below the smallest normal number are denormal, not lost; beyond those they are a positive zero."""
    small = -95.0 if dtype == np.float32 else -740.0
    x = np.full((2, columns), -np.inf, dtype)
    x[:, :3] = [0, small, 2 * small]
    for actual in (K.softmax(x, 1), K.softmax(np.ascontiguousarray(x.T), 0).T):
        expected = float(np.exp(np.longdouble(small)))
        assert 0 < expected < np.finfo(dtype).tiny
        np.testing.assert_allclose(actual[:, 1], expected, rtol=1e-6, atol=float(np.finfo(dtype).smallest_subnormal))
        assert (actual[:, 0] == 1).all()
        assert not actual[:, 2:].any()
        assert not np.signbit(actual).any()


def test_softmax_of_a_long_row_sums_accurately(isa: str) -> None:
    """Terms that round away one by one in a plain float32 sum: the error must not grow with the length."""
    n = 1 << 20
    for shape, axis in (((1, n), 1), ((n, 1), 0), ((n, 2), 0)):
        x = np.zeros(shape, np.float32)
        np.testing.assert_allclose(K.softmax(x, axis), 1 / n, rtol=2e-6)
        np.testing.assert_allclose(K.softmax(x, axis, log=True), -np.log(n), rtol=1e-6)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("n", LENGTHS)
def test_softmax_grad_of_rows_of_any_length(isa: str, dtype: np.dtype, n: int, log: bool) -> None:
    x, _ = logits_and_labels(4, n, dtype, seed=n)
    g, _ = logits_and_labels(4, n, dtype, seed=n + 1)
    z = reference_softmax(x, 1, log).astype(dtype)
    assert_softmax_grad(K.softmax_grad(g, z, 1, log), g, z, 1, log)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("n", [1, 3, 8, 10, 16, 17])
def test_softmax_grad_of_a_row_does_not_depend_on_its_neighbours(isa: str, dtype: np.dtype, n: int, log: bool) -> None:
    """Short rows are taken together: each of them is what it is alone, and a NaN stays in its row."""
    for rows in (2, 4, 5, 9, 16, 31, 50):
        g, z = np.random.default_rng(rows).normal(0, 1, (2, rows, n)).astype(dtype)
        g[rows // 2, n // 2] = np.nan
        actual = K.softmax_grad(g, z, 1, log)
        alone = np.concatenate([K.softmax_grad(g[i : i + 1], z[i : i + 1], 1, log) for i in range(rows)])
        np.testing.assert_array_equal(actual, alone)
        assert np.isnan(actual).any(axis=1).tolist() == [i == rows // 2 for i in range(rows)]


@pytest.mark.parametrize("log", [False, True])
def test_softmax_grad_along_every_axis_and_strides(isa: str, dtype: np.dtype, log: bool) -> None:
    rng = np.random.default_rng(4)
    for shape in [(3, 5, 7), (2, 33, 65), (2, 300, 3), (2, 40, 700), (4, 1, 1), (6,)]:
        x, g = rng.normal(0, 2, (2, *shape)).astype(dtype)
        for axis in range(x.ndim):
            z = reference_softmax(x, axis, log).astype(dtype)
            assert_softmax_grad(K.softmax_grad(g, z, axis, log), g, z, axis, log)
    x, g = rng.normal(0, 2, (2, 9, 70)).astype(dtype)
    for axis in (0, 1):
        z = reference_softmax(x, axis, log).astype(dtype)
        expected = K.softmax_grad(g, z, axis, log)
        for (name_g, view_g), (name_z, view_z) in product(layouts(g).items(), layouts(z).items()):
            actual = K.softmax_grad(view_g, view_z, axis, log)
            np.testing.assert_array_equal(actual, expected, err_msg=f"{name_g}, {name_z}")
        ones = np.broadcast_to(dtype.type(1), g.shape)
        assert_softmax_grad(K.softmax_grad(ones, z, axis, log), ones, z, axis, log)


LONG = 200_003  # no power of two divides the blocks of its sum, so constants round the same way over and over


@pytest.mark.parametrize("columns", [1, 3])
def test_errors_of_softmax_do_not_grow_with_the_length(isa: str, dtype: np.dtype, columns: int) -> None:
    x = np.full((LONG, columns), -0.3, dtype)
    x[0] = 0
    g = np.full((LONG, columns), 0.1, dtype)
    g[1] = -3
    for log in (False, True):
        z = K.softmax(x, 0, log)
        expected = reference_softmax(x[:, :1], 0, log)
        np.testing.assert_allclose(z[:2], np.tile(expected[:2], columns), rtol=float(6 * np.finfo(dtype).eps))
        # Transposed: only along contiguous rows are NumPy's own sums good enough to compare with.
        found, of = K.softmax_grad(g, z, 0, log), (np.ascontiguousarray(g.T), np.ascontiguousarray(z.T))
        assert_softmax_grad(found.T, *of, 1, log)


def test_errors_of_the_gradient_of_cross_entropy_do_not_grow_with_the_classes(isa: str, dtype: np.dtype) -> None:
    x = np.full((1, LONG), -0.3, dtype)
    x[0, 0] = 0
    labels, weights = np.array([1]), np.full(LONG, 0.7, dtype)
    targets = np.full((1, LONG), 1e-7, dtype)
    for smoothing in (0.0, 0.1):
        q = one_hot(labels, LONG) * np.longdouble(1 - smoothing) + np.longdouble(smoothing) / LONG
        gradient = K.cross_entropy(x, labels, weights=weights, label_smoothing=smoothing, gradient=True)[1]
        assert_cross_entropy_grad(gradient, x, q, weights, 1)
    gradient = K.cross_entropy_dense(x, targets, weights=weights, gradient=True, gradient_scale=0.3)[1]
    assert_cross_entropy_grad(gradient, x, targets.astype(np.longdouble), weights, 0.3)


@pytest.mark.parametrize("spread", [1, 20])
def test_the_gradient_of_cross_entropy_is_within_its_bound(isa: str, dtype: np.dtype, spread: int) -> None:
    rng = np.random.default_rng(10)
    for classes in LENGTHS:
        x = rng.normal(0, spread, (5, classes)).astype(dtype)
        labels, weights = rng.integers(0, classes, 5), rng.uniform(0.1, 2, classes).astype(dtype)
        targets = rng.dirichlet(np.ones(classes), 5).astype(dtype)
        for w, smoothing in product((None, weights), (0.0, 0.1)):
            options = {"weights": w, "label_smoothing": smoothing, "gradient": True, "gradient_scale": -0.3}
            smooth = np.longdouble(smoothing) / classes
            for q, gradient in (
                (one_hot(labels, classes), K.cross_entropy(x, labels, **options)[1]),
                (targets, K.cross_entropy_dense(x, targets, **options)[1]),
            ):
                assert_cross_entropy_grad(gradient, x, q * np.longdouble(1 - smoothing) + smooth, w, -0.3)


# ---------------------------------------------------------------- cross-entropy from labels


@pytest.mark.parametrize("classes", LENGTHS)
def test_cross_entropy_and_gradient_of_any_number_of_classes(isa: str, dtype: np.dtype, classes: int) -> None:
    for rows in (1, 6, 65):
        x, labels = logits_and_labels(rows, classes, dtype, seed=classes)
        losses, gradient, total, weight = K.cross_entropy(x, labels, gradient=True)
        expected, expected_gradient = reference_cross_entropy(x, one_hot(labels, classes), None)
        assert_close(losses, expected, dtype, 16)
        assert_close(gradient, expected_gradient, dtype, 16)
        assert weight == rows
        assert total == pytest.approx(float(expected.sum()), rel=float(16 * np.finfo(dtype).eps), abs=1e-6)


@pytest.mark.parametrize(
    ("weighted", "smoothing", "ignoring"), list(product([False, True], [0.0, 0.1, 1.0], [False, True]))
)
@pytest.mark.parametrize(("scale", "scale_by_weight"), [(1.0, False), (-0.5, True), (3.0, False)])
def test_cross_entropy_options_in_combination(
    isa: str, dtype: np.dtype, weighted: bool, smoothing: float, ignoring: bool, scale: float, scale_by_weight: bool
) -> None:
    for rows, classes in [(70, 10), (9, 37), (5, 300)]:
        x, labels = logits_and_labels(rows, classes, dtype, seed=rows)
        weights = np.random.default_rng(5).uniform(0.1, 2, classes).astype(dtype) if weighted else None
        ignore = int(labels[2]) if ignoring else -100
        counts = labels != ignore
        hot = one_hot(labels, classes, ignore)
        q = hot * (1 - smoothing) + counts[:, None] * smoothing / classes
        expected, expected_gradient = reference_cross_entropy(x, q, weights)
        expected_weight = (np.ones(classes) if weights is None else weights.astype(np.float64))[labels[counts]].sum()

        losses, gradient, total, weight = K.cross_entropy(
            x, labels, weights=weights, ignore_index=ignore, label_smoothing=smoothing, gradient=True,
            gradient_scale=scale, scale_by_weight=scale_by_weight,
        )  # fmt: skip
        assert_close(losses, expected, dtype, 40)
        assert_close(gradient, expected_gradient * scale / (expected_weight if scale_by_weight else 1), dtype, 40)
        assert weight == pytest.approx(expected_weight, rel=1e-12)
        assert total == pytest.approx(losses.astype(np.float64).sum(), rel=1e-12)
        if ignoring:
            assert not losses[~counts].any()
            assert not gradient[~counts].any()


def test_cross_entropy_losses_and_gradient_are_each_optional(isa: str, dtype: np.dtype) -> None:
    for classes in (10, 100):
        x, labels = logits_and_labels(7, classes, dtype)
        for smoothing in (0.0, 0.1):
            both = K.cross_entropy(x, labels, gradient=True, label_smoothing=smoothing)
            only_losses = K.cross_entropy(x, labels, label_smoothing=smoothing)
            only_gradient = K.cross_entropy(x, labels, gradient=True, losses=False, label_smoothing=smoothing)
            assert only_losses[1] is None
            assert only_gradient[0] is None
            np.testing.assert_array_equal(only_losses[0], both[0])
            np.testing.assert_array_equal(only_gradient[1], both[1])
            assert both[2:] == only_losses[2:] == only_gradient[2:]


def test_cross_entropy_of_any_strides(isa: str, dtype: np.dtype) -> None:
    for classes in (10, 150):
        x, labels = logits_and_labels(12, classes, dtype)
        expected = reference_cross_entropy(x, one_hot(labels, classes), None)
        for view in layouts(x).values():
            losses, gradient, _, _ = K.cross_entropy(view, labels, gradient=True)
            assert_close(losses, expected[0], dtype, 16)
            assert_close(gradient, expected[1], dtype, 16)


def test_cross_entropy_of_no_rows_and_of_no_classes(isa: str, dtype: np.dtype) -> None:
    losses, gradient, total, weight = K.cross_entropy(np.empty((0, 10), dtype), np.empty(0, np.int64), gradient=True)
    assert losses.shape == (0,)
    assert gradient.shape == (0, 10)
    assert (total, weight) == (0, 0)
    losses, gradient, total, weight = K.cross_entropy(np.empty((3, 0), dtype), np.full(3, -100), gradient=True)
    assert losses.tolist() == [0, 0, 0]
    assert (total, weight) == (0, 0)
    with pytest.raises(IndexError, match="example 0"):
        K.cross_entropy(np.empty((3, 0), dtype), np.zeros(3, np.int64))
    losses, _, total, weight = K.cross_entropy_dense(np.empty((3, 0), dtype), np.empty((3, 0), dtype))
    assert losses.tolist() == [0, 0, 0]
    assert (total, weight) == (0, 3)


@pytest.mark.parametrize("classes", [10, 40, 1000])
def test_cross_entropy_is_finite_for_logits_of_10000(isa: str, dtype: np.dtype, classes: int) -> None:
    x, labels = logits_and_labels(8, classes, dtype)
    x[:, 0], x[:, 1] = 1e4, -1e4
    labels[:4] = [0, 1, 0, 1]
    losses, gradient, total, _ = K.cross_entropy(x, labels, gradient=True)
    expected, expected_gradient = reference_cross_entropy(x, one_hot(labels, classes), None)
    assert np.isfinite([*losses, total]).all()
    assert_close(losses, expected, dtype, 4)
    assert_close(gradient, expected_gradient, dtype, 4)


def test_cross_entropy_does_not_depend_on_a_shift(isa: str, dtype: np.dtype) -> None:
    x, labels = np.array([[10, 5, -2, -3.5]], dtype), np.array([2])
    expected = K.cross_entropy(x, labels, gradient=True)
    for shift in (1e4, -1e4):
        actual = K.cross_entropy(x + dtype.type(shift), labels, gradient=True)
        np.testing.assert_array_equal(actual[0], expected[0])
        np.testing.assert_array_equal(actual[1], expected[1])


@pytest.mark.parametrize("classes", [10, 40, 100, 2000])
def test_cross_entropy_of_infinities_and_nan(isa: str, dtype: np.dtype, classes: int) -> None:
    x, labels = logits_and_labels(7, classes, dtype)
    labels[:] = 1
    labels[6] = -100
    x[1, 2] = np.nan
    x[2, 2] = np.inf
    x[3, :] = -np.inf
    x[4, 0] = -np.inf
    x[5, 1] = -np.inf
    x[6, :] = np.nan
    losses, gradient, total, weight = K.cross_entropy(x, labels, gradient=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = reference_cross_entropy(x[[0, 4]], np.ones((1, classes)), None)[0]
        log_p = reference_log_softmax(x[[0, 4]], 1)
    assert not np.isfinite(expected).all()
    assert np.isnan(losses[1:4]).all()
    assert np.isnan(gradient[1:4]).all()
    assert_close(losses[[0, 4]], -log_p[:, 1], dtype, 16)
    assert losses[5] == np.inf
    assert gradient[5, 1] == -1
    assert losses[6] == 0
    assert not gradient[6].any()
    assert np.isnan(total)
    assert weight == 6


def test_cross_entropy_with_every_row_ignored(isa: str, dtype: np.dtype) -> None:
    x, _ = logits_and_labels(70, 10, dtype)
    losses, gradient, total, weight = K.cross_entropy(
        x, np.full(70, 3), ignore_index=3, gradient=True, scale_by_weight=True
    )
    assert not losses.any()
    assert not gradient.any()
    assert (total, weight) == (0, 0)


@pytest.mark.parametrize("bad", [-1, 10, -101, 2**40, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("row", [0, 3, 2047, 4999])
def test_cross_entropy_refuses_a_label_that_is_no_class(isa: str, dtype: np.dtype, bad: int, row: int) -> None:
    x, labels = logits_and_labels(5000, 10, dtype)
    labels[row] = bad
    labels[row + 1 :] = -7  # the first of several bad rows is named
    with pytest.raises(IndexError, match=rf"{bad} of example {row} "):
        K.cross_entropy(x, labels, gradient=True)
    labels[row:] = -100
    assert np.isfinite(K.cross_entropy(x, labels)[2])


def test_cross_entropy_of_many_rows_adds_up_in_float64(isa: str) -> None:
    rows = 300_000
    losses, _, total, weight = K.cross_entropy(np.zeros((rows, 3), np.float32), np.zeros(rows, np.int64))
    assert weight == rows
    assert total == pytest.approx(float(losses[0]) * rows, rel=1e-12)


# ---------------------------------------------------------------- cross-entropy from probabilities


@pytest.mark.parametrize(("weighted", "smoothing", "scale"), list(product([False, True], [0.0, 0.2], [1.0, -0.25])))
def test_cross_entropy_from_probabilities(
    isa: str, dtype: np.dtype, weighted: bool, smoothing: float, scale: float
) -> None:
    rng = np.random.default_rng(6)
    for rows, classes in [(1, 1), (70, 10), (9, 37), (5, 300), (2, 3000)]:
        x, _ = logits_and_labels(rows, classes, dtype)
        targets = rng.dirichlet(np.ones(classes), rows).astype(dtype)
        weights = rng.uniform(0.1, 2, classes).astype(dtype) if weighted else None
        q = targets.astype(np.longdouble) * (1 - smoothing) + np.longdouble(smoothing) / classes
        expected, expected_gradient = reference_cross_entropy(x, q, weights)
        losses, gradient, total, weight = K.cross_entropy_dense(
            x, targets, weights=weights, label_smoothing=smoothing, gradient=True, gradient_scale=scale
        )
        assert_close(losses, expected, dtype, 60)
        assert_close(gradient, expected_gradient * scale, dtype, 40)
        assert weight == rows
        assert total == pytest.approx(losses.astype(np.float64).sum(), rel=1e-12)


def test_one_hot_probabilities_are_labels(isa: str, dtype: np.dtype) -> None:
    for classes in (1, 10, 33, 200):
        x, labels = logits_and_labels(20, classes, dtype)
        hot = one_hot(labels, classes).astype(dtype)
        for smoothing in (0.0, 0.1):
            by_label = K.cross_entropy(x, labels, gradient=True, label_smoothing=smoothing)
            by_row = K.cross_entropy_dense(x, hot, gradient=True, label_smoothing=smoothing)
            assert_close(by_row[0], by_label[0], dtype, 30)
            assert_close(by_row[1], by_label[1], dtype, 8)


def test_targets_need_not_sum_to_one(isa: str, dtype: np.dtype) -> None:
    x, _ = logits_and_labels(4, 12, dtype)
    targets = np.random.default_rng(7).uniform(0, 2, (4, 12)).astype(dtype)
    losses, gradient, _, _ = K.cross_entropy_dense(x, targets, gradient=True)
    expected, expected_gradient = reference_cross_entropy(x, targets, None)
    assert_close(losses, expected, dtype, 30)
    assert_close(gradient, expected_gradient, dtype, 60)


def test_cross_entropy_from_probabilities_of_any_strides(isa: str, dtype: np.dtype) -> None:
    for classes in (10, 70):
        x, _ = logits_and_labels(8, classes, dtype)
        targets = np.random.default_rng(8).dirichlet(np.ones(classes), 8).astype(dtype)
        expected = K.cross_entropy_dense(x, targets, gradient=True)
        for logits_view, targets_view in product(layouts(x).values(), layouts(targets).values()):
            losses, gradient, total, _ = K.cross_entropy_dense(logits_view, targets_view, gradient=True)
            np.testing.assert_array_equal(losses, expected[0])
            np.testing.assert_array_equal(gradient, expected[1])
            assert total == expected[2]


@pytest.mark.parametrize("classes", [10, 40, 2000])
def test_cross_entropy_from_probabilities_at_infinities(isa: str, dtype: np.dtype, classes: int) -> None:
    """As in PyTorch, 0 * -inf is NaN: a class that cannot happen must not be a logit of -inf when rows are dense."""
    x, labels = logits_and_labels(4, classes, dtype)
    hot = one_hot(labels, classes).astype(dtype)
    x[0, 0] = np.nan
    x[1, 0] = np.inf
    x[2, 0] = -np.inf
    losses, gradient, _, _ = K.cross_entropy_dense(x, hot, gradient=True)
    assert np.isnan(losses[:3]).all()
    assert np.isnan(gradient[:2]).all()
    assert np.isfinite(losses[3])
    assert np.isfinite(gradient[2:]).all()


# ---------------------------------------------------------------- neighbours


@pytest.mark.parametrize("n", [1, 3, 10, 16, 17, 33, 50, 64, 65])
def test_a_row_does_not_depend_on_the_rows_beside_it(isa: str, dtype: np.dtype, n: int) -> None:
    x, labels = logits_and_labels(41, n, dtype, seed=n)
    x[20, n // 2], x[21, 0], x[22] = np.nan, np.inf, -np.inf
    labels[20] = -100
    alone = [K.cross_entropy(x[i : i + 1], labels[i : i + 1], gradient=True) for i in range(len(x))]
    for rows in (2, 5, 24, 41):
        losses, gradient, _, _ = K.cross_entropy(x[:rows], labels[:rows], gradient=True)
        assert losses.tobytes() == np.concatenate([a[0] for a in alone[:rows]]).tobytes()
        assert gradient.tobytes() == np.concatenate([a[1] for a in alone[:rows]]).tobytes()
        for log in (False, True):
            each = [K.softmax(x[i : i + 1], 1, log) for i in range(rows)]
            np.testing.assert_array_equal(K.softmax(x[:rows], 1, log), np.concatenate(each))


# ---------------------------------------------------------------- threads


@pytest.mark.parametrize("shape", [(4096, 10), (300, 1000), (3, 40000)])
def test_results_do_not_depend_on_the_number_of_threads(isa: str, dtype: np.dtype, shape: tuple[int, int]) -> None:
    x, labels = logits_and_labels(*shape, dtype)
    targets = K.softmax(x[::-1].copy(), 1)
    weights = np.random.default_rng(9).uniform(0.5, 1, shape[1]).astype(dtype)

    def everything() -> list[object]:
        results: list[object] = [*K.cross_entropy(x, labels, weights=weights, gradient=True, scale_by_weight=True)]
        results += K.cross_entropy(x, labels, gradient=True)
        results += K.cross_entropy_dense(x, targets, weights=weights, label_smoothing=0.1, gradient=True)
        for log, axis in product((False, True), (0, 1)):
            results += [K.softmax(x, axis, log), K.softmax_grad(x, targets, axis, log)]
        return [r.tobytes() if isinstance(r, np.ndarray) else r for r in results]

    K.set_num_threads(1)
    alone = everything()
    K.set_num_threads(2)
    assert everything() == alone


@pytest.mark.parametrize("shape", [(5, 7, 2, 0), (0, 3, 2), (2, 0, 3), (4, 0), (0,)])
def test_along_every_axis_of_nothing(isa: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, dtype)
    for axis in range(len(shape)):
        for found in (K.running_sum(x, axis), K.softmax(x, axis), K.softmax(x, axis, True), K.softmax_grad(x, x, axis)):
            assert found.shape == shape
            assert found.dtype == dtype
