"""The person, and the statements about people that every sign-in runs."""

from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _

from guestlist.lib.fields import ExactCharField
from guestlist.lib.phone import LONGEST_E164, masked
from guestlist.people import rules


class Person(models.Model):
    """Somebody who has confirmed a phone number. Operators are Django's own users and stand elsewhere."""

    phone = ExactCharField(_("phone"), max_length=LONGEST_E164, unique=True)
    username = models.CharField(_("name"), max_length=rules.LONGEST_TEXT, blank=True, default="")
    email = models.CharField(_("e-mail"), max_length=rules.LONGEST_TEXT, blank=True, default="")
    # Null only in rows of a process that runs the version before; who needs it, gives it.
    public_id = ExactCharField(_("id for other services"), max_length=rules.PUBLIC_ID, unique=True, null=True)
    invite_code = ExactCharField(_("invite code"), max_length=rules.INVITE_LENGTH, unique=True)
    phone_visibility = models.CharField(
        _("number in the inviter's list"),
        max_length=6,
        choices=[("full", _("full")), ("masked", _("masked")), ("hidden", _("hidden"))],
        default="full",
    )
    created_at = models.DateTimeField(_("here since"), db_index=True)
    blocked_at = models.DateTimeField(_("blocked since"), null=True, blank=True)

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.username or masked(self.phone)


class RetiredCode(models.Model):
    """The invite code of somebody who was deleted: it stands in other people's profiles, and is nobody's again."""

    code = ExactCharField(max_length=rules.INVITE_LENGTH, primary_key=True)
    retired_at = models.DateTimeField()


class Profile(NamedTuple):
    """A person's row."""

    id: int
    public_id: str | None
    phone: str
    username: str
    email: str
    invite_code: str
    phone_visibility: str
    created_at: Any
    blocked_at: Any


HOW_MANY = "SELECT COUNT(*) FROM people_person"
BY_PHONE = "SELECT id, blocked_at FROM people_person WHERE phone = %s"
PUBLIC_ID_OF = "SELECT public_id FROM people_person WHERE id = %s"
GIVE_PUBLIC_ID = "UPDATE people_person SET public_id = %s WHERE id = %s AND public_id IS NULL"
EDIT = "UPDATE people_person SET {} WHERE id = %s"
PROFILE = (
    "SELECT id, public_id, phone, username, email, invite_code, phone_visibility, created_at, blocked_at"
    " FROM people_person WHERE id = %s"
)
VISIBILITY_OF = "SELECT phone_visibility FROM people_person WHERE id = %s"
IS_RETIRED = "SELECT code FROM people_retiredcode WHERE code = %s"
DELETE = "DELETE FROM people_person WHERE id = %s"
THERE = "SELECT id FROM people_person WHERE id IN ({holes}) ORDER BY id"
# Until the transaction ends: with the first nobody deletes the row, with the second nobody holds it. SQLite has one
# writer at a time, who needs neither.
HELD = {"sqlite": "", "postgresql": " FOR KEY SHARE", "mysql": " LOCK IN SHARE MODE"}
LOCKED = {"sqlite": "", "postgresql": " FOR UPDATE", "mysql": " FOR UPDATE"}
DELETE_ALL = {
    "people": "DELETE FROM people_person",
    "retired invite codes": "DELETE FROM people_retiredcode",
}
