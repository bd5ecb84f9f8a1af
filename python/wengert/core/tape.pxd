# cython: language_level=3
# Static types for the compiled build of tape.py. The Python file is complete without this one.
cimport cython
from wengert.core.modes cimport Ever
from wengert.core.variable cimport Variable, wrap

cdef Ever ever

@cython.final
cdef class Rule:
    cdef public object function
    cdef public tuple needs

@cython.final
cdef class Operation:
    cdef object __weakref__
    cdef public str name
    cdef public object kernel
    cdef public tuple arguments
    cdef public tuple vjps
    cdef public tuple jvps
    cdef public tuple saves
    cdef public dict places
    cdef public object result_for  # an int of any size
    cdef public Rule joint
    cdef public Rule pushed
    cdef public bint keeps
    cdef public object batched
    cdef public int crosses

@cython.final
cdef class Node:
    cdef object __weakref__
    cdef public Operation operation
    cdef public tuple sources
    cdef public tuple saved
    cdef public tuple versions
    cdef public object result
    cdef public object kept
    cdef public dict static
    cdef public long long number
    cdef public tuple levels
    cdef public object _hooks
    cdef public object where

    @cython.locals(operation=Operation, variable=Variable)
    cpdef object argument(self, str name)
    cpdef object release(self)
    @cython.locals(counter=list)
    cpdef object check(self, Variable variable, object version, str what)
    @cython.locals(needs=tuple)
    cpdef object run(self, Rule rule, object direction)
    cpdef object given(self, str name, object direction)

@cython.locals(variable=Variable, tracked=bint, plain=bint)
cpdef object apply(Operation operation, tuple inputs, dict static=*)

cpdef object _made(Operation operation, tuple inputs, object result, bint tracked)

@cython.locals(variable=Variable, values=list, tracked=bint, plain=bint)
cpdef object _run(Operation operation, tuple inputs, dict static)

@cython.locals(
    node=Node, variable=Variable, before=Node, sources=list, saved=tuple, flowing=Py_ssize_t, inside=bint
)
cpdef object record(
    Operation operation, tuple inputs, dict static, Variable out, object kept=*, Py_ssize_t constants=*, tuple levels=*,
    Py_ssize_t summed=*
)

cpdef object _place(Node node, tuple inputs, list sources, Variable out, tuple levels)

cpdef tuple levels_of_source(object source)

@cython.locals(node=Node, ends=set, seen=set, found=list, stack=list)
cpdef list ancestors(object outputs, object stops=*, long long since=*)

@cython.locals(node=Node, rule=Rule, joint=Rule, vjps=tuple, cotangents=dict, i=Py_ssize_t)
cpdef dict pull(list outputs, object wanted=*, bint free=*, object nodes=*)

@cython.locals(node=Node, rule=Rule, joint=Rule, jvps=tuple, known=dict, shares=list, i=Py_ssize_t)
cpdef list push(list outputs, dict tangents, object nodes=*)
