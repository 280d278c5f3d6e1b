"""The loops of an engine, compiled once for every number type and instruction set (see setup.py).

`net` is always an engine's: its layers have parameters, and its buffers have room for `capacity`
examples. Every function overwrites the buffers, but parameters and optimizer's vectors only if its
docstring says so.
"""
from cpython.pycapsule cimport PyCapsule_New
from libc.float cimport FLT_MAX
from libc.math cimport fabs
from libc.string cimport memcpy, memset

from fastnet.kernels.threads cimport Barrier, wait_whether_to_start
from fastnet.kernels.minibatch cimport Inputs, are_finite, fetch, is_finite, is_sparse
from fastnet.kernels.activations cimport IDENTITY, SOFTMAX, activate
from fastnet.kernels.gemm cimport Operands, gemm
from fastnet.kernels.inputs cimport (
    copy_rows, given_errors, repeat_examples, write_input_errors,
)
from fastnet.kernels.loops cimport Expected, Loops
from fastnet.kernels.sparsify cimport compress, is_better_sparse
from fastnet.kernels.backprop cimport (
    Answers, Layer, Net, Propagation, Statistics, activate_layer, add_cost_and_hit,
    apply_pending_decay, backward, errors, forward, note_propagation,
)
from fastnet.kernels.optimizers cimport Rule
from fastnet.kernels.simd cimport LANES, real
from fastnet.kernels.storage cimport STRIDED_DOUBLE
from fastnet.kernels.parallel cimport START, Task, start_and_train, train_through
from fastnet.kernels.workspace cimport Workspace, place_buffers, shape_layer

# One compiled copy of each function that would otherwise be inlined at every call.

cdef void run_transform(
    int activation, real *a_u, real *slope_u, Py_ssize_t ld
) noexcept nogil:
    activate(activation, a_u, slope_u, ld)


cdef void run_activate(Net *net, Py_ssize_t l, Py_ssize_t count) noexcept nogil:
    activate_layer(net, l, count, run_transform)


cdef void run_forward(Net *net, Py_ssize_t count) noexcept nogil:
    forward(net, count, run_activate)


cdef void run_descend(Net *net, Py_ssize_t count, real step, real decay) noexcept nogil:
    backward(net, count, True, False, step, decay)


cdef void run_backward(Net *net, Py_ssize_t count, bint first) noexcept nogil:
    backward(net, count, False, first, 0, 1)


cdef void run_errors(
    Net *net, const Answers *targets, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    errors(net, targets, order, count, run_activate, run_transform)


cdef void run_fetch(
    Net *net, const Inputs *rows, const Py_ssize_t *order, Py_ssize_t count
) noexcept nogil:
    fetch(net, rows, order, count)


cdef void run_product(
    const Operands *p, Py_ssize_t m, Py_ssize_t m_end, Py_ssize_t n, Py_ssize_t n_end
) noexcept nogil:
    gemm(p, m, m_end, n, n_end)


cdef void shape(Net *net, Py_ssize_t l, Py_ssize_t n_in, Py_ssize_t n_out) noexcept nogil:
    """Set the sizes of layer l, in whole vectors."""
    shape_layer(net, l, n_in, n_out)


cdef void place(Workspace *space, Net *net, Rule *rule) noexcept nogil:
    """Place every buffer in the workspace, or only measure them if that has no memory yet."""
    net.thread.product = run_product
    place_buffers(space, net, rule)


cdef inline bint run_outputs(
    Net *net, const Inputs *inputs, const Py_ssize_t *places, Py_ssize_t count
) noexcept nogil:
    """Fetch rows places[:count] and run the forward pass; return False if a row is not finite.

    All layers except the last are activated.
    """
    run_fetch(net, inputs, places, count)
    if not net.batch.is_sparse and is_better_sparse(net, count):
        compress(net, count)
    run_forward(net, count)
    return not net.batch.not_finite or is_sparse(inputs) or are_finite(net, count)


cdef void write_outputs(Net *net, Py_ssize_t count, real *out, Py_ssize_t room) noexcept nogil:
    """Write a of the last layer, from its z, into `out`, which has room for `room` numbers.

    Narrow rows lie there without their padding, so that less has to be activated.
    """
    cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
    cdef Py_ssize_t n = count * last.n_out
    cdef Py_ssize_t rest = n % LANES
    cdef Py_ssize_t whole = n - rest
    cdef bint afterwards = count > 1 and last.n_out < last.ld and last.activation != SOFTMAX
    if not afterwards and last.activation != IDENTITY:
        run_activate(net, net.shape.depth - 1, count)
    copy_rows(last.a_bu, last.ld, last.n_out, count, out, room)
    if not afterwards or last.activation == IDENTITY:
        return
    run_transform(last.activation, out, NULL, whole)
    if rest > 0:
        memset(last.a_bu, 0, LANES * sizeof(real))
        memcpy(last.a_bu, out + whole, rest * sizeof(real))
        run_transform(last.activation, last.a_bu, NULL, LANES)
        memcpy(out + whole, last.a_bu, rest * sizeof(real))


cdef Py_ssize_t predict(
    Net *net, const Inputs *inputs, const Py_ssize_t *places, Py_ssize_t n, real *out
) noexcept nogil:
    """Write the outputs for rows places[:n]; return how many are done before a bad one, or n.

    If `places` is NULL, the rows are dense and in order.
    """
    cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
    cdef Inputs here = inputs[0]
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t count
    net.batch.checking = True
    while at < n:
        count = min(net.shape.capacity, n - at)
        if not run_outputs(net, &here, places, count):
            break
        write_outputs(net, count, out + at * last.n_out, (n - at) * last.n_out)
        at += count
        if places != NULL:
            places += count
        else:
            here.data += count * here.row_stride
    net.batch.checking = False
    return at


cdef void evaluate(
    Net *net, const Inputs *inputs, const Answers *answers, const Py_ssize_t *places, Py_ssize_t n
) noexcept nogil:
    """Set net.counters.cost_sum and net.counters.hits to those of rows places[:n]."""
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t count, b
    net.counters.cost_sum = 0
    net.counters.hits = 0
    while at < n:
        count = min(net.shape.capacity, n - at)
        run_fetch(net, inputs, places + at, count)
        run_forward(net, count)
        for b in range(count):
            add_cost_and_hit(net, answers, places[at + b], b, run_transform)
        at += count


cdef void statistics(
    Net *net, const Inputs *inputs, const Py_ssize_t *places, Py_ssize_t n, Statistics *collected
) noexcept nogil:
    """Add the statistics of rows places[:n] to collected[l]."""
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t count
    net.counters.statistics = collected
    while at < n:
        count = min(net.shape.capacity, n - at)
        run_fetch(net, inputs, places + at, count)
        run_forward(net, count)
        run_activate(net, net.shape.depth - 1, count)
        at += count
    net.counters.statistics = NULL


cdef void train(Net *net, Rule *rule, Task *task) noexcept nogil:
    """Train on the task's examples; overwrites parameters, gradient and optimizer's vectors."""
    train_through(
        net, rule, task, run_fetch, run_forward, run_errors, run_descend, run_backward
    )


cdef void *work(void *argument) noexcept nogil:
    """Run a thread other than the first."""
    cdef Task *task = <Task *> argument
    if wait_whether_to_start(task.decision) == START:
        train(&task.net, &task.rule, task)
    return NULL


cdef bint train_together(
    Net *net, Rule *rule, Task *tasks, Barrier *barrier, int n_threads
) noexcept nogil:
    """As `train`, in several threads; return False, with nothing done, if they could not start."""
    return start_and_train(net, rule, tasks, barrier, n_threads, train, work)


cdef bint are_expected(
    const real *y, Py_ssize_t n, Py_ssize_t n_out, const Expected *expected
) noexcept nogil:
    """Return whether targets are finite and as expected."""
    cdef Py_ssize_t _b, u, ones
    cdef Py_ssize_t odd = 0, others = 0, rows = 0
    cdef real total
    if not is_finite(y, n * n_out):
        return False
    for _b in range(n):
        total = 0
        ones = 0
        for u in range(n_out):
            odd += not expected.lowest <= y[u] <= expected.highest
            ones += y[u] == 1
            others += y[u] != 1 and y[u] != 0 and y[u] != -1
            total += y[u]
        odd += expected.sums_to_one and not -0.0005 <= total - 1 <= 0.0005
        rows += ones != 1
        y += n_out
    return odd == 0 and not (expected.one_class and rows > 0 and others == 0)


cdef bint are_below_largest(
    const real *x, Py_ssize_t count, Py_ssize_t n, Py_ssize_t ld
) noexcept nogil:
    """Return whether all elements are below the largest float, to which larger ones may round."""
    cdef Py_ssize_t b, i
    cdef int beyond = 0
    for b in range(count):
        for i in range(n):
            beyond += not fabs(x[b * ld + i]) < FLT_MAX
    return beyond == 0


cdef bint step(Net *net, Rule *rule, Task *task, const Expected *expected) noexcept nogil:
    """As `train`, for one step on dense rows; return False if data or results are not accepted."""
    cdef Py_ssize_t n_in = net.shape.layers[0].n_in
    cdef Py_ssize_t n_targets = net.shape.loss.n_targets
    if task.answers.y != NULL and not are_expected(task.answers.y, task.stop, n_targets, expected):
        return False
    net.batch.checking = True
    train(net, rule, task)
    net.batch.checking = False
    if net.batch.not_finite or not is_finite(net.shape.packed, net.shape.n_packed):
        return False
    return (
        sizeof(real) == sizeof(double) or task.inputs.storage != STRIDED_DOUBLE
        or are_below_largest(net.batch.x_bi, task.stop, n_in, net.batch.x_ld)
    )


cdef bint differentiate(
    Net *net, const real *x, const Answers *answers, Py_ssize_t n, const Expected *expected
) noexcept nogil:
    """Write the gradient of n dense rows to nabla; return False if rows or targets are bad."""
    cdef Py_ssize_t n_in = net.shape.layers[0].n_in
    cdef Py_ssize_t n_targets = net.shape.loss.n_targets
    net.shape.scale = 1
    net.batch.is_sparse = False
    if not is_finite(x, n * n_in) or not are_expected(answers.y, n, n_targets, expected):
        return False
    net.batch.x_bi = x
    net.batch.x_ld = n_in
    run_forward(net, n)
    run_errors(net, answers, NULL, n)
    run_backward(net, n, True)
    return True


cdef Py_ssize_t input_derivatives(
    Net *net, const Inputs *inputs, const Answers *answers, const real *v,
    const Py_ssize_t *places, Py_ssize_t n, const Expected *expected, real *out,
) noexcept nogil:
    """Write derivatives with respect to inputs of rows places[:n]; return how many are done, or -1.

    With `answers`, of each row's cost; with `v`, of the product of its outputs with a row of `v`;
    with neither, of each output, which takes that many rows of `out`. `places` is as for `predict`;
    without it, answers are in the order of the rows. It returns -1 if targets are not as
    `expected`, or numbers of `v` are not finite; if `expected` is NULL, neither is checked.
    """
    cdef Layer *last = &net.shape.layers[net.shape.depth - 1]
    cdef Py_ssize_t n_in = net.shape.layers[0].n_in
    cdef Py_ssize_t each = last.n_out if answers == NULL and v == NULL else 1
    cdef Py_ssize_t times = min(each, net.shape.capacity)
    cdef Inputs here = inputs[0]
    cdef Answers targets
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t count, first, part
    if answers != NULL:
        targets = answers[0]
    if expected != NULL and (
        v != NULL and not is_finite(v, n * last.n_out)
        or answers != NULL and answers.y != NULL
        and not are_expected(answers.y, n, last.n_out, expected)
    ):
        return -1
    net.batch.checking = True
    while at < n:
        count = min(net.shape.capacity // times, n - at)
        if not run_outputs(net, &here, places, count):
            break
        if answers != NULL:
            run_errors(net, &targets, places, count)
        else:
            run_activate(net, net.shape.depth - 1, count)
            repeat_examples(net, count, times)
        first = 0
        while first < each:
            part = min(times, each - first)
            if answers == NULL:
                given_errors(net, count * part, v, first, part)
            run_backward(net, count * part, True)
            write_input_errors(net, count * part, out, ((n - at) * each - first) * n_in)
            out += count * part * n_in
            first += part
        at += count
        if v != NULL:
            v += count * last.n_out
        if places != NULL:
            places += count
            continue
        here.data += count * here.row_stride
        if answers == NULL:
            continue
        if targets.labels != NULL:
            targets.labels += count
        else:
            targets.y += count * last.n_out
    net.batch.checking = False
    return at


cdef void gradient(
    Net *net, const Inputs *inputs, const Answers *answers, const Py_ssize_t *places, Py_ssize_t n,
    bint add, Propagation *seen,
) noexcept nogil:
    """Write the gradient of rows places[:n] to net.shape.nabla, or add it to that.

    Unless `seen` is NULL, add statistics to it.
    """
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t count
    apply_pending_decay(net)
    if seen != NULL:
        net.counters.statistics = seen.forward
        net.counters.saturated_u = seen.saturated_u
    while at < n:
        count = min(net.shape.capacity, n - at)
        run_fetch(net, inputs, places + at, count)
        run_forward(net, count)
        run_errors(net, answers, places + at, count)
        run_backward(net, count, at == 0 and not add)
        if seen != NULL:
            note_propagation(net, count, seen)
        at += count
    net.counters.statistics = NULL
    net.counters.saturated_u = NULL


cdef Loops _table
_table.shape_layer = shape
_table.place_buffers = place
_table.predict = predict
_table.evaluate = evaluate
_table.statistics = statistics
_table.train = train
_table.train_together = train_together
_table.step = step
_table.differentiate = differentiate
_table.gradient = gradient
_table.input_derivatives = input_derivatives

#: The table for the engine of the same number type.
table = PyCapsule_New(&_table, "fastnet.kernels.Loops", NULL)
