/* gemm_tile_body.inc.c - an outer-product tile: TILE_BODY, which takes items of A by TILE_SPLAT and adds to its
 * sums by TILE_STEP, for processors with TILE_TARGET. */

INLINE TILE_TARGET void TILE_BODY(const int rows, const int vectors, ptrdiff_t k, const real *a, ptrdiff_t rs_a,
                                  ptrdiff_t cs_a, const real *b, ptrdiff_t rs_b, real *out, ptrdiff_t ld,
                                  int accumulate)
{
    vreal sum[TILE_ROWS_SLIM][TILE_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = (vreal){0};

    /* One pointer for every four rows: with rs_a, 2 * rs_a and 3 * rs_a as offsets, fourteen rows take seven general
     * registers. A pointer for every row would not fit. */
    const real *group[(TILE_ROWS_SLIM + 3) / 4];
    UNROLL
    for (int i = 0; i < rows; i += 4)
        group[i / 4] = a + i * rs_a;
    for (ptrdiff_t p = 0; p < k; p++) {
        vreal bs[TILE_VECTORS];
        UNROLL
        for (int j = 0; j < vectors; j++)
            bs[j] = V(load)(b + j * LANES);
        UNROLL
        for (int j = 0; j < vectors; j += WG_ALIGNMENT / WG_VECTOR_BYTES)
            PREFETCH(b + TILE_PREFETCH * rs_b + j * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const vreal as = TILE_SPLAT(group[i / 4] + i % 4 * rs_a);
            UNROLL
            for (int j = 0; j < vectors; j++)
                sum[i][j] = TILE_STEP(as, bs[j], sum[i][j]);
        }
        UNROLL
        for (int i = 0; i < rows; i += 4)
            group[i / 4] += cs_a;
        b += rs_b;
    }

    UNROLL
    for (int i = 0; i < rows; i++, out += ld)
        UNROLL
        for (int j = 0; j < vectors; j++) {
            real *const place = out + j * LANES;
            V(store)(place, accumulate ? V(load)(place) + sum[i][j] : sum[i][j]);
        }
}

#undef TILE_BODY
#undef TILE_SPLAT
#undef TILE_STEP
#undef TILE_TARGET
