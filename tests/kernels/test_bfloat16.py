"""Products of float32 in bfloat16: `set_float32_matmul_precision("medium")`, emulated where the processor cannot."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from test_conv import Shape
from test_gemm import LAYOUTS, TRANSPOSITIONS, arranged

import wengert as wg
from guarded import K
from wengert import _kernels, machine

UNIT = 2.0**-8  # by which half rounding to bfloat16 changes a number at most, relative to it
EPS = float(np.finfo(np.float32).eps)
TINY = 2.0**-126  # what an instruction may count as zero below
SHAPES = [*itertools.product((1, 4, 5, 15, 29), (1, 8, 17, 33), (1, 2, 3, 8, 17, 40)), (20, 2100, 90), (200, 300, 261)]


@pytest.fixture
def medium(isa: str) -> Iterator[bool]:
    """Whether the instruction set takes products in bfloat16, which it now does wherever it can."""
    yield bool(_kernels.medium(3))
    _kernels.medium(0)


def exactly(function: partial[np.ndarray]) -> np.ndarray:
    """What a call gives in float32, between others."""
    _kernels.medium(0)
    result = function()
    _kernels.medium(3)
    return result


def rounded(x: np.ndarray) -> np.ndarray:
    """To eight bits, ties to even, by arithmetic in float64."""
    wide = x.astype(np.float64)
    with np.errstate(invalid="ignore"):
        _, exponent = np.frexp(np.maximum(np.abs(wide), TINY))
        unit = np.ldexp(1.0, exponent - 8)
        near = np.where(np.isfinite(wide), np.rint(wide / unit) * unit, wide)
    return np.where(np.abs(near) >= 2.0**128, np.copysign(np.inf, wide), near)


def assert_medium(a: np.ndarray, b: np.ndarray, found: np.ndarray, medium: bool) -> None:
    """Within the rounding of both operands of the product, and within float32's errors of that of rounded ones."""
    wide = a.astype(np.float64), b.astype(np.float64)
    k, sizes = a.shape[-1], np.abs(wide[0]) @ np.abs(wide[1])
    assert (np.abs(found - wide[0] @ wide[1]) <= (2 * UNIT + (2 * k + 2) * EPS) * sizes).all()
    if medium:
        near = rounded(a) @ rounded(b)
        assert (np.abs(found - near) <= (2 * k + 2) * EPS * (1 + 2 * UNIT) * sizes).all()


def test_a_number_times_one_is_rounded_to_nearest_even(medium: bool) -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 100_000, np.uint32)
    ties = (bits[:1000] & 0xFFFF0000) | 0x8000
    edges = [0, 1, 0x7FFF, 0x8000, 0x8001, 0x7F7F7FFF, 0x7F7F8000, 0x7F7FFFFF, 0x7F800000, 0x7F800001, 0x7FFFFFFF]
    signed = np.array([edge | sign for sign in (0, 0x80000000) for edge in edges], np.uint32)
    x = np.concatenate([bits, ties, signed]).view(np.float32)
    with np.errstate(invalid="ignore"):  # NaN that signal
        expected = rounded(x) if medium else x
    for places in (x[:, None], x[None, :]):
        one = np.ones((1, 1), np.float32)
        found = K.matmul(places, one) if places.shape[1] == 1 else K.matmul(one, places)
        wrong = ~((found.ravel() == expected) | (np.isnan(found.ravel()) & np.isnan(expected)))
        assert not (wrong & (np.abs(expected) >= TINY)).any(), x[wrong][:3]
        assert (np.abs(found.ravel()[wrong]) <= TINY).all()


@pytest.mark.parametrize("layouts", TRANSPOSITIONS, ids="-".join)
def test_errors_are_those_of_rounding_the_operands(medium: bool, layouts: tuple[str, str]) -> None:
    rng = np.random.default_rng(1)
    for m, k, n in SHAPES:
        a, b = arranged(rng, layouts[0], (m, k), np.float32), arranged(rng, layouts[1], (k, n), np.float32)
        found = []
        for threads in (1, 2):
            _kernels.set_num_threads(threads)
            found.append(K.matmul(a, b))
        np.testing.assert_array_equal(found[0], found[1])
        assert_medium(a, b, found[0], medium)
        if not medium:
            np.testing.assert_array_equal(found[0], exactly(partial(K.matmul, a, b)))


@pytest.mark.parametrize("layouts", list(itertools.product(LAYOUTS, repeat=2)), ids="-".join)
def test_any_strides_batches_and_a_bias(medium: bool, layouts: tuple[str, str]) -> None:
    rng = np.random.default_rng(2)
    for m, k, n in ((1, 7, 70), (5, 33, 3), (29, 17, 40), (3, 1, 20), (1, 9, 1)):
        for batch_a, batch_b in (((), ()), ((2, 1), (3,))):
            a = arranged(rng, layouts[0], (*batch_a, m, k), np.float32)
            b = arranged(rng, layouts[1], (*batch_b, k, n), np.float32)
            found, bias = K.matmul(a, b), rng.standard_normal(n).astype(np.float32)
            assert_medium(a, b, found, medium)
            np.testing.assert_array_equal(K.matmul(a, b, bias=bias), found + bias)


def test_cancellation_subnormals_and_what_leaves_the_range(medium: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((30, 201)).astype(np.float32)
    a, b = np.concatenate([1e4 * x, -1e4 * x, x[:, :5]], 1), np.concatenate([x.T, x.T, x.T[:5]])
    assert_medium(a, b, K.matmul(a, b), medium)
    small = x * np.float32(1e-40)
    found, near = K.matmul(small, b[:201]), rounded(small) @ rounded(b[:201])
    assert (np.abs(found - near) <= 2 * TINY * (1 + np.abs(b[:201])).sum(0)).all()
    large = np.full((3, 1), 3.4e38, np.float32)  # finite, and infinite when rounded
    np.testing.assert_array_equal(np.isinf(K.matmul(large, np.ones((1, 40), np.float32))), medium)


@pytest.mark.parametrize("layouts", TRANSPOSITIONS, ids="-".join)
def test_nan_and_infinity_come_out_as_from_the_naive_product(medium: bool, layouts: tuple[str, str]) -> None:
    rng = np.random.default_rng(4)
    for m, k, n in ((5, 9, 17), (20, 33, 40), (1, 9, 90), (33, 20, 1)):
        a, b = arranged(rng, layouts[0], (m, k), np.float32), arranged(rng, layouts[1], (k, n), np.float32)
        for x in (a, b):
            places = rng.integers(0, x.size, max(2, x.size // 60))
            x[np.unravel_index(places, x.shape)] = rng.choice(np.array([0, np.inf, -np.inf, np.nan]), len(places))
        with np.errstate(invalid="ignore"):
            expected = (a[:, :, None].astype(np.float64) * b[None].astype(np.float64)).sum(1)
        found = K.matmul(a, b)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_array_equal(found[np.isinf(expected)], expected[np.isinf(expected)])
        assert np.isfinite(found[np.isfinite(expected)]).all()


def test_float64_and_products_over_nothing_are_what_they_were(medium: bool) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((40, 50)), rng.standard_normal((50, 60))
    np.testing.assert_array_equal(K.matmul(a, b), exactly(partial(K.matmul, a, b)))
    for m, k, n in ((0, 3, 4), (3, 3, 0), (4, 0, 20)):
        shape = K.matmul(np.ones((m, k), np.float32), np.ones((k, n), np.float32))
        np.testing.assert_array_equal(shape, np.zeros((m, n)))


CONVOLUTIONS = [
    Shape(2, 1, 20, 33, (9, 10), (5, 3), padding=(2, 0)),
    Shape(2, 1, 40, 20, (12, 33), (3, 3), stride=(2, 2), padding=(1, 1)),
    Shape(1, 3, 9, 18, (9, 8), (3, 2), stride=(2, 1), dilation=(1, 2), padding=(0, 1)),
    Shape(3, 1, 7, 70, (10, 10), (1, 1)),
]


@pytest.mark.parametrize("shape", CONVOLUTIONS, ids=str)
def test_convolution_within_the_rounding_of_its_operands(medium: bool, shape: Shape) -> None:
    rng = np.random.default_rng(6)
    x = rng.standard_normal((shape.n, shape.groups * shape.ci, *shape.image)).astype(np.float32)
    w = rng.standard_normal((shape.groups * shape.co, shape.ci, *shape.kernel)).astype(np.float32)
    y = rng.standard_normal((shape.n, shape.groups * shape.co, *shape.window[-1])).astype(np.float32)
    for kernel, operands in ((K.conv, (x, w)), (K.conv_input, (y, w)), (K.conv_weight, (x, y))):
        found = []
        for threads in (1, 2):
            _kernels.set_num_threads(threads)
            found.append(kernel(*operands, shape.window))
        np.testing.assert_array_equal(found[0], found[1])
        wide = [operand.astype(np.float64) for operand in operands]
        sizes = kernel(*map(np.abs, wide), shape.window)
        assert (np.abs(found[0] - kernel(*wide, shape.window)) <= (2 * UNIT + 1e-4) * sizes).all()
        near = kernel(*map(rounded, wide), shape.window)
        assert bool((np.abs(found[0] - near) <= 1e-4 * sizes).all()) == medium, kernel


def test_convolution_of_infinities_is_that_of_float32(medium: bool) -> None:
    """What is not finite is computed again, from the numbers themselves."""
    shape, rng = CONVOLUTIONS[0], np.random.default_rng(9)
    x = rng.standard_normal((shape.n, shape.ci, *shape.image)).astype(np.float32)
    w = rng.standard_normal((shape.co, shape.ci, *shape.kernel)).astype(np.float32)
    x[0, 3, 4, 5] = np.inf
    found = K.conv(x, w, shape.window)
    np.testing.assert_array_equal(found[0], exactly(partial(K.conv, x, w, shape.window))[0])
    assert np.isinf(found[0]).any()
    assert np.isfinite(found[1]).all()


def test_the_word_and_the_processor_decide(isa: str) -> None:
    """Without the instructions "medium" is float32; "high" is, everywhere; and what was told is told."""
    rng = np.random.default_rng(7)
    a, b = (wg.from_numpy(rng.standard_normal((256, 256)).astype(np.float32)) for _ in range(2))
    before = (a @ b).numpy()
    try:
        for word in ("high", "medium", "highest"):
            wg.set_float32_matmul_precision(word)
            assert wg.get_float32_matmul_precision() == word
            same = bool(((a @ b).numpy() == before).all())
            assert same == (word != "medium" or not machine.describe()["bfloat16"]), word
    finally:
        wg.set_float32_matmul_precision("highest")


def test_gradients_and_programs_follow_the_switch(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was recorded at one precision runs at the one that is."""
    settings = importlib.import_module("wengert.settings")
    monkeypatch.setattr(settings, "in_bfloat16", lambda wanted: _kernels.medium(3 * wanted))
    rng = np.random.default_rng(8)
    w, x = (wg.from_numpy(rng.standard_normal((40, 40)).astype(np.float32)) for _ in range(2))

    def step(w: wg.Tensor, x: wg.Tensor) -> wg.Tensor:
        return wg.func.grad(lambda w: ((x @ w) * x).sum())(w)

    program, found = wg.compile(step), {}
    try:
        for word in ("highest", "medium", "highest", "medium"):
            wg.set_float32_matmul_precision(word)
            for _ in range(3):
                found[word] = program(w, x).numpy().copy()
                np.testing.assert_array_equal(found[word], step(w, x).numpy(), word)
    finally:
        wg.set_float32_matmul_precision("highest")
    medium = bool((found["medium"] != found["highest"]).any())
    assert medium == bool(_kernels.medium(-1))
    assert_medium(x.numpy().T, x.numpy(), found["medium"], medium)
