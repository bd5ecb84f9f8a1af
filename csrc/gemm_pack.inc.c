/* gemm_pack.inc.c - copies of matrix blocks in the order in which the tiles read them.
 *
 * A copy is made only where it pays: when the contiguous direction is the wrong one, when a block is read many times
 * over, or when its rows fall into the same few sets of the cache. */

/* Rows of `source` that are contiguous already. */
static void INTERNAL(pack_rows)(ptrdiff_t count, ptrdiff_t depth, const real *source, ptrdiff_t depth_stride, real *out,
                                ptrdiff_t ld)
{
    const ptrdiff_t whole = count - count % LANES;
    for (ptrdiff_t p = 0; p < depth; p++, source += depth_stride, out += ld) {
        for (ptrdiff_t i = 0; i < whole; i += LANES)
            V(store)(out + i, V(load)(source + i));
        for (ptrdiff_t i = whole; i < ld; i += LANES)
            V(store)(out + i, V(load_upto)(source + i, most(count - i, 0)));
    }
}

/* Columns of `source` that are contiguous become rows: blocks of LANES x LANES, transposed in registers. */
static void INTERNAL(pack_columns)(ptrdiff_t count, ptrdiff_t depth, const real *source, ptrdiff_t stride, real *out,
                                   ptrdiff_t ld)
{
    for (ptrdiff_t i = 0; i < ld; i += LANES)
        for (ptrdiff_t p = 0; p < depth; p += LANES) {
            const real *const from = source + i * stride + p;
            vreal x[LANES];
            if (LIKELY(count - i >= LANES && depth - p >= LANES)) {
    UNROLL
                for (int l = 0; l < LANES; l++)
                    x[l] = V(load)(from + l * stride);
            } else {
                vreal part[LANES];
                UNROLL_FOUR
                for (int l = 0; l < LANES; l++)
                    part[l] = i + l < count ? V(load_upto)(from + l * stride, depth - p) : (vreal){0};
                UNROLL
                for (int l = 0; l < LANES; l++)
                    x[l] = part[l];
            }
            V(transpose)(x);
            const ptrdiff_t rows = least(depth - p, LANES);
            for (ptrdiff_t l = 0; l < rows; l++)
                V(store)(out + (p + l) * ld + i, x[l]);
        }
}

/* out[p * ld + i] = source[i * stride + p * depth_stride] for i < count and p < depth; zero for count <= i < ld. ld is
 * a multiple of LANES. */
static void INTERNAL(pack_panel)(ptrdiff_t count, ptrdiff_t depth, const real *source, ptrdiff_t stride,
                           ptrdiff_t depth_stride, real *out, ptrdiff_t ld)
{
    assert(ld % LANES == 0 && count <= ld);
    if (stride == 1) {
        INTERNAL(pack_rows)(count, depth, source, depth_stride, out, ld);
    } else if (depth_stride == 1) {
        INTERNAL(pack_columns)(count, depth, source, stride, out, ld);
    } else {
        for (ptrdiff_t p = 0; p < depth; p++)
            for (ptrdiff_t i = 0; i < ld; i++)
                out[p * ld + i] = i < count ? source[i * stride + p * depth_stride] : 0;
    }
}
