# csrc/triangular.inc.c and householder.c: systems with a triangular matrix, and the factors of a matrix into two of them.

TRIANGULAR_MOST = WG_TRIANGULAR_MOST


def solve_triangular(a, b, *, bint upper=False, bint unit=False):
    """The solution x of T @ x = b, where T is one triangle of a.

    Parameters
    ----------
    a : ndarray
        (..., n, n), any strides, n at most `TRIANGULAR_MOST`.
    b : ndarray
        (..., n, k), of a's dtype, any strides; the leading dimensions broadcast.
    upper : bool
        The upper triangle, else the lower. The other is not read.
    unit : bool
        The diagonal is 1, and not read.

    Returns
    -------
    ndarray
        (..., n, k)

    Raises
    ------
    ValueError
        If shapes do not fit or broadcast, or the matrices are too large.
    """
    cdef cnp.ndarray A = whole_strides(readable(a, "solve_triangular")), B, X
    cdef int typenum = cnp.PyArray_TYPE(A), real = real_of(typenum, "solve_triangular")
    cdef int ndim_a = cnp.PyArray_NDIM(A), ndim_b, batch
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(A), last
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp strides_a[WG_MAX_DIMS]
    cdef cnp.npy_intp strides_b[WG_MAX_DIMS]
    cdef wg_triangular t
    B = whole_strides(readable_as(b, typenum, "solve_triangular", "the right-hand side"))
    ndim_b = cnp.PyArray_NDIM(B)
    if (ndim_a < 2 or ndim_b < 2 or cnp.PyArray_DIM(A, ndim_a - 1) != cnp.PyArray_DIM(A, ndim_a - 2)
            or cnp.PyArray_DIM(B, ndim_b - 2) != cnp.PyArray_DIM(A, ndim_a - 1)):
        raise ValueError(f"solve_triangular: expected matrices (..., n, n) and right-hand sides (..., n, k), got "
                         f"{np.shape(a)} and {np.shape(b)}")
    memset(&t, 0, sizeof(t))
    t.n = cnp.PyArray_DIM(A, ndim_a - 1)
    if t.n > WG_TRIANGULAR_MOST:
        raise ValueError(f"solve_triangular: expected at most {WG_TRIANGULAR_MOST} rows, got {t.n}")
    t.columns = cnp.PyArray_DIM(B, ndim_b - 1)
    batch = broadcast_stacks(A, B, shape, strides_a, strides_b, "solve_triangular")
    shape[batch] = t.n
    shape[batch + 1] = t.columns
    X = new_array(typenum, batch + 2, shape)
    if cnp.PyArray_SIZE(X) == 0:
        return X
    t.rs_a = cnp.PyArray_STRIDE(A, ndim_a - 2) // item
    t.cs_a = cnp.PyArray_STRIDE(A, ndim_a - 1) // item
    t.rs_b = cnp.PyArray_STRIDE(B, ndim_b - 2) // item
    t.cs_b = cnp.PyArray_STRIDE(B, ndim_b - 1) // item
    t.rs_x = t.columns
    last = t.n - 1 if upper else 0
    t.a = cnp.PyArray_BYTES(A) + last * (t.rs_a + t.cs_a) * item
    t.b = cnp.PyArray_BYTES(B) + last * t.rs_b * item
    t.x = cnp.PyArray_BYTES(X) + last * t.rs_x * item
    if upper:
        t.rs_a, t.cs_a, t.rs_b, t.rs_x = -t.rs_a, -t.cs_a, -t.rs_b, -t.rs_x
    t.unit = unit
    t.batch_ndim = batch
    t.batch_shape = shape
    t.batch_strides_a = strides_a
    t.batch_strides_b = strides_b
    if <double> cnp.PyArray_SIZE(X) * t.n < 4.0 * KEEP_GIL_BELOW:
        wg_active.triangular.solve[real](&t)
    else:
        with nogil:
            wg_active.triangular.solve[real](&t)
    if wg_recording is not NULL:
        note_solve(&t, real, A, B, X)
    return X


def lu_in_place(a):
    """Put the factors of each matrix P a = L U in its place: L below the diagonal, whose own diagonal is 1, and U.

    Parameters
    ----------
    a : ndarray
        (count, m, n), writable, unit column stride. Meant for n up to `TRIANGULAR_MOST`: the time of wider ones is that
        of memory.

    Returns
    -------
    ndarray of int64
        (count, m): the row that each was before.

    Raises
    ------
    ValueError
        If `a` is not such an array.
    """
    cdef cnp.ndarray A = readable(a, "lu_in_place"), order
    cdef int real = real_of(cnp.PyArray_TYPE(A), "lu_in_place")
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(A), count, m, n, row_stride, matrix_stride
    cdef cnp.npy_intp shape[2]
    cdef void *data
    cdef int64_t *rows
    cdef wg_lu l
    if (A is not a or cnp.PyArray_NDIM(A) != 3 or not PyArray_ISWRITEABLE(A)
            or (cnp.PyArray_DIM(A, 2) > 1 and cnp.PyArray_STRIDE(A, 2) != item and cnp.PyArray_SIZE(A))
            or cnp.PyArray_STRIDE(A, 1) % item or cnp.PyArray_STRIDE(A, 0) % item):
        raise ValueError(f"lu_in_place: expected a writable array (count, m, n) with unit column stride, aligned and in "
                         f"native byte order, got shape {np.shape(a)}")
    count, m, n = cnp.PyArray_DIM(A, 0), cnp.PyArray_DIM(A, 1), cnp.PyArray_DIM(A, 2)
    row_stride, matrix_stride = cnp.PyArray_STRIDE(A, 1) // item, cnp.PyArray_STRIDE(A, 0) // item
    shape[0], shape[1] = count, m
    order = new_array(cnp.NPY_INT64, 2, shape)
    data, rows = cnp.PyArray_DATA(A), <int64_t *> cnp.PyArray_DATA(order)
    with nogil:
        wg_active.triangular.lu[real](count, m, n, data, row_stride, matrix_stride, rows)
    if wg_recording is not NULL:
        memset(&l, 0, sizeof(l))
        l.count, l.m, l.n, l.a, l.row_stride, l.matrix_stride, l.order = count, m, n, data, row_stride, matrix_stride, rows
        note_lu(&l, real, A, order)
    return order


cdef cnp.ndarray stack_of(x, bint square, name):
    cdef cnp.ndarray array = readable(x, name)
    cdef int ndim = cnp.PyArray_NDIM(array)
    real_of(cnp.PyArray_TYPE(array), name)
    if ndim < 2 or (square and cnp.PyArray_DIM(array, ndim - 1) != cnp.PyArray_DIM(array, ndim - 2)):
        raise ValueError(f"{name}: expected {'square ' if square else ''}matrices, got shape {np.shape(x)}")
    return array


def cholesky(x):
    """The lower triangular z, with dense columns, for which z @ z.T is x (..., n, n), whose lower triangle is read; and the order
    of the first leading minor that is not positive, of the first matrix that has one, or 0. Then z has no meaning."""
    cdef cnp.ndarray array = stack_of(x, True, "cholesky"), turned
    cdef int ndim = cnp.PyArray_NDIM(array), real = real_of(cnp.PyArray_TYPE(array), "cholesky")
    cdef cnp.npy_intp n = cnp.PyArray_DIM(array, ndim - 1), size = n * n * cnp.PyArray_ITEMSIZE(array), minor = 0, k
    cdef char *data
    turned = copied(cnp.PyArray_SwapAxes(array, ndim - 2, ndim - 1))
    data = cnp.PyArray_BYTES(turned)
    with nogil:
        for k in range(cnp.PyArray_NBYTES(turned) // size if size else 0):
            minor = wg_active.triangular.cholesky[real](n, data + k * size, n)
            if minor:
                break
    return cnp.PyArray_SwapAxes(turned, ndim - 2, ndim - 1), minor


def qr(x, cnp.npy_intp columns):
    """The factors of matrices (..., m, n) by Householder's reflections, with LAPACK's signs: so many columns of Q, at most m, and
    R (..., m, n), zero below the diagonal. Meant for matrices that the second-level cache holds."""
    cdef cnp.ndarray r = copied(stack_of(x, False, "qr")), q, scratch
    cdef int ndim = cnp.PyArray_NDIM(r), real = real_of(cnp.PyArray_TYPE(r), "qr"), d
    cdef cnp.npy_intp m = cnp.PyArray_DIM(r, ndim - 2), n = cnp.PyArray_DIM(r, ndim - 1), count = 1
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    if not 0 <= columns <= m:
        raise ValueError(f"qr: expected 0 to {m} columns of Q, got {columns}")
    for d in range(ndim):
        shape[d] = cnp.PyArray_DIM(r, d)
        if d < ndim - 2:
            count *= shape[d]
    shape[ndim - 1] = columns
    q = new_array(cnp.PyArray_TYPE(r), ndim, shape)
    shape[0] = count * min(m, n) * (m + 1)
    scratch = new_array(cnp.PyArray_TYPE(r), 1, shape)
    with nogil:
        wg_qr(<wg_real> real, count, m, n, columns, cnp.PyArray_DATA(r), cnp.PyArray_DATA(q), cnp.PyArray_DATA(scratch))
    return q, r


def determinants(packed, order, int what):
    """The determinants of matrices, given by their factors (..., n, n) and the order of their rows, as from `lu_in_place`; their
    signs where `what` is 1, the logarithms of their absolute values where it is 2."""
    cdef cnp.ndarray factors = dense(stack_of(packed, True, "determinants")), rows = dense(order), out
    cdef int ndim = cnp.PyArray_NDIM(factors), real = real_of(cnp.PyArray_TYPE(factors), "determinants")
    if cnp.PyArray_TYPE(rows) != cnp.NPY_INT64 or not has_shape(rows, ndim - 1, cnp.PyArray_DIMS(factors)):
        raise ValueError("determinants: expected factors with their order")
    out = new_array(cnp.PyArray_TYPE(factors), ndim - 2, cnp.PyArray_DIMS(factors))
    wg_determinants(<wg_real> real, what, cnp.PyArray_SIZE(out), cnp.PyArray_DIM(factors, ndim - 1), cnp.PyArray_DATA(factors),
                    <int64_t *> cnp.PyArray_DATA(rows), cnp.PyArray_DATA(out))
    return out


# ---------------------------------------------------------------- diagonals

def diagonal(cnp.ndarray x, cnp.npy_intp offset, before=None):
    """A view of a diagonal of the matrices in the last two dimensions, written to where x is; `before` is for the rules."""
    cdef int last = cnp.PyArray_NDIM(x) - 1, d
    cdef cnp.npy_intp rows = cnp.PyArray_DIM(x, last - 1), columns = cnp.PyArray_DIM(x, last), start = 0
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp strides[WG_MAX_DIMS]
    for d in range(last - 1):
        shape[d], strides[d] = cnp.PyArray_DIM(x, d), cnp.PyArray_STRIDE(x, d)
    shape[last - 1] = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
    strides[last - 1] = cnp.PyArray_STRIDE(x, last - 1) + cnp.PyArray_STRIDE(x, last)
    if shape[last - 1]:
        start = offset * cnp.PyArray_STRIDE(x, last) if offset >= 0 else -offset * cnp.PyArray_STRIDE(x, last - 1)
    return array_over(cnp.PyArray_BYTES(x) + start, last, shape, strides, <object> <PyObject *> cnp.PyArray_DESCR(x),
                      PyArray_ISWRITEABLE(x), x)


def on_diagonal(x, cnp.npy_intp offset, before):
    """Zeros of shape `before` with x, which broadcasts, on a diagonal of the last two dimensions."""
    cdef cnp.ndarray out = zeros(before, x.dtype)
    assign(diagonal(out, offset), x)
    return out
