"""The room's place in Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    """Floor 2."""

    name = "guestlist.people"
    verbose_name = _("People")

    def ready(self) -> None:
        """Show operators how many there are."""
        from guestlist.lib.metrics import gauge
        from guestlist.people import actions

        gauge("people", "People who have signed in and are not deleted.", actions.number)
