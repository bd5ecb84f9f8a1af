"""Layers with an explicit forward and backward: composed by hand they are the tape."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest

import wengert as wg

layers = importlib.import_module("wengert.layers")


def tensors(*shapes: tuple[int, ...], low: float = 0.2) -> list[wg.Tensor]:
    rng = np.random.default_rng(0)
    return [wg.from_numpy(rng.uniform(low, 2.0, shape)) for shape in shapes]


INPUTS = {
    "Add": ((3, 4), (4,)), "Affine": ((5, 4), (4, 3), (3,)), "Divide": ((3, 4), (3, 1)), "Dot": ((4,), (4,)),
    "Exp": ((3,),), "Linear": ((5, 4), (3, 4), (3,)), "Log": ((3,),), "LogSoftmax": ((3, 4),),
    "MatMul": ((3, 4), (4, 2)), "Mean": ((3, 4),), "MeanSquaredError": ((3, 4), (3, 4)), "Multiply": ((3, 4), (4,)),
    "Norm": ((5,),), "Outer": ((3,), (4,)), "ReLU": ((3, 4),), "Sigmoid": ((3, 4),), "Softmax": ((3, 4),),
    "Square": ((3,),), "Subtract": ((3, 4), (4,)), "Sum": ((3, 4),), "Tanh": ((3, 4),),
}  # fmt: skip


def test_every_layer_is_tested_here() -> None:
    assert {*layers.__all__} - {"Layer", "layer", "CrossEntropy"} == {*INPUTS}


@pytest.mark.parametrize("name", INPUTS)
def test_forward_and_backward_are_the_tapes(name: str) -> None:
    xs = tensors(*INPUTS[name])
    layer = getattr(layers, name)()
    y = layer.forward(*xs)
    assert not y.requires_grad
    g = wg.from_numpy(np.random.default_rng(1).normal(size=y.shape))
    got = layer.backward(g)
    leaves = [x.clone().requires_grad_() for x in xs]
    z = type(layer).function(*leaves, **layer._static)
    z.backward(g)
    np.testing.assert_array_equal(y.numpy(), z.detach().numpy())
    for mine, leaf in zip(got if isinstance(got, tuple) else (got,), leaves, strict=True):
        np.testing.assert_array_equal(mine.numpy(), leaf.grad.numpy())


def test_a_network_by_hand_has_the_gradients_of_the_tape_to_the_last_bit() -> None:
    x, w1, b1, w2, b2 = tensors((6, 5), (5, 4), (4,), (4, 3), (3,), low=-1.0)
    labels = wg.tensor([0, 1, 2, 2, 1, 0])
    first, squash, second, loss = layers.Affine(), layers.Sigmoid(), layers.Affine(), layers.CrossEntropy()
    loss.forward(second.forward(squash.forward(first.forward(x, w1, b1)), w2, b2), labels)
    dh, dw2, db2 = second.backward(loss.backward())
    dx, dw1, db1 = first.backward(squash.backward(dh))
    leaves = [v.clone().requires_grad_() for v in (x, w1, b1, w2, b2)]
    wg.cross_entropy(wg.affine(wg.sigmoid(wg.affine(*leaves[:3])), *leaves[3:]), labels).backward()
    for mine, leaf in zip((dx, dw1, db1, dw2, db2), leaves, strict=True):
        np.testing.assert_array_equal(mine.numpy(), leaf.grad.numpy())


def test_backward_may_be_called_again_and_forward_starts_anew() -> None:
    f = layers.Multiply()
    f.forward(2.0, 3.0)
    assert [g.item() for g in f.backward(10.0)] == [30.0, 20.0]
    assert [g.item() for g in f.backward(1.0)] == [3.0, 2.0]
    f.forward(5.0, 7.0)
    assert [g.item() for g in f.backward()] == [7.0, 5.0]


def test_keywords_are_set_when_the_layer_is_made() -> None:
    x = wg.ones(2, 3)
    assert layers.Sum(dim=0).forward(x).tolist() == [2.0, 2.0, 2.0]
    assert layers.Softmax(dim=0).forward(x)[0].tolist() == [0.5, 0.5, 0.5]
    assert repr(layers.Softmax()) == "Softmax(dim=-1)"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: f.backward(), RuntimeError, "Exp.backward: forward comes first"),
        (lambda f: (f.forward(wg.ones(3)), f.backward()), RuntimeError, r"a result of shape \(3,\) needs a gradient"),
        (lambda f: (f.forward(wg.ones(3)), f.backward(wg.ones(2))), ValueError, r"shape \(2,\), expected \(3,\)"),
    ],
)
def test_wrong_use_is_told(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(layers.Exp())


def test_examples_run() -> None:
    assert doctest.testmod(layers, extraglobs={"wg": wg}).failed == 0
