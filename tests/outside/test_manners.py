"""PyTorch's manners at the top level: devices, switches, older names, and what is said of names that are not here."""

from __future__ import annotations

import contextlib
import copy
import importlib
import inspect
import pickle
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.core import missing

# ---------------------------------------------------------------- devices


def test_a_device_is_its_string_and_travels() -> None:
    cpu, first = wg.device("cpu"), wg.device("cpu", 0)
    assert (str(cpu), repr(cpu), cpu.type, cpu.index) == ("cpu", "device(type='cpu')", "cpu", None)
    assert (str(first), repr(first), first.type, first.index) == ("cpu:0", "device(type='cpu', index=0)", "cpu", 0)
    assert cpu == "cpu" == cpu
    assert first == "cpu:0" == wg.device("cpu:0") == wg.device(first)
    assert cpu != "cuda"
    assert cpu != 3
    assert {cpu: 1}["cpu"] == {"cpu:0": 1}[first] == 1
    for device in (cpu, first):
        assert pickle.loads(pickle.dumps(device)) == copy.deepcopy(device) == device
    with pytest.raises(AttributeError, match="cannot be set"):
        cpu.type = "cuda"
    with cpu as entered:
        assert entered is cpu
    assert cpu(len) is len


@pytest.mark.parametrize("asked", ["cuda", "cuda:0", "mps", "cpu:1", "xpu", "meta"])
def test_another_device_is_refused_wherever_it_is_asked_for(asked: str) -> None:
    x, net = wg.ones(2), nn.Linear(2, 1)
    for ask in (
        lambda: wg.device(asked), lambda: wg.zeros(2, device=asked), lambda: wg.tensor([1.0], device=asked),
        lambda: wg.rand(2, device=asked), lambda: x.to(asked), lambda: x.to(device=asked), lambda: net.to(asked),
        lambda: wg.set_default_device(asked), lambda: wg.Generator(asked), lambda: wg.FloatTensor(2, device=asked),
        lambda: nn.Linear(2, 1, device=asked), lambda: nn.Linear(2, 1, True, asked),
        lambda: nn.LSTM(1, 1, device=asked), lambda: nn.LazyConv2d(1, 1, device=asked),
        lambda: nn.BatchNorm1d(2, device=asked),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f'the only device is "cpu", got {asked!r}: this library computes on the'):
            ask()


def test_a_number_is_one_of_pytorchs_gpus() -> None:
    for ask in (lambda: wg.ones(2).to(0), lambda: nn.Linear(2, 1).to(1)):
        with pytest.raises(ValueError, match=r'the only device is "cpu", got [01]: this library computes on the'):
            ask()


@pytest.mark.parametrize(
    ("given", "told"), [(None, "got none"), (wg.ones(()), r"got \(\)"), (wg.ones(0, 2), r"\(0, 2\)")]
)
def test_many_cotangents_have_a_dimension_of_their_own(given: Any, told: str) -> None:
    x = wg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=f"is_grads_batched=True, grad_outputs have a first dimension.*{told}"):
        wg.autograd.grad(x * x, x, given, is_grads_batched=True)
    with pytest.raises(ValueError, match="only_inputs=False is no more"):
        wg.autograd.grad((x * x).sum(), x, only_inputs=False)


def test_anomalies_are_looked_for_from_here_on() -> None:
    x = wg.tensor([-1.0], requires_grad=True)
    set_detect_anomaly = wg.autograd.set_detect_anomaly
    try:
        set_detect_anomaly(True)
        with pytest.raises(wg.autograd.AnomalyError, match="log: its result is not finite"):
            wg.log(x)
        set_detect_anomaly(True)  # once more changes nothing
    finally:
        set_detect_anomaly(False)
    assert wg.log(x).isnan().all()
    with set_detect_anomaly(True), pytest.raises(wg.autograd.AnomalyError):
        wg.log(x)
    assert wg.log(x).isnan().all()
    watched = set_detect_anomaly(True)(wg.log)
    assert wg.log(x).isnan().all()
    with pytest.raises(wg.autograd.AnomalyError):
        watched(x)


def test_the_cpu_is_taken_wherever_a_device_is() -> None:
    net = nn.Linear(2, 1)
    for device in ("cpu", "cpu:0", wg.device("cpu"), wg.device("cpu:0"), None):
        made = wg.ones(2, device=device)
        assert made.device == wg.get_default_device() == "cpu"
        assert net.to(device) is net
        assert made.to(device, non_blocking=True) is made.to(device) is made
        assert made.to(device, wg.float64, False).dtype == wg.float64
        assert made.to(device, None, False, True) is not made
        wg.set_default_device(device)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert nn.Linear(2, 1, device=device).weight.device == "cpu"
    x = wg.ones(2)
    assert (x.is_cpu, x.get_device()) == (True, -1)
    assert {x.is_cuda, x.is_mps, x.is_xpu, x.is_meta, x.is_sparse, x.is_quantized} == {False}
    assert x.cpu() is x.pin_memory() is x
    assert not x.is_pinned()
    for moved in (x, net):
        with pytest.raises(RuntimeError, match=r"cuda: this library computes on the CPU.*\.to\(device\)"):
            moved.cuda()
    with pytest.raises(TypeError, match="at most non_blocking and copy"):
        x.to(wg.float32, True, False, True)
    with pytest.raises(TypeError, match='expected "cpu" or a device, got 3'):
        wg.device(3)


def test_questions_about_other_devices_are_answered_no() -> None:
    for module in (wg.cuda, wg.xpu, wg.mps, wg.accelerator):
        assert (module.is_available(), module.device_count(), module.empty_cache(), module.synchronize()) == (
            False, 0, None, None)  # fmt: skip
    assert wg.accelerator.current_accelerator() is None
    for ask in (wg.cuda.current_device, wg.cuda.get_device_name, wg.accelerator.current_device_index,
                lambda: wg.cuda.set_device(0), lambda: wg.cuda.set_rng_state_all([wg.get_rng_state()])):  # fmt: skip
        with pytest.raises(RuntimeError, match="this library"):
            ask()
    for name in ("cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"):
        module = importlib.import_module(f"wengert.backends.{name}")
        assert getattr(wg.backends, name) is module
        assert (module.is_built if name == "cuda" else module.is_available)() is False
    assert wg.version.cuda is None


def test_autocasting_and_scaling_are_off_and_say_so() -> None:
    amp, older = wg.amp, importlib.import_module("wengert.cuda.amp")
    for make in (lambda on: wg.autocast("cpu", enabled=on), lambda on: older.autocast(enabled=on),
                 lambda on: amp.GradScaler("cpu", enabled=on), lambda on: older.GradScaler(enabled=on)):  # fmt: skip
        with pytest.warns(UserWarning, match="pass enabled=False") as told:
            made = make(True)
        assert type(make(False)) is type(made)
        assert len(told) == 1
    w = nn.Parameter(wg.ones(2))
    optimizer, scaler = optim.SGD([w], lr=0.5), amp.GradScaler(enabled=False)
    with wg.autocast("cpu", enabled=False):
        scaler.scale((w * w).sum()).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert w.tolist() == [0.0, 0.0]
    assert (scaler.get_scale(), scaler.is_enabled(), scaler.state_dict()) == (1.0, False, {})


def test_switches_remember_and_change_nothing() -> None:
    wg.use_deterministic_algorithms(True, warn_only=True)
    assert wg.are_deterministic_algorithms_enabled()
    assert (wg.is_deterministic_algorithms_warn_only_enabled(), wg.get_deterministic_debug_mode()) == (True, 1)
    wg.set_deterministic_debug_mode("default")
    assert not wg.are_deterministic_algorithms_enabled()
    for wrong in (lambda: wg.set_deterministic_debug_mode("never"), lambda: wg.set_num_interop_threads(0),
                  lambda: wg.set_float32_matmul_precision("low")):  # fmt: skip
        with pytest.raises(ValueError, match="expected"):
            wrong()


def test_a_forked_generator_leaves_the_library_s_own_as_it_was() -> None:
    wg.manual_seed(5)
    expected = wg.rand(3)
    wg.manual_seed(5)
    for error in (None, KeyError):
        with contextlib.suppress(KeyError), wg.random.fork_rng():
            wg.manual_seed(6)
            wg.rand(7)
            if error is not None:
                raise error
    assert bool((wg.rand(3) == expected).all())
    wg.manual_seed(5)
    with wg.random.fork_rng(enabled=False):
        wg.rand(3)
    assert not bool((wg.rand(3) == expected).any())


# ---------------------------------------------------------------- older names

FAMILIES = {"FloatTensor": wg.float32, "DoubleTensor": wg.float64, "HalfTensor": wg.float16, "LongTensor": wg.int64,
            "IntTensor": wg.int32, "ShortTensor": wg.int16, "CharTensor": wg.int8, "ByteTensor": wg.uint8,
            "BoolTensor": wg.bool}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_classes_of_one_dtype(name: str) -> None:
    cls, dtype = getattr(wg, name), FAMILIES[name]
    for made, shape in ((cls([1, 0]), (2,)), (cls(2, 3), (2, 3)), (cls(), (0,)), (cls(np.ones(2, "f")), (2,))):
        assert (type(made), made.dtype, made.shape) == (wg.Tensor, dtype, shape)
        assert isinstance(made, cls)
        assert sum(isinstance(made, getattr(wg, other)) for other in FAMILIES) == 1
    x = wg.tensor([1.0, 0.0], dtype=wg.float64)
    assert x.type(cls).dtype == x.type(f"torch.{name}").dtype == x.to(cls).dtype == np.dtype(cls) == dtype
    assert x.type(cls).type() == f"wengert.{name}"
    assert isinstance(dtype, wg.dtype)
    if dtype != wg.float64:
        with pytest.raises(TypeError, match=f"{name}: expected data of {dtype}, got a tensor of float64"):
            cls(x)
    with pytest.raises(TypeError, match=f"{name}: expected an array, a tensor or a sequence"):
        cls(2.5)


def test_the_default_dtype_by_its_older_name() -> None:
    try:
        for kind in (wg.DoubleTensor, "torch.DoubleTensor", wg.float64):
            wg.set_default_tensor_type("wengert.FloatTensor")
            assert wg.tensor(1.0).dtype == wg.float32
            wg.set_default_tensor_type(kind)
            assert wg.tensor(1.0).dtype == wg.float64
        for wrong in (wg.LongTensor, "torch.Tensors", None):
            with pytest.raises(TypeError, match="set_default"):
                wg.set_default_tensor_type(wrong)
    finally:
        wg.set_default_dtype(wg.float32)


def test_a_variable_is_a_tensor_over_the_same_memory() -> None:
    x = wg.ones(2, requires_grad=True) * 2
    v = wg.autograd.Variable(x, requires_grad=True)
    assert (v.is_leaf, v.requires_grad, v.data_ptr() == x.data_ptr()) == (True, True, True)
    assert not wg.autograd.Variable(x).requires_grad
    assert isinstance(x, wg.autograd.Variable)
    with pytest.raises(TypeError, match="Variable: expected a tensor, got list"):
        wg.autograd.Variable([1.0])
    with pytest.raises(RuntimeError):
        wg.grad(lambda x: wg.autograd.Variable(x).sum())(wg.ones(2))


def test_numbers_by_their_names() -> None:
    assert (wg.pi, wg.e, wg.inf) == (np.pi, np.e, np.inf)
    assert wg.nan != wg.nan
    assert wg.ones(3)[:, wg.newaxis].shape == (3, 1)


# ---------------------------------------------------------------- names that are not here

ASKED: dict[str, tuple[Callable[[], Any], str]] = {
    "a near name": (lambda: wg.zeroes, "module 'wengert' has no attribute 'zeroes'; there is 'zeros'"),
    "no near name": (lambda: wg.refine, "module 'wengert' has no attribute 'refine'"),
    "complex numbers": (lambda: wg.complex64, "no dtype is complex"),
    "sparse tensors": (lambda: wg.sparse_coo_tensor, "none is sparse"),
    "transforms": (lambda: wg.fft, "scipy.fft"),
    "other dtypes": (lambda: wg.bfloat16, "the dtypes here are float16"),
    "three dimensions": (lambda: nn.Conv3d, "module 'wengert.nn' has no attribute 'Conv3d': layers are for"),
    "functions of three": (lambda: nn.functional.max_pool3d, "of one or two dimensions"),
    "an optimizer": (lambda: optim.SparseAdam, "none is sparse"),
    "a schedule": (lambda: optim.lr_scheduler.StepLr, "there is 'StepLR'"),
    "an eigenvalue": (lambda: wg.linalg.eigvals, "no dtype is complex"),
    "a special function": (lambda: wg.special.gamaln, "there is 'gammaln'"),
    "a derivative": (lambda: wg.func.jacobain, "there is 'jacobian'"),
    "autograd": (lambda: wg.autograd.profiler, "cProfile"),
    "utils": (lambda: wg.utils.bottleneck, "cProfile"),
    "utils.data": (lambda: wg.data.DataLoadr, "there is 'DataLoader'"),
    "devices": (lambda: wg.cuda.Stream, "knows no other device"),
    "compilers": (lambda: wg.jit, "wengert.compile"),
    "a method": (lambda: wg.ones(2).to_sparse(), "'Tensor' object has no attribute 'to_sparse': tensors are dense"),
    "a parameter's": (lambda: nn.Parameter(wg.ones(2)).untyped_storage(), "there are no storages"),
}


@pytest.mark.parametrize("case", ASKED)
def test_a_missing_name_says_why_and_python_does_not_guess(case: str) -> None:
    ask, told = ASKED[case]
    with pytest.raises(AttributeError) as caught:
        ask()
    text = "".join(traceback.format_exception_only(caught.value))
    assert told in text
    assert "Did you mean" not in text
    assert caught.value.name in text
    assert caught.value.obj is None


def test_missing_names_are_not_there_to_those_who_look() -> None:
    absent = [name for name, value in vars(wg.Tensor).items() if isinstance(value, missing.Absent)]
    assert len(absent) > 40
    assert [name for name in absent if missing.reason(name) is None] == []
    x = wg.ones(2)
    assert [name for name in absent if hasattr(x, name) or hasattr(wg.Tensor, name) or name in dir(x)] == []
    assert not hasattr(wg, "zeroes")
    assert not hasattr(nn, "__wrapped__")


# ---------------------------------------------------------------- tools


def test_help_shows_what_functions_take() -> None:
    for function in (wg.exp, wg.frac, wg.special.i0e, wg.Tensor.exp, wg.Tensor.abs_):
        assert str(inspect.signature(function)) == "(x: 'Any') -> 'Tensor'"


def test_a_plot_of_what_requires_a_gradient_says_what_to_do() -> None:
    pyplot = pytest.importorskip("matplotlib.figure")
    axes = pyplot.Figure().subplots()
    leaf = wg.ones(3, requires_grad=True)
    for x in (leaf, leaf * 2):
        for draw in (axes.plot, lambda x: axes.scatter(x, x)):
            with pytest.raises(RuntimeError, match=r"requires a gradient.*detach"):
                draw(x)
    axes.plot(leaf.detach())


# ---------------------------------------------------------------- against PyTorch

LIKE: dict[str, Callable[[Any], Any]] = {
    "repr": lambda t: (repr(t.device("cpu")), repr(t.device("cpu:0")), repr(t.device("cpu", 0))),
    "equality": lambda t: (t.device("cpu") == t.device("cpu:0"), t.device("cpu", 0) == t.device("cpu:0")),
    "of a tensor": lambda t: repr(t.zeros(2, device="cpu:0").device),
    "get_device": lambda t: t.zeros(2).get_device(),
    "kinds": lambda t: [name for name in FAMILIES if isinstance(t.ones(2), getattr(t, name))],
    "data": lambda t: [getattr(t, name)([1, 0]).tolist() for name in FAMILIES],
    "fractions": lambda t: t.LongTensor([1.5, -2.5]).tolist(),
    "lengths": lambda t: tuple(t.IntTensor(2, 3).shape),
    "type": lambda t: t.ones(2).type().partition(".")[2],
    "type by name": lambda t: t.ones(2).type("torch.LongTensor").tolist(),
    "cuda": lambda t: (t.cuda.device_count(), t.cuda.memory_allocated(), t.cuda.get_rng_state_all()),
    "accelerator": lambda t: (t.accelerator.is_available(), t.accelerator.current_accelerator()),
    "debug mode": lambda t: (t.set_deterministic_debug_mode(0), t.get_deterministic_debug_mode()),
    "constants": lambda t: (t.pi, t.e, t.inf, t.newaxis),
    "scaler": lambda t: t.amp.GradScaler(enabled=False).state_dict(),
    "variable": lambda t: t.autograd.Variable(t.ones(2), requires_grad=True).requires_grad,
    "is_complex": lambda t: t.is_complex(t.ones(2)),
    "layout": lambda t: (t.ones(2).layout == t.strided, repr(t.ones(2).layout).partition(".")[2]),
    "made as told": lambda t: [
        made(layout=t.strided, device="cpu", pin_memory=False, requires_grad=True).requires_grad
        for make in (
            "ones", "zeros", "empty", "rand", "randn", "full", "arange", "linspace", "eye", "zeros_like", "rand_like",
        )
        for made in [lambda make=make, **options: getattr(t, make)(
            *{"full": ((2,), 1.0), "arange": (3.0,), "linspace": (0, 1, 3), "zeros_like": (t.ones(2),),
              "rand_like": (t.ones(2),)}.get(make, (2,)), **options)]
    ],
    "made like": lambda t: [
        x.tolist() for y in [t.ones(1, dtype=t.int64)]
        for x in (y.new_zeros(2, device="cpu"), y.new_ones((2,), layout=t.strided), y.new_tensor([2], device="cpu"),
                  y.new_full((2,), 3, device="cpu", pin_memory=False), y.new_empty(0, device="cpu"))
    ],
    "autocast": lambda t: (t.is_autocast_enabled(), t.GradScaler is t.amp.GradScaler),
    "attention's switches": lambda t: (t.backends.cuda.enable_flash_sdp(False), t.backends.cuda.enable_math_sdp(True)),
    "process groups": lambda t: t.distributed.is_available() and t.distributed.is_initialized(),
    "parts of nn": lambda t: [
        importlib.import_module(f"{t.__name__}.nn.parameter").Parameter is t.nn.Parameter,
        importlib.import_module(f"{t.__name__}.nn.modules").Linear is t.nn.Linear,
    ],
    "the penalty of a gradient": lambda t: [
        g.tolist() for x in [t.tensor([1.0, 2.0], requires_grad=True)]
        for g in t.autograd.grad(outputs=(x**3).sum(), inputs=x, grad_outputs=t.tensor(2.0), create_graph=True,
                                 retain_graph=True, only_inputs=True)
    ],
    "by place": lambda t: [
        g if g is None else g.tolist() for x, y in [(t.ones(1, requires_grad=True), t.ones(1, requires_grad=True))]
        for g in t.autograd.grad((x * x).sum(), [x, y], None, True, False, True, True)
    ],
    "many cotangents": lambda t: [
        g.tolist() for x, y in [(t.tensor([1.0, 2.0], requires_grad=True), t.tensor([3.0, 4.0], requires_grad=True))]
        for g in t.autograd.grad(x * y * y, (x, y), t.eye(2), is_grads_batched=True)
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", LIKE)
def test_the_same_as_pytorch(case: str) -> None:
    torch = pytest.importorskip("torch")
    assert LIKE[case](wg) == LIKE[case](torch)
