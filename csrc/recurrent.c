/* recurrent.c - a layer of a recurrent network, all steps in one call: forward, and back to the gradients by its gates.
 *
 * "Before" and "after" are meant in the order in which steps are taken, from the last to the first if the layer runs in
 * reverse: there rows appear where otherwise they end.
 *
 * Products with the inputs' weights are taken for several steps at once, as many as stay in the second-level cache until
 * they are used; those with the hidden state step by step, and added to them. Weights are packed once for all steps: a step
 * of 32 rows takes as long to pack them as to multiply by them. What is done to the sum is one pass over it, the family's
 * (recurrent.inc.c). Gradients by the weights are products over all steps, which the caller takes. */
#include "grain.h"
#include "wengert.h"

#include <assert.h>
#include <string.h>

enum {
    INPUT_ROWS = 64,                      /* whose products with the inputs' weights are taken at once, at least */
    MANY_INPUT_ROWS = 256,                /* where these weights have more than */
    LARGE_WEIGHTS = 512 * 1024,           /* bytes, so that each product reads them from further away */
    CELL_CHUNK = CHUNK_OF(COST_CELL, 64), /* items of the hidden state */
    FEW_ROWS = 4,                         /* fewer leave a tile waiting for its own sums */
    GROUP_BYTES = 64 * 1024,              /* of rows that meet a panel of packed weights while they are near */
    GROUP_ROWS = 24,                      /* at least */
};
#define BETWEEN_SIGNALS 0x1p30 /* operations, after which signals are looked for */

/* Where a step is: its first row, its rows, and those of its neighbours. */
typedef struct {
    ptrdiff_t first, rows, before, after;
} place;

static ptrdiff_t columns_of(wg_cell cell)
{
    return cell == WG_CELL_LSTM ? 4 : cell == WG_CELL_GRU ? 3 : 1;
}
static ptrdiff_t kept_of(wg_cell cell)
{
    return cell == WG_CELL_LSTM || cell == WG_CELL_GRU ? 4 : 1;
}
static size_t item_of(wg_real real)
{
    return real == WG_F32 ? sizeof(float) : sizeof(double);
}

static ptrdiff_t rows_of(const wg_recurrent *r)
{
    ptrdiff_t rows = 0;
    for (ptrdiff_t t = 0; t < r->steps; t++)
        rows += r->sizes[t];
    return rows;
}

static ptrdiff_t size_of(const wg_recurrent *r, ptrdiff_t taken)
{
    return taken < 0 || taken >= r->steps ? 0 : r->sizes[r->reverse ? r->steps - 1 - taken : taken];
}

static place place_of(const wg_recurrent *r, ptrdiff_t taken, ptrdiff_t first)
{
    return (place){first, size_of(r, taken), size_of(r, taken - 1), size_of(r, taken + 1)};
}

/* ---------------------------------------------------------------- products with weights */

/* Weights, k x n as the right side of a product, and, where that pays, packed. */
typedef struct {
    wg_real real;
    const void *items;
    ptrdiff_t k, n, rs, cs;
    void *packed; /* NULL if they are not */
    int (*interrupted)(void);
} weights;

/* The n of rows that whole vectors are written to. */
static ptrdiff_t padded(wg_real real, ptrdiff_t n)
{
    const ptrdiff_t width = wg_active->gemm->panel[real];
    return ceil_div(n, width) * width;
}

/* The weights of a layer, (columns, inputs): `forward`, by which the products' right side is their transpose. */
static weights weights_of(wg_real real, const wg_recurrent *r, const void *items, ptrdiff_t inputs, int forward)
{
    const ptrdiff_t columns = columns_of(r->cell) * r->hidden;
    weights w = {.real = real, .items = items, .interrupted = r->interrupted};
    w.k = forward ? inputs : columns, w.rs = forward ? 1 : inputs;
    w.n = forward ? columns : inputs, w.cs = forward ? inputs : 1;
    return w;
}

/* The bytes of their packed copy; 0 where it is not worth making. Shapes alone decide. */
static size_t packed_bytes(const wg_recurrent *r, const weights *w)
{
    const double operations =
        2.0 * (double)r->batch * (double)w->k * (double)w->n; /* gemm would ask for signals meanwhile */
    const int worthwhile = w->items && r->steps > 1 && r->batch >= FEW_ROWS && operations < BETWEEN_SIGNALS;
    return worthwhile ? (size_t)(w->k * padded(w->real, w->n)) * item_of(w->real) : 0;
}

/* Make that copy at *memory, which is moved behind it. */
static void pack(weights *w, const wg_recurrent *r, char **memory)
{
    const size_t bytes = packed_bytes(r, w);
    if (bytes == 0)
        return;
    w->packed = *memory;
    *memory += bytes;
    wg_active->gemm->pack[w->real](w->n, w->k, w->items, w->rs, w->cs, w->packed);
}

typedef struct {
    const weights *w;
    ptrdiff_t m, lda, ldc;
    const char *a;
    char *c;
    int accumulate;
} product_job;

/* Columns of C by panels [begin, end) of packed weights. */
static void multiply_panels(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const product_job *job = context;
    const weights *w = job->w;
    const ptrdiff_t item = (ptrdiff_t)item_of(w->real), width = wg_active->gemm->panel[w->real];
    const ptrdiff_t j = begin * width, n = least(end * width, w->n) - j;
    const ptrdiff_t group = most(GROUP_ROWS, GROUP_BYTES / most(item, w->k * item));
    for (ptrdiff_t i = 0; i < job->m; i += group)
        wg_active->gemm->product[w->real](least(group, job->m - i), n, w->k, job->a + i * job->lda * item, job->lda, 1,
                                          (const char *)w->packed + j * w->k * item, w->k,
                                          job->c + (i * job->ldc + j) * item, job->ldc, job->accumulate);
}

/* C <- A W, or C + A W, which only packed weights can do. With these, whole vectors of a row of C are written. */
static wg_status product(const weights *w, ptrdiff_t m, const void *a, ptrdiff_t lda, void *c, ptrdiff_t ldc,
                         int accumulate)
{
    assert(w->packed || !accumulate);
    if (m == 0)
        return WG_OK;
    if (w->packed) {
        product_job job = {w, m, lda, ldc, a, c, accumulate};
        const ptrdiff_t width = wg_active->gemm->panel[w->real];
        const double operations = 2.0 * (double)m * (double)w->k * (double)width;
        wg_parallel_for(ceil_div(w->n, width), 1 + (ptrdiff_t)(CHUNK_OF(COST_FLOP, 1) / (operations + 1)),
                        multiply_panels, &job);
        return WG_OK;
    }
    const wg_gemm g = {.m = m,
                       .n = w->n,
                       .k = w->k,
                       .a = a,
                       .rs_a = lda,
                       .cs_a = 1,
                       .b = w->items,
                       .rs_b = w->rs,
                       .cs_b = w->cs,
                       .c = c,
                       .ldc = ldc,
                       .interrupted = w->interrupted};
    return wg_active->gemm->gemm[w->real](&g);
}

/* C <- A W for a dense C: by way of `rows`, of padded length, where whole vectors would reach over its rows' ends. */
static wg_status dense_product(const weights *w, ptrdiff_t m, const void *a, ptrdiff_t lda, char *c, char *rows)
{
    const ptrdiff_t ld = padded(w->real, w->n), half = wg_active->gemm->panel[w->real] / 2;
    const size_t item = item_of(w->real), row = (size_t)w->n * item;
    if (!w->packed || w->n % half == 0)
        return product(w, m, a, lda, c, w->n, 0);
    product(w, m, a, lda, rows, ld, 0);
    for (ptrdiff_t i = 0; i < m; i++)
        memcpy(c + (size_t)i * row, rows + (size_t)(i * ld) * item, row);
    return WG_OK;
}

/* ---------------------------------------------------------------- forward */

/* Rows [from, to) of a state, of `bytes` each, from `start`, which has all, or zeros. */
static void begin_rows(char *state, const char *start, ptrdiff_t from, ptrdiff_t to, size_t bytes)
{
    if (!state || from >= to)
        return;
    if (start)
        memcpy(state + (size_t)from * bytes, start + (size_t)from * bytes, (size_t)(to - from) * bytes);
    else
        memset(state + (size_t)from * bytes, 0, (size_t)(to - from) * bytes);
}

/* Whether a signal has come, once in a while. */
static int interrupted(const wg_recurrent *r, double *work, ptrdiff_t rows)
{
    *work += 2.0 * (double)rows * (double)(columns_of(r->cell) * r->hidden * r->hidden);
    if (!r->interrupted || *work < BETWEEN_SIGNALS)
        return 0;
    *work = 0;
    return r->interrupted();
}

static void run_rows(const wg_recurrent *r, ptrdiff_t rows, wg_task *task, wg_recurrent_step *s)
{
    wg_parallel_for(rows, pieces_per_chunk(CELL_CHUNK, r->hidden), task, s);
}

/* How many steps, from `taken` on, have their products with the inputs taken at once, and how many rows these are. */
static ptrdiff_t block_at(wg_real real, const wg_recurrent *r, ptrdiff_t taken, ptrdiff_t *rows)
{
    const size_t bytes = (size_t)(r->inputs * columns_of(r->cell) * r->hidden) * item_of(real);
    const ptrdiff_t wanted = bytes > LARGE_WEIGHTS ? MANY_INPUT_ROWS : INPUT_ROWS;
    ptrdiff_t count = 0;
    for (*rows = 0; taken + count < r->steps && *rows < wanted; count++)
        *rows += size_of(r, taken + count);
    return count;
}

static wg_status forward(wg_real real, const wg_recurrent *r, const weights *w_x, const weights *w_h, char *x_product,
                         char *h_product, char *gates)
{
    const ptrdiff_t hidden = r->hidden, ld = padded(real, columns_of(r->cell) * hidden);
    const size_t item = item_of(real), row = (size_t)hidden * item, kept = (size_t)kept_of(r->cell) * row;
    const int is_kept = r->gates != NULL; /* else a state is replaced where it stands */
    const int added = w_h->packed && r->cell != WG_CELL_GRU;
    ptrdiff_t first = r->reverse ? rows_of(r) : 0, block_end = 0, block_first = 0;
    double work = 0;
    wg_status status = WG_OK;
    for (ptrdiff_t taken = 0; taken < r->steps && status == WG_OK; taken++) {
        first -= r->reverse ? size_of(r, taken) : 0;
        const place p = place_of(r, taken, first);
        const size_t here = is_kept ? (size_t)first * row : 0;
        const size_t next = is_kept ? (size_t)(r->reverse ? first - p.after : first + p.rows) * row : 0;
        char *h = (char *)r->h_before + here, *c = r->c_before ? (char *)r->c_before + here : NULL;
        if (taken == block_end) {
            ptrdiff_t rows;
            block_end += block_at(real, r, taken, &rows);
            block_first = r->reverse ? first + p.rows - rows : first;
            status = product(w_x, rows, (const char *)r->x + block_first * r->ld_x * (ptrdiff_t)item, r->ld_x,
                             x_product, ld, 0);
        }
        char *const sums = x_product + (size_t)((first - block_first) * ld) * item;
        begin_rows(h, r->h, p.before, p.rows, row);
        begin_rows(c, r->c, p.before, p.rows, row);
        if (status == WG_OK && (taken > 0 || r->h))
            status = product(w_h, p.rows, h, hidden, added ? sums : h_product, ld, added);
        else if (!added)
            memset(h_product, 0, (size_t)(p.rows * ld) * item);
        if (status != WG_OK)
            return status;
        wg_recurrent_step s = {
            .cell = r->cell,
            .hidden = hidden,
            .after = p.after,
            .ld = ld,
            .x = sums,
            .h = added ? NULL : h_product,
            .b_x = r->b_x,
            .b_h = r->b_h,
            .h_before = h,
            .c_before = c,
            .gates = is_kept ? gates + (size_t)first * kept : gates,
            .out = (char *)r->out + (size_t)first * row,
            .h_after = (char *)r->h_before + next,
            .c_after = c ? (char *)r->c_before + next : NULL,
            .h_n = r->h_n,
            .c_n = r->c_n,
        };
        run_rows(r, p.rows, wg_active->recurrent->forward[real], &s);
        first += r->reverse ? 0 : p.rows;
        status = interrupted(r, &work, p.rows) ? WG_INTERRUPTED : WG_OK;
    }
    return status;
}

wg_status wg_recurrent_forward(wg_real real, const wg_recurrent *r)
{
    assert(r->steps >= 0 && r->batch >= 0 && r->hidden >= 0 && r->inputs >= 0);
    if (r->batch == 0 || r->hidden == 0 || r->steps == 0)
        return WG_OK;
    const ptrdiff_t columns = columns_of(r->cell) * r->hidden;
    const size_t ld = (size_t)padded(real, columns) * item_of(real), batch = (size_t)r->batch;
    const size_t kept = (size_t)(kept_of(r->cell) * r->hidden) * item_of(real);
    const size_t rows = (size_t)least(MANY_INPUT_ROWS + r->batch, rows_of(r));
    weights w_x = weights_of(real, r, r->w_x, r->inputs, 1), w_h = weights_of(real, r, r->w_h, r->hidden, 1);
    char *const scratch = wg_buffer_acquire(packed_bytes(r, &w_x) + packed_bytes(r, &w_h) + (rows + batch) * ld +
                                            (r->gates ? 0 : batch * kept));
    if (!scratch)
        return WG_NO_MEMORY;
    char *memory = scratch;
    pack(&w_x, r, &memory);
    pack(&w_h, r, &memory);
    char *const h_product = memory + rows * ld, *const gates = h_product + batch * ld;
    const wg_status status = forward(real, r, &w_x, &w_h, memory, h_product, r->gates ? r->gates : gates);
    wg_buffer_release(scratch);
    return status;
}

/* ---------------------------------------------------------------- backward */

/* The gradients of rows that begin with a step: those of the state before it. */
static void end_rows(wg_real real, const wg_recurrent_gradients *d, place p, ptrdiff_t hidden, char *dh, char *dc,
                     char *dd)
{
    const size_t row = (size_t)hidden * item_of(real), from = (size_t)p.before * row;
    const ptrdiff_t items = (p.rows - p.before) * hidden, stride = (ptrdiff_t)item_of(real);
    if (items <= 0 || !d->d_h)
        return;
    if (dd) {
        char *const data[] = {(char *)d->d_h + from, dh + from, dd + from};
        const ptrdiff_t *const strides[] = {&stride, &stride, &stride};
        wg_elementwise_run(WG_ELEMENTWISE_add, real, 1, &items, data, strides, NULL);
    } else {
        memcpy((char *)d->d_h + from, dh + from, (size_t)items * item_of(real));
    }
    if (dc)
        memcpy((char *)d->d_c + from, dc + from, (size_t)items * item_of(real));
}

/* What the products over all steps need of a step's gradients by its gates, while they are near: column by column. */
static void transpose_step(wg_real real, const wg_recurrent_gradients *d, place p, ptrdiff_t rows, ptrdiff_t columns,
                           char *gates)
{
    const ptrdiff_t item = (ptrdiff_t)item_of(real), shape[] = {columns, p.rows};
    const ptrdiff_t out[] = {rows * item, item}, in[] = {item, columns * item};
    const ptrdiff_t *const strides[] = {out, in};
    char *const data[] = {(char *)d->d_gates + p.first * item, gates};
    if (p.rows > 1)
        wg_elementwise_run(WG_ELEMENTWISE_copy, real, 2, shape, data, strides, NULL);
    for (ptrdiff_t k = 0; k < columns && p.rows == 1; k++) /* items that are nobody's neighbours */
        memcpy(data[0] + k * out[0], gates + k * item, (size_t)item);
}

static wg_status backward(wg_real real, const wg_recurrent *r, const wg_recurrent_gradients *d, const weights *w_x,
                          const weights *w_h, char *dh, char *dc, char *dd, char *gates, char *padded_rows)
{
    const ptrdiff_t hidden = r->hidden, columns = columns_of(r->cell) * hidden, kept = kept_of(r->cell) * hidden;
    const size_t item = item_of(real), row = (size_t)hidden * item;
    const ptrdiff_t rows = rows_of(r);
    ptrdiff_t first = r->reverse ? 0 : rows;
    double work = 0;
    wg_status status;
    for (ptrdiff_t taken = r->steps - 1; taken >= 0; taken--) {
        first -= r->reverse ? 0 : size_of(r, taken);
        const place p = place_of(r, taken, first);
        begin_rows(dh, d->g_h, p.after, p.rows, row); /* rows that end here */
        begin_rows(dc, d->g_c, p.after, p.rows, row);
        begin_rows(dd, NULL, p.after, p.rows, row);
        const size_t at = (size_t)first * row;
        wg_recurrent_step s = {
            .cell = r->cell,
            .hidden = hidden,
            .h_before = (char *)r->h_before + at,
            .c_before = dc ? (char *)r->c_before + at : NULL,
            .gates = (char *)r->gates + (size_t)(first * kept) * item,
            .g = d->g ? (const char *)d->g + at : NULL,
            .dh = dh,
            .dc = dc,
            .dd = dd,
            .d_gates = gates,
        };
        run_rows(r, p.rows, wg_active->recurrent->backward[real], &s);
        transpose_step(real, d, p, rows, kept, gates);
        status = dense_product(w_h, d->d_h ? p.rows : least(p.rows, p.before), gates + (size_t)(kept - columns) * item,
                               kept, dh, padded_rows);
        if (status == WG_OK && d->d_x)
            status = dense_product(w_x, p.rows, gates, kept, (char *)d->d_x + (size_t)(first * r->inputs) * item,
                                   padded_rows);
        if (status != WG_OK)
            return status;
        end_rows(real, d, p, hidden, dh, dc, dd);
        first += r->reverse ? p.rows : 0;
        if (interrupted(r, &work, p.rows))
            return WG_INTERRUPTED;
    }
    return WG_OK;
}

wg_status wg_recurrent_backward(wg_real real, const wg_recurrent *r, const wg_recurrent_gradients *d)
{
    assert(r->steps >= 0 && r->batch >= 0 && r->hidden >= 0);
    const size_t item = item_of(real), batch = (size_t)r->batch, state = batch * (size_t)r->hidden * item;
    if (state == 0 || r->steps == 0)
        return WG_OK;
    weights w_x = weights_of(real, r, r->w_x, r->inputs, 0), w_h = weights_of(real, r, r->w_h, r->hidden, 0);
    const size_t rows = batch * (size_t)most(padded(real, r->hidden), padded(real, r->inputs)) * item;
    char *const scratch = wg_buffer_acquire(packed_bytes(r, &w_x) + packed_bytes(r, &w_h) + rows +
                                            (size_t)(2 + kept_of(r->cell)) * state);
    if (!scratch)
        return WG_NO_MEMORY;
    char *memory = scratch;
    pack(&w_x, r, &memory);
    pack(&w_h, r, &memory);
    char *const dh = memory + rows, *const carried = dh + state, *const gates = carried + state;
    const wg_status status = backward(real, r, d, &w_x, &w_h, dh, r->cell == WG_CELL_LSTM ? carried : NULL,
                                      r->cell == WG_CELL_GRU ? carried : NULL, gates, memory);
    wg_buffer_release(scratch);
    return status;
}
