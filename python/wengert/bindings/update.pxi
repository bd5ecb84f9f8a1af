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
    cdef list alive

    def __cinit__(self, name, arrays, *others):
        cdef int typenum = cnp.NPY_FLOAT, j
        cdef cnp.npy_intp i
        cdef cnp.ndarray array
        self.count = len(arrays)
        self.lists = 1 + len(others)
        self.alive = []
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
            for i in range(self.count):
                if is_dense(group[i], typenum, j != 1):
                    array = group[i]
                elif j == 1:  # gradients are only read, and may have any strides
                    array = dense(readable_as(group[i], typenum, name, f"gradient {i}"))
                else:
                    array = writable_dense(group[i], typenum, name, f"array {i}")
                if j == 0:
                    self.sizes[i] = cnp.PyArray_SIZE(array)
                elif not has_shape(array, cnp.PyArray_NDIM(arrays[i]), cnp.PyArray_DIMS(arrays[i])):
                    raise ValueError(f"{name}: array {i} has shape {np.shape(array)}, expected {np.shape(arrays[i])} like "
                                     "its parameter")
                self.alive.append(array)
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


cdef bint is_dense(object x, int typenum, bint written) noexcept:
    """Whether x can be taken as it is, which spares the messages that say why not."""
    return (cnp.PyArray_Check(x) and cnp.PyArray_TYPE(x) == typenum and PyArray_ISBEHAVED_RO(x)
            and PyArray_IS_C_CONTIGUOUS(x) and (not written or PyArray_ISWRITEABLE(x)))


def sgd(params, grads, momentum, first, *, double lr, double momentum_factor=0.0, double dampening=0.0,
        double weight_decay=0.0, bint nesterov=False, bint maximize=False):
    """One step of stochastic gradient descent for a list of dense parameters of one dtype, in place.

    `momentum` is None or a list of buffers; `first` a list of bool, True where a buffer is new.
    """
    cdef Group group = Group("sgd", params, grads, momentum)
    cdef wg_sgd u
    cdef bytes flags = bytes([bool(f) for f in first]) if momentum is not None else b""
    if momentum is not None and len(flags) != group.count:
        raise ValueError(f"sgd: expected {group.count} flags in `first`, got {len(flags)}")
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.momentum = group.pointers[2]
    u.first = <const unsigned char *> flags
    u.lr = lr
    u.momentum_factor = momentum_factor
    u.dampening = dampening
    u.weight_decay = weight_decay
    u.nesterov = nesterov
    u.maximize = maximize
    with nogil:
        wg_active.update.sgd[group.real](&u)


def adam(params, grads, first_moment, second_moment, max_second_moment, steps, *, double lr, double beta1, double beta2,
         double eps, double weight_decay=0.0, bint decoupled=False, bint maximize=False):
    """One step of Adam, or of AdamW with `decoupled`, for a list of dense parameters of one dtype, in place.

    `steps` counts from 1, one number per parameter; `max_second_moment` is None or a list (AMSGrad).
    """
    cdef Group group = Group("adam", params, grads, first_moment, second_moment, max_second_moment)
    cdef wg_adam u
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.first_moment = group.pointers[2]
    u.second_moment = group.pointers[3]
    u.max_second_moment = group.pointers[4]
    u.steps = group.counts("adam", steps)
    u.lr = lr
    u.beta1 = beta1
    u.beta2 = beta2
    u.eps = eps
    u.weight_decay = weight_decay
    u.decoupled = decoupled
    u.maximize = maximize
    with nogil:
        wg_active.update.adam[group.real](&u)


def rmsprop(params, grads, square_avg, grad_avg, momentum, *, double lr, double alpha, double eps,
            double weight_decay=0.0, double momentum_factor=0.0, bint maximize=False):
    """One step of RMSprop for a list of dense parameters of one dtype, in place.

    `grad_avg` (centered) and `momentum` are each None or a list of buffers.
    """
    cdef Group group = Group("rmsprop", params, grads, square_avg, grad_avg, momentum)
    cdef wg_rmsprop u
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.square_avg = group.pointers[2]
    u.grad_avg = group.pointers[3]
    u.momentum = group.pointers[4]
    u.lr = lr
    u.alpha = alpha
    u.eps = eps
    u.weight_decay = weight_decay
    u.momentum_factor = momentum_factor
    u.maximize = maximize
    with nogil:
        wg_active.update.rmsprop[group.real](&u)


def adagrad(params, grads, sums, steps, *, double lr, double eps, double lr_decay=0.0, double weight_decay=0.0,
            bint maximize=False):
    """One step of Adagrad for a list of dense parameters of one dtype, in place.

    `sums` is a list of the sums of squares; `steps` counts from 1, one number per parameter.
    """
    cdef Group group = Group("adagrad", params, grads, sums)
    cdef wg_adagrad u
    u.count = group.count
    u.sizes = group.sizes
    u.params = group.pointers[0]
    u.grads = <const void *const *> group.pointers[1]
    u.sums = group.pointers[2]
    u.steps = group.counts("adagrad", steps)
    u.lr = lr
    u.lr_decay = lr_decay
    u.eps = eps
    u.weight_decay = weight_decay
    u.maximize = maximize
    with nogil:
        wg_active.update.adagrad[group.real](&u)


def scale(arrays, double factor):
    """Each of a list of dense arrays of one dtype times `factor`, in place."""
    cdef Group group = Group("scale", arrays)
    with nogil:
        wg_active.update.scale[group.real](group.count, group.sizes, group.pointers[0], factor)


def sum_squares(arrays):
    """The sum of the squares of all items of a list of dense arrays of one dtype, in float64."""
    cdef Group group = Group("sum_squares", arrays)
    cdef double result
    with nogil:
        result = wg_active.update.sum_squares[group.real](group.count, group.sizes,
                                                          <const void *const *> group.pointers[0])
    return result
