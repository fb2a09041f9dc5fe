"""`manage.py gateways`: the gateways in use, in their order, and the addresses that their reports go to."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError

from guestlist.delivery import figures, routing
from guestlist.delivery.gateways import Gateway, Reporting, reports
from guestlist.lib import clock

NO_ADDRESS = "none: PUBLIC_URL is not https, and no provider should send it in the clear"
NO_REPORTS = "none: its provider reports nothing, or not to us"


class Command(BaseCommand):
    """An address holds a key of its own: keep it to yourself and to the provider's account."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Print them."""
        rests = _rests()
        for number, gateway in enumerate(routing.gateways().values(), 1):
            self.stdout.write(f"{number}. {gateway.name}")
            self.stdout.write(f"   channels: {', '.join(gateway.channels)}")
            self.stdout.write(f"   routes:   {_routes(gateway.name)}")
            self.stdout.write(f"   rests:    {rests.get(gateway.name, 'no') if rests is not None else 'unknown'}")
            self.stdout.write(f"   reports:  {_reports(gateway)}")
        if rests is None:
            self.stderr.write("DATABASE_URL: the database cannot be used, so nobody knows who rests.")


def _rests() -> dict[str, str] | None:
    try:
        resting = figures.resting(clock.now())
    except DatabaseError:
        return None
    return {
        gateway: f"until {until:%Y-%m-%d %H:%M:%S} UTC, {failures} failures in a row"
        for gateway, failures, until in resting
    }


def _routes(name: str) -> str:
    if not settings.SMS_ROUTES:
        return "everywhere"
    named = [route.where for route in settings.SMS_ROUTES if name in route.gateways]
    return ", ".join([*named, "and where no route leads" if named else "where no route leads"])


def _reports(gateway: Gateway) -> str:
    if not isinstance(gateway, Reporting):
        return NO_REPORTS
    return reports.url(gateway.name) or NO_ADDRESS
