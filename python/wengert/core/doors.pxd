# cython: language_level=3
# Static types for the compiled build of doors.py. The Python file is complete without this one.
cimport cython
from wengert.core.modes cimport Ever
from wengert.core.variable cimport Variable, wrap

cdef Ever ever

cdef class Value:
    cpdef object run(self, object operation, list values, dict static)
    cpdef object draw(self, object kernel, list values, dict static)
    cpdef object leave(self, str kind)
    cpdef object memory(self)
    cpdef object buffer(self)
    cpdef object write(self, str name, object kernel, list values, dict static, Py_ssize_t count)
    cpdef object text(self)
    cpdef object repeated(self, object array)

cpdef object special(list values)

cpdef object enter(object x, object dtype=*)

cpdef object line()

cpdef object count_change(Variable x)

@cython.locals(x=Variable, values=list, plain=bint)
cpdef tuple _values_of(tuple written)

@cython.locals(x=Variable, counter=list)
cpdef object _count(tuple written, object where)

cpdef object require_writable(Variable x, str name)

cpdef object memory(Variable x)

cpdef object buffer(Variable x)

cpdef object leave(Variable x, str kind)
