/* conv_problem.inc.c - what conv and conv_input have in common: a sum over channels and taps, from images of one size to
 * images of another. To conv_input with stride 1 the maps are images, and the taps are counted from the last one. */

#ifndef WG_CONV_PROBLEM
#define WG_CONV_PROBLEM
typedef struct {
    const wg_conv *c;
    int to_image; /* of conv_input */
    ptrdiff_t n, groups, ci, co;
    ptrdiff_t in[2], out[2], taps[2], stride[2], dilation[2], padding[2];
    const char *from;
    ptrdiff_t from_strides[4]; /* in bytes */
    void *to;                  /* dense */
    const void *w; /* strides in items: of a group, a channel of the result, one of the image, row, and tap */
    ptrdiff_t w_group, w_out, w_in, w_row, w_tap;
    const void *bias;
    int relu;
    const void *sizes; /* of the way that was chosen */
} conv_problem;

INLINE conv_problem conv_problem_of(const wg_conv *c, int to_image, ptrdiff_t item)
{
    conv_problem p = {.c = c, .to_image = to_image, .n = c->n, .groups = c->groups, .w = c->w};
    const ptrdiff_t taps = c->kernel[0] * c->kernel[1];
    p.bias = c->bias, p.relu = c->relu;
    p.w_group = c->co * c->ci * taps, p.w_out = c->ci * taps, p.w_in = taps, p.w_row = c->kernel[1], p.w_tap = 1;
    p.ci = c->ci, p.co = c->co, p.from = c->x, p.to = c->y;
    for (int d = 0; d < 2; d++) {
        p.in[d] = c->image[d], p.out[d] = c->map[d], p.taps[d] = c->kernel[d];
        p.stride[d] = c->stride[d], p.dilation[d] = c->dilation[d], p.padding[d] = c->padding[d];
    }
    memcpy(p.from_strides, c->x_strides, sizeof p.from_strides);
    if (!to_image)
        return p;
    p.ci = c->co, p.co = c->ci, p.from = c->y, p.to = c->x;
    p.w_out = taps, p.w_in = c->ci * taps, p.w_row = -c->kernel[1], p.w_tap = -1;
    p.w = (const char *)c->w + (taps - 1) * item;
    for (int d = 0; d < 2; d++) {
        p.in[d] = c->map[d], p.out[d] = c->image[d];
        p.padding[d] = (c->kernel[d] - 1) * c->dilation[d] - c->padding[d];
    }
    memcpy(p.from_strides, c->y_strides, sizeof p.from_strides);
    return p;
}

/* The channels of a result in whole vectors, of `lanes` items. */
INLINE ptrdiff_t conv_panels(const conv_problem *p, ptrdiff_t lanes)
{
    return ceil_div(p->co, lanes) * lanes;
}

INLINE int conv_is_one(const ptrdiff_t *pair)
{
    return pair[0] == 1 && pair[1] == 1;
}
#endif
