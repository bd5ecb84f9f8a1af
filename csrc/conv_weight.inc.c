/* conv_weight.inc.c - the weights' gradient of a convolution, from images and maps.
 *
 *   conv_parts.inc.c             where windows meet the image; the division of work
 *   conv_copy.inc.c, conv_tile.inc.c   as in conv.inc.c
 *   here                         the direct way, which is right for every shape: an item of the result is the sum of
 *                                products of an image and a map, row by row, image by image
 *   conv_weight_winograd.inc.c   3 x 3 taps and many channels;
 *   conv_weight_lanes.inc.c      channels of the image are lanes;
 *   conv_weight_pixels.inc.c     few of them: places are lanes
 *   here                         the choice among the ways, from shapes alone, and the sums of what they give
 *
 * Images are divided into parts, and the channels of a map into blocks, by the shapes alone. Threads take parts and blocks,
 * each of which is summed up in memory of its own, image by image; the parts are added in their order. Items of the result
 * that are not finite are computed again the direct way: the others multiply padding, and Winograd's subtracts infinities. */

#include "conv_parts.inc.c"

#include "conv_copy.inc.c"
#include "conv_tile.inc.c"

#ifndef WG_CONV_WEIGHT
#define WG_CONV_WEIGHT
enum {
    COST_CONV_WEIGHT_PRODUCT = 2 * 8 * COST_FLOP,    /* of the direct way */
    WEIGHT_TASKS = 32,                               /* how many parts and blocks are wanted */
    WEIGHT_BLOCK = 28,                               /* the fewest channels of a map in a block */
    WEIGHT_PART_PICOSECONDS = 4 * CHUNK_PICOSECONDS, /* the least work of a part */
    WEIGHT_PASSES_PER_SECOND = 10,                   /* over images, between which Ctrl-C is asked for, at most */
    WEIGHT_PARTS_BYTES = 8 << 20,                    /* of all parts, unless there is one */
    WEIGHT_STRIP_BYTES = 256 << 10,                  /* of a strip of the image: it stays in the second-level cache */
    WEIGHT_WINDOW_BYTES = 512 << 10,                 /* of a strip's windows, likewise, beside the sums */
    WEIGHT_MOST_BYTES = 256 << 20, /* of sums and scratch memory: what takes more is computed directly */
    WEIGHT_PAIRS = 16,             /* channels of a map, or taps' channels: fewer do not pay for rounding */
    WEIGHT_LANES_CHANNELS = 4,     /* fewer channels of the image do not fill a run of memory */
    WEIGHT_WINOGRAD_CHANNELS = 16, /* fewer do not pay for transforming */
    WEIGHT_WINOGRAD_PLACES = 8,    /* nor do smaller maps */
};
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

/* ---------------------------------------------------------------- what the other ways share */

#ifndef WG_CONV_WEIGHT_AHEAD
#define WG_CONV_WEIGHT_AHEAD
/* The next image and map, where they are dense. They come to the cache while this image is computed: the many planes that are
 * read side by side are more than the processor foresees. */
typedef struct {
    const char *at[2], *end[2];
    ptrdiff_t step; /* bytes at once */
} conv_ahead;

INLINE void conv_look_ahead(conv_ahead *a)
{
    for (int k = 0; k < 2; k++) {
        const char *const end = a->end[k] - a->at[k] > a->step ? a->at[k] + a->step : a->end[k];
        for (; a->at[k] < end; a->at[k] += 64)
            __builtin_prefetch(a->at[k], 0, 2);
    }
}
#endif

typedef struct INTERNAL(weight_plan) {
    const wg_conv *c;
    /* What an image adds to the sums of `channels` of a group's maps from `first` on, and what is made of the sums in the end:
     * item k of `finishes`. */
    void (*image)(const struct INTERNAL(weight_plan) *plan, ptrdiff_t i, ptrdiff_t group, ptrdiff_t first,
                  ptrdiff_t channels, void *scratch, real *sums, conv_ahead *ahead);
    void (*finish)(const struct INTERNAL(weight_plan) *plan, ptrdiff_t k);
    void (*tabulate)(const struct INTERNAL(weight_plan) *plan);
    ptrdiff_t finishes;
    ptrdiff_t parts, images, blocks, block; /* how many, and of how many images and channels */
    ptrdiff_t spans, span;                  /* of groups: how many, and of how many */
    ptrdiff_t from, to;                     /* the images of each part that are taken next */
    ptrdiff_t sums, whole, scratch;         /* items of a block and of a part; bytes */
    ptrdiff_t strip, rows;                  /* rows of a map that are taken at once, and of the image that they meet */
    ptrdiff_t segments, run, ld, columns, laid; /* as each way says */
    INTERNAL(round_fn) *round;                  /* in bfloat16, and then: */
    ptrdiff_t row, maps;                        /* items of a row of maps, and where they begin in what is laid */
    INTERNAL(column_fn) *add;
    ptrdiff_t looks;  /* how often an image's computation looks ahead */
    ptrdiff_t *table; /* where segments lie in what is laid */
    real *partial;
    int failed; /* for want of memory */
} INTERNAL(weight_plan);

/* Strips as long as fit the cache, of rows of the image of so many items. */
static void INTERNAL(plan_strips)(INTERNAL(weight_plan) *plan, ptrdiff_t row)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t high = (c->kernel[0] - 1) * c->dilation[0] + 1;
    const ptrdiff_t fit = WEIGHT_STRIP_BYTES / (ptrdiff_t)sizeof(real) / row - high;
    plan->strip = fit < 0 ? 1 : least(c->map[0], fit / c->stride[0] + 1);
    plan->rows = (plan->strip - 1) * c->stride[0] + high;
}

/* Tap t between channel k of all groups' maps and channel `in` of the group's images. */
static void INTERNAL(set_weight)(const wg_conv *c, ptrdiff_t k, ptrdiff_t in, ptrdiff_t t, real x)
{
    const ptrdiff_t wide = c->kernel[1];
    if (UNLIKELY(x - x != 0))
        x = INTERNAL(direct_tap)(c, k / c->co * c->ci + in, k, t / wide, t % wide);
    ((real *)c->w)[(k * c->ci + in) * c->kernel[0] * wide + t] = x;
}

#include "conv_weight_lanes.inc.c"
#include "conv_weight_pixels.inc.c"
#include "conv_weight_winograd.inc.c"

/* ---------------------------------------------------------------- the choice */

/* Whether a way may be taken: nothing is empty, nothing overflows, and memory is no matter. */
static int INTERNAL(weight_is_usual)(const wg_conv *c)
{
    const double item = sizeof(real), taps = (double)c->kernel[0] * (double)c->kernel[1];
    const double high = (double)(c->kernel[0] - 1) * (double)c->dilation[0] + (double)c->stride[0] + 1;
    const double wide =
        (double)(c->kernel[1] - 1) * (double)c->dilation[1] + (double)(c->map[1] + 1) * (double)c->stride[1];
    const double row = (wide + 2 * (double)LANES * (double)c->stride[1]) * (double)(c->ci + 2 * LANES) * item;
    const double most_bytes = WEIGHT_MOST_BYTES;
    const double sums = (double)(c->co + 2 * LANES) * (double)(c->ci + 2 * LANES) * 2 * taps * item;
    return c->n && c->ci && c->co && c->map[0] && c->map[1] && c->image[0] && c->image[1] && taps > 0 &&
           sums * (double)c->groups < most_bytes && row * high < most_bytes &&
           (double)c->map[1] * (double)(c->co + LANES) * 64 * item < 4 * most_bytes;
}

static int INTERNAL(weight_is_winograd)(const wg_conv *c)
{
    return c->kernel[0] == 3 && c->kernel[1] == 3 && c->stride[0] == 1 && c->stride[1] == 1 && c->dilation[0] == 1 &&
           c->dilation[1] == 1 && least(c->ci, c->co) >= WEIGHT_WINOGRAD_CHANNELS &&
           least(c->map[0], c->map[1]) >= WEIGHT_WINOGRAD_PLACES;
}

/* Divide images into parts, and channels into blocks, so that threads have enough, and each part enough to do. */
static void INTERNAL(divide_weights)(INTERNAL(weight_plan) *plan, double picoseconds,
                                     ptrdiff_t (*sums)(INTERNAL(weight_plan) *plan), ptrdiff_t step)
{
    const wg_conv *const c = plan->c;
    const double of_an_image = picoseconds / (double)c->n + 1;
    plan->block = c->co, plan->blocks = 1;
    plan->sums = sums(plan);
    const double bytes = (double)plan->sums * (double)c->groups * (double)sizeof(real);
    const ptrdiff_t parts = most(1, least(least(c->n, WEIGHT_TASKS), (ptrdiff_t)(WEIGHT_PARTS_BYTES / bytes)));
    const double least_work = WEIGHT_PART_PICOSECONDS, of_sums = (double)plan->sums * (double)c->groups * 3000;
    const double images = (least_work > of_sums ? least_work : of_sums) / of_an_image;
    plan->images = most(ceil_div(c->n, parts), images < (double)c->n ? (ptrdiff_t)images + 1 : c->n);
    plan->parts = ceil_div(c->n, plan->images);
    const int large = picoseconds > 2 * WEIGHT_PART_PICOSECONDS;
    plan->span = ceil_div(c->groups, large ? ceil_div(WEIGHT_TASKS, 4 * plan->parts) : 1);
    plan->spans = ceil_div(c->groups, plan->span);
    const ptrdiff_t blocks = least(c->co / WEIGHT_BLOCK, WEIGHT_TASKS / 4 / (plan->parts * plan->spans));
    if (blocks > 1 && large) {
        plan->block = ceil_div(ceil_div(c->co, blocks), step) * step;
        plan->blocks = ceil_div(c->co, plan->block);
        plan->sums = sums(plan);
    }
    plan->whole = plan->sums * plan->blocks * c->groups;
}

static void INTERNAL(choose_weights)(INTERNAL(weight_plan) *plan, double picoseconds)
{
    const wg_conv *const c = plan->c;
    plan->finishes = c->groups * c->co;
    if (INTERNAL(weight_is_winograd)(c)) {
        plan->image = INTERNAL(winograd_image), plan->finish = INTERNAL(winograd_finish);
        INTERNAL(plan_winograd)(plan);
        INTERNAL(divide_weights)(plan, picoseconds, INTERNAL(winograd_sums), 2 * LANES);
        plan->finishes = c->groups * plan->blocks * c->ci;
    } else if (c->ci >= WEIGHT_LANES_CHANNELS) {
        plan->image = INTERNAL(lanes_image), plan->finish = INTERNAL(lanes_finish);
        plan->tabulate = INTERNAL(lanes_table);
        INTERNAL(plan_lanes)(plan);
        INTERNAL(divide_weights)(plan, picoseconds, INTERNAL(lanes_sums), 2);
    } else {
        plan->image = INTERNAL(pixels_image), plan->finish = INTERNAL(pixels_finish);
        plan->tabulate = INTERNAL(pixels_table);
        INTERNAL(plan_pixels)(plan);
        INTERNAL(divide_weights)(plan, picoseconds, INTERNAL(pixels_sums), 4);
    }
}

/* ---------------------------------------------------------------- the kernel */

/* What comes behind image i, of `groups` from one on, if it lies in one piece. */
static conv_ahead INTERNAL(ahead_of)(const INTERNAL(weight_plan) *plan, ptrdiff_t i, ptrdiff_t group, ptrdiff_t groups,
                                     ptrdiff_t first, ptrdiff_t channels)
{
    const wg_conv *const c = plan->c;
    conv_ahead a = {{NULL, NULL}, {NULL, NULL}, 0};
    const ptrdiff_t item = sizeof(real), plane[2] = {c->image[0] * c->image[1] * item, c->map[0] * c->map[1] * item};
    const ptrdiff_t *const strides[2] = {c->x_strides, c->y_strides};
    const ptrdiff_t count[2] = {groups * c->ci, groups > 1 ? groups * c->co : channels};
    const ptrdiff_t channel[2] = {group * c->ci, group * c->co + first};
    const char *const base[2] = {c->x, c->y};
    for (int k = 0; k < 2 && i + 1 < c->n; k++)
        if (strides[k][1] == plane[k]) {
            a.at[k] = base[k] + (i + 1) * strides[k][0] + channel[k] * plane[k];
            a.end[k] = a.at[k] + count[k] * plane[k];
            a.step = most(a.step, count[k] * plane[k] / most(1, plan->looks * groups) + 64);
        }
    return a;
}

/* A part of the images, a span of groups, a block of channels of each. */
static void INTERNAL(sum_task)(const INTERNAL(weight_plan) *plan, ptrdiff_t k, void *scratch)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t block = k % plan->blocks, group = k / plan->blocks % plan->spans * plan->span;
    const ptrdiff_t part = k / plan->blocks / plan->spans, i = part * plan->images;
    const ptrdiff_t groups = least(plan->span, c->groups - group), first = block * plan->block;
    const ptrdiff_t channels = least(plan->block, c->co - first);
    real *const sums = plan->partial + part * plan->whole + (group * plan->blocks + block) * plan->sums;
    for (ptrdiff_t g = 0; g < groups && plan->from == 0; g++)
        INTERNAL(conv_zeros)(sums + g * plan->blocks * plan->sums, plan->sums);
    for (ptrdiff_t j = i + plan->from; j < least(i + plan->to, c->n); j++) {
        conv_ahead ahead = INTERNAL(ahead_of)(plan, j, group, groups, first, channels);
        for (ptrdiff_t g = 0; g < groups; g++)
            plan->image(plan, j, group + g, first, channels, scratch, sums + g * plan->blocks * plan->sums, &ahead);
    }
}

static void INTERNAL(sum_weights)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const conv_job *const job = context;
    INTERNAL(weight_plan) *const plan = job->more;
    void *const scratch = wg_buffer_acquire((size_t)plan->scratch);
    if (!scratch) {
        __atomic_store_n(&plan->failed, 1, __ATOMIC_RELAXED);
        return;
    }
    INTERNAL(conv_zeros)(scratch, plan->laid);
    for (ptrdiff_t k = job->first + begin; k < job->first + end; k++)
        INTERNAL(sum_task)(plan, k, scratch);
    wg_buffer_release(scratch);
}

static void INTERNAL(finish_weights)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const conv_job *const job = context;
    INTERNAL(weight_plan) *const plan = job->more;
    for (ptrdiff_t k = job->first + begin; k < job->first + end; k++)
        plan->finish(plan, k);
}

/* Where there is one tap, the rows of a small image are one: it is taken in longer pieces. */
static wg_conv INTERNAL(joined_rows)(const wg_conv *c)
{
    wg_conv joined = *c;
    const ptrdiff_t *const image = c->image, *const map = c->map;
    const double bytes = (double)image[0] * (double)image[1] * (double)c->ci * (double)sizeof(real);
    if (c->kernel[0] == 1 && c->kernel[1] == 1 && c->stride[0] == 1 && c->stride[1] == 1 && !c->padding[0] &&
        !c->padding[1] && image[0] == map[0] && image[1] == map[1] && bytes < WEIGHT_STRIP_BYTES &&
        c->x_strides[2] == image[1] * c->x_strides[3] && c->y_strides[2] == map[1] * c->y_strides[3]) {
        joined.image[1] = joined.map[1] = image[0] * image[1];
        joined.image[0] = joined.map[0] = 1;
    }
    return joined;
}

static wg_status K(conv_weight)(const wg_conv *given)
{
    const wg_conv whole = INTERNAL(joined_rows)(given), *const c = &whole;
    INTERNAL(weight_plan) plan = {.c = c};
    conv_job job = {.c = c, .more = &plan};
    const double products = conv_products(c, c->n), count = (double)c->groups * (double)c->co * (double)c->ci;
    const double picoseconds = 2 * products * COST_FLOP * 16 / (double)LANES * count; /* of all */
    wg_status status = WG_OK;
    plan.failed = 1;
    if (INTERNAL(weight_is_usual)(c)) {
        INTERNAL(choose_weights)(&plan, picoseconds);
        plan.partial = wg_buffer_acquire((size_t)(plan.parts * plan.whole) * sizeof(real) +
                                         (size_t)plan.segments * sizeof(ptrdiff_t));
    }
    if (plan.partial) {
        const ptrdiff_t tasks = plan.parts * plan.spans * plan.blocks;
        const double pass = 1e12 / WEIGHT_PASSES_PER_SECOND / (picoseconds / (double)plan.images);
        const ptrdiff_t step = pass < 1 ? 1 : pass < (double)plan.images ? (ptrdiff_t)pass : plan.images;
        plan.failed = 0;
        plan.table = (ptrdiff_t *)(plan.partial + plan.parts * plan.whole);
        if (plan.tabulate)
            plan.tabulate(&plan);
        for (; status == WG_OK && plan.from < plan.images; plan.from += step) {
            plan.to = least(plan.from + step, plan.images);
            if (plan.from > 0 && c->interrupted && c->interrupted())
                status = WG_INTERRUPTED;
            else
                status = conv_run(&job, tasks, picoseconds / (double)(tasks * plan.images) * (double)step,
                                  INTERNAL(sum_weights));
        }
        if (status == WG_OK && !plan.failed)
            status = conv_run(&job, plan.finishes, (double)(plan.parts * plan.whole / plan.finishes) * COST_SUMMED,
                              INTERNAL(finish_weights));
        wg_buffer_release(plan.partial);
    }
    if (status != WG_OK || !plan.failed)
        return status;
    return conv_run(&job, c->groups * c->co * c->ci, products * COST_CONV_WEIGHT_PRODUCT, INTERNAL(direct_weights));
}

#if REAL_BITS == 64
const wg_conv_weight_kernels TABLE(conv_weight) = {.conv_weight = BOTH(conv_weight)};
#endif
