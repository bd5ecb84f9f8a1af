/* vmath.inc.c - elementary functions of vectors: exp, log, their relatives, sine and cosine, erf and gelu, power; lengths,
 * sums of exponentials, remainders.
 *
 * Included at the end of vec.h, once per real type. Lanes are independent, and the code has no branches but
 * three, for what is rare: sine and cosine leave large arguments to libm, remainders large quotients, power its special
 * cases to a function of their own.
 * NaN gives NaN, infinities and zeros their limits with the right sign, and results underflow gradually.
 *
 * The largest errors found, in units in the last place, over all instruction sets, the ones without fused multiply-add
 * included (tests/kernels/test_elementwise.py holds the bounds, and can try every float32):
 *
 *            exp  expm1  log  log1p  sin  cos  tanh  sigmoid  softplus  erf  gelu  power
 *   float32  1.1    1.6  1.0    1.5  2.3  2.3   2.0      1.9       1.7  2.5   2.8    1.2
 *   float64  1.0    2.1  1.1    1.2  2.1  2.0   2.0      1.5       2.0  2.5   2.7    1.2
 *
 * hypot stays within 2; remainders and floor_divide are exact.
 *
 * Coefficients are minimax fits (Remez exchange in 160-bit arithmetic, relative error as the weight), each rounded to
 * the type before those of higher powers were fitted again. The comment at a table gives the error of the fit.
 */

#ifndef LN2_HIGH
/* ln 2 in two parts; the first has so few bits that its product with any exponent is exact. */
#define LN2_HIGH ((real)(REAL_BITS == 32 ? 0x1.62e4p-1 : 0x1.62e42fefa3800p-1))
#define LN2_LOW ((real)(REAL_BITS == 32 ? 0x1.7f7d1cf79abcap-20 : 0x1.ef35793c76730p-45))
#define LOG2_E ((real)0x1.71547652b82fep0)
#endif

/* e^r - 1 for |r| <= 0.35: r + r^2 P(r), relative error 2^-25 / 2^-55. The fit for float32 weighs r < -0.22 threefold:
 * there tanh, whose rounding errors add up most, needs the better half of the error. */
INLINE vreal V(expm1_reduced)(vreal r)
{
#if REAL_BITS == 32
    static const real c[] = {0x1.fffff8p-2f, 0x1.555496p-3f, 0x1.555bccp-5f, 0x1.123cf0p-7f, 0x1.68a148p-10f};
#else
    static const real c[] = {0x1.0000000000005p-1,  0x1.55555555554fdp-3,  0x1.5555555551e77p-5,  0x1.111111112d223p-7,
                             0x1.6c16c180283c1p-10, 0x1.a01a00ef64743p-13, 0x1.a019a3270b28dp-16, 0x1.71dfe400e5090p-19,
                             0x1.28a65fbed5b56p-22, 0x1.abfe69efeeb00p-26};
#endif
    return V(fma)(r * r, V(polynomial)(r, c, sizeof c / sizeof *c), r);
}

/* x = n ln 2 + r with integral n and |r| <= 0.35: gives n, for |x| as far as exp needs, and 2^(n + offset) in `scale`
 * where that is a normal number. */
INLINE vreal V(reduce_by_ln2)(vreal x, vreal *r, int offset, vreal *scale)
{
    const real magic = ROUND_MAGIC + EXPONENT_BIAS + offset;
    vreal shifted = V(fma)(x, V(splat)(LOG2_E), V(splat)(magic)), n = shifted - magic;
    *r = V(fma)(n, V(splat)(-LN2_LOW), V(fma)(n, V(splat)(-LN2_HIGH), x));
    *scale = V(shifted_power_of_two)(shifted);
    return n;
}

/* Beyond these bounds e^x is zero or infinite, and the arithmetic finds that by itself. */
#undef EXP_LEAST
#undef EXP_MOST
#define EXP_LEAST ((real)(REAL_BITS == 32 ? -104 : -746))
#define EXP_MOST ((real)(REAL_BITS == 32 ? 89 : 710))
INLINE vreal V(clamp_for_exp)(vreal x)
{
    return V(at_most)(V(at_least)(x, V(splat)(EXP_LEAST)), V(splat)(EXP_MOST));
}

/* e^x for clamped x. */
INLINE vreal V(exp_clamped)(vreal x)
{
    vreal r, unused, n = V(reduce_by_ln2)(x, &r, 0, &unused);
    return V(scale_by_power)(V(expm1_reduced)(r) + 1, n);
}
INLINE vreal V(exp)(vreal x)
{
    return V(exp_clamped)(V(clamp_for_exp)(x));
}
/* e^-|x|. */
INLINE vreal V(exp_falling)(vreal x)
{
    return V(exp_clamped)(V(at_least)(-V(abs)(x), V(splat)(EXP_LEAST)));
}

/* factor * e^(x + x_low), for x up to 10 beyond the bounds above and |x_low| below one ULP of it; the factor is at most
 * 2^9, and at least 2^-10 where e^x is near underflow. The exponent is not rounded to one number, nor a denormal result
 * twice: x_low joins x when that has been reduced, the factor before the power of two. */
INLINE vreal V(exp_scaled)(vreal x, vreal x_low, vreal factor)
{
    vreal r, unused, n = V(reduce_by_ln2)(x, &r, 0, &unused);
    return V(scale_by_power)(V(fma)(V(expm1_reduced)(r + x_low), factor, factor), n);
}

INLINE vreal V(expm1)(vreal x)
{
    /* Below the first bound the result is -1, beyond the second it is infinite. */
    vreal clamped =
        V(at_most)(V(at_least)(x, V(splat)(REAL_BITS == 32 ? -20 : -40)), V(splat)(REAL_BITS == 32 ? 89 : 710));
    vreal r, half_scale, n = V(reduce_by_ln2)(clamped, &r, -1, &half_scale);
    /* 2^n p + (2^n - 1). The largest n takes its factor of 2 last, since 2^n is infinite; no other n may, since halving
     * would round a denormal. */
    vreal last = V(select_less)(V(splat)(EXPONENT_BIAS), n, V(splat)(2), V(splat)(1));
    vreal scale = half_scale * (3 - last);
    vreal result = V(fma)(scale, V(expm1_reduced)(r), scale - 1) * last;
    return V(copysign)(result, x); /* the sign of zero */
}

/* k ln 2 + log(1 + f) for integral k and f in [sqrt(1/2) - 1, sqrt(2) - 1], f taken as exact. */
INLINE vreal V(log_reduced)(vreal k, vreal f)
{
#if REAL_BITS == 32
    /* log(1 + f) = f - f^2 / 2 + f^3 P(f); relative error 2^-27. */
    static const real c[] = {0x1.555554p-2f, -0x1.000228p-2f, 0x1.99a020p-3f, -0x1.547218p-3f,
                             0x1.22d93ap-3f, -0x1.0d86f0p-3f, 0x1.055c1ep-3f, -0x1.38a174p-4f};
    vreal p = V(polynomial)(f, c, sizeof c / sizeof *c);
    vreal logarithm = V(fma)(f * f, V(fma)(f, p, V(splat)((real)-0.5)), f);
#else
    /* With s = f / (2 + f), log(1 + f) = 2 atanh s = 2 s + s R, R = s^2 P(s^2), and 2 s = f - s f; error 2^-59. */
    static const real c[] = {0x1.5555555555568p-1, 0x1.999999998ac1fp-2, 0x1.24924939e1646p-2, 0x1.c71c57c0b5e3cp-3,
                             0x1.746531bbe0b34p-3, 0x1.39ba829b0fee7p-3, 0x1.2e1e3b90fe412p-3};
    vreal s = f / (f + 2), square = s * s;
    vreal rest = V(polynomial)(square, c, sizeof c / sizeof *c);
    vreal logarithm = f - s * V(fma)(-square, rest, f);
#endif
    return V(fma)(k, V(splat)(LN2_HIGH), V(fma)(k, V(splat)(LN2_LOW), logarithm));
}

/* x > 0 finite and normal as 2^k (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1]; for other x something finite. */
INLINE vreal V(split_exponent)(vreal x, vreal *f)
{
    /* Shifting the bits so that sqrt(1/2) lands on 1 makes the exponent field the one wanted. Unsigned: those of some
     * NaNs wrap around. */
    const unsigned_integer one = (unsigned_integer)(REAL_BITS == 32 ? 0x3f800000 : 0x3ff0000000000000);
    const unsigned_integer half_root = (unsigned_integer)(REAL_BITS == 32 ? 0x3f3504f3 : 0x3fe6a09e667f3bcd);
    const real magic = REAL_BITS == 32 ? (real)0x1p23 : (real)0x1p52;
    vuint bits = (vuint)V(as_int)(x) + (one - half_root);
    vuint fraction = bits & (((unsigned_integer)1 << MANTISSA_BITS) - 1);
    *f = V(as_real)((vint)(fraction + half_root)) - 1;
    /* An integer put in the mantissa of 2^MANTISSA_BITS counts from there. */
    vint exponent = (vint)(bits >> MANTISSA_BITS);
    return V(as_real)(exponent | V(as_int)(V(splat)(magic))) - (magic + EXPONENT_BIAS);
}

/* split_exponent for any finite x > 0, denormals included. */
INLINE vreal V(split_any_exponent)(vreal x, vreal *f)
{
    const real smallest_normal = REAL_BITS == 32 ? (real)0x1p-126 : (real)0x1p-1022;
    const real up = (real)((integer)1 << MANTISSA_BITS);
    vreal smallest = V(splat)(smallest_normal);
    vreal k = V(split_exponent)(V(select_less)(x, smallest, x * up, x), f);
    return k - V(select_less)(x, smallest, V(splat)(MANTISSA_BITS), V(splat)(0));
}

/* `logarithm` where x is positive and finite; -inf at zeros, +inf at +inf, NaN below zero and at NaN. */
INLINE vreal V(log_special)(vreal x, vreal logarithm)
{
#if WG_VECTOR_BYTES == 64
    /* One nibble per class of x: quiet NaN, signalling NaN, 0, 1, -inf, +inf, negative, positive. */
    const vint table = 0x03530422 - (vint){0};
    return (vreal)PACKED(fixupimm)((native)logarithm, (native)x, (__m512i)table, 0);
#else
    const vreal infinity = V(splat)((real)INFINITY);
    vreal not_positive = V(select)(x == 0, -infinity, V(splat)((real)NAN));
    return V(select)(x <= 0, not_positive, V(select)(x < infinity, logarithm, x));
#endif
}

INLINE vreal V(log)(vreal x)
{
    vreal f, k = V(split_any_exponent)(x, &f);
    return V(log_special)(x, V(log_reduced)(k, f));
}

/* log(1 + x). */
INLINE vreal V(log1p)(vreal x)
{
    vreal u = x + 1, f, k = V(split_exponent)(u, &f);
    /* What rounding took from u, brought to f's scale; 2^-k in two steps, since for the largest k it is no normal. */
    vreal lost = x - (u - 1);
    f = V(fma)(lost * (real)0.5, V(power_of_two)(1 - k), f);
    return V(copysign)(V(log_special)(u, V(log_reduced)(k, f)), x); /* the sign of zero */
}

INLINE vreal V(tanh)(vreal x)
{
    /* With h = (e^(2 |x|) - 1) / 2: q = h / (h + 1). It is 1 to rounding beyond the bound. */
    vreal y = V(at_most)(V(abs)(x) * 2, V(splat)(REAL_BITS == 32 ? 20 : 40));
    vreal r, half_scale;
    V(reduce_by_ln2)(y, &r, -1, &half_scale);
    vreal h = V(fma)(half_scale, V(expm1_reduced)(r), half_scale - (real)0.5), q = h / (h + 1);
    /* Small values as h (1 - q), in which the rounding of h + 1 counts for less. */
    return V(copysign)(V(select_less)(h, V(splat)((real)0.5), V(fma)(-h, q, h), q), x);
}

/* 1 / (1 + e^-x). */
INLINE vreal V(sigmoid)(vreal x)
{
    /* 1 - q and e (1 - q), in which the rounding of 1 + e counts for less than in the quotients 1 and e over 1 + e. */
    vreal e = V(exp_falling)(x), q = e / (e + 1), leading = V(select_less)(x, V(splat)(0), e, V(splat)(1));
    return V(fma)(-leading, q, leading);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e), e = e^-|x|. */
INLINE vreal V(softplus)(vreal x)
{
    vreal e = V(exp_falling)(x);
    /* 1 + e in (1, 2] as 2^k (1 + f), f without error. */
    vreal bound = V(splat)((real)0x1.a827999fcef32p-2); /* sqrt(2) - 1 */
    vreal k = V(select_less)(bound, e, V(splat)(1), V(splat)(0));
    vreal f = V(select_less)(bound, e, e * (real)0.5 - (real)0.5, e);
    return V(at_least)(x, V(splat)(0)) + V(log_reduced)(k, f);
}

INLINE vreal V(sign)(vreal x)
{
    return V(select)(x > 0, V(splat)(1), V(select)(x < 0, V(splat)(-1), x + 0));
}

/* sin r and cos r for x = n pi/2 + r where |x| <= TRIGONOMETRIC_BOUND; gives what has n in its low bits. pi/2 in four parts,
 * of which the first three have so few bits that their products with n are exact. */
#undef TRIGONOMETRIC_BOUND
#define TRIGONOMETRIC_BOUND ((real)(REAL_BITS == 32 ? 3000 : 1.6e6))
INLINE vuint V(sine_and_cosine)(vreal x, vreal *sine_of_r, vreal *cosine_of_r)
{
#if REAL_BITS == 32
    const real part[] = {0x1.922p0f, -0x1.2afp-18f, 0x1.0b4p-34f, 0x1.84698ap-48f};
    static const real sine[] = {-0x1.555546p-3f, 0x1.110774p-7f, -0x1.9951fap-13f};
    static const real cosine[] = {0x1.555550p-5f, -0x1.6c0f04p-10f, 0x1.9a90cep-16f};
#else
    const real part[] = {0x1.921fb544p0, 0x1.0b4611a6p-34, 0x1.3198a2e0p-69, 0x1.b839a252049c1p-104};
    static const real sine[] = {-0x1.5555555555550p-3, 0x1.111111110ffe5p-7,   -0x1.a01a019cbd4e6p-13,
                                0x1.71de35e7e8b31p-19, -0x1.ae5ea9d53b2d8p-26, 0x1.5da2374240fc1p-33};
    static const real cosine[] = {0x1.5555555555555p-5,   -0x1.6c16c16c16596p-10, 0x1.a01a019e945c7p-16,
                                  -0x1.27e4f955834c6p-22, 0x1.1eeac1ab8640bp-29,  -0x1.90179faaea455p-37};
#endif
    vreal shifted = V(fma)(x, V(splat)((real)0x1.45f306dc9c883p-1), V(splat)(ROUND_MAGIC));
    vreal n = shifted - ROUND_MAGIC, r = x;
    UNROLL
    for (int i = 0; i < 4; i++)
        r = V(fma)(n, V(splat)(-part[i]), r);
    vreal square = r * r;
    vreal s = V(fma)(r * square, V(polynomial)(square, sine, sizeof sine / sizeof *sine), r);
    s = V(select)(x == 0, x, s); /* the sign of zero, which the reduction does not keep */
    vreal c = V(fma)(square * square, V(polynomial)(square, cosine, sizeof cosine / sizeof *cosine),
                     V(fma)(square, V(splat)((real)-0.5), V(splat)(1)));
    *sine_of_r = s;
    *cosine_of_r = c;
    return (vuint)V(as_int)(shifted);
}

/* Beyond the bound, which few arguments ever are, libm reduces the argument: sine (quarter_turns = 0), cosine (1) or
 * tangent (2). */
static NOINLINE vreal V(circular_of_large)(vreal x, vreal result, int quarter_turns)
{
    real argument[LANES], value[LANES];
    V(store)(argument, x);
    V(store)(value, result);
    for (ptrdiff_t i = 0; i < LANES; i++)
        if (!(argument[i] >= -TRIGONOMETRIC_BOUND && argument[i] <= TRIGONOMETRIC_BOUND))
#if REAL_BITS == 32
            value[i] = quarter_turns == 2 ? tanf(argument[i]) : quarter_turns ? cosf(argument[i]) : sinf(argument[i]);
#else
            value[i] = quarter_turns == 2 ? tan(argument[i]) : quarter_turns ? cos(argument[i]) : sin(argument[i]);
#endif
    return V(load)(value);
}

INLINE vreal V(sine_or_cosine)(vreal x, int quarter_turns)
{
    vreal s, c;
    /* An odd quadrant takes the other function, 2 and 3 the other sign. */
    vuint quadrant = V(sine_and_cosine)(x, &s, &c) + (unsigned_integer)quarter_turns;
    vreal result = V(select)((vint)((quadrant & 1) == 0), s, c);
    result = V(as_real)(V(as_int)(result) ^ (vint)((quadrant & 2) << (REAL_BITS - 2)));
    if (UNLIKELY(V(any)(~(V(abs)(x) <= TRIGONOMETRIC_BOUND))))
        result = V(circular_of_large)(x, result, quarter_turns);
    return result;
}
INLINE vreal V(sin)(vreal x) { return V(sine_or_cosine)(x, 0); }
INLINE vreal V(cos)(vreal x) { return V(sine_or_cosine)(x, 1); }

/* The normal distribution's tail Phi(-x) = e^(-x^2 / 2) P(t) / (x + c) for x >= 1/2, with t = (x - c) / (x + c). Gives
 * P(t), and x / (x + c) in `ratio`. Relative error 2^-25 / 2^-54, the coefficients' rounding included, up to the bound,
 * where the tail is below the smallest denormal. Callers cut x there. */
#undef TAIL_CENTER
#undef TAIL_BOUND
#define TAIL_CENTER ((real)(REAL_BITS == 32 ? 2.75 : 7))
#define TAIL_BOUND ((real)(REAL_BITS == 32 ? 14.5 : 39))
INLINE vreal V(normal_tail)(vreal x, vreal *ratio)
{
#if REAL_BITS == 32
    static const real p[] = {
        0x1.701ef0p-1f, -0x1.e5bd14p-2f, 0x1.756b9ep-3f, -0x1.0f6e5ep-6f, -0x1.0d6366p-6f, 0x1.a5d140p-9f,
        0x1.45c9bcp-9f, -0x1.56c306p-12f, -0x1.ad3e1ap-12f};
#else
    static const real p[] = {
        0x1.90a4fcc7f7810p-1, -0x1.72da1c1f15cb3p-1, 0x1.3d7bcb4d10b71p-1, -0x1.f5e08fef658f7p-2,
        0x1.6d39722d23f4ap-2, -0x1.e7670eca96215p-3, 0x1.2876f952544b3p-3, -0x1.45ff387e12867p-4,
        0x1.40023060b6983p-5, -0x1.12fecbe8eb7ddp-6, 0x1.8ff7eba2d8d02p-8, -0x1.caf786bc61146p-10,
        0x1.5042e2db250d4p-12, 0x1.404c0094c0e16p-17, -0x1.0e7be3ac5ea9fp-15, 0x1.742c1dd31c4e8p-17,
        -0x1.66972a712e6e9p-21, -0x1.f4383904cd6a5p-21, 0x1.79ff3e5b98ca0p-22, 0x1.b7ef4c0f9bfd1p-27,
        -0x1.838161c73a27bp-25, 0x1.45d5c68f9eb41p-28, 0x1.11436bccf9e68p-28};
#endif
    *ratio = x / (x + TAIL_CENTER);
    vreal t = *ratio + *ratio - 1; /* with less error than the quotient itself */
    return V(polynomial)(t, p, sizeof p / sizeof *p);
}

/* erf(x) = x + x P(x^2) for |x| < 1/2, given x^2; relative error 2^-29 / 2^-56. */
INLINE vreal V(erf_center)(vreal x, vreal square)
{
#if REAL_BITS == 32
    static const real p[] = {0x1.06eba8p-3f, -0x1.812734p-2f, 0x1.ce2554p-4f, -0x1.b66bc2p-6f, 0x1.357050p-8f};
#else
    static const real p[] = {0x1.06eba8214db68p-3,  -0x1.812746b03794ap-2, 0x1.ce2f21a034710p-4,
                             -0x1.b82ce30a7eb0bp-6, 0x1.565bcacb4033dp-8,  -0x1.c02cfd2487790p-11,
                             0x1.f9814cc80be36p-14, -0x1.f12c5e05248dbp-17, 0x1.83683d19a0165p-20};
#endif
    return V(fma)(x, V(polynomial)(square, p, sizeof p / sizeof *p), x);
}

INLINE vreal V(erf)(vreal x)
{
    const real root = (real)1.41421356237309504880;
    vreal a = V(at_most)(V(abs)(x), V(splat)(TAIL_BOUND / root));
    vreal square_low, square = V(two_product)(a, a, &square_low);
    vreal small = V(erf_center)(x, square);
    /* From 1/2 on: 1 - erfc(a), erfc(a) = 2 Phi(-a sqrt(2)). */
    vreal ratio, polynomial = V(normal_tail)(a * root, &ratio);
    vreal large = 1 - V(exp_scaled)(-square, -square_low, polynomial * (1 - ratio) * (2 / TAIL_CENTER));
    return V(select_less)(a, V(splat)((real)0.5), small, V(copysign)(large, x));
}

/* P with Phi(x) = 1/2 + x P(x^2) for |x| < 1/2, given x^2; relative error 2^-25 / 2^-54. */
INLINE vreal V(normal_center)(vreal square)
{
#if REAL_BITS == 32
    static const real p[] = {0x1.988454p-2f, -0x1.1058a4p-4f, 0x1.46cba2p-7f, -0x1.2defd4p-10f};
#else
    static const real p[] = {0x1.9884533d43651p-2,   -0x1.1058377e2d18bp-4, 0x1.46d04297bbd3ap-7,
                             -0x1.37403fa77c9fap-10, 0x1.e42b3612a4017p-14, -0x1.3cefe4a017e8ep-17,
                             0x1.669a99326a61bp-21,  -0x1.6b3b06c44301cp-25};
#endif
    return V(polynomial)(square, p, sizeof p / sizeof *p);
}

/* x Phi(x) with the normal distribution function Phi: the exact form, accurate in the left tail too. */
INLINE vreal V(gelu)(vreal x)
{
    vreal a = V(at_most)(V(abs)(x), V(splat)(TAIL_BOUND));
    vreal square_low, square = V(two_product)(a, a, &square_low);
    vreal small = V(fma)(square, V(normal_center)(square), x * (real)0.5);
    /* From 1/2 on: the tail a Phi(-a), or x without it. */
    vreal ratio, polynomial = V(normal_tail)(a, &ratio);
    vreal tail = V(exp_scaled)(square * (real)-0.5, square_low * (real)-0.5, polynomial * ratio);
    vreal large = V(select_less)(x, V(splat)(0), tail, x - tail);
    return V(copysign)(V(select_less)(a, V(splat)((real)0.5), small, large), x);
}

/* log x for x > 0 finite, in two words. With s = f / (2 + f) and z = s^2: log(1 + f) = s (2 + T),
 * T = z (2/3 + z P(z)). */
INLINE vreal V(log_two_words)(vreal x, vreal *low)
{
#if REAL_BITS == 32 /* relative error 2^-37 / 2^-66 */
    static const real p[] = {0x1.999a00p-2f, 0x1.245278p-2f, 0x1.dfa34cp-3f};
#else
    static const real p[] = {0x1.9999999999a1ep-2, 0x1.249249247333ap-2, 0x1.c71c720bcda9fp-3, 0x1.745cf434eec36p-3,
                             0x1.3b1d3a9ace846p-3, 0x1.0fa44328a413ep-3, 0x1.0d08efd74003bp-3};
#endif
    const real third = (real)0x1.5555555555555p-1; /* two thirds, then what is missing */
    const real third_low = REAL_BITS == 32 ? (real)-0x1.555556p-26 : (real)0x1.5555555555555p-55;
    vreal f, k = V(split_any_exponent)(x, &f);
    vreal d = f + 2, inverse = 1 / d, s = f * inverse, error, product = V(two_product)(s, d, &error);
    vreal s_low = ((f - product) - error - s * (f - (d - 2))) * inverse;
    vreal z_low, z = V(two_product)(s, s, &z_low);
    z_low = V(fma)(s + s, s_low, z_low);
    vreal t_low, t = V(two_product)(z, V(splat)(third), &t_low);
    vreal rest = z * z * V(polynomial)(z, p, sizeof p / sizeof *p);
    t_low += V(fma)(z_low, V(splat)(third), V(fma)(z, V(splat)(third_low), rest));
    vreal u_low, u = V(two_product)(s, t, &u_low);
    u_low += V(fma)(s, t_low, s_low * t);
    /* k ln 2, 2 s and u fall in size, or k is zero: each sum's rounding error is what the larger term lost. */
    vreal large = k * LN2_HIGH, sum = large + (s + s), total = sum + u;
    vreal lost = ((s + s) - (sum - large)) + (u - (total - sum));
    lost += V(fma)(k, V(splat)(LN2_LOW), s_low + s_low + u_low);
    vreal high = total + lost;
    *low = lost - (high - total);
    return high;
}

/* What x^y is where x is not positive and finite or y is not finite, given |x|^y where both are; `result` elsewhere. */
static NOINLINE vreal V(power_special)(vreal x, vreal y, vreal result)
{
    const vreal zero = V(splat)(0), infinity = V(splat)((real)INFINITY);
    const real whole = (real)((integer)1 << MANTISSA_BITS); /* from here on every real is an integer */
    vreal a = V(abs)(x), b = V(abs)(y), half = b * (real)0.5;
    vint integral = (b >= whole) | ((b + whole) - whole == b);
    vint odd = integral & (half < whole) & ((half + whole) - whole != half);
    vint limit = (a == 0) | (a == infinity);
    result = V(select)(limit, V(select)((a == 0) ^ (y > 0), infinity, zero), result);
    result = V(select)((x < 0) & ~integral & ~limit, V(splat)((real)NAN), result);
    result = V(select)(odd, V(copysign)(result, x), result);
    result = V(select)((x != x) | (y != y), x + y, result);
    return V(select)((y == 0) | (x == 1), V(splat)(1), result);
}

/* x^y as IEEE 754 pow has it: x^0 = 1 and 1^y = 1 even for NaN; a negative x takes integral y only; zeros and
 * infinities give their limits, with the sign of an odd power. |x|^y = e^(y log |x|), the product in two words. */
INLINE vreal V(power)(vreal x, vreal y)
{
    /* Beyond the bound the power of anything but 1 is zero or infinite, but y log |x| is no overflow yet. */
    const vreal bound = V(splat)(REAL_BITS == 32 ? (real)0x1p40 : (real)0x1p80);
    vreal cut = V(at_most)(V(at_least)(y, -bound), bound);
    vreal log_low, log_high = V(log_two_words)(V(abs)(x), &log_low);
    vreal low, high = V(two_product)(cut, log_high, &low);
    vreal exponent = V(clamp_for_exp)(high);
    low = V(select)(exponent == high, V(fma)(cut, log_low, low), V(splat)(0));
    vreal result = V(exp_scaled)(exponent, low, V(splat)(1));
    vint ordinary = (x > 0) & (x < (real)INFINITY) & (V(abs)(y) < (real)INFINITY);
    if (UNLIKELY(V(any)(~ordinary)))
        result = V(power_special)(x, y, result);
    return result;
}

/* ---------------------------------------------------------------- of two arguments */

/* sqrt(x^2 + y^2), by the quotient of the two, which neither overflows nor underflows where the result does not. */
INLINE vreal V(hypot)(vreal x, vreal y)
{
    const vreal infinity = V(splat)((real)INFINITY);
    x = V(abs)(x), y = V(abs)(y);
    const vreal larger = V(max)(x, y), ratio = V(min)(x, y) / larger;
    const vreal length = larger * V(sqrt)(V(fma)(ratio, ratio, V(splat)(1)));
    return V(select)((x == infinity) | (y == infinity), infinity, V(select)(larger == 0, larger, length));
}

/* libm's, where the quotient is not `ordinary`: large, infinite or NaN. */
static NOINLINE vreal V(fmod_special)(vreal x, vreal y, vreal result, vint ordinary)
{
    for (int i = 0; i < LANES; i++)
        if (!ordinary[i])
            result[i] = REAL_BITS == 32 ? (real)fmodf((float)x[i], (float)y[i]) : (real)fmod((double)x[i], (double)y[i]);
    return result;
}

/* x - y trunc(x / y), exactly. The nearest integer to the rounded quotient is at most one away from the truncated one,
 * and what it leaves has no more digits than y, so that nothing is rounded after it. */
static NOINLINE vreal V(fmod_once)(vreal x, vreal y)
{
    const vreal a = V(abs)(x), b = V(abs)(y), quotient = a / b;
    const vint ordinary = (quotient < (real)((integer)1 << (MANTISSA_BITS - 2))) & (b < (real)INFINITY);
    vreal error;
    const vreal product = V(two_product)(V(round_small)(quotient), b, &error), left = (a - product) - error;
    const vreal result = V(copysign)(V(select)(left < 0, left + b, left), x);
    return UNLIKELY(V(any)(~ordinary)) ? V(fmod_special)(x, y, result, ordinary) : result;
}

/* One copy for the loops of three kernels, which are each longer than a call. */
INLINE vreal V(fmod)(vreal x, vreal y) { return V(fmod_once)(x, y); }

/* Where what fmod left has the other sign than y: the quotient is not whole, and negative. */
INLINE vint V(rounds_down)(vreal left, vreal y)
{
    return (left != 0) & ((left < 0) ^ (y < 0));
}

/* x - y floor(x / y); 0 has the sign of x. */
INLINE vreal V(remainder)(vreal x, vreal y)
{
    const vreal left = V(fmod)(x, y);
    return V(select)(V(rounds_down)(left, y), left + y, left);
}

/* floor(x / y), as if the quotient were not rounded; 0 has its sign. */
INLINE vreal V(floor_divide)(vreal x, vreal y)
{
    const vreal left = V(fmod)(x, y), near = (x - left) / y; /* an integer, but for the division's rounding */
    const vreal whole = V(select)(V(rounds_down)(left, y), near - 1, near);
    vreal rounded = V(round)(whole);
    rounded = V(select)(rounded - whole == (real)0.5, rounded - 1, rounded);
    return V(select)(y == 0, x / y, V(select)(rounded == 0, V(copysign)(V(splat)(0), x / y), rounded));
}
