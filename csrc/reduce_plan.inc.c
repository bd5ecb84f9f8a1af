/* reduce_plan.inc.c - how a reduction is divided: into lines or panels, blocks, and tasks.
 *
 * Dimensions of length one are dropped, the kept and the reduced ones are sorted by stride and merged. What remains has
 * one of two forms, whichever lets the innermost loop walk through memory:
 *
 *   lines    the innermost dimension is reduced: a run of items gives one number;
 *   panels   the innermost dimension is kept: rows of some columns are folded into one row.
 *
 * A panel's row may hold several items of one output, its segments, which are joined in the end: rows of a narrow dense
 * panel are taken together as one long row; and if lines are short but repeat along another reduced dimension, then each
 * line is a row, all of whose columns are the same output's.
 *
 * A plan depends on shape and strides alone, so what it decides about the order of a sum does too. */

#ifndef WG_REDUCE_PLAN
#define WG_REDUCE_PLAN
#include "grain.h"

enum {
    REDUCE_GROUP = 8,                           /* vectors that are joined as a tree */
    REDUCE_RUN = 256,                           /* vectors or rows, in groups, that are joined one after the other */
    REDUCE_BLOCK_LINE = 4096,                   /* vectors in a block of a line: sixteen runs */
    REDUCE_BLOCK_LINE_CACHED = 256,             /* if it is read twice, or copied first */
    REDUCE_BLOCK_PANEL = 256,                   /* rows in a block of a panel: a run */
    REDUCE_BLOCK_PANEL_CACHED = 32,             /* if it is read twice, or copied first */
    REDUCE_BLOCK_PANEL_ARG = 4096,              /* for argmax and argmin, which do not round */
    REDUCE_PANEL_BYTES = 4096,                  /* a panel's row at most */
    REDUCE_LEVELS = 2,                          /* a task joins up to 2^2 blocks */
    REDUCE_CHUNK = CHUNK_OF(COST_SUMMED, 1024), /* items */
    REDUCE_FAR = 8 << 20,                       /* bytes of an input from which prefetching panels pays: measured */
};

/* One dimension. `weight` is what a step adds to the output's position, in items, if the dimension is kept, and to the
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
    ptrdiff_t items, outputs; /* items reduced into each output; outputs */
    int lines;
    reduce_dimension along;    /* a line's items or a panel's rows */
    reduce_dimension across;   /* a panel's outputs; length 1 for lines */
    ptrdiff_t width, segments; /* the widest panel has `width` outputs, and that times `segments` columns */
    ptrdiff_t leftover;        /* rows too few for one long row */
    ptrdiff_t block, blocks;   /* length of a block, and number of them in one run along `along` */
    ptrdiff_t panels;          /* side by side */
    int far;                   /* a panel's rows are worth prefetching */
    reduce_dimensions kept;    /* around lines and panels */
    reduce_dimensions reduced;
    ptrdiff_t units;         /* lines or panels with outputs of their own */
    ptrdiff_t unit_blocks;   /* blocks of one unit */
    ptrdiff_t split, splits; /* blocks joined by one task, and tasks for one unit */
    void *partial;           /* with splits > 1: the state that each ends with */
} reduce_plan;

/* A line, or a panel. */
typedef struct {
    const char *in;
    ptrdiff_t place, width; /* of its outputs: the first one's position and their number */
} reduce_unit;

/* A piece of a unit: rows of a panel, or items of a line, which has no columns. */
typedef struct {
    const char *in;
    ptrdiff_t rows, row_stride, columns, segments;
    int far;
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

/* ---------------------------------------------------------------- making a plan */

/* Broadcast dimensions lie outermost: they read the same again. */
static int reduce_lies_outside(const reduce_dimension *a, const reduce_dimension *b)
{
    return a->stride == 0 || (b->stride != 0 && llabs(a->stride) > llabs(b->stride));
}

/* Collect the kept or the reduced dimensions into `d`, without those of length one, and give the product of all their
 * lengths. Dimensions with negative strides are turned around: *in and *out (in items) move to what becomes their first
 * item. Where the index is asked for, the reduced dimensions stay as they are, in their order. */
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

/* Take the innermost dimension out of the list; an empty list gives one of length one. */
static reduce_dimension reduce_take(reduce_dimensions *d)
{
    if (d->count == 0)
        return (reduce_dimension){1, 0, 0};
    const reduce_dimension inner = d->dims[0];
    d->count--;
    memmove(d->dims, d->dims + 1, (size_t)d->count * sizeof inner);
    return inner;
}

/* Lines up to this length are better read as columns, many side by side, although those must be copied together first:
 * to end a line takes longer. Measured. */
static ptrdiff_t reduce_short_line(wg_reduce kind)
{
    return kind == WG_REDUCE_logsumexp ? 80 : kind == WG_REDUCE_var ? 48 : 5;
}

/* Lines or panels, and what runs along which direction. An item has `size` bytes, a vector `lanes` items. */
static void reduce_choose_form(reduce_plan *p, ptrdiff_t size, ptrdiff_t lanes)
{
    const reduce_dimension *inner = p->kept.count > 0 ? &p->kept.dims[0] : NULL;
    const int arg = reduce_is_arg(p->kind);
    p->along = reduce_take(&p->reduced);
    p->across = (reduce_dimension){1, size, 0};
    p->segments = 1;
    const int too_short = p->along.length <= reduce_short_line(p->kind) && inner && inner->length >= 2 * REDUCE_GROUP;
    p->lines = !inner || (reduce_lies_outside(inner, &p->along) && !too_short);
    if (!p->lines) {
        p->across = reduce_take(&p->kept);
        const int dense = p->across.stride == size && p->along.stride == p->across.length * size;
        while (dense && !arg && p->across.length * p->segments < 4 * lanes &&
               p->along.length >= 4 * REDUCE_GROUP * p->segments)
            p->segments *= 2;
    } else if (!arg && p->reduced.count > 0 && p->reduced.dims[0].length >= REDUCE_GROUP && p->along.stride == size &&
               p->along.length <= REDUCE_PANEL_BYTES / size) {
        p->lines = 0;
        p->segments = p->along.length;
        p->along = reduce_take(&p->reduced);
    }
}

static ptrdiff_t reduce_block_length(const reduce_plan *p, ptrdiff_t size, ptrdiff_t lanes)
{
    const int copied = p->lines ? p->along.stride != size : p->across.stride != size;
    const int cached = copied || p->kind == WG_REDUCE_logsumexp || p->kind == WG_REDUCE_var;
    if (p->lines)
        return (cached ? REDUCE_BLOCK_LINE_CACHED : REDUCE_BLOCK_LINE) * lanes;
    return cached ? REDUCE_BLOCK_PANEL_CACHED : reduce_is_arg(p->kind) ? REDUCE_BLOCK_PANEL_ARG : REDUCE_BLOCK_PANEL;
}

/* The measures of blocks, panels and tasks. */
static void reduce_choose_sizes(reduce_plan *p, ptrdiff_t size, ptrdiff_t lanes)
{
    if (p->segments > 1 && p->across.length > 1) {
        p->leftover = p->along.length % p->segments;
        p->along.length /= p->segments;
        p->along.stride *= p->segments;
    }
    p->block = reduce_block_length(p, size, lanes);
    p->blocks = ceil_div(p->along.length, p->block) + (p->leftover > 0);
    const ptrdiff_t panel = p->across.stride == size ? REDUCE_PANEL_BYTES / size : REDUCE_GROUP * lanes;
    p->width = least(p->across.length, panel);
    p->panels = ceil_div(p->across.length, p->width);
    /* The processor foresees rows that follow each other, but too late in memory, and not those that lie far apart. */
    p->far = p->along.stride > 2 * p->width * p->segments * size || p->items * p->outputs * size > REDUCE_FAR;

    p->units = p->panels;
    for (int i = 0; i < p->kept.count; i++)
        p->units *= p->kept.dims[i].length;
    p->unit_blocks = p->blocks;
    for (int i = 0; i < p->reduced.count; i++)
        p->unit_blocks *= p->reduced.dims[i].length;

    const ptrdiff_t joined = (ptrdiff_t)1 << REDUCE_LEVELS;
    const ptrdiff_t enough = REDUCE_CHUNK / (p->block * p->width * p->segments) + 1;
    p->split = enough < joined && p->units < 4 * joined ? enough : joined;
    p->splits = ceil_div(p->unit_blocks, p->split);
}

/* The plan for `r`, complete only if p->outputs and p->items are positive: else there is nothing to divide. */
static void reduce_make_plan(reduce_plan *p, const wg_reduction *r, ptrdiff_t size, ptrdiff_t lanes)
{
    ptrdiff_t out = 0;
    *p = (reduce_plan){.kind = r->kind, .correction = r->correction, .in = r->in};
    p->outputs = reduce_collect(&p->kept, r, 0, &p->in, &out);
    p->items = reduce_collect(&p->reduced, r, 1, &p->in, &out);
    if (p->outputs == 0 || p->items == 0)
        return;
    p->out = r->out + out * (reduce_is_arg(r->kind) ? (ptrdiff_t)sizeof(int64_t) : size);
    reduce_merge(&p->kept);
    reduce_merge(&p->reduced);
    reduce_choose_form(p, size, lanes);
    reduce_choose_sizes(p, size, lanes);
}

/* How many pieces of `items` items each make a chunk. */
static ptrdiff_t reduce_grain(wg_reduce kind, ptrdiff_t items)
{
    const ptrdiff_t times = kind == WG_REDUCE_logsumexp ? 8 : kind == WG_REDUCE_var ? 2 : 1; /* the cost of a sum */
    return REDUCE_CHUNK / times / items + 1;
}

/* ---------------------------------------------------------------- reading a plan */

/* Units and blocks are written where they are used: to return and copy what was just written in pieces is slow. */
static void reduce_find_unit(const reduce_plan *p, ptrdiff_t index, reduce_unit *u)
{
    const ptrdiff_t around = p->panels > 1 ? index / p->panels : index;
    const ptrdiff_t start = (index - around * p->panels) * p->width, rest = p->across.length - start;
    ptrdiff_t place;
    u->in = p->in + reduce_offset(&p->kept, around, &place) + start * p->across.stride;
    u->place = place + start * p->across.weight;
    u->width = least(rest, p->width);
}

static void reduce_find_block(const reduce_plan *p, const reduce_unit *u, ptrdiff_t index, reduce_block *b)
{
    ptrdiff_t weight;
    const ptrdiff_t run = p->reduced.count > 0 ? index / p->blocks : 0, number = index - run * p->blocks;
    const ptrdiff_t start = number * p->block, rest = p->along.length - start;
    b->in = u->in + reduce_offset(&p->reduced, run, &weight) + start * p->along.stride;
    b->rows = least(rest, p->block);
    b->row_stride = p->along.stride;
    b->columns = p->lines ? 0 : u->width * p->segments;
    b->segments = p->segments;
    b->far = p->far;
    if (p->leftover > 0 && number == p->blocks - 1) {
        b->in += rest * p->along.stride;
        b->rows = p->leftover;
        b->row_stride /= p->segments;
        b->columns = u->width;
        b->segments = 1;
    }
}

/* The place among the reduced items, in C order, of a block's first row. */
static ptrdiff_t reduce_block_place(const reduce_plan *p, ptrdiff_t index)
{
    ptrdiff_t weight;
    reduce_offset(&p->reduced, index / p->blocks, &weight);
    return weight + index % p->blocks * p->block * p->along.weight;
}

#endif
