"""Operators' second step at sign-in: six digits of an authenticator, or a recovery code. OPERATOR_TOTP=yes asks for it.

The authenticator's key has to be kept as it is; of recovery codes only digests are.
"""

import base64
import re
import secrets

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from guestlist.lib import audit, keys, sql
from guestlist.lib.audit import Operator

RECOVERY_CODES = 10
DIGITS = re.compile(r"[0-9]{6}")
GAPS = re.compile(r"[\s\-]+")
DIGEST = 16  # hex digits of a recovery code's digest; the code itself has 80 random bits

User = AbstractBaseUser | AnonymousUser


def is_asked_for() -> bool:
    """Whether operators need a second step."""
    return bool(settings.OPERATOR_TOTP)


def is_enrolled(user: User) -> bool:
    """Whether this operator has an authenticator."""
    return bool(TOTPDevice.objects.filter(user_id=user.pk, confirmed=True).exists())


def must_enrol(request: HttpRequest) -> bool:
    """Whether a signed-in operator has to set up their authenticator before anything else."""
    user = request.user
    return is_asked_for() and user.is_active and bool(getattr(user, "is_staff", False)) and not is_enrolled(user)


def has_passed(request: HttpRequest) -> bool:
    """Whether whoever is signed in has taken all the steps that there are."""
    return not is_asked_for() or bool(request.user.is_verified())  # type: ignore[union-attr]


@sql.in_one_transaction
def verified(user: User, typed: str) -> Device | None:
    """The device that this code is from, which takes it once; None when it is wrong.

    The row is locked: of two that bring the same code at once, one is too late.
    """
    code = GAPS.sub("", typed)
    if DIGITS.fullmatch(code):
        totp = TOTPDevice.objects.select_for_update().filter(user_id=user.pk, confirmed=True).first()
        return totp if totp and totp.verify_token(code) else None
    kept = StaticDevice.objects.select_for_update().filter(user_id=user.pk, confirmed=True).first()
    return kept if kept and code and kept.verify_token(_digest(code)) else None


@sql.in_one_transaction
def begun(user: User, kept: int | None) -> TOTPDevice:
    """The authenticator that is being set up in this session; it counts for nothing until `enrol` has seen its code.

    `kept` is its id there. Another session gets another key: who knew the password before has seen none that counts.
    """
    _take_turns(user)
    unfinished = TOTPDevice.objects.filter(user_id=user.pk, confirmed=False)
    if found := unfinished.filter(pk=kept).first():
        return found
    unfinished.delete()
    return TOTPDevice.objects.create(user_id=user.pk, name="authenticator", confirmed=False)


@sql.in_one_transaction
def enrol(user: User, kept: int | None, typed: str, operator: Operator) -> tuple[TOTPDevice, list[str]] | None:
    """Take the authenticator whose code this is, and make recovery codes, which are told once. None: it is wrong."""
    _take_turns(user)
    device = TOTPDevice.objects.select_for_update().filter(user_id=user.pk, confirmed=False, pk=kept).first()
    code = GAPS.sub("", typed)
    if device is None or is_enrolled(user) or not DIGITS.fullmatch(code) or not device.verify_token(code):
        return None
    device.confirmed = True
    device.save()
    audit.record("operator.enrolled", ip=operator.ip, by=operator.name)
    return device, _recovery_codes(user)


@sql.in_one_transaction
def forget(user: User) -> bool:
    """Forget an operator's authenticator and recovery codes: whoever signs in next with their password sets up anew.

    Their sessions end: one that somebody else holds would be enough for that, without the password.
    """
    found = [model.objects.filter(user_id=user.pk).delete()[0] for model in (TOTPDevice, StaticDevice)]
    for session in Session.objects.iterator():  # operators are few, and only what is in it says whose it is
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.delete()
    if any(found):
        audit.record("operator.unenrolled", of=str(user.get_username()))
    return any(found)


def picture(device: TOTPDevice) -> SafeString:
    """What an authenticator's camera reads, as SVG: dark on light, whatever the page's colours are."""
    import segno  # only who sets a second step up needs it

    code = segno.make(device.config_url, micro=False)
    svg = code.svg_inline(scale=4, dark="#000", light="#fff")
    return mark_safe(svg)  # noqa: S308  # our own: the address stands in it as squares


def spelled(device: TOTPDevice) -> str:
    """The key as it is typed by hand, in fours."""
    text = base64.b32encode(device.bin_key).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def _take_turns(user: User) -> None:
    get_user_model().objects.select_for_update().filter(pk=str(user.pk)).first()  # of two sessions one sets it up


def _recovery_codes(user: User) -> list[str]:
    StaticDevice.objects.filter(user_id=user.pk).delete()
    device = StaticDevice.objects.create(user_id=user.pk, name="recovery codes", confirmed=True)
    codes = [_drawn() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create(StaticToken(device=device, token=_digest(GAPS.sub("", code))) for code in codes)
    return codes


def _drawn() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _digest(code: str) -> str:
    return str(keys.digest(f"recovery {code.lower()}"))[:DIGEST]
