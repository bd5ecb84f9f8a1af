/* grain.h - how much work is a chunk, which is what a job is divided into for threads (pool.c).
 *
 * A chunk is five microseconds of work: less is not worth another thread, and more leaves one thread with a rest while
 * the others wait. All costs are in picoseconds, as one AVX-512 core of 2022 took for float32 in its second-level cache,
 * and are rough. Sums are added up chunk by chunk, so a cost that changes also changes their last bits. */
#ifndef WG_GRAIN_H
#define WG_GRAIN_H

#include "inline.h"
#include "wengert.h"

#define CHUNK_PICOSECONDS 5000000

enum {
    COST_MEMORY = 100,   /* an item that an elementwise kernel reads and writes; its arithmetic comes on top */
    COST_SUMMED = 38,    /* an item of a reduction */
    COST_RUNNING = 305,  /* an item of a running sum */
    COST_RANKED = 305,   /* an item that topk compares */
    COST_ORDERED = 5000, /* an item that is sorted, or one of those that a rank is looked for among */
    COST_FLOP = 10,      /* an operation of a matrix product */
    COST_PACKED = 76,    /* a byte that a matrix product packs */
    COST_ROW = 152,      /* an item of softmax and cross-entropy */
    COST_GATHERED = 152, /* an item that is gathered or scattered */
    COST_PLACED = 1000,  /* an item that is picked or placed by an index of its own */
    COST_UPDATED = 152,  /* an item that an optimizer updates */
    COST_CELL = 1600,    /* an item of the hidden state of a recurrent network, without its products */
};

/* What an elementwise kernel's arithmetic costs. A kernel that is not named is hidden behind memory; elementwise.inc.c
 * unrolls those, because the loop around them counts. */
static const short cost_of_arithmetic[WG_ELEMENTWISE_COUNT] __attribute__((unused)) = {
    [WG_ELEMENTWISE_exp] = 100,
    [WG_ELEMENTWISE_expm1] = 200,
    [WG_ELEMENTWISE_log] = 200,
    [WG_ELEMENTWISE_log1p] = 250,
    [WG_ELEMENTWISE_sin] = 300,
    [WG_ELEMENTWISE_cos] = 300,
    [WG_ELEMENTWISE_tanh] = 250,
    [WG_ELEMENTWISE_sigmoid] = 200,
    [WG_ELEMENTWISE_softplus] = 450,
    [WG_ELEMENTWISE_erf] = 600,
    [WG_ELEMENTWISE_gelu] = 600,
    [WG_ELEMENTWISE_power] = 1500,
    [WG_ELEMENTWISE_fmod] = 300,
    [WG_ELEMENTWISE_remainder] = 300,
    [WG_ELEMENTWISE_floor_divide] = 400,
    [WG_ELEMENTWISE_hypot] = 200,
    [WG_ELEMENTWISE_logaddexp] = 450,
    [WG_ELEMENTWISE_erfc] = 700,
    [WG_ELEMENTWISE_erfcx] = 900,
    [WG_ELEMENTWISE_erfinv] = 800,
    [WG_ELEMENTWISE_ndtr] = 700,
    [WG_ELEMENTWISE_log_ndtr] = 1500,
    [WG_ELEMENTWISE_ndtri] = 800,
    [WG_ELEMENTWISE_sinc] = 300,
    [WG_ELEMENTWISE_lgamma] = 1500,
    [WG_ELEMENTWISE_digamma] = 800,
    [WG_ELEMENTWISE_polygamma] = 3000,
    [WG_ELEMENTWISE_i0] = 600,
    [WG_ELEMENTWISE_i0e] = 600,
    [WG_ELEMENTWISE_i1] = 600,
    [WG_ELEMENTWISE_i1e] = 600,
    [WG_ELEMENTWISE_exp2] = 100,
    [WG_ELEMENTWISE_log2] = 250,
    [WG_ELEMENTWISE_log10] = 250,
    [WG_ELEMENTWISE_logaddexp2] = 450,
    [WG_ELEMENTWISE_entr] = 250,
    [WG_ELEMENTWISE_xlogy] = 250,
    [WG_ELEMENTWISE_xlog1py] = 300,
    [WG_ELEMENTWISE_logit] = 400,
    [WG_ELEMENTWISE_tan] = 400,
    [WG_ELEMENTWISE_asin] = 400,
    [WG_ELEMENTWISE_acos] = 450,
    [WG_ELEMENTWISE_atan] = 300,
    [WG_ELEMENTWISE_atan2] = 350,
    [WG_ELEMENTWISE_sinh] = 300,
    [WG_ELEMENTWISE_cosh] = 250,
    [WG_ELEMENTWISE_asinh] = 500,
    [WG_ELEMENTWISE_acosh] = 450,
    [WG_ELEMENTWISE_atanh] = 350,
    [WG_ELEMENTWISE_sinc_grad] = 400,
    [WG_ELEMENTWISE_silu] = 200,
    [WG_ELEMENTWISE_mish] = 200,
    [WG_ELEMENTWISE_elu] = 200,
    [WG_ELEMENTWISE_gelu_tanh] = 250,
    [WG_ELEMENTWISE_gelu_tanh_grad] = 350,
    [WG_ELEMENTWISE_i0e_grad] = 9000,
    [WG_ELEMENTWISE_i1_grad] = 1500,
    [WG_ELEMENTWISE_silu_grad] = 250,
    [WG_ELEMENTWISE_mish_grad] = 300,
    [WG_ELEMENTWISE_elu_grad] = 150,
    [WG_ELEMENTWISE_gelu_grad] = 600,
    /* Hidden, but not worth the code of unrolled loops. */
    [WG_ELEMENTWISE_rsqrt] = 1,
    [WG_ELEMENTWISE_nan_to_num] = 1,
    [WG_ELEMENTWISE_copysign] = 1,
    [WG_ELEMENTWISE_logit_grad] = 1,
    [WG_ELEMENTWISE_within_grad] = 1,
    [WG_ELEMENTWISE_without_grad] = 1,
    [WG_ELEMENTWISE_leaky_relu_grad] = 1,
    [WG_ELEMENTWISE_hardswish_grad] = 1,
    [WG_ELEMENTWISE_hardsigmoid] = 1,
    [WG_ELEMENTWISE_softshrink] = 1,
    [WG_ELEMENTWISE_huber] = 1,
    [WG_ELEMENTWISE_threshold] = 1,
};

/* The items of such a cost that make a chunk, a multiple of `step`. */
#define CHUNK_OF(cost, step) (CHUNK_PICOSECONDS / (cost) / (step) * (step))

INLINE ptrdiff_t least(ptrdiff_t x, ptrdiff_t y)
{
    return x < y ? x : y;
}

INLINE ptrdiff_t most(ptrdiff_t x, ptrdiff_t y)
{
    return x > y ? x : y;
}

INLINE ptrdiff_t ceil_div(ptrdiff_t x, ptrdiff_t y)
{
    return (x + y - 1) / y;
}

/* How many pieces of `items` items each make a chunk of `chunk` items: at least one. */
INLINE ptrdiff_t pieces_per_chunk(ptrdiff_t chunk, ptrdiff_t items)
{
    return most(1, chunk / items);
}

#endif
