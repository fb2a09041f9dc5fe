"""`manage.py deliver`: send what is queued, with DELIVERY=worker. Any number of these processes share the work."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from guestlist.delivery import bell, courier, routing, stamp
from guestlist.lib import sql


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT; then finishes what is under way."""

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
        stop = threading.Event()

        def end(*_: Any) -> None:
            stop.set()
            bell.woken.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        threading.Thread(target=bell.listen, name="bell", daemon=True).start()
        self.stderr.write(f"Delivering by {', '.join(gateways)}, up to {settings.DELIVERY_IN_FLIGHT} at once.")
        threading.stack_size(courier.STACK)
        courier.Courier(settings.DELIVERY_IN_FLIGHT).run(stop)
