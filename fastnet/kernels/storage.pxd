# cython: language_level=3
"""In which form rows of inputs lie in memory."""

cdef enum Storage:
    STRIDED_DOUBLE
    STRIDED_FLOAT
    STRIDED_BYTE
    SPARSE_DOUBLE
    SPARSE_FLOAT
