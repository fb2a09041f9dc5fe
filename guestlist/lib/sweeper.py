"""A thread in each web and worker process that deletes what has died, so that nobody needs cron."""

import logging
import random
import threading
import time

from django.conf import settings

from guestlist.lib import clock, dying, sql

log = logging.getLogger("guestlist.sweeper")

_lock = threading.Lock()
_thread: threading.Thread | None = None


def start() -> None:
    """Start the thread, once a process. With PURGE_EVERY=0 there is none. Costs a look when it runs already."""
    global _thread
    if _thread is not None or not settings.PURGE_EVERY:
        return
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_sweep_on, name="sweeper", daemon=True)  # ends with the process
            _thread.start()


def sweep() -> None:
    """One round over all that dies. What fails is told in the log, and its turn comes again in the next round."""
    deleted = {}
    for kind in dying.kinds():
        try:
            deleted[kind.name] = dying.purge(kind, clock.now())
        except Exception:  # whatever it is: the service goes on, and so do the other rows
            log.exception("purging %s failed", kind.name)
            sql.let_go()
    if any(deleted.values()):
        log.info("purged %s", ", ".join(f"{name}: {number}" for name, number in deleted.items() if number))


def _sweep_on() -> None:
    while True:
        # Never the same instant in two processes that started together, and never later than the setting says.
        time.sleep(settings.PURGE_EVERY * random.uniform(0.5, 1.0))
        sweep()
