"""What laws share that are given by probabilities or by logits."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..tensors.size import Size
from .distribution import Distribution
from .utils import floating, lazy_property, logits_to_probs, probs_to_logits


class ByProbability(Distribution):
    """A law with a probability of success, given as such or by its log-odds; the other is computed when asked for."""

    _parameters: ClassVar[Any] = {"probs": 0, "logits": 0}

    def _take(self, probs: Any, logits: Any, *others: Any) -> list[Tensor]:
        """Keep the one parameter that is given; the others, of its shape."""
        given, name = _one_of(type(self).__name__, probs, logits)
        found = floating(type(self).__name__, given, *others)
        shape = broadcast_shape(type(self).__name__, *(x.shape for x in found))
        parameter, *rest = (x.expand(shape) for x in found)
        self.__dict__[name] = parameter
        return rest

    @property
    def _param(self) -> Tensor:
        found: Tensor = self.__dict__["probs"] if "probs" in self.__dict__ else self.__dict__["logits"]
        return found

    @property
    def param_shape(self) -> Size:
        """The shape of `probs` and `logits`.

        Returns
        -------
        Size
        """
        return Size(self._param.shape)

    @lazy_property
    def logits(self) -> Tensor:
        """The log-odds of success."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)


class ByProbabilities(ByProbability):
    """A law with a probability for each of several categories."""

    _parameters: ClassVar[Any] = {"probs": 1, "logits": 1}

    def _take_row(self, probs: Any, logits: Any) -> Tensor:
        """Keep the parameter that is given, made to add up to 1."""
        name = type(self).__name__
        given, which = _one_of(name, probs, logits)
        (row,) = floating(name, given)
        if row.ndim < 1:
            raise ValueError(f"{name}: expected {which} of at least one dimension, got a number")
        row = row / row.sum(-1, True) if which == "probs" else row - row.logsumexp(-1, True)
        self.__dict__[which] = row
        return row

    @lazy_property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities, up to a sum."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits)


def _one_of(name: str, probs: Any, logits: Any) -> tuple[Any, str]:
    if (probs is None) == (logits is None):
        raise ValueError(f"{name}: expected either probs or logits, got {'neither' if probs is None else 'both'}")
    return (logits, "logits") if probs is None else (probs, "probs")
