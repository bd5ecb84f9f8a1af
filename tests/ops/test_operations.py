"""Generic properties of every operation, from the table in cases.py."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from cases import CASES, Case, Shapes
from isas import by_isa
from wengert.core import tape

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def smallest(case: Case) -> Shapes:
    """The smallest shapes of a case that have items."""
    return min(case.shapes, key=lambda shapes: (0 in itertools.chain(*shapes), sum(map(np.prod, shapes))))


def assert_close(got: wg.Tensor, expected: np.ndarray, tolerance: float, note: str = "") -> None:
    """Equal up to `tolerance` relative to the largest item."""
    value = got.detach().numpy()
    assert value.shape == np.shape(expected), note
    if value.size:
        scale = max(1e-30, float(np.abs(expected).max()))
        np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance * scale, err_msg=note)


def layouts(x: np.ndarray) -> dict[str, np.ndarray]:
    """The same values in memory laid out differently."""
    strided = np.full(tuple(2 * n + 1 for n in x.shape), np.nan, x.dtype)
    view = strided[(..., *(slice(1, None, 2) for _ in x.shape))]
    view[...] = x
    flipped = (..., *(slice(None, None, -1) for _ in x.shape))
    return {
        "fortran": np.array(x, order="F"),
        "strided": view,
        "reversed": x[flipped].copy()[flipped],
    }


@EACH
def test_values_agree_with_the_float64_reference(case: Case) -> None:
    for shapes in case.shapes:
        inputs = case.draw(shapes)
        expected = np.asarray(case.reference(*inputs))
        kept = [x.copy() for x in inputs]
        for isa, out in by_isa(case.function, *map(wg.from_numpy, inputs)).items():
            assert_close(out, expected, 1e-13, f"{shapes}, {isa}")
        assert all(map(np.array_equal, inputs, kept)), f"the inputs were changed, {shapes}"
        for isa, out in by_isa(case.function, *(wg.tensor(x, dtype=wg.float32) for x in inputs)).items():
            assert_close(out, expected, case.rtol32, f"float32, {shapes}, {isa}")


@EACH
def test_the_layout_of_the_inputs_does_not_matter(case: Case) -> None:
    for shapes in case.shapes:
        inputs = case.draw(shapes)
        expected = np.asarray(case.reference(*inputs))
        variants = [layouts(x) for x in inputs]
        for name in ("fortran", "strided", "reversed"):
            assert_close(case.function(*(wg.from_numpy(v[name]) for v in variants)), expected, 1e-13)


@EACH
def test_gradients_are_right_in_both_directions(case: Case) -> None:
    """To the second order, and for the smallest shapes to the order of the case."""
    for shapes in case.shapes:
        order = max(2, case.order) if shapes == smallest(case) else 2
        if sum(int(np.prod(shape)) for shape in shapes) > 400:
            shapes = tuple(tuple(min(n, 6) for n in shape) for shape in shapes)
        try:
            wg.func.check_gradients(case.function, *map(wg.from_numpy, case.draw(shapes)), order=order)
        except AssertionError as error:
            raise AssertionError(f"of {shapes}: {error}") from error


@EACH
def test_gradients_do_not_depend_on_the_layout(case: Case) -> None:
    for shapes in case.shapes:
        inputs = case.draw(shapes)
        found = []
        for name in ("plain", "fortran", "strided", "reversed"):
            xs = [wg.from_numpy(x if name == "plain" else layouts(x)[name]).requires_grad_() for x in inputs]
            out = case.function(*xs)
            out.backward(wg.ones_like(out.detach()))
            found.append([x.grad.numpy() for x in xs])
        for other in found[1:]:
            for g, h in zip(found[0], other, strict=True):
                np.testing.assert_allclose(h, g, rtol=1e-12, atol=1e-12)


@EACH
def test_results_are_the_same_bits_for_any_number_of_threads(case: Case) -> None:
    inputs = [wg.tensor(x, dtype=wg.float32, requires_grad=True) for x in case.draw(case.shapes[-1])]
    found = []
    for count in (1, 2):
        wg.set_num_threads(count)
        out = case.function(*inputs)
        grads = wg.autograd.grad(out.sum(), inputs)
        found.append([y.detach().numpy().tobytes() for y in (out, *grads)])
    assert found[0] == found[1]


@EACH
def test_float16_is_computed_in_float32(case: Case) -> None:
    if case.name in ("cast",):
        return  # it asks for float64
    shapes = case.shapes[0]
    inputs = [x.astype(np.float16) for x in case.draw(shapes)]
    expected = np.asarray(case.reference(*(x.astype(np.float64) for x in inputs)))
    out = case.function(*map(wg.from_numpy, inputs))
    assert out.dtype == wg.float16
    assert_close(out, expected, 4e-3)


@EACH
def test_nothing_is_recorded_without_need(case: Case) -> None:
    inputs = [wg.from_numpy(x) for x in case.draw(case.shapes[0])]
    assert case.function(*inputs).grad_fn is None
    for x in inputs:
        x.requires_grad_()
    with wg.no_grad():
        assert case.function(*inputs).grad_fn is None


def test_casts_are_linear_and_cast_back() -> None:
    x = wg.tensor([1.5, -2.25], dtype=wg.float64, requires_grad=True)
    y = x.to(dtype=wg.float32)
    (g,) = wg.autograd.grad(y, x, wg.tensor([3.0, 4.0]))
    assert y.dtype == wg.float32
    assert g.dtype == wg.float64
    assert g.tolist() == [3.0, 4.0]
    _, t = wg.func.jvp(lambda x: x.to(dtype=wg.float32), x.detach(), wg.tensor([3.0, 4.0], dtype=wg.float64))
    assert t.dtype == wg.float32
    assert t.tolist() == [3.0, 4.0]


# Operations that the table cannot hold: rounding defeats the difference quotient; made of users' functions; of batches,
# in test_vmap.py.
DEDICATED = {"cast", "checkpoint", "compiled", "vmap_in", "vmap_out", "vmap_share", "vmap_sum"}


@pytest.mark.parametrize("x", [[0.0, 2.0, 3.0], [0.0, 2.0, 0.0], [1e-30, 1e-30, 5.0], [1e13, 1e13, 1e13]], ids=str)
def test_a_product_has_its_derivatives_where_dividing_by_an_item_would_not_give_them(x: list[float]) -> None:
    a, b, c = x
    y = wg.tensor(x)
    np.testing.assert_allclose(wg.grad(wg.prod)(y), np.array([b * c, a * c, a * b], np.float32), rtol=1e-6)
    np.testing.assert_allclose(wg.hessian(wg.prod)(y), [[0, c, b], [c, 0, a], [b, a, 0]], rtol=1e-6)


def _noting(used: set[int], operation: tape.Operation) -> Callable[..., Any]:
    """The operation's kernel, which notes that it is used."""
    kernel = operation.kernel

    def noting(*values: Any, **static: Any) -> Any:
        used.add(id(operation))
        return kernel(*values, **static)

    return noting


@EACH
def test_a_gradient_has_the_same_items_whether_it_is_recorded_or_not(case: Case) -> None:
    """Rules that are one kernel where nothing is recorded are of operations where something is."""
    shapes = max(case.shapes, key=lambda shapes: sum(map(np.prod, shapes)))
    for layout, dtype, tolerance in (
        ("", wg.float32, 2e-6),
        ("fortran", wg.float32, 2e-6),
        ("strided", wg.float64, 4e-15),
    ):
        drawn = [x.astype(dtype) for x in case.draw(shapes)]
        xs = [wg.from_numpy(layouts(x)[layout] if layout else x).requires_grad_() for x in drawn]
        out = case.function(*xs)
        g = wg.from_numpy(np.random.default_rng(1).standard_normal(out.shape).astype(dtype))
        recorded = wg.autograd.grad(out, xs, g, retain_graph=True, create_graph=True, materialize_grads=True)
        plain = wg.autograd.grad(out, xs, g, materialize_grads=True)
        for once, twice in zip(plain, recorded, strict=True):
            assert once.dtype == twice.dtype
            assert_close(once, twice.detach().numpy(), tolerance, f"{shapes}, {dtype}, {layout}")


def test_every_operation_of_the_library_has_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[int] = set()
    for operation in [o for o in tape.OPERATIONS if not o.arguments]:  # not recorded: it is seen where it runs
        monkeypatch.setattr(operation, "kernel", _noting(used, operation))
    for case in CASES:
        for shapes in case.shapes[:4]:
            xs = [wg.from_numpy(x).requires_grad_() for x in case.draw(shapes)]
            out = case.function(*xs)
            # Walk twice, so that the operations that rules are made of, and their rules', are found too.
            g = wg.ones_like(out.detach()).requires_grad_()
            once = wg.autograd.grad(out, xs, g, create_graph=True, materialize_grads=True)
            ends = [y for y in (out, *once) if y.requires_grad]
            hs = [wg.ones_like(y.detach()).requires_grad_() for y in ends]
            twice = wg.autograd.grad(ends, [g, *xs], hs, create_graph=True, materialize_grads=True)
            used |= {id(node.operation) for node in tape.ancestors([y._source for y in (out, *once, *twice)])}
    gc.collect()  # what other tests have defined
    library = [
        o for o in tape.OPERATIONS if getattr(o.kernel, "__module__", "wengert").startswith(("wengert", "numpy"))
    ]  # fmt: skip
    rules = {id(o.vjps) for o in library if id(o) in used and o.arguments}
    used |= {id(o) for o in library if id(o.vjps) in rules}  # the same under another name
    for name in ("index", "index_put", "pack"):  # one per number of tensors, all made by one function
        joins = {id(o) for o in library if o.name == name}
        used |= joins if used & joins else set()
    missing = {  # of those that have rules; `computed` ones have none, nor has what is not differentiable
        o.name for o in library if (o.joint or any(o.vjps)) and id(o) not in used and not o.name.startswith("test_")
    } - DEDICATED
    assert not missing, f"operations without a case in cases.py: {sorted(missing)}"
