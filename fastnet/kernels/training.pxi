"""The engine for training; a part of engine.pyx."""
cimport numpy as cnp
from libc.math cimport isfinite
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

import numpy as np

from fastnet.kernels.rows cimport Rows, Targets
from fastnet.kernels.minibatch cimport Inputs, density_of
from fastnet.kernels.rwlock cimport Guard, leave
from fastnet.kernels.packing cimport lay_out, pack, size_of, unpack
from fastnet.kernels.layout cimport Panel, panel_of
from fastnet.kernels.backprop cimport (
    MAX_DEPTH, Answers, Layer, Moments, Net, Propagation, Statistics,
)
from fastnet.kernels.optimizers cimport vectors_of
from fastnet.kernels.simd cimport real
from fastnet.kernels.parallel cimport Task, panels_for, worthwhile_threads


cdef enum:
    SUMS = sizeof(Moments) // sizeof(double)
    SUMS_OF_Z = sizeof(Statistics) // sizeof(double)


cdef class TrainingEngine(Engine):
    """Trains a padded copy of the parameters, and computes gradients; see `Engine`."""

    cdef Py_ssize_t pending  # examples of the current mini-batch that nabla already includes
    cdef bytes numbers  # 0 .. capacity - 1: the order of rows that are not shuffled

    cdef int arrange(self, int n_threads, Py_ssize_t mini_batch_size) except -1:
        """Arrange all parameter vectors in panels for this number of threads."""
        cdef Net before = self.net
        cdef bint same = True
        cdef Py_ssize_t l
        cdef int panels
        cdef int which
        cdef real *vectors[4]
        cdef real[::1] flat
        for l in range(self.net.shape.depth):
            panels = panels_for(&self.net, l, n_threads, mini_batch_size)
            same = same and panels == self.net.shape.layers[l].panels
        if same:
            return 0
        flat = np.empty(self.n_parameters, np.float64 if sizeof(real) == 8 else np.float32)
        for l in range(self.net.shape.depth):
            self.net.shape.layers[l].panels = panels_for(&self.net, l, n_threads, mini_batch_size)
        lay_out(&self.net)
        vectors[:] = [self.net.shape.packed, self.net.shape.nabla, self.rule.s1, self.rule.s2]
        for which in range(2 + self.space.n_states):
            unpack(&before, vectors[which], &flat[0])
            memset(vectors[which], 0, self.net.shape.n_packed * sizeof(real))
            pack(&self.net, &flat[0], vectors[which])
        return 0

    def load(self, const real[::1] flat not None, double scale=1):
        """Copy the flat vector into the padded rows; `scale` is the factor still to be applied."""
        self.check_flat(flat.shape[0])
        self.net.shape.scale = scale
        self.pending = 0
        with nogil:
            pack(&self.net, &flat[0], self.net.shape.packed)

    @property
    def scale(self):
        """The factor that is still to be applied to the first layer's weights."""
        return self.net.shape.scale

    def store(self, real[::1] flat not None, bint scaled=True):
        """Copy the padded rows into the flat vector, without changing them.

        Unless `scaled`, the first layer's weights are copied without the factor `scale`.
        """
        cdef Py_ssize_t j
        cdef Layer *layer = &self.net.shape.layers[0]
        self.check_flat(flat.shape[0])
        with nogil:
            unpack(&self.net, self.net.shape.packed, &flat[0])
            # The decay stays pending in the engine: reading must not change a bit.
            if scaled and self.net.shape.scale != 1:
                for j in range(layer.n_out, (layer.n_in + 1) * layer.n_out):
                    flat[j] *= self.net.shape.scale

    def load_state(self, int which, const real[::1] flat not None):
        """Copy the optimizer's first or second state vector in."""
        self.check_flat(flat.shape[0])
        pack(&self.net, &flat[0], self.state(which))

    def store_state(self, int which, real[::1] flat not None):
        """Copy the optimizer's first or second state vector out."""
        self.check_flat(flat.shape[0])
        unpack(&self.net, self.state(which), &flat[0])

    cdef real *state(self, int which) except NULL:
        if not 0 <= which < self.space.n_states:
            raise ValueError(f"state {which} is out of range for {self.space.n_states} vectors")
        return self.rule.s1 if which == 0 else self.rule.s2

    def set_rule(
        self, int kind, *, double beta1=0, double beta2=0, double epsilon=0, double largest=0,
        double weight_decay=0, double l1=0, double l2=0, double max_norm=0, double clip_norm=0,
        long t=0,
    ):
        """Set the optimizer and the regularization; l1 and l2 are the book's lambda / n."""
        if vectors_of(kind) > self.space.n_states:
            raise ValueError(
                f"optimizer {kind} needs {vectors_of(kind)} state vectors, and this engine has "
                f"{self.space.n_states}"
            )
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
        """Number of steps that the optimizer has taken."""
        return self.rule.t

    def begin_epoch(
        self, uint64_t dropout_key, bint measuring, double cost_sum=0, Py_ssize_t hits=0,
    ):
        """Start counting examples, cost and hits, from 0 or from the given values."""
        self.net.counters.dropout_key = dropout_key
        self.net.counters.measuring = measuring
        self.net.counters.cost_sum = cost_sum
        self.net.counters.hits = hits
        self.pending = 0

    @property
    def is_finite(self):
        """Whether the last layer's biases are finite: any divergence reaches them at once."""
        cdef Layer *last = &self.net.shape.layers[self.net.shape.depth - 1]
        cdef Panel panel
        cdef Py_ssize_t u
        cdef int t
        for t in range(last.panels):
            panel = panel_of(last.n_in, last.width, last.panels, t)
            for u in range(panel.last - panel.first):  # the padding is zero
                if not isfinite(last.packed[panel.at + u]):
                    return False
        return True

    def first_bad_layer(self):
        """Return the first layer, from 1, with a parameter that is not finite, or 0."""
        cdef Py_ssize_t l, j, n
        cdef const real *at = self.net.shape.packed
        cdef real odd
        cdef int found = 0
        with nogil:
            for l in range(self.net.shape.depth):
                n = size_of(&self.net.shape.layers[l])
                odd = 0
                for j in range(n):
                    odd += at[j] - at[j]  # 0 for finite numbers, else NaN
                if odd != 0:
                    found = l + 1
                    break
                at += n
        return found

    @property
    def measured(self):
        """Sum of costs and number of hits since begin_epoch, measured during training."""
        return self.net.counters.cost_sum, self.net.counters.hits

    def train(
        self, Rows rows not None, Targets targets not None, const Py_ssize_t[::1] order not None,
        Py_ssize_t start, Py_ssize_t stop, Py_ssize_t position, Py_ssize_t total,
        Py_ssize_t mini_batch_size, const double[::1] etas not None, int n_threads=1,
    ):
        """Train on rows order[start:stop], which are examples position .. of an epoch of `total`.

        A step is taken after every `mini_batch_size` examples and after the epoch's last, with the
        learning rate in `etas` for that mini-batch. A mini-batch larger than the capacity is
        processed in parts, and a call may end between two parts. At most `n_threads` threads work,
        depending on the layers; the result is the same for any number.
        """
        cdef Task *task
        cdef Inputs inputs = inputs_of(rows)
        cdef Answers answers = answers_of(targets)
        cdef bint together = False
        cdef bytes copied = self.check_examples(rows, targets, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        if (
            position < 0 or mini_batch_size <= self.pending
            or position + stop - start > total or etas.shape[0] < (total - 1) // mini_batch_size + 1
        ):
            raise ValueError("position, total, mini_batch_size or etas do not match")
        task = &self.space.tasks[0]
        task.shared_net = &self.net
        task.shared_rule = &self.rule
        task.inputs = &inputs
        task.answers = &answers
        task.order = places
        task.at = 0
        task.stop = stop - start
        task.position = position
        task.total = total
        task.mini_batch_size = mini_batch_size
        task.pending = self.pending
        task.etas = &etas[0]
        self.net.counters.training = True
        self.net.batch.density = 1
        if self.net.shape.input_keep == 1:  # dropout of inputs needs them dense
            self.net.batch.density = density_of(&inputs, rows.n)
        n_threads = max(min(n_threads, self.n_threads), 1)
        n_threads = worthwhile_threads(&self.net, n_threads, mini_batch_size)
        self.arrange(n_threads, mini_batch_size)
        if n_threads > 1:
            with nogil:
                together = loops.train_together(
                    &self.net, &self.rule, self.space.tasks, self.space.barrier, n_threads
                )
        if not together:
            self.arrange(1, mini_batch_size)
            with nogil:
                loops.train(&self.net, &self.rule, task)
        self.net.counters.training = False
        self.pending = task.pending

    def step(
        self, cnp.ndarray X not None, cnp.ndarray y not None, cnp.ndarray parameters not None,
        Guard guard not None, long version, state, owner, optimizer, double eta, double l1,
        double l2,
    ):
        """Fast path: take one step on a few plain rows, without running other Python code.

        The rule is that of `set_rule` except t, l1 and l2; the latter two are the book's lambda.

        Parameters
        ----------
        X : ndarray of float64, float32 or uint8, shape (n, n_in)
            n up to `capacity`.
        y : ndarray of class numbers, shape (n,), or of targets, shape (n, n_targets)
        parameters : ndarray
            The network's flat vector.
        guard : Guard
            The network's guard.
        version : int
            The guard's version before `parameters` and `state` were read.
        state : State or None
            The optimizer's state; None if it is not kept.
        owner : object or None
            Object whose `_optimizer` becomes `optimizer` with the step.

        Returns
        -------
        bool
            False, with nothing changed, if this path does not apply or the step diverges.

        Raises
        ------
        RuntimeError
            The network is being trained already.
        """
        cdef Net *net = &self.net
        cdef Task *task = &self.space.tasks[0]
        cdef Inputs inputs
        cdef Answers answers
        cdef Py_ssize_t n_in = net.shape.layers[0].n_in
        cdef Py_ssize_t n_targets = net.shape.loss.n_targets
        cdef Py_ssize_t n
        cdef list vectors = [parameters] if state is None else [parameters, *state.vectors]
        cdef real *flat[3]
        cdef int which
        cdef bint good
        if (
            not cnp.PyArray_CheckExact(X) or cnp.PyArray_NDIM(X) != 2
            or cnp.PyArray_DIM(X, 1) != n_in or cnp.PyArray_DIM(X, 0) > self.capacity
            or not lay_rows(X, n_in, &inputs, &n)
        ):
            return False
        held = take_targets(y, n, n_targets, &answers)
        if held is None or (answers.labels != NULL and net.shape.loss.cost >= QUANTILE):
            return False
        if not self.find(vectors, flat) or not guard.begin_step(version):
            return False
        try:
            self.begin_step(&inputs, &answers, n)
            self.rule.t = 0 if state is None else state.step
            self.rule.l1 = l1 / n
            self.rule.l2 = l2 / n
            task.etas = &eta
            with nogil:
                for which in range(1 + self.space.n_states):
                    pack(net, flat[which], self.packed(which))
                good = loops.step(net, &self.rule, task, &self.expected)
            if not good:
                return False
            guard.begin_storing()
            with nogil:
                for which in range(1 + self.space.n_states):
                    unpack(net, self.packed(which), flat[which])
            if state is not None:
                state.step = self.rule.t
            if owner is not None:
                owner._optimizer = optimizer
            guard.end_storing()
            return True
        finally:
            guard.end_step()

    cdef int begin_step(self, const Inputs *inputs, const Answers *answers, Py_ssize_t n) except -1:
        """Make these rows an epoch of one mini-batch."""
        cdef Task *task = &self.space.tasks[0]
        if self.numbers is None:
            self.numbers = np.arange(self.capacity, dtype=np.intp).tobytes()
        self.begin_epoch(0, False)
        self.arrange(1, n)
        self.net.batch.density = 1
        self.net.shape.scale = 1
        task.inputs = inputs
        task.answers = answers
        task.order = places_in(self.numbers)
        task.at = task.position = task.pending = 0
        task.stop = task.total = task.mini_batch_size = n
        return 0

    cdef real *packed(self, int which) noexcept nogil:
        """Return the panels of the parameters, 0, or of the optimizer's vector 1 or 2."""
        if which == 0:
            return self.net.shape.packed
        return self.rule.s1 if which == 1 else self.rule.s2

    cdef bint find(self, list vectors, real **flat) except -1:
        """Set the addresses of parameters and optimizer's vectors; return False if they changed."""
        cdef cnp.ndarray vector
        cdef int which
        if len(vectors) != 1 + self.space.n_states:
            return False
        for which in range(1 + self.space.n_states):
            vector = vectors[which]
            if (
                vector is None or cnp.PyArray_TYPE(vector) != own_type()
                or not cnp.PyArray_ISCARRAY(vector)
                or cnp.PyArray_SIZE(vector) != self.n_parameters
            ):
                return False
            flat[which] = <real *> cnp.PyArray_DATA(vector)
        return True

    def differentiate(
        self, cnp.ndarray X not None, cnp.ndarray y not None, cnp.ndarray parameters not None
    ):
        """Fast path: return the gradient summed over a few plain rows.

        Parameters
        ----------
        X, y : ndarray of the network's dtype, contiguous, shapes (n, n_in) and (n, n_targets)
            n up to `capacity`.
        parameters : ndarray
            The network's flat vector.

        Returns
        -------
        ndarray, with the layout of the parameters; or None if this path does not apply
        """
        cdef Net *net = &self.net
        cdef int kind = own_type()
        cdef Py_ssize_t n_in = net.shape.layers[0].n_in
        cdef Py_ssize_t n_targets = net.shape.loss.n_targets
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
            or cnp.PyArray_TYPE(parameters) != kind or not cnp.PyArray_ISCARRAY_RO(parameters)
        ):
            return None
        n = cnp.PyArray_DIM(X, 0)
        # An X with one column may be a single example.
        if (
            cnp.PyArray_DIM(X, 1) != n_in or n_in == 1 or not 1 <= n <= self.capacity
            or cnp.PyArray_DIM(y, 0) != n or cnp.PyArray_DIM(y, 1) != n_targets
            or cnp.PyArray_SIZE(parameters) != size
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
            pack(net, source, net.shape.packed)
            leave(self.gate)
            good = loops.differentiate(net, x, &answers, n, &self.expected)
            if good:
                unpack(net, net.shape.nabla, target)
        return flat if good else None

    def gradient(
        self, Rows rows not None, Targets targets not None, const Py_ssize_t[::1] order not None,
        Py_ssize_t start, Py_ssize_t stop, real[::1] flat not None, bint add=False,
    ):
        """Write the gradient of the cost, summed over rows order[start:stop], to `flat`.

        It has the layout of the parameters. With `add`, it is added to the previous calls'.
        """
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Answers answers = answers_of(targets)
        cdef bytes copied = self.check_examples(rows, targets, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        self.check_flat(flat.shape[0])
        self.arrange(1, stop - start)
        with nogil:
            loops.gradient(net, &inputs, &answers, places, stop - start, add, NULL)
            unpack(net, net.shape.nabla, &flat[0])

    def propagate(
        self, Rows rows not None, Targets targets not None, const Py_ssize_t[::1] order not None,
        Py_ssize_t start, Py_ssize_t stop, real[::1] flat not None, bint add,
        double[:, ::1] sums not None, double[::1] saturated not None,
    ):
        """As `gradient`; also add statistics of both passes to sums[l] and `saturated`.

        Both begin with zeros. For each layer `sums` has the numbers of `statistics`, then for
        activations and for errors their number, mean, its rounding error, and standard deviation.
        `saturated` has the number of rows that saturate each unit, layer by layer.
        """
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Answers answers = answers_of(targets)
        cdef Statistics forward[MAX_DEPTH]
        cdef Moments activations[MAX_DEPTH]
        cdef Moments errors[MAX_DEPTH]
        cdef Propagation seen
        cdef bytes copied = self.check_examples(rows, targets, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        cdef Py_ssize_t l
        self.check_flat(flat.shape[0])
        if (
            sums.shape[0] != net.shape.depth or sums.shape[1] != SUMS_OF_Z + 2 * SUMS
            or saturated.shape[0] != sum(self.sizes[1:])
        ):
            raise ValueError("sums must have one row of 14 per layer, saturated a number per unit")
        for l in range(net.shape.depth):
            memcpy(&forward[l], &sums[l, 0], sizeof(Statistics))
            memcpy(&activations[l], &sums[l, SUMS_OF_Z], sizeof(Moments))
            memcpy(&errors[l], &sums[l, SUMS_OF_Z + SUMS], sizeof(Moments))
        seen.forward = forward
        seen.activations = activations
        seen.errors = errors
        seen.saturated_u = &saturated[0]
        self.arrange(1, stop - start)
        with nogil:
            loops.gradient(net, &inputs, &answers, places, stop - start, add, &seen)
            unpack(net, net.shape.nabla, &flat[0])
        for l in range(net.shape.depth):
            memcpy(&sums[l, 0], &forward[l], sizeof(Statistics))
            memcpy(&sums[l, SUMS_OF_Z], &activations[l], sizeof(Moments))
            memcpy(&sums[l, SUMS_OF_Z + SUMS], &errors[l], sizeof(Moments))
