"""Parameters, where PyTorch has them."""

from .modules.parameter import Parameter as Parameter
from .modules.parameter import UninitializedParameter as UninitializedParameter

__all__ = ["Parameter", "UninitializedParameter"]
