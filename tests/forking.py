"""Children by fork, for tests: what they find, and that they don't hang."""

import faulthandler
import os
import pickle
import select
import signal
import sys
import warnings


def fork():
    with warnings.catch_warnings():
        # From 3.12 on Python warns of what is tested here.
        warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
        return os.fork()


def in_child(work, seconds=300):
    """Return what `work` returns in a forked child; a child that hangs is killed and reported."""
    reading, writing = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            os.close(reading)
            faulthandler.enable(2)  # SIGABRT, below, has it say where it hangs
            try:
                answer = pickle.dumps((True, work()))
            except BaseException as error:
                answer = pickle.dumps((False, repr(error)))
            with open(writing, "wb") as pipe:
                pipe.write(answer)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        hangs = not select.select([pipe], [], [], seconds)[0]
        if hangs:
            os.kill(pid, signal.SIGABRT)
        answer = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert not hangs, "the child hung: see stderr for where"
    assert answer, f"the child died with code {code}"
    good, result = pickle.loads(answer)
    assert good, result
    return result


class Forked:
    """A child that does `work` and ends; looked after like a `subprocess.Popen`."""

    returncode = None

    def __init__(self, work):
        self.pid = fork()
        if self.pid == 0:
            code = 1
            try:
                work()
                code = 0
            except Exception as error:
                print(f"in a forked child: {error!r}", file=sys.stderr)
            finally:
                os._exit(code)

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)
