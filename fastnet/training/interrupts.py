"""Ctrl-C and SIGTERM while a network trains: at once where that is safe, else a moment later."""

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
    """A context manager that has signals wait while what belongs together is changed.

    Within it the handlers of SIGINT and SIGTERM (those of Python; where there is none, or the
    program has it in C, the signal is left alone) are called from `check` and within `opened`
    alone, so that what they raise comes out there and nowhere else. At its end they are back where
    they were. Flags (`signal.siginterrupt`) and handlers in C that call Python's, as
    `faulthandler.register` makes them, stay in force. Python runs handlers in the main thread of
    the main interpreter; in others this does nothing.

    Parameters
    ----------
    terminating : bool
        Whether SIGTERM, where the program has no handler for it, raises SystemExit(143) rather than
        end the process on the spot.

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
                    if not Action(number).handler:  # nor has the program one in C
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
            before.restore()  # which ends in Python's table
        self._previous[number] = previous, before, Action(number).handler
        self._handlers[number] = handler

    def __exit__(self, *_: object) -> None:
        self._open = False
        for number, (previous, before, installed) in self._previous.items():
            # A hook may have set a handler of its own, which then stays.
            if signal.getsignal(number) == self._on_signal:
                now = Action(number)
                signal.signal(number, previous)
                was_default = not before.handler and now.handler == installed
                (before if was_default else now).restore()
        self._answer(None)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._pending.append(number)
        if self._open:
            # Closed at once: a handler that raises may do so in the last instant of being open.
            self._open = False
            self._answer(frame)
            self._open = True

    def _answer(self, frame: FrameType | None) -> None:
        while self._pending:
            number = self._pending.pop(0)
            self._handlers[number](number, frame)

    def check(self) -> None:
        """Answer the signals that came meanwhile.

        Raises
        ------
        BaseException
            What their handlers raise: of Ctrl-C a KeyboardInterrupt.
        """
        if self._pending:
            self._answer(None)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Have signals answered at once, for code that may take long and may stop anywhere."""
        before, self._open = self._open, True
        try:
            self.check()
            yield
        finally:
            self._open = before

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Have signals wait within what is open."""
        before, self._open = self._open, False
        try:
            yield
        finally:
            self._open = before
        if before:
            self.check()


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    # What shells call a program that a signal has ended.
    raise SystemExit(128 + number)
