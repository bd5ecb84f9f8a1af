/* softmax.inc.c - softmax and log-softmax along one dimension, and their derivatives. cross_entropy.inc.c, included at
 * the end, builds on the same passes over a row.
 *
 * A row is read three times while it is in the cache: for its maximum, for the exponentials and their sum, and for the
 * scaling of the stored exponentials. There are two layouts:
 *
 *   rows      inner = 1: the vectors run along the row. A row of up to SOFTMAX_SHORT_VECTORS vectors never leaves the registers.
 *   columns   inner > 1: every lane is a row of its own, and nothing is summed across lanes.
 *
 * Sums are taken in vectors over blocks of a fixed length and then over the blocks, so that their error hardly grows
 * with the length of a row. NaN needs no case of its own: it reaches the sum, and from there the whole row; so does a
 * maximum of +inf, through inf - inf, and a row of -inf throughout.
 *
 * Limits: columns whose inner dimension is shorter than a vector leave lanes idle. */

#ifndef WG_SOFTMAX_ONCE
#define WG_SOFTMAX_ONCE
enum {
    SOFTMAX_SHORT_VECTORS = 4,    /* the longest row, in vectors, that is kept in registers */
    SOFTMAX_COLUMN_VECTORS = 4,   /* the width, in vectors, of a block of columns */
    SOFTMAX_SUM_VECTORS = 32,     /* vectors of a row, or items of a column, that are added up before they join the total */
    SOFTMAX_GRAIN = 16384,    /* items that make a thread's chunk of work: some ten microseconds */
};

static inline ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
/* Rows of n items that make a chunk of work. The shortest row costs as much as one of 32 items. */
static inline ptrdiff_t rows_per_chunk(ptrdiff_t n) { return larger(1, SOFTMAX_GRAIN / larger(n, 32)); }
#endif

#undef ROW_EXP_SHIFT
#undef ROW_EXP_UNIT
#define ROW_EXP_SHIFT (REAL_BITS == 32 ? 24 : 53)
#define ROW_EXP_UNIT (REAL_BITS == 32 ? 0x1p24 : 0x1p53)

/* ---------------------------------------------------------------- a row's vectors */

/* The lane's own number in each lane. */
INLINE vint INTERNAL(lane_numbers)(void)
{
    vint lane;
    for (ptrdiff_t i = 0; i < LANES; i++)
        lane[i] = (integer)i;
    return lane;
}

/* A vector of a row of which n >= 1 items are left, `stride` bytes apart; lanes past the end hold `fill`. */
INLINE vreal INTERNAL(row_load)(const char *p, ptrdiff_t stride, ptrdiff_t n, real fill)
{
    const int dense = stride == sizeof(real);
    if (n >= LANES)
        return dense ? V(load)((const real *)p) : V(load_strided)(p, stride, LANES);
    const vreal x = dense ? V(load_tail)((const real *)p, n) : V(load_strided)(p, stride, n);
    return fill == 0 ? x : V(select)(INTERNAL(lane_numbers)() < (integer)n, x, V(splat)(fill));
}

INLINE void INTERNAL(row_store)(real *p, ptrdiff_t n, vreal x)
{
    if (n >= LANES)
        V(store)(p, x);
    else
        V(store_tail)(p, n, x);
}

/* ---------------------------------------------------------------- passes over a row */

/* e^x * 2^ROW_EXP_SHIFT for x <= 0, the difference of an item and its row's maximum. The power keeps what e^x alone would
 * turn into a denormal a normal number, until the division by the row's sum, which has the same power in it. In float32
 * the error is 2^-22.6, less than what rounding x brings from |x| = 4 on; so ln 2 is one word here. */
INLINE vreal INTERNAL(row_exp)(vreal x)
{
    /* The lowest x that counts: here the power of two becomes 0, and e^x itself would have rounded to 0. */
    x = V(at_least)(x, V(splat)((real)(REAL_BITS == 32 ? -104.66 : -745.82)));
#if REAL_BITS == 32
    static const real c[] = {1, 0x1.fffff6p-1f, 0x1.fffdbep-2f, 0x1.555a78p-3f, 0x1.573d5cp-5f, 0x1.0fa758p-7f};
    const real magic = ROUND_MAGIC + EXPONENT_BIAS + ROW_EXP_SHIFT;
    const vreal shifted = V(fma)(x, V(splat)(LOG2_E), V(splat)(magic));
    const vreal r = V(fma)(shifted - magic, V(splat)(-0x1.62e430p-1f), x);
    return V(polynomial)(r, c, sizeof c / sizeof *c) * V(shifted_power_of_two)(shifted);
#else
    vreal r, scale;
    V(reduce_by_ln2)(x, &r, ROW_EXP_SHIFT, &scale);
    return V(fma)(V(expm1_reduced)(r), scale, scale);
#endif
}

/* The larger of two in each lane; where one is NaN, either. */
INLINE real INTERNAL(lanes_max)(vreal x)
{
    UNROLL
    for (int bit = WG_LOG2_LANES - 1; bit >= 0; bit--)
        x = V(at_least)(x, V(exchange_lanes)(x, 1 << bit));
    return x[0];
}

/* The maximum of n items. A NaN may be passed over, since it is found again when the exponentials are summed. */
INLINE real INTERNAL(row_max)(const char *in, ptrdiff_t stride, ptrdiff_t n)
{
    vreal max[4];
    for (int k = 0; k < 4; k++)
        max[k] = V(splat)(-(real)INFINITY);
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (int k = 0; k < 4; k++)
            max[k] = V(at_least)(max[k], INTERNAL(row_load)(in + (i + k * LANES) * stride, stride, LANES, 0));
    for (; i < n; i += LANES)
        max[0] = V(at_least)(max[0], INTERNAL(row_load)(in + i * stride, stride, n - i, -(real)INFINITY));
    return INTERNAL(lanes_max)(V(at_least)(V(at_least)(max[0], max[1]), V(at_least)(max[2], max[3])));
}

/* The sum of row_exp(x - max) over n items; the exponentials go to `out` if it is not NULL. */
INLINE double INTERNAL(row_sum_exp)(const char *in, ptrdiff_t stride, ptrdiff_t n, real max, real *out)
{
    double total = 0;
    for (ptrdiff_t start = 0; start < n; start += SOFTMAX_SUM_VECTORS * LANES) {
        const ptrdiff_t end = smaller(n, start + SOFTMAX_SUM_VECTORS * LANES);
        vreal sum = {0};
        for (ptrdiff_t i = start; i < end; i += LANES) {
            const vreal e = INTERNAL(row_exp)(INTERNAL(row_load)(in + i * stride, stride, n - i, -(real)INFINITY) - max);
            sum += e;
            if (out)
                INTERNAL(row_store)(out + i, n - i, e);
        }
        total += V(reduce_add)(sum);
    }
    return total;
}

INLINE void INTERNAL(row_scale)(real *row, ptrdiff_t n, real factor)
{
    for (ptrdiff_t i = 0; i < n; i += LANES)
        INTERNAL(row_store)(row + i, n - i, INTERNAL(row_load)((const char *)(row + i), sizeof(real), n - i, 0) * factor);
}

/* ---------------------------------------------------------------- softmax, rows */

typedef struct {
    ptrdiff_t n, inner;
    const char *in;
    const ptrdiff_t *strides;
    real *out;
    int logarithmic;
} INTERNAL(softmax_job);

/* A row of unit stride and of at most `vectors` vectors, in registers. */
INLINE void INTERNAL(softmax_short_row)(const char *in, ptrdiff_t n, real *out, int logarithmic, const int vectors)
{
    vreal x[SOFTMAX_SHORT_VECTORS], e[SOFTMAX_SHORT_VECTORS];
    for (int k = 0; k < vectors; k++)
        x[k] = INTERNAL(row_load)(in + k * WG_VECTOR_BYTES, sizeof(real), n - k * LANES, -(real)INFINITY);
    vreal max = V(splat)(-(real)INFINITY);
    for (int k = 0; k < vectors; k++)
        max = V(at_least)(max, x[k]);
    const real top = INTERNAL(lanes_max)(max);
    vreal sum = {0};
    for (int k = 0; k < vectors; k++) {
        x[k] -= top;
        e[k] = INTERNAL(row_exp)(x[k]);
        sum += e[k];
    }
    const real total = V(reduce_add)(sum);
    const vreal shift = logarithmic ? V(log)(V(splat)(total / (real)ROW_EXP_UNIT)) : V(splat)(1 / total);
    for (int k = 0; k < vectors; k++)
        INTERNAL(row_store)(out + k * LANES, n - k * LANES, logarithmic ? x[k] - shift : e[k] * shift);
}

/* A row of any length, in memory. */
INLINE void INTERNAL(softmax_long_row)(const char *in, ptrdiff_t stride, ptrdiff_t n, real *out, int logarithmic)
{
    const real max = INTERNAL(row_max)(in, stride, n);
    const double sum = INTERNAL(row_sum_exp)(in, stride, n, max, logarithmic ? NULL : out);
    if (!logarithmic) {
        INTERNAL(row_scale)(out, n, (real)(1 / sum));
        return;
    }
    const vreal log_sum = V(log)(V(splat)((real)(sum / ROW_EXP_UNIT)));
    for (ptrdiff_t i = 0; i < n; i += LANES)
        INTERNAL(row_store)(out + i, n - i, INTERNAL(row_load)(in + i * stride, stride, n - i, 0) - max - log_sum);
}

/* A row of unit stride. */
INLINE void INTERNAL(softmax_dense_row)(const char *in, ptrdiff_t n, real *out, int logarithmic)
{
    switch ((n + LANES - 1) / LANES) {
    case 1: INTERNAL(softmax_short_row)(in, n, out, logarithmic, 1); break;
    case 2: INTERNAL(softmax_short_row)(in, n, out, logarithmic, 2); break;
    case 3: INTERNAL(softmax_short_row)(in, n, out, logarithmic, 3); break;
    case 4: INTERNAL(softmax_short_row)(in, n, out, logarithmic, 4); break;
    default: INTERNAL(softmax_long_row)(in, sizeof(real), n, out, logarithmic);
    }
}

static void INTERNAL(softmax_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_job) *job = context;
    for (ptrdiff_t i = begin; i < end; i++) {
        const char *in = job->in + i * job->strides[0];
        real *out = job->out + i * job->n;
        if (job->strides[1] == sizeof(real))
            INTERNAL(softmax_dense_row)(in, job->n, out, job->logarithmic);
        else
            INTERNAL(softmax_long_row)(in, job->strides[1], job->n, out, job->logarithmic);
    }
}

/* ---------------------------------------------------------------- softmax, columns */

/* Up to `vectors` vectors of columns, `width` columns in all. Lanes past the width compute a row of zeros. */
INLINE void INTERNAL(softmax_block)(const INTERNAL(softmax_job) *job, const char *in, real *out, ptrdiff_t width,
                                    const int vectors)
{
    const ptrdiff_t n = job->n, down = job->strides[1], across = job->strides[2];
    vreal max[SOFTMAX_COLUMN_VECTORS], total[SOFTMAX_COLUMN_VECTORS];
    for (int k = 0; k < vectors; k++) {
        max[k] = V(splat)(-(real)INFINITY);
        total[k] = V(splat)(0);
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (int k = 0; k < vectors; k++)
            max[k] = V(at_least)(max[k], INTERNAL(row_load)(in + i * down + k * LANES * across, across, width - k * LANES, 0));
    for (ptrdiff_t start = 0; start < n; start += SOFTMAX_SUM_VECTORS) {
        const ptrdiff_t end = smaller(n, start + SOFTMAX_SUM_VECTORS);
        vreal sum[SOFTMAX_COLUMN_VECTORS] = {{0}};
        for (ptrdiff_t i = start; i < end; i++)
            for (int k = 0; k < vectors; k++) {
                const ptrdiff_t left = width - k * LANES;
                const vreal x = INTERNAL(row_load)(in + i * down + k * LANES * across, across, left, 0);
                const vreal e = INTERNAL(row_exp)(x - max[k]);
                sum[k] += e;
                if (!job->logarithmic)
                    INTERNAL(row_store)(out + i * job->inner + k * LANES, left, e);
            }
        for (int k = 0; k < vectors; k++)
            total[k] += sum[k];
    }
    for (int k = 0; k < vectors; k++)
        total[k] = job->logarithmic ? V(log)(total[k] / (real)ROW_EXP_UNIT) : 1 / total[k];
    for (ptrdiff_t i = 0; i < n; i++)
        for (int k = 0; k < vectors; k++) {
            const ptrdiff_t left = width - k * LANES;
            real *p = out + i * job->inner + k * LANES;
            const char *x = in + i * down + k * LANES * across;
            INTERNAL(row_store)(p, left, job->logarithmic ? INTERNAL(row_load)(x, across, left, 0) - max[k] - total[k]
                                         : INTERNAL(row_load)((const char *)p, sizeof(real), left, 0) * total[k]);
        }
}

/* The items are blocks of SOFTMAX_COLUMN_VECTORS vectors of columns: block b of outer row o is item o * blocks + b. */
static void INTERNAL(softmax_columns)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_job) *job = context;
    const ptrdiff_t span = SOFTMAX_COLUMN_VECTORS * LANES, blocks = (job->inner + span - 1) / span;
    for (ptrdiff_t item = begin; item < end; item++) {
        const ptrdiff_t row = item / blocks, first = item % blocks * span, last = smaller(job->inner, first + span);
        const char *in = job->in + row * job->strides[0];
        real *out = job->out + row * job->n * job->inner;
        if (last - first == span && job->strides[2] == sizeof(real)) {
            INTERNAL(softmax_block)(job, in + first * sizeof(real), out + first, span, SOFTMAX_COLUMN_VECTORS);
            continue;
        }
        for (ptrdiff_t j = first; j < last; j += LANES)
            INTERNAL(softmax_block)(job, in + j * job->strides[2], out + j, smaller(LANES, last - j), 1);
    }
}

/* `rows` over the outer dimension when the inner one is 1, else `columns` over its blocks. */
static void INTERNAL(softmax_split)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, wg_task *rows, wg_task *columns,
                                    void *job)
{
    const ptrdiff_t span = SOFTMAX_COLUMN_VECTORS * LANES;
    if (inner == 1)
        wg_parallel_for(outer, rows_per_chunk(n), rows, job);
    else
        wg_parallel_for(outer * ((inner + span - 1) / span), rows_per_chunk(n * smaller(inner, span)), columns, job);
}

static wg_status K(softmax)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *in, const ptrdiff_t strides[3],
                            char *out, int logarithmic)
{
    assert(outer >= 0 && n >= 0 && inner >= 0);
    if (outer == 0 || n == 0 || inner == 0)
        return WG_OK;
    INTERNAL(softmax_job) job = {n, inner, in, strides, (real *)out, logarithmic};
    INTERNAL(softmax_split)(outer, n, inner, INTERNAL(softmax_rows), INTERNAL(softmax_columns), &job);
    return WG_OK;
}

/* ---------------------------------------------------------------- the derivatives */

typedef struct {
    ptrdiff_t n, inner;
    const char *g;
    const ptrdiff_t *g_strides;
    const char *z;
    const ptrdiff_t *z_strides;
    real *out;
    int logarithmic;
} INTERNAL(softmax_grad_job);

INLINE void INTERNAL(softmax_grad_row)(const char *g, ptrdiff_t g_stride, const char *z, ptrdiff_t z_stride, ptrdiff_t n,
                                       real *out, int logarithmic)
{
    double total = 0;
    for (ptrdiff_t start = 0; start < n; start += SOFTMAX_SUM_VECTORS * LANES) {
        const ptrdiff_t end = smaller(n, start + SOFTMAX_SUM_VECTORS * LANES);
        vreal sum = {0};
        for (ptrdiff_t i = start; i < end; i += LANES) {
            const vreal x = INTERNAL(row_load)(g + i * g_stride, g_stride, n - i, 0);
            sum = logarithmic ? sum + x : V(fma)(x, INTERNAL(row_load)(z + i * z_stride, z_stride, n - i, 0), sum);
        }
        total += V(reduce_add)(sum);
    }
    const vreal dot = V(splat)((real)total);
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal x = INTERNAL(row_load)(g + i * g_stride, g_stride, n - i, 0);
        const vreal y = INTERNAL(row_load)(z + i * z_stride, z_stride, n - i, 0);
        INTERNAL(row_store)(out + i, n - i, logarithmic ? x - V(exp)(y) * dot : y * (x - dot));
    }
}

static void INTERNAL(softmax_grad_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_grad_job) *job = context;
    const ptrdiff_t g_stride = job->g_strides[1], z_stride = job->z_strides[1], n = job->n;
    for (ptrdiff_t i = begin; i < end; i++) {
        const char *g = job->g + i * job->g_strides[0], *z = job->z + i * job->z_strides[0];
        real *out = job->out + i * n;
        if (g_stride == sizeof(real) && z_stride == sizeof(real))
            INTERNAL(softmax_grad_row)(g, sizeof(real), z, sizeof(real), n, out, job->logarithmic);
        else
            INTERNAL(softmax_grad_row)(g, g_stride, z, z_stride, n, out, job->logarithmic);
    }
}

/* One vector of columns, `width` columns in all, of outer row `row`, starting at column `first`. */
INLINE void INTERNAL(softmax_grad_block)(const INTERNAL(softmax_grad_job) *job, ptrdiff_t row, ptrdiff_t first,
                                         ptrdiff_t width, const int dense)
{
    const ptrdiff_t g_across = dense ? (ptrdiff_t)sizeof(real) : job->g_strides[2];
    const ptrdiff_t z_across = dense ? (ptrdiff_t)sizeof(real) : job->z_strides[2];
    const char *g = job->g + row * job->g_strides[0] + first * g_across;
    const char *z = job->z + row * job->z_strides[0] + first * z_across;
    vreal dot = {0};
    for (ptrdiff_t start = 0; start < job->n; start += SOFTMAX_SUM_VECTORS) {
        const ptrdiff_t end = smaller(job->n, start + SOFTMAX_SUM_VECTORS);
        vreal sum = {0};
        for (ptrdiff_t i = start; i < end; i++) {
            const vreal x = INTERNAL(row_load)(g + i * job->g_strides[1], g_across, width, 0);
            sum = job->logarithmic
                      ? sum + x
                      : V(fma)(x, INTERNAL(row_load)(z + i * job->z_strides[1], z_across, width, 0), sum);
        }
        dot += sum;
    }
    real *out = job->out + row * job->n * job->inner + first;
    for (ptrdiff_t i = 0; i < job->n; i++) {
        const vreal x = INTERNAL(row_load)(g + i * job->g_strides[1], g_across, width, 0);
        const vreal y = INTERNAL(row_load)(z + i * job->z_strides[1], z_across, width, 0);
        INTERNAL(row_store)(out + i * job->inner, width, job->logarithmic ? x - V(exp)(y) * dot : y * (x - dot));
    }
}

static void INTERNAL(softmax_grad_columns)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_grad_job) *job = context;
    const ptrdiff_t span = SOFTMAX_COLUMN_VECTORS * LANES, blocks = (job->inner + span - 1) / span;
    const int dense = job->g_strides[2] == sizeof(real) && job->z_strides[2] == sizeof(real);
    for (ptrdiff_t item = begin; item < end; item++) {
        const ptrdiff_t row = item / blocks, first = item % blocks * span, last = smaller(job->inner, first + span);
        for (ptrdiff_t j = first; j < last; j += LANES) {
            if (dense && last - j >= LANES)
                INTERNAL(softmax_grad_block)(job, row, j, LANES, 1);
            else
                INTERNAL(softmax_grad_block)(job, row, j, smaller(LANES, last - j), 0);
        }
    }
}

static wg_status K(softmax_grad)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *g,
                                 const ptrdiff_t g_strides[3], const char *z, const ptrdiff_t z_strides[3], char *out,
                                 int logarithmic)
{
    assert(outer >= 0 && n >= 0 && inner >= 0);
    if (outer == 0 || n == 0 || inner == 0)
        return WG_OK;
    INTERNAL(softmax_grad_job) job = {n, inner, g, g_strides, z, z_strides, (real *)out, logarithmic};
    INTERNAL(softmax_split)(outer, n, inner, INTERNAL(softmax_grad_rows), INTERNAL(softmax_grad_columns), &job);
    return WG_OK;
}

#include "cross_entropy.inc.c"
