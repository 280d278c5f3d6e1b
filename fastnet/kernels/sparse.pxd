# cython: language_level=3
"""The first layer on rows whose zeros are left out: cols[j] and values[j] are the non-zero inputs.

The sums over inputs run in the same order as in the dense product, from the bias on, and a zero
adds nothing, so that both give the same bits; unless decay is outstanding, for which the weights'
sum must be multiplied before the bias is added.

Inputs are taken a block at a time, for all of the mini-batch's examples: the block's weights then
come from the second-level cache once a mini-batch, where they would come once an example.
"""
from libc.stdint cimport uint16_t

from fastnet.kernels.simd cimport (
    GROUP_VECTORS, LANES, WITH_LITERAL, address, real, v_load, v_splat, v_store, vreal,
)

cdef enum:
    MOST_COLUMNS = 65536  # that 16 bits can number

cdef struct SparseRow:
    const uint16_t *cols
    const real *values
    const uint16_t *marks  # the non-zeros up to every mark; what is one block needs none
    Py_ssize_t count


cdef struct SparseBatch:
    SparseRow *rows
    real *values  # room for the values of a row each, where they must be converted
    Py_ssize_t most_columns  # in a block whose weights are to stay in the first-level cache
    Py_ssize_t marks_per_block
    Py_ssize_t blocks  # of the batch at hand: one where a block would not be used again


cdef inline void cut_blocks(
    SparseBatch *batch, Py_ssize_t count, Py_ssize_t n_marks, Py_ssize_t columns_per_mark
) noexcept nogil:
    """Decide how many columns are a block: as many as may be, from one mark to another."""
    batch.marks_per_block = max(batch.most_columns // columns_per_mark, 1)
    batch.blocks = n_marks // batch.marks_per_block + 1 if count > 2 else 1


cdef inline Py_ssize_t end_of_block(
    const SparseBatch *batch, const SparseRow *row, Py_ssize_t k
) noexcept nogil:
    """The first of the row's non-zeros that lies behind block k."""
    if k == batch.blocks - 1:
        return row.count
    return row.marks[(k + 1) * batch.marks_per_block - 1]


# Some columns of the first layer, in whole vectors, of a mini-batch.
cdef struct SparseTile:
    const SparseBatch *batch
    Py_ssize_t count
    real *w_iu
    Py_ssize_t w_ld
    const real *b_u
    real scale
    real *z_bu
    Py_ssize_t ld
    const real *delta_bu
    real factor


cdef inline void forward_tile(const void *p, int vectors) noexcept nogil:
    """z_bu = b + scale * (x w), the sums resting in z meanwhile; `vectors` is a literal."""
    cdef const SparseTile *tile = <const SparseTile *> p
    cdef const SparseBatch *batch = tile.batch
    cdef real scale = tile.scale
    cdef vreal sums[GROUP_VECTORS]
    cdef vreal x
    cdef const SparseRow *row
    cdef const uint16_t *cols
    cdef const real *values
    cdef const real *w
    cdef real *z_u
    cdef Py_ssize_t k, b, j, end
    cdef int v
    for k in range(batch.blocks):
        for b in range(tile.count):
            row = &batch.rows[b]
            cols = row.cols
            values = row.values
            end = end_of_block(batch, row, k)
            z_u = tile.z_bu + b * tile.ld
            for v in range(vectors):
                if k > 0:
                    sums[v] = v_load(z_u + v * LANES)
                else:
                    sums[v] = v_load(tile.b_u + v * LANES) if scale == 1 else v_splat(0)
            for j in range(end_of_block(batch, row, k - 1) if k > 0 else 0, end):
                x = v_splat(values[j])
                w = address(tile.w_iu + cols[j] * tile.w_ld)
                for v in range(vectors):
                    sums[v] = sums[v] + x * v_load(w + v * LANES)
            for v in range(vectors):
                if scale != 1 and k == batch.blocks - 1:
                    sums[v] = v_load(tile.b_u + v * LANES) + v_splat(scale) * sums[v]
                v_store(z_u + v * LANES, sums[v])


cdef inline int next_tile(Py_ssize_t left) noexcept nogil:
    """Vectors of the next tile of columns: alike, for a narrow one is walked for little."""
    cdef Py_ssize_t tiles = (left + GROUP_VECTORS - 1) // GROUP_VECTORS
    return <int> ((left + tiles - 1) // tiles)


cdef inline void sparse_forward(
    const SparseBatch *batch, Py_ssize_t count, const real *w_iu, Py_ssize_t w_ld,
    const real *b_u, real scale, real *z_bu, Py_ssize_t ld, Py_ssize_t n_end,
) noexcept nogil:
    """Overwrite columns 0 .. n_end, whole vectors, of z_bu by b_u + scale * sum_i x_i w_iu."""
    cdef SparseTile tile
    cdef Py_ssize_t n = 0
    cdef int vectors
    while n < n_end:
        vectors = next_tile((n_end - n) // LANES)
        tile.batch = batch
        tile.count = count
        tile.w_iu = <real *> w_iu + n
        tile.w_ld = w_ld
        tile.b_u = b_u + n
        tile.scale = scale
        tile.z_bu = z_bu + n
        tile.ld = ld
        WITH_LITERAL(forward_tile, &tile, vectors, GROUP_VECTORS)
        n += vectors * LANES


cdef inline void update_tile(const void *p, int vectors) noexcept nogil:
    """w_iu += factor * sum_b x_bi delta_bu; `vectors` is a literal."""
    cdef const SparseTile *tile = <const SparseTile *> p
    cdef const SparseBatch *batch = tile.batch
    cdef vreal step[GROUP_VECTORS]
    cdef vreal x
    cdef const SparseRow *row
    cdef const uint16_t *cols  # beside the row: what is stored might be taken for the row itself
    cdef const real *values
    cdef real *w_iu = tile.w_iu
    cdef Py_ssize_t w_ld = tile.w_ld
    cdef real *w
    cdef Py_ssize_t k, b, j, end
    cdef int v
    for k in range(batch.blocks):
        for b in range(tile.count):
            row = &batch.rows[b]
            cols = row.cols
            values = row.values
            end = end_of_block(batch, row, k)
            for v in range(vectors):
                step[v] = v_splat(tile.factor) * v_load(tile.delta_bu + b * tile.ld + v * LANES)
            for j in range(end_of_block(batch, row, k - 1) if k > 0 else 0, end):
                x = v_splat(values[j])
                w = address(w_iu + cols[j] * w_ld)
                for v in range(vectors):
                    v_store(w + v * LANES, v_load(w + v * LANES) + x * step[v])


cdef inline void sparse_update(
    const SparseBatch *batch, Py_ssize_t count, const real *delta_bu, Py_ssize_t ld, real factor,
    real *w_iu, Py_ssize_t w_ld, Py_ssize_t n_end,
) noexcept nogil:
    """Add factor * sum over the batch of x_bi delta_bu to columns 0 .. n_end of w_iu."""
    cdef SparseTile tile
    cdef Py_ssize_t n = 0
    cdef int vectors
    while n < n_end:
        vectors = next_tile((n_end - n) // LANES)
        tile.batch = batch
        tile.count = count
        tile.delta_bu = delta_bu + n
        tile.ld = ld
        tile.factor = factor
        tile.w_iu = w_iu + n
        tile.w_ld = w_ld
        WITH_LITERAL(update_tile, &tile, vectors, GROUP_VECTORS)
        n += vectors * LANES
