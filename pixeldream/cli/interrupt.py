"""Ctrl-C between two steps: the picture so far is kept; a second one ends the process at once."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from types import TracebackType
from typing import Any

from pixeldream.cli import output

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


class Interrupt:
    """A context in which Ctrl-C sets ``asked``, once there is something to keep (``keep()``); before that it ends.

    A thread waits for the signal: Python's own handler would not run before a compilation has come to its end. Outside
    the main thread nothing is changed.
    """

    def __init__(self) -> None:
        self.asked = False
        self.worth_keeping = False
        self._active = threading.current_thread() is threading.main_thread()

    def keep(self) -> None:
        """From now on the first Ctrl-C only sets ``asked``."""
        self.worth_keeping = True

    def __enter__(self) -> Interrupt:
        if self._active:
            self._reading, self._writing = socket.socketpair()
            self._writing.setblocking(False)
            self._handler = signal.signal(signal.SIGINT, _nothing)
            self._wakeup = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
            threading.Thread(target=self._watch, name="ctrl-c", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._active:
            signal.set_wakeup_fd(self._wakeup)
            signal.signal(signal.SIGINT, self._handler)
            self._writing.close()

    def _watch(self) -> None:
        with self._reading:
            # Empty bytes: the other end was closed, the context is over.
            while received := self._reading.recv(1):
                if received[0] == signal.SIGINT:
                    self._interrupted()

    def _interrupted(self) -> None:
        if self.worth_keeping and not self.asked:
            self.asked = True
            print("\npixeldream: stopping after this step; Ctrl-C again to stop at once", file=sys.stderr, flush=True)
            return
        output.abandon()
        print("\npixeldream: interrupted", file=sys.stderr, flush=True)
        os._exit(INTERRUPTED)


def _nothing(number: int, frame: Any) -> None:
    """A handler has to be set for the signal to reach the thread."""
