# cython: language_level=3
"""One step of each optimizer, as loops over flat vectors of `n` elements.

w are parameters and g is the gradient summed over a mini-batch; `share` is 1/m, so that
share * g is its mean. State vectors (v, m, s ...) are updated in place.
"""
from libc.math cimport fabs, pow, sqrt
from libc.stdint cimport int64_t

from fastnet.kernels.passes cimport Layer, Net, meet
from fastnet.kernels.simd cimport PAD, real, real_sqrt


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
    double l1  # the book's lambda / n, for either norm
    double l2
    double max_norm  # of the weights into a unit; 0 is none
    double clip_norm  # of the mean gradient; 0 is none
    int64_t t  # steps taken
    real *s1
    real *s2


cdef inline bint is_plain(const Rule *rule) noexcept nogil:
    """Whether a step is w <- decay w - eta g, which is fused with the forming of g."""
    return rule.kind == SGD and rule.l1 == 0 and rule.max_norm == 0 and rule.clip_norm == 0


cdef inline void sgd(real *w, const real *g, Py_ssize_t n, real share, real eta) noexcept nogil:
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
    """iRprop- (Igel and Huesken 2000): a step a parameter, moved by the gradient's sign alone."""
    cdef Py_ssize_t j
    cdef real slope, agreement
    for j in range(n):
        slope = share * g[j]
        agreement = slope * before[j]
        if agreement > 0:
            step[j] = min(step[j] * up, largest)
        elif agreement < 0:
            step[j] = max(step[j] * down, smallest)
            slope = 0
        before[j] = slope
        if slope > 0:
            w[j] -= step[j]
        elif slope < 0:
            w[j] += step[j]


cdef inline double squared_norm(const real *g, Py_ssize_t n) noexcept nogil:
    """In eight sums, for speed; their order is fixed."""
    cdef double sums[8]
    cdef Py_ssize_t j, lane
    cdef double total = 0
    for lane in range(8):
        sums[lane] = 0
    # n counts padded rows, and so is a multiple of 8.
    for j in range(n // 8):
        for lane in range(8):
            sums[lane] += <double> g[8 * j + lane] * <double> g[8 * j + lane]
    for lane in range(8):
        total += sums[lane]
    return total


cdef inline void regularize(
    Net *net, const Rule *rule, real share, Py_ssize_t start, Py_ssize_t stop
) noexcept nogil:
    """nabla <- share nabla (clipped) + l2 w + l1 sign(w), the last two for weights alone."""
    cdef Py_ssize_t l, j, at
    cdef Layer *layer
    cdef real factor = share
    cdef real l1 = rule.l1
    cdef real l2 = rule.l2
    cdef real w
    cdef double norm
    if rule.clip_norm > 0:
        norm = share * sqrt(squared_norm(net.nabla, net.n_packed))
        if norm > rule.clip_norm:
            factor = share * (rule.clip_norm / norm)
        meet(net)  # every thread has summed it up; now they change it
    for j in range(start, stop):
        net.nabla[j] *= factor
    if l1 == 0 and l2 == 0:
        return
    for l in range(net.depth):
        layer = &net.layers[l]
        at = layer.w_iu - net.packed
        for j in range(max(start, at), min(stop, at + layer.n_in * layer.ld)):
            w = net.packed[j]
            net.nabla[j] += l2 * w + (l1 if w > 0 else (-l1 if w < 0 else 0))


cdef inline void decay_weights(
    Net *net, real decay, Py_ssize_t start, Py_ssize_t stop
) noexcept nogil:
    """Multiply the weights, and not the biases, among parameters start .. stop."""
    cdef Py_ssize_t l, j, at
    cdef Layer *layer
    for l in range(net.depth):
        layer = &net.layers[l]
        at = layer.w_iu - net.packed
        for j in range(max(start, at), min(stop, at + layer.n_in * layer.ld)):
            net.packed[j] *= decay


cdef inline void limit_norms(Layer *layer, double max_norm) noexcept nogil:
    """Shorten the weights into every unit to a length of max_norm (Srebro and Shraibman 2005)."""
    cdef Py_ssize_t i, u
    cdef double squares, w
    cdef real factor
    for u in range(layer.first, min(layer.last, layer.n_out)):
        squares = 0
        for i in range(layer.n_in):
            w = layer.w_iu[i * layer.ld + u]
            squares += w * w
        if squares > max_norm * max_norm:
            factor = max_norm / sqrt(squares)
            for i in range(layer.n_in):
                layer.w_iu[i * layer.ld + u] *= factor


cdef inline void move(
    Net *net, const Rule *rule, real share, double eta, Py_ssize_t start, Py_ssize_t stop
) noexcept nogil:
    """Parameters start .. stop, by the optimizer's formula."""
    cdef real *w = net.packed + start
    cdef const real *g = net.nabla + start
    cdef real *s1 = rule.s1 + start if rule.s1 != NULL else NULL
    cdef real *s2 = rule.s2 + start if rule.s2 != NULL else NULL
    cdef Py_ssize_t n = stop - start
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
    """Move the parameters by nabla, the gradient summed over `count` examples.

    Each thread moves a piece of the flat vector, whichever columns lie in it.
    """
    cdef real share = 1.0 / count
    cdef Py_ssize_t piece = (net.n_packed // net.n_threads + PAD - 1) // PAD * PAD
    cdef Py_ssize_t start = min(net.thread * piece, net.n_packed)
    cdef Py_ssize_t stop = min(start + piece, net.n_packed)
    cdef Py_ssize_t l
    if net.thread == net.n_threads - 1:
        stop = net.n_packed
    rule.t += 1
    meet(net)
    if rule.l1 != 0 or rule.l2 != 0 or rule.clip_norm != 0:
        regularize(net, rule, share, start, stop)
        share = 1
    if rule.kind == ADAMW:
        decay_weights(net, 1 - eta * rule.weight_decay, start, stop)
    move(net, rule, share, eta, start, stop)
    meet(net)
    if rule.max_norm > 0:
        for l in range(net.depth):
            limit_norms(&net.layers[l], rule.max_norm)
