/* elementary.inc.c - elementary functions of vectors that elementwise work alone has: other bases, the tangent, inverse
 * circular functions, hyperbolic functions and their inverses, x log y.
 *
 * Included by elementwise.inc.c, once per real type, in the manner of vmath.inc.c. Most have one body, which the loops
 * call: they take so long that the call does not count.
 *
 * The largest errors found, in units in the last place, over all instruction sets (tests/kernels/test_elementwise.py):
 *
 *            exp2  log2  log10  tan  asin  acos  atan  atan2  sinh  cosh  asinh  acosh  atanh  logit
 *   float32   1.1   1.7    2.0  3.6   2.8   2.9   2.2    2.2   2.5   1.5    2.0    2.5    2.2    1.8
 *   float64   1.0   1.2    1.4  2.5   1.8   1.8   1.3    1.3   2.1   1.2    1.3    1.1    1.5    1.7
 *
 * logaddexp stays within 2.5 of the larger operand's, logaddexp2 within 4.
 */

/* ---------------------------------------------------------------- other bases, and logarithms times something */

/* One copy of each for whatever below is longer than a call. */
static NOINLINE vreal V(log_once)(vreal x)
{
    return V(log)(x);
}
static NOINLINE vreal V(log1p_once)(vreal x)
{
    return V(log1p)(x);
}

/* 2^x: x = n + f with integral n, and 2^f = e^(f ln 2). Whole x give the power exactly. */
INLINE vreal V(exp2)(vreal x)
{
    /* Beyond these bounds 2^x is zero or infinite. */
    const vreal least = V(splat)(REAL_BITS == 32 ? -151 : -1076), most = V(splat)(REAL_BITS == 32 ? 129 : 1025);
    const vreal cut = V(at_most)(V(at_least)(x, least), most), n = V(round_small)(cut);
    return V(scale_by_power)(V(expm1_reduced)((cut - n) * (real)0x1.62e42fefa39efp-1) + 1, n);
}

/* k (high + low) + factor log(1 + f) for x = 2^k (1 + f); `high` has so few bits that its product with a k is exact. */
INLINE vreal V(log_scaled)(vreal x, real factor, real factor_low, real high, real low)
{
    vreal f, k = V(split_any_exponent)(x, &f), y = V(log_reduced)(V(splat)(0), f);
    vreal small = V(fma)(y, V(splat)(factor), V(fma)(y, V(splat)(factor_low), k * low));
    return V(log_special)(x, V(fma)(k, V(splat)(high), small));
}
INLINE vreal V(log2)(vreal x)
{
    const real low = (real)(REAL_BITS == 32 ? 0x1.4ae0bf85ddf44p-26 : 0x1.777d0ffda0d24p-56);
    return V(log_scaled)(x, LOG2_E, low, 1, 0);
}
INLINE vreal V(log10)(vreal x)
{
    const real high = (real)(REAL_BITS == 32 ? 0x1.344p-2 : 0x1.34413509f6p-2);
    const real low = (real)(REAL_BITS == 32 ? 0x1.3509f79fef312p-18 : 0x1.9fef311f12b36p-42);
    const real factor_low = (real)(REAL_BITS == 32 ? -0x1.5b235e39ab2a9p-27 : 0x1.95355baaafad3p-57);
    return V(log_scaled)(x, (real)0x1.bcb7b1526e50ep-2, factor_low, high, low);
}

/* log(e^x + e^y) = max + log(1 + e^-|x - y|), and with 2 for e; x = y also where both are infinite. */
INLINE vreal V(distance)(vreal x, vreal y)
{
    return V(select)(x == y, V(splat)(0), V(abs)(x - y));
}
static NOINLINE vreal V(logaddexp)(vreal x, vreal y)
{
    return V(max)(x, y) + V(log1p_once)(V(exp)(-V(distance)(x, y)));
}
INLINE vreal V(logaddexp2)(vreal x, vreal y)
{
    return V(fma)(V(log1p)(V(exp2)(-V(distance)(x, y))), V(splat)(LOG2_E), V(max)(x, y));
}

/* x log(y) and x log(1 + y), 0 where x is unless y is NaN; and -x log x, -infinite below 0. */
INLINE vreal V(product_or_zero)(vreal x, vreal y, vreal logarithm)
{
    return V(select)((x == 0) & (y == y), V(splat)(0), x * logarithm);
}
INLINE vreal V(xlogy)(vreal x, vreal y)
{
    return V(product_or_zero)(x, y, V(log_once)(y));
}
INLINE vreal V(xlog1py)(vreal x, vreal y)
{
    return V(product_or_zero)(x, y, V(log1p_once)(y));
}
INLINE vreal V(entr)(vreal x)
{
    const vreal z = V(product_or_zero)(-x, x, V(log_once)(x));
    return V(select)(x < 0, V(splat)(-(real)INFINITY), z);
}

/* log(x / (1 - x)) with x limited to [low, high]. By the smaller of x and 1 - x: their quotient without 1 is a small
 * number's logarithm near 1/2, and of the others none is near a zero. */
INLINE vreal V(logit)(vreal x, vreal low, vreal high)
{
    x = V(min)(V(max)(x, low), high);
    const vint below = x < (real)0.5;
    const vreal excess = V(select)(below, 1 - (x + x), (x + x) - 1), smaller = V(select)(below, x, 1 - x);
    const vreal result = V(log1p)(excess / (smaller + 0)); /* -0 is 0 */
    return V(select)(below, -result, result);
}

/* ---------------------------------------------------------------- circular functions */

static NOINLINE vreal V(tan)(vreal x)
{
    vreal sine, cosine;
    const vint even = (vint)((V(sine_and_cosine)(x, &sine, &cosine) & 1) == 0);
    vreal result = V(select)(even, sine, -cosine) / V(select)(even, cosine, sine);
    if (UNLIKELY(V(any)(~(V(abs)(x) <= TRIGONOMETRIC_BOUND))))
        result = V(circular_of_large)(x, result, 2);
    return result;
}

/* The angle in [0, pi/2] whose tangent is a / b, for a, b >= 0 that are not both 0 or infinite, and whose sum is finite
 * if they are. From tan(pi/8) on less pi/4, from tan(3 pi/8) on less pi/2: what is left is atan t = t + t^3 P(t^2) for
 * |t| <= tan(pi/8), relative error 2^-28 / 2^-58. */
static NOINLINE vreal V(angle)(vreal a, vreal b)
{
#if REAL_BITS == 32
    static const real p[] = {-0x1.555554p-2f, 0x1.999730p-3f, -0x1.24202ep-3f, 0x1.b80f88p-4f, -0x1.08432cp-4f};
    const real half_pi_low = (real)-0x1.777a5cp-25;
#else
    static const real p[] = {-0x1.5555555555555p-2, 0x1.9999999999953p-3, -0x1.249249248d7dcp-3, 0x1.c71c71c303dbbp-4,
                             -0x1.745d165dc9713p-4, 0x1.3b1392d519db1p-4, -0x1.110e87b4357d2p-4, 0x1.e19a0bfa3eef9p-5,
                             -0x1.ac7a5a79b3f26p-5, 0x1.74dccfb93fff0p-5, -0x1.1b311bb48c215p-5, 0x1.0acd9e91a5a35p-6};
    const real half_pi_low = 0x1.1a62633145c07p-54;
#endif
    const real half_pi = (real)0x1.921fb54442d18p0, least = (real)0x1.a827999fcef32p-2; /* tan(pi/8) */
    const vint middle = a > b * least, steep = a > b * (2 + least);
    const vreal above = V(select)(steep, -b, V(select)(middle, a - b, a));
    const vreal t = above / V(select)(steep, a, V(select)(middle, a + b, b)), z = t * t;
    const vreal part = V(select)(steep, V(splat)(1), V(select)(middle, V(splat)((real)0.5), V(splat)(0)));
    const vreal low = V(fma)(part, V(splat)(half_pi_low), t);
    const vreal left = V(fma)(t * z, V(polynomial)(z, p, sizeof p / sizeof *p), low);
    return V(fma)(part, V(splat)(half_pi), left);
}
INLINE vreal V(atan)(vreal x)
{
    return V(copysign)(V(angle)(V(abs)(x), V(splat)(1)), x);
}
INLINE vreal V(asin)(vreal x)
{
    const vreal a = V(abs)(x);
    return V(copysign)(V(angle)(a, V(sqrt)((1 - a) * (1 + a))), x);
}
INLINE vreal V(acos)(vreal x)
{
    return 2 * V(angle)(V(sqrt)(1 - x), V(sqrt)(1 + x));
}

/* The angle of the point (y, x), seen from the origin, as C has it: that of (0, 0) too, and of infinite ones. */
static NOINLINE vreal V(atan2)(vreal x, vreal y)
{
    const real pi = (real)0x1.921fb54442d18p1;
    const real pi_low = REAL_BITS == 32 ? (real)-0x1.777a5cp-24 : (real)0x1.1a62633145c07p-53;
    const vreal a = V(abs)(x), b = V(abs)(y), one = V(splat)(1);
    const vint same = a == b;
    /* A quarter of both, where they are so large that their sum could be infinite. */
    const vreal scale = V(select)((a > (real)1e37) | (b > (real)1e37), V(splat)((real)0.25), one);
    const vreal angle = V(angle)(V(select)(same & (a != 0), one, a * scale), V(select)(same, one, b * scale));
    return V(copysign)(V(select)(V(as_int)(y) < 0, pi - (angle - pi_low), angle), x);
}

/* ---------------------------------------------------------------- hyperbolic functions */

/* e^a / 2 for a >= 0, and h = (e^a - 1) / 2 unless a is large. */
INLINE vreal V(half_exponential)(vreal a, vreal *h)
{
    a = V(at_most)(a, V(splat)(REAL_BITS == 32 ? 90 : 711)); /* beyond, both are infinite */
    vreal r, half_scale, n = V(reduce_by_ln2)(a, &r, -1, &half_scale), p = V(expm1_reduced)(r);
    *h = V(fma)(half_scale, p, half_scale - (real)0.5);
    return V(scale_by_power)(V(fma)(p, V(splat)((real)0.5), V(splat)((real)0.5)), n);
}
static NOINLINE vreal V(sinh)(vreal x)
{
    vreal a = V(abs)(x), h, half = V(half_exponential)(a, &h);
    return V(copysign)(V(select)(a > 20, half, h + h / (2 * h + 1)), x);
}
static NOINLINE vreal V(cosh)(vreal x)
{
    vreal unused, half = V(half_exponential)(V(abs)(x), &unused);
    return half + (real)0.25 / half;
}

/* From the bound on the square root of 1 + a^2 is a, and 1 + a too. */
#undef AREA_LARGE
#define AREA_LARGE ((real)(REAL_BITS == 32 ? 0x1p30 : 0x1p60))
static NOINLINE vreal V(asinh)(vreal x)
{
    const real ln2 = (real)0x1.62e42fefa39efp-1;
    const vreal a = V(abs)(x), cut = V(at_most)(a, V(splat)(AREA_LARGE)), square = cut * cut;
    const vint large = a > AREA_LARGE;
    const vreal result = V(log1p_once)(V(select)(large, a, cut + square / (1 + V(sqrt)(1 + square))));
    return V(copysign)(V(select)(large, result + ln2, result), x);
}
static NOINLINE vreal V(acosh)(vreal x)
{
    const real ln2 = (real)0x1.62e42fefa39efp-1;
    const vreal t = V(select)(x < 1, V(splat)((real)NAN), x - 1), cut = V(at_most)(t, V(splat)(AREA_LARGE));
    const vint large = t > AREA_LARGE;
    const vreal result = V(log1p_once)(V(select)(large, t, cut + V(sqrt)(cut * (cut + 2))));
    return V(select)(large, result + ln2, result);
}
static NOINLINE vreal V(atanh)(vreal x)
{
    const vreal a = V(abs)(x);
    return V(copysign)((real)0.5 * V(log1p_once)((a + a) / (1 - a)), x);
}

/* ---------------------------------------------------------------- items that are no numbers */

/* x, or what stands for NaN, for inf and for -inf. */
INLINE vreal V(nan_to_num)(vreal x, vreal nan, vreal above, vreal below)
{
    const vreal infinity = V(splat)((real)INFINITY);
    return V(select)(x == infinity, above, V(select)(x == -infinity, below, V(select)(x != x, nan, x)));
}

/* ---------------------------------------------------------------- between two numbers */

/* x + z (y - x), from the end that is nearer, so that a z of 1 gives y to the bit. */
INLINE vreal V(lerp)(vreal x, vreal y, vreal z)
{
    const vreal way = y - x;
    return V(select)(V(abs)(z) < (real)0.5, x + way * z, y - way * (1 - z));
}
