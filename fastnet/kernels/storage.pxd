# cython: language_level=3
"""Storage formats of rows of inputs."""

cdef enum Storage:
    STRIDED_DOUBLE
    STRIDED_FLOAT
    STRIDED_BYTE
    SPARSE_DOUBLE
    SPARSE_FLOAT
