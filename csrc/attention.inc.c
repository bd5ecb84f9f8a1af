/* attention.inc.c - attention and its derivative, a block of queries and a block of keys at a time.
 *
 * The scores of a block, and what is made of them, stay in the second-level cache: memory grows with the length of the
 * sequences, not with its square. Forward, the maximum and the sum of a row are carried from one block of keys to the
 * next, and what has been added up so far is scaled whenever the maximum grows (Milakov & Gimelshein 2018; Dao et al.
 * 2022). Backward, scores are computed again, unless the sequences are so short that weights are kept.
 *
 *   forward    a task is a block of queries of one matrix of the batch, over all keys
 *   backward   a task is some blocks of keys of one matrix, over all queries: dk and dv are its own. Where there are few
 *              matrices, each has several tasks, whose parts of dq are added up in order afterwards
 *
 * Products are the matrix product's own tiles. All is divided by shape alone. Short sequences come from memory that the
 * processor does not foresee: while one is at work, the next is asked for. */
#include "rows.inc.c"

#ifndef WG_ATTENTION_ONCE
#define WG_ATTENTION_ONCE
#include <stdatomic.h>

enum {
    ATTENTION_STRIP = VECTOR_REGISTERS == 32 ? 28 : 24, /* queries whose scores stay in the first-level cache: tiles */
    ATTENTION_CHUNK = CHUNK_OF(COST_FLOP, 1),           /* operations */
    ATTENTION_PATIENCE = 200000000,                     /* operations per lane between two questions whether to go on */
    ATTENTION_TASKS = 16,                               /* that backward makes of few matrices */
};

/* Scratch memory for as many tasks as run at once. */
typedef struct {
    char *memory;
    size_t bytes; /* of each */
    int count;
    atomic_flag busy[WG_MAX_THREADS];
} attention_rooms;

/* Whether there is no memory for them. */
static int open_rooms(attention_rooms *rooms, size_t bytes, ptrdiff_t tasks)
{
    rooms->count = (int)least(wg_get_num_threads(), tasks);
    rooms->bytes = (bytes + WG_ALIGNMENT - 1) / WG_ALIGNMENT * WG_ALIGNMENT;
    for (int i = 0; i < rooms->count; i++)
        atomic_flag_clear(&rooms->busy[i]);
    rooms->memory = wg_buffer_acquire(rooms->bytes * (size_t)rooms->count);
    return rooms->memory == NULL;
}

/* A room that nobody is in; there is one, unless the number of threads has grown since: then soon. */
static int enter_room(attention_rooms *rooms)
{
    for (int i = 0;; i = (i + 1) % rooms->count)
        if (!atomic_flag_test_and_set_explicit(&rooms->busy[i], memory_order_acquire))
            return i;
}

static void leave_room(attention_rooms *rooms, int room)
{
    atomic_flag_clear_explicit(&rooms->busy[room], memory_order_release);
}

/* A length in blocks as equal as can be. */
typedef struct {
    ptrdiff_t count, size, longer;
} attention_blocks;

INLINE attention_blocks blocks_of(ptrdiff_t length, ptrdiff_t count)
{
    return count ? (attention_blocks){count, length / count, length % count} : (attention_blocks){0, 0, 0};
}

INLINE ptrdiff_t block_begin(attention_blocks b, ptrdiff_t i)
{
    return i * b.size + least(i, b.longer);
}

INLINE ptrdiff_t attention_count(const wg_attention *a)
{
    ptrdiff_t count = 1;
    for (int d = 0; d < a->batch_ndim; d++)
        count *= a->batch_shape[d];
    return count;
}

/* Where matrix `index` of the batch begins, in whatever its strides are in. */
static ptrdiff_t attention_offset(const wg_attention *a, const wg_matrices *x, ptrdiff_t index)
{
    ptrdiff_t offset = 0;
    for (int d = a->batch_ndim - 1; d >= 0; d--) {
        offset += index % a->batch_shape[d] * x->batch_strides[d];
        index /= a->batch_shape[d];
    }
    return offset;
}

/* How many of the n keys from j on query i sees. */
INLINE ptrdiff_t keys_seen(const wg_attention *a, ptrdiff_t i, ptrdiff_t j, ptrdiff_t n)
{
    return a->causal ? most(least(i + 1 - j, n), 0) : n;
}

/* Half the operations of the two products of the forward kernel, for one matrix of the batch. */
static double attention_flops(const wg_attention *a)
{
    const double pairs = (double)a->l * (double)a->s * (a->causal ? 0.5 : 1);
    return pairs * ((double)a->e + (double)a->ev + 16);
}

/* Whether a room's bytes can be counted. */
static int attention_fits(const wg_attention *a)
{
    const ptrdiff_t bound = (ptrdiff_t)1 << 40;
    return a->l < bound && a->e < bound && a->ev < bound;
}
#endif

/* ---------------------------------------------------------------- what both have in common */

typedef struct {
    const wg_attention *a;
    attention_blocks queries, keys;
    attention_blocks parts;            /* backward: of the blocks of keys */
    ptrdiff_t wide_s, wide_e, wide_ev; /* of a block of keys, a key and a value, in whole vectors */
    ptrdiff_t rows;                    /* of the largest block of queries */
    real *partial;                     /* backward: the parts of dq, if there are several */
    ptrdiff_t first, places;           /* from which items of work are counted; matrices of the batch */
    attention_rooms rooms;
} INTERNAL(attention_job);

/* The matrices of one place in the batch. */
typedef struct {
    const real *q, *k, *v, *g;
    real *out, *dq, *dk, *dv, *shift, *weights;
    const char *mask;
} INTERNAL(attention_place);

/* A block of queries against one of keys. */
typedef struct {
    ptrdiff_t i, m, j, n;
} INTERNAL(attention_pair);

static ptrdiff_t INTERNAL(whole)(ptrdiff_t n)
{
    return ceil_div(n, LANES) * LANES;
}

static void INTERNAL(attention_divide)(INTERNAL(attention_job) *job, const wg_attention *a)
{
    job->a = a;
    job->places = attention_count(a);
    job->queries = blocks_of(a->l, ceil_div(a->l, WG_ATTENTION_BLOCK));
    job->keys = blocks_of(a->s, ceil_div(a->s, WG_ATTENTION_BLOCK));
    job->rows = job->queries.size + (job->queries.longer > 0);
    job->wide_s = INTERNAL(whole)(job->keys.size + (job->keys.longer > 0));
    job->wide_e = INTERNAL(whole)(a->e);
    job->wide_ev = INTERNAL(whole)(a->ev);
}

/* Do `count` items of work, of so many operations each. */
static wg_status INTERNAL(attention_run)(INTERNAL(attention_job) *job, ptrdiff_t count, double flops, wg_task *task)
{
    const double patience = ATTENTION_PATIENCE * (double)LANES * wg_get_num_threads();
    const ptrdiff_t grain = 1 + (ptrdiff_t)(ATTENTION_CHUNK / (flops + 1));
    const ptrdiff_t step = grain * (1 + (ptrdiff_t)(patience / (flops * (double)grain + 1)));
    for (job->first = 0; job->first < count; job->first += step) {
        if (job->first > 0 && job->a->interrupted && job->a->interrupted())
            return WG_INTERRUPTED;
        wg_parallel_for(least(step, count - job->first), grain, task, job);
    }
    return WG_OK;
}

/* What is added to n scores of query i from key j on; NULL for nothing. `room` is for as many, in whole vectors. */
static NOINLINE const real *INTERNAL(mask_row)(const wg_attention *a, const char *mask, ptrdiff_t i, ptrdiff_t j,
                                               ptrdiff_t n, real *room)
{
    const ptrdiff_t step = a->mask.cs;
    const char *const row = mask + i * a->mask.rs + j * step;
    if (a->masked == WG_MASK_NONE || (a->masked == WG_MASK_REAL && step == sizeof(real)))
        return a->masked == WG_MASK_NONE ? NULL : (const real *)row;
    if (step == 1) /* of booleans */
        for (ptrdiff_t k = 0; k < n; k += LANES)
            V(store)(room + k,
                     V(select)(V(load_bytes)(row + k, least(n - k, LANES)), V(splat)(0), V(splat)(-(real)INFINITY)));
    else
        for (ptrdiff_t k = 0; k < n; k++) {
            const char *const item = row + k * step;
            room[k] = a->masked == WG_MASK_REAL ? *(const real *)item : *item ? 0 : -(real)INFINITY;
        }
    return room;
}

/* Vector k of a row of products, of which n - k >= 1 are seen, as scores; -inf behind. */
INLINE vreal INTERNAL(scores_at)(const real *row, ptrdiff_t k, ptrdiff_t n, vreal scale, const real *add)
{
    vreal x = V(load)(row + k);
    x = add ? V(fma)(x, scale, V(load_upto)(add + k, n - k)) : x * scale;
    return n - k >= LANES ? x : V(select)(V(lane_numbers)() < (integer)(n - k), x, V(splat)(-(real)INFINITY));
}

/* Copy m x n items, times a factor, to `out`; or add them to it. */
static NOINLINE void INTERNAL(attention_store)(ptrdiff_t m, ptrdiff_t n, const real *x, ptrdiff_t ld, real scale,
                                               real *out, ptrdiff_t rs, int accumulate)
{
    for (ptrdiff_t i = 0; i < m; i++, x += ld, out += rs)
        for (ptrdiff_t k = 0; k < n; k += LANES) {
            vreal z = V(load_upto)(x + k, n - k) * scale;
            if (accumulate)
                z += V(load_upto)(out + k, n - k);
            V(store_upto)(out + k, n - k, z);
        }
}

static NOINLINE void INTERNAL(attention_zero)(ptrdiff_t m, ptrdiff_t n, real *out, ptrdiff_t rs)
{
    for (ptrdiff_t i = 0; i < m; i++)
        memset(out + i * rs, 0, (size_t)n * sizeof(real));
}

/* Ask for the rows of m x n items that are piece number `piece` of them. */
static NOINLINE void INTERNAL(prefetch_rows)(const real *x, const wg_matrices *of, ptrdiff_t m, ptrdiff_t n,
                                             attention_blocks pieces, ptrdiff_t piece)
{
    for (ptrdiff_t i = m * piece / pieces.count; i < m * (piece + 1) / pieces.count; i++)
        for (ptrdiff_t k = 0; k < n; k += WG_ALIGNMENT / (ptrdiff_t)sizeof(real))
            PREFETCH(x + i * of->rs + k * of->cs);
}

/* Ask for rows of a strip of a block; behind the last one, for the first of the matrix that is next, if any. */
static NOINLINE void INTERNAL(prefetch_strip)(const real *x, const real *next, const wg_matrices *of,
                                              INTERNAL(attention_pair) b, ptrdiff_t n, attention_blocks strips,
                                              ptrdiff_t strip)
{
    if (strip < strips.count)
        INTERNAL(prefetch_rows)(x + b.i * of->rs, of, b.m, n, strips, strip);
    else if (next)
        INTERNAL(prefetch_rows)(next, of, b.m, n, strips, 0);
}

/* Some queries of a block, and how many of its keys they are multiplied by: all that they see, in whole panels. */
static INTERNAL(attention_pair)
    INTERNAL(strip_of)(const wg_attention *a, INTERNAL(attention_pair) b, attention_blocks strips, ptrdiff_t strip)
{
    INTERNAL(attention_pair) s = {.i = block_begin(strips, strip), .j = b.j};
    s.m = block_begin(strips, strip + 1) - s.i;
    s.n = least(b.n, ceil_div(keys_seen(a, b.i + s.i + s.m - 1, b.j, b.n), 2 * LANES) * 2 * LANES);
    return s;
}

static NOINLINE INTERNAL(attention_place) INTERNAL(place_of)(const wg_attention *a, ptrdiff_t index, int backward)
{
#define AT(x) ((real *)a->x.data + attention_offset(a, &a->x, index))
    INTERNAL(attention_place) p = {.q = AT(q), .k = AT(k), .v = AT(v), .out = AT(out)};
    if (backward)
        p.g = AT(g), p.dq = AT(dq), p.dk = AT(dk), p.dv = AT(dv);
#undef AT
    p.shift = (real *)a->shift + index * a->l;
    p.weights = a->weights ? (real *)a->weights + index * a->l * a->s : NULL;
    if (a->masked != WG_MASK_NONE)
        p.mask = (const char *)a->mask.data + attention_offset(a, &a->mask, index);
    return p;
}

/* The matrices after those of an item that are all of one block; else none. */
static INTERNAL(attention_place) INTERNAL(next_place)(const INTERNAL(attention_job) *job, ptrdiff_t item, int backward)
{
    if (item + 1 < job->places && job->queries.count == 1 && job->keys.count == 1)
        return INTERNAL(place_of)(job->a, item + 1, backward);
    return (INTERNAL(attention_place)){0};
}

/* ---------------------------------------------------------------- forward */

typedef struct {
    real *scores, *keys, *values, *sums, *mask, *max;
    double *total;
} INTERNAL(forward_room);

static size_t INTERNAL(forward_bytes)(const INTERNAL(attention_job) *job)
{
    const ptrdiff_t items = job->rows * job->wide_s + job->a->e * job->wide_s + job->wide_s * job->wide_ev +
                            job->rows * job->wide_ev + job->wide_s + INTERNAL(whole)(job->rows);
    return (size_t)items * sizeof(real) + (size_t)job->rows * sizeof(double);
}

static INTERNAL(forward_room) INTERNAL(forward_room_at)(const INTERNAL(attention_job) *job, void *memory)
{
    INTERNAL(forward_room) r;
    r.scores = memory;
    r.keys = r.scores + job->rows * job->wide_s;
    r.values = r.keys + job->a->e * job->wide_s;
    r.sums = r.values + job->wide_s * job->wide_ev;
    r.mask = r.sums + job->rows * job->wide_ev;
    r.max = r.mask + job->wide_s;
    r.total = (double *)(r.max + INTERNAL(whole)(job->rows));
    return r;
}

/* Whether a product may be written to rows of n items where they are to lie: it writes whole vectors. */
INLINE int INTERNAL(fills_vectors)(ptrdiff_t n)
{
    return n % LANES == 0;
}

/* Products of query i become weights, up to the factor that `max` and `total` say when all keys are through. */
static void INTERNAL(weights_of_row)(const wg_attention *a, const real *add, ptrdiff_t n, ptrdiff_t wide, real *row,
                                     real *max, double *total, real *sums, ptrdiff_t wide_ev)
{
    const vreal scale = V(splat)((real)a->scale);
    vreal most_of = V(splat)(*max), sum = V(splat)(0);
    for (ptrdiff_t k = 0; k < n; k += LANES) {
        const vreal x = INTERNAL(scores_at)(row, k, n, scale, add);
        V(store)(row + k, x);
        most_of = V(at_least)(most_of, x);
    }
    const real before = *max, now = INTERNAL(lanes_max)(most_of);
    const real shift = now == -(real)INFINITY ? 0 : now; /* -inf less itself would be NaN */
    for (ptrdiff_t k = 0; k < n; k += LANES) {
        const vreal e = INTERNAL(row_exp_by)(V(load)(row + k) - shift, 0);
        V(store)(row + k, e);
        sum += e;
    }
    for (ptrdiff_t k = INTERNAL(whole)(n); k < wide; k += LANES)
        V(store)(row + k, V(splat)(0));
    *max = now;
    if (before != now && *total != 0) {
        const vreal factor = INTERNAL(row_exp_by)(V(splat)(before - now), 0);
        *total *= (double)factor[0];
        for (ptrdiff_t k = 0; k < wide_ev; k += LANES)
            V(store)(sums + k, V(load)(sums + k) * factor);
    }
    *total += (double)V(reduce_add)(sum);
}

/* A row whose keys are all through gets its factor, 0 where no key was admitted. */
static void INTERNAL(divide_row)(real *row, ptrdiff_t wide, double total)
{
    const vreal factor = V(splat)(total == 0 ? 0 : (real)(1 / total));
    for (ptrdiff_t k = 0; k < wide; k += LANES)
        V(store)(row + k, V(load)(row + k) * factor);
}

static void INTERNAL(attend_to_keys)(const INTERNAL(attention_job) *job, const INTERNAL(attention_place) *p,
                                     INTERNAL(attention_pair) b, const INTERNAL(forward_room) *r,
                                     const INTERNAL(attention_place) *next)
{
    const wg_attention *const a = job->a;
    const wg_gemm_kernels *const gemm = wg_active->gemm;
    const int type = REAL_BITS == 64;
    const ptrdiff_t wide = INTERNAL(whole)(b.n);
    gemm->pack[type](b.n, a->e, p->k + b.j * a->k.rs, a->k.cs, a->k.rs, r->keys);
    gemm->pack[type](a->ev, b.n, p->v + b.j * a->v.rs, a->v.rs, a->v.cs, r->values);
    const attention_blocks strips = blocks_of(b.m, ceil_div(b.m, ATTENTION_STRIP));
    const int alone = job->keys.count == 1, into_weights = p->weights && INTERNAL(fills_vectors)(b.n);
    const int into_out = alone && INTERNAL(fills_vectors)(a->ev);
    const wg_matrices of_weights = {.rs = a->s, .cs = 1};
    for (ptrdiff_t strip = 0; strip < strips.count; strip++) {
        const INTERNAL(attention_pair) s = INTERNAL(strip_of)(a, b, strips, strip);
        real *const scores = into_weights ? p->weights + s.i * a->s : r->scores;
        real *const sums = into_out ? p->out + (b.i + s.i) * a->out.rs : r->sums + s.i * job->wide_ev;
        const ptrdiff_t ld_sums = into_out && a->l > 1 ? a->out.rs : job->wide_ev;
        gemm->product[type](s.m, s.n, a->e, p->q + (b.i + s.i) * a->q.rs, a->q.rs, a->q.cs, r->keys, a->e, scores, wide,
                            0);
        INTERNAL(prefetch_strip)(p->q, next ? next->q : NULL, &a->q, b, a->e, strips, strip + 1);
        if (into_out)
            INTERNAL(prefetch_strip)(p->out, next ? next->out : NULL, &a->out, b, a->ev, strips, strip + 1);
        if (into_weights)
            INTERNAL(prefetch_strip)(p->weights, next ? next->weights : NULL, &of_weights, b, a->s, strips, strip + 1);
        for (ptrdiff_t i = 0; i < s.m; i++) {
            const ptrdiff_t n = keys_seen(a, b.i + s.i + i, b.j, b.n);
            const real *const add = INTERNAL(mask_row)(a, p->mask, b.i + s.i + i, b.j, n, r->mask);
            double *const total = r->total + s.i + i;
            INTERNAL(weights_of_row)(a, add, n, wide, scores + i * wide, r->max + s.i + i, total, sums + i * ld_sums,
                                     job->wide_ev);
            if (alone)
                INTERNAL(divide_row)(scores + i * wide, wide, *total);
            if (p->weights && !into_weights)
                INTERNAL(attention_store)(1, b.n, scores + i * wide, 0, 1, p->weights + (s.i + i) * a->s, 0, 0);
        }
        gemm->product[type](s.m, a->ev, s.n, scores, wide, 1, r->values, b.n, sums, ld_sums, b.j > 0);
        if (next) {
            INTERNAL(prefetch_rows)(next->k, &a->k, a->s, a->e, strips, strip);
            INTERNAL(prefetch_rows)(next->v, &a->v, a->s, a->ev, strips, strip);
        }
    }
}

static void INTERNAL(attend)(const INTERNAL(attention_job) *job, const INTERNAL(attention_place) *p, ptrdiff_t block,
                             const INTERNAL(forward_room) *r, const INTERNAL(attention_place) *next)
{
    const wg_attention *const a = job->a;
    INTERNAL(attention_pair) b = {.i = block_begin(job->queries, block)};
    b.m = block_begin(job->queries, block + 1) - b.i;
    for (ptrdiff_t i = 0; i < b.m; i++) {
        r->max[i] = -(real)INFINITY;
        r->total[i] = 0;
    }
    for (ptrdiff_t k = 0; k < job->keys.count; k++) {
        b.j = block_begin(job->keys, k);
        b.n = block_begin(job->keys, k + 1) - b.j;
        if (keys_seen(a, b.i + b.m - 1, b.j, b.n) > 0)
            INTERNAL(attend_to_keys)(job, p, b, r, next);
    }
    const int alone = job->keys.count == 1, is_there = alone && INTERNAL(fills_vectors)(a->ev);
    for (ptrdiff_t i = 0; i < b.m; i++) {
        real *const out = p->out + (b.i + i) * a->out.rs;
        if (r->total[i] == 0) /* no key was admitted */
            INTERNAL(attention_zero)(1, a->ev, out, 0);
        else if (!is_there)
            INTERNAL(attention_store)(1, a->ev, r->sums + i * job->wide_ev, 0, alone ? 1 : (real)(1 / r->total[i]), out,
                                      0, 0);
        p->shift[b.i + i] = r->total[i] == 0 ? (real)INFINITY : (real)((double)r->max[i] + log(r->total[i]));
    }
}

static void INTERNAL(attention_queries)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    INTERNAL(attention_job) *const job = context;
    const int room = enter_room(&job->rooms);
    const INTERNAL(forward_room) r =
        INTERNAL(forward_room_at)(job, job->rooms.memory + (size_t)room * job->rooms.bytes);
    for (ptrdiff_t item = job->first + begin; item < job->first + end; item++) {
        const INTERNAL(attention_place) p = INTERNAL(place_of)(job->a, item / job->queries.count, 0);
        const INTERNAL(attention_place) next = INTERNAL(next_place)(job, item, 0);
        INTERNAL(attend)(job, &p, item % job->queries.count, &r, next.q ? &next : NULL);
    }
    leave_room(&job->rooms, room);
}

static wg_status K(attention)(const wg_attention *a)
{
    assert(a->l >= 0 && a->s >= 0 && a->e >= 0 && a->ev >= 0);
    INTERNAL(attention_job) job;
    INTERNAL(attention_divide)(&job, a);
    const ptrdiff_t items = job.places * job.queries.count;
    if (items == 0)
        return WG_OK;
    if (!attention_fits(a) || open_rooms(&job.rooms, INTERNAL(forward_bytes)(&job), items))
        return WG_NO_MEMORY;
    const double flops = 2 * attention_flops(a) / (double)job.queries.count;
    const wg_status status = INTERNAL(attention_run)(&job, items, flops, INTERNAL(attention_queries));
    wg_buffer_release(job.rooms.memory);
    return status;
}

/* ---------------------------------------------------------------- backward */

typedef struct {
    real *weights, *slopes;         /* P, and its cotangent, then that of the scores */
    real *keys_t, *values_t, *keys; /* packed, the first two transposed */
    real *queries, *g;              /* packed */
    real *dq, *dk, *dv, *mask, *along;
} INTERNAL(backward_room);

/* The parts of a room, one behind the other: gives the number of items. Where there is memory the pointers are set. */
static ptrdiff_t INTERNAL(backward_parts)(const INTERNAL(attention_job) *job, real *memory, INTERNAL(backward_room) *r)
{
    const ptrdiff_t m = job->rows, n = job->wide_s;
    real **const places[] = {&r->weights, &r->slopes, &r->keys_t, &r->values_t, &r->keys, &r->queries,
                             &r->g,       &r->dq,     &r->dk,     &r->dv,       &r->mask, &r->along};
    const ptrdiff_t sizes[] = {m * n,
                               m * n,
                               job->a->e * n,
                               job->a->ev * n,
                               n * job->wide_e,
                               m * job->wide_e,
                               m * job->wide_ev,
                               m * job->wide_e,
                               n * job->wide_e,
                               n * job->wide_ev,
                               n,
                               INTERNAL(whole)(job->a->l)};
    ptrdiff_t items = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (memory)
            *places[i] = memory + items;
        items += INTERNAL(whole)(sizes[i]);
    }
    return items;
}

/* Products of a query with n keys become weights again. */
static void INTERNAL(weights_again)(const wg_attention *a, const real *add, ptrdiff_t n, ptrdiff_t wide, real *weights,
                                    real shift)
{
    const vreal scale = V(splat)((real)a->scale);
    for (ptrdiff_t k = 0; k < n; k += LANES)
        V(store)(weights + k, INTERNAL(row_exp_by)(INTERNAL(scores_at)(weights, k, n, scale, add) - shift, 0));
    for (ptrdiff_t k = INTERNAL(whole)(n); k < wide; k += LANES)
        V(store)(weights + k, V(splat)(0));
}

/* Products of a query's cotangent with the values become cotangents of its products with the keys. */
static void INTERNAL(slopes_of_row)(ptrdiff_t n, ptrdiff_t wide, const real *weights, real *slopes, real along,
                                    real scale)
{
    for (ptrdiff_t k = 0; k < n; k += LANES)
        V(store)(slopes + k, V(load)(weights + k) * scale * (V(load)(slopes + k) - along));
    for (ptrdiff_t k = INTERNAL(whole)(n); k < wide; k += LANES)
        V(store)(slopes + k, V(splat)(0));
}

/* Pack rows [i, i + m) of a product's right side of `depth` rows and n columns: those of a strip, while they are near. */
static void INTERNAL(pack_strip)(ptrdiff_t n, ptrdiff_t depth, INTERNAL(attention_pair) s, const real *x,
                                 const wg_matrices *of, real *packed)
{
    for (ptrdiff_t j = 0; j < n; j += 2 * LANES) {
        const ptrdiff_t columns = least(2 * LANES, n - j);
        wg_active->gemm->pack[REAL_BITS == 64](columns, s.m, x + s.i * of->rs + j * of->cs, of->rs, of->cs,
                                               packed + j * depth + s.i * INTERNAL(whole)(columns));
    }
}

/* Where a block of keys adds up its cotangents: where they are to lie, or in whole vectors. */
typedef struct {
    real *rows;
    ptrdiff_t ld;
} INTERNAL(attention_sums);

static INTERNAL(attention_sums)
    INTERNAL(sums_of_keys)(const wg_attention *a, real *x, const wg_matrices *of, ptrdiff_t j, ptrdiff_t n, real *room)
{
    if (INTERNAL(fills_vectors)(n))
        return (INTERNAL(attention_sums)){x + j * of->rs, a->s > 1 ? of->rs : n};
    return (INTERNAL(attention_sums)){room, INTERNAL(whole)(n)};
}

/* Whether dq is not a sum over blocks of keys, and need not begin with zeros. */
INLINE int INTERNAL(is_dq_direct)(const INTERNAL(attention_job) *job)
{
    return job->keys.count == 1 && INTERNAL(fills_vectors)(job->a->e);
}

/* What one block of queries brings to dk and dv of a block of keys, and to its own dq. */
static void INTERNAL(pull_pair)(const INTERNAL(attention_job) *job, const INTERNAL(attention_place) *p,
                                INTERNAL(attention_pair) b, const INTERNAL(backward_room) *r, int first, real *dq,
                                ptrdiff_t rs_dq, const INTERNAL(attention_place) *next)
{
    const wg_attention *const a = job->a;
    const wg_gemm_kernels *const gemm = wg_active->gemm;
    const int type = REAL_BITS == 64;
    const ptrdiff_t wide = INTERNAL(whole)(b.n);
    const real *const q = p->q + b.i * a->q.rs, *const g = p->g + b.i * a->g.rs;
    const int kept = p->weights && INTERNAL(fills_vectors)(b.n), into_dq = INTERNAL(is_dq_direct)(job);
    const real *const all_weights = kept ? p->weights : r->weights;
    const attention_blocks strips = blocks_of(b.m, ceil_div(b.m, ATTENTION_STRIP));
    for (ptrdiff_t strip = 0; strip < strips.count; strip++) {
        const INTERNAL(attention_pair) s = INTERNAL(strip_of)(a, b, strips, strip);
        real *const weights = r->weights + s.i * wide, *const slopes = r->slopes + s.i * wide;
        real *const dq_rows = dq + (b.i + s.i) * rs_dq;
        if (!p->weights)
            gemm->product[type](s.m, s.n, a->e, q + s.i * a->q.rs, a->q.rs, a->q.cs, r->keys_t, a->e, weights, wide, 0);
        gemm->product[type](s.m, s.n, a->ev, g + s.i * a->g.rs, a->g.rs, a->g.cs, r->values_t, a->ev, slopes, wide, 0);
        INTERNAL(prefetch_strip)(p->q, next ? next->q : NULL, &a->q, b, a->e, strips, strip + 1);
        if (into_dq && !job->partial)
            INTERNAL(prefetch_strip)(p->dq, next ? next->dq : NULL, &a->dq, b, a->e, strips, strip + 1);
        for (ptrdiff_t i = 0; i < s.m; i++) {
            const ptrdiff_t query = b.i + s.i + i, n = keys_seen(a, query, b.j, b.n);
            if (p->weights && !kept) {
                INTERNAL(attention_store)(1, b.n, p->weights + query * a->s, 0, 1, weights + i * wide, 0, 0);
            } else if (!kept) {
                const real *const add = INTERNAL(mask_row)(a, p->mask, query, b.j, n, r->mask);
                INTERNAL(weights_again)(a, add, n, wide, weights + i * wide, p->shift[query]);
            }
            INTERNAL(slopes_of_row)(n, wide, all_weights + (s.i + i) * wide, slopes + i * wide, r->along[query],
                                    (real)a->scale);
        }
        gemm->product[type](s.m, a->e, s.n, slopes, wide, 1, r->keys, b.n, into_dq ? dq_rows : r->dq,
                            into_dq && a->l > 1 ? rs_dq : job->wide_e, 0);
        if (!into_dq)
            INTERNAL(attention_store)(s.m, a->e, r->dq, job->wide_e, 1, dq_rows, rs_dq, 1);
        INTERNAL(pack_strip)(a->ev, b.m, s, g, &a->g, r->g);
        INTERNAL(pack_strip)(a->e, b.m, s, q, &a->q, r->queries);
        if (next) {
            INTERNAL(prefetch_rows)(next->k, &a->k, a->s, a->e, strips, strip);
            INTERNAL(prefetch_rows)(next->v, &a->v, a->s, a->ev, strips, strip);
            INTERNAL(prefetch_rows)(next->g, &a->g, a->l, a->ev, strips, strip);
            INTERNAL(prefetch_rows)(next->out, &a->out, a->l, a->ev, strips, strip);
        }
    }
    const INTERNAL(attention_sums) dk = INTERNAL(sums_of_keys)(a, p->dk, &a->dk, b.j, a->e, r->dk);
    const INTERNAL(attention_sums) dv = INTERNAL(sums_of_keys)(a, p->dv, &a->dv, b.j, a->ev, r->dv);
    gemm->product[type](b.n, a->ev, b.m, all_weights, 1, wide, r->g, b.m, dv.rows, dv.ld, !first);
    gemm->product[type](b.n, a->e, b.m, r->slopes, 1, wide, r->queries, b.m, dk.rows, dk.ld, !first);
}

/* dk and dv of a block of keys, and what it brings to dq. */
static void INTERNAL(pull_keys)(const INTERNAL(attention_job) *job, const INTERNAL(attention_place) *p, ptrdiff_t block,
                                const INTERNAL(backward_room) *r, real *dq, ptrdiff_t rs_dq,
                                const INTERNAL(attention_place) *next)
{
    const wg_attention *const a = job->a;
    const wg_gemm_kernels *const gemm = wg_active->gemm;
    const int type = REAL_BITS == 64;
    INTERNAL(attention_pair) b = {.j = block_begin(job->keys, block)};
    b.n = block_begin(job->keys, block + 1) - b.j;
    const real *const k = p->k + b.j * a->k.rs, *const v = p->v + b.j * a->v.rs;
    if (!p->weights)
        gemm->pack[type](b.n, a->e, k, a->k.cs, a->k.rs, r->keys_t);
    gemm->pack[type](b.n, a->ev, v, a->v.cs, a->v.rs, r->values_t);
    gemm->pack[type](a->e, b.n, k, a->k.rs, a->k.cs, r->keys);
    int first = 1;
    for (ptrdiff_t i = 0; i < job->queries.count; i++) {
        b.i = block_begin(job->queries, i);
        b.m = block_begin(job->queries, i + 1) - b.i;
        if (keys_seen(a, b.i + b.m - 1, b.j, b.n) == 0)
            continue;
        INTERNAL(pull_pair)(job, p, b, r, first, dq, rs_dq, next);
        first = 0;
    }
    real *const dk = p->dk + b.j * a->dk.rs, *const dv = p->dv + b.j * a->dv.rs;
    if (first) { /* nobody has seen these keys */
        INTERNAL(attention_zero)(b.n, a->e, dk, a->dk.rs);
        INTERNAL(attention_zero)(b.n, a->ev, dv, a->dv.rs);
        return;
    }
    if (!INTERNAL(fills_vectors)(a->e))
        INTERNAL(attention_store)(b.n, a->e, r->dk, job->wide_e, 1, dk, a->dk.rs, 0);
    if (!INTERNAL(fills_vectors)(a->ev))
        INTERNAL(attention_store)(b.n, a->ev, r->dv, job->wide_ev, 1, dv, a->dv.rs, 0);
}

/* The sums along the rows of g times out: what the cotangents of P less are those of the scores over P. */
static void INTERNAL(sums_along)(const wg_attention *a, const INTERNAL(attention_place) *p, real *along)
{
    const ptrdiff_t step = a->g.cs * (ptrdiff_t)sizeof(real);
    for (ptrdiff_t i = 0; i < a->l; i++) {
        const real *const out = p->out + i * a->out.rs;
        const char *const g = (const char *)(p->g + i * a->g.rs);
        vreal sum = V(splat)(0);
        for (ptrdiff_t k = 0; k < a->ev; k += LANES) {
            const ptrdiff_t left = a->ev - k;
            const vreal gs = step == sizeof(real) ? V(load_upto)((const real *)g + k, left)
                                                  : V(load_strided)(g + k * step, step, least(left, LANES));
            sum = V(fma)(V(load_upto)(out + k, left), gs, sum);
        }
        along[i] = V(reduce_add)(sum);
    }
}

static void INTERNAL(attention_keys)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    INTERNAL(attention_job) *const job = context;
    const wg_attention *const a = job->a;
    const int room = enter_room(&job->rooms);
    INTERNAL(backward_room) r;
    INTERNAL(backward_parts)(job, (real *)(job->rooms.memory + (size_t)room * job->rooms.bytes), &r);
    for (ptrdiff_t item = job->first + begin; item < job->first + end; item++) {
        const INTERNAL(attention_place) p = INTERNAL(place_of)(a, item / job->parts.count, 1);
        const INTERNAL(attention_place) next = INTERNAL(next_place)(job, item, 1);
        const ptrdiff_t part = item % job->parts.count;
        real *const dq = job->partial ? job->partial + item * a->l * a->e : p.dq;
        const ptrdiff_t rs_dq = job->partial ? a->e : a->dq.rs;
        if (!INTERNAL(is_dq_direct)(job))
            INTERNAL(attention_zero)(a->l, a->e, dq, rs_dq);
        INTERNAL(sums_along)(a, &p, r.along);
        for (ptrdiff_t k = block_begin(job->parts, part); k < block_begin(job->parts, part + 1); k++)
            INTERNAL(pull_keys)(job, &p, k, &r, dq, rs_dq, next.q ? &next : NULL);
    }
    leave_room(&job->rooms, room);
}

/* Add up the parts of dq: an item is a block of queries. */
static void INTERNAL(attention_join)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(attention_job) *const job = context;
    const wg_attention *const a = job->a;
    for (ptrdiff_t item = job->first + begin; item < job->first + end; item++) {
        const ptrdiff_t place = item / job->queries.count, block = item % job->queries.count;
        real *const dq = (real *)a->dq.data + attention_offset(a, &a->dq, place);
        for (ptrdiff_t i = block_begin(job->queries, block); i < block_begin(job->queries, block + 1); i++)
            for (ptrdiff_t k = 0; k < a->e; k += LANES) {
                const real *part = job->partial + (place * job->parts.count * a->l + i) * a->e + k;
                vreal sum = V(load_upto)(part, a->e - k);
                for (ptrdiff_t n = 1; n < job->parts.count; n++)
                    sum += V(load_upto)(part += a->l * a->e, a->e - k);
                V(store_upto)(dq + i * a->dq.rs + k, a->e - k, sum);
            }
    }
}

static wg_status K(attention_backward)(const wg_attention *a)
{
    INTERNAL(attention_job) job = {.partial = NULL};
    INTERNAL(backward_room) unused;
    INTERNAL(attention_divide)(&job, a);
    const ptrdiff_t count = job.places;
    if (count == 0)
        return WG_OK;
    if (!attention_fits(a))
        return WG_NO_MEMORY;
    const ptrdiff_t wanted = a->l ? most(1, least(ceil_div(ATTENTION_TASKS, count), job.keys.count)) : 1;
    job.parts = blocks_of(job.keys.count, wanted);
    const ptrdiff_t items = count * job.parts.count;
    const size_t bytes = (size_t)INTERNAL(backward_parts)(&job, NULL, &unused) * sizeof(real);
    if (open_rooms(&job.rooms, bytes, items))
        return WG_NO_MEMORY;
    wg_status status = WG_OK;
    if (wanted > 1 && !(job.partial = wg_buffer_acquire((size_t)(items * a->l * a->e) * sizeof(real))))
        status = WG_NO_MEMORY;
    const double flops = attention_flops(a) / (double)job.parts.count;
    if (status == WG_OK)
        status = INTERNAL(attention_run)(&job, items, 5 * flops, INTERNAL(attention_keys));
    if (status == WG_OK && job.partial)
        status =
            INTERNAL(attention_run)(&job, count * job.queries.count, (double)(a->e * items), INTERNAL(attention_join));
    if (job.partial)
        wg_buffer_release(job.partial);
    wg_buffer_release(job.rooms.memory);
    return status;
}

#if REAL_BITS == 64
const wg_attention_kernels TABLE(attention) = {.attention = BOTH(attention),
                                               .attention_backward = BOTH(attention_backward)};
#endif
