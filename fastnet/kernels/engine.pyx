"""A network's workspace, and the loops over mini-batches that run in it.

This file is compiled once for every number type and instruction set (see setup.py). The flat
parameter vector that users see holds, layer after layer, the biases b_u and then the weights w_iu
with the inputs as rows. For training an engine keeps a copy whose rows are padded to 64 bytes;
for prediction it reads the flat vector as it is.
"""
cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport uint64_t, uintptr_t
from libc.string cimport memcpy, memset

import numpy as np

from fastnet.kernels.crew cimport CREWS_WORK, await_verdict
from fastnet.kernels.examples cimport Rows, Targets
from fastnet.kernels.fetch cimport (
    Inputs, are_finite, density_of, fetch, inputs_of, is_finite, is_sparse,
)
from fastnet.kernels.gemm cimport Operands, gemm
from fastnet.kernels.guard cimport Gate, Guard, enter, leave
from fastnet.kernels.nonzeros cimport are_mostly_zeros, compress
from fastnet.kernels.packing cimport lay_out, pack, size_of, unpack
from fastnet.kernels.panels cimport Panel, panel_of
from fastnet.kernels.passes cimport (
    MAX_DEPTH, Answers, Layer, Net, Statistics, activate_layer, answers_of, backward, errors, fold,
    forward, judge,
)
from fastnet.kernels.rules cimport Rule
from fastnet.kernels.simd cimport PAD, real
from fastnet.kernels.sparse cimport MOST_COLUMNS
from fastnet.kernels.tasks cimport (
    PROCEED, Task, panels_for, walk_through, walk_together, worthwhile_threads,
)
from fastnet.kernels.workspace cimport Workspace, carve, shape_layer

cnp.import_array()

# One copy each of what would otherwise be inlined wherever it is called.

cdef void run_forward(Net *net, Py_ssize_t count) noexcept nogil:
    forward(net, count)


cdef void run_backward(
    Net *net, Py_ssize_t count, bint descending, bint first, real step, real decay
) noexcept nogil:
    backward(net, count, descending, first, step, decay)


cdef void product(
    const Operands *p, Py_ssize_t m, Py_ssize_t m_end, Py_ssize_t n, Py_ssize_t n_end
) noexcept nogil:
    gemm(p, m, m_end, n, n_end)


cdef void walk(Net *net, Rule *rule, Task *task) noexcept nogil:
    walk_through(net, rule, task, run_forward, run_backward)


cdef void *work(void *argument) noexcept nogil:
    """What every thread but the first runs."""
    cdef Task *task = <Task *> argument
    if await_verdict(task.verdict) == PROCEED:
        walk(&task.net, &task.rule, task)
    return NULL


cdef class Engine:
    """Buffers for one network and at most `capacity` examples at a time.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, the inputs first.
    activations : sequence of int
        One code a layer, the first hidden layer first.
    cost : int
    capacity : int
        The most examples that forward and backward take at once.
    training : bool
        Whether there is room for errors, gradients, optimizer state and packed parameters.
    dropout : sequence of float, optional
        The share that is dropped of each layer but the last, the inputs first.
    guard : Guard, optional
        Of the network whose parameters are read where they lie; what is private needs none.
    n_states : int
        Vectors of state that the optimizer keeps.
    n_threads : int
        Threads that `train` may use, where layers are large enough to be shared out.
    """

    cdef object memory
    cdef object flat  # keeps alive what a predicting engine points into
    cdef Guard guard
    cdef Gate *gate  # the guard's, or NULL
    cdef readonly tuple sizes
    cdef readonly Py_ssize_t n_parameters
    cdef readonly bint training
    cdef readonly Py_ssize_t capacity
    cdef Net net
    cdef Rule rule
    cdef readonly int n_threads
    cdef Workspace space
    cdef Py_ssize_t pending  # examples of the mini-batch at hand that nabla holds already

    def __cinit__(
        self, sizes, activations, int cost, Py_ssize_t capacity, bint training, dropout=None,
        int n_states=0, Guard guard=None, int n_threads=1,
    ):
        if not 2 <= len(sizes) <= MAX_DEPTH + 1 or len(activations) != len(sizes) - 1:
            raise ValueError(f"{len(sizes)} layers; an engine takes 2 to {MAX_DEPTH + 1}")
        widths = [int(n) + 2 * PAD for n in sizes]
        elements = 6 * sum(n * m for n, m in zip(widths, widths[1:]))
        elements += 7 * int(capacity) * sum(widths)
        if elements * sizeof(real) > 2**60:
            raise MemoryError(f"a network of sizes {list(sizes)} does not fit into memory")
        self.sizes = tuple(sizes)
        self.training = training
        self.capacity = capacity
        self.guard = guard
        self.gate = &guard.gate if guard is not None else NULL
        self.n_threads = n_threads if training and CREWS_WORK and n_threads > 1 else 1
        self.net.depth = len(sizes) - 1
        self.net.capacity = capacity
        self.net.cost = cost
        self.net.scale = 1
        self.net.product = product
        self.net.n_threads = 1
        self.net.input_keep = 1 - dropout[0] if dropout else 1
        for l in range(self.net.depth):
            keep = 1 - dropout[l + 1] if dropout and l < self.net.depth - 1 else 1
            shape_layer(&self.net, l, sizes[l], sizes[l + 1])
            self.net.layers[l].activation = activations[l]
            self.net.layers[l].keep = keep
            self.n_parameters += (sizes[l] + 1) * sizes[l + 1]
        self.space.training = training
        self.space.n_threads = self.n_threads
        self.space.n_states = n_states
        self.allocate()

    cdef int allocate(self) except -1:
        """Measure, allocate once, carve; both walks must end at the same place."""
        cdef Py_ssize_t size
        carve(&self.space, &self.net, &self.rule)
        size = self.space.taken
        self.memory = np.zeros(size + 64, dtype=np.uint8)
        self.space.base = <char *> cnp.PyArray_DATA(self.memory)
        self.space.base += -(<uintptr_t> self.space.base) % 64
        carve(&self.space, &self.net, &self.rule)
        if self.space.taken != size:
            raise AssertionError("the workspace was carved differently from what was measured")
        if self.training:
            lay_out(&self.net)
        return 0

    cdef int arrange(self, int n_threads, Py_ssize_t mini_batch_size) except -1:
        """Lay all vectors of parameters out in the panels that so many threads want."""
        cdef Net before = self.net
        cdef bint same = True
        cdef Py_ssize_t l
        cdef int panels
        cdef int which
        cdef real *vectors[4]
        cdef real[::1] flat
        for l in range(self.net.depth):
            panels = panels_for(&self.net, l, n_threads, mini_batch_size)
            same = same and panels == self.net.layers[l].panels
        if same:
            return 0
        flat = np.empty(self.n_parameters, np.float64 if sizeof(real) == 8 else np.float32)
        for l in range(self.net.depth):
            self.net.layers[l].panels = panels_for(&self.net, l, n_threads, mini_batch_size)
        lay_out(&self.net)
        vectors[:] = [self.net.packed, self.net.nabla, self.rule.s1, self.rule.s2]
        for which in range(2 + self.space.n_states):
            unpack(&before, vectors[which], &flat[0])
            memset(vectors[which], 0, self.net.n_packed * sizeof(real))
            pack(&self.net, &flat[0], vectors[which])
        return 0

    # ---- parameters in and out

    def load(self, const real[::1] flat, double scale=1):
        """Copy the flat vector into the padded rows; `scale` is still to be multiplied in."""
        self.check_flat(flat.shape[0])
        self.net.scale = scale
        self.pending = 0
        with nogil:
            pack(&self.net, &flat[0], self.net.packed)

    @property
    def scale(self):
        """What the first layer's weights are still to be multiplied by."""
        return self.net.scale

    def store(self, real[::1] flat, bint scaled=True):
        """Copy the padded rows back into the flat vector, and change nothing.

        Where not `scaled`, the first layer's weights are those that `scale` is to multiply.
        """
        cdef Py_ssize_t j
        cdef Layer *layer = &self.net.layers[0]
        self.check_flat(flat.shape[0])
        with nogil:
            unpack(&self.net, self.net.packed, &flat[0])
            # The decay that is outstanding stays so here: a look must not change a bit.
            if scaled and self.net.scale != 1:
                for j in range(layer.n_out, (layer.n_in + 1) * layer.n_out):
                    flat[j] *= self.net.scale

    def load_state(self, int which, const real[::1] flat):
        """Copy the optimizer's first or second state vector in."""
        self.check_flat(flat.shape[0])
        pack(&self.net, &flat[0], self.state(which))

    def store_state(self, int which, real[::1] flat):
        """Copy the optimizer's first or second state vector out."""
        self.check_flat(flat.shape[0])
        unpack(&self.net, self.state(which), &flat[0])

    cdef real *state(self, int which) except NULL:
        if not 0 <= which < self.space.n_states:
            raise ValueError(f"state {which} of an engine that has {self.space.n_states}")
        return self.rule.s1 if which == 0 else self.rule.s2

    def attach(self, real[::1] flat):
        """Predict with the flat vector where it lies; it has PAD elements of slack behind it."""
        cdef real *source = &flat[0]
        cdef Layer *layer
        cdef Py_ssize_t l
        self.check_flat(flat.shape[0])
        if self.training:
            raise TypeError("a training engine works on its own copy")
        self.flat = flat
        for l in range(self.net.depth):
            layer = &self.net.layers[l]
            layer.b_u = source
            layer.w_iu = source + layer.n_out
            source += (layer.n_in + 1) * layer.n_out

    cdef int begin_reading(self) except -1:
        """What follows, up to leave(), sees the parameters as they are between two stores."""
        if not enter(self.gate):
            self.guard.enter_after_writers()
        return 0

    cdef int check_flat(self, Py_ssize_t n) except -1:
        if n != self.n_parameters:
            raise ValueError(f"{n} parameters; this engine has {self.n_parameters}")
        return 0

    # ---- forward

    def predict(
        self, Rows rows, const Py_ssize_t[::1] order, Py_ssize_t start, Py_ssize_t stop,
        real[:, ::1] out,
    ):
        """Write the outputs for rows order[start:stop] into out[start:stop].

        Returns
        -------
        bool
            False where a row held, in this number type, what is not finite: `out` is not complete.
        """
        cdef Net *net = &self.net
        cdef Layer *last = &net.layers[net.depth - 1]
        cdef Inputs inputs = inputs_of(rows)
        cdef Py_ssize_t at = start
        cdef Py_ssize_t count, b
        self.check_examples(rows, None, order, start, stop)
        if out.shape[0] < stop or out.shape[1] != last.n_out:
            raise ValueError("no room for these outputs")
        self.begin_reading()
        net.watching = True
        with nogil:
            while at < stop:
                count = min(net.capacity, stop - at)
                fetch(net, &inputs, &order[at], count)
                if not net.sparse and are_mostly_zeros(net, count):
                    compress(net, count)
                run_forward(net, count)
                if net.odd and not is_sparse(&inputs) and not are_finite(net, count):
                    break
                activate_layer(net, net.depth - 1, count)
                for b in range(count):
                    memcpy(&out[at + b, 0], last.a_bu + b * last.ld, last.n_out * sizeof(real))
                at += count
            leave(self.gate)
        net.watching = False
        return at >= stop

    def answer(self, cnp.ndarray a not None, cnp.ndarray parameters not None):
        """The output for one example, by the shortest way; None where `a` needs a closer look.

        Parameters
        ----------
        a : ndarray of float64 or float32, contiguous, shape (n_in,) or (n_in, 1)
        parameters : ndarray
            The network's flat vector, read where it lies.

        Returns
        -------
        ndarray of shape (n_out,) or (n_out, 1), or None
        """
        cdef Net *net = &self.net
        cdef Layer *last = &net.layers[net.depth - 1]
        cdef cnp.npy_intp shape[2]
        cdef int kind = cnp.PyArray_TYPE(a)
        cdef int ndim = cnp.PyArray_NDIM(a)
        cdef Py_ssize_t i
        cdef bint good = True
        cdef const void *data = cnp.PyArray_DATA(a)
        if (
            not cnp.PyArray_ISCARRAY_RO(a) or kind != cnp.NPY_DOUBLE and kind != cnp.NPY_FLOAT
            or cnp.PyArray_SIZE(a) != net.layers[0].n_in or not 1 <= ndim <= 2
            or ndim == 2 and (cnp.PyArray_DIM(a, 1) != 1 or net.layers[0].n_in == 1)
        ):
            return None
        if net.layers[0].b_u != <real *> cnp.PyArray_DATA(parameters):
            self.attach(parameters)
        net.x_ld = net.layers[0].ld_in
        net.x_bi = net.room
        net.sparse = False
        net.watching = True
        self.begin_reading()
        with nogil:
            if kind == cnp.PyArray_TYPE(parameters):
                net.x_bi = <const real *> data
            elif kind == cnp.NPY_DOUBLE:
                for i in range(net.layers[0].n_in):
                    net.room[i] = <real> (<const double *> data)[i]
            else:
                for i in range(net.layers[0].n_in):
                    net.room[i] = (<const float *> data)[i]
            # Of dense rows, too: the sparse kernel has more sums under way for one example.
            if net.layers[0].n_in <= MOST_COLUMNS:
                compress(net, 1)
            run_forward(net, 1)
            if net.odd:
                good = are_finite(net, 1)
            if good:
                activate_layer(net, net.depth - 1, 1)
            leave(self.gate)
        net.watching = False
        if not good:
            return None
        shape[0] = last.n_out
        shape[1] = 1
        out = cnp.PyArray_EMPTY(ndim, shape, cnp.PyArray_TYPE(parameters), 0)
        memcpy(cnp.PyArray_DATA(out), last.a_bu, last.n_out * sizeof(real))
        return out

    def evaluate(
        self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start,
        Py_ssize_t stop,
    ):
        """Over rows order[start:stop]: the sum of their costs and how many are classified right."""
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Answers answers = answers_of(targets)
        cdef Py_ssize_t at = start
        cdef Py_ssize_t count, b
        self.check_examples(rows, targets, order, start, stop)
        net.cost_sum = 0
        net.hits = 0
        self.begin_reading()
        with nogil:
            while at < stop:
                count = min(net.capacity, stop - at)
                fetch(net, &inputs, &order[at], count)
                run_forward(net, count)
                for b in range(count):
                    judge(net, &answers, order[at + b], b)
                at += count
            leave(self.gate)
        return net.cost_sum, net.hits

    def statistics(
        self, Rows rows, const Py_ssize_t[::1] order, Py_ssize_t start, Py_ssize_t stop,
        double[:, ::1] sums,
    ):
        """Add to sums[l], over rows order[start:stop] and units: z, z^2, sigma'(z), saturated."""
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Statistics collected[MAX_DEPTH]
        cdef Py_ssize_t at = start
        cdef Py_ssize_t count, l
        self.check_examples(rows, None, order, start, stop)
        if sums.shape[0] != net.depth or sums.shape[1] != 4:
            raise ValueError("sums must have a row of 4 a layer")
        memset(collected, 0, sizeof(collected))
        self.begin_reading()
        net.statistics = collected
        with nogil:
            while at < stop:
                count = min(net.capacity, stop - at)
                fetch(net, &inputs, &order[at], count)
                run_forward(net, count)
                activate_layer(net, net.depth - 1, count)
                at += count
            leave(self.gate)
        net.statistics = NULL
        for l in range(net.depth):
            sums[l, 0] += collected[l].sum_z
            sums[l, 1] += collected[l].sum_z_squared
            sums[l, 2] += collected[l].sum_derivative
            sums[l, 3] += collected[l].saturated

    # ---- training

    def set_rule(
        self, int kind, *, double beta1=0, double beta2=0, double epsilon=0, double largest=0,
        double weight_decay=0, double l1=0, double l2=0, double max_norm=0, double clip_norm=0,
        long t=0,
    ):
        """Choose the optimizer and the regularization; l1 and l2 are the book's lambda / n."""
        self.rule.kind = kind
        self.rule.beta1 = beta1
        self.rule.beta2 = beta2
        self.rule.epsilon = epsilon
        self.rule.largest = largest
        self.rule.weight_decay = weight_decay
        self.rule.l1 = l1
        self.rule.l2 = l2
        self.rule.max_norm = max_norm
        self.rule.clip_norm = clip_norm
        self.rule.t = t

    @property
    def steps(self):
        """How many steps the optimizer has taken."""
        return self.rule.t

    def begin_epoch(
        self, uint64_t dropout_key, bint measuring, double cost_sum=0, Py_ssize_t hits=0,
    ):
        """Start counting anew: examples, cost, hits; or go on counting from what is given."""
        self.net.dropout_key = dropout_key
        self.net.measuring = measuring
        self.net.cost_sum = cost_sum
        self.net.hits = hits
        self.pending = 0

    @property
    def is_finite(self):
        """Whether the last layer's biases are: what goes wrong anywhere arrives there at once."""
        cdef Layer *last = &self.net.layers[self.net.depth - 1]
        cdef Panel panel
        cdef Py_ssize_t u
        cdef int t
        if not self.training:
            raise TypeError("a predicting engine has no parameters of its own")
        for t in range(last.panels):
            panel = panel_of(last.n_in, last.width, last.panels, t)
            for u in range(panel.last - panel.first):  # what is padding is zero
                if not isfinite(last.packed[panel.at + u]):
                    return False
        return True

    def first_bad_layer(self):
        """The first layer, from 1, with a parameter that is not finite; 0 where all are."""
        cdef Py_ssize_t l, j, n
        cdef const real *at = self.net.packed
        cdef real odd
        cdef int found = 0
        if not self.training:
            raise TypeError("a predicting engine has no parameters of its own")
        with nogil:
            for l in range(self.net.depth):
                n = size_of(&self.net.layers[l])
                odd = 0
                for j in range(n):
                    odd += at[j] - at[j]  # 0 for what is finite, else NaN
                if odd != 0:
                    found = l + 1
                    break
                at += n
        return found

    @property
    def measured(self):
        """Sum of costs and number of hits since begin_epoch, each example as it was trained on."""
        return self.net.cost_sum, self.net.hits

    def train(
        self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start,
        Py_ssize_t stop, Py_ssize_t position, Py_ssize_t total, Py_ssize_t mini_batch_size,
        const double[::1] etas, int n_threads=1,
    ):
        """Train on rows order[start:stop], which are examples position .. of an epoch of `total`.

        A step is taken after every `mini_batch_size` examples and after the epoch's last, at the
        rate that `etas` has for that mini-batch. A mini-batch larger than the capacity goes through
        in parts, and a call may end between two parts. Of `n_threads` those work that find enough
        to do: the result is the same for any number.
        """
        cdef Task *task
        cdef Inputs inputs = inputs_of(rows)
        cdef Answers answers = answers_of(targets)
        cdef bint together = False
        self.check_examples(rows, targets, order, start, stop)
        if (
            not self.training or position < 0 or mini_batch_size < 1
            or position + stop - start > total or etas.shape[0] < (total - 1) // mini_batch_size + 1
        ):
            raise ValueError("this engine has no room for such training")
        task = &self.space.tasks[0]
        task.shared_net = &self.net
        task.shared_rule = &self.rule
        task.inputs = &inputs
        task.answers = &answers
        task.order = &order[0]
        task.at = start
        task.stop = stop
        task.position = position
        task.total = total
        task.mini_batch_size = mini_batch_size
        task.pending = self.pending
        task.etas = &etas[0]
        self.net.training = True
        # Dropout of inputs wants them dense.
        self.net.density = density_of(&inputs, rows.n) if self.net.input_keep == 1 else 1
        n_threads = max(min(n_threads, self.n_threads), 1)
        n_threads = worthwhile_threads(&self.net, n_threads, mini_batch_size)
        self.arrange(n_threads, mini_batch_size)
        if n_threads > 1:
            with nogil:
                together = walk_together(
                    &self.net, &self.rule, self.space.tasks, self.space.barrier, n_threads, walk,
                    work,
                )
        if not together:
            self.arrange(1, mini_batch_size)
            with nogil:
                walk(&self.net, &self.rule, task)
        self.net.training = False
        self.pending = task.pending

    def differentiate(
        self, cnp.ndarray X not None, cnp.ndarray y not None, cnp.ndarray parameters not None
    ):
        """The summed gradient over a few plain rows, by the shortest way.

        Parameters
        ----------
        X, y : ndarray of the network's dtype, contiguous, shapes (n, n_in) and (n, n_out)
            n up to `capacity`.
        parameters : ndarray
            The network's flat vector.

        Returns
        -------
        ndarray, laid out as the parameters; or None where X or y need a closer look
        """
        cdef Net *net = &self.net
        cdef int kind = cnp.PyArray_TYPE(parameters)
        cdef Py_ssize_t n_in = net.layers[0].n_in
        cdef Py_ssize_t n_out = net.layers[net.depth - 1].n_out
        cdef Py_ssize_t n
        cdef bint good
        cdef Answers answers
        cdef const real *x
        cdef const real *source
        cdef real *target
        cdef cnp.npy_intp size = self.n_parameters
        if (
            not cnp.PyArray_ISCARRAY_RO(X) or not cnp.PyArray_ISCARRAY_RO(y)
            or cnp.PyArray_TYPE(X) != kind or cnp.PyArray_TYPE(y) != kind
            or cnp.PyArray_NDIM(X) != 2 or cnp.PyArray_NDIM(y) != 2
        ):
            return None
        n = cnp.PyArray_DIM(X, 0)
        # An X of one column may be one example.
        if (
            cnp.PyArray_DIM(X, 1) != n_in or n_in == 1 or not 1 <= n <= self.capacity
            or cnp.PyArray_DIM(y, 0) != n or cnp.PyArray_DIM(y, 1) != n_out
            or not self.training or cnp.PyArray_SIZE(parameters) != size
        ):
            return None
        self.arrange(1, n)
        flat = cnp.PyArray_EMPTY(1, &size, kind, 0)
        x = <const real *> cnp.PyArray_DATA(X)
        source = <const real *> cnp.PyArray_DATA(parameters)
        target = <real *> cnp.PyArray_DATA(flat)
        answers.labels = NULL
        answers.y = <const real *> cnp.PyArray_DATA(y)
        answers.sample_weights = NULL
        self.begin_reading()
        with nogil:
            pack(&self.net, source, net.packed)
            leave(self.gate)
            net.scale = 1
            net.sparse = False
            good = is_finite(x, n * n_in) and is_finite(answers.y, n * n_out)
            if good:
                net.x_bi = x
                net.x_ld = n_in
                run_forward(net, n)
                errors(net, &answers, NULL, n)
                run_backward(net, n, False, True, 0, 1)
                unpack(&self.net, net.nabla, target)
        return flat if good else None

    def gradient(
        self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start,
        Py_ssize_t stop, real[::1] flat, bint add=False,
    ):
        """The gradient of the cost, summed over rows order[start:stop], laid out as the parameters.

        With `add`, the gradient of the calls before is kept and this one's is added to it.
        """
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Answers answers = answers_of(targets)
        cdef Py_ssize_t at = start
        cdef Py_ssize_t count
        self.check_flat(flat.shape[0])
        self.check_examples(rows, targets, order, start, stop)
        if not self.training:
            raise ValueError("this engine has no room for gradients")
        self.arrange(1, stop - start)
        with nogil:
            fold(net)
            while at < stop:
                count = min(net.capacity, stop - at)
                fetch(net, &inputs, &order[at], count)
                run_forward(net, count)
                errors(net, &answers, &order[at], count)
                run_backward(net, count, False, at == start and not add, 0, 1)
                at += count
            unpack(&self.net, net.nabla, &flat[0])

    cdef int check_examples(
        self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start,
        Py_ssize_t stop,
    ) except -1:
        """What must hold for no loop to leave its arrays; row numbers are the caller's word."""
        cdef Layer *last = &self.net.layers[self.net.depth - 1]
        if rows.n_in != self.net.layers[0].n_in or not 0 <= start < stop <= order.shape[0]:
            raise ValueError("these examples do not fit this engine")
        if targets is not None:
            if targets.n != rows.n:
                raise ValueError("as many targets as rows are needed")
            if targets.labels == NULL and (
                targets.n_out != last.n_out or targets.itemsize != sizeof(real)
            ):
                raise ValueError("these targets do not fit this engine")
        return 0
