# cython: language_level=3
"""Counter-based dropout: a hash of (key, layer, example, unit) decides which units are dropped.

It needs no state, so that the masks do not depend on how training is divided into calls and
threads. The hash is the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
"""
from libc.stdint cimport uint32_t, uint64_t

from fastnet.kernels.simd cimport real


cdef inline uint64_t mixed(uint64_t x) noexcept nogil:
    """The finalizer of SplitMix64: each bit of x changes about half of the bits."""
    x = (x ^ (x >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t> 0x94D049BB133111EB
    return x ^ (x >> 31)


cdef inline void drop(
    real *a_u, real *mask_u, Py_ssize_t first, Py_ssize_t last, real keep, uint64_t key,
    Py_ssize_t layer, Py_ssize_t example,
) noexcept nogil:
    """For units first .. last: mask_u = 1 / keep with probability `keep`, else 0; a_u *= mask_u."""
    cdef uint64_t row = mixed(key ^ mixed((<uint64_t> example << 8) + <uint64_t> layer))
    cdef double threshold = <double> keep * 4294967296.0
    cdef uint64_t kept_below = <uint64_t> threshold
    cdef real kept = 1 / keep
    cdef uint64_t draw
    cdef Py_ssize_t u
    for u in range(first, last):
        draw = mixed(row + <uint64_t> u * <uint64_t> 0x9E3779B97F4A7C15) >> 32
        mask_u[u] = kept if draw < kept_below else 0
        a_u[u] *= mask_u[u]
