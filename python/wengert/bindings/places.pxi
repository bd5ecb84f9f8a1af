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
    if found < shape[rows]:
        raise RuntimeError("nonzero: another thread has written to the mask meanwhile")
    return out


cdef cnp.npy_intp held_in(cnp.ndarray M) noexcept:
    return wg_held_run(<const uint8_t *> cnp.PyArray_DATA(M), cnp.PyArray_SIZE(M))


cdef cnp.ndarray dense_mask(mask, name):
    cdef cnp.ndarray M = readable(mask, name)
    if cnp.PyArray_TYPE(M) != cnp.NPY_BOOL:
        raise TypeError(f"{name}: expected a mask of bool, got {M.dtype}")
    return M if PyArray_IS_C_CONTIGUOUS(M) else copied(M)


def masked_pick(array, mask):
    """The items of an array where a mask of its shape holds, in C order: array[mask], of any dtype that tensors have."""
    cdef cnp.ndarray A = readable(array, "masked_pick"), M = dense_mask(mask, "masked_pick"), out
    cdef cnp.npy_intp shape[1]
    shape[0] = held_in(M)
    if not has_shape(M, cnp.PyArray_NDIM(A), cnp.PyArray_DIMS(A)):
        raise ValueError(f"masked_pick: expected a mask of shape {np.shape(A)}, got {np.shape(M)}")
    A = A if PyArray_IS_C_CONTIGUOUS(A) else copied(A)
    out = new_array(cnp.PyArray_TYPE(A), 1, shape)
    run_masked(False, A, M, out, "masked_pick")
    return out


def masked_put(out, mask, items):
    """out[mask] = items, in place, for an array in C order and a vector of as many items as the mask of its shape holds."""
    cdef cnp.ndarray O = readable(out, "masked_put"), M = dense_mask(mask, "masked_put"), S
    S = readable_as(items, cnp.PyArray_TYPE(O), "masked_put", "the vector of items")
    if not has_shape(M, cnp.PyArray_NDIM(O), cnp.PyArray_DIMS(O)):
        raise ValueError(f"masked_put: expected a mask of shape {np.shape(O)}, got {np.shape(M)}")
    if cnp.PyArray_NDIM(S) != 1 or cnp.PyArray_DIM(S, 0) != held_in(M):
        raise ValueError(f"masked_put: expected ({held_in(M)},) items, as many as the mask holds, got {np.shape(S)}")
    O = writable_dense(out, cnp.PyArray_TYPE(S), "masked_put", "out")
    check_apart(O, (M, S), "masked_put")
    run_masked(True, O, M, S if PyArray_IS_C_CONTIGUOUS(S) else copied(S), "masked_put")


cdef run_masked(bint put, cnp.ndarray array, cnp.ndarray mask, cnp.ndarray items, name):
    cdef size_t size = cnp.PyArray_ITEMSIZE(array)
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(array), count = cnp.PyArray_SIZE(items), found
    cdef char *some = cnp.PyArray_BYTES(items)
    cdef char *all_ = cnp.PyArray_BYTES(array)
    cdef const uint8_t *held = <const uint8_t *> cnp.PyArray_DATA(mask)
    if size not in (1, 2, 4, 8):
        raise TypeError(f"{name}: expected items of 1, 2, 4 or 8 bytes, got {array.dtype}")
    with nogil:
        found = wg_masked_run(put, size, n, held, count, some, all_)
    if found < count:
        raise RuntimeError(f"{name}: another thread has written to the mask meanwhile")


def triangle(array, bint lower, diagonal):
    """The triangles of matrices, of any dtype that tensors have: where column - row <= diagonal (lower), or >= it; zeros
    elsewhere. In C order, but a matrix in Fortran order keeps its own."""
    cdef cnp.ndarray A = readable(array, "triangle"), out
    cdef int ndim = cnp.PyArray_NDIM(A)
    cdef cnp.npy_intp k
    cdef cnp.npy_intp *shape = cnp.PyArray_DIMS(A)
    if ndim < 2 or cnp.PyArray_ITEMSIZE(A) not in (1, 2, 4, 8):
        raise ValueError(f"triangle: expected matrices, of items of 1, 2, 4 or 8 bytes, got {A.dtype} of {np.shape(A)}")
    k = max(-shape[ndim - 2] - 1, min(shape[ndim - 1] + 1, diagonal))
    if ndim == 2 and PyArray_IS_F_CONTIGUOUS(A) and not PyArray_IS_C_CONTIGUOUS(A):
        return triangle(A.T, not lower, -k).T
    out = new_array(cnp.PyArray_TYPE(A), ndim, shape)
    with nogil:
        wg_triangle_run(lower, k, cnp.PyArray_ITEMSIZE(A), ndim, shape, cnp.PyArray_STRIDES(A), cnp.PyArray_BYTES(A),
                        cnp.PyArray_BYTES(out))
    return out
