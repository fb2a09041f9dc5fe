"""The message: one text to one number, and who carried it. Its text is in no row: it is made when it is sent."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from guestlist.lib.dying import Old
from guestlist.lib.fields import ExactCharField
from guestlist.lib.phone import LONGEST_E164, masked


class Message(models.Model):
    """Inserted in the transaction that needs it, sent after that transaction.

    `claims` counts who took it up, one after another: whoever was too slow, and finds another number there, has lost
    it. `ended_at` may lie ahead, in the sandbox and of one that is withheld: until then it is only sent. `fate` is what
    one that is withheld is said to have come to then.
    """

    kind = models.CharField(_("kind"), max_length=16)
    reference = ExactCharField(_("about"), max_length=64, db_index=True)
    phone = ExactCharField(_("phone"), max_length=LONGEST_E164)
    region = ExactCharField(_("region"), max_length=3, blank=True, default="", db_default="")
    language = models.CharField(_("language"), max_length=8)
    channel = models.CharField(_("channel asked for"), max_length=10, blank=True, default="", db_default="")
    again = models.PositiveSmallIntegerField(_("sent before"), default=0, db_default=0)
    gateway = models.CharField(_("gateway"), max_length=16, blank=True)
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
    fate = models.CharField(max_length=11, blank=True, default="", db_default="")
    claims = models.PositiveSmallIntegerField(_("taken up"), default=0, db_default=0)
    is_held = models.BooleanField(_("being sent"), default=False, db_default=False)
    created_at = models.DateTimeField(_("accepted"), db_index=True)
    due_at = models.DateTimeField(_("to be taken up"), null=True, blank=True)  # NULL: nobody needs to
    expires_at = models.DateTimeField(_("due until"))
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    ended_at = models.DateTimeField(_("delivered or failed"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(fields=["phone", "id"], name="message_phone"),
            models.Index(fields=["due_at"], name="message_due"),
        ]

    def __str__(self) -> str:
        return f"{masked(self.phone)} {self.created_at:%Y-%m-%d %H:%M}"


class Attempt(models.Model):
    """A gateway was asked to carry a message."""

    # No constraint: both are purged by their age, each by itself.
    message = models.ForeignKey(Message, on_delete=models.CASCADE, db_constraint=False, verbose_name=_("message"))
    gateway = models.CharField(_("gateway"), max_length=16)
    channel = models.CharField(_("channel"), max_length=10)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=[("sent", _("sent")), ("maybe", _("maybe sent")), ("failed", _("failed"))],
    )
    reason = models.CharField(_("reason"), max_length=150, blank=True)
    provider_id = ExactCharField(_("the provider's number"), max_length=64, blank=True)
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=5, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=8, blank=True)
    began_at = models.DateTimeField(_("begun"), db_index=True)
    ended_at = models.DateTimeField(_("answered"))

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        indexes = [models.Index(fields=["gateway", "provider_id"], name="attempt_provider")]

    def __str__(self) -> str:
        return f"{self.gateway} {self.began_at:%Y-%m-%d %H:%M}"


class Rest(models.Model):
    """A gateway that failed, how often in a row, and until when nobody asks it: all processes' circuit breaker."""

    gateway = models.CharField(_("gateway"), max_length=16, primary_key=True)
    failures = models.PositiveIntegerField(_("failures in a row"))
    rests_until = models.DateTimeField(_("rests until"), null=True, blank=True)

    class Meta:
        verbose_name = _("resting gateway")
        verbose_name_plural = _("resting gateways")

    def __str__(self) -> str:
        return self.gateway


class Stamp(models.Model):
    """What this database is: the sandbox's, or live. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    kind = models.CharField(max_length=7)
    stamped_at = models.DateTimeField()


STAMP = "SELECT kind FROM delivery_stamp WHERE id = 1"
SHARED = {"sqlite": "", "postgresql": " FOR SHARE", "mysql": " LOCK IN SHARE MODE"}  # SQLite: one writer at a time
GO_LIVE = "UPDATE delivery_stamp SET kind = %s, stamped_at = %s WHERE id = 1 AND kind = %s"
OLD = (
    Old("messages", "delivery_message", "created_at", timedelta(days=30)),
    Old("attempts", "delivery_attempt", "began_at", timedelta(days=30)),
)

# Taken up by whoever finds the same number of claims as before: row counts decide, on every database.
DUE = "SELECT id FROM delivery_message WHERE due_at <= %s ORDER BY due_at LIMIT %s"
FACTS = "id, kind, reference, phone, region, language, channel, again, state, reason, claims, created_at, expires_at"
CLAIMED = "SELECT {facts} FROM delivery_message WHERE id IN ({holes})"
CLAIM = "UPDATE delivery_message SET claims = claims + 1, is_held = %s, due_at = %s WHERE id IN ({holes})"
RELEASE = "UPDATE delivery_message SET is_held = %s, due_at = %s WHERE id = %s AND claims = %s AND state = 'accepted'"
SUPERSEDE = (
    "UPDATE delivery_message SET state = 'failed', reason = 'asked again', due_at = NULL, ended_at = %s"
    " WHERE reference = %s AND state = 'accepted' AND is_held = %s"
)
END = (
    "UPDATE delivery_message SET state = %s, reason = %s, fate = %s, gateway = %s, sent_at = %s, ended_at = %s,"
    " due_at = NULL"
    " WHERE id = %s AND claims = %s AND state = 'accepted'"
)
CLAIMS = "SELECT id, claims FROM delivery_message WHERE id IN ({holes})"
NOTE = (
    "INSERT INTO delivery_attempt (message_id, gateway, channel, state, reason, provider_id, price, currency, began_at,"
    " ended_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
NEWEST = "SELECT state, fate, sent_at, ended_at FROM delivery_message WHERE reference = %s ORDER BY id DESC LIMIT 1"
EVER_SENT = "SELECT COUNT(*) FROM delivery_message WHERE reference = %s AND sent_at IS NOT NULL"
BEFORE = "SELECT COUNT(*) FROM delivery_message WHERE reference = %s"
FAILED_BEFORE = (
    "SELECT DISTINCT a.gateway FROM delivery_message m JOIN delivery_attempt a ON a.message_id = m.id"
    " WHERE m.reference = %s AND a.state <> 'sent'"
)
CARRIED = "SELECT id, message_id FROM delivery_attempt WHERE gateway = %s AND provider_id = %s ORDER BY id DESC LIMIT 1"
REPORTED = (
    "UPDATE delivery_message SET state = %s, reason = %s, ended_at = %s"
    " WHERE id = %s AND (state = 'sent' OR (state = 'failed' AND sent_at IS NOT NULL AND %s = 'delivered'))"
    " AND (gateway = %s OR %s = 'delivered')"
)
ATTEMPT_FAILED = "UPDATE delivery_attempt SET state = 'failed', reason = %s WHERE id = %s"
WAITING = "SELECT COUNT(*), MIN(due_at) FROM delivery_message WHERE due_at <= %s"

RESTS = "SELECT gateway, failures, rests_until FROM delivery_rest"
BEGIN_REST = "UPDATE delivery_rest SET rests_until = %s WHERE gateway = %s AND failures >= %s"
PROBE = "UPDATE delivery_rest SET rests_until = %s WHERE gateway = %s AND rests_until <= %s"
WAKE = "UPDATE delivery_rest SET rests_until = NULL WHERE gateway = %s AND rests_until > %s"
END_REST = "DELETE FROM delivery_rest WHERE gateway = %s"

# Of the newest that were tried, with the time that gateways took; what never came to a gateway has no such time.
LATEST = (
    "SELECT m.state, m.sent_at, m.ended_at, MIN(a.began_at), MAX(a.ended_at) FROM"
    " (SELECT id, state, sent_at, ended_at FROM delivery_message WHERE created_at <= %s AND claims = 1"
    " AND state IN ('sent', 'delivered', 'failed') ORDER BY created_at DESC LIMIT %s) m"
    " JOIN delivery_attempt a ON a.message_id = m.id GROUP BY m.id, m.state, m.sent_at, m.ended_at ORDER BY m.id"
)
DELIVERED = (
    "SELECT id, kind, reference, phone, language, channel, gateway, ended_at FROM delivery_message"
    " WHERE state = 'delivered' AND ended_at <= %s ORDER BY id DESC LIMIT %s"
)
DELIVERED_TO = (
    "SELECT id, kind, reference, phone, language, channel, gateway, ended_at FROM delivery_message"
    " WHERE phone = %s AND state = 'delivered' AND ended_at <= %s ORDER BY id DESC LIMIT %s"
)
HELD = "SELECT created_at, kind, channel, language FROM delivery_message WHERE phone = %s ORDER BY id"
FORGET = "DELETE FROM delivery_message WHERE phone = %s"
DELETE_ALL = {
    "messages": "DELETE FROM delivery_message",
    "attempts": "DELETE FROM delivery_attempt",
    "resting gateways": "DELETE FROM delivery_rest",
}


class Wording(models.Model):
    """Operators' own words for a kind of message in a language, in place of ours; `{code}` stands for the code."""

    kind = models.CharField(_("kind"), max_length=16)
    language = models.CharField(_("language"), max_length=8)
    text = models.CharField(_("text"), max_length=160)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("wording")
        verbose_name_plural = _("wordings")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "language"],
                name="one_wording",
                violation_error_message=_("There are words for this kind of message in this language already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.language}"


WORDING = "SELECT text FROM delivery_wording WHERE kind = %s AND language = %s"
