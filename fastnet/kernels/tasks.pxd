# cython: language_level=3
"""What threads do in a call of Engine.train: which of them work, on which panels, and the walk."""
from fastnet.kernels.crew cimport (
    Barrier, Member, barrier_start, give_verdict, member_join, member_start,
)
from fastnet.kernels.fetch cimport Inputs, announce, fetch
from fastnet.kernels.packing cimport take_panel
from fastnet.kernels.panels cimport padded
from fastnet.kernels.passes cimport Answers, Layer, Net, errors, fold
from fastnet.kernels.rules cimport Rule, is_plain, take_step
from fastnet.kernels.simd cimport PAD, real

cdef enum:
    PROCEED = 1  # what is said to threads that wait until all have been started
    RETURN = 2
    WORTH_SHARING = 20_000  # multiply-adds of a layer and mini-batch, zeros left out


# Forward and backward, of which one copy serves all their callers.
ctypedef void (*Forward)(Net *, Py_ssize_t) noexcept nogil
ctypedef void (*Backward)(Net *, Py_ssize_t, bint, bint, real, real) noexcept nogil


# One thread's part in a call of Engine.train.
cdef struct Task:
    Net net  # of threads other than the first
    Rule rule
    Net *shared_net  # the first one's
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
    Member member
    int *verdict

ctypedef void (*Walk)(Net *, Rule *, Task *) noexcept nogil
ctypedef void *(*Work)(void *) noexcept nogil


cdef inline bint is_worth_sharing(const Net *net, Py_ssize_t l, Py_ssize_t count) noexcept nogil:
    cdef const Layer *layer = &net.layers[l]
    cdef double work = <double> layer.n_in * layer.n_out * count
    if l == 0:
        work *= net.density
    return layer.width > PAD and work >= WORTH_SHARING


cdef inline int panels_for(
    const Net *net, Py_ssize_t l, int n_threads, Py_ssize_t mini_batch_size
) noexcept nogil:
    """Of how many of the threads layer l is work."""
    cdef Py_ssize_t count = min(mini_batch_size, net.capacity)
    if n_threads == 1 or not is_worth_sharing(net, l, count):
        return 1
    return <int> min(<Py_ssize_t> n_threads, padded(net.layers[l].width) // PAD)


cdef inline int worthwhile_threads(
    const Net *net, int n_threads, Py_ssize_t mini_batch_size
) noexcept nogil:
    """How many of the threads find work; one, where none of the layers is worth sharing."""
    cdef int most = 1
    cdef Py_ssize_t l
    for l in range(net.depth):
        most = max(most, panels_for(net, l, n_threads, mini_batch_size))
    return most


cdef inline void divide(Net *net, int thread, int n_threads) noexcept nogil:
    """Give a thread its panels; what is not shared is the first one's."""
    cdef Py_ssize_t l
    net.thread = thread
    net.n_threads = n_threads
    for l in range(net.depth):
        if thread < net.layers[l].panels:
            take_panel(net, l, thread)
        else:
            net.layers[l].first = net.layers[l].last = 0


cdef inline void prepare_task(Task *task, const Task *first, int *verdict) noexcept nogil:
    """The first thread's network and rule, but with the examples and panel of its own."""
    cdef Net own = task.net
    cdef Member member = task.member
    task[0] = first[0]
    task.member = member
    task.verdict = verdict
    task.net = first.shared_net[0]
    task.rule = first.shared_rule[0]
    task.net.room = own.room
    task.net.x_mask_bi = own.x_mask_bi
    task.net.batch = own.batch
    task.net.panel = own.panel


cdef inline void walk_through(
    Net *net, Rule *rule, Task *task, Forward run_forward, Backward run_backward
) noexcept nogil:
    """Train on the task's examples, mini-batch after mini-batch."""
    cdef const Py_ssize_t *order
    cdef Py_ssize_t count, room, l
    cdef real *a_bu
    cdef double eta
    cdef bint whole
    cdef bint fused = is_plain(rule) and task.mini_batch_size <= net.capacity
    while task.at < task.stop:
        order = task.order + task.at
        room = min(task.mini_batch_size, task.total - task.position + task.pending) - task.pending
        count = min(min(net.capacity, room), task.stop - task.at)
        eta = task.etas[task.position // task.mini_batch_size]
        net.position = task.position
        if net.n_threads > 1:
            # Others may still read the activations of the mini-batch before.
            for l in range(net.depth):
                a_bu = net.layers[l].a_bu
                net.layers[l].a_bu = net.layers[l].other_a_bu
                net.layers[l].other_a_bu = a_bu
        fetch(net, task.inputs, order, count)
        announce(task.inputs, order + count, min(count, task.stop - task.at - count))
        run_forward(net, count)
        errors(net, task.answers, order, count)
        whole = fused and count == room and task.pending == 0
        if whole:
            run_backward(net, count, True, False, eta / count, 1 - eta * rule.l2)
            rule.t += 1
        else:
            fold(net)
            run_backward(net, count, False, task.pending == 0, 0, 1)
            task.pending += count
            if count == room:
                take_step(net, rule, task.pending, eta)
                task.pending = 0
        task.at += count
        task.position += count


cdef inline bint walk_together(
    Net *net, Rule *rule, Task *tasks, Barrier *barrier, int n_threads, Walk walk, Work work
) noexcept nogil:
    """Let threads walk side by side; False, and nothing done, where they could not start."""
    cdef int verdict = 0
    cdef int started = 1
    cdef int t
    barrier_start(barrier, n_threads)
    net.barrier = barrier
    for t in range(1, n_threads):
        prepare_task(&tasks[t], &tasks[0], &verdict)
        divide(&tasks[t].net, t, n_threads)
        if not member_start(&tasks[t].member, work, &tasks[t]):
            break
        started += 1
    give_verdict(&verdict, PROCEED if started == n_threads else RETURN)
    if started == n_threads:
        divide(net, 0, n_threads)
        walk(net, rule, &tasks[0])
        divide(net, 0, 1)
    for t in range(1, started):
        member_join(&tasks[t].member)
    return started == n_threads
