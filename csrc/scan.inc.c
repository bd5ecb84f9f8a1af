/* scan.inc.c - running sums, products and extremes: each item of a line with all before it.
 *
 *   scan_items.inc.c    the loops, for one type of item
 *   here                the types: real, and in the second pass int64 too
 *
 * Lines whose items lie side by side in memory with those of others are walked together, a tile of them, so that vectors
 * go across. Threads divide lines, never a line. */

#ifndef SCAN_TILE
#include "grain.h"

#define SCAN_TILE 64  /* lines that are walked side by side */
#define SCAN_BLOCK 32 /* items of a line that are looked through for a new extreme at once */
enum { SCAN_CHUNK = CHUNK_OF(COST_RUNNING, 1024) }; /* items */
#define SCAN(name) CONCAT3(scan_, name, SCAN_SUFFIX)
#endif

/* float32 is summed and multiplied in float64. */
#define SCAN_SUFFIX REAL_SUFFIX
#define scan_item real
#define scan_total double
#define IS_NAN(x) ((x) != (x))
#define TURNED(x, turn) ((x) * (turn)) /* the greatest item becomes the smallest */
#define NO_TURN 1
#define TURN (-1)
#define PRODUCTS_IN_GROUPS (REAL_BITS == 32) /* where four items cannot overflow by themselves */
#include "scan_items.inc.c"
#undef SCAN_SUFFIX
#undef scan_item
#undef scan_total
#undef IS_NAN
#undef TURNED
#undef NO_TURN
#undef TURN
#undef PRODUCTS_IN_GROUPS

#if REAL_BITS == 64
#define SCAN_SUFFIX _i64
#define scan_item int64_t
#define scan_total uint64_t /* which wraps around as two's complement does */
#define IS_NAN(x) 0
#define TURNED(x, turn) ((x) ^ (turn))
#define NO_TURN 0
#define TURN (-1)
#define PRODUCTS_IN_GROUPS 1
#include "scan_items.inc.c"

const wg_scan_kernels TABLE(scan) = {.scan = {scan_lines_f32, scan_lines_f64, scan_lines_i64}};
#endif
