/* real.h - the names that the .inc.c files are written in. Included by family.c before each real type's pass, with
 * REAL_BITS set to 32 or 64; no include guard, on purpose.
 *
 *   real            float or double
 *   integer         the signed integer of the same size (vector masks are made of these)
 *   LANES           reals in a vector
 *   V(f), K(f)      the vector function f, the kernel f, of this type: exp -> v_exp_f32, kernel_exp_f32
 *   vreal, vint     vectors of `real` and of `integer`; vhalf: what a vreal is read by in halves
 *   TABLE(f)        the table of the family f for this instruction set: gemm -> wg_gemm_v3
 *   BOTH(f)         the kernel f of both types, after the second pass
 */
#ifndef CONCAT
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define CONCAT3_(a, b, c) a##b##c
#define CONCAT3(a, b, c) CONCAT3_(a, b, c)
#define STRING_(a) #a
#define STRING(a) STRING_(a)
#define TABLE(family) CONCAT(wg_##family##_, WG_ISA_NAME)
#define BOTH(name) {kernel_##name##_f32, kernel_##name##_f64}
#endif
#undef real
#undef integer
#undef unsigned_integer
#undef REAL_SUFFIX
#undef vreal
#undef vint
#undef vhalf
#undef LANES
#undef V
#undef K
#undef INTERNAL

#if REAL_BITS == 32
#define real float
#define integer int32_t
#define unsigned_integer uint32_t
#define REAL_SUFFIX _f32
#define vreal vf32
#define vint vi32
#define vhalf vh32
#else
#define real double
#define integer int64_t
#define unsigned_integer uint64_t
#define REAL_SUFFIX _f64
#define vreal vf64
#define vint vi64
#define vhalf vh64
#endif

#define LANES ((ptrdiff_t)(WG_VECTOR_BYTES / sizeof(real)))
#define V(name) CONCAT3(v_, name, REAL_SUFFIX)
#define K(name) CONCAT3(kernel_, name, REAL_SUFFIX)
#define INTERNAL(name) CONCAT(name, REAL_SUFFIX) /* helpers private to one .inc.c file */
