# cython: language_level=3
"""The first layer on sparse rows: cols[j] and values[j] are the non-zero inputs.

The sums over inputs run in the same order as in the dense product, beginning with the bias, and a
zero adds nothing, so that both give the same bits. The exception is pending decay, by which the
weights' sum is multiplied before the bias is added.

Inputs are processed in blocks, each for all examples of the mini-batch: the block's weights are
then loaded from the second-level cache once per mini-batch instead of once per example.
"""
from libc.stdint cimport uint16_t

from fastnet.kernels.simd cimport (
    GROUP_VECTORS, LANES, WIDE_GROUP, address, real, v_load, v_splat, v_store, vreal,
)

cdef enum:
    MOST_COLUMNS = 65536  # limit of 16-bit column numbers

cdef struct SparseRow:
    const uint16_t *cols
    const real *values
    const uint16_t *marks  # number of non-zeros up to every mark; not needed for a single block
    Py_ssize_t count


cdef struct SparseBatch:
    SparseRow *rows
    real *values  # room for the values of all rows, if they must be converted
    Py_ssize_t most_columns  # of a block, so that its weights stay in the caches
    Py_ssize_t least_count  # number of examples from which on blocks are faster
    Py_ssize_t marks_per_block
    Py_ssize_t blocks  # number of blocks for the current batch; 1 for few examples


cdef inline void cut_blocks(
    SparseBatch *batch, Py_ssize_t count, Py_ssize_t n_marks, Py_ssize_t columns_per_mark
) noexcept nogil:
    """Choose the number of blocks: the largest blocks that are allowed, between marks."""
    batch.marks_per_block = max(batch.most_columns // columns_per_mark, 1)
    batch.blocks = n_marks // batch.marks_per_block + 1 if count >= batch.least_count else 1


cdef inline Py_ssize_t end_of_block(
    const SparseBatch *batch, const SparseRow *row, Py_ssize_t k
) noexcept nogil:
    """Return the first of the row's non-zeros after block k."""
    if k == batch.blocks - 1:
        return row.count
    return row.marks[(k + 1) * batch.marks_per_block - 1]


# The macro of simd.h, for two kinds of functions.
cdef extern from "simd.h" nogil:
    void with_forward "WITH_LITERAL" (
        void (*f)(
            const SparseBatch *, Py_ssize_t, const real *, Py_ssize_t, const real *, real, real *,
            Py_ssize_t, int,
        ) noexcept nogil,
        int vectors, int most, const SparseBatch *batch, Py_ssize_t count, const real *w_iu,
        Py_ssize_t w_ld, const real *b_u, real scale, real *z_bu, Py_ssize_t ld,
    )
    void with_update "WITH_LITERAL" (
        void (*f)(
            const SparseBatch *, Py_ssize_t, const real *, Py_ssize_t, real, real *, Py_ssize_t, int
        ) noexcept nogil,
        int vectors, int most, const SparseBatch *batch, Py_ssize_t count, const real *delta_bu,
        Py_ssize_t ld, real factor, real *w_iu, Py_ssize_t w_ld,
    )


cdef inline void forward_tile(
    const SparseBatch *batch, Py_ssize_t count, const real *w_iu, Py_ssize_t w_ld,
    const real *b_u, real scale, real *z_bu, Py_ssize_t ld, int vectors,
) noexcept nogil:
    """Compute columns 0 .. vectors * LANES of z = b + scale * (x w), with partial sums in z."""
    cdef vreal sums[WIDE_GROUP]
    cdef vreal x
    cdef const SparseRow *row
    cdef const uint16_t *cols
    cdef const real *values
    cdef const real *w
    cdef real *z_u
    cdef Py_ssize_t k, b, j, end
    cdef int v
    for k in range(batch.blocks):
        for b in range(count):
            row = &batch.rows[b]
            cols = row.cols
            values = row.values
            end = end_of_block(batch, row, k)
            z_u = z_bu + b * ld
            for v in range(vectors):
                if k > 0:
                    sums[v] = v_load(z_u + v * LANES)
                else:
                    sums[v] = v_load(b_u + v * LANES) if scale == 1 else v_splat(0)
            for j in range(end_of_block(batch, row, k - 1) if k > 0 else 0, end):
                x = v_splat(values[j])
                w = address(w_iu + cols[j] * w_ld)
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
    """Compute columns 0 .. n_end, whole vectors, of z_bu = b_u + scale * sum of x_i w_iu over i."""
    cdef Py_ssize_t n = 0
    cdef int vectors
    while n < n_end:
        vectors = next_tile((n_end - n) // LANES)
        with_forward(forward_tile, vectors, WIDE_GROUP, batch, count, w_iu + n, w_ld, b_u + n,
                     scale, z_bu + n, ld)
        n += vectors * LANES


cdef inline int next_tile(Py_ssize_t left) noexcept nogil:
    """Return the number of vectors of the next tile: similar for all, because narrow ones are slow.

    For 100 units, in floats of AVX2 or doubles of AVX-512, one tile fits into the registers.
    """
    cdef Py_ssize_t tiles = (left + GROUP_VECTORS - 1) // GROUP_VECTORS
    if left % WIDE_GROUP == 0:
        return WIDE_GROUP
    return <int> ((left + tiles - 1) // tiles)


cdef inline void update_tile(
    const SparseBatch *batch, Py_ssize_t count, const real *delta_bu, Py_ssize_t ld, real factor,
    real *w_iu, Py_ssize_t w_ld, int vectors,
) noexcept nogil:
    """Compute columns 0 .. vectors * LANES of `sparse_update`; overwrites w_iu."""
    cdef vreal step[WIDE_GROUP]
    cdef vreal x
    cdef const SparseRow *row
    cdef const uint16_t *cols  # local copies, because stores might alias the row
    cdef const real *values
    cdef real *w
    cdef Py_ssize_t k, b, j, end
    cdef int v
    for k in range(batch.blocks):
        for b in range(count):
            row = &batch.rows[b]
            cols = row.cols
            values = row.values
            end = end_of_block(batch, row, k)
            for v in range(vectors):
                step[v] = v_splat(factor) * v_load(delta_bu + b * ld + v * LANES)
            for j in range(end_of_block(batch, row, k - 1) if k > 0 else 0, end):
                x = v_splat(values[j])
                w = address(w_iu + cols[j] * w_ld)
                for v in range(vectors):
                    v_store(w + v * LANES, v_load(w + v * LANES) + x * step[v])


cdef inline void sparse_update(
    const SparseBatch *batch, Py_ssize_t count, const real *delta_bu, Py_ssize_t ld, real factor,
    real *w_iu, Py_ssize_t w_ld, Py_ssize_t n_end,
) noexcept nogil:
    """Compute columns 0 .. n_end of w_iu += factor * sum over the batch of x_bi delta_bu."""
    cdef Py_ssize_t n = 0
    cdef int vectors
    while n < n_end:
        vectors = next_tile((n_end - n) // LANES)
        with_update(update_tile, vectors, WIDE_GROUP, batch, count, delta_bu + n, ld, factor,
                    w_iu + n, w_ld)
        n += vectors * LANES
