/* program.h - a list of kernel calls that is run again: recorded by the bindings, planned once, then run without Python.
 *
 * A call is what a binding hands to a kernel, its family's own struct, copied into one stream. The pointers in it are
 * its operands: each lies in a slot, at an offset. A slot is a piece of memory, and only that is known of it while calls
 * are recorded; `wg_program_finish` finds the places of all blocks in one arena, so that those whose lives do not meet
 * share memory, and writes all pointers. Slots that are bound get their addresses before each run.
 *
 * The order of calls is kept, and what a call computes depends on nothing else, so that a run gives the bits that the
 * recorded calls gave. One thread records and finishes a program; then `wg_program_copy` makes others of it, and each is
 * run by one thread at a time. */
#ifndef WG_PROGRAM_H
#define WG_PROGRAM_H

#include "wengert.h"

typedef enum {
    WG_SLOT_BLOCK, /* memory of the program's own, undefined before the first write of each run */
    WG_SLOT_FIXED, /* memory that others own, at one address as long as the program lives */
    WG_SLOT_BOUND, /* memory whose address is set before a run, or by whoever runs a step in the middle of it */
} wg_slot_kind;

typedef enum { WG_READS = 1, WG_WRITES = 2, WG_CHANGES = 3 } wg_access;

typedef enum {
    WG_CALL_KERNEL, /* a kernel of any family */
    WG_CALL_DENSE,  /* elementwise, of one dense dimension: a `wg_dense` */
    WG_CALL_STEP,   /* nothing that C knows: the run stops before it, and goes on behind it */
} wg_call_kind;

/* Runs a call: `call` is the struct that was recorded, its pointers valid. */
typedef wg_status wg_call_fn(void *call, wg_real real);

typedef struct wg_program wg_program;

/* What this thread's calls are recorded by, the bindings' own; NULL: they are not. */
extern _Thread_local void *wg_recording;

wg_program *wg_program_new(void); /* NULL when there is no memory */
void wg_program_free(wg_program *p);

/* ---------------------------------------------------------------- recording
 *
 * Each of these gives a negative number when there is no memory; the program is then good for wg_program_free alone. */

/* A new slot; gives its number. `base`: the address of a FIXED one; `bytes`: how much it holds. */
int wg_program_slot(wg_program *p, wg_slot_kind kind, size_t bytes, char *base);
/* Before finish: a slot of another kind from here on. */
void wg_program_set_slot(wg_program *p, int slot, wg_slot_kind kind, char *base);

/* A new call, the last of the list, with a copy of `bytes` bytes of arguments. `entry` is the caller's number for it.
 * `keep`: it is run even if nobody reads what it writes. Gives its place in the list. */
ptrdiff_t wg_program_call(wg_program *p, wg_call_fn *run, wg_call_kind kind, wg_real real, int entry, int keep,
                          const void *arguments, size_t bytes);
/* Behind the arguments of the last call: a copy of `bytes` bytes that the pointer at `field` (bytes from the start of the
 * arguments) is to point to; a negative field for none. Gives where it begins, counted likewise. */
ptrdiff_t wg_program_tail(wg_program *p, ptrdiff_t field, const void *data, size_t bytes);
/* The pointer at `field` of the last call is to point into a slot. */
int wg_program_operand(wg_program *p, ptrdiff_t field, int slot, ptrdiff_t offset, wg_access access);
/* If the call at `place` is the only one that writes to a slot, the call is left out, and the slot FIXED at `base`. Gives
 * whether it is. */
int wg_program_constant(wg_program *p, int slot, ptrdiff_t place, char *base);
wg_slot_kind wg_program_kind(const wg_program *p, int slot);
size_t wg_program_bytes(const wg_program *p, int slot);
/* The number of calls so far, and back to an earlier number. */
ptrdiff_t wg_program_count(const wg_program *p);
void wg_program_drop(wg_program *p, ptrdiff_t count);
/* Whether a call with a number of `since` or more writes to a slot. */
int wg_program_written_since(const wg_program *p, int slot, ptrdiff_t since);
/* The access of all calls to a slot, joined. */
unsigned wg_program_access(const wg_program *p, int slot);

/* What the pointer at `field` of the last call is to point to, which was copied into the list; NULL if nothing was. */
void *wg_program_copied(wg_program *p, ptrdiff_t field);

/* Whether two programs that were recorded one after the other are the same list: calls of the same kernels, with the same
 * arguments, and operands in slots of the same numbers at the same offsets. Gives the place of the first call that
 * differs, or -1. FIXED slots must have the same address if `slots` is set. */
ptrdiff_t wg_program_differs(const wg_program *p, const wg_program *q);

/* ---------------------------------------------------------------- running */

/* Drop calls whose results nobody reads, join runs of dense elementwise calls (`fuse`), place all blocks, and write
 * pointers. WG_NO_MEMORY: nothing was done. */
wg_status wg_program_finish(wg_program *p, int fuse);
/* Another one of the same calls, with blocks of its own; NULL when there is no memory. */
wg_program *wg_program_copy(const wg_program *p);
/* The address of a slot; NULL for a BOUND one that is not bound. */
char *wg_program_base(const wg_program *p, int slot);
void wg_program_bind(wg_program *p, int slot, char *base);
/* Run calls from place `from` on, until the end, a WG_CALL_STEP, or one that fails; gives its place, and its status. Now
 * and then `interrupted` is asked, unless it is NULL: anything but 0 ends the run with WG_INTERRUPTED. */
ptrdiff_t wg_program_run(wg_program *p, ptrdiff_t from, int (*interrupted)(void), wg_status *status);
int wg_program_entry(const wg_program *p, ptrdiff_t place);
/* The arguments of a call, in place, for numbers that change from run to run; its slots are not to be touched. */
void *wg_program_arguments(wg_program *p, ptrdiff_t place);

typedef struct {
    ptrdiff_t calls, fused; /* in the list; elementwise calls that became parts of others */
    size_t arena, blocks;   /* bytes; what all blocks take together */
} wg_program_size;
wg_program_size wg_program_sizes(const wg_program *p);

/* ---------------------------------------------------------------- calls (calls.c) */

/* out[i] = kernel(inputs[i]) for i < items. steps[j]: bytes of an item of operand j, 0 if it is one item for all. */
typedef struct {
    ptrdiff_t items;
    uint16_t kernel;
    uint8_t operands, steps[WG_MAX_OPERANDS];
    char *data[WG_MAX_OPERANDS];
    const double *params;
} wg_dense;
#define WG_SHORT 1024 /* items: less than a chunk of any kernel's work, as in loop.c */
/* `items` of them on this thread, at data[j] for operand j. */
void wg_dense_run(const wg_dense *d, wg_real real, ptrdiff_t items, char *const *data);
wg_call_fn wg_call_dense;

typedef struct {
    wg_elementwise kernel;
    int ndim;
    const ptrdiff_t *shape;
    char *data[WG_MAX_OPERANDS];
    const ptrdiff_t *strides[WG_MAX_OPERANDS];
    const double *params;
} wg_strided;
wg_call_fn wg_call_strided;

/* Items of `size` bytes, 1, 2, 4 or 8 (16 for pairs), copied from any strides to any strides, in bytes; `to` and `from`
 * are apart, or the same. */
typedef struct {
    int ndim;
    size_t size;
    const ptrdiff_t *shape;
    char *to;
    const ptrdiff_t *to_strides;
    const char *from;
    const ptrdiff_t *from_strides;
} wg_assign;
void wg_assign_run(const wg_assign *a);
wg_call_fn wg_call_assign;

typedef struct {
    char *to;
    size_t bytes;
} wg_zeros;
wg_call_fn wg_call_zeros;

typedef struct {
    ptrdiff_t outer, n, inner;
    const char *in, *z; /* z: of the derivative, the forward result */
    ptrdiff_t strides[3], z_strides[3];
    char *out;
    int log;
} wg_softmax;
wg_call_fn wg_call_softmax, wg_call_softmax_grad;

typedef struct {
    wg_cross_entropy c;
    const void *targets; /* probabilities; NULL for labels */
    ptrdiff_t target_row_stride;
    void *total; /* of the table's type: the total loss, divided by the total weight where `mean`; NULL for none */
    int mean;
} wg_cross_entropy_call;
wg_status wg_cross_entropy_run(wg_cross_entropy_call *c, wg_real real);
wg_call_fn wg_call_cross_entropy;

typedef struct {
    wg_source type;
    const void *source;
    ptrdiff_t rows, width, row_stride;
    const int64_t *index;
    ptrdiff_t count;
    double scale, shift;
    void *out;
} wg_gather;
wg_call_fn wg_call_gather, wg_call_scatter_add;

typedef struct {
    ptrdiff_t outer, n, inner, k;
    const char *in;
    ptrdiff_t strides[3];
    int smallest;
    int64_t *out;
} wg_topk_call;
wg_call_fn wg_call_topk;

typedef struct {
    ptrdiff_t count, m, n;
    void *a;
    ptrdiff_t row_stride, matrix_stride;
    int64_t *order;
} wg_lu;

/* Of the families' own structs. */
wg_call_fn wg_norm_rows_run, wg_call_reduce, wg_call_scan, wg_call_scan_i64, wg_call_gemm, wg_call_solve, wg_call_lu,
    wg_call_along, wg_call_sgd, wg_call_adam, wg_call_rmsprop, wg_call_adagrad;

/* ---------------------------------------------------------------- joined calls (fuse.c) */

/* An input with strides of its own (bytes): a tile of it at a time is copied to a block of scratch memory. */
typedef struct {
    char *data;
    ptrdiff_t row_stride, col_stride;
} wg_fused_copy;

/* A run of dense calls of one length as one call, block by block, so that what one of them gives is still in the cache
 * when the next one reads it. Results that nobody outside reads take a block of memory alone. */
typedef struct {
    ptrdiff_t items, block;
    int parts;
    wg_dense *part;
    const signed char *scratch; /* per part and operand: the block of scratch memory, or -1 */
    ptrdiff_t cols;             /* where something is copied: the length of a row of all operands */
    int copies;                 /* to blocks WG_FUSED_SCRATCH and on */
    const wg_fused_copy *copy;
} wg_fused;
wg_call_fn wg_call_fused;
#define WG_FUSED_FROM 4096  /* items: shorter ones stay in the cache anyway */
#define WG_FUSED_BLOCK 8192 /* bytes of a block of the real type */
#define WG_FUSED_SCRATCH 6  /* blocks, on the stack of each thread */
#define WG_FUSED_COPIES 3   /* tiles beside these, */
#define WG_FUSED_ROW 2048   /* of rows of so many bytes */
#define WG_FUSED_TILE (32 * WG_FUSED_ROW)
#define WG_FUSED_PARTS 64 /* calls at most: each is compared with all others */

#endif
