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
    cdef uint64_t greatest
    cdef int64_t *counts
    with nogil:
        greatest = wg_greatest(n, items)
    if <int64_t> greatest < 0:
        raise ValueError(f"count: expected numbers from 0, got {array.min()}")
    out = zero_counts(max(length, <cnp.npy_intp> greatest + 1) if n else length)
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
    B = readable_as(b, cnp.PyArray_TYPE(A), "recurrence", "the second array")
    if not has_shape(B, cnp.PyArray_NDIM(A), cnp.PyArray_DIMS(A)):
        raise ValueError(f"recurrence: expected two arrays of one shape, got {np.shape(a)} and {np.shape(b)}")
    return run_recurrence(A, B, axis, backwards, "recurrence")


def log_sums(x, axis):
    """The logarithms of the sums of the exponentials up to each item of float32 or float64 along one axis."""
    return run_recurrence(None, readable(x, "log_sums"), axis, False, "log_sums")


cdef cnp.ndarray run_recurrence(cnp.ndarray A, cnp.ndarray B, axis, bint backwards, name):
    """Both, in C order; that of logarithms without A."""
    cdef cnp.ndarray out, items = dense(B)
    cdef int ndim = cnp.PyArray_NDIM(items), d = axis_of(axis, ndim, name)
    cdef wg_real real = <wg_real> real_of(cnp.PyArray_TYPE(items), name)
    cdef cnp.npy_intp lengths[3]
    cdef cnp.npy_intp strides[3]
    cdef wg_status status = WG_OK
    split_axis(items, d, lengths, strides)
    out = new_array(cnp.PyArray_TYPE(items), ndim, cnp.PyArray_DIMS(items))
    with nogil:
        if A is None:
            status = wg_log_sums(real, lengths[0], lengths[1], lengths[2], cnp.PyArray_DATA(items), cnp.PyArray_DATA(out))
        else:
            wg_recurrence(real, backwards, lengths[0], lengths[1], lengths[2], cnp.PyArray_DATA(A), cnp.PyArray_DATA(items),
                          cnp.PyArray_DATA(out))
    check(status, name)
    return out
