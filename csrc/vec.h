/* vec.h - the vector type of one real type: memory, arithmetic, comparison. The only file, with vmath.inc.c beneath it,
 * that knows what a vector is made of, and the only one that uses compiler extensions.
 *
 * Included after real.h, once per real type; no include guard. Arithmetic (+ - * /), comparisons (giving vint masks,
 * all ones or zero per lane) and bit operations on vint are the compiler's own, from GCC's vector extensions, which
 * Clang shares. Fused multiply-add is always explicit, V(fma): the build turns contraction off, so that a result depends on
 * the source and not on the optimizer's mood.
 *
 * A tail, the last n < LANES items of a row, is loaded with zeros in the other lanes and computed like any vector, so
 * an item's result does not depend on its position.
 */
#ifndef WG_VEC_H
#define WG_VEC_H

#if defined(__AVX512F__)
#define WG_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define WG_VECTOR_BYTES 32
#else
#define WG_VECTOR_BYTES 16
#endif

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "inline.h"

#define NOINLINE __attribute__((noinline, unused))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PREFETCH(p) __builtin_prefetch(p)
/* Before a loop of constant length: unroll it whole. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
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
/* The same at any address: what the unaligned loads and stores go through. */
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

/* The vector at p, read once: gcc has each of several operations on a vector read it from memory for itself, which takes
 * up to half as long again where the first-level cache does not hold it. */
INLINE vreal V(load_once)(const real *p)
{
    vreal x = V(load)(p);
#if defined(__AVX512F__)
    __asm__("" : "+v"(x));
#elif defined(__SSE2__)
    __asm__("" : "+x"(x));
#endif
    return x;
}

/* Half number h of the vector at p. Zen 4, whose units are 32 bytes wide, takes halves up to a tenth faster from beyond the
 * second-level cache; the few more instructions are hidden behind the memory anywhere. */
INLINE vhalf V(load_half)(const real *p, int h)
{
    return *(const VHALF_UNALIGNED *)(p + h * LANES / WG_HALVES);
}

INLINE vreal V(join_halves)(const vhalf *half)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return (vreal)_mm512_insertf32x8(_mm512_castps256_ps512((__m256)half[0]), (__m256)half[1], 1);
#elif defined(__AVX512F__)
    return (vreal)_mm512_insertf64x4(_mm512_castpd256_pd512((__m256d)half[0]), (__m256d)half[1], 1);
#else
    return half[0];
#endif
}

/* A vector, by halves. */
INLINE vreal V(load_far)(const real *p)
{
    vhalf half[WG_HALVES];
    for (int h = 0; h < WG_HALVES; h++)
        half[h] = V(load_half)(p, h);
    return V(join_halves)(half);
}
INLINE void V(store)(real *p, vreal x)
{
    *(VREAL_UNALIGNED *)p = x;
}

/* The first n < LANES items, n >= 0; the other lanes are zero. */
INLINE vreal V(load_tail)(const real *p, ptrdiff_t n)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return (vreal)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(__AVX512F__)
    return (vreal)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#elif defined(__AVX2__) && REAL_BITS == 32
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return (vreal)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
#elif defined(__AVX2__)
    const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
    return (vreal)_mm256_maskload_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), lane));
#else
    vreal x = {0}; /* at most four lanes */
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
#endif
}

INLINE void V(store_tail)(real *p, ptrdiff_t n, vreal x)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x);
#elif defined(__AVX512F__)
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)x);
#elif defined(__AVX2__)
    /* Halves and quarters: a masked store takes AMD's processors up to Zen 4 some twenty cycles. */
#if REAL_BITS == 32
    __m128 part = _mm256_castps256_ps128((__m256)x);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps((__m256)x, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, part);
#else
    __m128d part = _mm256_castpd256_pd128((__m256d)x);
    if (n & 2) {
        _mm_storeu_pd(p, part);
        part = _mm256_extractf128_pd((__m256d)x, 1);
        p += 2;
    }
    if (n & 1)
        _mm_store_sd(p, part);
#endif
#else
    if (n & 2) {
        p[0] = x[0];
        p[1] = x[1];
    }
    if (n & 1)
        p[n & 2] = n & 2 ? x[2 % LANES] : x[0];
#endif
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

/* A mask from n <= LANES bytes, all ones where the byte is not zero. */
INLINE vint V(load_bytes)(const char *p, ptrdiff_t n)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    __m128i bytes = _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), p);
    return (vint)_mm512_movm_epi32(_mm_test_epi8_mask(bytes, bytes));
#elif defined(__SSE2__)
    uint64_t packed = 0;
    if (n == LANES)
        memcpy(&packed, p, (size_t)LANES);
    else
        memcpy(&packed, p, (size_t)n);
    __m128i bytes = _mm_set_epi64x(0, (long long)packed), zero = _mm_cmpeq_epi8(bytes, _mm_setzero_si128());
#if defined(__AVX512F__)
    return ~(vint)_mm512_cvtepi8_epi64(zero);
#elif defined(__AVX2__) && REAL_BITS == 32
    return ~(vint)_mm256_cvtepi8_epi32(zero);
#elif defined(__AVX2__)
    return ~(vint)_mm256_cvtepi8_epi64(zero);
#else
    zero = _mm_unpacklo_epi8(zero, zero);
    zero = _mm_unpacklo_epi16(zero, zero);
    return ~(vint)(REAL_BITS == 32 ? zero : _mm_unpacklo_epi32(zero, zero));
#endif
#else
    INTERNAL(vb8) bytes = {0};
    memcpy(&bytes, p, (size_t)n);
    return __builtin_convertvector(bytes, vint) != 0;
#endif
}

/* The first n <= LANES lanes of a mask as bytes of 0 and 1. */
INLINE void V(store_bytes)(char *p, ptrdiff_t n, vint mask)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    _mm_mask_storeu_epi8(p, (__mmask16)((1u << n) - 1), _mm_maskz_set1_epi8(_mm512_movepi32_mask((__m512i)mask), 1));
#elif defined(__SSE2__)
#if defined(__AVX512F__)
    __m128i bytes = _mm_maskz_set1_epi8(_mm512_movepi64_mask((__m512i)mask), 1);
#else
#if defined(__AVX2__)
    __m128i low = _mm256_castsi256_si128((__m256i)mask), high = _mm256_extracti128_si256((__m256i)mask, 1);
#else
    __m128i low = (__m128i)mask, high = low;
#endif
#if REAL_BITS == 64 /* half of each lane will do */
    low = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(low), _mm_castsi128_ps(high), 0x88));
    high = low;
#endif
    __m128i bytes = _mm_and_si128(_mm_packs_epi16(_mm_packs_epi32(low, high), low), _mm_set1_epi8(1));
#endif
    uint64_t packed = (uint64_t)_mm_cvtsi128_si64(bytes);
    if (n == LANES)
        memcpy(p, &packed, (size_t)LANES);
    else
        memcpy(p, &packed, (size_t)n % sizeof packed); /* n is below LANES; gcc 16 does not see it and warns */
#else
    INTERNAL(vb8) bytes = __builtin_convertvector(mask & 1, INTERNAL(vb8));
    memcpy(p, &bytes, (size_t)n);
#endif
}

/* mask ? x : y, lane by lane; mask lanes are all ones or zero. */
INLINE vreal V(select)(vint mask, vreal x, vreal y)
{
    return V(as_real)((mask & V(as_int)(x)) | (~mask & V(as_int)(y)));
}

/* a < b ? x : y, what V(select)(a < b, x, y) gives; gcc finds the masked move for AVX-512 only when told. */
INLINE vreal V(select_less)(vreal a, vreal b, vreal x, vreal y)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return (vreal)_mm512_mask_mov_ps((__m512)y, _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ), (__m512)x);
#elif defined(__AVX512F__)
    return (vreal)_mm512_mask_mov_pd((__m512d)y, _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ), (__m512d)x);
#else
    return V(select)(a < b, x, y);
#endif
}

/* x * y + z: rounded once where the processor has fused multiply-add, twice on x86 `base`. */
INLINE vreal V(fma)(vreal x, vreal y, vreal z)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return (vreal)_mm512_fmadd_ps((__m512)x, (__m512)y, (__m512)z);
#elif defined(__AVX512F__)
    return (vreal)_mm512_fmadd_pd((__m512d)x, (__m512d)y, (__m512d)z);
#elif defined(__FMA__) && REAL_BITS == 32
    return (vreal)_mm256_fmadd_ps((__m256)x, (__m256)y, (__m256)z);
#elif defined(__FMA__)
    return (vreal)_mm256_fmadd_pd((__m256d)x, (__m256d)y, (__m256d)z);
#elif defined(__aarch64__) && REAL_BITS == 32
    return (vreal)vfmaq_f32((float32x4_t)z, (float32x4_t)x, (float32x4_t)y);
#elif defined(__aarch64__)
    return (vreal)vfmaq_f64((float64x2_t)z, (float64x2_t)x, (float64x2_t)y);
#else
    return x * y + z;
#endif
}

INLINE vreal V(sqrt)(vreal x)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return (vreal)_mm512_sqrt_ps((__m512)x);
#elif defined(__AVX512F__)
    return (vreal)_mm512_sqrt_pd((__m512d)x);
#elif defined(__AVX2__) && REAL_BITS == 32
    return (vreal)_mm256_sqrt_ps((__m256)x);
#elif defined(__AVX2__)
    return (vreal)_mm256_sqrt_pd((__m256d)x);
#elif defined(__SSE2__) && REAL_BITS == 32
    return (vreal)_mm_sqrt_ps((__m128)x);
#elif defined(__SSE2__)
    return (vreal)_mm_sqrt_pd((__m128d)x);
#elif defined(__aarch64__) && REAL_BITS == 32
    return (vreal)vsqrtq_f32((float32x4_t)x);
#elif defined(__aarch64__)
    return (vreal)vsqrtq_f64((float64x2_t)x);
#endif
}

INLINE vreal V(abs)(vreal x)
{
    return V(as_real)(V(as_int)(x) & (vint)(~V(as_int)(V(splat)((real)-0.0))));
}
/* The magnitude of x with the sign of y. */
INLINE vreal V(copysign)(vreal x, vreal y)
{
    const vint sign = V(as_int)(V(splat)((real)-0.0));
#if defined(__AVX512F__)
    return (vreal)_mm512_ternarylogic_epi64((__m512i)sign, (__m512i)y, (__m512i)x, 0xca); /* sign ? y : x, bitwise */
#else
    return V(as_real)((~sign & V(as_int)(x)) | (sign & V(as_int)(y)));
#endif
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
#if defined(__FMA__) || defined(__aarch64__)
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

/* max(x, bound) and min(x, bound) where the bound is no NaN: NaN if x is. One instruction where V(max) takes three. */
INLINE vreal V(at_least)(vreal x, vreal bound)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return (vreal)_mm512_max_ps((__m512)bound, (__m512)x); /* x86 gives the second operand when either is NaN */
#elif defined(__AVX512F__)
    return (vreal)_mm512_max_pd((__m512d)bound, (__m512d)x);
#elif defined(__AVX2__) && REAL_BITS == 32
    return (vreal)_mm256_max_ps((__m256)bound, (__m256)x);
#elif defined(__AVX2__)
    return (vreal)_mm256_max_pd((__m256d)bound, (__m256d)x);
#elif defined(__SSE2__) && REAL_BITS == 32
    return (vreal)_mm_max_ps((__m128)bound, (__m128)x);
#elif defined(__SSE2__)
    return (vreal)_mm_max_pd((__m128d)bound, (__m128d)x);
#elif defined(__aarch64__) && REAL_BITS == 32
    return (vreal)vmaxq_f32((float32x4_t)x, (float32x4_t)bound);
#elif defined(__aarch64__)
    return (vreal)vmaxq_f64((float64x2_t)x, (float64x2_t)bound);
#endif
}
INLINE vreal V(at_most)(vreal x, vreal bound)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return (vreal)_mm512_min_ps((__m512)bound, (__m512)x);
#elif defined(__AVX512F__)
    return (vreal)_mm512_min_pd((__m512d)bound, (__m512d)x);
#elif defined(__AVX2__) && REAL_BITS == 32
    return (vreal)_mm256_min_ps((__m256)bound, (__m256)x);
#elif defined(__AVX2__)
    return (vreal)_mm256_min_pd((__m256d)bound, (__m256d)x);
#elif defined(__SSE2__) && REAL_BITS == 32
    return (vreal)_mm_min_ps((__m128)bound, (__m128)x);
#elif defined(__SSE2__)
    return (vreal)_mm_min_pd((__m128d)bound, (__m128d)x);
#elif defined(__aarch64__) && REAL_BITS == 32
    return (vreal)vminq_f32((float32x4_t)x, (float32x4_t)bound);
#elif defined(__aarch64__)
    return (vreal)vminq_f64((float64x2_t)x, (float64x2_t)bound);
#endif
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

/* x * 2^n for integral n, rounded once: |n| <= 160 (float32) or 1100 (float64), and x zero, NaN, or of magnitude
 * [2^-10, 2^10]. The range that exp needs. */
INLINE vreal V(scale_by_power)(vreal x, vreal n)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return (vreal)_mm512_scalef_ps((__m512)x, (__m512)n);
#elif defined(__AVX512F__)
    return (vreal)_mm512_scalef_pd((__m512d)x, (__m512d)n);
#else
    vreal half = V(round_small)(n * (real)0.5); /* 2^n itself may be no normal number */
    return x * V(power_of_two)(half) * V(power_of_two)(n - half);
#endif
}

/* IEEE 754-2019 maximum and minimum: NaN if either is NaN. Of zeros of different sign either may come out. */
INLINE vreal V(max)(vreal x, vreal y)
{
#if defined(__SSE2__)
    return V(select)(y != y, y, V(at_least)(x, y)); /* one instruction gives the NaN of x, one more that of y */
#else
    return V(at_least)(x, y);
#endif
}
INLINE vreal V(min)(vreal x, vreal y)
{
#if defined(__SSE2__)
    return V(select)(y != y, y, V(at_most)(x, y));
#else
    return V(at_most)(x, y);
#endif
}

INLINE int V(any)(vint mask)
{
#if defined(__AVX512F__) && REAL_BITS == 32
    return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif defined(__AVX512F__)
    return _mm512_movepi64_mask((__m512i)mask) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_epi8((__m256i)mask) != 0;
#elif defined(__SSE2__)
    return _mm_movemask_epi8((__m128i)mask) != 0;
#elif defined(__aarch64__)
    return vmaxvq_u32((uint32x4_t)mask) != 0;
#endif
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
