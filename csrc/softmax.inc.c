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
    SOFTMAX_ROWS_AHEAD = 8,       /* how far ahead the columns' rows are asked for */
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

/* The same across columns, of which `width` are left and which are walked down with a stride of `down`. That stride is
 * beyond what the hardware foresees, so a later row is asked for. */
INLINE vreal INTERNAL(column_load)(const char *p, ptrdiff_t down, ptrdiff_t across, ptrdiff_t width)
{
    PREFETCH(p + SOFTMAX_ROWS_AHEAD * down);
    return INTERNAL(row_load)(p, across, width, 0);
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

/* A row of unit stride and any length, in memory. */
INLINE void INTERNAL(softmax_long_row)(const char *in, ptrdiff_t n, real *out, int logarithmic)
{
    const real max = INTERNAL(row_max)(in, sizeof(real), n);
    const double sum = INTERNAL(row_sum_exp)(in, sizeof(real), n, max, logarithmic ? NULL : out);
    if (!logarithmic) {
        INTERNAL(row_scale)(out, n, (real)(1 / sum));
        return;
    }
    const vreal log_sum = V(log)(V(splat)((real)(sum / ROW_EXP_UNIT)));
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal x = INTERNAL(row_load)(in + i * sizeof(real), sizeof(real), n - i, 0);
        INTERNAL(row_store)(out + i, n - i, x - max - log_sum);
    }
}

/* Copy rows of any strides to their places in the output. Eight rows go side by side: a transposed matrix is read along
 * its cache lines. */
static void INTERNAL(softmax_pack)(const char *in, ptrdiff_t row_stride, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t n,
                                   real *out)
{
    enum { BAND = 8 };
    for (ptrdiff_t first = 0; first < rows; first += BAND) {
        const ptrdiff_t last = smaller(rows, first + BAND);
        for (ptrdiff_t i = 0; i < n; i++)
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
    for (ptrdiff_t row = begin; row < end; row++, in += in_step, out += n)
        switch ((n + LANES - 1) / LANES) {
        case 1: INTERNAL(softmax_short_row)(in, n, out, logarithmic, 1); break;
        case 2: INTERNAL(softmax_short_row)(in, n, out, logarithmic, 2); break;
        case 3: INTERNAL(softmax_short_row)(in, n, out, logarithmic, 3); break;
        case 4: INTERNAL(softmax_short_row)(in, n, out, logarithmic, 4); break;
        default: INTERNAL(softmax_long_row)(in, n, out, logarithmic);
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
            max[k] = V(at_least)(max[k], INTERNAL(column_load)(in + i * down + k * LANES * across, down, across, width - k * LANES));
    for (ptrdiff_t start = 0; start < n; start += SOFTMAX_SUM_VECTORS) {
        const ptrdiff_t end = smaller(n, start + SOFTMAX_SUM_VECTORS);
        vreal sum[SOFTMAX_COLUMN_VECTORS] = {{0}};
        for (ptrdiff_t i = start; i < end; i++)
            for (int k = 0; k < vectors; k++) {
                const ptrdiff_t left = width - k * LANES;
                const vreal x = INTERNAL(column_load)(in + i * down + k * LANES * across, down, across, left);
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

/* Up to `vectors` vectors of columns, `width` columns in all. */
INLINE void INTERNAL(softmax_grad_block)(const INTERNAL(softmax_grad_job) *job, const char *g, const char *z, real *out,
                                         ptrdiff_t width, const int vectors)
{
    const ptrdiff_t n = job->n, g_down = job->g_strides[1], g_across = job->g_strides[2];
    const ptrdiff_t z_down = job->z_strides[1], z_across = job->z_strides[2];
    vreal dot[SOFTMAX_COLUMN_VECTORS] = {{0}};
    for (ptrdiff_t start = 0; start < n; start += SOFTMAX_SUM_VECTORS) {
        const ptrdiff_t end = smaller(n, start + SOFTMAX_SUM_VECTORS);
        vreal sum[SOFTMAX_COLUMN_VECTORS] = {{0}};
        for (ptrdiff_t i = start; i < end; i++)
            for (int k = 0; k < vectors; k++) {
                const ptrdiff_t j = k * LANES;
                const vreal x = INTERNAL(column_load)(g + i * g_down + j * g_across, g_down, g_across, width - j);
                if (job->logarithmic) {
                    sum[k] += x;
                    continue;
                }
                sum[k] = V(fma)(x, INTERNAL(column_load)(z + i * z_down + j * z_across, z_down, z_across, width - j), sum[k]);
            }
        for (int k = 0; k < vectors; k++)
            dot[k] += sum[k];
    }
    for (ptrdiff_t i = 0; i < n; i++)
        for (int k = 0; k < vectors; k++) {
            const ptrdiff_t j = k * LANES;
            const vreal x = INTERNAL(column_load)(g + i * g_down + j * g_across, g_down, g_across, width - j);
            const vreal y = INTERNAL(column_load)(z + i * z_down + j * z_across, z_down, z_across, width - j);
            INTERNAL(row_store)(out + i * job->inner + j, width - j,
                                job->logarithmic ? x - V(exp)(y) * dot[k] : y * (x - dot[k]));
        }
}

static void INTERNAL(softmax_grad_columns)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(softmax_grad_job) *job = context;
    const ptrdiff_t span = SOFTMAX_COLUMN_VECTORS * LANES, blocks = (job->inner + span - 1) / span;
    const ptrdiff_t g_across = job->g_strides[2], z_across = job->z_strides[2];
    const int dense = g_across == sizeof(real) && z_across == sizeof(real);
    for (ptrdiff_t item = begin; item < end; item++) {
        const ptrdiff_t row = item / blocks, first = item % blocks * span, last = smaller(job->inner, first + span);
        const char *g = job->g + row * job->g_strides[0], *z = job->z + row * job->z_strides[0];
        real *out = job->out + row * job->n * job->inner;
        const int whole = dense && last - first == span;
        const ptrdiff_t step = whole ? span : LANES;
        for (ptrdiff_t j = first; j < last; j += step) {
            if (whole)
                INTERNAL(softmax_grad_block)(job, g + j * g_across, z + j * z_across, out + j, span, SOFTMAX_COLUMN_VECTORS);
            else
                INTERNAL(softmax_grad_block)(job, g + j * g_across, z + j * z_across, out + j, smaller(LANES, last - j), 1);
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
