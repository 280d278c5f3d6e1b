# cython: language_level=3
"""Threads that work on one network together; see crew.h."""

ctypedef void *(*Work)(void *) noexcept nogil

cdef extern from "crew.h" nogil:
    enum:
        CREWS_WORK  # whether this platform has them
    ctypedef struct Barrier:
        pass
    ctypedef struct Member:
        pass
    void barrier_start(Barrier *barrier, int size)
    void barrier_meet(Barrier *barrier)
    void give_verdict(int *shared, int verdict)
    int await_verdict(int *shared)
    bint member_start(Member *member, Work work, void *argument)
    void member_join(Member *member)
