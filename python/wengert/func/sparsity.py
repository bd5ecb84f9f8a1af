"""Which items of a result depend on which items of the arguments, read off the list while a function records it.

A pattern gives each item of a tensor a set of columns, the items of the arguments that it depends on. What a result's
is follows from its arguments' and from the family of the operation. The numbers are not looked at, so that an item that
is zero by chance counts as what it is:

- elementwise operations unite the sets of the items that they combine;
- linear ones that move items (views, slices, flips, joins, indices) are run on the items' numbers, which tells where
  each came from; one that adds items up tells it by its transpose; of any other, the matrix is asked for its columns;
- reductions unite the sets of a group, normalizations give that to each of the group;
- products unite along the contracted dimension, where the other factor is constant only over its nonzero items;
- decompositions unite the sets of a matrix; whatever is not known unites those of the whole argument.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..core import define
from ..core.doors import enter, leave
from ..core.named import NamedTuple
from ..core.tape import Node, Operation
from ..core.tuples import Parts
from ..core.variable import Variable
from ..ops.products import PRODUCTS

Shape = tuple[int, ...]

# ---------------------------------------------------------------- sets of columns


class Pattern(NamedTuple):
    """A table of sets of columns, the first of them empty, and for each item of a tensor the set that is its own."""

    starts: np.ndarray  # of each set in `columns`, and the end of the last
    columns: np.ndarray  # ascending within a set
    of: np.ndarray
    width: int  # how many columns there are

    @property
    def sets(self) -> int:
        """How many the table has."""
        return len(self.starts) - 1


def alone(first: int, count: int, width: int) -> Pattern:
    """Items that depend on one column each: `first` and those that follow."""
    starts = np.concatenate([[0], np.arange(count + 1)])
    return Pattern(starts, np.arange(first, first + count), np.arange(1, count + 1), width)


def nothing(count: int, width: int) -> Pattern:
    """Items that depend on no column."""
    return Pattern(np.zeros(2, np.int64), np.zeros(0, np.int64), np.zeros(count, np.int64), width)


def picked(p: Pattern, places: np.ndarray) -> Pattern:
    """The items at some places, where -1 stands for one that depends on nothing."""
    if not p.of.size:
        return nothing(places.size, p.width)
    return p._replace(of=np.where(places < 0, 0, p.of[places]))


def united(p: Pattern, owners: np.ndarray, members: np.ndarray, count: int) -> Pattern:
    """`count` items, each of which depends on all that its members among p's do, by pairs of an owner and a member."""
    return _table(p, owners, p.of[members], count, np.arange(1, count + 1))


def _table(p: Pattern, owners: np.ndarray, sets: np.ndarray, count: int, of: np.ndarray) -> Pattern:
    """The pattern whose table has the unions of p's sets, by pairs of an owner and a set."""
    owners, sets = np.divmod(_distinct(owners * p.sets + sets), p.sets)
    lengths = p.starts[sets + 1] - p.starts[sets]
    width = max(p.width, 1)
    keys = _distinct(np.repeat(owners, lengths) * width + _columns_of(p, sets, lengths))
    owners, columns = np.divmod(keys, width)
    starts = np.concatenate([[0], np.searchsorted(owners, np.arange(count + 1))])
    return Pattern(starts, columns, of, p.width)


def _distinct(keys: np.ndarray) -> np.ndarray:
    """The keys that there are, ascending, each once. NumPy's `unique` may hash them, which takes many times as long."""
    keys = np.sort(keys)
    new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    found: np.ndarray = keys[new]
    return found


def union(p: Pattern, q: Pattern) -> Pattern:
    """Items that depend on what those of both do."""
    if p is q or (p.starts is q.starts and np.array_equal(p.of, q.of)):
        return p
    pairs, of = np.unique(p.of * q.sets + q.of, return_inverse=True)
    left, right = np.divmod(pairs, q.sets)
    both = Pattern(
        np.concatenate([p.starts, q.starts[1:] + p.starts[-1]]), np.concatenate([p.columns, q.columns]), p.of, p.width
    )
    owners = np.arange(len(pairs))
    return _table(
        both, np.concatenate([owners, owners]), np.concatenate([left, right + p.sets]), len(pairs), of.reshape(-1) + 1
    )


def dense(p: Pattern, count: int) -> Pattern:
    """`count` items, each of which depends on all that any of p's does."""
    sets = _distinct(p.of)
    return _table(p, np.zeros_like(sets), sets, 1, np.ones(count, np.int64))


def compressed(patterns: Iterable[Pattern]) -> tuple[np.ndarray, np.ndarray]:
    """The items of several patterns as the rows of a matrix: where each row starts, and the columns of all."""
    counts, parts = [np.zeros(1, np.int64)], [np.zeros(0, np.int64)]
    for p in patterns:
        lengths = p.starts[p.of + 1] - p.starts[p.of]
        parts.append(_columns_of(p, p.of, lengths))
        counts.append(lengths)
    return np.cumsum(np.concatenate(counts)), np.concatenate(parts)


def _columns_of(p: Pattern, sets: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The columns of some of p's sets, which have these lengths, one set after the other."""
    before = np.cumsum(lengths) - lengths
    found: np.ndarray = p.columns[np.arange(lengths.sum()) + np.repeat(p.starts[sets] - before, lengths)]
    return found


# ---------------------------------------------------------------- families


def _is_elementwise(operation: Operation) -> bool:
    """Whether it was made by `define.elementwise`: its rules are one function for both ways, of g here, of t there."""
    if not operation.vjps or operation.joint is not None:
        return False
    for reverse, forward in zip(operation.vjps, operation.jvps, strict=True):
        if reverse is define.ZERO and forward is define.ZERO:
            continue
        if reverse is None or forward is None or reverse.function is not forward.function:
            return False
        if forward.needs != tuple(["t" if name == "g" else name for name in reverse.needs]):
            return False
    return True


def _is_linear(operation: Operation) -> bool:
    """Whether it was made by `define.linear`, or as those are that cast and broadcast."""
    if len(operation.jvps) != 1 or operation.jvps[0] is None:
        return False
    function = operation.jvps[0].function
    name = f"{function.__module__}.{getattr(function, '__qualname__', '')}"
    return name in ("wengert.core.define.linear.<locals>.forward", "wengert.core.broadcast._linear.<locals>.forward")


def _is_ours(operation: Operation) -> bool:
    """Whether its rules stand in this library, so that its name tells what it is."""
    rules = [rule for rule in (operation.joint, *operation.vjps) if rule is not None]
    return bool(rules) and all(str(rule.function.__module__).startswith("wengert.") for rule in rules)


# By the names of this library's operations, what no constructor tells.
_NAMED: dict[str, str] = {
    **dict.fromkeys(("addcdiv", "addcmul", "cast", "clamp_tensor", "lerp", "pow_log", "where"), "elementwise"),
    "quantile": "elementwise",
    **dict.fromkeys(("as_strided_put", "cat", "index", "index_put", "overwrite", "stack"), "linear"),
    **dict.fromkeys(
        (
            "amax", "amin", "linalg_vector_norm", "log_softmax", "log_softmax_backward_data", "logsumexp", "max",
            "mean", "median", "min", "nanmedian", "prod", "prod_backward", "softmax", "softmax_backward_data",
            "standardize", "standardize_backward", "standardize_scale", "std", "sum", "var",
        ),
        "group",
    ),
    **dict.fromkeys(("batch_norm", "group_norm", "layer_norm"), "normalized"),
    **dict.fromkeys(("cummax", "cummin", "cumprod", "cumsum", "logcumsumexp", "recurrence"), "running"),
    **dict.fromkeys(
        (
            "linalg_cholesky_ex", "linalg_cofactors", "linalg_det", "linalg_det_second", "linalg_det_third",
            "linalg_eigh", "linalg_inv_ex", "linalg_lu", "linalg_matrix_exp", "linalg_pinv", "linalg_qr",
            "linalg_slogdet", "linalg_svd",
        ),
        "matrix",
    ),
    **dict.fromkeys(("addmm", "addmv"), "affine"),
    "cdist": "distance",
    "cross_entropy_backward": "row",
    "linalg_solve_ex": "solution",
    "linalg_solve_triangular": "solution",
    "nll_loss": "row",
}  # fmt: skip
_SUBSCRIPTS = dict(
    zip(
        PRODUCTS,
        ("ik,kj->ij", "ik,jk->ij", "ki,kj->ij", "ik,kj->ij", "ik,jk->ij", "ki,kj->ij", "ik,k->i", "k,kj->j", "k,k->",
         "i,j->ij"),
        strict=True,
    )
)
_families: WeakKeyDictionary[Operation, str] = WeakKeyDictionary()


def family(operation: Operation) -> str:
    """What is known of the pattern of an operation as it is applied, before it goes by another name: "dense" if
    nothing is."""
    found = _families.get(operation)
    if found is None:
        if operation in _SUBSCRIPTS:
            found = "product"
        elif _is_elementwise(operation):
            found = "elementwise"
        elif operation.name in _NAMED and _is_ours(operation):
            found = _NAMED[operation.name]
        else:
            found = "linear" if _is_linear(operation) else "dense"
        _families[operation] = found
    return found


# ---------------------------------------------------------------- what an argument contributes


class Step(NamedTuple):
    """A node as it is recorded, and one argument of it that depends on what is differentiated by."""

    node: Node
    inputs: tuple[Any, ...]
    argument: int
    shape: Shape  # of that argument
    out: Shape
    pattern: Pattern  # of that argument

    @property
    def items(self) -> int:
        """How many the result has."""
        return math.prod(self.out)

    def is_constant(self, place: int) -> bool:
        """Whether nothing flows to an argument."""
        return self.node.sources[place] is None


def _numbered(shape: Shape) -> np.ndarray:
    return np.arange(math.prod(shape)).reshape(shape)


def _of_all(step: Step) -> Pattern:
    return dense(step.pattern, step.items)


def _of_elements(step: Step) -> Pattern:
    if step.node.operation.vjps[step.argument] is define.ZERO:
        return nothing(step.items, step.pattern.width)
    if step.shape == step.out:
        return step.pattern
    return picked(step.pattern, np.broadcast_to(_numbered(step.shape), step.out).reshape(-1))


def _of_groups(step: Step) -> Pattern:
    """Every item of a group depends on all of its items: a group lies along the dimensions `dim` or `dims`."""
    static = step.node.static
    along = {d % max(len(step.shape), 1) for d in static.get("dims", (static.get("dim"),))}
    wide = step.out if len(step.out) == len(step.shape) else step.shape
    kept = tuple([1 if d in along else n for d, n in enumerate(wide)])
    groups = _numbered(kept)
    members = np.broadcast_to(groups, step.shape).reshape(-1)
    total = united(step.pattern, members, np.arange(members.size), groups.size)
    if step.items == groups.size:
        return total
    return picked(total, np.broadcast_to(groups, step.out).reshape(-1))


def _of_normalized(step: Step) -> Pattern:
    """Every item depends on those that it is normalized with."""
    if step.argument:
        return _of_all(step)
    static, shape = step.node.static, step.shape
    if "dims" in static or "rows" in static:
        items = static["rows"][-1] if "rows" in static else math.prod(shape[static["dims"][0] :])
        members = np.arange(math.prod(shape)) // items
    else:
        members = np.broadcast_to(np.arange(shape[1]).reshape((-1,) + (1,) * (len(shape) - 2)), shape).reshape(-1)
    total = united(step.pattern, members, np.arange(members.size), int(members.max()) + 1)
    return picked(total, members)


def _of_those_before(step: Step) -> Pattern:
    """Every item depends on those up to it along `dim`, or on those from it on."""
    if not step.shape:
        return step.pattern
    dim = step.node.static["dim"]
    lines = np.moveaxis(_numbered(step.shape), dim, -1)
    later, earlier = np.tril_indices(lines.shape[-1])
    if step.node.static.get("backwards"):
        later, earlier = earlier, later
    owners, members = lines[..., later].reshape(-1), lines[..., earlier].reshape(-1)
    return united(step.pattern, owners, members, step.items)


def _of_matrices(step: Step) -> Pattern:
    """Every item depends on those of its own matrix, in the last two dimensions; those before broadcast."""
    lead = max([x._value.ndim for x in step.inputs if isinstance(x, Variable) and not isinstance(x, Parts)]) - 2
    if len(step.shape) < 2 or len(step.out) < lead:
        return _of_all(step)
    matrices = _numbered(step.shape[:-2])
    members = np.repeat(matrices.reshape(-1), math.prod(step.shape[-2:]))
    total = united(step.pattern, members, np.arange(members.size), matrices.size)
    owners = np.broadcast_to(matrices, step.out[:lead]).reshape(-1)
    return picked(total, np.repeat(owners, math.prod(step.out[lead:])))


def _of_rows(step: Step) -> Pattern:
    """A result for each row; of a single one, for all."""
    if not step.out or not step.shape or step.out[0] != step.shape[0]:
        return _of_all(step)
    if len(step.shape) == 1:
        return picked(step.pattern, np.repeat(np.arange(step.shape[0]), math.prod(step.out[1:])))
    members = np.repeat(np.arange(step.shape[0]), math.prod(step.shape[1:]))
    total = united(step.pattern, members, np.arange(members.size), step.shape[0])
    return picked(total, np.repeat(np.arange(step.out[0]), math.prod(step.out[1:])))


def _of_solution(step: Step) -> Pattern:
    """Of the matrix all, of the right-hand sides each its own column."""
    return _of_matrices(step) if step.argument == 0 else _of_product(step, "ik,kj->ij")


def _of_affine(step: Step) -> Pattern:
    """x @ w + b or x @ w.T + b, which a square w leaves open."""
    of_vector = len(step.out) == 1
    if step.argument != 1:
        return _of_elements(step) if step.argument == 2 else _of_all(step) if of_vector else _of_rows(step)
    rows, columns = step.shape
    plain, turned = ("k,kj->j", "k,jk->j") if of_vector else ("ik,kj->ij", "ik,jk->ij")
    ways = [plain] * (columns == step.out[-1]) + [turned] * (rows == step.out[-1])
    return functools.reduce(union, [_of_product(step, subscripts) for subscripts in ways])


# ---------------------------------------------------------------- linear operations


def _of_linear(step: Step) -> Pattern:
    places = _places(step)
    if places is not None:
        return picked(step.pattern, places)
    targets = _targets(step)
    if targets is not None:
        members = np.flatnonzero(targets >= 0)
        return united(step.pattern, targets[members], members, step.items)
    size = math.prod(step.shape)
    if size * step.items > _FEW:
        return _of_all(step)
    unit, pairs = np.zeros(size), []
    for j in range(size):
        unit[j] = 1
        rows = np.flatnonzero(_run(step, unit))
        pairs.append((rows, np.full(rows.size, j)))
        unit[j] = 0
    owners, members = (np.concatenate([pair[i] for pair in pairs] or [np.zeros(0, np.int64)]) for i in (0, 1))
    return united(step.pattern, owners, members, step.items)


_FEW = 1_000_000  # items of a matrix whose columns are computed one by one


def _run(step: Step, items: np.ndarray) -> np.ndarray:
    """What the operation's kernel makes of items in place of the argument, and of zeros in place of the others."""
    values: list[Any] = []
    for k, x in enumerate(step.inputs):
        if k == step.argument:
            values.append(items.reshape(step.shape))
        elif not isinstance(x, Variable):
            values.append(0.0)
        elif x._value.dtype.kind == "f":
            values.append(np.zeros(x._value.shape))
        else:
            values.append(leave(x, "array"))  # an index
    static = step.node.static
    return np.asarray(step.node.operation.kernel(*values, **static)).reshape(-1)


def _as_places(function: Callable[[np.ndarray], np.ndarray], size: int) -> np.ndarray | None:
    """Where each item came from that a linear function of `size` items gives, -1 for a zero; None if it does more than
    move them. Distinct numbers tell where from, if what the function does with others bears it out."""
    found = function(np.arange(1.0, size + 1))
    if not ((found >= 0) & (found <= size) & (found == np.floor(found))).all():
        return None
    places = found.astype(np.int64)
    others = np.concatenate([[0.0], np.random.default_rng(0).uniform(1, 2, size)])
    return places - 1 if np.array_equal(function(others[1:]), others[places]) else None


def _places(step: Step) -> np.ndarray | None:
    """For each item of the result the one of the argument that it is, if there is but one."""
    return _as_places(lambda items: _run(step, items), math.prod(step.shape))


def _targets(step: Step) -> np.ndarray | None:
    """For each item of the argument the one of the result that it is added to, if there is but one: the transpose
    tells."""
    rule = step.node.operation.vjps[step.argument]
    if rule is None:
        return None

    def transpose(items: np.ndarray) -> np.ndarray:
        return leave(step.node.run(rule, enter(items.reshape(step.out))), "array").reshape(-1)

    return _as_places(transpose, step.items)


# ---------------------------------------------------------------- products


def _of_product(step: Step, subscripts: str | None = None) -> Pattern:
    """Every item depends on those with which it shares all indices but the contracted one. Where the other factor is
    constant, those alone that it does not multiply by zero."""
    terms, _, result = (subscripts or _SUBSCRIPTS[step.node.operation]).partition("->")
    names = terms.split(",")
    lead = len(step.out) - len(result)  # the dimensions of a stack, which broadcast
    stack = "ABCDEFGHLMNOPQRSTUVWXYZ"[:lead]
    result = stack + result
    sizes = dict(zip(result, step.out, strict=True))
    own = _dimensions(stack, names[step.argument], step.shape, sizes)
    sizes.update((name, n) for name, n in own if name not in sizes)
    place = 1 - step.argument
    other = step.inputs[place]
    if subscripts is None and step.is_constant(place) and isinstance(other, Variable):
        factor = leave(other, "array") != 0
        spread = math.prod(n for name, n in sizes.items() if name not in names[place])
        if not factor.all() and np.count_nonzero(factor) * spread <= _MANY:
            axes = _dimensions(stack, names[place], factor.shape, sizes)
            return _by_nonzeros(step, factor, axes, own, result, sizes)
    shared = [name for name, _ in own if name in result]
    shape = tuple([sizes[name] for name in shared])
    members = _numbers(own, shared, sizes)
    total = united(step.pattern, members, np.arange(members.size), math.prod(shape))
    return picked(total, _numbers([(name, sizes[name]) for name in result], shared, sizes))


_MANY = 20_000_000  # pairs of items that are looked at one by one


def _dimensions(stack: str, names: str, shape: Shape, sizes: dict[str, int]) -> list[tuple[str, int]]:
    """The names and lengths of a factor's dimensions. One along which it is broadcast has no name of the result's."""
    lead = len(shape) - len(names)
    every = stack[len(stack) - lead :] + names
    return [
        (name.lower() * 2 if name in stack and n != sizes[name] else name, n)
        for name, n in zip(every, shape, strict=True)
    ]


def _numbers(axes: list[tuple[str, int]], names: list[str], sizes: dict[str, int]) -> np.ndarray:
    """For each item of an array with these axes, the number of its indices along those that are named."""
    total = np.zeros(tuple([n for _, n in axes]), np.int64)
    step = 1
    for name in reversed(names):
        for d, (axis, n) in enumerate(axes):
            if axis == name:
                total += step * np.arange(n).reshape([-1 if i == d else 1 for i in range(len(axes))])
        step *= sizes[name]
    return total.reshape(-1)


def _by_nonzeros(
    step: Step, factor: np.ndarray, axes: list[tuple[str, int]], own: list[tuple[str, int]], result: str,
    sizes: dict[str, int],
) -> Pattern:  # fmt: skip
    """A pair for each nonzero item of the constant factor and all indices that it does not have."""
    nonzero = factor.nonzero()
    at: dict[str, np.ndarray] = {name: nonzero[d][:, None] for d, (name, _) in enumerate(axes)}
    free = [name for name in sizes if name not in at]
    grid = np.unravel_index(np.arange(math.prod(sizes[name] for name in free)), [sizes[name] for name in free] or [1])
    at.update((name, grid[d][None]) for d, name in enumerate(free))

    def number(names: list[tuple[str, int]]) -> np.ndarray:
        total = np.zeros((nonzero[0].size, grid[0].size), np.int64)
        for name, n in names:
            total = total * n + (at[name] if n == sizes.get(name) else 0)
        return total.reshape(-1)

    return united(step.pattern, number([(name, sizes[name]) for name in result]), number(own), step.items)


_CONTRIBUTIONS: dict[str, Callable[[Step], Pattern]] = {
    "affine": _of_affine, "dense": _of_all, "distance": lambda step: _of_product(step, "ik,jk->ij"),
    "elementwise": _of_elements, "group": _of_groups, "linear": _of_linear, "matrix": _of_matrices,
    "normalized": _of_normalized, "product": _of_product, "row": _of_rows, "running": _of_those_before,
    "solution": _of_solution,
}  # fmt: skip


def contribution(step: Step) -> Pattern:
    """What the items of a result depend on by way of one argument."""
    return _CONTRIBUTIONS[family(step.node.operation)](step)
