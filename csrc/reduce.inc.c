/* reduce.inc.c - reductions over any set of dimensions of any strides, and running sums.
 *
 * A reduction is planned first: dimensions of length one are dropped, the kept and the reduced ones are sorted by stride
 * and merged. What remains has one of two shapes, whichever lets the innermost loop walk through memory:
 *
 *   lines    the innermost dimension is reduced: a run of items gives one number;
 *   panels   the innermost dimension is kept: rows of some hundred columns are folded into one row. Several rows of a
 *            narrow dense panel are taken as one long row; and short lines, when a second dimension is reduced, are the
 *            rows of a panel too. The columns that belong to one output, the segments of a row, are then joined.
 *
 * Lines and panels are cut into blocks. In a block, eight vectors are joined as a tree and the trees added up, at most
 * 32 of them; blocks are joined pairwise. So a sum's error grows like log n in either direction. Kinds that need two
 * passes (the maximum before the exponentials, the mean before the deviations) make both over one block, while it is in
 * the cache. Which blocks belong together depends on the shape alone, never on the number of threads. */

#ifndef REDUCE_PLAN /* what does not depend on the real type */
#define REDUCE_PLAN

#include <float.h>

#define REDUCE_GROUP 8          /* vectors joined as a tree */
#define REDUCE_BLOCK 256        /* vectors in a block of a line, rows in one of a panel */
#define REDUCE_BLOCK_CACHED 32  /* rows in a panel's block that is read twice, or copied first */
#define REDUCE_BLOCK_ARG 4096   /* rows in a panel's block for argmax and argmin, which do not round */
#define REDUCE_PANEL 512        /* columns of a panel at most */
#define REDUCE_LEVELS 3         /* a task joins 2^3 blocks at most */
#define REDUCE_GRAIN 131072     /* additions that are worth a thread: some ten microseconds */

/* One dimension. `weight` is what a step adds to the output position, in items, if the dimension is kept, and to the
 * flattened index if it is reduced (0 where nobody asks for the index). */
typedef struct {
    ptrdiff_t length, stride, weight;
} reduce_dimension;

typedef struct {
    int count;
    reduce_dimension dims[WG_MAX_DIMS]; /* innermost first */
} reduce_dimensions;

typedef struct {
    wg_reduce kind;
    double correction;
    const char *in;
    char *out;
    ptrdiff_t items, outputs;      /* input items of each output; outputs */
    int lines;
    reduce_dimension along;        /* a line's items or a panel's rows */
    reduce_dimension across;       /* a panel's columns; length 1 for lines */
    ptrdiff_t width, segments;     /* columns = width outputs * segments, in the widest panel */
    ptrdiff_t leftover;            /* rows too few to make one long row of `segments` */
    ptrdiff_t block, blocks;       /* length of a block and number of them in one run along `along` */
    ptrdiff_t panels;              /* side by side */
    reduce_dimensions kept;        /* around lines and panels */
    reduce_dimensions reduced;
    ptrdiff_t units;               /* panels or lines that give different outputs */
    ptrdiff_t all_blocks;          /* of one unit */
    ptrdiff_t split, splits;       /* blocks joined by one task, and tasks for one unit */
    void *partial;                 /* with splits > 1: the state of each */
} reduce_plan;

/* A line, or as many columns as one panel has: what shares its reduced items. */
typedef struct {
    const char *in;
    ptrdiff_t place, width;        /* of the outputs, in items from the plan's `out` */
} reduce_unit;

/* A piece of one unit: a panel's rows, or a line's items, which has no columns. */
typedef struct {
    const char *in;
    ptrdiff_t rows, row_stride, columns, segments;
} reduce_block;

static int reduce_is_arg(wg_reduce kind)
{
    return kind == WG_REDUCE_argmax || kind == WG_REDUCE_argmin;
}

/* The input offset in bytes of the index-th position in these dimensions; the weight of that position in *weight. */
static ptrdiff_t reduce_offset(const reduce_dimensions *d, ptrdiff_t index, ptrdiff_t *weight)
{
    ptrdiff_t offset = 0;
    *weight = 0;
    for (int i = 0; i < d->count; i++) {
        const ptrdiff_t rest = i + 1 < d->count ? index / d->dims[i].length : 0;
        const ptrdiff_t here = index - rest * d->dims[i].length;
        offset += here * d->dims[i].stride;
        *weight += here * d->dims[i].weight;
        index = rest;
    }
    return offset;
}

static int reduce_lies_outside(const reduce_dimension *a, const reduce_dimension *b)
{
    return a->stride == 0 || (b->stride != 0 && labs(a->stride) > labs(b->stride));
}

/* Merge neighbours that are walked like one dimension. */
static void reduce_merge(reduce_dimensions *d)
{
    int count = 0;
    for (int i = 0; i < d->count; i++) {
        const reduce_dimension next = d->dims[i];
        reduce_dimension *last = &d->dims[count - 1];
        if (count > 0 && next.stride == last->length * last->stride && next.weight == last->length * last->weight)
            last->length *= next.length;
        else
            d->dims[count++] = next;
    }
    d->count = count;
}

/* Collect the kept or the reduced dimensions into `d`, without those of length one, innermost first, and give the
 * product of their lengths. Dimensions with negative strides are turned around: *in and *out (in items) move to what
 * becomes their first item. Where the index is asked for, the order of the reduced dimensions stays as it is. */
static ptrdiff_t reduce_collect(reduce_dimensions *d, const wg_reduction *r, int reduced, const char **in,
                                ptrdiff_t *out)
{
    const int ordered = reduced && reduce_is_arg(r->kind);
    ptrdiff_t weight = 1;
    d->count = 0;
    for (int i = r->ndim - 1; i >= 0; i--) {
        if (r->reduced[i] != reduced)
            continue;
        reduce_dimension dim = {r->shape[i], r->strides[i], reduced && !ordered ? 0 : weight};
        weight *= dim.length;
        if (dim.length == 1)
            continue;
        if (dim.stride < 0 && !ordered) {
            *in += (dim.length - 1) * dim.stride;
            *out += (dim.length - 1) * dim.weight;
            dim.stride = -dim.stride;
            dim.weight = -dim.weight;
        }
        int place = d->count++;
        for (; !ordered && place > 0 && reduce_lies_outside(&d->dims[place - 1], &dim); place--)
            d->dims[place] = d->dims[place - 1];
        d->dims[place] = dim;
    }
    return weight;
}

/* Take the innermost dimension out of the list; from an empty list, one of length one. */
static reduce_dimension reduce_take(reduce_dimensions *d)
{
    if (d->count == 0)
        return (reduce_dimension){1, 0, 0};
    const reduce_dimension inner = d->dims[0];
    d->count--;
    memmove(d->dims, d->dims + 1, (size_t)d->count * sizeof inner);
    return inner;
}

/* Lines or panels, and what runs along which direction. An item has `size` bytes, a vector `lanes` items. */
static void reduce_choose_shape(reduce_plan *p, ptrdiff_t size, ptrdiff_t lanes)
{
    const int arg = reduce_is_arg(p->kind);
    const reduce_dimension *inner = p->kept.count > 0 ? &p->kept.dims[0] : NULL;
    p->along = reduce_take(&p->reduced);
    p->across = (reduce_dimension){1, size, 0};
    p->segments = 1;
    /* Lines so short that starting and ending one costs more than walking it are columns instead. */
    const int short_lines = p->along.length < REDUCE_GROUP && inner && inner->length >= 2 * REDUCE_GROUP;
    p->lines = !inner || (reduce_lies_outside(inner, &p->along) && !short_lines);
    if (!p->lines) {
        p->across = reduce_take(&p->kept);
        const int dense = p->across.stride == size && p->along.stride == p->across.length * size;
        if (dense && !arg)
            while (p->across.length * p->segments < 4 * lanes && p->along.length >= 4 * REDUCE_GROUP * p->segments)
                p->segments *= 2;
    } else if (p->reduced.count > 0 && p->reduced.dims[0].length >= REDUCE_GROUP && p->along.stride == size &&
               p->along.length <= REDUCE_PANEL && !arg) {
        p->lines = 0;
        p->segments = p->along.length;
        p->along = reduce_take(&p->reduced);
    }
}

/* The measures of blocks, panels and tasks. They decide how sums round, so they depend on the shape alone. */
static void reduce_choose_blocks(reduce_plan *p, ptrdiff_t size, ptrdiff_t lanes)
{
    const int copied = p->across.stride != size;
    const int twice = p->kind == WG_REDUCE_logsumexp || p->kind == WG_REDUCE_var;
    const int long_rows = !p->lines && p->segments > 1 && p->across.length > 1;
    if (long_rows) {
        p->leftover = p->along.length % p->segments;
        p->along.length /= p->segments;
        p->along.stride *= p->segments;
    }
    p->block = p->lines                     ? REDUCE_BLOCK * lanes
               : copied || twice            ? REDUCE_BLOCK_CACHED
               : reduce_is_arg(p->kind)     ? REDUCE_BLOCK_ARG
                                            : REDUCE_BLOCK;
    p->blocks = (p->along.length + p->block - 1) / p->block + (p->leftover > 0);
    const ptrdiff_t panel = copied ? REDUCE_GROUP * lanes : REDUCE_PANEL;
    p->width = p->across.length < panel ? p->across.length : panel;
    p->panels = (p->across.length + p->width - 1) / p->width;

    p->units = p->panels;
    for (int i = 0; i < p->kept.count; i++)
        p->units *= p->kept.dims[i].length;
    p->all_blocks = p->blocks;
    for (int i = 0; i < p->reduced.count; i++)
        p->all_blocks *= p->reduced.dims[i].length;

    const ptrdiff_t most = (ptrdiff_t)1 << REDUCE_LEVELS;
    const ptrdiff_t worthwhile = REDUCE_GRAIN / (p->block * p->width * p->segments) + 1;
    p->split = p->units < most && worthwhile < most ? worthwhile : most;
    p->splits = (p->all_blocks + p->split - 1) / p->split;
}

static reduce_unit reduce_find_unit(const reduce_plan *p, ptrdiff_t index)
{
    const ptrdiff_t around = p->panels > 1 ? index / p->panels : index;
    const ptrdiff_t start = (index - around * p->panels) * p->width, rest = p->across.length - start;
    reduce_unit u = {.width = rest < p->width ? rest : p->width};
    u.in = p->in + reduce_offset(&p->kept, around, &u.place) + start * p->across.stride;
    u.place += start * p->across.weight;
    return u;
}

static reduce_block reduce_find_block(const reduce_plan *p, const reduce_unit *u, ptrdiff_t index)
{
    ptrdiff_t weight;
    const ptrdiff_t run = p->reduced.count > 0 ? index / p->blocks : 0, number = index - run * p->blocks;
    const ptrdiff_t start = number * p->block, rest = p->along.length - start;
    reduce_block b = {
        .in = u->in + reduce_offset(&p->reduced, run, &weight) + start * p->along.stride,
        .rows = rest < p->block ? rest : p->block,
        .row_stride = p->along.stride,
        .columns = p->lines ? 0 : u->width * p->segments,
        .segments = p->segments,
    };
    if (p->leftover > 0 && number == p->blocks - 1) {
        b.in += rest * p->along.stride;
        b.rows = p->leftover;
        b.row_stride /= p->segments;
        b.columns = u->width;
        b.segments = 1;
    }
    return b;
}

/* The place among the reduced items, in C order, of the first row of a block. */
static ptrdiff_t reduce_block_position(const reduce_plan *p, ptrdiff_t index)
{
    ptrdiff_t weight;
    reduce_offset(&p->reduced, index / p->blocks, &weight);
    return weight + index % p->blocks * p->block * p->along.weight;
}
#endif

/* ---------------------------------------------------------------- folding: many rows into one */

#ifndef REDUCE_FOLDS
#define REDUCE_FOLDS
/* What is joined, and of which function of the items x. `p` is a parameter of the column. */
typedef enum {
    FOLD_SUM,           /* x */
    FOLD_SQUARES,       /* x^2 */
    FOLD_SCALED,        /* (x p)^2 */
    FOLD_DEVIATIONS,    /* (x - p)^2 */
    FOLD_EXPONENTIALS,  /* exp(x - p) */
    FOLD_PRODUCT,
    FOLD_MAX, FOLD_MIN,             /* of numbers; with a NaN among them, anything */
    FOLD_NAN_MAX, FOLD_NAN_MIN,     /* of anything */
    FOLD_MAGNITUDE,                 /* NAN_MAX of |x| */
} reduce_fold;
#endif

#define REDUCE_SMALLEST ((real)(REAL_BITS == 32 ? FLT_MIN : DBL_MIN))
#define REDUCE_LARGEST ((real)(REAL_BITS == 32 ? FLT_MAX : DBL_MAX))

INLINE real INTERNAL(fold_identity)(reduce_fold fold)
{
    switch (fold) {
    case FOLD_PRODUCT: return 1;
    case FOLD_MAX:
    case FOLD_NAN_MAX: return (real)-INFINITY;
    case FOLD_MIN:
    case FOLD_NAN_MIN: return (real)INFINITY;
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

INLINE vreal INTERNAL(fold_join)(reduce_fold fold, vreal x, vreal y)
{
    switch (fold) {
    case FOLD_PRODUCT: return x * y;
    case FOLD_MAX: return V(at_least)(x, y);
    case FOLD_MIN: return V(at_most)(x, y);
    case FOLD_MAGNITUDE:
    case FOLD_NAN_MAX: return V(max)(x, y);
    case FOLD_NAN_MIN: return V(min)(x, y);
    default: return x + y;
    }
}

/* Over the lanes, as a tree: halves first. */
INLINE real INTERNAL(fold_lanes)(reduce_fold fold, vreal x)
{
    UNROLL
    for (int bit = WG_LOG2_LANES - 1; bit >= 0; bit--)
        x = INTERNAL(fold_join)(fold, x, V(exchange_lanes)(x, (ptrdiff_t)1 << bit));
    return x[0];
}

INLINE vreal INTERNAL(load_part)(const real *in, ptrdiff_t n)
{
    return n == LANES ? V(load)(in) : V(load_tail)(in, n);
}

INLINE vreal INTERNAL(row_at)(const real *in, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t n)
{
    return INTERNAL(load_part)((const real *)((const char *)in + row * stride), n);
}

/* The first n <= LANES columns of REDUCE_GROUP rows. A maximum ignores or keeps a NaN as the operands happen to lie;
 * the plain sum of everything, in *suspect, cannot lose one. (It may turn NaN for infinities of both signs, too: then
 * the careful fold that follows was not needed.) It costs little, on the adder that a maximum leaves idle. */
INLINE vreal INTERNAL(fold_group)(reduce_fold fold, const real *in, ptrdiff_t stride, ptrdiff_t n, vreal p,
                                  vreal *suspect)
{
    vreal x[REDUCE_GROUP];
    for (int i = 0; i < REDUCE_GROUP; i++)
        x[i] = INTERNAL(row_at)(in, stride, i, n);
    if (fold == FOLD_MAX || fold == FOLD_MIN)
        *suspect += ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
    for (int i = 0; i < REDUCE_GROUP; i++)
        x[i] = INTERNAL(fold_map)(fold, x[i], p);
    for (int half = REDUCE_GROUP / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            x[i] = INTERNAL(fold_join)(fold, x[i], x[i + half]);
    return x[0];
}

/* All lanes of *result: the fold of n adjacent items. */
INLINE void INTERNAL(fold_line)(reduce_fold fold, const real *in, ptrdiff_t n, const real *param, real *result,
                                real *suspects)
{
    const vreal p = param ? V(splat)(*param) : V(splat)(0), identity = V(splat)(INTERNAL(fold_identity)(fold));
    vreal sum = identity, suspect = V(splat)(0);
    for (; n >= REDUCE_GROUP * LANES; n -= REDUCE_GROUP * LANES, in += REDUCE_GROUP * LANES)
        sum = INTERNAL(fold_join)(fold, sum,
                                  INTERNAL(fold_group)(fold, in, sizeof(vreal), LANES, p, &suspect));
    for (; n >= LANES; n -= LANES, in += LANES) {
        const vreal x = V(load)(in);
        suspect += x;
        sum = INTERNAL(fold_join)(fold, sum, INTERNAL(fold_map)(fold, x, p));
    }
    if (n > 0) {
        const vreal x = V(load_tail)(in, n);
        vint lane;
        for (int i = 0; i < LANES; i++)
            lane[i] = i;
        suspect += x;
        sum = INTERNAL(fold_join)(fold, sum,
                                  V(select)(lane < (integer)n, INTERNAL(fold_map)(fold, x, p), identity));
    }
    V(store)(result, V(splat)(INTERNAL(fold_lanes)(fold, sum)));
    if (fold == FOLD_MAX || fold == FOLD_MIN)
        V(store)(suspects, suspect);
}

/* One vector of columns, n <= LANES of them, from `count` rows: into `result`, joined with what is there. */
INLINE void INTERNAL(fold_columns)(reduce_fold fold, const real *in, ptrdiff_t stride, ptrdiff_t n, int group,
                                   const real *param, real *result, real *suspects)
{
    const vreal p = param ? V(load)(param) : V(splat)(0);
    vreal suspect = V(splat)(0), sum;
    if (group) {
        sum = INTERNAL(fold_group)(fold, in, stride, n, p, &suspect);
    } else {
        suspect = INTERNAL(load_part)(in, n);
        sum = INTERNAL(fold_map)(fold, suspect, p);
    }
    V(store)(result, INTERNAL(fold_join)(fold, V(load)(result), sum));
    if (fold == FOLD_MAX || fold == FOLD_MIN)
        V(store)(suspects, V(load)(suspects) + suspect);
}

/* result[c] and, for MAX and MIN, suspects[c]: the fold of column c, for c < columns and on to a multiple of LANES. */
INLINE void INTERNAL(fold_panel)(reduce_fold fold, const real *in, ptrdiff_t rows, ptrdiff_t stride,
                                 ptrdiff_t columns, const real *param, real *result, real *suspects)
{
    const ptrdiff_t whole = columns - columns % LANES, tail = columns % LANES;
    for (ptrdiff_t c = 0; c < columns; c += LANES) {
        V(store)(result + c, V(splat)(INTERNAL(fold_identity)(fold)));
        if (fold == FOLD_MAX || fold == FOLD_MIN)
            V(store)(suspects + c, V(splat)(0));
    }
    while (rows > 0) {
        const int group = rows >= REDUCE_GROUP;
        if (group)
            for (ptrdiff_t c = 0; c < whole; c += LANES)
                INTERNAL(fold_columns)(fold, in + c, stride, LANES, 1, param ? param + c : NULL, result + c,
                                       suspects + c);
        else
            for (ptrdiff_t c = 0; c < whole; c += LANES)
                INTERNAL(fold_columns)(fold, in + c, stride, LANES, 0, param ? param + c : NULL, result + c,
                                       suspects + c);
        if (tail)
            INTERNAL(fold_columns)(fold, in + whole, stride, tail, group, param ? param + whole : NULL,
                                   result + whole, suspects + whole);
        const ptrdiff_t done = group ? REDUCE_GROUP : 1;
        rows -= done;
        in = (const real *)((const char *)in + done * stride);
    }
}

INLINE void INTERNAL(fold_any)(reduce_fold fold, const reduce_block *b, const real *param, real *result,
                               real *suspects)
{
    if (b->columns == 0)
        INTERNAL(fold_line)(fold, (const real *)b->in, b->rows, param, result, suspects);
    else
        INTERNAL(fold_panel)(fold, (const real *)b->in, b->rows, b->row_stride, b->columns, param, result, suspects);
}

/* One block of unit column stride. `param` has a value per column, where the fold has a parameter. */
static void INTERNAL(fold_block)(reduce_fold fold, const reduce_block *b, const real *param, real *result,
                                 real *suspects)
{
    switch (fold) { /* each branch is compiled for its fold */
    case FOLD_SUM: INTERNAL(fold_any)(FOLD_SUM, b, NULL, result, suspects); break;
    case FOLD_SQUARES: INTERNAL(fold_any)(FOLD_SQUARES, b, NULL, result, suspects); break;
    case FOLD_SCALED: INTERNAL(fold_any)(FOLD_SCALED, b, param, result, suspects); break;
    case FOLD_DEVIATIONS: INTERNAL(fold_any)(FOLD_DEVIATIONS, b, param, result, suspects); break;
    case FOLD_EXPONENTIALS: INTERNAL(fold_any)(FOLD_EXPONENTIALS, b, param, result, suspects); break;
    case FOLD_PRODUCT: INTERNAL(fold_any)(FOLD_PRODUCT, b, NULL, result, suspects); break;
    case FOLD_MAX: INTERNAL(fold_any)(FOLD_MAX, b, NULL, result, suspects); break;
    case FOLD_MIN: INTERNAL(fold_any)(FOLD_MIN, b, NULL, result, suspects); break;
    case FOLD_NAN_MAX: INTERNAL(fold_any)(FOLD_NAN_MAX, b, NULL, result, suspects); break;
    case FOLD_NAN_MIN: INTERNAL(fold_any)(FOLD_NAN_MIN, b, NULL, result, suspects); break;
    case FOLD_MAGNITUDE: INTERNAL(fold_any)(FOLD_MAGNITUDE, b, NULL, result, suspects); break;
    }
}

/* ---------------------------------------------------------------- states: what is known of some of the items */

/* One or two numbers for each of several outputs, from `items` input items each:
 *
 *   sum mean prod max min   first = the result, for mean the sum
 *   logsumexp               first = m, the maximum as a finite number; second = sum of exp(x - m)
 *   var                     first = the mean; second = sum of (x - mean)^2
 *   norm                    first = s, a power of two; second = sum of (x / s)^2
 *   argmax argmin           first = the extremum; index = the position of its first place, or of lines: its block
 *
 * Arrays are padded to whole vectors, and the padding may hold anything. */
typedef struct {
    real *first, *second;
    int64_t *index;   /* in the place of `second` */
    ptrdiff_t items;
} INTERNAL(reduce_state);

/* What one task works with: states[level] joins 2^level blocks, or is free. */
#define REDUCE_NEWEST (REDUCE_LEVELS + 1)
#define REDUCE_SCRATCH (REDUCE_LEVELS + 2)
typedef struct {
    INTERNAL(reduce_state) states[REDUCE_LEVELS + 3];
    real first[REDUCE_LEVELS + 3][REDUCE_PANEL + LANES];
    int64_t second[REDUCE_LEVELS + 3][REDUCE_PANEL + LANES];
    real suspects[REDUCE_PANEL + LANES];
    real copy[REDUCE_BLOCK * LANES];
} INTERNAL(reduce_workspace);

static void INTERNAL(reduce_prepare)(INTERNAL(reduce_workspace) *w)
{
    for (int i = 0; i < REDUCE_LEVELS + 3; i++)
        w->states[i] = (INTERNAL(reduce_state)){w->first[i], (real *)w->second[i], w->second[i], 0};
}

INLINE int INTERNAL(reduce_improves)(wg_reduce kind, real candidate, real best)
{
    return (kind == WG_REDUCE_argmin ? candidate < best : candidate > best) ||
           (candidate != candidate && best == best);
}

/* a <- a joined with b, whose items come later; `width` outputs. b may lie behind a in the same arrays. */
static void INTERNAL(reduce_join)(wg_reduce kind, INTERNAL(reduce_state) *a, const INTERNAL(reduce_state) *b,
                                  ptrdiff_t width)
{
    const real here = (real)a->items, there = (real)b->items, share = there / (here + there);
    if (reduce_is_arg(kind)) {
        for (ptrdiff_t i = 0; i < width; i++)
            if (INTERNAL(reduce_improves)(kind, b->first[i], a->first[i])) {
                a->first[i] = b->first[i];
                a->index[i] = b->index[i];
            }
        return;
    }
    for (ptrdiff_t i = 0; i < width; i += LANES) {
        const vreal x = V(load)(a->first + i), y = V(load)(b->first + i);
        vreal first = x + y, second = V(splat)(0);
        switch (kind) {
        case WG_REDUCE_prod: first = x * y; break;
        case WG_REDUCE_max: first = V(max)(x, y); break;
        case WG_REDUCE_min: first = V(min)(x, y); break;
        case WG_REDUCE_logsumexp:
            first = V(max)(x, y);
            second = V(load)(a->second + i) * V(exp)(x - first) + V(load)(b->second + i) * V(exp)(y - first);
            break;
        case WG_REDUCE_var:
            first = x + (y - x) * share;
            second = V(load)(a->second + i) + V(load)(b->second + i) + (y - x) * (y - x) * (here * share);
            break;
        case WG_REDUCE_norm:
            first = V(max)(x, y);
            second = V(load)(a->second + i) * (x / first) * (x / first) +
                     V(load)(b->second + i) * (y / first) * (y / first);
            break;
        default: break;
        }
        V(store)(a->first + i, first);
        V(store)(a->second + i, second);
    }
    a->items += b->items;
}

static INTERNAL(reduce_state) INTERNAL(reduce_segment)(const INTERNAL(reduce_state) *s, ptrdiff_t offset)
{
    return (INTERNAL(reduce_state)){s->first + offset, s->second + offset, s->index + offset, s->items};
}

/* Join the `segments` groups of `width` columns into the first, pairwise; `odd` is scratch. */
static void INTERNAL(reduce_join_segments)(wg_reduce kind, INTERNAL(reduce_state) *s, ptrdiff_t segments,
                                           ptrdiff_t width, INTERNAL(reduce_state) *odd)
{
    odd->items = 0;
    while (segments > 1) {
        if (segments % 2) {
            const INTERNAL(reduce_state) last = INTERNAL(reduce_segment)(s, --segments * width);
            if (odd->items > 0) {
                INTERNAL(reduce_join)(kind, odd, &last, width);
            } else {
                memcpy(odd->first, last.first, (size_t)width * sizeof(real));
                memcpy(odd->second, last.second, (size_t)width * sizeof(real));
                odd->items = last.items;
            }
        }
        segments /= 2;
        const INTERNAL(reduce_state) upper = INTERNAL(reduce_segment)(s, segments * width);
        INTERNAL(reduce_join)(kind, s, &upper, segments * width);
    }
    if (odd->items > 0)
        INTERNAL(reduce_join)(kind, s, odd, width);
}

/* ---------------------------------------------------------------- blocks: the state of adjacent items */

/* Make the columns, or the line's items, adjacent. */
static void INTERNAL(reduce_copy)(const reduce_plan *p, reduce_block *b, real *copy)
{
    const ptrdiff_t rows = b->columns > 0 ? b->rows : 1, n = b->columns > 0 ? b->columns : b->rows;
    const ptrdiff_t stride = b->columns > 0 ? p->across.stride : b->row_stride;
    if (stride == sizeof(real))
        return;
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t i = 0; i < n; i++)
            copy[r * n + i] = *(const real *)(b->in + r * b->row_stride + i * stride);
    b->in = (const char *)copy;
    b->row_stride = n * (ptrdiff_t)sizeof(real);
}

/* Whether one of the sums is NaN. */
static int INTERNAL(reduce_suspicious)(const real *suspects, ptrdiff_t columns)
{
    vint suspicious = {0};
    for (ptrdiff_t i = 0; i < columns; i += LANES) {
        const vreal x = V(load)(suspects + i);
        suspicious |= x != x;
    }
    return UNLIKELY(V(any)(suspicious));
}

/* The maximum or minimum of every column into s->first. */
static void INTERNAL(reduce_extremum)(int lowest, const reduce_block *b, ptrdiff_t columns, INTERNAL(reduce_state) *s,
                                      real *suspects)
{
    INTERNAL(fold_block)(lowest ? FOLD_MIN : FOLD_MAX, b, NULL, s->first, suspects);
    if (INTERNAL(reduce_suspicious)(suspects, columns))
        INTERNAL(fold_block)(lowest ? FOLD_NAN_MIN : FOLD_NAN_MAX, b, NULL, s->first, suspects);
}

/* The sum of squares, scaled where the plain one overflows, or loses digits below the normal range. */
static void INTERNAL(reduce_squares)(const reduce_block *b, ptrdiff_t columns, INTERNAL(reduce_state) *s,
                                     real *inverse)
{
    const vreal smallest = V(splat)(REDUCE_SMALLEST), largest = V(splat)(REDUCE_LARGEST), one = V(splat)(1);
    const vreal least = smallest * (real)s->items;
    INTERNAL(fold_block)(FOLD_SQUARES, b, NULL, s->second, NULL);
    vint unsafe = {0};
    for (ptrdiff_t i = 0; i < columns; i += LANES) {
        const vreal x = V(load)(s->second + i);
        unsafe |= (x < least) | (x > largest);
        V(store)(s->first + i, one);
    }
    if (LIKELY(!V(any)(unsafe)))
        return;
    INTERNAL(fold_block)(FOLD_MAGNITUDE, b, NULL, s->first, NULL);
    for (ptrdiff_t i = 0; i < columns; i += LANES) {
        const vint exponent = V(as_int)(V(splat)((real)INFINITY)) & V(as_int)(V(load)(s->first + i));
        vreal scale = V(max)(V(as_real)(exponent), smallest);
        scale = V(select)(scale > largest, one, scale);
        V(store)(s->first + i, scale);
        V(store)(inverse + i, one / scale);
    }
    INTERNAL(fold_block)(FOLD_SCALED, b, inverse, s->second, NULL);
}

/* The state of one block that is not argmax's or argmin's. */
static void INTERNAL(reduce_block_state)(const reduce_plan *p, reduce_block b, INTERNAL(reduce_workspace) *w,
                                         INTERNAL(reduce_state) *s)
{
    const vreal largest = V(splat)(REDUCE_LARGEST);
    const ptrdiff_t columns = b.columns > 0 ? b.columns : 1;
    INTERNAL(reduce_copy)(p, &b, w->copy);
    s->items = b.rows;
    switch (p->kind) {
    case WG_REDUCE_prod: INTERNAL(fold_block)(FOLD_PRODUCT, &b, NULL, s->first, NULL); break;
    case WG_REDUCE_max: INTERNAL(reduce_extremum)(0, &b, columns, s, w->suspects); break;
    case WG_REDUCE_min: INTERNAL(reduce_extremum)(1, &b, columns, s, w->suspects); break;
    case WG_REDUCE_norm: INTERNAL(reduce_squares)(&b, columns, s, w->suspects); break;
    case WG_REDUCE_logsumexp:
        INTERNAL(reduce_extremum)(0, &b, columns, s, w->suspects);
        for (ptrdiff_t i = 0; i < columns; i += LANES)
            V(store)(s->first + i, V(min)(V(max)(V(load)(s->first + i), -largest), largest));
        INTERNAL(fold_block)(FOLD_EXPONENTIALS, &b, s->first, s->second, NULL);
        break;
    case WG_REDUCE_var:
        INTERNAL(fold_block)(FOLD_SUM, &b, NULL, s->first, NULL);
        for (ptrdiff_t i = 0; i < columns; i += LANES)
            V(store)(s->first + i, V(load)(s->first + i) / (real)b.rows);
        INTERNAL(fold_block)(FOLD_DEVIATIONS, &b, s->first, s->second, NULL);
        break;
    default: INTERNAL(fold_block)(FOLD_SUM, &b, NULL, s->first, NULL); break;
    }
    if (b.segments > 1)
        INTERNAL(reduce_join_segments)(p->kind, s, b.segments, columns / b.segments,
                                       &w->states[REDUCE_SCRATCH]);
}

/* One vector of columns, n <= LANES of them, of `count` rows that follow row `first`: the extrema so far and the rows
 * they are in, as integers. Unless careful, a NaN may be overlooked, and shows in *suspects. */
INLINE void INTERNAL(arg_columns)(int lowest, int careful, const real *in, ptrdiff_t stride, ptrdiff_t n, int count,
                                  ptrdiff_t first, real *extremum, real *row, real *suspects)
{
    vreal best = V(load)(extremum), suspect = V(load)(suspects);
    vint place = V(as_int)(V(load)(row));
    for (int i = 0; i < count; i++) {
        const vreal x = INTERNAL(row_at)(in, stride, i, n);
        vint better = lowest ? x < best : x > best;
        if (careful)
            better |= (x != x) & (best == best);
        else
            suspect += x;
        best = V(select)(better, x, best);
        place = (better & (integer)(first + i)) | (~better & place);
    }
    V(store)(extremum, best);
    V(store)(row, V(as_real)(place));
    V(store)(suspects, suspect);
}

INLINE void INTERNAL(arg_panel)(int lowest, int careful, const reduce_block *b, real *extremum, real *row,
                                real *suspects)
{
    const ptrdiff_t whole = b->columns - b->columns % LANES, tail = b->columns % LANES;
    for (ptrdiff_t c = 0; c < b->columns; c += LANES) {
        V(store)(extremum + c, V(splat)((real)(lowest ? INFINITY : -INFINITY)));
        V(store)(row + c, V(splat)(0));
        V(store)(suspects + c, V(splat)(0));
    }
    for (ptrdiff_t r = 0; r < b->rows;) {
        const real *in = (const real *)(b->in + r * b->row_stride);
        const int count = b->rows - r >= REDUCE_GROUP ? REDUCE_GROUP : 1;
        if (count == REDUCE_GROUP)
            for (ptrdiff_t c = 0; c < whole; c += LANES)
                INTERNAL(arg_columns)(lowest, careful, in + c, b->row_stride, LANES, REDUCE_GROUP, r, extremum + c,
                                      row + c, suspects + c);
        else
            for (ptrdiff_t c = 0; c < whole; c += LANES)
                INTERNAL(arg_columns)(lowest, careful, in + c, b->row_stride, LANES, 1, r, extremum + c, row + c,
                                      suspects + c);
        if (tail)
            INTERNAL(arg_columns)(lowest, careful, in + whole, b->row_stride, tail, count, r, extremum + whole,
                                  row + whole, suspects + whole);
        r += count;
    }
}

static void INTERNAL(arg_block)(int lowest, int careful, const reduce_block *b, real *extremum, real *row,
                                real *suspects)
{
    if (lowest && careful)
        INTERNAL(arg_panel)(1, 1, b, extremum, row, suspects);
    else if (lowest)
        INTERNAL(arg_panel)(1, 0, b, extremum, row, suspects);
    else if (careful)
        INTERNAL(arg_panel)(0, 1, b, extremum, row, suspects);
    else
        INTERNAL(arg_panel)(0, 0, b, extremum, row, suspects);
}

/* The state of block number `index` of a unit for argmax and argmin. */
static void INTERNAL(reduce_arg_state)(const reduce_plan *p, ptrdiff_t index, reduce_block b,
                                       INTERNAL(reduce_workspace) *w, INTERNAL(reduce_state) *s)
{
    const int lowest = p->kind == WG_REDUCE_argmin;
    INTERNAL(reduce_copy)(p, &b, w->copy);
    if (p->lines) {
        INTERNAL(reduce_extremum)(lowest, &b, 1, s, w->suspects);
        s->index[0] = index;
        return;
    }
    real *row = w->states[REDUCE_SCRATCH].first;
    INTERNAL(arg_block)(lowest, 0, &b, s->first, row, w->suspects);
    if (INTERNAL(reduce_suspicious)(w->suspects, b.columns))
        INTERNAL(arg_block)(lowest, 1, &b, s->first, row, w->suspects);
    const ptrdiff_t position = reduce_block_position(p, index);
    for (ptrdiff_t i = 0; i < b.columns; i++) {
        integer place;
        memcpy(&place, row + i, sizeof place);
        s->index[i] = position + place * p->along.weight;
    }
}

/* The first place of `value`, which is there, or of a NaN: there is none unless `value` is one. */
static ptrdiff_t INTERNAL(reduce_search)(const real *in, ptrdiff_t n, real value)
{
    ptrdiff_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        vint found = {0};
        for (int k = 0; k < 4; k++) {
            const vreal x = V(load)(in + i + k * LANES);
            found |= (x == value) | (x != x);
        }
        if (V(any)(found))
            break;
    }
    while (in[i] != value && in[i] == in[i])
        i++;
    assert(i < n);
    return i;
}

/* For lines, states hold the block of the extremum: find the place in it. */
static void INTERNAL(reduce_locate)(const reduce_plan *p, const reduce_unit *u, INTERNAL(reduce_workspace) *w,
                                    INTERNAL(reduce_state) *s)
{
    reduce_block b = reduce_find_block(p, u, s->index[0]);
    INTERNAL(reduce_copy)(p, &b, w->copy);
    const ptrdiff_t place = INTERNAL(reduce_search)((const real *)b.in, b.rows, s->first[0]);
    s->index[0] = reduce_block_position(p, s->index[0]) + place * p->along.weight;
}

/* ---------------------------------------------------------------- units: from blocks to outputs */

static void INTERNAL(reduce_swap)(INTERNAL(reduce_state) *a, INTERNAL(reduce_state) *b)
{
    const INTERNAL(reduce_state) old = *a;
    *a = *b;
    *b = old;
}

/* The state of blocks [from, to) of a unit, 2^REDUCE_LEVELS at most; it stays in the workspace. */
static INTERNAL(reduce_state) *INTERNAL(reduce_blocks)(const reduce_plan *p, const reduce_unit *u, ptrdiff_t from,
                                                       ptrdiff_t to, INTERNAL(reduce_workspace) *w)
{
    INTERNAL(reduce_state) *s = w->states, *newest = s + REDUCE_NEWEST, *result = NULL;
    for (ptrdiff_t done = 0; done < to - from; done++) {
        const reduce_block b = reduce_find_block(p, u, from + done);
        if (reduce_is_arg(p->kind))
            INTERNAL(reduce_arg_state)(p, from + done, b, w, newest);
        else
            INTERNAL(reduce_block_state)(p, b, w, newest);
        int level = 0;
        for (; done >> level & 1; level++) {
            INTERNAL(reduce_join)(p->kind, s + level, newest, u->width);
            INTERNAL(reduce_swap)(s + level, newest);
        }
        INTERNAL(reduce_swap)(s + level, newest);
    }
    for (int level = 0; level <= REDUCE_LEVELS; level++)
        if ((to - from) >> level & 1) {
            if (result)
                INTERNAL(reduce_join)(p->kind, s + level, result, u->width);
            result = s + level;
        }
    return result;
}

/* From the state of all of a unit's items to its outputs, in s->first. */
static void INTERNAL(reduce_evaluate)(const reduce_plan *p, ptrdiff_t width, INTERNAL(reduce_state) *s)
{
    const double freedom = (double)p->items - p->correction;
    const real divisor = (real)(p->kind == WG_REDUCE_mean ? (double)p->items : freedom > 0 ? freedom : (double)NAN);
    for (ptrdiff_t i = 0; i < width; i += LANES) {
        vreal x = V(load)(s->first + i);
        switch (p->kind) {
        case WG_REDUCE_mean: x = x / divisor; break;
        case WG_REDUCE_logsumexp: x = x + V(log)(V(load)(s->second + i)); break;
        case WG_REDUCE_var: x = V(load)(s->second + i) / divisor; break;
        case WG_REDUCE_norm: x = x * V(sqrt)(V(load)(s->second + i)); break;
        default: return;
        }
        V(store)(s->first + i, x);
    }
}

static void INTERNAL(reduce_finish)(const reduce_plan *p, const reduce_unit *u, INTERNAL(reduce_workspace) *w,
                                    INTERNAL(reduce_state) *s)
{
    const ptrdiff_t step = p->across.weight;
    if (reduce_is_arg(p->kind)) {
        if (p->lines)
            INTERNAL(reduce_locate)(p, u, w, s);
        for (ptrdiff_t i = 0; i < u->width; i++)
            ((int64_t *)p->out)[u->place + i * step] = s->index[i];
    } else {
        INTERNAL(reduce_evaluate)(p, u->width, s);
        for (ptrdiff_t i = 0; i < u->width; i++)
            ((real *)p->out)[u->place + i * step] = s->first[i];
    }
}

/* Task: units [begin, end), each as a whole. */
static void INTERNAL(reduce_units)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const reduce_plan *p = context;
    INTERNAL(reduce_workspace) w;
    INTERNAL(reduce_prepare)(&w);
    for (ptrdiff_t i = begin; i < end; i++) {
        const reduce_unit u = reduce_find_unit(p, i);
        INTERNAL(reduce_finish)(p, &u, &w, INTERNAL(reduce_blocks)(p, &u, 0, p->all_blocks, &w));
    }
}

/* Task: splits [begin, end), counted through all units; their states go to p->partial. */
static void INTERNAL(reduce_splits)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const reduce_plan *p = context;
    INTERNAL(reduce_workspace) w;
    INTERNAL(reduce_prepare)(&w);
    for (ptrdiff_t i = begin; i < end; i++) {
        const reduce_unit u = reduce_find_unit(p, i / p->splits);
        const ptrdiff_t from = i % p->splits * p->split, rest = p->all_blocks - from;
        const INTERNAL(reduce_state) *s =
            INTERNAL(reduce_blocks)(p, &u, from, from + (rest < p->split ? rest : p->split), &w);
        INTERNAL(reduce_state) *partial = (INTERNAL(reduce_state) *)p->partial + i;
        memcpy(partial->first, s->first, (size_t)u.width * sizeof(real));
        memcpy(partial->second, s->second, (size_t)u.width * sizeof(int64_t));
        partial->items = s->items;
    }
}

/* Task: join the partial states of units [begin, end), neighbours first, and finish. */
static void INTERNAL(reduce_gather)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const reduce_plan *p = context;
    INTERNAL(reduce_workspace) w;
    for (ptrdiff_t i = begin; i < end; i++) {
        const reduce_unit u = reduce_find_unit(p, i);
        INTERNAL(reduce_state) *s = (INTERNAL(reduce_state) *)p->partial + i * p->splits;
        for (ptrdiff_t step = 1; step < p->splits; step *= 2)
            for (ptrdiff_t k = 0; k + step < p->splits; k += 2 * step)
                INTERNAL(reduce_join)(p->kind, s + k, s + k + step, u.width);
        INTERNAL(reduce_finish)(p, &u, &w, s);
    }
}

/* One state for each split of each unit, in one allocation; 0 if there is no memory. */
static int INTERNAL(reduce_allocate)(reduce_plan *p)
{
    const size_t count = (size_t)(p->units * p->splits);
    const size_t padded = (size_t)((p->width + LANES - 1) / LANES * LANES);
    const size_t head = (count * sizeof(INTERNAL(reduce_state)) + WG_ALIGNMENT - 1) / WG_ALIGNMENT * WG_ALIGNMENT;
    char *memory = wg_buffer_acquire(head + count * padded * (sizeof(real) + sizeof(int64_t)));
    if (!memory)
        return 0;
    INTERNAL(reduce_state) *states = p->partial = memory;
    int64_t *second = (int64_t *)(memory + head);
    real *first = (real *)(second + count * padded);
    for (size_t i = 0; i < count; i++, first += padded, second += padded)
        states[i] = (INTERNAL(reduce_state)){first, (real *)second, second, 0};
    return 1;
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
        assert(r->kind == WG_REDUCE_mean || r->kind == WG_REDUCE_var);
    for (ptrdiff_t i = 0; i < outputs; i++)
        ((real *)r->out)[i] = value;
}

static wg_status K(reduce)(const wg_reduction *r)
{
    reduce_plan p = {.kind = r->kind, .correction = r->correction, .in = r->in};
    ptrdiff_t out = 0;
    const ptrdiff_t outputs = reduce_collect(&p.kept, r, 0, &p.in, &out);
    p.items = reduce_collect(&p.reduced, r, 1, &p.in, &out);
    if (outputs == 0)
        return WG_OK;
    if (p.items == 0) {
        INTERNAL(reduce_nothing)(r, outputs);
        return WG_OK;
    }
    p.out = r->out + out * (ptrdiff_t)(reduce_is_arg(r->kind) ? sizeof(int64_t) : sizeof(real));
    reduce_merge(&p.kept);
    reduce_merge(&p.reduced);
    reduce_choose_shape(&p, sizeof(real), LANES);
    reduce_choose_blocks(&p, sizeof(real), LANES);
    /* An exponential costs about eight additions. */
    const ptrdiff_t grain = REDUCE_GRAIN / (r->kind == WG_REDUCE_logsumexp ? 8 : r->kind == WG_REDUCE_var ? 2 : 1);
    const ptrdiff_t unit = p.items * p.width;
    if (p.splits == 1) {
        wg_parallel_for(p.units, grain / unit + 1, INTERNAL(reduce_units), &p);
        return WG_OK;
    }
    if (!INTERNAL(reduce_allocate)(&p))
        return WG_NO_MEMORY;
    wg_parallel_for(p.units * p.splits, grain / (unit / p.splits + 1) + 1, INTERNAL(reduce_splits), &p);
    wg_parallel_for(p.units, grain / (p.splits * p.width) + 1, INTERNAL(reduce_gather), &p);
    wg_buffer_release(p.partial);
    return WG_OK;
}

/* ---------------------------------------------------------------- running sums */

typedef struct {
    ptrdiff_t n, inner, tiles;
    const char *in;
    const ptrdiff_t *strides;
    real *out;
} INTERNAL(cumsum_job);

#define CUMSUM_TILE 64 /* columns that are summed side by side */

/* One column: four sums at a time, so that only one addition in four waits for the one before. */
static void INTERNAL(cumsum_line)(ptrdiff_t n, const char *in, ptrdiff_t stride, real *out)
{
    double sum = 0;
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4, in += 4 * stride) {
        const double a = *(const real *)in, b = *(const real *)(in + stride), c = *(const real *)(in + 2 * stride),
                     d = *(const real *)(in + 3 * stride);
        out[i] = (real)(sum + a);
        out[i + 1] = (real)(sum + (a + b));
        out[i + 2] = (real)(sum + (a + b + c));
        sum += (a + b) + (c + d);
        out[i + 3] = (real)sum;
    }
    for (; i < n; i++, in += stride)
        out[i] = (real)(sum += *(const real *)in);
}

static void INTERNAL(cumsum_tile)(const INTERNAL(cumsum_job) *j, ptrdiff_t columns, const char *in, real *out)
{
    double sum[CUMSUM_TILE] = {0};
    for (ptrdiff_t i = 0; i < j->n; i++, in += j->strides[1], out += j->inner)
        if (j->strides[2] == sizeof(real))
            for (ptrdiff_t c = 0; c < columns; c++)
                out[c] = (real)(sum[c] += ((const real *)in)[c]);
        else
            for (ptrdiff_t c = 0; c < columns; c++)
                out[c] = (real)(sum[c] += *(const real *)(in + c * j->strides[2]));
}

/* Task: tiles [begin, end), counted through the outer dimension. */
static void INTERNAL(cumsum_tiles)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(cumsum_job) *j = context;
    for (ptrdiff_t t = begin; t < end; t++) {
        const ptrdiff_t outer = t / j->tiles, start = t % j->tiles * CUMSUM_TILE, rest = j->inner - start;
        const char *in = j->in + outer * j->strides[0] + start * j->strides[2];
        real *out = j->out + outer * j->n * j->inner + start;
        if (j->inner == 1)
            INTERNAL(cumsum_line)(j->n, in, j->strides[1], out);
        else
            INTERNAL(cumsum_tile)(j, rest < CUMSUM_TILE ? rest : CUMSUM_TILE, in, out);
    }
}

static void K(cumsum)(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *in, const ptrdiff_t strides[3],
                      char *out)
{
    if (outer == 0 || n == 0 || inner == 0)
        return;
    const ptrdiff_t tiles = (inner + CUMSUM_TILE - 1) / CUMSUM_TILE;
    INTERNAL(cumsum_job) j = {n, inner, tiles, in, strides, (real *)out};
    const ptrdiff_t work = n * (inner < CUMSUM_TILE ? inner : CUMSUM_TILE);
    wg_parallel_for(outer * tiles, 16384 / work + 1, INTERNAL(cumsum_tiles), &j);
}
