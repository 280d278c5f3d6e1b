"""Rows of inputs and their targets, wrapped once so that kernels can walk them without Python.

Nothing here copies a dense X. `compress` writes the non-zero elements of an array that is mostly
zeros beside it, 6 or 10 bytes each; `from_csr` takes those of a matrix that is sparse already.
"""
cimport numpy as cnp
from libc.float cimport FLT_MAX
from libc.math cimport fabs
from libc.stdint cimport int32_t, int64_t, uint16_t, uint8_t

import numpy as np

cnp.import_array()

cdef fused element:
    double
    float
    uint8_t

cdef fused value:
    double
    float

_STORAGE = {"d": STRIDED_DOUBLE, "f": STRIDED_FLOAT, "B": STRIDED_BYTE}


cdef class Rows:
    """Examples in rows: a strided array of float64, float32 or uint8, or its non-zeros alone.

    Parameters
    ----------
    X : ndarray, shape (n, n_in)
        Native byte order, any strides; kept alive, never copied, never written to.
    """

    def __cinit__(self, cnp.ndarray X not None):
        if cnp.PyArray_NDIM(X) != 2 or X.dtype.char not in _STORAGE or not X.dtype.isnative:
            raise TypeError(
                f"rows of shape (n, n_in) in float64, float32 or uint8, not {X.dtype} {np.shape(X)}"
            )
        self.owner = X
        self.n = cnp.PyArray_DIM(X, 0)
        self.n_in = cnp.PyArray_DIM(X, 1)
        self.storage = _STORAGE[X.dtype.char]
        self.data = <const char *> cnp.PyArray_DATA(X)
        self.row_stride = cnp.PyArray_STRIDE(X, 0)
        self.col_stride = cnp.PyArray_STRIDE(X, 1)

    @property
    def is_sparse(self):
        """Whether only the non-zeros are held."""
        return self.storage in (SPARSE_DOUBLE, SPARSE_FLOAT)


cdef class Targets:
    """What the network should have answered: class numbers or rows of targets, maybe weighted.

    Parameters
    ----------
    labels : ndarray of int32, shape (n,), or None
    y : ndarray, C-contiguous, of the network's dtype, shape (n, n_out), or None
        One of the two is given.
    sample_weights : ndarray, C-contiguous, of the network's dtype, shape (n,), optional
    """

    def __cinit__(self, cnp.ndarray labels, cnp.ndarray y, cnp.ndarray sample_weights=None):
        self.owner = (labels, y, sample_weights)
        if labels is not None:
            if labels.dtype.char != "i" or not cnp.PyArray_IS_C_CONTIGUOUS(labels):
                raise TypeError("class numbers must be a contiguous int32 array")
            self.n = cnp.PyArray_DIM(labels, 0)
            self.labels = <const int32_t *> cnp.PyArray_DATA(labels)
        else:
            if not cnp.PyArray_IS_C_CONTIGUOUS(y):
                raise TypeError("targets must be a contiguous array")
            self.n = cnp.PyArray_DIM(y, 0)
            self.n_out = cnp.PyArray_DIM(y, 1)
            self.itemsize = cnp.PyArray_ITEMSIZE(y)
            self.y = cnp.PyArray_DATA(y)
        if sample_weights is not None:
            if not cnp.PyArray_IS_C_CONTIGUOUS(sample_weights):
                raise TypeError("sample weights must be a contiguous array")
            self.sample_weights = cnp.PyArray_DATA(sample_weights)


cdef inline bint scan_row(
    const char *row, Py_ssize_t stride, Py_ssize_t n_in, element limit, Py_ssize_t *nonzeros,
    bint *single,
) noexcept nogil:
    """Whether all elements of a row lie within +-limit; count those that are not zero."""
    cdef Py_ssize_t col
    cdef element x
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t bad = 0
    cdef Py_ssize_t inexact = 0
    for col in range(n_in):
        x = (<const element *> (row + col * stride))[0]
        count += 1 if x != 0 else 0
        if element is double or element is float:
            # A comparison with NaN is false, so that one test finds NaN and infinity too.
            bad += 0 if fabs(x) <= limit else 1
        if element is double:
            inexact += 0 if (<double> (<float> x)) == x else 1
    nonzeros[0] += count
    single[0] = single[0] and inexact == 0
    return bad == 0


cdef Py_ssize_t scan_rows(
    const element[:, :] X, element limit, Py_ssize_t *nonzeros, bint *single
) noexcept nogil:
    """The first row with an element beyond +-limit, or -1."""
    cdef Py_ssize_t row
    cdef Py_ssize_t width = X.shape[1] * sizeof(element)
    cdef bint good
    if X.strides[1] == sizeof(element) and X.strides[0] == width and X.shape[0] > 0:
        # All of it in one sweep; only where that finds something are the rows told apart.
        if scan_row(<const char *> &X[0, 0], sizeof(element), X.shape[0] * X.shape[1], limit,
                    nonzeros, single):
            return -1
    for row in range(X.shape[0]):
        # Said twice, so that the compiler can make vectors of the one with a literal stride.
        if X.strides[1] == sizeof(element):
            good = scan_row(<const char *> &X[row, 0], sizeof(element), X.shape[1], limit,
                            nonzeros, single)
        else:
            good = scan_row(<const char *> &X[row, 0], X.strides[1], X.shape[1], limit,
                            nonzeros, single)
        if not good:
            return row
    return -1


def scan(const element[:, :] X, double limit):
    """Look once at every element.

    Parameters
    ----------
    X : array of float64, float32 or uint8, shape (n, n_in)
    limit : float
        The largest magnitude that is accepted; NaN and infinity never are.

    Returns
    -------
    bad_row : int
        The first row with an element that is refused, or -1.
    nonzeros : int
        How many elements are not zero (0 where a row was refused).
    single : bool
        Whether every element is a float32 to the last bit.
    """
    cdef Py_ssize_t bad_row = -1
    cdef Py_ssize_t nonzeros = 0
    cdef bint single = True
    cdef element largest
    if element is double:
        largest = limit
    elif element is float:
        largest = min(limit, <double> FLT_MAX)
    else:
        largest = 255
    if X.shape[1]:
        with nogil:
            bad_row = scan_rows(X, largest, &nonzeros, &single)
    return bad_row, nonzeros, bool(single)


cdef void fill_sparse(
    const element[:, :] X, int64_t *starts, uint16_t *cols, value *values
) noexcept nogil:
    cdef Py_ssize_t row, col
    cdef int64_t j = 0
    cdef element x
    for row in range(X.shape[0]):
        starts[row] = j
        for col in range(X.shape[1]):
            x = X[row, col]
            # Written always and kept only if the cursor moves: no branch to mispredict.
            cols[j] = <uint16_t> col
            values[j] = <value> x
            j += x != 0
    starts[X.shape[0]] = j


def compress(const element[:, :] X, Py_ssize_t nonzeros, bint single):
    """The non-zeros of X, row after row.

    Parameters
    ----------
    X : array of float64, float32 or uint8, shape (n, n_in), n_in <= 65536
    nonzeros : int
        As `scan` counted them.
    single : bool
        Keep values as float32; only if that changes none.

    Returns
    -------
    Rows
    """
    cdef Rows rows = Rows.__new__(Rows, np.empty((0, X.shape[1])))
    # One more than needed, for the write that is not kept.
    cdef cnp.ndarray starts = np.empty(X.shape[0] + 1, dtype=np.int64)
    cdef cnp.ndarray cols = np.empty(nonzeros + 1, dtype=np.uint16)
    cdef cnp.ndarray values = np.empty(nonzeros + 1, dtype=np.float32 if single else np.float64)
    cdef int64_t *starts_data = <int64_t *> cnp.PyArray_DATA(starts)
    cdef uint16_t *cols_data = <uint16_t *> cnp.PyArray_DATA(cols)
    cdef void *values_data = cnp.PyArray_DATA(values)
    if X.shape[1] > 65536:
        raise ValueError(f"{X.shape[1]} columns do not fit 16-bit column numbers")
    with nogil:
        if single:
            fill_sparse(X, starts_data, cols_data, <float *> values_data)
        else:
            fill_sparse(X, starts_data, cols_data, <double *> values_data)
    rows.owner = (starts, cols, values)
    rows.n = X.shape[0]
    rows.n_in = X.shape[1]
    rows.storage = SPARSE_FLOAT if single else SPARSE_DOUBLE
    rows.starts = starts_data
    rows.cols = cols_data
    rows.values = values_data
    return rows


def from_csr(cnp.ndarray starts not None, cnp.ndarray cols not None, cnp.ndarray values not None,
             Py_ssize_t n_in):
    """Rows that are given by their non-zeros, in the arrays of a CSR matrix.

    Parameters
    ----------
    starts : ndarray of int64, contiguous, shape (n + 1,)
        Row i has the non-zeros starts[i] .. starts[i + 1].
    cols : ndarray of uint16, contiguous
        Below n_in, none twice in a row.
    values : ndarray of float64 or float32, contiguous
        As many as cols; all three are kept alive, never copied, never written to.
    n_in : int
        At most 65536.

    Returns
    -------
    Rows
    """
    cdef Rows rows = Rows.__new__(Rows, np.empty((0, n_in)))
    for array in (starts, cols, values):
        if array.ndim != 1 or not array.flags.c_contiguous or not array.dtype.isnative:
            raise TypeError("starts, cols and values must be contiguous vectors")
    if starts.dtype.char != np.dtype(np.int64).char or cols.dtype.char != "H":
        raise TypeError(f"starts in int64 and cols in uint16, not {starts.dtype} and {cols.dtype}")
    if values.dtype.char not in "df":
        raise TypeError(f"values in float64 or float32, not {values.dtype}")
    if n_in > 65536:
        raise ValueError(f"{n_in} columns do not fit 16-bit column numbers")
    if starts.shape[0] < 1 or starts[starts.shape[0] - 1] > min(cols.shape[0], values.shape[0]):
        raise ValueError("starts leads behind the last non-zero")
    rows.owner = (starts, cols, values)
    rows.n = starts.shape[0] - 1
    rows.n_in = n_in
    rows.storage = SPARSE_FLOAT if values.dtype.char == "f" else SPARSE_DOUBLE
    rows.starts = <const int64_t *> cnp.PyArray_DATA(starts)
    rows.cols = <const uint16_t *> cnp.PyArray_DATA(cols)
    rows.values = cnp.PyArray_DATA(values)
    return rows
