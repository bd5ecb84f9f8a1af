"""Values pass through doors: all works over a class of values that tells its shape and dtype and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from cases import CASES, Case
from wengert.core.doors import Value, leave
from wengert.core.modes import Observer, mode
from wengert.core.variable import wrap

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


class Guarded(Value):
    """An array that only the doors can reach: whoever else looks at it is a side door."""

    __slots__ = ("_hidden", "dtype", "ndim", "shape", "size")

    def __init__(self, array: np.ndarray) -> None:
        self._hidden = array
        self.shape, self.dtype, self.ndim, self.size = array.shape, array.dtype, array.ndim, array.size

    def run(self, operation: Any, values: list[Any], static: dict[str, Any]) -> Any:
        return guarded(operation.kernel(*map(bare, values), **static))

    def draw(self, kernel: Callable[..., Any], values: list[Any], static: dict[str, Any]) -> Any:
        return guarded(kernel(*map(bare, values), **static))

    def leave(self, kind: str) -> np.ndarray:
        assert kind in ("number", "bool", "int", "text", "array")
        return self._hidden

    def memory(self) -> np.ndarray:
        return self._hidden

    def protected(self) -> Guarded:
        view = self._hidden.view()
        view.flags.writeable = False
        return Guarded(view)

    def write(
        self, name: str, kernel: Callable[..., Any], values: list[Any], static: dict[str, Any], count: int
    ) -> None:
        kernel(*map(bare, values), **static)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a side door: NumPy was handed a value")


def bare(x: Any) -> Any:
    """What a kernel sees of a value, of a tuple of values, and of anything else."""
    if type(x) is tuple:
        return tuple(map(bare, x))
    return x._hidden if isinstance(x, Guarded) else x


def guarded(x: Any) -> Any:
    """What a kernel gives, as values."""
    if type(x) is tuple:
        return tuple(map(guarded, x))
    return Guarded(np.asarray(x)) if isinstance(x, (np.ndarray, np.generic)) else x


def derivatives(case: Case, xs: list[Any]) -> list[Any]:
    """A result, its gradients, and the gradients of those."""
    for x in xs:
        x._tracked = True
    out = case.function(*xs)
    g = wg.ones(out._value.shape, dtype=out._value.dtype).requires_grad_()
    once = wg.autograd.grad(out, xs, g, create_graph=True, materialize_grads=True)
    ends = [y for y in once if y.requires_grad]
    twice: tuple[Any, ...] = ()
    if ends:
        ones = [wg.ones(y._value.shape, dtype=y._value.dtype) for y in ends]
        twice = wg.autograd.grad(ends, [g, *xs], ones, materialize_grads=True)
    return [out, *once, *twice]


@EACH
def test_operations_and_their_rules_have_no_side_door(case: Case) -> None:
    shapes = min(case.shapes, key=lambda shapes: (0 in itertools.chain(*shapes), sum(map(np.prod, shapes))))
    inputs = case.draw(shapes)
    expected = derivatives(case, [wrap(x.copy()) for x in inputs])
    found = derivatives(case, [wrap(Guarded(x)) for x in inputs])
    assert isinstance(found[0]._value, Guarded)
    for y, z in zip(found, expected, strict=True):
        np.testing.assert_array_equal(leave(y, "array"), leave(z, "array"))


class Statics(Observer):
    """The static keywords of every node, by the operation's name."""

    def __init__(self) -> None:
        self.carriers: set[tuple[str, str]] = set()

    def recorded(self, node: Any, inputs: tuple[Any, ...], out: Any) -> None:
        for name, value in node.static.items():
            if not is_static(value):
                self.carriers.add((node.operation.name, name))


def is_static(x: Any) -> bool:
    """Whether a keyword cannot change behind a node's back: hashable, or an array that nobody else holds."""
    if isinstance(x, (tuple, slice)):
        parts = x if isinstance(x, tuple) else (x.start, x.stop, x.step)
        return all(map(is_static, parts))
    return isinstance(x, np.ndarray) or (isinstance(x, Hashable) and not isinstance(x, wg.Tensor))


@EACH
def test_static_keywords_are_static(case: Case) -> None:
    shapes = min(case.shapes, key=lambda shapes: (0 in itertools.chain(*shapes), sum(map(np.prod, shapes))))
    mode.observer = watch = Statics()
    try:
        derivatives(case, [wrap(x) for x in case.draw(shapes)])
    finally:
        mode.observer = None
    assert watch.carriers == set()


@pytest.mark.parametrize("names", [("item",), ("tolist",), ("__float__",), ("__bool__",), ("__repr__",)])
def test_what_leaves_a_value_asks_it(names: tuple[str, ...]) -> None:
    asked = []

    class Asked(Guarded):
        __slots__ = ()

        def leave(self, kind: str) -> np.ndarray:
            asked.append(kind)
            return super().leave(kind)

    x = wrap(Asked(np.array(2.5)))
    for name in names:
        assert getattr(x, name)() == getattr(wg.tensor(2.5, dtype=wg.float64), name)()
    assert asked


def test_a_change_in_place_is_written_by_the_value_and_counted() -> None:
    array = np.array([1.0, 2.0])
    x = wrap(Guarded(array))
    x.mul_(3)
    x[0] = 5.0
    assert array.tolist() == [5.0, 6.0]
    assert x._version == 2


def test_an_array_of_a_derived_class_is_changed_in_place_like_any_other() -> None:
    class Derived(np.ndarray):
        pass

    double = wg.define.elementwise("test_derived", lambda x: (x * 2).view(Derived), lambda x: 2.0)
    y = double(wg.tensor([1.0, 2.0]))
    y.add_(1)
    assert y.tolist() == [3.0, 5.0]
    assert y._version == 1
