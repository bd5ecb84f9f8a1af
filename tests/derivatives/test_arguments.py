"""What derivatives of functions are given, and what they give back: structures, memory, and arrays for arrays."""

from __future__ import annotations

import types
from collections import Counter, OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.core.trees import flatten
from wengert.func import (
    derivative,
    difference_quotient,
    divergence,
    grad,
    hessian,
    hvp,
    jacobian,
    jacobian_determinant,
    jvp,
    laplacian,
    linearize,
    taylor,
    value_and_grad,
    vjp,
)

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Weights:
    """A structure of a user's."""

    second: Any
    first: Any
    name: str = field(default="", metadata={"static": True})


class Own(Mapping[str, Any]):
    """A mapping that is made again from a dict."""

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


class Other(Own):
    """One that is not."""

    def __init__(self, *, items: Mapping[str, Any]) -> None:
        super().__init__(items)


def f64(*values: float) -> wg.Tensor:
    return wg.tensor(list(values), dtype=wg.float64)


# ---------------------------------------------------------------- structures

A, B = f64(1.0, 2.0), f64(3.0)
CONTAINERS: dict[str, tuple[Any, Callable[[Any], tuple[Any, Any]]]] = {
    "dict": ({"b": B, "a": A}, lambda t: (t["a"], t["b"])),
    "OrderedDict": (OrderedDict([("b", B), ("a", A)]), lambda t: (t["a"], t["b"])),
    "defaultdict": (defaultdict(list, {"b": B, "a": A}), lambda t: (t["a"], t["b"])),
    "UserDict": (UserDict({"b": B, "a": A}), lambda t: (t["a"], t["b"])),
    "mappingproxy": (types.MappingProxyType({"b": B, "a": A}), lambda t: (t["a"], t["b"])),
    "a mapping of one's own": (Own({"b": B, "a": A}), lambda t: (t["a"], t["b"])),
    "namedtuple": (Point(B, A), lambda t: (t.y, t.x)),
    "dataclass": (Weights(B, A, "kept"), lambda t: (t.first, t.second)),
    "nested": ({"p": [Point(B, None), (A,)]}, lambda t: (t["p"][1][0], t["p"][0].x)),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_keep_their_class_and_order_in_every_transform(name: str) -> None:
    tree, parts = CONTAINERS[name]

    def f(t):
        assert type(t) is type(tree)
        a, b = parts(t)
        return (a**2).sum() * b.sum()

    def g(t):
        a, b = parts(t)
        return flatten(t)[1]([x * 2 if x is a else x * b.sum() for x in flatten(t)[0]])

    leaves, structure = flatten(tree)
    ones = structure([wg.ones_like(x) for x in leaves])
    for found in (grad(f)(tree), value_and_grad(f)(tree)[1], vjp(f, tree)[1](wg.tensor(1.0, dtype=wg.float64))[0]):
        assert type(found) is type(tree)
        if isinstance(tree, Mapping):
            assert list(found) == list(tree)
        assert [x.tolist() for x in parts(found)] == [[6.0, 12.0], [5.0]]
    assert [x.tolist() for x in parts(hvp(f, tree, ones))] == [[8.0, 10.0], [6.0]]
    assert jvp(f, (tree,), (ones,))[1].item() == linearize(f, tree)[1](ones).item() == 23.0
    value, tangent = jvp(g, tree, ones)
    assert type(value) is type(tangent) is type(tree)
    assert [x.tolist() for x in parts(tangent)] == [[2.0, 2.0], [6.0]]
    assert [x.tolist() for x in parts(vjp(g, tree)[1](ones)[0])] == [[2.0, 2.0], [6.0]]
    assert parts(parts(jacobian(g)(tree))[1])[1].tolist() == [[6.0]]
    if isinstance(tree, Weights):
        assert grad(f)(tree).name == "kept"


def test_mappings_are_matched_by_their_keys_not_by_their_order() -> None:
    def f(t):
        return t["a"] * 10 + t["b"], {"u": t["a"], "v": t["b"] * 2}

    primals = {"a": f64(1.0), "b": f64(2.0)}
    turned = OrderedDict([("b", f64(5.0)), ("a", f64(7.0))])
    first, second = jvp(f, primals, turned)[1]
    assert (first.item(), second["u"].item(), second["v"].item()) == (75.0, 7.0, 10.0)
    assert linearize(f, primals)[1](turned)[0].item() == 75.0
    gradient = vjp(f, primals)[1]((f64(0.0), {"v": f64(3.0), "u": f64(4.0)}))[0]
    assert (gradient["a"].item(), gradient["b"].item()) == (4.0, 6.0)
    product = hvp(lambda t: (t["a"] ** 3).sum() + (t["b"] ** 2).sum(), primals, turned)
    assert (product["a"].item(), product["b"].item()) == (42.0, 10.0)


@pytest.mark.parametrize(("given", "told"), [
    ({"a": A, "c": B}, r"expected the keys \['a', 'b'\].*, got \['a', 'c'\]"),
    ({"a": A}, r"expected the keys \['a', 'b'\].*, got \['a'\]"),
    ([A, B], "expected a dict.*, got a list of 2"),
    (A, "expected a dict.*, got a Tensor"),
    ({"a": A, "b": [B]}, r"expected a tensor at.*\['b'\], got a list of 1"),
    ({"a": B, "b": B}, r"at .*\['a'\] has shape \(1,\), expected \(2,\)"),
])  # fmt: skip
def test_another_structure_is_refused_and_the_place_named(given: Any, told: str) -> None:
    tree = {"a": A, "b": B}
    f = lambda t: (t["a"] ** 2).sum() * t["b"].sum()  # noqa: E731
    for call in (
        lambda: jvp(f, tree, given),
        lambda: hvp(f, tree, given),
        lambda: linearize(f, tree)[1](given),
        lambda: vjp(lambda t: dict(t), tree)[1](given),
    ):
        with pytest.raises(ValueError, match=told):
            call()


@pytest.mark.parametrize(("primals", "given", "told"), [
    ((A, B), (A,), r"expected 2 tangent\(s\), got 1"),
    ((A, B), [A, B], "expected a tuple, got a list of 2"),
    (([A, B],), ((A, B),), r"expected a list at \[0\], got a tuple of 2"),
    (([A, None],), ([A, B],), r"expected None at \[0\]\[1\], got a Tensor"),
    ((Point(A, B),), (Weights(A, B),), r"expected a Point at \[0\], got a Weights"),
    ((Weights(A, B),), (Weights(A, [B]),), r"expected a tensor at \[0\].first, got a list of 1"),
])  # fmt: skip
def test_another_container_is_refused(primals: Any, given: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        jvp(lambda *xs: sum((x**2).sum() for x in flatten(xs)[0]), primals, given)


def test_a_mapping_that_cannot_be_made_again_is_told() -> None:
    with pytest.raises(TypeError, match="an Other cannot be made again from its items"):
        grad(lambda t: t["a"].sum())(Other(items={"a": A}))
    kept = Other(items={"a": A})
    assert grad(lambda x, t: (x * t["a"]).sum() if t is kept else x.sum())(A, kept).tolist() == [1.0, 2.0]
    assert grad(lambda x, counts: (x * counts["n"]).sum())(A, Counter(n=3)).tolist() == [3.0, 3.0]


def test_argnums_take_integers_of_numpy() -> None:
    f = lambda x, y: (x * y * y).sum()  # noqa: E731
    assert grad(f, np.int64(1))(B, B).tolist() == [18.0]
    both = grad(f, np.array([1, 0]))(B, B)
    assert [g.tolist() for g in both] == [[18.0], [9.0]]
    assert jvp(f, (B, B), B, argnums=np.int32(0))[1].item() == 27.0
    with pytest.raises(ValueError, match="do not fit"):
        grad(f, np.int64(2))(B, B)


def test_what_a_function_returns_besides_is_handed_back_by_all_and_is_a_constant() -> None:
    def f(x):
        return (x**3).sum(), {"twice": x * 2, "said": "so"}

    def field(x):
        return x * x, {"twice": x * 2, "said": "so"}

    one = wg.tensor(1.0, dtype=wg.float64)
    value, pullback, aux = vjp(f, A, has_aux=True)
    found = [aux, grad(f, has_aux=True)(A)[1], value_and_grad(f, has_aux=True)(A)[0][1]]
    assert (value.item(), pullback(one)[0].tolist()) == (9.0, [3.0, 12.0])
    _, tangent, aux = jvp(f, A, A, has_aux=True)
    assert tangent.item() == 27.0
    _, pushforward, other = linearize(f, A, has_aux=True)
    assert pushforward(A).item() == 27.0
    product, third = hvp(f, A, A, has_aux=True)
    assert product.tolist() == [6.0, 24.0]
    matrix, fourth = hessian(f, has_aux=True)(A)
    assert matrix.tolist() == [[6.0, 0.0], [0.0, 12.0]]
    square, fifth = jacobian(field, has_aux=True)(A)
    assert square.tolist() == [[2.0, 0.0], [0.0, 4.0]]
    found += [aux, other, third, fourth, fifth]
    for transform, expected in ((divergence, 6.0), (jacobian_determinant, 8.0)):
        number, aux = transform(field, has_aux=True)(A)
        assert number.item() == pytest.approx(expected)
        found.append(aux)
    number, aux = laplacian(f, has_aux=True)(A)
    assert number.item() == 18.0
    for kept in [*found, aux]:
        assert kept["said"] == "so"
        assert kept["twice"].tolist() == [2.0, 4.0]
        assert not kept["twice"].requires_grad
    with pytest.raises(TypeError, match=r"a pair \(output, aux\), got Tensor"):
        jvp(lambda x: x, A, A, has_aux=True)


@pytest.mark.parametrize("result", [3.0, np.float64(3), np.ones(2), [1.0, 2], {"a": 1.0}])
def test_a_function_that_gives_no_tensor_is_told(result: Any) -> None:
    for call in (lambda f: grad(f)(A), lambda f: jacobian(f)(A), lambda f: jvp(f, A, A), lambda f: vjp(f, A)):
        with pytest.raises(TypeError, match="without a tensor in it, which has no derivative"):
            call(lambda x: result)
    rows = jacobian(lambda x: [x[1], -9.81])(A)  # a constant beside tensors is one
    assert [row.tolist() for row in rows] == [[0.0, 1.0], [0.0, 0.0]]
    assert grad(lambda x: wg.tensor(3.0))(A).tolist() == [0.0, 0.0]


# ---------------------------------------------------------------- arguments are read-only


def under_no_grad(x: Any) -> None:
    with wg.no_grad():
        x.add_(1)


def by_an_optimizer(x: Any) -> None:
    w = x.detach().requires_grad_()
    w.grad = wg.ones_like(w)
    wg.optim.SGD([w], lr=0.1).step()


def by_an_operator(x: Any) -> None:
    x += 1


def by_data(x: Any) -> None:
    x.data = wg.zeros_like(x)


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a method": lambda x: x.add_(1),
    "an operator": by_an_operator,
    "an index": lambda x: x.__setitem__(0, 5.0),
    "a view": lambda x: x[:2].mul_(2),
    "a view of a view": lambda x: x.view(1, 3)[0].zero_(),
    "detach": lambda x: x.detach().zero_(),
    "data": lambda x: x.data.add_(1),
    "another data": by_data,
    "NumPy": lambda x: x.detach().numpy().__setitem__(0, 5.0),
    "out": lambda x: np.exp(wg.ones_like(x), out=x),
    "np.copyto": lambda x: np.copyto(x.detach(), np.zeros(3)),
    "no_grad": under_no_grad,
    "an optimizer": by_an_optimizer,
    "initialization": lambda x: wg.nn.init.zeros_(x.detach()),
    "another shape": lambda x: x.unsqueeze_(0),
}  # fmt: skip

GIVEN: dict[str, Callable[[], Any]] = {
    "a constant": lambda: f64(1.0, 2.0, 3.0),
    "a leaf": lambda: f64(1.0, 2.0, 3.0).requires_grad_(),
    "a result": lambda: f64(1.0, 2.0, 3.0).requires_grad_() * 1,
    "a view": lambda: wg.tensor([[1.0, 2.0, 3.0]], dtype=wg.float64)[0],
    "an array": lambda: np.array([1.0, 2.0, 3.0]),
}  # fmt: skip


@pytest.mark.parametrize("kind", GIVEN)
@pytest.mark.parametrize("name", CHANGES)
def test_an_argument_cannot_be_changed_and_stays_as_it_is(name: str, kind: str) -> None:
    def f(x, other):
        CHANGES[name](x)
        return x.sum() * other.sum()

    differentiated = name in ("another data", "another shape") or kind == "an array"  # else it is the function's own
    for argnums in (0,) if differentiated else (0, 1):
        x = GIVEN[kind]()
        with pytest.raises((RuntimeError, ValueError)) as found:
            grad(f, argnums)(x, f64(2.0))
        assert "clone() it first" in str(found.value) or name == "NumPy"
        assert np.asarray(x.detach() if isinstance(x, wg.Tensor) else x).tolist() == [1.0, 2.0, 3.0]


def test_arrays_and_keywords_that_are_handed_on_cannot_be_changed_either() -> None:
    array, tensor = np.ones(3), f64(1.0, 1.0, 1.0)

    def f(x, rest, *, last):
        rest["a"][0] += 1
        return x.sum()

    def g(x, rest, *, last):
        last.mul_(2)
        return x.sum()

    with pytest.raises(ValueError, match="read-only"):
        grad(f)(A, {"a": array}, last=tensor)
    with pytest.raises(RuntimeError, match="clone"):
        grad(g)(A, {"a": array}, last=tensor)
    assert array.tolist() == tensor.tolist() == [1.0, 1.0, 1.0]
    log: list[float] = []
    grad(lambda x, log: (log.append(1.0), x.sum())[1])(A, log)  # what is no tensor is the caller's own
    assert log == [1.0]


def test_a_copy_of_an_argument_may_be_changed() -> None:
    def f(x):
        y = x.clone()
        y[0] = y[1] * 3
        y.mul_(x)
        return y.sum()

    assert grad(f)(f64(2.0, 5.0)).tolist() == [15.0, 16.0]


def test_results_that_show_an_argument_are_copies() -> None:
    x, other, array = f64(1.0, 2.0), f64(3.0, 4.0), np.array([1.0, 2.0])
    y, pullback, aux = vjp(lambda x, other: (x[:1], (x.view(2, 1), other)), x, other, has_aux=True, argnums=0)
    for z in (y, *aux, jvp(lambda x: x, x, x)[0], pullback(f64(5.0))):
        z.add_(10)
    vjp(lambda x: x, array)[0][0] = 7.0
    assert (x.tolist(), other.tolist(), array.tolist()) == ([1.0, 2.0], [3.0, 4.0], [1.0, 2.0])


def test_a_weight_that_is_handed_on_keeps_its_history() -> None:
    w = f64(3.0).requires_grad_()
    g = grad(lambda x, w: (w * x * x).sum())(f64(2.0), w)
    g.sum().backward()
    assert w.grad.tolist() == [4.0]


# ---------------------------------------------------------------- arrays in, arrays out

P = np.array([1.0, 2.0, 3.0])


def cube(x: Any) -> Any:
    assert isinstance(x, wg.Tensor)
    return (x**3).sum()


def square(x: Any) -> Any:
    assert isinstance(x, wg.Tensor)
    return x**2


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arrays_give_arrays_of_their_dtype(dtype: type) -> None:
    p = P.astype(dtype)
    value, gradient = value_and_grad(cube)(p)
    y, pullback = vjp(square, p)
    z, tangent = jvp(square, p, p)
    results = [
        (value, 36.0), (gradient, [3.0, 12.0, 27.0]), (grad(cube)(p), [3.0, 12.0, 27.0]), (y, [1.0, 4.0, 9.0]),
        (pullback(p)[0], [2.0, 8.0, 18.0]), (z, [1.0, 4.0, 9.0]), (tangent, [2.0, 8.0, 18.0]),
        (linearize(square, p)[1](p), [2.0, 8.0, 18.0]), (hvp(cube, p, p), [6.0, 24.0, 54.0]),
        (jacobian(square)(p), np.diag(2 * P).tolist()), (jacobian(square, mode="reverse")(p), np.diag(2 * P).tolist()),
        (hessian(cube)(p), np.diag(6 * P).tolist()), (divergence(square)(p), 12.0), (laplacian(cube)(p), 36.0),
        (jacobian_determinant(square)(p), 48.0), (derivative(square)(p), [2.0, 4.0, 6.0]),
        (derivative(square, 0)(p), [1.0, 4.0, 9.0]), (derivative(square)(dtype(3)), 6.0),
        (taylor(square, p, 1).coefficients, [[1.0, 4.0, 9.0], [2.0, 4.0, 6.0]]),
        (taylor(square, p, 1)(p), [1.0, 4.0, 9.0]),
        (taylor(square, p, 1).derivative()(p), [2.0, 4.0, 6.0]),
    ]  # fmt: skip
    for k, (found, expected) in enumerate(results):
        assert isinstance(found, (np.ndarray, np.generic)), k
        assert found.dtype == dtype, k
        assert found.tolist() == pytest.approx(expected) if np.ndim(expected) < 2 else found.tolist() == expected, k
    assert isinstance(value, np.generic)
    assert isinstance(difference_quotient(cube, p), np.ndarray)
    assert all(found.flags.writeable for found, _ in results if isinstance(found, np.ndarray))


def test_tensors_give_tensors_numbers_give_tensors_and_mixtures_go_leaf_by_leaf() -> None:
    f = lambda x, y, z: (x * y * z).sum()  # noqa: E731
    g = grad(f, (0, 1, 2))(P, f64(1.0, 1.0, 1.0), 2.0)
    assert [type(x) for x in g] == [np.ndarray, wg.Tensor, wg.Tensor]
    value, g = value_and_grad(f, (0, 2))(P, np.ones(3), 2.0)
    assert isinstance(value, np.float64)
    assert [type(x) for x in g] == [np.ndarray, wg.Tensor]
    assert isinstance(value_and_grad(f, (0, 1))(P, A[:1], 2.0)[0], wg.Tensor)
    tree = grad(lambda t: (t["a"] * t["b"]).sum())({"a": P, "b": f64(1.0, 2.0, 3.0)})
    assert isinstance(tree["a"], np.ndarray)
    assert isinstance(tree["b"], wg.Tensor)
    product = hvp(lambda t: (t["a"] * t["b"]).sum(), {"a": P, "b": f64(1.0, 2.0, 3.0)}, {"a": P, "b": P})
    assert isinstance(product["a"], np.ndarray)
    assert isinstance(product["b"], wg.Tensor)
    aux = grad(lambda x: (x.sum(), [x * 2, "said", 3]), has_aux=True)(P)[1]
    assert aux[0].tolist() == [2.0, 4.0, 6.0]
    assert isinstance(aux[0], np.ndarray)
    assert aux[1:] == ["said", 3]


def test_weights_from_outside_do_not_keep_arrays_from_coming_out() -> None:
    w = f64(2.0).requires_grad_()
    value, g = value_and_grad(lambda x: (w * x * x).sum())(P)
    assert isinstance(value, np.float64)
    assert g.tolist() == [4.0, 8.0, 12.0]


def test_a_derivative_further_out_is_not_lost_by_arrays_within() -> None:
    def f(w):
        inner = grad(lambda x: (w * x * x).sum())(P)
        assert isinstance(inner, wg.Tensor)
        return inner.sum()

    assert grad(f)(f64(2.0)).item() == 12.0
