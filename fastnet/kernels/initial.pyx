"""Starting weights, drawn from a NumPy generator's own bit stream.

`standard_normal` of a Generator is NumPy's ziggurat, called through NumPy's C interface. `randn`
of a legacy RandomState is the polar method of Marsaglia and Bray (1964), which NumPy does not
export; it is written out here in NumPy's order of operations, and this file is compiled without
contraction into fused multiply-adds, so that every bit agrees.
"""
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport log, sqrt
from numpy.random cimport bitgen_t
from numpy.random.c_distributions cimport random_standard_normal

cdef fused number:
    double
    float


cdef struct Polar:
    bitgen_t *bits
    bint has_spare
    double spare


cdef double polar_normal(Polar *state) noexcept nogil:
    cdef double x, y, squared, factor
    if state.has_spare:
        state.has_spare = False
        return state.spare
    while True:
        x = 2.0 * state.bits.next_double(state.bits.state) - 1.0
        y = 2.0 * state.bits.next_double(state.bits.state) - 1.0
        squared = x * x + y * y
        if squared < 1.0 and squared != 0.0:
            break
    factor = sqrt(-2.0 * log(squared) / squared)
    state.spare = factor * x
    state.has_spare = True
    return factor * y


def fill_normal(bit_generator, number[:, :] out, double divisor):
    """out = standard_normal(out.shape) / divisor, drawn in C order of out.

    Parameters
    ----------
    bit_generator : numpy.random.BitGenerator
        Its lock is held while drawing.
    out : array of float64 or float32, any strides
    divisor : float
        The quotient is formed in float64 and then rounded to the type of `out`.
    """
    cdef bitgen_t *bits = <bitgen_t *> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    cdef Py_ssize_t row, col
    with bit_generator.lock, nogil:
        for row in range(out.shape[0]):
            for col in range(out.shape[1]):
                out[row, col] = <number> (random_standard_normal(bits) / divisor)


def fill_legacy_normal(bit_generator, number[:, :] out, double divisor, bint has_spare, double spare):
    """The same as `fill_normal` for RandomState.randn.

    Returns
    -------
    has_spare, spare
        The polar method draws pairs; these carry the second of a pair on to the next call.
    """
    cdef Polar state
    cdef Py_ssize_t row, col
    state.bits = <bitgen_t *> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    state.has_spare = has_spare
    state.spare = spare
    with bit_generator.lock, nogil:
        for row in range(out.shape[0]):
            for col in range(out.shape[1]):
                out[row, col] = <number> (polar_normal(&state) / divisor)
    return bool(state.has_spare), (state.spare if state.has_spare else 0.0)
