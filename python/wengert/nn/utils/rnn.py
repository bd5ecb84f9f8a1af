"""Sequences of different lengths: padded to one length, or packed step by step for recurrent layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.broadcast import cast
from ...core.doors import constant, enter, leave
from ...core.dtypes import float16, float32, float64, int32, int64
from ...core.named import NamedTuple
from ...core.variable import Variable
from ...ops.index import pick
from ...ops.join import cat
from ...ops.shape import narrow_view, reshape, transpose

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
    "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class _Packed(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Packed):
    """Sequences of different lengths without padding: the first items of all, then the second ones, and so on.

    Made by `pack_padded_sequence` and `pack_sequence`; recurrent layers take it and give it.

    Parameters
    ----------
    data : Tensor
        (items of all sequences, \\*)
    batch_sizes : Tensor
        (longest,) of int64: how many sequences have an item at each step, the longest sequences first.
    sorted_indices : Tensor or None
        (sequences,): which of the original sequences each is, the longest first. None: they came in this order.
    unsorted_indices : Tensor or None
        Where each original sequence is; by default the inverse of `sorted_indices`.

    Raises
    ------
    ValueError
        If the batch sizes are not integers in one dimension that do not grow, or do not add up to the items.

    Examples
    --------
    >>> packed = wg.nn.utils.rnn.pack_sequence([wg.tensor([1, 2, 3]), wg.tensor([4, 5])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 5, 3]), tensor([2, 2, 1]))
    """

    def __new__(
        cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> PackedSequence:
        if batch_sizes is None:
            raise ValueError("PackedSequence: expected batch_sizes, how many sequences have an item at each step")
        data, batch_sizes = enter(data), cast(enter(batch_sizes), int64)
        sizes = leave(batch_sizes, "int")
        fits = sizes.ndim == 1 and (sizes > 0).all() and (sizes[1:] <= sizes[:-1]).all()
        if not fits or data._value.ndim == 0 or sizes.sum() != data._value.shape[0]:
            raise ValueError(
                "PackedSequence: expected batch_sizes that are positive, do not grow and add up to the rows of data, "
                f"of shape {data._value.shape}; got {sizes.tolist()}"
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self, data: Any) -> PackedSequence:
        return type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def to(self, *args: Any, **keywords: Any) -> PackedSequence:
        """The sequence with its data converted, as `Tensor.to` does."""
        data = self.data.to(*args, **keywords)
        return self if data is self.data else self._with(data)

    def cpu(self) -> PackedSequence:
        """This sequence: it is on the CPU already."""
        return self

    def double(self) -> PackedSequence:
        """With data of float64."""
        return self._with(cast(self.data, float64))

    def float(self) -> PackedSequence:
        """With data of float32."""
        return self._with(cast(self.data, float32))

    def half(self) -> PackedSequence:
        """With data of float16."""
        return self._with(cast(self.data, float16))

    def long(self) -> PackedSequence:
        """With data of int64."""
        return self._with(cast(self.data, int64))

    def int(self) -> PackedSequence:
        """With data of int32."""
        return self._with(cast(self.data, int32))

    @property
    def is_cuda(self) -> bool:
        """False: there is no other device."""
        return False

    def is_pinned(self) -> bool:
        """False: no memory is pinned."""
        return False


PackedSequence.__name__ = PackedSequence.__qualname__ = "PackedSequence"


def _lengths_of(name: str, lengths: Any, count: int | None = None) -> np.ndarray:
    """Lengths as int64, checked."""
    found = leave(enter(lengths), "int") if isinstance(lengths, Variable) else np.asarray(lengths)
    if found.ndim != 1 or found.dtype.kind not in "iu" or (count is not None and found.shape[0] != count):
        expected = "integers in one dimension" if count is None else f"{count} integers, one for each sequence"
        raise ValueError(f"{name}: expected lengths that are {expected}, got shape {found.shape} of {found.dtype}")
    return found.astype(np.int64)


def _sizes_of(lengths: np.ndarray) -> np.ndarray:
    """How many sequences have an item at each step."""
    steps = np.arange(lengths.max(initial=0))
    return np.asarray((lengths > steps[:, None]).sum(1))


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes one.

    Parameters
    ----------
    permutation : tensor of integers, or None

    Returns
    -------
    Tensor or None
        None for None.

    Examples
    --------
    >>> wg.nn.utils.rnn.invert_permutation(wg.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    return constant(np.argsort, leave(enter(permutation), "int"), 0, "stable")


def pack_padded_sequence(input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> Any:
    """Padded sequences without their padding.

    Parameters
    ----------
    input : tensor
        (longest, sequences, \\*), or (sequences, longest, \\*) with `batch_first`; differentiable.
    lengths : tensor or list of int
        At least 1 each.
    batch_first : bool
    enforce_sorted : bool
        The sequences come with the longest first, and it is an error if not; else they are sorted, and what recurrent
        layers give for them comes back in their order.

    Returns
    -------
    PackedSequence

    Raises
    ------
    ValueError
        If the lengths do not fit the input, are not positive, or grow although they must not.

    Examples
    --------
    >>> rnn = wg.nn.utils.rnn
    >>> rnn.pack_padded_sequence(wg.tensor([[1, 4], [2, 5], [3, 0]]), [3, 2]).data
    tensor([1, 4, 2, 5, 3])
    """
    x = enter(input)
    shape = x._value.shape
    if len(shape) < 2:
        raise ValueError(f"pack_padded_sequence: expected input of shape (longest, sequences, ...), got {shape}")
    if batch_first:
        x = transpose(x, 0, 1)
    longest, count = x._value.shape[:2]
    given = _lengths_of("pack_padded_sequence", lengths, count)
    if not count or given.min() < 1 or given.max() > longest:
        raise ValueError(
            f"pack_padded_sequence: expected lengths from 1 to {longest} of at least one sequence, input of shape "
            f"{shape}; got {given.tolist()}"
        )
    order = np.argsort(-given, kind="stable")
    if enforce_sorted and (given[1:] > given[:-1]).any():
        raise ValueError(
            f"pack_padded_sequence: with enforce_sorted=True the longest sequence comes first, got lengths "
            f"{given.tolist()}; sort them, or pass enforce_sorted=False"
        )
    sizes = _sizes_of(given)
    places = np.concatenate([t * count + order[:n] for t, n in enumerate(sizes)])
    data = pick(reshape(x, (longest * count, *x._value.shape[2:])), (places,))
    sorted_indices = None if enforce_sorted else constant(np.asarray, order)
    return PackedSequence(data, constant(np.asarray, sizes), sorted_indices)


def pad_packed_sequence(
    sequence: Any, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, Any]:
    """Packed sequences with padding, in their original order, and their lengths.

    Parameters
    ----------
    sequence : PackedSequence
    batch_first : bool
    padding_value : float
    total_length : int or None
        Pad to it; by default to the longest.

    Returns
    -------
    padded : Tensor
        (longest, sequences, \\*), or (sequences, longest, \\*) with `batch_first`.
    lengths : Tensor
        (sequences,) of int64.

    Raises
    ------
    ValueError
        If `total_length` is less than the longest sequence.

    Examples
    --------
    >>> rnn = wg.nn.utils.rnn
    >>> rnn.pad_packed_sequence(rnn.pack_sequence([wg.tensor([1, 2, 3]), wg.tensor([4, 5])]), batch_first=True)
    (tensor([[1, 2, 3],
            [4, 5, 0]]), tensor([3, 2]))
    """
    sizes = leave(sequence.batch_sizes, "int")
    longest = len(sizes) if total_length is None else total_length
    if longest < len(sizes):
        raise ValueError(
            f"pad_packed_sequence: expected total_length of at least {len(sizes)}, the longest sequence, got "
            f"{total_length}"
        )
    data = sequence.data
    items, count = data._value.shape[0], int(sizes[0]) if len(sizes) else 0
    lengths = (sizes > np.arange(count)[:, None]).sum(1)
    columns = np.arange(count) if sequence.unsorted_indices is None else leave(sequence.unsorted_indices, "int")
    places = np.full((longest, count), items)
    starts = np.cumsum(sizes) - sizes
    for t, (start, n) in enumerate(zip(starts, sizes, strict=True)):
        places[t] = np.where(columns < n, start + columns, items)
    padding = constant(np.full, (1, *data._value.shape[1:]), padding_value, data._value.dtype)
    padded = pick(cat((data, padding)), (places.T if batch_first else places,))
    return padded, constant(np.asarray, lengths[columns])


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Any:
    """Sequences of different lengths as one tensor.

    Parameters
    ----------
    sequences : list of tensor
        (length, \\*) each, alike but for the length.
    batch_first : bool
    padding_value : float
    padding_side : {"right", "left"}

    Returns
    -------
    Tensor
        (longest, sequences, \\*), or (sequences, longest, \\*) with `batch_first`.

    Raises
    ------
    ValueError
        If there are none, or their shapes do not fit each other.

    Examples
    --------
    >>> wg.nn.utils.rnn.pad_sequence([wg.tensor([1, 2, 3]), wg.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if padding_side not in ("right", "left"):
        raise ValueError(f'pad_sequence: expected padding_side "right" or "left", got {padding_side!r}')
    parts = [enter(x) for x in sequences]
    shapes = [x._value.shape for x in parts]
    if not parts or any(not shape or shape[1:] != shapes[0][1:] for shape in shapes):
        raise ValueError(f"pad_sequence: expected sequences of shapes (length, ...), alike but for it, got {shapes}")
    lengths = np.array([shape[0] for shape in shapes])
    ends = np.cumsum(lengths)
    longest, items = int(lengths.max()), int(ends[-1])
    steps = np.arange(longest)[:, None] - (longest - lengths if padding_side == "left" else 0)
    places = np.where((steps >= 0) & (steps < lengths), ends - lengths + steps, items)
    padding = constant(np.full, (1, *shapes[0][1:]), padding_value, parts[0]._value.dtype)
    return pick(cat([*parts, padding]), (places.T if batch_first else places,))


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences that `pad_sequence` has put together.

    Parameters
    ----------
    padded_sequences : tensor
        (longest, sequences, \\*), or (sequences, longest, \\*) with `batch_first`.
    lengths : tensor or list of int
    batch_first : bool

    Returns
    -------
    list of Tensor
        (length, \\*) each.

    Examples
    --------
    >>> wg.nn.utils.rnn.unpad_sequence(wg.tensor([[1, 2, 3], [4, 0, 0]]), [3, 1], batch_first=True)
    [tensor([1, 2, 3]), tensor([4])]
    """
    x = enter(padded_sequences)
    x = x if batch_first else transpose(x, 0, 1)
    given = _lengths_of("unpad_sequence", lengths, x._value.shape[0])
    return [narrow_view(pick(x, k), 0, 0, int(n)) for k, n in enumerate(given)]


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> Any:
    """Sequences of different lengths, packed.

    Parameters
    ----------
    sequences : list of tensor
        (length, \\*) each, alike but for the length.
    enforce_sorted : bool
        As of `pack_padded_sequence`.

    Returns
    -------
    PackedSequence

    Examples
    --------
    >>> wg.nn.utils.rnn.pack_sequence([wg.tensor([1, 2, 3]), wg.tensor([4, 5])]).batch_sizes
    tensor([2, 2, 1])
    """
    parts = [enter(x) for x in sequences]
    padded = pad_sequence(parts)
    return pack_padded_sequence(padded, [x._value.shape[0] for x in parts], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: Any) -> list[Any]:
    """The sequences that `pack_sequence` has packed.

    Parameters
    ----------
    packed_sequences : PackedSequence

    Returns
    -------
    list of Tensor
        (length, \\*) each.

    Examples
    --------
    >>> rnn = wg.nn.utils.rnn
    >>> rnn.unpack_sequence(rnn.pack_sequence([wg.tensor([1, 2, 3]), wg.tensor([4, 5])]))
    [tensor([1, 2, 3]), tensor([4, 5])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
