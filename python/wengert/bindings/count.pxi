# csrc/count.c and csrc/recurrence.c: how often numbers occur, and recurrences along lines.

def count(x, cnp.npy_intp least_length=0):
    """How often each of the numbers 0, 1, 2, ... occurs.

    Parameters
    ----------
    x : ndarray of int64
        (n,), none negative.
    least_length : int
        Of the result, which is also longer than the greatest number.
    """
    cdef cnp.ndarray array = whole_dense(readable_as(x, cnp.NPY_INT64, "count", "the array")), out
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(array), length = least_length
    cdef const int64_t *items = <const int64_t *> cnp.PyArray_DATA(array)
    cdef int64_t least = 0, greatest = -1
    cdef int64_t *counts
    with nogil:
        wg_extent(n, items, &least, &greatest)
    if least < 0:
        raise ValueError(f"count: expected numbers from 0, got {least}")
    out = zero_counts(max(length, greatest + 1))
    counts = <int64_t *> cnp.PyArray_DATA(out)
    with nogil:
        wg_count(n, items, counts)
    return out


def count_between(x, cnp.npy_intp bins, double low, double high):
    """How many items of a float32 or float64 array lie in each of some intervals of equal width in [low, high].

    Each has its left edge, as `np.linspace` rounds it, and the last one its right one too. NaN lies nowhere.
    """
    cdef cnp.ndarray array = whole_dense(readable(x, "count_between")), out
    cdef wg_real real = <wg_real> real_of(cnp.PyArray_TYPE(array), "count_between")
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(array)
    cdef const void *items = cnp.PyArray_DATA(array)
    cdef int64_t *counts
    if bins < 1 or not low < high or high - low > 1.7e308:
        raise ValueError(f"count_between: expected bins in a finite range, got {bins} from {low} to {high}")
    out = zero_counts(bins)
    counts = <int64_t *> cnp.PyArray_DATA(out)
    with nogil:
        wg_count_between(real, n, items, bins, low, high, counts)
    return out


cdef cnp.ndarray zero_counts(cnp.npy_intp length):
    cdef cnp.ndarray out = new_array(cnp.NPY_INT64, 1, &length)
    memset(cnp.PyArray_DATA(out), 0, length * sizeof(int64_t))
    return out


cdef cnp.ndarray whole_dense(cnp.ndarray array):
    """The same items without gaps, in one order or another."""
    return array if PyArray_IS_F_CONTIGUOUS(array) else dense(array)


def recurrence(a, b, axis, bint backwards=False):
    """The sequences z[k] = a[k] z[k - 1] + b[k] along one axis of two arrays of one shape and dtype, the first b[0]; or
    backwards z[k] = a[k + 1] z[k + 1] + b[k], the last that of b."""
    cdef cnp.ndarray A = dense(readable(a, "recurrence")), B
    cdef int typenum = cnp.PyArray_TYPE(A), ndim = cnp.PyArray_NDIM(A), d = axis_of(axis, ndim, "recurrence"), i
    cdef wg_real real = <wg_real> real_of(typenum, "recurrence")
    cdef cnp.npy_intp outer = 1, n = 1, inner = 1
    cdef cnp.ndarray out
    B = dense(readable_as(b, typenum, "recurrence", "the second array"))
    if not has_shape(B, ndim, cnp.PyArray_DIMS(A)):
        raise ValueError(f"recurrence: expected two arrays of one shape, got {np.shape(a)} and {np.shape(b)}")
    for i in range(ndim):
        if i < d:
            outer *= cnp.PyArray_DIM(A, i)
        elif i == d:
            n = cnp.PyArray_DIM(A, i)
        else:
            inner *= cnp.PyArray_DIM(A, i)
    out = new_array(typenum, ndim, cnp.PyArray_DIMS(A))
    with nogil:
        wg_recurrence(real, backwards, outer, n, inner, cnp.PyArray_DATA(A), cnp.PyArray_DATA(B), cnp.PyArray_DATA(out))
    return out
