"""Parameters: the tensors that a module trains."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...core import dtypes
from ...core.doors import Value, require_unfollowed
from ...core.signatures import telling
from ...core.variable import Variable, show
from ...ops import creation
from ...tensors.printing import escaped
from ...tensors.tensor import Tensor


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

    @telling
    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        if data is None:
            data = creation.empty(0)
        if not isinstance(data, Variable):
            data = creation.as_tensor(data)
        require_unfollowed(data, "a leaf")
        show(self, data)
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class _NoArray(Value):
    """Stands where a parameter's array will be, knows its dtype, and says so when it is used."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype

    def _used(self, *_: Any) -> Any:
        raise ValueError(
            "this parameter has no size yet: its layer is lazy and takes the size from its first input; run one batch "
            "through the model before using its parameters"
        )

    __getattr__ = __getitem__ = __setitem__ = __array__ = _used
    run = leave = memory = write = _used  # type: ignore[assignment]  # whatever they are given


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
    wengert.Size([2, 3])
    """

    __slots__ = ()

    @telling
    def __init__(self, requires_grad: bool = True, dtype: Any = None) -> None:
        dtype = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, "UninitializedParameter")
        Variable.__init__(self, _NoArray(dtype))
        self._tracked = requires_grad

    @property
    def dtype(self) -> np.dtype:
        """The dtype that the items will have."""
        return self._value.dtype

    def retype(self, dtype: np.dtype) -> None:
        """Choose the dtype that the items will have."""
        self._value.dtype = dtype  # type: ignore[misc]  # of the stand-in

    def materialize(self, shape: tuple[int, ...], dtype: Any = None) -> None:
        """Become a `Parameter` of a shape; its items are arbitrary until they are set."""
        dtype = self.dtype if dtype is None else dtypes.as_dtype(dtype, "materialize")
        self.__class__ = Parameter  # type: ignore[assignment]
        self.data = creation.empty(shape, dtype=dtype)  # type: ignore[misc]  # which only the class before could not

    @property  # type: ignore[misc]  # there is nothing to set
    def data(self) -> Tensor:
        """An empty tensor, as in PyTorch: a change of it does nothing to the items to come, and a warning says so."""
        warnings.warn(
            "data: this parameter has no size yet, since its layer is lazy, and what is done to its data now does "
            "nothing to the items that it will have; run one batch through the model first",
            stacklevel=2,
        )
        return creation.empty(0, dtype=self.dtype)

    def __repr__(self) -> str:
        return "<UninitializedParameter>"

    def _repr_html_(self) -> str:
        return f"<pre>{escaped(repr(self))}</pre>"  # there is no shape to tell

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        copy = UninitializedParameter(self.requires_grad, self.dtype)
        memo[id(self)] = copy
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        return UninitializedParameter, (self.requires_grad, self.dtype)
