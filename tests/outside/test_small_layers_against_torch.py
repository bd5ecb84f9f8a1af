"""The small parts of `nn` against PyTorch in float64: values, two derivatives, printed form, errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")

TF, WF = torch.nn.functional, wg.nn.functional
Function = Callable[..., Any]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """PyTorch warns of reductions that broadcast, and of what it will change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        yield


# ---------------------------------------------------------------- comparing


def close(theirs: Any, ours: Any, tolerance: float, what: str) -> None:
    a, b = theirs.detach().numpy(force=True), ours.detach().numpy()  # PyTorch has zeros without memory
    assert a.shape == b.shape, (what, a.shape, b.shape)
    assert a.dtype == b.dtype, (what, a.dtype, b.dtype)
    scale = float(np.abs(a[np.isfinite(a)]).max(initial=1.0))
    np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def derivatives(library: Any, out: Any, xs: list[Any], weights: list[np.ndarray], order: int) -> list[Any]:
    """The result, its gradient for random cotangents, the gradient of that again."""
    found = [out]
    for n in range(order):
        g = library.from_numpy(np.random.default_rng(n).normal(size=tuple(out.shape)).astype(weights[0].dtype))
        total = (out * g).sum()
        if not total.requires_grad:  # of what is linear, which PyTorch follows further
            found += [library.zeros_like(x) for x in xs]
            break
        grads = library.autograd.grad(total, xs, create_graph=n + 1 < order, allow_unused=True)
        grads = [
            library.zeros_like(x) if grad is None else grad for x, grad in zip(xs, grads, strict=True)
        ]  # fmt: skip
        found += grads
        out = sum((grad * library.from_numpy(w)).sum() for grad, w in zip(grads, weights, strict=True))
    return found


def agree(
    theirs: Function, ours: Function, *arrays: np.ndarray, order: int = 2, tolerance: float = 1e-10, what: str = ""
) -> None:
    """Both functions, of tensors over `arrays`, have one value and, where arrays are floating, the same derivatives."""
    arrays = tuple(map(np.asarray, arrays))
    floating = [x for x in arrays if x.dtype.kind == "f"]
    weights = [np.random.default_rng(7 + k).normal(size=x.shape).astype(x.dtype) for k, x in enumerate(floating)]
    found = []
    for library, function in ((torch, theirs), (wg, ours)):
        tensors = [library.from_numpy(x.copy()) for x in arrays]
        xs = [t.requires_grad_() for t, x in zip(tensors, arrays, strict=True) if x.dtype.kind == "f"]
        found.append(derivatives(library, function(*tensors), xs, weights, order))
    assert len(found[0]) == len(found[1]), what
    for k, (a, b) in enumerate(zip(*found, strict=True)):
        close(a, b, tolerance, f"{what}: number {k}")


def refused(*calls: Function) -> None:
    """PyTorch and wengert both raise."""
    for call in calls:
        with pytest.raises((ValueError, TypeError, RuntimeError, IndexError, ZeroDivisionError, AssertionError)):
            call()


def rng_of(*key: Any) -> np.random.Generator:
    return np.random.default_rng([len(str(key)), *str(key).encode()])


# ---------------------------------------------------------------- activations

ACTIVATIONS: dict[str, list[tuple[Any, ...]]] = {
    "relu6": [()], "selu": [()], "celu": [(), (0.5,), (-2.0,)], "mish": [()], "hardtanh": [(), (-0.5, 2.0), (0, 0)],
    "hardswish": [()], "hardsigmoid": [()], "hardshrink": [(), (1.5,), (0.0,)], "softshrink": [(), (1.5,), (0.0,)],
    "tanhshrink": [()], "softsign": [()], "softmin": [(0,), (-1,)], "logsigmoid": [()], "glu": [(0,), (-1,)],
    "threshold": [(0.5, 2.0), (-1, -5)], "rrelu": [(), (0.25, 0.5)], "elu": [(), (0.5,)], "silu": [()],
    "gelu": [(), ("tanh",)], "leaky_relu": [(), (0.3,)], "softplus": [(), (2.0, 1.0)],
}  # fmt: skip
KINKS = np.array([-3.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 6.0])
NO_KINKS = ("softmin", "glu")


def options(name: str) -> dict[str, Any]:
    """PyTorch has no second derivative of hardsigmoid, and in the first a sixth in float32."""
    return {"order": 1, "tolerance": 1e-7} if name.lower().startswith("hardsigmoid") else {}


def call(function: Function, arguments: tuple[Any, ...]) -> Function:
    if arguments == ("tanh",):
        return lambda x: function(x, approximate="tanh")
    return lambda x: function(x, *arguments)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    for arguments in ACTIVATIONS[name]:
        theirs, ours = call(getattr(TF, name), arguments), call(getattr(WF, name), arguments)
        for shape in ((4, 6), (2, 3, 8), (40,), (2, 0)):
            x = rng_of(name, shape).normal(size=shape) * 3
            agree(theirs, ours, x, what=f"{name}{arguments} of {shape}", **options(name))
        if name not in NO_KINKS:
            agree(theirs, ours, KINKS, what=f"{name}{arguments} at its kinks", **{**options(name), "order": 1})
            far = np.array([50.0, -50, 700, -700, 1e-300, -1e-300])
            agree(theirs, ours, far, what=f"{name}{arguments} far out", **{**options(name), "order": 1})
        agree(theirs, ours, rng_of(name).normal(size=(4, 6)).astype("f"), order=1, tolerance=2e-6, what=name)


@pytest.mark.parametrize("name", [n for n in ACTIVATIONS if n not in ("gelu", "softsign", *NO_KINKS)])
def test_activations_of_nan_and_infinity(name: str) -> None:
    for arguments in ACTIVATIONS[name]:
        x = np.array([np.nan, np.inf, -np.inf, 1.0])
        theirs = call(getattr(TF, name), arguments)(torch.from_numpy(x))
        ours = call(getattr(WF, name), arguments)(wg.from_numpy(x))
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=f"{name}{arguments}")


INPLACE = [
    "relu6", "selu", "celu", "mish", "hardtanh", "hardswish", "hardsigmoid", "elu", "silu", "leaky_relu", "rrelu",
]  # fmt: skip


@pytest.mark.parametrize("name", INPLACE)
def test_activations_in_place(name: str) -> None:
    x = rng_of(name).normal(size=(3, 5)) * 3
    agree(
        lambda t: getattr(TF, name)(t * 1.5, inplace=True), lambda t: getattr(WF, name)(t * 1.5, inplace=True), x,
        what=name, **{"order": 1, **options(name)},
    )  # fmt: skip
    y = wg.from_numpy(x.copy())
    assert getattr(WF, name)(y, inplace=True) is y


@pytest.mark.parametrize("name", [*ACTIVATIONS, "hardswish"])
def test_activations_of_float16(name: str) -> None:
    x = rng_of(name).normal(size=(4, 6)).astype(np.float16)
    arguments = ACTIVATIONS[name][0]
    theirs = call(getattr(TF, name), arguments)(torch.from_numpy(x.astype("f")))
    ours = call(getattr(WF, name), arguments)(wg.from_numpy(x))
    assert ours.dtype == wg.float16
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy().astype(np.float16))


def test_random_slopes() -> None:
    x = wg.randn(1000, requires_grad=True)
    y = WF.rrelu(x, 0.25, 0.75, training=True)
    (slopes,) = wg.autograd.grad(y.sum(), x)
    below = x.detach().numpy() <= 0
    found = slopes.numpy()
    np.testing.assert_array_equal(found[~below], 1)
    assert 0.25 <= found[below].min() < 0.3
    assert 0.7 < found[below].max() <= 0.75
    np.testing.assert_allclose(y.detach().numpy(), found * x.detach().numpy())
    layer = wg.nn.RReLU()
    assert not wg.equal(layer(x), layer(x))
    assert wg.equal(layer.eval()(x), layer(x))


def test_gumbel_softmax_draws_each_class_as_often_as_softmax_says() -> None:
    wg.manual_seed(0)
    logits = wg.tensor([0.0, 1.0, 2.0])
    drawn = WF.gumbel_softmax(logits.expand(20000, 3), tau=0.7, hard=True)
    assert set(np.unique(drawn.numpy())) <= {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(0).numpy(), wg.softmax(logits, 0).numpy(), atol=0.015)
    x = wg.randn(4, 5, requires_grad=True)
    wg.manual_seed(3)
    soft = WF.gumbel_softmax(x, tau=2, dim=0)
    wg.manual_seed(3)
    hard = WF.gumbel_softmax(x, tau=2, hard=True, dim=0)
    np.testing.assert_array_equal(hard.detach().argmax(0).numpy(), soft.detach().argmax(0).numpy())
    np.testing.assert_allclose(soft.detach().sum(0).numpy(), 1, rtol=1e-6)
    g = wg.randn(4, 5)
    one, other = (wg.autograd.grad((y * g).sum(), x)[0].numpy() for y in (soft, hard))
    np.testing.assert_allclose(one, other, rtol=1e-5)


# ---------------------------------------------------------------- modules

MODULES: list[str] = [
    "ReLU6()", "ReLU6(inplace=True)", "SELU()", "SELU(inplace=True)", "CELU()", "CELU(0.5, inplace=True)", "Mish()",
    "Mish(inplace=True)", "Hardtanh()", "Hardtanh(-2, 0.5, inplace=True)", "Hardswish()", "Hardswish(inplace=True)",
    "Hardsigmoid()", "Hardsigmoid(inplace=True)", "Hardshrink()", "Hardshrink(1.5)", "Softshrink()", "Softshrink(2)",
    "Tanhshrink()", "Softsign()", "Softmin(dim=1)", "Softmin(-1)", "LogSigmoid()", "GLU()", "GLU(0)",
    "Threshold(0.5, 2)", "Threshold(0.5, 2, inplace=True)", "RReLU().eval()", "RReLU(0.25, 0.5, inplace=True).eval()",
    "PReLU()", "PReLU(3)", "PReLU(init=0.5)", "ELU()", "SiLU()", "GELU()", "LeakyReLU()", "Softplus()",
]  # fmt: skip


@pytest.mark.parametrize("source", MODULES)
def test_modules_of_activations(source: str) -> None:
    theirs, ours = eval(f"torch.nn.{source}").double(), eval(f"wg.nn.{source}").double()
    assert repr(ours) == repr(theirs)
    x = rng_of(source).normal(size=(4, 3, 6)) * 2
    agree(lambda x: theirs(x * 1), lambda x: ours(x * 1), x, what=source, **options(source))


def test_softmax2d() -> None:
    for shape in ((2, 3, 4, 5), (3, 4, 5)):
        x = rng_of(shape).normal(size=shape)
        agree(torch.nn.Softmax2d(), wg.nn.Softmax2d(), x, what=str(shape))
    assert repr(wg.nn.Softmax2d()) == repr(torch.nn.Softmax2d())
    refused(lambda: torch.nn.Softmax2d()(torch.zeros(3, 4)), lambda: wg.nn.Softmax2d()(wg.zeros(3, 4)))


BOTH = pytest.mark.parametrize("library", [torch, wg], ids=["torch", "wengert"])


@BOTH
def test_bad_arguments_of_activations(library: Any) -> None:
    F, x = library.nn.functional, library.randn(3, 5)
    refused(
        lambda: F.hardtanh(x, 2.0, 1.0), lambda: F.softshrink(x, -1.0), lambda: F.glu(x), lambda: F.glu(x, 5),
        lambda: F.celu(x, 0.0), lambda: F.rrelu(x, 0.5, 0.25, True), lambda: F.glu(library.tensor(1.0)),
        lambda: library.nn.Hardtanh(1.0, 1.0), lambda: F.hardtanh(x > 0),
    )  # fmt: skip


# ---------------------------------------------------------------- losses

REDUCTIONS = pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
ROUNDS = range(8)
ARRAYS = (np.ndarray, np.generic)


def signs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.choice([-1.0, 1.0], shape)


def shaped(rng: np.random.Generator, least: int = 1, most: int = 3) -> tuple[int, ...]:
    return tuple(rng.integers(1, 6, rng.integers(least, most + 1)).tolist())


def compared(name: str, constants: tuple[Any, ...] = (), **options: Any) -> tuple[Function, Function]:
    """The two functions of a name, with arrays that are constants behind the tensors."""

    def function(library: Any) -> Function:
        f = getattr(library.nn.functional, name)

        def called(*tensors: Any) -> Any:
            fixed = [library.from_numpy(np.array(c)) if isinstance(c, ARRAYS) else c for c in constants]
            there = {k: library.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
            return f(*tensors, *fixed, **there)

        return called

    return function(torch), function(wg)


def agree_on(
    name: str, arrays: list[np.ndarray], *constants: Any, tolerance: float = 1e-10, order: int = 2, **options: Any
) -> None:
    what = f"{name} of {[np.shape(x) for x in arrays]}, {constants}, {options}"
    order = 1 if name in ("multi_margin_loss", "multilabel_margin_loss") else order  # PyTorch has no second derivative
    agree(*compared(name, constants, **options), *arrays, what=what, tolerance=tolerance, order=order)


@REDUCTIONS
@pytest.mark.parametrize("round", ROUNDS)
def test_losses_of_margins(round: int, reduction: str) -> None:
    rng = rng_of("margins", round, reduction)
    shape, margin = shaped(rng), float(rng.uniform(-1, 2))
    x, y = rng.normal(size=(2, *shape))
    agree_on("margin_ranking_loss", [x, y], signs(rng, shape), margin, reduction=reduction)
    agree_on("hinge_embedding_loss", [x], signs(rng, shape), margin, reduction=reduction)
    agree_on("hinge_embedding_loss", [x], np.zeros(shape), margin, reduction=reduction)
    agree_on("soft_margin_loss", [x], signs(rng, shape), reduction=reduction)
    agree_on("multilabel_soft_margin_loss", [x], rng.random(shape), reduction=reduction)
    agree_on("multilabel_soft_margin_loss", [x], rng.random(shape), weight=rng.random(shape[-1]), reduction=reduction)
    n, d = rng.integers(1, 6, 2)
    for pair in ((n, d), (d,)):
        a, p, n_ = rng.normal(size=(3, *pair))
        agree_on("cosine_embedding_loss", [a, p], signs(rng, pair[:-1]), margin, reduction=reduction)
        for norm in (1.0, 2.0, 3.0):
            options = {"margin": abs(margin) + 0.1, "p": norm, "swap": bool(round % 2), "reduction": reduction}
            agree_on("triplet_margin_loss", [a, p, n_], **options, tolerance=1e-8)
        del options["p"]
        agree_on("triplet_margin_with_distance_loss", [a, p, n_], **options, tolerance=1e-8)


@REDUCTIONS
@pytest.mark.parametrize("round", ROUNDS)
def test_losses_of_labels(round: int, reduction: str) -> None:
    rng = rng_of("labels", round, reduction)
    n, classes = rng.integers(1, 6, 2)
    x, labels = rng.normal(size=(n, classes)), rng.integers(0, classes, n)
    for p in (1, 2):
        options = {"p": p, "margin": float(rng.uniform(0.1, 2)), "reduction": reduction}
        agree_on("multi_margin_loss", [x], labels, **options)
        agree_on("multi_margin_loss", [x], labels, weight=rng.random(classes), **options)
        agree_on("multi_margin_loss", [x[0]], labels[0], **options)
        agree_on("multi_margin_loss", [x[0]], labels[:1], **options)
    many = np.stack([rng.permutation(classes) for _ in range(n)])
    many[rng.random(many.shape) < 0.3] = -1
    agree_on("multilabel_margin_loss", [x], many, reduction=reduction)
    agree_on("multilabel_margin_loss", [x[0]], many[0], reduction=reduction)


@REDUCTIONS
@pytest.mark.parametrize("round", ROUNDS)
def test_losses_of_likelihoods(round: int, reduction: str) -> None:
    rng = rng_of("likelihoods", round, reduction)
    shape = shaped(rng)
    x, y = rng.normal(size=(2, *shape))
    full = bool(round % 2)
    for of_var in (shape, (*shape[:-1], 1), shape[:-1]):
        var = rng.uniform(-0.2, 2, of_var).clip(0)
        if of_var == () and len(shape) > 1:
            continue
        agree_on("gaussian_nll_loss", [x, y, var], full, 1e-3, reduction=reduction)
    counts = rng.poisson(2.0, shape).astype(float)
    agree_on("poisson_nll_loss", [x], counts, True, full, reduction=reduction)
    agree_on("poisson_nll_loss", [np.abs(x) + 0.1], counts, False, full, eps=1e-6, reduction=reduction)


@REDUCTIONS
def test_losses_there_were_before(reduction: str) -> None:
    rng = rng_of("before", reduction)
    x, y = rng.normal(size=(2, 4, 5))
    for name in ("huber_loss", "smooth_l1_loss", "l1_loss", "mse_loss"):
        agree_on(name, [x, y], reduction=reduction)
    agree_on("kl_div", [x], rng.random((4, 5)), reduction=reduction)
    agree_on("cosine_similarity", [x, y])
    agree_on("cosine_similarity", [x, y], 0, 1e-3)
    for p in (1.0, 2.0, 3.0):
        agree_on("pairwise_distance", [x, y], p, 1e-4, bool(p > 1), tolerance=1e-8)
    agree_on("normalize", [x], 3.0, 0)


MODULES_OF_LOSSES = [
    "MarginRankingLoss(0.5)", "HingeEmbeddingLoss(0.5)", "CosineEmbeddingLoss(0.1)", "TripletMarginLoss(0.5, 1.0)",
    "TripletMarginLoss(swap=True, reduction='sum')", "TripletMarginWithDistanceLoss(margin=2.0)", "MultiMarginLoss(2)",
    "MultiMarginLoss(1, 0.5, reduction='none')", "MultiLabelMarginLoss()", "MultiLabelSoftMarginLoss()",
    "SoftMarginLoss()", "GaussianNLLLoss(full=True)", "PoissonNLLLoss(False, True)", "PoissonNLLLoss(reduction='none')",
    "CosineSimilarity(1)", "CosineSimilarity()", "PairwiseDistance(1.0, keepdim=True)", "PairwiseDistance()",
    "HuberLoss()", "KLDivLoss()", "SmoothL1Loss()",
]  # fmt: skip


@pytest.mark.parametrize("source", MODULES_OF_LOSSES)
def test_modules_of_losses(source: str) -> None:
    theirs, ours = eval(f"torch.nn.{source}"), eval(f"wg.nn.{source}")
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    rng = rng_of(source)
    x, y, z = rng.normal(size=(3, 4, 5))
    name = source.partition("(")[0]
    constants: dict[str, tuple[np.ndarray, ...]] = {
        "MarginRankingLoss": (y, signs(rng, (4, 5))), "CosineEmbeddingLoss": (y, signs(rng, (4,))),
        "MultiMarginLoss": (rng.integers(0, 5, 4),), "MultiLabelMarginLoss": (rng.integers(-1, 5, (4, 5)),),
        "GaussianNLLLoss": (y, z * z), "HingeEmbeddingLoss": (signs(rng, (4, 5)),),
        "SoftMarginLoss": (signs(rng, (4, 5)),), "TripletMarginLoss": (y, z), "TripletMarginWithDistanceLoss": (y, z),
        "MultiLabelSoftMarginLoss": (rng.random((4, 5)),), "KLDivLoss": (rng.random((4, 5)),),
        "PoissonNLLLoss": (rng.poisson(2.0, (4, 5)).astype(float),),
    }  # fmt: skip
    fixed = constants.get(name, (y,))
    x = np.abs(x) + 0.1
    agree(
        lambda t: theirs(t, *map(torch.from_numpy, fixed)), lambda t: ours(t, *map(wg.from_numpy, fixed)), x,
        what=source, tolerance=1e-8, order=1 if name in ("MultiMarginLoss", "MultiLabelMarginLoss") else 2,
    )  # fmt: skip


def test_names_of_nodes_of_losses() -> None:
    x, y = rng_of("nodes").normal(size=(2, 4, 5))
    labels = np.array([0, 1, 2, 3])
    for name, constants in {
        "multi_margin_loss": (labels,), "multilabel_margin_loss": (np.zeros((4, 5), np.int64),),
        "soft_margin_loss": (y,), "poisson_nll_loss": (y,), "margin_ranking_loss": (y, y),
        "hinge_embedding_loss": (y,), "multilabel_soft_margin_loss": (y,), "gaussian_nll_loss": (y, y * y),
        "triplet_margin_loss": (y, y), "mse_loss": (y,),
    }.items():  # fmt: skip
        theirs, ours = compared(name, constants)
        a = theirs(torch.from_numpy(x).requires_grad_()).grad_fn.name()
        assert f"grad_fn=<{a}>" in repr(ours(wg.from_numpy(x).requires_grad_())), name


@BOTH
def test_bad_arguments_of_losses(library: Any) -> None:
    F, x, n = library.nn.functional, library.randn(3, 5), library.tensor([0, 1, 2])
    refused(
        lambda: F.margin_ranking_loss(x, x, x[0]), lambda: F.cosine_embedding_loss(x, x, x),
        lambda: F.triplet_margin_loss(x, x, x, margin=-1.0), lambda: F.triplet_margin_loss(x, x, x[0]),
        lambda: F.multi_margin_loss(x, n, p=3), lambda: F.multi_margin_loss(x, n[:2]),
        lambda: F.multi_margin_loss(x, n + 3), lambda: F.multilabel_margin_loss(x, n),
        lambda: F.multilabel_margin_loss(x[:1], library.tensor([[0, 7, -1, 0, 0]])),
        lambda: F.multi_margin_loss(x, n, weight=library.ones(3)),
        lambda: F.gaussian_nll_loss(x, x, -library.ones(3, 5)), lambda: F.gaussian_nll_loss(x, x, library.ones(4)),
        lambda: library.nn.MultiMarginLoss(p=3),
        lambda: library.nn.TripletMarginLoss(-1.0), lambda: F.soft_margin_loss(x, x, reduction="average"),
    )  # fmt: skip


# ---------------------------------------------------------------- padding

PADS = ["ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad"]


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("kind", PADS)
def test_padding_layers(kind: str, dims: int, round: int) -> None:
    rng = rng_of(kind, dims, round)
    pads = tuple(rng.integers(0, 3, 2 * dims).tolist()) if round else 2
    arguments = (pads, 1.5) if kind == "ConstantPad" else (pads,)
    theirs, ours = (getattr(library.nn, f"{kind}{dims}d")(*arguments) for library in (torch, wg))
    assert repr(ours) == repr(theirs)
    shape = (*rng.integers(1, 3, 2).tolist(), *rng.integers(3, 7, dims).tolist())
    agree(theirs, ours, rng.normal(size=shape[round % 2 :]), what=f"{ours} of {shape}")


@pytest.mark.parametrize("round", ROUNDS)
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pad(mode: str, round: int) -> None:
    rng = rng_of("pad", mode, round)
    dims = int(rng.integers(1, 4))
    shape = (2, 1, *rng.integers(4, 7, dims).tolist())
    pads = tuple(rng.integers(0 if mode == "circular" else -1, 4, 2 * dims).tolist())
    agree(lambda x: TF.pad(x, pads, mode), lambda x: WF.pad(x, pads, mode), rng.normal(size=shape), what=f"{pads}")


@BOTH
def test_bad_padding(library: Any) -> None:
    x = library.randn(1, 2, 3)
    refused(
        lambda: library.nn.ReflectionPad1d(3)(x), lambda: library.nn.CircularPad1d(4)(x),
        lambda: library.nn.ReflectionPad2d(1)(x[0]), lambda: library.nn.functional.pad(x, (1, 1), "mirror"),
        lambda: library.nn.functional.pad(x, (-2, -2)), lambda: library.nn.functional.pad(x, (1, 2, 3)),
        lambda: library.nn.CircularPad1d(1)(x[0, 0]),
    )  # fmt: skip


# ---------------------------------------------------------------- images of another size

MODES = {
    1: ["nearest", "nearest-exact", "linear", "area"],
    2: ["nearest", "nearest-exact", "bilinear", "bicubic", "area"],
    3: ["nearest", "nearest-exact", "trilinear", "area"],
}


@pytest.mark.parametrize("round", range(12))
@pytest.mark.parametrize(("dims", "mode"), [(dims, mode) for dims, modes in MODES.items() for mode in modes])
def test_interpolate(dims: int, mode: str, round: int) -> None:
    rng = rng_of("interpolate", dims, mode, round)
    shape = (2, 3, *rng.integers(1, 8, dims).tolist())
    x = rng.normal(size=shape)
    options: dict[str, Any] = {"mode": mode}
    if mode in ("linear", "bilinear", "trilinear", "bicubic") and round % 3:
        options["align_corners"] = bool(round % 2)
    if round < 4:
        options["size"] = tuple(rng.integers(1, 12, dims).tolist())
    elif round < 7:
        options["scale_factor"] = float(rng.integers(1, 4))
    else:
        # Where sizes agree or double in spite of another factor, PyTorch's kernels do not agree with each other.
        factors = rng.uniform(1, 3, (50, dims))
        sizes = np.floor(factors * shape[2:])
        plain = ((sizes == shape[2:]) | (sizes == 2 * np.array(shape[2:]))).any(1)
        if plain.all():
            return
        options["scale_factor"] = tuple(factors[~plain][0].tolist())
        options["recompute_scale_factor"] = [None, True, False][round % 3]
    agree(
        lambda x: TF.interpolate(x, **options), lambda x: WF.interpolate(x, **options), x, what=f"{options} of {shape}"
    )


def test_interpolate_is_exact_where_sizes_agree_or_double() -> None:
    x = rng_of("doubled").normal(size=(2, 3, 5, 4)).astype(np.float32)
    for options in ({"size": (5, 4)}, {"size": (10, 8)}, {"scale_factor": 3}, {"size": (7, 9)}):
        for mode in ("nearest", "nearest-exact"):
            theirs = TF.interpolate(torch.from_numpy(x), mode=mode, **options)
            ours = WF.interpolate(wg.from_numpy(x), mode=mode, **options)
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "area"])
def test_what_is_not_finite_stays_near(mode: str) -> None:
    x = rng_of("finite", mode).normal(size=(1, 1, 8, 9))
    plain = WF.interpolate(wg.from_numpy(x), size=(11, 13), mode=mode).numpy()
    for bad in (math.nan, math.inf, -math.inf):
        x[0, 0, 2, 3] = bad
        found = WF.interpolate(wg.from_numpy(x), size=(11, 13), mode=mode).numpy()
        near = ~np.isfinite(found)
        assert 0 < near.sum() < 0.4 * near.size
        np.testing.assert_allclose(found[~near], plain[~near], rtol=1e-12)
        y = wg.from_numpy(x).requires_grad_()
        g = wg.ones(1, 1, 11, 13, dtype=wg.float64)
        g[0, 0, 5, 5] = bad
        WF.interpolate(y, size=(11, 13), mode=mode).backward(g)
        assert 0 < (~np.isfinite(y.grad.numpy())).sum() <= 16


UPSAMPLINGS = [
    "Upsample(scale_factor=2)", "Upsample(size=7)", "Upsample((5, 6), mode='bilinear')",
    "Upsample(scale_factor=(2, 1.5), mode='bicubic', align_corners=True)", "UpsamplingNearest2d(scale_factor=3)",
    "UpsamplingBilinear2d((4, 9))", "UpsamplingBilinear2d(scale_factor=2)", "PixelShuffle(2)", "PixelUnshuffle(2)",
    "ChannelShuffle(2)", "Unfold(2)", "Unfold((2, 3), dilation=(2, 1), padding=1, stride=(1, 2))",
]  # fmt: skip


@pytest.mark.parametrize("source", UPSAMPLINGS)
def test_modules_of_sampling(source: str) -> None:
    theirs, ours = eval(f"torch.nn.{source}"), eval(f"wg.nn.{source}")
    assert repr(ours) == repr(theirs)
    agree(theirs, ours, rng_of(source).normal(size=(2, 4, 4, 6)), what=source)


@pytest.mark.parametrize("round", range(16))
def test_fold_and_unfold(round: int) -> None:
    rng = rng_of("fold", round)

    def pair(low: int, high: int) -> tuple[int, int]:
        return int(rng.integers(low, high)), int(rng.integers(low, high))

    kernel, dilation, padding, stride = pair(1, 4), pair(1, 3), pair(0, 3), pair(1, 4)
    image = (int(rng.integers(6, 9)), int(rng.integers(6, 9)))
    x = rng.normal(size=(2, 3, *image))[round % 2]
    options = {"dilation": dilation, "padding": padding, "stride": stride}
    agree_on("unfold", [x], kernel, **options)
    columns = TF.unfold(torch.from_numpy(x), kernel, **options).shape
    agree_on("fold", [rng.normal(size=tuple(columns))], image, kernel, **options)
    layers = [library.nn.Fold(image, kernel, **options) for library in (torch, wg)]
    assert repr(layers[0]) == repr(layers[1])


@BOTH
def test_bad_sampling(library: Any) -> None:
    F, x = library.nn.functional, library.randn(1, 6, 4, 5)
    refused(
        lambda: F.interpolate(x), lambda: F.interpolate(x, 3, 2.0), lambda: F.interpolate(x, 3, mode="linear"),
        lambda: F.interpolate(x, 3, mode="cubic"), lambda: F.interpolate(x, (3, 4, 5)), lambda: F.interpolate(x, 0),
        lambda: F.interpolate(x, 3, align_corners=True), lambda: F.interpolate(x[0, 0], 3),
        lambda: F.interpolate(x, scale_factor=0.1), lambda: F.pixel_shuffle(x, 2), lambda: F.pixel_unshuffle(x, 2),
        lambda: library.nn.ChannelShuffle(4)(x), lambda: F.pixel_shuffle(x[0, 0], 2), lambda: F.unfold(x, 7),
        lambda: F.unfold(x[0, 0], 2), lambda: F.fold(x[0, 0], 3, 2), lambda: F.fold(library.randn(1, 4, 5), 3, 2),
        lambda: F.unfold(x, 2, stride=0), lambda: F.unfold(x, 2, dilation=0), lambda: F.fold(x, 3, 2),
    )  # fmt: skip


# ---------------------------------------------------------------- dropout


@pytest.mark.parametrize("name", ["Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout"])
def test_dropout_layers(name: str) -> None:
    theirs, ours = getattr(torch.nn, name)(0.3), getattr(wg.nn, name)(0.3)
    assert repr(ours) == repr(theirs)
    assert repr(getattr(wg.nn, name)(0.2, True)) == repr(getattr(torch.nn, name)(0.2, True))
    shape = {"Dropout2d": (50, 40, 3, 4), "Dropout1d": (50, 40, 12)}.get(name, (50, 40, 12))
    wg.manual_seed(0)
    torch.manual_seed(0)
    x = rng_of(name).normal(size=shape)
    y = wg.from_numpy(x).requires_grad_()
    found, z = theirs(torch.from_numpy(x)).numpy(), ours(y)
    (g,) = wg.autograd.grad(z.sum(), y)
    # What is made of an item is one of two affine functions of it, the same two as PyTorch's.
    kept = g.numpy() != 0
    np.testing.assert_allclose(1 - kept.mean(), 0.3, atol=0.03)
    low = z.detach().numpy()[~kept]
    assert np.ptp(low) < 1e-12
    slope = g.numpy()[kept][0]
    np.testing.assert_array_equal(g.numpy()[kept], slope)
    shift = z.detach().numpy()[kept][0] - x[kept][0] * slope
    theirs_low = np.isclose(found, low[0], rtol=1e-12, atol=0)
    np.testing.assert_allclose(theirs_low.mean(), 0.3, atol=0.03)
    np.testing.assert_allclose(found[~theirs_low], x[~theirs_low] * slope + shift, atol=1e-9)
    if name not in ("Dropout", "AlphaDropout"):  # whole channels
        whole = kept.reshape(50, 40, -1)
        assert (whole.all(-1) | ~whole.any(-1)).all()
    assert ours.eval()(y) is y
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        getattr(wg.nn, name)(1.5)


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout"])
def test_dropout_functions(name: str) -> None:
    function, x = getattr(WF, name), wg.randn(3, 4, 5)
    assert function(x, 0.0, True) is x
    np.testing.assert_array_equal(function(x, 1.0, True).numpy(), getattr(TF, name)(torch.ones(3, 4, 5), 1.0, True) * 0)
    y = x.clone()
    assert function(y, 0.5, True, True) is y
    assert not wg.equal(x, y)
    with pytest.raises(ValueError, match=r"probability p in \[0, 1\], got -0.1"):
        function(x, -0.1, True)
    if name != "alpha_dropout":
        with pytest.raises(ValueError, match="expected input"):
            function(wg.ones(3), 0.5, True)


# ---------------------------------------------------------------- sequences


@REDUCTIONS
@pytest.mark.parametrize("round", range(14))
def test_ctc_loss(round: int, reduction: str) -> None:
    rng = rng_of("ctc", round, reduction)
    steps, n, classes, most = (int(rng.integers(low, high)) for low, high in ((1, 9), (1, 4), (2, 5), (1, 4)))
    blank = int(rng.integers(classes))
    counts, lengths = rng.integers(0, most + 1, n), rng.integers(1, steps + 1, n)
    targets = rng.choice([c for c in range(classes) if c != blank], (n, most))
    if round % 3 == 1:  # one after the other
        targets = np.concatenate([row[:count] for row, count in zip(targets, counts, strict=True)]).astype(np.int64)
    x = rng.normal(size=(steps, n, classes))
    if round % 3 == 2:  # one example
        x, targets, counts, lengths = x[:, 0], targets[0, : counts[0]], counts[0], lengths[0]
    options = {"blank": blank, "reduction": reduction, "zero_infinity": bool(round % 2)}
    found = []
    for library in (torch, wg):
        v = library.from_numpy(x.copy()).requires_grad_()
        given = [library.from_numpy(np.array(a)) for a in (targets, lengths, counts)]
        z = library.nn.functional.ctc_loss(library.nn.functional.log_softmax(v, -1), *given, **options)
        found.append((z, *library.autograd.grad((z * library.from_numpy(np.arange(1.0, z.numel() + 1))).sum(), v)))
    (theirs, their_gradient), (ours, gradient) = found
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy().reshape(ours.shape), rtol=1e-10)
    if np.isfinite(ours.detach().numpy()).all():
        close(their_gradient, gradient, 1e-10, f"{round}")
    else:
        assert np.isnan(gradient.numpy()).any()


def test_ctc_derivatives() -> None:
    targets = wg.tensor([[1, 2, 1], [1, 1, 0]])
    x = wg.from_numpy(rng_of("ctc").normal(size=(5, 2, 3)))
    for lengths, counts in (([5, 4], [3, 2]), ([5, 3], [2, 0]), ([1, 5], [1, 1])):
        wg.func.check_gradients(
            lambda x, a=lengths, b=counts: WF.ctc_loss(x, targets, a, b, reduction="none"), x, order=3
        )
    batch = wg.randn(4, 5, 2, 3, dtype=wg.float64)
    rows = wg.stack([WF.ctc_loss(x, targets, [5, 4], [2, 2], reduction="none") for x in batch])
    mapped = wg.vmap(lambda x: WF.ctc_loss(x, targets, [5, 4], [2, 2], reduction="none"))(batch)
    np.testing.assert_allclose(mapped.numpy(), rows.numpy(), rtol=1e-12)
    assert repr(wg.nn.CTCLoss(2)) == repr(torch.nn.CTCLoss(2))
    loss = wg.nn.CTCLoss(reduction="sum")(x.log_softmax(2), targets, (5, 5), (2, 2))
    theirs = torch.nn.CTCLoss(reduction="sum")(
        torch.from_numpy(x.numpy()).log_softmax(2), torch.from_numpy(targets.numpy()), (5, 5), (2, 2)
    )
    np.testing.assert_allclose(loss.item(), theirs.item())


def test_an_impossible_alignment_is_infinite_or_nothing() -> None:
    x = wg.randn(2, 2, 3, requires_grad=True)
    targets = wg.tensor([[1, 1], [1, 2]])
    z = WF.ctc_loss(x.log_softmax(2), targets, [2, 2], [2, 2], reduction="none")
    assert z[0].item() == math.inf
    assert math.isfinite(z[1].item())
    z = WF.ctc_loss(x.log_softmax(2), targets, [2, 2], [2, 2], reduction="none", zero_infinity=True)
    assert z[0].item() == 0
    (g,) = wg.autograd.grad(z.sum(), x)
    assert not g.numpy()[:, 0].any()
    assert g.numpy()[:, 1].any()


@BOTH
def test_bad_arguments_of_ctc(library: Any) -> None:
    F, x = library.nn.functional, library.randn(4, 2, 3).log_softmax(2)
    t = library.tensor([[1, 2], [2, 1]])
    refused(
        lambda: F.ctc_loss(x, t, (4, 5), (2, 2)), lambda: F.ctc_loss(x, t, (4, 4), (2, 3)),
        lambda: F.ctc_loss(x, t, (4,), (2, 2)), lambda: F.ctc_loss(x, t, (4, 4), (2, 2), blank=3),
        lambda: F.ctc_loss(x, t.flatten()[:3], (4, 4), (2, 2)),
        lambda: F.ctc_loss(x[0, 0], t, (4, 4), (2, 2)),
    )  # fmt: skip


# ---------------------------------------------------------------- images sampled at places


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(mode: str, padding_mode: str, align_corners: bool) -> None:
    for round in range(4):
        rng = rng_of(mode, padding_mode, align_corners, round)
        x = rng.normal(size=(2, 3, *rng.integers(1, 6, 2).tolist()))
        grid = rng.uniform(-2, 2, (2, 3, 4, 2))
        options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
        agree_on("grid_sample", [x, grid], order=1, **options)  # PyTorch has no second derivative
        if mode == "bicubic" or (mode == "bilinear" and padding_mode == "zeros"):
            a, b = wg.from_numpy(x), wg.from_numpy(grid)
            wg.func.check_gradients(lambda x, g, o=options: WF.grid_sample(x, g, **o), a, b, order=2)


@pytest.mark.parametrize("align_corners", [False, True])
def test_affine_grid(align_corners: bool) -> None:
    for size in ((2, 3, 4, 5), (1, 1, 1, 1), (3, 1, 2, 1)):
        theta = rng_of("affine", size).normal(size=(size[0], 2, 3))
        agree_on("affine_grid", [theta], size, align_corners)
    x, identity = wg.randn(2, 3, 4, 5), wg.tensor([[[1.0, 0, 0], [0, 1, 0]]]).repeat(2, 1, 1)
    places = WF.affine_grid(identity, x.shape, align_corners)
    np.testing.assert_allclose(WF.grid_sample(x, places, align_corners=align_corners).numpy(), x.numpy(), atol=1e-5)


@BOTH
def test_bad_grids(library: Any) -> None:
    F, x, g = library.nn.functional, library.randn(2, 3, 4, 5), library.zeros(2, 3, 3, 2)
    refused(
        lambda: F.grid_sample(x[0], g), lambda: F.grid_sample(x, g[:1]), lambda: F.grid_sample(x, g, "linear"),
        lambda: F.grid_sample(x, g, padding_mode="constant"), lambda: F.grid_sample(x, g[..., :1]),
        lambda: F.affine_grid(library.zeros(2, 2, 2), (2, 1, 3, 3)),
        lambda: F.affine_grid(library.zeros(1, 2, 3), (2, 1, 3, 3)),
    )  # fmt: skip
