"""Random numbers for starting weights, drawn from a NumPy generator's bit stream.

`standard_normal` of a Generator is NumPy's ziggurat, called through NumPy's C interface. `randn` of
a legacy RandomState is the polar method of Marsaglia and Bray (1964), which NumPy does not export;
it is implemented here with NumPy's order of operations, and this file is compiled without
contraction into fused multiply-adds, so that all bits agree.
"""
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport fabs, log, sqrt
from libc.stdint cimport int64_t

import numpy as np

# Declared here, because NumPy's own declarations check its extension types at import, and that
# check fails with NumPy 2.4.0.
cdef extern from "numpy/random/bitgen.h":
    ctypedef struct bitgen_t:
        void *state
        double (*next_double)(void *state) noexcept nogil

cdef extern from "numpy/random/distributions.h":
    double random_standard_normal(bitgen_t *bits) noexcept nogil


cdef struct Source:
    bitgen_t *bits
    bint is_legacy
    bint has_spare  # whether a RandomState has the second normal number of a pair
    double spare


cdef enum:
    NORMAL = 1
    TRUNCATED = 2
    UNIFORM = 3


def fill(rng, double[::1] out, const int64_t[::1] counts, const int64_t[::1] kinds):
    """Fill `out` part by part, without draws of other threads in between, as one NumPy call would.

    The generator's lock is held from the first number to the last, and no user's code runs
    meanwhile.

    Parameters
    ----------
    rng : Generator, or RandomState over one of NumPy's own bit generators
        With a foreign bit generator, reading the spare normal of a RandomState may take its lock.
    out : ndarray of float64
    counts : ndarray of int64
        Numbers in each part.
    kinds : ndarray of int64
        1: standard normal. 2: standard normal, drawn again until it lies within two standard
        deviations. 3: uniform from 0 to 1. Anything else: not changed.
    """
    cdef Source source
    source.is_legacy = isinstance(rng, np.random.RandomState)
    bit_generator = rng._bit_generator if source.is_legacy else rng.bit_generator
    source.bits = <bitgen_t *> PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    lock = bit_generator.lock
    if not source.is_legacy:
        with lock, nogil:
            draw(&source, out, counts, kinds)
        return
    get_state, set_state = np.random.RandomState.get_state, np.random.RandomState.set_state
    with lock:
        # NumPy before 2.4 has a lock that is not reentrant, and these two calls do not take it.
        state = get_state(rng, False)
        source.has_spare, source.spare = state["has_gauss"], state["gauss"]
        with nogil:
            draw(&source, out, counts, kinds)
        state = get_state(rng, False)
        state["has_gauss"] = int(source.has_spare)
        state["gauss"] = source.spare if source.has_spare else 0.0
        set_state(rng, state)


cdef void draw(
    Source *source, double[::1] out, const int64_t[::1] counts, const int64_t[::1] kinds
) noexcept nogil:
    cdef Py_ssize_t part, i, start = 0
    cdef double z
    for part in range(counts.shape[0]):
        for i in range(start, start + counts[part]):
            if kinds[part] == NORMAL:
                out[i] = draw_normal(source)
            elif kinds[part] == TRUNCATED:
                z = draw_normal(source)
                while fabs(z) > 2.0:
                    z = draw_normal(source)
                out[i] = z
            elif kinds[part] == UNIFORM:
                out[i] = source.bits.next_double(source.bits.state)
        start += counts[part]


cdef double draw_normal(Source *source) noexcept nogil:
    cdef double x, y, squared, factor
    if not source.is_legacy:
        return random_standard_normal(source.bits)
    if source.has_spare:
        source.has_spare = False
        return source.spare
    while True:
        x = 2.0 * source.bits.next_double(source.bits.state) - 1.0
        y = 2.0 * source.bits.next_double(source.bits.state) - 1.0
        squared = x * x + y * y
        if squared < 1.0 and squared != 0.0:
            break
    factor = sqrt(-2.0 * log(squared) / squared)
    source.spare = factor * x
    source.has_spare = True
    return factor * y
