# csrc/conv.inc.c and csrc/conv_weight.inc.c: convolution.

cdef int conv_sizes(wg_conv *c, window, name) except -1:
    """Take a window's nine pairs and numbers into the struct; raise a ValueError if they are no convolution's."""
    cdef int d
    stride, padding, dilation, groups, image, kernel, map_ = window
    c.groups = groups
    for d in range(2):
        c.stride[d], c.padding[d], c.dilation[d] = stride[d], padding[d], dilation[d]
        c.image[d], c.kernel[d], c.map[d] = image[d], kernel[d], map_[d]
        if c.groups < 1 or c.stride[d] < 1 or c.dilation[d] < 1:
            raise ValueError(f"{name}: stride {stride}, dilation {dilation} and groups {groups} must be at least 1")
        if min(c.image[d], c.kernel[d], c.map[d]) < 0:
            raise ValueError(f"{name}: negative length in image {image}, kernel {kernel} or map {map_}")
        if max(<double> c.map[d] * c.stride[d], <double> c.kernel[d] * c.dilation[d], <double> c.image[d],
               abs(<double> c.padding[d])) > 2.0 ** 58:
            raise ValueError(f"{name}: stride {stride}, padding {padding} and dilation {dilation} reach too far")
    for lengths in (image, kernel, map_):
        if <double> lengths[0] * <double> lengths[1] > 2.0 ** 58:
            raise ValueError(f"{name}: a plane of {lengths} items is larger than the address space")
    return 0


cdef cnp.ndarray conv_operand(x, cnp.npy_intp *strides, cnp.npy_intp *size, cnp.npy_intp groups, what, name):
    """An operand of images or maps, its strides in bytes; its size must be as told."""
    cdef cnp.ndarray array = whole_strides(x)
    cdef int d
    if cnp.PyArray_NDIM(array) != 4 or cnp.PyArray_DIM(array, 2) != size[0] or cnp.PyArray_DIM(array, 3) != size[1]:
        raise ValueError(f"{name}: the {what} have shape {np.shape(array)}, expected (n, channels, {size[0]}, {size[1]})")
    if cnp.PyArray_DIM(array, 1) % groups:
        raise ValueError(f"{name}: {cnp.PyArray_DIM(array, 1)} channels of the {what} do not make {groups} groups")
    for d in range(4):
        strides[d] = cnp.PyArray_STRIDE(array, d)
    return array


cdef cnp.ndarray conv_weights(wg_conv *c, w, int typenum, cnp.npy_intp channels, int side, name):
    """Dense weights whose channels fit an operand's: side 1 is the image's, side 0 the map's."""
    cdef cnp.ndarray array = dense(readable_as(w, typenum, name, "the weight"))
    if (cnp.PyArray_NDIM(array) != 4 or cnp.PyArray_DIM(array, 2) != c.kernel[0] or cnp.PyArray_DIM(array, 3) != c.kernel[1]
            or cnp.PyArray_DIM(array, 0) % c.groups or <double> cnp.PyArray_DIM(array, 1) * c.groups > 2.0 ** 58
            or cnp.PyArray_DIM(array, side) != (channels // c.groups if side else channels)):
        raise ValueError(f"{name}: weights of shape {np.shape(w)} do not fit {channels} channels, {c.groups} group(s) and "
                         f"a kernel of ({c.kernel[0]}, {c.kernel[1]})")
    c.w = cnp.PyArray_DATA(array)
    c.co = cnp.PyArray_DIM(array, 0) // c.groups
    c.ci = cnp.PyArray_DIM(array, 1)
    return array


cdef cnp.ndarray conv_result(wg_conv *c, int typenum, cnp.npy_intp channels, cnp.npy_intp *size, cnp.npy_intp *strides):
    """A new dense array of images or maps, and its strides in bytes."""
    cdef cnp.npy_intp shape[4]
    cdef cnp.ndarray array
    cdef int d
    shape[0], shape[1], shape[2], shape[3] = c.n, channels, size[0], size[1]
    array = new_array(typenum, 4, shape)
    for d in range(4):
        strides[d] = cnp.PyArray_STRIDE(array, d)
    return array


cdef run_conv(wg_status (*kernel)(const wg_conv *c) noexcept nogil, wg_conv *c, name):
    cdef wg_status status
    cdef double work = <double> c.n * c.groups * c.co * c.ci
    work *= <double> c.kernel[0] * c.kernel[1] * c.map[0] * c.map[1]
    if work < 4.0 * KEEP_GIL_BELOW:
        status = kernel(c)
    else:
        c.interrupted = signal_handler_raised
        with nogil:
            status = kernel(c)
    check(status, name)


cdef cnp.ndarray conv_bias(wg_conv *c, bias, int typenum, cnp.npy_intp channels, name):
    cdef cnp.ndarray array
    if bias is None:
        return None
    array = dense(readable_as(bias, typenum, name, "the bias"))
    if not has_shape(array, 1, &channels):
        raise ValueError(f"{name}: the bias has shape {np.shape(bias)}, expected {(channels,)}")
    c.bias = cnp.PyArray_DATA(array)
    return array


def conv(x, w, window, bias=None, bint relu=False):
    """What each window of images gives with each of the weights.

    Parameters
    ----------
    x : ndarray
        (n, groups * ci, *image), any strides.
    w : ndarray
        (groups * co, ci, *kernel)
    window : tuple
        Stride, padding before, dilation, groups, and the sizes of image, kernel and map: pairs, but for the groups.
    bias : ndarray or None
        (groups * co,)
    relu : bool
        Whether negative items become 0 at the end.

    Returns
    -------
    ndarray
        (n, groups * co, *map)

    Raises
    ------
    ValueError
        If the shapes do not fit.
    KeyboardInterrupt, or whatever a signal handler raises
        On the main thread, also in the middle of what takes long.
    """
    cdef cnp.ndarray X = readable(x, "conv"), W, B, Y
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "conv")
    cdef wg_conv c
    memset(&c, 0, sizeof(c))
    conv_sizes(&c, window, "conv")
    X = conv_operand(X, c.x_strides, c.image, c.groups, "images", "conv")
    W = conv_weights(&c, w, typenum, cnp.PyArray_DIM(X, 1), 1, "conv")
    B = conv_bias(&c, bias, typenum, c.groups * c.co, "conv")
    c.n, c.x, c.relu = cnp.PyArray_DIM(X, 0), cnp.PyArray_DATA(X), relu
    Y = conv_result(&c, typenum, c.groups * c.co, c.map, c.y_strides)
    c.y = cnp.PyArray_DATA(Y)
    run_conv(wg_active.conv.conv[real], &c, "conv")
    return Y


def conv_input(y, w, window, bias=None, bint relu=False):
    """The transpose of `conv` in x: images from maps.

    Parameters
    ----------
    y : ndarray
        (n, groups * co, *map), any strides.
    w : ndarray
        (groups * co, ci, *kernel)
    window : tuple
        As of `conv`.
    bias : ndarray or None
        (groups * ci,)
    relu : bool

    Returns
    -------
    ndarray
        (n, groups * ci, *image)

    Raises
    ------
    ValueError, KeyboardInterrupt
        As of `conv`.
    """
    cdef cnp.ndarray Y = readable(y, "conv_input"), W, B, X
    cdef int typenum = cnp.PyArray_TYPE(Y), real = real_of(typenum, "conv_input")
    cdef wg_conv c
    memset(&c, 0, sizeof(c))
    conv_sizes(&c, window, "conv_input")
    Y = conv_operand(Y, c.y_strides, c.map, c.groups, "maps", "conv_input")
    W = conv_weights(&c, w, typenum, cnp.PyArray_DIM(Y, 1), 0, "conv_input")
    B = conv_bias(&c, bias, typenum, c.groups * c.ci, "conv_input")
    c.n, c.y, c.relu = cnp.PyArray_DIM(Y, 0), cnp.PyArray_DATA(Y), relu
    X = conv_result(&c, typenum, c.groups * c.ci, c.image, c.x_strides)
    c.x = cnp.PyArray_DATA(X)
    run_conv(wg_active.conv.conv_input[real], &c, "conv_input")
    return X


def conv_weight(x, y, window):
    """The transpose of `conv` in w: weights from images and maps.

    Parameters
    ----------
    x : ndarray
        (n, groups * ci, *image), any strides.
    y : ndarray
        (n, groups * co, *map), any strides.
    window : tuple
        As of `conv`.

    Returns
    -------
    ndarray
        (groups * co, ci, *kernel)

    Raises
    ------
    ValueError, KeyboardInterrupt
        As of `conv`.
    """
    cdef cnp.ndarray X = readable(x, "conv_weight"), Y, W
    cdef int typenum = cnp.PyArray_TYPE(X), real = real_of(typenum, "conv_weight")
    cdef cnp.npy_intp shape[4]
    cdef wg_conv c
    memset(&c, 0, sizeof(c))
    conv_sizes(&c, window, "conv_weight")
    X = conv_operand(X, c.x_strides, c.image, c.groups, "images", "conv_weight")
    Y = conv_operand(readable_as(y, typenum, "conv_weight", "the maps' array"), c.y_strides, c.map, c.groups, "maps",
                     "conv_weight")
    c.n = cnp.PyArray_DIM(X, 0)
    if cnp.PyArray_DIM(Y, 0) != c.n:
        raise ValueError(f"conv_weight: {c.n} images and {cnp.PyArray_DIM(Y, 0)} maps")
    c.ci, c.co = cnp.PyArray_DIM(X, 1) // c.groups, cnp.PyArray_DIM(Y, 1) // c.groups
    c.x, c.y = cnp.PyArray_DATA(X), cnp.PyArray_DATA(Y)
    shape[0], shape[1], shape[2], shape[3] = c.groups * c.co, c.ci, c.kernel[0], c.kernel[1]
    W = new_array(typenum, 4, shape)
    c.w = cnp.PyArray_DATA(W)
    run_conv(wg_active.conv_weight.conv_weight[real], &c, "conv_weight")
    return W
