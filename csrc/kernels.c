/* kernels.c - the table of one instruction set: a pointer to each family's.
 *
 * Compiled once per instruction set with WG_ISA_NAME defined (base, v3, v4) and that set's compiler flags. */
#include "wengert.h"

#include <math.h>
#include <string.h>

#define REAL_BITS 32
#include "real.h"
#include "vec.h"

#define WG_FAMILY(family) extern const wg_##family##_kernels TABLE(family);
#include "families.def"
#undef WG_FAMILY

extern const wg_kernels CONCAT(wg_kernels_, WG_ISA_NAME);
const wg_kernels CONCAT(wg_kernels_, WG_ISA_NAME) = {
    .name = STRING(WG_ISA_NAME),
    .vector_bytes = WG_VECTOR_BYTES,
#define WG_FAMILY(family) .family = &TABLE(family),
#include "families.def"
#undef WG_FAMILY
};
