# cython: language_level=3
# Static types for the compiled build of arguments.py. The Python file is complete without this one.

cpdef Py_ssize_t dimension(str name, object dim, Py_ssize_t ndim) except -1
cpdef tuple per_dimension(str name, str what, object given, Py_ssize_t dims, Py_ssize_t least)
cpdef tuple dimensions(str name, object dim, Py_ssize_t ndim)
cpdef object either(str name, object dim, object axis)
cpdef dict reduced(str name, tuple shape, object dim, object axis, object keepdim, object keepdims)
cpdef tuple triple(slice part)
