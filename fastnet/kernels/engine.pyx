"""Engines: a network's workspace, with prediction, derivatives and training in it.

This file and the four that it includes are compiled once for every number type; the loops that
they call through a table are compiled for every instruction set (see setup.py). The flat parameter
vector that users see contains, layer by layer, the biases b_u and then the weights w_iu, one row
per input. For training an engine keeps a copy whose rows are padded to 64 bytes; for prediction it
reads the flat vector in place.
"""
cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uintptr_t

import numpy as np

from fastnet.kernels.threads cimport HAVE_THREADS
from fastnet.kernels.activations cimport GAUSSIAN, HUBER, QUANTILE
from fastnet.kernels.rows cimport Rows, Targets, checked_places
from fastnet.kernels.minibatch cimport Inputs
from fastnet.kernels.rwlock cimport Gate, Guard, enter
from fastnet.kernels.loops cimport Expected, Loops
from fastnet.kernels.packing cimport lay_out
from fastnet.kernels.backprop cimport MAX_DEPTH, Answers, HitRule, Net
from fastnet.kernels.optimizers cimport Rule
from fastnet.kernels.simd cimport PAD, real
from fastnet.kernels.workspace cimport Workspace

cnp.import_array()

cdef const Loops *loops = NULL  # for the variant in use


def use(table not None):
    """Set the loops of all engines: the `table` of a loops module of this number type."""
    global loops
    loops = <const Loops *> PyCapsule_GetPointer(table, "fastnet.kernels.Loops")


cdef inline const Py_ssize_t *places_in(bytes copied):
    return <const Py_ssize_t *> PyBytes_AS_STRING(copied)


cdef inline int own_type() noexcept nogil:
    """Return NumPy's type number of `real`."""
    return cnp.NPY_DOUBLE if sizeof(real) == sizeof(double) else cnp.NPY_FLOAT


cdef inline Inputs inputs_of(Rows rows) noexcept nogil:
    cdef Inputs inputs
    inputs.n_in = rows.n_in
    inputs.storage = rows.storage
    inputs.data = rows.data
    inputs.row_stride = rows.row_stride
    inputs.col_stride = rows.col_stride
    inputs.starts = rows.starts
    inputs.cols = rows.cols
    inputs.values = rows.values
    inputs.marks = rows.marks
    inputs.n_marks = rows.n_marks
    inputs.columns_per_mark = rows.columns_per_mark
    return inputs


cdef inline Answers answers_of(Targets targets) noexcept nogil:
    cdef Answers answers
    answers.n_out = targets.n_out
    answers.labels = targets.labels
    answers.y = <const real *> targets.y
    answers.sample_weights = <const real *> targets.sample_weights
    return answers


cdef class Engine:
    """Buffers for one network and at most `capacity` examples at a time; base of all engines.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, the inputs first.
    activations : sequence of int
        One code per layer, the first hidden layer first.
    cost : int
    cost_numbers : sequence of float
        The cost's parameters: for HUBER where it becomes linear, for QUANTILE its levels.
    capacity : int
        Maximum number of examples in forward and backward passes.
    guard : Guard, optional
        The guard of the network whose parameters are read in place; private copies need none.
    dropout : sequence of float, optional
        The share to drop of each layer but the last, the inputs first; only for training, like the
        next two.
    n_states : int
        Number of state vectors of the optimizer.
    n_threads : int
        Maximum number of threads for `train`, used if layers are large enough.
    """

    cdef object memory
    cdef bytes cost_numbers
    cdef Guard guard
    cdef Gate *gate  # the guard's, or NULL
    cdef readonly tuple sizes
    cdef readonly Py_ssize_t n_parameters
    cdef readonly Py_ssize_t capacity
    cdef Net net
    cdef Rule rule
    cdef readonly int n_threads
    cdef Workspace space
    cdef Expected expected  # initially no targets

    def __cinit__(
        self, sizes, activations, int cost, Py_ssize_t capacity, Guard guard=None, *, dropout=None,
        int n_states=0, int n_threads=1, cost_numbers=(),
    ):
        cdef bint training = isinstance(self, TrainingEngine)
        if not 2 <= len(sizes) <= MAX_DEPTH + 1 or len(activations) != len(sizes) - 1:
            raise ValueError(f"{len(sizes)} layers; an engine takes 2 to {MAX_DEPTH + 1}")
        if loops == NULL:
            raise RuntimeError("this engine has no loops yet; see fastnet/kernels/__init__.py")
        if capacity < 1 or min(sizes) < 1 or dropout and len(dropout) != len(sizes) - 1:
            raise ValueError("an engine takes units, examples, and one share of dropout per layer")
        widths = [int(n) + 2 * PAD for n in sizes]
        elements = 6 * sum(n * m for n, m in zip(widths, widths[1:]))
        elements += 8 * int(capacity) * sum(widths)
        if elements * sizeof(real) > 2**60:
            raise MemoryError(f"a network of sizes {list(sizes)} does not fit into memory")
        self.sizes = tuple(sizes)
        self.capacity = capacity
        self.guard = guard
        self.gate = &guard.gate if guard is not None else NULL
        self.n_threads = n_threads if training and HAVE_THREADS and n_threads > 1 else 1
        self.net.shape.depth = len(sizes) - 1
        self.net.shape.capacity = capacity
        self.set_loss(cost, np.array(cost_numbers, np.float64).tobytes(), sizes[len(sizes) - 1])
        self.net.shape.scale = 1
        self.net.thread.count = 1
        self.net.shape.input_keep = 1 - dropout[0] if dropout else 1
        for l in range(self.net.shape.depth):
            keep = 1 - dropout[l + 1] if dropout and l < self.net.shape.depth - 1 else 1
            loops.shape_layer(&self.net, l, sizes[l], sizes[l + 1])
            self.net.shape.layers[l].activation = activations[l]
            self.net.shape.layers[l].keep = keep
            self.n_parameters += (sizes[l] + 1) * sizes[l + 1]
        self.expected.lowest = 1
        self.expected.highest = 0
        self.space.training = training
        self.space.to_inputs = isinstance(self, InputEngine)
        self.space.n_threads = self.n_threads
        self.space.n_states = n_states
        self.allocate()

    cdef int set_loss(self, int cost, bytes numbers, Py_ssize_t n_out) except -1:
        """Set the cost; refuse a number of outputs that does not match it."""
        cdef Py_ssize_t count = len(numbers) // sizeof(double)
        cdef Py_ssize_t blocks = 1
        if cost == GAUSSIAN:
            blocks = 2
        elif cost == QUANTILE:
            blocks = count
        if count != (1 if cost == HUBER else blocks if cost == QUANTILE else 0):
            raise ValueError(f"cost {cost} does not have {count} numbers")
        if blocks < 1 or n_out % blocks != 0:
            raise ValueError(f"{n_out} outputs are not {blocks} for each target")
        self.cost_numbers = numbers  # immutable, and kept alive here
        self.net.shape.loss.cost = cost
        self.net.shape.loss.numbers = <const double *> PyBytes_AS_STRING(numbers)
        self.net.shape.loss.n_targets = n_out // blocks
        return 0

    cdef int allocate(self) except -1:
        """Measure all buffers, allocate once, and place them; both passes must give one size."""
        cdef Py_ssize_t size
        loops.place_buffers(&self.space, &self.net, &self.rule)
        size = self.space.taken
        self.memory = np.zeros(size + 64, dtype=np.uint8)
        self.space.base = <char *> cnp.PyArray_DATA(self.memory)
        self.space.base += -(<uintptr_t> self.space.base) % 64
        loops.place_buffers(&self.space, &self.net, &self.rule)
        if self.space.taken != size:
            raise AssertionError("the workspace was placed differently from what was measured")
        if self.space.training:
            lay_out(&self.net)
        return 0

    def count_hits(self, int rule, double middle):
        """Set what counts as correct: 0: nothing; 1: the largest output; 2: sides of `middle`."""
        if self.net.shape.loss.cost >= QUANTILE:
            rule = 0  # outputs and targets do not correspond
        self.net.counters.hit_rule = <HitRule> rule
        self.net.counters.middle = <real> middle

    def expect(self, double lowest, double highest, bint sums_to_one, bint one_class=False):
        """Set which targets the fast paths accept.

        If `one_class`, targets of -1, 0 and 1 must have a single 1 in each row.
        """
        self.expected.lowest = <real> lowest
        self.expected.highest = <real> highest
        self.expected.sums_to_one = sums_to_one
        self.expected.one_class = one_class

    cdef int begin_reading(self) except -1:
        """Begin to read: until leave(), no thread changes the parameters."""
        if not enter(self.gate):
            self.guard.enter_after_writers()
        return 0

    cdef int check_flat(self, Py_ssize_t n) except -1:
        if n != self.n_parameters:
            raise ValueError(f"{n} parameters; this engine has {self.n_parameters}")
        return 0

    cdef bytes check_examples(
        self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start,
        Py_ssize_t stop,
    ):
        """Check all that keeps loops within their arrays; return a copy of order[start:stop].

        Loops read the order only from the copy, which no other code can write.
        """
        cdef Py_ssize_t n_targets = self.net.shape.loss.n_targets
        if self.net.shape.layers[0].b_u == NULL:
            raise ValueError("this engine has no parameters yet")
        if rows.n_in != self.net.shape.layers[0].n_in or not 0 <= start < stop <= order.shape[0]:
            raise ValueError("these examples do not fit this engine")
        if targets is not None:
            if targets.n != rows.n:
                raise ValueError("the numbers of targets and rows differ")
            if targets.labels != NULL:
                if targets.n_classes > n_targets:
                    raise ValueError(
                        f"class {targets.n_classes - 1} is out of range for {n_targets} outputs"
                    )
            elif targets.n_out != n_targets or targets.itemsize != sizeof(real):
                raise ValueError("these targets do not fit this engine")
            if targets.sample_weights != NULL and targets.weight_itemsize != sizeof(real):
                raise ValueError("these sample weights do not fit this engine")
        return checked_places(&order[start], stop - start, rows.n)


include "fastnet/kernels/arrays.pxi"
include "fastnet/kernels/prediction.pxi"
include "fastnet/kernels/derivatives.pxi"
include "fastnet/kernels/training.pxi"
