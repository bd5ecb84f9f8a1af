# csrc/draw.c: random numbers.

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.string cimport memcmp

cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        void *state
        uint32_t (*next_uint32)(void *state) noexcept nogil

cdef extern from "draw.h" nogil:
    ctypedef struct wg_philox:
        uint64_t *counter
        uint64_t *key
        int position
        uint64_t buffer[4]
        int has_half
        uint32_t half
    ctypedef struct wg_bits:
        uint32_t (*next)(void *from_) noexcept nogil
        void *from_ "from"
    ctypedef enum wg_draw_kind:
        WG_DRAW_UNIFORM
        WG_DRAW_NORMAL
        WG_DRAW_ORDER
    void wg_draw_prepare()
    void wg_draw(wg_draw_kind kind, wg_philox *state, const wg_bits *bits, cnp.npy_intp n, void *out)

cdef object PHILOX = None  # NumPy's class, once one of its sources was found to lie in memory as wg_philox does

wg_draw_prepare()


def draw(source, shape, kind="uniform"):
    """Numbers that are the same as NumPy's `Generator` draws; the source moves on likewise.

    Parameters
    ----------
    source : numpy.random.BitGenerator
    shape : tuple of int
    kind : {"uniform", "normal", "order"}
        float32 of [0, 1); float32 of the standard normal distribution; the int64 from 0 on, fewer than 2^32, in random
        order.
    """
    cdef wg_draw_kind what = WG_DRAW_NORMAL if kind == "normal" else WG_DRAW_ORDER if kind == "order" else WG_DRAW_UNIFORM
    cdef cnp.npy_intp lengths[WG_MAX_DIMS]
    cdef int ndim = len(shape), d
    cdef bint fits = ndim <= WG_MAX_DIMS
    for d in range(ndim if fits else 0):
        lengths[d] = shape[d]
        fits = fits and lengths[d] >= 0
    if not fits:
        raise ValueError(f"draw: expected at most {WG_MAX_DIMS} lengths, none negative, got {shape}")
    cdef cnp.ndarray out = new_array(cnp.NPY_INT64 if what == WG_DRAW_ORDER else cnp.NPY_FLOAT, ndim, lengths)
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(out)
    cdef void *numbers = cnp.PyArray_DATA(out)
    cdef bitgen_t *generator
    cdef wg_philox *state = NULL
    cdef wg_bits bits
    with source.lock:
        generator = <bitgen_t *> PyCapsule_GetPointer(source.capsule, "BitGenerator")
        bits.next, bits.from_ = generator.next_uint32, generator.state
        if type(source) is PHILOX or is_philox(source, <wg_philox *> generator.state):
            state = <wg_philox *> generator.state
        if n < KEEP_GIL_BELOW // 8:
            wg_draw(what, state, &bits, n, numbers)
        else:
            with nogil:
                wg_draw(what, state, &bits, n, numbers)
    return out


cdef bint is_philox(source, wg_philox *p) except -1:
    """Whether a source is NumPy's Philox, and what it tells of its state lies in its memory where wg_philox has it."""
    global PHILOX
    cdef char *begin = <char *> <PyObject *> source
    cdef Py_ssize_t size = type(source).__basicsize__
    cdef cnp.ndarray counter, key, buffer
    cdef char *end = begin + size
    if type(source).__name__ != "Philox" or not begin < <char *> p <= end - sizeof(wg_philox):
        return False
    if not (begin < <char *> p.counter <= end - 32 and begin < <char *> p.key <= end - 16):
        return False
    told = source.state
    counter, key, buffer = told["state"]["counter"], told["state"]["key"], told["buffer"]
    if memcmp(p.counter, cnp.PyArray_DATA(counter), 32) or memcmp(p.key, cnp.PyArray_DATA(key), 16):
        return False
    if memcmp(p.buffer, cnp.PyArray_DATA(buffer), 32) or p.position != told["buffer_pos"]:
        return False
    if p.has_half != told["has_uint32"] or p.half != told["uinteger"]:
        return False
    PHILOX = type(source)
    return True
