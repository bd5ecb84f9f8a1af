"""Derivatives that walk as batches, beside torch.func's and JAX's compiled ones: Jacobians, Hessians, per-example
gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import jax, jitted, torch

Functions = dict[str, Callable[[], Any]]


def contestants(ours: Callable[[], Any], theirs: Callable[[], Any], compiled: Callable[[], Any] | None) -> Functions:
    functions: Functions = {}
    if torch is not None:
        functions["torch"] = lambda: theirs().numpy()
    if compiled is not None:
        functions["jax"] = lambda: np.asarray(compiled())
    functions["wengert"] = lambda: ours().numpy()
    return functions


@pytest.mark.parametrize("n", [60, 300])
def test_the_jacobian_of_a_layer(contest: Any, n: int) -> None:
    rng = np.random.default_rng(0)
    a, x = (rng.standard_normal((n, n)) / np.sqrt(n)).astype("f"), rng.standard_normal(n).astype("f")
    w, point = wg.tensor(a), wg.tensor(x)
    jacobian = wg.func.jacobian(lambda x: wg.tanh(w @ x))
    compiled = None
    theirs: Callable[[], Any] = lambda: None  # noqa: E731
    if torch is not None:
        tw, tx = torch.tensor(a), torch.tensor(x)
        theirs = lambda: torch.func.jacrev(lambda x: torch.tanh(tw @ x))(tx)  # noqa: E731
    if jax is not None:
        jw = jax.numpy.asarray(a)
        compiled = jitted(jax.jacrev(lambda x: jax.numpy.tanh(jw @ x)), x)
    functions = contestants(lambda: jacobian(point), theirs, compiled)
    contest(functions, seconds=6, goals=[f"Jacobian {n}", f"Jacobian {n}, JAX"])


def rosenbrock(x: Any) -> Any:
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch.func's own
def test_the_hessian_of_rosenbrock(contest: Any) -> None:
    x = np.random.default_rng(0).standard_normal(20)
    point, hessian = wg.tensor(x), wg.func.hessian(rosenbrock)
    compiled = None if jax is None else jitted(jax.hessian(rosenbrock), x)
    theirs: Callable[[], Any] = lambda: None  # noqa: E731
    if torch is not None:
        tx = torch.tensor(x)
        theirs = lambda: torch.func.hessian(rosenbrock)(tx)  # noqa: E731
    contest(contestants(lambda: hessian(point), theirs, compiled), seconds=6, goals=["Hessian 20", "Hessian 20, JAX"])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch.func's own
def test_the_hessian_of_logistic_regression(contest: Any) -> None:
    rng = np.random.default_rng(0)
    xs, ys, w = rng.standard_normal((200, 50)), np.sign(rng.standard_normal(200)), rng.standard_normal(50)

    def loss(library: Any, x: Any, y: Any) -> Callable[[Any], Any]:
        return lambda w: library.softplus(-(y * (x @ w))).mean() + 0.01 * (w * w).sum()

    point, hessian = wg.tensor(w), wg.func.hessian(loss(wg, wg.tensor(xs), wg.tensor(ys)))
    theirs: Callable[[], Any] = lambda: None  # noqa: E731
    compiled = None
    if torch is not None:
        tw, of = torch.tensor(w), loss(torch.nn.functional, torch.tensor(xs), torch.tensor(ys))
        theirs = lambda: torch.func.hessian(of)(tw)  # noqa: E731
    if jax is not None:
        compiled = jitted(jax.hessian(loss(jax.nn, jax.numpy.asarray(xs), jax.numpy.asarray(ys))), w)
    contest(contestants(lambda: hessian(point), theirs, compiled), seconds=6, goals=["Hessian 50", "Hessian 50, JAX"])


@pytest.mark.parametrize("sizes", [(64, 20, 32, 5), (256, 784, 64, 10)], ids=lambda sizes: "-".join(map(str, sizes)))
def test_gradients_of_each_example(contest: Any, sizes: tuple[int, ...]) -> None:
    batch, inputs, hidden, classes = sizes
    rng = np.random.default_rng(0)
    shapes = ((hidden, inputs), (hidden,), (classes, hidden), (classes,))
    weights = [(rng.standard_normal(shape) * 0.1).astype("f") for shape in shapes]
    xs, ys = rng.standard_normal((batch, inputs)).astype("f"), rng.integers(0, classes, batch)

    def loss(library: Any) -> Callable[..., Any]:
        def of(p: Any, x: Any, y: Any) -> Any:
            hidden = library.relu(library.linear(x, p[0], p[1]))
            return library.cross_entropy(library.linear(hidden, p[2], p[3]), y)

        return of

    ours = wg.vmap(wg.func.grad(loss(wg)), (None, 0, 0))
    given = [wg.tensor(w) for w in weights], wg.tensor(xs), wg.tensor(ys)
    functions: Functions = {}
    if torch is not None:
        each = torch.func.vmap(torch.func.grad(loss(torch.nn.functional)), (None, 0, 0))
        tensors = [torch.tensor(w) for w in weights], torch.tensor(xs), torch.tensor(ys)
        functions["torch"] = lambda: each(*tensors)[0].numpy()
    if jax is not None:

        def of_jax(p: Any, x: Any, y: Any) -> Any:
            z = jax.nn.relu(p[0] @ x + p[1])
            return -jax.nn.log_softmax(p[2] @ z + p[3])[y]

        mapped = jax.vmap(jax.grad(of_jax), (None, 0, 0))
        compiled = jitted(lambda *arrays: mapped(arrays[:4], arrays[4], arrays[5])[0], *weights, xs, ys)
        functions["jax"] = lambda: np.asarray(compiled())
    functions["wengert"] = lambda: ours(*given)[0].numpy()
    goals = ["per example", "per example, JAX"] if batch == 64 else []
    contest(functions, seconds=6, goals=goals)
