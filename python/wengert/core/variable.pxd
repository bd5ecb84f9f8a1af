# cython: language_level=3
# Static types for the compiled build of variable.py. The Python file is complete without this one.
cimport cython

cdef class Variable:
    cdef object __weakref__
    cdef public object value
    cdef public bint tracked
    cdef public object grad
    cdef public object node
    cdef public object counter
    cdef public object hooks
    cdef public object base
    cdef public object seen

    @cython.final
    @cython.locals(base=Variable)
    cdef bint is_tracked(self)
    @cython.final
    cdef object origin(self)
