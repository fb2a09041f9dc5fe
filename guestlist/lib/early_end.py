"""A server process that is told to end while it still loads ends, at once.

granian forks its processes. Until one has loaded the application it has its parent's handlers, which take note of the
signal in the wrong process: it would go on, serve, and be killed half a minute later.
"""

import multiprocessing
import os
import signal
import threading

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def allow() -> None:
    """Let signals end this process until the server sets handlers of its own; only in a child, where nothing is served.

    One that has been swallowed already ends it now.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if multiprocessing.parent_process() is None or not is_main:
        return
    for number in SIGNALS:
        before = signal.signal(number, signal.SIG_DFL)
        if getattr(getattr(before, "__self__", None), "interrupt_signal", False):  # where granian's handler notes it
            os.kill(os.getpid(), number)
