"""vmap as it is used: leaves, hooks and steps of training inside, ensembles, views, threads, all dtypes and layouts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.core.modes import mode
from wengert.core.trees import flatten

F = nn.functional
rng = np.random.default_rng(0)
X = wg.tensor(rng.normal(size=(5, 4, 3)))
LABELS = wg.tensor(rng.integers(0, 3, size=(5, 4)))


def assert_as_the_loop(function: Callable[..., Any], *args: Any, in_dims: Any = 0, tolerance: float = 1e-9) -> None:
    """At once, in chunks, and example by example."""
    found, chunks, expected = (flatten(wg.vmap(function, in_dims, chunk_size=n)(*args))[0] for n in (None, 2, 1))
    for results in (found, chunks):
        assert len(results) == len(expected)
        for x, y in zip(results, expected, strict=True):
            assert (x.shape, x.dtype) == (y.shape, y.dtype)
            a, b = (v.detach().numpy().astype(np.float64) for v in (x, y))
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------- leaves of one's own


def test_backward_to_a_leaf_made_inside() -> None:
    def function(x: Any) -> Any:
        leaf = x.clone().requires_grad_()
        z = wg.sin(leaf)
        z.retain_grad()
        seen: list[Any] = []
        z.register_hook(lambda g: g * leaf.detach())
        z.register_hook(seen.append)
        (z * z).sum().backward()
        first = leaf.grad.clone()
        (leaf * leaf).sum().backward()
        return first, leaf.grad, z.grad, seen[0]

    assert_as_the_loop(function, X)


def test_gradients_are_clipped_and_followed_inside() -> None:
    def function(x: Any) -> Any:
        leaf = x.clone().requires_grad_()
        optimizer = wg.optim.SGD([leaf], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            (wg.sin(leaf) * leaf).sum().backward()
            norm = nn.utils.clip_grad_norm_([leaf], 0.5)
            optimizer.step()
        return leaf.detach(), norm

    assert_as_the_loop(function, X)


def test_hooks_of_derivatives_inside_and_of_captured_leaves() -> None:
    def doubled(x: Any) -> Any:
        def f(x: Any) -> Any:
            z = wg.sin(x)
            z.register_hook(lambda g: g * 2)
            return (z * x).sum()

        return wg.grad(f)(x)

    assert_as_the_loop(doubled, X)
    w = wg.tensor(rng.normal(size=3), requires_grad=True)
    sums: list[Any] = []
    w.register_hook(lambda g: sums.append(g.clone()))
    for chunk in (None, 1):
        w.grad = None
        wg.vmap(lambda x: (wg.sin(w) * x).sum(), chunk_size=chunk)(X).sum().backward()
    assert len(sums) == 2  # once a walk
    np.testing.assert_allclose(sums[0].numpy(), sums[1].numpy())


def test_what_is_not_recorded_inside() -> None:
    def function(x: Any) -> Any:
        def f(x: Any) -> Any:
            with wg.no_grad():
                scale = wg.sin(x)
            return (x * scale * wg.exp(x).detach()).sum()

        return wg.grad(f)(x), wg.hessian(f)(x)

    assert_as_the_loop(function, X)


# ---------------------------------------------------------------- ensembles

NET = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.LayerNorm(6), nn.Linear(6, 3)).double()
DATA, CLASSES = X.reshape(20, 3), LABELS.reshape(20)


def loss(parameters: Any, x: Any, y: Any) -> Any:
    return F.cross_entropy(wg.func.functional_call(NET, parameters, (x,)), y)


def ensemble() -> tuple[Any, Any]:
    """Parameters and learning rates of four models."""
    scales = (1.0, 1.25, 0.5, 0.75)
    stacked = {name: wg.stack([p.detach() * c for c in scales]) for name, p in NET.named_parameters()}
    return stacked, wg.tensor(np.array([0.1, 0.2, 0.3, 0.4]))


def trained(parameters: Any, lr: Any, x: Any, y: Any) -> Any:
    for _ in range(3):
        gradient = wg.grad(loss)(parameters, x, y)
        parameters = {name: p - lr * gradient[name] for name, p in parameters.items()}
    return parameters, loss(parameters, x, y)


def trained_in_place(parameters: Any, lr: Any, rows: Any) -> Any:
    parameters = {name: p.clone() for name, p in parameters.items()}
    speeds = {name: wg.zeros_like(p) for name, p in parameters.items()}
    for _ in range(3):
        gradient = wg.grad(loss)(parameters, DATA[rows], CLASSES[rows])
        for name, p in parameters.items():
            speeds[name].mul_(0.9).add_(gradient[name])
            p.sub_(lr * speeds[name])
    return parameters


def test_models_train_side_by_side() -> None:
    parameters, rates = ensemble()
    assert_as_the_loop(trained, parameters, rates, DATA, CLASSES, in_dims=(0, 0, None, None))
    rows = wg.tensor(rng.integers(0, 20, size=(4, 8)))  # bagging
    assert_as_the_loop(trained_in_place, parameters, rates, rows)


def test_learning_rates_have_derivatives() -> None:
    parameters, rates = ensemble()
    of_rate = wg.grad(lambda lr, parameters: trained(parameters, lr, DATA, CLASSES)[1])
    assert_as_the_loop(of_rate, rates, parameters)


# ---------------------------------------------------------------- layers and losses

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "Linear": lambda: nn.Linear(3, 2), "LayerNorm": lambda: nn.LayerNorm(3),
    "BatchNorm1d": lambda: nn.BatchNorm1d(3).eval(),
    "BatchNorm1d without statistics": lambda: nn.BatchNorm1d(3, track_running_stats=False),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    layer = LAYERS[name]().double()
    parameters = {key: p.detach() for key, p in layer.named_parameters()}
    gradient = wg.grad(lambda p, x: wg.sin(wg.func.functional_call(layer, p, (x,))).sum(), (0, 1))
    assert_as_the_loop(gradient, parameters, X, in_dims=(None, 0))
    stacked = {key: wg.stack([p * c for c in (1.0, 2.0, 0.5, -1.0, 0.1)]) for key, p in parameters.items()}
    assert_as_the_loop(gradient, stacked, X)


@pytest.mark.parametrize("padding", [None, 1])
def test_embeddings(padding: int | None) -> None:
    gradient = wg.grad(lambda w, i: wg.sin(F.embedding(i, w, padding_idx=padding)).sum())
    weights = wg.tensor(rng.normal(size=(5, 7, 3)))
    assert_as_the_loop(gradient, weights[0], LABELS, in_dims=(None, 0))
    assert_as_the_loop(gradient, weights, LABELS)
    assert_as_the_loop(gradient, weights, LABELS[0], in_dims=(0, None))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("in_dims", [(0, 0), (0, None), (None, 0)])
def test_losses_of_classes(name: str, reduction: str, in_dims: Any) -> None:
    def function(x: Any, y: Any) -> Any:
        results = []
        for weight in (None, wg.tensor([0.5, 1.0, 2.0], dtype=wg.float64)):
            of = lambda x, w=weight: wg.sin(  # noqa: E731
                getattr(F, name)(x, y, weight=w, reduction=reduction, ignore_index=1)
            ).sum()
            results.append((of(x), wg.grad(of)(x), wg.hessian(of)(x)))
        return results

    args = (X if in_dims[0] == 0 else X[0], LABELS if in_dims[1] == 0 else LABELS[0])
    assert_as_the_loop(function, *args, in_dims=in_dims)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "name", ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "kl_div", "binary_cross_entropy"]
)
def test_losses_of_numbers(name: str, reduction: str) -> None:
    x, y = wg.sigmoid(X), wg.sigmoid(X * X - 1)
    function = wg.grad(lambda x, y: wg.sin(getattr(F, name)(x, y, reduction=reduction)).sum(), (0, 1))
    assert_as_the_loop(function, x, y)
    assert_as_the_loop(function, x, y[0], in_dims=(0, None))


# ---------------------------------------------------------------- views and depth


def test_views_change_in_place() -> None:
    def function(x: Any) -> Any:
        z = x.clone()
        row, column = z[0], z[:, 1]
        row.mul_(column[:3].sum())
        z[1:, None].add_(1)
        z.T[0] = row[0] * 2
        z.view(-1)[::2].sin_()
        z[[0, 2]] = z[[2, 0]]
        z.masked_fill_(z > 1, 0.5)
        z.swapaxes(0, 1)[1:].relu_()
        return (wg.sin(z) * x).sum() + (row * column[:3]).sum()

    assert_as_the_loop(wg.grad(function), X)
    assert_as_the_loop(wg.hessian(function), X[:2])
    outer = [wg.grad(lambda x, n=n: wg.vmap(function, chunk_size=n)(x).sum())(X).numpy() for n in (None, 1)]
    np.testing.assert_allclose(outer[0], outer[1], rtol=1e-12)


def test_five_levels() -> None:
    def function(chunk: int | None) -> Any:
        f = wg.grad(lambda a: (wg.sin(a) * X[0, 0, 0]).sum())
        for in_dim, out_dim in ((0, -1), (1, 0), (-1, 1), (0, 0)):
            f = wg.vmap(f, in_dim, out_dim, chunk_size=chunk)
        return f

    def of_walks(chunk: int | None) -> Any:
        mapped = lambda f: wg.vmap(f, chunk_size=chunk)  # noqa: E731
        innermost = lambda a, b, c: mapped(lambda d: mapped(lambda e: (wg.sin(d) * e * a).sum() * b.sum())(c).sum())  # noqa: E731
        rows = lambda a: mapped(lambda b: wg.hessian(lambda c: innermost(a, b, c)(c).sum())(b))(a)  # noqa: E731
        return mapped(rows)

    a, b = wg.tensor(rng.normal(size=(2, 3, 2, 3, 2))), wg.tensor(rng.normal(size=(2, 2, 3)))
    np.testing.assert_allclose(function(None)(a).numpy(), function(1)(a).numpy(), rtol=1e-12)
    np.testing.assert_allclose(of_walks(None)(b).numpy(), of_walks(1)(b).numpy(), rtol=1e-10, atol=1e-12)
    outer = [wg.grad(lambda b, n=n: (of_walks(n)(b) ** 2).sum())(b).numpy() for n in (None, 1)]
    np.testing.assert_allclose(outer[0], outer[1], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("layout", ["transposed", "reversed", "repeated", "read-only"])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_layouts(layout: str, dim: int) -> None:
    base = np.random.default_rng(1).normal(size=(4, 6, 5))
    if layout == "read-only":
        base.flags.writeable = False
    made = {"transposed": base.T, "reversed": base[::-1, ::2, ::-3], "repeated": np.broadcast_to(base[0], (3, 6, 5))}

    def function(x: Any) -> Any:
        z = x.clone()
        z[::2].mul_(2)
        return wg.sin(x) @ x.T, x.sum(0), x.cumsum(1), x.reshape(-1), z.T, wg.grad(lambda x: (x @ x.T).sum())(x)

    assert_as_the_loop(function, wg.from_numpy(made.get(layout, base)), in_dims=dim)


# ---------------------------------------------------------------- dtypes

OF_ALL_DTYPES: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: x + x, "scaled": lambda x: x * 2 + 1.5, "sum": lambda x: x.sum(), "prod": lambda x: x.prod(),
    "over": lambda x: x / 3, "double": lambda x: x.double() * 2, "sort": lambda x: wg.sort(x, stable=True),
    "cumsum": lambda x: x.cumsum(0), "picked": lambda x: x[[0, -1]], "where": lambda x: wg.where(x > 1, x, x * 0),
    "max": lambda x: (x.max(), x.amax(0), wg.argmax(x.int())), "truths": lambda x: (x.all(), x.any(), x > 0),
    "as index": lambda x: wg.arange(100)[x.long() % 100], "put": lambda x: wg.scatter(x, 0, wg.tensor([1]), x),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ALL_DTYPES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int32", "uint8", "bool"])
def test_dtypes(name: str, dtype: str) -> None:
    x = wg.tensor(np.abs(np.random.default_rng(2).normal(size=(5, 4)) * 3).astype(dtype))
    assert_as_the_loop(OF_ALL_DTYPES[name], x, tolerance=2e-3 if dtype == "float16" else 1e-6)


# ---------------------------------------------------------------- modes and threads


def test_observers_see_batches() -> None:
    inside = wg.grad(lambda x: (wg.sin(x) @ x.T).sum())
    expected = wg.vmap(inside)(X)
    with wg.autograd.detect_anomaly():
        assert (wg.vmap(inside)(X) == expected).all()
        with pytest.raises(RuntimeError, match=r"log: its result is not finite .*test_vmap_uses.py"):
            wg.vmap(wg.grad(lambda x: wg.log(x - x).sum()))(X)
    assert mode.levels == ()


def test_threads_have_batches_of_their_own() -> None:
    def of(seed: int, chunk: int | None) -> Any:
        draw = np.random.default_rng(seed)
        w, x = wg.tensor(draw.normal(size=(3, 3))), wg.tensor(draw.normal(size=(2 + seed, 3)))
        f = lambda w, x: (wg.sin(w @ x) * wg.vmap(lambda row: row * x, chunk_size=chunk)(w)).sum()  # noqa: E731
        return wg.vmap(wg.grad(f), (None, 0), chunk_size=chunk)(w, x).numpy()

    found: dict[int, list[Any]] = {seed: [] for seed in range(6)}
    ready = threading.Barrier(len(found))

    def work(seed: int) -> None:
        ready.wait()
        for _ in range(20):
            found[seed].append(of(seed, None))
        found[seed].append(mode.levels)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, (*results, levels) in found.items():
        assert levels == ()
        assert len(results) == 20
        for result in results:
            np.testing.assert_allclose(result, of(seed, 1), rtol=1e-12)


def test_a_function_that_raises_leaves_no_batch_open() -> None:
    with pytest.raises(RuntimeError, match="chunk_size=1"):
        wg.vmap(lambda x: wg.vmap(lambda row: row[0].item())(x))(X)
    assert mode.levels == ()
