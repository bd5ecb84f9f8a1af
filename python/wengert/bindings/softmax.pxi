# csrc/softmax.inc.c: softmax, log-softmax, their derivatives.

cdef cnp.ndarray split_densely(cnp.ndarray array, int axis, cnp.npy_intp *lengths, cnp.npy_intp *strides):
    """split_axis, of a copy where the last dimension that counts has no unit stride."""
    cdef cnp.ndarray found = split_axis(array, axis, lengths, strides)
    cdef int last = 2 if lengths[2] > 1 else 1
    if lengths[last] <= 1 or strides[last] == cnp.PyArray_ITEMSIZE(found):
        return found
    return split_axis(copy_kernel.run(array, None, None, ()), axis, lengths, strides)


def softmax(x, dim, bint log=False):
    """Softmax, or log-softmax, along one dimension."""
    cdef cnp.ndarray array = readable(x, "softmax"), out
    cdef int real = real_of(cnp.PyArray_TYPE(array), "softmax"), d = axis_of(dim, cnp.PyArray_NDIM(array), "softmax")
    cdef cnp.npy_intp lengths[3]
    cdef wg_softmax s
    cdef wg_status status
    memset(&s, 0, sizeof(s))
    array = split_densely(array, d, lengths, s.strides)
    out = new_array(cnp.PyArray_TYPE(array), cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array))
    s.outer, s.n, s.inner, s.log = lengths[0], lengths[1], lengths[2], log
    s.in_, s.out = cnp.PyArray_BYTES(array), cnp.PyArray_BYTES(out)
    with nogil:
        status = wg_call_softmax(&s, <wg_real> real)
    check(status, "softmax")
    if wg_recording is not NULL:
        note_softmax(&s, real, array, None, out)
    return out


def softmax_grad(g, z, dim, bint log=False):
    """The transposed derivative of softmax at the result z, applied to g, both of one shape."""
    cdef cnp.ndarray G = readable(g, "softmax_grad"), Z, out
    cdef int typenum = cnp.PyArray_TYPE(G), real = real_of(typenum, "softmax_grad")
    cdef int d = axis_of(dim, cnp.PyArray_NDIM(G), "softmax_grad")
    cdef cnp.npy_intp lengths[3]
    cdef wg_softmax s
    cdef wg_status status
    Z = readable_as(z, typenum, "softmax_grad", "the second argument")
    if not has_shape(Z, cnp.PyArray_NDIM(G), cnp.PyArray_DIMS(G)):
        raise ValueError(f"softmax_grad: expected two arrays of one shape, got {np.shape(G)} and {np.shape(Z)}")
    memset(&s, 0, sizeof(s))
    G = split_densely(G, d, lengths, s.strides)
    Z = split_densely(Z, d, lengths, s.z_strides)
    out = new_array(typenum, cnp.PyArray_NDIM(G), cnp.PyArray_DIMS(G))
    s.outer, s.n, s.inner, s.log = lengths[0], lengths[1], lengths[2], log
    s.in_, s.z, s.out = cnp.PyArray_BYTES(G), cnp.PyArray_BYTES(Z), cnp.PyArray_BYTES(out)
    with nogil:
        status = wg_call_softmax_grad(&s, <wg_real> real)
    check(status, "softmax_grad")
    if wg_recording is not NULL:
        note_softmax(&s, real, G, Z, out)
    return out
