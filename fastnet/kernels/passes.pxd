# cython: language_level=3
"""Forward and backward through the layers, in a workspace that an Engine owns.

Nothing here allocates, fails, or knows Python. Sums run over inputs, units and examples in an
order that depends on nothing but the shapes.
"""
from libc.stdint cimport uint16_t, uint64_t
from libc.string cimport memcpy, memset

from fastnet.kernels.dropout cimport drop
from fastnet.kernels.examples cimport Targets
from fastnet.kernels.gemm cimport Operands, gemm
from fastnet.kernels.layers cimport (
    activate, argmax, output_cost, output_delta, saturation, times_derivative,
)
from fastnet.kernels.simd cimport LANES, real, v_load, v_splat, v_store, vreal
from fastnet.kernels.sparse cimport SparseRow, sparse_forward, sparse_update

cdef enum:
    MAX_DEPTH = 64

# What layer_statistics collects of one layer.
cdef struct Statistics:
    double sum_z
    double sum_z_squared
    double sum_derivative
    double saturated

cdef struct Layer:
    Py_ssize_t n_in
    Py_ssize_t n_out
    Py_ssize_t ld  # length of a row of activations, errors and packed weights
    Py_ssize_t ld_in  # the same for the layer below
    Py_ssize_t w_ld  # length of a row of w_iu: ld where packed, n_out in the flat vector
    int activation
    real keep  # the share of activations that dropout keeps; 1 is no dropout
    real *b_u
    real *w_iu
    real *w_ui  # the transpose, for the way back
    real *nabla_b_u
    real *nabla_w_iu
    real *a_bu
    real *delta_bu
    real *mask_bu  # 0 where dropped, else 1 / keep; NULL without dropout

cdef struct Net:
    int depth
    int cost
    Py_ssize_t capacity
    Layer layers[MAX_DEPTH]
    real *x_bi
    real *x_mask_bi
    real input_keep
    real *z_u  # the weighted outputs of one example, kept for its cost
    SparseRow *sparse_b
    uint16_t *cols  # one example's non-zeros, found on the way; for prediction
    real *values
    bint sparse  # whether the batch at hand lies in sparse_b, else in x_bi
    real scale  # of the first layer's weights: decay that is not yet written into them
    Py_ssize_t n_packed
    real *packed  # all parameters, rows padded
    real *nabla  # the gradient, laid out alike
    uint64_t dropout_key
    Py_ssize_t position  # of the batch's first example in the epoch: the dropout counter
    bint training  # whether dropout applies
    bint measuring
    double cost_sum
    Py_ssize_t hits
    Statistics *statistics  # a layer each, or NULL


cdef inline void weigh(Net *net, Py_ssize_t l, Py_ssize_t count) noexcept nogil:
    """z_bu of layer l, into a_bu."""
    cdef Layer *layer = &net.layers[l]
    cdef Operands p
    cdef Py_ssize_t b
    if l == 0 and net.sparse:
        for b in range(count):
            sparse_forward(&net.sparse_b[b], layer.w_iu, layer.w_ld, layer.b_u, net.scale,
                           layer.a_bu + b * layer.ld, layer.ld)
        return
    p.a = net.x_bi if l == 0 else net.layers[l - 1].a_bu
    p.a_m = layer.ld_in
    p.a_k = 1
    p.b = layer.w_iu
    p.b_k = layer.w_ld
    p.c_in = layer.b_u
    p.c_in_m = 0
    p.c = layer.a_bu
    p.c_m = layer.ld
    p.k = layer.n_in
    p.beta = 1
    gemm(&p, 0, count, layer.ld)


cdef inline void note_z(Layer *layer, Statistics *s, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t b, u
    cdef double z
    for b in range(count):
        for u in range(layer.n_out):
            z = layer.a_bu[b * layer.ld + u]
            s.sum_z += z
            s.sum_z_squared += z * z


cdef inline void activate_layer(Net *net, Py_ssize_t l, Py_ssize_t count) noexcept nogil:
    """a_bu from z_bu, in place; dropout and statistics where they are wanted."""
    cdef Layer *layer = &net.layers[l]
    cdef Py_ssize_t b
    if net.statistics != NULL:
        note_z(layer, &net.statistics[l], count)
    for b in range(count):
        activate(layer.activation, layer.a_bu + b * layer.ld, layer.n_out, layer.ld)
        if net.statistics != NULL:
            saturation(layer.activation, layer.a_bu + b * layer.ld, layer.n_out,
                       &net.statistics[l].sum_derivative, &net.statistics[l].saturated)
        if net.training and layer.mask_bu != NULL:
            drop(layer.a_bu + b * layer.ld, layer.mask_bu + b * layer.ld, layer.n_out, layer.keep,
                 net.dropout_key, l + 1, net.position + b)


cdef inline void forward(Net *net, Py_ssize_t count) noexcept nogil:
    """a_bu of every layer but the last, and z_bu of the last in its place."""
    cdef Py_ssize_t l, b
    if net.training and net.x_mask_bi != NULL:
        for b in range(count):
            drop(net.x_bi + b * net.layers[0].ld_in, net.x_mask_bi + b * net.layers[0].ld_in,
                 net.layers[0].n_in, net.input_keep, net.dropout_key, 0, net.position + b)
    for l in range(net.depth):
        weigh(net, l, count)
        if l < net.depth - 1:
            activate_layer(net, l, count)


cdef inline void judge(
    Net *net, Targets targets, Py_ssize_t row, Py_ssize_t b
) noexcept nogil:
    """Activate example b's outputs; add its cost to cost_sum and, if it is right, 1 to hits."""
    cdef Layer *last = &net.layers[net.depth - 1]
    cdef real *a_u = last.a_bu + b * last.ld
    cdef const real *y_u = NULL
    cdef Py_ssize_t label = -1
    cdef double cost
    memcpy(net.z_u, a_u, last.n_out * sizeof(real))
    activate(last.activation, a_u, last.n_out, last.ld)
    if targets.labels != NULL:
        label = targets.labels[row]
    else:
        y_u = <const real *> targets.y + row * last.n_out
    cost = output_cost(net.cost, net.z_u, a_u, y_u, label, last.n_out)
    if targets.sample_weights != NULL:
        cost *= (<const real *> targets.sample_weights)[row]
    net.cost_sum += cost
    if last.n_out == 1 and y_u != NULL:
        net.hits += (a_u[0] >= 0.5) == (y_u[0] >= 0.5)
    else:
        net.hits += argmax(a_u, last.n_out) == (argmax(y_u, last.n_out) if y_u != NULL else label)


cdef inline void output_errors(
    Net *net, Targets targets, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    cdef Layer *last = &net.layers[net.depth - 1]
    cdef Py_ssize_t b, u
    cdef const real *y_u = NULL
    cdef int label = 0
    cdef real *delta_u
    for b in range(count):
        delta_u = last.delta_bu + b * last.ld
        if targets.labels != NULL:
            label = targets.labels[order[b]]
        else:
            y_u = <const real *> targets.y + order[b] * last.n_out
        output_delta(net.cost, last.activation, last.a_bu + b * last.ld, y_u, label, delta_u,
                     last.n_out, last.ld)
        if targets.sample_weights != NULL:
            for u in range(last.n_out):
                delta_u[u] *= (<const real *> targets.sample_weights)[order[b]]


cdef inline void errors(
    Net *net, Targets targets, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    """The error of the output layer, after forward()."""
    cdef Py_ssize_t b
    if net.measuring:
        for b in range(count):
            judge(net, targets, order[b], b)
    else:
        activate_layer(net, net.depth - 1, count)
    output_errors(net, targets, order, count)


cdef inline void transpose(Layer *layer) noexcept nogil:
    cdef Py_ssize_t i, u
    for i in range(layer.n_in):
        for u in range(layer.n_out):
            layer.w_ui[u * layer.ld_in + i] = layer.w_iu[i * layer.ld + u]


cdef inline void send_back(Net *net, Py_ssize_t l, Py_ssize_t count) noexcept nogil:
    """delta_bu of layer l-1 from that of layer l: (BP2), with layer l's weights as they are."""
    cdef Layer *layer = &net.layers[l]
    cdef Layer *below = &net.layers[l - 1]
    cdef Operands p
    cdef Py_ssize_t b, j, v
    transpose(layer)
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
    p.beta = 0
    gemm(&p, 0, count, below.ld)
    if below.mask_bu != NULL:
        for v in range((count * below.ld) // LANES):
            j = v * LANES
            v_store(below.delta_bu + j, v_load(below.delta_bu + j) * v_load(below.mask_bu + j))
    for b in range(count):
        times_derivative(below.activation, below.a_bu + b * below.ld, below.keep,
                         below.delta_bu + b * below.ld, below.ld)


cdef inline void add_errors(Layer *layer, real *b_u, Py_ssize_t count) noexcept nogil:
    """b_u += sum over the batch of delta_bu."""
    cdef Py_ssize_t b, u, v
    cdef vreal total
    for v in range(layer.ld // LANES):
        u = v * LANES
        total = v_splat(0)
        for b in range(count):
            total = total + v_load(layer.delta_bu + b * layer.ld + u)
        v_store(b_u + u, v_load(b_u + u) + total)


cdef inline void outer(
    Net *net, Py_ssize_t l, Py_ssize_t count, real *c_iu, real beta
) noexcept nogil:
    """c_iu = beta * c_iu + sum over the batch of x_bi delta_bu, packed rows."""
    cdef Layer *layer = &net.layers[l]
    cdef Operands p
    p.a = net.x_bi if l == 0 else net.layers[l - 1].a_bu
    p.a_m = 1
    p.a_k = layer.ld_in
    p.b = layer.delta_bu
    p.b_k = layer.ld
    p.c_in = c_iu
    p.c_in_m = layer.ld
    p.c = c_iu
    p.c_m = layer.ld
    p.k = count
    p.beta = beta
    gemm(&p, 0, layer.n_in, layer.ld)


cdef inline void fold(Net *net) noexcept nogil:
    """Write the decay that is outstanding into the first layer's weights."""
    cdef Py_ssize_t j, v
    cdef Layer *layer = &net.layers[0]
    if net.scale != 1:
        for v in range((layer.n_in * layer.ld) // LANES):
            j = v * LANES
            v_store(layer.w_iu + j, v_splat(net.scale) * v_load(layer.w_iu + j))
        net.scale = 1


cdef inline void descend(
    Net *net, Py_ssize_t l, Py_ssize_t count, real step, real decay
) noexcept nogil:
    """w <- decay w - step * sum over the batch of x delta, and b likewise without decay.

    Overwrites delta_bu, which must have been sent back before.
    For sparse rows the decay goes into one factor, and into the weights themselves only when that
    has fallen to a half: a pass over all of them that few mini-batches need.
    """
    cdef Layer *layer = &net.layers[l]
    cdef Py_ssize_t b, j, v
    for v in range((count * layer.ld) // LANES):
        j = v * LANES
        v_store(layer.delta_bu + j, v_splat(-step) * v_load(layer.delta_bu + j))
    add_errors(layer, layer.b_u, count)
    if l == 0 and net.sparse:
        net.scale *= decay
        if not net.scale > 0.5:
            fold(net)
        for b in range(count):
            sparse_update(&net.sparse_b[b], layer.delta_bu + b * layer.ld, 1 / net.scale,
                          layer.w_iu, layer.ld)
    else:
        outer(net, l, count, layer.w_iu, decay)


cdef inline void accumulate(Net *net, Py_ssize_t count, bint first) noexcept nogil:
    """Add the batch's gradient to nabla, or start it, after errors()."""
    cdef Py_ssize_t l, b
    cdef Layer *layer
    if first:
        layer = &net.layers[0]
        memset(net.nabla, 0, ((layer.n_in + 1 if net.sparse else 1) * layer.ld) * sizeof(real))
        for l in range(1, net.depth):
            memset(net.layers[l].nabla_b_u, 0, net.layers[l].ld * sizeof(real))
    for l in range(net.depth - 1, -1, -1):
        layer = &net.layers[l]
        if l > 0:
            send_back(net, l, count)
        add_errors(layer, layer.nabla_b_u, count)
        if l == 0 and net.sparse:
            for b in range(count):
                sparse_update(&net.sparse_b[b], layer.delta_bu + b * layer.ld, 1,
                              layer.nabla_w_iu, layer.ld)
        else:
            outer(net, l, count, layer.nabla_w_iu, 0 if first else 1)
