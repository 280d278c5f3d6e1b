# cython: language_level=3
"""What a layer does to a row of weighted inputs, and what a cost sends back.

Rows are padded to PAD elements. Activations may leave anything finite in the padding; output and
hidden errors leave zeros there, because the padding of the weights must stay zero.
"""
from libc.math cimport exp, fabs, log, log1p

from fastnet.kernels.vector_math cimport v_exp, v_sigmoid, v_tanh
from fastnet.kernels.simd cimport (
    LANES, real, v_gather, v_load, v_scatter, v_splat, v_store, v_where_greater, vreal,
)

cdef enum:
    MOST_ACROSS = 16  # outputs of rows whose softmax is found several rows at a time


cdef enum Activation:
    SIGMOID = 0
    TANH = 1
    RELU = 2
    LEAKY_RELU = 3
    IDENTITY = 4
    SOFTMAX = 5
    EXPONENTIAL = 6


cdef enum Cost:
    QUADRATIC = 0
    CROSS_ENTROPY = 1
    LOG_LIKELIHOOD = 2
    POISSON = 3
    GIVEN = 4  # of no network: the sum of y z, whose error is y, for diagnostics


cdef inline void softmax(real *a_u, Py_ssize_t n, Py_ssize_t ld) noexcept nogil:
    """In place, shifted by the largest weighted input so that nothing overflows."""
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
    """softmax of many rows, LANES of them at a time where they are short.

    Each lane does what `softmax` does for its row, in the same order: the bits are the same.
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


cdef inline void activate(int activation, real *a_u, Py_ssize_t ld) noexcept nogil:
    """Weighted inputs z_u become activations a_u, in place; softmax has a function of its own."""
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


cdef inline void times_derivative(
    int activation, const real *a_u, real keep, vreal *delta, int vectors
) noexcept nogil:
    """delta *= sigma'(z_u), which each of these functions can tell from a_u alone.

    `vectors` is a literal at every call, so that `delta` may stay in registers. Where dropout has
    divided a_u by `keep`, that is undone first.
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
            a = v_load(a_u + v * LANES)  # of which only the sign counts
            delta[v] = v_where_greater(a, v_splat(0.0), delta[v], v_splat(0.0))
    elif activation == LEAKY_RELU:
        for v in range(vectors):
            a = v_load(a_u + v * LANES)
            delta[v] = v_where_greater(a, v_splat(0.0), delta[v], v_splat(0.01) * delta[v])
    elif activation == EXPONENTIAL:
        for v in range(vectors):
            delta[v] = delta[v] * (v_splat(keep) * v_load(a_u + v * LANES))


cdef inline void saturation(
    int activation, const real *a_u, Py_ssize_t n, double *sum_derivative, double *saturated,
    double *saturated_u,
) noexcept nogil:
    """Add up sigma'(z), and count the units where it is below 4 % of the most it can be.

    For the sigmoid that is the book's sigma'(z) < 0.01; for the ReLU, a derivative of 0. Counted
    for each unit too where `saturated_u` is not NULL.
    """
    cdef Py_ssize_t u
    cdef double a, derivative
    cdef double most = 0.25 if activation == SIGMOID or activation == SOFTMAX else 1
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
        elif activation == EXPONENTIAL:
            derivative = a
        else:
            derivative = 1
        sum_derivative[0] += derivative
        saturated[0] += derivative < 0.04 * most
        if saturated_u != NULL:
            saturated_u[u] += derivative < 0.04 * most


cdef inline void times_softmax_derivative(
    const real *a_u, real *delta_u, Py_ssize_t n
) noexcept nogil:
    """delta_j becomes a_j (delta_j - sum_k a_k delta_k)."""
    cdef real mean = 0
    cdef Py_ssize_t u
    for u in range(n):
        mean += a_u[u] * delta_u[u]
    for u in range(n):
        delta_u[u] = a_u[u] * (delta_u[u] - mean)


cdef inline void output_delta(
    int cost, int activation, const real *a_u, const real *y_u, int label, real *delta_u,
    Py_ssize_t n, Py_ssize_t ld,
) noexcept nogil:
    """The output error of one example; its target is y_u or, where that is NULL, a class number.

    Cross-entropy behind a sigmoid, log-likelihood behind softmax and Poisson behind exp give a - y
    (BP1 with the derivative cancelled; behind softmax a is multiplied by the sum of y, should that
    not be 1);
    everything else multiplies by the activation's derivative.
    """
    cdef Py_ssize_t u, v
    cdef real total = 1
    cdef vreal delta
    if cost == GIVEN and y_u != NULL:
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
    if cost == QUADRATIC:
        if activation == SOFTMAX:
            times_softmax_derivative(a_u, delta_u, n)
        else:
            for v in range(ld // LANES):
                u = v * LANES
                delta = v_load(delta_u + u)
                times_derivative(activation, a_u + u, 1, &delta, 1)
                v_store(delta_u + u, delta)


cdef inline double cross_entropy(double z, double y) noexcept nogil:
    """-y ln sigma(z) - (1 - y) ln(1 - sigma(z)), from z: finite however far z has gone.

    The two terms are kept apart: their sum with the shorter form log1p(exp(z)) - y z would lose
    what is left of the cost where y z is large.
    """
    cdef double tail = log1p(exp(-fabs(z)))
    if z > 0:
        return tail + (1 - y) * z
    return tail - y * z


cdef inline double poisson(double z, double a, double y) noexcept nogil:
    """y ln(y / a) - y + a, with ln a = z: finite where a has come down to 0."""
    if y > 0:
        return y * (log(y) - z) - y + a
    return a - y - y * z


cdef inline double output_cost(
    int cost, const real *z_u, const real *a_u, const real *y_u, int label, Py_ssize_t n
) noexcept nogil:
    """The cost of one example, from its weighted outputs z_u and their activations a_u."""
    cdef Py_ssize_t u
    cdef double total = 0
    cdef double y, largest, normalizer
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
    """The first of the largest."""
    cdef Py_ssize_t best = 0
    cdef Py_ssize_t u
    for u in range(1, n):
        if a_u[u] > a_u[best]:
            best = u
    return best
