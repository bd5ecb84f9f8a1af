/* conv_weight.inc.c - the weights' gradient of a convolution, from images and maps.
 *
 *   conv_parts.inc.c    where windows meet the image; the division of work
 *   here                the direct way, which is right for every shape: an item of the result is the sum of products of
 *                       an image and a map, row by row, image by image
 *
 * Threads divide the channels of the result. */

#include "conv_parts.inc.c"

#ifndef WG_CONV_WEIGHT
#define WG_CONV_WEIGHT
enum { COST_CONV_WEIGHT_PRODUCT = 2 * 8 * COST_FLOP }; /* of the direct way */
#endif

/* ---------------------------------------------------------------- the direct way */

/* The sum of x[i * x_step] * y[i * y_step] over i < n; steps in bytes. */
static real INTERNAL(dot_row)(ptrdiff_t n, const char *x, ptrdiff_t x_step, const char *y, ptrdiff_t y_step)
{
    vreal sums = {0};
    for (ptrdiff_t i = 0; i < n; i += LANES, x += LANES * x_step, y += LANES * y_step) {
        const ptrdiff_t m = least(n - i, LANES);
        const vreal xs = x_step == sizeof(real) ? V(load_upto)((const real *)x, m) : V(load_strided)(x, x_step, m);
        const vreal ys = y_step == sizeof(real) ? V(load_upto)((const real *)y, m) : V(load_strided)(y, y_step, m);
        sums = V(fma)(xs, ys, sums);
    }
    return V(reduce_add)(sums);
}

/* One tap of one pair of channels: image by image, so that a sum over many of them stays exact. */
static real INTERNAL(direct_tap)(const wg_conv *c, ptrdiff_t in, ptrdiff_t out, ptrdiff_t kh, ptrdiff_t kw)
{
    const conv_reach rows = conv_reach_of(c, 0, kh), reach = conv_reach_of(c, 1, kw);
    const ptrdiff_t *const sx = c->x_strides, *const sy = c->y_strides;
    real sum = 0;
    for (ptrdiff_t i = 0; i < c->n && reach.first < reach.end; i++) {
        real of_image = 0;
        for (ptrdiff_t p = rows.first; p < rows.end; p++) {
            const char *const x = (const char *)c->x + i * sx[0] + in * sx[1] +
                                  (p * c->stride[0] + rows.offset) * sx[2] +
                                  (reach.first * c->stride[1] + reach.offset) * sx[3];
            const char *const y = (const char *)c->y + i * sy[0] + out * sy[1] + p * sy[2] + reach.first * sy[3];
            of_image += INTERNAL(dot_row)(reach.end - reach.first, x, c->stride[1] * sx[3], y, sy[3]);
        }
        sum += of_image;
    }
    return sum;
}

static void INTERNAL(direct_weights)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const conv_job *const job = context;
    const wg_conv *const c = job->c;
    for (ptrdiff_t k = job->first + begin; k < job->first + end; k++) {
        const ptrdiff_t out = k / c->ci, in = out / c->co * c->ci + k % c->ci;
        real *w = (real *)c->w + k * c->kernel[0] * c->kernel[1];
        for (ptrdiff_t kh = 0; kh < c->kernel[0]; kh++)
            for (ptrdiff_t kw = 0; kw < c->kernel[1]; kw++)
                *w++ = INTERNAL(direct_tap)(c, in, out, kh, kw);
    }
}

/* ---------------------------------------------------------------- the kernel */

static wg_status K(conv_weight)(const wg_conv *c)
{
    conv_job job = {.c = c};
    const double products = conv_products(c, c->n);
    return conv_run(&job, c->groups * c->co * c->ci, products * COST_CONV_WEIGHT_PRODUCT, INTERNAL(direct_weights));
}

#if REAL_BITS == 64
const wg_conv_weight_kernels TABLE(conv_weight) = {.conv_weight = BOTH(conv_weight)};
#endif
