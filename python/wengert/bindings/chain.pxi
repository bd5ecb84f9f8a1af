# csrc/fuse.c: several elementwise kernels after each other, block by block.

cdef extern from "program.h" nogil:
    ctypedef struct wg_fused_copy:
        char *data
        cnp.npy_intp row_stride
        cnp.npy_intp col_stride
    ctypedef struct wg_fused:
        cnp.npy_intp items
        cnp.npy_intp block
        int parts
        wg_dense *part
        const signed char *scratch
        cnp.npy_intp cols
        int copies
        const wg_fused_copy *copy
    enum:
        WG_FUSED_SCRATCH
        WG_FUSED_COPIES
        WG_FUSED_ROW
    wg_status wg_call_fused(void *call, wg_real real) noexcept

cdef enum:
    CHAIN_VALUES = 16  # inputs and constants
    CHAIN_STEPS = 24
    CHAIN_FEW = 1024     # items: of more, whole copies cost less than tiles,
    CHAIN_MANY = 1 << 19 # unless there are several of so many that they leave the last-level cache
    CHAIN_BLOCK = 4096  # bytes of the real type; inputs and results together stay in the first-level cache
    CHAIN_RESULT = 32  # an operand's code: the result of a step before, of reals,
    CHAIN_TRUTH = 33   # or of bytes


@cython.final
cdef class Chain:
    """What `ops/chains.py` makes of a function of elementwise kernels: all of its steps in one run over the items.

    Arrays of one shape, float32 or float64, all in C or all in Fortran order, arrays of one item, and numbers are taken
    so. Some of other strides, of one or two dimensions, are copied tile by tile, more of them at once, into the order of
    most. Anything else goes to `by_steps`, and so does a call that is being recorded.
    """
    cdef readonly object by_steps
    cdef bytes kernels, codes, scratch
    cdef double numbers[CHAIN_VALUES]
    cdef int inputs, constants
    cdef bint boolean

    def __init__(self, by_steps, int inputs, bytes kernels, bytes codes, bytes scratch, tuple numbers, bint boolean):
        cdef int k
        if len(kernels) > CHAIN_STEPS or inputs + len(numbers) > CHAIN_VALUES or len(codes) != 4 * len(kernels):
            raise ValueError(f"at most {CHAIN_STEPS} steps, and {CHAIN_VALUES} inputs and constants")
        self.by_steps, self.kernels, self.codes, self.scratch = by_steps, kernels, codes, scratch
        self.inputs, self.constants, self.boolean = inputs, <int> len(numbers), boolean
        for k in range(self.constants):
            self.numbers[inputs + k] = numbers[k]

    def __call__(self, *operands):
        cdef wg_fused fused
        cdef wg_dense part[CHAIN_STEPS]
        cdef double numbers[CHAIN_VALUES]
        cdef float numbers32[CHAIN_VALUES]
        cdef char *data[CHAIN_VALUES]
        cdef uint8_t steps[CHAIN_RESULT + 2]
        cdef const uint8_t *codes = <const uint8_t *> <const char *> self.codes
        cdef const uint8_t *kernels = <const uint8_t *> <const char *> self.kernels
        cdef const signed char *scratch = <const signed char *> <const char *> self.scratch
        cdef wg_fused_copy copy[WG_FUSED_COPIES]
        cdef signed char places[4 * CHAIN_STEPS]
        cdef signed char copied[CHAIN_RESULT + 2]  # per operand: its block of scratch memory, or -1
        cdef cnp.ndarray array, first = None, out
        cdef int typenum = -1, k, j, real
        cdef uint8_t item
        cdef int stepping = 0, c = 0, f = 0  # arrays of items, and those of them in C and in Fortran order
        cdef bint fits = wg_recording is NULL and len(operands) == self.inputs
        for k in range(self.inputs if fits else 0):
            steps[k] = 0
            operand = operands[k]
            if not cnp.PyArray_Check(operand):
                numbers[k] = PyFloat_AsDouble(operand)
                data[k] = NULL
                continue
            array = <cnp.ndarray> operand
            fits = fits and PyArray_ISBEHAVED_RO(array) and typenum in (-1, cnp.PyArray_TYPE(array))
            typenum = cnp.PyArray_TYPE(array)
            data[k] = cnp.PyArray_BYTES(array)
            if same_items(array):
                continue
            steps[k] = 1
            if first is None:
                first = array
            fits = fits and has_shape(array, cnp.PyArray_NDIM(first), cnp.PyArray_DIMS(first))
            stepping += 1
            c += PyArray_IS_C_CONTIGUOUS(array)
            f += PyArray_IS_F_CONTIGUOUS(array)
        if fits and c < stepping and f < stepping:  # of one shape, but laid out in different ways: as most of them are
            if f > c:
                return self(*[x.T if cnp.PyArray_Check(x) else x for x in operands]).T
            if cnp.PyArray_NDIM(first) > 2 or stepping - c > WG_FUSED_COPIES or (cnp.PyArray_SIZE(first) > CHAIN_FEW and (
                    stepping - c == 1 or cnp.PyArray_SIZE(first) < CHAIN_MANY)):
                return self(*[x if not cnp.PyArray_Check(x) or same_items(x) else dense(x) for x in operands])
        if not (fits and first is not None and (typenum == cnp.NPY_FLOAT or typenum == cnp.NPY_DOUBLE)):
            return self.by_steps(*operands)
        for k in range(self.inputs):
            if not steps[k] and data[k] is not NULL:
                array = <cnp.ndarray> operands[k]
                if cnp.PyArray_NDIM(array) and not has_shape(array, cnp.PyArray_NDIM(first), cnp.PyArray_DIMS(first)):
                    return self.by_steps(*operands)
        real = WG_F32 if typenum == cnp.NPY_FLOAT else WG_F64
        item = 4 if real == WG_F32 else 8
        for k in range(self.inputs + self.constants):
            if k >= self.inputs:
                steps[k], numbers[k], data[k] = 0, self.numbers[k], NULL
            elif steps[k]:
                steps[k] = item
            if data[k] is NULL:
                numbers32[k] = <float> numbers[k]
                data[k] = <char *> &numbers32[k] if real == WG_F32 else <char *> &numbers[k]
        steps[CHAIN_RESULT], steps[CHAIN_TRUTH] = item, 1
        out = new_array(cnp.NPY_BOOL if self.boolean else typenum, cnp.PyArray_NDIM(first), cnp.PyArray_DIMS(first),
                        c < stepping and f == stepping)
        fused.items, fused.block, fused.parts = cnp.PyArray_SIZE(first), CHAIN_BLOCK // item, <int> len(self.kernels)
        fused.part, fused.scratch, fused.copies = part, scratch, 0
        if c < stepping and f < stepping:  # those that are not in C order are copied
            memset(copied, -1, sizeof(copied))
            for k in range(self.inputs):
                if not steps[k] or PyArray_IS_C_CONTIGUOUS(<cnp.ndarray> operands[k]):
                    continue
                array = <cnp.ndarray> operands[k]
                j = cnp.PyArray_NDIM(array)
                fused.cols = cnp.PyArray_DIM(array, j - 1)
                copy[fused.copies].data = data[k]
                copy[fused.copies].col_stride = cnp.PyArray_STRIDE(array, j - 1)
                copy[fused.copies].row_stride = 0 if j == 1 else cnp.PyArray_STRIDE(array, 0)
                copied[k] = WG_FUSED_SCRATCH + fused.copies
                fused.copies += 1
            for k in range(4 * fused.parts):
                places[k] = copied[codes[k]] if copied[codes[k]] >= 0 else scratch[k]
            fused.copy, fused.scratch, fused.block = copy, places, WG_FUSED_ROW // item
        for k in range(fused.parts):
            part[k].kernel, part[k].operands, part[k].params = kernels[k], 4, NULL
            for j in range(4):
                part[k].steps[j] = steps[codes[4 * k + j]]
                part[k].data[j] = cnp.PyArray_BYTES(out) if codes[4 * k + j] >= CHAIN_RESULT else data[codes[4 * k + j]]
            for j in range(1, wg_elementwise_table[kernels[k]].inputs + 1):
                if part[k].steps[j]:
                    break
            else:
                return self.by_steps(*operands)  # a step of single items alone, which gives one
        if fused.items * fused.parts < KEEP_GIL_BELOW:
            wg_call_fused(&fused, <wg_real> real)
        else:
            with nogil:
                wg_call_fused(&fused, <wg_real> real)
        return out


cdef bint same_items(cnp.ndarray array) noexcept:
    """Whether all items of an array, of which there are some, are the same one."""
    cdef int d
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_DIM(array, d) != 1 and (cnp.PyArray_STRIDE(array, d) != 0 or cnp.PyArray_DIM(array, d) == 0):
            return False
    return True
