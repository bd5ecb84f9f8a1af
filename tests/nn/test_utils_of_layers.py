"""Norms of gradients, layers folded into one, modules without a drawn start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.nn import utils
from wengert.nn.utils.clip_grad import clip_grad_norm_
from wengert.nn.utils.convert_parameters import parameters_to_vector
from wengert.nn.utils.stateless import functional_call


def with_gradients(seed: int = 0) -> list[nn.Parameter]:
    rng = np.random.default_rng(seed)
    found = [nn.Parameter(wg.zeros(shape, dtype=wg.float64)) for shape in ((3, 2), (4,), ())]
    for p in found:
        p.grad = wg.from_numpy(np.asarray(rng.normal(size=p.shape)))
    return [*found, nn.Parameter(wg.ones(2))]  # the last has none


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
def test_total_norm_is_the_norm_of_all_items(p: float) -> None:
    gradients = [w.grad for w in with_gradients() if w.grad is not None]
    whole = np.concatenate([g.numpy().ravel() for g in gradients])
    norm = utils.get_total_norm(iter(gradients), p, foreach=False)
    np.testing.assert_allclose(norm.item(), np.linalg.norm(whole, p), rtol=1e-12)
    assert (norm.shape, norm.dtype) == ((), wg.float64)
    np.testing.assert_allclose(utils.get_total_norm(gradients[0], p).item(), np.linalg.norm(whole[:6], p), rtol=1e-12)


def test_clipping_by_a_known_norm_is_clipping() -> None:
    one, other = with_gradients(), with_gradients()
    norm = utils.get_total_norm([w.grad for w in one if w.grad is not None])
    utils.clip_grads_with_norm_(one, 0.5, norm, foreach=True)
    assert clip_grad_norm_(other, 0.5, foreach=True).item() == norm.item()
    for a, b in zip(one[:3], other[:3], strict=True):
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
    before = parameters_to_vector([w.grad for w in one[:3]]).tolist()
    utils.clip_grads_with_norm_(one, 5.0, wg.tensor(1.0))
    assert parameters_to_vector([w.grad for w in one[:3]]).tolist() == before
    utils.clip_grads_with_norm_(one[3], 1.0, norm)
    assert one[3].grad is None
    with pytest.warns(FutureWarning, match="in favor of clip_grad_norm_"):
        np.testing.assert_allclose(utils.clip_grad_norm(other, 1.0).item(), 0.5, rtol=1e-5)


def test_total_norm_of_what_is_not_finite_is_an_error_if_wanted() -> None:
    x = wg.tensor([1.0, float("inf")])
    assert utils.get_total_norm(x).item() == float("inf")
    with pytest.raises(RuntimeError, match=r"get_total_norm: the 2\.0-norm of the gradients is inf"):
        utils.get_total_norm(x, error_if_nonfinite=True)
    assert utils.get_total_norm([]).item() == 0.0
    w = wg.ones(2, requires_grad=True)
    assert not utils.get_total_norm([w * 2]).requires_grad


def normalization(make: Any, channels: int, **options: Any) -> Any:
    """One with statistics and parameters that are not those of the start."""
    bn = make(channels, dtype=wg.float64, **options).eval()
    rng = np.random.default_rng(5)
    for x in (*bn.parameters(), bn.running_mean, bn.running_var):
        x.data = wg.from_numpy(rng.uniform(0.5, 2.0, channels))
    return bn


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("layer", "make", "shape", "transpose"),
    [
        (lambda **o: nn.Conv1d(3, 4, 2, **o), nn.BatchNorm1d, (2, 3, 5), False),
        (lambda **o: nn.Conv2d(4, 4, 2, groups=2, **o), nn.BatchNorm2d, (2, 4, 5, 4), False),
        (lambda **o: nn.ConvTranspose2d(3, 4, 2, **o), nn.BatchNorm2d, (2, 3, 4, 3), True),
        (lambda **o: nn.Linear(3, 4, **o), nn.BatchNorm1d, (5, 3), None),
    ],
    ids=["conv1d", "groups", "transposed", "linear"],
)
def test_a_folded_normalization_gives_what_both_gave(
    layer: Any, make: Any, shape: tuple[int, ...], transpose: bool | None, bias: bool, affine: bool
) -> None:
    wg.manual_seed(0)
    first = layer(bias=bias, dtype=wg.float64).eval()
    bn = normalization(make, 4, affine=affine)
    x = wg.rand(*shape, dtype=wg.float64)
    expected, before = bn(first(x)), first.weight.tolist()
    first.weight.requires_grad_(affine)
    fused = utils.fuse_linear_bn_eval(first, bn) if transpose is None else utils.fuse_conv_bn_eval(first, bn, transpose)
    np.testing.assert_allclose(fused(x).detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    assert type(fused) is type(first)
    assert [fused.weight.requires_grad, fused.bias.requires_grad] == [affine, bias]
    assert all(p.is_leaf for p in fused.parameters())
    assert first.weight.tolist() == before


def test_folding_refuses_what_it_cannot_fold() -> None:
    conv, bn = nn.Conv2d(1, 2, 1).eval(), nn.BatchNorm2d(2).eval()
    with pytest.raises(AssertionError, match=r"fuse_conv_bn_eval: only for evaluation; call eval\(\)"):
        utils.fuse_conv_bn_eval(conv, nn.BatchNorm2d(2))
    with pytest.raises(AssertionError, match="keeps no running statistics"):
        utils.fuse_conv_bn_eval(conv, nn.BatchNorm2d(2, track_running_stats=False).eval())
    with pytest.raises(AssertionError, match=r"is 1 or linear\.out_features, got 2 and 3"):
        utils.fuse_linear_bn_eval(nn.Linear(2, 3).eval(), bn)


def test_skipping_the_start_draws_nothing() -> None:
    wg.manual_seed(0)
    state = wg.random.get_rng_state().tolist()
    net = utils.skip_init(nn.Linear, 2, out_features=3, dtype=wg.float64, device="cpu")
    assert wg.random.get_rng_state().tolist() == state
    assert (net.weight.shape, net.weight.dtype, net.weight.requires_grad) == ((3, 2), wg.float64, True)
    with pytest.raises(RuntimeError, match="ReLU does not take a device"):
        utils.skip_init(nn.ReLU)
    with pytest.raises(RuntimeError, match="expected a class of modules, got 3"):
        utils.skip_init(3)
    with pytest.raises(TypeError, match="out_features"):
        utils.skip_init(nn.Linear, 2)
    assert wg.random.get_rng_state().tolist() == state


def test_layouts_of_weights_are_accepted_and_change_nothing() -> None:
    net = nn.Conv2d(2, 4, 3)
    for convert in (utils.convert_conv2d_weight_memory_format, utils.convert_conv3d_weight_memory_format):
        assert convert(net, wg.channels_last) is net
        with pytest.raises(TypeError, match=r"as wengert\.channels_last, got 'NHWC'"):
            convert(net, "NHWC")
    assert net.weight.stride() == (18, 9, 3, 1)


def test_functional_call_has_its_older_place() -> None:
    assert functional_call(nn.Linear(2, 1), {"weight": wg.ones(1, 2), "bias": wg.ones(1)}, wg.ones(2)).item() == 3.0
