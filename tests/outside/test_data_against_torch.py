"""Data sets, samplers, loaders, states of modules and their helpers, side by side with PyTorch's."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch")

importlib.import_module("torch.utils.data.distributed")
BOTH = (wg, torch)


def plain(x: Any) -> Any:
    """What either library gave, as Python's own."""
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(part) for part in x]
    return x.tolist() if hasattr(x, "tolist") else x


def same(run: Any) -> None:
    """The same value, or an error of the same type, by either library."""
    found = []
    for lib in BOTH:
        try:
            found.append(plain(run(lib)))
        except Exception as error:
            found.append(next(t for t in type(error).__mro__ if t.__module__ == "builtins"))
    assert found[0] == found[1]
    assert found[0] is not NotImplementedError


def stream(lib: ModuleType, limit: int, shared: bool = False, length: bool = False) -> Any:
    """A data set that is iterated, of either library."""

    class Stream(lib.utils.data.IterableDataset):
        def __iter__(self) -> Any:
            info = lib.utils.data.get_worker_info()
            if shared and info is not None:
                return iter(range(info.id, limit, info.num_workers))
            return iter(range(limit))

    if length:
        Stream.__len__ = lambda self: limit
    return Stream()


DATA = {
    "concatenated": lambda d: [d.ConcatDataset(["ab", "c"])[i] for i in (-3, -1, 0, 1, 2)],
    "concatenated sizes": lambda d: d.ConcatDataset(["ab", "", "c"]).cumulative_sizes,
    "concatenated too far": lambda d: d.ConcatDataset(["ab"])[2],
    "concatenated too low": lambda d: d.ConcatDataset(["ab"])[-3],
    "concatenated nothing": lambda d: d.ConcatDataset([]),
    "chained no stream": lambda d: list(d.ChainDataset(["ab"])),
    "stacked": lambda d: d.StackDataset([1, 2], "ab")[1],
    "stacked by name": lambda d: d.StackDataset(x=[1, 2], y="ab")[0],
    "stacked ragged": lambda d: d.StackDataset([1], "ab"),
    "stacked nothing": lambda d: d.StackDataset(),
    "stacked both": lambda d: d.StackDataset([1], x=[2]),
    "stacked batches": lambda d: list(d.DataLoader(d.StackDataset([1, 2, 3], "abc"), 2)),
    "sum": lambda d: len(d.Subset([1, 2], [0]) + d.Subset([1, 2], [0, 1])),
    "sequential": lambda d: list(d.SequentialSampler("abc")),
    "batches": lambda d: [list(d.BatchSampler(range(5), 2, last)) for last in (False, True)],
    "batch lengths": lambda d: [len(d.BatchSampler(range(5), 2, last)) for last in (False, True)],
    "batches of nothing": lambda d: d.BatchSampler(range(5), 0, False),
    "last": lambda d: d.BatchSampler(range(5), 1, 1),
    "random of nothing": lambda d: d.RandomSampler([]),
    "random replacement": lambda d: d.RandomSampler([1], replacement=1),
    "random lengths": lambda d: [len(list(d.RandomSampler([1, 2, 3], r, n))) for r in (0 > 1, True) for n in (2, 7)],
    "weights of two dimensions": lambda d: d.WeightedRandomSampler([[1.0]], 1),
    "weighted": lambda d: sorted(d.WeightedRandomSampler([0, 1, 1], 2, replacement=False)),
    "weights dtype": lambda d: str(d.WeightedRandomSampler([0, 1], 2).weights.dtype).split(".")[-1],
    "subset": lambda d: sorted(d.SubsetRandomSampler([5, 3])),
    "ragged": lambda d: d.default_collate([np.ones(2), np.ones(3)]),
    "ragged lists": lambda d: d.default_collate([[1], [1, 2]]),
    "collated": lambda d: d.default_collate([{"a": (1, 2.5), "b": ["x", True]}, {"a": (3, 4.5), "b": ["y", False]}]),
    "converted": lambda d: d.default_convert({"a": [np.ones(2), "x", 3]}),
    "workers": lambda d: d.get_worker_info(),
    "sampled": lambda d: list(d.DataLoader([10, 20, 30], 2, sampler=[2, 1, 0], drop_last=True)),
    "sampled batches": lambda d: list(d.DataLoader([10, 20, 30], batch_sampler=[[2], [0, 1]])),
    "singles": lambda d: list(d.DataLoader([10, 20, 30], batch_size=None)),
    "kinds": lambda d: [
        type(x).__name__
        for loader in (d.DataLoader("ab"), d.DataLoader("ab", shuffle=True), d.DataLoader("ab", None))
        for x in (loader.sampler, loader.batch_sampler)
    ],
    "prefetch": lambda d: [d.DataLoader("ab", num_workers=n).prefetch_factor for n in (0, 1)],
    "split": lambda d: sorted(len(part) for part in d.random_split(range(11), [0.5, 0.25, 0.25])),
}  # fmt: skip


@pytest.mark.parametrize("name", DATA)
@pytest.mark.filterwarnings("ignore::wengert.data.NeedlessWorkersWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_data(name: str) -> None:
    same(lambda lib: DATA[name](lib.utils.data))


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": [0], "shuffle": True},
        {"batch_sampler": [[0]], "batch_size": 2},
        {"batch_size": None, "drop_last": True},
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"persistent_workers": True},
        {"multiprocessing_context": "fork"},
        {"num_workers": 1, "multiprocessing_context": "thread"},
        {"num_workers": 1, "multiprocessing_context": 3},
        {"batch_size": 0},
    ],
)
@pytest.mark.filterwarnings("ignore::wengert.data.NeedlessWorkersWarning")
def test_contradictions(options: dict[str, Any]) -> None:
    same(lambda lib: lib.utils.data.DataLoader([1, 2], **options))


@pytest.mark.parametrize(
    "options", [{}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}, {"shuffle": True},
                {"sampler": [0]}, {"batch_sampler": [[0]]}, {"shuffle": False}]
)  # fmt: skip
def test_streams(options: dict[str, Any]) -> None:
    same(lambda lib: list(lib.utils.data.DataLoader(stream(lib, 7), **options)))
    same(lambda lib: len(lib.utils.data.DataLoader(stream(lib, 7, length=True), **options)))
    same(lambda lib: len(lib.utils.data.DataLoader(stream(lib, 7), **options)))


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch's workers are processes, and cheap where they are forked")
@pytest.mark.filterwarnings("ignore::wengert.data.NeedlessWorkersWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")  # JAX's, which another test imported
def test_streams_of_workers() -> None:
    def run(lib: Any) -> Any:
        data = lib.utils.data.ChainDataset([stream(lib, 7, True), stream(lib, 3)])
        return list(lib.utils.data.DataLoader(data, 2, num_workers=2, multiprocessing_context="fork"))

    same(run)


@pytest.mark.parametrize("count", [1, 5, 8])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_distributed_sampler(count: int, size: int, drop_last: bool) -> None:
    for rank in range(size):
        same(
            lambda lib, rank=rank: (
                lambda s: [list(s), len(s), s.num_samples, s.total_size, s.num_replicas, s.rank, s.epoch]
            )(lib.utils.data.distributed.DistributedSampler(range(count), size, rank, False, drop_last=drop_last))
        )
    same(lambda lib: lib.utils.data.distributed.DistributedSampler(range(3), 2, 2))


# ---------------------------------------------------------------- modules


def net_of(lib: Any) -> Any:
    net = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.BatchNorm1d(2))
    with lib.no_grad():
        for i, x in enumerate([*net.parameters(), *net.buffers()]):
            x.fill_(i + 1)
    return net


def loaded(lib: Any, state: dict[str, Any], **options: Any) -> Any:
    net = net_of(lib)
    keys = net.load_state_dict(state, **options)
    found = {name: [plain(x), str(x.dtype).split(".")[-1]] for name, x in net.state_dict().items()}
    return [found, keys.missing_keys, keys.unexpected_keys, [p.requires_grad for p in net.parameters()]]


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_states(assign: bool, strict: bool) -> None:
    options = {"assign": assign, "strict": strict}
    double = {"0.bias": lambda lib: lib.ones(2, dtype=lib.float64)}
    for change in ({}, double, {"more": lambda lib: lib.ones(2)}, {"0.bias": lambda lib: lib.ones(3)}):
        same(
            lambda lib, change=change: loaded(
                lib, {**net_of(lib).state_dict(), **{name: make(lib) for name, make in change.items()}}, **options
            )
        )
    same(lambda lib: loaded(lib, {"0.bias": lib.zeros(2), "1.num_batches_tracked": lib.tensor(3)}, **options))
    same(lambda lib: loaded(lib, 3, **options))


def test_hooks_around_states() -> None:
    def run(lib: Any) -> Any:
        net, seen = net_of(lib), []
        net[0].register_state_dict_pre_hook(lambda module, prefix, keep: seen.append((prefix, keep)))
        net.register_state_dict_post_hook(lambda module, state, prefix, local: seen.append((prefix, len(state))))
        net[1].register_load_state_dict_pre_hook(
            lambda module, state, prefix, local, strict, *lists: seen.append((prefix, strict, *map(list, lists)))
        )
        net.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
        state = net.state_dict()
        del state["0.bias"]
        keys = net.load_state_dict(state)
        return [seen, list(keys)]

    same(run)


def test_extra_states() -> None:
    def run(lib: Any) -> Any:
        class Extra(lib.nn.Module):
            extra = 3

            def get_extra_state(self) -> int:
                return self.extra

            def set_extra_state(self, state: int) -> None:
                self.extra = state

        net = lib.nn.Sequential(Extra())
        state = dict(net.state_dict())
        net.load_state_dict({"0._extra_state": 5})
        return [state, net[0].extra, list(net.load_state_dict({}, strict=False))]

    same(run)
    same(lambda lib: lib.nn.Module().get_extra_state())
    same(lambda lib: net_of(lib).load_state_dict({**net_of(lib).state_dict(), "_extra_state": 1}))


SUBMODULES = [("0", False), ("0.more", False), ("0.more", True), ("x.y", False), ("", False), ("training", False)]


@pytest.mark.parametrize(("target", "strict"), SUBMODULES)
def test_set_submodule(target: str, strict: bool) -> None:
    def run(lib: Any) -> Any:
        net = net_of(lib)
        net.set_submodule(target, lib.nn.ReLU(), strict)
        return [name for name, _ in net.named_modules()]

    same(run)


def test_public_names_of_modules_and_helpers() -> None:
    def public(x: Any) -> set[str]:
        return {name for name in dir(x) if not name.startswith("_")}

    # a type variable; `forward` of Module itself raises, as what is not there does here
    assert public(torch.nn.Module) - public(wg.nn.Module) <= {"T_destination", "forward", "cuda"}
    assert set(torch.nn.utils.__all__) - public(wg.nn.utils) == set()
    pipes = {  # of torch.utils.data's older pipelines, which PyTorch has moved to another package
        "DFIterDataPipe", "DataChunk", "IterDataPipe", "MapDataPipe", "argument_validation", "functional_datapipe",
        "guaranteed_datapipes_determinism", "non_deterministic", "runtime_validation", "runtime_validation_disabled",
    }  # fmt: skip
    assert set(torch.utils.data.__all__) - public(wg.utils.data) == pipes | {"_DatasetKind"}


# ---------------------------------------------------------------- nn.utils


@pytest.mark.parametrize("p", [1.0, 2.0, float("inf")])
def test_norms_of_gradients(p: float) -> None:
    values = np.random.default_rng(0).normal(size=(3, 4))

    def run(lib: Any) -> Any:
        w = lib.nn.Parameter(lib.zeros(3, 4, dtype=lib.float64))
        w.grad = lib.from_numpy(values.copy())
        norm = lib.nn.utils.get_total_norm([w.grad], p)
        lib.nn.utils.clip_grads_with_norm_([w], 0.25, norm)
        return np.round([norm.item(), *w.grad.flatten().tolist()], 12)

    same(run)


@pytest.mark.parametrize("transpose", [False, True])
def test_folded_weights(transpose: bool) -> None:
    rng = np.random.default_rng(0)
    w, b, mean, var, scale, shift = (rng.uniform(0.5, 1.5, s) for s in ((3, 3, 2), 3, 3, 3, 3, 3))

    def run(lib: Any) -> Any:
        x = [lib.from_numpy(a.copy()) for a in (w, b, mean, var)]
        y = [lib.from_numpy(a.copy()) for a in (scale, shift)]
        fused = lib.nn.utils.fuse_conv_bn_weights(*x, 1e-3, *y, transpose)
        plain_one = lib.nn.utils.fuse_conv_bn_weights(x[0], None, *x[2:], 1e-3, None, None, transpose)
        flat = lib.nn.utils.fuse_linear_bn_weights(x[0][:, :, 0], x[1], *x[2:], 1e-3, *y)
        return [np.round(p.detach().numpy(), 12) for p in (*fused, *plain_one, *flat)]

    same(run)
