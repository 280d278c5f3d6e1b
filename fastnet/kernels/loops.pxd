# cython: language_level=3
"""The table of the functions that are compiled for each instruction set: an engine's loops.

Python's classes (engine.pyx) are compiled once for each number type and call the loops of the
variant in use through this table. The loops use no Python, allocate nothing and cannot fail.
"""
from fastnet.kernels.threads cimport Barrier
from fastnet.kernels.minibatch cimport Inputs
from fastnet.kernels.backprop cimport Answers, Net, Propagation, Statistics
from fastnet.kernels.optimizers cimport Rule
from fastnet.kernels.simd cimport real
from fastnet.kernels.parallel cimport Task
from fastnet.kernels.workspace cimport Workspace


# Targets that the fast paths accept.
cdef struct Expected:
    real lowest
    real highest
    bint sums_to_one
    bint one_class  # whether each row has a single 1, if all targets are -1, 0 or 1


cdef struct Loops:
    void (*shape_layer)(Net *, Py_ssize_t, Py_ssize_t, Py_ssize_t) noexcept nogil
    void (*place_buffers)(Workspace *, Net *, Rule *) noexcept nogil
    Py_ssize_t (*predict)(
        Net *, const Inputs *, const Py_ssize_t *, Py_ssize_t, real *
    ) noexcept nogil
    void (*evaluate)(
        Net *, const Inputs *, const Answers *, const Py_ssize_t *, Py_ssize_t
    ) noexcept nogil
    void (*statistics)(
        Net *, const Inputs *, const Py_ssize_t *, Py_ssize_t, Statistics *
    ) noexcept nogil
    void (*train)(Net *, Rule *, Task *) noexcept nogil
    bint (*train_together)(Net *, Rule *, Task *, Barrier *, int) noexcept nogil
    bint (*step)(Net *, Rule *, Task *, const Expected *) noexcept nogil
    bint (*differentiate)(
        Net *, const real *, const Answers *, Py_ssize_t, const Expected *
    ) noexcept nogil
    void (*gradient)(
        Net *, const Inputs *, const Answers *, const Py_ssize_t *, Py_ssize_t, bint, Propagation *
    ) noexcept nogil
    Py_ssize_t (*input_derivatives)(
        Net *, const Inputs *, const Answers *, const real *, const Py_ssize_t *, Py_ssize_t,
        const Expected *, real *
    ) noexcept nogil
