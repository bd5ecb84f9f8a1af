/* loop.c - elementwise work of any number of dimensions and any strides: brings it to one- or two-dimensional blocks
 * and hands those to the active table's inner loops, or to loops over one dimension, on one thread or several. Folds by
 * such loops, where results are several.
 *
 * Dimensions of length 1 are dropped, the others sorted so that the output is written in the order of its memory, and
 * neighbours that every operand walks as one are merged. What is left is nearly always one dimension (everything dense)
 * or two (a broadcast row or column, a view of columns). Threads split the items in the order of the output. */
#include "wengert.h"

#include "grain.h"

#include <assert.h>

#define WG_SMALL_ITEMS 1024        /* are less than a chunk of any kernel's work */
#define WG_TILE_ITEMS 2048         /* of an input that is copied for the inner loop, */
#define WG_TRANSPOSED_TILE_COLS 64 /* in so many columns if its memory runs down the rows */
#define WG_STRIP_ROWS 32           /* as many items as lie in two cache lines, which processors fetch together */
#define WG_FOLD_SHORT 16           /* items are not worth a call of a loop that folds them */
#define WG_FOLD_ALONE 100000       /* items are not worth another thread */

/* The work after simplification; dimension 0 is the innermost. */
typedef struct {
    const wg_loop *loop; /* or NULL: the kernel */
    wg_elementwise_fn *kernel;
    const double *params;
    unsigned copied;     /* bit j: input j is copied, a tile at a time, */
    ptrdiff_t tile_cols; /* of at most as many columns */
    int operands, ndim;
    ptrdiff_t item_size[WG_MAX_OPERANDS];
    ptrdiff_t shape[WG_MAX_DIMS];
    ptrdiff_t strides[WG_MAX_DIMS][WG_MAX_OPERANDS];
    char *data[WG_MAX_OPERANDS];
} wg_work;

/* Take the dimensions over, without those of length 1, and so that the strides of the output are positive. Gives the
 * number of items. */
static ptrdiff_t wg_work_take(wg_work *w, int ndim, const ptrdiff_t *shape, char *const *data,
                              const ptrdiff_t *const *strides)
{
    ptrdiff_t items = 1;
    w->ndim = 0;
    for (int j = 0; j < w->operands; j++)
        w->data[j] = data[j];
    for (int d = ndim - 1; d >= 0; d--) {
        if (shape[d] == 1)
            continue;
        items *= shape[d];
        ptrdiff_t *to = w->strides[w->ndim];
        int reverse = strides[0][d] < 0;
        for (int j = 0; j < w->operands; j++) {
            to[j] = reverse ? -strides[j][d] : strides[j][d];
            if (reverse)
                w->data[j] += (shape[d] - 1) * strides[j][d];
        }
        w->shape[w->ndim++] = shape[d];
    }
    return items;
}

static void wg_work_swap(wg_work *w, int a, int b)
{
    ptrdiff_t length = w->shape[a];
    w->shape[a] = w->shape[b];
    w->shape[b] = length;
    for (int j = 0; j < w->operands; j++) {
        ptrdiff_t stride = w->strides[a][j];
        w->strides[a][j] = w->strides[b][j];
        w->strides[b][j] = stride;
    }
}

/* Sort the dimensions by the output's stride, the smallest innermost. Results that the binding allocates are in this
 * order already. */
static void wg_work_sort(wg_work *w)
{
    for (int d = 1; d < w->ndim; d++)
        for (int e = d; e > 0 && w->strides[e][0] < w->strides[e - 1][0]; e--)
            wg_work_swap(w, e, e - 1);
}

/* Join a dimension to the one inside it where every operand steps from the end of one run to the start of the next. */
static void wg_work_merge(wg_work *w)
{
    if (w->ndim < 2)
        return;
    int last = 0;
    for (int d = 1; d < w->ndim; d++) {
        int joined = 1;
        for (int j = 0; j < w->operands; j++)
            joined &= w->strides[d][j] == w->strides[last][j] * w->shape[last];
        if (joined) {
            w->shape[last] *= w->shape[d];
            continue;
        }
        last++;
        w->shape[last] = w->shape[d];
        for (int j = 0; j < w->operands; j++)
            w->strides[last][j] = w->strides[d][j];
    }
    w->ndim = last + 1;
}

/* Find the inputs that must be copied, a tile at a time: the inner loops take inputs whose items in a row are
 * neighbours or all the same one. An input whose memory runs along another dimension than the output's is read by whole
 * cache lines only if that dimension is made the rows' and tiles are narrow. */
static void wg_work_find_copied(wg_work *w)
{
    int all_fixed = 1;
    for (int j = 1; j < w->operands; j++) {
        const ptrdiff_t size = w->item_size[j], stride = w->strides[0][j];
        all_fixed &= stride == 0;
        if (stride == 0 || stride == size)
            continue;
        w->copied |= 1u << j;
        for (int d = 1; d < w->ndim && w->tile_cols == WG_TILE_ITEMS; d++)
            if (w->strides[d][j] == size) {
                wg_work_swap(w, d, 1);
                w->tile_cols = WG_TRANSPOSED_TILE_COLS;
            }
    }
    if (all_fixed)
        w->copied = 1u << (w->operands - 1);
}

/* Copy input j's items of a tile to rows of `cols` items. */
static void wg_work_copy(const wg_work *w, int j, ptrdiff_t rows, ptrdiff_t cols, char *to, char *from)
{
    const ptrdiff_t size = w->item_size[j], row_stride = w->strides[1][j], col_stride = w->strides[0][j];
    if (size != 1)
        wg_active->elementwise->kernel[WG_ELEMENTWISE_copy][size == 4 ? WG_F32 : WG_F64](
            rows, cols, (char *[2]){to, from}, (ptrdiff_t[2]){cols * size, row_stride},
            (ptrdiff_t[2]){size, col_stride}, NULL);
    else
        for (ptrdiff_t row = 0; row < rows; row++, from += row_stride, to += cols) {
            ptrdiff_t col = 0;
            if (col_stride == 2) /* a loop that the compiler makes vectors of */
                for (; col < cols; col++)
                    to[col] = from[2 * col];
            for (; col < cols; col++)
                to[col] = from[col * col_stride];
        }
}

/* A block, row by row where it is a loop's. */
static void wg_work_rows(const wg_work *w, ptrdiff_t rows, ptrdiff_t cols, char *const *at,
                         const ptrdiff_t *row_strides, const ptrdiff_t *col_strides)
{
    if (w->loop == NULL) {
        w->kernel(rows, cols, at, row_strides, col_strides, w->params);
        return;
    }
    const int inputs = w->operands - 1;
    ptrdiff_t steps[WG_MAX_OPERANDS];
    for (int j = 0; j <= inputs; j++)
        steps[j] = col_strides[j < inputs ? j + 1 : 0];
    for (ptrdiff_t row = 0; row < rows; row++) {
        char *data[WG_MAX_OPERANDS];
        for (int j = 0; j <= inputs; j++) {
            const int from = j < inputs ? j + 1 : 0;
            data[j] = at[from] + row * row_strides[from];
        }
        w->loop->run(data, &cols, steps, w->loop->context);
    }
}

/* A block with inputs that are copied: tile by tile. */
static void wg_work_tiles(const wg_work *w, ptrdiff_t rows, ptrdiff_t cols, char *const *at)
{
    _Alignas(WG_ALIGNMENT) char tiles[WG_MAX_OPERANDS - 1][WG_TILE_ITEMS * sizeof(double)];
    const ptrdiff_t tile_cols = least(cols, w->tile_cols), tile_rows = WG_TILE_ITEMS / tile_cols;
    for (ptrdiff_t row = 0; row < rows; row += tile_rows)
        for (ptrdiff_t col = 0; col < cols; col += tile_cols) {
            const ptrdiff_t height = least(rows - row, tile_rows);
            const ptrdiff_t width = least(cols - col, tile_cols);
            char *data[WG_MAX_OPERANDS];
            ptrdiff_t row_strides[WG_MAX_OPERANDS], col_strides[WG_MAX_OPERANDS];
            for (int j = 0; j < w->operands; j++) {
                data[j] = at[j] + row * w->strides[1][j] + col * w->strides[0][j];
                row_strides[j] = w->strides[1][j];
                col_strides[j] = w->strides[0][j];
                if (w->copied >> j & 1) {
                    wg_work_copy(w, j, height, width, tiles[j - 1], data[j]);
                    data[j] = tiles[j - 1];
                    row_strides[j] = width * w->item_size[j];
                    col_strides[j] = w->item_size[j];
                }
            }
            wg_work_rows(w, height, width, data, row_strides, col_strides);
        }
}

static void wg_work_block(const wg_work *w, ptrdiff_t rows, ptrdiff_t cols, char *const *at)
{
    if (w->copied)
        wg_work_tiles(w, rows, cols, at);
    else
        wg_work_rows(w, rows, cols, at, w->strides[1], w->strides[0]);
}

/* Task: items [begin, end) in the output's order, as rows cut short at both ends and whole rows between. */
static void wg_work_range(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const wg_work *w = context;
    ptrdiff_t cols = w->shape[0], rows = w->shape[1];
    ptrdiff_t col = begin % cols, row = begin / cols % rows, outer = begin / cols / rows;
    while (begin < end) {
        char *at[WG_MAX_OPERANDS];
        for (int j = 0; j < w->operands; j++)
            at[j] = w->data[j] + row * w->strides[1][j] + col * w->strides[0][j];
        ptrdiff_t index = outer;
        for (int d = 2; d < w->ndim; d++) {
            for (int j = 0; j < w->operands; j++)
                at[j] += index % w->shape[d] * w->strides[d][j];
            index /= w->shape[d];
        }
        const ptrdiff_t width = least(cols - col, end - begin);
        ptrdiff_t height = 1;
        if (width == cols)
            height = least((end - begin) / cols, rows - row);
        wg_work_block(w, height, width, at);
        begin += height * width;
        col = 0;
        row += height;
        if (row == rows) {
            row = 0;
            outer++;
        }
    }
}

/* The items of a chunk: whole rows, unless a row is longer than a chunk; of many, whole strips of transposed copies. */
static ptrdiff_t wg_work_grain(const wg_work *w, ptrdiff_t cost)
{
    const ptrdiff_t grain = CHUNK_OF(cost, 64); /* whole cache lines of every type */
    const ptrdiff_t rows = grain / w->shape[0];
    return rows == 0 ? grain : (rows < WG_STRIP_ROWS ? rows : rows / WG_STRIP_ROWS * WG_STRIP_ROWS) * w->shape[0];
}

/* Simplify the dimensions of work whose operands and items are described, and do it. `any`: the inner loop takes inputs of
 * any strides. */
static void wg_work_run(wg_work *w, ptrdiff_t cost, int any, int ndim, const ptrdiff_t *shape, char *const *data,
                        const ptrdiff_t *const *strides)
{
    assert(ndim >= 0 && ndim <= WG_MAX_DIMS);
    ptrdiff_t items = wg_work_take(w, ndim, shape, data, strides);
    if (items == 0)
        return;
    wg_work_sort(w);
    wg_work_merge(w);
    for (; w->ndim < 2; w->ndim++) { /* a block has rows and columns */
        w->shape[w->ndim] = 1;
        for (int j = 0; j < w->operands; j++)
            w->strides[w->ndim][j] = w->ndim == 0 ? w->item_size[j] : 0;
    }
    assert(w->strides[0][0] == w->item_size[0]);
    w->copied = 0;
    w->tile_cols = WG_TILE_ITEMS;
    if (!any)
        wg_work_find_copied(w);
    if (items <= WG_SMALL_ITEMS && w->ndim == 2) {
        wg_work_block(w, w->shape[1], w->shape[0], w->data);
        return;
    }
    ptrdiff_t grain = wg_work_grain(w, cost);
    if (items > grain)
        wg_parallel_for(items, grain, wg_work_range, w);
    else
        wg_work_range(w, 0, items);
}

void wg_elementwise_run(wg_elementwise kernel, wg_real real, int ndim, const ptrdiff_t *shape, char *const *data,
                        const ptrdiff_t *const *strides, const double *params)
{
    wg_work w;
    w.loop = NULL;
    w.kernel = wg_active->elementwise->kernel[kernel][real];
    w.params = params;
    w.operands = wg_elementwise_table[kernel].inputs + 1;
    for (int j = 0; j < w.operands; j++)
        w.item_size[j] = real == WG_F32 ? 4 : 8;
    if (wg_elementwise_table[kernel].boolean)
        w.item_size[0] = 1;
    if (kernel == WG_ELEMENTWISE_where)
        w.item_size[1] = 1;
    const ptrdiff_t cost = (COST_MEMORY + cost_of_arithmetic[kernel]) * (real == WG_F32 ? 1 : 2);
    wg_work_run(&w, cost, kernel == WG_ELEMENTWISE_copy, ndim, shape, data, strides);
}

void wg_loop_run(const wg_loop *loop, int ndim, const ptrdiff_t *shape, char *const *data,
                 const ptrdiff_t *const *strides)
{
    wg_work w;
    w.loop = loop;
    w.operands = loop->inputs + 1;
    for (int j = 0; j < w.operands; j++)
        w.item_size[j] = loop->sizes[j];
    wg_work_run(&w, COST_MEMORY * 2, !loop->dense, ndim, shape, data, strides);
}

/* ---------------------------------------------------------------- folds */

static ptrdiff_t distance(ptrdiff_t stride)
{
    return stride < 0 ? -stride : stride;
}

/* Make the dimension along which the input's items are nearest the innermost; where that has only few items, the longest. */
static void wg_work_sort_input(wg_work *w)
{
    for (int d = 1; d < w->ndim; d++)
        for (int e = d; e > 0 && distance(w->strides[e][1]) < distance(w->strides[e - 1][1]); e--)
            wg_work_swap(w, e, e - 1);
    wg_work_merge(w);
    for (int d = 1; d < w->ndim; d++)
        if (w->shape[0] < WG_FOLD_SHORT && w->shape[d] > w->shape[0])
            wg_work_swap(w, d, 0);
}

/* Fold row by row. */
static void wg_work_fold(wg_work *w)
{
    const ptrdiff_t n = w->shape[0], steps[3] = {w->strides[0][0], w->strides[0][1], w->strides[0][0]};
    ptrdiff_t rows = 1, index[WG_MAX_DIMS] = {0};
    for (int d = 1; d < w->ndim; d++)
        rows *= w->shape[d];
    for (ptrdiff_t row = 0; row < rows; row++) {
        w->loop->run((char *[]){w->data[0], w->data[1], w->data[0]}, &n, steps, w->loop->context);
        for (int d = 1; d < w->ndim; d++) { /* on to the next row */
            w->data[0] += w->strides[d][0];
            w->data[1] += w->strides[d][1];
            if (++index[d] < w->shape[d])
                break;
            w->data[0] -= w->strides[d][0] * w->shape[d];
            w->data[1] -= w->strides[d][1] * w->shape[d];
            index[d] = 0;
        }
    }
}

/* Some of the work: what it does from `begin` to `end` along its last dimension. */
static void wg_work_fold_part(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    wg_work part = *(const wg_work *)context;
    const int last = part.ndim - 1;
    part.shape[last] = end - begin;
    for (int j = 0; j < 2; j++)
        part.data[j] += begin * part.strides[last][j];
    wg_work_fold(&part);
}

/* Make the last dimension one along which results differ, so that threads have results of their own, the longest of
 * those; whether there is one. Only rows change places. */
static int wg_work_share(wg_work *w)
{
    int longest = -1;
    for (int d = w->ndim > 1; d < w->ndim; d++)
        if (w->strides[d][0] != 0 && (longest < 0 || w->shape[d] > w->shape[longest]))
            longest = d;
    if (longest >= 0)
        wg_work_swap(w, longest, w->ndim - 1);
    return longest >= 0;
}

void wg_loop_fold(const wg_loop *loop, int ndim, const ptrdiff_t *shape, char *out, const ptrdiff_t *out_strides,
                  char *in, const ptrdiff_t *in_strides)
{
    wg_work w;
    w.loop = loop;
    w.operands = 2;
    const ptrdiff_t items =
        wg_work_take(&w, ndim, shape, (char *[]){out, in}, (const ptrdiff_t *[]){out_strides, in_strides});
    if (items == 0)
        return;
    wg_work_sort_input(&w);
    if (w.ndim == 0) {
        w.shape[0] = 1;
        w.strides[0][0] = w.strides[0][1] = 0;
        w.ndim = 1;
    }
    if (items > WG_FOLD_ALONE && wg_work_share(&w)) {
        const ptrdiff_t length = w.shape[w.ndim - 1];
        wg_parallel_for(length, pieces_per_chunk(CHUNK_OF(COST_MEMORY, 64), items / length), wg_work_fold_part, &w);
    } else
        wg_work_fold(&w);
}
