# cython: language_level=3
# Static types for the compiled build of tensor.py. The Python file is complete without this one.
from wengert.tape cimport Variable

cdef class Tensor(Variable):
    pass
