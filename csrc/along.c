/* along.c - items picked or placed along one dimension, by an index for each: what gather, scatter, sort and the like do.
 *
 * Any strides, any item of 1, 2, 4 or 8 bytes. Every item lies at an address of its own, so that there is nothing for
 * vectors to do; what counts is how far these addresses are from each other. The indexed dimension is the line. With
 * another, its partner, it makes tiles that are narrow along the partner, so that what their lines can pick stays in the
 * second-level cache, and that have their rows along whichever of both has its neighbours nearer to each other. Threads
 * share the lines, never one of them: so a place that is told twice has the same order for any number of threads. */
#include "grain.h"
#include "inline.h"
#include "program.h"
#include "wengert.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

enum {
    ALONG_CHUNK = CHUNK_OF(COST_PLACED, 1), /* items */
    NARROW = 16,                            /* lines of a tile, whose items are a cache line of 4 bytes each */
    WIDE = 512,                             /* lines of a tile whose rows are as they lie in memory */
    CACHE_LINE = 64,                        /* bytes */
    NARROW_BYTES = 1 << 17,                 /* of what the lines of a tile pick from, if they are more */
    LONG = 256,                             /* places of a tile along its lines */
    FEW = 32,                               /* tiles are too few for many threads */
    SHARED = 512,                           /* places whose addresses are remembered for several lines */
};

/* One row: n places whose index, items and places in the array are each a stride apart, in bytes. */
typedef struct {
    ptrdiff_t n, length, step; /* of the dimension that is indexed */
    ptrdiff_t index_stride, items_stride, array_stride;
    ptrdiff_t wrap;
} wg_row;

/* The place that an index means, at least the row's length if there is none. */
INLINE uint64_t wg_place(const wg_row r, const char *index)
{
    const int64_t i = *(const int64_t *)index;
    return (uint64_t)i + (i < 0 ? (uint64_t)r.wrap : 0);
}

/* `how` and `size` are known where this is called. Gives the first place with a bad index, or -1. */
INLINE ptrdiff_t wg_along_items(wg_along_how how, size_t size, const wg_row r, const char *index, char *items,
                                char *array)
{
    for (ptrdiff_t j = 0; j < r.n; j++) {
        const uint64_t place = wg_place(r, index + j * r.index_stride);
        if (place >= (uint64_t)r.length)
            return j;
        char *at = array + j * r.array_stride + (ptrdiff_t)place * r.step;
        char *item = items + j * r.items_stride;
        switch (how) {
        case WG_ALONG_GATHER: memcpy(item, at, size); break;
        case WG_ALONG_SCATTER: memcpy(at, item, size); break;
        case WG_ALONG_ADD_REALS:
            if (size == sizeof(float))
                *(float *)at += *(const float *)item;
            else
                *(double *)at += *(const double *)item;
            break;
        case WG_ALONG_ADD_INTEGERS: /* unsigned, since those wrap around as two's complement does */
            switch (size) {
            case 1: *(uint8_t *)at = (uint8_t)(*(uint8_t *)at + *(const uint8_t *)item); break;
            case 2: *(uint16_t *)at = (uint16_t)(*(uint16_t *)at + *(const uint16_t *)item); break;
            case 4: *(uint32_t *)at += *(const uint32_t *)item; break;
            default: *(uint64_t *)at += *(const uint64_t *)item; break;
            }
        }
    }
    return -1;
}

INLINE ptrdiff_t wg_along_sized(wg_along_how how, size_t size, const wg_row r, const char *index, char *items,
                                char *array)
{
    switch (size) {
    case 1: return wg_along_items(how, 1, r, index, items, array);
    case 2: return wg_along_items(how, 2, r, index, items, array);
    case 4: return wg_along_items(how, 4, r, index, items, array);
    default: return wg_along_items(how, 8, r, index, items, array);
    }
}

/* A row of items of 4 bytes, in which nothing has gaps: by a third faster. */
INLINE ptrdiff_t wg_along_dense(wg_along_how how, const wg_row r, const char *index, char *items, char *array)
{
    return wg_along_items(how, 4, (wg_row){r.n, r.length, 4, 8, 4, 0, r.wrap}, index, items, array);
}

static ptrdiff_t wg_along_row(const wg_along *a, const wg_row r, const char *index, char *items, char *array)
{
    if (r.index_stride == 0 && r.n > 1 && a->how <= WG_ALONG_SCATTER) { /* one index for all: a copy */
        const uint64_t place = wg_place(r, index);
        if (place >= (uint64_t)r.length)
            return 0;
        char *const at = array + (ptrdiff_t)place * r.step;
        wg_assign copy = {1, a->size, &r.n, items, &r.items_stride, at, &r.array_stride};
        if (a->how == WG_ALONG_SCATTER) {
            copy.to = at, copy.to_strides = &r.array_stride;
            copy.from = items, copy.from_strides = &r.items_stride;
        }
        if (r.items_stride == (ptrdiff_t)a->size && r.array_stride == (ptrdiff_t)a->size)
            memcpy(copy.to, copy.from, (size_t)r.n * a->size);
        else
            wg_assign_run(&copy);
        return -1;
    }
    if (a->size == 4 && r.index_stride == 8 && r.items_stride == 4 && r.step == 4 &&
        r.array_stride == 0) /* the usual case */
        switch (a->how) {
        case WG_ALONG_GATHER: return wg_along_dense(WG_ALONG_GATHER, r, index, items, array);
        case WG_ALONG_SCATTER: return wg_along_dense(WG_ALONG_SCATTER, r, index, items, array);
        case WG_ALONG_ADD_REALS: return wg_along_dense(WG_ALONG_ADD_REALS, r, index, items, array);
        case WG_ALONG_ADD_INTEGERS: break;
        }
    switch (a->how) {
    case WG_ALONG_GATHER: return wg_along_sized(WG_ALONG_GATHER, a->size, r, index, items, array);
    case WG_ALONG_SCATTER: return wg_along_sized(WG_ALONG_SCATTER, a->size, r, index, items, array);
    case WG_ALONG_ADD_REALS: return wg_along_sized(WG_ALONG_ADD_REALS, a->size, r, index, items, array);
    case WG_ALONG_ADD_INTEGERS: break;
    }
    return wg_along_sized(WG_ALONG_ADD_INTEGERS, a->size, r, index, items, array);
}

/* One row of items that lie `at` so many bytes from the array's first. */
INLINE void wg_along_pick(size_t size, ptrdiff_t n, const int32_t *at, char *restrict items, ptrdiff_t stride,
                          const char *restrict array)
{
    for (ptrdiff_t j = 0; j < n; j++)
        memcpy(items + j * stride, array + at[j], size);
}

/* The work as an indexed dimension and all others; member 0 of the strides is the index's, then the items', the array's. */
typedef struct {
    const wg_along *a;
    wg_row line;
    ptrdiff_t steps[3];                /* of the partner, of which there are `partners`, */
    ptrdiff_t partners, block, blocks; /* in blocks of so many; */
    ptrdiff_t part, parts; /* and parts of the line of so many places, which gather alone may have several of */
    int ndim;              /* of what is left */
    ptrdiff_t shape[WG_MAX_DIMS], strides[WG_MAX_DIMS][3];
    int across;  /* rows run along the partner */
    int streams; /* rows run as their items lie in memory */
    int shared;  /* gather lines that all have the same index */
    _Atomic int bad;
} wg_along_job;

/* Lines that share their index: each place is looked at once. Gives whether all are good. */
static int wg_along_shared(const wg_along_job *job, const wg_row r, ptrdiff_t lines, const char *index, char *items,
                           const char *array)
{
    const ptrdiff_t size = (ptrdiff_t)job->a->size;
    for (ptrdiff_t start = 0; start < r.n; start += SHARED) {
        const ptrdiff_t n = least(SHARED, r.n - start);
        int32_t at[SHARED];
        for (ptrdiff_t j = 0; j < n; j++) {
            const uint64_t place = wg_place(r, index + (start + j) * r.index_stride);
            if (place >= (uint64_t)r.length)
                return 0;
            at[j] = (int32_t)((ptrdiff_t)place * r.step);
        }
        for (ptrdiff_t k = 0; k < lines; k++) {
            char *to = items + start * r.items_stride + k * job->steps[1];
            const char *from = array + k * job->steps[2];
            if (r.items_stride == size)
                switch (size) {
                case 4: wg_along_pick(4, n, at, to, 4, from); continue;
                case 8: wg_along_pick(8, n, at, to, 8, from); continue;
                default: break;
                }
            switch (size) {
            case 1: wg_along_pick(1, n, at, to, r.items_stride, from); break;
            case 2: wg_along_pick(2, n, at, to, r.items_stride, from); break;
            case 4: wg_along_pick(4, n, at, to, r.items_stride, from); break;
            default: wg_along_pick(8, n, at, to, r.items_stride, from); break;
            }
        }
    }
    return 1;
}

/* A tile of so many lines and places. Gives whether all indices are good. */
static int wg_along_tile(const wg_along_job *job, ptrdiff_t lines, ptrdiff_t places, const char *index, char *items,
                         char *array)
{
    wg_row line = job->line;
    line.n = places;
    const ptrdiff_t *steps = job->steps;
    if (job->shared)
        return wg_along_shared(job, line, lines, index, items, array);
    if (job->across) {
        const wg_row row = {lines, line.length, line.step, steps[0], steps[1], steps[2], line.wrap};
        for (ptrdiff_t j = 0; j < line.n; j++)
            if (wg_along_row(job->a, row, index + j * line.index_stride, items + j * line.items_stride, array) >= 0)
                return 0;
        return 1;
    }
    const ptrdiff_t most_places = job->streams ? line.n : LONG;
    for (ptrdiff_t start = 0; start < line.n; start += most_places) {
        wg_row row = line;
        row.n = least(most_places, line.n - start);
        for (ptrdiff_t k = 0; k < lines; k++)
            if (wg_along_row(job->a, row, index + start * line.index_stride + k * steps[0],
                             items + start * line.items_stride + k * steps[1], array + k * steps[2]) >= 0)
                return 0;
    }
    return 1;
}

/* Task: tiles [begin, end). */
static void wg_along_tiles(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    wg_along_job *job = context;
    for (ptrdiff_t tile = begin; tile < end; tile++) {
        const ptrdiff_t start = tile % job->parts * job->part;
        ptrdiff_t left = tile / job->parts;
        const ptrdiff_t first = left % job->blocks * job->block;
        left /= job->blocks;
        ptrdiff_t at[3] = {start * job->line.index_stride, start * job->line.items_stride, 0};
        for (int j = 0; j < 3; j++)
            at[j] += first * job->steps[j];
        for (int d = 0; d < job->ndim; d++) {
            for (int j = 0; j < 3; j++)
                at[j] += left % job->shape[d] * job->strides[d][j];
            left /= job->shape[d];
        }
        const ptrdiff_t lines = least(job->block, job->partners - first);
        if (!wg_along_tile(job, lines, least(job->part, job->line.n - start), (const char *)job->a->index + at[0],
                           job->a->items + at[1], job->a->array + at[2])) {
            atomic_store_explicit(&job->bad, 1, memory_order_relaxed);
            return;
        }
    }
}

/* The first index in C order that is out of range, of which there is one. */
static int64_t wg_along_bad(const wg_along *a)
{
    ptrdiff_t at[WG_MAX_DIMS] = {0};
    for (;;) {
        const char *index = (const char *)a->index;
        for (int d = 0; d < a->ndim; d++)
            index += at[d] * a->index_strides[d];
        const int64_t i = *(const int64_t *)index;
        if (i < -a->wrap || i >= a->length)
            return i;
        for (int d = a->ndim - 1; d >= 0 && ++at[d] == a->shape[d]; d--)
            at[d] = 0;
    }
}

/* How far apart neighbours are: beyond a cache line all are as far, and the same index is no nearer than the next. */
static ptrdiff_t wg_along_reach(const ptrdiff_t *strides)
{
    ptrdiff_t reach = 0;
    for (int j = 0; j < 3; j++) {
        const ptrdiff_t distance = strides[j] < 0 ? -strides[j] : strides[j];
        reach += least(j == 0 ? most(distance, 8) : distance, CACHE_LINE);
    }
    return reach;
}

/* Take the dimensions beside the line that are longer than 1, the innermost first, neighbours that all walk as one
 * merged; then the partner out of them. */
static void wg_along_take(wg_along_job *job)
{
    const wg_along *a = job->a;
    for (int d = a->ndim - 1; d >= 0; d--) {
        if (d == a->dim || a->shape[d] == 1)
            continue;
        const ptrdiff_t of[3] = {a->index_strides[d], a->items_strides[d], a->array_strides[d]};
        const int last = job->ndim - 1;
        int one = last >= 0;
        for (int j = 0; one && j < 3; j++)
            one = of[j] == job->strides[last][j] * job->shape[last];
        if (one) {
            job->shape[last] *= a->shape[d];
            continue;
        }
        job->shape[job->ndim] = a->shape[d];
        memcpy(job->strides[job->ndim++], of, sizeof of);
    }
    int nearest = 0;
    for (int d = 1; d < job->ndim; d++)
        if (wg_along_reach(job->strides[d]) < wg_along_reach(job->strides[nearest]))
            nearest = d;
    if (job->ndim == 0)
        return;
    job->partners = job->shape[nearest];
    memcpy(job->steps, job->strides[nearest], sizeof job->steps);
    job->ndim--;
    job->shape[nearest] = job->shape[job->ndim];
    memcpy(job->strides[nearest], job->strides[job->ndim], sizeof job->steps);
}

wg_status wg_along_run(const wg_along *a, int64_t *bad)
{
    assert(a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8);
    ptrdiff_t items = 1;
    for (int d = 0; d < a->ndim; d++)
        items *= a->shape[d];
    if (items == 0)
        return WG_OK;
    wg_along_job job = {.a = a, .partners = 1};
    job.line = (wg_row){.n = 1, .length = a->length, .wrap = a->wrap};
    if (a->ndim)
        job.line = (wg_row){a->shape[a->dim],
                            a->length,
                            a->array_strides[a->dim],
                            a->index_strides[a->dim],
                            a->items_strides[a->dim],
                            0,
                            a->wrap};
    wg_along_take(&job);
    const ptrdiff_t size = (ptrdiff_t)a->size, *steps = job.steps;
    const ptrdiff_t of_line[3] = {job.line.index_stride, job.line.items_stride, job.line.step};
    int alike = job.partners > 1 && steps[0] == 0; /* the lines' indices */
    for (int d = 0; d < job.ndim; d++)
        alike &= job.strides[d][0] == 0;
    job.across = job.partners > 1 && (job.line.n == 1 || wg_along_reach(steps) < wg_along_reach(of_line));
    const ptrdiff_t reach = a->length * (job.line.step < 0 ? -job.line.step : job.line.step);
    job.shared = alike && !job.across && a->how == WG_ALONG_GATHER && reach <= INT32_MAX;
    job.block = job.shared ? 4 * NARROW : NARROW;
    job.streams = wg_along_reach(job.across ? steps : of_line) < CACHE_LINE;
    if (job.across && (job.line.n == 1 || job.streams))
        job.block = a->how == WG_ALONG_GATHER ? ALONG_CHUNK : WIDE;
    else if (job.across)
        job.block = most(NARROW_BYTES / (most(a->length, 1) * size) / NARROW * NARROW, NARROW);
    job.blocks = ceil_div(job.partners, job.block);
    ptrdiff_t tiles = job.blocks;
    for (int d = 0; d < job.ndim; d++)
        tiles *= job.shape[d];
    job.part = job.line.n;
    if (a->how == WG_ALONG_GATHER && tiles < FEW)
        job.part = most(job.line.n / FEW, LONG);
    job.parts = ceil_div(job.line.n, job.part);
    tiles *= job.parts;
    if (items <= ALONG_CHUNK)
        wg_along_tiles(&job, 0, tiles);
    else
        wg_parallel_for(tiles, pieces_per_chunk(ALONG_CHUNK, items / tiles), wg_along_tiles, &job);
    if (!atomic_load_explicit(&job.bad, memory_order_relaxed))
        return WG_OK;
    *bad = wg_along_bad(a);
    return WG_BAD_INDEX;
}
