"""How a batch is made of examples, and an example of what a data set gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..ops import from_numpy, stack
from ..tensors.tensor import Tensor

_ADVICE = "let the data set pad or cut them to one shape, or give the loader a collate_fn that does"


class RaggedError(RuntimeError):
    """Two examples that cannot be in one batch: their shapes differ, or their lengths.

    Parameters
    ----------
    message : str
    first, other : int
        Where they are in the batch.

    Examples
    --------
    >>> from wengert.data import RaggedError, default_collate
    >>> try:
    ...     default_collate([wg.ones(2), wg.ones(2), wg.ones(3)])
    ... except RaggedError as error:
    ...     print(error.first, error.other)
    0 2
    """

    def __init__(self, message: str, first: int, other: int) -> None:
        super().__init__(message)
        self.first, self.other = first, other

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.first, self.other)


def default_collate(batch: Sequence[Any]) -> Any:
    """Make one batch out of a sequence of examples, as PyTorch's function of that name does.

    Tensors, arrays and numbers are stacked along a new first dimension into a tensor: Python's floats to float64, ints
    to int64, and arrays in their own type. Strings and bytes stay as they are. Tuples, lists, named tuples and mappings
    are collated entry by entry: tuples and lists to a list, the others to their own type.

    Parameters
    ----------
    batch : sequence of examples

    Returns
    -------
    tensor, or a collection of them

    Raises
    ------
    TypeError
        If an example is of no such type.
    RaggedError
        If tensors differ in shape, or sequences in length; it is a RuntimeError, and names the first that differs.
    ValueError
        If there are no examples.

    Examples
    --------
    >>> from wengert.data import default_collate
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    if not len(batch):
        raise ValueError("default_collate: needs at least one example")
    return _collated(batch, "")


def _collated(batch: Sequence[Any], where: str) -> Any:
    """The batch of these parts of examples; `where` leads from an example to its part, as ``[1]['x']`` does."""
    first = batch[0]
    if isinstance(first, Tensor):
        _require_one_shape(batch, where)
        return stack(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, (np.ndarray, np.generic, bool, int, float)):
        arrays = [np.asarray(value) for value in batch]
        _require_one_shape(arrays, where)
        return from_numpy(np.stack(arrays))
    if isinstance(first, Mapping):
        collated = {key: _collated([example[key] for example in batch], f"{where}[{key!r}]") for key in first}
        return collated if type(first) is dict else type(first)(collated)  # type: ignore[call-arg]
    if isinstance(first, Sequence):
        lengths = [len(example) for example in batch]
        other = _first_other(lengths)
        if other:
            raise RaggedError(
                f"each element in list of batch should be of equal size; default_collate got {sorted(set(lengths))}: "
                f"{_whose(where, 0)} has the length {lengths[0]}, {_whose(where, other)} {lengths[other]}; {_ADVICE}",
                0,
                other,
            )
        parts = [_collated(part, f"{where}[{i}]") for i, part in enumerate(zip(*batch, strict=True))]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(
        "default_collate: examples must be tensors, arrays, numbers, strings, or tuples, lists and mappings of them; "
        f"found {type(first).__name__}{f' at {where}' if where else ''}"
    )


def _first_other(values: Sequence[Any]) -> int:
    """Where the first stands that differs from the one at 0; 0 if none does."""
    return next((i for i, value in enumerate(values) if value != values[0]), 0)


def _whose(where: str, entry: int) -> str:
    return f"example[{entry}]{where}"


def _require_one_shape(batch: Sequence[Any], where: str) -> None:
    shapes = [tuple(np.shape(x) if not hasattr(x, "shape") else x.shape) for x in batch]
    other = _first_other(shapes)
    if other:
        raise RaggedError(
            f"stack expects each tensor to be equal size, but got {list(shapes[0])} at entry 0 and "
            f"{list(shapes[other])} at entry {other}; default_collate cannot stack {_whose(where, 0)} of shape "
            f"{shapes[0]} and {_whose(where, other)} of shape {shapes[other]}; {_ADVICE}",
            0,
            other,
        )


def default_convert(example: Any) -> Any:
    """Turn the arrays of an example into tensors, and leave everything else as it is.

    Parameters
    ----------
    example : object
        An array, or a collection of arrays and other things; tuples become lists.

    Returns
    -------
    tensor, or a collection of them

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data import default_convert
    >>> default_convert((np.array([1, 2]), 3))
    [tensor([1, 2]), 3]
    """
    if isinstance(example, (str, bytes)):
        return example
    if isinstance(example, (np.ndarray, np.generic)):
        return from_numpy(np.asarray(example))
    if isinstance(example, Mapping):
        return {key: default_convert(value) for key, value in example.items()}
    if isinstance(example, Sequence):
        parts = [default_convert(value) for value in example]
        return type(example)(*parts) if hasattr(example, "_fields") else parts
    return example
