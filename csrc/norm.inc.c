/* norm.inc.c - normalizing by channels and by rows: the mean and the variance of each, what they make of the items, and
 * the reverse derivative.
 *
 * Images are divided among threads, in parts fixed by the shapes, so that memory is read from front to back; the sums of
 * parts are joined in their order. A plane is taken in pieces that stay in the first-level cache between two passes.
 * Channels of one item each are norm_channels.inc.c's. */

#ifndef NORM_ONCE
#define NORM_ONCE
#include "grain.h"

enum {
    NORM_PIECE = 2048,                     /* items of a plane that are summed up in vectors */
    NORM_PARTS = 64,                       /* of the images, at most */
    NORM_CHUNK = CHUNK_OF(COST_MEMORY, 1), /* items */
};

/* The mean of so many items, and the sum of the squares of their distances from it; or two sums. */
typedef struct {
    double mean, squares;
} norm_sums;

/* Join `count` items to those that were before, `before` in number: `around` is the sums of their distances from `middle`
 * and of the squares of these (T. Chan, G. Golub and R. LeVeque, 1979). */
INLINE void norm_join(norm_sums *all, double before, double count, double middle, norm_sums around)
{
    const double left = around.mean, mean = middle + left / count; /* a rounded middle leaves a rest */
    const double away = mean - all->mean, share = count / (before + count);
    all->squares += around.squares - left * left / count + away * away * before * share;
    all->mean += away * share;
}

/* How many images are a part. */
static ptrdiff_t norm_images(const wg_norm *m)
{
    const ptrdiff_t enough = pieces_per_chunk(4 * NORM_CHUNK, most(1, m->channels * m->inner));
    return most(enough, ceil_div(m->n, NORM_PARTS));
}
#endif

typedef struct {
    const wg_norm *m;
    ptrdiff_t images;
    norm_sums *parts; /* (parts, channels) */
    real *factor;     /* of each channel; behind it what norm_factors gives besides */
} INTERNAL(norm_job);

/* What a channel's mean lost when it was rounded. */
INLINE double INTERNAL(norm_rest)(const wg_norm *m, ptrdiff_t channel)
{
    return m->rest ? (double)((const real *)m->rest)[channel] : 0;
}

/* Whether the channels' items lie side by side, in at least a vector. */
INLINE int INTERNAL(norm_by_rows)(const wg_norm *m)
{
    return m->inner == 1 && m->channels >= LANES;
}

/* What each channel's items, less the mean, are multiplied by, and behind it what is added then; with the reverse
 * derivative, of which there are sums, what is taken from g before, and that times the distance from the mean. */
static void INTERNAL(norm_factors)(const wg_norm *m, const norm_sums *sums, real *factor)
{
    const real *const variance = m->variance, *const weight = m->weight, *const bias = m->bias;
    real *const shift = factor + m->channels, *const slope = shift + m->channels;
    const double count = (double)m->n * (double)m->inner;
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        const double square = 1 / ((double)variance[c] + m->eps), scale = sqrt(square);
        const double whole = weight ? scale * (double)weight[c] : scale, rest = INTERNAL(norm_rest)(m, c);
        factor[c] = (real)whole;
        if (sums) {
            const double steep = sums[c].squares * square / count;
            shift[c] = (real)(sums[c].mean / count - rest * steep);
            slope[c] = (real)steep;
        } else
            shift[c] = (real)((bias ? (double)bias[c] : 0) - rest * whole);
    }
}

#include "norm_channels.inc.c"

INLINE const real *INTERNAL(norm_plane)(const void *base, const ptrdiff_t *strides, ptrdiff_t i, ptrdiff_t channel)
{
    return (const real *)base + i * strides[0] + channel * strides[1];
}

/* ---------------------------------------------------------------- mean and variance */

/* The sums of x - shift over n items, and of its squares. */
static NOINLINE norm_sums INTERNAL(norm_line)(const real *x, ptrdiff_t n, real shift)
{
    norm_sums all = {0};
    for (ptrdiff_t k = 0; k < n;) {
        const ptrdiff_t stop = least(n, k + NORM_PIECE);
        vreal sum[2] = {{0}, {0}}, squares[2] = {{0}, {0}};
        for (; k + 2 * LANES <= stop; k += 2 * LANES)
            for (int j = 0; j < 2; j++) {
                const vreal d = V(load)(x + k + j * LANES) - shift;
                sum[j] += d;
                squares[j] = V(fma)(d, d, squares[j]);
            }
        for (; k < stop; k += LANES) {
            const vint there = V(lane_numbers)() < (integer)least(stop - k, LANES);
            const vreal d = V(select)(there, V(load_upto)(x + k, stop - k) - shift, V(splat)(0));
            sum[0] += d;
            squares[0] = V(fma)(d, d, squares[0]);
        }
        k = stop;
        all.mean += (double)V(reduce_add)(sum[0] + sum[1]);
        all.squares += (double)V(reduce_add)(squares[0] + squares[1]);
    }
    return all;
}

/* Join the items of a piece to those that were before, `before` in number. */
static void INTERNAL(join_piece)(norm_sums *all, double before, const real *x, ptrdiff_t n)
{
    const real middle = (real)(INTERNAL(norm_line)(x, n, 0).mean / (double)n);
    norm_join(all, before, (double)n, (double)middle, INTERNAL(norm_line)(x, n, middle));
}

static void INTERNAL(norm_moments)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(norm_job) *const job = context;
    const wg_norm *const m = job->m;
    for (ptrdiff_t part = begin; part < end; part++) {
        norm_sums *const sums = job->parts + part * m->channels;
        const ptrdiff_t first = part * job->images, last = least(m->n, first + job->images);
        memset(sums, 0, (size_t)m->channels * sizeof *sums);
        if (INTERNAL(norm_by_rows)(m)) {
            INTERNAL(norm_rows_moments)(m, first, last, sums);
            continue;
        }
        for (ptrdiff_t i = first; i < last; i++)
            for (ptrdiff_t c = 0; c < m->channels; c++)
                for (ptrdiff_t k = 0; k < m->inner; k += NORM_PIECE)
                    INTERNAL(join_piece)
        (sums + c, (double)(i - first) * (double)m->inner + (double)k,
         INTERNAL(norm_plane)(m->x, m->x_strides, i, c) + k, least(NORM_PIECE, m->inner - k));
    }
}

/* ---------------------------------------------------------------- the items */

static void INTERNAL(norm_apply)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(norm_job) *const job = context;
    const wg_norm *const m = job->m;
    for (ptrdiff_t p = begin; p < end; p++) {
        const ptrdiff_t i = p / m->channels, c = p % m->channels;
        const real *const x = INTERNAL(norm_plane)(m->x, m->x_strides, i, c);
        real *const z = (real *)m->z + p * m->inner;
        const vreal mean = V(splat)(((const real *)m->mean)[c]);
        const vreal factor = V(splat)(job->factor[c]), shift = V(splat)(job->factor[m->channels + c]);
        const real *const residual = m->residual ? INTERNAL(norm_plane)(m->residual, m->residual_strides, i, c) : NULL;
        for (ptrdiff_t k = 0; k < m->inner; k += LANES) {
            const ptrdiff_t n = m->inner - k;
            vreal y = V(fma)(V(load_upto)(x + k, n) - mean, factor, shift);
            if (residual)
                y += V(load_upto)(residual + k, n);
            V(store_upto)(z + k, n, m->relu ? V(max)(y, V(splat)(0)) : y);
        }
    }
}

/* ---------------------------------------------------------------- the reverse derivative */

/* Of each channel, the sums of g and of g (x - mean). */
static void INTERNAL(norm_products)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(norm_job) *const job = context;
    const wg_norm *const m = job->m;
    for (ptrdiff_t part = begin; part < end; part++) {
        norm_sums *const sums = job->parts + part * m->channels;
        const ptrdiff_t first = part * job->images, last = least(m->n, first + job->images);
        memset(sums, 0, (size_t)m->channels * sizeof *sums);
        if (INTERNAL(norm_by_rows)(m)) {
            INTERNAL(norm_rows_products)(m, first, last, sums);
            continue;
        }
        for (ptrdiff_t i = first; i < last; i++)
            for (ptrdiff_t c = 0; c < m->channels; c++) {
                const real *const x = INTERNAL(norm_plane)(m->x, m->x_strides, i, c);
                const real *const g = INTERNAL(norm_plane)(m->g, m->g_strides, i, c);
                const vreal mean = V(splat)(((const real *)m->mean)[c]);
                for (ptrdiff_t start = 0; start < m->inner; start += NORM_PIECE) {
                    const ptrdiff_t stop = least(m->inner, start + NORM_PIECE);
                    vreal plain = {0}, along = {0};
                    for (ptrdiff_t k = start; k < stop; k += LANES) {
                        const vreal at = V(load_upto)(g + k, stop - k);
                        vreal d = V(load_upto)(x + k, stop - k) - mean;
                        if (stop - k < LANES)
                            d = V(select)(V(lane_numbers)() < (integer)(stop - k), d, V(splat)(0));
                        plain += at;
                        along = V(fma)(at, d, along);
                    }
                    sums[c].mean += (double)V(reduce_add)(plain);
                    sums[c].squares += (double)V(reduce_add)(along);
                }
            }
    }
}

/* factor * (g - the mean of g - (x - mean) * slope). */
static void INTERNAL(norm_back)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(norm_job) *const job = context;
    const wg_norm *const m = job->m;
    const real *const factors = job->factor;
    for (ptrdiff_t p = begin; p < end; p++) {
        const ptrdiff_t i = p / m->channels, c = p % m->channels;
        const real *const x = INTERNAL(norm_plane)(m->x, m->x_strides, i, c);
        const real *const g = INTERNAL(norm_plane)(m->g, m->g_strides, i, c);
        real *const z = (real *)m->z + p * m->inner;
        const vreal mean = V(splat)(((const real *)m->mean)[c]), factor = V(splat)(factors[c]);
        const vreal of_g = V(splat)(factors[m->channels + c]), slope = V(splat)(factors[2 * m->channels + c]);
        for (ptrdiff_t k = 0; k < m->inner; k += LANES) {
            const ptrdiff_t n = m->inner - k;
            const vreal d = V(load_upto)(x + k, n) - mean;
            V(store_upto)(z + k, n, (V(load_upto)(g + k, n) - of_g - d * slope) * factor);
        }
    }
}

/* ---------------------------------------------------------------- the kernels */

/* Room for the parts' sums, and behind them for three numbers of each channel; or NULL. */
static norm_sums *INTERNAL(norm_begin)(INTERNAL(norm_job) *job, ptrdiff_t *parts)
{
    const ptrdiff_t channels = most(1, job->m->channels);
    job->images = norm_images(job->m);
    *parts = ceil_div(job->m->n, job->images);
    const size_t bytes = (size_t)(most(1, *parts) * channels) * sizeof(norm_sums);
    job->parts = wg_buffer_acquire(bytes + 3 * (size_t)channels * sizeof(real));
    job->factor = job->parts ? (real *)((char *)job->parts + bytes) : NULL;
    return job->parts;
}

/* A task for every plane, or one for every row. */
static void INTERNAL(norm_for_items)(INTERNAL(norm_job) *job, wg_task *planes, wg_task *rows)
{
    const wg_norm *const m = job->m;
    if (INTERNAL(norm_by_rows)(m))
        wg_parallel_for(m->n, pieces_per_chunk(NORM_CHUNK, m->channels), rows, job);
    else if (m->inner)
        wg_parallel_for(m->n * m->channels, pieces_per_chunk(NORM_CHUNK, m->inner), planes, job);
}

static wg_status K(norm_moments)(const wg_norm *m)
{
    INTERNAL(norm_job) job = {.m = m};
    ptrdiff_t parts;
    if (!INTERNAL(norm_begin)(&job, &parts))
        return WG_NO_MEMORY;
    wg_parallel_for(parts, 1, INTERNAL(norm_moments), &job);
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        norm_sums all = job.parts[c];
        double count = (double)least(m->n, job.images) * (double)m->inner;
        for (ptrdiff_t part = 1; part < parts; part++) {
            const norm_sums *const next = job.parts + part * m->channels + c;
            const double own = (double)least(job.images, m->n - part * job.images) * (double)m->inner;
            norm_join(&all, count, own, next->mean, (norm_sums){0, next->squares});
            count += own;
        }
        ((real *)m->mean)[c] = (real)all.mean;
        if (m->rest)
            ((real *)m->rest)[c] = (real)(all.mean - (double)(real)all.mean);
        ((real *)m->variance)[c] = (real)(all.squares / count);
    }
    wg_buffer_release(job.parts);
    return WG_OK;
}

static wg_status K(norm_apply)(const wg_norm *m)
{
    INTERNAL(norm_job) job = {.m = m};
    if (!(job.factor = wg_buffer_acquire(2 * (size_t)most(1, m->channels) * sizeof(real))))
        return WG_NO_MEMORY;
    INTERNAL(norm_factors)(m, NULL, job.factor);
    INTERNAL(norm_for_items)(&job, INTERNAL(norm_apply), INTERNAL(norm_apply_rows));
    wg_buffer_release(job.factor);
    return WG_OK;
}

static wg_status K(norm_backward)(const wg_norm *m)
{
    INTERNAL(norm_job) job = {.m = m};
    ptrdiff_t parts;
    if (!INTERNAL(norm_begin)(&job, &parts))
        return WG_NO_MEMORY;
    wg_parallel_for(parts, 1, INTERNAL(norm_products), &job);
    for (ptrdiff_t c = 0; c < m->channels; c++) {
        norm_sums *const all = job.parts + c;
        for (ptrdiff_t part = 1; part < parts; part++) {
            all->mean += job.parts[part * m->channels + c].mean;
            all->squares += job.parts[part * m->channels + c].squares;
        }
        all->squares -= INTERNAL(norm_rest)(m, c) * all->mean; /* of distances from the mean as it is rounded */
        ((real *)m->of_bias)[c] = (real)all->mean;
        ((real *)m->of_weight)[c] = (real)(all->squares / sqrt((double)((const real *)m->variance)[c] + m->eps));
    }
    INTERNAL(norm_factors)(m, job.parts, job.factor);
    INTERNAL(norm_for_items)(&job, INTERNAL(norm_back), INTERNAL(norm_back_rows));
    wg_buffer_release(job.parts);
    return WG_OK;
}

/* ---------------------------------------------------------------- rows */

/* A row's mean, in two numbers, and 1 / sqrt(variance + eps). */
typedef struct {
    real high, low;
    double scale;
} INTERNAL(norm_row);

static NOINLINE INTERNAL(norm_row) INTERNAL(norm_row_of)(const wg_norm_rows *m, const real *x)
{
    const double share = 1 / (double)m->inner;
    const real high = (real)(INTERNAL(norm_line)(x, m->inner, 0).mean * share);
    const norm_sums around = INTERNAL(norm_line)(x, m->inner, high);
    const double low = around.mean * share, variance = around.squares * share - low * low;
    return (INTERNAL(norm_row)){high, (real)low, 1 / sqrt(variance + m->eps)};
}

/* The weights, or ones that are read again and again: `step` is then 0. */
INLINE const real *INTERNAL(norm_weights)(const void *given, real instead, real *room, ptrdiff_t *step)
{
    V(store)(room, V(splat)(instead));
    *step = given != NULL;
    return given ? given : room;
}

static void INTERNAL(norm_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const wg_norm_rows *const m = context;
    real ones[LANES], zeros[LANES];
    ptrdiff_t w, b;
    const real *const weight = INTERNAL(norm_weights)(m->weight, 1, ones, &w);
    const real *const bias = INTERNAL(norm_weights)(m->bias, 0, zeros, &b);
    for (ptrdiff_t i = begin; i < end; i++) {
        const real *const x = (const real *)m->x + i * m->x_stride;
        real *const z = (real *)m->z + i * m->inner;
        const INTERNAL(norm_row) row = INTERNAL(norm_row_of)(m, x);
        const real scale = (real)row.scale;
        if (m->scale)
            ((real *)m->scale)[i] = scale;
        ptrdiff_t k = 0;
        for (; k + LANES <= m->inner; k += LANES)
            V(store)(z + k, V(fma)((V(load)(x + k) - row.high - row.low) * scale, V(load)(weight + w * k),
                                   V(load)(bias + b * k)));
        if (k < m->inner) {
            const ptrdiff_t n = m->inner - k;
            V(store_tail)(z + k, n,
                          V(fma)((V(load_tail)(x + k, n) - row.high - row.low) * scale, V(load_tail)(weight + w * k, n),
                                 V(load_tail)(bias + b * k, n)));
        }
    }
}

/* One row of the reverse derivative; onto of_weight and of_bias. Lanes behind the end have a cotangent of 0. */
static void INTERNAL(norm_row_back)(const wg_norm_rows *m, const real *x, const real *g, const real *weight,
                                    ptrdiff_t w, real *z, real *of_weight, real *of_bias)
{
    const INTERNAL(norm_row) row = INTERNAL(norm_row_of)(m, x);
    const real scale = (real)row.scale;
    double plain = 0, along = 0;
    for (ptrdiff_t k = 0; k < m->inner;) {
        const ptrdiff_t stop = least(m->inner, k + NORM_PIECE);
        vreal sum = {0}, product = {0};
        for (; k < stop; k += LANES) {
            const ptrdiff_t n = stop - k;
            const vreal d = (V(load_upto)(x + k, n) - row.high - row.low) * scale, y = V(load_upto)(g + k, n);
            V(store_upto)(of_bias + k, n, V(load_upto)(of_bias + k, n) + y);
            V(store_upto)(of_weight + k, n, V(fma)(y, d, V(load_upto)(of_weight + k, n)));
            const vreal v = y * V(load_upto)(weight + w * k, n);
            sum += v;
            product = V(fma)(v, d, product);
            V(store_upto)(z + k, n, v);
        }
        k = stop;
        plain += (double)V(reduce_add)(sum);
        along += (double)V(reduce_add)(product);
    }
    const real middle = (real)(plain / (double)m->inner), slope = (real)(along / (double)m->inner);
    for (ptrdiff_t k = 0; k < m->inner; k += LANES) {
        const ptrdiff_t n = m->inner - k;
        const vreal d = (V(load_upto)(x + k, n) - row.high - row.low) * scale;
        V(store_upto)(z + k, n, (V(load_upto)(z + k, n) - middle - d * slope) * scale);
    }
}

static void INTERNAL(norm_rows_back)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const wg_norm_rows *const m = context;
    real ones[LANES];
    ptrdiff_t w;
    const real *const weight = INTERNAL(norm_weights)(m->weight, 1, ones, &w);
    for (ptrdiff_t part = begin; part < end; part++) {
        real *const of_weight = (real *)m->of_weight + part * m->inner;
        real *const of_bias = (real *)m->of_bias + part * m->inner;
        memset(of_weight, 0, (size_t)m->inner * sizeof(real));
        memset(of_bias, 0, (size_t)m->inner * sizeof(real));
        for (ptrdiff_t i = part * WG_NORM_ROWS; i < least(m->n, (part + 1) * WG_NORM_ROWS); i++)
            INTERNAL(norm_row_back)(m, (const real *)m->x + i * m->x_stride, (const real *)m->g + i * m->g_stride,
                                    weight, w, (real *)m->z + i * m->inner, of_weight, of_bias);
    }
}

static void K(norm_rows)(const wg_norm_rows *m)
{
    wg_parallel_for(m->n, pieces_per_chunk(NORM_CHUNK, m->inner), INTERNAL(norm_rows), (void *)(uintptr_t)m);
}

static void K(norm_rows_backward)(const wg_norm_rows *m)
{
    wg_parallel_for(ceil_div(m->n, WG_NORM_ROWS), pieces_per_chunk(NORM_CHUNK, WG_NORM_ROWS * m->inner),
                    INTERNAL(norm_rows_back), (void *)(uintptr_t)m);
}

#if REAL_BITS == 64
const wg_norm_kernels TABLE(norm) = {
    .moments = BOTH(norm_moments),
    .apply = BOTH(norm_apply),
    .backward = BOTH(norm_backward),
    .rows = BOTH(norm_rows),
    .rows_backward = BOTH(norm_rows_backward),
};
#endif
