# csrc/order.c: rows in order, and items of a rank.

cdef int order_item(int typenum, name) except -1:
    if typenum == cnp.NPY_FLOAT:
        return WG_ORDER_F32
    if typenum == cnp.NPY_DOUBLE:
        return WG_ORDER_F64
    if typenum == NPY_HALF:
        return WG_ORDER_F16
    if typenum == cnp.NPY_BOOL or typenum == cnp.NPY_UINT8:
        return WG_ORDER_U8
    if typenum == cnp.NPY_INT8:
        return WG_ORDER_I8
    if typenum == cnp.NPY_INT16:
        return WG_ORDER_I16
    if typenum == cnp.NPY_INT32:
        return WG_ORDER_I32
    if typenum == cnp.NPY_INT64:
        return WG_ORDER_I64
    raise TypeError(f"{name}: items of {np.dtype(typenum_to_name(typenum))} have no order here")


cdef bint sorted_as_pairs(wg_order *o) except -1:
    """Sort by NumPy, which is fast where vectors of 64-bit integers are; False where that does not do."""
    cdef cnp.npy_intp shape[2]
    cdef cnp.ndarray pairs
    cdef int fit
    shape[0], shape[1] = o.outer * o.inner, o.n
    pairs = new_array(cnp.NPY_UINT64, 2, shape)
    o.pairs = <uint64_t *> cnp.PyArray_DATA(pairs)
    with nogil:
        fit = wg_order_pack(o)
    if not fit:
        return False
    PyArray_Sort(pairs, 1, cnp.NPY_QUICKSORT)
    with nogil:
        wg_order_unpack(o)
    return True


cdef cnp.ndarray run_order(wg_order *o, cnp.ndarray array, int d, name, bint dropped=False):
    """Allocate and call: all items in order, or those of o's ranks; of one rank, the axis may be dropped."""
    cdef int ndim = cnp.PyArray_NDIM(array), i
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp lengths[3]
    cdef cnp.ndarray out
    cdef wg_status status
    o.type = <wg_order_item> order_item(cnp.PyArray_TYPE(array), name)
    for i in range(ndim):
        shape[i] = cnp.PyArray_DIM(array, i)
    if o.ranks is not NULL and ndim:
        shape[d] = o.count
        if dropped:
            memmove(shape + d, shape + d + 1, (ndim - 1 - d) * sizeof(shape[0]))
    out = new_array(cnp.NPY_INT64, ndim - dropped, shape)
    if cnp.PyArray_SIZE(out) == 0:
        return out
    if ndim > 2 and o.type != WG_ORDER_F32 and o.type != WG_ORDER_F64:
        array = np.ascontiguousarray(array)  # which split_axis does for what kernels compute in
    array = split_axis(array, d, lengths, o.strides)
    o.outer, o.n, o.inner = lengths[0], lengths[1], lengths[2]
    o.in_, o.out = cnp.PyArray_BYTES(array), <int64_t *> cnp.PyArray_DATA(out)
    if o.ranks is NULL and o.n > WG_ORDER_FEW and sorted_as_pairs(o):
        return out
    if cnp.PyArray_SIZE(array) < KEEP_GIL_BELOW // 8:
        status = wg_order_places(o) if o.ranks is NULL else wg_order_ranked(o)
    else:
        with nogil:
            status = wg_order_places(o) if o.ranks is NULL else wg_order_ranked(o)
    check(status, name)
    return out


def places_in_order(x, axis, bint descending=False):
    """The places that sort an array along one axis, equal items in their order, NaN as the largest.

    Parameters
    ----------
    x : ndarray
        Of reals, integers or booleans, any strides.
    axis : int
    descending : bool

    Returns
    -------
    ndarray of int64
        Of x's shape.
    """
    cdef cnp.ndarray array = readable(x, "places_in_order")
    cdef wg_order o
    memset(&o, 0, sizeof(o))
    o.descending = descending
    return run_order(&o, array, axis_of(axis, cnp.PyArray_NDIM(array), "places_in_order"), "places_in_order")


def places_of_ranks(x, ranks, axis, nan="last", bint keepdims=True):
    """The places of the items that would stand at some ranks if an array were sorted along one axis, stably.

    Parameters
    ----------
    x : ndarray
        Of reals, integers or booleans, any strides.
    ranks : int, or ndarray of int64
        One; or (m,); or (..., m) for the others of x's dimensions: in [0, n), ascending.
    axis : int
    nan : {"last", "chosen", "left out"}
        Of reals: NaN is the largest item; or where there is one, every rank is the first one's; or every rank is that
        of the middle of all other items.
    keepdims : bool
        False: of one rank, the result is without the axis.

    Returns
    -------
    ndarray of int64
        Of x's shape with m along the axis.
    """
    cdef cnp.ndarray array = readable(x, "places_of_ranks"), R
    cdef int ndim = cnp.PyArray_NDIM(array), d = axis_of(axis, ndim, "places_of_ranks")
    cdef cnp.npy_intp n = cnp.PyArray_DIM(array, d) if ndim else 1, asked = 1, i
    cdef int64_t rank
    cdef wg_order o
    cdef bint fits = True
    memset(&o, 0, sizeof(o))
    if type(ranks) is int:
        rank, o.ranks, o.count = ranks, &rank, 1
    else:
        R = np.ascontiguousarray(ranks, np.int64)
        asked, o.count = cnp.PyArray_SIZE(R), cnp.PyArray_DIM(R, cnp.PyArray_NDIM(R) - 1)
        o.ranks = <const int64_t *> cnp.PyArray_DATA(R)
        fits = ndim > 0 or asked == 1
        if cnp.PyArray_NDIM(R) > 1:
            o.rank_stride = o.count
            fits = asked * n == cnp.PyArray_SIZE(array) * o.count
    for i in range(asked):
        fits = fits and 0 <= o.ranks[i] < n and (i % o.count == 0 or o.ranks[i - 1] <= o.ranks[i])
    if not fits:
        raise ValueError(f"places_of_ranks: expected ranks below {n} that ascend, for one row or for each, got {ranks}")
    if nan != "last" and cnp.PyTypeNum_ISFLOAT(cnp.PyArray_TYPE(array)):
        o.nan = WG_ORDER_NAN_CHOSEN if nan == "chosen" else WG_ORDER_NAN_LEFT_OUT
    return run_order(&o, array, d, "places_of_ranks", ndim > 0 and o.count == 1 and not keepdims)


def search_sorted(sequence, values, bint right=False):
    """Where values would have to stand in a sorted sequence: before equal items, or behind them. NaN is the largest.

    Parameters
    ----------
    sequence : ndarray
        (n,), or (..., n): one for each row of values.
    values : ndarray
        Of the same dtype: of any shape, or (..., m).
    right : bool

    Returns
    -------
    ndarray of int64
        Of the values' shape.
    """
    cdef cnp.ndarray S = dense(readable(sequence, "search_sorted")), V, out
    cdef int typenum = cnp.PyArray_TYPE(S), ndim = cnp.PyArray_NDIM(S)
    cdef wg_order_search_job s
    cdef wg_status status
    V = dense(readable_as(values, typenum, "search_sorted", "the array of values"))
    memset(&s, 0, sizeof(s))
    out = new_array(cnp.NPY_INT64, cnp.PyArray_NDIM(V), cnp.PyArray_DIMS(V))
    s.n, s.each, s.right = cnp.PyArray_DIM(S, ndim - 1), ndim > 1, right
    s.m = cnp.PyArray_SIZE(V) if ndim == 1 else cnp.PyArray_DIM(V, cnp.PyArray_NDIM(V) - 1)
    if cnp.PyArray_SIZE(out) == 0:
        return out
    s.rows = cnp.PyArray_SIZE(V) // s.m
    if s.rows * s.n != cnp.PyArray_SIZE(S):
        raise ValueError(f"search_sorted: sequences of shape {np.shape(S)} are not for values of shape {np.shape(V)}")
    s.type, s.size = <wg_order_item> order_item(typenum, "search_sorted"), cnp.PyArray_ITEMSIZE(S)
    s.sequence, s.values = cnp.PyArray_BYTES(S), cnp.PyArray_BYTES(V)
    s.out = <int64_t *> cnp.PyArray_DATA(out)
    if cnp.PyArray_SIZE(out) < KEEP_GIL_BELOW // 8:
        status = wg_order_search(&s)
    else:
        with nogil:
            status = wg_order_search(&s)
    check(status, "search_sorted")
    return out
