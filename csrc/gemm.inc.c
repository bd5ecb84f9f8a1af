/* gemm.inc.c - matrix products: C <- epilogue(alpha * A * B + beta * C), one or a batch of them.
 *
 * The loops follow Goto & van de Geijn (2008) and BLIS, with the sides exchanged, such that A needs no packing unless its
 * strides are bad: blocks of columns, whose part of B stays in the second-level cache; blocks along k; tiles of rows,
 * whose part of A stays in the first-level cache; panels of B; and the tile's own loop along k. B is packed once, into
 * recycled memory, or on the stack where it is small, or not at all where it is small and lies well.
 *
 * Threads divide rows and columns, never k, and the order in which an item is summed depends on neither its tile nor its
 * block: results depend on shapes and strides alone. */

#ifndef WG_GEMM
#define WG_GEMM

enum {
    GEMM_STACK_BYTES = 64 << 10,  /* of packed operands on the stack; the pool's stacks are 1 MiB */
    GEMM_CHUNK_FLOPS = 500000,    /* the least that is worth a chunk of its own: about 5 microseconds */
    GEMM_BATCH_FLOPS = 4000000,   /* a matrix of a batch with more than this is divided itself */
    GEMM_GROUP = 2,
    GEMM_CHUNKS_PER_THREAD = 4,   /* so that a thread that the system holds up has little to finish alone */
};

#define NOINLINE __attribute__((noinline))
#endif

#define GEMM_BLOCK (GEMM_BLOCK_BYTES / (ptrdiff_t)sizeof(real))
#define GEMM_COPY_ROWS (((ptrdiff_t)TILE_ROWS + LANES - 1) / LANES * LANES)

#include "gemm_pack.inc.c"
#include "gemm_tile.inc.c"
#include "gemm_plan.inc.c"

/* ---------------------------------------------------------------- from tiles to C */

/* What becomes of sums: C = epilogue(alpha * sum + beta * C). */
typedef struct {
    real *c;
    ptrdiff_t ldc;
    real alpha, beta;
    const real *bias;
    ptrdiff_t bias_stride;
    int relu;
    const real *mask;
    ptrdiff_t ld_mask;
} INTERNAL(target);

/* The columns of C from `column` on. */
static INTERNAL(target) INTERNAL(target_of)(const wg_gemm *g, real *c, ptrdiff_t column)
{
    const real *bias = g->bias, *mask = g->mask;
    return (INTERNAL(target)){
        .c = c + column,
        .ldc = g->ldc,
        .alpha = (real)g->alpha,
        .beta = (real)g->beta,
        .bias = bias ? bias + column * g->bias_stride : NULL,
        .bias_stride = g->bias_stride,
        .relu = g->relu,
        .mask = mask ? mask + column : NULL,
        .ld_mask = g->ld_mask,
    };
}

/* For one block along k: the first applies beta, the others add to what is there, and the last has the epilogue. */
static INTERNAL(target) INTERNAL(target_of_block)(const INTERNAL(target) *t, int first, int last)
{
    INTERNAL(target) block = *t;
    if (!first)
        block.beta = 1;
    if (!last) {
        block.bias = block.mask = NULL;
        block.relu = 0;
    }
    return block;
}

/* Whether a tile may store into C, or add to it, by itself. */
INLINE int INTERNAL(target_is_plain)(const INTERNAL(target) *t)
{
    return t->alpha == 1 && (t->beta == 0 || t->beta == 1) && !t->bias && !t->relu && !t->mask;
}

INLINE void INTERNAL(store_upto)(real *p, ptrdiff_t n, vreal x)
{
    if (n >= LANES)
        V(store)(p, x);
    else
        V(store_tail)(p, n, x);
}

/* A tile of sums, in rows of stride ld, to rows [i, i + rows) and columns [j, j + columns) of C. Reads whole vectors of
 * sums. */
static NOINLINE void INTERNAL(write_back)(const INTERNAL(target) *t, ptrdiff_t i, ptrdiff_t j, ptrdiff_t rows,
                                          ptrdiff_t columns, const real *sums, ptrdiff_t ld)
{
    for (ptrdiff_t v = 0; v < columns; v += LANES) {
        const ptrdiff_t n = columns - v;
        vreal bias = {0};
        if (t->bias)
            bias = V(load_strided)((const char *)(t->bias + (j + v) * t->bias_stride),
                                   t->bias_stride * (ptrdiff_t)sizeof(real), least(n, LANES));
        for (ptrdiff_t r = 0; r < rows; r++) {
            real *const c = t->c + (i + r) * t->ldc + j + v;
            vreal x = V(load)(sums + r * ld + v) * t->alpha;
            if (t->beta != 0)
                x = V(fma)(V(splat)(t->beta), INTERNAL(load_upto)(c, n), x);
            if (t->bias)
                x += bias;
            if (t->relu)
                x = V(max)(x, V(splat)(0));
            if (t->mask) {
                const vreal mask = INTERNAL(load_upto)(t->mask + (i + r) * t->ld_mask + j + v, n);
                x = V(select)(mask > 0, x, V(splat)(0));
            }
            INTERNAL(store_upto)(c, n, x);
        }
    }
}

/* ---------------------------------------------------------------- one part */

typedef struct {
    const gemm_part *part;
    const real *a, *b; /* as the tiles see them: exchanged for GEMM_OUTER_TRANSPOSED */
    real *packed_a, *packed_b;
    INTERNAL(target) target;
    gemm_pieces rows, columns; /* the grid of chunks, in tiles */
} INTERNAL(job);

INLINE ptrdiff_t INTERNAL(panel_width)(const gemm_part *p, ptrdiff_t column)
{
    return least(p->width, INTERNAL(vectors)(p->n - column) * LANES);
}

/* Where packed columns from `column` on lie, of the block that begins at `start` and has `depth` rows: blocks follow
 * each other, and in a block panels. */
INLINE real *INTERNAL(packed_panel)(const INTERNAL(job) *job, ptrdiff_t start, ptrdiff_t depth, ptrdiff_t column)
{
    const gemm_part *const p = job->part;
    const ptrdiff_t ld = INTERNAL(vectors)(p->n) * LANES - p->packed_from;
    return job->packed_b + start * ld + (column - p->packed_from) * depth;
}

/* Pack panels [begin, end), counted from the first that is packed. */
static void INTERNAL(pack_panels)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(job) *const job = context;
    const gemm_part *const p = job->part;
    for (ptrdiff_t start = 0; start < p->k; start += p->block)
        for (ptrdiff_t i = begin; i < end; i++) {
            const ptrdiff_t depth = least(p->block, p->k - start), column = p->packed_from + i * p->width;
            const ptrdiff_t width = INTERNAL(panel_width)(p, column);
            INTERNAL(pack_panel)(least(width, p->n - column), depth, job->b + start * p->rs_b + column * p->cs_b, p->cs_b,
                           p->rs_b, INTERNAL(packed_panel)(job, start, depth, column), width);
        }
}

/* One tile whose sums do not go to C as they are. */
static NOINLINE void INTERNAL(tile_with_finish)(const INTERNAL(target) *t, INTERNAL(tile_fn) *tile, int transposed,
                                                ptrdiff_t i, ptrdiff_t j, ptrdiff_t rows, ptrdiff_t columns,
                                                ptrdiff_t width, ptrdiff_t k, const real *a, ptrdiff_t rs_a,
                                                ptrdiff_t cs_a, const real *b, ptrdiff_t rs_b)
{
    enum { ROWS = (TILE_ROWS_SLIM + (int)LANES - 1) / (int)LANES * (int)LANES, COLUMNS = TILE_VECTORS * (int)LANES };
    vreal sums[ROWS * COLUMNS / (int)LANES], turned[ROWS * COLUMNS / (int)LANES];
    tile(k, a, rs_a, cs_a, b, rs_b, (real *)sums, width, 0);
    if (transposed) {
        INTERNAL(pack_columns)(rows, columns, (const real *)sums, width, (real *)turned, ROWS);
        INTERNAL(write_back)(t, j, i, columns, rows, (const real *)turned, ROWS);
    } else {
        INTERNAL(write_back)(t, i, j, rows, columns, (const real *)sums, width);
    }
}

/* Of one block along k: the rows of A for a row of tiles, and the columns of B for a column of tiles. */
typedef struct {
    ptrdiff_t i, rows;
    const real *a;
    ptrdiff_t rs_a, cs_a;
} INTERNAL(strip);

typedef struct {
    ptrdiff_t j, columns, width;
    const real *b;
    ptrdiff_t rs_b;
} INTERNAL(panel);

static INTERNAL(panel) INTERNAL(find_panel)(const INTERNAL(job) *job, ptrdiff_t start, ptrdiff_t depth, ptrdiff_t j)
{
    const gemm_part *const p = job->part;
    const ptrdiff_t width = INTERNAL(panel_width)(p, j);
    INTERNAL(panel) panel = {.j = j, .columns = least(width, p->n - j), .width = width};
    if (j >= p->packed_from)
        panel.b = INTERNAL(packed_panel)(job, start, depth, j), panel.rs_b = width;
    else
        panel.b = job->b + start * p->rs_b + j, panel.rs_b = p->rs_b;
    return panel;
}

/* The rows of tile `tile`, copied to `copy` if their place is bad. */
static INTERNAL(strip) INTERNAL(find_strip)(const INTERNAL(job) *job, ptrdiff_t start, ptrdiff_t depth, ptrdiff_t tile,
                                            real *copy)
{
    const gemm_part *const p = job->part;
    const ptrdiff_t i = piece_begin(p->rows, tile), ld = GEMM_BLOCK + LANES;
    INTERNAL(strip) s = {.i = i, .rows = piece_length(p->rows, tile), .rs_a = p->rs_a, .cs_a = p->cs_a};
    s.a = job->a + i * p->rs_a + start * p->cs_a;
    if (p->pack_a && p->cs_a == 1) {
        for (ptrdiff_t r = 0; r < s.rows; r++)
            memcpy(copy + r * ld, s.a + r * p->rs_a, (size_t)depth * sizeof(real));
        s.a = copy, s.rs_a = ld;
    } else if (p->pack_a) {
        const ptrdiff_t width = INTERNAL(vectors)(s.rows) * LANES;
        INTERNAL(pack_panel)(s.rows, depth, s.a, p->rs_a, p->cs_a, copy, width);
        s.a = copy, s.rs_a = 1, s.cs_a = width;
    }
    return s;
}

/* Ask for a tile of C, so that it is near when the sums are done. */
static void INTERNAL(prefetch)(const real *c, ptrdiff_t ldc, ptrdiff_t rows, ptrdiff_t columns)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j += WG_ALIGNMENT / (ptrdiff_t)sizeof(real))
            PREFETCH(c + i * ldc + j);
}

static void INTERNAL(run_tile)(const INTERNAL(job) *job, const INTERNAL(target) *t, ptrdiff_t depth,
                               const INTERNAL(strip) *s, const INTERNAL(panel) *panel)
{
    const int transposed = job->part->method == GEMM_OUTER_TRANSPOSED;
    INTERNAL(tile_fn) *const tile = INTERNAL(tiles)[panel->width / LANES][s->rows];
    if (!transposed && panel->columns == panel->width && INTERNAL(target_is_plain)(t)) {
        real *const c = t->c + s->i * t->ldc + panel->j;
        if (t->beta != 0)
            INTERNAL(prefetch)(c, t->ldc, s->rows, panel->width);
        tile(depth, s->a, s->rs_a, s->cs_a, panel->b, panel->rs_b, c, t->ldc, t->beta != 0);
    } else
        INTERNAL(tile_with_finish)(t, tile, transposed, s->i, panel->j, s->rows, panel->columns, panel->width, depth,
                                   s->a, s->rs_a, s->cs_a, panel->b, panel->rs_b);
}

/* Row tiles [row_begin, row_end) against panels [panel_begin, panel_end). A panel is used by a group of rows of tiles
 * before the next is fetched. */
static void INTERNAL(outer_chunk)(const INTERNAL(job) *job, ptrdiff_t row_begin, ptrdiff_t row_end,
                                  ptrdiff_t panel_begin, ptrdiff_t panel_end)
{
    const gemm_part *const p = job->part;
    vreal copies[GEMM_GROUP][GEMM_COPY_ROWS * (GEMM_BLOCK / LANES + 1)];
    ptrdiff_t start = 0;
    do {
        const ptrdiff_t depth = least(p->block, p->k - start);
        const INTERNAL(target) t = INTERNAL(target_of_block)(&job->target, start == 0, start + depth == p->k);
        for (ptrdiff_t tile = row_begin; tile < row_end; tile += GEMM_GROUP) {
            const ptrdiff_t strips = least(GEMM_GROUP, row_end - tile);
            INTERNAL(strip) strip[GEMM_GROUP];
            for (ptrdiff_t i = 0; i < strips; i++)
                strip[i] = INTERNAL(find_strip)(job, start, depth, tile + i, (real *)copies[i]);
            for (ptrdiff_t j = panel_begin; j < panel_end; j++) {
                const INTERNAL(panel) panel = INTERNAL(find_panel)(job, start, depth, j * p->width);
                for (ptrdiff_t i = 0; i < strips; i++)
                    INTERNAL(run_tile)(job, &t, depth, &strip[i], &panel);
            }
        }
        start += depth;
    } while (start < p->k);
}

/* The same for dot products. */
static void INTERNAL(dot_chunk)(const INTERNAL(job) *job, ptrdiff_t row_begin, ptrdiff_t row_end,
                                ptrdiff_t panel_begin, ptrdiff_t panel_end)
{
    const gemm_part *const p = job->part;
    const ptrdiff_t padded = INTERNAL(vectors)(p->k) * LANES;
    const real *const a = p->pack_a ? job->packed_a : job->a, *const b = p->packed_from == 0 ? job->packed_b : job->b;
    const ptrdiff_t ld_a = p->pack_a ? padded : p->rs_a, ld_b = p->packed_from == 0 ? padded : p->cs_b;
    enum { DOT_BATCH = 8 };
    vreal sums[DOT_BATCH][DOT_ROWS * DOT_COLUMNS / LANES + 2];
    for (ptrdiff_t row = row_begin; row < row_end; row++)
        for (ptrdiff_t first = panel_begin; first < panel_end; first += DOT_BATCH)
            for (int pass = 0; pass < 2; pass++)
                for (ptrdiff_t panel = first; panel < least(first + DOT_BATCH, panel_end); panel++) {
                    const ptrdiff_t i = piece_begin(p->rows, row), rows = piece_length(p->rows, row);
                    const ptrdiff_t j = piece_begin(p->columns, panel), columns = piece_length(p->columns, panel);
                    real *const to = (real *)sums[panel - first];
                    if (pass == 0)
                        INTERNAL(dots)[rows][columns](p->k, a + i * ld_a, ld_a, b + j * ld_b, ld_b, to);
                    else
                        INTERNAL(write_back)(&job->target, i, j, rows, columns, to, columns);
                }
}

/* Chunks [begin, end) of the grid; those that follow each other share their panels. */
static void INTERNAL(run_chunks)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(job) *const job = context;
    const gemm_part *const p = job->part;
    for (ptrdiff_t chunk = begin; chunk < end; chunk++) {
        const ptrdiff_t row = chunk % job->rows.count, column = chunk / job->rows.count;
        const ptrdiff_t row_begin = piece_begin(job->rows, row), row_end = piece_begin(job->rows, row + 1);
        const ptrdiff_t panel_begin = piece_begin(job->columns, column);
        const ptrdiff_t panel_end = piece_begin(job->columns, column + 1);
        if (p->method == GEMM_DOT)
            INTERNAL(dot_chunk)(job, row_begin, row_end, panel_begin, panel_end);
        else
            INTERNAL(outer_chunk)(job, row_begin, row_end, panel_begin, panel_end);
    }
}

/* Divide the work among threads: rows first, since a chunk reads all of B's columns that it is given. */
static void INTERNAL(divide)(INTERNAL(job) *job, int threads)
{
    const gemm_part *const p = job->part;
    const double flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    ptrdiff_t rows = 1, columns = 1;
    if (threads > 1 && flops >= 2 * GEMM_CHUNK_FLOPS) {
        const ptrdiff_t chunks = least((ptrdiff_t)(flops / GEMM_CHUNK_FLOPS), threads * GEMM_CHUNKS_PER_THREAD);
        rows = least(p->rows.count, chunks);
        columns = least(p->columns.count, ceil_div(chunks, rows));
    }
    job->rows = pieces_of(p->rows.count, rows);
    job->columns = pieces_of(p->columns.count, columns);
}

static void INTERNAL(multiply_part)(const wg_gemm *g, const gemm_part *p, const real *a, const real *b, real *c,
                                    real *scratch, int threads)
{
    const int exchanged = p->method == GEMM_OUTER_TRANSPOSED;
    INTERNAL(job) job = {
        .part = p,
        .a = exchanged ? b + p->column * g->cs_b : a,
        .b = exchanged ? a : b + p->column * g->cs_b,
        .packed_a = scratch,
        .packed_b = scratch + p->packed_a,
        .target = INTERNAL(target_of)(g, c, p->column),
    };
    if (p->method == GEMM_DOT) {
        const ptrdiff_t padded = INTERNAL(vectors)(p->k) * LANES;
        if (p->packed_a)
            INTERNAL(pack_panel)(p->k, p->m, job.a, p->cs_a, p->rs_a, job.packed_a, padded);
        if (p->packed_b)
            INTERNAL(pack_panel)(p->k, p->n, job.b, p->rs_b, p->cs_b, job.packed_b, padded);
    } else if (p->packed_b) {
        const ptrdiff_t panels = ceil_div(p->n - p->packed_from, p->width);
        const ptrdiff_t bytes = p->k * p->width * (ptrdiff_t)sizeof(real);
        wg_parallel_for(panels, 1 + GEMM_STACK_BYTES / (bytes + 1), INTERNAL(pack_panels), &job);
    }
    INTERNAL(divide)(&job, threads);
    wg_parallel_for(job.rows.count * job.columns.count, 1, INTERNAL(run_chunks), &job);
}

static void INTERNAL(multiply)(const wg_gemm *g, const gemm_plan *plan, const real *a, const real *b, real *c,
                               real *scratch, int threads)
{
    for (int i = 0; i < plan->parts; i++) {
        INTERNAL(multiply_part)(g, &plan->part[i], a, b, c, scratch, threads);
        scratch += plan->part[i].packed_a + plan->part[i].packed_b;
    }
}

/* ---------------------------------------------------------------- batches */

typedef struct {
    const wg_gemm *g;
    const gemm_plan *plan;
    real *scratch; /* NULL: on the stack of whoever computes */
    int threads;
} INTERNAL(batch);

/* Matrices [begin, end) with room for packing on this thread's own stack. */
static NOINLINE void INTERNAL(multiply_on_stack)(const INTERNAL(batch) *batch, const real *a, const real *b, real *c)
{
    vreal scratch[GEMM_STACK_BYTES / WG_VECTOR_BYTES];
    INTERNAL(multiply)(batch->g, batch->plan, a, b, c, (real *)scratch, batch->threads);
}

/* Matrices [begin, end) of the batch. */
static void INTERNAL(multiply_batch)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(batch) *const batch = context;
    const wg_gemm *const g = batch->g;
    for (ptrdiff_t item = begin; item < end; item++) {
        const real *a = g->a, *b = g->b;
        real *const c = (real *)g->c + item * g->m * g->ldc;
        ptrdiff_t rest = item;
        for (int d = g->batch_ndim - 1; d >= 0; d--) {
            const ptrdiff_t index = rest % g->batch_shape[d];
            rest /= g->batch_shape[d];
            a += index * g->batch_strides_a[d];
            b += index * g->batch_strides_b[d];
        }
        if (batch->scratch)
            INTERNAL(multiply)(g, batch->plan, a, b, c, batch->scratch, batch->threads);
        else
            INTERNAL(multiply_on_stack)(batch, a, b, c);
    }
}

/* Where all matrices of the inner batch dimensions have the same B and A's rows go on evenly, they are one matrix with
 * more rows. Not with a mask, whose rows begin again with each. */
static void INTERNAL(fold_batch)(wg_gemm *g)
{
    while (g->batch_ndim > 0 && !g->mask) {
        const int d = g->batch_ndim - 1;
        const int even = g->m == 1 || g->batch_strides_a[d] == g->m * g->rs_a;
        if (g->batch_shape[d] != 1) {
            if (g->batch_strides_b[d] != 0 || !even)
                return;
            if (g->m == 1)
                g->rs_a = g->batch_strides_a[d];
            g->m *= g->batch_shape[d];
        }
        g->batch_ndim = d;
    }
}

/* ---------------------------------------------------------------- column sums */

/* sums[j] = the sum of column j for j < n <= LANES, in runs of 256 rows, each of which four accumulators share. */
static void INTERNAL(sum_columns)(ptrdiff_t k, ptrdiff_t n, const real *b, ptrdiff_t rs_b, ptrdiff_t cs_b, real *sums)
{
    vreal total = {0};
    for (ptrdiff_t start = 0; start < k; start += 256) {
        const ptrdiff_t rows = least(256, k - start);
        const real *const from = b + start * rs_b;
        vreal sum[4] = {{0}};
        for (ptrdiff_t p = 0; p < rows; p++) {
            const real *const row = from + p * rs_b;
            sum[p % 4] += cs_b == 1 ? INTERNAL(load_upto)(row, n)
                                    : V(load_strided)((const char *)row, cs_b * (ptrdiff_t)sizeof(real), n);
        }
        total += (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
    INTERNAL(store_upto)(sums, n, total);
}

/* ---------------------------------------------------------------- the kernel */

static wg_status K(gemm)(const wg_gemm *given)
{
    wg_gemm g = *given;
    INTERNAL(fold_batch)(&g);
    ptrdiff_t matrices = 1;
    for (int d = 0; d < g.batch_ndim; d++)
        matrices *= g.batch_shape[d];
    if (matrices > 0 && g.m > 0 && g.n > 0) {
        const gemm_plan plan = INTERNAL(plan)(&g);
        const size_t bytes = (size_t)plan.scratch * sizeof(real);
        const double flops = 2.0 * (double)g.m * (double)g.n * (double)g.k;
        const int on_stack = bytes <= GEMM_STACK_BYTES, divided = matrices == 1 || flops > GEMM_BATCH_FLOPS || !on_stack;
        INTERNAL(batch) batch = {.g = &g, .plan = &plan, .threads = divided ? wg_get_num_threads() : 1};
        if (!on_stack) {
            batch.scratch = wg_buffer_acquire(bytes);
            if (!batch.scratch)
                return WG_NO_MEMORY;
        }
        if (divided)
            INTERNAL(multiply_batch)(&batch, 0, matrices);
        else
            wg_parallel_for(matrices, 1 + (ptrdiff_t)(GEMM_CHUNK_FLOPS / (flops + 1000)), INTERNAL(multiply_batch),
                            &batch);
        if (batch.scratch)
            wg_buffer_release(batch.scratch);
    }
    for (ptrdiff_t j = 0; g.b_column_sums && j < g.n; j += LANES)
        INTERNAL(sum_columns)(g.k, least(LANES, g.n - j), (const real *)g.b + j * g.cs_b, g.rs_b, g.cs_b,
                              (real *)g.b_column_sums + j);
    return WG_OK;
}
