/* draw.h - random numbers from 32 bits each, the same as NumPy's from the same source (draw.c). */
#ifndef WG_DRAW_H
#define WG_DRAW_H

#include <stddef.h>
#include <stdint.h>

/* Philox 4x64-10 as NumPy keeps it in memory: four words are computed at once, of which the first `position` have been
 * used, the last of them by its lower half alone if `has_half`; `half` is its upper one. */
typedef struct {
    uint64_t *counter, *key; /* four words, and two */
    int position;
    uint64_t buffer[4];
    int has_half;
    uint32_t half;
} wg_philox;

/* Any other source of 32 bits at a time. */
typedef struct {
    uint32_t (*next)(void *from);
    void *from;
} wg_bits;

typedef enum {
    WG_DRAW_UNIFORM, /* float: of [0, 1), multiples of 2^-24 */
    WG_DRAW_NORMAL,  /* float: standard normal, by the ziggurat of Marsaglia and Tsang (2000) with 256 layers */
    WG_DRAW_ORDER,   /* int64_t: from 0 to n - 1 in random order, n < 2^32 */
} wg_draw_kind;

/* To be called once, before any other. */
void wg_draw_prepare(void);

/* n numbers, from a state, which moves on, or from bits where that is NULL. */
void wg_draw(wg_draw_kind kind, wg_philox *state, const wg_bits *bits, ptrdiff_t n, void *out);

#endif
