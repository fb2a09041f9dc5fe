"""Devices that know a number though nobody is signed in on them: their owner sees them, and can have them forgotten."""

import re
from datetime import datetime
from typing import NamedTuple

from guestlist.lib import audit, clock, sql
from guestlist.signin import models, rules, sessions

ID = re.compile(r"[0-9]{1,18}")  # fits into the databases' largest number


class Idle(NamedTuple):
    """A known device without a living session."""

    id: int
    seen_at: datetime


def devices_of(caller: sessions.Caller) -> list[Idle]:
    """The caller's idle devices, the last one that signed in first; ten at most."""
    phone, now = sessions.phone_of(caller), clock.now()
    found = sql.rows(models.IDLE_DEVICES, caller.person_id, now, phone, now - rules.DEVICE_LIFETIME) if phone else []
    return [Idle(id_, sql.moment(seen_at)) for id_, seen_at in found]


@sql.in_one_transaction
def forget(caller: sessions.Caller, device_id: str, ip: str) -> bool:
    """Forget one device of the caller's number; False when it knows none of that id."""
    phone = sessions.phone_of(caller)
    if phone is None or not ID.fullmatch(device_id) or not sql.change(models.FORGET_MINE, int(device_id), phone):
        return False
    audit.record("device.forgotten", person_id=caller.person_id, ip=ip)
    return True
