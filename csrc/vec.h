/* vec.h - the vector type of one real type: memory, arithmetic, comparison, lanes.
 *
 * Included after real.h, once per real type; no include guard. What a processor has instructions of its own for stands in
 * vec_x86.h and vec_neon.h, one of which is included here; what can be said for all of them stands here, and in
 * vmath.inc.c. Arithmetic (+ - * /), comparisons (giving vint masks, all ones or zero per lane) and bit operations on
 * vint are the compiler's own, from GCC's vector extensions, which Clang shares. Fused multiply-add is always explicit,
 * V(fma): the build turns contraction off, so that a result depends on the source and not on the optimizer's mood.
 *
 * A processor's file gives
 *
 *   load_tail   (p, n)      the first n < LANES items, n >= 0; the other lanes are zero
 *   store_tail  (p, n, x)   the first n < LANES lanes
 *   load_between (p, first, last, fill)  lanes from `first` to before `last`; the others are `fill`, their items not read
 *   load_bytes  (p, n)      a mask from n <= LANES bytes, all ones where the byte is not zero
 *   store_bytes (p, n, m)   the first n <= LANES lanes of a mask as bytes of 0 and 1
 *   fma         (x, y, z)   x * y + z, rounded once if FUSED, else twice
 *   sqrt        (x)
 *   at_least    (x, bound)  max(x, bound) where the bound is no NaN: NaN if x is. One instruction, where max takes three
 *   at_most     (x, bound)  min(x, bound) where the bound is no NaN: NaN if x is
 *   max, min    (x, y)      of IEEE 754-2019: NaN if either is. Of zeros of different sign either may come out
 *   any         (m)         whether a lane of the mask is set
 *   equal_lanes (x, y)      bit i is set where lane i of x equals that of y
 *
 * and, where vectors have 64 bytes, what is defined below for shorter ones alone (join_halves to scale_by_power). Tails are computed like any vector, so
 * an item's result does not depend on its position. */
#ifndef WG_VEC_H
#define WG_VEC_H

#if defined(__AVX512F__)
#define WG_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define WG_VECTOR_BYTES 32
#else
#define WG_VECTOR_BYTES 16
#endif

#include "inline.h"

#define NOINLINE __attribute__((noinline, unused))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PREFETCH(p) __builtin_prefetch(p)
/* Before a loop of constant length: unroll it whole; or by four where each turn is long, unless a vector has fewer lanes
 * than that. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define UNROLL_FOUR _Pragma("clang loop unroll_count(4)")
#elif WG_VECTOR_BYTES < 32
#define UNROLL _Pragma("GCC unroll 64")
#define UNROLL_FOUR
#else
#define UNROLL _Pragma("GCC unroll 64")
#define UNROLL_FOUR _Pragma("GCC unroll 4")
#endif

typedef float vf32 __attribute__((vector_size(WG_VECTOR_BYTES)));
typedef double vf64 __attribute__((vector_size(WG_VECTOR_BYTES)));
typedef int32_t vi32 __attribute__((vector_size(WG_VECTOR_BYTES)));
typedef int64_t vi64 __attribute__((vector_size(WG_VECTOR_BYTES)));
typedef uint32_t vu32 __attribute__((vector_size(WG_VECTOR_BYTES))); /* for logical shifts */
typedef uint64_t vu64 __attribute__((vector_size(WG_VECTOR_BYTES)));
/* What a vector of 64 bytes is read by; a shorter vector is its own and only "half". */
#define WG_HALVES (WG_VECTOR_BYTES > 32 ? 2 : 1)
typedef float vh32 __attribute__((vector_size(WG_VECTOR_BYTES / WG_HALVES)));
typedef double vh64 __attribute__((vector_size(WG_VECTOR_BYTES / WG_HALVES)));
typedef int8_t vb8_f32 __attribute__((vector_size(WG_VECTOR_BYTES / 4))); /* a byte per float */
typedef int8_t vb8_f64 __attribute__((vector_size(WG_VECTOR_BYTES / 8))); /* a byte per double */
/* Vectors at any address, for unaligned loads and stores. */
typedef float vf32_unaligned __attribute__((vector_size(WG_VECTOR_BYTES), aligned(4), may_alias));
typedef double vf64_unaligned __attribute__((vector_size(WG_VECTOR_BYTES), aligned(8), may_alias));

typedef float vh32_unaligned __attribute__((vector_size(WG_VECTOR_BYTES / WG_HALVES), aligned(4), may_alias));
typedef double vh64_unaligned __attribute__((vector_size(WG_VECTOR_BYTES / WG_HALVES), aligned(8), may_alias));

#define WG_LOG2_LANES __builtin_ctzll((unsigned long long)LANES)

#endif /* once per instruction set; below, once per real type */

#define VREAL_UNALIGNED CONCAT(vreal, _unaligned)
#define VHALF_UNALIGNED CONCAT(vhalf, _unaligned)
#undef vuint
#undef MANTISSA_BITS
#undef EXPONENT_BIAS
#if REAL_BITS == 32
#define vuint vu32
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#else
#define vuint vu64
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#endif
/* Added to an integral real of magnitude below half of it, this leaves the integer in the low mantissa bits; added to
 * any real of such a magnitude and taken away again, it rounds to the nearest integer, ties to even. */
#define ROUND_MAGIC ((real)(REAL_BITS == 32 ? 0x1.8p23 : 0x1.8p52))

/* x in every lane: x - 0 keeps -0, and the compiler makes it a broadcast. */
INLINE vreal V(splat)(real x)
{
    return x - (vreal){0};
}
INLINE vint V(as_int)(vreal x)
{
    return (vint)x;
}
INLINE vreal V(as_real)(vint x)
{
    return (vreal)x;
}

INLINE vreal V(load)(const real *p)
{
    return *(const VREAL_UNALIGNED *)p;
}

/* Half number h of the vector at p. Zen 4, whose units are 32 bytes wide, takes halves up to a tenth faster from beyond the
 * second-level cache; the few more instructions are hidden behind the memory anywhere. */
INLINE vhalf V(load_half)(const real *p, int h)
{
    return *(const VHALF_UNALIGNED *)(p + h * LANES / WG_HALVES);
}

INLINE void V(store)(real *p, vreal x)
{
    *(VREAL_UNALIGNED *)p = x;
}

/* What vec_*.h have for load_tail and store_tail where a vector has at most four lanes. */
INLINE vreal V(load_few)(const real *p, ptrdiff_t n)
{
    vreal x = {0};
    if (n & 2) {
        x[0] = p[0];
        x[1] = p[1];
    }
    if (n & 1) {
        if (n & 2)
            x[2 % LANES] = p[2];
        else
            x[0] = p[0];
    }
    return x;
}

INLINE void V(store_few)(real *p, ptrdiff_t n, vreal x)
{
    if (n & 2) {
        p[0] = x[0];
        p[1] = x[1];
    }
    if (n & 1)
        p[n & 2] = n & 2 ? x[2 % LANES] : x[0];
}

INLINE vreal V(load_few_between)(const real *p, ptrdiff_t first, ptrdiff_t last, real fill)
{
    vreal x = V(splat)(fill);
    for (ptrdiff_t i = 0; i < LANES; i++)
        if (i >= first && i < last)
            x[i] = p[i];
    return x;
}

/* The first n <= LANES items, `stride` bytes apart; the other lanes are zero. */
INLINE vreal V(load_strided)(const char *p, ptrdiff_t stride, ptrdiff_t n)
{
    vreal x = {0};
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] = *(const real *)(p + i * stride);
    return x;
}
INLINE void V(store_strided)(char *p, ptrdiff_t stride, ptrdiff_t n, vreal x)
{
    for (ptrdiff_t i = 0; i < n; i++)
        *(real *)(p + i * stride) = x[i];
}

/* mask ? x : y, lane by lane; mask lanes are all ones or zero. */
INLINE vreal V(select)(vint mask, vreal x, vreal y)
{
    return V(as_real)((mask & V(as_int)(x)) | (~mask & V(as_int)(y)));
}

/* ---------------------------------------------------------------- the processor's */

#if defined(__x86_64__) || defined(_M_X64)
#include "vec_x86.h"
#elif defined(__aarch64__)
#include "vec_neon.h"
#else
#error "the kernels know x86-64 and AArch64"
#endif

/* ---------------------------------------------------------------- memory, once more */

/* The vector at p for several operations, of which each would otherwise read it for itself: that takes up to half as long
 * again where the first-level cache does not hold it. */
INLINE vreal V(load_once)(const real *p)
{
    vreal x = V(load)(p);
    IN_REGISTER(x);
    return x;
}

/* The first n >= 0 items, at most LANES; the other lanes are zero. */
INLINE vreal V(load_upto)(const real *p, ptrdiff_t n)
{
    return n >= LANES ? V(load)(p) : V(load_tail)(p, n);
}

INLINE void V(store_upto)(real *p, ptrdiff_t n, vreal x)
{
    if (n >= LANES)
        V(store)(p, x);
    else
        V(store_tail)(p, n, x);
}

/* ---------------------------------------------------------------- arithmetic */

INLINE vreal V(abs)(vreal x)
{
    return V(as_real)(V(as_int)(x) & (vint)(~V(as_int)(V(splat)((real)-0.0))));
}
/* To the nearest integer, ties to even, as a real, for |x| <= 2^(MANTISSA_BITS - 1). */
INLINE vreal V(round_small)(vreal x)
{
    return (x + ROUND_MAGIC) - ROUND_MAGIC;
}

/* x * y as a rounded product and its rounding error, exactly unless the error underflows. */
INLINE vreal V(two_product)(vreal x, vreal y, vreal *error)
{
    vreal product = x * y;
#if FUSED
    *error = V(fma)(x, y, -product);
#else
    /* Dekker's split: halves short enough that their products are exact. */
    const vint mask = V(as_int)(V(splat)(0)) - ((integer)1 << (REAL_BITS == 32 ? 12 : 27));
    vreal x_high = V(as_real)(V(as_int)(x) & mask), x_low = x - x_high;
    vreal y_high = V(as_real)(V(as_int)(y) & mask), y_low = y - y_high;
    *error = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low;
#endif
    return product;
}

/* 2^n for integral n, given as a real, such that 2^n is a normal number; n = -EXPONENT_BIAS gives 0. The first form
 * takes n + (ROUND_MAGIC + EXPONENT_BIAS), which has the exponent field in its low bits. */
INLINE vreal V(shifted_power_of_two)(vreal shifted)
{
    return V(as_real)((vint)((vuint)V(as_int)(shifted) << MANTISSA_BITS));
}
INLINE vreal V(power_of_two)(vreal n)
{
    return V(shifted_power_of_two)(n + (ROUND_MAGIC + EXPONENT_BIAS));
}

#if WG_VECTOR_BYTES < 64

INLINE vreal V(join_halves)(const vhalf *half)
{
    return half[0];
}

/* n <= LANES bytes as numbers from 0 to 255, and back; the other lanes are zero. */
INLINE vint V(load_codes)(const unsigned char *p, ptrdiff_t n)
{
    INTERNAL(vb8) bytes = {0};
    if (n == LANES)
        memcpy(&bytes, p, (size_t)LANES);
    else
        memcpy(&bytes, p, (size_t)n);
    return __builtin_convertvector(bytes, vint) & 255;
}

INLINE void V(store_codes)(unsigned char *p, ptrdiff_t n, vint code)
{
    const INTERNAL(vb8) bytes = __builtin_convertvector(code, INTERNAL(vb8));
    if (n == LANES)
        memcpy(p, &bytes, (size_t)LANES);
    else
        memcpy(p, &bytes, (size_t)n);
}

/* Where x is larger than the best, or NaN, it becomes the best, and its code that of the best. */
INLINE void V(keep_larger)(vreal *best, vint *code, vreal x, integer this_code)
{
    const vint taken = (x > *best) | (x != x);
    *best = V(select)(taken, x, *best);
    *code = (taken & this_code) | (~taken & *code);
}

/* a < b ? x : y. */
INLINE vreal V(select_less)(vreal a, vreal b, vreal x, vreal y)
{
    return V(select)(a < b, x, y);
}

/* The magnitude of x with the sign of y. */
INLINE vreal V(copysign)(vreal x, vreal y)
{
    const vint sign = V(as_int)(V(splat)((real)-0.0));
    return V(as_real)((~sign & V(as_int)(x)) | (sign & V(as_int)(y)));
}

/* x * 2^n for integral n, rounded once: |n| <= 160 (float32) or 1100 (float64), and x zero, NaN, or of magnitude
 * [2^-10, 2^10]. The range that exp needs. */
INLINE vreal V(scale_by_power)(vreal x, vreal n)
{
    const vreal half = V(round_small)(n * (real)0.5); /* 2^n itself may be no normal number */
    return x * V(power_of_two)(half) * V(power_of_two)(n - half);
}

#endif

#if WG_VECTOR_BYTES < 32
/* To the nearest integer, ties to even; down, up, and to zero. Exact, with the sign of x. */
INLINE vreal V(round)(vreal x)
{
    const vreal limit = V(splat)((real)((integer)1 << MANTISSA_BITS)), magic = V(copysign)(limit, x);
    return V(select)(V(abs)(x) < limit, V(copysign)((x + magic) - magic, x), x);
}

INLINE vreal V(floor)(vreal x)
{
    const vreal near = V(round)(x);
    return V(select)(near > x, near - 1, near);
}

INLINE vreal V(ceil)(vreal x)
{
    const vreal near = V(round)(x);
    return V(copysign)(V(select)(near < x, near + 1, near), x);
}

INLINE vreal V(trunc)(vreal x)
{
    return V(copysign)(V(floor)(V(abs)(x)), x);
}
#endif

/* A vector, by halves. */
INLINE vreal V(load_far)(const real *p)
{
    vhalf half[WG_HALVES];
    for (int h = 0; h < WG_HALVES; h++)
        half[h] = V(load_half)(p, h);
    return V(join_halves)(half);
}

/* ---------------------------------------------------------------- lanes */

/* 0, 1, 2, ... */
INLINE vint V(lane_numbers)(void)
{
    vint lane;
    for (int i = 0; i < LANES; i++)
        lane[i] = i;
    return lane;
}

/* Where lane l of a shuffle of two vectors comes from, counting on from the first into the second. The lanes are seen as
 * blocks of d, a power of two; a d of LANES or more has no meaning, but must compile. */
#undef EACH_LANE
#undef SHUFFLE
#if WG_VECTOR_BYTES * 8 / REAL_BITS == 16
#define EACH_LANE(f, d)                                                                                           \
    f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d), f(8, d), f(9, d), f(10, d), f(11, d), \
        f(12, d), f(13, d), f(14, d), f(15, d)
#elif WG_VECTOR_BYTES * 8 / REAL_BITS == 8
#define EACH_LANE(f, d) f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d)
#elif WG_VECTOR_BYTES * 8 / REAL_BITS == 4
#define EACH_LANE(f, d) f(0, d), f(1, d), f(2, d), f(3, d)
#else
#define EACH_LANE(f, d) f(0, d), f(1, d)
#endif
#define LANE_EXCHANGED(l, d) (((l) ^ (d)) % (2 * (int)LANES))
#define LANE_LOW(l, d) (((l) & (d)) ? (int)LANES + (l) - (d) : (l))
#define LANE_HIGH(l, d) (((l) & (d)) ? (int)LANES + (l) : LANE_NEXT(l, d))
#define LANE_KEPT(l, d) (((l) & (d)) ? (int)LANES + (l) : (l))
#define LANE_CROSSED(l, d) (((l) & (d)) ? (int)LANES + (l) - (d) : LANE_NEXT(l, d))
#define LANE_NEXT(l, d) (((l) + (d)) % (2 * (int)LANES))
#define LANE_ALTERNATE(l, d) (2 * (l))
#define LANE_ALTERNATE_ON(l, d) (2 * (l) + (d))
#ifdef __clang__
#define SHUFFLE_LANES(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE_LANES(x, y, ...) __builtin_shuffle(x, y, (vint){__VA_ARGS__})
#endif
#define SHUFFLE(x, y, lane, d)                            \
    ((d) == 1   ? SHUFFLE_LANES(x, y, EACH_LANE(lane, 1)) \
     : (d) == 2 ? SHUFFLE_LANES(x, y, EACH_LANE(lane, 2)) \
     : (d) == 4 ? SHUFFLE_LANES(x, y, EACH_LANE(lane, 4)) \
                : SHUFFLE_LANES(x, y, EACH_LANE(lane, 8)))

/* Lane i takes lane i ^ d, for a power of two d < LANES. */
INLINE vreal V(exchange_lanes)(vreal x, const int d)
{
    return SHUFFLE(x, x, LANE_EXCHANGED, d);
}

/* Of two vectors of blocks of d lanes: the even blocks of x between the odd ones of y; and the others, each where its
 * neighbour is in the first. What a reduction of the lanes of both joins. */
INLINE vreal V(kept_lanes)(vreal x, vreal y, const int d)
{
    return SHUFFLE(x, y, LANE_KEPT, d);
}
INLINE vreal V(crossed_lanes)(vreal x, vreal y, const int d)
{
    return SHUFFLE(x, y, LANE_CROSSED, d);
}

/* The even lanes of x, then those of y; and the odd ones. */
INLINE vreal V(even_lanes)(vreal x, vreal y)
{
    return SHUFFLE_LANES(x, y, EACH_LANE(LANE_ALTERNATE, 1));
}
INLINE vreal V(odd_lanes)(vreal x, vreal y)
{
    return SHUFFLE_LANES(x, y, EACH_LANE(LANE_ALTERNATE_ON, 1));
}

/* Copy of n items, two apart, as many as whole vectors take without reading beyond the last item; gives their number.
 * What is a page ahead is fetched: processors that follow a stream of reads stop where a page ends, and a loop that takes
 * turns with others, a part of each array at a time, would wait for the first lines of every page. */
INLINE ptrdiff_t V(copy_even)(real *to, const real *from, ptrdiff_t n)
{
    ptrdiff_t i = 0;
    for (; i + LANES < n; i += LANES) { /* which reads one item more */
        __builtin_prefetch((const char *)(from + 2 * i) + 4096);
        V(store)(to + i, V(even_lanes)(V(load)(from + 2 * i), V(load)(from + 2 * i + LANES)));
    }
    return i;
}

INLINE void V(transpose_step)(vreal *x, const int d)
{
    UNROLL
    for (int i = 0; i < LANES; i++)
        if (!(i & d)) {
            const vreal low = SHUFFLE(x[i], x[i + d], LANE_LOW, d);
            x[i + d] = SHUFFLE(x[i], x[i + d], LANE_HIGH, d);
            x[i] = low;
        }
}

/* LANES vectors as a square matrix: lane j of x[i] to lane i of x[j]. */
INLINE void V(transpose)(vreal *x)
{
    if (LANES > 8)
        V(transpose_step)(x, 8);
    if (LANES > 4)
        V(transpose_step)(x, 4);
    if (LANES > 2)
        V(transpose_step)(x, 2);
    V(transpose_step)(x, 1);
}

/* The sum over the lanes, as a tree: halves first. */
INLINE real V(reduce_add)(vreal x)
{
    UNROLL
    for (int bit = WG_LOG2_LANES - 1; bit >= 0; bit--)
        x += V(exchange_lanes)(x, 1 << bit);
    return x[0];
}

INLINE void V(reduce_step)(vreal *x, const int d)
{
    UNROLL
    for (int i = 0; i < d; i++)
        x[i] = V(kept_lanes)(x[i], x[i + d], d) + V(crossed_lanes)(x[i], x[i + d], d);
}

/* The sum over the lanes of x[i] in lane i, for LANES vectors: for every i the tree of reduce_add. Overwrites x. */
INLINE vreal V(reduce_each)(vreal *x)
{
    if (LANES > 8)
        V(reduce_step)(x, 8);
    if (LANES > 4)
        V(reduce_step)(x, 4);
    if (LANES > 2)
        V(reduce_step)(x, 2);
    V(reduce_step)(x, 1);
    return x[0];
}

/* c[0] + c[1] x + ... + c[count - 1] x^(count - 1), by Horner's rule. */
INLINE vreal V(polynomial)(vreal x, const real *c, int count)
{
    vreal sum = V(splat)(c[count - 1]);
    UNROLL
    for (int i = count - 2; i >= 0; i--)
        sum = V(fma)(sum, x, V(splat)(c[i]));
    return sum;
}

#undef VREAL_UNALIGNED
#undef VHALF_UNALIGNED
#include "vmath.inc.c"
