"""`python -m project.seed`: the same people as everybody has, with tokens that are their numbers.

The figures come from the environment, for this process does not see the rest of the comparison.
"""

import os

import django

django.setup()

from django.core.management.color import no_style  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

from project.models import ALPHABET, User  # noqa: E402

ME, HOST, FIRST_INVITEE, MINE, ALL, POOL = map(int, os.environ["SEED"].split())


def invite_code(number):
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(6)))


def inviter_of(number):
    if number == ME:
        return HOST
    if FIRST_INVITEE <= number < FIRST_INVITEE + ALL:
        return ME if number < FIRST_INVITEE + MINE else HOST
    return None


pool = range(FIRST_INVITEE + ALL, FIRST_INVITEE + ALL + POOL)
with transaction.atomic():
    people = [
        User(id=n, phone=f"+7901{n:07}", invite_code=invite_code(n), inviter_id=inviter_of(n))
        for n in range(1, pool.stop)
    ]
    User.objects.bulk_create(people, batch_size=500)
    tokens = [Token(key=f"{n:040}", user_id=n) for n in (ME, HOST, *pool)]
    Token.objects.bulk_create(tokens, batch_size=500)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [User]):
            cursor.execute(statement)
