"""Averages of weights: of models along a training run, equally or exponentially weighted (Izmailov et al. 2018).

Examples
--------
>>> from wengert.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
>>> model = wg.nn.Linear(2, 1)
>>> average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
>>> optimizer = wg.optim.SGD(model.parameters(), lr=0.1)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     model(wg.ones(4, 2)).sum().backward()
...     optimizer.step()
...     average.update_parameters(model)
>>> average.n_averaged
tensor(3)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from .. import nn
from .._types import Tensor
from ..autograd import no_grad
from ..core import dtypes
from ..core.missing import explain
from ..core.signatures import constructor_tells
from ..nn import Module
from ..ops import tensor
from .lr_scheduler import LRScheduler, checked_optimizer, per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

# Layers of batch normalization, of whatever dimensions there are.
_NORMALIZATIONS = tuple(getattr(nn, name) for name in nn.__all__ if name.startswith("BatchNorm"))

Average = Callable[[Tensor, Tensor, Any], Tensor]
AverageOfMany = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def _require_decay(name: str, decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(f"{name}: expected a decay in [0, 1], got {decay}")


def _mix(averages: Sequence[Tensor], current: Sequence[Tensor], part: float) -> None:
    """Move averages by a part of the way to what is averaged; integers are rounded towards zero."""
    with no_grad():
        for average, x in zip(averages, current, strict=True):
            if average._value.dtype.kind == "f":
                average.lerp_(x, part)
            else:
                average.copy_(average + (x - average) * part)


def get_ema_multi_avg_fn(decay: float = 0.999) -> AverageOfMany:
    """The update of exponential averages, for `AveragedModel(multi_avg_fn=)`.

    Parameters
    ----------
    decay : float
        How much of an average stays, in [0, 1].

    Returns
    -------
    callable
        Of the averages, which it changes, of what is averaged, and of how many were averaged.

    Raises
    ------
    ValueError
        If `decay` is out of range.

    Examples
    --------
    >>> x = wg.zeros(2)
    >>> wg.optim.swa_utils.get_ema_multi_avg_fn(0.75)([x], [wg.ones(2)], 1)
    >>> x
    tensor([0.2500, 0.2500])
    """
    _require_decay("get_ema_multi_avg_fn", decay)

    def ema_update(averages: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any) -> None:
        _mix(averages, current, 1 - decay)

    return ema_update


def get_swa_multi_avg_fn() -> AverageOfMany:
    """The update of equally weighted averages, for `AveragedModel(multi_avg_fn=)`.

    Returns
    -------
    callable
        Of the averages, which it changes, of what is averaged, and of how many were averaged.

    Examples
    --------
    >>> x = wg.zeros(2)
    >>> wg.optim.swa_utils.get_swa_multi_avg_fn()([x], [wg.ones(2)], 3)
    >>> x
    tensor([0.2500, 0.2500])
    """

    def swa_update(averages: Sequence[Tensor], current: Sequence[Tensor], num_averaged: Any) -> None:
        _mix(averages, current, 1 / (int(num_averaged) + 1))

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The update of one exponential average, for `AveragedModel(avg_fn=)`.

    Parameters
    ----------
    decay : float
        How much of the average stays, in [0, 1].

    Returns
    -------
    callable
        Of the average, of what is averaged, and of how many were averaged; gives the new average.

    Raises
    ------
    ValueError
        If `decay` is out of range.

    Examples
    --------
    >>> wg.optim.swa_utils.get_ema_avg_fn(0.75)(wg.zeros(2), wg.ones(2), 1)
    tensor([0.2500, 0.2500])
    """
    _require_decay("get_ema_avg_fn", decay)

    def ema_update(average: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        with no_grad():
            return average * decay + current * (1 - decay)

    return ema_update


def get_swa_avg_fn() -> Average:
    """The update of one equally weighted average, for `AveragedModel(avg_fn=)`.

    Returns
    -------
    callable
        Of the average, of what is averaged, and of how many were averaged; gives the new average.

    Examples
    --------
    >>> wg.optim.swa_utils.get_swa_avg_fn()(wg.zeros(2), wg.ones(2), 3)
    tensor([0.2500, 0.2500])
    """

    def swa_update(average: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        with no_grad():
            found: Tensor = average + (current - average) / (num_averaged + 1)
        return found

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's.

    Parameters
    ----------
    model : Module
        Is copied.
    device
        None, or the CPU.
    avg_fn : callable or None
        Of an average, of what is averaged, and of how many were averaged; gives the new average. None: all weigh the
        same.
    multi_avg_fn : callable or None
        Of lists of them instead; changes the averages.
    use_buffers : bool
        Average the buffers too, rather than take over the model's.

    Attributes
    ----------
    module : Module
        The copy.
    n_averaged : Tensor
        How many were averaged; a buffer.

    Raises
    ------
    ValueError
        If both functions are given.

    Notes
    -----
    The averages of batch normalization do not fit averaged weights; after training, let `update_bn` compute them.

    Examples
    --------
    >>> model = wg.nn.Linear(1, 1, bias=False)
    >>> average = wg.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     _ = wg.nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average.module.weight.item()
    3.0
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device: Any = None, avg_fn: Average | None = None,
        multi_avg_fn: AverageOfMany | None = None, use_buffers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: expected avg_fn or multi_avg_fn, got both")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=dtypes.int64))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model gives."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take a model into the averages; the first is copied.

        Parameters
        ----------
        model : Module
            Like the one that was copied.

        Raises
        ------
        ValueError
            If it has other parameters or buffers. Nothing is changed then.

        Examples
        --------
        >>> model = wg.nn.Linear(1, 1)
        >>> average = wg.optim.swa_utils.AveragedModel(model)
        >>> average.update_parameters(model)
        >>> average.n_averaged
        tensor(1)
        """
        averages, current = _items(self.module.parameters()), _items(model.parameters())
        buffers, given = _items(self.module.buffers()), _items(model.buffers())
        shapes = [[tuple(x._value.shape) for x in part] for part in (averages + buffers, current + given)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"AveragedModel.update_parameters: expected parameters and buffers of shapes {shapes[0]}, as were "
                f"copied, got {shapes[1]}"
            )
        if self.use_buffers:
            averages, current = averages + buffers, current + given
            buffers = given = []
        with no_grad():
            if int(self.n_averaged) == 0:
                _copy(averages, current)
            else:
                self._average(averages, current)
            _copy(buffers, given)
            self.n_averaged += 1

    def _average(self, averages: list[Tensor], current: list[Tensor]) -> None:
        if self.avg_fn is not None:
            for average, x in zip(averages, current, strict=True):
                average.copy_(self.avg_fn(average, x, self.n_averaged))
            return
        update = get_swa_multi_avg_fn() if self.multi_avg_fn is None else self.multi_avg_fn
        for dtype in dict.fromkeys(average._value.dtype for average in averages):
            some = [k for k, average in enumerate(averages) if average._value.dtype == dtype]
            update([averages[k] for k in some], [current[k] for k in some], self.n_averaged)


def _items(tensors: Iterable[Any]) -> list[Tensor]:
    return [x.detach() for x in tensors]


def _copy(to: list[Tensor], tensors: list[Tensor]) -> None:
    for x, y in zip(to, tensors, strict=True):
        x.copy_(y)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the averages of a model's batch normalization anew: equally weighted, over all batches.

    Parameters
    ----------
    loader : iterable
        Of batches: tensors, or lists or tuples that begin with the tensor that the model takes.
    model : Module
        Is run once over all batches, in training mode, without gradients.
    device
        None, or the CPU.

    Examples
    --------
    >>> model = wg.nn.BatchNorm1d(1)
    >>> wg.optim.swa_utils.update_bn([wg.tensor([[1.0], [3.0]]), wg.tensor([[5.0], [7.0]])], model)
    >>> model.running_mean
    tensor([4.])
    """
    layers: list[Any] = [layer for layer in model.modules() if isinstance(layer, _NORMALIZATIONS)]
    if not layers:
        return
    momenta, training = [layer.momentum for layer in layers], model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    model.train()
    try:
        with no_grad():
            for batch in loader:
                x = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(x if device is None else x.to(device))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """The rate from where it is to `swa_lr`, where it stays while weights are averaged.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float or list of float
        One for all groups or one for each.
    anneal_epochs : int
        The epochs that it takes.
    anneal_strategy : {"cos", "linear"}
    last_epoch : int

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.75]
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: float | list[float], anneal_epochs: int = 10, anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        rates = per_group("SWALR", "swa_lr", checked_optimizer("SWALR", optimizer), swa_lr)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'SWALR: expected anneal_strategy "cos" or "linear", got {anneal_strategy!r}')
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: expected an integer anneal_epochs >= 0, got {anneal_epochs!r}")
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["swa_lr"] = rate
        self.anneal_epochs, self._anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The present rates moved on to `swa_lr`."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._way(step - 1), self._way(step)
        rates = []
        for group in self.optimizer.param_groups:
            lr, end = group["lr"], group["swa_lr"]
            start = end if before == 1 else (lr - before * end) / (1 - before)
            rates.append(end * now + start * (1 - now))
        return rates

    def _way(self, step: int) -> float:
        """The part of the way that is behind after so many steps."""
        part = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return part if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * part)) / 2


for _name in __all__:
    constructor_tells(globals()[_name])
explain(__name__)
