# cython: language_level=3
"""Placement of an engine's buffers in its workspace, one allocation that is measured first."""
from libc.stdint cimport uint16_t

from fastnet.kernels.activations cimport keeps_slope
from fastnet.kernels.threads cimport Barrier
from fastnet.kernels.layout cimport padded, room_of, stride
from fastnet.kernels.backprop cimport Layer, Net
from fastnet.kernels.optimizers cimport Rule
from fastnet.kernels.simd cimport BLOCK_BYTES, LANES, PAD, PANEL_DEPTH, TILE_VECTORS, real
from fastnet.kernels.sparse cimport SparseBatch, SparseRow, next_tile
from fastnet.kernels.parallel cimport Task

cdef extern from "asan.h" nogil:
    enum:
        FENCE  # bytes after each buffer that AddressSanitizer watches; otherwise 0
    void fence(const char *p, size_t size)

cdef enum:
    LARGE_WEIGHTS = 1 << 19  # bytes of a layer, about half of a second-level cache

# The workspace, except for the network itself.
cdef struct Workspace:
    char *base  # NULL while buffers are only measured
    Py_ssize_t taken
    bint training
    bint to_inputs  # whether errors are backpropagated to the inputs; not for training
    int n_threads
    int n_states
    Task *tasks  # one per thread; the first thread uses the engine's own network
    Barrier *barrier  # here, because a Python object is not aligned to cache lines


cdef inline void shape_layer(
    Net *net, Py_ssize_t l, Py_ssize_t n_in, Py_ssize_t n_out
) noexcept nogil:
    """Set the sizes of layer l, in whole vectors, and nothing else."""
    cdef Layer *layer = &net.shape.layers[l]
    layer.n_in = n_in
    layer.n_out = n_out
    layer.width = (n_out + LANES - 1) // LANES * LANES
    layer.last = layer.width
    layer.ld = stride(padded(n_out))
    layer.ld_in = stride(padded(n_in))
    layer.panels = 1
    layer.w_ld = n_out  # as in the flat vector, with which engines predict


cdef inline void *take(Workspace *space, Py_ssize_t size) noexcept nogil:
    """Return the next `size` bytes of the workspace, aligned to 64 bytes."""
    cdef Py_ssize_t offset = space.taken
    space.taken += (size + 63) // 64 * 64 + FENCE
    if space.base == NULL:
        return NULL
    if FENCE > 0:
        fence(space.base + offset + size, space.taken - offset - size)
    return space.base + offset


cdef inline void place_buffers(Workspace *space, Net *net, Rule *rule) noexcept nogil:
    """Place every buffer; `taken` is then the size of all buffers."""
    cdef Layer *layer
    cdef Py_ssize_t l
    cdef Py_ssize_t row = net.shape.capacity * sizeof(real)
    cdef Net unused
    cdef int t
    space.taken = 0
    place_thread_buffers(space, net, net)
    net.batch.z_u = <real *> take(space, net.shape.layers[net.shape.depth - 1].ld * sizeof(real))
    for l in range(net.shape.depth):
        layer = &net.shape.layers[l]
        layer.a_bu = <real *> take(space, row * layer.ld)
        if space.n_threads > 1:
            layer.other_a_bu = <real *> take(space, row * layer.ld)
    if not space.training:
        row = net.shape.capacity * sizeof(uint16_t)
        net.batch.cols = <uint16_t *> take(space, row * net.shape.layers[0].ld_in)
        net.batch.marks = <uint16_t *> take(
            space, row * (net.shape.layers[0].n_in // net.batch.sparse.most_columns + 1)
        )
        if space.to_inputs:
            place_layer_buffers(space, net, net.shape.capacity * sizeof(real))
        return
    space.tasks = <Task *> take(space, space.n_threads * sizeof(Task))
    space.barrier = <Barrier *> take(space, sizeof(Barrier))
    for t in range(1, space.n_threads):
        place_thread_buffers(space, net, &space.tasks[t].net if space.base != NULL else &unused)
    net.shape.n_packed = 0
    for l in range(net.shape.depth):
        layer = &net.shape.layers[l]
        net.shape.n_packed += room_of(layer.n_in, layer.width, space.n_threads)
    net.shape.packed = <real *> take(space, net.shape.n_packed * sizeof(real))
    net.shape.nabla = <real *> take(space, net.shape.n_packed * sizeof(real))
    if space.n_states > 0:
        rule.s1 = <real *> take(space, net.shape.n_packed * sizeof(real))
    if space.n_states > 1:
        rule.s2 = <real *> take(space, net.shape.n_packed * sizeof(real))
    place_layer_buffers(space, net, row)


cdef inline void place_thread_buffers(Workspace *space, const Net *whole, Net *net) noexcept nogil:
    """Place the buffers of one thread: its examples, and room for packing."""
    cdef const Layer *layer = &whole.shape.layers[0]
    cdef SparseBatch *batch = &net.batch.sparse
    cdef Py_ssize_t capacity = whole.shape.capacity
    cdef Py_ssize_t vectors = next_tile(layer.width // LANES)
    cdef Py_ssize_t weights = layer.n_in * layer.width * <Py_ssize_t> sizeof(real)
    net.batch.room = <real *> take(space, capacity * layer.ld_in * sizeof(real))
    net.batch.x_mask_bi = NULL
    if whole.shape.input_keep < 1:
        net.batch.x_mask_bi = <real *> take(space, capacity * layer.ld_in * sizeof(real))
    batch.most_columns = BLOCK_BYTES // (vectors * LANES * <Py_ssize_t> sizeof(real))
    # Few examples read few of a block's weights twice. But if narrow vectors read weights that fill
    # half of the second-level cache, blocks help even a few.
    batch.least_count = 3 if <int> LANES < <int> PAD and weights > LARGE_WEIGHTS else 16
    batch.rows = <SparseRow *> take(space, capacity * sizeof(SparseRow))
    batch.values = <real *> take(space, capacity * layer.ld_in * sizeof(real))
    net.thread.panel = <real *> take(space, PANEL_DEPTH * TILE_VECTORS * LANES * sizeof(real))


cdef inline void place_layer_buffers(Workspace *space, Net *net, Py_ssize_t row) noexcept nogil:
    """Place the errors, masks, derivatives and transposes of each layer."""
    cdef Layer *layer
    cdef Py_ssize_t l
    for l in range(net.shape.depth):
        layer = &net.shape.layers[l]
        layer.delta_bu = <real *> take(space, row * layer.ld)
        layer.total_u = <real *> take(space, layer.ld * sizeof(real))
        if layer.keep < 1:
            layer.mask_bu = <real *> take(space, row * layer.ld)
        if keeps_slope(layer.activation):
            layer.slope_bu = <real *> take(space, row * layer.ld)
        if l > 0 or space.to_inputs:
            layer.w_ui = <real *> take(space, layer.n_out * layer.ld_in * sizeof(real))
