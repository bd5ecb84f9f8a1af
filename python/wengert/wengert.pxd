# cython: language_level=3
# csrc/wengert.h as Cython sees it, in its order. The contracts are there.
cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef extern from "wengert.h" nogil:
    enum: WG_MAX_DIMS
    ctypedef enum wg_status:
        WG_OK
        WG_NO_MEMORY
        WG_BAD_INDEX
        WG_INTERRUPTED
    enum: WG_REALS
    ctypedef enum wg_real:
        WG_F32
        WG_F64
    const char *WG_VERSION

    # ---- threads
    enum: WG_MAX_THREADS
    int wg_get_num_threads() noexcept nogil
    void wg_set_num_threads(int count) noexcept nogil
    int wg_processors(const char *root) noexcept nogil
    void wg_share_processors() noexcept nogil

    # ---- containers
    double wg_cgroup_processors(const char *root) noexcept nogil
    double wg_cgroup_memory(const char *root) noexcept nogil

    # ---- memory
    void *wg_buffer_acquire(size_t bytes) noexcept nogil
    void wg_buffer_release(void *block) noexcept nogil
    ctypedef struct wg_buffer_stats:
        size_t in_use
        size_t held
        size_t limit
    wg_buffer_stats wg_buffer_usage() noexcept nogil
    void wg_buffer_set_limit(size_t bytes) noexcept nogil
    size_t wg_buffer_trim(size_t keep) noexcept nogil
    void wg_buffer_guard(int on) noexcept nogil

    # ---- elementwise
    enum: WG_ELEMENTWISE_COUNT
    enum: WG_ELEMENTWISE_copy
    enum: WG_ELEMENTWISE_where
    ctypedef enum wg_elementwise:
        pass
    ctypedef struct wg_elementwise_info:
        const char *name
        int inputs
        int params
        int boolean
    const wg_elementwise_info *wg_elementwise_table
    void wg_elementwise_run(wg_elementwise kernel, wg_real real, int ndim, const cnp.npy_intp *shape, char *const *data,
                            const cnp.npy_intp *const *strides, const double *params) noexcept nogil

    # ---- loops over one dimension
    ctypedef void wg_loop_fn(char **data, const cnp.npy_intp *items, const cnp.npy_intp *steps, void *context) noexcept nogil
    ctypedef struct wg_loop:
        wg_loop_fn *run
        void *context
        int inputs
        int dense
        cnp.npy_intp sizes[3]
    void wg_loop_run(const wg_loop *loop, int ndim, const cnp.npy_intp *shape, char *const *data,
                     const cnp.npy_intp *const *strides) noexcept nogil
    void wg_loop_fold(const wg_loop *loop, int ndim, const cnp.npy_intp *shape, char *out, const cnp.npy_intp *out_strides,
                      char *items, const cnp.npy_intp *in_strides) noexcept nogil
    ctypedef enum wg_item:
        WG_FLOAT
        WG_DOUBLE
        WG_I32
        WG_I64
        WG_U8
        WG_ITEMS
    ctypedef struct wg_division:
        int remainder
        int zero
    ctypedef struct wg_whole_kernels:
        wg_loop_fn **divide
        wg_loop_fn **sum
        wg_loop_fn *(*cast)[5]
        void (**spaced)(void *out, cnp.npy_intp items, cnp.npy_intp first, int turn, double start, double by) noexcept nogil
        void (*range)(int64_t *out, cnp.npy_intp items, int64_t start, int64_t by) noexcept nogil

    # ---- reductions
    ctypedef enum wg_reduce:
        WG_REDUCE_sum
        WG_REDUCE_mean
        WG_REDUCE_prod
        WG_REDUCE_max
        WG_REDUCE_min
        WG_REDUCE_logsumexp
        WG_REDUCE_var
        WG_REDUCE_norm
        WG_REDUCE_argmax
        WG_REDUCE_argmin
        WG_REDUCE_COUNT
    ctypedef struct wg_reduction:
        wg_reduce kind
        int ndim
        const cnp.npy_intp *shape
        const cnp.npy_intp *strides
        const unsigned char *reduced
        const char *in_ "in"
        char *out
        double correction
    ctypedef struct wg_reduce_kernels:
        wg_status (**reduce)(const wg_reduction *r) noexcept nogil

    # ---- running sums, products and extremes
    ctypedef enum wg_scan_kind:
        WG_SCAN_sum
        WG_SCAN_prod
        WG_SCAN_max
        WG_SCAN_min
    enum:
        WG_SCAN_I64
    ctypedef struct wg_scan:
        wg_scan_kind kind
        cnp.npy_intp outer
        cnp.npy_intp n
        cnp.npy_intp inner
        const char *in_ "in"
        cnp.npy_intp strides[3]
        void *out
        int64_t *places
    ctypedef struct wg_scan_kernels:
        void (**scan)(const wg_scan *s) noexcept nogil

    # ---- matrix product
    ctypedef struct wg_gemm:
        cnp.npy_intp m
        cnp.npy_intp n
        cnp.npy_intp k
        const void *a
        cnp.npy_intp rs_a
        cnp.npy_intp cs_a
        const void *b
        cnp.npy_intp rs_b
        cnp.npy_intp cs_b
        void *c
        cnp.npy_intp ldc
        const void *bias
        cnp.npy_intp bias_stride
        int batch_ndim
        const cnp.npy_intp *batch_shape
        const cnp.npy_intp *batch_strides_a
        const cnp.npy_intp *batch_strides_b
        int (*interrupted)() noexcept nogil
    ctypedef struct wg_gemm_kernels:
        wg_status (**gemm)(const wg_gemm *g) noexcept nogil
        int bfloat16

    # ---- triangular systems
    enum: WG_TRIANGULAR_MOST
    ctypedef struct wg_triangular:
        cnp.npy_intp n
        cnp.npy_intp columns
        const void *a
        cnp.npy_intp rs_a
        cnp.npy_intp cs_a
        const void *b
        cnp.npy_intp rs_b
        cnp.npy_intp cs_b
        void *x
        cnp.npy_intp rs_x
        int unit
        int batch_ndim
        const cnp.npy_intp *batch_shape
        const cnp.npy_intp *batch_strides_a
        const cnp.npy_intp *batch_strides_b
    ctypedef struct wg_triangular_kernels:
        void (**solve)(const wg_triangular *t) noexcept nogil
        void (**lu)(cnp.npy_intp count, cnp.npy_intp m, cnp.npy_intp n, void *a, cnp.npy_intp row_stride,
                    cnp.npy_intp matrix_stride, int64_t *order) noexcept nogil
        cnp.npy_intp (**cholesky)(cnp.npy_intp n, void *a, cnp.npy_intp row_stride) noexcept nogil
    void wg_determinants(wg_real real, int what, cnp.npy_intp count, cnp.npy_intp n, const void *factors, const int64_t *order,
                         void *out) noexcept nogil
    void wg_qr(wg_real real, cnp.npy_intp count, cnp.npy_intp m, cnp.npy_intp n, cnp.npy_intp columns, void *a, void *q,
               void *scratch) noexcept nogil

    # ---- convolution
    ctypedef struct wg_conv:
        cnp.npy_intp n
        cnp.npy_intp groups
        cnp.npy_intp ci
        cnp.npy_intp co
        cnp.npy_intp image[2]
        cnp.npy_intp kernel[2]
        cnp.npy_intp map[2]
        cnp.npy_intp stride[2]
        cnp.npy_intp dilation[2]
        cnp.npy_intp padding[2]
        void *x
        void *w
        void *y
        cnp.npy_intp x_strides[4]
        cnp.npy_intp y_strides[4]
        const void *bias
        int relu
        int (*interrupted)() noexcept nogil
    ctypedef struct wg_conv_kernels:
        wg_status (**conv)(const wg_conv *c) noexcept nogil
        wg_status (**conv_input)(const wg_conv *c) noexcept nogil
    ctypedef struct wg_conv_weight_kernels:
        wg_status (**conv_weight)(const wg_conv *c) noexcept nogil

    # ---- softmax
    ctypedef struct wg_softmax_kernels:
        wg_status (**softmax)(cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner, const char *in_,
                              const cnp.npy_intp *strides, char *out, int log) noexcept nogil
        wg_status (**softmax_grad)(cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner, const char *g,
                                   const cnp.npy_intp *g_strides, const char *z, const cnp.npy_intp *z_strides, char *out,
                                   int log) noexcept nogil

    # ---- attention
    enum: WG_ATTENTION_BLOCK
    ctypedef enum wg_mask:
        WG_MASK_NONE
        WG_MASK_BOOLEAN
        WG_MASK_REAL
    ctypedef struct wg_matrices:
        void *data
        cnp.npy_intp rs
        cnp.npy_intp cs
        const cnp.npy_intp *batch_strides
    ctypedef struct wg_attention:
        cnp.npy_intp l
        cnp.npy_intp s
        cnp.npy_intp e
        cnp.npy_intp ev
        int batch_ndim
        const cnp.npy_intp *batch_shape
        wg_matrices q
        wg_matrices k
        wg_matrices v
        wg_matrices out
        wg_matrices g
        wg_matrices dq
        wg_matrices dk
        wg_matrices dv
        wg_mask masked
        wg_matrices mask
        double scale
        int causal
        void *shift
        void *weights
        int (*interrupted)() noexcept nogil
    ctypedef struct wg_attention_kernels:
        wg_status (**attention)(const wg_attention *a) noexcept nogil
        wg_status (**attention_backward)(const wg_attention *a) noexcept nogil

    # ---- cross-entropy
    ctypedef struct wg_cross_entropy:
        cnp.npy_intp rows
        cnp.npy_intp classes
        const void *logits
        cnp.npy_intp row_stride
        const int64_t *labels
        int64_t ignore_index
        const void *weights
        double label_smoothing
        double gradient_scale
        int scale_by_weight
        void *losses
        void *gradient
        double total_weight
        double total_loss
        cnp.npy_intp bad_row
    ctypedef struct wg_cross_entropy_kernels:
        wg_status (**cross_entropy)(wg_cross_entropy *c) noexcept nogil
        wg_status (**cross_entropy_dense)(wg_cross_entropy *c, const void *targets, cnp.npy_intp row_stride) noexcept nogil

    # ---- gather and scatter
    ctypedef enum wg_source:
        WG_SOURCE_U8
        WG_SOURCE_F32
        WG_SOURCE_F64
    ctypedef struct wg_gather_kernels:
        wg_status (**gather)(wg_source type, const void *source, cnp.npy_intp rows, cnp.npy_intp width,
                             cnp.npy_intp row_stride, const int64_t *index, cnp.npy_intp count, double scale, double shift,
                             void *out, cnp.npy_intp *bad) noexcept nogil
        wg_status (**gather_images)(const uint8_t *source, cnp.npy_intp images, cnp.npy_intp height, cnp.npy_intp width,
                                    const int64_t *index, const int32_t *moves, cnp.npy_intp count, double scale, void *out,
                                    cnp.npy_intp *bad) noexcept nogil
        wg_status (**scatter_add)(const void *source, cnp.npy_intp count, cnp.npy_intp width, cnp.npy_intp row_stride,
                                  const int64_t *index, void *out, cnp.npy_intp rows, cnp.npy_intp *bad) noexcept nogil

    # ---- along one dimension
    ctypedef enum wg_along_how:
        WG_ALONG_GATHER
        WG_ALONG_SCATTER
        WG_ALONG_ADD_REALS
        WG_ALONG_ADD_INTEGERS
    ctypedef struct wg_along:
        wg_along_how how
        int ndim
        int dim
        size_t size
        const cnp.npy_intp *shape
        const int64_t *index
        char *items
        char *array
        const cnp.npy_intp *index_strides
        const cnp.npy_intp *items_strides
        const cnp.npy_intp *array_strides
        cnp.npy_intp length
        cnp.npy_intp wrap
    wg_status wg_along_run(const wg_along *a, int64_t *bad) noexcept nogil

    cnp.npy_intp wg_held_run(const uint8_t *held, cnp.npy_intp n) noexcept nogil
    cnp.npy_intp wg_places_run(const uint8_t *held, int ndim, const cnp.npy_intp *shape, cnp.npy_intp count, int64_t *out,
                               cnp.npy_intp item_step, cnp.npy_intp dim_step) noexcept nogil
    cnp.npy_intp wg_masked_run(int put, size_t size, cnp.npy_intp n, const uint8_t *held, cnp.npy_intp count, char *items,
                               char *array) noexcept nogil
    void wg_triangle_run(int lower, cnp.npy_intp diagonal, size_t size, int ndim, const cnp.npy_intp *shape,
                         const cnp.npy_intp *strides, const char *from_, char *to) noexcept nogil

    # ---- the largest items
    void wg_topk(wg_real real, cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner, const char *in_,
                 const cnp.npy_intp *strides, cnp.npy_intp k, int smallest, int64_t *out) noexcept nogil

    # ---- order
    ctypedef enum wg_order_item:
        WG_ORDER_U8
        WG_ORDER_I8
        WG_ORDER_I16
        WG_ORDER_I32
        WG_ORDER_I64
        WG_ORDER_F16
        WG_ORDER_F32
        WG_ORDER_F64
    enum: WG_ORDER_FEW
    ctypedef enum wg_order_nan:
        WG_ORDER_NAN_LAST
        WG_ORDER_NAN_CHOSEN
        WG_ORDER_NAN_LEFT_OUT
    ctypedef struct wg_order:
        wg_order_item type
        cnp.npy_intp outer
        cnp.npy_intp n
        cnp.npy_intp inner
        const char *in_ "in"
        cnp.npy_intp strides[3]
        int descending
        cnp.npy_intp count
        const int64_t *ranks
        cnp.npy_intp rank_stride
        wg_order_nan nan
        int64_t *out
        uint64_t *pairs
    wg_status wg_order_places(const wg_order *o) noexcept nogil
    wg_status wg_order_ranked(const wg_order *o) noexcept nogil
    int wg_order_pack(const wg_order *o) noexcept nogil
    void wg_order_unpack(const wg_order *o) noexcept nogil
    ctypedef struct wg_order_search_job:
        wg_order_item type
        cnp.npy_intp size
        cnp.npy_intp rows
        cnp.npy_intp n
        cnp.npy_intp m
        const char *sequence
        const char *values
        int each
        int right
        int64_t *out
    wg_status wg_order_search(const wg_order_search_job *s) noexcept nogil

    # ---- counts
    uint64_t wg_greatest(cnp.npy_intp n, const int64_t *x) noexcept nogil
    void wg_count(cnp.npy_intp n, const int64_t *x, int64_t *counts) noexcept nogil
    void wg_count_between(wg_real type, cnp.npy_intp n, const void *x, cnp.npy_intp bins, double low, double high,
                          int64_t *counts) noexcept nogil

    # ---- recurrences
    void wg_recurrence(wg_real real, int backwards, cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner,
                       const void *a, const void *b, void *out) noexcept nogil
    wg_status wg_log_sums(wg_real real, cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner, const void *x,
                          void *out) noexcept nogil

    # ---- windows over pictures
    enum: WG_WINDOW_TAPS
    ctypedef struct wg_window:
        cnp.npy_intp planes
        cnp.npy_intp in_ "in"[2]
        cnp.npy_intp out[2]
        cnp.npy_intp size[2]
        cnp.npy_intp stride[2]
        cnp.npy_intp padding[2]
        cnp.npy_intp dilation[2]
        int adaptive
        int relu
        double divisor
        const void *x
        cnp.npy_intp plane_stride
        cnp.npy_intp row_stride
        void *codes
        void *z
    ctypedef struct wg_window_kernels:
        void (**max)(const wg_window *w) noexcept nogil
        void (**mean)(const wg_window *w) noexcept nogil
        void (**pick)(const wg_window *w) noexcept nogil
        void (**spread)(const wg_window *w) noexcept nogil
    # ---- recurrent layers
    ctypedef enum wg_cell:
        WG_CELL_TANH
        WG_CELL_RELU
        WG_CELL_LSTM
        WG_CELL_GRU
    ctypedef struct wg_recurrent:
        wg_cell cell
        int reverse
        cnp.npy_intp steps
        cnp.npy_intp batch
        cnp.npy_intp inputs
        cnp.npy_intp hidden
        const int64_t *sizes
        const void *x
        cnp.npy_intp ld_x
        const void *w_x
        const void *w_h
        const void *b_x
        const void *b_h
        const void *h
        const void *c
        void *out
        void *h_n
        void *c_n
        void *gates
        void *h_before
        void *c_before
        int (*interrupted)() noexcept nogil
    ctypedef struct wg_recurrent_gradients:
        const void *g
        const void *g_h
        const void *g_c
        void *d_gates
        void *d_x
        void *d_h
        void *d_c
    wg_status wg_recurrent_forward(wg_real real, const wg_recurrent *r) noexcept nogil
    wg_status wg_recurrent_backward(wg_real real, const wg_recurrent *r, const wg_recurrent_gradients *d) noexcept nogil

    # ---- normalizing by channels
    ctypedef struct wg_norm:
        cnp.npy_intp n
        cnp.npy_intp channels
        cnp.npy_intp inner
        const void *x
        const void *g
        const void *residual
        cnp.npy_intp x_strides[2]
        cnp.npy_intp g_strides[2]
        cnp.npy_intp residual_strides[2]
        int relu
        void *mean
        void *variance
        void *rest
        const void *weight
        const void *bias
        double eps
        void *z
        void *of_weight
        void *of_bias
    enum: WG_NORM_ROWS
    ctypedef struct wg_norm_rows:
        cnp.npy_intp n
        cnp.npy_intp inner
        const void *x
        const void *g
        cnp.npy_intp x_stride
        cnp.npy_intp g_stride
        const void *weight
        const void *bias
        double eps
        void *z
        void *scale
        void *of_weight
        void *of_bias
    ctypedef struct wg_norm_kernels:
        void (**rows)(const wg_norm_rows *m) noexcept nogil
        void (**rows_backward)(const wg_norm_rows *m) noexcept nogil
        wg_status (**moments)(const wg_norm *m) noexcept nogil
        wg_status (**apply)(const wg_norm *m) noexcept nogil
        wg_status (**backward)(const wg_norm *m) noexcept nogil

    # ---- optimizer updates
    ctypedef struct wg_sgd:
        cnp.npy_intp count
        const cnp.npy_intp *sizes
        void *const *params
        const void *const *grads
        void *const *momentum
        const unsigned char *first
        double lr
        double momentum_factor
        double dampening
        double weight_decay
        int nesterov
        int maximize
    ctypedef struct wg_adam:
        cnp.npy_intp count
        const cnp.npy_intp *sizes
        void *const *params
        const void *const *grads
        void *const *first_moment
        void *const *second_moment
        void *const *max_second_moment
        const double *steps
        double lr
        double beta1
        double beta2
        double eps
        double weight_decay
        int decoupled
        int maximize
    ctypedef struct wg_rmsprop:
        cnp.npy_intp count
        const cnp.npy_intp *sizes
        void *const *params
        const void *const *grads
        void *const *square_avg
        void *const *grad_avg
        void *const *momentum
        double lr
        double alpha
        double eps
        double weight_decay
        double momentum_factor
        int maximize
    ctypedef struct wg_adagrad:
        cnp.npy_intp count
        const cnp.npy_intp *sizes
        void *const *params
        const void *const *grads
        void *const *sums
        const double *steps
        double lr
        double lr_decay
        double eps
        double weight_decay
        int maximize
    ctypedef struct wg_update_kernels:
        void (**sgd)(const wg_sgd *u) noexcept nogil
        void (**adam)(const wg_adam *u) noexcept nogil
        void (**rmsprop)(const wg_rmsprop *u) noexcept nogil
        void (**adagrad)(const wg_adagrad *u) noexcept nogil
        void (**scale)(cnp.npy_intp count, const cnp.npy_intp *sizes, void *const *tensors, double factor) noexcept nogil
        double (**sum_squares)(cnp.npy_intp count, const cnp.npy_intp *sizes, const void *const *tensors) noexcept nogil

    # ---- the measured ceiling
    ctypedef struct wg_peak_kernels:
        double (**peak_flops)(double seconds) noexcept nogil

    # ---- the table
    ctypedef struct wg_kernels:
        const char *name
        int vector_bytes
        const wg_reduce_kernels *reduce
        const wg_scan_kernels *scan
        const wg_whole_kernels *whole
        const wg_gemm_kernels *gemm
        const wg_triangular_kernels *triangular
        const wg_conv_kernels *conv
        const wg_conv_weight_kernels *conv_weight
        const wg_softmax_kernels *softmax
        const wg_attention_kernels *attention
        const wg_cross_entropy_kernels *cross_entropy
        const wg_gather_kernels *gather
        const wg_window_kernels *window
        const wg_norm_kernels *norm
        const wg_update_kernels *update
        const wg_peak_kernels *peak
    const wg_kernels *wg_active
    const char *wg_dispatch_init() noexcept nogil
    const wg_kernels *const *wg_dispatch_available() noexcept nogil
    int wg_dispatch_select(const char *name) noexcept nogil
    enum: WG_MEDIUM, WG_MEDIUM_ALWAYS
    int wg_medium
    int wg_has_bfloat16() noexcept nogil
