/* softmax.inc.c - softmax and log-softmax along one dimension, and their derivatives. cross_entropy.inc.c, included at
 * the end, builds on the same passes over a row.
 *
 * A row is read three times while it is in the cache: for its maximum, for the exponentials and their sum, and for the
 * scaling of the stored exponentials. There are two layouts:
 *
 *   rows      inner = 1: the vectors run along the row. As many rows of a few vectors as a vector has lanes are taken
 *             together: so are their maxima, their sums, and what is computed of those.
 *   columns   inner > 1: every lane is a row of its own, and nothing is summed across lanes.
 *
 * Sums are taken in vectors over blocks of a fixed length and then over the blocks, where what rounding takes from each
 * addition is kept apart (Knuth's two-sum), so that their error does not grow with the length of a row. NaN needs no
 * case of its own: it reaches the sum, and from there the whole row; so does a maximum of +inf, through inf - inf, and a
 * row of -inf throughout.
 *
 * Limits: columns whose inner dimension is shorter than a vector leave lanes idle. */

#ifndef WG_SOFTMAX_ONCE
#define WG_SOFTMAX_ONCE
#include "grain.h"

enum {
    SOFTMAX_SHORT_VECTORS = 4, /* the longest row, in vectors, that is taken with others */
    SOFTMAX_COLUMNS = 256,     /* the width of a block of columns */
    SOFTMAX_PACKED_ROWS = 256, /* rows without unit stride that are copied at a time, at least */
    SOFTMAX_SUM_VECTORS = 32,  /* vectors of a row, or items of a column, that are added up before they join a total */
    SOFTMAX_CHUNK = CHUNK_OF(COST_ROW, 1024), /* items */
};

/* A sum of many blocks, and what rounding has taken from it. */
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
    return pieces_per_chunk(SOFTMAX_CHUNK, most(n, 32));
}
#endif

#undef ROW_EXP_SHIFT
#undef ROW_EXP_UNIT
#define ROW_EXP_SHIFT (REAL_BITS == 32 ? 24 : 53)
#define ROW_EXP_UNIT (REAL_BITS == 32 ? 0x1p24 : 0x1p53)

/* ---------------------------------------------------------------- a row's vectors */

/* A vector of a row of which n >= 1 items are left, `stride` bytes apart; lanes past the end hold `fill`. */
INLINE vreal INTERNAL(row_load)(const char *p, ptrdiff_t stride, ptrdiff_t n, real fill)
{
    const int dense = stride == sizeof(real);
    if (n >= LANES)
        return dense ? V(load)((const real *)p) : V(load_strided)(p, stride, LANES);
    const vreal x = dense ? V(load_tail)((const real *)p, n) : V(load_strided)(p, stride, n);
    return fill == 0 ? x : V(select)(V(lane_numbers)() < (integer)n, x, V(splat)(fill));
}

/* ---------------------------------------------------------------- passes over a row */

/* e^x * 2^ROW_EXP_SHIFT for x <= 0, the difference of an item and its row's maximum. The power keeps what e^x alone
 * would turn into a denormal, at a great cost in time, a normal number until the division by the row's sum, which has
 * the same power in it. In float32 the error is 2^-22.6, less than what rounding x brings from |x| = 4 on; so ln 2 is
 * one word here. */
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
    long_sum total = {0};
    for (ptrdiff_t start = 0; start < n; start += SOFTMAX_SUM_VECTORS * LANES) {
        const ptrdiff_t end = least(n, start + SOFTMAX_SUM_VECTORS * LANES);
        vreal sum = {0};
        for (ptrdiff_t i = start; i < end; i += LANES) {
            const vreal x = INTERNAL(row_load)(in + i * stride, stride, n - i, -(real)INFINITY);
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
        const vreal x = INTERNAL(row_load)((const char *)(row + i), sizeof(real), n - i, 0);
        V(store_upto)(row + i, n - i, x * factor);
    }
}

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

/* Two passes over `rows` <= LANES rows of unit stride and of n >= 1 items in `vectors` vectors: in x the items less their
 * row's maximum, which goes to `top`, in e the exponentials of these. Gives the sums of the exponentials. */
INLINE vreal INTERNAL(exp_of_short_rows)(const char *in, ptrdiff_t in_step, const int rows, ptrdiff_t n,
                                         const int vectors, real *top, vreal x[][SOFTMAX_SHORT_VECTORS],
                                         vreal e[][SOFTMAX_SHORT_VECTORS])
{
    vreal joined[LANES];
    for (int r = rows; r < LANES; r++)
        joined[r] = V(splat)(0);
    for (int r = 0; r < rows; r++) {
        for (int k = 0; k < vectors; k++)
            x[r][k] = INTERNAL(row_load)(in + r * in_step + k * WG_VECTOR_BYTES, sizeof(real), n - k * LANES,
                                         -(real)INFINITY);
        joined[r] = x[r][0];
        for (int k = 1; k < vectors; k++)
            joined[r] = V(at_least)(joined[r], x[r][k]);
    }
    V(store)(top, INTERNAL(each_lanes_max)(joined));
    for (int r = rows; r < LANES; r++)
        joined[r] = V(splat)(0);
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

/* The softmax of as many rows. */
INLINE void INTERNAL(softmax_short_rows)(const char *in, ptrdiff_t in_step, const int rows, ptrdiff_t n,
                                         real *out, int logarithmic, const int vectors)
{
    vreal x[LANES][SOFTMAX_SHORT_VECTORS], e[LANES][SOFTMAX_SHORT_VECTORS];
    real top[LANES], shift[LANES];
    const vreal sum = INTERNAL(exp_of_short_rows)(in, in_step, rows, n, vectors, top, x, e);
    V(store)(shift, logarithmic ? V(log)(sum / (real)ROW_EXP_UNIT) : 1 / sum);
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < vectors; k++)
            V(store_upto)(out + r * n + k * LANES, n - k * LANES,
                                logarithmic ? x[r][k] - shift[r] : e[r][k] * shift[r]);
}

/* The same, compiled for whole sets of rows of every length. */
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

/* A row of unit stride, any length, and the maximum `max`, in memory. Gives the maximum of the row at `next`, if there is
 * one: it is found while the processor waits for the sum of this row. */
INLINE real INTERNAL(softmax_long_row)(const char *in, const char *next, ptrdiff_t n, real max, real *out,
                                       int logarithmic)
{
    const double sum = INTERNAL(row_sum_exp)(in, sizeof(real), n, max, logarithmic ? NULL : out);
    const real next_max = next ? INTERNAL(row_max)(next, sizeof(real), n) : 0;
    if (!logarithmic) {
        INTERNAL(row_scale)(out, n, (real)(1 / sum));
        return next_max;
    }
    const vreal log_sum = V(log)(V(splat)((real)(sum / ROW_EXP_UNIT)));
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal x = INTERNAL(row_load)(in + i * sizeof(real), sizeof(real), n - i, 0);
        V(store_upto)(out + i, n - i, x - max - log_sum);
    }
    return next_max;
}

/* Copy rows of any strides to their places in the output. In tiles, so that a transposed matrix is read along its cache
 * lines, and from few pages at a time. */
static void INTERNAL(softmax_pack)(const char *in, ptrdiff_t row_stride, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n,
                                   real *out)
{
    enum { BAND = 16, TILE = 64 };
    for (ptrdiff_t start = 0; start < n; start += TILE)
        for (ptrdiff_t first = 0; first < rows; first += BAND) {
            const ptrdiff_t last = least(rows, first + BAND), end = least(n, start + TILE);
            for (ptrdiff_t i = start; i < end; i++)
                for (ptrdiff_t row = first; row < last; row++)
                    out[row * n + i] = *(const real *)(in + row * row_stride + i * stride);
        }
}

static void INTERNAL(softmax_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_job) *job = context;
    const ptrdiff_t n = job->n;
    const int logarithmic = job->logarithmic;
    real *out = job->out + begin * n;
    const char *in = job->in + begin * job->strides[0];
    ptrdiff_t in_step = job->strides[0];
    if (job->strides[1] != sizeof(real)) {
        INTERNAL(softmax_pack)(in, in_step, job->strides[1], end - begin, n, out);
        in = (const char *)out;
        in_step = n * (ptrdiff_t)sizeof(real);
    }
    const ptrdiff_t vectors = ceil_div(n, LANES);
    if (vectors > SOFTMAX_SHORT_VECTORS) {
        real max = INTERNAL(row_max)(in, sizeof(real), n);
        for (ptrdiff_t row = begin; row < end; row++, in += in_step, out += n)
            max = INTERNAL(softmax_long_row)(in, row + 1 < end ? in + in_step : NULL, n, max, out, logarithmic);
        return;
    }
    for (ptrdiff_t row = begin; row < end; row += LANES, in += LANES * in_step, out += LANES * n)
        INTERNAL(softmax_some_rows)(in, in_step, least(LANES, end - row), n, out, logarithmic, vectors);
}

/* ---------------------------------------------------------------- softmax, columns */

/* A block of `width` <= SOFTMAX_COLUMNS columns. They are walked down in parallel, so that memory is read in pieces of
 * some length. Lanes past the width compute a row of zeros. */
INLINE void INTERNAL(softmax_block)(const INTERNAL(softmax_job) *job, const char *in, ptrdiff_t across, real *out,
                                    ptrdiff_t width)
{
    const ptrdiff_t n = job->n, down = job->strides[1], inner = job->inner;
    vreal max[SOFTMAX_COLUMNS / LANES], sum[SOFTMAX_COLUMNS / LANES], total[SOFTMAX_COLUMNS / LANES];
    INTERNAL(long_sums) sums[SOFTMAX_COLUMNS / LANES];
    const ptrdiff_t vectors = ceil_div(width, LANES);
    for (ptrdiff_t k = 0; k < vectors; k++) {
        max[k] = V(splat)(-(real)INFINITY);
        sum[k] = sums[k].total = sums[k].rest = V(splat)(0);
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES)
            max[k] = V(at_least)(max[k], INTERNAL(row_load)(in + i * down + j * across, across, width - j, 0));
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES) {
            const vreal x = INTERNAL(row_load)(in + i * down + j * across, across, width - j, 0);
            const vreal e = INTERNAL(row_exp)(x - max[k]);
            sum[k] += e;
            if (!job->logarithmic)
                V(store_upto)(out + i * inner + j, width - j, e);
        }
        if (i % SOFTMAX_SUM_VECTORS == SOFTMAX_SUM_VECTORS - 1 || i == n - 1)
            INTERNAL(flush_sums)(sum, sums, vectors);
    }
    for (ptrdiff_t k = 0; k < vectors; k++) {
        total[k] = INTERNAL(whole_sums)(sums[k]);
        total[k] = job->logarithmic ? V(log)(total[k] / (real)ROW_EXP_UNIT) : 1 / total[k];
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES) {
            real *p = out + i * inner + j;
            const char *x = in + i * down + j * across;
            V(store_upto)(p, width - j,
                                job->logarithmic ? INTERNAL(row_load)(x, across, width - j, 0) - max[k] - total[k]
                                : INTERNAL(row_load)((const char *)p, sizeof(real), width - j, 0) * total[k]);
        }
}

/* The items are blocks of columns: block b of outer row o is item o * blocks + b. */
static void INTERNAL(softmax_columns)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_job) *job = context;
    const ptrdiff_t blocks = ceil_div(job->inner, SOFTMAX_COLUMNS), across = job->strides[2];
    for (ptrdiff_t item = begin; item < end; item++) {
        const ptrdiff_t row = item / blocks, first = item % blocks * SOFTMAX_COLUMNS;
        const ptrdiff_t width = least(job->inner - first, SOFTMAX_COLUMNS);
        const char *in = job->in + row * job->strides[0] + first * across;
        real *out = job->out + row * job->n * job->inner + first;
        if (across == sizeof(real))
            INTERNAL(softmax_block)(job, in, sizeof(real), out, width);
        else
            INTERNAL(softmax_block)(job, in, across, out, width);
    }
}

/* `rows` over the outer dimension when the inner one is 1, at least `at_least` of them at a time; else `columns` over its
 * blocks. */
static void INTERNAL(softmax_split)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, ptrdiff_t at_least, wg_task *rows,
                                    wg_task *columns, void *job)
{
    const ptrdiff_t blocks = ceil_div(inner, SOFTMAX_COLUMNS);
    if (inner == 1)
        wg_parallel_for(outer, most(at_least, rows_per_chunk(n)), rows, job);
    else
        wg_parallel_for(outer * blocks, rows_per_chunk(n * least(inner, SOFTMAX_COLUMNS)), columns, job);
}

static wg_status K(softmax)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *in, const ptrdiff_t strides[3],
                            char *out, int logarithmic)
{
    assert(outer >= 0 && n >= 0 && inner >= 0);
    if (outer == 0 || n == 0 || inner == 0)
        return WG_OK;
    INTERNAL(softmax_job) job = {n, inner, in, strides, (real *)out, logarithmic};
    const ptrdiff_t at_least = strides[1] == sizeof(real) ? 1 : SOFTMAX_PACKED_ROWS;
    INTERNAL(softmax_split)(outer, n, inner, at_least, INTERNAL(softmax_rows), INTERNAL(softmax_columns), &job);
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
INLINE void INTERNAL(softmax_grad_row)(const char *g, ptrdiff_t g_stride, const char *z, ptrdiff_t z_stride,
                                       ptrdiff_t n, real *out, int logarithmic)
{
    long_sum total = {0};
    for (ptrdiff_t start = 0; start < n; start += SOFTMAX_SUM_VECTORS * LANES) {
        const ptrdiff_t end = least(n, start + SOFTMAX_SUM_VECTORS * LANES);
        vreal sum = {0};
        for (ptrdiff_t i = start; i < end; i += LANES) {
            const vreal x = INTERNAL(row_load)(g + i * g_stride, g_stride, n - i, 0);
            sum = logarithmic ? sum + x : V(fma)(x, INTERNAL(row_load)(z + i * z_stride, z_stride, n - i, 0), sum);
        }
        add_block(&total, V(reduce_add)(sum));
    }
    const vreal dot = V(splat)((real)whole_sum(total));
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal x = INTERNAL(row_load)(g + i * g_stride, g_stride, n - i, 0);
        const vreal y = INTERNAL(row_load)(z + i * z_stride, z_stride, n - i, 0);
        V(store_upto)(out + i, n - i, logarithmic ? x - V(exp)(y) * dot : y * (x - dot));
    }
}

/* `rows` <= LANES rows of unit stride, from row `first` on, of a vector each. */
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
        x[r] = INTERNAL(row_load)(g + r * g_step, sizeof(real), n, 0);
        y[r] = INTERNAL(row_load)(z + r * z_step, sizeof(real), n, 0);
        product[r] = logarithmic ? x[r] : x[r] * y[r];
    }
    V(store)(dot, V(reduce_each)(product));
    for (int r = 0; r < rows; r++)
        V(store_upto)(out + r * n, n, logarithmic ? x[r] - V(exp)(y[r]) * dot[r] : y[r] * (x[r] - dot[r]));
}

static void INTERNAL(softmax_grad_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_grad_job) *job = context;
    const ptrdiff_t g_stride = job->g_strides[1], z_stride = job->z_strides[1], n = job->n;
    if (n <= LANES && g_stride == sizeof(real) && z_stride == sizeof(real)) {
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
        if (g_stride == sizeof(real) && z_stride == sizeof(real))
            INTERNAL(softmax_grad_row)(g, sizeof(real), z, sizeof(real), n, out, job->logarithmic);
        else
            INTERNAL(softmax_grad_row)(g, g_stride, z, z_stride, n, out, job->logarithmic);
    }
}

/* A block of `width` <= SOFTMAX_COLUMNS columns, as in softmax_block. */
INLINE void INTERNAL(softmax_grad_block)(const INTERNAL(softmax_grad_job) *job, const char *g, ptrdiff_t g_across,
                                         const char *z, ptrdiff_t z_across, real *out, ptrdiff_t width)
{
    const ptrdiff_t n = job->n, g_down = job->g_strides[1], z_down = job->z_strides[1];
    vreal sum[SOFTMAX_COLUMNS / LANES], dot[SOFTMAX_COLUMNS / LANES];
    INTERNAL(long_sums) sums[SOFTMAX_COLUMNS / LANES];
    const ptrdiff_t vectors = ceil_div(width, LANES);
    for (ptrdiff_t k = 0; k < vectors; k++)
        sum[k] = sums[k].total = sums[k].rest = V(splat)(0);
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES) {
            const vreal x = INTERNAL(row_load)(g + i * g_down + j * g_across, g_across, width - j, 0);
            if (job->logarithmic)
                sum[k] += x;
            else
                sum[k] = V(fma)(x, INTERNAL(row_load)(z + i * z_down + j * z_across, z_across, width - j, 0), sum[k]);
        }
        if (i % SOFTMAX_SUM_VECTORS == SOFTMAX_SUM_VECTORS - 1 || i == n - 1)
            INTERNAL(flush_sums)(sum, sums, vectors);
    }
    for (ptrdiff_t k = 0; k < vectors; k++)
        dot[k] = INTERNAL(whole_sums)(sums[k]);
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t k = 0, j = 0; k < vectors; k++, j += LANES) {
            const vreal x = INTERNAL(row_load)(g + i * g_down + j * g_across, g_across, width - j, 0);
            const vreal y = INTERNAL(row_load)(z + i * z_down + j * z_across, z_across, width - j, 0);
            V(store_upto)(out + i * job->inner + j, width - j,
                                job->logarithmic ? x - V(exp)(y) * dot[k] : y * (x - dot[k]));
        }
}

static void INTERNAL(softmax_grad_columns)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_grad_job) *job = context;
    const ptrdiff_t blocks = ceil_div(job->inner, SOFTMAX_COLUMNS);
    const ptrdiff_t g_across = job->g_strides[2], z_across = job->z_strides[2];
    for (ptrdiff_t item = begin; item < end; item++) {
        const ptrdiff_t row = item / blocks, first = item % blocks * SOFTMAX_COLUMNS;
        const ptrdiff_t width = least(job->inner - first, SOFTMAX_COLUMNS);
        const char *g = job->g + row * job->g_strides[0] + first * g_across;
        const char *z = job->z + row * job->z_strides[0] + first * z_across;
        real *out = job->out + row * job->n * job->inner + first;
        if (g_across == sizeof(real) && z_across == sizeof(real))
            INTERNAL(softmax_grad_block)(job, g, sizeof(real), z, sizeof(real), out, width);
        else
            INTERNAL(softmax_grad_block)(job, g, g_across, z, z_across, out, width);
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
    INTERNAL(softmax_split)(outer, n, inner, 1, INTERNAL(softmax_grad_rows), INTERNAL(softmax_grad_columns), &job);
    return WG_OK;
}

#include "cross_entropy.inc.c"
