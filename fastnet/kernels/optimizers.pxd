# cython: language_level=3
"""One step of each optimizer, as loops over panels of `n` elements.

w are parameters and g is the gradient summed over a mini-batch; `share` is 1/m, so that
share * g is its mean. State vectors (v, m, s ...) are updated in place.
"""
from libc.math cimport fabs, pow, sqrt
from libc.stdint cimport int64_t

from fastnet.kernels.layout cimport Panel, panel_of
from fastnet.kernels.backprop cimport Layer, Net, wait_for_threads
from fastnet.kernels.simd cimport real, real_sqrt


cdef extern from *:
    """
    #include <float.h>
    /* Squares within these bounds have neither overflowed nor lost digits, in any sum. */
    #define LEAST_SQUARES 1e-280
    #define MOST_SQUARES 1e280
    /* A power of 2, which changes no digit; any number times it has a finite square. */
    #define SHRINK 0x1p-600
    """
    const double LEAST_SQUARES
    const double MOST_SQUARES
    const double SHRINK
    const float FLT_MIN
    const double DBL_MIN


cdef enum Kind:
    SGD = 0
    MOMENTUM = 1
    NESTEROV = 2
    RMSPROP = 3
    ADAM = 4
    ADAMW = 5
    RPROP = 6


cdef struct Rule:
    int kind
    double beta1  # momentum's mu; Adam's beta1; Rprop's factor of increase
    double beta2  # RMSprop's and Adam's decay of squares; Rprop's factor of decrease
    double epsilon  # Rprop's smallest step
    double largest  # Rprop's largest step
    double weight_decay  # AdamW's
    double l1  # the book's lambda / n, for each norm
    double l2
    double max_norm  # limit for the norm of the weights into a unit; 0 for no limit
    double clip_norm  # limit for the norm of the mean gradient; 0 for no limit
    int64_t t  # steps taken
    real *s1
    real *s2


cdef inline int vectors_of(int kind) noexcept nogil:
    """Return the number of state vectors of an optimizer."""
    if kind == SGD:
        return 0
    return 1 if kind == MOMENTUM or kind == NESTEROV or kind == RMSPROP else 2


cdef inline Py_ssize_t own_size(const Layer *layer) noexcept nogil:
    """Return the number of elements of this thread's panel of a layer, or 0 without a panel."""
    return (layer.n_in + 1) * layer.w_ld if layer.first < layer.last else 0


cdef inline bint is_plain(const Rule *rule) noexcept nogil:
    """Return whether a step is w <- decay w - eta g, which is fused with the computation of g."""
    return rule.kind == SGD and rule.l1 == 0 and rule.max_norm == 0 and rule.clip_norm == 0


cdef inline void sgd(real *w, const real *g, Py_ssize_t n, real share, real eta) noexcept nogil:
    """w <- w - eta share g. Reads g; overwrites w."""
    cdef Py_ssize_t j
    for j in range(n):
        w[j] -= eta * (share * g[j])


cdef inline void momentum(
    real *w, const real *g, real *v, Py_ssize_t n, real share, real eta, real mu
) noexcept nogil:
    """v <- mu v - eta g; w <- w + v: equations (107) and (108) of the book."""
    cdef Py_ssize_t j
    for j in range(n):
        v[j] = mu * v[j] - eta * (share * g[j])
        w[j] += v[j]


cdef inline void nesterov(
    real *w, const real *g, real *v, Py_ssize_t n, real share, real eta, real mu
) noexcept nogil:
    """The same v; w <- w + mu v - eta g (Sutskever et al. 2013, w being the point ahead)."""
    cdef Py_ssize_t j
    for j in range(n):
        v[j] = mu * v[j] - eta * (share * g[j])
        w[j] += mu * v[j] - eta * (share * g[j])


cdef inline void rmsprop(
    real *w, const real *g, real *s, Py_ssize_t n, real share, real eta, double beta,
    real epsilon,
) noexcept nogil:
    """s <- beta s + (1 - beta) g^2; w <- w - eta g / (sqrt(s) + epsilon): Hinton 2012."""
    cdef real old = beta, new = 1 - beta
    cdef Py_ssize_t j
    cdef real slope
    for j in range(n):
        slope = share * g[j]
        s[j] = old * s[j] + new * slope * slope
        w[j] -= eta * slope / (real_sqrt(s[j]) + epsilon)


cdef inline void adam(
    real *w, const real *g, real *m, real *s, Py_ssize_t n, real share, double eta, double beta1,
    double beta2, real epsilon, int64_t t,
) noexcept nogil:
    """Kingma and Ba (2015), algorithm 1; t counts from 1."""
    cdef real step = eta / (1 - pow(beta1, t))
    cdef real root = 1 / sqrt(1 - pow(beta2, t))
    cdef real old1 = beta1, new1 = 1 - beta1
    cdef real old2 = beta2, new2 = 1 - beta2
    cdef Py_ssize_t j
    cdef real slope
    for j in range(n):
        slope = share * g[j]
        m[j] = old1 * m[j] + new1 * slope
        s[j] = old2 * s[j] + new2 * slope * slope
        w[j] -= step * m[j] / (real_sqrt(s[j]) * root + epsilon)


cdef inline void rprop(
    real *w, const real *g, real *before, real *step, Py_ssize_t n, real share, real up, real down,
    real smallest, real largest,
) noexcept nogil:
    """iRprop- (Igel and Huesken 2000): step sizes per parameter, adapted by the gradient's sign."""
    cdef Py_ssize_t j
    cdef real slope
    for j in range(n):
        slope = share * g[j]
        # Not the sign of their product, which may underflow to 0.
        if (slope > 0 and before[j] > 0) or (slope < 0 and before[j] < 0):
            step[j] = min(step[j] * up, largest)
        elif (slope > 0 and before[j] < 0) or (slope < 0 and before[j] > 0):
            step[j] = max(step[j] * down, smallest)
            slope = 0
        before[j] = slope
        if slope > 0:
            w[j] -= step[j]
        elif slope < 0:
            w[j] += step[j]


cdef inline bint is_vanishing(double factor) noexcept nogil:
    """Return whether a factor loses digits when it is converted to `real`."""
    return factor < (FLT_MIN if sizeof(real) == 4 else DBL_MIN)


cdef inline double scale_for(double squares) noexcept nogil:
    """Return the scale for numbers with this sum of squares; 1 if the sum is accurate."""
    if squares < LEAST_SQUARES:
        return 1 / SHRINK
    return SHRINK if squares > MOST_SQUARES else 1


cdef inline double gradient_norm(const Net *net) noexcept nogil:
    """Return the norm of nabla, also beyond 1e154 and below 1e-154."""
    cdef double squares = squared_norm(net, 1)
    cdef double scale = scale_for(squares)
    return sqrt(squares if scale == 1 else squared_norm(net, scale)) / scale


cdef inline double squared_norm(const Net *net, double scale) noexcept nogil:
    """Return the squared norm of nabla times `scale`, from eight sums, for speed.

    They run in the order of rows and columns, for any division into panels.
    """
    cdef double sums[8]
    cdef const Layer *layer
    cdef const real *row
    cdef Panel panel
    cdef Py_ssize_t l, i, j, lane
    cdef double total = 0, g
    cdef int t
    for lane in range(8):
        sums[lane] = 0
    for l in range(net.shape.depth):
        layer = &net.shape.layers[l]
        for i in range(layer.n_in + 1):
            for t in range(layer.panels):
                panel = panel_of(layer.n_in, layer.width, layer.panels, t)
                row = net.shape.nabla + (layer.packed - net.shape.packed) + panel.at + i * panel.ld
                for j in range(panel.ld // 8):  # rows are padded to whole eights
                    for lane in range(8):
                        g = scale * row[8 * j + lane]
                        sums[lane] += g * g
    for lane in range(8):
        total += sums[lane]
    return total


cdef inline void regularize(Layer *layer, const Rule *rule, real factor) noexcept nogil:
    """Compute nabla <- factor nabla + l2 w + l1 sign(w), the latter two only for weights."""
    cdef real l1 = rule.l1
    cdef real l2 = rule.l2
    cdef Py_ssize_t n = own_size(layer)
    cdef Py_ssize_t j
    cdef real w
    for j in range(n):
        layer.nabla_b_u[j] *= factor
    if l1 == 0 and l2 == 0:
        return
    for j in range(layer.w_ld, n):
        w = layer.b_u[j]
        layer.nabla_b_u[j] += l2 * w + (l1 if w > 0 else (-l1 if w < 0 else 0))


cdef inline void decay_weights(Layer *layer, real decay) noexcept nogil:
    """Multiply the weights of this thread's panel, not the biases, by `decay`."""
    cdef Py_ssize_t j
    for j in range(layer.w_ld, own_size(layer)):
        layer.b_u[j] *= decay


cdef inline void limit_norms(Layer *layer, double max_norm) noexcept nogil:
    """Limit the norm of the weights into each unit to max_norm (Srebro and Shraibman 2005)."""
    cdef double limit = max_norm * max_norm
    cdef bint near = LEAST_SQUARES < limit < MOST_SQUARES
    cdef double squares, scale, norm
    cdef real factor
    cdef Py_ssize_t i, u
    for u in range(min(layer.last, layer.n_out) - layer.first):
        squares = squared_weights(layer, u, 1)
        scale = scale_for(squares)
        if near and scale == 1:
            if not squares > limit:
                continue
            norm = sqrt(squares)
        else:
            norm = sqrt(squared_weights(layer, u, scale)) / scale
            if not norm > max_norm:
                continue
        if is_vanishing(max_norm / norm):
            for i in range(layer.n_in):
                layer.w_iu[i * layer.w_ld + u] = <real> (
                    layer.w_iu[i * layer.w_ld + u] / norm * max_norm
                )
        else:
            factor = max_norm / norm
            for i in range(layer.n_in):
                layer.w_iu[i * layer.w_ld + u] *= factor


cdef inline double squared_weights(
    const Layer *layer, Py_ssize_t u, double scale
) noexcept nogil:
    """Return the sum of the squares of the weights into a unit, each multiplied by `scale`."""
    cdef double squares = 0, w
    cdef Py_ssize_t i
    for i in range(layer.n_in):
        w = scale * layer.w_iu[i * layer.w_ld + u]
        squares += w * w
    return squares


cdef inline void shorten(Layer *layer, double norm, double length) noexcept nogil:
    """Compute nabla <- length / norm nabla, if that factor is too small for a `real`; own panel."""
    cdef Py_ssize_t j
    for j in range(own_size(layer)):
        layer.nabla_b_u[j] = <real> (layer.nabla_b_u[j] / norm * length)


cdef inline void move(
    const Net *net, Layer *layer, const Rule *rule, real share, double eta
) noexcept nogil:
    """Update the parameters of this thread's panel by the optimizer's formula."""
    cdef real *w = layer.b_u
    cdef const real *g = layer.nabla_b_u
    cdef real *s1 = rule.s1 + (w - net.shape.packed) if rule.s1 != NULL else NULL
    cdef real *s2 = rule.s2 + (w - net.shape.packed) if rule.s2 != NULL else NULL
    cdef Py_ssize_t n = own_size(layer)
    if rule.kind == SGD:
        sgd(w, g, n, share, eta)
    elif rule.kind == MOMENTUM:
        momentum(w, g, s1, n, share, eta, rule.beta1)
    elif rule.kind == NESTEROV:
        nesterov(w, g, s1, n, share, eta, rule.beta1)
    elif rule.kind == RMSPROP:
        rmsprop(w, g, s1, n, share, eta, rule.beta2, rule.epsilon)
    elif rule.kind == RPROP:
        rprop(w, g, s1, s2, n, share, rule.beta1, rule.beta2, rule.epsilon, rule.largest)
    else:
        adam(w, g, s1, s2, n, share, eta, rule.beta1, rule.beta2, rule.epsilon, rule.t)


cdef inline void take_step(Net *net, Rule *rule, Py_ssize_t count, double eta) noexcept nogil:
    """Update the parameters with nabla, the gradient summed over `count` examples.

    Reads nabla and the rule; overwrites parameters, nabla and the optimizer's vectors.

    Each thread updates the panels whose gradient it has computed; since backward() no other thread
    reads their weights.
    """
    cdef real share = 1.0 / count
    cdef real factor = share
    cdef bint regular = rule.l1 != 0 or rule.l2 != 0 or rule.clip_norm != 0
    cdef Layer *layer
    cdef Py_ssize_t l
    cdef double norm, summed_norm = 0
    cdef bint vanishing = False
    rule.t += 1
    if rule.clip_norm > 0:
        wait_for_threads(net)  # until the gradient is complete
        summed_norm = gradient_norm(net)
        norm = share * summed_norm
        if norm > rule.clip_norm:
            vanishing = is_vanishing(share * (rule.clip_norm / norm))
            factor = 1 if vanishing else share * (rule.clip_norm / norm)
        wait_for_threads(net)  # until every thread has its norm, and nabla may change
    for l in range(net.shape.depth):
        layer = &net.shape.layers[l]
        if own_size(layer) == 0:
            continue
        if vanishing:
            shorten(layer, summed_norm, rule.clip_norm)
        if regular:
            regularize(layer, rule, factor)
        if rule.kind == ADAMW:
            decay_weights(layer, 1 - eta * rule.weight_decay)
        move(net, layer, rule, 1 if regular else share, eta)
        if rule.max_norm > 0:
            limit_norms(layer, rule.max_norm)
