/* conv.inc.c - convolution: a map from an image and weights, and an image from a map and weights.
 *
 *   conv_parts.inc.c      where windows meet the image; the division of work
 *   conv_problem.inc.c    both kernels as one problem
 *   conv_direct.inc.c     the ways: for every shape;
 *   conv_winograd.inc.c   3 x 3 taps and many channels;
 *   conv_lanes.inc.c      many channels, which are lanes;
 *   conv_pixels.inc.c     few channels: places are lanes;
 *   conv_scatter.inc.c    images from maps, where windows leave room between them;
 *   here                  the choice among them, from shapes alone
 *
 * Threads divide images and groups. An image whose result is not finite is computed again the direct way: the others
 * multiply padding, and Winograd's subtracts infinities. */

#include "conv_parts.inc.c"
#include "conv_problem.inc.c"

#include "conv_direct.inc.c"

#define WG_CONV_TILES_HERE
#include "conv_copy.inc.c"
#include "conv_tile.inc.c"
#undef WG_CONV_TILES_HERE

#include "conv_lanes.inc.c"
#include "conv_scatter.inc.c"
/* Without fused multiply-add, which is to say on processors of long ago, channels do as lanes whatever the shape. */
#if FUSED
#include "conv_pixels.inc.c"
#if REAL_BITS == 32
#include "conv_winograd.inc.c"
#endif
#endif

#ifndef WG_CONV
#define WG_CONV
enum {
    CONV_MOST_BYTES = 64 << 20,     /* of scratch memory for one image: larger ones are computed directly */
    CONV_LANES_CHANNELS = 4,        /* fewer channels of the image do not fill a run of memory */
    CONV_WINOGRAD_CHANNELS = 16,    /* fewer do not pay for transforming */
    CONV_WINOGRAD_PLACES = 6,       /* nor do smaller maps */
    CONV_WINOGRAD_IMAGES = 4 * 196, /* nor fewer places of all images for transforming the kernels */
};
#endif

/* ---------------------------------------------------------------- the choice */

typedef int INTERNAL(image_fn)(const conv_problem *p, const void *packed, ptrdiff_t i, ptrdiff_t group, real *scratch);

/* A way, and the memory that it needs. */
typedef struct {
    conv_problem *p;
    INTERNAL(image_fn) *image;
    void (*pack)(const conv_problem *p, void *packed);
    size_t packed_bytes, scratch_bytes;
    void *packed;
    union {
        INTERNAL(lanes_sizes) lanes;
        INTERNAL(scatter_sizes) scatter;
#if FUSED
        INTERNAL(pixels_sizes) pixels;
#if REAL_BITS == 32
        INTERNAL(winograd_sizes) winograd;
#endif
#endif
    } sizes;
} INTERNAL(conv_plan);

/* For a plan, that which a way is about to need. */
static void INTERNAL(take_lanes)(INTERNAL(conv_plan) *plan, conv_problem *p)
{
    const INTERNAL(lanes_sizes) s = plan->sizes.lanes = INTERNAL(lanes_sizes_of)(p);
    plan->image = INTERNAL(lanes_image), plan->pack = INTERNAL(lanes_pack);
    plan->scratch_bytes = (size_t)s.items * sizeof(real);
    plan->packed_bytes =
        (size_t)s.segments * sizeof(ptrdiff_t) +
        (size_t)(p->groups * conv_panels(p, LANES) * s.segments * s.run) * sizeof(real) * (s.round ? 2 : 1);
}

#if FUSED
static void INTERNAL(take_pixels)(INTERNAL(conv_plan) *plan, conv_problem *p)
{
    const INTERNAL(pixels_sizes) s = plan->sizes.pixels = INTERNAL(pixels_sizes_of)(p);
    const ptrdiff_t all = p->ci * p->taps[0] * p->taps[1];
    plan->image = INTERNAL(pixels_image), plan->pack = INTERNAL(pixels_pack);
    plan->scratch_bytes = (size_t)s.items * sizeof(real);
    plan->packed_bytes = (size_t)all * sizeof(ptrdiff_t) + (size_t)s.vectors * sizeof(conv_vector) +
                         (size_t)(p->groups * p->co * all) * sizeof(real);
}

/* Whether places make better lanes than channels: by the lanes that are used, and what else the tiles cost. */
INLINE int INTERNAL(is_pixels)(const conv_problem *p)
{
    const double used = (double)p->co / (double)conv_panels(p, LANES);
    const double of_places = (double)p->out[1] / (double)(ceil_div(p->out[1], LANES) * LANES);
    return p->ci < CONV_LANES_CHANNELS || used * 1.5 <= of_places;
}
#endif

#if FUSED && REAL_BITS == 32
static void INTERNAL(take_winograd)(INTERNAL(conv_plan) *plan, conv_problem *p)
{
    plan->sizes.winograd = INTERNAL(winograd_sizes_of)(p);
    plan->image = INTERNAL(winograd_image), plan->pack = INTERNAL(winograd_pack);
    plan->scratch_bytes = (size_t)plan->sizes.winograd.items * sizeof(real);
    plan->packed_bytes = (size_t)(p->groups * conv_panels(p, LANES) * 16 * p->ci) * sizeof(real);
}

INLINE int INTERNAL(is_winograd)(const conv_problem *p)
{
    return p->taps[0] == 3 && p->taps[1] == 3 && conv_is_one(p->stride) && conv_is_one(p->dilation) &&
           least(p->ci, p->co) >= CONV_WINOGRAD_CHANNELS && least(p->out[0], p->out[1]) >= CONV_WINOGRAD_PLACES &&
           (double)p->n * (double)p->out[0] * (double)p->out[1] >= CONV_WINOGRAD_IMAGES;
}
#endif

static void INTERNAL(take_scatter)(INTERNAL(conv_plan) *plan, conv_problem *p)
{
    plan->sizes.scatter = INTERNAL(scatter_sizes_of)(p->c);
    plan->image = INTERNAL(scatter_image), plan->pack = INTERNAL(scatter_pack);
    plan->packed_bytes = (size_t)(p->taps[0] + p->taps[1]) * sizeof(conv_sort);
    plan->scratch_bytes = (size_t)plan->sizes.scatter.items * sizeof(real);
}

/* Whether places of the image that no window fills, or padding around the map, would take more than a matrix product does. */
INLINE int INTERNAL(is_scatter)(const conv_problem *p)
{
    return p->to_image &&
           (!conv_is_one(p->stride) || (double)(p->out[0] * p->out[1]) > 1.3 * (double)(p->in[0] * p->in[1]));
}

/* Choose from the shapes: without a way it is the direct one. */
static void INTERNAL(choose)(INTERNAL(conv_plan) *plan)
{
    conv_problem *const p = plan->p;
    const double taps = (double)p->taps[0] * (double)p->taps[1], most_items = CONV_MOST_BYTES / (double)sizeof(real);
    const double out = (double)p->out[0] * (double)p->out[1], in = (double)p->in[0] * (double)p->in[1];
    const double kernel = (double)p->groups * (double)p->ci * (double)(p->co + 2 * LANES) * taps;
    const double high = (double)(p->taps[0] - 1) * (double)p->dilation[0] + (double)p->stride[0] + 1;
    const double wide =
        (double)(p->taps[1] - 1) * (double)p->dilation[1] + (double)(p->out[1] + 1) * (double)p->stride[1];
    p->sizes = &plan->sizes;
    if (!p->n || !p->ci || !p->co || taps * in * out == 0)
        return;
    if (INTERNAL(is_scatter)(p)) {
        if (p->stride[1] <= p->out[1] && (taps + (double)p->ci) * in <= most_items && out <= most_items)
            INTERNAL(take_scatter)(plan, p);
        return;
    }
    if (kernel > 4 * most_items || high * wide * (double)p->ci > most_items ||
        (double)p->out[1] * 2 * (double)LANES > most_items)
        return;
#if FUSED && REAL_BITS == 32
    if (INTERNAL(is_winograd)(p)) {
        INTERNAL(take_winograd)(plan, p);
        return;
    }
#endif
#if FUSED
    if (INTERNAL(is_pixels)(p)) {
        INTERNAL(take_pixels)(plan, p);
        return;
    }
#endif
    INTERNAL(take_lanes)(plan, p);
}

/* ---------------------------------------------------------------- the kernels */

static void INTERNAL(run_images)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const conv_job *const job = context;
    const INTERNAL(conv_plan) *const plan = job->more;
    const conv_problem *const p = plan->p;
    real *const scratch = wg_buffer_acquire(plan->scratch_bytes);
    for (ptrdiff_t k = job->first + begin; k < job->first + end; k++) {
        const ptrdiff_t i = k / p->groups, group = k % p->groups;
        if (!scratch || plan->image(p, plan->packed, i, group, scratch))
            for (ptrdiff_t o = 0; o < p->co; o++)
                INTERNAL(direct_plane)(p->c, i, group * p->co + o, p->to_image);
    }
    if (scratch)
        wg_buffer_release(scratch);
}

static wg_status INTERNAL(convolve)(const wg_conv *c, int to_image)
{
    conv_problem p = conv_problem_of(c, to_image, sizeof(real));
    INTERNAL(conv_plan) plan = {.p = &p};
    conv_job job = {.c = c, .more = &plan};
    INTERNAL(choose)(&plan);
    if (plan.packed_bytes && !(plan.packed = wg_buffer_acquire(plan.packed_bytes)))
        return WG_NO_MEMORY;
    const double products = conv_products(c, p.ci);
    if (!plan.image)
        return conv_run(&job, p.n * p.groups * p.co, products * COST_CONV_PRODUCT,
                        to_image ? INTERNAL(direct_images) : INTERNAL(direct_maps));
    plan.pack(&p, plan.packed);
    const wg_status status = conv_run(
        &job, p.n * p.groups, 2 * products * (double)p.co * COST_FLOP * 16 / (double)LANES, INTERNAL(run_images));
    wg_buffer_release(plan.packed);
    return status;
}

static wg_status K(conv)(const wg_conv *c)
{
    return INTERNAL(convolve)(c, 0);
}

static wg_status K(conv_input)(const wg_conv *c)
{
    return INTERNAL(convolve)(c, 1);
}

#if REAL_BITS == 64
const wg_conv_kernels TABLE(conv) = {.conv = BOTH(conv), .conv_input = BOTH(conv_input)};
#endif
