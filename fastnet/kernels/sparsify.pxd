# cython: language_level=3
"""The non-zeros of a dense batch, for rows that are read once, in prediction.

For training, which reads rows often, the non-zeros are stored beforehand (see rows.pyx).
"""
from libc.stdint cimport uint16_t

from fastnet.kernels.backprop cimport Net
from fastnet.kernels.simd cimport KEEPS_VECTORS, LANES, real, v_keep
from fastnet.kernels.sparse cimport MOST_COLUMNS, SparseBatch, SparseRow, cut_blocks

cdef enum:
    SAMPLE_ROWS = 8


cdef inline double worthwhile_density(Py_ssize_t width) noexcept nogil:
    """Return the largest share of non-zeros at which skipping zeros is at least a fifth faster.

    As measured: for each non-zero input and vector of the layer's `width`, the sparse product takes
    1.7 times as long as the dense one, because weights are loaded from the cache for every example.
    Finding the non-zeros takes as long as 11 units of the layer, or, without an instruction for it,
    4.5 cycles per input, where the dense product takes half a cycle per vector.
    """
    if KEEPS_VECTORS:
        return 0.47 - 6.5 / width
    return (0.4 - 4.5 * LANES / width) / 1.5


cdef inline bint is_better_sparse(const Net *net, Py_ssize_t count) noexcept nogil:
    """Return whether the sparse kernel is faster for the current dense batch, by a few of its rows.

    It always is for one example, for which it has more independent sums.
    """
    cdef Py_ssize_t n_in = net.shape.layers[0].n_in
    cdef Py_ssize_t rows = min(count, <Py_ssize_t> SAMPLE_ROWS)
    cdef double most = worthwhile_density(net.shape.layers[0].width) * rows * n_in
    cdef const real *x
    cdef int found = 0  # as narrow as an element, so that vectors of elements are counted
    cdef Py_ssize_t i, k
    if n_in > MOST_COLUMNS:
        return False
    if count == 1:
        return True
    for k in range(rows):
        if found > most:  # the other rows cannot change that
            return False
        x = net.batch.x_bi + (count * k // rows) * net.batch.x_ld
        for i in range(n_in):
            found += x[i] != 0
    return found <= most


cdef inline Py_ssize_t keep(
    const real *x, Py_ssize_t col, Py_ssize_t end, uint16_t *cols, real *values, Py_ssize_t j
) noexcept nogil:
    """Append the non-zeros of columns col .. end to the first j; return their new number.

    The cursor j cannot leave the arrays, because it never overtakes the input.
    """
    cdef Py_ssize_t i
    if KEEPS_VECTORS:
        while col + LANES <= end:
            j += v_keep(x + col, <int> col, cols + j, values + j)
            col += LANES
    while col + 8 <= end:
        # Eight elements at a time, which are mostly all zero or all non-zero.
        if not (
            (x[col] == 0) & (x[col + 1] == 0) & (x[col + 2] == 0) & (x[col + 3] == 0)
            & (x[col + 4] == 0) & (x[col + 5] == 0) & (x[col + 6] == 0) & (x[col + 7] == 0)
        ):
            for i in range(col, col + 8):
                # Written always and kept only if the cursor moves: no branch to mispredict.
                cols[j] = <uint16_t> i
                values[j] = x[i]
                j += x[i] != 0
        col += 8
    for i in range(col, end):
        cols[j] = <uint16_t> i
        values[j] = x[i]
        j += x[i] != 0
    return j


cdef inline void compress(Net *net, Py_ssize_t count) noexcept nogil:
    """Replace the current dense batch by its non-zeros, which give the same bits."""
    cdef SparseBatch *batch = &net.batch.sparse
    cdef SparseRow *row
    cdef const real *x = net.batch.x_bi
    cdef uint16_t *cols = net.batch.cols
    cdef uint16_t *marks = net.batch.marks
    cdef real *values = batch.values
    cdef Py_ssize_t n_in = net.shape.layers[0].n_in
    cdef Py_ssize_t stretch = batch.most_columns
    cdef Py_ssize_t n_marks = (n_in - 1) // stretch
    cdef Py_ssize_t b, m, j
    for b in range(count):
        row = &batch.rows[b]
        row.cols = cols
        row.values = values
        row.marks = marks
        j = 0
        for m in range(n_marks):
            j = keep(x, m * stretch, (m + 1) * stretch, cols, values, j)
            marks[m] = <uint16_t> j
        row.count = keep(x, n_marks * stretch, n_in, cols, values, j)
        x += net.batch.x_ld
        cols += net.shape.layers[0].ld_in
        values += net.shape.layers[0].ld_in
        marks += n_marks
    cut_blocks(batch, count, n_marks, stretch)
    net.batch.is_sparse = True
