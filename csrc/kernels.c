/* kernels.c - every kernel of one instruction set.
 *
 * Compiled once per instruction set with WG_ISA_NAME defined (base, v3, v4) and that set's compiler flags. Each .inc.c
 * file is included once per real type: inside, `real` is the type, V(f) names a vector function of that type, and K(f)
 * a kernel. Every function is static; the one symbol that leaves is this set's table. */
#include "wengert.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define STRING_(a) #a
#define STRING(a) STRING_(a)
#define CONCAT3_(a, b, c) a##b##c
#define CONCAT3(a, b, c) CONCAT3_(a, b, c)

#define REAL_BITS 32
#include "real.h"
#include "vec.h"
#include "elementwise.inc.c"
#include "reduce.inc.c"
#include "softmax.inc.c"
#include "gemm.inc.c"
#include "gather.inc.c"
#include "update.inc.c"
#include "peak.inc.c"
#undef REAL_BITS

#define REAL_BITS 64
#include "real.h"
#include "vec.h"
#include "elementwise.inc.c"
#include "reduce.inc.c"
#include "softmax.inc.c"
#include "gemm.inc.c"
#include "gather.inc.c"
#include "update.inc.c"
#include "peak.inc.c"
#undef REAL_BITS

#define BOTH(function) {function##_f32, function##_f64}

extern const wg_kernels CONCAT(wg_kernels_, WG_ISA_NAME);
const wg_kernels CONCAT(wg_kernels_, WG_ISA_NAME) = {
    .name = STRING(WG_ISA_NAME),
    .vector_bytes = WG_VECTOR_BYTES,
    /* clang-format off */
    .elementwise = {
#define WG_UNARY(name, body) [WG_ELEMENTWISE_##name] = BOTH(kernel_##name),
#define WG_UNARY_PARAMS(name, params, body) [WG_ELEMENTWISE_##name] = BOTH(kernel_##name),
#define WG_BINARY(name, body) [WG_ELEMENTWISE_##name] = BOTH(kernel_##name),
#define WG_COMPARE(name, body) [WG_ELEMENTWISE_##name] = BOTH(kernel_##name),
#include "unary.def"
#include "binary.def"
#undef WG_UNARY
#undef WG_UNARY_PARAMS
#undef WG_BINARY
#undef WG_COMPARE
        [WG_ELEMENTWISE_where] = BOTH(kernel_where),
    },
    /* clang-format on */
    .reduce = BOTH(kernel_reduce),
    .cumsum = BOTH(kernel_cumsum),
    .gemm = BOTH(kernel_gemm),
    .softmax = BOTH(kernel_softmax),
    .softmax_grad = BOTH(kernel_softmax_grad),
    .cross_entropy = BOTH(kernel_cross_entropy),
    .cross_entropy_dense = BOTH(kernel_cross_entropy_dense),
    .gather = BOTH(kernel_gather),
    .scatter_add = BOTH(kernel_scatter_add),
    .sgd = BOTH(kernel_sgd),
    .adam = BOTH(kernel_adam),
    .rmsprop = BOTH(kernel_rmsprop),
    .adagrad = BOTH(kernel_adagrad),
    .scale = BOTH(kernel_scale),
    .sum_squares = BOTH(kernel_sum_squares),
    .peak_flops = BOTH(kernel_peak_flops),
};
