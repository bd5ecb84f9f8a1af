# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Bindings of the C kernels: one function per kernel family. Each checks, allocates, releases the GIL and calls.

Arrays are NumPy arrays of float32 or float64, all of one dtype within a call, with any strides; the layers above promote
dtypes and know about tensors. Results are new, dense, and live in recycled memory (csrc/buffer.c). The contracts of
the kernels are in csrc/wengert.h.
"""
cimport cython
cimport numpy as cnp
from cpython.float cimport PyFloat_AsDouble
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int64_t
from libc.string cimport memset

import operator
import os

import numpy as np

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    enum: NPY_HALF
    cnp.PyArray_Descr *PyArray_DescrFromType(int typenum)
    object PyArray_NewFromDescr(type subtype, cnp.PyArray_Descr *descr, int nd, cnp.npy_intp *dims,
                                cnp.npy_intp *strides, void *data, int flags, object obj)
    int PyArray_SetBaseObject(cnp.ndarray array, object base) except -1
    PyObject *PyArray_BASE(cnp.ndarray array)
    bint PyArray_ISBEHAVED_RO(cnp.ndarray array)
    bint PyArray_IS_C_CONTIGUOUS(cnp.ndarray array)
    bint PyArray_IS_F_CONTIGUOUS(cnp.ndarray array)
    bint PyArray_ISWRITEABLE(cnp.ndarray array)
    void PyArray_ENABLEFLAGS(cnp.ndarray array, int flags)
    void PyArray_CLEARFLAGS(cnp.ndarray array, int flags)

cdef extern from "wengert.h" nogil:
    enum: WG_MAX_DIMS
    enum: WG_MAX_THREADS
    enum: WG_ELEMENTWISE_COUNT
    enum: WG_ELEMENTWISE_copy
    enum: WG_REALS
    ctypedef enum wg_status:
        WG_OK
        WG_NO_MEMORY
        WG_BAD_INDEX
        WG_INTERRUPTED
    ctypedef enum wg_real:
        WG_F32
        WG_F64
    ctypedef enum wg_elementwise:
        pass
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
    ctypedef enum wg_source:
        WG_SOURCE_U8
        WG_SOURCE_F32
        WG_SOURCE_F64
    ctypedef struct wg_elementwise_info:
        const char *name
        int inputs
        int params
        int boolean
    ctypedef struct wg_buffer_stats:
        size_t in_use
        size_t held
        size_t limit
    ctypedef struct wg_reduction:
        wg_reduce kind
        int ndim
        const cnp.npy_intp *shape
        const cnp.npy_intp *strides
        const unsigned char *reduced
        const char *in_ "in"
        char *out
        double correction
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
        double alpha
        double beta
        const void *bias
        cnp.npy_intp bias_stride
        int relu
        const void *mask
        cnp.npy_intp ld_mask
        void *b_column_sums
        int batch_ndim
        const cnp.npy_intp *batch_shape
        const cnp.npy_intp *batch_strides_a
        const cnp.npy_intp *batch_strides_b
        int (*interrupted)() noexcept nogil
    ctypedef struct wg_cross_entropy:
        cnp.npy_intp rows
        cnp.npy_intp classes
        const void *logits
        cnp.npy_intp row_stride
        cnp.npy_intp col_stride
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
    ctypedef struct wg_reduce_kernels:
        wg_status (**reduce)(const wg_reduction *r) noexcept nogil
        void (**cumsum)(cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner, const char *in_, const cnp.npy_intp *strides,
                        char *out) noexcept nogil
    ctypedef struct wg_gemm_kernels:
        wg_status (**gemm)(const wg_gemm *g) noexcept nogil
    ctypedef struct wg_softmax_kernels:
        wg_status (**softmax)(cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner, const char *in_,
                              const cnp.npy_intp *strides, char *out, int log) noexcept nogil
        wg_status (**softmax_grad)(cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner, const char *g,
                                   const cnp.npy_intp *g_strides, const char *z, const cnp.npy_intp *z_strides, char *out,
                                   int log) noexcept nogil
    ctypedef struct wg_cross_entropy_kernels:
        wg_status (**cross_entropy)(wg_cross_entropy *c) noexcept nogil
        wg_status (**cross_entropy_dense)(wg_cross_entropy *c, const void *targets, cnp.npy_intp row_stride,
                                          cnp.npy_intp col_stride) noexcept nogil
    ctypedef struct wg_gather_kernels:
        wg_status (**gather)(wg_source type, const void *source, cnp.npy_intp rows, cnp.npy_intp width,
                             cnp.npy_intp row_stride, const int64_t *index, cnp.npy_intp count, double scale, double shift,
                             void *out, cnp.npy_intp *bad) noexcept nogil
        wg_status (**scatter_add)(const void *source, cnp.npy_intp count, cnp.npy_intp width, cnp.npy_intp row_stride,
                                  const int64_t *index, void *out, cnp.npy_intp rows, cnp.npy_intp *bad) noexcept nogil
    ctypedef struct wg_update_kernels:
        void (**sgd)(const wg_sgd *u) noexcept nogil
        void (**adam)(const wg_adam *u) noexcept nogil
        void (**rmsprop)(const wg_rmsprop *u) noexcept nogil
        void (**adagrad)(const wg_adagrad *u) noexcept nogil
        void (**scale)(cnp.npy_intp count, const cnp.npy_intp *sizes, void *const *tensors, double factor) noexcept nogil
        double (**sum_squares)(cnp.npy_intp count, const cnp.npy_intp *sizes, const void *const *tensors) noexcept nogil
    ctypedef struct wg_peak_kernels:
        double (**peak_flops)(double seconds) noexcept nogil
    ctypedef struct wg_kernels:
        const char *name
        int vector_bytes
        const wg_reduce_kernels *reduce
        const wg_gemm_kernels *gemm
        const wg_softmax_kernels *softmax
        const wg_cross_entropy_kernels *cross_entropy
        const wg_gather_kernels *gather
        const wg_update_kernels *update
        const wg_peak_kernels *peak

    const wg_elementwise_info *wg_elementwise_table
    const wg_kernels *wg_active
    const char *wg_dispatch_init() noexcept nogil
    const wg_kernels *const *wg_dispatch_available() noexcept nogil
    int wg_dispatch_select(const char *name) noexcept nogil
    void wg_elementwise_run(wg_elementwise kernel, wg_real real, int ndim, const cnp.npy_intp *shape, char *const *data,
                            const cnp.npy_intp *const *strides, const double *params) noexcept nogil
    void wg_topk(wg_real real, cnp.npy_intp outer, cnp.npy_intp n, cnp.npy_intp inner, const char *in_,
                 const cnp.npy_intp *strides, cnp.npy_intp k, int smallest, int64_t *out) noexcept nogil
    wg_status wg_along_run(const wg_along *a, int64_t *bad) noexcept nogil
    int wg_get_num_threads() noexcept nogil
    void wg_set_num_threads(int count) noexcept nogil
    void wg_share_processors() noexcept nogil
    int wg_processors(const char *root) noexcept nogil
    double wg_cgroup_processors(const char *root) noexcept nogil
    double wg_cgroup_memory(const char *root) noexcept nogil
    void *wg_buffer_acquire(size_t bytes) noexcept nogil
    void wg_buffer_release(void *block) noexcept nogil
    wg_buffer_stats wg_buffer_usage() noexcept nogil
    void wg_buffer_set_limit(size_t bytes) noexcept nogil
    size_t wg_buffer_trim(size_t keep) noexcept nogil
    void wg_buffer_guard(int on) noexcept nogil
    const char *WG_VERSION

cdef extern from "Python.h":
    Py_ssize_t REFCNT "Py_REFCNT"(PyObject *o)
    PyObject *PyDict_GetItem(object holder, object key)
    int PyErr_CheckSignals() noexcept  # leaves what a handler raised for whoever asks next

cdef extern from *:
    const cnp.npy_intp PY_SSIZE_T_MAX

__version__ = WG_VERSION.decode()

cdef enum:
    KEEP_GIL_BELOW = 8192  # items; below, letting go of the GIL and taking it back costs more than the work


# ---------------------------------------------------------------- the machine

def isa():
    """Name of the instruction set in use."""
    return wg_active.name.decode()


def available_isas():
    """Names of the instruction sets that this machine can run, best first."""
    cdef const wg_kernels *const *table = wg_dispatch_available()
    names = []
    while table[0] is not NULL:
        names.append(table[0].name.decode())
        table += 1
    return tuple(names)


_asked = os.environ.get("WENGERT_NUM_THREADS", "").strip()
if _asked and not (_asked.isdecimal() and int(_asked) >= 1):
    raise ImportError(f"WENGERT_NUM_THREADS={_asked!r}: expected a whole number of threads, at least 1")

cdef const char *_unknown_isa = wg_dispatch_init()
if _unknown_isa is not NULL:
    raise ImportError(f"WENGERT_ISA={_unknown_isa.decode()!r}: this machine and build have {', '.join(available_isas())}")


def select_isa(name):
    """Swap all kernels to another instruction set. For tests: not while kernels run in another thread."""
    if not wg_dispatch_select(name.encode()):
        raise ValueError(f"select_isa: {name!r} is not among {available_isas()}")


def vector_bytes():
    """Width of a vector register of the instruction set in use, in bytes."""
    return wg_active.vector_bytes


def get_num_threads():
    """Number of threads that an operation may use, the calling one included.

    Returns
    -------
    int

    Examples
    --------
    >>> wg.get_num_threads() >= 1
    True
    """
    return wg_get_num_threads()


def set_num_threads(n):
    """Set the number of threads that an operation may use, the calling one included.

    Parameters
    ----------
    n : int
        At least 1. Results do not depend on it.

    Raises
    ------
    TypeError
        If ``n`` is not an integer.
    ValueError
        If ``n`` is below 1 or above the pool's limit of 256.

    Examples
    --------
    >>> before = wg.get_num_threads()
    >>> wg.set_num_threads(1)
    >>> wg.get_num_threads()
    1
    >>> wg.set_num_threads(before)
    """
    count = operator.index(n)
    if not 1 <= count <= WG_MAX_THREADS:
        raise ValueError(f"set_num_threads: expected 1 to {WG_MAX_THREADS} threads, got {n}")
    wg_set_num_threads(count)


def share_processors():
    """Use one thread, unless the number was set or comes from the environment: this is one process of several."""
    wg_share_processors()


def allowance(root=""):
    """What this process may use: processors, the quota of its control groups in processors, and their bytes of memory.

    `root` stands before the paths in /proc and /sys that Linux is asked at, for tests that have a tree of their own.
    """
    cdef bytes path = os.fsencode(root)
    return wg_processors(path), wg_cgroup_processors(path), wg_cgroup_memory(path)


def peak_flops(dtype, double seconds=0.05):
    """Measured FLOP/s of one thread in a loop of register-only fused multiply-adds."""
    cdef int real = real_of(np.dtype(dtype).num, "peak_flops")
    cdef double result
    with nogil:
        result = wg_active.peak.peak_flops[real](seconds)
    return result


# ---------------------------------------------------------------- arrays over recycled memory

@cython.final
@cython.freelist(64)
@cython.internal
cdef class Block:
    """Owner of one block of recycled memory; the base object of every result."""
    cdef void *data

    def __dealloc__(self):
        wg_buffer_release(self.data)


cdef cnp.ndarray new_array(int typenum, int ndim, const cnp.npy_intp *shape, bint fortran=False):
    """A new dense array, contents undefined."""
    cdef size_t item = item_size(typenum)
    cdef size_t bytes = item
    cdef cnp.npy_intp i
    for i in range(ndim):
        if shape[i] > 0 and bytes > <size_t> PY_SSIZE_T_MAX // <size_t> shape[i]:
            raise MemoryError(f"a result of shape {shape_tuple(ndim, shape)} is larger than the address space")
        bytes *= <size_t> shape[i]
    cdef Block block = Block.__new__(Block)
    block.data = wg_buffer_acquire(bytes)
    if block.data is NULL:
        raise MemoryError(f"no memory for a result of shape {shape_tuple(ndim, shape)}: {bytes} bytes")
    cdef cnp.ndarray array = PyArray_NewFromDescr(
        cnp.ndarray, PyArray_DescrFromType(typenum), ndim, <cnp.npy_intp *> shape, NULL, block.data,
        cnp.NPY_ARRAY_FARRAY if fortran else cnp.NPY_ARRAY_CARRAY, None)
    Py_INCREF(block)  # PyArray_SetBaseObject takes one over
    PyArray_SetBaseObject(array, block)
    return array


cdef inline size_t item_size(int typenum) noexcept nogil:
    if typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_INT32:
        return 4
    if typenum == cnp.NPY_BOOL or typenum == cnp.NPY_UINT8 or typenum == cnp.NPY_INT8:
        return 1
    if typenum == cnp.NPY_INT16 or typenum == NPY_HALF:
        return 2
    return 8


cdef tuple shape_tuple(int ndim, const cnp.npy_intp *shape):
    return tuple([shape[i] for i in range(ndim)])


cdef inline bint has_shape(cnp.ndarray array, int ndim, const cnp.npy_intp *shape) noexcept:
    cdef int d
    if cnp.PyArray_NDIM(array) != ndim:
        return False
    for d in range(ndim):
        if cnp.PyArray_DIM(array, d) != shape[d]:
            return False
    return True


cdef inline int real_of(int typenum, name) except -1:
    if typenum == cnp.NPY_FLOAT:
        return WG_F32
    if typenum == cnp.NPY_DOUBLE:
        return WG_F64
    raise TypeError(f"{name}: the kernels compute in float32 and float64, got {np.dtype(typenum_to_name(typenum))}")


cdef typenum_to_name(int typenum):
    return <object> PyArray_DescrFromType(typenum)


cdef inline cnp.ndarray readable(object x, name):
    """x as an aligned array in native byte order; itself wherever it is one."""
    if not cnp.PyArray_Check(x):
        raise TypeError(f"{name}: expected a NumPy array, got {type(x).__name__}")
    if PyArray_ISBEHAVED_RO(x):
        return x
    return np.require(np.asarray(x, dtype=x.dtype.newbyteorder("=")), requirements="A")


cdef cnp.ndarray readable_as(object x, int typenum, name, argument):
    """The same for a further argument, which must have the dtype of the first."""
    cdef cnp.ndarray array = readable(x, name)
    if cnp.PyArray_TYPE(array) != typenum:
        raise TypeError(f"{name}: {argument} is {array.dtype}, expected {np.dtype(typenum_to_name(typenum))} like the "
                        "first argument")
    return array


cdef check_apart(cnp.ndarray out, others, name):
    """Refuse an array to write to that shares memory with one that is read."""
    for other in others:
        if other is not None and overlap(out, other) and np.shares_memory(out, other):
            raise ValueError(f"{name}: out shares memory with an operand; give a copy of one of them")


cdef cnp.ndarray dense(cnp.ndarray array):
    """array itself if it is in C order, else a copy in recycled memory."""
    if PyArray_IS_C_CONTIGUOUS(array):
        return array
    return copy_kernel.run(array, None, None, ())


cdef int signal_handler_raised() noexcept nogil:
    """Run Python's signal handlers, if it is time and this is the main thread; whether one raised an exception."""
    with gil:
        return PyErr_CheckSignals()


cdef int raise_from_handler() except -1:
    """Let the exception go on that a signal handler raised."""
    return -1


cdef check(wg_status status, name):
    if status == WG_INTERRUPTED:
        raise_from_handler()
    if status == WG_NO_MEMORY:
        raise MemoryError(f"{name}: no memory for the kernel's scratch space")


def copy(x):
    """A dense copy, in C order, of an array of float32 or float64."""
    cdef cnp.ndarray array = readable(x, "copy")
    real_of(cnp.PyArray_TYPE(array), "copy")
    return copy_kernel.run(array, None, None, ())


def empty(shape, dtype):
    """An uninitialised array of float32, float64, int64 or bool in recycled memory."""
    cdef cnp.npy_intp dims[WG_MAX_DIMS]
    cdef int typenum = np.dtype(dtype).num
    cdef int ndim = len(shape)
    if typenum not in (cnp.NPY_FLOAT, cnp.NPY_DOUBLE, cnp.NPY_INT64, cnp.NPY_BOOL):
        raise TypeError(f"empty: expected float32, float64, int64 or bool, got {np.dtype(dtype)}")
    if ndim > WG_MAX_DIMS:
        raise ValueError(f"empty: at most {WG_MAX_DIMS} dimensions, got {ndim}")
    for i in range(ndim):
        if shape[i] < 0:
            raise ValueError(f"empty: negative length in shape {tuple(shape)}")
        dims[i] = shape[i]
    return new_array(typenum, ndim, dims)


def broadcast_view(cnp.ndarray array, tuple shape):
    """`np.broadcast_to` at a tenth of its cost: a read-only view with stride 0 along the dimensions that are repeated."""
    cdef cnp.npy_intp lengths[WG_MAX_DIMS]
    cdef cnp.npy_intp strides[WG_MAX_DIMS]
    cdef int ndim = len(shape), lead = ndim - cnp.PyArray_NDIM(array), d
    cdef bint fits = 0 <= lead and ndim <= WG_MAX_DIMS
    for d in range(ndim if fits else 0):
        lengths[d] = shape[d]
        strides[d] = 0
        if d >= lead and cnp.PyArray_DIM(array, d - lead) == lengths[d]:
            strides[d] = cnp.PyArray_STRIDE(array, d - lead)
        elif d >= lead and cnp.PyArray_DIM(array, d - lead) != 1:
            fits = False
    if not fits:
        raise ValueError(f"broadcast_to: shape {np.shape(array)} does not broadcast to {shape}")
    cdef cnp.PyArray_Descr *descr = cnp.PyArray_DESCR(array)
    Py_INCREF(<object> descr)  # PyArray_NewFromDescr takes one over, and PyArray_SetBaseObject
    cdef cnp.ndarray view = PyArray_NewFromDescr(cnp.ndarray, descr, ndim, lengths, strides, cnp.PyArray_DATA(array),
                                                 cnp.NPY_ARRAY_ALIGNED, None)
    Py_INCREF(array)
    PyArray_SetBaseObject(view, array)
    return view


def owned_alone(variable):
    """Whether nobody but `variable` holds the array that is its value, and no other array sees that array's memory."""
    cdef cnp.ndarray array = variable._value
    cdef PyObject *base = PyArray_BASE(array)
    if base is NULL or type(<object> base) is not Block:
        return False
    return REFCNT(base) == 1 and REFCNT(<PyObject *> array) == 2  # the variable's reference and ours


cdef void extent(cnp.ndarray array, char **first, char **end) noexcept:
    """Where the memory that an array's items lie in begins and ends."""
    cdef int d
    cdef cnp.npy_intp span
    first[0] = cnp.PyArray_BYTES(array)
    end[0] = first[0] + cnp.PyArray_ITEMSIZE(array)
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_DIM(array, d) == 0:
            end[0] = first[0]
            return
        span = (cnp.PyArray_DIM(array, d) - 1) * cnp.PyArray_STRIDE(array, d)
        if span < 0:
            first[0] += span
        else:
            end[0] += span


def overlap(cnp.ndarray x, cnp.ndarray y):
    """What `np.may_share_memory` says: whether the memory that x's items lie in meets that of y's."""
    cdef char *first_x
    cdef char *end_x
    cdef char *first_y
    cdef char *end_y
    extent(x, &first_x, &end_x)
    extent(y, &first_y, &end_y)
    return first_x < end_y and first_y < end_x and first_x != end_x and first_y != end_y


def held_alone(dict holder, key):
    """Whether nobody but `holder` has the variable under `key`, and nobody else its array or that array's memory."""
    cdef PyObject *variable = PyDict_GetItem(holder, key)
    return variable is not NULL and REFCNT(variable) == 1 and owned_alone(<object> variable)


def set_writeable(cnp.ndarray array, bint writeable):
    """Set an array's flag as `array.flags.writeable` does; over our own memory NumPy would only ever let it be cleared."""
    if writeable:
        PyArray_ENABLEFLAGS(array, cnp.NPY_ARRAY_WRITEABLE)
    else:
        PyArray_CLEARFLAGS(array, cnp.NPY_ARRAY_WRITEABLE)


def memory_usage():
    """Bytes in recycled memory: handed out (`in_use`), kept for reuse (`held`), and the bound on the latter (`limit`)."""
    cdef wg_buffer_stats stats = wg_buffer_usage()
    return {"in_use": stats.in_use, "held": stats.held, "limit": stats.limit}


def trim_memory(cnp.npy_intp keep=0):
    """Return kept memory to the system until at most `keep` bytes are held; gives the number of bytes returned."""
    if keep < 0:
        raise ValueError(f"trim_memory: expected a number of bytes >= 0, got {keep}")
    return wg_buffer_trim(keep)


def set_memory_limit(cnp.npy_intp limit):
    """Bound the memory kept for reuse to `limit` bytes."""
    if limit < 0:
        raise ValueError(f"set_memory_limit: expected a number of bytes >= 0, got {limit}")
    wg_buffer_set_limit(limit)


def guard_memory(bint on):
    """Put every new result between sentinels and before a page that faults. For tests; of effect on Linux only."""
    wg_buffer_guard(on)


# ---------------------------------------------------------------- elementwise

def elementwise_info():
    """Name -> (inputs, scalar parameters, whether the result is boolean) of every elementwise kernel."""
    return {wg_elementwise_table[i].name.decode(): (wg_elementwise_table[i].inputs, wg_elementwise_table[i].params,
                                                    bool(wg_elementwise_table[i].boolean))
            for i in range(WG_ELEMENTWISE_COUNT)}


@cython.final
cdef class Elementwise:
    """One elementwise kernel: call it with arrays that broadcast together, or with numbers for all but one of them.

    Numbers take the dtype of the arrays. The result is dense: in C order, or in Fortran order if every operand is.
    float16 is computed in float32; other dtypes go to `fallback`, called with the operands and the parameters.
    """
    cdef int kernel, inputs, params
    cdef bint boolean
    cdef readonly str name
    cdef readonly object fallback

    def __init__(self, str name, fallback=None):
        self.fallback = fallback
        for i in range(WG_ELEMENTWISE_COUNT):
            if wg_elementwise_table[i].name == name.encode():
                self.kernel = i
                self.name = name
                self.inputs = wg_elementwise_table[i].inputs
                self.params = wg_elementwise_table[i].params
                self.boolean = wg_elementwise_table[i].boolean
                return
        raise ValueError(f"there is no elementwise kernel {name!r}; there are {', '.join(elementwise_info())}")

    def __repr__(self):
        return f"Elementwise({self.name!r})"

    def __call__(self, x, y=None, z=None, params=()):
        return self.run(x, y, z, params)

    cdef cnp.ndarray run(self, x, y, z, params):
        cdef PyObject *operands[3]   # borrowed: x, y and z stay alive
        cdef PyObject *arrays[3]     # the same as arrays, NULL for numbers
        cdef cnp.ndarray array, out
        cdef double numbers[3]
        cdef float numbers32[3]
        cdef char numbers8[3]
        cdef double parameters[4]
        cdef char *data[4]
        cdef const cnp.npy_intp *stride_of[4]
        cdef cnp.npy_intp strides[4][WG_MAX_DIMS]
        cdef cnp.npy_intp shape[WG_MAX_DIMS]
        cdef cnp.npy_intp size = 1, length
        cdef int i, d, ndim = -1, typenum = -1, shift, real
        cdef bint same = True, fortran = self.kernel != WG_ELEMENTWISE_copy  # a copy is always in C order
        if cnp.PyArray_Check(x):
            x = readable(x, self.name)
        if cnp.PyArray_Check(y):
            y = readable(y, self.name)
        if cnp.PyArray_Check(z):
            z = readable(z, self.name)
        operands[0] = <PyObject *> x
        operands[1] = <PyObject *> y
        operands[2] = <PyObject *> z
        if (self.inputs < 3 and z is not None) or (self.inputs < 2 and y is not None):
            raise TypeError(f"{self.name}: expected {self.inputs} operand(s), got more")
        for i in range(self.inputs):
            if cnp.PyArray_Check(<object> operands[i]):
                arrays[i] = operands[i]
                array = <cnp.ndarray> arrays[i]
                if self.inputs == 3 and i == 0:
                    if cnp.PyArray_TYPE(array) != cnp.NPY_BOOL:
                        raise TypeError(f"{self.name}: the condition is {array.dtype}, expected bool")
                elif typenum < 0:
                    typenum = cnp.PyArray_TYPE(array)
                elif cnp.PyArray_TYPE(array) != typenum:
                    raise TypeError(f"{self.name}: operands of dtype {np.dtype(typenum_to_name(typenum))} and "
                                    f"{array.dtype}; expected one dtype, float32 or float64")
                if cnp.PyArray_NDIM(array) > ndim:
                    ndim = cnp.PyArray_NDIM(array)
            else:
                if <object> operands[i] is None:
                    raise TypeError(f"{self.name}: expected {self.inputs} operands, got {i}")
                arrays[i] = NULL
                numbers[i] = PyFloat_AsDouble(<object> operands[i])
        if typenum < 0:
            raise TypeError(f"{self.name}: expected at least one array of float32 or float64")
        if typenum != cnp.NPY_FLOAT and typenum != cnp.NPY_DOUBLE:
            return self.other(typenum, x, y, z, params)
        real = WG_F32 if typenum == cnp.NPY_FLOAT else WG_F64
        if len(params) != self.params:
            raise TypeError(f"{self.name}: expected {self.params} scalar parameter(s), got {len(params)}")
        for i in range(self.params):
            parameters[i] = params[i]

        # The broadcast shape, and whether every array has it.
        for d in range(ndim):
            shape[d] = 1
        for i in range(self.inputs):
            if arrays[i] is NULL:
                continue
            array = <cnp.ndarray> arrays[i]
            shift = ndim - cnp.PyArray_NDIM(array)
            for d in range(shift, ndim):
                length = cnp.PyArray_DIM(array, d - shift)
                if length != shape[d]:
                    if shape[d] == 1:
                        shape[d] = length
                    elif length != 1:
                        raise ValueError(self.mismatch(x, y, z))
        for d in range(ndim):
            size *= shape[d]
        for i in range(self.inputs):
            if arrays[i] is NULL:
                continue
            array = <cnp.ndarray> arrays[i]
            if cnp.PyArray_NDIM(array) != ndim or cnp.PyArray_SIZE(array) != size:
                same = fortran = False
            elif not PyArray_IS_C_CONTIGUOUS(array):
                same = False
                fortran = fortran and PyArray_IS_F_CONTIGUOUS(array)
            elif fortran:
                fortran = PyArray_IS_F_CONTIGUOUS(array)

        out = new_array(cnp.NPY_BOOL if self.boolean else typenum, ndim, shape, fortran and not same)
        data[0] = cnp.PyArray_BYTES(out)
        for i in range(self.inputs):
            if arrays[i] is not NULL:
                data[i + 1] = cnp.PyArray_BYTES(<cnp.ndarray> arrays[i])
            elif self.inputs == 3 and i == 0:
                numbers8[i] = numbers[i] != 0
                data[i + 1] = &numbers8[i]
            elif real == WG_F32:
                numbers32[i] = <float> numbers[i]
                data[i + 1] = <char *> &numbers32[i]
            else:
                data[i + 1] = <char *> &numbers[i]

        if same or fortran:
            # One dense dimension.
            shape[0] = size
            ndim = 1
            strides[0][0] = cnp.PyArray_ITEMSIZE(out)
            for i in range(self.inputs):
                strides[i + 1][0] = 0 if arrays[i] is NULL else cnp.PyArray_ITEMSIZE(<cnp.ndarray> arrays[i])
        else:
            for d in range(ndim):
                strides[0][d] = cnp.PyArray_STRIDE(out, d)
            for i in range(self.inputs):
                array = None if arrays[i] is NULL else <cnp.ndarray> arrays[i]
                shift = ndim if array is None else ndim - cnp.PyArray_NDIM(array)
                for d in range(ndim):
                    if d < shift or cnp.PyArray_DIM(array, d - shift) != shape[d]:
                        strides[i + 1][d] = 0
                    else:
                        strides[i + 1][d] = cnp.PyArray_STRIDE(array, d - shift)
        for i in range(self.inputs + 1):
            stride_of[i] = strides[i]
        if size < KEEP_GIL_BELOW:
            wg_elementwise_run(<wg_elementwise> self.kernel, <wg_real> real, ndim, shape, data, stride_of, parameters)
        else:
            with nogil:
                wg_elementwise_run(<wg_elementwise> self.kernel, <wg_real> real, ndim, shape, data, stride_of,
                                   parameters)
        return out

    cdef cnp.ndarray other(self, int typenum, x, y, z, params):
        """The dtypes that the kernels do not compute in."""
        if typenum == NPY_HALF:
            wide = [operand.astype(np.float32) if isinstance(operand, np.ndarray) and operand.dtype == np.float16
                    else operand for operand in (x, y, z)]
            result = self.run(wide[0], wide[1], wide[2], params)
            if self.boolean:
                return result
            with np.errstate(over="ignore"):
                return result.astype(np.float16)
        if self.fallback is None:
            raise TypeError(f"{self.name}: expected float16, float32 or float64, got "
                            f"{np.dtype(typenum_to_name(typenum))}")
        with np.errstate(all="ignore"):  # integers divided by zero, as floats, are infinite or NaN without a word
            try:
                return np.asarray(self.fallback(*(x, y, z)[:self.inputs], *params))
            except OverflowError as error:
                raise OverflowError(f"{self.name}: {error}") from None

    cdef str mismatch(self, x, y, z):
        shapes = [str(np.shape(operand)) for operand in (x, y, z)[:self.inputs]]
        return (f"{self.name}: the shapes {' and '.join(shapes)} do not broadcast; each dimension, counted from the last, "
                "must be equal or 1")


cdef Elementwise copy_kernel = Elementwise("copy")


# ---------------------------------------------------------------- reductions

cdef dict REDUCTIONS = {
    "sum": WG_REDUCE_sum, "mean": WG_REDUCE_mean, "prod": WG_REDUCE_prod, "max": WG_REDUCE_max, "min": WG_REDUCE_min,
    "logsumexp": WG_REDUCE_logsumexp, "var": WG_REDUCE_var, "norm": WG_REDUCE_norm, "argmax": WG_REDUCE_argmax,
    "argmin": WG_REDUCE_argmin,
}


cdef int axis_of(object axis, int ndim, name) except -1:
    cdef cnp.npy_intp d = axis
    if not -ndim <= d < ndim and not (ndim == 0 and d in (0, -1)):
        raise IndexError(f"{name}: dimension {axis} is out of range for {ndim} dimension(s), expected {-max(ndim, 1)} to "
                         f"{max(ndim, 1) - 1}")
    return <int> (d + max(ndim, 1) if d < 0 else d)


def reduce(str kind, x, axes=None, bint keepdims=False, double correction=0.0):
    """Reduce an array over some of its axes.

    Parameters
    ----------
    kind : str
        sum, mean, prod, max, min, logsumexp, var, norm, argmax or argmin.
    x : ndarray
        float32 or float64, any strides.
    axes : None, int or tuple of int
        None reduces all of them.
    keepdims : bool
        Keep reduced axes with length 1.
    correction : float
        var divides by the number of items less this.

    Returns
    -------
    ndarray
        Of x's dtype; int64 for argmax and argmin.
    """
    return reduce_array(reduction_of(kind), kind, x, axes, keepdims, correction)


cdef int reduction_of(str kind) except -1:
    found = REDUCTIONS.get(kind)
    if found is None:
        raise ValueError(f"reduce: there is no reduction {kind!r}; there are {', '.join(REDUCTIONS)}")
    return found


cdef cnp.ndarray reduce_array(int reduction, str kind, x, axes, bint keepdims, double correction):
    """`reduce`, of the kind that its number tells."""
    cdef wg_reduction r
    cdef cnp.ndarray array = readable(x, kind), out
    cdef int ndim = cnp.PyArray_NDIM(array), real = real_of(cnp.PyArray_TYPE(array), kind), kept = 0, d
    cdef unsigned char reduced[WG_MAX_DIMS]
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp count = 1
    cdef wg_status status
    r.kind = <wg_reduce> reduction
    cdef bint place = r.kind == WG_REDUCE_argmax or r.kind == WG_REDUCE_argmin
    memset(reduced, axes is None, sizeof(reduced))
    if axes is not None:
        for axis in axes if isinstance(axes, tuple) else (axes,):
            d = axis_of(axis, ndim, kind)
            if ndim and reduced[d]:
                raise ValueError(f"{kind}: dimension {axis} is given twice in {axes}")
            reduced[d] = 1
    for d in range(ndim):
        if reduced[d]:
            count *= cnp.PyArray_DIM(array, d)
            if keepdims:
                shape[kept] = 1
                kept += 1
        else:
            shape[kept] = cnp.PyArray_DIM(array, d)
            kept += 1
    if count == 0 and (place or r.kind == WG_REDUCE_max or r.kind == WG_REDUCE_min):
        raise ValueError(f"{kind}: there is nothing to choose from: shape {np.shape(x)} has no items along the reduced "
                         "dimensions")
    out = new_array(cnp.NPY_INT64 if place else cnp.PyArray_TYPE(array), kept, shape)
    r.ndim = ndim
    r.shape = cnp.PyArray_DIMS(array)
    r.strides = cnp.PyArray_STRIDES(array)
    r.reduced = reduced
    r.in_ = cnp.PyArray_BYTES(array)
    r.out = cnp.PyArray_BYTES(out)
    r.correction = correction
    if cnp.PyArray_SIZE(array) < KEEP_GIL_BELOW:
        status = wg_active.reduce.reduce[real](&r)
    else:
        with nogil:
            status = wg_active.reduce.reduce[real](&r)
    check(status, kind)
    return out


@cython.final
cdef class Reduction:
    """One reduction of float32 or float64 as an operation calls it; other dtypes go to `fallback`, with all arguments.

    `shape` is what the rules of its operation ask for: x's.
    """
    cdef int reduction
    cdef readonly str kind
    cdef readonly object fallback

    def __init__(self, str kind, fallback):
        self.reduction = reduction_of(kind)
        self.kind = kind
        self.fallback = fallback

    def __repr__(self):
        return f"Reduction({self.kind!r})"

    def __call__(self, x, dims, bint keepdim, shape, double correction=0.0):
        cdef int typenum = cnp.PyArray_TYPE(x) if cnp.PyArray_Check(x) else -1
        if typenum != cnp.NPY_FLOAT and typenum != cnp.NPY_DOUBLE:
            return self.fallback(x, dims, keepdim, shape, correction)
        return reduce_array(self.reduction, self.kind, x, dims, keepdim, correction)


cdef cnp.ndarray split_axis(cnp.ndarray array, int axis, cnp.npy_intp *lengths, cnp.npy_intp *strides):
    """(outer, n, inner) lengths and byte strides that describe `array` along one axis: array itself, or a dense copy
    where the dimensions before or after the axis do not merge."""
    cdef int ndim = cnp.PyArray_NDIM(array), d
    cdef cnp.npy_intp outer = 1, inner = 1, outer_stride = 0, inner_stride = 0, length
    if ndim == 0 or cnp.PyArray_SIZE(array) == 0:  # of nothing, no copy would make the dimensions merge
        lengths[0] = 1 if ndim == 0 else 0
        lengths[1] = lengths[2] = 1
        strides[0] = strides[1] = strides[2] = 0
        return array
    for d in range(axis - 1, -1, -1):
        length = cnp.PyArray_DIM(array, d)
        if length == 1:
            continue
        if outer == 1:
            outer_stride = cnp.PyArray_STRIDE(array, d)
        elif cnp.PyArray_STRIDE(array, d) != outer_stride * outer:
            return split_axis(copy_kernel.run(array, None, None, ()), axis, lengths, strides)
        outer *= length
    for d in range(ndim - 1, axis, -1):
        length = cnp.PyArray_DIM(array, d)
        if length == 1:
            continue
        if inner == 1:
            inner_stride = cnp.PyArray_STRIDE(array, d)
        elif cnp.PyArray_STRIDE(array, d) != inner_stride * inner:
            return split_axis(copy_kernel.run(array, None, None, ()), axis, lengths, strides)
        inner *= length
    lengths[0] = outer
    lengths[1] = cnp.PyArray_DIM(array, axis)
    lengths[2] = inner
    strides[0] = outer_stride
    strides[1] = cnp.PyArray_STRIDE(array, axis)
    strides[2] = inner_stride
    return array


def cumsum(x, axis):
    """Running sum along one axis."""
    cdef cnp.ndarray array = readable(x, "cumsum"), out
    cdef int real = real_of(cnp.PyArray_TYPE(array), "cumsum"), d = axis_of(axis, cnp.PyArray_NDIM(array), "cumsum")
    cdef cnp.npy_intp lengths[3]
    cdef cnp.npy_intp strides[3]
    cdef char *data
    cdef char *result
    array = split_axis(array, d, lengths, strides)
    out = new_array(cnp.PyArray_TYPE(array), cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array))
    data, result = cnp.PyArray_BYTES(array), cnp.PyArray_BYTES(out)
    with nogil:
        wg_active.reduce.cumsum[real](lengths[0], lengths[1], lengths[2], data, strides, result)
    return out


def topk(x, cnp.npy_intp k, axis, bint smallest=False):
    """Where the k largest items along one axis stand, the largest first, equal ones in their order, NaN before all.

    Parameters
    ----------
    x : ndarray
        float32 or float64, any strides, of one dimension or more.
    k : int
        From 0 to the length of the axis, and small beside it.
    axis : int
    smallest : bool
        The smallest items, the smallest first and NaN behind all.

    Returns
    -------
    ndarray of int64
        Of x's shape with k along the axis.
    """
    cdef cnp.ndarray array = readable(x, "topk"), out
    cdef int real = real_of(cnp.PyArray_TYPE(array), "topk"), d = axis_of(axis, cnp.PyArray_NDIM(array), "topk"), i
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp lengths[3]
    cdef cnp.npy_intp strides[3]
    cdef char *data
    cdef int64_t *result
    for i in range(cnp.PyArray_NDIM(array)):
        shape[i] = cnp.PyArray_DIM(array, i)
    if cnp.PyArray_NDIM(array) == 0 or not 0 <= k <= shape[d]:
        raise ValueError(f"topk: there are no {k} item(s) along dimension {d} of shape {np.shape(x)}")
    shape[d] = k
    out = new_array(cnp.NPY_INT64, cnp.PyArray_NDIM(array), shape)
    if cnp.PyArray_SIZE(out) == 0:
        return out
    array = split_axis(array, d, lengths, strides)
    data, result = cnp.PyArray_BYTES(array), <int64_t *> cnp.PyArray_DATA(out)
    with nogil:
        wg_topk(<wg_real> real, lengths[0], lengths[1], lengths[2], data, strides, k, smallest, result)
    return out


# ---------------------------------------------------------------- matrix product

cdef cnp.ndarray whole_strides(cnp.ndarray array):
    """array itself, or a copy where a stride is not a multiple of the item's size."""
    cdef int d
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_STRIDE(array, d) % cnp.PyArray_ITEMSIZE(array):
            return copy_kernel.run(array, None, None, ())
    return array


def matmul(a, b, *, double alpha=1.0, double beta=0.0, out=None, bias=None, bint relu=False, mask=None,
           bint column_sums=False):
    """alpha * a @ b + beta * out, then bias, ReLU and mask, in one pass.

    Parameters
    ----------
    a, b : ndarray
        (..., m, k) and (..., k, n), of one dtype, any strides; the leading dimensions broadcast.
    alpha, beta : float
        With beta = 0, `out` is not read.
    out : ndarray or None
        (..., m, n), dense; written in place.
    bias : ndarray or None
        (n,), added to every row.
    relu : bool
        Keep the positive part.
    mask : ndarray or None
        (m, n), unit column stride: keep the result where it is positive, else 0.
    column_sums : bool
        Also give the sums over the rows of b, (n,); not for batches.

    Returns
    -------
    ndarray, or (ndarray, ndarray) with column_sums

    Raises
    ------
    ValueError
        If shapes do not chain or broadcast.
    KeyboardInterrupt, or whatever a signal handler raises
        On the main thread, also in the middle of a product that takes long; `out` then holds a part of the result.
    """
    cdef cnp.ndarray A = whole_strides(readable(a, "matmul")), B, C, S, M
    cdef int typenum = cnp.PyArray_TYPE(A), real = real_of(typenum, "matmul")
    cdef int ndim_a = cnp.PyArray_NDIM(A), ndim_b, batch, d, i
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(A), length_a, length_b
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp strides_a[WG_MAX_DIMS]
    cdef cnp.npy_intp strides_b[WG_MAX_DIMS]
    cdef wg_gemm g
    cdef wg_status status
    cdef double work
    B = whole_strides(readable_as(b, typenum, "matmul", "the second argument"))
    ndim_b = cnp.PyArray_NDIM(B)
    if ndim_a < 2 or ndim_b < 2:
        raise ValueError(f"matmul: expected matrices or stacks of them, got shapes {np.shape(a)} and {np.shape(b)}")
    memset(&g, 0, sizeof(g))
    g.m = cnp.PyArray_DIM(A, ndim_a - 2)
    g.k = cnp.PyArray_DIM(A, ndim_a - 1)
    g.n = cnp.PyArray_DIM(B, ndim_b - 1)
    if cnp.PyArray_DIM(B, ndim_b - 2) != g.k:
        raise ValueError(f"matmul: shapes {np.shape(a)} and {np.shape(b)} do not chain: the last dimension of the first, "
                         f"{g.k}, must equal the last but one of the second, {cnp.PyArray_DIM(B, ndim_b - 2)}")
    batch = max(ndim_a, ndim_b) - 2
    for d in range(batch):
        i = d - (batch + 2 - ndim_a)
        length_a = cnp.PyArray_DIM(A, i) if i >= 0 else 1
        strides_a[d] = cnp.PyArray_STRIDE(A, i) // item if length_a != 1 else 0
        i = d - (batch + 2 - ndim_b)
        length_b = cnp.PyArray_DIM(B, i) if i >= 0 else 1
        strides_b[d] = cnp.PyArray_STRIDE(B, i) // item if length_b != 1 else 0
        if length_a != length_b and length_a != 1 and length_b != 1:
            raise ValueError(f"matmul: the leading dimensions of {np.shape(a)} and {np.shape(b)} do not broadcast")
        shape[d] = length_b if length_a == 1 else length_a
    shape[batch] = g.m
    shape[batch + 1] = g.n
    if out is None:
        C = new_array(typenum, batch + 2, shape)
        beta = 0.0
    else:
        C = writable_dense(out, typenum, "matmul", "out")
        if not has_shape(C, batch + 2, shape):
            raise ValueError(f"matmul: out has shape {np.shape(C)}, expected {shape_tuple(batch + 2, shape)}")
        check_apart(C, (A, B, bias, mask), "matmul")
    g.a = cnp.PyArray_DATA(A)
    g.rs_a = cnp.PyArray_STRIDE(A, ndim_a - 2) // item
    g.cs_a = cnp.PyArray_STRIDE(A, ndim_a - 1) // item
    g.b = cnp.PyArray_DATA(B)
    g.rs_b = cnp.PyArray_STRIDE(B, ndim_b - 2) // item
    g.cs_b = cnp.PyArray_STRIDE(B, ndim_b - 1) // item
    g.c = cnp.PyArray_DATA(C)
    g.ldc = g.n
    g.alpha = alpha
    g.beta = beta
    g.relu = relu
    if bias is not None:
        bias = whole_strides(readable_as(bias, typenum, "matmul", "the bias"))
        if not has_shape(bias, 1, &g.n):
            raise ValueError(f"matmul: the bias has shape {np.shape(bias)}, expected {(g.n,)}")
        g.bias = cnp.PyArray_DATA(bias)
        g.bias_stride = cnp.PyArray_STRIDE(bias, 0) // item
    if mask is not None:
        M = readable_as(mask, typenum, "matmul", "the mask")
        if not has_shape(M, 2, &shape[batch]):
            raise ValueError(f"matmul: the mask has shape {np.shape(M)}, expected {(g.m, g.n)}")
        if g.n > 1 and cnp.PyArray_STRIDE(M, 1) != item or cnp.PyArray_STRIDE(M, 0) % item:
            M = copy_kernel.run(M, None, None, ())
        g.mask = cnp.PyArray_DATA(M)
        g.ld_mask = cnp.PyArray_STRIDE(M, 0) // item
    if column_sums:
        if batch:
            raise ValueError(f"matmul: column_sums is for two matrices, got shapes {np.shape(a)} and {np.shape(b)}")
        S = new_array(typenum, 1, &shape[1])
        g.b_column_sums = cnp.PyArray_DATA(S)
    g.batch_ndim = batch
    g.batch_shape = shape
    g.batch_strides_a = strides_a
    g.batch_strides_b = strides_b
    work = <double> cnp.PyArray_SIZE(C) * g.k
    if work < 4.0 * KEEP_GIL_BELOW:
        status = wg_active.gemm.gemm[real](&g)
    else:
        g.interrupted = signal_handler_raised
        with nogil:
            status = wg_active.gemm.gemm[real](&g)
    check(status, "matmul")
    return (C, S) if column_sums else C


# ---------------------------------------------------------------- softmax and cross-entropy

def softmax(x, axis, bint log=False):
    """Softmax, or log-softmax, along one axis."""
    cdef cnp.ndarray array = readable(x, "softmax"), out
    cdef int real = real_of(cnp.PyArray_TYPE(array), "softmax"), d = axis_of(axis, cnp.PyArray_NDIM(array), "softmax")
    cdef cnp.npy_intp lengths[3]
    cdef cnp.npy_intp strides[3]
    cdef char *data
    cdef char *result
    cdef wg_status status
    array = split_axis(array, d, lengths, strides)
    out = new_array(cnp.PyArray_TYPE(array), cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array))
    data, result = cnp.PyArray_BYTES(array), cnp.PyArray_BYTES(out)
    with nogil:
        status = wg_active.softmax.softmax[real](lengths[0], lengths[1], lengths[2], data, strides, result, log)
    check(status, "softmax")
    return out


def softmax_grad(g, z, axis, bint log=False):
    """The transposed derivative of softmax at the result z, applied to g, both of one shape."""
    cdef cnp.ndarray G = readable(g, "softmax_grad"), Z, out
    cdef int typenum = cnp.PyArray_TYPE(G), real = real_of(typenum, "softmax_grad")
    cdef int d = axis_of(axis, cnp.PyArray_NDIM(G), "softmax_grad")
    cdef cnp.npy_intp lengths[3]
    cdef cnp.npy_intp strides_g[3]
    cdef cnp.npy_intp strides_z[3]
    cdef char *data_g
    cdef char *data_z
    cdef char *result
    cdef wg_status status
    Z = readable_as(z, typenum, "softmax_grad", "the second argument")
    if not has_shape(Z, cnp.PyArray_NDIM(G), cnp.PyArray_DIMS(G)):
        raise ValueError(f"softmax_grad: expected two arrays of one shape, got {np.shape(G)} and {np.shape(Z)}")
    G = split_axis(G, d, lengths, strides_g)
    Z = split_axis(Z, d, lengths, strides_z)
    out = new_array(typenum, cnp.PyArray_NDIM(G), cnp.PyArray_DIMS(G))
    data_g, data_z, result = cnp.PyArray_BYTES(G), cnp.PyArray_BYTES(Z), cnp.PyArray_BYTES(out)
    with nogil:
        status = wg_active.softmax.softmax_grad[real](lengths[0], lengths[1], lengths[2], data_g, strides_g, data_z,
                                                      strides_z, result, log)
    check(status, "softmax_grad")
    return out


cdef tuple fill_cross_entropy(wg_cross_entropy *c, logits, weights, double label_smoothing, double gradient_scale,
                                    name):
    """Check and describe what both cross-entropies share; gives the logits and the weights, to keep them alive."""
    cdef cnp.ndarray X = whole_strides(readable(logits, name)), W = None
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(X)
    real_of(cnp.PyArray_TYPE(X), name)
    if cnp.PyArray_NDIM(X) != 2:
        raise ValueError(f"{name}: expected logits of shape (rows, classes), got {np.shape(X)}")
    memset(c, 0, sizeof(wg_cross_entropy))
    c.rows = cnp.PyArray_DIM(X, 0)
    c.classes = cnp.PyArray_DIM(X, 1)
    c.logits = cnp.PyArray_DATA(X)
    c.row_stride = cnp.PyArray_STRIDE(X, 0) // item
    c.col_stride = cnp.PyArray_STRIDE(X, 1) // item
    c.label_smoothing = label_smoothing
    c.gradient_scale = gradient_scale
    if weights is not None:
        W = readable_as(weights, cnp.PyArray_TYPE(X), name, "weights")
        if not has_shape(W, 1, &c.classes):
            raise ValueError(f"{name}: expected class weights of shape {(c.classes,)}, got {np.shape(W)}")
        W = dense(W)
        c.weights = cnp.PyArray_DATA(W)
    return X, W


def cross_entropy(logits, labels, *, weights=None, int64_t ignore_index=-100, double label_smoothing=0.0,
                  bint gradient=False, double gradient_scale=1.0, bint scale_by_weight=False, bint losses=True):
    """Cross-entropy of rows of logits against integer labels, and its gradient, in one pass.

    Parameters
    ----------
    logits : ndarray
        (rows, classes), any strides.
    labels : ndarray of int64
        (rows,).
    weights : ndarray or None
        (classes,).

    Returns
    -------
    losses : ndarray or None
        (rows,).
    gradient : ndarray or None
        (rows, classes), times gradient_scale, over the total weight if scale_by_weight.
    total_loss, total_weight : float

    Raises
    ------
    IndexError
        If a label is neither a class nor ignore_index; nothing is written.
    """
    cdef wg_cross_entropy c
    cdef tuple alive = fill_cross_entropy(&c, logits, weights, label_smoothing, gradient_scale, "cross_entropy")
    cdef cnp.ndarray X = alive[0]
    cdef cnp.ndarray Y = readable_as(labels, cnp.NPY_INT64, "cross_entropy", "labels"), L = None, G = None
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "cross_entropy")
    cdef wg_status status
    if not has_shape(Y, 1, &c.rows):
        raise ValueError(f"cross_entropy: logits {np.shape(X)} need labels of shape {(c.rows,)}, got {np.shape(Y)}")
    if not PyArray_IS_C_CONTIGUOUS(Y):
        Y = np.ascontiguousarray(Y)
    c.labels = <const int64_t *> cnp.PyArray_DATA(Y)
    c.ignore_index = ignore_index
    c.scale_by_weight = scale_by_weight
    if losses:
        L = new_array(typenum, 1, cnp.PyArray_DIMS(X))
        c.losses = cnp.PyArray_DATA(L)
    if gradient:
        G = new_array(typenum, 2, cnp.PyArray_DIMS(X))
        c.gradient = cnp.PyArray_DATA(G)
    with nogil:
        status = wg_active.cross_entropy.cross_entropy[real](&c)
    if status == WG_BAD_INDEX:
        raise IndexError(f"cross_entropy: label {Y[c.bad_row]} of example {c.bad_row} is out of range: expected 0 to "
                         f"{c.classes - 1}, or ignore_index = {ignore_index}")
    check(status, "cross_entropy")
    return L, G, c.total_loss, c.total_weight


def cross_entropy_dense(logits, targets, *, weights=None, double label_smoothing=0.0, bint gradient=False,
                        double gradient_scale=1.0, bint losses=True):
    """The same against rows of probabilities, (rows, classes)."""
    cdef wg_cross_entropy c
    cdef tuple alive = fill_cross_entropy(&c, logits, weights, label_smoothing, gradient_scale, "cross_entropy")
    cdef cnp.ndarray X = alive[0]
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "cross_entropy")
    cdef cnp.ndarray Q = whole_strides(readable_as(targets, typenum, "cross_entropy", "targets")), L = None, G = None
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(X), row_stride, col_stride
    cdef void *data = cnp.PyArray_DATA(Q)
    cdef wg_status status
    if not has_shape(Q, cnp.PyArray_NDIM(X), cnp.PyArray_DIMS(X)):
        raise ValueError(f"cross_entropy: logits {np.shape(X)} need probabilities of the same shape, got {np.shape(Q)}")
    row_stride = cnp.PyArray_STRIDE(Q, 0) // item
    col_stride = cnp.PyArray_STRIDE(Q, 1) // item
    if losses:
        L = new_array(typenum, 1, cnp.PyArray_DIMS(X))
        c.losses = cnp.PyArray_DATA(L)
    if gradient:
        G = new_array(typenum, 2, cnp.PyArray_DIMS(X))
        c.gradient = cnp.PyArray_DATA(G)
    with nogil:
        status = wg_active.cross_entropy.cross_entropy_dense[real](&c, data, row_stride, col_stride)
    check(status, "cross_entropy")
    return L, G, c.total_loss, c.total_weight


# ---------------------------------------------------------------- gather and scatter

cdef cnp.ndarray dense_index(index, name):
    cdef cnp.ndarray I = readable_as(index, cnp.NPY_INT64, name, "the index")
    if cnp.PyArray_NDIM(I) != 1:
        raise ValueError(f"{name}: expected a one-dimensional index, got shape {np.shape(I)}")
    return I if PyArray_IS_C_CONTIGUOUS(I) else np.ascontiguousarray(I)


def gather_rows(source, index, *, dtype=np.float32, double scale=1.0, double shift=0.0):
    """source[index] * scale + shift in float32 or float64, for a matrix of uint8, float32 or float64.

    Parameters
    ----------
    source : ndarray
        (rows, width), unit column stride.
    index : ndarray of int64
        (count,); negative values count from the end.

    Returns
    -------
    ndarray
        (count, width)
    """
    cdef cnp.ndarray S = readable(source, "gather_rows"), I = dense_index(index, "gather_rows"), out
    cdef int typenum = np.dtype(dtype).num, real = real_of(typenum, "gather_rows")
    cdef int source_type = cnp.PyArray_TYPE(S)
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(S), bad = -1, row_stride, rows, width, count
    cdef cnp.npy_intp shape[2]
    cdef wg_source kind
    cdef wg_status status
    cdef void *data
    cdef void *result
    cdef const int64_t *indices
    if source_type == cnp.NPY_UINT8:
        kind = WG_SOURCE_U8
    elif source_type == cnp.NPY_FLOAT:
        kind = WG_SOURCE_F32
    elif source_type == cnp.NPY_DOUBLE:
        kind = WG_SOURCE_F64
    else:
        raise TypeError(f"gather_rows: expected a source of uint8, float32 or float64, got {S.dtype}")
    if cnp.PyArray_NDIM(S) != 2:
        raise ValueError(f"gather_rows: expected a matrix to pick rows from, got shape {np.shape(S)}")
    if cnp.PyArray_DIM(S, 1) > 1 and cnp.PyArray_STRIDE(S, 1) != item or cnp.PyArray_STRIDE(S, 0) % item:
        S = np.ascontiguousarray(S)
    rows, width, count = cnp.PyArray_DIM(S, 0), cnp.PyArray_DIM(S, 1), cnp.PyArray_DIM(I, 0)
    row_stride = cnp.PyArray_STRIDE(S, 0) // item
    shape[0] = count
    shape[1] = width
    out = new_array(typenum, 2, shape)
    data, result, indices = cnp.PyArray_DATA(S), cnp.PyArray_DATA(out), <const int64_t *> cnp.PyArray_DATA(I)
    with nogil:
        status = wg_active.gather.gather[real](kind, data, rows, width, row_stride, indices, count, scale, shift, result,
                                               &bad)
    if status == WG_BAD_INDEX:
        raise IndexError(f"gather_rows: index {I[bad]} at position {bad} is out of range for {rows} rows")
    check(status, "gather_rows")
    return out


def scatter_add_rows(out, index, source):
    """out[index[i]] += source[i] for every i, in order, in place."""
    cdef cnp.ndarray O, S = readable(source, "scatter_add_rows"), I = dense_index(index, "scatter_add_rows")
    cdef int typenum = cnp.PyArray_TYPE(S), real = real_of(typenum, "scatter_add_rows")
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(S), bad = -1, row_stride, rows, width, count
    cdef wg_status status
    cdef void *data
    cdef void *result
    cdef const int64_t *indices
    O = writable_dense(out, typenum, "scatter_add_rows", "out")
    if (cnp.PyArray_NDIM(O) != 2 or cnp.PyArray_NDIM(S) != 2 or cnp.PyArray_DIM(O, 1) != cnp.PyArray_DIM(S, 1)
            or cnp.PyArray_DIM(S, 0) != cnp.PyArray_DIM(I, 0)):
        raise ValueError(f"scatter_add_rows: expected out (rows, width), index (count,), source (count, width), got "
                         f"{np.shape(O)}, {np.shape(I)}, {np.shape(S)}")
    check_apart(O, (S, I), "scatter_add_rows")
    if cnp.PyArray_DIM(S, 1) > 1 and cnp.PyArray_STRIDE(S, 1) != item or cnp.PyArray_STRIDE(S, 0) % item:
        S = copy_kernel.run(S, None, None, ())
    rows, width, count = cnp.PyArray_DIM(O, 0), cnp.PyArray_DIM(O, 1), cnp.PyArray_DIM(I, 0)
    row_stride = cnp.PyArray_STRIDE(S, 0) // item
    data, result, indices = cnp.PyArray_DATA(S), cnp.PyArray_DATA(O), <const int64_t *> cnp.PyArray_DATA(I)
    with nogil:
        status = wg_active.gather.scatter_add[real](data, count, width, row_stride, indices, result, rows, &bad)
    if status == WG_BAD_INDEX:
        raise IndexError(f"scatter_add_rows: index {I[bad]} at position {bad} is out of range for {rows} rows")
    check(status, "scatter_add_rows")


# ---------------------------------------------------------------- along one dimension

cdef run_along(wg_along_how how, cnp.ndarray array, cnp.ndarray index, cnp.ndarray items, axis, name):
    """Check what both have in common, and call."""
    cdef wg_along a
    cdef int64_t bad = 0
    cdef wg_status status
    cdef int d
    a.how, a.ndim, a.size = how, cnp.PyArray_NDIM(array), cnp.PyArray_ITEMSIZE(array)
    a.dim = axis_of(axis, a.ndim, name)
    a.length = cnp.PyArray_DIM(array, a.dim) if a.ndim else 1
    a.shape = cnp.PyArray_DIMS(index)
    for d in range(a.ndim):
        if d != a.dim and a.shape[d] > cnp.PyArray_DIM(array, d):
            raise ValueError(f"{name}: an index of shape {np.shape(index)} is longer than shape {np.shape(array)}, apart "
                             f"from dimension {a.dim}")
    a.index, a.index_strides = <const int64_t *> cnp.PyArray_DATA(index), cnp.PyArray_STRIDES(index)
    a.items, a.items_strides = cnp.PyArray_BYTES(items), cnp.PyArray_STRIDES(items)
    a.array, a.array_strides = cnp.PyArray_BYTES(array), cnp.PyArray_STRIDES(array)
    if cnp.PyArray_SIZE(index) < KEEP_GIL_BELOW:
        status = wg_along_run(&a, &bad)
    else:
        with nogil:
            status = wg_along_run(&a, &bad)
    if status == WG_BAD_INDEX:
        raise IndexError(f"{name}: index {bad} is out of range for dimension {a.dim} of length {a.length}, expected "
                         f"{-a.length} to {a.length - 1}")


cdef cnp.ndarray index_along(index, cnp.ndarray array, name):
    cdef cnp.ndarray I = readable_as(index, cnp.NPY_INT64, name, "the index")
    if cnp.PyArray_ITEMSIZE(array) not in (1, 2, 4, 8):
        raise TypeError(f"{name}: expected items of 1, 2, 4 or 8 bytes, got {array.dtype}")
    if cnp.PyArray_NDIM(I) != cnp.PyArray_NDIM(array):
        raise ValueError(f"{name}: expected an index of {cnp.PyArray_NDIM(array)} dimension(s), got shape {np.shape(I)}")
    return I


def gather_along(array, index, axis):
    """The items of an array at an index along one axis, as `np.take_along_axis` picks them; of any dtype.

    Parameters
    ----------
    array : ndarray
    index : ndarray of int64
        Of as many dimensions; no longer than the array but along the axis. Negative values count from the end.
    axis : int

    Returns
    -------
    ndarray
        Of the index's shape.
    """
    cdef cnp.ndarray A = readable(array, "gather_along"), I = index_along(index, A, "gather_along"), out
    out = new_array(cnp.PyArray_TYPE(A), cnp.PyArray_NDIM(I), cnp.PyArray_DIMS(I))
    run_along(WG_ALONG_GATHER, A, I, out, axis, "gather_along")
    return out


def scatter_along(out, index, source, axis, bint add=False):
    """Place items into `out` at an index along one axis, or add them to what is there, in the index's C order.

    Parameters
    ----------
    out : ndarray
        Of any dtype; to add, of float32, float64 or integers.
    index : ndarray of int64
        Of as many dimensions; no longer than `out` but along the axis. Negative values count from the end.
    source : ndarray
        Of out's dtype, and of the index's shape.
    axis : int
    """
    cdef cnp.ndarray O = readable(out, "scatter_along"), I = index_along(index, O, "scatter_along"), S
    cdef int typenum = cnp.PyArray_TYPE(O)
    S = readable_as(source, typenum, "scatter_along", "the source")
    if not has_shape(S, cnp.PyArray_NDIM(I), cnp.PyArray_DIMS(I)):
        raise ValueError(f"scatter_along: expected a source of shape {np.shape(I)}, got {np.shape(S)}")
    if O is not out or not PyArray_ISWRITEABLE(O):
        raise ValueError("scatter_along: out must be writable, aligned and in native byte order")
    check_apart(O, (I, S), "scatter_along")
    if not add:
        run_along(WG_ALONG_SCATTER, O, I, S, axis, "scatter_along")
    elif typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_DOUBLE:
        run_along(WG_ALONG_ADD_REALS, O, I, S, axis, "scatter_along")
    elif cnp.PyTypeNum_ISINTEGER(typenum):
        run_along(WG_ALONG_ADD_INTEGERS, O, I, S, axis, "scatter_along")
    else:
        raise TypeError(f"scatter_along: float32, float64 and integers can be added up, got {O.dtype}")


# ---------------------------------------------------------------- optimizer updates

cdef cnp.ndarray writable_dense(object x, int typenum, name, argument):
    cdef cnp.ndarray array = readable_as(x, typenum, name, argument)
    if not PyArray_IS_C_CONTIGUOUS(array) or not PyArray_ISWRITEABLE(array) or array is not x:
        raise ValueError(f"{name}: {argument} must be writable, aligned, in native byte order and in C order")
    return array


@cython.final
@cython.internal
cdef class Group:
    """C arrays of the sizes and data pointers of lists of arrays that are updated together."""
    cdef cnp.npy_intp count
    cdef int real
    cdef cnp.npy_intp *sizes
    cdef void ***pointers
    cdef int lists
    cdef list alive

    def __cinit__(self, name, arrays, *others):
        cdef int typenum = cnp.NPY_FLOAT, j
        cdef cnp.npy_intp i
        cdef cnp.ndarray array
        self.count = len(arrays)
        self.lists = 1 + len(others)
        self.alive = []
        if self.count:
            typenum = cnp.PyArray_TYPE(readable(arrays[0], name))
        self.real = real_of(typenum, name)
        self.sizes = <cnp.npy_intp *> PyMem_Malloc(max(self.count, 1) * sizeof(cnp.npy_intp))
        self.pointers = <void ***> PyMem_Malloc(self.lists * sizeof(void **))
        if self.sizes is NULL or self.pointers is NULL:
            raise MemoryError(f"{name}: no memory for a list of {self.count} arrays")
        memset(self.pointers, 0, self.lists * sizeof(void **))
        for j, group in enumerate((arrays, *others)):
            if group is None:
                continue
            if len(group) != self.count:
                raise ValueError(f"{name}: expected lists of one length, got {self.count} and {len(group)}")
            self.pointers[j] = <void **> PyMem_Malloc(max(self.count, 1) * sizeof(void *))
            if self.pointers[j] is NULL:
                raise MemoryError(f"{name}: no memory for a list of {self.count} arrays")
            for i in range(self.count):
                if j == 1:  # gradients are only read, and may have any strides
                    array = dense(readable_as(group[i], typenum, name, f"gradient {i}"))
                else:
                    array = writable_dense(group[i], typenum, name, f"array {i}")
                if j == 0:
                    self.sizes[i] = cnp.PyArray_SIZE(array)
                elif not has_shape(array, cnp.PyArray_NDIM(arrays[i]), cnp.PyArray_DIMS(arrays[i])):
                    raise ValueError(f"{name}: array {i} has shape {np.shape(array)}, expected {np.shape(arrays[i])} like "
                                     "its parameter")
                self.alive.append(array)
                self.pointers[j][i] = cnp.PyArray_DATA(array)

    def __dealloc__(self):
        cdef int j
        if self.pointers is not NULL:
            for j in range(self.lists):
                PyMem_Free(self.pointers[j])
        PyMem_Free(self.pointers)
        PyMem_Free(self.sizes)


cdef double[::1] step_counts(name, Group group, steps):
    counts = np.array(steps, dtype=np.float64).reshape(-1)
    if len(counts) != group.count:
        raise ValueError(f"{name}: expected {group.count} step counts, got {len(counts)}")
    return counts


def sgd(params, grads, momentum, first, *, double lr, double momentum_factor=0.0, double dampening=0.0,
        double weight_decay=0.0, bint nesterov=False, bint maximize=False):
    """One step of stochastic gradient descent for a list of dense parameters of one dtype, in place.

    `momentum` is None or a list of buffers; `first` a list of bool, True where a buffer is new.
    """
    cdef Group group = Group("sgd", params, grads, momentum)
    cdef wg_sgd u
    cdef bytes flags = bytes([bool(f) for f in first]) if momentum is not None else b""
    if momentum is not None and len(flags) != group.count:
        raise ValueError(f"sgd: expected {group.count} flags in `first`, got {len(flags)}")
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.momentum = group.pointers[2]
    u.first = <const unsigned char *> flags
    u.lr = lr
    u.momentum_factor = momentum_factor
    u.dampening = dampening
    u.weight_decay = weight_decay
    u.nesterov = nesterov
    u.maximize = maximize
    with nogil:
        wg_active.update.sgd[group.real](&u)


def adam(params, grads, first_moment, second_moment, max_second_moment, steps, *, double lr, double beta1, double beta2,
         double eps, double weight_decay=0.0, bint decoupled=False, bint maximize=False):
    """One step of Adam, or of AdamW with `decoupled`, for a list of dense parameters of one dtype, in place.

    `steps` counts from 1, one number per parameter; `max_second_moment` is None or a list (AMSGrad).
    """
    cdef Group group = Group("adam", params, grads, first_moment, second_moment, max_second_moment)
    cdef wg_adam u
    cdef double[::1] counts = step_counts("adam", group, steps)
    cdef double nothing = 0
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.first_moment = group.pointers[2]
    u.second_moment = group.pointers[3]
    u.max_second_moment = group.pointers[4]
    u.steps = &counts[0] if group.count else &nothing
    u.lr = lr
    u.beta1 = beta1
    u.beta2 = beta2
    u.eps = eps
    u.weight_decay = weight_decay
    u.decoupled = decoupled
    u.maximize = maximize
    with nogil:
        wg_active.update.adam[group.real](&u)


def rmsprop(params, grads, square_avg, grad_avg, momentum, *, double lr, double alpha, double eps,
            double weight_decay=0.0, double momentum_factor=0.0, bint maximize=False):
    """One step of RMSprop for a list of dense parameters of one dtype, in place.

    `grad_avg` (centered) and `momentum` are each None or a list of buffers.
    """
    cdef Group group = Group("rmsprop", params, grads, square_avg, grad_avg, momentum)
    cdef wg_rmsprop u
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.square_avg = group.pointers[2]
    u.grad_avg = group.pointers[3]
    u.momentum = group.pointers[4]
    u.lr = lr
    u.alpha = alpha
    u.eps = eps
    u.weight_decay = weight_decay
    u.momentum_factor = momentum_factor
    u.maximize = maximize
    with nogil:
        wg_active.update.rmsprop[group.real](&u)


def adagrad(params, grads, sums, steps, *, double lr, double eps, double lr_decay=0.0, double weight_decay=0.0,
            bint maximize=False):
    """One step of Adagrad for a list of dense parameters of one dtype, in place.

    `sums` is a list of the sums of squares; `steps` counts from 1, one number per parameter.
    """
    cdef Group group = Group("adagrad", params, grads, sums)
    cdef wg_adagrad u
    cdef double[::1] counts = step_counts("adagrad", group, steps)
    cdef double nothing = 0
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.sums = group.pointers[2]
    u.steps = &counts[0] if group.count else &nothing
    u.lr = lr
    u.lr_decay = lr_decay
    u.eps = eps
    u.weight_decay = weight_decay
    u.maximize = maximize
    with nogil:
        wg_active.update.adagrad[group.real](&u)


def scale(arrays, double factor):
    """Each of a list of dense arrays of one dtype times `factor`, in place."""
    cdef Group group = Group("scale", arrays)
    with nogil:
        wg_active.update.scale[group.real](group.count, group.sizes, group.pointers[0], factor)


def sum_squares(arrays):
    """The sum of the squares of all items of a list of dense arrays of one dtype, in float64."""
    cdef Group group = Group("sum_squares", arrays)
    cdef double result
    with nogil:
        result = wg_active.update.sum_squares[group.real](group.count, group.sizes,
                                                          <const void *const *> group.pointers[0])
    return result
