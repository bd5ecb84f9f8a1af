/* draw.h - random numbers of float32 from Philox 4x64-10, the same as NumPy's from the same state (draw.c). */
#ifndef WG_DRAW_H
#define WG_DRAW_H

#include <stddef.h>
#include <stdint.h>

/* As NumPy keeps it: four words are computed at once, of which the first `position` have been used, the last of them by
 * its lower half alone if `has_half`; `half` is its upper one. */
typedef struct {
    uint64_t counter[4], key[2], buffer[4];
    int position, has_half;
    uint32_t half;
} wg_philox;

typedef enum { WG_DRAW_UNIFORM, WG_DRAW_NORMAL } wg_draw_kind;

/* n numbers: of [0, 1), multiples of 2^-24; or of the standard normal distribution, by the ziggurat of Marsaglia and
 * Tsang (2000) with 256 layers. The state moves on. */
void wg_draw(wg_draw_kind kind, wg_philox *state, ptrdiff_t n, float *out);

#endif
