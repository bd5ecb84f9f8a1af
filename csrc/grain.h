/* grain.h - what the elementwise kernels cost, roughly: picoseconds per float32 item from the second-level cache, on one
 * AVX-512 core of 2022. loop.c splits work over threads by it; elementwise.inc.c unrolls the kernels whose arithmetic
 * is no more than the loop around it. A kernel that is not named costs what memory does. */
#ifndef WG_GRAIN_H
#define WG_GRAIN_H

#include "wengert.h"

#define WG_COST_OF_MEMORY 100

static const short wg_cost_beyond_memory[WG_ELEMENTWISE_COUNT] = {
    [WG_ELEMENTWISE_exp] = 100,   [WG_ELEMENTWISE_expm1] = 200,   [WG_ELEMENTWISE_log] = 200,
    [WG_ELEMENTWISE_log1p] = 250, [WG_ELEMENTWISE_sin] = 300,     [WG_ELEMENTWISE_cos] = 300,
    [WG_ELEMENTWISE_tanh] = 250,  [WG_ELEMENTWISE_sigmoid] = 200, [WG_ELEMENTWISE_softplus] = 450,
    [WG_ELEMENTWISE_erf] = 600,   [WG_ELEMENTWISE_gelu] = 600,    [WG_ELEMENTWISE_power] = 1500,
};

#endif
