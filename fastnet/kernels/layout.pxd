# cython: language_level=3
"""How a layer's parameters lie in the workspace: in panels of columns, one for each thread.

A panel is the bias row and then the weights, an input a row, of some of the layer's columns. A
layer that one thread works on is one panel. Rows that threads shared would cost more than the
threads save, even where no two write to one cache line: processors fetch lines in pairs and ahead
of their use, and so keep taking from each other what the other is about to write.
"""
from fastnet.kernels.simd cimport PAD, real


cdef struct Panel:
    Py_ssize_t first  # of its columns
    Py_ssize_t last  # behind the last of those that are computed
    Py_ssize_t ld  # from one of its rows to the next
    Py_ssize_t at  # where it begins, from where the layer does


cdef inline Py_ssize_t padded(Py_ssize_t n) noexcept nogil:
    """n, rounded up to whole PADs."""
    return (n + PAD - 1) // PAD * PAD


cdef inline Py_ssize_t stride(Py_ssize_t width) noexcept nogil:
    """From one row to the next: not a multiple of 1 KiB, whose rows would share cache lines."""
    return width + PAD if width * sizeof(real) % 1024 == 0 else width


cdef inline Panel panel_of(
    Py_ssize_t n_in, Py_ssize_t width, int panels, int which
) noexcept nogil:
    """One of the panels of a layer: whole PADs, so that no two share a cache line.

    `which` may be `panels`: that one begins where the layer ends.
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
    """Elements that a layer takes, whatever the number of its panels."""
    if most_panels == 1:
        return (n_in + 1) * stride(padded(width))
    return (n_in + 1) * (padded(width) + PAD * min(<Py_ssize_t> most_panels, padded(width) // PAD))
