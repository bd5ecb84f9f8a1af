/* triangular.inc.c - systems with a triangular matrix, the factors of a matrix into two of them, and the reflections
 * that make one of a matrix.
 *
 * All are for matrices that the second-level cache holds: whoever has larger ones divides them, into these and products.
 *
 *   solve     a panel of columns of the right-hand sides is copied side by side into the first-level cache and solved
 *             there, some rows at a time: first what the rows above contribute, in registers as in a matrix product
 *             (gemm_tile.inc.c), then the small triangle on the diagonal
 *   lu        row by row, the pivot's row subtracted from those below while it stays in the first-level cache
 *   cholesky  likewise, on one side of the diagonal; its square roots come last
 *   reflect   some columns at a time, which stay in the first-level cache from their product with the vector to its
 *             subtraction; householder.c has the rest of QR, once for all instruction sets
 *
 * A panel's, and a matrix's, arithmetic is the same whatever the others are. */

#ifndef WG_TRIANGULAR_ONCE
#define WG_TRIANGULAR_ONCE
#include "grain.h"

enum {
    TRIANGULAR_CHUNK = CHUNK_OF(COST_FLOP, 1),
    TRIANGULAR_VECTORS = 2,                           /* of a row of a panel */
    TRIANGULAR_ROWS = VECTOR_REGISTERS == 32 ? 8 : 4, /* whose sums are in registers */
    TRIANGULAR_FEW = 4,
    REFLECTED = 4, /* vectors of columns whose products with a vector are in registers */
};

/* Where matrix number `index` of a batch begins, in items. */
static ptrdiff_t triangular_offset(ptrdiff_t index, int ndim, const ptrdiff_t *shape, const ptrdiff_t *strides)
{
    ptrdiff_t offset = 0;
    for (int d = ndim - 1; d >= 0; d--) {
        offset += index % shape[d] * strides[d];
        index /= shape[d];
    }
    return offset;
}
#endif

#undef TRIANGULAR_WIDTH
#define TRIANGULAR_WIDTH (TRIANGULAR_VECTORS * LANES)

/* ---------------------------------------------------------------- solve */

typedef struct {
    const wg_triangular *t;
    ptrdiff_t panels; /* of each matrix */
} INTERNAL(triangular_job);

/* Rows [first, first + rows) of a panel, those above being solved: `a` is the matrix's row `first`. */
INLINE void INTERNAL(triangular_rows)(const int rows, const int vectors, const real *a, ptrdiff_t rs_a, ptrdiff_t cs_a,
                                      ptrdiff_t first, int unit, real *panel)
{
    vreal sum[TRIANGULAR_ROWS][TRIANGULAR_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = (vreal){0};
    const real *group[(TRIANGULAR_ROWS + 3) / 4]; /* as in a tile of the matrix product */
    UNROLL
    for (int i = 0; i < rows; i += 4)
        group[i / 4] = a + i * rs_a;
    const real *above = panel;
    for (ptrdiff_t p = 0; p < first; p++) {
        vreal x[TRIANGULAR_VECTORS];
        UNROLL
        for (int j = 0; j < vectors; j++)
            x[j] = V(load)(above + j * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const vreal factor = V(splat)(group[i / 4][i % 4 * rs_a]);
            UNROLL
            for (int j = 0; j < vectors; j++)
                sum[i][j] = V(fma)(factor, x[j], sum[i][j]);
        }
        UNROLL
        for (int i = 0; i < rows; i += 4)
            group[i / 4] += cs_a;
        above += TRIANGULAR_WIDTH;
    }
    const real *corner = a + first * cs_a;
    real *mine = panel + first * TRIANGULAR_WIDTH;
    UNROLL
    for (int i = 0; i < rows; i++) {
        vreal x[TRIANGULAR_VECTORS];
        UNROLL
        for (int j = 0; j < vectors; j++) {
            real *const place = mine + i * TRIANGULAR_WIDTH + j * LANES;
            x[j] = V(load)(place) - sum[i][j];
            if (!unit)
                x[j] = x[j] / V(splat)(corner[i * (rs_a + cs_a)]);
            V(store)(place, x[j]);
        }
        UNROLL
        for (int below = i + 1; below < rows; below++) {
            const vreal factor = V(splat)(corner[below * rs_a + i * cs_a]);
            UNROLL
            for (int j = 0; j < vectors; j++)
                sum[below][j] = V(fma)(factor, x[j], sum[below][j]);
        }
    }
}

/* A panel, first the rows that do not fill a set. */
INLINE void INTERNAL(triangular_panel)(const int vectors, const wg_triangular *t, const real *a, real *panel)
{
    const ptrdiff_t rs = t->rs_a, cs = t->cs_a;
    ptrdiff_t i = 0;
    for (; i < t->n % TRIANGULAR_FEW; i++)
        INTERNAL(triangular_rows)(1, vectors, a + i * rs, rs, cs, i, t->unit, panel);
    for (; i < t->n % TRIANGULAR_ROWS; i += TRIANGULAR_FEW)
        INTERNAL(triangular_rows)(TRIANGULAR_FEW, vectors, a + i * rs, rs, cs, i, t->unit, panel);
    for (; i < t->n; i += TRIANGULAR_ROWS)
        INTERNAL(triangular_rows)(TRIANGULAR_ROWS, vectors, a + i * rs, rs, cs, i, t->unit, panel);
}

static NOINLINE void INTERNAL(triangular_panel_1)(const wg_triangular *t, const real *a, real *panel)
{
    INTERNAL(triangular_panel)(1, t, a, panel);
}

static NOINLINE void INTERNAL(triangular_panel_2)(const wg_triangular *t, const real *a, real *panel)
{
    INTERNAL(triangular_panel)(TRIANGULAR_VECTORS, t, a, panel);
}

/* Some columns of the right-hand sides, with zeros up to the panel's width. */
static void INTERNAL(triangular_load)(const wg_triangular *t, const real *b, ptrdiff_t columns, real *panel)
{
    const ptrdiff_t rs = t->rs_b, cs = t->cs_b;
    if (cs == 1) {
        for (ptrdiff_t i = 0; i < t->n; i++)
            for (ptrdiff_t j = 0; j < TRIANGULAR_WIDTH; j += LANES)
                V(store)(panel + i * TRIANGULAR_WIDTH + j, j < columns ? V(load_upto)(b + i * rs + j, columns - j)
                                                                       : (vreal){0});
        return;
    }
    for (ptrdiff_t j = 0; j < columns; j++)
        for (ptrdiff_t i = 0; i < t->n; i++)
            panel[i * TRIANGULAR_WIDTH + j] = b[i * rs + j * cs];
    for (ptrdiff_t i = 0; i < t->n; i++)
        for (ptrdiff_t j = columns; j < TRIANGULAR_WIDTH; j++)
            panel[i * TRIANGULAR_WIDTH + j] = 0;
}

static void INTERNAL(triangular_panels)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(triangular_job) *job = context;
    const wg_triangular *const t = job->t;
    real panel[WG_TRIANGULAR_MOST * TRIANGULAR_WIDTH] __attribute__((aligned(WG_ALIGNMENT)));
    for (ptrdiff_t k = begin; k < end; k++) {
        const ptrdiff_t matrix = k / job->panels, first = k % job->panels * TRIANGULAR_WIDTH;
        const ptrdiff_t columns = least(t->columns - first, TRIANGULAR_WIDTH);
        const real *a = (const real *)t->a + triangular_offset(matrix, t->batch_ndim, t->batch_shape, t->batch_strides_a);
        const real *b = (const real *)t->b + triangular_offset(matrix, t->batch_ndim, t->batch_shape, t->batch_strides_b);
        real *x = (real *)t->x + matrix * t->n * t->columns + first;
        INTERNAL(triangular_load)(t, b + first * t->cs_b, columns, panel);
        if (columns <= LANES)
            INTERNAL(triangular_panel_1)(t, a, panel);
        else
            INTERNAL(triangular_panel_2)(t, a, panel);
        for (ptrdiff_t i = 0; i < t->n; i++)
            for (ptrdiff_t j = 0; j < columns; j += LANES)
                V(store_upto)(x + i * t->rs_x + j, columns - j, V(load)(panel + i * TRIANGULAR_WIDTH + j));
    }
}

static void K(solve)(const wg_triangular *t)
{
    assert(t->n >= 0 && t->n <= WG_TRIANGULAR_MOST && t->columns >= 0);
    ptrdiff_t matrices = 1;
    for (int d = 0; d < t->batch_ndim; d++)
        matrices *= t->batch_shape[d];
    INTERNAL(triangular_job) job = {t, ceil_div(t->columns, TRIANGULAR_WIDTH)};
    const ptrdiff_t grain = pieces_per_chunk(TRIANGULAR_CHUNK, most(t->n * t->n, 1) * TRIANGULAR_WIDTH);
    if (t->n > 0)
        wg_parallel_for(matrices * job.panels, grain, INTERNAL(triangular_panels), &job);
}

/* ---------------------------------------------------------------- lu */

typedef struct {
    ptrdiff_t m, n, row_stride, matrix_stride;
    real *a;
    int64_t *order;
} INTERNAL(lu_job);

/* row -= factor * pivot, over n items. */
INLINE void INTERNAL(lu_subtract)(ptrdiff_t n, real factor, const real *pivot, real *row)
{
    const vreal minus = V(splat)(-factor);
    ptrdiff_t j = 0;
    for (; j + LANES <= n; j += LANES)
        V(store)(row + j, V(fma)(minus, V(load)(pivot + j), V(load)(row + j)));
    if (j < n)
        V(store_tail)(row + j, n - j, V(fma)(minus, V(load_tail)(pivot + j, n - j), V(load_tail)(row + j, n - j)));
}

INLINE void INTERNAL(lu_exchange)(ptrdiff_t n, real *x, real *y)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        const real item = x[j];
        x[j] = y[j];
        y[j] = item;
    }
}

/* Let the pivot of step k be the largest item of what is left of its column. */
INLINE void INTERNAL(lu_choose)(const INTERNAL(lu_job) *job, ptrdiff_t k, real *a, int64_t *order)
{
    const ptrdiff_t ld = job->row_stride;
    ptrdiff_t best = k;
    real largest = a[k * ld + k] < 0 ? -a[k * ld + k] : a[k * ld + k];
    for (ptrdiff_t i = k + 1; i < job->m; i++) {
        const real magnitude = a[i * ld + k] < 0 ? -a[i * ld + k] : a[i * ld + k];
        if (magnitude > largest) {
            largest = magnitude;
            best = i;
        }
    }
    if (best != k) {
        const int64_t row = order[k];
        order[k] = order[best];
        order[best] = row;
        INTERNAL(lu_exchange)(job->n, a + k * ld, a + best * ld);
    }
}

/* Without an order, of the upper triangle of a symmetric matrix alone: gives 0, or which pivot is not positive. */
static ptrdiff_t INTERNAL(lu_matrix)(const INTERNAL(lu_job) *job, real *a, int64_t *order)
{
    const ptrdiff_t m = job->m, n = job->n, ld = job->row_stride;
    for (ptrdiff_t i = 0; order && i < m; i++)
        order[i] = i;
    for (ptrdiff_t k = 0; k < least(m, n); k++) {
        if (order)
            INTERNAL(lu_choose)(job, k, a, order);
        const real *pivot = a + k * ld;
        if (!order && !(pivot[k] > 0))
            return k + 1;
        if (pivot[k] == 0) /* and all below it are 0 */
            continue;
        for (ptrdiff_t i = k + 1; i < m; i++) {
            real *row = a + i * ld;
            const ptrdiff_t first = order ? k + 1 : i;
            row[k] = (order ? row[k] : pivot[i]) / pivot[k];
            INTERNAL(lu_subtract)(n - first, row[k], pivot + first, row + first);
        }
    }
    return 0;
}

static void INTERNAL(lu_matrices)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const INTERNAL(lu_job) *job = context;
    for (ptrdiff_t k = begin; k < end; k++)
        INTERNAL(lu_matrix)(job, job->a + k * job->matrix_stride, job->order + k * job->m);
}

static void K(lu)(ptrdiff_t count, ptrdiff_t m, ptrdiff_t n, void *a, ptrdiff_t row_stride, ptrdiff_t matrix_stride,
                  int64_t *order)
{
    assert(count >= 0 && m >= 0 && n >= 0);
    INTERNAL(lu_job) job = {m, n, row_stride, matrix_stride, a, order};
    const ptrdiff_t grain = pieces_per_chunk(TRIANGULAR_CHUNK, most(m * n * least(m, n), 1));
    wg_parallel_for(count, grain, INTERNAL(lu_matrices), &job);
}

static ptrdiff_t K(cholesky)(ptrdiff_t n, void *matrix, ptrdiff_t ld)
{
    real *const a = matrix;
    const INTERNAL(lu_job) job = {n, n, ld, 0, a, NULL};
    const ptrdiff_t minor = INTERNAL(lu_matrix)(&job, a, NULL);
    for (ptrdiff_t k = 0; k < n && minor == 0; k++) {
        const real root = (real)sqrt(a[k * ld + k]), inverse = 1 / root;
        for (ptrdiff_t j = 0; j < n; j++)
            a[k * ld + j] = j < k ? 0 : j > k ? a[k * ld + j] * inverse : root;
    }
    return minor;
}

/* ---------------------------------------------------------------- reflect */

/* `vectors` of columns at a time; `n` of them, where it is one vector. */
INLINE void INTERNAL(reflect_columns)(const int vectors, ptrdiff_t m, ptrdiff_t n, const real *v, real tau, real *a,
                                      ptrdiff_t ld)
{
    vreal sum[REFLECTED];
    UNROLL
    for (int j = 0; j < vectors; j++)
        sum[j] = (vreal){0};
    for (ptrdiff_t i = 0; i < m; i++) {
        const vreal factor = V(splat)(v[i]);
        UNROLL
        for (int j = 0; j < vectors; j++)
            sum[j] = V(fma)(factor, V(load_upto)(a + i * ld + j * LANES, n), sum[j]);
    }
    UNROLL
    for (int j = 0; j < vectors; j++)
        sum[j] = sum[j] * V(splat)(-tau);
    for (ptrdiff_t i = 0; i < m; i++) {
        const vreal factor = V(splat)(v[i]);
        UNROLL
        for (int j = 0; j < vectors; j++) {
            real *const place = a + i * ld + j * LANES;
            V(store_upto)(place, n, V(fma)(factor, sum[j], V(load_upto)(place, n)));
        }
    }
}

static void K(reflect)(ptrdiff_t m, ptrdiff_t n, const void *v, double tau, void *a, ptrdiff_t ld)
{
    ptrdiff_t j = 0;
    for (; j + REFLECTED * LANES <= n; j += REFLECTED * LANES)
        INTERNAL(reflect_columns)(REFLECTED, m, LANES, v, (real)tau, (real *)a + j, ld);
    for (; j < n; j += LANES)
        INTERNAL(reflect_columns)(1, m, least(n - j, LANES), v, (real)tau, (real *)a + j, ld);
}

#if REAL_BITS == 64
const wg_triangular_kernels TABLE(triangular) = {
    .solve = BOTH(solve), .lu = BOTH(lu), .cholesky = BOTH(cholesky), .reflect = BOTH(reflect)};
#endif
