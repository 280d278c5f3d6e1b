# cython: language_level=3
"""Threads that work on one network together; see threads.h."""

ctypedef void *(*Work)(void *) noexcept nogil

cdef extern from "threads.h" nogil:
    enum:
        HAVE_THREADS  # whether this platform has threads
    ctypedef struct Barrier:
        pass
    ctypedef struct ThreadHandle:
        pass
    void barrier_start(Barrier *barrier, int size)
    void barrier_wait(Barrier *barrier)
    void say_whether_to_start(int *shared, int decision)
    int wait_whether_to_start(int *shared)
    bint thread_start(ThreadHandle *handle, Work work, void *argument)
    void thread_join(ThreadHandle *handle)
