/* along.c - items picked or placed along one dimension, by an index for each: what gather, scatter, sort and the like do.
 *
 * Any strides, any item of 1, 2, 4 or 8 bytes. Every item lies at an address of its own, so that there is nothing for
 * vectors to do, and one thread is enough to wait for memory. */
#include "inline.h"
#include "program.h"
#include "wengert.h"

#include <assert.h>
#include <string.h>

/* One row: n places whose index, items and places in the array are each a stride apart, in bytes. */
typedef struct {
    ptrdiff_t n, length, step; /* of the dimension that is indexed */
    ptrdiff_t index_stride, items_stride, array_stride;
    ptrdiff_t wrap;
} wg_row;

/* The place that an index means, at least the row's length if there is none. */
INLINE uint64_t wg_place(const wg_row r, const char *index)
{
    const int64_t i = *(const int64_t *)index;
    return (uint64_t)i + (i < 0 ? (uint64_t)r.wrap : 0);
}

/* `how` and `size` are known where this is called. Gives the first place with a bad index, or -1. */
INLINE ptrdiff_t wg_along_items(wg_along_how how, size_t size, const wg_row r, const char *index, char *items,
                                char *array)
{
    for (ptrdiff_t j = 0; j < r.n; j++) {
        const uint64_t place = wg_place(r, index + j * r.index_stride);
        if (place >= (uint64_t)r.length)
            return j;
        char *at = array + j * r.array_stride + (ptrdiff_t)place * r.step;
        char *item = items + j * r.items_stride;
        switch (how) {
        case WG_ALONG_GATHER: memcpy(item, at, size); break;
        case WG_ALONG_SCATTER: memcpy(at, item, size); break;
        case WG_ALONG_ADD_REALS:
            if (size == sizeof(float))
                *(float *)at += *(const float *)item;
            else
                *(double *)at += *(const double *)item;
            break;
        case WG_ALONG_ADD_INTEGERS: /* unsigned, since those wrap around as two's complement does */
            switch (size) {
            case 1: *(uint8_t *)at = (uint8_t)(*(uint8_t *)at + *(const uint8_t *)item); break;
            case 2: *(uint16_t *)at = (uint16_t)(*(uint16_t *)at + *(const uint16_t *)item); break;
            case 4: *(uint32_t *)at += *(const uint32_t *)item; break;
            default: *(uint64_t *)at += *(const uint64_t *)item; break;
            }
        }
    }
    return -1;
}

INLINE ptrdiff_t wg_along_sized(wg_along_how how, size_t size, const wg_row r, const char *index, char *items,
                                char *array)
{
    switch (size) {
    case 1: return wg_along_items(how, 1, r, index, items, array);
    case 2: return wg_along_items(how, 2, r, index, items, array);
    case 4: return wg_along_items(how, 4, r, index, items, array);
    default: return wg_along_items(how, 8, r, index, items, array);
    }
}

/* A row of items of 4 bytes, in which nothing has gaps: by a third faster. */
INLINE ptrdiff_t wg_along_dense(wg_along_how how, const wg_row r, const char *index, char *items, char *array)
{
    return wg_along_items(how, 4, (wg_row){r.n, r.length, 4, 8, 4, 0, r.wrap}, index, items, array);
}

static ptrdiff_t wg_along_row(const wg_along *a, const wg_row r, const char *index, char *items, char *array)
{
    if (r.index_stride == 0 && r.n > 1 && a->how <= WG_ALONG_SCATTER) { /* one index for all: a copy */
        const uint64_t place = wg_place(r, index);
        if (place >= (uint64_t)r.length)
            return 0;
        char *const at = array + (ptrdiff_t)place * r.step;
        wg_assign copy = {1, a->size, &r.n, items, &r.items_stride, at, &r.array_stride};
        if (a->how == WG_ALONG_SCATTER) {
            copy.to = at, copy.to_strides = &r.array_stride;
            copy.from = items, copy.from_strides = &r.items_stride;
        }
        if (r.items_stride == (ptrdiff_t)a->size && r.array_stride == (ptrdiff_t)a->size)
            memcpy(copy.to, copy.from, (size_t)r.n * a->size);
        else
            wg_assign_run(&copy);
        return -1;
    }
    if (a->size == 4 && r.index_stride == 8 && r.items_stride == 4 && r.step == 4 &&
        r.array_stride == 0) /* the usual case */
        switch (a->how) {
        case WG_ALONG_GATHER: return wg_along_dense(WG_ALONG_GATHER, r, index, items, array);
        case WG_ALONG_SCATTER: return wg_along_dense(WG_ALONG_SCATTER, r, index, items, array);
        case WG_ALONG_ADD_REALS: return wg_along_dense(WG_ALONG_ADD_REALS, r, index, items, array);
        case WG_ALONG_ADD_INTEGERS: break;
        }
    switch (a->how) {
    case WG_ALONG_GATHER: return wg_along_sized(WG_ALONG_GATHER, a->size, r, index, items, array);
    case WG_ALONG_SCATTER: return wg_along_sized(WG_ALONG_SCATTER, a->size, r, index, items, array);
    case WG_ALONG_ADD_REALS: return wg_along_sized(WG_ALONG_ADD_REALS, a->size, r, index, items, array);
    case WG_ALONG_ADD_INTEGERS: break;
    }
    return wg_along_sized(WG_ALONG_ADD_INTEGERS, a->size, r, index, items, array);
}

/* To the next row; whether there is one. */
static int wg_along_next(int ndim, const ptrdiff_t *shape, ptrdiff_t (*strides)[3], ptrdiff_t *place,
                         const char **index, char **items, char **array)
{
    for (int d = 1; d < ndim; d++) {
        const ptrdiff_t back = ++place[d] == shape[d] ? shape[d] - 1 : -1;
        *index -= back * strides[d][0];
        *items -= back * strides[d][1];
        *array -= back * strides[d][2];
        if (back < 0)
            return 1;
        place[d] = 0;
    }
    return 0;
}

/* One row of items that lie `at` so many bytes from the array's first. */
INLINE void wg_along_pick(size_t size, ptrdiff_t n, const ptrdiff_t *at, char *items, ptrdiff_t stride,
                          const char *array)
{
    for (ptrdiff_t j = 0; j < n; j++)
        memcpy(items + j * stride, array + at[j], size);
}

/* Gather rows that share one row of indices: each index is looked at once. */
static ptrdiff_t wg_along_shared(const wg_along *a, const wg_row r, int ndim, const ptrdiff_t *shape,
                                 ptrdiff_t (*strides)[3])
{
    enum { BLOCK = 512 };
    for (ptrdiff_t start = 0; start < r.n; start += BLOCK) {
        const ptrdiff_t n = r.n - start < BLOCK ? r.n - start : BLOCK;
        const char *index = (const char *)a->index + start * r.index_stride;
        char *items = a->items + start * r.items_stride, *array = a->array + start * r.array_stride;
        ptrdiff_t at[BLOCK], place[WG_MAX_DIMS] = {0};
        for (ptrdiff_t j = 0; j < n; j++) {
            const uint64_t where = wg_place(r, index + j * r.index_stride);
            if (where >= (uint64_t)r.length)
                return start + j;
            at[j] = (ptrdiff_t)where * r.step + j * r.array_stride;
        }
        do
            switch (a->size) {
            case 1: wg_along_pick(1, n, at, items, r.items_stride, array); break;
            case 2: wg_along_pick(2, n, at, items, r.items_stride, array); break;
            case 4: wg_along_pick(4, n, at, items, r.items_stride, array); break;
            default: wg_along_pick(8, n, at, items, r.items_stride, array); break;
            }
        while (wg_along_next(ndim, shape, strides, place, &index, &items, &array));
    }
    return -1;
}

wg_status wg_along_run(const wg_along *a, int64_t *bad)
{
    assert(a->size == 1 || a->size == 2 || a->size == 4 || a->size == 8);
    /* The dimensions longer than 1, the innermost first; it is the row. Neighbours that all walk as one are merged. */
    ptrdiff_t shape[WG_MAX_DIMS] = {1}, place[WG_MAX_DIMS] = {0};
    ptrdiff_t strides[WG_MAX_DIMS][3] = {{0}}; /* of the index, the items and the array */
    int ndim = 0;
    for (int d = a->ndim - 1; d >= 0; d--) {
        if (a->shape[d] == 0)
            return WG_OK;
        if (a->shape[d] == 1)
            continue;
        const ptrdiff_t of[3] = {a->index_strides[d], a->items_strides[d], d == a->dim ? 0 : a->array_strides[d]};
        int one = ndim > 0;
        for (int j = 0; one && j < 3; j++)
            one = of[j] == strides[ndim - 1][j] * shape[ndim - 1];
        if (one) {
            shape[ndim - 1] *= a->shape[d];
            continue;
        }
        shape[ndim] = a->shape[d];
        memcpy(strides[ndim++], of, sizeof(of));
    }
    const wg_row row = {
        shape[0],      a->length, a->ndim ? a->array_strides[a->dim] : 0, strides[0][0], strides[0][1],
        strides[0][2], a->wrap,
    };
    const char *index = (const char *)a->index;
    char *items = a->items, *array = a->array;
    int shared = a->how == WG_ALONG_GATHER && ndim > 1;
    for (int d = 1; d < ndim; d++)
        shared &= strides[d][0] == 0;
    ptrdiff_t wrong = shared ? wg_along_shared(a, row, ndim, shape, strides) : -1;
    if (!shared)
        do
            wrong = wg_along_row(a, row, index, items, array);
        while (wrong < 0 && wg_along_next(ndim, shape, strides, place, &index, &items, &array));
    if (wrong < 0)
        return WG_OK;
    *bad = *(const int64_t *)(index + wrong * row.index_stride);
    return WG_BAD_INDEX;
}
