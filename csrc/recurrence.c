/* recurrence.c - z[k] = a[k] z[k - 1] + b[k] along lines, or z[k] = a[k + 1] z[k + 1] + b[k]: what derivatives of running
 * products and running logarithms are made of. A step waits for the one before, so that several lines are walked side by
 * side. Float32 is computed in float64. */
#include "grain.h"
#include "wengert.h"

enum { RECURRENCE_TILE = 16, RECURRENCE_CHUNK = CHUNK_OF(COST_RUNNING * 2, 64) };

typedef struct {
    wg_real real;
    int backwards;
    ptrdiff_t outer, n, inner;
    const void *a, *b;
    void *out;
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

/* Task: tiles of lines; those of neighbouring columns, or of neighbouring rows where there is one column. */
static void recurrence_tiles(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const recurrence_job *const job = context;
    const ptrdiff_t side = job->inner > 1 ? job->inner : job->outer, tiles = ceil_div(side, RECURRENCE_TILE);
    for (ptrdiff_t t = begin; t < end; t++) {
        const ptrdiff_t start = t % tiles * RECURRENCE_TILE, lines = least(RECURRENCE_TILE, side - start);
        const ptrdiff_t apart = job->inner > 1 ? 1 : job->n;
        const ptrdiff_t first = t / tiles * job->n * job->inner + start * apart;
        if (job->real == WG_F32)
            recurrence_tile(WG_F32, job, first, lines, apart);
        else
            recurrence_tile(WG_F64, job, first, lines, apart);
    }
}

void wg_recurrence(wg_real real, int backwards, ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const void *a,
                   const void *b, void *out)
{
    if (outer == 0 || n == 0 || inner == 0)
        return;
    recurrence_job job = {real, backwards, outer, n, inner, a, b, out};
    const ptrdiff_t groups = inner > 1 ? outer : 1, side = inner > 1 ? inner : outer;
    wg_parallel_for(groups * ceil_div(side, RECURRENCE_TILE), pieces_per_chunk(RECURRENCE_CHUNK, n * RECURRENCE_TILE),
                    recurrence_tiles, &job);
}
