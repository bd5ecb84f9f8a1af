# csrc/attention.inc.c: attention and its derivative.

ATTENTION_BLOCK = WG_ATTENTION_BLOCK

cdef enum:
    ATTENTION_OPERANDS = 9


cdef struct AttentionStrides:
    cnp.npy_intp of[ATTENTION_OPERANDS][WG_MAX_DIMS]


cdef set_matrices(wg_matrices *m, cnp.ndarray array, cnp.npy_intp *strides, cnp.npy_intp item):
    """Describe a stack of matrices, with strides in units of `item` bytes."""
    cdef int ndim = cnp.PyArray_NDIM(array), d
    m.data = cnp.PyArray_DATA(array)
    m.rs = cnp.PyArray_STRIDE(array, ndim - 2) // item
    m.cs = cnp.PyArray_STRIDE(array, ndim - 1) // item
    for d in range(ndim - 2):
        strides[d] = cnp.PyArray_STRIDE(array, d) // item
    m.batch_strides = strides


cdef cnp.ndarray new_like(cnp.ndarray array, cnp.npy_intp columns):
    """A new array of an array's shape, but for the columns, which are neighbours; its other dimensions lie in memory in
    the order of the array's."""
    cdef int ndim = cnp.PyArray_NDIM(array), d
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef bint ordered = True
    shape[ndim - 1] = columns
    for d in range(ndim - 1):
        shape[d] = cnp.PyArray_DIM(array, d)
        ordered = ordered and (d == 0 or cnp.PyArray_STRIDE(array, d) <= cnp.PyArray_STRIDE(array, d - 1))
    if ordered:
        return new_array(cnp.PyArray_TYPE(array), ndim, shape)
    order = sorted(range(ndim - 1), key=lambda d: -array.strides[d])
    places = [0] * ndim
    for d in range(ndim - 1):
        shape[d] = cnp.PyArray_DIM(array, order[d])
        places[order[d]] = d
    places[ndim - 1] = ndim - 1
    return new_array(cnp.PyArray_TYPE(array), ndim, shape).transpose(places)


cdef bint has_columns(cnp.ndarray array):
    """Whether the items of a row are neighbours, and other strides whole."""
    cdef int ndim = cnp.PyArray_NDIM(array), d
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(array)
    for d in range(ndim - 1):
        if cnp.PyArray_STRIDE(array, d) % item:
            return False
    return cnp.PyArray_STRIDE(array, ndim - 1) == item or cnp.PyArray_DIM(array, ndim - 1) <= 1


cdef cnp.ndarray attention_operand(object x, int typenum, int ndim, name, argument):
    cdef cnp.ndarray array = whole_strides(readable_as(x, typenum, name, argument))
    if cnp.PyArray_NDIM(array) != ndim:
        raise ValueError(f"{name}: {argument} has shape {np.shape(x)}, expected {ndim} dimensions like the queries")
    return array


cdef cnp.ndarray attention_mask(object x, int typenum, tuple shape, name):
    """A mask with stride 0 where it is repeated."""
    cdef cnp.ndarray array = readable(x, name)
    if cnp.PyArray_TYPE(array) != cnp.NPY_BOOL:
        array = readable_as(x, typenum, name, "the mask")
    return broadcast_view(array, shape)


cdef check_shape(cnp.ndarray array, tuple shape, name, argument):
    if np.shape(array) != shape:
        raise ValueError(f"{name}: {argument} has shape {np.shape(array)}, expected {shape}")


cdef attention_inputs(wg_attention *a, AttentionStrides *strides, q, k, v, mask, bint causal, double scale, name):
    """Check and describe what both kernels read; gives the arrays."""
    cdef cnp.ndarray Q = whole_strides(readable(q, name)), K, V, M = None
    cdef int typenum = cnp.PyArray_TYPE(Q), ndim = cnp.PyArray_NDIM(Q)
    real_of(typenum, name)
    if ndim < 2:
        raise ValueError(f"{name}: expected queries (..., l, e), got shape {np.shape(q)}")
    K = attention_operand(k, typenum, ndim, name, "the keys")
    V = attention_operand(v, typenum, ndim, name, "the values")
    memset(a, 0, sizeof(a[0]))
    a.l, a.e = cnp.PyArray_DIM(Q, ndim - 2), cnp.PyArray_DIM(Q, ndim - 1)
    a.s, a.ev = cnp.PyArray_DIM(K, ndim - 2), cnp.PyArray_DIM(V, ndim - 1)
    lead = np.shape(Q)[:ndim - 2]
    check_shape(K, (*lead, a.s, a.e), name, "keys (..., s, e)")
    check_shape(V, (*lead, a.s, a.ev), name, "values (..., s, ev)")
    a.batch_ndim = ndim - 2
    a.batch_shape = cnp.PyArray_DIMS(Q)
    set_matrices(&a.q, Q, strides.of[0], cnp.PyArray_ITEMSIZE(Q))
    set_matrices(&a.k, K, strides.of[1], cnp.PyArray_ITEMSIZE(Q))
    set_matrices(&a.v, V, strides.of[2], cnp.PyArray_ITEMSIZE(Q))
    if mask is not None:
        M = attention_mask(mask, typenum, (*lead, a.l, a.s), name)
        a.masked = WG_MASK_BOOLEAN if cnp.PyArray_TYPE(M) == cnp.NPY_BOOL else WG_MASK_REAL
        set_matrices(&a.mask, M, strides.of[3], 1)
    a.causal, a.scale = causal, scale
    return Q, K, V, M


cdef cnp.ndarray weights_place(wg_attention *a, int typenum, given, bint wanted, name):
    """Where the weights are: a new array if they are wanted, or what is given."""
    cdef cnp.ndarray weights = None
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef int d
    for d in range(a.batch_ndim):
        shape[d] = a.batch_shape[d]
    shape[a.batch_ndim], shape[a.batch_ndim + 1] = a.l, a.s
    if wanted:
        weights = new_array(typenum, a.batch_ndim + 2, shape)
    elif given is not None:
        weights = dense(readable_as(given, typenum, name, "the weights"))
        check_shape(weights, shape_tuple(a.batch_ndim + 2, shape), name, "weights")
    if weights is not None and (a.l > WG_ATTENTION_BLOCK or a.s > WG_ATTENTION_BLOCK):
        raise ValueError(f"{name}: weights are kept of at most {WG_ATTENTION_BLOCK} queries and keys, got {a.l} and {a.s}")
    a.weights = NULL if weights is None else cnp.PyArray_DATA(weights)
    return weights


def attention(q, k, v, mask=None, *, bint causal=False, double scale=1.0, bint weights=False):
    """softmax(scale * q @ k^T + mask) @ v, and what a row's scores are less where their exponentials are its weights.

    Parameters
    ----------
    q, k, v : ndarray
        (..., l, e), (..., s, e) and (..., s, ev), of one dtype, any strides; the leading dimensions are the same.
    mask : ndarray or None
        Broadcasts to (..., l, s): of bool, False where a key does not take part; or of q's dtype, added to the scores.
    causal : bool
        Query i sees the keys up to i alone.
    scale : float
    weights : bool
        Give the softmax as well, of at most `ATTENTION_BLOCK` queries and keys: what `attention_backward` then need not
        compute again.

    Returns
    -------
    ndarray, ndarray, and with `weights` ndarray
        (..., l, ev), its dimensions in memory in the order of q's; (..., l); and (..., l, s). Where no key takes part,
        zeros, infinity, zeros.

    Raises
    ------
    ValueError
        If shapes do not fit.
    KeyboardInterrupt, or whatever a signal handler raises
        On the main thread, also in the middle of what takes long.
    """
    cdef wg_attention a
    cdef AttentionStrides strides
    cdef wg_status status
    cdef tuple arrays = attention_inputs(&a, &strides, q, k, v, mask, causal, scale, "attention")
    cdef cnp.ndarray Q = arrays[0], out, shift
    cdef int typenum = cnp.PyArray_TYPE(Q), ndim = cnp.PyArray_NDIM(Q), real = real_of(typenum, "attention")
    out = new_like(Q, a.ev)
    shift = new_array(typenum, ndim - 1, cnp.PyArray_DIMS(Q))
    set_matrices(&a.out, out, strides.of[4], cnp.PyArray_ITEMSIZE(Q))
    a.shift = cnp.PyArray_DATA(shift)
    kept = weights_place(&a, typenum, None, weights, "attention")
    a.interrupted = signal_handler_raised
    with nogil:
        status = wg_active.attention.attention[real](&a)
    check(status, "attention")
    return (out, shift, kept) if weights else (out, shift)


def attention_backward(g, q, k, v, out, shift, mask=None, *, bint causal=False, double scale=1.0, weights=None,
                       into=None):
    """The cotangents of q, k and v, given that of what `attention` gave for them.

    Parameters
    ----------
    g : ndarray
        Of out's shape, any strides.
    q, k, v, mask, causal, scale
        What `attention` was given.
    out, shift, weights : ndarray
        What it gave; weights may be None.
    into : tuple of three ndarrays or None
        To write to, of the shapes of q, k and v, unit column stride; they overlap nothing. None: new ones, their
        dimensions in memory in the order of those of q, k and v.

    Returns
    -------
    tuple of three ndarrays

    Raises
    ------
    ValueError
        If shapes do not fit, or `into` cannot be written.
    KeyboardInterrupt, or whatever a signal handler raises
        On the main thread, also in the middle of what takes long.
    """
    cdef wg_attention a
    cdef AttentionStrides strides
    cdef wg_status status
    name = "attention_backward"
    cdef tuple arrays = attention_inputs(&a, &strides, q, k, v, mask, causal, scale, name)
    cdef cnp.ndarray Q = arrays[0], G, O, S, dq, dk, dv
    cdef int typenum = cnp.PyArray_TYPE(Q), ndim = cnp.PyArray_NDIM(Q), real = real_of(typenum, name)
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(Q)
    lead = np.shape(Q)[:ndim - 2]
    G = attention_operand(g, typenum, ndim, name, "the cotangent")
    O = attention_operand(out, typenum, ndim, name, "the result")
    S = dense(readable_as(shift, typenum, name, "the shifts"))
    for array, what in ((G, "the cotangent"), (O, "the result")):
        check_shape(array, (*lead, a.l, a.ev), name, what)
    check_shape(S, (*lead, a.l), name, "shift")
    if not has_columns(O):
        O = dense(O)
    if into is None:
        dq, dk, dv = new_like(Q, a.e), new_like(arrays[1], a.e), new_like(arrays[2], a.ev)
    else:
        dq, dk, dv = into
        for array, like in zip(into, arrays):
            check_shape(array, np.shape(like), name, "an array to write to")
            if readable_as(array, typenum, name, "an array to write to") is not array or not has_columns(array) \
                    or not PyArray_ISWRITEABLE(array):
                raise ValueError(f"{name}: an array to write to must be writable, aligned and in native byte order, and "
                                 "have unit column stride")
            check_apart(array, (G, Q, arrays[1], arrays[2], O, S, arrays[3]), name)
    set_matrices(&a.out, O, strides.of[4], item)
    set_matrices(&a.g, G, strides.of[5], item)
    set_matrices(&a.dq, dq, strides.of[6], item)
    set_matrices(&a.dk, dk, strides.of[7], item)
    set_matrices(&a.dv, dv, strides.of[8], item)
    a.shift = cnp.PyArray_DATA(S)
    kept = weights_place(&a, typenum, weights, False, name)
    a.interrupted = signal_handler_raised
    with nogil:
        status = wg_active.attention.attention_backward[real](&a)
    check(status, name)
    return dq, dk, dv
