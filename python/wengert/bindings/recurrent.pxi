# csrc/recurrent.c: layers of recurrent networks.

cdef dict CELLS = {"tanh": (WG_CELL_TANH, 1, 1), "relu": (WG_CELL_RELU, 1, 1), "lstm": (WG_CELL_LSTM, 4, 4),
                   "gru": (WG_CELL_GRU, 3, 4)}  # with how many gates, and how many parts are kept


cdef cnp.npy_intp describe_layer(wg_recurrent *r, kind, cnp.ndarray sizes, w_h, bint reverse, name) except -1:
    """The kind of cell, and the steps; gives how many rows they have."""
    cdef cnp.npy_intp t, rows = 0
    cdef cnp.ndarray W = readable(w_h, name)
    if cnp.PyArray_TYPE(sizes) != cnp.NPY_INT64 or cnp.PyArray_NDIM(sizes) != 1 or not PyArray_IS_C_CONTIGUOUS(sizes):
        raise ValueError(f"{name}: sizes must be a dense vector of int64")
    if cnp.PyArray_NDIM(W) != 2:
        raise ValueError(f"{name}: expected a matrix w_h, got shape {np.shape(W)}")
    memset(r, 0, sizeof(wg_recurrent))
    r.cell = kind
    r.reverse = reverse
    r.steps = cnp.PyArray_DIM(sizes, 0)
    r.sizes = <const int64_t *> cnp.PyArray_DATA(sizes)
    r.batch = r.sizes[0] if r.steps else 0
    r.hidden = cnp.PyArray_DIM(W, 1)
    r.interrupted = signal_handler_raised
    for t in range(r.steps):
        if r.sizes[t] < 0 or (t and r.sizes[t] > r.sizes[t - 1]):
            raise ValueError(f"{name}: sizes must not be negative nor grow, got {list(sizes)}")
        rows += r.sizes[t]
    return rows


cdef cnp.ndarray given_matrix(list alive, x, int typenum, cnp.npy_intp rows, cnp.npy_intp columns, argument):
    """x, of shape (rows, columns), or (columns,) where rows is -1, in C order, and kept alive."""
    cdef cnp.ndarray array = readable_as(x, typenum, "recurrent layer", argument)
    cdef cnp.npy_intp expected[2]
    cdef bint vector = rows < 0
    expected[0], expected[1] = rows, columns
    if not has_shape(array, 1 if vector else 2, expected + vector):
        raise ValueError(f"recurrent layer: {argument} has shape {np.shape(array)}, expected "
                         f"{(rows, columns)[vector:]}")
    array = dense(array)
    alive.append(array)
    return array


cdef void *given(list alive, x, int typenum, cnp.npy_intp rows, cnp.npy_intp columns, argument) except? NULL:
    """The items of such an array; NULL for None."""
    return NULL if x is None else cnp.PyArray_DATA(given_matrix(alive, x, typenum, rows, columns, argument))


cdef void *made(list results, int typenum, cnp.npy_intp rows, cnp.npy_intp columns, bint wanted=True) except? NULL:
    """The items of a new matrix, which is appended to the results; of None, NULL."""
    cdef cnp.npy_intp shape[2]
    cdef cnp.ndarray array
    if not wanted:
        results.append(None)
        return NULL
    shape[0], shape[1] = rows, columns
    array = new_array(typenum, 2, shape)
    results.append(array)
    return cnp.PyArray_DATA(array)


def recurrent_forward(cell, x, cnp.ndarray sizes, w_x, w_h, b_x=None, b_h=None, h=None, c=None, *, bint reverse=False,
                      bint keep=False):
    """All steps of a layer of a recurrent network.

    Parameters
    ----------
    cell : {"tanh", "relu", "lstm", "gru"}
    x : ndarray
        (rows, inputs): the rows of all steps, step by step.
    sizes : ndarray of int64
        (steps,): how many rows each step has, not growing; their sum is that of x.
    w_x, w_h : ndarray
        (gates * hidden, inputs) and (gates * hidden, hidden), with 4 gates of an LSTM, 3 of a GRU, else 1.
    b_x, b_h : ndarray or None
        (gates * hidden,); b_h of a GRU alone.
    h, c : ndarray or None
        (sizes[0], hidden): where it starts; None for zeros. c of an LSTM alone.
    reverse : bool
        Take the last step first.
    keep : bool

    Returns
    -------
    out : ndarray
        (rows, hidden)
    h_n, c_n : ndarray
        (sizes[0], hidden), the last of each row; c_n None but of an LSTM.
    kept : tuple of ndarray, or None
        What `recurrent_backward` takes: gates, h_before, and c_before, None but of an LSTM.
    """
    cdef wg_recurrent r
    cdef list alive = [], results = []
    kind, gates, parts = CELLS[cell]
    cdef cnp.npy_intp rows = describe_layer(&r, kind, sizes, w_h, reverse, "recurrent_forward"), states
    cdef cnp.npy_intp columns = gates * r.hidden
    cdef cnp.ndarray X = dense_rows(readable(x, "recurrent_forward"))
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "recurrent_forward")
    cdef bint lstm = r.cell == WG_CELL_LSTM
    cdef wg_status status
    if cnp.PyArray_NDIM(X) != 2 or cnp.PyArray_DIM(X, 0) != rows:
        raise ValueError(f"recurrent_forward: expected x of {rows} rows, as the steps have, got shape {np.shape(x)}")
    r.inputs = cnp.PyArray_DIM(X, 1)
    r.x, r.ld_x = cnp.PyArray_DATA(X), cnp.PyArray_STRIDE(X, 0) // cnp.PyArray_ITEMSIZE(X)
    r.w_x = given(alive, w_x, typenum, columns, r.inputs, "w_x")
    r.w_h = given(alive, w_h, typenum, columns, r.hidden, "w_h")
    nothing = np.zeros(columns, X.dtype) if b_x is None or b_h is None else None
    r.b_x = given(alive, nothing if b_x is None else b_x, typenum, -1, columns, "b_x")
    r.b_h = given(alive, nothing if b_h is None else b_h, typenum, -1, columns, "b_h")
    r.h = given(alive, h, typenum, r.batch, r.hidden, "h")
    r.c = given(alive, c if lstm else None, typenum, r.batch, r.hidden, "c")
    states = rows if keep else r.batch
    r.out = made(results, typenum, rows, r.hidden)
    r.h_n = made(results, typenum, r.batch, r.hidden)
    r.c_n = made(results, typenum, r.batch, r.hidden, lstm)
    r.gates = made(results, typenum, rows, parts * r.hidden, keep)
    r.h_before = made(results, typenum, states, r.hidden)
    r.c_before = made(results, typenum, states, r.hidden, lstm)
    with nogil:
        status = wg_recurrent_forward(<wg_real> real, &r)
    check(status, "recurrent_forward")
    return results[0], results[1], results[2], tuple(results[3:]) if keep else None


def recurrent_backward(cell, tuple kept, cnp.ndarray sizes, w_h, g=None, g_h=None, g_c=None, *, w_x=None,
                       bint reverse=False, bint start=False):
    """The gradients of a layer by its gates' sums, by x, and by where it started.

    Parameters
    ----------
    cell, sizes, w_h, reverse
        As of `recurrent_forward`.
    kept : tuple of ndarray
        What that gave.
    g, g_h, g_c : ndarray or None
        The cotangents of out, h_n and c_n; None for zeros.
    w_x : ndarray or None
        Where d_x is wanted, as of `recurrent_forward`; of a GRU, with its rows in the order n r z.
    start : bool
        Whether d_h and d_c are wanted.

    Returns
    -------
    d_gates : ndarray
        (hidden, rows), with 4 times as many lines of an LSTM and a GRU. Of a GRU's parts n r z h the first three, in this
        order, are those of the inputs' product, and the last three, with h in the place of n, those of the hidden state's.
    d_x : ndarray or None
        (rows, inputs)
    d_h, d_c : ndarray or None
        (sizes[0], hidden)
    """
    cdef wg_recurrent r
    cdef wg_recurrent_gradients d
    cdef list alive = [], results = []
    kind, gates, parts = CELLS[cell]
    cdef cnp.npy_intp rows = describe_layer(&r, kind, sizes, w_h, reverse, "recurrent_backward")
    cdef cnp.ndarray first = readable(kept[0], "recurrent_backward")
    cdef int typenum = cnp.PyArray_TYPE(first), real = real_of(typenum, "recurrent_backward")
    cdef bint lstm = r.cell == WG_CELL_LSTM
    cdef wg_status status
    r.gates = given(alive, first, typenum, rows, parts * r.hidden, "gates")
    r.h_before = given(alive, kept[1], typenum, rows, r.hidden, "h_before")
    r.c_before = given(alive, kept[2] if lstm else None, typenum, rows, r.hidden, "c_before")
    r.w_h = given(alive, w_h, typenum, gates * r.hidden, r.hidden, "w_h")
    d.g = given(alive, g, typenum, rows, r.hidden, "g")
    d.g_h = given(alive, g_h, typenum, r.batch, r.hidden, "g_h")
    d.g_c = given(alive, g_c if lstm else None, typenum, r.batch, r.hidden, "g_c")
    if w_x is not None:
        r.inputs = np.shape(w_x)[1] if np.ndim(w_x) == 2 else -1
        r.w_x = given(alive, w_x, typenum, gates * r.hidden, r.inputs, "w_x")
    d.d_gates = made(results, typenum, parts * r.hidden, rows)
    d.d_x = made(results, typenum, rows, r.inputs, w_x is not None)
    d.d_h = made(results, typenum, r.batch, r.hidden, start)
    d.d_c = made(results, typenum, r.batch, r.hidden, start and lstm)
    with nogil:
        status = wg_recurrent_backward(<wg_real> real, &r, &d)
    check(status, "recurrent_backward")
    return tuple(results)
