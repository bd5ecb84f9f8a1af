# csrc/triangular.inc.c: systems with a triangular matrix, and the factors of a matrix into two of them.

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
