# csrc/topk.c: the largest items.

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
    cdef wg_topk_call t
    for i in range(cnp.PyArray_NDIM(array)):
        shape[i] = cnp.PyArray_DIM(array, i)
    if cnp.PyArray_NDIM(array) == 0 or not 0 <= k <= shape[d]:
        raise ValueError(f"topk: there are no {k} item(s) along dimension {d} of shape {np.shape(x)}")
    shape[d] = k
    out = new_array(cnp.NPY_INT64, cnp.PyArray_NDIM(array), shape)
    if cnp.PyArray_SIZE(out) == 0:
        return out
    memset(&t, 0, sizeof(t))
    array = split_axis(array, d, lengths, t.strides)
    t.outer, t.n, t.inner, t.k, t.smallest = lengths[0], lengths[1], lengths[2], k, smallest
    t.in_, t.out = cnp.PyArray_BYTES(array), <int64_t *> cnp.PyArray_DATA(out)
    if cnp.PyArray_SIZE(array) < KEEP_GIL_BELOW // 8:
        wg_call_topk(&t, <wg_real> real)
    else:
        with nogil:
            wg_call_topk(&t, <wg_real> real)
    if wg_recording is not NULL:
        note_topk(&t, real, array, out)
    return out
