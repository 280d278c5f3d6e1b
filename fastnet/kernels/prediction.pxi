"""The engine that predicts; a part of engine.pyx."""
cimport numpy as cnp
from libc.string cimport memcpy

from fastnet.kernels.rows cimport Rows, Targets
from fastnet.kernels.minibatch cimport Inputs
from fastnet.kernels.rwlock cimport leave
from fastnet.kernels.backprop cimport MAX_DEPTH, Answers, Layer, Net, Statistics
from fastnet.kernels.simd cimport real


cdef class PredictionEngine(Engine):
    """Predicts with the flat vector of parameters where it lies; see `Engine`."""

    cdef object flat  # kept alive, for the layers point into it

    def attach(self, real[::1] flat not None):
        """Predict with the flat vector where it lies; it has PAD elements of slack behind it."""
        cdef real *source
        cdef Layer *layer
        cdef Py_ssize_t l
        self.check_flat(flat.shape[0])
        source = &flat[0]
        self.flat = flat
        for l in range(self.net.shape.depth):
            layer = &self.net.shape.layers[l]
            layer.b_u = source
            layer.w_iu = source + layer.n_out
            source += (layer.n_in + 1) * layer.n_out

    def predict(
        self, Rows rows not None, const Py_ssize_t[::1] order not None, Py_ssize_t start,
        Py_ssize_t stop, real[:, ::1] out not None,
    ):
        """Write the outputs for rows order[start:stop] into out[start:stop].

        Returns
        -------
        bool
            False where a row held, in this number type, what is not finite: `out` is not complete.
        """
        cdef Net *net = &self.net
        cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
        cdef Inputs inputs = inputs_of(rows)
        cdef bytes copied = self.check_examples(rows, None, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        cdef Py_ssize_t done
        if out.shape[0] < stop or out.shape[1] != last.n_out:
            raise ValueError("no room for these outputs")
        self.begin_reading()
        with nogil:
            done = loops.predict(net, &inputs, places, stop - start, &out[start, 0])
            leave(self.gate)
        return done == stop - start

    def answer(self, cnp.ndarray a not None, cnp.ndarray parameters not None):
        """The output for one example, by the shortest way; None where `a` needs a closer look.

        Parameters
        ----------
        a : ndarray of float64 or float32, contiguous, shape (n_in,) or (n_in, 1)
        parameters : ndarray
            The network's flat vector, read where it lies.

        Returns
        -------
        ndarray of shape (n_out,) or (n_out, 1), or None
        """
        cdef Net *net = &self.net
        cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
        cdef cnp.npy_intp shape[2]
        cdef int kind = cnp.PyArray_TYPE(a)
        cdef int ndim = cnp.PyArray_NDIM(a)
        cdef bint good
        cdef const void *data = cnp.PyArray_DATA(a)
        if (
            not cnp.PyArray_ISCARRAY_RO(a) or kind != cnp.NPY_DOUBLE and kind != cnp.NPY_FLOAT
            or cnp.PyArray_SIZE(a) != net.shape.layers[0].n_in or not 1 <= ndim <= 2
            or ndim == 2 and (cnp.PyArray_DIM(a, 1) != 1 or net.shape.layers[0].n_in == 1)
            or cnp.PyArray_TYPE(parameters) != own_type()  # its dtype can be assigned to
        ):
            return None
        if net.shape.layers[0].b_u != <real *> cnp.PyArray_DATA(parameters):
            self.attach(parameters)
        self.begin_reading()
        with nogil:
            good = loops.answer(net, data, kind == cnp.NPY_DOUBLE)
            leave(self.gate)
        if not good:
            return None
        shape[0] = last.n_out
        shape[1] = 1
        out = cnp.PyArray_EMPTY(ndim, shape, own_type(), 0)
        memcpy(cnp.PyArray_DATA(out), last.a_bu, last.n_out * sizeof(real))
        return out

    def evaluate(
        self, Rows rows not None, Targets targets not None, const Py_ssize_t[::1] order not None,
        Py_ssize_t start, Py_ssize_t stop,
    ):
        """Over rows order[start:stop]: the sum of their costs and how many are classified right."""
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Answers answers = answers_of(targets)
        cdef bytes copied = self.check_examples(rows, targets, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        self.begin_reading()
        with nogil:
            loops.evaluate(net, &inputs, &answers, places, stop - start)
            leave(self.gate)
        return net.counters.cost_sum, net.counters.hits

    def statistics(
        self, Rows rows not None, const Py_ssize_t[::1] order not None, Py_ssize_t start,
        Py_ssize_t stop, double[:, ::1] sums not None,
    ):
        """Take rows order[start:stop] into sums[l], which is zeros before the first of them.

        Over rows and units: their number; the mean of z, and what rounding has left out of it; the
        standard deviation of z; the sum of sigma'(z); how many are saturated.
        """
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Statistics collected[MAX_DEPTH]
        cdef bytes copied = self.check_examples(rows, None, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        cdef Py_ssize_t l
        if sums.shape[0] != net.shape.depth or sums.shape[1] * sizeof(double) != sizeof(Statistics):
            raise ValueError("sums must have a row of 6 a layer")
        for l in range(net.shape.depth):
            memcpy(&collected[l], &sums[l, 0], sizeof(Statistics))
        self.begin_reading()
        with nogil:
            loops.statistics(net, &inputs, places, stop - start, collected)
            leave(self.gate)
        for l in range(net.shape.depth):
            memcpy(&sums[l, 0], &collected[l], sizeof(Statistics))
