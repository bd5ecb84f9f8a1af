/* window.inc.c - what goes by windows over pictures: maximum and mean of each, and their transposes.
 *
 * Planes are divided among threads, never one plane. Windows of one size, of at most WG_WINDOW_TAPS items, are taken a
 * vector of neighbours in a row at a time, one tap after the other; those whose size differs, and larger ones, item by
 * item. Items beside the plane are never read: lanes that would lie there hold what changes no maximum and no sum. */

#ifndef WINDOW_ONCE
#define WINDOW_ONCE
#include "grain.h"

enum {
    WINDOW_CHUNK = CHUNK_OF(COST_MEMORY, 64), /* items */
    WINDOW_NONE = 255,                        /* the position that stands for none */
    WINDOW_SCRATCH = 6144,                    /* items of the largest plane that is copied, with what surrounds it */
};

/* Which taps, from `first` to before `last`, of window number i along dimension d lie on the plane. Gives where tap 0 lies. */
static NOINLINE ptrdiff_t window_taps(const wg_window *w, int d, ptrdiff_t i, ptrdiff_t *first, ptrdiff_t *last)
{
    const ptrdiff_t length = w->in[d], out = w->out[d], dilation = w->dilation[d];
    *first = 0;
    if (w->adaptive) {
        const ptrdiff_t whole = length / out, rest = length % out, start = i * whole + i * rest / out;
        *last = (i + 1) * whole + ceil_div((i + 1) * rest, out) - start;
        return start;
    }
    const ptrdiff_t start = i * w->stride[d] - w->padding[d];
    *last = w->size[d];
    if (start < 0)
        *first = dilation == 1 ? -start : ceil_div(-start, dilation);
    if (start + (*last - 1) * dilation >= length)
        *last = start >= length ? 0 : dilation == 1 ? length - start : ceil_div(length - start, dilation);
    return start;
}

/* The same for rows, of windows of one size: most lie within the plane. */
static inline ptrdiff_t window_row(const wg_window *w, ptrdiff_t i, ptrdiff_t *first, ptrdiff_t *last)
{
    const ptrdiff_t start = i * w->stride[0] - w->padding[0];
    *first = 0;
    *last = w->size[0];
    if (start >= 0 && start + (w->size[0] - 1) * w->dilation[0] < w->in[0])
        return start;
    return window_taps(w, 0, i, first, last);
}

/* Whether positions in windows fit a byte. */
static int window_is_small(const wg_window *w)
{
    return !w->adaptive && w->size[0] <= WG_WINDOW_TAPS && w->size[1] <= WG_WINDOW_TAPS / w->size[0];
}

/* How far from its window's tap 0 each position lies, in a plane of this row stride. */
static void window_offsets(const wg_window *w, ptrdiff_t row_stride, ptrdiff_t *offset)
{
    for (ptrdiff_t r = 0; r < w->size[0]; r++)
        for (ptrdiff_t c = 0; c < w->size[1]; c++)
            offset[r * w->size[1] + c] = r * w->dilation[0] * row_stride + c * w->dilation[1];
}
#endif

#undef LANE_ZIPPED
#undef LANE_ZIPPED_ON
#define LANE_ZIPPED(l, d) ((l) / 2 + (l) % 2 * (int)LANES)
#define LANE_ZIPPED_ON(l, d) (LANE_ZIPPED(l, d) + (int)LANES / 2)

typedef struct {
    const wg_window *w;
    const real *in;
    real *out;
    unsigned char *taps; /* of small windows */
    int64_t *places;     /* of others */
    int maximum;
} INTERNAL(window_job);

/* ---------------------------------------------------------------- a vector of windows */

/* Rows of a plane, or of its copy, whose first item stands at `before`, between what changes nothing. */
typedef struct {
    const real *in;
    ptrdiff_t stride, width, before;
} INTERNAL(window_rows);

/* Where a row's end is near: a few instructions with the masks of AVX-512, a loop elsewhere. */
#if WG_VECTOR_BYTES == 64
INLINE
#else
static NOINLINE
#endif
vreal INTERNAL(window_edge)(const real *row, ptrdiff_t at, ptrdiff_t width, real fill)
{
    const ptrdiff_t first = most(0, -at), last = least(LANES, width - at);
    return first < last ? V(load_between)(row + at, first, last, fill) : V(splat)(fill);
}

/* A vector of the items from `at` on of a row of `width`; `fill` beside it. */
INLINE vreal INTERNAL(window_piece)(const real *row, ptrdiff_t at, ptrdiff_t width, real fill)
{
    return at >= 0 && at + LANES <= width ? V(load)(row + at) : INTERNAL(window_edge)(row, at, width, fill);
}

/* The same; of stride 2, those from `at` on that are 2 apart, and those between them. */
INLINE void INTERNAL(window_items)(const real *row, ptrdiff_t at, ptrdiff_t width, const ptrdiff_t stride, real fill,
                                   vreal *x)
{
    x[0] = INTERNAL(window_piece)(row, at, width, fill);
    if (stride == 1)
        return;
    const vreal low = x[0], high = INTERNAL(window_piece)(row, at + LANES, width, fill);
    x[0] = V(even_lanes)(low, high);
    x[1] = V(odd_lanes)(low, high);
}

/* The columns of the first items on the plane, or of none, of `n` windows from number j on. */
INLINE vint INTERNAL(window_columns)(const wg_window *w, ptrdiff_t j, ptrdiff_t n)
{
    vint column = {0};
    if (!w->padding[1])
        return column;
    for (ptrdiff_t l = 0; l < n; l++) {
        ptrdiff_t first, last;
        window_taps(w, 1, j + l, &first, &last);
        column[l] = first < last ? (integer)first : WINDOW_NONE;
    }
    return column;
}

/* All windows of the columns of one vector: the largest items, and their positions. */
INLINE void INTERNAL(max_block)(const wg_window *w, const INTERNAL(window_rows) rows, ptrdiff_t j, real *out,
                                unsigned char *taps, const ptrdiff_t stride)
{
    const ptrdiff_t n = least(LANES, w->out[1] - j), left = j * w->stride[1] - w->padding[1] + rows.before;
    const ptrdiff_t width = w->size[1];
    const vint column = INTERNAL(window_columns)(w, j, n);
    for (ptrdiff_t i = 0; i < w->out[0]; i++) {
        ptrdiff_t first, last;
        const ptrdiff_t top = window_row(w, i, &first, &last);
        vreal best = V(splat)(-(real)INFINITY);
        vint tap = (column + (integer)(first * width)) | ((column == WINDOW_NONE) & WINDOW_NONE);
        if (first >= last)
            tap |= WINDOW_NONE;
        for (ptrdiff_t r = first; r < last; r++) {
            const real *row = rows.in + (top + r * w->dilation[0]) * rows.stride;
            for (ptrdiff_t c = 0; c < width; c += stride) {
                vreal x[2] = {{0}, {0}};
                INTERNAL(window_items)(row, left + c * w->dilation[1], rows.width, stride, -(real)INFINITY, x);
                V(keep_larger)(&best, &tap, x[0], (integer)(r * width + c));
                if (stride == 2 && c + 1 < width)
                    V(keep_larger)(&best, &tap, x[1], (integer)(r * width + c + 1));
            }
        }
        if (w->relu) {
            tap |= (best <= 0) & WINDOW_NONE;
            best = V(at_least)(best, V(splat)(0));
        }
        V(store_upto)(out + i * w->out[1] + j, n, best);
        if (taps)
            V(store_codes)(taps + i * w->out[1] + j, n, tap);
    }
}

/* All windows of the columns of one vector: the means. */
INLINE void INTERNAL(mean_block)(const wg_window *w, const INTERNAL(window_rows) rows, ptrdiff_t j, real *out,
                                 const ptrdiff_t stride)
{
    const ptrdiff_t n = least(LANES, w->out[1] - j), left = j * w->stride[1] - w->padding[1] + rows.before;
    const ptrdiff_t width = w->size[1];
    for (ptrdiff_t i = 0; i < w->out[0]; i++) {
        ptrdiff_t first, last;
        const ptrdiff_t top = window_row(w, i, &first, &last);
        vreal sum = {0};
        for (ptrdiff_t r = first; r < last; r++)
            for (ptrdiff_t c = 0; c < width; c += stride) {
                vreal x[2] = {{0}, {0}};
                INTERNAL(window_items)(rows.in + (top + r) * rows.stride, left + c, rows.width, stride, 0, x);
                sum += x[0];
                if (stride == 2 && c + 1 < width)
                    sum += x[1];
            }
        V(store_upto)(out + i * w->out[1] + j, n, sum / (real)w->divisor);
    }
}

/* ---------------------------------------------------------------- item by item */

/* The windows of a plane, of any sizes and strides. */
static void INTERNAL(window_plane)(const INTERNAL(window_job) *job, const real *plane, real *out, unsigned char *taps,
                                   int64_t *places)
{
    const wg_window *w = job->w;
    const ptrdiff_t dilation = w->dilation[1];
    for (ptrdiff_t i = 0, k = 0; i < w->out[0]; i++)
        for (ptrdiff_t j = 0; j < w->out[1]; j++, k++) {
            ptrdiff_t first, last, begin, end, place = -1, tap = WINDOW_NONE;
            const ptrdiff_t top = window_taps(w, 0, i, &first, &last), left = window_taps(w, 1, j, &begin, &end);
            real best = -(real)INFINITY;
            double sum = 0;
            for (ptrdiff_t r = first; r < last; r++) {
                const ptrdiff_t y = top + r * w->dilation[0];
                const real *row = plane + y * w->row_stride + left;
                for (ptrdiff_t c = begin; !job->maximum && c < end; c++)
                    sum += (double)row[c];
                for (ptrdiff_t c = begin; job->maximum && c < end; c++) {
                    const real x = row[c * dilation];
                    if (x > best || x != x || place < 0) {
                        best = x;
                        place = y * w->in[1] + left + c * dilation;
                        tap = r * w->size[1] + c;
                    }
                }
            }
            if (w->relu && best <= 0) {
                best = 0;
                place = -1;
                tap = WINDOW_NONE;
            }
            out[k] = job->maximum ? best : (real)(sum / w->divisor);
            if (taps)
                taps[k] = (unsigned char)tap;
            if (places)
                places[k] = place;
        }
}

/* Whether there is a path for vectors. */
static int INTERNAL(window_has_path)(const wg_window *w)
{
    return window_is_small(w) && (w->stride[1] == 1 || (w->stride[1] == 2 && w->dilation[1] == 1));
}

/* How long the rows of a copy are: what any vector of windows reads lies in it. */
static ptrdiff_t INTERNAL(window_copy_width)(const wg_window *w)
{
    return ceil_div(w->out[1], LANES) * LANES * w->stride[1] + (w->size[1] - 1) * w->dilation[1] + LANES;
}

/* Copy a plane between what is there; the lanes behind its rows are `fill`. */
static void INTERNAL(window_copy)(const wg_window *w, const real *plane, real fill, ptrdiff_t width, real *copy)
{
    const ptrdiff_t n = least(w->in[1], width - w->padding[1]);
    for (ptrdiff_t y = 0; y < w->in[0]; y++)
        for (ptrdiff_t x = 0; x < n; x += LANES) {
            const real *in = plane + y * w->row_stride + x;
            V(store_upto)(copy + y * width + w->padding[1] + x, width - w->padding[1] - x,
                          n - x >= LANES ? V(load)(in) : V(load_between)(in, 0, n - x, fill));
        }
}

static void INTERNAL(window_chunk)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(window_job) *job = context;
    const wg_window *w = job->w;
    const ptrdiff_t outputs = w->out[0] * w->out[1], width = INTERNAL(window_copy_width)(w);
    const int way = INTERNAL(window_has_path)(w) ? (int)w->stride[1] * 2 + job->maximum : 0;
    const int copies =
        way && (w->padding[1] || w->in[1] % LANES) && width <= WINDOW_SCRATCH && w->in[0] <= WINDOW_SCRATCH / width;
    const real fill = job->maximum ? -(real)INFINITY : 0;
    real copy[WINDOW_SCRATCH];
    for (ptrdiff_t i = 0; copies && i < w->in[0] * width; i++)
        copy[i] = fill;
    for (ptrdiff_t p = begin; p < end; p++) {
        const real *plane = job->in + p * w->plane_stride;
        real *out = job->out + p * outputs;
        unsigned char *taps = job->taps ? job->taps + p * outputs : NULL;
        INTERNAL(window_rows) rows = {plane, w->row_stride, w->in[1], 0};
        if (!way)
            INTERNAL(window_plane)(job, plane, out, taps, job->places ? job->places + p * outputs : NULL);
        if (copies) {
            INTERNAL(window_copy)(w, plane, fill, width, copy);
            rows = (INTERNAL(window_rows)){copy, width, width, w->padding[1]};
        }
        for (ptrdiff_t j = 0; way && j < w->out[1]; j += LANES)
            switch (way) {
            case 2: INTERNAL(mean_block)(w, rows, j, out, 1); break;
            case 3: INTERNAL(max_block)(w, rows, j, out, taps, 1); break;
            case 4: INTERNAL(mean_block)(w, rows, j, out, 2); break;
            case 5: INTERNAL(max_block)(w, rows, j, out, taps, 2); break;
            }
    }
}

/* ---------------------------------------------------------------- the transposes */

/* The maxima's, for windows of two columns that lie side by side, whose rows do not meet: all that they cover. */
INLINE void INTERNAL(spread_pairs)(const wg_window *w, const real *g, const unsigned char *taps, real *plane)
{
    for (ptrdiff_t i = 0; i < w->out[0]; i++) {
        ptrdiff_t first, last;
        const ptrdiff_t top = window_row(w, i, &first, &last);
        for (ptrdiff_t j = 0; j < w->out[1]; j += LANES) {
            const ptrdiff_t n = least(LANES, w->out[1] - j), at = i * w->out[1] + j,
                            items = least(2 * n, w->in[1] - 2 * j);
            const vint x = V(as_int)(V(load_upto)(g + at, n)), tap = V(load_codes)(taps + at, n);
            for (ptrdiff_t r = first; r < last; r++) {
                real *row = plane + (top + r) * w->in[1] + 2 * j;
                const vreal even = V(as_real)(x & (tap == (integer)(2 * r)));
                const vreal odd = V(as_real)(x & (tap == (integer)(2 * r + 1)));
                V(store_upto)(row, items, SHUFFLE_LANES(even, odd, EACH_LANE(LANE_ZIPPED, 1)));
                if (items > LANES)
                    V(store_upto)(row + LANES, items - LANES, SHUFFLE_LANES(even, odd, EACH_LANE(LANE_ZIPPED_ON, 1)));
            }
        }
    }
}

/* The means': a row of a plane from the results of all windows that it lies in, for strides of 1 and 2 of its columns:
 * there, the items of even columns lie in windows by other taps than those of odd ones. */
INLINE void INTERNAL(spread_row)(const wg_window *w, const real *g, ptrdiff_t y, real *row, const ptrdiff_t stride)
{
    const ptrdiff_t outs = w->out[1], below = y + w->padding[0];
    const ptrdiff_t lowest = w->stride[0] == 1 ? below : below / w->stride[0];
    for (ptrdiff_t x = 0; x < w->in[1]; x += stride * LANES) {
        vreal sum[2] = {{0}, {0}};
        for (ptrdiff_t i = lowest; i >= 0 && below - i * w->stride[0] < w->size[0]; i--)
            for (ptrdiff_t c = 0; c < w->size[1] && i < w->out[0]; c++) {
                const ptrdiff_t at = x + w->padding[1] - c, odd = stride == 2 ? at & 1 : 0;
                const vreal part = INTERNAL(window_piece)(g + i * outs, stride == 2 ? (at + odd) / 2 : at, outs, 0);
                if (odd)
                    sum[1] += part;
                else
                    sum[0] += part;
            }
        const ptrdiff_t n = least(stride * LANES, w->in[1] - x);
        sum[0] /= (real)w->divisor;
        if (stride == 1) {
            V(store_upto)(row + x, n, sum[0]);
            continue;
        }
        sum[1] /= (real)w->divisor;
        V(store_upto)(row + x, n, SHUFFLE_LANES(sum[0], sum[1], EACH_LANE(LANE_ZIPPED, 1)));
        if (n > LANES)
            V(store_upto)(row + x + LANES, n - LANES, SHUFFLE_LANES(sum[0], sum[1], EACH_LANE(LANE_ZIPPED_ON, 1)));
    }
}

/* The means' for windows of any sizes: to a plane of zeros. */
static void INTERNAL(spread_means)(const wg_window *w, const real *g, real *plane)
{
    for (ptrdiff_t i = 0; i < w->out[0]; i++)
        for (ptrdiff_t j = 0; j < w->out[1]; j++) {
            ptrdiff_t first, last, begin, end;
            const ptrdiff_t top = window_taps(w, 0, i, &first, &last), left = window_taps(w, 1, j, &begin, &end);
            const real share = *g++ / (real)w->divisor;
            for (ptrdiff_t r = first; r < last; r++)
                for (ptrdiff_t c = begin; c < end; c++)
                    plane[(top + r) * w->in[1] + left + c] += share;
        }
}

/* The maxima's for windows of any sizes: to a plane of zeros. */
static void INTERNAL(spread_maxima)(const wg_window *w, const real *g, const unsigned char *taps, const int64_t *places,
                                    const ptrdiff_t *offset, real *plane)
{
    const ptrdiff_t down = w->stride[0] * w->in[1], right = w->stride[1], outs = w->out[1];
    ptrdiff_t start = -w->padding[0] * w->in[1] - w->padding[1];
    for (ptrdiff_t i = 0; taps && i < w->out[0]; i++, start += down, g += outs, taps += outs)
        for (ptrdiff_t j = 0; j < outs; j++)
            if (taps[j] != WINDOW_NONE)
                plane[start + j * right + offset[taps[j]]] += g[j];
    for (ptrdiff_t k = 0; places && k < w->out[0] * outs; k++)
        if (places[k] >= 0)
            plane[places[k]] += g[k];
}

static void INTERNAL(spread_chunk)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(window_job) *job = context;
    const wg_window *w = job->w;
    const ptrdiff_t outputs = w->out[0] * w->out[1], items = w->in[0] * w->in[1], stride = w->stride[1];
    const int codes = job->taps || job->places, rows = !codes && window_is_small(w) && stride <= 2;
    const int pairs = job->taps && w->size[1] == 2 && stride == 2 && w->dilation[1] == 1 && w->padding[1] == 0 &&
                      w->size[0] <= w->stride[0] && w->dilation[0] == 1;
    const int whole = pairs && w->size[0] == w->stride[0] && w->padding[0] == 0 &&
                      w->out[0] * w->stride[0] >= w->in[0] && w->out[1] * 2 >= w->in[1];
    ptrdiff_t offset[WG_WINDOW_TAPS];
    if (job->taps)
        window_offsets(w, w->in[1], offset);
    for (ptrdiff_t p = begin; p < end; p++) {
        const real *g = job->in + p * outputs;
        const unsigned char *taps = job->taps ? job->taps + p * outputs : NULL;
        real *plane = job->out + p * items;
        if (!whole && !rows)
            memset(plane, 0, (size_t)items * sizeof(real));
        if (pairs)
            INTERNAL(spread_pairs)(w, g, taps, plane);
        else if (codes)
            INTERNAL(spread_maxima)(w, g, taps, job->places ? job->places + p * outputs : NULL, offset, plane);
        else if (!rows)
            INTERNAL(spread_means)(w, g, plane);
        else if (stride == 1)
            for (ptrdiff_t y = 0; y < w->in[0]; y++)
                INTERNAL(spread_row)(w, g, y, plane + y * w->in[1], 1);
        else
            for (ptrdiff_t y = 0; y < w->in[0]; y++)
                INTERNAL(spread_row)(w, g, y, plane + y * w->in[1], 2);
    }
}

/* ---------------------------------------------------------------- items by their position */

static void INTERNAL(pick_chunk)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(window_job) *job = context;
    const wg_window *w = job->w;
    const ptrdiff_t outputs = w->out[0] * w->out[1];
    ptrdiff_t offset[WG_WINDOW_TAPS];
    if (job->taps)
        window_offsets(w, w->row_stride, offset);
    for (ptrdiff_t p = begin; p < end; p++) {
        const real *plane = job->in + p * w->plane_stride;
        real *out = job->out + p * outputs;
        for (ptrdiff_t i = 0, k = 0; i < w->out[0]; i++)
            for (ptrdiff_t j = 0; j < w->out[1]; j++, k++) {
                ptrdiff_t at = -1;
                int none;
                if (job->taps) {
                    const unsigned char tap = job->taps[p * outputs + k];
                    none = tap == WINDOW_NONE;
                    if (!none)
                        at = (i * w->stride[0] - w->padding[0]) * w->row_stride + j * w->stride[1] - w->padding[1] +
                             offset[tap];
                } else {
                    at = (ptrdiff_t)job->places[p * outputs + k];
                    none = at < 0;
                    at = at / w->in[1] * w->row_stride + at % w->in[1];
                }
                out[k] = none ? 0 : plane[at];
            }
    }
}

/* ---------------------------------------------------------------- the kernels */

/* How many planes make a chunk. */
static ptrdiff_t INTERNAL(window_grain)(const wg_window *w)
{
    return pieces_per_chunk(WINDOW_CHUNK, most(1, w->in[0] * w->in[1] + 4 * w->out[0] * w->out[1]));
}

static void INTERNAL(window_run)(const wg_window *w, wg_task *task, int maximum)
{
    INTERNAL(window_job) job = {w, w->x, w->z, NULL, NULL, maximum};
    if (w->codes && window_is_small(w))
        job.taps = w->codes;
    else
        job.places = w->codes;
    if (w->planes && w->out[0] && w->out[1])
        wg_parallel_for(w->planes, INTERNAL(window_grain)(w), task, &job);
}

static void K(window_max)(const wg_window *w)
{
    INTERNAL(window_run)(w, INTERNAL(window_chunk), 1);
}

static void K(window_mean)(const wg_window *w)
{
    INTERNAL(window_run)(w, INTERNAL(window_chunk), 0);
}

static void K(window_pick)(const wg_window *w)
{
    INTERNAL(window_run)(w, INTERNAL(pick_chunk), 1);
}

static void K(window_spread)(const wg_window *w)
{
    if (!w->out[0] || !w->out[1])
        memset(w->z, 0, (size_t)(w->planes * w->in[0] * w->in[1]) * sizeof(real));
    INTERNAL(window_run)(w, INTERNAL(spread_chunk), 0);
}

#if REAL_BITS == 64
const wg_window_kernels TABLE(window) = {
    .max = BOTH(window_max), .mean = BOTH(window_mean), .pick = BOTH(window_pick), .spread = BOTH(window_spread)};
#endif
