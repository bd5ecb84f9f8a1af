/* softmax.inc.c - softmax and log-softmax along one dimension, and their derivatives.
 *
 * A row is read three times while it is in the cache: for its maximum, for the exponentials and their sum, and for the
 * scaling of the stored exponentials. There are two layouts:
 *
 *   rows      inner = 1: the vectors run along the row (rows.inc.c)
 *   columns   inner > 1: every lane is a row of its own, and nothing is summed across lanes
 *
 * Limits: columns whose inner dimension is shorter than a vector leave lanes idle. */
#include "rows.inc.c"

#ifndef WG_SOFTMAX_ONCE
#define WG_SOFTMAX_ONCE
enum {
    SOFTMAX_COLUMNS = 256, /* the width of a block of columns */
};
#endif

/* ---------------------------------------------------------------- sums of columns */

/* long_sum in every lane. */
typedef struct {
    vreal total, rest;
} INTERNAL(long_sums);

/* Add what has been summed in each column to the totals, and start again. */
INLINE void INTERNAL(flush_sums)(vreal *sum, INTERNAL(long_sums) *sums, ptrdiff_t vectors)
{
    for (ptrdiff_t k = 0; k < vectors; k++) {
        const vreal before = sums[k].total, total = before + sum[k], added = total - before;
        sums[k].rest += (before - (total - added)) + (sum[k] - added);
        sums[k].total = total;
        sum[k] = V(splat)(0);
    }
}

INLINE vreal INTERNAL(whole_sums)(INTERNAL(long_sums) s)
{
    return s.total + V(select)(s.rest == s.rest, s.rest, V(splat)(0));
}

/* ---------------------------------------------------------------- softmax, rows */

typedef struct {
    ptrdiff_t n, inner;
    const char *in;
    const ptrdiff_t *strides;
    real *out;
    int logarithmic;
} INTERNAL(softmax_job);

/* The softmax of as many rows. */
INLINE void INTERNAL(softmax_short_rows)(const char *in, ptrdiff_t in_step, const int rows, ptrdiff_t n, real *out,
                                         int logarithmic, const int vectors)
{
    vreal x[LANES][ROWS_SHORT_VECTORS], e[LANES][ROWS_SHORT_VECTORS];
    real top[LANES], shift[LANES];
    const vreal sum = INTERNAL(exp_of_short_rows)(in, in_step, rows, n, vectors, top, x, e);
    V(store)(shift, logarithmic ? V(log)(sum / (real)ROW_EXP_UNIT) : 1 / sum);
    UNROLL_FOUR
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < vectors; k++)
            V(store_upto)(out + r * n + k * LANES, n - k * LANES,
                          logarithmic ? x[r][k] - shift[r] : e[r][k] * shift[r]);
}

/* softmax_short_rows, compiled for each length of a full set of rows. */
INLINE void INTERNAL(softmax_some_rows)(const char *in, ptrdiff_t in_step, ptrdiff_t rows, ptrdiff_t n, real *out,
                                        int logarithmic, ptrdiff_t vectors)
{
    switch (rows == LANES ? vectors : 0) {
    case 1: INTERNAL(softmax_short_rows)(in, in_step, LANES, n, out, logarithmic, 1); break;
    case 2: INTERNAL(softmax_short_rows)(in, in_step, LANES, n, out, logarithmic, 2); break;
    case 3: INTERNAL(softmax_short_rows)(in, in_step, LANES, n, out, logarithmic, 3); break;
    case 4: INTERNAL(softmax_short_rows)(in, in_step, LANES, n, out, logarithmic, 4); break;
    default: INTERNAL(softmax_short_rows)(in, in_step, (int)rows, n, out, logarithmic, (int)vectors);
    }
}

/* The softmax of a row of unit stride and any length, whose maximum is `max`. Gives the maximum of the row at `next`,
 * or 0 if that is NULL: finding it here hides the wait for the sum of this row. */
INLINE real INTERNAL(softmax_long_row)(const char *in, const char *next, ptrdiff_t n, real max, real *out,
                                       int logarithmic)
{
    const double sum = INTERNAL(row_sum_exp)(in, n, max, logarithmic ? NULL : out);
    const real next_max = next ? INTERNAL(row_max)(next, n) : 0;
    if (!logarithmic) {
        INTERNAL(row_scale)(out, n, (real)(1 / sum));
        return next_max;
    }
    const vreal log_sum = V(log)(V(splat)((real)(sum / ROW_EXP_UNIT)));
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal x = INTERNAL(row_load)(in + i * sizeof(real), n - i, 0);
        V(store_upto)(out + i, n - i, x - max - log_sum);
    }
    return next_max;
}

static void INTERNAL(softmax_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_job) *job = context;
    const ptrdiff_t n = job->n;
    const int logarithmic = job->logarithmic;
    real *out = job->out + begin * n;
    const ptrdiff_t in_step = job->strides[0];
    const char *in = job->in + begin * in_step;
    const ptrdiff_t vectors = ceil_div(n, LANES);
    if (vectors > ROWS_SHORT_VECTORS) {
        real max = INTERNAL(row_max)(in, n);
        for (ptrdiff_t row = begin; row < end; row++, in += in_step, out += n)
            max = INTERNAL(softmax_long_row)(in, row + 1 < end ? in + in_step : NULL, n, max, out, logarithmic);
        return;
    }
    for (ptrdiff_t row = begin; row < end; row += LANES, in += LANES * in_step, out += LANES * n)
        INTERNAL(softmax_some_rows)(in, in_step, least(LANES, end - row), n, out, logarithmic, vectors);
}

/* ---------------------------------------------------------------- softmax, columns */

/* The softmax of `width` <= SOFTMAX_COLUMNS columns. All are walked down together, so that memory is read in pieces of
 * some length. Lanes past the width compute a row of zeros. */
INLINE void INTERNAL(softmax_block)(const INTERNAL(softmax_job) *job, const char *in, real *out, ptrdiff_t width)
{
    const ptrdiff_t n = job->n, down = job->strides[1], inner = job->inner, size = sizeof(real);
    vreal max[SOFTMAX_COLUMNS / LANES], sum[SOFTMAX_COLUMNS / LANES], total[SOFTMAX_COLUMNS / LANES];
    INTERNAL(long_sums) sums[SOFTMAX_COLUMNS / LANES];
    const ptrdiff_t vectors = ceil_div(width, LANES);
    for (ptrdiff_t k = 0; k < vectors; k++) {
        max[k] = V(splat)(-(real)INFINITY);
        sum[k] = sums[k].total = sums[k].rest = V(splat)(0);
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES)
            max[k] = V(at_least)(max[k], INTERNAL(row_load)(in + i * down + j * size, width - j, 0));
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES) {
            const vreal x = INTERNAL(row_load)(in + i * down + j * size, width - j, 0);
            const vreal e = INTERNAL(row_exp)(x - max[k]);
            sum[k] += e;
            if (!job->logarithmic)
                V(store_upto)(out + i * inner + j, width - j, e);
        }
        if (i % ROWS_SUM_VECTORS == ROWS_SUM_VECTORS - 1 || i == n - 1)
            INTERNAL(flush_sums)(sum, sums, vectors);
    }
    for (ptrdiff_t k = 0; k < vectors; k++) {
        total[k] = INTERNAL(whole_sums)(sums[k]);
        total[k] = job->logarithmic ? V(log)(total[k] / (real)ROW_EXP_UNIT) : 1 / total[k];
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES) {
            real *p = out + i * inner + j;
            const char *x = in + i * down + j * size;
            V(store_upto)(p, width - j,
                          job->logarithmic ? INTERNAL(row_load)(x, width - j, 0) - max[k] - total[k]
                                           : INTERNAL(row_load)((const char *)p, width - j, 0) * total[k]);
        }
}

/* Task: items [begin, end), where block b of outer row o is item o * blocks + b. */
static void INTERNAL(softmax_columns)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_job) *job = context;
    const ptrdiff_t blocks = ceil_div(job->inner, SOFTMAX_COLUMNS), size = sizeof(real);
    for (ptrdiff_t item = begin; item < end; item++) {
        const ptrdiff_t row = item / blocks, first = item % blocks * SOFTMAX_COLUMNS;
        const ptrdiff_t width = least(job->inner - first, SOFTMAX_COLUMNS);
        const char *in = job->in + row * job->strides[0] + first * size;
        real *out = job->out + row * job->n * job->inner + first;
        INTERNAL(softmax_block)(job, in, out, width);
    }
}

/* Whether the last dimension of more than one item has unit stride. */
INLINE int INTERNAL(softmax_is_dense)(ptrdiff_t n, ptrdiff_t inner, const ptrdiff_t strides[3])
{
    return inner > 1 ? strides[2] == sizeof(real) : n <= 1 || strides[1] == sizeof(real);
}

/* Run `rows` over the outer dimension if the inner one is 1; else `columns` over the blocks of the inner one. */
static void INTERNAL(softmax_split)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, wg_task *rows, wg_task *columns,
                                    void *job)
{
    const ptrdiff_t blocks = ceil_div(inner, SOFTMAX_COLUMNS);
    if (inner == 1)
        wg_parallel_for(outer, rows_per_chunk(n), rows, job);
    else
        wg_parallel_for(outer * blocks, rows_per_chunk(n * least(inner, SOFTMAX_COLUMNS)), columns, job);
}

static wg_status K(softmax)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *in, const ptrdiff_t strides[3],
                            char *out, int logarithmic)
{
    assert(outer >= 0 && n >= 0 && inner >= 0 && INTERNAL(softmax_is_dense)(n, inner, strides));
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

/* One row along the vectors. */
INLINE void INTERNAL(softmax_grad_row)(const char *g, const char *z, ptrdiff_t n, real *out, int logarithmic)
{
    const ptrdiff_t size = sizeof(real);
    long_sum total = {0};
    for (ptrdiff_t start = 0; start < n; start += ROWS_SUM_VECTORS * LANES) {
        const ptrdiff_t end = least(n, start + ROWS_SUM_VECTORS * LANES);
        vreal sum = {0};
        for (ptrdiff_t i = start; i < end; i += LANES) {
            const vreal x = INTERNAL(row_load)(g + i * size, n - i, 0);
            sum = logarithmic ? sum + x : V(fma)(x, INTERNAL(row_load)(z + i * size, n - i, 0), sum);
        }
        add_block(&total, V(reduce_add)(sum));
    }
    const vreal dot = V(splat)((real)whole_sum(total));
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal x = INTERNAL(row_load)(g + i * size, n - i, 0);
        const vreal y = INTERNAL(row_load)(z + i * size, n - i, 0);
        V(store_upto)(out + i, n - i, logarithmic ? x - V(exp)(y) * dot : y * (x - dot));
    }
}

/* The derivative for `rows` <= LANES rows of unit stride, of one vector each, from row `first` on. */
INLINE void INTERNAL(softmax_grad_short_rows)(const INTERNAL(softmax_grad_job) *job, ptrdiff_t first, const int rows)
{
    const ptrdiff_t n = job->n, g_step = job->g_strides[0], z_step = job->z_strides[0];
    const char *g = job->g + first * g_step, *z = job->z + first * z_step;
    const int logarithmic = job->logarithmic;
    real *out = job->out + first * n, dot[LANES];
    vreal x[LANES], y[LANES], product[LANES];
    for (int r = 0; r < LANES; r++)
        product[r] = V(splat)(0);
    for (int r = 0; r < rows; r++) {
        x[r] = INTERNAL(row_load)(g + r * g_step, n, 0);
        y[r] = INTERNAL(row_load)(z + r * z_step, n, 0);
        product[r] = logarithmic ? x[r] : x[r] * y[r];
    }
    V(store)(dot, V(reduce_each)(product));
    for (int r = 0; r < rows; r++)
        V(store_upto)(out + r * n, n, logarithmic ? x[r] - V(exp)(y[r]) * dot[r] : y[r] * (x[r] - dot[r]));
}

static void INTERNAL(softmax_grad_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_grad_job) *job = context;
    const ptrdiff_t n = job->n;
    if (n <= LANES) {
        ptrdiff_t i = begin;
        for (; i + LANES <= end; i += LANES)
            INTERNAL(softmax_grad_short_rows)(job, i, LANES);
        if (i < end)
            INTERNAL(softmax_grad_short_rows)(job, i, (int)(end - i));
        return;
    }
    for (ptrdiff_t i = begin; i < end; i++) {
        const char *g = job->g + i * job->g_strides[0], *z = job->z + i * job->z_strides[0];
        real *out = job->out + i * n;
        INTERNAL(softmax_grad_row)(g, z, n, out, job->logarithmic);
    }
}

/* The derivative for `width` <= SOFTMAX_COLUMNS columns, which are walked down together as in softmax_block. */
INLINE void INTERNAL(softmax_grad_block)(const INTERNAL(softmax_grad_job) *job, const char *g, const char *z, real *out,
                                         ptrdiff_t width)
{
    const ptrdiff_t n = job->n, g_down = job->g_strides[1], z_down = job->z_strides[1], size = sizeof(real);
    vreal sum[SOFTMAX_COLUMNS / LANES], dot[SOFTMAX_COLUMNS / LANES];
    INTERNAL(long_sums) sums[SOFTMAX_COLUMNS / LANES];
    const ptrdiff_t vectors = ceil_div(width, LANES);
    for (ptrdiff_t k = 0; k < vectors; k++)
        sum[k] = sums[k].total = sums[k].rest = V(splat)(0);
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES) {
            const vreal x = INTERNAL(row_load)(g + i * g_down + j * size, width - j, 0);
            if (job->logarithmic)
                sum[k] += x;
            else
                sum[k] = V(fma)(x, INTERNAL(row_load)(z + i * z_down + j * size, width - j, 0), sum[k]);
        }
        if (i % ROWS_SUM_VECTORS == ROWS_SUM_VECTORS - 1 || i == n - 1)
            INTERNAL(flush_sums)(sum, sums, vectors);
    }
    for (ptrdiff_t k = 0; k < vectors; k++)
        dot[k] = INTERNAL(whole_sums)(sums[k]);
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES) {
            const vreal x = INTERNAL(row_load)(g + i * g_down + j * size, width - j, 0);
            const vreal y = INTERNAL(row_load)(z + i * z_down + j * size, width - j, 0);
            V(store_upto)(out + i * job->inner + j, width - j,
                          job->logarithmic ? x - V(exp)(y) * dot[k] : y * (x - dot[k]));
        }
}

static void INTERNAL(softmax_grad_columns)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_grad_job) *job = context;
    const ptrdiff_t blocks = ceil_div(job->inner, SOFTMAX_COLUMNS), size = sizeof(real);
    for (ptrdiff_t item = begin; item < end; item++) {
        const ptrdiff_t row = item / blocks, first = item % blocks * SOFTMAX_COLUMNS;
        const ptrdiff_t width = least(job->inner - first, SOFTMAX_COLUMNS);
        const char *g = job->g + row * job->g_strides[0] + first * size;
        const char *z = job->z + row * job->z_strides[0] + first * size;
        real *out = job->out + row * job->n * job->inner + first;
        INTERNAL(softmax_grad_block)(job, g, z, out, width);
    }
}

static wg_status K(softmax_grad)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *g,
                                 const ptrdiff_t g_strides[3], const char *z, const ptrdiff_t z_strides[3], char *out,
                                 int logarithmic)
{
    assert(outer >= 0 && n >= 0 && inner >= 0);
    assert(INTERNAL(softmax_is_dense)(n, inner, g_strides) && INTERNAL(softmax_is_dense)(n, inner, z_strides));
    if (outer == 0 || n == 0 || inner == 0)
        return WG_OK;
    INTERNAL(softmax_grad_job) job = {n, inner, g, g_strides, z, z_strides, (real *)out, logarithmic};
    INTERNAL(softmax_split)(outer, n, inner, INTERNAL(softmax_grad_rows), INTERNAL(softmax_grad_columns), &job);
    return WG_OK;
}

#if REAL_BITS == 64
const wg_softmax_kernels TABLE(softmax) = {.softmax = BOTH(softmax), .softmax_grad = BOTH(softmax_grad)};
#endif
