# cython: language_level=3
"""Forward and backward passes through the layers, in a workspace that an Engine owns.

Nothing here allocates, fails, or uses Python. The order of all sums over inputs, units and examples
depends only on the shapes.
"""
from libc.math cimport fabs, frexp, hypot, ldexp, sqrt
from libc.stdint cimport int32_t, uint16_t, uint64_t
from libc.string cimport memcpy, memset

from fastnet.kernels.threads cimport Barrier, barrier_wait
from fastnet.kernels.dropout cimport drop
from fastnet.kernels.gemm cimport Operands
from fastnet.kernels.activations cimport (
    IDENTITY, RELU, SOFTMAX, Loss, Transform, argmax, keeps_slope, output_cost, output_delta,
    saturation, softmax, softmax_rows, times_derivative,
)
from fastnet.kernels.layout cimport Panel, panel_of
from fastnet.kernels.simd cimport LANES, real, v_load, v_splat, v_store, vreal
from fastnet.kernels.sparse cimport SparseBatch, sparse_forward, sparse_update

cdef enum:
    MAX_DEPTH = 128
    TILE_SIDE = 16  # side of the squares in which weights are transposed
    ERROR_VECTORS = 4  # vectors in a tile of finish_errors
    FEW_UNITS = 16  # up to so many units, errors are backpropagated without a matrix product

# Count, mean and standard deviation of many numbers.
cdef struct Moments:
    double n
    double mean  # the mean is mean + rest, where `rest` is the rounding error
    double rest
    double deviation

# What layer_statistics collects for one layer.
cdef struct Statistics:
    Moments z
    double sum_derivative
    double saturated

# What is collected in the forward and backward passes, one element per layer.
cdef struct Propagation:
    Statistics *forward
    Moments *activations
    Moments *errors
    double *saturated_u  # for each unit, the number of examples that saturate it, layer by layer

# The type of `gemm`, compiled once for all its callers.
ctypedef void (*Product)(
    const Operands *, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t
) noexcept nogil

# The targets of all examples: class numbers, or rows of numbers.
cdef struct Answers:
    Py_ssize_t n_out
    const int32_t *labels
    const real *y
    const real *sample_weights

# The arguments of finish_errors.
cdef struct ErrorPass:
    Py_ssize_t count
    const real *above_bk  # the error of the layer above, or NULL
    Py_ssize_t above_ld
    const real *w_ku  # the transpose of that layer's weights
    Py_ssize_t w_ld
    Py_ssize_t k  # units of the layer above
    int activation
    const real *a_bu  # or the stored derivatives
    const real *mask_bu  # or NULL
    real keep
    real factor
    real *delta_bu
    real *total_u
    Py_ssize_t ld  # distance between rows of a_bu, mask_bu and delta_bu

# The macro of simd.h.
cdef extern from "simd.h" nogil:
    void with_error_tile "WITH_LITERAL" (
        void (*f)(const ErrorPass *, Py_ssize_t, int) noexcept nogil,
        int vectors, int most, const ErrorPass *p, Py_ssize_t n,
    )

cdef struct Layer:
    Py_ssize_t n_in
    Py_ssize_t n_out
    Py_ssize_t width  # n_out in whole vectors: the columns that are computed
    Py_ssize_t first  # first column that this thread computes
    Py_ssize_t last  # after the last of them
    Py_ssize_t ld  # distance between rows of activations and errors
    Py_ssize_t ld_in  # the same for the layer below
    int panels  # number of panels of the parameters: several if threads share the layer
    real *packed  # start of the first panel
    Py_ssize_t w_ld  # distance between rows of w_iu: that of the panel, or n_out in the flat vector
    int activation
    real keep  # the share of activations that dropout keeps; 1 without dropout
    real *b_u  # at column `first`, like the next three
    real *w_iu
    real *nabla_b_u
    real *nabla_w_iu
    real *w_ui  # the transpose of all columns, for the backward pass
    real *a_bu
    real *other_a_bu  # swapped with a_bu after each mini-batch, if not NULL
    real *delta_bu
    real *total_u  # the sum of delta_bu over the batch
    real *mask_bu  # 0 where dropped, else 1 / keep; NULL without dropout
    real *slope_bu  # sigma'(z), for training, of activations that store it; else NULL

cdef enum HitRule:
    NO_HITS = 0  # targets are numbers, which have no hits
    LARGEST = 1  # the largest output is the class
    EACH_SIDE = 2  # every output is on the same side of `middle` as its target

# The layers of a network, and their parameters.
cdef struct Shape:
    int depth
    Loss loss
    Py_ssize_t capacity  # maximum number of examples in forward and backward passes
    Layer layers[MAX_DEPTH]
    real input_keep  # the share of inputs that dropout keeps
    real scale  # factor of the first layer's weights: decay that is not yet applied to them
    Py_ssize_t n_packed
    real *packed  # all parameters, in panels
    real *nabla  # the gradient, in the same layout

# The current examples.
cdef struct Batch:
    const real *x_bi  # dense examples: in `room`, or in the user's memory
    Py_ssize_t x_ld  # distance between them
    real *room  # for `capacity` examples
    real *x_mask_bi  # 0 where an input is dropped, else 1 / keep; NULL without dropout
    real *z_u  # the weighted outputs of one example, kept for its cost
    bint is_sparse  # whether the examples are in `sparse`, else in x_bi
    SparseBatch sparse
    uint16_t *cols  # columns of non-zeros that are found during prediction
    uint16_t *marks
    double density  # the share of inputs to process: 1, or that of the non-zeros
    bint checking  # whether forward() looks for inputs that are not finite
    bint not_finite  # whether it has found weighted inputs that are not finite

# The thread that runs.
cdef struct Thread:
    int number
    int count  # number of threads that work together
    Barrier *barrier
    real *panel  # for gemm
    Product product

# Counters of an epoch or a call, and their settings.
cdef struct Counters:
    uint64_t dropout_key
    Py_ssize_t position  # position of the batch's first example in the epoch: the dropout counter
    bint training  # whether dropout applies
    bint measuring
    double cost_sum
    Py_ssize_t hits
    HitRule hit_rule
    real middle  # threshold between outputs that are on and off
    Statistics *statistics  # one per layer, or NULL
    double *saturated_u  # as in Propagation, or NULL

cdef struct Net:
    Shape shape
    Batch batch
    Thread thread
    Counters counters

# The type of `activate_layer`, compiled once for all its callers.
ctypedef void (*Activate)(Net *, Py_ssize_t, Py_ssize_t) noexcept nogil


cdef inline void wait_for_threads(Net *net) noexcept nogil:
    """Wait for the other threads that work on this network."""
    if net.thread.count > 1:
        barrier_wait(net.thread.barrier)


cdef inline bint is_rectified(const Net *net, Py_ssize_t l) noexcept nogil:
    """Return whether the matrix product of layer l applies the ReLU itself, instead of storing z.

    It does not if z is needed: in the last layer, for statistics, and for the check of inputs.
    """
    cdef bint first = l == 0 and (net.batch.is_sparse or net.batch.checking)
    return (
        net.shape.layers[l].activation == RELU and l < net.shape.depth - 1 and not first
        and net.counters.statistics == NULL
    )


cdef inline void weighted_inputs(Net *net, Py_ssize_t l, Py_ssize_t count) noexcept nogil:
    """Write this thread's columns of z_bu of layer l.

    Reads the activations below, or the batch, and the parameters; overwrites own columns of a_bu.
    """
    cdef Layer *layer = &net.shape.layers[l]
    cdef Operands p
    if l == 0 and net.batch.is_sparse:
        sparse_forward(&net.batch.sparse, count, layer.w_iu, layer.w_ld, layer.b_u, net.shape.scale,
                       layer.a_bu + layer.first, layer.ld, layer.last - layer.first)
        return
    p.a = net.batch.x_bi if l == 0 else net.shape.layers[l - 1].a_bu
    p.a_m = net.batch.x_ld if l == 0 else layer.ld_in
    p.a_k = 1
    p.b = layer.w_iu
    p.b_k = layer.w_ld
    p.c_in = layer.b_u
    p.c_in_m = 0
    p.c = layer.a_bu + layer.first
    p.c_m = layer.ld
    p.k = layer.n_in
    p.beta = 1
    p.rectify = is_rectified(net, l)
    p.panel = net.thread.panel
    net.thread.product(&p, 0, count, 0, layer.last - layer.first)


cdef inline void note(
    const real *z_bu, const Layer *layer, Moments *s, Py_ssize_t count
) noexcept nogil:
    """Add z_bu to mean and deviation, with full precision even if they are far from zero.

    z_bu has one number per unit of the layer. The mean is subtracted before squaring, and z is
    scaled to below 1, so that squares neither overflow nor underflow.
    """
    cdef double n = <double> count * layer.n_out
    cdef double largest = 0, odd = 0, total = 0, squares = 0
    cdef double z, mean, rest, factor
    cdef int exponent = 0
    cdef Py_ssize_t b, u
    for b in range(count):
        for u in range(layer.n_out):
            z = fabs(<double> z_bu[b * layer.ld + u])
            odd += z - z
            if z > largest:
                largest = z
    frexp(largest, &exponent)
    exponent = max(exponent, -1000)
    # A number that is not finite makes everything NaN.
    factor = ldexp(1, -exponent) if odd == 0 else odd
    for b in range(count):
        for u in range(layer.n_out):
            total += factor * z_bu[b * layer.ld + u]
    mean = total / n
    total = 0
    for b in range(count):
        for u in range(layer.n_out):
            z = factor * z_bu[b * layer.ld + u] - mean
            total += z
            squares += z * z
    rest = total / n
    squares -= total * rest
    combine(s, n, ldexp(mean, exponent), ldexp(rest, exponent),
            ldexp(sqrt(0 if squares < 0 else squares / n), exponent))


cdef inline void combine(
    Moments *s, double n, double mean, double rest, double deviation
) noexcept nogil:
    """Combine mean and deviation of n more numbers with those in s (Chan, Golub, LeVeque 1979).

    Means are sums of two numbers: with one number each, the difference between two means near 1e8
    would have only eight digits.
    """
    cdef double all_of_them = s.n + n
    cdef double difference = (mean - s.mean) + (rest - s.rest)
    cdef double step, moved, part
    s.deviation = hypot(
        hypot(s.deviation * sqrt(s.n / all_of_them), deviation * sqrt(n / all_of_them)),
        difference * (sqrt(s.n * n) / all_of_them),
    )
    if s.n == 0:
        s.mean = mean
        s.rest = rest
    else:
        step = s.rest + difference * (n / all_of_them)
        moved = s.mean + step
        part = moved - s.mean
        s.rest = (s.mean - (moved - part)) + (step - part)
        s.mean = moved
    s.n = all_of_them


cdef inline real *slopes_of(const Layer *layer, Py_ssize_t b) noexcept nogil:
    """Return the stored derivatives of example b, or NULL if the layer stores none."""
    return NULL if layer.slope_bu == NULL else layer.slope_bu + b * layer.ld


cdef inline void note_slopes(
    const Layer *layer, Statistics *found, double *saturated_u, Py_ssize_t count,
    Transform transform,
) noexcept nogil:
    """Add the derivatives, computed from a_bu, which is still z_bu, to the statistics."""
    cdef real a_u[LANES]
    cdef real slope_u[LANES]
    cdef Py_ssize_t b, v
    for b in range(count):
        for v in range(layer.width // LANES):
            v_store(a_u, v_load(layer.a_bu + b * layer.ld + v * LANES))
            transform(layer.activation, a_u, slope_u, LANES)
            saturation(layer.activation, slope_u,
                       min(<Py_ssize_t> LANES, layer.n_out - v * LANES),
                       &found.sum_derivative, &found.saturated,
                       NULL if saturated_u == NULL else saturated_u + v * LANES)


cdef inline void activate_layer(
    Net *net, Py_ssize_t l, Py_ssize_t count, Transform transform
) noexcept nogil:
    """Replace z_bu by a_bu, with dropout and statistics if enabled.

    Overwrites own columns of a_bu and slope_bu and, with dropout, of mask_bu.
    """
    cdef Layer *layer = &net.shape.layers[l]
    cdef Statistics *found = NULL
    cdef double *saturated_u = NULL
    cdef Py_ssize_t b, below
    cdef real *slope_u
    cdef bint dropping = net.counters.training and layer.mask_bu != NULL
    if is_rectified(net, l) and not dropping:
        return
    if net.counters.statistics != NULL:
        found = &net.counters.statistics[l]
        note(layer.a_bu, layer, &found.z, count)
        saturated_u = net.counters.saturated_u
        for below in range(l if saturated_u != NULL else 0):
            saturated_u += net.shape.layers[below].n_out
        if keeps_slope(layer.activation):
            note_slopes(layer, found, saturated_u, count, transform)
            found = NULL
    elif layer.activation != SOFTMAX and layer.last - layer.first == layer.ld and not dropping:
        # Rows without gaps.
        transform(layer.activation, layer.a_bu, layer.slope_bu, count * layer.ld)
        return
    if layer.activation == SOFTMAX:
        softmax_rows(layer.a_bu, count, layer.n_out, layer.width, layer.ld)
    for b in range(count):
        if layer.activation != SOFTMAX:
            slope_u = slopes_of(layer, b)
            transform(layer.activation, layer.a_bu + b * layer.ld + layer.first,
                      NULL if slope_u == NULL else slope_u + layer.first,
                      layer.last - layer.first)
        if found != NULL:
            saturation(layer.activation, layer.a_bu + b * layer.ld, layer.n_out,
                       &found.sum_derivative, &found.saturated, saturated_u)
        if dropping:
            drop(layer.a_bu + b * layer.ld, layer.mask_bu + b * layer.ld, layer.first,
                 min(layer.last, layer.n_out), layer.keep, net.counters.dropout_key, l + 1,
                 net.counters.position + b)


cdef inline bint is_shared(const Net *net, Py_ssize_t l) noexcept nogil:
    """Return whether threads divide the columns of layer l; otherwise the first thread has all."""
    return net.shape.layers[l].panels > 1


cdef inline bint has_part(const Net *net, Py_ssize_t l) noexcept nogil:
    """Return whether this thread computes columns of layer l."""
    return net.shape.layers[l].first < net.shape.layers[l].last


cdef inline bint are_finite_weighted(const Net *net, Py_ssize_t count) noexcept nogil:
    """Return whether the first unit of the first layer is finite for every example.

    Infinity and NaN pass through products and sums, and times zero they are NaN: if this unit is
    finite, the inputs are. Checking all inputs would take a third of the time of a narrow product.
    """
    cdef Py_ssize_t b
    cdef real odd = 0
    cdef real z
    for b in range(count):
        z = net.shape.layers[0].a_bu[b * net.shape.layers[0].ld]
        odd += z - z
    return odd == 0


cdef inline void forward(Net *net, Py_ssize_t count, Activate activate_one) noexcept nogil:
    """Write a_bu of every layer but the last, and z_bu of the last to its a_bu.

    Reads the batch and the parameters; overwrites a_bu, the dropout masks and batch.not_finite.
    Dropout of inputs overwrites batch.room.
    """
    cdef const Layer *first = &net.shape.layers[0]
    cdef Py_ssize_t l, b
    if net.counters.training and net.batch.x_mask_bi != NULL:
        for b in range(count):
            drop(net.batch.room + b * first.ld_in, net.batch.x_mask_bi + b * first.ld_in, 0,
                 first.n_in, net.shape.input_keep, net.counters.dropout_key, 0,
                 net.counters.position + b)
    for l in range(net.shape.depth):
        if l > 0 and (is_shared(net, l - 1) or is_shared(net, l)):
            wait_for_threads(net)
        if has_part(net, l):
            weighted_inputs(net, l, count)
            if l == 0 and net.batch.checking:
                net.batch.not_finite = not are_finite_weighted(net, count)
            if l < net.shape.depth - 1:
                activate_one(net, l, count)


cdef inline bint each_side(
    const real *a_u, const real *y_u, Py_ssize_t label, Py_ssize_t n, real middle
) noexcept nogil:
    """Return whether every output is on the same side of `middle` as its target.

    If y_u is NULL, only output `label` has a target that is on. An output at `middle` is off, as in
    scikit-learn.
    """
    cdef Py_ssize_t u
    cdef bint wanted
    for u in range(n):
        wanted = u == label if y_u == NULL else y_u[u] >= middle
        if (a_u[u] > middle) != wanted:
            return False
    return True


cdef inline void add_cost_and_hit(
    Net *net, const Answers *targets, Py_ssize_t row, Py_ssize_t b, Transform transform
) noexcept nogil:
    """Activate example b's outputs; add its cost to cost_sum and, if it is correct, 1 to hits.

    Replaces z of the outputs by a; overwrites batch.z_u.
    """
    cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
    cdef real *a_u = last.a_bu + b * last.ld
    cdef const real *y_u = NULL
    cdef Py_ssize_t label = -1
    cdef double cost
    memcpy(net.batch.z_u, a_u, last.n_out * sizeof(real))
    if last.activation == SOFTMAX:
        softmax(a_u, last.n_out, last.width)
    else:
        transform(last.activation, a_u, slopes_of(last, b), last.width)
    if targets.labels != NULL:
        label = targets.labels[row]
    else:
        y_u = targets.y + row * net.shape.loss.n_targets
    cost = output_cost(&net.shape.loss, net.batch.z_u, a_u, y_u, label, last.n_out)
    if targets.sample_weights != NULL:
        cost *= targets.sample_weights[row]
    net.counters.cost_sum += cost
    if net.counters.hit_rule == LARGEST:
        if y_u != NULL:
            label = argmax(y_u, last.n_out)
        net.counters.hits += argmax(a_u, last.n_out) == label
    elif net.counters.hit_rule == EACH_SIDE:
        net.counters.hits += each_side(a_u, y_u, label, last.n_out, net.counters.middle)


cdef inline void output_errors(
    Net *net, const Answers *targets, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    """Write the output layer's delta_bu, from its a_bu and the targets (BP1)."""
    cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
    cdef Py_ssize_t b, u, row
    cdef const real *y_u = NULL
    cdef int label = 0
    cdef real *delta_u
    for b in range(count):
        delta_u = last.delta_bu + b * last.ld
        row = order[b] if order != NULL else b
        if targets.labels != NULL:
            label = targets.labels[row]
        else:
            y_u = targets.y + row * net.shape.loss.n_targets
        output_delta(&net.shape.loss, last.activation, last.a_bu + b * last.ld,
                     slopes_of(last, b), y_u, label, delta_u, last.n_out, last.width)
        if targets.sample_weights != NULL:
            for u in range(last.n_out):
                delta_u[u] *= targets.sample_weights[row]


cdef inline void errors(
    Net *net, const Answers *targets, const Py_ssize_t *order, Py_ssize_t count,
    Activate activate_one, Transform transform,
) noexcept nogil:
    """Write the error of the output layer, after forward(), in one thread. `order` may be NULL.

    Reads the outputs' z and the targets; overwrites z by a, and delta_bu, batch.z_u and counters.
    """
    cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
    cdef Py_ssize_t b
    cdef Py_ssize_t own_first = last.first, own_last = last.last
    if is_shared(net, net.shape.depth - 1):
        wait_for_threads(net)
    if net.thread.number != 0:
        return
    last.first = 0
    last.last = last.width
    if net.counters.measuring:
        for b in range(count):
            add_cost_and_hit(net, targets, order[b], b, transform)
    else:
        activate_one(net, net.shape.depth - 1, count)
    output_errors(net, targets, order, count)
    last.first = own_first
    last.last = own_last


cdef inline void transpose(Layer *layer, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Transpose rows first .. last of the weights, all columns, into the same columns of w_ui."""
    cdef Panel panel
    cdef int t
    if layer.panels == 1:  # it may be in the flat vector
        transpose_panel(layer.w_iu, layer.w_ld, layer.w_ui, layer.ld_in, first, last, layer.n_out)
        return
    for t in range(layer.panels):
        panel = panel_of(layer.n_in, layer.width, layer.panels, t)
        transpose_panel(layer.packed + panel.at + panel.ld, panel.ld,
                        layer.w_ui + panel.first * layer.ld_in, layer.ld_in, first, last,
                        min(panel.last, layer.n_out) - panel.first)


cdef inline void transpose_panel(
    const real *w_iu, Py_ssize_t w_ld, real *w_ui, Py_ssize_t ld_in, Py_ssize_t first,
    Py_ssize_t last, Py_ssize_t n,
) noexcept nogil:
    """Transpose rows first .. last of n columns, in small squares."""
    cdef Py_ssize_t i, u, u_end, i_end
    cdef Py_ssize_t u_start
    while first < last:
        i_end = min(first + TILE_SIDE, last)
        u_start = 0
        while u_start < n:
            u_end = min(u_start + TILE_SIDE, n)
            for u in range(u_start, u_end):
                for i in range(first, i_end):
                    w_ui[u * ld_in + i] = w_iu[i * w_ld + u]
            u_start = u_end
        first = i_end


cdef inline void error_tile(const ErrorPass *p, Py_ssize_t n, int vectors) noexcept nogil:
    """Compute columns n .. n + vectors * LANES of `finish_errors`."""
    cdef vreal delta[ERROR_VECTORS]
    cdef vreal totals[ERROR_VECTORS]
    cdef vreal above
    cdef const real *w_u
    cdef real *delta_u
    cdef Py_ssize_t b, k
    cdef int v
    for v in range(vectors):
        totals[v] = v_splat(0)
    for b in range(p.count):
        delta_u = p.delta_bu + b * p.ld + n
        if p.above_bk != NULL:
            for v in range(vectors):
                delta[v] = v_splat(0)
            w_u = p.w_ku + n
            for k in range(p.k):
                above = v_splat(p.above_bk[b * p.above_ld + k])
                for v in range(vectors):
                    delta[v] = delta[v] + above * v_load(w_u + v * LANES)
                w_u += p.w_ld
        else:
            for v in range(vectors):
                delta[v] = v_load(delta_u + v * LANES)
        if p.mask_bu != NULL:
            for v in range(vectors):
                delta[v] = delta[v] * v_load(p.mask_bu + b * p.ld + n + v * LANES)
        times_derivative(p.activation, p.a_bu + b * p.ld + n, p.keep, delta, vectors)
        for v in range(vectors):
            delta[v] = v_splat(p.factor) * delta[v]
            v_store(delta_u + v * LANES, delta[v])
            totals[v] = totals[v] + delta[v]
    for v in range(vectors):
        v_store(p.total_u + n + v * LANES, totals[v])


cdef inline void finish_errors(
    const ErrorPass *p, Py_ssize_t first, Py_ssize_t last
) noexcept nogil:
    """Compute delta <- factor * sigma'(z) * mask * delta, and its sum over the batch, in one pass.

    Unless `above_bk` is NULL, delta is first its product with w_ku, in the order of k. For columns
    first .. last, whole vectors.
    """
    cdef int vectors
    while first < last:
        vectors = <int> min((last - first) // LANES, <Py_ssize_t> ERROR_VECTORS)
        with_error_tile(error_tile, vectors, ERROR_VECTORS, p, first)
        first += vectors * LANES


cdef inline void propagate_errors(
    Net *net, const Layer *layer, Py_ssize_t count, real *below_bi, Py_ssize_t first,
    Py_ssize_t last,
) noexcept nogil:
    """Write columns first .. last of the product of delta_bu and w_ui, rows `ld_in` apart."""
    cdef Operands p
    p.a = layer.delta_bu
    p.a_m = layer.ld
    p.a_k = 1
    p.b = layer.w_ui
    p.b_k = layer.ld_in
    p.c_in = below_bi
    p.c_in_m = layer.ld_in
    p.c = below_bi
    p.c_m = layer.ld_in
    p.k = layer.n_out
    p.beta = 0
    p.rectify = False
    p.panel = net.thread.panel
    net.thread.product(&p, 0, count, first, last)


cdef inline void backpropagate(
    Net *net, Py_ssize_t l, Py_ssize_t count, real factor
) noexcept nogil:
    """Compute delta_bu of layer l-1 from that of layer l (BP2), with layer l's present weights.

    If threads share layer l, each computes its own columns of layer l-1; else the first computes
    all. Reads delta_bu and the weights of layer l, and a_bu and mask_bu below; overwrites w_ui of
    layer l, and delta_bu, times `factor`, and total_u below.
    """
    cdef Layer *layer = &net.shape.layers[l]
    cdef Layer *below = &net.shape.layers[l - 1]
    cdef Py_ssize_t first = below.first if is_shared(net, l) else 0
    cdef Py_ssize_t last = below.last if is_shared(net, l) else below.width
    cdef ErrorPass q
    if not is_shared(net, l) and net.thread.number != 0 or first == last:
        return
    transpose(layer, first, min(last, below.n_out))
    q.count = count
    q.above_bk = layer.delta_bu
    q.above_ld = layer.ld
    q.w_ku = layer.w_ui
    q.w_ld = layer.ld_in
    q.k = layer.n_out
    q.activation = below.activation
    q.a_bu = below.a_bu if below.slope_bu == NULL else below.slope_bu
    q.mask_bu = below.mask_bu
    q.keep = below.keep
    q.factor = factor
    q.delta_bu = below.delta_bu
    q.total_u = below.total_u
    q.ld = below.ld
    if layer.n_out > FEW_UNITS:
        q.above_bk = NULL
        propagate_errors(net, layer, count, below.delta_bu, first, last)
    finish_errors(&q, first, last)


cdef inline void scale_errors(Layer *layer, Py_ssize_t count, real factor) noexcept nogil:
    """Multiply own columns of delta_bu by `factor`, and write their sums over the batch."""
    cdef ErrorPass p
    p.count = count
    p.above_bk = NULL
    p.activation = IDENTITY
    p.a_bu = layer.a_bu
    p.mask_bu = NULL
    p.keep = 1
    p.factor = factor
    p.delta_bu = layer.delta_bu
    p.total_u = layer.total_u
    p.ld = layer.ld
    finish_errors(&p, layer.first, layer.last)


cdef inline void add_totals(const Layer *layer, real *b_u) noexcept nogil:
    """Add total_u to b_u, own columns."""
    cdef Py_ssize_t u
    for u in range(layer.last - layer.first):
        b_u[u] += layer.total_u[layer.first + u]


cdef inline bint is_narrow(const Layer *layer) noexcept nogil:
    """Return whether at least half of each vector would be padding with one column per unit."""
    return 2 * layer.n_out <= LANES and layer.panels == 1


cdef inline void narrow_outer(
    Net *net, Py_ssize_t l, Py_ssize_t count, real *c_iu, real beta
) noexcept nogil:
    """Compute the same as `outer`, with inputs along the vectors; overwrites w_ui.

    Each sum runs over the batch in the same order, so that the bits are the same.
    """
    cdef Layer *layer = &net.shape.layers[l]
    cdef Py_ssize_t i, u
    cdef Operands p
    if beta != 0:
        transpose_panel(c_iu, layer.w_ld, layer.w_ui, layer.ld_in, 0, layer.n_in, layer.n_out)
    p.a = layer.delta_bu
    p.a_m = 1
    p.a_k = layer.ld
    p.b = net.shape.layers[l - 1].a_bu
    p.b_k = layer.ld_in
    p.c_in = layer.w_ui
    p.c_in_m = layer.ld_in
    p.c = layer.w_ui
    p.c_m = layer.ld_in
    p.k = count
    p.beta = beta
    p.rectify = False
    p.panel = net.thread.panel
    net.thread.product(&p, 0, layer.n_out, 0, net.shape.layers[l - 1].width)
    for u in range(layer.n_out):
        for i in range(layer.n_in):
            c_iu[i * layer.w_ld + u] = layer.w_ui[u * layer.ld_in + i]
        for i in range(layer.n_in, net.shape.layers[l - 1].width):
            layer.w_ui[u * layer.ld_in + i] = 0  # the padding of activations may not be 0


cdef inline void outer(
    Net *net, Py_ssize_t l, Py_ssize_t count, real *c_iu, real beta
) noexcept nogil:
    """Compute c_iu = beta * c_iu + sum over the batch of x_bi delta_bu, own panel."""
    cdef Layer *layer = &net.shape.layers[l]
    cdef Operands p
    if l > 0 and is_narrow(layer):
        narrow_outer(net, l, count, c_iu, beta)
        return
    p.a = net.batch.x_bi if l == 0 else net.shape.layers[l - 1].a_bu
    p.a_m = 1
    p.a_k = net.batch.x_ld if l == 0 else layer.ld_in
    p.b = layer.delta_bu + layer.first
    p.b_k = layer.ld
    p.c_in = c_iu
    p.c_in_m = layer.w_ld
    p.c = c_iu
    p.c_m = layer.w_ld
    p.k = count
    p.beta = beta
    p.rectify = False
    p.panel = net.thread.panel
    net.thread.product(&p, 0, layer.n_in, 0, layer.last - layer.first)


cdef inline void apply_pending_decay(Net *net) noexcept nogil:
    """Apply the pending decay to the first layer's weights, own panel."""
    cdef Py_ssize_t i, v
    cdef Layer *layer = &net.shape.layers[0]
    cdef real *w_u
    if net.shape.scale != 1:
        for i in range(layer.n_in):
            w_u = layer.w_iu + i * layer.w_ld
            for v in range((layer.last - layer.first) // LANES):
                v_store(w_u + v * LANES, v_splat(net.shape.scale) * v_load(w_u + v * LANES))
        net.shape.scale = 1


cdef inline bint is_finished(const Net *net, Py_ssize_t l, bint descending) noexcept nogil:
    """Return whether backpropagate() has already scaled layer l's errors and written their sums.

    It scales the first layer's errors, because they are not propagated further.
    """
    return l < net.shape.depth - 1 and (l == 0 or not descending)


cdef inline void descend(
    Net *net, Py_ssize_t l, Py_ssize_t count, real step, real decay
) noexcept nogil:
    """Compute w <- decay w - step * sum over the batch of x delta, and b likewise without decay.

    Overwrites this thread's columns of delta_bu, which must have been backpropagated before. For
    sparse rows the decay is collected in one factor, and applied to the weights only when that has
    fallen to a half, so that few mini-batches need a pass over all weights.
    """
    cdef Layer *layer = &net.shape.layers[l]
    if not is_finished(net, l, True):
        scale_errors(layer, count, -step)
    add_totals(layer, layer.b_u)
    if l == 0 and net.batch.is_sparse:
        net.shape.scale *= decay
        if not net.shape.scale > 0.5:
            apply_pending_decay(net)
        sparse_update(&net.batch.sparse, count, layer.delta_bu + layer.first, layer.ld,
                      1 / net.shape.scale, layer.w_iu, layer.w_ld, layer.last - layer.first)
    else:
        outer(net, l, count, layer.w_iu, decay)


cdef inline void backward(
    Net *net, Py_ssize_t count, bint descending, bint first, real step, real decay
) noexcept nogil:
    """Backpropagate the error from the last layer to the first, after errors(), and use it.

    If `descending`, update the parameters at once; else add the gradient to nabla, or start nabla
    with it, unless nabla is NULL. Reads the batch, a_bu, mask_bu and the outputs' delta_bu;
    overwrites delta_bu, w_ui, and either parameters and scale or nabla.
    """
    cdef Py_ssize_t l
    if descending and not net.batch.is_sparse:
        apply_pending_decay(net)
    for l in range(net.shape.depth - 1, -1, -1):
        if l > 0:
            if is_shared(net, l) and l == net.shape.depth - 1:
                wait_for_threads(net)  # until the error is written
            backpropagate(net, l, count, -step if descending and l == 1 else 1)
            if is_shared(net, l) or is_shared(net, l - 1):
                wait_for_threads(net)  # until no thread reads layer l's weights any more
        elif net.shape.depth == 1 and is_shared(net, 0):
            wait_for_threads(net)
        if has_part(net, l):
            if descending:
                descend(net, l, count, step, decay)
            elif net.shape.nabla != NULL:
                accumulate(net, l, count, first)


cdef inline void note_propagation(
    const Net *net, Py_ssize_t count, Propagation *seen
) noexcept nogil:
    """Add activations and errors to `seen`, after a backward() that did not update parameters."""
    cdef const Layer *layer
    cdef Py_ssize_t l
    for l in range(net.shape.depth):
        layer = &net.shape.layers[l]
        note(layer.a_bu, layer, &seen.activations[l], count)
        note(layer.delta_bu, layer, &seen.errors[l], count)


cdef inline void accumulate(Net *net, Py_ssize_t l, Py_ssize_t count, bint first) noexcept nogil:
    """Add the batch's gradient to layer l's part of nabla, or start that with it if `first`."""
    cdef Layer *layer = &net.shape.layers[l]
    cdef bint sparse = l == 0 and net.batch.is_sparse
    cdef Py_ssize_t size = (layer.last - layer.first) * sizeof(real)
    cdef Py_ssize_t i
    if first:
        for i in range(layer.n_in + 1 if sparse else 1):
            memset(layer.nabla_b_u + i * layer.w_ld, 0, size)
    if not is_finished(net, l, False):
        scale_errors(layer, count, 1)
    add_totals(layer, layer.nabla_b_u)
    if sparse:
        sparse_update(&net.batch.sparse, count, layer.delta_bu + layer.first, layer.ld, 1,
                      layer.nabla_w_iu, layer.w_ld, layer.last - layer.first)
    else:
        outer(net, l, count, layer.nabla_w_iu, 0 if first else 1)
