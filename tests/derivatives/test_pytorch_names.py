"""What bears PyTorch's names: functional_call, jacrev, jacfwd, autograd.functional, gradcheck."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.autograd import functional as AF

X = np.array([[0.5, -1.25], [2.0, 0.75]])
Y = np.array([1.5, -0.5])


def f64(*values: float) -> wg.Tensor:
    return wg.tensor(list(values), dtype=wg.float64)


# ---------------------------------------------------------------- against PyTorch itself


def numbers(found: Any) -> Any:
    """Nested tuples of arrays."""
    if isinstance(found, (tuple, list)):
        return tuple(map(numbers, found))
    if isinstance(found, dict):
        return {key: numbers(value) for key, value in found.items()}
    return found.detach().numpy()


def require_same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert list(ours) == list(theirs)
        ours, theirs = tuple(ours.values()), tuple(theirs.values())
    if isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            require_same(a, b)
    else:
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert np.allclose(ours, theirs, rtol=1e-12, atol=1e-14)


# Of the library (wg or torch), its functional and func, and two tensors.
CALLS: dict[str, Callable[..., Any]] = {
    "jacobian": lambda t, A, F, x, y: A.jacobian(lambda x: x @ y * x.sum(), x),
    "jacobian of several": lambda t, A, F, x, y: A.jacobian(lambda x, y: (x @ y, (x * y).sum(), y), (x, y)),
    "jacobian forward": lambda t, A, F, x, y: A.jacobian(
        lambda x: t.exp(x), x, vectorize=True, strategy="forward-mode"),
    "jacobian of none": lambda t, A, F, x, y: A.jacobian(lambda x, y: y * 2, (x, y)),
    "hessian": lambda t, A, F, x, y: A.hessian(lambda x: (x**3).sum() * x[0, 0], x),
    "hessian of several": lambda t, A, F, x, y: A.hessian(lambda x, y: (x @ y * y).sum(), (x, y)),
    "hessian of one item": lambda t, A, F, x, y: A.hessian(lambda y: (y**3).sum().reshape((1, 1)), y),
    "vjp": lambda t, A, F, x, y: A.vjp(lambda x: x @ y, x, y),
    "vjp of several": lambda t, A, F, x, y: A.vjp(lambda x, y: (x @ y, x * y), (x, y), (y, x)),
    "vjp of one": lambda t, A, F, x, y: A.vjp(lambda x, y: (x @ y).sum(), (x, y)),
    "jvp": lambda t, A, F, x, y: A.jvp(lambda x, y: (x @ y, x.sum()), (x, y), (x, y)),
    "jvp of one": lambda t, A, F, x, y: A.jvp(lambda s: x * s, y[0]),
    "hvp": lambda t, A, F, x, y: A.hvp(lambda x, y: (t.sin(x) @ y).sum(), (x, y), (x, y)),
    "vhp": lambda t, A, F, x, y: A.vhp(lambda x: (t.sin(x) @ y).sum(), x, x),
    "jacrev": lambda t, A, F, x, y: F.jacrev(lambda x, y: {"a": x @ y, "b": y}, argnums=(0, 1))(x, y),
    "jacrev in chunks": lambda t, A, F, x, y: F.jacrev(lambda x: x @ y, chunk_size=1)(x),
    "jacrev with aux": lambda t, A, F, x, y: F.jacrev(lambda x: (x @ y, x * 2), has_aux=True)(x),
    "jacfwd": lambda t, A, F, x, y: F.jacfwd(lambda x, y: (x @ y, y), argnums=1)(x, y),
    "jacfwd with aux": lambda t, A, F, x, y: F.jacfwd(lambda x: (x @ y, x * 2), has_aux=True)(x),
    "grad_and_value": lambda t, A, F, x, y: F.grad_and_value(lambda x, y: (x @ y).sum(), argnums=(1, 0))(x, y),
    "grad_and_value with aux": lambda t, A, F, x, y: F.grad_and_value(
        lambda x: ((x @ y).sum(), x * 2), has_aux=True)(x),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # PyTorch's own use of it
@pytest.mark.parametrize("name", CALLS)
def test_it_gives_what_pytorch_gives(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, which is compared with, is not installed")
    ours = CALLS[name](wg, AF, wg.func, wg.from_numpy(X.copy()), wg.from_numpy(Y.copy()))
    theirs = CALLS[name](
        torch, torch.autograd.functional, torch.func, torch.from_numpy(X.copy()), torch.from_numpy(Y.copy())
    )
    require_same(numbers(ours), numbers(theirs))


@pytest.mark.parametrize("library", ["wengert", "torch"])
def test_what_both_refuse(library: str) -> None:
    t = pytest.importorskip(library, reason="PyTorch, which is compared with, is not installed")
    A = __import__(f"{library}.autograd.functional", fromlist=["functional"])
    x = t.ones(2)
    for error, call in (
        (TypeError, lambda: A.jacobian(lambda x: x, [x, x])),
        (TypeError, lambda: A.jacobian(lambda x, y: x, (x, 3.0))),
        (TypeError, lambda: A.jacobian(lambda x: 3.0, x)),
        (RuntimeError, lambda: A.jacobian(lambda x: t.ones(2), x, strict=True)),
        (RuntimeError, lambda: A.jacobian(lambda x, y: x, (x, x), strict=True)),
        (RuntimeError, lambda: A.jvp(lambda x: x, x)),
        (RuntimeError, lambda: A.vjp(lambda x: x, x)),
        (RuntimeError, lambda: A.hvp(lambda x: x, x, x)),
        (RuntimeError, lambda: A.hvp(lambda x: x.sum(), x, x, strict=True)),
        (RuntimeError, lambda: A.hessian(lambda x: x.sum(), x, strict=True)),
        ((RuntimeError, ValueError), lambda: A.vjp(lambda x: x, x, t.ones(3))),
        (ValueError, lambda: t.autograd.gradcheck(lambda x: x, (x,))),
    ):
        with pytest.raises(error):
            call()


# ---------------------------------------------------------------- autograd.functional


def test_results_are_constants_unless_a_graph_is_asked_for() -> None:
    x, w = f64(1.0, 2.0).requires_grad_(), f64(3.0, 4.0).requires_grad_()
    f = lambda x: (x**3 * w).sum()  # noqa: E731
    calls: tuple[Callable[[bool], Any], ...] = (
        lambda graph: AF.jacobian(f, x, create_graph=graph), lambda graph: AF.hessian(f, x, create_graph=graph),
        lambda graph: AF.vjp(f, x, create_graph=graph)[1], lambda graph: AF.jvp(f, x, x.detach(), graph)[1],
        lambda graph: AF.hvp(f, x, x.detach(), graph)[1], lambda graph: AF.hvp(f, x, x.detach(), graph)[0],
    )  # fmt: skip
    for call in calls:
        assert not call(False).requires_grad
        assert call(True).requires_grad
    AF.hvp(f, x, f64(1.0, 1.0), create_graph=True)[1].sum().backward()
    assert w.grad.tolist() == [6.0, 12.0]


# ---------------------------------------------------------------- functional_call


class Tied(wg.nn.Module):
    """Two layers of one weight, and a counter."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = wg.nn.Linear(2, 2, bias=False), wg.nn.Linear(2, 2, bias=False)
        self.b.weight = self.a.weight
        self.register_buffer("calls", wg.zeros(1))

    def forward(self, x: Any, factor: float = 1.0) -> Any:
        self.calls = self.calls + 1
        return self.b(self.a(x)) * factor


def test_a_module_is_called_with_other_tensors_and_stays_as_it_was() -> None:
    net = wg.nn.Sequential(wg.nn.Linear(2, 3), wg.nn.Tanh(), wg.nn.Linear(3, 1))
    before = dict(net.named_parameters())
    given = {name: wg.ones_like(p.detach()) for name, p in before.items()}
    x = wg.ones(4, 2)
    assert wg.func.functional_call(net, given, x).flatten().tolist() == pytest.approx([1 + 3 * np.tanh(3)] * 4)
    part = {"2.bias": wg.tensor([5.0])}
    changed = wg.func.functional_call(net, (part, {"0.bias": wg.zeros(3)}), (x,))
    assert changed.shape == (4, 1)
    assert dict(net.named_parameters()) == before
    with pytest.raises(ValueError, match="shape"):
        wg.func.functional_call(net, {"2.weight": wg.ones(5, 5)}, x)
    assert all(p is before[name] for name, p in net.named_parameters())
    assert net[2].weight is before["2.weight"]


def test_the_gradient_of_a_module_as_a_function_of_its_parameters_is_that_of_backward() -> None:
    net = wg.nn.Sequential(wg.nn.Linear(2, 3), wg.nn.Tanh(), wg.nn.Linear(3, 1))
    x = wg.randn(5, 2, generator=wg.Generator().manual_seed(0))
    net(x).square().sum().backward()
    parameters = {name: p.detach() for name, p in net.named_parameters()}

    def loss(parameters: Any) -> Any:
        return wg.func.functional_call(net, parameters, (x,)).square().sum()

    for name, g in wg.func.grad(loss)(parameters).items():
        assert g.tolist() == net.get_parameter(name).grad.tolist()
    direction = {name: wg.ones_like(p) for name, p in reversed(parameters.items())}
    slope = wg.func.jvp(loss, parameters, direction)[1].item()
    assert slope == pytest.approx(sum(p.grad.sum().item() for p in net.parameters()), rel=1e-5)


def test_shared_weights_and_buffers_of_a_functional_call() -> None:
    net, x = Tied(), wg.ones(2)
    twice = {"a.weight": wg.eye(2) * 2}
    assert wg.func.functional_call(net, twice, x, {"factor": 3.0}).tolist() == [12.0, 12.0]
    alone = wg.func.functional_call(net, twice, x, tie_weights=False)
    assert alone.tolist() == (net.a.weight.detach() @ (x * 2)).tolist()
    with pytest.raises(ValueError, match=r"a\.weight and b\.weight are one tensor"):
        wg.func.functional_call(net, {"a.weight": wg.eye(2), "b.weight": wg.zeros(2, 2)}, x)
    buffers = {"calls": wg.tensor([5.0])}
    wg.func.functional_call(net, buffers, x)
    assert buffers["calls"].tolist() == [6.0]
    assert net.calls.tolist() == [2.0]


def test_names_that_a_module_does_not_have_are_told() -> None:
    net, x = wg.nn.Linear(2, 1), wg.ones(2)
    with pytest.raises(RuntimeError, match="no parameter or buffer wieght; it has weight, bias"):
        wg.func.functional_call(net, {"wieght": x}, x)
    with pytest.raises(RuntimeError, match="strict, but bias of Linear is missing"):
        wg.func.functional_call(net, {"weight": wg.ones(1, 2)}, x, strict=True)
    with pytest.raises(ValueError, match="weight given in several dicts"):
        wg.func.functional_call(net, ({"weight": x}, {"weight": x}), x)
    with pytest.raises(TypeError, match="a tensor for weight, got list"):
        wg.func.functional_call(net, {"weight": [[1.0, 2.0]]}, x)


def test_names_and_settings_of_jacobians() -> None:
    with pytest.raises(ValueError, match="jacrev: expected a chunk_size of 1 or more"):
        wg.func.jacrev(wg.exp, chunk_size=0)
    with pytest.raises(ValueError, match="jacfwd: expected randomness"):
        wg.func.jacfwd(wg.exp, randomness="some")
    with pytest.raises(TypeError, match="jacrev: the argument has dtype int64"):
        wg.func.jacrev(wg.exp)(wg.tensor([1]))


# ---------------------------------------------------------------- gradcheck


class test_Tripled(wg.autograd.Function):
    """A cube, whose rule is right or wrong."""

    right = True

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2 if test_Tripled.right else g * 2 * x**2


def test_gradcheck_tells_right_from_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    x = f64(0.5, -1.5).requires_grad_()
    assert wg.autograd.gradcheck(test_Tripled.apply, x)
    assert wg.autograd.gradgradcheck(test_Tripled.apply, (x,))
    assert wg.autograd.gradcheck(test_Tripled.apply, x, fast_mode=True)
    monkeypatch.setattr(test_Tripled, "right", False)
    with pytest.raises(wg.autograd.GradcheckError, match="output 0 by input 0 differs, in reverse mode\nnumerical"):
        wg.autograd.gradcheck(test_Tripled.apply, (x,))
    for fast in (False, True):
        assert not wg.autograd.gradcheck(test_Tripled.apply, x, raise_exception=False, fast_mode=fast)
    detached_rule = lambda x: test_Once.apply(x)  # noqa: E731
    assert wg.autograd.gradcheck(detached_rule, x)
    assert not wg.autograd.gradgradcheck(detached_rule, x, raise_exception=False)


class test_Once(wg.autograd.Function):
    """A square whose rule loses the second derivative."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 * x.detach()


def test_gradcheck_checks_what_requires_a_gradient_among_anything() -> None:
    x, w = f64(0.5, -1.5).requires_grad_(), f64(2.0).requires_grad_()
    f = lambda x, w, power, fixed: (x**power * w, fixed, (x * w).sum())  # noqa: E731
    assert wg.autograd.gradcheck(f, (x, w, 2, wg.ones(3)), check_forward_ad=True)
    assert wg.autograd.gradgradcheck(f, (x, w, 2, wg.ones(3)), check_fwd_over_rev=True)
    gs = (f64(1.0, 2.0), wg.tensor(3.0, dtype=wg.float64))
    assert wg.autograd.gradgradcheck(f, (x, w, 2, wg.ones(3)), gs)
    assert wg.autograd.gradgradcheck(lambda x: (x**3).T, f64(0.5, 1.5).reshape((2, 1)).detach().requires_grad_(),
                                     gen_non_contig_grad_outputs=True)  # fmt: skip
    with pytest.raises(ValueError, match="expected an input that requires a gradient"):
        wg.autograd.gradcheck(lambda x: x, x.detach())
    with pytest.raises(ValueError, match="check_forward_ad or check_backward_ad"):
        wg.autograd.gradcheck(lambda x: x, x, check_backward_ad=False)
    with pytest.warns(UserWarning, match="input 0 is float32, whose differences have few digits"):
        assert wg.autograd.gradcheck(lambda x: x * 2, wg.ones(2, requires_grad=True))


def test_gradcheck_finds_functions_that_differ_from_run_to_run() -> None:
    generator = wg.Generator().manual_seed(0)
    x = f64(0.5, -1.5).requires_grad_()

    class Noisy(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * (2 + 1e-7 * wg.rand(1, generator=generator, dtype=wg.float64))

    with pytest.raises(wg.autograd.GradcheckError, match="two runs gave different gradients"):
        wg.autograd.gradcheck(Noisy.apply, x)
    assert wg.autograd.gradcheck(Noisy.apply, x, nondet_tol=1e-5)


def test_what_stands_on_derivatives_of_functions_is_loaded_when_it_is_asked_for() -> None:
    code = (
        "import sys, wengert as wg; assert 'wengert.func' not in sys.modules; wg.autograd.gradcheck; "
        "assert wg.autograd.functional is sys.modules['wengert.autograd.functional']; "
        "assert not hasattr(wg.autograd, 'nothing')"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
