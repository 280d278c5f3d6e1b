# cython: language_level=3
"""What each of several threads does in a call of Engine.train: its columns, and its own buffers."""
from fastnet.kernels.crew cimport Member
from fastnet.kernels.fetch cimport Inputs
from fastnet.kernels.packing cimport take_panel
from fastnet.kernels.panels cimport padded
from fastnet.kernels.passes cimport Answers, Layer, Net
from fastnet.kernels.rules cimport Rule
from fastnet.kernels.simd cimport PAD

cdef enum:
    PROCEED = 1  # what is said to threads that wait until all have been started
    RETURN = 2
    WORTH_SHARING = 20_000  # multiply-adds of a layer and mini-batch, zeros left out


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
