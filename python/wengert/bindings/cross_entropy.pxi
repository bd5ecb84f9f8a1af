# csrc/cross_entropy.inc.c: cross-entropy against labels and against probabilities.

cdef tuple fill_cross_entropy(wg_cross_entropy *c, logits, weights, double label_smoothing, double gradient_scale,
                                    name):
    """Check and describe what both cross-entropies share; gives the logits and the weights, to keep them alive."""
    cdef cnp.ndarray X = dense_rows(readable(logits, name)), W = None
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(X)
    real_of(cnp.PyArray_TYPE(X), name)
    if cnp.PyArray_NDIM(X) != 2:
        raise ValueError(f"{name}: expected logits of shape (rows, classes), got {np.shape(X)}")
    memset(c, 0, sizeof(wg_cross_entropy))
    c.rows = cnp.PyArray_DIM(X, 0)
    c.classes = cnp.PyArray_DIM(X, 1)
    c.logits = cnp.PyArray_DATA(X)
    c.row_stride = cnp.PyArray_STRIDE(X, 0) // item
    c.label_smoothing = label_smoothing
    c.gradient_scale = gradient_scale
    if weights is not None:
        W = readable_as(weights, cnp.PyArray_TYPE(X), name, "weights")
        if not has_shape(W, 1, &c.classes):
            raise ValueError(f"{name}: expected class weights of shape {(c.classes,)}, got {np.shape(W)}")
        W = dense(W)
        c.weights = cnp.PyArray_DATA(W)
    return X, W


cdef cnp.ndarray new_total(wg_cross_entropy_call *call, cnp.ndarray X, total):
    """An array of no dimensions for the total loss, as `total` asks for it; None for none."""
    cdef cnp.ndarray T = None
    if total is not None:
        T = new_array(cnp.PyArray_TYPE(X), 0, cnp.PyArray_DIMS(X))
        call.total, call.mean = cnp.PyArray_DATA(T), total == "mean"
    return T


def cross_entropy(logits, labels, weights=None, int64_t ignore_index=-100, double label_smoothing=0.0,
                  bint gradient=False, double gradient_scale=1.0, bint scale_by_weight=False, bint losses=True,
                  total=None):
    """Cross-entropy of rows of logits against integer labels, and its gradient, in one pass.

    Parameters
    ----------
    logits : ndarray
        (rows, classes), any strides.
    labels : ndarray of int64
        (rows,).
    weights : ndarray or None
        (classes,).
    total : {None, "sum", "mean"}
        Give the total loss, or what it is for each unit of the total weight, as an array.

    Returns
    -------
    losses : ndarray or None
        (rows,).
    gradient : ndarray or None
        (rows, classes), times gradient_scale, over the total weight if scale_by_weight.
    total_loss : float, or ndarray
        Of the dtype of the logits, and of no dimensions, where `total` asks for it.
    total_weight : float

    Raises
    ------
    IndexError
        If a label is neither a class nor ignore_index; nothing is written.
    """
    cdef wg_cross_entropy_call call
    cdef wg_cross_entropy *c = &call.c
    memset(&call, 0, sizeof(call))
    cdef tuple alive = fill_cross_entropy(c, logits, weights, label_smoothing, gradient_scale, "cross_entropy")
    cdef cnp.ndarray X = alive[0], T = new_total(&call, X, total)
    cdef cnp.ndarray Y = readable_as(labels, cnp.NPY_INT64, "cross_entropy", "labels"), L = None, G = None
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "cross_entropy")
    cdef wg_status status
    if not has_shape(Y, 1, &c.rows):
        raise ValueError(f"cross_entropy: logits {np.shape(X)} need labels of shape {(c.rows,)}, got {np.shape(Y)}")
    if not PyArray_IS_C_CONTIGUOUS(Y):
        Y = np.ascontiguousarray(Y)
    c.labels = <const int64_t *> cnp.PyArray_DATA(Y)
    c.ignore_index = ignore_index
    c.scale_by_weight = scale_by_weight
    if losses:
        L = new_array(typenum, 1, cnp.PyArray_DIMS(X))
        c.losses = cnp.PyArray_DATA(L)
    if gradient:
        G = new_array(typenum, 2, cnp.PyArray_DIMS(X))
        c.gradient = cnp.PyArray_DATA(G)
    with nogil:
        status = wg_cross_entropy_run(&call, <wg_real> real)
    if status == WG_BAD_INDEX:
        raise IndexError(f"cross_entropy: label {Y[c.bad_row]} of example {c.bad_row} is out of range: expected 0 to "
                         f"{c.classes - 1}, or ignore_index = {ignore_index}")
    check(status, "cross_entropy")
    sums = (c.total_loss if T is None else T, c.total_weight)
    if wg_recording is not NULL:
        note_cross_entropy(&call, real, X, Y, alive[1], L, G, T)
    return L, G, sums[0], sums[1]


def cross_entropy_dense(logits, targets, *, weights=None, double label_smoothing=0.0, bint gradient=False,
                        double gradient_scale=1.0, bint losses=True, total=None):
    """Cross-entropy of rows of logits against rows of probabilities, (rows, classes); the rest as in cross_entropy."""
    cdef wg_cross_entropy_call call
    cdef wg_cross_entropy *c = &call.c
    memset(&call, 0, sizeof(call))
    cdef tuple alive = fill_cross_entropy(c, logits, weights, label_smoothing, gradient_scale, "cross_entropy")
    cdef cnp.ndarray X = alive[0], T = new_total(&call, X, total)
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "cross_entropy")
    cdef cnp.ndarray Q = dense_rows(readable_as(targets, typenum, "cross_entropy", "targets"))
    cdef cnp.ndarray L = None, G = None
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(X)
    cdef wg_status status
    if not has_shape(Q, cnp.PyArray_NDIM(X), cnp.PyArray_DIMS(X)):
        raise ValueError(f"cross_entropy: logits {np.shape(X)} need probabilities of the same shape, got {np.shape(Q)}")
    call.targets = cnp.PyArray_DATA(Q)
    call.target_row_stride = cnp.PyArray_STRIDE(Q, 0) // item
    if losses:
        L = new_array(typenum, 1, cnp.PyArray_DIMS(X))
        c.losses = cnp.PyArray_DATA(L)
    if gradient:
        G = new_array(typenum, 2, cnp.PyArray_DIMS(X))
        c.gradient = cnp.PyArray_DATA(G)
    with nogil:
        status = wg_cross_entropy_run(&call, <wg_real> real)
    check(status, "cross_entropy")
    sums = (c.total_loss if T is None else T, c.total_weight)
    if wg_recording is not NULL:
        note_cross_entropy(&call, real, X, Q, alive[1], L, G, T)
    return L, G, sums[0], sums[1]
