"""Starting weights, drawn from a NumPy generator's own bit stream.

`standard_normal` of a Generator is NumPy's ziggurat, called through NumPy's C interface. `randn`
of a legacy RandomState is the polar method of Marsaglia and Bray (1964), which NumPy does not
export; it is written out here in NumPy's order of operations, and this file is compiled without
contraction into fused multiply-adds, so that every bit agrees.
"""
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport fabs, log, sqrt
from numpy.random cimport bitgen_t
from numpy.random.c_distributions cimport random_standard_normal

import numpy as np

cdef fused number:
    double
    float


cdef class Stream:
    """Draws into arrays, in C order of each, from one generator, whose lock is held meanwhile.

    A RandomState keeps the spare normal of each pair outside its bit generator; it is fetched when
    the stream is made, and `close` puts it back.

    Parameters
    ----------
    rng : Generator or RandomState
    """

    cdef object rng
    cdef object lock
    cdef object source  # keeps the bit generator alive
    cdef bitgen_t *bits
    cdef bint legacy
    cdef bint has_spare
    cdef double spare

    def __cinit__(self, rng):
        self.rng = rng
        self.legacy = isinstance(rng, np.random.RandomState)
        self.source = rng._bit_generator if self.legacy else rng.bit_generator
        self.lock = self.source.lock
        self.bits = <bitgen_t *> PyCapsule_GetPointer(self.source.capsule, "BitGenerator")
        if self.legacy:
            state = rng.get_state(legacy=False)
            self.has_spare = state["has_gauss"]
            self.spare = state["gauss"]

    def close(self):
        """Leave the generator as NumPy would have left it."""
        if self.legacy:
            state = self.rng.get_state(legacy=False)
            state["has_gauss"] = int(self.has_spare)
            state["gauss"] = self.spare if self.has_spare else 0.0
            self.rng.set_state(state)

    cdef double draw_normal(self) noexcept nogil:
        cdef double x, y, squared, factor
        if not self.legacy:
            return random_standard_normal(self.bits)
        if self.has_spare:
            self.has_spare = False
            return self.spare
        while True:
            x = 2.0 * self.bits.next_double(self.bits.state) - 1.0
            y = 2.0 * self.bits.next_double(self.bits.state) - 1.0
            squared = x * x + y * y
            if squared < 1.0 and squared != 0.0:
                break
        factor = sqrt(-2.0 * log(squared) / squared)
        self.spare = factor * x
        self.has_spare = True
        return factor * y

    def normal(self, number[:, :] out, double factor=1.0, double divisor=1.0):
        """out = standard_normal(out.shape) * factor / divisor, in float64 and then rounded."""
        cdef Py_ssize_t row, col
        with self.lock, nogil:
            for row in range(out.shape[0]):
                for col in range(out.shape[1]):
                    out[row, col] = <number> (self.draw_normal() * factor / divisor)

    def truncated_normal(self, number[:, :] out, double factor, double bound):
        """The same, but each standard normal is drawn again until it lies within +-bound."""
        cdef Py_ssize_t row, col
        cdef double z
        with self.lock, nogil:
            for row in range(out.shape[0]):
                for col in range(out.shape[1]):
                    z = self.draw_normal()
                    while fabs(z) > bound:
                        z = self.draw_normal()
                    out[row, col] = <number> (z * factor)

    def uniform(self, number[:, :] out, double low, double high):
        """out = uniform(low, high, out.shape)."""
        cdef Py_ssize_t row, col
        cdef double width = high - low
        with self.lock, nogil:
            for row in range(out.shape[0]):
                for col in range(out.shape[1]):
                    out[row, col] = <number> (low + width * self.bits.next_double(self.bits.state))

    def orthogonal(self, number[:, :] out, double gain, double[:, ::1] scratch):
        """Fill `out` with gain times an orthonormal matrix, uniform over all of them (Haar).

        Normals are drawn in C order into `scratch`, whose shape is that of `out` or, where `out`
        has fewer rows than columns, of its transpose; then its columns are made orthonormal from
        left to right, each twice against those before it: the Q of a QR decomposition whose R has a
        positive diagonal (Saxe et al. 2014; Mezzadri 2007 on the signs).
        """
        cdef Py_ssize_t rows = scratch.shape[0]
        cdef Py_ssize_t cols = scratch.shape[1]
        cdef Py_ssize_t row, col
        cdef bint turned = out.shape[0] < out.shape[1]
        self.normal(scratch)
        with nogil:
            orthonormalize(&scratch[0, 0], rows, cols)
            for row in range(rows):
                for col in range(cols):
                    if turned:
                        out[col, row] = <number> (gain * scratch[row, col])
                    else:
                        out[row, col] = <number> (gain * scratch[row, col])


cdef void orthonormalize(double *a, Py_ssize_t rows, Py_ssize_t cols) noexcept nogil:
    """Gram and Schmidt's columns in their modified form, each gone over twice."""
    cdef Py_ssize_t col, before, row, _again
    cdef double dot, norm
    for col in range(cols):
        for _again in range(2):
            for before in range(col):
                dot = 0
                for row in range(rows):
                    dot += a[row * cols + before] * a[row * cols + col]
                for row in range(rows):
                    a[row * cols + col] -= dot * a[row * cols + before]
        norm = 0
        for row in range(rows):
            norm += a[row * cols + col] * a[row * cols + col]
        norm = sqrt(norm)
        for row in range(rows):
            a[row * cols + col] /= norm
