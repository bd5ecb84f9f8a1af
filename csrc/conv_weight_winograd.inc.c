/* conv_weight_winograd.inc.c - the weights' gradient for 3 x 3 taps with stride 1 and many channels: the transpose of
 * Winograd's F(2 x 2, 3 x 3) in the kernel. With B, G and A of conv_winograd.inc.c, a window d of 4 x 4 places and the 2 x 2
 * items g of the map give the kernel G' (B' d B * A g A') G; the products, summed over all windows, are 16 matrix products of
 * channels by channels, and G is applied once, at the end. */

INLINE void INTERNAL(window_of_image)(vreal *d, const int step)
{
    const vreal a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
    d[0] = a - c, d[step] = b + c, d[2 * step] = c - b, d[3 * step] = b - e;
}

/* LANES channels of a window: 16 sorts, `plane` items apart. */
INLINE void INTERNAL(transform_image)(const real *from, ptrdiff_t row, ptrdiff_t ld, real *to, ptrdiff_t plane)
{
    vreal d[16];
    UNROLL
    for (int i = 0; i < 16; i++)
        d[i] = V(load)(from + i / 4 * row + i % 4 * ld);
    UNROLL
    for (int i = 0; i < 4; i++)
        INTERNAL(window_of_image)(d + i, 4);
    UNROLL
    for (int i = 0; i < 4; i++) {
        INTERNAL(window_of_image)(d + 4 * i, 1);
        UNROLL
        for (int j = 0; j < 4; j++)
            V(store)(to + (4 * i + j) * plane, d[4 * i + j]);
    }
}

INLINE void INTERNAL(transform_map)(const real *from, ptrdiff_t row, ptrdiff_t ld, real *to, ptrdiff_t plane)
{
    const vreal g[4] = {V(load)(from), V(load)(from + ld), V(load)(from + row), V(load)(from + row + ld)};
    const vreal r[8] = {g[0], g[1], g[0] + g[2], g[1] + g[3], g[0] - g[2], g[1] - g[3], -g[2], -g[3]};
    UNROLL
    for (int i = 0; i < 4; i++, to += 4 * plane) {
        V(store)(to, r[2 * i]);
        V(store)(to + plane, r[2 * i] + r[2 * i + 1]);
        V(store)(to + 2 * plane, r[2 * i] - r[2 * i + 1]);
        V(store)(to + 3 * plane, -r[2 * i + 1]);
    }
}

static void INTERNAL(plan_winograd)(INTERNAL(weight_plan) *plan)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t across = ceil_div(c->map[1], 2), down = ceil_div(c->map[0], 2), lanes = ceil_div(c->ci, LANES) * LANES;
    plan->ld = lanes;
    plan->columns = across;
    const ptrdiff_t row = 16 * across * (lanes + ceil_div(c->co, LANES) * LANES) * (ptrdiff_t)sizeof(real);
    plan->strip = most(1, least(down, WEIGHT_WINDOW_BYTES / row));
}

static ptrdiff_t INTERNAL(winograd_sums)(INTERNAL(weight_plan) *plan)
{
    const ptrdiff_t lanes = ceil_div(plan->block, LANES) * LANES, count = plan->strip * plan->columns;
    plan->run = lanes;
    plan->looks = 16 * ceil_div(lanes, 2 * LANES) * ceil_div(ceil_div(plan->c->map[0], 2), plan->strip);
    plan->laid = (2 * plan->strip + 2) * (2 * plan->columns + 2) * most(plan->ld, lanes) + LANES;
    plan->scratch = (plan->laid + 16 * count * (plan->ld + lanes)) * (ptrdiff_t)sizeof(real);
    return 16 * plan->ld * lanes;
}

static void INTERNAL(winograd_image)(const INTERNAL(weight_plan) *plan, ptrdiff_t i, ptrdiff_t group, ptrdiff_t first,
                                     ptrdiff_t channels, void *scratch, real *sums, conv_ahead *ahead)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t across = plan->columns, lanes_in = plan->ld, lanes = plan->run, zero = 0;
    const char *const x = (const char *)c->x + i * c->x_strides[0] + group * c->ci * c->x_strides[1];
    const char *const y = (const char *)c->y + i * c->y_strides[0] + (group * c->co + first) * c->y_strides[1];
    real *const laid = scratch, *const images = laid + plan->laid;
    for (ptrdiff_t top = 0; 2 * top < c->map[0]; top += plan->strip) {
        const ptrdiff_t down = least(plan->strip, ceil_div(c->map[0], 2) - top), count = down * across;
        real *const maps = images + 16 * count * lanes_in;
        INTERNAL(lay)
        (x, c->x_strides + 1, c->ci, c->image[0], c->image[1], 2 * top - c->padding[0], 2 * down + 2, -c->padding[1],
         2 * across + 2, laid, lanes_in);
        for (ptrdiff_t t = 0; t < count; t++)
            for (ptrdiff_t k = 0; k < lanes_in; k += LANES)
                INTERNAL(transform_image)
        (laid + (t / across * 2 * (2 * across + 2) + t % across * 2) * lanes_in + k, (2 * across + 2) * lanes_in, lanes_in,
         images + t * lanes_in + k, count * lanes_in);
        INTERNAL(lay)
        (y, c->y_strides + 1, channels, c->map[0], c->map[1], 2 * top, 2 * down, 0, 2 * across, laid, lanes);
        for (ptrdiff_t t = 0; t < count; t++)
            for (ptrdiff_t k = 0; k < lanes; k += LANES)
                INTERNAL(transform_map)
        (laid + (t / across * 4 * across + t % across * 2) * lanes + k, 2 * across * lanes, lanes, maps + t * lanes + k,
         count * lanes);
        const INTERNAL(conv_strides) s = {.segments = 1, .n = count, .offsets = &zero, .ra = 1, .ca = lanes_in,
                                          .rb = lanes, .ld = lanes, .accumulate = 1};
        for (int q = 0; q < 16; q++)
            for (ptrdiff_t j = 0; j < lanes; j += 2 * LANES) {
                conv_look_ahead(ahead);
                INTERNAL(add_rows)
                (&s, (c->ci + 1) / 2 * 2, lanes - j > LANES ? 2 : 1, images + q * count * lanes_in,
                 maps + q * count * lanes + j, sums + q * lanes_in * lanes + j);
            }
    }
}

/* One channel of the image, in one block of the map's. */
static void INTERNAL(winograd_finish)(const INTERNAL(weight_plan) *plan, ptrdiff_t k)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t in = k % c->ci, set = k / c->ci, first = set % plan->blocks * plan->block, lanes = plan->run;
    const ptrdiff_t channels = least(plan->block, c->co - first), group = set / plan->blocks;
    const vreal half = V(splat)((real)0.5);
    for (ptrdiff_t j = 0; j < channels; j += LANES) {
        const real *const total = plan->partial + set * plan->sums + in * lanes + j;
        vreal u[16], v[12];
        for (int q = 0; q < 16; q++) {
            u[q] = (vreal){0};
            for (ptrdiff_t part = 0; part < plan->parts; part++)
                u[q] += V(load)(total + part * plan->whole + q * plan->ld * lanes);
        }
        UNROLL
        for (int i = 0; i < 4; i++) {
            const vreal sum = (u[4 + i] + u[8 + i]) * half, difference = (u[4 + i] - u[8 + i]) * half;
            v[i] = u[i] + sum, v[4 + i] = difference, v[8 + i] = sum + u[12 + i];
        }
        for (int i = 0; i < 3; i++) {
            const vreal sum = (v[4 * i + 1] + v[4 * i + 2]) * half, difference = (v[4 * i + 1] - v[4 * i + 2]) * half;
            const vreal taps[3] = {v[4 * i] + sum, difference, sum + v[4 * i + 3]};
            for (int t = 0; t < 3; t++)
                for (ptrdiff_t l = 0; l < least(LANES, channels - j); l++)
                    INTERNAL(set_weight)(c, group * c->co + first + j + l, in, 3 * i + t, taps[t][l]);
        }
    }
}
