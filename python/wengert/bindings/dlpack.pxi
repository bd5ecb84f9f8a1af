# Memory that other libraries hand out in DLPack capsules. NumPy's own importer makes such memory read-only before 2.2, as
# the capsules of then could not say whether it may be written.

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "Python.h":
    void *PyCapsule_GetPointer(object capsule, const char *name) except NULL
    bint PyCapsule_IsValid(object capsule, const char *name)
    int PyCapsule_SetName(object capsule, const char *name) except -1

cdef enum:
    DLPACK_CPU = 1
    DLPACK_READ_ONLY = 1  # a bit of the flags

# The structures of the standard, version 1; https://dmlc.github.io/dlpack/latest/c_api.html has their names for these.
cdef struct DLTensor:
    void *data
    int32_t device_type
    int32_t device_id
    int32_t ndim
    uint8_t code
    uint8_t bits
    uint16_t lanes
    int64_t *shape
    int64_t *strides  # in items; NULL for C order
    uint64_t byte_offset

cdef struct DLManagedTensor:
    DLTensor tensor
    void *context
    void (*deleter)(DLManagedTensor *) noexcept

cdef struct DLManagedTensorVersioned:
    uint32_t major
    uint32_t minor
    void *context
    void (*deleter)(DLManagedTensorVersioned *) noexcept
    uint64_t flags
    DLTensor tensor


@cython.final
cdef class _Loan:
    """Memory of another library, which is told when nobody needs it any more."""
    cdef DLManagedTensor *plain
    cdef DLManagedTensorVersioned *versioned

    def __dealloc__(self):
        if self.plain is not NULL and self.plain.deleter is not NULL:
            self.plain.deleter(self.plain)
        if self.versioned is not NULL and self.versioned.deleter is not NULL:
            self.versioned.deleter(self.versioned)


cdef dict _DLPACK_KINDS = {0: "i", 1: "u", 2: "f", 6: "b"}


cdef object _dlpack_dtype(DLTensor *tensor):
    kind = _DLPACK_KINDS.get(tensor.code)
    if kind is None or tensor.lanes != 1 or tensor.bits % 8:
        raise TypeError(f"from_dlpack: no tensor has items of DLPack's type {tensor.code}, of {tensor.bits} bits and "
                        f"{tensor.lanes} lane(s)")
    return np.dtype(f"{kind}{tensor.bits // 8}")


def from_dlpack(capsule, bint writable_if_unsaid):
    """An array over the memory of a DLPack capsule, which is used up by that.

    Whether it may be written the capsule says, but for those of the old kind: then `writable_if_unsaid` does."""
    cdef _Loan loan = _Loan()
    cdef DLTensor *tensor
    cdef bint writable = writable_if_unsaid
    cdef bint versioned = PyCapsule_IsValid(capsule, "dltensor_versioned")
    cdef DLManagedTensorVersioned *found
    if versioned:
        found = <DLManagedTensorVersioned *> PyCapsule_GetPointer(capsule, "dltensor_versioned")
        if found.major != 1:
            raise BufferError(f"from_dlpack: expected a capsule of DLPack's version 1, got {found.major}")
        tensor = &found.tensor
        writable = not found.flags & DLPACK_READ_ONLY
    else:
        tensor = &(<DLManagedTensor *> PyCapsule_GetPointer(capsule, "dltensor")).tensor
    if tensor.device_type != DLPACK_CPU:
        raise BufferError(f"from_dlpack: expected memory of the CPU, device 1, got device {tensor.device_type}")
    dtype = _dlpack_dtype(tensor)
    array = _over_memory(dtype, tensor, writable)
    if versioned:
        loan.versioned = found
        PyCapsule_SetName(capsule, "used_dltensor_versioned")
    else:
        loan.plain = <DLManagedTensor *> PyCapsule_GetPointer(capsule, "dltensor")
        PyCapsule_SetName(capsule, "used_dltensor")
    Py_INCREF(loan)
    PyArray_SetBaseObject(array, loan)
    return array


cdef cnp.ndarray _over_memory(object dtype, DLTensor *tensor, bint writable):
    """An array over a tensor's memory, without an owner yet."""
    cdef cnp.npy_intp shape[WG_MAX_DIMS]
    cdef cnp.npy_intp strides[WG_MAX_DIMS]  # in bytes
    cdef cnp.npy_intp step = dtype.itemsize
    cdef int d
    if tensor.ndim > WG_MAX_DIMS:
        raise BufferError(f"from_dlpack: {tensor.ndim} dimensions; an array has at most {WG_MAX_DIMS}")
    for d in range(tensor.ndim - 1, -1, -1):
        shape[d] = tensor.shape[d]
        strides[d] = step if tensor.strides is NULL else tensor.strides[d] * <cnp.npy_intp> dtype.itemsize
        step *= shape[d]
    Py_INCREF(dtype)  # which the call takes over
    return PyArray_NewFromDescr(
        cnp.ndarray, <cnp.PyArray_Descr *> dtype, tensor.ndim, shape, strides,
        <char *> tensor.data + tensor.byte_offset, cnp.NPY_ARRAY_WRITEABLE if writable else 0, None)
