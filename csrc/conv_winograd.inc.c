/* conv_winograd.inc.c - convolution of 3 x 3 taps with stride 1 by Winograd's F(2 x 2, 3 x 3): 16 products for every four
 * items of a map, where the sum takes 36.
 *
 * A window of 4 x 4 places becomes B' d B, a kernel G k G', and their products, summed over the channels, A' m A: four items.
 * Each of the 16 sums is a matrix product, over the windows of a strip of the image:
 *
 *   B' = 1  0 -1  0    G = 1    0    0      A' = 1  1  1  0
 *        0  1  1  0        1/2  1/2  1/2         0  1 -1 -1
 *        0 -1  1  0        1/2 -1/2  1/2
 *        0  1  0 -1        0    0    1
 */

#ifndef WG_CONV_WINOGRAD
#define WG_CONV_WINOGRAD
enum {
    WINOGRAD_BYTES = 512 << 10
}; /* of windows and products: they stay in the second-level cache beside the kernels */
#endif

INLINE void INTERNAL(winograd_window)(vreal *d, const int step)
{
    const vreal a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
    d[0] = a - c, d[step] = b + c, d[2 * step] = c - b, d[3 * step] = b - e;
}

/* `windows` of a row, from rows of places of `ld` items, LANES of which are taken; `plane` items apart are the 16 sorts. */
static void INTERNAL(winograd_in)(ptrdiff_t windows, ptrdiff_t lanes, const real *from, ptrdiff_t row, ptrdiff_t ld,
                                  real *to, ptrdiff_t plane)
{
    for (ptrdiff_t t = 0; t < windows; t++)
        for (ptrdiff_t k = 0; k < lanes; k += LANES) {
            vreal d[16];
    UNROLL
            for (int i = 0; i < 16; i++)
                d[i] = V(load)(from + i / 4 * row + (2 * t + i % 4) * ld + k);
            UNROLL
            for (int i = 0; i < 4; i++)
                INTERNAL(winograd_window)(d + i, 4);
            UNROLL
            for (int i = 0; i < 4; i++)
                INTERNAL(winograd_window)(d + 4 * i, 1);
            UNROLL
            for (int i = 0; i < 16; i++)
                V(store)(to + i * plane + t * ld + k, d[i]);
        }
}

/* Four items of a map for each window of a row of them, in two rows of places. */
static void INTERNAL(winograd_out)(ptrdiff_t windows, ptrdiff_t lanes, const real *from, ptrdiff_t plane, real *to,
                                   ptrdiff_t row)
{
    for (ptrdiff_t t = 0; t < windows; t++)
        for (ptrdiff_t k = 0; k < lanes; k += LANES) {
            vreal m[16], r[8];
            UNROLL
            for (int i = 0; i < 16; i++)
                m[i] = V(load)(from + i * plane + t * lanes + k);
            UNROLL
            for (int i = 0; i < 4; i++) {
                r[i] = m[i] + m[4 + i] + m[8 + i];
                r[4 + i] = m[4 + i] - m[8 + i] - m[12 + i];
            }
            UNROLL
            for (int i = 0; i < 2; i++) {
                real *const place = to + i * row + 2 * t * lanes + k;
                V(store)(place, r[4 * i] + r[4 * i + 1] + r[4 * i + 2]);
                V(store)(place + lanes, r[4 * i + 1] - r[4 * i + 2] - r[4 * i + 3]);
            }
        }
}

/* The kernels of a group, transformed, by panels of two vectors: (panel, sort, channel, lane). */
static real *INTERNAL(winograd_kernels)(const conv_problem *p, const real *w, real *to)
{
    for (ptrdiff_t j = 0; j < p->co; j += 2 * LANES) {
        const ptrdiff_t width = p->co - j > LANES ? 2 * LANES : LANES;
        for (ptrdiff_t k = 0; k < p->ci; k++)
            for (ptrdiff_t v = 0; v < width; v += LANES) {
                vreal g[9], u[12];
                const real *const corner = w + (j + v) * p->w_out + k * p->w_in;
                UNROLL
                for (int i = 0; i < 9; i++)
                    g[i] = INTERNAL(strided)((const char *)(corner + i / 3 * p->w_row + i % 3 * p->w_tap),
                                           p->w_out * (ptrdiff_t)sizeof(real), least(LANES, p->co - j - v));
                const vreal half = V(splat)((real)0.5);
                UNROLL
                for (int i = 0; i < 3; i++) {
                    const vreal ends = (g[i] + g[6 + i]) * half, middle = g[3 + i] * half;
                    u[i] = g[i], u[3 + i] = ends + middle, u[6 + i] = ends - middle, u[9 + i] = g[6 + i];
                }
                UNROLL
                for (int i = 0; i < 4; i++) {
                    const vreal ends = (u[3 * i] + u[3 * i + 2]) * half, middle = u[3 * i + 1] * half;
                    const vreal sorts[4] = {u[3 * i], ends + middle, ends - middle, u[3 * i + 2]};
                    UNROLL
                    for (int q = 0; q < 4; q++)
                        V(store)(to + ((4 * i + q) * p->ci + k) * width + v, sorts[q]);
                }
            }
        to += 16 * p->ci * width;
    }
    return to;
}

static void INTERNAL(winograd_pack)(const conv_problem *p, void *packed)
{
    for (ptrdiff_t group = 0; group < p->groups; group++)
        packed = INTERNAL(winograd_kernels)(p, (const real *)p->w + group * p->w_group, packed);
}

/* What an image takes: strips of rows of windows, and the memory for one. */
typedef struct {
    ptrdiff_t across, down, strip; /* windows in a row, rows of windows, and those of them in a strip */
    ptrdiff_t lanes;               /* channels of the image, up to whole vectors */
    ptrdiff_t laid, windows, products, items;
} INTERNAL(winograd_sizes);

static INTERNAL(winograd_sizes) INTERNAL(winograd_sizes_of)(const conv_problem *p)
{
    INTERNAL(winograd_sizes) s = {.across = ceil_div(p->out[1], 2), .down = ceil_div(p->out[0], 2)};
    s.lanes = ceil_div(p->ci, LANES) * LANES;
    const ptrdiff_t row = 16 * s.across * (s.lanes + 2 * LANES);
    s.strip = most(1, least(s.down, WINOGRAD_BYTES / (ptrdiff_t)sizeof(real) / row));
    const ptrdiff_t count = s.strip * s.across;
    s.laid = (2 * s.strip + 2) * (2 * s.across + 2) * s.lanes + LANES;
    s.windows = (16 * count + CONV_ROWS) * s.lanes;
    s.products = (16 * count + CONV_ROWS) * 2 * LANES;
    s.items = s.laid + s.windows + s.products + (4 * count + LANES) * 2 * LANES;
    return s;
}

/* A strip of rows of windows from row `top` of the map on, and its memory. */
typedef struct {
    const conv_problem *p;
    const INTERNAL(winograd_sizes) *s;
    ptrdiff_t top, down;
    real *windows, *products, *places;
} INTERNAL(winograd_strip);

/* One panel of a strip's maps: the 16 products, and the way out. Meanwhile it asks for a part of the next image. */
static vreal INTERNAL(winograd_panel)(const INTERNAL(winograd_strip) *strip, const real *kernels, ptrdiff_t channels,
                                      real *to, const real *bias, const char *ahead, ptrdiff_t bytes)
{
    const conv_problem *const p = strip->p;
    const INTERNAL(winograd_sizes) *const s = strip->s;
    const ptrdiff_t width = channels > LANES ? 2 * LANES : LANES, count = strip->down * s->across, zero = 0;
    const ptrdiff_t plane = p->out[0] * p->out[1], row = 2 * s->across * width;
    const INTERNAL(conv_strides)
        strides = {.segments = 1, .n = p->ci, .offsets = &zero, .ra = s->lanes, .ca = 1, .rb = width, .ld = width};
    for (int q = 0; q < 16; q++) {
        for (ptrdiff_t i = q * bytes / 16; i < (q + 1) * bytes / 16; i += WG_ALIGNMENT)
            PREFETCH(ahead + i);
        INTERNAL(conv_column)
        (&strides, count, (int)(width / LANES), strip->windows + q * count * s->lanes, kernels + q * p->ci * width,
         strip->products + q * count * width);
    }
    for (ptrdiff_t i = 0; i < strip->down; i++)
        INTERNAL(winograd_out)
        (s->across, width, strip->products + i * s->across * width, count * width, strip->places + 2 * i * row, row);
    const ptrdiff_t rows = least(2 * strip->down, p->out[0] - strip->top);
    to += strip->top * p->out[1];
    if (p->out[1] == 2 * s->across)
        return INTERNAL(unlay)(rows * p->out[1], channels, strip->places, width, to, plane, bias, p->relu);
    vreal odd = {0};
    for (ptrdiff_t i = 0; i < rows; i++)
        odd += INTERNAL(unlay)(p->out[1], channels, strip->places + i * row, width, to + i * p->out[1], plane, bias,
                               p->relu);
    return odd;
}

static int INTERNAL(winograd_image)(const conv_problem *p, const void *packed, ptrdiff_t i, ptrdiff_t group, real *scratch)
{
    const INTERNAL(winograd_sizes) *const s = p->sizes;
    INTERNAL(winograd_strip) strip = {.p = p, .s = s, .windows = scratch + s->laid};
    strip.products = strip.windows + s->windows, strip.places = strip.products + s->products;
    const char *const from = p->from + i * p->from_strides[0] + group * p->ci * p->from_strides[1];
    const ptrdiff_t plane = p->out[0] * p->out[1], columns = 2 * s->across + 2;
    const ptrdiff_t bytes = p->ci * p->in[0] * p->in[1] * (ptrdiff_t)sizeof(real);
    const ptrdiff_t share = bytes > WINOGRAD_BYTES / 2 ? 0 : bytes / ceil_div(p->co, 2 * LANES);
    real *const to = (real *)p->to + (i * p->groups + group) * p->co * plane;
    const real *const bias = p->bias ? (const real *)p->bias + group * p->co : NULL;
    vreal odd = {0};
    for (ptrdiff_t t = 0; t < s->down; t += s->strip) {
        strip.top = 2 * t, strip.down = least(s->strip, s->down - t);
        INTERNAL(lay)
        (from, p->from_strides + 1, p->ci, p->in[0], p->in[1], strip.top - p->padding[0], 2 * strip.down + 2,
         -p->padding[1], columns, scratch, s->lanes);
        for (ptrdiff_t k = 0; k < strip.down; k++)
            INTERNAL(winograd_in)
            (s->across, s->lanes, scratch + 2 * k * columns * s->lanes, columns * s->lanes, s->lanes,
             strip.windows + k * s->across * s->lanes, strip.down * s->across * s->lanes);
        const real *kernels = (const real *)packed + group * conv_panels(p, LANES) * 16 * p->ci;
        const char *ahead = from + p->from_strides[0];
        for (ptrdiff_t j = 0; j < p->co; j += 2 * LANES, ahead += share) {
            const ptrdiff_t channels = least(2 * LANES, p->co - j);
            odd += INTERNAL(winograd_panel)(&strip, kernels, channels, to + j * plane, bias ? bias + j : NULL, ahead,
                                            t ? 0 : share);
            kernels += 16 * p->ci * (channels > LANES ? 2 * LANES : LANES);
        }
    }
    return V(any)(odd != odd);
}
