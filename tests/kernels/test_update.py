"""The fused optimizer updates against the formulas of PyTorch's documentation, written out in float64."""

from __future__ import annotations

import functools
from itertools import product

import numpy as np
import pytest

from guarded import K

# Lengths around the vectors, an empty one, and one that spans several chunks of work.
SIZES = [(5,), (0,), (1,), (16,), (3, 11), (64,), (0, 4), (129,), (40000,), (2,)]
SENTINEL = 777.0


class Guarded:
    """Dense arrays with sentinels on both sides."""

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self.blocks = [np.full(a.size + 64, SENTINEL, a.dtype) for a in arrays]
        self.views = [b[32 : 32 + a.size].reshape(a.shape) for b, a in zip(self.blocks, arrays, strict=True)]
        for view, array in zip(self.views, arrays, strict=True):
            view[...] = array

    def assert_intact(self) -> None:
        for block in self.blocks:
            assert (block[:32] == SENTINEL).all()
            assert (block[-32:] == SENTINEL).all()


def tensors(dtype: np.dtype, seed: int, sizes: list[tuple[int, ...]] = SIZES) -> list[np.ndarray]:
    return [x.copy() for x in _tensors(dtype, seed, tuple(sizes))]


@functools.cache
def _tensors(dtype: np.dtype, seed: int, sizes: tuple[tuple[int, ...], ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 1, size).astype(dtype) for size in sizes]


def doubles(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [a.astype(np.float64) for a in arrays]


def assert_close(actual: list[np.ndarray], expected: list[np.ndarray], dtype: np.dtype, epsilons: float = 8) -> None:
    tolerance = epsilons * float(np.finfo(dtype).eps)
    assert [(a.dtype, a.shape) for a in actual] == [(dtype, e.shape) for e in expected]
    a, e = (np.concatenate([x.ravel() for x in xs]) for xs in (actual, expected))
    np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------- SGD


def reference_sgd(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    momentum: list[np.ndarray] | None,
    first: list[bool],
    lr: float,
    momentum_factor: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
) -> None:
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        g = -g if maximize else g
        g = g + weight_decay * p
        if momentum is not None:
            momentum[i][...] = g if first[i] else momentum_factor * momentum[i] + (1 - dampening) * g
            g = g + momentum_factor * momentum[i] if nesterov else momentum[i]
        p -= lr * g


@pytest.mark.parametrize(
    ("momentum_factor", "dampening", "weight_decay", "nesterov", "maximize"),
    list(product([None, 0.0, 0.9], [0.0, 0.3], [0.0, 0.01], [False, True], [False, True])),
)
def test_sgd_follows_the_formula(
    isa: str,
    dtype: np.dtype,
    momentum_factor: float | None,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
) -> None:
    params = Guarded(tensors(dtype, 0))
    momentum = None if momentum_factor is None else Guarded(tensors(dtype, 1))
    exact, exact_momentum = doubles(params.views), None if momentum is None else doubles(momentum.views)
    options = {
        "lr": 0.1,
        "momentum_factor": momentum_factor or 0.0,
        "dampening": dampening,
        "weight_decay": weight_decay,
        "nesterov": nesterov,
        "maximize": maximize,
    }
    for step in range(3):
        grads = tensors(dtype, 10 + step)
        first = [step == 0 or (step == 1 and i % 3 == 0) for i in range(len(grads))]  # a mixture in the second step
        flags = None if momentum is None else first
        K.sgd(params.views, grads, None if momentum is None else momentum.views, flags, **options)
        reference_sgd(exact, doubles(grads), exact_momentum, first, **options)
        assert_close(params.views, exact, dtype)
        params.assert_intact()
        if momentum is not None:
            assert_close(momentum.views, exact_momentum, dtype)
            momentum.assert_intact()
        assert all(map(np.array_equal, grads, tensors(dtype, 10 + step))), "the gradients were changed"


def test_a_new_momentum_buffer_is_not_read(isa: str, dtype: np.dtype) -> None:
    params, grads = tensors(dtype, 0), tensors(dtype, 1)
    momentum = [np.full_like(p, np.nan) for p in params]
    K.sgd(params, grads, momentum, [True] * len(params), lr=0.1, momentum_factor=0.9, dampening=0.5)
    for m, g in zip(momentum, grads, strict=True):
        np.testing.assert_array_equal(m, g)
    assert all(np.isfinite(p).all() for p in params)


def test_without_weight_decay_infinite_parameters_stay_infinite(isa: str, dtype: np.dtype) -> None:
    param = np.array([np.inf, -np.inf, 1], dtype)
    K.sgd([param], [np.ones(3, dtype)], None, None, lr=0.5)
    np.testing.assert_array_equal(param, [np.inf, -np.inf, 0.5])


def test_sgd_of_no_parameters(isa: str, dtype: np.dtype) -> None:
    K.sgd([], [], None, None, lr=0.1)
    K.sgd([np.empty(0, dtype)], [np.empty(0, dtype)], None, None, lr=0.1)


# ---------------------------------------------------------------- Adam


def reference_adam(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    first: list[np.ndarray],
    second: list[np.ndarray],
    largest: list[np.ndarray] | None,
    steps: list[float],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
    maximize: bool,
) -> None:
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        g = -g if maximize else g
        if decoupled:
            p -= lr * weight_decay * p
        else:
            g = g + weight_decay * p
        first[i][...] = beta1 * first[i] + (1 - beta1) * g
        second[i][...] = beta2 * second[i] + (1 - beta2) * g**2
        v = second[i]
        if largest is not None:
            v = largest[i][...] = np.maximum(largest[i], v)
        corrected_m = first[i] / (1 - beta1 ** steps[i])
        corrected_v = v / (1 - beta2 ** steps[i])
        p -= lr * corrected_m / (np.sqrt(corrected_v) + eps)


@pytest.mark.parametrize(
    ("amsgrad", "weight_decay", "decoupled", "maximize"),
    list(product([False, True], [0.0, 0.05], [False, True], [False, True])),
)
def test_adam_follows_the_formula(
    isa: str, dtype: np.dtype, amsgrad: bool, weight_decay: float, decoupled: bool, maximize: bool
) -> None:
    params = Guarded(tensors(dtype, 0))
    first, second = (Guarded([np.zeros_like(p) for p in params.views]) for _ in range(2))
    largest = Guarded([np.zeros_like(p) for p in params.views]) if amsgrad else None
    exact = [doubles(g.views) for g in (params, first, second)]
    exact_largest = doubles(largest.views) if largest else None
    options = {
        "lr": 0.01,
        "beta1": 0.9,
        "beta2": 0.99,
        "eps": 1e-8,
        "weight_decay": weight_decay,
        "decoupled": decoupled,
        "maximize": maximize,
    }
    for step in range(1, 5):
        grads = [g / step for g in tensors(dtype, 20 + step)]  # shrinking, so that AMSGrad's maximum matters
        steps = [float(step + i % 2) for i in range(len(grads))]  # one count per parameter
        K.adam(
            params.views, grads, first.views, second.views, largest.views if largest else None, steps, **options
        )  # fmt: skip
        reference_adam(exact[0], doubles(grads), exact[1], exact[2], exact_largest, steps, **options)
    for guarded, e in zip((params, first, second), exact, strict=True):
        assert_close(guarded.views, e, dtype, 30)
        guarded.assert_intact()
    if largest:
        assert_close(largest.views, exact_largest, dtype, 30)
        largest.assert_intact()


def test_the_first_step_of_adam_is_the_learning_rate(isa: str, dtype: np.dtype) -> None:
    """With no history, the step is lr * g / (|g| + eps), whatever the betas."""
    param, grad = np.zeros(7, dtype), np.array([1e-3, -5, 0.2, 1, -1, 7e4, -1e-2], dtype)
    zeros = [[np.zeros(7, dtype)] for _ in range(2)]
    K.adam([param], [grad], *zeros, None, [1], lr=0.1, beta1=0.9, beta2=0.999, eps=0.0)
    np.testing.assert_allclose(param, -0.1 * np.sign(grad), rtol=1e-4 if dtype == np.float32 else 1e-12)


# ---------------------------------------------------------------- RMSprop


def reference_rmsprop(
    params: list[np.ndarray],
    grads: list[np.ndarray],
    square_avg: list[np.ndarray],
    grad_avg: list[np.ndarray] | None,
    momentum: list[np.ndarray] | None,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum_factor: float,
    maximize: bool,
) -> None:
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        g = (-g if maximize else g) + weight_decay * p
        square_avg[i][...] = alpha * square_avg[i] + (1 - alpha) * g**2
        variance = square_avg[i]
        if grad_avg is not None:
            grad_avg[i][...] = alpha * grad_avg[i] + (1 - alpha) * g
            variance = square_avg[i] - grad_avg[i] ** 2
        step = g / (np.sqrt(variance) + eps)
        if momentum is not None:
            step = momentum[i][...] = momentum_factor * momentum[i] + step
        p -= lr * step


@pytest.mark.parametrize(
    ("centered", "momentum_factor", "weight_decay", "maximize"),
    list(product([False, True], [0.0, 0.9], [0.0, 0.05], [False, True])),
)
def test_rmsprop_follows_the_formula(
    isa: str, dtype: np.dtype, centered: bool, momentum_factor: float, weight_decay: float, maximize: bool
) -> None:
    params = Guarded(tensors(dtype, 0))
    square = Guarded([np.zeros_like(p) for p in params.views])
    mean = Guarded([np.zeros_like(p) for p in params.views]) if centered else None
    momentum = Guarded([np.zeros_like(p) for p in params.views]) if momentum_factor else None
    everything = [g for g in (params, square, mean, momentum) if g is not None]
    exact = {id(g): doubles(g.views) for g in everything}
    options = {
        "lr": 0.01,
        "alpha": 0.8,
        "eps": 1e-3,
        "weight_decay": weight_decay,
        "momentum_factor": momentum_factor,
        "maximize": maximize,
    }
    for step in range(4):
        grads = tensors(dtype, 30 + step)
        arrays = [None if g is None else g.views for g in (square, mean, momentum)]
        K.rmsprop(params.views, grads, *arrays, **options)
        exact_arrays = [None if g is None else exact[id(g)] for g in (square, mean, momentum)]
        reference_rmsprop(exact[id(params)], doubles(grads), *exact_arrays, **options)
        for grad, same in zip(grads, tensors(dtype, 30 + step), strict=True):
            np.testing.assert_array_equal(grad, same)
    for guarded in everything:
        assert_close(guarded.views, exact[id(guarded)], dtype, 60)  # v - m^2 loses digits
        guarded.assert_intact()


def test_the_first_step_of_rmsprop_does_not_depend_on_the_gradients_size(isa: str, dtype: np.dtype) -> None:
    """With no history and alpha = 3/4, the step is lr * g / (|g| / 2)."""
    param, grad = np.zeros(7, dtype), np.array([1e-3, -5, 0.2, 1, -1, 7e4, -1e-2], dtype)
    K.rmsprop([param], [grad], [np.zeros(7, dtype)], None, None, lr=0.1, alpha=0.75, eps=0.0)
    np.testing.assert_allclose(param, -0.2 * np.sign(grad), rtol=4 * np.finfo(dtype).eps)


# ---------------------------------------------------------------- Adagrad


@pytest.mark.parametrize(
    ("lr_decay", "weight_decay", "maximize"), list(product([0.0, 0.5], [0.0, 0.05], [False, True]))
)
def test_adagrad_follows_the_formula(
    isa: str, dtype: np.dtype, lr_decay: float, weight_decay: float, maximize: bool
) -> None:
    params = Guarded(tensors(dtype, 0))
    sums = Guarded([np.full_like(p, 0.1) for p in params.views])
    exact, exact_sums = doubles(params.views), doubles(sums.views)
    for step in range(1, 5):
        grads = tensors(dtype, 40 + step)
        steps = [float(step + i % 2) for i in range(len(grads))]  # one count per parameter
        K.adagrad(
            params.views, grads, sums.views, steps, lr=0.1, lr_decay=lr_decay, eps=1e-4, weight_decay=weight_decay,
            maximize=maximize,
        )  # fmt: skip
        for p, total, grad, count in zip(exact, exact_sums, doubles(grads), steps, strict=True):
            g = (-grad if maximize else grad) + weight_decay * p
            total += g**2
            p -= 0.1 / (1 + (count - 1) * lr_decay) * g / (np.sqrt(total) + 1e-4)
    for guarded, e in ((params, exact), (sums, exact_sums)):
        assert_close(guarded.views, e, dtype, 16)
        guarded.assert_intact()


def test_without_weight_decay_infinite_parameters_stay_infinite_in_every_update(isa: str, dtype: np.dtype) -> None:
    """An infinite parameter times a decay of 0 would be NaN."""
    ones, start = [np.ones(3, dtype)], np.array([np.inf, -np.inf, 1], dtype)
    updates = {
        "adam": lambda p: K.adam(p, ones, zeros(), zeros(), None, [1], lr=0.5, beta1=0.9, beta2=0.9, eps=0.0),
        "adamw": lambda p: K.adam(
            p, ones, zeros(), zeros(), None, [1], lr=0.5, beta1=0.9, beta2=0.9, eps=0.0, decoupled=True
        ),
        "rmsprop": lambda p: K.rmsprop(p, ones, zeros(), None, None, lr=0.25, alpha=0.75, eps=0.0),
        "adagrad": lambda p: K.adagrad(p, ones, zeros(), [1], lr=0.5, eps=0.0),
    }

    def zeros() -> list[np.ndarray]:
        return [np.zeros(3, dtype)]

    for name, update in updates.items():
        param = start.copy()
        update([param])
        np.testing.assert_allclose(param, [np.inf, -np.inf, 0.5], rtol=1e-6, err_msg=name)


def test_step_counts_must_be_one_per_parameter(dtype: np.dtype) -> None:
    p = [np.ones(3, dtype)]
    with pytest.raises(ValueError, match="adam: expected 1 step counts, got 2"):
        K.adam(p, p, p, p, None, [1, 2], lr=0.1, beta1=0.9, beta2=0.9, eps=0.0)
    with pytest.raises(ValueError, match="adagrad: expected 1 step counts, got 0"):
        K.adagrad(p, p, p, [], lr=0.1, eps=0.0)


# ---------------------------------------------------------------- scale, sum of squares


@pytest.mark.parametrize("factor", [0.0, 1.0, -0.5, 1e-3])
def test_scale_multiplies_in_place(isa: str, dtype: np.dtype, factor: float) -> None:
    before = tensors(dtype, 0)
    arrays = Guarded(before)
    K.scale(arrays.views, factor)
    for a, b in zip(arrays.views, before, strict=True):
        np.testing.assert_array_equal(a, b * dtype.type(factor))
    arrays.assert_intact()


def test_sum_squares_is_the_sum_in_float64(isa: str, dtype: np.dtype) -> None:
    for size in [0, 1, 2, 31, 32, 33, 100, 16384, 16385, 100_003]:
        x = np.random.default_rng(size).normal(0, 1, size).astype(dtype)
        assert K.sum_squares([x]) == pytest.approx(np.sum(x.astype(np.longdouble) ** 2), rel=1e-13)
    arrays = tensors(dtype, 1)
    expected = sum(float(np.sum(a.astype(np.longdouble) ** 2)) for a in arrays)
    assert K.sum_squares(arrays) == pytest.approx(expected, rel=1e-13)
    assert K.sum_squares([]) == 0
    for x in arrays:  # which are only read
        x.flags.writeable = False
    assert K.sum_squares(arrays) == pytest.approx(expected, rel=1e-13)
    assert K.sum_squares([x[::-1] for x in arrays]) == pytest.approx(expected, rel=1e-13)


def test_sum_squares_of_float32_neither_overflows_nor_vanishes(isa: str) -> None:
    for magnitude in (1e30, 1e-30):
        x = np.full(1000, magnitude, np.float32)
        assert K.sum_squares([x]) == pytest.approx(1000 * float(x[0]) ** 2, rel=1e-13)


def test_sum_squares_keeps_nan_and_infinity(isa: str, dtype: np.dtype) -> None:
    for value in (np.nan, np.inf):
        for place in (0, 17, 98):
            x = np.ones(99, dtype)
            x[place] = value
            np.testing.assert_equal(K.sum_squares([x]), value)


# ---------------------------------------------------------------- threads


def test_results_do_not_depend_on_the_number_of_threads(isa: str, dtype: np.dtype) -> None:
    sizes = [(100_000,), (7,), (300, 257), (1,), (33_000,)]

    def everything() -> list[object]:
        p, g, m, v, w = (tensors(dtype, seed, sizes) for seed in range(5))
        v, w = [np.abs(x) for x in v], [np.abs(x) for x in w]
        K.sgd(p, g, m, [False, True] * 2 + [False], lr=0.1, momentum_factor=0.9, weight_decay=0.01, nesterov=True)
        K.adam(p, g, m, v, w, [3] * 5, lr=0.1, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1)
        K.rmsprop(p, g, v, None, m, lr=0.1, alpha=0.9, eps=1e-8, weight_decay=0.1, momentum_factor=0.5)
        K.adagrad(p, g, w, [3] * 5, lr=0.1, eps=1e-8, weight_decay=0.1)
        norm = K.sum_squares(p)
        K.scale(p, 0.3)
        return [norm, *(x.tobytes() for x in p + m + v + w)]

    K.set_num_threads(1)
    alone = everything()
    K.set_num_threads(2)
    assert everything() == alone
