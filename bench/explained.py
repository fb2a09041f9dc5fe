"""Runs inside `manage.py shell`: what a day of the service asks its PostgreSQL, with EXPLAIN (ANALYZE, BUFFERS).

TOKEN is the bearer token of somebody who invited many. Prints JSON: each statement and its plan as text.
"""

import json
import os
import re
import sys

from django.db import connection, transaction

from tests import recorder

PLANNED = re.compile(r"\s*(SELECT|UPDATE|DELETE|WITH|INSERT)\b")


def plan(statement: str, values: object) -> str:
    """What it took to run it once more; what it changed is taken back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", values)
        text = "\n".join(line for (line,) in cursor.fetchall())
        transaction.set_rollback(True)
    return text


with recorder.strictly(), recorder.recording() as recorded:
    recorder.a_day(os.environ["TOKEN"])
found = {text: plan(text, values) for text, values in recorded.items() if PLANNED.match(text)}
sys.stdout.write(json.dumps(found))
