/* conv_lanes.inc.c - convolution with channels as lanes: a strip of the image is laid with the channels of a place side by
 * side, and tiles of places by channels of the map are sums of outer products. Where the taps of one row of a kernel are
 * neighbours, they and all their channels are one run of memory. */

#ifndef WG_CONV_LANES
#define WG_CONV_LANES
enum {
    LANES_BYTES = 256 << 10, /* of a strip of the image: it stays in the second-level cache */
    LANES_PAIRS = 64,        /* products that an item is part of, for which rounding it pays */
};
#endif

typedef struct {
    ptrdiff_t ci, channels;   /* items of a place, and numbers before they are rounded to pairs */
    ptrdiff_t segments, run;  /* of a kernel: runs of memory, and their length */
    ptrdiff_t columns, strip; /* of what is laid: places in a row; rows of the map at once */
    ptrdiff_t laid, items;
    INTERNAL(round_fn) *round; /* if channels are taken in pairs of bfloat16 */
    INTERNAL(column_fn) *column;
} INTERNAL(lanes_sizes);

INLINE ptrdiff_t INTERNAL(lanes_rows)(const conv_problem *p, ptrdiff_t strip)
{
    return (strip - 1) * p->stride[0] + (p->taps[0] - 1) * p->dilation[0] + 1;
}

static INTERNAL(lanes_sizes) INTERNAL(lanes_sizes_of)(const conv_problem *p)
{
    const int apart = p->dilation[1] > 1 && p->taps[1] > 1;
    INTERNAL(lanes_sizes) s = {
        .ci = p->ci, .column = INTERNAL(conv_column), .segments = p->taps[0] * (apart ? p->taps[1] : 1)};
#ifdef PAIRS_TARGET
    const int wanted = pairs_wanted();
    if (wanted & WG_MEDIUM_ALWAYS || (wanted && p->co * p->taps[0] * p->taps[1] >= LANES_PAIRS))
        s.ci = ceil_div(p->ci, 2), s.round = round_pairs, s.column = pair_column;
#endif
    s.channels = s.round ? 2 * s.ci : s.ci;
    s.run = s.ci * (apart ? 1 : p->taps[1]);
    s.columns = (p->out[1] - 1) * p->stride[1] + (p->taps[1] - 1) * p->dilation[1] + 1;
    const ptrdiff_t row = s.columns * p->ci, most_rows = LANES_BYTES / (ptrdiff_t)sizeof(real) / row;
    s.strip = most(1, least(p->out[0], (most_rows - INTERNAL(lanes_rows)(p, 1)) / p->stride[0] + 1));
    s.laid = (INTERNAL(lanes_rows)(p, s.strip) * s.columns + CONV_ROWS * p->stride[1]) * (p->ci + 1) + LANES;
    s.items = s.laid + (s.strip * p->out[1] + most(CONV_ROWS, LANES)) * 2 * LANES;
    return s;
}

/* For the tasks: where segments begin, and the weights of all groups, by panels of two vectors. */
static void INTERNAL(lanes_pack)(const conv_problem *p, void *packed)
{
    const INTERNAL(lanes_sizes) *const s = p->sizes;
    const ptrdiff_t across = s->segments / p->taps[0]; /* segments for one row of taps */
    ptrdiff_t *const offsets = packed;
    real *to = (real *)(offsets + s->segments);
    for (ptrdiff_t i = 0; i < s->segments; i++)
        offsets[i] = (i / across * p->dilation[0] * s->columns + i % across * p->dilation[1]) * s->ci;
    for (ptrdiff_t group = 0; group < p->groups; group++)
        for (ptrdiff_t j = 0; j < p->co; j += 2 * LANES) {
            const ptrdiff_t width = p->co - j > LANES ? 2 * LANES : LANES, taps = p->taps[0] * p->taps[1];
            real *const panel = to;
            for (ptrdiff_t t = 0; t < taps; t++)
                for (ptrdiff_t k = 0; k < s->channels; k++, to += width) {
                    const real *const corner = (const real *)p->w + group * p->w_group + j * p->w_out + k * p->w_in +
                                               t / p->taps[1] * p->w_row + t % p->taps[1] * p->w_tap;
                    for (ptrdiff_t v = 0; v < width; v += LANES)
                        V(store)(to + v, INTERNAL(strided)((const char *)(corner + v * p->w_out),
                                                           p->w_out * (ptrdiff_t)sizeof(real),
                                                           k < p->ci ? least(LANES, p->co - j - v) : 0));
                }
            if (s->round) {
                s->round(panel, panel, width, taps * s->channels, width);
                to = panel + taps * s->ci * width;
            }
        }
}

static int INTERNAL(lanes_image)(const conv_problem *p, const void *packed, ptrdiff_t i, ptrdiff_t group, real *scratch)
{
    const INTERNAL(lanes_sizes) *const s = p->sizes;
    const ptrdiff_t taps = s->segments * s->run, plane = p->out[0] * p->out[1];
    const ptrdiff_t all = conv_panels(p, LANES) * taps;
    const char *const from = p->from + i * p->from_strides[0] + group * p->ci * p->from_strides[1];
    real *const to = (real *)p->to + (i * p->groups + group) * p->co * plane, *const places = scratch + s->laid;
    const real *const bias = p->bias ? (const real *)p->bias + group * p->co : NULL;
    INTERNAL(conv_strides) strides = {.segments = s->segments, .n = s->run, .ra = p->stride[1] * s->ci, .ca = 1};
    strides.offsets = packed;
    vreal odd = {0};
    for (ptrdiff_t top = 0; top < p->out[0]; top += s->strip) {
        const ptrdiff_t rows = least(s->strip, p->out[0] - top);
        INTERNAL(lay)
        (from, p->from_strides + 1, p->ci, p->in[0], p->in[1], top * p->stride[0] - p->padding[0],
         INTERNAL(lanes_rows)(p, rows), -p->padding[1], s->columns, scratch, s->channels);
        if (s->round)
            s->round(scratch, scratch, 1, INTERNAL(lanes_rows)(p, rows) * s->columns * s->channels, 1);
        const real *w = (const real *)(strides.offsets + s->segments) + group * all;
        for (ptrdiff_t j = 0; j < p->co; j += 2 * LANES) {
            const ptrdiff_t channels = least(2 * LANES, p->co - j), width = channels > LANES ? 2 * LANES : LANES;
            strides.rb = strides.ld = width, strides.sb = s->run * width;
            for (ptrdiff_t y = 0; y < rows; y++)
                s->column(&strides, p->out[1], (int)(width / LANES), scratch + y * p->stride[0] * s->columns * s->ci, w,
                          places + y * p->out[1] * width);
            odd += INTERNAL(unlay)(rows * p->out[1], channels, places, width, to + j * plane + top * p->out[1], plane,
                                   bias ? bias + j : NULL, p->relu);
            w += taps * width;
        }
    }
    return V(any)(odd != odd);
}
