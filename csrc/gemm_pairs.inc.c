/* gemm_pairs.inc.c - products of float32 in bfloat16, where wg_medium asks for it: operands are rounded to eight bits of
 * mantissa, and one instruction adds the products of two neighbours along k to a sum in float32.
 *
 * Two neighbours fill the place of one float32. So a matrix of pairs is one of float32, of half the depth, to whatever
 * plans, copies and divides, and only moves items: the tile alone knows better. */

/* PAIR_TILE(rows, vectors) for every tile. Others are parts of the next larger one. */
#ifdef PAIRS_EMULATED
#define EACH_PAIR_TILE PAIR_TILE(4, 1) PAIR_TILE(4, 2)
#else
#define EACH_PAIR_TILE PAIR_TILE(4, 1) PAIR_TILE(14, 1) PAIR_TILE(4, 2) PAIR_TILE(14, 2)
#endif

/* ---------------------------------------------------------------- rounding */

/* Rounded to bfloat16, ties to even, in the upper half of each lane; what the lower half holds is nothing. */
INLINE vu32 bfloat16_of(vf32 x)
{
    const vu32 bits = (vu32)x, number = (vu32)(x == x);
    return (number & (bits + 0x7fff + (bits >> 16 & 1))) | (~number & (bits | 0x400000));
}

INLINE vf32 pair_of(vf32 low, vf32 high)
{
    return (vf32)(bfloat16_of(low) >> 16 | (bfloat16_of(high) & 0xffff0000));
}

/* A matrix whose neighbours along k, `depth` apart, become pairs: `rows` rows of `ld` in memory, along k or across. They may
 * take the place of their own numbers. */
typedef struct pairs {
    const float *from;
    float *to;
    ptrdiff_t count, k, stride, depth; /* of the matrix: items across k, and where they lie */
    int along;
    ptrdiff_t rows, ld, items; /* of the pairs; items with room for a tile behind the last row */
} pairs;

static pairs pairs_like(ptrdiff_t count, ptrdiff_t k, ptrdiff_t stride, ptrdiff_t depth)
{
    pairs p = {.count = count, .k = k, .stride = stride, .depth = depth, .along = depth == 1 && stride != 1};
    p.rows = p.along ? count : ceil_div(k, 2);
    p.ld = ceil_div(p.along ? ceil_div(k, 2) : count, LANES) * LANES;
    p.ld += p.ld % 1024 == 0 ? LANES : 0; /* lines_collide */
    p.items = (p.rows + (p.along ? PAIR_ROWS : 1)) * p.ld;
    return p;
}

static void make_pairs(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const pairs *const p = context;
    for (ptrdiff_t row = begin; row < end; row++) {
        const float *const from = p->from + row * (p->along ? p->stride : 2 * p->depth);
        const ptrdiff_t alone = !p->along && 2 * row + 1 == p->k, step = p->stride * (ptrdiff_t)sizeof(float);
        const ptrdiff_t beside = alone ? 0 : p->depth;
        for (ptrdiff_t i = 0; i < p->ld; i += LANES) {
            vf32 low, high;
            if (p->along) {
                const vf32 x = v_load_upto_f32(from + 2 * i, most(p->k - 2 * i, 0));
                const vf32 y = v_load_upto_f32(from + 2 * i + LANES, most(p->k - 2 * i - LANES, 0));
                low = v_even_lanes_f32(x, y), high = v_odd_lanes_f32(x, y);
            } else if (p->stride == 1) {
                const ptrdiff_t n = most(p->count - i, 0);
                low = v_load_upto_f32(from + i, n), high = v_load_upto_f32(from + beside + i, n);
            } else {
                const ptrdiff_t n = least(most(p->count - i, 0), LANES);
                low = v_load_strided_f32((const char *)(from + i * p->stride), step, n);
                high = v_load_strided_f32((const char *)(from + i * p->stride + beside), step, n);
            }
            if (alone)
                high = (vf32){0};
            v_store_f32(p->to + row * p->ld + i, pair_of(low, high));
        }
    }
}

static float *make_all_pairs(pairs *p, const float *from, float *to)
{
    p->from = from, p->to = to;
    wg_parallel_for(p->rows, 1 + GEMM_CHUNK_BYTES / (8 * p->ld), make_pairs, p);
    return to + p->items;
}

void round_pairs(const float *from, float *to, ptrdiff_t count, ptrdiff_t k, ptrdiff_t depth)
{
    pairs p = {.from = from, .to = to, .count = count, .k = k, .stride = 1, .depth = depth, .along = count == 1};
    p.rows = p.along ? 1 : ceil_div(k, 2), p.ld = p.along ? ceil_div(k, 2) : count;
    make_pairs(&p, 0, p.rows);
}

/* ---------------------------------------------------------------- tiles */

INLINE vf32 splat_pair(const float *p)
{
    int32_t bits;
    memcpy(&bits, p, sizeof bits); /* to a float it may be a NaN that an instruction changes */
    return (vf32)(bits - (vi32){0});
}

#define TILE_BODY pair_tile_body
#define TILE_SPLAT splat_pair
#define TILE_STEP v_dot_pairs
#define TILE_TARGET PAIRS_TARGET
#include "gemm_tile_body.inc.c"

#define PAIR_TILE(rows, vectors)                                                                                    \
    static NOINLINE PAIRS_TARGET void gemm_pairs_##rows##x##vectors(ptrdiff_t k, const float *a, ptrdiff_t rs_a,    \
                                                                    ptrdiff_t cs_a, const float *b, ptrdiff_t rs_b, \
                                                                    float *out, ptrdiff_t ld, int accumulate)       \
    {                                                                                                               \
        pair_tile_body(rows, vectors, k, a, rs_a, cs_a, b, rs_b, out, ld, accumulate);                              \
    }
EACH_PAIR_TILE
#undef PAIR_TILE

static const struct {
    int rows, vectors;
    tile_fn_f32 *run;
} pair_tiles[] = {
#define PAIR_TILE(rows, vectors) {rows, vectors, gemm_pairs_##rows##x##vectors},
    EACH_PAIR_TILE
#undef PAIR_TILE
};

/* The least tile that has so many rows and vectors, and how many rows it has. */
static tile_fn_f32 *pair_tile(ptrdiff_t vectors, ptrdiff_t *rows)
{
    int i = 0;
    while (pair_tiles[i].vectors < vectors || pair_tiles[i].rows < *rows)
        i++;
    *rows = pair_tiles[i].rows;
    return pair_tiles[i].run;
}

void pair_column(const conv_strides_f32 *s, ptrdiff_t n, int vectors, const float *a, const float *b, float *out)
{
    ptrdiff_t rows;
    for (ptrdiff_t i = 0; i < n; i += rows) {
        rows = least(n - i, PAIR_ROWS);
        tile_fn_f32 *const tile = pair_tile(vectors, &rows);
        if (!s->accumulate && i + rows > n)
            i = most(0, n - rows);
        for (ptrdiff_t k = 0; k < s->segments; k++)
            tile(s->n, a + s->offsets[k] + i * s->ra, s->ra, s->ca, b + k * s->sb, s->rb, out + i * s->ld, s->ld,
                 s->accumulate || k > 0);
    }
}
