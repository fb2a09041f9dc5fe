"""The two acts of signing in: ask for a code, confirm it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from guestlist.delivery import actions as delivery
from guestlist.lib import clock, keys, sql
from guestlist.lib.refusals import Refusal
from guestlist.people import actions as people
from guestlist.signin import models, rules, sessions

PURPOSE = "sign-in"


class Client(NamedTuple):
    """The program in front of us: what it presented of earlier answers, and what to note of it."""

    challenge: str | None
    device: str | None
    session: str | None
    is_browser: bool
    ip: str
    user_agent: str


class Asked(NamedTuple):
    """A code is on its way."""

    challenge: str
    phone: str
    code: str | None  # only when the gateway is the sandbox, which shows it anyway
    is_known: bool | None  # likewise: nobody else is told whether a number has signed in before
    code_length: int
    expires_in: int
    resend_in: int
    attempts_left: int
    delivery: str


class Confirmed(NamedTuple):
    """A person is signed in."""

    person_id: int
    is_new: bool
    session: sessions.Opened
    device: str


def ask(phone: str, client: Client) -> Asked:
    """Send a code to an E.164 number. Asking again from the same client sends the same code, without new tries.

    Refuses with `delivery_failed` when it could not be sent, or when too many messages are waited for already.
    """
    with delivery.waiting():
        with sql.in_a_crowd():
            token, challenge, is_known, message = _open_challenge(phone, client)
        state = delivery.send(message)
    in_sandbox = delivery.is_sandbox()
    return Asked(
        challenge=token,
        phone=phone,
        code=code_of(challenge) if in_sandbox else None,
        is_known=is_known if in_sandbox else None,
        code_length=challenge.digits,
        expires_in=rules.seconds(challenge.expires_at - clock.now()),
        resend_in=rules.seconds(rules.RESEND_AFTER),
        attempts_left=rules.TRIES - challenge.attempts,
        delivery=state,
    )


def confirm(phone: str, typed: str, client: Client) -> Confirmed:
    """Sign in with the code of a challenge; who is new is made here, with an invite code.

    A try is spent, and committed, before the code is compared. Refuses with `wrong_code` (and `attempts_left`),
    `code_expired` (used, too old, out of tries, never asked for, or another phone's) and `person_blocked`.
    """
    challenge = _spend_a_try(phone, client.challenge)
    if challenge is None or not _has_pepper(challenge):
        raise _expired()
    if not rules.matches(typed, code_of(challenge)):
        raise Refusal("wrong_code", attempts_left=rules.TRIES - challenge.attempts)
    confirmed = _admit(challenge, client)
    if confirmed is None:
        raise Refusal("person_blocked")
    return confirmed


def code_of(challenge: rules.Challenge) -> str:
    """The code of a challenge; only the message's text and the sandbox's echo are made of it."""
    return rules.code_for(settings.CODE_PEPPERS[challenge.pepper_id], PURPOSE, challenge)


def challenge_of(id_: str) -> rules.Challenge | None:
    """The challenge with this id, or None."""
    found = sql.row(models.CHALLENGE, id_)
    if found is None:
        return None
    return rules.Challenge(*found[:6], *(sql.moment(at) for at in found[6:]))


@sql.in_one_transaction
def _open_challenge(phone: str, client: Client) -> tuple[str, rules.Challenge, bool, delivery.Message]:
    now = clock.now()
    token, challenge = _same_again(phone, client.challenge, now) or _new_challenge(phone, client.challenge, now)
    message = delivery.accept("code", challenge.id, phone, challenge.expires_at)
    return token, challenge, people.is_known(phone), message


def _same_again(phone: str, token: str | None, now: datetime) -> tuple[str, rules.Challenge] | None:
    challenge = challenge_of(_id_of(token)) if token else None
    if token is None or challenge is None or not _has_pepper(challenge):
        return None
    return (token, challenge) if rules.is_worth_repeating(challenge, phone, settings.CODE_DIGITS, now) else None


def _new_challenge(phone: str, old_token: str | None, now: datetime) -> tuple[str, rules.Challenge]:
    if old_token:
        sql.change(models.SUPERSEDE, now, _id_of(old_token), phone, now)
    token = keys.token(128)
    challenge = rules.Challenge(
        id=_id_of(token),
        phone=phone,
        salt=keys.token(128),
        pepper_id=next(iter(settings.CODE_PEPPERS)),
        digits=settings.CODE_DIGITS,  # the ladder's place: longer when this phone was guessed at
        attempts=0,
        created_at=now,
        expires_at=now + rules.LIFETIME,
        used_at=None,
    )
    sql.insert("signin_challenge", **challenge._asdict())
    return token, challenge


@sql.in_one_transaction
def _spend_a_try(phone: str, token: str | None) -> rules.Challenge | None:
    # Committed before the compare: a counter that an error can roll back is an endless supply of guesses.
    now = clock.now()
    if token:
        id_ = _id_of(token)
    elif newest := sql.row(models.NEWEST_LIVING, phone, now - rules.LIFETIME, rules.TRIES, now):
        id_ = newest[0]  # only the relaxed sandbox does without the challenge
    else:
        return None
    if not sql.change(models.SPEND_A_TRY, id_, phone, rules.TRIES, now):
        return None
    return challenge_of(id_)


@sql.in_one_transaction
def _admit(challenge: rules.Challenge, client: Client) -> Confirmed | None:
    if not sql.change(models.CONSUME, clock.now(), challenge.id):
        raise _expired()  # another request with the same code was first
    who = people.arrive(challenge.phone)
    if who.is_blocked:
        return None  # the code is used up all the same
    if client.session:
        sessions.end_presented(client.session)
    kind = "cookie" if client.is_browser else "token"
    opened = sessions.open_session(who.person_id, kind, client.ip, client.user_agent)
    device = sessions.remember_device(client.device, challenge.phone)
    return Confirmed(who.person_id, who.is_new, opened, device)


def _has_pepper(challenge: rules.Challenge) -> bool:
    return challenge.pepper_id in settings.CODE_PEPPERS  # a key that left the ring takes its codes along


def _expired() -> Refusal:
    return Refusal("code_expired", code_length=settings.CODE_DIGITS, resend_in=rules.seconds(timedelta(0)))


def _id_of(token: str) -> str:
    return keys.digest(token)
