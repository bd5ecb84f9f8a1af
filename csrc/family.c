/* family.c - one family of kernels for one instruction set.
 *
 * Compiled once per line of families.def and of isa.def, with WG_FAMILY_NAME (say gemm) and WG_ISA_NAME (say v3) defined
 * and the compiler flags of the set. The family's file, gemm.inc.c, is included once per real type: inside, `real` is
 * the type, V(f) names a vector function of that type, and K(f) a kernel. Every function is static; the one symbol that
 * leaves the object is the family's table, wg_gemm_v3, which the file defines in its second pass. */
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
