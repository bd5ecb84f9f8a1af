"""Every operation's case, and its gradients, as a program: run on other inputs than it was recorded on, it gives the
function's bits, or refuses by name."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import wengert as wg
from cases import CASES, Case
from wengert.compiling import CompileError

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)

# Cases whose functions read items, or have results whose shape depends on them.
REFUSED = {
    "equal",
    "index_mask",
    "lstsq",
    "masked_select",
    "nonzero",
    "nonzero_of_where",
    "one_hot",
    "scatter_reduce_prod",
    "scatter_reduce_prod_alone",
    "scatter_reduce_zeros",
}


def bits(tree: Any) -> Any:
    if isinstance(tree, (tuple, list)):
        return [bits(part) for part in tree]
    return None if tree is None else (tree.shape, tree.dtype, tree.numpy().tobytes())


def assert_a_program(function: Any, rounds: list[list[Any]]) -> None:
    compiled = wg.compile(function)
    for k, inputs in enumerate(rounds):
        found, expected = compiled(*inputs), function(*inputs)
        assert bits(found) == bits(expected), k
    assert compiled._count() == 1


def rounds_of(case: Case, shapes: Any, dtype: Any) -> list[list[Any]]:
    return [[wg.tensor(x, dtype=dtype) for x in case.draw(shapes, seed)] for seed in range(4)]


def gradients(case: Case) -> Any:
    def function(*xs: Any) -> Any:
        y, pullback = wg.func.vjp(case.function, *xs)
        return y, pullback(wg.ones_like(y))

    return function


@EACH
def test_values(case: Case) -> None:
    tried = refused = 0
    for shapes in case.shapes:
        for dtype in (wg.float32, wg.float64):
            rounds = rounds_of(case, shapes, dtype)
            try:
                case.function(*rounds[0])
            except (TypeError, RuntimeError, ValueError, IndexError):
                continue
            tried += 1
            try:
                assert_a_program(case.function, rounds)
            except CompileError:
                refused += 1
    assert tried
    assert bool(refused) == (case.name in REFUSED)


@EACH
def test_gradients(case: Case) -> None:
    if case.order < 1 or case.name in REFUSED:
        return
    if case.name == "checkpoint":  # which keeps the state of the generator
        with pytest.raises(CompileError, match="becomes an array"):
            assert_a_program(gradients(case), rounds_of(case, case.shapes[0], wg.float64))
        return
    shapes = min(case.shapes, key=lambda shapes: (0 in itertools.chain(*shapes), sum(map(np.prod, shapes))))
    for dtype in (wg.float32, wg.float64):
        assert_a_program(gradients(case), rounds_of(case, shapes, dtype))


def test_at_least_nine_tenths_are_programs() -> None:
    assert len(REFUSED) <= len(CASES) / 10
