/* conv_pixels.inc.c - convolution with places as lanes, for few channels: a strip of the image lies padded in scratch memory,
 * its columns sorted by what is left of them divided by the stride, so that a vector of places is one load at any tap. */

#ifndef WG_CONV_PIXELS
#define WG_CONV_PIXELS
enum { PIXELS_BYTES = 512 << 10, PIXELS_MOST = 8 };
/* CONV_PIXELS(rows, vectors): the tiles, of channels by vectors of places, the largest first. */
#if VECTOR_REGISTERS == 32
enum { PIXELS_ROWS = 6 };
#define EACH_CONV_PIXELS CONV_PIXELS(6, 4) CONV_PIXELS(4, 4) CONV_PIXELS(1, 8)
#else
enum { PIXELS_ROWS = 4 };
#define EACH_CONV_PIXELS CONV_PIXELS(4, 3) CONV_PIXELS(1, 6)
#endif

/* A vector of places of the map: where they are seen, where they go, how many there are. */
typedef struct {
    ptrdiff_t from, to, n;
} conv_vector;

/* How many of n channels the next tile takes. */
INLINE ptrdiff_t conv_pixel_rows(ptrdiff_t n)
{
    return n >= PIXELS_ROWS && n != 8 ? PIXELS_ROWS : n >= 4 ? 4 : 1;
}
#endif

typedef struct {
    ptrdiff_t columns;            /* of each sort, */
    ptrdiff_t row;                /* and items of a padded row */
    ptrdiff_t strip, rows, items; /* rows of the map at once, and of the image for them */
    ptrdiff_t across, vectors;    /* of a row of the map, and of a whole strip */
} INTERNAL(pixels_sizes);

static INTERNAL(pixels_sizes) INTERNAL(pixels_sizes_of)(const conv_problem *p)
{
    INTERNAL(pixels_sizes) s;
    const ptrdiff_t width = (p->out[1] - 1) * p->stride[1] + (p->taps[1] - 1) * p->dilation[1] + 1;
    s.columns = ceil_div(width, p->stride[1]);
    s.row = s.columns * p->stride[1];
    const ptrdiff_t more = (p->taps[0] - 1) * p->dilation[0] + 1;
    const ptrdiff_t fits = PIXELS_BYTES / (ptrdiff_t)sizeof(real) / (p->ci * s.row);
    s.strip = most(1, least(p->out[0], (fits - more) / p->stride[0] + 1));
    s.rows = (s.strip - 1) * p->stride[0] + more;
    s.items = p->ci * s.rows * s.row + LANES * p->stride[1];
    s.across = ceil_div(p->out[1], LANES);
    s.vectors = s.strip * s.across;
    return s;
}

/* For the tasks: where taps are seen, the vectors of a strip, and the weights by tile, tap and channel. */
static void INTERNAL(pixels_pack)(const conv_problem *p, void *packed)
{
    const INTERNAL(pixels_sizes) *const s = p->sizes;
    const ptrdiff_t taps = p->taps[0] * p->taps[1];
    ptrdiff_t *offsets = packed;
    conv_vector *const vectors = (conv_vector *)(offsets + p->ci * taps);
    real *to = (real *)(vectors + s->vectors);
    for (ptrdiff_t k = 0; k < p->ci; k++)
        for (ptrdiff_t t = 0; t < taps; t++) {
            const ptrdiff_t y = t / p->taps[1] * p->dilation[0], x = t % p->taps[1] * p->dilation[1];
            *offsets++ = (k * s->rows + y) * s->row + x % p->stride[1] * s->columns + x / p->stride[1];
        }
    for (ptrdiff_t v = 0; v < s->vectors; v++) {
        const ptrdiff_t y = v / s->across, x = v % s->across * LANES;
        vectors[v] = (conv_vector){y * p->stride[0] * s->row + x, y * p->out[1] + x, least(LANES, p->out[1] - x)};
    }
    for (ptrdiff_t group = 0; group < p->groups; group++)
        for (ptrdiff_t o = 0, rows; o < p->co; o += rows) {
            rows = conv_pixel_rows(p->co - o);
            for (ptrdiff_t k = 0; k < p->ci; k++)
                for (ptrdiff_t t = 0; t < taps; t++)
                    for (ptrdiff_t r = 0; r < rows; r++)
                        *to++ = ((const real *)p->w)[group * p->w_group + (o + r) * p->w_out + k * p->w_in +
                                                     t / p->taps[1] * p->w_row + t % p->taps[1] * p->w_tap];
        }
}

/* One tile. */
typedef struct {
    const conv_problem *p;
    const ptrdiff_t *offsets;
    ptrdiff_t taps, plane;
} INTERNAL(pixels_job);

typedef vreal INTERNAL(pixels_fn)(const INTERNAL(pixels_job) *job, const real *x, const conv_vector *vectors,
                                  const real *w, real *y, const real *bias);

INLINE vreal INTERNAL(pixels_tile)(const int rows, const int vectors, const INTERNAL(pixels_job) *job, const real *x,
                                   const conv_vector *v, const real *w, real *y, const real *bias)
{
    vreal sum[6][8];
    const real *from[8];
    const ptrdiff_t *const offsets = job->offsets, taps = job->taps;
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++)
            sum[i][j] = (vreal){0};
    UNROLL
    for (int j = 0; j < vectors; j++)
        from[j] = x + v[j].from;
    for (ptrdiff_t k = 0; k < taps; k++, w += rows) {
        vreal xs[8];
        UNROLL
        for (int j = 0; j < vectors; j++)
            xs[j] = V(load)(from[j] + offsets[k]);
        UNROLL
        for (int i = 0; i < rows; i++) {
            const vreal ws = V(splat)(w[i]);
            UNROLL
            for (int j = 0; j < vectors; j++)
                sum[i][j] = V(fma)(ws, xs[j], sum[i][j]);
        }
    }
    vreal odd = {0};
    const real least_item = V(conv_least)(job->p->relu);
    UNROLL
    for (int i = 0; i < rows; i++)
        UNROLL
        for (int j = 0; j < vectors; j++) {
            odd = V(conv_odd)(sum[i][j], V(lane_numbers)() < (integer)v[j].n, odd);
            V(store_upto)(y + i * job->plane + v[j].to, v[j].n, V(conv_finished)(sum[i][j], bias ? bias + i : NULL, least_item));
        }
    return odd;
}

#define CONV_PIXELS(rows, vectors)                                                                                          \
    static NOINLINE vreal INTERNAL(conv_pixels_##rows##x##vectors)(const INTERNAL(pixels_job) * job, const real *x,         \
                                                                   const conv_vector *v, const real *w, real *y,            \
                                                                   const real *bias)                                        \
    {                                                                                                                       \
        return INTERNAL(pixels_tile)(rows, vectors, job, x, v, w, y, bias);                                                 \
    }
EACH_CONV_PIXELS
#undef CONV_PIXELS

#define CONV_PIXELS(rows, vectors) {rows, vectors, INTERNAL(conv_pixels_##rows##x##vectors)},
static const struct {
    ptrdiff_t rows, vectors;
    INTERNAL(pixels_fn) * run;
} INTERNAL(conv_pixels)[] = {EACH_CONV_PIXELS};
#undef CONV_PIXELS

/* A strip of an image, padded. Whole vectors of zeros are written first, up to LANES items behind each row. */
static void INTERNAL(pad_strip)(const conv_problem *p, const INTERNAL(pixels_sizes) * s, const char *from, ptrdiff_t top,
                                real *to)
{
    const ptrdiff_t item = p->from_strides[3], step = p->stride[1];
    for (ptrdiff_t i = 0; i < p->ci * s->rows * s->row; i += LANES)
        V(store)(to + i, (vreal){0});
    for (ptrdiff_t sort = 0; sort < step; sort++) {
        const ptrdiff_t first = sort - p->padding[1]; /* of the image's columns */
        const ptrdiff_t skipped = least(s->columns, first < 0 ? ceil_div(-first, step) : 0);
        const ptrdiff_t start = first + skipped * step;
        const ptrdiff_t inside = least(s->columns - skipped, start < p->in[1] ? (p->in[1] - 1 - start) / step + 1 : 0);
        const int dense = item * step == sizeof(real);
        for (ptrdiff_t k = 0; k < p->ci; k++) {
            const ptrdiff_t y = top * p->stride[0] - p->padding[0], end = least(s->rows, p->in[0] - y);
            for (ptrdiff_t i = most(0, -y); i < end; i++) {
                const char *const x = from + k * p->from_strides[1] + (y + i) * p->from_strides[2] + start * item;
                real *const at = to + (k * s->rows + i) * s->row + sort * s->columns + skipped;
                for (ptrdiff_t j = 0; j < inside; j += LANES)
                    V(store_upto)(at + j, inside - j, dense ? V(load_upto)((const real *)x + j, inside - j)
                                                            : INTERNAL(strided)(x + j * step * item, step * item, inside - j));
            }
        }
    }
}

/* All places of a strip for `rows` channels; a last tile overlaps the one before, or repeats its last vector. */
static vreal INTERNAL(pixels_rows)(const INTERNAL(pixels_job) * job, ptrdiff_t rows, ptrdiff_t count, const real *x,
                                   const conv_vector *vectors, const real *w, real *y, const real *bias)
{
    int k = 0;
    while (INTERNAL(conv_pixels)[k].rows != rows)
        k++;
    const ptrdiff_t wide = INTERNAL(conv_pixels)[k].vectors;
    conv_vector few[PIXELS_MOST];
    vreal odd = {0};
    for (ptrdiff_t v = 0; v < count; v += wide) {
        const conv_vector *at = vectors + least(v, most(0, count - wide));
        if (count < wide) {
            for (ptrdiff_t j = 0; j < wide; j++)
                few[j] = vectors[least(j, count - 1)];
            at = few;
        }
        odd += INTERNAL(conv_pixels)[k].run(job, x, at, w, y, bias);
    }
    return odd;
}

static int INTERNAL(pixels_image)(const conv_problem *p, const void *packed, ptrdiff_t i, ptrdiff_t group, real *scratch)
{
    const INTERNAL(pixels_sizes) *const s = p->sizes;
    const ptrdiff_t plane = p->out[0] * p->out[1], taps = p->ci * p->taps[0] * p->taps[1];
    const ptrdiff_t *const offsets = packed;
    const conv_vector *const vectors = (const conv_vector *)(offsets + taps);
    const real *const weights = (const real *)(vectors + s->vectors) + group * p->co * taps;
    const char *const from = p->from + i * p->from_strides[0] + group * p->ci * p->from_strides[1];
    real *const to = (real *)p->to + (i * p->groups + group) * p->co * plane;
    const real *const bias = p->bias ? (const real *)p->bias + group * p->co : NULL;
    const INTERNAL(pixels_job) job = {p, offsets, taps, plane};
    vreal odd = {0};
    for (ptrdiff_t top = 0; top < p->out[0]; top += s->strip) {
        const ptrdiff_t count = least(s->strip, p->out[0] - top) * s->across;
        INTERNAL(pad_strip)(p, s, from, top, scratch);
        for (ptrdiff_t o = 0, rows; o < p->co; o += rows) {
            rows = conv_pixel_rows(p->co - o);
            odd += INTERNAL(pixels_rows)(&job, rows, count, scratch, vectors, weights + o * taps,
                                         to + o * plane + top * p->out[1], bias ? bias + o : NULL);
        }
    }
    return V(any)(odd != odd);
}
