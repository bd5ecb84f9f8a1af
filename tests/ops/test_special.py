"""Special functions: values and derivatives to the third order, edges, errors, and SciPy's functions of tensors."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

import wengert as wg
from wengert import special

INF, NAN = math.inf, math.nan

FUNCTIONS: dict[str, Callable[..., wg.Tensor]] = {
    "polygamma": lambda x: wg.polygamma(1, x),
    "lgamma": wg.lgamma,
    **{name: getattr(special, name) for name in (
        "digamma", "erfc", "erfcx", "erfinv", "i0", "i0e", "i1", "i1e", "log_ndtr", "ndtr", "ndtri", "sinc")},
}  # fmt: skip

# x, and at x the function and its first three derivatives: by mpmath 1.4 in 60 digits, from the identities of the
# NIST Digital Library of Mathematical Functions.
TABLE: dict[str, tuple[tuple[float, ...], ...]] = {
    "erfc": (
        (-1.5, 1.9661051464753108, -0.11893028922362937, -0.35679086767088813, -0.8325120245654056),
        (0.25, 0.7236736098317631, -1.0600141293761143, 0.5300070646880571, 1.8550247264081998),
        (5.0, 1.537459794428035e-12, -1.5670866531017336e-11, 1.5670866531017336e-10, -1.5357449200396988e-09),
        (20.0, 5.395865611607901e-176, -2.1610374743867984e-174, 8.644149897547193e-173, -3.453337884070104e-171),
    ),
    "erfcx": (
        (-2.0, 108.94090438997797, -436.8919967270074, 1965.4497956879854, -9609.367169659972),
        (0.0, 1.0, -1.1283791670955126, 2.0, -4.51351666838205),
        (0.75, 0.5069376502931449, -0.3679726916557954, 0.4619162631025966, -0.7790163719692866),
        (3.0, 0.17900115118138996, -0.05437226000717287, 0.03176874231974267, -0.02687658611023545),
        (60.0, 0.009401854275176388, -0.00015665407434594324, 5.219628839587969e-06, -2.608366332167128e-07),
    ),
    "erfinv": (
        (0.0, 0.0, 0.886226925452758, 0.0, 1.392081999207927),
        (-0.5, -0.4769362762044699, 1.1125848189719498, -1.1807463499934, 5.26058253926122),
        (0.96875, 1.523019401996956, 9.01424281298686, 247.51067593464717, 15057.09727264743),
        (0.9999999999990905, 5.05125408524939, 106817285124.65913, 1.152689353100098e+23, 2.512161583071431e+35),
    ),
    "ndtr": (
        (-20.0, 2.7536241186062337e-89, 5.520948362159764e-88, 1.1041896724319527e-86, 2.2028583965017455e-85),
        (-0.25, 0.4012936743170763, 0.3866681168028492, 0.0966670292007123, -0.36250135950267115),
        (2.0, 0.9772498680518208, 0.05399096651318805, -0.1079819330263761, 0.16197289953956415),
    ),
    "log_ndtr": (
        (-60.0, -1805.0135606805673, 60.016657420241124, -0.9997226841165853, 9.228501819619018e-06),
        (-3.0, -6.607726221510349, 3.2830986549304364, -0.9294408132147319, 0.03147067283084249),
        (0.0, -0.6931471805599453, 0.7978845608028654, -0.6366197723675814, 0.21801361414499015),
        (8.0, -6.220960574271786e-16, 5.052271083536895e-15, -4.0418168668295186e-14, 3.1829307826282504e-13),
    ),
    "ndtri": (
        (6.223015277861142e-61, -16.426074097022656, 9.746987471548691e+58, -1.5605388796167896e+119,
         5.0062533876803165e+179),
        (0.03125, -1.8627318674216515, 14.208260746314737, -376.0383874332132, 22772.887350428373),
        (0.625, 0.31863936396437514, 2.6371638892825, 2.2160199564694527, 22.064769871461582),
    ),
    "lgamma": (
        (0.125, 2.0194183575537963, -8.388492663295855, 65.38813344498803, -1025.7533381181356),
        (1.0, 0.0, -0.5772156649015329, 1.6449340668482264, -2.4041138063191885),
        (2.5, 0.2846828704729192, 0.7031566406452432, 0.49035775610023485, -0.2362040516417274),
        (30.0, 71.25703896716801, 3.384438132685525, 0.033895060357739946, -0.0011487652037286),
        (-0.25, 1.589575312551186, 2.9141391202135276, 18.541879647671607, 122.69736678366236),
        (-3.75, -1.3172679424463636, -1.6923885983113303, 19.504980060599575, -124.07972713378925),
    ),
    "digamma": (
        (0.125, -8.388492663295855, 65.38813344498803, -1025.7533381181356, 24580.143419063566),
        (1.5, 0.03648997397857652, 0.9348022005446793, -0.82879664423432, 1.4090910340024372),
        (40.0, 3.676327374034843, 0.02531510384129103, -0.0006408202718352986, 3.24414001515635e-05),
        (-2.5, 1.103156640645243, 9.539246644989124, -0.1082040516417274, 194.74787621918762),
    ),
    "polygamma": (
        (0.125, 65.38813344498803, -1025.7533381181356, 24580.143419063566, -786445.9854310638),
        (1.0, 1.6449340668482264, -2.4041138063191885, 6.493939402266829, -24.88626612344088),
        (25.0, 0.04081066325722558, -0.001665279318422468, 0.0001358846365082737, -1.662971425007893e-05),
        (-1.25, 19.181879647671607, 123.72136678366236, 1558.2209125348506, 24481.063714184584),
    ),
    "sinc": (
        (0.0, 1.0, 0.0, -3.289868133696453, 0.0),
        (0.25, 0.9003163161571061, -0.7728381398822342, -2.703060757258859, 4.52127228855079),
        (1.0, 0.0, -1.0, 2.0, 3.8696044010893584),
        (2.75, 0.08184693783246419, -0.2868922614614588, -0.5991479804204601, 3.1913847785091853),
    ),
    "i0": (
        (0.0, 1.0, 0.0, 0.5, 0.0),
        (1.5, 1.646723189772891, 0.9816664285779075, 0.9922789040542858, 0.7564433496874537),
        (30.0, 781672297823.9775, 768532038938.957, 756054563192.679, 744184144653.5776),
    ),
    "i0e": (
        (-1.5, 0.36743360905415834, 0.14839422163323265, 0.15076218498584823, 0.20575217335302873),
        (12.0, 0.11642622121344044, -0.0049619219232594665, 0.0006351522390038518, -0.00013568270369347885),
        (100.0, 0.03994437929909668, -0.00020022627396642996, 3.011017681557421e-06, -7.546749775309141e-08),
    ),
    "i1": (
        (0.0, 0.0, 0.5, 0.0, 0.375),
        (-1.5, -0.9816664285779075, 0.9922789040542858, -0.7564433496874537, 0.7882807761165884),
        (30.0, 768532038938.957, 756054563192.679, 744184144653.5776, 732871617989.9183),
    ),
    "i1e": (
        (1.5, 0.21903938742092569, 0.0023679633526155525, -0.05498998836718051, 0.11471590343959212),
        (-12.0, -0.11146429929018098, -0.004326769684255615, -0.000499469535310373, -9.504338663475636e-05),
        (100.0, 0.03974415302513025, -0.00019721525628487254, 2.9355501838043295e-06, -7.28193613921869e-08),
    ),
}  # fmt: skip


def derivatives(function: Callable[..., Any], x: float, order: int, dtype: Any = wg.float64) -> list[float]:
    """The function and its derivatives at x, by one reverse walk after another."""
    leaf = wg.tensor(x, dtype=dtype, requires_grad=True)
    found = [function(leaf)]
    for _ in range(order):
        (slope,) = wg.autograd.grad(found[-1], (leaf,), create_graph=True)
        found.append(slope)
    return [z.item() for z in found]


@pytest.mark.parametrize("name", TABLE)
def test_values_and_three_derivatives_agree_with_the_table(name: str, isa: str) -> None:
    for x, *expected in TABLE[name]:
        found = derivatives(FUNCTIONS[name], x, 3)
        # Slopes of inverse functions near their poles, and of tails, have as many lost digits as x has.
        np.testing.assert_allclose(found, expected, rtol=2e-13, atol=1e-300, err_msg=f"{name}({x})")


@pytest.mark.parametrize("name", TABLE)
def test_the_forward_walk_agrees_too(name: str) -> None:
    for x, *expected in TABLE[name]:
        function, found = FUNCTIONS[name], []
        for _ in range(3):
            found.append(function(wg.tensor(x, dtype=wg.float64)).item())
            function = _slope(function)
        np.testing.assert_allclose(found, expected[:3], rtol=2e-13, atol=1e-300, err_msg=f"{name}({x})")


def _slope(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: wg.jvp(function, (x,), (wg.ones_like(x),))[1]


@pytest.mark.parametrize("name", TABLE)
def test_float16_and_float32_are_rounded_from_exact_numbers(name: str) -> None:
    for x, expected, *_ in TABLE[name]:
        if float(np.float16(x)) == x and 6.2e-5 < abs(expected) < 6e4:
            np.testing.assert_allclose(FUNCTIONS[name](wg.tensor(x, dtype=wg.float16)).item(), expected, rtol=5e-4)
        if float(np.float32(x)) == x and 1.2e-38 < abs(expected) < 3e38:
            np.testing.assert_allclose(FUNCTIONS[name](wg.tensor(x)).item(), expected, rtol=5e-7)


def test_a_gradient_of_float16_is_found_where_its_pieces_are_out_of_range() -> None:
    x = wg.tensor([0.9995], dtype=wg.float16, requires_grad=True)
    special.log_ndtr(-60 * x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [-60 * 60.0], rtol=4e-3)


# x, the value, the derivative.
EDGES: dict[str, tuple[Callable[..., Any], tuple[tuple[float, float, float], ...]]] = {
    "lgamma": (wg.lgamma, ((0.0, INF, -INF), (-0.0, INF, INF), (-2.0, INF, NAN), (INF, INF, INF), (-INF, INF, NAN))),
    "digamma": (wg.digamma, ((0.0, -INF, INF), (-0.0, INF, INF), (-3.0, NAN, INF), (INF, INF, 0), (-INF, NAN, NAN))),
    "polygamma": (lambda x: wg.polygamma(2, x), ((0.0, -INF, INF), (-1.0, -INF, INF), (INF, -0.0, 0))),
    "erfinv": (wg.erfinv, ((1.0, INF, INF), (-1.0, -INF, INF), (1.5, NAN, NAN))),
    "erfc": (wg.erfc, ((INF, 0, -0.0), (-INF, 2, -0.0))),
    "erfcx": (special.erfcx, ((INF, 0, -0.0), (-INF, INF, -INF))),
    "erfcinv": (special.erfcinv, ((0.0, INF, -INF), (2.0, -INF, -INF), (3.0, NAN, NAN))),
    "ndtr": (special.ndtr, ((INF, 1, 0), (-INF, 0, 0))),
    "log_ndtr": (special.log_ndtr, ((INF, -0.0, 0), (-INF, -INF, INF), (-1e30, -5e59, 1e30))),
    "ndtri": (special.ndtri, ((0.0, -INF, INF), (1.0, INF, INF), (-0.1, NAN, NAN))),
    "entr": (special.entr, ((0.0, 0, INF), (-1.0, -INF, NAN), (INF, -INF, -INF))),
    "i0": (wg.i0, ((0.0, 1, 0), (INF, INF, INF), (-INF, INF, -INF))),
    "i0e": (special.i0e, ((0.0, 1, 0), (INF, 0, 0))),
    "i1": (special.i1, ((0.0, 0, 0.5), (-0.0, -0.0, 0.5), (INF, INF, INF))),
    "i1e": (special.i1e, ((0.0, 0, 0.5), (INF, 0, 0))),
    "sinc": (wg.sinc, ((0.0, 1, 0), (3.0, 0, -1 / 3), (INF, NAN, NAN))),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_poles_and_limits(name: str, isa: str) -> None:
    function, edges = EDGES[name]
    for x, *expected in (*edges, (NAN, NAN, NAN)):
        found = derivatives(function, x, 1)
        np.testing.assert_allclose(found, expected, rtol=1e-14, err_msg=f"{name}({x})")
        if expected[0] == 0:
            assert math.copysign(1, found[0]) == math.copysign(1, expected[0]), f"{name}({x})"


@pytest.mark.parametrize("dtype", [wg.float16, wg.float32, wg.float64])
def test_a_factor_of_zero_leaves_no_pole_of_the_logarithm(dtype: Any) -> None:
    for function, y in ((special.xlogy, 0.0), (special.xlog1py, -1.0)):
        x, y = (wg.tensor([v], dtype=dtype, requires_grad=True) for v in (0.0, y))
        z = function(x, y)
        gx, gy = wg.autograd.grad(z, (x, y))
        assert (z.item(), gx.item(), gy.item()) == (0, 0, 0)
        assert math.isnan(function(x, wg.tensor([NAN], dtype=dtype)).item())


def test_higher_derivatives_of_erfcx_keep_their_digits_for_large_arguments() -> None:
    # From DLMF 7.12.1: 2 x erfcx(x) - 2 / sqrt(pi), where all digits cancel.
    for x in (1e4, 1e8):
        slope, curvature = derivatives(special.erfcx, x, 2)[1:]
        np.testing.assert_allclose(slope, -1 / (math.sqrt(math.pi) * x * x) * (1 - 1.5 / x**2), rtol=1e-11)
        np.testing.assert_allclose(curvature, 2 / (math.sqrt(math.pi) * x**3) * (1 - 3 / x**2), rtol=1e-11)


def test_polygamma_of_every_order_is_the_derivative_of_the_one_before() -> None:
    x = np.linspace(0.6, 7, 23)
    for n in range(6):
        wg.func.check_gradients(lambda x, n=n: wg.polygamma(n, x), wg.from_numpy(x), order=1)
    # Hurwitz's zeta function, where the sum is short.
    np.testing.assert_allclose(
        wg.polygamma(40, wg.tensor([2.5], dtype=wg.float64)).item(),
        -math.factorial(40) * math.fsum((2.5 + k) ** -41.0 for k in range(100)), rtol=1e-13,
    )  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
def test_the_error_of_polygamma_grows_by_one_an_order(n: int, isa: str, dtype: np.dtype) -> None:
    x = np.random.default_rng(n).uniform(0.05, 25, 60).astype(dtype)
    found = wg.polygamma(n, wg.from_numpy(x)).numpy().astype(np.float64)
    exact = np.array([float(mpmath.polygamma(n, float(item))) for item in x])
    units = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
    assert (np.abs(found - exact) <= (4 + n) * units).all()


def test_polygamma_on_both_sides_of_a_pole() -> None:
    # DLMF 5.15.6: psi'(1 - x) + psi'(x) = pi^2 / sin^2(pi x).
    x = np.array([-0.3, -1.5, -7.25, 0.2, -1 - 2.0**-30])
    both = wg.polygamma(1, wg.from_numpy(1 - x)).numpy() + wg.polygamma(1, wg.from_numpy(x)).numpy()
    np.testing.assert_allclose(both, (np.pi / np.sin(np.pi * (x - np.round(x)))) ** 2, rtol=1e-14)


def test_mvlgamma_is_a_sum_of_lgamma_and_nan_outside_of_its_domain() -> None:
    x = wg.tensor([0.5, 1.0, 2.5], dtype=wg.float64)
    expected = [NAN, NAN, 1.5 * math.log(math.pi) + sum(math.lgamma(2.5 - j / 2) for j in range(3))]
    np.testing.assert_allclose(special.multigammaln(x, 3).numpy(), expected, rtol=1e-14)
    np.testing.assert_allclose(wg.mvlgamma(x, 1).numpy(), wg.lgamma(x).numpy(), rtol=1e-15)
    assert wg.mvlgamma(wg.tensor(2.0), 2).shape == ()
    assert wg.mvlgamma(wg.zeros(0, 3), 2).shape == (0, 3)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: wg.polygamma(-1, x), ValueError, "polygamma: the order is -1; expected 0 to 1000"),
        (lambda x: wg.polygamma(10**9, x), ValueError, "polygamma: the order is 1000000000; expected 0 to 1000"),
        (lambda x: wg.polygamma(1.5, x), TypeError, "polygamma: the order is 1.5; expected an integer"),
        (lambda x: wg.polygamma(x, 1), TypeError, "polygamma: the order is .*; expected an integer, before the tensor"),
        (lambda x: x.polygamma("1"), TypeError, "polygamma: the order is '1'"),
        (lambda x: wg.mvlgamma(x, 0), ValueError, "mvlgamma: the dimension is 0; expected at least 1"),
        (lambda x: wg.mvlgamma(x, 1.0), TypeError, "mvlgamma: the dimension is 1.0; expected an integer"),
        (lambda x: special.xlog1py(x, wg.ones(3)), ValueError, "do not broadcast"),
        (lambda x: special.ndtr(x, dim=1), TypeError, "ndtr: got the keyword"),
    ],
)
def test_wrong_calls_are_told_what_would_have_worked(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(wg.ones(2))


def test_integers_become_the_default_float_and_methods_are_the_functions() -> None:
    x = wg.tensor([1, 2, 3])
    for name in ("erfc", "lgamma", "digamma", "sinc", "i0"):
        z = getattr(x, name)()
        assert z.dtype == wg.float32
        np.testing.assert_array_equal(z.numpy(), getattr(wg, name)(x.float()).numpy())
        y = x.float()
        assert getattr(y, f"{name}_")() is y
        np.testing.assert_array_equal(y.numpy(), z.numpy())
    np.testing.assert_array_equal(x.polygamma(1).numpy(), wg.polygamma(1, x).numpy())
    np.testing.assert_array_equal(x.float().polygamma_(2).numpy(), wg.polygamma(2, x).numpy())
    np.testing.assert_array_equal(x.float().mvlgamma_(2).numpy(), wg.mvlgamma(x, 2).numpy())
    np.testing.assert_array_equal(wg.tensor([0.5]).erfinv_().numpy(), wg.erfinv(wg.tensor([0.5])).numpy())
    assert wg.polygamma(np.int64(0), x.double()).tolist() == wg.digamma(x.double()).tolist()


def test_numpys_functions_of_tensors_are_these() -> None:
    x = wg.tensor([0.5, -1.5], requires_grad=True)
    for theirs, ours in ((np.sinc, wg.sinc), (np.i0, wg.i0)):
        z = theirs(x)
        assert isinstance(z, wg.Tensor)
        assert z.requires_grad
        np.testing.assert_array_equal(z.detach().numpy(), ours(x).detach().numpy())


# ---------------------------------------------------------------- SciPy

UFUNCS = (
    "entr", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e",
    "log1p", "log_ndtr", "logit", "ndtr", "ndtri", "psi", "xlog1py", "xlogy",
)  # fmt: skip


@pytest.mark.skipif(importlib.util.find_spec("scipy") is None, reason="SciPy, the reference here, is not installed")
@pytest.mark.parametrize("name", UFUNCS)
def test_scipys_functions_of_tensors_are_ours(name: str) -> None:
    theirs = getattr(importlib.import_module("scipy.special"), name)
    arrays = [np.array([0.125, 0.5, 0.9]), np.array([0.25, 1.5, 3.0])][: theirs.nin]
    leaves = [wg.from_numpy(array).requires_grad_() for array in arrays]
    z = theirs(*leaves)
    assert isinstance(z, wg.Tensor)
    np.testing.assert_allclose(z.detach().numpy(), theirs(*arrays), rtol=1e-14)
    np.testing.assert_array_equal(z.detach().numpy(), getattr(special, name)(*leaves).detach().numpy())
    z.sum().backward()
    for k, (leaf, array) in enumerate(zip(leaves, arrays, strict=True)):
        shifted = [[a + (j == k) * h for j, a in enumerate(arrays)] for h in (1e-6, -1e-6)]
        quotient = (theirs(*shifted[0]) - theirs(*shifted[1])) / 2e-6
        np.testing.assert_allclose(leaf.grad.numpy(), quotient, rtol=2e-7, atol=2e-9, err_msg=f"by {array}")


@pytest.mark.skipif(importlib.util.find_spec("scipy") is None, reason="SciPy, the reference here, is not installed")
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("gammaln", 0.01, 200), ("psi", 0.01, 200), ("erfc", -5, 26), ("erfcx", -20, 1e3), ("erfinv", -1, 1),
     ("ndtr", -37, 8), ("log_ndtr", -1e3, 8), ("ndtri", 0, 1), ("i0", -100, 100), ("i0e", -1e3, 1e3),
     ("i1", -100, 100), ("i1e", -1e3, 1e3), ("entr", 0, 10), ("erfcinv", 0, 2)],
)  # fmt: skip
def test_values_are_scipys(name: str, low: float, high: float) -> None:
    x = np.random.default_rng(0).uniform(low, high, 4000)
    theirs = getattr(importlib.import_module("scipy.special"), name)(x)
    np.testing.assert_allclose(getattr(special, name)(wg.from_numpy(x)).numpy(), theirs, rtol=2e-13, atol=1e-15)


@pytest.mark.skipif(importlib.util.find_spec("scipy") is None, reason="SciPy, the reference here, is not installed")
@pytest.mark.parametrize("n", [1, 2, 3, 7, 20])
def test_polygamma_is_scipys(n: int) -> None:
    x = np.random.default_rng(n).uniform(0.05, 60, 2000)
    theirs = importlib.import_module("scipy.special").polygamma(n, x)
    np.testing.assert_allclose(wg.polygamma(n, wg.from_numpy(x)).numpy(), theirs, rtol=1e-13)
