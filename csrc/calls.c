/* calls.c - how a recorded call is run: the arguments of each family's kernels, as a struct. */
#include "program.h"

#include "grain.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- elementwise */

void wg_dense_run(const wg_dense *d, wg_real real, ptrdiff_t items, char *const *data)
{
    static const ptrdiff_t still[WG_MAX_OPERANDS] = {0};
    ptrdiff_t strides[WG_MAX_OPERANDS];
    for (int j = 0; j < WG_MAX_OPERANDS; j++)
        strides[j] = d->steps[j];
    wg_active->elementwise->kernel[d->kernel][real](1, items, data, still, strides, d->params);
}

wg_status wg_call_dense(void *call, wg_real real)
{
    const wg_dense *d = call;
    if (d->items <= WG_SHORT) {
        if (d->items)
            wg_dense_run(d, real, d->items, d->data);
        return WG_OK;
    }
    ptrdiff_t strides[WG_MAX_OPERANDS];
    const ptrdiff_t *of[WG_MAX_OPERANDS];
    for (int j = 0; j < WG_MAX_OPERANDS; j++) {
        strides[j] = d->steps[j];
        of[j] = &strides[j];
    }
    wg_elementwise_run((wg_elementwise)d->kernel, real, 1, &d->items, d->data, of, d->params);
    return WG_OK;
}

wg_status wg_call_strided(void *call, wg_real real)
{
    const wg_strided *s = call;
    wg_elementwise_run(s->kernel, real, s->ndim, s->shape, s->data, s->strides, s->params);
    return WG_OK;
}

/* ---------------------------------------------------------------- copies of any layout */

/* One row; the loops are apart so that each is compiled for its size. */
static void assign_row(size_t size, ptrdiff_t count, char *to, ptrdiff_t step_to, const char *from, ptrdiff_t step_from)
{
    if (step_to == (ptrdiff_t)size && step_from == (ptrdiff_t)size) {
        memmove(to, from, (size_t)count * size);
        return;
    }
#define ROW(bytes, type)                                                                               \
    case bytes:                                                                                        \
        for (ptrdiff_t i = 0; i < count; i++)                                                          \
            *(type *)(void *)(to + i * step_to) = *(const type *)(const void *)(from + i * step_from); \
        break
    switch (size) {
        ROW(1, uint8_t);
        ROW(2, uint16_t);
        ROW(4, uint32_t);
        ROW(8, uint64_t);
    default: break;
    }
#undef ROW
}

/* The copy after simplification: rows along the last dimension. */
typedef struct {
    size_t size;
    int ndim;
    ptrdiff_t shape[WG_MAX_DIMS], to_strides[WG_MAX_DIMS], from_strides[WG_MAX_DIMS];
    char *to;
    const char *from;
} assignment;

/* Task: rows [begin, end), in C order. */
static void assign_rows(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const assignment *const j = context;
    const int last = j->ndim - 1;
    ptrdiff_t index[WG_MAX_DIMS] = {0}, left = begin;
    char *to = j->to;
    const char *from = j->from;
    for (int d = last - 1; left > 0 && d >= 0; left /= j->shape[d], d--) {
        index[d] = left % j->shape[d];
        to += index[d] * j->to_strides[d];
        from += index[d] * j->from_strides[d];
    }
    for (ptrdiff_t row = begin; row < end; row++) {
        assign_row(j->size, j->shape[last], to, j->to_strides[last], from, j->from_strides[last]);
        for (int d = last - 1; d >= 0; d--) {
            to += j->to_strides[d];
            from += j->from_strides[d];
            if (++index[d] < j->shape[d])
                break;
            to -= j->shape[d] * j->to_strides[d];
            from -= j->shape[d] * j->from_strides[d];
            index[d] = 0;
        }
    }
}

/* Task: items [begin, end) of the only row. */
static void assign_items(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const assignment *const j = context;
    assign_row(j->size, end - begin, j->to + begin * j->to_strides[0], j->to_strides[0],
               j->from + begin * j->from_strides[0], j->from_strides[0]);
}

void wg_assign_run(const wg_assign *a)
{
    assignment j = {.size = a->size, .to = a->to, .from = a->from};
    ptrdiff_t rows = 1;
    for (int d = 0; d < a->ndim; d++) { /* neighbours that both walk as one are merged, from the outside in */
        const int last = j.ndim - 1;
        if (a->shape[d] == 0)
            return;
        if (a->shape[d] == 1)
            continue;
        if (j.ndim && j.to_strides[last] == a->to_strides[d] * a->shape[d] &&
            j.from_strides[last] == a->from_strides[d] * a->shape[d]) {
            j.shape[last] *= a->shape[d];
            j.to_strides[last] = a->to_strides[d];
            j.from_strides[last] = a->from_strides[d];
            continue;
        }
        rows *= j.ndim ? j.shape[last] : 1;
        j.shape[j.ndim] = a->shape[d];
        j.to_strides[j.ndim] = a->to_strides[d];
        j.from_strides[j.ndim++] = a->from_strides[d];
    }
    const ptrdiff_t chunk = CHUNK_OF(COST_MEMORY, 64) * 4 / (ptrdiff_t)a->size; /* items; the cost is for float32 */
    if (j.ndim == 0)
        memmove(a->to, a->from, a->size);
    else if (rows == 1)
        wg_parallel_for(j.shape[0], chunk, assign_items, &j);
    else
        wg_parallel_for(rows, pieces_per_chunk(chunk, j.shape[j.ndim - 1]), assign_rows, &j);
}

wg_status wg_call_assign(void *call, wg_real real)
{
    (void)real;
    wg_assign_run(call);
    return WG_OK;
}

wg_status wg_call_zeros(void *call, wg_real real)
{
    (void)real;
    const wg_zeros *z = call;
    memset(z->to, 0, z->bytes);
    return WG_OK;
}

/* ---------------------------------------------------------------- rows */

wg_status wg_call_softmax(void *call, wg_real real)
{
    const wg_softmax *s = call;
    return wg_active->softmax->softmax[real](s->outer, s->n, s->inner, s->in, s->strides, s->out, s->log);
}

wg_status wg_call_softmax_grad(void *call, wg_real real)
{
    const wg_softmax *s = call;
    return wg_active->softmax->softmax_grad[real](s->outer, s->n, s->inner, s->in, s->strides, s->z, s->z_strides,
                                                  s->out, s->log);
}

/* The kernel, and then the quotient of what it has added up. */
wg_status wg_cross_entropy_run(wg_cross_entropy_call *c, wg_real real)
{
    const wg_cross_entropy_kernels *kernels = wg_active->cross_entropy;
    const wg_status status = c->targets ? kernels->cross_entropy_dense[real](&c->c, c->targets, c->target_row_stride)
                                        : kernels->cross_entropy[real](&c->c);
    if (status != WG_OK || !c->total)
        return status;
    double total = c->c.total_loss;
    if (c->mean)
        total = c->c.total_weight != 0 ? total / c->c.total_weight : NAN;
    if (real == WG_F32)
        *(float *)c->total = (float)total;
    else
        *(double *)c->total = total;
    return WG_OK;
}

wg_status wg_call_cross_entropy(void *call, wg_real real)
{
    return wg_cross_entropy_run(call, real);
}

wg_status wg_call_gather(void *call, wg_real real)
{
    const wg_gather *g = call;
    ptrdiff_t bad;
    return wg_active->gather->gather[real](g->type, g->source, g->rows, g->width, g->row_stride, g->index, g->count,
                                           g->scale, g->shift, g->out, &bad);
}

wg_status wg_call_scatter_add(void *call, wg_real real)
{
    const wg_gather *g = call;
    ptrdiff_t bad;
    return wg_active->gather->scatter_add[real](g->source, g->count, g->width, g->row_stride, g->index, g->out, g->rows,
                                                &bad);
}

wg_status wg_call_topk(void *call, wg_real real)
{
    const wg_topk_call *t = call;
    wg_topk(real, t->outer, t->n, t->inner, t->in, t->strides, t->k, t->smallest, t->out);
    return WG_OK;
}

/* ---------------------------------------------------------------- whole structs */

wg_status wg_call_reduce(void *call, wg_real real)
{
    return wg_active->reduce->reduce[real](call);
}

wg_status wg_call_scan(void *call, wg_real real)
{
    wg_active->scan->scan[real](call);
    return WG_OK;
}

wg_status wg_call_scan_i64(void *call, wg_real real)
{
    (void)real;
    wg_active->scan->scan[WG_SCAN_I64](call);
    return WG_OK;
}

wg_status wg_call_gemm(void *call, wg_real real)
{
    return wg_active->gemm->gemm[real](call);
}

wg_status wg_norm_rows_run(void *call, wg_real real)
{
    const wg_norm_rows *m = call;
    (m->g ? wg_active->norm->rows_backward : wg_active->norm->rows)[real](m);
    return WG_OK;
}

wg_status wg_call_solve(void *call, wg_real real)
{
    wg_active->triangular->solve[real](call);
    return WG_OK;
}

wg_status wg_call_lu(void *call, wg_real real)
{
    const wg_lu *l = call;
    wg_active->triangular->lu[real](l->count, l->m, l->n, l->a, l->row_stride, l->matrix_stride, l->order);
    return WG_OK;
}

wg_status wg_call_along(void *call, wg_real real)
{
    (void)real;
    int64_t bad;
    return wg_along_run(call, &bad);
}

wg_status wg_call_sgd(void *call, wg_real real)
{
    wg_active->update->sgd[real](call);
    return WG_OK;
}

wg_status wg_call_adam(void *call, wg_real real)
{
    wg_active->update->adam[real](call);
    return WG_OK;
}

wg_status wg_call_rmsprop(void *call, wg_real real)
{
    wg_active->update->rmsprop[real](call);
    return WG_OK;
}

wg_status wg_call_adagrad(void *call, wg_real real)
{
    wg_active->update->adagrad[real](call);
    return WG_OK;
}
