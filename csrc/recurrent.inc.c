/* recurrent.inc.c - what a recurrent network does to the rows of one step, forward and back; the products with its
 * weights and the walk over all steps are recurrent.c's.
 *
 * One loop over the hidden state has all gates in registers, so that their exponentials and divisions overlap. */

/* A row of what has `parts` times n items in each; a row of the products; and the vector at item j of part k of a row. */
#define FROM(member, parts) ((const real *)s->member + (parts) * n * row)
#define PRODUCT(member) ((const real *)s->member + s->ld * row)
#define INTO(member, parts) ((real *)s->member + (parts) * n * row)
#define AT(p, k) V(load_upto)((p) + (k) * n + j, left)
#define PUT(p, k, x) V(store_upto)((p) + (k) * n + j, left, x)
#define SUM(k) ((h ? AT(x, k) + AT(h, k) : AT(x, k)) + AT(b, k))

static void INTERNAL(lstm_row)(const wg_recurrent_step *s, ptrdiff_t row)
{
    const ptrdiff_t n = s->hidden;
    const real *x = PRODUCT(x), *h = s->h ? PRODUCT(h) : NULL, *b = s->b_x;
    const real *c_before = FROM(c_before, 1);
    real *gates = INTO(gates, 4), *out = INTO(out, 1);
    real *h_after = row < s->after ? INTO(h_after, 1) : INTO(h_n, 1);
    real *c_after = row < s->after ? INTO(c_after, 1) : INTO(c_n, 1);
    for (ptrdiff_t j = 0, left = n; left > 0; j += LANES, left -= LANES) {
        const vreal i = V(sigmoid)(SUM(0)), f = V(sigmoid)(SUM(1));
        const vreal g = V(tanh)(SUM(2)), o = V(sigmoid)(SUM(3));
        const vreal c = V(fma)(f, AT(c_before, 0), i * g), y = o * V(tanh)(c);
        PUT(gates, 0, i);
        PUT(gates, 1, f);
        PUT(gates, 2, g);
        PUT(gates, 3, o);
        PUT(out, 0, y);
        PUT(h_after, 0, y);
        PUT(c_after, 0, c);
    }
}

static void INTERNAL(gru_row)(const wg_recurrent_step *s, ptrdiff_t row)
{
    const ptrdiff_t n = s->hidden;
    const real *x = PRODUCT(x), *h = PRODUCT(h), *b = s->b_x, *d = s->b_h;
    const real *h_before = FROM(h_before, 1);
    real *gates = INTO(gates, 4), *out = INTO(out, 1);
    real *h_after = row < s->after ? INTO(h_after, 1) : INTO(h_n, 1);
    for (ptrdiff_t j = 0, left = n; left > 0; j += LANES, left -= LANES) {
        const vreal reset = V(sigmoid)((AT(x, 0) + AT(b, 0)) + (AT(h, 0) + AT(d, 0)));
        const vreal z = V(sigmoid)((AT(x, 1) + AT(b, 1)) + (AT(h, 1) + AT(d, 1)));
        const vreal u = AT(h, 2) + AT(d, 2), v = V(tanh)(V(fma)(reset, u, AT(x, 2) + AT(b, 2)));
        const vreal y = V(fma)(z, AT(h_before, 0) - v, v);
        PUT(gates, 0, reset);
        PUT(gates, 1, z);
        PUT(gates, 2, v);
        PUT(gates, 3, u);
        PUT(out, 0, y);
        PUT(h_after, 0, y);
    }
}

static void INTERNAL(rnn_row)(const wg_recurrent_step *s, ptrdiff_t row)
{
    const ptrdiff_t n = s->hidden;
    const real *x = PRODUCT(x), *h = s->h ? PRODUCT(h) : NULL, *b = s->b_x;
    real *gates = INTO(gates, 1), *out = INTO(out, 1);
    real *h_after = row < s->after ? INTO(h_after, 1) : INTO(h_n, 1);
    for (ptrdiff_t j = 0, left = n; left > 0; j += LANES, left -= LANES) {
        const vreal sum = SUM(0);
        const vreal y = s->cell == WG_CELL_TANH ? V(tanh)(sum) : V(at_least)(sum, V(splat)(0));
        PUT(gates, 0, y);
        PUT(out, 0, y);
        PUT(h_after, 0, y);
    }
}

static void K(recurrent_forward)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const wg_recurrent_step *s = context;
    for (ptrdiff_t row = begin; row < end; row++)
        if (s->cell == WG_CELL_LSTM)
            INTERNAL(lstm_row)(s, row);
        else if (s->cell == WG_CELL_GRU)
            INTERNAL(gru_row)(s, row);
        else
            INTERNAL(rnn_row)(s, row);
}

/* ---------------------------------------------------------------- backward */

static void INTERNAL(lstm_row_backward)(const wg_recurrent_step *s, ptrdiff_t row)
{
    const ptrdiff_t n = s->hidden;
    const real *gates = FROM(gates, 4), *c_before = FROM(c_before, 1), *g_out = s->g ? FROM(g, 1) : NULL;
    real *dh = INTO(dh, 1), *dc_row = INTO(dc, 1), *d = INTO(d_gates, 4);
    for (ptrdiff_t j = 0, left = n; left > 0; j += LANES, left -= LANES) {
        const vreal i = AT(gates, 0), f = AT(gates, 1), g = AT(gates, 2), o = AT(gates, 3), before = AT(c_before, 0);
        const vreal c = V(tanh)(V(fma)(f, before, i * g)); /* as it was */
        const vreal t = g_out ? AT(dh, 0) + AT(g_out, 0) : AT(dh, 0);
        const vreal dc = V(fma)(t * o, 1 - c * c, AT(dc_row, 0));
        PUT(d, 0, dc * g * (i * (1 - i)));
        PUT(d, 1, dc * before * (f * (1 - f)));
        PUT(d, 2, dc * i * (1 - g * g));
        PUT(d, 3, t * c * (o * (1 - o)));
        PUT(dc_row, 0, dc * f);
    }
}

/* The gradients by the gates: by the new state before its tanh, by reset and update, and by the new state's product
 * with the hidden state: the first three are those of the inputs' product, the last three those of the hidden state's. */
static void INTERNAL(gru_row_backward)(const wg_recurrent_step *s, ptrdiff_t row)
{
    const ptrdiff_t n = s->hidden;
    const real *gates = FROM(gates, 4), *h_before = FROM(h_before, 1), *g_out = s->g ? FROM(g, 1) : NULL;
    real *dh = INTO(dh, 1), *dd = INTO(dd, 1), *d = INTO(d_gates, 4);
    for (ptrdiff_t j = 0, left = n; left > 0; j += LANES, left -= LANES) {
        const vreal reset = AT(gates, 0), z = AT(gates, 1), v = AT(gates, 2), u = AT(gates, 3);
        const vreal carried = AT(dh, 0) + AT(dd, 0), t = g_out ? carried + AT(g_out, 0) : carried;
        const vreal dv = t * (1 - z) * (1 - v * v);
        PUT(d, 0, dv);
        PUT(d, 1, dv * u * (reset * (1 - reset)));
        PUT(d, 2, t * (AT(h_before, 0) - v) * (z * (1 - z)));
        PUT(d, 3, dv * reset);
        PUT(dd, 0, t * z);
    }
}

static void INTERNAL(rnn_row_backward)(const wg_recurrent_step *s, ptrdiff_t row)
{
    const ptrdiff_t n = s->hidden;
    const real *gates = FROM(gates, 1), *g_out = s->g ? FROM(g, 1) : NULL;
    real *dh = INTO(dh, 1), *d = INTO(d_gates, 1);
    for (ptrdiff_t j = 0, left = n; left > 0; j += LANES, left -= LANES) {
        const vreal y = AT(gates, 0), t = g_out ? AT(dh, 0) + AT(g_out, 0) : AT(dh, 0);
        PUT(d, 0, s->cell == WG_CELL_TANH ? t * (1 - y * y) : V(select)(y <= 0, V(splat)(0), t));
    }
}

#undef FROM
#undef INTO
#undef AT
#undef PRODUCT
#undef SUM
#undef PUT

static void K(recurrent_backward)(void *context, ptrdiff_t begin, ptrdiff_t end)
{
    const wg_recurrent_step *s = context;
    for (ptrdiff_t row = begin; row < end; row++)
        if (s->cell == WG_CELL_LSTM)
            INTERNAL(lstm_row_backward)(s, row);
        else if (s->cell == WG_CELL_GRU)
            INTERNAL(gru_row_backward)(s, row);
        else
            INTERNAL(rnn_row_backward)(s, row);
}

#if REAL_BITS == 64
const wg_recurrent_kernels TABLE(recurrent) = {.forward = BOTH(recurrent_forward),
                                               .backward = BOTH(recurrent_backward)};
#endif
