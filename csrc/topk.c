/* topk.c - where the k largest or smallest items of rows stand, in order, for k that are small beside the rows.
 *
 * Each row is walked once. The k best so far are kept sorted, in the result itself; nearly every item of a long row is
 * turned away by one comparison with the last of them. */
#include "grain.h"
#include "wengert.h"

#include <assert.h>

enum { TOPK_CHUNK = CHUNK_OF(COST_RANKED, 1024) }; /* items */

typedef struct {
    wg_real real;
    const char *in;
    ptrdiff_t n, inner, outer_stride, stride, inner_stride, k; /* strides in bytes */
    int smallest;
    int64_t *out;
} topk_job;

INLINE double topk_item(wg_real real, const char *item)
{
    return real == WG_F32 ? (double)*(const float *)item : *(const double *)item;
}

/* Whether a comes before b; NaN counts as the largest. */
INLINE int topk_before(double a, double b, int smallest)
{
    return smallest ? a < b || (b != b && a == a) : a > b || (a != a && b == b);
}

/* Item j takes its place among the best so far, whose number is `count` at most, behind those that are equal. */
INLINE void topk_insert(wg_real real, int smallest, const char *in, ptrdiff_t stride, ptrdiff_t j, ptrdiff_t count,
                        int64_t *out, ptrdiff_t step)
{
    const double item = topk_item(real, in + j * stride);
    ptrdiff_t i = count;
    for (; i > 0 && topk_before(item, topk_item(real, in + out[(i - 1) * step] * stride), smallest); i--)
        out[i * step] = out[(i - 1) * step];
    out[i * step] = j;
}

/* The places of one row's best items, `step` apart in `out`. Equal items stay in their order. */
INLINE void topk_row(wg_real real, int smallest, const char *in, ptrdiff_t n, ptrdiff_t stride, ptrdiff_t k,
                     int64_t *out, ptrdiff_t step)
{
    for (ptrdiff_t j = 0; j < k; j++)
        topk_insert(real, smallest, in, stride, j, j, out, step);
    int64_t *const last = out + (k - 1) * step;
    double worst = topk_item(real, in + *last * stride);
    const char *at = in + k * stride;
    for (ptrdiff_t j = k; j < n; j++, at += stride)
        if (topk_before(topk_item(real, at), worst, smallest)) {
            topk_insert(real, smallest, in, stride, j, k - 1, out, step);
            worst = topk_item(real, in + *last * stride);
        }
}

static void topk_rows(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const topk_job *job = context;
    for (ptrdiff_t r = begin; r < end; r++) {
        const ptrdiff_t outer = r / job->inner, inner = r % job->inner;
        const char *in = job->in + outer * job->outer_stride + inner * job->inner_stride;
        int64_t *out = job->out + outer * job->k * job->inner + inner;
        if (job->real == WG_F32 && job->smallest)
            topk_row(WG_F32, 1, in, job->n, job->stride, job->k, out, job->inner);
        else if (job->real == WG_F32)
            topk_row(WG_F32, 0, in, job->n, job->stride, job->k, out, job->inner);
        else if (job->smallest)
            topk_row(WG_F64, 1, in, job->n, job->stride, job->k, out, job->inner);
        else
            topk_row(WG_F64, 0, in, job->n, job->stride, job->k, out, job->inner);
    }
}

void wg_topk(wg_real real, ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *in, const ptrdiff_t *strides,
             ptrdiff_t k, int smallest, int64_t *out)
{
    assert(0 <= k && k <= n);
    if (k == 0)
        return;
    topk_job job = {real, in, n, inner, strides[0], strides[1], strides[2], k, smallest, out};
    wg_parallel_for(outer * inner, pieces_per_chunk(TOPK_CHUNK, n), topk_rows, &job);
}
