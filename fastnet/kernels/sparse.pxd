# cython: language_level=3
"""The first layer on rows whose zeros are left out: cols[j] and values[j] are the non-zero inputs.

The sums over inputs run in the same order as in the dense product, from the bias on, and a zero
adds nothing, so that both give the same bits; unless decay is outstanding, for which the weights'
sum must be multiplied before the bias is added.

Inputs are taken a block at a time, for all of the mini-batch's examples: the block's weights then
come from the second-level cache once a mini-batch, where they would come once an example.
"""
from libc.stdint cimport uint16_t, uint32_t

from fastnet.kernels.simd cimport (
    GROUP_VECTORS, LANES, address, real, v_load, v_splat, v_store, vreal,
)


cdef struct SparseRow:
    const uint16_t *cols
    const real *values
    Py_ssize_t count


cdef struct SparseBatch:
    SparseRow *rows
    real *values  # room for the values of a row each, where they must be converted
    uint32_t *stops  # (capacity, most_blocks): the non-zeros of each row up to each block's end
    Py_ssize_t block  # columns in a block
    Py_ssize_t most_blocks
    Py_ssize_t blocks  # of the batch at hand: one where a block would not be used again


cdef inline void cut_blocks(SparseBatch *batch, Py_ssize_t count) noexcept nogil:
    """Find where in each row every block of columns ends."""
    cdef const uint16_t *cols
    cdef uint32_t *stops
    cdef Py_ssize_t b, k, j, n, end
    batch.blocks = batch.most_blocks if count > 2 else 1
    for b in range(count):
        cols = batch.rows[b].cols
        n = batch.rows[b].count
        stops = batch.stops + b * batch.most_blocks
        j = 0
        for k in range(batch.blocks - 1):
            end = (k + 1) * batch.block
            while j < n and cols[j] < end:
                j += 1
            stops[k] = <uint32_t> j
        stops[batch.blocks - 1] = <uint32_t> n


cdef inline void forward_tile(
    const SparseBatch *batch, Py_ssize_t count, const real *w_iu, Py_ssize_t w_ld,
    const real *b_u, real scale, real *z_bu, Py_ssize_t ld, int vectors,
) noexcept nogil:
    """Columns 0 .. vectors * LANES of z = b + scale * (x w), the sums resting in z meanwhile."""
    cdef vreal sums[GROUP_VECTORS]
    cdef vreal x
    cdef const SparseRow *row
    cdef const uint32_t *stops
    cdef const real *w
    cdef real *z_u
    cdef Py_ssize_t k, b, j
    cdef int v
    for k in range(batch.blocks):
        for b in range(count):
            row = &batch.rows[b]
            stops = batch.stops + b * batch.most_blocks
            z_u = z_bu + b * ld
            for v in range(vectors):
                if k > 0:
                    sums[v] = v_load(z_u + v * LANES)
                else:
                    sums[v] = v_load(b_u + v * LANES) if scale == 1 else v_splat(0)
            for j in range(stops[k - 1] if k > 0 else 0, stops[k]):
                x = v_splat(row.values[j])
                w = address(w_iu + row.cols[j] * w_ld)
                for v in range(vectors):
                    sums[v] = sums[v] + x * v_load(w + v * LANES)
            for v in range(vectors):
                if scale != 1 and k == batch.blocks - 1:
                    sums[v] = v_load(b_u + v * LANES) + v_splat(scale) * sums[v]
                v_store(z_u + v * LANES, sums[v])


cdef inline void sparse_forward(
    const SparseBatch *batch, Py_ssize_t count, const real *w_iu, Py_ssize_t w_ld,
    const real *b_u, real scale, real *z_bu, Py_ssize_t ld, Py_ssize_t n_end,
) noexcept nogil:
    """Columns 0 .. n_end, whole vectors, of z_bu = b_u + scale * sum over inputs of x_i w_iu."""
    cdef Py_ssize_t n = 0
    while n + 8 * LANES <= n_end:
        forward_tile(batch, count, w_iu + n, w_ld, b_u + n, scale, z_bu + n, ld, 8)
        n += 8 * LANES
    while n + 4 * LANES <= n_end:
        forward_tile(batch, count, w_iu + n, w_ld, b_u + n, scale, z_bu + n, ld, 4)
        n += 4 * LANES
    while n + 2 * LANES <= n_end:
        forward_tile(batch, count, w_iu + n, w_ld, b_u + n, scale, z_bu + n, ld, 2)
        n += 2 * LANES
    while n < n_end:
        forward_tile(batch, count, w_iu + n, w_ld, b_u + n, scale, z_bu + n, ld, 1)
        n += LANES


cdef inline void update_tile(
    const SparseBatch *batch, Py_ssize_t count, const real *delta_bu, Py_ssize_t ld, real factor,
    real *w_iu, Py_ssize_t w_ld, int vectors,
) noexcept nogil:
    cdef vreal step[GROUP_VECTORS]
    cdef vreal x
    cdef const SparseRow *row
    cdef const uint32_t *stops
    cdef real *w
    cdef Py_ssize_t k, b, j
    cdef int v
    for k in range(batch.blocks):
        for b in range(count):
            row = &batch.rows[b]
            stops = batch.stops + b * batch.most_blocks
            for v in range(vectors):
                step[v] = v_splat(factor) * v_load(delta_bu + b * ld + v * LANES)
            for j in range(stops[k - 1] if k > 0 else 0, stops[k]):
                x = v_splat(row.values[j])
                w = address(w_iu + row.cols[j] * w_ld)
                for v in range(vectors):
                    v_store(w + v * LANES, v_load(w + v * LANES) + x * step[v])


cdef inline void sparse_update(
    const SparseBatch *batch, Py_ssize_t count, const real *delta_bu, Py_ssize_t ld, real factor,
    real *w_iu, Py_ssize_t w_ld, Py_ssize_t n_end,
) noexcept nogil:
    """Columns 0 .. n_end of w_iu += factor * sum over the batch of x_bi delta_bu."""
    cdef Py_ssize_t n = 0
    while n + 8 * LANES <= n_end:
        update_tile(batch, count, delta_bu + n, ld, factor, w_iu + n, w_ld, 8)
        n += 8 * LANES
    while n + 4 * LANES <= n_end:
        update_tile(batch, count, delta_bu + n, ld, factor, w_iu + n, w_ld, 4)
        n += 4 * LANES
    while n + 2 * LANES <= n_end:
        update_tile(batch, count, delta_bu + n, ld, factor, w_iu + n, w_ld, 2)
        n += 2 * LANES
    while n < n_end:
        update_tile(batch, count, delta_bu + n, ld, factor, w_iu + n, w_ld, 1)
        n += LANES
