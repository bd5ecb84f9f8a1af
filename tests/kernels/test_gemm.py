"""The matrix product kernel against products in float64, with the error bound that every order of summation keeps."""

from __future__ import annotations

import itertools
import os
import platform
import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from guarded import K
from isas import by_isa

SOURCE = Path(__file__).parents[2]

# Around the tiles: 1 to 14 rows, 1 to 4 vectors of 2 to 16 columns, dot products of 3 or 5 columns, sweeps of 8 rows.
ROWS = (1, 2, 3, 4, 6, 7, 12, 13, 14, 15, 29)
COLUMNS = (1, 2, 4, 5, 7, 8, 9, 15, 16, 17, 33, 64, 65)
DEPTHS = (0, 1, 8, 17, 40)
# One block along k is 1024 items of float32, 512 of float64; B is packed from 12 row tiles on; A is copied where its
# rows or columns are 4096 bytes apart. Each of these reaches one or two such things, with something left over.
LARGE = [
    (5, 2500, 40),
    (30, 1024, 130),
    (171, 300, 261),
    (200, 512, 129),
    (1, 999, 1500),
    (1500, 70, 1),
    (31, 257, 260),
]
SPLIT = [(64, 100, 64), (257, 129, 33), (200, 300, 261), (300, 200, 10), (1, 900, 1200), (1200, 900, 1), (20, 2100, 90)]
BATCHES = [((3,), ()), ((), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((4, 5), (4, 5)), ((1,), (6,)), ((0,), (0,))]
TRANSPOSITIONS = list(itertools.product(("rows", "columns"), repeat=2))


def arranged(rng: np.random.Generator, layout: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Random normal numbers in an array of the given shape, laid out in memory as `layout` says."""
    *batch, m, n = shape
    if layout == "rows":
        return rng.standard_normal(shape).astype(dtype)
    if layout == "columns":
        return rng.standard_normal((*batch, n, m)).astype(dtype).swapaxes(-1, -2)
    if layout == "reversed rows":
        return rng.standard_normal(shape).astype(dtype)[..., ::-1, ::-1]
    if layout == "reversed columns":
        return rng.standard_normal((*batch, n, m)).astype(dtype)[..., ::-1, ::-1].swapaxes(-1, -2)
    if layout == "spread":
        return rng.standard_normal((*batch, 2 * m, 3 * n)).astype(dtype)[..., ::2, ::-3]
    if layout == "one row":
        return np.broadcast_to(rng.standard_normal((*batch, 1, n)).astype(dtype), shape)
    assert layout == "one column"
    return np.broadcast_to(rng.standard_normal((*batch, m, 1)).astype(dtype), shape)


LAYOUTS = ("rows", "columns", "reversed rows", "reversed columns", "spread", "one row", "one column")


def on_threads(a: np.ndarray, b: np.ndarray, counts: tuple[int, ...] = (1, 2)) -> dict[str, np.ndarray]:
    """The products on every instruction set and with these numbers of threads."""
    found = {}
    for count in counts:
        K.set_num_threads(count)
        found |= {f"{isa}, threads: {count}": product for isa, product in by_isa(K.matmul, a, b).items()}
    return found


def assert_product(a: np.ndarray, b: np.ndarray, found: dict[str, np.ndarray]) -> None:
    """Each item within k * eps * (|A| |B|) of the product in float64, whatever the order of summation."""
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    exact = a64 @ b64
    bound = (a.shape[-1] + 2) * np.finfo(a.dtype).eps * (np.abs(a64) @ np.abs(b64))
    for how, actual in found.items():
        wrong = ~(np.abs(actual - exact) <= bound)
        assert (actual.shape, actual.dtype) == (exact.shape, a.dtype), how
        assert not wrong.any(), (how, a.shape, b.shape, a.strides, b.strides, np.argwhere(wrong)[:3])


@pytest.mark.parametrize("layouts", TRANSPOSITIONS, ids="-".join)
def test_every_size_around_the_tiles_in_all_transpositions(dtype: np.dtype, layouts: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    for m, n, k in itertools.product(ROWS, COLUMNS, DEPTHS):
        a, b = arranged(rng, layouts[0], (m, k), dtype), arranged(rng, layouts[1], (k, n), dtype)
        assert_product(a, b, by_isa(K.matmul, a, b))


@pytest.mark.parametrize("layouts", list(itertools.product(LAYOUTS, repeat=2)), ids="-".join)
def test_any_strides(dtype: np.dtype, layouts: tuple[str, str]) -> None:
    rng = np.random.default_rng(1)
    for m, k, n in ((1, 40, 70), (5, 33, 3), (29, 17, 40), (40, 50, 1), (3, 1, 20), (30, 64, 10), (1, 9, 1)):
        a, b = arranged(rng, layouts[0], (m, k), dtype), arranged(rng, layouts[1], (k, n), dtype)
        assert_product(a, b, by_isa(K.matmul, a, b))


@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_blocks_packed_panels_and_copied_rows(dtype: np.dtype, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    rng = np.random.default_rng(2)
    for layout_a, layout_b in [*TRANSPOSITIONS, ("spread", "spread")]:
        a, b = arranged(rng, layout_a, (m, k), dtype), arranged(rng, layout_b, (k, n), dtype)
        assert_product(a, b, on_threads(a, b))


def test_a_packed_operand_beyond_its_memory_is_packed_in_slices() -> None:
    rng = np.random.default_rng(3)
    a = rng.standard_normal((20, 300), dtype=np.float32)
    b = rng.standard_normal((30_000, 300), dtype=np.float32).T  # packed, these are 36 MB; a slice has at most 32 MiB
    assert_product(a, b, by_isa(K.matmul, a, b))


@pytest.mark.parametrize(("batch_a", "batch_b"), BATCHES, ids=str)
def test_batches_broadcast(dtype: np.dtype, batch_a: tuple[int, ...], batch_b: tuple[int, ...]) -> None:
    rng = np.random.default_rng(4)
    for m, k, n in ((4, 5, 6), (1, 7, 9), (40, 33, 20), (3, 40, 1), (130, 140, 150)):
        for layout_a, layout_b in [*TRANSPOSITIONS, ("one row", "one row")][: 5 if m < 100 else 1]:
            a, b = arranged(rng, layout_a, (*batch_a, m, k), dtype), arranged(rng, layout_b, (*batch_b, k, n), dtype)
            assert_product(a, b, on_threads(a, b))


def test_a_bias_is_shared_by_the_matrices_of_a_batch(isa: str, dtype: np.dtype) -> None:
    rng = np.random.default_rng(5)
    b, bias = rng.standard_normal((8, 20)).astype(dtype), rng.standard_normal(20).astype(dtype)
    for a in (rng.standard_normal((3, 5, 8)).astype(dtype), rng.standard_normal((3, 8, 8)).astype(dtype)[:, :5]):
        np.testing.assert_array_equal(K.matmul(a, b, bias=bias), K.matmul(a, b) + bias)


@pytest.mark.parametrize("shape", [(9, 7, 21), (40, 20, 10), (6, 1500, 35), (1, 30, 300), (70, 20, 1)], ids=str)
@pytest.mark.parametrize("layouts", TRANSPOSITIONS, ids="-".join)
def test_a_bias_of_any_stride_is_added_once(
    isa: str, dtype: np.dtype, shape: tuple[int, int, int], layouts: tuple[str, str]
) -> None:
    m, k, n = shape
    rng = np.random.default_rng(6)
    a, b = arranged(rng, layouts[0], (m, k), dtype), arranged(rng, layouts[1], (k, n), dtype)
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    for bias in (rng.standard_normal(n).astype(dtype), rng.standard_normal(3 * n).astype(dtype)[::-3]):
        bound = (k + 3) * np.finfo(dtype).eps * (np.abs(a64) @ np.abs(b64) + abs(bias))
        assert (abs(K.matmul(a, b, bias=bias) - (a64 @ b64 + bias)) <= bound).all()


@pytest.mark.parametrize("layouts", TRANSPOSITIONS, ids="-".join)
def test_nan_and_infinity_come_out_as_from_the_naive_product(
    isa: str, dtype: np.dtype, layouts: tuple[str, str]
) -> None:
    rng = np.random.default_rng(8)
    special = np.array([0, 0, 0, np.inf, -np.inf, np.nan], dtype)
    for m, k, n in ((5, 9, 17), (20, 33, 40), (40, 40, 10), (1, 9, 90), (33, 20, 1), (3, 20, 3)):
        a, b = arranged(rng, layouts[0], (m, k), dtype), arranged(rng, layouts[1], (k, n), dtype)
        for x in (a, b):  # a few in most rows and columns, so that plain numbers remain
            places = rng.integers(0, x.size, max(2, x.size // 60))
            x[np.unravel_index(places, x.shape)] = rng.choice(special, len(places))
        with np.errstate(invalid="ignore"):
            expected = (a[:, :, None].astype(np.float64) * b[None].astype(np.float64)).sum(1)
        actual = K.matmul(a, b)
        np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
        np.testing.assert_array_equal(actual[np.isinf(expected)], expected[np.isinf(expected)])
        assert np.isfinite(actual[np.isfinite(expected)]).all()


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 3, 0), (0, 0, 0), (0, 3, 0)], ids=str)
def test_no_rows_or_no_columns(isa: str, dtype: np.dtype, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    assert K.matmul(np.ones((m, k), dtype), np.ones((k, n), dtype), bias=np.ones(n, dtype)).shape == (m, n)


def test_a_product_over_nothing_is_zero_and_gets_its_bias(isa: str, dtype: np.dtype) -> None:
    for m, n in ((1, 1), (3, 20), (40, 100), (20, 2)):
        a, b, bias = np.ones((m, 0), dtype), np.ones((0, n), dtype), np.arange(n, dtype=dtype)
        np.testing.assert_array_equal(K.matmul(a, b), np.zeros((m, n)))
        np.testing.assert_array_equal(K.matmul(a, b, bias=bias), np.tile(bias, (m, 1)))


@pytest.mark.parametrize("shape", SPLIT, ids=str)
def test_the_number_of_threads_does_not_change_a_bit(isa: str, dtype: np.dtype, shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    rng = np.random.default_rng(9)
    for layout_a, layout_b in TRANSPOSITIONS:
        a, b = arranged(rng, layout_a, (m, k), dtype), arranged(rng, layout_b, (k, n), dtype)
        results = []
        for threads in (1, 2, 3):
            K.set_num_threads(threads)
            results.append(K.matmul(a, b, bias=b[0]))
        for product in results[1:]:
            np.testing.assert_array_equal(product, results[0])


def test_a_row_is_the_same_alone_in_a_taller_product_and_in_a_batch(isa: str, dtype: np.dtype) -> None:
    """Sums do not depend on the tile: what holds for one product of wide rows holds for any."""
    rng = np.random.default_rng(10)
    a, b = rng.standard_normal((37, 50)).astype(dtype), rng.standard_normal((50, 64)).astype(dtype)
    whole = K.matmul(a, b)
    for rows in (1, 2, 3, 5, 14, 30):
        np.testing.assert_array_equal(K.matmul(a[:rows], b), whole[:rows])
    np.testing.assert_array_equal(K.matmul(a[:, None], b)[:, 0], whole)


# ---------------------------------------------------------------- products that take long


def long_products() -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Products of small whole numbers, exact in any order, that take longer than what is done at one go.

    Most repeat one row or column by a stride of 0, so that they need little memory and, as memory is what they are
    estimated by, little time.
    """
    rng = np.random.default_rng(12)

    def numbers(*shape: int) -> np.ndarray:
        return rng.integers(-2, 3, shape).astype(np.float32)

    def repeated(x: np.ndarray, *shape: int) -> np.ndarray:
        return np.broadcast_to(x, shape)

    return [
        ("strips", numbers(1500, 1200), numbers(1200, 1700)),
        ("a row and many columns", numbers(1, 30_000), repeated(numbers(1, 4_001), 30_000, 4_001)),
        ("many rows and a column", repeated(numbers(4_001, 1), 4_001, 30_000), numbers(30_000, 1)),
        ("rows of ten", repeated(numbers(1, 3_100), 21_001, 3_100), numbers(3_100, 10)),
        ("columns of ten", numbers(10, 3_100), repeated(numbers(3_100, 1), 3_100, 21_001)),
        ("a batch", repeated(numbers(2, 5, 1), 2, 5, 30_000), repeated(numbers(2, 1, 3001), 2, 30_000, 3001)),
        ("many small matrices", numbers(400_000, 1, 2), numbers(400_000, 2, 1)),
    ]


def exact_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of whole numbers: an operand that repeats along the sum is added up, or taken, once."""
    if b.strides[-2] == 0:
        return a.sum(-1, keepdims=True) * b[..., :1, :]
    if a.strides[-1] == 0:
        return a[..., :1] * b.sum(-2, keepdims=True)
    return a @ b


@pytest.mark.parametrize(("a", "b"), [x[1:] for x in long_products()], ids=[x[0] for x in long_products()])
def test_a_product_that_takes_long_is_done_in_pieces(a: np.ndarray, b: np.ndarray) -> None:
    """Twice: in which pieces depends on shapes alone, and a bias is added once."""
    expected = exact_product(a, b)
    for how, found in on_threads(a, b).items():
        np.testing.assert_array_equal(found, expected, how)
    if a.ndim == 2:
        bias = expected[0] + 1
        shifted = expected + bias
        for threads in (1, 2):
            K.set_num_threads(threads)
            for isa, found in by_isa(K.matmul, a, b, bias=bias).items():
                np.testing.assert_array_equal(found, shifted, f"{isa}, threads: {threads}")


class Stop(Exception):
    pass


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")
@pytest.mark.parametrize("shape", [(1, 3000, 200_000, 2000), (900, 10, 300_000, 10), (1, 1, 90_000, 90_000)], ids=str)
def test_an_exception_from_a_signal_handler_ends_a_product(isa: str, threads: int, shape: tuple[int, ...]) -> None:
    """At once, or the test would take minutes; and what comes next is right."""
    batch, m, k, n = shape
    a, b = (np.broadcast_to(np.ones(length, np.float32), (batch, rows, length)) for rows, length in ((m, k), (k, n)))

    def stop(*_: object) -> None:
        raise Stop

    def multiply() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        K.matmul(a, b)

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(Stop):
            multiply()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_array_equal(K.matmul(a[0, :9, :2000], b[0, :2000]), np.full((min(m, 9), n), 2000))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")
def test_a_signal_handler_may_multiply_in_the_middle_of_a_product(isa: str, threads: int) -> None:
    name, a, b = long_products()[0]
    small, products = np.ones((300, 300), np.float32), []
    before = signal.signal(signal.SIGALRM, lambda *_: products.append(K.matmul(small, small)))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        actual = K.matmul(a, b)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    np.testing.assert_array_equal(actual, exact_product(a, b), err_msg=name)
    assert len(products) == 1
    np.testing.assert_array_equal(products[0], np.full((300, 300), 300))


# ---------------------------------------------------------------- memory


def test_operands_of_every_orientation_at_the_edge_of_memory() -> None:
    """Twice each: K moves the operands to where memory ends, and then to where it begins, for each set."""
    rng = np.random.default_rng(11)
    shapes = [(200, 130, 200), (40, 1024, 130), *itertools.product((1, 7, 15), (1, 17, 33), (1, 16, 35))]
    for (m, k, n), dtype in itertools.product(shapes, (np.float32, np.float64)):
        for transposed_a, transposed_b in itertools.product((False, True), repeat=2):
            a = rng.standard_normal((k, m) if transposed_a else (m, k)).astype(dtype)
            b = rng.standard_normal((n, k) if transposed_b else (k, n)).astype(dtype)
            a, b = a.T if transposed_a else a, b.T if transposed_b else b
            bias = rng.standard_normal(n).astype(dtype)
            for _ in range(2):
                assert_product(a, b, by_isa(K.matmul, a, b))
            for _ in range(2):
                by_isa(K.matmul, a, b, bias=bias)


# ---------------------------------------------------------------- the compiled loops


def compile_tiles(isa: str, directory: Path) -> Path:
    """The product kernels alone, compiled as the extension is, symbols kept."""
    flags = re.search(rf"set\(ISA_FLAGS_{isa} (.*)\)", (SOURCE / "CMakeLists.txt").read_text())
    options = "-std=gnu11 -O3 -DNDEBUG -ffp-contract=off -fno-math-errno -fPIC -Wno-psabi "
    options += flags[1].replace("${WG_OPTION}", "")
    options += f" -DWG_FAMILY_NAME=gemm -DWG_ISA_NAME={isa}"
    command = [os.environ.get("CC", "cc"), *options.split(), "-c", str(SOURCE / "csrc" / "family.c"), "-o", "tiles.o"]
    subprocess.run(command, cwd=directory, check=True)
    return directory / "tiles.o"


def inner_loops(code: list[tuple[int, str]]) -> list[list[str]]:
    """The innermost loops, of up to 300 instructions, that multiply and add, from addresses and instructions."""
    index = {address: i for i, (address, _) in enumerate(code)}
    loops, end = [], -1
    for i, (_, text) in enumerate(code):
        jump = re.match(r"j\w+\s+([0-9a-f]+)", text)
        start = index.get(int(jump[1], 16), len(code)) if jump else len(code)
        if start <= i < start + 300:
            if start > end:  # else there is a loop within
                loops.append([text for _, text in code[start : i + 1]])
            end = i
    return [x for x in loops if any(re.search(r"fmadd|\bmulp|dpbf16", t) for t in x) and not any("ret" in t for t in x)]


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not shutil.which("objdump") or not shutil.which("cc"),
    reason="reads x86-64 instructions with objdump",
)
@pytest.mark.parametrize("isa_name", ["v3", "v4"])
def test_the_sums_of_a_tile_stay_in_registers(isa_name: str, tmp_path: Path) -> None:
    objdump = ["objdump", "-d", "--no-show-raw-insn", str(compile_tiles(isa_name, tmp_path))]
    listing = subprocess.run(objdump, capture_output=True, text=True, check=True).stdout
    named = r"^[0-9a-f]+ <gemm_((?:tile|dot|sweep|pairs)_\w+)[.\w]*>:\n(.*?)(?:\n\n|\Z)"
    functions = re.findall(named, listing, re.M | re.S)
    seen = set()
    for name, body in functions:
        size = re.match(r"\w+_(\d+)x(\d+)", name)
        if size and int(size[1]) * int(size[2]) < 8:
            continue  # too small for the registers to matter
        code = [(int(at, 16), text) for at, text in re.findall(r"^\s*([0-9a-f]+):\t(.*)$", body, re.M)]
        stack = r"\(%rsp|\(%rbp" if any(re.match(r"mov\s+%rsp,%rbp", text) for _, text in code) else r"\(%rsp"
        loops = inner_loops(code)
        assert loops, f"no inner loop found in {name}"
        for loop in loops:
            assert not [text for text in loop if re.search(stack, text)], (name, loop)
        seen.add(name)
    largest = {"v3": {"tile_6x2", "tile_12x1", "dot_4x3"}, "v4": {"tile_14x2", "tile_14x1", "tile_3x4", "dot_4x5"}}
    assert {f"{name}_{real}" for name in largest[isa_name] for real in ("f32", "f64")} <= seen
    assert {"v3": "pairs_4x2", "v4": "pairs_14x2"}[isa_name] in seen


def multiply_adds(loop: list[str]) -> Counter[str]:
    """How often each register takes a sum in a loop, where nearly all it does is multiply and add, fused or not."""
    fused = [re.match(r"vfn?madd\d+p[sd]\s.*,(%\w+)", text) for text in loop]
    added = [re.match(r"addp[sd]\s.*,(%\w+)", text) for text in loop]
    multiplied = [text for text in loop if re.match(r"mulp[sd]\s", text)]
    sums = Counter(match[1] for match in fused + added if match)
    few = 3 * (sums.total() + len(multiplied)) < len(loop)
    return Counter() if few or len(multiplied) != sum(map(bool, added)) else sums


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not shutil.which("objdump"),
    reason="reads x86-64 instructions with objdump",
)
def test_no_loop_of_matmul_in_the_built_extension_touches_the_stack() -> None:
    """Symbols are stripped there: a loop of matmul is known by eight sums or more, each added to equally often."""
    built = Path(K.__file__)
    if b"__asan_" in built.read_bytes() or b"__ubsan_" in built.read_bytes():
        pytest.skip("built with a sanitizer, whose checks need the registers")
    objdump = ["objdump", "-d", "--no-show-raw-insn", str(built)]
    listing = subprocess.run(objdump, capture_output=True, text=True, check=True).stdout
    code = [(int(at, 16), text) for at, text in re.findall(r"^\s*([0-9a-f]+):\t(.*?)\s*$", listing, re.M)]
    most: Counter[str] = Counter()
    for loop in inner_loops(code):
        sums = multiply_adds(loop)
        if len(sums) < 8 or len(set(sums.values())) > 1:
            continue
        assert not [text for text in loop if "(%rsp" in text and "mm" in text], loop  # convolution's reload a pointer
        kind = next(iter(sums))[1:4]
        most[kind] = max(most[kind], len(sums))
    sizes = {"base": ("xmm", 12), "v3": ("ymm", 12), "v4": ("zmm", 28)}
    for isa_name in K.available_isas():
        kind, size = sizes[isa_name]
        assert most[kind] == size, f"the largest loop with {kind} that was found has {most[kind]} sums"


def test_the_measured_ceiling_is_a_speed(isa: str, dtype: np.dtype) -> None:
    assert 1e5 < K.peak_flops(dtype.name, 0.001) < 1e13  # an emulator computes it too
