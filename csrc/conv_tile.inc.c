/* conv_tile.inc.c - the innermost loop of convolutions whose lanes are channels: a tile of sums that lives in registers.
 *
 * It is the outer product of gemm_tile.inc.c with one more loop around, over segments: runs of operands that lie in one
 * piece, like the taps of one row of a kernel with all their channels. Only some numbers of rows are compiled. Others are
 * made of them by tiles that overlap, or reach behind the last row; the rows computed twice come out the same.
 *
 * The family that defines WG_CONV_TILES_HERE compiles them; others borrow them. */

#ifndef WG_CONV_TILE
#define WG_CONV_TILE
#if VECTOR_REGISTERS == 32
enum { CONV_ROWS = 14, CONV_ROWS_FEW = 6 };
#define EACH_CONV_TILE(vectors) \
    CONV_TILE(14, vectors)      \
    CONV_TILE(10, vectors) CONV_TILE(8, vectors) CONV_TILE(6, vectors) CONV_TILE(2, vectors)
#else
enum { CONV_ROWS = 6, CONV_ROWS_FEW = 3 };
#define EACH_CONV_TILE(vectors) CONV_TILE(6, vectors) CONV_TILE(4, vectors) CONV_TILE(2, vectors)
#endif

#define conv_tiles_f32 CONCAT3(wg_conv_tiles_, f32_, WG_ISA_NAME)
#define conv_tiles_f64 CONCAT3(wg_conv_tiles_, f64_, WG_ISA_NAME)

/* How many of n rows the next tile takes: as many as there are registers for, but not so that few are left over. */
INLINE ptrdiff_t conv_rows_of_tile(ptrdiff_t n)
{
    if (n <= CONV_ROWS)
        return n;
    return n >= CONV_ROWS + CONV_ROWS_FEW ? CONV_ROWS : (n + 1) / 2;
}
#endif

#include "pairs.inc.c"

/* Rows of what conv_strides tells. */
typedef void INTERNAL(conv_tile_fn)(const INTERNAL(conv_strides) *s, const real *a, const real *b, real *out);

typedef struct {
    ptrdiff_t rows;
    INTERNAL(conv_tile_fn) *run;
} INTERNAL(conv_tile);
extern const INTERNAL(conv_tile)
    INTERNAL(conv_tiles)[2][8]; /* by vectors - 1; the largest first, behind the last one rows is 0 */

#ifdef WG_CONV_TILES_HERE
INLINE void INTERNAL(conv_tile_body)(const int rows, const int vectors, const INTERNAL(conv_strides) *t, const real *a,
                                     const real *b, real *out)
{
    vreal sum[CONV_ROWS][2];
    const ptrdiff_t n = t->n, ra = t->ra, ca = t->ca, rb = t->rb, ld = t->ld;
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = (vreal){0};
    for (ptrdiff_t s = 0; s < t->segments; s++) {
        const real *group[(CONV_ROWS + 3) / 4]; /* as in gemm_tile.inc.c */
        const real *row = b + s * t->sb;
        UNROLL
        for (int i = 0; i < rows; i += 4)
            group[i / 4] = a + t->offsets[s] + i * ra;
        for (ptrdiff_t p = 0; p < n; p++) {
            vreal bs[2];
            UNROLL
            for (int j = 0; j < vectors; j++)
                bs[j] = V(load)(row + j * LANES);
            UNROLL
            for (int i = 0; i < rows; i++) {
                const vreal as = V(splat)(group[i / 4][i % 4 * ra]);
                UNROLL
                for (int j = 0; j < vectors; j++)
                    sum[i][j] = V(fma)(as, bs[j], sum[i][j]);
            }
            UNROLL
            for (int i = 0; i < rows; i += 4)
                group[i / 4] += ca;
            row += rb;
        }
    }
    const int accumulate = t->accumulate;
    UNROLL
    for (int i = 0; i < rows; i++, out += ld)
        UNROLL
        for (int j = 0; j < vectors; j++) {
            real *const place = out + j * LANES;
            V(store)(place, accumulate ? V(load)(place) + sum[i][j] : sum[i][j]);
        }
}

#define CONV_TILE(rows, vectors)                                                                                     \
    static NOINLINE void INTERNAL(conv_tile_##rows##x##vectors)(const INTERNAL(conv_strides) * s, const real *a,     \
                                                                const real *b, real *out)                            \
    {                                                                                                                \
        INTERNAL(conv_tile_body)(rows, vectors, s, a, b, out);                                                       \
    }
EACH_CONV_TILE(1)
EACH_CONV_TILE(2)
#undef CONV_TILE

#define CONV_TILE(rows, vectors) {rows, INTERNAL(conv_tile_##rows##x##vectors)},
const INTERNAL(conv_tile) INTERNAL(conv_tiles)[2][8] = {{EACH_CONV_TILE(1)}, {EACH_CONV_TILE(2)}};
#undef CONV_TILE
#endif

/* All of n rows, as told above, in tiles one below the other. Nothing is accumulated: where n is smaller than the smallest
 * tile that holds it, rows behind the last are read and written too, at most CONV_ROWS - 1. */
static NOINLINE void INTERNAL(conv_column)(const INTERNAL(conv_strides) * s, ptrdiff_t n, int vectors, const real *a, const real *b,
                                  real *out)
{
    for (ptrdiff_t i = 0; i < n;) {
        const ptrdiff_t wanted = conv_rows_of_tile(n - i);
        int k = 0;
        while (INTERNAL(conv_tiles)[vectors - 1][k + 1].rows >= wanted)
            k++;
        const ptrdiff_t rows = INTERNAL(conv_tiles)[vectors - 1][k].rows;
        const ptrdiff_t at = i + rows > n ? most(0, n - rows) : i;
        INTERNAL(conv_tiles)[vectors - 1][k].run(s, a + at * s->ra, b, out + at * s->ld);
        i = at + rows;
    }
}
