"""A network's workspace, and the loops over mini-batches that run in it.

This file is compiled once for every number type and instruction set (see setup.py). The flat
parameter vector that users see holds, layer after layer, the biases b_u and then the weights w_iu
with the inputs as rows. For training an engine keeps a copy whose rows are padded to 64 bytes;
for prediction it reads the flat vector as it is.
"""
cimport numpy as cnp
from libc.stdint cimport uint8_t, uintptr_t
from libc.string cimport memcpy, memset

import numpy as np

from fastnet.kernels.examples cimport (
    SPARSE_DOUBLE, SPARSE_FLOAT, STRIDED_DOUBLE, STRIDED_FLOAT, Rows, Targets,
)
from fastnet.kernels.gemm cimport Operands, gemm
from fastnet.kernels.layers cimport (
    activate, argmax, output_cost, output_delta, times_derivative,
)
from fastnet.kernels.simd cimport LANES, PAD, prefetch_read, real, v_load, v_splat, v_store, vreal
from fastnet.kernels.sparse cimport SparseRow, sparse_forward, sparse_update

cnp.import_array()

cdef enum:
    MAX_DEPTH = 64
    # Below this the decay that is still to be written into the weights is written at once.
    LOWEST_SCALE_PERCENT = 50

cdef struct Layer:
    Py_ssize_t n_in
    Py_ssize_t n_out
    Py_ssize_t ld  # length of a row of activations, errors and packed weights
    Py_ssize_t ld_in  # the same for the layer below
    Py_ssize_t w_ld  # length of a row of w_iu: ld where packed, n_out in the flat vector
    int activation
    real *b_u
    real *w_iu
    real *w_ui  # the transpose, for the way back
    real *nabla_b_u
    real *nabla_w_iu
    real *a_bu
    real *delta_bu


cdef inline Py_ssize_t padded(Py_ssize_t n) noexcept nogil:
    return (n + PAD - 1) // PAD * PAD


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
        Whether there is room for errors, gradients and packed parameters.
    """

    cdef object memory
    cdef object flat  # keeps alive what a predicting engine points into
    cdef readonly tuple sizes
    cdef readonly Py_ssize_t capacity
    cdef readonly bint training
    cdef readonly Py_ssize_t n_parameters
    cdef Py_ssize_t n_packed
    cdef int depth
    cdef int cost
    cdef Layer layers[MAX_DEPTH]
    cdef real *packed
    cdef real *nabla
    cdef real *x_bi
    cdef real *z_u  # the weighted outputs of one example, kept for its cost
    cdef SparseRow *sparse_b
    cdef real scale  # of the first layer's weights: decay that is not yet written into them
    cdef char *base
    cdef Py_ssize_t taken

    def __cinit__(self, sizes, activations, int cost, Py_ssize_t capacity, bint training):
        if not 2 <= len(sizes) <= MAX_DEPTH + 1 or len(activations) != len(sizes) - 1:
            raise ValueError(f"{len(sizes)} layers; an engine takes 2 to {MAX_DEPTH + 1}")
        widths = [int(n) + PAD for n in sizes]
        elements = 4 * sum(n * m for n, m in zip(widths, widths[1:])) + 4 * int(capacity) * sum(widths)
        if elements * sizeof(real) > 2**60:
            raise MemoryError(f"a network of sizes {list(sizes)} does not fit into memory")
        self.sizes = tuple(sizes)
        self.depth = len(sizes) - 1
        self.capacity = capacity
        self.training = training
        self.cost = cost
        self.scale = 1
        for l in range(self.depth):
            self.measure(l, sizes[l], sizes[l + 1], activations[l])
        self.allocate()

    cdef void measure(self, Py_ssize_t l, Py_ssize_t n_in, Py_ssize_t n_out, int activation):
        cdef Layer *layer = &self.layers[l]
        layer.n_in = n_in
        layer.n_out = n_out
        layer.ld = padded(n_out)
        layer.ld_in = padded(n_in)
        layer.w_ld = layer.ld if self.training else n_out
        layer.activation = activation
        self.n_parameters += (n_in + 1) * n_out
        self.n_packed += (n_in + 1) * layer.ld

    cdef int allocate(self) except -1:
        """Measure, allocate once, carve; both walks must end at the same place."""
        cdef Py_ssize_t size
        self.base = NULL
        self.taken = 0
        self.carve()
        size = self.taken
        self.memory = np.zeros(size + 64, dtype=np.uint8)
        self.base = <char *> cnp.PyArray_DATA(self.memory)
        self.base += -(<uintptr_t> self.base) % 64
        self.taken = 0
        self.carve()
        if self.taken != size:
            raise AssertionError("the workspace was carved differently from what was measured")
        return 0

    cdef void *take(self, Py_ssize_t size):
        """The next `size` bytes of the workspace, and as many more as keep it aligned."""
        cdef Py_ssize_t offset = self.taken
        self.taken += (size + 63) // 64 * 64
        return self.base + offset if self.base != NULL else NULL

    cdef void carve(self):
        cdef Layer *layer
        cdef Py_ssize_t l
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t row = self.capacity * sizeof(real)
        self.x_bi = <real *> self.take(row * self.layers[0].ld_in)
        self.z_u = <real *> self.take(self.layers[self.depth - 1].ld * sizeof(real))
        self.sparse_b = <SparseRow *> self.take(self.capacity * sizeof(SparseRow))
        for l in range(self.depth):
            layer = &self.layers[l]
            layer.a_bu = <real *> self.take(row * layer.ld)
        if not self.training:
            return
        self.packed = <real *> self.take(self.n_packed * sizeof(real))
        self.nabla = <real *> self.take(self.n_packed * sizeof(real))
        for l in range(self.depth):
            layer = &self.layers[l]
            layer.delta_bu = <real *> self.take(row * layer.ld)
            if l > 0:
                layer.w_ui = <real *> self.take(layer.n_out * layer.ld_in * sizeof(real))
            if self.base != NULL:
                layer.b_u = self.packed + at
                layer.w_iu = layer.b_u + layer.ld
                layer.nabla_b_u = self.nabla + at
                layer.nabla_w_iu = layer.nabla_b_u + layer.ld
            at += (layer.n_in + 1) * layer.ld

    # ---- parameters in and out

    def load(self, const real[::1] flat):
        """Copy the flat vector into the padded rows."""
        cdef const real *source = &flat[0]
        cdef Layer *layer
        cdef Py_ssize_t l, i
        self.check_flat(flat.shape[0])
        self.scale = 1
        with nogil:
            for l in range(self.depth):
                layer = &self.layers[l]
                for i in range(layer.n_in + 1):
                    memcpy(layer.b_u + i * layer.ld, source, layer.n_out * sizeof(real))
                    source += layer.n_out

    def store(self, real[::1] flat):
        """Copy the padded rows back into the flat vector."""
        self.check_flat(flat.shape[0])
        with nogil:
            self.fold()
            self.unpack(self.packed, &flat[0])

    def attach(self, real[::1] flat):
        """Predict with the flat vector where it lies; it has PAD elements of slack behind it."""
        cdef real *source = &flat[0]
        cdef Py_ssize_t l
        self.check_flat(flat.shape[0])
        if self.training:
            raise TypeError("a training engine works on its own copy")
        self.flat = flat
        for l in range(self.depth):
            self.layers[l].b_u = source
            self.layers[l].w_iu = source + self.layers[l].n_out
            source += (self.layers[l].n_in + 1) * self.layers[l].n_out

    cdef int check_flat(self, Py_ssize_t n) except -1:
        if n != self.n_parameters:
            raise ValueError(f"{n} parameters; this engine has {self.n_parameters}")
        return 0

    cdef void unpack(self, const real *packed, real *flat) noexcept nogil:
        cdef Py_ssize_t l, i
        for l in range(self.depth):
            for i in range(self.layers[l].n_in + 1):
                memcpy(flat, packed, self.layers[l].n_out * sizeof(real))
                packed += self.layers[l].ld
                flat += self.layers[l].n_out

    cdef void fold(self) noexcept nogil:
        """Write the decay that is outstanding into the first layer's weights."""
        cdef Py_ssize_t j, v
        cdef Layer *layer = &self.layers[0]
        if self.scale != 1:
            for v in range((layer.n_in * layer.ld) // LANES):
                j = v * LANES
                v_store(layer.w_iu + j, v_splat(self.scale) * v_load(layer.w_iu + j))
            self.scale = 1

    # ---- examples in

    cdef void fetch(self, Rows rows, const Py_ssize_t *order, Py_ssize_t count) noexcept nogil:
        """Copy `count` dense rows into x_bi, or point at as many sparse ones."""
        cdef Py_ssize_t b
        for b in range(count):
            if rows.storage == SPARSE_FLOAT or rows.storage == SPARSE_DOUBLE:
                self.point(rows, order[b], &self.sparse_b[b])
            else:
                self.gather(rows, order[b], self.x_bi + b * self.layers[0].ld_in)

    cdef void point(self, Rows rows, Py_ssize_t row, SparseRow *sparse) noexcept nogil:
        cdef Py_ssize_t first = rows.starts[row]
        sparse.count = rows.starts[row + 1] - first
        sparse.cols = rows.cols + first
        sparse.single = rows.storage == SPARSE_FLOAT
        if sparse.single:
            sparse.values = <const float *> rows.values + first
        else:
            sparse.values = <const double *> rows.values + first

    cdef void gather(self, Rows rows, Py_ssize_t row, real *x_i) noexcept nogil:
        cdef const char *p = rows.data + row * rows.row_stride
        cdef Py_ssize_t stride = rows.col_stride
        cdef Py_ssize_t i
        if rows.storage == STRIDED_DOUBLE and stride == sizeof(double):
            for i in range(rows.n_in):
                x_i[i] = <real> (<const double *> p)[i]
        elif rows.storage == STRIDED_DOUBLE:
            for i in range(rows.n_in):
                x_i[i] = <real> (<const double *> (p + i * stride))[0]
        elif rows.storage == STRIDED_FLOAT and stride == sizeof(float):
            for i in range(rows.n_in):
                x_i[i] = (<const float *> p)[i]
        elif rows.storage == STRIDED_FLOAT:
            for i in range(rows.n_in):
                x_i[i] = (<const float *> (p + i * stride))[0]
        else:
            for i in range(rows.n_in):
                x_i[i] = (<const uint8_t *> (p + i * stride))[0]

    # ---- forward

    cdef void weigh(self, Py_ssize_t l, bint sparse, Py_ssize_t count) noexcept nogil:
        """z_bu of layer l, into a_bu."""
        cdef Layer *layer = &self.layers[l]
        cdef Operands p
        cdef Py_ssize_t b
        if l == 0 and sparse:
            for b in range(count):
                sparse_forward(&self.sparse_b[b], layer.w_iu, layer.w_ld, layer.b_u, self.scale,
                               layer.a_bu + b * layer.ld, layer.ld)
            return
        p.a = self.x_bi if l == 0 else self.layers[l - 1].a_bu
        p.a_m = layer.ld_in
        p.a_k = 1
        p.b = layer.w_iu
        p.b_k = layer.w_ld
        p.c_in = layer.b_u
        p.c_in_m = 0
        p.c = layer.a_bu
        p.c_m = layer.ld
        p.k = layer.n_in
        p.alpha = self.scale if l == 0 else 1
        p.beta = 1
        gemm(&p, 0, count, layer.ld)

    cdef void forward(self, bint sparse, Py_ssize_t count) noexcept nogil:
        """a_bu of every layer but the last, and z_bu of the last in its place."""
        cdef Py_ssize_t l, b
        cdef Layer *layer
        for l in range(self.depth):
            self.weigh(l, sparse, count)
            if l < self.depth - 1:
                layer = &self.layers[l]
                for b in range(count):
                    activate(layer.activation, layer.a_bu + b * layer.ld, layer.n_out, layer.ld)

    cdef void activate_outputs(self, Py_ssize_t count) noexcept nogil:
        cdef Layer *layer = &self.layers[self.depth - 1]
        cdef Py_ssize_t b
        for b in range(count):
            activate(layer.activation, layer.a_bu + b * layer.ld, layer.n_out, layer.ld)

    def predict(self, Rows rows, const Py_ssize_t[::1] order, Py_ssize_t start, Py_ssize_t stop, real[:, ::1] out):
        """Write the outputs for rows order[start:stop] into out[start:stop]."""
        cdef Layer *last = &self.layers[self.depth - 1]
        cdef Py_ssize_t at = start
        cdef Py_ssize_t count, b
        self.check_examples(rows, None, order, start, stop)
        with nogil:
            while at < stop:
                count = min(self.capacity, stop - at)
                self.fetch(rows, &order[at], count)
                self.forward(rows.storage == SPARSE_FLOAT or rows.storage == SPARSE_DOUBLE, count)
                self.activate_outputs(count)
                for b in range(count):
                    memcpy(&out[at + b, 0], last.a_bu + b * last.ld, last.n_out * sizeof(real))
                at += count

    def evaluate(self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start, Py_ssize_t stop):
        """Over rows order[start:stop]: the sum of their costs and how many are classified right."""
        cdef double cost = 0
        cdef Py_ssize_t hits = 0
        cdef Py_ssize_t at = start
        cdef Py_ssize_t count, b
        self.check_examples(rows, targets, order, start, stop)
        with nogil:
            while at < stop:
                count = min(self.capacity, stop - at)
                self.fetch(rows, &order[at], count)
                self.forward(rows.storage == SPARSE_FLOAT or rows.storage == SPARSE_DOUBLE, count)
                for b in range(count):
                    self.judge(targets, order[at + b], b, &cost, &hits)
                at += count
        return cost, hits

    cdef void judge(
        self, Targets targets, Py_ssize_t row, Py_ssize_t b, double *cost, Py_ssize_t *hits
    ) noexcept nogil:
        cdef Layer *last = &self.layers[self.depth - 1]
        cdef real *a_u = last.a_bu + b * last.ld
        cdef const real *y_u = NULL
        cdef Py_ssize_t label = -1
        memcpy(self.z_u, a_u, last.n_out * sizeof(real))
        activate(last.activation, a_u, last.n_out, last.ld)
        if targets.labels != NULL:
            label = targets.labels[row]
        else:
            y_u = <const real *> targets.y + row * last.n_out
        cost[0] += output_cost(self.cost, self.z_u, a_u, y_u, label, last.n_out)
        if last.n_out == 1 and y_u != NULL:
            hits[0] += (a_u[0] >= 0.5) == (y_u[0] >= 0.5)
        else:
            hits[0] += argmax(a_u, last.n_out) == (argmax(y_u, last.n_out) if y_u != NULL else label)

    # ---- backward

    cdef void output_errors(self, Targets targets, const Py_ssize_t *order, Py_ssize_t count) noexcept nogil:
        cdef Layer *last = &self.layers[self.depth - 1]
        cdef Py_ssize_t b
        cdef const real *y_u = NULL
        cdef int label = 0
        for b in range(count):
            if targets.labels != NULL:
                label = targets.labels[order[b]]
            else:
                y_u = <const real *> targets.y + order[b] * last.n_out
            output_delta(self.cost, last.activation, last.a_bu + b * last.ld, y_u, label,
                         last.delta_bu + b * last.ld, last.n_out, last.ld)

    cdef void send_back(self, Py_ssize_t l, Py_ssize_t count) noexcept nogil:
        """delta_bu of layer l-1 from that of layer l: (BP2), with layer l's weights as they are."""
        cdef Layer *layer = &self.layers[l]
        cdef Layer *below = &self.layers[l - 1]
        cdef Operands p
        cdef Py_ssize_t i, u, b
        for i in range(layer.n_in):
            for u in range(layer.n_out):
                layer.w_ui[u * layer.ld_in + i] = layer.w_iu[i * layer.ld + u]
        p.a = layer.delta_bu
        p.a_m = layer.ld
        p.a_k = 1
        p.b = layer.w_ui
        p.b_k = layer.ld_in
        p.c_in = below.delta_bu
        p.c_in_m = below.ld
        p.c = below.delta_bu
        p.c_m = below.ld
        p.k = layer.n_out
        p.alpha = 1
        p.beta = 0
        gemm(&p, 0, count, below.ld)
        for b in range(count):
            times_derivative(below.activation, below.a_bu + b * below.ld, below.delta_bu + b * below.ld, below.ld)

    cdef void descend(self, Py_ssize_t l, bint sparse, Py_ssize_t count, real step, real decay) noexcept nogil:
        """w <- decay w - step * sum over the batch of x delta, and b likewise without decay."""
        cdef Layer *layer = &self.layers[l]
        cdef Py_ssize_t b
        self.add_errors(layer, layer.b_u, count, -step)
        if l == 0 and sparse:
            self.scale *= decay
            if not 100 * self.scale > LOWEST_SCALE_PERCENT:
                self.fold()
            for b in range(count):
                sparse_update(&self.sparse_b[b], layer.delta_bu + b * layer.ld, -step / self.scale,
                              layer.w_iu, layer.ld)
        else:
            self.outer(l, count, layer.w_iu, -step, layer.w_iu, decay)

    cdef void outer(
        self, Py_ssize_t l, Py_ssize_t count, const real *c_in, real alpha, real *c, real beta
    ) noexcept nogil:
        """c_iu = beta * c_in_iu + alpha * sum over the batch of x_bi delta_bu, packed rows."""
        cdef Layer *layer = &self.layers[l]
        cdef Operands p
        p.a = self.x_bi if l == 0 else self.layers[l - 1].a_bu
        p.a_m = 1
        p.a_k = layer.ld_in
        p.b = layer.delta_bu
        p.b_k = layer.ld
        p.c_in = c_in
        p.c_in_m = layer.ld
        p.c = c
        p.c_m = layer.ld
        p.k = count
        p.alpha = alpha
        p.beta = beta
        gemm(&p, 0, layer.n_in, layer.ld)

    cdef void add_errors(self, Layer *layer, real *b_u, Py_ssize_t count, real factor) noexcept nogil:
        cdef Py_ssize_t b, u, v
        cdef vreal total
        for v in range(layer.ld // LANES):
            u = v * LANES
            total = v_splat(0)
            for b in range(count):
                total = total + v_load(layer.delta_bu + b * layer.ld + u)
            v_store(b_u + u, v_load(b_u + u) + v_splat(factor) * total)

    cdef void errors(
        self, Rows rows, Targets targets, const Py_ssize_t *order, Py_ssize_t count, bint sparse
    ) noexcept nogil:
        """Forward, and the error of the output layer, for the examples order[:count]."""
        self.fetch(rows, order, count)
        self.forward(sparse, count)
        self.activate_outputs(count)
        self.output_errors(targets, order, count)

    cdef void accumulate(
        self, Rows rows, Targets targets, const Py_ssize_t *order, Py_ssize_t n, bint sparse
    ) noexcept nogil:
        """nabla = the gradient summed over order[:n], as many examples at a time as there is room for."""
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t count, l, b
        cdef Layer *layer
        memset(self.nabla, 0, self.n_packed * sizeof(real))
        while at < n:
            count = min(self.capacity, n - at)
            self.errors(rows, targets, order + at, count, sparse)
            for l in range(self.depth - 1, -1, -1):
                layer = &self.layers[l]
                if l > 0:
                    self.send_back(l, count)
                self.add_errors(layer, layer.nabla_b_u, count, 1)
                if l == 0 and sparse:
                    for b in range(count):
                        sparse_update(&self.sparse_b[b], layer.delta_bu + b * layer.ld, 1,
                                      layer.nabla_w_iu, layer.ld)
                else:
                    self.outer(l, count, layer.nabla_w_iu, 1, layer.nabla_w_iu, 1)
            at += count

    cdef void apply(self, real step, real decay) noexcept nogil:
        """Descend along nabla: w <- decay w - step nabla_w, and b likewise without decay."""
        cdef Py_ssize_t l, j, v
        cdef Layer *layer
        cdef real kept
        for l in range(self.depth):
            layer = &self.layers[l]
            for v in range(((layer.n_in + 1) * layer.ld) // LANES):
                j = v * LANES
                kept = 1 if j < layer.ld else decay
                v_store(layer.b_u + j, v_splat(kept) * v_load(layer.b_u + j)
                        - v_splat(step) * v_load(layer.nabla_b_u + j))

    def train(
        self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start, Py_ssize_t stop,
        Py_ssize_t mini_batch_size, double eta, double decay,
    ):
        """Plain gradient descent over rows order[start:stop], a mini-batch after the other.

        w <- decay w - (eta/m) sum of nabla_w, b <- b - (eta/m) sum of nabla_b, where m is the number
        of examples in the mini-batch (the last one may be short). Overwrites all of the workspace.
        """
        cdef bint sparse = rows.storage == SPARSE_FLOAT or rows.storage == SPARSE_DOUBLE
        cdef Py_ssize_t at = start
        cdef Py_ssize_t count, l
        self.check_examples(rows, targets, order, start, stop)
        with nogil:
            if not sparse or mini_batch_size > self.capacity:
                self.fold()
            while at < stop:
                count = min(mini_batch_size, stop - at)
                if count > self.capacity:
                    self.accumulate(rows, targets, &order[at], count, sparse)
                    self.apply(eta / count, decay)
                else:
                    self.errors(rows, targets, &order[at], count, sparse)
                    for l in range(self.depth - 1, -1, -1):
                        if l > 0:
                            self.send_back(l, count)
                        self.descend(l, sparse, count, eta / count, decay)
                at += count

    def gradient(
        self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start, Py_ssize_t stop,
        real[::1] flat,
    ):
        """The gradient of the cost, summed over rows order[start:stop], laid out as the parameters."""
        cdef bint sparse = rows.storage == SPARSE_FLOAT or rows.storage == SPARSE_DOUBLE
        self.check_flat(flat.shape[0])
        self.check_examples(rows, targets, order, start, stop)
        with nogil:
            self.fold()
            self.accumulate(rows, targets, &order[start], stop - start, sparse)
            self.unpack(self.nabla, &flat[0])

    cdef int check_examples(
        self, Rows rows, Targets targets, const Py_ssize_t[::1] order, Py_ssize_t start, Py_ssize_t stop
    ) except -1:
        """What must hold for no loop to leave its arrays; the row numbers themselves are the caller's word."""
        cdef Layer *last = &self.layers[self.depth - 1]
        if rows.n_in != self.layers[0].n_in or not 0 <= start < stop <= order.shape[0]:
            raise ValueError("these examples do not fit this engine")
        if targets is not None:
            if targets.n != rows.n:
                raise ValueError("as many targets as rows are needed")
            if targets.labels == NULL and (targets.n_out != last.n_out or targets.itemsize != sizeof(real)):
                raise ValueError("these targets do not fit this engine")
        return 0
