"""Runs inside `manage.py shell`: the people of the seed, with sessions whose tokens are their numbers."""

import os
from datetime import timedelta

from django.db import transaction

from bench.rivals.guestlist import invite_code
from bench.rivals.rival import (
    FIRST_IN_POOL,
    FIRST_INVITEE,
    HOST,
    HOSTS_INVITEES,
    ME,
    MY_INVITEES,
)
from guestlist.delivery import stamp
from guestlist.invites.models import Activation, Tally
from guestlist.lib import clock, keys
from guestlist.people.models import Person
from guestlist.signin.models import Session

stamp.check()
now, people = clock.now(), FIRST_IN_POOL + int(os.environ["POOL"])
signed_in = [ME, HOST, *range(FIRST_IN_POOL, people)]
with transaction.atomic():
    Person.objects.bulk_create(
        [
            Person(id=n, phone=f"+7901{n:07}", public_id=f"{n:022}", invite_code=invite_code(n), created_at=now)
            for n in range(1, people)
        ],
        batch_size=500,
    )
    Session.objects.bulk_create(
        [
            Session(
                id=f"{n:022}",
                secret_digest=keys.digest(f"{n:043}"),
                person_id=n,
                kind="token",
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(days=30),
                ends_at=now + timedelta(days=90),
                ip="127.0.0.1",
                user_agent="",
            )
            for n in signed_in
        ],
        batch_size=500,
    )
    invitees = range(FIRST_INVITEE, FIRST_INVITEE + MY_INVITEES + HOSTS_INVITEES)
    for place, n in enumerate(invitees):
        inviter = ME if place < MY_INVITEES else HOST
        Activation.objects.create(
            invitee_id=n, inviter_id=inviter, code=invite_code(inviter), activated_at=now + timedelta(seconds=place)
        )
    Activation.objects.create(invitee_id=ME, inviter_id=HOST, code=invite_code(HOST), activated_at=now)
    Tally.objects.create(inviter_id=ME, invitees=MY_INVITEES)
    Tally.objects.create(inviter_id=HOST, invitees=HOSTS_INVITEES + 1)
from django.core.management.color import no_style  # noqa: E402
from django.db import connection  # noqa: E402

for statement in connection.ops.sequence_reset_sql(no_style(), [Person]):
    with connection.cursor() as cursor:
        cursor.execute(statement)
