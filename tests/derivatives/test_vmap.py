"""vmap by its contract: what it maps over, how it nests, and what it refuses."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest

import wengert as wg
from wengert import define, nn
from wengert.core import batching
from wengert.core.trees import changed
from wengert.func import grad, hessian, jacobian, jvp, vjp

rng = np.random.default_rng(0)
X = wg.tensor(rng.normal(size=(4, 3)))
Y = wg.tensor(rng.normal(size=(4, 3)))
W = wg.tensor(rng.normal(size=(2, 3)))


def loop(function: Any, *args: Any, in_dims: Any = 0, out_dims: Any = 0, **keywords: Any) -> Any:
    return wg.vmap(function, in_dims, out_dims, chunk_size=1, **keywords)(*args)


def close(x: Any, y: Any) -> None:
    if isinstance(y, (tuple, list)):
        assert type(x) is type(y)
        for a, b in zip(x, y, strict=True):
            close(a, b)
        return
    assert x.shape == y.shape
    np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------- what is mapped


@pytest.mark.parametrize(
    ("in_dims", "out_dims"), [(0, 0), (1, 0), (-1, 1), ((0, None), 0), ((None, 1), -1), ((-2, 0), 0), ((0, 0), 1)]
)
def test_dimensions_are_taken_from_where_they_are_said_to_be(in_dims: Any, out_dims: Any) -> None:
    def f(x: Any, y: Any) -> Any:
        return x.sum() * y[0] + y

    pair = in_dims if isinstance(in_dims, tuple) else (in_dims, in_dims)
    x, y = X, Y
    for k, dim in enumerate(pair):
        if dim is None:
            x, y = (X[0], y) if k == 0 else (x, Y[0])
    sizes = {v.shape[d] for v, d in zip((x, y), pair, strict=True) if d is not None}
    if len(sizes) > 1:
        pytest.fail("the case maps different lengths")
    close(wg.vmap(f, in_dims, out_dims)(x, y), loop(f, x, y, in_dims=in_dims, out_dims=out_dims))


def test_structures_numbers_and_keywords() -> None:
    def f(tree: Any, scale: float, *, shift: Any) -> Any:
        return {"a": tree["a"] * scale + shift, "b": (tree["b"][0].sum(), [tree["b"][1]])}

    tree = {"a": X, "b": (Y, W)}
    dims = ({"a": 0, "b": (0, None)}, None)
    found = wg.vmap(f, dims)(tree, 2.0, shift=W[0])
    expected = wg.vmap(f, dims, chunk_size=1)(tree, 2.0, shift=W[0])
    assert list(found) == ["a", "b"]
    close(found["a"], expected["a"])
    close(found["b"], expected["b"])
    assert found["b"][1][0].shape == (4, 2, 3)  # one for all: repeated
    ordered = wg.vmap(lambda t: OrderedDict(b=t["x"], a=t["x"] * 2))({"x": X})
    assert list(ordered) == ["b", "a"]
    close(wg.vmap(lambda x, k: x * k)(X, 3), X * 3)


def test_a_result_for_all_has_no_dimension_where_none_is_asked_for() -> None:
    total = wg.vmap(lambda x: (x.sum(), W.sum()), out_dims=(0, None))(X)[1]
    assert total.shape == ()
    with pytest.raises(ValueError, match=r"out_dims is None for a result of shape .* differs"):
        wg.vmap(lambda x: x, out_dims=None)(X)
    with pytest.raises(ValueError, match="differs over the batch"):
        wg.vmap(lambda x: x, out_dims=None, chunk_size=1)(X)


@pytest.mark.parametrize(
    ("in_dims", "args", "message"),
    [
        ([0, 1], (X, Y), r"write in_dims=\(0, 1\)"),
        ({"a": 0}, ({"a": X},), r"write in_dims=\(\{'a': 0\},\)"),
        ((0,), (X, Y), "1 entries for 2"),
        ((0, 2), (X, Y), r"dimension 2 for a tensor of shape \(4, 3\)"),
        ((0, -3), (X, Y), "dimension -3"),
        ((0, 1), (X, Y), r"different sizes: shape \(4, 3\) along dimension 0: 4; shape \(4, 3\) along dimension 1: 3"),
        (None, (X,), "no argument has a batch"),
        (0, (1.0,), "no argument has a batch"),
        ((0, 0), (X, 2.0), "the number 2.0"),
        (({"a": 0},), ({"b": X},), "does not have the structure of a dict with keys"),
        (((0, 0),), ([X],), "does not have the structure of a list of 1"),
        (("0",), (X,), "expected an int, None or a structure"),
        ((True,), (X,), "expected an int, None or a structure"),
    ],
)
def test_in_dims_that_do_not_fit_say_so(in_dims: Any, args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wg.vmap(lambda *xs: xs[0], in_dims)(*args)


def test_other_arguments_of_vmap_are_checked() -> None:
    with pytest.raises(ValueError, match="randomness"):
        wg.vmap(wg.sin, randomness="none")
    for chunk in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="chunk_size"):
            wg.vmap(wg.sin, chunk_size=chunk)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="out_dims gives dimension 2"):
        wg.vmap(wg.sin, out_dims=2)(X)


@pytest.mark.parametrize("chunk", [None, 1, 2, 3, 4, 7, np.int64(3)])
def test_chunks_give_what_all_at_once_gives(chunk: Any) -> None:
    def f(x: Any) -> Any:
        return wg.tanh(x) @ W.T, x.sum(), W[0, 0]

    found = wg.vmap(f, out_dims=(1, 0, None), chunk_size=chunk)(X)
    close(found, wg.vmap(f, out_dims=(1, 0, None))(X))


@pytest.mark.parametrize("chunk", [None, 1, 2])
def test_a_batch_of_nothing_gives_results_of_length_nothing(chunk: int | None) -> None:
    runs = []

    def f(x: Any) -> Any:
        runs.append(x.shape)
        return wg.sin(x) @ W.T, x.sum(), wg.linalg.inv(wg.outer(x, x) + wg.eye(3, dtype=x.dtype))

    found = wg.vmap(f, chunk_size=chunk)(wg.zeros(0, 3, dtype=wg.float64))
    assert [y.shape for y in found] == [(0, 2), (0,), (0, 3, 3)]
    assert runs == [(3,)]


def test_arrays_give_arrays_and_the_function_sees_tensors() -> None:
    seen = []

    def f(x: Any) -> Any:
        seen.append(type(x))
        return wg.sin(x), x.sum()

    found = wg.vmap(f)(X.numpy())
    assert seen == [wg.Tensor]
    assert [type(y) for y in found] == [np.ndarray, np.ndarray]
    np.testing.assert_allclose(found[0], np.sin(X.numpy()))
    gradient = wg.vmap(grad(lambda x: (x**2).sum()))(X.numpy())
    assert type(gradient) is np.ndarray
    np.testing.assert_allclose(gradient, 2 * X.numpy())
    outer = grad(lambda x: wg.stack([wg.vmap(wg.sin)(x).sum()]).sum())(X.numpy())
    np.testing.assert_allclose(outer, np.cos(X.numpy()))


def test_results_share_no_memory_with_arguments() -> None:
    x = X.clone()
    for f in (lambda x: x, lambda x: x[1:], lambda x: x.reshape(3, 1), lambda x: W, lambda x: x.expand(2, 3)):
        y = wg.vmap(f)(x)
        y.zero_()
    close(x, X)
    assert W.abs().sum() > 0


# ---------------------------------------------------------------- nesting


def scalar(w: Any, x: Any) -> Any:
    return (wg.tanh(w @ x) * (w * w)[0, 0]).sum() + wg.exp(x[0] * w[1, 2])


TRANSFORMS = {
    "value": lambda: scalar,
    "grad": lambda: grad(scalar, argnums=(0, 1)),
    "grad of x": lambda: grad(scalar, argnums=1),
    "hessian": lambda: hessian(scalar, argnums=1),
    "hessian of w": lambda: hessian(scalar),
    "jvp": lambda: lambda w, x: jvp(scalar, (w, x), (wg.cos(w), wg.sin(x)))[1],
    "vjp": lambda: lambda w, x: vjp(lambda w: w @ x, w)[1](x[:2])[0],
    "jacobian": lambda: jacobian(lambda w, x: wg.sin(w @ x) * x[0], argnums=(0, 1)),
    "jacobian forward": lambda: jacobian(lambda w, x: wg.outer(x, wg.sin(w @ x)), argnums=1, mode="forward"),
    "third": lambda: jacobian(hessian(scalar, argnums=1), argnums=1),
    "laplacian": lambda: wg.laplacian(scalar, argnums=1),
    "taylor": lambda: lambda w, x: wg.taylor(lambda t: scalar(w, x * t), 1.0, 3).coefficients,
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("in_dims", [(None, 0), (0, None), (0, 0)])
def test_derivatives_inside(name: str, in_dims: Any) -> None:
    f = TRANSFORMS[name]()
    w = wg.tensor(rng.normal(size=(4, 2, 3))) if in_dims[0] == 0 else W
    x = X if in_dims[1] == 0 else X[0]
    close(wg.vmap(f, in_dims)(w, x), loop(f, w, x, in_dims=in_dims))


@pytest.mark.parametrize("outer", ["grad", "jacobian", "hessian", "jvp", "hvp", "hessian rows"])
@pytest.mark.parametrize("name", ["value", "grad of x", "hessian", "jvp", "vjp", "jacobian", "laplacian"])
def test_derivatives_outside_of_derivatives_inside(outer: str, name: str) -> None:
    inner = TRANSFORMS[name]()

    def mapped(chunk: int | None) -> Any:
        def total(w: Any) -> Any:
            ys = wg.vmap(inner, (None, 0), chunk_size=chunk)(w, X)
            parts = ys if isinstance(ys, tuple) else (ys,)
            return sum((wg.sin(y) * w[0, 1]).sum() for y in parts)

        rows = lambda w: wg.stack([total(w), total(w * 2)])  # noqa: E731
        return {
            "grad": lambda: grad(total)(W),
            "jacobian": lambda: jacobian(rows)(W),
            "hessian": lambda: hessian(total)(W),
            "jvp": lambda: jvp(total, W, wg.cos(W)),
            "hvp": lambda: wg.hvp(total, W, wg.cos(W)),
            "hessian rows": lambda: hessian(total, chunk_size=2)(W),
        }[outer]()

    close(mapped(None), mapped(1))


def test_batches_of_batches() -> None:
    a, b = wg.tensor(rng.normal(size=(2, 3, 4))), wg.tensor(rng.normal(size=(5, 4)))
    f = lambda x, y: wg.sin(x) @ y * W[0, 0]  # noqa: E731
    nested = lambda chunk: wg.vmap(  # noqa: E731
        wg.vmap(wg.vmap(f, (None, 0), chunk_size=chunk), (0, None), chunk_size=chunk), (0, None), chunk_size=chunk
    )
    close(nested(None)(a, b), nested(1)(a, b))
    g = lambda chunk: grad(lambda a, b: (nested(chunk)(a, b) ** 2).sum(), argnums=(0, 1))  # noqa: E731
    close(g(None)(a, b), g(1)(a, b))
    inside = lambda chunk: wg.vmap(grad(lambda x: (wg.vmap(wg.sin, chunk_size=chunk)(x) ** 2).sum()), chunk_size=chunk)  # noqa: E731
    close(inside(None)(a), inside(1)(a))


FOR_ALL = {
    "argument": lambda chunk: lambda x: wg.vmap(lambda y, z: z, (0, None), chunk_size=chunk)(Y, x),
    "captured": lambda chunk: lambda x: wg.vmap(lambda y: wg.sin(x), out_dims=1, chunk_size=chunk)(Y),
    "beside": lambda chunk: lambda x: sum(wg.vmap(lambda y: (x @ y, x.flip(0)), chunk_size=chunk)(Y)[1]),
    "inside": lambda chunk: lambda x: wg.vmap(
        lambda y: wg.vmap(lambda z: x * 2, chunk_size=chunk)(y) * y[0], chunk_size=chunk
    )(Y),
    "tangent": lambda chunk: lambda x: wg.vmap(
        lambda y: jvp(lambda q: hessian(lambda z: (wg.sin(z) * x * q).sum())(x), y, y * 0.5)[1], chunk_size=chunk
    )(Y),
    "forward": lambda chunk: lambda x: jvp(
        lambda y: hessian(lambda z: (wg.sin(z) * x * y).sum(), chunk_size=chunk or "auto")(x), (x,), (x * 0.5,)
    )[1],
}  # fmt: skip


@pytest.mark.parametrize("name", FOR_ALL)
@pytest.mark.parametrize("outer", ["grad", "hessian", "jvp of grad"])
def test_derivatives_of_what_is_one_for_all_examples(name: str, outer: str) -> None:
    def run(chunk: int | None) -> Any:
        f = lambda x: wg.sin(FOR_ALL[name](chunk)(x)).sum()  # noqa: E731
        if outer == "jvp of grad":
            return jvp(grad(f), X[0], Y[0])
        return (grad if outer == "grad" else hessian)(f)(X[0])

    close(run(None), run(1))


# ---------------------------------------------------------------- captured weights, backward


def test_gradients_arrive_at_captured_leaves_summed() -> None:
    def run(chunk: int | None) -> list[Any]:
        w = W.clone().requires_grad_()
        v = wg.tensor(1.5, dtype=wg.float64, requires_grad=True)
        z = w * 2  # recorded before
        y = wg.vmap(lambda x: wg.sin(z @ x) * v + (w * v)[0, 0], chunk_size=chunk)(X)
        (y * y).sum().backward()
        first = [w.grad.clone(), v.grad.clone()]
        w.grad = v.grad = None
        y = wg.vmap(lambda x: (wg.sin(w @ x) * v).sum(), chunk_size=chunk)(X).sum()
        (g,) = wg.autograd.grad(y, w, create_graph=True)
        (g * g).sum().backward()
        return [*first, w.grad, v.grad]

    close(run(None), run(1))


def test_backward_inside_adds_up_over_the_batch() -> None:
    def run(chunk: int | None) -> Any:
        w = W.clone().requires_grad_()

        def f(x: Any) -> Any:
            y = wg.sin(w @ x).sum()
            y.backward()
            return y.detach()

        wg.vmap(f, chunk_size=chunk)(X)
        return w.grad

    close(run(None), run(1))


def test_leaves_inside_have_gradients_of_their_own_that_add_up() -> None:
    def f(x: Any) -> Any:
        p = x.clone().detach().requires_grad_()
        for y in (p.sum(), (p * x).sum(), (p * 2).sum()):  # one for all, one for each
            y.backward()
        return p.grad

    def pair(x: Any, y: Any) -> Any:
        p = (x * y).detach().requires_grad_()
        (p * x).sum().backward()
        (p * p).sum().backward()
        return p.grad

    close(wg.vmap(f)(X), loop(f, X))
    nested = lambda chunk: wg.vmap(wg.vmap(pair, (None, 0), chunk_size=chunk), (0, None), chunk_size=chunk)  # noqa: E731
    close(nested(None)(X, Y), nested(1)(X, Y))


def test_autograd_grad_inside_gives_one_for_each_or_refuses() -> None:
    def of_own(x: Any) -> Any:
        x = x.clone().requires_grad_()
        return wg.autograd.grad((wg.sin(x) * x).sum(), x, create_graph=True)[0]

    close(wg.vmap(of_own)(X), loop(of_own, X))
    w = W.clone().requires_grad_()
    with pytest.raises(RuntimeError, match=r"input 0 is one for all examples.*func\.grad"):
        wg.vmap(lambda x: wg.autograd.grad((w @ x).sum(), w)[0])(X)
    with pytest.raises(RuntimeError, match=r"requires_grad_: inside vmap.*one for all"):
        wg.vmap(lambda x: wg.ones(3, requires_grad=True) * x)(X)


def test_modules_with_their_parameters_and_without() -> None:
    wg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    close(wg.vmap(net)(X), net(X))
    labels = wg.tensor([0, 1, 1, 0])

    def loss(parameters: Any, x: Any, label: Any) -> Any:
        return nn.functional.cross_entropy(wg.func.functional_call(net, parameters, (x,)), label)

    parameters = {name: p.detach() for name, p in net.named_parameters()}
    found = wg.vmap(grad(loss), (None, 0, 0))(parameters, X, labels)
    expected = wg.vmap(grad(loss), (None, 0, 0), chunk_size=1)(parameters, X, labels)
    for name in parameters:
        close(found[name], expected[name])


# ---------------------------------------------------------------- randomness


DRAWS = (
    lambda x: x * wg.rand(3, dtype=wg.float64),
    lambda x: wg.randn(2),
    lambda x: wg.bernoulli(wg.full((3,), 0.5)),
    lambda x: wg.nn.functional.dropout(x, 0.5),
)


def draws(x: Any) -> Any:
    return tuple(draw(x) for draw in DRAWS)


def test_randomness_is_an_error_that_names_both_ways_out() -> None:
    with pytest.raises(RuntimeError, match=r"rand draws random numbers at .*test_vmap\.py.*'same'.*'different'"):
        wg.vmap(draws)(X)
    layer = nn.Dropout(0.5)
    with pytest.raises(RuntimeError, match="dropout draws random numbers"):
        wg.vmap(layer)(X)


def test_different_draws_are_those_of_a_loop() -> None:
    for k in range(4):
        wg.manual_seed(3)
        found = wg.vmap(DRAWS[k], randomness="different")(X)
        wg.manual_seed(3)
        close(found, wg.stack([DRAWS[k](x) for x in X]))
    wg.manual_seed(3)
    once = wg.vmap(lambda x: wg.randn(5), randomness="different")(X)
    wg.manual_seed(3)
    close(once, wg.randn(4, 5))
    assert len({tuple(row) for row in once.tolist()}) == 4


@pytest.mark.parametrize("chunk", [None, 1, 3])
def test_the_same_draw_is_made_once(chunk: int | None) -> None:
    wg.manual_seed(3)
    found = wg.vmap(draws, randomness="same", chunk_size=chunk)(wg.ones(4, 3, dtype=wg.float64))
    wg.manual_seed(3)
    for y, one in zip(found, draws(wg.ones(3, dtype=wg.float64)), strict=True):
        for row in y:
            close(row, one)
    wg.manual_seed(3)
    p = wg.tensor([[0.5, 0.5], [0.5, 0.5], [0.9, 0.9]])
    of_batched = wg.vmap(wg.bernoulli, randomness="same", chunk_size=chunk)(p)
    close(of_batched[0], of_batched[1])


def test_draws_for_batched_probabilities() -> None:
    p = wg.tensor(rng.uniform(size=(4, 6)))
    wg.manual_seed(1)
    found = wg.vmap(wg.bernoulli, randomness="different")(p)
    wg.manual_seed(1)
    close(found, wg.stack([wg.bernoulli(row) for row in p]))


# ---------------------------------------------------------------- in place


def test_batched_memory_is_changed_in_place_and_recorded() -> None:
    def f(x: Any) -> Any:
        out = x.new_zeros(4)
        out[0] = x[0] * 2
        out[1:] += wg.sin(x) * W[0]
        view = out[1:3]
        view.mul_(x[:2])
        copy = x.clone()
        copy[:, None].add_(out[:3, None])
        copy.exp_()
        return out, copy

    close(wg.vmap(f)(X), loop(f, X))
    total = lambda x: sum(y.sum() for y in f(x))  # noqa: E731
    close(wg.vmap(grad(total))(X), loop(grad(total), X))
    close(wg.vmap(hessian(total))(X), loop(hessian(total), X))
    whole = lambda chunk: grad(lambda x: sum((y**2).sum() for y in wg.vmap(f, chunk_size=chunk)(x)))(X)  # noqa: E731
    close(whole(None), whole(1))


def test_what_is_batched_is_not_written_into_what_is_one_for_all() -> None:
    def f(x: Any) -> Any:
        out = wg.zeros(3, dtype=x.dtype)
        out[0] = x[0]
        return out

    with pytest.raises(RuntimeError, match=r"one for all examples; make it of a batched one, as in x.new_zeros"):
        wg.vmap(f)(X)
    close(loop(f, X)[:, 0], X[:, 0])


def test_arguments_are_read_only() -> None:
    x = X.clone()
    for f in (lambda x: x.add_(1), lambda x: x[0].mul_(2), lambda x: x.view(3, 1).zero_()):
        with pytest.raises(RuntimeError, match="clone"):
            wg.vmap(f)(x)
        with pytest.raises(RuntimeError, match="clone"):
            wg.vmap(lambda x, y, f=f: f(y) + x[0], (0, None))(X, x[0])
        with pytest.raises(RuntimeError, match="clone"):
            loop(f, x)
    close(x, X)


# ---------------------------------------------------------------- what leaves


LEAVING = {
    "item": lambda x: x[0].item(),
    "float": lambda x: float(x[0]),
    "int": lambda x: int(x[0]),
    "bool": lambda x: x if x.sum() > 0 else -x,
    "tolist": lambda x: x.tolist(),
    "numpy": lambda x: x.numpy(),
    "asarray": lambda x: np.asarray(x),
    "index": lambda x: [1, 2, 3][(x[0] > 0).long()],
    "mask": lambda x: x[x > 0],
    "nonzero": lambda x: wg.nonzero(x),
    "unique": lambda x: wg.unique(x),
    "allclose": lambda x: wg.allclose(x, x),
    "one_hot": lambda x: wg.nn.functional.one_hot((x > 0).long()),
}


@pytest.mark.parametrize("name", LEAVING)
def test_what_would_differ_over_the_batch_does_not_leave(name: str) -> None:
    with pytest.raises(RuntimeError, match="chunk_size=1"):
        wg.vmap(LEAVING[name])(X)


def test_text_shows_the_shape_of_one_and_the_batch(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        print(x, f"{x.sum()}")
        return x

    wg.vmap(f)(X)
    text = capsys.readouterr().out
    assert text.startswith("tensor(<shape (3,) of float64 in a batch of 4>")
    assert "shape () of float64 in a batch of 4" in text


def test_what_was_kept_from_a_batch_that_has_ended_is_refused() -> None:
    kept = []
    w = W.clone().requires_grad_()

    def f(x: Any) -> Any:
        kept.append((w @ x).sum())
        return kept[-1]

    wg.vmap(f)(X)
    with pytest.raises(RuntimeError, match="a vmap that has ended"):
        kept[0].item()
    with pytest.raises(RuntimeError, match="a vmap that has ended"):
        kept[0].backward()
    with pytest.raises(RuntimeError, match="a vmap that has ended"):
        (kept[0] * 2 + w.sum()).backward()
    with pytest.raises(RuntimeError, match="a vmap that has ended"):
        wg.vmap(lambda x: x * kept[0])(X).sum().item()


# ---------------------------------------------------------------- functions of one's own, checkpoints


class Cube(wg.autograd.Function):
    """By way of NumPy, so that it sees examples only."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return wg.tensor(x.detach().numpy() ** 3)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        assert isinstance(g.detach().numpy(), np.ndarray)
        return g * x * x * 3.0


class Doubled(wg.autograd.Function):
    """With a rule of its own for batches."""

    asked: ClassVar[list[Any]] = []

    @staticmethod
    def forward(ctx: Any, x: Any, factor: float) -> Any:
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.factor, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any, factor: float) -> Any:
        Doubled.asked.append((info.batch_size, in_dims))
        return Doubled.apply(x, factor), in_dims[0]


def test_functions_run_example_by_example_or_by_their_own_rule() -> None:
    before = batching.loops.get("Cube", 0)
    f = lambda x: (Cube.apply(x) * W[0]).sum()  # noqa: E731
    close(wg.vmap(f)(X), loop(f, X))
    close(wg.vmap(grad(f))(X), loop(grad(f), X))
    close(wg.vmap(hessian(f))(X), loop(hessian(f), X))
    of_weights = grad(lambda w, x: (Cube.apply(w) * x).sum())
    close(wg.vmap(of_weights, (None, 0))(W[0], X), 3 * W[0] ** 2 * X)
    w = W.clone().requires_grad_()
    wg.vmap(lambda x: Cube.apply(w[0] * x))(X).sum().backward()
    close(w.grad[0], (3 * (w * 1)[0].detach() ** 2 * X**3).sum(0))
    assert batching.loops["Cube"] > before
    assert wg.vmap(Cube.apply)(wg.zeros(0, 3, dtype=wg.float64)).shape == (0, 3)
    g = lambda x: (Doubled.apply(x, 2.0) * x).sum()  # noqa: E731
    close(wg.vmap(grad(g))(X), 4 * X)
    assert Doubled.asked[0] == (4, (0, None))
    jac = jacobian(lambda x: Cube.apply(x) * x)(X[0])
    close(jac, wg.diag(4 * X[0] ** 3))


def test_checkpoints_run_again_as_they_ran_first() -> None:
    inner = lambda w, x: wg.tanh(w @ x) * grad(lambda x: (wg.sin(x) * w[0]).sum())(x)[:2]  # noqa: E731
    f = lambda w, x: wg.autograd.checkpoint(inner, w, x).sum()  # noqa: E731
    close(wg.vmap(grad(f), (None, 0))(W, X), loop(grad(f), W, X, in_dims=(None, 0)))

    def captured(chunk: int | None) -> Any:
        w = W.clone().requires_grad_()
        wg.vmap(lambda x: wg.autograd.checkpoint(inner, w, x), chunk_size=chunk)(X).sum().backward()
        return w.grad

    close(captured(None), captured(1))


def test_what_a_checkpoint_captures_counts_each_example_once() -> None:
    """A leaf, what was computed from it, and both where the checkpoint itself is one for all examples."""

    def derivatives(chunk: int | None) -> list[Any]:
        def f(w: Any, v: Any) -> Any:
            z = v * 2
            own = lambda x: wg.sin(x * w) * z * (w * w) + wg.vmap(lambda y: w * y, chunk_size=chunk)(x * z).sum()  # noqa: E731
            for_all = lambda u: wg.sin(u * w) * z  # noqa: E731

            def g(x: Any) -> Any:
                return wg.autograd.checkpoint(own, x) * x + wg.autograd.checkpoint(for_all, v) * x

            return (wg.vmap(g, chunk_size=chunk)(X) ** 2).sum()

        found = [*grad(f, argnums=(0, 1))(W[0], W[1]), jvp(f, (W[0], W[1]), (W[1], W[0]))[1]]
        return [*found, hessian(f)(W[0], W[1]), hessian(f, argnums=1)(W[0], W[1])]

    close(derivatives(None), derivatives(1))


def test_a_checkpoint_in_batches_of_batches_sums_by_what_each_step_depends_on() -> None:
    def derivatives(chunk: int | None) -> list[Any]:
        w = W[0].clone().requires_grad_()

        def f(x: Any, y: Any) -> Any:  # w * x has the outer batch, w * w none
            several = lambda v: (wg.sin(v * w * x * y) * w, w * w, w * x)  # noqa: E731
            a, b, c = wg.autograd.checkpoint(several, v[0])
            return (a * b * c * y).sum()

        v = W * 1.0
        inner = wg.vmap(f, (None, 0), chunk_size=chunk)
        ys = wg.vmap(inner, (0, None), chunk_size=chunk)(X, Y)
        (g,) = wg.autograd.grad((ys**2).sum(), w, create_graph=True)
        (g**2).sum().backward()
        return [ys.detach(), g.detach(), w.grad]

    close(derivatives(None), derivatives(1))


@pytest.mark.parametrize("randomness", ["same", "different"])
@pytest.mark.parametrize("chunk", [None, 1, 2])
def test_a_checkpoint_draws_again_what_it_drew(randomness: str, chunk: int | None) -> None:
    wg.manual_seed(0)

    def f(x: Any) -> Any:
        y = wg.autograd.checkpoint(lambda v: nn.functional.dropout(v, 0.5) * v, x)
        return y.sum(), y.detach()

    g, y = wg.vmap(grad(f, has_aux=True), randomness=randomness, chunk_size=chunk)(X)
    close(g * X, 2 * y)
    drawn = y / X**2
    assert bool((drawn == drawn[0]).all()) is (randomness == "same")


def test_anomalies_are_found_in_batches() -> None:
    with pytest.raises(RuntimeError, match="nan"), wg.autograd.detect_anomaly():
        wg.vmap(grad(lambda x: wg.sqrt(x).sum() * 0))(wg.zeros(2, 2))


class Tripled(wg.autograd.Function):
    """In place."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.mark_dirty(x)
        return x.mul_(3.0)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * 3.0


def test_what_a_function_has_changed_in_place_has_another_history() -> None:
    def f(x: Any) -> Any:
        y = x * x
        z = Tripled.apply(y)
        v = (x * 2)[1:]
        Tripled.apply(v)
        return (y * x).sum() + z.sum() + (v * x[0]).sum()

    close(wg.vmap(f)(X), loop(f, X))
    close(grad(lambda x: (wg.vmap(f)(x) ** 2).sum())(X), grad(lambda x: (loop(f, x) ** 2).sum())(X))

    def saved(x: Any) -> Any:
        y = x * x
        z = y * x
        Tripled.apply(y)
        return z.sum()

    with pytest.raises(RuntimeError, match="changed in place since"):
        wg.vmap(grad(saved))(X)


def of_rows(kernel: Any, batch: define.Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a kernel that takes two matrices, row by row."""
    ndim = max(x.ndim - has * len(batch.lengths) for x, has in zip(arrays, batch.having, strict=True))
    assert ndim == 1
    shape = (*batch.lengths, arrays[0].shape[-1])
    rows = [np.broadcast_to(x, shape).reshape(-1, shape[-1]) for x in arrays]
    return kernel(*rows, **static).reshape(shape)


def each_as_rows(x: np.ndarray, y: np.ndarray, scale: float) -> np.ndarray:
    assert x.ndim == y.ndim <= 2
    return x * y * scale


# Operations of users: by the kind of rule.
traced = define.linear(
    "test_traced", lambda x: np.asarray(np.trace(x, axis1=-2, axis2=-1)),
    lambda g: wg.eye(3, dtype=wg.float64) * g, batched=define.leading,
)  # fmt: skip
rolled = define.linear(
    "test_rolled", lambda x, dim: np.roll(x, 1, dim), lambda g, dim: wg.roll(g, -1, dim),
    batched=define.moved(dim=define.axes),
)  # fmt: skip
reshaped = define.linear(
    "test_reshaped", lambda x, shape, before: x.reshape(shape) * 1.0, lambda g, shape, before: g.reshape(before),
    batched=define.moved(shape=define.shaped),
)  # fmt: skip
halved = define.linear("test_halved", lambda x: x / 2, lambda g: halved(g), batched=define.unchanged)
scaled = define.bilinear(
    "test_of_rows", each_as_rows, lambda g, y, scale: g * y * scale, lambda g, x, scale: g * x * scale, batched=of_rows
)
hypotenuse = define.primitive(
    "test_hypotenuse", np.hypot, (lambda g, x, z: g * x / z, lambda g, y, z: g * y / z),
    (lambda t, x, z: t * x / z, lambda t, y, z: t * y / z), batched=define.aligned,
)  # fmt: skip
USERS = {
    "leading": lambda x, y: traced(wg.outer(x, wg.sin(x)) * y),
    "moved": lambda x, y: rolled(wg.outer(wg.sin(x), y), dim=0) * x,
    "moved from the last": lambda x, y: rolled(wg.outer(wg.sin(x), y), dim=-1) * x,
    "shaped": lambda x, y: reshaped(wg.outer(wg.sin(x), y), shape=(9,), before=(3, 3))[2:] * y[0],
    "unchanged": lambda x, y: halved(wg.sin(x)) * y,
    "of its own": lambda x, y: scaled(wg.sin(x), y, scale=3.0) * x,
    "aligned": lambda x, y: hypotenuse(wg.outer(x, y), wg.outer(y, x * x)),
}


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize("in_dims", [(0, 0), (0, None), (None, 0)])
def test_operations_of_users_run_by_their_rules(name: str, in_dims: Any) -> None:
    f = USERS[name]
    args = tuple(v if dim == 0 else v[0] for v, dim in zip((X, Y), in_dims, strict=True))
    before = dict(batching.loops)
    tangents = lambda x, y: jvp(f, (x, y), (wg.cos(x), wg.cos(y)))[1]  # noqa: E731
    for function in (f, tangents, jacobian(f, (0, 1)), hessian(lambda x, y: f(x, y).sum(), (0, 1))):
        found = wg.vmap(function, in_dims)(*args)
        close(found, loop(function, *args, in_dims=in_dims))
        twice = wg.vmap(wg.vmap(function, in_dims), (0, None))(wg.stack([args[0], args[0] * 2]), args[1])
        for part, scale in ((0, 1), (1, 2)):
            expected = loop(function, args[0] * scale, args[1], in_dims=in_dims)
            close(changed(twice, lambda y, part=part: y[part]), expected)
    assert not {key for key, count in batching.loops.items() if count > before.get(key, 0) and "test" in key}


def test_a_rule_that_loses_the_batch_says_so() -> None:
    summed = define.linear("summed", lambda x: x.sum(), lambda g: g, batched=define.leading)
    with pytest.raises(
        RuntimeError, match=r"summed: its rule for batches gave shape \(\).*batch, \(4,\).*batched=None"
    ):
        wg.vmap(summed)(X)


# ---------------------------------------------------------------- at the border


def test_results_and_gradients_that_are_one_for_all_count_each_example() -> None:
    def run(chunk: int | None) -> list[Any]:
        w, v = W[0].clone().requires_grad_(), wg.tensor(3.0, dtype=wg.float64, requires_grad=True)
        y = w * v
        weights = wg.arange(12.0, dtype=wg.float64).reshape(4, 3)
        one, two = wg.vmap(lambda x: (w, y), chunk_size=chunk)(X)
        (one * weights + two * weights**2).sum().backward(retain_graph=True)

        def f(x: Any) -> Any:
            z = (v * (w + x)).sum()
            z.backward(create_graph=True)  # w's gradient is v, one for all
            (w * v).sum().backward(retain_graph=True)
            y.backward(x, retain_graph=True)  # recorded outside
            return z.detach()

        wg.vmap(f, chunk_size=chunk)(X)
        (second,) = wg.autograd.grad((w.grad**2).sum(), v)
        return [w.grad.detach(), v.grad.detach(), second]

    close(run(None), run(1))


def test_a_walk_of_another_thread_says_where_its_batch_is() -> None:
    def f(x: Any) -> Any:
        y = (w * x).sum()
        with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="runs in another thread"):
            pool.submit(y.backward).result()
        return y

    w = W[0].clone().requires_grad_()
    wg.vmap(f)(X).sum().backward()
    close(w.grad, X.sum(0))


def test_what_does_not_depend_on_the_batch_happens_once() -> None:
    count = wg.zeros(())

    def f(x: Any) -> Any:
        count.add_(1.0)
        return x * count

    close(wg.vmap(f)(X), X)
    assert count.item() == 1.0


def test_an_edge_into_a_batch_is_there_whatever_is_recorded_when_it_is_found() -> None:
    def run(chunk: int | None) -> Any:
        w = W[0].clone().requires_grad_()

        def f(x: Any) -> Any:
            y = wg.zeros_like(x)
            view = y[:2]
            y.copy_(w)
            with wg.no_grad():
                assert view.requires_grad
            return (view * x[:2]).sum()

        wg.vmap(f, chunk_size=chunk)(X).sum().backward()
        return w.grad

    close(run(None), run(1))


def test_arguments_of_derivatives_inside_are_not_written_by_way_of_what_they_give() -> None:
    def shown(x: Any) -> Any:
        y = x * 2
        vjp(lambda v: v, y)[0].zero_()
        return y

    close(wg.vmap(shown)(X), X * 2)
    for changes in (lambda v, w: v.mul_(2) * w, lambda v, w: v * w.mul_(2)):
        f = lambda x, changes=changes: grad(lambda v: grad(lambda v, w: changes(v, w).sum())(v * 1, v * 2).sum())(x)  # noqa: E731
        for chunk in (None, 1):
            with pytest.raises(RuntimeError, match="clone"):
                wg.vmap(f, chunk_size=chunk)(X)


# ---------------------------------------------------------------- batched walks


def test_walks_of_users_rules_that_ask_for_numbers_go_one_by_one() -> None:
    class Asking(wg.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2.0

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return wg.tensor(g.detach().numpy() * 2.0)

    close(jacobian(lambda x: Asking.apply(x), mode="reverse")(X[0]), 2 * wg.eye(3, dtype=wg.float64))
    with pytest.raises(RuntimeError, match="chunk_size=1"):
        jacobian(lambda x: Asking.apply(x), mode="reverse", chunk_size=None)(X[0])


def test_a_hook_sees_one_gradient_at_a_time() -> None:
    seen = []

    def f(x: Any) -> Any:
        y = wg.sin(x)
        y.register_hook(lambda g: seen.append(g.detach().numpy().copy()))
        return y * x

    jacobian(f, mode="reverse")(X[0])
    assert [g.shape for g in seen] == [(3,)] * 3


@pytest.mark.parametrize("chunk", ["auto", None, 1, 2])
def test_chunks_of_walks_give_the_same(chunk: Any) -> None:
    f = lambda x: (wg.sin(x) * x[0], {"y": wg.outer(x[:2], x)})  # noqa: E731
    for mode in ("forward", "reverse"):
        found = jacobian(f, mode=mode, chunk_size=chunk)(X[0])
        expected = jacobian(f, mode=mode, chunk_size=1)(X[0])
        close(found[0], expected[0])
        close(found[1]["y"], expected[1]["y"])
    two = lambda x, y: wg.sin(x) * y.sum()  # noqa: E731
    close(jacobian(two, (0, 1), chunk_size=chunk)(X[0], Y[:2]), jacobian(two, (0, 1), chunk_size=1)(X[0], Y[:2]))
    close(hessian(scalar, chunk_size=chunk)(W, X[0]), hessian(scalar, chunk_size=1)(W, X[0]))
    for of in (wg.laplacian, wg.divergence, wg.jacobian_determinant):
        field = scalar if of is wg.laplacian else lambda x, c: wg.sin(x) * x[0] + c
        args = (W, X[0]) if of is wg.laplacian else (X[0], Y[0])
        close(of(field, chunk_size=chunk)(*args), of(field, chunk_size=1)(*args))
    for bad in (0, 1.5, "all", True):
        with pytest.raises(ValueError, match="chunk_size"):
            jacobian(f, chunk_size=bad)


def test_results_of_walks_are_their_own() -> None:
    x = X[0].clone()
    for f in (lambda x: x, lambda x: x * 1.0, lambda x: x[::2], lambda x: wg.ones(2, dtype=x.dtype)):
        for mode in ("forward", "reverse"):
            j = jacobian(f, mode=mode)(x)
            assert j.numpy().flags.writeable
            j.zero_()
    close(x, X[0])
