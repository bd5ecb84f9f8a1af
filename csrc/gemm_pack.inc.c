/* gemm_pack.inc.c - copies of matrix blocks in the order in which the tiles read them, and the exchange of lanes between
 * vectors that transposing needs.
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
/* Lane l of the result, counting on from the first vector into the second. A distance d of LANES or more has no
 * meaning, but must compile. */
#define EXCHANGE_LOW(l, d) (((l) & (d)) ? (int)LANES + (l) - (d) : (l))
#define EXCHANGE_HIGH(l, d) (((l) & (d)) ? (int)LANES + (l) : ((l) + (d)) % (2 * (int)LANES))
#ifdef __clang__
#define SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (vint){__VA_ARGS__})
#endif
#endif

/* Of two vectors, seen as blocks of d lanes: the blocks 0, 2, 4, ... of x, each followed by the same block of y; and
 * the blocks 1, 3, 5, ... likewise. d is a constant power of two below LANES. */
INLINE vreal INTERNAL(exchange_low)(vreal x, vreal y, const int d)
{
    return d == 1   ? SHUFFLE(x, y, EACH_LANE(EXCHANGE_LOW, 1))
           : d == 2 ? SHUFFLE(x, y, EACH_LANE(EXCHANGE_LOW, 2))
           : d == 4 ? SHUFFLE(x, y, EACH_LANE(EXCHANGE_LOW, 4))
                    : SHUFFLE(x, y, EACH_LANE(EXCHANGE_LOW, 8));
}
INLINE vreal INTERNAL(exchange_high)(vreal x, vreal y, const int d)
{
    return d == 1   ? SHUFFLE(x, y, EACH_LANE(EXCHANGE_HIGH, 1))
           : d == 2 ? SHUFFLE(x, y, EACH_LANE(EXCHANGE_HIGH, 2))
           : d == 4 ? SHUFFLE(x, y, EACH_LANE(EXCHANGE_HIGH, 4))
                    : SHUFFLE(x, y, EACH_LANE(EXCHANGE_HIGH, 8));
}

INLINE void INTERNAL(transpose_step)(vreal x[LANES], const int d)
{
    UNROLL
    for (int i = 0; i < LANES; i++)
        if (!(i & d)) {
            const vreal low = INTERNAL(exchange_low)(x[i], x[i + d], d);
            x[i + d] = INTERNAL(exchange_high)(x[i], x[i + d], d);
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
        x[i] = INTERNAL(exchange_low)(x[i], x[i + d], d) + INTERNAL(exchange_high)(x[i], x[i + d], d);
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
