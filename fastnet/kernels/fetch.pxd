# cython: language_level=3
"""Examples into the workspace: dense rows are copied, sparse ones are pointed at."""
from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memset

from fastnet.kernels.examples cimport (
    SPARSE_DOUBLE, SPARSE_FLOAT, STRIDED_DOUBLE, STRIDED_FLOAT, Rows,
)
from fastnet.kernels.passes cimport Net
from fastnet.kernels.simd cimport LANES, prefetch_read, real, v_load, v_splat, v_sum, vreal
from fastnet.kernels.sparse cimport SparseRow


cdef inline bint is_sparse(Rows rows) noexcept nogil:
    return rows.storage == SPARSE_FLOAT or rows.storage == SPARSE_DOUBLE


cdef inline void point(Rows rows, Py_ssize_t row, SparseRow *sparse) noexcept nogil:
    cdef Py_ssize_t first = rows.starts[row]
    sparse.count = rows.starts[row + 1] - first
    sparse.cols = rows.cols + first
    sparse.single = rows.storage == SPARSE_FLOAT
    if sparse.single:
        sparse.values = <const float *> rows.values + first
    else:
        sparse.values = <const double *> rows.values + first


cdef inline void spread(Rows rows, Py_ssize_t row, real *x_i) noexcept nogil:
    """A sparse row with its zeros."""
    cdef Py_ssize_t j
    memset(x_i, 0, rows.n_in * sizeof(real))
    for j in range(rows.starts[row], rows.starts[row + 1]):
        if rows.storage == SPARSE_FLOAT:
            x_i[rows.cols[j]] = (<const float *> rows.values)[j]
        else:
            x_i[rows.cols[j]] = <real> (<const double *> rows.values)[j]


cdef inline void gather(Rows rows, Py_ssize_t row, real *x_i) noexcept nogil:
    """A strided row; the loops with a fixed stride are there to be vectorised."""
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


cdef inline void fetch(
    Net *net, Rows rows, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    """Make rows order[:count] the batch at hand. Dropout of inputs wants them dense."""
    cdef Py_ssize_t b
    cdef real *x_i
    net.sparse = is_sparse(rows) and not (net.training and net.x_mask_bi != NULL)
    for b in range(count):
        x_i = net.x_bi + b * net.layers[0].ld_in
        if net.sparse:
            point(rows, order[b], &net.sparse_b[b])
        elif is_sparse(rows):
            spread(rows, order[b], x_i)
        else:
            gather(rows, order[b], x_i)


cdef inline bint is_finite(const real *x, Py_ssize_t n) noexcept nogil:
    """Whether n elements, whole rows of PAD, are: zero times anything else is NaN."""
    cdef vreal total = v_splat(0)
    cdef Py_ssize_t v
    for v in range(n // LANES):
        total = total + v_splat(0) * v_load(x + v * LANES)
    return v_sum(total) == 0


cdef inline void compress(Net *net) noexcept nogil:
    """Point sparse_b[0] at the non-zeros of the row in x_bi."""
    cdef SparseRow *row = &net.sparse_b[0]
    cdef Py_ssize_t i
    cdef Py_ssize_t j = 0
    for i in range(net.layers[0].n_in):
        # Written always and kept only if the cursor moves: no branch to mispredict. The cursor
        # cannot leave the array, for it never overtakes i.
        net.cols[j] = <uint16_t> i
        net.values[j] = net.x_bi[i]
        j += net.x_bi[i] != 0
    row.cols = net.cols
    row.values = net.values
    row.count = j
    row.single = sizeof(real) == sizeof(float)


cdef inline void announce(Rows rows, const Py_ssize_t *order, Py_ssize_t count) noexcept nogil:
    """Ask the caches for sparse rows that will soon be the batch at hand; they lie anywhere."""
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
