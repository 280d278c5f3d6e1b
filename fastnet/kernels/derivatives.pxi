"""The engine for derivatives with respect to the inputs; a part of engine.pyx."""
cimport numpy as cnp
from cpython.long cimport PyLong_CheckExact
from libc.stdint cimport int32_t

from fastnet.kernels.rows cimport Rows, Targets
from fastnet.kernels.minibatch cimport Inputs
from fastnet.kernels.rwlock cimport leave
from fastnet.kernels.backprop cimport Answers, Net
from fastnet.kernels.simd cimport real


cdef class InputEngine(PredictionEngine):
    """Backpropagates errors to the inputs; reads parameters in place, as `PredictionEngine`."""

    def differentiate(
        self, Rows rows not None, Targets targets, const real[:, ::1] v,
        const Py_ssize_t[::1] order not None, Py_ssize_t start, Py_ssize_t stop,
        real[:, ::1] out not None,
    ):
        """Write derivatives with respect to the inputs of rows order[start:stop] into `out`.

        With targets, of each row's cost; with v, of the product of its outputs with v[start:stop];
        with neither, of each of the n_out outputs, which takes n_out rows of `out` for each row.

        Returns
        -------
        bool
            False if a row is not finite in this number type; then `out` is not complete.
        """
        cdef Net *net = &self.net
        cdef Inputs inputs = inputs_of(rows)
        cdef Answers answers
        cdef bytes copied = self.check_examples(rows, targets, order, start, stop)
        cdef const Py_ssize_t *places = places_in(copied)
        cdef Py_ssize_t n_out = net.shape.layers[net.shape.depth - 1].n_out
        cdef Py_ssize_t each = n_out if targets is None and v is None else 1
        cdef const Answers *of_cost = NULL
        cdef const real *of_outputs = NULL
        cdef Py_ssize_t done
        if (
            out.shape[0] < stop * each or out.shape[1] != net.shape.layers[0].n_in
            or v is not None and (v.shape[0] < stop or v.shape[1] != n_out)
        ):
            raise ValueError("out or v has a wrong shape for these rows")
        if targets is not None:
            answers = answers_of(targets)
            of_cost = &answers
        elif v is not None:
            of_outputs = &v[start, 0]
        self.begin_reading()
        with nogil:
            done = loops.input_derivatives(net, &inputs, of_cost, of_outputs, places, stop - start,
                                           NULL, &out[start * each, 0])
            leave(self.gate)
        return done == stop - start

    def answer_derivatives(
        self, cnp.ndarray a not None, given, bint of_cost, cnp.ndarray parameters not None
    ):
        """Fast path of `differentiate` for a few plain rows; None if it does not apply.

        Parameters
        ----------
        a : ndarray
            As for `answer`.
        given : ndarray, int or None
            If `of_cost`, the targets y of these rows; else the errors of the outputs, or None for
            the derivatives of each output.
        parameters : ndarray
            The network's flat vector, read in place.

        Returns
        -------
        ndarray or None
            Of the shape of `a`; for each output (n_out, n_in) for one row, else (n, n_out, n_in).
        """
        cdef Net *net = &self.net
        cdef Inputs inputs
        cdef Answers answers
        cdef cnp.npy_intp shape[3]
        cdef cnp.npy_intp *where = shape
        cdef Py_ssize_t n_in = net.shape.layers[0].n_in
        cdef Py_ssize_t n_out = net.shape.layers[net.shape.depth - 1].n_out
        cdef int ndim = cnp.PyArray_NDIM(a)
        cdef int kind = own_type()
        cdef Py_ssize_t n, done
        cdef int32_t label
        cdef bint is_batch
        cdef const Answers *targets = NULL
        cdef const real *v = NULL
        cdef real *out
        if cnp.PyArray_TYPE(parameters) != kind or not lay_rows(a, n_in, &inputs, &n):
            return None
        if n * (n_out if given is None else 1) > self.call_rows:
            return None
        is_batch = ndim == 2 and cnp.PyArray_DIM(a, 1) == n_in
        held = given
        if PyLong_CheckExact(given):
            if is_batch or not of_cost or n_out == 1 or not 0 <= given < n_out:
                return None
            label = given
            answers.n_out = n_out
            answers.labels = &label
            answers.y = answers.sample_weights = NULL
        elif given is not None:
            if not isinstance(given, cnp.ndarray):
                return None
            held = take_targets(given, n, n_out, &answers, not is_batch)
            if held is None or not of_cost and answers.labels != NULL:
                return None
            v = answers.y
        if of_cost:
            targets = &answers
            v = NULL
        if net.shape.layers[0].b_u != <real *> cnp.PyArray_DATA(parameters):
            self.attach(parameters)
        if given is None:
            shape[:] = [n, n_out, n_in]
            if not is_batch:
                where += 1
            ndim = 2 + is_batch
        else:
            shape[0] = cnp.PyArray_DIM(a, 0)
            shape[1] = cnp.PyArray_DIM(a, ndim - 1)
        try:
            derivatives = cnp.PyArray_EMPTY(ndim, where, kind, 0)
        except (MemoryError, ValueError):
            return None
        out = <real *> cnp.PyArray_DATA(derivatives)
        self.begin_reading()
        with nogil:
            done = loops.input_derivatives(net, &inputs, targets, v, NULL, n, &self.expected, out)
            leave(self.gate)
        return derivatives if done == n else None
