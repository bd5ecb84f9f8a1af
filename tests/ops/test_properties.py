"""Properties of shapes, drawn by Hypothesis: broadcasting, indexing, reductions and reshapes agree with NumPy.

Their gradients, of reverse mode, are adjoint to their tangents, of forward mode: <g, J t> = <J' g, t>.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import (
    array_shapes,
    basic_indices,
    broadcastable_shapes,
    mutually_broadcastable_shapes,
    valid_tuple_axes,
)

import wengert as wg
from wengert import _kernels

few = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
SHAPES = array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
FILLED = array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Distinct positive numbers, which no operation below has a kink at."""
    size = math.prod(shape)
    spread = np.linspace(0.5, 1.5, size + 1)[:size] + 0.001 * seed
    return np.random.default_rng([seed, *shape]).permutation(spread).reshape(shape)


def check(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray) -> None:
    """The same values and shape as NumPy's, inputs untouched, and gradients that are adjoint to the tangents."""
    kept = [x.copy() for x in arrays]
    expected = np.asarray(theirs(*arrays))
    inputs = [wg.from_numpy(x).requires_grad_() for x in arrays]
    out = ours(*inputs)
    assert out.shape == expected.shape
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-12)
    for x, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(x, before)
    g = numbers(expected.shape, 7)
    out.backward(wg.from_numpy(g))
    tangents = tuple(wg.from_numpy(numbers(x.shape, 5)) for x in arrays)
    pushed = wg.func.jvp(ours, tuple(map(wg.from_numpy, arrays)), tangents)[1]
    forward = float((pushed.numpy() * g).sum())
    backward = sum(float((x.grad.numpy() * t.numpy()).sum()) for x, t in zip(inputs, tangents, strict=True))
    assert all(x.grad.shape == x.shape for x in inputs)
    assert backward == pytest.approx(forward, rel=1e-9, abs=1e-12)


# ---------------------------------------------------------------- broadcasting


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
@few
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4))
def test_operators_broadcast_as_numpys(name: str, shapes: Any) -> None:
    function = getattr(operator, name)
    check(function, function, *(numbers(shape, k) for k, shape in enumerate(shapes.input_shapes)))


@few
@given(shapes=mutually_broadcastable_shapes(num_shapes=3, max_dims=3, min_side=0, max_side=3))
def test_functions_of_three_tensors_broadcast_as_numpys(shapes: Any) -> None:
    arrays = [numbers(shape, k) for k, shape in enumerate(shapes.input_shapes)]
    check(lambda x, y, z: wg.where(x > 1, y, z) * x, lambda x, y, z: np.where(x > 1, y, z) * x, *arrays)
    check(lambda x, y, z: wg.addcmul(x, y, z), lambda x, y, z: x + y * z, *arrays)


@few
@given(data=st.data(), shape=array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4))
def test_broadcast_to_and_expand_agree_with_numpy(data: st.DataObject, shape: tuple[int, ...]) -> None:
    target = data.draw(
        broadcastable_shapes(shape, min_dims=len(shape), max_dims=len(shape) + 2, min_side=1, max_side=4).filter(
            lambda target: np.broadcast_shapes(shape, target) == target
        )
    )
    check(lambda x: wg.broadcast_to(x, target), lambda x: np.broadcast_to(x, target), numbers(shape))
    check(lambda x: x.expand(target) * 2, lambda x: np.broadcast_to(x, target) * 2, numbers(shape))


@few
@given(shapes=st.tuples(SHAPES, SHAPES))
def test_what_numpy_does_not_broadcast_is_refused_with_both_shapes(shapes: tuple[Any, Any]) -> None:
    arrays = [numbers(shape) for shape in shapes]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        for inputs in (map(wg.from_numpy, arrays), (wg.from_numpy(x).requires_grad_() for x in arrays)):
            with pytest.raises(ValueError, match="add") as error:
                operator.add(*inputs)
            assert all(str(shape) in str(error.value) for shape in shapes)


@few
@given(
    batches=mutually_broadcastable_shapes(num_shapes=2, max_dims=2, min_side=0, max_side=3),
    m=st.integers(0, 5), k=st.integers(0, 5), n=st.integers(0, 5),
)  # fmt: skip
def test_matmul_broadcasts_its_batches_as_numpys(batches: Any, m: int, k: int, n: int) -> None:
    left, right = batches.input_shapes
    check(operator.matmul, operator.matmul, numbers((*left, m, k)), numbers((*right, k, n), 1))


# ---------------------------------------------------------------- indexing


def advanced(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Index expressions: integers, slices with steps of either sign, `...`, None, arrays of integers, boolean masks.

    Where integers stand apart from arrays PyTorch and NumPy differ, so that arrays stand alone among slices here.
    """

    @st.composite
    def key(draw: st.DrawFn) -> tuple[Any, ...]:
        arrays = draw(st.booleans())
        common = draw(array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=3))
        parts: list[Any] = []
        d = 0
        while d < len(shape):
            n = shape[d]
            kinds = ["slice", "stop", "whole"] + (["array", "mask"] if arrays else ["integer"] if n else [])
            kind = draw(st.sampled_from(kinds))
            if kind == "stop":
                break
            if kind == "slice":
                bound = st.none() | st.integers(-n - 1, n + 1)
                parts.append(slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, -1, -2, -3]))))
            elif kind == "whole":
                parts.append(slice(None))
            elif kind == "integer":
                parts.append(draw(st.integers(-n, n - 1)))
            elif kind == "array" and n:
                lengths = tuple(draw(st.sampled_from([1, size])) for size in common)
                index = draw(st.lists(st.integers(-n, n - 1), min_size=math.prod(lengths), max_size=math.prod(lengths)))
                parts.append(np.array(index, np.int64).reshape(lengths))
            elif kind == "mask" and not any(isinstance(part, np.ndarray) for part in parts):
                parts.append(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool))
                arrays = False  # the number of places it picks broadcasts with nothing else
            else:
                parts.append(slice(None))
            d += 1
        if draw(st.booleans()):
            parts.insert(draw(st.integers(0, len(parts))), None)
        if d == len(shape) and draw(st.booleans()):
            parts.append(Ellipsis)
        return tuple(parts)

    return key()


def is_picked(key: tuple[Any, ...], x: np.ndarray) -> bool:
    try:
        x[key]
    except IndexError:  # arrays that do not broadcast together
        return False
    return True


def has_integers_and_arrays(key: tuple[Any, ...]) -> bool:
    return any(isinstance(part, np.ndarray) for part in key) and any(isinstance(part, int) for part in key)


@settings(few, max_examples=150)
@given(data=st.data(), shape=array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
def test_indexing_agrees_with_numpy(data: st.DataObject, shape: tuple[int, ...]) -> None:
    x = numbers(shape)
    key = data.draw(advanced(shape).filter(lambda key: is_picked(key, x) and not has_integers_and_arrays(key)))
    check(lambda x: x[key] * 1.0, lambda x: x[key] * 1.0, x)
    tensors = tuple(wg.from_numpy(part) if isinstance(part, np.ndarray) else part for part in key)
    assert wg.from_numpy(x)[tensors].tolist() == x[key].tolist()
    if not any(isinstance(part, np.ndarray) for part in key):
        assert wg.from_numpy(x)[key].numel() == 0 or np.shares_memory(wg.from_numpy(x)[key].numpy(), x)


@settings(few, max_examples=80)
@given(data=st.data(), shape=array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
def test_assignment_agrees_with_numpy(data: st.DataObject, shape: tuple[int, ...]) -> None:
    x = numbers(shape)
    key = data.draw(advanced(shape).filter(lambda key: is_picked(key, x) and not has_integers_and_arrays(key)))
    part = numbers(x[key].shape, 1)
    expected = x.copy()
    expected[key] = part
    plain = wg.from_numpy(x.copy())
    plain[key] = wg.from_numpy(part)
    np.testing.assert_array_equal(plain.numpy(), expected)

    def assigned(x: Any, y: Any) -> Any:
        out = x * 1.0
        out[key] = y
        return out

    def by_numpy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = x * 1.0
        out[key] = y
        return out

    check(assigned, by_numpy, x, part)


@few
@given(data=st.data(), shape=array_shapes(min_dims=2, max_dims=4, min_side=1, max_side=4))
def test_integers_among_arrays_are_taken_first(data: st.DataObject, shape: tuple[int, ...]) -> None:
    place = data.draw(st.integers(0, len(shape) - 1))
    at = data.draw(st.integers(-shape[place], shape[place] - 1))
    rest = shape[:place] + shape[place + 1 :]
    picks = [np.array(data.draw(st.lists(st.integers(0, n - 1), min_size=3, max_size=3))) for n in rest]
    key: list[Any] = list(picks)
    key.insert(place, at)
    x = numbers(shape)
    check(lambda x: x[tuple(key)] * 1.0, lambda x: np.take(x, at, place)[tuple(picks)] * 1.0, x)


@few
@given(data=st.data(), shape=array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
def test_basic_indices_of_every_kind_agree_with_numpy(data: st.DataObject, shape: tuple[int, ...]) -> None:
    key = data.draw(basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    check(lambda x: x[key] * 1.0, lambda x: np.asarray(x[key]) * 1.0, numbers(shape))


@few
@given(data=st.data(), n=st.integers(1, 5), count=st.integers(0, 8))
def test_repeated_indices_accumulate_their_gradients(data: st.DataObject, n: int, count: int) -> None:
    index = np.array(data.draw(st.lists(st.integers(-n, n - 1), min_size=count, max_size=count)), np.int64)
    x = wg.ones(n, 2, dtype=wg.float64, requires_grad=True)
    x[index].sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[:, 0], np.bincount(index % n, minlength=n))


# ---------------------------------------------------------------- reductions

REDUCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sum": (wg.sum, np.sum),
    "mean": (wg.mean, np.mean),
    "amax": (wg.amax, np.max),
    "amin": (wg.amin, np.min),
    "var": (lambda x, dims, keepdim: wg.var(x, dims, keepdim=keepdim, correction=0), np.var),
    "logsumexp": (wg.logsumexp, lambda x, axis, keepdims: np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))),
    "norm": (
        lambda x, dims, keepdim: wg.norm(x, 2, dims, keepdim),
        lambda x, axis, keepdims: np.sqrt((x * x).sum(axis=axis, keepdims=keepdims)),
    ),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@few
@given(data=st.data(), shape=FILLED, keepdim=st.booleans())
def test_reductions_over_any_dimensions_agree_with_numpy(
    name: str, data: st.DataObject, shape: tuple[int, ...], keepdim: bool
) -> None:
    dims = data.draw(valid_tuple_axes(len(shape), min_size=1))
    ours, theirs = REDUCTIONS[name]
    check(lambda x: ours(x, dims, keepdim), lambda x: theirs(x, axis=dims, keepdims=keepdim), numbers(shape))


@few
@given(data=st.data(), shape=FILLED)
def test_running_and_sorting_along_a_dimension_agree_with_numpy(data: st.DataObject, shape: tuple[int, ...]) -> None:
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = numbers(shape)
    check(lambda x: wg.cumsum(x, dim), lambda x: np.cumsum(x, dim), x)
    check(lambda x: wg.cumprod(x, dim), lambda x: np.cumprod(x, dim), x)
    check(lambda x: wg.sort(x, dim).values, lambda x: np.sort(x, dim), x)
    check(lambda x: wg.max(x, dim).values, lambda x: np.max(x, dim), x)
    check(lambda x: wg.quantile(x, 0.3, dim), lambda x: np.quantile(x, 0.3, dim), x)
    assert wg.from_numpy(x).argsort(dim).tolist() == np.argsort(x, dim).tolist()
    assert wg.from_numpy(x).argmin(dim).tolist() == np.argmin(x, dim).tolist()


# ---------------------------------------------------------------- reshapes


def factorization(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    """A shape of `size` items."""
    if size == 0:
        return (*draw(st.lists(st.integers(0, 3), max_size=2)), 0)
    shape = []
    while size > 1:
        divisor = draw(st.sampled_from([d for d in range(2, size + 1) if size % d == 0]))
        shape.append(divisor)
        size //= divisor
    for _ in range(draw(st.integers(0, 2))):
        shape.insert(draw(st.integers(0, len(shape))), 1)
    return tuple(shape)


@few
@given(data=st.data(), shape=SHAPES)
def test_reshapes_of_any_strides_agree_with_numpy(data: st.DataObject, shape: tuple[int, ...]) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    target = data.draw(st.composite(factorization)(math.prod(shape)))
    asked = target
    if target and math.prod(shape):
        place = data.draw(st.none() | st.integers(0, len(target) - 1))
        asked = target if place is None else (*target[:place], -1, *target[place + 1 :])
    check(
        lambda x: x.permute(*order).reshape(asked) * 2.0,
        lambda x: x.transpose(order).reshape(target) * 2.0,
        numbers(shape),
    )


@few
@given(data=st.data(), shape=FILLED)
def test_rearrangements_agree_with_numpy(data: st.DataObject, shape: tuple[int, ...]) -> None:
    a, b = (data.draw(st.integers(-len(shape), len(shape) - 1)) for _ in range(2))
    dims = data.draw(valid_tuple_axes(len(shape), min_size=1))
    shift = data.draw(st.integers(-5, 5))
    place = data.draw(st.integers(-len(shape) - 1, len(shape)))
    copies = data.draw(st.lists(st.integers(0, 2), min_size=len(shape), max_size=len(shape) + 1))
    x = numbers(shape)
    check(lambda x: wg.transpose(x, a, b) * 2, lambda x: np.swapaxes(x, a, b) * 2, x)
    check(lambda x: wg.movedim(x, a, b) * 2, lambda x: np.moveaxis(x, a, b) * 2, x)
    check(lambda x: wg.flip(x, dims), lambda x: np.flip(x, dims), x)
    check(lambda x: wg.roll(x, shift, a), lambda x: np.roll(x, shift, a), x)
    check(lambda x: wg.unsqueeze(x, place) * 2, lambda x: np.expand_dims(x, place) * 2, x)
    check(lambda x: wg.squeeze(x) * 2, lambda x: np.squeeze(x) * 2, x)
    check(lambda x: x.repeat(*copies), lambda x: np.tile(x, copies), x)
    check(lambda x: wg.cat([x, x * 2], a), lambda x: np.concatenate([x, x * 2], a), x)
    check(lambda x: wg.stack([x, x * 2], a), lambda x: np.stack([x, x * 2], a), x)
    check(lambda x: wg.tensor_split(x, 2, a)[-1] * 2, lambda x: np.array_split(x, 2, a)[-1] * 2, x)


@few
@given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_what_is_cut_apart_joins_to_what_it_was(sizes: list[int]) -> None:
    x = numbers((sum(sizes), 2))
    check(lambda x: wg.cat(wg.split(x, sizes)), lambda x: x, x)
    if x.size:
        check(lambda x: wg.stack(wg.unbind(x)), lambda x: x, x)
        check(lambda x: wg.cat(wg.chunk(x, 3)), lambda x: x, x)


@few
@given(st.data())
def test_broadcast_views_are_numpys(data: st.DataObject) -> None:
    x = numbers(data.draw(SHAPES)).astype(data.draw(st.sampled_from(["f4", "f8", "f2", "i8", "?"])))
    x = x.transpose(data.draw(st.permutations(range(x.ndim))))
    shape = data.draw(st.one_of(broadcastable_shapes(x.shape, min_side=0), SHAPES))
    try:
        expected = np.broadcast_to(x, shape)
    except ValueError:
        with pytest.raises(ValueError, match="broadcast_to: shape"):
            _kernels.broadcast_view(x, shape)
        return
    view = _kernels.broadcast_view(x, shape)
    np.testing.assert_array_equal(view, expected, strict=True)
    assert not view.flags.writeable
    assert view.size == 0 or np.may_share_memory(view, x)


@few
@given(st.data())
def test_overlap_is_numpys_bound(data: st.DataObject) -> None:
    whole = np.arange(24, dtype=data.draw(st.sampled_from(["f4", "f8", "i1"]))).reshape(2, 3, 4)
    x, y = (whole[data.draw(basic_indices(whole.shape, allow_newaxis=True, allow_ellipsis=True))] for _ in "xy")
    x, y = np.asarray(x), np.asarray(y)
    assert _kernels.overlap(x, y) == np.may_share_memory(x, y)
    assert not _kernels.overlap(x, y.copy())
