/* rows.inc.c - passes over a row: its maximum, the exponentials and their sum, a factor. softmax.inc.c and
 * cross_entropy.inc.c are made of them.
 *
 * As many rows of a few vectors as a vector has lanes are taken together: so are their maxima, their sums, and what is
 * computed of those. Sums are taken in vectors over blocks of a fixed length and then over the blocks, where what
 * rounding takes from each addition is kept apart (Knuth's two-sum), so that their error does not grow with the length of
 * a row. NaN needs no case of its own: it reaches the sum, and from there the whole row; so does a maximum of +inf,
 * through inf - inf, and a row of -inf throughout. */

#ifndef WG_ROWS_ONCE
#define WG_ROWS_ONCE
#include "grain.h"

enum {
    ROWS_SHORT_VECTORS = 4, /* the longest row, in vectors, that is taken with others */
    ROWS_SUM_VECTORS = 32,  /* vectors of a row, or items of a column, that are added up before they join a total */
    ROWS_CHUNK = CHUNK_OF(COST_ROW, 1024), /* items */
};

/* A sum of many blocks, and what rounding took from it. */
typedef struct {
    double total, rest;
} long_sum;

static inline void add_block(long_sum *s, double block)
{
    if (s->total == 0) { /* the first, which is the only one of most rows */
        s->total = block;
        return;
    }
    const double total = s->total + block, added = total - s->total;
    s->rest += (s->total - (total - added)) + (block - added);
    s->total = total;
}

/* The rest of an infinite total is NaN. */
static inline double whole_sum(long_sum s)
{
    return s.rest == s.rest ? s.total + s.rest : s.total;
}

/* How many rows of n items make a chunk. No row costs less than one of 32 items. */
INLINE ptrdiff_t rows_per_chunk(ptrdiff_t n)
{
    return pieces_per_chunk(ROWS_CHUNK, most(n, 32));
}
#endif

#undef ROW_EXP_SHIFT
#undef ROW_EXP_UNIT
#define ROW_EXP_SHIFT (REAL_BITS == 32 ? 24 : 53)
#define ROW_EXP_UNIT (REAL_BITS == 32 ? 0x1p24 : 0x1p53)

/* ---------------------------------------------------------------- a row's vectors */

/* A vector of a row of which n >= 1 items are left; lanes past the end hold `fill`. */
INLINE vreal INTERNAL(row_load)(const char *p, ptrdiff_t n, real fill)
{
    if (n >= LANES)
        return V(load)((const real *)p);
    const vreal x = V(load_tail)((const real *)p, n);
    return fill == 0 ? x : V(select)(V(lane_numbers)() < (integer)n, x, V(splat)(fill));
}

/* ---------------------------------------------------------------- passes over a row */

/* e^x * 2^shift for x <= 0, the difference of an item and its row's maximum; 0 where a float of this type, less 2^shift,
 * has no normal result. In float32 the error is 2^-22.6, less than rounding x brings from |x| = 4 on; so ln 2 is one word
 * here. */
INLINE vreal INTERNAL(row_exp_by)(vreal x, const int shift)
{
    /* The lowest x that counts: here the power of two becomes 0. */
    const real lowest = (real)(-(EXPONENT_BIAS + shift - 0.01) * 0x1.62e42fefa39efp-1);
    x = V(at_least)(x, V(splat)(lowest));
#if REAL_BITS == 32
    static const real c[] = {1, 0x1.fffff6p-1f, 0x1.fffdbep-2f, 0x1.555a78p-3f, 0x1.573d5cp-5f, 0x1.0fa758p-7f};
    const real magic = ROUND_MAGIC + EXPONENT_BIAS + shift;
    const vreal shifted = V(fma)(x, V(splat)(LOG2_E), V(splat)(magic));
    const vreal r = V(fma)(shifted - magic, V(splat)(-0x1.62e430p-1f), x);
    return V(polynomial)(r, c, sizeof c / sizeof *c) * V(shifted_power_of_two)(shifted);
#else
    vreal r, scale;
    V(reduce_by_ln2)(x, &r, shift, &scale);
    return V(fma)(V(expm1_reduced)(r), scale, scale);
#endif
}

/* Denormals cost much time; the power of two keeps results normal until they are divided by the row's sum, which has it
 * too. */
INLINE vreal INTERNAL(row_exp)(vreal x)
{
    return INTERNAL(row_exp_by)(x, ROW_EXP_SHIFT);
}

/* The largest lane, but perhaps not the NaN. */
INLINE real INTERNAL(lanes_max)(vreal x)
{
    UNROLL
    for (int bit = WG_LOG2_LANES - 1; bit >= 0; bit--)
        x = V(at_least)(x, V(exchange_lanes)(x, 1 << bit));
    return x[0];
}

/* lanes_max of x[i] in lane i, for LANES vectors. Overwrites x. */
INLINE vreal INTERNAL(each_lanes_max)(vreal *x)
{
    UNROLL
    for (int d = (int)LANES / 2; d > 0; d /= 2)
        for (int i = 0; i < d; i++)
            x[i] = V(at_least)(V(kept_lanes)(x[i], x[i + d], d), V(crossed_lanes)(x[i], x[i + d], d));
    return x[0];
}

/* The maximum of n items. V(at_least) may pass over a NaN, which is found again when the exponentials are summed. */
INLINE real INTERNAL(row_max)(const char *in, ptrdiff_t n)
{
    const ptrdiff_t size = sizeof(real);
    vreal max[4];
    for (int k = 0; k < 4; k++)
        max[k] = V(splat)(-(real)INFINITY);
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (int k = 0; k < 4; k++)
            max[k] = V(at_least)(max[k], INTERNAL(row_load)(in + (i + k * LANES) * size, LANES, 0));
    for (; i < n; i += LANES)
        max[0] = V(at_least)(max[0], INTERNAL(row_load)(in + i * size, n - i, -(real)INFINITY));
    return INTERNAL(lanes_max)(V(at_least)(V(at_least)(max[0], max[1]), V(at_least)(max[2], max[3])));
}

/* The sum of row_exp(x - max) over n items; the exponentials go to `out` if it is not NULL. */
INLINE double INTERNAL(row_sum_exp)(const char *in, ptrdiff_t n, real max, real *out)
{
    const ptrdiff_t size = sizeof(real);
    long_sum total = {0};
    for (ptrdiff_t start = 0; start < n; start += ROWS_SUM_VECTORS * LANES) {
        const ptrdiff_t end = least(n, start + ROWS_SUM_VECTORS * LANES);
        vreal sum = {0};
        for (ptrdiff_t i = start; i < end; i += LANES) {
            const vreal x = INTERNAL(row_load)(in + i * size, n - i, -(real)INFINITY);
            const vreal e = INTERNAL(row_exp)(x - max);
            sum += e;
            if (out)
                V(store_upto)(out + i, n - i, e);
        }
        add_block(&total, V(reduce_add)(sum));
    }
    return whole_sum(total);
}

/* The row times a factor, in place. */
INLINE void INTERNAL(row_scale)(real *row, ptrdiff_t n, real factor)
{
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal x = INTERNAL(row_load)((const char *)(row + i), n - i, 0);
        V(store_upto)(row + i, n - i, x * factor);
    }
}

/* Make two passes over `rows` <= LANES rows of unit stride, of n >= 1 items in `vectors` vectors. `top` receives the
 * maxima, x the items less these, e the exponentials of x. Gives the sums of the exponentials, a lane per row. */
INLINE vreal INTERNAL(exp_of_short_rows)(const char *in, ptrdiff_t in_step, const int rows, ptrdiff_t n,
                                         const int vectors, real *top, vreal x[][ROWS_SHORT_VECTORS],
                                         vreal e[][ROWS_SHORT_VECTORS])
{
    vreal joined[LANES];
    for (int r = rows; r < LANES; r++)
        joined[r] = V(splat)(0);
    UNROLL_FOUR
    for (int r = 0; r < rows; r++) {
        const char *row = in + r * in_step;
        joined[r] = x[r][0] = INTERNAL(row_load)(row, n, -(real)INFINITY);
        for (int k = 1; k < vectors; k++) {
            x[r][k] = INTERNAL(row_load)(row + k * WG_VECTOR_BYTES, n - k * LANES, -(real)INFINITY);
            joined[r] = V(at_least)(joined[r], x[r][k]);
        }
    }
    V(store)(top, INTERNAL(each_lanes_max)(joined));
    for (int r = rows; r < LANES; r++)
        joined[r] = V(splat)(0);
    UNROLL_FOUR
    for (int r = 0; r < rows; r++) {
        joined[r] = V(splat)(0);
        for (int k = 0; k < vectors; k++) {
            x[r][k] -= top[r];
            e[r][k] = INTERNAL(row_exp)(x[r][k]);
            joined[r] += e[r][k];
        }
    }
    return V(reduce_each)(joined);
}
