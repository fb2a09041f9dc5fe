"""Who queues a message rings; whoever sends what is queued wakes at once: in this process, on PostgreSQL in all.

It only saves waiting: what is queued is looked for once a second anyway, on every database.
"""

import logging
import threading
import time
from contextlib import suppress

from django.conf import settings
from django.db import connection

from guestlist.lib import sql

CHANNEL = "guestlist_messages"
EVERY = 0.05  # seconds; more rings than that wake nobody sooner, and each takes a lock that all of them share
HEARS_FOR, AGAIN = 5.0, 1.0  # seconds

log = logging.getLogger("guestlist.delivery")

woken = threading.Event()
_last = 0.0


def ring() -> None:
    """Something is queued, and committed."""
    global _last
    woken.set()
    if settings.DELIVERY == "worker" and connection.vendor == "postgresql" and time.monotonic() - _last > EVERY:
        _last = time.monotonic()
        with suppress(*sql.AWAY), sql.in_a_crowd():  # who has been told that it is queued is not told otherwise now
            sql.row("SELECT pg_notify(%s, '')", CHANNEL)


def listen() -> None:
    """Hear the rings of other processes from now on, where the database passes them on. Does not return there.

    By a connection of its own: one of the pool's would be missing for good.
    """
    while connection.vendor == "postgresql":
        from guestlist.lib.databases.postgresql import apart  # only here, and only on PostgreSQL

        try:
            with apart.opened(connection, autocommit=True) as ears:
                ears.execute(f"LISTEN {CHANNEL}")
                while True:
                    for _ in ears.notifies(timeout=HEARS_FOR, stop_after=1):
                        woken.set()
        except Exception as error:  # whatever it is: without it messages wait for a second
            log.warning("cannot listen for new messages: %s", type(error).__name__)
            time.sleep(AGAIN)
