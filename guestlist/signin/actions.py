"""The two acts of signing in: ask for a code, confirm it."""

from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from guestlist.delivery import actions as delivery
from guestlist.delivery import stamp
from guestlist.lib import audit, clock, keys, limits, sql
from guestlist.lib.phone import kind as kind_of
from guestlist.lib.refusals import Refusal
from guestlist.people import actions as people
from guestlist.signin import challenges, devices, fixed, guard, models, pumping, rules, sending, sessions

NO_CHANNEL = _("No codes are sent to this number by this channel.")


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
    allowance: limits.Allowance | None  # how many codes the client's address may still ask for, where that is limited


class Confirmed(NamedTuple):
    """A person is signed in."""

    person_id: int
    is_new: bool
    session: sessions.Opened
    device: str


class Accepted(NamedTuple):
    """A challenge with its token, whether somebody has signed in with its number, and its message, still to be sent."""

    token: str
    challenge: rules.Challenge
    is_known: bool
    message: delivery.Message
    taken: limits.Taken


class Wanted(NamedTuple):
    """What is asked for: a code to this number, of this region, by a channel, and whether the request waits for it."""

    phone: str
    region: str
    channel: str
    is_waited_for: bool


class Awaited(NamedTuple):
    """How a code is doing, for the client that waits for it."""

    delivery: str
    reason: str | None
    expires_in: int
    resend_in: int
    attempts_left: int
    channels: list[str]


class Spent(NamedTuple):
    """A try was spent on this challenge; with limits on, under this number of a guess."""

    challenge: rules.Challenge
    guess_id: int | None


def ask(phone: str, client: Client, channel: str = "") -> Asked:
    """Send a code to an E.164 number. Asking again from the same client sends the same code, without new tries.

    With a channel (sms, telegram, voice) only by that one. Refuses with `delivery_failed` when it could not be sent,
    or when too many messages are waited for already; with `phone_not_allowed` where live gateways may not send to; with
    `invalid_request` when no gateway has that channel for this number.
    """
    with audit.refusals("code.refused", phone=phone, ip=client.ip), delivery.waiting() as may_wait:
        with sql.in_a_crowd():
            accepted = _accept(phone, client, channel, may_wait)
        state = _send(accepted, client) if may_wait else _queue()
    challenge, in_sandbox, now = accepted.challenge, delivery.is_sandbox(), clock.now()
    return Asked(
        challenge=accepted.token,
        phone=phone,
        code=challenges.code_of(challenge) if in_sandbox else None,
        is_known=accepted.is_known if in_sandbox else None,
        code_length=challenge.digits,
        expires_in=rules.seconds(challenge.expires_at - now),
        resend_in=_resend_in(accepted, client, now),
        attempts_left=rules.TRIES - challenge.attempts,
        delivery=state,
        allowance=_allowance(accepted, client, now),
    )


def confirm(phone: str, typed: str, client: Client) -> Confirmed:
    """Sign in with the code of a challenge; who is new is made here, with an invite code.

    A try is spent, and committed, before the code is compared. Refuses with `wrong_code` (and `attempts_left`),
    `code_expired` (used, too old, out of tries, never asked for, or another phone's), and, told only to who has the
    right code, which is used up then, `person_blocked` and `sandbox_full`.
    """
    spent = _spend_a_try(phone, client)
    if spent is None:
        raise _expired(phone, client)
    if not rules.matches(typed, challenges.code_of(spent.challenge)):
        left = rules.TRIES - challenges.attempts(spent.challenge.id)
        audit.record("code.wrong", phone=phone, person_id=people.id_of(phone), ip=client.ip, left=left)
        raise Refusal("wrong_code", attempts_left=left)
    admitted = _admit(spent, client)
    if admitted == "code_expired":
        raise _expired(phone, client)
    if isinstance(admitted, str):
        audit.refused("code.refused", admitted, phone=phone, person_id=people.id_of(phone), ip=client.ip)
        raise Refusal(admitted)
    challenge = spent.challenge
    sending.confirmed_held(sending.asking(phone, challenge.device, client.ip, is_known=True), clock.now())
    return admitted


def state(client: Client) -> Awaited:
    """How the code of the client's challenge is doing. Refuses with `code_expired` when there is none that works.

    `resend_in` is 0 when the client may ask again now: in the relaxed sandbox always.
    """
    now = clock.now()
    challenge = challenges.find(challenges.id_of(client.challenge)) if client.challenge else None
    if challenge is None:
        raise Refusal("code_expired")
    if not rules.is_alive(challenge, challenge.phone, now) or not challenges.has_pepper(challenge):
        raise _next_code(challenge.phone, client)
    found = delivery.state(challenge.id)
    return Awaited(
        delivery=found.name,
        reason=found.reason,
        expires_in=rules.seconds(challenge.expires_at - now),
        resend_in=sending.resend_in(sending.asking(challenge.phone, challenge.device, client.ip, False), now),
        attempts_left=rules.TRIES - challenge.attempts,
        channels=delivery.channels(challenge.phone, kind_of(challenge.phone).region),
    )


def allowance(client: Client) -> limits.Allowance | None:
    """How many codes the client's own address may still ask for; None where addresses are not limited."""
    if not sending.is_by_address():
        return None
    return sending.allowance(client.ip, clock.now())


def delete_all() -> dict[str, int]:
    """Delete everything of this room, in the caller's transaction; how many rows of each kind. Only `golive` does."""
    return {name: sql.change(statement) for name, statement in models.DELETE_ALL.items()}


def _accept(phone: str, client: Client, channel: str, may_wait: bool) -> Accepted:
    # The class is read before the transaction: a guess in between is judged by its own rules, whatever was read here.
    now, person_id, kind = clock.now(), people.id_of(phone), kind_of(phone)
    if channel and channel not in delivery.channels(phone, kind.region):
        raise Refusal("invalid_request", errors=[{"field": "channel", "detail": gettext(NO_CHANNEL)}])
    who = guard.classify(phone, client.device, client.ip, now)
    asking = sending.asking(phone, who.device, client.ip, person_id is not None)
    if not who.is_fixed:  # to a fixed number nothing is sent
        asking = asking._replace(slowed=pumping.check(asking, kind, client.ip, now))
    with sending.holding(asking, now) as held:
        accepted = _open_challenge(Wanted(phone, kind.region, channel, may_wait), client, person_id, who, held, now)
    pumping.tell(accepted.taken.passed, phone, client.ip)
    return accepted


def _send(accepted: Accepted, client: Client) -> str:
    try:
        return delivery.send(accepted.message, challenges.code_of(accepted.challenge))
    except Refusal as refusal:
        challenge = accepted.challenge
        wait = sending.resend_in(sending.asking(challenge.phone, challenge.device, client.ip, False), clock.now())
        refusal.extra["retry_after"] = max(refusal.extra.get("retry_after", 0), limits.rounded_up(wait))
        raise


def _queue() -> str:
    delivery.queued()
    return "queued"


@sql.in_one_transaction
def _open_challenge(
    wanted: Wanted, client: Client, person_id: int | None, who: guard.Class, held: limits.Holding, now: datetime
) -> Accepted:
    phone = wanted.phone
    taken = sending.take(held, now)
    is_fixed = who.is_fixed and not delivery.is_sandbox()
    withheld = "SANDBOX_NUMBERS" if is_fixed else sending.withheld(taken.passed)
    token, challenge = challenges.same_again(phone, client.challenge, who, now) or challenges.new(
        phone, "" if withheld else wanted.region, client.challenge, who, client.ip, now
    )
    is_again = token == client.challenge
    message = delivery.accept(
        "code",
        challenge.id,
        phone,
        wanted.region,
        challenge.expires_at,
        taken_up=wanted.is_waited_for,
        channel=wanted.channel,
        is_again=is_again,
        withheld=withheld,
    )
    facts: dict[str, Any] = {"digits": who.digits, "device": _known(who.device), "again": is_again}
    audit.record("code.asked", phone=phone, person_id=person_id, ip=client.ip, **facts)
    return Accepted(token, challenge, person_id is not None, message, taken)


@sql.in_one_transaction
def _spend_a_try(phone: str, client: Client) -> Spent | None:
    # Committed before the compare: a counter that an error can roll back is an endless supply of guesses.
    now = clock.now()
    id_ = challenges.id_of(client.challenge) if client.challenge else challenges.newest_living(phone, now)
    challenge = challenges.find(id_) if id_ else None
    if challenge is None or not rules.is_alive(challenge, phone, now):
        return None
    guess_id = guard.reserve(challenge, client.ip, now) if limits.is_on() else None
    if limits.is_on() and guess_id is None:
        return None
    if not sql.change(models.SPEND_A_TRY, challenge.id, phone, rules.TRIES, now):
        if guess_id:
            guard.take_back(guess_id)  # another guess took the last try
        return None
    if challenges.is_fixed(challenge) and not fixed.count_a_guess(phone):
        return None
    return Spent(challenge, guess_id) if challenges.has_pepper(challenge) else None


@sql.in_one_transaction
def _admit(spent: Spent, client: Client) -> Confirmed | str:
    """The new session, or the name of a refusal: raised in here it would roll back that the code is used up."""
    challenge = spent.challenge
    stamp.hold()
    if spent.guess_id:
        guard.take_back(spent.guess_id)
    if not sql.change(models.CONSUME, clock.now(), challenge.id):
        return "code_expired"  # another request with the same right code was first
    is_fixed = challenges.is_fixed(challenge)
    if is_fixed:
        fixed.take_back(challenge.phone)
    who = people.arrive(challenge.phone)
    if who is None:
        return "sandbox_full"
    if who.is_blocked:
        return "person_blocked"
    is_replaced = bool(client.session) and sessions.end_presented(client.session or "")
    kind = "cookie" if client.is_browser else "token"
    sending.confirmed(sending.asking(challenge.phone, challenge.device, client.ip, is_known=True), clock.now())
    # Who has a fixed code has not shown that the number is theirs: no device is known by it, no session outlives it.
    device = keys.token(128) if is_fixed else devices.remember(client.device, challenge.phone)
    most = fixed.ends_at(challenge.phone) if is_fixed else None
    opened = sessions.open_session(who.person_id, kind, device, client.ip, client.user_agent, most)
    whose: dict[str, Any] = {"phone": challenge.phone, "person_id": who.person_id, "ip": client.ip}
    if who.is_new:
        audit.record("registered", **whose)
        if not is_fixed:
            fixed.switch_off(challenge.phone)
    facts: dict[str, Any] = {"kind": kind, "device": _known(device == client.device), "replaced": is_replaced}
    audit.record("signed_in", **whose, **facts, session=sessions.short(opened.token), agent=client.user_agent)
    return Confirmed(who.person_id, who.is_new, opened, device)


def _known(device: object) -> str:
    return "known" if device else "new"


def _expired(phone: str, client: Client) -> Refusal:
    audit.refused("code.refused", "code_expired", phone=phone, ip=client.ip)
    return _next_code(phone, client)


def _next_code(phone: str, client: Client) -> Refusal:
    next_one = guard.classify(phone, client.device, client.ip, clock.now())
    who = sending.asking(phone, next_one.device, client.ip, is_known=False)
    return Refusal("code_expired", code_length=next_one.digits, resend_in=sending.resend_in(who, clock.now()))


def _resend_in(accepted: Accepted, client: Client, now: datetime) -> int:
    if not limits.is_on():
        return rules.seconds(rules.RESEND_AFTER)  # what it will be; the relaxed sandbox takes an ask at any time
    challenge = accepted.challenge
    who = sending.asking(challenge.phone, challenge.device, client.ip, is_known=False)
    return sending.resend_in(who, now, accepted.taken)


def _allowance(accepted: Accepted, client: Client, now: datetime) -> limits.Allowance | None:
    with suppress(*sql.AWAY):  # the code is on its way, and that is told whether or not this can be
        return sending.allowance(client.ip, now, accepted.taken)
    return None
