"""Functions of a batch, from functions of one example."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from ..core.doors import differs, enter, memory
from ..core.following import is_followed
from ..core.levels import Level, differs_over, into, opened, out_of
from ..core.tape import levels_of_source
from ..core.trees import changed, flatten
from ..core.variable import Variable
from ..core.views import unwritable
from ..ops.compare import equal
from ..ops.index import select
from ..ops.join import cat
from ..ops.shape import clone, narrow_view, unsqueeze
from .derived import Derived
from .recorded import as_array

_RANDOMNESS = ("error", "same", "different")


def vmap(
    function: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """A function of a whole batch, from a function of one example.

    The function runs once, and each of its operations runs over all examples. It sees tensors of the shape of one.
    Inside and outside, `grad`, `jvp`, `hessian`, `backward` and `vmap` itself nest in any order: a gradient taken
    inside is one for each example, one taken outside is the sum. `backward` inside adds up the gradients of all
    examples. What does not depend on the batch happens once: a print, or a captured tensor that grows by 1 in place.

    Parameters
    ----------
    function : callable
        Of tensors, arrays, numbers, or nested lists, tuples and dicts of them; gives tensors or a structure of them.
    in_dims : int, None or tuple
        Along which dimension of the arguments the examples lie: one for all, or a tuple with an entry for each
        argument. An entry for a structure may itself be a structure, or a number for all of it. None: the same for all
        examples. Keyword arguments and numbers are the same for all.
    out_dims : int, None or a structure
        Where the examples lie in the results. None: the result is one for all examples, which must be true of it.
    randomness : {"error", "same", "different"}
        What drawing random numbers means: an error; the same draw for all examples; or one for each, as a loop over the
        examples draws them.
    chunk_size : int or None
        How many examples run at once; None: all. With 1, the function runs example by example, without any of the
        restrictions below.

    Returns
    -------
    callable
        A result that does not depend on the batch is repeated. Of NumPy arrays it gives arrays, while `function` sees
        tensors.

    Raises
    ------
    ValueError
        If `in_dims` do not fit the arguments, none of them has a batch, or the batches differ in size; if an entry of
        `out_dims` does not fit, or is None where the result differs over the batch.
    RuntimeError
        If the function asks a batched tensor for a number, a truth or an array (`item`, `if`, `numpy`); draws random
        numbers while `randomness` is "error"; gives what depends in its shape on items (`nonzero`, a mask as an index);
        writes what is batched into a tensor that is not; or changes its argument in place.

    Examples
    --------
    >>> wg.vmap(wg.dot)(wg.tensor([[1., 2.], [3., 4.]]), wg.tensor([[1., 1.], [2., 0.]]))
    tensor([3., 6.])

    A gradient for each example:

    >>> loss = lambda w, x: (w * x).sum() ** 2
    >>> wg.vmap(wg.grad(loss), in_dims=(None, 0))(wg.tensor([1., 1.]), wg.tensor([[1., 0.], [1., 2.]]))
    tensor([[ 2.,  0.],
            [ 6., 12.]])
    """
    if randomness not in _RANDOMNESS:
        raise ValueError(f'vmap: expected randomness "error", "same" or "different", got {randomness!r}')
    if chunk_size is not None and (
        isinstance(chunk_size, bool) or not isinstance(chunk_size, (int, np.integer)) or chunk_size < 1
    ):
        raise ValueError(f"vmap: expected a chunk_size of 1 or more, or None, got {chunk_size!r}")

    def wrapped(*args: Any, **keywords: Any) -> Any:
        leaves, dims, rebuild, size, arrays = _examples(in_dims, args)
        keywords = {name: changed(x, unwritable) for name, x in keywords.items()}

        def run(values: list[Any]) -> Any:
            return function(*rebuild(values), **keywords)

        if chunk_size is None or not size or 1 < chunk_size >= size:
            result = _at_once(run, leaves, dims, out_dims, Level(size, randomness))
        else:
            result = _in_chunks(run, leaves, dims, out_dims, chunk_size, size, randomness)
        return changed(result, _as_array) if arrays else result

    found = Derived(wrapped, vmap, function, in_dims, out_dims, randomness, chunk_size=chunk_size)
    functools.update_wrapper(found, function)
    return found


def _as_array(y: Any) -> Any:
    """A result of arrays: an array, unless a derivative further out would be lost by that."""
    return as_array(y) if isinstance(y, Variable) and not (is_followed(y) or differs(y)) else y


# ---------------------------------------------------------------- arguments


def _examples(
    in_dims: Any, args: tuple[Any, ...]
) -> tuple[list[Any], list[int | None], Callable[[list[Any]], Any], int, bool]:
    """The arguments' leaves, along which dimension of each the examples lie, what puts them in their places, how many
    examples there are, and whether the arguments are arrays."""
    if isinstance(in_dims, (list, Mapping)):
        given = f"({in_dims!r},)" if len(args) == 1 else repr(tuple(in_dims))
        raise ValueError(
            f"vmap: in_dims is an int, None or a tuple with an entry for each argument, got {in_dims!r}; write "
            f"in_dims={given}"
        )
    if isinstance(in_dims, tuple) and len(in_dims) != len(args):
        raise ValueError(f"vmap: in_dims has {len(in_dims)} entries for {len(args)} argument(s): {in_dims!r}")
    prefix = list(in_dims) if isinstance(in_dims, tuple) else [in_dims] * len(args)
    leaves, rebuild = flatten(list(args))
    dims: list[int | None] = []
    for k, (arg, entry) in enumerate(zip(args, prefix, strict=True)):
        dims += _spread(f"in_dims for argument {k}", entry, arg)
    arrays = any(isinstance(leaf, np.ndarray) for leaf in leaves) and not any(isinstance(x, Variable) for x in leaves)
    sizes = {}
    for k, (leaf, dim) in enumerate(zip(leaves, dims, strict=True)):
        if dim is None:
            leaves[k] = unwritable(leaf)
            continue
        if isinstance(leaf, (int, float, complex)):
            if isinstance(in_dims, tuple):
                raise ValueError(f"vmap: in_dims gives dimension {dim} for the number {leaf!r}; a number has None")
            dims[k] = None
            continue
        x = enter(leaf)
        dims[k] = _dimension("in_dims", dim, x._value.ndim, x._value.shape)
        leaves[k] = x
        sizes[k] = x._value.shape[dims[k]]  # type: ignore[index]
    if not sizes:
        raise ValueError("vmap: no argument has a batch: in_dims is None for all of them, or there are only numbers")
    if len(set(sizes.values())) > 1:
        listed = "; ".join([f"shape {leaves[k]._value.shape} along dimension {dims[k]}: {n}" for k, n in sizes.items()])
        raise ValueError(f"vmap: the arguments have batches of different sizes: {listed}")
    return leaves, dims, rebuild, next(iter(sizes.values())), arrays


def _dimension(what: str, dim: Any, ndim: int, shape: tuple[int, ...]) -> int:
    if not -ndim <= dim < ndim:
        raise ValueError(f"vmap: {what} gives dimension {dim} for a tensor of shape {shape}")
    return int(dim) + ndim if dim < 0 else int(dim)


def _spread(what: str, prefix: Any, tree: Any) -> list[int | None]:
    """An entry for each leaf of a tree, from a number or None for all of it, or a structure of such."""
    if prefix is None or (hasattr(prefix, "__index__") and not isinstance(prefix, bool)):
        return [None if prefix is None else prefix.__index__()] * len(flatten(tree)[0])
    children = _children(tree)
    given = _children(prefix)
    if given is None:
        raise ValueError(f"vmap: {what}: expected an int, None or a structure of them, got {prefix!r}")
    if children is None or isinstance(prefix, Mapping) != isinstance(tree, Mapping) or given.keys() != children.keys():
        raise ValueError(f"vmap: {what}: {prefix!r} does not have the structure of {_described(tree)}")
    found: list[int | None] = []
    for key, child in children.items():
        found += _spread(what, given[key], child)
    return found


def _children(tree: Any) -> dict[Any, Any] | None:
    if isinstance(tree, Mapping):
        return dict(tree)
    return dict(enumerate(tree)) if isinstance(tree, (list, tuple)) else None


def _described(tree: Any) -> str:
    if isinstance(tree, Variable):
        return f"a tensor of shape {tree._value.shape}"
    if isinstance(tree, Mapping):
        return f"a {type(tree).__name__} with keys {list(tree)}"
    return f"a {type(tree).__name__} of {len(tree)}" if isinstance(tree, Sequence) else f"a {type(tree).__name__}"


# ---------------------------------------------------------------- runs


def _in_chunks(
    run: Callable[[list[Any]], Any], leaves: list[Any], dims: list[int | None], out_dims: Any, chunk_size: int,
    size: int, randomness: str,
) -> Any:  # fmt: skip
    """A run for each chunk of the examples; of single examples, as if there were no batch."""
    begun: dict[int, Any] = {}
    parts = []
    for start in range(0, size, chunk_size):
        stop = min(start + chunk_size, size)
        level = Level(stop - start, randomness, begun)
        pairs = zip(leaves, dims, strict=True)
        if chunk_size > 1:
            those = [x if dim is None else narrow_view(x, dim, start, stop) for x, dim in pairs]
            parts.append(_at_once(run, those, dims, out_dims, level))
        else:
            those = [x if dim is None else unwritable(select(x, dim, start)) for x, dim in pairs]
            parts.append(_alone(run, those, out_dims, level))
    return _rejoined(parts, out_dims)


def _at_once(
    run: Callable[[list[Any]], Any], leaves: list[Any], dims: list[int | None], out_dims: Any, level: Level
) -> Any:
    """One run for all examples."""
    with opened(level):
        result = run([x if dim is None else into(x, dim, level) for x, dim in zip(leaves, dims, strict=True)])
        outputs, rebuild = flatten(result)
        places = _spread("out_dims", out_dims, result)
        return rebuild([_let_out(y, dim, level) for y, dim in zip(outputs, places, strict=True)])


def _let_out(y: Any, dim: int | None, level: Level) -> Any:
    """A result, with the examples along a dimension."""
    x = enter(y)
    if dim is None:
        if differs_over(x, level):
            raise _differing(x)
        return y if level not in levels_of_source(x._source) else select(out_of(x, 0, level), 0, 0)
    out = out_of(x, _dimension("out_dims", dim, x._value.ndim + 1, x._value.shape), level)
    return out if memory(out).flags.writeable else clone(out)  # never an argument's memory, nor one item many times


def _differing(y: Variable) -> ValueError:
    return ValueError(f"vmap: out_dims is None for a result of shape {y._value.shape}, which differs over the batch")


def _alone(run: Callable[[list[Any]], Any], leaves: list[Any], out_dims: Any, level: Level) -> Any:
    """One run for one example, whose results get a dimension of length 1."""
    with opened(level) if level.randomness == "same" else nullcontext():
        result = run(leaves)
    outputs, rebuild = flatten(result)
    found = []
    for y, dim in zip(outputs, _spread("out_dims", out_dims, result), strict=True):
        x = enter(y)
        shape = x._value.shape
        found.append(y if dim is None else unsqueeze(x, _dimension("out_dims", dim, len(shape) + 1, shape)))
    return rebuild(found)


def _rejoined(parts: list[Any], out_dims: Any) -> Any:
    """The results of all chunks, one after another."""
    first, rebuild = flatten(parts[0])
    columns = [flatten(part)[0] for part in parts]
    found = []
    for k, dim in enumerate(_spread("out_dims", out_dims, parts[0])):
        if dim is None:
            if not all(equal(enter(column[k]), enter(first[k])) for column in columns[1:]):
                raise _differing(enter(first[k]))
            found.append(first[k])
        else:
            found.append(cat([column[k] for column in columns], dim))
    return rebuild(found)
