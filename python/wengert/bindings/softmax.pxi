# csrc/softmax.inc.c: softmax, log-softmax, their derivatives.

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
