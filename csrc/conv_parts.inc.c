/* conv_parts.inc.c - what the families conv and conv_weight share: where windows meet an image, and how long work is
 * divided. Included once per real type. */

#ifndef WG_CONV_PARTS
#define WG_CONV_PARTS
#include "grain.h"

enum { CONV_CHUNKS_BETWEEN_QUESTIONS = 10000 }; /* of five microseconds: so long Ctrl-C waits */

/* The places p of a map, along one dimension, at which tap k lies within the image: [first, end). It then lies at
 * p * stride + offset. */
typedef struct {
    ptrdiff_t first, end, offset;
} conv_reach;

INLINE conv_reach conv_reach_of(const wg_conv *c, int d, ptrdiff_t k)
{
    const ptrdiff_t offset = k * c->dilation[d] - c->padding[d], room = c->image[d] - 1 - offset;
    const ptrdiff_t end = room < 0 ? 0 : least(c->map[d], room / c->stride[d] + 1);
    const ptrdiff_t first = offset < 0 ? ceil_div(-offset, c->stride[d]) : 0;
    return (conv_reach){least(first, end), end, offset};
}

/* What a task is told: `first` is added to its places. */
typedef struct {
    const wg_conv *c;
    ptrdiff_t first;
    void *more;
} conv_job;

/* Run a task over [0, count), in chunks of items that cost `picoseconds` each, and ask in between whether to go on. */
static wg_status conv_run(conv_job *job, ptrdiff_t count, double picoseconds, wg_task *task)
{
    const double each = CHUNK_PICOSECONDS / (picoseconds + 1);
    const ptrdiff_t grain = each < 1 ? 1 : each > 1e9 ? 1000000000 : (ptrdiff_t)each;
    const double slices = CONV_CHUNKS_BETWEEN_QUESTIONS * each / (double)grain;
    const ptrdiff_t slice = grain * most(1, (ptrdiff_t)least(1 << 20, (ptrdiff_t)slices));
    for (job->first = 0; job->first < count; job->first += slice) {
        if (job->first > 0 && job->c->interrupted && job->c->interrupted())
            return WG_INTERRUPTED;
        wg_parallel_for(least(slice, count - job->first), grain, task, job);
    }
    return WG_OK;
}

/* Multiplications of one plane of `channels` that are summed up into each of its items. */
INLINE double conv_products(const wg_conv *c, ptrdiff_t channels)
{
    return (double)channels * (double)c->kernel[0] * (double)c->kernel[1] * (double)c->map[0] * (double)c->map[1];
}
#endif

/* The first n items at p, at most LANES, `stride` bytes apart; the other lanes are zero. */
static NOINLINE vreal INTERNAL(strided)(const char *p, ptrdiff_t stride, ptrdiff_t n)
{
    real items[WG_VECTOR_BYTES / sizeof(real)] = {0};
    for (ptrdiff_t i = 0; i < n && i < LANES; i++)
        items[i] = *(const real *)(p + i * stride);
    return V(load)(items);
}
