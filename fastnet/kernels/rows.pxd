# cython: language_level=3
"""Rows of inputs and their targets, as the kernels see them."""
cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint16_t

from fastnet.kernels.storage cimport (
    SPARSE_DOUBLE, SPARSE_FLOAT, STRIDED_BYTE, STRIDED_DOUBLE, STRIDED_FLOAT, Storage,
)


# In both classes `owner` keeps the memory behind the pointers alive. Python code cannot reach it.

cdef class Rows:
    cdef object owner
    cdef readonly Py_ssize_t n
    cdef readonly Py_ssize_t n_in
    cdef Storage storage
    # strided
    cdef const char *data
    cdef Py_ssize_t row_stride
    cdef Py_ssize_t col_stride
    # sparse: starts and cols are copies, and have been checked
    cdef const int64_t *starts
    cdef const uint16_t *cols  # below n_in, increasing in each row
    cdef const void *values
    cdef const uint16_t *marks  # (n, n_marks): a row's non-zeros below (m + 1) * columns_per_mark
    cdef Py_ssize_t n_marks
    cdef Py_ssize_t columns_per_mark


cdef class Targets:
    cdef object owner
    cdef object weights_owner
    cdef readonly Py_ssize_t n
    cdef readonly Py_ssize_t n_out  # 0 if the targets are class numbers
    cdef readonly Py_ssize_t n_classes  # largest class number plus 1; 0 without class numbers
    cdef readonly Py_ssize_t itemsize
    cdef readonly Py_ssize_t weight_itemsize
    cdef const int32_t *labels  # a checked copy
    cdef const void *y
    cdef const void *sample_weights  # NULL: every example counts once
    cdef int copy_labels(self, cnp.ndarray labels) except -1


cdef int mark(Rows rows) except -1
cdef bytes checked_places(const Py_ssize_t *places, Py_ssize_t count, Py_ssize_t n)
