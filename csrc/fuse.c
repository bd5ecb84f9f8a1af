/* fuse.c - runs of dense elementwise calls, joined: one block of items after the other goes through all of them. */
#include "program.h"

#include "grain.h"

typedef struct {
    const wg_fused *f;
    wg_real real;
} wg_fused_job;

/* Task: items [begin, end), block by block. Results that are private to the run stay in scratch memory. */
static void wg_fused_range(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    _Alignas(WG_ALIGNMENT) char scratch[WG_FUSED_SCRATCH][WG_FUSED_BLOCK];
    const wg_fused_job *job = context;
    const wg_fused *f = job->f;
    for (ptrdiff_t from = begin; from < end; from += f->block) {
        const ptrdiff_t items = least(f->block, end - from);
        for (int k = 0; k < f->parts; k++) {
            const wg_dense *d = &f->part[k];
            char *data[WG_MAX_OPERANDS];
            for (int j = 0; j < d->operands; j++) {
                const int place = f->scratch[k * WG_MAX_OPERANDS + j];
                data[j] = place >= 0 ? scratch[place] : d->data[j] + from * d->steps[j];
            }
            wg_dense_run(d, job->real, items, data);
        }
    }
}

wg_status wg_call_fused(void *call, wg_real real)
{
    const wg_fused *f = call;
    ptrdiff_t cost = COST_MEMORY;
    for (int k = 0; k < f->parts; k++)
        cost += (COST_MEMORY / 2 + cost_of_arithmetic[f->part[k].kernel]) * (real == WG_F32 ? 1 : 2);
    wg_fused_job job = {.f = f, .real = real};
    wg_parallel_for(f->items, most(f->block, CHUNK_OF(cost, 1) / f->block * f->block), wg_fused_range, &job);
    return WG_OK;
}
