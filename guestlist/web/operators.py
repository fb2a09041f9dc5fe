"""Operators sign in with a name and a password, and may be wrong only so often: also where LIMITS=relaxed."""

import unicodedata
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from guestlist.lib import addresses, audit, clock, dying, keys, limits, sql
from guestlist.lib.limits import Policy, Spend
from guestlist.lib.refusals import Refusal

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

    def clean(self) -> dict[str, Any]:
        """Refuses with `too_many_requests`; only what was wrong counts."""
        typed = self.cleaned_data.get("username")
        if not typed or not self.cleaned_data.get("password"):
            return super().clean()
        ip = addresses.caller(self.request) if self.request else ""
        name = _account(typed)
        by = name or "unknown"  # what was typed may be a password
        spends = _spends(fold(name or typed), ip)
        try:
            _take(spends)
        except limits.Limited as spent:
            audit.refused("operator.limited", spent.policy.name, ip=ip, by=by)
            raise Refusal("too_many_requests", retry_after=spent.retry_after) from spent
        try:
            cleaned = super().clean()
        except ValidationError:
            audit.record("operator.refused", ip=ip, by=by)
            raise
        _admit(spends, by, ip)
        return cleaned


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
    audit.record("operator.signed_in", ip=ip, by=name)
