"""On PostgreSQL: drop the second index that Django made on each exact text, for LIKE. Under the collation C the first
one does that too; a third of all bytes in indexes, and as much of the work of a sign-in, was for nothing."""

from django.db import migrations

FIND = """
SELECT i.indexrelid::regclass::text
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_opclass o ON o.oid = i.indclass[0]
  JOIN pg_collation l ON l.oid = i.indcollation[0]
 WHERE n.nspname = current_schema() AND i.indnatts = 1 AND NOT i.indisunique
   AND o.opcname IN ('varchar_pattern_ops', 'text_pattern_ops') AND l.collname = 'C'
 ORDER BY 1
"""


def drop(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(FIND)
        for (name,) in cursor.fetchall():
            # Otherwise everybody would wait behind us while we wait for a transaction that takes long, a dump for one.
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


class Migration(migrations.Migration):
    atomic = False  # as the statement demands; broken off in the middle, it goes on from there
    dependencies = [("limits", "0002_audit")]
    operations = [migrations.RunPython(drop, migrations.RunPython.noop, elidable=True)]
