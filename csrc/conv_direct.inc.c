/* conv_direct.inc.c - convolution the direct way, which is right for every shape: a plane of the result is kept in its place,
 * and for every tap one plane of the operand, times a weight, is added to it. What the other ways find to be infinite or
 * NaN is computed again by this one. */

#ifndef WG_CONV_DIRECT
#define WG_CONV_DIRECT
enum { COST_CONV_PRODUCT = 2 * 8 * COST_FLOP };
#endif

/* to[i * to_step] += factor * from[i * from_step] for i < n; steps in bytes. */
static void INTERNAL(add_row)(ptrdiff_t n, real factor, const char *from, ptrdiff_t from_step, char *to,
                              ptrdiff_t to_step)
{
    const vreal f = V(splat)(factor);
    const int dense = from_step == sizeof(real) && to_step == sizeof(real);
    for (ptrdiff_t i = 0; i < n; i += LANES, from += LANES * from_step, to += LANES * to_step) {
        const ptrdiff_t m = least(n - i, LANES);
        if (dense) {
            V(store_upto)((real *)to, m, V(fma)(f, V(load_upto)((const real *)from, m), V(load_upto)((real *)to, m)));
        } else {
            const vreal x = INTERNAL(strided)(from, from_step, m);
            V(store_strided)(to, to_step, m, V(fma)(f, x, INTERNAL(strided)(to, to_step, m)));
        }
    }
}

/* One plane as it is read or written: bytes between rows and between items. */
typedef struct {
    char *at;
    ptrdiff_t row, item;
} INTERNAL(plane);

/* Add to a plane of the map what one plane of the image and one kernel give, or the other way around. */
static void INTERNAL(add_plane)(const wg_conv *c, const real *w, INTERNAL(plane) image, INTERNAL(plane) map,
                                int to_image)
{
    const ptrdiff_t step = c->stride[1] * image.item;
    for (ptrdiff_t kh = 0; kh < c->kernel[0]; kh++) {
        const conv_reach rows = conv_reach_of(c, 0, kh);
        for (ptrdiff_t kw = 0; kw < c->kernel[1]; kw++) {
            const conv_reach reach = conv_reach_of(c, 1, kw);
            const real factor = w[kh * c->kernel[1] + kw];
            for (ptrdiff_t p = rows.first; p < rows.end && reach.first < reach.end; p++) {
                char *const x = image.at + (p * c->stride[0] + rows.offset) * image.row +
                                (reach.first * c->stride[1] + reach.offset) * image.item;
                char *const y = map.at + p * map.row + reach.first * map.item;
                const ptrdiff_t n = reach.end - reach.first;
                if (to_image)
                    INTERNAL(add_row)(n, factor, y, map.item, x, step);
                else
                    INTERNAL(add_row)(n, factor, x, step, y, map.item);
            }
        }
    }
}

/* Add the bias to a dense plane, and take its negative items away. */
static void INTERNAL(finish_plane)(real *plane, ptrdiff_t n, const real *bias, int relu)
{
    for (ptrdiff_t i = 0; i < n && (bias || relu); i += LANES) {
        vreal x = V(load_upto)(plane + i, n - i);
        if (bias)
            x += V(splat)(*bias);
        V(store_upto)(plane + i, n - i, relu ? V(max)(x, V(splat)(0)) : x);
    }
}

/* Plane `channel` of image i: of x, which is read or, dense, written; and likewise of y. */
static INTERNAL(plane) INTERNAL(plane_at)(const char *base, const ptrdiff_t *strides, ptrdiff_t i, ptrdiff_t channel)
{
    return (INTERNAL(plane)){(char *)base + i * strides[0] + channel * strides[1], strides[2], strides[3]};
}

static void INTERNAL(direct_plane)(const wg_conv *c, ptrdiff_t i, ptrdiff_t channel, int to_image)
{
    const ptrdiff_t to = to_image ? c->ci : c->co, from = to_image ? c->co : c->ci, group = channel / to;
    const ptrdiff_t taps = c->kernel[0] * c->kernel[1];
    const ptrdiff_t *const size = to_image ? c->image : c->map;
    INTERNAL(plane) result =
        INTERNAL(plane_at)(to_image ? c->x : c->y, to_image ? c->x_strides : c->y_strides, i, channel);
    memset(result.at, 0, (size_t)(size[0] * size[1]) * sizeof(real));
    for (ptrdiff_t k = 0; k < from; k++) {
        const ptrdiff_t out = to_image ? group * c->co + k : channel, in = to_image ? channel - group * c->ci : k;
        const real *const w = (const real *)c->w + (out * c->ci + in) * taps;
        if (to_image)
            INTERNAL(add_plane)(c, w, result, INTERNAL(plane_at)(c->y, c->y_strides, i, out), 1);
        else
            INTERNAL(add_plane)(c, w, INTERNAL(plane_at)(c->x, c->x_strides, i, group * c->ci + k), result, 0);
    }
    INTERNAL(finish_plane)((real *)result.at, size[0] * size[1], c->bias ? (const real *)c->bias + channel : NULL,
                           c->relu);
}

static void INTERNAL(direct_maps)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const conv_job *const job = context;
    const ptrdiff_t channels = job->c->groups * job->c->co;
    for (ptrdiff_t k = job->first + begin; k < job->first + end; k++)
        INTERNAL(direct_plane)(job->c, k / channels, k % channels, 0);
}

static void INTERNAL(direct_images)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const conv_job *const job = context;
    const ptrdiff_t channels = job->c->groups * job->c->ci;
    for (ptrdiff_t k = job->first + begin; k < job->first + end; k++)
        INTERNAL(direct_plane)(job->c, k / channels, k % channels, 1);
}
