# cython: language_level=3
# Static types for the compiled build of backward.py. The Python file is complete without this one.
cimport cython
from wengert.core.modes cimport Ever
from wengert.core.tape cimport levels_of_source, pull
from wengert.core.variable cimport Variable

cdef Ever ever

@cython.locals(y=Variable)
cpdef object _cotangent(str name, object output, object gradient)

cpdef list _aslist(object x)

@cython.locals(y=Variable, starts=list, i=Py_ssize_t)
cpdef dict _walk(str name, list outputs, list gradients, object wanted, object retain, bint create, object arrive)

cpdef object _arrived(str name, Variable g, Variable x)

cpdef object require_shape(str name, str what, Variable g, Variable x)

# The leaf has no type, so that where threads run freely its attributes are read and set under the lock that Cython puts
# around them: other threads may look at its gradient.
cpdef object _accumulate(object leaf, Variable g, bint create, bint alone)
