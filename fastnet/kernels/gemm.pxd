# cython: language_level=3
"""One matrix product, in register tiles, for the forward pass, the gradient and the update.

c_mn = beta * c_in_mn + sum over k of a(m, k) * b_kn

`a` has two strides, so that a batch x_bi serves the forward pass (m = b, k = i) and, transposed,
the gradient (m = i, k = b). Columns n are whole vectors: rows of b, c_in and c are padded to PAD
elements. For every (m, n) the sum runs over k in rising order in every tile, so that neither batch
size nor threads change a bit of the result.
"""
from fastnet.kernels.simd cimport (
    LANES, PAD, PANEL_DEPTH, TILE_ROWS, TILE_SUMS, TILE_VECTORS, WIDEST_TILE, prefetch_read, real,
    v_load, v_splat, v_store, v_where_greater, vreal,
)

cdef enum:
    LONG_ROW = 128  # elements from which on rows are prefetched: they may be in main memory
    FEW_ROWS = 2  # up to so many rows tiles are wider, to have enough independent sums
    MANY_ROWS = 24  # from so many rows on b is packed, because every tile of rows reads it again


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
    bint rectify  # whether to apply a ReLU to c
    bint more  # whether this is not the last part of the sum over k
    real *panel  # room for PANEL_DEPTH rows of a tile's columns


# The macro of simd.h, for two kinds of functions.
cdef extern from "simd.h" nogil:
    void with_rows "WITH_LITERAL" (
        void (*f)(
            const Operands *, Py_ssize_t, Py_ssize_t, const real *, Py_ssize_t, int, int
        ) noexcept nogil,
        int rows, int most, const Operands *p, Py_ssize_t m, Py_ssize_t n, const real *b,
        Py_ssize_t b_k, int vectors,
    )
    void with_vectors "WITH_LITERAL" (
        void (*f)(const Operands *, Py_ssize_t, Py_ssize_t, Py_ssize_t, int) noexcept nogil,
        int vectors, int most, const Operands *p, Py_ssize_t m, Py_ssize_t m_end, Py_ssize_t n,
    )


cdef inline void tile(
    const Operands *p, Py_ssize_t m, Py_ssize_t n, const real *b, Py_ssize_t b_k, int vectors,
    int rows,
) noexcept nogil:
    """Compute rows m .. m+rows, columns n .. n+vectors*LANES; both counts are literals in calls.

    `b` is the start of column n of b.
    """
    cdef vreal sums[TILE_SUMS]
    cdef vreal b_n[WIDEST_TILE]
    cdef vreal factor, z
    cdef const real *a = p.a + m * p.a_m
    cdef const real *c_in = p.c_in + m * p.c_in_m + n
    cdef real *c = p.c + m * p.c_m + n
    cdef Py_ssize_t left = p.k
    cdef Py_ssize_t piece = PAD if p.a_k == 1 and left >= LONG_ROW else left
    cdef Py_ssize_t _k
    cdef int r, v
    for r in range(rows):
        for v in range(vectors):
            sums[r * vectors + v] = v_splat(0)
    if p.beta == 1:
        for r in range(rows):
            for v in range(vectors):
                sums[r * vectors + v] = v_load(c_in + r * p.c_in_m + v * LANES)
    elif p.beta != 0:
        for r in range(rows):
            for v in range(vectors):
                sums[r * vectors + v] = v_splat(p.beta) * v_load(c_in + r * p.c_in_m + v * LANES)
    while left > 0:
        if piece == PAD:
            # The next tile's rows: their pieces are too short for the processor's own prefetching.
            for r in range(rows):
                prefetch_read(a + (r + rows) * p.a_m)
        for _k in range(min(left, piece)):
            for v in range(vectors):
                b_n[v] = v_load(b + v * LANES)
            for r in range(rows):
                factor = v_splat(a[r * p.a_m])
                for v in range(vectors):
                    sums[r * vectors + v] = sums[r * vectors + v] + factor * b_n[v]
            a += p.a_k
            b += b_k
        left -= piece
    if p.rectify and not p.more:
        for r in range(rows):
            for v in range(vectors):
                # `0 > z` keeps a NaN, which `z > 0` would turn into a zero.
                z = sums[r * vectors + v]
                sums[r * vectors + v] = v_where_greater(v_splat(0), z, v_splat(0), z)
    for r in range(rows):
        for v in range(vectors):
            v_store(c + r * p.c_m + v * LANES, sums[r * vectors + v])


cdef inline int most_rows(int vectors) noexcept nogil:
    """Return the maximum rows of a tile: more for one vector, to have enough independent sums."""
    if vectors > TILE_VECTORS:
        return FEW_ROWS
    return 8 if vectors == 1 else TILE_ROWS


cdef inline void strip(
    const Operands *p, Py_ssize_t m, Py_ssize_t m_end, Py_ssize_t n, int vectors
) noexcept nogil:
    """Compute all rows of a tile's columns, in tiles of similar height: low tiles are slow."""
    cdef Py_ssize_t tiles = (m_end - m + most_rows(vectors) - 1) // most_rows(vectors)
    cdef const real *b = p.b + n
    cdef Py_ssize_t b_k = p.b_k
    cdef Py_ssize_t k
    cdef int rows, v
    if m_end - m >= MANY_ROWS:
        for k in range(p.k):
            for v in range(vectors):
                v_store(p.panel + (k * vectors + v) * LANES, v_load(b + k * b_k + v * LANES))
        b = p.panel
        b_k = vectors * LANES
    while tiles > 0:
        rows = <int> ((m_end - m) // tiles)
        with_rows(tile, rows, most_rows(vectors), p, m, n, b, b_k, vectors)
        m += rows
        tiles -= 1


cdef inline void gemm(
    const Operands *whole, Py_ssize_t m, Py_ssize_t m_end, Py_ssize_t n, Py_ssize_t n_end
) noexcept nogil:
    """Compute rows m .. m_end and columns n .. n_end, these in whole vectors.

    Reads a, b and, unless beta is 0, c_in, which may be c; overwrites c and the panel.
    """
    cdef Operands p = whole[0]
    cdef Py_ssize_t left = whole.k
    cdef Py_ssize_t at, strips
    cdef Py_ssize_t widest = WIDEST_TILE if m_end - m <= FEW_ROWS else TILE_VECTORS
    cdef int vectors
    if m_end - m >= MANY_ROWS:
        p.k = min(left, PANEL_DEPTH)
    while left > 0:
        p.more = left > p.k
        at = n
        while at < n_end:
            # Strips of similar width, because narrow ones are slow: 4 and 3 vectors, not 4, 2, 1.
            strips = ((n_end - at) // LANES + widest - 1) // widest
            vectors = <int> (((n_end - at) // LANES + strips - 1) // strips)
            with_vectors(strip, vectors, WIDEST_TILE, &p, m, m_end, at)
            at += vectors * LANES
        # The sums so far are in c; the next part of k is added to them.
        left -= p.k
        p.a += p.k * p.a_k
        p.b += p.k * p.b_k
        p.c_in = p.c
        p.c_in_m = p.c_m
        p.beta = 1
        p.k = min(left, p.k)
