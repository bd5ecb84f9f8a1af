"""Losses, normalization, lookup and padding at the edges: float16, items far from zero, nothing, fractions, NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.nn import functional as F


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


# ---------------------------------------------------------------- normalization


def standardized(x: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
    x = x.astype(np.float64)
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + 1e-5)


@pytest.mark.parametrize("middle", [0.0, 1e3, 1e6, -1e6, 3e7])
@pytest.mark.parametrize("n", [3, 8, 300, 5000])
def test_items_far_from_zero_are_standardized_as_those_around_it(middle: float, n: int) -> None:
    x = (middle + 3 * draw(6, n)).astype(np.float32)
    given = wg.from_numpy(x).requires_grad_()
    out = F.layer_norm(given, (n,))
    np.testing.assert_allclose(out.detach().numpy(), standardized(x, (1,)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        F.batch_norm(wg.from_numpy(x.T), None, None, training=True).numpy(),
        standardized(x.T, (0,)),
        rtol=1e-4,
        atol=1e-5,
    )
    weights = draw(6, n, seed=1)
    (out * wg.from_numpy(weights.astype(np.float32))).sum().backward()
    wide = wg.from_numpy(x.astype(np.float64)).requires_grad_()
    (F.layer_norm(wide, (n,)) * wg.from_numpy(weights)).sum().backward()
    np.testing.assert_allclose(given.grad.numpy(), wide.grad.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_all_items_of_a_matrix_are_normalized_in_its_shape(weighted: bool) -> None:
    x, w = draw(3, 4), draw(3, 4, seed=1)
    given = wg.from_numpy(x).requires_grad_()
    out = F.layer_norm(given, (3, 4), wg.from_numpy(w) if weighted else None)
    np.testing.assert_allclose(out.detach().numpy(), standardized(x, (0, 1)) * (w if weighted else 1), rtol=1e-4)
    out.sum().backward()
    assert given.grad.shape == given.shape


@pytest.mark.parametrize("dtype", [wg.float32, wg.float16])
def test_running_statistics_far_from_zero_are_right(dtype: wg.dtype) -> None:
    middle = 1e6 if dtype == wg.float32 else 300.0
    x = wg.tensor(middle + 3 * draw(64, 2), dtype=dtype)
    mean, variance = wg.zeros(2), wg.ones(2)
    F.batch_norm(x, mean, variance, training=True, momentum=1.0)
    wide = x.double().numpy()
    np.testing.assert_allclose(mean.numpy(), wide.mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance.numpy(), wide.var(0, ddof=1), rtol=1e-4)


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (2, 3, 0)])
def test_of_nothing_batch_norm_gives_nothing_and_learns_nothing(shape: tuple[int, ...]) -> None:
    x = wg.zeros(*shape, requires_grad=True)
    mean, variance = wg.zeros(3), wg.ones(3)
    out = F.batch_norm(x, mean, variance, wg.ones(3), wg.zeros(3), training=True)
    assert out.shape == shape
    out.sum().backward()
    assert x.grad.shape == shape
    assert mean.tolist() == [0.0] * 3
    assert variance.tolist() == [1.0] * 3
    with pytest.raises(ValueError, match="batch_norm: expected more than one value per channel"):
        F.batch_norm(wg.ones(1, 3), None, None, training=True)


def test_statistics_that_move_are_counted_as_changed() -> None:
    mean, variance = wg.zeros(2), wg.ones(2)
    scale = wg.ones(2, requires_grad=True)
    kept = scale * mean  # whose derivative needs the mean
    F.batch_norm(wg.from_numpy(draw(4, 2)).float(), mean, variance, training=True)
    with pytest.raises(RuntimeError, match="changed in place"):
        kept.sum().backward()


def test_float16_is_normalized_in_float32_from_end_to_end() -> None:
    x = (draw(2, 300) * 9000).astype(np.float16)
    w, b = draw(300, seed=1).astype(np.float16), draw(300, seed=2).astype(np.float16)
    out = F.layer_norm(*(wg.from_numpy(v) if i != 1 else (300,) for i, v in enumerate((x, w))))
    assert out.dtype == wg.float16
    np.testing.assert_allclose(out.numpy(), standardized(x, (1,)), rtol=1e-3, atol=1e-3)
    scaled = F.layer_norm(wg.from_numpy(x), (300,), wg.from_numpy(w), wg.from_numpy(b))
    np.testing.assert_allclose(scaled.numpy(), standardized(x, (1,)) * w + b, rtol=5e-3, atol=5e-3)


# ---------------------------------------------------------------- lengths and angles


@pytest.mark.parametrize("dim", [0, 1, -1, -2])
@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 4), (3, 1)), ((3, 1), (3, 4)), ((1, 4), (3, 4)), ((4,), (3, 4)), ((2, 1, 4), (3, 1)), ((3, 4), ())],
)
def test_cosines_of_operands_that_broadcast_are_cosines(a: tuple[int, ...], b: tuple[int, ...], dim: int) -> None:
    x, y = draw(*a), np.asarray(draw(*b, seed=1))
    u, v = np.broadcast_arrays(x, y)
    expected = (u * v).sum(dim) / np.sqrt((u * u).sum(dim) * (v * v).sum(dim))
    np.testing.assert_allclose(F.cosine_similarity(wg.from_numpy(x), wg.from_numpy(y), dim).numpy(), expected)
    wg.func.check_gradients(lambda x, y: F.cosine_similarity(x, y, dim), wg.from_numpy(x), wg.from_numpy(y), order=2)


def test_cosines_need_shapes_that_broadcast_and_a_dimension_of_these() -> None:
    with pytest.raises(ValueError, match="cosine_similarity: the shapes"):
        F.cosine_similarity(wg.ones(3, 4), wg.ones(2, 4))
    with pytest.raises(IndexError):
        F.cosine_similarity(wg.ones(3), wg.ones(3))


def test_cosines_of_long_and_of_no_vectors() -> None:
    x = wg.tensor([[3e30, 4e30], [0.0, 0.0]])
    assert F.cosine_similarity(x, x).tolist() == pytest.approx([1.0, 0.0])


HALF: dict[str, Callable[..., wg.Tensor]] = {
    "normalize_2": lambda x, y: F.normalize(x, 2),
    "normalize_3": lambda x, y: F.normalize(x, 3),
    "normalize_4": lambda x, y: F.normalize(x, 4.0),
    "cosine_similarity": F.cosine_similarity,
    "pairwise_distance": F.pairwise_distance,
    "pairwise_distance_3": lambda x, y: F.pairwise_distance(x, y, 3),
    "mse_loss": F.mse_loss,
    "mse_loss_sum": lambda x, y: F.mse_loss(x[:, :20], y[:, :20], "sum"),
    "l1_loss": F.l1_loss,
    "huber_loss": lambda x, y: F.huber_loss(x, y, delta=100.0),
    "smooth_l1_loss": lambda x, y: F.smooth_l1_loss(x, y, "none", beta=3000.0),
    "smooth_l1_loss_0": lambda x, y: F.smooth_l1_loss(x, y, beta=0.0),
    "bce_with_logits": lambda x, y: F.binary_cross_entropy_with_logits(x, y > 0, pos_weight=wg.exp(x.detach() / 50)),
    "kl_div": lambda x, y: F.kl_div(x, y.abs(), reduction="batchmean") / 100,
    "cross_entropy": lambda x, y: F.cross_entropy(x, wg.tensor([0, 5, 7])),
    "nll_loss": lambda x, y: F.nll_loss(x, wg.tensor([0, 5, 7])),
}  # fmt: skip


@pytest.mark.parametrize("name", HALF)
def test_float16_is_computed_in_float32_from_end_to_end(name: str) -> None:
    x, y = ((draw(3, 200, seed=k) * 15).astype(np.float16) for k in (0, 1))
    xs = wg.from_numpy(x).requires_grad_()
    out = HALF[name](xs, wg.from_numpy(y))
    wide = wg.from_numpy(x.astype(np.float64)).requires_grad_()
    expected = HALF[name](wide, wg.from_numpy(y.astype(np.float64)))
    assert out.dtype == wg.float16
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=2e-3, atol=1e-6)
    out.sum().backward()
    expected.sum().backward()
    assert xs.grad.dtype == wg.float16
    np.testing.assert_allclose(xs.grad.numpy(), wide.grad.numpy(), rtol=5e-3, atol=1e-4)


# ---------------------------------------------------------------- losses


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("ignored", [1.5, 2.0, True, "2", None, math.nan])
def test_a_label_to_be_ignored_is_an_integer(loss: Callable[..., wg.Tensor], ignored: object) -> None:
    x, y = wg.zeros(2, 3), wg.tensor([0, 1])
    loss(x, y, ignore_index=2)  # what is equal to it, but of another type, is no better for having been seen
    loss(x, y, ignore_index=1)
    with pytest.raises(TypeError, match=f"{loss.__name__}: expected an integer for ignore_index, got {ignored!r}"):
        loss(x, y, ignore_index=ignored)
    assert loss(x, y, ignore_index=np.int64(1)).item() == loss(x, y, ignore_index=1).item()


# ---------------------------------------------------------------- numbers that are tensors

IMAGES, SHARE = wg.ones(1, 2, 8, 8), wg.tensor(0.0)
OF_NUMBERS: dict[str, Callable[[Any], wg.Tensor]] = {
    "stride": lambda n: F.conv2d(IMAGES, wg.ones(2, 2, 2, 2), stride=n),
    "padding": lambda n: F.conv2d(IMAGES, wg.ones(2, 2, 2, 2), padding=(0, n)),
    "dilation": lambda n: F.conv2d(IMAGES, wg.ones(2, 2, 2, 2), dilation=[n, 1]),
    "groups": lambda n: F.conv2d(IMAGES, wg.ones(2, 2, 1, 1)[:, : 2 // int(n)], groups=n),
    "kernel_size": lambda n: F.max_pool2d(IMAGES, n),
    "the stride of a pool": lambda n: F.avg_pool2d(IMAGES, 2, n),
    "patches": lambda n: F.unfold(IMAGES, (n, 1)),
    "label_smoothing": lambda n: F.cross_entropy(
        wg.tensor([[1.0, 2.0]]), wg.tensor([0]), label_smoothing=SHARE.fill_(n / 4)
    ),
    "ignore_index": lambda n: F.nll_loss(
        wg.tensor([[1.0, 2.0], [5.0, 4.0], [3.0, 7.0]]), wg.tensor([0, 1, 1]), ignore_index=n - 1
    ),
}


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_a_number_may_be_a_tensor_and_change(name: str) -> None:
    """What is planned once for the same arguments must not be kept for one that has another value now."""
    function, n = OF_NUMBERS[name], wg.tensor(1)
    expected = [function(k).numpy() for k in (1, 2)]
    assert expected[0].shape != expected[1].shape or (expected[0] != expected[1]).any()
    for k in (1, 2, 1):
        n.fill_(k)
        np.testing.assert_array_equal(function(n).numpy(), expected[k - 1])


@pytest.mark.parametrize("wrong", [1.5, True, "2", {2: 2}, [[2]], None, np.ones(2, np.int64)])
def test_what_is_no_number_is_named(wrong: object) -> None:
    for name in ("stride", "dilation"):
        with pytest.raises(TypeError, match=f"conv2d: expected an integer for {name}, got "):
            F.conv2d(IMAGES, wg.ones(2, 2, 2, 2), **{name: wrong})
    with pytest.raises(TypeError, match="max_pool2d: expected an integer for kernel_size, got "):
        F.max_pool2d(IMAGES, wrong)
    with pytest.raises(TypeError, match="fold: expected an integer for output_size, got "):
        F.fold(IMAGES, wrong, 2)
    with pytest.raises(ValueError, match=r"avg_pool2d: expected kernel_size to be one integer or 2, .*got \(1, 2, 3\)"):
        F.avg_pool2d(IMAGES, (1, 2, 3))


# ---------------------------------------------------------------- at the edges, as in PyTorch


def test_windows_of_any_size_have_means() -> None:
    size = 2**40
    z = F.avg_pool2d(wg.ones(1, 1, 5, 5, dtype=wg.float64), size, 1, size // 2)
    np.testing.assert_allclose(z.numpy(), np.full(z.shape, 25 / size**2), rtol=1e-12)
    z = F.avg_pool2d(wg.ones(1, 1, 5, 5, dtype=wg.float64), size, 1, size // 2, count_include_pad=False)
    np.testing.assert_allclose(z.numpy(), np.ones(z.shape), rtol=1e-12)


def test_a_window_beside_all_items_has_no_largest() -> None:
    x = wg.ones(1, 1, 5)
    values, indices = F.max_pool2d(x, (2, 4), (2, 2), 1, 2, return_indices=True)
    np.testing.assert_array_equal(values.numpy(), F.max_pool2d(x, (2, 4), (2, 2), 1, 2).numpy())
    assert np.isneginf(values.numpy()[indices.numpy() < 0]).all()
    assert (indices.numpy() < 0).any()


@pytest.mark.parametrize("label", [-1, 3, -4])
def test_labels_of_margins_are_classes(label: int) -> None:
    x = wg.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    with pytest.raises(IndexError, match=f"multi_margin_loss: label {label} is not one of 3 classes"):
        F.multi_margin_loss(x, wg.tensor([0, label]))
    if label != -1:
        with pytest.raises(IndexError, match=f"multilabel_margin_loss: label {label} is neither one of 3 classes"):
            F.multilabel_margin_loss(x, wg.tensor([[0, -1, 0], [label, 0, -1]]))


def test_an_impossible_alignment_says_nothing_of_steps_that_do_not_count() -> None:
    x = wg.tensor(draw(6, 1, 5), requires_grad=True)
    loss = F.ctc_loss(F.log_softmax(x, -1), wg.tensor([[1, 2, 1]]), wg.tensor([1]), wg.tensor([3]), 0, "none")
    loss.sum().backward()
    assert np.isposinf(loss.detach().numpy()).all()
    assert np.isnan(x.grad.numpy()[0]).all()
    assert (x.grad.numpy()[1:] == 0).all()


def test_attention_takes_one_mask() -> None:
    q = wg.ones(1, 5, 5)
    with pytest.raises(ValueError, match=r"is_causal says .*, and so does attn_mask, of shape \(5, 5\)"):
        F.scaled_dot_product_attention(q, q, q, wg.zeros(5, 5), is_causal=True)


@pytest.mark.parametrize("items", [1, 64, 1001])
def test_a_cotangent_passes_relu_where_the_item_is_nan(items: int) -> None:
    """As in PyTorch: what is not below zero; so a loss that is NaN has no gradient that looks whole."""
    for function in (F.relu, lambda x: F.relu(x * 1.0, inplace=True), lambda x: wg.nn.ReLU()(x)):
        x = wg.tensor([np.nan, 1.0, -1.0, 0.0] * items, requires_grad=True)
        function(x).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), [1.0, 1.0, 0.0, 0.0] * items)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.huber_loss])
def test_losses_of_items_with_weights(loss: Callable[..., wg.Tensor], reduction: str) -> None:
    x, y, w = draw(3, 4), draw(3, 4, seed=1), np.abs(draw(3, 4, seed=2))
    terms = loss(wg.tensor(x), wg.tensor(y), reduction="none").numpy() * w
    count = w.size if loss is F.huber_loss else w.sum()  # as PyTorch has it
    expected = {"mean": terms.sum() / count, "sum": terms.sum(), "none": terms}[reduction]
    found = loss(wg.tensor(x), wg.tensor(y), reduction=reduction, weight=wg.tensor(w))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"input of shape \(3, 4\) needs a weight of that shape, got \(4,\)"):
        loss(wg.tensor(x), wg.tensor(y), weight=wg.ones(4))


def test_rows_that_are_picked_often_learn_as_others() -> None:
    layer = wg.nn.Embedding(4, 2, scale_grad_by_freq=True, sparse=False, dtype=wg.float64)
    ids, g = wg.tensor([[1, 2, 1], [1, 0, 2]]), draw(2, 3, 2)
    out = layer(ids)
    np.testing.assert_allclose(out.detach().numpy(), layer.weight.detach().numpy()[ids.numpy()], rtol=1e-15)
    (out * wg.tensor(g)).sum().backward()
    expected = np.zeros((4, 2))
    np.add.at(expected, ids.numpy(), g)
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected / np.array([[1], [3], [2], [1]]), rtol=1e-12)
    assert repr(layer) == "Embedding(4, 2, scale_grad_by_freq=True)"
    again = wg.nn.Embedding.from_pretrained(layer.weight.detach(), freeze=False, scale_grad_by_freq=True)
    assert again.scale_grad_by_freq
    assert again.weight.requires_grad


def test_who_asks_for_weights_of_attention_gets_those_of_the_mask() -> None:
    """`is_causal` is a hint that the mask is the causal one."""
    layer, x = wg.nn.MultiheadAttention(2, 1), wg.from_numpy(draw(3, 1, 2).astype(np.float32))
    mask = wg.tensor([[False, False, True], [False] * 3, [False] * 3])
    weights = layer(x, x, x, attn_mask=mask, is_causal=True)[1]
    np.testing.assert_array_equal(weights.detach().numpy()[0] == 0, mask.numpy())


# ---------------------------------------------------------------- losses of rows


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 3, 4), (2, 3, 2, 2)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_nll_loss_of_log_probabilities_is_cross_entropy(shape: tuple[int, ...], reduction: str, weighted: bool) -> None:
    classes = min(len(shape) - 1, 1)
    outer = shape[:classes] + shape[classes + 1 :]
    y = np.random.default_rng(2).integers(0, 3, outer)
    weight = wg.tensor([0.5, 2.0, 1.0], dtype=wg.float64) if weighted else None
    for ignored in (-100, 1):
        xs = [wg.from_numpy(draw(*shape)).requires_grad_() for _ in range(2)]
        a = F.cross_entropy(xs[0], y, weight, ignore_index=ignored, reduction=reduction)
        b = F.nll_loss(wg.log_softmax(xs[1], classes), y, weight, ignore_index=ignored, reduction=reduction)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)
        assert a.shape == (outer if reduction == "none" else ())
        if np.isfinite(a.detach().numpy()).all():
            a.sum().backward()
            b.sum().backward()
            np.testing.assert_allclose(xs[0].grad.numpy(), xs[1].grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
def test_class_weights_have_no_derivative_and_say_so(loss: Callable[..., wg.Tensor]) -> None:
    weight = wg.ones(3, requires_grad=True)
    out = loss(wg.zeros(2, 3, requires_grad=True), wg.tensor([0, 1]), weight)
    with pytest.raises(RuntimeError, match="it has no reverse rule for its argument weight"):
        out.backward()


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
@pytest.mark.parametrize("bad", [3, -1, -101, 2**40])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_a_label_that_is_no_class_is_refused(loss: Callable[..., wg.Tensor], bad: int, reduction: str) -> None:
    with pytest.raises(IndexError, match=f"label {bad}"):
        loss(wg.zeros(2, 3), wg.tensor([0, bad]), reduction=reduction)


def test_probabilities_of_a_wider_dtype_make_the_loss_wider() -> None:
    x, y = wg.zeros(2, 3), wg.full((2, 3), 1 / 3, dtype=wg.float64)
    assert F.cross_entropy(x, y).dtype == wg.float64
    assert F.cross_entropy(x, y).item() == pytest.approx(math.log(3), rel=1e-14)
    assert F.cross_entropy(x.half(), y.float()).dtype == wg.float32


@pytest.mark.parametrize("x", [math.nan, -0.1, 1.1])
@pytest.mark.parametrize("place", [0, 1])
def test_binary_cross_entropy_takes_probabilities(x: float, place: int) -> None:
    items = [wg.tensor([0.5, 0.5]), wg.tensor([0.5, 0.5])]
    items[place] = wg.tensor([0.5, x])
    with pytest.raises(RuntimeError, match=rf"expected {('probabilities', 'targets')[place]} in \[0, 1\]"):
        F.binary_cross_entropy(*items)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_the_kinks_of_losses_are_at_numbers(value: float) -> None:
    x = wg.ones(2)
    with pytest.raises(ValueError, match="huber_loss: expected delta > 0"):
        F.huber_loss(x, x, delta=value)
    if value != 0:
        with pytest.raises(ValueError, match="smooth_l1_loss: expected beta >= 0"):
            F.smooth_l1_loss(x, x, beta=value)


@pytest.mark.parametrize("beta", [1e-10, 1e-3, 1.0, 1e20, math.inf])
def test_the_smooth_absolute_error_does_not_overflow_on_the_way(beta: float) -> None:
    x = wg.tensor([1e25, -1e25, 1e-3, 0.0], requires_grad=True)
    out = F.smooth_l1_loss(x, wg.zeros(4), "none", beta=beta)
    d = np.abs(x.detach().numpy().astype(np.float64))
    expected = np.where(d < beta, d * np.minimum(d / beta, 1) / 2, d - min(beta, 1e30) / 2)
    np.testing.assert_allclose(out.detach().numpy(), expected.astype(np.float32), rtol=1e-6)
    if math.isfinite(beta):
        out.sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), np.clip(x.detach().numpy() / beta, -1, 1), rtol=1e-6)


def test_the_absolute_error_of_float16_is_not_infinite_where_it_is_scaled_down() -> None:
    x, y = wg.tensor([6e4], dtype=wg.float16), wg.tensor([-6e4], dtype=wg.float16)
    assert F.huber_loss(x, y, delta=1e-3).item() == pytest.approx(120, rel=1e-3)
    assert F.smooth_l1_loss(x * 0, y, beta=1000.0).item() == pytest.approx(59500, rel=1e-3)


def test_the_divergence_from_what_is_no_probability_is_nan_and_of_nothing_too() -> None:
    out = F.kl_div(wg.tensor([0.5, 0.5, 0.5]), wg.tensor([-1.0, 0.0, 1.0]), "none")
    np.testing.assert_allclose(out.numpy(), [math.nan, 0.0, -0.5])
    assert math.isnan(F.kl_div(wg.zeros(0, 3), wg.zeros(0, 3), "batchmean").item())


# ---------------------------------------------------------------- padding


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ((1, 2), [4, 0, 1, 2, 3, 4, 0, 1]),
        ((-1, 2), [1, 2, 3, 4, 1, 2]),
        ((2, -1), [2, 3, 0, 1, 2, 3]),
        ((-2, 3), [2, 3, 4, 2, 3, 4]),
        ((3, -2), [0, 1, 2, 0, 1, 2]),
        ((-1, -1), [1, 2, 3]),
        ((-5, 0), []),
        ((5, 5), [0, 1, 2, 3, 4] * 3),
    ],
)
def test_circular_padding_goes_round_what_is_left(lengths: tuple[int, int], expected: list[float]) -> None:
    x = wg.arange(5.0).requires_grad_()
    out = F.pad(x, lengths, "circular")
    assert out.tolist() == expected
    out.sum().backward()
    assert x.grad.tolist() == [float(expected.count(k)) for k in range(5)]


@pytest.mark.parametrize("lengths", [(6, 0), (0, 6), (-3, 3), (3, -3), (-5, 1)])
def test_circular_padding_goes_round_once(lengths: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"pad: \d item\(s\) cannot be repeated by"):
        F.pad(wg.arange(5.0), lengths, "circular")


# ---------------------------------------------------------------- lookup


def test_what_embedding_gives_is_a_copy() -> None:
    table = wg.from_numpy(draw(3, 2))
    before = table.numpy().copy()
    for ids in (wg.tensor(1), wg.tensor([1]), wg.tensor([[1, 0]])):
        out = F.embedding(ids, table)
        assert out.shape == (*ids.shape, 2)
        out.fill_(7.0)
        np.testing.assert_array_equal(table.numpy(), before)


@pytest.mark.parametrize("ids", [[3], [-1], [0, 2**40], [[0], [-4]]])
def test_an_index_that_is_no_row_is_refused(ids: list[int]) -> None:
    with pytest.raises(IndexError, match="embedding: expected indices from 0 to 2"):
        F.embedding(wg.tensor(ids), wg.zeros(3, 2))


def test_padding_rows_are_integers() -> None:
    with pytest.raises(TypeError):
        F.embedding(wg.tensor([0]), wg.zeros(3, 2), padding_idx=1.5)


@pytest.mark.parametrize("dtype", [wg.float16, wg.float32, wg.float64])
@pytest.mark.parametrize("p", [1.0, 2.0, math.inf])
def test_rows_that_are_too_long_are_shortened_and_the_change_is_counted(dtype: wg.dtype, p: float) -> None:
    table = wg.tensor([[300.0, 400.0], [0.1, 0.1], [3.0, 4.0]], dtype=dtype)
    kept = wg.ones(2, requires_grad=True, dtype=dtype) * table[2]
    out = F.embedding(wg.tensor([0, 0, 1]), table, max_norm=1.0, norm_type=p)
    norms = np.linalg.norm(table.double().numpy(), p, axis=1)
    np.testing.assert_allclose(norms[0], 1.0, rtol=2e-3)
    np.testing.assert_allclose(norms[2], np.linalg.norm([3.0, 4.0], p), rtol=1e-3)  # not looked up
    np.testing.assert_array_equal(out[2].numpy(), table[1].numpy())
    with pytest.raises(RuntimeError, match="changed in place"):
        kept.sum().backward()


def test_numpys_spellings_of_keywords_are_taken() -> None:
    x = wg.tensor([[1.0, 2.0], [3.0, 5.0]])
    for function in (F.softmax, F.log_softmax, F.normalize):
        assert function(x, axis=0).equal(function(x, dim=0))
    assert F.cosine_similarity(x, x + 1, axis=0).equal(F.cosine_similarity(x, x + 1, dim=0))
    assert F.pairwise_distance(x, x + 1, keepdims=True).shape == (2, 1)
