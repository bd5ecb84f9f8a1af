"""Dimensions moved, split and merged by a pattern that names them."""

from __future__ import annotations

import math
import re
from typing import Any

from ..core.doors import enter
from ..ops.join import stack
from ..ops.shape import permute, reshape

_PARTS = re.compile(r"\s*(?:(\()|(\))|(\.\.\.)|([A-Za-z_]\w*|1)|(\S))")


def _side(pattern: str, text: str, ndim: int | None) -> list[list[str]]:
    """One side of a pattern: for each dimension the axes that it is made of, the ellipsis replaced by `ndim`."""
    groups: list[list[str]] = []
    inside: list[str] | None = None
    for opens, closes, dots, name, other in _PARTS.findall(text):
        if other or (opens and inside is not None) or (closes and inside is None):
            wrong = other or opens or closes
            raise ValueError(f"rearrange: the pattern {pattern!r} has {wrong!r} where it cannot stand")
        if opens:
            inside = []
        elif closes:
            groups.append(inside or [])
            inside = None
        else:
            found = [f"...{k}" for k in range(ndim or 0)] if dots else [] if name == "1" else [name]
            if inside is not None:
                inside += found
            else:
                groups += [[axis] for axis in found] if dots or name != "1" else [[]]
    if inside is not None:
        raise ValueError(f"rearrange: the pattern {pattern!r} has a parenthesis that is not closed")
    axes = [axis for group in groups for axis in group]
    if twice := sorted({axis for axis in axes if axes.count(axis) > 1}):
        raise ValueError(f"rearrange: the pattern {pattern!r} has {', '.join(twice)} twice on one side")
    return groups


def _sizes(pattern: str, groups: list[list[str]], shape: tuple[int, ...], given: dict[str, int]) -> dict[str, int]:
    """The length of each axis, one unknown in each dimension computed."""
    lengths = dict(given)
    for group, n in zip(groups, shape, strict=True):
        unknown = [axis for axis in group if axis not in lengths]
        known = math.prod(lengths[axis] for axis in group if axis in lengths)
        if len(unknown) > 1:
            raise ValueError(f"rearrange: {pattern!r} needs the lengths of all but one of {', '.join(unknown)}")
        if (known != n and not unknown) or (unknown and (not known or n % known)):
            raise ValueError(f"rearrange: in {pattern!r} a dimension of length {n} is not made of ({' '.join(group)})")
        if unknown:
            lengths[unknown[0]] = n // known
    return lengths


def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """The same items with dimensions moved, split and merged by a pattern such as "b (h w) c -> b c h w".

    Parameters
    ----------
    tensor : tensor, or sequence of tensors
        Of several, stacked along a new first dimension.
    pattern : str
        Names of the dimensions, those in parentheses merged into one, "..." for any number of them, "1" for one of
        length 1; what stands left of the arrow becomes what stands right of it.
    **axes_lengths : int
        Lengths of names; of the dimensions in a parenthesis to the left all but one are needed.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the pattern cannot be read, or does not fit the shape.

    Notes
    -----
    The language is that of `einops.rearrange` (Rogozhnikov 2022).

    Examples
    --------
    >>> wg.func.rearrange(wg.arange(6), "(h w) -> w h", h=2)
    tensor([[0, 3],
            [1, 4],
            [2, 5]])
    >>> wg.func.rearrange(wg.zeros(2, 4, 6, 3), "b (h p) (w q) c -> b h w (p q c)", p=2, q=2).shape
    wengert.Size([2, 2, 3, 12])
    """
    x = stack(list(tensor)) if isinstance(tensor, (list, tuple)) else enter(tensor)
    left, arrow, right = pattern.partition("->")
    if not arrow or "->" in right or left.count("...") > 1 or right.count("...") != left.count("..."):
        raise ValueError(f"rearrange: expected one '->', and '...' on both sides or none, got {pattern!r}")
    shape = x._value.shape
    more = len(shape) - len(_side(pattern, left, 0))
    dots = more if "..." in left else 0
    if more != dots or more < 0:
        raise ValueError(f"rearrange: {pattern!r} does not have the {len(shape)} dimension(s) of shape {shape}")
    before, after = _side(pattern, left, dots), _side(pattern, right, dots)
    flat, wanted = ([axis for group in groups for axis in group] for groups in (before, after))
    if set(flat) != set(wanted):
        raise ValueError(f"rearrange: {', '.join(sorted(set(flat) ^ set(wanted)))} is on one side of {pattern!r} only")
    if unknown := sorted(set(axes_lengths) - set(flat)):
        raise ValueError(f"rearrange: got the length of {', '.join(unknown)}, which {pattern!r} does not have")
    lengths = _sizes(pattern, before, shape, axes_lengths)
    split = reshape(x, tuple([lengths[axis] for axis in flat]))
    moved = permute(split, *[flat.index(axis) for axis in wanted]) if wanted else split
    return reshape(moved, tuple([math.prod(lengths[axis] for axis in group) for group in after]))
