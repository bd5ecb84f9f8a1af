"""Several results of one operation: a variable whose value is a tuple, and the linear operations on it.

Such a variable is of the class `Parts`, whose sum is that of its items.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .._kernels import broadcast_view
from . import dtypes, tape
from .batching import aligned, bare
from .bound import by_bindings
from .define import rule
from .doors import Value, special
from .tape import Node, Operation, apply
from .variable import Variable, register, wrap

Kinds = tuple[tuple[tuple[int, ...], np.dtype], ...]  # the shape and dtype of each


def kinds_of(x: Any) -> Kinds:
    """The shapes and dtypes of a tuple's items."""
    return tuple([(part.shape, part.dtype) for part in x._value])


_ITEM = Operation(
    "item", by_bindings(lambda x, k, kinds: x[k]), ("x",),
    (rule(lambda g, k, kinds: pack([g if i == k else _zeros(kind) for i, kind in enumerate(kinds)])),),
    (rule(lambda t, k: item(t, k)),), batched=bare,
)  # fmt: skip


def item(x: Any, k: int) -> Any:
    """Item k of a tuple."""
    return apply(_ITEM, (x,), {"k": k, "kinds": kinds_of(x) if x.requires_grad else ()})


@functools.cache
def _pack_operation(count: int) -> Operation:
    def alone(i: int) -> Any:
        return lambda t, kinds: pack([t if j == i else _zeros(kind) for j, kind in enumerate(kinds)])

    def of(i: int) -> Any:
        return lambda g: item(g, i)

    return Operation(
        "pack", lambda *parts, kinds: parts, tuple(f"x{i}" for i in range(count)),
        tuple(rule(of(i)) for i in range(count)), tuple(rule(alone(i)) for i in range(count)), batched=bare,
    )  # fmt: skip


def pack(parts: list[Any]) -> Any:
    """A tuple of variables as one variable."""
    kinds = tuple([(part._value.shape, part._value.dtype) for part in parts])
    return apply(_pack_operation(len(parts)), tuple(parts), {"kinds": kinds})


# Where nothing has come to an item, its cotangent is zeros, which take no memory and are known by it.
_ZERO = {dtype: np.zeros((), dtype) for dtype in dtypes.ALL}


def _zeros(kind: Any) -> Any:
    shape, dtype = kind
    return wrap(broadcast_view(_ZERO[dtype], shape))


def is_nothing(x: np.ndarray) -> bool:
    """Whether x is the zeros of an item that nothing has come to."""
    return type(x) is np.ndarray and x.base is _ZERO[x.dtype]


def nothing_came(x: Any, k: int) -> bool:
    """Whether item k of a tuple is zeros that no walk has brought anything to."""
    return is_nothing(x._value[k])


def _sums(x: tuple[np.ndarray, ...], y: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    pairs = zip(x, y, strict=True)
    return tuple(b if is_nothing(a) else a if is_nothing(b) else _sum(a, b) for a, b in pairs)


def _sum(x: Any, y: Any) -> Any:
    if isinstance(x, Value) or isinstance(y, Value):
        return special([x, y]).run(_ADD_ITEMS, [x, y], {})
    return np.asarray(x + y)


_ADD_ITEMS = Operation("add_items", lambda x, y: np.asarray(x + y), (), (), (), batched=aligned)


# The sum of two tuples, item by item: how cotangents of one tuple are accumulated.
_ADD = Operation(
    "add_tuples",
    _sums,
    ("x", "y"),
    (rule(lambda g: g), rule(lambda g: g)),
    (rule(lambda t: t), rule(lambda t: t)),
    batched=bare,
)


# ---------------------------------------------------------------- several results of one node


def results(
    operation: Operation, inputs: tuple[Any, ...], static: dict[str, Any], outputs: list[Any], constants: int = 0,
    summed: int = 0,
) -> list[Any]:  # fmt: skip
    """New variables over the outputs' memory, which are results of one new node.

    Parameters
    ----------
    operation, inputs, static, constants, summed
        As in `tape.record`. Where there are several outputs, the rules are given and give tuples.
    outputs : list of variables

    Returns
    -------
    list of variables
    """
    alone = len(outputs) == 1
    whole = wrap(outputs[0]._value if alone else tuple(y._value for y in outputs))
    tape.record(operation, inputs, static, whole, constants=constants, summed=summed)
    found = [whole] if alone else [item(whole, k) for k in range(len(outputs))]
    for out, y in zip(found, outputs, strict=True):
        out._counter = y._share_counter()
    return found


def result_of(node: Node, k: int, kinds: Kinds, x: Any) -> Any:
    """Result k of a node that `results` has made, for a rule that uses it: a variable over the memory of x."""
    if len(kinds) == 1:
        return wrap(x._value, x._counter, node)
    found = item(wrap(tuple(_zeros(kind)._value for kind in kinds), node=node), k)
    found._value = x._value
    return found


class Parts(Variable):
    """A variable whose value is a tuple of arrays."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return apply(_ADD, (self, other))


register(Parts, of_tuples=True)
