/* vec_neon.h - what vec.h needs of AArch64, in NEON.
 *
 * Included by vec.h once per real type, after V(select); no include guard. PACKED(name) is the intrinsic of that name for
 * vectors of the real type, and `native` the type of its operands. */
#ifndef FUSED
#include <arm_neon.h>

#define FUSED 1 /* V(fma) rounds once */
#define VECTOR_REGISTERS 32
/* Hold a vector in a register. */
#define IN_REGISTER(x) __asm__("" : "+w"(x))
#endif

#undef PACKED
#undef native
#undef PAIRS_TARGET
#if REAL_BITS == 32
#define PACKED(name) name##q_f32
#define native float32x4_t
#else
#define PACKED(name) name##q_f64
#define native float64x2_t
#endif

INLINE vreal V(fma)(vreal x, vreal y, vreal z)
{
    return (vreal)PACKED(vfma)((native)z, (native)x, (native)y);
}

INLINE vreal V(sqrt)(vreal x)
{
    return (vreal)PACKED(vsqrt)((native)x);
}

/* The instructions give NaN if either operand is NaN. */
INLINE vreal V(max)(vreal x, vreal y)
{
    return (vreal)PACKED(vmax)((native)x, (native)y);
}

INLINE vreal V(min)(vreal x, vreal y)
{
    return (vreal)PACKED(vmin)((native)x, (native)y);
}

INLINE vreal V(at_least)(vreal x, vreal bound)
{
    return V(max)(x, bound);
}

INLINE vreal V(at_most)(vreal x, vreal bound)
{
    return V(min)(x, bound);
}

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

INLINE vint V(load_bytes)(const char *p, ptrdiff_t n)
{
    INTERNAL(vb8) bytes = {0};
    memcpy(&bytes, p, (size_t)n);
    return __builtin_convertvector(bytes, vint) != 0;
}

INLINE void V(store_bytes)(char *p, ptrdiff_t n, vint mask)
{
    INTERNAL(vb8) bytes = __builtin_convertvector(mask & 1, INTERNAL(vb8));
    memcpy(p, &bytes, (size_t)n);
}

INLINE int V(any)(vint mask)
{
    return vmaxvq_u32((uint32x4_t)mask) != 0;
}

INLINE unsigned V(equal_lanes)(vreal x, vreal y)
{
    unsigned bits = 0;
    for (int i = 0; i < LANES; i++)
        bits |= (unsigned)(x[i] == y[i]) << i;
    return bits;
}

/* As in vec_x86.h, but that the two products are added up first, rounded to odd. An older clang has the function only
 * where all code may use it. */
#if REAL_BITS == 32 && (!defined(__clang__) || __clang_major__ >= 16)
#define PAIRS_TARGET __attribute__((target("arch=armv8.2-a+bf16")))
INLINE PAIRS_TARGET vf32 v_dot_pairs(vf32 x, vf32 y, vf32 sum)
{
    return (vf32)vbfdotq_f32((float32x4_t)sum, (bfloat16x8_t)x, (bfloat16x8_t)y);
}
#endif
