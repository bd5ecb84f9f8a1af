/* elementwise.inc.c - the inner loops of the elementwise kernels, one function per line of unary.def and binary.def.
 *
 * A kernel is its body, a vector function of vectors, and what it takes and gives. One set of loops, always inlined, is
 * specialised for each. All rows go through dense_row, which wants unit strides: a broadcast input is written once to a
 * vector in memory that is then read without advancing (an extra load costs less than another copy of every loop, as
 * the stores are what bounds the cheap bodies), and anything else is packed a segment at a time. Cheap kernels have two
 * shorter ways: all strides unit, and rows of less than a vector. The outer dimensions and the threads are loop.c's. */
#include "cost.h"

/* What a kernel is made of. Every loop below gets a pointer to one of the constants at the end of this file, so that
 * compilers see through it. */
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
    return wg_cost_beyond_memory[k->kernel] == 0;
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
    else if (n == LANES)
        V(store)((real *)p, result);
    else
        V(store_tail)((real *)p, n, result);
}

/* n <= LANES items from item `at` on. Input j starts at in[j]; advances[j] is -1 where it has an item for each of the
 * output's, 0 where it is one vector for all of them. */
INLINE void INTERNAL(vector_step)(const INTERNAL(elementwise) *k, char *out, const char *const *in,
                                  const ptrdiff_t *advances, ptrdiff_t at, ptrdiff_t n, const vreal *p)
{
    vreal x[3] = {{0}};
    UNROLL
    for (int j = 0; j < 3; j++)
        if (j < k->inputs)
            x[j] = INTERNAL(load_input)(k, j, in[j] + (at * INTERNAL(input_size)(k, j) & advances[j]), n);
    INTERNAL(store_output)(k, out + at * (k->byte_output ? 1 : (ptrdiff_t)sizeof(real)), n, k->body(x, p));
}

/* Whether a row is better done from its end. Processors compare the addresses of loads and earlier stores by their low
 * 12 bits first: an input that lies a little before the output, modulo 4096, has its loads wait for stores that they
 * have nothing to do with, which costs up to a third of the time. From the end, it is those a little behind that do. */
INLINE int INTERNAL(better_backwards)(const INTERNAL(elementwise) *k, const char *out, const char *const *in,
                                      const ptrdiff_t *advances)
{
    const uintptr_t near = 512;
    int before = 0, behind = 0;
    if (k->byte_output)
        return 0; /* nothing stays near */
    for (int j = k->byte_input; j < k->inputs; j++) {
        uintptr_t distance = (uintptr_t)out - (uintptr_t)in[j];
        before |= advances[j] && (distance - 1) % 4096 < near;
        behind |= advances[j] && (-distance - 1) % 4096 < near;
    }
    return before && !behind;
}

/* One row of a dense output. */
INLINE void INTERNAL(dense_row)(const INTERNAL(elementwise) *k, ptrdiff_t cols, char *out, const char *const *in,
                                const ptrdiff_t *advances, const vreal *p)
{
    ptrdiff_t left = cols / LANES, i = 0, step = LANES;
    if (left >= 16 && INTERNAL(better_backwards)(k, out, in, advances)) {
        i = (left - 1) * LANES;
        step = -LANES;
    }
    if (INTERNAL(is_cheap)(k))
        for (; left >= 4; left -= 4, i += 4 * step) {
            INTERNAL(vector_step)(k, out, in, advances, i, LANES, p);
            INTERNAL(vector_step)(k, out, in, advances, i + step, LANES, p);
            INTERNAL(vector_step)(k, out, in, advances, i + 2 * step, LANES, p);
            INTERNAL(vector_step)(k, out, in, advances, i + 3 * step, LANES, p);
        }
    for (; left > 0; left--, i += step)
        INTERNAL(vector_step)(k, out, in, advances, i, LANES, p);
    if (cols % LANES)
        INTERNAL(vector_step)(k, out, in, advances, cols - cols % LANES, cols % LANES, p);
}

/* n <= SEGMENT items, `stride` bytes apart, to a dense buffer; and from one. Shared by all kernels, so not inlined. */
#undef SEGMENT
#define SEGMENT 128
static NOINLINE void INTERNAL(pack)(real *dense, const char *p, ptrdiff_t stride, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        dense[i] = *(const real *)(p + i * stride);
}
static NOINLINE void INTERNAL(unpack)(const real *dense, char *p, ptrdiff_t stride, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        *(real *)(p + i * stride) = dense[i];
}
static NOINLINE void INTERNAL(copy_bytes)(char *to, ptrdiff_t to_stride, const char *from,
                                                           ptrdiff_t from_stride, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        to[i * to_stride] = from[i * from_stride];
}

/* Input j's items at p, n <= SEGMENT of them and at least one, where vectors can read them: in place, repeated through
 * one vector, or packed. */
INLINE const char *INTERNAL(prepare)(const INTERNAL(elementwise) *k, int j, const char *p, ptrdiff_t stride,
                                     ptrdiff_t n, real *buffer)
{
    int bytes = k->byte_input && j == 0;
    if (stride == INTERNAL(input_size)(k, j))
        return p;
    if (stride == 0 && bytes)
        memset(buffer, *p, LANES);
    else if (stride == 0)
        V(store)(buffer, V(splat)(*(const real *)p));
    else if (bytes)
        INTERNAL(copy_bytes)((char *)buffer, 1, p, stride, n);
    else
        INTERNAL(pack)(buffer, p, stride, n);
    return (const char *)buffer;
}

/* Rows with any strides. `dense` tells that all are unit or zero: then nothing needs a buffer for more than one vector,
 * and a row is one segment. */
INLINE void INTERNAL(any_rows)(const INTERNAL(elementwise) *k, ptrdiff_t rows, ptrdiff_t cols, char *const *data,
                               const ptrdiff_t *row_strides, const ptrdiff_t *col_strides, int dense, const vreal *p)
{
    _Alignas(WG_VECTOR_BYTES) real buffer[4][SEGMENT];
    const ptrdiff_t out_size = k->byte_output ? 1 : (ptrdiff_t)sizeof(real), longest = dense ? cols : SEGMENT;
    ptrdiff_t advances[3] = {0};
    for (int j = 0; j < k->inputs; j++)
        advances[j] = -(col_strides[j + 1] != 0);
    for (ptrdiff_t row = 0; row < rows; row++)
        for (ptrdiff_t i = 0, n; i < cols; i += n) {
            n = cols - i < longest ? cols - i : longest;
            const char *in[3] = {0};
            for (int j = 0; j < k->inputs; j++) {
                const char *from = data[j + 1] + row * row_strides[j + 1] + i * col_strides[j + 1];
                in[j] = INTERNAL(prepare)(k, j, from, col_strides[j + 1], n, buffer[j + 1]);
            }
            char *to = data[0] + row * row_strides[0] + i * col_strides[0];
            INTERNAL(dense_row)(k, n, col_strides[0] == out_size ? to : (char *)buffer[0], in, advances, p);
            if (col_strides[0] != out_size && k->byte_output)
                INTERNAL(copy_bytes)(to, col_strides[0], (const char *)buffer[0], 1, n);
            else if (col_strides[0] != out_size)
                INTERNAL(unpack)(buffer[0], to, col_strides[0], n);
        }
}

/* Rows of at most one vector, strides unit or zero: the few columns of a classifier's output. */
INLINE void INTERNAL(narrow_rows)(const INTERNAL(elementwise) *k, ptrdiff_t rows, ptrdiff_t cols, char *const *data,
                                  const ptrdiff_t *row_strides, const ptrdiff_t *col_strides, const vreal *p)
{
    char *out = data[0];
    const char *in[3] = {0};
    for (int j = 0; j < k->inputs; j++)
        in[j] = data[j + 1];
    for (ptrdiff_t row = 0; row < rows; row++) {
        vreal x[3] = {{0}};
        UNROLL
        for (int j = 0; j < 3; j++)
            if (j < k->inputs) {
                x[j] = col_strides[j + 1] ? V(load_tail)((const real *)in[j], cols) : V(splat)(*(const real *)in[j]);
                in[j] += row_strides[j + 1];
            }
        vreal result = k->body(x, p);
        if (k->byte_output)
            V(store_bytes)(out, cols, V(as_int)(result));
        else
            V(store_tail)((real *)out, cols, result);
        out += row_strides[0];
    }
}

/* Copies a block whose input has unit stride down the rows, and whose output has it along them. A cache line's worth of
 * rows at a time, so that both sides use their lines whole. */
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

/* A block of rows: the contract of wg_elementwise_fn. */
INLINE void INTERNAL(block)(const INTERNAL(elementwise) *k, ptrdiff_t rows, ptrdiff_t cols, char *const *data,
                            const ptrdiff_t *row_strides, const ptrdiff_t *col_strides, const double *params)
{
    assert(rows >= 0 && cols >= 0);
    vreal p[2] = {{0}};
    for (int j = 0; j < k->params; j++)
        p[j] = V(splat)((real)params[j]);
    int unit = col_strides[0] == (k->byte_output ? 1 : (ptrdiff_t)sizeof(real)), dense = unit;
    for (int j = 0; j < k->inputs; j++) {
        int one = col_strides[j + 1] == INTERNAL(input_size)(k, j);
        unit &= one;
        dense &= one | (col_strides[j + 1] == 0);
    }

    if (INTERNAL(is_cheap)(k) && !k->byte_input && dense && cols < LANES) {
        INTERNAL(narrow_rows)(k, rows, cols, data, row_strides, col_strides, p);
    } else if (INTERNAL(is_cheap)(k) && unit) {
        const ptrdiff_t advances[3] = {-1, -1, -1};
        for (ptrdiff_t row = 0; row < rows; row++) {
            const char *in[3] = {0};
            for (int j = 0; j < k->inputs; j++)
                in[j] = data[j + 1] + row * row_strides[j + 1];
            INTERNAL(dense_row)(k, cols, data[0] + row * row_strides[0], in, advances, p);
        }
    } else if (k->kernel == WG_ELEMENTWISE_copy && col_strides[0] == (ptrdiff_t)sizeof(real) &&
               row_strides[1] == (ptrdiff_t)sizeof(real) && col_strides[1] != 0) {
        INTERNAL(transpose)(rows, cols, data[0], row_strides[0], data[1], col_strides[1]);
    } else {
        INTERNAL(any_rows)(k, rows, cols, data, row_strides, col_strides, dense, p);
    }
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
#define WG_COMPARE(name, body) \
    WG_BODY(name, vreal x = in[0]; vreal y = in[1], V(as_real)(body)) WG_KERNEL(name, .inputs = 2, .byte_output = 1)
#include "unary.def"
#include "binary.def"
WG_BODY(where, vint condition = V(as_int)(in[0]), V(select)(condition, in[1], in[2]))
WG_KERNEL(where, .inputs = 3, .byte_input = 1)
#undef WG_UNARY
#undef WG_UNARY_PARAMS
#undef WG_BINARY
#undef WG_COMPARE
#undef WG_KERNEL
#undef WG_BODY
