/* draw.c - draw.h's numbers. Words are made by the block, into a cache, from which the numbers take halves. */
#include "draw.h"

#include "grain.h"

#include <math.h>
#include <string.h>

enum { HALVES = 512, BLOCK = 8, LAYERS = 256 }; /* halves of words: in the cache, in a block */

typedef struct {
    wg_philox *state; /* or NULL */
    const wg_bits *bits;
    uint64_t first[4];       /* the counter of the first block in the cache */
    uint32_t halves[HALVES]; /* the lower half of each word before the upper one; the cache is filled at its end */
    ptrdiff_t next, start;   /* half; HALVES: there are none. And of the first block, if there is one */
} draw_cache;

/* ---------------------------------------------------------------- words */

static void draw_add(uint64_t counter[4], uint64_t steps)
{
    for (int i = 0; i < 4 && steps; i++) {
        counter[i] += steps;
        steps = counter[i] < steps;
    }
}

/* The block behind a counter, which moves on to it. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011). */
INLINE void draw_block(uint64_t counter[4], const uint64_t key[2], uint64_t out[4])
{
    draw_add(counter, 1);
    uint64_t a = counter[0], b = counter[1], c = counter[2], d = counter[3], k = key[0], l = key[1];
    for (int round = 0; round < 10; round++) {
        const unsigned __int128 left = (unsigned __int128)0xD2E7470EE14C6C93 * a;
        const unsigned __int128 right = (unsigned __int128)0xCA5A826395121157 * c;
        a = (uint64_t)(right >> 64) ^ b ^ k;
        c = (uint64_t)(left >> 64) ^ d ^ l;
        b = (uint64_t)right;
        d = (uint64_t)left;
        k += 0x9E3779B97F4A7C15;
        l += 0xBB67AE8584CAA73B;
    }
    out[0] = a, out[1] = b, out[2] = c, out[3] = d;
}

/* Of what is there to be used, `wanted` halves, from a state in whole blocks. */
static void draw_refill(draw_cache *cache, ptrdiff_t wanted)
{
    cache->next = HALVES - least(wanted, HALVES);
    if (!cache->state) {
        for (ptrdiff_t i = cache->next; i < HALVES; i++)
            cache->halves[i] = cache->bits->next(cache->bits->from);
        return;
    }
    cache->next = cache->start = cache->next / BLOCK * BLOCK;
    memcpy(cache->first, cache->state->counter, sizeof cache->first);
    for (ptrdiff_t i = cache->start; i < HALVES; i += BLOCK) {
        uint64_t words[4];
        draw_block(cache->state->counter, cache->state->key, words);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        for (int w = 0; w < 4; w++)
            words[w] = words[w] << 32 | words[w] >> 32;
#endif
        memcpy(cache->halves + i, words, sizeof words);
    }
}

/* What the state has left stands at the cache's end, as if a block had been used before it. */
static void draw_open(draw_cache *cache, wg_philox *state, const wg_bits *bits)
{
    cache->state = state;
    cache->bits = bits;
    cache->next = cache->start = HALVES;
    if (!state)
        return;
    for (int w = 3; w >= state->position; w--) {
        cache->halves[--cache->next] = (uint32_t)(state->buffer[w] >> 32);
        cache->halves[--cache->next] = (uint32_t)state->buffer[w];
    }
    if (state->has_half)
        cache->halves[--cache->next] = state->half;
}

/* The state after the last half that was used: at least one. */
static void draw_close(draw_cache *cache)
{
    wg_philox *const state = cache->state;
    if (!state)
        return;
    if (cache->start < HALVES) {
        const ptrdiff_t used = cache->next - cache->start, block = (used - 1) / BLOCK;
        memcpy(state->counter, cache->first, sizeof cache->first);
        draw_add(state->counter, (uint64_t)block);
        draw_block(state->counter, state->key, state->buffer);
        state->position = (int)(used - BLOCK * block + 1) / 2;
    } else {
        state->position = 4 - (int)(HALVES - cache->next) / 2;
    }
    state->has_half = (int)(cache->next & 1); /* HALVES is even */
    state->half = cache->halves[cache->next - !state->has_half];
}

INLINE uint32_t draw_half(draw_cache *cache)
{
    if (cache->next == HALVES)
        draw_refill(cache, 1);
    return cache->halves[cache->next++];
}

/* ---------------------------------------------------------------- numbers */

INLINE float draw_uniform(draw_cache *cache)
{
    return (float)(draw_half(cache) >> 8) * 0x1p-24F;
}

/* As many numbers as there are halves, n at most; in groups, which become vectors. */
static ptrdiff_t draw_uniforms(draw_cache *cache, ptrdiff_t n, float *out)
{
    const uint32_t *const halves = cache->halves + cache->next;
    ptrdiff_t i = 0;
    n = least(n, HALVES - cache->next);
    for (; i + BLOCK <= n; i += BLOCK)
        for (ptrdiff_t j = i; j < i + BLOCK; j++)
            out[j] = (float)(int32_t)(halves[j] >> 8) * 0x1p-24F;
    for (; i < n; i++)
        out[i] = (float)(int32_t)(halves[i] >> 8) * 0x1p-24F;
    cache->next += n;
    return n;
}

/* The layers of the ziggurat: of layer i the width, in steps of 2^-23 of it the part that lies in the layer above too, and
 * the density at its end. */
typedef struct {
    uint32_t inside[LAYERS];
    float step[LAYERS], density[LAYERS];
} draw_layers;

static draw_layers layers;

#define TAIL 3.6541528853610088 /* where it begins */

/* Rounded to float32 from float64, whose last bits make no difference. */
void wg_draw_prepare(void)
{
    const double end = exp(-0.5 * TAIL * TAIL);
    const double area = TAIL * end + 1.2533141373155003 * erfc(TAIL / 1.4142135623730951); /* sqrt(pi / 2), sqrt(2) */
    double x = TAIL, ratio = TAIL * end / area;
    layers.step[0] = (float)(area / end * 0x1p-23);
    layers.density[0] = 1;
    layers.inside[0] = (uint32_t)(ratio * 0x1p23 + 0.5);
    for (int i = LAYERS - 1; i > 0; i--) {
        layers.step[i] = (float)(x * 0x1p-23);
        layers.density[i] = (float)exp(-0.5 * x * x);
        const double above = i > 1 ? sqrt(-2 * log(area / x + exp(-0.5 * x * x))) : 0;
        layers.inside[i] = (uint32_t)(above / x * 0x1p23 + 0.5);
        x = above;
    }
}

/* What the layers leave out, in one case of 140. */
static int draw_rarely(draw_cache *cache, uint32_t half, float *x)
{
    const uint32_t layer = half & (LAYERS - 1);
    if (layer > 0) {
        const float share = draw_uniform(cache), from = layers.density[layer];
        return (layers.density[layer - 1] - from) * share + from < exp(-0.5 * (double)*x * (double)*x);
    }
    for (;;) {
        const float beyond = (float)(-1 / TAIL) * log1pf(-draw_uniform(cache)), y = -log1pf(-draw_uniform(cache));
        if (y + y > beyond * beyond) {
            *x = half >> 17 & 1 ? -((float)TAIL + beyond) : (float)TAIL + beyond;
            return 1;
        }
    }
}

/* As many numbers as there are halves that lie inside of their layers, one after the other, and the next half. */
INLINE ptrdiff_t draw_normals(draw_cache *cache, ptrdiff_t n, float *out)
{
    const uint32_t *const halves = cache->halves + cache->next;
    ptrdiff_t i = 0;
    for (n = least(n, HALVES - cache->next); i < n; i++) {
        const uint32_t half = halves[i], layer = half & (LAYERS - 1), part = half >> 9, sign = (half & LAYERS) << 23;
        const float x = (float)(int32_t)part * layers.step[layer];
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        bits ^= sign;
        memcpy(out + i, &bits, sizeof bits);
        if (part >= layers.inside[layer])
            break;
    }
    cache->next += i;
    if (i == n)
        return n;
    cache->next++;
    return i + draw_rarely(cache, halves[i], out + i);
}

/* Fisher and Yates's: each item changes places with one of those up to it, the first number that does not lie behind it of
 * as many bits. They are drawn some steps before, so that memory can be waited for. */
static void draw_order(draw_cache *cache, ptrdiff_t n, int64_t *out)
{
    enum { AHEAD = 64 };
    uint32_t other[AHEAD], mask = UINT32_MAX;
    for (ptrdiff_t i = 0; i < n; i++)
        out[i] = i;
    for (ptrdiff_t last = n - 1; last > 0; last -= AHEAD) {
        const ptrdiff_t steps = least(AHEAD, last);
        for (ptrdiff_t k = 0; k < steps;) {
            while (mask >> 1 >= (uint32_t)(last - k))
                mask >>= 1;
            if (cache->next == HALVES)
                draw_refill(cache, last - k);
            other[k] = cache->halves[cache->next++] & mask;
            __builtin_prefetch(out + other[k], 1);
            k += other[k] <= (uint32_t)(last - k);
        }
        for (ptrdiff_t k = 0; k < steps; k++) {
            const int64_t item = out[other[k]];
            out[other[k]] = out[last - k];
            out[last - k] = item;
        }
    }
}

void wg_draw(wg_draw_kind kind, wg_philox *state, const wg_bits *bits, ptrdiff_t n, void *out)
{
    float *const numbers = out;
    draw_cache cache;
    if (n < 1 + (kind == WG_DRAW_ORDER)) { /* nothing is used */
        memset(out, 0, (size_t)n * sizeof(int64_t));
        return;
    }
    draw_open(&cache, state, bits);
    if (kind == WG_DRAW_ORDER)
        draw_order(&cache, n, out);
    for (ptrdiff_t i = 0; i < n && kind != WG_DRAW_ORDER;) {
        if (cache.next == HALVES)
            draw_refill(&cache, n - i);
        if (kind == WG_DRAW_NORMAL)
            i += draw_normals(&cache, n - i, numbers + i);
        else
            i += draw_uniforms(&cache, n - i, numbers + i);
    }
    draw_close(&cache);
}
