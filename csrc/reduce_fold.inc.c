/* reduce_fold.inc.c - the inner loops of the reductions: a line, or the rows of a panel, folded into one number or row.
 *
 * REDUCE_GROUP vectors are joined as a tree; up to REDUCE_RUN / REDUCE_GROUP trees, a run, one after the other; then the
 * runs. Callers bound the length, so that about fifty additions in sequence are the most that an item sees here. */

#ifndef WG_REDUCE_FOLD
#define WG_REDUCE_FOLD
/* What is joined, and which function of the items x. `p` is a parameter, one for each column. */
typedef enum {
    FOLD_SUM,          /* x */
    FOLD_SQUARES,      /* x^2 */
    FOLD_SCALED,       /* (x p)^2 */
    FOLD_DEVIATIONS,   /* (x - p)^2 */
    FOLD_EXPONENTIALS, /* exp(x - p) */
    FOLD_PRODUCT,
    FOLD_MAX, /* NaN if there is one, as the following two */
    FOLD_MIN,
    FOLD_MAGNITUDE, /* the maximum of |x| */
} reduce_fold;

/* Into the second-level cache: the first has no room for what is needed some kilobytes later. */
#define PREFETCH_FAR(p) __builtin_prefetch(p, 0, 2)
#endif

INLINE int INTERNAL(fold_compares)(reduce_fold fold)
{
    return fold == FOLD_MAX || fold == FOLD_MIN || fold == FOLD_MAGNITUDE;
}

INLINE real INTERNAL(fold_identity)(reduce_fold fold)
{
    switch (fold) {
    case FOLD_PRODUCT: return 1;
    case FOLD_MAX: return (real)-INFINITY;
    case FOLD_MIN: return (real)INFINITY;
    case FOLD_MAGNITUDE: return 0;
    default: return (real)-0.0; /* -0 + x is x, also for x = -0 */
    }
}

INLINE vreal INTERNAL(fold_map)(reduce_fold fold, vreal x, vreal p)
{
    switch (fold) {
    case FOLD_SQUARES: return x * x;
    case FOLD_SCALED: return (x * p) * (x * p);
    case FOLD_DEVIATIONS: return (x - p) * (x - p);
    case FOLD_EXPONENTIALS: return V(exp)(x - p);
    case FOLD_MAGNITUDE: return V(abs)(x);
    default: return x;
    }
}

/* `numbers`: neither operand is NaN, which makes comparing cheaper. */
INLINE vreal INTERNAL(fold_join)(reduce_fold fold, int numbers, vreal x, vreal y)
{
    switch (fold) {
    case FOLD_PRODUCT: return x * y;
    case FOLD_MAX:
    case FOLD_MAGNITUDE: return numbers ? V(at_least)(x, y) : V(max)(x, y);
    case FOLD_MIN: return numbers ? V(at_most)(x, y) : V(min)(x, y);
    default: return x + y;
    }
}

/* Over the lanes, as a tree. `numbers`: no lane is NaN, or every one. */
INLINE real INTERNAL(fold_lanes)(reduce_fold fold, int numbers, vreal x)
{
    if (INTERNAL(fold_compares)(fold) && !numbers && UNLIKELY(V(any)(x != x)))
        return (real)NAN;
    UNROLL
    for (int bit = WG_LOG2_LANES - 1; bit >= 0; bit--)
        x = INTERNAL(fold_join)(fold, 1, x, V(exchange_lanes)(x, 1 << bit));
    return x[0];
}

/* REDUCE_GROUP vectors, as a tree. */
INLINE vreal INTERNAL(fold_tree)(reduce_fold fold, vreal *x)
{
    UNROLL
    for (int half = REDUCE_GROUP / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            x[i] = INTERNAL(fold_join)(fold, 1, x[i], x[i + half]);
    return x[0];
}

/* REDUCE_GROUP vectors of items. A fold that compares takes them for numbers, and adds their sum to *sum: it is NaN if an
 * item is, and else hardly ever; additions leave the comparisons' units alone. */
INLINE vreal INTERNAL(fold_vectors)(reduce_fold fold, vreal *x, vreal p, vreal *sum)
{
    vreal y[REDUCE_GROUP];
    UNROLL
    for (int i = 0; i < REDUCE_GROUP; i++)
        y[i] = x[i] = INTERNAL(fold_map)(fold, x[i], p);
    if (INTERNAL(fold_compares)(fold))
        *sum += INTERNAL(fold_tree)(FOLD_SUM, y);
    return INTERNAL(fold_tree)(fold, x);
}

/* n <= LANES items of row number `row`. */
INLINE vreal INTERNAL(fold_load)(const real *in, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t n)
{
    const real *p = (const real *)((const char *)in + row * stride);
    return n == LANES ? V(load_once)(p) : V(load_tail)(p, n);
}

/* The first n <= LANES columns of REDUCE_GROUP rows. */
INLINE vreal INTERNAL(fold_group)(reduce_fold fold, const real *in, ptrdiff_t stride, ptrdiff_t n, vreal p,
                                  vreal *sum)
{
    vreal x[REDUCE_GROUP];
    UNROLL
    for (int i = 0; i < REDUCE_GROUP; i++)
        x[i] = INTERNAL(fold_load)(in, stride, i, n);
    return INTERNAL(fold_vectors)(fold, x, p, sum);
}

/* ---------------------------------------------------------------- lines */

/* REDUCE_GROUP adjacent vectors. */
INLINE vreal INTERNAL(fold_adjacent)(reduce_fold fold, const real *in, vreal p, vreal *sum)
{
    return INTERNAL(fold_group)(fold, in, WG_VECTOR_BYTES, LANES, p, sum);
}

/* The sum of REDUCE_GROUP adjacent vectors, read by halves. */
INLINE vreal INTERNAL(sum_adjacent)(const real *in)
{
    vhalf x[REDUCE_GROUP], sum[WG_HALVES];
    UNROLL
    for (int h = 0; h < WG_HALVES; h++) {
        UNROLL
        for (int i = 0; i < REDUCE_GROUP; i++)
            x[i] = V(load_half)(in + i * LANES, h);
        UNROLL
        for (int half = REDUCE_GROUP / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++)
                x[i] += x[i + half];
        sum[h] = x[0];
    }
    return V(join_halves)(sum);
}

static NOINLINE int INTERNAL(any_nan)(const real *in, ptrdiff_t n)
{
    vint nan = {0};
    for (; n >= LANES; n -= LANES, in += LANES)
        nan |= V(load)(in) != V(load)(in);
    return V(any)(nan | (V(load_tail)(in, n) != V(load_tail)(in, n)));
}

/* The fold of n adjacent items: each lane has a share of it. A comparison that meets a NaN gives NaN in every lane. */
INLINE vreal INTERNAL(fold_line)(reduce_fold fold, const real *in, ptrdiff_t n, vreal p)
{
    const ptrdiff_t group = REDUCE_GROUP * LANES, length = n;
    const vreal identity = V(splat)(INTERNAL(fold_identity)(fold));
    const real *const first = in;
    vreal result = identity, rest = identity, sum = V(splat)(0);
    while (n >= group) {
        vreal run = identity;
        for (int i = 0; i < REDUCE_RUN / REDUCE_GROUP && n >= group; i++, n -= group, in += group)
            run = INTERNAL(fold_join)(fold, 1, run,
                                      fold == FOLD_SUM ? INTERNAL(sum_adjacent)(in)
                                                       : INTERNAL(fold_adjacent)(fold, in, p, &sum));
        result = INTERNAL(fold_join)(fold, 1, result, run);
    }
    for (; n >= LANES; n -= LANES, in += LANES) {
        const vreal x = INTERNAL(fold_map)(fold, V(load)(in), p);
        sum += x;
        rest = INTERNAL(fold_join)(fold, 1, rest, x);
    }
    if (n > 0) {
        const vreal x = INTERNAL(fold_map)(fold, V(load_tail)(in, n), p);
        sum += x;
        rest = INTERNAL(fold_join)(fold, 1, rest, V(select)(V(lane_numbers)() < (integer)n, x, identity));
    }
    if (INTERNAL(fold_compares)(fold) && UNLIKELY(V(any)(sum != sum)) && INTERNAL(any_nan)(first, length))
        return V(splat)((real)NAN);
    return INTERNAL(fold_join)(fold, 1, result, rest);
}

INLINE void INTERNAL(fold_step)(reduce_fold fold, vreal *x, const int d)
{
    UNROLL
    for (int i = 0; i < d; i++)
        x[i] = INTERNAL(fold_join)(fold, 1, V(kept_lanes)(x[i], x[i + d], d), V(crossed_lanes)(x[i], x[i + d], d));
}

/* Of LANES lines, each x[i] from fold_line: over the lanes of x[i], by the tree of fold_lanes, in lane i. Overwrites x. */
INLINE vreal INTERNAL(fold_each)(reduce_fold fold, vreal *x)
{
    if (LANES > 8)
        INTERNAL(fold_step)(fold, x, 8);
    if (LANES > 4)
        INTERNAL(fold_step)(fold, x, 4);
    if (LANES > 2)
        INTERNAL(fold_step)(fold, x, 2);
    INTERNAL(fold_step)(fold, x, 1);
    return x[0];
}

/* ---------------------------------------------------------------- panels */

/* `rows` rows, item by item, for a fold that compares. */
static NOINLINE void INTERNAL(fold_with_nan)(reduce_fold fold, ptrdiff_t rows, const real *in, ptrdiff_t stride,
                                             ptrdiff_t columns, real *result)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        for (ptrdiff_t c = 0; c < columns; c += LANES) {
            const ptrdiff_t n = least(columns - c, LANES);
            const vreal x = INTERNAL(fold_map)(fold, INTERNAL(fold_load)(in + c, stride, i, n), V(splat)(0));
            V(store)(result + c, INTERNAL(fold_join)(fold, 0, V(load)(result + c), x));
        }
}

/* The next `rows` rows, 1 or REDUCE_GROUP, joined with the row `result`. A comparison may pass over a NaN among them, but
 * keeps one in `result`; then it is done again, which changes nothing where there are numbers alone. */
INLINE void INTERNAL(fold_rows)(reduce_fold fold, int rows, int prefetch, const real *in, ptrdiff_t stride,
                                ptrdiff_t columns, const real *param, real *result)
{
    vreal sum = V(splat)(0);
    for (ptrdiff_t c = 0; c < columns; c += LANES) {
        const vreal p = param ? V(load)(param + c) : V(splat)(0);
        const ptrdiff_t n = columns - c;
        vreal x;
        if (prefetch)
            for (int i = 0; i < REDUCE_GROUP; i++)
                PREFETCH_FAR((const char *)(in + c) + (REDUCE_GROUP + i) * stride);
        if (rows > 1) {
            x = LIKELY(n >= LANES) ? INTERNAL(fold_group)(fold, in + c, stride, LANES, p, &sum)
                                   : INTERNAL(fold_group)(fold, in + c, stride, n, p, &sum);
        } else {
            x = INTERNAL(fold_map)(fold, INTERNAL(fold_load)(in + c, stride, 0, least(n, LANES)), p);
            sum += x;
        }
        V(store)(result + c, INTERNAL(fold_join)(fold, 1, V(load)(result + c), x));
    }
    if (INTERNAL(fold_compares)(fold) && UNLIKELY(V(any)(sum != sum)))
        INTERNAL(fold_with_nan)(fold, rows, in, stride, columns, result);
}

/* result[c]: the fold of column c, for c < columns; what follows up to a multiple of LANES may be anything. */
INLINE void INTERNAL(fold_panel)(reduce_fold fold, const reduce_block *b, const real *param, real *result)
{
    const ptrdiff_t stride = b->row_stride, columns = b->columns, step = REDUCE_GROUP * stride / (ptrdiff_t)sizeof(real);
    const real *in = (const real *)b->in;
    ptrdiff_t rows = b->rows;
    for (ptrdiff_t c = 0; c < columns; c += LANES)
        V(store)(result + c, V(splat)(INTERNAL(fold_identity)(fold)));
    for (; rows >= 2 * REDUCE_GROUP && b->far; rows -= REDUCE_GROUP, in += step)
        INTERNAL(fold_rows)(fold, REDUCE_GROUP, 1, in, stride, columns, param, result);
    for (; rows >= REDUCE_GROUP; rows -= REDUCE_GROUP, in += step)
        INTERNAL(fold_rows)(fold, REDUCE_GROUP, 0, in, stride, columns, param, result);
    for (; rows > 0; rows--, in += step / REDUCE_GROUP)
        INTERNAL(fold_rows)(fold, 1, 0, in, stride, columns, param, result);
}

INLINE void INTERNAL(fold_any)(reduce_fold fold, const reduce_block *b, const real *param, real *result)
{
    if (b->columns > 0) {
        INTERNAL(fold_panel)(fold, b, param, result);
    } else {
        const vreal sum = INTERNAL(fold_line)(fold, (const real *)b->in, b->rows, V(splat)(param ? *param : 0));
        V(store)(result, V(splat)(INTERNAL(fold_lanes)(fold, 1, sum)));
    }
}

/* A block of adjacent columns, or of adjacent items, into one row: result[c] for each column, or result[0]. Both rows,
 * `param` where the fold has one and `result`, have room for whole vectors. */
static void INTERNAL(fold_block)(reduce_fold fold, const reduce_block *b, const real *param, real *result)
{
    switch (fold) { /* so that each is compiled for its fold */
    case FOLD_SUM: INTERNAL(fold_any)(FOLD_SUM, b, NULL, result); break;
    case FOLD_SQUARES: INTERNAL(fold_any)(FOLD_SQUARES, b, NULL, result); break;
    case FOLD_SCALED: INTERNAL(fold_any)(FOLD_SCALED, b, param, result); break;
    case FOLD_DEVIATIONS: INTERNAL(fold_any)(FOLD_DEVIATIONS, b, param, result); break;
    case FOLD_EXPONENTIALS: INTERNAL(fold_any)(FOLD_EXPONENTIALS, b, param, result); break;
    case FOLD_PRODUCT: INTERNAL(fold_any)(FOLD_PRODUCT, b, NULL, result); break;
    case FOLD_MAX: INTERNAL(fold_any)(FOLD_MAX, b, NULL, result); break;
    case FOLD_MIN: INTERNAL(fold_any)(FOLD_MIN, b, NULL, result); break;
    case FOLD_MAGNITUDE: INTERNAL(fold_any)(FOLD_MAGNITUDE, b, NULL, result); break;
    }
}

/* ---------------------------------------------------------------- argmax and argmin of a line */

/* What one walk over a line finds: in every lane its best, and the number of the group of vectors it was first seen in. */
typedef struct {
    vreal best;
    real group[LANES];
} INTERNAL(arg_scan);

INLINE void INTERNAL(arg_scan_line)(int lowest, const real *in, ptrdiff_t n, INTERNAL(arg_scan) *scan)
{
    const reduce_fold fold = lowest ? FOLD_MIN : FOLD_MAX;
    const ptrdiff_t size = REDUCE_GROUP * LANES, length = n;
    const real *const first = in;
    const vreal zero = V(splat)(0);
    vreal best = V(splat)(INTERNAL(fold_identity)(fold)), group = zero, number = zero, sum = zero;
    for (; n >= size; n -= size, in += size, number += 1) {
        const vreal x = INTERNAL(fold_adjacent)(fold, in, zero, &sum);
        group = V(select)(lowest ? x < best : x > best, number, group);
        best = INTERNAL(fold_join)(fold, 1, best, x);
    }
    if (n > 0) {
        const vreal x = INTERNAL(fold_line)(fold, in, n, zero);
        sum += x;
        group = V(select)(lowest ? x < best : x > best, number, group);
        best = INTERNAL(fold_join)(fold, 1, best, x);
    }
    if (UNLIKELY(V(any)(sum != sum)) && INTERNAL(any_nan)(first, length))
        best = V(splat)((real)NAN);
    scan->best = best;
    V(store)(scan->group, group);
}

/* The place of the first NaN, which is there. */
static ptrdiff_t INTERNAL(arg_first_nan)(const real *in)
{
    ptrdiff_t i = 0;
    while (in[i] == in[i])
        i++;
    return i;
}

/* The place of the first item equal to `value`, which is among these n > 0. */
INLINE ptrdiff_t INTERNAL(arg_search)(const real *in, ptrdiff_t n, real value)
{
    const vreal wanted = V(splat)(value);
    if (n >= REDUCE_GROUP * LANES) { /* it is among these: no branch, that nobody could predict */
        uint64_t low = 0, high = 0;
        UNROLL
        for (int i = 0; i < REDUCE_GROUP / 2; i++) {
            const real *p = in + i * LANES, *q = p + REDUCE_GROUP / 2 * LANES;
            low |= (uint64_t)V(equal_lanes)(V(load)(p), wanted) << (i * LANES);
            high |= (uint64_t)V(equal_lanes)(V(load)(q), wanted) << (i * LANES);
        }
        return low ? __builtin_ctzll(low) : REDUCE_GROUP / 2 * LANES + __builtin_ctzll(high);
    }
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const unsigned found = V(equal_lanes)(V(load)(in + i), wanted);
        if (found)
            return i + __builtin_ctz(found);
    }
    /* A lane past the end may hold `value`, 0, too, but comes later. */
    return i + __builtin_ctz(V(equal_lanes)(V(load_tail)(in + i, n - i), wanted));
}

/* The extremum of n > 0 adjacent items and its first place, from their scan. */
INLINE ptrdiff_t INTERNAL(arg_place)(int lowest, const real *in, ptrdiff_t n, const INTERNAL(arg_scan) *scan,
                                     real *extremum)
{
    const ptrdiff_t size = REDUCE_GROUP * LANES;
    *extremum = INTERNAL(fold_lanes)(lowest ? FOLD_MIN : FOLD_MAX, 1, scan->best);
    if (UNLIKELY(*extremum != *extremum))
        return INTERNAL(arg_first_nan)(in);
    if (n <= size)
        return INTERNAL(arg_search)(in, n, *extremum);
    unsigned lanes = V(equal_lanes)(scan->best, V(splat)(*extremum));
    real group = scan->group[__builtin_ctz(lanes)];
    while (UNLIKELY(lanes &= lanes - 1))
        group = scan->group[__builtin_ctz(lanes)] < group ? scan->group[__builtin_ctz(lanes)] : group;
    const ptrdiff_t start = (ptrdiff_t)group * size;
    return start + INTERNAL(arg_search)(in + start, n - start, *extremum);
}

static ptrdiff_t INTERNAL(arg_line)(int lowest, const real *in, ptrdiff_t n, real *extremum)
{
    INTERNAL(arg_scan) scan;
    if (lowest) {
        INTERNAL(arg_scan_line)(1, in, n, &scan);
        return INTERNAL(arg_place)(1, in, n, &scan, extremum);
    }
    INTERNAL(arg_scan_line)(0, in, n, &scan);
    return INTERNAL(arg_place)(0, in, n, &scan, extremum);
}

/* ---------------------------------------------------------------- argmax and argmin of a panel */

/* The next `rows` rows, 1 or REDUCE_GROUP, of n <= LANES columns: the extrema so far, and the rows they are in. */
INLINE void INTERNAL(arg_columns)(int lowest, int rows, const real *in, ptrdiff_t stride, ptrdiff_t n,
                                  ptrdiff_t first, real *extremum, real *row)
{
    vreal x[REDUCE_GROUP], best = V(load)(extremum), place = V(load)(row);
    vint nan = best != best;
    UNROLL
    for (int i = 0; i < rows; i++) {
        x[i] = INTERNAL(fold_load)(in, stride, i, n);
        nan |= x[i] != x[i];
    }
    if (LIKELY(!V(any)(nan))) {
        for (int i = 0; i < rows; i++) {
            const vint better = lowest ? x[i] < best : x[i] > best;
            place = V(select)(better, V(splat)((real)(first + i)), place);
            best = INTERNAL(fold_join)(lowest ? FOLD_MIN : FOLD_MAX, 1, best, x[i]);
        }
    } else {
        for (int i = 0; i < rows; i++) {
            const vint better = (lowest ? x[i] < best : x[i] > best) | ((x[i] != x[i]) & (best == best));
            place = V(select)(better, V(splat)((real)(first + i)), place);
            best = V(select)(better, x[i], best);
        }
    }
    V(store)(extremum, best);
    V(store)(row, place);
}

INLINE void INTERNAL(arg_rows)(int lowest, int rows, const reduce_block *b, ptrdiff_t first, real *extremum, real *row)
{
    const real *in = (const real *)(b->in + first * b->row_stride);
    ptrdiff_t c = 0;
    for (; c + LANES <= b->columns; c += LANES)
        INTERNAL(arg_columns)(lowest, rows, in + c, b->row_stride, LANES, first, extremum + c, row + c);
    if (c < b->columns)
        INTERNAL(arg_columns)(lowest, rows, in + c, b->row_stride, b->columns - c, first, extremum + c, row + c);
}

INLINE void INTERNAL(arg_panel)(int lowest, const reduce_block *b, real *extremum, real *row)
{
    for (ptrdiff_t c = 0; c < b->columns; c += LANES) {
        V(store)(extremum + c, V(splat)(INTERNAL(fold_identity)(lowest ? FOLD_MIN : FOLD_MAX)));
        V(store)(row + c, V(splat)(0));
    }
    ptrdiff_t r = 0;
    for (; r + REDUCE_GROUP <= b->rows; r += REDUCE_GROUP)
        INTERNAL(arg_rows)(lowest, REDUCE_GROUP, b, r, extremum, row);
    for (; r < b->rows; r++)
        INTERNAL(arg_rows)(lowest, 1, b, r, extremum, row);
}

/* Of every column of a block: the extremum and the row, counted from 0, where it is first. */
static void INTERNAL(arg_block)(int lowest, const reduce_block *b, real *extremum, real *row)
{
    if (lowest)
        INTERNAL(arg_panel)(1, b, extremum, row);
    else
        INTERNAL(arg_panel)(0, b, extremum, row);
}
