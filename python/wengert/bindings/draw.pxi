# csrc/draw.c: random numbers.

from cpython.pycapsule cimport PyCapsule_GetPointer

cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        void *state
        uint32_t (*next_uint32)(void *state) noexcept nogil

cdef extern from "draw.h" nogil:
    ctypedef struct wg_philox:
        uint64_t counter[4]
        uint64_t key[2]
        uint64_t buffer[4]
        int position
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

cdef enum:
    MANY_DRAWN = 4096  # numbers, for which reading and writing a generator's state pays

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
    cdef cnp.ndarray out = empty(shape, np.int64 if what == WG_DRAW_ORDER else np.float32), counter, key, buffer
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(out)
    cdef void *numbers = cnp.PyArray_DATA(out)
    cdef bitgen_t *generator
    cdef wg_philox p
    cdef wg_bits bits
    with source.lock:
        if n < MANY_DRAWN or type(source).__name__ != "Philox":
            generator = <bitgen_t *> PyCapsule_GetPointer(source.capsule, "BitGenerator")
            bits.next, bits.from_ = generator.next_uint32, generator.state
            with nogil:
                wg_draw(what, NULL, &bits, n, numbers)
            return out
        state = source.state
        philox = state["state"]
        counter, key, buffer = philox["counter"], philox["key"], state["buffer"]
        memcpy(p.counter, cnp.PyArray_DATA(counter), sizeof(p.counter))
        memcpy(p.key, cnp.PyArray_DATA(key), sizeof(p.key))
        memcpy(p.buffer, cnp.PyArray_DATA(buffer), sizeof(p.buffer))
        p.position, p.has_half, p.half = state["buffer_pos"], state["has_uint32"], state["uinteger"]
        with nogil:
            wg_draw(what, &p, NULL, n, numbers)
        memcpy(cnp.PyArray_DATA(counter), p.counter, sizeof(p.counter))
        memcpy(cnp.PyArray_DATA(buffer), p.buffer, sizeof(p.buffer))
        state["buffer_pos"], state["has_uint32"], state["uinteger"] = p.position, p.has_half, p.half
        source.state = state
    return out
