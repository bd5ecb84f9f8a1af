# csrc/program.c: lists of kernel calls, which bindings record and programs run again.
#
# While this thread records, each binding describes its call to the `Recording` by a `note_*` function, after it has made
# it: a copy of the struct that the kernel was given, and for each pointer in it the array that it points into. An array's
# memory is known by its owner, the object at the end of its bases: a Block, which tells its slot, or an array that was
# handed to the recording. A pointer into memory that is not known makes the entry a step of Python's.

cdef extern from "program.h" nogil:
    ctypedef struct wg_program:
        pass
    void *wg_recording
    ctypedef enum wg_slot_kind:
        WG_SLOT_BLOCK
        WG_SLOT_FIXED
        WG_SLOT_BOUND
    ctypedef enum wg_access:
        WG_READS
        WG_WRITES
        WG_CHANGES
    ctypedef enum wg_call_kind:
        WG_CALL_KERNEL
        WG_CALL_DENSE
        WG_CALL_STEP
    ctypedef wg_status wg_call_fn(void *call, wg_real real) noexcept nogil
    wg_program *wg_program_new() noexcept
    void wg_program_free(wg_program *p) noexcept
    int wg_program_slot(wg_program *p, wg_slot_kind kind, size_t bytes, char *base) noexcept
    void wg_program_set_slot(wg_program *p, int slot, wg_slot_kind kind, char *base) noexcept
    cnp.npy_intp wg_program_call(wg_program *p, wg_call_fn *run, wg_call_kind kind, wg_real real, int entry, int keep,
                                 const void *arguments, size_t bytes) noexcept
    cnp.npy_intp wg_program_tail(wg_program *p, cnp.npy_intp field, const void *data, size_t bytes) noexcept
    int wg_program_operand(wg_program *p, cnp.npy_intp field, int slot, cnp.npy_intp offset, wg_access access) noexcept
    int wg_program_constant(wg_program *p, int slot, cnp.npy_intp place, char *base) noexcept
    wg_slot_kind wg_program_kind(const wg_program *p, int slot) noexcept
    size_t wg_program_bytes(const wg_program *p, int slot) noexcept
    cnp.npy_intp wg_program_count(const wg_program *p) noexcept
    void wg_program_drop(wg_program *p, cnp.npy_intp count) noexcept
    int wg_program_written_since(const wg_program *p, int slot, cnp.npy_intp since) noexcept
    unsigned wg_program_access(const wg_program *p, int slot) noexcept
    void *wg_program_copied(wg_program *p, cnp.npy_intp field) noexcept
    cnp.npy_intp wg_program_differs(const wg_program *p, const wg_program *q) noexcept
    wg_status wg_program_finish(wg_program *p, int fuse) noexcept
    wg_program *wg_program_copy(const wg_program *p) noexcept
    char *wg_program_base(const wg_program *p, int slot) noexcept
    void wg_program_bind(wg_program *p, int slot, char *base) noexcept
    cnp.npy_intp wg_program_run(wg_program *p, cnp.npy_intp place, int (*interrupted)() noexcept nogil,
                                wg_status *status) noexcept
    int wg_program_entry(const wg_program *p, cnp.npy_intp place) noexcept
    void *wg_program_arguments(wg_program *p, cnp.npy_intp place) noexcept
    ctypedef struct wg_program_size:
        cnp.npy_intp calls
        cnp.npy_intp fused
        size_t arena
        size_t blocks
    wg_program_size wg_program_sizes(const wg_program *p) noexcept

    ctypedef struct wg_dense:
        cnp.npy_intp items
        uint16_t kernel
        uint8_t operands
        uint8_t steps[4]
        char *data[4]
        const double *params
    ctypedef struct wg_strided:
        wg_elementwise kernel
        int ndim
        const cnp.npy_intp *shape
        char *data[4]
        const cnp.npy_intp *strides[4]
        const double *params
    ctypedef struct wg_assign:
        int ndim
        size_t size
        const cnp.npy_intp *shape
        char *to
        const cnp.npy_intp *to_strides
        const char *from_ "from"
        const cnp.npy_intp *from_strides
    void wg_assign_run(const wg_assign *a) noexcept
    ctypedef struct wg_zeros:
        char *to
        size_t bytes
    ctypedef struct wg_softmax:
        cnp.npy_intp outer
        cnp.npy_intp n
        cnp.npy_intp inner
        const char *in_ "in"
        const char *z
        cnp.npy_intp strides[3]
        cnp.npy_intp z_strides[3]
        char *out
        int log
    ctypedef struct wg_cross_entropy_call:
        wg_cross_entropy c
        const void *targets
        cnp.npy_intp target_row_stride
        void *total
        int mean
    wg_status wg_cross_entropy_run(wg_cross_entropy_call *c, wg_real real) noexcept
    ctypedef struct wg_gather:
        wg_source type
        const void *source
        cnp.npy_intp rows
        cnp.npy_intp width
        cnp.npy_intp row_stride
        const int64_t *index
        cnp.npy_intp count
        double scale
        double shift
        void *out
    ctypedef struct wg_topk_call:
        cnp.npy_intp outer
        cnp.npy_intp n
        cnp.npy_intp inner
        cnp.npy_intp k
        const char *in_ "in"
        cnp.npy_intp strides[3]
        int smallest
        int64_t *out
    ctypedef struct wg_lu:
        cnp.npy_intp count
        cnp.npy_intp m
        cnp.npy_intp n
        void *a
        cnp.npy_intp row_stride
        cnp.npy_intp matrix_stride
        int64_t *order
    wg_call_fn wg_call_dense, wg_call_strided, wg_call_assign, wg_call_zeros, wg_call_softmax, wg_call_softmax_grad
    wg_call_fn wg_call_cross_entropy, wg_call_gather, wg_call_scatter_add, wg_call_topk, wg_call_reduce, wg_call_scan
    wg_call_fn wg_norm_rows_run, wg_call_scan_i64, wg_call_gemm, wg_call_solve, wg_call_lu, wg_call_along
    wg_call_fn wg_call_sgd, wg_call_adam, wg_call_rmsprop, wg_call_adagrad


cdef int64_t recordings = 0  # so far: the number of one tells its blocks from others'


cdef inline object owner_of(cnp.ndarray array):
    """What holds the memory of an array: a Block, another object that lends it, or the array itself."""
    cdef PyObject *base = PyArray_BASE(array)
    cdef PyObject *owner = <PyObject *> array
    while base is not NULL:
        owner = base
        if not cnp.PyArray_Check(<object> base):
            break
        base = PyArray_BASE(<cnp.ndarray> base)
    return <object> owner


cdef cnp.ndarray view_of(char *data, tuple shape, tuple strides, dtype, bint writable, owner):
    """An array over memory that `owner` keeps alive."""
    cdef cnp.npy_intp lengths[WG_MAX_DIMS]
    cdef cnp.npy_intp steps[WG_MAX_DIMS]
    cdef int ndim = len(shape), d
    for d in range(ndim):
        lengths[d] = shape[d]
        steps[d] = strides[d]
    return array_over(data, ndim, lengths, steps, dtype, writable, owner)


cdef cnp.ndarray array_over(char *data, int ndim, cnp.npy_intp *shape, cnp.npy_intp *strides, dtype, bint writable, owner):
    """`view_of`, of a shape and strides in C."""
    Py_INCREF(dtype)  # PyArray_NewFromDescr takes one over, and PyArray_SetBaseObject
    cdef cnp.ndarray array = PyArray_NewFromDescr(
        cnp.ndarray, <cnp.PyArray_Descr *> dtype, ndim, shape, strides, data,
        cnp.NPY_ARRAY_ALIGNED | (cnp.NPY_ARRAY_WRITEABLE if writable else 0), None)
    Py_INCREF(owner)
    PyArray_SetBaseObject(array, owner)
    return array


@cython.final
cdef class Recording:
    """A list of calls that is being recorded: between `start` and `stop`, in the thread that called them.

    An entry is what one door was asked for. The caller begins it, runs a kernel, and asks whether all of its results are
    `whole`: written by calls that were noted, of memory that is known. If not, `drop` forgets them, and `step` puts a step
    of Python in their place.
    """
    cdef wg_program *program
    cdef int64_t number
    cdef dict slots   # of owners that are no Blocks of this recording, by their identity
    cdef dict alive   # those owners, by their slots
    cdef int entry    # that is under way
    cdef cnp.npy_intp begun  # the number of calls when it began
    cdef bint foreign        # whether one of its calls has a pointer into unknown memory
    cdef bint dropped        # whether its calls were forgotten
    cdef dict constants      # by slot: the call that copies the items, and the array of these

    def __cinit__(self):
        global recordings
        self.program = wg_program_new()
        if self.program is NULL:
            raise MemoryError("no memory for a program")
        recordings += 1
        self.number = recordings
        self.slots = {}
        self.alive = {}
        self.constants = {}

    def __dealloc__(self):
        wg_program_free(self.program)

    def start(self):
        """Note the calls of this thread from here on; they are noted by one recording at a time."""
        global wg_recording
        if wg_recording is not NULL:
            raise RuntimeError("this thread is recording already")
        wg_recording = <void *> self

    def stop(self):
        """Note nothing more."""
        global wg_recording
        wg_recording = NULL

    # ---- slots

    cdef int slot_of(self, cnp.ndarray array, cnp.npy_intp *offset) except -2:
        """The slot of an array's memory, and where in it the array's first item is; -1 if it is not known."""
        cdef object owner = owner_of(array)
        cdef Block block
        cdef int slot
        if type(owner) is Block:
            block = owner
            if block.recording == self.number:
                offset[0] = cnp.PyArray_BYTES(array) - <char *> block.data
                return block.slot
        found = self.slots.get(id(owner))
        if found is None:
            return -1
        slot = found
        offset[0] = cnp.PyArray_BYTES(array) - wg_program_base(self.program, slot)
        return slot

    cdef int new_slot(self, wg_slot_kind kind, cnp.ndarray array) except -1:
        cdef object owner = owner_of(array)
        cdef int slot = wg_program_slot(self.program, kind, cnp.PyArray_NBYTES(array), cnp.PyArray_BYTES(array))
        self.require(slot)
        self.slots[id(owner)] = slot
        self.alive[slot] = owner
        return slot

    cdef int require(self, cnp.npy_intp found) except -1:
        if found < 0:
            raise MemoryError("no memory for a program")
        return 0

    def know(self, cnp.ndarray array):
        """The slot of an array's memory; of memory that is not known yet a new one, that others own."""
        cdef cnp.npy_intp offset
        cdef int slot = self.slot_of(array, &offset)
        return slot if slot >= 0 else self.new_slot(WG_SLOT_FIXED, array)

    def knows(self, cnp.ndarray array):
        """Whether the memory of an array is known."""
        cdef cnp.npy_intp offset
        return self.slot_of(array, &offset) >= 0

    def bound(self, cnp.ndarray array):
        """Let an array's memory have another address in each run: of an argument, or of what a step gives."""
        cdef cnp.npy_intp offset
        cdef int slot = self.slot_of(array, &offset)
        if slot < 0:
            return self.new_slot(WG_SLOT_BOUND, array)
        wg_program_set_slot(self.program, slot, WG_SLOT_BOUND, cnp.PyArray_BYTES(array) - offset)
        return slot

    def constant(self, cnp.ndarray array, cnp.ndarray items):
        """Let an array have the same items in each run, those of a dense array."""
        cdef wg_assign a
        cdef cnp.npy_intp offset
        cdef int slot = self.slot_of(array, &offset)
        if slot < 0:
            slot = self.new_slot(WG_SLOT_BLOCK, array)
        self.new_slot(WG_SLOT_FIXED, items)
        describe(&a, array, items, cnp.PyArray_STRIDES(items))
        self.constants[slot] = (wg_program_count(self.program), items)
        note_assign(&a, array, items)

    def is_new(self, cnp.ndarray array):
        """Whether an array's memory was made by a binding in this entry."""
        owner = owner_of(array)
        return type(owner) is Block and (<Block> owner).recording == self.number and (<Block> owner).entry == self.entry

    def bytes(self, int slot):
        """How much a slot holds."""
        return wg_program_bytes(self.program, slot)

    def is_outside(self, int slot):
        """Whether a slot is memory that others own."""
        return wg_program_kind(self.program, slot) == WG_SLOT_FIXED

    def place(self, cnp.ndarray array):
        """Where an array is: (slot, offset, shape, strides, dtype)."""
        cdef cnp.npy_intp offset = 0
        cdef int slot = self.slot_of(array, &offset)
        if slot < 0:
            raise RuntimeError("the memory of an array is not known to the program")
        return (slot, offset, shape_tuple(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array)),
                shape_tuple(cnp.PyArray_NDIM(array), cnp.PyArray_STRIDES(array)), array.dtype)

    def access(self, int slot):
        """Whether calls read a slot (1), write it (2), or both (3)."""
        return wg_program_access(self.program, slot)

    # ---- entries

    def begin(self, int entry):
        """Begin an entry; its calls bear its number."""
        self.entry = entry
        self.begun = wg_program_count(self.program)
        self.foreign = self.dropped = False

    def whole(self, found):
        """Whether an array, or all of a tuple of them, was written by calls of this entry, or is memory that was known."""
        cdef cnp.npy_intp offset
        cdef int slot
        cdef Block block
        if isinstance(found, tuple):
            for part in found:
                if not self.whole(part):
                    return False
            return not self.foreign
        if found is None:
            return not self.foreign
        if self.foreign or not cnp.PyArray_Check(found):
            return False
        slot = self.slot_of(found, &offset)
        if slot < 0:
            return False
        owner = owner_of(found)
        if type(owner) is Block:
            block = owner
            if block.recording == self.number and block.entry == self.entry and cnp.PyArray_SIZE(found):
                return not self.dropped and bool(wg_program_written_since(self.program, slot, self.begun))
        return True

    def noted(self):
        """How many calls this entry has."""
        return wg_program_count(self.program) - self.begun

    def is_foreign(self):
        """Whether a call of this entry has a pointer into unknown memory."""
        return self.foreign

    def drop(self):
        """Forget the calls of this entry."""
        wg_program_drop(self.program, self.begun)
        self.foreign = False
        self.dropped = True

    def step(self, read, written):
        """A step of Python: it reads some arrays, and writes others, whose memory is known."""
        cdef cnp.npy_intp offset
        cdef int slot
        cdef cnp.npy_intp field
        cdef char *nowhere = NULL
        self.call(NULL, WG_CALL_STEP, WG_F32, True, NULL, 0)
        for arrays, access in ((read, WG_READS), (written, WG_CHANGES)):
            for array in arrays:
                slot = self.slot_of(array, &offset)
                if slot < 0:
                    raise RuntimeError("a step has an array whose memory is not known to the program")
                field = self.tail(NULL, NULL, &nowhere, sizeof(nowhere))
                self.require(wg_program_operand(self.program, field, slot, offset, access))

    def without_numbers(self, str family, cnp.npy_intp count):
        """Of the step of an optimizer, the last call, of `count` parameters: leave its numbers to each run."""
        cdef void *u = wg_program_arguments(self.program, wg_program_count(self.program) - 1)
        cdef void *steps = NULL
        if family == "sgd":
            set_sgd(<wg_sgd *> u, (0.0,) * 6)
        elif family == "adam":
            set_adam(<wg_adam *> u, (0.0,) * 7)
            steps = wg_program_copied(self.program, <char *> &(<wg_adam *> u).steps - <char *> u)
        elif family == "rmsprop":
            set_rmsprop(<wg_rmsprop *> u, (0.0,) * 6)
        else:
            set_adagrad(<wg_adagrad *> u, (0.0,) * 5)
            steps = wg_program_copied(self.program, <char *> &(<wg_adagrad *> u).steps - <char *> u)
        if steps is not NULL:
            memset(steps, 0, count * sizeof(double))

    # ---- what bindings note

    cdef int call(self, wg_call_fn *run, wg_call_kind kind, int real, bint keep, const void *arguments,
                  size_t size) except -1:
        return self.require(wg_program_call(self.program, run, kind, <wg_real> real, self.entry, keep, arguments, size))

    cdef cnp.npy_intp tail(self, const void *arguments, const void *field, const void *data, size_t size) except -1:
        """What the pointer at `field` points to, which is copied; NULL: nothing points to it."""
        cdef cnp.npy_intp found = wg_program_tail(
            self.program, -1 if field is NULL else <const char *> field - <const char *> arguments, data, size)
        self.require(found)
        return found

    cdef int operand(self, const void *arguments, const void *field, cnp.ndarray array, wg_access access) except -1:
        """The pointer at `field`, which points into an array; NULL points nowhere."""
        return self.operand_at(<const char *> field - <const char *> arguments, (<char **> field)[0], array, access)

    cdef int operand_at(self, cnp.npy_intp field, char *pointer, cnp.ndarray array, wg_access access) except -1:
        cdef cnp.npy_intp offset
        cdef int slot
        if pointer is NULL:
            return 0
        slot = self.slot_of(array, &offset)
        if slot < 0:
            self.foreign = True
            return 0
        return self.require(wg_program_operand(self.program, field, slot, offset + (pointer - cnp.PyArray_BYTES(array)),
                                               access))

    # ---- finishing

    def differs(self, Recording other):
        """The entries of the first call in which two recordings differ, or None; the last entry's number if one is longer."""
        cdef cnp.npy_intp place = wg_program_differs(self.program, other.program)
        if place < 0:
            return None
        if place >= wg_program_count(self.program) or place >= wg_program_count(other.program):
            return -1
        return wg_program_entry(self.program, place)

    def finish(self, bint fuse=True):
        """The program that runs what was recorded; nothing can be recorded any more."""
        cdef Program program = Program.__new__(Program)
        cdef cnp.npy_intp place
        for slot, (place, items) in self.constants.items():  # one that nobody changes need not be copied in each run
            wg_program_constant(self.program, slot, place, cnp.PyArray_BYTES(items))
        program.program = self.program
        program.alive = [owner for slot, owner in self.alive.items() if self.is_outside(slot)]
        self.program = NULL
        if wg_program_finish(program.program, fuse) != WG_OK:
            raise MemoryError("no memory for a program")
        program.prepare()
        return program


class Failed(Exception):
    """A call of a program failed: (entry, whether it was an index that is out of range, the place of the call)."""


@cython.final
cdef class Program:
    """A list of calls that runs from C. One thread at a time may use it."""
    cdef wg_program *program
    cdef list alive
    cdef dict places    # of entries' last calls
    cdef bint large     # whether it pays to let go of the GIL
    cdef cnp.npy_intp count  # of calls
    cdef tuple inputs   # of arguments, the slots and the places
    cdef tuple fresh    # of results, the slots and how much they hold
    cdef tuple written  # arrays of others that it writes to
    cdef tuple receivers  # of gradients that it sets, the leaves, the places and how much they hold
    cdef list received    # the arrays of these, in the last run
    cdef tuple given      # of gradients that are there, the leaves and the places
    cdef public dict kept  # by slot: the array whose memory it is bound to, while it runs

    def __dealloc__(self):
        wg_program_free(self.program)

    cdef prepare(self):
        cdef wg_program_size sizes = wg_program_sizes(self.program)
        cdef cnp.npy_intp place
        self.large = sizes.blocks > 65536 or sizes.calls > 2048
        self.count = sizes.calls
        self.places = {}
        for place in range(sizes.calls):
            self.places[wg_program_entry(self.program, place)] = place

    def copy(self):
        """Another one of the same calls, with memory of its own."""
        cdef Program other = Program.__new__(Program)
        other.program = wg_program_copy(self.program)
        if other.program is NULL:
            raise MemoryError("no memory for a program")
        other.alive = self.alive
        other.places = self.places
        other.large = self.large
        other.count = self.count
        other.inputs = self.inputs
        other.fresh = self.fresh
        other.written = self.written
        other.receivers = self.receivers
        other.received = [None] * len(self.receivers)
        other.given = self.given
        return other

    def bind_all(self, inputs, fresh, written, receivers, given):
        """What each run binds: of the arguments (slot, place); of the results (slot, bytes, the place of the array that is
        all of it, or None, and its type's number); arrays of others that it writes to; of gradients that it sets
        (leaf, place, bytes); and of gradients that are there (leaf, place)."""
        self.inputs = tuple(inputs)
        self.fresh = tuple(fresh)
        self.written = tuple(written)
        self.receivers = tuple(receivers)
        self.received = [None] * len(self.receivers)
        self.given = tuple([pair for pair in given if pair[1] is not None])

    def takes(self, tuple arrays):
        """Whether arrays can be bound as the arguments without a copy."""
        cdef Py_ssize_t k
        if len(arrays) != len(self.inputs):
            return False
        for k in range(len(arrays)):
            if not fits(arrays[k], <tuple> (<tuple> self.inputs[k])[1]):
                return False
        return True

    def start(self, tuple arrays):
        """Bind the arguments, memory for the results and for gradients, and run from the beginning, as `run` does.

        Raises
        ------
        Failed
            Also where an argument shows memory that is written to, before anything is done.
        """
        cdef Py_ssize_t k
        cdef tuple pair, place
        cdef cnp.ndarray array
        cdef int slot
        self.kept = {}
        for k in range(len(arrays)):
            pair = <tuple> self.inputs[k]
            slot = pair[0]
            array = arrays[k]
            if not fits(array, <tuple> pair[1]):
                array = self.like(pair[1], array)
            for other in self.written:
                if meet(array, <cnp.ndarray> other):
                    raise Failed(-1, False, -1)
            self.kept[slot] = array
            wg_program_bind(self.program, slot, cnp.PyArray_BYTES(array))
        for k in range(len(self.fresh)):
            pair = <tuple> self.fresh[k]
            place = pair[2]
            if place is None:
                self.kept[pair[0]] = self.new(pair[0], pair[1])
            else:
                self.kept[pair[0]] = self.new_whole(place, pair[3])
        for k in range(len(self.given)):
            pair = <tuple> self.given[k]
            place = pair[1]
            array = pair[0]._grad._value
            self.kept[place[0]] = array
            wg_program_bind(self.program, place[0], cnp.PyArray_BYTES(array) - <cnp.npy_intp> place[1])
        for k in range(len(self.receivers)):
            self.receive(k, <tuple> self.receivers[k])
        return self.advance(0)

    cdef cnp.ndarray new_whole(self, tuple place, int typenum):
        """A new array that is all of a slot, which is bound to it."""
        cdef cnp.npy_intp shape[WG_MAX_DIMS]
        cdef tuple lengths = place[2]
        cdef int d, ndim = len(lengths)
        for d in range(ndim):
            shape[d] = lengths[d]
        cdef cnp.ndarray out = new_array(typenum, ndim, shape)
        wg_program_bind(self.program, place[0], cnp.PyArray_BYTES(out))
        return out

    def array(self, tuple place):
        """The array at a place, over memory that a slot was bound to in this run."""
        cdef cnp.ndarray memory = self.kept[place[0]]
        for pair in self.fresh:
            if (<tuple> pair)[2] is place:
                return memory
        return self.view_in(place, memory)

    def sizes(self):
        """(calls, calls that became parts of others, bytes of memory, bytes of all blocks)."""
        cdef wg_program_size sizes = wg_program_sizes(self.program)
        return sizes.calls, sizes.fused, sizes.arena, sizes.blocks

    def entries(self):
        """The entries that have calls, in their order."""
        return [wg_program_entry(self.program, place) for place in range(wg_program_sizes(self.program).calls)]

    def bind_owner(self, int slot, cnp.ndarray array, cnp.npy_intp offset):
        """Let a slot be the memory in which an array begins at an offset."""
        wg_program_bind(self.program, slot, cnp.PyArray_BYTES(array) - offset)

    def fits(self, x, tuple place):
        """Whether an array can be bound where another one was recorded: of its shape, dtype and strides."""
        return fits(x, place)

    cdef cnp.ndarray new(self, int slot, cnp.npy_intp size):
        """New memory of `size` bytes, for a result, that a slot is bound to."""
        cdef cnp.npy_intp shape[1]
        cdef cnp.ndarray out
        shape[0] = size
        out = new_array(cnp.NPY_UINT8, 1, shape)
        wg_program_bind(self.program, slot, cnp.PyArray_BYTES(out))
        return out

    def view(self, tuple place):
        """The array at a place, while this program lives and its slots stay bound as they are."""
        cdef int slot = place[0]
        cdef cnp.npy_intp offset = place[1]
        return view_of(wg_program_base(self.program, slot) + offset, place[2], place[3], place[4], True, self)

    def shares(self, cnp.ndarray array):
        """Whether an array is a view of this program's memory, which may be another block's soon."""
        return owner_of(array) is self

    cdef cnp.ndarray view_in(self, tuple place, cnp.ndarray memory):
        """The array at a place, over the memory of the array that its slot is bound to."""
        cdef int slot = place[0]
        cdef cnp.npy_intp offset = place[1]
        return view_of(wg_program_base(self.program, slot) + offset, place[2], place[3], place[4], True, owner_of(memory))

    def like(self, tuple place, cnp.ndarray array):
        """A copy of an array with the strides of a place, in memory of its own."""
        return laid_out(array, place[3], place[4])

    def run(self, cnp.npy_intp place):
        """Run from a place on; gives the place and the entry of the next step of Python, or None at the end.

        Raises
        ------
        Failed
        """
        return self.advance(place)

    cdef object advance(self, cnp.npy_intp place):
        cdef wg_status status
        if self.large:
            with nogil:
                place = wg_program_run(self.program, place, signal_handler_raised, &status)
        else:
            place = wg_program_run(self.program, place, NULL, &status)
        if status == WG_OK:
            if place == self.count:
                return None
            return place, wg_program_entry(self.program, place)
        if status == WG_INTERRUPTED:
            raise_from_handler()
        if status == WG_NO_MEMORY:
            raise MemoryError("no memory for a kernel's scratch space in a program")
        raise Failed(wg_program_entry(self.program, place), status == WG_BAD_INDEX, place)

    cdef int receive(self, Py_ssize_t k, tuple receiver) except -1:
        """Bind memory for a gradient, of (leaf, place, bytes): that of the leaf's, if nobody else has it; or new memory."""
        cdef tuple place = receiver[1]
        cdef int slot = place[0]
        cdef object array = gradient_alone(receiver[0], self.received[k])
        if array is not None and (array is self.received[k] or (place[1] == 0 and fits(array, place))):
            self.received[k] = array
            wg_program_bind(self.program, slot, cnp.PyArray_BYTES(array))
            self.kept[slot] = array
        else:
            self.received[k] = None
            self.kept[slot] = self.new(slot, receiver[2])
        return 0

    def renew(self, int entry, str family, tuple options, list steps):
        """Give the step of an optimizer, which is the call of an entry, the numbers of this run."""
        cdef void *arguments = wg_program_arguments(self.program, self.places[entry])
        if family == "sgd":
            set_sgd(<wg_sgd *> arguments, options)
        elif family == "adam":
            set_adam(<wg_adam *> arguments, options)
            set_steps(<double *> (<wg_adam *> arguments).steps, steps)
        elif family == "rmsprop":
            set_rmsprop(<wg_rmsprop *> arguments, options)
        else:
            set_adagrad(<wg_adagrad *> arguments, options)
            set_steps(<double *> (<wg_adagrad *> arguments).steps, steps)


cdef cnp.ndarray laid_out(cnp.ndarray array, tuple strides, dtype):
    """A copy of an array with some strides, of whatever sign, over memory of its own."""
    cdef tuple shape = shape_tuple(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array))
    cdef cnp.npy_intp first = 0, last = dtype.itemsize, span
    for length, step in zip(shape, strides):
        span = max(length - 1, 0) * step
        first += min(span, 0)
        last += max(span, 0)
    memory = np.zeros(last - first, np.uint8)
    cdef cnp.ndarray out = view_of(cnp.PyArray_BYTES(memory) - first, shape, strides, dtype, True, memory)
    out[...] = array
    return out


def same_layout(cnp.ndarray x):
    """A copy of an array with the same strides, over memory of its own."""
    return laid_out(x, shape_tuple(cnp.PyArray_NDIM(x), cnp.PyArray_STRIDES(x)), x.dtype.newbyteorder("="))


def view_at(cnp.ndarray memory, cnp.npy_intp offset, tuple shape, tuple strides, dtype):
    """An array over another one's memory, from an offset in bytes on; written to where that is."""
    return view_of(cnp.PyArray_BYTES(memory) + offset, shape, strides, dtype, PyArray_ISWRITEABLE(memory), memory)


cdef object gradient_alone(leaf, known):
    """The array of a leaf's gradient, if nobody but the leaf has that gradient, its array and its memory, apart from
    `known`, which may be the array; or None."""
    cdef object g = leaf._grad
    cdef cnp.ndarray array
    if g is None or REFCNT(<PyObject *> g) != 2 or g._node is not None:  # the leaf's reference and ours
        return None
    if not cnp.PyArray_Check(g._value):
        return None
    array = g._value
    cdef PyObject *base = PyArray_BASE(array)
    if base is NULL or type(<object> base) is not Block or REFCNT(base) != 1:
        return None
    return array if REFCNT(<PyObject *> array) == (4 if array is known else 2) else None


cdef bint fits(x, tuple place) except -1:
    cdef cnp.ndarray array
    cdef int d
    cdef tuple shape = place[2]
    cdef tuple strides = place[3]
    if not cnp.PyArray_Check(x):
        return False
    array = x
    if (<PyObject *> cnp.PyArray_DESCR(array)) is not <PyObject *> place[4] and array.dtype != place[4]:
        return False
    if cnp.PyArray_NDIM(array) != len(shape) or not PyArray_ISBEHAVED_RO(array):
        return False
    for d in range(cnp.PyArray_NDIM(array)):
        if cnp.PyArray_DIM(array, d) != <cnp.npy_intp> shape[d] or cnp.PyArray_STRIDE(array, d) != <cnp.npy_intp> strides[d]:
            return False
    return True


cdef set_steps(double *to, list steps):
    cdef Py_ssize_t i
    for i in range(len(steps)):
        to[i] = steps[i]


# ---------------------------------------------------------------- what each family notes

cdef int note_dense(int kernel, int real, int inputs, int params, cnp.npy_intp items, char **data, PyObject **arrays,
                    cnp.ndarray out, const double *parameters) except -1:
    """An elementwise call of one dense dimension; numbers are copied."""
    cdef Recording rec = <Recording> wg_recording
    cdef wg_dense d
    cdef int i
    memset(&d, 0, sizeof(d))
    d.items, d.kernel, d.operands = items, kernel, inputs + 1
    d.steps[0] = <uint8_t> cnp.PyArray_ITEMSIZE(out)
    for i in range(inputs):
        d.steps[i + 1] = 0 if arrays[i] is NULL else <uint8_t> cnp.PyArray_ITEMSIZE(<cnp.ndarray> arrays[i])
    for i in range(inputs + 1):
        d.data[i] = data[i]
    rec.call(wg_call_dense, WG_CALL_DENSE, real, False, &d, sizeof(d))
    rec.operand(&d, &d.data[0], out, WG_WRITES)
    for i in range(inputs):
        if arrays[i] is NULL:
            rec.tail(&d, &d.data[i + 1], data[i + 1], number_size(kernel, i, real))
        else:
            rec.operand(&d, &d.data[i + 1], <cnp.ndarray> arrays[i], WG_READS)
    if params:
        rec.tail(&d, &d.params, parameters, params * sizeof(double))
    return 0


cdef inline size_t number_size(int kernel, int input, int real) noexcept:
    if input == 0 and kernel == WG_ELEMENTWISE_where:
        return 1
    return 4 if real == WG_F32 else 8


cdef int note_strided(int kernel, int real, int inputs, int params, int ndim, const cnp.npy_intp *shape, char **data,
                      const cnp.npy_intp **strides, PyObject **arrays, cnp.ndarray out,
                      const double *parameters) except -1:
    """An elementwise call of any strides."""
    cdef Recording rec = <Recording> wg_recording
    cdef wg_strided s
    cdef int i
    memset(&s, 0, sizeof(s))
    s.kernel, s.ndim = <wg_elementwise> kernel, ndim
    for i in range(inputs + 1):
        s.data[i] = data[i]
    rec.call(wg_call_strided, WG_CALL_KERNEL, real, False, &s, sizeof(s))
    rec.tail(&s, &s.shape, shape, ndim * sizeof(cnp.npy_intp))
    rec.operand(&s, &s.data[0], out, WG_WRITES)
    for i in range(inputs + 1):
        rec.tail(&s, &s.strides[i], strides[i], ndim * sizeof(cnp.npy_intp))
    for i in range(inputs):
        if arrays[i] is NULL:
            rec.tail(&s, &s.data[i + 1], data[i + 1], number_size(kernel, i, real))
        else:
            rec.operand(&s, &s.data[i + 1], <cnp.ndarray> arrays[i], WG_READS)
    if params:
        rec.tail(&s, &s.params, parameters, params * sizeof(double))
    return 0


cdef int note_reduce(wg_reduction *r, int real, cnp.ndarray array, cnp.ndarray out) except -1:
    cdef Recording rec = <Recording> wg_recording
    rec.call(wg_call_reduce, WG_CALL_KERNEL, real, False, r, sizeof(wg_reduction))
    rec.tail(r, &r.shape, r.shape, r.ndim * sizeof(cnp.npy_intp))
    rec.tail(r, &r.strides, r.strides, r.ndim * sizeof(cnp.npy_intp))
    rec.tail(r, &r.reduced, r.reduced, r.ndim)
    rec.operand(r, &r.in_, array, WG_READS)
    return rec.operand(r, &r.out, out, WG_WRITES)


cdef int note_norm_rows(wg_norm_rows *m, int real, cnp.ndarray X, cnp.ndarray G, cnp.ndarray W, cnp.ndarray B,
                        cnp.ndarray Z, cnp.ndarray first, cnp.ndarray second) except -1:
    cdef Recording rec = <Recording> wg_recording
    rec.call(wg_norm_rows_run, WG_CALL_KERNEL, real, False, m, sizeof(wg_norm_rows))
    rec.operand(m, &m.x, X, WG_READS)
    rec.operand(m, &m.g, G, WG_READS)
    rec.operand(m, &m.weight, W, WG_READS)
    rec.operand(m, &m.bias, B, WG_READS)
    rec.operand(m, &m.z, Z, WG_WRITES)
    rec.operand(m, &m.scale, first, WG_WRITES)
    rec.operand(m, &m.of_weight, first, WG_WRITES)
    return rec.operand(m, &m.of_bias, second, WG_WRITES)


cdef int note_scan(wg_scan *s, int item, cnp.ndarray array, cnp.ndarray out, cnp.ndarray places) except -1:
    cdef Recording rec = <Recording> wg_recording
    cdef bint whole = item == WG_SCAN_I64
    rec.call(wg_call_scan_i64 if whole else wg_call_scan, WG_CALL_KERNEL, WG_F64 if whole else item, False, s,
             sizeof(wg_scan))
    rec.operand(s, &s.in_, array, WG_READS)
    rec.operand(s, &s.out, out, WG_WRITES)
    return rec.operand(s, &s.places, places, WG_WRITES)


cdef int note_gemm(wg_gemm *g, int real, cnp.ndarray A, cnp.ndarray B, bias, cnp.ndarray C) except -1:
    cdef Recording rec = <Recording> wg_recording
    cdef size_t batch = g.batch_ndim * sizeof(cnp.npy_intp)
    rec.call(wg_call_gemm, WG_CALL_KERNEL, real, False, g, sizeof(wg_gemm))
    rec.operand(g, &g.a, A, WG_READS)
    rec.operand(g, &g.b, B, WG_READS)
    if bias is not None:
        rec.operand(g, &g.bias, bias, WG_READS)
    rec.tail(g, &g.batch_shape, g.batch_shape, batch)
    rec.tail(g, &g.batch_strides_a, g.batch_strides_a, batch)
    rec.tail(g, &g.batch_strides_b, g.batch_strides_b, batch)
    return rec.operand(g, &g.c, C, WG_WRITES)


cdef int note_solve(wg_triangular *t, int real, cnp.ndarray A, cnp.ndarray B, cnp.ndarray X) except -1:
    cdef Recording rec = <Recording> wg_recording
    cdef size_t batch = t.batch_ndim * sizeof(cnp.npy_intp)
    rec.call(wg_call_solve, WG_CALL_KERNEL, real, False, t, sizeof(wg_triangular))
    rec.operand(t, &t.a, A, WG_READS)
    rec.operand(t, &t.b, B, WG_READS)
    rec.tail(t, &t.batch_shape, t.batch_shape, batch)
    rec.tail(t, &t.batch_strides_a, t.batch_strides_a, batch)
    rec.tail(t, &t.batch_strides_b, t.batch_strides_b, batch)
    return rec.operand(t, &t.x, X, WG_WRITES)


cdef int note_softmax(wg_softmax *s, int real, cnp.ndarray array, cnp.ndarray Z, cnp.ndarray out) except -1:
    cdef Recording rec = <Recording> wg_recording
    rec.call(wg_call_softmax if Z is None else wg_call_softmax_grad, WG_CALL_KERNEL, real, False, s, sizeof(wg_softmax))
    rec.operand(s, &s.in_, array, WG_READS)
    if Z is not None:
        rec.operand(s, &s.z, Z, WG_READS)
    return rec.operand(s, &s.out, out, WG_WRITES)


cdef int note_cross_entropy(wg_cross_entropy_call *c, int real, cnp.ndarray X, cnp.ndarray Y, cnp.ndarray W,
                            cnp.ndarray L, cnp.ndarray G, cnp.ndarray total) except -1:
    """Y: the labels, or the probabilities. It is kept, since it may find a label out of range."""
    cdef Recording rec = <Recording> wg_recording
    c.c.total_loss = c.c.total_weight = 0.0
    c.c.bad_row = 0
    rec.call(wg_call_cross_entropy, WG_CALL_KERNEL, real, True, c, sizeof(wg_cross_entropy_call))
    rec.operand(c, &c.c.logits, X, WG_READS)
    rec.operand(c, &c.c.labels, Y, WG_READS)
    rec.operand(c, &c.targets, Y, WG_READS)
    rec.operand(c, &c.c.weights, W, WG_READS)
    rec.operand(c, &c.c.losses, L, WG_WRITES)
    rec.operand(c, &c.c.gradient, G, WG_WRITES)
    return rec.operand(c, &c.total, total, WG_WRITES)


cdef int note_gather(wg_call_fn *run, wg_gather *g, int real, cnp.ndarray S, cnp.ndarray I, cnp.ndarray out) except -1:
    cdef Recording rec = <Recording> wg_recording
    rec.call(run, WG_CALL_KERNEL, real, True, g, sizeof(wg_gather))
    rec.operand(g, &g.source, S, WG_READS)
    rec.operand(g, &g.index, I, WG_READS)
    return rec.operand(g, &g.out, out, WG_WRITES if run is wg_call_gather else WG_CHANGES)


cdef int note_along(wg_along *a, cnp.ndarray array, cnp.ndarray index, cnp.ndarray items) except -1:
    cdef Recording rec = <Recording> wg_recording
    cdef size_t size = a.ndim * sizeof(cnp.npy_intp)
    rec.call(wg_call_along, WG_CALL_KERNEL, WG_F32, True, a, sizeof(wg_along))
    rec.tail(a, &a.shape, a.shape, size)
    rec.tail(a, &a.index_strides, a.index_strides, size)
    rec.tail(a, &a.items_strides, a.items_strides, size)
    rec.tail(a, &a.array_strides, a.array_strides, size)
    rec.operand(a, &a.index, index, WG_READS)
    rec.operand(a, &a.items, items, WG_WRITES if a.how == WG_ALONG_GATHER else WG_READS)
    return rec.operand(a, &a.array, array, WG_READS if a.how == WG_ALONG_GATHER else WG_CHANGES)


cdef int note_topk(wg_topk_call *t, int real, cnp.ndarray array, cnp.ndarray out) except -1:
    cdef Recording rec = <Recording> wg_recording
    rec.call(wg_call_topk, WG_CALL_KERNEL, real, False, t, sizeof(wg_topk_call))
    rec.operand(t, &t.in_, array, WG_READS)
    return rec.operand(t, &t.out, out, WG_WRITES)


cdef int note_lu(wg_lu *l, int real, cnp.ndarray A, cnp.ndarray order) except -1:
    cdef Recording rec = <Recording> wg_recording
    rec.call(wg_call_lu, WG_CALL_KERNEL, real, False, l, sizeof(wg_lu))
    rec.operand(l, &l.a, A, WG_CHANGES)
    return rec.operand(l, &l.order, order, WG_WRITES)


cdef int note_assign(wg_assign *a, cnp.ndarray to, cnp.ndarray source) except -1:
    cdef Recording rec = <Recording> wg_recording
    cdef size_t size = a.ndim * sizeof(cnp.npy_intp)
    rec.call(wg_call_assign, WG_CALL_KERNEL, WG_F32, False, a, sizeof(wg_assign))
    rec.tail(a, &a.shape, a.shape, size)
    rec.tail(a, &a.to_strides, a.to_strides, size)
    rec.tail(a, &a.from_strides, a.from_strides, size)
    rec.operand(a, &a.to, to, WG_WRITES)
    return rec.operand(a, &a.from_, source, WG_READS)


cdef int note_zeros(cnp.ndarray out) except -1:
    cdef Recording rec = <Recording> wg_recording
    cdef wg_zeros z
    z.to, z.bytes = cnp.PyArray_BYTES(out), cnp.PyArray_NBYTES(out)
    rec.call(wg_call_zeros, WG_CALL_KERNEL, WG_F32, False, &z, sizeof(z))
    return rec.operand(&z, &z.to, out, WG_WRITES)
