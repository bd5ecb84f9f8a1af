"""Layers with an explicit forward and backward, for whoever learns backpropagation or writes it by hand.

A layer is an operation of the library that remembers its last run: `forward` computes, `backward` takes the
derivative of an objective by the result and gives those by the inputs. Both use the operation's own rules, so a
network composed by hand has exactly the gradients of the tape.

>>> f, loss = wg.layers.Affine(), wg.layers.Sum()
>>> X, W, b = wg.ones(1, 2), wg.tensor([[1., 2.], [3., 4.]]), wg.zeros(2)
>>> loss.forward(f.forward(X, W, b))
tensor(10.)
>>> dX, dW, db = f.backward(loss.backward())
>>> dX
tensor([[3., 7.]])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ._types import Tensor
from .core.doors import enter, require_unfollowed
from .core.modes import recording
from .func.recorded import Run, ones_like
from .ops import activations, arithmetic, functions, losses, norms, products, reduce, rows


class Layer:
    """An operation with an explicit forward and backward.

    Parameters
    ----------
    **static
        What the operation takes by keyword, such as `dim`.

    Examples
    --------
    >>> f = wg.layers.Multiply()
    >>> f.forward(2., 3.)
    tensor(6.)
    >>> f.backward(10.)
    (tensor(30.), tensor(20.))
    """

    function: Callable[..., Any]
    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, **static: Any) -> None:
        self._static = {**self.defaults, **static}
        self._run: Run | None = None

    def forward(self, *inputs: Any) -> Tensor:
        """Compute the result, and remember what `backward` needs.

        Parameters
        ----------
        *inputs : tensor, array or number

        Returns
        -------
        Tensor
            A constant: nothing is recorded outside the layer.
        """
        xs = [enter(x) for x in inputs]
        for x in xs:
            require_unfollowed(x, "the input of a layer, outside which nothing is recorded")
        places = [k for k, x in enumerate(xs) if x._value.dtype.kind == "f"]
        with recording(False):
            self._run = Run(type(self).__name__, lambda *args: type(self).function(*args, **self._static), xs, places)
            result: Tensor = self._run.output()
            return result

    def backward(self, gradient: Any = None) -> Any:
        """The derivatives of an objective by the inputs, from its derivative by the result.

        Parameters
        ----------
        gradient : tensor or None
            Of the result's shape; may be left out for a single item, where it is 1.

        Returns
        -------
        Tensor, or tuple of Tensor
            One per floating input, in order; of a layer with one such input, that one.

        Raises
        ------
        RuntimeError
            If `forward` was not called before, or the gradient is left out for more than one item.
        ValueError
            If the gradient does not have the result's shape.
        """
        name = type(self).__name__
        run = self._run
        if run is None:
            raise RuntimeError(f"{name}.backward: forward comes first, and leaves what backward needs")
        (y,) = run.outputs
        if gradient is None:
            if y._value.size != 1:
                shape = y._value.shape
                raise RuntimeError(f"{name}.backward: a result of shape {shape} needs a gradient of that shape")
            gradient = ones_like(y)
        gs = run.pull(run.cotangents(gradient, f"{name}.backward", "gradient"))
        return gs[0] if len(gs) == 1 else tuple(gs)

    __call__ = forward

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in self._static.items())})"


def layer(name: str, function: Callable[..., Any], doc: str, example: str = "", **defaults: Any) -> type[Layer]:
    """A layer class of an operation, or of any function of tensors.

    Parameters
    ----------
    name : str
    function : callable
        Of tensors, and of keywords that are set when the layer is made; gives one tensor.
    doc : str
        What it computes.
    example : str
        "arguments -> result" of a forward pass, for the docstring.
    **defaults
        Values of keywords.

    Returns
    -------
    class

    Examples
    --------
    >>> Cube = wg.layers.layer("Cube", lambda x: x ** 3, "x ** 3")
    >>> f = Cube()
    >>> f.forward(2.), f.backward()
    (tensor(8.), tensor(12.))
    """
    body = {"function": staticmethod(function), "defaults": defaults, "__module__": __name__}
    text = f"The layer {doc}. See `Layer` for its methods."
    if example:
        arguments, _, result = example.partition(" -> ")
        text += f"\n\nExamples\n--------\n>>> wg.layers.{name}().forward({arguments})\n{result}"
    return type(name, (Layer,), {**body, "__doc__": text})


def _mean_squares(x: Tensor, y: Tensor) -> Any:
    """The mean of (x - y)**2."""
    return reduce.mean(arithmetic.square(x - y))


Affine = layer(
    "Affine", products.affine, "X @ W + b, of X (n, k), W (k, m) and b (m,)",
    "wg.ones(1, 2), wg.ones(2, 1), wg.ones(1) -> tensor([[3.]])",
)  # fmt: skip
Linear = layer(
    "Linear", products.linear, "X @ W.T + b, of X (n, k), W (m, k) and b (m,)",
    "wg.ones(1, 2), wg.ones(1, 2), wg.ones(1) -> tensor([[3.]])",
)  # fmt: skip
MatMul = layer("MatMul", products.matmul, "X @ Y", "wg.ones(1, 2), wg.ones(2, 1) -> tensor([[2.]])")
Dot = layer("Dot", products.dot, "x . y, the inner product of two vectors", "wg.ones(2), wg.ones(2) -> tensor(2.)")
Outer = layer(
    "Outer", products.outer, "x[i] * y[j], the outer product of two vectors",
    "wg.ones(1), wg.ones(2) -> tensor([[1., 1.]])",
)  # fmt: skip
Add = layer("Add", arithmetic.add, "x + y, item by item, broadcast", "2., 3. -> tensor(5.)")
Subtract = layer("Subtract", arithmetic.subtract, "x - y, item by item, broadcast", "2., 3. -> tensor(-1.)")
Multiply = layer("Multiply", arithmetic.multiply, "x * y, item by item, broadcast", "2., 3. -> tensor(6.)")
Divide = layer("Divide", arithmetic.divide, "x / y, item by item, broadcast", "3., 2. -> tensor(1.5000)")
Square = layer("Square", arithmetic.square, "x * x, item by item", "3. -> tensor(9.)")
Exp = layer("Exp", functions.exp, "exp(x), item by item", "0. -> tensor(1.)")
Log = layer("Log", functions.log, "log(x), item by item", "1. -> tensor(0.)")
Sigmoid = layer("Sigmoid", functions.sigmoid, "1 / (1 + exp(-x)), item by item", "0. -> tensor(0.5000)")
Tanh = layer("Tanh", functions.tanh, "tanh(x), item by item", "0. -> tensor(0.)")
ReLU = layer("ReLU", activations.relu, "max(x, 0), item by item", "-1. -> tensor(0.)")
Softmax = layer(
    "Softmax", rows.softmax, "exp(x) / sum(exp(x)) along `dim`, by default the last",
    "wg.zeros(2) -> tensor([0.5000, 0.5000])", dim=-1,
)  # fmt: skip
LogSoftmax = layer(
    "LogSoftmax", rows.log_softmax, "x - log(sum(exp(x))) along `dim`, by default the last",
    "wg.zeros(2) -> tensor([-0.6931, -0.6931])", dim=-1,
)  # fmt: skip
Sum = layer("Sum", reduce.sum, "sum(x), over all dimensions or over `dim`", "wg.ones(3) -> tensor(3.)")
Mean = layer("Mean", reduce.mean, "mean(x), over all dimensions or over `dim`", "wg.ones(3) -> tensor(1.)")
Norm = layer("Norm", norms.norm, "norm(x), over all dimensions or over `dim`", "wg.tensor([3., 4.]) -> tensor(5.)")
CrossEntropy = layer(
    "CrossEntropy", losses.cross_entropy, "cross-entropy of logits (n, classes) and labels (n,)",
    "wg.zeros(1, 2), wg.tensor([0]) -> tensor(0.6931)",
)  # fmt: skip
MeanSquaredError = layer("MeanSquaredError", _mean_squares, "mean((x - y)**2)", "wg.zeros(2), wg.ones(2) -> tensor(1.)")

__all__ = [
    "Add", "Affine", "CrossEntropy", "Divide", "Dot", "Exp", "Layer", "Linear", "Log", "LogSoftmax", "MatMul", "Mean",
    "MeanSquaredError", "Multiply", "Norm", "Outer", "ReLU", "Sigmoid", "Softmax", "Square", "Subtract", "Sum", "Tanh",
    "layer",
]  # fmt: skip
