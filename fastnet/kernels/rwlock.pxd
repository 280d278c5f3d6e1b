# cython: language_level=3
"""The fast part of `Guard`: counting readers with atomic operations."""

cdef extern from "rwlock.h" nogil:
    long guard_add(long *count, long n)
    long guard_read(long *count)
    void guard_pause()


cdef struct Gate:
    long readers
    long version  # odd while a thread writes or waits to write


cdef inline bint enter(Gate *gate) noexcept nogil:
    """Begin to read, unless a thread writes. A NULL gate is private and always open."""
    if gate == NULL:
        return True
    # Count first, then check; a writer does both in reverse order, so that one sees the other.
    guard_add(&gate.readers, 1)
    if guard_read(&gate.version) & 1:
        guard_add(&gate.readers, -1)
        return False
    return True


cdef inline void leave(Gate *gate) noexcept nogil:
    """End reading. Call it without the GIL, which others may hold while a writer waits for this."""
    if gate != NULL:
        guard_add(&gate.readers, -1)


cdef class Guard:
    cdef Gate gate
    cdef object lock
    cdef int depth  # number of nested writes of the thread that has the lock
    cdef object trainer
    cdef public object rng  # the network's, whose lock a fork waits for
    cdef object __weakref__
    cdef int enter_after_writers(self) except -1
    cdef bint begin_step(self, long version) except -1
    cdef int end_step(self) except -1
    cdef int begin_storing(self) except -1
    cdef int end_storing(self) except -1
