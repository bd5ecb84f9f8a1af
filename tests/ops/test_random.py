"""Random numbers: the stored sequences of a seed, the shape of the distributions, and what is refused."""

from __future__ import annotations

import copy
import math
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.core import dtypes

random = wg.random


@pytest.fixture(autouse=True)
def _seed() -> Iterator[None]:
    wg.manual_seed(2024)
    yield
    wg.set_default_dtype(wg.float32)


def seeded(seed: int = 7) -> wg.Generator:
    return wg.Generator().manual_seed(seed)


# ---------------------------------------------------------------- the same numbers everywhere

STORED: list[tuple[str, Callable[[], wg.Tensor], list[Any]]] = [
    ("rand", lambda: wg.rand(4), [0.7150481343269348, 0.270612895488739, 0.04225510358810425, 0.6189835071563721]),
    ("rand of float64", lambda: wg.rand(2, dtype=wg.float64), [0.2706129375647399, 0.6189835150824522]),
    ("rand of float16", lambda: wg.rand(3, dtype=wg.float16), [0.71484375, 0.2705078125, 0.0419921875]),
    ("randn", lambda: wg.randn(3), [-0.866033136844635, -0.5194568634033203, -0.07800525426864624]),
    ("randn of float64", lambda: wg.randn(2, dtype=wg.float64), [-0.19972348912290824, -1.7572036165798937]),
    ("randn of float16", lambda: wg.randn(3, dtype=wg.float16), [-0.8662109375, -0.51953125, -0.0780029296875]),
    ("randint", lambda: wg.randint(100, (8,)), [71, 27, 4, 61, 59, 3, 79, 69]),
    ("randint of 64 bits", lambda: wg.randint(-(2**62), 2**62, (1,)), [-2115722217281637720]),
    ("randperm", lambda: wg.randperm(8), [5, 1, 7, 6, 2, 3, 4, 0]),
    ("normal", lambda: wg.normal(10.0, 2.0, (3,)), [8.26793384552002, 8.96108627319336, 9.843989372253418]),
    ("bernoulli", lambda: wg.bernoulli(wg.full((12,), 0.3)), [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0]),
    ("multinomial", lambda: wg.multinomial(wg.tensor([0.1, 0.2, 0.3, 0.4]), 3), [2, 1, 3]),
    (
        "multinomial with replacement",
        lambda: wg.multinomial(wg.tensor([0.1, 0.2, 0.3, 0.4]), 8, replacement=True),
        [1, 3, 0, 3, 3, 2, 2, 3],
    ),
    ("uniform_", lambda: random.uniform_(wg.empty(2), -2, 2), [0.8601925373077393, -0.917548418045044]),
    ("exponential_", lambda: random.exponential_(wg.empty(2)), [0.6149837970733643, 0.950868546962738]),
]


@pytest.mark.parametrize(("draw", "stored"), [row[1:] for row in STORED], ids=[row[0] for row in STORED])
def test_a_seed_gives_the_stored_sequence_whatever_the_threads(
    draw: Callable[[], wg.Tensor], stored: list[Any], threads: int
) -> None:
    assert draw().tolist() == stored


def test_the_stream_is_numpys_philox() -> None:
    raw = np.random.Philox(2024).random_raw(3).tolist()
    assert raw == [4991927602291500368, 11418230488571132843, 714154137916129582]
    expected = np.random.Generator(np.random.Philox(2024)).random(5, np.float32)
    np.testing.assert_array_equal(wg.rand(5).numpy(), expected)


@pytest.mark.parametrize("bits", [np.random.Philox, np.random.PCG64, np.random.MT19937])
@pytest.mark.parametrize("kind", ["rand", "randn", "randperm"])
def test_the_numbers_are_those_that_numpy_draws_and_leave_the_same_state(kind: str, bits: Any) -> None:
    ours, numpys = (np.random.Generator(bits(7)) for _ in range(2))
    draw, again = {
        "rand": (wg.rand, lambda n: numpys.random(n, np.float32)),
        "randn": (wg.randn, lambda n: numpys.standard_normal(n, np.float32)),
        "randperm": (wg.randperm, numpys.permutation),
    }[kind]
    for count in (1, 600, 5000, 0, 3, 4096, 2, 4099, 5, 300_000):  # few, and many, from every place in a word
        np.testing.assert_array_equal(draw(count, generator=ours).numpy(), again(count))
        assert str(ours.bit_generator.state) == str(numpys.bit_generator.state)
        assert ours.random() == numpys.random()


def test_the_counter_of_many_numbers_carries() -> None:
    ours, numpys = (np.random.Generator(np.random.Philox(7)) for _ in range(2))
    for generator in (ours, numpys):
        state = generator.bit_generator.state
        state["state"]["counter"] = np.array([2**64 - 3, 2**64 - 1, 5, 6], np.uint64)
        generator.bit_generator.state = state
    np.testing.assert_array_equal(wg.rand(5000, generator=ours).numpy(), numpys.random(5000, np.float32))
    assert str(ours.bit_generator.state) == str(numpys.bit_generator.state)


def test_a_new_process_draws_other_numbers_and_a_seeded_one_the_same() -> None:
    code = (
        "import wengert as wg; print(wg.initial_seed(), wg.rand(1).item()); wg.manual_seed(1); print(wg.rand(1).item())"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    (first, again), (second, same) = (run.stdout.splitlines() for run in runs)
    assert first != second
    assert again == same


def test_numpy_random_is_imported_on_first_use() -> None:
    imported = "print('numpy.random' in sys.modules)"
    code = f"import sys, numpy; {imported}; import wengert; {imported}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    had, has = run.stdout.split()
    assert had == has


# ---------------------------------------------------------------- generators


def test_a_generator_is_independent_of_the_librarys_own() -> None:
    generator = seeded()
    expected = wg.rand(4, generator=seeded())
    wg.rand(100)
    assert wg.rand(4, generator=generator).tolist() == expected.tolist()
    assert wg.rand(4).tolist() != expected.tolist()


def test_a_numpy_generator_will_do() -> None:
    one, two = (np.random.default_rng(3) for _ in range(2))
    np.testing.assert_array_equal(wg.randn(5, generator=one).numpy(), two.standard_normal(5, np.float32))
    assert random.numpy_generator(one) is one
    assert random.numpy_generator() is random.default_generator.numpy
    assert seeded().numpy.random() == random.numpy_generator(seeded()).random()
    with pytest.raises(TypeError, match=r"wengert\.Generator, .* or None, got int"):
        wg.rand(2, generator=3)


def test_seeds_are_of_64_bits() -> None:
    generator = wg.Generator()
    assert generator.initial_seed() == 67280421310721
    assert generator.manual_seed(-1) is generator
    assert generator.initial_seed() == 2**64 - 1
    assert generator.manual_seed(2**64 - 1).numpy.random() == wg.Generator().manual_seed(-1).numpy.random()
    assert generator.seed() == generator.initial_seed()
    assert wg.seed() == wg.initial_seed()
    assert wg.manual_seed(5) is random.default_generator
    assert wg.initial_seed() == 5
    assert generator.device == "cpu"
    assert repr(seeded(5)) == "<wengert.Generator of seed 5>"
    for bad in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match=r"expected a seed in \[-2\*\*63, 2\*\*64\)"):
            wg.manual_seed(bad)
    with pytest.raises(TypeError, match="expected seed to be an integer, got 'a'"):
        wg.manual_seed("a")
    with pytest.raises(ValueError, match='the only device is "cpu"'):
        wg.Generator("cuda")


@pytest.mark.parametrize("drawn", [0, 1, 3, 8])
def test_a_state_is_bytes_and_goes_on_where_it_was_taken(drawn: int) -> None:
    generator = seeded()
    wg.rand(drawn, generator=generator)  # float32: leaves half of a 64-bit word behind when odd
    state = generator.get_state()
    assert state.dtype == wg.uint8
    expected = wg.randn(50, generator=generator).tolist()
    other = wg.Generator()
    other.set_state(state)
    assert other.initial_seed() == 7
    assert wg.randn(50, generator=other).tolist() == expected
    random.set_rng_state(state.numpy())
    assert wg.randn(50).tolist() == expected
    assert wg.random.get_rng_state().tolist() == generator.get_state().tolist()


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(TypeError, match="uint8 from get_state, got float32"):
        wg.Generator().set_state(wg.zeros(112))
    with pytest.raises(ValueError, match=r"expected 112 bytes from get_state, got shape \(3,\)"):
        random.set_rng_state(wg.zeros(3, dtype=wg.uint8))


def test_generators_are_copied_with_their_state() -> None:
    generator = seeded()
    wg.rand(3, generator=generator)
    copies = [copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))]
    expected = wg.rand(3, generator=generator).tolist()
    assert [wg.rand(3, generator=other).tolist() for other in copies] == [expected, expected]


# ---------------------------------------------------------------- distributions

N = 40_000


def assert_moments(x: np.ndarray, mean: float, variance: float) -> None:
    """Mean and variance within five standard errors (the kurtosis taken to be at most 9, the exponential's)."""
    x = x.astype(np.float64)
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / x.size)
    assert abs(x.var() - variance) < 5 * variance * math.sqrt(8 / x.size)


@pytest.mark.parametrize("dtype", dtypes.FLOATING, ids=str)
def test_the_distributions_have_their_moments(dtype: np.dtype) -> None:
    u = wg.rand(N, dtype=dtype).numpy()
    assert 0 <= u.min() < u.max() < 1
    assert_moments(u, 1 / 2, 1 / 12)
    z = wg.randn(N, dtype=dtype).numpy()
    assert_moments(z, 0, 1)
    assert abs((np.abs(z) < 1).mean() - 0.6827) < 5 * 0.466 / math.sqrt(N)
    assert_moments(wg.normal(3.0, 2.0, (N,), dtype=dtype).numpy(), 3, 4)
    x = wg.empty(N, dtype=dtype)
    assert_moments(random.normal_(x, -1, 0.5).numpy(), -1, 0.25)
    assert_moments(random.uniform_(x, -3, 5).numpy(), 1, 64 / 12)
    assert_moments(random.exponential_(x, 4).numpy(), 1 / 4, 1 / 16)
    assert x.numpy().min() >= 0
    assert_moments(random.bernoulli_(x, 0.2).numpy(), 0.2, 0.16)
    assert_moments(wg.bernoulli(wg.full((N,), 0.75, dtype=dtype)).numpy(), 0.75, 0.1875)
    assert all(t.dtype == dtype for t in (x, wg.rand_like(x), wg.randn_like(x), random.randint_like(x, 3)))


@pytest.mark.parametrize("dtype", dtypes.FLOATING, ids=str)
def test_a_uniform_interval_excludes_its_end(dtype: np.dtype) -> None:
    top = dtype.type(1) + np.finfo(dtype).eps
    x = random.uniform_(wg.empty(1000, dtype=dtype), 1.0, float(top)).numpy()
    assert (x == 1).all()
    assert (random.uniform_(wg.empty(3, dtype=dtype), 2, 2).numpy() == 2).all()


def test_integers_are_equally_likely_and_within_their_bounds() -> None:
    x = wg.randint(-3, 5, (N,)).numpy()
    counts = np.bincount(x + 3, minlength=8)
    assert counts.size == 8
    assert ((counts - N / 8) ** 2 / (N / 8)).sum() < 30  # chi squared of 7 degrees: 1 in 10 000
    assert set(wg.randint(2, (50,), dtype=wg.bool).tolist()) == {False, True}
    assert set(wg.randint(256, (5000,), dtype=wg.uint8).tolist()) == set(range(256))
    assert wg.randint(-(2**63), 2**63, (4,)).dtype == wg.int64
    assert random.randint_like(wg.zeros(2, 3, dtype=wg.int16), 2, 5).dtype == wg.int16


def test_every_order_is_equally_likely() -> None:
    orders = np.array([wg.randperm(3).tolist() for _ in range(6000)])
    _, counts = np.unique(orders @ [9, 3, 1], return_counts=True)
    assert counts.size == 6
    assert ((counts - 1000) ** 2 / 1000).sum() < 26  # chi squared of 5 degrees: 1 in 10 000
    for dtype in dtypes.ALL[:-1]:
        assert sorted(wg.randperm(100, dtype=dtype).tolist()) == list(range(100))
    assert wg.randperm(256, dtype=wg.uint8).dtype == wg.uint8
    assert wg.randperm(0).shape == (0,)


def test_multinomial_draws_in_proportion_to_the_weights() -> None:
    weights = wg.tensor([[0.0, 1.0, 0.0, 3.0], [2.0, 2.0, 4.0, 0.0]], dtype=wg.float64)
    drawn = wg.multinomial(weights, N, replacement=True).numpy()
    for row, expected in zip(drawn, ([0, 0.25, 0, 0.75], [0.25, 0.25, 0.5, 0]), strict=True):
        shares = np.bincount(row, minlength=4) / N
        np.testing.assert_allclose(shares, expected, atol=5 * 0.5 / math.sqrt(N))
        assert (shares[np.array(expected) == 0] == 0).all()
    firsts = wg.multinomial(wg.tensor([[1.0, 2.0, 5.0]] * N), 2).numpy()
    assert (firsts[:, 0] != firsts[:, 1]).all()
    np.testing.assert_allclose(np.bincount(firsts[:, 0]) / N, [1 / 8, 2 / 8, 5 / 8], atol=5 * 0.5 / math.sqrt(N))
    second_after_last = firsts[firsts[:, 0] == 2, 1]
    np.testing.assert_allclose(np.bincount(second_after_last) / second_after_last.size, [1 / 3, 2 / 3], atol=0.02)


def test_multinomial_never_draws_a_weight_of_zero() -> None:
    weights = wg.tensor([0.0, 1e-320, 0.0, 1.7e308, 0.0], dtype=wg.float64)
    assert sorted(wg.multinomial(weights, 2).tolist()) == [1, 3]
    assert set(wg.multinomial(weights, 1000, replacement=True).tolist()) <= {1, 3}
    assert set(wg.multinomial(weights.flip(0) * 0.9 + weights * 0.9, 500, replacement=True).tolist()) == {1, 3}
    assert wg.multinomial(wg.ones(0, 3), 2).shape == wg.multinomial(wg.ones(0, 3), 2, True).shape == (0, 2)
    assert wg.multinomial(wg.ones(5), 5).shape == (5,)


# ---------------------------------------------------------------- forms of the arguments


def test_sizes_dtypes_and_gradients_are_as_for_zeros() -> None:
    for make in (wg.rand, wg.randn):
        assert make(2, 3).shape == make((2, 3)).shape == make([2, 3]).shape == make(size=(2, 3)).shape == (2, 3)
        assert make(()).shape == ()
        assert make(0, 2).shape == (0, 2)
        assert make(2, requires_grad=True).requires_grad
        assert make(2, device="cpu").dtype == wg.float32
        wg.set_default_dtype(wg.float64)
        assert make(2).dtype == wg.float64
        wg.set_default_dtype(wg.float32)
    assert wg.randint(10, (2, 3)).shape == wg.randint(0, 10, (2, 3)).shape == (2, 3)
    assert wg.randint(low=0, high=10, size=(2,)).shape == wg.randint(10, size=(2,)).shape == (2,)
    assert wg.randint(high=10, size=()).shape == ()
    assert wg.randint(3, (2,), dtype=wg.float16, requires_grad=True).requires_grad
    assert wg.rand_like(wg.ones(2, 3), dtype=wg.float64).dtype == wg.float64


def test_means_and_deviations_may_be_tensors() -> None:
    mean = wg.tensor([[10.0], [20.0]], dtype=wg.float64)
    assert wg.normal(mean, wg.zeros(3)).tolist() == [[10] * 3, [20] * 3]
    assert wg.normal(mean, 0.0).dtype == wg.float64
    assert wg.normal(0.0, wg.ones(3)).shape == (3,)
    assert wg.normal(wg.zeros(2)).shape == (2,)
    assert wg.normal(wg.tensor(0.0), wg.tensor(1.0), (2,)).shape == (2,)
    assert wg.normal(wg.zeros(2), wg.ones(2, dtype=wg.float64)).dtype == wg.float32
    assert wg.normal(size=(2,)).shape == (2,)
    assert not wg.normal(wg.zeros(2, requires_grad=True), 1.0).requires_grad


def test_one_probability_or_one_each() -> None:
    assert wg.bernoulli(wg.tensor([0.0, 1.0, 0.0])).tolist() == [0, 1, 0]
    assert wg.bernoulli(wg.zeros(3, dtype=wg.int64), 1.0).tolist() == [1, 1, 1]
    x = wg.zeros(2, 2, dtype=wg.bool)
    assert random.bernoulli_(x, wg.tensor([0.0, 1.0])).tolist() == [[False, True], [False, True]]


# ---------------------------------------------------------------- in place

FILLERS = [random.uniform_, random.normal_, random.bernoulli_, random.exponential_]


@pytest.mark.parametrize("fill", FILLERS, ids=lambda fill: fill.__name__)
def test_filling_keeps_the_memory_and_reaches_views(fill: Callable[..., wg.Tensor]) -> None:
    base = np.full((4, 6), -7.0)
    x = wg.from_numpy(base)
    view = x[::2, ::-1]
    assert fill(view) is view
    assert (base[::2] != -7).all()
    assert (base[1::2] == -7).all()
    y = wg.full((4,), -7.0)
    assert fill(y, generator=seeded()).tolist() == fill(wg.empty(4), generator=seeded()).tolist()
    assert fill(wg.empty(0, 3)).shape == (0, 3)
    assert fill(wg.empty(())).shape == ()


@pytest.mark.parametrize("fill", FILLERS, ids=lambda fill: fill.__name__)
def test_filling_counts_as_a_change(fill: Callable[..., wg.Tensor]) -> None:
    leaf = wg.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=f"{fill.__name__}: a leaf that requires a gradient"):
        fill(leaf)
    y = (leaf * leaf).sum()
    with wg.no_grad():
        assert fill(leaf) is leaf
    assert leaf.requires_grad
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


# ---------------------------------------------------------------- what is refused

REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: wg.rand(), TypeError, "rand: expected a size"),
    (lambda: wg.rand(-1), ValueError, "rand: lengths cannot be negative"),
    (lambda: wg.rand(2, dtype=wg.int64), TypeError, "rand: expected float16, float32 or float64, got int64"),
    (lambda: wg.randn(2, dtype=wg.bool), TypeError, "randn: expected float16, float32 or float64, got bool"),
    (lambda: wg.rand(2, device="cuda"), ValueError, 'rand: the only device is "cpu"'),
    (lambda: wg.rand_like(wg.ones(2, dtype=wg.int8)), TypeError, "rand_like: expected float16"),
    (lambda: wg.randint(10), TypeError, "randint: expected a size"),
    (lambda: wg.randint(10, 2), TypeError, "randint: expected a size"),
    (lambda: wg.randint(5, 5, (2,)), ValueError, "expected low < high, got low=5, high=5"),
    (lambda: wg.randint(0, 1.5, (2,)), TypeError, "expected high to be an integer, got 1.5"),
    (lambda: wg.randint(0, 257, (2,), dtype=wg.uint8), ValueError, "from 0 to 256 do not fit into uint8"),
    (lambda: wg.randint(-1, 3, (2,), dtype=wg.uint8), ValueError, "from -1 to 2 do not fit into uint8"),
    (lambda: wg.randint(3, (2,), dtype=wg.bool), ValueError, "from 0 to 2 do not fit into bool"),
    (lambda: wg.randint(2**63 + 1, (2,)), ValueError, "do not fit into int64"),
    (lambda: wg.randint(70000, (2,), dtype=wg.float16), ValueError, "do not fit into float16"),
    (lambda: wg.randint(3, (2,), requires_grad=True), RuntimeError, "only floating tensors can require gradients"),
    (lambda: wg.randperm(-1), ValueError, "randperm: expected n from 0 to"),
    (lambda: wg.randperm(257, dtype=wg.uint8), ValueError, "n from 0 to 256, what uint8 can tell apart, got 257"),
    (lambda: wg.randperm(2050, dtype=wg.float16), ValueError, "n from 0 to 2049"),
    (lambda: wg.randperm(3, dtype=wg.bool), TypeError, "a dtype of numbers, got bool"),
    (lambda: wg.randperm(3.0), TypeError, "expected n to be an integer, got 3.0"),
    (lambda: wg.normal(0.0, 1.0), TypeError, "normal: expected a size with two numbers"),
    (lambda: wg.normal(0.0, -1.0, (2,)), ValueError, "standard deviations are not negative, got -1.0"),
    (lambda: wg.normal(wg.zeros(2), -wg.ones(2)), ValueError, "standard deviations are not negative, got some"),
    (lambda: wg.normal(wg.zeros(2), wg.ones(3)), ValueError, r"normal: the shapes \(2,\) and \(3,\) do not broadcast"),
    (lambda: wg.normal(wg.zeros(2, dtype=wg.int64)), TypeError, "normal: expected float16, float32 or float64"),
    (lambda: wg.bernoulli(wg.tensor([0, 1])), TypeError, "probabilities of a floating dtype, got int64"),
    (lambda: wg.bernoulli(wg.tensor([2.0])), ValueError, r"probabilities lie in \[0, 1\], got some that do not"),
    (lambda: wg.bernoulli(wg.tensor([math.nan])), ValueError, "probabilities lie in"),
    (lambda: wg.bernoulli(wg.ones(2), -0.5), ValueError, r"probabilities lie in \[0, 1\], got -0.5"),
    (lambda: wg.multinomial(wg.tensor([1, 2]), 1), TypeError, "weights of a floating dtype, got int64"),
    (lambda: wg.multinomial(wg.tensor(1.0), 1), ValueError, r"one or two dimensions, got shape \(\)"),
    (lambda: wg.multinomial(wg.ones(2, 3, 4), 1), ValueError, "one or two dimensions"),
    (lambda: wg.multinomial(wg.ones(3), 0), ValueError, "num_samples of at least 1, got 0"),
    (lambda: wg.multinomial(wg.ones(3), 4), ValueError, "4 draw.* without replacement need at least 4"),
    (lambda: wg.multinomial(wg.tensor([1.0, 0.0]), 2), ValueError, "in every row, got 1"),
    (lambda: wg.multinomial(wg.zeros(2), 1, True), ValueError, "with replacement need at least 1"),
    (lambda: wg.multinomial(wg.ones(0, 0), 1), ValueError, "without replacement need at least 1"),
    (lambda: wg.multinomial(wg.zeros(2, 0), 1, True), ValueError, "with replacement need at least 1"),
    (lambda: wg.multinomial(wg.tensor([-1.0, 2.0]), 1), ValueError, "weights that are finite and not negative"),
    (lambda: wg.multinomial(wg.tensor([math.inf, 2.0]), 1), ValueError, "weights that are finite and not negative"),
    (lambda: random.uniform_(wg.empty(2), 2, 1), ValueError, r"an interval \[a, b\) of float32 numbers, got a=2, b=1"),
    (lambda: random.uniform_(wg.empty(2), math.nan, 1), ValueError, "uniform_: expected an interval"),
    (lambda: random.uniform_(wg.empty(2), -3e38, 3e38), ValueError, "uniform_: expected an interval"),
    (lambda: random.uniform_(wg.empty(2, dtype=wg.int64)), TypeError, "uniform_: expected float16"),
    (lambda: random.normal_(wg.empty(2), 0, -1), ValueError, "normal_: standard deviations are not negative, got -1"),
    (lambda: random.normal_(wg.empty(2, dtype=wg.int64)), TypeError, "normal_: expected float16"),
    (lambda: random.exponential_(wg.empty(2), 0), ValueError, "exponential_: expected a rate above 0, got 0"),
    (lambda: random.exponential_(wg.empty(2, dtype=wg.int64)), TypeError, "exponential_: expected float16"),
    (lambda: random.bernoulli_(wg.empty(2), 2), ValueError, r"bernoulli_: probabilities lie in \[0, 1\], got 2"),
    (lambda: random.bernoulli_(wg.empty(2), wg.tensor([0, 1])), TypeError, "bernoulli_: expected probabilities"),
    (lambda: random.bernoulli_(wg.empty(2), wg.ones(3)), ValueError, r"\(2,\) and \(3,\) do not broadcast"),
    (lambda: random.bernoulli_(wg.empty(2), wg.ones(3, 1)), ValueError, r"\(3, 1\) do not broadcast to \(2,\)"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_what_cannot_be_drawn_is_refused_with_a_reason(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- against PyTorch

SAME = [
    "rand(2,3)", "rand((2,))", "rand(())", "rand(2,dtype=t.float16)", "randn(size=(2,))", "randn(3,dtype=t.float64)",
    "randint(10,(2,))", "randint(0,10,(2,),dtype=t.float32)", "randint(2,(3,),dtype=t.bool)", "randint(9,size=(2,))",
    "randperm(5)", "randperm(0)", "randperm(4,dtype=t.float16)", "normal(0.,1.,(2,))", "normal(0,1,size=(2,))",
    "normal(t.zeros(2,1),t.ones(3))", "normal(t.zeros(2,dtype=t.float64),1.)", "normal(0.,t.ones(3))",
    "normal(t.zeros(2),t.ones(2,dtype=t.float64))", "bernoulli(t.zeros(2,dtype=t.float16))", "randn_like(t.ones(2))",
    "bernoulli(t.zeros(3,dtype=t.int32),1.)", "multinomial(t.ones(3),2)", "multinomial(t.ones(2,3),4,True)",
    "rand_like(t.ones(2,dtype=t.int64),dtype=t.float32)", "manual_seed(3).get_state()[:0]",
]  # fmt: skip


@pytest.mark.parametrize("call", SAME)
def test_shape_and_dtype_are_pytorchs(call: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference for these results, is not installed")
    got, expected = (eval(f"t.{call}", {"t": t}) for t in (wg, torch))
    assert str(got.dtype) == str(expected.dtype).removeprefix("torch.")
    assert tuple(got.shape) == tuple(expected.shape)
