"""What limits remember, by keyed digests of their subjects; and the audit trail, which is only ever added to."""

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from guestlist.lib.fields import ExactCharField
from guestlist.lib.phone import LONGEST_E164


class Usage(models.Model):
    """The uses of one policy by one subject, oldest first, as `lib.limits` writes them."""

    id = ExactCharField(max_length=64, primary_key=True)
    uses = models.TextField()
    ends_at = models.DateTimeField(db_index=True)  # then the row says nothing any more


class AppendOnly(TypeError):
    """Somebody tried to change what has happened."""


class Lines(models.QuerySet["AuditLine"]):
    """Lines to read."""

    def update(self, **changes: Any) -> NoReturn:
        """Never."""
        raise AppendOnly("an audit line is never changed")

    def delete(self) -> NoReturn:
        """Never here: what is too old, `lib.dying` deletes."""
        raise AppendOnly("an audit line is never deleted by hand")


class AuditLine(models.Model):
    """Something happened that matters to security, as `lib.audit` records it: never with a code or a token."""

    at = models.DateTimeField(_("at"), db_index=True)
    event = ExactCharField(_("event"), max_length=32)
    phone = ExactCharField(_("number"), max_length=LONGEST_E164, blank=True)  # `+7********33`
    person_id = models.BigIntegerField(_("person"), null=True, blank=True, db_index=True)  # stays when they are deleted
    ip = models.CharField(_("address"), max_length=45, blank=True)
    request_id = ExactCharField(_("request"), max_length=32, blank=True)
    facts = models.TextField(_("facts"), blank=True)  # `key=value key="a quoted value"`

    objects = Lines.as_manager()

    class Meta:
        verbose_name = _("audit line")
        verbose_name_plural = _("audit trail")
        indexes = [models.Index(fields=["event", "at"], name="audit_event")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.event}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the line; one that stands is never changed."""
        if not self._state.adding:
            raise AppendOnly("an audit line is never changed")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Never."""
        raise AppendOnly("an audit line is never deleted by hand")


AUDITED_SINCE = "SELECT facts FROM limits_auditline WHERE event = %s AND at > %s"
LINES_OF = "SELECT at, event, ip, facts FROM limits_auditline WHERE person_id = %s ORDER BY id DESC LIMIT %s"
EPOCH = "SELECT uses FROM limits_usage WHERE id = %s"
CHANGE_EPOCH = "UPDATE limits_usage SET uses = %s WHERE id = %s AND uses = %s"
