/* cross_entropy.inc.c - cross-entropy of logits against labels or probabilities, and its gradient, fused.
 *
 * With the target's mass u[c] = w[c] * q[c] on class c and z = logits - max, a row's loss and gradient are
 *
 *   loss       sum(u) * log(sum(exp(z))) - sum(u * z)
 *   gradient   exp(z) * sum(u) / sum(exp(z)) - u
 *
 * so the logits are read for the maximum and for the exponentials, which are stored in the gradient's row and scaled
 * there. The logarithm is taken for a block of rows at once. Losses are added up in float64, per chunk of rows and then
 * over the chunks; the chunks depend on the size alone. */

#include "rows.inc.c"

#ifndef WG_CROSS_ENTROPY_ONCE
#define WG_CROSS_ENTROPY_ONCE
enum {
    LOSS_BLOCK = 64,    /* rows whose losses are finished together; a multiple of every LANES */
    LOSS_CHUNKS = 256,  /* at most so many chunks of rows */
    LABEL_BLOCK = 1024, /* labels that are checked together */
};

/* Count the rows whose label is not the ignored index. Gives -1 - row for the first row whose label is neither that nor
 * a class. */
static ptrdiff_t count_labels(const wg_cross_entropy *c)
{
    const uint64_t classes = (uint64_t)c->classes;
    ptrdiff_t counted = 0;
    for (ptrdiff_t start = 0; start < c->rows; start += LABEL_BLOCK) {
        const ptrdiff_t end = least(c->rows, start + LABEL_BLOCK);
        int64_t bad = 0, count = 0;
        for (ptrdiff_t i = start; i < end; i++) {
            const int64_t counts = c->labels[i] != c->ignore_index;
            bad |= counts & ((uint64_t)c->labels[i] >= classes);
            count += counts;
        }
        for (ptrdiff_t i = start; bad; i++)
            if ((uint64_t)c->labels[i] >= classes && c->labels[i] != c->ignore_index)
                return -1 - i;
        counted += count;
    }
    return counted;
}
#endif

typedef struct {
    const wg_cross_entropy *c;
    const char *targets;                     /* NULL: labels */
    ptrdiff_t target_row_stride, row_stride; /* bytes */
    double sharp, smooth;                    /* q = sharp * target + smooth */
    double scale;                            /* of the gradient */
    ptrdiff_t grain;
    double partial_loss[LOSS_CHUNKS];
} INTERNAL(cross_entropy_job);

/* What a block of rows keeps for its losses: loss = mass * log(sum) - dot. */
typedef struct {
    real sum[LOSS_BLOCK], mass[LOSS_BLOCK], dot[LOSS_BLOCK];
    const char *known; /* a row of logits whose maximum has been found ahead */
    real known_max;
} INTERNAL(loss_block);

/* ---------------------------------------------------------------- a row against a target of several classes */

/* The mass w[c] * q[c] of the items from c on, of which n are left; the other lanes are zero. Without target
 * probabilities, q is the smoothing alone. */
INLINE vreal INTERNAL(target_mass)(const INTERNAL(cross_entropy_job) *job, const char *targets, ptrdiff_t c,
                                   ptrdiff_t n)
{
    const real *weights = job->c->weights;
    vreal q = V(splat)((real)job->smooth);
    if (targets)
        q += INTERNAL(row_load)(targets + c * (ptrdiff_t)sizeof(real), n, 0) * (real)job->sharp;
    if (weights)
        q *= INTERNAL(row_load)((const char *)(weights + c), n, 0);
    return n >= LANES ? q : V(select)(V(lane_numbers)() < (integer)n, q, V(splat)(0));
}

/* *mass: the sum of the target's mass; *dot: the sum of mass * (logits - max). */
INLINE void INTERNAL(target_sums)(const INTERNAL(cross_entropy_job) *job, const char *targets, const char *in, real max,
                                  double *mass, double *dot)
{
    const ptrdiff_t n = job->c->classes, size = sizeof(real);
    long_sum all_masses = {0}, all_dots = {0};
    for (ptrdiff_t start = 0; start < n; start += ROWS_SUM_VECTORS * LANES) {
        const ptrdiff_t end = least(n, start + ROWS_SUM_VECTORS * LANES);
        vreal masses = {0}, dots = {0};
        for (ptrdiff_t i = start; i < end; i += LANES) {
            const vreal u = INTERNAL(target_mass)(job, targets, i, n - i);
            /* `max` in the lanes past the end: their product is 0 * 0, never 0 * inf. */
            dots = V(fma)(u, INTERNAL(row_load)(in + i * size, n - i, max) - max, dots);
            masses += u;
        }
        add_block(&all_masses, V(reduce_add)(masses));
        add_block(&all_dots, V(reduce_add)(dots));
    }
    *mass = whole_sum(all_masses);
    *dot = whole_sum(all_dots);
}

/* row = exp(logits - max) * factor - mass * scale. The exponentials are in `row` already, unless `in` is given. */
INLINE void INTERNAL(target_gradient)(const INTERNAL(cross_entropy_job) *job, const char *targets, const char *in,
                                      real max, real factor, real *row)
{
    const ptrdiff_t n = job->c->classes, size = sizeof(real);
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal e = in ? INTERNAL(row_exp)(INTERNAL(row_load)(in + i * size, n - i, 0) - max)
                           : INTERNAL(row_load)((const char *)(row + i), n - i, 0);
        const vreal mass = INTERNAL(target_mass)(job, targets, i, n - i);
        V(store_upto)(row + i, n - i, e * factor - mass * (real)job->scale);
    }
}

/* Read row i, which has probabilities for a target; what its loss is made of goes to place r of the block. */
INLINE void INTERNAL(probability_row)(const INTERNAL(cross_entropy_job) *job, ptrdiff_t i, INTERNAL(loss_block) *block,
                                      ptrdiff_t r)
{
    const ptrdiff_t n = job->c->classes;
    const char *in = (const char *)job->c->logits + i * job->row_stride;
    const char *targets = job->targets + i * job->target_row_stride;
    real *row = job->c->gradient ? (real *)job->c->gradient + i * n : NULL;
    /* A gradient in the place of the targets must not overwrite them with exponentials before they are used. */
    const int stored = row && job->targets != (const char *)job->c->gradient;

    const real max = INTERNAL(row_max)(in, n);
    double mass, dot;
    INTERNAL(target_sums)(job, targets, in, max, &mass, &dot);
    const double sum = INTERNAL(row_sum_exp)(in, n, max, stored ? row : NULL);
    if (row)
        INTERNAL(target_gradient)(job, targets, stored ? NULL : in, max, (real)(mass / sum * job->scale), row);
    block->sum[r] = n > 0 ? (real)(sum / ROW_EXP_UNIT) : 1;
    block->mass[r] = (real)mass;
    block->dot[r] = (real)dot;
}

/* ---------------------------------------------------------------- a row against a label */

/* Read `rows` <= LANES rows of unit stride, of `vectors` vectors each, from row `first` on. What their losses are made
 * of goes to `place` and the places behind it in the block. */
INLINE void INTERNAL(short_label_rows)(const INTERNAL(cross_entropy_job) *job, ptrdiff_t first, const int rows,
                                       INTERNAL(loss_block) *block, ptrdiff_t place, const int vectors)
{
    const wg_cross_entropy *c = job->c;
    const ptrdiff_t n = c->classes;
    const real *weights = c->weights;
    const int64_t *labels = c->labels + first;
    const char *in = (const char *)c->logits + first * job->row_stride;
    real *row = c->gradient ? (real *)c->gradient + first * n : NULL;
    real *sum = block->sum + place, *mass = block->mass + place, *dot = block->dot + place;
    vreal x[LANES][ROWS_SHORT_VECTORS], e[LANES][ROWS_SHORT_VECTORS];
    real top[LANES];
    const vreal sums = INTERNAL(exp_of_short_rows)(in, job->row_stride, rows, n, vectors, top, x, e);
    V(store)(sum, sums / (real)ROW_EXP_UNIT);
    vreal masses = V(splat)((real)job->sharp);
    V(store)(mass, masses);
    int64_t ignored = 0;
    UNROLL_FOUR
    for (int r = 0; r < rows; r++, in += job->row_stride) {
        const ptrdiff_t label = labels[r] == c->ignore_index ? 0 : (ptrdiff_t)labels[r];
        ignored |= labels[r] == c->ignore_index;
        if (weights)
            mass[r] = (real)(job->sharp * weights[label]);
        dot[r] = mass[r] * (((const real *)in)[label] - top[r]);
    }
    if (weights) /* else the load would wait for numbers to leave the processor one by one */
        masses = V(load)(mass);
    if (row) {
        const vreal scaled = masses * (real)job->scale;
        real at_label[LANES], factor[LANES];
        V(store)(at_label, scaled);
        V(store)(factor, scaled / sums);
        UNROLL_FOUR
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < vectors; k++) {
                const vint here = V(lane_numbers)() == (integer)(labels[r] - k * LANES);
                /* What is past the row's end is written over by the row below. */
                V(store_upto)(row + r * n + k * LANES, (rows - r) * n - k * LANES,
                              e[r][k] * factor[r] - V(select)(here, V(splat)(at_label[r]), V(splat)(0)));
            }
    }
    for (int r = 0; ignored && r < rows; r++) {
        if (labels[r] != c->ignore_index)
            continue;
        sum[r] = 1;
        mass[r] = dot[r] = 0;
        if (row)
            memset(row + r * n, 0, (size_t)n * sizeof(real));
    }
}

/* short_label_rows, compiled for each length of a full set of rows. */
INLINE void INTERNAL(some_label_rows)(const INTERNAL(cross_entropy_job) *job, ptrdiff_t first, ptrdiff_t rows,
                                      INTERNAL(loss_block) *block, ptrdiff_t place, ptrdiff_t vectors)
{
    switch (rows == LANES ? vectors : 0) {
    case 1: INTERNAL(short_label_rows)(job, first, LANES, block, place, 1); break;
    case 2: INTERNAL(short_label_rows)(job, first, LANES, block, place, 2); break;
    case 3: INTERNAL(short_label_rows)(job, first, LANES, block, place, 3); break;
    case 4: INTERNAL(short_label_rows)(job, first, LANES, block, place, 4); break;
    default: INTERNAL(short_label_rows)(job, first, (int)rows, block, place, (int)vectors);
    }
}

/* Read a row of any length against `label`. *mass is the label's mass, to which that of the smoothing is
 * added. Gives the sum of the exponentials. The maximum of the row at `next`, unless that is NULL, is found on the way:
 * this hides the wait for the sum of this row. */
INLINE real INTERNAL(long_label_row)(const INTERNAL(cross_entropy_job) *job, const char *in, const char *next,
                                     ptrdiff_t label, real *row, INTERNAL(loss_block) *block, double *mass, double *dot)
{
    const ptrdiff_t n = job->c->classes;
    const double sharp = *mass;
    const real max = in == block->known ? block->known_max : INTERNAL(row_max)(in, n);
    *dot = sharp * (((const real *)in)[label] - max);
    if (job->smooth != 0) {
        double smooth_mass, smooth_dot;
        INTERNAL(target_sums)(job, NULL, in, max, &smooth_mass, &smooth_dot);
        *mass += smooth_mass;
        *dot += smooth_dot;
    }
    const double sum = INTERNAL(row_sum_exp)(in, n, max, row);
    if (next) {
        block->known = next;
        block->known_max = INTERNAL(row_max)(next, n);
    }
    if (row) {
        const real factor = (real)(*mass / sum * job->scale);
        if (job->smooth != 0)
            INTERNAL(target_gradient)(job, NULL, NULL, max, factor, row);
        else
            INTERNAL(row_scale)(row, n, factor);
        row[label] -= (real)(sharp * job->scale);
    }
    return (real)(sum / ROW_EXP_UNIT);
}

/* Read row i, which has a label; what its loss is made of goes to place r of the block. If another row follows, its
 * maximum is found ahead. */
INLINE void INTERNAL(label_row)(const INTERNAL(cross_entropy_job) *job, ptrdiff_t i, INTERNAL(loss_block) *block,
                                ptrdiff_t r, int followed)
{
    const wg_cross_entropy *c = job->c;
    const ptrdiff_t n = c->classes, label = (ptrdiff_t)c->labels[i];
    real *row = c->gradient ? (real *)c->gradient + i * n : NULL;
    if (c->labels[i] == c->ignore_index) {
        block->sum[r] = 1;
        block->mass[r] = block->dot[r] = 0;
        if (row)
            memset(row, 0, (size_t)n * sizeof(real));
        return;
    }
    const char *in = (const char *)c->logits + i * job->row_stride;
    double mass = job->sharp * (c->weights ? ((const real *)c->weights)[label] : 1), dot;
    block->sum[r] =
        INTERNAL(long_label_row)(job, in, followed ? in + job->row_stride : NULL, label, row, block, &mass, &dot);
    block->mass[r] = (real)mass;
    block->dot[r] = (real)dot;
}

/* ---------------------------------------------------------------- all rows */

/* Finish the losses of `count` rows from row `first` on, and give their sum. */
static double INTERNAL(finish_losses)(const INTERNAL(cross_entropy_job) *job, INTERNAL(loss_block) *block,
                                      ptrdiff_t first, ptrdiff_t count)
{
    enum { PARTS = 8 }; /* sums that do not wait for each other */
    real loss[LOSS_BLOCK];
    double total = 0, part[PARTS] = {0};
    for (ptrdiff_t r = 0; r < count; r += LANES)
        V(store)(loss + r, V(load)(block->mass + r) * V(log)(V(load)(block->sum + r)) - V(load)(block->dot + r));
    ptrdiff_t r = 0;
    for (; r + PARTS <= count; r += PARTS)
        for (int i = 0; i < PARTS; i++)
            part[i] += loss[r + i];
    for (; r < count; r++)
        total += loss[r];
    for (int i = 0; i < PARTS; i++)
        total += part[i];
    if (job->c->losses)
        memcpy((real *)job->c->losses + first, loss, (size_t)count * sizeof(real));
    return total;
}

static void INTERNAL(cross_entropy_rows)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    INTERNAL(cross_entropy_job) *job = context;
    const ptrdiff_t n = job->c->classes;
    const int brief = !job->targets && job->smooth == 0 && n > 0 && n <= ROWS_SHORT_VECTORS * LANES;
    const ptrdiff_t vectors = ceil_div(n, LANES);
    double total = 0;
    INTERNAL(loss_block) block = {{0}, {0}, {0}, NULL, 0};
    for (ptrdiff_t start = begin; start < end; start += LOSS_BLOCK) {
        const ptrdiff_t count = least(LOSS_BLOCK, end - start);
        for (ptrdiff_t r = 0; brief && r < count; r += LANES)
            INTERNAL(some_label_rows)(job, start + r, least(LANES, count - r), &block, r, vectors);
        for (ptrdiff_t r = 0; !brief && r < count; r++) {
            if (job->targets)
                INTERNAL(probability_row)(job, start + r, &block, r);
            else
                INTERNAL(label_row)(job, start + r, &block, r, r + 1 < count);
        }
        total += INTERNAL(finish_losses)(job, &block, start, count);
    }
    job->partial_loss[begin / job->grain] = total;
}

/* What both kernels have in common, once total_weight is known and the labels are checked. */
static wg_status INTERNAL(cross_entropy_run)(wg_cross_entropy *c, const char *targets, ptrdiff_t target_row_stride)
{
    const ptrdiff_t size = sizeof(real);
    const double epsilon = c->label_smoothing;
    INTERNAL(cross_entropy_job) job = {
        .c = c,
        .targets = targets,
        .target_row_stride = target_row_stride * size,
        .row_stride = c->row_stride * size,
        .sharp = 1 - epsilon,
        .smooth = epsilon / (double)most(1, c->classes),
        .scale = c->scale_by_weight ? c->gradient_scale / c->total_weight : c->gradient_scale,
        .grain = most(rows_per_chunk(c->classes), ceil_div(c->rows, LOSS_CHUNKS)),
    };
    wg_parallel_for(c->rows, job.grain, INTERNAL(cross_entropy_rows), &job);
    c->total_loss = 0;
    for (ptrdiff_t chunk = 0; chunk * job.grain < c->rows; chunk++)
        c->total_loss += job.partial_loss[chunk];
    return WG_OK;
}

static wg_status K(cross_entropy)(wg_cross_entropy *c)
{
    assert(c->rows >= 0 && c->classes >= 0);
    const ptrdiff_t counted = count_labels(c);
    c->bad_row = counted < 0 ? -1 - counted : -1;
    if (counted < 0)
        return WG_BAD_INDEX;
    const real *weights = c->weights;
    c->total_weight = weights ? 0 : (double)counted;
    for (ptrdiff_t i = 0; weights && i < c->rows; i++)
        if (c->labels[i] != c->ignore_index)
            c->total_weight += weights[c->labels[i]];
    return INTERNAL(cross_entropy_run)(c, NULL, 0);
}

static wg_status K(cross_entropy_dense)(wg_cross_entropy *c, const void *targets, ptrdiff_t target_row_stride)
{
    assert(c->rows >= 0 && c->classes >= 0);
    c->bad_row = -1;
    c->total_weight = (double)c->rows;
    return INTERNAL(cross_entropy_run)(c, targets, target_row_stride);
}

#if REAL_BITS == 64
const wg_cross_entropy_kernels TABLE(cross_entropy) = {
    .cross_entropy = BOTH(cross_entropy),
    .cross_entropy_dense = BOTH(cross_entropy_dense),
};
#endif
