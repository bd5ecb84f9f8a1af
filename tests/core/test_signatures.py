"""Calls that do not fit a signature say what would have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import wengert as wg
from wengert.core.signatures import telling

CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "a method": (lambda: wg.ones(2).sum(dims=0), r"sum\(\).*'dims'.*; it takes \(x, dim=None, keepdim=False"),
    "a function": (lambda: wg.mean(wg.ones(2), dims=0), r"mean\(\).*'dims'.*; it takes \(x, dim=None"),
    "a creation": (lambda: wg.zeros(2, type=3), r"zeros\(\).*'type'.*; it takes \(\*shape, size=None, dtype=None"),
    "a missing argument": (lambda: wg.linspace(0, 1), r"'steps'; it takes \(start, end, steps, \*, dtype=None"),
    "too many": (lambda: wg.ones(2).max(0, True, 3), r"takes from 1 to 3 .*; it takes \(x, dim=None, keepdim=False"),
    "an elementwise function": (lambda: wg.exp(wg.ones(2), out=1), r"exp: got .* out; it takes one tensor"),
    "a loss": (lambda: wg.nn.functional.mse_loss(wg.ones(1)), r"'target'; it takes \(input, target"),
    "a layer": (lambda: wg.nn.Linear(2, 3, nobias=True), r"'nobias'.*; it takes \(in_features, out_features, bias"),
    "an optimizer": (lambda: wg.optim.SGD([], rate=1), r"'rate'; it takes \(params, lr=0.001, momentum=0"),
    "a schedule": (lambda: wg.optim.lr_scheduler.StepLR(1, 2, steps=3), r"'steps'; it takes \(optimizer, step_size"),
}


@pytest.mark.parametrize("kind", CALLS)
def test_a_call_with_wrong_arguments_says_which_it_takes(kind: str) -> None:
    call, message = CALLS[kind]
    with pytest.raises(TypeError, match=message):
        call()


def test_errors_from_within_are_left_as_they_are() -> None:
    @telling
    def function(x: int) -> None:
        raise TypeError("something else")

    with pytest.raises(TypeError, match=r"^something else$"):
        function(1)
    with pytest.raises(TypeError, match=r"function.*; it takes \(x\)"):
        function(y=1)  # type: ignore[call-arg]
