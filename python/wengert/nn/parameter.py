"""Parameters: the tensors that a module trains."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import creation, dtypes
from ..tape import Variable
from ..tensor import Tensor, count_change


class Parameter(Tensor):
    """A tensor that a module lists among its parameters when it is assigned to an attribute of it.

    Parameters
    ----------
    data : tensor, array or nested lists of numbers
        A tensor's memory is shared, not copied.
    requires_grad : bool

    Raises
    ------
    RuntimeError
        If a gradient is required and the dtype is not floating.

    Examples
    --------
    >>> wg.nn.Parameter(wg.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        if data is None:
            data = creation.empty(0)
        if not isinstance(data, Variable):
            data = creation.as_tensor(data)
        Variable.__init__(self, data.value, data.share_counter())
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


def _no_size(*_: Any) -> Any:
    raise ValueError(
        "this parameter has no size yet: its layer is lazy and takes the size from its first input; run one batch "
        "through the model before using its parameters"
    )


# Where a Variable keeps its array, which UninitializedParameter hides.
_ARRAY: Any = Variable.__dict__["value"]


class UninitializedParameter(Parameter):
    """A parameter of a lazy layer, before the layer has seen an input and knows its size.

    Parameters
    ----------
    requires_grad : bool
    dtype : dtype or None
        None: the default float.

    Raises
    ------
    ValueError
        By nearly every use of it as a tensor.

    Examples
    --------
    >>> p = wg.nn.UninitializedParameter()
    >>> p
    <UninitializedParameter>
    >>> p.materialize((2, 3))
    >>> p.shape
    Size([2, 3])
    """

    __slots__ = ()

    def __init__(self, requires_grad: bool = True, dtype: Any = None) -> None:
        Variable.__init__(self, None)
        self.requires_grad = requires_grad
        self.retype(dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, "UninitializedParameter"))

    @property
    def value(self) -> Any:
        """Raises: there is no array yet."""
        return _no_size()

    @value.setter
    def value(self, array: Any) -> None:
        if array is not None:
            _no_size()

    shape = property(_no_size, doc="Raises: the shape is not known yet.")

    @property
    def dtype(self) -> np.dtype:
        """The dtype that the items will have."""
        return _ARRAY.__get__(self).dtype

    def retype(self, dtype: np.dtype) -> None:
        """Choose the dtype that the items will have."""
        _ARRAY.__set__(self, np.empty(0, dtype))

    def materialize(self, shape: tuple[int, ...], dtype: Any = None) -> None:
        """Become a `Parameter` of a shape; its items are arbitrary until they are set."""
        dtype = self.dtype if dtype is None else dtypes.as_dtype(dtype, "materialize")
        self.__class__ = Parameter
        self.value = np.empty(shape, dtype)
        count_change(self)

    def __repr__(self) -> str:
        return "<UninitializedParameter>"

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        copy = UninitializedParameter(self.requires_grad, self.dtype)
        memo[id(self)] = copy
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return UninitializedParameter, (self.requires_grad, self.dtype)
