# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True, auto_pickle=False
"""Bindings of the C kernels: one function per kernel family. Each checks, allocates, releases the GIL and calls.

Arrays are NumPy arrays of float32 or float64, all of one dtype within a call, with any strides; the layers above promote
dtypes and know about tensors. Results are new, dense, and live in recycled memory (csrc/buffer.c). The contracts of
the kernels are in csrc/wengert.h.
"""
cimport cython
cimport numpy as cnp
from cpython.float cimport PyFloat_AsDouble
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove, memset, strcmp

from .wengert cimport *

import operator
import os

import numpy as np

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    enum: NPY_HALF
    cnp.PyArray_Descr *PyArray_DescrFromType(int typenum)
    object PyArray_NewFromDescr(type subtype, cnp.PyArray_Descr *descr, int nd, cnp.npy_intp *dims,
                                cnp.npy_intp *strides, void *data, int flags, object obj)
    int PyArray_SetBaseObject(cnp.ndarray array, object base) except -1
    PyObject *PyArray_BASE(cnp.ndarray array)
    bint PyArray_ISBEHAVED_RO(cnp.ndarray array)
    bint PyArray_ISCARRAY_RO(cnp.ndarray array)
    bint PyArray_IS_C_CONTIGUOUS(cnp.ndarray array)
    bint PyArray_IS_F_CONTIGUOUS(cnp.ndarray array)
    bint PyArray_ISWRITEABLE(cnp.ndarray array)
    void PyArray_ENABLEFLAGS(cnp.ndarray array, int flags)
    int PyArray_Sort(cnp.ndarray array, int axis, cnp.NPY_SORTKIND kind) except -1
    void PyArray_CLEARFLAGS(cnp.ndarray array, int flags)

cdef extern from "Python.h":
    Py_ssize_t REFCNT "Py_REFCNT"(PyObject *o)
    PyObject *PyDict_GetItem(object holder, object key)
    int PyErr_CheckSignals() noexcept  # leaves what a handler raised for whoever asks next

cdef extern from *:
    const cnp.npy_intp PY_SSIZE_T_MAX

__version__ = WG_VERSION.decode()

cdef enum:
    KEEP_GIL_BELOW = 8192  # items; below, letting go of the GIL and taking it back costs more than the work


# ---------------------------------------------------------------- the machine

def isa():
    """Name of the instruction set in use."""
    return wg_active.name.decode()


def available_isas():
    """Names of the instruction sets that this machine can run, best first."""
    cdef const wg_kernels *const *table = wg_dispatch_available()
    names = []
    while table[0] is not NULL:
        names.append(table[0].name.decode())
        table += 1
    return tuple(names)


_asked = os.environ.get("WENGERT_NUM_THREADS", "").strip()
if _asked and not (_asked.isdecimal() and int(_asked) >= 1):
    raise ImportError(f"WENGERT_NUM_THREADS={_asked!r}: expected a whole number of threads, at least 1")

cdef const char *_unknown_isa = wg_dispatch_init()
if _unknown_isa is not NULL:
    raise ImportError(f"WENGERT_ISA={_unknown_isa.decode()!r}: this machine and build have {', '.join(available_isas())}")


def select_isa(name):
    """Swap all kernels to another instruction set. For tests: not while kernels run in another thread."""
    if not wg_dispatch_select(name.encode()):
        raise ValueError(f"select_isa: {name!r} is not among {available_isas()}")


def vector_bytes():
    """Width of a vector register of the instruction set in use, in bytes."""
    return wg_active.vector_bytes


def get_num_threads():
    """Number of threads that an operation may use, the calling one included.

    Returns
    -------
    int

    Examples
    --------
    >>> wg.get_num_threads() >= 1
    True
    """
    return wg_get_num_threads()


def set_num_threads(n):
    """Set the number of threads that an operation may use, the calling one included.

    Parameters
    ----------
    n : int
        At least 1. Results do not depend on it.

    Raises
    ------
    TypeError
        If ``n`` is not an integer.
    ValueError
        If ``n`` is below 1 or above the pool's limit of 256.

    Examples
    --------
    >>> before = wg.get_num_threads()
    >>> wg.set_num_threads(1)
    >>> wg.get_num_threads()
    1
    >>> wg.set_num_threads(before)
    """
    count = operator.index(n)
    if not 1 <= count <= WG_MAX_THREADS:
        raise ValueError(f"set_num_threads: expected 1 to {WG_MAX_THREADS} threads, got {n}")
    wg_set_num_threads(count)


def share_processors():
    """Use one thread, unless the number was set or comes from the environment: this is one process of several."""
    wg_share_processors()


def allowance(root=""):
    """What this process may use: processors, the quota of its control groups in processors, and their bytes of memory.

    `root` stands before the paths in /proc and /sys that Linux is asked at, for tests that have a tree of their own.
    """
    cdef bytes path = os.fsencode(root)
    return wg_processors(path), wg_cgroup_processors(path), wg_cgroup_memory(path)


def peak_flops(dtype, double seconds=0.05):
    """Measured FLOP/s of one thread in a loop of register-only fused multiply-adds."""
    cdef int real = real_of(np.dtype(dtype).num, "peak_flops")
    cdef double result
    with nogil:
        result = wg_active.peak.peak_flops[real](seconds)
    return result


# ---------------------------------------------------------------- memory

def memory_usage():
    """Bytes in recycled memory: handed out (`in_use`), kept for reuse (`held`), and the bound on the latter (`limit`)."""
    cdef wg_buffer_stats stats = wg_buffer_usage()
    return {"in_use": stats.in_use, "held": stats.held, "limit": stats.limit}


def trim_memory(cnp.npy_intp keep=0):
    """Return kept memory to the system until at most `keep` bytes are held; gives the number of bytes returned."""
    if keep < 0:
        raise ValueError(f"trim_memory: expected a number of bytes >= 0, got {keep}")
    return wg_buffer_trim(keep)


def set_memory_limit(cnp.npy_intp limit):
    """Bound the memory kept for reuse to `limit` bytes."""
    if limit < 0:
        raise ValueError(f"set_memory_limit: expected a number of bytes >= 0, got {limit}")
    wg_buffer_set_limit(limit)


def guard_memory(bint on):
    """Put every new result between sentinels and before a page that faults. For tests; of effect on Linux only."""
    wg_buffer_guard(on)


# ---------------------------------------------------------------- families

include "bindings/arrays.pxi"
include "bindings/dlpack.pxi"
include "bindings/program.pxi"
include "bindings/whole.pxi"
include "bindings/elementwise.pxi"
include "bindings/chain.pxi"
include "bindings/reduce.pxi"
include "bindings/scan.pxi"
include "bindings/gemm.pxi"
include "bindings/triangular.pxi"
include "bindings/conv.pxi"
include "bindings/softmax.pxi"
include "bindings/attention.pxi"
include "bindings/cross_entropy.pxi"
include "bindings/gather.pxi"
include "bindings/along.pxi"
include "bindings/places.pxi"
include "bindings/topk.pxi"
include "bindings/order.pxi"
include "bindings/count.pxi"
include "bindings/draw.pxi"
include "bindings/window.pxi"
include "bindings/recurrent.pxi"
include "bindings/norm.pxi"
include "bindings/update.pxi"
