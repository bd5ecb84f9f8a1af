"""What PyTorch answers, wengert answers: values, dtypes, shapes, gradients, printed form, and the kind of error.

The programs are those of cases.py, run by PyTorch as they stand with `wg` meaning `torch`, and those of expressions.py.
What differs on purpose is listed here by name, and told to the user in .ci/guides/differences.md.
"""

from __future__ import annotations

import math
import re
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import expressions
import wengert as wg
from cases import CASES, Case

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")

DTYPES = ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")
TOLERANCE = {"float16": 5e-3, "float32": 5e-6, "float64": 1e-12}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """PyTorch warns of what it will change; that is not what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---------------------------------------------------------------- what differs on purpose

# PyTorch says RuntimeError of nearly everything; here the kind tells what is wrong: ValueError of shapes and values,
# TypeError of dtypes and types, IndexError of places, Python's own errors of arithmetic.
KINDS: dict[type[Exception], tuple[type[Exception], ...]] = {
    RuntimeError: (RuntimeError, ValueError, TypeError, IndexError, ArithmeticError),
    NotImplementedError: (RuntimeError, ValueError, TypeError, AttributeError),
    IndexError: (IndexError, ValueError),
    TypeError: (TypeError, IndexError),
    ValueError: (ValueError, TypeError),
    AttributeError: (AttributeError,),
}
NOT_RUN = {
    "alias": "a transformation of wengert.func",
    "checkpoint": "wengert's own module",
    "erfcinv": "SciPy alone has it",
    "ndtr": "PyTorch's loses the left tail",
    "polygamma": "PyTorch's trigamma function has ten digits",
    "polygamma_negative": "PyTorch's trigamma function has ten digits",
    "rnn_layer_tanh": "compared by modules, in test_recurrent_against_torch.py",
    "rnn_layer_lstm": "compared by modules, in test_recurrent_against_torch.py",
    "rnn_layer_gru": "compared by modules, in test_recurrent_against_torch.py",
    "sinc": "PyTorch's is not quite 0 at integers",
    "index_slice": "PyTorch refuses negative steps",
    "index_put_repeated": "PyTorch leaves open which of several assignments to one item counts; here it is the last",
    "logsumexp_all": "PyTorch insists on dim",
    "solve_triangular_vector": "PyTorch takes matrices alone",
    **dict.fromkeys(
        ("batch_norm_relu", "conv_relu", "follow_shape", "log_gamma_slope"), "PyTorch has no such name"
    ),
    # Values are compared in test_names.py.
    **dict.fromkeys(
        (
            "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "gammainc", "igamma", "igammac",
            "legendre_polynomial_p", "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0",
            "scaled_modified_bessel_k1", "spherical_bessel_j0", "zeta",
        ),
        "PyTorch has no derivative, or fewer digits",
    ),
    **dict.fromkeys(
        ("addbmm", "ldexp", "ldl_solve", "sum_to_size", "vander"), "PyTorch refuses some dtypes, layouts or gradients"
    ),
}  # fmt: skip
WIDER = {  # PyTorch refuses these, which have a plain meaning
    "m - 1": "PyTorch refuses a boolean less a number",
    "n.softmax(0)": "PyTorch has no softmax of integers; here they become the default float",
}
NO_GRADIENT = {  # PyTorch has none, or one of another shape
    "det_twice": "PyTorch has NaN for the derivative of a second derivative of det",
    "digamma": "PyTorch's trigamma function has ten digits",
    "hardsigmoid": "PyTorch's has a sixth in float32, and no second derivative",
    "floor_divide": "PyTorch has no derivative of floor_divide; here it is 0",
    "scatter": "PyTorch cannot differentiate by a source larger than the index",
    "scatter_add": "PyTorch cannot differentiate by a source larger than the index",
    "ctc_loss": "PyTorch's is that by scores which go through log_softmax",
    "soft_margin_loss": "PyTorch has no derivative by the target",
    "x // y": "PyTorch has no derivative of floor_divide; here it is 0",
    "x // 2": "PyTorch has no derivative of floor_divide; here it is 0",
    "7 // x": "PyTorch has no derivative of floor_divide; here it is 0",
    "torch.maximum(nan, v)": "at NaN PyTorch gives both arguments the gradient, here neither",
    "torch.linalg.slogdet(c)": "the sign is a constant here",
    "torch.linalg.pinv(c, atol=torch.tensor([0.1, 1.0]), rtol=torch.tensor(0.2))": "what is dropped counts as 0",
    "torch.linalg.pinv(c, hermitian=True)": "the gradient is symmetric here",
    "torch.norm(v, 0)": "the number of nonzero items has no derivative here, 0 in PyTorch",
}
for _p in ("fro", 1, -1, math.inf, -math.inf):
    NO_GRADIENT[f"cond_{_p}"] = "PyTorch overwrites the inverse that its own rule needs"
NO_GRADIENT |= {f"torch.linalg.cond(c, {_p})": NO_GRADIENT["cond_1"] for _p in ("1", '"fro"')}
NO_HALF = {
    "matrix_exp": "PyTorch's overflows in float16, and is NaN",
    "matrix_exp_large": "PyTorch's overflows in float16, and is NaN",
}
OF_INTEGERS = {  # PyTorch makes any number an integer of the tensor's dtype first
    "addcmul": "a fractional factor makes the result floating",
    "addmm": "a fractional factor makes the result floating",
    "clip": "a limit below 0 is one for unsigned integers too",
    "cosine_embedding_loss": "products of small integers do not wrap around",
    "interpolate_bicubic": "bytes become the default float rather than bytes again",
    "margin_ranking_loss": "differences of unsigned integers do not wrap around",
    "local_response_norm": "PyTorch rounds the squares' means",
    "masked_fill": "a fraction is refused",
    "matrix_power": "integers are refused",
    "triplet_margin_loss": "differences of unsigned integers do not wrap around",
    "trapezoid_places": "distances of unsigned integers do not wrap around",
    **dict.fromkeys(
        (
            "max_pool2d",
            "max_pool2d_dilated",
            "max_pool2d_indices",
            "max_pool2d_places",
            "avg_pool1d",
            "avg_pool2d",
            "avg_pool2d_override",
            "lp_pool1d",
            "lp_pool2d",
        ),
        "integers are refused",
    ),
}
OF_INTEGERS |= dict.fromkeys(
    ("conv1d", "conv2d", "conv2d_bias", "conv_transpose1d", "conv_transpose2d"), "integers are refused"
)
NOT_STRIDED = {
    "gradient_placed": "places that are all the same have no distances",
    "det_twice": "PyTorch has no gradient, as above",
    "kron": "PyTorch fails on transposed matrices",
    "lstsq": "PyTorch's answer for equal rows changes from run to run",
}


def kind_agrees(theirs: Exception, ours: Exception) -> bool:
    return any(isinstance(ours, KINDS[kind]) for kind in type(theirs).__mro__ if kind in KINDS)


# ---------------------------------------------------------------- comparing


def leaves(result: Any) -> list[Any]:
    """The members of nested tuples and lists."""
    if isinstance(result, (tuple, list)) and not isinstance(result, (torch.Size, wg.Size)):
        return [leaf for member in result for leaf in leaves(member)]
    return [result]


def assert_same_tensor(theirs: Any, ours: wg.Tensor, tolerance: float | None = None) -> None:
    assert isinstance(ours, wg.Tensor)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.requires_grad == theirs.requires_grad
    assert_same_values(theirs.detach().numpy(), ours.detach().numpy(), tolerance)


def assert_same_values(theirs: np.ndarray, ours: np.ndarray, tolerance: float | None = None, least: float = 0) -> None:
    """Equal up to `tolerance` relative to the largest item, or to `least` if that is larger."""
    if theirs.dtype.kind != "f":
        np.testing.assert_array_equal(ours, theirs)
        return
    if tolerance is None:
        tolerance = TOLERANCE[str(theirs.dtype)]
        least = 0.1 if theirs.dtype == np.float16 else least
    scale = float(np.abs(theirs[np.isfinite(theirs)]).max(initial=least))
    np.testing.assert_allclose(
        ours.astype(np.float64), theirs.astype(np.float64), rtol=tolerance, atol=tolerance * scale
    )


def text(result: Any) -> str:
    """What prints, without what the length of the library's name and the names of nodes do to it."""
    out = repr(result).replace("wengert.", "torch.")
    out = re.sub(r"grad_fn=<\w+>", "grad_fn=", out)
    return re.sub(r",\n +(?=dtype=|grad_fn=|requires_grad=|size=)", ", ", out)


def assert_same_print(theirs: Any) -> None:
    """The values are PyTorch's on both sides, so that a last digit rounded otherwise does not show."""
    assert text(wg.from_numpy(theirs.detach().numpy())) == text(theirs.detach())


def weighted_sum(library: Any, tensors: list[Any]) -> Any:
    total = None
    for k, x in enumerate(tensors):
        dtype = str(x.dtype).removeprefix("torch.")
        weights = np.random.default_rng(k).uniform(-1, 1, tuple(x.shape)).astype(dtype)
        part = (x * library.from_numpy(np.asarray(weights))).sum()
        total = part if total is None else total + part
    return total


def gradient(x: Any) -> np.ndarray:
    return np.zeros(tuple(x.shape)) if x.grad is None else x.grad.numpy()


def assert_same_gradients(
    theirs: list[Any], ours: list[wg.Tensor], inputs: list[tuple[Any, wg.Tensor]], tolerance: float
) -> None:
    weighted_sum(torch, theirs).backward()
    weighted_sum(wg, ours).backward()
    for their, our in inputs:
        assert_same_values(gradient(their), gradient(our).astype(gradient(their).dtype), tolerance, 1.0)


# ---------------------------------------------------------------- cases.py


class Peer:
    """PyTorch in wengert's place: arrays among the arguments become tensors, and a few names are found elsewhere."""

    def __init__(self, *modules: Any, **others: Any) -> None:
        self._modules, self._others = modules, others

    def __getattr__(self, name: str) -> Any:
        found = self._others.get(name)
        for module in self._modules:
            found = getattr(module, name, None) if found is None else found
        if isinstance(found, (types.FunctionType, types.BuiltinFunctionType)):
            return lambda *args, **named: found(*map(as_tensor, args), **{k: as_tensor(v) for k, v in named.items()})
        return found


def as_tensor(x: Any) -> Any:
    return torch.from_numpy(x) if isinstance(x, np.ndarray) else x


def index_put(x: Any, key: Any, y: Any, accumulate: bool = False) -> Any:
    out = x.clone()
    if accumulate:
        return out.index_put(key, y, accumulate=True)
    out[key] = y
    return out


F = Peer(torch.nn.functional)
PEER = Peer(
    torch, torch.nn.functional, torch.special, affine=lambda x, w, b: x @ w + b, index_put=index_put,
    from_numpy=lambda x: x, power=torch.pow, nn=Peer(functional=F, Module=torch.nn.Module), linalg=Peer(torch.linalg),
)  # fmt: skip


class NumPyOfTensors:
    """NumPy, but `eye` and `arange` give tensors of a dtype of PyTorch's."""

    eye, arange = torch.eye, torch.arange

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


NUMPY = NumPyOfTensors()


def as_pytorch(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with `wg` meaning PyTorch."""
    if function.__name__ != "<lambda>":
        home = F if "nn.functional" in function.__module__ else PEER
        return getattr(home, function.__name__)
    scope = {**function.__globals__, "wg": PEER, "F": F, "linalg": PEER.linalg}
    for name in ("_dominant", "_heads", "_hooked", "_staggered", "_symmetric"):  # the helpers of cases.py
        scope[name] = types.FunctionType(scope[name].__code__, scope)
    scope["np"] = NUMPY
    copy = types.FunctionType(function.__code__, scope, "peer", function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def converted(x: np.ndarray, dtype: str) -> np.ndarray:
    """Sample inputs as another dtype: integers around 0, booleans by sign."""
    if dtype.startswith("float"):
        return x.astype(dtype)
    if dtype == "bool":
        return x > 0
    whole = np.round(x * 3)
    return (np.abs(whole) if dtype == "uint8" else whole).astype(dtype)


def answer(call: Callable[[], Any]) -> Any:
    """What a call returns, or the error that it raises."""
    try:
        return call()
    except Exception as error:
        return error


COMPARED = [case for case in CASES if case.name not in NOT_RUN]
EACH = pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.name)


@EACH
def test_every_operation_has_pytorchs_values_and_dtypes(case: Case) -> None:
    peer = as_pytorch(case.function)
    for dtype in [dtype for dtype in DTYPES if dtype != "float16" or case.name not in NO_HALF]:
        for shapes in case.shapes:
            inputs = [converted(x, dtype) for x in case.draw(shapes)]
            theirs = answer(lambda: peer(*[torch.from_numpy(x.copy()) for x in inputs]))  # noqa: B023
            ours = answer(lambda: case.function(*[wg.from_numpy(x.copy()) for x in inputs]))  # noqa: B023
            if isinstance(theirs, Exception):  # a dtype that PyTorch has no kernel for
                assert not dtype.startswith("float") or dtype == "float16"
                assert not isinstance(ours, Exception) or kind_agrees(theirs, ours)
            elif isinstance(ours, Exception):
                if case.name not in OF_INTEGERS:
                    assert isinstance(ours, OverflowError), ours  # a number out of an integer dtype's range
                assert dtype == "uint8" or case.name in OF_INTEGERS
            elif theirs.numel() == 0 and not theirs.is_floating_point():
                assert tuple(ours.shape) == tuple(theirs.shape)  # with an item, PyTorch might have refused the dtype
            elif dtype.startswith("float") or case.name not in OF_INTEGERS:
                assert_same_tensor(theirs, ours, max(case.rtol32, 5e-6) if dtype == "float32" else None)
                assert_same_print(theirs)


@EACH
def test_every_operation_has_pytorchs_gradients(case: Case) -> None:
    if case.name in NO_GRADIENT:
        return
    peer = as_pytorch(case.function)
    for dtype in ("float64", "float32"):
        for shapes in case.shapes:
            arrays = [x.astype(dtype) for x in case.draw(shapes)]
            inputs = [(torch.from_numpy(x).requires_grad_(), wg.from_numpy(x).requires_grad_()) for x in arrays]
            theirs, ours = peer(*[their for their, _ in inputs]), case.function(*[our for _, our in inputs])
            assert ours.requires_grad == theirs.requires_grad
            if theirs.requires_grad:
                tolerance = 1e-11 if dtype == "float64" else max(case.rtol32, 5e-6) * 4
                assert_same_gradients([theirs], [ours], inputs, tolerance)


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda x: x.T.contiguous().T if x.ndim == 2 else x,
    "every second": lambda x: x.reshape(*x.shape, 1).expand(*x.shape, 2).contiguous()[..., 1],
    "broadcast": lambda x: x[:1].expand(*x.shape) if x.ndim and x.shape[0] else x,
}


@EACH
@pytest.mark.parametrize("layout", LAYOUTS)
def test_strided_and_broadcast_inputs_give_pytorchs_values_and_gradients(case: Case, layout: str) -> None:
    if case.name in NO_GRADIENT or case.name in NOT_STRIDED:
        return
    if layout == "broadcast" and case.distinct:  # where items repeat, extremes tie
        return
    peer = as_pytorch(case.function)
    for shapes in case.shapes:
        inputs = [(torch.from_numpy(x).requires_grad_(), wg.from_numpy(x).requires_grad_()) for x in case.draw(shapes)]
        theirs = peer(*[LAYOUTS[layout](their) for their, _ in inputs])
        ours = case.function(*[LAYOUTS[layout](our) for _, our in inputs])
        assert_same_tensor(theirs, ours)
        if theirs.requires_grad:
            assert_same_gradients([theirs], [ours], inputs, 1e-11)


# ---------------------------------------------------------------- expressions.py


def run(library: Any, expression: str, requires_grad: bool = False) -> tuple[Any, dict[str, Any]]:
    library.manual_seed(0)
    scope = expressions.scope(library, requires_grad)
    return eval(expression, scope), scope


@pytest.mark.parametrize(
    "expression", [pytest.param(e, id=f"{group}: {e}") for group, many in expressions.EXPRESSIONS.items() for e in many]
)
def test_an_expression_means_what_it_means_in_pytorch(expression: str) -> None:
    for requires_grad in (False, True):
        theirs, their_scope = run(torch, expression, requires_grad)
        ours, our_scope = run(wg, expression, requires_grad)
        if requires_grad and expression in NO_GRADIENT:
            continue
        assert type(theirs).__name__ == type(ours).__name__ or isinstance(theirs, (torch.dtype, tuple))
        pairs = list(zip(leaves(theirs), leaves(ours), strict=True))
        for their, our in pairs:
            if isinstance(their, torch.Tensor):
                assert_same_tensor(their, our)
                assert_same_print(their)
            elif isinstance(their, np.ndarray):
                assert our.dtype == their.dtype
                assert_same_values(their, our)
            elif isinstance(their, torch.dtype):
                assert str(our) == str(their).removeprefix("torch.")
            elif isinstance(their, float):
                assert our == pytest.approx(their, rel=1e-6)
            else:
                assert text(our) == text(their)
        if not any(isinstance(their, (float, torch.Tensor, torch.dtype, np.ndarray)) for their, _ in pairs):
            assert text(ours) == text(theirs)
        differentiable = [(t, o) for t, o in pairs if isinstance(t, torch.Tensor) and t.grad_fn is not None]
        if differentiable:
            inputs = [
                (their_scope[name], our_scope[name]) for name in ("x", "y", "p", "v", "w", "c", "z")
            ]  # fmt: skip
            assert_same_gradients(*map(list, zip(*differentiable, strict=True)), inputs, 1e-4)


NODES = (  # an expression each, whose node prints under PyTorch's name
    "x + y", "x - 1", "2 * x", "x / 2", "-x", "x ** 2", "x ** 3", "x @ y.T", "x @ v", "v @ v", "torch.dot(v, v)",
    "x.exp()", "torch.mv(x, v)", "x.log1p()", "p.log()", "x.tanh()", "x.relu()", "x.sigmoid()", "F.gelu(x)",
    "F.leaky_relu(x)", "F.elu(x)", "F.silu(x)", "F.softplus(x)", "x.clamp(0, 1)", "x.abs()", "p.sqrt()",
    "torch.where(m, x, y)", "x.erf()", "x.erfc()", "torch.erfinv(p - 1)", "x.lgamma()", "x.digamma()",
    "x.polygamma(1)", "x.sinc()", "x.i0()",
    "torch.special.entr(p)", "torch.special.erfcx(x)", "torch.special.i0e(x)", "torch.special.i1(x)",
    "torch.special.i1e(x)", "torch.special.log_ndtr(x)", "torch.special.ndtri(p)", "torch.special.xlog1py(x, p)",
    "x.sum()", "x.sum(0)", "x.sum(1, keepdim=True)", "x.mean()", "x.mean(-1)",
    "x.prod()", "x.prod(0)", "x.var()", "x.std()", "x.max()", "x.min()", "x.max(0)[0]", "x.min(1, keepdim=True)[0]",
    "x.amax(0)", "x.norm()", "torch.logsumexp(x, 0)", "x.cumsum(0)", "x.sort()[0]", "x.topk(2)[0]", "x.median(0)[0]",
    "x.kthvalue(2)[0]", "x[0]", "x[1:]", "x[:, 0]", "x[None]", "x[0, 1:]", "x[[0, 1]]", "x[x > 0]", "x[m]", "x.T",
    "x.t()", "c.mT", "x.transpose(0, 1)", "c.permute(2, 0, 1)", "x.reshape(12)", "x.view(-1)", "x.flatten()",
    "x[None].squeeze()", "v.unsqueeze(0)", "v.expand(2, 4)", "v.repeat(2)", "torch.cat([x, y])", "torch.stack([v, v])",
    "x.split(2)[0]", "x.chunk(2)[1]", "x.unbind()[0]", "x.flip(0)", "x.roll(1)", "x.gather(0, n.abs() % 3)",
    "x.index_select(0, i)", "x.masked_fill(m, 0)", "x.masked_select(m)", "x.clone()", "torch.take(x, i)", "x.tril()",
    "x.triu()", "x.trace()", "x.diagonal()", "x.softmax(0)", "F.log_softmax(x, 1)", "x.double()", "F.mse_loss(x, y)",
    "F.l1_loss(x, y)", "F.huber_loss(x, y)", "F.smooth_l1_loss(x, y)", "F.cross_entropy(x, labels)",
    "F.binary_cross_entropy(p, m.float())", "torch.lerp(x, y, 0.5)", "F.linear(x, y, w)",
    "F.binary_cross_entropy_with_logits(x, m.float())", "F.layer_norm(x, (4,))", "torch.addcmul(x, y, p)",
    "torch.addmm(x @ x.T, x, y.T)", "torch.linalg.inv(c)", "torch.linalg.cholesky(c @ c.mT)",
)  # fmt: skip


@pytest.mark.parametrize("expression", NODES)
def test_a_node_prints_under_pytorchs_name(expression: str) -> None:
    theirs, ours = run(torch, expression, True)[0], run(wg, expression, True)[0]
    assert repr(ours).split("grad_fn=")[1] == repr(theirs).split("grad_fn=")[1]


@pytest.mark.parametrize("expression", expressions.WRONG)
def test_what_pytorch_refuses_is_refused_with_an_error_of_that_kind(expression: str) -> None:
    theirs = answer(lambda: run(torch, expression))
    assert isinstance(theirs, Exception)
    ours = answer(lambda: run(wg, expression))
    if expression in WIDER:
        assert not isinstance(ours, Exception)
    else:
        assert isinstance(ours, Exception)
        assert kind_agrees(theirs, ours), (theirs, ours)
        assert len(str(ours)) > 10


# ---------------------------------------------------------------- training


def steps(library: Any, name: str, keywords: dict[str, Any], dtype: str) -> list[np.ndarray]:
    """The parameters after each of twelve updates of a small network, whose rate is halved after six."""
    rng = np.random.default_rng(3)
    shapes = [(6, 5), (6,), (2, 6), (2,)]
    parameters = [library.from_numpy(rng.normal(size=shape).astype(dtype)).requires_grad_() for shape in shapes]
    optimizer = getattr(library.optim, name)(
        [{"params": parameters[:2]}, {"params": parameters[2:], "lr": keywords["lr"] * 2}], **keywords
    )
    scheduler = library.optim.lr_scheduler.StepLR(optimizer, 6, 0.5)
    found = []
    for _ in range(12):
        x = library.from_numpy(rng.normal(size=(4, 5)).astype(dtype))
        optimizer.zero_grad()
        hidden = (x @ parameters[0].T + parameters[1]).tanh()
        (hidden @ parameters[2].T + parameters[3]).square().mean().backward()
        optimizer.step()
        scheduler.step()
        found.extend(p.detach().numpy().copy() for p in parameters)
    return found


OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.01, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01, "maximize": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
]


@pytest.mark.parametrize(("name", "keywords"), OPTIMIZERS, ids=str)
def test_an_optimizer_walks_pytorchs_path(name: str, keywords: dict[str, Any]) -> None:
    for dtype, tolerance in (("float64", 1e-11), ("float32", 1e-4)):
        for theirs, ours in zip(
            steps(torch, name, keywords, dtype), steps(wg, name, keywords, dtype), strict=True
        ):  # fmt: skip
            assert_same_values(theirs, ours, tolerance)


def test_weights_travel_both_ways_under_the_same_names() -> None:
    def network(library: Any) -> Any:
        nn = library.nn
        return nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.LayerNorm(8), nn.PReLU(), nn.Dropout(0.5), nn.Linear(8, 3)
        )

    theirs, ours = network(torch), network(wg)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({name: wg.from_dlpack(x) for name, x in theirs.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    for mode in (False, True):
        theirs.train(mode), ours.train(mode)
        theirs[5].p = ours[5].p = 0.0
        assert_same_tensor(theirs(torch.from_numpy(x)), ours(wg.from_numpy(x)))
    theirs.load_state_dict({name: torch.from_dlpack(x) for name, x in ours.state_dict().items()})
    assert_same_tensor(theirs.eval()(torch.from_numpy(x)), ours.eval()(wg.from_numpy(x)))


def test_the_default_dtype_decides_what_numbers_become_as_in_pytorch() -> None:
    try:
        for library in (torch, wg):
            library.set_default_dtype(library.float64)
        for expression in ("torch.tensor([1.0])", "torch.zeros(2)", "n / 2", "torch.tensor(math.pi)", "torch.rand(0)"):
            theirs, ours = run(torch, expression)[0], run(wg, expression)[0]
            assert_same_tensor(theirs, ours)
            assert text(ours) == text(theirs)
    finally:
        for library in (torch, wg):
            library.set_default_dtype(library.float32)


@pytest.mark.parametrize(
    "options",
    [{"precision": 2}, {"sci_mode": True}, {"sci_mode": False}, {"linewidth": 40}, {"threshold": 5, "edgeitems": 1},
     {"profile": "short"}, {"profile": "full"}],
    ids=str,
)  # fmt: skip
def test_print_options_do_what_they_do_in_pytorch(options: dict[str, Any]) -> None:
    arrays = [np.linspace(-3, 1e4, 30), np.arange(12).reshape(3, 4), np.float64(math.pi), np.array([1e-9, 1.0])]
    try:
        for library in (torch, wg):
            library.set_printoptions(**options)
        for array in arrays:
            for dtype in (np.float32, np.int64):
                x = np.asarray(array).astype(dtype)
                assert text(wg.from_numpy(x)) == text(torch.from_numpy(x))
    finally:
        for library in (torch, wg):
            library.set_printoptions(profile="default")


SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5, 5], "gamma": 0.1}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.01}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 13}),
    ("OneCycleLR", {"max_lr": [1.0, 0.5], "epochs": 3, "steps_per_epoch": 5, "anneal_strategy": "linear"}),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 13, "three_phase": True}),
    ("ReduceLROnPlateau", {"patience": 1, "factor": 0.5, "cooldown": 1}),
    ("ReduceLROnPlateau", {"mode": "max", "patience": 0, "threshold": 0.1, "threshold_mode": "abs", "min_lr": 0.02}),
]


def rates(library: Any, name: str, keywords: dict[str, Any]) -> list[list[float]]:
    """The rates and momenta of two groups of parameters, after each of twelve steps."""
    first, second = library.ones(2, requires_grad=True), library.ones(1, requires_grad=True)
    groups = [{"params": [first]}, {"params": [second], "lr": 0.3}]
    optimizer = library.optim.SGD(groups, lr=0.1, momentum=0.9)
    scheduler = getattr(library.optim.lr_scheduler, name)(optimizer, **keywords)
    found = []
    for loss in (3.0, 2.0, 2.0, 2.5, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.5, 4.0):
        optimizer.step()
        scheduler.step(loss) if name == "ReduceLROnPlateau" else scheduler.step()
        found.append([group[key] for group in optimizer.param_groups for key in ("lr", "momentum")])
    return found


@pytest.mark.parametrize(("name", "keywords"), SCHEDULES, ids=str)
def test_a_schedule_gives_pytorchs_rates(name: str, keywords: dict[str, Any]) -> None:
    np.testing.assert_allclose(rates(wg, name, keywords), rates(torch, name, keywords), rtol=1e-12)


def test_clipping_gives_pytorchs_gradients_and_norms() -> None:
    for name, argument in (("clip_grad_norm_", 0.5), ("clip_grad_norm_", 1e3), ("clip_grad_value_", 0.3)):
        found = []
        for library in (torch, wg):
            x = library.from_numpy(np.linspace(-2, 2, 12).reshape(3, 4)).requires_grad_()
            (x * x).sum().backward()
            norm = getattr(library.nn.utils, name)([x], argument)
            found.append([x.grad.numpy(), np.asarray(0.0 if norm is None else norm)])
        for their, our in zip(*found, strict=True):
            np.testing.assert_allclose(our, their, rtol=1e-12)
