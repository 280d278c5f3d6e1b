# cython: language_level=3
"""The number type and its vectors, as simd.h defines them for the variant being compiled.

Cython takes `real` and `vreal` as doubles, but the C compiler has the real types: the operators
that Cython generates are element-wise arithmetic on `vreal`.
"""
from libc.stdint cimport uint16_t

cdef extern from "simd.h" nogil:
    ctypedef double real
    ctypedef double vreal
    enum:
        FASTNET_DIGITS  # bits of the significand: 24 or 53
        PAD  # elements in 64 bytes
        LANES  # elements in a vector
        TILE_ROWS  # rows of the widest register tile
        TILE_VECTORS  # its vectors
        WIDEST_TILE  # largest number of vectors of a tile in any variant
        TILE_SUMS  # room for the accumulators of any tile
        GROUP_VECTORS  # vectors of a wide tile in the sparse kernels
        WIDE_GROUP  # vectors of the widest: as many as fit into registers
        PANEL_DEPTH  # rows of b that are packed at a time
        KEEPS_VECTORS  # whether v_keep exists
        BLOCK_BYTES  # bytes of weights that stay in the caches for all examples
    vreal v_splat(real x)
    vreal v_load(const real *p)
    void v_store(real *p, vreal x)
    real *address(const real *p)
    vreal v_where_greater(vreal x, vreal y, vreal a, vreal b)
    vreal v_at_least(vreal low, vreal x)
    vreal v_at_most(vreal high, vreal x)
    bint v_any_greater(vreal x, vreal y)
    vreal v_abs(vreal x)
    vreal v_copy_sign(vreal magnitude, vreal sign_of)
    vreal v_power_of_two(vreal k)
    vreal v_round(vreal x)
    vreal v_gather(const real *p, Py_ssize_t stride)
    void v_scatter(real *p, Py_ssize_t stride, vreal x)
    void v_transpose(vreal *rows)
    real v_sum(vreal x)
    Py_ssize_t v_keep(const real *x, int col, uint16_t *cols, real *values)
    real real_sqrt(real x)
    void prefetch_read(const void *p)
