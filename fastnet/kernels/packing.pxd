# cython: language_level=3
"""Copying parameters from the flat vector that users see into panels, and back."""
from libc.string cimport memcpy

from fastnet.kernels.layout cimport Panel, panel_of
from fastnet.kernels.backprop cimport Layer, Net
from fastnet.kernels.simd cimport real


cdef inline Py_ssize_t size_of(const Layer *layer) noexcept nogil:
    """Return the number of elements of all panels of a layer."""
    return panel_of(layer.n_in, layer.width, layer.panels, layer.panels).at


cdef inline void lay_out(Net *net) noexcept nogil:
    """Place each layer's panels after those of the layer before, and measure them all."""
    cdef Py_ssize_t l
    net.shape.n_packed = 0
    for l in range(net.shape.depth):
        net.shape.layers[l].packed = net.shape.packed + net.shape.n_packed
        net.shape.n_packed += size_of(&net.shape.layers[l])
        take_panel(net, l, 0)


cdef inline void take_panel(Net *net, Py_ssize_t l, int which) noexcept nogil:
    """Make one of layer l's panels the columns that this network computes."""
    cdef Layer *layer = &net.shape.layers[l]
    cdef Panel panel = panel_of(layer.n_in, layer.width, layer.panels, which)
    layer.first = panel.first
    layer.last = panel.last
    layer.w_ld = panel.ld
    layer.b_u = layer.packed + panel.at
    layer.w_iu = layer.b_u + panel.ld
    layer.nabla_b_u = net.shape.nabla + (layer.b_u - net.shape.packed)
    layer.nabla_w_iu = layer.nabla_b_u + panel.ld


cdef inline void copy_panels(const Net *net, real *flat, real *packed, bint inwards) noexcept nogil:
    """Copy the flat vector into panels, without their padding, or the panels into the vector."""
    cdef const Layer *layer
    cdef Panel panel
    cdef real *inside
    cdef real *outside
    cdef Py_ssize_t l, size, _i
    cdef int t
    for l in range(net.shape.depth):
        layer = &net.shape.layers[l]
        for t in range(layer.panels):
            panel = panel_of(layer.n_in, layer.width, layer.panels, t)
            size = (min(panel.last, layer.n_out) - panel.first) * sizeof(real)
            inside = packed + (layer.packed - net.shape.packed) + panel.at
            outside = flat + panel.first
            for _i in range(layer.n_in + 1):
                memcpy(inside if inwards else outside, outside if inwards else inside, size)
                inside += panel.ld
                outside += layer.n_out
        flat += (layer.n_in + 1) * layer.n_out


cdef inline void pack(const Net *net, const real *flat, real *packed) noexcept nogil:
    """Copy the flat vector into the panels of `packed`, without changing their padding."""
    copy_panels(net, <real *> flat, packed, True)


cdef inline void unpack(const Net *net, const real *packed, real *flat) noexcept nogil:
    """Copy the panels of `packed` into the flat vector."""
    copy_panels(net, flat, <real *> packed, False)
