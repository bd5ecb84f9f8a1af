/* recurrence.c - z[k] = a[k] z[k - 1] + b[k] along lines, or z[k] = a[k + 1] z[k + 1] + b[k]: what derivatives of running
 * products are made of, and running logarithms with theirs. A step waits for the one before, so that several lines are
 * walked side by side. Float32 is computed in float64. */
#include "grain.h"
#include "wengert.h"

#include <float.h>

enum { RECURRENCE_TILE = 16, RECURRENCE_CHUNK = CHUNK_OF(COST_RUNNING * 2, 64) };

typedef struct {
    wg_real real;
    int backwards;
    ptrdiff_t outer, n, inner;
    const void *a, *b;
    void *out, *shrinking, *distance; /* the last two of peaks alone */
} recurrence_job;

INLINE void recurrence_tile(wg_real real, const recurrence_job *job, ptrdiff_t first, ptrdiff_t lines, ptrdiff_t apart)
{
    double total[RECURRENCE_TILE] = {0};
    const ptrdiff_t step = job->backwards ? -job->inner : job->inner;
    const ptrdiff_t start = job->backwards ? first + (job->n - 1) * job->inner : first;
    const ptrdiff_t factor = job->backwards ? job->inner : 0; /* from an item to what the one before is multiplied by */
    for (ptrdiff_t k = 0; k < job->n; k++)
        for (ptrdiff_t l = 0; l < lines; l++) {
            const ptrdiff_t at = start + k * step + l * apart;
            if (real == WG_F32) {
                const double item = ((const float *)job->b)[at];
                total[l] = k ? (double)((const float *)job->a)[at + factor] * total[l] + item : item;
                ((float *)job->out)[at] = (float)total[l];
            } else {
                const double item = ((const double *)job->b)[at];
                total[l] = k ? ((const double *)job->a)[at + factor] * total[l] + item : item;
                ((double *)job->out)[at] = total[l];
            }
        }
}

INLINE void recurrence_put(wg_real real, void *out, ptrdiff_t at, double x)
{
    if (real == WG_F32)
        ((float *)out)[at] = (float)x;
    else
        ((double *)out)[at] = x;
}

/* The largest item of b so far, brought into the finite range; what it was less by before, negated; and what the item is. */
INLINE void peaks_tile(wg_real real, const recurrence_job *job, ptrdiff_t first, ptrdiff_t lines, ptrdiff_t apart)
{
    const double most = real == WG_F32 ? (double)FLT_MAX : DBL_MAX;
    double peak[RECURRENCE_TILE] = {0};
    for (ptrdiff_t k = 0; k < job->n; k++)
        for (ptrdiff_t l = 0; l < lines; l++) {
            const ptrdiff_t at = first + k * job->inner + l * apart;
            const double item = real == WG_F32 ? (double)((const float *)job->b)[at] : ((const double *)job->b)[at];
            double new = k == 0 || item > peak[l] || item != item ? item : peak[l];
            new = new > most ? most : new < -most ? -most : new;
            recurrence_put(real, job->shrinking, at, k == 0 ? 0 : peak[l] - new);
            recurrence_put(real, job->distance, at, item - new);
            recurrence_put(real, job->out, at, new);
            peak[l] = new;
        }
}

/* Task: tiles of lines; those of neighbouring columns, or of neighbouring rows where there is one column. */
static void recurrence_tiles(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const recurrence_job *const job = context;
    const ptrdiff_t side = job->inner > 1 ? job->inner : job->outer, tiles = ceil_div(side, RECURRENCE_TILE);
    for (ptrdiff_t t = begin; t < end; t++) {
        const ptrdiff_t start = t % tiles * RECURRENCE_TILE, lines = least(RECURRENCE_TILE, side - start);
        const ptrdiff_t apart = job->inner > 1 ? 1 : job->n;
        const ptrdiff_t first = t / tiles * job->n * job->inner + start * apart;
        if (job->real == WG_F32 && job->distance)
            peaks_tile(WG_F32, job, first, lines, apart);
        else if (job->distance)
            peaks_tile(WG_F64, job, first, lines, apart);
        else if (job->real == WG_F32)
            recurrence_tile(WG_F32, job, first, lines, apart);
        else
            recurrence_tile(WG_F64, job, first, lines, apart);
    }
}

static void recurrence_run(recurrence_job *job)
{
    const ptrdiff_t groups = job->inner > 1 ? job->outer : 1, side = job->inner > 1 ? job->inner : job->outer;
    wg_parallel_for(groups * ceil_div(side, RECURRENCE_TILE),
                    pieces_per_chunk(RECURRENCE_CHUNK, job->n * RECURRENCE_TILE), recurrence_tiles, job);
}

void wg_recurrence(wg_real real, int backwards, ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const void *a,
                   const void *b, void *out)
{
    if (outer == 0 || n == 0 || inner == 0)
        return;
    recurrence_job job = {real, backwards, outer, n, inner, a, b, out, NULL, NULL};
    recurrence_run(&job);
}

wg_status wg_log_sums(wg_real real, ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const void *x, void *out)
{
    const ptrdiff_t count = outer * n * inner, both = 2 * count, size = real == WG_F32 ? 4 : 8,
                    *steps[3] = {&size, &size, &size};
    if (count == 0)
        return WG_OK;
    char *const shrinking = wg_buffer_acquire((size_t)(both * size)), *const sums = shrinking + count * size;
    if (!shrinking)
        return WG_NO_MEMORY;
    recurrence_job job = {real, 0, outer, n, inner, NULL, x, out, shrinking, sums};
    recurrence_run(&job);
    char *const all[] = {shrinking, shrinking}, *const last[] = {sums, sums}, *const total[] = {out, out, sums};
    wg_elementwise_run(WG_ELEMENTWISE_exp, real, 1, &both, all, steps, NULL);
    wg_recurrence(real, 0, outer, n, inner, shrinking, sums, sums);
    wg_elementwise_run(WG_ELEMENTWISE_log, real, 1, &count, last, steps, NULL);
    wg_elementwise_run(WG_ELEMENTWISE_add, real, 1, &count, total, steps, NULL);
    wg_buffer_release(shrinking);
    return WG_OK;
}
