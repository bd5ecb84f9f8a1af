"""What the arguments of operations mean: dimensions, shapes, and one thing under two keywords.

Every call of an operation passes through here, so that this file is compiled with the tape.
"""

from __future__ import annotations

import operator
from typing import Any


def integer(name: str, argument: str, x: Any) -> int:
    """A Python integer from anything that is one."""
    try:
        return operator.index(x)
    except TypeError:
        raise TypeError(f"{name}: expected {argument} to be an integer, got {x!r}") from None


def dimension(name: str, dim: Any, ndim: int) -> int:
    """A dimension counted from either end, as an index from 0."""
    try:
        d = operator.index(dim)
    except TypeError:
        raise TypeError(f"{name}: expected an integer dimension, got {dim!r}") from None
    span = ndim if ndim > 1 else 1
    if not -span <= d < span:
        raise IndexError(
            f"{name}: dimension {d} is out of range for {ndim} dimension(s), expected {-span} to {span - 1}"
        )
    return d + span if d < 0 else d


def whole(name: str, what: str, n: Any) -> int:
    """A count or an index that must be an integer: 2.0 and True are refused, as PyTorch does."""
    try:
        if isinstance(n, bool):
            raise TypeError
        return operator.index(n)
    except TypeError:
        raise TypeError(f"{name}: expected an integer for {what}, got {n!r}") from None


MOST = 2**48  # of a stride, padding or dilation: what is larger has no use, and must not overflow


def per_dimension(name: str, what: str, given: Any, dims: int, least: int) -> tuple[int, ...]:
    """A whole number for each dimension, from one or as many: Python's own, which caches may be asked with."""
    found = given if type(given) is tuple else tuple(given) if isinstance(given, (tuple, list)) else (given,)
    if len(found) == 1:
        found *= dims
    fits = len(found) == dims
    for n in found:
        if type(n) is not int:
            return per_dimension(name, what, tuple([whole(name, what, n) for n in found]), dims, least)
        if n < least or n > MOST:
            fits = False
    if not fits:
        raise ValueError(f"{name}: expected {what} to be one integer or {dims}, from {least} to 2**48, got {given!r}")
    return found


def dimensions(name: str, dim: Any, ndim: int) -> tuple[int, ...]:
    """One dimension, several, or all of them (None, or PyTorch's empty tuple), sorted."""
    if type(dim) is int and -ndim <= dim < ndim:  # the usual case, without the price of the others
        return (dim % ndim,)
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(ndim))
    dims = [dimension(name, d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))]
    if len(set(dims)) != len(dims):
        raise ValueError(f"{name}: a dimension appears twice in {dim}")
    return tuple(sorted(dims)) if ndim else ()


def permutation(name: str, asked: tuple[Any, ...], ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """An order of all dimensions, and the order that undoes it."""
    found = [dimension(name, d, ndim) for d in asked]
    inverse = [-1] * ndim
    for i, d in enumerate(found[:ndim]):
        inverse[d] = i
    if len(found) != ndim or -1 in inverse:
        raise ValueError(f"{name}: expected each of the {ndim} dimension(s) once, got {asked}")
    return tuple(found), tuple(inverse)


def sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """f(2, 3), f((2, 3)) and f([2, 3]) alike."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = tuple(shape[0])
    return tuple([operator.index(n) for n in shape])


def lengths(name: str, given: tuple[Any, ...], keyword: Any) -> tuple[int, ...]:
    """The same, or else given by keyword, as PyTorch allows."""
    if keyword is not None:
        if given:
            raise TypeError(f"{name}: got {given} and, by keyword, {keyword}, which is one thing; give one of them")
        given = (tuple(keyword) if isinstance(keyword, (tuple, list)) else (keyword,),)
    try:
        return sizes(given)
    except TypeError:
        raise TypeError(f"{name}: expected integers or one tuple of them, got {given}") from None


def filled(name: str, asked: tuple[int, ...], before: tuple[int, ...]) -> tuple[int, ...]:
    """The shape asked for, its -1 computed, of as many items as `before` has."""
    size, known, free, least = 1, 1, 0, 0
    for n in before:
        size *= n
    for n in asked:
        if n == -1:
            free += 1
        else:
            known *= n
            least = min(least, n)
    fits = known == size if free == 0 else free == 1 and known != 0 and size % known == 0
    if least < 0 or not fits:
        raise ValueError(f"{name}: shape {before} has {size} item(s), which do not fit shape {asked}")
    return tuple([size // known if n == -1 else n for n in asked]) if free else asked


def either(name: str, dim: Any, axis: Any) -> Any:
    """The PyTorch spelling of a keyword or the NumPy one, not both."""
    if axis is None:
        return dim
    if dim is not None:
        raise TypeError(f"{name}: dim and axis are one thing, give one of them (got dim={dim}, axis={axis})")
    return axis


def reduced(
    name: str, shape: tuple[int, ...], dim: Any, axis: Any, keepdim: bool, keepdims: bool | None
) -> dict[str, Any]:
    """What a reduction of a tensor of this shape is told: the dimensions that go, whether they stay with length 1."""
    dims = dimensions(name, dim if axis is None else either(name, dim, axis), len(shape))
    return {"dims": dims, "keepdim": bool(keepdim if keepdims is None else keepdims), "shape": shape}


def triple(part: slice) -> tuple[Any, Any, Any]:
    """A slice as it stands in a key."""
    start, stop, step = part.start, part.stop, part.step
    try:
        return (
            start if start is None or type(start) is int else operator.index(start),
            stop if stop is None or type(stop) is int else operator.index(stop),
            step if step is None or type(step) is int else operator.index(step),
        )
    except TypeError:
        raise TypeError(f"index: a slice has integers or None, got {part}") from None


def at_key(x: Any, key: tuple[Any, ...], shape: Any = None) -> Any:
    """The view x[key] of an array, for a key whose slices are triples. `shape` is x's, as an operation's keyword."""
    first = key[0] if len(key) == 2 else None
    if type(first) is int:  # x[i] and x[i:j], the most frequent ones
        return x[key]
    if type(first) is tuple and key[1] is Ellipsis:
        start, stop, step = first
        return x[start:stop:step, ...]
    return x[tuple([slice(*part) if type(part) is tuple else part for part in key])]
