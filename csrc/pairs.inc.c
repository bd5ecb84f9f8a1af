/* pairs.inc.c - what gemm lends to convolution of its products in bfloat16 (gemm_pairs.inc.c). Included once per real
 * type, like a family. */

/* out[i * ld + j] = sum over s < segments, p < n of a[offsets[s] + i * ra + p * ca] * b[s * sb + p * rb + j], added to what is
 * there if `accumulate`, for every row i and every j < vectors * LANES. */
typedef struct {
    ptrdiff_t segments, n;
    const ptrdiff_t *offsets;
    ptrdiff_t ra, ca, rb, sb, ld;
    int accumulate;
} INTERNAL(conv_strides);

/* What a way that takes pairs has; the others have NULL. */
typedef void INTERNAL(round_fn)(const real *from, real *to, ptrdiff_t count, ptrdiff_t k, ptrdiff_t depth);
typedef void INTERNAL(column_fn)(const INTERNAL(conv_strides) *s, ptrdiff_t n, int vectors, const real *a,
                                 const real *b, real *out);

#ifdef PAIRS_TARGET
#define WG_PAIRS /* in the pass for float64 too */
/* What wg_medium is to have for products in bfloat16. */
#ifdef PAIRS_EMULATED
enum { PAIRS = WG_MEDIUM_ALWAYS, PAIR_ROWS = 4 };
#else
enum { PAIRS = WG_MEDIUM, PAIR_ROWS = 14 };
#endif

#define round_pairs CONCAT(wg_round_pairs_, WG_ISA_NAME)
#define pair_column CONCAT(wg_pair_column_, WG_ISA_NAME)
/* k rows of `count` numbers, `depth` apart, become half as many rows of pairs, one behind the other; k numbers where count
 * is 1. Whole vectors are written. Pairs may take the place of their own numbers. */
round_fn_f32 round_pairs;
/* As conv_column (conv_tile.inc.c), for pairs; if it accumulates, up to PAIR_ROWS - 1 rows behind the last take part. */
column_fn_f32 pair_column;

INLINE int pairs_wanted(void)
{
    const int medium = __atomic_load_n(&wg_medium, __ATOMIC_RELAXED);
    return medium & PAIRS ? medium : 0;
}
#endif
