"""Tensor: an array with a gradient, operators and methods.

A tensor wraps one NumPy array and behaves as PyTorch's does wherever PyTorch has the name; NumPy's spellings of keywords
(`axis`, `keepdims`) are accepted beside PyTorch's. The methods are the functions of `wengert.ops`; what is here is what
concerns the object itself: attributes, conversion, indexing, change in place, and the way into the backward walk.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from . import define, dtypes, guard, tape
from .ops import elementwise as e
from .ops import index as i
from .ops import linalg, nn, reduce, tuples, views
from .ops import shape as s
from .printing import tensor_text
from .tape import Variable


class Size(tuple):
    """The shape of a tensor: a tuple that prints its name."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Size([{', '.join(map(str, self))}])"

    def numel(self) -> int:
        """The number of items."""
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
    __array_ufunc__ = None  # `array * tensor` asks the tensor

    def __init__(self, data: Any = (), counter: list[Any] | None = None, node: tape.Node | None = None) -> None:
        if type(data) is not np.ndarray or (counter is None and node is None and data.dtype != dtypes.get_default_dtype()):
            data = np.array(data, dtype=dtypes.get_default_dtype())
        Variable.__init__(self, data, counter, node)

    # ------------------------------------------------------------ attributes

    @property
    def shape(self) -> Size:
        """The lengths of the dimensions."""
        return Size(self.value.shape)

    @property
    def dtype(self) -> np.dtype:
        """The NumPy dtype of the items."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.value.ndim

    @property
    def device(self) -> str:
        """Where the tensor lives: always "cpu"."""
        return "cpu"

    @property
    def itemsize(self) -> int:
        """Bytes per item."""
        return self.value.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all items."""
        return self.value.nbytes

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user rather than by a recorded operation."""
        return not self.requires_grad or self.node is None

    @property
    def grad_fn(self) -> Any:
        """The node that computed the tensor; None for a leaf."""
        return self.node if self.requires_grad else None

    @property
    def data(self) -> Tensor:
        """The same memory without the graph. Changes through it count as changes of this tensor."""
        return self.detach()

    @data.setter
    def data(self, other: Any) -> None:
        value = define.as_variable(other).value
        self.value = value
        self.counter = [self.share_counter()[0] + 1, _line()]
        self.base = None

    @property
    def T(self) -> Tensor:
        """A view with the dimensions reversed."""
        return s.permute(self, tuple(range(self.value.ndim - 1, -1, -1)))

    @property
    def mT(self) -> Tensor:
        """A view of matrices, the last two dimensions, transposed."""
        return s.matrix_transpose(self)

    @property
    def _version(self) -> int:
        return self.counter[0] if self.counter else 0

    def size(self, dim: int | None = None) -> Any:
        """The shape, or one length of it."""
        return self.shape if dim is None else self.value.shape[s.dimension("size", dim, self.value.ndim)]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.value.ndim

    def numel(self) -> int:
        """The number of items."""
        return self.value.size

    def stride(self, dim: int | None = None) -> Any:
        """The steps between neighbours along each dimension, in items."""
        strides = tuple(n // self.value.itemsize for n in self.value.strides)
        return strides if dim is None else strides[s.dimension("stride", dim, self.value.ndim)]

    def is_contiguous(self) -> bool:
        """Whether the items lie in C order without gaps."""
        return self.value.flags.c_contiguous

    def is_floating_point(self) -> bool:
        """Whether the dtype is a floating one."""
        return self.value.dtype.kind == "f"

    def data_ptr(self) -> int:
        """The address of the first item."""
        return self.value.ctypes.data

    # ------------------------------------------------------------ recording

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Record, or no longer record, what is computed from this leaf.

        Raises
        ------
        RuntimeError
            If the tensor is not a leaf and `requires_grad` is False, or if its dtype has no derivatives.
        """
        if requires_grad and self.value.dtype.kind != "f":
            raise RuntimeError(f"requires_grad_: only floating tensors have gradients, this one is {self.value.dtype}")
        if self.grad_fn is None:
            self.base = None  # a leaf is nobody's view: what happens to others is not its history
        elif not requires_grad:
            raise RuntimeError("requires_grad_: only a leaf can stop requiring a gradient; use detach()")
        self.requires_grad = requires_grad
        return self

    def detach(self) -> Tensor:
        """A constant over the same memory."""
        return _wrap(self.value, self.share_counter())

    def detach_(self) -> Tensor:
        """Forget how this tensor was computed."""
        if self.base is not None:
            self.seen = self.base.node
        self.node = None
        self.requires_grad = False
        return self

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
            If nothing was recorded, if `gradient` is left out for more than one item or does not have this tensor's shape,
            or if the graph was walked before and its values are gone.
        """
        from .autograd import backward

        backward(self, gradient, retain_graph, create_graph, inputs)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Any:
        """Call `hook` with this tensor's gradient when it is known; what it returns, if anything, replaces the gradient.

        Returns
        -------
        handle
            `handle.remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            If the tensor does not require a gradient.
        """
        from .autograd import register_hook

        return register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Any:
        """Call `hook` with this leaf each time a backward walk has updated its `.grad`.

        Returns
        -------
        handle
            `handle.remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            If the tensor is not a leaf that requires a gradient.
        """
        from .autograd import register_post_accumulate_grad_hook

        return register_post_accumulate_grad_hook(self, hook)

    def retain_grad(self) -> None:
        """Let the backward walk set `.grad` although this is not a leaf."""
        from .autograd import retain_grad

        retain_grad(self)

    # ------------------------------------------------------------ leaving

    def numpy(self) -> np.ndarray:
        """The array that this tensor wraps: the same memory.

        Raises
        ------
        RuntimeError
            If the tensor requires a gradient, which changes through the array would slip past.
        """
        if self.requires_grad:
            raise RuntimeError("numpy: this tensor requires a gradient; use tensor.detach().numpy()")
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a tensor of {array.dtype} cannot become an array of {np.dtype(dtype)} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def item(self) -> Any:
        """The one item, as a Python number.

        Raises
        ------
        RuntimeError
            If there is not exactly one item.
        """
        if self.value.size != 1:
            raise RuntimeError(f"item: expected a tensor of one item, got shape {self.value.shape}")
        return self.value.item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self.value.tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.value.dtype.kind not in "iub" or self.value.size != 1:
            raise TypeError(f"only a tensor of one integer is an index, this one has dtype {self.dtype}, shape {self.shape}")
        return int(self.value.item())

    def __bool__(self) -> bool:
        if self.value.size != 1:
            raise RuntimeError(
                f"the truth value of a tensor of shape {self.value.shape} is ambiguous; use .any() or .all()"
            )
        return bool(self.value.item())

    def __len__(self) -> int:
        if not self.value.ndim:
            raise TypeError("len: a 0-d tensor has no length")
        return self.value.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.value.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (self[k] for k in range(self.value.shape[0]))

    def __contains__(self, x: Any) -> bool:
        return bool((self == x).value.any())

    def __repr__(self) -> str:
        return tensor_text(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else repr(self)

    def __hash__(self) -> int:
        return id(self) >> 4

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.node is not None:
            raise RuntimeError("only leaves can be pickled or copied with copy.copy; detach() this tensor first")
        return _rebuild, (type(self), self.value, self.requires_grad, self.grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.node is not None:
            raise RuntimeError("only leaves can be deep-copied; detach() this tensor first")
        grad = self.grad.__deepcopy__(memo) if self.grad is not None else None
        copy = _rebuild(type(self), self.value.copy(), self.requires_grad, grad)
        memo[id(self)] = copy
        return copy

    # ------------------------------------------------------------ dtypes

    def to(self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False) -> Tensor:
        """The tensor with another dtype; the only device is "cpu".

        Parameters
        ----------
        *args : dtype, "cpu" or a tensor whose dtype is meant
        dtype : dtype
        copy : bool
            Copy even if nothing changes.

        Raises
        ------
        ValueError
            If another device is asked for.
        """
        for arg in args:
            if isinstance(arg, Variable):
                dtype = arg.value.dtype
            elif isinstance(arg, str) and arg.split(":")[0] in ("cpu", "cuda", "mps", "meta", "xpu"):
                device = arg
            else:
                dtype = arg
        if device is not None and str(device) != "cpu":
            raise ValueError(f'to: the only device is "cpu", got {device!r}')
        dtype = self.value.dtype if dtype is None else dtypes.as_dtype(dtype, "to")
        if dtype != self.value.dtype:
            return define.cast(self, dtype)
        return self.clone() if copy else self

    def type(self, dtype: Any = None) -> Any:
        """The tensor with another dtype; without one, the dtype's name."""
        return str(self.value.dtype) if dtype is None else self.to(dtype=dtype)

    def float(self) -> Tensor:
        """The tensor as float32."""
        return self.to(dtype=dtypes.float32)

    def double(self) -> Tensor:
        """The tensor as float64."""
        return self.to(dtype=dtypes.float64)

    def half(self) -> Tensor:
        """The tensor as float16."""
        return self.to(dtype=dtypes.float16)

    def long(self) -> Tensor:
        """The tensor as int64."""
        return self.to(dtype=dtypes.int64)

    def int(self) -> Tensor:
        """The tensor as int32."""
        return self.to(dtype=dtypes.int32)

    def bool(self) -> Tensor:
        """The tensor as bool: whether items differ from zero."""
        return self.to(dtype=dtypes.bool)

    def type_as(self, other: Tensor) -> Tensor:
        """The tensor with another tensor's dtype."""
        return self.to(dtype=other.value.dtype)

    def cpu(self) -> Tensor:
        """This tensor: it is on the CPU already."""
        return self

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
        return power(self, y)

    def __rpow__(self, y: Any) -> Tensor:
        return e.power(y, self)

    def __matmul__(self, y: Any) -> Tensor:
        return linalg.matmul(self, y)

    def __rmatmul__(self, y: Any) -> Tensor:
        return linalg.matmul(y, self)

    def __neg__(self) -> Tensor:
        return e.negative(self)

    def __pos__(self) -> Tensor:
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

    def __getitem__(self, key: Any) -> Tensor:
        return i.index(self, key)

    def __setitem__(self, key: Any, y: Any) -> None:
        key = i.plain_key(key, self.value.shape)
        if tape.mode.recording and (self.requires_grad or (isinstance(y, Variable) and y.requires_grad)):
            change(self, "index_put_", lambda old: i.index_put(old, key, y))
            return
        write(self, "index_put_", lambda value: operator.setitem(value, key, y.value if isinstance(y, Variable) else y))

    # ------------------------------------------------------------ change in place

    def copy_(self, y: Any) -> Tensor:
        """Take over y's items, broadcast and cast."""
        return change(self, "copy_", lambda old: s.broadcast_to(define.as_variable(y), old.value.shape))

    def fill_(self, value: Any) -> Tensor:
        """Set every item to one value."""
        return self.copy_(value)

    def zero_(self) -> Tensor:
        """Set every item to zero."""
        return self.copy_(0)

    def add_(self, y: Any, *, alpha: float = 1) -> Tensor:
        """Add alpha * y in place."""
        return change(self, "add_", lambda old: e.add(old, y if alpha == 1 else y * alpha))

    def sub_(self, y: Any, *, alpha: float = 1) -> Tensor:
        """Subtract alpha * y in place."""
        return change(self, "sub_", lambda old: e.subtract(old, y if alpha == 1 else y * alpha))

    def mul_(self, y: Any) -> Tensor:
        """Multiply by y in place."""
        return change(self, "mul_", lambda old: e.multiply(old, y))

    def div_(self, y: Any) -> Tensor:
        """Divide by y in place."""
        return change(self, "div_", lambda old: e.divide(old, y))

    def pow_(self, y: Any) -> Tensor:
        """Raise to the power of y in place."""
        return change(self, "pow_", lambda old: power(old, y))

    # ------------------------------------------------------------ methods that are functions

    def add(self, y: Any, *, alpha: float = 1) -> Tensor:
        """The sum x + alpha * y."""
        return e.add(self, y if alpha == 1 else y * alpha)

    def sub(self, y: Any, *, alpha: float = 1) -> Tensor:
        """The difference x - alpha * y."""
        return e.subtract(self, y if alpha == 1 else y * alpha)

    def pow(self, y: Any) -> Tensor:
        """x to the power of y."""
        return power(self, y)

    def clone(self) -> Tensor:
        """A differentiable copy."""
        return clone(self)

    def contiguous(self) -> Tensor:
        """The tensor itself if it lies in C order, else a copy that does."""
        return self if self.value.flags.c_contiguous else clone(self)

    def view(self, *size: Any) -> Tensor:
        """The same items in another shape, without a copy; with a dtype, as `to`.

        Raises
        ------
        RuntimeError
            If the strides do not allow it: use reshape.
        """
        if len(size) == 1 and isinstance(size[0], (np.dtype, type)):
            return self.to(dtype=size[0])
        out = s.reshape(self, *size)
        if self.value.size and not np.may_share_memory(out.value, self.value):
            raise RuntimeError(f"view: the strides of this tensor of shape {self.value.shape} do not allow it; use reshape")
        return out

    def max(self, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Any:
        """The largest item; with `dim`, the largest items along it and their indices; with a tensor, as `maximum`."""
        return _max(self, dim, keepdim, axis=axis, keepdims=keepdims)

    def min(self, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Any:
        """The smallest item; with `dim`, the smallest items along it and their indices; with a tensor, as `minimum`."""
        return _min(self, dim, keepdim, axis=axis, keepdims=keepdims)

    def t(self) -> Tensor:
        """A view of a matrix, transposed; of a vector, itself."""
        if self.value.ndim > 2:
            raise RuntimeError(f"t: expected at most two dimensions, got shape {self.value.shape}; use mT or permute")
        return self.T

    def expand(self, *size: Any) -> Tensor:
        """A view repeated along dimensions of length 1; -1 keeps a length."""
        target = s.sizes(size)
        lead = len(target) - self.value.ndim
        return s.broadcast_to(
            self, tuple(self.value.shape[k - lead] if n == -1 and k >= lead else n for k, n in enumerate(target))
        )

    def expand_as(self, other: Tensor) -> Tensor:
        """A view broadcast to another tensor's shape."""
        return s.broadcast_to(self, other.value.shape)

    def view_as(self, other: Tensor) -> Tensor:
        """The same items in another tensor's shape."""
        return self.view(other.value.shape)

    def reshape_as(self, other: Tensor) -> Tensor:
        """The same items in another tensor's shape."""
        return s.reshape(self, other.value.shape)

    mul = multiply = e.multiply
    div = divide = true_divide = e.divide
    subtract = sub
    neg = negative = e.negative
    abs, sign, square, sqrt, reciprocal = e.abs, e.sign, e.square, e.sqrt, e.reciprocal
    exp, expm1, log, log1p, sin, cos, erf = e.exp, e.expm1, e.log, e.log1p, e.sin, e.cos, e.erf
    tanh, sigmoid, relu = e.tanh, e.sigmoid, e.relu
    clip = clamp = e.clip
    maximum, minimum = e.maximum, e.minimum
    eq, ne, lt, le, gt, ge = e.equal, e.not_equal, e.less, e.less_equal, e.greater, e.greater_equal
    logical_and = e.logical_and
    sum, mean, prod, var, std = reduce.sum, reduce.mean, reduce.prod, reduce.var, reduce.std
    amax, amin, argmax, argmin = reduce.amax, reduce.amin, reduce.argmax, reduce.argmin
    logsumexp, norm, cumsum = reduce.logsumexp, reduce.norm, reduce.cumsum
    reshape, permute, transpose, flip = s.reshape, s.permute, s.transpose, s.flip
    swapaxes = transpose
    squeeze, unsqueeze, flatten, broadcast_to = s.squeeze, s.unsqueeze, s.flatten, s.broadcast_to
    matmul, dot, mv, mm, bmm, outer = linalg.matmul, linalg.dot, linalg.mv, linalg.mm, linalg.bmm, linalg.outer
    softmax, log_softmax = nn.softmax, nn.log_softmax
    take_along_dim = i.take_along_dim


# ---------------------------------------------------------------- making tensors


def _wrap(value: Any, counter: list[Any] | None = None, node: tape.Node | None = None) -> Tensor:
    """A tensor over an array, without conversion."""
    tensor = Tensor.__new__(Tensor)
    tensor.value = value
    tensor.tracked = node is not None
    tensor.grad = None
    tensor.node = node
    tensor.counter = counter
    tensor.hooks = None
    tensor.base = None
    tensor.seen = None
    return tensor


def _rebuild(cls: type, value: np.ndarray, requires_grad: bool, grad: Any) -> Tensor:
    tensor = _wrap(value)
    if cls is not Tensor:
        tensor = cls(tensor)
    tensor.requires_grad = requires_grad
    tensor.grad = grad
    return tensor


def _comparable(y: Any) -> bool:
    return isinstance(y, (Variable, np.ndarray, np.generic, int, float, list, tuple))


# The one name for both kinds of floor that Python's own arithmetic hides above.
def power(x: Any, y: Any) -> Any:
    """x to the power of y, by the cheapest operation that gives it."""
    if isinstance(y, (int, float)) and isinstance(x, Variable) and x.value.dtype.kind == "f":
        if y == 2:
            return e.square(x)
        if y == 1:
            return clone(x)
        if y == -1:
            return e.reciprocal(x)
        if y == 0.5:
            return e.sqrt(x)
    return e.power(x, y)


_CLONE = define.linear("clone", lambda x: np.array(x, order="C"), lambda g: g)


def clone(x: Any) -> Any:
    """A differentiable copy of a tensor."""
    return tape.apply(_CLONE, (define.as_variable(x),))


# ---------------------------------------------------------------- change in place


def line_of_caller() -> str | None:
    """The innermost line outside this package."""
    frame = sys._getframe()  # compiled functions have no frame of their own
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "wengert":
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else None


def _line() -> str | None:
    """The same, when somebody watches."""
    return None if tape.mode.observer is None else line_of_caller()


def count_change(x: Tensor) -> None:
    """Note that the memory of x, and so of all of its views, has changed."""
    counter = x.share_counter()
    counter[0] += 1
    counter[1] = _line()


def change(x: Tensor, name: str, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Replace x's items by function(x), keeping its memory; recorded as if x were a new tensor from here on.

    Where x is a view, its base is then what it was with this region replaced, and other views are views of that.
    """
    recording = tape.mode.recording
    base = x if x.base is None else x.base
    if recording and base.requires_grad and base.node is None:
        raise RuntimeError(
            f"{name}: a leaf that requires a gradient, or a view of one, cannot be changed in place while recording; "
            "do it under no_grad(), or change x.detach()"
        )
    old = _wrap(x.value, x.counter, x.grad_fn)
    new = function(old)
    if new.value.shape != x.value.shape:
        raise RuntimeError(f"{name}: the result has shape {new.value.shape}, which does not fit into {x.value.shape}")
    if not np.can_cast(new.value.dtype, x.value.dtype, "same_kind"):
        raise RuntimeError(f"{name}: the result is {new.value.dtype}, which cannot be kept in a tensor of {x.value.dtype}")
    if new.requires_grad:
        if new.value.dtype != x.value.dtype:
            new = define.cast(new, x.value.dtype)
        if new.node.saved and any(saved is old for saved in new.node.saved):
            old.value = old.value.copy()
            old.counter = None
    write(x, name, lambda value: np.copyto(value, new.value, casting="same_kind"))
    if recording:
        _take_history(x, new)
    return x


def write(x: Tensor, name: str, assign: Callable[[np.ndarray], None]) -> None:
    """Change x's memory by `assign`, and count it."""
    value = x.value
    if not value.flags.writeable:
        guard.release(value)  # what detect_anomaly keeps from NumPy only: a later walk will tell
    if not value.flags.writeable:
        raise RuntimeError(
            f"{name}: this tensor of shape {value.shape} shows memory that cannot be written (broadcast, or read-only "
            "where it came from); clone() it first"
        )
    assign(value)
    count_change(x)


def _take_history(x: Tensor, new: Tensor) -> None:
    """Let x, whose items are new's now, have new's history, and its base and its views with it."""
    base = x.base
    if base is None:
        if new.requires_grad:
            x.node = new.node
            x.requires_grad = True
        elif x.node is not None:  # overwritten by a constant: nothing of the history is left in it
            x.detach_()
    elif new.requires_grad or base.requires_grad:
        before = _wrap(base.value, base.counter, base.node)
        tape.record(views.put, (before, new), {"region": views.region_of(base.value, x.value)}, base)
        _renew(x)


def _renew(x: Tensor) -> None:
    """Give a view whose base has a new history the one that follows from it."""
    base = x.base
    if base.node is None:
        x.detach_()
    else:
        x.seen = base.node
        tape.record(views.show, (base,), {"region": views.region_of(base.value, x.value)}, x)


# ---------------------------------------------------------------- extremes with their indices


class ValuesAndIndices(tuple):
    """The pair (values, indices), also by name."""

    __slots__ = ()
    values = property(operator.itemgetter(0), doc="The items.")
    indices = property(operator.itemgetter(1), doc="Where they stand along the dimension.")

    def __repr__(self) -> str:
        return f"(values={self[0]!r},\nindices={self[1]!r})"


def _pick(
    name: str, full: Any, two: Any, arg: Any, x: Any, dim: Any, keepdim: bool, axis: Any, keepdims: bool | None
) -> Any:  # fmt: skip
    x = define.as_variable(x)
    dim = s.either(name, dim, axis)
    keepdim = bool(keepdim if keepdims is None else keepdims)
    if isinstance(dim, (Variable, np.ndarray)):
        return two(x, dim)
    if dim is None:
        return full(x, None, keepdim)
    d = s.dimension(name, dim, x.value.ndim)
    if not x.value.ndim:
        return ValuesAndIndices((clone(x), _wrap(np.zeros((), np.int64))))
    indices = arg(x, d, True)
    values = i.take_along_dim(x, indices, d)
    if not keepdim:
        values, indices = s.squeeze(values, d), s.squeeze(indices, d)
    return ValuesAndIndices((values, indices))


def _max(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Any:
    """The largest item, or the largest items along one dimension with their indices.

    Parameters
    ----------
    x : tensor
    dim : int, tensor or None
        None: over all items; ties share the gradient evenly. An int: along that dimension; the first of several counts.
        A tensor: as `maximum`. Also spelled `axis`.
    keepdim : bool
        Keep the reduced dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor, or (values, indices) with an int

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.max(wg.tensor([[1., 4.], [3., 2.]]), dim=1).values
    tensor([4., 3.])
    """
    return _pick("max", reduce.amax, e.maximum, reduce.argmax, x, dim, keepdim, axis, keepdims)


def _min(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Any:
    """The smallest item, or the smallest items along one dimension with their indices.

    Parameters
    ----------
    x : tensor
    dim : int, tensor or None
        None: over all items; ties share the gradient evenly. An int: along that dimension; the first of several counts.
        A tensor: as `minimum`. Also spelled `axis`.
    keepdim : bool
        Keep the reduced dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor, or (values, indices) with an int

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.min(wg.tensor([[1., 4.], [3., 2.]]), dim=1).values
    tensor([1., 2.])
    """
    return _pick("min", reduce.amin, e.minimum, reduce.argmin, x, dim, keepdim, axis, keepdims)


max = define.named(_max, "max", _max.__doc__ or "")
min = define.named(_min, "min", _min.__doc__ or "")

def _sum(x: Tensor, y: Tensor) -> Tensor:
    """The sum of two cotangents: of tensors, or of the tuples that an operation of several results has."""
    return tuples.add(x, y) if type(x.value) is tuple else e.add(x, y)


tape.connect(box=_wrap, add=_sum, shape_of=lambda value: getattr(value, "shape", "?"), renew=_renew)
