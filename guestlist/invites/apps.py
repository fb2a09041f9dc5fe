"""The room's place in Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvitesConfig(AppConfig):
    """Floor 3."""

    name = "guestlist.invites"
    verbose_name = _("Invites")

    def ready(self) -> None:
        """Tell people what we hold of a person, and which rows die."""
        from guestlist.invites import holding, models
        from guestlist.lib import dying
        from guestlist.people import holders

        holders.tell(holders.Holder(holding.PART, holding.held, holding.erase))
        dying.tell(*models.OLD)
