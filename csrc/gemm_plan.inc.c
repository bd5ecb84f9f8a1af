/* gemm_plan.inc.c - how a matrix product is divided: which method, which tiles, which blocks, what is packed.
 *
 * Three methods share the tiles of gemm_tile.inc.c: outer products with vectors along C's rows, the general case; the
 * same with the operands' roles exchanged, C^T = B^T A^T, so that vectors run down C's columns; and dot products along k.
 * Their costs are estimated, and the cheapest is taken; columns that are left over from whole vectors may have a method
 * of their own. A product with ten classes then does ten sixteenths of the work of sixteen, or little more.
 *
 * A plan depends on shapes and strides alone, so what it decides about the order of a sum does too. */

#ifndef WG_GEMM_PLAN
#define WG_GEMM_PLAN

enum {
    GEMM_BLOCK_BYTES = 4096,
    GEMM_BLOCK_B_BYTES = 1 << 20,   /* of B in one block: a second-level cache */
    GEMM_UNPACKED_BYTES = 32 << 10, /* of a B that is read as it lies, however often */
};

/* A length in pieces as equal as can be: the first `longer` have one more than `size`. */
typedef struct {
    ptrdiff_t count, size, longer;
} gemm_pieces;

INLINE gemm_pieces pieces_of(ptrdiff_t length, ptrdiff_t count)
{
    return (gemm_pieces){count, length / count, length % count};
}
INLINE ptrdiff_t piece_begin(gemm_pieces p, ptrdiff_t i) { return i * p.size + (i < p.longer ? i : p.longer); }
INLINE ptrdiff_t piece_length(gemm_pieces p, ptrdiff_t i) { return p.size + (i < p.longer); }

typedef enum { GEMM_OUTER, GEMM_OUTER_TRANSPOSED, GEMM_DOT } gemm_method;

/* A product as the tiles see it, for the columns of C from `column` on: n of them, or, with GEMM_OUTER_TRANSPOSED, m,
 * since then A and B, and with them m and n, are exchanged. */
typedef struct {
    gemm_method method;
    ptrdiff_t column;
    ptrdiff_t m, n, k;
    ptrdiff_t rs_a, cs_a, rs_b, cs_b;
    gemm_pieces rows;       /* of the tiles */
    gemm_pieces columns;    /* likewise with GEMM_DOT; else panels of `width`, but for the last */
    ptrdiff_t width;
    ptrdiff_t block;        /* along k, >= 1 */
    int pack_a;             /* GEMM_DOT: the whole of it; else a tile's rows are copied to where they do not collide */
    ptrdiff_t packed_from;  /* the column from which on B is packed; n for none */
    ptrdiff_t packed_a, packed_b; /* items of memory for it */
} gemm_part;

typedef struct {
    int parts;
    gemm_part part[2];
    ptrdiff_t scratch;      /* items */
} gemm_plan;

INLINE ptrdiff_t least(ptrdiff_t x, ptrdiff_t y) { return x < y ? x : y; }
INLINE ptrdiff_t ceil_div(ptrdiff_t x, ptrdiff_t y) { return (x + y - 1) / y; }

#endif

INLINE ptrdiff_t INTERNAL(vectors)(ptrdiff_t n) { return (n + LANES - 1) / LANES; }

/* ---------------------------------------------------------------- costs */

/* In multiply-adds of vectors, about. Transposing an item costs a quarter of one with long vectors; a tile's sums in dot
 * products cost three to add up, those of transposed tiles half of one to store. */
static double INTERNAL(gemm_cost)(gemm_method method, const wg_gemm *g, ptrdiff_t n)
{
    const double m = (double)g->m, k = (double)g->k;
    const double vectors_n = (double)INTERNAL(vectors)(n), vectors_m = (double)INTERNAL(vectors)(g->m);
    const double transposed_a = m * k * 0.25, transposed_b = k * (double)n * 0.25;
    if (method == GEMM_OUTER)
        return m * k * vectors_n + (g->cs_b == 1 ? k * vectors_n : transposed_b);
    if (method == GEMM_OUTER_TRANSPOSED)
        return (double)n * (k * vectors_m + m * 0.5) + (g->rs_a == 1 ? 0 : transposed_a);
    return m * (double)n * ((double)INTERNAL(vectors)(g->k) + 3) + (g->cs_a == 1 ? 0 : transposed_a) +
           (g->rs_b == 1 ? 0 : transposed_b);
}

static gemm_method INTERNAL(gemm_cheapest)(const wg_gemm *g, ptrdiff_t n, double *cost)
{
    gemm_method best = GEMM_OUTER;
    *cost = INTERNAL(gemm_cost)(best, g, n);
    for (gemm_method method = GEMM_OUTER_TRANSPOSED; method <= GEMM_DOT; method++) {
        const double other = INTERNAL(gemm_cost)(method, g, n);
        if (other < *cost) {
            best = method;
            *cost = other;
        }
    }
    return best;
}

/* ---------------------------------------------------------------- parts */

/* Whether rows `stride` apart begin in so few of the 64 sets of a first-level cache that a tile's worth of them evicts
 * itself. */
INLINE int INTERNAL(rows_collide)(ptrdiff_t stride)
{
    return stride * (ptrdiff_t)sizeof(real) % 4096 == 0;
}

static void INTERNAL(plan_dot)(gemm_part *p)
{
    p->rows = pieces_of(p->m, ceil_div(p->m, DOT_ROWS));
    p->columns = pieces_of(p->n, ceil_div(p->n, DOT_COLUMNS));
    p->block = p->k;
    const ptrdiff_t padded = INTERNAL(vectors)(p->k) * LANES;
    p->pack_a = p->cs_a != 1;
    p->packed_a = p->pack_a ? p->m * padded : 0;
    p->packed_from = p->rs_b != 1 ? 0 : p->n;
    p->packed_b = p->rs_b != 1 ? p->n * padded : 0;
}

static void INTERNAL(plan_outer)(gemm_part *p)
{
    const ptrdiff_t block = GEMM_BLOCK_BYTES / (ptrdiff_t)sizeof(real), vectors = INTERNAL(vectors)(p->n);
    const ptrdiff_t wide = vectors == 1 ? 1 : vectors > 2 && p->m <= TILE_ROWS_WIDE ? 4 : 2;
    p->block = p->k <= block ? p->k : ceil_div(p->k, ceil_div(p->k, block));
    p->width = wide * LANES;
    p->columns.count = ceil_div(vectors, wide);
    p->rows = pieces_of(p->m, ceil_div(p->m, wide == 1 ? TILE_ROWS_SLIM : wide == 2 ? TILE_ROWS : TILE_ROWS_WIDE));
    p->pack_a = p->columns.count >= 4 && INTERNAL(rows_collide)(p->cs_a == 1 ? p->rs_a : p->cs_a);

    const int large = p->k * p->n * (ptrdiff_t)sizeof(real) > GEMM_UNPACKED_BYTES;
    if (p->cs_b != 1 || (p->rows.count >= 4 && (large || INTERNAL(rows_collide)(p->rs_b))))
        p->packed_from = 0;
    else
        p->packed_from = p->n % LANES ? (p->columns.count - 1) * p->width : p->n;
    p->packed_b = p->k * (vectors * LANES - p->packed_from);
}

static gemm_part INTERNAL(plan_part)(const wg_gemm *g, gemm_method method, ptrdiff_t column, ptrdiff_t n)
{
    gemm_part p = {.method = method, .column = column, .k = g->k};
    if (method == GEMM_OUTER_TRANSPOSED) {
        p.m = n, p.n = g->m;
        p.rs_a = g->cs_b, p.cs_a = g->rs_b, p.rs_b = g->cs_a, p.cs_b = g->rs_a;
    } else {
        p.m = g->m, p.n = n;
        p.rs_a = g->rs_a, p.cs_a = g->cs_a, p.rs_b = g->rs_b, p.cs_b = g->cs_b;
    }
    if (method == GEMM_DOT)
        INTERNAL(plan_dot)(&p);
    else
        INTERNAL(plan_outer)(&p);
    return p;
}

/* One part, or two: the columns that fill vectors and those that are left. */
static gemm_plan INTERNAL(plan)(const wg_gemm *g)
{
    const ptrdiff_t rest = g->n % LANES, whole = g->n - rest;
    const double second_part = 300; /* what setting out twice costs */
    double cost, rest_cost;
    gemm_plan plan = {.parts = 1};
    gemm_method method = INTERNAL(gemm_cheapest)(g, g->n, &cost);
    if (rest && whole) {
        const gemm_method rest_method = INTERNAL(gemm_cheapest)(g, rest, &rest_cost);
        if (INTERNAL(gemm_cost)(GEMM_OUTER, g, whole) + rest_cost + second_part < cost) {
            plan.parts = 2;
            plan.part[1] = INTERNAL(plan_part)(g, rest_method, whole, rest);
            method = GEMM_OUTER;
        }
    }
    plan.part[0] = INTERNAL(plan_part)(g, method, 0, plan.parts == 2 ? whole : g->n);
    for (int i = 0; i < plan.parts; i++)
        plan.scratch += plan.part[i].packed_a + plan.part[i].packed_b; /* both whole vectors */
    return plan;
}
