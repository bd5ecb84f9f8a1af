# cython: language_level=3
# Static types for the compiled build of change.py. The Python file is complete without this one.
cimport cython
from wengert.core.tape cimport Node
from wengert.core.variable cimport Variable

@cython.locals(recording=bint, old=Variable, new=Variable, node=Node)
cpdef object rewrite(Variable x, str name, object function)

cpdef object _assign(object array, object items)

@cython.locals(base=Variable)
cpdef object refuse_given(Variable x, str name)

cpdef object forget(Variable x)

@cython.locals(base=Variable)
cpdef object renew(Variable x)

@cython.locals(base=Variable, changed=Variable, before=Variable)
cpdef object _take_history(Variable x, str name, Variable new)

cpdef object _follow(Variable x, Node node)
