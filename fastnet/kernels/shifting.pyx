# cython: language_level=3
"""Images moved by a pixel, out of the non-zeros of those that were not."""
cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t, uint16_t

from fastnet.kernels.examples cimport SPARSE_DOUBLE, SPARSE_FLOAT, Rows, mark

import numpy as np

cnp.import_array()

cdef fused value:
    double
    float


cdef void shift_rows(
    Rows images, const value *values, const Py_ssize_t[::1] chosen, const Py_ssize_t[::1] moves,
    const uint8_t[:, ::1] stays, int64_t *starts, uint16_t *to_cols, value *to_values,
) noexcept nogil:
    cdef Py_ssize_t row, source, shift
    cdef int64_t i
    cdef int64_t j = 0
    for row in range(chosen.shape[0]):
        starts[row] = j
        source = chosen[row] % images.n
        shift = chosen[row] // images.n
        for i in range(images.starts[source], images.starts[source + 1]):
            # Written always and kept only if the cursor moves: no branch to mispredict.
            to_cols[j] = <uint16_t> (images.cols[i] + moves[shift])
            to_values[j] = values[i]
            j += stays[shift, images.cols[i]]
    starts[chosen.shape[0]] = j


def shifted(
    Rows images not None, const Py_ssize_t[::1] chosen, const Py_ssize_t[::1] moves,
    const uint8_t[:, ::1] stays,
):
    """The chosen images, each moved as its number says.

    Parameters
    ----------
    images : Rows
        Non-zeros of n images.
    chosen : array of intp
        Number c stands for image c % n moved by moves[c // n].
    moves : array of intp, shape (k,)
        By how many columns; one for each direction.
    stays : array of uint8, shape (k, n_in)
        1 where a pixel that is moved so is still in the picture.

    Returns
    -------
    Rows
        Non-zeros again.
    """
    cdef Rows rows = Rows.__new__(Rows, np.empty((0, images.n_in)))
    cdef Py_ssize_t room = 1  # one more than needed, for the write that is not kept
    cdef Py_ssize_t row, source
    cdef cnp.ndarray starts, cols, values
    if images.storage != SPARSE_DOUBLE and images.storage != SPARSE_FLOAT:
        raise TypeError("only the non-zeros of images can be shifted so")
    if stays.shape[0] != moves.shape[0] or stays.shape[1] != images.n_in:
        raise ValueError("a row of stays is needed for every move, as wide as the images")
    for row in range(chosen.shape[0]):
        if not 0 <= chosen[row] < images.n * moves.shape[0]:
            raise IndexError(f"image {chosen[row]} of {images.n * moves.shape[0]}")
        source = chosen[row] % images.n
        room += images.starts[source + 1] - images.starts[source]
    starts = np.empty(chosen.shape[0] + 1, dtype=np.int64)
    cols = np.empty(room, dtype=np.uint16)
    values = np.empty(room, dtype=np.float32 if images.storage == SPARSE_FLOAT else np.float64)
    rows.owner = (starts, cols, values)
    rows.n = chosen.shape[0]
    rows.n_in = images.n_in
    rows.storage = images.storage
    rows.starts = <const int64_t *> cnp.PyArray_DATA(starts)
    rows.cols = <const uint16_t *> cnp.PyArray_DATA(cols)
    rows.values = cnp.PyArray_DATA(values)
    with nogil:
        if images.storage == SPARSE_FLOAT:
            shift_rows(images, <const float *> images.values, chosen, moves, stays,
                       <int64_t *> rows.starts, <uint16_t *> rows.cols, <float *> rows.values)
        else:
            shift_rows(images, <const double *> images.values, chosen, moves, stays,
                       <int64_t *> rows.starts, <uint16_t *> rows.cols, <double *> rows.values)
    mark(rows)
    return rows
