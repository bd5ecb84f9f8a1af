# csrc/loop.c, elementwise.inc.c, unary.def and binary.def: elementwise kernels.

def elementwise_info():
    """Name -> (inputs, scalar parameters, whether the result is boolean) of every elementwise kernel."""
    return {wg_elementwise_table[i].name.decode(): (wg_elementwise_table[i].inputs, wg_elementwise_table[i].params,
                                                    bool(wg_elementwise_table[i].boolean))
            for i in range(WG_ELEMENTWISE_COUNT)}


# A call of NumPy's: integers divided by zero, as floats, are infinite or NaN without a word, and so is what overflows.
cdef object quietly = np.errstate(all="ignore")(lambda function, operands: function(*operands))


cdef cnp.npy_intp spread(int inputs, PyObject **arrays, int ndim, cnp.npy_intp *shape, bint *whole, bint *fortran) noexcept:
    """The shape, of `ndim` dimensions, that arrays broadcast to, NULL standing for numbers; gives its number of items, -1
    where they do not broadcast. Then `whole` is whether all have that shape and are dense in one order; `fortran`, where it
    was set, whether those that have it, without repeating items, are in Fortran order and not in C order."""
    cdef cnp.npy_intp size = 1, length
    cdef cnp.ndarray array
    cdef int i, d, shift
    cdef bint all_have = True, some_have = False, same = True
    for d in range(ndim):
        shape[d] = 1
    for i in range(inputs):
        if arrays[i] is NULL:
            continue
        array = <cnp.ndarray> arrays[i]
        shift = ndim - cnp.PyArray_NDIM(array)
        for d in range(shift, ndim):
            length = cnp.PyArray_DIM(array, d - shift)
            if length != shape[d]:
                if shape[d] == 1:
                    shape[d] = length
                elif length != 1:
                    return -1
    for d in range(ndim):
        size *= shape[d]
    for i in range(inputs):
        if arrays[i] is NULL:
            continue
        array = <cnp.ndarray> arrays[i]
        if cnp.PyArray_NDIM(array) != ndim or cnp.PyArray_SIZE(array) != size or repeats(array):
            all_have = False
            continue
        some_have = True
        same = same and PyArray_IS_C_CONTIGUOUS(array)
        fortran[0] = fortran[0] and PyArray_IS_F_CONTIGUOUS(array)
    whole[0] = all_have and (same or fortran[0])
    fortran[0] = fortran[0] and some_have and not same
    return size


cdef inline bint repeats(cnp.ndarray array) noexcept:
    """Whether an array has items more than once, so that it lies in no order."""
    cdef int d
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_STRIDE(array, d) == 0 and cnp.PyArray_DIM(array, d) != 1:
            return True
    return False


cdef bint across(int inputs, PyObject **arrays, int ndim, cnp.npy_intp size) noexcept:
    """Whether one of some arrays, NULL standing for numbers, has so many items and is in Fortran order."""
    cdef int i
    for i in range(inputs):
        if arrays[i] is not NULL and in_fortran_order(<cnp.ndarray> arrays[i], ndim, size):
            return True
    return False


cdef bint in_fortran_order(cnp.ndarray array, int ndim, cnp.npy_intp size) noexcept:
    return (cnp.PyArray_NDIM(array) == ndim and cnp.PyArray_SIZE(array) == size and PyArray_IS_F_CONTIGUOUS(array) and
            not PyArray_IS_C_CONTIGUOUS(array))


cdef object along(x, int ndim, cnp.npy_intp size):
    """x, in C order if it is such an array."""
    return copied(x) if cnp.PyArray_Check(x) and in_fortran_order(x, ndim, size) else x


cdef inline int lay_out(int inputs, PyObject **arrays, cnp.ndarray out, bint dense, int ndim, cnp.npy_intp *shape,
                        cnp.npy_intp[WG_MAX_DIMS] *strides, const cnp.npy_intp **stride_of) noexcept:
    """The strides of the output and of the inputs along the dimensions of `shape`, whose number it gives: one where all
    are dense in one order."""
    cdef cnp.ndarray array
    cdef int i, d, shift
    for i in range(inputs + 1):
        stride_of[i] = strides[i]
    if dense:
        shape[0] = cnp.PyArray_SIZE(out)
        strides[0][0] = cnp.PyArray_ITEMSIZE(out)
        for i in range(inputs):
            strides[i + 1][0] = 0 if arrays[i] is NULL else cnp.PyArray_ITEMSIZE(<cnp.ndarray> arrays[i])
        return 1
    for d in range(ndim):
        strides[0][d] = cnp.PyArray_STRIDE(out, d)
    for i in range(inputs):
        array = None if arrays[i] is NULL else <cnp.ndarray> arrays[i]
        shift = ndim if array is None else ndim - cnp.PyArray_NDIM(array)
        for d in range(ndim):
            if d < shift or cnp.PyArray_DIM(array, d - shift) != shape[d]:
                strides[i + 1][d] = 0
            else:
                strides[i + 1][d] = cnp.PyArray_STRIDE(array, d - shift)
    return ndim


cdef inline bint is_plain(x) noexcept:
    """Whether x is an array of few float32 or float64 in C order."""
    return (type(x) is cnp.ndarray and PyArray_ISCARRAY_RO(<cnp.ndarray> x) and
            (cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_FLOAT or cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_DOUBLE) and
            cnp.PyArray_SIZE(<cnp.ndarray> x) < KEEP_GIL_BELOW)


@cython.final
cdef class Elementwise:
    """One elementwise kernel: call it with arrays that broadcast together, or with numbers for all but one of them.

    Numbers take the dtype of the arrays. The result is dense: in C order, or in Fortran order if every operand of its
    shape is.
    float16 is computed in float32; other dtypes go to `fallback`, called with the operands and the parameters, where it is
    a function of NumPy's by way of its loops.
    """
    cdef int kernel, inputs, params
    cdef bint boolean
    cdef Loops loops
    cdef readonly str name
    cdef readonly object fallback

    def __init__(self, str name, fallback=None):
        self.fallback = fallback
        if name in ("floor_divide", "remainder"):
            self.loops = Loops(None, fallback, name == "remainder")
        elif getattr(fallback, "function", fallback) in LOOPED:
            self.loops = Loops(getattr(fallback, "function", fallback), fallback)
        cdef bytes sought = name.encode()
        for i in range(WG_ELEMENTWISE_COUNT):
            if strcmp(wg_elementwise_table[i].name, sought) == 0:
                self.kernel = i
                self.name = name
                self.inputs = wg_elementwise_table[i].inputs
                self.params = wg_elementwise_table[i].params
                self.boolean = wg_elementwise_table[i].boolean
                return
        raise ValueError(f"there is no elementwise kernel {name!r}; there are {', '.join(elementwise_info())}")

    def __repr__(self):
        return f"Elementwise({self.name!r})"

    def __call__(self, x, y=None, z=None, params=()):
        cdef bint single
        cdef double number
        cdef float narrow
        if z is None and self.params == 0 and not params and wg_recording is NULL and is_plain(x):
            if self.inputs == 1 and y is None:
                return self.alike(x, NULL, 0)
            if self.inputs == 2 and is_plain(y) and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.PyArray_TYPE(<cnp.ndarray> y):
                if cnp.PyArray_NDIM(<cnp.ndarray> y) == 0:
                    return self.alike(x, cnp.PyArray_BYTES(y), 0)
                if has_shape(y, cnp.PyArray_NDIM(<cnp.ndarray> x), cnp.PyArray_DIMS(<cnp.ndarray> x)):
                    return self.alike(x, cnp.PyArray_BYTES(y), cnp.PyArray_ITEMSIZE(y))
            if self.inputs == 2 and type(y) is float:
                number = y
                narrow = <float> number
                single = cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_FLOAT
                return self.alike(x, <char *> &narrow if single else <char *> &number, 0)
        return self.run(x, y, z, params)

    cdef cnp.ndarray alike(self, cnp.ndarray x, char *y, cnp.npy_intp step):
        """`run` of most calls: of few items in C order, and of as many, or of one with a step of 0."""
        cdef int typenum = cnp.PyArray_TYPE(x)
        cdef cnp.ndarray out = new_array(cnp.NPY_BOOL if self.boolean else typenum, cnp.PyArray_NDIM(x),
                                         cnp.PyArray_DIMS(x))
        cdef cnp.npy_intp size = cnp.PyArray_SIZE(x), item = cnp.PyArray_ITEMSIZE(x), out_item = cnp.PyArray_ITEMSIZE(out)
        cdef char *data[3]
        cdef const cnp.npy_intp *strides[3]
        data[0], data[1], data[2] = cnp.PyArray_BYTES(out), cnp.PyArray_BYTES(x), y
        strides[0], strides[1], strides[2] = &out_item, &item, &step
        wg_elementwise_run(<wg_elementwise> self.kernel, WG_F32 if typenum == cnp.NPY_FLOAT else WG_F64, 1, &size, data,
                           strides, NULL)
        return out

    def into(self, cnp.ndarray x, y):
        """Let x be what a binary kernel gives of it and y, and say so; False where that cannot be written straight into
        it: x is not dense or has not the result's shape, y shows parts of its memory, or calls are being noted."""
        cdef bint dense = PyArray_IS_C_CONTIGUOUS(x) or PyArray_IS_F_CONTIGUOUS(x)
        if wg_recording is not NULL or not dense or not PyArray_ISBEHAVED_RO(x) or not PyArray_ISWRITEABLE(x):
            return False
        if cnp.PyArray_Check(y) and y is not x and meet(x, y):
            return False
        return self.run(x, y, None, (), x) is x

    cdef cnp.ndarray run(self, x, y, z, params, cnp.ndarray into=None):
        cdef PyObject *operands[3]   # borrowed: x, y and z stay alive
        cdef PyObject *arrays[3]     # the same as arrays, NULL for numbers
        cdef cnp.ndarray array, out
        cdef double numbers[3]
        cdef float numbers32[3]
        cdef char numbers8[3]
        cdef double parameters[4]
        cdef char *data[4]
        cdef const cnp.npy_intp *stride_of[4]
        cdef cnp.npy_intp strides[4][WG_MAX_DIMS]
        cdef cnp.npy_intp shape[WG_MAX_DIMS]
        cdef cnp.npy_intp size
        cdef int i, ndim = -1, typenum = -1, real
        cdef bint whole, fortran = self.kernel != WG_ELEMENTWISE_copy  # a copy is always in C order
        if cnp.PyArray_Check(x):
            x = readable(x, self.name)
        if cnp.PyArray_Check(y):
            y = readable(y, self.name)
        if cnp.PyArray_Check(z):
            z = readable(z, self.name)
        operands[0] = <PyObject *> x
        operands[1] = <PyObject *> y
        operands[2] = <PyObject *> z
        if (self.inputs < 3 and z is not None) or (self.inputs < 2 and y is not None):
            raise TypeError(f"{self.name}: expected {self.inputs} operand(s), got more")
        for i in range(self.inputs):
            if cnp.PyArray_Check(<object> operands[i]):
                arrays[i] = operands[i]
                array = <cnp.ndarray> arrays[i]
                if self.kernel == WG_ELEMENTWISE_where and i == 0:
                    if cnp.PyArray_TYPE(array) != cnp.NPY_BOOL:
                        raise TypeError(f"{self.name}: the condition is {array.dtype}, expected bool")
                elif typenum < 0:
                    typenum = cnp.PyArray_TYPE(array)
                elif cnp.PyArray_TYPE(array) != typenum:
                    raise TypeError(f"{self.name}: operands of dtype {np.dtype(typenum_to_name(typenum))} and "
                                    f"{array.dtype}; expected one dtype, float32 or float64")
                if cnp.PyArray_NDIM(array) > ndim:
                    ndim = cnp.PyArray_NDIM(array)
            else:
                if <object> operands[i] is None:
                    raise TypeError(f"{self.name}: expected {self.inputs} operands, got {i}")
                arrays[i] = NULL
                numbers[i] = PyFloat_AsDouble(<object> operands[i])
        if typenum < 0:
            raise TypeError(f"{self.name}: expected at least one array of float32 or float64")
        if typenum != cnp.NPY_FLOAT and typenum != cnp.NPY_DOUBLE:
            return None if into is not None else self.other(typenum, x, y, z, params)
        real = WG_F32 if typenum == cnp.NPY_FLOAT else WG_F64
        if len(params) != self.params:
            raise TypeError(f"{self.name}: expected {self.params} scalar parameter(s), got {len(params)}")
        for i in range(self.params):
            parameters[i] = params[i]

        size = spread(self.inputs, arrays, ndim, shape, &whole, &fortran)
        if size < 0:
            raise ValueError(self.mismatch(x, y, z))
        if into is None and not (whole or fortran) and size >= KEEP_GIL_BELOW and self.kernel != WG_ELEMENTWISE_copy:
            if across(self.inputs, arrays, ndim, size):  # copied as a whole, they cost less than tile by tile
                return self.run(along(x, ndim, size), along(y, ndim, size), along(z, ndim, size), params)
        if into is None:
            out = new_array(cnp.NPY_BOOL if self.boolean else typenum, ndim, shape, fortran)
        elif has_shape(into, ndim, shape) and not self.boolean:
            out = into
        else:
            return None
        data[0] = cnp.PyArray_BYTES(out)
        for i in range(self.inputs):
            if arrays[i] is not NULL:
                data[i + 1] = cnp.PyArray_BYTES(<cnp.ndarray> arrays[i])
            elif self.kernel == WG_ELEMENTWISE_where and i == 0:
                numbers8[i] = numbers[i] != 0
                data[i + 1] = &numbers8[i]
            elif real == WG_F32:
                numbers32[i] = <float> numbers[i]
                data[i + 1] = <char *> &numbers32[i]
            else:
                data[i + 1] = <char *> &numbers[i]

        ndim = lay_out(self.inputs, arrays, out, whole, ndim, shape, strides, stride_of)
        if size < KEEP_GIL_BELOW:
            wg_elementwise_run(<wg_elementwise> self.kernel, <wg_real> real, ndim, shape, data, stride_of, parameters)
        else:
            with nogil:
                wg_elementwise_run(<wg_elementwise> self.kernel, <wg_real> real, ndim, shape, data, stride_of,
                                   parameters)
        if wg_recording is not NULL:
            if whole:
                note_dense(self.kernel, real, self.inputs, self.params, size, data, arrays, out, parameters)
            else:
                note_strided(self.kernel, real, self.inputs, self.params, ndim, shape, data, stride_of, arrays, out,
                             parameters)
        return out

    cdef cnp.ndarray other(self, int typenum, x, y, z, params):
        """The dtypes that the kernels do not compute in."""
        if self.loops is not None and typenum != NPY_HALF:
            found = self.loops.run(x, y)
            if found is not None:
                return found
        if typenum == NPY_HALF:
            wide = [operand.astype(np.float32) if isinstance(operand, np.ndarray) and operand.dtype == np.float16
                    else operand for operand in (x, y, z)]
            result = self.run(wide[0], wide[1], wide[2], params)
            return result if self.boolean else quietly(result.astype, (np.float16,))
        if self.fallback is None:
            raise TypeError(f"{self.name}: expected float16, float32 or float64, got "
                            f"{np.dtype(typenum_to_name(typenum))}")
        try:
            return np.asarray(quietly(self.fallback, (*(x, y, z)[:self.inputs], *params)))
        except OverflowError as error:
            raise OverflowError(f"{self.name}: {error}") from None

    cdef str mismatch(self, x, y, z):
        shapes = [str(np.shape(operand)) for operand in (x, y, z)[:self.inputs]]
        return (f"{self.name}: the shapes {' and '.join(shapes)} do not broadcast; each dimension, counted from the last, "
                "must be equal or 1")


cdef Elementwise copy_kernel = Elementwise("copy")
