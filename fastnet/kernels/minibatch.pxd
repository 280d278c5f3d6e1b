# cython: language_level=3
"""Fetching examples into the workspace: dense rows are copied, sparse rows are pointed to."""
from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.string cimport memset

from fastnet.kernels.backprop cimport Net
from fastnet.kernels.simd cimport LANES, prefetch_read, real, v_load, v_splat, v_sum, vreal
from fastnet.kernels.sparse cimport SparseBatch, SparseRow, cut_blocks
from fastnet.kernels.storage cimport (
    SPARSE_DOUBLE, SPARSE_FLOAT, STRIDED_DOUBLE, STRIDED_FLOAT, Storage,
)

# The contents of Rows, for threads without Python.
cdef struct Inputs:
    Py_ssize_t n_in
    Storage storage
    const char *data
    Py_ssize_t row_stride
    Py_ssize_t col_stride
    const int64_t *starts
    const uint16_t *cols
    const void *values
    const uint16_t *marks
    Py_ssize_t n_marks
    Py_ssize_t columns_per_mark


cdef inline bint is_sparse(const Inputs *rows) noexcept nogil:
    """Return whether only non-zeros are stored."""
    return rows.storage == SPARSE_FLOAT or rows.storage == SPARSE_DOUBLE


cdef inline double density_of(const Inputs *rows, Py_ssize_t n) noexcept nogil:
    """Return the share of the elements of n rows that kernels process."""
    if not is_sparse(rows):
        return 1
    return rows.starts[n] / (<double> n * rows.n_in)


cdef inline void point(
    const Inputs *rows, Py_ssize_t row, SparseRow *sparse, real *room
) noexcept nogil:
    """Point to a sparse row; values of the network's type are read in place, others converted."""
    cdef Py_ssize_t first = rows.starts[row]
    cdef Py_ssize_t j
    sparse.count = rows.starts[row + 1] - first
    sparse.cols = rows.cols + first
    sparse.marks = rows.marks + row * rows.n_marks
    sparse.values = room
    if rows.storage == SPARSE_FLOAT:
        if sizeof(real) == sizeof(float):
            sparse.values = <const real *> (<const float *> rows.values + first)
            return
        for j in range(sparse.count):
            room[j] = (<const float *> rows.values + first)[j]
    else:
        if sizeof(real) == sizeof(double):
            sparse.values = <const real *> (<const double *> rows.values + first)
            return
        for j in range(sparse.count):
            room[j] = <real> (<const double *> rows.values + first)[j]


cdef inline void spread(const Inputs *rows, Py_ssize_t row, real *x_i) noexcept nogil:
    """Write a sparse row with its zeros."""
    cdef Py_ssize_t j
    memset(x_i, 0, rows.n_in * sizeof(real))
    for j in range(rows.starts[row], rows.starts[row + 1]):
        if rows.storage == SPARSE_FLOAT:
            x_i[rows.cols[j]] = (<const float *> rows.values)[j]
        else:
            x_i[rows.cols[j]] = <real> (<const double *> rows.values)[j]


cdef inline void gather(const Inputs *rows, Py_ssize_t row, real *x_i) noexcept nogil:
    """Write a strided row; with a literal stride the compiler can vectorize the loops."""
    cdef const char *p = rows.data + row * rows.row_stride
    cdef Py_ssize_t stride = rows.col_stride
    cdef Py_ssize_t i
    if rows.storage == STRIDED_DOUBLE and stride == sizeof(double):
        for i in range(rows.n_in):
            x_i[i] = <real> (<const double *> p)[i]
    elif rows.storage == STRIDED_DOUBLE:
        for i in range(rows.n_in):
            x_i[i] = <real> (<const double *> (p + i * stride))[0]
    elif rows.storage == STRIDED_FLOAT and stride == sizeof(float):
        for i in range(rows.n_in):
            x_i[i] = (<const float *> p)[i]
    elif rows.storage == STRIDED_FLOAT:
        for i in range(rows.n_in):
            x_i[i] = (<const float *> (p + i * stride))[0]
    else:
        for i in range(rows.n_in):
            x_i[i] = (<const uint8_t *> (p + i * stride))[0]


cdef inline bint are_ready(
    const Inputs *rows, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    """Return whether the rows can be used in place: of the network's type, and consecutive."""
    cdef Py_ssize_t b
    if rows.storage != (STRIDED_DOUBLE if sizeof(real) == sizeof(double) else STRIDED_FLOAT):
        return False
    if rows.col_stride != sizeof(real) or rows.row_stride % <Py_ssize_t> sizeof(real) != 0:
        return False
    if order != NULL:
        for b in range(1, count):
            if order[b] != order[0] + b:
                return False
    return True


cdef inline bint are_finite(const Net *net, Py_ssize_t count) noexcept nogil:
    """Return whether all elements of the current dense batch are finite."""
    cdef Py_ssize_t b
    for b in range(count):
        if not is_finite(net.batch.x_bi + b * net.batch.x_ld, net.shape.layers[0].n_in):
            return False
    return True


cdef inline void fetch(
    Net *net, const Inputs *rows, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    """Make rows order[:count] the current batch; if `order` is NULL, the first `count` dense rows.

    Dropout of inputs needs a dense copy.

    Reads the rows; overwrites the batch's pointers and, unless rows are used in place, the room for
    dense rows or sparse values.
    """
    cdef SparseBatch *sparse = &net.batch.sparse
    cdef Py_ssize_t ld = net.shape.layers[0].ld_in
    cdef Py_ssize_t first = order[0] if order != NULL else 0
    cdef Py_ssize_t b
    cdef real *x_i
    cdef bint dropping = net.counters.training and net.batch.x_mask_bi != NULL
    net.batch.is_sparse = is_sparse(rows) and not dropping
    if not dropping and are_ready(rows, order, count):
        net.batch.x_bi = <const real *> (rows.data + first * rows.row_stride)
        net.batch.x_ld = rows.row_stride // <Py_ssize_t> sizeof(real)
        return
    net.batch.x_bi = net.batch.room
    net.batch.x_ld = ld
    for b in range(count):
        x_i = net.batch.room + b * ld
        if net.batch.is_sparse:
            point(rows, order[b], &sparse.rows[b], sparse.values + b * ld)
        elif is_sparse(rows):
            spread(rows, order[b], x_i)
        else:
            gather(rows, order[b] if order != NULL else b, x_i)
    if net.batch.is_sparse:
        cut_blocks(&net.batch.sparse, count, rows.n_marks, rows.columns_per_mark)


cdef inline bint is_finite(const real *x, Py_ssize_t n) noexcept nogil:
    """Return whether n elements are finite: zero times infinity or NaN is NaN."""
    cdef vreal totals[4]
    cdef real rest = 0
    cdef Py_ssize_t i = 0
    cdef int v
    for v in range(4):
        totals[v] = v_splat(0)
    while i + 4 * LANES <= n:
        for v in range(4):
            totals[v] = totals[v] + v_splat(0) * v_load(x + i + v * LANES)
        i += 4 * LANES
    while i + LANES <= n:
        totals[0] = totals[0] + v_splat(0) * v_load(x + i)
        i += LANES
    for i in range(i, n):
        rest += 0 * x[i]
    return v_sum((totals[0] + totals[1]) + (totals[2] + totals[3])) + rest == 0


cdef inline void prefetch_rows(
    const Inputs *rows, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    """Prefetch sparse rows of the next batch, which may be anywhere in memory."""
    cdef Py_ssize_t b, j, first, n
    cdef Py_ssize_t size = sizeof(float) if rows.storage == SPARSE_FLOAT else sizeof(double)
    if not is_sparse(rows):
        return
    for b in range(count):
        first = rows.starts[order[b]]
        n = rows.starts[order[b] + 1] - first
        for j in range(n * 2 // 64 + 1):
            prefetch_read(<const char *> (rows.cols + first) + 64 * j)
        for j in range(n * size // 64 + 1):
            prefetch_read(<const char *> rows.values + size * first + 64 * j)
