# cython: language_level=3
"""The threads of a call of TrainingEngine.train: how many, their panels, and the training loop."""
from fastnet.kernels.threads cimport (
    Barrier, ThreadHandle, barrier_start, say_whether_to_start, thread_join, thread_start,
)
from fastnet.kernels.minibatch cimport Inputs, prefetch_rows
from fastnet.kernels.packing cimport take_panel
from fastnet.kernels.layout cimport padded
from fastnet.kernels.backprop cimport Answers, Batch, Layer, Net, apply_pending_decay
from fastnet.kernels.optimizers cimport Rule, is_plain, take_step
from fastnet.kernels.simd cimport PAD, real

cdef enum:
    START = 1  # decision for threads that wait until all have been started
    GIVE_UP = 2
    WORTH_SHARING = 20_000  # multiply-adds per layer and mini-batch, without zeros


# Types of functions that are compiled once for all callers.
ctypedef void (*Fetch)(Net *, const Inputs *, const Py_ssize_t *, Py_ssize_t) noexcept nogil
ctypedef void (*Forward)(Net *, Py_ssize_t) noexcept nogil
ctypedef void (*Errors)(Net *, const Answers *, const Py_ssize_t *, Py_ssize_t) noexcept nogil
ctypedef void (*Descend)(Net *, Py_ssize_t, real, real) noexcept nogil
ctypedef void (*Backward)(Net *, Py_ssize_t, bint) noexcept nogil


# One thread's part in a call of TrainingEngine.train.
cdef struct Task:
    Net net  # for threads other than the first
    Rule rule
    Net *shared_net  # the first thread's
    Rule *shared_rule
    const Inputs *inputs
    const Answers *answers
    const Py_ssize_t *order
    Py_ssize_t at
    Py_ssize_t stop
    Py_ssize_t position
    Py_ssize_t total
    Py_ssize_t mini_batch_size
    Py_ssize_t pending
    const double *etas
    ThreadHandle handle
    int *decision

ctypedef void (*Train)(Net *, Rule *, Task *) noexcept nogil
ctypedef void *(*Work)(void *) noexcept nogil


cdef inline bint is_worth_sharing(const Net *net, Py_ssize_t l, Py_ssize_t count) noexcept nogil:
    """Return whether layer l is enough work for several threads, for `count` examples."""
    cdef const Layer *layer = &net.shape.layers[l]
    cdef double work = <double> layer.n_in * layer.n_out * count
    if l == 0:
        work *= net.batch.density
    return layer.width > PAD and work >= WORTH_SHARING


cdef inline int panels_for(
    const Net *net, Py_ssize_t l, int n_threads, Py_ssize_t mini_batch_size
) noexcept nogil:
    """Return the number of threads that divide layer l."""
    cdef Py_ssize_t count = min(mini_batch_size, net.shape.capacity)
    if n_threads == 1 or not is_worth_sharing(net, l, count):
        return 1
    return <int> min(<Py_ssize_t> n_threads, padded(net.shape.layers[l].width) // PAD)


cdef inline int worthwhile_threads(
    const Net *net, int n_threads, Py_ssize_t mini_batch_size
) noexcept nogil:
    """Return the number of threads that have work; 1 if no layer is worth sharing."""
    cdef int most = 1
    cdef Py_ssize_t l
    for l in range(net.shape.depth):
        most = max(most, panels_for(net, l, n_threads, mini_batch_size))
    return most


cdef inline void divide(Net *net, int thread, int n_threads) noexcept nogil:
    """Give a thread its panels; layers that are not shared belong to the first thread."""
    cdef Py_ssize_t l
    net.thread.number = thread
    net.thread.count = n_threads
    for l in range(net.shape.depth):
        if thread < net.shape.layers[l].panels:
            take_panel(net, l, thread)
        else:
            net.shape.layers[l].first = net.shape.layers[l].last = 0


cdef inline void prepare_task(Task *task, const Task *first, int *decision) noexcept nogil:
    """Copy the first thread's network and rule, but keep own buffers for examples and gemm."""
    cdef Batch own = task.net.batch
    cdef real *panel = task.net.thread.panel
    cdef ThreadHandle handle = task.handle
    task[0] = first[0]
    task.handle = handle
    task.decision = decision
    task.net = first.shared_net[0]
    task.rule = first.shared_rule[0]
    task.net.batch.room = own.room
    task.net.batch.x_mask_bi = own.x_mask_bi
    task.net.batch.sparse = own.sparse
    task.net.thread.panel = panel


cdef inline void train_through(
    Net *net, Rule *rule, Task *task, Fetch run_fetch, Forward run_forward, Errors run_errors,
    Descend run_descend, Backward run_backward,
) noexcept nogil:
    """Train on the task's examples, one mini-batch after another."""
    cdef const Py_ssize_t *order
    cdef Py_ssize_t count, room, l
    cdef real *a_bu
    cdef double eta
    cdef bint whole
    cdef bint fused = is_plain(rule) and task.mini_batch_size <= net.shape.capacity
    while task.at < task.stop:
        order = task.order + task.at
        room = min(task.mini_batch_size, task.total - task.position + task.pending) - task.pending
        count = min(min(net.shape.capacity, room), task.stop - task.at)
        eta = task.etas[task.position // task.mini_batch_size]
        net.counters.position = task.position
        if net.thread.count > 1:
            # Other threads may still read the activations of the previous mini-batch.
            for l in range(net.shape.depth):
                a_bu = net.shape.layers[l].a_bu
                net.shape.layers[l].a_bu = net.shape.layers[l].other_a_bu
                net.shape.layers[l].other_a_bu = a_bu
        run_fetch(net, task.inputs, order, count)
        prefetch_rows(task.inputs, order + count, min(count, task.stop - task.at - count))
        run_forward(net, count)
        run_errors(net, task.answers, order, count)
        whole = fused and count == room and task.pending == 0
        if whole:
            run_descend(net, count, eta / count, 1 - eta * rule.l2)
            rule.t += 1
        else:
            apply_pending_decay(net)
            run_backward(net, count, task.pending == 0)
            task.pending += count
            if count == room:
                take_step(net, rule, task.pending, eta)
                task.pending = 0
        task.at += count
        task.position += count


cdef inline bint start_and_train(
    Net *net, Rule *rule, Task *tasks, Barrier *barrier, int n_threads, Train train, Work work
) noexcept nogil:
    """Train in several threads; return False, with nothing done, if they could not start."""
    cdef int decision = 0
    cdef int started = 1
    cdef int t
    barrier_start(barrier, n_threads)
    net.thread.barrier = barrier
    for t in range(1, n_threads):
        prepare_task(&tasks[t], &tasks[0], &decision)
        divide(&tasks[t].net, t, n_threads)
        if not thread_start(&tasks[t].handle, work, &tasks[t]):
            break
        started += 1
    say_whether_to_start(&decision, START if started == n_threads else GIVE_UP)
    if started == n_threads:
        divide(net, 0, n_threads)
        train(net, rule, &tasks[0])
        divide(net, 0, 1)
    for t in range(1, started):
        thread_join(&tasks[t].handle)
    return started == n_threads
