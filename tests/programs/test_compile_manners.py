"""`wg.compile` in PyTorch's manner: its keywords, and modules that stand in the place of those that are compiled."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

import wengert as wg
from replayed import bits
from wengert import nn, optim
from wengert.compiling import OPTIONS, Compiled


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 1))


X = wg.tensor([[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0]])
KEYWORDS: dict[str, Any] = {
    "fullgraph": True, "dynamic": False, "backend": "inductor", "mode": "reduce-overhead", "options": {"trace": 1},
    "disable": False,
}  # fmt: skip

# ---------------------------------------------------------------- keywords


def test_the_options_are_those_that_the_signature_has() -> None:
    assert list(inspect.signature(wg.compile).parameters) == ["f", "check", *OPTIONS] == ["f", "check", *KEYWORDS]


@pytest.mark.parametrize("keyword", [*KEYWORDS, None])
def test_pytorchs_keywords_are_taken(keyword: str | None) -> None:
    given = KEYWORDS if keyword is None else {keyword: KEYWORDS[keyword]}

    @wg.compile(**given)
    def decorated(x: Any) -> Any:
        return x * 2

    for g in (decorated, wg.compile(lambda x: x * 2, **given)):
        assert [g(wg.tensor(float(n))).item() for n in range(4)] == [0, 2, 4, 6]
        assert isinstance(g, Compiled)
        assert g._count() == 1
    assert isinstance(wg.compile(nn.Linear(1, 1), **given), nn.Module)


def test_disabled_it_gives_what_it_is_given() -> None:
    def f(x: Any) -> Any:
        return x

    model = net()
    assert wg.compile(f, disable=True) is wg.compile(disable=True)(f) is f
    assert wg.compile(model, disable=True) is model
    with pytest.raises(TypeError, match="compile: expected a function or a module, got int"):
        wg.compile(3, disable=True)  # type: ignore[call-overload]


def test_the_decorator_keeps_check() -> None:
    @wg.compile(check=True, fullgraph=True)
    def f(x: Any) -> Any:
        return x

    assert f._check is True  # type: ignore[attr-defined]


def test_other_keywords_are_refused() -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'fast'; it takes .*fullgraph=False"):
        wg.compile(lambda x: x, fast=True)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"Linear.compile: expected fullgraph, .* or check, got fast"):
        nn.Linear(1, 1).compile(fast=True)


# ---------------------------------------------------------------- modules


def test_a_compiled_module_is_a_module() -> None:
    model = net()
    g = wg.compile(model)
    assert isinstance(g, nn.Module)
    assert g._orig_mod is g.__wrapped__ is model
    assert [id(p) for p in g.parameters()] == [id(p) for p in model.parameters()]
    assert [name for name, _ in g.named_parameters()] == [f"_orig_mod.{name}" for name, _ in model.named_parameters()]
    assert [name for name, _ in g.named_modules()][:3] == ["", "_orig_mod", "_orig_mod.0"]
    assert list(g.modules()) == [g, *model.modules()]
    assert list(g.children()) == [model]
    assert repr(g).startswith("OptimizedModule(\n  (_orig_mod): Sequential(\n    (0): Linear(")
    assert (len(g), bool(g)) == (4, True)
    assert bool(wg.compile(nn.Linear(1, 1)))
    with pytest.raises(TypeError, match="a compiled Linear has no length"):
        len(wg.compile(nn.Linear(1, 1)))  # type: ignore[arg-type]
    assert wg.compile(g) is g
    assert wg.compile(g, check=True)._orig_mod is model


def test_modes_are_the_modules_own() -> None:
    model = net()
    g = wg.compile(model)
    assert g.eval() is g
    assert {m.training for m in g.modules()} == {model.training} == {False}
    model.train()
    assert g.training
    g.training = False
    assert not model.training
    assert g.requires_grad_(False) is g
    assert not any(p.requires_grad for p in model.parameters())
    assert g.to(wg.float64) is g
    assert {p.dtype for p in model.parameters()} == {wg.float64}


def test_a_state_has_the_prefix_and_is_loaded() -> None:
    model, g = net(), wg.compile(net())
    prefixed = {f"_orig_mod.{name}": x for name, x in model.state_dict().items()}
    assert list(g.state_dict()) == list(prefixed)
    assert str(g.load_state_dict(prefixed)) == "<All keys matched successfully>"
    assert g.state_dict()["_orig_mod.3.weight"].tolist() == model[3].weight.tolist()
    with pytest.raises(RuntimeError, match=r"0\.weight"):
        g.load_state_dict(model.state_dict())
    g._orig_mod.load_state_dict(model.state_dict())
    g.load_state_dict(copy.deepcopy(g.state_dict()), assign=True)
    with wg.no_grad():
        g.eval(), model.eval()
        assert [bits(g(X)) for _ in range(3)] == [bits(model(X))] * 3


def test_other_attributes_are_the_modules() -> None:
    class Scaled(nn.Linear):
        factor = 2.0

        def doubled(self) -> float:
            return 2 * self.factor

    model = Scaled(3, 1)
    g = wg.compile(model)
    assert (g.in_features, g.doubled(), g.weight is model.weight) == (3, 4.0, True)
    g.factor = 3.0
    g.note = "new"
    assert (model.factor, model.note, g.doubled()) == (3.0, "new", 6.0)
    del g.note
    assert not hasattr(g, "note")
    assert not hasattr(model, "note")
    g.bias = None
    assert model.bias is None
    g.extra = nn.Parameter(wg.ones(1))
    assert [name for name, _ in g.named_parameters()] == ["_orig_mod.weight", "_orig_mod.extra"]
    assert {"factor", "doubled", "show", "_orig_mod"} <= {*dir(g)}
    with pytest.raises(AttributeError, match="'Scaled' object has no attribute 'absent'"):
        _ = g.absent
    with pytest.raises(AttributeError, match="_orig_mod cannot be set"):
        g._orig_mod = model


def test_calls_run_the_program() -> None:
    model = net().eval()
    g = wg.compile(model, check=True)
    assert "no program" in g.show()  # type: ignore[attr-defined]
    with wg.no_grad():
        for _ in range(4):
            assert bits(g(X)) == bits(model(X))
    assert g._count() == 1
    assert "program 1 of Sequential" in g.show()  # type: ignore[attr-defined]
    model.train()
    with wg.no_grad():
        wg.manual_seed(0)
        expected = [bits(model(X)) for _ in range(4)]
        g = wg.compile(model)
        wg.manual_seed(0)
        assert [bits(g(X)) for _ in range(4)] == expected


def test_frozen_parameters_need_no_mode() -> None:
    g = wg.compile(nn.Linear(3, 1)).requires_grad_(False)
    for _ in range(3):
        assert not g(X).requires_grad
    assert g._count() == 1
    x = wg.ones(1, 3, requires_grad=True)
    g(x).sum().backward()
    assert bits(x.grad) == bits(g.weight)


def test_an_ordinary_training_loop_is_what_it_was() -> None:
    found = []
    for compiled in (False, True):
        wg.manual_seed(3)
        model = net()
        if compiled:
            model = wg.compile(model, mode="max-autotune")
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        losses = []
        for _ in range(5):
            model.train()
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(X), wg.zeros(2, 1))
            loss.backward()
            optimizer.step()
            model.eval()
            with wg.no_grad():
                losses.append((loss.item(), bits(model(X))))
        model.zero_grad()
        assert all(p.grad is None for p in model.parameters())
        found.append(losses)
    assert found[0] == found[1]


def test_a_whole_step_of_a_compiled_module_is_compiled() -> None:
    found = []
    for compiled in (False, True):
        wg.manual_seed(4)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
        if compiled:
            model = wg.compile(model)
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (model(x) ** 2).sum()
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = wg.compile(step) if compiled else step
        found.append([])
        for n in range(6):
            model.train(n % 2 == 0)
            found[-1].append(bits(run(X)))
        if compiled:
            assert run._count() == 2  # type: ignore[attr-defined]
    assert found[0] == found[1]


def test_hooks_are_called_around_the_program() -> None:
    g, seen = wg.compile(nn.Linear(3, 1)), []
    handle = g.register_forward_hook(lambda module, args, out: seen.append(module))
    g.register_forward_pre_hook(lambda module, args: (args[0] * 0,))
    with wg.no_grad():
        for _ in range(3):
            assert g(X)[0].tolist() == g.bias.tolist()
    assert seen == [g] * 3
    handle.remove()
    g(X)
    assert seen == [g] * 3
    assert g._count() == 1


def test_copies_and_pickles_are_compiled_too() -> None:
    g = wg.compile(net().eval())
    with wg.no_grad():
        expected = bits(g(X))
        for other in (copy.deepcopy(g), pickle.loads(pickle.dumps(g))):
            assert type(other) is type(g)
            assert other._orig_mod is not g._orig_mod
            assert [bits(other(X)) for _ in range(3)] == [expected] * 3
            assert (other._count(), other.training) == (1, False)


def test_errors_name_the_layer() -> None:
    g = wg.compile(net())
    with pytest.raises(ValueError, match=r"OptimizedModule\._orig_mod\[0\]\.Linear"):
        g(wg.ones(2, 5))
