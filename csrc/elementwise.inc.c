/* elementwise.inc.c - the inner loops of the elementwise kernels, one function per line of unary.def and binary.def.
 *
 * A kernel is its body, a vector function of vectors, and what it takes and gives. One set of loops, always inlined,
 * is specialised for each: over unit strides; over unit strides and broadcasts; over anything. The outer dimensions and
 * the threads are loop.c's.
 *
 * A broadcast input is written once to a vector in memory, which is then read without advancing: an extra load costs
 * less than another copy of every loop, since the stores are what bounds the cheap bodies. */
#include "cost.h"

/* Always a compile-time constant below. */
typedef struct {
    vreal (*body)(const vreal *x, const vreal *p);
    int inputs, params;
    int byte_input;  /* the first input is a byte per item; the body sees it as a mask */
    int byte_output; /* the body gives a mask, stored as a byte per item */
    int cheap;       /* so few instructions that the loop itself counts */
    int is_copy;     /* a transposed input is worth loops of its own */
} INTERNAL(elementwise);

INLINE ptrdiff_t INTERNAL(input_size)(INTERNAL(elementwise) k, int input)
{
    return k.byte_input && input == 0 ? 1 : (ptrdiff_t)sizeof(real);
}

/* The first n items at p of an input with unit stride; n = LANES where that is known. */
INLINE vreal INTERNAL(load_input)(INTERNAL(elementwise) k, int input, const char *p, ptrdiff_t n)
{
    if (k.byte_input && input == 0)
        return V(as_real)(V(load_bytes)(p, n));
    return n == LANES ? V(load)((const real *)p) : V(load_tail)((const real *)p, n);
}

INLINE void INTERNAL(store_output)(INTERNAL(elementwise) k, char *p, ptrdiff_t n, vreal result)
{
    if (k.byte_output)
        V(store_bytes)(p, n, V(as_int)(result));
    else if (n == LANES)
        V(store)((real *)p, result);
    else
        V(store_tail)((real *)p, n, result);
}

/* n <= LANES items at offset `at`, where input j starts at in[j] and advances by unit[j] bytes per item: its size or 0. */
INLINE void INTERNAL(vector_step)(INTERNAL(elementwise) k, char *out, const char *const *in, const ptrdiff_t *unit,
                                  ptrdiff_t at, ptrdiff_t n, const vreal *p)
{
    vreal x[3] = {{0}};
    UNROLL
    for (int j = 0; j < 3; j++)
        if (j < k.inputs)
            x[j] = INTERNAL(load_input)(k, j, in[j] + at * unit[j], n);
    INTERNAL(store_output)(k, out + at * (k.byte_output ? 1 : (ptrdiff_t)sizeof(real)), n, k.body(x, p));
}

/* One row of a dense output. */
INLINE void INTERNAL(dense_row)(INTERNAL(elementwise) k, ptrdiff_t cols, char *out, const char *const *in,
                                const ptrdiff_t *unit, const vreal *p)
{
    ptrdiff_t i = 0;
    if (k.cheap)
        for (; i + 4 * LANES <= cols; i += 4 * LANES) {
            INTERNAL(vector_step)(k, out, in, unit, i, LANES, p);
            INTERNAL(vector_step)(k, out, in, unit, i + LANES, LANES, p);
            INTERNAL(vector_step)(k, out, in, unit, i + 2 * LANES, LANES, p);
            INTERNAL(vector_step)(k, out, in, unit, i + 3 * LANES, LANES, p);
        }
    for (; i + LANES <= cols; i += LANES)
        INTERNAL(vector_step)(k, out, in, unit, i, LANES, p);
    if (i < cols)
        INTERNAL(vector_step)(k, out, in, unit, i, cols - i, p);
}

/* n <= SEGMENT items, `stride` bytes apart, to a dense buffer; and from one. Shared by all kernels, so not inlined. */
#undef SEGMENT
#define SEGMENT 128
static __attribute__((noinline)) void INTERNAL(pack)(real *dense, const char *p, ptrdiff_t stride, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        dense[i] = *(const real *)(p + i * stride);
}
static __attribute__((noinline)) void INTERNAL(unpack)(const real *dense, char *p, ptrdiff_t stride, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        *(real *)(p + i * stride) = dense[i];
}
static __attribute__((noinline)) void INTERNAL(copy_bytes)(char *to, ptrdiff_t to_stride, const char *from,
                                                           ptrdiff_t from_stride, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++)
        to[i * to_stride] = from[i * from_stride];
}

/* Input j's items at p, n <= SEGMENT of them and at least one, where vectors can read them: in place, repeated through
 * one vector, or packed. */
INLINE const char *INTERNAL(prepare)(INTERNAL(elementwise) k, int j, const char *p, ptrdiff_t stride, ptrdiff_t n,
                                     real *buffer)
{
    int bytes = k.byte_input && j == 0;
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

/* One row with any strides. */
INLINE void INTERNAL(any_row)(INTERNAL(elementwise) k, ptrdiff_t cols, char *out, const char *const *in,
                              const ptrdiff_t *strides, const vreal *p)
{
    _Alignas(WG_VECTOR_BYTES) real buffer[4][SEGMENT];
    const ptrdiff_t out_size = k.byte_output ? 1 : (ptrdiff_t)sizeof(real);
    int whole = strides[0] == out_size; /* nothing needs a buffer for more than one vector */
    ptrdiff_t unit[3] = {0};
    for (int j = 0; j < k.inputs; j++) {
        unit[j] = strides[j + 1] ? INTERNAL(input_size)(k, j) : 0;
        whole &= strides[j + 1] == unit[j];
    }
    for (ptrdiff_t i = 0, n; i < cols; i += n) {
        n = whole || cols - i < SEGMENT ? cols - i : SEGMENT;
        const char *ready[3] = {0};
        for (int j = 0; j < k.inputs; j++)
            ready[j] = INTERNAL(prepare)(k, j, in[j] + i * strides[j + 1], strides[j + 1], n, buffer[j + 1]);
        char *to = out + i * strides[0];
        INTERNAL(dense_row)(k, n, strides[0] == out_size ? to : (char *)buffer[0], ready, unit, p);
        if (strides[0] != out_size && k.byte_output)
            INTERNAL(copy_bytes)(to, strides[0], (const char *)buffer[0], 1, n);
        else if (strides[0] != out_size)
            INTERNAL(unpack)(buffer[0], to, strides[0], n);
    }
}

/* Copies a block whose input has unit stride down the rows, whose output has it along them. A cache line's worth of rows
 * at a time, so that both sides use their lines whole. */
static __attribute__((noinline)) void INTERNAL(transpose)(ptrdiff_t rows, ptrdiff_t cols, char *out,
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
INLINE void INTERNAL(block)(INTERNAL(elementwise) k, ptrdiff_t rows, ptrdiff_t cols, char *const *data,
                            const ptrdiff_t *row_strides, const ptrdiff_t *col_strides, const double *params)
{
    assert(rows >= 0 && cols >= 0);
    vreal p[2] = {{0}};
    for (int j = 0; j < k.params; j++)
        p[j] = V(splat)((real)params[j]);
    const ptrdiff_t sizes[3] = {INTERNAL(input_size)(k, 0), sizeof(real), sizeof(real)};
    int unit = k.cheap && col_strides[0] == (k.byte_output ? 1 : (ptrdiff_t)sizeof(real));
    for (int j = 0; j < k.inputs; j++)
        unit &= col_strides[j + 1] == sizes[j];

    if (k.is_copy && !unit && col_strides[0] == sizes[0] && row_strides[1] == sizes[0] && col_strides[1] != 0) {
        INTERNAL(transpose)(rows, cols, data[0], row_strides[0], data[1], col_strides[1]);
        return;
    }
    for (ptrdiff_t row = 0; row < rows; row++) {
        const char *in[3] = {0};
        for (int j = 0; j < k.inputs; j++)
            in[j] = data[j + 1] + row * row_strides[j + 1];
        char *out = data[0] + row * row_strides[0];
        if (unit)
            INTERNAL(dense_row)(k, cols, out, in, sizes, p);
        else
            INTERNAL(any_row)(k, cols, out, in, col_strides, p);
    }
}

/* One function per line: the body as a function of vectors, and the loops specialised for it. */
#define WG_KERNEL(name, ...)                                                                                          \
    static void K(name)(ptrdiff_t rows, ptrdiff_t cols, char *const *data, const ptrdiff_t *row_strides,             \
                        const ptrdiff_t *col_strides, const double *params)                                          \
    {                                                                                                                 \
        INTERNAL(block)((INTERNAL(elementwise)){.body = INTERNAL(body_##name),                                       \
                                                .cheap = wg_cost_beyond_memory[WG_ELEMENTWISE_##name] == 0,          \
                                                .is_copy = WG_ELEMENTWISE_##name == WG_ELEMENTWISE_copy,             \
                                                __VA_ARGS__},                                                        \
                        rows, cols, data, row_strides, col_strides, params);                                         \
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
