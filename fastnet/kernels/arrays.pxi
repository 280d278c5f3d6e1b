"""Plain arrays as examples, for calls so short that making `Rows` and `Targets` would dominate."""
cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t

from fastnet.kernels.minibatch cimport Inputs
from fastnet.kernels.backprop cimport Answers
from fastnet.kernels.simd cimport real
from fastnet.kernels.storage cimport STRIDED_BYTE, STRIDED_DOUBLE, STRIDED_FLOAT


cdef bint lay_rows(cnp.ndarray a, Py_ssize_t n_in, Inputs *inputs, Py_ssize_t *n) noexcept:
    """Set `inputs` and `n` to the rows of a plain array; return False if it is not accepted here.

    The shape is (n_in,), (n_in, 1) or (n, n_in).
    """
    cdef int kind = cnp.PyArray_TYPE(a)
    cdef int ndim = cnp.PyArray_NDIM(a)
    if not cnp.PyArray_ISBEHAVED_RO(a) or not 1 <= ndim <= 2:
        return False
    if kind == cnp.NPY_DOUBLE:
        inputs.storage = STRIDED_DOUBLE
    elif kind == cnp.NPY_FLOAT:
        inputs.storage = STRIDED_FLOAT
    elif kind == cnp.NPY_UBYTE:
        inputs.storage = STRIDED_BYTE
    else:
        return False
    inputs.n_in = n_in
    inputs.data = <const char *> cnp.PyArray_DATA(a)
    inputs.row_stride = 0
    inputs.col_stride = cnp.PyArray_STRIDE(a, ndim - 1)
    n[0] = 1
    if cnp.PyArray_DIM(a, ndim - 1) == n_in:
        if ndim == 2:
            n[0] = cnp.PyArray_DIM(a, 0)
            inputs.row_stride = cnp.PyArray_STRIDE(a, 0)
        return n[0] > 0
    inputs.col_stride = cnp.PyArray_STRIDE(a, 0)
    return ndim == 2 and cnp.PyArray_DIM(a, 0) == n_in and cnp.PyArray_DIM(a, 1) == 1


cdef object take_targets(
    cnp.ndarray y, Py_ssize_t n, Py_ssize_t n_out, Answers *answers, bint one=False
):
    """Set `answers` to targets and return their owner; None if y is not accepted here.

    If `one`, y are the n_out targets of a single row, as a vector or a column.
    """
    cdef int kind = cnp.PyArray_TYPE(y)
    cdef int ndim = cnp.PyArray_NDIM(y)
    cdef const void *data = cnp.PyArray_DATA(y)
    cdef bint whole = kind == cnp.NPY_INT64
    cdef bytes copied
    cdef Py_ssize_t i
    cdef real *targets
    if (
        not cnp.PyArray_CheckExact(y) or not cnp.PyArray_ISCARRAY_RO(y)
        or not 1 <= ndim <= 2 or cnp.PyArray_DIM(y, 0) != (n_out if one else n)
        or ndim == 2 and cnp.PyArray_DIM(y, 1) != (1 if one else n_out)
        or not whole and kind != cnp.NPY_DOUBLE and kind != cnp.NPY_FLOAT
    ):
        return None
    answers.n_out = n_out
    answers.labels = NULL
    answers.y = NULL
    answers.sample_weights = NULL
    if ndim == 1 and n_out > 1 and not one:
        return take_labels(<const int64_t *> data, n, answers) if whole else None
    if kind == own_type():
        answers.y = <const real *> data
        return y
    copied = PyBytes_FromStringAndSize(NULL, n * n_out * sizeof(real))
    targets = <real *> PyBytes_AS_STRING(copied)
    for i in range(n * n_out):
        if whole:
            targets[i] = <real> (<const int64_t *> data)[i]
        elif kind == cnp.NPY_DOUBLE:
            targets[i] = <real> (<const double *> data)[i]
        else:
            targets[i] = (<const float *> data)[i]
    answers.y = targets
    return copied


cdef bytes take_labels(const int64_t *labels, Py_ssize_t n, Answers *answers):
    """Return class numbers, which are indices, in a checked copy; None if one is out of range."""
    cdef Py_ssize_t n_out = answers.n_out
    cdef bytes wide = PyBytes_FromStringAndSize(<const char *> labels, n * sizeof(int64_t))
    cdef bytes narrow = PyBytes_FromStringAndSize(NULL, n * sizeof(int32_t))
    cdef const int64_t *own = <const int64_t *> PyBytes_AS_STRING(wide)
    cdef int32_t *checked = <int32_t *> PyBytes_AS_STRING(narrow)
    cdef Py_ssize_t outside = 0
    cdef Py_ssize_t i
    for i in range(n):
        outside += (own[i] < 0) | (own[i] >= n_out)
        checked[i] = <int32_t> own[i]
    answers.labels = checked
    return None if outside else narrow
