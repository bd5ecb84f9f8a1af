"""What shares memory with its argument, and what is a copy: the whole public surface, as PyTorch has it.

Every function of `wengert.ops` and every method and attribute of a tensor is called, with the arguments that ARGUMENTS
has for its name, on tensors of several shapes and dtypes; a single item, and a length of 1, are where a copy is easily
left out. SHARED names those whose result shows the argument's memory for one of them at least; where PyTorch is
installed, every call is compared with PyTorch's.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import linalg, ops

TORCH: Any = None
if importlib.util.find_spec("torch"):
    import torch

    TORCH = torch

SHAPES = ((3, 3), (1, 1), (1,), (3,), (), (2, 0), (2, 3, 3), (1, 4, 1))
DTYPES = ("float32", "float64", "float16", "int64", "bool")

ZEROS = "m.zeros(x.shape, dtype=m.int64)"
FIRST = "m.tensor([0])"


def words(text: str) -> list[str]:
    return text.split()


WITH_X = words("""
    add addcdiv addcmul addmm allclose arctan2 atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift
    bitwise_xor bucketize bmm cdist cholesky_solve copy_ copysign cosine_similarity dist div divide dot eq equal
    expand_as float_power floor_divide fmax fmin fmod gcd ge ger greater greater_equal gt heaviside hypot igamma
    igammac inner is_same_size isclose isin kron lcm ldexp le less less_equal logaddexp logaddexp2 logical_and
    logical_or logical_xor lt matmul maximum minimum mm mul multiply ne nextafter not_equal outer pow prelu remainder
    reshape_as searchsorted sub subtract triangular_solve true_divide type_as view_as vdot xlogy
""")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(WITH_X, ("x",)),
    **dict.fromkeys(words("amax amin argsort cummax cummin cumprod cumsum log_softmax logcumsumexp logsumexp"), ("0",)),
    **dict.fromkeys(words("prod softmax sort"), ("0",)),
    "addcdiv": ("x, x",), "addcmul": ("x, x",), "addmm": ("x, x",), "addmv": ("m.ones(3, 2), m.ones(2)",),
    "baddbmm": ("x, x",),
    "bernoulli": ("0.5",), "bernoulli_": ("0.5",), "broadcast_to": ("(1, *x.shape)", "x.shape", "(2, *x.shape)"),
    "bucketize": ("x.flatten()",), "chunk": ("1", "2", "1, -1"), "cross": ("x, dim=-1",), "clamp": ("0, 1", "None, 9"),
    "clip": ("0, 1",),
    "conv1d": ("m.ones(3, 3, 1, dtype=x.dtype)",), "conv2d": ("m.ones(1, 2, 1, 1, dtype=x.dtype)",),
    "conv_transpose1d": ("m.ones(3, 2, 1, dtype=x.dtype)",), "conv_transpose2d": ("m.ones(2, 1, 1, 1, dtype=x.dtype)",),
    "clamp_max": ("1",), "clamp_min": ("0",), "dropout": ("0.5, False", "0.0"),
    "cross_entropy": ("m.zeros(x.shape[0], dtype=m.int64)",), "diag": ("", "1"), "diagonal": ("", "0, 0, 1"),
    "expand": ("(1, *x.shape)", "x.shape", "(2, *x.shape)"), "fill_": ("1",), "fill_diagonal_": ("1",),
    "flatten": ("", "0, 0", "1"), "flip": ("(0,)", "()", "(0, -1)"), "float_power": ("2",), "full_like": ("1",),
    "gather": (f"0, {ZEROS}",), "index_add": (f"0, {FIRST}, x[:1]",), "index_copy": (f"0, {FIRST}, x[:1]",),
    "index_fill": (f"0, {FIRST}, 1",), "index_put": (f"({FIRST},), x[0]",), "index_select": (f"0, {FIRST}",),
    "kthvalue": ("1",), "lerp": ("x, 0.0", "x, 1.0"), "linear": ("x",), "affine": ("x.T",),
    "masked_fill": ("x == x, 1",), "masked_scatter": ("x == x, x",), "masked_select": ("x == x",),
    "matrix_power": ("1", "0", "2"), "max": ("", "0"), "mean": ("", "0"), "movedim": ("0, 0", "0, -1", "(), ()"),
    "moveaxis": ("0, 0",), "multinomial": ("1",), "mv": ("x[0]",), "mvlgamma": ("2",), "polygamma": ("1",),
    "nan_to_num": ("",), "nanquantile": ("0.5",),
    "narrow": ("0, 0, 1",), "new_full": ("(1,), 1",), "new_empty": ("(1,)",), "new_ones": ("(1,)",),
    "new_tensor": ("x",), "new_zeros": ("(1,)",), "one_hot": ("9",), "permute": ("tuple(range(x.ndim))",),
    "pow": ("1", "2", "x"), "power": ("1",), "quantile": ("0.5",), "randint_like": ("3",), "random_": ("3",),
    "renorm": ("2, 0, 1.0",), "repeat": ("(1,) * x.ndim", "1, *x.shape"), "repeat_interleave": ("1", "1, 0"),
    "reshape": ("(-1,)", "x.shape"), "roll": ("1", "0", "0, 0"), "rot90": ("", "0", "2", "3"),
    "scatter_reduce": (f"0, {ZEROS}, x, 'sum'", f"0, {ZEROS}, x, 'amax'"),
    "scatter": (f"0, {ZEROS}, x",), "scatter_add": (f"0, {ZEROS}, x",), "select": ("0, 0",), "split": ("1", "9"),
    "squeeze": ("", "0", "()"), "std": ("", "0"), "sum": ("", "0", "()"), "swapaxes": ("0, 0",), "swapdims": ("0, 0",),
    "take": ("m.tensor([0])", "m.tensor(0)"), "take_along_dim": (f"{ZEROS}, 0",), "tensor_split": ("1",),
    "tensordot": ("x, 0", "x"), "threshold": ("0, 0",), "tile": ("(1,)", "()"), "to": ("x.dtype", "m.float32"),
    "to_device": ("'cpu'",),
    "topk": ("1",), "transpose": ("0, 0", "0, -1"), "type": ("x.dtype",), "unflatten": ("0, (-1, 1)",),
    "unfold": ("0, 1, 1",), "unsqueeze": ("0",), "view": ("(-1,)", "x.shape", "x.dtype"), "where": ("x == x, x",),
    "addbmm": ("m.ones(1, 3, 3), m.ones(1, 3, 3)",), "addr": ("m.ones(3), m.ones(3)",), "apply_": ("lambda v: v",),
    "map_": ("x, lambda v, w: v",), "map2_": ("x, x, lambda u, v, w: u",), "geometric_": ("0.5",),
    **dict.fromkeys(words("dsplit hsplit vsplit unsafe_chunk unsafe_split"), ("1",)),
    **dict.fromkeys(words("split_with_sizes unsafe_split_with_sizes"), ("[x.shape[0]]",)),
    "histogram": ("3",), "histogramdd": ("2",), "index_reduce": (f"0, {FIRST}, x[:1], 'amax'",),
    "lu_solve": ("m.eye(3), m.tensor([1, 2, 3], dtype=m.int32)",), "lu_unpack": ("m.tensor([1, 2, 3], dtype=m.int32)",),
    "narrow_copy": ("0, 0, 1",), "nonzero_static": ("size=2",), "orgqr": ("x[0]",), "ormqr": ("x[0], x",),
    "put": ("m.tensor([0]), x.flatten()[:1]",), "diagonal_scatter": ("x.diagonal()",),
    "select_scatter": ("x[0], 0, 0",), "slice_scatter": ("x, 0",), "sum_to_size": ("x.shape", "1"),
    "unravel_index": ("(100,)",), "cuda": (), "pin_memory": (),
    "einsum": (), "register_hook": (), "register_post_accumulate_grad_hook": (), "retain_grad": (), "backward": (),
    "from_numpy": (),
}  # fmt: skip
LISTS = {
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "cat", "column_stack", "concat", "concatenate",
    "dstack", "hstack", "meshgrid", "row_stack", "stack", "vstack",
}  # fmt: skip
EXPRESSIONS = (
    "m.einsum('ij->ji', x)", "m.einsum('ii->i', x)", "m.einsum('...->...', x)", "m.einsum(x, [0], [0])",
    "m.where(x == x, x, x)", "x[0]", "x[...]", "x[:]", "x[None]", "x[m.tensor([0])]", "x[m.tensor(0)]", "x[x == x]",
    "x[[0]]", "x[True]", "x[()]", "x ** 1", "x + 0", "x * 1", "+x", "m.as_tensor(x)", "m.asarray(x)", "m.tensor(x)",
    "m.nn.functional.relu(x)", "m.nn.functional.pad(x, (0, 0))", "m.nn.functional.dropout(x, 0.5, False)",
    "m.linalg.matrix_power(x, 1)", "m.linalg.norm(x)", "m.linalg.inv(x)", "m.broadcast_tensors(x, x)",
)  # fmt: skip

# The names whose result shows the memory of x, for one shape and dtype at least.
SHARED = set(words("""
    +x H T adjoint as_tensor asarray atleast_1d atleast_2d atleast_3d bool broadcast_tensors broadcast_to
    cartesian_prod chunk conj conj_physical contiguous cpu data detach diagonal double dropout dsplit einsum expand
    expand_as flatten float half hsplit long mH mT real resolve_conj resolve_neg split_with_sizes sum_to_size
    unsafe_chunk unsafe_split unsafe_split_with_sizes vsplit
    meshgrid moveaxis movedim narrow permute positive ravel reshape reshape_as select split squeeze
    swapaxes swapdims t tensor_split to to_device transpose type type_as unbind unflatten unfold unsqueeze view view_as
    x[()] x[...] x[0] x[:] x[None] x[m.tensor(0)]
"""))  # fmt: skip


def calls() -> dict[str, list[str]]:
    """Expressions of x, by the name that they are for."""
    found: dict[str, list[str]] = {}
    for name in sorted(set(ops.__all__)):
        if callable(getattr(ops, name)) and not isinstance(getattr(ops, name), type) and name not in WITHOUT_TENSORS:
            operands = ("[x]", "x") if name in LISTS else ("x",)
            found[name] = [
                f"m.{name}({x}{', ' if more else ''}{more})" for more in ARGUMENTS.get(name, ("",)) for x in operands
            ]
    for name in dir(wg.Tensor):
        if name.startswith("_") or not hasattr(wg.Tensor, name):  # of which some say why they are not there
            continue
        plain = name[:-1] if name.endswith("_") and name not in ARGUMENTS else name
        if callable(getattr(wg.Tensor, name)):
            made = [f"x.{name}({more})" for more in ARGUMENTS.get(plain, ("",))]
        else:
            made = [f"x.{name}"]
        found.setdefault(name, []).extend(made)
    for expression in EXPRESSIONS:
        name = expression.split("(")[0].rpartition(".")[2] if expression.startswith("m.") else expression
        found.setdefault(name, []).append(expression)
    return found


WITHOUT_TENSORS = {
    "arange", "broadcast_shapes", "frombuffer", "range",
    "empty", "eye", "full", "get_rng_state", "initial_seed", "linspace", "logspace",
    "manual_seed", "normal", "ones", "rand", "randint", "randn", "randperm", "seed", "set_rng_state", "zeros",
    "default_generator", "tril_indices", "triu_indices",
}  # fmt: skip
CALLS = calls()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """PyTorch warns of what it will change; that is not what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tensors(found: Any) -> list[Any]:
    if isinstance(found, wg.Tensor) or (TORCH and isinstance(found, TORCH.Tensor)):
        return [found]
    return [x for part in found for x in tensors(part)] if isinstance(found, (tuple, list)) else []


def shares(library: Any, expression: str, shape: tuple[int, ...], dtype: str) -> bool | None:
    """Whether a result shows the memory of x; None if the call is refused."""
    array = (np.arange(np.prod(shape, dtype=int)).reshape(shape) + 1).astype(dtype)
    x = library.tensor(array)
    try:
        found = tensors(eval(expression, {"m": library, "x": x}))
    except Exception:
        return None
    if library is wg:
        return any(np.shares_memory(y.detach().numpy(), x.detach().numpy()) for y in found)
    return any(y.numel() > 0 and y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr() for y in found)


@pytest.mark.parametrize("name", CALLS)
def test_a_result_shares_memory_as_the_table_says(name: str) -> None:
    found = [shares(wg, call, shape, dtype) for call in CALLS[name] for shape in SHAPES for dtype in DTYPES]
    assert not CALLS[name] or set(found) != {None}, f"{name} is refused for all arguments, so that nothing is tested"
    in_place = name.endswith("_") and callable(getattr(wg.Tensor, name, None))
    assert (True in found) == (name in SHARED or in_place)


@pytest.mark.skipif(TORCH is None, reason="PyTorch, which is compared with, is not installed")
@pytest.mark.parametrize("name", CALLS)
def test_a_result_shares_memory_where_pytorchs_does(name: str) -> None:
    for call in CALLS[name]:
        for shape in SHAPES:
            for dtype in DTYPES:
                theirs, ours = shares(TORCH, call, shape, dtype), shares(wg, call, shape, dtype)
                assert ours is None or theirs is None or ours == theirs, f"{call} of shape {shape}, {dtype}"


def test_matrices_of_other_layouts_are_copied_too() -> None:
    x = wg.arange(9.0).reshape(3, 3).T
    for y in (x.flip(0), x.rot90(0), x.rot90(4), x.fliplr(), x.flipud(), linalg.matrix_power(x, 1), x.flip(())):
        assert not np.shares_memory(y.numpy(), x.numpy())
