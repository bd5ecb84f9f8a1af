"""EmbeddingBag: the sum, mean or maximum of the rows that a bag of indices names."""

from __future__ import annotations

from typing import Any

from ...ops import creation
from ...tensors.tensor import Tensor
from .. import functional as F
from .. import init
from .module import Module
from .parameter import Parameter


class EmbeddingBag(Module):
    """The sum, mean or maximum of the vectors that each of several bags of indices picks from a table.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Rows and columns of the table.
    max_norm : float or None
        Rows that are picked and longer are shortened to it.
    norm_type : float
        The p of the norm that max_norm limits.
    scale_grad_by_freq : bool
        Divide a row's gradient by how often the input has it.
    mode : {"mean", "sum", "max"}
    sparse : bool
        Taken as PyTorch's argument, without effect: gradients are dense.
    _weight : tensor or None
        The table; None: a new one.
    include_last_offset : bool
        Whether offsets have one more, where the last bag ends.
    padding_idx : int or None
        Indices that are this row are left out; it starts at zero and gets no gradient.
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Raises
    ------
    ValueError
        If `padding_idx` is no row.

    Attributes
    ----------
    weight : Parameter
        (num_embeddings, embedding_dim), at first standard normal.

    Examples
    --------
    >>> bag = wg.nn.EmbeddingBag(10, 3, mode="sum")
    >>> bag(wg.tensor([1, 2, 4, 5, 4, 3]), wg.tensor([0, 4])).shape
    wengert.Size([2, 3])
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, _weight: Any = None,
        include_last_offset: bool = False, padding_idx: int | None = None, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"EmbeddingBag: padding_idx {padding_idx} is not one of {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.mode, self.sparse, self.include_last_offset = mode, sparse, include_last_offset
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        if _weight is None:
            self.weight = Parameter(creation.empty(num_embeddings, embedding_dim, dtype=dtype))
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise ValueError(
                    f"EmbeddingBag: expected a table of shape {(num_embeddings, embedding_dim)}, got "
                    f"{tuple(_weight.shape)}"
                )
            self.weight = Parameter(_weight)

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, max_norm: float | None = None, norm_type: float = 2.0,
        scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:  # fmt: skip
        """A layer over a given table.

        Parameters
        ----------
        embeddings : tensor
            (rows, d); its memory is shared.
        freeze : bool
            Whether the table is not to be trained.
        max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset, padding_idx
            As of the class.

        Returns
        -------
        EmbeddingBag

        Examples
        --------
        >>> from wengert import nn
        >>> bag = nn.EmbeddingBag.from_pretrained(wg.tensor([[1., 2.], [3., 4.]]))
        >>> bag(wg.tensor([[0, 1]]))
        tensor([[2., 3.]])
        """
        rows, d = embeddings.shape
        layer = cls(
            rows, d, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset, padding_idx
        )
        layer.weight.requires_grad_(not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight.detach()[self.padding_idx])

    def forward(self, input: Any, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        """A row for each bag."""
        return F.embedding_bag(
            input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse,
            per_sample_weights, self.include_last_offset, self.padding_idx,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The sizes and options."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        text += f", mode={self.mode!r}"
        return text if self.padding_idx is None else f"{text}, padding_idx={self.padding_idx}"
