# cython: language_level=3
"""The first layer on rows whose zeros are left out: cols[j] and values[j] are the non-zero inputs.

The sums over inputs run in the same order as in the dense product, and a zero adds nothing, so
that both give the same numbers.
"""
from libc.stdint cimport uint16_t

from fastnet.kernels.simd cimport LANES, TILE_VECTORS, real, v_load, v_splat, v_store, vreal

ctypedef fused stored:
    float
    double


cdef struct SparseRow:
    const uint16_t *cols
    const void *values
    Py_ssize_t count
    bint single  # values are floats, else doubles


cdef inline void forward_tile(
    const uint16_t *cols, const stored *values, Py_ssize_t count, const real *w_iu, Py_ssize_t w_ld,
    const real *b_u, real scale, real *z_u, int vectors,
) noexcept nogil:
    cdef vreal sums[TILE_VECTORS]
    cdef vreal x
    cdef const real *w
    cdef Py_ssize_t j
    cdef int v
    for v in range(vectors):
        sums[v] = v_splat(0)
    for j in range(count):
        x = v_splat(<real> values[j])
        w = w_iu + cols[j] * w_ld
        for v in range(vectors):
            sums[v] = sums[v] + x * v_load(w + v * LANES)
    for v in range(vectors):
        v_store(z_u + v * LANES, v_load(b_u + v * LANES) + v_splat(scale) * sums[v])


cdef inline void forward_row(
    const uint16_t *cols, const stored *values, Py_ssize_t count, const real *w_iu, Py_ssize_t w_ld,
    const real *b_u, real scale, real *z_u, Py_ssize_t ld,
) noexcept nogil:
    cdef Py_ssize_t n = 0
    while n + 4 * LANES <= ld:
        forward_tile(cols, values, count, w_iu + n, w_ld, b_u + n, scale, z_u + n, 4)
        n += 4 * LANES
    while n + 2 * LANES <= ld:
        forward_tile(cols, values, count, w_iu + n, w_ld, b_u + n, scale, z_u + n, 2)
        n += 2 * LANES
    while n < ld:
        forward_tile(cols, values, count, w_iu + n, w_ld, b_u + n, scale, z_u + n, 1)
        n += LANES


cdef inline void update_tile(
    const uint16_t *cols, const stored *values, Py_ssize_t count, const real *delta_u, real factor,
    real *w_iu, Py_ssize_t ld, int vectors,
) noexcept nogil:
    cdef vreal step[TILE_VECTORS]
    cdef vreal x
    cdef real *w
    cdef Py_ssize_t j
    cdef int v
    for v in range(vectors):
        step[v] = v_splat(factor) * v_load(delta_u + v * LANES)
    for j in range(count):
        x = v_splat(<real> values[j])
        w = w_iu + cols[j] * ld
        for v in range(vectors):
            v_store(w + v * LANES, v_load(w + v * LANES) + x * step[v])


cdef inline void update_row(
    const uint16_t *cols, const stored *values, Py_ssize_t count, const real *delta_u, real factor,
    real *w_iu, Py_ssize_t ld,
) noexcept nogil:
    cdef Py_ssize_t n = 0
    while n + 4 * LANES <= ld:
        update_tile(cols, values, count, delta_u + n, factor, w_iu + n, ld, 4)
        n += 4 * LANES
    while n + 2 * LANES <= ld:
        update_tile(cols, values, count, delta_u + n, factor, w_iu + n, ld, 2)
        n += 2 * LANES
    while n < ld:
        update_tile(cols, values, count, delta_u + n, factor, w_iu + n, ld, 1)
        n += LANES


cdef inline void sparse_forward(
    const SparseRow *x, const real *w_iu, Py_ssize_t w_ld, const real *b_u, real scale, real *z_u,
    Py_ssize_t ld,
) noexcept nogil:
    """z_u = b_u + scale * sum over inputs of x_i w_iu, for one example."""
    if x.single:
        forward_row(x.cols, <const float *> x.values, x.count, w_iu, w_ld, b_u, scale, z_u, ld)
    else:
        forward_row(x.cols, <const double *> x.values, x.count, w_iu, w_ld, b_u, scale, z_u, ld)


cdef inline void sparse_update(
    const SparseRow *x, const real *delta_u, real factor, real *w_iu, Py_ssize_t ld
) noexcept nogil:
    """w_iu += factor * x_i delta_u, for one example."""
    if x.single:
        update_row(x.cols, <const float *> x.values, x.count, delta_u, factor, w_iu, ld)
    else:
        update_row(x.cols, <const double *> x.values, x.count, delta_u, factor, w_iu, ld)
