"""`manage.py deliver`: send what is queued, with DELIVERY=worker. Any number of these processes share the work."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from guestlist.delivery import bell, courier, routing, stamp
from guestlist.lib import sql, sweeper

ENDING = (signal.SIGTERM, signal.SIGINT)
LOOKS_EVERY = 1.0  # seconds


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT; then finishes what is under way. Ends by itself when the database became live.

    It purges too, as each web process does.
    """

    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Send until somebody ends it."""
        gateways = routing.gateways()  # ImproperlyConfigured names the setting that one of them lacks
        try:
            stamp.check()
        except stamp.Misfit as misfit:
            raise CommandError(str(misfit)) from misfit
        sql.let_go()
        # Blocked in all threads and waited for in this one: a handler would run in the middle of anything.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        stop = threading.Event()
        threading.Thread(target=bell.listen, name="bell", daemon=True).start()
        sweeper.start()
        self.stderr.write(f"Delivering by {', '.join(gateways)}, up to {settings.DELIVERY_IN_FLIGHT} at once.")
        threading.stack_size(courier.STACK)
        sending = threading.Thread(target=courier.Courier(settings.DELIVERY_IN_FLIGHT).run, args=[stop])
        sending.start()
        while sending.is_alive() and signal.sigtimedwait(ENDING, LOOKS_EVERY) is None:
            pass
        is_told = sending.is_alive()
        stop.set()
        bell.woken.set()
        sending.join()
        if not is_told:
            raise CommandError("SMS_GATEWAYS does not fit this database any more.")
