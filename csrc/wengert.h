/* wengert.h - the contract between the kernels and whoever calls them.
 *
 * Everything below this header is C11 and knows nothing of Python. The arithmetic lives in families of kernels, a table
 * of functions each, compiled from one source per instruction set (family.c). The set's own table (`wg_kernels`) points
 * to them; dispatch.c picks a whole one, once. Threads (pool.c) and result memory (buffer.c) are shared by all tables.
 *
 * Rules that hold for every kernel unless its own comment says otherwise:
 *
 *   strides   Strides are signed and counted in bytes for elementwise work and reductions, in elements for matrices
 *             and rows. Zero is a broadcast. Pointers and strides are multiples of the item's size: the binding copies
 *             anything else first.
 *   aliasing  An output may coincide exactly with an input (same address, same strides), never overlap it partially.
 *   lengths   Zero is allowed everywhere. Nothing is read or written outside the extents described.
 *   NaN       Propagates. Infinities, signed zeros and denormals follow IEEE 754; no kernel is built with -ffast-math.
 *   memory    A kernel that needs scratch memory returns WG_NO_MEMORY before it has written anything.
 *   threads   Results do not depend on the number of threads: work is split by size alone.
 *   errors    Each family states the largest error that the tests allow, on every instruction set; eps is the spacing
 *             of the type at 1 (2^-23, 2^-52), a unit in the last place that of the result. Sets agree within this.
 */
#ifndef WENGERT_H
#define WENGERT_H

#include <stddef.h>
#include <stdint.h>

/* What threadpoolctl finds in the built extension; everything else stays inside. Where symbols are exported in another way,
 * the build says how. */
#ifndef WG_EXPORT
#define WG_EXPORT __attribute__((visibility("default")))
#endif

#define WG_MAX_DIMS 64    /* NumPy's own limit */
#define WG_MAX_OPERANDS 4 /* one output and up to three inputs */
#define WG_ALIGNMENT 64   /* of every buffer: one cache line, one AVX-512 vector */

typedef enum { WG_OK = 0, WG_NO_MEMORY = 1, WG_BAD_INDEX = 2, WG_INTERRUPTED = 3 } wg_status;

/* The types that kernels compute in. */
typedef enum { WG_F32, WG_F64, WG_REALS } wg_real;

/* ---------------------------------------------------------------- threads (pool.c) */

/* A piece of work: items [begin, end) of a job. `begin` is always a multiple of the job's grain and
 * end - begin <= grain, also when everything runs on the calling thread, so a task may key partial results on
 * begin / grain and stay independent of the number of threads. Tasks do not call into Python. */
typedef void wg_task(void *context, ptrdiff_t begin, ptrdiff_t end);

/* Run `task` over [0, count) in chunks of `grain` >= 1 and return when all of them are done. The caller takes part.
 * Serial when there is one chunk, one thread, or when called from inside a task of a job that runs in parallel or while
 * another thread's job runs. */
void wg_parallel_for(ptrdiff_t count, ptrdiff_t grain, wg_task *task, void *context);

/* The number of threads that a job may use, the caller included: from WENGERT_NUM_THREADS, else the smaller of the
 * affinity mask and the cgroup's CPU quota; fewer if the system denies threads. wg_set_num_threads clamps to
 * [1, WG_MAX_THREADS]. */
#define WG_MAX_THREADS 256
WG_EXPORT int wg_get_num_threads(void);
WG_EXPORT void wg_set_num_threads(int count);
/* The processors that this process may use, at least 1: the smaller of the affinity mask and the quota of its control
 * groups, a fraction rounded up. `root` stands before the paths that Linux is asked at, /proc and /sys: "" but in tests,
 * which give a tree of their own. */
int wg_processors(const char *root);
/* This process is one of several that share the machine: one thread, unless a number has been chosen. */
void wg_share_processors(void);

/* ---------------------------------------------------------------- containers (cgroup.c) */

/* What the control groups of this process allow, in version 2 and version 1 hierarchies alike: processors, in fractions,
 * and bytes of memory; infinity for no limit, and where the system has no such groups. `root` as above. */
double wg_cgroup_processors(const char *root);
double wg_cgroup_memory(const char *root);

/* ---------------------------------------------------------------- memory (buffer.c) */

/* A block of at least `bytes` bytes, aligned to WG_ALIGNMENT, contents undefined; NULL when there is no memory.
 * Released blocks are kept by size class and handed out again, up to a bound. Both are safe from any thread. */
void *wg_buffer_acquire(size_t bytes);
void wg_buffer_release(void *block);

typedef struct {
    size_t in_use; /* bytes in blocks handed out */
    size_t held;   /* bytes in blocks kept for reuse */
    size_t limit;  /* the bound on `held` */
} wg_buffer_stats;
wg_buffer_stats wg_buffer_usage(void);
void wg_buffer_set_limit(size_t bytes);
/* Return held blocks to the system until at most `keep` bytes are held; gives the number of bytes returned. */
size_t wg_buffer_trim(size_t keep);
/* For tests. While `on`, each block is mapped for itself, between bytes that are looked at when it is released, where
 * damage ends the process, and up to 63 bytes before a page that cannot be touched. Of effect on Linux only. */
void wg_buffer_guard(int on);

/* ---------------------------------------------------------------- elementwise */

/* Arithmetic, comparison and choice are rounded once per operation, as IEEE 754 and NumPy do it. Elementary
 * functions are within 4 units in the last place over their whole domain, most within 2.5; vmath.inc.c and elementary.inc.c
 * list each, and special.inc.c the special functions, which are within 6.
 * NaN gives NaN (a comparison with one is 0, but for not_equal); a result does not depend on the item's place or
 * stride. */

/* One line per kernel in unary.def and binary.def; the same lines give these names, the functions and the table. */
typedef enum {
#define WG_UNARY(name, body) WG_ELEMENTWISE_##name,
#define WG_UNARY_PARAMS(name, params, body) WG_ELEMENTWISE_##name,
#define WG_BINARY(name, body) WG_ELEMENTWISE_##name,
#define WG_BINARY_PARAMS(name, params, body) WG_ELEMENTWISE_##name,
#define WG_COMPARE(name, body) WG_ELEMENTWISE_##name,
#define WG_TERNARY(name, params, body) WG_ELEMENTWISE_##name,
#include "unary.def"
#include "binary.def"
#undef WG_UNARY
#undef WG_UNARY_PARAMS
#undef WG_BINARY
#undef WG_BINARY_PARAMS
#undef WG_COMPARE
#undef WG_TERNARY
    WG_ELEMENTWISE_where, /* out = condition ? x : y, with a condition of bytes */
    WG_ELEMENTWISE_COUNT
} wg_elementwise;

/* What an elementwise kernel takes, for callers that find it by name. */
typedef struct {
    const char *name;
    int inputs;  /* 1 to 3; the first of `where` is a byte per item */
    int params;  /* scalar parameters */
    int boolean; /* the output is a byte per item, 0 or 1 */
} wg_elementwise_info;
extern const wg_elementwise_info wg_elementwise_table[WG_ELEMENTWISE_COUNT];

/* The inner loop over a rows x cols block. Operand 0 is the output; row_strides and col_strides are in bytes, one per
 * operand. The items of an output's row are neighbours, those of an input's too, or all the same one, which at least one
 * input's are not; `copy` takes any. `params` holds the kernel's scalar parameters in order. */
typedef void wg_elementwise_fn(ptrdiff_t rows, ptrdiff_t cols, char *const *data, const ptrdiff_t *row_strides,
                               const ptrdiff_t *col_strides, const double *params);
typedef struct {
    wg_elementwise_fn *kernel[WG_ELEMENTWISE_COUNT][WG_REALS];
} wg_elementwise_kernels;

/* Any number of dimensions, inputs of any strides, an output whose smallest stride is its item's size: drops, sorts and
 * merges the dimensions, splits the work over threads and calls the inner loop (loop.c). strides[operand][dimension], in
 * bytes. */
void wg_elementwise_run(wg_elementwise kernel, wg_real real, int ndim, const ptrdiff_t *shape, char *const *data,
                        const ptrdiff_t *const *strides, const double *params);

/* ---------------------------------------------------------------- loops over one dimension */

/* `items` items: `data` and `steps`, in bytes, have the inputs first and the output last, as NumPy's inner loops want them,
 * which are such loops. A loop of two inputs whose output is the first of them, of step 0, folds the second into one item. */
typedef void wg_loop_fn(char **data, const ptrdiff_t *items, const ptrdiff_t *steps, void *context);

typedef struct {
    wg_loop_fn *run;
    void *context;
    int inputs;         /* 1 or 2 */
    int dense;          /* inputs whose items are no neighbours, nor all the same one, are copied for it */
    ptrdiff_t sizes[3]; /* of an item of the output, and of each input's */
} wg_loop;

/* As wg_elementwise_run: operand 0 is the output. */
void wg_loop_run(const wg_loop *loop, int ndim, const ptrdiff_t *shape, char *const *data,
                 const ptrdiff_t *const *strides);
/* Fold `in`, of any strides, into `out`, whose strides are 0 where it is reduced, by a loop of two inputs that does not
 * depend on the order. */
void wg_loop_fold(const wg_loop *loop, int ndim, const ptrdiff_t *shape, char *out, const ptrdiff_t *out_strides,
                  char *in, const ptrdiff_t *in_strides);

/* The types of items that there are loops of ours for. Truth values are bytes that are 0 or 1. */
typedef enum { WG_FLOAT, WG_DOUBLE, WG_I32, WG_I64, WG_U8, WG_ITEMS } wg_item;

/* Integers x and y: with `remainder` x - y floor(x / y), else floor(x / y), wrapping around. 0 where y is, which sets
 * `zero`. The loop's context. */
typedef struct {
    int remainder;
    int zero;
} wg_division;

/* out[k] = (first + turn k) by + start, in float64, rounded twice and once more to the type; `turn` is 1 or -1. */
typedef void wg_spaced_fn(void *out, ptrdiff_t items, ptrdiff_t first, int turn, double start, double by);
/* out[k] = start + k by, wrapping around. */
typedef void wg_range_fn(int64_t *out, ptrdiff_t items, int64_t start, int64_t by);

/* NULL where there is no such loop. Conversions are C's; what does not fit into an integer becomes any number, and NaN is
 * true. */
typedef struct {
    wg_loop_fn *divide[WG_ITEMS];
    wg_loop_fn *sum[WG_ITEMS]; /* adds the second input to the first, an int64, which is the output; any strides */
    wg_loop_fn *cast[WG_ITEMS][WG_ITEMS];
    wg_spaced_fn *spaced[WG_REALS];
    wg_range_fn *range;
} wg_whole_kernels;

/* ---------------------------------------------------------------- reductions */

/* WG_REDUCE_norm is the Euclidean norm, scaled so that neither squares nor their sum overflow or vanish.
 * Maximum and minimum propagate NaN; argmax and argmin give the first place of the result, the first NaN's if there is
 * one. logsumexp of nothing is -inf, of an infinite maximum that maximum. var divides by (n - correction), in two
 * passes, four where the mean is large; by 0 when that is not positive: infinity, or NaN where all items are the same.
 * Errors, however many items there are: sum and mean 6 eps of the sum (mean) of the magnitudes, norm 6 eps of itself,
 * logsumexp 6 eps of 1 + its magnitude, var 6 eps of itself, or 1e-5 (1e-10 in float64) where the mean is large, prod
 * 6 eps sqrt(n) of itself; the choices are exact. Any strides; the output is dense and overlaps nothing. Sums of no
 * items are 0, products 1, means NaN. */
typedef enum {
    WG_REDUCE_sum,
    WG_REDUCE_mean,
    WG_REDUCE_prod,
    WG_REDUCE_max,
    WG_REDUCE_min,
    WG_REDUCE_logsumexp,
    WG_REDUCE_var,
    WG_REDUCE_norm,
    WG_REDUCE_argmax,
    WG_REDUCE_argmin, /* output int64: the index along the flattened reduced dimensions */
    WG_REDUCE_COUNT
} wg_reduce;

typedef struct {
    wg_reduce kind;
    int ndim;
    const ptrdiff_t *shape;
    const ptrdiff_t *strides;     /* of the input, in bytes */
    const unsigned char *reduced; /* per dimension: 1 if it is reduced */
    const char *in;
    char *out;         /* dense in C order over the kept dimensions, in their order */
    double correction; /* var only */
} wg_reduction;
/* max, min, argmax and argmin of nothing are the caller's error: they are never called with a reduced length of 0. */
typedef wg_status wg_reduce_fn(const wg_reduction *r);

typedef struct {
    wg_reduce_fn *reduce[WG_REALS];
} wg_reduce_kernels;

/* ---------------------------------------------------------------- running sums, products and extremes */

typedef enum { WG_SCAN_sum, WG_SCAN_prod, WG_SCAN_max, WG_SCAN_min } wg_scan_kind;

/* Each item with all before it along one dimension. In and out have the shape (outer, n, inner); strides in bytes for the
 * input, the outputs are dense and overlap nothing.
 *
 *   sum, prod   Computed in float64 for float32: only what leaves float64's range is lost to what comes later. Errors of
 *               sums: 4 eps of the sum of the magnitudes so far; n eps of it in float64. Errors of products: 2 eps; n eps
 *               in float64. From the first NaN on, all are NaN. Integers wrap around.
 *   max, min    The last of equal items; 0 and -0 are equal. From the first NaN on, the last NaN. */
typedef struct {
    wg_scan_kind kind;
    ptrdiff_t outer, n, inner;
    const char *in;
    ptrdiff_t strides[3];
    void *out;
    int64_t *places; /* max, min: where along the dimension each item of out stands */
} wg_scan;
typedef void wg_scan_fn(const wg_scan *s);

enum { WG_SCAN_I64 = WG_REALS, WG_SCAN_TYPES };

typedef struct {
    wg_scan_fn *scan[WG_SCAN_TYPES]; /* by wg_real, and int64 */
} wg_scan_kernels;

/* ---------------------------------------------------------------- matrix product */

/* C <- A * B, plus the bias, for every matrix of a batch. What C holds before is not read. With k = 0 the product is
 * zero. Strides are in elements and may be negative or zero for A and B; C has unit column
 * stride and row stride ldc >= n. C overlaps no other operand. Each item is within (k + 2) eps |A| |B| of the
 * product, its order of summation fixed by the shapes; NaN and infinities propagate as in that sum, 0 * NaN
 * included. */
typedef struct {
    ptrdiff_t m, n, k;
    const void *a;
    ptrdiff_t rs_a, cs_a;
    const void *b;
    ptrdiff_t rs_b, cs_b;
    void *c;
    ptrdiff_t ldc;
    const void *bias;      /* n values added to every row; NULL for none */
    ptrdiff_t bias_stride; /* in elements */
    /* Batch: the number of matrices and, per batch dimension, its length and each operand's stride in elements. C's
     * matrices follow each other densely (m * ldc elements apart). The bias is shared. */
    int batch_ndim;
    const ptrdiff_t *batch_shape;
    const ptrdiff_t *batch_strides_a, *batch_strides_b;
    /* Asked now and then by a product that takes long, on the calling thread: anything but 0 ends it with
     * WG_INTERRUPTED, its results undefined. NULL for never. */
    int (*interrupted)(void);
} wg_gemm;
typedef wg_status wg_gemm_fn(const wg_gemm *g);

/* What other families make products of small matrices with, of any strides, on the calling thread and in memory of their
 * own. `pack` copies B, k x n, in the order of the tiles, its columns filled up to whole vectors with zeros; `product`
 * multiplies A, m x k, by the first k of the `depth` rows that were packed, into C or, if it accumulates, onto C, whose
 * rows have unit column stride and room for as many columns. The columns behind n get zeros, or are added zeros to. Of
 * the columns that were packed n may be the first, all or a multiple of two vectors. */
typedef void wg_pack_fn(ptrdiff_t n, ptrdiff_t k, const void *b, ptrdiff_t rs_b, ptrdiff_t cs_b, void *packed);
typedef void wg_product_fn(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, const void *a, ptrdiff_t rs_a, ptrdiff_t cs_a,
                           const void *packed, ptrdiff_t depth, void *c, ptrdiff_t ldc, int accumulate);

typedef struct {
    wg_gemm_fn *gemm[WG_REALS];
    wg_pack_fn *pack[WG_REALS];
    wg_product_fn *product[WG_REALS];
    ptrdiff_t panel[WG_REALS]; /* columns that are packed together: from column j on, a multiple of it, at item j * k */
    int bfloat16;              /* whether wg_medium is looked at: by which of its bits */
} wg_gemm_kernels;

/* ---------------------------------------------------------------- triangular systems */

/* The solution x of T x = b for every matrix of a batch, where T is the lower triangle of A, n x n; what lies above the
 * diagonal is not read, nor the diagonal where `unit` says that it is 1. For an upper triangle everything is counted
 * from the last row: the pointers are to it, and the strides negative. Strides are in elements; x has unit column
 * stride, and its matrices, and nothing else, lie n * columns elements apart. x overlaps neither A nor b. A zero on the
 * diagonal divides like any other number. Each item is that of a T' with |T' - T| <= (n + 2) eps |T|. */
#define WG_TRIANGULAR_MOST 256 /* the largest n: a panel lies on the stack */
typedef struct {
    ptrdiff_t n, columns;
    const void *a;
    ptrdiff_t rs_a, cs_a;
    const void *b;
    ptrdiff_t rs_b, cs_b;
    void *x;
    ptrdiff_t rs_x;
    int unit;
    int batch_ndim; /* as in wg_gemm */
    const ptrdiff_t *batch_shape;
    const ptrdiff_t *batch_strides_a, *batch_strides_b;
} wg_triangular;
typedef void wg_solve_fn(const wg_triangular *t);

/* Each of `count` matrices of m rows and n columns becomes, in place, its factors L, below the diagonal, whose own is 1,
 * and U: rows are exchanged so that each pivot is the largest of its column, the first of several; order[i] is the row
 * that row i was. Of a column without another number than 0 nothing is divided, and the factors are right all the same.
 * Strides in elements; columns have unit stride; the orders are dense, m for each matrix. |P A - L U| is at most
 * min(m, n) eps |L| |U|. */
typedef void wg_lu_fn(ptrdiff_t count, ptrdiff_t m, ptrdiff_t n, void *a, ptrdiff_t row_stride, ptrdiff_t matrix_stride,
                      int64_t *order);

/* The upper triangle of a matrix becomes that of U, with U^T U = A, and what lies below it, which is not read, zeros.
 * Gives 0, or the order of the first leading minor that is not positive; then A has no meaning. Columns have unit stride.
 * |A - U^T U| is at most (n + 1) eps |U^T| |U|. */
typedef ptrdiff_t wg_cholesky_fn(ptrdiff_t n, void *a, ptrdiff_t row_stride);

/* A matrix A of m rows and n columns becomes A - tau v v^T A, for a dense v. Columns have unit stride; v and A do not
 * overlap. */
typedef void wg_reflect_fn(ptrdiff_t m, ptrdiff_t n, const void *v, double tau, void *a, ptrdiff_t row_stride);

typedef struct {
    wg_solve_fn *solve[WG_REALS];
    wg_lu_fn *lu[WG_REALS];
    wg_cholesky_fn *cholesky[WG_REALS];
    wg_reflect_fn *reflect[WG_REALS];
} wg_triangular_kernels;

/* householder.c. Each of `count` matrices a of m rows and n columns becomes R of its factors Q R, of as many, with zeros
 * below the diagonal; q becomes Q's first `columns` columns, of m rows. All are dense; `scratch` has count * min(m, n) *
 * (m + 1) items. Signs and reflections are LAPACK's: H = 1 - tau v v^T with v_0 = 1, and H = 1 where there are only zeros
 * below the diagonal. |A - Q R| and |Q^T Q - 1| are about m eps times the norm. */
void wg_qr(wg_real real, ptrdiff_t count, ptrdiff_t m, ptrdiff_t n, ptrdiff_t columns, void *a, void *q, void *scratch);

/* Of `count` matrices of n rows, given by the factors and the orders that `lu` left, all dense: the determinants; their
 * signs where `what` is 1, the logarithms of their absolute values where it is 2. Nothing overflows but results. */
void wg_determinants(wg_real real, int what, ptrdiff_t count, ptrdiff_t n, const void *factors, const int64_t *order,
                     void *out);

/* ---------------------------------------------------------------- convolution */

/* Images x (n, groups * ci, image), weights w (groups * co, ci, kernel) and maps y (n, groups * co, map) are tied by the
 * trilinear form
 *
 *   sum of  y[i, o, p] * w[o, c, k] * x[i, c, p * stride + k * dilation - padding]
 *
 * over images i, channels o and c of one group, places p and taps k, where what lies outside of the image is left out. Each
 * kernel gives the derivative by one of the three, from the two others: conv y, conv_input x, and conv_weight w. So all
 * three sizes are given, and what no window reaches is zero. Strides are in bytes, of image, channel, row and item; those of
 * the result are those of a dense array, and w is dense. The result overlaps no operand. stride and dilation are at least
 * 1, a padding may be negative; (map - 1) * stride, (kernel - 1) * dilation and padding are below 2^60.
 *
 * Errors, with |x|, |w| and |y| in the form: conv (ci kh kw + 2) eps, conv_input (co kh kw + 2) eps, conv_weight (map +
 * n + 2) eps; where Winograd's way is taken, 17 eps of the largest item of the result, which is 2e-6 in float32. NaN and
 * infinities go as in those sums. Scratch memory that a task does not get is done without; WG_NO_MEMORY is for that of the
 * whole call. */
typedef struct {
    ptrdiff_t n, groups, ci, co; /* channels of each group */
    ptrdiff_t image[2], kernel[2], map[2];
    ptrdiff_t stride[2], dilation[2], padding[2]; /* the padding before */
    void *x, *w, *y;
    ptrdiff_t x_strides[4], y_strides[4];
    const void *bias;         /* conv and conv_input: dense, one for each channel of the result; NULL for none */
    int relu;                 /* conv and conv_input: max(result, 0), NaN staying */
    int (*interrupted)(void); /* as in wg_gemm */
} wg_conv;
typedef wg_status wg_conv_fn(const wg_conv *c);

typedef struct {
    wg_conv_fn *conv[WG_REALS], *conv_input[WG_REALS];
} wg_conv_kernels;

typedef struct {
    wg_conv_fn *conv_weight[WG_REALS];
} wg_conv_weight_kernels;

/* ---------------------------------------------------------------- softmax */

/* Softmax or log-softmax along the middle dimension of (outer, n, inner); strides in bytes for the input, of which the last
 * that is of more than one item has its neighbours beside each other; the output is dense. The maximum is subtracted first, so finite inputs never overflow. A row whose maximum is +inf or NaN, or that
 * is -inf throughout, is NaN. Errors: 16 eps, relative or absolute; small probabilities underflow gradually. */
typedef wg_status wg_softmax_fn(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *in,
                                const ptrdiff_t strides[3], char *out, int log);

/* The transposed derivative: softmax: z * (g - sum(g * z)); log-softmax: g - exp(z) * sum(g). z is the forward result.
 * Also the forward derivative of softmax, which is symmetric. Strides as above, out dense. Errors, however long the row:
 * 6 eps |z| (|g| + sum(|g * z|)); log-softmax: 6 eps (|g| + exp(z) sum(|g|)). */
typedef wg_status wg_softmax_grad_fn(ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *g,
                                     const ptrdiff_t g_strides[3], const char *z, const ptrdiff_t z_strides[3],
                                     char *out, int log);

typedef struct {
    wg_softmax_fn *softmax[WG_REALS];
    wg_softmax_grad_fn *softmax_grad[WG_REALS];
} wg_softmax_kernels;

/* ---------------------------------------------------------------- attention */

/* Attention (Vaswani et al. 2017): out = P v, where row i of P is the softmax of scale * (q k^T)_i + mask_i, over the keys
 * j <= i alone if it is `causal`. Queries are l x e, keys s x e, values s x ev, the mask l x s; what a boolean mask does
 * not admit gets -inf. A row of scores that are -inf throughout gives zeros. Scores are computed a block at a time, and
 * `shift` (dense, one row of l for each matrix of the batch) gets what exp(score - shift) is P by: the logarithm of the
 * row's sum of exponentials, or +inf where that is -inf. P itself is kept in `weights`, dense, l x s for each matrix, if
 * that is not NULL, which sequences of at most WG_ATTENTION_BLOCK allow; attention_backward then need not compute it again.
 *
 * attention_backward takes g, of the shape of out, and what the forward kernel gave, and gives the cotangents dq, dk and dv.
 * Errors, with d = 2 (e + 8) eps t + 16 eps, t the largest of |scale| |q| |k|^T + |mask|, and the matrix M = P * (A + P A
 * along rows), A = |g| |v|^T, are
 *
 *   out (d + (s + 8) eps) P |v|, dv (3 d + (l + 8) eps) P^T |g|,
 *   dq and dk (4 d + (ev + s + l + 32) eps) of |scale| M |k| and |scale| M^T |q|
 *
 * Matrices of a batch are where its strides say. Strides are in items, those of the mask in bytes; out, dq, dk and dv have
 * unit column stride and overlap nothing. NaN and infinities propagate as in the products, 0 * NaN included; but not every
 * key is looked at that a query does not see because of `causal`. */
#define WG_ATTENTION_BLOCK 128 /* queries, or keys, at most */
typedef enum { WG_MASK_NONE, WG_MASK_BOOLEAN, WG_MASK_REAL } wg_mask;
typedef struct {
    void *data;
    ptrdiff_t rs, cs;
    const ptrdiff_t *batch_strides;
} wg_matrices;
typedef struct {
    ptrdiff_t l, s, e, ev;
    int batch_ndim;
    const ptrdiff_t *batch_shape;
    wg_matrices q, k, v, out;
    wg_matrices g, dq, dk, dv; /* attention_backward alone */
    wg_mask masked;
    wg_matrices mask;
    double scale;
    int causal;
    void *shift, *weights;
    int (*interrupted)(void); /* as in wg_gemm */
} wg_attention;
typedef wg_status wg_attention_fn(const wg_attention *a);

typedef struct {
    wg_attention_fn *attention[WG_REALS], *attention_backward[WG_REALS];
} wg_attention_kernels;

/* ---------------------------------------------------------------- cross-entropy */

/* Cross-entropy of logits against labels, one row an example:
 *   loss_i = -w[y_i] * (1 - eps) * log p[i, y_i]  -  eps / classes * sum_c w[c] * log p[i, c]
 * and 0 where y_i = ignore_index. `losses` and `gradient` are each optional; gradient row i is
 * d loss_i / d logits_i * gradient_scale. Labels other than ignore_index must lie in [0, classes): otherwise
 * WG_BAD_INDEX, bad_row set, and nothing written. total_weight receives the sum of w[y_i] over the rows that count,
 * what a mean divides by; with scale_by_weight, the gradient is divided by it as well. Errors of the losses: 16 eps,
 * relative or absolute, 40 with weights or smoothing. The gradient, u[c] being the factor of -log p[c] in the loss, is
 * (p[c] sum(u) - u[c]) * gradient_scale; its error, however many classes there are, is
 *   6 eps (p[c] sum(u) (1 + max(logits) - logits[c]) + u[c]) * |gradient_scale|
 * A row with NaN or +inf among its logits has a loss of NaN. */
typedef struct {
    ptrdiff_t rows, classes;
    const void *logits;
    ptrdiff_t row_stride;  /* elements; along a row they are neighbours */
    const int64_t *labels; /* dense */
    int64_t ignore_index;
    const void *weights; /* classes values, dense; NULL for ones */
    double label_smoothing;
    double gradient_scale;
    int scale_by_weight;
    void *losses;        /* rows values or NULL */
    void *gradient;      /* rows x classes, dense, or NULL */
    double total_weight; /* out */
    double total_loss;   /* out: the sum of the losses, in float64 */
    ptrdiff_t bad_row;   /* out, with WG_BAD_INDEX */
} wg_cross_entropy;
typedef wg_status wg_cross_entropy_fn(wg_cross_entropy *c);

/* Cross-entropy of logits against target probabilities, rows x classes, laid as the logits; labels and ignore_index are not read.
 * loss_i = -sum_c w[c] * q[i, c] * log p[i, c], where q is the target smoothed towards 1 / classes by
 * label_smoothing. total_weight is the number of rows. */
typedef wg_status wg_cross_entropy_dense_fn(wg_cross_entropy *c, const void *targets, ptrdiff_t target_row_stride);

typedef struct {
    wg_cross_entropy_fn *cross_entropy[WG_REALS];
    wg_cross_entropy_dense_fn *cross_entropy_dense[WG_REALS];
} wg_cross_entropy_kernels;

/* ---------------------------------------------------------------- gather and scatter */

typedef enum { WG_SOURCE_U8, WG_SOURCE_F32, WG_SOURCE_F64 } wg_source;

/* out[i, :] = source[index[i], :] * scale + shift for i < count, in the table's real type; rows of `width` items.
 * Every index must lie in [-rows, rows), negative ones counting from the end, else WG_BAD_INDEX, *bad the offending
 * position, nothing written. source has row stride `row_stride` (items) and unit column stride. Conversion, product
 * and sum are each rounded once. out overlaps nothing. */
typedef wg_status wg_gather_fn(wg_source type, const void *source, ptrdiff_t rows, ptrdiff_t width,
                               ptrdiff_t row_stride, const int64_t *index, ptrdiff_t count, double scale, double shift,
                               void *out, ptrdiff_t *bad);

/* out[i, y, x] = source[index[i], y - down, x - right] * scale, 0 where that lies outside the image, for images of bytes
 * (height x width, dense). moves[3 i] is how far image i is moved down, the next how far to the right, and the third is 1
 * if it is mirrored first, left and right exchanged, else 0. Errors as for gather. */
typedef wg_status wg_gather_images_fn(const uint8_t *source, ptrdiff_t images, ptrdiff_t height, ptrdiff_t width,
                                      const int64_t *index, const int32_t *moves, ptrdiff_t count, double scale,
                                      void *out, ptrdiff_t *bad);

/* The transpose of gather: out[index[i], :] += source[i, :] for i = 0, 1, ... in that order for each row of `out` (rows x
 * width, dense). Repeated indices accumulate, each addition rounded once. Errors as for gather; source does not
 * overlap out. */
typedef wg_status wg_scatter_add_fn(const void *source, ptrdiff_t count, ptrdiff_t width, ptrdiff_t row_stride,
                                    const int64_t *index, void *out, ptrdiff_t rows, ptrdiff_t *bad);

typedef struct {
    wg_gather_fn *gather[WG_REALS];
    wg_gather_images_fn *gather_images[WG_REALS];
    wg_scatter_add_fn *scatter_add[WG_REALS];
} wg_gather_kernels;

/* ---------------------------------------------------------------- along one dimension (along.c) */

/* What is done with the items for every place of an index. */
typedef enum {
    WG_ALONG_GATHER,      /* item = array item */
    WG_ALONG_SCATTER,     /* array item = item; of a repeated place the last in C order counts */
    WG_ALONG_ADD_REALS,   /* array item += item, in C order, float32 or float64 by its size */
    WG_ALONG_ADD_INTEGERS /* the same, wrapping around */
} wg_along_how;

/* At place (p_0, p_1, ...) of an index of `shape` the item of the array is at (p_0, ..., index[p], ...), the index
 * standing for p_dim. Index, items and array may have any strides (bytes). `size`: of an item, 1, 2, 4 or 8 bytes. */
typedef struct {
    wg_along_how how;
    int ndim, dim;
    size_t size;
    const ptrdiff_t *shape;
    const int64_t *index;
    char *items, *array; /* what is only read is not written */
    const ptrdiff_t *index_strides, *items_strides, *array_strides;
    ptrdiff_t length; /* of the array's dimension `dim`; without dimensions 1 */
    ptrdiff_t wrap;   /* what negative indices are counted from: the length; 0 where they are out of range */
} wg_along;

/* Every index must lie in [-wrap, length), else WG_BAD_INDEX, *bad the first in C order that does not; of the others some
 * are done. */
wg_status wg_along_run(const wg_along *a, int64_t *bad);

/* ---------------------------------------------------------------- where a mask holds (places.c) */

/* How many of n bytes are not 0. */
ptrdiff_t wg_held_run(const uint8_t *held, ptrdiff_t n);

/* The places of the first `count` bytes that are not 0, of that many at least, in C order: item k's place along dimension
 * d is at out[k * item_step + d * dim_step]. The bytes are dense, of ndim >= 1 dimensions. If another thread writes to them
 * meanwhile, there may be fewer: the number that were found is given. */
ptrdiff_t wg_places_run(const uint8_t *held, int ndim, const ptrdiff_t *shape, ptrdiff_t count, int64_t *out,
                        ptrdiff_t item_step, ptrdiff_t dim_step);

/* The items where a byte is not 0, out of a dense array or (put) into it, of 1, 2, 4 or 8 bytes each. `count` of them, or
 * as many as there are, if fewer: gives their number. */
ptrdiff_t wg_masked_run(int put, size_t size, ptrdiff_t n, const uint8_t *held, ptrdiff_t count, char *items,
                        char *array);

/* Copy the triangles of matrices of the last two of ndim >= 2 dimensions: where column - row <= diagonal (lower), or >=;
 * zeros elsewhere. Of any strides (bytes) into C order; items of 1, 2, 4 or 8 bytes. */
void wg_triangle_run(int lower, ptrdiff_t diagonal, size_t size, int ndim, const ptrdiff_t *shape,
                     const ptrdiff_t *strides, const char *from, char *to);

/* ---------------------------------------------------------------- the largest items (topk.c) */

/* The places of the k <= n largest (or smallest) items of each row, the first of all first; equal items in their order,
 * NaN as the largest. Rows have n items at strides[1] (bytes); there are outer x inner of them, at strides[0] and
 * strides[2]. out is dense, outer x k x inner. Its time is that of n comparisons where few items are better than all
 * before, and n k at worst. */
void wg_topk(wg_real real, ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const char *in, const ptrdiff_t *strides,
             ptrdiff_t k, int smallest, int64_t *out);

/* ---------------------------------------------------------------- order (order.c) */

typedef enum {
    WG_ORDER_U8, /* booleans too */
    WG_ORDER_I8,
    WG_ORDER_I16,
    WG_ORDER_I32,
    WG_ORDER_I64,
    WG_ORDER_F16,
    WG_ORDER_F32,
    WG_ORDER_F64,
} wg_order_item;

typedef enum {
    WG_ORDER_NAN_LAST,     /* a rank is one among all items */
    WG_ORDER_NAN_CHOSEN,   /* where there is a NaN, every rank is that of the first */
    WG_ORDER_NAN_LEFT_OUT, /* every rank is that of the middle one of the others, of two the lower; of the first NaN of
                              nothing else */
} wg_order_nan;

/* Items up to which a row's are put in order one after the other. */
enum { WG_ORDER_FEW = 40 };

/* Rows have n items at strides[1] (bytes); there are outer x inner of them, at strides[0] and strides[2]. Equal items
 * stay in their order, NaN is the largest, -0 equals 0. */
typedef struct {
    wg_order_item type;
    ptrdiff_t outer, n, inner;
    const char *in;
    ptrdiff_t strides[3];
    int descending;       /* to sort */
    ptrdiff_t count;      /* of ranks, and what follows */
    const int64_t *ranks; /* in [0, n), ascending; of one row rank_stride items behind those of another, or 0 */
    ptrdiff_t rank_stride;
    wg_order_nan nan; /* other than NAN_LAST for reals alone */
    int64_t *out;     /* dense */
    uint64_t *pairs;  /* of pack and unpack: outer x inner rows of n */
} wg_order;

/* The places of all items in order: out is outer x n x inner. With WG_NO_MEMORY, some rows of out are undefined. */
wg_status wg_order_places(const wg_order *o);
/* The places of the items of some ranks: out is outer x count x inner. Likewise. */
wg_status wg_order_ranked(const wg_order *o);
/* For who has a fast sort of integers: pairs of a key and a place, which are in order when they are sorted as integers, row
 * by row; and their places in order. pack gives 0 where keys do not fit into 32 bits, where there is no memory, and where
 * rows are so short that wg_order_places is faster: what pairs has then is undefined. */
int wg_order_pack(const wg_order *o);
void wg_order_unpack(const wg_order *o);

/* Where each of m values of each row would have to stand in the sorted sequence of n items, all dense and of one type:
 * before equal ones, or behind them. `each`: a sequence for each row, else one for all. */
typedef struct {
    wg_order_item type;
    ptrdiff_t size; /* of an item */
    ptrdiff_t rows, n, m;
    const char *sequence, *values;
    int each, right;
    int64_t *out;
} wg_order_search_job;
wg_status wg_order_search(const wg_order_search_job *s);

/* ---------------------------------------------------------------- counts (count.c) */

/* The greatest of n items, all negative ones being greater than others; 0 of none. */
uint64_t wg_greatest(ptrdiff_t n, const int64_t *x);
/* counts[x[i]] += 1 */
void wg_count(ptrdiff_t n, const int64_t *x, int64_t *counts);
/* counts[bin] += 1 for each item in [low, high], which are finite and low < high: of `bins` of equal width each has its
 * left edge, the last one its right one too. The edges are numpy.linspace's. */
void wg_count_between(wg_real type, ptrdiff_t n, const void *x, ptrdiff_t bins, double low, double high,
                      int64_t *counts);

/* ---------------------------------------------------------------- recurrences (recurrence.c) */

/* out[k] = a[k] out[k - 1] + b[k] from out[0] = b[0], or backwards out[k] = a[k + 1] out[k + 1] + b[k] from the last one,
 * along the middle one of three dimensions; all dense, and out may be b. Within 2 n eps of the sum of the magnitudes of what is added. */
void wg_recurrence(wg_real real, int backwards, ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const void *a,
                   const void *b, void *out);

/* The logarithms of the sums of the exponentials up to each item, along the middle one of three dimensions; all dense.
 * Nothing overflows that is finite. WG_OK or WG_NO_MEMORY. */
wg_status wg_log_sums(wg_real real, ptrdiff_t outer, ptrdiff_t n, ptrdiff_t inner, const void *x, void *out);

/* ---------------------------------------------------------------- windows over pictures */

/* Each plane, of in[0] x in[1] items, gives out[0] x out[1] results, one for each window. Window i of a dimension has the
 * items i * stride - padding + tap * dilation for taps from 0 to size; with `adaptive` all from i * in / out, rounded
 * down, to before (i + 1) * in / out, rounded up. What lies beside the plane is no item. Size, stride and dilation are at
 * least 1, a dimension of one window may say any stride; no window begins behind the plane.
 *
 *   max     The largest item: the first of equals, or the last NaN; -inf of no items. With `relu`, 0 in place of what is
 *           below. Exact.
 *   mean    The sum, divided by `divisor`. The dilation is 1. Within (n + 2) eps of the sum of the magnitudes of n items,
 *           divided likewise.
 *   pick    Of each plane the items that codes point to, 0 where they point to none.
 *   spread  The transpose: in planes of zeros each result is added to the item that its code points to; or, without
 *           codes, divided by `divisor` to all items of its window, the transpose of `mean`. Within (n + 2) eps of the sum
 *           of the magnitudes where an item lies in n windows, divided likewise.
 *
 * Codes: where windows are small (not adaptive, of at most WG_WINDOW_TAPS items) a byte, row * size[1] + column in the
 * window, 255 for none: of no items, or with `relu` where no item is above 0. Else an int64_t, the item's place in its
 * plane, and -1. They are given by max, if they are not NULL. Codes of another origin than a call of max with the same
 * window are the caller's error. */
#define WG_WINDOW_TAPS 255
typedef struct {
    ptrdiff_t planes, in[2], out[2];
    ptrdiff_t size[2], stride[2], padding[2], dilation[2];
    int adaptive, relu;
    double divisor;
    const void *x;                      /* planes; or, for spread, results, which are dense */
    ptrdiff_t plane_stride, row_stride; /* of x in elements, its columns have stride 1 */
    void *codes;                        /* NULL, or dense */
    void *z;                            /* dense, overlaps nothing */
} wg_window;
typedef void wg_window_fn(const wg_window *w);

typedef struct {
    wg_window_fn *max[WG_REALS];
    wg_window_fn *mean[WG_REALS];
    wg_window_fn *pick[WG_REALS];
    wg_window_fn *spread[WG_REALS];
} wg_window_kernels;
/* ---------------------------------------------------------------- recurrent layers (recurrent.c) */

typedef enum { WG_CELL_TANH, WG_CELL_RELU, WG_CELL_LSTM, WG_CELL_GRU } wg_cell;

/* A layer of a recurrent network over a batch of sequences. The rows of all steps lie below each other, step by step: step
 * t has sizes[t] of them, at most as many as the step before, and a row of a step goes on in the same row of the next. In
 * reverse, the last step is taken first, and a row begins where its sequence ends.
 *
 *   tanh, relu  h' = f(x W_x + b_x + h W_h)
 *   LSTM        i, f, o = sigmoid, g = tanh of the parts of x W_x + b_x + h W_h, in the order i f g o;
 *               c' = f c + i g, h' = o tanh(c')
 *   GRU         r, z = sigmoid of the first two parts of x W_x + b_x + h W_h + b_h;
 *               n = tanh of the third of x W_x + b_x + r (h W_h + b_h); h' = n + z (h - n)
 *
 * Everything is dense but x, whose rows lie ld_x items apart. Nothing overlaps, but that a state that is not kept is
 * replaced in place. Products are gemm's; what follows them is within 16 eps of the formula, relative or absolute. */
typedef struct {
    wg_cell cell;
    int reverse;
    ptrdiff_t steps, batch, inputs, hidden; /* batch: the rows of the first step */
    const int64_t *sizes;
    const void *x;
    ptrdiff_t ld_x;
    const void *w_x, *w_h; /* (columns, inputs) and (columns, hidden), W_x' and W_h'; columns: 1, 4 or 3 times hidden */
    const void *b_x, *b_h; /* of columns; b_h of a GRU alone */
    const void *h, *c;     /* (batch, hidden), where it starts; NULL for zeros. c of an LSTM alone, here and below */
    void *out;             /* (rows, hidden), every h' */
    void *h_n, *c_n;       /* (batch, hidden), the last of each row */
    void *gates; /* kept for the gradients, (rows, hidden) h'; 4 times as wide i f g o, or r z n h W_h + b_h */
    void *h_before, *c_before; /* (rows, hidden) the state before each step; (batch, hidden) where gates is NULL */
    int (*interrupted)(void);  /* as in wg_gemm */
} wg_recurrent;
wg_status wg_recurrent_forward(wg_real real, const wg_recurrent *r);

/* The gradients by the gates' sums, by x, and by where it started, of a layer of which everything was kept. The first are
 * transposed, a line for each column, as the products over all steps read them. Of a GRU they are those of n r z and of
 * n's h W_h + b_h, in this order: the first three those of x W_x + b_x, the last three, of which n's is then the last,
 * those of h W_h + b_h; w_x then has its lines in the order n r z. */
typedef struct {
    const void *g, *g_h, *g_c; /* by out, h_n and c_n; NULL for zeros */
    void *d_gates;             /* (columns of gates, rows) */
    void *d_x;                 /* (rows, inputs); NULL where it is not wanted */
    void *d_h, *d_c;           /* NULL where they are not wanted */
} wg_recurrent_gradients;
wg_status wg_recurrent_backward(wg_real real, const wg_recurrent *r, const wg_recurrent_gradients *d);

/* One step, for what is done to its rows. Pointers are to its first row; all is dense. */
typedef struct {
    wg_cell cell;
    ptrdiff_t hidden, after;       /* after: how many rows go on, into h_after and c_after; others end in h_n and c_n */
    ptrdiff_t ld;                  /* items from one row of the products to the next */
    const void *x, *h, *b_x, *b_h; /* the products, without biases; h NULL, but of a GRU, where x is their sum */
    const void *h_before, *c_before;
    void *gates, *out, *h_after, *c_after, *h_n, *c_n;
    /* Backward, the gradients: by out, NULL for zeros; by the states after, of which dc becomes that by c before. Of a
     * GRU, dd is added to dh, and becomes what goes past the products to h before. */
    const void *g;
    void *dh, *dc, *dd, *d_gates;
} wg_recurrent_step;

typedef struct {
    wg_task *forward[WG_REALS], *backward[WG_REALS]; /* of rows [begin, end) of the step that is the context */
} wg_recurrent_kernels;

/* ---------------------------------------------------------------- normalizing by channels */

/* Of items x (n, channels, inner), n and inner at least 1, whose mean and variance along n and inner each channel has.
 *
 *   moments   Gives mean and variance, which divides by the number of items.
 *   apply     z = (x - mean) / sqrt(variance + eps) * weight + bias + residual, and with `relu` max(z, 0), NaN staying.
 *   backward  Of the cotangent g of what apply gives where mean and variance are those of x, the cotangents of x (z), weight
 *             and bias. With s = 1 / sqrt(variance + eps), d = x - mean and means along n and inner:
 *             z = weight * s * (g - mean(g) - d * s^2 * mean(g d)), of_weight = s * sum(g d), of_bias = sum(g).
 *
 * Strides are in elements, along n and channels; items along inner are neighbours, and channels where inner is 1. All else
 * is dense; outputs overlap nothing. Errors, however many items there are: mean 300 eps of the mean magnitude, variance 300
 * eps of itself and (4 eps mean)^2, apply 8 eps (|z - bias| + |bias|), backward 300 eps of its formulas with all terms
 * positive. */
typedef struct {
    ptrdiff_t n, channels, inner;
    const void *x, *g;
    const void *residual; /* apply: NULL for zeros */
    ptrdiff_t x_strides[2], g_strides[2], residual_strides[2];
    int relu;
    void *mean, *variance;     /* moments gives them, the others read them */
    void *rest;                /* and this: the mean, in float64, less what it is rounded to; NULL for zeros */
    const void *weight, *bias; /* NULL for ones, zeros */
    double eps;
    void *z, *of_weight, *of_bias;
} wg_norm;
typedef wg_status wg_norm_fn(const wg_norm *m);

/* Of rows x (n, inner), inner at least 1, each with its own mean and variance:
 *
 *   rows           z = (x - mean) * s * weight + bias, where s = 1 / sqrt(variance + eps), which `scale` receives.
 *   rows_backward  Of the cotangent g of that, the cotangent of x (z), as above with y = g * weight in place of g. For
 *                  each WG_NORM_ROWS rows, the sums of g (x - mean) s and of g, a row of of_weight and one of of_bias.
 *
 * Strides are in elements, along n; items along inner are neighbours. All else is dense; outputs overlap nothing. The
 * mean is not rounded to the type. Errors: rows 300 eps (1 + |z - bias|) and 8 eps |bias|, backward as above. */
#define WG_NORM_ROWS 64
typedef struct {
    ptrdiff_t n, inner;
    const void *x, *g;
    ptrdiff_t x_stride, g_stride;
    const void *weight, *bias; /* (inner,); NULL for ones, zeros */
    double eps;
    void *z, *scale; /* (n,); NULL: nobody asks */
    void *of_weight, *of_bias;
} wg_norm_rows;
typedef void wg_norm_rows_fn(const wg_norm_rows *m);

typedef struct {
    wg_norm_fn *moments[WG_REALS];
    wg_norm_fn *apply[WG_REALS];
    wg_norm_fn *backward[WG_REALS];
    wg_norm_rows_fn *rows[WG_REALS];
    wg_norm_rows_fn *rows_backward[WG_REALS];
} wg_norm_kernels;

/* ---------------------------------------------------------------- optimizer updates */

/* One call updates every parameter of a group. Tensors are dense; the i-th has sizes[i] items; none overlaps
 * another. NaN in a gradient goes into the parameter and the buffers of that item alone. Per step, relative to the
 * formula in float64: SGD 8 eps, Adam and AdaGrad 30, RMSprop 60, relative or absolute. */
typedef struct {
    ptrdiff_t count;
    const ptrdiff_t *sizes;
    void *const *params;
    const void *const *grads;
    void *const *momentum;      /* NULL without momentum, else one buffer per parameter */
    const unsigned char *first; /* with momentum: 1 where the buffer is new, and the gradient becomes its content */
    double lr, momentum_factor, dampening, weight_decay;
    int nesterov, maximize;
} wg_sgd;
typedef void wg_sgd_fn(const wg_sgd *u);

/* Adam and AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019). step counts from 1, one per parameter. */
typedef struct {
    ptrdiff_t count;
    const ptrdiff_t *sizes;
    void *const *params;
    const void *const *grads;
    void *const *first_moment;
    void *const *second_moment;
    void *const *max_second_moment; /* with amsgrad, else NULL */
    const double *steps;
    double lr, beta1, beta2, eps, weight_decay;
    int decoupled; /* AdamW's weight decay */
    int maximize;
} wg_adam;
typedef void wg_adam_fn(const wg_adam *u);

/* RMSprop (Tieleman & Hinton 2012; centered: Graves 2013):
 *   v <- alpha v + (1 - alpha) g^2,  u = g / (sqrt(v) + eps),  p <- p - lr u
 * with grad_avg, m <- alpha m + (1 - alpha) g, and v - m^2 under the root; with momentum, b <- momentum_factor b + u,
 * and b in the place of u. */
typedef struct {
    ptrdiff_t count;
    const ptrdiff_t *sizes;
    void *const *params;
    const void *const *grads;
    void *const *square_avg;
    void *const *grad_avg; /* centered, else NULL */
    void *const *momentum; /* NULL without momentum */
    double lr, alpha, eps, weight_decay, momentum_factor;
    int maximize;
} wg_rmsprop;
typedef void wg_rmsprop_fn(const wg_rmsprop *u);

/* Adagrad (Duchi, Hazan & Singer 2011): s <- s + g^2, p <- p - lr / (1 + (step - 1) lr_decay) * g / (sqrt(s) + eps).
 * step counts from 1, one per parameter. */
typedef struct {
    ptrdiff_t count;
    const ptrdiff_t *sizes;
    void *const *params;
    const void *const *grads;
    void *const *sums;
    const double *steps;
    double lr, lr_decay, eps, weight_decay;
    int maximize;
} wg_adagrad;
typedef void wg_adagrad_fn(const wg_adagrad *u);

/* Each tensor times `scale` in place, rounded once. */
typedef void wg_scale_fn(ptrdiff_t count, const ptrdiff_t *sizes, void *const *tensors, double scale);
/* The sum of the squares of all items, in float64: within 1e-13 of itself; NaN and infinities propagate. */
typedef double wg_sum_squares_fn(ptrdiff_t count, const ptrdiff_t *sizes, const void *const *tensors);

typedef struct {
    wg_sgd_fn *sgd[WG_REALS];
    wg_adam_fn *adam[WG_REALS];
    wg_rmsprop_fn *rmsprop[WG_REALS];
    wg_adagrad_fn *adagrad[WG_REALS];
    wg_scale_fn *scale[WG_REALS];
    wg_sum_squares_fn *sum_squares[WG_REALS];
} wg_update_kernels;

/* ---------------------------------------------------------------- the measured ceiling */

/* Register-only fused multiply-adds for about `seconds`; gives FLOP/s of one thread. */
typedef double wg_peak_flops_fn(double seconds);

typedef struct {
    wg_peak_flops_fn *peak_flops[WG_REALS];
} wg_peak_kernels;

/* ---------------------------------------------------------------- the table */

/* One per instruction set: a family's kernels are wg_active->gemm->gemm[real]. */
typedef struct {
    const char *name; /* "base", "v3", "v4" */
    int vector_bytes;
#define WG_FAMILY(family) const wg_##family##_kernels *family;
#include "families.def"
#undef WG_FAMILY
} wg_kernels;

/* The table in use; never NULL after wg_dispatch_init, which is called once, at import. */
extern const wg_kernels *wg_active;
/* Pick the best table that processor and operating system support, or the one named by WENGERT_ISA. Gives NULL, or
 * the name that WENGERT_ISA asked for and that this machine or build does not have. */
const char *wg_dispatch_init(void);
/* All tables this machine can run, best first; ends with NULL. */
const wg_kernels *const *wg_dispatch_available(void);
/* Swap the whole table; returns 0 if `name` is not available. For tests: not to be called while kernels run. */
int wg_dispatch_select(const char *name);

/* Whether products of float32 may be taken in bfloat16, for which gemm looks when it is called: WG_MEDIUM where they
 * gain by it, to be set only if the processor has the instructions; WG_MEDIUM_ALWAYS, for tests, everywhere, and in v3 by
 * emulation. */
enum { WG_MEDIUM = 1, WG_MEDIUM_ALWAYS = 2 };
extern int wg_medium;
/* Whether the processor has them: AVX512_BF16, FEAT_BF16. Asks it. */
int wg_has_bfloat16(void);

#endif
