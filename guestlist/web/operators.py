"""Operators sign in with a name and a password, and may be wrong only so often: also where LIMITS=relaxed.

With OPERATOR_TOTP=yes also with a code of their authenticator, as soon as they have set one up.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from guestlist.lib import addresses, audit, clock, dying, keys, limits, sql
from guestlist.lib.limits import Policy, Spend
from guestlist.lib.refusals import Refusal
from guestlist.web import second_step

POLICIES = {
    policy.name: policy
    for policy in (
        Policy.of("OPERATOR_SIGN_INS", "5/15m", "wrong passwords for one operator's name from one address"),
        Policy.of("OPERATOR_SIGN_INS_PER_ADDRESS", "30/h", "wrong operators' passwords from one address"),
    )
}

OLD = dying.Old("operators' sessions", "django_session", "expire_date", timedelta(0), key="session_key")


class OperatorSignIn(AdminAuthenticationForm):
    """Django's form, with a limit before the password is looked at, and lines in the audit trail."""

    code = forms.CharField(
        label=_("Code of your authenticator"),
        required=False,
        max_length=64,
        help_text=_("Six digits, or a recovery code. Leave it empty until you have set one up."),
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not second_step.is_asked_for():
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        """Refuses with `too_many_requests`; only what was wrong counts."""
        typed = self.cleaned_data.get("username")
        if not typed or not self.cleaned_data.get("password"):
            return super().clean()
        ip = addresses.caller(self.request) if self.request else ""
        name = _account(typed)
        by = name or "unknown"  # what was typed may be a password
        with limited(name or typed, ip, by) as tries:
            try:
                cleaned = super().clean()
                self._take_second_step()
            except ValidationError:
                audit.record("operator.refused", ip=ip, by=by)
                raise
            tries.give_back(audited=True)
        return cleaned

    def _take_second_step(self) -> None:
        # Refused with the words for a wrong password: nobody learns which of the two was right.
        user = self.get_user()
        if not second_step.is_asked_for() or user is None or not second_step.is_enrolled(user):
            return
        device = second_step.verified(user, self.cleaned_data.get("code", ""))
        if device is None:
            self.user_cache = None
            raise self.get_invalid_login_error()
        user.otp_device = device  # type: ignore[attr-defined]  # which django_otp looks at when the session is made


class Tries:
    """A try at a sign-in that is counted, and given back when it was right."""

    def __init__(self, spends: list[Spend], by: str, ip: str) -> None:
        self._spends, self._by, self._ip = spends, by, ip

    def give_back(self, *, audited: bool = False) -> None:
        """It was right; `audited`: and signs in."""
        _admit(self._spends, self._by if audited else "", self._ip)


@contextmanager
def limited(name: str, ip: str, by: str = "") -> Iterator[Tries]:
    """Count a try of an operator's name from an address before it is looked at. Refuses with `too_many_requests`."""
    spends = _spends(fold(name), ip)
    try:
        _take(spends)
    except limits.Limited as spent:
        audit.refused("operator.limited", spent.policy.name, ip=ip, by=by or name)
        raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent
    yield Tries(spends, by or name, ip)


def fold(name: str) -> str:
    """A name without what spellings differ in: case, spaces, accents and invisible signs. Databases compare so too."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in letters if unicodedata.category(letter)[0] not in "MCZ")


def _account(typed: str) -> str:
    """The name of the account that the database finds by this spelling: MariaDB's is forgiving. Else ""."""
    users = get_user_model()
    found = users.objects.filter(**{users.USERNAME_FIELD: typed}).first()
    return found.get_username() if found else ""


def _spends(name: str, ip: str) -> list[Spend]:
    policies, source, attempt = _in_force(), addresses.source(ip), keys.token(48)
    return [
        Spend(policies["OPERATOR_SIGN_INS"], f"{source} {name}", attempt),
        Spend(policies["OPERATOR_SIGN_INS_PER_ADDRESS"], source, attempt),
    ]


@cache
def _in_force() -> dict[str, Policy]:
    return limits.in_force(POLICIES)


@sql.in_one_transaction
def _take(spends: list[Spend]) -> None:
    # Taken, and committed, before the password is looked at: tries at the same moment cannot all be the last one.
    limits.take(spends, clock.now(), settings.LIMITS_SUBKEY)


@sql.in_one_transaction
def _admit(spends: list[Spend], name: str, ip: str) -> None:
    limits.take_back(spends, clock.now(), settings.LIMITS_SUBKEY)
    if name:
        audit.record("operator.signed_in", ip=ip, by=name)
