"""Size: what the shape of a tensor is."""

from __future__ import annotations

from typing import Any


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints its name, and knows how many items such a tensor has.

    Examples
    --------
    >>> wg.ones(2, 3).shape
    wengert.Size([2, 3])
    >>> wg.ones(2, 3).shape == (2, 3)
    True
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"wengert.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return Size(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, other))

    def numel(self) -> int:
        """The number of items.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2, 3).shape.numel()
        6
        """
        count = 1
        for n in self:
            count *= n
        return count
