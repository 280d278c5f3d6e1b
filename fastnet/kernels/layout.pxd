# cython: language_level=3
"""Layout of a layer's parameters in the workspace: panels of columns, one for each thread.

A panel is the bias row and then the weights, one row per input, of some of the layer's columns. A
layer for one thread is one panel. If threads shared rows, that would cost more than they save, even
if no two write to the same cache line: processors prefetch lines, also in pairs, and so take from
each other the lines that the other is about to write.
"""
from fastnet.kernels.simd cimport PAD, real


cdef struct Panel:
    Py_ssize_t first  # its first column
    Py_ssize_t last  # after its last column that is computed
    Py_ssize_t ld  # distance between its rows
    Py_ssize_t at  # its offset from the start of the layer


cdef inline Py_ssize_t padded(Py_ssize_t n) noexcept nogil:
    """Return n rounded up to a multiple of PAD."""
    return (n + PAD - 1) // PAD * PAD


cdef inline Py_ssize_t stride(Py_ssize_t width) noexcept nogil:
    """Return the distance between rows: never a multiple of 1 KiB, so that cache sets differ."""
    return width + PAD if width * sizeof(real) % 1024 == 0 else width


cdef inline Panel panel_of(
    Py_ssize_t n_in, Py_ssize_t width, int panels, int which
) noexcept nogil:
    """Return one panel of a layer: multiples of PAD, so that no two share a cache line.

    `which` may be `panels`: that panel begins where the layer ends.
    """
    cdef Py_ssize_t pads = padded(width) // PAD
    cdef Py_ssize_t end
    cdef Panel panel
    cdef int t = -1
    panel.at = panel.ld = end = 0
    while t < which:
        t += 1
        panel.at += (n_in + 1) * panel.ld
        panel.first = end
        end = pads * (t + 1) // panels * PAD
        panel.ld = stride(end - panel.first)
    panel.last = min(end, width)
    return panel


cdef inline Py_ssize_t room_of(Py_ssize_t n_in, Py_ssize_t width, int most_panels) noexcept nogil:
    """Return the number of elements that a layer needs at most, for any number of panels."""
    if most_panels == 1:
        return (n_in + 1) * stride(padded(width))
    return (n_in + 1) * (padded(width) + PAD * min(<Py_ssize_t> most_panels, padded(width) // PAD))
