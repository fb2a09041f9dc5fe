from django.db import migrations

# Before there was a time of sending, what was sent had only the time of its end.
SENT = (
    "UPDATE delivery_message SET sent_at = ended_at"
    " WHERE sent_at IS NULL AND state IN ('sent', 'delivered', 'withheld')"
)


class Migration(migrations.Migration):

    dependencies = [
        ('delivery', '0005_wording'),
    ]

    operations = [migrations.RunSQL(SENT, migrations.RunSQL.noop)]
