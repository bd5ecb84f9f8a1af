"""What is no tensor, where one is expected: an error that Python code can catch, whatever is called with it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import settings
from wengert.core import doors, tape, variable

HOSTILE: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "a float": lambda: 2.0,
    "a text": lambda: "x",
    "an object": object,
    "an array": lambda: np.ones(2),
}
CLASSES = (wg.Tensor, wg.nn.Parameter, variable.Variable, tape.Node, tape.Operation, tape.Rule, doors.Value)
# Of what every class has from `object`; and what never returns, or writes files.
LEFT_OUT = {"__class__", "__init_subclass__", "__subclasshook__", "__new__", "__getattribute__"}


def unbound() -> Iterator[tuple[str, Any]]:
    """Every method, operator and property of the classes, to be called of an object that is none of theirs."""
    for cls in CLASSES:
        for name in sorted(set(dir(cls)) - LEFT_OUT):
            found = inspect.getattr_static(cls, name)
            if callable(getattr(cls, name, None)):
                yield f"{cls.__name__}.{name}", getattr(cls, name)
            elif hasattr(found, "__get__"):
                yield f"{cls.__name__}.{name} (get)", found.__get__
                if hasattr(found, "__set__"):
                    yield f"{cls.__name__}.{name} (set)", lambda x, found=found: found.__set__(x, None)


def call(function: Any, *arguments: Any) -> str:
    """What came of it: "returned", or the name of the error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(*arguments)
    except Exception as error:
        return type(error).__name__
    return "returned"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_methods_called_of_another_object_leave_the_process_alive(hostile: str) -> None:
    found = {name: call(method, HOSTILE[hostile]()) for name, method in unbound()}
    assert len(found) > 800
    methods = [name for name in found if name.startswith("Tensor.") and name.partition(".")[2] in vars(wg.Tensor)]
    assert len(methods) > 300


def test_an_unbound_method_names_what_it_got() -> None:
    is_compiled = not hasattr(wg.Tensor.item, "__code__")
    expected = (TypeError,) if is_compiled else (TypeError, AttributeError)  # Python's own classes ask for attributes
    for method in (wg.Tensor.item, wg.Tensor.detach, wg.Tensor.dim, wg.Tensor.backward, wg.Tensor.retain_grad):
        for made in (*HOSTILE.values(), lambda: np.float32(1)):
            with pytest.raises(expected):
                method(made())
    with pytest.raises(expected):
        list(map(wg.Tensor.item, [wg.ones(1), 2.0]))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_public_functions_of_anything_leave_the_process_alive(hostile: str) -> None:
    modules = (wg, wg.linalg, wg.nn.functional, wg.autograd, wg.func)
    functions = {
        id(f): f
        for module in modules
        for name in getattr(module, "__all__", dir(module))
        if inspect.isroutine(f := getattr(module, name, None)) and name not in SETTINGS
    }
    assert len(functions) > 300
    for function in functions.values():
        for count in (1, 2, 3):
            call(function, *(HOSTILE[hostile]() for _ in range(count)))
            call(function, wg.ones(2, 2), *(HOSTILE[hostile]() for _ in range(count)))


# They change what the tests after them see, or write a file.
SETTINGS = {"set_default_dtype", "set_num_threads", "set_printoptions", "manual_seed", "set_rng_state", "save", "load",
            "seed", "load_safetensors", "save_safetensors", *settings.__all__}  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_methods_given_anything_leave_the_process_alive(hostile: str) -> None:
    for name in dir(wg.Tensor):
        if name in LEFT_OUT or name in ("__init__", "__class__", "__dict__"):
            continue
        for count in (1, 2):
            x = wg.ones(2, 2, requires_grad=count == 2)
            bound = getattr(x, name, None)
            if callable(bound):
                call(bound, *(HOSTILE[hostile]() for _ in range(count)))
    for name in ("_value", "_node", "_counter", "_base", "_hooks", "_grad"):  # no field takes the process down either
        x = wg.ones(2, requires_grad=True) * 2
        call(setattr, x, name, HOSTILE[hostile]())
        for use in (repr, wg.sum, wg.Tensor.backward, wg.Tensor.zero_, lambda x: x + x, lambda x: x[0]):
            call(use, x)


# ---------------------------------------------------------------- the class, called


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((2, 3), (2, 3)), ((3,), (3,)), ((), (0,)), (([1, 2],), (2,)), (((2, 3),), (2,)), ((np.int64(3),), (3,)),
        ((0, 4), (0, 4)),
    ],
)  # fmt: skip
def test_the_class_takes_lengths_or_data_as_pytorchs_does(given: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    x = wg.Tensor(*given)
    assert x.shape == shape
    assert x.dtype == wg.float32
    assert x._version == 0
    assert (x.add_(1)._version, x.requires_grad, x.is_leaf) == (1, False, True)
    assert wg.Tensor(wg.ones(2, 3).shape).shape == (2, 3)


def test_the_class_shows_the_memory_of_a_tensor_and_counts_its_changes() -> None:
    x = wg.ones(3, requires_grad=True) * 2
    y = (x * x).sum()
    same = wg.Tensor(x)
    assert np.shares_memory(same.numpy(), x.detach().numpy())
    assert not same.requires_grad
    same[0] = 7
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    assert wg.Tensor(wg.tensor([1, 2])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "given", [(2.5,), (True,), (2, 2.5), ("a",), (None,), ([1], 3), (np.float64(2),), (np.ones(2), 3)]
)
def test_the_class_refuses_what_is_neither(given: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="Tensor: expected an array, a tensor or a sequence of numbers, or lengths"):
        wg.Tensor(*given)


def test_the_class_refuses_negative_lengths() -> None:
    with pytest.raises(ValueError, match="negative"):
        wg.Tensor(-1)


# ---------------------------------------------------------------- numbers


NUMBERS: dict[str, Callable[[wg.Tensor, float], Any]] = {
    "fill_": lambda x, v: x.fill_(v),
    "copy_": lambda x, v: x.copy_(v),
    "item": lambda x, v: x.__setitem__(0, v),
    "items": lambda x, v: x.__setitem__(slice(None), v),
    "mask": lambda x, v: x.__setitem__(x == 0, v),
    "places": lambda x, v: x.__setitem__([0, 1], v),
    "masked_fill_": lambda x, v: x.masked_fill_(x == 0, v),
    "index_fill_": lambda x, v: x.index_fill_(0, wg.tensor([0, 1]), v),
    "add_": lambda x, v: x.add_(v),
    "clamp_": lambda x, v: x.clamp_(v, v),
}


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_reaches_float64_by_way_of_no_other_dtype(name: str, recorded: bool) -> None:
    for number in (0.1, np.float64(0.1)):
        x = wg.zeros(2, dtype=wg.float64)
        if recorded:
            x = x.requires_grad_() * 1
        NUMBERS[name](x, number)
        assert x[0].item() == 0.1


def test_numbers_beside_float64_are_compared_as_float64() -> None:
    x = wg.full((2,), 0.1, dtype=wg.float64)
    for number in (0.1, np.float64(0.1)):
        assert wg.isin(x, number).all()
        assert wg.searchsorted(x, number).item() == 0
        assert wg.searchsorted(x, number, right=True).item() == 2
        assert wg.bucketize(number, x).item() == 0
        assert (wg.float_power(3.0, number).item(), wg.float_power(x, number)[0].item()) == (3.0**0.1, 0.1**0.1)
    assert wg.isin(wg.tensor([0.1]), 0.1).item()  # of float32, as float32


def test_a_number_reaches_integers_exactly_or_not_at_all() -> None:
    assert wg.zeros(1, dtype=wg.int64).fill_(16777217.0).item() == 16777217
    assert wg.zeros(1, dtype=wg.int64).fill_(2**53 + 1).item() == 2**53 + 1
    assert wg.zeros(1, dtype=wg.uint8).fill_(-1).item() == 255
    assert wg.zeros(1, dtype=wg.int64).fill_(-(2**63)).item() == -(2**63)
    assert wg.zeros(1).fill_(float("-inf")).item() == float("-inf")
    too_large = {wg.uint8: 300, wg.int64: float("nan"), wg.int8: 1e9, wg.float16: 1e6, wg.float32: 1e300}
    for dtype, number in too_large.items():
        with pytest.raises(RuntimeError, match="has no place in a tensor of"):
            wg.zeros(1, dtype=dtype).fill_(number)


def test_fill_takes_one_value() -> None:
    assert wg.zeros(2).fill_(wg.tensor(3.0)).tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="expected one value"):
        wg.zeros(2).fill_(wg.ones(2))


def test_membership_of_what_is_no_number_is_an_error() -> None:
    assert 2.0 in wg.tensor([1.0, 2.0])
    assert 3 not in wg.tensor([1.0, 2.0])
    for other in ("a", None, object()):
        with pytest.raises(TypeError, match="a tensor has numbers as items"):
            other in wg.ones(2)  # noqa: B015
