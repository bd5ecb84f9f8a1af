"""PyTorch's older place of `wengert.func.functional_call`."""

from ...func import functional_call as functional_call
