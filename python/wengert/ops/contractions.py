"""Sums of products over named or numbered dimensions, all by way of the matrix product."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.arguments import dimension, integer
from ..core.batching import leading, moved, shaped
from ..core.bound import by_bindings
from ..core.define import computed, linear
from ..core.doors import enter
from ..core.modes import mode
from ..core.signatures import tells
from ..core.tape import apply
from ..core.variable import Variable
from .arithmetic import multiply
from .index import diagonal, on_diagonal
from .products import matmul, of_one_dtype
from .reduce import SUM, sum
from .shape import broadcast_to, permute, reshape, reshaped

__all__ = ["einsum", "inner", "kron", "tensordot"]

# ---------------------------------------------------------------- einsum


@tells
def einsum(equation: Any, *operands: Any) -> Tensor:
    """The sum of products that Einstein's summation convention spells.

    Parameters
    ----------
    equation : str
        One letter per dimension, one term per operand, such as "ij,jk->ik". Without an arrow, the letters that appear
        once, in alphabetical order. "..." stands for dimensions that broadcast.
    *operands : tensor, or one sequence of them
        Also without an equation: `einsum(x, [0, 1], y, [1, 2], [0, 2])`, each operand followed by the numbers of its
        dimensions, from 0 to 51 or `...`, and the result's numbers at the end, if they are not to be in order.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the equation does not fit the operands, or lengths differ.

    Examples
    --------
    >>> x = wg.tensor([[1., 2.], [3., 4.]])
    >>> wg.einsum("ij,kj->ik", x, x)
    tensor([[ 5., 11.],
            [11., 25.]])
    >>> wg.einsum("ii", x)
    tensor(5.)
    """
    if not isinstance(equation, str):
        equation, operands = _spelled((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    parts = [enter(x) for x in operands]
    terms, output, lengths = _read(equation, tuple([x._value.shape for x in parts]))
    pairs = [_fitting(equation, x, term, lengths) for x, term in zip(parts, terms, strict=True)]
    for places in _order(pairs, output):
        chosen = [pairs[k] for k in places]
        pairs = [pair for k, pair in enumerate(pairs) if k not in places]
        needed = set(output).union(*(term for _, term in pairs))
        pairs.append(_product(chosen[0], chosen[1], needed) if len(chosen) == 2 else chosen[0])
    x, term = _summed(*pairs[0], set(output))
    if len(parts) > 1:
        return _ordered(x, term, output)
    return permute(x, tuple(map(term.index, output))) if output else x


def _spelled(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The equation and the operands of operands that are each followed by the numbers of their dimensions."""
    lists, alone = given[1::2], given[-1] if len(given) % 2 else None
    terms = ",".join([_letters(numbers) for numbers in lists])
    return terms if alone is None else f"{terms}->{_letters(alone)}", given[: 2 * len(lists) : 2]


def _letters(numbers: Any) -> str:
    if not isinstance(numbers, (list, tuple)):
        raise TypeError(f"einsum: expected an equation, or a list of numbers after each operand, got {numbers!r}")
    return "".join(["..." if n is Ellipsis else _letter(n) for n in numbers])


def _letter(number: Any) -> str:
    n = integer("einsum", "the number of a dimension", number)
    if not 0 <= n < len(_NUMBERED):
        raise ValueError(f"einsum: dimensions are numbered from 0 to {len(_NUMBERED) - 1}, got {n}")
    return _NUMBERED[n]


# The module `string` has them too, and compiles a pattern when it is imported.
_LETTERS = "abcdefghijklmnopqrstuvwxyz" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NUMBERED = _LETTERS[26:] + _LETTERS[:26]  # in their order


@functools.lru_cache(maxsize=256)
def _read(equation: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[list[str], str, dict[str, int]]:
    """The letters of each operand's dimensions and of the result's, with letters in place of dots; and the lengths."""
    text = equation.replace(" ", "")
    left, arrow, output = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"einsum: {equation!r} has {len(terms)} term(s) for {len(shapes)} operand(s)")
    if any(term.count("...") > 1 for term in (*terms, output)):
        raise ValueError(f'einsum: a term has "..." once at most, got {equation!r}')
    if not set(text.replace("->", "").replace("...", "")) <= {*_LETTERS, ","}:
        raise ValueError(f"einsum: expected letters, commas, ... and one ->, got {equation!r}")
    spare = [letter for letter in _LETTERS + _MORE if letter not in text]
    dots = 0
    for term, shape in zip(terms, shapes, strict=True):
        extra = len(shape) - len(term.replace("...", ""))
        if extra < 0 or (extra and "..." not in term):
            raise ValueError(f"einsum: the term {term!r} of {equation!r} does not fit shape {shape}")
        dots = max(dots, extra)
    wild = "".join(spare[:dots])
    full = []
    for term, shape in zip(terms, shapes, strict=True):
        extra = len(shape) - len(term.replace("...", ""))
        full.append(term.replace("...", wild[dots - extra :]))
    letters = "".join(terms).replace("...", "")
    if not arrow:
        output = "..." + "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    named = output.replace("...", "")
    if any(letter not in letters or named.count(letter) > 1 for letter in named):
        raise ValueError(f"einsum: the result {output!r} of {equation!r} must name dimensions of operands, each once")
    return full, output.replace("...", wild), _lengths(equation, full, shapes)


_MORE = "".join(map(chr, range(0x391, 0x3AA)))  # letters beyond the alphabet, for dots in crowded equations


def _fitting(equation: str, x: Any, term: str, lengths: dict[str, int]) -> tuple[Any, str]:
    """An operand with every letter once, and without those dimensions of length 1 that others have longer."""
    for letter in dict.fromkeys(term) if len(set(term)) < len(term) else ():
        while term.count(letter) > 1:
            i = term.index(letter)
            j = term.index(letter, i + 1)
            shape = x._value.shape
            if shape[i] != shape[j]:
                raise ValueError(f"einsum: {letter!r} of {equation!r} is {shape[i]} and {shape[j]} in shape {shape}")
            x = diagonal(x, 0, i, j)
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    kept = [k for k, n in enumerate(x._value.shape) if n == lengths[term[k]]]
    if len(kept) < len(term):
        x, term = reshaped(x, tuple([x._value.shape[k] for k in kept])), "".join([term[k] for k in kept])
    return x, term


def _ordered(x: Tensor, term: str, wanted: str) -> Tensor:
    """x with its dimensions in the order of the letters that are wanted."""
    return x if term == wanted else permute(x, tuple([term.index(letter) for letter in wanted]))


def _shaped(x: Any, shape: tuple[int, ...]) -> Any:
    return x if x._value.shape == shape else reshaped(x, shape)


def _lengths(equation: str, terms: list[str], shapes: tuple[tuple[int, ...], ...]) -> dict[str, int]:
    """The length of each letter's dimension."""
    lengths: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            known = lengths.setdefault(letter, n)
            if known == 1:
                lengths[letter] = n
            elif n not in (1, known):
                raise ValueError(
                    f"einsum: {letter!r} of {equation!r} is {known} and {n} in shapes {', '.join(map(str, shapes))}"
                )
    return lengths


_NOTHING = np.float64(0)  # repeated, what NumPy reads shapes of


def _order(pairs: list[tuple[Any, str]], output: str) -> list[tuple[int, ...]]:
    """Which terms to multiply, one pair after the other."""
    if len(pairs) < 3:
        return [(0, 1)] if len(pairs) == 2 else []
    names = {letter: k for k, letter in enumerate(dict.fromkeys("".join(term for _, term in pairs)))}
    arguments: list[Any] = []
    for x, term in pairs:
        arguments += [np.broadcast_to(_NOTHING, x._value.shape), [names[letter] for letter in term]]
    path = np.einsum_path(*arguments, [names[letter] for letter in output], optimize="greedy")[0][1:]
    steps: list[tuple[int, ...]] = []
    for places in path:  # a step of more than two is taken two at a time
        while len(places) > 2:
            steps.append(places[:2])
            places = (*(k - 2 for k in places[2:]), len(pairs) - 1 - len(steps))
        steps.append(places)
    return steps


def _summed(x: Any, term: str, needed: set[str]) -> tuple[Any, str]:
    """x summed over the dimensions that nobody needs any more."""
    if needed.issuperset(term):
        return x, term
    drop = tuple(k for k, letter in enumerate(term) if letter not in needed)
    return sum(x, drop), "".join(letter for letter in term if letter in needed)


def _product(left: tuple[Any, str], right: tuple[Any, str], needed: set[str]) -> tuple[Any, str]:
    """Two terms multiplied, and summed over what nobody needs any more: a stack of matrix products."""
    x, a = _summed(*left, needed | set(right[1]))
    y, b = _summed(*right, needed | set(left[1]))
    batch = inner = rows = ""
    for letter in a:
        if letter not in b:
            rows += letter
        elif letter in needed:
            batch += letter
        else:
            inner += letter
    columns = "".join([letter for letter in b if letter not in a])
    x, y = _ordered(x, a, batch + rows + inner), _ordered(y, b, batch + inner + columns)
    lead, tall = x._value.shape[: len(batch)], x._value.shape[len(batch) : len(batch + rows)]
    wide = y._value.shape[len(batch + inner) :]
    depth = math.prod(x._value.shape[len(batch + rows) :])
    z = matmul(_shaped(x, (*lead, math.prod(tall), depth)), _shaped(y, (*lead, depth, math.prod(wide))))
    return _shaped(z, (*lead, *tall, *wide)), batch + rows + columns


# ---------------------------------------------------------------- by numbers


@tells
def tensordot(x: Any, y: Any, dims: Any = 2, *, axes: Any = None) -> Tensor:
    """The sum of products over the last dimensions of x and the first of y, or over given ones.

    Parameters
    ----------
    x, y : tensor
    dims : int, or two sequences of int
        How many; or which of x, and which of y. Also spelled `axes`.

    Returns
    -------
    Tensor
        The other dimensions of x, then those of y.

    Raises
    ------
    ValueError
        If the lengths of paired dimensions differ.

    Examples
    --------
    >>> wg.tensordot(wg.ones(2, 3), wg.ones(3, 2), dims=1)
    tensor([[3., 3.],
            [3., 3.]])
    """
    x, y = enter(x), enter(y)
    dims = dims if axes is None else axes
    a, b = x._value.shape, y._value.shape
    if not isinstance(dims, (tuple, list, Variable, np.ndarray)):
        dims = integer("tensordot", "dims", dims)
    if isinstance(dims, int):
        most = min(len(a), len(b))
        if not 0 <= dims <= most:
            raise ValueError(f"tensordot: expected 0 to {most} dimensions for shapes {a} and {b}, got {dims}")
        of_x, of_y = list(range(len(a) - dims, len(a))), list(range(dims))
    else:
        of_x, of_y = (
            [dimension("tensordot", d, len(s)) for d in (part if isinstance(part, (tuple, list)) else [part])]
            for part, s in zip(dims, (a, b), strict=True)
        )
    if [a[d] for d in of_x] != [b[d] for d in of_y]:
        raise ValueError(f"tensordot: dimensions {of_x} of shape {a} and {of_y} of shape {b} differ in length")
    rows, columns = ([d for d in range(len(s)) if d not in part] for part, s in ((of_x, a), (of_y, b)))
    depth = math.prod(a[d] for d in of_x)
    z = matmul(
        reshape(permute(x, tuple(rows + of_x)), (math.prod(a[d] for d in rows), depth)),
        reshape(permute(y, tuple(of_y + columns)), (depth, math.prod(b[d] for d in columns))),
    )
    return reshape(z, (*(a[d] for d in rows), *(b[d] for d in columns)))


@tells
def inner(x: Any, y: Any) -> Tensor:
    """The sums of products over the last dimensions of both; of a 0-d tensor, the product.

    Parameters
    ----------
    x, y : tensor
        (..., n) and (..., n)

    Returns
    -------
    Tensor
        The other dimensions of x, then those of y.

    Raises
    ------
    ValueError
        If the last dimensions differ.

    Examples
    --------
    >>> wg.inner(wg.tensor([1., 2.]), wg.tensor([3., 4.]))
    tensor(11.)
    """
    x, y = enter(x), enter(y)
    if not x._value.ndim or not y._value.ndim:
        return multiply(x, y)
    if x._value.shape[-1] != y._value.shape[-1]:
        raise ValueError(f"inner: the last dimensions of shapes {x._value.shape} and {y._value.shape} differ")
    return tensordot(x, y, ([-1], [-1]))


def kron(x: Any, y: Any) -> Tensor:
    """Kronecker's product: every item of x times the whole of y, laid side by side.

    Parameters
    ----------
    x, y : tensor

    Returns
    -------
    Tensor
        Each dimension as long as the product of both.

    Examples
    --------
    >>> wg.kron(wg.tensor([1., 2.]), wg.tensor([1., 1.]))
    tensor([1., 1., 2., 2.])
    """
    x, y = enter(x), enter(y)
    ndim, other = x._value.ndim, y._value.ndim
    if ndim < other:
        x = reshape(x, (1,) * (other - ndim) + x._value.shape)
    elif ndim > other:
        y = reshape(y, (1,) * (ndim - other) + y._value.shape)
    if x._value.dtype is not y._value.dtype:
        x, y = of_one_dtype(x, y)
    ndim = max(ndim, other)
    if mode.recording and (x.requires_grad or y.requires_grad):
        a, b, shape = _laid_apart(x._value.shape, y._value.shape, ndim)
        return reshape(multiply(reshape(x, a), reshape(y, b)), shape)
    return _kron_at_once(x, y, ndim=ndim)


def _laid_apart(x: Any, y: Any, ndim: int) -> tuple[Any, Any, tuple[int, ...]]:
    """The shapes by which items of x and of y meet, each with each, and that of their products."""
    lead = len(x) - ndim
    a = (*x[:lead], *[n for length in x[lead:] for n in (length, 1)])
    b = (*y[:lead], *[n for length in y[lead:] for n in (1, length)])
    return a, b, tuple([m * n for m, n in zip(x[lead:], y[lead:], strict=True)])


@by_bindings
def _kron(x: np.ndarray, y: np.ndarray, ndim: int) -> np.ndarray:
    a, b, shape = _laid_apart(x.shape, y.shape, ndim)
    z: np.ndarray = multiply.operation.kernel(x.reshape(a), y.reshape(b))  # type: ignore[attr-defined]
    return z.reshape(z.shape[: z.ndim - 2 * ndim] + shape)


_kron_at_once = computed("kron", _kron, batched=leading)


def trace(x: Any) -> Tensor:
    """The sum of the diagonal of a matrix.

    Parameters
    ----------
    x : tensor
        (m, n)

    Returns
    -------
    Tensor
        0-d.

    Raises
    ------
    ValueError
        If x is not a matrix.

    Examples
    --------
    >>> wg.trace(wg.tensor([[1., 2.], [3., 4.]]))
    tensor(5.)
    """
    x = enter(x)
    if x._value.ndim != 2:
        raise ValueError(f"trace: expected a matrix, got shape {x._value.shape}")
    return apply(_TRACE, (x,), {"before": x._value.shape})


@by_bindings
def _trace(x: np.ndarray, before: tuple[int, ...]) -> np.ndarray:
    line = _kernels.diagonal(x, 0)
    total: np.ndarray = SUM.kernel(line, (line.ndim - 1,), False, before)
    return total


_TRACE = linear(
    "trace", _trace,
    lambda g, before: on_diagonal(broadcast_to(reshape(g, 1), (min(before),)), before), batched=moved(before=shaped),
)  # fmt: skip
