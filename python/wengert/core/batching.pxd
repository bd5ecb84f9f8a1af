# cython: language_level=3
# Static types for the compiled build of batching.py. The Python file is complete without this one.
cimport cython
from wengert.core.doors cimport Value

@cython.final
cdef class Batch:
    cdef public tuple lengths
    cdef public list having
    cdef public str name

cdef class Batched(Value):
    cdef public object data
    cdef public object dtype
    cdef public tuple levels
    cdef public tuple shape
    cdef public Py_ssize_t ndim
    cdef public Py_ssize_t size

    @cython.locals(arrays=list, having=list, levels=tuple, batch=Batch)
    cpdef object run(self, object operation, list values, dict static)

cpdef tuple levels_of(object value)

cpdef tuple merged(tuple first, tuple second)

cpdef object brought(Batched value, tuple levels)

cpdef object batched(object found, tuple levels, Batch batch)

@cython.locals(lead=Py_ssize_t, widest=Py_ssize_t, own=Py_ssize_t, k=Py_ssize_t, values=list)
cpdef object aligned(object kernel, Batch batch, list arrays, dict static)
