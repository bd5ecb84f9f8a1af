/* elementwise.inc.c - the inner loops of the elementwise kernels, one function per line of unary.def and binary.def.
 *
 * A kernel is its body, a vector function of vectors, and what it takes and gives. One set of loops, always inlined, is
 * specialised for each: the body once, or where it is cheap, and the loop counts, a few times more. Other strides, the
 * outer dimensions and the threads are loop.c's. */
#include "grain.h"
#include "elementary.inc.c"
#include "special.inc.c"

/* A loop that is left as it is, and a function that is not compiled anew for constants that some call it with. */
#undef NOT_UNROLLED
#undef NOCLONE
#ifdef __clang__
#define NOT_UNROLLED _Pragma("clang loop unroll(disable)")
#define NOCLONE
#else
#define NOT_UNROLLED _Pragma("GCC unroll 1")
#define NOCLONE __attribute__((noclone))
#endif

/* What a kernel is made of. Every loop below is inlined for one of the constants at the end of this file, and so
 * compiled for what that says. */
typedef struct {
    wg_elementwise kernel;
    vreal (*body)(const vreal *x, const vreal *p);
    int inputs, params;
    int byte_input;  /* the first input is a byte per item; the body sees it as a mask */
    int byte_output; /* the body gives a mask, stored as a byte per item */
} INTERNAL(elementwise);

/* Huber's loss of d, times a scale: c, which is d within [-delta, delta], makes one formula of both branches. */
INLINE vreal V(huber)(vreal d, vreal delta, vreal scale)
{
    const vreal c = V(min)(V(max)(d, -delta), delta);
    return c * scale * (d - c * (real)0.5);
}

/* Whether the body is so small that the loop around it counts. */
INLINE int INTERNAL(is_cheap)(const INTERNAL(elementwise) *k)
{
    return cost_of_arithmetic[k->kernel] == 0;
}

/* How many vectors a turn of a loop that counts does: as many as there are registers for the inputs' steps. */
INLINE int INTERNAL(unrolled)(const INTERNAL(elementwise) *k)
{
    return !INTERNAL(is_cheap)(k) ? 0 : k->inputs > 2 ? 2 : 4;
}

/* The first n items at p of an input with unit stride; n = LANES where that is known. */
INLINE vreal INTERNAL(load_input)(const INTERNAL(elementwise) *k, int input, const char *p, ptrdiff_t n)
{
    if (k->byte_input && input == 0)
        return V(as_real)(V(load_bytes)(p, n));
    if (n < LANES)
        return V(load_tail)((const real *)p, n);
    return INTERNAL(is_cheap)(k) ? V(load_far)((const real *)p) : V(load)((const real *)p);
}

INLINE void INTERNAL(store_output)(const INTERNAL(elementwise) *k, char *p, ptrdiff_t n, vreal result)
{
    if (k->byte_output)
        V(store_bytes)(p, n, V(as_int)(result));
    else
        V(store_upto)((real *)p, n, result);
}

/* The rows of a dense output, as the loops below want them. An input with one item for a whole row is read from a
 * vector of it, again and again, hardly slower than from a register: so one loop serves whichever inputs do that.
 *
 * Member 3 of an array is the output's. */
typedef struct {
    char *at[4];           /* where the row begins, or the vector of its one item is; */
    ptrdiff_t row_step[4]; /* from one row's to the next */
    ptrdiff_t step[4];     /* from a vector to the next that is done, in bytes: negative, or zero for a single item */
    ptrdiff_t blocks;      /* of several vectors each, */
    ptrdiff_t begin[4];    /* in the order in which they are done from here on; */
    ptrdiff_t vectors;     /* and vectors, */
    ptrdiff_t rest[4];     /* from here on; */
    ptrdiff_t tail[4];     /* and what is less than a vector, here */
    int changing;          /* bits of the inputs whose single item is another one in each row: */
    const char *item[3];   /* it is here, */
    ptrdiff_t item_step[3];
    vreal single[3]; /* and spread here; where it is a byte, as bytes */
} INTERNAL(rows);

INLINE void INTERNAL(spread_items)(INTERNAL(rows) *r, int which, int inputs, int byte_input)
{
    UNROLL
    for (int j = 0; j < 3; j++)
        if (j < inputs && which >> j & 1) {
            r->single[j] = byte_input && j == 0 ? V(as_real)((vint){0} - (*r->item[j] != 0))
                                                : V(splat)(*(const real *)r->item[j]);
            r->item[j] += r->item_step[j];
        }
}

/* Whether rows are better done from their ends. Processors first compare the addresses of loads with those of earlier
 * stores by their low 12 bits: the loads of an input that lies a little before the output, modulo 4096, wait for stores
 * that do not concern them, which costs up to a third of the time. From the end, this befalls inputs that lie a little
 * behind. Only inputs that stay as far from the output in all rows count, and no bytes, which do not stay near. */
INLINE int INTERNAL(better_backwards)(int inputs, int byte_input, int fixed, ptrdiff_t rows, char *const *data,
                                      const ptrdiff_t *row_strides)
{
    const uintptr_t near = 512;
    int before = 0, behind = 0;
    for (int j = byte_input; j < inputs; j++) {
        uintptr_t distance = (uintptr_t)data[0] - (uintptr_t)data[j + 1];
        const int counts = !(fixed >> j & 1) && (rows == 1 || row_strides[j + 1] == row_strides[0]);
        before |= counts && (distance - 1) % 4096 < near;
        behind |= counts && (-distance - 1) % 4096 < near;
    }
    return before && !behind;
}

/* Prepare the rows, with blocks of `unrolled` vectors, or, where that is 0, without. */
static NOINLINE NOCLONE void INTERNAL(start_rows)(INTERNAL(rows) *r, int inputs, int byte_input, int byte_output,
                                                  int unrolled, ptrdiff_t rows, ptrdiff_t cols, char *const *data,
                                                  const ptrdiff_t *row_strides, const ptrdiff_t *col_strides)
{
    int fixed = 0;
    for (int j = 0; j < inputs; j++)
        fixed |= (col_strides[j + 1] == 0) << j;
    const int backwards = cols >= 16 * LANES && !byte_output &&
                          INTERNAL(better_backwards)(inputs, byte_input, fixed, rows, data, row_strides);
    const ptrdiff_t whole = cols / LANES, blocks = unrolled ? whole / unrolled : 0, in_blocks = blocks * unrolled;
    const ptrdiff_t begin = backwards ? in_blocks - 1 : 0, rest = backwards ? whole - 1 : in_blocks;
    r->blocks = blocks;
    r->vectors = whole - in_blocks;
    r->changing = 0;
    NOT_UNROLLED
    for (int j = 0; j <= inputs; j++) {
        const int k = j == 0 ? 3 : j - 1, is_byte = j == 0 ? byte_output : byte_input && j == 1;
        ptrdiff_t width = LANES * (is_byte ? 1 : (ptrdiff_t)sizeof(real));
        r->at[k] = data[j];
        r->row_step[k] = row_strides[j];
        if (j != 0 && fixed >> k & 1) {
            r->item[k] = data[j];
            r->item_step[k] = row_strides[j];
            r->changing |= (row_strides[j] != 0) << k;
            r->at[k] = (char *)&r->single[k];
            r->row_step[k] = width = 0;
        }
        r->begin[k] = begin * width;
        r->rest[k] = rest * width;
        r->tail[k] = whole * width;
        r->step[k] = backwards ? -width : width;
    }
    INTERNAL(spread_items)(r, fixed, inputs, byte_input);
}

/* One vector of n <= LANES items. */
INLINE void INTERNAL(vector)(const INTERNAL(elementwise) *k, char *const *at, ptrdiff_t n, const vreal *p)
{
    vreal x[3] = {{0}};
    UNROLL
    for (int j = 0; j < 3; j++)
        if (j < k->inputs)
            x[j] = INTERNAL(load_input)(k, j, at[j], n);
    INTERNAL(store_output)(k, at[3], n, k->body(x, p));
}

INLINE void INTERNAL(advance)(const INTERNAL(elementwise) *k, char **at, const ptrdiff_t *step)
{
    UNROLL
    for (int j = 0; j < 4; j++)
        if (j < k->inputs || j == 3)
            at[j] += step[j];
}

/* `turns` times `unrolled` whole vectors of a row, from `begin` on. */
INLINE void INTERNAL(whole_vectors)(const INTERNAL(elementwise) *k, ptrdiff_t turns, const int unrolled,
                                    char *const *row, const ptrdiff_t *begin, const ptrdiff_t *steps, const vreal *p)
{
    char *at[4] = {row[0], row[1], row[2], row[3]};
    const ptrdiff_t step[4] = {steps[0], steps[1], steps[2], steps[3]}; /* which no store changes */
    INTERNAL(advance)(k, at, begin);
    NOT_UNROLLED
    do {
        UNROLL
        for (int i = 0; i < unrolled; i++) {
            INTERNAL(vector)(k, at, LANES, p);
            INTERNAL(advance)(k, at, step);
        }
    } while (--turns);
}

/* A row of a cheap kernel. */
INLINE void INTERNAL(cheap_row)(const INTERNAL(elementwise) *k, const INTERNAL(rows) *r, char *const *row,
                                ptrdiff_t cols, const vreal *p)
{
    if (r->blocks)
        INTERNAL(whole_vectors)(k, r->blocks, INTERNAL(unrolled)(k), row, r->begin, r->step, p);
    if (r->vectors)
        INTERNAL(whole_vectors)(k, r->vectors, 1, row, r->rest, r->step, p);
    if (cols % LANES) {
        char *at[4] = {row[0], row[1], row[2], row[3]};
        INTERNAL(advance)(k, at, r->tail);
        INTERNAL(vector)(k, at, cols % LANES, p);
    }
}

/* A row of any other, whose body the code has once: what is less than a vector is copied into some and has the last
 * turn. No such kernel takes or gives bytes. */
INLINE void INTERNAL(costly_row)(const INTERNAL(elementwise) *k, const INTERNAL(rows) *r, char *const *row,
                                 ptrdiff_t cols, const vreal *p)
{
    assert(!k->byte_input && !k->byte_output);
    const ptrdiff_t step[4] = {r->step[0], r->step[1], r->step[2], r->step[3]}; /* which no store changes */
    char *at[4] = {row[0], row[1], row[2], row[3]}, *tail[4] = {row[0], row[1], row[2], row[3]};
    vreal last[4];
    INTERNAL(advance)(k, at, r->rest);
    INTERNAL(advance)(k, tail, r->tail);
    const ptrdiff_t left = cols % LANES, partial = left != 0;
    NOT_UNROLLED
    for (ptrdiff_t turn = r->vectors + partial; turn > 0; turn--) {
        if (UNLIKELY(turn == partial)) {
            UNROLL
            for (int j = 0; j < 3; j++)
                if (j < k->inputs) {
                    last[j] = V(load_tail)((const real *)tail[j], left);
                    at[j] = (char *)&last[j];
                }
            at[3] = (char *)&last[3];
        }
        INTERNAL(vector)(k, at, LANES, p);
        INTERNAL(advance)(k, at, step);
    }
    if (partial)
        V(store_upto)((real *)tail[3], left, last[3]);
}

/* Rows of a dense output. */
INLINE void INTERNAL(dense_rows)(const INTERNAL(elementwise) *k, ptrdiff_t rows, ptrdiff_t cols, char *const *data,
                                 const ptrdiff_t *row_strides, const ptrdiff_t *col_strides, const vreal *p)
{
    INTERNAL(rows) r;
    INTERNAL(start_rows)(&r, k->inputs, k->byte_input, k->byte_output, INTERNAL(unrolled)(k), rows, cols, data,
                         row_strides, col_strides);
    char *row[4] = {r.at[0], r.at[1], r.at[2], r.at[3]};
    for (;;) {
        if (INTERNAL(is_cheap)(k))
            INTERNAL(cheap_row)(k, &r, row, cols, p);
        else
            INTERNAL(costly_row)(k, &r, row, cols, p);
        if (--rows == 0)
            break;
        INTERNAL(advance)(k, row, r.row_step);
        if ((k->inputs > 1 || k->kernel == WG_ELEMENTWISE_copy) && r.changing)
            INTERNAL(spread_items)(&r, r.changing, k->inputs, k->byte_input);
    }
}

/* Copy a block whose input has unit stride down the rows, and whose output has it along them. A strip is as many rows
 * as items fit two cache lines, so that both sides use whole what processors fetch. */
static NOINLINE void INTERNAL(transpose)(ptrdiff_t rows, ptrdiff_t cols, char *out,
                                                          ptrdiff_t out_row_stride, const char *in,
                                                          ptrdiff_t in_col_stride)
{
    const ptrdiff_t strip = 128 / (ptrdiff_t)sizeof(real), size = sizeof(real);
    ptrdiff_t square_rows = rows / LANES * LANES, square_cols = cols / LANES * LANES;
    for (ptrdiff_t top = 0; top < square_rows; top += strip)
        for (ptrdiff_t col = 0; col < square_cols; col += LANES)
            for (ptrdiff_t row = top; row < square_rows && row < top + strip; row += LANES) {
                vreal block[LANES];
                UNROLL
                for (int i = 0; i < LANES; i++)
                    block[i] = V(load)((const real *)(in + row * size + (col + i) * in_col_stride));
                V(transpose)(block);
                UNROLL
                for (int i = 0; i < LANES; i++)
                    V(store)((real *)(out + (row + i) * out_row_stride + col * size), block[i]);
            }
    for (ptrdiff_t row = 0; row < rows; row++) {
        ptrdiff_t done = row < square_rows ? square_cols : 0;
        for (ptrdiff_t col = done; col < cols; col++)
            *(real *)(out + row * out_row_stride + col * size) = *(const real *)(in + row * size + col * in_col_stride);
    }
}

#undef LANE_REVERSED
#define LANE_REVERSED(l, d) ((int)LANES - (l) - (d))

/* Copy rows whose items have any stride. Four are loaded before the first of them is stored, so that the compiler may
 * store them together. */
static NOINLINE void INTERNAL(copy_strided)(ptrdiff_t rows, ptrdiff_t cols, char *out, ptrdiff_t out_row_stride,
                                            const char *in, ptrdiff_t in_row_stride, ptrdiff_t stride)
{
    for (ptrdiff_t row = 0; row < rows; row++, out += out_row_stride, in += in_row_stride) {
        real *const to = (real *)out;
        ptrdiff_t i = 0;
        if (stride == -(ptrdiff_t)sizeof(real))
            for (const real *from = (const real *)in + 1 - LANES; i + LANES <= cols; i += LANES) {
                const vreal x = V(load)(from - i);
                V(store)(to + i, SHUFFLE_LANES(x, x, EACH_LANE(LANE_REVERSED, 1)));
            }
        if (stride == 2 * (ptrdiff_t)sizeof(real))
            i = V(copy_even)(to, (const real *)in, cols);
        for (; i + 4 <= cols; i += 4) {
            const char *const from = in + i * stride;
            const real x0 = *(const real *)from, x1 = *(const real *)(from + stride);
            const real x2 = *(const real *)(from + 2 * stride), x3 = *(const real *)(from + 3 * stride);
            to[i] = x0, to[i + 1] = x1, to[i + 2] = x2, to[i + 3] = x3;
        }
        for (; i < cols; i++)
            to[i] = *(const real *)(in + i * stride);
    }
}

/* A block of rows: the contract of wg_elementwise_fn. */
INLINE void INTERNAL(block)(const INTERNAL(elementwise) *k, ptrdiff_t rows, ptrdiff_t cols, char *const *data,
                            const ptrdiff_t *row_strides, const ptrdiff_t *col_strides, const double *params)
{
    assert(rows >= 0 && cols >= 0);
    const int is_copy = k->kernel == WG_ELEMENTWISE_copy;
    vreal p[3] = {{0}};
    for (int j = 0; j < k->params; j++)
        p[j] = V(splat)((real)params[j]);
    if (rows == 0 || cols == 0)
        return;
    if (is_copy && col_strides[1] != 0 && col_strides[1] != (ptrdiff_t)sizeof(real)) {
        if (row_strides[1] == (ptrdiff_t)sizeof(real))
            INTERNAL(transpose)(rows, cols, data[0], row_strides[0], data[1], col_strides[1]);
        else
            INTERNAL(copy_strided)(rows, cols, data[0], row_strides[0], data[1], row_strides[1], col_strides[1]);
        return;
    }
    INTERNAL(dense_rows)(k, rows, cols, data, row_strides, col_strides, p);
}

/* One function per line: the body as a function of vectors, and the loops specialised for it. */
#define WG_KERNEL(name, ...)                                                                                          \
    static const INTERNAL(elementwise) INTERNAL(elementwise_##name) = {                                              \
        .kernel = WG_ELEMENTWISE_##name, .body = INTERNAL(body_##name), __VA_ARGS__};                                \
    static void K(name)(ptrdiff_t rows, ptrdiff_t cols, char *const *data, const ptrdiff_t *row_strides,             \
                        const ptrdiff_t *col_strides, const double *params)                                          \
    {                                                                                                                 \
        INTERNAL(block)(&INTERNAL(elementwise_##name), rows, cols, data, row_strides, col_strides, params);          \
    }
#define WG_BODY(name, inputs, result) \
    INLINE vreal INTERNAL(body_##name)(const vreal *in, const vreal *p) { inputs; (void)p; return result; }

#define WG_UNARY(name, body) WG_BODY(name, vreal x = in[0], body) WG_KERNEL(name, .inputs = 1)
#define WG_UNARY_PARAMS(name, count, body) \
    WG_BODY(name, vreal x = in[0], body) WG_KERNEL(name, .inputs = 1, .params = count)
#define WG_BINARY(name, body) WG_BODY(name, vreal x = in[0]; vreal y = in[1], body) WG_KERNEL(name, .inputs = 2)
#define WG_BINARY_PARAMS(name, count, body) \
    WG_BODY(name, vreal x = in[0]; vreal y = in[1], body) WG_KERNEL(name, .inputs = 2, .params = count)
#define WG_COMPARE(name, body) \
    WG_BODY(name, vreal x = in[0]; vreal y = in[1], V(as_real)(body)) WG_KERNEL(name, .inputs = 2, .byte_output = 1)
#define WG_TERNARY(name, count, body)                                                      \
    WG_BODY(name, vreal x = in[0]; vreal y = in[1]; vreal z = in[2], body)                 \
    WG_KERNEL(name, .inputs = 3, .params = count)
#include "unary.def"
#include "binary.def"
WG_BODY(where, vint condition = V(as_int)(in[0]), V(select)(condition, in[1], in[2]))
WG_KERNEL(where, .inputs = 3, .byte_input = 1)
#undef WG_UNARY
#undef WG_UNARY_PARAMS
#undef WG_BINARY
#undef WG_BINARY_PARAMS
#undef WG_COMPARE
#undef WG_TERNARY
#undef WG_KERNEL
#undef WG_BODY

#if REAL_BITS == 64
const wg_elementwise_kernels TABLE(elementwise) = {
    /* clang-format off */
    .kernel = {
#define WG_UNARY(name, body) [WG_ELEMENTWISE_##name] = BOTH(name),
#define WG_UNARY_PARAMS(name, params, body) [WG_ELEMENTWISE_##name] = BOTH(name),
#define WG_BINARY(name, body) [WG_ELEMENTWISE_##name] = BOTH(name),
#define WG_BINARY_PARAMS(name, params, body) [WG_ELEMENTWISE_##name] = BOTH(name),
#define WG_COMPARE(name, body) [WG_ELEMENTWISE_##name] = BOTH(name),
#define WG_TERNARY(name, params, body) [WG_ELEMENTWISE_##name] = BOTH(name),
#include "unary.def"
#include "binary.def"
#undef WG_UNARY
#undef WG_UNARY_PARAMS
#undef WG_BINARY
#undef WG_BINARY_PARAMS
#undef WG_COMPARE
#undef WG_TERNARY
        [WG_ELEMENTWISE_where] = BOTH(where),
    },
    /* clang-format on */
};
#endif
