# csrc/norm.inc.c: normalizing by channels and by rows.

cdef cnp.ndarray norm_operand(x, wg_norm *m, cnp.npy_intp *strides, int typenum, name):
    """(n, channels, ...) as the kernels take it: itself, or a dense copy."""
    cdef cnp.ndarray array = readable_as(x, typenum, name, "another")
    cdef int ndim = cnp.PyArray_NDIM(array), d
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(array), inner = 1
    cdef bint fits = True
    if ndim < 2:
        raise ValueError(f"{name}: expected an array (n, channels, ...), got shape {np.shape(x)}")
    for d in range(ndim - 1, 1, -1):
        if cnp.PyArray_DIM(array, d) != 1 and cnp.PyArray_STRIDE(array, d) != inner * item:
            fits = False
        inner *= cnp.PyArray_DIM(array, d)
    for d in range(2):
        if cnp.PyArray_STRIDE(array, d) % item:
            fits = False
    if inner == 1 and cnp.PyArray_DIM(array, 1) != 1 and cnp.PyArray_STRIDE(array, 1) != item:
        fits = False
    if not fits and cnp.PyArray_SIZE(array):
        return norm_operand(dense(array), m, strides, typenum, name)
    if not cnp.PyArray_SIZE(array):
        raise ValueError(f"{name}: an array of shape {np.shape(x)} has no items")
    m.n, m.channels, m.inner = cnp.PyArray_DIM(array, 0), cnp.PyArray_DIM(array, 1), inner
    for d in range(2):
        strides[d] = cnp.PyArray_STRIDE(array, d) // item
    return array


cdef cnp.ndarray norm_channels(x, wg_norm *m, int typenum, what, name):
    """One number for each channel, dense; or None."""
    cdef cnp.ndarray array
    if x is None:
        return None
    array = dense(readable_as(x, typenum, name, what))
    if not has_shape(array, 1, &m.channels):
        raise ValueError(f"{name}: expected {what} of shape ({m.channels},), got {np.shape(x)}")
    return array


cdef const void *data_or_null(cnp.ndarray array):
    return NULL if array is None else cnp.PyArray_DATA(array)


def norm_moments(x):
    """The mean and the variance of each channel, and what the mean lost when it was rounded.

    Parameters
    ----------
    x : ndarray
        (n, channels, ...), any strides.

    Returns
    -------
    ndarray, ndarray, ndarray
        (channels,)
    """
    cdef cnp.ndarray X = readable(x, "norm_moments"), mean, variance, rest
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "norm_moments")
    cdef wg_norm m
    cdef wg_status status
    memset(&m, 0, sizeof(m))
    X = norm_operand(X, &m, m.x_strides, typenum, "norm_moments")
    mean, variance = new_array(typenum, 1, &m.channels), new_array(typenum, 1, &m.channels)
    rest = new_array(typenum, 1, &m.channels)
    m.rest = cnp.PyArray_DATA(rest)
    m.x, m.mean, m.variance = cnp.PyArray_DATA(X), cnp.PyArray_DATA(mean), cnp.PyArray_DATA(variance)
    with nogil:
        status = wg_active.norm.moments[real](&m)
    check(status, "norm_moments")
    return mean, variance, rest


def norm_apply(x, mean, variance, weight, bias, double eps, residual=None, bint relu=False, rest=None):
    """(x - mean) / sqrt(variance + eps) * weight + bias, channel by channel, plus a residual, and relu of that.

    Parameters
    ----------
    x : ndarray
        (n, channels, ...), any strides.
    mean, variance : ndarray
        (channels,)
    weight, bias : ndarray or None
        (channels,)
    eps : float
    residual : ndarray or None
        Of x's shape, any strides.
    relu : bool
        Whether negative items become 0 at the end.
    rest : ndarray or None
        (channels,), as `norm_moments` gives it; None for zeros.

    Returns
    -------
    ndarray
        Of x's shape.
    """
    cdef cnp.ndarray X = readable(x, "norm_apply"), M, V, W, B, L, R = None, Z
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "norm_apply")
    cdef wg_norm m
    cdef wg_status status
    memset(&m, 0, sizeof(m))
    Z = new_array(typenum, cnp.PyArray_NDIM(X), cnp.PyArray_DIMS(X))
    if residual is not None:
        R = readable_as(residual, typenum, "norm_apply", "the residual")
        if not has_shape(R, cnp.PyArray_NDIM(X), cnp.PyArray_DIMS(X)):
            raise ValueError(f"norm_apply: expected a residual of shape {np.shape(x)}, got {np.shape(residual)}")
        R = norm_operand(R, &m, m.residual_strides, typenum, "norm_apply")
    X = norm_operand(X, &m, m.x_strides, typenum, "norm_apply")
    M, V = norm_channels(mean, &m, typenum, "mean", "norm_apply"), norm_channels(variance, &m, typenum, "variance", "norm_apply")
    W, B = norm_channels(weight, &m, typenum, "weight", "norm_apply"), norm_channels(bias, &m, typenum, "bias", "norm_apply")
    m.x, m.mean, m.variance, m.z, m.eps = cnp.PyArray_DATA(X), cnp.PyArray_DATA(M), cnp.PyArray_DATA(V), cnp.PyArray_DATA(Z), eps
    L = norm_channels(rest, &m, typenum, "rest", "norm_apply")
    m.weight, m.bias, m.residual, m.relu = data_or_null(W), data_or_null(B), data_or_null(R), relu
    m.rest = <void *> data_or_null(L)
    with nogil:
        status = wg_active.norm.apply[real](&m)
    check(status, "norm_apply")
    return Z


def norm_backward(g, x, mean, variance, weight, double eps, rest=None):
    """What a cotangent of `norm_apply`'s result, with x's own mean and variance, means for x, weight and bias.

    Parameters
    ----------
    g, x : ndarray
        (n, channels, ...), of one shape, any strides.
    mean, variance : ndarray
        (channels,)
    weight : ndarray or None
        (channels,)
    eps : float
    rest : ndarray or None
        (channels,), as `norm_moments` gives it; None for zeros.

    Returns
    -------
    ndarray, ndarray, ndarray
        Of x's shape, and twice (channels,).
    """
    cdef cnp.ndarray X = readable(x, "norm_backward"), G, M, V, W, L, Z, of_weight, of_bias
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "norm_backward")
    cdef wg_norm m
    cdef wg_status status
    memset(&m, 0, sizeof(m))
    G = readable_as(g, typenum, "norm_backward", "the cotangent")
    if not has_shape(G, cnp.PyArray_NDIM(X), cnp.PyArray_DIMS(X)):
        raise ValueError(f"norm_backward: expected two arrays of one shape, got {np.shape(g)} and {np.shape(x)}")
    Z = new_array(typenum, cnp.PyArray_NDIM(X), cnp.PyArray_DIMS(X))
    X = norm_operand(X, &m, m.x_strides, typenum, "norm_backward")
    G = norm_operand(G, &m, m.g_strides, typenum, "norm_backward")
    M, V = norm_channels(mean, &m, typenum, "mean", "norm_backward"), norm_channels(variance, &m, typenum, "variance", "norm_backward")
    W = norm_channels(weight, &m, typenum, "weight", "norm_backward")
    of_weight, of_bias = new_array(typenum, 1, &m.channels), new_array(typenum, 1, &m.channels)
    m.x, m.g, m.mean, m.variance = cnp.PyArray_DATA(X), cnp.PyArray_DATA(G), cnp.PyArray_DATA(M), cnp.PyArray_DATA(V)
    m.z, m.of_weight, m.of_bias = cnp.PyArray_DATA(Z), cnp.PyArray_DATA(of_weight), cnp.PyArray_DATA(of_bias)
    L = norm_channels(rest, &m, typenum, "rest", "norm_backward")
    m.weight, m.rest, m.eps = data_or_null(W), <void *> data_or_null(L), eps
    with nogil:
        status = wg_active.norm.backward[real](&m)
    check(status, "norm_backward")
    return Z, of_weight, of_bias


cdef cnp.ndarray norm_rows_of(x, int typenum, cnp.npy_intp *stride):
    """A matrix as the kernels of rows take it: itself, or a dense copy."""
    cdef cnp.ndarray array = dense_rows(readable_as(x, typenum, "norm_rows", "another"))
    if cnp.PyArray_NDIM(array) != 2:
        raise ValueError(f"norm_rows: expected a matrix, got shape {np.shape(x)}")
    stride[0] = cnp.PyArray_STRIDE(array, 0) // cnp.PyArray_ITEMSIZE(array)
    return array


def norm_rows(x, weight, bias, double eps, g=None):
    """(x - mean) / sqrt(variance + eps) * weight + bias, row by row; or what its cotangent g means.

    Parameters
    ----------
    x : ndarray
        (n, items), any strides.
    weight, bias : ndarray or None
        (items,)
    eps : float
    g : ndarray or None
        Of x's shape, any strides.

    Returns
    -------
    ndarray, ndarray, ndarray
        Without g: the result; 1 / sqrt(variance + eps), (n,); and nothing. With g: what it means for x; and for weight
        and bias in sums of some rows each, (parts, items).
    """
    cdef int typenum = cnp.PyArray_TYPE(readable(x, "norm_rows")), real = real_of(typenum, "norm_rows")
    cdef wg_norm_rows m
    cdef cnp.npy_intp shape[2]
    cdef cnp.ndarray X, G = None, W, B, Z, first, second
    memset(&m, 0, sizeof(m))
    X = norm_rows_of(x, typenum, &m.x_stride)
    m.n, m.inner, m.eps = cnp.PyArray_DIM(X, 0), cnp.PyArray_DIM(X, 1), eps
    cdef wg_norm per_item
    per_item.channels = m.inner
    W = norm_channels(weight, &per_item, typenum, "weight", "norm_rows")
    B = norm_channels(bias, &per_item, typenum, "bias", "norm_rows")
    Z = new_array(typenum, 2, cnp.PyArray_DIMS(X))
    if g is not None:
        G = norm_rows_of(g, typenum, &m.g_stride)
        if not has_shape(G, 2, cnp.PyArray_DIMS(X)):
            raise ValueError(f"norm_rows: expected two arrays of one shape, got {np.shape(g)} and {np.shape(x)}")
        m.g = cnp.PyArray_DATA(G)
        shape[0], shape[1] = (m.n + WG_NORM_ROWS - 1) // WG_NORM_ROWS, m.inner
        first, second = new_array(typenum, 2, shape), new_array(typenum, 2, shape)
        m.of_weight, m.of_bias = cnp.PyArray_DATA(first), cnp.PyArray_DATA(second)
    else:
        first, second = new_array(typenum, 1, &m.n), None
        m.scale = cnp.PyArray_DATA(first)
    m.x, m.z, m.weight, m.bias = cnp.PyArray_DATA(X), cnp.PyArray_DATA(Z), data_or_null(W), data_or_null(B)
    with nogil:
        wg_norm_rows_run(&m, <wg_real> real)
    if wg_recording is not NULL:
        note_norm_rows(&m, real, X, G, W, B, Z, first, second)
    return Z, first, second
