"""The person, and the statements about people that every sign-in runs."""

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


HOW_MANY = "SELECT COUNT(*) FROM people_person"
BY_PHONE = "SELECT id, blocked_at FROM people_person WHERE phone = %s"
PUBLIC_ID_OF = "SELECT public_id FROM people_person WHERE id = %s"
GIVE_PUBLIC_ID = "UPDATE people_person SET public_id = %s WHERE id = %s AND public_id IS NULL"
EDIT = "UPDATE people_person SET {} WHERE id = %s"
DELETE_ALL = {"people": "DELETE FROM people_person"}
