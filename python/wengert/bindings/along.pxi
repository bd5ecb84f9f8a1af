# csrc/along.c: items picked or placed along one dimension.

cdef run_along(wg_along_how how, cnp.ndarray array, cnp.ndarray index, cnp.ndarray items, axis, name, bint slices=False,
               bint from_end=True):
    """Check what both have in common, and call. The index and the items may be without the axis; with `slices` each
    index, which are dense, stands for a slice."""
    cdef wg_along a
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp strides[2][WG_MAX_DIMS]
    cdef int64_t bad = 0
    cdef wg_status status
    cdef int d, more = cnp.PyArray_NDIM(index) - 1, at
    cdef bint without
    memset(&a, 0, sizeof(a))
    a.how, a.ndim, a.size = how, cnp.PyArray_NDIM(array), cnp.PyArray_ITEMSIZE(array)
    a.dim = axis_of(axis, a.ndim, name)
    a.length = cnp.PyArray_DIM(array, a.dim) if a.ndim else 1
    a.wrap = a.length if from_end else 0
    a.shape, a.index_strides, a.items_strides = shape, strides[0], strides[1]
    without = not slices and cnp.PyArray_NDIM(index) < a.ndim
    for d in range(a.ndim):
        if slices:
            shape[d] = cnp.PyArray_SIZE(index) if d == a.dim else cnp.PyArray_DIM(array, d)
            strides[0][d] = sizeof(int64_t) if d == a.dim else 0
            strides[1][d] = 0 if d == a.dim and more < 0 else cnp.PyArray_STRIDE(items, d if d < a.dim else d + more)
        elif without and d == a.dim:
            shape[d], strides[0][d], strides[1][d] = 1, 0, 0
        else:
            at = d - 1 if without and d > a.dim else d
            shape[d], strides[0][d] = cnp.PyArray_DIM(index, at), cnp.PyArray_STRIDE(index, at)
            strides[1][d] = cnp.PyArray_STRIDE(items, at)
            if d != a.dim and shape[d] > cnp.PyArray_DIM(array, d):
                raise ValueError(f"{name}: an index of shape {np.shape(index)} is longer than shape {np.shape(array)}, apart "
                                 f"from dimension {a.dim}")
    a.index, a.items = <const int64_t *> cnp.PyArray_DATA(index), cnp.PyArray_BYTES(items)
    a.array, a.array_strides = cnp.PyArray_BYTES(array), cnp.PyArray_STRIDES(array)
    if cnp.PyArray_SIZE(items) < KEEP_GIL_BELOW:
        status = wg_along_run(&a, &bad)
    else:
        with nogil:
            status = wg_along_run(&a, &bad)
    if status == WG_BAD_INDEX:
        raise IndexError(f"{name}: index {bad} is out of range for dimension {a.dim} of length {a.length}, expected "
                         f"{-a.wrap} to {a.length - 1}")
    if wg_recording is not NULL:
        note_along(&a, array, index, items)


cdef cnp.ndarray index_along(index, cnp.ndarray array, name, bint slices=False):
    cdef cnp.ndarray I = readable_as(index, cnp.NPY_INT64, name, "the index")
    if cnp.PyArray_ITEMSIZE(array) not in (1, 2, 4, 8):
        raise TypeError(f"{name}: expected items of 1, 2, 4 or 8 bytes, got {array.dtype}")
    if slices:
        return dense(I)
    if cnp.PyArray_NDIM(I) not in (cnp.PyArray_NDIM(array), cnp.PyArray_NDIM(array) - 1):
        raise ValueError(f"{name}: expected an index of {cnp.PyArray_NDIM(array)} dimension(s), got shape {np.shape(I)}")
    return I


def gather_along(array, index, axis, bint slices=False, bint from_end=True):
    """The items of an array at an index along one axis, as `np.take_along_axis` picks them; of any dtype.

    Parameters
    ----------
    array : ndarray
    index : ndarray of int64
        Of as many dimensions, or without the axis: of length 1; no longer than the array but along the axis. Negative
        values count from the end.
    axis : int
    slices : bool
        Each index picks a slice, as in `np.take`, and they may have any shape.
    from_end : bool
        False: negative values are out of range.

    Returns
    -------
    ndarray
        Of the index's shape; of slices, with it in place of the axis.
    """
    cdef cnp.ndarray A = readable(array, "gather_along"), I = index_along(index, A, "gather_along", slices), out
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef int ndim = cnp.PyArray_NDIM(A), more = cnp.PyArray_NDIM(I) - 1, dim, d
    if slices:
        dim = axis_of(axis, ndim, "gather_along")
        if ndim == 0 or ndim + more > WG_MAX_DIMS:
            raise ValueError(f"gather_along: expected 1 to {WG_MAX_DIMS} dimensions in all, got shapes {np.shape(A)} and "
                             f"{np.shape(I)}")
        for d in range(ndim + more):
            if dim <= d <= dim + more:
                shape[d] = cnp.PyArray_DIM(I, d - dim)
            else:
                shape[d] = cnp.PyArray_DIM(A, d if d < dim else d - more)
        out = new_array(cnp.PyArray_TYPE(A), ndim + more, shape)
    else:
        out = new_array(cnp.PyArray_TYPE(A), cnp.PyArray_NDIM(I), cnp.PyArray_DIMS(I))
    run_along(WG_ALONG_GATHER, A, I, out, axis, "gather_along", slices, from_end)
    return out


def scatter_along(out, index, source, axis, bint add=False):
    """Place items into `out` at an index along one axis, or add them to what is there, in the index's C order.

    Parameters
    ----------
    out : ndarray
        Of any dtype; to add, of float32, float64 or integers.
    index : ndarray of int64
        Of as many dimensions, or without the axis; no longer than `out` but along it. Negative values count from the end.
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
