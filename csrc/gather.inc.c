/* gather.inc.c - rows picked by index out of a matrix, converted and scaled, and images moved and mirrored meanwhile; and
 * the transpose, rows added up by index.
 *
 * Indices are checked before anything is written. A gathered row is a short run at an address that no hardware
 * prefetcher foresees, so the row a few places ahead is asked for early. The conversion loops are plain C: compilers
 * turn each into widen, convert, multiply, add. scatter_add gives every task some columns of all rows, so that a row's
 * terms are added in the order of the indices for any number of threads. */

#ifndef WG_GATHER_ONCE
#define WG_GATHER_ONCE
#include "grain.h"

enum {
    GATHER_CHUNK = CHUNK_OF(COST_GATHERED, 1024), /* items */
    PREFETCH_ROWS = 3,                            /* how far ahead rows are asked for */
    PREFETCH_LEAST = 256, /* bytes of a row below which the processor is several rows ahead by itself */
    PREFETCH_MOST = 1024, /* bytes of a row that are asked for: the processor foresees the rest */
    SCATTER_COLUMNS = 64, /* the narrowest task of scatter_add, in items */
};

/* The first position whose index lies outside [-rows, rows); -1 if there is none. */
static ptrdiff_t first_bad_index(const int64_t *index, ptrdiff_t count, ptrdiff_t rows)
{
    enum { BLOCK = 1024 };
    for (ptrdiff_t start = 0; start < count; start += BLOCK) {
        const ptrdiff_t end = least(start + BLOCK, count);
        int bad = 0;
        for (ptrdiff_t i = start; i < end; i++)
            bad |= (index[i] < -rows) | (index[i] >= rows);
        for (ptrdiff_t i = start; bad && i < end; i++)
            if (index[i] < -rows || index[i] >= rows)
                return i;
    }
    return -1;
}

/* The row that a valid index means. */
static inline ptrdiff_t row_of_index(int64_t index, ptrdiff_t rows)
{
    return (ptrdiff_t)(index < 0 ? index + rows : index);
}
#endif

/* ---------------------------------------------------------------- gather */

typedef struct {
    wg_source type;
    const char *source;
    ptrdiff_t rows, width, row_stride; /* the stride in bytes */
    const int64_t *index;
    ptrdiff_t count;
    real scale, shift;
    real *out;
} INTERNAL(gather_job);

INLINE real INTERNAL(source_item)(wg_source type, const void *in, ptrdiff_t j)
{
    switch (type) {
    case WG_SOURCE_U8: return (real)((const uint8_t *)in)[j];
    case WG_SOURCE_F32: return (real)((const float *)in)[j];
    case WG_SOURCE_F64: break;
    }
    return (real)((const double *)in)[j];
}

/* Convert a row. `type` is a constant to each caller, so that each type has a loop of its own. A shift of 0 is not
 * added to reals: it would turn -0 into 0. */
INLINE void INTERNAL(convert)(wg_source type, const void *restrict in, ptrdiff_t width, real scale, real shift,
                              real *restrict out)
{
    if (type != WG_SOURCE_U8 && shift == 0)
        for (ptrdiff_t j = 0; j < width; j++)
            out[j] = INTERNAL(source_item)(type, in, j) * scale;
    else
        for (ptrdiff_t j = 0; j < width; j++)
            out[j] = INTERNAL(source_item)(type, in, j) * scale + shift;
}

/* Rows [begin, end) of the output, from items of `size` bytes. */
INLINE void INTERNAL(gather_range)(const INTERNAL(gather_job) *job, ptrdiff_t begin, ptrdiff_t end, wg_source type,
                                   ptrdiff_t size)
{
    const ptrdiff_t width = job->width, rows = job->rows, stride = job->row_stride, bytes = width * size;
    const ptrdiff_t wanted = bytes < PREFETCH_LEAST ? 0 : bytes < PREFETCH_MOST ? bytes : PREFETCH_MOST;
    const real scale = job->scale, shift = job->shift;
    if (width == 1) {
        for (ptrdiff_t i = begin; i < end; i++) {
            const char *in = job->source + row_of_index(job->index[i], rows) * stride;
            INTERNAL(convert)(type, in, 1, scale, shift, job->out + i);
        }
        return;
    }
    for (ptrdiff_t i = begin; i < end; i++) {
        const ptrdiff_t ahead = i + PREFETCH_ROWS < end ? i + PREFETCH_ROWS : i;
        const char *later = job->source + row_of_index(job->index[ahead], rows) * stride;
        for (ptrdiff_t b = 0; b < wanted; b += 64)
            PREFETCH(later + b);
        const char *in = job->source + row_of_index(job->index[i], rows) * stride;
        INTERNAL(convert)(type, in, width, scale, shift, job->out + i * width);
    }
}

static void INTERNAL(gather_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(gather_job) *job = context;
    switch (job->type) {
    case WG_SOURCE_U8: INTERNAL(gather_range)(job, begin, end, WG_SOURCE_U8, 1); break;
    case WG_SOURCE_F32: INTERNAL(gather_range)(job, begin, end, WG_SOURCE_F32, sizeof(float)); break;
    case WG_SOURCE_F64: INTERNAL(gather_range)(job, begin, end, WG_SOURCE_F64, sizeof(double)); break;
    }
}

static wg_status K(gather)(wg_source type, const void *source, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t row_stride,
                           const int64_t *index, ptrdiff_t count, double scale, double shift, void *out, ptrdiff_t *bad)
{
    assert(rows >= 0 && width >= 0 && count >= 0);
    *bad = first_bad_index(index, count, rows);
    if (*bad >= 0)
        return WG_BAD_INDEX;
    if (width == 0)
        return WG_OK;
    const ptrdiff_t size = type == WG_SOURCE_U8 ? 1 : type == WG_SOURCE_F32 ? sizeof(float) : sizeof(double);
    INTERNAL(gather_job) job = {
        type, source, rows, width, row_stride * size, index, count, (real)scale, (real)shift, out,
    };
    const ptrdiff_t grain = pieces_per_chunk(GATHER_CHUNK, most(width, 8)); /* no row costs less than one of 8 items */
    wg_parallel_for(count, grain, INTERNAL(gather_rows), &job);
    return WG_OK;
}

/* ---------------------------------------------------------------- images, moved and mirrored */

typedef struct {
    const uint8_t *source;
    ptrdiff_t images, height, width;
    const int64_t *index;
    const int32_t *moves;
    real scale;
    real *out;
} INTERNAL(images_job);

/* A row of `width` pixels from `in`, moved to the right, where `right` may be negative, or of the mirrored row. */
INLINE void INTERNAL(move_row)(const uint8_t *restrict in, ptrdiff_t width, ptrdiff_t right, int mirrored, real scale,
                               real *restrict out)
{
    const ptrdiff_t begin = least(most(right, 0), width), end = most(least(width + right, width), begin);
    for (ptrdiff_t j = 0; j < begin; j++)
        out[j] = 0;
    if (mirrored)
        for (ptrdiff_t j = begin; j < end; j++)
            out[j] = (real)in[width - 1 - (j - right)] * scale;
    else
        for (ptrdiff_t j = begin; j < end; j++)
            out[j] = (real)in[j - right] * scale;
    for (ptrdiff_t j = end; j < width; j++)
        out[j] = 0;
}

static void INTERNAL(gather_images)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(images_job) *job = context;
    const ptrdiff_t height = job->height, width = job->width, size = height * width;
    for (ptrdiff_t i = begin; i < end; i++) {
        const uint8_t *in = job->source + row_of_index(job->index[i], job->images) * size;
        const int32_t *move = job->moves + 3 * i;
        real *out = job->out + i * size;
        for (ptrdiff_t row = 0; row < height; row++, out += width) {
            const ptrdiff_t from = row - move[0];
            if (from < 0 || from >= height)
                memset(out, 0, (size_t)width * sizeof(real));
            else
                INTERNAL(move_row)(in + from * width, width, move[1], move[2], job->scale, out);
        }
    }
}

static wg_status K(gather_images)(const uint8_t *source, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width,
                                  const int64_t *index, const int32_t *moves, ptrdiff_t count, double scale, void *out,
                                  ptrdiff_t *bad)
{
    assert(images >= 0 && height >= 0 && width >= 0 && count >= 0);
    *bad = first_bad_index(index, count, images);
    if (*bad >= 0)
        return WG_BAD_INDEX;
    INTERNAL(images_job) job = {source, images, height, width, index, moves, (real)scale, out};
    wg_parallel_for(count, pieces_per_chunk(GATHER_CHUNK, most(height * width, 8)), INTERNAL(gather_images), &job);
    return WG_OK;
}

/* ---------------------------------------------------------------- scatter-add */

typedef struct {
    const real *source;
    ptrdiff_t count, width, row_stride;
    const int64_t *index;
    real *out;
    ptrdiff_t rows;
} INTERNAL(scatter_job);

/* Columns [begin, end) of every row. */
static void INTERNAL(scatter_columns)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(scatter_job) *job = context;
    const ptrdiff_t width = end - begin;
    for (ptrdiff_t i = 0; i < job->count; i++) {
        const real *in = job->source + i * job->row_stride + begin;
        real *out = job->out + row_of_index(job->index[i], job->rows) * job->width + begin;
        for (ptrdiff_t j = 0; j < width; j++)
            out[j] += in[j];
    }
}

static wg_status K(scatter_add)(const void *source, ptrdiff_t count, ptrdiff_t width, ptrdiff_t row_stride,
                                const int64_t *index, void *out, ptrdiff_t rows, ptrdiff_t *bad)
{
    assert(rows >= 0 && width >= 0 && count >= 0);
    *bad = first_bad_index(index, count, rows);
    if (*bad >= 0)
        return WG_BAD_INDEX;
    if (width == 0 || count == 0)
        return WG_OK;
    INTERNAL(scatter_job) job = {source, count, width, row_stride, index, out, rows};
    const ptrdiff_t wanted = GATHER_CHUNK / count, grain = (wanted / SCATTER_COLUMNS + 1) * SCATTER_COLUMNS;
    wg_parallel_for(width, grain, INTERNAL(scatter_columns), &job);
    return WG_OK;
}

#if REAL_BITS == 64
const wg_gather_kernels TABLE(gather) = {
    .gather = BOTH(gather),
    .gather_images = BOTH(gather_images),
    .scatter_add = BOTH(scatter_add),
};
#endif
