# cython: language_level=3
# Static types for the compiled build of tape.py. The Python file is complete without this one.
cimport cython
from wengert.variable cimport Variable

@cython.final
cdef class Operation:
    cdef public str name
    cdef public object kernel
    cdef public tuple arguments
    cdef public tuple vjps
    cdef public tuple jvps
    cdef public tuple saves
    cdef public dict places
    cdef public object result_for  # an int of any size

@cython.final
cdef class Rule:
    cdef public object function
    cdef public tuple needs

@cython.final
cdef class Node:
    cdef object __weakref__
    cdef public Operation operation
    cdef public tuple sources
    cdef public tuple saved
    cdef public tuple versions
    cdef public object result
    cdef public dict static
    cdef public object number
    cdef public object hooks
    cdef public object where
