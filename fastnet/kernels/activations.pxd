# cython: language_level=3
"""Activations, costs, and their derivatives, on rows.

Rows are padded to PAD elements. Activations may write any finite numbers into the padding; output
and hidden errors write zeros, because the padding of the weights must stay zero.
"""
from libc.math cimport exp, fabs, log, log1p

from fastnet.kernels.vector_math cimport (
    v_elu, v_exp, v_gelu, v_selu, v_sigmoid, v_silu, v_sine, v_softplus, v_softsign, v_tanh,
)
from fastnet.kernels.simd cimport (
    LANES, real, v_gather, v_load, v_scatter, v_splat, v_store, v_where_greater, vreal,
)

cdef enum:
    MOST_ACROSS = 16  # maximum number of outputs for which softmax takes several rows at a time


cdef enum Activation:
    SIGMOID = 0
    TANH = 1
    RELU = 2
    LEAKY_RELU = 3
    IDENTITY = 4
    SOFTMAX = 5
    EXPONENTIAL = 6
    ELU = 7
    SELU = 8
    GELU = 9
    SILU = 10
    SOFTPLUS = 11
    SOFTSIGN = 12
    SINE = 13


cdef enum Cost:
    QUADRATIC = 0
    CROSS_ENTROPY = 1
    LOG_LIKELIHOOD = 2
    POISSON = 3
    GIVEN = 4  # only for diagnostics: the sum of y z, whose error is y
    # Costs for numbers: functions of a - y; a target may have several outputs.
    HUBER = 5
    ABSOLUTE = 6
    QUANTILE = 7
    GAUSSIAN = 8


# A cost, its parameters, and the number of targets per example.
cdef struct Loss:
    int cost
    const double *numbers  # HUBER: where it becomes linear; QUANTILE: a level per block of outputs
    # The number of outputs; but QUANTILE and GAUSSIAN have a block of outputs for each
    # level or parameter, with one output per target in each block.
    Py_ssize_t n_targets


cdef inline void softmax(real *a_u, Py_ssize_t n, Py_ssize_t ld) noexcept nogil:
    """Apply softmax in place, after subtracting the largest weighted input to avoid overflow."""
    cdef real largest = a_u[0]
    cdef real total = 0
    cdef Py_ssize_t u, v
    for u in range(1, n):
        if a_u[u] > largest:
            largest = a_u[u]
    for v in range(ld // LANES):
        u = v * LANES
        v_store(a_u + u, v_exp(v_load(a_u + u) - v_splat(largest)))
    for u in range(n):
        total += a_u[u]
    for v in range(ld // LANES):
        u = v * LANES
        v_store(a_u + u, v_load(a_u + u) / v_splat(total))


cdef inline void softmax_rows(
    real *a_bu, Py_ssize_t count, Py_ssize_t n, Py_ssize_t width, Py_ssize_t ld
) noexcept nogil:
    """Apply softmax to many rows, LANES of them at a time if they are short.

    Each lane computes what `softmax` does for its row, in the same order, with the same bits.
    """
    cdef vreal z[MOST_ACROSS]
    cdef vreal largest, total
    cdef Py_ssize_t b = 0
    cdef Py_ssize_t u
    while n <= MOST_ACROSS and b + LANES <= count:
        for u in range(n):
            z[u] = v_gather(a_bu + b * ld + u, ld)
        largest = z[0]
        for u in range(1, n):
            largest = v_where_greater(z[u], largest, z[u], largest)
        total = v_splat(0.0)
        for u in range(n):
            z[u] = v_exp(z[u] - largest)
            total = total + z[u]
        for u in range(n):
            v_scatter(a_bu + b * ld + u, ld, z[u] / total)
        b += LANES
    for b in range(b, count):
        softmax(a_bu + b * ld, n, width)


# A function of vector_math that computes its derivative too.
ctypedef vreal (*Smooth)(vreal, vreal *) noexcept nogil

# The type of `activate`, compiled once for all its callers.
ctypedef void (*Transform)(int, real *, real *, Py_ssize_t) noexcept nogil


cdef inline bint keeps_slope(int activation) noexcept nogil:
    """Return whether sigma'(z) is stored with a, because it cannot be computed from a exactly."""
    return activation >= ELU


cdef inline void apply(Smooth f, real *a_u, real *slope_u, Py_ssize_t ld) noexcept nogil:
    """z_u becomes f(z_u), and slope_u, unless it is NULL, f'(z_u)."""
    cdef real unused[LANES]
    cdef real *slope = slope_u
    cdef Py_ssize_t step = LANES
    cdef Py_ssize_t v
    cdef vreal derivative
    if slope_u == NULL:
        slope = &unused[0]
        step = 0
    for v in range(ld // LANES):
        v_store(a_u + v * LANES, f(v_load(a_u + v * LANES), &derivative))
        v_store(slope + v * step, derivative)


cdef inline void activate(
    int activation, real *a_u, real *slope_u, Py_ssize_t ld
) noexcept nogil:
    """Replace weighted inputs z_u by activations a_u, except softmax, which has its own function.

    For activations with `keeps_slope`, write the derivatives to slope_u unless it is NULL.
    """
    cdef Py_ssize_t u, v
    cdef vreal z
    if activation == SIGMOID:
        for v in range(ld // LANES):
            u = v * LANES
            v_store(a_u + u, v_sigmoid(v_load(a_u + u)))
    elif activation == TANH:
        for v in range(ld // LANES):
            u = v * LANES
            v_store(a_u + u, v_tanh(v_load(a_u + u)))
    elif activation == RELU:
        for v in range(ld // LANES):
            u = v * LANES
            z = v_load(a_u + u)
            # `0 > z` keeps a NaN, which `z > 0` would turn into a zero.
            v_store(a_u + u, v_where_greater(v_splat(0.0), z, v_splat(0.0), z))
    elif activation == LEAKY_RELU:
        for v in range(ld // LANES):
            u = v * LANES
            z = v_load(a_u + u)
            v_store(a_u + u, v_where_greater(v_splat(0.0), z, v_splat(0.01) * z, z))
    elif activation == EXPONENTIAL:
        for v in range(ld // LANES):
            u = v * LANES
            v_store(a_u + u, v_exp(v_load(a_u + u)))
    elif activation == ELU:
        apply(v_elu, a_u, slope_u, ld)
    elif activation == SELU:
        apply(v_selu, a_u, slope_u, ld)
    elif activation == GELU:
        apply(v_gelu, a_u, slope_u, ld)
    elif activation == SILU:
        apply(v_silu, a_u, slope_u, ld)
    elif activation == SOFTPLUS:
        apply(v_softplus, a_u, slope_u, ld)
    elif activation == SOFTSIGN:
        apply(v_softsign, a_u, slope_u, ld)
    elif activation == SINE:
        apply(v_sine, a_u, slope_u, ld)


cdef inline void times_derivative(
    int activation, const real *a_u, real keep, vreal *delta, int vectors
) noexcept nogil:
    """Multiply delta by sigma'(z_u), from a_u: the activations or, if stored, the derivatives.

    `vectors` is a literal at every call, so that `delta` can stay in registers. Activations that
    dropout has divided by `keep` are multiplied by it first.
    """
    cdef int v
    cdef vreal a
    if activation == SIGMOID:
        for v in range(vectors):
            a = v_splat(keep) * v_load(a_u + v * LANES)
            delta[v] = delta[v] * (a * (v_splat(1.0) - a))
    elif activation == TANH:
        for v in range(vectors):
            a = v_splat(keep) * v_load(a_u + v * LANES)
            delta[v] = delta[v] * ((v_splat(1.0) - a) * (v_splat(1.0) + a))
    elif activation == RELU:
        for v in range(vectors):
            a = v_load(a_u + v * LANES)  # only the sign matters
            delta[v] = v_where_greater(a, v_splat(0.0), delta[v], v_splat(0.0))
    elif activation == LEAKY_RELU:
        for v in range(vectors):
            a = v_load(a_u + v * LANES)
            delta[v] = v_where_greater(a, v_splat(0.0), delta[v], v_splat(0.01) * delta[v])
    elif activation == EXPONENTIAL:
        for v in range(vectors):
            delta[v] = delta[v] * (v_splat(keep) * v_load(a_u + v * LANES))
    elif keeps_slope(activation):
        for v in range(vectors):
            delta[v] = delta[v] * v_load(a_u + v * LANES)


cdef inline double steepest(int activation) noexcept nogil:
    """Return the largest value of sigma'(z)."""
    if activation == SIGMOID or activation == SOFTMAX:
        return 0.25
    if activation == SELU:
        return 1.7580993408473768599  # at 0 from the left
    if activation == GELU:
        return 1.1289041451851547863  # at sqrt(2)
    if activation == SILU:
        return 1.0998393201288669170  # at 2.3994
    return 1


cdef inline void saturation(
    int activation, const real *a_u, Py_ssize_t n, double *sum_derivative, double *saturated,
    double *saturated_u,
) noexcept nogil:
    """Sum sigma'(z), and count the units where its size is below 4 % of its largest value.

    For the sigmoid that is the book's sigma'(z) < 0.01; for the ReLU, a derivative of 0. a_u
    contains activations or, if stored, derivatives. Unless `saturated_u` is NULL, count for each
    unit too.
    """
    cdef Py_ssize_t u
    cdef double a, derivative
    cdef double most = steepest(activation)
    for u in range(n):
        a = a_u[u]
        if activation == SIGMOID or activation == SOFTMAX:
            derivative = a * (1 - a)
        elif activation == TANH:
            derivative = 1 - a * a
        elif activation == RELU:
            derivative = a > 0
        elif activation == LEAKY_RELU:
            derivative = 1 if a > 0 else 0.01
        elif activation == EXPONENTIAL or keeps_slope(activation):
            derivative = a
        else:
            derivative = 1
        sum_derivative[0] += derivative
        saturated[0] += fabs(derivative) < 0.04 * most
        if saturated_u != NULL:
            saturated_u[u] += fabs(derivative) < 0.04 * most


cdef inline void times_softmax_derivative(
    const real *a_u, real *delta_u, Py_ssize_t n
) noexcept nogil:
    """Replace delta_j by a_j (delta_j - sum_k a_k delta_k)."""
    cdef real mean = 0
    cdef Py_ssize_t u
    for u in range(n):
        mean += a_u[u] * delta_u[u]
    for u in range(n):
        delta_u[u] = a_u[u] * (delta_u[u] - mean)


cdef inline real exp_of(real x) noexcept nogil:
    """Return e**x of one number as `v_exp` computes it, independent of the C library."""
    cdef real lanes[LANES]
    v_store(lanes, v_exp(v_splat(x)))
    return lanes[0]


cdef inline void residual_errors(
    const Loss *loss, const real *a_u, const real *y_u, int label, real *delta_u, Py_ssize_t n
) noexcept nogil:
    """Write dC/da of the costs for numbers. At a kink, a = y, the error is 0.

    For an output that is not finite it is NaN, so that training does not continue unnoticed.
    """
    cdef Py_ssize_t count = loss.n_targets
    cdef Py_ssize_t block, t, u
    cdef real y, r, most, level, scaled
    for block in range(1 if loss.cost == GAUSSIAN else n // count):
        for t in range(count):
            u = block * count + t
            y = y_u[t] if y_u != NULL else (t == label)
            r = a_u[u] - y
            if loss.cost == HUBER:
                most = <real> loss.numbers[0]
                delta_u[u] = (most if r > most else (-most if r < -most else r)) + (r - r)
            elif loss.cost == GAUSSIAN:  # from the mean and, further up, the log variance
                scaled = r
                if r != 0:  # avoids 0 times infinity
                    scaled = r * exp_of(-a_u[count + t])
                delta_u[u] = scaled
                delta_u[count + t] = <real> 0.5 - <real> 0.5 * scaled * r
            else:
                level = <real> (0.5 if loss.cost == ABSOLUTE else loss.numbers[block])
                delta_u[u] = ((1 - level) if r > 0 else (-level if r < 0 else r)) + (r - r)
                if loss.cost == ABSOLUTE:
                    delta_u[u] *= 2


cdef inline void times_output_derivative(
    int activation, const real *a_u, const real *slope_u, real *delta_u, Py_ssize_t n,
    Py_ssize_t ld,
) noexcept nogil:
    """Replace dC/da of one example by dC/dz; slope_u is as for `output_delta`."""
    cdef Py_ssize_t u, v
    cdef vreal delta
    if activation == SOFTMAX:
        times_softmax_derivative(a_u, delta_u, n)
        return
    for v in range(ld // LANES):
        u = v * LANES
        delta = v_load(delta_u + u)
        times_derivative(activation, (a_u if slope_u == NULL else slope_u) + u, 1, &delta, 1)
        v_store(delta_u + u, delta)


cdef inline void output_delta(
    const Loss *loss, int activation, const real *a_u, const real *slope_u, const real *y_u,
    int label, real *delta_u, Py_ssize_t n, Py_ssize_t ld,
) noexcept nogil:
    """Write the output error of one example; its target is y_u or, if that is NULL, the label.

    slope_u contains the stored derivatives, or is NULL.

    Cross-entropy with sigmoid, log-likelihood with softmax and Poisson with exp give a - y (BP1
    with the derivative cancelled; with softmax, a is multiplied by the sum of y). Other costs are
    multiplied by the activation's derivative.
    """
    cdef Py_ssize_t u
    cdef int cost = loss.cost
    cdef real total = 1
    if cost > GIVEN:
        residual_errors(loss, a_u, y_u, label, delta_u, n)
    elif cost == GIVEN and y_u != NULL:
        for u in range(n):
            delta_u[u] = y_u[u]
    elif y_u != NULL:
        if cost == LOG_LIKELIHOOD:
            total = 0
            for u in range(n):
                total += y_u[u]
        for u in range(n):
            delta_u[u] = total * a_u[u] - y_u[u]
    else:
        for u in range(n):
            delta_u[u] = a_u[u]
        delta_u[label] -= 1
    for u in range(n, ld):
        delta_u[u] = 0
    if cost == QUADRATIC or cost > GIVEN:
        times_output_derivative(activation, a_u, slope_u, delta_u, n, ld)


cdef inline double cross_entropy(double z, double y) noexcept nogil:
    """Return -y ln sigma(z) - (1 - y) ln(1 - sigma(z)), from z, so that it is finite for any z.

    The two terms are kept apart: the shorter form log1p(exp(z)) - y z would lose the digits of a
    small cost if y z is large.
    """
    cdef double tail = log1p(exp(-fabs(z)))
    if z > 0:
        return tail + (1 - y) * z
    return tail - y * z


cdef inline double poisson(double z, double a, double y) noexcept nogil:
    """Return y ln(y / a) - y + a, with ln a = z, so that it is finite even if a underflows to 0."""
    if y > 0:
        return y * (log(y) - z) - y + a
    return a - y - y * z


cdef inline double residual_cost(
    const Loss *loss, const real *a_u, const real *y_u, int label, Py_ssize_t n
) noexcept nogil:
    """Return the cost of one example, for the costs for numbers."""
    cdef Py_ssize_t count = loss.n_targets
    cdef Py_ssize_t block, t
    cdef double total = 0
    cdef double y, r, most, level
    for block in range(1 if loss.cost == GAUSSIAN else n // count):
        for t in range(count):
            y = y_u[t] if y_u != NULL else (t == label)
            r = a_u[block * count + t] - y
            if loss.cost == HUBER:
                most = loss.numbers[0]
                total += most * (fabs(r) - 0.5 * most) if fabs(r) > most else 0.5 * r * r
            elif loss.cost == GAUSSIAN:
                total += 0.5 * a_u[count + t]
                if r != 0:  # avoids 0 times infinity
                    total += 0.5 * (r * exp(-a_u[count + t])) * r
            elif loss.cost == QUANTILE:
                level = loss.numbers[block]
                total += (1 - level) * r if r > 0 else -level * r
            else:
                total += fabs(r)
    return total


cdef inline double output_cost(
    const Loss *loss, const real *z_u, const real *a_u, const real *y_u, int label, Py_ssize_t n
) noexcept nogil:
    """Return the cost of one example, from its weighted outputs z_u and their activations a_u."""
    cdef Py_ssize_t u
    cdef int cost = loss.cost
    cdef double total = 0
    cdef double y, largest, normalizer
    if cost > GIVEN:
        return residual_cost(loss, a_u, y_u, label, n)
    if cost == LOG_LIKELIHOOD:
        largest = z_u[0]
        for u in range(1, n):
            if z_u[u] > largest:
                largest = z_u[u]
        normalizer = 0
        for u in range(n):
            normalizer += exp(z_u[u] - largest)
        normalizer = log(normalizer)
        for u in range(n):
            y = y_u[u] if y_u != NULL else (u == label)
            if y != 0:
                total += y * (normalizer - (z_u[u] - largest))
        return total
    for u in range(n):
        y = y_u[u] if y_u != NULL else (u == label)
        if cost == CROSS_ENTROPY:
            total += cross_entropy(z_u[u], y)
        elif cost == POISSON:
            total += poisson(z_u[u], a_u[u], y)
        else:
            total += 0.5 * (a_u[u] - y) * (a_u[u] - y)
    return total


cdef inline Py_ssize_t argmax(const real *a_u, Py_ssize_t n) noexcept nogil:
    """Return the index of the largest element, the first if there are several."""
    cdef Py_ssize_t best = 0
    cdef Py_ssize_t u
    for u in range(1, n):
        if a_u[u] > a_u[best]:
            best = u
    return best
