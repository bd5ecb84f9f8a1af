# Arrays over recycled memory, and what every family asks of its arguments.

@cython.final
@cython.freelist(64)
@cython.internal
cdef class Block:
    """Owner of one block of recycled memory; the base object of every result."""
    cdef void *data
    cdef int64_t recording  # the number of the one that was under way when it was made, or 0
    cdef int slot           # there
    cdef int entry

    def __dealloc__(self):
        wg_buffer_release(self.data)


cdef cnp.ndarray new_array(int typenum, int ndim, const cnp.npy_intp *shape, bint fortran=False):
    """A new dense array, contents undefined."""
    cdef size_t item = item_size(typenum)
    cdef size_t bytes = item
    cdef cnp.npy_intp i
    for i in range(ndim):
        if shape[i] > 0 and bytes > <size_t> PY_SSIZE_T_MAX // <size_t> shape[i]:
            raise MemoryError(f"a result of shape {shape_tuple(ndim, shape)} is larger than the address space")
        bytes *= <size_t> shape[i]
    cdef Block block = Block.__new__(Block)
    block.data = wg_buffer_acquire(bytes)
    if block.data is NULL:
        raise MemoryError(f"no memory for a result of shape {shape_tuple(ndim, shape)}: {bytes} bytes")
    if wg_recording is not NULL:
        note_block(block, bytes)
    cdef cnp.ndarray array = PyArray_NewFromDescr(
        cnp.ndarray, PyArray_DescrFromType(typenum), ndim, <cnp.npy_intp *> shape, NULL, block.data,
        cnp.NPY_ARRAY_FARRAY if fortran else cnp.NPY_ARRAY_CARRAY, None)
    Py_INCREF(block)  # PyArray_SetBaseObject takes one over
    PyArray_SetBaseObject(array, block)
    return array


cdef int note_block(Block block, size_t size) except -1:
    """Let a block of memory be a slot of what is being recorded."""
    cdef Recording rec = <Recording> wg_recording
    block.recording = rec.number
    block.entry = rec.entry
    block.slot = wg_program_slot(rec.program, WG_SLOT_BLOCK, size, NULL)
    return rec.require(block.slot)


cdef inline size_t item_size(int typenum) noexcept nogil:
    if typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_INT32:
        return 4
    if typenum == cnp.NPY_BOOL or typenum == cnp.NPY_UINT8 or typenum == cnp.NPY_INT8:
        return 1
    if typenum == cnp.NPY_INT16 or typenum == NPY_HALF:
        return 2
    return 8


cdef tuple shape_tuple(int ndim, const cnp.npy_intp *shape):
    return tuple([shape[i] for i in range(ndim)])


cdef inline bint has_shape(cnp.ndarray array, int ndim, const cnp.npy_intp *shape) noexcept:
    cdef int d
    if cnp.PyArray_NDIM(array) != ndim:
        return False
    for d in range(ndim):
        if cnp.PyArray_DIM(array, d) != shape[d]:
            return False
    return True


cdef inline int real_of(int typenum, name) except -1:
    if typenum == cnp.NPY_FLOAT:
        return WG_F32
    if typenum == cnp.NPY_DOUBLE:
        return WG_F64
    raise TypeError(f"{name}: the kernels compute in float32 and float64, got {np.dtype(typenum_to_name(typenum))}")


cdef typenum_to_name(int typenum):
    return <object> PyArray_DescrFromType(typenum)


cdef inline cnp.ndarray readable(object x, name):
    """x as an aligned array in native byte order; itself wherever it is one."""
    if not cnp.PyArray_Check(x):
        raise TypeError(f"{name}: expected a NumPy array, got {type(x).__name__}")
    if PyArray_ISBEHAVED_RO(x):
        return x
    return np.require(np.asarray(x, dtype=x.dtype.newbyteorder("=")), requirements="A")


cdef cnp.ndarray readable_as(object x, int typenum, name, argument):
    """`readable` for a further argument, which must have the dtype of the first."""
    cdef cnp.ndarray array = readable(x, name)
    if cnp.PyArray_TYPE(array) != typenum:
        raise TypeError(f"{name}: {argument} is {array.dtype}, expected {np.dtype(typenum_to_name(typenum))} like the "
                        "first argument")
    return array


cdef check_apart(cnp.ndarray out, others, name):
    """Refuse an array to write to that shares memory with one that is read."""
    for other in others:
        if other is not None and meet(out, other) and np.shares_memory(out, other):
            raise ValueError(f"{name}: out shares memory with an operand; give a copy of one of them")


cdef cnp.ndarray dense(cnp.ndarray array):
    """array itself if it is in C order, else a copy in recycled memory."""
    return array if PyArray_IS_C_CONTIGUOUS(array) else copied(array)


cdef int signal_handler_raised() noexcept nogil:
    """Run Python's signal handlers, if it is time and this is the main thread; whether one raised an exception."""
    with gil:
        return PyErr_CheckSignals()


cdef int raise_from_handler() except -1:
    """Let the exception go on that a signal handler raised."""
    return -1


cdef check(wg_status status, name):
    if status == WG_INTERRUPTED:
        raise_from_handler()
    if status == WG_NO_MEMORY:
        raise MemoryError(f"{name}: no memory for the kernel's scratch space")


def copy(x):
    """A dense copy, in C order, of an array of float32 or float64."""
    cdef cnp.ndarray array = readable(x, "copy")
    real_of(cnp.PyArray_TYPE(array), "copy")
    return copy_kernel.run(array, None, None, ())


cpdef cnp.ndarray empty(shape, dtype):
    """An uninitialised array in recycled memory, of a dtype that tensors have."""
    cdef cnp.npy_intp dims[WG_MAX_DIMS]
    cdef int typenum = (<cnp.dtype> dtype if isinstance(dtype, cnp.dtype) else np.dtype(dtype)).num
    cdef int ndim = len(shape)
    if typenum not in ARRAY_TYPES:
        raise TypeError(f"empty: expected a dtype that tensors have, got {np.dtype(dtype)}")
    if ndim > WG_MAX_DIMS:
        raise ValueError(f"empty: at most {WG_MAX_DIMS} dimensions, got {ndim}")
    for i in range(ndim):
        if shape[i] < 0:
            raise ValueError(f"empty: negative length in shape {tuple(shape)}")
        dims[i] = shape[i]
    return new_array(typenum, ndim, dims)


cdef frozenset ARRAY_TYPES = frozenset((cnp.NPY_BOOL, cnp.NPY_UINT8, cnp.NPY_INT8, cnp.NPY_INT16, cnp.NPY_INT32,
                                        cnp.NPY_INT64, NPY_HALF, cnp.NPY_FLOAT, cnp.NPY_DOUBLE))


cpdef cnp.ndarray zeros(shape, dtype):
    """An array of zeros in recycled memory, of a dtype that tensors have."""
    cdef cnp.ndarray out = empty(shape, dtype)
    memset(cnp.PyArray_DATA(out), 0, cnp.PyArray_NBYTES(out))
    if wg_recording is not NULL:
        note_zeros(out)
    return out


cpdef assign(out, x):
    """Copy the items of an array into another one, of the same dtype and any strides, where x broadcasts to its shape.

    Parameters
    ----------
    out : ndarray
        Writable; of items of 1, 2, 4 or 8 bytes.
    x : ndarray
        It shares no memory with `out`, unless both are the same.

    Raises
    ------
    TypeError, ValueError
        If the dtypes differ, or x does not broadcast.
    """
    cdef cnp.ndarray O = readable(out, "assign"), X = readable(x, "assign")
    cdef cnp.npy_intp strides[WG_MAX_DIMS]
    cdef int ndim = cnp.PyArray_NDIM(O), lead = ndim - cnp.PyArray_NDIM(X), d
    cdef bint fits = lead >= 0
    cdef wg_assign a
    if O is not out or not PyArray_ISWRITEABLE(O) or cnp.PyArray_ITEMSIZE(O) not in (1, 2, 4, 8):
        raise ValueError(f"assign: out must be writable, aligned, in native byte order, and of at most 8 bytes an item")
    if cnp.PyArray_TYPE(X) != cnp.PyArray_TYPE(O):
        raise TypeError(f"assign: {X.dtype} items do not go into an array of {O.dtype}")
    for d in range(ndim if fits else 0):
        if d < lead or (cnp.PyArray_DIM(X, d - lead) == 1 and cnp.PyArray_DIM(O, d) != 1):
            strides[d] = 0
        elif cnp.PyArray_DIM(X, d - lead) == cnp.PyArray_DIM(O, d):
            strides[d] = cnp.PyArray_STRIDE(X, d - lead)
        else:
            fits = False
    if not fits:
        raise ValueError(f"assign: shape {np.shape(x)} does not broadcast to {np.shape(out)}")
    describe(&a, O, X, strides)
    put(&a, O, X)


cdef int put(wg_assign *a, cnp.ndarray O, cnp.ndarray X) except -1:
    """Copy, and note it. A dense array of items of the size of float32 or float64 is what the elementwise kernels write."""
    cdef size_t size = cnp.PyArray_ITEMSIZE(O)
    cdef int real = WG_F32 if size == 4 else WG_F64
    cdef char *data[2]
    cdef const cnp.npy_intp *strides[2]
    cdef PyObject *arrays[1]
    cdef bint dense = PyArray_IS_C_CONTIGUOUS(O) or PyArray_IS_F_CONTIGUOUS(O)
    cdef bint elementwise = dense and (size == 4 or size == 8)
    data[0], data[1], arrays[0] = a.to, <char *> a.from_, <PyObject *> X
    strides[0], strides[1] = a.to_strides, a.from_strides
    if cnp.PyArray_SIZE(O) < KEEP_GIL_BELOW:
        if elementwise:
            wg_elementwise_run(<wg_elementwise> WG_ELEMENTWISE_copy, <wg_real> real, a.ndim, a.shape, data, strides, NULL)
        else:
            wg_assign_run(a)
    else:
        with nogil:
            if elementwise:
                wg_elementwise_run(<wg_elementwise> WG_ELEMENTWISE_copy, <wg_real> real, a.ndim, a.shape, data, strides, NULL)
            else:
                wg_assign_run(a)
    if wg_recording is not NULL:
        if elementwise:
            note_strided(WG_ELEMENTWISE_copy, real, 1, 0, a.ndim, a.shape, data, strides, arrays, O, NULL)
        else:
            note_assign(a, O, X)
    return 0


def copied(x, bint keep=False, tuple reverse=()):
    """A dense copy of an array of any dtype that tensors have, in reverse order along some dimensions: in C order or, to keep
    that of x, in Fortran order where x is, read from either end of each dimension."""
    cdef cnp.ndarray array = readable(x, "copied"), out
    cdef cnp.npy_intp strides[WG_MAX_DIMS]
    cdef int d
    cdef wg_assign a
    cdef bint fortran = keep and cnp.PyArray_NDIM(array) > 1 and runs_down(array)
    out = new_array(cnp.PyArray_TYPE(array), cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), fortran)
    describe(&a, out, array, cnp.PyArray_STRIDES(array))
    if reverse and cnp.PyArray_SIZE(array):
        memcpy(strides, a.from_strides, cnp.PyArray_NDIM(array) * sizeof(cnp.npy_intp))
        for k in reverse:
            d = axis_of(k, cnp.PyArray_NDIM(array), "copied")
            a.from_ += (cnp.PyArray_DIM(array, d) - 1) * strides[d]
            strides[d] = -strides[d]
        a.from_strides = strides
    put(&a, out, array)
    return out


cdef bint runs_down(cnp.ndarray array) noexcept:
    """Whether the items lie in Fortran order, read from either end of each dimension, and not in C order."""
    cdef cnp.npy_intp step = cnp.PyArray_ITEMSIZE(array)
    cdef int d
    if PyArray_IS_C_CONTIGUOUS(array):
        return False
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_DIM(array, d) != 1 and abs(cnp.PyArray_STRIDE(array, d)) != step:
            return False
        step *= cnp.PyArray_DIM(array, d)
    return True


cdef int describe(wg_assign *a, cnp.ndarray O, cnp.ndarray X, const cnp.npy_intp *strides) except -1:
    memset(a, 0, sizeof(wg_assign))
    a.ndim, a.size, a.shape = cnp.PyArray_NDIM(O), cnp.PyArray_ITEMSIZE(O), cnp.PyArray_DIMS(O)
    a.to, a.to_strides = cnp.PyArray_BYTES(O), cnp.PyArray_STRIDES(O)
    a.from_, a.from_strides = cnp.PyArray_BYTES(X), strides
    return 0


def joined(arrays, axis):
    """`np.concatenate` of arrays of one dtype that tensors have."""
    cdef cnp.ndarray first = readable(arrays[0], "joined"), array, out
    cdef int typenum = cnp.PyArray_TYPE(first), ndim = cnp.PyArray_NDIM(first), d = axis_of(axis, ndim, "joined"), k
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef char *at
    cdef wg_assign a
    cdef list parts = []
    for k in range(ndim):
        shape[k] = cnp.PyArray_DIM(first, k)
    shape[d] = 0
    for x in arrays:
        array = readable_as(x, typenum, "joined", "an array")
        parts.append(array)
        if cnp.PyArray_NDIM(array) != ndim:
            raise ValueError(f"joined: expected arrays of {ndim} dimensions, got {cnp.PyArray_NDIM(array)}")
        for k in range(ndim):
            if k != d and cnp.PyArray_DIM(array, k) != shape[k]:
                raise ValueError(f"joined: shapes {np.shape(first)} and {np.shape(array)} differ apart from dimension {d}")
        shape[d] += cnp.PyArray_DIM(array, d)
    out = new_array(typenum, ndim, shape)
    at = cnp.PyArray_BYTES(out)
    for array in parts:
        describe(&a, out, array, cnp.PyArray_STRIDES(array))
        a.shape, a.to = cnp.PyArray_DIMS(array), at
        if cnp.PyArray_SIZE(array) < KEEP_GIL_BELOW:
            wg_assign_run(&a)
        else:
            with nogil:
                wg_assign_run(&a)
        if wg_recording is not NULL:
            note_assign(&a, out, array)
        at += cnp.PyArray_DIM(array, d) * cnp.PyArray_STRIDE(out, d)
    return out


def broadcast_view(cnp.ndarray array, tuple shape, before=None):
    """`np.broadcast_to` at a tenth of its cost: a read-only view with stride 0 along the dimensions that are repeated.
    `before` is what the rules of its operation ask for: array's shape."""
    cdef cnp.npy_intp lengths[WG_MAX_DIMS]
    cdef cnp.npy_intp strides[WG_MAX_DIMS]
    cdef int ndim = len(shape), lead = ndim - cnp.PyArray_NDIM(array), d
    cdef bint fits = 0 <= lead and ndim <= WG_MAX_DIMS
    for d in range(ndim if fits else 0):
        lengths[d] = shape[d]
        strides[d] = 0
        if d >= lead and cnp.PyArray_DIM(array, d - lead) == lengths[d]:
            strides[d] = cnp.PyArray_STRIDE(array, d - lead)
        elif d >= lead and cnp.PyArray_DIM(array, d - lead) != 1:
            fits = False
    if not fits:
        raise ValueError(f"broadcast_to: shape {np.shape(array)} does not broadcast to {shape}")
    return shown(array, ndim, lengths, strides, 0)


cdef cnp.ndarray shown(cnp.ndarray array, int ndim, cnp.npy_intp *lengths, cnp.npy_intp *strides, int flags):
    """A view of an array's memory from its first item on; flags say whether it may be written."""
    cdef cnp.PyArray_Descr *descr = cnp.PyArray_DESCR(array)
    Py_INCREF(<object> descr)  # PyArray_NewFromDescr takes one over, and PyArray_SetBaseObject
    cdef cnp.ndarray view = PyArray_NewFromDescr(cnp.ndarray, descr, ndim, lengths, strides, cnp.PyArray_DATA(array),
                                                 cnp.NPY_ARRAY_ALIGNED | flags, None)
    Py_INCREF(array)
    PyArray_SetBaseObject(view, array)
    return view


def windows(cnp.ndarray array, int dim, cnp.npy_intp size, cnp.npy_intp step, cnp.npy_intp length):
    """A view of all windows of so many items along a dimension of such a length, from one to the next a step: the items of
    each are the last dimension."""
    cdef cnp.npy_intp lengths[WG_MAX_DIMS]
    cdef cnp.npy_intp strides[WG_MAX_DIMS]
    cdef int ndim = cnp.PyArray_NDIM(array), d
    if not 0 <= dim < ndim < WG_MAX_DIMS or cnp.PyArray_DIM(array, dim) != length or not 0 <= size <= length or step < 1:
        raise ValueError(f"windows: of {size} items, {step} apart, along dimension {dim} of {np.shape(array)}")
    for d in range(ndim):
        lengths[d], strides[d] = cnp.PyArray_DIM(array, d), cnp.PyArray_STRIDE(array, d)
    lengths[ndim], strides[ndim] = size, strides[dim]
    lengths[dim], strides[dim] = (length - size) // step + 1, strides[dim] * step
    return shown(array, ndim + 1, lengths, strides, PyArray_ISWRITEABLE(array) * cnp.NPY_ARRAY_WRITEABLE)


def owned_alone(variable):
    """Whether nobody but `variable` holds the array that is its value, and no other array sees that array's memory."""
    cdef cnp.ndarray array = variable._value
    cdef PyObject *base = PyArray_BASE(array)
    if base is NULL or type(<object> base) is not Block:
        return False
    return REFCNT(base) == 1 and REFCNT(<PyObject *> array) == 2  # the variable's reference and ours


cdef void extent(cnp.ndarray array, char **first, char **end) noexcept:
    """Where the memory that an array's items lie in begins and ends."""
    cdef int d
    cdef cnp.npy_intp span
    first[0] = cnp.PyArray_BYTES(array)
    end[0] = first[0] + cnp.PyArray_ITEMSIZE(array)
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_DIM(array, d) == 0:
            end[0] = first[0]
            return
        span = (cnp.PyArray_DIM(array, d) - 1) * cnp.PyArray_STRIDE(array, d)
        if span < 0:
            first[0] += span
        else:
            end[0] += span


cdef bint meet(cnp.ndarray x, cnp.ndarray y) noexcept:
    """Whether the memory that x's items lie in meets that of y's."""
    cdef char *first_x
    cdef char *end_x
    cdef char *first_y
    cdef char *end_y
    extent(x, &first_x, &end_x)
    extent(y, &first_y, &end_y)
    return first_x < end_y and first_y < end_x and first_x != end_x and first_y != end_y


def overlap(cnp.ndarray x, cnp.ndarray y):
    """What `np.may_share_memory` says: whether the memory that x's items lie in meets that of y's."""
    return meet(x, y)


def held_alone(dict holder, key):
    """Whether nobody but `holder` has the variable under `key`, and nobody else its array or that array's memory."""
    cdef PyObject *variable = PyDict_GetItem(holder, key)
    return variable is not NULL and REFCNT(variable) == 1 and owned_alone(<object> variable)


def all_writeable(list arrays):
    """Whether every array of a list can be written."""
    cdef cnp.ndarray array
    for array in arrays:
        if not cnp.PyArray_ISWRITEABLE(array):
            return False
    return True


def all_dense(tuple arrays):
    """Whether the items of every array lie in C order without gaps."""
    cdef cnp.ndarray array
    for array in arrays:
        if not cnp.PyArray_IS_C_CONTIGUOUS(array):
            return False
    return True


def alike(list arrays):
    """Whether all of a list, which is not empty, are arrays of one shape and dtype."""
    cdef cnp.ndarray first, array
    for x in arrays:
        if not cnp.PyArray_CheckExact(x):
            return False
        array, first = <cnp.ndarray> x, <cnp.ndarray> arrays[0]
        if cnp.PyArray_TYPE(array) != cnp.PyArray_TYPE(first) or not has_shape(array, cnp.PyArray_NDIM(first),
                                                                               cnp.PyArray_DIMS(first)):
            return False
    return True


def set_writeable(cnp.ndarray array, bint writeable):
    """Set an array's flag as `array.flags.writeable` does; over our own memory NumPy would only ever let it be cleared."""
    if writeable:
        PyArray_ENABLEFLAGS(array, cnp.NPY_ARRAY_WRITEABLE)
    else:
        PyArray_CLEARFLAGS(array, cnp.NPY_ARRAY_WRITEABLE)


cdef cnp.ndarray whole_strides(cnp.ndarray array):
    """array itself, or a copy where a stride is not a multiple of the item's size."""
    cdef int d
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_STRIDE(array, d) % cnp.PyArray_ITEMSIZE(array):
            return copy_kernel.run(array, None, None, ())
    return array


cdef cnp.ndarray dense_rows(cnp.ndarray matrix):
    """A matrix as kernels of rows take it, with unit stride along them and whole_strides; else a copy. What is no matrix is
    given back for others to refuse."""
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(matrix)
    if cnp.PyArray_NDIM(matrix) != 2 or (cnp.PyArray_STRIDE(matrix, 0) % item == 0 and
                                         (cnp.PyArray_DIM(matrix, 1) <= 1 or cnp.PyArray_STRIDE(matrix, 1) == item)):
        return matrix
    return copied(matrix)


cdef int broadcast_stacks(cnp.ndarray A, cnp.ndarray B, cnp.npy_intp *shape, cnp.npy_intp *strides_a,
                          cnp.npy_intp *strides_b, name) except -1:
    """How stacks of matrices broadcast: the lengths of the dimensions before the last two, whose number it gives, and both
    arrays' strides along them, in items, 0 where a matrix is repeated. Of arrays of at least two dimensions, with
    whole_strides; raises a ValueError if they do not broadcast."""
    cdef int ndim_a = cnp.PyArray_NDIM(A), ndim_b = cnp.PyArray_NDIM(B), batch = max(ndim_a, ndim_b) - 2, d, i
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(A), length_a, length_b
    for d in range(batch):
        i = d - (batch + 2 - ndim_a)
        length_a = cnp.PyArray_DIM(A, i) if i >= 0 else 1
        strides_a[d] = cnp.PyArray_STRIDE(A, i) // item if length_a != 1 else 0
        i = d - (batch + 2 - ndim_b)
        length_b = cnp.PyArray_DIM(B, i) if i >= 0 else 1
        strides_b[d] = cnp.PyArray_STRIDE(B, i) // item if length_b != 1 else 0
        if length_a != length_b and length_a != 1 and length_b != 1:
            raise ValueError(f"{name}: the leading dimensions of {np.shape(A)} and {np.shape(B)} do not broadcast")
        shape[d] = length_b if length_a == 1 else length_a
    return batch


cdef cnp.ndarray writable_dense(object x, int typenum, name, argument):
    cdef cnp.ndarray array = readable_as(x, typenum, name, argument)
    if not PyArray_IS_C_CONTIGUOUS(array) or not PyArray_ISWRITEABLE(array) or array is not x:
        raise ValueError(f"{name}: {argument} must be writable, aligned, in native byte order and in C order")
    return array


cdef int axis_of(object axis, int ndim, name) except -1:
    cdef cnp.npy_intp d = axis
    if not -ndim <= d < ndim and not (ndim == 0 and d in (0, -1)):
        raise IndexError(f"{name}: dimension {axis} is out of range for {ndim} dimension(s), expected {-max(ndim, 1)} to "
                         f"{max(ndim, 1) - 1}")
    return <int> (d + max(ndim, 1) if d < 0 else d)


cdef cnp.ndarray split_axis(cnp.ndarray array, int axis, cnp.npy_intp *lengths, cnp.npy_intp *strides):
    """(outer, n, inner) lengths and byte strides that describe `array` along one axis: array itself, or a dense copy
    where the dimensions before or after the axis do not merge."""
    cdef int ndim = cnp.PyArray_NDIM(array), d
    cdef cnp.npy_intp outer = 1, inner = 1, outer_stride = 0, inner_stride = 0, length
    if ndim == 0 or cnp.PyArray_SIZE(array) == 0:  # of nothing, no copy would make the dimensions merge
        lengths[0] = 1 if ndim == 0 else 0
        lengths[1] = lengths[2] = 1
        strides[0] = strides[1] = strides[2] = 0
        return array
    for d in range(axis - 1, -1, -1):
        length = cnp.PyArray_DIM(array, d)
        if length == 1:
            continue
        if outer == 1:
            outer_stride = cnp.PyArray_STRIDE(array, d)
        elif cnp.PyArray_STRIDE(array, d) != outer_stride * outer:
            return split_axis(copy_kernel.run(array, None, None, ()), axis, lengths, strides)
        outer *= length
    for d in range(ndim - 1, axis, -1):
        length = cnp.PyArray_DIM(array, d)
        if length == 1:
            continue
        if inner == 1:
            inner_stride = cnp.PyArray_STRIDE(array, d)
        elif cnp.PyArray_STRIDE(array, d) != inner_stride * inner:
            return split_axis(copy_kernel.run(array, None, None, ()), axis, lengths, strides)
        inner *= length
    lengths[0] = outer
    lengths[1] = cnp.PyArray_DIM(array, axis)
    lengths[2] = inner
    strides[0] = outer_stride
    strides[1] = cnp.PyArray_STRIDE(array, axis)
    strides[2] = inner_stride
    return array
