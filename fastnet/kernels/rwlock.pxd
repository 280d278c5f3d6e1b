# cython: language_level=3
"""Who reads a network's parameters, and who writes: the part that costs nanoseconds."""

cdef extern from "rwlock.h" nogil:
    long guard_add(long *count, long n)
    long guard_read(long *count)
    void guard_pause()


cdef struct Gate:
    long readers
    long version  # odd while somebody writes or waits to


cdef inline bint enter(Gate *gate) noexcept nogil:
    """Begin to read, unless somebody writes. What is NULL is private and always open."""
    if gate == NULL:
        return True
    # First here, then a look: a writer does the same the other way round, so one sees the other.
    guard_add(&gate.readers, 1)
    if guard_read(&gate.version) & 1:
        guard_add(&gate.readers, -1)
        return False
    return True


cdef inline void leave(Gate *gate) noexcept nogil:
    """End reading. A writer may wait for this with the GIL held by others: call it without."""
    if gate != NULL:
        guard_add(&gate.readers, -1)


cdef class Guard:
    cdef Gate gate
    cdef object lock
    cdef int depth  # of the writing of the thread that holds the lock
    cdef object trainer
    cdef public object rng  # the network's, whose lock a fork waits for
    cdef object __weakref__
    cdef int enter_after_writers(self) except -1
    cdef bint begin_step(self, long version) except -1
    cdef int end_step(self) except -1
    cdef int begin_storing(self) except -1
    cdef int end_storing(self) except -1
