/* conv_scatter.inc.c - images from maps where windows leave room between them, or reach far beyond the map: a matrix product
 * gives for every tap what each place of the map adds to the image, and vector by vector of the image that is summed up.
 * Nothing is multiplied that is padding, or between two places. Rows and columns of the image are sorted by what is left of
 * them divided by the stride: to items of one sort, taps of the same sort contribute, and neighbours to neighbours. */

#ifndef WG_CONV_SCATTER
#define WG_CONV_SCATTER
extern const wg_gemm_kernels TABLE(gemm);
enum { SCATTER_BYTES = 192 << 10 }; /* of products: they stay in the second-level cache */

/* The sort that a row or column of taps contributes to; place j of it sees place j + shift of the map. */
typedef struct {
    ptrdiff_t sort, shift;
} conv_sort;
#endif

typedef struct {
    ptrdiff_t columns, row, plane; /* of a sort; items of a sorted row; of a plane */
    ptrdiff_t channels;            /* of the image, at once */
    ptrdiff_t map; /* items of the map where it is copied, because rows do not follow each other in it */
    ptrdiff_t products, items;
} INTERNAL(scatter_sizes);

static INTERNAL(scatter_sizes) INTERNAL(scatter_sizes_of)(const wg_conv *c)
{
    const ptrdiff_t places = c->map[0] * c->map[1], taps = c->kernel[0] * c->kernel[1];
    INTERNAL(scatter_sizes) s = {.columns = ceil_div(c->image[1], c->stride[1])};
    s.row = s.columns * c->stride[1] + 2 * LANES; /* and room before the products */
    s.channels = most(1, least(c->ci, SCATTER_BYTES / (ptrdiff_t)sizeof(real) / (taps * places)));
    if (c->map[0] > 1 && c->y_strides[2] != c->map[1] * c->y_strides[3])
        s.map = c->co * places;
    s.products = s.channels * taps * places + LANES;
    s.items = s.row + s.products + s.map;
    return s;
}

static void INTERNAL(scatter_pack)(const conv_problem *p, void *packed)
{
    conv_sort *to = packed;
    for (int d = 0; d < 2; d++)
        for (ptrdiff_t k = 0; k < p->c->kernel[d]; k++) {
            const ptrdiff_t stride = p->c->stride[d], offset = k * p->c->dilation[d] - p->c->padding[d];
            const ptrdiff_t sort = (offset % stride + stride) % stride;
            *to++ = (conv_sort){sort, (sort - offset) / stride};
        }
}

/* LANES items of a sorted row, from column x on: the sum over taps. `down` is the place in its sort, of `sort`. */
INLINE vreal INTERNAL(scatter_sum)(const wg_conv *c, const conv_sort *rows, ptrdiff_t down, const conv_sort sort,
                                   ptrdiff_t x, const real *products)
{
    const conv_sort *const columns = rows + c->kernel[0];
    const ptrdiff_t places = c->map[0] * c->map[1];
    vreal sum = {0};
    for (ptrdiff_t kh = 0; kh < c->kernel[0]; kh++) {
        const ptrdiff_t p = down + rows[kh].shift;
        if (rows[kh].sort != sort.shift || p < 0 || p >= c->map[0])
            continue;
        const real *from = products + kh * c->kernel[1] * places + p * c->map[1];
        vreal row = {0}; /* so that the rows' chains of sums run side by side */
        for (ptrdiff_t kw = 0; kw < c->kernel[1]; kw++, from += places) {
            const ptrdiff_t q = x + columns[kw].shift;
            if (columns[kw].sort != sort.sort || q <= -LANES || q >= c->map[1])
                continue;
            const vreal seen = V(load)(from + q);
            const vuint at = (vuint)(V(lane_numbers)() + (integer)q);
            row += V(as_real)(V(as_int)(seen) & (vint)(at < (unsigned_integer)c->map[1]));
        }
        sum += row;
    }
    return sum;
}

/* A plane of the image from the products of its channel. */
static void INTERNAL(scatter_plane)(const wg_conv *c, const INTERNAL(scatter_sizes) *s, const conv_sort *sorts,
                                    const real *products, real *row, real *to)
{
    for (ptrdiff_t y = 0; y < c->image[0]; y++, to += c->image[1]) {
        const ptrdiff_t down = y / c->stride[0], first = y % c->stride[0];
        for (ptrdiff_t sort = 0; sort < c->stride[1]; sort++)
            for (ptrdiff_t x = 0; x < s->columns; x += LANES) {
                const vreal sum = INTERNAL(scatter_sum)(c, sorts, down, (conv_sort){sort, first}, x, products);
                if (c->stride[1] == 1)
                    V(store_upto)(to + x, c->image[1] - x, sum);
                else
                    V(store)(row + sort * s->columns + x, sum);
            }
        for (ptrdiff_t sort = 0; sort < c->stride[1] && c->stride[1] > 1; sort++)
            for (ptrdiff_t i = sort, j = 0; i < c->image[1]; i += c->stride[1], j++)
                to[i] = row[sort * s->columns + j];
    }
}

static int INTERNAL(scatter_image)(const conv_problem *p, const void *packed, ptrdiff_t i, ptrdiff_t group,
                                   real *scratch)
{
    const wg_conv *const c = p->c;
    const INTERNAL(scatter_sizes) *const s = p->sizes;
    const ptrdiff_t places = c->map[0] * c->map[1], taps = c->kernel[0] * c->kernel[1], item = sizeof(real);
    real *const row = scratch, *const products = row + s->row, *const map = products + s->products;
    const char *const y = (const char *)c->y + i * c->y_strides[0] + group * c->co * c->y_strides[1];
    for (ptrdiff_t k = 0; k < s->map; k += c->map[1])
        for (ptrdiff_t j = 0; j < c->map[1]; j += LANES)
            V(store_upto)(map + k + j, c->map[1] - j,
                          INTERNAL(strided)(y + k / places * c->y_strides[1] +
                                                k % places / c->map[1] * c->y_strides[2] + j * c->y_strides[3],
                                            c->y_strides[3], c->map[1] - j));
    for (ptrdiff_t first = 0; first < c->ci; first += s->channels) {
        const ptrdiff_t channels = least(s->channels, c->ci - first);
        const wg_gemm g = {.m = channels * taps,
                           .n = places,
                           .k = c->co,
                           .c = products,
                           .ldc = places,
                           .a = (const real *)c->w + (group * c->co * c->ci + first) * taps,
                           .rs_a = 1,
                           .cs_a = c->ci * taps,
                           .b = s->map ? (const void *)map : y,
                           .rs_b = s->map ? places : c->y_strides[1] / item,
                           .cs_b = s->map ? 1 : c->y_strides[3] / item};
        if (TABLE(gemm).gemm[REAL_BITS == 64](&g) != WG_OK)
            return 1;
        for (ptrdiff_t k = 0; k < channels; k++) {
            const ptrdiff_t channel = group * c->ci + first + k, items = c->image[0] * c->image[1];
            real *const to = (real *)c->x + (i * c->groups * c->ci + channel) * items;
            INTERNAL(scatter_plane)(c, s, packed, products + k * taps * places, row, to);
            INTERNAL(finish_plane)(to, items, c->bias ? (const real *)c->bias + channel : NULL, c->relu);
        }
    }
    return 0;
}
