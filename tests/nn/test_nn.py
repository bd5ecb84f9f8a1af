"""Modules: what they hold, how they print, travel and fail, and what layers and losses compute."""

from __future__ import annotations

import copy
import doctest
import importlib
import math
import pickle
import pkgutil
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

rng = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _seed() -> None:
    wg.manual_seed(0)


def torch_or_skip() -> Any:
    return pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")


def array(x: Any) -> np.ndarray:
    """The items of our tensor, or of PyTorch's."""
    return np.asarray(x.detach().numpy())


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(math.prod(shape) + len(shape)).standard_normal(shape)


def mlp() -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


class Net(nn.Module):
    """A parameter, a buffer, a layer and a container."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(wg.ones(3))
        self.register_buffer("shift", wg.zeros(3))
        self.register_buffer("cache", wg.zeros(1), persistent=False)
        self.hidden = nn.Linear(2, 3)
        self.blocks = nn.ModuleList([nn.Linear(3, 3) for _ in range(2)])

    def forward(self, x: Any) -> Any:
        x = self.hidden(x)
        for block in self.blocks:
            x = block(x)
        return x * self.scale + self.shift


# ---------------------------------------------------------------- what a module holds


def test_parameters_are_named_by_the_path_of_attributes() -> None:
    names = [name for name, _ in Net().named_parameters()]
    assert names == [
        "scale", "hidden.weight", "hidden.bias", "blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias",
    ]  # fmt: skip
    assert [name for name, _ in Net().named_buffers()] == ["shift", "cache"]
    assert [name for name, _ in Net().named_children()] == ["hidden", "blocks"]
    assert [name for name, _ in Net().named_modules()] == ["", "hidden", "blocks", "blocks.0", "blocks.1"]


def test_a_shared_parameter_is_listed_once_and_saved_under_both_names() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 4
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_module_used_twice_is_walked_once() -> None:
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    assert len(list(net.modules())) == 2
    assert len(list(net.named_modules(remove_duplicate=False))) == 3
    assert len(list(net.children())) == 1


def test_assigning_none_keeps_a_parameters_name() -> None:
    layer = nn.Linear(2, 2)
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert repr(layer) == "Linear(in_features=2, out_features=2, bias=False)"
    assert layer(wg.ones(1, 2)).shape == (1, 2)
    layer.bias = nn.Parameter(wg.ones(2))
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_a_registered_name_refuses_what_cannot_be_registered() -> None:
    net = Net()
    with pytest.raises(
        TypeError, match=r"Net.scale is a parameter; it can be set to a nn.Parameter or None, not to a Tensor"
    ):
        net.scale = wg.ones(3)
    with pytest.raises(TypeError, match=r"Net.hidden is a module"):
        net.hidden = 3
    with pytest.raises(TypeError, match=r"Net.shift is a buffer"):
        net.shift = 3
    net.shift = wg.ones(3)
    assert net.state_dict()["shift"].tolist() == [1, 1, 1]


def test_an_attribute_can_change_its_kind() -> None:
    net = Net()
    net.hidden = nn.Parameter(wg.ones(1))
    assert "hidden" in dict(net.named_parameters(recurse=False))
    assert "hidden" not in dict(net.named_children())
    net.plain = 3
    net.plain = nn.ReLU()
    assert "plain" in dict(net.named_children())


def test_deleting_an_attribute_unregisters_it() -> None:
    net = Net()
    del net.hidden, net.scale, net.shift
    assert [name for name, _ in net.named_children()] == ["blocks"]
    assert "scale" not in net.state_dict()
    assert not hasattr(net, "hidden")
    with pytest.raises(AttributeError):
        del net.hidden


def test_a_module_put_into_the_registry_by_hand_is_found() -> None:
    net = nn.Module()
    net._modules["act"] = nn.ReLU()
    assert isinstance(net.act, nn.ReLU)
    assert [name for name, _ in net.named_children()] == ["act"]


@pytest.mark.parametrize("name", ["", "a.b"])
def test_names_with_dots_and_empty_names_are_refused(name: str) -> None:
    with pytest.raises(KeyError, match="name"):
        nn.Module().add_module(name, nn.ReLU())
    with pytest.raises(KeyError, match="name"):
        nn.Module().register_buffer(name, wg.ones(1))


def test_registering_refuses_taken_names_and_wrong_kinds() -> None:
    net = Net()
    with pytest.raises(KeyError, match="'forward' already"):
        net.add_module("forward", nn.ReLU())
    with pytest.raises(TypeError, match=r"expected a nn.Module, got the class ReLU, not an instance"):
        nn.Sequential(nn.ReLU)
    with pytest.raises(TypeError, match=r"expected a nn.Parameter or None, got Tensor"):
        net.register_parameter("w", wg.ones(1))
    with pytest.raises(TypeError, match="expected a tensor or None, got int"):
        net.register_buffer("b", 3)


def test_attributes_before_init_are_an_error_that_says_so() -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.ReLU()

    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\)"):
        Early()

    class Never(nn.Module):
        def __init__(self) -> None:
            self.size = 3

        def forward(self) -> None:
            pass

    with pytest.raises(RuntimeError, match=r"super\(\).__init__\(\)"):
        Never()()


def test_a_module_without_forward_says_what_is_missing() -> None:
    with pytest.raises(AttributeError, match="Module has no forward; define forward"):
        nn.Module()(1)


def test_submodules_parameters_and_buffers_are_found_by_path() -> None:
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("blocks.1") is net.blocks[1]
    assert net.get_parameter("blocks.1.weight") is net.blocks[1].weight
    assert net.get_buffer("shift") is net.shift
    with pytest.raises(AttributeError, match="ModuleList has no module '7', only '0', '1'"):
        net.get_submodule("blocks.7")
    with pytest.raises(AttributeError, match="Linear has no parameter 'scale', only 'weight', 'bias'"):
        net.get_parameter("hidden.scale")


def test_dir_lists_parts() -> None:
    assert {"scale", "shift", "hidden"} <= set(dir(Net()))


@pytest.mark.parametrize("kept", [list, lambda layers: dict(enumerate(layers))], ids=["list", "dict"])
def test_modules_in_plain_lists_and_dicts_warn_once(kept: Callable[[list[Any]], Any]) -> None:
    net = Net()
    net.extra = kept([nn.Linear(2, 2)])
    with pytest.warns(UserWarning, match=r"Net.extra is a plain (list|dict) of modules or parameters"):
        list(net.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(net.parameters())
        net(wg.ones(1, 2))


def test_unregistered_parameters_warn_at_the_first_call() -> None:
    net = nn.Sequential(Net())
    net[0].weights = [nn.Parameter(wg.ones(1))]
    with pytest.warns(UserWarning, match=r"Net.weights is a plain list"):
        net(wg.ones(1, 2))


def test_a_list_of_registered_modules_or_a_tuple_does_not_warn() -> None:
    net = Net()
    net.again = [net.hidden, net.scale]
    net.hidden_on_purpose = (nn.Linear(2, 2),)
    net.numbers = [1, 2]
    list(net.parameters())


# ---------------------------------------------------------------- modes, dtypes, gradients


def test_train_and_eval_reach_every_module() -> None:
    net = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2)))
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert all(module.training for module in net.train().modules())
    with pytest.raises(ValueError, match="expected True or False"):
        net.train("yes")


def test_apply_visits_children_first() -> None:
    visited: list[str] = []
    net = mlp()
    assert net.apply(lambda module: visited.append(type(module).__name__)) is net
    assert visited == ["Linear", "ReLU", "Linear", "Sequential"]


def test_conversion_keeps_parameters_as_objects_and_takes_gradients_along() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    weight = net[0].weight
    net(wg.ones(3, 2)).sum().backward()
    assert net.double() is net
    assert net[0].weight is weight
    assert weight.dtype == weight.grad.dtype == wg.float64
    assert weight.requires_grad
    assert weight.is_leaf
    assert net[1].running_mean.dtype == wg.float64
    assert net[1].num_batches_tracked.dtype == wg.int64
    assert net.to(wg.float32)[0].weight.dtype == wg.float32
    assert net.half()[0].weight.dtype == wg.float16
    assert net.float()[0].weight.dtype == wg.float32
    assert net.to("cpu", dtype=wg.float64).to("cpu")[0].weight.dtype == wg.float64
    assert net.type(wg.float32).cpu()[0].weight.dtype == wg.float32
    with pytest.raises(TypeError, match="floating dtype, got int8"):
        net.to(wg.int8)
    with pytest.raises(ValueError, match='only device is "cpu"'):
        net.to("cuda")


def test_zero_grad_and_requires_grad() -> None:
    net = mlp()
    net(wg.ones(1, 4)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert all((p.grad.numpy() == 0).all() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())


# ---------------------------------------------------------------- hooks


def test_hooks_see_and_replace_arguments_and_output() -> None:
    layer = nn.Identity()
    seen: list[Any] = []
    before = layer.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    after = layer.register_forward_hook(lambda module, args, output: seen.append((args[0].item(), output.item())))
    assert layer(wg.tensor(3.0)).item() == 6
    assert seen == [(6.0, 6.0)]
    replaced = layer.register_forward_hook(lambda module, args, output: output + 1)
    assert layer(wg.tensor(3.0)).item() == 7
    for handle in (before, after, replaced, replaced):
        handle.remove()
    assert layer(wg.tensor(3.0)).item() == 3
    assert len(seen) == 2


def test_hooks_can_take_keywords_and_go_first() -> None:
    class Add(nn.Module):
        def forward(self, x: Any, y: Any = 0) -> Any:
            return x + y

    order: list[str] = []
    layer = Add()
    layer.register_forward_pre_hook(lambda m, a: order.append("second"))
    layer.register_forward_pre_hook(
        lambda m, a, k: (order.append("first"), (a, {"y": k["y"] * 10}))[1], prepend=True, with_kwargs=True
    )
    layer.register_forward_hook(lambda m, a, k, z: z + k["y"], with_kwargs=True)
    assert layer(wg.tensor(1.0), y=2).item() == 41
    assert order == ["first", "second"]


# ---------------------------------------------------------------- errors name the layer


def test_an_error_in_a_layer_names_its_path() -> None:
    net = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"^Sequential\[2\]\.Linear\(in_features=4\): the input's last dimension is 3"):
        net(wg.ones(5, 3))
    with pytest.raises(ValueError, match=r"^Linear\(in_features=4\): the input's last dimension is 3"):
        nn.Linear(4, 2)(wg.ones(5, 3))


def test_the_path_goes_through_attributes_lists_and_nested_containers() -> None:
    net = nn.Sequential(nn.Sequential(Net(), nn.ReLU()))
    net[0][0].blocks[1] = nn.Linear(7, 3)
    with pytest.raises(
        ValueError, match=r"^Sequential\[0\]\[0\]\.blocks\[1\]\.Linear\(in_features=7\): the input's last"
    ):
        net(wg.ones(1, 2))


def test_an_error_keeps_its_type_and_other_messages_stay() -> None:
    class Own(nn.Module):
        def forward(self, error: Exception) -> None:
            raise error

    with pytest.raises(RuntimeError, match=r"^Own: broken$"):
        Own()(RuntimeError("broken"))
    with pytest.raises(IndexError, match=r"^Sequential\[0\].Own: out$"):
        nn.Sequential(Own())(IndexError("out"))
    with pytest.raises(KeyError, match=r"^'k'$"):
        Own()(KeyError("k"))
    with pytest.raises(UnicodeDecodeError, match=r"^'utf-8' codec"):
        Own()(UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"))
    with pytest.raises(TypeError, match=r"^Linear\(in_features=2\): .*missing 1 required positional argument"):
        nn.Linear(2, 2)()


# ---------------------------------------------------------------- state


def test_a_state_has_parameters_and_persistent_buffers() -> None:
    net = Net()
    state = net.state_dict()
    assert list(state) == [
        "scale", "shift", "hidden.weight", "hidden.bias", "blocks.0.weight", "blocks.0.bias", "blocks.1.weight",
        "blocks.1.bias",
    ]  # fmt: skip
    assert not any(tensor.requires_grad for tensor in state.values())
    assert np.shares_memory(state["scale"].numpy(), net.scale.detach().numpy())
    assert net.state_dict(prefix="p.", keep_vars=True)["p.scale"] is net.scale


def test_loading_a_state_copies_it() -> None:
    a, b = Net(), Net()
    weight = b.hidden.weight
    assert repr(b.load_state_dict(a.state_dict())) == "<All keys matched successfully>"
    assert b.hidden.weight is weight
    assert weight.requires_grad
    np.testing.assert_array_equal(array(weight), array(a.hidden.weight))
    assert not np.shares_memory(array(weight), array(a.hidden.weight))
    b.load_state_dict({name: tensor.numpy().astype(np.float64) for name, tensor in a.state_dict().items()})
    assert weight.dtype == wg.float32


def test_a_state_that_does_not_fit_names_what_differs_and_changes_nothing() -> None:
    net = Net()
    state = OrderedDict((name, tensor.numpy() + 1) for name, tensor in net.state_dict().items())
    state["fc.weight"] = state.pop("hidden.weight")
    state["scale"] = np.ones(4)
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    message = str(caught.value)
    assert "missing: hidden.weight" in message
    assert "unexpected: fc.weight" in message
    assert "scale: shape (4,) in the state, (3,) in the module" in message
    with pytest.raises(RuntimeError, match="scale"):
        net.load_state_dict(state, strict=False)
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name].numpy())
    del state["scale"]
    keys = net.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["scale", "hidden.weight"]
    assert keys.unexpected_keys == ["fc.weight"]
    assert repr(keys).startswith("IncompatibleKeys(missing_keys=['scale'")


def test_a_state_of_a_kind_that_does_not_fit_is_refused() -> None:
    net = nn.BatchNorm1d(2)
    state = {**net.state_dict(), "num_batches_tracked": wg.tensor(1.5), "weight": wg.zeros(2)}
    with pytest.raises(RuntimeError, match="num_batches_tracked: float32 in the state, int64 in the module"):
        net.load_state_dict(state)
    assert net.weight.tolist() == [1, 1]


def test_loading_a_state_counts_as_a_change_of_the_parameters() -> None:
    layer = nn.Linear(2, 2)
    z = (layer(wg.ones(1, 2)) ** 2).sum() + (layer.weight * layer.weight).sum()
    layer.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"])
def test_copies_of_modules_are_independent_and_keep_ties(clone: Callable[[Any], Any]) -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2), nn.LazyLinear(3))
    net[2].weight = net[0].weight
    net[0:3](wg.ones(4, 2)).sum().backward()
    other = clone(net)
    assert repr(other) == repr(net)
    assert other[0].weight is other[2].weight
    assert other[0].weight is other[0]._parameters["weight"]
    assert other[1].running_mean is other[1]._buffers["running_mean"]
    np.testing.assert_array_equal(array(other[0].weight), array(net[0].weight))
    np.testing.assert_array_equal(array(other[0].weight.grad), array(net[0].weight.grad))
    nn.init.zeros_(other[0].weight)
    assert (array(net[0].weight) != 0).any()
    assert other(wg.ones(4, 2)).shape == (4, 3)


# ---------------------------------------------------------------- containers


def test_a_sequential_is_a_sequence() -> None:
    net = mlp()
    assert len(net) == 3
    assert isinstance(net[1:], nn.Sequential)
    assert net[-1] is net[2]
    assert repr(net[1:]) == "Sequential(\n  (1): ReLU()\n  (2): Linear(in_features=8, out_features=3, bias=True)\n)"
    net[1] = nn.Tanh()
    assert isinstance(net[1], nn.Tanh)
    net.append(nn.ReLU()).insert(0, nn.Flatten())
    assert [type(m).__name__ for m in net] == ["Flatten", "Linear", "Tanh", "Linear", "ReLU"]
    assert list(dict(net.named_children())) == ["0", "1", "2", "3", "4"]
    del net[0]
    assert isinstance(net.pop(), nn.ReLU)
    assert len(net + net) == len(net * 2) == 6
    net += [nn.ReLU()]
    assert isinstance(net[3], nn.ReLU)
    assert net[3] in net
    with pytest.raises(IndexError, match="index 4 is out of range for 4"):
        net[4]
    with pytest.raises(TypeError, match=r"expected a nn.Module, got a int"):
        net[0] = 3


def test_a_sequential_takes_names() -> None:
    net = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), act=nn.ReLU()))
    assert net.first.out_features == 3
    assert net.act is net[1]
    with pytest.raises(ValueError, match=r"^Sequential\.first\.Linear\(in_features=2\)"):
        net(wg.ones(1, 5))


def test_a_module_list_registers_its_items() -> None:
    layers = nn.ModuleList([nn.Linear(2, 2)])
    layers.extend([nn.ReLU(), nn.Tanh()])
    layers.insert(1, nn.Sigmoid())
    assert [type(m).__name__ for m in layers] == ["Linear", "Sigmoid", "ReLU", "Tanh"]
    assert isinstance(layers[1:3], nn.ModuleList)
    assert [name for name, _ in layers.named_parameters()] == ["0.weight", "0.bias"]


def test_a_module_dict_registers_its_items() -> None:
    layers = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.ReLU()})
    layers["a"] = nn.Linear(2, 3)
    layers.update([("c", nn.Tanh())])
    assert list(layers) == list(layers.keys()) == ["a", "b", "c"]
    assert "a" in layers
    assert len(layers) == 3
    assert [name for name, _ in layers.named_parameters()] == ["a.weight", "a.bias"]
    assert isinstance(layers.pop("b"), nn.ReLU)
    assert [name for name, _ in layers.items()] == ["a", "c"]
    layers.clear()
    assert not list(layers.values())
    with pytest.raises(KeyError, match="already"):
        layers["keys"] = nn.ReLU()


def test_parameter_lists_and_dicts_register_their_items() -> None:
    weights = nn.ParameterList([wg.ones(2, 3), nn.Parameter(wg.ones(1)), "text"])
    assert isinstance(weights[0], nn.Parameter)
    assert [name for name, _ in weights.named_parameters()] == ["0", "1"]
    weights.append(wg.zeros(2))
    weights[0] = wg.zeros(5)
    assert weights[-1].shape == (2,)
    assert len(weights[1:]) == 3
    assert [getattr(w, "shape", w) for w in weights] == [(5,), (1,), "text", (2,)]
    named = nn.ParameterDict({"a": wg.ones(2)})
    named["b"] = nn.Parameter(wg.ones(3))
    assert list(named.state_dict()) == ["a", "b"]
    assert named.pop("a").shape == (2,)
    assert "a" not in named
    assert len(named) == 1
    assert named.items()[0][1] is named.values()[0] is named["b"]
    with pytest.raises(KeyError):
        named["a"]


# ---------------------------------------------------------------- parameters and lazy layers


def test_a_parameter_shares_memory_and_requires_a_gradient() -> None:
    data = wg.ones(2)
    p = nn.Parameter(data)
    assert p.requires_grad
    assert np.shares_memory(array(p), data.numpy())
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert nn.Parameter([1.0, 2.0]).dtype == wg.float32
    assert nn.Parameter(wg.arange(3), requires_grad=False).dtype == wg.int64
    with pytest.raises(RuntimeError, match="only floating tensors"):
        nn.Parameter(wg.arange(3))
    assert repr(p) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert type(p * 2) is wg.Tensor


def test_parameters_of_integers_can_be_copied() -> None:
    p = nn.Parameter(wg.arange(3), requires_grad=False)
    assert copy.deepcopy(p).tolist() == pickle.loads(pickle.dumps(p)).tolist() == [0, 1, 2]
    assert isinstance(copy.deepcopy(p), nn.Parameter)


def test_a_lazy_layer_takes_its_size_from_the_first_input() -> None:
    net = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2, bias=False))
    assert repr(net[0]) == "LazyLinear(in_features=0, out_features=8, bias=True)"
    assert repr(net[0].weight) == "<UninitializedParameter>"
    assert net[0].has_uninitialized_params()
    weight = net[0].weight
    net.double()
    with pytest.warns(UserWarning, match="does nothing to the items"):
        weight.data.fill_(3)
    net(wg.ones(3, 5, dtype=wg.float64))
    assert net[0].weight is weight
    assert isinstance(weight, nn.Parameter)
    assert weight.shape == (8, 5)
    assert weight.dtype == wg.float64
    assert np.abs(array(weight)).max() <= 1 / math.sqrt(5)
    assert repr(net[0]) == "Linear(in_features=5, out_features=8, bias=True)"
    assert type(net[0]) is nn.Linear


def test_a_lazy_layer_takes_its_size_from_a_state() -> None:
    lazy, layer = nn.LazyLinear(2), nn.Linear(3, 2)
    lazy.load_state_dict(layer.state_dict())
    assert lazy.weight.shape == (2, 3)
    np.testing.assert_array_equal(array(lazy(wg.ones(1, 3))), array(layer(wg.ones(1, 3))))
    assert repr(lazy) == repr(layer)
    empty = nn.LazyLinear(2)
    empty.load_state_dict(nn.LazyLinear(2).state_dict())
    assert empty.has_uninitialized_params()


@pytest.mark.parametrize("use", [
    lambda p: p.shape, lambda p: p + 1, lambda p: p.numel(), nn.init.zeros_,
], ids=["shape", "arithmetic", "numel", "init"])  # fmt: skip
def test_a_parameter_without_size_says_how_to_get_one(use: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="run one batch through the model"):
        use(nn.LazyLinear(3).weight)


# ---------------------------------------------------------------- starting values


def test_linear_starts_uniformly_within_the_root_of_its_fan_in() -> None:
    layer = nn.Linear(400, 500)
    for p in (layer.weight, layer.bias):
        items = array(p)
        assert np.abs(items).max() <= 1 / 20
        assert np.abs(items).max() > 0.95 / 20
        assert abs(items.mean()) < 0.004
    assert array(layer.weight).std() == pytest.approx(1 / 20 / math.sqrt(3), rel=0.01)


def test_the_seed_determines_the_start() -> None:
    wg.manual_seed(5)
    a = nn.Linear(3, 3)
    wg.manual_seed(5)
    np.testing.assert_array_equal(array(a.weight), array(nn.Linear(3, 3).weight))
    g1, g2 = wg.Generator().manual_seed(1), wg.Generator().manual_seed(1)
    np.testing.assert_array_equal(
        nn.init.normal_(wg.empty(4), generator=g1).numpy(), nn.init.normal_(wg.empty(4), generator=g2).numpy()
    )


@pytest.mark.parametrize(("fill", "std"), [
    (lambda w: nn.init.uniform_(w, -3, 3), math.sqrt(3)),
    (lambda w: nn.init.normal_(w, std=2), 2),
    (nn.init.xavier_uniform_, math.sqrt(2 / 700)),
    (lambda w: nn.init.xavier_normal_(w, gain=3), 3 * math.sqrt(2 / 700)),
    (lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"), math.sqrt(2 / 400)),
    (lambda w: nn.init.kaiming_normal_(w, mode="fan_out"), math.sqrt(2 / 300)),
    (lambda w: nn.init.kaiming_normal_(w, a=1), math.sqrt(1 / 400)),
    (nn.init.trunc_normal_, 0.8796),
])  # fmt: skip
def test_random_starts_have_their_mean_and_deviation(fill: Callable[[Any], Any], std: float) -> None:
    w = nn.Parameter(wg.empty(300, 400))
    assert fill(w) is w
    assert w.requires_grad
    assert w.is_leaf
    assert array(w).mean() == pytest.approx(0, abs=0.02 * std)
    assert array(w).std() == pytest.approx(std, rel=0.01)


def test_fixed_starts() -> None:
    assert nn.init.constant_(wg.empty(2), 3).tolist() == [3, 3]
    assert nn.init.ones_(wg.empty(2)).tolist() == [1, 1]
    np.testing.assert_array_equal(nn.init.eye_(wg.empty(3, 2)).numpy(), np.eye(3, 2))
    for shape in ((3, 5), (5, 3), (4, 2, 3)):
        w = nn.init.orthogonal_(wg.empty(shape, dtype=wg.float64), gain=2).numpy().reshape(shape[0], -1)
        gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)
    truncated = nn.init.trunc_normal_(wg.empty(1000), 1, 2, 0, 1.5).numpy()
    assert truncated.min() >= 0
    assert truncated.max() <= 1.5


def test_wrong_uses_of_init_are_told() -> None:
    with pytest.raises(ValueError, match="at least two dimensions"):
        nn.init.xavier_uniform_(wg.empty(3))
    with pytest.raises(ValueError, match='mode "fan_in" or "fan_out", got \'fan\''):
        nn.init.kaiming_normal_(wg.empty(3, 3), mode="fan")
    with pytest.raises(ValueError, match="got 'swish'"):
        nn.init.calculate_gain("swish")
    with pytest.raises(ValueError, match="expected a matrix"):
        nn.init.eye_(wg.empty(3))
    with pytest.raises(ValueError, match="within 4 std"):
        nn.init.trunc_normal_(wg.empty(3), a=8, b=9)


# ---------------------------------------------------------------- layers


def test_dropout_keeps_the_mean_and_stops_in_evaluation() -> None:
    layer, x = nn.Dropout(0.25), wg.ones(100, 100)
    z = layer(x).numpy()
    assert set(np.unique(z)) == {0, np.float32(1 / 0.75)}
    assert z.mean() == pytest.approx(1, abs=0.02)
    assert layer.eval()(x) is x
    assert (nn.Dropout(1.0)(x).numpy() == 0).all()
    with pytest.raises(ValueError, match=r"probability p in \[0, 1\], got 1.5"):
        nn.Dropout(1.5)


@pytest.mark.parametrize("layer", [
    nn.ReLU(inplace=True), nn.LeakyReLU(0.1, inplace=True), nn.ELU(inplace=True), nn.SiLU(inplace=True),
    nn.Dropout(0.5, inplace=True),
], ids=lambda layer: type(layer).__name__)  # fmt: skip
def test_layers_in_place_replace_their_input_and_differentiate(layer: Any) -> None:
    x = wg.tensor([-1.0, 2.0], requires_grad=True)
    y = x * 1
    z = layer(y)
    assert z is y
    z.sum().backward()
    assert x.grad is not None
    with pytest.raises(RuntimeError, match="leaf"):
        layer(x)


def test_embedding_accumulates_repeated_rows_and_spares_the_padding() -> None:
    layer = nn.Embedding(4, 2, padding_idx=-3)
    assert layer.padding_idx == 1
    assert layer.weight[1].tolist() == [0, 0]
    layer(wg.tensor([[0, 1], [0, 3]])).sum().backward()
    np.testing.assert_array_equal(array(layer.weight.grad), [[2, 2], [0, 0], [0, 0], [1, 1]])
    assert layer(wg.tensor(3)).shape == (2,)
    assert layer(wg.empty(0, dtype=wg.int64)).shape == (0, 2)
    table = nn.Embedding.from_pretrained(wg.eye(3))
    assert not table.weight.requires_grad
    assert table(wg.tensor([2])).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("ids", [[-1], [4]])
def test_embedding_refuses_indices_outside_the_table(ids: list[int]) -> None:
    with pytest.raises(IndexError, match="expected indices from 0 to 3"):
        nn.Embedding(4, 2)(wg.tensor(ids))


def test_embedding_shortens_rows() -> None:
    layer = nn.Embedding(2, 2, max_norm=1.0)
    layer.weight.detach()[:] = wg.tensor([[3.0, 4.0], [3.0, 4.0]])
    z = layer(wg.tensor([0]))
    np.testing.assert_allclose(array(z), [[0.6, 0.8]], rtol=1e-6)
    assert layer.weight[1].tolist() == [3, 4]


def test_batch_norm_normalises_in_training_and_uses_averages_in_evaluation() -> None:
    layer = nn.BatchNorm1d(3, dtype=wg.float64)
    x = random(50, 3) * [1, 2, 3] + [1, 0, -1]
    z = array(layer(wg.tensor(x)))
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(0), 1, atol=1e-4)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.1 * x.mean(0))
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * x.var(0, ddof=1))
    assert layer.num_batches_tracked.item() == 1
    z = array(layer.eval()(wg.tensor(x)))
    expected = (x - layer.running_mean.numpy()) / np.sqrt(layer.running_var.numpy() + 1e-5)
    np.testing.assert_allclose(z, expected)
    layer.reset_parameters()
    assert layer.running_mean.tolist() == [0, 0, 0]


def test_batch_norm_without_momentum_weighs_all_batches_equally() -> None:
    layer = nn.BatchNorm1d(1, momentum=None, dtype=wg.float64)
    batches = [random(4, 1), random(6, 1)]
    for x in batches:
        layer(wg.tensor(x))
    assert layer.running_mean.item() == pytest.approx(np.mean([x.mean() for x in batches]))


def test_normalisation_refuses_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"^BatchNorm1d\(3\): the input's channels are 4; its shape is \(2, 4\)"):
        nn.BatchNorm1d(3)(wg.ones(2, 4))
    with pytest.raises(ValueError, match=r"expected input of shape \(n, 3\)"):
        nn.BatchNorm1d(3)(wg.ones(3))
    with pytest.raises(ValueError, match="more than one value per channel"):
        nn.BatchNorm1d(3)(wg.ones(1, 3))
    with pytest.raises(
        ValueError, match=r"^LayerNorm\(\(3,\)\): layer_norm: expected input of shape \(..., 3\), got \(2, 4\)"
    ):
        nn.LayerNorm(3)(wg.ones(2, 4))


def test_layers_compute_float16_in_float32() -> None:
    x = wg.tensor(random(8, 4) * 100).half()
    for function in (lambda v: F.layer_norm(v, (4,)), F.elu, F.silu, lambda v: F.softmax(v, 1), F.gelu):
        z, expected = function(x), function(x.double())
        assert z.dtype == wg.float16
        np.testing.assert_allclose(z.numpy().astype(np.float64), expected.numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("pads", "mode"), [
    ((1, 2), "constant"), ((1, 2, 0, 1), "constant"), ((-1, 1, 1, -2), "constant"), ((0, 0, -1, -1), "constant"),
    ((2, 3), "reflect"), ((1, 2), "replicate"), ((4, 1), "circular"), ((), "constant"),
])  # fmt: skip
def test_pad_agrees_with_numpy(pads: tuple[int, ...], mode: str) -> None:
    x = random(3, 4)
    pairs = [(0, 0)] * (2 - len(pads) // 2) + [pads[k : k + 2] for k in range(0, len(pads), 2)][::-1]
    cut = tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(pairs, x.shape, strict=True))
    grown = [(max(a, 0), max(b, 0)) for a, b in pairs]
    name = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    options = {"constant_values": 7.0} if mode == "constant" else {}
    expected = np.pad(x[cut], grown, name, **options)
    z = F.pad(wg.tensor(x), pads, mode, value=7.0)
    np.testing.assert_array_equal(z.numpy(), expected)
    wg.func.check_gradients(lambda v: F.pad(v, pads, mode), wg.tensor(x))


def test_pad_refuses_what_it_cannot_do() -> None:
    x = wg.ones(2, 3)
    for pads, mode, message in [
        ((1,), "constant", "pairs"), ((1, 1) * 3, "constant", "at most 2"), ((-2, -2), "constant", "removes more"),
        ((3, 0), "reflect", "cannot be mirrored"), ((4, 0), "circular", "cannot be repeated"),
        ((1, 1), "other", "mode"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            F.pad(x, pads, mode)


# ---------------------------------------------------------------- losses


def test_a_gradient_of_cross_entropy_belongs_to_its_owner() -> None:
    """It is the array that the forward pass computed; what is done to it must not reach a second backward pass."""
    x = wg.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    loss = F.cross_entropy(x, wg.tensor([0]))
    loss.backward(retain_graph=True)
    first = x.grad.numpy().copy()
    x.grad.zero_()
    loss.backward(retain_graph=True)
    np.testing.assert_allclose(x.grad.numpy(), first, rtol=1e-6)
    loss.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * first, rtol=1e-6)


REGRESSION = [F.mse_loss, F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.binary_cross_entropy_with_logits]


@pytest.mark.parametrize("loss", [*REGRESSION, F.binary_cross_entropy, F.kl_div], ids=lambda f: f.__name__)
def test_a_loss_of_n_against_n_by_1_is_refused(loss: Callable[..., Any]) -> None:
    with pytest.raises(
        ValueError, match=r"input of shape \(4, 1\) and target of shape \(4,\) differ; target.reshape\(4, 1\)"
    ):
        loss(wg.ones(4, 1), wg.ones(4))
    with pytest.raises(ValueError, match=r"input of shape \(3,\) and target of shape \(4,\) differ$"):
        loss(wg.ones(3), wg.ones(4))


def test_losses_agree_with_their_formulas() -> None:
    x, y = random(5, 3), random(5, 3)[::-1].copy()
    p, q = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(-y))
    d = x - y
    expected = {
        F.mse_loss: (x, y, d**2),
        F.l1_loss: (x, y, np.abs(d)),
        F.huber_loss: (x, y, np.where(np.abs(d) < 1, d**2 / 2, np.abs(d) - 0.5)),
        F.smooth_l1_loss: (x, y, np.where(np.abs(d) < 1, d**2 / 2, np.abs(d) - 0.5)),
        F.binary_cross_entropy: (p, q, -q * np.log(p) - (1 - q) * np.log1p(-p)),
        F.binary_cross_entropy_with_logits: (x, q, -q * np.log(p) - (1 - q) * np.log1p(-p)),
        F.kl_div: (np.log(p), q, q * (np.log(q) - np.log(p))),
    }
    for loss, (a, b, terms) in expected.items():
        for reduction, reduced in (("none", terms), ("sum", terms.sum()), ("mean", terms.mean())):
            z = loss(wg.tensor(a), wg.tensor(b), reduction=reduction)
            np.testing.assert_allclose(z.numpy(), reduced, rtol=1e-12, err_msg=f"{loss.__name__} {reduction}")
        with pytest.raises(ValueError, match='reduction "mean", "sum" or "none", got \'total\''):
            loss(wg.tensor(a), wg.tensor(b), reduction="total")


def test_loss_modules_are_their_functions() -> None:
    x, y = wg.tensor(random(5, 3)), wg.tensor(random(3, 5).reshape(5, 3))
    p, q, w, labels = x.sigmoid(), y.sigmoid(), wg.tensor([1.0, 2.0, 3.0], dtype=wg.float64), wg.tensor([0, 1, 2, 1, 0])
    pairs = [
        (nn.MSELoss(reduction="sum")(x, y), F.mse_loss(x, y, "sum")),
        (nn.L1Loss()(x, y), F.l1_loss(x, y)),
        (nn.HuberLoss(delta=0.3)(x, y), F.huber_loss(x, y, delta=0.3)),
        (nn.SmoothL1Loss(beta=0.3)(x, y), F.smooth_l1_loss(x, y, beta=0.3)),
        (nn.BCELoss(w)(p, q), F.binary_cross_entropy(p, q, w)),
        (nn.BCEWithLogitsLoss(w, pos_weight=w)(x, q), F.binary_cross_entropy_with_logits(x, q, w, pos_weight=w)),
        (nn.CrossEntropyLoss(w, label_smoothing=0.1)(x, labels), F.cross_entropy(x, labels, w, label_smoothing=0.1)),
        (nn.NLLLoss(w, ignore_index=1)(x, labels), F.nll_loss(x, labels, w, ignore_index=1)),
        (nn.KLDivLoss("batchmean", log_target=True)(x, y), F.kl_div(x, y, "batchmean", log_target=True)),
    ]
    for module, function in pairs:
        assert module.item() == function.item()
    assert list(nn.CrossEntropyLoss(w).state_dict()) == ["weight"]
    assert list(nn.BCEWithLogitsLoss(w, pos_weight=w).state_dict()) == ["weight", "pos_weight"]
    with pytest.raises(ValueError, match="MSELoss: expected reduction"):
        nn.MSELoss(reduction="total")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bce_with_logits_is_finite_and_precise_for_large_logits(dtype: Any) -> None:
    x = wg.tensor(np.array([-1e4, -1e4, 1e4, 1e4, -40.0, 40.0, 0.0], dtype), requires_grad=True)
    y = wg.tensor(np.array([0, 1, 0, 1, 0, 1, 0.5], dtype))
    z = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    expected = [0, 1e4, 1e4, 0, math.exp(-40), math.exp(-40), math.log(2)]
    np.testing.assert_allclose(array(z), expected, rtol=1e-6)
    z.sum().backward()
    np.testing.assert_allclose(array(x.grad), [0, -1, 1, 0, math.exp(-40), -math.exp(-40), 0], rtol=1e-6, atol=1e-30)


def test_bce_is_finite_at_probabilities_0_and_1() -> None:
    x = wg.tensor([0.0, 0.0, 1.0, 1.0], requires_grad=True)
    z = F.binary_cross_entropy(x, wg.tensor([0.0, 1.0, 0.0, 1.0]), reduction="none")
    assert z.tolist() == [0, 100, 100, 0]
    z.sum().backward()
    assert np.isfinite(array(x.grad)).all()
    for bad in (-0.1, 1.1):
        with pytest.raises(RuntimeError, match=r"probabilities in \[0, 1\]"):
            F.binary_cross_entropy(wg.tensor([bad]), wg.tensor([1.0]))


def test_kl_div_of_zero_probabilities_is_zero() -> None:
    x = wg.log_softmax(wg.tensor(random(2, 3)), 1)
    y = wg.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]], dtype=wg.float64, requires_grad=True)
    z = F.kl_div(x, y, reduction="batchmean")
    z.backward()
    assert np.isfinite(z.item())
    assert np.isfinite(array(y.grad)).all()


def test_nll_checks_labels_and_ignores_what_it_should() -> None:
    x = wg.log_softmax(wg.tensor(random(4, 3), requires_grad=True), 1)
    np.testing.assert_allclose(
        F.nll_loss(x, wg.tensor([0, 2, -100, 1])).item(), -array(x)[[0, 1, 3], [0, 2, 1]].mean(), rtol=1e-12
    )
    assert math.isnan(F.nll_loss(x, wg.tensor([-100] * 4)).item())
    for label in (3, -1):
        with pytest.raises(IndexError, match=f"label {label} is not one of 3 classes"):
            F.nll_loss(x, wg.tensor([0, 0, label, 0]))
    with pytest.raises(ValueError, match=r"need labels of shape \(4,\), got labels of shape \(3,\)"):
        F.nll_loss(x, wg.tensor([0, 0, 0]))
    with pytest.raises(TypeError, match="integer dtype"):
        F.nll_loss(x, wg.ones(4))
    with pytest.raises(ValueError, match=r"class weights of shape \(3,\)"):
        F.nll_loss(x, wg.tensor([0, 0, 0, 0]), weight=wg.ones(2))


# ---------------------------------------------------------------- gradients, by central differences in float64


def away_from(kinks: list[float], x: np.ndarray) -> np.ndarray:
    """Items moved to at least 0.01 from every kink."""
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.01, kink + 0.02, x)
    return x


X = away_from([0.0, 0.7, -0.7], random(4, 3))
Y = X + away_from([0.0, 0.5, -0.5, 1.0, -1.0], 1.3 * random(2, 6).reshape(4, 3))
P = 1 / (1 + np.exp(-X))
Q = 1 / (1 + np.exp(-random(2, 6).reshape(4, 3)))
LABELS = wg.tensor([0, 2, 1, 2])
W = np.array([0.5, 1.0, 2.0])

DIFFERENTIABLE = {
    "elu": (lambda x: F.elu(x, 0.7), X),
    "silu": (F.silu, X),
    "gelu": (F.gelu, X),
    "gelu tanh": (lambda x: F.gelu(x, "tanh"), X),
    "softplus": (lambda x: F.softplus(x, 2.0, 1.4), X),
    "leaky_relu": (F.leaky_relu, X),
    "prelu": (F.prelu, X, np.array([0.25])),
    "prelu per channel": (F.prelu, X, W),
    "mse_loss": (F.mse_loss, X, Y),
    "l1_loss": (F.l1_loss, X, Y),
    "huber_loss": (lambda x, y: F.huber_loss(x, y, delta=0.5), X, Y),
    "smooth_l1_loss": (lambda x, y: F.smooth_l1_loss(x, y, beta=0.5), X, Y),
    "binary_cross_entropy": (lambda x, y: F.binary_cross_entropy(x, y, reduction="none"), P, Q),
    "bce with logits": (lambda x, y, w: F.binary_cross_entropy_with_logits(x, y, pos_weight=w), X, Q, W),
    "nll_loss": (lambda x: F.nll_loss(x, LABELS, wg.tensor(W)), X),
    "kl_div": (F.kl_div, X, Q),
    "kl_div log_target": (lambda x, y: F.kl_div(x, y, log_target=True), X, Y),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (3,), w, b), X, W, -W),
    "batch_norm training": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), X, W, -W),
    "batch_norm": (lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b), X, W, W, W, -W),
    "embedding": (lambda w: F.embedding(LABELS, w), X),
    "normalize": (lambda x: F.normalize(x, dim=0), X),
    "pairwise_distance": (F.pairwise_distance, X, Y),
    "cosine_similarity": (F.cosine_similarity, X, Y),
    "linear": (F.linear, X, random(2, 3), np.ones(2)),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_derivatives_are_right_to_second_order_in_both_directions(name: str) -> None:
    function, *args = DIFFERENTIABLE[name]
    wg.func.check_gradients(function, *(wg.tensor(a) for a in args), order=2)


def test_elu_and_silu_have_finite_gradients_for_large_inputs() -> None:
    for function in (F.elu, F.silu, F.softplus, F.gelu):
        x = wg.tensor([-1e4, -100.0, 100.0, 1e4], requires_grad=True)
        function(x).sum().backward()
        np.testing.assert_allclose(array(x.grad), [0, 0, 1, 1], atol=1e-6)


# ---------------------------------------------------------------- documentation


def modules_of(package: Any) -> list[str]:
    return [package.__name__, *(m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))]


@pytest.mark.parametrize("name", [*modules_of(nn), *modules_of(wg.optim)])
def test_the_examples_in_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name), extraglobs={"wg": wg}).failed == 0


# ---------------------------------------------------------------- clipping and vectors


def test_clip_grad_norm_scales_all_gradients_together() -> None:
    net = mlp()
    net(wg.ones(2, 4) * 10).square().sum().backward()
    before = [array(p.grad).copy() for p in net.parameters()]
    total = math.sqrt(sum((g**2).sum() for g in before))
    assert nn.utils.clip_grad_norm_(net.parameters(), 1.0).item() == pytest.approx(total, rel=1e-6)
    for p, g in zip(net.parameters(), before, strict=True):
        np.testing.assert_allclose(array(p.grad), g / total, rtol=1e-5)
    assert nn.utils.clip_grad_norm_(net.parameters(), 5.0).item() == pytest.approx(1, rel=1e-5)
    assert nn.utils.clip_grad_norm_([], 5.0).item() == 0


def test_clip_grad_norm_takes_other_norms_and_strided_or_mixed_gradients() -> None:
    a, b = nn.Parameter(wg.ones(2, 2)), nn.Parameter(wg.ones(2, dtype=wg.float64))
    a.grad = wg.tensor([[3.0, 0.0], [1.0, 0.0]]).T
    b.grad = wg.tensor([-4.0, 0.0], dtype=wg.float64)
    assert nn.utils.clip_grad_norm_([a, b], 8.0, norm_type=1).item() == pytest.approx(8)
    assert nn.utils.clip_grad_norm_([a, b], 2.0, norm_type=math.inf).item() == pytest.approx(4)
    np.testing.assert_allclose(array(a.grad), [[1.5, 0.5], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(array(b.grad), [-2, 0], rtol=1e-6)
    b.grad = wg.tensor([math.nan, 0.0], dtype=wg.float64)
    with pytest.raises(RuntimeError, match=r"2.0-norm of the gradients is nan"):
        nn.utils.clip_grad_norm_([a, b], 1.0, error_if_nonfinite=True)
    np.testing.assert_allclose(array(a.grad), [[1.5, 0.5], [0, 0]], rtol=1e-6)
    nn.utils.clip_grad_norm_([a, b], 1.0)
    assert np.isnan(array(a.grad)).all()


def test_clip_grad_value_limits_each_item() -> None:
    p = nn.Parameter(wg.ones(3))
    p.grad = wg.tensor([-5.0, 0.5, 5.0])
    nn.utils.clip_grad_value_([p, nn.Parameter(wg.ones(1))], 2.0)
    assert p.grad.tolist() == [-2, 0.5, 2]


def test_parameters_travel_through_a_vector() -> None:
    net, other = mlp(), mlp()
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (4 * 8 + 8 + 8 * 3 + 3,)
    nn.utils.vector_to_parameters(vector, other.parameters())
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(array(a), array(b))
    vector.sum().backward()
    assert (array(net[0].weight.grad) == 1).all()
    with pytest.raises(ValueError, match=r"a vector of 67 items, got shape \(68,\)"):
        nn.utils.vector_to_parameters(wg.ones(68), other.parameters())


# ---------------------------------------------------------------- the same as PyTorch

MODELS = {
    "mlp": lambda n: n.Sequential(n.Flatten(), n.Linear(784, 256), n.ReLU(), n.Dropout(0.3), n.Linear(256, 10)),
    "activations": lambda n: n.Sequential(
        n.LeakyReLU(), n.LeakyReLU(0.2, inplace=True), n.PReLU(), n.PReLU(3), n.ELU(), n.ELU(2.0, True), n.GELU(),
        n.GELU("tanh"), n.SiLU(), n.SiLU(inplace=True), n.Softplus(), n.Sigmoid(), n.Tanh(), n.Softmax(dim=1),
        n.LogSoftmax(1), n.ReLU(inplace=True), n.Identity(7, unused=True),
    ),
    "layers": lambda n: n.Sequential(
        n.BatchNorm1d(3), n.BatchNorm1d(3, eps=1e-3, momentum=None, affine=False, track_running_stats=False),
        n.LayerNorm(4), n.LayerNorm([2, 3], elementwise_affine=False), n.LayerNorm(4, bias=False), n.Embedding(10, 3),
        n.Embedding(10, 3, padding_idx=-1, max_norm=2.0, norm_type=1.0), n.Unflatten(1, (2, 3)), n.Flatten(0, 1),
        n.Linear(2, 3, bias=False), n.LazyLinear(3),
    ),
    "losses": lambda n: n.Sequential(
        n.MSELoss(), n.L1Loss(), n.HuberLoss(), n.SmoothL1Loss(), n.BCELoss(), n.BCEWithLogitsLoss(), n.NLLLoss(),
        n.CrossEntropyLoss(), n.KLDivLoss(),
    ),
    "nested": lambda n: n.ModuleDict({
        "blocks": n.ModuleList([n.Sequential(n.Linear(2, 2), n.ReLU()) for _ in range(3)] + [n.Tanh()]),
        "empty": n.ModuleList(), "head": n.Sequential(OrderedDict(fc=n.Linear(2, 1))), "none": n.Sequential(),
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_models_print_and_name_their_state_as_in_pytorch(name: str) -> None:
    torch = torch_or_skip()
    ours, theirs = MODELS[name](nn), MODELS[name](torch.nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in theirs.named_buffers()]


def test_parameter_containers_print_as_in_pytorch() -> None:
    torch = torch_or_skip()
    ours = nn.ParameterList([wg.ones(2, 3), wg.ones(1), "text"])
    theirs = torch.nn.ParameterList([torch.ones(2, 3), torch.ones(1), "text"])
    assert repr(ours).replace("wengert", "torch") == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())


LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "Linear": (lambda n: n.Linear(3, 5), (4, 3)),
    "Linear 1-d": (lambda n: n.Linear(3, 5), (3,)),
    "Linear 3-d": (lambda n: n.Linear(3, 5, bias=False), (2, 4, 3)),
    "ReLU": (lambda n: n.ReLU(), (4, 3)),
    "LeakyReLU": (lambda n: n.LeakyReLU(0.2), (4, 3)),
    "PReLU": (lambda n: n.PReLU(), (4, 3)),
    "PReLU per channel": (lambda n: n.PReLU(3), (4, 3, 2)),
    "ELU": (lambda n: n.ELU(0.7), (4, 3)),
    "GELU": (lambda n: n.GELU(), (4, 3)),
    "GELU tanh": (lambda n: n.GELU("tanh"), (4, 3)),
    "SiLU": (lambda n: n.SiLU(), (4, 3)),
    "Softplus": (lambda n: n.Softplus(), (4, 3)),
    "Softplus beta": (lambda n: n.Softplus(2.0, 0.5), (4, 3)),
    "Sigmoid": (lambda n: n.Sigmoid(), (4, 3)),
    "Tanh": (lambda n: n.Tanh(), (4, 3)),
    "Softmax": (lambda n: n.Softmax(0), (4, 3)),
    "LogSoftmax": (lambda n: n.LogSoftmax(-1), (4, 3)),
    "Flatten": (lambda n: n.Flatten(0, 1), (4, 3, 2)),
    "Unflatten": (lambda n: n.Unflatten(-1, (3, -1)), (4, 6)),
    "Identity": (lambda n: n.Identity(), (4, 3)),
    "Dropout evaluation": (lambda n: n.Dropout(0.5).eval(), (4, 3)),
    "BatchNorm1d": (lambda n: n.BatchNorm1d(3), (4, 3)),
    "BatchNorm1d 3-d": (lambda n: n.BatchNorm1d(3, momentum=None), (4, 3, 5)),
    "BatchNorm1d evaluation": (lambda n: n.BatchNorm1d(3).eval(), (4, 3)),
    "BatchNorm1d without averages": (
        lambda n: n.BatchNorm1d(3, affine=False, track_running_stats=False).eval(),
        (4, 3),
    ),
    "LayerNorm": (lambda n: n.LayerNorm(3), (4, 3)),
    "LayerNorm 2-d": (lambda n: n.LayerNorm((2, 3), bias=False), (4, 2, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_agree_with_pytorch(name: str) -> None:
    torch = torch_or_skip()
    make, shape = LAYERS[name]
    ours, theirs = make(nn).double(), make(torch.nn).double()
    with torch.no_grad():
        for k, p in enumerate(theirs.parameters()):
            p.copy_(torch.tensor(random(*p.shape) + k))
    ours.load_state_dict({n: t.numpy() for n, t in theirs.state_dict().items()})
    x = random(*shape)
    x_ours, x_theirs = wg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    z_ours, z_theirs = ours(x_ours), theirs(x_theirs)
    assert z_ours.shape == tuple(z_theirs.shape)
    np.testing.assert_allclose(array(z_ours), array(z_theirs), rtol=1e-9, atol=1e-9)
    weights = random(*z_theirs.shape)
    (z_ours * wg.tensor(weights)).sum().backward()
    (z_theirs * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(array(x_ours.grad), array(x_theirs.grad), rtol=1e-8, atol=1e-9)
    for (n, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(array(p.grad), array(q.grad), rtol=1e-8, atol=1e-9, err_msg=n)
    for (n, p), q in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(array(p), array(q), rtol=1e-12, err_msg=n)


def test_embedding_agrees_with_pytorch() -> None:
    torch = torch_or_skip()
    ids = np.array([[0, 2, 1], [1, 1, 3]])
    for options in ({}, {"padding_idx": 1}, {"max_norm": 1.0}):
        ours, theirs = nn.Embedding(4, 3, **options), torch.nn.Embedding(4, 3, **options)
        ours.load_state_dict({n: t.numpy().copy() for n, t in theirs.state_dict().items()})
        a, b = ours(wg.tensor(ids)), theirs(torch.tensor(ids))
        np.testing.assert_allclose(array(a), array(b), rtol=1e-5)
        (a * a).sum().backward()
        (b * b).sum().backward()
        np.testing.assert_allclose(array(ours.weight.grad), array(theirs.weight.grad), rtol=1e-5)


LOSSES: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "MSELoss": (lambda n, r: n.MSELoss(reduction=r), "numbers"),
    "L1Loss": (lambda n, r: n.L1Loss(reduction=r), "numbers"),
    "HuberLoss": (lambda n, r: n.HuberLoss(reduction=r, delta=0.6), "numbers"),
    "SmoothL1Loss": (lambda n, r: n.SmoothL1Loss(reduction=r, beta=0.6), "numbers"),
    "SmoothL1Loss 0": (lambda n, r: n.SmoothL1Loss(reduction=r, beta=0.0), "numbers"),
    "BCELoss": (lambda n, r: n.BCELoss(reduction=r), "probabilities"),
    "BCEWithLogitsLoss": (lambda n, r: n.BCEWithLogitsLoss(reduction=r), "targets"),
    "NLLLoss": (lambda n, r: n.NLLLoss(reduction=r, ignore_index=2), "labels"),
    "CrossEntropyLoss": (lambda n, r: n.CrossEntropyLoss(reduction=r, ignore_index=2), "labels"),
    "CrossEntropyLoss smooth": (lambda n, r: n.CrossEntropyLoss(reduction=r, label_smoothing=0.1), "labels"),
    "CrossEntropyLoss of probabilities": (lambda n, r: n.CrossEntropyLoss(reduction=r), "targets"),
    "KLDivLoss": (lambda n, r: n.KLDivLoss(reduction=r), "targets"),
    "KLDivLoss log": (lambda n, r: n.KLDivLoss(reduction=r, log_target=True), "numbers"),
}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")  # PyTorch's, of KLDivLoss
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_agree_with_pytorch(name: str, reduction: str) -> None:
    torch = torch_or_skip()
    make, kind = LOSSES[name]
    x = P if kind == "probabilities" else X
    y = {"numbers": Y, "probabilities": Q, "targets": Q, "labels": np.array([0, 2, 1, 2])}[kind]
    x_ours, x_theirs = wg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    z_ours = make(nn, reduction)(x_ours, wg.tensor(y))
    z_theirs = make(torch.nn, reduction)(x_theirs, torch.tensor(y))
    assert z_ours.shape == tuple(z_theirs.shape)
    np.testing.assert_allclose(array(z_ours), array(z_theirs), rtol=1e-9, atol=1e-12)
    z_ours.sum().backward()
    z_theirs.sum().backward()
    np.testing.assert_allclose(array(x_ours.grad), array(x_theirs.grad), rtol=1e-9, atol=1e-12)


FUNCTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "normalize": lambda f, x, y: f.normalize(x),
    "normalize p": lambda f, x, y: f.normalize(x, p=3.0, dim=0),
    "pairwise_distance": lambda f, x, y: f.pairwise_distance(x, y, p=1.0, keepdim=True),
    "cosine_similarity": lambda f, x, y: f.cosine_similarity(x, y, dim=0),
    "pad": lambda f, x, y: f.pad(x, (1, 2, -1, 3), value=2.5),
    "softmax": lambda f, x, y: f.softmax(x, dim=1),
    "log_softmax": lambda f, x, y: f.log_softmax(x, dim=0),
    "kl_div batchmean": lambda f, x, y: f.kl_div(x, y.sigmoid(), reduction="batchmean"),
    "bce at the edges": lambda f, x, y: f.binary_cross_entropy((x > 0).double(), (y > 0).double(), reduction="none"),
    "bce with pos_weight": lambda f, x, y: f.binary_cross_entropy_with_logits(x, y.sigmoid(), pos_weight=y.exp()),
    "bce with weight": lambda f, x, y: f.binary_cross_entropy_with_logits(x, y.sigmoid(), weight=y.exp()),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_agree_with_pytorch(name: str) -> None:
    torch = torch_or_skip()
    ours = FUNCTIONS[name](F, wg.tensor(X), wg.tensor(Y))
    theirs = FUNCTIONS[name](torch.nn.functional, torch.tensor(X), torch.tensor(Y))
    np.testing.assert_allclose(array(ours), array(theirs), rtol=1e-9)


def test_the_gradient_of_bce_at_0_and_1_is_pytorchs() -> None:
    torch = torch_or_skip()
    x, y = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    x_ours, x_theirs = wg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    F.binary_cross_entropy(x_ours, wg.tensor(y)).backward()
    torch.nn.functional.binary_cross_entropy(x_theirs, torch.tensor(y)).backward()
    np.testing.assert_allclose(array(x_ours.grad), array(x_theirs.grad), rtol=1e-8)


def test_weights_travel_both_ways_with_pytorch() -> None:
    torch = torch_or_skip()
    ours, theirs = mlp(), torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    x = random(5, 4).astype(np.float32)
    ours.load_state_dict(theirs.state_dict())
    np.testing.assert_allclose(array(ours(wg.tensor(x))), array(theirs(torch.tensor(x))), rtol=1e-5, atol=1e-6)
    theirs.load_state_dict({n: torch.from_numpy(t.numpy()) for n, t in mlp().state_dict().items()})


@pytest.mark.parametrize("name", ["linear", "relu", "leaky_relu", "tanh", "sigmoid", "selu", "conv2d"])
def test_gains_agree_with_pytorch(name: str) -> None:
    torch = torch_or_skip()
    assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert nn.init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)
