"""Every operation over a batch is the loop over its examples: its value, and its derivatives in both directions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from cases import CASES, Case, Shapes
from wengert.core import batching
from wengert.core.tape import OPERATIONS

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
SIZE = 3

# Cases whose result depends on items in its shape or in what is done next: they say so.
REFUSED = {"equal", "index_mask", "masked_select", "nonzero_of_where"}


def smallest(case: Case) -> Shapes:
    """The smallest shapes of a case that have items."""
    return min(case.shapes, key=lambda shapes: (0 in itertools.chain(*shapes), sum(map(np.prod, shapes))))


def examples(case: Case, shapes: Shapes, count: int) -> list[list[np.ndarray]]:
    return [case.draw(shapes, seed) for seed in range(count)]


def weights(shape: tuple[int, ...]) -> Any:
    """Cotangents and tangents that differ by item."""
    return wg.tensor(np.cos(np.arange(math.prod(shape), dtype=np.float64)).reshape(shape) + 1.5)


def with_derivatives(case: Case) -> Callable[..., Any]:
    """A function that gives a case's value, its vjp, its jvp and the vjp of its vjp."""

    def first(*xs: Any) -> Any:
        y, pullback = wg.func.vjp(case.function, *xs)
        return pullback(weights(y.shape))

    def all_of_them(*xs: Any) -> Any:
        value, tangent = wg.func.jvp(case.function, xs, tuple(weights(x.shape) for x in xs))
        if case.order < 2:
            return value, first(*xs), tangent
        once, pullback = wg.func.vjp(first, *xs)
        return value, once, tangent, pullback(tuple(weights(y.shape) for y in once))

    return all_of_them


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
        return
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    a, b = found.numpy(), expected.numpy()
    scale = max(1.0, float(np.abs(b[np.isfinite(b)]).max(initial=0.0)))
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * scale)


@EACH
def test_a_batch_is_the_loop(case: Case) -> None:
    function = with_derivatives(case)
    if case.name in REFUSED:
        inputs = [wg.tensor(np.stack(x)) for x in zip(*examples(case, smallest(case), SIZE), strict=True)]
        with pytest.raises(batching.BatchError, match="chunk_size=1"):
            wg.vmap(function)(*inputs)
        return
    for shapes in case.shapes:
        rows = examples(case, shapes, SIZE)
        for having in itertools.product((True, False), repeat=len(shapes)):
            if not any(having) or (len(shapes) > 2 and sum(having) not in (1, len(shapes))):
                continue
            inputs = [
                wg.tensor(np.stack([row[k] for row in rows]) if has else rows[0][k]) for k, has in enumerate(having)
            ]
            dims = tuple(0 if has else None for has in having)
            found = wg.vmap(function, dims)(*inputs)
            assert_same(found, wg.vmap(function, dims, chunk_size=1)(*inputs))


@EACH
def test_a_batch_of_batches_is_the_loop_of_loops(case: Case) -> None:
    function = with_derivatives(case)
    if case.name in REFUSED:
        return  # what the test before asserts
    shapes = smallest(case)
    rows = examples(case, shapes, 2 * SIZE)
    patterns = list(itertools.product(((True, True), (True, False), (False, True)), repeat=min(len(shapes), 2)))
    for pattern in patterns:
        per_input = [pattern[min(k, len(pattern) - 1)] for k in range(len(shapes))]
        if not any(o for o, _ in per_input) or not any(i for _, i in per_input):
            continue
        inputs = []
        for k, (outer, inner) in enumerate(per_input):
            x = np.stack([row[k] for row in rows]).reshape((2, SIZE, *shapes[k]))
            x = x if outer else x[0]
            inputs.append(wg.tensor(x if inner else x[:, 0] if outer else x[0]))
        dims = tuple(tuple(0 if has else None for has in level) for level in zip(*per_input, strict=True))
        found = wg.vmap(wg.vmap(function, dims[1]), dims[0])(*inputs)
        expected = wg.vmap(wg.vmap(function, dims[1], chunk_size=1), dims[0], chunk_size=1)(*inputs)
        assert_same(found, expected)


OF_ONE_ITEM = {
    "max": lambda x: wg.max(x, 0), "sort": lambda x: wg.sort(x, 0), "median": lambda x: wg.median(x, 0, True),
    "topk": lambda x: wg.topk(x, 1, -1), "kthvalue": lambda x: wg.kthvalue(x, 1, 0),
    "cummax": lambda x: wg.cummax(x, 0), "gather": lambda x: [wg.gather(x, 0, (x * 0).long())],
    "cumsum": lambda x: [wg.cumsum(x, 0), wg.cumprod(x, 0), wg.softmax(x, 0), wg.logsumexp(x, 0)],
    "put": lambda x: [wg.scatter(x, 0, (x * 0).long(), x * 2)],
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ONE_ITEM)
def test_along_a_dimension_of_examples_that_have_none(name: str) -> None:
    def function(x: Any) -> Any:
        items = lambda x: wg.stack([y for y in OF_ONE_ITEM[name](x) if y.dtype.kind == "f"]).sum() * x  # noqa: E731
        return tuple(OF_ONE_ITEM[name](x)), wg.grad(items)(x), wg.jvp(items, x, x)[1], wg.hessian(items)(x)

    x = wg.tensor(np.array([0.5, -1.5, 2.0]))
    assert_same(wg.vmap(function)(x), wg.vmap(function, chunk_size=1)(x))


@pytest.mark.parametrize("tolerance", [(), (2,), (2, 2)])
@pytest.mark.parametrize("having", [(True, True), (True, False), (False, True)])
def test_tolerances_of_batches(tolerance: tuple[int, ...], having: tuple[bool, bool]) -> None:
    def function(a: Any, t: Any) -> Any:
        gradient = wg.grad(lambda a: wg.sin(wg.linalg.pinv(a, rtol=t)).sum())(a)
        return wg.linalg.matrix_rank(a, t), wg.linalg.matrix_rank(a, atol=t, rtol=0.1), wg.linalg.pinv(a, t), gradient

    rng = np.random.default_rng(0)
    dims = tuple(0 if has else None for has in having)
    for lead in ((), (2,)):
        a, t = rng.normal(size=(SIZE, SIZE, *lead, 3, 2)), rng.uniform(0.1, 0.9, size=(SIZE, SIZE, *tolerance))
        inputs = [wg.tensor(x[0] if has else x[0, 0]) for x, has in zip((a, t), having, strict=True)]
        assert_same(wg.vmap(function, dims)(*inputs), wg.vmap(function, dims, chunk_size=1)(*inputs))
        inputs = [wg.tensor(x if has else x[:, 0]) for x, has in zip((a, t), having, strict=True)]
        found = wg.vmap(wg.vmap(function, dims))(*inputs)
        assert_same(found, wg.vmap(wg.vmap(function, dims, chunk_size=1), chunk_size=1)(*inputs))


@pytest.mark.parametrize("having", [(True, True), (True, False), (False, True)])
def test_products_by_indices_that_differ(having: tuple[bool, bool]) -> None:
    def function(x: Any, index: Any) -> Any:
        of = lambda x: wg.scatter_reduce(x, 0, index, wg.sin(x), "prod", include_self=False)  # noqa: E731
        return of(x), wg.grad(lambda x: of(x).sum())(x), wg.jvp(of, x, x)[1]

    x, index = wg.tensor(np.random.default_rng(0).normal(size=(2, 4))), wg.tensor([[0, 1, 0, 2], [1, 1, 1, 0]])
    inputs = [value if has else value[0] for value, has in zip((x, index), having, strict=True)]
    dims = tuple(0 if has else None for has in having)
    assert_same(wg.vmap(function, dims)(*inputs), wg.vmap(function, dims, chunk_size=1)(*inputs))


# Operations whose kernels run example by example, and why.
LOOPED = {
    "bincount": "as many counts as the largest item says",
    "cross_entropy_weights": "asked for by second derivatives alone",
    "equal": "gives a truth, which cannot leave a batch",
    "histc": "NumPy's bins are one for all",
    "histogram": "NumPy's bins are one for all",
    "histogram_edges": "NumPy's bins are one for all",
    "index_put_last": "the last of repeated indices, which differ over the batch",
    "masked_scatter_numbers": "the number of items that a mask holds is checked for each example",
    "scatter_ranks": "the order of indices that differ over the batch",
    "total_norm": "of the gradients of many tensors, for clipping",
}


def test_all_other_operations_of_the_library_have_a_rule() -> None:
    ours = [
        operation for operation in OPERATIONS
        if getattr(operation.kernel, "__module__", "wengert").startswith(("wengert", "numpy"))
    ]  # fmt: skip
    assert {operation.name for operation in ours if operation.batched is None} <= LOOPED.keys()
