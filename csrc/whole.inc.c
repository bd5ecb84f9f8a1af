/* whole.inc.c - loops over whole numbers and truth values that NumPy has none of, or slow ones: division of integers with
 * the quotient rounded down, sums of integers in int64, and conversions of dtypes; and numbers at equal distances.
 *
 * Each of the former is a wg_loop_fn over dense memory, or, of division, an input whose items are all the same one. */

#if REAL_BITS == 64

/* ---------------------------------------------------------------- division */

enum { WHOLE_BLOCK = 64 }; /* pairs that are divided at once */

/* One pair: its remainder, with the sign of y, or its quotient, rounded down. Neither of 0. */
static int64_t whole_exact(int remainder, int64_t x, int64_t y)
{
    if (y == 0 || y == -1) /* the smallest number divided by -1 wraps around */
        return remainder || y == 0 ? 0 : (int64_t)(0 - (uint64_t)x);
    int64_t quotient = x / y, rest = x % y;
    if (rest != 0 && (rest ^ y) < 0) {
        quotient--;
        rest += y;
    }
    return remainder ? rest : quotient;
}

/* A block of pairs, and whether a divisor is 0. In float64: where x and y are below 2^50, their quotient is at least 1 / y
 * from the next integer or equals it, which is more than its rounding error, and all else is exact. */
static int whole_divide(int remainder, const int64_t *x, const int64_t *y, int64_t *out)
{
    const vreal magic = V(splat)(ROUND_MAGIC);
    const uint64_t limit = (uint64_t)1 << 50;
    vint zeros = {0};
    for (ptrdiff_t i = 0; i < WHOLE_BLOCK; i += LANES) {
        const vint a = V(as_int)(V(load)((const real *)(x + i))), b = V(as_int)(V(load)((const real *)(y + i)));
        zeros |= b == 0;
        const vuint far = (((vuint)a + limit) | ((vuint)b + limit)) & ~(limit * 2 - 1);
        if (UNLIKELY(V(any)((vint)(far != 0)))) {
            for (ptrdiff_t k = i; k < i + LANES; k++)
                out[k] = whole_exact(remainder, x[k], y[k]);
            continue;
        }
        const vreal p = V(as_real)(a + V(as_int)(magic)) - magic, q = V(as_real)(b + V(as_int)(magic)) - magic;
        const vreal floor = V(floor)(p / q);
        const vreal found = remainder ? p - floor * q : floor;
        V(store)((real *)(out + i), V(as_real)(V(as_int)(found + magic) - V(as_int)(magic)));
    }
    return V(any)(zeros);
}

/* The items from `done` on of an input, as int64; where there are fewer than a block, ones behind them. */
static void whole_block(const char *in, ptrdiff_t step, ptrdiff_t done, ptrdiff_t items, int wide, int64_t *out)
{
    for (ptrdiff_t k = 0; k < WHOLE_BLOCK; k++) {
        const char *at = in + (done + k) * step;
        out[k] = k >= items ? 1 : wide ? *(const int64_t *)at : *(const int32_t *)at;
    }
}

static NOINLINE void whole_division(int wide, char **data, ptrdiff_t items, const ptrdiff_t *steps, wg_division *d)
{
    int64_t blocks[3][WHOLE_BLOCK];
    for (ptrdiff_t done = 0; done < items; done += WHOLE_BLOCK) {
        const ptrdiff_t n = least(items - done, WHOLE_BLOCK);
        const int64_t *in[2];
        for (int j = 0; j < 2; j++) {
            in[j] = (const int64_t *)(data[j] + done * 8);
            if (!wide || n < WHOLE_BLOCK || steps[j] == 0) {
                whole_block(data[j], steps[j], done, n, wide, blocks[j]);
                in[j] = blocks[j];
            }
        }
        int64_t *out = wide && n == WHOLE_BLOCK ? (int64_t *)data[2] + done : blocks[2];
        if (whole_divide(d->remainder, in[0], in[1], out))
            __atomic_store_n(&d->zero, 1, __ATOMIC_RELAXED); /* other threads may find one too */
        if (out == blocks[2])
            for (ptrdiff_t k = 0; k < n; k++) {
                if (wide)
                    ((int64_t *)data[2])[done + k] = out[k];
                else
                    ((int32_t *)data[2])[done + k] = (int32_t)out[k];
            }
    }
}

static void whole_divide_i64(char **data, const ptrdiff_t *items, const ptrdiff_t *steps, void *context)
{
    whole_division(1, data, *items, steps, context);
}

static void whole_divide_i32(char **data, const ptrdiff_t *items, const ptrdiff_t *steps, void *context)
{
    whole_division(0, data, *items, steps, context);
}

/* ---------------------------------------------------------------- sums */

/* The second input added to the first, which is the output, in int64: item by item, or all of them to one. */
#define WHOLE_SUM(name, type, unrolled)                                                                 \
    static void name(char **data, const ptrdiff_t *items, const ptrdiff_t *steps, void *context)        \
    {                                                                                                   \
        const ptrdiff_t n = *items, step = steps[1], out_step = steps[2];                               \
        (void)context;                                                                                  \
        if (out_step == 0) {                                                                            \
            uint64_t sum = 0;                                                                           \
            if (step == sizeof(type))                                                                   \
                unrolled for (ptrdiff_t i = 0; i < n; i++) sum += (uint64_t)((const type *)data[1])[i]; \
            else                                                                                        \
                for (ptrdiff_t i = 0; i < n; i++)                                                       \
                    sum += (uint64_t)*(const type *)(data[1] + i * step);                               \
            *(uint64_t *)data[2] += sum;                                                                \
        } else if (step == sizeof(type) && out_step == 8) {                                             \
            uint64_t *restrict out = (uint64_t *)data[2];                                               \
            const type *restrict in = (const type *)data[1];                                            \
            for (ptrdiff_t i = 0; i < n; i++)                                                           \
                out[i] += (uint64_t)in[i];                                                              \
        } else {                                                                                        \
            for (ptrdiff_t i = 0; i < n; i++)                                                           \
                *(uint64_t *)(data[2] + i * out_step) += (uint64_t)*(const type *)(data[1] + i * step); \
        }                                                                                               \
    }
WHOLE_SUM(whole_sum_u8, uint8_t, )
WHOLE_SUM(whole_sum_i32, int32_t, )
WHOLE_SUM(whole_sum_i64, int64_t, UNROLL_FOUR) /* else half the time is the loop's */

/* ---------------------------------------------------------------- conversions */

#define WHOLE_CAST(name, from, to, value)                                                        \
    static void name(char **data, const ptrdiff_t *items, const ptrdiff_t *steps, void *context) \
    {                                                                                            \
        const from *restrict in = (const from *)data[0];                                         \
        to *restrict out = (to *)data[1];                                                        \
        const ptrdiff_t n = *items;                                                              \
        (void)steps, (void)context;                                                              \
        for (ptrdiff_t i = 0; i < n; i++) {                                                      \
            const from x = in[i];                                                                \
            out[i] = (to)(value);                                                                \
        }                                                                                        \
    }
WHOLE_CAST(whole_f32_f64, float, double, x)
WHOLE_CAST(whole_f32_i64, float, int64_t, x)
WHOLE_CAST(whole_f32_i32, float, int32_t, x)
WHOLE_CAST(whole_f32_u8, float, uint8_t, x != 0)
WHOLE_CAST(whole_f64_f32, double, float, x)
WHOLE_CAST(whole_f64_i64, double, int64_t, x)
WHOLE_CAST(whole_i64_i32, int64_t, int32_t, x)
WHOLE_CAST(whole_i32_f32, int32_t, float, x)
WHOLE_CAST(whole_i32_f64, int32_t, double, x)
WHOLE_CAST(whole_i32_i64, int32_t, int64_t, x)
WHOLE_CAST(whole_u8_f32, uint8_t, float, x)
WHOLE_CAST(whole_u8_f64, uint8_t, double, x)
WHOLE_CAST(whole_u8_i64, uint8_t, int64_t, x)

#if WG_VECTOR_BYTES == 32
/* AVX2 has no instruction for int64. Of magnitudes below 2^51, it is the low bits of a double to which so much is added
 * that its last bit counts ones. */
#define WHOLE_CAST_WIDE(name, to)                                                                \
    static void name(char **data, const ptrdiff_t *items, const ptrdiff_t *steps, void *context) \
    {                                                                                            \
        (void)steps, (void)context;                                                              \
        for (ptrdiff_t done = 0; done < *items; done += WHOLE_BLOCK) {                           \
            const int64_t *restrict in = (const int64_t *)data[0] + done;                        \
            to *restrict out = (to *)data[1] + done;                                             \
            const int n = (int)least(*items - done, WHOLE_BLOCK);                                \
            const uint64_t half = (uint64_t)1 << 51;                                             \
            uint64_t far = 0;                                                                    \
            for (int i = 0; i < n; i++)                                                          \
                far |= ((uint64_t)in[i] + half) & ~(half * 2 - 1);                               \
            if (UNLIKELY(far))                                                                   \
                for (int i = 0; i < n; i++)                                                      \
                    out[i] = (to)in[i];                                                          \
            else                                                                                 \
                for (int i = 0; i < n; i++) {                                                    \
                    const union {                                                                \
                        int64_t bits;                                                            \
                        double value;                                                            \
                    } magic = {.value = ROUND_MAGIC}, sum = {.bits = magic.bits + in[i]};        \
                    out[i] = (to)(sum.value - ROUND_MAGIC);                                      \
                }                                                                                \
        }                                                                                        \
    }
WHOLE_CAST_WIDE(whole_i64_f32, float)
WHOLE_CAST_WIDE(whole_i64_f64, double)
#else
WHOLE_CAST(whole_i64_f32, int64_t, float, x)
WHOLE_CAST(whole_i64_f64, int64_t, double, x)
#endif

/* ---------------------------------------------------------------- numbers at equal distances */

#define WHOLE_SPACED(name, type)                                                                     \
    static void name(void *out, ptrdiff_t items, ptrdiff_t first, int turn, double start, double by) \
    {                                                                                                \
        type *restrict to = out;                                                                     \
        for (ptrdiff_t done = 0; done < items; done += 1024) { /* int becomes double in vectors */   \
            const int n = (int)least(items - done, 1024);                                            \
            const double at = (double)(first + turn * done);                                         \
            for (int k = 0; k < n; k++)                                                              \
                to[done + k] = (type)((at + (double)(turn * k)) * by + start);                       \
        }                                                                                            \
    }
WHOLE_SPACED(whole_spaced_f32, float)
WHOLE_SPACED(whole_spaced_f64, double)

static void whole_range(int64_t *restrict out, ptrdiff_t items, int64_t start, int64_t by)
{
    uint64_t x = (uint64_t)start;
    for (ptrdiff_t k = 0; k < items; k++, x += (uint64_t)by)
        out[k] = (int64_t)x;
}

const wg_whole_kernels TABLE(whole) = {
    .spaced = {whole_spaced_f32, whole_spaced_f64},
    .range = whole_range,
    .divide = {[WG_I32] = whole_divide_i32, [WG_I64] = whole_divide_i64},
    .sum = {[WG_I32] = whole_sum_i32, [WG_I64] = whole_sum_i64, [WG_U8] = whole_sum_u8},
    .cast =
        {
            [WG_FLOAT] = {[WG_DOUBLE] = whole_f32_f64,
                          [WG_I64] = whole_f32_i64,
                          [WG_I32] = whole_f32_i32,
                          [WG_U8] = whole_f32_u8},
            [WG_DOUBLE] = {[WG_FLOAT] = whole_f64_f32, [WG_I64] = whole_f64_i64},
            [WG_I64] = {[WG_FLOAT] = whole_i64_f32, [WG_DOUBLE] = whole_i64_f64, [WG_I32] = whole_i64_i32},
            [WG_I32] = {[WG_FLOAT] = whole_i32_f32, [WG_DOUBLE] = whole_i32_f64, [WG_I64] = whole_i32_i64},
            [WG_U8] = {[WG_FLOAT] = whole_u8_f32, [WG_DOUBLE] = whole_u8_f64, [WG_I64] = whole_u8_i64},
        },
};
#else
#include "grain.h"
#endif
