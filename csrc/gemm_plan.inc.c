/* gemm_plan.inc.c - how a matrix product is divided: which method, which tiles, which blocks, what is packed.
 *
 * Three methods share the tiles of gemm_tile.inc.c: outer products with vectors along C's rows, the general case; the
 * same with the operands' roles exchanged, C^T = B^T A^T, so that vectors run down C's columns; and dot products along
 * k. Their costs are estimated, and the cheapest is taken; columns that are left over from whole vectors may have a
 * method of their own. So a product with ten classes does ten sixteenths of the work of sixteen, or little more.
 *
 * The bounds below were measured on AMD Zen 4 with AVX-512 and AVX2 tiles, and most of them are flat. A plan depends on
 * shapes and strides alone, so what it decides about the order of a sum does too. */

#ifndef WG_GEMM_PLAN
#define WG_GEMM_PLAN

enum {
    GEMM_BLOCK_BYTES = 4096,      /* of a row of A in one block along k; each block reads and writes C once more */
    GEMM_SIDE_BYTES = 1024,       /* the same where rows that lie side by side are copied, in groups */
    GEMM_NEAR_BYTES = 192 << 10,  /* of a B that stays in the second-level cache as it lies */
    GEMM_FAR_BYTES = 2 << 20,     /* of a B that is worth packing for fewer rows */
    GEMM_FAR_ROW_TILES = 6,       /* namely for these; TILE_REUSE for others */
    GEMM_COPY_BYTES = 128 << 10,  /* of an A whose lines are fetched in part by each tile, to be copied; a quarter */
    GEMM_PACKED_BYTES = 32 << 20, /* of B packed at one time */
};

/* A length in pieces as equal as can be: the first `longer` have one more than `size`. */
typedef struct {
    ptrdiff_t count, size, longer;
} gemm_pieces;

INLINE gemm_pieces pieces_of(ptrdiff_t length, ptrdiff_t count)
{
    return count == 1 ? (gemm_pieces){1, length, 0} : (gemm_pieces){count, length / count, length % count};
}
INLINE ptrdiff_t piece_begin(gemm_pieces p, ptrdiff_t i)
{
    return i * p.size + (i < p.longer ? i : p.longer);
}
INLINE ptrdiff_t piece_length(gemm_pieces p, ptrdiff_t i)
{
    return p.size + (i < p.longer);
}

typedef enum { GEMM_OUTER, GEMM_OUTER_TRANSPOSED, GEMM_DOT } gemm_method;

/* A product as the tiles see it, for columns of C from `column` on. GEMM_OUTER_TRANSPOSED exchanges A and B, and with
 * them m and n; so the columns are n, or m with that method. */
typedef struct {
    gemm_method method;
    ptrdiff_t column;
    ptrdiff_t m, n, k;
    ptrdiff_t rs_a, cs_a, rs_b, cs_b;
    gemm_pieces rows;    /* of the tiles */
    gemm_pieces columns; /* of tiles with GEMM_DOT; else panels of `width`, but for the last */
    ptrdiff_t width;
    ptrdiff_t block;              /* along k */
    ptrdiff_t group;              /* row tiles that share a panel of B */
    int pairs;                    /* items are pairs of bfloat16 (gemm_pairs.inc.c) */
    int sweep;                    /* a single row of outer products */
    int copy_a;                   /* a tile's rows of A are copied before use; with GEMM_DOT, all rows at once */
    ptrdiff_t packed_from;        /* the column from which on B is packed; n for none */
    ptrdiff_t slice;              /* panels that are packed, and used, at a time */
    ptrdiff_t packed_a, packed_b; /* items of memory for packed operands: whole vectors */
} gemm_part;

typedef struct {
    int parts;
    gemm_part part[2];
    ptrdiff_t scratch; /* items */
    int quick;         /* a matrix needs no interruption */
    struct pairs *of;  /* A and B as they are given, if this is a plan of pairs */
} gemm_plan;

#endif

INLINE ptrdiff_t INTERNAL(vectors)(ptrdiff_t n)
{
    return ceil_div(n, LANES);
}

/* ---------------------------------------------------------------- costs */

/* The cost, in multiply-adds of vectors, roughly. Transposing an item costs a quarter, storing an item of a transposed
 * tile a half, adding up the lanes of a dot product three. */
static double INTERNAL(gemm_cost)(gemm_method method, const wg_gemm *g, ptrdiff_t n)
{
    const double m = (double)g->m, k = (double)g->k;
    const double vectors_n = (double)INTERNAL(vectors)(n), vectors_m = (double)INTERNAL(vectors)(g->m);
    const double transposed_a = m * k * 0.25, transposed_b = k * (double)n * 0.25;
    /* A tile of one vector and few rows uses only a part of each cache line of A, if A lies in columns. */
    const double scattered = vectors_n == 1 && TILE_ROWS < 8 && g->cs_a != 1 ? 1.04 : 1;
    if (method == GEMM_OUTER)
        return m * k * vectors_n * scattered + (g->cs_b == 1 ? 0 : transposed_b);
    if (method == GEMM_OUTER_TRANSPOSED)
        return (double)n * (k * vectors_m + m * 0.5) + (g->rs_a == 1 ? 0 : transposed_a);
    return m * (double)n * ((double)INTERNAL(vectors)(g->k) + 3) + (g->cs_a == 1 ? 0 : transposed_a) +
           (g->rs_b == 1 ? 0 : transposed_b);
}

/* The cheapest method; the general one unless another saves more than the estimates may be wrong. */
static gemm_method INTERNAL(gemm_cheapest)(const wg_gemm *g, ptrdiff_t n, int pairs, double *cost)
{
    gemm_method best = GEMM_OUTER;
    *cost = 0.95 * INTERNAL(gemm_cost)(best, g, n);
    for (gemm_method method = GEMM_OUTER_TRANSPOSED; method < GEMM_DOT + !pairs; method++) {
        const double other = INTERNAL(gemm_cost)(method, g, n);
        if (other < *cost) {
            best = method;
            *cost = other;
        }
    }
    return best;
}

/* ---------------------------------------------------------------- parts */

/* Whether lines `stride` apart fall into so few of the 64 sets of a first-level cache that the lines of a tile evict
 * each other. That costs a quarter of the speed. */
INLINE int INTERNAL(lines_collide)(ptrdiff_t stride)
{
    return stride * (ptrdiff_t)sizeof(real) % 4096 == 0;
}

static void INTERNAL(plan_dot)(gemm_part *p)
{
    const ptrdiff_t padded = INTERNAL(vectors)(p->k) * LANES;
    p->columns = pieces_of(p->n, ceil_div(p->n, DOT_COLUMNS));
    p->rows = pieces_of(p->m, ceil_div(p->m, DOT_ROWS));
    p->slice = p->columns.count;
    p->copy_a = p->cs_a != 1;
    p->packed_a = p->copy_a ? p->m * padded : 0;
    p->packed_from = p->rs_b != 1 ? 0 : p->n;
    p->packed_b = p->rs_b != 1 ? p->n * padded : 0;
}

/* A single row: B is read once, row after row. */
static void INTERNAL(plan_sweep)(gemm_part *p)
{
    p->sweep = 1;
    p->width = SWEEP_VECTORS / 4 * LANES;
    p->rows = pieces_of(1, 1);
    p->columns.count = ceil_div(p->n, p->width);
    p->slice = p->columns.count;
    p->packed_from = p->n;
}

/* Whether a tile's rows of A are worth copying. They are if they serve many panels, and either evict each other from
 * the cache or lie side by side, so that a tile takes a part of each line, again and again. */
static int INTERNAL(plan_copy_a)(const gemm_part *p)
{
    const ptrdiff_t bytes = p->m * p->k * (ptrdiff_t)sizeof(real);
    const int part_of_line = p->cs_a != 1 && TILE_ROWS * (int)sizeof(real) < WG_ALIGNMENT;
    return p->columns.count >= 4 &&
           (INTERNAL(lines_collide)(p->cs_a == 1 ? p->rs_a : p->cs_a) || (part_of_line && bytes > GEMM_COPY_BYTES));
}

/* Whether the whole of B is worth packing. Else only a last panel that does not fill its vectors is packed. */
static int INTERNAL(plan_pack_b)(const gemm_part *p)
{
    const ptrdiff_t bytes = p->k * p->n * (ptrdiff_t)sizeof(real);
    const ptrdiff_t reuse = bytes > GEMM_FAR_BYTES ? GEMM_FAR_ROW_TILES : TILE_REUSE;
    return p->cs_b != 1 || ((bytes > GEMM_NEAR_BYTES || INTERNAL(lines_collide)(p->rs_b)) && p->rows.count >= reuse);
}

/* How many row tiles share a panel: as many as stay as near as GEMM_GROUP of the largest block. */
static ptrdiff_t INTERNAL(plan_group)(const gemm_part *p)
{
    const ptrdiff_t items = GEMM_GROUP * GEMM_BLOCK_BYTES / (ptrdiff_t)sizeof(real);
    return p->block * GEMM_MOST_GROUP <= items ? GEMM_MOST_GROUP : items / p->block;
}

static void INTERNAL(plan_outer)(gemm_part *p)
{
    const ptrdiff_t vectors = INTERNAL(vectors)(p->n);
    const ptrdiff_t wide = vectors == 1 ? 1 : vectors > 2 && p->m <= TILE_ROWS_WIDE && !p->pairs ? TILE_VECTORS : 2;
    ptrdiff_t high = wide == 1 ? TILE_ROWS_SLIM : wide == 2 ? TILE_ROWS : TILE_ROWS_WIDE;
#ifdef PAIRS_TARGET
    high = p->pairs ? PAIR_ROWS : high;
#endif
    p->width = wide * LANES;
    p->columns.count = ceil_div(vectors, wide);
    p->slice = p->columns.count;
    p->rows = pieces_of(p->m, ceil_div(p->m, high));
    p->copy_a = INTERNAL(plan_copy_a)(p);
    const ptrdiff_t block = (p->copy_a && p->rs_a == 1 ? GEMM_SIDE_BYTES : GEMM_BLOCK_BYTES) / (ptrdiff_t)sizeof(real);
    p->block = p->k <= block ? p->k : ceil_div(p->k, ceil_div(p->k, block));
    p->group = INTERNAL(plan_group)(p);
    if (INTERNAL(plan_pack_b)(p)) {
        p->slice = 1 + GEMM_PACKED_BYTES / (1 + p->k * p->width * (ptrdiff_t)sizeof(real));
        p->packed_b = p->k * least(p->slice * p->width, vectors * LANES);
    } else {
        p->packed_from = p->n % LANES ? (p->columns.count - 1) * p->width : p->n;
        p->packed_b = p->k * (vectors * LANES - p->packed_from);
    }
}

static gemm_part INTERNAL(plan_part)(const wg_gemm *g, gemm_method method, ptrdiff_t column, ptrdiff_t n, int pairs)
{
    gemm_part p = {.method = method, .column = column, .k = g->k, .group = GEMM_GROUP, .pairs = pairs};
    if (method == GEMM_OUTER_TRANSPOSED) {
        p.m = n, p.n = g->m;
        p.rs_a = g->cs_b, p.cs_a = g->rs_b, p.rs_b = g->cs_a, p.cs_b = g->rs_a;
    } else {
        p.m = g->m, p.n = n;
        p.rs_a = g->rs_a, p.cs_a = g->cs_a, p.rs_b = g->rs_b, p.cs_b = g->cs_b;
    }
    if (method == GEMM_DOT)
        INTERNAL(plan_dot)(&p);
    else if (p.m == 1 && p.cs_b == 1 && p.n > TILE_VECTORS * LANES && !pairs)
        INTERNAL(plan_sweep)(&p);
    else
        INTERNAL(plan_outer)(&p);
    return p;
}

/* Plan one part; or two, the columns that fill vectors and those that are left, if that is cheaper. Gives the cost. */
static double INTERNAL(plan)(const wg_gemm *g, int pairs, gemm_plan *plan)
{
    const ptrdiff_t rest = g->n % LANES, whole = g->n - rest;
    const double second_part = 300; /* what setting out twice costs */
    double cost, rest_cost;
    gemm_method method = INTERNAL(gemm_cheapest)(g, g->n, pairs, &cost);
    plan->parts = 1;
    if (rest && whole) {
        const gemm_method rest_method = INTERNAL(gemm_cheapest)(g, rest, pairs, &rest_cost);
        const double both = INTERNAL(gemm_cost)(GEMM_OUTER, g, whole) + rest_cost + second_part;
        if (both < cost) {
            cost = both;
            plan->parts = 2;
            plan->part[1] = INTERNAL(plan_part)(g, rest_method, whole, rest, pairs);
            method = GEMM_OUTER;
        }
    }
    plan->part[0] = INTERNAL(plan_part)(g, method, 0, plan->parts == 2 ? whole : g->n, pairs);
    plan->scratch = 0;
    plan->of = NULL;
    for (int i = 0; i < plan->parts; i++)
        plan->scratch += plan->part[i].packed_a + plan->part[i].packed_b;
    return cost;
}
