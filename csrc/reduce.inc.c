/* reduce.inc.c - reductions over any set of dimensions of any strides.
 *
 * reduce_plan.inc.c divides the work into blocks, reduce_fold.inc.c folds a block. What is known of a block, or of
 * several, is a state: one or two numbers per output. States are joined pairwise, first within a task, then over tasks,
 * so that a sum's error grows like log n in either direction.
 *
 * Kinds that need two passes, the maximum before the exponentials, the mean before the deviations, make both over one
 * block while it is in the cache; the states of blocks are then joined exactly (for the variance: Chan, Golub and LeVeque
 * 1979). Memory is read once. */

#include "reduce_plan.inc.c"
#include "reduce_fold.inc.c"

/* ---------------------------------------------------------------- states */

/* For each of several outputs, what `items` input items come to:
 *
 *   sum mean prod max min   first: the result, but for mean the sum
 *   logsumexp               first: m, the maximum brought into the finite range; second: the sum of exp(x - m)
 *   var                     first: the mean; second: the sum of (x - mean)^2
 *   norm                    first: s, a power of two; second: the sum of (x / s)^2
 *   argmax argmin           first: the extremum; index: its first place
 *
 * The arrays have room for whole vectors; what is behind the outputs may be anything. */
typedef struct {
    real *first, *second;
    int64_t *index; /* in the memory of `second` */
    ptrdiff_t items;
} INTERNAL(reduce_state);

#undef REDUCE_SMALLEST
#undef REDUCE_LARGEST
#undef REDUCE_FAR_FROM_ZERO
#undef REDUCE_COLUMNS
#define REDUCE_SMALLEST ((real)(REAL_BITS == 32 ? 0x1p-126 : 0x1p-1022)) /* normal number */
#define REDUCE_LARGEST ((real)(REAL_BITS == 32 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023))
#define REDUCE_FAR_FROM_ZERO ((real)(REAL_BITS == 32 ? 0x1p-16 : 0x1p-40)) /* variance / mean^2: rounded means err */
#define REDUCE_COLUMNS (REDUCE_PANEL_BYTES / (ptrdiff_t)sizeof(real) + LANES)

/* What a task works with. states[level] is free, or the state of 2^level blocks. */
enum { INTERNAL(REDUCE_NEWEST) = REDUCE_LEVELS + 1, INTERNAL(REDUCE_SCRATCH), INTERNAL(REDUCE_STATES) };
typedef struct {
    INTERNAL(reduce_state) *states[INTERNAL(REDUCE_STATES)];
    INTERNAL(reduce_state) memory[INTERNAL(REDUCE_STATES)];
    _Alignas(WG_ALIGNMENT) real first[INTERNAL(REDUCE_STATES)][REDUCE_COLUMNS]; /* or stores would cross cache lines */
    int64_t second[INTERNAL(REDUCE_STATES)][REDUCE_COLUMNS];
    real copy[REDUCE_BLOCK_LINE_CACHED * LANES];
} INTERNAL(reduce_workspace);

static void INTERNAL(reduce_prepare)(INTERNAL(reduce_workspace) *w)
{
    for (int i = 0; i < INTERNAL(REDUCE_STATES); i++) {
        w->memory[i] = (INTERNAL(reduce_state)){w->first[i], (real *)w->second[i], w->second[i], 0};
        w->states[i] = &w->memory[i];
    }
}

/* Whether `candidate`, which comes later, takes the place of `best`. */
INLINE int INTERNAL(reduce_improves)(wg_reduce kind, real candidate, real best)
{
    return (kind == WG_REDUCE_argmin ? candidate < best : candidate > best) || (candidate != candidate && best == best);
}

/* Join b to a, for one vector of outputs. `share` is b's share of the items, `weight` that times a's items. */
INLINE void INTERNAL(reduce_join_vector)(wg_reduce kind, real share, real weight, INTERNAL(reduce_state) a,
                                         INTERNAL(reduce_state) b)
{
    const vreal x = V(load)(a.first), y = V(load)(b.first);
    vreal first = x + y, second = V(splat)(0);
    switch (kind) {
    case WG_REDUCE_prod: first = x * y; break;
    case WG_REDUCE_max: first = V(max)(x, y); break;
    case WG_REDUCE_min: first = V(min)(x, y); break;
    case WG_REDUCE_logsumexp:
        first = V(max)(x, y);
        second = V(load)(a.second) * V(exp)(x - first) + V(load)(b.second) * V(exp)(y - first);
        break;
    case WG_REDUCE_var:
        first = x + (y - x) * share;
        second = V(load)(a.second) + V(load)(b.second) + (y - x) * (y - x) * weight;
        break;
    case WG_REDUCE_norm:
        first = V(max)(x, y);
        second = V(load)(a.second) * (x / first) * (x / first) + V(load)(b.second) * (y / first) * (y / first);
        break;
    default: break;
    }
    V(store)(a.first, first);
    V(store)(a.second, second);
}

static INTERNAL(reduce_state) INTERNAL(reduce_behind)(const INTERNAL(reduce_state) *s, ptrdiff_t outputs)
{
    return (INTERNAL(reduce_state)){s->first + outputs, s->second + outputs, s->index + outputs, s->items};
}

/* Join b to a. The items of b come later, or its outputs lie behind those of a in the same arrays. */
static void INTERNAL(reduce_join)(wg_reduce kind, INTERNAL(reduce_state) *a, const INTERNAL(reduce_state) *b,
                                  ptrdiff_t width)
{
    const double here = (double)a->items, there = (double)b->items, share = there / (here + there);
    if (reduce_is_arg(kind)) {
        for (ptrdiff_t i = 0; i < width; i++)
            if (INTERNAL(reduce_improves)(kind, b->first[i], a->first[i])) {
                a->first[i] = b->first[i];
                a->index[i] = b->index[i];
            }
    } else {
        for (ptrdiff_t i = 0; i < width; i += LANES)
            INTERNAL(reduce_join_vector)(kind, (real)share, (real)(here * share), INTERNAL(reduce_behind)(a, i),
                                         INTERNAL(reduce_behind)(b, i));
    }
    a->items += b->items;
}

/* Join `segments` groups of `width` columns into the first, pairwise. */
static void INTERNAL(reduce_join_segments)(wg_reduce kind, INTERNAL(reduce_state) *s, ptrdiff_t segments,
                                           ptrdiff_t width, INTERNAL(reduce_state) *odd)
{
    odd->items = 0;
    while (segments > 1) {
        if (segments % 2 > 0) {
            const INTERNAL(reduce_state) last = INTERNAL(reduce_behind)(s, --segments * width);
            if (odd->items > 0) {
                INTERNAL(reduce_join)(kind, odd, &last, width);
            } else {
                memcpy(odd->first, last.first, (size_t)width * sizeof(real));
                memcpy(odd->second, last.second, (size_t)width * sizeof(real));
                odd->items = last.items;
            }
        }
        segments /= 2;
        const INTERNAL(reduce_state) upper = INTERNAL(reduce_behind)(s, segments * width);
        INTERNAL(reduce_join)(kind, s, &upper, segments * width);
    }
    if (odd->items > 0)
        INTERNAL(reduce_join)(kind, s, odd, width);
}

/* ---------------------------------------------------------------- the state of a block */

/* Make the columns, or a line's items, adjacent. */
static void INTERNAL(reduce_copy)(const reduce_plan *p, reduce_block *b, real *copy)
{
    const ptrdiff_t rows = p->lines ? 1 : b->rows, n = p->lines ? b->rows : b->columns;
    const ptrdiff_t stride = p->lines ? b->row_stride : p->across.stride;
    if (stride == sizeof(real))
        return;
    assert(rows * n <= REDUCE_BLOCK_LINE_CACHED * LANES);
    for (ptrdiff_t r = 0; r < rows; r++) {
        const char *const from = b->in + r * b->row_stride;
        real *const to = copy + r * n;
        ptrdiff_t i = stride == 2 * (ptrdiff_t)sizeof(real) ? V(copy_even)(to, (const real *)from, n) : 0;
        for (; i < n; i++)
            to[i] = *(const real *)(from + i * stride);
    }
    b->in = (const char *)copy;
    b->row_stride = n * (ptrdiff_t)sizeof(real);
    b->far = 0;
}

/* The state of the norm: squares are scaled where their plain sum overflows, or loses digits below the normal range. */
static void INTERNAL(reduce_squares)(const reduce_block *b, ptrdiff_t columns, INTERNAL(reduce_state) *s, real *inverse)
{
    const vreal smallest = V(splat)(REDUCE_SMALLEST), largest = V(splat)(REDUCE_LARGEST), one = V(splat)(1);
    const vreal lowest = smallest * (real)b->rows;
    vint unsafe = {0};
    INTERNAL(fold_block)(FOLD_SQUARES, b, NULL, s->second);
    for (ptrdiff_t i = 0; i < columns; i += LANES) {
        const vreal x = V(load)(s->second + i);
        unsafe |= (x < lowest) | (x > largest);
        V(store)(s->first + i, one);
    }
    if (LIKELY(!V(any)(unsafe)))
        return;
    INTERNAL(fold_block)(FOLD_MAGNITUDE, b, NULL, s->first);
    for (ptrdiff_t i = 0; i < columns; i += LANES) {
        const vint exponent = V(as_int)(V(load)(s->first + i)) & V(as_int)(V(splat)((real)INFINITY));
        vreal scale = V(at_least)(V(as_real)(exponent), smallest); /* the power of two below the greatest magnitude */
        scale = V(select)(scale > largest, one, scale);
        V(store)(s->first + i, scale);
        V(store)(inverse + i, one / scale);
    }
    INTERNAL(fold_block)(FOLD_SCALED, b, inverse, s->second);
}

static void INTERNAL(reduce_block_arg)(const reduce_plan *p, ptrdiff_t index, const reduce_block *b,
                                       INTERNAL(reduce_state) *s, real *row)
{
    const int lowest = p->kind == WG_REDUCE_argmin;
    const ptrdiff_t place = reduce_block_place(p, index);
    if (p->lines) {
        s->index[0] = place + p->along.weight * INTERNAL(arg_line)(lowest, (const real *)b->in, b->rows, s->first);
        return;
    }
    INTERNAL(arg_block)(lowest, b, s->first, row);
    for (ptrdiff_t i = 0; i < b->columns; i++)
        s->index[i] = place + p->along.weight * (ptrdiff_t)row[i];
}

/* The state of block number `index` of a unit. */
static void INTERNAL(reduce_block_state)(const reduce_plan *p, const reduce_unit *u, ptrdiff_t index,
                                         INTERNAL(reduce_workspace) *w, INTERNAL(reduce_state) *s)
{
    INTERNAL(reduce_state) *scratch = w->states[INTERNAL(REDUCE_SCRATCH)];
    reduce_block b;
    reduce_find_block(p, u, index, &b);
    INTERNAL(reduce_copy)(p, &b, w->copy);
    const ptrdiff_t columns = p->lines ? 1 : b.columns;
    s->items = b.rows;
    switch (p->kind) {
    case WG_REDUCE_prod: INTERNAL(fold_block)(FOLD_PRODUCT, &b, NULL, s->first); break;
    case WG_REDUCE_max: INTERNAL(fold_block)(FOLD_MAX, &b, NULL, s->first); break;
    case WG_REDUCE_min: INTERNAL(fold_block)(FOLD_MIN, &b, NULL, s->first); break;
    case WG_REDUCE_norm: INTERNAL(reduce_squares)(&b, columns, s, scratch->first); break;
    case WG_REDUCE_argmax:
    case WG_REDUCE_argmin: INTERNAL(reduce_block_arg)(p, index, &b, s, scratch->first); break;
    case WG_REDUCE_logsumexp:
        INTERNAL(fold_block)(FOLD_MAX, &b, NULL, s->first);
        for (ptrdiff_t i = 0; i < columns; i += LANES)
            V(store)(s->first + i, V(at_most)(V(at_least)(V(load)(s->first + i), V(splat)(-REDUCE_LARGEST)),
                                              V(splat)(REDUCE_LARGEST)));
        INTERNAL(fold_block)(FOLD_EXPONENTIALS, &b, s->first, s->second);
        break;
    case WG_REDUCE_var:
        INTERNAL(fold_block)(FOLD_SUM, &b, NULL, s->first);
        for (ptrdiff_t i = 0; i < columns; i += LANES)
            V(store)(s->first + i, V(load)(s->first + i) / (real)b.rows);
        INTERNAL(fold_block)(FOLD_DEVIATIONS, &b, s->first, s->second);
        break;
    default: INTERNAL(fold_block)(FOLD_SUM, &b, NULL, s->first); break;
    }
    if (b.segments > 1)
        INTERNAL(reduce_join_segments)(p->kind, s, b.segments, u->width, scratch);
}

/* ---------------------------------------------------------------- from blocks to outputs */

/* The state of `count` blocks of a unit, 2^REDUCE_LEVELS at most; it stays in the workspace. */
static INTERNAL(reduce_state) *INTERNAL(reduce_blocks)(const reduce_plan *p, const reduce_unit *u, ptrdiff_t from,
                                                       ptrdiff_t count, INTERNAL(reduce_workspace) *w)
{
    INTERNAL(reduce_state) **states = w->states, *newest = states[INTERNAL(REDUCE_NEWEST)], *result = NULL;
    for (ptrdiff_t done = 0; done < count; done++) {
        INTERNAL(reduce_block_state)(p, u, from + done, w, newest);
        int level = 0;
        for (; done >> level & 1; level++) {
            INTERNAL(reduce_state) *joined = states[level];
            INTERNAL(reduce_join)(p->kind, joined, newest, u->width);
            states[level] = newest;
            newest = joined;
        }
        INTERNAL(reduce_state) *unused = states[level];
        states[level] = newest;
        newest = unused;
    }
    states[INTERNAL(REDUCE_NEWEST)] = newest;
    for (int level = 0; level <= REDUCE_LEVELS; level++)
        if (count >> level & 1) {
            if (result)
                INTERNAL(reduce_join)(p->kind, states[level], result, u->width);
            result = states[level];
        }
    return result;
}

/* The sum of (x - first) - center over the items x of output i of a unit; the sum of the squares in *squares. */
static double INTERNAL(reduce_distances)(const reduce_plan *p, const reduce_unit *u, ptrdiff_t i, double first,
                                         double center, double *squares)
{
    double sum = 0;
    *squares = 0;
    for (ptrdiff_t k = 0; k < p->unit_blocks; k++) {
        reduce_block b;
        reduce_find_block(p, u, k, &b);
        double part = 0, part_squares = 0; /* rounding grows with the length of a block */
        for (ptrdiff_t row = 0; row < b.rows; row++)
            for (ptrdiff_t column = i; column < i + b.segments * u->width; column += u->width) {
                const char *in = b.in + row * b.row_stride + column * p->across.stride;
                const double distance = ((double)*(const real *)in - first) - center;
                part += distance;
                part_squares += distance * distance;
            }
        sum += part;
        *squares += part_squares;
    }
    return sum;
}

/* The sum of (x - mean)^2 where the mean is so large that its own rounding would count: items near the first one lose
 * nothing by its subtraction. */
static NOINLINE void INTERNAL(reduce_var_again)(const reduce_plan *p, const reduce_unit *u, INTERNAL(reduce_state) *s,
                                                real limit)
{
    reduce_block b;
    reduce_find_block(p, u, 0, &b);
    for (ptrdiff_t i = 0; i < u->width; i++) {
        if (!(s->second[i] < s->first[i] * s->first[i] * limit))
            continue;
        const double first = (double)*(const real *)(b.in + i * p->across.stride);
        double squares;
        const double mean = INTERNAL(reduce_distances)(p, u, i, first, 0, &squares) / (double)p->items;
        const double rest = INTERNAL(reduce_distances)(p, u, i, first, mean, &squares);
        s->second[i] = (real)(squares - rest * rest / (double)p->items);
    }
}

/* The outputs of a unit from the state of all of its items; overwrites the state. */
static void INTERNAL(reduce_finish)(const reduce_plan *p, const reduce_unit *u, INTERNAL(reduce_state) *s)
{
    const double freedom = (double)p->items - p->correction;
    const real divisor = (real)(p->kind == WG_REDUCE_mean ? (double)p->items : freedom <= 0 ? 0 : freedom);
    const ptrdiff_t step = p->across.weight;
    if (p->kind == WG_REDUCE_var && p->items > 1) {
        const real limit = (real)p->items * REDUCE_FAR_FROM_ZERO;
        int far = 0;
        for (ptrdiff_t i = 0; i < u->width; i++)
            far |= s->second[i] < s->first[i] * s->first[i] * limit;
        if (UNLIKELY(far))
            INTERNAL(reduce_var_again)(p, u, s, limit);
    }
    if (reduce_is_arg(p->kind)) {
        for (ptrdiff_t i = 0; i < u->width; i++)
            ((int64_t *)p->out)[u->place + i * step] = s->index[i];
        return;
    }
    for (ptrdiff_t i = 0; i < u->width; i += LANES) {
        vreal x = V(load)(s->first + i);
        switch (p->kind) {
        case WG_REDUCE_mean: x = x / divisor; break;
        case WG_REDUCE_logsumexp: x = x + V(log)(V(load)(s->second + i)); break;
        case WG_REDUCE_var: x = V(load)(s->second + i) / divisor; break;
        case WG_REDUCE_norm: x = x * V(sqrt)(V(load)(s->second + i)); break;
        default: break;
        }
        V(store)(s->first + i, x);
    }
    for (ptrdiff_t i = 0; i < u->width; i++)
        ((real *)p->out)[u->place + i * step] = s->first[i];
}

static void INTERNAL(reduce_one_unit)(const reduce_plan *p, ptrdiff_t index, INTERNAL(reduce_workspace) *w)
{
    reduce_unit u;
    reduce_find_unit(p, index, &u);
    INTERNAL(reduce_finish)(p, &u, INTERNAL(reduce_blocks)(p, &u, 0, p->unit_blocks, w));
}

/* Compute one norm by way of blocks, which scale the items: the plain sum of its squares overflowed, or lost digits. */
static void INTERNAL(reduce_norm_again)(const reduce_plan *p, ptrdiff_t index)
{
    INTERNAL(reduce_workspace) w;
    INTERNAL(reduce_prepare)(&w);
    INTERNAL(reduce_one_unit)(p, index, &w);
}

/* Reduce units [begin, end) that are lines of one block and of adjacent items, without states: setting these up takes
 * longer than a short line. Lines are finished a vector of them at a time. */
INLINE void INTERNAL(reduce_short_lines)(wg_reduce kind, reduce_fold fold, const reduce_plan *p, ptrdiff_t begin,
                                         ptrdiff_t end)
{
    enum { BATCH = LANES };
    const ptrdiff_t n = p->along.length;
    vreal shares[BATCH];
    real results[BATCH];
    ptrdiff_t place[BATCH];
    for (ptrdiff_t count; begin < end; begin += count) {
        count = least(end - begin, BATCH);
        for (ptrdiff_t i = 0; i < count; i++) {
            const char *in = p->in + reduce_offset(&p->kept, begin + i, &place[i]);
            shares[i] = INTERNAL(fold_line)(fold, (const real *)in, n, V(splat)(0));
        }
        if (count == BATCH)
            V(store)(results, INTERNAL(fold_each)(fold, shares));
        else
            for (ptrdiff_t i = 0; i < count; i++)
                results[i] = INTERNAL(fold_lanes)(fold, 1, shares[i]);
        for (ptrdiff_t i = 0; i < count; i++) {
            real result = results[i];
            if (kind == WG_REDUCE_norm && UNLIKELY(result < REDUCE_SMALLEST * (real)n || result > REDUCE_LARGEST)) {
                INTERNAL(reduce_norm_again)(p, begin + i);
                continue;
            }
            if (kind == WG_REDUCE_norm)
                result = V(sqrt)(V(splat)(result))[0];
            else if (kind == WG_REDUCE_mean)
                result = result / (real)n;
            ((real *)p->out)[place[i]] = result;
        }
    }
}

/* reduce_short_lines for argmax and argmin. */
INLINE void INTERNAL(arg_short_lines)(int lowest, const reduce_plan *p, ptrdiff_t begin, ptrdiff_t end)
{
    enum { BATCH = 8 };
    const ptrdiff_t n = p->along.length;
    INTERNAL(arg_scan) scan[BATCH];
    const real *in[BATCH];
    ptrdiff_t place[BATCH];
    for (ptrdiff_t count; begin < end; begin += count) {
        count = least(end - begin, BATCH);
        for (ptrdiff_t i = 0; i < count; i++) {
            in[i] = (const real *)(p->in + reduce_offset(&p->kept, begin + i, &place[i]));
            INTERNAL(arg_scan_line)(lowest, in[i], n, &scan[i]);
        }
        for (ptrdiff_t i = 0; i < count; i++) {
            real extremum;
            const ptrdiff_t found = INTERNAL(arg_place)(lowest, in[i], n, &scan[i], &extremum);
            ((int64_t *)p->out)[place[i]] = found * p->along.weight;
        }
    }
}

/* Whether there was a short way for units [begin, end). */
static int INTERNAL(reduce_shortly)(const reduce_plan *p, ptrdiff_t begin, ptrdiff_t end)
{
    if (!p->lines || p->unit_blocks > 1 || p->along.stride != sizeof(real))
        return 0;
    switch (p->kind) { /* so that each is compiled for its fold */
    case WG_REDUCE_sum:
    case WG_REDUCE_mean: INTERNAL(reduce_short_lines)(p->kind, FOLD_SUM, p, begin, end); return 1;
    case WG_REDUCE_prod: INTERNAL(reduce_short_lines)(WG_REDUCE_prod, FOLD_PRODUCT, p, begin, end); return 1;
    case WG_REDUCE_max: INTERNAL(reduce_short_lines)(WG_REDUCE_max, FOLD_MAX, p, begin, end); return 1;
    case WG_REDUCE_min: INTERNAL(reduce_short_lines)(WG_REDUCE_min, FOLD_MIN, p, begin, end); return 1;
    case WG_REDUCE_norm: INTERNAL(reduce_short_lines)(WG_REDUCE_norm, FOLD_SQUARES, p, begin, end); return 1;
    case WG_REDUCE_argmax: INTERNAL(arg_short_lines)(0, p, begin, end); return 1;
    case WG_REDUCE_argmin: INTERNAL(arg_short_lines)(1, p, begin, end); return 1;
    default: return 0;
    }
}

/* Task: units [begin, end), each as a whole. */
static void INTERNAL(reduce_units)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const reduce_plan *p = context;
    if (INTERNAL(reduce_shortly)(p, begin, end))
        return;
    INTERNAL(reduce_workspace) w;
    INTERNAL(reduce_prepare)(&w);
    for (ptrdiff_t i = begin; i < end; i++)
        INTERNAL(reduce_one_unit)(p, i, &w);
}

/* Task: splits [begin, end), counted through all units; their states go to p->partial. */
static void INTERNAL(reduce_splits)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const reduce_plan *p = context;
    INTERNAL(reduce_workspace) w;
    INTERNAL(reduce_prepare)(&w);
    for (ptrdiff_t i = begin; i < end; i++) {
        const ptrdiff_t from = i % p->splits * p->split, rest = p->unit_blocks - from;
        reduce_unit u;
        reduce_find_unit(p, i / p->splits, &u);
        const INTERNAL(reduce_state) *s = INTERNAL(reduce_blocks)(p, &u, from, least(rest, p->split), &w);
        INTERNAL(reduce_state) *partial = (INTERNAL(reduce_state) *)p->partial + i;
        memcpy(partial->first, s->first, (size_t)u.width * sizeof(real));
        memcpy(partial->index, s->index, (size_t)u.width * sizeof(int64_t));
        partial->items = s->items;
    }
}

/* Task: the partial states of units [begin, end), joined with their neighbours first. */
static void INTERNAL(reduce_gather)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const reduce_plan *p = context;
    for (ptrdiff_t i = begin; i < end; i++) {
        INTERNAL(reduce_state) *s = (INTERNAL(reduce_state) *)p->partial + i * p->splits;
        reduce_unit u;
        reduce_find_unit(p, i, &u);
        for (ptrdiff_t step = 1; step < p->splits; step *= 2)
            for (ptrdiff_t k = 0; k + step < p->splits; k += 2 * step)
                INTERNAL(reduce_join)(p->kind, s + k, s + k + step, u.width);
        INTERNAL(reduce_finish)(p, &u, s);
    }
}

/* A state for each split of each unit, in one block of memory; NULL if there is none. */
static INTERNAL(reduce_state) *INTERNAL(reduce_acquire)(const reduce_plan *p)
{
    const size_t count = (size_t)(p->units * p->splits);
    const size_t width = (size_t)((p->width + LANES - 1) / LANES * LANES);
    const size_t head = (count * sizeof(INTERNAL(reduce_state)) + WG_ALIGNMENT - 1) / WG_ALIGNMENT * WG_ALIGNMENT;
    char *memory = wg_buffer_acquire(head + count * width * (sizeof(real) + sizeof(int64_t)));
    if (!memory)
        return NULL;
    INTERNAL(reduce_state) *states = (INTERNAL(reduce_state) *)memory;
    int64_t *second = (int64_t *)(memory + head);
    real *first = (real *)(second + count * width);
    for (size_t i = 0; i < count; i++, first += width, second += width)
        states[i] = (INTERNAL(reduce_state)){first, (real *)second, second, 0};
    return states;
}

/* What reducing nothing gives. */
static void INTERNAL(reduce_nothing)(const wg_reduction *r, ptrdiff_t outputs)
{
    real value = (real)NAN;
    if (r->kind == WG_REDUCE_sum || r->kind == WG_REDUCE_norm)
        value = 0;
    else if (r->kind == WG_REDUCE_prod)
        value = 1;
    else if (r->kind == WG_REDUCE_logsumexp)
        value = (real)-INFINITY;
    else
        assert(outputs == 0 || r->kind == WG_REDUCE_mean || r->kind == WG_REDUCE_var);
    for (ptrdiff_t i = 0; i < outputs; i++)
        ((real *)r->out)[i] = value;
}

static wg_status K(reduce)(const wg_reduction *r)
{
    reduce_plan p;
    reduce_make_plan(&p, r, sizeof(real), LANES);
    if (p.outputs == 0 || p.items == 0) {
        INTERNAL(reduce_nothing)(r, p.outputs);
        return WG_OK;
    }
    const ptrdiff_t unit = p.items * p.width;
    if (p.splits == 1) {
        wg_parallel_for(p.units, reduce_grain(r->kind, unit), INTERNAL(reduce_units), &p);
        return WG_OK;
    }
    p.partial = INTERNAL(reduce_acquire)(&p);
    if (!p.partial)
        return WG_NO_MEMORY;
    wg_parallel_for(p.units * p.splits, reduce_grain(r->kind, unit / p.splits + 1), INTERNAL(reduce_splits), &p);
    wg_parallel_for(p.units, reduce_grain(r->kind, p.splits * p.width), INTERNAL(reduce_gather), &p);
    wg_buffer_release(p.partial);
    return WG_OK;
}

#if REAL_BITS == 64
const wg_reduce_kernels TABLE(reduce) = {.reduce = BOTH(reduce)};
#endif
