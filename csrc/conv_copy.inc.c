/* conv_copy.inc.c - images on their way into scratch memory and out of it: with zeros around, and with the channels of a
 * place side by side ("laid"), or with places side by side as in the image ("padded"). */

/* `n` places of a row of an image, beginning before it or ending behind it, where there are zeros; the next place at which
 * there are items, and how many. */
#ifndef WG_CONV_COPY
#define WG_CONV_COPY
typedef struct {
    ptrdiff_t before, inside, after;
} conv_parts;

INLINE conv_parts conv_parts_of(ptrdiff_t first, ptrdiff_t n, ptrdiff_t length)
{
    const ptrdiff_t before = least(n, most(0, -first));
    const ptrdiff_t inside = most(0, least(n - before, length - (first + before)));
    return (conv_parts){before, inside, n - before - inside};
}
#endif

static real *INTERNAL(conv_zeros)(real *to, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        to[i] = 0;
    return to + n;
}

/* n places of `channels`, which are `c` bytes apart, as the places are by `w`, to rows of `ld` items, one for each place.
 * Whole vectors are written, in such an order that what lies behind a place's channels is written later: up to LANES items
 * behind the last place, too. Channels from `channels` up to a multiple of LANES are zero if ld leaves room. */
static void INTERNAL(lay_places)(ptrdiff_t n, ptrdiff_t channels, const char *from, ptrdiff_t c, ptrdiff_t w, real *to,
                                 ptrdiff_t ld)
{
    for (ptrdiff_t x = 0; x < n; x += LANES) {
        const ptrdiff_t nx = least(LANES, n - x);
        for (ptrdiff_t k = (channels - 1) / LANES * LANES; k >= 0; k -= LANES) {
            const char *const corner = from + x * w + k * c;
            const ptrdiff_t nk = least(LANES, channels - k);
            real *place = to + x * ld + k;
            if (c == sizeof(real)) {
                for (ptrdiff_t i = 0; i < nx; i++)
                    V(store)(place + i * ld, V(load_upto)((const real *)(corner + i * w), nk));
                continue;
            }
            if (nk < LANES) { /* one by one: fewer stores than a square of vectors takes steps */
                for (ptrdiff_t i = 0; i < nx; i++, place += ld) {
                    if (ld > channels)
                        V(store)(place, (vreal){0});
                    for (ptrdiff_t j = 0; j < nk; j++)
                        place[j] = *(const real *)(corner + i * w + j * c);
                }
                continue;
            }
            vreal block[WG_VECTOR_BYTES / sizeof(real)];
            if (w == sizeof(real)) {
    UNROLL
                for (int i = 0; i < LANES; i++)
                    block[i] = V(load_upto)((const real *)(corner + i * c), nx);
            } else {
                for (ptrdiff_t i = 0; i < nk; i++)
                    block[i] = INTERNAL(strided)(corner + i * c, w, nx);
            }
            V(transpose)(block);
            UNROLL
            for (int i = 0; i < LANES; i++)
                if (i < nx)
                    V(store)(place + i * ld, block[i]);
        }
    }
}

/* Rows [y, y + rows) and columns [x, x + columns) of an image of `height` and `width`, with zeros where they lie outside, to
 * `to`, place by place, LANES items behind the last too. `strides` are in bytes, of channel, row and item. */
static void INTERNAL(lay)(const char *from, const ptrdiff_t *strides, ptrdiff_t channels, ptrdiff_t height,
                          ptrdiff_t width, ptrdiff_t y, ptrdiff_t rows, ptrdiff_t x, ptrdiff_t columns, real *to,
                          ptrdiff_t ld)
{
    const conv_parts across = conv_parts_of(x, columns, width);
    for (ptrdiff_t i = y; i < y + rows; i++, to += columns * ld) {
        if (i < 0 || i >= height || !across.inside) {
            INTERNAL(conv_zeros)(to, columns * ld);
            continue;
        }
        real *at = INTERNAL(conv_zeros)(to, across.before * ld);
        INTERNAL(lay_places)
        (across.inside, channels, from + i * strides[1] + most(x, 0) * strides[2], strides[0], strides[2], at, ld);
        INTERNAL(conv_zeros)(at + across.inside * ld, across.after * ld);
    }
}

/* Zeros, or NaN in some lane if `odd` has one, or an item inside is not finite. */
INLINE vreal V(conv_odd)(vreal x, vint inside, vreal odd)
{
    return V(fma)(V(as_real)(V(as_int)(x) & inside), V(splat)(0), odd);
}

/* An item of the result from its sum; without bias -0 is added, which changes nothing. */
INLINE vreal V(conv_finished)(vreal x, const real *bias, real least)
{
    return V(at_least)(x + V(splat)(bias ? *bias : (real)-0.0), V(splat)(least));
}

INLINE real V(conv_least)(int relu)
{
    return relu ? 0 : (real)-INFINITY;
}

/* The way back: n places of `channels` from rows of `ld` items, whole vectors of which are read, and up to LANES - 1 rows
 * behind the last, to planes that are `plane` items apart, with a bias for each channel, and without negative items if `relu`. Gives zeros, or NaN in some lane if an
 * item was not finite before that. */
static NOINLINE vreal INTERNAL(unlay)(ptrdiff_t n, ptrdiff_t channels, const real *from, ptrdiff_t ld, real *to, ptrdiff_t plane,
                             const real *bias, int relu)
{
    vreal odd = {0};
    const real least_item = V(conv_least)(relu);
    for (ptrdiff_t k = 0; k < channels; k += LANES)
        for (ptrdiff_t x = 0; x < n; x += LANES) {
            const ptrdiff_t nx = least(LANES, n - x), nk = least(LANES, channels - k);
            vreal block[WG_VECTOR_BYTES / sizeof(real)];
            UNROLL
            for (int i = 0; i < LANES; i++)
                block[i] = V(load)(from + (x + i) * ld + k);
            V(transpose)(block);
            const vint inside = V(lane_numbers)() < (integer)nx;
            UNROLL
            for (int i = 0; i < LANES; i++)
                if (i < nk) {
                    odd = V(conv_odd)(block[i], inside, odd);
                    V(store_upto)(to + (k + i) * plane + x, nx, V(conv_finished)(block[i], bias ? bias + k + i : NULL, least_item));
                }
        }
    return odd;
}
