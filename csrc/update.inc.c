/* update.inc.c - what an optimizer does to its parameters in one call: SGD, Adam, RMSprop, Adagrad, and the gradients'
 * norm and scaling.
 *
 * The tensors are treated as one flat range, which the threads take in chunks: a hundred small tensors cost little more
 * than one large one, and a chunk may span several of them. Each formula is PyTorch's, term by term. Everything but
 * sum_squares is elementwise and bound by memory, so options are tested inside the loops. */

#ifndef WG_UPDATE_ONCE
#define WG_UPDATE_ONCE
#include "grain.h"

enum {
    UPDATE_CHUNK = CHUNK_OF(COST_UPDATED, 1024), /* items */
    SQUARES_CHUNKS = 256,                        /* at most so many chunks of a sum */
    SQUARES_LANES = 32,                          /* sums side by side */
};

/* A piece of a flat range over tensors of the given sizes: `length` items of `tensor`, from `offset` on. */
typedef struct {
    ptrdiff_t tensor, offset, length;
} flat_piece;

static inline ptrdiff_t flat_total(ptrdiff_t count, const ptrdiff_t *sizes)
{
    ptrdiff_t total = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        total += sizes[i];
    return total;
}

/* What is done to a piece; `update` is the caller's. */
typedef void flat_visit(const void *update, flat_piece piece);

/* Call `visit` for every piece of the items [begin, end), begin < end. */
static inline void flat_each(const ptrdiff_t *sizes, ptrdiff_t begin, ptrdiff_t end, flat_visit *visit,
                             const void *update)
{
    ptrdiff_t tensor = 0, start = 0; /* where the tensor starts */
    while (begin < end) {
        for (; begin - start >= sizes[tensor]; tensor++)
            start += sizes[tensor];
        const ptrdiff_t stop = least(start + sizes[tensor], end);
        visit(update, (flat_piece){tensor, begin - start, stop - begin});
        begin = stop;
    }
}

typedef struct {
    const ptrdiff_t *sizes;
    flat_visit *visit;
    const void *update;
} flat_job;

static inline void flat_range(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const flat_job *job = context;
    flat_each(job->sizes, begin, end, job->visit, job->update);
}

/* Call `visit` for pieces that make up all tensors, on several threads. */
static inline void flat_run(ptrdiff_t count, const ptrdiff_t *sizes, flat_visit *visit, const void *update)
{
    flat_job job = {sizes, visit, update};
    wg_parallel_for(flat_total(count, sizes), UPDATE_CHUNK, flat_range, &job);
}
#endif

/* The gradient g, negated to maximize, plus the weight decay of the parameter p. Without decay p is left out: an
 * infinite one times 0 would be NaN. */
INLINE vreal INTERNAL(direction)(vreal p, vreal g, int maximize, real decay)
{
    if (maximize)
        g = -g;
    return decay != 0 ? V(fma)(p, V(splat)(decay), g) : g;
}

/* ---------------------------------------------------------------- SGD */

static void INTERNAL(sgd_piece)(const void *update, flat_piece piece)
{
    const wg_sgd *u = update;
    const ptrdiff_t n = piece.length;
    real *param = (real *)u->params[piece.tensor] + piece.offset;
    const real *grad = (const real *)u->grads[piece.tensor] + piece.offset;
    real *momentum = u->momentum ? (real *)u->momentum[piece.tensor] + piece.offset : NULL;
    const int first = momentum && u->first[piece.tensor];
    const int maximize = u->maximize, nesterov = u->nesterov; /* which no store changes */
    const real lr = (real)u->lr, decay = (real)u->weight_decay, factor = (real)u->momentum_factor;
    const real fresh = (real)(1 - u->dampening);

    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal p = V(load_upto)(param + i, n - i);
        vreal g = INTERNAL(direction)(p, V(load_upto)(grad + i, n - i), maximize, decay);
        if (momentum) {
            const vreal m = first ? g : V(fma)(V(load_upto)(momentum + i, n - i), V(splat)(factor), g * fresh);
            V(store_upto)(momentum + i, n - i, m);
            g = nesterov ? V(fma)(m, V(splat)(factor), g) : m;
        }
        V(store_upto)(param + i, n - i, V(fma)(g, V(splat)(-lr), p));
    }
}

static void K(sgd)(const wg_sgd *u)
{
    flat_run(u->count, u->sizes, INTERNAL(sgd_piece), u);
}

/* ---------------------------------------------------------------- Adam */

/* p -= step_size * m / (sqrt(v) / sqrt(1 - beta2^step) + eps), with step_size = lr / (1 - beta1^step). */
static void INTERNAL(adam_piece)(const void *update, flat_piece piece)
{
    const wg_adam *u = update;
    const ptrdiff_t n = piece.length, t = piece.tensor, o = piece.offset;
    real *param = (real *)u->params[t] + o, *first = (real *)u->first_moment[t] + o;
    real *second = (real *)u->second_moment[t] + o;
    real *largest = u->max_second_moment ? (real *)u->max_second_moment[t] + o : NULL;
    const real *grad = (const real *)u->grads[t] + o;
    const real step_size = (real)(u->lr / (1 - pow(u->beta1, u->steps[t])));
    const real root_scale = (real)(1 / sqrt(1 - pow(u->beta2, u->steps[t])));
    const real fresh1 = (real)(1 - u->beta1), fresh2 = (real)(1 - u->beta2), beta2 = (real)u->beta2;
    const real eps = (real)u->eps, decay = u->decoupled ? 0 : (real)u->weight_decay;
    const int shrinks = u->decoupled && u->weight_decay != 0;
    const real shrink = (real)(1 - u->lr * u->weight_decay);

    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vreal p = V(load_upto)(param + i, n - i);
        const vreal g = INTERNAL(direction)(p, V(load_upto)(grad + i, n - i), u->maximize, decay);
        if (shrinks)
            p *= shrink;
        vreal m = V(load_upto)(first + i, n - i), v = V(load_upto)(second + i, n - i);
        m = V(fma)(g - m, V(splat)(fresh1), m);
        v = V(fma)(g * g, V(splat)(fresh2), v * beta2);
        V(store_upto)(first + i, n - i, m);
        V(store_upto)(second + i, n - i, v);
        if (largest) {
            v = V(max)(V(load_upto)(largest + i, n - i), v);
            V(store_upto)(largest + i, n - i, v);
        }
        const vreal root = V(fma)(V(sqrt)(v), V(splat)(root_scale), V(splat)(eps));
        V(store_upto)(param + i, n - i, V(fma)(m / root, V(splat)(-step_size), p));
    }
}

static void K(adam)(const wg_adam *u)
{
    flat_run(u->count, u->sizes, INTERNAL(adam_piece), u);
}

/* ---------------------------------------------------------------- RMSprop */

static void INTERNAL(rmsprop_piece)(const void *update, flat_piece piece)
{
    const wg_rmsprop *u = update;
    const ptrdiff_t n = piece.length, t = piece.tensor, o = piece.offset;
    real *param = (real *)u->params[t] + o, *square = (real *)u->square_avg[t] + o;
    real *mean = u->grad_avg ? (real *)u->grad_avg[t] + o : NULL;
    real *momentum = u->momentum ? (real *)u->momentum[t] + o : NULL;
    const real *grad = (const real *)u->grads[t] + o;
    const real lr = (real)u->lr, eps = (real)u->eps, decay = (real)u->weight_decay, factor = (real)u->momentum_factor;
    const real alpha = (real)u->alpha, fresh = (real)(1 - u->alpha);

    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal p = V(load_upto)(param + i, n - i);
        const vreal g = INTERNAL(direction)(p, V(load_upto)(grad + i, n - i), u->maximize, decay);
        vreal v = V(load_upto)(square + i, n - i);
        v = V(fma)(g * g, V(splat)(fresh), v * alpha);
        V(store_upto)(square + i, n - i, v);
        if (mean) {
            vreal m = V(load_upto)(mean + i, n - i);
            m = V(fma)(g - m, V(splat)(fresh), m);
            V(store_upto)(mean + i, n - i, m);
            v = V(fma)(-m, m, v);
        }
        vreal step = g / (V(sqrt)(v) + eps);
        if (momentum) {
            step = V(fma)(V(load_upto)(momentum + i, n - i), V(splat)(factor), step);
            V(store_upto)(momentum + i, n - i, step);
        }
        V(store_upto)(param + i, n - i, V(fma)(step, V(splat)(-lr), p));
    }
}

static void K(rmsprop)(const wg_rmsprop *u)
{
    flat_run(u->count, u->sizes, INTERNAL(rmsprop_piece), u);
}

/* ---------------------------------------------------------------- Adagrad */

static void INTERNAL(adagrad_piece)(const void *update, flat_piece piece)
{
    const wg_adagrad *u = update;
    const ptrdiff_t n = piece.length, t = piece.tensor, o = piece.offset;
    real *param = (real *)u->params[t] + o, *sum = (real *)u->sums[t] + o;
    const real *grad = (const real *)u->grads[t] + o;
    const real rate = (real)(u->lr / (1 + (u->steps[t] - 1) * u->lr_decay));
    const real eps = (real)u->eps, decay = (real)u->weight_decay;

    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const vreal p = V(load_upto)(param + i, n - i);
        const vreal g = INTERNAL(direction)(p, V(load_upto)(grad + i, n - i), u->maximize, decay);
        const vreal s = V(fma)(g, g, V(load_upto)(sum + i, n - i));
        V(store_upto)(sum + i, n - i, s);
        V(store_upto)(param + i, n - i, V(fma)(g / (V(sqrt)(s) + eps), V(splat)(-rate), p));
    }
}

static void K(adagrad)(const wg_adagrad *u)
{
    flat_run(u->count, u->sizes, INTERNAL(adagrad_piece), u);
}

/* ---------------------------------------------------------------- scaling and the norm of gradients */

typedef struct {
    void *const *tensors;
    real factor;
} INTERNAL(scaling);

static void INTERNAL(scale_piece)(const void *update, flat_piece piece)
{
    const INTERNAL(scaling) *u = update;
    const ptrdiff_t n = piece.length;
    real *p = (real *)u->tensors[piece.tensor] + piece.offset;
    for (ptrdiff_t i = 0; i < n; i += LANES)
        V(store_upto)(p + i, n - i, V(load_upto)(p + i, n - i) * u->factor);
}

static void K(scale)(ptrdiff_t count, const ptrdiff_t *sizes, void *const *tensors, double factor)
{
    const INTERNAL(scaling) u = {tensors, (real)factor};
    flat_run(count, sizes, INTERNAL(scale_piece), &u);
}

typedef struct {
    const ptrdiff_t *sizes;
    const void *const *tensors;
    ptrdiff_t grain;
    double partial[SQUARES_CHUNKS];
} INTERNAL(squares_job);

/* What a chunk adds up, piece by piece. */
typedef struct {
    const void *const *tensors;
    double *total;
} INTERNAL(squares_sum);

/* Squared and added in float64, where the square of a float32 neither overflows nor vanishes. */
static void INTERNAL(squares_piece)(const void *update, flat_piece piece)
{
    const INTERNAL(squares_sum) *sum = update;
    const real *x = (const real *)sum->tensors[piece.tensor] + piece.offset;
    double lane[SQUARES_LANES] = {0};
    ptrdiff_t i = 0;
    for (; i + SQUARES_LANES <= piece.length; i += SQUARES_LANES)
        for (int k = 0; k < SQUARES_LANES; k++)
            lane[k] += (double)x[i + k] * x[i + k];
    for (int k = 0; i + k < piece.length; k++)
        lane[k] += (double)x[i + k] * x[i + k];
    for (int half = SQUARES_LANES / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            lane[k] += lane[k + half];
    *sum->total += lane[0];
}

static void INTERNAL(squares_range)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    INTERNAL(squares_job) *job = context;
    double total = 0;
    const INTERNAL(squares_sum) sum = {job->tensors, &total};
    flat_each(job->sizes, begin, end, INTERNAL(squares_piece), &sum);
    job->partial[begin / job->grain] = total;
}

static double K(sum_squares)(ptrdiff_t count, const ptrdiff_t *sizes, const void *const *tensors)
{
    const ptrdiff_t items = flat_total(count, sizes);
    INTERNAL(squares_job) job = {sizes, tensors, most(UPDATE_CHUNK, ceil_div(items, SQUARES_CHUNKS)), {0}};
    wg_parallel_for(items, job.grain, INTERNAL(squares_range), &job);
    double total = 0;
    for (int chunk = 0; chunk < SQUARES_CHUNKS; chunk++)
        total += job.partial[chunk];
    return total;
}

#if REAL_BITS == 64
const wg_update_kernels TABLE(update) = {
    .sgd = BOTH(sgd),
    .adam = BOTH(adam),
    .rmsprop = BOTH(rmsprop),
    .adagrad = BOTH(adagrad),
    .scale = BOTH(scale),
    .sum_squares = BOTH(sum_squares),
};
#endif
