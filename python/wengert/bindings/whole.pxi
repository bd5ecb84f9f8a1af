# csrc/whole.inc.c and NumPy's inner loops: integers, truth values, and conversions of dtypes.

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object n, int *overflow) except? -1

cdef extern from "numpy/arrayobject.h":
    int PyArray_SETITEM(cnp.ndarray array, void *item, object value) except -1
    cnp.npy_intp PyArray_CountNonzero(cnp.ndarray array) except -1

cdef enum:
    TYPENUMS = 24  # of NumPy's own dtypes of numbers, with float16, the last

# Functions of NumPy's whose loops have no errors to tell, and look at nothing but their operands.
cdef frozenset LOOPED = frozenset([getattr(np, name) for name in (
    "add subtract multiply negative absolute maximum minimum equal not_equal less less_equal greater greater_equal "
    "logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor invert left_shift right_shift isnan "
    "isinf isfinite signbit").split()])


cdef inline int item_of(int typenum) noexcept:
    """The type of items that there are loops of ours for, or -1."""
    if typenum == cnp.NPY_FLOAT:
        return WG_FLOAT
    if typenum == cnp.NPY_DOUBLE:
        return WG_DOUBLE
    if typenum == cnp.NPY_INT64:
        return WG_I64
    if typenum == cnp.NPY_INT32:
        return WG_I32
    return WG_U8 if typenum == cnp.NPY_BOOL or typenum == cnp.NPY_UINT8 else -1


cdef int put_number(object number, int typenum, void *at) except -1:
    """Write a number of Python's as an item; gives whether it is one as it stands."""
    cdef int overflow = 0
    cdef long long n
    if typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_DOUBLE:
        if type(number) is not float and type(number) is not int:
            return False
        if typenum == cnp.NPY_FLOAT:
            (<float *> at)[0] = <float> PyFloat_AsDouble(number)
        else:
            (<double *> at)[0] = PyFloat_AsDouble(number)
        return True
    if type(number) is bool:
        n = number
    elif type(number) is int and typenum != cnp.NPY_BOOL:
        n = PyLong_AsLongLongAndOverflow(number, &overflow)
    else:
        return False
    if overflow:
        return False
    if typenum == cnp.NPY_INT64:
        (<int64_t *> at)[0] = n
        return True
    if typenum == cnp.NPY_INT32:
        (<int *> at)[0] = <int> n
        return n == <int> n
    if typenum == cnp.NPY_INT16:
        (<short *> at)[0] = <short> n
        return n == <short> n
    (<char *> at)[0] = <char> n
    if typenum == cnp.NPY_INT8:
        return n == <signed char> n
    return (typenum == cnp.NPY_UINT8 or typenum == cnp.NPY_BOOL) and n == <uint8_t> n


@cython.final
cdef class Loops:
    """One of NumPy's elementwise functions, or a division of ours: called with arrays of one dtype that broadcast, or with
    numbers for all but one of them, it runs a loop over recycled memory that has no errors to tell.

    The result is dense, in the order that `Elementwise` gives it. Where there is no such loop `instead` is
    called, by default the function itself.
    """
    cdef int inputs
    cdef readonly object function
    cdef readonly object instead
    cdef bint divides, remainder
    cdef void *loops[TYPENUMS]
    cdef void *contexts[TYPENUMS]
    cdef int results[TYPENUMS]

    def __init__(self, function, instead=None, bint remainder=False):
        cdef cnp.ufunc of
        cdef int k, typenum
        cdef const char *types
        self.function = function
        self.instead = function if instead is None else instead
        self.inputs = 2
        self.divides, self.remainder = function is None, remainder
        memset(self.loops, 0, sizeof(self.loops))
        if self.divides:
            return
        of = function
        self.inputs = of.nin
        for k in range(of.ntypes):
            types = of.types + k * of.nargs
            typenum = types[0]
            if self.inputs == 2 and types[1] != typenum or types[self.inputs] not in ARRAY_TYPES:
                continue
            if typenum in ARRAY_TYPES and self.loops[typenum] is NULL:
                self.loops[typenum] = <void *> of.functions[k]
                self.contexts[typenum] = of.data[k] if of.data is not NULL else NULL
                self.results[typenum] = types[self.inputs]

    def __repr__(self):
        return f"Loops({self.function!r})"

    def __call__(self, x, y=None):
        found = self.run(x, y)
        if found is not None:
            return found
        return np.asarray(self.instead(x, y) if self.inputs == 2 else self.instead(x))

    cdef object run(self, x, y):
        """The result, or None where no loop of one dtype gives it."""
        cdef PyObject *arrays[2]
        cdef PyObject *operands[2]
        cdef int64_t numbers[2]
        cdef char *data[3]
        cdef const cnp.npy_intp *stride_of[3]
        cdef cnp.npy_intp strides[3][WG_MAX_DIMS]
        cdef cnp.npy_intp shape[WG_MAX_DIMS]
        cdef cnp.ndarray array, out
        cdef cnp.npy_intp size
        cdef int i, ndim = -1, typenum = -1, result, item
        cdef bint whole, fortran = True
        cdef wg_loop loop
        cdef wg_division division
        if self.inputs == 1 and y is not None:
            return None
        operands[0], operands[1] = <PyObject *> x, <PyObject *> y
        for i in range(self.inputs):
            arrays[i] = NULL
            if cnp.PyArray_Check(<object> operands[i]):
                array = <cnp.ndarray> operands[i]
                if not PyArray_ISBEHAVED_RO(array) or (typenum >= 0 and cnp.PyArray_TYPE(array) != typenum):
                    return None
                typenum = cnp.PyArray_TYPE(array)
                arrays[i] = operands[i]
                ndim = max(ndim, cnp.PyArray_NDIM(array))
        if not 0 <= typenum < TYPENUMS:
            return None
        if self.divides:
            item = item_of(typenum)
            division.remainder, division.zero = self.remainder, False
            if item < 0 or wg_active.whole.divide[item] is NULL:
                return None
            loop.run, loop.context, loop.dense, result = wg_active.whole.divide[item], &division, True, typenum
        elif self.loops[typenum] is NULL:
            return None
        else:
            loop.run, loop.context = <wg_loop_fn *> self.loops[typenum], self.contexts[typenum]
            loop.dense, result = False, self.results[typenum]
        for i in range(self.inputs):
            if arrays[i] is NULL:
                if not put_number(<object> operands[i], typenum, &numbers[i]):
                    return None
                data[i + 1] = <char *> &numbers[i]
            else:
                data[i + 1] = cnp.PyArray_BYTES(<cnp.ndarray> arrays[i])
            loop.sizes[i + 1] = item_size(typenum)
        size = spread(self.inputs, arrays, ndim, shape, &whole, &fortran)
        if size < 0:
            return None
        out = new_array(result, ndim, shape, fortran)
        data[0] = cnp.PyArray_BYTES(out)
        ndim = lay_out(self.inputs, arrays, out, whole, ndim, shape, strides, stride_of)
        loop.inputs, loop.sizes[0] = self.inputs, item_size(result)
        if size < KEEP_GIL_BELOW:
            wg_loop_run(&loop, ndim, shape, data, stride_of)
        else:
            with nogil:
                wg_loop_run(&loop, ndim, shape, data, stride_of)
        return None if self.divides and division.zero else out


@cython.final
cdef class Fold:
    """A sum, an extreme or a truth over some dimensions of whole numbers or truth values; other dtypes go to `fallback`.

    `kind` is "sum", in int64, "max", "min", "all", "any", the last two of truth values, or "count", of those that hold.
    """
    cdef Loops of  # what folds items of one dtype, but for sums
    cdef readonly str kind
    cdef readonly object fallback

    def __init__(self, str kind, fallback):
        self.kind = kind
        self.fallback = fallback
        if kind != "sum" and kind != "count":
            self.of = Loops(getattr(np, {"max": "maximum", "min": "minimum", "all": "logical_and", "any": "logical_or"}[kind]))

    def __repr__(self):
        return f"Fold({self.kind!r})"

    def __call__(self, x, dims, bint keepdim):
        found = self.run(x, dims, keepdim)
        return self.fallback(x, dims, keepdim) if found is None else found

    cdef object run(self, x, tuple dims, bint keepdim):
        """The result, or None where there is no loop for the dtype."""
        cdef cnp.npy_intp shape[WG_MAX_DIMS]
        cdef cnp.npy_intp strides[WG_MAX_DIMS]
        cdef cnp.ndarray array, out
        cdef int ndim, typenum, kept = 0, d, k, item, result
        cdef bint summed = self.kind == "sum" or self.kind == "count"
        cdef bint extreme = self.kind == "max" or self.kind == "min"
        cdef wg_loop loop
        if not cnp.PyArray_Check(x) or not PyArray_ISBEHAVED_RO(x):
            return None
        array = x
        ndim, typenum = cnp.PyArray_NDIM(array), cnp.PyArray_TYPE(array)
        if not (summed or extreme or typenum == cnp.NPY_BOOL) or (self.kind == "count" and typenum != cnp.NPY_BOOL):
            return None
        item = item_of(typenum)
        loop.context, result = NULL, typenum
        if item < 0 or item == WG_FLOAT or item == WG_DOUBLE:
            return None
        if summed:
            loop.run, result = wg_active.whole.sum[item], cnp.NPY_INT64
        else:
            loop.run, loop.context = <wg_loop_fn *> self.of.loops[typenum], self.of.contexts[typenum]
        for d in range(ndim):
            strides[d] = 1
        for d in dims:
            if not 0 <= d < ndim:
                raise IndexError(f"{self.kind}: dimension {d} is out of range for {ndim} dimension(s)")
            strides[d] = 0
        for d in range(ndim):
            if strides[d] or keepdim:
                shape[kept] = cnp.PyArray_DIM(array, d) if strides[d] else 1
                kept += 1
        out = new_array(result, kept, shape)
        k = 0
        for d in range(ndim):
            if strides[d]:
                strides[d] = cnp.PyArray_STRIDE(out, k)
            k += strides[d] != 0 or keepdim
        if cnp.PyArray_SIZE(array) == 0 and extreme:
            return None
        if extreme:
            self.begin(array, out, strides)
        else:
            memset(cnp.PyArray_DATA(out), self.kind == "all", cnp.PyArray_NBYTES(out))
        if summed and typenum == cnp.NPY_BOOL and len(dims) == ndim:
            (<int64_t *> cnp.PyArray_DATA(out))[0] = PyArray_CountNonzero(array)
        elif cnp.PyArray_SIZE(array) < KEEP_GIL_BELOW:
            wg_loop_fold(&loop, ndim, cnp.PyArray_DIMS(array), cnp.PyArray_BYTES(out), strides, cnp.PyArray_BYTES(array),
                         cnp.PyArray_STRIDES(array))
        else:
            with nogil:
                wg_loop_fold(&loop, ndim, cnp.PyArray_DIMS(array), cnp.PyArray_BYTES(out), strides,
                             cnp.PyArray_BYTES(array), cnp.PyArray_STRIDES(array))
        return out

    cdef int begin(self, cnp.ndarray array, cnp.ndarray out, const cnp.npy_intp *strides) except -1:
        """Let the output have the first items along the reduced dimensions."""
        cdef cnp.npy_intp shape[WG_MAX_DIMS]
        cdef wg_assign a
        cdef int d
        for d in range(cnp.PyArray_NDIM(array)):
            shape[d] = cnp.PyArray_DIM(array, d) if strides[d] else 1
        memset(&a, 0, sizeof(wg_assign))
        a.ndim, a.size, a.shape = cnp.PyArray_NDIM(array), cnp.PyArray_ITEMSIZE(out), shape
        a.to, a.to_strides = cnp.PyArray_BYTES(out), strides
        a.from_, a.from_strides = cnp.PyArray_BYTES(array), cnp.PyArray_STRIDES(array)
        wg_assign_run(&a)
        return 0


def converted(x, dtype):
    """x's items as another dtype, in a new array in x's order; None where there is no loop of ours for it.

    What does not fit into a smaller float is infinite, into an integer any number; NaN is true.
    """
    cdef cnp.ndarray array, out
    cdef int typenum = (<cnp.dtype> dtype).num, ndim, to, of, d
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp strides[2][WG_MAX_DIMS]
    cdef const cnp.npy_intp *stride_of[2]
    cdef char *data[2]
    cdef PyObject *arrays[1]
    cdef bint whole, fortran = True
    cdef wg_loop loop
    if not cnp.PyArray_Check(x) or not PyArray_ISBEHAVED_RO(x):
        return None
    array = x
    to, of, ndim = item_of(typenum), item_of(cnp.PyArray_TYPE(array)), cnp.PyArray_NDIM(array)
    if to < 0 or of < 0 or wg_active.whole.cast[of][to] is NULL or (to == WG_U8 and typenum != cnp.NPY_BOOL):
        return None
    arrays[0] = <PyObject *> array
    spread(1, arrays, ndim, shape, &whole, &fortran)
    if not whole:
        for d in range(ndim - 1):  # in C order with gaps, or the order is NumPy's to find
            if cnp.PyArray_STRIDE(array, d + 1) <= 0 or cnp.PyArray_STRIDE(array, d) < cnp.PyArray_STRIDE(array, d + 1):
                return None
    out = new_array(typenum, ndim, shape, fortran)
    data[0], data[1] = cnp.PyArray_BYTES(out), cnp.PyArray_BYTES(array)
    loop.run, loop.context, loop.inputs, loop.dense = wg_active.whole.cast[of][to], NULL, 1, True
    loop.sizes[0], loop.sizes[1] = item_size(typenum), cnp.PyArray_ITEMSIZE(array)
    ndim = lay_out(1, arrays, out, whole, ndim, shape, strides, stride_of)
    if cnp.PyArray_SIZE(array) < KEEP_GIL_BELOW:
        wg_loop_run(&loop, ndim, shape, data, stride_of)
    else:
        with nogil:
            wg_loop_run(&loop, ndim, shape, data, stride_of)
    return out


# ---------------------------------------------------------------- arrays of what numbers say

def filled(shape, dtype, value):
    """An array of one number, in recycled memory."""
    cdef cnp.ndarray out = empty(shape, dtype)
    cdef cnp.npy_intp size = cnp.PyArray_SIZE(out), i
    cdef int64_t item = 0
    cdef char *data[2]
    cdef cnp.npy_intp strides[2]
    cdef const cnp.npy_intp *stride_of[2]
    cdef size_t bytes = cnp.PyArray_ITEMSIZE(out)
    if size == 0:
        return out
    PyArray_SETITEM(out, cnp.PyArray_DATA(out), value)
    if bytes == 1:
        memset(cnp.PyArray_DATA(out), (<uint8_t *> cnp.PyArray_DATA(out))[0], size)
    elif bytes == 2:
        for i in range(1, size):
            (<short *> cnp.PyArray_DATA(out))[i] = (<short *> cnp.PyArray_DATA(out))[0]
    else:
        memcpy(&item, cnp.PyArray_DATA(out), bytes)
        data[0], data[1] = cnp.PyArray_BYTES(out), <char *> &item
        strides[0], strides[1] = bytes, 0
        stride_of[0], stride_of[1] = &strides[0], &strides[1]
        wg_elementwise_run(<wg_elementwise> WG_ELEMENTWISE_copy, WG_F32 if bytes == 4 else WG_F64, 1, &size, data, stride_of,
                           NULL)
    return out


def spaced(cnp.npy_intp count, dtype, start, by, end=None):
    """start + k by, for k below `count`, as float32, float64 or int64; of the second half end - k by, where `end` is given,
    k being counted from the last."""
    cdef cnp.ndarray out = empty((count,), dtype)
    cdef cnp.npy_intp half = count if end is None else count // 2
    cdef int real
    if cnp.PyArray_TYPE(out) == cnp.NPY_INT64:
        wg_active.whole.range(<int64_t *> cnp.PyArray_DATA(out), count, start, by)
        return out
    real = real_of(cnp.PyArray_TYPE(out), "spaced")
    wg_active.whole.spaced[real](cnp.PyArray_DATA(out), half, 0, 1, start, by)
    if half < count:
        wg_active.whole.spaced[real](cnp.PyArray_BYTES(out) + half * cnp.PyArray_ITEMSIZE(out), count - half,
                                     count - half - 1, -1, end, -by)
    return out


def triangle_places(int64_t rows, int64_t columns, int64_t offset, bint lower):
    """int64 of shape (2, n): row by row the places (row, column) with column - row at most `offset`, or at least."""
    cdef int64_t n = 0, row, column, begin, end
    cdef int64_t *at = NULL
    cdef cnp.npy_intp shape[2]
    cdef cnp.ndarray out
    if max(rows, columns) >= <int64_t> 1 << 31:
        raise MemoryError(f"no memory for the places of a triangle of {rows} by {columns}")
    offset = min(max(offset, -rows), columns)  # beyond, nothing changes
    for part in range(2):  # counts, then writes
        for row in range(rows):
            begin = 0 if lower else min(max(row + offset, 0), columns)
            end = min(max(row + offset + 1, 0), columns) if lower else columns
            if at is NULL:
                n += end - begin
                continue
            for column in range(begin, end):
                at[column - begin] = row
                at[column - begin + n] = column
            at += end - begin
        if at is NULL:
            shape[0], shape[1] = 2, n
            out = new_array(cnp.NPY_INT64, 2, shape)
            at = <int64_t *> cnp.PyArray_DATA(out)
    return out
