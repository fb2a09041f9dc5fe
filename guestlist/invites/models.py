"""Activations, and the rows that keep them single: the ledger of numbers, the tally of inviters, the journal."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from guestlist.lib.dying import Old
from guestlist.lib.fields import ExactCharField
from guestlist.people.models import Person
from guestlist.people.rules import INVITE_LENGTH


class Activation(models.Model):
    """A person entered another's code. The primary key is the invitee: the database allows one, ever."""

    invitee = models.OneToOneField(
        Person, on_delete=models.CASCADE, primary_key=True, related_name="activation", verbose_name=_("invitee")
    )
    inviter = models.ForeignKey(
        Person, on_delete=models.SET_NULL, null=True, related_name="activations", verbose_name=_("inviter")
    )
    code = ExactCharField(_("entered code"), max_length=INVITE_LENGTH)  # stays when the inviter is deleted
    loop_key = ExactCharField(max_length=41, null=True, blank=True, unique=True)  # `smaller:larger`, or NULL if allowed
    activated_at = models.DateTimeField(_("entered"))

    class Meta:
        verbose_name = _("activation")
        verbose_name_plural = _("activations")
        indexes = [models.Index(fields=["inviter", "activated_at", "invitee"], name="activation_by_inviter")]

    def __str__(self) -> str:
        return f"{self.invitee} ← {self.code}"


class LedgerLine(models.Model):
    """A number that has entered a code, as a digest: it is remembered through deletion and a new sign-up."""

    digest = ExactCharField(max_length=64, primary_key=True)  # HMAC-SHA-256 of the phone under the ledger key
    activated_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, db_index=True)


class Tally(models.Model):
    """How many people entered an inviter's code, so that a profile need not count a hundred thousand rows."""

    inviter = models.OneToOneField(Person, on_delete=models.CASCADE, primary_key=True)
    invitees = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["invitees"], name="tally_invitees")]  # the top of it, for operators


class JournalLine(models.Model):
    """What happened to activations, in order; lines are only ever added."""

    at = models.DateTimeField(_("at"), db_index=True)
    what = models.CharField(_("what"), max_length=10, choices=[("activated", _("activated")), ("undone", _("undone"))])
    invitee_id = models.BigIntegerField(_("invitee"), db_index=True)
    inviter_id = models.BigIntegerField(_("inviter"))
    code = ExactCharField(_("code"), max_length=INVITE_LENGTH)
    actor = models.CharField(_("by"), max_length=150, blank=True)  # an operator's name; empty: the person
    reason = models.CharField(_("reason"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("journal line")
        verbose_name_plural = _("journal")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.what} {self.invitee_id}"


# Whoever asks, the code they have entered, and the owner of the code that they enter now.
LOOK = (
    "SELECT me.phone, mine.code, inviter.id, inviter.blocked_at FROM people_person me"
    " LEFT JOIN invites_activation mine ON mine.invitee_id = me.id"
    " LEFT JOIN people_person inviter ON inviter.invite_code = %s"
    " WHERE me.id = %s"
)
ENTERED = "SELECT code FROM invites_activation WHERE invitee_id = %s"
ENTERED_AT = "SELECT code, activated_at FROM invites_activation WHERE invitee_id = %s"
INVITER = "SELECT username, phone, phone_visibility FROM people_person WHERE id = %s"
HAS_ENTERED = "SELECT expires_at FROM invites_ledgerline WHERE digest = %s"
ENTER_ANEW = "UPDATE invites_ledgerline SET activated_at = %s, expires_at = NULL WHERE digest = %s AND expires_at <= %s"
REVERSE = "SELECT invitee_id FROM invites_activation WHERE invitee_id = %s AND inviter_id = %s"
INVITEES = (
    "SELECT a.invitee_id, a.activated_at, p.phone, p.phone_visibility FROM invites_activation a"
    " JOIN people_person p ON p.id = a.invitee_id"
    " WHERE a.inviter_id = %s AND a.activated_at >= %s AND (a.activated_at > %s OR a.invitee_id > %s)"
    " ORDER BY a.activated_at, a.invitee_id LIMIT %s"
)
ALL_INVITEES = (
    "SELECT p.phone, p.phone_visibility, a.activated_at FROM invites_activation a"
    " JOIN people_person p ON p.id = a.invitee_id"
    " WHERE a.inviter_id = %s ORDER BY a.activated_at, a.invitee_id"
)
INVITER_OF = "SELECT inviter_id FROM invites_activation WHERE invitee_id = %s"
DELETE_ACTIVATION = "DELETE FROM invites_activation WHERE invitee_id = %s"
EXPIRE = "UPDATE invites_ledgerline SET expires_at = %s WHERE digest = %s AND expires_at IS NULL"
# By the key alone: with a condition on the count, MariaDB may go by the count's index, where the row moves about while
# others count, and find nothing to count down.
COUNT_DOWN = (
    "UPDATE invites_tally SET invitees = CASE WHEN invitees > 0 THEN invitees - 1 ELSE 0 END WHERE inviter_id = %s"
)
LOSE_INVITER = "UPDATE invites_activation SET inviter_id = NULL, loop_key = NULL WHERE inviter_id = %s"
DELETE_TALLY = "DELETE FROM invites_tally WHERE inviter_id = %s"

UNDO_LOOK = (
    "SELECT a.inviter_id, a.code, p.phone FROM invites_activation a JOIN people_person p ON p.id = a.invitee_id"
    " WHERE a.invitee_id = %s"
)
UNDO = "DELETE FROM invites_activation WHERE invitee_id = %s AND code = %s"
FORGET_NUMBER = "DELETE FROM invites_ledgerline WHERE digest = %s"
WHOSE_IT_WAS = (
    "SELECT inviter_id FROM invites_journalline WHERE invitee_id = %s AND code = %s AND what = 'activated'"
    " ORDER BY id DESC LIMIT 1"
)

# A line that has no expiry is of somebody who is here.
OLD = (Old("ledger lines", "invites_ledgerline", "expires_at", timedelta(0), key="digest"),)
DELETE_ALL = {
    "journal lines": "DELETE FROM invites_journalline",
    "ledger lines": "DELETE FROM invites_ledgerline",
    "tallies": "DELETE FROM invites_tally",
    "activations": "DELETE FROM invites_activation",
}
