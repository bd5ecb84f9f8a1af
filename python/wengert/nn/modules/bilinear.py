"""A layer that is linear in each of two inputs."""

from __future__ import annotations

import math
from typing import Any

from ...ops import creation
from .. import functional as F
from .. import init
from .module import Module
from .parameter import Parameter


class Bilinear(Module):
    """x1 @ weight[k] @ x2 + bias[k] for each output k.

    Parameters
    ----------
    in1_features, in2_features, out_features : int
    bias : bool
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Attributes
    ----------
    weight : Parameter
        (out_features, in1_features, in2_features), at first uniform on +-1 / sqrt(in1_features).
    bias : Parameter or None
        (out_features,), at first uniform on the same interval.

    Raises
    ------
    ValueError
        If in1_features is not above 0.

    Examples
    --------
    >>> wg.nn.Bilinear(3, 4, 2)(wg.ones(5, 3), wg.ones(5, 4)).shape
    wengert.Size([5, 2])
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"Bilinear: expected in1_features above 0, got {in1_features}")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        weight = creation.empty(out_features, in1_features, in2_features, dtype=dtype, device=device)
        self.weight = Parameter(weight)
        self.register_parameter("bias", Parameter(creation.empty(out_features, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Any, input2: Any) -> Any:
        """The bilinear map of the last dimensions."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
