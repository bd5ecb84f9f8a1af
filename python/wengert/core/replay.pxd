# cython: language_level=3
# Static types for the compiled build of replay.py. The Python file is complete without this one.
cimport cython
from wengert.core.modes cimport Ever
from wengert.core.variable cimport Variable, as_view, wrap

cdef Ever ever

@cython.final
cdef class Result:
    cdef public str kind
    cdef public object what
    cdef public tuple place
    cdef public bint requires_grad
    cdef public bint leaf
    cdef public int same_as

@cython.final
cdef class Numbers:
    cdef public object host
    cdef public str family
    cdef public int entry

@cython.final
cdef class Replay:
    cdef public list entries
    cdef public list results
    cdef public object structure
    cdef public tuple tensors
    cdef public list variables
    cdef public list values
    cdef public list tracked
    cdef public list guards
    cdef public list gradients
    cdef public list given
    cdef public list summed
    cdef public list changed
    cdef public bint recording
    cdef public int defaults
    cdef public dict written
    cdef public object master
    cdef public list idle
    cdef public list steps
    cdef public Py_ssize_t effects_from
    cdef public Result single

    @cython.locals(x=Variable, leaf=Variable, g=Variable, k=Py_ssize_t, guard=tuple)
    cpdef bint holds(self)
    @cython.locals(v=Variable, k=Py_ssize_t, tensors=tuple, found=list)
    cpdef tuple arrays(self, tuple args)
    cpdef run(self, tuple arrays, object leaves)
    @cython.locals(place=tuple)
    @cython.locals(x=Variable, leaf=Variable, former=Variable, counter=list, result=Result, out=list, kept=dict)
    cpdef _leave(self, object program, object leaves)

cdef class Caller:
    cdef public object _last

cdef bint _is_usual(Replay last)

cpdef bint is_watched()

cdef _result(object program, Result result, object leaves)

@cython.locals(kind=str, members=list, wanted=tuple, k=Py_ssize_t)
cdef bint _guard_holds(tuple guard)
