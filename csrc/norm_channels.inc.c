/* norm_channels.inc.c - normalizing by channels of one item each: rows of a matrix, in which those of all channels lie
 * side by side. Vectors are of channels; sums over rows wait in memory that stays in the first-level cache.
 *
 * There is at least a vector of channels. What the last one lacks it takes from its neighbour: that is done twice, and a
 * sum kept once. */

#ifndef NORM_CHANNELS_ONCE
#define NORM_CHANNELS_ONCE
enum {
    NORM_CHANNELS = 512, /* that are taken together, or less than a vector more */
    NORM_ROWS = 64,      /* that stay in the second-level cache between two passes, and are summed up in vectors */
    NORM_ROWS_AT_ONCE = 4,
};

/* What is summed up over rows. */
typedef enum {
    NORM_PLAIN,   /* x */
    NORM_AROUND,  /* x - middle, and its square */
    NORM_PRODUCT, /* g, and g (x - middle) */
} norm_kind;
#endif

/* Some channels of some rows: as many as the sums' arrays have room for. */
typedef struct {
    const real *x, *g, *middle;
    ptrdiff_t x_step, g_step; /* from a row to the next */
    ptrdiff_t rows, channels;
} INTERNAL(norm_block);

typedef struct {
    real plain[NORM_CHANNELS + LANES], along[NORM_CHANNELS + LANES];
} INTERNAL(norm_totals);

/* Add to a vector of the totals what `rows` rows have from `row` on, in the channels from c on. */
INLINE void INTERNAL(norm_add)(const INTERNAL(norm_block) *b, real *plain_total, real *along_total, ptrdiff_t row,
                               const int rows, ptrdiff_t c, const norm_kind kind)
{
    vreal plain = V(load)(plain_total), along = V(load)(along_total);
    const vreal middle = kind == NORM_PLAIN ? V(splat)(0) : V(load)(b->middle + c);
    UNROLL
    for (int j = 0; j < rows; j++) {
        const vreal x = V(load)(b->x + (row + j) * b->x_step + c), d = x - middle;
        const vreal y = kind == NORM_PRODUCT ? V(load)(b->g + (row + j) * b->g_step + c) : d;
        plain += y;
        if (kind != NORM_PLAIN)
            along = V(fma)(y, d, along);
    }
    V(store)(plain_total, plain);
    V(store)(along_total, along);
}

/* The sums of a block. Several rows at once spare the totals most of their ways to memory and back. */
INLINE void INTERNAL(norm_total)(const INTERNAL(norm_block) *b, INTERNAL(norm_totals) *to, const norm_kind kind)
{
    const ptrdiff_t last = b->channels - LANES, rest = b->channels % LANES;
    memset(to, 0, sizeof *to);
    for (ptrdiff_t row = 0; row < b->rows;) {
        const int several = b->rows - row >= NORM_ROWS_AT_ONCE;
        for (ptrdiff_t c = 0; c < b->channels; c += LANES)
            if (several)
                INTERNAL(norm_add)(b, to->plain + c, to->along + c, row, NORM_ROWS_AT_ONCE, least(c, last), kind);
            else
                INTERNAL(norm_add)(b, to->plain + c, to->along + c, row, 1, least(c, last), kind);
        row += several ? NORM_ROWS_AT_ONCE : 1;
    }
    for (ptrdiff_t k = b->channels - rest; k < b->channels; k++) { /* to where they belong */
        to->plain[k] = to->plain[k + LANES - rest];
        to->along[k] = to->along[k + LANES - rest];
    }
}

/* Rows from `row` on, as many before `last` as are taken at once, and channels from c on; around the channels' means. */
INLINE INTERNAL(norm_block) INTERNAL(norm_block_at)(const wg_norm *m, ptrdiff_t row, ptrdiff_t last, ptrdiff_t c)
{
    const ptrdiff_t left = m->channels - c;
    return (INTERNAL(norm_block)){
        .x = (const real *)m->x + row * m->x_strides[0] + c,
        .g = m->g ? (const real *)m->g + row * m->g_strides[0] + c : NULL,
        .middle = (const real *)m->mean + c,
        .x_step = m->x_strides[0],
        .g_step = m->g_strides[0],
        .rows = least(NORM_ROWS, last - row),
        .channels = left < NORM_CHANNELS + LANES ? left : NORM_CHANNELS,
    };
}

/* The means of rows [first, last), of which there are some, and the sums of the squares of their distances from these, of
 * every channel. */
static void INTERNAL(norm_rows_moments)(const wg_norm *m, ptrdiff_t first, ptrdiff_t last, norm_sums *sums)
{
    INTERNAL(norm_totals) totals;
    INTERNAL(norm_block) b;
    real middle[NORM_CHANNELS + LANES];
    for (ptrdiff_t c = 0; c < m->channels; c += b.channels)
        for (ptrdiff_t row = first; row < last; row += NORM_ROWS) {
            b = INTERNAL(norm_block_at)(m, row, last, c);
            b.middle = middle;
            const double before = (double)(row - first), count = (double)b.rows;
            INTERNAL(norm_total)(&b, &totals, NORM_PLAIN);
            for (ptrdiff_t k = 0; k < b.channels; k++)
                middle[k] = (real)((double)totals.plain[k] / count);
            INTERNAL(norm_total)(&b, &totals, NORM_AROUND);
            for (ptrdiff_t k = 0; k < b.channels; k++)
                norm_join(sums + c + k, before, count, (double)middle[k],
                          (norm_sums){(double)totals.plain[k], (double)totals.along[k]});
        }
}

/* Of every channel, the sums of g and of g (x - mean) over rows [first, last), of which there are some, onto `sums`. */
static void INTERNAL(norm_rows_products)(const wg_norm *m, ptrdiff_t first, ptrdiff_t last, norm_sums *sums)
{
    INTERNAL(norm_totals) totals;
    INTERNAL(norm_block) b;
    for (ptrdiff_t c = 0; c < m->channels; c += b.channels)
        for (ptrdiff_t row = first; row < last; row += NORM_ROWS) {
            b = INTERNAL(norm_block_at)(m, row, last, c);
            INTERNAL(norm_total)(&b, &totals, NORM_PRODUCT);
            for (ptrdiff_t k = 0; k < b.channels; k++) {
                sums[c + k].mean += (double)totals.plain[k];
                sums[c + k].squares += (double)totals.along[k];
            }
        }
}

/* Rows [begin, end) of what `apply` gives. */
static void INTERNAL(norm_apply_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(norm_job) *const job = context;
    const wg_norm *const m = job->m;
    const real *const mean = m->mean, *const factor = job->factor, *const shift = factor + m->channels;
    for (ptrdiff_t i = begin; i < end; i++) {
        const real *const x = (const real *)m->x + i * m->x_strides[0];
        const real *const residual = m->residual ? (const real *)m->residual + i * m->residual_strides[0] : NULL;
        real *const z = (real *)m->z + i * m->channels;
        for (ptrdiff_t next = 0; next < m->channels; next += LANES) {
            const ptrdiff_t c = least(next, m->channels - LANES);
            vreal y = V(fma)(V(load)(x + c) - V(load)(mean + c), V(load)(factor + c), V(load)(shift + c));
            if (residual)
                y += V(load)(residual + c);
            V(store)(z + c, m->relu ? V(max)(y, V(splat)(0)) : y);
        }
    }
}

/* Rows [begin, end) of factor * (g - the mean of g - (x - mean) * slope). */
static void INTERNAL(norm_back_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(norm_job) *const job = context;
    const wg_norm *const m = job->m;
    const real *const mean = m->mean, *const factor = job->factor;
    const real *const of_g = factor + m->channels, *const slope = of_g + m->channels;
    for (ptrdiff_t i = begin; i < end; i++) {
        const real *const x = (const real *)m->x + i * m->x_strides[0], *const g = (const real *)m->g + i * m->g_strides[0];
        real *const z = (real *)m->z + i * m->channels;
        for (ptrdiff_t next = 0; next < m->channels; next += LANES) {
            const ptrdiff_t c = least(next, m->channels - LANES);
            const vreal y = V(load)(g + c) - V(load)(of_g + c) - (V(load)(x + c) - V(load)(mean + c)) * V(load)(slope + c);
            V(store)(z + c, y * V(load)(factor + c));
        }
    }
}
