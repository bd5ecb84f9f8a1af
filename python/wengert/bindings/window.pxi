# csrc/window.inc.c: maxima and means of windows over the last one or two dimensions, and their transposes.

ctypedef void (*window_kernel)(const wg_window *w) noexcept nogil
cdef cnp.npy_intp WINDOW_LIMIT = <cnp.npy_intp> 1 << 46  # of lengths, so that nothing overflows


cdef cnp.npy_intp *last_lengths(cnp.ndarray array, int dims) noexcept:
    """The lengths of an array's last dimensions; NULL where it has fewer, which `read_window` refuses."""
    cdef int before = cnp.PyArray_NDIM(array) - dims
    return NULL if before < 0 else cnp.PyArray_DIMS(array) + before


cdef int read_window(wg_window *w, window, shape, int ndim, cnp.npy_intp *lengths, name) except -1:
    """Fill in what a window says, and the last dimensions of an array of `ndim`; gives how many these are."""
    size, stride, padding, dilation, out, adaptive, divisor = window
    cdef int dims = len(out), d, k
    if dims not in (1, 2) or ndim < dims:
        raise ValueError(f"{name}: windows have one dimension or two, of which the array has as many; got {out} and an "
                         f"array of shape {shape}")
    for d in range(2 - dims):
        w.size[d] = w.stride[d] = w.dilation[d] = w.in_[d] = w.out[d] = 1
        w.padding[d] = 0
    w.adaptive, w.divisor, w.relu = adaptive, divisor, False
    for k in range(dims):
        d = 2 - dims + k
        w.in_[d], w.out[d] = lengths[k], out[k]
        w.size[d] = w.stride[d] = w.dilation[d] = 1
        w.padding[d] = 0
        if not adaptive:
            w.size[d], w.stride[d], w.padding[d], w.dilation[d] = size[k], stride[k], padding[k], dilation[k]
        if not (0 <= w.in_[d] < WINDOW_LIMIT and 0 <= w.out[d] < WINDOW_LIMIT and 1 <= w.size[d] < WINDOW_LIMIT
                and 1 <= w.stride[d] < WINDOW_LIMIT and 0 <= w.padding[d] < WINDOW_LIMIT
                and 1 <= w.dilation[d] < WINDOW_LIMIT):
            raise ValueError(f"{name}: {window} has a length out of range")
        if w.out[d] and (<object> w.out[d] - 1) * (0 if adaptive else w.stride[d]) - w.padding[d] >= w.in_[d]:
            raise ValueError(f"{name}: the last of {w.out[d]} window(s) begins behind the end of {w.in_[d]} item(s)")
    return dims


cdef cnp.ndarray read_planes(wg_window *w, cnp.ndarray array, int dims):
    """Note where planes lie: in `array` itself, or in a dense copy, which is given."""
    cdef int ndim = cnp.PyArray_NDIM(array), d
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(array), planes = 1, step = 0, length
    cdef bint fits = cnp.PyArray_STRIDE(array, ndim - 1) == item or cnp.PyArray_DIM(array, ndim - 1) == 1
    for d in range(ndim - dims - 1, -1, -1):
        length = cnp.PyArray_DIM(array, d)
        if length == 1:
            continue
        if planes == 1:
            step = cnp.PyArray_STRIDE(array, d)
        elif cnp.PyArray_STRIDE(array, d) != step * planes:
            fits = False
        planes *= length
    w.row_stride = cnp.PyArray_STRIDE(array, ndim - 2) if dims == 2 else 0
    if cnp.PyArray_SIZE(array) and not (fits and step % item == 0 and w.row_stride % item == 0):
        return read_planes(w, copy_kernel.run(array, None, None, ()), dims)
    w.planes, w.plane_stride, w.row_stride = planes, step // item, w.row_stride // item
    w.x = cnp.PyArray_DATA(array)
    return array


cdef bint window_is_small(const wg_window *w):
    return not w.adaptive and w.size[0] <= WG_WINDOW_TAPS and w.size[1] <= WG_WINDOW_TAPS // w.size[0]


cdef cnp.ndarray run_window(wg_window *w, window_kernel kernel, cnp.ndarray array, int dims, bint back):
    """Allocate the result, and call: planes from results with `back`, else results from planes."""
    cdef int ndim = cnp.PyArray_NDIM(array), typenum = cnp.PyArray_TYPE(array), k
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.ndarray out
    for k in range(ndim):
        shape[k] = cnp.PyArray_DIM(array, k)
    for k in range(dims):
        shape[ndim - dims + k] = w.in_[2 - dims + k] if back else w.out[2 - dims + k]
    out = new_array(typenum, ndim, shape)
    w.z = cnp.PyArray_DATA(out)
    with nogil:
        kernel(w)
    return out


cdef cnp.ndarray read_codes(wg_window *w, codes, cnp.ndarray results, name):
    """Codes of the shape of results, in C order."""
    cdef cnp.ndarray array = dense_codes(readable(codes, name))
    if cnp.PyArray_TYPE(array) != (cnp.NPY_UINT8 if window_is_small(w) else cnp.NPY_INT64):
        raise TypeError(f"{name}: codes are {array.dtype}, which those of this window are not")
    w.codes = cnp.PyArray_DATA(array)
    return array


cdef cnp.ndarray dense_codes(cnp.ndarray array):
    return array if PyArray_IS_C_CONTIGUOUS(array) else np.ascontiguousarray(array)


def window_max(x, tuple window, bint relu=False, bint codes=True):
    """The largest item of each window, and its code.

    Parameters
    ----------
    x : ndarray
        (..., length) or (..., height, width), any strides.
    window : tuple
        size, stride, padding, dilation and out, tuples of one or two integers, then adaptive and divisor, as in csrc/wengert.h.
    relu : bool
        The largest of 0 too.
    codes : bool
        Whether codes are asked for.

    Returns
    -------
    ndarray, ndarray of uint8 or int64, or None
    """
    cdef cnp.ndarray array = readable(x, "window_max"), out, found = None
    cdef wg_window w
    cdef int real = real_of(cnp.PyArray_TYPE(array), "window_max"), dims = len(window[4])
    cdef int ndim = cnp.PyArray_NDIM(array), k
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    dims = read_window(&w, window, np.shape(x), ndim, last_lengths(array, dims), "window_max")
    array = read_planes(&w, array, dims)
    w.relu, w.codes = relu, NULL
    if codes:
        for k in range(ndim):
            shape[k] = cnp.PyArray_DIM(array, k) if k < ndim - dims else w.out[k - ndim + 2]
        found = new_array(cnp.NPY_UINT8 if window_is_small(&w) else cnp.NPY_INT64, ndim, shape)
        w.codes = cnp.PyArray_DATA(found)
    out = run_window(&w, wg_active.window.max[real], array, dims, False)
    return out, found


def window_mean(x, tuple window):
    """The mean of each window."""
    cdef cnp.ndarray array = readable(x, "window_mean")
    cdef wg_window w
    cdef int ndim = cnp.PyArray_NDIM(array), dims = len(window[4])
    cdef int real = real_of(cnp.PyArray_TYPE(array), "window_mean")
    dims = read_window(&w, window, np.shape(x), ndim, last_lengths(array, dims), "window_mean")
    array = read_planes(&w, array, dims)
    w.codes = NULL
    return run_window(&w, wg_active.window.mean[real], array, dims, False)


def window_pick(x, codes, tuple window):
    """The items of x that codes point to, which `window_max` gave for the same window and shape."""
    cdef cnp.ndarray array = readable(x, "window_pick"), held
    cdef wg_window w
    cdef int ndim = cnp.PyArray_NDIM(array), dims = len(window[4])
    cdef int real = real_of(cnp.PyArray_TYPE(array), "window_pick")
    dims = read_window(&w, window, np.shape(x), ndim, last_lengths(array, dims), "window_pick")
    array = read_planes(&w, array, dims)
    held = read_codes(&w, codes, array, "window_pick")
    if cnp.PyArray_SIZE(held) != w.planes * w.out[0] * w.out[1]:
        raise ValueError(f"window_pick: codes of shape {np.shape(codes)} are not of the windows of an array of shape "
                         f"{np.shape(x)}")
    return run_window(&w, wg_active.window.pick[real], array, dims, False)


def window_spread(g, codes, tuple window, tuple shape):
    """The transpose of `window_pick` to planes of a shape, (length,) or (height, width); of `window_mean` without codes."""
    cdef cnp.ndarray array = readable(g, "window_spread"), held = None
    cdef wg_window w
    cdef int ndim = cnp.PyArray_NDIM(array), dims = len(shape), k
    cdef cnp.npy_intp lengths[2]
    cdef int real = real_of(cnp.PyArray_TYPE(array), "window_spread")
    if dims != len(window[4]) or dims > 2:
        raise ValueError(f"window_spread: expected as many lengths as the window's {len(window[4])}, got {shape}")
    for k in range(dims):
        lengths[k] = shape[k]
    dims = read_window(&w, window, np.shape(g), ndim, lengths, "window_spread")
    for k in range(dims):
        if cnp.PyArray_DIM(array, ndim - dims + k) != w.out[2 - dims + k]:
            raise ValueError(f"window_spread: expected results of shape (..., {', '.join(map(str, window[4]))}), got "
                             f"{np.shape(g)}")
    array = dense(array)
    w.codes = NULL
    if codes is not None:
        held = read_codes(&w, codes, array, "window_spread")
        if not has_shape(held, ndim, cnp.PyArray_DIMS(array)):
            raise ValueError(f"window_spread: expected codes of shape {np.shape(g)}, got {np.shape(codes)}")
    w.x = cnp.PyArray_DATA(array)
    w.planes = 1
    for k in range(ndim - dims):
        w.planes *= cnp.PyArray_DIM(array, k)
    return run_window(&w, wg_active.window.spread[real], array, dims, True)
