"""Tensor: an array with a gradient, operators and methods.

A tensor wraps one NumPy array and behaves as PyTorch's does wherever PyTorch has the name; NumPy's spellings of
keywords (`axis`, `keepdims`) are accepted beside PyTorch's. The methods are the functions of `wengert.ops`; what is
here is what concerns the object itself: attributes, operators, indexing, change in place, and the way into the
backward walk.
"""

from __future__ import annotations

import functools
from builtins import bool as builtin_bool
from builtins import float as builtin_float
from builtins import int as builtin_int
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import ops
from ..core import arguments, devices, dlpack, hooks, layouts
from ..core.backward import backward
from ..core.broadcast import cast
from ..core.change import exchange, forget, renew, rewrite
from ..core.direct import combine
from ..core.doors import enter, leave, line, memory, require_unfollowed
from ..core.levels import refuse_leaf
from ..core.missing import Absent, present
from ..core.modes import mode
from ..core.signatures import telling
from ..core.variable import Variable, detached, register, show
from ..ops import arithmetic, compare, contractions, functions, index, products
from ..ops import shape as shapes
from . import conversion, copies, inplace, interop
from .inplace import in_place
from .printing import tensor_html, tensor_text
from .size import Size

absent = functools.partial(Absent, "Tensor")


class Tensor(Variable):
    """A multi-dimensional array that remembers how it was computed.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths
        Data are converted to the default float: `wengert.tensor` keeps the dtype that they have. Of lengths, integers
        or one `Size`, it becomes a tensor of zeros.

    Raises
    ------
    TypeError
        If it is given what is neither, such as one float, or `None`.
    ValueError
        If a length is negative.

    Examples
    --------
    >>> wg.Tensor([1, 2]), wg.Tensor(2, 3).shape
    (tensor([1., 2.]), wengert.Size([2, 3]))
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()

    _value: np.ndarray

    # What PyTorch's tensors have and these do not; asked for, each says why. See `core.missing`.
    bfloat16, cdouble, cfloat, chalf, imag = map(absent, ("bfloat16", "cdouble", "cfloat", "chalf", "imag"))
    istft, stft = map(absent, ("istft", "stft"))
    (
        ccol_indices, coalesce, col_indices, crow_indices, dense_dim, indices, is_coalesced, is_nested, is_sparse_csr,
        resize_as_sparse_, row_indices, smm, sparse_dim, sparse_mask, sparse_resize_, sparse_resize_and_clear_,
        sspaddmm, to_dense, to_padded_tensor, to_sparse, to_sparse_bsc, to_sparse_bsr, to_sparse_coo, to_sparse_csc,
        to_sparse_csr, values,
    ) = map(absent, (
        "ccol_indices", "coalesce", "col_indices", "crow_indices", "dense_dim", "indices", "is_coalesced", "is_nested",
        "is_sparse_csr", "resize_as_sparse_", "row_indices", "smm", "sparse_dim", "sparse_mask", "sparse_resize_",
        "sparse_resize_and_clear_", "sspaddmm", "to_dense", "to_padded_tensor", "to_sparse", "to_sparse_bsc",
        "to_sparse_bsr", "to_sparse_coo", "to_sparse_csc", "to_sparse_csr", "values",
    ))  # fmt: skip
    (
        dequantize, int_repr, q_per_channel_axis, q_per_channel_scales, q_per_channel_zero_points, q_scale,
        q_zero_point, qscheme, to_mkldnn,
    ) = map(absent, (
        "dequantize", "int_repr", "q_per_channel_axis", "q_per_channel_scales", "q_per_channel_zero_points", "q_scale",
        "q_zero_point", "qscheme", "to_mkldnn",
    ))  # fmt: skip
    (
        ipu, is_ipu, is_maia, is_mkldnn, is_mtia, is_vulkan, is_xla, mtia, record_stream, xpu,
    ) = map(absent, (
        "ipu", "is_ipu", "is_maia", "is_mkldnn", "is_mtia", "is_vulkan", "is_xla", "mtia", "record_stream", "xpu",
    ))  # fmt: skip
    (
        is_shared, set_, share_memory_, storage, storage_type, untyped_storage,
    ) = map(absent, (
        "is_shared", "set_", "share_memory_", "storage", "storage_type", "untyped_storage",
    ))  # fmt: skip
    (
        as_strided, as_strided_, as_strided_scatter, dim_order, is_set_to, new_empty_strided, resize_, resize_as_,
        storage_offset,
    ) = map(absent, (
        "as_strided", "as_strided_", "as_strided_scatter", "dim_order", "is_set_to", "new_empty_strided", "resize_",
        "resize_as_", "storage_offset",
    ))  # fmt: skip
    (
        eig, lstsq, lu, new, reinforce, resize, resize_as, solve, symeig, volatile,
    ) = map(absent, (
        "eig", "lstsq", "lu", "new", "reinforce", "resize", "resize_as", "solve", "symeig", "volatile",
    ))  # fmt: skip
    (
        as_subclass, const_data_ptr, grad_dtype, hash_tensor, index, is_distributed, is_inference, module_load, name,
        output_nr, slice_inverse,
    ) = map(absent, (
        "as_subclass", "const_data_ptr", "grad_dtype", "hash_tensor", "index", "is_distributed", "is_inference",
        "module_load", "name", "output_nr", "slice_inverse",
    ))  # fmt: skip

    def __init__(self, *data: Any) -> None:
        show(self, conversion.made_of(data))

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
    def ndim(self) -> builtin_int:
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
    def layout(self) -> layouts.layout:
        """How the items are kept: always `wengert.strided`.

        Returns
        -------
        layout

        Examples
        --------
        >>> wg.ones(2).layout
        wengert.strided
        """
        return layouts.strided

    @property
    def device(self) -> devices.device:
        """Where the tensor lives: always on the CPU.

        Returns
        -------
        device

        Examples
        --------
        >>> wg.ones(2).device
        device(type='cpu')
        """
        return devices.CPU

    @property
    def is_cpu(self) -> builtin_bool:
        """Whether the tensor lives on the CPU: always.

        Returns
        -------
        bool

        Examples
        --------
        >>> wg.ones(2).is_cpu
        True
        """
        return True

    @property
    def is_cuda(self) -> builtin_bool:
        """Whether the tensor lives on a GPU: never.

        Returns
        -------
        bool

        Examples
        --------
        >>> wg.ones(2).is_cuda
        False
        """
        return False

    is_mps = is_xpu = is_meta = is_sparse = is_quantized = conversion.otherwise

    @property
    def itemsize(self) -> builtin_int:
        """Bytes per item.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2).itemsize
        4
        """
        return self._value.dtype.itemsize

    @property
    def nbytes(self) -> builtin_int:
        """Bytes of all items.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2, 3).nbytes
        24
        """
        return self._value.size * self._value.dtype.itemsize

    @property
    def is_leaf(self) -> builtin_bool:
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
        source = enter(other)
        require_unfollowed(source, "the data of another tensor")
        exchange(self, source)
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
        return shapes.reverse_dimensions(self)

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
        return shapes.matrix_transpose(self)

    @property
    def H(self) -> Tensor:
        """A view of a matrix transposed: of real numbers the adjoint.

        Returns
        -------
        Tensor

        Raises
        ------
        RuntimeError
            If there are other than two dimensions.

        Examples
        --------
        >>> wg.tensor([[1, 2], [3, 4]]).H
        tensor([[1, 3],
                [2, 4]])
        """
        if self._value.ndim not in (0, 2):
            raise RuntimeError(f"H: expected a matrix, got shape {self._value.shape}; mH transposes the last two")
        return shapes.reverse_dimensions(self)

    @property
    def mH(self) -> Tensor:
        """A view of matrices, the last two dimensions, transposed: of real numbers the adjoint.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> wg.tensor([[1, 2], [3, 4]]).mH
        tensor([[1, 3],
                [2, 4]])
        """
        return shapes.matrix_transpose(self)

    @property
    def real(self) -> Tensor:
        """The tensor itself: all numbers are real.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> wg.tensor([1., 2.]).real
        tensor([1., 2.])
        """
        return self

    @property
    def _version(self) -> builtin_int:
        return self._counter[0] if self._counter else 0

    def size(self, dim: builtin_int | None = None, *, axis: builtin_int | None = None) -> Any:
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
        dim = arguments.either("size", dim, axis)
        return self.shape if dim is None else self._value.shape[arguments.dimension("size", dim, self._value.ndim)]

    def dim(self) -> builtin_int:
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

    def numel(self) -> builtin_int:
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

    def element_size(self) -> builtin_int:
        """Bytes per item.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.ones(2, dtype=wg.float64).element_size()
        8
        """
        return self._value.dtype.itemsize

    def stride(self, dim: builtin_int | None = None, *, axis: builtin_int | None = None) -> Any:
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
        dim = arguments.either("stride", dim, axis)
        strides = tuple(n // self._value.dtype.itemsize for n in memory(self).strides)
        return strides if dim is None else strides[arguments.dimension("stride", dim, self._value.ndim)]

    def is_contiguous(self, memory_format: Any = None) -> builtin_bool:
        """Whether the items lie in C order without gaps.

        Parameters
        ----------
        memory_format : object
            Accepted as in PyTorch; the only one is C order.

        Returns
        -------
        bool

        Examples
        --------
        >>> wg.ones(2, 3).is_contiguous(), wg.ones(2, 3).T.is_contiguous()
        (True, False)
        """
        return memory(self).flags.c_contiguous

    def is_floating_point(self) -> builtin_bool:
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

    def is_complex(self) -> builtin_bool:
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

    def is_signed(self) -> builtin_bool:
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

    def is_nonzero(self) -> builtin_bool:
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

    def data_ptr(self) -> builtin_int:
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
        return memory(self).ctypes.data

    # ------------------------------------------------------------ recording

    def requires_grad_(self, requires_grad: builtin_bool = True) -> Tensor:
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
        if requires_grad and mode.levels and not self._tracked:
            refuse_leaf("requires_grad_", self)
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
        return detached(self)

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
        self, gradient: Any = None, retain_graph: builtin_bool | None = None, create_graph: builtin_bool = False,
        inputs: Any = None,
    ) -> None:  # fmt: skip
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
    def retains_grad(self) -> builtin_bool:
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

    def numpy(self, *, force: builtin_bool = False) -> np.ndarray:
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
        if not self.requires_grad:
            return leave(self, "array")
        if force:
            return leave(detached(self), "array")
        leave(self, "array")  # which says more where a derivative of a function is being recorded
        raise RuntimeError("numpy: this tensor requires a gradient; use tensor.detach().numpy()")

    def __array__(self, dtype: Any = None, copy: builtin_bool | None = None) -> np.ndarray:
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
        return leave(self, "array")

    # From Python 3.12; the compiled class has its own in tensor.pxd.
    def __buffer__(self, flags: builtin_int) -> memoryview:
        return self._shared().data

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._shared(AttributeError).__array_interface__

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: builtin_bool | None = None
    ) -> Any:
        return dlpack.exported(self._shared(), stream, max_version, dl_device, copy)

    def __dlpack_device__(self) -> tuple[builtin_int, builtin_int]:
        return dlpack.DEVICE

    def __arrow_array__(self, type: Any = None) -> Any:
        found = interop.arrow_array(self._shared())
        return found if type is None else found.cast(type)

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return interop.arrow_array(self._shared()).__arrow_c_array__(requested_schema)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return interop.array_namespace(api_version)

    def item(self) -> builtin_float | builtin_int | builtin_bool:
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
        return leave(self, "number").item()  # type: ignore[no-any-return]

    def __float__(self) -> builtin_float:
        return conversion.as_float(self)

    def __int__(self) -> builtin_int:
        return conversion.as_int(self)

    def __index__(self) -> builtin_int:
        return conversion.as_index(self)

    def __bool__(self) -> builtin_bool:
        return conversion.as_bool(self)

    def __len__(self) -> builtin_int:
        if not self._value.ndim:
            raise TypeError("len: a 0-d tensor has no length")
        length: builtin_int = self._value.shape[0]
        return length

    def __iter__(self) -> Iterator[Tensor]:
        if not self._value.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[k] for k in range(self._value.shape[0]))

    def __reversed__(self) -> Tensor:
        return shapes.flip(self, 0)

    def __contains__(self, x: Any) -> builtin_bool:
        return conversion.contains(self, x)

    def __dir__(self) -> list[str]:
        return present(type(self), object.__dir__(self))

    def __repr__(self) -> str:
        return tensor_text(self)

    def _repr_html_(self) -> str:
        return tensor_html(self)

    def __format__(self, spec: str) -> str:
        return conversion.formatted(self, spec)

    def __hash__(self) -> builtin_int:
        return id(self) >> 4

    def __reduce_ex__(self, protocol: Any) -> Any:
        return copies.reduced(self)

    def __copy__(self) -> Tensor:
        return copies.shallow(self)

    def __deepcopy__(self, memo: dict[builtin_int, Any]) -> Tensor:
        return copies.deep(self, memo)

    # ------------------------------------------------------------ operators

    def __add__(self, y: Any) -> Tensor:
        return arithmetic.add(self, y)

    def __radd__(self, y: Any) -> Tensor:
        return arithmetic.add(y, self)

    def __sub__(self, y: Any) -> Tensor:
        return arithmetic.subtract(self, y)

    def __rsub__(self, y: Any) -> Tensor:
        return arithmetic.subtract(y, self)

    def __mul__(self, y: Any) -> Tensor:
        return arithmetic.multiply(self, y)

    def __rmul__(self, y: Any) -> Tensor:
        return arithmetic.multiply(y, self)

    def __truediv__(self, y: Any) -> Tensor:
        return arithmetic.divide(self, y)

    def __rtruediv__(self, y: Any) -> Tensor:
        return arithmetic.divide(y, self)

    def __pow__(self, y: Any) -> Tensor:
        return functions.cheapest_power(self, y)

    def __rpow__(self, y: Any) -> Tensor:
        return functions.power(y, self)

    def __matmul__(self, y: Any) -> Tensor:
        return products.matmul(self, y)

    def __rmatmul__(self, y: Any) -> Tensor:
        return products.matmul(y, self)

    def __floordiv__(self, y: Any) -> Tensor:
        return arithmetic.floor_divide(self, y)

    def __rfloordiv__(self, y: Any) -> Tensor:
        return arithmetic.floor_divide(y, self)

    def __mod__(self, y: Any) -> Tensor:
        return arithmetic.remainder(self, y)

    def __rmod__(self, y: Any) -> Tensor:
        return arithmetic.remainder(y, self)

    def __divmod__(self, y: Any) -> tuple[Tensor, Tensor]:
        return arithmetic.floor_divide(self, y), arithmetic.remainder(self, y)

    def __rdivmod__(self, y: Any) -> tuple[Tensor, Tensor]:
        return arithmetic.floor_divide(y, self), arithmetic.remainder(y, self)

    def __and__(self, y: Any) -> Tensor:
        return compare.bitwise_and(self, y)

    def __rand__(self, y: Any) -> Tensor:
        return compare.bitwise_and(y, self)

    def __or__(self, y: Any) -> Tensor:
        return compare.bitwise_or(self, y)

    def __ror__(self, y: Any) -> Tensor:
        return compare.bitwise_or(y, self)

    def __xor__(self, y: Any) -> Tensor:
        return compare.bitwise_xor(self, y)

    def __rxor__(self, y: Any) -> Tensor:
        return compare.bitwise_xor(y, self)

    def __lshift__(self, y: Any) -> Tensor:
        return compare.bitwise_left_shift(self, y)

    def __rlshift__(self, y: Any) -> Tensor:
        return compare.bitwise_left_shift(y, self)

    def __rshift__(self, y: Any) -> Tensor:
        return compare.bitwise_right_shift(self, y)

    def __rrshift__(self, y: Any) -> Tensor:
        return compare.bitwise_right_shift(y, self)

    def __invert__(self) -> Tensor:
        return compare.bitwise_not(self)

    def __neg__(self) -> Tensor:
        return arithmetic.negative(self)

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
        return arithmetic.abs(self)

    def __eq__(self, y: object) -> Any:
        return conversion.is_comparable(y) and compare.eq(self, y)

    def __ne__(self, y: object) -> Any:
        return not conversion.is_comparable(y) or compare.not_equal(self, y)

    def __lt__(self, y: Any) -> Tensor:
        return compare.less(self, y)

    def __le__(self, y: Any) -> Tensor:
        return compare.less_equal(self, y)

    def __gt__(self, y: Any) -> Tensor:
        return compare.greater(self, y)

    def __ge__(self, y: Any) -> Tensor:
        return compare.greater_equal(self, y)

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
        return index.pick(self, key)

    def __setitem__(self, key: Any, y: Any) -> None:
        if mode.recording and (self.requires_grad or (isinstance(y, Variable) and y.requires_grad)):
            y = conversion.constant_of("index_put_", y, self._value.dtype)
            rewrite(self, "index_put_", lambda old: index.index_put(old, key, y))
            return
        index.set_items(self, key, y)

    # ------------------------------------------------------------ change in place

    def copy_(self, y: Any, non_blocking: builtin_bool = False) -> Tensor:
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
            new = conversion.constant_of("copy_", y, old._value.dtype)
            dtype = old._value.dtype
            if new._value.dtype != dtype:
                new = cast(new, dtype)
            if new._value.shape == old._value.shape and not new.requires_grad:
                return new
            return shapes.broadcast_to(new, old._value.shape)

        return rewrite(self, "copy_", taken)

    def fill_(self, value: Any) -> Tensor:
        """Set every item to one value.

        Parameters
        ----------
        value : number or tensor without dimensions

        Returns
        -------
        Tensor
            This tensor itself.

        Raises
        ------
        RuntimeError
            If the value has dimensions, or the dtype has no such number.

        Examples
        --------
        >>> wg.zeros(3).fill_(7)
        tensor([7., 7., 7.])
        """
        return inplace.fill(self, "fill_", value)

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
        return inplace.fill(self, "zero_", 0)

    def add_(self, y: Any, *, alpha: builtin_float = 1) -> Tensor:
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
        return combine(self, "add_", arithmetic.add, y if alpha == 1 else y * alpha)

    def sub_(self, y: Any, *, alpha: builtin_float = 1) -> Tensor:
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
        return combine(self, "sub_", arithmetic.subtract, y if alpha == 1 else y * alpha)

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
        return combine(self, "mul_", arithmetic.multiply, y)

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
        return rewrite(self, "div_", lambda old: arithmetic.divide_rounded(old, y, rounding_mode=rounding_mode))

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
        return rewrite(self, "pow_", lambda old: functions.cheapest_power(old, y))

    def polygamma_(self, n: builtin_int) -> Tensor:
        """Replace each item by the digamma function's derivative of order n.

        Parameters
        ----------
        n : int
            0 for the digamma function itself.

        Returns
        -------
        Tensor
            This tensor itself.

        Examples
        --------
        >>> wg.tensor([1., 2.]).polygamma_(1)
        tensor([1.6449, 0.6449])
        """
        return rewrite(self, "polygamma_", lambda old: ops.polygamma(n, old))

    abs_, neg_, sign_, square_ = map(in_place, (ops.abs, ops.negative, ops.sign, ops.square))
    sqrt_, rsqrt_, reciprocal_ = map(in_place, (ops.sqrt, ops.rsqrt, ops.reciprocal))
    exp_, exp2_, expm1_ = map(in_place, (ops.exp, ops.exp2, ops.expm1))
    log_, log2_, log10_, log1p_ = map(in_place, (ops.log, ops.log2, ops.log10, ops.log1p))
    sin_, cos_, tan_ = map(in_place, (ops.sin, ops.cos, ops.tan))
    asin_, acos_, atan_ = map(in_place, (ops.asin, ops.acos, ops.atan))
    sinh_, cosh_, tanh_ = map(in_place, (ops.sinh, ops.cosh, ops.tanh))
    asinh_, acosh_, atanh_ = map(in_place, (ops.asinh, ops.acosh, ops.atanh))
    arcsin_, arccos_, arctan_, arcsinh_, arccosh_, arctanh_ = asin_, acos_, atan_, asinh_, acosh_, atanh_
    sigmoid_, relu_, erf_, logit_ = map(in_place, (ops.sigmoid, ops.relu, ops.erf, ops.logit))
    erfc_, erfinv_, sinc_, i0_ = map(in_place, (ops.erfc, ops.erfinv, ops.sinc, ops.i0))
    lgamma_, digamma_, mvlgamma_ = map(in_place, (ops.lgamma, ops.digamma, ops.mvlgamma))
    deg2rad_, rad2deg_ = map(in_place, (ops.deg2rad, ops.rad2deg))
    floor_, ceil_, round_, trunc_ = map(in_place, (ops.floor, ops.ceil, ops.round, ops.trunc))
    frac_, nan_to_num_ = map(in_place, (ops.frac, ops.nan_to_num))
    clamp_, clamp_min_, clamp_max_ = map(in_place, (ops.clip, ops.clamp_min, ops.clamp_max))
    floor_divide_, remainder_, fmod_ = map(in_place, (ops.floor_divide, ops.remainder, ops.fmod))
    atan2_, hypot_, xlogy_ = map(in_place, (ops.atan2, ops.hypot, ops.xlogy))
    copysign_, float_power_ = map(in_place, (ops.copysign, ops.float_power))
    lerp_, addcmul_, addcdiv_ = map(in_place, (ops.lerp, ops.addcmul, ops.addcdiv))
    eq_, ne_, lt_, le_, gt_, ge_ = map(
        in_place, (ops.eq, ops.not_equal, ops.less, ops.less_equal, ops.greater, ops.greater_equal)
    )
    logical_and_, logical_or_ = map(in_place, (ops.logical_and, ops.logical_or))
    logical_xor_, logical_not_ = map(in_place, (ops.logical_xor, ops.logical_not))
    bitwise_and_, bitwise_or_ = map(in_place, (ops.bitwise_and, ops.bitwise_or))
    bitwise_xor_, bitwise_not_ = map(in_place, (ops.bitwise_xor, ops.bitwise_not))
    bitwise_left_shift_, bitwise_right_shift_ = map(in_place, (ops.bitwise_left_shift, ops.bitwise_right_shift))
    cumsum_, cumprod_ = map(in_place, (ops.cumsum, ops.cumprod))
    addmm_, addmv_, baddbmm_ = map(in_place, (ops.addmm, ops.addmv, ops.baddbmm))
    masked_fill_, masked_scatter_ = map(in_place, (ops.masked_fill, ops.masked_scatter))
    scatter_, scatter_add_, index_put_ = map(in_place, (ops.scatter, ops.scatter_add, ops.index_put))
    index_add_, index_copy_ = map(in_place, (ops.index_add, ops.index_copy))
    index_fill_, scatter_reduce_ = in_place(ops.index_fill), in_place(ops.scatter_reduce)
    clip_, absolute_, negative_, fix_, multiply_, divide_, subtract_ = clamp_, abs_, neg_, trunc_, mul_, div_, sub_
    greater_, greater_equal_, less_, less_equal_, not_equal_ = gt_, ge_, lt_, le_, ne_
    true_divide_ = div_
    uniform_ = ops.random.uniform_
    normal_ = ops.random.normal_
    bernoulli_ = ops.random.bernoulli_
    exponential_ = ops.random.exponential_
    fill_diagonal_, random_ = inplace.fill_diagonal_, inplace.random_
    log_normal_, cauchy_, geometric_ = inplace.log_normal_, inplace.cauchy_, inplace.geometric_
    apply_, map_, map2_ = inplace.apply_, inplace.map_, inplace.map2_
    addbmm_, addr_, renorm_ = map(in_place, (ops.addbmm, ops.addr, ops.renorm))
    put_, index_reduce_ = map(in_place, (ops.put, ops.index_reduce))
    gcd_, lcm_, ldexp_ = map(in_place, (ops.gcd, ops.lcm, ops.ldexp))
    heaviside_, nextafter_ = map(in_place, (ops.heaviside, ops.nextafter))
    igamma_, igammac_ = map(in_place, (ops.igamma, ops.igammac))
    sgn_, arctan2_, conj_physical_ = sign_, atan2_, in_place(ops.conj_physical)
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
        return functions.cheapest_power(self, y)

    def clone(self, *, memory_format: Any = None) -> Tensor:
        """A differentiable copy, in C order; a transposed matrix keeps its own.

        Parameters
        ----------
        memory_format : object
            As in PyTorch; any but `preserve_format` makes a copy in C order.

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
        kept = memory_format is None or memory_format is layouts.preserve_format
        return shapes.clone(self) if kept else shapes.contiguous(self)

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
        return self if memory(self).flags.c_contiguous else shapes.contiguous(self)

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
        return compare.where(condition, self, y)

    def polygamma(self, n: builtin_int) -> Tensor:
        """The derivative of order n of the digamma function, item by item.

        Parameters
        ----------
        n : int
            0, for the digamma function itself, to 1000.

        Returns
        -------
        Tensor
            Of the same shape; infinite at 0 and at negative integers, for n > 0.

        Raises
        ------
        TypeError
            If n is no integer.
        ValueError
            If n is negative or above 1000.

        Examples
        --------
        >>> wg.tensor([1., 2.]).polygamma(1)
        tensor([1.6449, 0.6449])
        """
        return ops.polygamma(n, self)

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
        return shapes.broadcast_to(self, other._value.shape)

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
        return shapes.view(self, other._value.shape)

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
        return shapes.reshape(self, other._value.shape)

    # Conversion
    to, type, type_as, cpu = telling(conversion.to), conversion.type, conversion.type_as, conversion.cpu
    cuda, get_device = conversion.cuda, conversion.get_device
    pin_memory, is_pinned = conversion.pin_memory, conversion.is_pinned
    float, double, half, long = conversion.float, conversion.double, conversion.half, conversion.long
    int, short, char, byte, bool = (
        conversion.int, conversion.short, conversion.char, conversion.byte, conversion.bool
    )  # fmt: skip
    to_device = interop.to_device
    tolist, new_tensor = conversion.tolist, conversion.new_tensor
    new_empty, new_full = conversion.new_empty, conversion.new_full
    new_zeros, new_ones = conversion.new_zeros, conversion.new_ones
    # Arithmetic
    add, sub, div = ops.add, ops.subtract, ops.divide
    subtract, divide, true_divide = sub, div, ops.true_divide
    mul = multiply = ops.multiply
    neg = negative = ops.negative
    positive = __pos__
    abs = absolute = ops.abs
    sign, square, sqrt, reciprocal = ops.sign, ops.square, ops.sqrt, ops.reciprocal
    maximum, minimum = ops.maximum, ops.minimum
    floor_divide, remainder, fmod, frac = ops.floor_divide, ops.remainder, ops.fmod, ops.frac
    floor, ceil, round, trunc, fix = ops.floor, ops.ceil, ops.round, ops.trunc, ops.trunc
    float_power, copysign, nan_to_num = ops.float_power, ops.copysign, ops.nan_to_num
    lerp, addcmul, addcdiv = ops.lerp, ops.addcmul, ops.addcdiv
    clip = clamp = ops.clip
    clamp_min, clamp_max = ops.clamp_min, ops.clamp_max
    # Functions of one number, or of two
    exp, expm1, log, log1p, sin, cos, erf = ops.exp, ops.expm1, ops.log, ops.log1p, ops.sin, ops.cos, ops.erf
    tanh, sigmoid, relu, prelu, softmax, log_softmax = (
        ops.tanh, ops.sigmoid, ops.relu, ops.prelu, ops.softmax, ops.log_softmax
    )  # fmt: skip
    exp2, log2, log10, rsqrt = ops.exp2, ops.log2, ops.log10, ops.rsqrt
    tan, asin, acos, atan = ops.tan, ops.asin, ops.acos, ops.atan
    sinh, cosh, atan2 = ops.sinh, ops.cosh, ops.atan2
    asinh, acosh, atanh = ops.asinh, ops.acosh, ops.atanh
    arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh = asin, acos, atan, atan2, asinh, acosh, atanh
    hypot, logaddexp, xlogy = ops.hypot, ops.logaddexp, ops.xlogy
    erfc, erfinv, sinc, i0 = ops.erfc, ops.erfinv, ops.sinc, ops.i0
    lgamma, digamma, mvlgamma = ops.lgamma, ops.digamma, ops.mvlgamma
    logit, deg2rad, rad2deg = ops.logit, ops.deg2rad, ops.rad2deg
    logaddexp2, igamma, igammac, hardshrink = ops.logaddexp2, ops.igamma, ops.igammac, ops.hardshrink
    # Numbers as they are stored, and the complex parts of real ones
    fmax, fmin, heaviside, nextafter = ops.fmax, ops.fmin, ops.heaviside, ops.nextafter
    frexp, ldexp, gcd, lcm, sgn = ops.frexp, ops.ldexp, ops.gcd, ops.lcm, ops.sgn
    angle, conj, conj_physical, isreal = ops.angle, ops.conj, ops.conj_physical, ops.isreal
    resolve_conj, resolve_neg = ops.resolve_conj, ops.resolve_neg
    is_conj, is_neg, is_same_size = ops.is_conj, ops.is_neg, ops.is_same_size
    # Comparison, truth and bits
    eq, ne, lt, le, gt, ge = ops.eq, ops.not_equal, ops.less, ops.less_equal, ops.greater, ops.greater_equal
    not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge
    logical_and, logical_or, logical_xor = ops.logical_and, ops.logical_or, ops.logical_xor
    logical_not, signbit, isposinf, isneginf = ops.logical_not, ops.signbit, ops.isposinf, ops.isneginf
    isnan, isinf, isfinite, isclose = ops.isnan, ops.isinf, ops.isfinite, ops.isclose
    allclose, equal, isin = ops.allclose, ops.equal, ops.isin
    bitwise_and, bitwise_or, bitwise_xor = ops.bitwise_and, ops.bitwise_or, ops.bitwise_xor
    bitwise_not, bitwise_left_shift = ops.bitwise_not, ops.bitwise_left_shift
    bitwise_right_shift = ops.bitwise_right_shift
    # Reductions and order
    sum, mean, prod = ops.sum, ops.mean, ops.prod
    var, std, amax = ops.var, ops.std, ops.amax
    amin, argmax, argmin = ops.amin, ops.argmax, ops.argmin
    max, min, aminmax = ops.max, ops.min, ops.aminmax
    cummax, cummin = ops.cummax, ops.cummin
    all, any, count_nonzero = ops.all, ops.any, ops.count_nonzero
    logsumexp, norm, cumsum = ops.logsumexp, ops.norm, ops.cumsum
    cumprod, logcumsumexp, diff = ops.cumprod, ops.logcumsumexp, ops.diff
    nansum, nanmean = ops.nansum, ops.nanmean
    var_mean, std_mean = ops.var_mean, ops.std_mean
    bincount, histc = ops.bincount, ops.histc
    sort, argsort, msort = ops.sort, ops.argsort, ops.msort
    topk, kthvalue = ops.topk, ops.kthvalue
    median, nanmedian = ops.median, ops.nanmedian
    quantile, nanquantile = ops.quantile, ops.nanquantile
    unique, unique_consecutive = ops.unique, ops.unique_consecutive
    mode, histogram = ops.mode, ops.histogram
    # Shape
    reshape, view, ravel, flatten, unflatten = ops.reshape, shapes.view, ops.ravel, ops.flatten, ops.unflatten
    squeeze, unsqueeze, permute, movedim = ops.squeeze, ops.unsqueeze, ops.permute, ops.movedim
    transpose, t, moveaxis, adjoint = ops.transpose, ops.t, ops.movedim, shapes.matrix_transpose
    swapaxes = swapdims = transpose
    expand, broadcast_to, flip, fliplr, flipud = ops.expand, ops.broadcast_to, ops.flip, ops.fliplr, ops.flipud
    split, chunk, tensor_split, unbind = ops.split, ops.chunk, ops.tensor_split, ops.unbind
    narrow, select, diagonal, diag_embed = ops.narrow, ops.select, ops.diagonal, ops.diag_embed
    repeat, tile, repeat_interleave = ops.repeat, ops.tile, ops.repeat_interleave
    hsplit, vsplit, dsplit, diagflat = ops.hsplit, ops.vsplit, ops.dsplit, ops.diagflat
    split_with_sizes, unsafe_split, unsafe_chunk = ops.split_with_sizes, ops.unsafe_split, ops.unsafe_chunk
    unsafe_split_with_sizes, narrow_copy = ops.unsafe_split_with_sizes, ops.narrow_copy
    sum_to_size = ops.pieces.sum_to_size
    roll, rot90, unfold = ops.roll, ops.rot90, shapes.unfold
    diag = ops.diag
    tril = ops.tril
    triu = ops.triu
    tril_, triu_ = in_place(tril), in_place(triu)
    # Indexing
    take_along_dim, index_put, gather = ops.take_along_dim, ops.index_put, ops.gather
    scatter_add, index_select, index_add = ops.scatter_add, ops.index_select, ops.index_add
    index_copy, index_fill = ops.index_copy, ops.index_fill
    take, argwhere = ops.take, ops.argwhere
    masked_fill, masked_select = ops.masked_fill, ops.masked_select
    masked_scatter, nonzero, scatter = ops.masked_scatter, ops.nonzero, ops.scatter
    scatter_reduce, index_reduce, put = ops.scatter_reduce, ops.index_reduce, ops.put
    select_scatter, slice_scatter = ops.select_scatter, ops.slice_scatter
    diagonal_scatter, nonzero_static = ops.diagonal_scatter, ops.nonzero_static
    # Products
    matmul, dot, mv, mm, bmm, outer = ops.matmul, ops.dot, ops.mv, ops.mm, ops.bmm, ops.outer
    vdot, addmm, addmv, baddbmm = ops.vdot, ops.addmm, ops.addmv, ops.baddbmm
    inner, kron, trace, dist = ops.inner, ops.kron, contractions.trace, ops.dist
    det, logdet, slogdet = ops.det, ops.logdet, ops.slogdet
    inverse, pinverse, matrix_power = ops.inverse, ops.pinverse, ops.matrix_power
    cholesky_solve, cholesky_inverse = ops.cholesky_solve, ops.cholesky_inverse
    cross, matrix_exp, cov, corrcoef = ops.cross, ops.matrix_exp, ops.cov, ops.corrcoef
    addbmm, addr, ger, renorm = ops.addbmm, ops.addr, ops.ger, ops.renorm
    cholesky, qr, svd, triangular_solve = ops.cholesky, ops.qr, ops.svd, ops.triangular_solve
    lu_solve, geqrf, orgqr, ormqr = ops.lu_solve, ops.geqrf, ops.orgqr, ops.ormqr
    # Chance
    bernoulli = ops.bernoulli
    multinomial = ops.multinomial


register(Tensor)
