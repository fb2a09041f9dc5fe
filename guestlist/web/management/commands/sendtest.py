"""`manage.py sendtest NUMBER`: send a test message now, by the real gateways, and print what each of them said."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import translation

from guestlist.delivery import routing, stamp, trial
from guestlist.delivery.carrying import Try
from guestlist.delivery.outbox import Ended
from guestlist.delivery.routing import Way
from guestlist.delivery.rules import CHANNELS
from guestlist.lib import phone as phones
from guestlist.lib.refusals import Refusal
from guestlist.signin import pumping

RULES = {
    "PHONE_REGIONS": "its country is not in PHONE_REGIONS",
    "PHONE_TYPES": "it is of a kind that codes are not sent to, such as premium rate or fixed line",
}


class Command(BaseCommand):
    """It costs what a message costs, counts against no limit, and is in the list of messages. Exits 1 if none took it.

    The text has no code. What carries codes alone, Telegram and voice, is given 0000, which opens nothing.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """To whom, and how."""
        parser.add_argument("number", help="in any spelling; without a country code it is one of PHONE_REGION")
        parser.add_argument("--gateway", metavar="NAME", help="only this one, whatever routes say, even if it rests")
        parser.add_argument("--channel", choices=CHANNELS, help="only by this channel")
        parser.add_argument("--language", choices=dict(settings.LANGUAGES), default=settings.LANGUAGE_CODE)
        parser.add_argument("--anyway", action="store_true", help="also where live gateways may not send to")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send it."""
        phone, region = self._number(options["number"], options["anyway"])
        channel, gateway = options["channel"] or "", options["gateway"] or ""
        ways = self._ways(phone, region, channel, gateway)
        try:
            stamp.check()
            with translation.override(options["language"]):
                ended = trial.send(phone, region, ways, channel, is_forced=bool(gateway))
        except stamp.Misfit as misfit:
            raise CommandError(str(misfit)) from misfit
        except DatabaseError as error:
            raise CommandError(f"DATABASE_URL: the database cannot be used: {str(error).strip()}") from error
        self._print(ended)

    def _number(self, typed: str, is_anyway: bool) -> tuple[str, str]:
        try:
            phone = phones.parse(typed, settings.PHONE_REGION)
        except Refusal as refusal:
            raise CommandError(f"{typed!r} is no phone number that there can be.") from refusal
        kind = phones.kind(phone)
        for rule in pumping.broken_rules(kind):
            if not is_anyway:
                raise CommandError(f"{phone}: {RULES[rule]}. --anyway sends all the same.")
        return phone, kind.region

    def _ways(self, phone: str, region: str, channel: str, gateway: str) -> list[Way]:
        if gateway and gateway not in routing.gateways():
            known = ", ".join(routing.gateways())
            raise CommandError(f"{gateway!r} is not in SMS_GATEWAYS; there are: {known}.")
        ways = trial.ways(phone, region, channel, gateway)
        if not ways:
            raise CommandError(f"No gateway for this number carries by {channel}.")
        return ways

    def _print(self, ended: Ended) -> None:
        for tried in ended.tries:
            self.stdout.write(_line(tried))
        if ended.sent_at is None:
            raise CommandError(f"No gateway took it: {ended.reason}.")
        self.stdout.write(f"{ended.gateway} took it; what becomes of it is at /admin/, message {ended.message.id}.")


def _line(tried: Try) -> str:
    seconds = (tried.ended_at - tried.began_at).total_seconds()
    receipt = tried.receipt
    told = [
        tried.reason,
        f"id {receipt.id}" if receipt.id else "",
        f"{receipt.price.normalize():f} {receipt.currency}".strip() if receipt.price is not None else "",
    ]
    said = ", ".join(part for part in told if part)
    return f"{tried.gateway} ({tried.channel}): {tried.state} in {seconds:.2f} s{': ' if said else ''}{said}"
