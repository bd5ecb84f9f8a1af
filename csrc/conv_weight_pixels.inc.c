/* conv_weight_pixels.inc.c - the weights' gradient with places of the map as lanes, for few channels of the image: each item
 * is a sum of products of a row of the map and a shifted row of the image, which a copy has between zeros. Where windows
 * lie `stride` apart, a copied row holds first the items that are a multiple of it apart from the first, then from the
 * second, and so on, so that those of a tap are neighbours. The sums are vectors until the end. */

#ifndef WG_CONV_WEIGHT_PIXELS
#define WG_CONV_WEIGHT_PIXELS
#if VECTOR_REGISTERS == 32
enum { DOT_ROWS = 4, DOT_TAPS = 9 };
#define EACH_DOT(rows) DOT(rows, 5) DOT(rows, 3) DOT(rows, 1)
#define EACH_DOT_TILE EACH_DOT(4) EACH_DOT(2) DOT(1, 9) EACH_DOT(1)
#else
enum { DOT_ROWS = 3, DOT_TAPS = 9 };
#define EACH_DOT(rows) DOT(rows, 3) DOT(rows, 1)
#define EACH_DOT_TILE EACH_DOT(3) DOT(1, 9) EACH_DOT(1)
#endif
#endif

/* Rows of a map, `channel` items apart for each channel, and of the image's copy. */
typedef struct {
    ptrdiff_t rows, n, y_row, y_channel, x_row;
    const ptrdiff_t *taps; /* where each lies in the copy */
} INTERNAL(dot_strides);

typedef void INTERNAL(dot_fn)(const INTERNAL(dot_strides) *s, const real *y, const real *x, const ptrdiff_t *taps,
                              real *sums, ptrdiff_t ld);

/* Add to rows x taps vectors of sums, `ld` items apart for each row. */
INLINE void INTERNAL(dot_body)(const int rows, const int taps, const INTERNAL(dot_strides) *s, const real *y,
                               const real *x, const ptrdiff_t *tap, real *sums, ptrdiff_t ld)
{
    vreal sum[DOT_ROWS][DOT_TAPS];
    const real *shifted[DOT_TAPS];
    UNROLL
    for (int t = 0; t < taps; t++)
        shifted[t] = x + tap[t];
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
        for (int t = 0; t < taps; t++)
            sum[r][t] = (vreal){0};
    for (ptrdiff_t p = 0; p < s->rows; p++)
        for (ptrdiff_t i = 0; i < s->n; i += LANES) {
            vreal xs[DOT_TAPS];
            UNROLL
            for (int t = 0; t < taps; t++)
                xs[t] = V(load)(shifted[t] + p * s->x_row + i);
            UNROLL
            for (int r = 0; r < rows; r++) {
                vreal ys = V(load_upto)(y + r * s->y_channel + p * s->y_row + i, s->n - i);
                IN_REGISTER(ys);
                UNROLL
                for (int t = 0; t < taps; t++)
                    sum[r][t] = V(fma)(ys, xs[t], sum[r][t]);
            }
        }
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
        for (int t = 0; t < taps; t++)
            V(store)(sums + r * ld + t * LANES, V(load)(sums + r * ld + t * LANES) + sum[r][t]);
}

#define DOT(rows, taps)                                                                                               \
    static NOINLINE void INTERNAL(dot_##rows##x##taps)(const INTERNAL(dot_strides) * s, const real *y, const real *x, \
                                                       const ptrdiff_t *tap, real *sums, ptrdiff_t ld)                \
    {                                                                                                                 \
        INTERNAL(dot_body)(rows, taps, s, y, x, tap, sums, ld);                                                       \
    }
EACH_DOT_TILE
#undef DOT

#define DOT(rows, taps) {rows, taps, INTERNAL(dot_##rows##x##taps)},
static const struct {
    ptrdiff_t rows, taps;
    INTERNAL(dot_fn) * run;
} INTERNAL(dots)[] = {EACH_DOT_TILE};
#undef DOT

static void INTERNAL(plan_pixels)(INTERNAL(weight_plan) *plan)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t columns = (c->map[1] - 1) * c->stride[1] + (c->kernel[1] - 1) * c->dilation[1] + 1;
    plan->run = ceil_div(columns, c->stride[1]) + LANES; /* of a row's items for one remainder */
    plan->columns = plan->run * c->stride[1];
    plan->segments = c->ci * c->kernel[0] * c->kernel[1];
    INTERNAL(plan_strips)(plan, plan->columns * c->ci);
    plan->laid = plan->rows * plan->columns * c->ci + LANES;
    plan->scratch = plan->laid * (ptrdiff_t)sizeof(real);
    plan->looks = ceil_div(c->map[0], plan->strip) * ceil_div(c->co, DOT_ROWS);
    if (c->y_strides[3] != (ptrdiff_t)sizeof(real))
        plan->scratch += plan->strip * c->map[1] * c->co * (ptrdiff_t)sizeof(real);
}

static void INTERNAL(pixels_table)(const INTERNAL(weight_plan) *plan)
{
    const wg_conv *const c = plan->c;
    ptrdiff_t *tap = plan->table;
    for (ptrdiff_t in = 0; in < c->ci; in++)
        for (ptrdiff_t k = 0; k < c->kernel[0]; k++)
            for (ptrdiff_t l = 0; l < c->kernel[1]; l++) {
                const ptrdiff_t across = l * c->dilation[1];
                *tap++ = (in * plan->rows + k * c->dilation[0]) * plan->columns + across % c->stride[1] * plan->run +
                         across / c->stride[1];
            }
}

static ptrdiff_t INTERNAL(pixels_sums)(INTERNAL(weight_plan) *plan)
{
    return plan->block * plan->segments * LANES;
}

/* `rows` rows of n items each, `step` bytes apart, to rows that are `columns` items apart. */
INLINE void INTERNAL(copy_rows)(ptrdiff_t rows, ptrdiff_t n, const char *from, ptrdiff_t row, ptrdiff_t step, real *to,
                                ptrdiff_t columns)
{
    for (ptrdiff_t y = 0; y < rows; y++, from += row, to += columns)
        for (ptrdiff_t i = 0; i < n; i += LANES) {
            const ptrdiff_t m = least(LANES, n - i);
            V(store_upto)(to + i, m,
                          step == sizeof(real) ? V(load_upto)((const real *)from + i, m)
                                               : V(load_strided)(from + i * step, step, m));
        }
}

/* What surrounds the image is zero from the beginning, unless there are several strips, which are surrounded differently. */
static void INTERNAL(copy_strip)(const INTERNAL(weight_plan) *plan, const char *x, ptrdiff_t top, ptrdiff_t rows, real *to)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t before = most(0, -top), inside = least(rows, c->image[0] - top) - before;
    const ptrdiff_t stride = c->stride[1], row = c->x_strides[2], step = stride * c->x_strides[3];
    if (plan->strip < c->map[0])
        INTERNAL(conv_zeros)(to, plan->laid);
    for (ptrdiff_t phase = 0; phase < stride; phase++) {
        const ptrdiff_t at = phase - c->padding[1], first = at >= 0 ? 0 : ceil_div(-at, stride);
        const ptrdiff_t n = least(plan->run - LANES - first, ceil_div(c->image[1] - (at + first * stride), stride));
        const char *from = x + (top + before) * row + (at + first * stride) * c->x_strides[3];
        real *place = to + before * plan->columns + phase * plan->run + first;
        for (ptrdiff_t in = 0; in < c->ci; in++, from += c->x_strides[1], place += rows * plan->columns)
            if (step == sizeof(real))
                INTERNAL(copy_rows)(inside, n, from, row, sizeof(real), place, plan->columns);
            else
                INTERNAL(copy_rows)(inside, n, from, row, step, place, plan->columns);
    }
}

/* All tiles of a strip. */
static void INTERNAL(dot_strip)(const INTERNAL(dot_strides) *s, ptrdiff_t channels, ptrdiff_t taps, const real *y,
                                const real *x, real *sums, conv_ahead *ahead)
{
    ptrdiff_t rows = 0, wide = 0;
    for (ptrdiff_t r = 0; r < channels; r += rows)
        for (ptrdiff_t t = 0; t < taps; t += wide) {
            const ptrdiff_t left = taps - t;
            int k = 0;
            while (INTERNAL(dots)[k].rows > channels - r || INTERNAL(dots)[k].taps > left ||
                   (INTERNAL(dots)[k].taps == 5 && (left == 6 || left == 9)))
                k++;
            rows = INTERNAL(dots)[k].rows, wide = INTERNAL(dots)[k].taps;
            if (t == 0)
                conv_look_ahead(ahead);
            INTERNAL(dots)[k].run(s, y + r * s->y_channel, x, s->taps + t, sums + (r * taps + t) * LANES, taps * LANES);
        }
}

static void INTERNAL(pixels_image)(const INTERNAL(weight_plan) *plan, ptrdiff_t i, ptrdiff_t group, ptrdiff_t first,
                                   ptrdiff_t channels, void *scratch, real *sums, conv_ahead *ahead)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t item = sizeof(real), *const strides = c->y_strides;
    const char *const x = (const char *)c->x + i * c->x_strides[0] + group * c->ci * c->x_strides[1];
    const char *const y = (const char *)c->y + i * strides[0] + (group * c->co + first) * strides[1];
    real *const copy = scratch;
    real *const maps = copy + plan->laid;
    for (ptrdiff_t top = 0; top < c->map[0]; top += plan->strip) {
        const ptrdiff_t rows = least(plan->strip, c->map[0] - top);
        INTERNAL(dot_strides) s = {.rows = rows, .n = c->map[1], .x_row = c->stride[0] * plan->columns, .taps = plan->table};
        const real *from = (const real *)(y + top * strides[2]);
        s.y_row = strides[2] / item, s.y_channel = strides[1] / item;
        if (strides[3] != item) {
            for (ptrdiff_t o = 0; o < channels; o++)
                for (ptrdiff_t p = 0; p < rows; p++)
                    for (ptrdiff_t q = 0; q < c->map[1]; q++)
                        maps[(o * rows + p) * c->map[1] + q] =
                            *(const real *)(y + o * strides[1] + (top + p) * strides[2] + q * strides[3]);
            from = maps, s.y_row = c->map[1], s.y_channel = rows * c->map[1];
        }
        INTERNAL(copy_strip)(plan, x, top * c->stride[0] - c->padding[0], plan->rows, copy);
        INTERNAL(dot_strip)(&s, channels, plan->segments, from, copy, sums, ahead);
    }
}

/* One channel of the map. */
static void INTERNAL(pixels_finish)(const INTERNAL(weight_plan) *plan, ptrdiff_t k)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t taps = c->kernel[0] * c->kernel[1], row = plan->segments * LANES, o = k % c->co;
    const ptrdiff_t place = (k / c->co * plan->blocks + o / plan->block) * plan->sums + o % plan->block * row;
    const real *const total = plan->partial + place;
    for (ptrdiff_t t = 0; t < plan->segments; t++) {
        vreal sum = V(load)(total + t * LANES);
        for (ptrdiff_t part = 1; part < plan->parts; part++)
            sum += V(load)(total + part * plan->whole + t * LANES);
        INTERNAL(set_weight)(c, k, t / taps, t % taps, V(reduce_add)(sum));
    }
}
