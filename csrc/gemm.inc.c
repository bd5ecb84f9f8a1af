/* gemm.inc.c - matrix products: C <- A * B, plus a bias for each column or not, one or a batch of them.
 *
 *   gemm_pack.inc.c     copies of blocks, transposed in registers where need be
 *   gemm_tile.inc.c     the innermost loops: tiles of C that live in registers
 *   gemm_pairs.inc.c    the same in bfloat16
 *   gemm_plan.inc.c     which method, tiles and blocks a product gets
 *   gemm_chunk.inc.c    the loops around the tiles
 *   here                threads, batches, the kernel itself
 *
 * The loops follow Goto & van de Geijn (2008) and BLIS, with the sides exchanged, such that A is read as it lies unless
 * its strides are bad: slices of columns, blocks along k, groups of row tiles, panels of B, tiles, and the tile's own
 * loop along k. A panel of B stays in the second-level cache for a group, a row tile's part of A in the first or
 * second. B is packed once, into recycled memory, or on the stack where it is small, or not at all where it lies well.
 *
 * Threads divide rows and columns, never k, and the order in which an item is summed depends neither on its tile nor on
 * its place: results depend on shapes and strides alone. */

#ifndef WG_GEMM
#define WG_GEMM
#include "grain.h"

enum {
    GEMM_STACK_BYTES = 64 << 10, /* of packed operands on the stack: 200 KiB with copies of A, of the pool's 1 MiB */
    GEMM_GROUP = 2,              /* row tiles that share a panel of B, of the largest blocks along k */
    GEMM_MOST_GROUP = 8,         /* and of small ones */
    GEMM_CHUNK_FLOPS = CHUNK_OF(COST_FLOP, 1),
    GEMM_CHUNK_BYTES = CHUNK_OF(COST_PACKED, 1024), /* of packing */
    GEMM_BATCH_FLOPS = 8 * GEMM_CHUNK_FLOPS,        /* a matrix of a batch with more is itself divided among threads */
    GEMM_CHUNKS_PER_THREAD = 4,  /* so that a thread that the system holds up has little to finish alone */
    GEMM_ROUNDING = 1000,        /* multiply-adds of vectors that rounding two operands takes, however small they are */
    GEMM_PATIENCE = 200000000,   /* operations per lane between two questions whether to go on: some 30 milliseconds */
    GEMM_PATIENCE_BYTE = 8,      /* in operations, what a byte of memory takes */
    GEMM_PATIENCE_SETUP = 10000, /* and a matrix before its first */
};

#endif

#include "gemm_pack.inc.c"
#include "gemm_tile.inc.c"
#include "pairs.inc.c"
#ifdef PAIRS_TARGET
#include "gemm_pairs.inc.c"
#endif
#include "gemm_plan.inc.c"
#include "gemm_chunk.inc.c"

/* ---------------------------------------------------------------- one matrix */

/* How many columns of C so many panels cover: all with GEMM_DOT, which has but one slice. */
static ptrdiff_t INTERNAL(columns_of)(const gemm_part *p, ptrdiff_t panels)
{
    return p->method == GEMM_DOT ? p->n : least(panels * p->width, p->n);
}

/* How often a product of m x k and k x n should ask whether to go on: its estimated time in units of GEMM_PATIENCE. */
static double INTERNAL(patience)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    const double a = (double)m * (double)k, b = (double)k * (double)n, c = (double)m * (double)n;
    const double bytes = (a + b + c) * (double)sizeof(real);
    return (2 * a * (double)n + GEMM_PATIENCE_BYTE * bytes + GEMM_PATIENCE_SETUP) *
           (1 / (GEMM_PATIENCE * (double)LANES));
}

INLINE int INTERNAL(interrupted)(const wg_gemm *g)
{
    return g->interrupted && g->interrupted();
}

/* Divide the strips of a slice into chunks for threads: rows into one piece for each thread, then columns, until chunks
 * are as many as wanted. Most are then several row tiles high and several panels wide. Rows alone gave 256 x 256 x 784
 * the speed of 1.4 threads out of two. */
static void INTERNAL(divide)(INTERNAL(job) *job, int threads)
{
    const gemm_part *const p = job->part;
    const double share = (double)job->strips / (double)p->rows.count;
    const double depth = (double)(job->k_end - job->k_begin);
    const double flops = 2 * share * (double)p->m * (double)INTERNAL(columns_of)(p, job->panels) * depth;
    ptrdiff_t rows = 1, columns = 1;
    if (threads > 1 && flops >= 2 * GEMM_CHUNK_FLOPS) {
        const int anew = p->method != GEMM_DOT && p->copy_a; /* each column of chunks copies A anew */
        const double worthwhile = flops / GEMM_CHUNK_FLOPS;
        const double wanted = (double)threads * (anew ? GEMM_CHUNKS_PER_THREAD / 2 : GEMM_CHUNKS_PER_THREAD);
        const ptrdiff_t chunks = (ptrdiff_t)(worthwhile < wanted ? worthwhile : wanted);
        rows = least(job->strips, least(threads, chunks));
        columns = least(job->panels, ceil_div(chunks, rows));
        rows = least(job->strips, ceil_div(chunks, columns)); /* a few panels: the rest of the chunks from rows */
    }
    job->rows = pieces_of(job->strips, rows);
    job->columns = pieces_of(job->panels, columns);
}

static void INTERNAL(pack_for_dots)(const INTERNAL(job) *job)
{
    const gemm_part *const p = job->part;
    const ptrdiff_t padded = INTERNAL(vectors)(p->k) * LANES;
    if (p->packed_a)
        INTERNAL(pack_panel)(p->k, p->m, job->a, p->cs_a, p->rs_a, job->packed_a, padded);
    if (p->packed_b)
        INTERNAL(pack_panel)(p->k, p->n, job->b, p->rs_b, p->cs_b, job->packed_b, padded);
}

/* How many strips of a block of `depth` to do between two questions, so that the product asks `pieces` times; whole
 * groups. */
static ptrdiff_t INTERNAL(strips_at_once)(const gemm_part *p, ptrdiff_t depth, double pieces)
{
    const double blocks = depth < p->k ? (double)p->k / (double)depth : 1;
    return (1 + (ptrdiff_t)((double)p->rows.count * blocks / pieces / (double)p->group)) * p->group;
}

/* How many panels make a slice: as many as the plan says, but no more than one group of strips multiplies within
 * GEMM_PATIENCE. */
static ptrdiff_t INTERNAL(panels_at_once)(const gemm_part *p)
{
    const ptrdiff_t height = 1 + p->m * p->group / p->rows.count;
    return least(p->slice, 1 + (ptrdiff_t)((double)p->columns.count / INTERNAL(patience)(height, p->n, p->k)));
}

/* Multiply a slice. One that takes long is done block by block along k, and a block some strips at a time, with a
 * question between. Blocks come first, because their packed operands then stay in the cache. */
static wg_status INTERNAL(run_slice)(const wg_gemm *g, INTERNAL(job) *job, int threads)
{
    const gemm_part *const p = job->part;
    const double pieces = job->quick ? 1 : INTERNAL(patience)(p->m, INTERNAL(columns_of)(p, job->panels), p->k);
    const ptrdiff_t depth = pieces > 1 && p->block ? p->block : p->k;
    const ptrdiff_t strips = pieces > 1 ? INTERNAL(strips_at_once)(p, depth, pieces) : p->rows.count;
    job->k_end = 0;
    do {
        job->k_begin = job->k_end;
        job->k_end = least(job->k_begin + depth, p->k);
        for (job->first_strip = 0; job->first_strip < p->rows.count; job->first_strip += strips) {
            if (job->first_panel + job->k_begin + job->first_strip > 0 && INTERNAL(interrupted)(g))
                return WG_INTERRUPTED;
            job->strips = least(strips, p->rows.count - job->first_strip);
            INTERNAL(divide)(job, threads);
            wg_parallel_for(job->rows.count * job->columns.count, 1, INTERNAL(run_chunk), job);
        }
    } while (job->k_end < p->k);
    return WG_OK;
}

static wg_status INTERNAL(multiply_part)(const wg_gemm *g, const gemm_part *p, const real *a, const real *b, real *c,
                                         real *scratch, int threads, int quick)
{
    const ptrdiff_t slice = quick ? p->slice : INTERNAL(panels_at_once)(p);
    wg_status status = WG_OK;
    const int exchanged = p->method == GEMM_OUTER_TRANSPOSED;
    b += p->column * g->cs_b;
    INTERNAL(job) job = {
        .part = p,
        .a = exchanged ? b : a,
        .b = exchanged ? a : b,
        .target = INTERNAL(target_of)(g, c, p->column),
        .packed_a = scratch,
        .packed_b = scratch + p->packed_a,
        .quick = quick,
    };
    if (p->method == GEMM_DOT)
        INTERNAL(pack_for_dots)(&job);
    for (; status == WG_OK && job.first_panel < p->columns.count; job.first_panel += slice) {
        job.panels = least(slice, p->columns.count - job.first_panel);
        const ptrdiff_t first = job.first_panel * p->width, end = first + job.panels * p->width;
        if (p->method != GEMM_DOT && p->packed_b && end > p->packed_from) {
            const ptrdiff_t panel_bytes = p->k * p->width * (ptrdiff_t)sizeof(real);
            job.packed_from = first > p->packed_from ? first : p->packed_from;
            job.ld_packed = least(end, INTERNAL(vectors)(p->n) * LANES) - job.packed_from;
            wg_parallel_for(ceil_div(job.ld_packed, p->width), 1 + GEMM_CHUNK_BYTES / panel_bytes, INTERNAL(pack_chunk),
                            &job);
        }
        status = INTERNAL(run_slice)(g, &job, threads);
    }
    return status;
}

static wg_status INTERNAL(multiply)(const wg_gemm *g, const gemm_plan *plan, const real *a, const real *b, real *c,
                                    real *scratch, int threads)
{
    wg_status status = WG_OK;
#ifdef PAIRS_TARGET
    if (plan->of) {
        real *const pairs_a = scratch, *const pairs_b = make_all_pairs(&plan->of[0], a, pairs_a);
        scratch = make_all_pairs(&plan->of[1], b, pairs_b);
        a = pairs_a, b = pairs_b;
    }
#endif
    for (int i = 0; status == WG_OK && i < plan->parts; i++) {
        status = INTERNAL(multiply_part)(g, &plan->part[i], a, b, c, scratch, threads, plan->quick);
        scratch += plan->part[i].packed_a + plan->part[i].packed_b;
    }
    return status;
}

/* `multiply` with packed operands on the stack. It is a function of its own so that only products that pack have so
 * large a frame. */
static NOINLINE wg_status INTERNAL(multiply_on_stack)(const wg_gemm *g, const gemm_plan *plan, const real *a,
                                                      const real *b, real *c, int threads)
{
    vreal scratch[GEMM_STACK_BYTES / WG_VECTOR_BYTES];
    return INTERNAL(multiply)(g, plan, a, b, c, (real *)scratch, threads);
}

/* ---------------------------------------------------------------- batches */

typedef struct {
    const wg_gemm *g;
    const gemm_plan *plan;
    real *scratch;   /* NULL: on the stack of whoever computes */
    int threads;     /* for one matrix */
    ptrdiff_t first; /* from which the matrices are counted */
} INTERNAL(batch);

/* Matrices [begin, end) of the batch. */
static wg_status INTERNAL(multiply_matrices)(const INTERNAL(batch) *batch, ptrdiff_t begin, ptrdiff_t end)
{
    const wg_gemm *const g = batch->g;
    wg_status status = WG_OK;
    for (ptrdiff_t item = begin; status == WG_OK && item < end; item++) {
        const real *a = g->a, *b = g->b;
        real *const c = (real *)g->c + item * g->m * g->ldc;
        ptrdiff_t rest = item;
        for (int d = g->batch_ndim - 1; d >= 0; d--) {
            const ptrdiff_t index = rest % g->batch_shape[d];
            rest /= g->batch_shape[d];
            a += index * g->batch_strides_a[d];
            b += index * g->batch_strides_b[d];
        }
        if (batch->scratch || !batch->plan->scratch)
            status = INTERNAL(multiply)(g, batch->plan, a, b, c, batch->scratch, batch->threads);
        else
            status = INTERNAL(multiply_on_stack)(g, batch->plan, a, b, c, batch->threads);
    }
    return status;
}

/* multiply_matrices as a task of the pool. Its matrices are too small to be interrupted, so there is no status to give.
 * */
static void INTERNAL(multiply_small)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(batch) *const batch = context;
    INTERNAL(multiply_matrices)(batch, batch->first + begin, batch->first + end);
}

/* Make one matrix with more rows of matrices that share B and whose rows of A follow each other evenly. */
static void INTERNAL(fold_batch)(wg_gemm *g)
{
    while (g->batch_ndim > 0) {
        const int d = g->batch_ndim - 1;
        const ptrdiff_t length = g->batch_shape[d], stride_a = g->batch_strides_a[d];
        if (length != 1) {
            if (g->batch_strides_b[d] != 0 || (g->m != 1 && stride_a != g->m * g->rs_a))
                return;
            if (g->m == 1)
                g->rs_a = stride_a;
            g->m *= length;
        }
        g->batch_ndim = d;
    }
}

/* ---------------------------------------------------------------- the kernel */

#ifdef PAIRS_TARGET
/* Where bfloat16 is asked for and is estimated to gain, take the product of pairs instead. */
static NOINLINE void plan_pairs(wg_gemm *g, int medium, double cost, pairs *of, gemm_plan *plan)
{
    wg_gemm halved = *g;
    gemm_plan other;
    halved.k = ceil_div(g->k, 2);
    of[0] = pairs_like(g->m, g->k, g->rs_a, g->cs_a);
    of[1] = pairs_like(g->n, g->k, g->cs_b, g->rs_b);
    halved.rs_a = of[0].along ? of[0].ld : 1, halved.cs_a = of[0].along ? 1 : of[0].ld;
    halved.cs_b = of[1].along ? of[1].ld : 1, halved.rs_b = of[1].along ? 1 : of[1].ld;
    const double rounding = GEMM_ROUNDING + ((double)g->m + (double)g->n) * (double)g->k * 0.25;
    if (INTERNAL(plan)(&halved, 1, &other) + rounding >= cost && !(medium & WG_MEDIUM_ALWAYS))
        return;
    *g = halved;
    *plan = other;
    plan->of = of;
    plan->scratch += of[0].items + of[1].items;
}
#endif

static wg_status INTERNAL(multiply_all)(wg_gemm *g, ptrdiff_t matrices)
{
    assert(g->ldc >= g->n);
    gemm_plan plan;
    const double cost = INTERNAL(plan)(g, 0, &plan);
#ifdef PAIRS_TARGET
    pairs of[2];
    const int medium = pairs_wanted();
    if (UNLIKELY(medium) && g->k > 0)
        plan_pairs(g, medium, cost, of, &plan);
#endif
    (void)cost;
    const size_t bytes = (size_t)plan.scratch * sizeof(real);
    const double flops = 2.0 * (double)g->m * (double)g->n * (double)g->k;
    const double pieces = INTERNAL(patience)(g->m, g->n, g->k); /* in one matrix */
    const ptrdiff_t step = pieces * (double)matrices <= 1 ? matrices : 1 + (ptrdiff_t)(1 / pieces);
    plan.quick = pieces <= 1;
    const int divided = matrices == 1 || flops > GEMM_BATCH_FLOPS || bytes > GEMM_STACK_BYTES || !plan.quick;
    wg_status status = WG_OK;
    INTERNAL(batch) batch = {.g = g, .plan = &plan, .threads = divided ? wg_get_num_threads() : 1};
    if (bytes > GEMM_STACK_BYTES && !(batch.scratch = wg_buffer_acquire(bytes)))
        return WG_NO_MEMORY;
    for (; status == WG_OK && batch.first < matrices; batch.first += step) {
        const ptrdiff_t count = least(step, matrices - batch.first);
        if (batch.first > 0 && INTERNAL(interrupted)(g))
            status = WG_INTERRUPTED;
        else if (divided)
            status = INTERNAL(multiply_matrices)(&batch, batch.first, batch.first + count);
        else
            wg_parallel_for(count, 1 + (ptrdiff_t)(GEMM_CHUNK_FLOPS / (flops + 1)), INTERNAL(multiply_small), &batch);
    }
    if (batch.scratch)
        wg_buffer_release(batch.scratch);
    return status;
}

static wg_status K(gemm)(const wg_gemm *given)
{
    wg_gemm g = *given;
    ptrdiff_t matrices = 1;
    assert(g.m >= 0 && g.n >= 0 && g.k >= 0);
    INTERNAL(fold_batch)(&g);
    for (int d = 0; d < g.batch_ndim; d++)
        matrices *= g.batch_shape[d];
    return matrices > 0 && g.m > 0 && g.n > 0 ? INTERNAL(multiply_all)(&g, matrices) : WG_OK;
}

/* ---------------------------------------------------------------- small products, for other families */

/* Panels of B follow each other, each of two vectors; the last may be of one. */
static void K(pack)(ptrdiff_t n, ptrdiff_t k, const void *b, ptrdiff_t rs_b, ptrdiff_t cs_b, void *packed)
{
    for (ptrdiff_t j = 0; j < n; j += 2 * LANES) {
        const ptrdiff_t width = least(2 * LANES, INTERNAL(vectors)(n - j) * LANES);
        INTERNAL(pack_panel)(least(width, n - j), k, (const real *)b + j * cs_b, cs_b, rs_b, (real *)packed + j * k,
                             width);
    }
}

static void K(product)(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *a, ptrdiff_t rs_a, ptrdiff_t cs_a,
                       const void *packed, ptrdiff_t depth, void *c, ptrdiff_t ldc, int accumulate)
{
    assert(ldc >= INTERNAL(vectors)(n) * LANES);
    for (ptrdiff_t j = 0; j < n && m > 0; j += 2 * LANES) {
        const ptrdiff_t vectors = least(2, INTERNAL(vectors)(n - j));
        const gemm_pieces rows = pieces_of(m, ceil_div(m, vectors == 1 ? TILE_ROWS_SLIM : TILE_ROWS));
        for (ptrdiff_t tile = 0; tile < rows.count; tile++) {
            const ptrdiff_t i = piece_begin(rows, tile);
            INTERNAL(tiles)[vectors][piece_length(rows, tile)](k, (const real *)a + i * rs_a, rs_a, cs_a,
                                                               (const real *)packed + j * depth, vectors * LANES,
                                                               (real *)c + i * ldc + j, ldc, accumulate);
        }
    }
}

#if REAL_BITS == 64
const wg_gemm_kernels TABLE(gemm) = {
    .gemm = BOTH(gemm),
    .pack = BOTH(pack),
    .product = BOTH(product),
    .panel = {[WG_F32] = 2 * WG_VECTOR_BYTES / sizeof(float), [WG_F64] = 2 * WG_VECTOR_BYTES / sizeof(double)},
#ifdef WG_PAIRS
    .bfloat16 = PAIRS,
#endif
};
#endif
