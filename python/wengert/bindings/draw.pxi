# csrc/draw.c: random numbers.

cdef extern from "draw.h" nogil:
    ctypedef struct wg_philox:
        uint64_t counter[4]
        uint64_t key[2]
        uint64_t buffer[4]
        int position
        int has_half
        uint32_t half
    ctypedef enum wg_draw_kind:
        WG_DRAW_UNIFORM
        WG_DRAW_NORMAL
    void wg_draw(wg_draw_kind kind, wg_philox *state, cnp.npy_intp n, float *out)


def draw(source, shape, bint normal=False):
    """Numbers of [0, 1), or normal ones, the same as NumPy's `Generator` draws; the source moves on likewise.

    Parameters
    ----------
    source : numpy.random.Philox
    shape : tuple of int
    normal : bool

    Returns
    -------
    ndarray of float32
    """
    cdef cnp.ndarray out = empty(shape, np.float32)
    cdef cnp.npy_intp n = cnp.PyArray_SIZE(out)
    cdef float *numbers = <float *> cnp.PyArray_DATA(out)
    cdef cnp.ndarray counter, key, buffer
    cdef wg_philox p
    with source.lock:
        state = source.state
        philox = state["state"]
        counter, key, buffer = philox["counter"], philox["key"], state["buffer"]
        memcpy(p.counter, cnp.PyArray_DATA(counter), sizeof(p.counter))
        memcpy(p.key, cnp.PyArray_DATA(key), sizeof(p.key))
        memcpy(p.buffer, cnp.PyArray_DATA(buffer), sizeof(p.buffer))
        p.position, p.has_half, p.half = state["buffer_pos"], state["has_uint32"], state["uinteger"]
        with nogil:
            wg_draw(WG_DRAW_NORMAL if normal else WG_DRAW_UNIFORM, &p, n, numbers)
        memcpy(cnp.PyArray_DATA(counter), p.counter, sizeof(p.counter))
        memcpy(cnp.PyArray_DATA(buffer), p.buffer, sizeof(p.buffer))
        state["buffer_pos"], state["has_uint32"], state["uinteger"] = p.position, p.has_half, p.half
        source.state = state
    return out
