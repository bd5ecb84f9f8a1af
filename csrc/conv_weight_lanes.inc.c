/* conv_weight_lanes.inc.c - the weights' gradient with channels of the image as lanes: a strip of the image is laid with the
 * channels of a place side by side, so that the taps of one row of a kernel are one run of memory, and tiles of channels of
 * the map by such runs are sums of outer products over the places of the map, which is read where it lies. */

/* Add to n rows of sums, in tiles of even numbers of rows. The last of an odd number is computed twice: `out` has a row
 * behind the last. */
static void INTERNAL(add_rows)(const INTERNAL(conv_strides) *s, ptrdiff_t n, int vectors, const real *a, const real *b,
                               real *out)
{
    for (ptrdiff_t i = 0; i < n;) {
        INTERNAL(conv_strides) alone = *s;
        const ptrdiff_t wanted = most(2, conv_rows_of_tile(n - i));
        int k = 0;
        while (INTERNAL(conv_tiles)[vectors - 1][k].rows > wanted)
            k++;
        if (n - i == 1)
            alone.ra = 0;
        INTERNAL(conv_tiles)[vectors - 1][k].run(&alone, a + i * s->ra, b, out + i * s->ld);
        i += INTERNAL(conv_tiles)[vectors - 1][k].rows;
    }
}

static void INTERNAL(plan_lanes)(INTERNAL(weight_plan) *plan)
{
    const wg_conv *const c = plan->c;
    const int apart = c->dilation[1] > 1 && c->kernel[1] > 1;
    plan->segments = c->kernel[0] * (apart ? c->kernel[1] : 1);
    plan->run = c->ci * (apart ? 1 : c->kernel[1]);
    plan->ld = ceil_div(plan->run, LANES) * LANES;
    plan->columns = (c->map[1] - 1) * c->stride[1] + (c->kernel[1] - 1) * c->dilation[1] + 1;
    INTERNAL(plan_strips)(plan, plan->columns * c->ci);
    plan->laid = (ceil_div(plan->rows * plan->columns * c->ci, LANES) + 3) * LANES; /* offsets lie behind it */
    plan->scratch = plan->laid * (ptrdiff_t)sizeof(real) + plan->strip * (ptrdiff_t)sizeof(ptrdiff_t);
    plan->looks = plan->segments * ceil_div(plan->ld, 2 * LANES) * ceil_div(c->map[0], plan->strip);
    plan->add = INTERNAL(add_rows);
#ifdef PAIRS_TARGET
    /* Neighbours of the map become pairs, and every place of the image one with the next that a tap sees. */
    const int wanted = c->y_strides[3] == sizeof(float) ? pairs_wanted() : 0;
    if (wanted & WG_MEDIUM_ALWAYS || (wanted && least(c->co, plan->ld) >= WEIGHT_PAIRS)) {
        plan->round = round_pairs, plan->add = pair_column;
        plan->row = ceil_div(c->map[1], 2 * LANES) * LANES;
        plan->maps = plan->laid + c->stride[1] * c->ci;
        plan->laid = (ceil_div(plan->maps + (c->co + PAIR_ROWS) * plan->strip * plan->row, LANES) + 1) * LANES;
        plan->scratch += (plan->laid - plan->maps + c->stride[1] * c->ci) * (ptrdiff_t)sizeof(float);
    }
#endif
}

/* Round a strip of the image, in its place, and the rows of maps that it meets; gives these, and tells s. */
static const real *INTERNAL(round_strip)(const INTERNAL(weight_plan) *plan, ptrdiff_t channels, const char *y,
                                         real *laid, INTERNAL(conv_strides) *s)
{
    const wg_conv *const c = plan->c;
    real *const maps = laid + plan->maps;
    plan->round(laid, laid, plan->maps - c->stride[1] * c->ci, 2, s->rb);
    for (ptrdiff_t k = 0; k < channels; k++)
        for (ptrdiff_t p = 0; p < s->segments; p++)
            plan->round((const real *)(y + k * c->y_strides[1] + p * c->y_strides[2]),
                        maps + (k * plan->strip + p) * plan->row, 1, c->map[1], 1);
    s->n = ceil_div(c->map[1], 2), s->ra = plan->strip * plan->row, s->ca = 1, s->rb *= 2;
    return maps;
}

static void INTERNAL(lanes_table)(const INTERNAL(weight_plan) *plan)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t across = plan->segments / c->kernel[0];
    for (ptrdiff_t k = 0; k < plan->segments; k++)
        plan->table[k] = (k / across * c->dilation[0] * plan->columns + k % across * c->dilation[1]) * c->ci;
}

static ptrdiff_t INTERNAL(lanes_sums)(INTERNAL(weight_plan) *plan)
{
    return (plan->block + (plan->round ? CONV_ROWS : 1)) * plan->segments * plan->ld;
}

static void INTERNAL(lanes_image)(const INTERNAL(weight_plan) *plan, ptrdiff_t i, ptrdiff_t group, ptrdiff_t first,
                                  ptrdiff_t channels, void *scratch, real *sums, conv_ahead *ahead)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t item = sizeof(real);
    const char *const x = (const char *)c->x + i * c->x_strides[0] + group * c->ci * c->x_strides[1];
    const char *const y = (const char *)c->y + i * c->y_strides[0] + (group * c->co + first) * c->y_strides[1];
    real *const laid = scratch;
    ptrdiff_t *const offsets = (ptrdiff_t *)(laid + plan->laid);
    INTERNAL(conv_strides) s = {.n = c->map[1], .offsets = offsets, .ra = c->y_strides[1] / item};
    s.ca = c->y_strides[3] / item, s.rb = c->stride[1] * c->ci, s.sb = c->stride[0] * plan->columns * c->ci;
    s.ld = plan->segments * plan->ld, s.accumulate = 1;
    for (ptrdiff_t top = 0; top < c->map[0]; top += plan->strip) {
        s.segments = least(plan->strip, c->map[0] - top);
        for (ptrdiff_t p = 0; p < s.segments; p++)
            offsets[p] = plan->round ? p * plan->row : (top + p) * (c->y_strides[2] / item);
        INTERNAL(lay)
        (x, c->x_strides + 1, c->ci, c->image[0], c->image[1], top * c->stride[0] - c->padding[0],
         plan->rows - (plan->strip - s.segments) * c->stride[0], -c->padding[1], plan->columns, laid, c->ci);
        INTERNAL(conv_strides) t = s;
        const real *const maps =
            plan->round ? INTERNAL(round_strip)(plan, channels, y + top * c->y_strides[2], laid, &t) : (const real *)y;
        for (ptrdiff_t k = 0; k < plan->segments; k++) {
            for (ptrdiff_t j = 0; j < plan->ld; j += 2 * LANES) {
                conv_look_ahead(ahead);
                plan->add(&t, channels, plan->ld - j > LANES ? 2 : 1, maps, laid + plan->table[k] + j,
                          sums + k * plan->ld + j);
            }
        }
    }
}

/* One channel of the map. */
static void INTERNAL(lanes_finish)(const INTERNAL(weight_plan) *plan, ptrdiff_t k)
{
    const wg_conv *const c = plan->c;
    const ptrdiff_t taps = c->kernel[0] * c->kernel[1], row = plan->segments * plan->ld, o = k % c->co;
    const ptrdiff_t place = (k / c->co * plan->blocks + o / plan->block) * plan->sums + o % plan->block * row;
    real *const total = plan->partial + place;
    for (ptrdiff_t part = 1; part < plan->parts; part++)
        for (ptrdiff_t j = 0; j < row; j += LANES)
            V(store)(total + j, V(load)(total + j) + V(load)(total + part * plan->whole + j));
    for (ptrdiff_t in = 0; in < c->ci; in++)
        for (ptrdiff_t t = 0; t < taps; t++) {
            const ptrdiff_t tap =
                plan->segments == taps ? t * plan->ld : t / c->kernel[1] * plan->ld + t % c->kernel[1] * c->ci;
            INTERNAL(set_weight)(c, k, in, t, total[tap + in]);
        }
}
