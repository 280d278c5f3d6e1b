"""`Interrupts`: delays Ctrl-C and SIGTERM while a network trains until they are safe."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, Self

from fastnet.kernels.signals import Action

__all__ = ["Interrupts"]

Handler = Callable[[int, FrameType | None], Any]


class Interrupts:
    """A context manager that delays signals while several things must change together.

    Within it, Python's handlers of SIGINT and SIGTERM are called only from `check` and within
    `opened`, so that they raise only there; a signal without a handler, or with one in C, is left
    alone. At the end the handlers are restored. Flags (`signal.siginterrupt`) and handlers in C
    that call Python's, like those of `faulthandler.register`, stay in force. Python runs handlers
    in the main thread of the main interpreter; elsewhere this class does nothing.

    Parameters
    ----------
    terminating : bool
        Whether SIGTERM raises SystemExit(143), if the program has no handler for it, instead of
        ending the process at once.

    Examples
    --------
    >>> import os
    >>> with Interrupts() as interrupts:
    ...     os.kill(os.getpid(), signal.SIGINT)
    ...     print("whole")
    ...     try:
    ...         interrupts.check()
    ...     except KeyboardInterrupt:
    ...         print("stopped")
    whole
    stopped
    """

    def __init__(self, *, terminating: bool = False) -> None:
        self._terminating = terminating
        self._handlers: dict[int, Handler] = {}
        self._previous: dict[int, tuple[Any, Action, int]] = {}
        self._pending: list[int] = []
        self._open = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if number == signal.SIGTERM and handler is signal.SIG_DFL and self._terminating:
                    if not Action(number).handler:  # the program has no handler in C either
                        self._defer(number, handler, _terminate)
                elif callable(handler) and not isinstance(handler, signal.Handlers):
                    self._defer(number, handler, handler)
        return self

    def _defer(self, number: int, previous: Any, handler: Handler) -> None:
        before = Action(number)
        try:
            signal.signal(number, self._on_signal)
        except ValueError:  # this is a subinterpreter
            return
        if before.handler:
            before.restore()  # it calls the handler in Python's table
        self._previous[number] = previous, before, Action(number).handler
        self._handlers[number] = handler

    def __exit__(self, *_: object) -> None:
        self._open = False
        for number, (previous, before, installed) in self._previous.items():
            # A hook may have set another handler, which then stays.
            if signal.getsignal(number) == self._on_signal:
                now = Action(number)
                signal.signal(number, previous)
                was_default = not before.handler and now.handler == installed
                (before if was_default else now).restore()
        self._handle(None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._pending.append(number)
        if self._open:
            # Closed first, because the handler may raise.
            self._open = False
            self._handle(frame)
            self._open = True

    def _handle(self, frame: FrameType | None) -> None:
        while self._pending:
            number = self._pending.pop(0)
            self._handlers[number](number, frame)

    def check(self) -> None:
        """Handle the signals that have arrived.

        Raises
        ------
        BaseException
            Whatever their handlers raise: KeyboardInterrupt for Ctrl-C.
        """
        if self._pending:
            self._handle(None)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Let signals be handled at once, in code that may take long and may stop anywhere."""
        before, self._open = self._open, True
        try:
            self.check()
            yield
        finally:
            self._open = before

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Delay signals within `opened`."""
        before, self._open = self._open, False
        try:
            yield
        finally:
            self._open = before
        if before:
            self.check()


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    # The exit status that shells give a program ended by a signal.
    raise SystemExit(128 + number)
