"""Tensor: an array with a gradient, operators and methods.

A tensor wraps one NumPy array and behaves as PyTorch's does wherever PyTorch has the name; NumPy's spellings of
keywords (`axis`, `keepdims`) are accepted beside PyTorch's. The methods are the functions of `wengert.ops`; what is
here is what concerns the object itself: attributes, operators, indexing, change in place, and the way into the
backward walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np

from ..core import arguments, dtypes, hooks
from ..core.backward import backward
from ..core.broadcast import cast
from ..core.change import forget, renew, rewrite
from ..core.doors import change, enter, line
from ..core.modes import mode
from ..core.signatures import telling
from ..core.variable import Variable, register, wrap
from ..ops import (
    arithmetic,
    contractions,
    creation,
    decompositions,
    distance,
    extremes,
    linalg,
    logic,
    nn,
    pieces,
    random,
    reduce,
    rounding,
    running,
    scattering,
    sorting,
    statistics,
    transcendental,
)
from ..ops import elementwise as e
from ..ops import index as i
from ..ops import shape as s
from . import conversion, inplace, interop
from .inplace import in_place
from .printing import tensor_text


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


class Tensor(Variable):
    """A multi-dimensional array that remembers how it was computed.

    Parameters
    ----------
    data : array or nested lists of numbers
        Converted to the default float. `wengert.tensor` keeps the dtype that the data has.

    Examples
    --------
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()

    _value: np.ndarray

    def __init__(self, data: Any = (), counter: list[Any] | None = None, node: Any = None) -> None:
        default = dtypes.get_default_dtype()
        if type(data) is not np.ndarray or (counter is None and node is None and data.dtype != default):
            data = np.array(data, dtype=default)
        Variable.__init__(self, data, counter, node)

    # ------------------------------------------------------------ attributes

    @property
    def shape(self) -> Size:
        """The lengths of the dimensions.

        Returns
        -------
        Size

        Examples
        --------
        >>> wg.ones(2, 3).shape
        wengert.Size([2, 3])
        """
        return Size(self._value.shape)

    @property
    def dtype(self) -> np.dtype:
        """The NumPy dtype of the items.

        Returns
        -------
        numpy.dtype

        Examples
        --------
        >>> wg.ones(2).dtype
        dtype('float32')
        """
        return self._value.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2, 3).ndim
        2
        """
        return self._value.ndim

    @property
    def device(self) -> str:
        """Where the tensor lives: always "cpu".

        Returns
        -------
        str

        Examples
        --------
        >>> wg.ones(2).device
        'cpu'
        """
        return "cpu"

    @property
    def itemsize(self) -> int:
        """Bytes per item.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2).itemsize
        4
        """
        return self._value.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all items.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2, 3).nbytes
        24
        """
        return self._value.nbytes

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than by a recorded operation.

        Returns
        -------
        bool

        Examples
        --------
        >>> x = wg.ones(2, requires_grad=True)
        >>> x.is_leaf, (x * 2).is_leaf
        (True, False)
        """
        return not self.requires_grad or self._node is None

    @property
    def grad_fn(self) -> Any:
        """The node that computed the tensor; None for a leaf.

        Returns
        -------
        node or None

        Examples
        --------
        >>> x = wg.ones(2, requires_grad=True)
        >>> x.grad_fn is None, (x * 2).grad_fn is None
        (True, False)
        """
        return self._node if self.requires_grad else None

    @property
    def data(self) -> Tensor:
        """The same memory without the graph. Changes through it count as changes of this tensor.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> x = wg.ones(2, requires_grad=True)
        >>> x.data[0] = 5
        >>> x
        tensor([5., 1.], requires_grad=True)
        """
        return self.detach()

    @data.setter
    def data(self, other: Any) -> None:
        value = enter(other)._value
        self._value = value
        self._counter = [self._share_counter()[0] + 1, line()]
        self._base = None

    @property
    def T(self) -> Tensor:
        """A view with the dimensions reversed.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> wg.tensor([[1, 2], [3, 4]]).T
        tensor([[1, 3],
                [2, 4]])
        """
        return s.reverse_dimensions(self)

    @property
    def mT(self) -> Tensor:
        """A view of matrices, the last two dimensions, transposed.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> wg.tensor([[1, 2], [3, 4]]).mT
        tensor([[1, 3],
                [2, 4]])
        """
        return s.matrix_transpose(self)

    @property
    def _version(self) -> int:
        return self._counter[0] if self._counter else 0

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one length of it.

        Parameters
        ----------
        dim : int or None
            None: all of them.

        Returns
        -------
        Size or int

        Raises
        ------
        IndexError
            If there is no such dimension.

        Examples
        --------
        >>> wg.ones(2, 3).size()
        wengert.Size([2, 3])
        >>> wg.ones(2, 3).size(-1)
        3
        """
        return self.shape if dim is None else self._value.shape[arguments.dimension("size", dim, self._value.ndim)]

    def dim(self) -> int:
        """The number of dimensions.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2, 3).dim()
        2
        """
        return self._value.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of items.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2, 3).numel()
        6
        """
        return self._value.size

    nelement = numel

    def element_size(self) -> int:
        """Bytes per item.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2, dtype=wg.float64).element_size()
        8
        """
        return self._value.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """The steps between neighbours along each dimension, in items.

        Parameters
        ----------
        dim : int or None
            None: of all dimensions.

        Returns
        -------
        tuple of int, or int

        Raises
        ------
        IndexError
            If there is no such dimension.

        Examples
        --------
        >>> wg.ones(2, 3).stride()
        (3, 1)
        >>> wg.ones(2, 3).T.stride()
        (1, 3)
        """
        strides = tuple(n // self._value.itemsize for n in self._value.strides)
        return strides if dim is None else strides[arguments.dimension("stride", dim, self._value.ndim)]

    def is_contiguous(self) -> bool:
        """Whether the items lie in C order without gaps.

        Returns
        -------
        bool

        Examples
        --------
        >>> wg.ones(2, 3).is_contiguous(), wg.ones(2, 3).T.is_contiguous()
        (True, False)
        """
        return self._value.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating one.

        Returns
        -------
        bool

        Examples
        --------
        >>> wg.tensor([1., 2.]).is_floating_point(), wg.tensor([1, 2]).is_floating_point()
        (True, False)
        """
        return self._value.dtype.kind == "f"

    def is_complex(self) -> bool:
        """Whether the dtype is a complex one: never.

        Returns
        -------
        bool

        Examples
        --------
        >>> wg.ones(2).is_complex()
        False
        """
        return False

    def is_signed(self) -> bool:
        """Whether the dtype has negative numbers.

        Returns
        -------
        bool

        Examples
        --------
        >>> wg.ones(2).is_signed(), wg.ones(2, dtype=wg.uint8).is_signed()
        (True, False)
        """
        return self._value.dtype.kind in "if"

    def is_nonzero(self) -> bool:
        """Whether the one item is not zero.

        Returns
        -------
        bool

        Raises
        ------
        RuntimeError
            If there is not exactly one item.

        Examples
        --------
        >>> wg.tensor([0.]).is_nonzero()
        False
        """
        return conversion.as_bool(self)

    def data_ptr(self) -> int:
        """The address of the first item.

        Returns
        -------
        int

        Examples
        --------
        >>> x = wg.ones(2)
        >>> x.data_ptr() == x.numpy().ctypes.data
        True
        """
        return self._value.ctypes.data

    # ------------------------------------------------------------ recording

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Record, or no longer record, what is computed from this leaf.

        Parameters
        ----------
        requires_grad : bool

        Returns
        -------
        Tensor
            This tensor itself.

        Raises
        ------
        RuntimeError
            If the tensor is not a leaf and `requires_grad` is False, or if its dtype has no derivatives.

        Examples
        --------
        >>> x = wg.tensor([1., 2.]).requires_grad_()
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        if requires_grad and self._value.dtype.kind != "f":
            raise RuntimeError(f"requires_grad_: only floating tensors have gradients, this one is {self._value.dtype}")
        if self.grad_fn is None:
            self._base = None  # a leaf is nobody's view: what happens to others is not its history
        elif not requires_grad:
            raise RuntimeError("requires_grad_: only a leaf can stop requiring a gradient; use detach()")
        self._tracked = requires_grad
        return self

    def detach(self) -> Tensor:
        """A constant over the same memory.

        Returns
        -------
        Tensor
            What is computed from it is not recorded; changes in place show in both.

        Examples
        --------
        >>> x = wg.tensor([1., 2.], requires_grad=True)
        >>> (x * 2).detach().requires_grad
        False
        """
        return wrap(self._value, self._share_counter())

    def detach_(self) -> Tensor:
        """Forget how this tensor was computed.

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> x = wg.tensor([1., 2.], requires_grad=True)
        >>> (x * 2).detach_().requires_grad
        False
        """
        forget(self)
        return self

    def _renew(self) -> None:
        """Of a view whose base has a new history: take the one that follows from it."""
        renew(self)

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradient of this tensor to `.grad` of every leaf that it depends on.

        Parameters
        ----------
        gradient : tensor or None
            The cotangent of this tensor; may be left out for a single item, where it is 1.
        retain_graph : bool or None
            Keep the saved values for another walk; by default only with `create_graph`.
        create_graph : bool
            Record the walk itself, so that its results can be differentiated.
        inputs : tensor, sequence of tensor or None
            Only these receive gradients.

        Raises
        ------
        RuntimeError
            If nothing was recorded, if `gradient` is left out for more than one item or does not have this tensor's
            shape, or if the graph was walked before and its values are gone.

        Examples
        --------
        >>> x = wg.tensor([1., 2.], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        >>> y = x * x
        >>> y.backward(wg.tensor([1., 10.]))
        >>> x.grad
        tensor([ 4., 44.])
        """
        backward(self, gradient, retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Call `hook` with this tensor's gradient when it is known; what it returns, if anything, replaces it.

        Parameters
        ----------
        hook : callable
            Of the gradient.

        Returns
        -------
        handle
            `handle.remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            If the tensor does not require a gradient.

        Examples
        --------
        >>> x = wg.tensor([1., 2.], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> x.sum().backward()
        >>> x.grad
        tensor([10., 10.])
        >>> handle.remove()
        """
        return hooks.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """Call `hook` with this leaf each time a backward walk has updated its `.grad`.

        Parameters
        ----------
        hook : callable
            Of this tensor.

        Returns
        -------
        handle
            `handle.remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            If the tensor is not a leaf that requires a gradient.

        Examples
        --------
        >>> x = wg.tensor([1., 2.], requires_grad=True)
        >>> handle = x.register_post_accumulate_grad_hook(lambda x: print("gradient:", x.grad))
        >>> x.sum().backward()
        gradient: tensor([1., 1.])
        """
        return hooks.register_post_accumulate_grad_hook(self, hook)

    def retain_grad(self) -> None:
        """Let the backward walk set `.grad` although this is not a leaf.

        Raises
        ------
        RuntimeError
            If the tensor does not require a gradient.

        Examples
        --------
        >>> x = wg.tensor([1., 2.], requires_grad=True)
        >>> y = x * 3
        >>> y.retain_grad()
        >>> (y * y).sum().backward()
        >>> y.grad
        tensor([ 6., 12.])
        """
        hooks.retain_grad(self)

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` lets the backward walk set `.grad` although this is not a leaf.

        Returns
        -------
        bool

        Examples
        --------
        >>> y = wg.ones(2, requires_grad=True) * 3
        >>> y.retain_grad()
        >>> y.retains_grad
        True
        """
        return hooks.retains_grad(self)

    # ------------------------------------------------------------ leaving

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The array that this tensor wraps: the same memory.

        Parameters
        ----------
        force : bool
            Also of a tensor that requires a gradient; changes through the array slip past the walk then.

        Returns
        -------
        numpy.ndarray

        Raises
        ------
        RuntimeError
            If the tensor requires a gradient.

        Examples
        --------
        >>> x = wg.zeros(2)
        >>> x.numpy()[0] = 5
        >>> x
        tensor([5., 0.])
        """
        if self.requires_grad and not force:
            raise RuntimeError("numpy: this tensor requires a gradient; use tensor.detach().numpy()")
        return self._value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a tensor of {array.dtype} cannot become {np.dtype(dtype)} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return interop.array_ufunc(ufunc, method, inputs, keywords)

    def __array_function__(self, function: Any, types: Any, args: Any, keywords: Any) -> Any:
        return interop.array_function(function, args, keywords)

    def _shared(self, error: Any = BufferError) -> np.ndarray:
        """The array, for another library to share its memory."""
        if self.requires_grad:
            raise error("a tensor that requires a gradient does not share its memory, since changes would slip past")
        return self._value

    def __buffer__(self, flags: int) -> memoryview:  # from Python 3.12; the compiled class has its own in tensor.pxd
        return self._shared().data

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._shared(AttributeError).__array_interface__

    def __dlpack__(self, **keywords: Any) -> Any:
        return self._shared().__dlpack__(**{name: value for name, value in keywords.items() if value is not None})

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._value.__dlpack_device__()

    def item(self) -> Any:
        """The one item, as a Python number.

        Returns
        -------
        int, float or bool

        Raises
        ------
        RuntimeError
            If there is not exactly one item.

        Examples
        --------
        >>> wg.tensor([3.5]).item()
        3.5
        """
        if self._value.size != 1:
            raise RuntimeError(f"item: expected a tensor of one item, got shape {self._value.shape}")
        return self._value.item()

    def __float__(self) -> float:
        return conversion.as_float(self)

    def __int__(self) -> int:
        return conversion.as_int(self)

    def __index__(self) -> int:
        return conversion.as_index(self)

    def __bool__(self) -> bool:
        return conversion.as_bool(self)

    def __len__(self) -> int:
        if not self._value.ndim:
            raise TypeError("len: a 0-d tensor has no length")
        return len(self._value)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._value.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[k] for k in range(self._value.shape[0]))

    def __reversed__(self) -> Tensor:
        return s.flip(self, 0)

    def __contains__(self, x: Any) -> bool:
        return bool((self == x)._value.any())

    def __repr__(self) -> str:
        return tensor_text(self)

    def __format__(self, spec: str) -> str:
        return conversion.formatted(self, spec)

    def __hash__(self) -> int:
        return id(self) >> 4

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._node is not None:
            raise RuntimeError("only leaves can be pickled or copied with copy.copy; detach() this tensor first")
        return _rebuild, (type(self), self._value, self.requires_grad, self.grad, getattr(self, "__dict__", None))

    def __copy__(self) -> Tensor:
        rebuild, arguments = self.__reduce_ex__(4)
        copy: Tensor = rebuild(*arguments)
        copy._counter = self._share_counter()  # it shows the same memory
        return copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self._node is not None:
            raise RuntimeError("only leaves can be deep-copied; detach() this tensor first")
        grad = self.grad.__deepcopy__(memo) if self.grad is not None else None
        copy = _rebuild(type(self), self._value.copy(), self.requires_grad, grad)
        memo[id(self)] = copy
        if hasattr(self, "__dict__"):
            copy.__dict__.update(deepcopy(self.__dict__, memo))
        return copy

    # ------------------------------------------------------------ operators

    def __add__(self, y: Any) -> Tensor:
        return e.add(self, y)

    def __radd__(self, y: Any) -> Tensor:
        return e.add(y, self)

    def __sub__(self, y: Any) -> Tensor:
        return e.subtract(self, y)

    def __rsub__(self, y: Any) -> Tensor:
        return e.subtract(y, self)

    def __mul__(self, y: Any) -> Tensor:
        return e.multiply(self, y)

    def __rmul__(self, y: Any) -> Tensor:
        return e.multiply(y, self)

    def __truediv__(self, y: Any) -> Tensor:
        return e.divide(self, y)

    def __rtruediv__(self, y: Any) -> Tensor:
        return e.divide(y, self)

    def __pow__(self, y: Any) -> Tensor:
        return arithmetic.power(self, y)

    def __rpow__(self, y: Any) -> Tensor:
        return e.power(y, self)

    def __matmul__(self, y: Any) -> Tensor:
        return linalg.matmul(self, y)

    def __rmatmul__(self, y: Any) -> Tensor:
        return linalg.matmul(y, self)

    def __floordiv__(self, y: Any) -> Tensor:
        return rounding.floor_divide(self, y)

    def __rfloordiv__(self, y: Any) -> Tensor:
        return rounding.floor_divide(y, self)

    def __mod__(self, y: Any) -> Tensor:
        return rounding.remainder(self, y)

    def __rmod__(self, y: Any) -> Tensor:
        return rounding.remainder(y, self)

    def __divmod__(self, y: Any) -> tuple[Tensor, Tensor]:
        return rounding.floor_divide(self, y), rounding.remainder(self, y)

    def __rdivmod__(self, y: Any) -> tuple[Tensor, Tensor]:
        return rounding.floor_divide(y, self), rounding.remainder(y, self)

    def __and__(self, y: Any) -> Tensor:
        return logic.bitwise_and(self, y)

    def __rand__(self, y: Any) -> Tensor:
        return logic.bitwise_and(y, self)

    def __or__(self, y: Any) -> Tensor:
        return logic.bitwise_or(self, y)

    def __ror__(self, y: Any) -> Tensor:
        return logic.bitwise_or(y, self)

    def __xor__(self, y: Any) -> Tensor:
        return logic.bitwise_xor(self, y)

    def __rxor__(self, y: Any) -> Tensor:
        return logic.bitwise_xor(y, self)

    def __lshift__(self, y: Any) -> Tensor:
        return logic.bitwise_left_shift(self, y)

    def __rlshift__(self, y: Any) -> Tensor:
        return logic.bitwise_left_shift(y, self)

    def __rshift__(self, y: Any) -> Tensor:
        return logic.bitwise_right_shift(self, y)

    def __rrshift__(self, y: Any) -> Tensor:
        return logic.bitwise_right_shift(y, self)

    def __invert__(self) -> Tensor:
        return logic.bitwise_not(self)

    def __neg__(self) -> Tensor:
        return e.negative(self)

    def __pos__(self) -> Tensor:
        """The tensor itself.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> +wg.tensor([1., -2.])
        tensor([ 1., -2.])
        """
        return self

    def __abs__(self) -> Tensor:
        return e.abs(self)

    def __eq__(self, y: object) -> Any:
        return _comparable(y) and e.equal(self, y)

    def __ne__(self, y: object) -> Any:
        return not _comparable(y) or e.not_equal(self, y)

    def __lt__(self, y: Any) -> Tensor:
        return e.less(self, y)

    def __le__(self, y: Any) -> Tensor:
        return e.less_equal(self, y)

    def __gt__(self, y: Any) -> Tensor:
        return e.greater(self, y)

    def __ge__(self, y: Any) -> Tensor:
        return e.greater_equal(self, y)

    def __iadd__(self, y: Any) -> Tensor:
        return self.add_(y)

    def __isub__(self, y: Any) -> Tensor:
        return self.sub_(y)

    def __imul__(self, y: Any) -> Tensor:
        return self.mul_(y)

    def __itruediv__(self, y: Any) -> Tensor:
        return self.div_(y)

    def __ipow__(self, y: Any) -> Tensor:
        return self.pow_(y)

    def __ifloordiv__(self, y: Any) -> Tensor:
        return self.floor_divide_(y)

    def __imod__(self, y: Any) -> Tensor:
        return self.remainder_(y)

    def __iand__(self, y: Any) -> Tensor:
        return self.bitwise_and_(y)

    def __ior__(self, y: Any) -> Tensor:
        return self.bitwise_or_(y)

    def __ixor__(self, y: Any) -> Tensor:
        return self.bitwise_xor_(y)

    def __ilshift__(self, y: Any) -> Tensor:
        return self.bitwise_left_shift_(y)

    def __irshift__(self, y: Any) -> Tensor:
        return self.bitwise_right_shift_(y)

    def __getitem__(self, key: Any) -> Tensor:
        return i.index(self, key)

    def __setitem__(self, key: Any, y: Any) -> None:
        if mode.recording and (self.requires_grad or (isinstance(y, Variable) and y.requires_grad)):
            rewrite(self, "index_put_", lambda old: i.index_put(old, key, y))
            return
        keys, _ = i.plain_keys(key)
        change("index_put_", (self,), lambda value, items: i.assign(value, keys, items), y)

    # ------------------------------------------------------------ change in place

    def copy_(self, y: Any, non_blocking: bool = False) -> Tensor:
        """Take over y's items, broadcast and cast.

        Parameters
        ----------
        y : tensor, array or number
            Of a shape that broadcasts to this one.
        non_blocking : bool
            Accepted as in PyTorch; a copy is done when it returns.

        Returns
        -------
        Tensor
            This tensor itself.

        Raises
        ------
        ValueError
            If y does not broadcast to this shape.
        RuntimeError
            If this is a leaf that requires a gradient, and operations are recorded.

        Examples
        --------
        >>> wg.zeros(2, 2).copy_(wg.tensor([1, 2]))
        tensor([[1., 2.],
                [1., 2.]])
        """

        def taken(old: Tensor) -> Tensor:
            new = enter(y)
            dtype = old._value.dtype
            if new._value.dtype != dtype:
                new = cast(new, dtype)
            if new._value.shape == old._value.shape and not new.requires_grad:
                return new
            return s.broadcast_to(new, old._value.shape)

        return rewrite(self, "copy_", taken)

    def fill_(self, value: Any) -> Tensor:
        """Set every item to one value.

        Parameters
        ----------
        value : number

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> wg.zeros(3).fill_(7)
        tensor([7., 7., 7.])
        """
        return self.copy_(value)

    def zero_(self) -> Tensor:
        """Set every item to zero.

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> wg.ones(3).zero_()
        tensor([0., 0., 0.])
        """
        return self.copy_(0)

    def add_(self, y: Any, *, alpha: float = 1) -> Tensor:
        """Add alpha * y in place.

        Parameters
        ----------
        y : tensor, array or number
            Of a shape that broadcasts to this one.
        alpha : number

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> wg.tensor([1., 2.]).add_(wg.tensor([3., 4.]), alpha=10)
        tensor([31., 42.])
        """
        return rewrite(self, "add_", lambda old: e.add(old, y if alpha == 1 else y * alpha))

    def sub_(self, y: Any, *, alpha: float = 1) -> Tensor:
        """Subtract alpha * y in place.

        Parameters
        ----------
        y : tensor, array or number
            Of a shape that broadcasts to this one.
        alpha : number

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> wg.tensor([1., 2.]).sub_(1)
        tensor([0., 1.])
        """
        return rewrite(self, "sub_", lambda old: e.subtract(old, y if alpha == 1 else y * alpha))

    def mul_(self, y: Any) -> Tensor:
        """Multiply by y in place.

        Parameters
        ----------
        y : tensor, array or number
            Of a shape that broadcasts to this one.

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> wg.tensor([1., 2.]).mul_(3)
        tensor([3., 6.])
        """
        return rewrite(self, "mul_", lambda old: e.multiply(old, y))

    def div_(self, y: Any, *, rounding_mode: str | None = None) -> Tensor:
        """Divide by y in place.

        Parameters
        ----------
        y : tensor, array or number
            Of a shape that broadcasts to this one.
        rounding_mode : {"trunc", "floor"} or None
            Round towards zero, or down; None: do not.

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> wg.tensor([-7., 7.]).div_(2)
        tensor([-3.5000,  3.5000])
        >>> wg.tensor([-7., 7.]).div_(2, rounding_mode="floor")
        tensor([-4.,  3.])
        """
        return rewrite(self, "div_", lambda old: arithmetic.divide(old, y, rounding_mode=rounding_mode))

    def pow_(self, y: Any) -> Tensor:
        """Raise to the power of y in place.

        Parameters
        ----------
        y : tensor, array or number
            Of a shape that broadcasts to this one.

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> wg.tensor([2., 3.]).pow_(2)
        tensor([4., 9.])
        """
        return rewrite(self, "pow_", lambda old: arithmetic.power(old, y))

    abs_, neg_, sign_, square_ = map(in_place, (e.abs, e.negative, e.sign, e.square))
    sqrt_, rsqrt_, reciprocal_ = map(in_place, (e.sqrt, transcendental.rsqrt, e.reciprocal))
    exp_, exp2_, expm1_ = map(in_place, (e.exp, transcendental.exp2, e.expm1))
    log_, log2_, log10_, log1p_ = map(in_place, (e.log, transcendental.log2, transcendental.log10, e.log1p))
    sin_, cos_, tan_ = map(in_place, (e.sin, e.cos, transcendental.tan))
    asin_, acos_, atan_ = map(in_place, (transcendental.asin, transcendental.acos, transcendental.atan))
    sinh_, cosh_, tanh_ = map(in_place, (transcendental.sinh, transcendental.cosh, e.tanh))
    asinh_, acosh_, atanh_ = map(in_place, (transcendental.asinh, transcendental.acosh, transcendental.atanh))
    arcsin_, arccos_, arctan_, arcsinh_, arccosh_, arctanh_ = asin_, acos_, atan_, asinh_, acosh_, atanh_
    sigmoid_, relu_, erf_, logit_ = map(in_place, (e.sigmoid, e.relu, e.erf, transcendental.logit))
    deg2rad_, rad2deg_ = map(in_place, (transcendental.deg2rad, transcendental.rad2deg))
    floor_, ceil_, round_, trunc_ = map(in_place, (rounding.floor, rounding.ceil, rounding.round, rounding.trunc))
    frac_, nan_to_num_ = map(in_place, (rounding.frac, arithmetic.nan_to_num))
    clamp_, clamp_min_, clamp_max_ = map(in_place, (e.clip, arithmetic.clamp_min, arithmetic.clamp_max))
    floor_divide_, remainder_, fmod_ = map(in_place, (rounding.floor_divide, rounding.remainder, rounding.fmod))
    atan2_, hypot_, xlogy_ = map(in_place, (transcendental.atan2, transcendental.hypot, transcendental.xlogy))
    copysign_, float_power_ = map(in_place, (arithmetic.copysign, arithmetic.float_power))
    lerp_, addcmul_, addcdiv_ = map(in_place, (arithmetic.lerp, arithmetic.addcmul, arithmetic.addcdiv))
    eq_, ne_, lt_, le_, gt_, ge_ = map(
        in_place, (e.equal, e.not_equal, e.less, e.less_equal, e.greater, e.greater_equal)
    )
    logical_and_, logical_or_ = map(in_place, (e.logical_and, logic.logical_or))
    logical_xor_, logical_not_ = map(in_place, (logic.logical_xor, logic.logical_not))
    bitwise_and_, bitwise_or_ = map(in_place, (logic.bitwise_and, logic.bitwise_or))
    bitwise_xor_, bitwise_not_ = map(in_place, (logic.bitwise_xor, logic.bitwise_not))
    bitwise_left_shift_, bitwise_right_shift_ = map(in_place, (logic.bitwise_left_shift, logic.bitwise_right_shift))
    cumsum_, cumprod_ = map(in_place, (reduce.cumsum, running.cumprod))
    addmm_, addmv_, baddbmm_ = map(in_place, (linalg.addmm, linalg.addmv, linalg.baddbmm))
    masked_fill_, masked_scatter_ = map(in_place, (scattering.masked_fill, scattering.masked_scatter))
    scatter_, scatter_add_, index_put_ = map(in_place, (scattering.scatter, scattering.scatter_add, i.index_put))
    index_add_, index_copy_ = map(in_place, (scattering.index_add, scattering.index_copy))
    index_fill_ = in_place(scattering.index_fill)
    clip_, absolute_, negative_, fix_, multiply_, divide_, subtract_ = clamp_, abs_, neg_, trunc_, mul_, div_, sub_
    greater_, greater_equal_, less_, less_equal_, not_equal_ = gt_, ge_, lt_, le_, ne_
    true_divide_ = div_
    uniform_ = telling(random.uniform_)
    normal_ = telling(random.normal_)
    bernoulli_ = telling(random.bernoulli_)
    exponential_ = telling(random.exponential_)
    fill_diagonal_, random_ = inplace.fill_diagonal_, inplace.random_
    squeeze_, unsqueeze_, transpose_, t_ = inplace.squeeze_, inplace.unsqueeze_, inplace.transpose_, inplace.t_
    swapaxes_ = swapdims_ = transpose_

    # ------------------------------------------------------------ methods that are functions

    def pow(self, y: Any) -> Tensor:
        """x to the power of y.

        Parameters
        ----------
        y : tensor, array or number
            Of a shape that broadcasts with this one.

        Returns
        -------
        Tensor
            Of the broadcast shape.

        Examples
        --------
        >>> wg.tensor([2., 3.]).pow(2)
        tensor([4., 9.])
        """
        return arithmetic.power(self, y)

    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A differentiable copy, in C order.

        Parameters
        ----------
        memory_format : object
            Accepted as in PyTorch; the copy lies in C order.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> x = wg.tensor([1., 2.])
        >>> y = x.clone()
        >>> y[0] = 5
        >>> x
        tensor([1., 2.])
        """
        return s.clone(self)

    def contiguous(self, *, memory_format: Any = None) -> Tensor:
        """The tensor itself if it lies in C order, else a copy that does.

        Parameters
        ----------
        memory_format : object
            Accepted as in PyTorch; the only one is C order.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> wg.ones(2, 3).T.contiguous().stride()
        (2, 1)
        """
        return self if self._value.flags.c_contiguous else s.clone(self)

    def where(self, condition: Any, y: Any) -> Tensor:
        """This tensor's items where the condition holds, y's elsewhere.

        Parameters
        ----------
        condition : tensor or array of bool
        y : tensor, array or number
            All three broadcast together.

        Returns
        -------
        Tensor
            Of the broadcast shape.

        Raises
        ------
        TypeError
            If the condition is not boolean.
        ValueError
            If the shapes do not broadcast.

        Examples
        --------
        >>> x = wg.tensor([-1., 2.])
        >>> x.where(x > 0, 0)
        tensor([0., 2.])
        """
        return e.where(condition, self, y)

    def expand_as(self, other: Tensor) -> Tensor:
        """A view broadcast to another tensor's shape.

        Parameters
        ----------
        other : tensor

        Returns
        -------
        Tensor
            A view, whose items along the added dimensions are the same memory.

        Raises
        ------
        ValueError
            If this shape does not broadcast to that one.

        Examples
        --------
        >>> wg.tensor([1., 2.]).expand_as(wg.zeros(2, 2))
        tensor([[1., 2.],
                [1., 2.]])
        """
        return s.broadcast_to(self, other._value.shape)

    def view_as(self, other: Tensor) -> Tensor:
        """The same items in another tensor's shape.

        Parameters
        ----------
        other : tensor
            With as many items.

        Returns
        -------
        Tensor
            A view.

        Raises
        ------
        RuntimeError
            If the memory of this tensor cannot be seen so.

        Examples
        --------
        >>> wg.arange(4).view_as(wg.zeros(2, 2))
        tensor([[0, 1],
                [2, 3]])
        """
        return s.view(self, other._value.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """The same items in another tensor's shape.

        Parameters
        ----------
        other : tensor
            With as many items.

        Returns
        -------
        Tensor
            A view if that is possible, else a copy.

        Raises
        ------
        RuntimeError
            If the numbers of items differ.

        Examples
        --------
        >>> wg.arange(4).reshape_as(wg.zeros(2, 2))
        tensor([[0, 1],
                [2, 3]])
        """
        return s.reshape(self, other._value.shape)

    # Conversion
    to, type, type_as, cpu = telling(conversion.to), conversion.type, conversion.type_as, conversion.cpu
    float, double, half, long = conversion.float, conversion.double, conversion.half, conversion.long
    int, short, char, byte, bool = (
        conversion.int, conversion.short, conversion.char, conversion.byte, conversion.bool
    )  # fmt: skip
    tolist, new_tensor = conversion.tolist, conversion.new_tensor
    new_empty, new_full = conversion.new_empty, conversion.new_full
    new_zeros, new_ones = conversion.new_zeros, conversion.new_ones
    # Arithmetic
    add, sub, div = arithmetic.add, arithmetic.subtract, arithmetic.divide
    subtract, divide, true_divide = sub, div, e.divide
    mul = multiply = e.multiply
    neg = negative = e.negative
    positive = __pos__
    abs = absolute = e.abs
    sign, square, sqrt, reciprocal, maximum, minimum = e.sign, e.square, e.sqrt, e.reciprocal, e.maximum, e.minimum
    floor_divide, remainder, fmod, frac = rounding.floor_divide, rounding.remainder, rounding.fmod, rounding.frac
    floor, ceil, round, trunc, fix = rounding.floor, rounding.ceil, rounding.round, rounding.trunc, rounding.trunc
    float_power, copysign, nan_to_num = arithmetic.float_power, arithmetic.copysign, arithmetic.nan_to_num
    lerp, addcmul, addcdiv = arithmetic.lerp, arithmetic.addcmul, arithmetic.addcdiv
    clip = clamp = e.clip
    clamp_min, clamp_max = arithmetic.clamp_min, arithmetic.clamp_max
    # Functions of one number, or of two
    exp, expm1, log, log1p, sin, cos, erf = e.exp, e.expm1, e.log, e.log1p, e.sin, e.cos, e.erf
    tanh, sigmoid, relu, softmax, log_softmax = e.tanh, e.sigmoid, e.relu, nn.softmax, nn.log_softmax
    exp2, log2, log10, rsqrt = transcendental.exp2, transcendental.log2, transcendental.log10, transcendental.rsqrt
    tan, asin, acos, atan = transcendental.tan, transcendental.asin, transcendental.acos, transcendental.atan
    sinh, cosh, atan2 = transcendental.sinh, transcendental.cosh, transcendental.atan2
    asinh, acosh, atanh = transcendental.asinh, transcendental.acosh, transcendental.atanh
    arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
    hypot, logaddexp, xlogy = transcendental.hypot, transcendental.logaddexp, transcendental.xlogy
    prelu = nn.prelu
    logit, deg2rad, rad2deg = transcendental.logit, transcendental.deg2rad, transcendental.rad2deg
    # Comparison, truth and bits
    eq, ne, lt, le, gt, ge = e.equal, e.not_equal, e.less, e.less_equal, e.greater, e.greater_equal
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
    logical_and, logical_or, logical_xor = e.logical_and, logic.logical_or, logic.logical_xor
    logical_not, signbit, isposinf, isneginf = logic.logical_not, logic.signbit, logic.isposinf, logic.isneginf
    isnan, isinf, isfinite, isclose = logic.isnan, logic.isinf, logic.isfinite, logic.isclose
    allclose, equal, isin = logic.allclose, logic.equal, logic.isin
    bitwise_and, bitwise_or, bitwise_xor = logic.bitwise_and, logic.bitwise_or, logic.bitwise_xor
    bitwise_not, bitwise_left_shift = logic.bitwise_not, logic.bitwise_left_shift
    bitwise_right_shift = logic.bitwise_right_shift
    # Reductions and order
    sum, mean, prod = telling(reduce.sum), telling(reduce.mean), telling(reduce.prod)
    var, std, amax = telling(reduce.var), telling(reduce.std), telling(reduce.amax)
    amin, argmax, argmin = telling(reduce.amin), telling(reduce.argmax), telling(reduce.argmin)
    max, min, aminmax = telling(extremes.max), telling(extremes.min), telling(extremes.aminmax)
    cummax, cummin = telling(extremes.cummax), telling(extremes.cummin)
    all, any, count_nonzero = telling(logic.all), telling(logic.any), telling(logic.count_nonzero)
    logsumexp, norm, cumsum = telling(reduce.logsumexp), telling(reduce.norm), telling(reduce.cumsum)
    cumprod, logcumsumexp, diff = telling(running.cumprod), telling(running.logcumsumexp), telling(running.diff)
    nansum, nanmean = telling(statistics.nansum), telling(statistics.nanmean)
    var_mean, std_mean = telling(statistics.var_mean), telling(statistics.std_mean)
    bincount, histc = telling(statistics.bincount), telling(statistics.histc)
    sort, argsort, msort = telling(sorting.sort), telling(sorting.argsort), telling(sorting.msort)
    topk, kthvalue = telling(sorting.topk), telling(sorting.kthvalue)
    median, nanmedian = telling(sorting.median), telling(sorting.nanmedian)
    quantile, nanquantile = telling(sorting.quantile), telling(sorting.nanquantile)
    unique, unique_consecutive = telling(sorting.unique), telling(sorting.unique_consecutive)
    # Shape
    reshape, view, ravel, flatten, unflatten = s.reshape, s.view, s.ravel, s.flatten, s.unflatten
    squeeze, unsqueeze, permute, movedim = s.squeeze, s.unsqueeze, s.permute, s.movedim
    transpose, t, moveaxis, adjoint = s.transpose, s.t, s.movedim, s.matrix_transpose
    swapaxes = swapdims = transpose
    expand, broadcast_to, flip, fliplr, flipud = s.expand, s.broadcast_to, s.flip, pieces.fliplr, pieces.flipud
    split, chunk, tensor_split, unbind = pieces.split, pieces.chunk, pieces.tensor_split, pieces.unbind
    narrow, select, diagonal, diag_embed = pieces.narrow, pieces.select, pieces.diagonal, pieces.diag_embed
    repeat, tile, repeat_interleave = pieces.repeat, pieces.tile, pieces.repeat_interleave
    roll, rot90 = pieces.roll, pieces.rot90
    diag = telling(creation.diag)
    tril = telling(creation.tril)
    triu = telling(creation.triu)
    tril_, triu_ = in_place(tril), in_place(triu)
    # Indexing
    take_along_dim, index_put, gather = i.take_along_dim, i.index_put, scattering.gather
    scatter_add, index_select, index_add = scattering.scatter_add, scattering.index_select, scattering.index_add
    index_copy, index_fill = scattering.index_copy, scattering.index_fill
    take, argwhere = scattering.take, scattering.argwhere
    masked_fill, masked_select = scattering.masked_fill, scattering.masked_select
    masked_scatter, nonzero, scatter = scattering.masked_scatter, scattering.nonzero, scattering.scatter
    # Products
    matmul, dot, mv, mm, bmm, outer = linalg.matmul, linalg.dot, linalg.mv, linalg.mm, linalg.bmm, linalg.outer
    vdot, addmm, addmv, baddbmm = linalg.vdot, linalg.addmm, linalg.addmv, linalg.baddbmm
    inner, kron, trace, dist = contractions.inner, contractions.kron, contractions.trace, distance.dist
    det, logdet, slogdet = decompositions.det, decompositions.logdet, decompositions.slogdet
    inverse, pinverse, matrix_power = decompositions.inv, decompositions.pinv, decompositions.matrix_power
    # Chance
    bernoulli = telling(random.bernoulli)
    multinomial = telling(random.multinomial)


# ---------------------------------------------------------------- making tensors


def _rebuild(
    cls: type[Tensor], value: np.ndarray, requires_grad: bool, grad: Any, attributes: dict[str, Any] | None = None
) -> Tensor:
    """A leaf of a class derived from Tensor, with what its objects carry besides; no initializer of theirs is run."""
    tensor = cls.__new__(cls)
    Variable.__init__(tensor, value)
    tensor._tracked = requires_grad
    tensor.grad = grad
    if attributes:
        tensor.__dict__.update(attributes)
    return tensor


def _comparable(y: Any) -> bool:
    return isinstance(y, (Variable, np.ndarray, np.generic, int, float, list, tuple))


register(Tensor)
