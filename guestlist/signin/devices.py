"""Devices: known for a phone since they signed in to it, forgotten with the session that they opened.

All of it runs in the caller's transaction.
"""

from guestlist.lib import clock, keys, sql
from guestlist.signin import models, rules


def remember(token: str | None, phone: str) -> str:
    """The token of a device that has now signed in to this phone: the presented one when it is ours, else a new one.

    At most 10 devices a phone; the one that signed in longest ago is forgotten.
    """
    now = clock.now()
    known_since = now - rules.DEVICE_LIFETIME
    if token and sql.change(models.DEVICE_SEEN, now, phone, keys.digest(token), known_since):
        return token
    is_ours = token and sql.row(models.DEVICE_OF_ANYBODY, keys.digest(token), known_since)
    new = token if token and is_ours else keys.token(128)  # two people may share a device: it keeps its token
    sql.insert("signin_device", digest=keys.digest(new), phone=phone, created_at=now, seen_at=now)
    for (device_id,) in sql.rows(models.DEVICES_OF, phone)[rules.DEVICES_A_PHONE :]:
        sql.change(models.FORGET_DEVICE, device_id)
    return new


def forget(phone: str, digest: str) -> None:
    """Forget one device of this phone; who shares it keeps it."""
    sql.change(models.FORGET, phone, digest)


def forget_others(phone: str, digest: str) -> None:
    """Forget all devices of this phone but one."""
    sql.change(models.FORGET_OTHERS, phone, digest)


def forget_all(phone: str) -> None:
    """Forget all devices of this phone."""
    sql.change(models.FORGET_ALL, phone)
