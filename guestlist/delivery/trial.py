"""A message to try gateways with: operators send it by hand. It is nobody's code, and opens nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from guestlist.delivery import actions, dispatch, outbox, rests, routing
from guestlist.delivery.outbox import Ended, Message
from guestlist.delivery.routing import Way
from guestlist.lib import audit, clock, keys, sql

KIND = "test"
CODE = "0000"  # for Telegram and voice, which carry codes alone; without a challenge it is good for nothing
TEXT = _("Guestlist: a test message.")
LIVES = timedelta(seconds=60)


def tell() -> None:
    """Tell what messages of this kind say: any process may find one that a crash has left behind."""
    actions.tell(KIND, _find, lambda _: gettext(TEXT), lambda _: None)


def ways(phone: str, region: str, channel: str, gateway: str) -> list[Way]:
    """The ways of a test: a gateway that is named is asked whatever the routes say."""
    if not gateway:
        return routing.ways(phone, region, channel)
    found = routing.gateways()[gateway]
    return [Way(found, channel or found.channels[0])] if not channel or channel in found.channels else []


def send(phone: str, region: str, ways: Sequence[Way], channel: str = "", *, is_forced: bool = False) -> Ended:
    """Send a test to an E.164 number by these ways, in the language in force: what became of it, with all attempts.

    It counts against no limit. With `is_forced` gateways that rest are asked too.
    """
    message = _accept(phone, region, channel, ",".join(way.gateway.name for way in ways))
    rests.troubled(clock.now())  # a rest that this process knows of is over when its gateway works
    sending = dispatch.along(message, CODE, ways if is_forced else dispatch.awake(ways))
    with sql.out_of_the_crowd():
        ended, _ = sending()
    outbox.end([ended])
    return ended


@sql.in_one_transaction
def _accept(phone: str, region: str, channel: str, gateways: str) -> Message:
    audit.record("delivery.tested", phone=phone, gateways=gateways, channel=channel)
    expires_at = clock.now() + LIVES
    return actions.accept(KIND, keys.token(128), phone, region, expires_at, taken_up=True, channel=channel)


def _find(references: Sequence[str], _: datetime | None) -> dict[str, str]:
    return dict.fromkeys(references, CODE)
