"""The tools' place in Django: they keep two tables, of limits and of the audit trail."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LibConfig(AppConfig):
    """Floor 1."""

    name = "guestlist.lib"
    label = "limits"
    verbose_name = _("Security")

    def ready(self) -> None:
        """Tell which rows die."""
        from guestlist.lib import audit, dying, usage

        dying.tell(usage.OLD, audit.OLD)
