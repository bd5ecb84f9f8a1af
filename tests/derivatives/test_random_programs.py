"""Random programs against JAX and PyTorch in float64: gradients, forward derivatives and Hessians."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg
from wengert.func import grad, hessian, jvp

COUNT = 40
STEPS = 10
SHAPES = [(), (3,), (4,), (1, 4), (3, 1), (3, 4), (4, 3), (2, 3, 4)]


class Step(NamedTuple):
    """One operation of a program: its name, which values it takes, and what else it needs."""

    name: str
    inputs: tuple[int, ...]
    static: Any = None


UNARY = ("sin", "tanh", "exp", "square", "log", "sqrt", "sigmoid")


def is_broadcastable(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def random_program(seed: int) -> tuple[tuple[tuple[int, ...], ...], list[Step]]:
    """Shapes of two inputs, and steps; each takes what came before, and is tried on shapes alone first."""
    rng = np.random.default_rng(seed)
    inputs = tuple(SHAPES[1:-1][int(k)] for k in rng.integers(len(SHAPES) - 2, size=2))
    shapes = list(inputs)
    steps: list[Step] = []
    while len(steps) < STEPS:
        step = _random_step(rng, shapes)
        if step is not None:
            values = [np.zeros(shape) for shape in shapes]
            steps.append(step)
            shapes.append(run(NUMPY, values, [step])[-1].shape)
    return inputs, steps


def _random_step(rng: np.random.Generator, shapes: list[tuple[int, ...]]) -> Step | None:
    i, j = (int(k) for k in rng.integers(len(shapes), size=2))
    a, b = shapes[i], shapes[j]
    kind = rng.integers(8)
    if kind <= 1:
        return Step(str(rng.choice(UNARY)), (i,))
    if kind <= 3:
        small = np.prod(np.broadcast_shapes(a, b)) <= 24 if is_broadcastable(a, b) else False
        return Step(str(rng.choice(["add", "sub", "mul", "div"])), (i, j)) if small else None
    if kind == 4 and a:
        axis = int(rng.integers(len(a)))
        return Step(str(rng.choice(["sum", "mean", "logsumexp", "softmax"])), (i,), axis)
    if kind == 5 and len(a) == 2:
        return Step("matmul", (i, j)) if len(b) == 2 and a[1] == b[0] else Step("transpose", (i,))
    if kind == 6 and a:
        return Step("rows", (i,), rng.integers(a[0], size=int(rng.integers(1, 4))))
    if kind == 7 and a and a[-1] > 1:
        return Step("slice", (i,), int(rng.integers(1, a[-1])))
    return None


def common(module: Any) -> dict[str, Callable]:
    """What all three libraries spell alike. Domains are kept by squares, and sizes by bounded functions."""
    return {
        "sin": lambda x, _: module.sin(x),
        "tanh": lambda x, _: module.tanh(x),
        "exp": lambda x, _: module.exp(module.sin(x)),
        "square": lambda x, _: module.tanh(x) * module.tanh(x),
        "log": lambda x, _: module.log(1.5 + module.sin(x)),
        "sqrt": lambda x, _: module.sqrt(1.5 + module.sin(x)),
        "sigmoid": lambda x, _: 1 / (1 + module.exp(-module.tanh(x))),
        "add": lambda x, y, _: x + y,
        "sub": lambda x, y, _: x - y,
        "mul": lambda x, y, _: module.tanh(x) * y,
        "div": lambda x, y, _: x / (1.5 + module.sin(y)),
        "sum": lambda x, axis: x.sum(axis),
        "mean": lambda x, axis: x.mean(axis),
        "matmul": lambda x, y, _: module.tanh(x) @ y,
        "transpose": lambda x, _: x.T,
        "rows": lambda x, index: x[index],
        "slice": lambda x, start: x[..., start:],
    }


def run(table: dict[str, Callable], values: list[Any], steps: list[Step]) -> list[Any]:
    values = list(values)
    for name, inputs, static in steps:
        values.append(table[name](*(values[k] for k in inputs), static))
    return values


def scalar(table: dict[str, Callable], steps: list[Step]) -> Callable:
    """The program as a function of its two inputs that gives one number."""

    def function(x: Any, y: Any) -> Any:
        total = 0.0
        for k, value in enumerate(run(table, [x, y], steps)[-3:]):
            total = total + (k + 1) * table["sin"](value, None).sum()
        return total

    return function


def _shifted_logsumexp(x: np.ndarray, axis: int) -> np.ndarray:
    return np.log(np.exp(x).sum(axis))


NUMPY = {
    **common(np), "logsumexp": _shifted_logsumexp,
    "softmax": lambda x, axis: np.exp(x) / np.exp(x).sum(axis, keepdims=True),
}  # fmt: skip
WENGERT = {
    **common(wg), "logsumexp": lambda x, axis: wg.logsumexp(x, axis), "softmax": lambda x, axis: wg.softmax(x, axis),
}  # fmt: skip


def drawn(seed: int) -> tuple[list[Step], list[np.ndarray], list[np.ndarray]]:
    shapes, steps = random_program(seed)
    rng = np.random.default_rng([seed, 1])
    return steps, [rng.normal(size=s) for s in shapes], [rng.normal(size=s) for s in shapes]


@functools.cache
def ours(seed: int) -> dict[str, list[np.ndarray]]:
    """What wengert gives: gradients, the forward derivative, and the Hessian by the first input."""
    steps, primals, tangents = drawn(seed)
    f = scalar(WENGERT, steps)
    xs, ts = tuple(map(wg.from_numpy, primals)), tuple(map(wg.from_numpy, tangents))
    value, tangent = jvp(f, xs, ts)
    return {
        "value": [value.numpy()],
        "gradient": [g.numpy() for g in grad(f, (0, 1))(*xs)],
        "tangent": [tangent.numpy()],
        "hessian": [hessian(f)(*xs).numpy()],
    }


def assert_agrees(got: dict[str, list[np.ndarray]], expected: dict[str, list[np.ndarray]]) -> None:
    for what, arrays in expected.items():
        for a, b in zip(got[what], arrays, strict=True):
            b = np.asarray(b)
            assert a.shape == b.shape, what
            scale = max(1.0, float(np.abs(b).max(initial=0)))
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * scale, err_msg=what)


def test_programs_use_every_kind_of_step() -> None:
    used = {step.name for seed in range(COUNT) for step in random_program(seed)[1]}
    assert used == set(WENGERT)


@pytest.mark.parametrize("seed", range(COUNT))
def test_values_agree_with_numpy(seed: int) -> None:
    steps, primals, _ = drawn(seed)
    assert_agrees(ours(seed), {"value": [scalar(NUMPY, steps)(*primals)]})


@pytest.mark.parametrize("seed", range(COUNT))
def test_derivatives_agree_with_pytorch(seed: int) -> None:
    torch = pytest.importorskip("torch", reason="the differential test against PyTorch needs PyTorch")
    steps, primals, tangents = drawn(seed)
    table = {
        **common(torch), "logsumexp": lambda x, axis: torch.logsumexp(x, axis),
        "softmax": lambda x, axis: torch.softmax(x, axis),
    }  # fmt: skip
    f = scalar(table, steps)
    xs, ts = tuple(map(torch.tensor, primals)), tuple(map(torch.tensor, tangents))
    leaves = [x.clone().requires_grad_() for x in xs]
    value = f(*leaves)
    found = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    tangent = sum((g * t).sum() for g, t in zip(found, ts, strict=True))
    second = torch.autograd.functional.hessian(lambda x: f(x, xs[1]), xs[0])
    assert_agrees(
        ours(seed),
        {
            "value": [value.detach().numpy()], "gradient": [g.numpy() for g in found],
            "tangent": [tangent.numpy()], "hessian": [second.numpy()],
        },
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(COUNT))
def test_derivatives_agree_with_jax(seed: int) -> None:
    jax = pytest.importorskip("jax", reason="the differential test against JAX needs JAX")
    steps, primals, tangents = drawn(seed)
    table = {
        **common(jax.numpy), "logsumexp": lambda x, axis: jax.scipy.special.logsumexp(x, axis),
        "softmax": lambda x, axis: jax.nn.softmax(x, axis),
    }  # fmt: skip
    f = scalar(table, steps)

    @jax.jit  # one compilation of everything, rather than one for each operation and shape
    def everything(xs: Any, ts: Any) -> Any:
        return *jax.jvp(f, xs, ts), jax.grad(f, (0, 1))(*xs), jax.hessian(f)(*xs)

    with jax.enable_x64(True):
        value, tangent, gradient, second = everything(tuple(primals), tuple(tangents))
    assert_agrees(ours(seed), {"value": [value], "gradient": gradient, "tangent": [tangent], "hessian": [second]})


# ---------------------------------------------------------------- change in place

CHANGED = 1000
LONG = 100_000
LEAVES = 3
# What a program may do to one value or to two. Changes in place have a trailing underscore.
VIEWS = {
    "row": lambda a, i, c: a[i % a.shape[0]] if a.ndim else a.reshape(1),
    "rest": lambda a, i, c: a[1:] if a.ndim and a.shape[0] > 1 else a[None],
    "skip": lambda a, i, c: a[..., ::2] if a.ndim else a[None],
    "transpose": lambda a, i, c: a.T if a.ndim == 2 else a.reshape(-1),
    "detach": lambda a, i, c: a.detach(),
}  # fmt: skip
COPIES = {
    "exp": lambda a, i, c: a.sin().exp(),
    "tanh": lambda a, i, c: a.tanh(),
    "sigmoid": lambda a, i, c: a.sigmoid(),
    "square": lambda a, i, c: a * a,
    "sqrt": lambda a, i, c: (a * a + 0.5).sqrt(),
    "scaled": lambda a, i, c: a * c,
    "sum": lambda a, i, c: a.sum(0) if a.ndim else a + c,
    "softmax": lambda a, i, c: a.softmax(-1) if a.ndim else a.relu(),
    "picked": lambda a, i, c: a[[0, -1, 0]] if a.ndim else a - c,
}
PAIRS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (1.5 + b.sin()),
    "rdiv": lambda a, b: b.sin() / (2.0 + a * a),
    "power": lambda a, b: (a * a + 0.5) ** b.tanh(),
    "lerp": lambda a, b: a.lerp(b, a.sigmoid()) if a.shape == b.shape else a * b + a,
    "matmul": lambda a, b: a.tanh() @ b if a.ndim == 2 and b.ndim and b.shape[0] == a.shape[1] else a + b * b,
}
CHANGES = {
    "sin_": lambda a, i, c: a.sin_(),
    "tanh_": lambda a, i, c: a.tanh_(),
    "sigmoid_": lambda a, i, c: a.sigmoid_(),
    "relu_": lambda a, i, c: a.relu_(),
    "clamp_": lambda a, i, c: a.clamp_(-0.9, 0.8),
    "zero_": lambda a, i, c: a.zero_(),
    "fill_": lambda a, i, c: a.fill_(c),
    "scale_": lambda a, i, c: a.mul_(c),
    "shift_": lambda a, i, c: a.__iadd__(c),
    "item_": lambda a, i, c: a.__setitem__(i % a.shape[0] if a.ndim else ..., c),
    "column_": lambda a, i, c: a.__setitem__((..., 0) if a.ndim else ..., c),
}
CHANGES_BY = {
    "add_": lambda a, b: a.add_(b),
    "sub_": lambda a, b: a.sub_(b, alpha=0.5),
    "mul_": lambda a, b: a.mul_(b),
    "div_": lambda a, b: a.div_(1.5 + b.sin()),
    "copy_": lambda a, b: a.copy_(b),
    "lerp_": lambda a, b: a.lerp_(b, 0.25) if a.shape == b.shape else a.add_(b),
    "addcmul_": lambda a, b: a.addcmul_(b, b, value=0.5),
    "items_": lambda a, b: a.__setitem__(0, b) if a.ndim and b.ndim < a.ndim else a.mul_(b),
    "rest_": lambda a, b: a.__setitem__(slice(1, None), b) if a.ndim and b.ndim < a.ndim else a.sub_(b),
}


TABLES = (VIEWS, COPIES, PAIRS, CHANGES, CHANGES_BY)
EVERYTHING: dict[str, Callable] = {name: function for table in TABLES for name, function in table.items()}


class Change(NamedTuple):
    """One step of a program that changes values in place."""

    name: str
    inputs: tuple[int, ...]
    place: int
    number: float
    recorded: bool  # else it stands under no_grad


def changing_program(seed: int) -> list[Change]:
    """Steps over two leaves, a number that is one, and what is computed from them; tried with NumPy's shapes first."""
    rng = np.random.default_rng([seed, 7])
    shapes: list[tuple[int, ...]] = [(3, 3), (3,), (), (3, 3), (3,), ()]
    steps: list[Change] = []
    for _ in range(int(rng.integers(4, 12))):
        table = TABLES[int(rng.integers(len(TABLES)))]
        name = str(rng.choice(list(table)))
        i, j = (int(k) for k in rng.integers(len(shapes), size=2))
        place, number, recorded = int(rng.integers(3)), float(rng.normal()), bool(rng.random() < 0.8)
        in_place, pair = name.endswith("_"), table in (PAIRS, CHANGES_BY)
        if pair and not _fits(shapes[i], shapes[j], in_place):
            continue
        inputs = (i, j) if pair else (i,)
        steps.append(Change(name, inputs, place, number, recorded and not (in_place and i < LEAVES)))
        if not in_place:
            values = [wg.zeros(shape, dtype=wg.float64) for shape in shapes]
            shapes.append(tuple(_apply(wg, steps[-1], values).shape))
    return steps


def _fits(a: tuple[int, ...], b: tuple[int, ...], in_place: bool) -> bool:
    return is_broadcastable(a, b) and (not in_place or np.broadcast_shapes(a, b) == a)


def _apply(library: Any, step: Change, values: list[Any]) -> Any:
    given = [values[k] for k in step.inputs]
    rest = (step.place, step.number) if len(given) == 1 else ()
    with contextlib.nullcontext() if step.recorded else library.no_grad():
        return EVERYTHING[step.name](*given, *rest)


def changed(library: Any, steps: list[Change], leaves: list[Any]) -> Any:
    """What a program makes of its leaves, as a number."""
    values = [*leaves, *(x * 1.0 for x in leaves)]
    for step in steps:
        out = _apply(library, step, values)
        if not step.name.endswith("_"):
            values.append(out)
    total = sum(leaf.sum() for leaf in leaves) * 0.0
    for k, v in enumerate(values[-4:]):
        total = total + (k + 1) * (v.sum() + (v * v).sum() * 0.1)
    return total


def overlaps(steps: list[Change]) -> bool:
    """Whether a value is changed by another that may show its memory: then PyTorch may read what it has written."""
    roots = list(range(2 * LEAVES))
    for step in steps:
        if step.name in CHANGES_BY and len({roots[k] for k in step.inputs}) < len(set(step.inputs)):
            return True
        if not step.name.endswith("_"):
            roots.append(roots[step.inputs[0]] if step.name in VIEWS else len(roots))
    return False


def starts(seed: int, shift: float = 0.0) -> list[np.ndarray]:
    rng, direction = np.random.default_rng([seed, 8]), np.random.default_rng([seed, 9])
    return [rng.normal(size=s) + shift * direction.normal(size=s) for s in ((3, 3), (3,), ())]


def changed_gradients(library: Any, seed: int, steps: list[Change]) -> list[np.ndarray] | None:
    """The gradients, or None where a walk finds that what it needs was changed, or a change is refused."""
    leaves = [library.tensor(x, dtype=library.float64).requires_grad_() for x in starts(seed)]
    try:
        changed(library, steps, leaves).backward()
    except RuntimeError as error:
        if any(words in str(error) for words in ("inplace", "in place", "in-place", "single memory location")):
            return None
        raise
    return [np.asarray(x.grad.tolist()) for x in leaves]


def assert_right(seed: int, steps: list[Change], found: list[np.ndarray]) -> None:
    """Gradients against differences of the values themselves, a way that knows of no graph, if all are connected."""
    if any(step.name == "detach" or not step.recorded for step in steps):
        return
    h = 1e-6
    with wg.no_grad():
        ahead, behind = (changed(wg, steps, list(map(wg.tensor, starts(seed, t)))).item() for t in (h, -h))
    rng = np.random.default_rng([seed, 9])
    slope = sum(float((g * rng.normal(size=g.shape)).sum()) for g in found)
    assert slope == pytest.approx((ahead - behind) / (2 * h), rel=1e-3, abs=1e-3), (seed, steps)


def compare_changes(seeds: range, torch: Any) -> dict[str, int]:
    """How many programs both libraries differentiate, each one alone, or none. Where both do they agree."""
    counts = dict.fromkeys(("both", "neither", "ours", "theirs"), 0)
    for seed in seeds:
        steps = changing_program(seed)
        found, theirs = changed_gradients(wg, seed, steps), changed_gradients(torch, seed, steps)
        if found is None or theirs is None:
            counts["neither" if found is theirs else "ours" if theirs is None else "theirs"] += 1
            assert found is not None or theirs is None, (seed, steps)  # what PyTorch gives, we do
            if found is not None:  # a walk that needs fewer values goes on, rightly
                assert_right(seed, steps, found)
            continue
        if overlaps(steps):
            counts["ours"] += 1
            assert_right(seed, steps, found)
            continue
        counts["both"] += 1
        for a, b in zip(found, theirs, strict=True):
            scale = max(1.0, float(np.abs(b).max()))
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * scale, err_msg=f"{seed}: {steps}")
    return counts


def test_changes_of_views_and_broadcast_operands_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="the differential test against PyTorch needs PyTorch")
    counts = compare_changes(range(CHANGED), torch)
    assert min(counts["both"], counts["neither"]) > CHANGED // 10, counts


@pytest.mark.long
@pytest.mark.parametrize("part", range(LONG // CHANGED))
def test_many_changes_agree_with_pytorch(part: int) -> None:
    torch = pytest.importorskip("torch", reason="the differential test against PyTorch needs PyTorch")
    compare_changes(range((part + 1) * CHANGED, (part + 2) * CHANGED), torch)


def changes(library: Any, seed: int, x: Any) -> Any:
    """A program of x that changes tensors and views in place, as a number."""
    rng = np.random.default_rng(seed)
    values = [x * 1.0, x.sin()]
    for _ in range(int(rng.integers(3, 9))):
        kind, i, c = int(rng.integers(10)), int(rng.integers(3)), float(rng.normal())
        a, b = (values[int(k)] for k in rng.integers(len(values), size=2))
        if kind == 0:
            values.append(a[i % a.shape[0]] if a.ndim else a * c)
        elif kind == 1:
            values.append(a.T if a.ndim == 2 else a.reshape(-1))
        elif kind == 2:
            values.append(a.exp() if i else a * a)
        elif kind == 3:
            a.mul_(c)
        elif kind <= 5 and a.shape == b.shape:
            a.add_(b) if kind == 4 else a.mul_(b)
        elif kind == 6 and a.ndim:
            a[i % a.shape[0]] = c
        elif kind == 7 and a.ndim and b.ndim and a.shape[1:] == b.shape[1:]:
            a[0] = b[-1]
        elif kind == 8:
            values.append(a.tanh())
        elif kind == 9:
            a.sin_() if i else a.zero_()
    return sum(((v * v).sum() + v.sum() for v in values[-4:]), x.sum() * 0.0)


def gradient_of_changes(library: Any, seed: int) -> list[list[float]] | None:
    """Its gradient, or None where the walk finds that a value it needs was changed (PyTorch: that memory overlaps)."""
    x = library.tensor(np.random.default_rng([seed, 1]).normal(size=(3, 3)).tolist(), dtype=library.float64)
    x.requires_grad_()
    try:
        changes(library, seed, x).backward()
    except RuntimeError as error:
        if any(words in str(error) for words in ("inplace", "in place", "single memory location")):
            return None
        raise
    return x.grad.tolist()


def test_changes_in_place_have_the_right_gradient_or_raise() -> None:
    raised = 0
    for seed in range(200):
        found = gradient_of_changes(wg, seed)
        if found is None:
            raised += 1
            continue
        x = np.random.default_rng([seed, 1]).normal(size=(3, 3))
        t, h = np.random.default_rng([seed, 2]).normal(size=(3, 3)), 1e-6
        ahead, behind = (changes(wg, seed, wg.tensor(x + step * t)).item() for step in (h, -h))
        assert (np.array(found) * t).sum() == pytest.approx((ahead - behind) / (2 * h), rel=1e-4, abs=1e-4), seed
    assert 20 < raised < 180


def test_changes_in_place_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="the differential test against PyTorch needs PyTorch")
    for seed in range(200):
        theirs = gradient_of_changes(torch, seed)
        if theirs is not None:  # where PyTorch refuses, a walk that needs fewer values may go on
            np.testing.assert_allclose(gradient_of_changes(wg, seed), theirs, rtol=1e-10, atol=1e-10, err_msg=f"{seed}")
