# csrc/scan.inc.c: running sums, products and extremes.

cdef object run_scan(wg_scan_kind kind, x, axis, name, bint places):
    """Check, allocate and call: what is new, and with `places` also where it stands."""
    cdef cnp.ndarray array = readable(x, name), out, where = None
    cdef int typenum = cnp.PyArray_TYPE(array), ndim = cnp.PyArray_NDIM(array), d = axis_of(axis, ndim, name)
    cdef int item = WG_SCAN_I64 if typenum == cnp.NPY_INT64 else real_of(typenum, name)
    cdef cnp.npy_intp lengths[3]
    cdef wg_scan s
    if typenum == cnp.NPY_INT64 and ndim > 2:
        array = array.view(np.float64)  # which is copied, where need be, bit by bit
    memset(&s, 0, sizeof(s))
    array = split_axis(array, d, lengths, s.strides)
    out = new_array(typenum, ndim, cnp.PyArray_DIMS(array))
    s.kind, s.outer, s.n, s.inner = kind, lengths[0], lengths[1], lengths[2]
    s.in_, s.out, s.places = cnp.PyArray_BYTES(array), cnp.PyArray_DATA(out), NULL
    if places:
        where = new_array(cnp.NPY_INT64, ndim, cnp.PyArray_DIMS(array))
        s.places = <int64_t *> cnp.PyArray_DATA(where)
    if cnp.PyArray_SIZE(array) < KEEP_GIL_BELOW:
        wg_active.scan.scan[item](&s)
    else:
        with nogil:
            wg_active.scan.scan[item](&s)
    if wg_recording is not NULL:
        note_scan(&s, item, array, out, where)
    return (out, where) if places else out


def running_sum(x, axis):
    """The sums of float32, float64 or int64 up to each item along one axis."""
    return run_scan(WG_SCAN_sum, x, axis, "running_sum", False)


def running_product(x, axis):
    """The products of float32, float64 or int64 up to each item along one axis."""
    return run_scan(WG_SCAN_prod, x, axis, "running_product", False)


def running_extreme(x, axis, bint smallest=False):
    """The largest or the smallest item up to each along one axis, and where it stands.

    Parameters
    ----------
    x : ndarray
        float32, float64 or int64, any strides.
    axis : int
    smallest : bool

    Returns
    -------
    ndarray, ndarray of int64
        Of x's shape. The last of equal items; the last NaN from the first one on.
    """
    return run_scan(WG_SCAN_min if smallest else WG_SCAN_max, x, axis, "running_extreme", True)


@cython.final
cdef class Running:
    """A running sum or product, or largest or smallest items with their places, as an operation calls it: of float32,
    float64 and int64; `instead` is called for all others."""
    cdef wg_scan_kind kind
    cdef readonly object instead

    def __init__(self, str kind, instead):
        self.kind = {"sum": WG_SCAN_sum, "prod": WG_SCAN_prod, "max": WG_SCAN_max, "min": WG_SCAN_min}[kind]
        self.instead = instead

    def __call__(self, x, dim):
        cdef int typenum = cnp.PyArray_TYPE(x) if cnp.PyArray_Check(x) else -1
        if typenum != cnp.NPY_FLOAT and typenum != cnp.NPY_DOUBLE and typenum != cnp.NPY_INT64:
            return self.instead(x, dim)
        return run_scan(self.kind, x, dim, "running", self.kind == WG_SCAN_max or self.kind == WG_SCAN_min)
