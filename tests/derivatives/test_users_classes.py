"""Users' classes as structures of tensors, and what transforms give as something that pickles."""

from __future__ import annotations

import copy
import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

import wengert as wg
from wengert import func


class Line:
    """A class that is registered below."""

    def __init__(self, slope: Any, offset: Any, name: str = "") -> None:
        self.slope, self.offset, self.name = slope, offset, name


func.register_pytree_node(
    Line, lambda line: ([line.slope, line.offset], line.name), lambda parts, name: Line(*parts, name)
)


@dataclass(frozen=True, slots=True)
class Slotted:
    """A dataclass without a dict."""

    x: Any
    name: str = field(metadata={"static": True})


def value(line: Line, x: Any = 3.0) -> Any:
    return (line.slope**2 * x + line.offset * line.slope).sum()


def cube(x: Any) -> Any:
    return (x**3).sum()


def items(x: Any) -> Any:
    return x**3


# ---------------------------------------------------------------- classes


def test_registered_classes_go_through_every_transform() -> None:
    slope, offset = wg.tensor([1.0, 2.0]), wg.tensor([0.5, 0.25])
    line = Line(slope, {"b": offset}, "first")

    def f(line: Line) -> Any:
        assert (type(line), line.name) == (Line, "first")
        return (line.slope**2 * line.offset["b"]).sum()

    gradient = wg.grad(f)(line)
    assert (type(gradient), gradient.name) == (Line, "first")
    assert (gradient.slope.tolist(), gradient.offset["b"].tolist()) == ([1.0, 1.0], [1.0, 4.0])
    tangent = Line(wg.ones(2), {"b": wg.zeros(2)}, "first")
    assert func.jvp(f, (line,), (tangent,))[1].item() == 2.0
    assert func.hvp(f, line, tangent).slope.tolist() == [1.0, 0.5]
    batch = Line(wg.tensor([[1.0], [2.0]]), {"b": wg.tensor([[3.0], [4.0]])}, "first")
    assert wg.vmap(f)(batch).tolist() == [3.0, 16.0]
    assert wg.vmap(lambda line: Line(line.slope * 2, line.offset, "out"))(batch).slope.tolist() == [[2.0], [4.0]]


def test_the_context_belongs_to_the_structure() -> None:
    primal = Line(wg.tensor(1.0), wg.tensor(2.0), "first")
    for wrong, told in (
        (Line(wg.tensor(1.0), wg.tensor(2.0), "second"), "of context 'first'.*, got 'second'"),
        ([wg.tensor(1.0), wg.tensor(2.0)], "expected a Line.*, got a list of 2"),
        (Line(wg.tensor(1.0), [wg.tensor(2.0)], "first"), r"expected a tensor at.*\[1\], got a list of 1"),
    ):
        with pytest.raises(ValueError, match=told):
            func.jvp(value, (primal,), (wrong,))


def test_programs_tell_registered_objects_and_slotted_dataclasses_by_what_is_static() -> None:
    calls: list[str] = []

    @wg.compile
    def scaled(line: Any) -> Any:
        calls.append(line.name)
        x = line.slope if isinstance(line, Line) else line.x
        return x * len(line.name)

    with wg.no_grad():
        for make in (lambda name: Line(wg.ones(2), wg.ones(2), name), lambda name: Slotted(wg.ones(2), name)):
            for name in ("a", "bb", "a", "bb", "a", "bb"):
                assert scaled(make(name)).tolist() == [len(name)] * 2
    assert 0 < calls.count("a") < 6


def test_what_cannot_be_registered_is_refused() -> None:
    def flat(x: Any) -> Any:
        return [], None

    for cls, error in ((Line, ValueError), (dict, ValueError), (wg.Tensor, TypeError), (3, TypeError)):
        with pytest.raises(error, match="register_pytree_node"):
            func.register_pytree_node(cls, flat, flat)  # type: ignore[arg-type]

    class Wrong:
        pass

    func.register_pytree_node(Wrong, lambda x: x, flat)
    with pytest.raises(TypeError, match="flatten_fn of Wrong must give a pair"):
        wg.grad(lambda x, y: x)(1.0, Wrong())


# ---------------------------------------------------------------- pickles

X = wg.tensor([0.5, 2.0], dtype=wg.float64)
MADE: dict[str, Callable[[], Any]] = {
    "grad": lambda: func.grad(cube),
    "value_and_grad": lambda: func.value_and_grad(cube, 0),
    "grad_and_value": lambda: func.grad_and_value(cube),
    "jacobian": lambda: func.jacobian(items, mode="forward", chunk_size=1),
    "jacrev": lambda: func.jacrev(items, chunk_size=None),
    "jacfwd": lambda: func.jacfwd(items, 0, randomness="same"),
    "hessian": lambda: func.hessian(cube),
    "derivative": lambda: func.derivative(items, 2),
    "divergence": lambda: func.divergence(items),
    "jacobian_determinant": lambda: func.jacobian_determinant(items, signed=True),
    "laplacian": lambda: func.laplacian(cube),
    "vmap": lambda: func.vmap(cube, out_dims=0, chunk_size=1),
    "nested": lambda: func.vmap(func.grad(func.grad(items))),
    "of a partial function": lambda: func.grad(functools.partial(value, Line(1.0, 2.0))),
}


def told(found: Any) -> Any:
    return [told(part) for part in found] if isinstance(found, tuple) else found.tolist()


@pytest.mark.parametrize("name", MADE)
def test_what_transforms_give_pickles(name: str) -> None:
    made = MADE[name]()
    x = wg.tensor(0.5) if name == "of a partial function" else X
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert told(again(x)) == told(made(x))
    assert repr(made).startswith("<wengert.func.")
    assert isinstance(made.__name__, str)


def test_what_transforms_give_is_a_method_where_functions_are() -> None:
    class Model:
        scale = 2.0

        def loss(self, x: Any) -> Any:
            return (x * x).sum() * self.scale

        slope = func.grad(loss, argnums=1)

    assert Model().slope(wg.tensor([1.0, 2.0])).tolist() == [4.0, 8.0]
    assert Model.slope is vars(Model)["slope"]
    mapped = func.vmap(cube)
    assert (mapped.__name__, mapped.__wrapped__) == ("cube", cube)
