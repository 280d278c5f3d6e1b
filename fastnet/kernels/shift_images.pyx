# cython: language_level=3
"""Shifting sparse images by a pixel."""
cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t

from fastnet.kernels.rows cimport Rows, checked_places, mark
from fastnet.kernels.storage cimport SPARSE_DOUBLE, SPARSE_FLOAT

import numpy as np

cnp.import_array()

cdef fused value:
    double
    float


cdef void shift_rows(
    Rows images, const value *values, const Py_ssize_t *chosen, Py_ssize_t n,
    const Py_ssize_t *moves, const uint8_t[:, ::1] stays, int64_t *starts, uint16_t *to_cols,
    value *to_values,
) noexcept nogil:
    cdef Py_ssize_t row, source, shift, col
    cdef int64_t i
    cdef int64_t j = 0
    for row in range(n):
        starts[row] = j
        source = chosen[row] % images.n
        shift = chosen[row] // images.n
        for i in range(images.starts[source], images.starts[source + 1]):
            # Written always and kept only if the cursor moves: no branch to mispredict.
            col = images.cols[i] + moves[shift]
            to_cols[j] = <uint16_t> col
            to_values[j] = values[i]
            j += (stays[shift, images.cols[i]] != 0) & (col >= 0) & (col < images.n_in)
    starts[n] = j


def shifted(
    Rows images not None, const Py_ssize_t[::1] chosen not None,
    const Py_ssize_t[::1] moves not None, const uint8_t[:, ::1] stays not None,
):
    """Return the chosen images, each shifted according to its number.

    Parameters
    ----------
    images : Rows
        Non-zeros of n images.
    chosen : array of intp
        Number c means image c % n shifted by moves[c // n].
    moves : array of intp, shape (k,)
        The shift in columns for each direction; smaller than n_in.
    stays : array of uint8, shape (k, n_in)
        1 for pixels that remain in the image after the shift.

    Returns
    -------
    Rows
        Non-zeros of the shifted images.
    """
    cdef Rows rows = Rows.__new__(Rows, np.empty((0, images.n_in)))
    cdef Py_ssize_t room = 1  # one more than needed, for a write that is not kept
    cdef Py_ssize_t n = chosen.shape[0]
    cdef Py_ssize_t row, source
    cdef bytes copied, copied_moves
    cdef const Py_ssize_t *own
    cdef const Py_ssize_t *own_moves
    cdef cnp.ndarray starts, cols, values
    if images.storage != SPARSE_DOUBLE and images.storage != SPARSE_FLOAT:
        raise TypeError("only images stored as non-zeros can be shifted")
    if stays.shape[0] != moves.shape[0] or stays.shape[1] != images.n_in:
        raise ValueError("stays must have one row per move, as wide as the images")
    if n == 0 or moves.shape[0] == 0:
        raise ValueError("at least one image and one move are needed")
    copied = checked_places(&chosen[0], n, images.n * moves.shape[0])
    copied_moves = PyBytes_FromStringAndSize(
        <const char *> &moves[0], moves.shape[0] * sizeof(Py_ssize_t)
    )
    own = <const Py_ssize_t *> PyBytes_AS_STRING(copied)
    own_moves = <const Py_ssize_t *> PyBytes_AS_STRING(copied_moves)
    for row in range(n):
        source = own[row] % images.n
        room += images.starts[source + 1] - images.starts[source]
    starts = np.empty(n + 1, dtype=np.int64)
    cols = np.empty(room, dtype=np.uint16)
    values = np.empty(room, dtype=np.float32 if images.storage == SPARSE_FLOAT else np.float64)
    rows.owner = (starts, cols, values)
    rows.n = n
    rows.n_in = images.n_in
    rows.storage = images.storage
    rows.starts = <const int64_t *> cnp.PyArray_DATA(starts)
    rows.cols = <const uint16_t *> cnp.PyArray_DATA(cols)
    rows.values = cnp.PyArray_DATA(values)
    with nogil:
        if images.storage == SPARSE_FLOAT:
            shift_rows(images, <const float *> images.values, own, n, own_moves, stays,
                       <int64_t *> rows.starts, <uint16_t *> rows.cols, <float *> rows.values)
        else:
            shift_rows(images, <const double *> images.values, own, n, own_moves, stays,
                       <int64_t *> rows.starts, <uint16_t *> rows.cols, <double *> rows.values)
    mark(rows)
    return rows
