"""What a wrong call says: the operation, what it got, and what would have worked. One line per error."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.nn import functional as F

V, M, N, S = wg.ones(3), wg.ones(2, 3), wg.arange(3), wg.tensor(1.0)
LEAF = wg.ones(2, requires_grad=True)
NAN = float("nan")

# Of each: the call, the kind of error, and how its message goes on behind the name of the operation.
ERRORS: dict[str, list[tuple[Callable[[], Any], type[Exception], str]]] = {
    # shape
    "reshape": [(lambda: wg.reshape(M, 4), ValueError, "shape (2, 3) has 6 item(s), which do not fit shape (4,)")],
    "view": [
        (lambda: M.view(4), ValueError, "shape (2, 3) has 6 item(s), which do not fit shape (4,)"),
        (lambda: M.T.view(6), RuntimeError, "the strides of this tensor of shape (3, 2) do not allow it; use reshape"),
    ],
    "permute": [(lambda: wg.permute(M, 0, 0), ValueError, "expected each of the 2 dimension(s) once, got (0, 0)")],
    "t": [(lambda: wg.t(wg.ones(1, 2, 3)), ValueError, "expected at most two dimensions, got shape (1, 2, 3); use mT")],
    "broadcast_to": [(lambda: wg.broadcast_to(M, (2, 4)), ValueError, "shape (2, 3) does not broadcast to (2, 4)")],
    "expand": [
        (lambda: M.expand(4, 3), ValueError, "shape (2, 3) does not expand to (4, 3); -1 keeps a length"),
        (lambda: M.expand(3), ValueError, "shape (2, 3) does not expand to (3,); -1 keeps a length"),
        (lambda: M.expand(-1, 2, 3), ValueError, "shape (2, 3) does not expand to (-1, 2, 3); -1 keeps a length"),
    ],
    "flip": [(lambda: wg.flip(M, 0, 0), ValueError, "a dimension appears twice in (0, 0)")],
    "sum": [
        (lambda: wg.sum(M, 2), IndexError, "dimension 2 is out of range for 2 dimension(s), expected -2 to 1"),
        (lambda: wg.sum(M, "rows"), TypeError, "expected an integer dimension, got 'rows'"),
        (lambda: wg.sum(M, 0, axis=1), TypeError, "dim and axis are one thing, give one of them (got dim=0, axis=1)"),
    ],
    "mean": [(lambda: wg.mean(N), TypeError, "expected a floating tensor, got int64; convert it, as in x.float()")],
    "var": [(lambda: wg.var(N), TypeError, "expected a floating tensor, got int64; convert it, as in x.float().var()")],
    "argmax": [(lambda: wg.argmax(M, (0, 1)), TypeError, "expected one dimension or None, got (0, 1)")],
    "norm": [
        (lambda: wg.norm(N), TypeError, "expected a floating tensor, got int64; convert it, as in x.float().norm()"),
        (lambda: wg.norm(V, "nuclear"), ValueError, 'expected a number, "fro" or "nuc" for p, got \'nuclear\''),
    ],
    "cumsum": [(lambda: wg.cumsum(M), TypeError, "expected dim, the dimension to run along")],
    "cumprod": [(lambda: wg.cumprod(M), TypeError, "expected dim, the dimension to run along")],
    "cummax": [(lambda: wg.cummax(M), TypeError, "expected dim, the dimension to run along")],
    "diff": [(lambda: wg.diff(V, -1), ValueError, "expected n >= 0 and one dimension or more, got n=-1")],
    "floor": [(lambda: wg.floor(V > 0), TypeError, "expected numbers, got booleans")],
    "round": [(lambda: wg.round(V > 0), TypeError, "expected numbers, got booleans")],
    "frac": [(lambda: wg.frac(N), TypeError, "expected a floating tensor, got int64")],
    "floor_divide": [
        (lambda: N // N, ZeroDivisionError, "an integer was divided by zero; divide floats for inf and nan"),
        (lambda: (V > 0) // (V > 0), TypeError, "expected numbers, got booleans"),
    ],
    "div": [(lambda: wg.div(V, V, rounding_mode="up"), ValueError, 'expected rounding_mode None, "floor" or "trunc"')],
    "bitwise_and": [(lambda: N & V, TypeError, "integers or booleans")],
    "bitwise_left_shift": [(lambda: (N > 0) << (N > 0), TypeError, "integers")],
    "bitwise_not": [(lambda: ~V, TypeError, "expected integers or booleans, got float32")],
    "isclose": [(lambda: wg.isclose(V, V, rtol=-1.0), ValueError, "expected tolerances that are not negative")],
    "cat": [
        (lambda: wg.cat([]), ValueError, "expected at least one tensor"),
        (lambda: wg.cat([S, S]), ValueError, "0-d tensors have no dimension to be joined along; use stack"),
        (lambda: wg.cat([M, V]), ValueError, "shapes (2, 3), (3,) must agree but for dimension 0"),
    ],
    "stack": [
        (lambda: wg.stack([]), ValueError, "expected at least one tensor"),
        (lambda: wg.stack([M, V]), ValueError, "expected one shape, got (2, 3), (3,)"),
    ],
    "flatten": [(lambda: wg.flatten(M, 1, 0), ValueError, "start_dim 1 comes after end_dim 0")],
    "unflatten": [(lambda: wg.unflatten(V, 0, (2, 2)), ValueError, "sizes (2, 2) do not multiply to the length 3")],
    "movedim": [
        (lambda: wg.movedim(M, (0, 0), (0, 1)), ValueError, "a dimension appears twice in (0, 0)"),
        (lambda: wg.movedim(M, (0, 1), 0), ValueError, "2 source(s) (0, 1) and 1 destination(s) 0"),
    ],
    # pieces
    "split": [
        (lambda: wg.split(S, 1), ValueError, "a 0-d tensor has no dimension to be cut along"),
        (lambda: wg.split(V, [1, 1]), ValueError, "pieces of lengths (1, 1) do not add up to the length 3"),
        (lambda: wg.split(V, 0), ValueError, "expected pieces of length 1 or more, got 0"),
    ],
    "chunk": [(lambda: wg.chunk(V, 0), ValueError, "expected at least 1 chunk, got 0")],
    "tensor_split": [
        (lambda: wg.tensor_split(S, 2), ValueError, "a 0-d tensor has no dimension to be cut along"),
        (lambda: wg.tensor_split(V, 0), ValueError, "expected at least 1 part, got 0"),
    ],
    "narrow": [(lambda: wg.narrow(V, 0, 2, 2), IndexError, "2 item(s) from 2 do not lie within the length 3")],
    "unbind": [(lambda: wg.unbind(S), ValueError, "a 0-d tensor has no dimension to be taken apart along")],
    "repeat": [(lambda: M.repeat(2), ValueError, "shape (2, 3) needs 2 or more counts, none negative, got (2,); tile")],
    "repeat_interleave": [
        (lambda: wg.repeat_interleave(V, V), TypeError, "expected integers to repeat by, got float32"),
        (lambda: wg.repeat_interleave(V, wg.tensor([1, 2])), ValueError, "expected 1 or 3 count(s)"),
    ],
    "roll": [
        (lambda: wg.roll(M, (1, 2)), ValueError, "expected one shift without dims, got (1, 2)"),
        (lambda: wg.roll(M, (1, 2), (0,)), ValueError, "2 shift(s) (1, 2) for 1 dimension(s) (0,)"),
    ],
    "flipud": [(lambda: wg.flipud(S), IndexError, "a 0-d tensor has no first dimension")],
    "rot90": [
        (lambda: wg.rot90(M, 1, (0, 0)), ValueError, "a dimension appears twice in (0, 0)"),
        (lambda: wg.rot90(M, 1, (0,)), ValueError, "expected two different dimensions, got (0,)"),
    ],
    "diagonal": [
        (lambda: wg.diagonal(V), IndexError, "dimension 1 is out of range for 1 dimension(s)"),
        (lambda: wg.diagonal(M, 0, 1, 1), ValueError, "expected two different dimensions of shape (2, 3), got 1 and 1"),
    ],
    "diag_embed": [
        (lambda: wg.diag_embed(S), ValueError, "a 0-d tensor has no items to be put on a diagonal; make it a vector"),
        (lambda: wg.diag_embed(V, 0, 1, 1), ValueError, "expected two different dimensions, got 1 and 1"),
    ],
    # items
    "index": [
        (lambda: V["a"], IndexError, "expected integers, slices, ..., None, or arrays of integers or booleans, got"),
        (lambda: V[1.5], IndexError, "expected integers, slices, ..., None, or arrays of integers or booleans, got"),
        (lambda: V[V], IndexError, "expected integers or booleans, got an index of dtype float32"),
        (lambda: V[5], IndexError, "index 5 is out of bounds for axis 0 with size 3; of shape (3,), a dimension of"),
        (lambda: V[0, 0], IndexError, "array is 1-dimensional, but 2 were indexed; of shape (3,)"),
        (
            lambda: V[wg.tensor([5])], IndexError,
            "index 5 is out of range for dimension 0 of length 3, expected -3 to 2; of shape (3,)",
        ),
        (lambda: V[wg.tensor([0, 1]), wg.tensor([0])], IndexError, "array is 1-dimensional, but 2 were indexed"),
        (lambda: LEAF.clone().__setitem__(slice(0, 2), wg.ones(3)), ValueError, "a value of shape (3,) does not broad"),
    ],
    "gather": [
        (lambda: wg.gather(M, index=N), TypeError, "expected dim, the dimension that is indexed"),
        (lambda: wg.gather(M, 0, N), ValueError, "expected indices of 2 dimension(s) like the tensor, got shape (3,)"),
        (lambda: wg.gather(V, 0, V), TypeError, "expected integer indices, got float32"),
        (lambda: wg.gather(V, 0, wg.tensor([3])), IndexError, "index 3 is out of range for dimension 0 of length 3"),
    ],
    "take_along_dim": [
        (lambda: wg.take_along_dim(M, wg.zeros(3, 2).long(), 1), ValueError, "shape (2, 3) and indices of shape"),
        (lambda: wg.take_along_dim(V, N + 1, 0), IndexError, "index 3 is out of range for dimension 0 of length 3"),
        (lambda: wg.take_along_dim(M, wg.zeros(2, 1), 1), TypeError, "expected integer indices, got float32"),
    ],
    "scatter": [
        (lambda: wg.scatter(V, 0, N), TypeError, "expected src, the items to place"),
        (lambda: wg.scatter(V, 0, N, wg.ones(3).double()), TypeError, "expected src of dtype float32 like the tensor"),
    ],
    "index_select": [
        (lambda: wg.index_select(M, index=N), TypeError, "expected dim, the dimension that is indexed"),
        (lambda: wg.index_select(M, 0, V), TypeError, "expected integer indices, got float32"),
        (lambda: wg.index_select(M, 0, N[None]), ValueError, "expected a vector of indices, got shape (1, 3)"),
    ],
    "index_add": [
        (lambda: wg.index_add(V, 0, N, wg.ones(2)), ValueError, "expected a source of shape (3,), got (2,)"),
        (lambda: wg.index_add(V, 0, N, V.double()), TypeError, "expected a source of dtype float32 like the tensor"),
    ],
    "index_fill": [
        (lambda: wg.index_fill(V, 0, N + 1, 1.0), IndexError, "index 3 is out of range"),
        (lambda: wg.index_fill(V, 0, N, V), ValueError, "expected a number or a 0-d tensor as value"),
    ],
    "take": [
        (lambda: wg.take(V, V), TypeError, "expected integer indices, got float32"),
        (lambda: wg.take(V, wg.tensor(3)), IndexError, "index 3 is out of range for dimension 0 of length 3"),
    ],
    "index_copy": [(lambda: wg.index_copy(V, 0, N + 1, V), IndexError, "index 3 is out of range")],
    "scatter_add": [(lambda: wg.scatter_add(V, 0, N + 1, V), IndexError, "index 3 is out of range")],
    "masked_fill": [
        (lambda: wg.masked_fill(V, V, 0), TypeError, "expected a boolean mask, got float32; compare it"),
        (lambda: wg.masked_fill(N, N > 0, 0.5), TypeError, "0.5 does not fit into a tensor of int64"),
    ],
    "masked_scatter": [
        (lambda: wg.masked_scatter(V, wg.ones(2, 3) > 0, V), ValueError, "a mask of shape (2, 3) does not"),
        (lambda: wg.masked_scatter(V, V > 0, wg.ones(2)), ValueError, "the mask has 3 true item(s), the source only 2"),
    ],
    "where": [
        (lambda: wg.where(V > 0, V), TypeError, "expected a condition alone, or a condition with x and y"),
        (lambda: wg.where(V, V, V), TypeError, "expected a boolean condition, got float32"),
    ],
    "clip": [(lambda: wg.clip(V), ValueError, "expected min, max or both")],
    "sub": [(lambda: (V > 0) - (V > 0), TypeError, "booleans have none; use")],
    # order
    "topk": [(lambda: wg.topk(V, 4), ValueError, "expected k from 0 to 3, the length of dimension 0 of (3,), got 4")],
    "kthvalue": [(lambda: wg.kthvalue(V, 0), ValueError, "expected k from 1 to 3, the length of dimension 0, got 0")],
    "median": [(lambda: wg.median(wg.ones(2, 0), 1), ValueError, "there is nothing to choose from along dimension 1")],
    "quantile": [
        (lambda: wg.quantile(N, 0.5), TypeError, "expected a floating tensor, got int64; convert it, as in x.float()"),
        (lambda: wg.quantile(V, 2.0), ValueError, "expected one q or a vector of them in [0, 1], got 2.0"),
        (lambda: wg.quantile(V, 0.5, interpolation="cubic"), ValueError, "expected an interpolation of linear, lower"),
        (lambda: wg.quantile(wg.ones(0), 0.5), ValueError, "there is nothing to choose from in shape (0,)"),
    ],
    "searchsorted": [
        (lambda: wg.searchsorted(V, V, side="middle"), ValueError, 'expected side "left" or "right", got \'middle\''),
        (lambda: wg.searchsorted(M, V), ValueError, "sequences of shape (2, 3) and values of shape (3,) differ"),
    ],
    "bucketize": [(lambda: wg.bucketize(V, M), ValueError, "expected a vector of boundaries, got shape (2, 3)")],
    # counts
    "bincount": [
        (lambda: wg.bincount(V), TypeError, "expected integers, got float32"),
        (lambda: wg.bincount(-N), ValueError, "expected a vector of integers >= 0, got shape (3,)"),
        (lambda: wg.bincount(N, minlength=-1), ValueError, "expected minlength >= 0, got -1"),
    ],
    "histc": [
        (lambda: wg.histc(N), TypeError, "expected a floating tensor, got int64; convert it, as in x.float()"),
        (lambda: wg.histc(V, 0), ValueError, "expected at least 1 bin, got 0"),
        (lambda: wg.histc(V, 2, 3, 1), ValueError, "expected a finite range with min < max, got 3.0 to 1.0"),
    ],
    "nanmean": [(lambda: wg.nanmean(N), TypeError, "expected a floating tensor, got int64; convert it")],
    # products
    "matmul": [
        (lambda: S @ V, ValueError, "expected vectors or matrices, got shapes () and (3,); a 0-d tensor scales"),
        (lambda: M @ M, ValueError, "shapes (2, 3) and (2, 3) do not chain: the last dimension of the first, 3, must"),
    ],
    "bmm": [(lambda: wg.bmm(M[None], wg.ones(2, 3, 1)), ValueError, "stacks of 1 and 2 matrices; expected as many")],
    "mm": [
        (lambda: wg.mm(V, M), ValueError, "expected shapes (m, k) and (k, n), got (3,) and (2, 3)"),
        (lambda: wg.mm(M, M.T.double()), TypeError, "expected one dtype, got float32 and float64"),
    ],
    "outer": [(lambda: wg.outer(V, M), ValueError, "expected two vectors, got shapes (3,) and (2, 3)")],
    "addmm": [(lambda: wg.addmm(wg.ones(4), M, M.T), ValueError, "the shapes (4,) and (2, 2) do not broadcast")],
    "linear": [
        (lambda: F.linear(M, V), ValueError, "expected a weight of shape (out, in), got (3,)"),
        (lambda: F.linear(M, wg.ones(5, 4)), ValueError, "the input's last dimension must be 4 for a weight of"),
        (lambda: F.linear(M, wg.ones(5, 3), V), ValueError, "expected a bias of shape (5,), got (3,)"),
    ],
    "einsum": [
        (lambda: wg.einsum("ij,jk", M), ValueError, "'ij,jk' has 2 term(s) for 1 operand(s)"),
        (lambda: wg.einsum("i!", V), ValueError, "expected letters, commas, ... and one ->, got 'i!'"),
        (lambda: wg.einsum("ijk", M), ValueError, "the term 'ijk' of 'ijk' does not fit shape (2, 3)"),
        (lambda: wg.einsum("ij->ik", M), ValueError, "the result 'ik' of 'ij->ik' must name dimensions of operands"),
        (lambda: wg.einsum("ii", M), ValueError, "'i' of 'ii' is 2 and 3 in shapes (2, 3)"),
        (lambda: wg.einsum("i,i", V, wg.ones(2)), ValueError, "'i' of 'i,i' is 3 and 2 in shapes (3,), (2,)"),
    ],
    "tensordot": [
        (lambda: wg.tensordot(V, V, 2), ValueError, "expected 0 to 1 dimensions for shapes (3,) and (3,), got 2"),
        (lambda: wg.tensordot(M, M, ([0], [1])), ValueError, "dimensions [0] of shape (2, 3) and [1] of shape (2, 3)"),
    ],
    "inner": [(lambda: wg.inner(V, wg.ones(2)), ValueError, "the last dimensions of shapes (3,) and (2,) differ")],
    "trace": [(lambda: V.trace(), ValueError, "expected a matrix, got shape (3,)")],
    "cdist": [
        (lambda: wg.cdist(M, wg.ones(4, 2)), ValueError, "expected points of shapes (..., m, d) and (..., n, d), got"),
        (lambda: wg.cdist(M, M, -1), ValueError, "expected a norm with p >= 0, got -1"),
    ],
    # layers
    "softmax": [(lambda: wg.softmax(M, None), TypeError, "expected dim, the dimension that is normalised")],
    "cross_entropy": [
        (lambda: F.cross_entropy(N[None], N[:1]), TypeError, "expected floating logits, got int64"),
        (lambda: F.cross_entropy(M, N[:2], reduction="max"), ValueError, 'expected reduction "mean", "sum" or "none"'),
        (lambda: F.cross_entropy(M, N[:2], label_smoothing=2), ValueError, "expected label_smoothing in [0, 1], got 2"),
        (lambda: F.cross_entropy(S, N[0]), ValueError, "expected logits (classes,), (n, classes) or (n, classes, d1"),
        (lambda: F.cross_entropy(M, N), ValueError, "logits of shape (2, 3) need labels of shape (2,)"),
        (lambda: F.cross_entropy(M, V[:2] > 0), TypeError, "expected labels of an integer dtype, got bool"),
        (lambda: F.cross_entropy(M, N[:2], wg.ones(2)), ValueError, "expected class weights of shape (3,), got (2,)"),
    ],
    "huber_loss": [(lambda: F.huber_loss(V, V, delta=0.0), ValueError, "expected delta > 0, got 0.0")],
    "smooth_l1_loss": [(lambda: F.smooth_l1_loss(V, V, beta=-1.0), ValueError, "expected beta >= 0, got -1.0")],
    "nll_loss": [(lambda: F.nll_loss(S, N[0]), ValueError, "expected log-probabilities (classes,), (n, classes) or")],
    "Embedding": [(lambda: wg.nn.Embedding(3, 2, 3), ValueError, "padding_idx 3 is not one of 3 rows")],
    "dropout": [(lambda: wg.dropout(V, 2), ValueError, "expected a probability p in [0, 1], got 2")],
    "layer_norm": [
        (lambda: F.layer_norm(M, (3,), wg.ones(2)), ValueError, "expected a weight of shape (3,), got (2,)"),
    ],
    "batch_norm": [
        (lambda: F.batch_norm(V, None, None, training=True), ValueError, "expected input of shape (n, channels, ...)"),
        (lambda: F.batch_norm(M, None, None), ValueError, "outside training, running_mean and running_var are needed"),
    ],
    "embedding": [
        (lambda: F.embedding(V, M), TypeError, "expected indices of an integer dtype, got float32"),
        (lambda: F.embedding(N, wg.ones(3, 2), padding_idx=5), IndexError, "padding_idx 5 is not one of 3 rows"),
    ],
    "prelu": [(lambda: F.prelu(M, wg.ones(2)), ValueError, "input of shape (2, 3) needs 1 or 3 slope(s), got")],
    # tensors
    "fill_diagonal_": [
        (lambda: wg.ones(3).fill_diagonal_(0), RuntimeError, "expected two dimensions or more, got shape"),
    ],
    "unsqueeze_": [
        (lambda: LEAF.unsqueeze_(0), RuntimeError, "a leaf that requires a gradient cannot change its shape while rec"),
    ],
    "set_default_dtype": [(lambda: wg.set_default_dtype(wg.int64), TypeError, "expected float16, float32 or float64")],
    "finfo": [(lambda: wg.finfo(wg.int64), TypeError, "expected a floating dtype, got int64; use iinfo")],
    "iinfo": [(lambda: wg.iinfo(wg.float32), TypeError, "expected an integer dtype, got float32; use finfo")],
    "result_type": [(lambda: wg.result_type(), ValueError, "expected at least one tensor, array or number")],
    "float": [(lambda: float(V), ValueError, "only a tensor of one item is a number")],
    "item": [(lambda: V.item(), RuntimeError, "expected a tensor of one item, got shape (3,)")],
    "len": [(lambda: len(S), TypeError, "a 0-d tensor has no length")],
    "add_": [
        (lambda: wg.ones(3).add_(M), RuntimeError, "the result has shape (2, 3), which does not fit into (3,)"),
        (lambda: wg.arange(3).add_(0.5), RuntimeError, "the result is float32, which cannot be kept in a tensor"),
    ],
    "format": [(lambda: f"{V:.2f}", TypeError, "'.2f' is for one number, this tensor has shape (3,)")],
    "backward": [
        (lambda: wg.autograd.backward(2.0), TypeError, "expected a tensor, got float"),
        (lambda: wg.autograd.backward([2.0]), TypeError, "expected a tensor, got float"),
        (lambda: wg.autograd.backward([LEAF.sum()], [S, S]), ValueError, "1 output(s) and 2 gradient(s)"),
        (lambda: wg.autograd.backward(LEAF.sum(), inputs=V), RuntimeError, "one of the inputs does not require a grad"),
        (lambda: V.backward(), RuntimeError, "nothing was recorded"),
        (lambda: (LEAF * 2).backward(), RuntimeError, "a tensor of shape (2,) needs an explicit gradient"),
    ],
    "grad": [
        (lambda: wg.autograd.grad(LEAF.sum(), 2.0), TypeError, "expected a tensor as input, got float"),
        (lambda: wg.autograd.grad(LEAF.sum(), V), RuntimeError, "input 0 does not require a gradient"),
        (lambda: wg.autograd.grad((LEAF * 2).sum(), LEAF + 1), RuntimeError, "the outputs do not depend"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "call", "kind", "text"),
    [pytest.param(name, *error, id=f"{name}-{k}") for name, errors in ERRORS.items() for k, error in enumerate(errors)],
)
def test_an_error_names_the_operation_and_what_it_got(
    name: str, call: Callable[[], Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=f"^{name}: .*{re.escape(text)}"):
        call()


def test_the_truth_of_several_items_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"^the truth value of a tensor of shape \(3,\) is ambiguous; use .any\(\)"):
        bool(V)


def test_what_is_no_leaf_is_not_copied_with_its_history() -> None:
    for copied in (copy.copy, copy.deepcopy):
        with pytest.raises(RuntimeError, match=r"^only leaves can be .*copied.*; detach\(\) this tensor first"):
            copied(LEAF * 2)
    with pytest.raises(BufferError, match=r"a tensor that requires a gradient does not share its memory"):
        np.from_dlpack(LEAF)
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(S)


def test_wrong_calls_change_nothing() -> None:
    x = wg.tensor([1.0, 2.0])
    for call in (lambda: x.add_(wg.ones(3)), lambda: x.copy_(wg.ones(3)), lambda: x.index_add_(0, N[:1], V)):
        with pytest.raises((ValueError, RuntimeError)):
            call()
    np.testing.assert_array_equal(x.numpy(), [1.0, 2.0])
