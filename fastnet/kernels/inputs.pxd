# cython: language_level=3
"""Derivatives with respect to the inputs, for a workspace that has room for them.

For the derivatives of several outputs, as in a Jacobian, a row is repeated after forward(), so that
one backward pass serves all of them.
"""
from libc.string cimport memcpy, memset

from fastnet.kernels.activations cimport times_output_derivative
from fastnet.kernels.gemm cimport Operands
from fastnet.kernels.backprop cimport (
    Layer, Net, propagate_errors, slopes_of, transpose, transpose_panel,
)
from fastnet.kernels.simd cimport LANES, real, v_load, v_splat, v_store, v_transpose, vreal

cdef enum:
    SQUARES = 4  # of LANES inputs: sums under way, of which each waits for its last addition


cdef inline void copy_rows(
    const real *a_u, Py_ssize_t ld, Py_ssize_t n, Py_ssize_t count, real *out, Py_ssize_t room
) noexcept nogil:
    """Write `count` rows of n numbers without their padding into `out`, which has `room` elements.

    Whole vectors are written if there is room: the next row overwrites what they write past a row.
    """
    cdef Py_ssize_t vectors = (n + LANES - 1) // LANES
    cdef Py_ssize_t _b, v
    for _b in range(count):
        if vectors * LANES <= room:
            for v in range(vectors):
                v_store(out + v * LANES, v_load(a_u + v * LANES))
        else:
            memcpy(out, a_u, n * sizeof(real))
        a_u += ld
        out += n
        room -= n


cdef inline void repeat_rows(
    real *a_bu, Py_ssize_t ld, Py_ssize_t count, Py_ssize_t times
) noexcept nogil:
    """Repeat each of `count` rows `times` times, in place."""
    cdef Py_ssize_t b
    for b in range(count * times - 1, 0, -1):
        memcpy(a_bu + b * ld, a_bu + b // times * ld, ld * sizeof(real))


cdef inline void repeat_examples(Net *net, Py_ssize_t count, Py_ssize_t times) noexcept nogil:
    """Repeat the rows of all activations and stored derivatives."""
    cdef const Layer *layer
    cdef Py_ssize_t l
    for l in range(net.shape.depth if times > 1 else 0):
        layer = &net.shape.layers[l]
        repeat_rows(layer.a_bu, layer.ld, count, times)
        if layer.slope_bu != NULL:
            repeat_rows(layer.slope_bu, layer.ld, count, times)


cdef inline void given_errors(
    Net *net, Py_ssize_t count, const real *v, Py_ssize_t first, Py_ssize_t times
) noexcept nogil:
    """Write the output layer's delta_bu for dC/da given by the rows of `v`.

    If `v` is NULL, dC/da is 1 for one output and 0 for the others: output `first` for the first of
    `count` rows, the next outputs for the next rows, and `first` again after `times` rows.
    """
    cdef const Layer *last = &net.shape.layers[net.shape.depth - 1]
    cdef real *delta_u = last.delta_bu
    cdef Py_ssize_t b
    for b in range(count):
        memset(delta_u, 0, last.width * sizeof(real))
        if v == NULL:
            delta_u[first + b % times] = 1
        else:
            memcpy(delta_u, v + b * last.n_out, last.n_out * sizeof(real))
        times_output_derivative(last.activation, last.a_bu + b * last.ld, slopes_of(last, b),
                                delta_u, last.n_out, last.width)
        delta_u += last.ld


cdef inline void add_squares(
    const real *w_iu, Py_ssize_t w_ld, const real *delta_u, real *x_i, Py_ssize_t squares, int n
) noexcept nogil:
    """Add n units' part to the sums of LANES inputs in each square."""
    cdef vreal delta[LANES]
    cdef vreal w_ui[LANES]
    cdef vreal total
    cdef Py_ssize_t _s
    cdef int k
    for k in range(LANES):
        delta[k] = v_splat(delta_u[k] if k < n else 0)
    for _s in range(squares):
        for k in range(LANES):
            w_ui[k] = v_load(w_iu + k * w_ld)
        v_transpose(w_ui)
        total = v_load(x_i)
        for k in range(LANES):
            if k < n:
                total = total + delta[k] * w_ui[k]
        v_store(x_i, total)
        w_iu += LANES * w_ld
        x_i += LANES


cdef inline void write_one_row(const Layer *layer, real *out) noexcept nogil:
    """Write dC/dx of one row: squares of the weights are transposed in registers.

    Each sum runs over the units in order. n_in is at least LANES; the last square may overlap.
    """
    cdef real x_i[SQUARES * LANES]
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t u, squares
    cdef const real *w_iu
    while first < layer.n_in:
        squares = min((layer.n_in - first) // LANES, <Py_ssize_t> SQUARES)
        if squares == 0:
            first = layer.n_in - LANES
            squares = 1
        memset(x_i, 0, squares * LANES * sizeof(real))
        w_iu = layer.w_iu + first * layer.w_ld
        u = 0
        while u + LANES <= layer.n_out:
            add_squares(w_iu + u, layer.w_ld, layer.delta_bu + u, x_i, squares, LANES)
            u += LANES
        if u < layer.n_out:
            add_squares(w_iu + u, layer.w_ld, layer.delta_bu + u, x_i, squares,
                        <int> (layer.n_out - u))
        memcpy(out + first, x_i, squares * LANES * sizeof(real))
        first += squares * LANES


cdef inline void write_input_errors(
    Net *net, Py_ssize_t count, real *out, Py_ssize_t room
) noexcept nogil:
    """Write dC/dx, one row for each of the `count` rows of the first layer's delta_bu.

    Transposes the weights, or errors and results, whichever is less work: each sum runs over the
    units in the same order. Overwrites w_ui and batch.room.
    """
    cdef Layer *layer = &net.shape.layers[0]
    cdef Py_ssize_t width = (count + LANES - 1) // LANES * LANES
    cdef real *x_bi = net.batch.room
    cdef Operands p
    if count == 1 and layer.n_in >= LANES:
        write_one_row(layer, out)
        return
    if count > layer.n_out or width > min(net.shape.capacity, layer.ld_in):
        transpose(layer, 0, layer.n_in)
        propagate_errors(net, layer, count, x_bi, 0, (layer.n_in + LANES - 1) // LANES * LANES)
        copy_rows(x_bi, layer.ld_in, layer.n_in, count, out, room)
        return
    transpose_panel(layer.delta_bu, layer.ld, layer.w_ui, width, 0, count, layer.n_out)
    p.a = layer.w_iu
    p.a_m = layer.w_ld
    p.a_k = 1
    p.b = layer.w_ui
    p.b_k = width
    p.c_in = x_bi
    p.c_in_m = width
    p.c = x_bi
    p.c_m = width
    p.k = layer.n_out
    p.beta = 0
    p.rectify = False
    p.panel = net.thread.panel
    net.thread.product(&p, 0, layer.n_in, 0, width)
    transpose_panel(x_bi, width, out, layer.n_in, 0, layer.n_in, count)
