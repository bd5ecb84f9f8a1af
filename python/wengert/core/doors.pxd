# cython: language_level=3
# Static types for the compiled build of doors.py. The Python file is complete without this one.
cimport cython
from wengert.core.variable cimport Variable

cdef class Value:
    cpdef object run(self, object kernel, list values, dict static)
    cpdef object leave(self, str kind)
    cpdef object memory(self)
    cpdef object write(self, object kernel, list values, dict static)

cpdef object run(object kernel, list values, dict static)

cpdef object enter(object x, object dtype=*)

cpdef object line()

@cython.locals(counter=list)
cpdef object count_change(Variable x)

cpdef object require_writable(Variable x, str name)

cpdef object memory(Variable x)

cpdef object leave(Variable x, str kind)
