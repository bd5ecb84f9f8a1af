/* places.c - items told by where they are: where a mask holds, and in the triangles of matrices.
 *
 * A mask's next byte is not to be guessed, so that nothing here branches on it: what may be an item is written where the
 * next one goes, and stays if it is one. One thread is enough to wait for memory. */
#include "inline.h"
#include "program.h"
#include "wengert.h"

#include <assert.h>
#include <string.h>

ptrdiff_t wg_held_run(const uint8_t *held, ptrdiff_t n)
{
    ptrdiff_t count = 0;
    for (ptrdiff_t start = 0; start < n; start += 128) {
        uint8_t some = 0; /* of bytes, so that compilers add as many at once as a vector has */
        for (ptrdiff_t i = start; i < n && i < start + 128; i++)
            some = (uint8_t)(some + (held[i] != 0));
        count += some;
    }
    return count;
}

/* To the next row, the last dimension left out. */
static void wg_next_row(int ndim, const ptrdiff_t *shape, int64_t *place)
{
    for (int d = ndim - 2; d >= 0; d--) {
        if (++place[d] < shape[d])
            return;
        place[d] = 0;
    }
}

ptrdiff_t wg_places_run(const uint8_t *held, int ndim, const ptrdiff_t *shape, ptrdiff_t count, int64_t *out,
                        ptrdiff_t item_step, ptrdiff_t dim_step)
{
    assert(ndim >= 1 && ndim <= WG_MAX_DIMS);
    const ptrdiff_t n = shape[ndim - 1];
    int64_t place[WG_MAX_DIMS] = {0};
    ptrdiff_t found = 0, rows = 1;
    for (int d = 0; d < ndim - 1; d++)
        rows *= shape[d];
    for (ptrdiff_t row = 0; row < rows && found < count; row++, held += n) {
        const ptrdiff_t first = found;
        int64_t *const last = out + (ndim - 1) * dim_step;
        for (ptrdiff_t j = 0; j < n && found < count; j++) {
            last[found * item_step] = j;
            found += held[j] != 0;
        }
        for (int d = 0; d < ndim - 1; d++)
            for (ptrdiff_t k = first; k < found; k++)
                out[k * item_step + d * dim_step] = place[d];
        wg_next_row(ndim, shape, place);
    }
    return found;
}

#define MASKED(bytes, type)                                                           \
    case bytes: {                                                                     \
        type *const some = (type *)(void *)items, *const all = (type *)(void *)array; \
        if (put)                                                                      \
            for (ptrdiff_t i = 0; i < n && k < count; k += held[i++] != 0)            \
                all[i] = held[i] ? some[k] : all[i];                                  \
        else                                                                          \
            for (ptrdiff_t i = 0; i < n && k < count; k += held[i++] != 0)            \
                some[k] = all[i];                                                     \
        break;                                                                        \
    }

ptrdiff_t wg_masked_run(int put, size_t size, ptrdiff_t n, const uint8_t *held, ptrdiff_t count, char *items,
                        char *array)
{
    ptrdiff_t k = 0;
    switch (size) {
        MASKED(1, uint8_t)
        MASKED(2, uint16_t)
        MASKED(4, uint32_t)
        MASKED(8, uint64_t)
    default: assert(0);
    }
    return k;
}

void wg_triangle_run(int lower, ptrdiff_t diagonal, size_t size, int ndim, const ptrdiff_t *shape,
                     const ptrdiff_t *strides, const char *from, char *to)
{
    assert(ndim >= 2 && ndim <= WG_MAX_DIMS);
    const ptrdiff_t n = shape[ndim - 1], stride = strides[ndim - 1], item = (ptrdiff_t)size;
    int64_t place[WG_MAX_DIMS] = {0};
    ptrdiff_t rows = 1;
    for (int d = 0; d < ndim - 1; d++)
        rows *= shape[d];
    for (ptrdiff_t row = 0; row < rows; row++, to += n * item) {
        ptrdiff_t cut =
            (ptrdiff_t)place[ndim - 2] + diagonal + (lower != 0); /* the columns before it belong together */
        cut = cut < 0 ? 0 : cut > n ? n : cut;
        const ptrdiff_t first = lower ? 0 : cut, count = lower ? cut : n - cut, zeros = lower ? cut : 0;
        const char *at = from + first * stride;
        for (int d = 0; d < ndim - 1; d++)
            at += place[d] * strides[d];
        memset(to + zeros * item, 0, (size_t)((n - count) * item));
        if (stride == item) {
            memcpy(to + first * item, at, (size_t)(count * item));
        } else if (size >= 4) {
            wg_active->elementwise->kernel[WG_ELEMENTWISE_copy][size == 4 ? WG_F32 : WG_F64](
                1, count, (char *[2]){to + first * item, (char *)(uintptr_t)at}, (ptrdiff_t[2]){0, 0},
                (ptrdiff_t[2]){item, stride}, NULL);
        } else {
            const wg_assign copy = {1, size, &count, to + first * item, &item, at, &stride};
            wg_assign_run(&copy);
        }
        wg_next_row(ndim, shape, place);
    }
}
