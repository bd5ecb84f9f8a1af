"""A value that stands for a batch of values, and how kernels run over it: what `vmap` and batched walks are made of.

A `Batched` holds one array with its batch dimensions in front, and tells shape, dtype, ndim and size as one example has
them. So the tape, the rules and the operations see an example, and only the call of a kernel sees the batch. Each
dimension of the batch belongs to a level: whoever opened it. A value has the levels that it depends on, the oldest in
front; a kernel's inputs are brought to the levels of all.

How a kernel runs over a batch is its operation's `batched`, a rule of the kernel, its inputs with the batch in front,
and static keywords. The rules are here, by kind:

- `aligned`: the kernel broadcasts, so that ones between the batch and the example's own dimensions are enough.
- `leading`: the kernel takes any number of leading dimensions, which broadcast.
- `moved`: static keywords that name dimensions or shapes count the batch's too.
- `unchanged`: the kernel looks at no dimension.
- `bare`: the kernel knows of batched values.
- `looped`: one call per example, counted in `loops`, so that a test can tell.

Compiled: batching.pxd holds the types of attributes and locals.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from .bound import by_bindings
from .doors import Value

Rule = Callable[..., Any]

loops: dict[str, int] = {}  # how often a kernel has run example by example, by the name of its operation


class BatchError(RuntimeError):
    """What cannot be done with a whole batch at once, and can be done example by example."""


class Batch:
    """What a rule is told of the batch: its lengths, and which inputs have it.

    A rule is a function (kernel, batch, arrays, static), and gives what the kernel gives for all examples, with the
    batch's dimensions in front.

    Parameters
    ----------
    name : str
        The operation's.
    lengths : tuple of int
        How many examples there are, along each dimension of the batch: one for each `vmap` or walk around.
    having : list of bool
        Per input, whether it differs over the batch. It then has ``len(lengths)`` dimensions in front, of the lengths,
        or of 1 along a dimension over which it does not differ. Other inputs are those of one example.

    Examples
    --------
    >>> def rows(kernel, batch, arrays, static):  # of a kernel that wants a matrix, and gives a number for each row
    ...     (x,) = arrays
    ...     return kernel(x.reshape(-1, x.shape[-1])).reshape(batch.lengths)
    >>> longest = wg.define.computed("longest", lambda x: np.abs(x).max(-1), batched=rows)
    >>> wg.vmap(longest)(wg.tensor([[1., -3.], [2., 0.]]))
    tensor([3., 2.])
    """

    __slots__ = ("having", "lengths", "name")

    def __init__(self, name: str, lengths: tuple[int, ...], having: list[bool]) -> None:
        self.name, self.lengths, self.having = name, lengths, having


class Batched(Value):
    """One value per example of a batch, which says that it has the shape of one.

    Parameters
    ----------
    data : ndarray
        (\\*batch, \\*shape), a dimension of the batch for each level.
    levels : tuple of levels
        The oldest first.
    """

    __slots__ = ("data", "dtype", "levels", "ndim", "shape", "size")
    many = True

    def __init__(self, data: np.ndarray, levels: tuple[Any, ...]) -> None:
        shape = data.shape[len(levels) :]
        size = 1
        for n in shape:
            size *= n
        self.data = data
        self.levels = levels
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = data.dtype
        self.size = size

    def run(self, operation: Any, values: list[Any], static: dict[str, Any]) -> Any:
        """What an operation's kernel gives for each example of the batch that the values have together."""
        rule = operation.batched
        if rule is bare:
            return operation.kernel(*values, **static)
        levels = levels_of(tuple(values))
        arrays: list[Any] = []
        having = []
        for value in values:
            if type(value) is Batched:
                arrays.append(brought(value, levels))
                having.append(True)
            elif type(value) is tuple and levels_of(value):
                arrays.append(_full(value, levels))
                having.append(True)
            else:
                arrays.append(value)
                having.append(False)
        batch = Batch(operation.name, sizes(levels), having)
        found = (looped if rule is None else rule)(operation.kernel, batch, arrays, static)
        return batched(found, levels, batch)

    def draw(self, kernel: Callable[..., Any], values: list[Any], static: dict[str, Any]) -> Any:
        """What a kernel draws, the same along all levels that are open."""
        return self.levels[0].draw(kernel, values, static)

    def leave(self, kind: str) -> Any:
        """Raise, as the examples have no one value; what is only looked at are all of them."""
        if kind == "text":
            return self.data
        raise BatchError(
            f"vmap: {_LEAVING[kind]} of a batched tensor of shape {self.shape}: it differs over the batch of "
            f"{', '.join(map(str, sizes(self.levels)))}{ended(self.levels)}; {WAYS_OUT}"
        )

    def text(self) -> str:
        """What stands for the items of all examples where a tensor is printed."""
        return f"<shape {self.shape} of {self.dtype} in a batch of {', '.join(map(str, sizes(self.levels)))}>"

    def memory(self) -> np.ndarray:
        """The first example's array; those of the others lie beside it in the same way."""
        data = self.data
        lengths = data.shape[: len(self.levels)]
        if 0 in lengths:
            return np.empty(self.shape, self.dtype)
        first: np.ndarray = example(data, (0,) * len(lengths))
        return first

    def buffer(self) -> np.ndarray:
        """The arrays of all examples."""
        data: np.ndarray = self.data
        return data

    def protected(self) -> Batched:
        """A view, also of all examples, that cannot be written."""
        view = self.data.view()
        view.flags.writeable = False
        return Batched(view, self.levels)

    def write(
        self, name: str, kernel: Callable[..., Any], values: list[Any], static: dict[str, Any], count: int
    ) -> None:
        """Let a kernel change the first `count` values in place, which must have all of the batch."""
        levels = levels_of(tuple(values))
        for value in values[:count]:
            if levels_of(value) != levels:
                raise BatchError(
                    f"{name}: a batched value cannot be written into a tensor of shape {value.shape} that is one for "
                    "all examples; make it of a batched one, as in x.new_zeros(...) or zeros_like(x), or return what "
                    f"is written, by stack or where, or pass chunk_size=1{ended(levels)}"
                )
            if not value.data.flags.writeable:
                raise BatchError(
                    f"{name}: this batched tensor of shape {value.shape} is an argument of the function, whose memory "
                    "is its caller's, or shows one item many times; clone() it first"
                )
        batch = Batch(name, sizes(levels), [type(value) is Batched for value in values])
        arrays = [brought(value, levels) if has else value for value, has in zip(values, batch.having, strict=True)]
        for place in places(batch):
            kernel(*examples(arrays, batch, place), **static)

    def repeated(self, value: Any) -> Batched:
        """An array, or what has a part of the levels, for each example: fresh memory."""
        levels = merged(self.levels, levels_of(value))
        return Batched(np.array(_full(value, levels), order="C"), levels)

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.leave("array")

    def __float__(self) -> Any:
        return self.leave("number")

    def __len__(self) -> NoReturn:
        raise TypeError("a batched value has no length; ask for its shape")


_LEAVING = {
    "number": "a number (item, float, tolist)", "bool": "the truth or a decision", "int": "an integer (int, an index)",
    "array": "an array (numpy, np.asarray)",
}  # fmt: skip
WAYS_OUT = (
    "return it as it is, choose items by wg.where, stay with operations of tensors, or pass chunk_size=1, which runs "
    "example by example"
)


def ended(levels: tuple[Any, ...]) -> str:
    """What an error adds where the batch is not there any more."""
    return "" if all(level.open for level in levels) else "; it was kept from a vmap that has ended"


def levels_of(value: Any) -> tuple[Any, ...]:
    """The levels that a value has: those of all parts, if it is a tuple."""
    if type(value) is Batched:
        levels: tuple[Any, ...] = value.levels
        return levels
    found: tuple[Any, ...] = ()
    if isinstance(value, tuple):
        for part in value:
            found = merged(found, levels_of(part))
    return found


def merged(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    """The levels of both, the oldest first."""
    if not first or first == second:
        return second
    if not second:
        return first
    return tuple(sorted({*first, *second}, key=_age))


def _age(level: Any) -> Any:
    return level.number


def sizes(levels: tuple[Any, ...]) -> tuple[int, ...]:
    """How many examples each level has."""
    return tuple([level.size for level in levels])


def brought(value: Batched, levels: tuple[Any, ...]) -> np.ndarray:
    """A value's array with a dimension in front for each of `levels`, of length 1 where it does not have the level."""
    own = value.levels
    data: np.ndarray = value.data
    if own == levels:
        return data
    lengths = [level.size if level in own else 1 for level in levels]
    return data.reshape((*lengths, *value.shape))


def _full(value: Any, levels: tuple[Any, ...]) -> Any:
    """A value, or all parts of one, with the whole batch in front."""
    if isinstance(value, tuple):
        return with_parts(value, [_full(part, levels) for part in value])
    if not isinstance(value, (Batched, np.ndarray)):
        return value
    array = brought(value, levels) if type(value) is Batched else value
    return np.broadcast_to(array, (*sizes(levels), *value.shape))


def with_parts(x: tuple[Any, ...], parts: list[Any]) -> tuple[Any, ...]:
    """A tuple of x's class, with other parts."""
    return tuple(parts) if type(x) is tuple else type(x)(*parts)


def batched(found: Any, levels: tuple[Any, ...], batch: Batch) -> Any:
    """What a rule gives as values: arrays with the batch in front, and tuples of such."""
    if isinstance(found, tuple):
        return with_parts(found, [batched(part, levels, batch) for part in found])
    if not isinstance(found, (np.ndarray, np.generic)):
        return found
    data = np.asarray(found)
    if data.shape[: len(levels)] != batch.lengths:
        raise RuntimeError(
            f"{batch.name}: its rule for batches gave shape {data.shape}, which does not begin with the lengths of the "
            f"batch, {batch.lengths}; without a rule (batched=None) the kernel runs example by example"
        )
    return Batched(data, levels)


# ---------------------------------------------------------------- rules


def aligned(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a kernel that broadcasts: ones are put between the batch and the example's dimensions.

    Parameters
    ----------
    kernel, batch, arrays, static
        As of every rule: see `Batch`.

    Returns
    -------
    ndarray, or a tuple of them

    Examples
    --------
    >>> hypotenuse = wg.define.computed("hypotenuse", np.hypot, batched=wg.define.aligned)
    >>> wg.vmap(hypotenuse)(wg.tensor([3., 5.]), wg.tensor([[4., 0.], [12., 0.]]))
    tensor([[ 5.,  3.],
            [13.,  5.]])
    """
    lead = len(batch.lengths)
    widest = 0
    for k, x in enumerate(arrays):
        if isinstance(x, np.ndarray):
            own = x.ndim - lead if batch.having[k] else x.ndim
            widest = own if own > widest else widest
    values = []
    for k, x in enumerate(arrays):
        if batch.having[k] and x.ndim < lead + widest:
            shape = x.shape
            x = x.reshape((*shape[:lead], *(1,) * (lead + widest - x.ndim), *shape[lead:]))
        values.append(x)
    return kernel(*values, **static) if static else kernel(*values)


def leading(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a kernel that takes any number of leading dimensions, and broadcasts them, as those of `numpy.linalg` do.

    Parameters
    ----------
    kernel, batch, arrays, static
        As of every rule: see `Batch`.

    Returns
    -------
    ndarray, or a tuple of them

    Examples
    --------
    >>> rank = wg.define.computed("rank", np.linalg.matrix_rank, batched=wg.define.leading)
    >>> wg.vmap(rank)(wg.tensor([[[1., 0.], [0., 0.]], [[1., 0.], [0., 1.]]]))
    tensor([1, 2])
    """
    lead = len(batch.lengths)
    values = []
    for k, x in enumerate(arrays):
        if isinstance(x, np.ndarray) and not batch.having[k]:
            x = x.reshape((*(1,) * lead, *x.shape))
        values.append(x)
    return kernel(*values, **static)


def bare(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a kernel that takes and gives values as they are, batched or not: `Batched.run` calls it so."""
    raise AssertionError("a kernel of values is called without a rule")


def unchanged(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a kernel of one array that looks at no dimension: it is called as it is.

    Parameters
    ----------
    kernel, batch, arrays, static
        As of every rule: see `Batch`.

    Returns
    -------
    ndarray, or a tuple of them

    Examples
    --------
    >>> rounded = wg.define.computed("rounded", np.rint, batched=wg.define.unchanged)
    >>> wg.vmap(rounded)(wg.tensor([1.2, 2.7]))
    tensor([1., 3.])
    """
    return kernel(*arrays, **static)


def full(x: Any, batch: Batch, has: bool) -> Any:
    """An input, or all parts of one, with the whole batch in front, where it lacks it or has ones there."""
    if isinstance(x, tuple):
        return with_parts(x, [full(part, batch, has) for part in x])
    if not isinstance(x, np.ndarray):
        return x
    lead = len(batch.lengths)
    own = x.shape[lead:] if has else x.shape
    shape = (*batch.lengths, *own)
    return x if x.shape == shape else np.broadcast_to(x, shape)


def all_full(arrays: list[Any], batch: Batch) -> list[Any]:
    """All inputs with the whole batch in front."""
    return [full(x, batch, has) for x, has in zip(arrays, batch.having, strict=True)]


def axes(value: Any, batch: Batch) -> Any:
    """A dimension, or several, counted from the batch's first; what counts from the last, does so still.

    Parameters
    ----------
    value : int, tuple of int or None
    batch : Batch

    Returns
    -------
    int, tuple of int or None

    Examples
    --------
    >>> batch = wg.define.Batch("sum", (10, 4), [True])
    >>> wg.define.axes((0, -1), batch)
    (2, -1)
    """
    if isinstance(value, tuple):
        return tuple([axes(d, batch) for d in value])
    return value if value is None or value < 0 else value + len(batch.lengths)


def shaped(value: tuple[int, ...], batch: Batch) -> tuple[int, ...]:
    """A shape with the batch's in front.

    Parameters
    ----------
    value : tuple of int
    batch : Batch

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> batch = wg.define.Batch("reshape", (10, 4), [True])
    >>> wg.define.shaped((2, 3), batch)
    (10, 4, 2, 3)
    """
    return (*batch.lengths, *value)


def key(value: tuple[Any, ...], batch: Batch) -> tuple[Any, ...]:
    """A key, in which slices are triples, behind slices that take all of the batch."""
    return (*((None, None, None),) * len(batch.lengths), *value)


def moved(**translators: Callable[[Any, Batch], Any]) -> Rule:
    """A rule by which static keywords count the batch's dimensions too; inputs have the whole batch.

    Parameters
    ----------
    **translators
        For a keyword, `axes`, `shaped` or another function of its value and the batch.

    Returns
    -------
    callable
        The rule.

    Examples
    --------
    >>> median = wg.define.computed(
    ...     "median", lambda x, dim: np.median(x, dim), batched=wg.define.moved(dim=wg.define.axes))
    >>> wg.vmap(lambda x: median(x, dim=0))(wg.tensor([[[1., 5.], [2., 6.], [9., 7.]]]))
    tensor([[2., 6.]])
    """

    def rule(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
        there = {
            name: translators[name](value, batch) if name in translators else value for name, value in static.items()
        }
        return kernel(*all_full(arrays, batch), **there)

    return by_bindings(rule)


over = moved(dims=axes, shape=shaped)  # of a reduction


def by_dim(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a kernel that runs along its `dim`; an example without dimensions counts as one of one item."""
    values = all_full(arrays, batch)
    there = {**static, "dim": axes(static["dim"], batch)}
    if values[0].ndim > len(batch.lengths):
        return kernel(*values, **there)
    found = kernel(*[x[..., None] if isinstance(x, np.ndarray) else x for x in values], **there)
    return tuple([x[..., 0] for x in found]) if isinstance(found, tuple) else found[..., 0]


def flat(x: np.ndarray, batch: Batch) -> np.ndarray:
    """An array that has the whole batch, with the example's dimensions as one."""
    lead = len(batch.lengths)
    return x.reshape((*batch.lengths, math.prod(x.shape[lead:])))


def merged_rows(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a kernel that takes one leading dimension: the batch as one."""
    count, lead = math.prod(batch.lengths), len(batch.lengths)
    values = [
        x.reshape((count, *x.shape[lead:])) if isinstance(x, np.ndarray) else x for x in all_full(arrays, batch)
    ]  # fmt: skip
    found = kernel(*values, **static)
    return found.reshape((*batch.lengths, *found.shape[1:]))


def looped(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of any kernel: one call per example; what they give must be of one shape.

    Parameters
    ----------
    kernel, batch, arrays, static
        As of every rule: see `Batch`.

    Returns
    -------
    ndarray, or a tuple of them

    Raises
    ------
    RuntimeError
        If the shapes differ.

    Examples
    --------
    >>> def searched(kernel, batch, arrays, static):  # in one array it finds the places of any number of items at once
    ...     found_by = wg.define.looped if batch.having[0] else wg.define.unchanged
    ...     return found_by(kernel, batch, arrays, static)
    >>> place = wg.define.computed("place", np.searchsorted, batched=searched)
    >>> wg.vmap(place)(wg.tensor([[1., 2.], [3., 4.]]), wg.tensor([1.5, 9.]))
    tensor([1, 2])
    """
    loops[batch.name] = loops.get(batch.name, 0) + 1
    values = [full(x, batch, has) if has else x for x, has in zip(arrays, batch.having, strict=True)]
    return each(kernel, batch, values, static)


def each(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """One call per example; a batch without examples gets one of zeros, whose shape tells that of the result."""
    if 0 in batch.lengths:
        blank = [_blank(x, len(batch.lengths)) if has else x for x, has in zip(arrays, batch.having, strict=True)]
        return _joined([kernel(*blank, **static)], batch, 0)
    found = [kernel(*examples(arrays, batch, place), **static) for place in places(batch)]
    return _joined(found, batch, len(found))


def places(batch: Batch) -> Iterator[tuple[int, ...]]:
    """Where each example is in the batch, in order."""
    return itertools.product(*map(range, batch.lengths))


def examples(arrays: list[Any], batch: Batch, place: tuple[int, ...]) -> list[Any]:
    """The inputs of the example at a place in the batch."""
    return [example(x, place) if has else x for x, has in zip(arrays, batch.having, strict=True)]


def example(x: Any, place: tuple[int, ...]) -> Any:
    """The array, or tuple of arrays, of the example at a place in the batch."""
    if isinstance(x, tuple):
        return with_parts(x, [example(part, place) for part in x])
    where: tuple[Any, ...] = (*place, Ellipsis)  # the Ellipsis keeps an item an array
    return x[where] if isinstance(x, np.ndarray) else x


def _blank(x: Any, lead: int) -> Any:
    if isinstance(x, tuple):
        return with_parts(x, [_blank(part, lead) for part in x])
    return np.zeros(x.shape[lead:], x.dtype) if isinstance(x, np.ndarray) else x


def _joined(found: list[Any], batch: Batch, count: int) -> Any:
    """The examples' results as one: arrays with the batch in front."""
    first = found[0]
    if isinstance(first, tuple):
        return with_parts(first, [_joined([one[k] for one in found], batch, count) for k in range(len(first))])
    if not isinstance(first, (np.ndarray, np.generic)):
        return first
    shapes = {x.shape for x in found}
    if len(shapes) > 1:
        refuse_shapes(batch.name)
    return np.stack(found[:count] if count else [first])[:count].reshape((*batch.lengths, *first.shape))


def refuse_shapes(name: str) -> NoReturn:
    """Raise: what an operation gives depends on items in its shape."""
    raise BatchError(
        f"vmap: {name}: the shape of its result depends on the items, which differ over the batch; "
        "use wg.where or a mask that is multiplied, or pass chunk_size=1, which runs example by example"
    )


def refused(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of an operation whose result's shape depends on items."""
    refuse_shapes(batch.name)


for _rule in (aligned, bare, by_dim, leading, merged_rows, unchanged):  # compiled functions take no decorators
    by_bindings(_rule)
