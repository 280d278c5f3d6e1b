"""The engine for prediction; a part of engine.pyx."""
cimport numpy as cnp
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from libc.string cimport memcpy

from fastnet.kernels.rows cimport Rows, Targets
from fastnet.kernels.minibatch cimport Inputs
from fastnet.kernels.rwlock cimport Gate, Guard, enter, leave
from fastnet.kernels.backprop cimport MAX_DEPTH, Answers, Layer, Net, Statistics
from fastnet.kernels.simd cimport real


cdef class PredictionEngine(Engine):
    """Predicts with parameters that are read in place, from the flat vector; see `Engine`.

    Attributes
    ----------
    most_elements : int
        Maximum number of elements of an array for `answer`; with more, several threads are faster.
    """

    cdef Py_ssize_t call_rows  # rows that `answer` takes between two checks for Ctrl-C
    cdef readonly Py_ssize_t most_elements
    cdef object flat  # kept alive, because the layers point into it

    def __cinit__(self, *_, **__):
        self.call_rows = self.capacity

    def set_limits(self, Py_ssize_t call_rows, Py_ssize_t most_rows):
        """Set the maximum number of rows of `answer` in one kernel call, and in one thread."""
        if not 1 <= call_rows or not 1 <= most_rows:
            raise ValueError("at least one row at a time")
        self.call_rows = call_rows
        self.most_elements = most_rows * self.net.shape.layers[0].n_in

    def attach(self, real[::1] flat not None):
        """Use this flat vector in place; PAD elements after its end must be readable."""
        self.check_flat(flat.shape[0])
        self.flat = flat
        self.lie_in(&flat[0])

    cdef void lie_in(self, real *source) noexcept nogil:
        """Point the layers to the parameters in the flat vector that begins at `source`."""
        cdef Layer *layer
        cdef Py_ssize_t l
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
            False if a row is not finite in this number type; then `out` is not complete.
        """
        cdef Net *net = &self.net
        cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
        cdef Inputs inputs = inputs_of(rows)
        cdef bytes copied = self.check_examples(rows, None, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        cdef Py_ssize_t done
        if out.shape[0] < stop or out.shape[1] != last.n_out:
            raise ValueError("out has a wrong shape for these outputs")
        self.begin_reading()
        with nogil:
            done = loops.predict(net, &inputs, places, stop - start, &out[start, 0])
            leave(self.gate)
        return done == stop - start

    def answer(self, cnp.ndarray a not None, cnp.ndarray parameters not None):
        """Fast path: return the outputs for a plain array; None if it does not apply to `a`.

        Parameters
        ----------
        a : ndarray of float64, float32 or uint8, shape (n_in,), (n_in, 1) or (n, n_in)
            Any strides; native byte order, aligned. If n_in is 1, a column is a batch.
        parameters : ndarray
            The network's flat vector, read in place.

        Returns
        -------
        ndarray of shape (n_out,), (n_out, 1) or (n, n_out), or None
            None also if the parameters have changed between two kernel calls.
        """
        cdef Net *net = &self.net
        cdef Inputs inputs
        cdef cnp.npy_intp shape[2]
        cdef int kind = own_type()
        cdef bint is_batch
        cdef Py_ssize_t n_in = net.shape.layers[0].n_in
        cdef Py_ssize_t n_out = net.shape.layers[net.shape.depth - 1].n_out
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t n, count, done
        cdef long version = 0
        cdef real *out
        # The dtype of the parameters is checked because users can assign it.
        if cnp.PyArray_TYPE(parameters) != kind or not lay_rows(a, n_in, &inputs, &n):
            return None
        if net.shape.layers[0].b_u != <real *> cnp.PyArray_DATA(parameters):
            self.attach(parameters)
        is_batch = cnp.PyArray_NDIM(a) == 2 and cnp.PyArray_DIM(a, 1) == n_in
        shape[0] = n if is_batch else n_out
        shape[1] = n_out if is_batch else 1
        try:
            outputs = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(a), shape, kind, 0)
        except (MemoryError, ValueError):
            return None
        out = <real *> cnp.PyArray_DATA(outputs)
        if n > self.call_rows and self.guard is not None:
            version = self.guard.version
        while True:
            count = min(self.call_rows, n - at)
            self.begin_reading()
            with nogil:
                done = loops.predict(net, &inputs, NULL, count, out)
                leave(self.gate)
            if done < count:
                return None
            at += count
            if at == n:
                break
            PyErr_CheckSignals()
            inputs.data += count * inputs.row_stride
            out += count * n_out
        if n > self.call_rows and self.guard is not None and self.guard.version != version:
            return None
        return outputs

    def answer_each(
        self, cnp.ndarray X not None, real[:, ::1] parameters not None, tuple guards not None,
        real[:, :, ::1] out not None, Py_ssize_t start, Py_ssize_t stop,
    ):
        """Write the outputs of networks start to stop, one after another, into `out`.

        Parameters
        ----------
        X : ndarray of float64, float32 or uint8, shape (n, n_in) or (k, n, n_in)
            The same rows for all k networks, or n for each. Any strides; native byte order,
            aligned.
        parameters : ndarray, shape (k, n_parameters)
            One row per network; PAD elements after the last must be readable.
        guards : tuple of Guard
            The guards of the networks, so that each is read between two changes.
        out : ndarray, shape (k, n, n_out)

        Returns
        -------
        int
            The first network with a row that is not finite in this number type, or `stop`.
        """
        cdef Net *net = &self.net
        cdef Inputs inputs
        cdef Py_ssize_t n_in = net.shape.layers[0].n_in
        cdef int ndim = cnp.PyArray_NDIM(X)
        cdef Py_ssize_t k = parameters.shape[0]
        cdef Py_ssize_t at = start
        cdef Py_ssize_t step = 0
        cdef Py_ssize_t n, done, i
        cdef bytes held = PyBytes_FromStringAndSize(NULL, max(stop - start, 0) * sizeof(Gate *))
        cdef Gate **gates = <Gate **> PyBytes_AS_STRING(held)
        self.check_flat(parameters.shape[1])
        if not 0 <= start < stop <= k or len(guards) != k or out.shape[0] != k:
            raise ValueError("the numbers of networks, guards and outputs differ")
        if ndim == 3 and cnp.PyArray_DIM(X, 0) == k:
            step = cnp.PyArray_STRIDE(X, 0)
        elif ndim != 2:
            raise ValueError("X must have two dimensions, or three with one block per network")
        rows = X if ndim == 2 else X[start]
        if cnp.PyArray_DIM(rows, 1) != n_in or not lay_rows(rows, n_in, &inputs, &n):
            raise ValueError("these rows do not fit this engine")
        if out.shape[1] != n or out.shape[2] != net.shape.layers[net.shape.depth - 1].n_out:
            raise ValueError("out has a wrong shape for these outputs")
        for i in range(stop - start):
            gates[i] = &(<Guard?> guards[start + i]).gate
        done = n
        while at < stop and done == n:
            if not enter(gates[at - start]):
                (<Guard> guards[at]).enter_after_writers()
            with nogil:
                while True:
                    self.lie_in(&parameters[at, 0])
                    done = loops.predict(net, &inputs, NULL, n, &out[at, 0, 0])
                    leave(gates[at - start])
                    if done < n:
                        break
                    at += 1
                    inputs.data += step
                    if at == stop or not enter(gates[at - start]):
                        break
        net.shape.layers[0].b_u = NULL  # the parameters are not kept alive
        return at

    def evaluate(
        self, Rows rows not None, Targets targets not None, const Py_ssize_t[::1] order not None,
        Py_ssize_t start, Py_ssize_t stop,
    ):
        """Return the sum of the costs, and the number of hits, of rows order[start:stop]."""
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
        """Add the statistics of rows order[start:stop] to sums[l], which begins with zeros.

        Over rows and units: their number, the mean of z and its rounding error, the standard
        deviation of z, the sum of sigma'(z), and the number of saturated ones.
        """
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Statistics collected[MAX_DEPTH]
        cdef bytes copied = self.check_examples(rows, None, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        cdef Py_ssize_t l
        if sums.shape[0] != net.shape.depth or sums.shape[1] * sizeof(double) != sizeof(Statistics):
            raise ValueError("sums must have one row of 6 per layer")
        for l in range(net.shape.depth):
            memcpy(&collected[l], &sums[l, 0], sizeof(Statistics))
        self.begin_reading()
        with nogil:
            loops.statistics(net, &inputs, places, stop - start, collected)
            leave(self.gate)
        for l in range(net.shape.depth):
            memcpy(&sums[l, 0], &collected[l], sizeof(Statistics))
