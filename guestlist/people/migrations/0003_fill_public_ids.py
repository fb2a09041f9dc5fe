"""Gives a public id to everybody who has none, a batch and a short transaction at a time."""

import secrets

from django.db import migrations, transaction

BATCH = 500


def fill(apps, schema_editor):
    """Safe to run again after a crash, and while a process of the version before still registers people."""
    Person = apps.get_model("people", "Person")
    database, last = schema_editor.connection.alias, 0
    nobody = Person.objects.using(database).filter(public_id=None).order_by("id").values_list("id", flat=True)
    while ids := list(nobody.filter(id__gt=last)[:BATCH]):
        with transaction.atomic(using=database), schema_editor.connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE people_person SET public_id = %s WHERE id = %s AND public_id IS NULL",
                [(secrets.token_urlsafe(16), id_) for id_ in ids],
            )
        last = ids[-1]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('people', '0002_public_id'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
