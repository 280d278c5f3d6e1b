"""`Guard`: a lock with which many threads may read a network's parameters, or one may write."""
import os
import time
import weakref
from threading import Lock, RLock, get_ident

from fastnet.kernels.rwlock cimport guard_add, guard_pause, guard_read

_guards = set()  # weak references; unlike a WeakSet it can be copied while other threads add
_Plain, _Reentrant = type(Lock()), type(RLock())

#: How long a writer sleeps between two checks for readers.
PAUSE = 2e-5
#: How long a fork that has some locks waits for the next before it releases them all, at first and
#: at most; and how long it waits for a generator's lock, which its own thread may have taken.
PATIENCE, MOST_PATIENCE, GENERATOR_PATIENCE = 0.01, 1.0, 60.0


cdef class Guard:
    """A lock that separates readers and writers of one network's parameters.

    Kernels read between `enter` and `leave` of rwlock.pxd, which are two atomic additions, and only
    within one call that runs no Python, so that readers never wait or nest. Writing is a
    ``with guard:`` block. It waits for the kernel calls that have begun; later ones wait for it.
    ``with guard.still:`` keeps writers out while Python reads.

    The lock is reentrant, so that a signal handler or a finalizer cannot block the thread that it
    interrupts in the middle of a block.

    Examples
    --------
    >>> guard = Guard()
    >>> before = guard.version
    >>> with guard:
    ...     pass  # write
    >>> guard.version - before
    2
    """

    def __cinit__(self):
        self.lock = RLock()
        _guards.add(weakref.ref(self, _guards.discard))

    def __reduce__(self):
        return Guard, ()  # a copy has its own readers and writers

    cdef int enter_after_writers(self) except -1:
        with self.lock:
            guard_add(&self.gate.readers, 1)
        return 0

    def __enter__(self):
        self.lock.acquire()
        try:
            self.check()
            self.depth += 1
            if self.depth == 1:
                guard_add(&self.gate.version, 1)
                self.wait_for_readers()
        except BaseException:
            self.lock.release()
            raise
        return self

    def wait_for_readers(self):
        """Wait for the kernel calls that have begun; they need no lock that this thread has."""
        try:
            while guard_read(&self.gate.readers):
                time.sleep(PAUSE)
        except BaseException:
            self.depth -= 1
            guard_add(&self.gate.version, 1)
            raise

    def __exit__(self, *_):
        self.end_storing()

    @property
    def still(self):
        """A context in which no other thread writes; other readers are not blocked."""
        return self.lock

    @property
    def readers(self):
        """Number of kernel calls that are reading."""
        return guard_read(&self.gate.readers)

    @property
    def version(self):
        """A number that changes with every write; waits for a write that has begun."""
        cdef long version = guard_read(&self.gate.version)
        if version & 1:
            with self.lock:
                version = guard_read(&self.gate.version)
        return version

    # ---- trainings

    def check(self):
        """Refuse changes while another thread is training.

        Raises
        ------
        RuntimeError
            Another thread is training this network.
        """
        if self.trainer is not None and self.trainer != get_ident():
            raise RuntimeError(
                "this network is being trained by another thread; wait until that ends before you "
                "change the network, or change a copy.deepcopy of it."
            )

    def begin_training(self):
        """Let only this thread train and write until `end_training`.

        Raises
        ------
        RuntimeError
            A training is already running, in this or another thread.
        """
        with self.lock:
            if self.trainer is not None:
                raise RuntimeError(
                    "this network is being trained already; wait, or train a copy.deepcopy of it."
                )
            self.trainer = get_ident()

    def end_training(self):
        """Let all threads write again."""
        self.trainer = None

    # ---- a step in one call that runs no Python code, not even signal handlers

    cdef bint begin_step(self, long version) except -1:
        """As `begin_training`; return False, with nothing begun, after a write since `version`."""
        Guard.begin_training(self)
        if guard_read(&self.gate.version) != version:
            self.trainer = None
            return False
        return True

    cdef int end_step(self) except -1:
        self.trainer = None
        return 0

    cdef int begin_storing(self) except -1:
        """As `__enter__`, for the thread that trains."""
        while not self.lock.acquire(False):  # with True, signal handlers would run here
            with nogil:
                guard_pause()
        self.depth += 1
        if self.depth == 1:
            guard_add(&self.gate.version, 1)
            if guard_read(&self.gate.readers):
                with nogil:
                    while guard_read(&self.gate.readers):
                        guard_pause()
        return 0

    cdef int end_storing(self) except -1:
        self.depth -= 1
        if self.depth == 0:
            guard_add(&self.gate.version, 1)
        self.lock.release()
        return 0

    # ---- fork

    def begin_anew(self):
        """Forget the threads of this process's parent."""
        self.gate.readers = 0
        if _free(self.lock):  # made by another thread while this one forked
            self.depth = 0
            self.gate.version += self.gate.version & 1
        _free(_lock_of(self.rng))
        if self.trainer != get_ident():
            self.trainer = None


def _lock_of(rng):
    """Return the lock of a Generator or RandomState; None if it is not of a known kind."""
    try:
        source = getattr(rng, "bit_generator", None) or getattr(rng, "_bit_generator", None)
        lock = source.lock
    except Exception:  # a user's bit generator
        return None
    return lock if isinstance(lock, (_Plain, _Reentrant)) else None


def _free(lock):
    """Free a lock in a child process; return whether a thread of the parent had taken it."""
    if lock is None:
        return False
    if lock.acquire(blocking=False):
        lock.release()
        return False
    lock._at_fork_reinit()  # as Python does for its own locks
    return True


def living():
    """Return all guards that exist."""
    return [guard for guard in (reference() for reference in _guards.copy()) if guard is not None]


_held = {}  # by thread: for each fork that it has begun, the locks that it has taken


def _before_fork():
    """Wait for writers, so that the child gets consistent parameters, and for drawing generators.

    Other threads may have one of these locks and wait for another. To avoid a deadlock, this thread
    keeps no lock while it waits for long.
    """
    held = []
    _held.setdefault(get_ident(), []).append(held)
    guards = living()
    locks = [guard.still for guard in guards]
    drawing = {id(lock): lock for lock in (_lock_of(guard.rng) for guard in guards)}
    locks += [lock for lock in drawing.values() if lock is not None]
    patience = PATIENCE
    missed = _take(locks, held, patience)
    while missed is not None:
        locks.remove(missed)
        if missed.acquire(timeout=GENERATOR_PATIENCE if isinstance(missed, _Plain) else -1):
            missed.release()
            locks.insert(0, missed)
        patience = min(2 * patience, MOST_PATIENCE)
        missed = _take(locks, held, patience)


def _take(locks, held, patience):
    """Take all locks and return None; or release all and return the one that is not available.

    A lock that is not reentrant (a generator's, in NumPy before 2.4) is released at once: other
    packages' hooks may draw before this fork is over.
    """
    for lock in locks:
        if not lock.acquire(timeout=patience):
            while held:
                held.pop().release()
            return lock
        if isinstance(lock, _Plain):
            lock.release()
        else:
            held.append(lock)
    return None


def _after_fork():
    forks = _held.get(get_ident())
    if forks:
        for lock in forks.pop():
            lock.release()
        if not forks:
            del _held[get_ident()]


def _after_fork_in_child():
    """Reset all guards: the child process has only this thread."""
    _after_fork()
    for thread in _held.keys() - {get_ident()}:
        del _held[thread]
    for guard in living():
        guard.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
    )
