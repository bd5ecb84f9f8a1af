"""Recurrent networks: RNN, LSTM and GRU over sequences, and their cells, one step each."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from ...core.doors import enter, leave
from ...ops import creation
from ...ops.index import pick
from ...ops.join import cat, stack
from ...ops.recurrent import GATES, recurrent_layer
from ...ops.shape import reshape, squeeze, transpose, unsqueeze
from ...tensors.tensor import Tensor
from .. import functional as F
from .. import init
from ..utils.rnn import PackedSequence
from .module import Module
from .parameter import Parameter

CELLS = {"RNN_TANH": "tanh", "RNN_RELU": "relu", "LSTM": "lstm", "GRU": "gru"}


def _require(name: str, shape: tuple[int, ...], expected: tuple[int, ...], inputs: tuple[int, ...]) -> None:
    if shape != expected:
        raise ValueError(f"for input of shape {inputs}, {name} has shape {expected}; got {shape}")


def _require_dtype(x: Any, weight: Any, name: str) -> None:
    if x._value.dtype != weight._value.dtype:
        raise TypeError(
            f"{name} is {x._value.dtype}, the weights are {weight._value.dtype}; convert one, as by x.to(dtype) or "
            "module.to(dtype)"
        )


class RNNBase(Module):
    """What `RNN`, `LSTM` and `GRU` have in common.

    Parameters
    ----------
    mode : {"RNN_TANH", "RNN_RELU", "LSTM", "GRU"}
    input_size, hidden_size : int
    num_layers : int
        Each layer takes what the one below gives.
    bias : bool
    batch_first : bool
        Whether inputs and outputs are (sequences, steps, features) rather than (steps, sequences, features). Hidden
        states are not concerned.
    dropout : float
        The probability with which items between layers are dropped in training.
    bidirectional : bool
        Whether each layer also takes the steps from the last to the first; both results stand beside each other.
    proj_size : int
        Of an LSTM: each step's h is projected to this size; 0 for no projection.
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Raises
    ------
    ValueError
        If an option is out of range.
    TypeError
        If `hidden_size` is no integer.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_hr_l0 : Parameter
        Of layer 0, and likewise of others; with `_reverse` behind the name, those of the other direction. At first
        uniform on +-1 / sqrt(hidden_size).

    Examples
    --------
    >>> isinstance(wg.nn.LSTM(2, 3), wg.nn.RNNBase)
    True
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if mode not in CELLS:
            raise ValueError(f"RNNBase: expected a mode among {', '.join(CELLS)}, got {mode!r}")
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._check_options(dropout)
        self._names: list[tuple[str, ...]] = []  # of each layer and direction
        columns, out = GATES[CELLS[mode]] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[: self._directions]:
                inputs = out * self._directions if layer else input_size
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (columns, inputs), "weight_hh": (columns, out)}
                if bias:
                    shapes.update(bias_ih=(columns,), bias_hh=(columns,))
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = tuple(f"{name}_l{layer}{suffix}" for name in shapes)
                for name, shape in zip(names, shapes.values(), strict=True):
                    self.register_parameter(name, Parameter(creation.empty(*shape, dtype=dtype)))
                self._names.append(names)
        self.reset_parameters()

    def _check_options(self, dropout: Any) -> None:
        name = self._get_name()
        if not isinstance(self.hidden_size, int):
            raise TypeError(f"{name}: expected an integer hidden_size, got a {type(self.hidden_size).__name__}")
        if self.hidden_size <= 0 or self.num_layers <= 0:
            raise ValueError(
                f"{name}: expected hidden_size and num_layers of at least 1, got {self.hidden_size} and "
                f"{self.num_layers}"
            )
        if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= self.dropout <= 1:
            raise ValueError(f"{name}: expected a probability dropout in [0, 1], got {dropout!r}")
        if not 0 <= self.proj_size < self.hidden_size or (self.proj_size and self.mode != "LSTM"):
            raise ValueError(
                f"{name}: expected proj_size of an LSTM, from 1 to hidden_size - 1 = {self.hidden_size - 1}, or 0 for "
                f"no projection; got {self.proj_size}"
            )
        if self.dropout and self.num_layers == 1:
            warnings.warn(
                f"{name}: dropout={dropout} drops items between layers, and there is one layer alone", stacklevel=4
            )

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters of each layer and direction.

        Returns
        -------
        list of list of Parameter

        Examples
        --------
        >>> [len(weights) for weights in wg.nn.GRU(2, 3, bidirectional=True).all_weights]
        [4, 4]
        """
        return [[getattr(self, name) for name in names] for names in self._names]

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing: it is taken from programs that were written for PyTorch's graphics processors."""

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The outputs of the last layer at every step, and the last states of all layers."""
        if isinstance(input, PackedSequence):
            return self._of_packed(input, hx)
        x = enter(input)
        shape = x._value.shape
        if len(shape) not in (2, 3) or shape[-1] != self.input_size:
            steps = "n, steps" if self.batch_first else "steps, n"
            raise ValueError(
                f"expected input of shape ({steps}, {self.input_size}) or (steps, {self.input_size}), or a "
                f"PackedSequence; got {shape}"
            )
        alone = len(shape) == 2
        states = self._states(hx, shape, None if alone else shape[0 if self.batch_first else 1])
        if alone:
            x, states = unsqueeze(x, 1), [None if s is None else unsqueeze(s, 1) for s in states]
        elif self.batch_first:
            x = transpose(x, 0, 1)
        steps, count = x._value.shape[:2]
        if not steps:
            raise ValueError(f"expected at least one step, got input of shape {shape}")
        out, last = self._layers(reshape(x, (steps * count, self.input_size)), (count,) * steps, states)
        out = reshape(out, (steps, count, out._value.shape[1]))
        if alone:
            out, last = squeeze(out, 1), [squeeze(s, 1) for s in last]
        elif self.batch_first:
            out = transpose(out, 0, 1)
        return out, self._together(last)

    def _of_packed(self, input: Any, hx: Any) -> tuple[Any, Any]:
        sizes = tuple(leave(input.batch_sizes, "int").tolist())
        shape = input.data._value.shape
        if len(shape) != 2 or shape[1] != self.input_size:
            raise ValueError(f"expected packed items of shape (items, {self.input_size}), got {shape}")
        states = self._states(hx, shape, sizes[0])
        if input.sorted_indices is not None:
            states = [None if s is None else pick(s, (slice(None), input.sorted_indices)) for s in states]
        out, last = self._layers(input.data, sizes, states)
        if input.unsorted_indices is not None:
            last = [pick(s, (slice(None), input.unsorted_indices)) for s in last]
        packed = PackedSequence(out, input.batch_sizes, input.sorted_indices, input.unsorted_indices)
        return packed, self._together(last)

    def _states(self, hx: Any, shape: tuple[int, ...], count: int | None) -> list[Any]:
        """The states to start with, h and of an LSTM c, checked; None for zeros. `count` is None for one sequence."""
        lstm = self.mode == "LSTM"
        if hx is None:
            return [None, None] if lstm else [None]
        if lstm and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise TypeError("expected the states to start with as a pair (h_0, c_0)")
        given = [enter(s) for s in (hx if lstm else (hx,))]
        batch = () if count is None else (count,)
        widths = (self.proj_size or self.hidden_size, self.hidden_size)
        for name, s, width in zip(("h_0", "c_0"), given, widths, strict=False):
            _require(name, s._value.shape, (self.num_layers * self._directions, *batch, width), shape)
            _require_dtype(s, getattr(self, self._names[0][0]), name)
        return given

    def _together(self, last: list[Any]) -> Any:
        return tuple(last) if self.mode == "LSTM" else last[0]

    def _layers(self, x: Any, sizes: tuple[int, ...], states: list[Any]) -> tuple[Any, list[Any]]:
        """All layers over the rows of all steps; gives those of the last layer, and the last states of all."""
        cell, directions = CELLS[self.mode], self._directions
        _require_dtype(x, getattr(self, self._names[0][0]), "the input")
        last = []
        for layer in range(self.num_layers):
            outs = []
            if layer and self.dropout and self.training:
                x = F.dropout(x, self.dropout)
            for direction in range(directions):
                k = layer * directions + direction
                w_ih, w_hh, *more = [getattr(self, name) for name in self._names[k]]
                b_ih, b_hh = more[:2] if self.bias else (None, None)
                h, c = [None if s is None else pick(s, k) for s in (*states, None)[:2]]
                out, *ends = recurrent_layer(
                    x, h, c, w_ih, w_hh, b_ih, b_hh, more[-1] if self.proj_size else None, cell=cell, sizes=sizes,
                    reverse=direction == 1,
                )  # fmt: skip
                outs.append(out)
                last.append(ends)
            x = outs[0] if directions == 1 else cat(outs, 1)
        alone = len(last) == 1
        return x, [unsqueeze(ends[0], 0) if alone else stack(list(ends)) for ends in zip(*last, strict=True)]

    def _label(self) -> str:
        return f"{self._get_name()}(input_size={self.input_size}, hidden_size={self.hidden_size})"

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the usual ones."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        for name in ("bias", "batch_first", "dropout", "bidirectional"):
            if getattr(self, name) != (name == "bias"):
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(RNNBase):
    """h' = tanh(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh), or relu, step by step (Elman 1990).

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
    nonlinearity : {"tanh", "relu"}
    bias, batch_first : bool
    dropout : float
    bidirectional : bool
    device : "cpu" or None
    dtype : dtype or None
        All but `nonlinearity` as of `RNNBase`.

    Raises
    ------
    ValueError
        If an option is out of range, or the input's shape or the state's does not fit.

    Examples
    --------
    >>> rnn = wg.nn.RNN(3, 5, num_layers=2)
    >>> out, h = rnn(wg.ones(7, 4, 3))
    >>> out.shape, h.shape
    (wengert.Size([7, 4, 5]), wengert.Size([2, 4, 5]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'RNN: expected nonlinearity "tanh" or "relu", got {nonlinearity!r}')
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, 0, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber 1997): c' = f c + i g, h' = o tanh(c'), where i, f, g and o
    are the sigmoid (g: tanh) of the parts of x @ W_ih.T + b_ih + h @ W_hh.T + b_hh.

    Called with an input and a pair (h_0, c_0), by default zeros; gives the output and the pair (h_n, c_n).

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
    bias, batch_first : bool
    dropout : float
    bidirectional : bool
    proj_size : int
    device : "cpu" or None
    dtype : dtype or None
        As of `RNNBase`.

    Raises
    ------
    ValueError
        If an option is out of range, or the input's shape or a state's does not fit.

    Notes
    -----
    With a projection, each step is recorded by itself, which takes several times as long.

    Examples
    --------
    >>> lstm = wg.nn.LSTM(3, 5, bidirectional=True)
    >>> out, (h, c) = lstm(wg.ones(7, 4, 3))
    >>> out.shape, h.shape, c.shape
    (wengert.Size([7, 4, 10]), wengert.Size([2, 4, 5]), wengert.Size([2, 4, 5]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device,
            dtype,
        )  # fmt: skip


class GRU(RNNBase):
    """Gated recurrent units (Cho et al. 2014): h' = (1 - z) n + z h, where r and z are the sigmoid of the first two
    parts of x @ W_ih.T + b_ih + h @ W_hh.T + b_hh, and n = tanh(x @ W_in.T + b_in + r (h @ W_hn.T + b_hn)).

    Parameters
    ----------
    input_size, hidden_size : int
    num_layers : int
    bias, batch_first : bool
    dropout : float
    bidirectional : bool
    device : "cpu" or None
    dtype : dtype or None
        As of `RNNBase`.

    Raises
    ------
    ValueError
        If an option is out of range, or the input's shape or the state's does not fit.

    Examples
    --------
    >>> gru = wg.nn.GRU(3, 5, batch_first=True)
    >>> out, h = gru(wg.ones(4, 7, 3))
    >>> out.shape, h.shape
    (wengert.Size([4, 7, 5]), wengert.Size([1, 4, 5]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )


# ---------------------------------------------------------------- cells


class RNNCellBase(Module):
    """What `RNNCell`, `LSTMCell` and `GRUCell` have in common.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    num_chunks : int
        How many gates it has.
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter
        At first uniform on +-1 / sqrt(hidden_size). The biases may be None.

    Examples
    --------
    >>> list(wg.nn.GRUCell(2, 3).state_dict())
    ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        columns = num_chunks * hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (columns, input_size), "weight_hh": (columns, hidden_size)}
        for name, shape in {**shapes, "bias_ih": (columns,), "bias_hh": (columns,)}.items():
            there = bias or name in shapes
            self.register_parameter(name, Parameter(creation.empty(*shape, dtype=dtype)) if there else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _step(self, cell: str, input: Any, states: Any) -> list[Tensor]:
        """The states after a step."""
        x = enter(input)
        shape = x._value.shape
        if len(shape) not in (1, 2) or shape[-1] != self.input_size:
            raise ValueError(f"expected input of shape (n, {self.input_size}) or ({self.input_size},), got {shape}")
        _require_dtype(x, self.weight_ih, "the input")
        given = [enter(s) for s in states or ()]
        for name, s in zip(("h_0", "c_0"), given, strict=False):
            _require(name, s._value.shape, (*shape[:-1], self.hidden_size), shape)
            _require_dtype(s, self.weight_ih, name)
        if len(shape) == 1:
            x, given = unsqueeze(x, 0), [unsqueeze(s, 0) for s in given]
        h, c = [*given, None, None][:2]
        _, *last = recurrent_layer(
            x, h, c, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, cell=cell,
            sizes=(x._value.shape[0],),
        )  # fmt: skip
        return [squeeze(s, 0) for s in last] if len(shape) == 1 else last

    def _label(self) -> str:
        return f"{self._get_name()}(input_size={self.input_size}, hidden_size={self.hidden_size})"

    def extra_repr(self) -> str:
        """The sizes, and the options that are not the usual ones."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"


class RNNCell(RNNCellBase):
    """One step of an `RNN`: tanh(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh), or relu.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    nonlinearity : {"tanh", "relu"}
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Raises
    ------
    ValueError
        If the nonlinearity is another, or the input's shape or the state's does not fit.

    Examples
    --------
    >>> cell = wg.nn.RNNCell(3, 5)
    >>> cell(wg.ones(4, 3), wg.zeros(4, 5)).shape
    wengert.Size([4, 5])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'RNNCell: expected nonlinearity "tanh" or "relu", got {nonlinearity!r}')
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        """The state after the step."""
        return self._step(self.nonlinearity, input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of an `LSTM`: of an input and a pair (h, c), by default zeros, the next pair.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Raises
    ------
    ValueError
        If the input's shape or a state's does not fit.

    Examples
    --------
    >>> cell = wg.nn.LSTMCell(3, 5)
    >>> h, c = cell(wg.ones(4, 3))
    >>> h.shape, c.shape
    (wengert.Size([4, 5]), wengert.Size([4, 5]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The states after the step."""
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise TypeError("expected the states to start with as a pair (h_0, c_0)")
        h, c = self._step("lstm", input, hx)
        return h, c


class GRUCell(RNNCellBase):
    """One step of a `GRU`.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Raises
    ------
    ValueError
        If the input's shape or the state's does not fit.

    Examples
    --------
    >>> cell = wg.nn.GRUCell(3, 5)
    >>> cell(wg.ones(3), wg.zeros(5)).shape
    wengert.Size([5])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Tensor:
        """The state after the step."""
        return self._step("gru", input, None if hx is None else (hx,))[0]
