/* gemm_pack.inc.c - copies of matrix blocks in the order in which the tiles read them, and the exchange of lanes
 * between vectors that transposing needs.
 *
 * A copy is made only where it pays: when the contiguous direction is the wrong one, when a block is read many times
 * over, or when its rows fall into the same few sets of the cache. */

/* ---------------------------------------------------------------- lanes */

#undef EACH_LANE
#if WG_VECTOR_BYTES * 8 / REAL_BITS == 16
#define EACH_LANE(f, d) \
    f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d), \
    f(8, d), f(9, d), f(10, d), f(11, d), f(12, d), f(13, d), f(14, d), f(15, d)
#elif WG_VECTOR_BYTES * 8 / REAL_BITS == 8
#define EACH_LANE(f, d) f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d)
#elif WG_VECTOR_BYTES * 8 / REAL_BITS == 4
#define EACH_LANE(f, d) f(0, d), f(1, d), f(2, d), f(3, d)
#else
#define EACH_LANE(f, d) f(0, d), f(1, d)
#endif

#ifndef WG_GEMM_PACK
#define WG_GEMM_PACK
/* Where lane l of a result comes from, counting on from the first vector into the second. The lanes are seen as blocks
 * of d, a power of two; a d of LANES or more has no meaning, but must compile. */
#define LANE_LOW(l, d) (((l) & (d)) ? (int)LANES + (l) - (d) : (l))
#define LANE_HIGH(l, d) (((l) & (d)) ? (int)LANES + (l) : LANE_NEXT(l, d))
#define LANE_KEPT(l, d) (((l) & (d)) ? (int)LANES + (l) : (l))
#define LANE_CROSSED(l, d) (((l) & (d)) ? (int)LANES + (l) - (d) : LANE_NEXT(l, d))
#define LANE_NEXT(l, d) (((l) + (d)) % (2 * (int)LANES))
#ifdef __clang__
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (vint){__VA_ARGS__})
#endif
#endif

#define SHUFFLE_BY(x, y, lane, d)                                                                                      \
    ((d) == 1   ? SHUFFLE(x, y, EACH_LANE(lane, 1))                                                                    \
     : (d) == 2 ? SHUFFLE(x, y, EACH_LANE(lane, 2))                                                                    \
     : (d) == 4 ? SHUFFLE(x, y, EACH_LANE(lane, 4))                                                                    \
                : SHUFFLE(x, y, EACH_LANE(lane, 8)))

INLINE void INTERNAL(transpose_step)(vreal x[LANES], const int d)
{
    UNROLL
    for (int i = 0; i < LANES; i++)
        if (!(i & d)) {
            const vreal low = SHUFFLE_BY(x[i], x[i + d], LANE_LOW, d);
            x[i + d] = SHUFFLE_BY(x[i], x[i + d], LANE_HIGH, d);
            x[i] = low;
        }
}

/* Lane j of x[i] to lane i of x[j]. */
INLINE void INTERNAL(transpose_lanes)(vreal x[LANES])
{
    if (LANES > 8)
        INTERNAL(transpose_step)(x, 8);
    if (LANES > 4)
        INTERNAL(transpose_step)(x, 4);
    if (LANES > 2)
        INTERNAL(transpose_step)(x, 2);
    INTERNAL(transpose_step)(x, 1);
}

INLINE void INTERNAL(reduce_step)(vreal x[LANES], const int d)
{
    UNROLL
    for (int i = 0; i < d; i++)
        x[i] = SHUFFLE_BY(x[i], x[i + d], LANE_KEPT, d) + SHUFFLE_BY(x[i], x[i + d], LANE_CROSSED, d);
}

/* The sum over the lanes of x[i] in lane i: the same tree for every i. */
INLINE vreal INTERNAL(reduce_each)(vreal x[LANES])
{
    if (LANES > 8)
        INTERNAL(reduce_step)(x, 8);
    if (LANES > 4)
        INTERNAL(reduce_step)(x, 4);
    if (LANES > 2)
        INTERNAL(reduce_step)(x, 2);
    INTERNAL(reduce_step)(x, 1);
    return x[0];
}

/* ---------------------------------------------------------------- blocks */

/* The first n items, n <= 0 for none, n >= LANES for all. */
INLINE vreal INTERNAL(load_upto)(const real *p, ptrdiff_t n)
{
    return n >= LANES ? V(load)(p) : n > 0 ? V(load_tail)(p, n) : (vreal){0};
}

/* Rows of `source` that are contiguous already. */
static void INTERNAL(pack_rows)(ptrdiff_t count, ptrdiff_t depth, const real *source, ptrdiff_t depth_stride, real *out,
                                ptrdiff_t ld)
{
    const ptrdiff_t whole = count - count % LANES;
    for (ptrdiff_t p = 0; p < depth; p++, source += depth_stride, out += ld) {
        for (ptrdiff_t i = 0; i < whole; i += LANES)
            V(store)(out + i, V(load)(source + i));
        for (ptrdiff_t i = whole; i < ld; i += LANES)
            V(store)(out + i, INTERNAL(load_upto)(source + i, count - i));
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
                for (int l = 0; l < LANES; l++)
                    x[l] = i + l < count ? INTERNAL(load_upto)(from + l * stride, depth - p) : (vreal){0};
            }
            INTERNAL(transpose_lanes)(x);
            const ptrdiff_t rows = depth - p < LANES ? depth - p : LANES;
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
