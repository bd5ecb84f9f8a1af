/* gemm_tile.inc.c - the innermost loops of the matrix product: tiles of C that live in registers.
 *
 * There are two kinds. An outer-product tile of R rows and V vectors of columns takes, at each step along k, V vectors
 * of B and R single items of A, and does R * V multiply-adds: A may lie in any way, B's rows must be contiguous. A
 * dot-product tile runs along k with vectors of both operands and adds up the lanes at the end: for narrow results,
 * whose columns do not fill a vector.
 *
 * Every tile is compiled for its exact size with the loops over rows and columns unrolled, so that the sums never leave
 * the registers; tests/kernels/test_gemm.py disassembles them and fails when an inner loop touches the stack. The
 * accumulators leave room for the operands, and in the large tiles there are at least eight: two units with a latency
 * of four cycles.
 *
 * An item's sum is formed in an order that depends on k alone, whatever tile it falls into. */

#ifndef WG_GEMM_TILE
#define WG_GEMM_TILE

/* TILE(rows, vectors) for every outer-product tile, DOT(rows, columns) for every dot-product tile. TILE_REUSE is the
 * number of row tiles for which packing B begins to pay. */
/* clang-format off */
#if VECTOR_REGISTERS == 32
enum { TILE_ROWS = 14, DOT_ROWS = 4, DOT_COLUMNS = 5, TILE_REUSE = 12 };
#define EACH_TILE                                                                                                      \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1) TILE(9, 1) TILE(10, 1)     \
    TILE(11, 1) TILE(12, 1) TILE(13, 1) TILE(14, 1)                                                                    \
    TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2) TILE(7, 2) TILE(8, 2) TILE(9, 2) TILE(10, 2)     \
    TILE(11, 2) TILE(12, 2) TILE(13, 2) TILE(14, 2)                                                                    \
    TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(1, 4) TILE(2, 4) TILE(3, 4)
#define EACH_DOT                                                                                                       \
    DOT(1, 1) DOT(1, 2) DOT(1, 3) DOT(1, 4) DOT(1, 5) DOT(2, 1) DOT(2, 2) DOT(2, 3) DOT(2, 4) DOT(2, 5)                \
    DOT(3, 1) DOT(3, 2) DOT(3, 3) DOT(3, 4) DOT(3, 5) DOT(4, 1) DOT(4, 2) DOT(4, 3) DOT(4, 4) DOT(4, 5)
#else /* 16 */
enum { TILE_ROWS = 6, DOT_COLUMNS = 3, TILE_REUSE = 6 };
#define EACH_TILE                                                                                                      \
    TILE(1, 1) TILE(2, 1) TILE(3, 1) TILE(4, 1) TILE(5, 1) TILE(6, 1) TILE(7, 1) TILE(8, 1) TILE(9, 1) TILE(10, 1)     \
    TILE(11, 1) TILE(12, 1)                                                                                            \
    TILE(1, 2) TILE(2, 2) TILE(3, 2) TILE(4, 2) TILE(5, 2) TILE(6, 2)                                                  \
    TILE(1, 3) TILE(2, 3) TILE(1, 4) TILE(2, 4)
#if FUSED
enum { DOT_ROWS = 4 };
#define EACH_DOT                                                                                                       \
    DOT(1, 1) DOT(1, 2) DOT(1, 3) DOT(2, 1) DOT(2, 2) DOT(2, 3) DOT(3, 1) DOT(3, 2) DOT(3, 3)                          \
    DOT(4, 1) DOT(4, 2) DOT(4, 3)
#else /* the product needs a register too */
enum { DOT_ROWS = 3 };
#define EACH_DOT                                                                                                       \
    DOT(1, 1) DOT(1, 2) DOT(1, 3) DOT(2, 1) DOT(2, 2) DOT(2, 3) DOT(3, 1) DOT(3, 2) DOT(3, 3)
#endif
#endif
/* clang-format on */
enum {
    TILE_ROWS_SLIM = TILE_ROWS > 12 ? TILE_ROWS : 12, /* of the tiles of one vector */
    TILE_ROWS_WIDE = TILE_ROWS > 6 ? 3 : 2,           /* of the tiles of three and four vectors */
    TILE_VECTORS = 4,
    TILE_PREFETCH = 4, /* rows of B that are asked for ahead: the processor does not foresee such strides */
    SWEEP_ROWS = 8,
    SWEEP_VECTORS = 64, /* of sums, which stay in the first-level cache */
};
#endif

/* ---------------------------------------------------------------- outer products */

/* out[i, j] = sum over p < k of a[i * rs_a + p * cs_a] * b[p * rs_b + j], added to out[i, j] if `accumulate`, for every
 * row i and every column j of the tile; out has row stride ld. */
typedef void INTERNAL(tile_fn)(ptrdiff_t k, const real *a, ptrdiff_t rs_a, ptrdiff_t cs_a, const real *b,
                               ptrdiff_t rs_b, real *out, ptrdiff_t ld, int accumulate);

#define TILE_BODY INTERNAL(tile_body)
#define TILE_SPLAT(p) V(splat)(*(p))
#define TILE_STEP V(fma)
#define TILE_TARGET
#include "gemm_tile_body.inc.c"

#define TILE(rows, vectors)                                                                                    \
    static NOINLINE void INTERNAL(gemm_tile_##rows##x##vectors)(ptrdiff_t k, const real *a, ptrdiff_t rs_a,    \
                                                                ptrdiff_t cs_a, const real *b, ptrdiff_t rs_b, \
                                                                real *out, ptrdiff_t ld, int accumulate)       \
    {                                                                                                          \
        INTERNAL(tile_body)(rows, vectors, k, a, rs_a, cs_a, b, rs_b, out, ld, accumulate);                    \
    }
EACH_TILE
#undef TILE

static INTERNAL(tile_fn) *const INTERNAL(tiles)[TILE_VECTORS + 1][TILE_ROWS_SLIM + 1] = {
#define TILE(rows, vectors) [vectors][rows] = INTERNAL(gemm_tile_##rows##x##vectors),
    EACH_TILE
#undef TILE
};

/* ---------------------------------------------------------------- one row */

/* sums[j] += a[0] * b[j] + a[cs_a] * b[rs_b + j] + ... over `rows` rows of B, in this order, for j < n. The order of
 * loops of the tiles would read B in pieces of a few vectors, a row apart; this one reads whole rows. */
INLINE void INTERNAL(sweep_body)(const int rows, ptrdiff_t n, const real *a, ptrdiff_t cs_a, const real *b,
                                 ptrdiff_t rs_b, real *sums)
{
    vreal as[SWEEP_ROWS];
    const real *group[(SWEEP_ROWS + 3) / 4]; /* as in a tile */
    UNROLL
    for (int p = 0; p < rows; p++)
        as[p] = V(splat)(a[p * cs_a]);
    UNROLL
    for (int p = 0; p < rows; p += 4)
        group[p / 4] = b + p * rs_b;
    ptrdiff_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        vreal sum = V(load)(sums + j);
        UNROLL
        for (int p = 0; p < rows; p++)
            sum = V(fma)(as[p], V(load)(group[p / 4] + p % 4 * rs_b + j), sum);
        V(store)(sums + j, sum);
    }
    if (j < n) {
        vreal sum = V(load)(sums + j);
        UNROLL
        for (int p = 0; p < rows; p++)
            sum = V(fma)(as[p], V(load_tail)(group[p / 4] + p % 4 * rs_b + j, n - j), sum);
        V(store)(sums + j, sum);
    }
}

static NOINLINE void INTERNAL(gemm_sweep_rows)(ptrdiff_t n, const real *a, ptrdiff_t cs_a, const real *b,
                                               ptrdiff_t rs_b, real *sums)
{
    INTERNAL(sweep_body)(SWEEP_ROWS, n, a, cs_a, b, rs_b, sums);
}
static NOINLINE void INTERNAL(gemm_sweep_row)(ptrdiff_t n, const real *a, const real *b, real *sums)
{
    INTERNAL(sweep_body)(1, n, a, 0, b, 0, sums);
}

/* The whole product of one row of A: sums[j] for j < n. `sums` has room for whole vectors. */
static void INTERNAL(gemm_sweep)(ptrdiff_t n, ptrdiff_t k, const real *a, ptrdiff_t cs_a, const real *b,
                                 ptrdiff_t rs_b, real *sums)
{
    ptrdiff_t p = 0;
    for (ptrdiff_t j = 0; j < n; j += LANES)
        V(store)(sums + j, (vreal){0});
    for (; p + SWEEP_ROWS <= k; p += SWEEP_ROWS)
        INTERNAL(gemm_sweep_rows)(n, a + p * cs_a, cs_a, b + p * rs_b, rs_b, sums);
    for (; p < k; p++)
        INTERNAL(gemm_sweep_row)(n, a + p * cs_a, b + p * rs_b, sums);
}

/* ---------------------------------------------------------------- dot products */

/* out[i, j] = sum over p < k of x[i * ld_x + p] * y[j * ld_y + p] for every row i and column j of the tile; out is
 * dense and has room for a multiple of LANES. */
typedef void INTERNAL(dot_fn)(ptrdiff_t k, const real *x, ptrdiff_t ld_x, const real *y, ptrdiff_t ld_y, real *out);

/* Add one step along k to the sums: LANES items, or the last n < LANES, which the other lanes follow with zeros. */
INLINE void INTERNAL(dot_step)(const int rows, const int columns, const real *x, ptrdiff_t ld_x, const real *y,
                               ptrdiff_t ld_y, ptrdiff_t n, vreal *sum)
{
    vreal ys[DOT_COLUMNS];
    UNROLL
    for (int j = 0; j < columns; j++) {
        ys[j] = n < LANES ? V(load_tail)(y + j * ld_y, n) : V(load)(y + j * ld_y);
        IN_REGISTER(ys[j]);
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        vreal xs = n < LANES ? V(load_tail)(x + i * ld_x, n) : V(load)(x + i * ld_x);
        IN_REGISTER(xs);
        UNROLL
        for (int j = 0; j < columns; j++)
            sum[i * columns + j] = V(fma)(xs, ys[j], sum[i * columns + j]);
    }
}

INLINE void INTERNAL(dot_body)(const int rows, const int columns, ptrdiff_t k, const real *x, ptrdiff_t ld_x,
                               const real *y, ptrdiff_t ld_y, real *out)
{
    const int padded = (rows * columns + (int)LANES - 1) / (int)LANES * (int)LANES;
    vreal sum[DOT_ROWS * DOT_COLUMNS + LANES];
    UNROLL
    for (int i = 0; i < padded; i++)
        sum[i] = (vreal){0};
    ptrdiff_t p = 0;
    for (; p + LANES <= k; p += LANES)
        INTERNAL(dot_step)(rows, columns, x + p, ld_x, y + p, ld_y, LANES, sum);
    if (p < k)
        INTERNAL(dot_step)(rows, columns, x + p, ld_x, y + p, ld_y, k - p, sum);
    UNROLL
    for (int i = 0; i < padded; i += (int)LANES)
        V(store)(out + i, V(reduce_each)(sum + i));
}

#define DOT(rows, columns)                                                                                             \
    static NOINLINE void INTERNAL(gemm_dot_##rows##x##columns)(ptrdiff_t k, const real *x, ptrdiff_t ld_x,             \
                                                               const real *y, ptrdiff_t ld_y, real *out)               \
    {                                                                                                                  \
        INTERNAL(dot_body)(rows, columns, k, x, ld_x, y, ld_y, out);                                                   \
    }
EACH_DOT
#undef DOT

static INTERNAL(dot_fn) *const INTERNAL(dots)[DOT_ROWS + 1][DOT_COLUMNS + 1] = {
#define DOT(rows, columns) [rows][columns] = INTERNAL(gemm_dot_##rows##x##columns),
    EACH_DOT
#undef DOT
};
