"""PyTorch's own samples of its operations, over a batch.

PyTorch tests its operations with samples of their arguments, hundreds of operations and thousands of samples. Where
wengert has a function of the name, it runs over a batch of each sample and of copies of it that are perturbed, each
tensor batched by itself and all of them together. It must give what its loop over the examples gives, in value and
gradient, and what PyTorch gives for each example, where the two agree on the sample itself.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest

import wengert as wg
from wengert.core.batching import BatchError
from wengert.core.trees import flatten

torch = pytest.importorskip("torch", reason="PyTorch, whose samples these are, is not installed")
pytest.importorskip("expecttest", reason="expecttest, which PyTorch's samples need, is not installed")
# The import would forbid to set flags such as cudnn.benchmark, in the whole process; what other files test sets them.
with warnings.catch_warnings(), mock.patch.object(torch.backends, "disable_global_flags"):
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

SIZE = 2  # examples in a batch
FEW = 2  # samples of an operation, of those that there are; all with -m long

# ---------------------------------------------------------------- what is not compared, and why

RANDOM = {
    "bernoulli", "multinomial", "nn.functional.dropout", "nn.functional.feature_alpha_dropout",
    "nn.functional.multi_head_attention_forward", "nn.functional.rrelu", "normal", "rand_like", "randint_like",
    "randn_like",
}  # fmt: skip
DEPENDENT = {  # they say what to do
    "__getitem__": "a mask is an index",
    "allclose": "a truth",
    "argwhere": "as many as are not zero",
    "equal": "a truth",
    "index_put": "a mask is an index",
    "item": "a number",
    "linspace": "its ends are numbers",
    "logspace": "its ends are numbers",
    "masked_select": "as many as are true",
    "narrow": "where it starts is a number",
    "nn.functional.batch_norm": "it writes running statistics, one for all",
    "nn.functional.ctc_loss": "the lengths are numbers",
    "nn.functional.embedding": "it shortens rows of a weight that is one for all",
    "nn.functional.instance_norm": "it writes running statistics, one for all",
    "nn.functional.one_hot": "as many classes as the largest says",
    "nonzero": "as many as are not zero",
    "repeat_interleave": "as many as the repeats say",
    "tensor_split": "the places are numbers",
    "unique": "as many as differ",
    "unique_consecutive": "as many as differ",
}
UNFIT = {
    "empty_like": "its items are whatever memory holds",
    "new_empty": "its items are whatever memory holds",
    "nn.functional.embedding_bag": "its samples have the weight first; test_recurrent_against_torch compares it",
    "nn.functional.triplet_margin_with_distance_loss": "its samples bring functions of PyTorch's",
    "to": "all samples ask for a memory format",
}
DIFFERENT = {  # from PyTorch, without a batch
    "cholesky_inverse": "the gradient is that of the triangle that is read",
    "cholesky_solve": "the gradient is that of the triangle that is read",
    "linalg.eigh": "eigenvectors may have either sign",
    "linalg.lstsq": "PyTorch's driver says which of the results are empty",
    "linalg.pinv": "the gradient for symmetric matrices is symmetric",
    "linalg.svd": "singular vectors may have either sign",
    "nn.functional.ctc_loss": "PyTorch's gradient takes the probabilities for normalised",
    "nn.functional.hardsigmoid": "PyTorch's sixth is one of float32",
    "nn.functional.max_unpool1d": "the samples' places meet, and another one counts",
    "nn.functional.max_unpool2d": "the samples' places meet, and another one counts",
}
# PyTorch's have fewer digits, or no derivative by what samples differentiate; test_names.py and cases.py compare them.
UNFIT |= dict.fromkeys(
    (
        "index_reduce", "nonzero_static", "sgn", "special.airy_ai", "special.bessel_j0", "special.bessel_j1",
        "special.bessel_y0", "special.bessel_y1", "special.modified_bessel_i0", "special.modified_bessel_i1",
        "special.modified_bessel_k0", "special.modified_bessel_k1", "special.scaled_modified_bessel_k0",
        "special.scaled_modified_bessel_k1", "special.spherical_bessel_j0", "special.zeta",
    ),
    "fewer digits there, or samples that are all refused here",
)  # fmt: skip
NOT_DIFFERENTIATED = {"item", "unique", "unique_consecutive"}  # by decision
ADAPTED: dict[str, Callable[..., Any]] = {  # where PyTorch's samples have another order than its functions
    "einsum": lambda tensors, equation: wg.einsum(equation, *tensors),
    "linalg.lstsq": lambda a, b, driver: wg.linalg.lstsq(a, b),
    "nn.functional.embedding": lambda x, index, **keywords: wg.nn.functional.embedding(index, x, **keywords),
    "polygamma": lambda x, n: wg.polygamma(n, x),
    "special.polygamma": lambda x, n: wg.special.polygamma(n, x),
    "where": lambda x, condition, y: wg.where(condition, x, y),
}


def ours(name: str) -> Callable[..., Any] | None:
    """The function that wengert has of a name of PyTorch's, or the method; or None."""
    found: Any = wg
    for part in name.split("."):
        found = getattr(found, part, None)
    found = ADAPTED.get(name) or found or getattr(wg.Tensor, name, None)
    return found if callable(found) else None


NAMES = sorted({op.name for op in op_db if ours(op.name) is not None} - RANDOM - UNFIT.keys())


class Sample(NamedTuple):
    """Arguments of an operation, and which of their leaves are tensors."""

    theirs: Callable[..., Any]
    leaves: list[Any]
    rebuild: Callable[[list[Any]], Any]
    places: list[int]

    def arrays(self, k: int) -> list[np.ndarray]:
        """The tensors' items in example k, which keep their signs, their symmetry and their order in size."""
        return [varied(self.leaves[place].detach().numpy(), k) for place in self.places]

    def function(self, of: Callable[..., Any]) -> Callable[..., list[Any]]:
        """A function of the tensors that gives all tensors of an operation's result."""

        def function(*tensors: Any) -> list[Any]:
            leaves = list(self.leaves) if of is self.theirs else [converted(leaf) for leaf in self.leaves]
            for place, x in zip(self.places, tensors, strict=True):
                leaves[place] = x.clone()  # which may be changed in place
            arguments, keywords = self.rebuild(leaves)
            found, _ = flatten(of(*arguments, **keywords))
            return [y for y in found if isinstance(y, (torch.Tensor, wg.Tensor))]

        return function


def varied(x: np.ndarray, k: int) -> np.ndarray:
    return np.asarray(x * (1 + 0.03125 * k), dtype=x.dtype) if x.dtype.kind == "f" else x


def converted(leaf: Any) -> Any:
    """A sample's argument as wengert takes it."""
    return getattr(wg, str(leaf).removeprefix("torch.")) if isinstance(leaf, torch.dtype) else leaf


def samples(name: str) -> Iterator[Sample]:
    """All samples of the operations of a name."""
    for op in op_db:
        if op.name != name:
            continue
        dtypes = op.supported_dtypes("cpu")
        for dtype in [d for d in (torch.float64, torch.float32, torch.int64, torch.bool) if d in dtypes][:1]:
            torch.manual_seed(0)
            for sample in op.sample_inputs("cpu", dtype):
                leaves, rebuild = flatten([[sample.input, *sample.args], dict(sample.kwargs)])
                yield Sample(op.op, leaves, rebuild, [k for k, x in enumerate(leaves) if isinstance(x, torch.Tensor)])


# ---------------------------------------------------------------- values and gradients


def in_wengert(function: Callable[..., list[Any]], tensors: tuple[Any, ...], differentiated: bool = True) -> list[Any]:
    """The tensors of a result, and the gradients of their weighted sum."""
    places = [k for k, x in enumerate(tensors) if x.dtype.kind == "f"]

    def total(*xs: Any) -> Any:
        found = function(*xs)
        parts = [(y * weights(y)).sum() for y in found if y.dtype.kind == "f"]
        return sum(parts, wg.zeros((), dtype=wg.float64)), found

    if not places or not differentiated:
        return function(*tensors)
    gradients, found = wg.grad(total, tuple(places), has_aux=True)(*tensors)
    return [*found, *gradients]


def weights(y: Any) -> np.ndarray:
    return np.cos(np.arange(math.prod(y.shape), dtype=np.float64)).reshape(tuple(y.shape)) + 1.5


def in_torch(function: Callable[..., list[Any]], arrays: list[np.ndarray], differentiated: bool) -> list[np.ndarray]:
    """Likewise; the values alone, where PyTorch has no gradient."""
    leaves = [torch.tensor(x, requires_grad=x.dtype.kind == "f" and differentiated) for x in arrays]
    floating = [x for x in leaves if x.requires_grad]
    try:
        found = function(*leaves)
        parts = [(y * torch.tensor(weights(y))).sum() for y in found if y.requires_grad]
        gradients: Any = [torch.zeros_like(x) for x in floating]
        if parts:
            gradients = torch.autograd.grad(sum(parts), floating, allow_unused=True, materialize_grads=True)
    except RuntimeError as error:
        if not differentiated or not any(words in str(error) for words in ("not differentiable", "not implemented")):
            raise
        return in_torch(function, arrays, False)
    return [x.detach().numpy() for x in (*found, *gradients)]


def agree(found: list[Any], expected: list[Any], tolerance: float) -> bool:
    return len(found) >= len(expected) and all(
        is_close(*pair, tolerance) for pair in zip(found, expected, strict=False)
    )


def is_close(x: Any, y: Any, tolerance: float) -> bool:
    x, y = (np.asarray(v.detach().numpy() if isinstance(v, wg.Tensor) else v) for v in (x, y))
    if x.shape != y.shape:
        return False
    if "f" not in (x.dtype.kind, y.dtype.kind):
        return bool((x == y).all())
    scale = max(1.0, float(np.abs(y[np.isfinite(y)]).max(initial=0.0)))
    return bool(np.isclose(x, y, rtol=tolerance, atol=tolerance * scale, equal_nan=True).all())


def patterns(count: int) -> Iterator[tuple[bool, ...]]:
    """Which tensors are batched: all of them, and each by itself."""
    yield (True,) * count
    if count > 1:
        yield from (tuple(k == j for j in range(count)) for k in range(count))


# ---------------------------------------------------------------- comparing


def compare(name: str, sample: Sample) -> str:
    """Compare one sample over batches, and say what could be done with it."""
    of, differentiated = ours(name), name not in NOT_DIFFERENTIATED
    assert of is not None
    function = sample.function(of)
    run = lambda *xs: in_wengert(function, xs, differentiated)  # noqa: E731
    examples = [sample.arrays(k) for k in range(SIZE)]
    if not sample.places:
        return "without tensors"
    try:
        plain = run(*map(wg.tensor, examples[0]))
    except (TypeError, ValueError, IndexError, RuntimeError):  # other tests compare what is refused without a batch
        return "refused"
    tolerance = 1e-4 if any(x.dtype in (np.float16, np.float32) for x in (*examples[0], *plain)) else 1e-9
    try:
        theirs = [in_torch(sample.function(sample.theirs), arrays, differentiated) for arrays in examples]
    except RuntimeError:  # a sample of probabilities, of which varied ones are none
        return "refused"
    like_torch = agree(plain, theirs[0], tolerance)
    assert like_torch or name in DIFFERENT, f"{name} is not PyTorch's without a batch: {sample}"
    for having in patterns(len(sample.places)):
        columns = zip(*examples, strict=True)
        inputs = [wg.tensor(np.stack(x) if has else x[0]) for x, has in zip(columns, having, strict=True)]
        dims = tuple(0 if has else None for has in having)
        try:
            found = wg.vmap(run, dims)(*inputs)
        except BatchError as error:
            told = name in DEPENDENT and "chunk_size=1" in str(error)
            assert told, f"{name} refuses a batch: {sample}"
            wg.vmap(lambda *xs: run(*xs) and None, dims, chunk_size=1)(*inputs)
            return "refused of a batch"
        expected = wg.vmap(run, dims, chunk_size=1)(*inputs)
        assert agree(found, expected, tolerance), f"{name} differs from its loop, batched {having}: {sample}"
        if like_torch and all(having):
            stacked = [np.stack(x) for x in zip(*theirs, strict=True)]
            assert agree(found, stacked, tolerance), f"{name} differs from PyTorch: {sample}"
    return "like PyTorch" if like_torch else "like the loop"


def compare_samples(name: str, count: int | None) -> Counter[str]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = Counter(compare(name, sample) for sample in itertools.islice(samples(name), count))
    if name in DEPENDENT and count is None:
        assert found["refused of a batch"], name
    assert found.keys() != {"refused"}, name
    return found


@pytest.mark.parametrize("name", NAMES)
def test_samples_over_a_batch(name: str) -> None:
    compare_samples(name, FEW)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_all_samples_over_a_batch(name: str) -> None:
    compare_samples(name, None)
