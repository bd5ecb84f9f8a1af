# cython: language_level=3
# Static types for the compiled build of modes.py. The Python file is complete without this one.

cdef class recording:
    cdef bint _on
    cdef object _before

cdef class Ever:
    cdef public bint batches_or_hooks
    cdef public bint observers
    cdef public int recordings
    cdef public int defaults
