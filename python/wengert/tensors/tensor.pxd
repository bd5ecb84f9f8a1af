# cython: language_level=3
# Static types for the compiled build of tensor.py. The Python file is complete without this one, but for the buffer
# protocol, which classes written in Python have from 3.12 only.
cimport cython
from cpython.buffer cimport PyObject_GetBuffer
from wengert.core.doors cimport leave
from wengert.core.variable cimport Variable

cdef class Tensor(Variable):
    def __getbuffer__(self, Py_buffer *buffer, int flags):
        PyObject_GetBuffer(self._shared(), buffer, flags)
