"""The stamp of the database, sandbox or live: nobody's sandbox session survives into production, and none comes back.

It is set at the first start. A service whose gateways do not fit it does not start: a variable that was lost would
otherwise turn a live service into "sign in as anybody".
"""

import logging

from django.conf import settings
from django.db import DatabaseError, connection

from guestlist.delivery import models
from guestlist.lib import clock, sql
from guestlist.lib.refusals import Refusal

SANDBOX, LIVE = "sandbox", "live"
RETRY_AFTER = 5  # seconds

log = logging.getLogger("guestlist.delivery")


class Misfit(Exception):
    """The gateways are not of the kind that this database belongs to; the words name SMS_GATEWAYS."""


def check() -> None:
    """Stamp a database that has no stamp; raise Misfit when its stamp is not what the settings say."""
    wanted = SANDBOX if settings.IS_SANDBOX else LIVE
    found = stamped()
    if found is None:
        sql.insert("delivery_stamp", id=1, kind=wanted, stamped_at=clock.now())
        found = stamped()
    if found == wanted:
        return
    if wanted == LIVE:
        raise Misfit(
            "SMS_GATEWAYS names live gateways, and this database is a sandbox's, where anybody could be anybody:"
            " `manage.py golive` deletes its people and makes it live."
        )
    raise Misfit("SMS_GATEWAYS names the sandbox, and this database is live: name its live gateways again.")


def check_before_serving() -> None:
    """The same, before the first request of a process. Refuses with `unavailable`, and the log says why."""
    try:
        check()
    except Misfit as misfit:
        log.critical("%s", misfit)
        raise Refusal("unavailable", retry_after=RETRY_AFTER) from misfit
    except DatabaseError as error:  # away, or not yet migrated
        log.error("the stamp of the database cannot be read: %s", error)
        raise Refusal("unavailable", retry_after=RETRY_AFTER) from error


def hold() -> None:
    """Keep the stamp as it is until the caller's transaction ends; `golive` waits for it, or it for `golive`.

    So no server of the sandbox that still runs opens a session in a database that is live by now. Refuses with
    `unavailable`.
    """
    found = sql.row(models.STAMP + models.SHARED[connection.vendor])
    if found and found[0] != (SANDBOX if settings.IS_SANDBOX else LIVE):
        raise Refusal("unavailable", retry_after=RETRY_AFTER)


def stamped() -> str | None:
    """What the database is: sandbox, live, or None before its first start."""
    found = sql.row(models.STAMP)
    return found[0] if found else None


def go_live() -> None:
    """Stamp the database live, first of all in the caller's transaction. There is no way back."""
    if not sql.insert("delivery_stamp", id=1, kind=LIVE, stamped_at=clock.now()):
        sql.change(models.GO_LIVE, LIVE, clock.now(), SANDBOX)
