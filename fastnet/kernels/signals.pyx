"""A signal's handler, flags and mask in the C library, which `signal.getsignal` does not show."""

cdef extern from *:
    """
    #include <signal.h>
    #include <stddef.h>
    #ifdef _WIN32
    typedef int action_t;
    static int read_action(int number, action_t *action) { return *action = number, 0; }
    static int write_action(int number, const action_t *action) { return number != *action; }
    static size_t handler_of(const action_t *action) { (void) action; return 0; }
    #else
    typedef struct sigaction action_t;
    static int read_action(int number, action_t *action)
    {
        return sigaction(number, NULL, action);
    }
    static int write_action(int number, const action_t *action)
    {
        return sigaction(number, action, NULL);
    }
    static size_t handler_of(const action_t *action)
    {
        if (action->sa_flags & SA_SIGINFO)
            return (size_t) action->sa_sigaction;
        return (size_t) action->sa_handler;
    }
    #endif
    """
    ctypedef struct action_t:
        pass
    int read_action(int number, action_t *action)
    int write_action(int number, const action_t *action)
    size_t handler_of(const action_t *action)


cdef class Action:
    """A signal's present handler in C with its flags (`signal.siginterrupt`) and mask.

    On systems without `sigaction` it does nothing.

    Parameters
    ----------
    number : int
        Number of the signal.

    Raises
    ------
    ValueError
        `number` is not that of a signal.
    """

    cdef int number
    cdef action_t action

    def __cinit__(self, int number):
        self.number = number
        if read_action(number, &self.action):
            raise ValueError(f"number is {number}; expected that of a signal.")

    @property
    def handler(self):
        """The handler's address; 0 for the default action."""
        return handler_of(&self.action)

    def restore(self):
        """Restore handler, flags and mask in C; Python's own table is not changed."""
        write_action(self.number, &self.action)
