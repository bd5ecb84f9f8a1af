/* elementwise.inc.c - the inner loops of the elementwise kernels, one function per line of unary.def and binary.def.
 *
 * A kernel is its body, a vector function of vectors, and what it takes and gives. One set of loops, always inlined, is
 * specialised for each, and where the body is cheap also for each choice of the inputs that have one item for a whole row,
 * which then waits in a register. Other strides, the outer dimensions and the threads are loop.c's. */
#include "grain.h"
#include "special.inc.c"

/* What a kernel is made of. Every loop below is inlined for one of the constants at the end of this file, and so
 * compiled for what that says. */
typedef struct {
    wg_elementwise kernel;
    vreal (*body)(const vreal *x, const vreal *p);
    int inputs, params;
    int byte_input;  /* the first input is a byte per item; the body sees it as a mask */
    int byte_output; /* the body gives a mask, stored as a byte per item */
} INTERNAL(elementwise);

INLINE ptrdiff_t INTERNAL(input_size)(const INTERNAL(elementwise) *k, int input)
{
    return k->byte_input && input == 0 ? 1 : (ptrdiff_t)sizeof(real);
}

/* Whether the body is so small that the loop around it counts. */
INLINE int INTERNAL(is_cheap)(const INTERNAL(elementwise) *k)
{
    return cost_of_arithmetic[k->kernel] == 0;
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

/* n <= LANES items from item `at` on. Input j starts at in[j], or, where bit j of `fixed` is set, is `value[j]`
 * everywhere. */
INLINE void INTERNAL(vector_step)(const INTERNAL(elementwise) *k, const int fixed, char *out, const char *const *in,
                                  ptrdiff_t at, ptrdiff_t n, const vreal *value, const vreal *p)
{
    vreal x[3] = {{0}};
    UNROLL
    for (int j = 0; j < 3; j++)
        if (fixed >> j & 1)
            x[j] = value[j];
        else if (j < k->inputs)
            x[j] = INTERNAL(load_input)(k, j, in[j] + at * INTERNAL(input_size)(k, j), n);
    INTERNAL(store_output)(k, out + at * (k->byte_output ? 1 : (ptrdiff_t)sizeof(real)), n, k->body(x, p));
}

/* Whether rows are better done from their ends. Processors first compare the addresses of loads with those of earlier
 * stores by their low 12 bits: the loads of an input that lies a little before the output, modulo 4096, wait for stores
 * that do not concern them, which costs up to a third of the time. From the end, this befalls inputs that lie a little
 * behind. Only inputs that stay as far from the output in all rows count. */
INLINE int INTERNAL(better_backwards)(const INTERNAL(elementwise) *k, const int fixed, ptrdiff_t rows,
                                      char *const *data, const ptrdiff_t *row_strides)
{
    const uintptr_t near = 512;
    int before = 0, behind = 0;
    if (k->byte_output)
        return 0; /* nothing stays near */
    for (int j = k->byte_input; j < k->inputs; j++) {
        uintptr_t distance = (uintptr_t)data[0] - (uintptr_t)data[j + 1];
        const int counts = !(fixed >> j & 1) && (rows == 1 || row_strides[j + 1] == row_strides[0]);
        before |= counts && (distance - 1) % 4096 < near;
        behind |= counts && (-distance - 1) % 4096 < near;
    }
    return before && !behind;
}

/* One row of a dense output. */
INLINE void INTERNAL(dense_row)(const INTERNAL(elementwise) *k, const int fixed, ptrdiff_t cols, int backwards,
                                char *out, const char *const *in, const vreal *value, const vreal *p)
{
    ptrdiff_t left = cols / LANES, i = 0, step = LANES;
    if (backwards) {
        i = (left - 1) * LANES;
        step = -LANES;
    }
    if (INTERNAL(is_cheap)(k))
        for (; left >= 4; left -= 4, i += 4 * step) {
            INTERNAL(vector_step)(k, fixed, out, in, i, LANES, value, p);
            INTERNAL(vector_step)(k, fixed, out, in, i + step, LANES, value, p);
            INTERNAL(vector_step)(k, fixed, out, in, i + 2 * step, LANES, value, p);
            INTERNAL(vector_step)(k, fixed, out, in, i + 3 * step, LANES, value, p);
        }
    for (; left > 0; left--, i += step)
        INTERNAL(vector_step)(k, fixed, out, in, i, LANES, value, p);
    if (cols % LANES)
        INTERNAL(vector_step)(k, fixed, out, in, cols - cols % LANES, cols % LANES, value, p);
}

/* Rows of a dense output. `fixed`, a constant for unary and for cheap bodies, has the bits of the inputs with one item for
 * a whole row. */
INLINE void INTERNAL(dense_rows)(const INTERNAL(elementwise) *k, const int fixed, ptrdiff_t rows, ptrdiff_t cols,
                                 char *const *data, const ptrdiff_t *row_strides, const vreal *p)
{
    const int backwards =
        cols / LANES >= 16 && INTERNAL(better_backwards)(k, fixed, rows, data, row_strides);
    char *out = data[0];
    const char *in[3] = {0};
    for (int j = 0; j < k->inputs; j++)
        in[j] = data[j + 1];
    for (ptrdiff_t row = 0; row < rows; row++) {
        vreal value[3] = {{0}};
        UNROLL
        for (int j = 0; j < 3; j++)
            if (fixed >> j & 1)
                value[j] = k->byte_input && j == 0 ? V(as_real)((vint){0} - (*in[j] != 0))
                                                   : V(splat)(*(const real *)in[j]);
        if (cols < LANES) /* the few columns of a classifier's output */
            INTERNAL(vector_step)(k, fixed, out, in, 0, cols, value, p);
        else
            INTERNAL(dense_row)(k, fixed, cols, backwards, out, in, value, p);
        out += row_strides[0];
        for (int j = 0; j < k->inputs; j++)
            in[j] += row_strides[j + 1];
    }
}

/* Copy a block whose input has unit stride down the rows, and whose output has it along them. A strip is as many rows
 * as items fit a cache line, so that both sides use their lines whole. */
static NOINLINE void INTERNAL(transpose)(ptrdiff_t rows, ptrdiff_t cols, char *out,
                                                          ptrdiff_t out_row_stride, const char *in,
                                                          ptrdiff_t in_col_stride)
{
    const ptrdiff_t strip = 64 / (ptrdiff_t)sizeof(real), size = sizeof(real);
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

/* Copy rows whose items have any stride. Four are loaded before the first of them is stored, so that the compiler may
 * store them together. */
static NOINLINE void INTERNAL(copy_strided)(ptrdiff_t rows, ptrdiff_t cols, char *out, ptrdiff_t out_row_stride,
                                            const char *in, ptrdiff_t in_row_stride, ptrdiff_t stride)
{
    for (ptrdiff_t row = 0; row < rows; row++, out += out_row_stride, in += in_row_stride) {
        real *const to = (real *)out;
        ptrdiff_t i = 0;
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
    int fixed = 0;
    for (int j = 0; j < k->inputs; j++)
        fixed |= (col_strides[j + 1] == 0) << j;
    if (is_copy && !fixed && col_strides[1] != (ptrdiff_t)sizeof(real)) {
        if (row_strides[1] == (ptrdiff_t)sizeof(real))
            INTERNAL(transpose)(rows, cols, data[0], row_strides[0], data[1], col_strides[1]);
        else
            INTERNAL(copy_strided)(rows, cols, data[0], row_strides[0], data[1], row_strides[1], col_strides[1]);
        return;
    }
    if (!INTERNAL(is_cheap)(k)) {
        INTERNAL(dense_rows)(k, k->inputs == 1 ? 0 : fixed, rows, cols, data, row_strides, p);
        return;
    }
    UNROLL
    for (int mask = 0; mask < (1 << k->inputs) - !is_copy; mask++)
        if (fixed == mask)
            INTERNAL(dense_rows)(k, mask, rows, cols, data, row_strides, p);
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
#include "unary.def"
#include "binary.def"
WG_BODY(where, vint condition = V(as_int)(in[0]), V(select)(condition, in[1], in[2]))
WG_KERNEL(where, .inputs = 3, .byte_input = 1)
#undef WG_UNARY
#undef WG_UNARY_PARAMS
#undef WG_BINARY
#undef WG_BINARY_PARAMS
#undef WG_COMPARE
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
#include "unary.def"
#include "binary.def"
#undef WG_UNARY
#undef WG_UNARY_PARAMS
#undef WG_BINARY
#undef WG_BINARY_PARAMS
#undef WG_COMPARE
        [WG_ELEMENTWISE_where] = BOTH(where),
    },
    /* clang-format on */
};
#endif
