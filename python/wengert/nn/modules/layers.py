"""Layers with parameters: linear maps, lookup, normalisation by layers; and those that reshape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...core.arguments import dimension
from ...core.doors import enter
from ...ops import creation, products
from ...ops.shape import flatten, reshape
from ...tensors.tensor import Tensor
from .. import functional as F
from .. import init
from .lazy import Lazy
from .module import Module
from .parameter import Parameter, UninitializedParameter


class Identity(Module):
    """Its input.

    Parameters
    ----------
    *args, **kwargs
        Ignored, so that it can stand in for any layer.

    Examples
    --------
    >>> wg.nn.Identity()(wg.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input."""
        return input


class Flatten(Module):
    """A range of dimensions merged into one; by default all but the first.

    Parameters
    ----------
    start_dim, end_dim : int

    Examples
    --------
    >>> wg.nn.Flatten()(wg.ones(2, 3, 5)).shape
    wengert.Size([2, 15])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Tensor:
        """The input with the dimensions merged."""
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The range."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One dimension split into several.

    Parameters
    ----------
    dim : int
    unflattened_size : sequence of int
        Their lengths; one may be -1.

    Examples
    --------
    >>> wg.nn.Unflatten(1, (3, 5))(wg.ones(2, 15)).shape
    wengert.Size([2, 3, 5])
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Any) -> Tensor:
        """The input with the dimension split."""
        x = enter(input)
        shape, sizes = x._value.shape, tuple(self.unflattened_size)
        d = dimension("Unflatten", self.dim, len(shape))
        known = math.prod(n for n in sizes if n != -1)
        if known != shape[d] and not (sizes.count(-1) == 1 and known and shape[d] % known == 0):
            raise ValueError(
                f"dimension {self.dim} of shape {shape} has length {shape[d]}, which {sizes} does not split"
            )
        sizes = tuple(shape[d] // known if n == -1 else n for n in sizes)
        return reshape(x, shape[:d] + sizes + shape[d + 1 :])

    def extra_repr(self) -> str:
        """The dimension and its parts."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Linear(Module):
    """x @ weight.T + bias.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None
    dtype : dtype or None

    Attributes
    ----------
    weight : Parameter
        (out_features, in_features), at first uniform on +-1 / sqrt(in_features).
    bias : Parameter or None
        (out_features,), at first uniform on the same interval.

    Examples
    --------
    >>> wg.nn.Linear(3, 2)(wg.ones(5, 3)).shape
    wengert.Size([5, 2])
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(creation.empty(out_features, in_features, dtype=dtype))
        self.register_parameter("bias", Parameter(creation.empty(out_features, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # +-1 / sqrt(in_features)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any) -> Tensor:
        """The affine map of the last dimension."""
        try:
            return products.linear(input, self.weight, self.bias)
        except ValueError as error:
            shape = enter(input)._value.shape
            if shape and shape[-1] != self.in_features:
                raise ValueError(f"the input's last dimension is {shape[-1]}; its shape is {shape}") from error
            raise

    def _label(self) -> str:
        return f"{self._get_name()}(in_features={self.in_features})"

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class LazyLinear(Lazy, Linear):
    """A `Linear` that takes `in_features` from its first input, and is an ordinary `Linear` from then on.

    Parameters
    ----------
    out_features : int
    bias : bool
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Examples
    --------
    >>> layer = wg.nn.LazyLinear(2)
    >>> layer(wg.ones(5, 3)).shape
    wengert.Size([5, 2])
    >>> layer
    Linear(in_features=3, out_features=2, bias=True)
    """

    weight: Any
    bias: Any
    _ready = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        Module.__init__(self)
        self.in_features, self.out_features = 0, out_features
        self.weight = UninitializedParameter(dtype=dtype)
        self.register_parameter("bias", UninitializedParameter(dtype=dtype) if bias else None)

    def initialize_parameters(self, input: Any) -> None:
        """Give the parameters the size that the input asks for, and draw them, unless a state was loaded before."""
        shape = enter(input)._value.shape
        if not shape:
            raise ValueError("expected an input of shape (..., in_features), got a 0-d tensor")
        if not self.has_uninitialized_params():
            self.in_features = self.weight._value.shape[1]
            return
        self.in_features = shape[-1]
        self.weight.materialize((self.out_features, self.in_features))
        if self.bias is not None:
            self.bias.materialize((self.out_features,))
        self.reset_parameters()


class Embedding(Module):
    """A table of vectors, picked by index.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Rows and columns of the table.
    padding_idx : int or None
        This row starts at zero and gets no gradient.
    max_norm : float or None
        Rows that are picked and longer are shortened to it.
    norm_type : float
        The p of the norm that max_norm limits.
    scale_grad_by_freq : bool
        Whether a row's gradient is divided by how often it is picked.
    sparse : bool
        Of no effect: gradients are dense.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Attributes
    ----------
    weight : Parameter
        (num_embeddings, embedding_dim), at first standard normal.

    Examples
    --------
    >>> wg.nn.Embedding(10, 3)(wg.tensor([[1, 2], [3, 1]])).shape
    wengert.Size([2, 2, 3])
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is not one of {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.weight = Parameter(creation.empty(num_embeddings, embedding_dim, dtype=dtype))
        self.reset_parameters()

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
    ) -> Embedding:  # fmt: skip
        """A layer over a given table.

        Parameters
        ----------
        embeddings : tensor
            (rows, d); its memory is shared.
        freeze : bool
            Whether the table is not to be trained.
        padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
            As in the constructor.

        Returns
        -------
        Embedding

        Examples
        --------
        >>> from wengert import nn
        >>> table = nn.Embedding.from_pretrained(wg.tensor([[1., 2.], [3., 4.]]))
        >>> table(wg.tensor([1, 1]))
        tensor([[3., 4.],
                [3., 4.]])
        """
        rows, d = embeddings.shape
        layer = cls(rows, d, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        layer.weight = Parameter(embeddings, requires_grad=not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight.detach()[self.padding_idx])

    def forward(self, input: Any) -> Tensor:
        """The rows at the indices."""
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The sizes and options."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        return text + (", sparse=True" if self.sparse else "")


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias over the last dimensions (Ba, Kiros and Hinton 2016).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The lengths of those dimensions.
    eps : float
    elementwise_affine : bool
        Whether there are weight and bias.
    bias : bool
        Whether there is a bias beside the weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Attributes
    ----------
    weight, bias : Parameter or None
        Of shape `normalized_shape`, at first 1 and 0.

    Examples
    --------
    >>> wg.nn.LayerNorm(2)(wg.tensor([[1., 3.]])).detach()
    tensor([[-1.0000,  1.0000]])
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float = 1e-5, elementwise_affine: bool = True,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        ones, zeros = (make(self.normalized_shape, dtype=dtype) for make in (creation.ones, creation.zeros))
        self.register_parameter("weight", Parameter(ones) if elementwise_affine else None)
        self.register_parameter("bias", Parameter(zeros) if elementwise_affine and bias else None)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Tensor:
        """The normalised input."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def _label(self) -> str:
        return f"{self._get_name()}({self.normalized_shape})"

    def extra_repr(self) -> str:
        """The shape and options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )
