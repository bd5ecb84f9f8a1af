# csrc/update.inc.c: the steps of optimizers.

@cython.final
@cython.internal
cdef class Group:
    """C arrays of the sizes and data pointers of lists of arrays that are updated together."""
    cdef cnp.npy_intp count
    cdef int real
    cdef cnp.npy_intp *sizes
    cdef void ***pointers
    cdef double *numbers
    cdef int lists
    cdef list arrays  # of each list those that the pointers point into; None for none

    def __cinit__(self, name, arrays, *others, bint writes=True):
        cdef int typenum = cnp.NPY_FLOAT, j
        cdef cnp.npy_intp i
        cdef cnp.ndarray array
        self.count = len(arrays)
        self.lists = 1 + len(others)
        self.arrays = [None] * self.lists
        if self.count:
            typenum = cnp.PyArray_TYPE(readable(arrays[0], name))
        self.real = real_of(typenum, name)
        self.sizes = <cnp.npy_intp *> PyMem_Malloc(max(self.count, 1) * sizeof(cnp.npy_intp))
        self.pointers = <void ***> PyMem_Malloc(self.lists * sizeof(void **))
        if self.sizes is NULL or self.pointers is NULL:
            raise MemoryError(f"{name}: no memory for a list of {self.count} arrays")
        memset(self.pointers, 0, self.lists * sizeof(void **))
        for j, group in enumerate((arrays, *others)):
            if group is None:
                continue
            if len(group) != self.count:
                raise ValueError(f"{name}: expected lists of one length, got {self.count} and {len(group)}")
            self.pointers[j] = <void **> PyMem_Malloc(max(self.count, 1) * sizeof(void *))
            if self.pointers[j] is NULL:
                raise MemoryError(f"{name}: no memory for a list of {self.count} arrays")
            self.arrays[j] = taken = []
            for i in range(self.count):
                if is_dense(group[i], typenum, writes and j != 1):
                    array = group[i]
                elif j == 1 or not writes:  # gradients are only read, and may have any strides
                    array = dense(readable_as(group[i], typenum, name, f"gradient {i}"))
                else:
                    array = writable_dense(group[i], typenum, name, f"array {i}")
                if j == 0:
                    self.sizes[i] = cnp.PyArray_SIZE(array)
                elif not has_shape(array, cnp.PyArray_NDIM(arrays[i]), cnp.PyArray_DIMS(arrays[i])):
                    raise ValueError(f"{name}: array {i} has shape {np.shape(array)}, expected {np.shape(arrays[i])} like "
                                     "its parameter")
                taken.append(array)
                self.pointers[j][i] = cnp.PyArray_DATA(array)

    cdef const double *counts(self, name, steps) except NULL:
        """The numbers of steps, one for each parameter."""
        cdef cnp.npy_intp i
        if len(steps) != self.count:
            raise ValueError(f"{name}: expected {self.count} step counts, got {len(steps)}")
        self.numbers = <double *> PyMem_Malloc(max(self.count, 1) * sizeof(double))
        if self.numbers is NULL:
            raise MemoryError(f"{name}: no memory for {self.count} step counts")
        for i in range(self.count):
            self.numbers[i] = steps[i]
        return self.numbers

    def __dealloc__(self):
        cdef int j
        if self.pointers is not NULL:
            for j in range(self.lists):
                PyMem_Free(self.pointers[j])
        PyMem_Free(self.pointers)
        PyMem_Free(self.numbers)
        PyMem_Free(self.sizes)


cdef int note_update(wg_call_fn *run, void *u, size_t size, Group group, void **sizes, void **grads, void ***written,
                     int lists) except -1:
    """The step of an optimizer. `sizes` and `grads` are the fields of these, `written` those of all other lists."""
    cdef Recording rec = <Recording> wg_recording
    cdef int j
    rec.call(run, WG_CALL_KERNEL, group.real, False, u, size)
    rec.tail(u, sizes, group.sizes, group.count * sizeof(cnp.npy_intp))
    note_list(rec, u, grads, group, 1, WG_READS)
    for j in range(lists):
        note_list(rec, u, written[j], group, j + 1 if j else 0, WG_CHANGES)
    return 0


cdef int note_list(Recording rec, void *u, void *field, Group group, int j, wg_access access) except -1:
    cdef cnp.npy_intp at, i
    if group.pointers[j] is NULL:
        return 0
    at = rec.tail(u, field, group.pointers[j], group.count * sizeof(void *))
    for i in range(group.count):
        rec.operand_at(at + i * <cnp.npy_intp> sizeof(void *), <char *> group.pointers[j][i], group.arrays[j][i], access)
    return 0


# The numbers of a step, which are read from the optimizer at each, in the order of its options.

cdef set_sgd(wg_sgd *u, tuple options):
    u.lr, u.momentum_factor, u.dampening, u.weight_decay, u.nesterov, u.maximize = options


cdef set_adam(wg_adam *u, tuple options):
    u.lr, u.beta1, u.beta2, u.eps, u.weight_decay, u.decoupled, u.maximize = options


cdef set_rmsprop(wg_rmsprop *u, tuple options):
    u.lr, u.alpha, u.eps, u.weight_decay, u.momentum_factor, u.maximize = options


cdef set_adagrad(wg_adagrad *u, tuple options):
    u.lr, u.lr_decay, u.eps, u.weight_decay, u.maximize = options


cdef bint is_dense(object x, int typenum, bint written) noexcept:
    """Whether x can be taken as it is, which spares the messages that say why not."""
    return (cnp.PyArray_Check(x) and cnp.PyArray_TYPE(x) == typenum and PyArray_ISBEHAVED_RO(x)
            and PyArray_IS_C_CONTIGUOUS(x) and (not written or PyArray_ISWRITEABLE(x)))


def sgd(params, grads, momentum, first, double lr, double momentum_factor=0.0, double dampening=0.0,
        double weight_decay=0.0, bint nesterov=False, bint maximize=False):
    """One step of stochastic gradient descent for a list of dense parameters of one dtype, in place.

    `momentum` is None or a list of buffers; `first` a list of bool, True where a buffer is new.
    """
    cdef Group group = Group("sgd", params, grads, momentum)
    cdef wg_sgd u
    cdef void *written[4]
    cdef bytes flags = bytes([bool(f) for f in first]) if momentum is not None else b""
    if momentum is not None and len(flags) != group.count:
        raise ValueError(f"sgd: expected {group.count} flags in `first`, got {len(flags)}")
    memset(&u, 0, sizeof(u))
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.momentum = group.pointers[2]
    u.first = <const unsigned char *> flags
    set_sgd(&u, (lr, momentum_factor, dampening, weight_decay, nesterov, maximize))
    with nogil:
        wg_active.update.sgd[group.real](&u)
    if wg_recording is not NULL:
        written[0], written[1] = <void *> &u.params, <void *> &u.momentum
        note_update(wg_call_sgd, &u, sizeof(u), group, <void **> &u.sizes, <void **> &u.grads, <void ***> written, 2)
        if momentum is not None:
            (<Recording> wg_recording).tail(&u, &u.first, u.first, group.count)


def adam(params, grads, first_moment, second_moment, max_second_moment, steps, double lr, double beta1, double beta2,
         double eps, double weight_decay=0.0, bint decoupled=False, bint maximize=False):
    """One step of Adam, or of AdamW with `decoupled`, for a list of dense parameters of one dtype, in place.

    `steps` counts from 1, one number per parameter; `max_second_moment` is None or a list (AMSGrad).
    """
    cdef Group group = Group("adam", params, grads, first_moment, second_moment, max_second_moment)
    cdef wg_adam u
    cdef void *written[4]
    memset(&u, 0, sizeof(u))
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.first_moment = group.pointers[2]
    u.second_moment = group.pointers[3]
    u.max_second_moment = group.pointers[4]
    u.steps = group.counts("adam", steps)
    set_adam(&u, (lr, beta1, beta2, eps, weight_decay, decoupled, maximize))
    with nogil:
        wg_active.update.adam[group.real](&u)
    if wg_recording is not NULL:
        written[0], written[1] = <void *> &u.params, <void *> &u.first_moment
        written[2], written[3] = <void *> &u.second_moment, <void *> &u.max_second_moment
        note_update(wg_call_adam, &u, sizeof(u), group, <void **> &u.sizes, <void **> &u.grads, <void ***> written, 4)
        (<Recording> wg_recording).tail(&u, &u.steps, u.steps, group.count * sizeof(double))


def rmsprop(params, grads, square_avg, grad_avg, momentum, double lr, double alpha, double eps,
            double weight_decay=0.0, double momentum_factor=0.0, bint maximize=False):
    """One step of RMSprop for a list of dense parameters of one dtype, in place.

    `grad_avg` (centered) and `momentum` are each None or a list of buffers.
    """
    cdef Group group = Group("rmsprop", params, grads, square_avg, grad_avg, momentum)
    cdef wg_rmsprop u
    cdef void *written[4]
    memset(&u, 0, sizeof(u))
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.square_avg = group.pointers[2]
    u.grad_avg = group.pointers[3]
    u.momentum = group.pointers[4]
    set_rmsprop(&u, (lr, alpha, eps, weight_decay, momentum_factor, maximize))
    with nogil:
        wg_active.update.rmsprop[group.real](&u)
    if wg_recording is not NULL:
        written[0], written[1] = <void *> &u.params, <void *> &u.square_avg
        written[2], written[3] = <void *> &u.grad_avg, <void *> &u.momentum
        note_update(wg_call_rmsprop, &u, sizeof(u), group, <void **> &u.sizes, <void **> &u.grads, <void ***> written, 4)


def adagrad(params, grads, sums, steps, double lr, double lr_decay=0.0, double eps=1e-10, double weight_decay=0.0,
            bint maximize=False):
    """One step of Adagrad for a list of dense parameters of one dtype, in place.

    `sums` is a list of the sums of squares; `steps` counts from 1, one number per parameter.
    """
    cdef Group group = Group("adagrad", params, grads, sums)
    cdef wg_adagrad u
    cdef void *written[4]
    memset(&u, 0, sizeof(u))
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.sums = group.pointers[2]
    u.steps = group.counts("adagrad", steps)
    set_adagrad(&u, (lr, lr_decay, eps, weight_decay, maximize))
    with nogil:
        wg_active.update.adagrad[group.real](&u)
    if wg_recording is not NULL:
        written[0], written[1] = <void *> &u.params, <void *> &u.sums
        note_update(wg_call_adagrad, &u, sizeof(u), group, <void **> &u.sizes, <void **> &u.grads, <void ***> written, 2)
        (<Recording> wg_recording).tail(&u, &u.steps, u.steps, group.count * sizeof(double))


def scale(arrays, double factor):
    """Each of a list of dense arrays of one dtype times `factor`, in place."""
    cdef Group group = Group("scale", arrays)
    with nogil:
        wg_active.update.scale[group.real](group.count, group.sizes, group.pointers[0], factor)


def sum_squares(arrays):
    """The sum of the squares of all items of a list of arrays of one dtype, in float64."""
    cdef Group group = Group("sum_squares", arrays, writes=False)
    cdef double result
    with nogil:
        result = wg_active.update.sum_squares[group.real](group.count, group.sizes,
                                                          <const void *const *> group.pointers[0])
    return result
