/* vec_x86.h - what vec.h needs of x86-64, in SSE2, AVX2 with FMA, or AVX-512, whichever the compiler is told to use.
 *
 * Included by vec.h once per real type, after V(select); no include guard. PACKED(name) is the intrinsic of that name for
 * vectors of the real type, and `native` the type of its operands.
 *
 * For float32 alone, v_dot_pairs (x, y, sum) is sum and the products of the two bfloat16 in each lane, the high ones
 * first, for processors with PAIRS_TARGET; what has no PAIRS_TARGET has no such function. */
#ifndef FUSED
#include <immintrin.h>

#ifdef __FMA__
#define FUSED 1 /* V(fma) rounds once */
#else
#define FUSED 0
#endif
#ifdef __AVX512F__
#define VECTOR_REGISTERS 32
#else
#define VECTOR_REGISTERS 16
#endif
/* Hold a vector in a register. gcc would have each of several operations read it from memory anew. */
#define IN_REGISTER(x) __asm__("" : "+v"(x))
#endif

#undef PACKED
#undef native
#undef PAIRS_TARGET
#if defined(__AVX512F__) && REAL_BITS == 32
#define PACKED(name) _mm512_##name##_ps
#define native __m512
#elif defined(__AVX512F__)
#define PACKED(name) _mm512_##name##_pd
#define native __m512d
#elif defined(__AVX2__) && REAL_BITS == 32
#define PACKED(name) _mm256_##name##_ps
#define native __m256
#elif defined(__AVX2__)
#define PACKED(name) _mm256_##name##_pd
#define native __m256d
#elif REAL_BITS == 32
#define PACKED(name) _mm_##name##_ps
#define native __m128
#else
#define PACKED(name) _mm_##name##_pd
#define native __m128d
#endif

/* ---------------------------------------------------------------- arithmetic */

INLINE vreal V(fma)(vreal x, vreal y, vreal z)
{
#if FUSED
    return (vreal)PACKED(fmadd)((native)x, (native)y, (native)z);
#else
    return x * y + z;
#endif
}

INLINE vreal V(sqrt)(vreal x)
{
    return (vreal)PACKED(sqrt)((native)x);
}

#if defined(__AVX2__)
#undef ROUNDED
#ifdef __AVX512F__
#define ROUNDED(x, direction) ((vreal)PACKED(roundscale)((native)(x), (direction) | _MM_FROUND_NO_EXC))
#else
#define ROUNDED(x, direction) ((vreal)PACKED(round)((native)(x), (direction) | _MM_FROUND_NO_EXC))
#endif
INLINE vreal V(round)(vreal x)
{
    return ROUNDED(x, _MM_FROUND_TO_NEAREST_INT);
}

INLINE vreal V(floor)(vreal x)
{
    return ROUNDED(x, _MM_FROUND_TO_NEG_INF);
}

INLINE vreal V(ceil)(vreal x)
{
    return ROUNDED(x, _MM_FROUND_TO_POS_INF);
}

INLINE vreal V(trunc)(vreal x)
{
    return ROUNDED(x, _MM_FROUND_TO_ZERO);
}
#endif

/* The instruction gives its second operand when either is NaN. */
INLINE vreal V(at_least)(vreal x, vreal bound)
{
    return (vreal)PACKED(max)((native)bound, (native)x);
}

INLINE vreal V(at_most)(vreal x, vreal bound)
{
    return (vreal)PACKED(min)((native)bound, (native)x);
}

/* One instruction gives the NaN of x, one more that of y. */
INLINE vreal V(max)(vreal x, vreal y)
{
    return V(select)(y != y, y, V(at_least)(x, y));
}

INLINE vreal V(min)(vreal x, vreal y)
{
    return V(select)(y != y, y, V(at_most)(x, y));
}

/* V(widened): a mask from the low bytes, each all ones or zero. V(narrowed): the lanes of a mask as low bytes of 0 and 1,
 * for at most eight lanes. */
#if defined(__AVX512F__)

/* ---------------------------------------------------------------- AVX-512 */

#undef MASK
#undef MASK_FROM
#undef COMPARED
#undef MASK_OF
#if REAL_BITS == 32
#define MASK(n) ((__mmask16)((1u << (n)) - 1)) /* the first n lanes */
#define MASK_FROM(bits) ((__mmask16)(bits))
#define COMPARED _mm512_cmp_ps_mask
#define MASK_OF _mm512_movepi32_mask
#else
#define MASK(n) ((__mmask8)((1u << (n)) - 1))
#define MASK_FROM(bits) ((__mmask8)(bits))
#define COMPARED _mm512_cmp_pd_mask
#define MASK_OF _mm512_movepi64_mask
#endif

INLINE vreal V(load_tail)(const real *p, ptrdiff_t n)
{
    return (vreal)PACKED(maskz_loadu)(MASK(n), p);
}

INLINE void V(store_tail)(real *p, ptrdiff_t n, vreal x)
{
    PACKED(mask_storeu)(p, MASK(n), (native)x);
}

INLINE vreal V(join_halves)(const vhalf *half)
{
#if REAL_BITS == 32
    return (vreal)_mm512_insertf32x8(_mm512_castps256_ps512((__m256)half[0]), (__m256)half[1], 1);
#else
    return (vreal)_mm512_insertf64x4(_mm512_castpd256_pd512((__m256d)half[0]), (__m256d)half[1], 1);
#endif
}

/* gcc finds the masked move only when told. */
INLINE vreal V(select_less)(vreal a, vreal b, vreal x, vreal y)
{
    return (vreal)PACKED(mask_mov)((native)y, COMPARED((native)a, (native)b, _CMP_LT_OQ), (native)x);
}

/* sign ? y : x, bitwise. */
INLINE vreal V(copysign)(vreal x, vreal y)
{
    const vint sign = V(as_int)(V(splat)((real)-0.0));
    return (vreal)_mm512_ternarylogic_epi64((__m512i)sign, (__m512i)y, (__m512i)x, 0xca);
}

INLINE vreal V(scale_by_power)(vreal x, vreal n)
{
    return (vreal)PACKED(scalef)((native)x, (native)n);
}

/* gcc would make whole vectors of the masks of comparisons. */
INLINE void V(keep_larger)(vreal *best, vint *code, vreal x, integer this_code)
{
    const unsigned taken =
        COMPARED((native)x, (native)*best, _CMP_GT_OQ) | COMPARED((native)x, (native)x, _CMP_UNORD_Q);
    *best = (vreal)PACKED(mask_mov)((native)*best, MASK_FROM(taken), (native)x);
    *code = V(as_int)((vreal)PACKED(mask_mov)((native)V(as_real)(*code), MASK_FROM(taken),
                                              (native)V(as_real)((vint){0} + this_code)));
}

INLINE vint V(load_codes)(const unsigned char *p, ptrdiff_t n)
{
    const __m128i bytes = _mm_maskz_loadu_epi8((__mmask16)((1u << n) - 1), p);
#if REAL_BITS == 32
    return (vint)_mm512_cvtepu8_epi32(bytes);
#else
    return (vint)_mm512_cvtepu8_epi64(bytes);
#endif
}

INLINE void V(store_codes)(unsigned char *p, ptrdiff_t n, vint code)
{
#if REAL_BITS == 32
    _mm512_mask_cvtepi32_storeu_epi8(p, MASK(n), (__m512i)code);
#else
    _mm512_mask_cvtepi64_storeu_epi8(p, MASK(n), (__m512i)code);
#endif
}

INLINE vreal V(load_between)(const real *p, ptrdiff_t first, ptrdiff_t last, real fill)
{
    return (vreal)PACKED(mask_loadu)((native)V(splat)(fill), MASK_FROM(MASK(last) & ~MASK(first)), p);
}

INLINE int V(any)(vint mask)
{
    return MASK_OF((__m512i)mask) != 0;
}

/* The mask goes to a general register by an instruction that gcc cannot see through: gcc 12, short of registers, stores
 * 16 bits of it and reads back 64. */
INLINE unsigned V(equal_lanes)(vreal x, vreal y)
{
    unsigned bits;
    __asm__("kmovw %1, %0" : "=r"(bits) : "k"(COMPARED((native)x, (native)y, _CMP_EQ_OQ)));
    return bits;
}

#if REAL_BITS == 64
INLINE vint V(widened)(__m128i bytes)
{
    return (vint)_mm512_cvtepi8_epi64(bytes);
}

INLINE __m128i V(narrowed)(vint mask)
{
    return _mm_maskz_set1_epi8(MASK_OF((__m512i)mask), 1);
}
#endif

#elif defined(__AVX2__)

/* ---------------------------------------------------------------- AVX2 */

INLINE vreal V(load_tail)(const real *p, ptrdiff_t n)
{
#if REAL_BITS == 32
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return (vreal)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
#else
    const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
    return (vreal)_mm256_maskload_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), lane));
#endif
}

INLINE vreal V(load_between)(const real *p, ptrdiff_t first, ptrdiff_t last, real fill)
{
#if REAL_BITS == 32
    const vint lane = {0, 1, 2, 3, 4, 5, 6, 7}, inside = (lane >= (integer)first) & (lane < (integer)last);
    return V(select)(inside, (vreal)_mm256_maskload_ps(p, (__m256i)inside), V(splat)(fill));
#else
    const vint lane = {0, 1, 2, 3}, inside = (lane >= (integer)first) & (lane < (integer)last);
    return V(select)(inside, (vreal)_mm256_maskload_pd(p, (__m256i)inside), V(splat)(fill));
#endif
}

/* Stores halves and quarters: a masked store takes AMD's processors up to Zen 4 some twenty cycles. */
INLINE void V(store_tail)(real *p, ptrdiff_t n, vreal x)
{
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
}

INLINE int V(any)(vint mask)
{
    return _mm256_movemask_epi8((__m256i)mask) != 0;
}

INLINE unsigned V(equal_lanes)(vreal x, vreal y)
{
    return (unsigned)PACKED(movemask)((native)(x == y));
}

INLINE vint V(widened)(__m128i bytes)
{
    return (vint)(REAL_BITS == 32 ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepi8_epi64(bytes));
}

INLINE __m128i V(narrowed)(vint mask)
{
    __m128i low = _mm256_castsi256_si128((__m256i)mask), high = _mm256_extracti128_si256((__m256i)mask, 1);
#if REAL_BITS == 64 /* half of each lane will do */
    low = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(low), _mm_castsi128_ps(high), 0x88));
    high = low;
#endif
    return _mm_and_si128(_mm_packs_epi16(_mm_packs_epi32(low, high), low), _mm_set1_epi8(1));
}

#else

/* ---------------------------------------------------------------- SSE2 */

INLINE vreal V(load_tail)(const real *p, ptrdiff_t n)
{
    return V(load_few)(p, n);
}

INLINE void V(store_tail)(real *p, ptrdiff_t n, vreal x)
{
    V(store_few)(p, n, x);
}

INLINE vreal V(load_between)(const real *p, ptrdiff_t first, ptrdiff_t last, real fill)
{
    return V(load_few_between)(p, first, last, fill);
}

INLINE int V(any)(vint mask)
{
    return _mm_movemask_epi8((__m128i)mask) != 0;
}

INLINE unsigned V(equal_lanes)(vreal x, vreal y)
{
    return (unsigned)PACKED(movemask)((native)(x == y));
}

INLINE vint V(widened)(__m128i bytes)
{
    bytes = _mm_unpacklo_epi8(bytes, bytes);
    bytes = _mm_unpacklo_epi16(bytes, bytes);
    return (vint)(REAL_BITS == 32 ? bytes : _mm_unpacklo_epi32(bytes, bytes));
}

INLINE __m128i V(narrowed)(vint mask)
{
    __m128i lanes = (__m128i)mask;
#if REAL_BITS == 64 /* half of each lane will do */
    lanes = _mm_castps_si128(_mm_shuffle_ps(_mm_castsi128_ps(lanes), _mm_castsi128_ps(lanes), 0x88));
#endif
    return _mm_and_si128(_mm_packs_epi16(_mm_packs_epi32(lanes, lanes), lanes), _mm_set1_epi8(1));
}

#endif

/* ---------------------------------------------------------------- masks in memory */

#if defined(__AVX512F__) && REAL_BITS == 32

INLINE vint V(load_bytes)(const char *p, ptrdiff_t n)
{
    const __m128i bytes = _mm_maskz_loadu_epi8(MASK(n), p);
    return (vint)_mm512_movm_epi32(_mm_test_epi8_mask(bytes, bytes));
}

INLINE void V(store_bytes)(char *p, ptrdiff_t n, vint mask)
{
    _mm_mask_storeu_epi8(p, MASK(n), _mm_maskz_set1_epi8(MASK_OF((__m512i)mask), 1));
}

#else

INLINE vint V(load_bytes)(const char *p, ptrdiff_t n)
{
    uint64_t packed = 0;
    if (n == LANES)
        memcpy(&packed, p, (size_t)LANES);
    else
        memcpy(&packed, p, (size_t)n);
    const __m128i bytes = _mm_set_epi64x(0, (long long)packed);
    return ~V(widened)(_mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
}

INLINE void V(store_bytes)(char *p, ptrdiff_t n, vint mask)
{
    const uint64_t packed = (uint64_t)_mm_cvtsi128_si64(V(narrowed)(mask));
    if (n == LANES)
        memcpy(p, &packed, (size_t)LANES);
    else
        memcpy(p, &packed, (size_t)n % sizeof packed); /* n is below LANES; gcc 16 does not see it and warns */
}

#endif

/* ---------------------------------------------------------------- bfloat16 */

#if REAL_BITS == 32 && defined(__AVX512F__)
#define PAIRS_TARGET __attribute__((target("avx512bf16")))

/* Numbers below 2^-126 count as zeros, and sums below it become zero. */
INLINE PAIRS_TARGET vf32 v_dot_pairs(vf32 x, vf32 y, vf32 sum)
{
    return (vf32)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)y);
}

#elif REAL_BITS == 32 && defined(__AVX2__)
#define PAIRS_TARGET
#define PAIRS_EMULATED

/* As AVX-512 computes it, but for numbers below 2^-126. Slower than in float32: for tests. */
INLINE vf32 v_dot_pairs(vf32 x, vf32 y, vf32 sum)
{
    const vi32 high = {-65536, -65536, -65536, -65536, -65536, -65536, -65536, -65536};
    sum = v_fma_f32((vf32)((vi32)x & high), (vf32)((vi32)y & high), sum);
    return v_fma_f32((vf32)((vu32)x << 16), (vf32)((vu32)y << 16), sum);
}

#endif
