"""What PyTorch's modules can do beside holding parameters: assign states, hooks around them, extra states, memory."""

from __future__ import annotations

import copy
import os
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn


def linear(value: float = 1.0, **options: Any) -> nn.Linear:
    layer = nn.Linear(2, 3, **options)
    for parameter in layer.parameters():
        nn.init.constant_(parameter, value)
    return layer


def values(module: nn.Module) -> dict[str, Any]:
    return {name: x.tolist() if isinstance(x, wg.Tensor) else x for name, x in module.state_dict().items()}


# ---------------------------------------------------------------- assign


def test_an_assigned_state_is_the_modules_own() -> None:
    net = nn.Sequential(linear(), nn.BatchNorm1d(3))
    net[0].bias.requires_grad_(False)
    state = {name: x.to(wg.float64) + 1 for name, x in net.state_dict().items() if "num" not in name}
    state["1.num_batches_tracked"] = wg.tensor(7)
    state["0.weight"] = np.full((3, 2), 5.0)
    assert repr(net.load_state_dict(state, assign=True)) == "<All keys matched successfully>"
    assert [p.dtype for p in net.parameters()] == [wg.float64] * 4
    assert all(isinstance(p, nn.Parameter) for p in net.parameters())
    assert [p.requires_grad for p in net.parameters()] == [True, False, True, True]
    assert values(net)["0.weight"] == [[5.0, 5.0]] * 3
    state["0.weight"][0, 0] = 8.0  # the memory is the state's
    state["1.running_mean"][0] = 9.0
    assert (net[0].weight[0, 0].item(), net[1].running_mean[0].item()) == (8.0, 9.0)
    assert net[1].running_mean is state["1.running_mean"]
    own = nn.Parameter(wg.zeros(3), requires_grad=True)
    net[0].load_state_dict({"bias": own}, strict=False, assign=True)
    assert net[0].bias is own
    assert not own.requires_grad


def test_an_assigned_state_keeps_tied_parameters_tied() -> None:
    net = nn.Sequential(linear(), linear())
    net[1].weight = net[0].weight
    net.load_state_dict({name: x.clone() for name, x in net.state_dict().items()}, assign=True)
    assert net[1].weight is net[0].weight


def test_lazy_layers_take_an_assigned_state() -> None:
    net = nn.LazyLinear(3)
    net.load_state_dict(linear(4.0).state_dict(), assign=True)
    assert net(wg.ones(1, 2)).tolist() == [[12.0] * 3]
    assert isinstance(net, nn.Linear)


@pytest.mark.parametrize("assign", [False, True])
def test_a_state_that_does_not_fit_changes_nothing(assign: bool) -> None:
    net = nn.Sequential(linear(), linear(2.0))
    before, weight = values(net), net[0].weight
    good = {name: x + 1 for name, x in net.state_dict().items()}
    for change, message in (
        ({"1.weight": wg.ones(2)}, r"1\.weight: shape \(2,\) in the state, \(3, 2\) in the module"),
        ({"2.weight": wg.ones(2)}, r"unexpected: 2\.weight"),
        ({"1.bias": np.ones(3, complex)}, "complex"),
    ):
        with pytest.raises((RuntimeError, TypeError), match=message):
            net.load_state_dict({**good, **change}, assign=assign)
        assert values(net) == before
        assert net[0].weight is weight
    with pytest.raises(RuntimeError, match=r"missing: 0\.weight, 0\.bias"):
        net.load_state_dict({name: x for name, x in good.items() if name[0] == "1"}, assign=assign)
    with pytest.raises(TypeError, match="expected a mapping of names to tensors, got list"):
        net.load_state_dict([1], assign=assign)
    assert values(net) == before


def test_integers_are_not_assigned_to_what_requires_a_gradient() -> None:
    net = linear()
    with pytest.raises(RuntimeError, match="bias: int64 in the state, which a parameter that requires a gradient"):
        net.load_state_dict({"bias": np.arange(3)}, strict=False, assign=True)
    net.bias.requires_grad_(False)
    net.load_state_dict({"bias": np.arange(3)}, strict=False, assign=True)
    assert net.bias.dtype == wg.int64


# ---------------------------------------------------------------- hooks


class Renamed(nn.Linear):
    """Was saved with a `w` where it has a `weight` now."""

    def __init__(self) -> None:
        super().__init__(2, 3)
        self.register_load_state_dict_pre_hook(self.rename)

    @staticmethod
    def rename(module: Any, state: Any, prefix: str, metadata: Any, strict: bool, *lists: list[str]) -> None:
        assert isinstance(module, Renamed)
        assert [type(found) for found in lists] == [list] * 3
        if prefix + "w" in state:
            state[prefix + "weight"] = state.pop(prefix + "w")
        if metadata.get("version") == 0:
            lists[2].append(f"{prefix}: of version 0, strict {strict}")


def test_hooks_before_loading_change_the_state_and_not_what_was_given() -> None:
    net = nn.Sequential(linear(), Renamed())
    state = {**linear(7.0).state_dict(prefix="0."), **linear(8.0).state_dict(prefix="1.")}
    state["1.w"] = state.pop("1.weight")
    keys = list(state)
    net.load_state_dict(state)
    assert list(state) == keys
    assert values(net)["1.weight"] == [[8.0, 8.0]] * 3
    saved = net.state_dict()
    assert saved._metadata == {"": {"version": 1}, "0": {"version": 1}, "1": {"version": 1}}
    saved._metadata["1"]["version"] = 0
    with pytest.raises(RuntimeError, match=r"1\.: of version 0, strict True"):
        net.load_state_dict(saved)
    with pytest.raises(RuntimeError, match="strict True"):  # as PyTorch tells hooks in either case
        net.load_state_dict(saved, strict=False)


def test_hooks_around_saving_see_and_change_the_state() -> None:
    seen: list[Any] = []
    net = nn.Sequential(linear(), linear())
    before = net[1].register_state_dict_pre_hook(lambda module, prefix, keep: seen.append((module, prefix, keep)))
    after = net.register_state_dict_post_hook(lambda module, state, prefix, local: state.pop(prefix + "0.bias"))
    state = net.state_dict(prefix="net.", keep_vars=True)
    assert list(state) == ["net.0.weight", "net.1.weight", "net.1.bias"]
    assert seen == [(net[1], "net.1.", True)]
    assert state["net.1.bias"] is net[1].bias
    before.remove()
    after.remove()
    assert len(net.state_dict()) == 4
    assert len(seen) == 1


@pytest.mark.parametrize("assign", [False, True])
def test_hooks_after_loading_forgive_and_what_is_not_forgiven_is_taken_back(assign: bool) -> None:
    net = nn.Sequential(linear(), linear())
    seen: list[Any] = []

    def forgive(module: Any, keys: Any) -> None:
        seen.append((values(module)["0.weight"][0][0], list(keys.missing_keys)))
        keys.missing_keys.remove("0.bias")

    net.register_load_state_dict_post_hook(forgive)
    state = {name: x + 1 for name, x in net.state_dict().items()}
    del state["0.bias"]
    assert net.load_state_dict(state, assign=assign).missing_keys == []
    assert seen == [(2.0, ["0.bias"])]
    before, weight = values(net), net[1].weight
    with pytest.raises(RuntimeError, match="unexpected: 2"):
        net.load_state_dict({**{name: x + 1 for name, x in state.items()}, "2": wg.ones(1)}, assign=assign)
    assert seen[1][0] == 3.0
    assert values(net) == before
    assert net[1].weight is weight
    net.register_load_state_dict_post_hook(lambda module, keys: keys)
    with pytest.raises(TypeError, match="returns None"):
        net.load_state_dict(state, assign=assign)
    assert values(net) == before


def test_hooks_of_states_are_copied_with_the_module() -> None:
    net = Renamed()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        state = linear(3.0).state_dict()
        state["w"] = state.pop("weight")
        other.load_state_dict(state)
        assert values(other)["weight"] == [[3.0, 3.0]] * 3


# ---------------------------------------------------------------- extra states


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(wg.ones(1))
        self.calls = 0

    def get_extra_state(self) -> int:
        return self.calls

    def set_extra_state(self, state: int) -> None:
        if state < 0:
            raise ValueError("fewer calls than none")
        self.calls = state


def test_extra_states_are_saved_and_loaded() -> None:
    net = nn.Sequential(Counting(), nn.ReLU())
    net[0].calls = 5
    state = net.state_dict()
    assert values(net) == {"0.scale": [1.0], "0._extra_state": 5}
    other = nn.Sequential(Counting(), nn.ReLU())
    other.load_state_dict(state)
    assert other[0].calls == 5
    with pytest.raises(RuntimeError, match=r"missing: 0\._extra_state"):
        other.load_state_dict({"0.scale": wg.ones(1)})
    with pytest.raises(RuntimeError, match="unexpected: _extra_state"):
        nn.ReLU().load_state_dict({"_extra_state": 3})
    with pytest.raises(ValueError, match="fewer calls"):
        other.load_state_dict({"0.scale": wg.zeros(1), "0._extra_state": -1})
    assert values(other) == {"0.scale": [1.0], "0._extra_state": 5}
    for call in (nn.ReLU().get_extra_state, lambda: nn.ReLU().set_extra_state(1)):
        with pytest.raises(RuntimeError, match="ReLU does not define it"):
            call()


# ---------------------------------------------------------------- modules below, arguments, devices


def test_submodules_are_set_by_their_dotted_names() -> None:
    net = nn.Sequential(nn.Sequential(linear()), nn.ReLU())
    net.set_submodule("0.0", nn.Tanh(), strict=True)
    net.set_submodule("0.more", nn.Sigmoid())
    assert [name for name, _ in net.named_modules()] == ["", "0", "0.0", "0.more", "1"]
    for target, module, strict, error, message in (
        ("", nn.ReLU(), False, ValueError, "without a target name"),
        ("0", "relu", False, ValueError, "expected a nn.Module, got a str"),
        ("0.x", nn.ReLU(), True, AttributeError, "Sequential has no module named 'x'"),
        ("5.x", nn.ReLU(), False, AttributeError, "there is no '5'"),
        ("training", nn.ReLU(), False, AttributeError, "something else than a module named 'training'"),
    ):
        with pytest.raises(error, match=message):
            net.set_submodule(target, module, strict)


def test_arguments_of_a_module_go_to_the_class_after_it_if_it_says_so() -> None:
    class Base:
        def __init__(self, size: int = 3) -> None:
            self.size = size

    class Both(nn.Module, Base):
        call_super_init = True

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    assert (Both().size, Both(4).size, Both(size=5).size) == (3, 4, 5)
    with pytest.raises(TypeError, match=r"Module\.__init__ takes no arguments, got a keyword argument 'size'"):
        nn.Module(size=3)
    with pytest.raises(TypeError, match="got 2 positional argument"):
        nn.Module(1, 2)


@pytest.mark.parametrize("name", ["ipu", "xpu", "mtia"])
def test_other_devices_are_refused_by_name(name: str) -> None:
    with pytest.raises(RuntimeError, match=f"ReLU.{name}: this library computes on the CPU alone"):
        getattr(nn.ReLU(), name)()
    with pytest.raises(TypeError, match=r"half\(\) gives float16"):
        nn.ReLU().bfloat16()


def test_to_empty_gives_new_memory_to_the_same_parameters() -> None:
    net = nn.Sequential(linear(), nn.BatchNorm1d(3), nn.LazyLinear(2))
    net[:2](wg.ones(4, 2)).sum().backward()
    below, first = net[0].weight, net[1].running_mean
    arrays = [x.detach().numpy() for x in (below, below.grad, first)]
    assert net.to_empty(device="cpu") is net
    assert net[0].weight is below
    for x, array in zip((below, below.grad, first), arrays, strict=True):
        assert (x.shape, x.dtype) == (array.shape, array.dtype)
        assert not np.shares_memory(x.detach().numpy(), array)
    assert below.requires_grad
    kept = below.detach().numpy()
    net.to_empty(device=None, recurse=False)
    assert np.shares_memory(below.detach().numpy(), kept)
    with pytest.raises((ValueError, RuntimeError), match="cuda"):
        net.to_empty(device="cuda")
    assert nn.Linear(2, 2, dtype=wg.float64).to_empty(device="cpu").weight.dtype == wg.float64


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_shared_memory_is_seen_across_a_fork() -> None:
    net = nn.Sequential(linear(2.0), nn.BatchNorm1d(3))
    weight = net[0].weight
    assert net.share_memory() is net
    assert net[0].weight is weight
    assert values(net)["0.weight"] == [[2.0, 2.0]] * 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks where threads run
        child = os.fork()
    if child == 0:
        weight.detach()[1, 1] = 6.0
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert values(net)["0.weight"] == [[2.0, 2.0], [2.0, 6.0], [2.0, 2.0]]
    net(wg.ones(2, 2)).sum().backward()
    assert weight.grad.shape == (3, 2)
    assert net[1].num_batches_tracked == 1


# ---------------------------------------------------------------- programs


def test_a_compiled_module_runs_its_program_where_nothing_is_recorded() -> None:
    net = nn.Sequential(linear(0.5), nn.Tanh())
    x = wg.ones(4, 2)
    expected = net(x).detach().numpy()
    net.compile(fullgraph=True)
    for _ in range(4):
        with wg.no_grad():
            np.testing.assert_array_equal(net(x).numpy(), expected)
    assert "1 program" in repr(net._program)
    y = net(x)
    y.sum().backward()
    assert net[0].weight.grad.shape == (3, 2)
    with wg.no_grad():
        net[0].weight.mul_(2)
        assert not np.array_equal(net(x).numpy(), expected)  # parameters are read where they are
    assert copy.deepcopy(net)(x).shape == pickle.loads(pickle.dumps(net))(x).shape == (4, 3)
    handle = net.register_forward_hook(lambda module, args, out: out + 1)
    with wg.no_grad():
        np.testing.assert_array_equal(net(x).numpy(), net[1](net[0](x)).numpy() + 1)
    handle.remove()
    net.compile(disable=True)
    assert net._program is None
    with pytest.raises(TypeError, match=r"Sequential\.compile: expected fullgraph, .* got graph"):
        net.compile(graph=True)


def test_a_compiled_module_follows_its_mode() -> None:
    class Switch(nn.Module):
        def forward(self, x: wg.Tensor) -> wg.Tensor:
            return x * 2 if self.training else x * 3

    net = Switch()
    net.compile()
    with wg.no_grad():
        assert [net(wg.ones(1)).item() for _ in range(3)] == [2.0] * 3
        net.eval()
        assert [net(wg.ones(1)).item() for _ in range(3)] == [3.0] * 3


def test_the_older_backward_hook_is_the_full_one() -> None:
    net, seen = nn.Tanh(), []
    handle = net.register_backward_hook(lambda module, inner, outer: seen.append((inner, outer)))
    net(wg.zeros(2, requires_grad=True)).sum().backward()
    assert [x.tolist() for pair in seen for (x,) in pair] == [[1.0, 1.0]] * 2
    handle.remove()
