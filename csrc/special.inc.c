/* special.inc.c - special functions of vectors: the normal distribution, sinc, gamma, modified Bessel functions.
 *
 * Included by elementwise.inc.c, once per real type. One body each, called by the loops: they take so long that the
 * call does not count. Branches are for what lanes seldom need. Poles, NaN, infinities and signed zeros are as in SciPy
 * and PyTorch; where those differ, as in the C standard.
 *
 * The largest errors found, in units in the last place, over all instruction sets (tests/kernels/test_elementwise.py):
 *
 *            erfc  erfcx  erfinv  ndtr  log_ndtr  ndtri  sinc  lgamma  digamma  polygamma   i0  i0e   i1  i1e
 *   float32   3.1    2.8     3.7   2.8       3.3    2.8   3.2     4.3      3.6        2.9  3.8  3.4  3.6  3.1
 *   float64   3.7    3.1     5.3   4.2       4.2    5.5   3.2     4.1      4.8        3.9  4.4  3.8  4.8  3.0
 *
 * Derivatives times g are within 6 of their largest term's units, that of i1 within 9.
 *
 * Those of lgamma and digamma are for x < 0, where the functions have zeros between their poles, and the units are
 * those of the largest term; elsewhere they are 3. That of polygamma is for n = 1, and grows by about one with each
 * further n.
 *
 * Coefficients without a source are minimax fits as in vmath.inc.c. Identities are from the NIST Digital Library of
 * Mathematical Functions, https://dlmf.nist.gov, here by their numbers.
 */

/* ---------------------------------------------------------------- activations and their derivatives times g */

/* x / (1 + e^-x); NaN at -infinity, as PyTorch has it for this and the next. */
INLINE vreal V(silu)(vreal x)
{
    return x * V(sigmoid)(x);
}

/* s + x s (1 - s) with s = 1 / (1 + e^-x). */
static NOINLINE vreal V(silu_grad)(vreal g, vreal x)
{
    vreal e = V(exp_falling)(x), q = 1 / (e + 1), s = V(select)(x < 0, e * q, q);
    return g * V(fma)(x * q, e * q, s);
}

/* x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2). From the bound on the quotient is 1. */
#undef MISH_MOST
#define MISH_MOST ((real)(REAL_BITS == 32 ? 20 : 40))
INLINE vreal V(mish)(vreal x)
{
    vreal e = V(exp)(V(at_most)(x, V(splat)(MISH_MOST))), n = e * (e + 2);
    return x * (n / (n + 2));
}

/* (n (n + 2) + 4 x e^x (e^x + 1)) / (n + 2)^2. */
static NOINLINE vreal V(mish_grad)(vreal g, vreal x)
{
    vreal cut = V(at_most)(x, V(splat)(MISH_MOST)), e = V(exp)(cut), n = e * (e + 2), inverse = 1 / (n + 2);
    return g * (V(fma)(cut * inverse, 4 * e * (e + 1), n) * inverse);
}

/* scale g where x > 0, else g a e^(rate x). */
static NOINLINE vreal V(elu_grad)(vreal g, vreal x, vreal a, vreal scale, vreal rate)
{
    return g * V(select)(x > 0, scale, V(exp)(x * rate) * a);
}

/* gelu's approximation by a hyperbolic tangent: x / (1 + e^-u) with u = 2 sqrt(2 / pi) (x + 0.044715 x^3). */
#undef GELU_LINEAR
#undef GELU_CUBIC
#define GELU_LINEAR ((real)1.5957691216057307)
#define GELU_CUBIC ((real)(1.5957691216057307 * 0.044715))
INLINE vreal V(gelu_tanh)(vreal x)
{
    return x * V(sigmoid)(x * V(fma)(x * x, V(splat)(GELU_CUBIC), V(splat)(GELU_LINEAR)));
}

/* s + x s (1 - s) u', s = 1 / (1 + e^-u). Beyond the bound it is 0 or 1. */
static NOINLINE vreal V(gelu_tanh_grad)(vreal g, vreal x)
{
    vreal y = V(at_most)(V(at_least)(x, V(splat)(-100)), V(splat)(100)), square = y * y;
    vreal u = y * V(fma)(square, V(splat)(GELU_CUBIC), V(splat)(GELU_LINEAR));
    vreal e = V(exp_falling)(u), q = 1 / (e + 1), s = V(select)(u < 0, e * q, q);
    vreal slope = V(fma)(square, V(splat)(3 * GELU_CUBIC), V(splat)(GELU_LINEAR));
    return g * V(fma)(y * q, e * q * slope, s);
}

/* ---------------------------------------------------------------- the normal distribution and its relatives */

/* e^(y^2 / 2) Phi(-y), the tail without what makes it small, for y = x / scale >= 1/2. Beyond the bound by DLMF 7.12.1,
 * whose first term left out is below 2^-26 / 2^-55 there; x, unlike y, does not overflow. */
INLINE vreal V(scaled_tail)(vreal x, const real scale)
{
    static const real p[] = {1, -1, 3, -15, 105, -945, 10395};
    const real density = (real)0.39894228040143267794; /* 1 / sqrt(2 pi) */
    vreal y = x * (1 / scale), inverse = 1 / x, z = inverse * inverse * (scale * scale);
    vreal ratio, polynomial = V(normal_tail)(V(at_most)(y, V(splat)(TAIL_BOUND)), &ratio);
    vreal far = inverse * V(polynomial)(z, p, REAL_BITS == 32 ? 5 : 7) * (density * scale);
    return V(select)(y > TAIL_BOUND, far, polynomial / (y + TAIL_CENTER));
}

/* factor * Phi(-x) for 1/2 <= x <= TAIL_BOUND, given -x^2 / 2 in two words. */
INLINE vreal V(tail_by_exponent)(vreal x, vreal exponent, vreal exponent_low, real factor)
{
    vreal ratio, polynomial = V(normal_tail)(x, &ratio);
    return V(exp_scaled)(exponent, exponent_low, polynomial * factor / (x + TAIL_CENTER));
}

static NOINLINE vreal V(erfc)(vreal x)
{
    const real root = (real)1.41421356237309504880;
    vreal a = V(at_most)(V(abs)(x), V(splat)(TAIL_BOUND / root));
    vreal square_low, square = V(two_product)(a, a, &square_low);
    vreal tail = V(tail_by_exponent)(a * root, -square, -square_low, 2);
    vreal outer = V(select)(x < 0, 2 - tail, tail);
    return V(select)(a < (real)0.5, 1 - V(erf_center)(x, square), outer);
}

/* e^(x^2) erfc(x). */
static NOINLINE vreal V(erfcx)(vreal x)
{
    const real half_root = (real)0.70710678118654752440; /* 1 / sqrt 2 */
    /* e^(x^2) is infinite from here on. */
    vreal a = V(abs)(x), cut = V(at_most)(a, V(splat)((real)(REAL_BITS == 32 ? 9.7 : 26.8)));
    vreal square_low, square = V(two_product)(cut, cut, &square_low);
    vint center = a < (real)0.5;
    vreal factor = V(select)(center, 1 - V(erf_center)(x, square), V(splat)(2));
    vreal grown = V(exp_scaled)(square, square_low, factor), tail = 2 * V(scaled_tail)(a, half_root);
    return V(select)(center, grown, V(select)(x < 0, grown - tail, tail));
}

/* Phi(x), the normal distribution function. */
static NOINLINE vreal V(ndtr)(vreal x)
{
    vreal a = V(at_most)(V(abs)(x), V(splat)(TAIL_BOUND));
    vreal square_low, square = V(two_product)(a, a, &square_low);
    vreal tail = V(tail_by_exponent)(a, square * (real)-0.5, square_low * (real)-0.5, 1);
    vreal outer = V(select)(x < 0, tail, 1 - tail);
    return V(select)(a < (real)0.5, V(fma)(x, V(normal_center)(square), V(splat)((real)0.5)), outer);
}

/* g times the derivative of x Phi(x): Phi(x) + x times the density e^(-x^2 / 2) / sqrt(2 pi), whose exponential the tail
 * has too. */
static NOINLINE vreal V(gelu_grad)(vreal g, vreal x)
{
    const real density = (real)0.39894228040143267794;
    vreal a = V(at_most)(V(abs)(x), V(splat)(TAIL_BOUND));
    vreal square_low, square = V(two_product)(a, a, &square_low);
    vint center = a < (real)0.5;
    vreal ratio, polynomial = V(normal_tail)(a, &ratio);
    vreal factor = V(select)(center, V(splat)(density), polynomial / (a + TAIL_CENTER) - a * density);
    vreal tail = V(exp_scaled)(square * (real)-0.5, square_low * (real)-0.5, factor);
    vreal inner = V(fma)(x, V(normal_center)(square) + tail, V(splat)((real)0.5));
    return g * V(select)(center, inner, V(select)(x < 0, tail, 1 - tail));
}

/* log Phi(x). */
static NOINLINE vreal V(log_ndtr)(vreal x)
{
    vreal a = V(abs)(x), cut = V(at_most)(a, V(splat)(TAIL_BOUND));
    vreal square_low, square = V(two_product)(cut, cut, &square_low);
    vreal tail = V(tail_by_exponent)(cut, square * (real)-0.5, square_low * (real)-0.5, 1);
    vreal center = V(fma)(x, V(normal_center)(square), V(splat)((real)-0.5)); /* Phi(x) - 1 */
    vreal above = V(log1p)(V(select)(a < (real)0.5, center, -tail));
    vreal below = V(log)(V(scaled_tail)(a, 1)) - x * (x * (real)0.5);
    return V(select)(x <= (real)-0.5, below, above);
}

/* ndtri((1 + x) / 2) times `factor` for |x| <= QUANTILE_CENTER, and T > 0 with Phi(-T) = q for the q > 0 that are
 * left. */
#undef QUANTILE_CENTER
#if REAL_BITS == 32
#define QUANTILE_CENTER ((real)0.75)
INLINE vreal V(quantile_center)(vreal x, real factor)
{
    /* Relative error 2^-25. */
    static const real p[] = {0x1.c5bf8ap-1f, 0x1.db29c2p-3f,  0x1.054b3ep-3f, 0x1.5f6a12p-4f,
                             0x1.33b3cap-4f, -0x1.b90d92p-6f, 0x1.aa07c4p-2f, -0x1.1258d6p0f,
                             0x1.06ec2ep1f,  -0x1.09812cp1f,  0x1.02c0a4p0f};
    const real root = (real)1.41421356237309504880; /* the fit is of erfinv */
    return x * (root * factor) * V(polynomial)(x * x, p, sizeof p / sizeof *p);
}
INLINE vreal V(quantile_tail)(vreal q)
{
    /* With r = sqrt(-log q) and t = (r - 2) / (r + 2): r P(t), relative error 2^-25. */
    static const real p[] = {0x1.0b8034p0f,  0x1.2be228p0f, -0x1.c5ddc6p0f, 0x1.08d614p1f,
                             -0x1.231614p1f, 0x1.35e332p1f, -0x1.4634d8p1f, 0x1.534728p1f,
                             -0x1.4c2038p1f, 0x1.0b9bdep1f, -0x1.2121b8p0f, 0x1.270372p-2f};
    vreal r = V(sqrt)(-V(log)(q));
    return r * V(polynomial)((r - 2) / (r + 2), p, sizeof p / sizeof *p);
}
#else
/* M. J. Wichura, Algorithm AS 241: The Percentage Points of the Normal Distribution, Applied Statistics 37 (1988), its
 * PPND16: three quotients of polynomials, with a relative error of 10^-16. */
#define QUANTILE_CENTER ((real)0.85)
INLINE vreal V(quantile_center)(vreal x, real factor)
{
    static const real p[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                             1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                             3.3430575583588128105e4, 2.5090809287301226727e3};
    static const real q[] = {1,
                             4.2313330701600911252e1,
                             6.8718700749205790830e2,
                             5.3941960214247511077e3,
                             2.1213794301586595867e4,
                             3.9307895800092710610e4,
                             2.8729085735721942674e4,
                             5.2264952788528545610e3};
    vreal z = V(fma)(x * (real)-0.25, x, V(splat)((real)0.180625));
    return x * (factor * (real)0.5) * V(polynomial)(z, p, 8) / V(polynomial)(z, q, 8);
}
INLINE vreal V(quantile_tail)(vreal q)
{
    static const real near_p[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                  3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                  2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const real near_q[] = {1,
                                  2.05319162663775882187e0,
                                  1.67638483018380384940e0,
                                  6.89767334985100004550e-1,
                                  1.48103976427480074590e-1,
                                  1.51986665636164571966e-2,
                                  5.47593808499534494600e-4,
                                  1.05075007164441684324e-9};
    static const real far_p[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                 2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const real far_q[] = {1,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
    vreal r = V(sqrt)(-V(log)(q)), near = r - (real)1.6, far = r - 5;
    vint is_near = r <= 5;
    vreal p = V(select)(is_near, V(polynomial)(near, near_p, 8), V(polynomial)(far, far_p, 8));
    return p / V(select)(is_near, V(polynomial)(near, near_q, 8), V(polynomial)(far, far_q, 8));
}
#endif

/* The inverse of erf: infinite at -1 and 1, NaN beyond. */
static NOINLINE vreal V(erfinv)(vreal x)
{
    const real half_root = (real)0.70710678118654752440; /* 1 / sqrt 2 */
    vreal a = V(abs)(x);
#if REAL_BITS == 32
    /* x P(t) with t = -log(1 - x^2) - 2 for -2 <= t <= 2, relative error 2^-30; few lanes lie beyond. */
    static const real p[] = {0x1.60912ep0f,   0x1.ff8668p-3f,  -0x1.01f7acp-9f, -0x1.bb97d2p-10f, 0x1.c4d154p-13f,
                             0x1.fec7c0p-18f, -0x1.46449p-18f, 0x1.44792p-22f,  0x1.19858ap-24f,  -0x1.4973cp-27f};
    const real bound = (real)0.9907;
    vreal f, k = V(split_exponent)((1 - a) * (1 + a), &f);
    vreal center = x * V(polynomial)(-2 - V(log_reduced)(k, f), p, sizeof p / sizeof *p);
    if (LIKELY(!V(any)((a > bound) | (a != a))))
        return center;
#else
    const real bound = QUANTILE_CENTER;
    vreal center = V(quantile_center)(x, half_root);
#endif
    vreal tail = V(quantile_tail)((1 - a) * (real)0.5) * half_root;
    tail = V(copysign)(V(select)(a == 1, V(splat)((real)INFINITY), tail), x);
    return V(select)(a <= bound, center, tail);
}

/* The inverse of Phi: infinite at 0 and 1, NaN beyond. */
static NOINLINE vreal V(ndtri)(vreal x)
{
    vreal centered = x + x - 1, q = V(select)(x < (real)0.5, x, 1 - x);
    vreal tail = V(select)(q == 0, V(splat)((real)INFINITY), V(quantile_tail)(q));
    tail = V(select)(x < (real)0.5, -tail, tail);
    return V(select)(V(abs)(centered) <= QUANTILE_CENTER, V(quantile_center)(centered, 1), tail);
}

/* ---------------------------------------------------------------- sines of half turns */

/* a >= 0 without the nearest integer, which goes to `integral`. */
INLINE vreal V(beyond_integer)(vreal a, vreal *integral)
{
    const real whole = (real)((integer)1 << MANTISSA_BITS); /* from here on every real is an integer */
    *integral = V(select)(a < whole, (a + whole) - whole, a);
    return a - *integral;
}

/* sin(pi r) for |r| <= 1/2, relative error 2^-24.8 / 2^-54.5. */
INLINE vreal V(sine_of_half_turns)(vreal r)
{
#if REAL_BITS == 32
    static const real p[] = {0x1.921fb6p1f, -0x1.4abbc4p2f, 0x1.4668aep1f, -0x1.324cdcp-1f, 0x1.3dafe2p-4f};
#else
    static const real p[] = {0x1.921fb54442d18p1,   -0x1.4abbce625be52p2,   0x1.466bc6775aa71p1,
                             -0x1.32d2cce627543p-1, 0x1.507834851915fp-4,   -0x1.e3074ddd215a5p-8,
                             0x1.e8f35e9e44333p-12, -0x1.6f7977281f5b9p-16, 0x1.9d1b8923732f5p-21};
#endif
    return r * V(polynomial)(r * r, p, sizeof p / sizeof *p);
}

/* sin(pi x) / (pi x): 1 at 0, and 0 at the other integers. */
static NOINLINE vreal V(sinc)(vreal x)
{
    const real pi = (real)3.14159265358979323846;
    vreal a = V(abs)(x), n, half, r = V(beyond_integer)(a, &n);
    vreal result = V(sine_of_half_turns)(r) / (a * pi);
    result = V(select)(V(beyond_integer)(n * (real)0.5, &half) == 0, result, -result);
    return V(select)(a == 0, V(splat)(1), result + 0); /* no zero is negative */
}

/* g times the derivative of sinc, (cos(pi x) - sinc x) / x; near 0, where that cancels, x P(x^2), relative error
 * 2^-27 / 2^-55. */
static NOINLINE vreal V(sinc_grad)(vreal g, vreal x)
{
#if REAL_BITS == 32
    static const real p[] = {-0x1.a51a66p+1f, 0x1.9f9caep+1f, -0x1.24fd4ap+0f, 0x1.abec04p-3f, -0x1.6e8abap-6f};
#else
    static const real p[] = {-0x1.a51a6625307d3p+1,  0x1.9f9cb402bc46cp+1,  -0x1.24feab558a46fp+0,
                             0x1.ac6805cf329a4p-3,   -0x1.8061c54be7380p-6, 0x1.d2eaa5d5f55bcp-10,
                             -0x1.999f8a7f83bc6p-14, 0x1.0fab0aaf7263bp-18, -0x1.122eb0759e8d0p-23};
#endif
    const real pi = (real)3.14159265358979323846;
    const vint sign = V(as_int)(x) & V(as_int)(V(splat)((real)-0.0));
    vreal a = V(abs)(x), n, half, r = V(beyond_integer)(a, &n);
    vreal cosine = V(sine_of_half_turns)((real)0.5 - V(abs)(r));
    vreal outer = (cosine - V(sine_of_half_turns)(r) / (a * pi)) / a;
    outer = V(select)(V(beyond_integer)(n * (real)0.5, &half) == 0, outer, -outer);
    vreal square = a * a, inner = a * V(polynomial)(square, p, sizeof p / sizeof *p);
    return g * V(as_real)(V(as_int)(V(select)(a <= (real)0.5, inner, outer)) ^ sign);
}

/* ---------------------------------------------------------------- the gamma function's */

/* Between these bounds log gamma and its derivative have fits of their own, which know their zeros, in
 * t = (x - c) / (x + c): it brings the next singularity, at 0, as far away as infinity. Below, x + 1 lies between them;
 * above, there are Stirling's series, DLMF 5.11.1 and 5.11.2, their tails fitted. */
#undef GAMMA_LEAST
#undef GAMMA_MOST
#define GAMMA_LEAST ((real)0.75)
#define GAMMA_MOST ((real)3.5)
INLINE vreal V(gamma_variable)(vreal x)
{
    const real center = (real)1.625;
    return (x - center) / (x + center);
}

/* log |Gamma(x)|: infinite at the poles and at both infinities. */
static NOINLINE vreal V(lgamma)(vreal x)
{
    /* log Gamma(x) = (x - 1) (x - 2) P(t), relative error 2^-26 / 2^-54; and above the bound
     * (x - 1/2) (log x - 1) + (log(2 pi) - 1) / 2 + P(1 / x^2) / x, 2^-31 / 2^-60. */
#if REAL_BITS == 32
    static const real p[] = {0x1.dcfd34p-2f,  -0x1.b5e518p-2f, 0x1.059abep-3f,  -0x1.2df3f6p-3f, 0x1.5b7c4cp-4f,
                             -0x1.7783a6p-4f, 0x1.f5f47ep-5f,  -0x1.069ddcp-4f, 0x1.175b4ap-4f,  -0x1.25a580p-4f};
    static const real s[] = {0x1.555554p-4f, -0x1.6c0d74p-9f, 0x1.9b27fcp-11f, -0x1.dfe72ap-12f};
#else
    static const real p[] = {0x1.dcfd339a88006p-2, -0x1.b5e5170d6dd78p-2, 0x1.059bbeec2505cp-3, -0x1.2df5897785d93p-3,
                             0x1.5b087f1a245cdp-4, -0x1.76ec8d3b7599ep-4, 0x1.0408ed08f854dp-4, -0x1.11426e439f48dp-4,
                             0x1.9f52715d0bc5fp-5, -0x1.ae816189d81a5p-5, 0x1.5982b32353d1cp-5, -0x1.634d2f8c8d4d2p-5,
                             0x1.27db8f8cbe3fcp-5, -0x1.2eb860139788dp-5, 0x1.00d7d0588ce6ep-5, -0x1.056f2034e597bp-5,
                             0x1.e6da3bf56f604p-6, -0x1.f3d04e665de83p-6, 0x1.0d15eadac1236p-6, -0x1.00765e05ee5b5p-6,
                             0x1.808dde1f08364p-5, -0x1.91c39eea0baacp-5};
    static const real s[] = {0x1.5555555555509p-4,   -0x1.6c16c16ae63e0p-9, 0x1.a019fe22ec9a4p-11,
                             -0x1.38122f32f35d8p-11, 0x1.b9059d4c801b8p-11, -0x1.f11f446f4b093p-10,
                             0x1.813056d0ed81cp-8,   -0x1.49bf7346dd8b2p-6, 0x1.cf7a4cf1747e8p-5,
                             -0x1.5e0a31cc8ca45p-4};
#endif
    const real constant = (real)0x1.acfe390c97d69p-2, log_pi = (real)0x1.250d048e7a1bdp+0;
    vreal a = V(abs)(x);
    vint small = a<GAMMA_LEAST, large = a> GAMMA_MOST;
    /* Small a by log Gamma(1 + a), with a in place of (1 + a) - 1. */
    vreal t = V(gamma_variable)(V(select)(small, a + 1, a));
    vreal zeros = V(select)(small, a * (a - 1), (a - 1) * (a - 2)) + 0; /* no zero is negative */
    vreal low, high = V(log_two_words)(a, &low), inverse = 1 / a;
    vreal series = V(fma)(V(polynomial)(inverse * inverse, s, sizeof s / sizeof *s), inverse, V(splat)(constant));
    vreal core = V(select)(large, V(fma)(a - (real)0.5, (high - 1) + low, series),
                           zeros * V(polynomial)(t, p, sizeof p / sizeof *p));
    vreal result = V(select)(small, (core - high) - low, core);
    vint pole = a == 0;
    if (UNLIKELY(V(any)(x < 0))) {
        /* DLMF 5.5.3: |Gamma(-a)| = pi / (|sin(pi a)| Gamma(1 + a)); near 0 it is 1 / a. */
        vreal n, r = V(beyond_integer)(a, &n), sine = V(abs)(V(sine_of_half_turns)(r));
        vreal reflected = (log_pi - V(log)(V(select)(small, sine, sine * a))) - core;
        reflected = V(select)(a < (real)(REAL_BITS == 32 ? 0x1p-30 : 0x1p-60), -high, reflected);
        result = V(select)(x < 0, reflected, result);
        pole |= (x < 0) & (r == 0);
    }
    return V(select)(pole | (a == (real)INFINITY), V(splat)((real)INFINITY), result);
}

/* The derivative of log |Gamma(x)|: infinite at 0, with the sign opposite to its, and NaN at the poles below. */
static NOINLINE vreal V(digamma)(vreal x)
{
    /* (x - x0) P(t) with the zero x0 in two words, relative error 2^-25 / 2^-55; and above the bound
     * log x - 1 / (2 x) - P(1 / x^2) / x^2, 2^-33 / 2^-58. */
#if REAL_BITS == 32
    static const real p[] = {0x1.cd9d88p-1f, -0x1.33a71cp0f,  0x1.aaed10p-1f, -0x1.c2175ep-1f,
                             0x1.a85c7cp-1f, -0x1.b4b4eap-1f, 0x1.ae2c4cp-1f, -0x1.b4693ap-1f,
                             0x1.86f640p-1f, -0x1.8d1c1ap-1f, 0x1.49b7a6p0f,  -0x1.48d4ccp0f};
    static const real s[] = {0x1.555550p-4f, -0x1.10ffe0p-7f, 0x1.fe6258p-9f, -0x1.8bbd78p-9f};
    static const real c[] = {0x1.000000p0f,  -0x1.3bd3ccp2f, 0x1.03c1e2p2f,
                             -0x1.55d06ep0f, 0x1.e126f2p-3f, -0x1.8fb73cp-6f};
#else
    static const real p[] = {0x1.cd9d88c399e19p-1, -0x1.33a71bf67a7c8p0,  0x1.aaecc5c96dfc2p-1, -0x1.c21745084517bp-1,
                             0x1.a8735b2899cf9p-1, -0x1.b4c5ccea05161p-1, 0x1.ab680835165bbp-1, -0x1.b1fe485c65294p-1,
                             0x1.acec93df194e5p-1, -0x1.b0e5dada25322p-1, 0x1.adb0043a2419ap-1, -0x1.b0559fcc07a01p-1,
                             0x1.ae13b93b0fd90p-1, -0x1.aff725cda9cfep-1, 0x1.aefefae3b5dd3p-1, -0x1.b06c402bfcd48p-1,
                             0x1.a77a51a393250p-1, -0x1.a8698590df733p-1, 0x1.e31566c286545p-1, -0x1.e53199befa973p-1,
                             0x1.7ec098bebf40cp-2, -0x1.769f0df7ee0b3p-2, 0x1.fad8ebd8865e1p0,  -0x1.ff0eb2be3d2aep0};
    static const real s[] = {0x1.55555555551c4p-4, -0x1.1111110d37952p-7, 0x1.04103b053995cp-8, -0x1.110eaeb1d402dp-8,
                             0x1.efec5a8274ae3p-8, -0x1.5425e550cac6dp-6, 0x1.31c37fee03cb8p-4, -0x1.21d4eb82183fbp-2,
                             0x1.b324f5c78c086p-1, -0x1.5768de7fa2e03p0};
    static const real c[] = {0x1.0000000000000p0,   -0x1.3bd3cc9be45dcp2,   0x1.03c1f081b5995p2,
                             -0x1.55d3c7e3bfc40p0,  0x1.e1f506813c9f4p-3,   -0x1.a6d1efc968f69p-6,
                             0x1.f9d254890918fp-10, -0x1.b69582d9584d2p-14, 0x1.1679714ca87fdp-18};
#endif
    const real zero = (real)(REAL_BITS == 32 ? 0x1.762d86p+0 : 0x1.762d86356be3fp+0);
    const real zero_low = (real)(REAL_BITS == 32 ? 0x1.ab5f1fp-27 : 0x1.b86a722197829p-54);
    const real pi = (real)3.14159265358979323846;
    vreal a = V(abs)(x), inverse = 1 / a, square = inverse * inverse;
    vint small = a<GAMMA_LEAST, large = a> GAMMA_MOST;
    vreal t = V(gamma_variable)(V(select)(small, a + 1, a));
    vreal from_zero = (a - V(select)(small, V(splat)(zero - 1), V(splat)(zero))) - zero_low;
    vreal series = V(fma)(V(polynomial)(square, s, sizeof s / sizeof *s), inverse, V(splat)((real)0.5));
    vreal core =
        V(select)(large, V(fma)(-inverse, series, V(log)(a)), from_zero * V(polynomial)(t, p, sizeof p / sizeof *p));
    vreal result = V(select)(small, core - inverse, core);
    if (UNLIKELY(V(any)(x < 0))) {
        /* DLMF 5.5.4: psi(-a) = psi(1 + a) + pi cot(pi a). */
        vreal n, r = V(beyond_integer)(a, &n);
        vreal cotangent = V(polynomial)(r * r, c, sizeof c / sizeof *c) / V(sine_of_half_turns)(r);
        vreal reflected = V(fma)(cotangent, V(splat)(pi), V(select)(small, core, core + inverse));
        reflected = V(select)(r == 0, V(splat)((real)NAN), reflected);
        result = V(select)(x < 0, reflected, result);
    }
    return V(select)(x == 0, V(copysign)(V(splat)((real)INFINITY), -x), result);
}

/* n! zeta(n + 1, x), Hurwitz's, for x >= 0: terms of its sum until x is large, and then DLMF 25.11.43, the remaining
 * ones by Euler and Maclaurin. Terms are multiplied up, so that none overflows before the result does. */
static NOINLINE vreal V(scaled_zeta)(vreal x, int n)
{
    /* B(2 k) / (2 k)!. */
    static const real p[] = {(real)0x1.5555555555555p-4,   (real)-0x1.6c16c16c16c17p-10, (real)0x1.1566abc011567p-15,
                             (real)-0x1.bbd779334ef0bp-21, (real)0x1.66a8f2bf70ebep-26,  (real)-0x1.22805d644267fp-31,
                             (real)0x1.d6db2c4e09162p-37,  (real)-0x1.7da4e1f79955cp-42, (real)0x1.355871d652e9ep-47,
                             (real)-0x1.f57d968caacf1p-53};
    const real enough = (real)(REAL_BITS == 32 ? 5 : 9) + (real)0.75 * (real)n;
    vreal sum = V(splat)(0), y = x;
    for (int shift = 0;; shift++) {
        vreal inverse = 1 / y, power = inverse;
        for (int k = 1; k < n; k++)
            power = power * (real)k * inverse;
        vint more = y < enough;
        if (!V(any)(more)) {
            vreal factor = inverse * (real)(n + 1), square = inverse * inverse, tail = V(splat)((real)0.5);
            for (int k = 0; k < (REAL_BITS == 32 ? 5 : 10); k++) {
                tail = V(fma)(factor, V(splat)(p[k]), tail);
                factor = factor * square * ((real)(n + 2 + 2 * k) * (real)(n + 3 + 2 * k));
            }
            return sum + V(fma)(power * (inverse * (real)n), tail, power);
        }
        sum = V(select)(more, sum + power * (inverse * (real)n), sum);
        y = V(select)(more, x + (real)(shift + 1), y);
    }
}

/* The derivative of order n >= 1 of the digamma function: infinite at the poles. */
static NOINLINE vreal V(polygamma)(vreal x, vreal order)
{
    const int n = (int)order[0];
    vreal result = V(scaled_zeta)(V(abs)(x), n);
    if (UNLIKELY(V(any)(x < 0))) {
        /* The sum of 1 / (x + k)^(n + 1) over k >= 0 by the signs of its terms: with x = r - m, r from 0 to 1, those
         * from r on, and those from 1 - r to m - r, which are all from 1 - r on but those from 1 - x on. */
        vreal a = V(abs)(x), integral, beyond = -V(beyond_integer)(a, &integral);
        vreal from = V(scaled_zeta)(V(select)(beyond < 0, beyond + 1, beyond), n);
        vreal until = V(scaled_zeta)(V(select)(beyond < 0, -beyond, 1 - beyond), n) - V(scaled_zeta)(a + 1, n);
        vreal both = n & 1 ? from + until : from - until;
        both = V(select)(beyond == 0, V(splat)((real)INFINITY), both);
        result = V(select)(x < 0, both, result);
    }
    return n & 1 ? result : -result;
}

/* ---------------------------------------------------------------- modified Bessel functions */

/* I(x) of order 0 or 1, and `scaled`, e^-|x| I(x): from the power series DLMF 10.25.2 up to 8, 1 + z P(z) with
 * z = x^2 / 4, times x / 2 for order 1; beyond from DLMF 10.40.1, e^x P(1 / x) / sqrt(x). The relative errors are 2^-25
 * and 2^-24 / 2^-53. */
INLINE vreal V(bessel)(vreal x, const int order, const int scaled)
{
#if REAL_BITS == 32
    static const real small0[] = {0x1.000002p0f,   0x1.ffffa8p-3f,  0x1.c7204cp-6f,  0x1.c6f688p-10f, 0x1.240a88p-14f,
                                  0x1.fcaa0ap-20f, 0x1.720a1cp-25f, 0x1.a66442p-32f, 0x1.06c7fep-36f};
    static const real small1[] = {0x1.000002p-1f,  0x1.555536p-4f,  0x1.c71e92p-8f,  0x1.6c040cp-12f, 0x1.850f6ap-17f,
                                  0x1.240436p-22f, 0x1.6bb55ap-28f, 0x1.96c9ccp-35f, 0x1.94958ap-40f};
    static const real large0[] = {0x1.988454p-2f, 0x1.988812p-5f,  0x1.c91816p-6f,
                                  0x1.14c384p-5f, -0x1.c5bd52p-7f, 0x1.8d4482p-2f};
    static const real large1[] = {0x1.988454p-2f,  -0x1.326458p-3f, -0x1.7d8c7ep-5f,
                                  -0x1.7a1cd6p-5f, 0x1.3de026p-7f,  -0x1.cf3f08p-2f};
#else
    static const real small0[] = {0x1.fffffffffffefp-1,  0x1.0000000000120p-2,  0x1.c71c71c71939ep-6,
                                  0x1.c71c71c763711p-10, 0x1.2345678630603p-14, 0x1.02e85c3f4ad13p-19,
                                  0x1.522a3f8396248p-25, 0x1.522a839097ad9p-31, 0x1.0b2eb571695d7p-37,
                                  0x1.5624afa16158ep-44, 0x1.686f2001ed5bap-51, 0x1.4abdce9c87e36p-58,
                                  0x1.97b6cf74b0cdcp-66, 0x1.00bc1a1e423fep-72};
    static const real small1[] = {0x1.ffffffffffffbp-2,  0x1.55555555555e0p-4,  0x1.c71c71c71b0e9p-8,
                                  0x1.6c16c16c32b42p-12, 0x1.845c8a0a5b33fp-17, 0x1.27e4fb9ce09c3p-22,
                                  0x1.522a4117c9594p-28, 0x1.2c977fe8c53d7p-34, 0x1.ab7efd1d2d3e7p-41,
                                  0x1.f19e65ebe9de0p-48, 0x1.e0e704a01cce3p-55, 0x1.9587a1a01c815p-62,
                                  0x1.da7e466f30b89p-70, 0x1.0c977b9fc631dp-76};
    static const real large0[] = {
        0x1.9884533d43651p-2, 0x1.9884533d4528ap-5,  0x1.cb94dd9a11efep-6, 0x1.debb1b65f109cp-6,
        0x1.6e87e81592617p-5, 0x1.70f9a5b5389e9p-4,  0x1.5c495e996be14p-2, -0x1.92b652fc84fa1p3,
        0x1.06606c52198f8p10, -0x1.cd24b334bca98p15, 0x1.2e4f6f31555a2p21, -0x1.2e1bef5013629p26,
        0x1.d3479f361cf36p30, -0x1.1a06f1803abb3p35, 0x1.0a89bcec05bb7p39, -0x1.89cf7fb8d7b60p42,
        0x1.c3d3db6cf18e7p45, -0x1.8d7e14c5be439p48, 0x1.0694c59fa5ccdp51, -0x1.f787ffb0ebbc2p52,
        0x1.4a8c895687064p54, -0x1.09ae15c76822cp55, 0x1.8a54e78d0dda8p54};
    static const real large1[] = {
        0x1.9884533d43651p-2,  -0x1.32633e6df2fc4p-3, -0x1.7efc0e04688a4p-5, -0x1.4f1c8fe6de30bp-5,
        -0x1.d742a66a8c1b5p-5, -0x1.c2b9d1e75f88ep-4, -0x1.9e114d08b9310p-2, 0x1.d05eeed1cb5dfp3,
        -0x1.2767f0bb89b14p10, 0x1.ff0f4b5eb661cp15,  -0x1.4b3b89993e6d3p21, 0x1.481ea6995155cp26,
        -0x1.f7f2c23251399p30, 0x1.2e636eb0342bdp35,  -0x1.1c5e74096fe34p39, 0x1.a25bfa15c6c79p42,
        -0x1.de30918ee8489p45, 0x1.a34755874daf9p48,  -0x1.1424299a0ef8dp51, 0x1.080c03675b533p53,
        -0x1.59d02b20fe314p54, 0x1.1550e8a498673p55,  -0x1.9abd2669e9e1ep54};
#endif
    const real most = 8;
    vreal a = V(abs)(x), low = V(at_most)(a, V(splat)(most));
    /* Without scaling the result is infinite from here on. */
    vreal high = V(at_least)(scaled ? a : V(at_most)(a, V(splat)(EXP_MOST + 9)), V(splat)(most)), inverse = 1 / high;
    vreal z = low * low * (real)0.25;
    vreal small = V(fma)(z,
                         order ? V(polynomial)(z, small1, sizeof small1 / sizeof *small1)
                               : V(polynomial)(z, small0, sizeof small0 / sizeof *small0),
                         V(splat)(1));
    if (order)
        small = small * (low * (real)0.5);
    vreal large = order ? V(polynomial)(inverse, large1, sizeof large1 / sizeof *large1)
                        : V(polynomial)(inverse, large0, sizeof large0 / sizeof *large0);
    large = large / V(sqrt)(high);
    if (scaled)
        small = small * V(exp_falling)(x);
    else
        large = V(exp_scaled)(high, V(splat)(0), large);
    vreal result = V(select)(a > most, large, small);
    return order ? V(copysign)(result, x) : result;
}
static NOINLINE vreal V(i0)(vreal x)
{
    return V(bessel)(x, 0, 0);
}
static NOINLINE vreal V(i0e)(vreal x)
{
    return V(bessel)(x, 0, 1);
}
static NOINLINE vreal V(i1)(vreal x)
{
    return V(bessel)(x, 1, 0);
}
static NOINLINE vreal V(i1e)(vreal x)
{
    return V(bessel)(x, 1, 1);
}

/* g times the derivative of i0e, without a difference of numbers that are nearly equal: with U(n) the integral of
 * u^n e^(-x u) / pi over an angle from 0 to pi, u = 1 - cos, it is -U(1) for x > 0, where i0e is U(0) by DLMF 10.32.1.
 * From Bessel's equation x U(n + 2) - (n + 1 + 2 x) U(n + 1) + (2 n + 1) U(n) = 0: so the quotient U(1) / U(0) is a
 * continued fraction, begun at what its tail tends to. */
static NOINLINE vreal V(i0e_grad)(vreal g, vreal x)
{
    const real last = REAL_BITS == 32 ? 24 : 50;
    const vreal a = V(at_most)(V(abs)(x), V(splat)((real)(REAL_BITS == 32 ? 1e30 : 1e300))), b = a + a + (last + 1);
    const vreal under = V(fma)(a / b, V(splat)(-4 * (2 * last + 1)), b);
    vreal quotient = (2 * (2 * last + 1)) / V(fma)(V(sqrt)(b), V(sqrt)(under), b);
    for (real k = last - 1; k >= 0; k--)
        quotient = (2 * k + 1) / V(fma)(a, 2 - quotient, V(splat)(k + 1));
    const vreal slope = V(i0e)(x) * quotient;
    return g * V(select)(x == 0, V(splat)(0), V(copysign)(slope, -x));
}

/* g times the derivative of i1, which is i0 - i1 / x. */
static NOINLINE vreal V(i1_grad)(vreal g, vreal x)
{
    const vreal a = V(abs)(x), i0 = V(i0)(a);
    const vreal ratio = V(select)(a < (real)1e-9, V(splat)((real)0.5), V(i1)(a) / a);
    return g * V(select)(i0 == (real)INFINITY, i0, i0 - ratio);
}
