/* gemm_chunk.inc.c - the loops around the tiles: what one thread does of a matrix product, and how a tile's sums become
 * items of C. */

/* ---------------------------------------------------------------- from sums to C */

/* Where sums go, and how: C = sum, or C + sum, plus the bias; for columns of C from `c` on. */
typedef struct {
    real *c;
    ptrdiff_t ldc;
    int accumulate; /* whether sums are added to what C holds */
    const real *bias;
    ptrdiff_t bias_stride;
} INTERNAL(target);

static INTERNAL(target) INTERNAL(target_of)(const wg_gemm *g, real *c, ptrdiff_t column)
{
    const real *const bias = g->bias;
    return (INTERNAL(target)){
        .c = c + column,
        .ldc = g->ldc,
        .bias = bias ? bias + column * g->bias_stride : NULL,
        .bias_stride = g->bias_stride,
    };
}

/* The target of one block along k. The first block stores, the others add to what is there, and the last adds the
 * bias. */
static INTERNAL(target) INTERNAL(target_of_block)(const INTERNAL(target) *t, int first, int last)
{
    INTERNAL(target) block = *t;
    block.accumulate = !first;
    if (!last)
        block.bias = NULL;
    return block;
}

/* Write sums, which lie in rows of stride ld, to rows [i, i + rows) and columns [j, j + columns) of C. Reads whole
 * vectors of sums. */
static NOINLINE void INTERNAL(write_back)(const INTERNAL(target) *target, ptrdiff_t i, ptrdiff_t j, ptrdiff_t rows,
                                          ptrdiff_t columns, const real *sums, ptrdiff_t ld)
{
    const INTERNAL(target) t = *target; /* a copy, which the stores cannot change */
    for (ptrdiff_t v = 0; v < columns; v += LANES) {
        const ptrdiff_t n = columns - v;
        real *c = t.c + i * t.ldc + j + v;
        vreal bias = {0};
        if (t.bias && t.bias_stride == 1)
            bias = V(load_upto)(t.bias + j + v, n);
        else if (t.bias)
            bias = V(load_strided)((const char *)(t.bias + (j + v) * t.bias_stride),
                                   t.bias_stride * (ptrdiff_t)sizeof(real), least(n, LANES));
        for (ptrdiff_t r = 0; r < rows; r++, c += t.ldc) {
            vreal x = V(load)(sums + r * ld + v);
            if (t.accumulate)
                x += V(load_upto)(c, n);
            if (t.bias)
                x += bias;
            V(store_upto)(c, n, x);
        }
    }
}

/* ---------------------------------------------------------------- a part at work */

typedef struct {
    const gemm_part *part;
    const real *a, *b; /* as the tiles see them: exchanged for GEMM_OUTER_TRANSPOSED */
    INTERNAL(target) target;
    int quick; /* as in the plan */
    real *packed_a, *packed_b;
    ptrdiff_t first_panel, panels;    /* the slice */
    ptrdiff_t k_begin, k_end;         /* of it, the blocks along k, */
    ptrdiff_t first_strip, strips;    /* and the row tiles, that are at work */
    ptrdiff_t packed_from, ld_packed; /* its packed columns: the first, and their number with padding */
    gemm_pieces rows, columns;        /* the grid of chunks, in these row tiles and in panels of the slice */
} INTERNAL(job);

/* Rows [start, start + depth) of B, and as many columns of A. */
typedef struct {
    ptrdiff_t start, depth;
} INTERNAL(block_of_tiles);

/* Panels of B, and rows of tiles of A, in one block. */
typedef struct {
    ptrdiff_t j, columns, width; /* width counts the padding */
    const real *b;
    ptrdiff_t rs_b;
} INTERNAL(panel);

typedef struct {
    ptrdiff_t i, rows;
    const real *a;
    ptrdiff_t rs_a, cs_a;
} INTERNAL(strip);

/* Where the packed panel at column j lies. Blocks follow each other in memory, and within a block its panels. */
INLINE real *INTERNAL(packed_panel)(const INTERNAL(job) *job, INTERNAL(block_of_tiles) block, ptrdiff_t j)
{
    return job->packed_b + block.start * job->ld_packed + (j - job->packed_from) * block.depth;
}

static INTERNAL(panel) INTERNAL(panel_at)(const INTERNAL(job) *job, INTERNAL(block_of_tiles) block, ptrdiff_t j)
{
    const gemm_part *const p = job->part;
    const ptrdiff_t width = least(p->width, INTERNAL(vectors)(p->n - j) * LANES);
    INTERNAL(panel) panel = {.j = j, .columns = least(width, p->n - j), .width = width};
    if (j >= p->packed_from)
        panel.b = INTERNAL(packed_panel)(job, block, j), panel.rs_b = width;
    else
        panel.b = job->b + block.start * p->rs_b + j, panel.rs_b = p->rs_b;
    return panel;
}

/* Pack panels [begin, end), counted from the slice's first packed one. */
static void INTERNAL(pack_chunk)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(job) *const job = context;
    const gemm_part *const p = job->part;
    for (ptrdiff_t start = 0; start < p->k; start += p->block) {
        const INTERNAL(block_of_tiles) block = {start, least(p->block, p->k - start)};
        for (ptrdiff_t i = begin; i < end; i++) {
            const INTERNAL(panel) panel = INTERNAL(panel_at)(job, block, job->packed_from + i * p->width);
            INTERNAL(pack_panel)(panel.columns, block.depth, job->b + start * p->rs_b + panel.j * p->cs_b, p->cs_b,
                                 p->rs_b, INTERNAL(packed_panel)(job, block, panel.j), panel.width);
        }
    }
}

/* ---------------------------------------------------------------- outer products */

#undef COPY_ITEMS
#undef COPY_STEPS
#define COPY_STEPS 8 /* along k, of rows that lie side by side, at a time */
#define COPY_ITEMS /* of a group's rows that are copied: LANES more than a block, so that their lines do not collide */ \
    ((TILE_ROWS + LANES - 1) / LANES * LANES *                                                                          \
     (GEMM_GROUP * GEMM_BLOCK_BYTES / (ptrdiff_t)sizeof(real) + GEMM_MOST_GROUP * LANES))

/* Copy row tiles whose rows lie side by side, each with what fills `width` from the next: a few steps along k of all of
 * them at a time, since the lines that neighbours share would not stay near from one tile to the next. */
static void INTERNAL(copy_side_by_side)(const gemm_part *p, ptrdiff_t depth, const INTERNAL(strip) *strip,
                                        ptrdiff_t strips, ptrdiff_t width, real *copies)
{
    for (ptrdiff_t k = 0, steps; k < depth; k += steps) {
        steps = least(COPY_STEPS, depth - k);
        for (ptrdiff_t i = 0; i < strips; i++)
            for (ptrdiff_t v = 0; v < width; v += LANES) {
                const real *const from = strip[i].a + k * p->cs_a + v;
                real *const to = copies + (i * depth + k) * width + v;
                const ptrdiff_t n = p->m - strip[i].i - v;
                if (LIKELY(steps == COPY_STEPS && n >= LANES)) {
    UNROLL
                    for (int l = 0; l < COPY_STEPS; l++)
                        V(store)(to + l * width, V(load)(from + l * p->cs_a));
                } else {
                    for (ptrdiff_t l = 0; l < steps; l++)
                        V(store)(to + l * width, V(load_upto)(from + l * p->cs_a, most(n, 0)));
                }
            }
    }
}

/* Copy the rows of a group of row tiles. */
static NOINLINE void INTERNAL(copy_strips)(const gemm_part *p, ptrdiff_t depth, INTERNAL(strip) *strip,
                                           ptrdiff_t strips, real *copies)
{
    const ptrdiff_t width = INTERNAL(vectors)(strip->rows) * LANES, ld = depth + LANES;
    if (p->rs_a == 1)
        INTERNAL(copy_side_by_side)(p, depth, strip, strips, width, copies);
    for (INTERNAL(strip) *s = strip; s < strip + strips; s++)
        if (p->cs_a == 1) {
            for (ptrdiff_t r = 0; r < s->rows; r++)
                memcpy(copies + r * ld, s->a + r * p->rs_a, (size_t)depth * sizeof(real));
            s->a = copies, s->rs_a = ld;
            copies += TILE_ROWS * ld;
        } else {
            if (p->rs_a != 1)
                INTERNAL(pack_panel)(s->rows, depth, s->a, p->rs_a, p->cs_a, copies, width);
            s->a = copies, s->rs_a = 1, s->cs_a = width;
            copies += depth * width;
        }
}

static INTERNAL(strip) INTERNAL(strip_at)(const INTERNAL(job) *job, INTERNAL(block_of_tiles) block, ptrdiff_t tile)
{
    const gemm_part *const p = job->part;
    INTERNAL(strip) s = {.i = piece_begin(p->rows, tile), .rows = piece_length(p->rows, tile)};
    s.a = job->a + s.i * p->rs_a + block.start * p->cs_a, s.rs_a = p->rs_a, s.cs_a = p->cs_a;
    return s;
}

/* Fetch a tile of C ahead: it is added to when its sums are done. */
static void INTERNAL(prefetch)(const real *c, ptrdiff_t ldc, ptrdiff_t rows, ptrdiff_t columns)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j += WG_ALIGNMENT / (ptrdiff_t)sizeof(real))
            PREFETCH(c + i * ldc + j);
}

/* A tile whose sums do not go to C as they are. */
static NOINLINE void INTERNAL(tile_by_way_of_memory)(INTERNAL(tile_fn) *tile, int transposed, const INTERNAL(target) *t,
                                                     ptrdiff_t depth, const INTERNAL(strip) *s,
                                                     const INTERNAL(panel) *panel)
{
    enum { ROWS = (TILE_ROWS_SLIM + (int)LANES - 1) / (int)LANES * (int)LANES };
    vreal sums[ROWS * TILE_VECTORS], turned[ROWS * TILE_VECTORS];
    tile(depth, s->a, s->rs_a, s->cs_a, panel->b, panel->rs_b, (real *)sums, panel->width, 0);
    if (transposed) {
        const ptrdiff_t ld = INTERNAL(vectors)(s->rows) * LANES;
        INTERNAL(pack_columns)(s->rows, panel->columns, (const real *)sums, panel->width, (real *)turned, ld);
        INTERNAL(write_back)(t, panel->j, s->i, panel->columns, s->rows, (const real *)turned, ld);
    } else {
        INTERNAL(write_back)(t, s->i, panel->j, s->rows, panel->columns, (const real *)sums, panel->width);
    }
}

/* The rows of a tile of C become the bias, to which its sums are then added. */
static NOINLINE void INTERNAL(begin_with_bias)(const real *bias, real *c, ptrdiff_t ldc, ptrdiff_t rows, ptrdiff_t columns)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < columns; j += LANES)
            V(store)(c + i * ldc + j, V(load)(bias + j));
}

static void INTERNAL(run_tile)(const INTERNAL(job) *job, const INTERNAL(target) *t, ptrdiff_t depth,
                               const INTERNAL(strip) *s, const INTERNAL(panel) *panel)
{
    const int transposed = job->part->method == GEMM_OUTER_TRANSPOSED;
    const int begins = t->bias && t->bias_stride == 1 && !t->accumulate;
    ptrdiff_t rows = s->rows; /* of the tile */
    INTERNAL(tile_fn) *tile = INTERNAL(tiles)[panel->width / LANES][rows];
#ifdef PAIRS_TARGET
    if (job->part->pairs)
        tile = pair_tile(panel->width / LANES, &rows);
#endif
    if (transposed || panel->columns < panel->width || (t->bias && !begins) || s->rows < rows) {
        INTERNAL(tile_by_way_of_memory)(tile, transposed, t, depth, s, panel);
        return;
    }
    real *const c = t->c + s->i * t->ldc + panel->j;
    if (begins)
        INTERNAL(begin_with_bias)(t->bias + panel->j, c, t->ldc, s->rows, panel->width);
    else if (t->accumulate)
        INTERNAL(prefetch)(c, t->ldc, s->rows, panel->width);
    tile(depth, s->a, s->rs_a, s->cs_a, panel->b, panel->rs_b, c, t->ldc, t->accumulate || begins);
}

/* Multiply row tiles [row_begin, row_end) by panels [panel_begin, panel_end). Each panel serves a group of row tiles
 * while it is near. `copies` has room for the rows of a group, or is NULL if rows are not copied. */
static NOINLINE void INTERNAL(outer_chunk)(const INTERNAL(job) *job, ptrdiff_t row_begin, ptrdiff_t row_end,
                                  ptrdiff_t panel_begin, ptrdiff_t panel_end, real *copies)
{
    const gemm_part *const p = job->part;
    INTERNAL(block_of_tiles) block = {job->k_begin, 0};
    do {
        block.start += block.depth;
        block.depth = least(p->block, job->k_end - block.start);
        const INTERNAL(target) t =
            INTERNAL(target_of_block)(&job->target, block.start == 0, block.start + block.depth == p->k);
        for (ptrdiff_t tile = row_begin; tile < row_end; tile += p->group) {
            const ptrdiff_t strips = least(p->group, row_end - tile);
            INTERNAL(strip) strip[GEMM_MOST_GROUP];
            for (ptrdiff_t i = 0; i < strips; i++)
                strip[i] = INTERNAL(strip_at)(job, block, tile + i);
            if (p->copy_a)
                INTERNAL(copy_strips)(p, block.depth, strip, strips, copies);
            for (ptrdiff_t j = panel_begin; j < panel_end; j++) {
                const INTERNAL(panel) panel = INTERNAL(panel_at)(job, block, j * p->width);
                for (ptrdiff_t i = 0; i < strips; i++)
                    INTERNAL(run_tile)(job, &t, block.depth, &strip[i], &panel);
            }
        }
    } while (block.start + block.depth < job->k_end);
}

/* outer_chunk for rows that are copied, with room for them on the stack. It is a function of its own so that only these
 * chunks have so large a frame. */
static NOINLINE void INTERNAL(outer_chunk_with_copies)(const INTERNAL(job) *job, ptrdiff_t row_begin, ptrdiff_t row_end,
                                                       ptrdiff_t panel_begin, ptrdiff_t panel_end)
{
    vreal copies[COPY_ITEMS / LANES];
    INTERNAL(outer_chunk)(job, row_begin, row_end, panel_begin, panel_end, (real *)copies);
}

/* Panels [panel_begin, panel_end) of a single row. */
static NOINLINE void INTERNAL(sweep_chunk)(const INTERNAL(job) *job, ptrdiff_t panel_begin, ptrdiff_t panel_end)
{
    const gemm_part *const p = job->part;
    const INTERNAL(target) *const t = &job->target;
    const ptrdiff_t end = least(panel_end * p->width, p->n);
    vreal sums[SWEEP_VECTORS + 1]; /* write_back may read a vector from any item */
    for (ptrdiff_t j = panel_begin * p->width; j < end; j += SWEEP_VECTORS * LANES) {
        const ptrdiff_t columns = least(SWEEP_VECTORS * LANES, end - j);
        INTERNAL(gemm_sweep)(columns, p->k, job->a, p->cs_a, job->b + j, p->rs_b, (real *)sums);
        if (p->method == GEMM_OUTER || (t->ldc == 1 && !t->bias)) /* or a column as dense as a row */
            INTERNAL(write_back)(t, 0, j, 1, columns, (real *)sums, 0);
        else
            INTERNAL(write_back)(t, j, 0, columns, 1, (real *)sums, 1);
    }
}

/* ---------------------------------------------------------------- dot products */

/* A tile whose sums wait in memory to be written back. Loading a row of sums at once would stall: it begins within a
 * vector that has just been stored, and is complete only when that has reached the cache. */
typedef struct {
    ptrdiff_t i, j, rows, columns;
    vreal sums[DOT_ROWS * DOT_COLUMNS / LANES + 2];
} INTERNAL(waiting);

static void INTERNAL(write_back_waiting)(const INTERNAL(target) *t, const INTERNAL(waiting) *tiles, int count)
{
    for (const INTERNAL(waiting) *w = tiles; w < tiles + count; w++) {
        const real *const sums = (const real *)w->sums;
        if (!t->bias && w->columns < LANES) /* write_back would take twice as long for so few columns */
            for (ptrdiff_t r = 0; r < w->rows; r++)
                V(store_tail)(t->c + (w->i + r) * t->ldc + w->j, w->columns, V(load)(sums + r * w->columns));
        else
            INTERNAL(write_back)(t, w->i, w->j, w->rows, w->columns, sums, w->columns);
    }
}

/* Multiply row tiles [row_begin, row_end) by columns of tiles [column_begin, column_end). */
static NOINLINE void INTERNAL(dot_chunk)(const INTERNAL(job) *job, ptrdiff_t row_begin, ptrdiff_t row_end,
                                         ptrdiff_t column_begin, ptrdiff_t column_end)
{
    enum { MOST_WAITING = 8 };
    const gemm_part *const p = job->part;
    const ptrdiff_t padded = INTERNAL(vectors)(p->k) * LANES;
    const real *const a = p->packed_a ? job->packed_a : job->a, *const b = p->packed_b ? job->packed_b : job->b;
    const ptrdiff_t ld_a = p->packed_a ? padded : p->rs_a, ld_b = p->packed_b ? padded : p->cs_b;
    INTERNAL(waiting) waiting[MOST_WAITING];
    int count = 0;
    for (ptrdiff_t row = row_begin; row < row_end; row++)
        for (ptrdiff_t column = column_begin; column < column_end; column++) {
            INTERNAL(waiting) *const w = &waiting[count++];
            w->i = piece_begin(p->rows, row), w->rows = piece_length(p->rows, row);
            w->j = piece_begin(p->columns, column), w->columns = piece_length(p->columns, column);
            INTERNAL(dots)[w->rows][w->columns](p->k, a + w->i * ld_a, ld_a, b + w->j * ld_b, ld_b, (real *)w->sums);
            if (count == MOST_WAITING) {
                INTERNAL(write_back_waiting)(&job->target, waiting, count);
                count = 0;
            }
        }
    INTERNAL(write_back_waiting)(&job->target, waiting, count);
}

/* ---------------------------------------------------------------- chunks */

/* Do chunks [begin, end) of the grid. Neighbours in a column share their panels. */
static void INTERNAL(run_chunk)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(job) *const job = context;
    const gemm_part *const p = job->part;
    for (ptrdiff_t chunk = begin; chunk < end; chunk++) {
        const ptrdiff_t row = chunk % job->rows.count, column = chunk / job->rows.count;
        const ptrdiff_t row_begin = job->first_strip + piece_begin(job->rows, row);
        const ptrdiff_t row_end = job->first_strip + piece_begin(job->rows, row + 1);
        const ptrdiff_t panel_begin = job->first_panel + piece_begin(job->columns, column);
        const ptrdiff_t panel_end = job->first_panel + piece_begin(job->columns, column + 1);
        if (p->method == GEMM_DOT)
            INTERNAL(dot_chunk)(job, row_begin, row_end, panel_begin, panel_end);
        else if (p->sweep)
            INTERNAL(sweep_chunk)(job, panel_begin, panel_end);
        else if (p->copy_a)
            INTERNAL(outer_chunk_with_copies)(job, row_begin, row_end, panel_begin, panel_end);
        else
            INTERNAL(outer_chunk)(job, row_begin, row_end, panel_begin, panel_end, NULL);
    }
}
