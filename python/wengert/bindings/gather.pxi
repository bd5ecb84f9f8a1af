# csrc/gather.inc.c: rows picked by index, and added up by index.

cdef cnp.ndarray dense_index(index, name):
    cdef cnp.ndarray I = readable_as(index, cnp.NPY_INT64, name, "the index")
    if cnp.PyArray_NDIM(I) != 1:
        raise ValueError(f"{name}: expected a one-dimensional index, got shape {np.shape(I)}")
    return I if PyArray_IS_C_CONTIGUOUS(I) else np.ascontiguousarray(I)


def gather_rows(source, index, *, dtype=np.float32, double scale=1.0, double shift=0.0, bint from_end=True):
    """source[index] * scale + shift in float32 or float64, for a matrix of uint8, float32 or float64.

    Parameters
    ----------
    source : ndarray
        (rows, width), unit column stride.
    index : ndarray of int64
        (count,); negative values count from the end.
    from_end : bool
        False: they are out of range.

    Returns
    -------
    ndarray
        (count, width)
    """
    cdef cnp.ndarray S = readable(source, "gather_rows"), I = dense_index(index, "gather_rows"), out
    cdef int typenum = np.dtype(dtype).num, real = real_of(typenum, "gather_rows")
    cdef int source_type = cnp.PyArray_TYPE(S)
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(S), bad = -1, row_stride, rows, width, count, i
    cdef cnp.npy_intp shape[2]
    cdef wg_source kind
    cdef wg_gather g
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
    S = dense_rows(S)
    rows, width, count = cnp.PyArray_DIM(S, 0), cnp.PyArray_DIM(S, 1), cnp.PyArray_DIM(I, 0)
    row_stride = cnp.PyArray_STRIDE(S, 0) // item
    shape[0] = count
    shape[1] = width
    out = new_array(typenum, 2, shape)
    data, result, indices = cnp.PyArray_DATA(S), cnp.PyArray_DATA(out), <const int64_t *> cnp.PyArray_DATA(I)
    if not from_end:
        for i in range(count):
            if indices[i] < 0:
                raise IndexError(f"gather_rows: index {I[i]} at position {i} is negative")
    with nogil:
        status = wg_active.gather.gather[real](kind, data, rows, width, row_stride, indices, count, scale, shift, result,
                                               &bad)
    if status == WG_BAD_INDEX:
        raise IndexError(f"gather_rows: index {I[bad]} at position {bad} is out of range for {rows} rows")
    check(status, "gather_rows")
    if wg_recording is not NULL:
        memset(&g, 0, sizeof(g))
        g.type, g.source, g.rows, g.width, g.row_stride = kind, data, rows, width, row_stride
        g.index, g.count, g.scale, g.shift, g.out = indices, count, scale, shift, result
        note_gather(wg_call_gather, &g, real, S, I, out)
    return out


def gather_images(source, index, moves, *, dtype=np.float32, double scale=1.0):
    """source[index] * scale in float32 or float64, each image moved and perhaps mirrored; 0 comes from beyond its edges.

    Parameters
    ----------
    source : ndarray of uint8
        (n, height, width), in C order.
    index : ndarray of int64
        (count,); negative values count from the end.
    moves : ndarray of int32
        (count, 3): how far each is moved down and to the right, and 1 if its left and right are exchanged before.

    Returns
    -------
    ndarray
        (count, height, width)
    """
    cdef cnp.ndarray S = readable(source, "gather_images"), I = dense_index(index, "gather_images"), out
    cdef cnp.ndarray M = readable(moves, "gather_images")
    cdef int typenum = np.dtype(dtype).num, real = real_of(typenum, "gather_images")
    cdef cnp.npy_intp bad = -1, images, height, width, count
    cdef cnp.npy_intp shape[3]
    cdef wg_status status
    cdef const uint8_t *data
    cdef const int64_t *indices
    cdef const int32_t *moved
    cdef void *result
    if cnp.PyArray_TYPE(S) != cnp.NPY_UINT8 or cnp.PyArray_NDIM(S) != 3:
        raise TypeError(f"gather_images: expected images of uint8, (n, height, width), got {S.dtype} of {np.shape(S)}")
    count = cnp.PyArray_DIM(I, 0)
    if cnp.PyArray_TYPE(M) != cnp.NPY_INT32 or np.shape(M) != (count, 3):
        raise TypeError(f"gather_images: expected moves of int32, ({count}, 3), got {M.dtype} of {np.shape(M)}")
    S, M = np.ascontiguousarray(S), np.ascontiguousarray(M)
    images, height, width = cnp.PyArray_DIM(S, 0), cnp.PyArray_DIM(S, 1), cnp.PyArray_DIM(S, 2)
    shape[0], shape[1], shape[2] = count, height, width
    out = new_array(typenum, 3, shape)
    data, result = <const uint8_t *> cnp.PyArray_DATA(S), cnp.PyArray_DATA(out)
    indices, moved = <const int64_t *> cnp.PyArray_DATA(I), <const int32_t *> cnp.PyArray_DATA(M)
    with nogil:
        status = wg_active.gather.gather_images[real](data, images, height, width, indices, moved, count, scale, result,
                                                      &bad)
    if status == WG_BAD_INDEX:
        raise IndexError(f"gather_images: index {I[bad]} at position {bad} is out of range for {images} images")
    check(status, "gather_images")
    return out


def scatter_add_rows(out, index, source):
    """out[index[i]] += source[i] for every i, in order, in place."""
    cdef cnp.ndarray O, S = readable(source, "scatter_add_rows"), I = dense_index(index, "scatter_add_rows")
    cdef int typenum = cnp.PyArray_TYPE(S), real = real_of(typenum, "scatter_add_rows")
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(S), bad = -1, row_stride, rows, width, count
    cdef wg_gather g
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
    if wg_recording is not NULL:
        memset(&g, 0, sizeof(g))
        g.source, g.rows, g.width, g.row_stride = data, rows, width, row_stride
        g.index, g.count, g.out = indices, count, result
        note_gather(wg_call_scatter_add, &g, real, S, I, O)
