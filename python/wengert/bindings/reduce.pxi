# csrc/reduce.inc.c: reductions and running sums.

cdef dict REDUCTIONS = {
    "sum": WG_REDUCE_sum, "mean": WG_REDUCE_mean, "prod": WG_REDUCE_prod, "max": WG_REDUCE_max, "min": WG_REDUCE_min,
    "logsumexp": WG_REDUCE_logsumexp, "var": WG_REDUCE_var, "norm": WG_REDUCE_norm, "argmax": WG_REDUCE_argmax,
    "argmin": WG_REDUCE_argmin,
}


def reduce(str kind, x, axes=None, bint keepdims=False, double correction=0.0):
    """Reduce an array over some of its axes.

    Parameters
    ----------
    kind : str
        sum, mean, prod, max, min, logsumexp, var, norm, argmax or argmin.
    x : ndarray
        float32 or float64, any strides.
    axes : None, int or tuple of int
        None reduces all of them.
    keepdims : bool
        Keep reduced axes with length 1.
    correction : float
        var divides by the number of items less this.

    Returns
    -------
    ndarray
        Of x's dtype; int64 for argmax and argmin.
    """
    return reduce_array(reduction_of(kind), kind, x, axes, keepdims, correction)


cdef int reduction_of(str kind) except -1:
    found = REDUCTIONS.get(kind)
    if found is None:
        raise ValueError(f"reduce: there is no reduction {kind!r}; there are {', '.join(REDUCTIONS)}")
    return found


cdef cnp.ndarray reduce_array(int reduction, str kind, x, axes, bint keepdims, double correction):
    """`reduce`, of the kind that its number tells."""
    cdef wg_reduction r
    cdef cnp.ndarray array = readable(x, kind), out
    cdef int ndim = cnp.PyArray_NDIM(array), real = real_of(cnp.PyArray_TYPE(array), kind), kept = 0, d
    cdef unsigned char reduced[WG_MAX_DIMS]
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp count = 1
    cdef wg_status status
    memset(&r, 0, sizeof(r))
    r.kind = <wg_reduce> reduction
    cdef bint place = r.kind == WG_REDUCE_argmax or r.kind == WG_REDUCE_argmin
    memset(reduced, axes is None, sizeof(reduced))
    if axes is not None:
        for axis in axes if isinstance(axes, tuple) else (axes,):
            d = axis_of(axis, ndim, kind)
            if ndim and reduced[d]:
                raise ValueError(f"{kind}: dimension {axis} is given twice in {axes}")
            reduced[d] = 1
    for d in range(ndim):
        if reduced[d]:
            count *= cnp.PyArray_DIM(array, d)
            if keepdims:
                shape[kept] = 1
                kept += 1
        else:
            shape[kept] = cnp.PyArray_DIM(array, d)
            kept += 1
    if count == 0 and (place or r.kind == WG_REDUCE_max or r.kind == WG_REDUCE_min):
        raise ValueError(f"{kind}: there is nothing to choose from: shape {np.shape(x)} has no items along the reduced "
                         "dimensions")
    out = new_array(cnp.NPY_INT64 if place else cnp.PyArray_TYPE(array), kept, shape)
    r.ndim = ndim
    r.shape = cnp.PyArray_DIMS(array)
    r.strides = cnp.PyArray_STRIDES(array)
    r.reduced = reduced
    r.in_ = cnp.PyArray_BYTES(array)
    r.out = cnp.PyArray_BYTES(out)
    r.correction = correction
    if cnp.PyArray_SIZE(array) < KEEP_GIL_BELOW:
        status = wg_active.reduce.reduce[real](&r)
    else:
        with nogil:
            status = wg_active.reduce.reduce[real](&r)
    check(status, kind)
    if wg_recording is not NULL:
        note_reduce(&r, real, array, out)
    return out


@cython.final
cdef class Reduction:
    """One reduction of float32 or float64 as an operation calls it. Whole numbers are folded by loops where there are
    some; other dtypes go to `fallback`, with all arguments.

    `shape` is what the rules of its operation ask for: x's.
    """
    cdef int reduction
    cdef Fold whole  # of whole numbers, where there is one
    cdef readonly str kind
    cdef readonly object fallback

    def __init__(self, str kind, fallback):
        self.reduction = reduction_of(kind)
        if kind in ("sum", "max", "min"):
            self.whole = Fold(kind, fallback)
        self.kind = kind
        self.fallback = fallback

    def __repr__(self):
        return f"Reduction({self.kind!r})"

    def __call__(self, x, dims, bint keepdim, shape, double correction=0.0):
        cdef int typenum = cnp.PyArray_TYPE(x) if cnp.PyArray_Check(x) else -1
        if typenum != cnp.NPY_FLOAT and typenum != cnp.NPY_DOUBLE:
            found = None if self.whole is None else self.whole.run(x, dims, keepdim)
            return self.fallback(x, dims, keepdim, shape, correction) if found is None else found
        return reduce_array(self.reduction, self.kind, x, dims, keepdim, correction)
