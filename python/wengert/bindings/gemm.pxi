# csrc/gemm.inc.c: the matrix product.

def medium(int wanted):
    """Set wg_medium (csrc/wengert.h) to these bits, as far as the processor allows; -1 leaves it. Gives the bits that the
    instruction set in use would follow."""
    global wg_medium
    cdef int allowed = WG_MEDIUM_ALWAYS | (WG_MEDIUM if wg_has_bfloat16() else 0)
    if wanted >= 0:
        wg_medium = wanted & allowed
    return wg_active.gemm.bfloat16 & allowed


def matmul(a, b, *, bias=None):
    """a @ b, plus a bias, in one pass.

    Parameters
    ----------
    a, b : ndarray
        (..., m, k) and (..., k, n), of one dtype, any strides; the leading dimensions broadcast. Beside a matrix or a vector, a
        vector (k,) is a row on the left, a column on the right.
    bias : ndarray or None
        (n,), added to every row.

    Returns
    -------
    ndarray
        (..., m, n), without the dimension that a vector stands in for.

    Raises
    ------
    ValueError
        If shapes do not chain or broadcast.
    KeyboardInterrupt, or whatever a signal handler raises
        On the main thread, also in the middle of a product that takes long.
    """
    cdef cnp.ndarray A = whole_strides(readable(a, "matmul")), B, C
    cdef int typenum = cnp.PyArray_TYPE(A), real = real_of(typenum, "matmul")
    cdef int ndim_a = cnp.PyArray_NDIM(A), ndim_b, batch = 0, ndim = 0, down
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(A)
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp strides_a[WG_MAX_DIMS]
    cdef cnp.npy_intp strides_b[WG_MAX_DIMS]
    cdef wg_gemm g
    cdef wg_status status
    cdef double work
    B = whole_strides(readable_as(b, typenum, "matmul", "the second argument"))
    ndim_b = cnp.PyArray_NDIM(B)
    if min(ndim_a, ndim_b) < (1 if max(ndim_a, ndim_b) <= 2 else 2):
        raise ValueError(f"matmul: expected matrices or stacks of them, got shapes {np.shape(a)} and {np.shape(b)}")
    memset(&g, 0, sizeof(g))
    down = max(ndim_b - 2, 0)  # B's dimension along which the sums are
    g.m = cnp.PyArray_DIM(A, ndim_a - 2) if ndim_a > 1 else 1
    g.k = cnp.PyArray_DIM(A, ndim_a - 1)
    g.n = cnp.PyArray_DIM(B, ndim_b - 1) if ndim_b > 1 else 1
    if cnp.PyArray_DIM(B, down) != g.k:
        raise ValueError(f"matmul: shapes {np.shape(a)} and {np.shape(b)} do not chain: the last dimension of the first, "
                         f"{g.k}, must equal the last but one of the second, {cnp.PyArray_DIM(B, down)}")
    if ndim_a > 2 or ndim_b > 2:
        ndim = batch = broadcast_stacks(A, B, shape, strides_a, strides_b, "matmul")
    if ndim_a > 1:
        shape[ndim] = g.m
        ndim += 1
    if ndim_b > 1:
        shape[ndim] = g.n
        ndim += 1
    C = new_array(typenum, ndim, shape)
    g.a = cnp.PyArray_DATA(A)
    g.rs_a = cnp.PyArray_STRIDE(A, ndim_a - 2) // item if ndim_a > 1 else g.k
    g.cs_a = cnp.PyArray_STRIDE(A, ndim_a - 1) // item
    g.b = cnp.PyArray_DATA(B)
    g.rs_b = cnp.PyArray_STRIDE(B, down) // item
    g.cs_b = cnp.PyArray_STRIDE(B, ndim_b - 1) // item if ndim_b > 1 else 1
    g.c = cnp.PyArray_DATA(C)
    g.ldc = g.n
    if bias is not None:
        bias = whole_strides(readable_as(bias, typenum, "matmul", "the bias"))
        if not has_shape(bias, 1, &g.n):
            raise ValueError(f"matmul: the bias has shape {np.shape(bias)}, expected {(g.n,)}")
        g.bias = cnp.PyArray_DATA(bias)
        g.bias_stride = cnp.PyArray_STRIDE(bias, 0) // item
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
    if wg_recording is not NULL:
        note_gemm(&g, real, A, B, bias, C)
    return C
