/* family.c - one family of kernels for one instruction set.
 *
 * Compiled once per line of families.def and of isa.def, with WG_FAMILY_NAME (gemm) and WG_ISA_NAME (base, v3, v4) defined
 * and that set's compiler flags. The family's file, gemm.inc.c, is included once per real type: inside, `real` is the
 * type, V(f) names a vector function of that type, and K(f) a kernel. Every function is static; the one symbol that
 * leaves is the family's table for this set, wg_gemm_v3, which the file defines in its last pass. */
#include "wengert.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REAL_BITS 32
#include "real.h"
#include "vec.h"
#include STRING(WG_FAMILY_NAME.inc.c)
#undef REAL_BITS

#define REAL_BITS 64
#include "real.h"
#include "vec.h"
#include STRING(WG_FAMILY_NAME.inc.c)
#undef REAL_BITS
