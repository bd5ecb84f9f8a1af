# cython: language_level=3
# Static types for the compiled build of variable.py. The Python file is complete without this one.
cimport cython
from wengert.core.modes cimport Ever

cdef Ever ever

cdef class Variable:
    cdef object __weakref__
    cdef public object _value
    cdef public bint _tracked
    cdef public object _grad
    cdef public object _node
    cdef public object _counter
    cdef public object _hooks
    cdef public object _base
    cdef public object _seen

    @cython.final
    @cython.locals(base=Variable)
    cdef bint is_tracked(self)
    @cython.final
    cdef object origin(self)

cdef type _class
cdef type _class_of_tuples

@cython.locals(variable=Variable, cls=type)
cpdef Variable wrap(object value, object counter=*, object node=*)

cpdef object detached(Variable x)

cpdef object as_view(Variable x, Variable out)
