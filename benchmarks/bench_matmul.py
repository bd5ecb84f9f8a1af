"""Products of matrices: square, as in the training step in every transposition, of ten classes, small and odd."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import jax, jitted, medium, torch
from wengert import _kernels

TRAINING = ((256, 784, 256), (784, 256, 256), (256, 256, 784), (256, 256, 256))
TEN_CLASSES = ((256, 256, 10), (256, 784, 10))
SMALL = ((64, 64, 64), (100, 100, 100), (200, 200, 200), (257, 129, 33))


def name(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def operands(shape: tuple[int, int, int], layout: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """(m, k) and (k, n) matrices; for each T in the layout, one that is stored the other way round."""
    m, k, n = shape
    rng = np.random.default_rng(0)
    a, b = rng.random((m, k), dtype=np.dtype(dtype)), rng.random((k, n), dtype=np.dtype(dtype))
    return (a if layout[0] == "N" else a.T.copy().T), (b if layout[1] == "N" else b.T.copy().T)


def products(a: np.ndarray, b: np.ndarray) -> dict[str, Any]:
    """Everybody's product of two matrices."""
    functions: dict[str, Any] = {"numpy": partial(np.matmul, a, b, out=np.empty((len(a), b.shape[1]), a.dtype))}
    if torch is not None:
        functions["torch"] = partial(torch.matmul, torch.from_numpy(a), torch.from_numpy(b))
    if jax is not None:
        layout = f"{'mk' if a.flags.c_contiguous else 'km'},{'kn' if b.flags.c_contiguous else 'nk'}->mn"
        stored = [x if x.flags.c_contiguous else x.T for x in (a, b)]
        functions["jax"] = jitted(partial(jax.numpy.einsum, layout), *stored)
    functions["wengert"] = partial(wg.matmul, wg.from_numpy(a), wg.from_numpy(b))
    return functions


def compete(contest: Any, shape: tuple[int, int, int], layout: str, dtype: str, goals: list[str], **more: Any) -> None:
    a, b = operands(shape, layout, dtype)
    if _kernels.isa() == "v3" and shape != (16, 16, 16):
        goals = [*goals, "matmul, AVX2"]
    contest(products(a, b), rtol=1e-5, goals=goals, flops=2.0 * np.prod(shape, dtype=float), dtype=dtype, **more)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [512, 1024, 2048])
def test_square(contest: Any, size: int, dtype: str) -> None:
    compete(contest, (size, size, size), "NN", dtype, ["matmul"], seconds=1.5)


@pytest.mark.parametrize("layout", ["NN", "NT", "TN", "TT"])
@pytest.mark.parametrize("shape", TRAINING, ids=name)
def test_training_shapes(contest: Any, shape: tuple[int, int, int], layout: str) -> None:
    compete(contest, shape, layout, "float32", ["matmul, training"])


@pytest.mark.parametrize("layout", ["NN", "NT", "TN", "TT"])
@pytest.mark.parametrize(
    "shape", [*TEN_CLASSES, (784, 256, 10), (10, 256, 784), (256, 10, 256), (10, 256, 256)], ids=name
)
def test_ten_classes(contest: Any, shape: tuple[int, int, int], layout: str) -> None:
    compete(contest, shape, layout, "float32", ["matmul, ten classes"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SMALL, ids=name)
def test_small(contest: Any, shape: tuple[int, int, int], dtype: str) -> None:
    compete(contest, shape, "NN", dtype, ["matmul, small"])


def test_tiny(contest: Any) -> None:
    compete(contest, (16, 16, 16), "NN", "float32", ["matmul, tiny"])


@pytest.mark.parametrize("shape", [*TRAINING, (1024, 1024, 1024)], ids=name)
def test_medium(bfloat16: None, contest: Any, shape: tuple[int, int, int]) -> None:
    """In bfloat16 with float32 sums, beside everybody's float32, PyTorch's own "medium", and here "highest"."""
    a, b = operands(shape, "NT", "float32")
    ours = partial(wg.matmul, wg.from_numpy(a), wg.from_numpy(b))
    functions = products(a, b) | {"highest": ours, "wengert": medium(wg, ours)}
    if torch is not None:
        functions["torch medium"] = medium(torch, functions["torch"])
    contest(functions, rtol=2**-7, goals=["matmul, medium"], flops=2.0 * np.prod(shape, dtype=float))


@pytest.mark.parametrize("rows", [1, 32])
def test_vector_and_few_rows(contest: Any, rows: int) -> None:
    compete(contest, (rows, 784, 256), "NT", "float32", [])


@pytest.mark.parametrize("batch", [8, 64])
def test_batches(contest: Any, batch: int) -> None:
    """Products of many small matrices in one call, as attention would make them."""
    rng = np.random.default_rng(0)
    a, b = rng.random((batch, 64, 48), dtype=np.float32), rng.random((batch, 48, 64), dtype=np.float32)
    functions = {"numpy": partial(np.matmul, a, b, out=np.empty((batch, 64, 64), np.float32))}
    if torch is not None:
        functions["torch"] = partial(torch.matmul, torch.from_numpy(a), torch.from_numpy(b))
    if jax is not None:
        functions["jax"] = jitted(jax.numpy.matmul, a, b)
    functions["wengert"] = partial(wg.matmul, wg.from_numpy(a), wg.from_numpy(b))
    contest(functions, flops=2.0 * batch * 64 * 48 * 64)


def test_affine(contest: Any) -> None:
    """A layer: x·Wᵀ + b."""
    rng = np.random.default_rng(0)
    x, w, b = (rng.random(shape, dtype=np.float32) for shape in ((256, 784), (256, 784), (256,)))
    z = np.empty((256, 256), np.float32)
    functions: dict[str, Any] = {"numpy": lambda: np.add(np.matmul(x, w.T, out=z), b, out=z)}
    if torch is not None:
        functions["torch"] = partial(torch.nn.functional.linear, *map(torch.from_numpy, (x, w, b)))
    if jax is not None:
        functions["jax"] = jitted(lambda x, w, b: x @ w.T + b, x, w, b)
    functions["wengert"] = partial(wg.linear, *map(wg.from_numpy, (x, w, b)))
    contest(functions, flops=2.0 * 256 * 784 * 256, goals=["matmul, training"])
