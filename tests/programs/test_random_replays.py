"""Random functions as programs: on recorded inputs and on others they give the bits of the functions themselves, or a
refusal by name. At least nine tenths are not refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_random_programs import WENGERT, Change, changed, changing_program, random_program, run, scalar
from test_vmap_programs import drawn, everything, ours

import wengert as wg
from replayed import bits
from wengert.compiling import CompileError

CALLS = 4  # of each function; two are recorded
COUNT, OF_DERIVATIVES, OF_TRANSFORMS = 80, 30, 12  # programs of a kind
LONG, PART = 500, 50
SHAPES = ((3, 3), (3,), ())  # of the leaves of programs that change things in place

Rounds = list[tuple[Any, ...]]


def tensors(seed: int, call: int, shapes: Any, dtype: Any = wg.float64) -> tuple[Any, ...]:
    rng = np.random.default_rng([seed, call, 11])
    return tuple([wg.tensor(rng.normal(size=s), dtype=dtype) for s in shapes])


def dtype_of(seed: int) -> Any:
    return wg.float32 if seed % 3 == 0 else wg.float64


# ---------------------------------------------------------------- functions


def walking(seed: int) -> tuple[Callable[..., Any], Rounds]:
    """Views and changes in place of what is made inside, and a walk back through them."""
    steps = changing_program(seed)

    def f(*xs: Any) -> Any:
        leaves = [x.clone().requires_grad_() for x in xs]
        total = changed(wg, steps, leaves)
        total.backward()
        return total.detach(), [x.grad for x in leaves], [x.detach() for x in leaves]

    return f, [tensors(seed, k, SHAPES, dtype_of(seed)) for k in range(CALLS)]


class State:
    """Tensors that outlive calls, which programs change in place, and walk back to."""

    def __init__(self, seed: int, steps: list[Change]) -> None:
        self.steps = steps
        self.leaves = [x.requires_grad_() for x in tensors(seed, 99, SHAPES, dtype_of(seed))]

    def __call__(self, *xs: Any) -> Any:
        for leaf in self.leaves[:2]:  # the third one's gradient is summed
            leaf.grad = None
        total = changed(wg, self.steps, self.leaves) * xs[0].sum()
        total.backward()
        with wg.no_grad():
            for leaf, x in zip(self.leaves, xs, strict=True):
                leaf.copy_(leaf.tanh() + x)
        return total.detach(), self.leaves[0].detach()[1:]


def deriving(seed: int) -> tuple[Callable[..., Any], Rounds]:
    """Gradients, the forward derivative and the Hessian of a function of two inputs."""
    shapes, steps = random_program(seed)
    f = scalar(WENGERT, steps)

    def derivatives(x: Any, y: Any) -> Any:
        values = [v * 1 for v in run(WENGERT, [x, y], steps)[-2:]]
        return values, wg.func.jvp(f, (x, y), (y.sum() * x, y)), wg.func.grad(f, (0, 1))(x, y), wg.func.hessian(f)(x, y)

    return derivatives, [tensors(seed, k, shapes, dtype_of(seed)) for k in range(CALLS)]


def transforming(seed: int) -> tuple[Callable[..., Any], Rounds]:
    """vmap and derivatives in random places, inside of each other."""
    steps, xs, _ = drawn(seed)
    f = everything(ours(None), steps, wg.func)
    shapes = [x.shape for x in xs]

    def of(x: Any, y: Any, s: Any, t: Any) -> Any:
        return list(f((x, y), (s, t)))

    return of, [tensors(seed, k, [*shapes, *shapes]) for k in range(CALLS)]


# ---------------------------------------------------------------- comparing


def refused(f: Callable[..., Any], rounds: Rounds) -> bool:
    """Whether what is compiled refuses; else it does what the function does."""
    compiled = wg.compile(f)
    for k, args in enumerate(rounds):
        expected = bits(f(*args))
        try:
            found = compiled(*args)
        except CompileError as error:
            assert "compile: " in str(error)  # noqa: PT017
            return True
        assert bits(found) == expected, f"call {k}"
    assert compiled._count() == 1
    return False


def fails_by_itself(f: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Whether a walk finds that what it needs was changed, or a change is refused: that is no matter of programs."""
    try:
        f(*args)
    except RuntimeError as error:
        if any(words in str(error) for words in ("in place", "in-place", "single memory location")):
            return True
        raise
    return False


def compare(make: Callable[[int], tuple[Callable[..., Any], Rounds]], seeds: range) -> None:
    counts = {"refused": 0, "done": 0, "failed": 0}
    for seed in seeds:
        f, rounds = make(seed)
        if make is walking and fails_by_itself(f, rounds[0]):
            counts["failed"] += 1
            with pytest.raises(RuntimeError):
                wg.compile(f)(*rounds[0])
            continue
        try:
            counts["refused" if refused(f, rounds) else "done"] += 1
        except Exception as error:
            raise AssertionError(f"{make.__name__}({seed})") from error
    assert counts["done"] >= 9 * counts["refused"], counts
    assert counts["done"] > len(seeds) // 3, counts


def follow_states(seeds: range) -> None:
    counts = {"refused": 0, "done": 0, "failed": 0}
    for seed in seeds:
        steps = changing_program(seed)
        rounds = [tensors(seed, k, SHAPES, dtype_of(seed)) for k in range(CALLS + 1)]
        if fails_by_itself(State(seed, steps), rounds[0]):
            counts["failed"] += 1
            continue
        eager, state = State(seed, steps), State(seed, steps)
        compiled = wg.compile(state)
        try:
            for k, args in enumerate(rounds):
                expected = bits([eager(*args), eager.leaves, [leaf.grad for leaf in eager.leaves]])
                found = bits([compiled(*args), state.leaves, [leaf.grad for leaf in state.leaves]])
                assert found == expected, f"call {k}"
        except CompileError:
            counts["refused"] += 1
            continue
        except Exception as error:
            raise AssertionError(f"state {seed}") from error
        assert compiled._count() == 1
        counts["done"] += 1
    assert counts["done"] >= 9 * counts["refused"], counts
    assert counts["done"] > len(seeds) // 3, counts


def test_changes_in_place_and_walks() -> None:
    compare(walking, range(COUNT))


def test_changes_of_what_was_there_before() -> None:
    follow_states(range(COUNT))


def test_derivatives() -> None:
    compare(deriving, range(OF_DERIVATIVES))


def test_transforms_of_transforms() -> None:
    compare(transforming, range(OF_TRANSFORMS))


PARTS = pytest.mark.parametrize("part", range(1, LONG // PART + 1))


@pytest.mark.long
@PARTS
def test_many_changes_in_place_and_walks(part: int) -> None:
    compare(walking, range(part * COUNT, part * COUNT + PART))


@pytest.mark.long
@PARTS
def test_many_changes_of_what_was_there_before(part: int) -> None:
    follow_states(range(part * COUNT, part * COUNT + PART))


@pytest.mark.long
@PARTS
def test_many_derivatives(part: int) -> None:
    compare(deriving, range(part * COUNT, part * COUNT + PART))


@pytest.mark.long
@PARTS
def test_many_transforms_of_transforms(part: int) -> None:
    compare(transforming, range(part * COUNT, part * COUNT + PART))
