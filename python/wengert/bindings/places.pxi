# csrc/places.c: items told by where they are.

def nonzero(mask, bint rows=False):
    """The places where a mask holds, in C order.

    Parameters
    ----------
    mask : ndarray of bool
        Of one dimension or more.
    rows : bool
        A row for each dimension, instead of each item.

    Returns
    -------
    ndarray of int64
        (n, ndim), or (ndim, n).
    """
    cdef cnp.ndarray M = dense_mask(mask, "nonzero"), out
    cdef int ndim = cnp.PyArray_NDIM(M)
    cdef cnp.npy_intp shape[2]
    cdef cnp.npy_intp found
    cdef cnp.npy_intp *dims = cnp.PyArray_DIMS(M)
    cdef const uint8_t *held = <const uint8_t *> cnp.PyArray_DATA(M)
    cdef int64_t *places
    if ndim == 0:
        raise ValueError("nonzero: expected a mask of one dimension or more")
    shape[0] = shape[1] = held_in(M)
    shape[0 if rows else 1] = ndim
    out = new_array(cnp.NPY_INT64, 2, shape)
    places = <int64_t *> cnp.PyArray_DATA(out)
    with nogil:
        found = wg_places_run(held, ndim, dims, shape[rows], places, 1 if rows else ndim, shape[1] if rows else 1)
    check_found(found, shape[rows], "nonzero")
    return out


cdef cnp.npy_intp held_in(cnp.ndarray M) noexcept:
    return wg_held_run(<const uint8_t *> cnp.PyArray_DATA(M), cnp.PyArray_SIZE(M))


cdef cnp.ndarray dense_mask(mask, name):
    cdef cnp.ndarray M = readable(mask, name)
    if cnp.PyArray_TYPE(M) != cnp.NPY_BOOL:
        raise TypeError(f"{name}: expected a mask of bool, got {M.dtype}")
    return dense(M)


def masked(array, mask, items=None):
    """The items of an array where a mask of its shape holds, in C order: array[mask], of any dtype that tensors have. With
    `items`, a vector of as many, array[mask] = items, in place, of an array in C order."""
    cdef cnp.ndarray A = readable(array, "masked"), M = dense_mask(mask, "masked"), S
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(A), found
    cdef cnp.npy_intp shape[1]
    cdef size_t size = cnp.PyArray_ITEMSIZE(A)
    cdef bint put = items is not None
    cdef char *some
    cdef char *all_
    cdef const uint8_t *held = <const uint8_t *> cnp.PyArray_DATA(M)
    shape[0] = held_in(M)
    if size not in (1, 2, 4, 8) or not has_shape(M, cnp.PyArray_NDIM(A), cnp.PyArray_DIMS(A)):
        raise ValueError(f"masked: expected a mask of the array's shape, got {np.shape(M)} for {A.dtype} of {np.shape(A)}")
    if put:
        S = dense(readable_as(items, cnp.PyArray_TYPE(A), "masked", "the vector of items"))
        if not has_shape(S, 1, shape):
            raise ValueError(f"masked: expected ({shape[0]},) items, as many as the mask holds, got {np.shape(S)}")
        A = writable_dense(array, cnp.PyArray_TYPE(S), "masked", "the array")
        check_apart(A, (M, S), "masked")
    else:
        A = dense(A)
        S = new_array(cnp.PyArray_TYPE(A), 1, shape)
    some, all_ = cnp.PyArray_BYTES(S), cnp.PyArray_BYTES(A)
    with nogil:
        found = wg_masked_run(put, size, n, held, shape[0], some, all_)
    check_found(found, shape[0], "masked")
    return None if put else S


cdef check_found(cnp.npy_intp found, cnp.npy_intp count, name):
    if found < count:
        raise RuntimeError(f"{name}: another thread has written to the mask meanwhile")


def triangle(array, bint lower, diagonal):
    """The triangles of matrices, of any dtype that tensors have: where column - row <= diagonal (lower), or >= it; zeros
    elsewhere. In C order, but a matrix in Fortran order keeps its own."""
    cdef cnp.ndarray A = readable(array, "triangle"), out
    cdef int ndim = cnp.PyArray_NDIM(A)
    cdef cnp.npy_intp k
    cdef cnp.npy_intp *shape = cnp.PyArray_DIMS(A)
    cdef const cnp.npy_intp *strides = cnp.PyArray_STRIDES(A)
    cdef cnp.npy_intp turned[4]
    cdef bint fortran = ndim == 2 and PyArray_IS_F_CONTIGUOUS(A) and not PyArray_IS_C_CONTIGUOUS(A)
    if ndim < 2 or cnp.PyArray_ITEMSIZE(A) not in (1, 2, 4, 8):
        raise ValueError(f"triangle: expected matrices, of items of 1, 2, 4 or 8 bytes, got {A.dtype} of {np.shape(A)}")
    k = max(-shape[ndim - 2] - 1, min(shape[ndim - 1] + 1, diagonal))
    out = new_array(cnp.PyArray_TYPE(A), ndim, shape, fortran)
    if fortran:  # the other triangle of the transposed matrix
        turned[0], turned[1], turned[2], turned[3] = shape[1], shape[0], strides[1], strides[0]
        shape, strides, lower, k = turned, turned + 2, not lower, -k
    if cnp.PyArray_SIZE(A) < KEEP_GIL_BELOW:
        wg_triangle_run(lower, k, cnp.PyArray_ITEMSIZE(A), ndim, shape, strides, cnp.PyArray_BYTES(A), cnp.PyArray_BYTES(out))
    else:
        with nogil:
            wg_triangle_run(lower, k, cnp.PyArray_ITEMSIZE(A), ndim, shape, strides, cnp.PyArray_BYTES(A),
                            cnp.PyArray_BYTES(out))
    return out
