"""Whom most people have come with is read off an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("invites", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="tally",
            index=models.Index(fields=["invitees"], name="tally_invitees"),
        ),
    ]
