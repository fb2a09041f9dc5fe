"""The message: one text to one number. Its text is not in the row; it is made when it is sent. And the stamp."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from guestlist.lib.dying import Old
from guestlist.lib.fields import ExactCharField
from guestlist.lib.phone import LONGEST_E164, masked


class Message(models.Model):
    """Inserted in the transaction that needs it, sent after that transaction."""

    kind = models.CharField(_("kind"), max_length=16)
    reference = ExactCharField(_("about"), max_length=64, db_index=True)
    phone = ExactCharField(_("phone"), max_length=LONGEST_E164)
    language = models.CharField(_("language"), max_length=8)
    gateway = models.CharField(_("gateway"), max_length=16)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=[
            ("accepted", _("accepted")),
            ("sent", _("sent")),
            ("delivered", _("delivered")),
            ("failed", _("failed")),
            ("withheld", _("withheld")),  # looks sent from outside
        ],
    )
    reason = models.CharField(_("reason"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("accepted"), db_index=True)
    expires_at = models.DateTimeField(_("due until"))
    ended_at = models.DateTimeField(_("delivered or failed"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [models.Index(fields=["phone", "id"], name="message_phone")]

    def __str__(self) -> str:
        return f"{masked(self.phone)} {self.created_at:%Y-%m-%d %H:%M}"


class Stamp(models.Model):
    """What this database is: the sandbox's, or live. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    kind = models.CharField(max_length=7)
    stamped_at = models.DateTimeField()


STAMP = "SELECT kind FROM delivery_stamp WHERE id = 1"
SHARED = {"sqlite": "", "postgresql": " FOR SHARE", "mysql": " LOCK IN SHARE MODE"}  # SQLite: one writer at a time
GO_LIVE = "UPDATE delivery_stamp SET kind = %s, stamped_at = %s WHERE id = 1 AND kind = %s"
OLD = Old("messages", "delivery_message", "created_at", timedelta(days=30))

LATEST = (
    "SELECT state, created_at, ended_at FROM delivery_message"
    " WHERE id > %s AND state IN ('sent', 'failed') AND ended_at IS NOT NULL"
)
END = "UPDATE delivery_message SET state = %s, reason = %s, ended_at = %s WHERE id = %s AND state = 'accepted'"
DELIVERED = (
    "SELECT id, kind, reference, phone, language, ended_at FROM delivery_message WHERE state = 'delivered'"
    " ORDER BY id DESC LIMIT %s"
)
DELIVERED_TO = (
    "SELECT id, kind, reference, phone, language, ended_at FROM delivery_message"
    " WHERE phone = %s AND state = 'delivered' ORDER BY id DESC LIMIT %s"
)
DELETE_ALL = {"messages": "DELETE FROM delivery_message"}
