# cython: language_level=3
"""One matrix product, in register tiles, for forward, gradient and update alike.

c_mn = beta * c_in_mn + sum over k of a(m, k) * b_kn

`a` is walked by two strides, so that a batch x_bi serves the forward pass (m = b, k = i) and,
read the other way, the gradient (m = i, k = b). Columns n lie in whole vectors: rows of b, c_in
and c are padded to PAD elements. For every (m, n) the sum runs over k in rising order, whatever
the tile, so that neither batch size nor threads change a bit of the result.
"""
from fastnet.kernels.simd cimport (
    LANES, TILE_ROWS, TILE_SUMS, TILE_VECTORS, real, v_load, v_splat, v_store, vreal,
)


cdef struct Operands:
    const real *a
    Py_ssize_t a_m  # stride of a along m
    Py_ssize_t a_k  # stride of a along k
    const real *b
    Py_ssize_t b_k  # row length of b
    const real *c_in
    Py_ssize_t c_in_m  # row length of c_in; 0 adds one row (a bias) to every m
    real *c
    Py_ssize_t c_m  # row length of c
    Py_ssize_t k
    real beta  # 0 does not read c_in


cdef inline void tile(
    const Operands *p, Py_ssize_t m, Py_ssize_t n, int rows, int vectors
) noexcept nogil:
    """Rows m .. m+rows, columns n .. n+vectors*LANES; both counts are literals at every call."""
    cdef vreal sums[TILE_SUMS]
    cdef vreal b_n[TILE_VECTORS]
    cdef vreal factor
    cdef const real *a = p.a + m * p.a_m
    cdef const real *b = p.b + n
    cdef const real *c_in = p.c_in + m * p.c_in_m + n
    cdef real *c = p.c + m * p.c_m + n
    cdef Py_ssize_t _k
    cdef int r, v
    for r in range(rows):
        for v in range(vectors):
            sums[r * vectors + v] = v_splat(0)
    if p.beta != 0:
        for r in range(rows):
            for v in range(vectors):
                sums[r * vectors + v] = v_splat(p.beta) * v_load(c_in + r * p.c_in_m + v * LANES)
    for _k in range(p.k):
        for v in range(vectors):
            b_n[v] = v_load(b + v * LANES)
        for r in range(rows):
            factor = v_splat(a[r * p.a_m])
            for v in range(vectors):
                sums[r * vectors + v] = sums[r * vectors + v] + factor * b_n[v]
        a += p.a_k
        b += p.b_k
    for r in range(rows):
        for v in range(vectors):
            v_store(c + r * p.c_m + v * LANES, sums[r * vectors + v])


cdef inline void strip(
    const Operands *p, Py_ssize_t m0, Py_ssize_t m1, Py_ssize_t n, int rows, int vectors
) noexcept nogil:
    cdef Py_ssize_t m = m0
    while m + rows <= m1:
        tile(p, m, n, rows, vectors)
        m += rows
    while m + 2 <= m1:
        tile(p, m, n, 2, vectors)
        m += 2
    if m < m1:
        tile(p, m, n, 1, vectors)


cdef inline void gemm(
    const Operands *p, Py_ssize_t m0, Py_ssize_t m1, Py_ssize_t n_padded
) noexcept nogil:
    """Rows m0 .. m1 and all columns; narrower tiles are taller, to have as many sums under way."""
    cdef Py_ssize_t n = 0
    while n + TILE_VECTORS * LANES <= n_padded:
        strip(p, m0, m1, n, TILE_ROWS, TILE_VECTORS)
        n += TILE_VECTORS * LANES
    if TILE_VECTORS > 2:
        while n + 2 * LANES <= n_padded:
            strip(p, m0, m1, n, TILE_SUMS // 2, 2)
            n += 2 * LANES
    while n < n_padded:
        strip(p, m0, m1, n, TILE_SUMS // 2, 1)
        n += LANES
