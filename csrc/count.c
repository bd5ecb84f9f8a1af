/* count.c - how many items are equal, or lie between edges, one after the other: what counts is memory that waits for the
 * item before, so that there is nothing for vectors or threads. */
#include "inline.h"
#include "wengert.h"

INLINE uint64_t greater(uint64_t a, int64_t b)
{
    return (uint64_t)b > a ? (uint64_t)b : a;
}

uint64_t wg_greatest(ptrdiff_t n, const int64_t *x)
{
    uint64_t a = 0, b = 0, c = 0, d = 0; /* none waits for another */
    ptrdiff_t i = 0;
    for (; i + 4 <= n; i += 4) {
        a = greater(a, x[i]);
        b = greater(b, x[i + 1]);
        c = greater(c, x[i + 2]);
        d = greater(d, x[i + 3]);
    }
    for (; i < n; i++)
        a = greater(a, x[i]);
    return greater(greater(a, (int64_t)b), (int64_t)greater(c, (int64_t)d));
}

void wg_count(ptrdiff_t n, const int64_t *x, int64_t *counts)
{
    for (ptrdiff_t i = 0; i < n; i++)
        counts[x[i]]++;
}

/* The left edge of a bin, as numpy.linspace rounds it. */
INLINE double count_edge(ptrdiff_t bin, ptrdiff_t bins, double low, double high)
{
    return bin == bins ? high : (double)bin * ((high - low) / (double)bins) + low;
}

INLINE void count_between(wg_real type, ptrdiff_t n, const void *x, ptrdiff_t bins, double low, double high,
                          int64_t *counts)
{
    const double scale = (double)bins / (high - low);
    for (ptrdiff_t i = 0; i < n; i++) {
        const double item = type == WG_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
        if (!(item >= low && item <= high))
            continue;
        ptrdiff_t bin = (ptrdiff_t)((item - low) * scale);
        bin = bin < bins ? bin : bins - 1;
        bin -= item < count_edge(bin, bins, low, high);
        bin += bin + 1 < bins && item >= count_edge(bin + 1, bins, low, high);
        counts[bin]++;
    }
}

void wg_count_between(wg_real type, ptrdiff_t n, const void *x, ptrdiff_t bins, double low, double high,
                      int64_t *counts)
{
    if (type == WG_F32)
        count_between(WG_F32, n, x, bins, low, high, counts);
    else
        count_between(WG_F64, n, x, bins, low, high, counts);
}
