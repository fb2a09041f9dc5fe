"""The room's place in Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PeopleConfig(AppConfig):
    """Floor 2."""

    name = "guestlist.people"
    verbose_name = _("People")

    def ready(self) -> None:
        """Show operators how many there are, and tell what of a person stands in the trail and in operators' edits."""
        from guestlist.lib.metrics import gauge
        from guestlist.people import actions, holders

        holders.tell(holders.Holder("trail", holders.trail, holders.forget_name))
        gauge("people", "People who have signed in and are not deleted.", actions.number)
