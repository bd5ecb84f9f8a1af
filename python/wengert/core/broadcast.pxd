# cython: language_level=3
# Static types for the compiled build of broadcast.py. The Python file is complete without this one.
cimport cython
from wengert.core.variable cimport Variable

@cython.locals(a=Variable)
cpdef bint ready_alone(object x, bint floating)

@cython.locals(a=Variable, b=Variable)
cpdef bint ready(object x, object y, bint floating)

cpdef bint is_floating(object dtype)

cpdef bint keeps_dtype(Variable x, object number, bint floating)
