/* fuse.c - runs of dense elementwise calls, joined: one block of items after the other goes through all of them. */
#include "program.h"

#include "grain.h"

typedef struct {
    const wg_fused *f;
    wg_real real;
    ptrdiff_t rows, joined; /* that are copied together, and that are done together */
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

/* Copy the tiles of the inputs that are copied, `height` rows of `width` items each. */
static void wg_fused_copy_tiles(const wg_fused_job *job, ptrdiff_t row, ptrdiff_t col, ptrdiff_t height,
                                ptrdiff_t width, char (*tiles)[WG_FUSED_TILE])
{
    const ptrdiff_t size = job->real == WG_F32 ? 4 : 8;
    for (int k = 0; k < job->f->copies; k++) {
        const wg_fused_copy *c = &job->f->copy[k];
        char *const of[2] = {tiles[k], c->data + row * c->row_stride + col * c->col_stride};
        wg_active->elementwise->kernel[WG_ELEMENTWISE_copy][job->real](
            height, width, of, (ptrdiff_t[]){width * size, c->row_stride}, (ptrdiff_t[]){size, c->col_stride}, NULL);
    }
}

/* Task: rows [begin, end), with inputs that are copied: of those whose memory runs down the columns, as many rows at a
 * time as give the two cache lines of a column that processors fetch together. All else is done along the rows. */
static void wg_fused_rows(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    _Alignas(WG_ALIGNMENT) char scratch[WG_FUSED_SCRATCH][WG_FUSED_BLOCK];
    _Alignas(WG_ALIGNMENT) char tiles[WG_FUSED_COPIES][WG_FUSED_TILE];
    const wg_fused_job *job = context;
    const wg_fused *f = job->f;
    const ptrdiff_t size = job->real == WG_F32 ? 4 : 8, cols = f->cols;
    for (ptrdiff_t top = begin; top < end; top += job->rows)
        for (ptrdiff_t col = 0; col < cols; col += f->block) {
            const ptrdiff_t height = least(job->rows, end - top), width = least(f->block, cols - col);
            wg_fused_copy_tiles(job, top, col, height, width, tiles);
            for (ptrdiff_t row = 0; row < height; row += job->joined)
                for (int k = 0; k < f->parts; k++) {
                    const wg_dense *d = &f->part[k];
                    char *data[WG_MAX_OPERANDS];
                    for (int j = 0; j < d->operands; j++) {
                        const int place = f->scratch[k * WG_MAX_OPERANDS + j];
                        data[j] = place >= WG_FUSED_SCRATCH ? tiles[place - WG_FUSED_SCRATCH] + row * width * size
                                  : place >= 0              ? scratch[place]
                                                            : d->data[j] + ((top + row) * cols + col) * d->steps[j];
                    }
                    wg_dense_run(d, job->real, least(job->joined, height - row) * width, data);
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
    if (f->copies == 0) {
        wg_parallel_for(f->items, most(f->block, CHUNK_OF(cost, 1) / f->block * f->block), wg_fused_range, &job);
        return WG_OK;
    }
    if (f->items == 0)
        return WG_OK;
    const ptrdiff_t size = real == WG_F32 ? 4 : 8;
    job.rows = job.joined = most(1, WG_FUSED_ROW / (f->cols * size)); /* of short rows several make a long one */
    for (int k = 0; k < f->copies; k++)
        if (f->copy[k].row_stride == size && f->copy[k].col_stride != size)
            job.rows = most(WG_FUSED_TILE / WG_FUSED_ROW / job.joined, 1) * job.joined;
    const ptrdiff_t rows = CHUNK_OF(cost + f->copies * COST_MEMORY, 1) / f->cols;
    wg_parallel_for(f->items / f->cols, most(rows / job.rows, 1) * job.rows, wg_fused_rows, &job);
    return WG_OK;
}
